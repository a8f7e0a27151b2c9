// What the server says about the chat as a whole: whether a turn runs, its mode, title and address.
import { takenOver } from "./connection.js";

const composer = document.querySelector("#composer");

/** Whether a turn runs. */
export function isRunning() {
  return composer.dataset.running === "true";
}

/** A turn has begun or ended. */
export function setRunning(running) {
  if (isRunning() === running) return;
  if (running) composer.dataset.running = "true";
  else delete composer.dataset.running;
  delete composer.dataset.stopping;
  document.dispatchEvent(new CustomEvent("ck:running", { detail: { running } }));
}

function apply(state) {
  if (typeof state.running === "boolean") {
    setRunning(state.running);
    if (state.stopping) composer.dataset.stopping = "true";
    // Said also when nothing changed: a message that was refused is no longer on its way.
    if (!state.running) document.dispatchEvent(new CustomEvent("ck:idle"));
  }
  if (state.mode) setMode(state.mode);
  if (state.title) setTitle(state.title);
  if (state.url && location.pathname !== state.url) history.replaceState(history.state, "", state.url);
  if (state.held_elsewhere) takenOver();
}

function setMode(mode) {
  if (composer.dataset.mode === mode) return;
  composer.dataset.mode = mode;
  document.dispatchEvent(new CustomEvent("ck:mode", { detail: { mode } }));
}

function setTitle(title) {
  const heading = document.querySelector("#title");
  heading.textContent = heading.title = title;
  document.title = `${title} · chatkernel`;
}

document.addEventListener("htmx:ws:before:message:incoming", ({ detail }) => {
  const { data } = detail.message;
  if (typeof data !== "string" || !data.startsWith("{")) return;
  const { state } = JSON.parse(data);
  if (state) apply(state);
});

document.addEventListener("ck:block", ({ detail: { article } }) => {
  if (article.dataset.kind === "user_prompt") setRunning(true);
  if (article.dataset.kind === "turn_end") setRunning(false);
});

