import assert from "node:assert/strict";
import test from "node:test";

import { BlindTest } from "../../lib_upscalers/compare/viewer/blind_test.mjs";
import { providePage, storage } from "./fake_page.mjs";

providePage();

const items = (...labels) => labels.map((label) => ({ key: label, label, shown: null, entry: null }));
const press = (element, text) => element.all("button").find((each) => each.textContent.includes(text)).fire("click");
const keeper = (picks = []) => {
  const messages = [];
  return { picks, storing: true, messages, send: (message) => messages.push(structuredClone(message)) };
};
const stored = (better, worse) => ({
  id: `${better}${worse}`, better, worse, half: false, kind: "", better_strength: null, worse_strength: null,
});

test("every pair is asked for once, by places and not by names; then the result is shown", () => {
  const pairs = [];
  const blind = new BlindTest((pair) => pairs.push(pair));
  blind.start(items("A", "B", "C"));
  for (let at = 1; at <= 3; at += 1) {
    assert.match(blind.element.textContent, new RegExp(`Which is better\\? ${at} of 3`));
    assert.doesNotMatch(blind.element.textContent.replace("Both alike", ""), /[ABC]\b/);
    const [left, right] = pairs.at(-1).map(({ label }) => label);
    press(blind.element, left < right ? "Left" : "Right"); // A before B before C
  }
  assert.equal(pairs.at(-1), null);
  const rows = blind.element.all("tr").slice(1).map((row) => row.querySelector("th").textContent);
  assert.deepEqual(rows, ["A", "B", "C"]);
  assert.match(blind.element.textContent, /2 of 2/);
  assert.match(blind.element.textContent, /You preferred A to B 1 of 1 times\./);
});

test("a draw counts for both", () => {
  const blind = new BlindTest(() => {});
  blind.start(items("A", "B"));
  press(blind.element, "Both alike");
  assert.deepEqual(blind.picks.map(({ half }) => half), [true]);
  assert.equal(blind.element.textContent.match(/50 %/g).length, 2);
});

test("a report without a program around counts its own rounds, and offers to store nothing", () => {
  const blind = new BlindTest(() => {});
  blind.start(items("A", "B"));
  press(blind.element, "Left");
  press(blind.element, "Another round");
  press(blind.element, "Right");
  assert.equal(blind.picks.length, 2);
  assert.equal(blind.element.all("button").length, 1);
});

test("each pick is sent, with the kind of picture and those just before", () => {
  globalThis.localStorage = storage();
  const kept = keeper();
  const blind = new BlindTest(() => {}, kept);
  blind.start(items("A", "B", "C"));
  const select = blind.element.querySelector("select");
  select.value = "drawing";
  select.fire("change");
  press(blind.element, "Left");
  press(blind.element, "Right");
  assert.deepEqual(kept.messages.map(({ action, picks }) => [action, picks.length]), [["add", 1], ["add", 2]]);
  const ids = kept.messages[1].picks.map(({ id }) => id);
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(kept.messages[1].picks.map(({ kind }) => kind), ["drawing", "drawing"]);
});

test("what was stored counts too, once", () => {
  globalThis.localStorage = storage();
  const kept = keeper([stored("A", "B"), stored("A", "B2")]);
  const blind = new BlindTest(() => {}, kept);
  blind.start(items("A", "B"));
  press(blind.element, "Both alike");
  assert.equal(blind.element.all("tr").length, 3);
  kept.picks.push(blind.picks[0]);
  blind.tell();
  assert.match(blind.element.textContent, /You preferred A to B 1 of 2 times\./);
});

test("storing is switched, picks are exported and forgotten", () => {
  globalThis.localStorage = storage();
  const kept = keeper([stored("A", "B")]);
  const blind = new BlindTest(() => {}, kept);
  blind.start(items("A", "B"));
  press(blind.element, "Left");
  const box = blind.element.querySelector("input");
  box.checked = false;
  box.fire("change");
  press(blind.element, "Export");
  press(blind.element, "Forget all picks");
  assert.deepEqual(kept.messages.slice(1), [
    { action: "switch", storing: false }, { action: "export" }, { action: "forget" },
  ]);
  assert.deepEqual([kept.picks, blind.picks, kept.storing], [[], [], false]);
  assert.match(blind.element.textContent, /1 of 1/);
});

test("what an older version left in the browser is handed over, once", () => {
  const old = [{ better: "A", worse: "B", half: false }, null, { better: 3 }];
  globalThis.localStorage = storage({ "upscaler-lab-picks": JSON.stringify(old) });
  const kept = keeper();
  const blind = new BlindTest(() => {}, kept);
  blind.start(items("A", "B"));
  blind.start(items("A", "B"));
  assert.equal(kept.messages.length, 1);
  assert.deepEqual(kept.messages[0].picks.map(({ better, worse }) => [better, worse]), [["A", "B"]]);
  assert.equal(kept.picks.length, 1);
});

test("a browser without storage, or with something else in it, hands nothing over", () => {
  const fails = () => { throw new Error("SecurityError"); };
  for (const store of [{ getItem: fails }, storage({ "upscaler-lab-picks": "{" }), storage({ "upscaler-lab-picks": "{}" })]) {
    globalThis.localStorage = store;
    const kept = keeper();
    new BlindTest(() => {}, kept).start(items("A", "B"));
    assert.deepEqual(kept.messages, []);
  }
});

test("finished pictures are told by upscaler, whatever their strengths", () => {
  globalThis.localStorage = storage();
  const finished = (upscaler, strength) => ({
    key: upscaler, label: `${upscaler}, ${strength}`, shown: null, entry: { upscaler, strength },
  });
  const blind = new BlindTest(() => {}, keeper([stored("A", "B")]));
  blind.start([finished("A", 0.3), finished("B", 0.45)]);
  press(blind.element, "Both alike");
  assert.match(blind.element.textContent, /You preferred A to B 1 of 2 times\./);
  assert.equal(blind.element.all("tr").length, 3);
});
