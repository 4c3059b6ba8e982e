import assert from "node:assert/strict";
import test from "node:test";

import { firstSteps, placesOf } from "../../lib_upscalers/compare/viewer/first_steps.mjs";
import { providePage } from "./fake_page.mjs";

providePage();

test("places are read as the page writes them", () => {
  assert.deepEqual(placesOf('[{"place": "Extras", "text": 1}]'), [{ place: "Extras", text: "1" }]);
  assert.deepEqual(placesOf(null), []);
  assert.deepEqual(placesOf('{"place": "Extras"}'), []);
});

test("the first steps are three sentences and the places, and can be closed", () => {
  let closed = 0;
  const steps = firstSteps([{ place: "Extras", text: "up to three" }], () => { closed += 1; });
  assert.equal(steps.all("li").length, 3);
  assert.equal(steps.querySelector("dl").textContent, "Extrasup to three");
  steps.querySelector("button").fire("click");
  assert.equal(closed, 1);
  assert.equal(firstSteps([], () => {}).querySelector("dl"), null);
});
