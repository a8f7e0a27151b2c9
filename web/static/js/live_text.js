// What a running cell prints stays at its newest line, unless the user scrolled up in it.
const live = document.querySelector("#live");
const NEAR = 24;
const tops = new WeakMap(); // where each box was scrolled to
const left = new WeakSet(); // those the user scrolled up in

function distance(box) {
  return box.scrollHeight - box.clientHeight - box.scrollTop;
}

live.addEventListener(
  "scroll",
  ({ target: box }) => {
    if (!box.matches(".running .text")) return;
    const up = box.scrollTop < (tops.get(box) ?? 0) - 2;
    tops.set(box, box.scrollTop);
    if (distance(box) < NEAR) left.delete(box);
    else if (up) left.add(box);
  },
  { capture: true, passive: true }, // it doesn't bubble
);

function follow() {
  for (const box of live.querySelectorAll(".running .text")) {
    if (!left.has(box)) box.scrollTop = box.scrollHeight;
  }
}

new MutationObserver(follow).observe(live, { childList: true, subtree: true, characterData: true });
follow();
