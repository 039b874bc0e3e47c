// What the forms of the live views are made of. What is typed is kept in an object of the view, and is there again on return.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el;

  // A form that runs something in place of being sent; its parts follow.
  KOSAE.form = function (run) {
    function submit(e) {
      e.preventDefault();
      run();
    }
    return el("form", { class: "form", onsubmit: submit }, Array.prototype.slice.call(arguments, 1));
  };
  KOSAE.field = function (name, input) {
    return el("label", {}, el("span", {}, name), input);
  };
  // Text of several lines, kept as kept[key].
  KOSAE.area = function (kept, key, rows) {
    function keep(e) {
      kept[key] = e.target.value;
    }
    return KOSAE.field(KOSAE.say(key), el("textarea", { id: key, rows: rows, oninput: keep }, kept[key]));
  };
  // The index of the chosen SAE, or null where it has none yet: explanations are a help here, not a condition.
  KOSAE.known = function () {
    var ready = KOSAE.server.saes.some(function (s) {
      return s.id === KOSAE.sae && s.ready;
    });
    if (!ready) return Promise.resolve(null);
    return KOSAE.load(KOSAE.sae).catch(function () {
      return null;
    });
  };
})();
