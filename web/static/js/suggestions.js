// After an example that ran, the one that builds on it is offered above the composer.
import { textOf } from "./log.js";
import { isRunning } from "./state.js";

const row = document.querySelector("[data-suggestions]");
const log = document.querySelector("#log");
const composer = document.querySelector("#composer");
const area = composer.querySelector("textarea");

let tried = null; // the example that was clicked: its text and step, and its turn once that has begun
let offered = null; // the button of the one that follows

/** Whether everything of a turn went well, so that its variables are there. */
function worked(turn) {
  const inTurn = `article[data-turn="${CSS.escape(turn)}"]`;
  const went = [...log.querySelectorAll(`${inTurn} .result, ${inTurn}[data-status]`)];
  return went.some((each) => each.matches(".result")) && went.every((each) => each.dataset.status === "ok");
}

function begun(prompt) {
  offered = null;
  tried = tried?.text === textOf(prompt) ? { ...tried, turn: prompt.dataset.turn } : null;
}

function over(end) {
  if (tried?.turn !== end.dataset.turn) return;
  if (worked(tried.turn)) offered = row.querySelector(`[data-step="${tried.step + 1}"]`);
  tried = null;
}

function show() {
  for (const button of row.querySelectorAll("button")) button.hidden = button !== offered;
  const direct = composer.dataset.mode === "direct";
  row.hidden = !offered || !direct || isRunning() || Boolean(area.value.trim());
}

if (row) {
  document.addEventListener("click", (event) => {
    const example = event.target.closest("[data-example]");
    if (example) tried = { text: example.dataset.example, step: Number(example.dataset.step) };
  });
  document.addEventListener("ck:block", ({ detail: { article } }) => {
    if (article.dataset.kind === "user_prompt") begun(article);
    if (article.dataset.kind === "turn_end") over(article);
    show();
  });
  for (const event of ["ck:running", "ck:mode"]) document.addEventListener(event, show);
  area.addEventListener("input", show);
}
