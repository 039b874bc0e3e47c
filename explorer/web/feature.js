// The page of one feature.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el,
    say = KOSAE.say;

  function example(item, max) {
    var name = item.quantile === undefined ? null : item.quantile === 0 ? say("weakest") : say("at", Math.round(100 * item.quantile) + "%");
    var value = item.parts[3 * item.centre + 2];
    return el(
      "li",
      { class: "example" },
      el("span", { class: "value num" }, KOSAE.number(value)),
      name && el("span", { class: "place" }, name),
      el("p", { lang: item.lang || null, class: "text" }, KOSAE.shaded(item.parts, max, item.centre)),
    );
  }
  function block(title, help) {
    return el("section", { class: "block" }, el("h2", {}, title), help && el("p", { class: "help" }, help), Array.prototype.slice.call(arguments, 2));
  }
  function stat(name, value) {
    return el("div", {}, el("dt", {}, name), el("dd", {}, value));
  }

  function around(index, f) {
    function step(to, key) {
      var there = to >= 0 && to < index.n_features;
      return there ? el("a", { class: "action", href: KOSAE.href("feature", to), rel: key === "previous" ? "prev" : "next" }, say(key)) : null;
    }
    return el(
      "nav",
      { class: "around", "aria-label": say("next") },
      el("a", { class: "action", href: KOSAE.href("list") }, say("back")),
      step(f - 1, "previous"),
      step(f + 1, "next"),
      el("a", { class: "action", href: KOSAE.href("map", f) }, say("onMap")),
      KOSAE.server && el("a", { class: "action", href: KOSAE.href("steer", f) }, say("steerThis")),
    );
  }

  KOSAE.showFeature = function (main, index, f) {
    if (!(f >= 0 && f < index.n_features && f === Math.floor(f))) {
      main.append(
        el("p", { role: "alert", class: "alert" }, say("noFeature", f, index.n_features - 1)),
        el("p", {}, el("a", { href: KOSAE.href("list") }, say("back"))),
      );
      return Promise.resolve();
    }
    var c = index.columns;
    return KOSAE.record(index, f).then(function (record) {
      var max = record.histogram.max,
        total = record.histogram.counts.reduce(function (a, b) {
          return a + b;
        }, 0);
      var show = el("input", {
        type: "checkbox",
        id: "values",
        onchange: function () {
          left.classList.toggle("with-values", show.checked);
        },
      });
      var names = KOSAE.lang === "ko" ? ["ko", "en"] : ["en", "ko"];
      var left = el(
        "div",
        { class: "wide" },
        block(
          say("examples"),
          say("examplesHelp"),
          el("label", { class: "check" }, show, " " + say("showValues")),
          el(
            "ol",
            { class: "examples" },
            record.examples.map(function (e) {
              return example(e, max);
            }),
          ),
        ),
        record.spread.length > 0 &&
          block(
            say("spread"),
            say("spreadHelp"),
            el(
              "ol",
              { class: "examples" },
              record.spread.map(function (e) {
                return example(e, max);
              }),
            ),
          ),
        el(
          "div",
          { class: "charts" },
          Object.keys(record.langs).length > 1 &&
            el(
              "section",
              { class: "block" },
              KOSAE.bars(
                names
                  .filter(function (l) {
                    return l in record.langs;
                  })
                  .map(function (l) {
                    return [say(l), record.langs[l], KOSAE.percent(record.langs[l])];
                  }),
                say("langs"),
                true,
              ),
            ),
          index.shown.map(function (label) {
            var rows = index.labels[label].map(function (name, i) {
              return [KOSAE.className(index, label, name), record.classes[label][i], KOSAE.number(record.classes[label][i], 3)];
            });
            return el("section", { class: "block" }, KOSAE.bars(rows, say("classes", KOSAE.labelName(label)), rows.length < 6));
          }),
        ),
      );
      var right = el(
        "div",
        { class: "narrow" },
        block(say("histogram"), null, total ? KOSAE.histogram(record.histogram, total) : el("p", {}, say("dead"))),
        block(
          say("near"),
          say("nearHelp"),
          el(
            "ul",
            { class: "near" },
            record.near.map(function (pair) {
              return el(
                "li",
                {},
                KOSAE.link(pair[0]),
                el("span", { class: "num" }, KOSAE.number(pair[1])),
                el("span", { class: "why" }, KOSAE.explain(index, pair[0])),
              );
            }),
          ),
        ),
        el(
          "section",
          { class: "block" },
          KOSAE.tokenList(record.promoted, say("promoted")),
          KOSAE.tokenList(record.suppressed, say("suppressed")),
          el("p", { class: "help" }, say("effectHelp")),
        ),
        block(say("places"), null, KOSAE.places(record.places)),
      );
      var said =
        c.detection[f] === null || !c.rule[f].length
          ? null
          : el("p", { class: "help" }, say("verdict", KOSAE.number(c.detection[f]), KOSAE.number(c.fuzzing[f])));
      KOSAE.put(
        main,
        around(index, f),
        el("h1", { tabindex: "-1" }, say("feature", f)),
        el("p", { class: "explained" }, KOSAE.explain(index, f)),
        said,
        el(
          "dl",
          { class: "stats" },
          stat(say("density"), KOSAE.percent(c.density[f])),
          stat(say("nTokens"), KOSAE.count(total)),
          stat(say("max"), KOSAE.number(c.max[f])),
          stat(say("mean"), KOSAE.number(c.mean[f])),
          c.preference.length > 0 && stat(say("preference"), KOSAE.preference(c.preference[f])),
          c.label[f] &&
            stat(KOSAE.labelOf(index, f), ["F1 " + KOSAE.number(c.f1[f]), el("small", {}, " (" + say("yesToAll", KOSAE.number(c.f1_all[f])) + ")")]),
          stat(say("cluster"), String(c.cluster[f] + 1)),
        ),
        el("div", { class: "columns-2" }, left, right),
      );
    });
  };
})();
