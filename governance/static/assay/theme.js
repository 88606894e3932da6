// Follow the theme that was chosen in the admin (it keeps "light", "dark" or "auto" in the browser).
(function () {
  "use strict";
  let chosen = "auto";
  try {
    chosen = JSON.parse(window.localStorage.getItem("adminTheme") || '"auto"');
  } catch {
    chosen = "auto";
  }
  if (chosen === "light" || chosen === "dark") {
    document.documentElement.dataset.theme = chosen;
  }
})();
