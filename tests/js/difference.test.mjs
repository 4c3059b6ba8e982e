import assert from "node:assert/strict";
import test from "node:test";

import { Differences } from "../../lib_upscalers/compare/viewer/difference.mjs";
import { FakeCanvas, providePage } from "./fake_page.mjs";
import { picture, PAIRS } from "./pictures_of_text.mjs";

providePage();

/** A scene that shows pictures of one size pixel by pixel. */
function sceneOf(pictures, cell, zoom = 1) {
  const picked = [];
  const [first] = Object.values(pictures);
  const frame = { width: first.width, height: first.height };
  return {
    picked, frame, cell, smooth: false, view: { x: frame.width / 2, y: frame.height / 2, zoom },
    pictures: { pick: (url) => { picked.push(url); return pictures[url] ?? null; } },
  };
}

const shown = (url) => ({ url, width: 1, height: 1 });

/** What the difference is by its definition. */
function expected(one, other, gain) {
  return one.data.map((value, at) => (at % 4 === 3 ? 255 : gain * Math.abs(value - other.data[at])));
}

for (const [name, [one, other]] of Object.entries(PAIRS)) {
  test(`the difference of two pictures, times every gain: ${name}`, () => {
    const cell = { width: one.width, height: one.height };
    const differences = new Differences();
    for (let gain = 1; gain <= 32; gain += 1) {
      const canvas = new FakeCanvas(cell.width, cell.height);
      differences.begin();
      differences.draw(canvas.context, sceneOf({ one, other }, cell), shown("one"), shown("other"), gain);
      assert.deepEqual(canvas.data, expected(one, other, gain), `gain ${gain}`);
    }
  });
}

test("it does not matter which of the two comes first", () => {
  const [one, other] = PAIRS["another colour"];
  const cell = { width: 4, height: 3 };
  const made = [["one", "other"], ["other", "one"]].map(([first, second]) => {
    const canvas = new FakeCanvas(4, 3);
    new Differences().draw(canvas.context, sceneOf({ one, other }, cell), shown(first), shown(second), 4);
    return canvas.data;
  });
  assert.deepEqual(made[0], made[1]);
});

test("a smaller picture is shown as large as the frame before it is subtracted", () => {
  const one = picture("##  ", "##  ", "  ##", "  ##");
  const small = picture("# ", " #");
  const canvas = new FakeCanvas(4, 4);
  const scene = sceneOf({ one, small }, { width: 4, height: 4 });
  new Differences().draw(canvas.context, scene, shown("one"), shown("small"), 8);
  assert.ok(canvas.data.every((value, at) => value === (at % 4 === 3 ? 255 : 0)));
});

test("nothing is drawn until both pictures are there", () => {
  const [one, other] = PAIRS["one pixel"];
  for (const known of [{ one }, { other }]) {
    const canvas = new FakeCanvas(4, 3);
    const scene = sceneOf(known, { width: 4, height: 3 });
    new Differences().draw(canvas.context, scene, shown("one"), shown("other"), 1);
    assert.ok(canvas.data.every((value) => value === 0));
  }
});

test("what all are compared with is drawn once in a frame, and again in the next", () => {
  const [one, other] = PAIRS["one pixel"];
  const scene = sceneOf({ one, other }, { width: 4, height: 3 });
  const differences = new Differences();
  const draw = () => differences.draw(
    new FakeCanvas(4, 3).context, scene, shown("one"), shown("other"), 1);
  draw();
  draw();
  assert.deepEqual(scene.picked, ["other", "one", "one"]);
  differences.begin();
  draw();
  assert.deepEqual(scene.picked.slice(3), ["other", "one"]);
});

test("another size of the cells is followed, the same one is kept", () => {
  const [one, other] = PAIRS["one pixel"];
  const differences = new Differences();
  const canvas = differences.plain.canvas;
  for (const [width, height] of [[4, 3], [4, 3], [4, 5], [6, 5]]) {
    const scene = sceneOf({ one, other }, { width, height });
    differences.begin();
    differences.draw(new FakeCanvas(width, height).context, scene, shown("one"), shown("other"), 1);
    assert.deepEqual([canvas.width, canvas.height], [width, height]);
  }
  const before = canvas.emptied;
  differences.draw(new FakeCanvas(6, 5).context, sceneOf({ one, other }, { width: 6, height: 5 }),
    shown("one"), shown("other"), 1);
  assert.equal(canvas.emptied, before);
});
