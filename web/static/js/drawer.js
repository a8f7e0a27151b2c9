// On a narrow screen the sidebar is a drawer: while it is open, what is behind it takes no focus.
const page = document.body;
const sidebar = document.querySelector("#sidebar");
const opener = document.querySelector('[data-drawer="open"]');
const behind = document.querySelectorAll(".chat, .skip");
const narrow = matchMedia("(width <= 52rem)"); // as in layout.css

function isOpen() {
  return page.classList.contains("drawer-open");
}

function open(yes) {
  if (yes === isOpen()) return;
  page.classList.toggle("drawer-open", yes);
  opener.setAttribute("aria-expanded", String(yes));
  for (const element of behind) element.inert = yes;
  const next = yes ? sidebar.querySelector("a") : opener;
  next.focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-drawer]");
  if (control) open(control.dataset.drawer === "open");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && !event.target.closest("dialog")) open(false);
});
narrow.addEventListener("change", () => open(false));
