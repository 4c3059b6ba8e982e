import assert from "node:assert/strict";
import test from "node:test";

import {
  bestOf, duration, fileSize, fiveNumbers, ordered, written,
} from "../../lib_upscalers/compare/viewer/figures.mjs";
import { bestLevel, gainSteps, reducedWidths } from "../../lib_upscalers/compare/viewer/pixels.mjs";

test("the best come first, what is not known last, equals as they were", () => {
  assert.deepEqual(ordered([2, undefined, 5, 2], "higher"), [2, 0, 3, 1]);
  assert.deepEqual(ordered([2, undefined, 5, 2], "lower"), [0, 3, 2, 1]);
});

test("the best is marked where there is a difference", () => {
  assert.equal(bestOf([1, 3, undefined], "higher"), 3);
  assert.equal(bestOf([1, 3, undefined], "lower"), 1);
  assert.equal(bestOf([2, 2], "lower"), undefined);
  assert.equal(bestOf([2], "lower"), undefined);
  assert.equal(bestOf([], "higher"), undefined);
});

test("figures are written with the digits that tell something", () => {
  const measure = { name: "x", label: "X", unit: "", better: "lower", digits: 3, explanation: "" };
  assert.equal(written(1.23456, measure), "1.235");
  assert.equal(written(undefined, measure), "–");
  assert.equal(written(2.5e6, { ...measure, unit: "MB", digits: 0 }), "3");
  assert.deepEqual([0.001, 0.234, 61.27].map(duration), ["under 0.01 s", "0.23 s", "61.3 s"]);
  assert.deepEqual([1, 1500, 2.34e6].map(fileSize), ["1 kB", "2 kB", "2.3 MB"]);
});

test("quartiles are those of linear interpolation", () => {
  assert.deepEqual(fiveNumbers([4, 1, 3, 2]), {
    low: 1, first: 1.75, median: 2.5, third: 3.25, high: 4, mean: 2.5,
  });
  const { low, median, high } = fiveNumbers([7]);
  assert.deepEqual([low, median, high], [7, 7, 7]);
});

test("adding alone multiplies by every gain there is", () => {
  for (let gain = 1; gain <= 32; gain += 1) {
    let value = 3;
    for (const step of gainSteps(gain)) value += step === "double" ? value : 3;
    assert.equal(value, 3 * gain);
  }
});

test("the reduced copy that is drawn is never smaller than what is shown", () => {
  const widths = [4096, ...reducedWidths(4096, 4096)];
  assert.deepEqual(widths, [4096, 2048, 1024, 512, 256, 128, 64]);
  assert.deepEqual(reducedWidths(100, 5000), []);
  for (let shown = 1; shown < 9000; shown += 37) {
    const level = bestLevel(widths, shown);
    assert.ok(level === 0 || widths[level] >= shown);
    assert.ok(level + 1 === widths.length || widths[level + 1] < shown);
  }
});
