// Search in the table: every word must be met by a feature's number, its tokens, its labels or its explanation.
(function () {
  "use strict";
  var KOSAE = window.KOSAE;

  function fold(text) {
    return String(text).normalize("NFC").toLowerCase();
  }

  function holds(c, f) {
    return c.f1[f] > c.f1_all[f];
  } // the label tells more on new sentences than yes to all
  // What a search looks through, for every feature: tokens, explanations and labels in both languages.
  function texts(index) {
    if (index.texts) return index.texts;
    var c = index.columns;
    index.texts = c.density.map(function (_, f) {
      var tokens = c.rule[f].map(function (cue) {
          return fold(cue[1]).trim();
        }),
        label = c.label[f];
      return {
        tokens: tokens,
        reads: c.reads[f].map(function (t) {
          return fold(t).trim();
        }),
        holds: holds(c, f),
        label: label
          ? fold([label[0], label[1], KOSAE.className(index, label[0], label[1], 0), KOSAE.className(index, label[0], label[1], 1)].join(" "))
          : "",
        owner: c.owner[f]
          ? fold([c.owner[f], KOSAE.className(index, "big", c.owner[f], 0), KOSAE.className(index, "big", c.owner[f], 1)].join(" "))
          : "",
        all: fold(KOSAE.explain(index, f, 0) + " " + KOSAE.explain(index, f, 1)),
      };
    });
    return index.texts;
  }
  function score(text, term, f) {
    if (/^\d+$/.test(term) && String(f) === term) return 100;
    var found = 0;
    if (text.tokens.indexOf(term) >= 0) found += 20;
    if (text.reads.indexOf(term) >= 0) found += 12;
    if (text.label.split(" ").indexOf(term) >= 0) found += text.holds ? 10 : 3;
    else if (text.label.indexOf(term) >= 0) found += 2;
    if (text.owner.split(" ").indexOf(term) >= 0) found += 2;
    if (
      !found &&
      term.length > (/[가-힣]/.test(term) ? 0 : 1) &&
      (text.all.indexOf(term) >= 0 ||
        text.reads.some(function (t) {
          return t.indexOf(term) >= 0;
        }))
    )
      found += 1;
    return found;
  }

  KOSAE.words = function (query) {
    return fold(query).split(/\s+/).filter(Boolean);
  };
  KOSAE.holds = holds;
  // How well a feature meets all words of a query; 0 if it misses one.
  KOSAE.score = function (index, words, f) {
    var total = 0,
      all = texts(index);
    return words.every(function (word) {
      var s = score(all[f], word, f);
      total += s;
      return s > 0;
    })
      ? total
      : 0;
  };
})();
