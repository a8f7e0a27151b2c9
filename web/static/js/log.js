// The log of blocks: each once, in the order of their numbers, without what a rewind took back.
const log = document.querySelector("#log");

/** The number of the newest block on the page; 0 for none. */
export function lastSeq() {
  return Math.max(0, ...[...log.children].map((article) => Number(article.dataset.seq) || 0));
}

/** The block of a turn's message. */
export function promptOf(turn) {
  return log.querySelector(`article[data-kind="user_prompt"][data-turn="${CSS.escape(turn)}"]`);
}

/** The text of a message's block, as it was typed. */
export function textOf(prompt) {
  return prompt.querySelector(".source").textContent;
}

/** Whether a cell ran in a turn or after it: what it left in the kernel is lost if they go. */
export function ranCode(turn) {
  const results = [...log.querySelectorAll('.result[data-tool="run_python"]')];
  return results.some((result) => Number(result.closest("article").dataset.turn) >= turn);
}

function take(article) {
  if (isThere(article)) {
    article.remove();
    return;
  }
  if (article.dataset.kind === "rewind") rewind(article);
  document.dispatchEvent(new CustomEvent("ck:block", { detail: { article } }));
}

function isThere(article) {
  return log.querySelector(`article[data-seq="${CSS.escape(article.dataset.seq)}"]`) !== article;
}

function rewind(article) {
  const [seq, from] = [Number(article.dataset.seq), Number(article.dataset.fromTurn)];
  for (const other of [...log.children]) {
    if (Number(other.dataset.seq) < seq && Number(other.dataset.turn) >= from) other.remove();
  }
}

new MutationObserver((records) => {
  for (const { addedNodes } of records) {
    for (const node of addedNodes) if (node.tagName === "ARTICLE" && node.isConnected) take(node);
  }
}).observe(log, { childList: true });
