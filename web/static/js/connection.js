// The page's socket, which htmx opens and opens again: what it carries, and what the user is told about it.
import { here, make, request } from "./here.js";
import { lastSeq } from "./log.js";

const TAKEN_OVER = 4001;
const LOGGED_OUT = 4401;
const banner = document.querySelector("#banner");
let connection = null;
let wasOpen = false;
let everOpened = false;
let held = false; // connected, but another tab has the session
let leaving = false;

/** Whether a message sent now would leave. */
export function isOpen() {
  return !held && connection?.socket?.readyState === WebSocket.OPEN;
}

/** Send a message to the server; false when there is no connection. Nothing is queued. */
export function send(message) {
  if (!isOpen()) return false;
  connection.socket.send(JSON.stringify({ chat_id: here.chat, ...message }));
  return true;
}

function tell(open, code) {
  wasOpen = open;
  document.dispatchEvent(new CustomEvent("ck:connection", { detail: { open, code } }));
}

function say(text, label, act) {
  const button = label && make("button", { className: "button small", type: "button", onclick: act }, label);
  banner.replaceChildren(text, ...(button ? [button] : []));
  banner.hidden = false;
}

/** Another tab has the user's session, with this chat or another: say so, and offer to use it here. */
export function takenOver() {
  held = true;
  tell(false);
  say("chatkernel is open in another tab.", "Use it here", takeOver);
}

function takeOver() {
  held = false;
  if (!send({ action: "take_over" })) {
    location.reload();
    return;
  }
  banner.hidden = true;
  tell(true);
}

document.addEventListener("htmx:ws:before:connection", ({ detail }) => {
  const url = new URL(detail.connection.url, location.href);
  url.searchParams.set("after", Math.max(lastSeq(), Number(url.searchParams.get("after")) || 0));
  if (everOpened || detail.connection.attempt > 0) url.searchParams.set("reconnect", "1");
  detail.connection.url = url.href;
});

document.addEventListener("htmx:ws:after:connection", ({ detail }) => {
  connection = detail.connection;
  everOpened = true;
  held = false;
  banner.hidden = true;
  tell(true);
});

document.addEventListener("htmx:ws:close", ({ detail }) => {
  const opened = wasOpen;
  tell(false, detail.code);
  if (leaving) return;
  if (detail.code === LOGGED_OUT) location.assign(`${here.root}/`);
  else if (detail.code === TAKEN_OVER) takenOver();
  else if (detail.connection?.config.reconnectCodes.includes(detail.code)) reconnecting(opened);
  else say(sentence(detail.code), "Reload", () => location.reload());
});

function sentence(code) {
  if (code === 4404) return "This chat isn't there any more.";
  return "The connection was closed.";
}

async function reconnecting(opened) {
  say("Disconnected. Reconnecting…");
  if (opened) return;
  // Refused before it opened: a restarting server, or a login or chat that is gone?
  try {
    await request(`${here.root}/api/chats/${encodeURIComponent(here.chat)}?after_seq=${lastSeq()}`);
  } catch (error) {
    if (error.status === 401) say("You are logged out.", "Log in", () => location.assign(`${here.root}/login`));
    if (error.status === 404) say("This chat isn't there any more.", "To your chats", () => location.assign(`${here.root}/`));
  }
}

// The tab that logs out is on its way: going elsewhere would cut that short.
document.addEventListener("submit", ({ target }) => {
  if (target.matches('[action$="/logout"]')) leaving = true;
});

addEventListener("pagehide", () => {
  leaving = true;
});
// Brought back by the back button with its socket closed: it would stay deaf.
addEventListener("pageshow", (event) => event.persisted && location.reload());
