import assert from "node:assert/strict";
import test from "node:test";

import { nameTokens } from "../../lib_upscalers/compare/viewer/token_names.mjs";

function token(text, title) {
  const attributes = { title };
  const remove = title === undefined ? null : {
    writes: 0,
    getAttribute: (name) => attributes[name],
    setAttribute(name, value) { attributes[name] = value; this.writes += 1; },
  };
  return { textContent: text, remove, attributes, querySelector: () => remove };
}

test("a button that takes an upscaler away is called by its name, and written once", () => {
  globalThis.localization = {};
  const tokens = [token(" Lab Fast 2x ", "Remove 6"), token("Nearest"), token(null, "Remove 1")];
  const menu = { querySelectorAll: () => tokens };
  nameTokens(menu);
  nameTokens(menu);
  assert.deepEqual(tokens.map(({ attributes }) => attributes.title),
    ["Remove Lab Fast 2x", undefined, "Remove "]);
  assert.equal(tokens[0].remove.writes, 1);
});

test("it speaks the reader's language", () => {
  globalThis.localization = { "Remove {name}": "Убрать {name}" };
  const chosen = token("Nearest", "Удалить 6");
  nameTokens({ querySelectorAll: () => [chosen] });
  assert.equal(chosen.attributes.title, "Убрать Nearest");
});
