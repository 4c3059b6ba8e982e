import assert from "node:assert/strict";
import test from "node:test";

import { detailsOf, factsOf, itemsOf, noteOf } from "../../lib_upscalers/compare/viewer/items.mjs";

const entry = {
  name: "A", kind: "network", scale: 2, architecture: "ESRGAN", licence: "MIT", modelBytes: 2e6,
  state: "waiting", fraction: null, text: "", result: null, cost: null, figures: {}, kept: false,
};
const shown = { url: "u", file: "f", width: 4, height: 3, bytes: 1000 };

test("all that there is can be shown", () => {
  const session = { source: shown, reference: null, entries: [entry, { ...entry, name: "B" }] };
  assert.deepEqual(itemsOf(session).map(({ key, label }) => [key, label]), [
    ["source", "Input"], ["e0", "A"], ["e1", "B"],
  ]);
  const test = itemsOf({ ...session, reference: shown });
  assert.deepEqual(test.map(({ label }) => label), ["Original", "Shrunk", "A", "B"]);
});

test("what is not there yet is told", () => {
  assert.match(noteOf(entry), /Waiting/);
  assert.equal(noteOf({ ...entry, state: "running", fraction: 0.426, text: "tile 3" }), "43 % tile 3");
  assert.equal(noteOf({ ...entry, state: "running", text: "Starting" }), "Starting");
  assert.equal(noteOf({ ...entry, state: "failed", text: "no" }), "no");
  assert.equal(noteOf({ ...entry, state: "finished" }), "");
});

test("a result's costs are told", () => {
  const cost = {
    loadSeconds: 0.5, runSeconds: 2, peakBytes: 3e6, peakOf: "VRAM", passes: 1, tiles: 4,
    precision: "fp16", device: "cuda:0",
  };
  const done = { ...entry, state: "finished", result: shown, cost };
  assert.deepEqual(factsOf({ key: "e0", label: "A", shown, entry: done }), [
    "4 × 3", "2.0 s", "load 0.50 s", "3.0 MB VRAM",
  ]);
  const details = Object.fromEntries(detailsOf(done));
  assert.equal(details.Licence, "MIT");
  assert.equal(details.Tiles, "4");
  assert.ok(!("Kept" in details));
});

test("what a picture without costs or with small ones says", () => {
  assert.deepEqual(factsOf({ key: "e0", label: "A", shown: null, entry }), []);
  assert.deepEqual(factsOf({ key: "source", label: "Input", shown, entry: null }), ["4 × 3"]);
  const cost = {
    loadSeconds: 0, runSeconds: 0.5, peakBytes: 999_999, peakOf: "memory", passes: 0, tiles: 0,
    precision: "", device: "cpu",
  };
  const facts = (more) => factsOf({ key: "e0", label: "A", shown, entry: { ...entry, cost: { ...cost, ...more } } });
  assert.deepEqual(facts({}), ["4 × 3", "0.50 s"]);
  assert.deepEqual(facts({ peakBytes: null }), ["4 × 3", "0.50 s"]);
  assert.deepEqual(facts({ enlargeSeconds: null }), ["4 × 3", "0.50 s"]);
  assert.deepEqual(facts({ enlargeSeconds: 0.2 }), ["4 × 3", "0.50 s", "enlarged in 0.20 s"]);
  assert.deepEqual(facts({ peakBytes: 2e6 }), ["4 × 3", "0.50 s", "2.0 MB memory"]);
});

test("details that are not known are left out", () => {
  const bare = { ...entry, scale: null, architecture: "", licence: "", modelBytes: null };
  assert.deepEqual(detailsOf(bare), [["Made for", "any scale"]]);
  const kept = Object.fromEntries(detailsOf({ ...entry, kept: true, result: shown }));
  assert.match(kept.Kept, /earlier run/);
  assert.equal(kept["Made for"], "2x");
  assert.equal(kept["Network file"], "2.0 MB");
  assert.equal(kept.PNG, "1 kB");
});

test("what interpolates is told in the reader's language", () => {
  globalThis.localization = { interpolation: "интерполяция" };
  try {
    const details = Object.fromEntries(detailsOf({ ...entry, architecture: "interpolation" }));
    assert.equal(details.Architecture, "интерполяция");
  } finally {
    delete globalThis.localization;
  }
});

test("a result alone, without the picture it came from, can be shown", () => {
  const items = itemsOf({ source: null, reference: null, entries: [{ ...entry, result: shown }] });
  assert.deepEqual(items.map(({ key, shown: picture }) => [key, picture]), [["e0", shown]]);
});

test("a job that is idle or was cancelled says so", () => {
  assert.equal(noteOf({ ...entry, state: "stopped" }), "Cancelled.");
  assert.match(noteOf({ ...entry, state: "idle" }), /will be here/);
});

test("what is to be known of a finished result stands with its facts, and of no other", () => {
  const facts = (state) => factsOf({ key: "e0", label: "A", shown, entry: { ...entry, state, text: "another mode was used" } });
  assert.deepEqual(facts("finished"), ["4 × 3", "another mode was used"]);
  assert.deepEqual(facts("running"), ["4 × 3"]);
});
