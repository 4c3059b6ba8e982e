// The viewer's words in the reader's language: WebUIs hand the page a table of translations.

/** @type {{localization?: Record<string, unknown>}} */
const reader = /** @type {any} */ (globalThis);

/**
 * Return a text as the reader has it, or as it is.
 * @param {string} text with places such as {name}
 * @param {Record<string, string | number>} values what is put there
 */
export function say(text, values = {}) {
  const known = reader.localization?.[text];
  const said = typeof known === "string" && known ? known : text;
  return said.replace(/\{(\w+)\}/g, (place, name) => String(values[name] ?? place));
}
