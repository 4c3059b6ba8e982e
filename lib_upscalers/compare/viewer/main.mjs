// Defines the element. It may be loaded several times in one page.

import { ViewerElement } from "./element.mjs";
import { showReport } from "./report.mjs";
import { ShopElement } from "./shop_element.mjs";

export { showReport };

if (!customElements.get("upscaler-lab-viewer")) {
  customElements.define("upscaler-lab-viewer", ViewerElement);
}
if (!customElements.get("upscaler-lab-models")) {
  customElements.define("upscaler-lab-models", ShopElement);
}
