// What <ck-figure> and <ck-table> have in common: they fetch their data when they come near the screen.
import { make } from "./here.js";

const AHEAD = "800px";

export class Artifact extends HTMLElement {
  static observedAttributes = ["src"];
  #near = null;
  #loading = null;

  connectedCallback() {
    if (this.dataset.ckState === "drawn") return;
    if (this.adopt()) {
      this.dataset.ckState = "drawn";
      return;
    }
    this.#near = new IntersectionObserver(
      (entries) => entries.some((entry) => entry.isIntersecting) && this.load(),
      { root: document.querySelector("#scroll"), rootMargin: AHEAD },
    );
    this.#near.observe(this);
  }

  disconnectedCallback() {
    this.#near?.disconnect();
    // Moved elsewhere in the page, it is connected again at once.
    queueMicrotask(() => this.isConnected || this.#forget());
  }

  attributeChangedCallback(_name, before, src) {
    if (before === null || before === src || !this.isConnected) return;
    this.#forget();
    this.load();
  }

  /** Fetch and draw. */
  async load() {
    this.#near?.disconnect();
    if (this.#loading) return;
    const loading = (this.#loading = new AbortController());
    this.replaceChildren();
    delete this.dataset.ckState;
    try {
      await this.draw(await fetched(this.getAttribute("src"), loading.signal));
      this.dataset.ckState = "drawn";
    } catch (error) {
      if (!loading.signal.aborted) this.#fail(error);
    } finally {
      if (this.#loading === loading) this.#loading = null;
    }
  }

  /** Take the drawing over from a copy that goes away; whether there was one. */
  adopt() {
    const same = `${this.localName}[src="${CSS.escape(this.getAttribute("src"))}"][data-ck-state="drawn"]`;
    const copies = document.querySelectorAll(`#live ${same}, [data-kind="model_request"] ${same}`);
    const copy = [...copies].find((other) => other !== this && this.replaces(other));
    if (!copy) return false;
    this.style.minHeight = copy.style.minHeight;
    this.takeFrom(copy);
    delete copy.dataset.ckState;
    return true;
  }

  /** What is in the making goes when its block is there, a cell's copy when the answer shows it. */
  replaces(other) {
    if (other.closest("#live")) return !this.closest("#live");
    const [mine, its] = [this.closest("article"), other.closest("article")];
    return mine?.dataset.kind === "call_tools" && mine.dataset.turn === its.dataset.turn;
  }

  takeFrom(copy) {
    this.replaceChildren(...copy.childNodes);
  }

  #forget() {
    this.#loading?.abort();
    this.#loading = null;
    delete this.dataset.ckState;
    this.clear?.();
    this.replaceChildren();
  }

  #fail(error) {
    this.dataset.ckState = "failed";
    const what = this.getAttribute("aria-label");
    const again = make("button", { type: "button", className: "button small" }, "Try again");
    again.addEventListener("click", () => this.load());
    this.replaceChildren(
      make("div", { className: "failure", role: "alert" }, make("span", {}, `${what} could not be shown: ${error.message}`), again),
    );
  }
}

async function fetched(src, signal) {
  const response = await fetch(src, { signal, headers: { accept: "application/json" } }).catch((error) => {
    if (signal.aborted) throw error;
    throw new Error("the server can't be reached.");
  });
  if (!response.ok) throw new Error(response.status === 404 ? "it isn't there any more." : `the server answered ${response.status}.`);
  return response.json();
}
