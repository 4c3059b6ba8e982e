// What part of a picture a cell shows. Pure: numbers in, numbers out.

/** @typedef {{width: number, height: number}} Size */
/** @typedef {{x: number, y: number}} Point */
/**
 * What all cells show: the pixel of the frame in the middle of a cell, and how many pixels of the
 * screen a pixel of the frame takes on each side. The frame has the size of the results; smaller
 * pictures are shown as large as it.
 * @typedef {{x: number, y: number, zoom: number}} View
 */
/** @typedef {{left: number, top: number, width: number, height: number}} Box */
/** @typedef {{source: Box, target: Box}} Piece */

export const MOST_ZOOM = 32;

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(Math.max(value, low), Math.max(low, high));
}

/**
 * Return the zoom at which the frame just fits into a cell.
 * @param {Size} frame
 * @param {Size} cell
 */
export function fitZoom(frame, cell) {
  const zoom = Math.min(cell.width / frame.width, cell.height / frame.height);
  return zoom > 0 && Number.isFinite(zoom) ? zoom : 1;
}

/**
 * Return the view that shows the whole frame.
 * @param {Size} frame
 * @param {Size} cell
 * @returns {View}
 */
export function fitted(frame, cell) {
  return { x: frame.width / 2, y: frame.height / 2, zoom: fitZoom(frame, cell) };
}

/**
 * Return the view within its limits: the frame fills the cell, or lies in its middle.
 * @param {View} view
 * @param {Size} frame
 * @param {Size} cell
 * @returns {View}
 */
export function limited(view, frame, cell) {
  const least = Math.min(fitZoom(frame, cell), 1);
  const zoom = clamp(view.zoom, least, MOST_ZOOM);
  /** @type {(middle: number, length: number, room: number) => number} */
  const along = (middle, length, room) => {
    const half = room / zoom / 2;
    return half * 2 >= length ? length / 2 : clamp(middle, half, length - half);
  };
  return {
    x: along(view.x, frame.width, cell.width),
    y: along(view.y, frame.height, cell.height),
    zoom,
  };
}

/**
 * Return the point of the frame that lies at a point of the cell.
 * @param {View} view
 * @param {Size} cell
 * @param {Point} at
 * @returns {Point}
 */
export function toFrame(view, cell, at) {
  return {
    x: view.x + (at.x - cell.width / 2) / view.zoom,
    y: view.y + (at.y - cell.height / 2) / view.zoom,
  };
}

/**
 * Zoom so that what lies at a point of the cell stays there.
 * @param {View} view
 * @param {Size} frame
 * @param {Size} cell
 * @param {Point} at
 * @param {number} factor
 * @returns {View}
 */
export function zoomedAt(view, frame, cell, at, factor) {
  const least = Math.min(fitZoom(frame, cell), 1);
  const zoom = clamp(view.zoom * factor, least, MOST_ZOOM);
  const held = toFrame(view, cell, at);
  const moved = {
    x: held.x - (at.x - cell.width / 2) / zoom,
    y: held.y - (at.y - cell.height / 2) / zoom,
    zoom,
  };
  return limited(moved, frame, cell);
}

/**
 * Move by pixels of the screen.
 * @param {View} view
 * @param {Size} frame
 * @param {Size} cell
 * @param {Point} by
 * @returns {View}
 */
export function panned(view, frame, cell, by) {
  const moved = { x: view.x - by.x / view.zoom, y: view.y - by.y / view.zoom, zoom: view.zoom };
  return limited(moved, frame, cell);
}

/**
 * Two fingers were there and are here now: zoom and move so that both stay on what they touch.
 * @param {View} view
 * @param {Size} frame
 * @param {Size} cell
 * @param {[Point, Point]} before
 * @param {[Point, Point]} after
 * @returns {View}
 */
export function pinched(view, frame, cell, before, after) {
  /** @type {(pair: [Point, Point]) => number} */
  const span = ([a, b]) => Math.max(1, Math.hypot(a.x - b.x, a.y - b.y));
  /** @type {(pair: [Point, Point]) => Point} */
  const middle = ([a, b]) => ({ x: (a.x + b.x) / 2, y: (a.y + b.y) / 2 });
  const start = middle(before);
  const end = middle(after);
  const zoomed = zoomedAt(view, frame, cell, start, span(after) / span(before));
  return panned(zoomed, frame, cell, { x: end.x - start.x, y: end.y - start.y });
}

/**
 * Return which part of a picture is seen, and where: in whole pixels of the picture, with the
 * frame's corner on a whole pixel of the screen, so that zoomed pixels are sharp squares.
 * @param {View} view
 * @param {Size} frame
 * @param {Size} cell
 * @param {Size} picture
 * @returns {Piece | null} null where nothing is seen
 */
export function visible(view, frame, cell, picture) {
  const left = Math.round(cell.width / 2 - view.x * view.zoom);
  const top = Math.round(cell.height / 2 - view.y * view.zoom);
  const across = (frame.width * view.zoom) / picture.width;
  const down = (frame.height * view.zoom) / picture.height;
  // One pixel more on each side, for smooth edges.
  const x0 = Math.max(0, Math.floor(-left / across) - 1);
  const y0 = Math.max(0, Math.floor(-top / down) - 1);
  const x1 = Math.min(picture.width, Math.ceil((cell.width - left) / across) + 1);
  const y1 = Math.min(picture.height, Math.ceil((cell.height - top) / down) + 1);
  if (x1 <= x0 || y1 <= y0) return null;
  return {
    source: { left: x0, top: y0, width: x1 - x0, height: y1 - y0 },
    target: {
      left: left + x0 * across,
      top: top + y0 * down,
      width: (x1 - x0) * across,
      height: (y1 - y0) * down,
    },
  };
}

/**
 * Return how many columns show `count` frames largest if their cells fill the room, and their size.
 * @param {number} count
 * @param {Size} room
 * @param {Size} frame
 * @param {number} caption height of the text below each
 * @param {number} asked how many columns, where they are wide enough; 0: any
 * @returns {{columns: number, cell: Size}}
 */
export function filledShape(count, room, frame, caption, asked = 0) {
  const gap = 6;
  const fixed = room.width / asked < 110 ? 0 : Math.min(asked, count);
  let best = { columns: 1, cell: { width: 1, height: 1 }, zoom: 0 };
  for (let columns = fixed || 1; columns <= (fixed || count); columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = Math.max(1, Math.floor((room.width - gap * (columns - 1)) / columns));
    const height = Math.max(1, Math.floor((room.height - gap * (rows - 1)) / rows) - caption);
    const zoom = fitZoom(frame, { width, height });
    if (zoom > best.zoom * 1.001) best = { columns, cell: { width, height }, zoom };
  }
  return { columns: best.columns, cell: best.cell };
}

/**
 * Return how many columns show `count` frames largest, and how high a cell then is.
 * @param {number} count
 * @param {Size} room
 * @param {Size} frame
 * @param {number} caption height of the text below each
 * @param {number} asked how many columns, where they are wide enough; 0: any
 * @returns {{columns: number, cell: Size}}
 */
export function gridShape(count, room, frame, caption, asked = 0) {
  const gap = 6;
  const fixed = room.width / asked < 110 ? 0 : asked;
  // On a phone one scrolls anyway: as large as the width allows.
  const least = room.width < 600 ? Math.max(140, room.height * 0.4) : 140;
  const most = fixed || Math.max(1, Math.min(count, Math.floor(room.width / 150) || 1));
  let best = { columns: fixed || 1, cell: { width: room.width, height: 160 }, zoom: 0 };
  for (let columns = fixed || 1; columns <= most; columns += 1) {
    const rows = Math.ceil(count / columns);
    const width = Math.floor((room.width - gap * (columns - 1)) / columns);
    const shared = Math.floor((room.height - gap * (rows - 1)) / rows) - caption;
    const needed = Math.ceil((frame.height * width) / frame.width);
    const height = clamp(Math.min(shared, needed), Math.max(140, Math.min(needed, least)), room.height);
    const zoom = fitZoom(frame, { width, height }) * (rows * height > room.height * 1.6 ? 0.5 : 1);
    if (zoom > best.zoom * 1.001) best = { columns, cell: { width, height }, zoom };
  }
  return { columns: best.columns, cell: best.cell };
}
