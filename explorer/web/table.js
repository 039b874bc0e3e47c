// The table of all features: search, filters, order, and a link to each page.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el,
    say = KOSAE.say;
  var PAGE = 60;
  var COLUMNS = [
    ["id", 1],
    ["explanation", 0],
    ["fuzzing", -1],
    ["density", -1],
    ["max", -1],
    ["preference", -1],
    ["f1", -1],
    ["cluster", 1],
  ];
  var state = { sae: null };

  function accuracy(c, f) {
    return c.detection[f] === null ? null : Math.min(c.detection[f], c.fuzzing[f]);
  }
  function value(index, column, f) {
    var c = index.columns;
    if (column === "id") return f;
    if (column === "fuzzing") return accuracy(c, f);
    return column === "explanation" ? KOSAE.explain(index, f) : c[column][f];
  }

  function chosen(index) {
    var c = index.columns,
      terms = KOSAE.words(state.query),
      rows = [];
    for (var f = 0; f < index.n_features; f++) {
      if (!state.dead && !c.density[f] && !terms.length) continue;
      var p = c.preference.length ? c.preference[f] : 0;
      if (state.label && !(c.label[f] && c.label[f][0] === state.label)) continue;
      if (state.cluster !== "" && c.cluster[f] !== +state.cluster) continue;
      if (state.lang && (state.lang === "ko" ? p < 0.5 : state.lang === "en" ? p > -0.5 : Math.abs(p) >= 0.5)) continue;
      var score = terms.length ? KOSAE.score(index, terms, f) : 1;
      if (score) rows.push([score, f]);
    }
    var sign = state.down ? -1 : 1;
    rows.sort(function (a, b) {
      if (!state.sort) return b[0] - a[0] || (terms.length ? c.f1[b[1]] - c.f1[a[1]] : 0) || a[1] - b[1];
      var x = value(index, state.sort, a[1]),
        y = value(index, state.sort, b[1]);
      if (x === null || y === null) return (x === null) - (y === null) || a[1] - b[1];
      return sign * (typeof x === "string" ? x.localeCompare(y, KOSAE.lang) : x - y) || a[1] - b[1];
    });
    return rows.map(function (row) {
      return row[1];
    });
  }

  function preference(p) {
    if (p === undefined) return "–";
    var name = Math.abs(p) < 0.005 ? "" : say(p > 0 ? "ko" : "en") + " ";
    return el("span", { class: "lean", "--p": p }, name + KOSAE.number(Math.abs(p)));
  }
  KOSAE.labelOf = function (index, f) {
    var label = index.columns.label[f];
    return label ? KOSAE.labelName(label[0]) + ": " + KOSAE.className(index, label[0], label[1]) : "–";
  };
  KOSAE.preference = preference;

  function row(index, f) {
    var c = index.columns;
    function cell(key, content) {
      return el("td", { class: key + (content === "–" ? " without" : ""), "data-name": say(key) }, content);
    }
    return el(
      "tr",
      {},
      el("th", { scope: "row", class: "id" }, KOSAE.link(f)),
      cell("explanation", KOSAE.explain(index, f)),
      cell("fuzzing", KOSAE.number(accuracy(c, f))),
      cell("density", KOSAE.percent(c.density[f])),
      cell("max", KOSAE.number(c.max[f], 1)),
      cell("preference", preference(c.preference[f])),
      cell("f1", c.label[f] && KOSAE.holds(c, f) ? [el("span", { class: "label" }, KOSAE.labelOf(index, f)), " ", KOSAE.number(c.f1[f])] : "–"),
      cell("cluster", String(c.cluster[f] + 1)),
    );
  }

  function choice(id, name, options, onchange) {
    return el(
      "label",
      { class: "choice" },
      el("span", { class: "unseen" }, name),
      el(
        "select",
        { id: id, onchange: onchange },
        options.map(function (o) {
          return el("option", { value: o[0], selected: state[id.slice(7)] === o[0] }, o[1]);
        }),
      ),
    );
  }

  KOSAE.showList = function (main, index) {
    // Another SAE has labels, languages and clusters of its own, and what was chosen might leave nothing of it.
    if (state.sae !== KOSAE.sae)
      state = { sae: KOSAE.sae, query: "", label: "", cluster: "", lang: "", dead: false, sort: "", down: false, shown: PAGE };
    var body = el("tbody"),
      summary = el("p", { class: "summary", role: "status" }),
      more = el("button", {
        type: "button",
        class: "action",
        id: "more",
        onclick: function () {
          state.shown += 2 * PAGE;
          fill(false);
        },
      });
    var heads = {};
    function fill(fresh) {
      if (fresh) state.shown = PAGE;
      var rows = chosen(index),
        from = fresh ? 0 : body.children.length;
      if (fresh) KOSAE.clear(body);
      rows.slice(from, state.shown).forEach(function (f) {
        body.appendChild(row(index, f));
      });
      summary.textContent = rows.length ? say("found", KOSAE.count(index.n_features), KOSAE.count(rows.length)) : say("none");
      more.hidden = rows.length <= state.shown;
      more.textContent = say("more", Math.min(2 * PAGE, rows.length - state.shown));
      COLUMNS.forEach(function (c) {
        heads[c[0]].setAttribute("aria-sort", state.sort !== c[0] ? "none" : state.down ? "descending" : "ascending");
      });
    }
    function order(key, flip) {
      var usual = COLUMNS.filter(function (c) {
        return c[0] === key;
      })[0];
      state.down = state.sort === key && flip ? !state.down : !!usual && usual[1] === -1;
      state.sort = key;
      document.getElementById("choice-sort").value = key;
      fill(true);
    }
    function pick(key) {
      return function (event) {
        state[key] = event.target.value;
        fill(true);
      };
    }
    var clusters = Array.from(new Set(index.columns.cluster)).sort(function (a, b) {
      return a - b;
    });
    var tools = el(
      "div",
      { class: "tools", role: "search" },
      el(
        "label",
        { class: "query" },
        el("span", { class: "unseen" }, say("search")),
        el("input", {
          type: "search",
          id: "query",
          value: state.query,
          placeholder: say("searchHint"),
          autocomplete: "off",
          oninput: function (e) {
            state.query = e.target.value;
            state.sort = "";
            document.getElementById("choice-sort").value = "";
            fill(true);
          },
          onkeydown: function (e) {
            if (e.key === "Enter" && !e.isComposing) {
              var first = body.querySelector("a");
              if (first) first.click();
            }
          },
        }),
      ),
      choice(
        "choice-label",
        say("label"),
        [["", say("anyLabel")]].concat(
          Object.keys(index.labels).map(function (l) {
            return [l, KOSAE.labelName(l)];
          }),
        ),
        pick("label"),
      ),
      index.langs.length > 1 &&
        choice(
          "choice-lang",
          say("preference"),
          [
            ["", say("anyLang")],
            ["ko", say("mostlyKo")],
            ["en", say("mostlyEn")],
            ["both", say("bothLangs")],
          ],
          pick("lang"),
        ),
      choice(
        "choice-cluster",
        say("cluster"),
        [["", say("anyCluster")]].concat(
          clusters.map(function (n) {
            return [String(n), say("cluster") + " " + (n + 1)];
          }),
        ),
        pick("cluster"),
      ),
      choice(
        "choice-sort",
        say("sortBy"),
        [["", say("sortBy") + ": " + say("relevance")]].concat(
          COLUMNS.map(function (c) {
            return [c[0], say("sortBy") + ": " + say(c[0])];
          }),
        ),
        function (e) {
          order(e.target.value, false);
        },
      ),
      el(
        "label",
        { class: "check" },
        el("input", {
          type: "checkbox",
          checked: state.dead,
          onchange: function (e) {
            state.dead = e.target.checked;
            fill(true);
          },
        }),
        " " + say("alsoDead"),
      ),
    );
    var table = el(
      "table",
      { class: "features" },
      el(
        "thead",
        {},
        el(
          "tr",
          {},
          COLUMNS.map(function (c) {
            heads[c[0]] = el(
              "th",
              { scope: "col", class: c[0] },
              el(
                "button",
                {
                  type: "button",
                  title: c[0] === "density" ? say("densityHelp") : null,
                  onclick: function () {
                    order(c[0], true);
                  },
                },
                say(c[0]),
              ),
            );
            return heads[c[0]];
          }),
        ),
      ),
      body,
    );
    main.append(tools, summary, el("div", { class: "table-room" }, table), more);
    fill(true);
  };
})();
