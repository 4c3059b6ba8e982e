// The page of models: the catalogue in cards, what is installed, what is recommended.

import { button, make, menu, redraw } from "./dom.mjs";
import { follow, pressButton, send } from "./feed.mjs";
import { NOTHING, choose, facts, frequent, lastUse, prepare, safeAddress, size } from "./shop.mjs";
import { SHOP_STYLE } from "./shop_style.mjs";
import { translateInside } from "./page_words.mjs";
import { STYLE } from "./style.mjs";
import { say } from "./words.mjs";

/** @typedef {import("./shop.mjs").Model} Model */
/**
 * @typedef {{ key: string, id: string, state: string, done: number, total: number, text: string,
 *   path: string }} Job
 * @typedef {{ name: string, path: string, scale: number, architecture: string, precision: string,
 *   size: number, licence: string, words: string, id: string, hashed: boolean, label: string,
 *   favourite: boolean, hidden: boolean, used: string, seconds: number, device: string,
 *   mine: boolean }} Mine
 * @typedef {{ id: string, purposes: string[], words: string, reason: string, scale: number,
 *   architecture: string, megabytes: number | null, page: string }} Advice
 * @typedef {{ url: string, date: string, problem: string, may: boolean, trash: boolean,
 *   extra: boolean, said: string, working: boolean, version: number, jobs: Job[], mine: Mine[],
 *   recommended: Advice[] }} Feed
 */

const CARDS_AT_ONCE = 24;
const POLL_MS = 700;
const VIEWS = ["Catalogue", "My models", "Recommended"];

export class ShopElement extends HTMLElement {
  constructor() {
    super();
    this.root = this.attachShadow({ mode: "open" });
    translateInside(this.root);
    /** @type {Feed | null} */
    this.feed = null;
    /** @type {Model[]} */
    this.models = [];
    this.loaded = "";
    this.wanted = { ...NOTHING };
    this.view = VIEWS[0];
    this.refreshed = false;
    this.shown = CARDS_AT_ONCE;
    this.bar = make("div", { class: "bar" });
    this.said = make("div", { class: "said", role: "status" });
    // A newer catalogue rebuilds the menus alone, so that typing is not interrupted.
    this.search = make("input", { type: "search" });
    this.search.addEventListener("input", () => this.want({ text: this.search.value }));
    this.menus = make("div", { class: "menus" });
    this.filters = make("div", { class: "bar filters" }, this.search, this.menus);
    this.count = make("p", { class: "count" });
    this.list = make("div", { class: "cards" });
    /** @type {(() => void) | null} */
    this.stop = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.timer = undefined;
  }

  connectedCallback() {
    this.root.replaceChildren(
      make("style", {}, STYLE + SHOP_STYLE), this.bar, this.said, this.filters, this.count, this.list,
    );
    this.stop = follow(this.getAttribute("feed") ?? "", (text) => this.take(text));
    this.draw();
  }

  disconnectedCallback() {
    this.stop?.();
    clearTimeout(this.timer);
  }

  /**
   * @param {string} action
   * @param {Record<string, unknown>} message
   */
  press(action, message = {}) {
    const text = JSON.stringify({ ...message, version: this.feed?.version ?? 0 });
    send(`${this.getAttribute("feed")}-${action}`, text);
  }

  /** @param {string} text */
  async take(text) {
    /** @type {Feed} */
    const feed = JSON.parse(text);
    // A network came or went: the other lists of a WebUI's page do not know it yet.
    if (this.feed && this.feed.version !== feed.version) pressButton(this.getAttribute("lists") ?? "");
    this.feed = feed;
    clearTimeout(this.timer);
    const busy = feed.working || feed.jobs.some((job) => job.state === "running");
    if (busy) this.timer = setTimeout(() => this.press("poll"), POLL_MS);
    if (feed.url && feed.url !== this.loaded) {
      this.loaded = feed.url;
      try {
        const answer = await fetch(new URL(feed.url, document.baseURI));
        this.models = await answer.json();
        setTimeout(() => prepare(this.models), 100);
      } catch {
        this.loaded = "";
      }
      this.drawFilters();
    }
    this.draw();
  }

  draw() {
    redraw(this.bar, () => redraw(this.said, () => redraw(this.list, () => this.drawParts())));
  }

  drawParts() {
    const tabs = make("div", { role: "tablist" }, ...VIEWS.map((view) => {
      const made = button(say(view), "", () => this.turn(view));
      made.setAttribute("role", "tab");
      made.setAttribute("aria-selected", String(view === this.view));
      return made;
    }));
    this.bar.replaceChildren(
      tabs, button(say("Refresh"), say("Fetch the catalogue again"), () => {
        this.refreshed = true;
        this.press("refresh");
      }),
    );
    this.filters.hidden = this.view !== VIEWS[0] || !this.models.length;
    this.drawSaid();
    if (this.view === VIEWS[0]) this.drawCatalogue();
    else if (this.view === VIEWS[1]) this.drawMine();
    else this.drawRecommended();
  }

  /** @param {string} view */
  turn(view) {
    this.view = view;
    this.refreshed = false;
    if (view === VIEWS[1]) this.press("hash");
    this.draw();
  }

  drawSaid() {
    const feed = this.feed;
    /** @type {(Node | string)[]} */
    const lines = [];
    if (!feed) lines.push(make("p", {}, say("Loading …")));
    if (feed?.said) lines.push(make("p", {}, feed.said));
    // One's own models are there, whatever the catalogue lacks.
    if (feed?.problem && (this.view !== VIEWS[1] || this.refreshed)) {
      const known = feed.date ? say("The catalogue is of {date}.", { date: feed.date }) : "";
      lines.push(make("p", {}, `${known} ${feed.problem}`.trim()));
    }
    if (feed && !feed.may) {
      lines.push(make("p", {}, say("You can look here; getting and deleting is left to the owner.")));
    }
    this.said.replaceChildren(...lines, ...(feed?.jobs ?? []).map((job) => this.job(job)));
  }

  /** @param {Job} job */
  job(job) {
    const line = make("div", { class: "job", "data-state": job.state });
    line.append(make("b", {}, job.id));
    if (job.state === "running") {
      const bar = make("progress", { max: "1", "aria-label": job.id });
      if (job.total) bar.value = job.done / job.total;
      line.append(bar, make("span", {}, job.total ? `${size(job.done)} / ${size(job.total)}` : ""));
      line.append(button(say("Cancel"), "", () => this.press("cancel", { key: job.key })));
    } else {
      line.append(make("span", {}, job.text));
      if (job.state === "trial") {
        line.append(
          button(say("Compare with it"), "", () => this.compare(job)),
          button(say("Keep"), "", () => this.press("keep", { key: job.key })),
          button(say("Throw away"), "", () => this.press("discard", { key: job.key })),
        );
      } else line.append(button("×", say("Close"), () => this.press("close", { key: job.key })));
    }
    return line;
  }

  /** @param {Job} job */
  compare(job) {
    this.press("compare", { key: job.key });
    const tabs = [...document.querySelectorAll("button")];
    tabs.find((each) => each.textContent?.trim() === say("Comparison"))?.click();
  }

  drawFilters() {
    /** @param {[string, string][]} options @param {string} all @returns {[string, string][]} */
    const any = (options, all) => [["", say(all)], ...options];
    /** @param {string[]} values @returns {[string, string][]} */
    const same = (values) => values.map((value) => [value, value]);
    this.search.placeholder = say("Search");
    this.search.setAttribute("aria-label", say("Search"));
    const wanted = this.wanted;
    const scales = frequent(this.models, (model) => [model.scale]).sort((a, b) => Number(a) - Number(b));
    this.menus.replaceChildren(
      menu(say("Scale"), any(scales.map((each) => [each, `${each}x`]), "all"), wanted.scale,
        (scale) => this.want({ scale })),
      menu(say("Architecture"), any(same(frequent(this.models, (model) => [model.architecture])), "all"),
        wanted.architecture, (architecture) => this.want({ architecture })),
      menu(say("Tag"), any(same(frequent(this.models, (model) => model.tags)), "all"), wanted.tag,
        (tag) => this.want({ tag })),
      menu(say("Order"), [
        ["fit", say("fits best")], ["newest", say("newest")], ["size", say("smallest")], ["speed", say("fastest")],
      ], wanted.order, (order) => this.want({ order })),
      this.check("for paid work", wanted.paid, (paid) => this.want({ paid })),
      this.check("direct download", wanted.direct, (direct) => this.want({ direct })),
      this.check("runs here", wanted.here, (here) => this.want({ here })),
    );
  }

  /**
   * @param {string} text
   * @param {boolean} on
   * @param {(on: boolean) => void} onChange
   */
  check(text, on, onChange) {
    const box = make("input", { type: "checkbox" });
    box.checked = on;
    box.addEventListener("change", () => onChange(box.checked));
    return make("label", {}, box, say(text));
  }

  /** @param {Partial<import("./shop.mjs").Wanted>} change */
  want(change) {
    Object.assign(this.wanted, change);
    this.shown = CARDS_AT_ONCE;
    this.drawCatalogue();
  }

  drawCatalogue() {
    const found = choose(this.models, this.wanted);
    this.count.textContent = this.models.length
      ? say("{found} of {all} models", { found: found.length, all: this.models.length }) : "";
    const cards = found.slice(0, this.shown).map((model) => this.card(model));
    if (found.length > this.shown) {
      cards.push(button(say("Show more"), "", () => {
        this.shown += CARDS_AT_ONCE;
        this.drawCatalogue();
      }));
    }
    this.list.replaceChildren(...cards);
  }

  /** @param {Model} model */
  card(model) {
    const more = make("details", {}, make("summary", {}, say("More")));
    // Nothing of a card is fetched before somebody opens it.
    more.addEventListener("toggle", () => {
      if (more.open && more.children.length === 1) more.append(...this.details(model));
    });
    return make("article", { class: "card", "data-id": model.id },
      make("b", { translate: "no" }, model.name),
      make("span", { class: "facts" }, ...facts(model).map((fact) => make("span", {}, fact))),
      make("span", { class: "by" }, [model.authors.join(", "), model.tags.join(", ")].filter(Boolean).join(" · ")),
      ...(model.problem ? [make("span", { class: "problem" }, `${say("Does not run here:")} ${model.problem}`)] : []),
      make("div", { class: "actions" }, ...this.actions(model)), more);
  }

  /** @param {Model} model */
  actions(model) {
    const words = say(model.words);
    if (this.has(model.id)) return [make("span", { class: "has" }, say("Installed"))];
    if (!this.feed?.may) return [make("span", {}, words), ...this.page(model.page)];
    if (model.way === "page" || (model.way === "extra" && !this.feed.extra)) {
      return [...this.page(model.page, `${say("Open its page")} (${words})`), make("span", { class: "hint" }, say("then drop the file below"))];
    }
    const get = button(`${say("Get")} (${words})`, model.licence, () => this.press("get", { id: model.id }));
    get.className = "get";
    return [get, button(say("Try"), say("Test it before it is kept"), () => this.press("try", { id: model.id }))];
  }

  /** @param {string} id */
  has(id) {
    return Boolean(this.feed?.mine.some((mine) => mine.id === id));
  }

  /**
   * @param {string} address
   * @param {string} text
   */
  page(address, text = say("Open its page")) {
    const safe = safeAddress(address);
    return safe ? [make("a", { href: safe, target: "_blank", rel: "noopener noreferrer" }, text)] : [];
  }

  /** @param {Model} model */
  details(model) {
    const rows = [
      [say("Licence"), `${model.licence || "–"} (${say(model.words)})`],
      ["SHA-256", model.sha256 || say("missing: the file cannot be compared")],
    ];
    return [
      ...model.pictures.slice(0, 1).flatMap((pair) => this.picture(pair)),
      make("dl", {}, ...rows.flatMap(([key, value]) => [make("dt", {}, key), make("dd", {}, value)])),
      make("p", { class: "text", translate: "no" }, model.text),
      ...this.page(model.page),
    ];
  }

  /** @param {{ before: string, after: string }} pair */
  picture(pair) {
    const after = safeAddress(pair.after);
    const before = safeAddress(pair.before);
    if (!after) return [];
    /** @param {string} src @param {string} name */
    const image = (src, name) => make("img", {
      src, alt: say(name === "before" ? "Before" : "After"), class: name, referrerpolicy: "no-referrer",
    });
    const box = make("div", { class: "pair" }, image(after, "after"));
    const parts = [/** @type {HTMLElement} */ (box)];
    if (before) {
      box.append(image(before, "before"));
      const slider = make("input", { type: "range", min: "0", max: "100", value: "50", "aria-label": say("Before and after") });
      const move = () => box.style.setProperty("--at", `${slider.value}%`);
      slider.addEventListener("input", move);
      move();
      parts.push(slider);
    }
    const whole = make("div", {}, ...parts);
    // The event of an image does not bubble.
    whole.addEventListener("error", () => whole.replaceChildren(say("Its pictures cannot be loaded.")), true);
    return [whole];
  }

  drawMine() {
    const mine = this.feed?.mine ?? [];
    this.count.textContent = this.feed?.working ? say("Files are being compared with the catalogue …") : "";
    this.list.replaceChildren(...mine.map((each) => this.mineCard(each)));
  }

  /** @param {Mine} mine */
  mineCard(mine) {
    const known = mine.id || (mine.hashed && this.feed?.url ? say("not in the catalogue") : say("not looked up in the catalogue yet"));
    const card = make("article", { class: "card", "data-name": mine.name },
      make("b", {}, mine.label ? `${mine.label} (${mine.name})` : mine.name),
      make("span", { class: "facts" }, ...[`${mine.scale}x`, mine.architecture, mine.precision, size(mine.size), known]
        .filter(Boolean).map((fact) => make("span", {}, fact))),
      make("span", { class: "by" }, mine.licence ? `${mine.licence} (${say(mine.words)})` : say("licence not stated")),
      make("span", { class: "by" }, lastUse(mine)),
      make("code", {}, mine.path));
    if (!this.feed?.may || !mine.mine) return card;
    const label = make("input", { type: "text", maxlength: "100", value: mine.label, "aria-label": say("Label"), placeholder: say("Label") });
    label.addEventListener("change", () => this.press("mark", { name: mine.name, label: label.value }));
    const favourite = button(mine.favourite ? "★" : "☆", say("Favourite: first in every list"),
      () => this.press("mark", { name: mine.name, favourite: !mine.favourite }));
    favourite.setAttribute("aria-pressed", String(mine.favourite));
    const hidden = button(mine.hidden ? say("Show") : say("Hide"), say("Leave it out of lists"),
      () => this.press("mark", { name: mine.name, hidden: !mine.hidden }));
    card.append(make("div", { class: "actions" }, label, favourite, hidden, this.remover(mine)));
    return card;
  }

  /** @param {Mine} mine */
  remover(mine) {
    const text = this.feed?.trash ? say("Delete") : say("Delete for good");
    const made = button(text, "", () => {
      if (made.dataset.sure) this.press("remove", { name: mine.name });
      made.dataset.sure = "yes";
      made.textContent = say("Sure?");
    });
    return made;
  }

  drawRecommended() {
    this.count.textContent = say("Figures are by architecture, on an RTX 4090; your own come from the comparison.");
    const all = new Map(this.models.map((model) => [model.id, model]));
    this.list.replaceChildren(...(this.feed?.recommended ?? []).map((advice) => {
      const model = all.get(advice.id);
      return make("article", { class: "card", "data-id": advice.id },
        make("b", {}, advice.id),
        make("span", { class: "facts" }, ...[`${advice.scale}x`, advice.architecture,
          advice.megabytes ? say("{size} MB", { size: advice.megabytes }) : "", ...advice.purposes.map((each) => say(each))]
          .filter(Boolean).map((fact) => make("span", {}, fact))),
        make("p", {}, say(advice.reason)),
        make("div", { class: "actions" }, ...(model ? this.actions(model)
          : [make("span", {}, say(advice.words)), ...this.page(advice.page)])));
    }));
  }
}
