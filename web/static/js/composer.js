// The composer: writing, sending, stopping. Its textarea is never replaced.
import { isOpen, send } from "./connection.js";
import { completer } from "./completion.js";
import { draft } from "./draft.js";
import { Editing } from "./editing.js";
import { goesOn } from "./going_on.js";
import { promptOf, textOf } from "./log.js";
import { notify } from "./notices.js";
import { recalling } from "./recall.js";
import { isRunning } from "./state.js";
import { TypeAhead } from "./type_ahead.js";
import { Uploads } from "./uploads.js";

const form = document.querySelector("#composer");
const area = form.querySelector("textarea");
const sendButton = form.querySelector("[data-send]");
const hint = form.querySelector("[data-hint]");
const touch = matchMedia("(pointer: coarse)");
const longest = Number(form.dataset.longest);
const [BROKEN, TOO_LONG] = [1006, 1009];
const LONG_BYTES = 1 << 18;
const grows = CSS.supports("field-sizing", "content");

let pending = null; // the message that was sent and isn't a block yet: {text, turn, typed}
let overtaken = null; // one whose turn was told to be over before its block came
let asking = null; // the cell that Enter was pressed on, while the kernel is asked whether it goes on
let opened = false; // the first connection stood
let onceOpen = null; // what was to happen before it did
const uploads = new Uploads(form, refresh);
const editing = new Editing(form, { write, read: () => area.value });
const completion = completer(form, area, { replace });
const recalls = recalling(area, { write });
const ahead = new TypeAhead(area, { replace });

function isDirect() {
  return form.dataset.mode === "direct";
}

function bytes(text) {
  return text.length * 3 < longest ? text.length : new TextEncoder().encode(text).length;
}

function size(count) {
  const [amount, unit] = count < 1e6 ? [count / 1e3, "kB"] : [count / 1e6, "MB"];
  return `${Number(amount.toPrecision(3))} ${unit}`;
}

/** Why a text can't be sent now, in words; "" when it can, null when the reason is plain to see. */
function obstacle(text = area.value) {
  if (bytes(text) > longest) return `This message is longer than ${size(longest)}. Attach it as a file instead.`;
  if (!isOpen()) return null;
  if (uploads.busy) return "Waiting for the upload…";
  if (isRunning() || pending !== null || !text.trim()) return null;
  return "";
}

/** What has to be over before the next message. */
function unfinished() {
  if (pending !== null) return "The last message is still on its way.";
  if (!isRunning()) return "";
  const what = isDirect() ? "The cell is still running." : "The answer is still being written.";
  return `${what} Wait for it, or stop it.`;
}

function refresh() {
  const reason = obstacle();
  sendButton.disabled = reason !== "";
  hint.textContent = reason ?? "";
  if (!grows) {
    area.style.height = "auto";
    area.style.height = `${area.scrollHeight}px`;
  }
}

/** Put a text into the composer, the cursor at its end. */
function write(text) {
  area.value = text;
  area.dispatchEvent(new Event("input"));
  area.focus();
  area.setSelectionRange(text.length, text.length);
}

/** Replace characters as if typed: it can be undone. */
function replace(text, start = area.selectionStart, end = area.selectionEnd) {
  area.focus();
  area.setSelectionRange(start, end);
  if (!document.execCommand("insertText", false, text)) {
    area.setRangeText(text, start, end, "end");
    area.dispatchEvent(new Event("input"));
  }
}

function submit() {
  asking = null;
  refresh();
  sendOrExplain(area.value);
}

/** Send a text; if that can't be, say why. What is typed from here on belongs to the next one. */
function sendOrExplain(text) {
  if (!text.trim()) return;
  if (obstacle(text) === "") deliver(text, editing.turn);
  else hint.textContent ||= unfinished();
  if (area.value === text) ahead.mark({ toEnd: pending?.text === text });
}

/** Send a text as `turn`, null for a new one. `typed`: it is from the composer. */
function deliver(text, turn, { typed = true } = {}) {
  if (!send(turn === null ? { msg: text } : { msg: text, edit_idx: turn })) return;
  pending = { text, turn, typed };
  completion.close();
  document.dispatchEvent(new CustomEvent("ck:sent", { detail: { text } }));
  refresh();
}

/** The server has the message as a block: what was typed may go, if it is still what was sent. */
function arrived(prompt) {
  const own = pending ?? (overtaken?.text === textOf(prompt) ? overtaken : null);
  const { text, turn, typed } = own ?? { text: textOf(prompt), turn: editing.turn, typed: true };
  pending = overtaken = null;
  if (own === null && ahead.after(text) !== "") return; // somebody else's message, through the API
  if (!typed || turn !== editing.turn) editing.cancel(); // what is edited was not what was sent
  const rest = typed ? ahead.after(text) : null;
  const before = editing.end();
  if (rest !== null) shortenTo(rest || (before ?? ""));
  uploads.clear();
}

/** Leave the end of the text, the cursor where it is in it. */
function shortenTo(rest) {
  const behind = Math.min(area.value.length - area.selectionEnd, rest.length);
  write(rest);
  area.setSelectionRange(rest.length - behind, rest.length - behind);
}

function settle() {
  overtaken = pending ?? overtaken;
  pending = null;
  refresh();
}

/** The connection is gone. Closed on a text half sent, it may look broken: then it was perhaps too long. */
function lost(code) {
  if (code === TOO_LONG) {
    notify("That message is too long for the connection, so it was not sent. Attach it as a file instead.");
  } else if (code === BROKEN && pending !== null && bytes(pending.text) > LONG_BYTES) {
    notify("The connection broke on a long message. If that happens again, attach it as a file instead.");
  }
  pending = null;
}

/** Enter in a cell. What it means is decided for the text as it stands now, whatever is typed meanwhile. */
function enterInCell() {
  const { value, selectionStart, selectionEnd } = area;
  const atEnd = !value.slice(selectionEnd).trim();
  const indent = atEnd ? goesOn(value.slice(0, selectionStart)) : lineIndent();
  if (indent !== null) replace(`\n${indent}`);
  else if (!opened) afterOpening(enterInCell);
  else if (obstacle() !== "") submit();
  else if (asking === null) ask(value);
  else if (value !== asking) ahead.mark();
}

/** Enter before there is a connection acts once there is one; if more is typed until then, it began a line. */
function afterOpening(act) {
  const { value } = area;
  if (!value.trim()) return;
  ahead.mark({ toEnd: true });
  onceOpen = () => area.value === value && act();
}

/** Ask the kernel whether `code` goes on; if it doesn't, or nobody knows, it is sent. */
async function ask(code) {
  asking = code;
  const turn = editing.turn;
  ahead.mark({ toEnd: true });
  const indent = await completion.continuation(code);
  const stands = asking === code && editing.turn === turn && ahead.after(code) !== null;
  if (asking === code) asking = null;
  if (!stands) return;
  if (indent === null) sendOrExplain(code);
  else goOn(code, indent);
}

/** Begin a line after `code`, before what was typed since. */
function goOn(code, indent) {
  const typed = area.value.slice(code.length);
  const behind = area.value.length - area.selectionEnd;
  const begun = typed.startsWith("\n") ? 1 : 0;
  replace(begun ? indent : `\n${indent}`, code.length + begun, code.length + begun);
  const cursor = area.value.length - behind;
  area.setSelectionRange(cursor, cursor);
}

/** The indentation of the line the cursor is in. */
function lineIndent() {
  const line = area.value.slice(0, area.selectionStart).split("\n").at(-1);
  return /^\s*/.exec(line)[0];
}

area.addEventListener("keydown", (event) => {
  if (event.isComposing || event.keyCode === 229) return;
  if (completion.handles(event) || (editing.turn === null && recalls(event))) return;
  if (event.key === "Escape") editing.cancel();
  if (event.key !== "Enter" || event.shiftKey || event.altKey) return;
  if (touch.matches && !event.ctrlKey && !event.metaKey) return;
  event.preventDefault();
  if (isDirect() && !event.ctrlKey && !event.metaKey) enterInCell();
  else if (opened) submit();
  else afterOpening(submit);
});

area.addEventListener("input", () => {
  if (editing.turn === null) draft.keep(area.value);
  refresh();
});

form.addEventListener("submit", (event) => {
  event.preventDefault();
  submit();
});

form.querySelector("[data-stop]").addEventListener("click", () => {
  if (send({ action: "stop" })) form.dataset.stopping = "true";
});
form.querySelector("[data-force]").addEventListener("click", () => send({ action: "force_restart" }));

document.addEventListener("click", (event) => {
  const retry = event.target.closest("[data-retry-turn]");
  if (retry) again(retry.dataset.retryTurn);
  const example = event.target.closest("[data-example]");
  if (example) tryExample(example.dataset.example);
});

function again(turn) {
  const prompt = promptOf(turn);
  if (prompt && isOpen() && !isRunning() && pending === null) deliver(textOf(prompt), Number(turn), { typed: false });
}

function tryExample(text) {
  if (!area.value.trim()) write(text);
  if (isOpen() && !isRunning() && pending === null) deliver(text, null);
  else if (!isRunning()) onceOpen = () => deliver(text, null);
}

document.addEventListener("ck:connection", ({ detail: { open, code } }) => {
  if (!open) lost(code);
  opened ||= open;
  if (open && onceOpen !== null) {
    onceOpen();
    onceOpen = null;
  }
  refresh();
});
document.addEventListener("ck:block", ({ detail: { article } }) => {
  if (article.dataset.kind === "user_prompt") arrived(article);
  if (article.dataset.kind === "rewind" && pending === null) editing.cancel();
});
document.addEventListener("ck:running", refresh);
document.addEventListener("ck:idle", settle);
document.addEventListener("ck:notice", settle);
document.addEventListener("ck:mode", ({ detail: { mode } }) => adapt(mode));

function adapt(mode) {
  const direct = mode === "direct";
  area.placeholder = direct ? "Write Python…" : "Ask about your data…";
  area.spellcheck = !direct;
  area.setAttribute("autocapitalize", direct ? "off" : "sentences");
  area.setAttribute("autocorrect", direct ? "off" : "on");
}

const kept = draft.read();
if (kept && !area.value) write(kept);
if (touch.matches) area.blur();
refresh();
