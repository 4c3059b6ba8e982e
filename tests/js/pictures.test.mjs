import assert from "node:assert/strict";
import test from "node:test";

import { Pictures } from "../../lib_upscalers/compare/viewer/pictures.mjs";

/** A server of pictures: url -> [width, height]; what is closed is noted. */
function serve(files) {
  const log = { fetched: [], open: 0 };
  const bitmap = (width, height) => {
    log.open += 1;
    return { width, height, close: () => { log.open -= 1; } };
  };
  globalThis.fetch = async (url) => {
    log.fetched.push(url);
    return { ok: url in files, blob: async () => files[url] };
  };
  globalThis.createImageBitmap = async (from, options) => {
    if (typeof from === "string") throw from === "odd" ? from : new Error(from);
    if (options) return bitmap(options.resizeWidth, options.resizeHeight);
    return bitmap(...from);
  };
  return log;
}

test("a picture is fetched once, decoded, and called out when it is ready", async () => {
  const log = serve({ a: [300, 200] });
  let changes = 0;
  const pictures = new Pictures(() => { changes += 1; });
  assert.equal(pictures.pick("a", 300), null);
  assert.equal(pictures.pick("a", 300), null);
  assert.equal(pictures.isReady("a"), false);
  await pictures.queue;
  assert.deepEqual([log.fetched, changes, pictures.isReady("a")], [["a"], 1, true]);
  assert.equal(pictures.pick("a", 300).width, 300);
  assert.equal(pictures.pick("a", 151).width, 300);
  assert.equal(pictures.pick("a", 100).width, 100 <= 150 ? 150 : 300, "a reduced copy is enough");
  assert.equal(pictures.isReady("b"), false);
});

test("what is gone or broken is said, and not asked for again", async () => {
  const log = serve({ broken: "no picture", odd: "odd" });
  const pictures = new Pictures(() => {});
  for (const url of ["gone", "broken", "odd"]) pictures.pick(url, 10);
  await pictures.queue;
  assert.match(pictures.faultOf("gone"), /no longer there: compare again/);
  assert.equal(pictures.faultOf("broken"), "no picture");
  assert.equal(pictures.faultOf("odd"), "It cannot be shown.");
  assert.equal(pictures.faultOf("never"), "");
  for (const url of ["gone", "broken", "odd"]) assert.equal(pictures.pick(url, 10), null);
  await pictures.queue;
  assert.equal(log.fetched.length, 3);
});

test("what is no longer shown is freed, even while it is decoded", async () => {
  const log = serve({ a: [300, 200], b: [300, 200], c: [300, 200], d: "no picture" });
  const pictures = new Pictures(() => {});
  pictures.pick("a", 300);
  await pictures.queue;
  for (const url of ["b", "c", "d"]) pictures.pick(url, 300);
  const middle = pictures.queue;
  pictures.keepOnly(new Set(["b"]));
  await middle;
  assert.deepEqual([...pictures.held.keys()], ["b"]);
  assert.deepEqual(log.fetched, ["a", "b"]);
  pictures.keepOnly(new Set());
  assert.equal(log.open, 0);
});

test("a picture that is dropped in the middle of its decoding is not kept whole", async () => {
  for (const file of [[100, 80], "no picture"]) {
    serve({ a: file });
    const pictures = new Pictures(() => assert.fail("nobody waits for it"));
    const plain = globalThis.createImageBitmap;
    let closed = 0;
    globalThis.createImageBitmap = async (from) => {
      pictures.keepOnly(new Set());
      return { ...(await plain(from)), close: () => { closed += 1; } };
    };
    pictures.pick("a", 100);
    await pictures.queue;
    assert.equal(closed, file === "no picture" ? 0 : 1);
  }
});

test("over its budget the whole pictures that were not drawn for longest go, reduced ones stay", async () => {
  serve({ a: [400, 400], b: [400, 400], small: [100, 100], c: [400, 400] });
  const pictures = new Pictures(() => {}, 2 * 400 * 400 * 4);
  for (const url of ["small", "a", "b", "c"]) {
    pictures.pick(url, 400);
    await pictures.queue;
  }
  assert.ok(pictures.held.get("b").whole && pictures.held.get("c").whole);
  assert.equal(pictures.held.get("a").whole, null);
  assert.ok(pictures.held.get("small").whole, "one without reduced copies cannot go");
  assert.equal(pictures.pick("a", 400).width, 200, "until it is there again");
  await pictures.queue;
  assert.equal(pictures.pick("a", 400).width, 400);
});

test("the budget is that of the device", () => {
  const before = Object.getOwnPropertyDescriptor(globalThis, "navigator");
  const budget = (deviceMemory) => {
    Object.defineProperty(globalThis, "navigator", { value: { deviceMemory }, configurable: true });
    return new Pictures(() => {}).budget;
  };
  assert.ok(budget(8) > budget(4));
  assert.equal(budget(undefined), budget(4));
  Object.defineProperty(globalThis, "navigator", before);
});
