// Defines the elements. It may be loaded several times in one page.

import { ViewerElement } from "./element.mjs";
import { GuideElement } from "./guide_element.mjs";
import { LanguageElement } from "./language_element.mjs";
import { translatePage } from "./page_words.mjs";
import { showReport } from "./report.mjs";
import { ShopElement } from "./shop_element.mjs";

export { showReport };

/** @type {[string, CustomElementConstructor][]} */
const ELEMENTS = [
  ["upscaler-lab-viewer", ViewerElement], ["upscaler-lab-models", ShopElement],
  ["upscaler-lab-guide", GuideElement], ["upscaler-lab-language", LanguageElement],
];
for (const [name, element] of ELEMENTS) {
  if (!customElements.get(name)) customElements.define(name, element);
}
// Another script of the same page has done it.
if (!document.documentElement.hasAttribute("data-upscaler-lab-read")) {
  document.documentElement.setAttribute("data-upscaler-lab-read", "");
  translatePage();
}
