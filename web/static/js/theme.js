// Light or dark: what the user chose, else what the system says. Not a module: it runs before anything is painted.
(() => {
  const KEY = "chatkernel:theme";
  const page = document.documentElement;
  const system = matchMedia("(prefers-color-scheme: dark)");

  function chosen() {
    try {
      return localStorage.getItem(KEY);
    } catch {
      return null; // storage is blocked: the system decides
    }
  }

  function choose(theme) {
    try {
      if (theme === (system.matches ? "dark" : "light")) localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, theme);
    } catch {
      page.dataset.theme = theme;
    }
  }

  function apply() {
    const theme = chosen();
    if (theme) page.dataset.theme = theme;
    else delete page.dataset.theme;
    page.classList.toggle("is-dark", (theme ?? (system.matches ? "dark" : "light")) === "dark");
    document.dispatchEvent(new CustomEvent("ck:theme"));
  }

  document.addEventListener("click", (event) => {
    if (!event.target.closest("[data-theme-toggle]")) return;
    choose(page.classList.contains("is-dark") ? "light" : "dark");
    apply();
  });
  system.addEventListener("change", apply);
  addEventListener("storage", (event) => event.key === KEY && apply());
  apply();
})();
