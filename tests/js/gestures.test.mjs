import assert from "node:assert/strict";
import test from "node:test";

import { commandOf, letRead, listenTo, pointIn, shiftOf } from "../../lib_upscalers/compare/viewer/gestures.mjs";
import { FakeElement, providePage } from "./fake_page.mjs";

providePage();

/** A cell that notes what its hands are asked for. */
function cellOf(grabs = false) {
  const cell = new FakeElement("div");
  const seen = [];
  const note = (name) => (...values) => { seen.push([name, ...values]); };
  listenTo(cell, {
    pan: note("pan"), zoom: note("zoom"), pinch: note("pinch"), actualSize: note("actual"),
    hover: (_, at) => { seen.push(["hover", at]); },
    grab: (_, at, starts) => { seen.push(["grab", at, starts]); return grabs; },
  });
  const named = (name) => seen.filter(([each]) => each === name).map(([, ...values]) => values);
  return { cell, named };
}

const at = (x, y, more = {}) => ({ clientX: x, clientY: y, pointerId: 1, button: 0, ...more });

test("a point is counted from the cell's corner, in pixels of the screen", () => {
  const cell = new FakeElement("div");
  cell.box = { left: 10, top: 20 };
  globalThis.devicePixelRatio = 2;
  assert.deepEqual(pointIn(cell, at(15, 21)), { x: 10, y: 2 });
  globalThis.devicePixelRatio = 0;
  assert.deepEqual(pointIn(cell, at(15, 21)), { x: 5, y: 1 });
  globalThis.devicePixelRatio = 1;
});

test("the wheel zooms where the pointer is; by lines and with Ctrl it goes further", () => {
  const { cell, named } = cellOf();
  let prevented = 0;
  const turn = (more) => cell.fire("wheel", at(3, 4, { preventDefault: () => { prevented += 1; }, deltaMode: 0, ...more }));
  turn({ deltaY: -100 });
  turn({ deltaY: 100 });
  turn({ deltaY: -1, deltaMode: 1 });
  turn({ deltaY: -1, ctrlKey: true });
  const [closer, away, line, ctrl] = named("zoom").map(([, factor]) => factor);
  assert.equal(prevented, 4);
  assert.ok(closer > 1 && Math.abs(closer * away - 1) < 1e-12);
  assert.ok(Math.abs(line - closer ** 0.3) < 1e-12 && Math.abs(ctrl - closer ** 0.04) < 1e-12);
  cell.fire("dblclick", at(3, 4));
  assert.deepEqual(named("actual"), [[{ x: 3, y: 4 }]]);
});

test("a text that does not fit is scrolled, and not the picture behind it", () => {
  const text = new FakeElement("div");
  letRead(text);
  let stopped = 0;
  const turn = () => text.fire("wheel", { stopPropagation: () => { stopped += 1; } });
  Object.assign(text, { scrollHeight: 100, clientHeight: 100 });
  turn();
  assert.equal(stopped, 0);
  Object.assign(text, { scrollHeight: 101 });
  turn();
  assert.equal(stopped, 1);
});

test("one finger moves the picture, until it is lifted", () => {
  const { cell, named } = cellOf();
  cell.fire("pointermove", at(0, 0));
  cell.fire("pointerdown", at(10, 10));
  cell.fire("pointermove", at(13, 8));
  cell.fire("pointermove", at(14, 8));
  cell.fire("pointerup", at(14, 8));
  cell.fire("pointermove", at(50, 50));
  assert.deepEqual(named("pan"), [[{ x: 3, y: -2 }], [{ x: 1, y: 0 }]]);
  assert.deepEqual(cell.captured, [1]);
  cell.fire("pointerleave");
  assert.deepEqual(named("hover").at(-1), [null]);
});

test("two fingers pinch, three do nothing", () => {
  const { cell, named } = cellOf();
  for (const [id, x] of [[1, 0], [2, 10]]) cell.fire("pointerdown", at(x, 0, { pointerId: id }));
  cell.fire("pointermove", at(20, 0, { pointerId: 2 }));
  assert.deepEqual(named("pinch"), [[[{ x: 10, y: 0 }, { x: 0, y: 0 }], [{ x: 20, y: 0 }, { x: 0, y: 0 }]]]);
  cell.fire("pointerdown", at(5, 5, { pointerId: 3 }));
  cell.fire("pointermove", at(6, 5, { pointerId: 3 }));
  cell.fire("pointercancel", at(6, 5, { pointerId: 3 }));
  assert.equal(named("pinch").length, 1);
  assert.equal(named("pan").length, 0);
});

test("a divider that is grabbed moves instead of the picture, until a second finger comes", () => {
  const { cell, named } = cellOf(true);
  cell.fire("pointerdown", at(10, 10));
  cell.fire("pointermove", at(12, 10));
  cell.fire("pointerdown", at(30, 10, { pointerId: 2 }));
  cell.fire("pointerup", at(30, 10, { pointerId: 2 }));
  assert.equal(named("pan").length, 0);
  cell.fire("pointermove", at(13, 10));
  assert.deepEqual(named("grab"), [[{ x: 10, y: 10 }, true], [{ x: 12, y: 10 }, false]]);
  assert.deepEqual(named("pan"), [[{ x: 1, y: 0 }]]);
  cell.fire("pointerup", at(13, 10));
  cell.fire("pointerdown", at(20, 20));
  assert.deepEqual(named("grab").at(-1), [{ x: 20, y: 20 }, true], "the next one may grab it again");
});

test("the right button is the browser's", () => {
  const { cell, named } = cellOf();
  cell.fire("pointerdown", at(1, 1, { button: 2 }));
  cell.fire("pointermove", at(5, 5));
  assert.deepEqual([named("grab"), named("pan")], [[], []]);
});

test("keys are commands, unless one of the browser's is held down", () => {
  const key = (name, more = {}) => commandOf({ key: name, ...more });
  assert.deepEqual(["+", "=", "-", "0", "*", " ", "[", "]"].map((name) => key(name)),
    ["in", "in", "out", "fit", "actual", "swap", "back", "forth"]);
  assert.deepEqual([key("1"), key("9"), key("a"), key("Enter")], [1, 9, null, null]);
  for (const held of ["ctrlKey", "metaKey", "altKey"]) assert.equal(key("+", { [held]: true }), null);
});

test("arrows move, other commands do not", () => {
  assert.deepEqual(["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"].map((key) => shiftOf(commandOf({ key }), 7)),
    [{ x: 7, y: 0 }, { x: -7, y: 0 }, { x: 0, y: 7 }, { x: 0, y: -7 }]);
  assert.equal(shiftOf("fit", 7), null);
});
