import assert from "node:assert/strict";
import test from "node:test";

// The page that the module finds when it is loaded, and what it hands to the browser.
const observers = { mutation: null, resize: null };
let frames = [];
let places = [];
let onClick = null;

globalThis.MutationObserver = class {
  constructor(callback) { observers.mutation = callback; }

  observe() {}
};
globalThis.ResizeObserver = class {
  constructor(callback) {
    observers.resize = callback;
    observers.watched = [];
  }

  observe(element) { observers.watched.push(element); }
};
globalThis.requestAnimationFrame = (callback) => frames.push(callback);
globalThis.Element = class {
  closest() { return this.link ?? null; }
};
globalThis.HTMLElement = class extends globalThis.Element {
  clicks = 0;

  click() { this.clicks += 1; }
};
globalThis.document = {
  baseURI: "http://127.0.0.1:7860/",
  documentElement: {},
  querySelectorAll: () => places,
  addEventListener: (_type, listener) => { onClick = listener; },
};
globalThis.loads = [];
console.error = () => { globalThis.failures = (globalThis.failures ?? 0) + 1; };
await import("../../lib_upscalers/compare/viewer/loader.mjs");

const scriptOf = (name) => `data:text/javascript,globalThis.loads.push("${name}")`;
const placeOf = (script) => ({ getAttribute: () => script });
const settle = () => new Promise((done) => { setTimeout(done, 20); });

/** Let the page change, be drawn, and load what it loads then. */
async function change(...found) {
  places = found;
  globalThis.loads.length = 0;
  observers.mutation();
  observers.mutation();
  assert.equal(frames.length, 1, "many changes are looked at once");
  frames.shift()();
  await settle();
}

/** Let a place get a size. */
async function show(place, width) {
  observers.resize([{ target: place, contentRect: { width } }]);
  await settle();
}

/** A click on something of the page, which is or is not in a link to the page "Which one?". */
function click(link) {
  const target = new globalThis.Element();
  target.link = link;
  const event = { target, prevented: 0 };
  event.preventDefault = event.stopPropagation = () => { event.prevented += 1; };
  onClick(event);
  return event;
}

test("the viewer is loaded once, when its place is seen", async () => {
  const place = placeOf(scriptOf("seen"));
  await change(place);
  await change(place);
  assert.equal(observers.watched.filter((each) => each === place).length, 1);
  assert.deepEqual(globalThis.loads, [], "nobody has seen it");
  await show(place, 0);
  assert.deepEqual(globalThis.loads, []);
  await show(place, 300);
  await show(place, 400);
  assert.deepEqual(globalThis.loads, ["seen"]);
});

test("a page in another language has it at once", async () => {
  globalThis.localization = { Picture: "Картинка" };
  await change(placeOf(scriptOf("translated")));
  assert.deepEqual(globalThis.loads, ["translated"]);
  globalThis.localization = {};
  await change(placeOf(scriptOf("english")));
  assert.deepEqual(globalThis.loads, []);
  delete globalThis.localization;
});

test("one that cannot be loaded is tried again, and a place without a script never", async () => {
  const broken = placeOf("data:text/javascript,throw new Error('broken')");
  await show(broken, 10);
  await show(placeOf(null), 10);
  assert.equal(globalThis.failures, 1);
  assert.deepEqual(globalThis.loads, []);
  const gone = placeOf("data:text/javascript,not a script");
  await show(gone, 10);
  await show(gone, 10);
  assert.equal(globalThis.failures, 3);
});

test("a link in another tab loads it first, and is pressed again", async () => {
  await change(placeOf(null), placeOf(scriptOf("linked")));
  const link = new globalThis.HTMLElement();
  assert.equal(click(null).prevented, 0, "no link of ours");
  onClick({ target: null });
  const event = click(link);
  await settle();
  assert.equal(event.prevented, 2);
  assert.deepEqual(globalThis.loads, ["linked"]);
  assert.equal(link.clicks, 1);
  assert.equal(click(link).prevented, 0, "now it is the viewer's");
  await settle();
  assert.equal(link.clicks, 1);
});

test("a link does not press itself for ever where the viewer cannot be loaded", async () => {
  await change(placeOf("data:text/javascript,no script at all"));
  const link = new globalThis.HTMLElement();
  assert.equal(click(link).prevented, 2);
  await settle();
  assert.equal(link.clicks, 0);
});
