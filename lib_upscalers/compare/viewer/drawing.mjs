// Drawing a view into a cell's canvas.

import { visible } from "./viewport.mjs";

/** @typedef {import("./viewport.mjs").Size} Size */
/** @typedef {import("./viewport.mjs").View} View */
/** @typedef {import("./viewport.mjs").Box} Box */
/** @typedef {import("./viewport.mjs").Point} Point */
/** @typedef {{url: string, width: number, height: number}} Shown */
/**
 * @typedef {object} Scene
 * @property {import("./pictures.mjs").Pictures} pictures
 * @property {Size} frame
 * @property {Size} cell in pixels of the screen
 * @property {View} view
 * @property {boolean} smooth
 */
/** @typedef {CanvasRenderingContext2D} Context */

/**
 * @param {HTMLCanvasElement} canvas
 * @returns {Context}
 */
export function contextOf(canvas) {
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser cannot draw on a canvas.");
  return context;
}

/**
 * Draw a picture, inside `within` only.
 * @param {Context} context
 * @param {Scene} scene
 * @param {Shown} shown
 * @param {Box | null} within
 * @returns {boolean} whether there was something to draw
 */
export function drawPicture(context, scene, shown, within = null) {
  const { frame, cell, view } = scene;
  const bitmap = scene.pictures.pick(shown.url, frame.width * view.zoom);
  if (!bitmap) return false;
  const piece = visible(view, frame, cell, bitmap);
  if (!piece) return true;
  const { source, target } = piece;
  context.save();
  if (within) {
    context.beginPath();
    context.rect(within.left, within.top, within.width, within.height);
    context.clip();
  }
  const enlarged = target.width >= source.width;
  context.imageSmoothingEnabled = !enlarged || scene.smooth;
  context.imageSmoothingQuality = "low";
  context.drawImage(
    bitmap,
    source.left, source.top, source.width, source.height,
    target.left, target.top, target.width, target.height,
  );
  context.restore();
  return true;
}

/**
 * Draw a magnifier over what is there.
 * @param {Context} context
 * @param {Scene} scene
 * @param {Shown} shown
 * @param {Point} at in pixels of the screen, from the cell's corner
 * @param {number} times
 * @param {number} radius
 */
export function drawLens(context, scene, shown, at, times, radius) {
  const { view, cell } = scene;
  const spot = {
    x: view.x + (at.x - cell.width / 2) / view.zoom,
    y: view.y + (at.y - cell.height / 2) / view.zoom,
  };
  const zoom = view.zoom * times;
  const closer = {
    x: spot.x - (at.x - cell.width / 2) / zoom,
    y: spot.y - (at.y - cell.height / 2) / zoom,
    zoom,
  };
  const box = { left: at.x - radius, top: at.y - radius, width: 2 * radius, height: 2 * radius };
  context.clearRect(box.left, box.top, box.width, box.height);
  drawPicture(context, { ...scene, view: closer }, shown, box);
  context.lineWidth = 2;
  context.strokeStyle = "#fff";
  context.strokeRect(box.left, box.top, box.width, box.height);
  context.lineWidth = 1;
  context.strokeStyle = "#000";
  context.strokeRect(box.left - 1, box.top - 1, box.width + 2, box.height + 2);
}

/**
 * Draw a picture on one side of a divider, and another on its other side.
 * @param {Context} context
 * @param {Scene} scene
 * @param {[Shown, Shown]} pair
 * @param {{vertical: boolean, split: number}} divider upright or not; where, from 0 to 1
 */
export function drawPair(context, scene, pair, { vertical, split }) {
  const { width, height } = scene.cell;
  const x = vertical ? Math.round(width * split) : width;
  const y = vertical ? height : Math.round(height * split);
  drawPicture(context, scene, pair[0], { left: 0, top: 0, width: x, height: y });
  const rest = vertical
    ? { left: x, top: 0, width: width - x, height }
    : { left: 0, top: y, width, height: height - y };
  drawPicture(context, scene, pair[1], rest);
  context.fillStyle = "#fff";
  context.strokeStyle = "#000";
  context.lineWidth = 1;
  const line = vertical ? [x - 1.5, -1, 3, height + 2] : [-1, y - 1.5, width + 2, 3];
  context.fillRect(line[0], line[1], line[2], line[3]);
  context.strokeRect(line[0], line[1], line[2], line[3]);
  context.beginPath();
  const middle = vertical ? [x, height / 2] : [width / 2, y];
  context.arc(middle[0], middle[1], 9 * (devicePixelRatio || 1), 0, 2 * Math.PI);
  context.fill();
  context.stroke();
}
