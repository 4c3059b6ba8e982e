import assert from "node:assert/strict";
import test from "node:test";

import { translateMenu } from "../../lib_upscalers/compare/viewer/menu_words.mjs";

class Field {
  #text;
  constructor(text) { this.#text = text; }
  get value() { return this.#text; }
  set value(text) { this.#text = text ?? ""; }
  /** What is on the screen, whatever a program reads. */
  get shown() { return this.#text; }
  type(text) { this.#text = text; }
}

function translatedField(text) {
  globalThis.localization = { on: "вкл.", off: "выкл." };
  const field = new Field(text);
  translateMenu(field);
  return field;
}

test("a menu shows the reader's word, and the program has its own", () => {
  const field = translatedField("on");
  assert.deepEqual([field.shown, field.value], ["вкл.", "on"]);
  field.value = "off";
  assert.deepEqual([field.shown, field.value], ["выкл.", "off"]);
  field.value = "Lanczos";
  assert.deepEqual([field.shown, field.value], ["Lanczos", "Lanczos"]);
});

test("what is typed is what the program reads", () => {
  const field = translatedField("Lanczos");
  assert.equal(field.value, "Lanczos");
  field.value = "on";
  field.type("of");
  assert.equal(field.value, "of");
  field.value = null;
  assert.equal(field.value, "");
});

test("a menu is prepared once", () => {
  const field = translatedField("on");
  translateMenu(field);
  assert.deepEqual([field.shown, field.value], ["вкл.", "on"]);
});

test("a field that cannot be read is left alone", () => {
  const field = Object.create({});
  translateMenu(field);
  assert.equal(Object.hasOwn(field, "value"), false);
  const half = Object.create(Object.create({}, { value: { get: () => "on", configurable: true } }));
  translateMenu(half);
  assert.equal(Object.hasOwn(half, "value"), false);
});

test.after(() => { delete globalThis.localization; });
