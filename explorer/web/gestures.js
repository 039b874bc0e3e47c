// Mouse and fingers on a canvas: hover, drag, pinch, wheel and tap, told in the canvas's own coordinates.
(function () {
  "use strict";
  var KOSAE = window.KOSAE;

  // `on` has hover(place, event), pan(x, y), zoom(by, x, y) and tap(place, touch).
  KOSAE.gestures = function (canvas, on) {
    var held = {},
      moved = false,
      apart = 0;
    function where(event) {
      var box = canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    }
    canvas.addEventListener("pointerdown", function (e) {
      held[e.pointerId] = where(e);
      moved = false;
      apart = 0;
      canvas.setPointerCapture(e.pointerId);
    });
    canvas.addEventListener("pointermove", function (e) {
      var p = where(e),
        ids = Object.keys(held),
        before = held[e.pointerId];
      if (!before) return on.hover(p, e);
      if (ids.length === 1) {
        if (!moved && Math.abs(p[0] - before[0]) + Math.abs(p[1] - before[1]) <= 3) return; // a hand is never quite still
        moved = true;
        held[e.pointerId] = p;
        return on.pan(p[0] - before[0], p[1] - before[1]);
      }
      held[e.pointerId] = p;
      var a = held[ids[0]],
        b = held[ids[1]],
        far = Math.hypot(a[0] - b[0], a[1] - b[1]);
      if (apart) on.zoom(far / apart, (a[0] + b[0]) / 2, (a[1] + b[1]) / 2);
      apart = far;
      moved = true;
    });
    function release(e) {
      var p = held[e.pointerId];
      delete held[e.pointerId];
      apart = 0;
      if (e.type === "pointerup" && p && !moved) on.tap(p, e.pointerType === "touch");
    }
    canvas.addEventListener("pointerup", release);
    canvas.addEventListener("pointercancel", release);
    canvas.addEventListener("pointerleave", function () {
      KOSAE.tip("");
    });
    function wheel(e) {
      var p = where(e);
      e.preventDefault();
      on.zoom(Math.exp(-e.deltaY / 300), p[0], p[1]);
    }
    canvas.addEventListener("wheel", wheel, { passive: false });
  };
})();
