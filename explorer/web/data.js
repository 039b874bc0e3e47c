// Data as classic scripts: each calls KOSAE.index or KOSAE.features, and is loaded when something on it is to be shown.
(function () {
  "use strict";
  var KOSAE = window.KOSAE,
    indices = {},
    chunks = {},
    waiting = {};
  var BASE = "../explorer-data/";

  KOSAE.index = function (id, index) {
    indices[id] = index;
  };
  KOSAE.features = function (id, number, records) {
    chunks[id + "/" + number] = records;
  };

  function script(path) {
    if (!waiting[path])
      waiting[path] = new Promise(function (resolve, reject) {
        var element = document.createElement("script");
        element.src = BASE + path;
        element.onload = function () {
          element.remove();
          resolve();
        };
        element.onerror = function () {
          element.remove();
          delete waiting[path];
          reject(new Error(KOSAE.say("loadFailed", path)));
        };
        document.head.appendChild(element);
      });
    return waiting[path];
  }

  // The index of an SAE: what is said of all its features.
  KOSAE.load = function (id) {
    if (indices[id]) return Promise.resolve(indices[id]);
    return script(encodeURIComponent(id) + "/index.js").then(function () {
      return indices[id];
    });
  };

  // The page of one feature; its neighbours in number come along.
  KOSAE.record = function (index, f) {
    var number = Math.floor(f / index.per_chunk),
      key = index.id + "/" + number;
    function found() {
      return chunks[key][f - number * index.per_chunk];
    }
    if (chunks[key]) return Promise.resolve(found());
    return script(encodeURIComponent(index.id) + "/f" + String(number).padStart(4, "0") + ".js").then(found);
  };
})();
