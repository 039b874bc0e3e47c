// Small tools for drawing: elements with text and never with HTML, numbers, colours, a tip that follows the pointer.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    SVG = "http://www.w3.org/2000/svg";

  function fill(element, attributes, children) {
    Object.keys(attributes || {}).forEach(function (key) {
      var value = attributes[key];
      if (value === null || value === undefined || value === false) return;
      if (key.slice(0, 2) === "on") element.addEventListener(key.slice(2), value);
      else if (key.slice(0, 2) === "--") element.style.setProperty(key, value);
      else element.setAttribute(key, value === true ? "" : value);
    });
    children.forEach(function add(child) {
      if (Array.isArray(child)) child.forEach(add);
      else if (child !== null && child !== undefined && child !== false) element.appendChild(child.nodeType ? child : document.createTextNode(child));
    });
    return element;
  }
  KOSAE.el = function (tag, attributes) {
    return fill(document.createElement(tag), attributes, Array.prototype.slice.call(arguments, 2));
  };
  KOSAE.svg = function (tag, attributes) {
    return fill(document.createElementNS(SVG, tag), attributes, Array.prototype.slice.call(arguments, 2));
  };
  // Put children into an element; what is null or false is left out.
  KOSAE.put = function (parent) {
    return fill(parent, {}, Array.prototype.slice.call(arguments, 1));
  };
  KOSAE.clear = function (element) {
    element.textContent = "";
    return element;
  };

  KOSAE.number = function (value, digits) {
    if (value === null || value === undefined) return "–";
    return value.toFixed(digits === undefined ? 2 : digits).replace("-", "−");
  };
  KOSAE.percent = function (value) {
    var p = 100 * value;
    return (p === 0 ? "0" : p < 0.01 ? "<0.01" : p < 1 ? p.toFixed(2) : p.toFixed(1)) + "%";
  };
  KOSAE.count = function (value) {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ",");
  };

  KOSAE.href = function (kind, value) {
    var sae = KOSAE.sae && KOSAE.sae !== KOSAE.firstSae ? "&sae=" + encodeURIComponent(KOSAE.sae) : "";
    return "#" + kind + (value === undefined ? "" : "=" + encodeURIComponent(value)) + sae;
  };
  KOSAE.link = function (f) {
    return KOSAE.el("a", { href: KOSAE.href("feature", f), class: "feature-link" }, String(f));
  };

  // Colours of classes: hues as far apart as they can be, in three lightnesses, readable on light and dark paper.
  KOSAE.hue = function (i, n) {
    var dark = document.documentElement.dataset.theme === "dark";
    return "hsl(" + Math.round((360 * i) / n + 8) + " " + (i % 2 ? 75 : 60) + "% " + (dark ? [62, 72, 54] : [44, 36, 52])[i % 3] + "%)";
  };

  // A text cut at its tokens (text, token, value, text, ...), shaded by value; `centre` is the token it is about.
  KOSAE.shaded = function (parts, max, centre) {
    var found = [];
    parts.forEach(function (part, i) {
      if (i % 3 === 0) {
        if (part) found.push(part);
        return;
      }
      if (i % 3 === 2) return;
      var value = parts[i + 1],
        at = (i - 1) / 3;
      found.push(
        KOSAE.el(
          "mark",
          {
            class: "tok" + (at === centre ? " centre" : ""),
            "--v": max > 0 ? Math.min(1, value / max).toFixed(3) : 0,
            "data-tip": KOSAE.number(value),
          },
          part.replace(/\n/g, "⏎"),
        ),
      );
    });
    return found;
  };

  var tip = KOSAE.el("div", { class: "tip", role: "tooltip", hidden: true });
  function show(event) {
    var target = event.target.closest && event.target.closest("[data-tip]");
    if (!target) {
      tip.hidden = true;
      return;
    }
    KOSAE.tip(target.dataset.tip, event.clientX, event.clientY);
  }
  KOSAE.tip = function (text, x, y) {
    tip.hidden = !text;
    if (!text) return;
    if (!tip.parentNode) document.body.appendChild(tip);
    tip.textContent = text;
    tip.style.left = Math.max(4, Math.min(x + 12, window.innerWidth - tip.offsetWidth - 8)) + "px";
    tip.style.top = (y + 18 + tip.offsetHeight > window.innerHeight ? y - tip.offsetHeight - 10 : y + 18) + "px";
  };
  document.addEventListener("pointerover", show);
  document.addEventListener("pointerdown", show);
  document.addEventListener(
    "scroll",
    function () {
      tip.hidden = true;
    },
    { passive: true },
  );
})();
