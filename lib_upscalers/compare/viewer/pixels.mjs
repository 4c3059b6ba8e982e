// Arithmetic on pixels. Pure.

/**
 * Return how to multiply a picture by a whole number by adding pictures alone: "double" adds what
 * is there to itself, "add" adds the picture once more.
 * @param {number} gain at least 1
 * @returns {("double" | "add")[]}
 */
export function gainSteps(gain) {
  const bits = Math.max(1, Math.round(gain)).toString(2).slice(1);
  return [...bits].flatMap((bit) => (bit === "1" ? ["double", "add"] : ["double"]));
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
