// By how much one picture differs from another, drawn into a cell's canvas.

import { contextOf, drawPicture } from "./drawing.mjs";
import { gainSteps } from "./pixels.mjs";

/** @typedef {import("./drawing.mjs").Context} Context */
/** @typedef {import("./drawing.mjs").Scene} Scene */
/** @typedef {import("./drawing.mjs").Shown} Shown */

/**
 * Draw a picture as a cell would show it, on black.
 * @param {Context} context
 * @param {Scene} scene
 * @param {Shown} shown
 * @returns {boolean} whether the picture is there
 */
function drawAlone(context, scene, shown) {
  const { width, height } = scene.cell;
  const { canvas } = context;
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = width;
    canvas.height = height;
  }
  context.globalCompositeOperation = "source-over";
  context.fillStyle = "#000";
  context.fillRect(0, 0, width, height);
  return drawPicture(context, scene, shown);
}

/**
 * Draws differences: the browser's own compositing does it several times faster than a loop over
 * pixels, which would have to be read back from where they are drawn.
 */
export class Differences {
  constructor() {
    this.plain = contextOf(document.createElement("canvas"));
    this.base = contextOf(document.createElement("canvas"));
    /** Which picture `base` holds as it is seen in this frame. */
    this.based = "";
  }

  /** A new frame begins: the view may be another. */
  begin() {
    this.based = "";
  }

  /**
   * Draw the amplified absolute difference, opaque, if both pictures are there.
   * @param {Context} context
   * @param {Scene} scene
   * @param {Shown} first
   * @param {Shown} second
   * @param {number} gain a whole number
   */
  draw(context, scene, first, second, gain) {
    const { plain, base } = this;
    if (this.based !== second.url) this.based = drawAlone(base, scene, second) ? second.url : "";
    if (!this.based || !drawAlone(plain, scene, first)) return;
    plain.globalCompositeOperation = "difference";
    plain.drawImage(base.canvas, 0, 0);
    context.drawImage(plain.canvas, 0, 0);
    context.globalCompositeOperation = "lighter";
    for (const step of gainSteps(gain)) {
      context.drawImage(step === "double" ? context.canvas : plain.canvas, 0, 0);
    }
    context.globalCompositeOperation = "source-over";
  }
}
