// Mouse, touch and keys on the stage, turned into changes of the view.

/** @typedef {import("./viewport.mjs").Point} Point */
/**
 * @typedef {object} Hands
 * @property {(by: Point) => void} pan
 * @property {(at: Point, factor: number) => void} zoom
 * @property {(before: [Point, Point], after: [Point, Point]) => void} pinch
 * @property {(at: Point) => void} actualSize
 * @property {(cell: HTMLElement, at: Point | null) => void} hover
 * @property {(cell: HTMLElement, at: Point, starts: boolean) => boolean} grab whether a divider is
 *   moved by this and not the picture
 */

const STEP = 1.0015;

/**
 * Return where in a cell's canvas an event happened, in pixels of the screen.
 * @param {HTMLElement} cell
 * @param {{clientX: number, clientY: number}} event
 * @returns {Point}
 */
export function pointIn(cell, event) {
  const box = cell.getBoundingClientRect();
  const dense = devicePixelRatio || 1;
  return { x: (event.clientX - box.left) * dense, y: (event.clientY - box.top) * dense };
}

/**
 * Listen to one cell.
 * @param {HTMLElement} cell
 * @param {Hands} hands
 */
export function listenTo(cell, hands) {
  /** @type {Map<number, Point>} */
  const fingers = new Map();
  let divider = false;

  cell.addEventListener("wheel", (event) => {
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    const factor = STEP ** (-event.deltaY * lines * (event.ctrlKey ? 4 : 1));
    hands.zoom(pointIn(cell, event), factor);
  }, { passive: false });

  cell.addEventListener("dblclick", (event) => hands.actualSize(pointIn(cell, event)));

  cell.addEventListener("pointerdown", (event) => {
    if (event.button > 1) return;
    const at = pointIn(cell, event);
    fingers.set(event.pointerId, at);
    divider = fingers.size === 1 && hands.grab(cell, at, true);
    cell.setPointerCapture(event.pointerId);
  });

  cell.addEventListener("pointermove", (event) => {
    const at = pointIn(cell, event);
    hands.hover(cell, at);
    const before = fingers.get(event.pointerId);
    if (!before) return;
    const all = [...fingers.entries()];
    fingers.set(event.pointerId, at);
    if (divider) {
      hands.grab(cell, at, false);
    } else if (all.length === 2) {
      const other = all.find(([id]) => id !== event.pointerId);
      if (other) hands.pinch([before, other[1]], [at, other[1]]);
    } else if (all.length === 1) {
      hands.pan({ x: at.x - before.x, y: at.y - before.y });
    }
  });

  /** @type {(event: PointerEvent) => void} */
  const lift = (event) => {
    fingers.delete(event.pointerId);
    if (!fingers.size) divider = false;
  };
  cell.addEventListener("pointerup", lift);
  cell.addEventListener("pointercancel", lift);
  cell.addEventListener("pointerleave", () => hands.hover(cell, null));
}

/**
 * Let a text before a cell be scrolled and selected where there is more than fits.
 * @param {HTMLElement} text
 */
export function letRead(text) {
  /** @type {(event: Event) => void} */
  const keep = (event) => {
    if (text.scrollHeight > text.clientHeight) event.stopPropagation();
  };
  for (const kind of ["wheel", "pointerdown", "dblclick", "keydown"]) text.addEventListener(kind, keep);
}

/**
 * @typedef {"in" | "out" | "fit" | "actual" | "left" | "right" | "up" | "down" | "swap" | "back"
 *   | "forth"} Command
 */

/** @type {Readonly<Record<string, Command>>} */
const KEYS = Object.freeze({
  "+": "in", "=": "in", "-": "out", "0": "fit", "*": "actual", ArrowLeft: "left",
  ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", " ": "swap", "[": "back", "]": "forth",
});

/**
 * Return what a key means on the stage; a number for 1 to 9; null for any other.
 * @param {KeyboardEvent} event
 * @returns {Command | number | null}
 */
export function commandOf(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (/^[1-9]$/.test(event.key)) return Number(event.key);
  return KEYS[event.key] ?? null;
}

/**
 * Return by how much a command moves the picture, in pixels of the screen.
 * @param {Command} command
 * @param {number} step
 * @returns {Point | null} null for a command that does not
 */
export function shiftOf(command, step) {
  /** @type {Partial<Record<Command, Point>>} */
  const arrows = {
    left: { x: step, y: 0 }, right: { x: -step, y: 0 },
    up: { x: 0, y: step }, down: { x: 0, y: -step },
  };
  return arrows[command] ?? null;
}
