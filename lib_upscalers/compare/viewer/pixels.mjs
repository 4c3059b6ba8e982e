// Arithmetic on pixels. Pure.

/**
 * Fill `out` with the amplified absolute difference of two pictures of the same size.
 * @param {Uint8ClampedArray} a RGBA
 * @param {Uint8ClampedArray} b RGBA
 * @param {number} gain
 * @param {Uint8ClampedArray} out RGBA, opaque afterwards
 */
export function difference(a, b, gain, out) {
  for (let i = 0; i < out.length; i += 4) {
    out[i] = Math.abs(a[i] - b[i]) * gain;
    out[i + 1] = Math.abs(a[i + 1] - b[i + 1]) * gain;
    out[i + 2] = Math.abs(a[i + 2] - b[i + 2]) * gain;
    out[i + 3] = 255;
  }
}

/**
 * Return the widths of a picture's reduced copies: halves, as long as there is something to see.
 * @param {number} width
 * @param {number} height
 */
export function reducedWidths(width, height) {
  /** @type {number[]} */
  const widths = [];
  for (let half = 2; Math.min(width, height) / half >= 64; half *= 2) {
    widths.push(Math.max(1, Math.round(width / half)));
  }
  return widths;
}

/**
 * Return which copy to draw: 0 is the picture itself, 1 the first reduced one, and so on.
 * @param {number[]} widths of the picture and its reduced copies, in falling order
 * @param {number} shown as how many pixels of the screen wide the picture is shown
 */
export function bestLevel(widths, shown) {
  let level = 0;
  while (level + 1 < widths.length && widths[level + 1] >= shown) level += 1;
  return level;
}
