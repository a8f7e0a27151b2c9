// The admin page: its socket keeps it up to date, its buttons ask the API.
import "./morphing.js";
import { ask } from "./ask.js";
import { here, request } from "./here.js";
import { notify } from "./notices.js";

const LOGGED_OUT = 4401;
const banner = document.querySelector("#banner");
let leaving = false;

const LOST = "What runs ends at once, and all its variables are lost. The chat goes on with its next message.";
const NOT_STARTED = "It isn’t ready yet, so no variables are lost. The cell that wants it fails.";

const killing = ({ user, started }) => ({
  title: `Kill ${user}’s kernel?`,
  text: started === undefined ? NOT_STARTED : LOST,
  yes: "Kill",
  danger: true,
});

document.addEventListener("click", async ({ target }) => {
  const button = target.closest("[data-action]");
  if (!button || button.disabled) return;
  const { action, kernel, user, started } = button.dataset;
  if (action === "kill" && !(await ask(killing({ user, started })))) return;
  try {
    const { result } = await request(`${here.root}/api/admin/kernels/${encodeURIComponent(kernel)}/${action}`, {
      method: "POST",
    });
    notify(result, "info");
  } catch (error) {
    notify(error.message);
  }
});

function say(text) {
  banner.textContent = text;
  banner.hidden = false;
}

document.addEventListener("htmx:ws:after:connection", () => {
  banner.hidden = true;
});

document.addEventListener("htmx:ws:close", ({ detail }) => {
  if (leaving) return;
  if (detail.code === LOGGED_OUT) location.assign(`${here.root}/`);
  else if (detail.connection?.config.reconnectCodes.includes(detail.code)) say("Disconnected. Reconnecting…");
  else say("The connection was closed. Reload the page.");
});

addEventListener("pagehide", () => {
  leaving = true;
});
addEventListener("pageshow", (event) => event.persisted && location.reload());
