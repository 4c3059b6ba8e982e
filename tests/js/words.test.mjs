import assert from "node:assert/strict";
import test from "node:test";

import { isTranslated, read, say } from "../../lib_upscalers/compare/viewer/words.mjs";

test("without translations a text is itself, with its values", () => {
  delete globalThis.localization;
  assert.equal(say("Fit"), "Fit");
  assert.equal(say("{at} of {all}", { at: 1, all: 3 }), "1 of 3");
});

test("a place without a value stays, so that it is seen", () => {
  assert.equal(say("load {time}"), "load {time}");
});

test("the reader's own words are taken where they are texts", () => {
  globalThis.localization = { Fit: "Ganz", Empty: "", Number: 3, "{at} of {all}": "{all}: {at}" };
  assert.equal(say("Fit"), "Ganz");
  assert.equal(say("{at} of {all}", { at: 1, all: 3 }), "3: 1");
  assert.deepEqual(["Empty", "Number", "Other"].map((text) => say(text)), ["Empty", "Number", "Other"]);
  delete globalThis.localization;
});

test("a finished text is read with the table of the moment", () => {
  delete globalThis.localization;
  assert.equal(read("Got 3 of them."), "Got 3 of them.");
  assert.equal(isTranslated(), false);
  globalThis.localization = { "Got {1} of them.": "{1} da." };
  assert.equal(read("Got 3 of them."), "3 da.");
  assert.equal(read("Got 4 of them."), "4 da.");
  assert.equal(isTranslated(), true);
  delete globalThis.localization;
});
