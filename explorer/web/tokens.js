// What the live views share: requests to the server, and a sentence as tokens that can be chosen.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    el = KOSAE.el,
    say = KOSAE.say;

  function failed(response) {
    return response.json().then(
      function (body) {
        throw new Error(body.error || say("failed"));
      },
      function () {
        throw new Error(say("failed"));
      },
    );
  }
  function ask(path, options) {
    return fetch(path, options)
      .catch(function (error) {
        if (error.name === "AbortError") throw error;
        throw new Error(say("failed"));
      })
      .then(function (response) {
        return response.ok ? response : failed(response);
      });
  }
  KOSAE.get = function (path) {
    return ask(path, {});
  };
  KOSAE.post = function (path, body, signal) {
    return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body), signal: signal });
  };

  // Ask for an analysis, and then how far it is, until it is there; `wait` says that it takes a while.
  KOSAE.prepare = function (id, wait) {
    wait.textContent = say("prepare");
    return new Promise(function (resolve, reject) {
      function answered(response) {
        return response.json().then(function (answer) {
          if (answer.state === "ready") resolve();
          else if (answer.state === "failed") reject(new Error(say("prepareFailed", answer.error)));
          else if (wait.isConnected) setTimeout(answer.state === "making" ? look : begin, 1500);
        });
      }
      function look() {
        KOSAE.get("/prepare?sae=" + encodeURIComponent(id)).then(answered).catch(reject);
      }
      function begin() {
        KOSAE.post("/prepare", { sae: id }).then(answered).catch(reject);
      }
      begin();
    });
  };

  // Explanations come with the index; before it is there, a feature has its number alone.
  KOSAE.why = function (index, f) {
    return index ? KOSAE.explain(index, f) : "";
  };

  KOSAE.sentence = function (found, index) {
    var below = el("div", { class: "below", role: "status" }),
      buttons = [];
    var top = Math.max.apply(
      null,
      found.strongest
        .map(function (s) {
          return s.length ? s[0][1] : 0;
        })
        .concat([1e-9]),
    );
    var tokens = el(
      "p",
      { class: "tokens" },
      found.tokens.map(function (text, i) {
        var strongest = found.strongest[i];
        var button = el(
          "button",
          {
            type: "button",
            "aria-pressed": "false",
            "--v": (strongest.length ? strongest[0][1] / top : 0).toFixed(3),
            onclick: function () {
              var open = button.getAttribute("aria-pressed") !== "true";
              buttons.forEach(function (b) {
                b.setAttribute("aria-pressed", String(open && b === button));
              });
              KOSAE.clear(below);
              if (open)
                below.append(
                  el("h3", {}, say("token", text.trim() || "␣")),
                  el(
                    "ul",
                    { class: "near" },
                    strongest.map(function (pair) {
                      return el(
                        "li",
                        {},
                        KOSAE.link(pair[0]),
                        el("span", { class: "num" }, KOSAE.number(pair[1])),
                        el("span", { class: "why" }, KOSAE.why(index, pair[0])),
                      );
                    }),
                  ),
                );
            },
          },
          text.replace(/\n/g, "⏎"),
        );
        buttons.push(button);
        return button;
      }),
    );
    return [tokens, el("p", { class: "help" }, say("tapToken")), below];
  };

  // One feature over a sentence: its number, its largest value, the shaded sentence, what it is.
  KOSAE.strip = function (found, feature, index) {
    var parts = [],
      text = "";
    found.tokens.forEach(function (token, i) {
      var word = token.trim() ? token.replace(/^\s+/, "") : token; // the space before a word is not shaded
      text += token.slice(0, token.length - word.length);
      if (feature.values[i] > 0) {
        parts.push(text, word, feature.values[i]);
        text = "";
      } else text += word;
    });
    parts.push(text);
    return el(
      "div",
      { class: "strip" },
      KOSAE.link(feature.id),
      el("span", { class: "num" }, KOSAE.number(feature.max)),
      el("div", { class: "text" }, KOSAE.shaded(parts, feature.max, -1)),
      el("div", { class: "why" }, KOSAE.why(index, feature.id)),
    );
  };
})();
