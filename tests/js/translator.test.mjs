import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { translatorOf } from "../../lib_upscalers/compare/viewer/translator.mjs";

const held = JSON.parse(readFileSync(new URL("../words/cases.json", import.meta.url), "utf-8"));

test("texts are translated as the command line does it", () => {
  const translate = translatorOf({ ...held.table, Number: 3, "{1} is a number": 3 });
  for (const [text, expected, about] of held.cases) assert.equal(translate(text), expected, about);
  assert.equal(translate("Number"), "Number");
  assert.equal(translate("toString"), "toString");
});

test("without a table a text stays as it is", () => {
  assert.equal(translatorOf({})(" Expected: a, b. "), " Expected: a, b. ");
});
