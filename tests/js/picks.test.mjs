import assert from "node:assert/strict";
import test from "node:test";

import { between, pickOf, tallies } from "../../lib_upscalers/compare/viewer/picks.mjs";

const item = (label, upscaler, strength) => ({ key: label, label, shown: null, entry: upscaler === undefined ? null : { upscaler, strength } });
const pick = (better, worse, half = false, strengths = [null, null]) => ({
  id: `${better}${worse}`, better, worse, half, kind: "", better_strength: strengths[0], worse_strength: strengths[1],
});

test("a pick names the upscalers, and of finished pictures the strengths", () => {
  const found = pickOf("1", item("A, 0.3", "A", 0.3), item("B, 0.45", "B", 0.45), true, "drawing");
  assert.deepEqual(found, {
    id: "1", better: "A", worse: "B", half: true, kind: "drawing", better_strength: 0.3, worse_strength: 0.45,
  });
  const plain = pickOf("2", item("A"), item("B", "", null), false, "");
  assert.deepEqual([plain.better, plain.worse, plain.better_strength, plain.worse_strength], ["A", "B", null, null]);
});

test("picks count for the labels that they had", () => {
  const picks = [pick("A", "B", false, [0.3, 0.45]), pick("A", "B"), pick("A", "C")];
  assert.deepEqual(between(picks, new Set(["A", "B"])), [{ better: "A", worse: "B", half: false }]);
  const finished = between(picks, new Set(["A, 0.3", "B, 0.45"]));
  assert.deepEqual(finished, [{ better: "A, 0.3", worse: "B, 0.45", half: false }]);
});

test("a tally counts pairs of two upscalers, and those that one of them won", () => {
  const picks = [
    pick("B", "A"), pick("A", "B"), pick("B", "A", false, [0.3, 0.6]), pick("A", "B", true),
    pick("C", "A"), pick("A", "A", false, [0.3, 0.6]),
  ];
  assert.deepEqual(tallies(picks), [
    { better: "B", worse: "A", wins: 2, pairs: 4 }, { better: "C", worse: "A", wins: 1, pairs: 1 },
  ]);
});
