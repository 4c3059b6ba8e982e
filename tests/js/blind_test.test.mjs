import assert from "node:assert/strict";
import test from "node:test";

import { BlindTest } from "../../lib_upscalers/compare/viewer/blind_test.mjs";
import { providePage, storage } from "./fake_page.mjs";

providePage();

const items = (...labels) => labels.map((label) => ({ key: label, label, shown: null, entry: null }));
const press = (element, text) => element.all("button").find((each) => each.textContent.includes(text)).fire("click");

test("every pair is asked for once, by places and not by names; then the result is shown", () => {
  globalThis.localStorage = storage();
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
});

test("a draw counts for both", () => {
  globalThis.localStorage = storage();
  const blind = new BlindTest(() => {});
  blind.start(items("A", "B"));
  press(blind.element, "Both alike");
  assert.deepEqual(blind.picks.map(({ half }) => half), [true]);
  assert.equal(blind.element.textContent.match(/50 %/g).length, 2);
});

test("picks are stored for the next time, until they are to be forgotten", () => {
  globalThis.localStorage = storage();
  const blind = new BlindTest(() => {});
  blind.start(items("A", "B"));
  press(blind.element, "Left");
  assert.equal(new BlindTest(() => {}).picks.length, 1);
  press(blind.element, "Another round");
  press(blind.element, "Right");
  assert.equal(blind.picks.length, 2);
  press(blind.element, "Forget all picks");
  assert.deepEqual([blind.picks, new BlindTest(() => {}).picks], [[], []]);
  assert.match(blind.element.textContent, /1 of 1/);
});

test("picks of other upscalers do not count here", () => {
  const others = [{ better: "X", worse: "A", half: false }, { better: "A", worse: "Y", half: false }];
  globalThis.localStorage = storage({ "upscaler-lab-picks": JSON.stringify(others) });
  const blind = new BlindTest(() => {});
  blind.start(items("A", "B"));
  press(blind.element, "Left");
  assert.equal(blind.element.all("tr").length, 3);
});

test("a page without storage, or with something else in it, counts this round alone", () => {
  const fails = () => { throw new Error("SecurityError"); };
  const stores = [
    { getItem: fails, setItem: fails }, storage({ "upscaler-lab-picks": "{" }),
    storage({ "upscaler-lab-picks": '{"better": 1}' }), storage({ "upscaler-lab-picks": '[null, {"better": 3}]' }),
  ];
  for (const store of stores) {
    globalThis.localStorage = store;
    const blind = new BlindTest(() => {});
    assert.deepEqual(blind.picks, []);
    blind.start(items("A", "B"));
    press(blind.element, "Left");
    assert.equal(blind.picks.length, 1);
  }
});
