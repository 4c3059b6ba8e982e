// Defines the elements. It may be loaded several times in one page.

import { ViewerElement } from "./element.mjs";
import { GuideElement } from "./guide_element.mjs";
import { showReport } from "./report.mjs";
import { ShopElement } from "./shop_element.mjs";

export { showReport };

/** @type {[string, CustomElementConstructor][]} */
const ELEMENTS = [
  ["upscaler-lab-viewer", ViewerElement], ["upscaler-lab-models", ShopElement],
  ["upscaler-lab-guide", GuideElement],
];
for (const [name, element] of ELEMENTS) {
  if (!customElements.get(name)) customElements.define(name, element);
}
