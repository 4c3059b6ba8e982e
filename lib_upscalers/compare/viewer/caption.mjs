// What stands below a picture.

import { button, make } from "./dom.mjs";
import { detailsOf, factsOf } from "./items.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./items.mjs").Item} Item */
/**
 * @typedef {object} Captions
 * @property {boolean} nameless whether names are kept secret
 * @property {string[]} uses what a result can be used for, as the page says
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
  const text = JSON.stringify([items, heading, captions.nameless]);
  if (caption.dataset.written === text) return;
  caption.dataset.written = text;
  const [item] = items;
  const name = make("b", { title: heading }, heading);
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
  const uses = captions.uses.map((use, index) => {
    const title = say("Use {name} in {place}", { name: item.label, place: use });
    return button(`→ ${use}`, title, () => captions.onUse(index, item));
  });
  return [make("div", { class: "actions" }, link, ...uses)];
}
