// The colours of the map: for a way of colouring, the group of every feature, and the groups' names and colours.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    say = KOSAE.say;

  function ramp(t) {
    var dark = document.documentElement.dataset.theme === "dark";
    return "hsl(" + (210 - 190 * t) + " 65% " + (dark ? 60 : 45) + "%)";
  }
  KOSAE.grey = function () {
    return document.documentElement.dataset.theme === "dark" ? "#5a5d63" : "#c4c0b6";
  };

  KOSAE.groups = function (index, mode) {
    var c = index.columns,
      n = index.n_features,
      of = [],
      names = [],
      colours = [];
    if (mode === "owner") {
      names = index.labels.big || [];
      colours = names.map(function (_, i) {
        return KOSAE.hue(i, names.length);
      });
      for (var f = 0; f < n; f++) of.push(c.owner[f] ? names.indexOf(c.owner[f]) : -1);
      names = names.map(function (name) {
        return KOSAE.className(index, "big", name);
      });
    } else if (mode === "cluster") {
      var most = Math.max.apply(null, c.cluster) + 1;
      for (var k = 0; k < most; k++) {
        names.push(say("cluster") + " " + (k + 1));
        colours.push(KOSAE.hue(k, most));
      }
      of = c.cluster.slice();
    } else {
      var five = mode === "preference" ? [-1, -0.6, -0.2, 0.2, 0.6] : [0, 0.001, 0.003, 0.01, 0.03];
      five.forEach(function (low, i) {
        var high = i < 4 ? five[i + 1] : mode === "preference" ? 1 : null;
        names.push(
          mode === "preference"
            ? [say("en"), "", say("bothLangs"), "", say("ko")][i] || KOSAE.number(low, 1) + "…" + KOSAE.number(high, 1)
            : high === null
              ? KOSAE.percent(low) + "…"
              : KOSAE.percent(low) + "…" + KOSAE.percent(high),
        );
        colours.push(ramp(i / 4));
      });
      c[mode].forEach(function (v) {
        var g = 4;
        while (g > 0 && v < five[g]) g--;
        of.push(g);
      });
    }
    return { of: of, names: names, colours: colours };
  };
})();
