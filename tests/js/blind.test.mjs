import assert from "node:assert/strict";
import test from "node:test";

import { bradleyTerry, pairsOf, ranksOf, shuffled } from "../../lib_upscalers/compare/viewer/blind.mjs";

/** Random numbers, the same every time. */
function randomOf(seed) {
  let state = seed;
  return () => {
    state = (state * 48271) % 2147483647;
    return state / 2147483647;
  };
}

const won = (better, worse, times = 1) =>
  Array.from({ length: times }, () => ({ better, worse, half: false }));

test("shuffling keeps all, and every order comes about as often", () => {
  const random = randomOf(5);
  const seen = new Map();
  for (let i = 0; i < 6000; i += 1) {
    const order = shuffled(["a", "b", "c"], random).join("");
    seen.set(order, (seen.get(order) ?? 0) + 1);
  }
  assert.equal(seen.size, 6);
  for (const times of seen.values()) assert.ok(times > 850 && times < 1150);
});

test("every pair once for a few, each as often as all others for many", () => {
  for (let count = 2; count <= 12; count += 1) {
    const pairs = pairsOf(count, randomOf(count));
    const keys = pairs.map(([a, b]) => [Math.min(a, b), Math.max(a, b)].join());
    assert.equal(new Set(keys).size, pairs.length, "no pair twice");
    assert.ok(pairs.every(([a, b]) => a !== b));
    if (count <= 8) assert.equal(pairs.length, (count * (count - 1)) / 2);
    const shows = Array(count).fill(0);
    for (const pair of pairs) for (const index of pair) shows[index] += 1;
    assert.equal(new Set(shows).size, 1);
  }
});

test("two of them have the closed form", () => {
  // 6 wins to 2, and a draw of half a time: 6.25 / 8.5.
  const [first, second] = bradleyTerry([...won("a", "b", 6), ...won("b", "a", 2)]);
  assert.equal(first.name, "a");
  assert.ok(Math.abs(first.share - 6.25 / 8.5) < 1e-9);
  assert.ok(Math.abs(first.share + second.share - 1) < 1e-9);
  assert.deepEqual([first.wins, first.shown], [6, 8]);
});

test("the likelihood has its maximum there", () => {
  const picks = [
    ...won("a", "b", 5), ...won("b", "a", 2), ...won("b", "c", 4), ...won("c", "b", 3),
    ...won("a", "c", 6), ...won("c", "a", 1), { better: "a", worse: "c", half: true },
  ];
  const found = Object.fromEntries(bradleyTerry(picks).map(({ name, share }) => [name, share]));
  const likelihood = (share) => {
    const log = (a, b) => Math.log(share[a] / (share[a] + share[b]));
    let sum = 0;
    for (const { better, worse, half } of picks) {
      sum += half ? (log(better, worse) + log(worse, better)) / 2 : log(better, worse);
    }
    for (const [a, b] of [["a", "b"], ["b", "c"], ["a", "c"]]) sum += (log(a, b) + log(b, a)) / 4;
    return sum;
  };
  const best = likelihood(found);
  for (const name of ["a", "b", "c"]) {
    for (const factor of [0.98, 1.02]) {
      assert.ok(likelihood({ ...found, [name]: found[name] * factor }) < best);
    }
  }
});

test("who always wins is first, and finite; draws are even", () => {
  const [first, second] = bradleyTerry(won("z", "a", 10));
  assert.equal(first.name, "z");
  assert.ok(second.share > 0);
  const even = bradleyTerry([{ better: "a", worse: "b", half: true }]);
  assert.ok(Math.abs(even[0].share - 0.5) < 1e-9);
  assert.deepEqual(bradleyTerry([]), []);
});

test("those who never met are ranked by those whom both met", () => {
  const [first, second, third] = bradleyTerry([...won("a", "b", 3), ...won("b", "c", 3)]);
  assert.deepEqual([first.name, second.name, third.name], ["a", "b", "c"]);
  // Of a chain, each step has the closed form of two: 3.25 to 0.25.
  assert.ok(Math.abs(first.share / second.share - 13) < 1e-3);
  assert.ok(Math.abs(second.share / third.share - 13) < 1e-3);
});

test("those who were never compared with one another get shares all the same", () => {
  const ranks = bradleyTerry([...won("a", "b", 3), ...won("c", "d", 3)]);
  assert.ok(Math.abs(ranks.reduce((sum, { share }) => sum + share, 0) - 1) < 1e-9);
  assert.ok(ranks.every(({ share }) => share > 0));
});

test("those that are as strong share a place", () => {
  const even = bradleyTerry([...won("a", "b"), ...won("b", "c"), ...won("c", "a")]);
  assert.deepEqual(ranksOf(even.map(({ share }) => share)), [1, 1, 1]);
  assert.deepEqual(ranksOf([0.4, 0.25, 0.25, 0.1]), [1, 2, 2, 4]);
});
