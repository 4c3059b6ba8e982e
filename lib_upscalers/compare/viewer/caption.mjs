// What stands below a picture.

import { button, make, named } from "./dom.mjs";
import { detailsOf, factsOf } from "./items.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./items.mjs").Item} Item */
/** @typedef {{label: string, told: string}} Place */
/**
 * @typedef {object} Captions
 * @property {boolean} nameless whether names are kept secret
 * @property {Place[]} uses what a result can be used for, as the page says
 * @property {Record<string, string[]>} refused why an upscaler cannot be used so, by its name
 * @property {(use: number, item: Item) => void} onUse
 */

/**
 * Write the caption of a cell, if it is not there already.
 * @param {HTMLElement} caption
 * @param {Item[]} items
 * @param {string} heading what to call them
 * @param {Captions} captions
 */
export function writeCaption(caption, items, heading, captions) {
  const text = JSON.stringify([items, heading, captions.nameless, captions.refused]);
  if (caption.dataset.written === text) return;
  caption.dataset.written = text;
  const [item] = items;
  const name = named("b", { title: heading }, heading);
  if (items.length > 1 || captions.nameless) {
    caption.replaceChildren(name);
    return;
  }
  const facts = make("div", { class: "facts" }, ...factsOf(item).map((fact) => make("span", {}, fact)));
  const open = caption.querySelector("details")?.open ?? false;
  caption.replaceChildren(name, facts, ...details(item, open), ...actions(item, captions));
}

/**
 * @param {Item} item
 * @param {boolean} open
 */
function details({ entry }, open) {
  if (!entry?.result) return [];
  const list = make("dl");
  for (const [term, text] of detailsOf(entry)) {
    list.append(make("dt", {}, say(term)), make("dd", {}, text));
  }
  const element = make("details", {}, make("summary", {}, say("Details")), list);
  element.open = open;
  return [element];
}

/**
 * @param {Item} item
 * @param {Captions} captions
 */
function actions(item, captions) {
  const { shown, entry } = item;
  if (!shown || !entry) return [];
  const link = make("a", { href: shown.url, download: shown.file }, say("Download PNG"));
  const uses = captions.uses.map(({ label }, index) => {
    const refused = captions.refused[entry.name]?.[index] ?? "";
    const title = refused ? say(refused) : say("Use {name} in {place}", { name: item.label, place: say(label) });
    const press = button(`→ ${say(label)}`, title, () => captions.onUse(index, item));
    press.disabled = refused !== "";
    return press;
  });
  return [make("div", { class: "actions" }, link, ...uses)];
}
