// The blind test: which pairs to show, and what the picks say. Pure.

/** @typedef {[number, number]} Pair */
/** A pick: the better one first; `half` where both are as good. */
/** @typedef {{better: string, worse: string, half: boolean}} Pick */

const MOST_PAIRS = 30;
// Less is the iteration's rounding.
const ALIKE = 1e-6;

/**
 * Return the items in another order; all orders are as likely.
 * @template T
 * @param {readonly T[]} items
 * @param {() => number} random from 0 up to but without 1
 * @returns {T[]}
 */
export function shuffled(items, random) {
  const result = [...items];
  for (let i = result.length - 1; i > 0; i -= 1) {
    const j = Math.floor(random() * (i + 1));
    [result[i], result[j]] = [result[j], result[i]];
  }
  return result;
}

/**
 * Return the pairs of a round, in random order and sides: every pair, or, of many, so many that
 * each one is shown about as often as all others.
 * @param {number} count
 * @param {() => number} random
 * @returns {Pair[]}
 */
export function pairsOf(count, random) {
  /** @type {Pair[]} */
  const pairs = [];
  const order = shuffled([...Array(count).keys()], random);
  // By distance on a ring: any number of whole distances shows all equally often.
  for (let step = 1; step <= Math.floor(count / 2); step += 1) {
    if (pairs.length >= MOST_PAIRS) break;
    const whole = step * 2 === count ? count / 2 : count;
    for (let i = 0; i < whole; i += 1) pairs.push([order[i], order[(i + step) % count]]);
  }
  return shuffled(pairs, random).map(([a, b]) => (random() < 0.5 ? [a, b] : [b, a]));
}

/**
 * Return how strong each name is, by the model of Bradley and Terry (1952,
 * https://doi.org/10.2307/2334029): a beats b with probability p(a) / (p(a) + p(b)). The maximum
 * of the likelihood is found by Hunter's iteration (2004, https://doi.org/10.1214/aos/1079120141).
 * Every two that were shown count as having drawn half a time more, so that nobody is infinite.
 * @param {readonly Pick[]} picks
 * @returns {{name: string, share: number, wins: number, shown: number}[]} best first; the shares
 *   add up to 1
 */
export function bradleyTerry(picks) {
  const names = [...new Set(picks.flatMap(({ better, worse }) => [better, worse]))].sort();
  const place = new Map(names.map((name, index) => [name, index]));
  const count = names.length;
  const wins = Array.from({ length: count }, () => new Float64Array(count));
  const plain = new Float64Array(count);
  const shown = new Float64Array(count);
  for (const { better, worse, half } of picks) {
    const a = /** @type {number} */ (place.get(better));
    const b = /** @type {number} */ (place.get(worse));
    wins[a][b] += half ? 0.5 : 1;
    wins[b][a] += half ? 0.5 : 0;
    plain[a] += half ? 0.5 : 1;
    plain[b] += half ? 0.5 : 0;
    shown[a] += 1;
    shown[b] += 1;
  }
  const strengths = strongest(wins);
  return names
    .map((name, i) => ({ name, share: strengths[i], wins: plain[i], shown: shown[i] }))
    .sort((a, b) => b.share - a.share);
}

/**
 * Return the places of shares that descend: those that are as strong have the same.
 * @param {readonly number[]} shares
 * @returns {number[]} from 1
 */
export function ranksOf(shares) {
  return shares.map((share) => 1 + shares.filter((other) => other - share > ALIKE).length);
}

/**
 * @param {Float64Array[]} wins
 * @returns {Float64Array}
 */
function strongest(wins) {
  const count = wins.length;
  for (let a = 0; a < count; a += 1) {
    for (let b = 0; b < a; b += 1) {
      if (!wins[a][b] && !wins[b][a]) continue;
      wins[a][b] += 0.25;
      wins[b][a] += 0.25;
    }
  }
  let strengths = new Float64Array(count).fill(1 / count);
  for (let round = 0; round < 2000; round += 1) {
    const next = strengths.map((strength, a) => {
      let won = 0;
      let weight = 0;
      for (let b = 0; b < count; b += 1) {
        const met = wins[a][b] + wins[b][a];
        won += wins[a][b];
        if (met) weight += met / (strength + strengths[b]);
      }
      return won / weight;
    });
    const sum = next.reduce((total, value) => total + value, 0);
    const scaled = next.map((value) => value / sum);
    const moved = Math.max(...scaled.map((value, i) => Math.abs(value - strengths[i])));
    strengths = scaled;
    if (moved < 1e-12) break;
  }
  return strengths;
}
