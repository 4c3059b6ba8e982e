// As much of a browser's page as the viewer's modules need, for Node: elements, events, and a
// canvas that composites by the definitions of https://www.w3.org/TR/compositing-1/.

/** An element: attributes, children, listeners. */
export class FakeElement {
  constructor(tag) {
    this.tagName = tag.toUpperCase();
    this.attributes = new Map();
    this.children = [];
    this.listeners = new Map();
    this.dataset = {};
    this.hidden = false;
    this.open = false;
    this.box = { left: 0, top: 0 };
    this.captured = [];
  }

  set className(value) { this.setAttribute("class", value); }

  get className() { return this.getAttribute("class") ?? ""; }

  setAttribute(name, value) { this.attributes.set(name, String(value)); }

  getAttribute(name) { return this.attributes.get(name) ?? null; }

  append(...children) {
    for (const child of children) if (child instanceof FakeElement) child.parent = this;
    this.children.push(...children);
  }

  remove() { this.parent.children = this.parent.children.filter((each) => each !== this); }

  replaceChildren(...children) { this.children = children; }

  addEventListener(type, listener) {
    this.listeners.set(type, [...(this.listeners.get(type) ?? []), listener]);
  }

  setPointerCapture(id) { this.captured.push(id); }

  getBoundingClientRect() { return this.box; }

  /** Call the listeners of an event, as the browser does. */
  fire(type, event = {}) {
    for (const listener of this.listeners.get(type) ?? []) listener(event);
  }

  get textContent() {
    return this.children.map((child) => (typeof child === "string" ? child : child.textContent)).join("");
  }

  /** All elements below, those of a tag alone if it is given. */
  all(tag) {
    const found = [];
    for (const child of this.children) {
      if (typeof child === "string") continue;
      if (!tag || child.tagName === tag.toUpperCase()) found.push(child);
      found.push(...child.all(tag));
    }
    return found;
  }

  focus() { this.focused = true; }

  querySelector(tag) {
    const found = tag === ":focus" ? this.all().filter(({ focused }) => focused) : this.all(tag);
    return found[0] ?? null;
  }

  querySelectorAll(tags) {
    const wanted = tags.toUpperCase().split(", ");
    return this.all().filter(({ tagName }) => wanted.includes(tagName));
  }
}

const COLOURS = { "#000": [0, 0, 0], "#fff": [255, 255, 255] };

/** @type {Record<string, (over: number, under: number, alpha: number) => number>} */
const MIXES = {
  "source-over": (over, under, alpha) => over * alpha + under * (1 - alpha),
  difference: (over, under, alpha) => Math.abs(over - under) * alpha + under * (1 - alpha),
  lighter: (over, under, alpha) => over * alpha + under,
};

/** A canvas's 2D context; scaling takes the nearest pixel, and is noted in `smoothed`. */
export class FakeContext {
  constructor(canvas) {
    this.canvas = canvas;
    this.fillStyle = "#000";
    this.strokeStyle = "#000";
    this.lineWidth = 1;
    this.globalCompositeOperation = "source-over";
    this.imageSmoothingEnabled = true;
    this.imageSmoothingQuality = "low";
    this.clipped = null;
    this.path = null;
    this.saved = [];
    this.smoothed = [];
    this.strokes = [];
    this.arcs = [];
  }

  save() { this.saved.push({ clipped: this.clipped, smooth: this.imageSmoothingEnabled }); }

  restore() {
    const { clipped, smooth } = this.saved.pop();
    this.clipped = clipped;
    this.imageSmoothingEnabled = smooth;
  }

  beginPath() { this.path = null; }

  rect(...box) { this.path = box; }

  clip() { this.clipped = this.path; }

  arc(...circle) { this.arcs.push(circle); }

  fill() {}

  stroke() {}

  strokeRect(...box) { this.strokes.push(box); }

  clearRect(...box) { this.paint(box, () => [0, 0, 0, 0], (over) => over); }

  fillRect(...box) {
    const colour = [...COLOURS[this.fillStyle], 255];
    this.paint(box, () => colour, MIXES[this.globalCompositeOperation]);
  }

  drawImage(image, ...places) {
    const { width, height } = image;
    const data = image.data.slice(); // a canvas may be drawn onto itself
    const [sx, sy, sw, sh, ...box] = places.length === 8
      ? places : [0, 0, width, height, ...places, width, height];
    const [left, top, across, down] = box;
    this.smoothed.push(this.imageSmoothingEnabled);
    this.paint(box, (x, y) => {
      const column = Math.floor(sx + ((x + 0.5 - left) * sw) / across);
      const row = Math.floor(sy + ((y + 0.5 - top) * sh) / down);
      return data.slice((row * width + column) * 4, (row * width + column) * 4 + 4);
    }, MIXES[this.globalCompositeOperation]);
  }

  /** Put colours onto the pixels whose middle lies in a box and in the clipped part. */
  paint([left, top, width, height], colourAt, mix) {
    const { canvas } = this;
    const inside = (x, y, [x0, y0, across, down]) =>
      x + 0.5 >= x0 && x + 0.5 < x0 + across && y + 0.5 >= y0 && y + 0.5 < y0 + down;
    for (let y = 0; y < canvas.height; y += 1) {
      for (let x = 0; x < canvas.width; x += 1) {
        if (!inside(x, y, [left, top, width, height])) continue;
        if (this.clipped && !inside(x, y, this.clipped)) continue;
        const at = (y * canvas.width + x) * 4;
        const over = colourAt(x, y);
        const alpha = over[3] / 255;
        for (let c = 0; c < 3; c += 1) canvas.data[at + c] = mix(over[c], canvas.data[at + c], alpha);
        canvas.data[at + 3] = over[3] ? Math.max(canvas.data[at + 3], over[3]) : mix(0, canvas.data[at + 3], 0);
      }
    }
  }
}

/** A canvas; setting a side empties it. */
export class FakeCanvas extends FakeElement {
  constructor(width = 300, height = 150) {
    super("canvas");
    this.sides = [width, height];
    this.empty();
    this.context = new FakeContext(this);
    this.emptied = 0;
  }

  empty() {
    this.data = new Uint8ClampedArray(this.sides[0] * this.sides[1] * 4);
    this.emptied = (this.emptied ?? 0) + 1;
  }

  get width() { return this.sides[0]; }

  set width(value) { this.sides[0] = value; this.empty(); }

  get height() { return this.sides[1]; }

  set height(value) { this.sides[1] = value; this.empty(); }

  getContext() { return this.context; }

  /** The colour of a pixel: red, green, blue, alpha. */
  at(x, y) {
    const place = (y * this.width + x) * 4;
    return [...this.data.slice(place, place + 4)];
  }
}

/** What the viewer finds of a page; call it before a test makes elements. */
export function providePage() {
  globalThis.devicePixelRatio = 1;
  globalThis.document = {
    createElement: (tag) => (tag === "canvas" ? new FakeCanvas() : new FakeElement(tag)),
    createElementNS: (_, tag) => new FakeElement(tag),
  };
}

/** A storage of the browser's, such as localStorage. */
export function storage(held = {}) {
  const values = new Map(Object.entries(held));
  return {
    getItem: (key) => values.get(key) ?? null,
    setItem: (key, value) => { values.set(key, value); },
    removeItem: (key) => { values.delete(key); },
  };
}
