// Substring search over window.KOSAE_INDEX = [{u: address, t: page, s: section, x: text}, ...].
// Substrings find Korean words whatever particle follows them. No fetch and no module: it works from disk.
(function () {
  "use strict";
  var input = document.getElementById("search"), box = document.getElementById("results");
  var index = window.KOSAE_INDEX;
  if (!input || !box || !index) return;
  var LIMIT = 20;

  function fold(text) { return text.normalize("NFC").toLowerCase(); }
  index.forEach(function (e) { e.head = fold(e.t + " " + e.s); e.body = fold(e.x); });

  function find(query) {
    var terms = fold(query).split(/\s+/).filter(Boolean), hits = [];
    if (!terms.length) return { terms: terms, hits: hits };
    index.forEach(function (entry) {
      var score = 0;
      for (var i = 0; i < terms.length; i++) {
        var inHead = entry.head.indexOf(terms[i]) >= 0, inBody = entry.body.indexOf(terms[i]) >= 0;
        if (!inHead && !inBody) return;
        score += (inHead ? 10 : 0) + Math.min(entry.body.split(terms[i]).length - 1, 5);
      }
      hits.push({ entry: entry, score: score });
    });
    hits.sort(function (a, b) { return b.score - a.score; });
    return { terms: terms, hits: hits };
  }

  function marked(parent, text, terms) { // text nodes and <mark>, never HTML from the index
    var folded = fold(text), at = 0;
    if (folded.length !== text.length) { parent.textContent = text; return; }
    while (at < text.length) {
      var best = -1, size = 0;
      terms.forEach(function (t) { var i = folded.indexOf(t, at); if (i >= 0 && (best < 0 || i < best)) { best = i; size = t.length; } });
      if (best < 0) break;
      parent.appendChild(document.createTextNode(text.slice(at, best)));
      var m = document.createElement("mark"); m.textContent = text.slice(best, best + size); parent.appendChild(m);
      at = best + size;
    }
    parent.appendChild(document.createTextNode(text.slice(at)));
  }

  function snippet(entry, terms) {
    var at = -1;
    terms.forEach(function (t) { var i = entry.body.indexOf(t); if (i >= 0 && (at < 0 || i < at)) at = i; });
    var from = Math.max(0, at - 40);
    return (from ? "…" : "") + entry.x.slice(from, from + 130) + (from + 130 < entry.x.length ? "…" : "");
  }

  function show() {
    var query = input.value, found = find(query);
    box.textContent = "";
    box.hidden = !query.trim();
    if (box.hidden) return;
    if (!found.hits.length) { var p = document.createElement("p"); p.textContent = input.dataset.none; box.appendChild(p); return; }
    found.hits.slice(0, LIMIT).forEach(function (hit) {
      var a = document.createElement("a"), head = document.createElement("b"), text = document.createElement("span");
      a.href = input.dataset.root + hit.entry.u;
      marked(head, hit.entry.t + (hit.entry.s ? " › " + hit.entry.s : ""), found.terms);
      marked(text, snippet(hit.entry, found.terms), found.terms);
      a.appendChild(head); a.appendChild(text); box.appendChild(a);
      a.addEventListener("click", function () { box.hidden = true; });
    });
  }

  input.addEventListener("input", show);
  input.addEventListener("focus", show);
  input.addEventListener("keydown", function (e) {
    if (e.key === "Escape") { box.hidden = true; input.blur(); }
    if (e.key === "Enter" && !e.isComposing) { var first = box.querySelector("a"); if (first && !box.hidden) first.click(); }
    if (e.key === "ArrowDown") { var a = box.querySelector("a"); if (a) { a.focus(); e.preventDefault(); } }
  });
  box.addEventListener("keydown", function (e) {
    var to = e.key === "ArrowDown" ? document.activeElement.nextElementSibling : e.key === "ArrowUp" ? document.activeElement.previousElementSibling || input : null;
    if (to) { to.focus(); e.preventDefault(); }
    if (e.key === "Escape") { box.hidden = true; input.focus(); }
  });
  document.addEventListener("click", function (e) { if (!e.target.closest(".search")) box.hidden = true; });
  document.addEventListener("keydown", function (e) {
    if (e.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName)) { input.focus(); e.preventDefault(); }
  });
})();
