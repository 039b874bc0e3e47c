// The map of features: a canvas with zoom and pan by mouse, touch and keyboard.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el,
    say = KOSAE.say;
  var mode = "owner";

  KOSAE.showMap = function (main, index, start) {
    var c = index.columns,
      n = index.n_features,
      scale = 1,
      dx = 0,
      dy = 0,
      size = [0, 0],
      chosen = start === null ? -1 : start,
      lit = -1,
      group;
    var canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": say("map") + ". " + say("mapHelp"), class: "map" });
    var said = el("p", { class: "said", role: "status" }),
      legend = el("ul", { class: "legend" }),
      brush = canvas.getContext("2d");

    // The axes of the layout mean nothing, so that it may be stretched to the room there is.
    function at(f) {
      var h = Math.min(size[1], 1.6 * size[0]) - 28,
        w = Math.min(size[0], 1.7 * size[1]) - 28,
        left = (size[0] - w) / 2,
        top = (size[1] - h) / 2;
      return [(left + c.x[f] * w) * scale + dx, (top + (1 - c.y[f]) * h) * scale + dy];
    }
    function draw() {
      var ratio = window.devicePixelRatio || 1,
        box = canvas.getBoundingClientRect();
      if (!box.width) return;
      if (size[0] !== box.width || size[1] !== box.height || canvas.width !== Math.round(box.width * ratio)) {
        size = [box.width, box.height];
        canvas.width = Math.round(box.width * ratio);
        canvas.height = Math.round(box.height * ratio);
      }
      brush.setTransform(ratio, 0, 0, ratio, 0, 0);
      brush.clearRect(0, 0, size[0], size[1]);
      var radius = Math.min(7, 2.5 + 0.7 * scale);
      [false, true].forEach(function (front) {
        for (var f = 0; f < n; f++) {
          var g = group.of[f],
            on = g >= 0 && (lit < 0 || lit === g);
          if (on !== front) continue;
          var p = at(f);
          if (p[0] < -9 || p[1] < -9 || p[0] > size[0] + 9 || p[1] > size[1] + 9) continue;
          brush.fillStyle = on ? group.colours[g] : KOSAE.grey();
          brush.globalAlpha = on ? 0.9 : lit < 0 ? 0.6 : 0.3;
          brush.beginPath();
          brush.arc(p[0], p[1], on ? radius : radius * 0.75, 0, 7);
          brush.fill();
        }
      });
      brush.globalAlpha = 1;
      if (chosen >= 0) {
        var q = at(chosen),
          ink = getComputedStyle(document.body).color;
        brush.strokeStyle = ink;
        brush.lineWidth = 2;
        brush.beginPath();
        brush.arc(q[0], q[1], radius + 4, 0, 7);
        brush.stroke();
      }
    }
    function nearest(x, y, reach) {
      var best = -1,
        least = reach * reach;
      for (var f = 0; f < n; f++) {
        var p = at(f),
          d = (p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y);
        if (d < least) {
          least = d;
          best = f;
        }
      }
      return best;
    }
    function tell(f) {
      return say("feature", f) + ": " + KOSAE.explain(index, f) + (c.owner[f] ? " · " + KOSAE.className(index, "big", c.owner[f]) : "");
    }
    function choose(f) {
      chosen = f;
      KOSAE.clear(said);
      if (f >= 0) said.append(el("a", { href: KOSAE.href("feature", f) }, tell(f)));
      draw();
    }
    function zoom(by, x, y) {
      var next = Math.max(1, Math.min(40, scale * by));
      by = next / scale;
      x = x === undefined ? size[0] / 2 : x;
      y = y === undefined ? size[1] / 2 : y;
      dx = x - (x - dx) * by;
      dy = y - (y - dy) * by;
      scale = next;
      if (scale === 1) dx = dy = 0;
      draw();
    }
    function open(f) {
      if (f >= 0) location.hash = KOSAE.href("feature", f).slice(1);
    }

    KOSAE.gestures(canvas, {
      hover: function (p, e) {
        var f = nearest(p[0], p[1], 12);
        canvas.style.cursor = f >= 0 ? "pointer" : "grab";
        KOSAE.tip(f >= 0 ? tell(f) : "", e.clientX, e.clientY);
      },
      pan: function (x, y) {
        dx += x;
        dy += y;
        draw();
      },
      zoom: zoom,
      tap: function (p, touch) {
        var f = nearest(p[0], p[1], touch ? 22 : 12);
        if (touch && f !== chosen) choose(f);
        else open(f);
      },
    });
    canvas.addEventListener("keydown", function (e) {
      var way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (way) {
        e.preventDefault();
        if (chosen < 0) return choose(nearest(size[0] / 2, size[1] / 2, 1e4));
        var from = at(chosen),
          best = -1,
          least = Infinity;
        for (var f = 0; f < n; f++) {
          var p = at(f),
            x = p[0] - from[0],
            y = p[1] - from[1],
            along = x * way[0] + y * way[1],
            aside = Math.abs(x * way[1]) + Math.abs(y * way[0]);
          if (f !== chosen && along > aside && along + 2 * aside < least) {
            least = along + 2 * aside;
            best = f;
          }
        }
        if (best >= 0) {
          choose(best);
          var q = at(best);
          if (q[0] < 10 || q[1] < 10 || q[0] > size[0] - 10 || q[1] > size[1] - 10) {
            dx += size[0] / 2 - q[0];
            dy += size[1] / 2 - q[1];
            draw();
          }
        }
      }
      if (e.key === "Enter") open(chosen);
      if (e.key === "+" || e.key === "=") zoom(1.4);
      if (e.key === "-") zoom(1 / 1.4);
      if (e.key === "0") {
        scale = 1;
        dx = dy = 0;
        draw();
      }
    });

    function paint() {
      group = KOSAE.groups(index, mode);
      lit = -1;
      KOSAE.clear(legend);
      var counts = {};
      group.of.forEach(function (g) {
        counts[g] = (counts[g] || 0) + 1;
      });
      group.names.forEach(function (name, g) {
        if (!counts[g]) return;
        var button = el(
          "button",
          {
            type: "button",
            "aria-pressed": "false",
            onclick: function () {
              lit = lit === g ? -1 : g;
              legend.querySelectorAll("button").forEach(function (b) {
                b.setAttribute("aria-pressed", String(b === button && lit === g));
              });
              draw();
            },
          },
          el("span", { class: "dot", "--c": group.colours[g] }),
          name + " ",
          el("small", {}, String(counts[g])),
        );
        legend.append(el("li", {}, button));
      });
      if (counts[-1])
        legend.append(
          el("li", { class: "rest" }, el("span", { class: "dot", "--c": KOSAE.grey() }), say("noOwner") + " ", el("small", {}, String(counts[-1]))),
        );
      draw();
    }
    var ways = [index.labels.big && "owner", c.preference.length && "preference", "density", "cluster"].filter(Boolean);
    if (ways.indexOf(mode) < 0) mode = ways[0];
    main.append(
      el("p", { class: "help" }, say("mapHelp")),
      el(
        "div",
        { class: "tools" },
        el(
          "label",
          { class: "choice" },
          say("colour") + " ",
          el(
            "select",
            {
              id: "colour",
              onchange: function (e) {
                mode = e.target.value;
                paint();
              },
            },
            ways.map(function (w) {
              return el("option", { value: w, selected: w === mode }, say(w));
            }),
          ),
        ),
        el(
          "button",
          {
            type: "button",
            class: "action",
            onclick: function () {
              zoom(1.4);
            },
          },
          say("zoomIn"),
        ),
        el(
          "button",
          {
            type: "button",
            class: "action",
            onclick: function () {
              zoom(1 / 1.4);
            },
          },
          say("zoomOut"),
        ),
        el(
          "button",
          {
            type: "button",
            class: "action",
            onclick: function () {
              scale = 1;
              dx = dy = 0;
              draw();
            },
          },
          say("reset"),
        ),
      ),
      el("div", { class: "map-room" }, canvas, legend),
      said,
      el("p", { class: "help" }, say("mapCaution")),
    );
    paint();
    if (chosen >= 0) choose(chosen);
    var watch = new ResizeObserver(draw);
    watch.observe(canvas);
    var theme = new MutationObserver(paint);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    KOSAE.leave = function () {
      watch.disconnect();
      theme.disconnect();
      KOSAE.tip("");
    };
  };
})();
