// Picks of blind tests, as the program around stores them. Pure.

/** @typedef {import("./items.mjs").Item} Item */
/**
 * A pick: upscalers, and of finished pictures the denoising strengths; `half` where both are as
 * good.
 * @typedef {object} Pick
 * @property {string} id
 * @property {string} better
 * @property {string} worse
 * @property {boolean} half
 * @property {string} kind of picture: drawing, photograph or ""
 * @property {number | null} better_strength
 * @property {number | null} worse_strength
 */
/** @typedef {{better: string, worse: string, wins: number, pairs: number}} Tally */

/**
 * Return the pick of an item before another one.
 * @param {string} id
 * @param {Item} better
 * @param {Item} worse
 * @param {boolean} half
 * @param {string} kind
 * @returns {Pick}
 */
export function pickOf(id, better, worse, half, kind) {
  const [won, lost] = [better, worse].map(({ label, entry }) => ({
    name: entry?.upscaler || label, strength: entry?.strength ?? null,
  }));
  return {
    id, half, kind, better: won.name, worse: lost.name,
    better_strength: won.strength, worse_strength: lost.strength,
  };
}

/**
 * Return what an upscaler is called in a comparison.
 * @param {string} name
 * @param {number | null} strength
 */
function labelOf(name, strength) {
  return strength === null ? name : `${name}, ${strength}`;
}

/**
 * Return the picks between results of these names, as labels.
 * @param {readonly Pick[]} picks
 * @param {ReadonlySet<string>} labels
 * @returns {import("./blind.mjs").Pick[]}
 */
export function between(picks, labels) {
  return picks.map(({ better, worse, half, better_strength, worse_strength }) => ({
    better: labelOf(better, better_strength), worse: labelOf(worse, worse_strength), half,
  })).filter(({ better, worse }) => labels.has(better) && labels.has(worse));
}

/**
 * Return how often which upscaler was preferred to which, whatever the strengths were; those with
 * most pairs first.
 * @param {readonly Pick[]} picks
 * @returns {Tally[]}
 */
export function tallies(picks) {
  /** @type {Map<string, {names: string[], wins: number[], pairs: number}>} */
  const met = new Map();
  for (const { better, worse, half } of picks) {
    if (better === worse) continue;
    const names = [better, worse].sort();
    const key = JSON.stringify(names);
    const tally = met.get(key) ?? { names, wins: [0, 0], pairs: 0 };
    tally.pairs += 1;
    if (!half) tally.wins[names.indexOf(better)] += 1;
    met.set(key, tally);
  }
  return [...met.values()].sort((a, b) => b.pairs - a.pairs).map(({ names, wins, pairs }) => {
    const best = wins[1] > wins[0] ? 1 : 0;
    return { better: names[best], worse: names[1 - best], wins: wins[best], pairs };
  });
}
