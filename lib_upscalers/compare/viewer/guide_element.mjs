// The page "Which one?": four questions, a suggestion with its reason, pictures, explanations.

import { button, make } from "./dom.mjs";
import { follow, send } from "./feed.mjs";
import { GUIDE_STYLE } from "./guide_style.mjs";
import { translateInside } from "./page_words.mjs";
import { STYLE } from "./style.mjs";
import { say, translated } from "./words.mjs";

/**
 * @typedef {{name: string, reason: string}} Suggestion
 * @typedef {Suggestion & {licence: string, where: string, catalogue: string}} Missing
 * @typedef {{better: string, worse: string, wins: number, pairs: number}} Taste
 * @typedef {{reason: string, caveat: string, first: Suggestion | null, second: Suggestion | null,
 *   missing: Missing[], slow: string[], taste: Taste | null, notes: Record<string, string>,
 *   seconds: Record<string, number>}} Advice
 * @typedef {{name: string, text: string, choices: Record<string, string>}} Question
 * @typedef {{questions: Question[], explanations: {title: string, text: string}[],
 *   pictures: {url: string, name: string, caption: string}[], folders: string[]}} Page
 * @typedef {{page: Page | null, advice: Advice | null, problem: string}} Feed
 */

/** The page asks for all of it when it is opened, and sends answers as they are chosen. */
export class GuideElement extends HTMLElement {
  constructor() {
    super();
    this.root = this.attachShadow({ mode: "open" });
    translateInside(this.root);
    /** @type {Page | null} */
    this.page = null;
    /** @type {Advice | null} */
    this.advice = null;
    this.problem = "";
    /** @type {Record<string, string>} */
    this.answers = {};
    this.measuring = false;
    this.stop = () => {};
    this.onWhich = (/** @type {Event} */ event) => this.openFrom(event);
  }

  connectedCallback() {
    this.stop = follow(this.getAttribute("feed") ?? "", (text) => this.take(JSON.parse(text)));
    document.addEventListener("click", this.onWhich);
    this.draw();
  }

  disconnectedCallback() {
    this.stop();
    document.removeEventListener("click", this.onWhich);
  }

  /**
   * Open this page where somebody presses a link to it elsewhere.
   * @param {Event} event
   */
  openFrom(event) {
    const pressed = event.target instanceof Element && event.target.closest("[data-upscaler-lab-which]");
    if (!pressed) return;
    event.preventDefault();
    // The tab has the one name or the other, by a setting.
    for (const title of ["Upscaler Lab", "Lab", "Which one?"]) {
      const names = [title, translated(title)];
      const tabs = [...document.querySelectorAll("button")].filter((each) =>
        names.includes(each.textContent?.trim() ?? "") && !each.closest("[data-upscaler-lab-which]"));
      for (const tab of tabs) tab.click();
    }
  }

  /** @param {Feed} feed */
  take(feed) {
    this.page = feed.page ?? this.page;
    if (!feed.page) this.advice = feed.advice;
    this.problem = feed.problem;
    this.measuring = false;
    this.draw();
  }

  /** @param {string} action */
  press(action) {
    send(`${this.getAttribute("feed")}-${action}`, JSON.stringify({ answers: this.answers }));
  }

  /**
   * @param {string} question
   * @param {string} answer
   */
  choose(question, answer) {
    this.answers[question] = answer;
    if (this.page?.questions.every(({ name }) => this.answers[name])) this.press("answer");
  }

  draw() {
    const { page } = this;
    this.root.replaceChildren(make("style", {}, STYLE + GUIDE_STYLE));
    if (!page) return;
    const asked = make("div", { class: "questions" },
      ...page.questions.map((question) => this.question(question)));
    const answer = make("div", { class: "answer", role: "status" }, ...this.answerParts());
    const pictures = page.pictures.length ? [this.pictures(page)] : [];
    this.root.append(asked, answer, ...pictures, this.explanations(page));
  }

  /** @param {Question} question */
  question({ name, text, choices }) {
    const labels = Object.entries(choices).map(([key, choice]) => {
      const box = make("input", { type: "radio", name, value: key });
      box.checked = this.answers[name] === key;
      box.addEventListener("change", () => this.choose(name, key));
      return make("label", {}, box, make("span", {}, say(choice)));
    });
    return make("fieldset", {}, make("legend", {}, say(text)), ...labels);
  }

  answerParts() {
    const { advice } = this;
    if (this.problem) return [make("p", { class: "problem" }, this.problem)];
    if (!advice) return [make("p", {}, say("Answer the four questions: the suggestion will be here."))];
    const { first, second } = advice;
    if (!first) return [make("p", {}, say("Nothing that fits is installed here.")), ...this.missing(advice)];
    return [
      this.suggestion(say("Use"), first, advice),
      make("p", { class: "why" }, say(advice.reason), ...(advice.caveat ? [" ", make("b", {}, say(advice.caveat))] : [])),
      ...(second ? [this.suggestion(say("Compare it with"), second, advice)] : []),
      ...this.taste(advice),
      this.actions(second),
      ...this.missing(advice),
    ];
  }

  /**
   * @param {string} heading
   * @param {Suggestion} suggestion
   * @param {Advice} advice
   */
  suggestion(heading, { name, reason }, { notes, seconds }) {
    const time = seconds[name];
    const measured = time === undefined ? [] : [make("p", { class: "time" },
      say("On this computer, for 512 x 512 pixels, about {time} s.", { time: time.toPrecision(2) }))];
    const note = notes[name] ? [make("p", {}, say(notes[name]))] : [];
    return make("div", { class: "suggestion" },
      make("p", {}, make("span", { class: "heading" }, `${heading}: `), make("b", {}, name)),
      make("p", {}, say(reason)), ...note, ...measured);
  }

  /** @param {Advice} advice */
  taste({ taste }) {
    if (!taste) return [];
    return [make("p", { class: "taste" },
      say("You preferred {better} to {worse} {wins} of {pairs} times.", { ...taste }))];
  }

  /** @param {Suggestion | null} second */
  actions(second) {
    const measure = button(say("Measure on this computer"), say("Runs them on a small picture"), () => {
      this.measuring = true;
      this.press("measure");
      this.draw();
    });
    measure.disabled = this.measuring;
    if (this.measuring) measure.textContent = say("Measuring …");
    const compare = second ? [button(say("Compare these two"),
      say("Opens the comparison with both chosen"), () => this.press("compare"))] : [];
    return make("div", { class: "bar" }, ...compare, measure);
  }

  /** @param {Advice} advice */
  missing({ missing, slow }) {
    /** @type {HTMLElement[]} */
    const parts = [];
    if (slow.length) {
      parts.push(make("p", {}, say("Better still, but slow, and left out for your memory: {names}.",
        { names: slow.join(", ") })));
    }
    if (!missing.length) return parts;
    const rows = missing.map(({ name, reason, licence, where, catalogue }) => make("li", {},
      make("b", {}, name), ` (${licence || say("licence not stated")}). ${say(reason)} `,
      catalogue || where.includes("/")
        ? make("a", { href: `https://${where}`, target: "_blank", rel: "noreferrer" }, where)
        : say(where)));
    parts.push(make("p", {}, say("Not installed here, and worth a look:")), make("ul", {}, ...rows));
    if (missing.some(({ catalogue }) => catalogue)) {
      parts.push(make("p", {}, say("The page Models can fetch many of these.")));
    }
    return parts;
  }

  /** @param {Page} page */
  pictures(page) {
    const title = say("What they do: one small drawing, enlarged and finished");
    const model = say("The second pass is a small model of ours, which has learned to draw eyes and nothing else.");
    const figures = page.pictures.map(({ url, name, caption }) => make("figure", {},
      make("img", { src: url, alt: name }),
      make("figcaption", {}, make("b", {}, say(name)), " ", say(caption))));
    return make("section", {}, make("h3", {}, title), make("p", {}, model),
      make("div", { class: "pictures" }, ...figures));
  }

  /** @param {Page} page */
  explanations(page) {
    const parts = page.explanations.map(({ title, text }) => make("details", {},
      make("summary", {}, say(title)), make("p", {}, say(text))));
    const folders = make("details", {}, make("summary", {}, say("Where network files lie on this computer")),
      make("ul", {}, ...page.folders.map((folder) => make("li", {}, make("code", {}, folder)))));
    return make("section", {}, make("h3", {}, say("In plain words")), ...parts, folders);
  }
}
