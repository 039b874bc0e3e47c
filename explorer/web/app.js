// Which view is shown: the address after # says so, `#feature=447`, `#map`, and with `&sae=...` of which SAE.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el,
    say = KOSAE.say;
  var main = document.getElementById("content"),
    nav = document.getElementById("views");
  var saes = JSON.parse(main.dataset.saes);
  KOSAE.server = window.KOSAE_SERVER;
  if (KOSAE.server) saes = KOSAE.server.saes;
  KOSAE.firstSae = KOSAE.sae = saes.length ? saes[0].id : null;
  var VIEWS = ["list", "map"].concat(KOSAE.server ? ["analyze", "compare", "steer"] : []);
  var turn = 0;

  function route() {
    var parameters = new URLSearchParams(location.hash.slice(1)),
      kind = parameters.keys().next().value || "list";
    var value = parameters.get(kind),
      sae = parameters.get("sae");
    if (kind === "sae" || (kind !== "feature" && VIEWS.indexOf(kind) < 0)) kind = "list";
    return {
      kind: kind,
      value: value,
      sae: saes.some(function (s) {
        return s.id === sae;
      })
        ? sae
        : KOSAE.firstSae,
    };
  }
  function number(text) {
    return /^\d+$/.test(text || "") ? +text : null;
  }

  // Model, block and SAE, each among those that go with the one before it; another one opens on its first SAE.
  function choose() {
    if (saes.length < 2) return null;
    var now = saes.filter(function (s) {
      return s.id === KOSAE.sae;
    })[0];
    var ofModel = saes.filter(function (s) {
      return s.lm === now.lm;
    });
    var ofBlock = ofModel.filter(function (s) {
      return s.point === now.point;
    });
    function go(id) {
      var kind = route().kind;
      KOSAE.sae = id;
      location.hash = KOSAE.href(kind === "feature" ? "list" : kind).slice(1);
    }
    function pick(id, among, value, name) {
      var seen = {};
      var options = among.filter(function (s) {
        return !seen[value(s)] && (seen[value(s)] = true);
      });
      function changed(e) {
        go(options[e.target.selectedIndex].id);
      }
      function option(s) {
        return el("option", { value: value(s), selected: value(s) === value(now) }, name(s));
      }
      return el("label", {}, el("span", {}, say(id)), el("select", { id: id, onchange: changed }, options.map(option)));
    }
    function named(s) {
      var parts = KOSAE.title(s.title).split(" · ");
      var own = parts.filter(function (part) {
        return part !== s.lm + " " + s.point; // which the other two say
      });
      return own.join(" · ") + (KOSAE.server && s.ready ? " (" + say("prepared") + ")" : "");
    }
    function key(what) {
      return function (s) {
        return s[what];
      };
    }
    return el(
      "div",
      { class: "saes" },
      pick("model", saes, key("lm"), key("lm")),
      pick("block", ofModel, key("point"), key("point")),
      pick("sae", ofBlock, key("id"), named),
    );
  }
  function about(index) {
    return el("p", { class: "help" }, say("about", KOSAE.title(index.title), KOSAE.count(index.n_texts), index.corpus));
  }

  function show() {
    var r = route(),
      mine = ++turn;
    if (KOSAE.leave) {
      KOSAE.leave();
      KOSAE.leave = null;
    }
    KOSAE.sae = r.sae;
    KOSAE.clear(nav).append.apply(
      nav,
      VIEWS.map(function (v) {
        return el(
          "a",
          { href: KOSAE.href(v), class: "button", "aria-current": v === r.kind || (v === "list" && r.kind === "feature") ? "page" : null },
          say(v),
        );
      }),
    );
    var other = document.getElementById("language");
    other.href = other.getAttribute("href").split("#")[0] + location.hash;
    KOSAE.clear(main);
    if (r.kind === "feature") main.append(choose() || "");
    else main.append(el("h1", { tabindex: "-1" }, say({ list: "listTitle", map: "mapTitle" }[r.kind] || r.kind)), choose() || "");
    if (!KOSAE.sae) {
      main.append(el("p", { role: "alert", class: "alert" }, main.dataset.missing));
      return;
    }
    document.title = (r.kind === "feature" ? say("feature", r.value) : say(r.kind)) + " · KoSAE";
    if (r.kind === "analyze" || r.kind === "compare" || r.kind === "steer") {
      KOSAE.live[r.kind](main, number(r.value));
      finish(r);
      return;
    }
    var wait = el("p", { role: "status", class: "wait" }, say("loading"));
    main.append(wait);
    ready(wait)
      .then(function (index) {
        if (mine !== turn) return;
        wait.remove();
        if (r.kind === "list") {
          main.append(about(index));
          KOSAE.showList(main, index);
        }
        if (r.kind === "map") KOSAE.showMap(main, index, number(r.value) < index.n_features ? number(r.value) : null);
        if (r.kind === "feature") return KOSAE.showFeature(main, index, number(r.value) === null ? -1 : number(r.value));
      })
      .then(function () {
        if (mine === turn) finish(r);
      })
      .catch(function (error) {
        if (mine !== turn) return;
        wait.remove();
        main.append(el("p", { role: "alert", class: "alert" }, error.message));
      });
  }
  // Reached by a link, a view begins at its top, and a reader of the screen hears its heading.
  var first = true;
  function finish(r) {
    document.body.dataset.shown = r.kind;
    if (!first) {
      window.scrollTo(0, 0);
      var head = main.querySelector("h1");
      if (head) head.focus({ preventScroll: true });
    }
    first = false;
  }

  // The index of the chosen SAE; the live server makes it where it is not there yet.
  function ready(wait) {
    var id = KOSAE.sae,
      known = saes.filter(function (s) {
        return s.id === id;
      })[0];
    if (!KOSAE.server || known.ready) return KOSAE.load(id);
    return KOSAE.prepare(id, wait).then(function () {
      known.ready = true;
      return KOSAE.load(id);
    });
  }

  window.addEventListener("hashchange", show);
  document.addEventListener("keydown", function (e) {
    if (e.key === "/" && !/^(INPUT|TEXTAREA|SELECT)$/.test(e.target.tagName) && document.getElementById("query")) {
      document.getElementById("query").focus();
      e.preventDefault();
    }
  });
  show();
})();
