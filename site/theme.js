// Light and dark, before the page is painted; a classic script, so that it works from disk.
(function () {
  "use strict";
  var root = document.documentElement;
  function stored() { try { return localStorage.getItem("kosae-theme"); } catch (e) { return null; } }
  function apply(theme) {
    root.dataset.theme = theme;
    root.setAttribute("data-bs-theme", theme); // Quarto's Bootstrap
  }
  var system = window.matchMedia("(prefers-color-scheme: dark)");
  apply(stored() || (system.matches ? "dark" : "light"));
  system.addEventListener("change", function () { if (!stored()) apply(system.matches ? "dark" : "light"); });
  function ready() {
    var theme = document.getElementById("theme-toggle");
    if (theme) theme.addEventListener("click", function () {
      apply(root.dataset.theme === "dark" ? "light" : "dark");
      try { localStorage.setItem("kosae-theme", root.dataset.theme); } catch (e) { /* private mode */ }
    });
    var code = document.getElementById("code-toggle");
    if (code) code.addEventListener("click", function () {
      var open = code.getAttribute("aria-pressed") !== "true";
      code.setAttribute("aria-pressed", String(open));
      document.querySelectorAll("details.code").forEach(function (d) { d.open = open; });
    });
    var spot = document.querySelector("nav.chapters .here");
    if (spot && spot.scrollIntoView && window.innerWidth >= 1000) spot.scrollIntoView({ block: "nearest" });
  }
  if (document.readyState === "loading") document.addEventListener("DOMContentLoaded", ready); else ready();
})();
