// The small charts of a feature's page; each says in words what it shows.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    svg = KOSAE.svg,
    el = KOSAE.el;

  function columns(values, label, tips) {
    var width = 320,
      height = 96,
      step = width / Math.max(values.length, 1),
      top = Math.max.apply(null, values.concat([1e-12]));
    return svg(
      "svg",
      { viewBox: "0 0 " + width + " " + height, class: "columns", role: "img", "aria-label": label, preserveAspectRatio: "none" },
      values.map(function (v, i) {
        var h = v > 0 ? Math.max(1.5, ((height - 4) * v) / top) : 0;
        return [
          svg("rect", { x: i * step, y: 0, width: step, height: height, class: "room", "data-tip": tips[i] }),
          svg("rect", { x: i * step + step * 0.1, y: height - h, width: step * 0.8, height: h, class: "column", "data-tip": tips[i] }),
        ];
      }),
      svg("line", { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5, class: "axis" }),
    );
  }
  KOSAE.histogram = function (histogram, total) {
    var n = histogram.counts.length,
      label = KOSAE.say("histogramOf", KOSAE.count(total), KOSAE.number(histogram.max));
    var tips = histogram.counts.map(function (c, i) {
      return KOSAE.say("bin", KOSAE.number((histogram.max * i) / n), KOSAE.number((histogram.max * (i + 1)) / n), KOSAE.count(c));
    });
    return el("figure", { class: "chart" }, columns(histogram.counts, label, tips), el("figcaption", {}, label));
  };
  KOSAE.places = function (places) {
    var label = KOSAE.say("placesOf", KOSAE.percent(Math.max(0, places.share)));
    var tips = places.mean.map(function (v, i) {
      return KOSAE.say("position", places.at[i], KOSAE.number(v, 3));
    });
    return el("figure", { class: "chart" }, columns(places.mean, label, tips), el("figcaption", {}, label));
  };

  // Named bars, the longest first unless `keep`; rows are [name, value, text].
  KOSAE.bars = function (rows, caption, keep) {
    var top = Math.max.apply(
      null,
      rows
        .map(function (r) {
          return Math.abs(r[1]);
        })
        .concat([1e-12]),
    );
    var shown = keep
      ? rows
      : rows.slice().sort(function (a, b) {
          return b[1] - a[1];
        });
    return el(
      "table",
      { class: "bars" },
      el("caption", {}, caption),
      el(
        "tbody",
        {},
        shown.map(function (row) {
          return el(
            "tr",
            {},
            el("th", { scope: "row" }, row[0]),
            el("td", { class: "bar-cell" }, el("span", { class: "fill", "--w": ((100 * Math.abs(row[1])) / top).toFixed(1) + "%" })),
            el("td", { class: "num" }, row[2]),
          );
        }),
      ),
    );
  };
  KOSAE.tokenList = function (tokens, title) {
    return el(
      "div",
      { class: "token-list" },
      el("h3", {}, title),
      el(
        "ol",
        {},
        tokens.map(function (pair) {
          return el("li", {}, el("span", { class: "chip" }, KOSAE.token(pair[0])), el("span", { class: "num" }, KOSAE.number(pair[1])));
        }),
      ),
    );
  };
})();
