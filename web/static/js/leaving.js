// Going to another chat while a turn runs here: a user has one session, so it asks first.
import { ask } from "./ask.js";
import { send } from "./connection.js";
import { isRunning } from "./state.js";

const PATIENCE_MS = 5000;

function mayLeave() {
  return ask({
    title: "A turn is still running",
    text: "Opening another chat stops it. What it has done so far stays.",
    yes: "Stop it and switch",
    no: "Stay",
  });
}

/** Stop the turn. Resolves when it is over: until then the other chat could not take a message. */
async function stopped() {
  if (!isRunning()) return;
  const over = new Promise((resolve) => document.addEventListener("ck:running", resolve, { once: true }));
  send({ action: "stop" });
  await Promise.race([over, new Promise((resolve) => setTimeout(resolve, PATIENCE_MS))]);
}

function needsAsking(event) {
  return isRunning() && !event.defaultPrevented && !event.metaKey && !event.ctrlKey && !event.shiftKey;
}

document.addEventListener("click", async (event) => {
  const link = event.target.closest("a[data-leave]:not([aria-current])");
  if (!link || !needsAsking(event)) return;
  event.preventDefault();
  if (!(await mayLeave())) return;
  await stopped();
  location.assign(link.href);
});

document.addEventListener("submit", async (event) => {
  const form = event.target.closest("form[data-leave]");
  if (!form || !needsAsking(event)) return;
  event.preventDefault();
  if (!(await mayLeave())) return;
  await stopped();
  form.submit();
});
