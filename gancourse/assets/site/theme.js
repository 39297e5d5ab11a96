// Before the page is drawn: the theme that was chosen last, else the system's.
(() => {
  let chosen = null;
  try { chosen = localStorage.getItem("gancourse-theme"); } catch { /* a file:// page may have no storage */ }
  const dark = chosen ? chosen === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  document.documentElement.dataset.theme = dark ? "dark" : "light";
})();
