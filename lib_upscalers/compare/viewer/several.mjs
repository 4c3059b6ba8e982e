// The figures of several pictures: means, and a box plot for each measure.

import { make } from "./dom.mjs";
import { fiveNumbers, written } from "./figures.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./figures.mjs").Measure} Measure */
/**
 * @typedef {object} Several
 * @property {"several"} kind
 * @property {number} pictures
 * @property {number} done
 * @property {Measure[]} measures
 * @property {{name: string, figures: Record<string, number[]>}[]} rows
 */

const WIDTH = 320;
const BAR = 22;
const NAMESPACE = "http://www.w3.org/2000/svg";

/**
 * Return the means as rows of a table.
 * @param {Several} several
 * @returns {{name: string, values: Record<string, number>}[]}
 */
export function meanRows(several) {
  return several.rows.map(({ name, figures }) => {
    /** @type {Record<string, number>} */
    const values = {};
    for (const [measure, all] of Object.entries(figures)) {
      if (all.length) values[measure === "seconds" ? "runSeconds" : measure] = fiveNumbers(all).mean;
    }
    return { name, values };
  });
}

/**
 * @param {string} tag
 * @param {Record<string, string | number>} attributes
 */
function shape(tag, attributes) {
  const element = document.createElementNS(NAMESPACE, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/**
 * @param {number[]} values
 * @param {(value: number) => number} place
 * @param {number} y
 */
function box(values, place, y) {
  const { low, first, median, third, high } = fiveNumbers(values);
  const middle = y + BAR / 2;
  const width = Math.max(1, place(third) - place(first));
  return [
    shape("line", { x1: place(low), x2: place(high), y1: middle, y2: middle, class: "whisker" }),
    shape("rect", { x: place(first), y: y + 4, width, height: BAR - 8, class: "box" }),
    shape("line", { x1: place(median), x2: place(median), y1: y + 2, y2: y + BAR - 2, class: "median" }),
  ];
}

/**
 * @param {Several} several
 * @param {Measure} measure
 */
function plot(several, measure) {
  const rows = several.rows.filter(({ figures }) => figures[measure.name]?.length);
  const all = rows.flatMap(({ figures }) => figures[measure.name]);
  const low = Math.min(...all);
  const span = Math.max(...all) - low || 1;
  const place = (/** @type {number} */ value) => 4 + ((value - low) / span) * (WIDTH - 8);
  const chart = shape("svg", {
    viewBox: `0 0 ${WIDTH} ${rows.length * BAR}`, role: "img",
    "aria-label": `${say(measure.label)}: ${say("least, quartiles and most of each upscaler")}`,
  });
  const names = make("div", { class: "names" });
  rows.forEach(({ name, figures }, index) => {
    chart.append(...box(figures[measure.name], place, index * BAR));
    names.append(make("span", { title: name }, name));
  });
  const scale = make("div", { class: "scale" },
    make("span", {}, written(low, measure)), make("span", {}, written(low + span, measure)));
  const title = `${say(measure.label)} ${measure.better === "higher" ? "↑" : "↓"}`;
  return make("figure", { class: "plot" }, make("figcaption", { title: say(measure.explanation) }, title),
    names, make("div", {}, chart, scale));
}

/**
 * Return a box plot for every measure that there are values of.
 * @param {Several} several
 */
export function plots(several) {
  const measured = several.measures.filter(({ name }) =>
    several.rows.some(({ figures }) => figures[name]?.length));
  return make("div", { class: "plots" }, ...measured.map((measure) => plot(several, measure)));
}
