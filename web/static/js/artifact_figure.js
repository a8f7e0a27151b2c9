// <ck-figure src>: an interactive plotly figure.
import { Artifact } from "./artifact.js";
import { themed } from "./figure_theme.js";
import { here, make } from "./here.js";
import { plotly } from "./plotly.js";

const HEIGHT = 450;
const TALLEST = 1600;
const NARROW = 480;
const TILED = /^(scatter|choropleth|density)map$/;
const NO_TILES = "Maps made of tiles need a map server, which this page may not ask. px.scatter_geo and px.choropleth work.";
const NO_OUTLINES = "The outlines of this region aren't installed. The scope 'world' works.";
const CONFIG = {
  displaylogo: false,
  // A finger has no hover, and the bar would cover the title.
  displayModeBar: matchMedia("(hover: hover)").matches ? "hover" : false,
  modeBarButtonsToRemove: ["select2d", "lasso2d", "autoScale2d", "zoomIn2d", "zoomOut2d"],
  scrollZoom: false,
  showTips: false,
  topojsonURL: `${here.assets}/vendor/topojson/`, // not plotly's own server
};

class Figure extends Artifact {
  #plot = null;
  #layout = null;
  #resizing = null;
  #repaint = () => this.#paint();

  connectedCallback() {
    super.connectedCallback();
    document.addEventListener("ck:theme", this.#repaint);
  }

  disconnectedCallback() {
    super.disconnectedCallback();
    document.removeEventListener("ck:theme", this.#repaint);
    this.#resizing?.disconnect();
  }

  async draw(figure) {
    if (figure.data?.some(({ type }) => TILED.test(type))) throw new Error(NO_TILES);
    const Plotly = await plotly();
    this.#layout = figure.layout ?? {};
    const height = Math.min(TALLEST, Number(this.#layout.height) || HEIGHT);
    this.style.minHeight = `${height}px`;
    this.#plot = make("div", { className: "plot" });
    this.#plot.style.height = `${height}px`;
    this.replaceChildren(this.#plot);
    const { data, frames } = figure;
    try {
      await Plotly.newPlot(this.#plot, { data, frames, layout: this.#themed(), config: CONFIG });
    } catch (error) {
      throw /could not find topojson/.test(error?.message) ? new Error(NO_OUTLINES) : error;
    }
    this.#watchSize();
  }

  takeFrom(copy) {
    super.takeFrom(copy);
    [this.#plot, this.#layout] = [copy.#plot, copy.#layout];
    copy.#plot = null;
    this.#watchSize();
  }

  clear() {
    if (this.#plot) window.Plotly?.purge(this.#plot);
    this.#plot = null;
  }

  #watchSize() {
    this.#resizing?.disconnect();
    let width = this.clientWidth;
    this.#resizing = new ResizeObserver(() => {
      if (!this.#plot || !this.clientWidth || this.clientWidth === width) return;
      const before = width;
      width = this.clientWidth;
      if (width < NARROW === before < NARROW) window.Plotly.Plots.resize(this.#plot);
      else this.#paint();
    });
    this.#resizing.observe(this);
  }

  #themed() {
    return themed(this.#layout, { narrow: this.clientWidth < NARROW });
  }

  #paint() {
    if (this.#plot) window.Plotly.react(this.#plot, this.#plot.data, this.#themed(), CONFIG);
  }
}

customElements.define("ck-figure", Figure);
