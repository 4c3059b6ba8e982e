// Pictures in memory: fetched and decoded once for all views, within a budget.

import { bestLevel, reducedWidths } from "./pixels.mjs";

/**
 * @typedef {object} Held
 * @property {number} width of the picture itself
 * @property {number} height
 * @property {ImageBitmap | null} whole null while it is not decoded
 * @property {ImageBitmap[]} reduced
 * @property {number} used
 * @property {boolean} busy
 * @property {string} fault why it cannot be shown, or ""
 */

const LEAST_BUDGET = 384e6;
const MOST_BUDGET = 1.6e9;

/** @returns {number} how many bytes of decoded pictures may be held */
function defaultBudget() {
  const device = /** @type {{deviceMemory?: number}} */ (/** @type {unknown} */ (navigator));
  return (device.deviceMemory ?? 4) >= 8 ? MOST_BUDGET : LEAST_BUDGET;
}

/** Decodes pictures one after the other and tells when one is ready. */
export class Pictures {
  /**
   * @param {() => void} onChange
   * @param {number} budget
   */
  constructor(onChange, budget = defaultBudget()) {
    this.onChange = onChange;
    this.budget = budget;
    /** @type {Map<string, Held>} */
    this.held = new Map();
    /** @type {Promise<void>} */
    this.queue = Promise.resolve();
    this.clock = 0;
  }

  /**
   * Forget what is not among these.
   * @param {Set<string>} urls
   */
  keepOnly(urls) {
    for (const [url, held] of this.held) {
      if (urls.has(url)) continue;
      held.whole?.close();
      for (const level of held.reduced) level.close();
      this.held.delete(url);
    }
  }

  /**
   * Return what to draw of a picture that is shown so many pixels of the screen wide, and start
   * to decode it where it is not there yet.
   * @param {string} url
   * @param {number} shown
   * @returns {ImageBitmap | null}
   */
  pick(url, shown) {
    const held = this.held.get(url) ?? this.add(url);
    this.clock += 1;
    held.used = this.clock;
    if (!held.width) {
      this.request(url, held);
      return null;
    }
    const widths = [held.width, ...held.reduced.map((level) => level.width)];
    const level = bestLevel(widths, shown);
    if (level > 0) return held.reduced[level - 1];
    if (!held.whole) this.request(url, held);
    // Only what has reduced copies is freed.
    return held.whole ?? held.reduced[0];
  }

  /** @param {string} url */
  faultOf(url) {
    return this.held.get(url)?.fault ?? "";
  }

  /** @param {string} url */
  isReady(url) {
    return Boolean(this.held.get(url)?.width);
  }

  /** @param {string} url */
  add(url) {
    const held = {
      width: 0, height: 0, whole: null, reduced: [], used: 0, busy: false, fault: "",
    };
    this.held.set(url, held);
    return held;
  }

  /**
   * @param {string} url
   * @param {Held} held
   */
  request(url, held) {
    if (held.busy || held.fault) return;
    held.busy = true;
    this.queue = this.queue.then(() => this.decode(url, held));
  }

  /**
   * @param {string} url
   * @param {Held} held
   */
  async decode(url, held) {
    if (this.held.get(url) !== held) return;
    try {
      const answer = await fetch(url);
      if (!answer.ok) throw new Error("The file is no longer there: compare again.");
      const whole = await createImageBitmap(await answer.blob());
      if (!held.width) await this.reduce(whole, held);
      held.whole = whole;
      held.width = whole.width;
      held.height = whole.height;
      this.evict(held);
    } catch (error) {
      held.fault = error instanceof Error ? error.message : "It cannot be shown.";
    }
    held.busy = false;
    if (this.held.get(url) !== held) {
      held.whole?.close();
      return;
    }
    this.onChange();
  }

  /**
   * @param {ImageBitmap} whole
   * @param {Held} held
   */
  async reduce(whole, held) {
    let from = whole;
    for (const width of reducedWidths(whole.width, whole.height)) {
      const height = Math.max(1, Math.round((whole.height * width) / whole.width));
      from = await createImageBitmap(from, {
        resizeWidth: width, resizeHeight: height, resizeQuality: "medium",
      });
      held.reduced.push(from);
    }
  }

  /**
   * Let go of whole pictures that were not drawn for longest; their reduced copies stay.
   * @param {Held} latest
   */
  evict(latest) {
    const whole = [...this.held.values()].filter((held) => held.whole && held !== latest);
    whole.sort((a, b) => b.used - a.used);
    let bytes = latest.width * latest.height * 4;
    for (const held of whole) {
      bytes += held.width * held.height * 4;
      if (bytes > this.budget && held.reduced.length) {
        held.whole?.close();
        held.whole = null;
      }
    }
  }
}
