// Defines the element. It may be loaded several times in one page.

import { ViewerElement } from "./element.mjs";
import { showReport } from "./report.mjs";

export { showReport };

if (!customElements.get("upscaler-lab-viewer")) {
  customElements.define("upscaler-lab-viewer", ViewerElement);
}
