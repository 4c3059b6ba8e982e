import assert from "node:assert/strict";
import test from "node:test";

import { contextOf, drawLens, drawPair, drawPicture } from "../../lib_upscalers/compare/viewer/drawing.mjs";
import { FakeCanvas, providePage } from "./fake_page.mjs";
import { picture } from "./pictures_of_text.mjs";

providePage();

const WHITE = [255, 255, 255, 255];
const BLACK = [0, 0, 0, 255];
const NOTHING = [0, 0, 0, 0];
const shown = (url) => ({ url, width: 1, height: 1 });

function sceneOf(pictures, cell, more = {}) {
  const [first] = Object.values(pictures);
  const frame = { width: first.width, height: first.height };
  const view = { x: frame.width / 2, y: frame.height / 2, zoom: 1 };
  return { frame, cell, view, smooth: false, pictures: { pick: (url) => pictures[url] ?? null }, ...more };
}

test("a browser that cannot draw is an error with a reason", () => {
  assert.throws(() => contextOf({ getContext: () => null }), /cannot draw/);
  const canvas = new FakeCanvas();
  assert.equal(contextOf(canvas), canvas.context);
});

test("a picture that is not there yet is not drawn, one out of sight is", () => {
  const canvas = new FakeCanvas(4, 4);
  const cell = { width: 4, height: 4 };
  const one = picture("####", "####", "####", "####");
  assert.equal(drawPicture(canvas.context, sceneOf({ one }, cell), shown("two")), false);
  const away = sceneOf({ one }, cell, { view: { x: -500, y: 0, zoom: 1 } });
  assert.equal(drawPicture(canvas.context, away, shown("one")), true);
  assert.ok(canvas.data.every((value) => value === 0));
});

test("enlarged pixels are squares unless they are to be blended; reduced ones are blended", () => {
  const one = picture("# # ", " # #", "# # ", " # #");
  const smoothed = (zoom, smooth) => {
    const canvas = new FakeCanvas(4, 4);
    const scene = sceneOf({ one }, { width: 4, height: 4 }, { view: { x: 2, y: 2, zoom }, smooth });
    drawPicture(canvas.context, scene, shown("one"));
    return canvas.context.smoothed;
  };
  assert.deepEqual(smoothed(2, false), [false]);
  assert.deepEqual(smoothed(2, true), [true]);
  assert.deepEqual(smoothed(0.5, false), [true]);
});

test("a picture stays inside the part that is given", () => {
  const one = picture("####", "####", "####", "####");
  const canvas = new FakeCanvas(4, 4);
  const within = { left: 1, top: 2, width: 2, height: 1 };
  drawPicture(canvas.context, sceneOf({ one }, { width: 4, height: 4 }), shown("one"), within);
  for (let y = 0; y < 4; y += 1) {
    for (let x = 0; x < 4; x += 1) {
      const inside = y === 2 && (x === 1 || x === 2);
      assert.deepEqual(canvas.at(x, y), inside ? WHITE : NOTHING, `${x}, ${y}`);
    }
  }
  assert.equal(canvas.context.clipped, null, "and what is drawn next does not");
});

test("a lens magnifies what is under the pointer, around it", () => {
  const rows = Array.from({ length: 32 }, (_, y) => (y === 16 ? " ".repeat(16) + "#" + " ".repeat(15) : " ".repeat(32)));
  const one = picture(...rows);
  const canvas = new FakeCanvas(32, 32);
  const scene = sceneOf({ one }, { width: 32, height: 32 });
  drawPicture(canvas.context, scene, shown("one"));
  drawLens(canvas.context, scene, shown("one"), { x: 16, y: 16 }, 4, 8);
  for (let y = 16; y < 20; y += 1) {
    for (let x = 16; x < 20; x += 1) assert.deepEqual(canvas.at(x, y), WHITE, `${x}, ${y}`);
  }
  assert.deepEqual([canvas.at(20, 16), canvas.at(16, 20), canvas.at(15, 16)], [BLACK, BLACK, BLACK]);
  assert.deepEqual(canvas.context.strokes, [[8, 8, 16, 16], [7, 7, 18, 18]]);
});

test("a divider shows one picture on its first side and another on its other", () => {
  const cell = { width: 40, height: 40 };
  const rows = (ink) => Array.from({ length: 40 }, () => ink.repeat(40));
  const pictures = { one: picture(...rows("#")), two: picture(...rows("g")) };
  for (const vertical of [true, false]) {
    const canvas = new FakeCanvas(40, 40);
    const pair = [shown("one"), shown("two")];
    drawPair(canvas.context, sceneOf(pictures, cell), pair, { vertical, split: 0.25 });
    const at = (along) => (vertical ? canvas.at(along, 3) : canvas.at(3, along));
    assert.deepEqual(at(2), WHITE);
    assert.deepEqual(at(30), [128, 128, 128, 255]);
    assert.deepEqual(canvas.context.arcs[0].slice(0, 3), vertical ? [10, 20, 9] : [20, 10, 9]);
  }
});

test("a screen that does not say how dense it is counts as an ordinary one", () => {
  globalThis.devicePixelRatio = 0;
  const one = picture("####", "####");
  const canvas = new FakeCanvas(4, 2);
  drawPair(canvas.context, sceneOf({ one }, { width: 4, height: 2 }), [shown("one"), shown("one")],
    { vertical: true, split: 0.5 });
  assert.equal(canvas.context.arcs[0][2], 9);
  globalThis.devicePixelRatio = 1;
});
