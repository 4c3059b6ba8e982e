import assert from "node:assert/strict";
import test from "node:test";

import {
  NOTHING, choose, facts, frequent, lastUse, prepare, safeAddress, size,
} from "../../lib_upscalers/compare/viewer/shop.mjs";

const plain = {
  id: "2x-A", name: "A", authors: ["Ann"], licence: "MIT", words: "free", paid: "yes",
  tags: ["Anime"], text: "sharp lines", date: "2025-01-01", architecture: "ESRGAN", scale: 2,
  size: 2e6, way: "direct", speed: "medium", problem: "", sha256: "", page: "", pictures: [],
};
const models = [
  plain,
  { ...plain, id: "4x-B", name: "B", scale: 4, tags: ["Photo"], date: "2026-01-01", way: "page", paid: "no", size: null },
  { ...plain, id: "4x-C", name: "Sharp", scale: 4, architecture: "DAT", date: "2024-01-01", speed: "slow", size: 5e5 },
  { ...plain, id: "1x-D", name: "D", scale: 1, way: "extra", problem: "unknown", speed: "", size: 3e7 },
];
const ids = (wanted) => choose(models, { ...NOTHING, ...wanted }).map(({ id }) => id);

test("every filter leaves what passes", () => {
  assert.equal(ids({}).length, 4);
  assert.deepEqual(ids({ scale: "1" }), ["1x-D"]);
  assert.deepEqual(ids({ architecture: "DAT" }), ["4x-C"]);
  assert.deepEqual(ids({ tag: "Photo" }), ["4x-B"]);
  assert.deepEqual(ids({ paid: true, scale: "4" }), ["4x-C"]);
  assert.deepEqual(ids({ direct: true }), ["2x-A", "4x-C"]);
  assert.ok(!ids({ here: true }).includes("1x-D"));
  assert.deepEqual(ids({ text: " PHOTO  ann " }), ["4x-B"]);
  assert.deepEqual(ids({ text: "nothing" }), []);
});

test("what is searched is made once", () => {
  const fresh = [{ ...plain }];
  prepare(fresh);
  fresh[0].text = "changed";
  assert.equal(choose(fresh, { ...NOTHING, text: "changed" }).length, 0);
});

test("the order is that which is asked for", () => {
  assert.deepEqual(ids({ order: "newest" }), ["4x-B", "2x-A", "1x-D", "4x-C"]);
  assert.deepEqual(ids({ order: "size" }), ["4x-C", "2x-A", "1x-D", "4x-B"]);
  const unknown = choose([models[1], models[0], models[1]], { ...NOTHING, order: "size" });
  assert.deepEqual(unknown.map(({ id }) => id), ["2x-A", "4x-B", "4x-B"]);
  assert.deepEqual(ids({ order: "speed" }), ["4x-B", "2x-A", "1x-D", "4x-C"]);
  assert.deepEqual(ids({}), ["2x-A", "4x-C", "4x-B", "1x-D"]);
  assert.deepEqual(ids({ text: "sharp" })[0], "4x-C");
});

test("values are sorted by how frequent they are", () => {
  assert.deepEqual(frequent(models, (model) => [model.scale])[0], "4");
  assert.deepEqual(frequent(models, (model) => model.tags), ["Anime", "Photo"]);
});

test("sizes and facts are short", () => {
  assert.deepEqual([null, 5e5, 2.5e6, 67e6].map(size), ["size not stated", "500 kB", "2.5 MB", "67 MB"]);
  assert.deepEqual(facts(plain), ["2x", "ESRGAN", "2.0 MB", "medium", "2025-01-01"]);
  assert.deepEqual(facts({ ...plain, speed: "", date: "" }), ["2x", "ESRGAN", "2.0 MB"]);
});

test("only addresses over TLS are used", () => {
  assert.equal(safeAddress("https://example.org/a.png"), "https://example.org/a.png");
  for (const bad of ["http://example.org/", "javascript:alert(1)", "data:x", "//x/", "", null, 5, "https://"]) {
    assert.equal(safeAddress(bad), "");
  }
});

test("the last use has its date, and the speed if it is known", () => {
  const use = { used: "2026-11-30", seconds: 1.234, device: "cpu" };
  assert.equal(lastUse(use), "last used 2026-11-30, 1.2 s a megapixel on cpu");
  assert.match(lastUse({ ...use, seconds: 112 }), /, 110 s a megapixel/);
  assert.equal(lastUse({ ...use, seconds: 0 }), "last used 2026-11-30");
  assert.equal(lastUse({ ...use, used: "" }), "not used yet");
});
