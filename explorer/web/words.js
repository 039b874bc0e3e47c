// What the explorer says, in the language of its page.
(function () {
  "use strict";
  var KOSAE = (window.KOSAE = window.KOSAE || {});
  var WORDS = {
    list: ["목록", "List"],
    listTitle: ["특징 목록", "All features"],
    mapTitle: ["특징 지도", "Map of features"],
    map: ["지도", "Map"],
    analyze: ["문장 분석", "Analyse"],
    compare: ["문장 비교", "Compare"],
    steer: ["조향", "Steer"],
    feature: ["특징 {0}", "Feature {0}"],
    features: ["특징", "features"],
    loading: ["자료를 읽는 중이다…", "Loading…"],
    loadFailed: ["자료 {0}을(를) 읽지 못했다. make explorer를 다시 실행해야 한다.", "The data file {0} could not be read; run make explorer again."],
    noFeature: ["특징 {0}은(는) 없다. 0부터 {1}까지 있다.", "There is no feature {0}; there are 0 to {1}."],
    about: [
      "{0}. 아래의 값은 모두 학습에 쓰지 않은 시험 문장 {1}개({2} 말뭉치)에서 쟀고, 설명과 라벨은 훈련 문장에서 골랐다.",
      "{0}. All values below were measured on {1} held-out sentences of the corpus {2}; explanations and labels were chosen on training sentences.",
    ],
    searchHint: ["번호, 토큰, 설명, 라벨로 찾기 (예: 채, 음식, past)", "Find by number, token, explanation or label (e.g. train, food, 과거)"],
    search: ["찾기", "Find"],
    found: ["{0}개 가운데 {1}개", "{1} of {0}"],
    more: ["{0}개 더 보기", "Show {0} more"],
    none: ["조건에 맞는 특징이 없다. 찾는 말이나 조건을 줄여 보라.", "No feature fits. Try a shorter search or fewer filters."],
    anyLabel: ["모든 라벨", "Any label"],
    anyCluster: ["모든 무리", "Any cluster"],
    anyLang: ["모든 언어", "Any language"],
    ko: ["한국어", "Korean"],
    en: ["영어", "English"],
    mostlyKo: ["주로 한국어", "Mostly Korean"],
    mostlyEn: ["주로 영어", "Mostly English"],
    bothLangs: ["두 언어", "Both languages"],
    alsoDead: ["꺼져 있는 것도", "Silent ones too"],
    sortBy: ["차례", "Order"],
    relevance: ["가까운 것부터", "Best match"],
    id: ["번호", "No."],
    explanation: ["설명", "Explanation"],
    density: ["밀도", "Density"],
    max: ["최댓값", "Max"],
    preference: ["언어 선호", "Language"],
    f1: ["라벨 F1", "Label F1"],
    cluster: ["무리", "Cluster"],
    fuzzing: ["설명의 정확도", "Rule accuracy"],
    label: ["가장 잘 가리는 라벨", "Best label"],
    densityHelp: ["켜진 토큰의 비율", "Share of tokens on which it fires"],
    on: ["{0}에서", "on {0}"],
    after: ["{0} 바로 뒤에서", "right after {0}"],
    "later than": ["{0} 뒤쪽에서", "somewhere after {0}"],
    reads: ["주로 {0}에서", "mostly on {0}"],
    unexplained: ["토큰 규칙으로 설명되지 않는다", "not explained by a rule over tokens"],
    dead: ["시험 문장에서 켜지지 않았다", "never fires on the test sentences"],
    byte: ["(바이트)", "(byte)"],
    start: ["(문장 처음)", "(start)"],
    yesToAll: ["모두 그렇다고 답하면 {0}", "yes to all: {0}"],
    verdict: [
      "규칙은 훈련 문장에서 만들었다(활성값의 위 절반). 새 문장에서 탐지 {0}, 강조 {1}. 0.5는 아무것도 모르는 규칙의 값이다.",
      "The rule was made from training sentences (upper half of activations). On new sentences: detection {0}, fuzzing {1}; a rule that knows nothing has 0.5.",
    ],
    stats: ["수치", "Numbers"],
    mean: ["켜졌을 때 평균", "Mean where it fires"],
    histogram: ["활성값의 분포", "Activations"],
    histogramOf: [
      "켜진 토큰 {0}개의 활성값. 가로축은 0부터 {1}까지, 세로축은 토큰 수이다.",
      "Activations of the {0} tokens on which it fires, from 0 to {1}; height is the number of tokens.",
    ],
    examples: ["가장 세게 켜지는 문장", "Strongest examples"],
    examplesHelp: [
      "한 틀이나 한 기사에서는 둘까지만 보인다. 짙을수록 세게 켜진 토큰이며, 가리키면 값이 나온다.",
      "At most two are shown of one template or article. Darker tokens fire more strongly; point at one to see its value.",
    ],
    spread: ["센 것부터 약한 것까지", "From strong to weak"],
    spreadHelp: [
      "켜진 토큰을 활성값 차례로 늘어놓고 고른 예. 가장 센 예만 보면 특징이 실제보다 또렷해 보인다.",
      "Examples along the order of activations. By its strongest examples alone, a feature seems clearer than it is.",
    ],
    at: ["{0} 자리", "at {0}"],
    weakest: ["가장 약한 것", "weakest"],
    showValues: ["값 보이기", "Show values"],
    promoted: ["밀어 올리는 다음 토큰", "Next tokens it promotes"],
    suppressed: ["내리누르는 다음 토큰", "Next tokens it suppresses"],
    effectHelp: [
      "특징의 방향이 출력 로짓에 직접 더하는 몫. 뒤의 블록이 하는 일은 들어 있지 않다.",
      "What the direction adds to the output logits by itself; what later blocks do is left out.",
    ],
    classes: ["{0}에 따른 평균 활성값", "Mean activation by {0}"],
    langs: ["언어에 따라 켜지는 비율", "Share of tokens by language"],
    near: ["가까운 특징", "Nearest features"],
    nearHelp: ["디코더 방향의 코사인", "Cosine of decoder directions"],
    places: ["문장 안의 자리", "Position"],
    placesOf: [
      "토큰의 자리에 따른 평균 활성값(왼쪽이 문장의 처음). 자리가 설명하는 분산은 {0}이다.",
      "Mean activation by position of the token, the sentence's start on the left. Position explains {0} of the variance.",
    ],
    previous: ["앞 특징", "Previous"],
    next: ["다음 특징", "Next"],
    back: ["목록으로", "Back to the list"],
    onMap: ["지도에서 보기", "Show on the map"],
    mapHelp: [
      "디코더 방향을 UMAP으로 펼친 것. 점 하나가 특징 하나이다. 끌어서 옮기고, 휠이나 두 손가락으로 확대하고, 눌러서 연다. 자판에서는 화살표로 옮겨 다니고 Enter로 연다.",
      "Decoder directions laid out by UMAP, one dot per feature. Drag to move, use the wheel or two fingers to zoom, click to open. By keyboard: arrows move, Enter opens.",
    ],
    mapCaution: [
      "지도에서 가까운 것이 본래 공간에서도 가깝다는 보장은 없다. 정말 가까운지는 특징마다 적힌 코사인으로 확인하라.",
      "Near on the map need not be near in the space itself: check with the cosines on a feature's page.",
    ],
    colour: ["색", "Colour"],
    owner: ["큰 범주", "Big category"],
    zoomIn: ["확대", "Zoom in"],
    zoomOut: ["축소", "Zoom out"],
    reset: ["원래대로", "Reset"],
    noOwner: ["한 범주에 속하지 않는 것", "belonging to no single category"],
    model: ["모델", "Model"],
    block: ["블록", "Block"],
    sae: ["SAE", "SAE"],
    prepared: ["자료 있음", "ready"],
    prepare: [
      "처음 여는 SAE라서 특징을 분석하는 중이다. 1~3분 걸린다. 그동안 문장 분석과 조향은 쓸 수 있다.",
      "This SAE is opened for the first time and its features are being analysed, which takes one to three minutes. Analysing sentences and steering work meanwhile.",
    ],
    prepareFailed: ["특징을 분석하지 못했다: {0}", "The features could not be analysed: {0}"],
    sentences: ["문장 (한 줄에 하나)", "Sentences (one per line)"],
    run: ["분석하기", "Analyse"],
    threshold: ["활성값 문턱", "Activation threshold"],
    share: ["토큰의 비율", "Share of tokens"],
    count: ["보일 개수", "How many to show"],
    analyzeHelp: [
      "문턱을 넘는 토큰의 비율이 정한 값 이상인 특징 가운데 가장 센 것부터 보인다.",
      "Shown are the features above the threshold on at least this share of the tokens, the strongest first.",
    ],
    noFeatures: ["이 조건에 드는 특징이 없다. 문턱이나 비율을 낮추어 보라.", "No feature passes. Lower the threshold or the share."],
    token: ["‘{0}’에서 켜진 특징", "Features on ‘{0}’"],
    tapToken: ["토큰을 누르면 그 토큰에서 켜진 특징이 나온다.", "Click a token to see the features on it."],
    first: ["첫째 문장", "First sentence"],
    second: ["둘째 문장", "Second sentence"],
    compareRun: ["견주기", "Compare"],
    onlyFirst: ["첫째 문장에서만", "Only in the first"],
    onlySecond: ["둘째 문장에서만", "Only in the second"],
    inBoth: ["두 문장 모두", "In both"],
    nothing: ["없음", "none"],
    prompt: ["글의 첫머리", "Beginning"],
    addFeature: ["특징 번호", "Feature number"],
    add: ["넣기", "Add"],
    remove: ["특징 {0} 빼기", "Remove feature {0}"],
    strength: ["특징 {0}의 세기", "Strength of feature {0}"],
    mode: ["방법", "How"],
    modeAdd: ["방향을 더하기", "Add the direction"],
    modeClamp: ["값을 고정하기", "Clamp the value"],
    tokens: ["새 토큰 수", "New tokens"],
    temperature: ["온도", "Temperature"],
    seed: ["시드", "Seed"],
    steerRun: ["이어 쓰기", "Continue"],
    stop: ["멈추기", "Stop"],
    steerAddHelp: [
      "세기는 활성값의 평균 길이를 1로 한 값이다. 0.2~0.4에서 글이 달라지고, 그보다 세면 말이 무너진다.",
      "Strength is in mean lengths of an activation. Texts change at 0.2 to 0.4; beyond that they fall apart.",
    ],
    steerClampHelp: [
      "세기는 시험 문장에서 본 최댓값을 1로 한 값이다. 0이면 특징을 끈다.",
      "Strength is in multiples of the largest activation on the test sentences; 0 switches the feature off.",
    ],
    plain: ["그대로", "As it is"],
    steered: ["조향한 글", "Steered"],
    chooseFirst: ["먼저 특징을 하나 이상 넣어야 한다.", "Add at least one feature first."],
    writing: ["쓰는 중…", "Writing…"],
    steerThis: ["이 특징으로 조향하기", "Steer with this feature"],
    empty: ["문장을 하나 이상 적어야 한다.", "Type at least one sentence."],
    failed: ["서버가 답하지 않는다. make serve가 돌고 있는지 확인하라.", "The server does not answer; check that make serve is running."],
    big: ["큰 범주", "big category"],
    small: ["작은 범주", "small category"],
    level: ["말 단계", "speech level"],
    tense: ["시제", "tense"],
    negation: ["부정", "negation"],
    numeral: ["수사", "numeral"],
    sentiment: ["정서", "sentiment"],
    position: ["자리 {0}: {1}", "position {0}: {1}"],
    bin: ["{0}~{1}: 토큰 {2}개", "{0} to {1}: {2} tokens"],
    nTokens: ["켜진 토큰", "Tokens it fires on"],
    api: ["API 설명서", "API reference"],
  };
  var CLASSES = {
    level: { haera: ["해라체", "plain (haera)"], haeyo: ["해요체", "polite (haeyo)"], hapsyo: ["합쇼체", "formal (hapsyo)"] },
    tense: { past: ["과거", "past"], present: ["현재", "present"], future: ["미래", "future"] },
    negation: { yes: ["부정", "negated"], no: ["부정 아님", "not negated"] },
    numeral: { none: ["없음", "none"], sino: ["한자어 수사", "Sino-Korean"], native: ["고유어 수사", "native"] },
    sentiment: { positive: ["긍정", "positive"], negative: ["부정적", "negative"], neutral: ["중립", "neutral"] },
  };
  KOSAE.lang = document.documentElement.lang === "ko" ? "ko" : "en";
  var which = KOSAE.lang === "ko" ? 0 : 1;

  // The last sound of a number decides its particle: 447은, 448은, 2는.
  function particle(text, value) {
    var closed = /[013678]$/.test(String(value));
    return text.replace("은(는)", closed ? "은" : "는").replace("을(를)", "를");
  }

  KOSAE.say = function (key) {
    var text = KOSAE.sayIn(which, key),
      values = Array.prototype.slice.call(arguments, 1);
    if (which === 0 && values.length) text = particle(text, values[0]);
    return text.replace(/\{(\d)\}/g, function (whole, i) {
      return i in values ? String(values[i]) : whole;
    });
  };
  KOSAE.sayIn = function (at, key) {
    return WORDS[key] ? WORDS[key][at] : key;
  };

  // What a class of a label is called: in the page's language, or in both for the search.
  KOSAE.className = function (index, label, name, at) {
    var known = (index.names[label] || {})[name] || (CLASSES[label] || {})[name];
    return known ? known[at === undefined ? which : at] : name;
  };
  // "topk k=32 · 2,048 features · ..." in the page's language.
  KOSAE.title = function (title) {
    return which === 0 ? title.replace(/([\d,]+) features/, "특징 $1개") : title;
  };
  KOSAE.labelName = function (label) {
    return WORDS[label] ? WORDS[label][which] : label;
  };

  // A token as a reader sees it: a leading space as an open box, a part of a character as "(byte)".
  KOSAE.token = function (text) {
    if (text === "<s>") return KOSAE.say("start");
    if (text === "\ufffd") return KOSAE.say("byte");
    return text.replace(/^ /, "␣").replace(/\n/g, "⏎");
  };

  // A token between quotation marks; what only stands for one has brackets already.
  function quoted(text) {
    var shown = KOSAE.token(text);
    return shown.charAt(0) === "(" && shown !== text ? shown : "‘" + shown + "’";
  }
  function explained(cues, at) {
    var found = [];
    ["on", "after", "later than"].forEach(function (slot) {
      var tokens = cues
        .filter(function (cue) {
          return cue[0] === slot;
        })
        .map(function (cue) {
          return quoted(cue[1]);
        });
      tokens = tokens.filter(function (token, i) {
        return tokens.indexOf(token) === i;
      }); // parts of characters look alike
      if (tokens.length) found.push(KOSAE.sayIn(at, slot).replace("{0}", tokens.join(", ")));
    });
    return found.join("; ");
  }
  // The explanation of feature f in words; `at` is 0 for Korean, 1 for English.
  KOSAE.explain = function (index, f, at) {
    at = at === undefined ? which : at;
    var c = index.columns;
    if (!c.density[f]) return KOSAE.sayIn(at, "dead");
    if (c.rule[f].length) return explained(c.rule[f], at);
    var reads = c.reads[f].slice(0, 3).map(quoted).join(", ");
    return KOSAE.sayIn(at, "unexplained") + (reads ? " (" + KOSAE.sayIn(at, "reads").replace("{0}", reads) + ")" : "");
  };
})();
