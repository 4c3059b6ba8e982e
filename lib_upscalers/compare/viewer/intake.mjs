// Pictures that are dropped anywhere on the tab, or pasted, put into its input.

import { isTyping } from "./full_screen.mjs";

const INPUT = "input[type=file]";
// Gradio's button that takes a picture away: version 3, then 4 and later.
const CLEAR = ".modify-upload button + button, button[aria-label='Clear'], "
  + "button[aria-label='Remove Image']";
const PATIENCE_MS = 3000;
const STEP_MS = 50;

/** @typedef {{files: Iterable<File>, getData: (kind: string) => string, types: readonly string[]}} Transfer */

/**
 * Return whether something that is dragged may be a picture.
 * @param {Transfer | null} transfer
 */
export function mayHavePicture(transfer) {
  return transfer !== null && ["Files", "text/uri-list"].some((kind) => transfer.types.includes(kind));
}

/**
 * Return the first picture of what was dropped or pasted; null if there is none.
 * @param {Transfer | null} transfer
 * @param {Location | URL} here of the page; pictures of other servers are not fetched
 * @returns {Promise<File | null>}
 */
export async function pictureOf(transfer, here) {
  const file = [...(transfer?.files ?? [])].find(({ type }) => type.startsWith("image/"));
  if (file || !transfer) return file ?? null;
  try {
    const address = new URL(transfer.getData("text/uri-list").split("\n")[0]);
    if (address.origin !== here.origin) return null;
    const blob = await (await fetch(address.href)).blob();
    const name = decodeURIComponent(address.pathname.split("/").pop() || "picture");
    return blob.type.startsWith("image/") ? new File([blob], name, { type: blob.type }) : null;
  } catch {
    return null;
  }
}

/**
 * Return whether another input of files lies under the pointer.
 * @param {EventTarget[]} path from what was hit up to the window
 * @param {HTMLElement | null} ours
 */
export function isForAnother(path, ours) {
  const elements = /** @type {HTMLElement[]} */ (path.filter((each) => "classList" in each));
  if (ours && elements.includes(ours)) return false;
  return elements.some((each) => each.classList.contains("block") && each.querySelector(INPUT) !== null);
}

/**
 * Put a file into an input of Gradio's, in place of what is there.
 * @param {HTMLElement} holder
 * @param {File} file
 * @returns {Promise<boolean>} whether it was taken
 */
export async function putInto(holder, file) {
  if (!holder.querySelector(INPUT)) {
    /** @type {HTMLElement | null} */ (holder.querySelector(CLEAR))?.click();
  }
  for (let waited = 0; waited <= PATIENCE_MS; waited += STEP_MS) {
    const input = /** @type {HTMLInputElement | null} */ (holder.querySelector(INPUT));
    if (input) {
      const transfer = new DataTransfer();
      transfer.items.add(file);
      input.files = transfer.files;
      input.dispatchEvent(new Event("change", { bubbles: true }));
      return true;
    }
    await new Promise((done) => { setTimeout(done, STEP_MS); });
  }
  return false;
}

/**
 * Take what is dropped or pasted while the viewer is seen.
 * @param {HTMLElement} viewer
 * @param {string} id of the input
 * @param {(taken: boolean) => void} onPicture
 * @returns {() => void} stops it
 */
export function takePictures(viewer, id, onPicture) {
  const holder = () => document.getElementById(id);
  const seen = () => viewer.getClientRects().length > 0 && holder() !== null;

  /** @param {Transfer | null} transfer */
  const take = async (transfer) => {
    const file = await pictureOf(transfer, location);
    const place = holder();
    onPicture(file !== null && place !== null && await putInto(place, file));
  };

  /** @param {DragEvent} event */
  const isOurs = (event) => seen() && mayHavePicture(event.dataTransfer)
    && !isForAnother(event.composedPath(), holder()) && !isTyping(event.composedPath()[0]);

  /** @param {DragEvent} event */
  const onDrag = (event) => {
    holder()?.classList.toggle("lab-drop", isOurs(event) && event.type === "dragover");
    if (event.type === "dragover" && isOurs(event)) event.preventDefault();
  };

  /** @param {DragEvent} event */
  const onDrop = (event) => {
    holder()?.classList.remove("lab-drop");
    if (!isOurs(event)) return;
    event.preventDefault();
    event.stopPropagation();
    void take(event.dataTransfer);
  };

  /** @param {ClipboardEvent} event */
  const onPaste = (event) => {
    const { clipboardData } = event;
    const pictures = [...(clipboardData?.files ?? [])].some(({ type }) => type.startsWith("image/"));
    if (!seen() || !pictures) return;
    event.preventDefault();
    // The WebUI would put it into an input of its own.
    event.stopPropagation();
    void take(clipboardData);
  };

  const { addEventListener, removeEventListener } = document;
  /** @type {[string, any][]} */
  const all = [["dragover", onDrag], ["dragleave", onDrag], ["drop", onDrop], ["paste", onPaste]];
  for (const [type, listener] of all) addEventListener.call(document, type, listener, true);
  return () => {
    for (const [type, listener] of all) removeEventListener.call(document, type, listener, true);
  };
}
