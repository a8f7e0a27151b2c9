// Copy buttons: the code of the box they stand in.
const DONE_MS = 1600;

document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  event.preventDefault(); // in a card's bar a click would fold the card
  const code = button.closest(".code-block, .card, .cell").querySelector("pre");
  const label = button.querySelector("span");
  label.textContent = (await copied(code)) ? "Copied" : "Press Ctrl+C";
  button.classList.add("is-done");
  setTimeout(() => {
    label.textContent = "Copy";
    button.classList.remove("is-done");
  }, DONE_MS);
});

async function copied(code) {
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    getSelection().selectAllChildren(code); // no clipboard without HTTPS: leave it selected
    return document.execCommand("copy");
  }
}
