// Editing an earlier message: the pencil fills the composer with it, and what follows it will go.
import { promptOf, ranCode, textOf } from "./log.js";

const AFRESH = "Python will start afresh, without any variables";

export class Editing {
  /** The turn being edited; null for none. */
  turn = null;
  #bar;
  #composer;
  #before = "";

  constructor(form, composer) {
    this.#composer = composer;
    this.#bar = form.querySelector("[data-editing]");
    this.#bar.querySelector("[data-editing-cancel]").addEventListener("click", () => this.cancel());
    document.addEventListener("click", (event) => {
      const pencil = event.target.closest("[data-edit-turn]");
      if (pencil) this.#begin(Number(pencil.dataset.editTurn));
    });
  }

  /** Leave it, and bring back what was being written before. */
  cancel() {
    if (this.turn !== null) this.#composer.write(this.end());
  }

  /** It is over; gives what was being written before, null when nothing was edited. */
  end() {
    if (this.turn === null) return null;
    promptOf(this.turn)?.classList.remove("is-edited");
    this.turn = null;
    this.#bar.hidden = true;
    return this.#before;
  }

  #begin(turn) {
    const prompt = promptOf(turn);
    if (!prompt) return;
    const before = this.turn === null ? this.#composer.read() : this.end();
    [this.turn, this.#before] = [turn, before];
    prompt.classList.add("is-edited");
    const losses = [promptOf(turn + 1) && "later messages will go away", ranCode(turn) && AFRESH].filter(Boolean);
    const label = this.#bar.querySelector("[data-editing-label]");
    label.textContent = [`Editing message ${turn + 1}`, losses.join(", and ")].filter(Boolean).join(" — ");
    this.#bar.hidden = false;
    this.#composer.write(textOf(prompt));
  }
}
