// The viewer's words in the reader's language: WebUIs and the app hand the page a table.

import { translatorOf } from "./translator.mjs";

/** @type {{localization?: Record<string, unknown>}} */
const reader = /** @type {any} */ (globalThis);

/** Whether the page is in a language other than English. */
export function isTranslated() {
  return Object.keys(reader.localization ?? {}).length > 0;
}

/**
 * Return a text as the page has it, or as it is.
 * @param {string} text
 */
export function translated(text) {
  const known = reader.localization?.[text];
  return typeof known === "string" && known ? known : text;
}

/**
 * Put values into the places of a text.
 * @param {string} text with places such as {name}
 * @param {Record<string, string | number>} values
 */
export function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}

/**
 * Return a text as the reader has it, or as it is.
 * @param {string} text with places such as {name}
 * @param {Record<string, string | number>} values what is put there
 */
export function say(text, values = {}) {
  return filled(translated(text), values);
}

/** @type {{table?: object, translate: (text: string) => string}} */
const made = { translate: (text) => text };

/**
 * Return a finished text, which has values in it, as far as the reader's table has it.
 * @param {string} text
 */
export function read(text) {
  const table = reader.localization ?? {};
  if (made.table !== table) {
    made.table = table;
    made.translate = translatorOf(table);
  }
  return made.translate(text);
}
