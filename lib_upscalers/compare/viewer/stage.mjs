// The cells with their pictures: one view for all of them.

import { Differences } from "./difference.mjs";
import { make } from "./dom.mjs";
import { contextOf, drawLens, drawPair, drawPicture } from "./drawing.mjs";
import { commandOf, letRead, listenTo, shiftOf } from "./gestures.mjs";
import { noteOf } from "./items.mjs";
import { Pictures } from "./pictures.mjs";
import { filledShape, fitted, gridShape, limited, panned, pinched, zoomedAt } from "./viewport.mjs";

/** @typedef {import("./items.mjs").Item} Item */
/** @typedef {import("./items.mjs").Shown} Shown */
/** @typedef {import("./viewport.mjs").Size} Size */
/** @typedef {import("./viewport.mjs").Point} Point */
/** @typedef {import("./viewport.mjs").View} View */
/** @typedef {"grid" | "slider" | "blink" | "difference" | "lens"} Mode */
/**
 * @typedef {object} Settings
 * @property {Mode} mode
 * @property {string} a
 * @property {string} b
 * @property {boolean} showB which one blinks into view
 * @property {number} gain
 * @property {boolean} vertical whether the divider stands upright
 * @property {number} split
 * @property {boolean} smooth
 * @property {number} lens how many times it magnifies
 * @property {number} columns how many results are in a row; 0: as they fit
 */
/**
 * @typedef {object} Cell
 * @property {HTMLElement} element
 * @property {HTMLElement} port
 * @property {HTMLCanvasElement} canvas
 * @property {CanvasRenderingContext2D} context
 * @property {HTMLElement} note
 * @property {HTMLElement} caption
 * @property {Item[]} items what it shows: one, or the pair
 */

const CAPTION = 74;

/** Shows items in cells, by the settings, and moves all of them together. */
export class Stage {
  /**
   * @param {HTMLElement} element
   * @param {Settings} settings
   * @param {(caption: HTMLElement, items: Item[]) => void} writeCaption
   * @param {(command: number | "swap") => void} onChoose
   */
  constructor(element, settings, writeCaption, onChoose) {
    this.element = element;
    this.settings = settings;
    this.writeCaption = writeCaption;
    this.onChoose = onChoose;
    /** @type {Map<string, Cell>} */
    this.cells = new Map();
    /** @type {Size} */
    this.frame = { width: 400, height: 300 };
    /** @type {Size} in pixels of the screen */
    this.cell = { width: 1, height: 1 };
    /** @type {View} */
    this.view = fitted(this.frame, this.cell);
    this.fits = true;
    /** Whether the cells fill the element, which then has a height of its own. */
    this.fills = false;
    /** @type {Point | null} */
    this.spot = null;
    this.waiting = 0;
    this.pictures = new Pictures(() => this.redraw());
    this.differences = new Differences();
    element.addEventListener("keydown", (event) => this.onKey(event));
    this.observer = new ResizeObserver(() => this.layOut());
  }

  start() {
    this.observer.observe(this.element);
  }

  stop() {
    this.observer.disconnect();
    this.pictures.keepOnly(new Set());
  }

  /**
   * Show these.
   * @param {[string, Item[]][]} groups for each cell its key, and one item or a pair
   * @param {Size} frame
   */
  show(groups, frame) {
    if (frame.width && (frame.width !== this.frame.width || frame.height !== this.frame.height)) {
      this.frame = frame;
      this.fits = true;
    }
    const wanted = new Map(groups);
    for (const [key, cell] of this.cells) {
      if (wanted.has(key)) continue;
      cell.element.remove();
      this.cells.delete(key);
    }
    [...wanted].forEach(([key, items], place) => {
      const cell = this.cells.get(key) ?? this.makeCell(key);
      cell.items = items;
      this.fill(cell);
      // One that is put to its place again loses the focus, and is scrolled back.
      const there = this.element.children[place] ?? null;
      if (there !== cell.element) this.element.insertBefore(cell.element, there);
    });
    this.layOut();
  }

  /** @param {string} key */
  makeCell(key) {
    const canvas = make("canvas", { "aria-hidden": "true" });
    const note = make("div", { class: "note", part: "note" });
    const port = make("div", { class: "port" }, canvas, note);
    const caption = make("div", { class: "caption" });
    const element = make("figure", { class: "cell", "data-key": key }, port, caption);
    const cell = { element, port, canvas, context: contextOf(canvas), note, caption, items: [] };
    this.cells.set(key, cell);
    letRead(note);
    listenTo(port, {
      pan: (by) => this.move(panned(this.view, this.frame, this.cell, by)),
      zoom: (at, factor) => this.move(zoomedAt(this.view, this.frame, this.cell, at, factor)),
      pinch: (from, to) => this.move(pinched(this.view, this.frame, this.cell, from, to)),
      actualSize: (at) => this.toggleActualSize(at),
      hover: (_, at) => this.point(at),
      grab: (_, at, starts) => this.grab(at, starts),
    });
    return cell;
  }

  /** @param {Cell} cell */
  fill(cell) {
    const missing = cell.items.find((item) => !item.shown);
    const entry = missing?.entry;
    cell.element.dataset.state = entry ? entry.state : "finished";
    const failed = entry?.state === "failed";
    cell.note.setAttribute("role", failed ? "alert" : "status");
    // A reason that is written again would be read aloud again, and scrolled back.
    if (!failed || cell.note.textContent !== noteOf(entry)) {
      cell.note.replaceChildren(...(entry ? noteParts(entry) : []));
    }
    this.writeCaption(cell.caption, cell.items);
  }

  layOut() {
    const width = this.element.clientWidth;
    if (!width || !this.cells.size) return;
    const height = this.fills
      ? this.element.clientHeight : Math.max(300, Math.min(innerHeight * 0.72, 1100));
    const columns = Math.min(this.settings.columns, this.cells.size);
    // What came in stands in a row of its own.
    const first = this.cells.get("e0");
    const alone = columns > 1 && first !== undefined && this.cells.has("source");
    if (first) first.element.style.gridColumnStart = columns > 1 ? "1" : "";
    const count = this.cells.size + (alone ? columns - 1 : 0);
    const caption = this.fills ? this.captionHeight() : CAPTION;
    const shaped = this.fills ? filledShape : gridShape;
    const shape = shaped(count, { width, height }, this.frame, caption, columns);
    this.element.style.gridTemplateColumns = `repeat(${shape.columns}, minmax(0, 1fr))`;
    const dense = devicePixelRatio || 1;
    const size = {
      width: Math.max(1, Math.round(shape.cell.width * dense)),
      height: Math.max(1, Math.round(shape.cell.height * dense)),
    };
    for (const { canvas, port } of this.cells.values()) {
      port.style.height = `${size.height / dense}px`;
      if (canvas.width === size.width && canvas.height === size.height) continue;
      canvas.width = size.width;
      canvas.height = size.height;
      canvas.style.width = `${size.width / dense}px`;
      canvas.style.height = `${size.height / dense}px`;
    }
    this.cell = size;
    this.view = this.fits
      ? fitted(this.frame, size)
      : limited(this.view, this.frame, size);
    this.redraw();
  }

  captionHeight() {
    const [first] = this.cells.values();
    // With the cell's border.
    return first.caption.offsetHeight + 2;
  }

  /** @param {View} view */
  move(view) {
    this.view = view;
    const least = fitted(this.frame, this.cell).zoom;
    this.fits = view.zoom <= least * 1.0001 && least <= 1;
    this.redraw();
  }

  /** @param {Point | null} at */
  point(at) {
    this.spot = at;
    if (this.settings.mode === "lens") this.redraw();
  }

  /**
   * @param {Point} at
   * @param {boolean} starts
   */
  grab(at, starts) {
    const { settings, cell } = this;
    if (settings.mode !== "slider") return false;
    const place = settings.vertical ? at.x / cell.width : at.y / cell.height;
    const near = (30 * (devicePixelRatio || 1)) / (settings.vertical ? cell.width : cell.height);
    if (starts && Math.abs(place - settings.split) > near) return false;
    settings.split = Math.min(1, Math.max(0, place));
    this.redraw();
    return true;
  }

  /** @param {Point} at */
  toggleActualSize(at) {
    const actual = Math.abs(this.view.zoom - 1) < 1e-6;
    if (actual) this.fit();
    else this.move(zoomedAt(this.view, this.frame, this.cell, at, 1 / this.view.zoom));
  }

  fit() {
    this.move(fitted(this.frame, this.cell));
    this.fits = true;
  }

  /** @param {number} factor */
  zoomBy(factor) {
    const middle = { x: this.cell.width / 2, y: this.cell.height / 2 };
    this.move(zoomedAt(this.view, this.frame, this.cell, middle, factor));
  }

  /** @param {KeyboardEvent} event */
  onKey(event) {
    const command = commandOf(event);
    if (command === null || event.target instanceof HTMLButtonElement) return;
    event.preventDefault();
    if (typeof command === "number" || command === "swap") this.onChoose(command);
    else if (command === "in" || command === "out") this.zoomBy(command === "in" ? 1.25 : 0.8);
    else if (command === "fit") this.fit();
    else if (command === "actual") this.zoomBy(1 / this.view.zoom);
    else if (command === "back" || command === "forth") this.divide(command === "back" ? -1 : 1);
    else {
      const by = shiftOf(command, Math.round(this.cell.width / 8));
      if (by) this.move(panned(this.view, this.frame, this.cell, by));
    }
  }

  /** @param {number} steps by how many the divider moves, right or down */
  divide(steps) {
    const split = this.settings.split + steps / 20;
    this.settings.split = Math.min(1, Math.max(0, split));
    this.redraw();
  }

  redraw() {
    if (this.waiting) return;
    this.waiting = requestAnimationFrame(() => {
      this.waiting = 0;
      this.differences.begin();
      for (const cell of this.cells.values()) this.draw(cell);
      this.element.dispatchEvent(new CustomEvent("lab-drawn"));
    });
  }

  /** @param {Cell} cell */
  draw(cell) {
    const { context, canvas } = cell;
    const { mode, gain, lens } = this.settings;
    const shown = cell.items.map((item) => item.shown);
    const [first, second] = shown;
    context.clearRect(0, 0, canvas.width, canvas.height);
    if (!first) return;
    const zoomed = this.fits ? "pan-y" : "none";
    if (cell.port.style.touchAction !== zoomed) cell.port.style.touchAction = zoomed;
    if (mode === "difference" && second) {
      this.differences.draw(context, this.scene(), first, second, gain);
    } else if (mode === "slider" && second) {
      drawPair(context, this.scene(), [first, second], this.settings);
    } else {
      drawPicture(context, this.scene(), first);
    }
    if (mode === "lens" && this.spot) {
      const radius = Math.min(this.cell.width, this.cell.height) * 0.28;
      drawLens(context, this.scene(), first, this.spot, lens, Math.round(radius));
    }
    this.tellFault(cell, first.url);
  }

  /**
   * @param {Cell} cell
   * @param {string} url
   */
  tellFault(cell, url) {
    const fault = this.pictures.faultOf(url);
    if (fault && cell.note.textContent !== fault) {
      cell.note.replaceChildren(make("p", {}, fault));
      cell.element.dataset.state = "failed";
    }
  }

  scene() {
    const { pictures, frame, cell, view } = this;
    return { pictures, frame, cell, view, smooth: this.settings.smooth };
  }
}

/** @param {import("./items.mjs").Entry} entry */
function noteParts(entry) {
  const text = make("p", {}, noteOf(entry));
  if (entry.state !== "running") return [text];
  const bar = make("progress", { max: "1", "aria-label": entry.name });
  if (entry.fraction !== null) bar.value = entry.fraction;
  return [bar, text];
}
