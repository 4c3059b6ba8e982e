// The viewer's words in the reader's language: WebUIs hand the page a table of translations.

/** @type {{localization?: Record<string, unknown>}} */
const reader = /** @type {any} */ (globalThis);

/** Whether the page around has a language of its own, English or another. */
export function hasTranslations() {
  return reader.localization !== undefined;
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
