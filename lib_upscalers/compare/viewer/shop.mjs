// The catalogue's models as data: search, filters, order, and the words that a card shows.

import { say } from "./words.mjs";

/**
 * @typedef {{
 *   id: string, name: string, authors: string[], licence: string, words: string, paid: string,
 *   tags: string[], text: string, date: string, architecture: string, scale: number,
 *   size: number | null, way: string, speed: string, problem: string, sha256: string,
 *   page: string, pictures: { before: string, after: string }[], folded?: string,
 * }} Model
 * @typedef {{
 *   text: string, scale: string, architecture: string, tag: string, paid: boolean,
 *   direct: boolean, here: boolean, order: string,
 * }} Wanted
 */

const WAYS = ["direct", "extra", "page"];
const SPEEDS = ["fast", "medium", "slow"];

/** @type {Wanted} */
export const NOTHING = {
  text: "", scale: "", architecture: "", tag: "", paid: false, direct: false, here: false,
  order: "fit",
};

/**
 * Return all that is searched of a model; it is made once.
 * @param {Model} model
 */
function folded(model) {
  model.folded ??= [
    model.name, model.id, ...model.authors, ...model.tags, model.architecture, model.text,
  ].join("\n").toLowerCase();
  return model.folded;
}

/**
 * Make what is searched of all models, so that the first key is as quick as the others.
 * @param {Model[]} models
 */
export function prepare(models) {
  models.forEach(folded);
}

/**
 * Return the models that pass, in order.
 * @param {Model[]} models
 * @param {Wanted} wanted
 */
export function choose(models, wanted) {
  const words = wanted.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = models.filter((model) => passes(model, wanted, words));
  // What a comparison needs is found once a model, not once a comparison.
  const ranked = found.map((model) => ({ model, rank: rankOf(model, wanted.order, words) }));
  ranked.sort((one, other) => one.rank - other.rank || newer(one.model.date, other.model.date));
  return ranked.map(({ model }) => model);
}

/**
 * @param {Model} model
 * @param {Wanted} wanted
 * @param {string[]} words
 */
function passes(model, wanted, words) {
  return (!wanted.scale || String(model.scale) === wanted.scale)
    && (!wanted.architecture || model.architecture === wanted.architecture)
    && (!wanted.tag || model.tags.includes(wanted.tag))
    && (!wanted.paid || model.paid === "yes")
    && (!wanted.direct || model.way === "direct")
    && (!wanted.here || !model.problem)
    && words.every((word) => folded(model).includes(word));
}

/**
 * @param {string} one
 * @param {string} other
 */
function newer(one, other) {
  if (one === other) return 0;
  return one > other ? -1 : 1;
}

/**
 * Return a model's place in an order; of equal ones the newer comes first.
 * @param {Model} model
 * @param {string} order
 * @param {string[]} words
 */
function rankOf(model, order, words) {
  if (order === "newest") return 0;
  if (order === "size") return model.size ?? Number.MAX_SAFE_INTEGER;
  // What was not measured counts as in between.
  if (order === "speed") return model.speed ? SPEEDS.indexOf(model.speed) : 1;
  const way = WAYS.indexOf(model.way) + (model.problem ? WAYS.length : 0);
  return words.length ? way - 10 * hits(model, words) : way;
}

/**
 * @param {Model} model
 * @param {string[]} words
 */
function hits(model, words) {
  const name = `${model.name} ${model.id}`.toLowerCase();
  return words.filter((word) => name.includes(word)).length;
}

/**
 * Return the values of a field that models have, the most frequent first.
 * @param {Model[]} models
 * @param {(model: Model) => (string | number)[]} values
 */
export function frequent(models, values) {
  /** @type {Map<string, number>} */
  const counts = new Map();
  for (const model of models) {
    for (const value of values(model)) {
      counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
    }
  }
  return [...counts].sort((one, other) => other[1] - one[1]).map(([value]) => value);
}

/**
 * Return a number of bytes as people read it.
 * @param {number | null} bytes
 */
export function size(bytes) {
  if (!bytes) return say("size not stated");
  if (bytes < 1e6) return say("{size} kB", { size: Math.round(bytes / 1e3) });
  return say("{size} MB", { size: (bytes / 1e6).toFixed(bytes < 1e7 ? 1 : 0) });
}

/**
 * Return when a network was used last, and how long a million pixels took.
 * @param {{used: string, seconds: number, device: string}} use
 */
export function lastUse({ used, seconds, device }) {
  if (!used) return say("not used yet");
  const when = `${say("last used")} ${used}`;
  return seconds ? `${when}, ${Number(seconds.toPrecision(2))} ${say("s a megapixel on")} ${device}` : when;
}

/**
 * Return the facts of a card in short.
 * @param {Model} model
 */
export function facts(model) {
  return [
    `${model.scale}x`, model.architecture, size(model.size),
    ...(model.speed ? [say(model.speed)] : []), ...(model.date ? [model.date] : []),
  ];
}

/**
 * Return an address only if it is one of the web over TLS, else "".
 * @param {unknown} address
 */
export function safeAddress(address) {
  return typeof address === "string" && /^https:\/\/[\w.-]+[/:?]/i.test(address) ? address : "";
}
