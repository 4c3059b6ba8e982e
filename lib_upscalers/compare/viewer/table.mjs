// The figures of all upscalers as a table that can be sorted.

import { make, named, redraw } from "./dom.mjs";
import { bestOf, COST_MEASURES, ordered, written } from "./figures.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./figures.mjs").Measure} Measure */
/** @typedef {import("./items.mjs").Entry} Entry */
/** @typedef {{name: string, values: Record<string, number>}} Row */

/**
 * @param {Entry} entry
 * @returns {Record<string, number>}
 */
export function valuesOf(entry) {
  const { cost, figures } = entry;
  if (!cost) return figures;
  const { loadSeconds, runSeconds, peakBytes } = cost;
  return { ...figures, loadSeconds, runSeconds, ...(peakBytes === null ? {} : { peakBytes }) };
}

/**
 * Return what the figures mean, for those who cannot point at a column's head.
 * @param {Measure[]} measures
 * @param {boolean} open
 */
function legend(measures, open) {
  const list = make("dl");
  for (const { label, explanation, better } of measures) {
    list.append(make("dt", {}, say(label)), make("dd", {}, `${say(explanation)} ${direction(better)}`));
  }
  const element = make("details", { class: "legend" },
    make("summary", {}, say("What do these figures mean?")), list);
  element.open = open;
  return element;
}

/** @param {"higher" | "lower"} better */
function direction(better) {
  return better === "higher" ? say("Higher is better.") : say("Lower is better.");
}

/** A table of rows; a click on a column's head sorts by it, best first. */
export class FigureTable {
  constructor() {
    this.element = make("div", { class: "table", tabindex: "0", role: "region" });
    this.element.setAttribute("aria-label", say("Figures"));
    this.sortedBy = "";
    /** @type {Measure[]} */
    this.measures = [];
    /** @type {Row[]} */
    this.rows = [];
    this.written = "";
  }

  /**
   * @param {Row[]} rows
   * @param {Measure[]} measures
   */
  show(rows, measures) {
    const text = JSON.stringify([rows, measures, this.sortedBy]);
    if (text === this.written) return;
    this.written = text;
    this.rows = rows;
    const all = [...COST_MEASURES, ...measures];
    this.measures = all.filter(({ name }) => rows.some(({ values }) => name in values));
    this.element.hidden = !this.measures.length;
    this.render();
  }

  render() {
    const sorting = this.measures.find(({ name }) => name === this.sortedBy);
    const order = sorting
      ? ordered(this.rows.map(({ values }) => values[sorting.name]), sorting.better)
      : this.rows.map((_, index) => index);
    const head = make("tr", {}, make("th", { scope: "col" }, say("Upscaler")));
    head.append(...this.measures.map((measure) => this.head(measure)));
    const body = make("tbody", {}, ...order.map((index) => this.line(this.rows[index])));
    const open = this.element.querySelector("details")?.open ?? false;
    const table = make("table", {}, make("thead", {}, head), body);
    redraw(this.element, () => this.element.replaceChildren(table, legend(this.measures, open)));
  }

  /** @param {Measure} measure */
  head(measure) {
    const arrow = measure.better === "higher" ? "↑" : "↓";
    const sorted = this.sortedBy === measure.name;
    const title = `${say(measure.explanation)} ${direction(measure.better)} ${say("Click to sort.")}`;
    const text = measure.unit ? `${say(measure.label)} (${say(measure.unit)})` : say(measure.label);
    const press = make("button", { type: "button", title }, `${text} ${arrow}`);
    press.setAttribute("aria-label", `${text}: ${title}`);
    press.addEventListener("click", () => {
      this.sortedBy = sorted ? "" : measure.name;
      this.render();
    });
    const cell = make("th", { scope: "col" }, press);
    if (sorted) cell.setAttribute("aria-sort", measure.better === "higher" ? "descending" : "ascending");
    return cell;
  }

  /** @param {Row} row */
  line(row) {
    const line = make("tr", {}, named("th", { scope: "row" }, row.name));
    for (const measure of this.measures) {
      const all = this.rows.map(({ values }) => values[measure.name]);
      const value = row.values[measure.name];
      const cell = make("td", {}, written(value, measure));
      if (value !== undefined && value === bestOf(all, measure.better)) {
        cell.className = "best";
        cell.append(make("span", { class: "hidden" }, ` (${say("best")})`));
      }
      line.append(cell);
    }
    return line;
  }
}
