// Browsers refuse workers to pages that are opened from a file, and the search of Material for
// MkDocs runs in one. This runs it in a hidden frame instead. Material looks for the name
// IFrameWorker in the frame's parent, and would otherwise load a script of this kind from a CDN.
if (location.protocol === "file:") {
  window.IFrameWorker = class extends EventTarget {
    constructor(url) {
      super();
      const frame = document.createElement("iframe");
      frame.hidden = true;
      document.body.append(frame);
      const inside = frame.contentWindow;
      inside.postMessage = (data) => this.dispatchEvent(new MessageEvent("message", { data }));
      const script = frame.contentDocument.createElement("script");
      this.ready = new Promise((resolve) => {
        script.addEventListener("load", () => resolve(inside));
      });
      script.src = url;
      frame.contentDocument.head.append(script);
    }

    postMessage(data) {
      this.ready.then((inside) => {
        inside.dispatchEvent(new inside.MessageEvent("message", { data }));
      });
    }
  };
  window.Worker = window.IFrameWorker;
}
