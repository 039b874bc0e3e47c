// Steering: features and strengths are chosen, and the model continues a text twice, as it is and with them.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el,
    say = KOSAE.say;
  var kept = {
    sae: null,
    prompt: { ko: "우리 가족은 주말마다 공원에서", en: "On weekends our family" }[KOSAE.lang],
    chosen: [],
    mode: "add",
    tokens: 32,
    temperature: 1,
    seed: 0,
  };

  KOSAE.live.steer = function (main, asked) {
    if (kept.sae !== KOSAE.sae) {
      kept.chosen = [];
      kept.sae = KOSAE.sae;
    }
    if (
      asked !== null &&
      !kept.chosen.some(function (c) {
        return c.id === asked;
      })
    )
      kept.chosen.push({ id: asked, strength: kept.mode === "add" ? 0.3 : 1 });
    var index = null,
      list = el("ul", { class: "chosen" }),
      help = el("p", { class: "help" });
    var alert = el("div", { role: "alert" }),
      outputs = {},
      stop = null;

    function draw() {
      KOSAE.clear(list);
      kept.chosen.forEach(function (c) {
        var out = el("output", { class: "num" }, KOSAE.number(c.strength));
        var clamp = kept.mode === "clamp";
        list.append(
          el(
            "li",
            {},
            KOSAE.link(c.id),
            el("span", { class: "why" }, KOSAE.why(index, c.id)),
            el("input", {
              type: "range",
              min: clamp ? 0 : -1,
              max: clamp ? 4 : 1,
              step: 0.05,
              value: c.strength,
              "aria-label": say("strength", c.id),
              oninput: function (e) {
                c.strength = +e.target.value;
                out.textContent = KOSAE.number(c.strength);
              },
            }),
            out,
            el(
              "button",
              {
                type: "button",
                class: "action",
                "aria-label": say("remove", c.id),
                onclick: function () {
                  kept.chosen = kept.chosen.filter(function (other) {
                    return other !== c;
                  });
                  draw();
                },
              },
              "×",
            ),
          ),
        );
      });
      help.textContent = say(kept.mode === "add" ? "steerAddHelp" : "steerClampHelp");
    }
    function add() {
      var f = +wanted.value;
      if (wanted.value === "" || !(f >= 0) || f !== Math.floor(f)) return;
      if (
        !kept.chosen.some(function (c) {
          return c.id === f;
        })
      )
        kept.chosen.push({ id: f, strength: kept.mode === "add" ? 0.3 : 1 });
      wanted.value = "";
      draw();
    }
    var wanted = el("input", {
      type: "number",
      min: 0,
      step: 1,
      id: "wanted",
      onkeydown: function (e) {
        if (e.key === "Enter") {
          e.preventDefault();
          add();
        }
      },
    });

    function panel(which) {
      outputs[which] = el("span", {});
      var given = el("span", { class: "given" }, "");
      outputs[which + "Given"] = given;
      return el(
        "section",
        { class: "output", id: "output-" + which, "aria-live": "polite" },
        el("h2", {}, say(which)),
        el("p", {}, given, outputs[which]),
      );
    }
    function take(line) {
      var told = JSON.parse(line);
      if (told.error) throw new Error(told.error);
      ["plain", "steered"].forEach(function (which) {
        if (which in told) outputs[which].textContent = told[which];
      });
    }
    function read(response) {
      var reader = response.body.getReader(),
        text = new TextDecoder(),
        rest = "";
      return (function on() {
        return reader.read().then(function (part) {
          rest += part.value ? text.decode(part.value, { stream: !part.done }) : "";
          var lines = rest.split("\n");
          rest = lines.pop();
          lines.filter(Boolean).forEach(take);
          return part.done ? null : on();
        });
      })();
    }
    function run() {
      KOSAE.clear(alert);
      if (stop) {
        stop.abort();
        return;
      }
      if (!kept.chosen.length) {
        alert.append(el("p", { class: "alert" }, say("chooseFirst")));
        return;
      }
      if (!kept.prompt.trim()) {
        alert.append(el("p", { class: "alert" }, say("empty")));
        return;
      }
      ["plain", "steered"].forEach(function (which) {
        outputs[which].textContent = "";
        outputs[which + "Given"].textContent = kept.prompt;
      });
      stop = new AbortController();
      button.textContent = say("stop");
      KOSAE.post(
        "/steer",
        {
          sae: KOSAE.sae,
          prompt: kept.prompt,
          features: kept.chosen,
          mode: kept.mode,
          tokens: kept.tokens,
          temperature: kept.temperature,
          seed: kept.seed,
          stream: true,
        },
        stop.signal,
      )
        .then(read)
        .catch(function (error) {
          if (error.name !== "AbortError") alert.append(el("p", { class: "alert" }, error.message));
        })
        .then(function () {
          stop = null;
          button.textContent = say("steerRun");
        });
    }
    var button = el("button", { type: "submit", class: "action main", id: "steer-run" }, say("steerRun"));
    var mode = el(
      "select",
      { id: "mode" },
      ["add", "clamp"].map(function (m) {
        return el("option", { value: m, selected: kept.mode === m }, say(m === "add" ? "modeAdd" : "modeClamp"));
      }),
    );
    mode.addEventListener("change", function () {
      kept.mode = mode.value;
      kept.chosen.forEach(function (c) {
        c.strength = kept.mode === "add" ? 0.3 : 1;
      });
      draw();
    });
    function number(key, low, high, step) {
      function keep(e) {
        kept[key] = +e.target.value;
      }
      return KOSAE.field(say(key), el("input", { type: "number", id: key, min: low, max: high, step: step, value: kept[key], oninput: keep }));
    }

    main.append(
      KOSAE.form(
        run,
        KOSAE.area(kept, "prompt", 2),
        el(
          "div",
          { class: "controls" },
          KOSAE.field(say("addFeature"), wanted),
          el("button", { type: "button", class: "action", id: "add", onclick: add }, say("add")),
          KOSAE.field(say("mode"), mode),
        ),
        list,
        help,
        el(
          "div",
          { class: "controls" },
          number("tokens", 1, 128, 1),
          number("temperature", 0, 2, 0.1),
          number("seed", 0, 2147483647, 1),
          button,
        ),
        alert,
      ),
      el("div", { class: "outputs" }, panel("plain"), panel("steered")),
    );
    KOSAE.leave = function () {
      if (stop) stop.abort();
    };
    draw();
    KOSAE.known().then(function (found) {
      if (!found) return;
      index = found;
      wanted.max = found.n_features - 1;
      draw();
    });
  };
})();
