// The dialog "Connect a model". What it changes, the socket brings to every page.
import { isOpen } from "./connection.js";
import { here, request } from "./here.js";

const dialog = document.querySelector("#connect");
const METHODS = { connect: "POST", disconnect: "DELETE" };
const form = dialog.querySelector("form");

document.addEventListener("click", (event) => {
  const opener = event.target.closest("[data-open]");
  if (opener) document.getElementById(opener.dataset.open).showModal();
  const closer = event.target.closest("[data-close]");
  if (closer) closer.closest("dialog").close();
});

// A click beside the dialog closes it.
dialog.addEventListener("click", (event) => event.target === dialog && inside(event) === false && dialog.close());

function inside({ clientX, clientY }) {
  const box = dialog.getBoundingClientRect();
  return clientX >= box.left && clientX <= box.right && clientY >= box.top && clientY <= box.bottom;
}

function choosePane() {
  const chosen = form.elements.how.value;
  for (const pane of form.querySelectorAll("[data-pane]")) {
    pane.hidden = pane.disabled = pane.dataset.pane !== chosen;
  }
}

/** The form's enabled fields; empty ones are left out. */
function wanted() {
  const { how, keep, ...fields } = Object.fromEntries(new FormData(form));
  const filled = Object.entries(fields).map(([name, value]) => [name, value.trim()]);
  return { ...Object.fromEntries(filled.filter(([, value]) => value)), keep: keep === "on" };
}

/** Ask for another model, "connect" or "disconnect". Gives whether there is one; if not, the problem is said. */
async function change(action, { button, busy, json }) {
  const problem = dialog.querySelector(`[data-problem="${action}"]`);
  const label = button.textContent;
  problem.hidden = true;
  button.disabled = true;
  button.textContent = busy;
  try {
    await request(`${here.root}/api/model`, { method: METHODS[action], json });
    if (!isOpen()) location.reload();
    return true;
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    return false;
  } finally {
    button.disabled = false;
    button.textContent = label;
  }
}

async function connect() {
  const button = form.querySelector("[data-submit]");
  if (!(await change("connect", { button, busy: "Trying it…", json: wanted() }))) return;
  dialog.close();
  form.reset();
  choosePane();
}

async function disconnect(button) {
  if (await change("disconnect", { button, busy: "Disconnecting…" })) dialog.querySelector("[data-close]").focus();
}

dialog.addEventListener("click", (event) => {
  const button = event.target.closest("[data-disconnect]");
  if (button) disconnect(button);
});
form?.addEventListener("change", (event) => event.target.name === "how" && choosePane());
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  connect();
});
if (form) choosePane();
