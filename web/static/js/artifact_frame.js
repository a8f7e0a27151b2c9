// <ck-frame>: HTML of a cell in a frame that has no origin of ours; it tells its height, which is all we take from it.
const LOWEST = 24;
const HIGHEST = 2400;

class Frame extends HTMLElement {
  static observedAttributes = ["src"];

  connectedCallback() {
    addEventListener("message", this);
  }

  disconnectedCallback() {
    removeEventListener("message", this);
  }

  attributeChangedCallback(_name, before, src) {
    if (before) this.frame?.setAttribute("src", src);
  }

  get frame() {
    return this.querySelector("iframe");
  }

  handleEvent({ source, data }) {
    if (source !== this.frame?.contentWindow || !Number.isFinite(data?.ckHeight)) return;
    this.frame.style.height = `${Math.min(HIGHEST, Math.max(LOWEST, Math.ceil(data.ckHeight)))}px`;
  }
}

customElements.define("ck-frame", Frame);
