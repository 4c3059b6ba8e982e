import assert from "node:assert/strict";
import test from "node:test";

import { FigureTable, valuesOf } from "../../lib_upscalers/compare/viewer/table.mjs";
import { providePage } from "./fake_page.mjs";

providePage();

const measure = (name, better, unit = "") =>
  ({ name, label: name, unit, better, digits: 1, explanation: `What ${name} is.` });
const MEASURES = [measure("PSNR", "higher", "dB"), measure("GMSD", "lower")];
const ROWS = [
  { name: "A", values: { PSNR: 30, GMSD: 0.2, runSeconds: 4 } },
  { name: "B", values: { PSNR: 33, GMSD: 0.2 } },
  { name: "C", values: { GMSD: 0.1, runSeconds: 2 } },
];

const namesOf = (table) => table.element.querySelector("tbody").all("th").map((cell) => cell.textContent);
const headsOf = (table) => table.element.querySelector("thead").all("th").slice(1);
const press = (table, index) => headsOf(table)[index].querySelector("button").fire("click");

test("the figures of an entry are its measures, and its costs if it ran", () => {
  const figures = { PSNR: 30 };
  assert.deepEqual(valuesOf({ figures, cost: null }), figures);
  const cost = { loadSeconds: 1, runSeconds: 2, peakBytes: 3, passes: 1 };
  assert.deepEqual(valuesOf({ figures, cost }), { PSNR: 30, loadSeconds: 1, runSeconds: 2, peakBytes: 3 });
  assert.deepEqual(valuesOf({ figures, cost: { ...cost, peakBytes: null } }),
    { PSNR: 30, loadSeconds: 1, runSeconds: 2 });
});

test("only columns that hold something are shown, with their units", () => {
  const table = new FigureTable();
  table.show(ROWS, MEASURES);
  assert.deepEqual(headsOf(table).map((cell) => cell.textContent), ["Time (s) ↓", "PSNR (dB) ↑", "GMSD ↓"]);
  assert.equal(table.element.hidden, false);
  table.show([{ name: "A", values: {} }], MEASURES);
  assert.equal(table.element.hidden, true);
});

test("the best are marked, and what is not known is a dash", () => {
  const table = new FigureTable();
  table.show(ROWS, MEASURES);
  const cells = table.element.querySelector("tbody").all("tr").map((row) =>
    row.all("td").map((cell) => (cell.className === "best" ? `*${cell.textContent}` : cell.textContent)));
  assert.deepEqual(cells, [
    ["4.00", "30.0", "0.2"], ["–", "*33.0 (best)", "0.2"], ["*2.00 (best)", "–", "*0.1 (best)"],
  ]);
});

test("a click on a head sorts best first, a second one gives the first order back", () => {
  const table = new FigureTable();
  table.show(ROWS, MEASURES);
  assert.deepEqual(namesOf(table), ["A", "B", "C"]);
  press(table, 1);
  assert.deepEqual(namesOf(table), ["B", "A", "C"]);
  assert.equal(headsOf(table)[1].getAttribute("aria-sort"), "descending");
  press(table, 0);
  assert.deepEqual(namesOf(table), ["C", "A", "B"]);
  assert.equal(headsOf(table)[0].getAttribute("aria-sort"), "ascending");
  assert.equal(headsOf(table)[1].getAttribute("aria-sort"), null);
  press(table, 0);
  assert.deepEqual(namesOf(table), ["A", "B", "C"]);
});

test("the same figures are not drawn again, so that what is open and in focus stays", () => {
  const table = new FigureTable();
  table.show(ROWS, MEASURES);
  const first = table.element.children[0];
  table.show(structuredClone(ROWS), MEASURES);
  assert.equal(table.element.children[0], first);
  table.element.querySelector("details").open = true;
  table.show(ROWS.slice(1), MEASURES);
  assert.notEqual(table.element.children[0], first);
  assert.equal(table.element.querySelector("details").open, true, "the legend stays open");
});

test("the legend explains every column that is shown", () => {
  const table = new FigureTable();
  table.show(ROWS, MEASURES);
  const texts = table.element.querySelector("details").all("dd").map((each) => each.textContent);
  assert.equal(texts.length, 3);
  assert.ok(texts.includes("What PSNR is. Higher is better."));
  assert.ok(texts.includes("What GMSD is. Lower is better."));
});
