// <ck-elapsed seconds="3.2">: how long something has been going on, counted on from there.
class Elapsed extends HTMLElement {
  static observedAttributes = ["seconds"];
  #timer = 0;

  connectedCallback() {
    this.#timer = setInterval(() => this.#show(), 500);
  }

  disconnectedCallback() {
    clearInterval(this.#timer);
  }

  attributeChangedCallback() {
    this.since = performance.now() - 1000 * (Number(this.getAttribute("seconds")) || 0);
    this.#show();
  }

  #show() {
    const seconds = Math.floor((performance.now() - this.since) / 1000);
    const minutes = Math.floor(seconds / 60);
    this.textContent = minutes ? `${minutes} min ${seconds % 60} s` : `${seconds} s`;
  }
}

customElements.define("ck-elapsed", Elapsed);
