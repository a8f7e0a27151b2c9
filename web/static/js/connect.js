// The dialog "Connect a model".
import { here, request } from "./here.js";

const dialog = document.querySelector("#connect");
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

async function connect() {
  const [submit, problem] = [form.querySelector("[data-submit]"), form.querySelector(".form-error")];
  problem.hidden = true;
  submit.disabled = true;
  submit.textContent = "Trying it…";
  try {
    await request(`${here.root}/api/model`, { method: "POST", json: wanted() });
    location.reload();
  } catch (error) {
    problem.textContent = error.message;
    problem.hidden = false;
    submit.disabled = false;
    submit.textContent = "Connect";
  }
}

form?.addEventListener("change", (event) => event.target.name === "how" && choosePane());
form?.addEventListener("submit", (event) => {
  event.preventDefault();
  connect();
});
if (form) choosePane();
