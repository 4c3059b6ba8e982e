import assert from "node:assert/strict";
import test from "node:test";

import { meanRows, plots } from "../../lib_upscalers/compare/viewer/several.mjs";
import { providePage } from "./fake_page.mjs";

providePage();

const measure = (name, better) => ({ name, label: name, unit: "", better, digits: 1, explanation: "" });
const SEVERAL = {
  kind: "several", pictures: 3, done: 3, measures: [measure("PSNR", "higher"), measure("GMSD", "lower"), measure("MSE", "lower")],
  rows: [
    { name: "A", figures: { PSNR: [10, 20, 30], seconds: [1, 3], GMSD: [] } },
    { name: "B", figures: { PSNR: [20, 20, 20], GMSD: [0.5] } },
  ],
};

test("means are rows of the table, times among its costs", () => {
  assert.deepEqual(meanRows(SEVERAL), [
    { name: "A", values: { PSNR: 20, runSeconds: 2 } }, { name: "B", values: { PSNR: 20, GMSD: 0.5 } },
  ]);
});

test("there is a plot for each measure that has values, with a box for each upscaler that has", () => {
  const [first, second, ...more] = plots(SEVERAL).children;
  assert.deepEqual(more, []);
  assert.deepEqual([first, second].map((plot) => plot.querySelector("figcaption").textContent), ["PSNR ↑", "GMSD ↓"]);
  assert.deepEqual(first.all("span").map((each) => each.textContent), ["A", "B", "10.0", "30.0"]);
  assert.equal(first.all("rect").length, 2);
  assert.equal(second.all("rect").length, 1);
});

test("a box goes from quartile to quartile, over the whole width from least to most", () => {
  const [plot] = plots(SEVERAL).children;
  const numbers = (element, ...names) => names.map((name) => Number(element.getAttribute(name)));
  const [whisker, median] = plot.all("line");
  const [box, flat] = plot.all("rect");
  assert.deepEqual(numbers(whisker, "x1", "x2"), [4, 316]);
  assert.deepEqual(numbers(box, "x", "width"), [82, 156]);
  assert.deepEqual(numbers(median, "x1", "x2"), [160, 160]);
  assert.deepEqual(numbers(flat, "x", "width"), [160, 1], "equal values are a line that is seen");
});

test("a measure of one value has a scale all the same", () => {
  const [, plot] = plots(SEVERAL).children;
  assert.deepEqual(plot.all("span").map((each) => each.textContent), ["B", "0.5", "1.5"]);
});
