// On a narrow screen the sidebar is a drawer.
const page = document.body;
const sidebar = document.querySelector("#sidebar");

function open(yes) {
  page.classList.toggle("drawer-open", yes);
  if (yes) sidebar.querySelector("a").focus({ preventScroll: true });
}

document.addEventListener("click", (event) => {
  const control = event.target.closest("[data-drawer]");
  if (control) open(control.dataset.drawer === "open");
});
document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && page.classList.contains("drawer-open")) open(false);
});
