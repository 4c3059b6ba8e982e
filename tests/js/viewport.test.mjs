import assert from "node:assert/strict";
import test from "node:test";

import {
  filledShape, fitted, gridShape, limited, MOST_ZOOM, panned, pinched, toFrame, visible, zoomedAt,
} from "../../lib_upscalers/compare/viewer/viewport.mjs";

const frame = { width: 4096, height: 3000 };
const cell = { width: 400, height: 300 };

/** A few hundred views and points, the same every time. */
function* cases() {
  let state = 7;
  const next = () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
  for (let i = 0; i < 300; i += 1) {
    const view = limited(
      { x: next() * 4096, y: next() * 3000, zoom: 2 ** (next() * 9 - 4) }, frame, cell,
    );
    yield { view, at: { x: next() * 400, y: next() * 300 }, factor: 2 ** (next() * 4 - 2) };
  }
}

test("the fitted view shows the whole frame, in the middle", () => {
  const view = fitted(frame, cell);
  assert.equal(view.x, 2048);
  assert.ok(view.zoom * frame.width <= 400.001 && view.zoom * frame.height <= 300.001);
  assert.deepEqual(limited(view, frame, cell), view);
});

test("zooming keeps what is under the pointer, unless an edge is reached", () => {
  let kept = 0;
  for (const { view, at, factor } of cases()) {
    const zoomed = zoomedAt(view, frame, cell, at, factor);
    assert.deepEqual(limited(zoomed, frame, cell), zoomed);
    assert.ok(zoomed.zoom <= MOST_ZOOM);
    const before = toFrame(view, cell, at);
    const after = toFrame(zoomed, cell, at);
    if (Math.hypot(before.x - after.x, before.y - after.y) < 1e-6) kept += 1;
  }
  assert.ok(kept > 100);
});

test("nothing but the frame is shown where it is larger than the cell", () => {
  for (const { view } of cases()) {
    const left = view.x - cell.width / 2 / view.zoom;
    const right = view.x + cell.width / 2 / view.zoom;
    if (view.zoom * frame.width >= cell.width) {
      assert.ok(left >= -1e-9 && right <= frame.width + 1e-9);
    } else {
      assert.equal(view.x, frame.width / 2);
    }
  }
});

test("moving there and back changes nothing in the middle", () => {
  const view = { x: 2000, y: 1500, zoom: 2 };
  const there = panned(view, frame, cell, { x: 37, y: -12 });
  assert.deepEqual(panned(there, frame, cell, { x: -37, y: 12 }), view);
  assert.equal(there.x, 2000 - 18.5);
});

test("two fingers keep what they touch", () => {
  const view = { x: 2000, y: 1500, zoom: 1 };
  const before = [{ x: 100, y: 100 }, { x: 200, y: 150 }];
  const after = [{ x: 80, y: 90 }, { x: 280, y: 190 }];
  const moved = pinched(view, frame, cell, before, after);
  assert.ok(Math.abs(moved.zoom - 2) < 1e-9);
  before.forEach((finger, index) => {
    const held = toFrame(view, cell, finger);
    const now = toFrame(moved, cell, after[index]);
    assert.ok(Math.hypot(held.x - now.x, held.y - now.y) < 1e-9);
  });
});

test("a whole zoom puts every pixel on whole pixels of the screen", () => {
  for (const zoom of [1, 2, 3, 8, 32]) {
    const view = limited({ x: 1234.56, y: 789.01, zoom }, frame, cell);
    for (const scale of [1, 2, 4]) {
      const picture = { width: frame.width / scale, height: frame.height / scale };
      const piece = visible(view, frame, cell, picture);
      assert.ok(piece);
      assert.ok(Number.isInteger(piece.target.left) && Number.isInteger(piece.target.top));
      assert.equal(piece.target.width, piece.source.width * zoom * scale);
      assert.ok(piece.target.left <= 0 && piece.target.left + piece.target.width >= cell.width);
    }
  }
});

test("what is drawn covers the cell and little more", () => {
  for (const { view } of cases()) {
    const piece = visible(view, frame, cell, frame);
    assert.ok(piece);
    const { source, target } = piece;
    assert.ok(source.left >= 0 && source.left + source.width <= frame.width);
    const room = Math.min(cell.width, frame.width * view.zoom);
    assert.ok(target.width >= room - 1 && target.width <= room + 5 * view.zoom + 2);
  }
});

test("nothing is drawn where the picture is out of sight", () => {
  const view = { x: -5000, y: 0, zoom: 1 };
  assert.equal(visible(view, frame, cell, frame), null);
});

test("cells have room for all and are no higher than they need to be", () => {
  for (let count = 1; count <= 14; count += 1) {
    for (const room of [{ width: 1200, height: 700 }, { width: 360, height: 560 }]) {
      const shape = gridShape(count, room, frame, 70);
      assert.ok(shape.columns >= 1 && shape.columns <= count);
      assert.ok(shape.columns * shape.cell.width <= room.width);
      assert.ok(shape.cell.height >= 140 && shape.cell.height <= room.height);
    }
  }
  assert.equal(gridShape(3, { width: 1200, height: 600 }, { width: 300, height: 300 }, 70).columns, 3);
  assert.equal(gridShape(2, { width: 360, height: 560 }, { width: 300, height: 200 }, 70).columns, 1);
  const phone = gridShape(5, { width: 302, height: 607 }, { width: 192, height: 144 }, 70);
  assert.deepEqual(phone, { columns: 1, cell: { width: 302, height: 227 } });
});

test("a fixed number of columns is obeyed where they are wide enough", () => {
  for (const columns of [2, 3, 6]) {
    assert.equal(gridShape(12, { width: 1200, height: 700 }, frame, 70, columns).columns, columns);
  }
  assert.ok(gridShape(12, { width: 300, height: 600 }, frame, 70, 6).columns < 6);
});

test("a frame without an extent does no harm", () => {
  const view = fitted({ width: 0, height: 0 }, cell);
  assert.ok(Number.isFinite(view.zoom));
});

test("room for less than one cell is one column", () => {
  assert.equal(gridShape(4, { width: 90, height: 300 }, frame, 70).columns, 1);
});

test("cells that fill a room leave nothing of it, whatever its shape", () => {
  const shown = { width: 300, height: 200 };
  const sideways = filledShape(1, { width: 740, height: 300 }, shown, 20);
  assert.deepEqual(sideways, { columns: 1, cell: { width: 740, height: 280 } });
  assert.equal(filledShape(3, { width: 740, height: 300 }, shown, 20).columns, 3);
  assert.equal(filledShape(3, { width: 360, height: 700 }, shown, 20).columns, 1);
  for (const columns of [2, 6]) {
    assert.equal(filledShape(12, { width: 1200, height: 700 }, shown, 20, columns).columns, columns);
  }
  assert.equal(filledShape(2, { width: 1200, height: 700 }, shown, 20, 6).columns, 2);
  assert.ok(filledShape(12, { width: 300, height: 600 }, shown, 20, 6).columns < 6);
  const none = filledShape(2, { width: 0, height: 0 }, shown, 20).cell;
  assert.ok(none.width >= 1 && none.height >= 1);
});
