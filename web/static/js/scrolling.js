// The newest stays in view, unless the user scrolled away from it.
const scroller = document.querySelector("#scroll");
const column = scroller.querySelector(".column");
const jump = document.querySelector("[data-jump]");
const NEAR = 60;
const log = document.querySelector("#log");
let following = log.children.length > 0;
let lastTop = 0;

function distance() {
  return scroller.scrollHeight - scroller.clientHeight - scroller.scrollTop;
}

/** The way to the newest is offered to whoever is far from it. */
function offer() {
  jump.hidden = following || distance() < NEAR || !log.children.length;
}

/** Go to the newest and stay there. */
export function follow({ smooth = false } = {}) {
  following = true;
  jump.hidden = true;
  const quiet = matchMedia("(prefers-reduced-motion: reduce)").matches;
  scroller.scrollTo({ top: scroller.scrollHeight, behavior: smooth && !quiet ? "smooth" : "instant" });
}

scroller.addEventListener(
  "scroll",
  () => {
    const up = scroller.scrollTop < lastTop - 2;
    lastTop = scroller.scrollTop;
    if (distance() < NEAR) following = true;
    else if (up) following = false;
    offer();
  },
  { passive: true },
);

new ResizeObserver(() => {
  if (following) follow();
  else offer();
}).observe(column);
new ResizeObserver(() => following && follow()).observe(scroller);

jump.addEventListener("click", () => follow({ smooth: true }));
document.addEventListener("ck:sent", () => follow());
if (following) follow();
