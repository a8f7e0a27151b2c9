// Passing notices above the composer.
import { make } from "./here.js";

const notices = document.querySelector("#notices");
const INFO_MS = 8000;
const MOST = 3;

/** Say something that isn't part of the conversation. */
export function notify(text, level = "error") {
  const close = make("button", { type: "button", className: "quiet icon-button", ariaLabel: "Dismiss" }, "×");
  close.dataset.dismiss = "";
  const toast = make("div", { className: `toast ${level}`, role: "alert" }, make("p", {}, text), close);
  notices.append(toast);
}

notices.addEventListener("click", (event) => {
  if (event.target.closest("[data-dismiss]")) event.target.closest(".toast").remove();
});

// What passed before a turn is no news any more, and a kernel's end is told in the turn itself.
document.addEventListener("ck:block", ({ detail: { article } }) => {
  if (article.dataset.kind === "user_prompt") notices.replaceChildren();
});

new MutationObserver((records) => {
  const added = records.flatMap(({ addedNodes }) => [...addedNodes]).filter((node) => node.classList);
  for (const toast of added) {
    if (toast.classList.contains("info")) setTimeout(() => toast.remove(), INFO_MS);
  }
  while (notices.children.length > MOST) notices.firstElementChild.remove();
  if (added.length) document.dispatchEvent(new CustomEvent("ck:notice"));
}).observe(notices, { childList: true });
