// The list of chats: rename and delete.
import { ask } from "./ask.js";
import { here, request } from "./here.js";
import { notify } from "./notices.js";

async function rename(id, title) {
  const wanted = await ask({ title: "Rename this chat", field: title, yes: "Rename" });
  if (!wanted || wanted === title) return;
  await request(chatUrl(id), { method: "PATCH", json: { title: wanted } });
  const link = document.getElementById(`chat-${id}`)?.querySelector("a");
  if (link) link.textContent = link.title = wanted;
  if (id === here.chat) {
    document.querySelector("#title").textContent = wanted;
    document.title = `${wanted} · chatkernel`;
  }
  await refresh();
}

async function remove(id, title) {
  const sure = await ask({
    title: "Delete this chat?",
    text: `“${title}” goes with its messages, figures, files and variables.`,
    yes: "Delete",
    danger: true,
  });
  if (!sure) return;
  await request(chatUrl(id), { method: "DELETE" });
  document.getElementById(`chat-${id}`)?.setAttribute("data-deleted", "");
  if (id === here.chat) location.assign(`${here.root}/`);
  else await refresh();
}

function chatUrl(id) {
  return `${here.root}/api/chats/${encodeURIComponent(id)}`;
}

function refresh() {
  const current = encodeURIComponent(here.chat);
  return htmx.ajax("GET", `${here.root}/chat/history?current=${current}`, { target: "#history", swap: "innerMorph" });
}

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-rename-chat], [data-delete-chat]");
  if (!button) return;
  const { title } = button.closest("li").querySelector("a");
  const { renameChat, deleteChat } = button.dataset;
  try {
    await (renameChat ? rename(renameChat, title) : remove(deleteChat, title));
  } catch (error) {
    notify(error.message);
  }
});
