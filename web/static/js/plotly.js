// Plotly, fetched once and only when the first figure needs it: it is large.
import { here } from "./here.js";

let arriving = null;

/** The Plotly object. A failed fetch is tried again the next time. */
export function plotly() {
  arriving ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = `${here.assets}/vendor/plotly-strict.min.js`;
    script.addEventListener("load", () => resolve(window.Plotly));
    script.addEventListener("error", () => {
      arriving = null;
      script.remove();
      reject(new Error("the drawing library could not be loaded."));
    });
    document.head.append(script);
  });
  return arriving;
}
