// The viewer over the whole screen, by the browser's full screen or, where a phone has none for
// elements, over the whole page.

const OVER_PAGE = "over-page";

/** Shows an element alone. */
export class FullScreen {
  /**
   * @param {HTMLElement} element
   * @param {(on: boolean) => void} onChange
   */
  constructor(element, onChange) {
    this.element = element;
    this.onChange = onChange;
    this.was = false;
    element.addEventListener("fullscreenchange", () => this.note());
  }

  get isOn() {
    return this.element.hasAttribute(OVER_PAGE) || this.element.matches(":fullscreen");
  }

  async toggle() {
    if (this.isOn) {
      await this.leave();
      return;
    }
    try {
      await this.element.requestFullscreen({ navigationUI: "hide" });
    } catch {
      // Safari on an iPhone lacks it, and a page in a frame may forbid it.
      this.element.setAttribute(OVER_PAGE, "");
      this.note();
    }
  }

  async leave() {
    this.element.removeAttribute(OVER_PAGE);
    if (this.element.matches(":fullscreen")) await document.exitFullscreen();
    this.note();
  }

  note() {
    if (this.isOn === this.was) return;
    this.was = this.isOn;
    this.onChange(this.was);
  }
}

/**
 * Return whether a key that is pressed there writes something.
 * @param {EventTarget | null | undefined} target
 */
export function isTyping(target) {
  const element = /** @type {HTMLElement | null | undefined} */ (target);
  const kind = element?.getAttribute?.("type") ?? "text";
  const writes = /^(TEXTAREA|SELECT)$/.test(element?.tagName ?? "")
    || (element?.tagName === "INPUT" && !/^(checkbox|radio|range|button|submit)$/.test(kind));
  return writes || element?.isContentEditable === true;
}

/**
 * Return whether a key press asks for full screen, or for its end.
 * @param {KeyboardEvent} event
 * @param {boolean} isOn
 */
export function asksForFullScreen(event, isOn) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return false;
  if (isTyping(event.composedPath()[0])) return false;
  return event.key === "f" || event.key === "F" || (isOn && event.key === "Escape");
}
