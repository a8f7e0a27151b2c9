// The chat's messages, brought back into an empty composer by the arrow keys, as in a shell.
import { textOf } from "./log.js";

const log = document.querySelector("#log");

/** Recall for `area`; `write(text)` fills it. */
export function recalling(area, { write }) {
  let shown = null; // {at, text}: which message stands in the composer

  function messages() {
    return [...log.querySelectorAll('article[data-kind="user_prompt"]')].map(textOf);
  }

  function show(at, all) {
    shown = at < all.length ? { at, text: all[at] } : null;
    write(shown?.text ?? "");
  }

  /** Whether the cursor can't move further that way: at the end it stands since the text was recalled. */
  function atEdge(up) {
    const { value, selectionStart, selectionEnd } = area;
    if (selectionStart !== selectionEnd) return false;
    if (selectionEnd === value.length) return true;
    return !(up ? value.slice(0, selectionEnd) : value.slice(selectionEnd)).includes("\n");
  }

  /** Whether a key was meant for recalling. */
  return function handles(event) {
    const up = event.key === "ArrowUp";
    if ((!up && event.key !== "ArrowDown") || event.shiftKey || event.altKey || event.ctrlKey || event.metaKey) return false;
    if (shown?.text !== area.value) shown = null;
    if (area.value && !shown) return false;
    const all = messages();
    const at = (shown?.at ?? all.length) + (up ? -1 : 1);
    if (at < 0 || at > all.length || !atEdge(up)) return false;
    event.preventDefault();
    show(at, all);
    return true;
  };
}
