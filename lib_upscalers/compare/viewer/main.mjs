// Defines the element. It may be loaded several times in one page.

import { ViewerElement } from "./element.mjs";

if (!customElements.get("upscaler-lab-viewer")) {
  customElements.define("upscaler-lab-viewer", ViewerElement);
}
