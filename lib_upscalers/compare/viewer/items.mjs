// The pictures of a comparison as things to show.

import { duration, fileSize } from "./figures.mjs";
import { read, say } from "./words.mjs";

/** @typedef {{url: string, file: string, width: number, height: number, bytes: number}} Shown */
/**
 * @typedef {object} Cost
 * @property {number} loadSeconds
 * @property {number} runSeconds
 * @property {number | null} peakBytes
 * @property {string} peakOf
 * @property {number} passes
 * @property {number} tiles
 * @property {string} precision
 * @property {string} device
 * @property {string} [tiling]
 * @property {number | null} [enlargeSeconds] of a finished picture, before its second pass
 */
/**
 * @typedef {object} Entry
 * @property {string} name
 * @property {string} kind
 * @property {number | null} scale
 * @property {string} architecture
 * @property {string} licence
 * @property {number | null} modelBytes
 * @property {"idle" | "waiting" | "running" | "finished" | "failed" | "stopped"} state
 * @property {number | null} fraction
 * @property {string} text
 * @property {Shown | null} result
 * @property {Cost | null} cost
 * @property {Record<string, number>} figures
 * @property {boolean} kept
 * @property {string} [upscaler] of a finished picture, what enlarged it
 * @property {number | null} [strength] of a finished picture, its denoising strength
 */
/**
 * @typedef {object} Session
 * @property {"session"} kind
 * @property {string} name
 * @property {string} title
 * @property {string} trial
 * @property {string[]} notes
 * @property {string} settings
 * @property {string} version
 * @property {number} width
 * @property {number} height
 * @property {Shown | null} source
 * @property {Shown | null} reference
 * @property {import("./figures.mjs").Measure[]} measures
 * @property {Entry[]} entries
 * @property {Record<string, string[]>} [refused] why an upscaler cannot be used, by its name
 * @property {number} [columns] of finished pictures, how many are in a row
 * @property {Record<string, string>} [siblings] of finished pictures, the titles of other seeds by name
 * @property {import("./picks.mjs").Pick[]} [picks] of blind tests with these upscalers
 * @property {boolean} [sample] whether it is that of the sample picture, shown to a new user
 * @property {boolean} [storing] whether picks are stored
 */
/** @typedef {{key: string, label: string, shown: Shown | null, entry: Entry | null}} Item */

/**
 * Return all that can be shown: the picture that came in, the true one, each upscaler's.
 * @param {Session} session
 * @returns {Item[]}
 */
export function itemsOf(session) {
  /** @type {Item[]} */
  const items = [];
  const { source, reference } = session;
  if (reference) items.push({ key: "reference", label: say("Original"), shown: reference, entry: null });
  if (source) {
    const label = say(reference ? "Shrunk" : "Input");
    items.push({ key: "source", label, shown: source, entry: null });
  }
  session.entries.forEach((entry, index) => {
    items.push({ key: `e${index}`, label: entry.name, shown: entry.result, entry });
  });
  return items;
}

/**
 * Return what stands in place of a picture that is not there.
 * @param {Entry} entry
 */
export function noteOf(entry) {
  if (entry.state === "failed") return entry.text;
  if (entry.state === "stopped") return say("Cancelled.");
  if (entry.state === "waiting") return say("Waiting for its turn …");
  if (entry.state === "running") {
    const percent = entry.fraction === null ? "" : `${Math.round(100 * entry.fraction)} % `;
    return percent + entry.text;
  }
  return entry.state === "idle" ? say("The result will be here.") : "";
}

/**
 * Return the short facts below a picture.
 * @param {Item} item
 * @returns {string[]}
 */
export function factsOf(item) {
  const { shown, entry } = item;
  if (!shown) return [];
  const facts = [`${shown.width} × ${shown.height}`];
  const cost = entry?.cost;
  if (cost) {
    facts.push(duration(cost.runSeconds));
    if (typeof cost.enlargeSeconds === "number") {
      facts.push(say("enlarged in {time}", { time: duration(cost.enlargeSeconds) }));
    }
    if (cost.loadSeconds >= 0.01) facts.push(say("load {time}", { time: duration(cost.loadSeconds) }));
    if (cost.peakBytes !== null && cost.peakBytes >= 1e6) {
      const of = cost.peakOf === "VRAM" ? "VRAM" : say("memory");
      facts.push(`${fileSize(cost.peakBytes)} ${of}`);
    }
  }
  if (entry?.state === "finished" && entry.text) facts.push(entry.text);
  return facts;
}

/**
 * Return everything else that is known of an upscaler and its result.
 * @param {Entry} entry
 * @returns {[string, string][]}
 */
export function detailsOf(entry) {
  /** @type {[string, string | number | null | undefined | false][]} */
  const details = [
    ["Architecture", entry.architecture === "interpolation" ? say("interpolation") : read(entry.architecture)],
    ["Made for", entry.scale ? `${entry.scale}x` : say("any scale")],
    ["Network file", entry.modelBytes ? fileSize(entry.modelBytes) : ""],
    ["Licence", entry.licence],
    ["Passes", entry.cost?.passes],
    ["Tiles", entry.cost?.tiles],
    ["Tiled", read(entry.cost?.tiling ?? "")],
    ["Precision", entry.cost?.precision],
    ["Device", entry.cost?.device],
    ["PNG", entry.result ? fileSize(entry.result.bytes) : ""],
    ["Kept", entry.kept && say("from an earlier run; time and memory are of that")],
  ];
  return details.flatMap(([name, value]) => (value ? [[name, String(value)]] : []));
}
