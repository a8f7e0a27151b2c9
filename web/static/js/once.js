// A figure that an answer shows by its tag is hidden where the cell had displayed it: it is shown once.
const log = document.querySelector("#log");

function hideTwice(turn) {
  const inTurn = `[data-turn="${CSS.escape(turn)}"]`;
  const tagged = log.querySelectorAll(`article[data-kind="call_tools"]${inTurn} .prose [data-artifact]`);
  const shown = new Set([...tagged].map((element) => element.dataset.artifact));
  if (!shown.size) return;
  for (const element of log.querySelectorAll(`article[data-kind="model_request"]${inTurn} [data-artifact]`)) {
    if (shown.has(element.dataset.artifact)) element.classList.add("once-hidden");
  }
}

document.addEventListener("ck:block", ({ detail: { article } }) => hideTwice(article.dataset.turn));
for (const turn of new Set([...log.children].map((article) => article.dataset.turn))) hideTwice(turn);
