// Translates finished English texts, with the values in them, by a table of templates, as
// `words/translator.py` does: "Expected {1}, but got {2}." fits every text with something there.

/**
 * A key with places.
 * @typedef {{longest: string, fixed: string[], names: string[], text: string, short: boolean,
 *   says: number}} Template
 */

const PLACE = /\{(\w+)\}/;
const COLON = /(?<=:) +/g;
// Where a text that no key fits is cut: paragraphs, lines, sentences, after a colon, lists.
const CUTS = [/\n\n+/g, /\n\s*/g, /(?<=[.!?;…]) +/g, COLON, /(?<=,) +/g];
const MOST_PARTS = 8;
const FEW_LETTERS = 7;
const GROUPED = /^\d{1,3}(,\d{3})+$/;
// Its translation tells what stands between the groups of a number's digits.
const THOUSAND = "1,000";

/**
 * @param {string} key
 * @param {string} text
 * @returns {Template}
 */
function templateOf(key, text) {
  const parts = key.split(PLACE);
  const fixed = parts.filter((_, at) => at % 2 === 0);
  const letters = [...fixed.join("")].filter((each) => /\p{L}/u.test(each)).length;
  return {
    longest: fixed.reduce((best, each) => (each.length > best.length ? each : best)),
    fixed, text, names: parts.filter((_, at) => at % 2 === 1),
    short: letters < FEW_LETTERS, says: fixed.join("").length,
  };
}

/**
 * Return what a text has in a template's places; null where it does not fit.
 * @param {Template} template
 * @param {string} text
 * @returns {Record<string, string> | null}
 */
function valuesIn({ longest, fixed, names, short }, text) {
  if (!text.includes(longest)) return null;
  const first = fixed[0];
  const last = fixed[fixed.length - 1];
  const end = text.length - last.length;
  if (first.length > end || !text.startsWith(first) || !text.endsWith(last)) return null;
  /** @type {string[]} */
  const found = [];
  let start = first.length;
  for (const part of fixed.slice(1, -1)) {
    const there = text.indexOf(part, start);
    if (there < 0 || there + part.length > end) return null;
    found.push(text.slice(start, there));
    start = there + part.length;
  }
  found.push(text.slice(start, end));
  if (short && found.some((value) => value.includes(" "))) return null;
  return Object.fromEntries(names.map((name, at) => [name, found[at]]));
}

/**
 * Return what translates texts; those that are not in the table stay as they are.
 * @param {Record<string, unknown>} table texts and templates in English, and their translations
 * @returns {(text: string) => string}
 */
export function translatorOf(table) {
  const templates = Object.entries(table)
    .flatMap(([key, text]) => (PLACE.test(key) && typeof text === "string" && text ? [templateOf(key, text)] : []))
    .sort((one, other) => other.says - one.says);

  /** @param {string} key */
  const exact = (key) => {
    const known = Object.hasOwn(table, key) ? table[key] : null;
    return typeof known === "string" && known ? known : null;
  };

  const gap = (exact(THOUSAND) ?? THOUSAND).slice(1, -3);

  /** @param {string} text */
  const whole = (text) => {
    const known = exact(text);
    if (known !== null) return known;
    const small = exact(text.slice(0, 1).toLowerCase() + text.slice(1));
    if (small !== null) return small.slice(0, 1).toUpperCase() + small.slice(1);
    for (const template of templates) {
      const values = valuesIn(template, text);
      if (!values) continue;
      const leading = template.fixed[0] ? "" : values[template.names[0]];
      // The end of a list fits, but not the list.
      if (/[,:] /.test(leading) && whole(leading) === null) continue;
      return template.text.replace(/\{(\w+)\}/g, (place, name) => part(values[name] ?? place));
    }
    return null;
  };

  /**
   * A single word stays as it is, since it may be a name.
   * @param {string} text
   * @returns {string}
   */
  const part = (text) => {
    if (GROUPED.test(text)) return text.replaceAll(",", gap);
    return text.trim().includes(" ") || /[.!?…:]$/.test(text) ? translate(text) : text;
  };

  /** @param {string} text */
  const inParts = (text) => {
    const body = text.replace(/[.,:;]+$/, "");
    const known = body === text ? null : whole(body);
    if (known !== null) return known + text.slice(body.length);
    for (const colon of text.matchAll(COLON)) {
      const rest = whole(text.slice(colon.index + colon[0].length));
      if (rest !== null) return part(text.slice(0, colon.index)) + colon[0] + rest;
    }
    const cut = CUTS.find((each) => text.search(each) >= 0);
    if (cut) return joined(text, cut);
    const bare = text.trim();
    return bare && bare !== text ? text.replace(bare, () => translate(bare)) : text;
  };

  /**
   * Translate the longest runs of parts that are in the table, and the rest part by part.
   * @param {string} text
   * @param {RegExp} cut
   */
  const joined = (text, cut) => {
    const gaps = [...text.matchAll(cut)].map((found) => [found.index, found.index + found[0].length]);
    const starts = [0, ...gaps.map(([, end]) => end)];
    const ends = [...gaps.map(([start]) => start), text.length];
    let result = "";
    for (let at = 0; at < starts.length; at += 1) {
      let last = Math.min(at + MOST_PARTS, ends.length) - 1;
      while (last > at && whole(text.slice(starts[at], ends[last])) === null) last -= 1;
      result += part(text.slice(starts[at], ends[last])) + text.slice(ends[last], starts[last + 1]);
      at = last;
    }
    return result;
  };

  /**
   * @param {string} text
   * @returns {string}
   */
  const translate = (text) => whole(text) ?? inParts(text);
  return translate;
}
