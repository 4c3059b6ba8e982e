// Translates the texts of a page where they stand: what gradio and the program write is English.

import { MENU, MENU_LIST, translateMenu } from "./menu_words.mjs";
import { isTranslated, read, translated } from "./words.mjs";

// Names, what somebody has typed, and what is no text.
const LEFT = "code, pre, script, style, textarea, option, svg, [translate=no], .token";
const ATTRIBUTES = ["title", "aria-label", "placeholder", "alt"];
// Of a WebUI's page only what is ours, the notes that errors are shown in, and the remarks below a
// finished picture.
const OURS = "[id^=upscaler_lab], [id^=upscaler-lab], #tab_upscaler_lab, .toast-wrap, .toast-body, p.comments";

/**
 * Return a text in the reader's words; the entries of a menu are names where no text is just that.
 * @param {Element | null} place where it stands
 * @param {string} text
 */
function readIn(place, text) {
  return place?.closest(MENU_LIST) ? translated(text) : read(text);
}

/**
 * Translate all texts below a node, and every one that comes or changes.
 * @param {Node} root
 * @param {string} ours the elements that are translated with all inside; "" for everything
 * @param {(text: string) => boolean} isText whether a text is more than a name
 */
function translateBelow(root, ours, isText) {
  /** @param {Element} element */
  const isOurs = (element) => !ours || element.closest(ours) !== null;

  /** @type {WeakMap<Node, string>} */
  const written = new WeakMap();

  /** @param {Text} node */
  const translateText = (node) => {
    const around = node.parentElement;
    const bare = node.data.trim();
    if (!bare || written.get(node) === node.data || !isText(bare)) return;
    if (around && (around.closest(LEFT) || !isOurs(around))) return;
    const text = readIn(around, bare);
    if (text === bare) return;
    const whole = node.data.replace(bare, () => text);
    written.set(node, whole);
    node.data = whole;
  };

  /** @param {Element} element */
  const translateAttributes = (element) => {
    if (element.closest("[translate=no]") || !isOurs(element)) return;
    if (element instanceof HTMLInputElement && element.matches(MENU)) translateMenu(element);
    for (const name of ATTRIBUTES) {
      const before = element.getAttribute(name);
      const text = before && isText(before) ? readIn(element, before) : before;
      if (text && text !== before) element.setAttribute(name, text);
    }
  };

  /** @param {Node} node */
  const translateAll = (node) => {
    if (node instanceof Text) translateText(node);
    if (node instanceof Element) {
      if (!isOurs(node) && !node.querySelector(ours)) return;
      translateAttributes(node);
    }
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT | NodeFilter.SHOW_ELEMENT);
    for (let each = walker.nextNode(); each; each = walker.nextNode()) {
      if (each instanceof Text) translateText(each);
      else if (each instanceof Element) translateAttributes(each);
    }
  };

  new MutationObserver((changes) => {
    for (const { type, target, addedNodes } of changes) {
      if (type === "childList") addedNodes.forEach(translateAll);
      else if (target instanceof Text) translateText(target);
      else if (target instanceof Element) translateAttributes(target);
    }
  }).observe(root, {
    subtree: true, childList: true, characterData: true, attributes: true, attributeFilter: ATTRIBUTES,
  });
  translateAll(root);
}

/**
 * Translate what an element shows inside; its single words it has translated itself.
 * @param {ShadowRoot} root
 */
export function translateInside(root) {
  if (isTranslated()) translateBelow(root, "", (text) => /\s|[.!?…]$/.test(text));
}

/** Translate the page around: all of the app or a report, and what is ours in a WebUI. */
export function translatePage() {
  if (!isTranslated()) return;
  const alone = document.documentElement.hasAttribute("data-upscaler-lab-alone");
  document.title = alone ? read(document.title) : document.title;
  translateBelow(document.body, alone ? "" : OURS, () => true);
}
