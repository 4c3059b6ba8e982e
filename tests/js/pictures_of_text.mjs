// Fixtures: small pictures drawn as text, in pairs, for what two pictures differ in.

/** A letter's colour. */
const INKS = {
  " ": [0, 0, 0], "#": [255, 255, 255], g: [128, 128, 128], h: [131, 128, 126], r: [250, 10, 3],
  b: [3, 20, 240], s: [245, 203, 170], t: [244, 205, 171],
};

/**
 * Return a picture: one character a pixel.
 * @param {string[]} rows
 */
export function picture(...rows) {
  const data = new Uint8ClampedArray(rows.flatMap((row) => [...row].flatMap((ink) => [...INKS[ink], 255])));
  return { width: rows[0].length, height: rows.length, data };
}

/** Pairs of equal size: name -> [one, other]. */
export const PAIRS = {
  "nothing differs": [picture("# #g", "gr# ", "ssst"), picture("# #g", "gr# ", "ssst")],
  "one pixel": [picture("    ", "  # ", "    "), picture("    ", "    ", "    ")],
  "all of it, in full": [picture("####", "####", "####"), picture("    ", "    ", "    ")],
  "noise of a few levels": [picture("ghgh", "hghg", "gghh"), picture("gggg", "gggg", "gggg")],
  "an edge moved by a pixel": [picture("  ##", "  ##", "  ##"), picture(" ###", " ###", " ###")],
  "another colour": [picture("rrrr", "rrbb", "bbbb"), picture("bbbb", "bbrr", "rrrr")],
  "skin that was smoothed": [picture("stst", "tsts", "stst"), picture("ssss", "ssss", "ssss")],
};
