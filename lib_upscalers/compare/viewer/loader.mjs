// Loads the viewer into a page of a WebUI or of the app, once the page has a place for it.

/** @type {Set<string>} */
const loaded = new Set();

function look() {
  for (const place of document.querySelectorAll("[data-upscaler-lab]")) {
    const script = place.getAttribute("data-upscaler-lab");
    if (!script || loaded.has(script)) continue;
    loaded.add(script);
    import(new URL(script, document.baseURI).href).catch((error) => {
      loaded.delete(script);
      console.error("The viewer could not be loaded:", error);
    });
  }
}

new MutationObserver(look).observe(document.documentElement, { childList: true, subtree: true });
look();
