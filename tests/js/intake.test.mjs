import assert from "node:assert/strict";
import test from "node:test";

import {
  isForAnother, mayHavePicture, pictureOf, putInto, takePictures,
} from "../../lib_upscalers/compare/viewer/intake.mjs";
import { FakeElement } from "./fake_page.mjs";

const HERE = new URL("https://here.org/page");
const png = new File(["1"], "a.png", { type: "image/png" });
const text = new File(["1"], "a.txt", { type: "text/plain" });

const transfer = (files, address = "", types = ["Files"]) =>
  ({ files, types, getData: () => address });

/** An input of pictures on a page; `late` looks pass before it shows. */
function placeOf(late = 0) {
  const place = new FakeElement("div");
  const input = new FakeElement("input");
  const classes = new Set();
  let looks = 0;
  let cleared = 0;
  input.dispatchEvent = ({ type }) => { input.fired = type; };
  Object.assign(place, {
    classList: {
      contains: (name) => classes.has(name),
      remove: (name) => classes.delete(name),
      toggle: (name, on) => { if (on) classes.add(name); else classes.delete(name); },
    },
    querySelector: (selector) => {
      if (!selector.startsWith("input")) return { click: () => { cleared += 1; } };
      looks += 1;
      return looks > late ? input : null;
    },
  });
  return { place, input, classes, cleared: () => cleared };
}

globalThis.DataTransfer = class {
  constructor() {
    this.files = [];
    this.items = { add: (file) => this.files.push(file) };
  }
};

test("the first picture of what was dropped is taken", async () => {
  assert.equal(await pictureOf(transfer([text, png]), HERE), png);
  assert.equal(await pictureOf(transfer([text]), HERE), null);
  assert.equal(await pictureOf(null, HERE), null);
  assert.ok(mayHavePicture(transfer([])));
  assert.ok(!mayHavePicture(transfer([], "", ["text/plain"])));
  assert.ok(!mayHavePicture(null));
});

test("a picture of this page is fetched, one of another server is not", async (context) => {
  const kinds = { "/b%20c.png": "image/png", "/": "image/png", "/d": "text/html" };
  const fetched = context.mock.method(globalThis, "fetch", async (address) =>
    ({ blob: async () => new Blob(["1"], { type: kinds[new URL(address).pathname] }) }));
  const dropped = (address) => pictureOf(transfer([], address), HERE);
  assert.equal((await dropped("https://here.org/b%20c.png\nhttps://here.org/x"))?.name, "b c.png");
  assert.equal((await dropped("https://here.org/"))?.name, "picture");
  assert.equal(await dropped("https://here.org/d"), null);
  assert.equal(await dropped("https://elsewhere.org/b.png"), null);
  assert.equal(await dropped("no address"), null);
  assert.equal(fetched.mock.callCount(), 3);
});

test("a file is put into the input, once it is there", async () => {
  const { place, input, cleared } = placeOf();
  assert.ok(await putInto(place, png));
  assert.deepEqual([input.files, input.fired, cleared()], [[png], "change", 0]);
  const full = placeOf(3);
  assert.ok(await putInto(full.place, png));
  assert.deepEqual([full.input.files, full.cleared()], [[png], 1]);
});

test("an input that never shows is given up", async (context) => {
  context.mock.timers.enable({ apis: ["setTimeout"] });
  const { place } = placeOf(Infinity);
  const bare = { querySelector: () => null };
  for (const holder of [place, bare]) {
    const done = putInto(holder, png);
    for (let step = 0; step < 100; step += 1) {
      context.mock.timers.tick(60);
      await Promise.resolve();
    }
    assert.equal(await done, false);
  }
});

test("another input of files keeps what is dropped on it", () => {
  const block = (holds) => ({ classList: { contains: () => true }, querySelector: () => holds });
  const { place } = placeOf();
  const outer = block({});
  assert.ok(isForAnother([{}, outer], null));
  assert.ok(!isForAnother([block(null)], place));
  assert.ok(!isForAnother([place, outer], place));
});

/** A page with the viewer, which notes what becomes of pictures. */
function page(visible = true) {
  const listeners = new Map();
  const { place, input, classes } = placeOf();
  globalThis.document = {
    getElementById: () => page.place,
    addEventListener: (type, listener) => listeners.set(type, listener),
    removeEventListener: (type) => listeners.delete(type),
  };
  page.place = place;
  globalThis.location = HERE;
  const taken = [];
  const viewer = { getClientRects: () => (visible ? [{}] : []) };
  const stop = takePictures(viewer, "picture", (ok) => taken.push(ok));
  const fire = async (type, more) => {
    const event = {
      type, composedPath: () => [], prevented: 0,
      preventDefault() { this.prevented += 1; }, stopPropagation() {}, ...more,
    };
    listeners.get(type)(event);
    await new Promise((done) => { setTimeout(done, 0); });
    return event.prevented;
  };
  return { fire, input, classes, taken, stop, listeners };
}

test("what is dragged over the tab is shown to be welcome, and taken when it is dropped", async () => {
  const { fire, input, classes, taken, stop, listeners } = page();
  assert.equal(await fire("dragover", { dataTransfer: transfer([png]) }), 1);
  assert.ok(classes.has("lab-drop"));
  assert.equal(await fire("dragleave", { dataTransfer: transfer([png]) }), 0);
  assert.ok(!classes.has("lab-drop"));
  assert.equal(await fire("drop", { dataTransfer: transfer([png]) }), 1);
  assert.deepEqual([input.files, taken], [[png], [true]]);
  assert.equal(await fire("drop", { dataTransfer: transfer([text]) }), 1);
  assert.deepEqual(taken, [true, false]);
  assert.equal(await fire("drop", { dataTransfer: transfer([], "", []) }), 0);
  assert.equal(await fire("dragover", { dataTransfer: null }), 0);
  const prompt = { composedPath: () => [{ tagName: "TEXTAREA" }], dataTransfer: transfer([png]) };
  assert.equal(await fire("drop", prompt), 0);
  stop();
  assert.equal(listeners.size, 0);
});

test("a pasted picture is taken, other things are left to the page", async () => {
  const { fire, input, taken } = page();
  assert.equal(await fire("paste", { clipboardData: transfer([png]) }), 1);
  assert.deepEqual([input.files, taken], [[png], [true]]);
  assert.equal(await fire("paste", { clipboardData: transfer([text]) }), 0);
  assert.equal(await fire("paste", { clipboardData: null }), 0);
});

test("nothing is taken where the viewer is not seen, or there is no input", async () => {
  const { fire, taken } = page(false);
  assert.equal(await fire("paste", { clipboardData: transfer([png]) }), 0);
  const other = page();
  page.place = null;
  assert.equal(await other.fire("drop", { dataTransfer: transfer([png]) }), 0);
  assert.equal(await other.fire("dragover", { dataTransfer: transfer([png]) }), 0);
  page.place = placeOf().place;
  const going = other.fire("paste", { clipboardData: transfer([png]) });
  page.place = null;
  await going;
  assert.deepEqual([taken, other.taken], [[], [false]]);
});
