// The figures of a comparison: in order, marked, written out.

import { say } from "./words.mjs";

/**
 * @typedef {object} Measure
 * @property {string} name
 * @property {string} label
 * @property {string} unit
 * @property {"higher" | "lower"} better
 * @property {number} digits
 * @property {string} explanation
 */
/** @typedef {Record<string, number>} Figures */

/** The column of what a result cost, beside those of the measures. */
export const COST_MEASURES = Object.freeze([
  measureOf("runSeconds", "Time", "s", 2, "Time to make it, without loading the network."),
  measureOf("loadSeconds", "Load", "s", 2, "Time to load the network; next to none if it was."),
  measureOf("peakBytes", "Memory", "MB", 0, "By how much memory grew at most, while it was made."),
]);

/**
 * @param {string} name
 * @param {string} label
 * @param {string} unit
 * @param {number} digits
 * @param {string} explanation
 * @returns {Measure}
 */
function measureOf(name, label, unit, digits, explanation) {
  return { name, label, unit, better: "lower", digits, explanation };
}

/**
 * Return the values' order, best first; those that are not known come last, all else as it was.
 * @param {(number | undefined)[]} values
 * @param {"higher" | "lower"} better
 * @returns {number[]} indices
 */
export function ordered(values, better) {
  const sign = better === "higher" ? -1 : 1;
  return values
    .map((value, index) => ({ key: value === undefined ? Infinity : sign * value, index }))
    .sort((a, b) => (a.key === b.key ? a.index - b.index : a.key < b.key ? -1 : 1))
    .map(({ index }) => index);
}

/**
 * Return the best value; undefined where there is none or all are the same.
 * @param {(number | undefined)[]} values
 * @param {"higher" | "lower"} better
 */
export function bestOf(values, better) {
  const known = values.filter((value) => value !== undefined);
  const low = Math.min(...known);
  const high = Math.max(...known);
  if (known.length < 2 || low === high) return undefined;
  return better === "higher" ? high : low;
}

/**
 * @param {number | undefined} value
 * @param {Measure} measure
 */
export function written(value, measure) {
  if (value === undefined) return "–";
  const scaled = measure.unit === "MB" ? value / 1e6 : value;
  return scaled.toFixed(measure.digits);
}

/** @param {number} bytes */
export function fileSize(bytes) {
  if (bytes < 1e6) return say("{size} kB", { size: Math.max(1, Math.round(bytes / 1e3)) });
  return say("{size} MB", { size: (bytes / 1e6).toFixed(1) });
}

/** @param {number} seconds */
export function duration(seconds) {
  if (seconds < 0.01) return say("under 0.01 s");
  return say("{time} s", { time: seconds.toFixed(seconds < 1 ? 2 : 1) });
}

/**
 * Return what a box plot shows: least, quartiles, most, and the mean.
 * @param {number[]} values at least one
 */
export function fiveNumbers(values) {
  const sorted = [...values].sort((a, b) => a - b);
  /** @type {(share: number) => number} */
  const at = (share) => {
    const place = share * (sorted.length - 1);
    const low = Math.floor(place);
    const high = Math.min(low + 1, sorted.length - 1);
    return sorted[low] + (sorted[high] - sorted[low]) * (place - low);
  };
  const mean = sorted.reduce((sum, value) => sum + value, 0) / sorted.length;
  return { low: at(0), first: at(0.25), median: at(0.5), third: at(0.75), high: at(1), mean };
}
