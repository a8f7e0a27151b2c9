// "Show more" at the end of the list of chats.
import { here } from "./here.js";
import { notify } from "./notices.js";

const history = document.querySelector("#history");
let expanded = false;
let next = null; // where the chats go on after those shown; null at their end

/** A list as the server sends it: its items, and where it goes on. */
async function older(before) {
  const query = new URLSearchParams({ current: here.chat, before });
  const response = await fetch(`${here.root}/chat/history?${query}`);
  if (!response.ok) throw new Error("The older chats could not be listed. Try again.");
  const { body } = new DOMParser().parseFromString(await response.text(), "text/html");
  return { items: [...body.querySelectorAll("li")], next: body.querySelector("#history-more")?.dataset.before ?? null };
}

/** Items that aren't listed yet, at the end; then the button, if there is more. */
function append(items) {
  const list = history.querySelector("ul");
  if (!list) return;
  list.append(...items.filter((item) => !document.getElementById(item.id)));
  const button = history.querySelector("#history-more");
  if (next === null) button?.remove();
  else if (button) button.dataset.before = next;
}

history.addEventListener("click", async (event) => {
  const button = event.target.closest("#history-more");
  if (!button || button.disabled) return;
  button.disabled = true;
  try {
    const page = await older(button.dataset.before);
    [expanded, next] = [true, page.next];
    append(page.items);
  } catch (error) {
    notify(error.message);
  } finally {
    button.disabled = false;
  }
});

// With every turn the server sends the first chats alone: those that were shown after them stay.
new MutationObserver((records) => {
  if (!expanded) return;
  const removed = records.flatMap(({ removedNodes }) => [...removedNodes]);
  append(removed.filter((node) => node.tagName === "LI" && !("deleted" in node.dataset)));
}).observe(history, { childList: true, subtree: true });
