// Typing ahead: what is typed after an Enter that can't act at once is not part of the text before it.

/** `mark` it at such an Enter; what is typed next begins a line. `replace(text)` types. */
export class TypeAhead {
  #area;
  #replace;
  #marked = null;

  constructor(area, { replace }) {
    [this.#area, this.#replace] = [area, replace];
    area.addEventListener("beforeinput", (event) => this.#beginLine(event));
    for (const other of ["input", "click"]) area.addEventListener(other, () => this.#forget());
    area.addEventListener("keydown", ({ key }) => /^(Arrow|Home|End|Page)/.test(key) && this.#forget());
  }

  /** The text as it stands is what Enter meant. `toEnd`: the cursor goes to its end. */
  mark({ toEnd = false } = {}) {
    const { length } = (this.#marked = this.#area.value);
    if (toEnd) this.#area.setSelectionRange(length, length);
  }

  /** What was typed after `text`, "" for nothing yet; null if the box holds something else. */
  after(text) {
    const { value } = this.#area;
    return value.startsWith(text) ? value.slice(text.length).replace(/^\n/, "") : null;
  }

  /** Who goes elsewhere, or writes otherwise, is not typing ahead. */
  #forget() {
    this.#marked = null;
  }

  #beginLine({ inputType, isComposing }) {
    const { value, selectionStart } = this.#area;
    const goesOn = value === this.#marked && selectionStart === value.length;
    this.#forget();
    if (!goesOn || isComposing || inputType === "insertLineBreak" || !inputType.startsWith("insert")) return;
    this.#replace("\n");
  }
}
