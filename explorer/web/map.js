// The map of features: a canvas with zoom and pan by mouse, touch and keyboard.
(function () {
  "use strict";
  var KOSAE = window.KOSAE, el = KOSAE.el, say = KOSAE.say;
  var mode = "owner";

  function ramp(t) { var dark = document.documentElement.dataset.theme === "dark"; return "hsl(" + (210 - 190 * t) + " 65% " + (dark ? 60 : 45) + "%)"; }
  function grey() { return document.documentElement.dataset.theme === "dark" ? "#5a5d63" : "#c4c0b6"; }

  // For a way of colouring: the group of every feature, and the groups' names and colours.
  function groups(index) {
    var c = index.columns, n = index.n_features, of = [], names = [], colours = [];
    if (mode === "owner") {
      names = index.labels.big || [];
      colours = names.map(function (_, i) { return KOSAE.hue(i, names.length); });
      for (var f = 0; f < n; f++) of.push(c.owner[f] ? names.indexOf(c.owner[f]) : -1);
      names = names.map(function (name) { return KOSAE.className(index, "big", name); });
    } else if (mode === "cluster") {
      var most = Math.max.apply(null, c.cluster) + 1;
      for (var k = 0; k < most; k++) { names.push(say("cluster") + " " + (k + 1)); colours.push(KOSAE.hue(k, most)); }
      of = c.cluster.slice();
    } else {
      var five = mode === "preference" ? [-1, -0.6, -0.2, 0.2, 0.6] : [0, 0.001, 0.003, 0.01, 0.03];
      five.forEach(function (low, i) {
        var high = i < 4 ? five[i + 1] : mode === "preference" ? 1 : null;
        names.push(mode === "preference" ? [say("en"), "", say("bothLangs"), "", say("ko")][i] || KOSAE.number(low, 1) + "…" + KOSAE.number(high, 1)
          : high === null ? KOSAE.percent(low) + "…" : KOSAE.percent(low) + "…" + KOSAE.percent(high));
        colours.push(ramp(i / 4));
      });
      c[mode].forEach(function (v) { var g = 4; while (g > 0 && v < five[g]) g--; of.push(g); });
    }
    return { of: of, names: names, colours: colours };
  }

  KOSAE.showMap = function (main, index, start) {
    var c = index.columns, n = index.n_features, scale = 1, dx = 0, dy = 0, size = [0, 0], chosen = start === null ? -1 : start, lit = -1, group;
    var canvas = el("canvas", { tabindex: "0", role: "application", "aria-label": say("map") + ". " + say("mapHelp"), "class": "map" });
    var said = el("p", { "class": "said", role: "status" }), legend = el("ul", { "class": "legend" }), brush = canvas.getContext("2d");

    // The axes of the layout mean nothing, so that it may be stretched to the room there is.
    function at(f) {
      var h = Math.min(size[1], 1.6 * size[0]) - 28, w = Math.min(size[0], 1.7 * size[1]) - 28, left = (size[0] - w) / 2, top = (size[1] - h) / 2;
      return [(left + c.x[f] * w) * scale + dx, (top + (1 - c.y[f]) * h) * scale + dy];
    }
    function draw() {
      var ratio = window.devicePixelRatio || 1, box = canvas.getBoundingClientRect();
      if (!box.width) return;
      if (size[0] !== box.width || size[1] !== box.height || canvas.width !== Math.round(box.width * ratio)) { size = [box.width, box.height]; canvas.width = Math.round(box.width * ratio); canvas.height = Math.round(box.height * ratio); }
      brush.setTransform(ratio, 0, 0, ratio, 0, 0);
      brush.clearRect(0, 0, size[0], size[1]);
      var radius = Math.min(7, 2.5 + 0.7 * scale);
      [false, true].forEach(function (front) {
        for (var f = 0; f < n; f++) {
          var g = group.of[f], on = g >= 0 && (lit < 0 || lit === g);
          if (on !== front) continue;
          var p = at(f);
          if (p[0] < -9 || p[1] < -9 || p[0] > size[0] + 9 || p[1] > size[1] + 9) continue;
          brush.fillStyle = on ? group.colours[g] : grey();
          brush.globalAlpha = on ? 0.9 : lit < 0 ? 0.6 : 0.3;
          brush.beginPath(); brush.arc(p[0], p[1], on ? radius : radius * 0.75, 0, 7); brush.fill();
        }
      });
      brush.globalAlpha = 1;
      if (chosen >= 0) {
        var q = at(chosen), ink = getComputedStyle(document.body).color;
        brush.strokeStyle = ink; brush.lineWidth = 2; brush.beginPath(); brush.arc(q[0], q[1], radius + 4, 0, 7); brush.stroke();
      }
    }
    function nearest(x, y, reach) {
      var best = -1, least = reach * reach;
      for (var f = 0; f < n; f++) { var p = at(f), d = (p[0] - x) * (p[0] - x) + (p[1] - y) * (p[1] - y); if (d < least) { least = d; best = f; } }
      return best;
    }
    function tell(f) { return say("feature", f) + ": " + KOSAE.explain(index, f) + (c.owner[f] ? " · " + KOSAE.className(index, "big", c.owner[f]) : ""); }
    function choose(f) { chosen = f; KOSAE.clear(said); if (f >= 0) said.append(el("a", { href: KOSAE.href("feature", f) }, tell(f))); draw(); }
    function zoom(by, x, y) {
      var next = Math.max(1, Math.min(40, scale * by)); by = next / scale;
      x = x === undefined ? size[0] / 2 : x; y = y === undefined ? size[1] / 2 : y;
      dx = x - (x - dx) * by; dy = y - (y - dy) * by; scale = next;
      if (scale === 1) dx = dy = 0;
      draw();
    }
    function open(f) { if (f >= 0) location.hash = KOSAE.href("feature", f).slice(1); }

    var held = {}, moved = false, apart = 0;
    function where(event) { var box = canvas.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; }
    canvas.addEventListener("pointerdown", function (e) { held[e.pointerId] = where(e); moved = false; apart = 0; canvas.setPointerCapture(e.pointerId); });
    canvas.addEventListener("pointermove", function (e) {
      var p = where(e), ids = Object.keys(held);
      if (!held[e.pointerId]) { var f = nearest(p[0], p[1], 12); canvas.style.cursor = f >= 0 ? "pointer" : "grab"; KOSAE.tip(f >= 0 ? tell(f) : "", e.clientX, e.clientY); return; }
      var before = held[e.pointerId];
      held[e.pointerId] = p;
      if (ids.length === 1) {
        if (Math.abs(p[0] - before[0]) + Math.abs(p[1] - before[1]) > 3 || moved) moved = true; else { held[e.pointerId] = before; return; }
        dx += p[0] - before[0]; dy += p[1] - before[1]; draw();
      } else {
        var a = held[ids[0]], b = held[ids[1]], far = Math.hypot(a[0] - b[0], a[1] - b[1]);
        if (apart) zoom(far / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
        apart = far; moved = true;
      }
    });
    function release(e) {
      var p = held[e.pointerId];
      delete held[e.pointerId]; apart = 0;
      if (e.type === "pointerup" && p && !moved) {
        var f = nearest(p[0], p[1], e.pointerType === "touch" ? 22 : 12);
        if (e.pointerType === "touch" && f !== chosen) choose(f); else open(f);
      }
    }
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", function () { KOSAE.tip(""); });
    canvas.addEventListener("wheel", function (e) { var p = where(e); e.preventDefault(); zoom(Math.exp(-e.deltaY / 300), p[0], p[1]); }, { passive: false });
    canvas.addEventListener("keydown", function (e) {
      var way = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[e.key];
      if (way) {
        e.preventDefault();
        if (chosen < 0) return choose(nearest(size[0] / 2, size[1] / 2, 1e4));
        var from = at(chosen), best = -1, least = Infinity;
        for (var f = 0; f < n; f++) {
          var p = at(f), x = p[0] - from[0], y = p[1] - from[1], along = x * way[0] + y * way[1], aside = Math.abs(x * way[1]) + Math.abs(y * way[0]);
          if (f !== chosen && along > aside && along + 2 * aside < least) { least = along + 2 * aside; best = f; }
        }
        if (best >= 0) {
          choose(best);
          var q = at(best);
          if (q[0] < 10 || q[1] < 10 || q[0] > size[0] - 10 || q[1] > size[1] - 10) { dx += size[0] / 2 - q[0]; dy += size[1] / 2 - q[1]; draw(); }
        }
      }
      if (e.key === "Enter") open(chosen);
      if (e.key === "+" || e.key === "=") zoom(1.4);
      if (e.key === "-") zoom(1 / 1.4);
      if (e.key === "0") { scale = 1; dx = dy = 0; draw(); }
    });

    function paint() {
      group = groups(index); lit = -1;
      KOSAE.clear(legend);
      var counts = {};
      group.of.forEach(function (g) { counts[g] = (counts[g] || 0) + 1; });
      group.names.forEach(function (name, g) {
        if (!counts[g]) return;
        var button = el("button", { type: "button", "aria-pressed": "false", onclick: function () {
          lit = lit === g ? -1 : g;
          legend.querySelectorAll("button").forEach(function (b) { b.setAttribute("aria-pressed", String(b === button && lit === g)); });
          draw();
        } }, el("span", { "class": "dot", "--c": group.colours[g] }), name + " ", el("small", {}, String(counts[g])));
        legend.append(el("li", {}, button));
      });
      if (counts[-1]) legend.append(el("li", { "class": "rest" }, el("span", { "class": "dot", "--c": grey() }), say("noOwner") + " ", el("small", {}, String(counts[-1]))));
      draw();
    }
    var ways = [index.labels.big && "owner", c.preference.length && "preference", "density", "cluster"].filter(Boolean);
    if (ways.indexOf(mode) < 0) mode = ways[0];
    main.append(el("p", { "class": "help" }, say("mapHelp")),
      el("div", { "class": "tools" }, el("label", { "class": "choice" }, say("colour") + " ", el("select", { id: "colour", onchange: function (e) { mode = e.target.value; paint(); } }, ways.map(function (w) { return el("option", { value: w, selected: w === mode }, say(w)); }))),
        el("button", { type: "button", "class": "action", onclick: function () { zoom(1.4); } }, say("zoomIn")), el("button", { type: "button", "class": "action", onclick: function () { zoom(1 / 1.4); } }, say("zoomOut")),
        el("button", { type: "button", "class": "action", onclick: function () { scale = 1; dx = dy = 0; draw(); } }, say("reset"))),
      el("div", { "class": "map-room" }, canvas, legend), said, el("p", { "class": "help" }, say("mapCaution")));
    paint();
    if (chosen >= 0) choose(chosen);
    var watch = new ResizeObserver(draw);
    watch.observe(canvas);
    var theme = new MutationObserver(paint);
    theme.observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
    KOSAE.leave = function () { watch.disconnect(); theme.disconnect(); KOSAE.tip(""); };
  };
})();
