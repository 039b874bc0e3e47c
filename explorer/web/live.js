// Sentences of one's own: their features, and two sentences side by side.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el,
    say = KOSAE.say;
  KOSAE.live = {};
  var SAMPLE = {
    ko: ["오늘 점심에는 친구와 김치찌개를 먹었다.", "내일은 비가 오지 않을 거예요."],
    en: ["We had kimchi stew for lunch today.", "It will not rain tomorrow."],
  }[KOSAE.lang];
  var kept = { sentences: SAMPLE.join("\n"), threshold: 0, share: 0, count: 8, first: SAMPLE[0], second: SAMPLE[1] };

  function slider(key, max, step, changed) {
    var out = el("output", {}, String(kept[key]));
    return KOSAE.field(
      say(key),
      el(
        "span",
        {},
        el("input", {
          type: "range",
          id: key,
          min: key === "count" ? 1 : 0,
          max: max,
          step: step,
          value: kept[key],
          oninput: function (e) {
            kept[key] = +e.target.value;
            out.textContent = e.target.value;
            changed();
          },
        }),
        " ",
        out,
      ),
    );
  }
  // Runs `ask` for the last of several quick calls, and shows what goes wrong in `place`.
  function asking(place, ask) {
    var turn = 0,
      timer = null;
    return function (soon) {
      clearTimeout(timer);
      timer = setTimeout(
        function () {
          var mine = ++turn;
          place.setAttribute("aria-busy", "true");
          ask()
            .then(function (draw) {
              if (mine === turn) {
                KOSAE.clear(place);
                draw();
              }
            })
            .catch(function (error) {
              if (mine === turn) KOSAE.clear(place).append(el("p", { role: "alert", class: "alert" }, error.message));
            })
            .then(function () {
              if (mine === turn) place.removeAttribute("aria-busy");
            });
        },
        soon ? 250 : 0,
      );
    };
  }
  function analyzed(body) {
    return Promise.all([
      KOSAE.post("/analyze", Object.assign({ sae: KOSAE.sae }, body)).then(function (r) {
        return r.json();
      }),
      KOSAE.known(),
    ]);
  }

  KOSAE.live.analyze = function (main) {
    var place = el("div", { class: "results", id: "results-live" });
    var run = asking(place, function () {
      var texts = kept.sentences
        .split("\n")
        .map(function (t) {
          return t.trim();
        })
        .filter(Boolean);
      if (!texts.length) return Promise.reject(new Error(say("empty")));
      return analyzed({ texts: texts, threshold: kept.threshold, share: kept.share, count: kept.count }).then(function (both) {
        return function () {
          both[0].texts.forEach(function (found) {
            place.append(
              el(
                "section",
                { class: "sentence" },
                KOSAE.sentence(found, both[1]),
                found.features.length
                  ? el(
                      "div",
                      { class: "strips" },
                      found.features.map(function (f) {
                        return KOSAE.strip(found, f, both[1]);
                      }),
                    )
                  : el("p", {}, say("noFeatures")),
              ),
            );
          });
        };
      });
    });
    function changed() {
      run(true);
    }
    main.append(
      KOSAE.form(
        run,
        KOSAE.area(kept, "sentences", 4),
        el(
          "div",
          { class: "controls" },
          slider("threshold", 10, 0.1, changed),
          slider("share", 1, 0.05, changed),
          slider("count", 40, 1, changed),
          el("button", { type: "submit", class: "action main" }, say("run")),
        ),
        el("p", { class: "help" }, say("analyzeHelp")),
      ),
      place,
      el("p", { class: "help" }, el("a", { href: KOSAE.server.docs }, say("api"))),
    );
    run();
  };

  KOSAE.live.compare = function (main) {
    var place = el("div", { id: "results-live" });
    function list(title, features, index) {
      return el(
        "section",
        {},
        el("h2", {}, title),
        features.length
          ? el(
              "ul",
              {},
              features.map(function (f) {
                return el(
                  "li",
                  {},
                  KOSAE.link(f.id),
                  " ",
                  el(
                    "span",
                    { class: "num" },
                    f.values
                      .map(function (v) {
                        return KOSAE.number(v);
                      })
                      .join(" / "),
                  ),
                  el("span", { class: "why" }, KOSAE.why(index, f.id)),
                );
              }),
            )
          : el("p", {}, say("nothing")),
      );
    }
    var run = asking(place, function () {
      if (!kept.first.trim() || !kept.second.trim()) return Promise.reject(new Error(say("empty")));
      return analyzed({ texts: [kept.first.trim(), kept.second.trim()], count: 100 }).then(function (both) {
        var sides = both[0].texts.map(function (t) {
          var by = {};
          t.features.forEach(function (f) {
            by[f.id] = f.max;
          });
          return by;
        });
        function only(side) {
          return both[0].texts[side].features
            .filter(function (f) {
              return !(f.id in sides[1 - side]);
            })
            .slice(0, 20)
            .map(function (f) {
              return { id: f.id, values: [f.max] };
            });
        }
        var shared = both[0].texts[0].features
          .filter(function (f) {
            return f.id in sides[1];
          })
          .map(function (f) {
            return { id: f.id, values: [f.max, sides[1][f.id]] };
          })
          .sort(function (a, b) {
            return Math.min.apply(null, b.values) - Math.min.apply(null, a.values);
          })
          .slice(0, 20);
        return function () {
          place.append(
            el(
              "div",
              { class: "compare" },
              list(say("onlyFirst"), only(0), both[1]),
              list(say("inBoth"), shared, both[1]),
              list(say("onlySecond"), only(1), both[1]),
            ),
          );
          both[0].texts.forEach(function (found) {
            place.append(el("section", { class: "sentence" }, KOSAE.sentence(found, both[1])));
          });
        };
      });
    });
    main.append(
      KOSAE.form(
        run,
        KOSAE.area(kept, "first", 2),
        KOSAE.area(kept, "second", 2),
        el("div", { class: "controls" }, el("button", { type: "submit", class: "action main" }, say("compareRun"))),
      ),
      place,
    );
    run();
  };
})();
