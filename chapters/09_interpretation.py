# %% [markdown] tags=["ko"]
# # 해석: 특징에 이름을 붙일 수 있는가 {#sec-interpretation}
#
# 특징을 해석하는 가장 흔한 방법은 그 특징이 가장 세게 켜지는 글을 모아 놓고 공통점을 찾는 것이다. 공통점은 거의 언제나 찾아진다. 그래서 이 장은 찾은 이름이 새 글에서도 맞는지를 묻는다. 앞선 연구 하나는 특징 다섯 개의 주제를 표본 다섯 개씩만 보고 읽었고 [@brainsurgery], 백과 글은 또렷이 해석되는 특징이 10~30%라고 했다. 둘 다 무엇을 맞혀야 해석되었다고 하는지를 밝히지 않았다.
#
# 물음은 넷이다. 표본 몇 개로 읽은 주제는 새 문장에서도 맞는가? 사람도 언어 모델도 쓰지 않고 규칙으로 특징을 설명하면, 얼마나 많은 특징이 설명되는가? 조사와 어미의 언어인 한국어에서 말 단계, 시제, 부정은 특징 하나에 담기는가? 특징으로 문장을 묶으면 무엇이 묶이는가?

# %% [markdown] src="71b9" tags=["en"]
# # Interpretation: can features be given names? {#sec-interpretation}
#
# The usual way to interpret a feature is to gather the texts on which it fires most strongly and to look for what they share. Something shared is nearly always found. So this chapter asks whether the name found holds on new texts. One of the earlier studies read the themes of five features from five samples each [@brainsurgery], and the encyclopedia article says that 10 to 30% of features are clearly interpretable. Neither says what has to be predicted for a feature to count as interpreted.
#
# There are four questions. Do themes read from a few samples hold on new sentences? If features are explained by rules, with neither people nor language models, how many are explained? In Korean, a language of particles and endings, are speech level, tense and negation held by single features? And when sentences are grouped by features, what is it that is grouped?

# %% tags=["parameters"]
preset = "default"
seed = 0
corpus = "synthetic"
lm_name = "kosae-lm"
lm_options = {}
n_train = 4000
n_test = 2000
n_features = 2048
k = 32
steps = 250
batch_size = 1024
middle = "q2.resid_post"
late = "q3.resid_post"
sparse_features = 512
sparse_k = 8
sparse_steps = 300
sparse_lr = 0.02
n_explained = 150
readings = {"384": "^.?[웃사]$", "1547": "채", "778": "구", "1671": "수", "1179": "비", "745": "운", "692": "", "1249": "", "964": "", "1373": "[베레케]"}
good = 0.8
labels = ["level", "tense", "negation", "numeral", "sentiment"]
n_tokens = 1024
n_clusters = 15
tags_corpus = ""
tags = ["JKS", "JKO", "JKG", "JKB", "JX", "EP", "EF", "EC", "ETM", "SN"]
tags_limit = 800
llm_url = ""
llm_model = ""
llm_prices = [0.0, 0.0]
draws = 1000

# %%
import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.metrics.pairwise import cosine_similarity

import kosae_core as kc
from kosae_core import asking, cards, detection, explaining, plates, probing, probing_tasks, reading
from kosae_core import interventions as iv
from kosae_core import llm_explaining as le

kc.plots.house_style()
results = kc.Results(chapter="09", preset=preset, seeds=(seed,))

# %%
study = kc.Study(
    corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late),
    n_features=n_features, k=k, steps=steps, batch_size=batch_size, seed=seed,
)  # fmt: skip
lm, sae = study.lm, study.sae("topk", "ko", middle)[0]
records = {split: study.records(split) for split in ("train", "test")}
stores = {split: study.acts(split) for split in records}

# %%
sparser_config = kc.SAEConfig("topk", sparse_features, k=sparse_k)
sparser = kc.train(sparser_config, stores["train"], kc.TrainConfig(sparse_steps, batch_size, lr=sparse_lr, seed=seed))[0]
codes = {"dense": {s: kc.encode_store(sae, stores[s]) for s in stores}, "sparse": {s: kc.encode_store(sparser, stores[s]) for s in stores}}
for key, value in (("n_tokens", n_tokens), ("k", k), ("n_features", n_features), ("sparse_k", sparse_k), ("sparse_features", sparse_features)):
    results.record(key, value, "", tolerance=0)

# %%
docs = {split: np.asarray(stores[split].doc_index) for split in stores}
big = {split: records[split].label("big") for split in records}
labels = [label for label in labels if all(label in records[split].label_names for split in records)]
has_templates = "template" in records["test"].label_names
template = np.array([r.doc for r in records["test"]])  # an article, or the text itself, where no template made it
strings = [lm.tokenizer.decode([i]).replace("\n", "⏎") for i in range(lm.model.get_input_embeddings().num_embeddings)]
vocabulary = ["(byte)" if "\ufffd" in token else token for token in strings]

# %% [markdown] tags=["ko"]
# ## 가장 센 예와 그 아래 {#sec-interpret-examples}
#
# 사전 둘을 쓴다. 다른 장과 같은 TopK 사전(k {{< var c09.k >}}, 특징 {{< var c09.n_features >}}개)과, [@sec-matching]의 기준과 같은 설정으로 학습한 희소한 사전(k {{< var c09.sparse_k >}}, 특징 {{< var c09.sparse_features >}}개)이다. 두 사전은 k만이 아니라 학습률도 다르고, 특징의 수가 다르게 적힌 실행에서는 크기도 다르다. 가장 센 예만 보면 특징이 실제보다 또렷해 보인다. 그래서 켜진 토큰을 활성값의 차례로 놓고 아래쪽도 함께 본다. 저장소에 올린 예문은 모두 합성 말뭉치의 것이다. 실제 글에서는 `make chapters PRESET=ynat ONLY=09_interpretation`으로 같은 것을 볼 수 있다. 그 예문은 실행한 기계의 `build/executed/ynat`에 남고 저장소에는 들어가지 않는다.
#
# **예상.** 희소한 사전이라도 아래쪽 예는 위쪽 예와 다른 것을 가리킬 것이다. 그리고 가장 센 문장 다섯에서 읽은 주제는, 다섯이 모두 같은 주제일 때조차 새 문장에서 자주 빗나갈 것이다. 합성 문장은 틀에서 나오므로 다섯이 같은 틀이기 쉽기 때문이다.

# %% [markdown] src="14ed" tags=["en"]
# ## The strongest examples and those below {#sec-interpret-examples}
#
# We use two dictionaries: the TopK dictionary of the other chapters (k of {{< var c09.k >}}, {{< var c09.n_features >}} features) and a sparse one with the settings of the base of [@sec-matching] (k of {{< var c09.sparse_k >}}, {{< var c09.sparse_features >}} features). The two differ in learning rate too, not in k alone, and where the two numbers of features differ, in size as well. Looked at by its strongest examples alone, a feature seems clearer than it is. So we put the tokens on which it fires in order and look further down as well. All examples that are committed come from the synthetic corpus. `make chapters PRESET=ynat ONLY=09_interpretation` shows the same on real text; its examples stay in `build/executed/ynat` on the machine that ran it and do not enter the repository.
#
# **Expectation.** Even in the sparse dictionary, examples further down will point to other things than those on top. And a theme read from the five strongest sentences will often miss on new ones, even when all five agree: synthetic sentences come from templates, and the five are likely to be of one template.

# %%
enough = {"train": 30, "test": 15}


def usable(table):
    """Features that fire on enough tokens of both splits to be judged, and not in nearly every sentence."""
    return explaining.usable(table["train"], table["test"], docs["test"], len(records["test"]), least=tuple(enough.values()))

# %%
candidates = {name: usable(table) for name, table in codes.items()}
for name, table in codes.items():
    results.record(f"usable_{name}", len(candidates[name]) / table["train"].shape[1], "share", ".0%", tolerance=0.1)
for split, n in enough.items():
    results.record(f"enough_{split}", n, "tokens", tolerance=0)
chosen = {name: np.random.default_rng(seed).permutation(ids)[:n_explained] for name, ids in candidates.items()}

# %%
def context(row, before=14, after=8):
    """The characters around a test token, the token between brackets."""
    document, start = docs["test"][row], 0 if lm.bos_id is None else 1
    text = records["test"][int(document)].text
    a, b = lm.token_spans(text)[int(stores["test"].positions[row]) - start]
    return f"{text[max(0, a - before) : a]}【{text[a:b]}】{text[b : b + after]}"

# %%
def by_quantile(feature, bins=((1.0, "maximum"), (0.9, "90%"), (0.5, "50%"), (0.1, "10%"))):
    """The test token at each quantile of a feature's activations."""
    column = codes["sparse"]["test"][:, [feature]].tocoo()
    order = column.row[np.argsort(column.data, kind="stable")]
    return [{"feature": str(feature), "quantile": name, "context": context(order[round(q * (len(order) - 1))])} for q, name in bins]

# %%
#| label: tbl-interpret-examples
#| tbl-cap-ko: "특징 셋의 활성 문맥. 켜진 토큰은 【 】 안에 있다. 가장 센 것(maximum)과, 켜진 토큰을 활성값의 차례로 늘어놓았을 때 90%, 50%, 10% 자리에 있는 것이다. 특징은 무작위로 골랐다."
#| tbl-cap-en: "Contexts of three features. The firing token stands in 【 】: the strongest (maximum), and those at 90%, 50% and 10% when firing tokens are put in the order of their activation. The features were drawn at random."
kc.plots.table(pd.DataFrame([row for feature in chosen["sparse"][:3] for row in by_quantile(int(feature))]))

# %%
pooled = {split: kc.features.pool_tokens(codes["dense"][split], docs[split], len(records[split]), "max") for split in records}

# %%
def themes(features):
    """The commonest topic among each feature's five strongest training sentences, how many have it, and how it fares on test ones."""
    found = detection.themes(pooled["train"], big["train"], pooled["test"], big["test"], features, n=5)
    return pd.DataFrame([vars(one) for one in found])

# %%
latents, every = (themes(features).dropna() for features in (np.arange(5), candidates["dense"]))
named = every[every.agree >= 4]

# %%
spans = [detection.auroc_interval(pooled["test"][:, [r.feature]].toarray().ravel(), big["test"] == r.theme, template, draws=draws, seed=seed)[1]
         for r in latents.itertuples()]  # fmt: skip
results.record("first_agree", latents.agree.mean(), "sentences", ".1f", tolerance=1.0)
results.record("first_area", latents.area.mean(), "AUROC", ".2f", tolerance=0.08)
results.record("named", len(named) / len(every), "share", ".0%", tolerance=0.08)
if len(named):
    results.record("named_area", named.area.mean(), "AUROC", ".2f", tolerance=0.03)
    results.record("named_hold", (named.area >= 0.7).mean(), "share", ".1%", tolerance=0.02)

# %%
results.claim("first_seem_themes", latents.agree.mean() >= 3, "the first features' five strongest sentences share a topic, three of five or more on average")
results.claim("first_are_themes", min(low for low, _ in spans) > 0.5, "every one of the first features finds its theme in test sentences better than chance")
if len(named):
    results.claim("named_seldom_hold", (named.area >= 0.7).mean() < 0.2, "of features with a theme, fewer than one in five reach an AUROC of 0.7 on test sentences")

# %%
#| label: tbl-interpret-themes
#| tbl-cap-ko: "처음 다섯 특징. theme: 가장 센 훈련 문장 다섯에서 가장 잦은 주제, agree: 다섯 가운데 그 주제인 것, AUROC: 시험 문장에서 그 주제를 가리는 정도와 95% 구간(문장틀을, 없는 말뭉치에서는 글을 다시 뽑음)."
#| tbl-cap-en: "The first five features. theme: commonest topic among the five strongest training sentences; agree: how many of the five have it; AUROC: how well the feature tells that topic in test sentences, with 95% interval over templates (over texts in a corpus without)."
shown = latents.assign(AUROC=[f"{r.area:.2f} [{a:.2f}, {b:.2f}]" for r, (a, b) in zip(latents.itertuples(), spans, strict=True)])
kc.plots.table(shown[["feature", "theme", "agree", "AUROC"]], index=False)

# %% [markdown] tags=["ko"]
# [@tbl-interpret-examples]에서 가장 센 예와 10% 자리의 예를 견주어 보라. 처음 다섯 특징에서는 가장 센 문장 다섯 가운데 평균 {{< var c09.first_agree >}}개가 같은 주제이다([@tbl-interpret-themes]). [그러니 주제로 읽힌다.]{.claim key="c09.first_seem_themes"}[평균이 셋에 이르지 못하니 주제로 읽힌다고 하기 어렵다.]{.otherwise} 그런데 새 문장에서 그 주제를 가리는 AUROC는 평균 {{< var c09.first_area >}}이다. [다섯 모두 새 문장에서 우연보다 낫다.]{.claim key="c09.first_are_themes"}[다섯이 모두 우연보다 낫지는 않다.]{.otherwise} 사전 전체에서는 특징의 {{< var c09.named >}}가 다섯 가운데 넷 이상의 주제가 같다.
#
# ::: {.when key="c09.named_area"}
# 그런 특징이 새 문장에서 그 주제를 가리는 AUROC는 평균 {{< var c09.named_area >}}이고 0.7에 이른 것은 {{< var c09.named_hold >}}이다. [주제로 읽힌 특징 가운데 새 문장에서 그 주제를 웬만큼 가리는 것은 다섯에 하나보다 적다. 다만 AUROC는 그 주제의 문장 대부분에서 켜져야 높아지므로, 그 주제의 소재 하나에만 켜지는 특징도 0.5에 가깝다. 그러니 여기서 말할 수 있는 것은, 표본 다섯의 일치가 주제 전체를 읽는다는 증거는 되지 못한다는 것이다.]{.claim key="c09.named_seldom_hold"}[주제로 읽힌 특징 가운데 다섯에 하나 이상은 새 문장에서도 그 주제를 웬만큼 가린다. 그러나 표본 다섯의 일치만으로는 어느 특징이 그런지 알 수 없다.]{.otherwise}
# :::

# %% [markdown] src="0334" tags=["en"]
# Compare the strongest example with that at 10% in [@tbl-interpret-examples]. For the first five features, {{< var c09.first_agree >}} of the five strongest sentences share a topic on average ([@tbl-interpret-themes]). [So they do read as themes.]{.claim key="c09.first_seem_themes"}[That is fewer than three, so they hardly read as themes.]{.otherwise} Yet the AUROC with which they tell that topic in new sentences is {{< var c09.first_area >}} on average. [All five do better than chance on new sentences.]{.claim key="c09.first_are_themes"}[Not all five do better than chance.]{.otherwise} Over the whole dictionary, {{< var c09.named >}} of features have the same topic in at least four of their five.
#
# ::: {.when key="c09.named_area"}
# On new sentences the mean AUROC of these for that topic is {{< var c09.named_area >}}, with {{< var c09.named_hold >}} of them reaching 0.7. [Of features that read as themes, fewer than one in five tell their theme passably in new sentences. But AUROC is high only where a feature fires in most sentences of the topic; one that fires for a single item of it is near 0.5, too. So what can be said is that five samples that agree are no evidence that the topic as a whole is read.]{.claim key="c09.named_seldom_hold"}[Of features that read as themes, one in five or more tell their theme passably in new sentences, too. But that five samples agree does not show which.]{.otherwise}
# :::

# %% [markdown] tags=["ko"]
# ## 규칙으로 쓴 설명 {#sec-interpret-rules}
#
# 설명을 규칙으로 쓴다. 규칙은 단서 몇 개의 모임이고, 단서는 '이 토큰에서', '이 토큰 바로 뒤에서', '둘에서 여섯 토큰 앞에 이 토큰이 있을 때', '이 두 토큰이 이어질 때'의 네 가지이다. 훈련 문장에서 켜진 토큰과 그만큼의 켜지지 않은 토큰(반은 특징이 켜지는 문장에서 아깝게 켜지지 않은 것, 반은 다른 문장의 것)을 모아, 가중 로그 오즈 [@monroe2008]가 큰 단서 가운데 균형 정확도를 가장 올리는 것부터 {{< var c09.n_cues >}}개까지 고른다. 단서 가운데 하나라도 맞으면 켜진다고 한다. 판정은 새 문장에서 한다. 탐지(detection)는 문장 안 어디에서든 켜지는지를, 강조(fuzzing)는 켜지는 문장에서 어느 토큰에서 켜지는지를 맞히는 것이다 [@paulo2024]. 논문의 강조는 표시된 토큰이 맞는지를 문장마다 묻는 것인데, 여기에서는 토큰마다 묻는다. 판정자가 언어 모델이 아니라 규칙 자신이므로 누구나 같은 수를 얻는다. 둘 다 {{< var c09.good >}} 이상이면 또렷하다고 한다.
#
# 어디까지를 켜진 것으로 보느냐도 정해야 한다. 모든 활성값, 위 절반, 위 십분의 일의 세 가지로 나눈다. 견줄 것은 학습하지 않은 무작위 방향(토큰마다 같은 수가 켜짐)과, 켜지는 비율을 맞춘 뉴런, 그리고 다른 특징의 규칙을 가져다 쓴 판정이다. 무작위로 초기화한 모델의 SAE도 비슷하게 해석된다는 보고 [@heap2025]가 있으므로, 이 기준선을 넘지 못하는 해석은 특징에 대해 말해 주는 것이 없다.
#
# **예상.** 센 활성값만 보면 많은 특징이 또렷하고 모두 보면 훨씬 적을 것이다. 희소한 사전이 더 또렷하고, 무작위 방향과 뉴런은 훨씬 덜할 것이다.

# %% [markdown] src="6e82" tags=["en"]
# ## Explanations written as rules {#sec-interpret-rules}
#
# We write explanations as rules. A rule is a set of a few cues, and a cue is one of four kinds: on this token, right after this token, if this token stands two to six tokens before, on these two tokens in a row. From training sentences we gather tokens on which the feature fires and as many on which it does not (half near misses, from sentences in which it fires elsewhere, half from other sentences), and take, among cues of large weighted log-odds [@monroe2008], the one that raises balanced accuracy most, then the next, up to {{< var c09.n_cues >}}. A rule says that the feature fires where one of its cues is met. The verdict is given on new sentences. Detection is to say whether the feature fires anywhere in a sentence, fuzzing to say on which tokens of the sentences in which it does [@paulo2024]; the paper asks of each passage whether the marked tokens are the right ones, here every token is asked about. The judge is the rule itself and not a language model, so that everybody gets the same numbers. A feature is called clear if both are at least {{< var c09.good >}}.
#
# One has to decide, too, what counts as firing. We take three: every activation, the upper half, the top tenth. For comparison there are untrained random directions (as many on per token), neurons that are on as often, and verdicts on rules taken from another feature. SAEs of randomly initialised models have been reported to be about as interpretable [@heap2025]; an interpretation that does not exceed such baselines says nothing about features.
#
# **Expectation.** By strong activations alone many features will be clear, by all of them far fewer. The sparse dictionary will be clearer, random directions and neurons much less so.

# %%
windows = {split: explaining.windows(stores[split]) for split in stores}
untrained = probing.random_sae(sae, k, seed)
codes["random"] = {split: kc.encode_store(untrained, stores[split]) for split in stores}
acts = {split: stores[split].all().float().numpy() for split in stores}
codes["neurons"] = {split: sparse.csr_array(np.where(acts[split] > np.quantile(acts["train"], 1 - k / n_features, axis=0), acts[split] - acts["train"].min(0), 0)) for split in acts}
for name in ("random", "neurons"):
    chosen[name] = np.random.default_rng(seed).permutation(usable(codes[name]))[:n_explained]

# %%
bars = {"any": 0.0, "half": 0.5, "tenth": 0.9}

# %%
def firing(table, feature, bar):
    """Where a feature is above a quantile of the activations it has in training."""
    return explaining.firing({split: table[split][:, [int(feature)]].toarray().ravel() for split in table}, bars[bar])

# %%
n_cues = 8
how = {"n_cues": n_cues, "seed": seed}


# %%
def judged(name, bar, pairs=True):
    """For each feature a rule from training tokens, its verdict on test tokens, and the verdict on another feature's rule."""
    fires = [firing(codes[name], feature, bar) for feature in chosen[name]]
    fires = [one for one in fires if one["train"].sum() >= 10 and one["test"].sum() >= 5]
    return explaining.judge_rules(windows, fires, docs, pairs=pairs, **how)

# %%
found = {(name, bar): judged(name, bar) for name, bar in itertools.product(codes, bars)}
least = {key: np.array([min(v.detection, v.fuzzing) for v in one.own]) for key, one in found.items()}

# %%
for (name, bar), both in least.items():
    own, other = found[name, bar].own, found[name, bar].other
    clear = (both >= good).astype(float)
    span = probing.interval(probing.cluster_bootstrap(clear, np.arange(len(clear)), draws, seed)[:, 0])
    results.record(f"clear_{name}_{bar}", clear.mean(), "share", ".0%", interval=span, tolerance=0.12)
    results.record(f"detection_{name}_{bar}", np.mean([v.detection for v in own]), "accuracy", ".2f", tolerance=0.06)
    results.record(f"fuzzing_{name}_{bar}", np.mean([v.fuzzing for v in own]), "accuracy", ".2f", tolerance=0.06)
    results.record(f"swapped_{name}_{bar}", np.mean([v.fuzzing for v in other]), "accuracy", ".2f", tolerance=0.04)
    results.record(f"swapped_detection_{name}_{bar}", np.mean([v.detection for v in other]), "accuracy", ".2f", tolerance=0.04)

# %%
gains = {}
for name in ("dense", "sparse"):
    alone = np.array([min(v.detection, v.fuzzing) for v in judged(name, "half", pairs=False).own])
    gain = (least[name, "half"] >= good).astype(float) - (alone >= good)
    gains[name] = probing.interval(probing.cluster_bootstrap(gain, np.arange(len(gain)), draws, seed)[:, 0])
    results.record(f"single_{name}_half", (alone >= good).mean(), "share", ".0%", tolerance=0.12)
    results.record(f"with_pair_{name}_half", np.mean([any(cue.slot == explaining.PAIR for cue in rule.cues) for rule in found[name, "half"].rules]), "share", ".0%", tolerance=0.1)
results.claim("pairs_help", min(low for low, _ in gains.values()) > 0, "pairs among the cues make more features of both dictionaries clear, upper half of activations, 95% interval of the difference")

# %%
def span_of(name, bar):
    clear = (least[name, bar] >= good).astype(float)
    return probing.interval(probing.cluster_bootstrap(clear, np.arange(len(clear)), draws, seed)[:, 0])

# %%
results.record("n_explained", min(len(both) for both in least.values()), "features", tolerance=30)
results.record("good", good, "accuracy", ".1f", tolerance=0)
results.record("n_cues", n_cues, "cues", tolerance=0)
results.claim("sparse_clearer", span_of("sparse", "half")[0] > span_of("dense", "half")[1], "more of the sparse dictionary is clear, upper half of activations, 95% intervals apart")
results.claim("features_over_random", span_of("dense", "tenth")[0] > span_of("random", "tenth")[1], "more features than random directions are clear, top tenth of activations, 95% intervals apart")
results.claim("features_over_neurons", span_of("dense", "tenth")[0] > span_of("neurons", "tenth")[1], "more features than neurons are clear, top tenth of activations, 95% intervals apart")
results.claim("strong_clearer", span_of("sparse", "tenth")[0] > span_of("sparse", "any")[1], "more of the sparse dictionary is clear by its top tenth than by any activation, 95% intervals apart")

# %%
inside = [0.1 <= (least[name, bar] >= good).mean() <= 0.3 for name, bar in itertools.product(("dense", "sparse"), bars)]
results.claim("ten_to_thirty", all(inside), "the share of clear features lies between 10% and 30% for both dictionaries at every bar")

# %%
swapped = max(np.mean([v.fuzzing for v in one.other]) for one in found.values())
results.claim("swapped_fail", swapped < 0.56, "another feature's rule is near chance everywhere")
detected = max(np.mean([v.detection for v in one.other]) for one in found.values())
results.record("swapped_detection_most", detected, "accuracy", ".2f", tolerance=0.04)
results.claim("swapped_undetected", detected < 0.56, "in detection, too, another feature's rule is near chance everywhere", close=abs(detected - 0.56) < 0.04)

# %%
weak = {name: np.mean([v.fuzzing for v in found[name, "any"].own]) for name in ("dense", "random")}
results.claim("weak_near_random", abs(weak["dense"] - weak["random"]) < 0.05, "by every activation, fuzzing of the dense dictionary is within 0.05 of random directions")

# %%
#| label: fig-interpret-clear
#| fig-cap-ko: "규칙이 새 문장에서 얼마나 맞아야 또렷하다고 하느냐에 따른, 또렷한 특징의 비율. 가로축은 탐지와 강조 가운데 낮은 쪽의 균형 정확도이다. 왼쪽부터 모든 활성값, 위 절반, 위 십분의 일을 켜진 것으로 본 것이다."
#| fig-cap-en: "Share of features that are clear, by how often their rule has to be right on new sentences: the lower of balanced accuracy in detection and in fuzzing. From left to right, all activations count as firing, the upper half, the top tenth."
#| fig-alt-ko: "세 그림에 네 곡선씩. 오른쪽 그림일수록 곡선이 높다."
#| fig-alt-en: "Three panels of four curves; curves are higher in panels further right."
names = {"sparse": f"features, k {sparse_k}", "dense": f"features, k {k}", "random": "random directions", "neurons": "neurons"}
fig, axes = plt.subplots(1, len(bars), figsize=(kc.plots.WIDTH, 2.7), sharey=True)
for ax, (bar, title) in zip(axes, (("any", "any activation"), ("half", "upper half"), ("tenth", "top tenth")), strict=True):
    for name, color in zip(names, ("#228833", "#4477aa", "#999999", "#ee7733"), strict=True):
        at = np.linspace(0.5, 1, 51)
        ax.plot(at, [(least[name, bar] >= a).mean() for a in at], color=color, label=names[name])
    ax.axvline(good, color="#777777", ls=":", lw=0.8)
    ax.set(title=title, xlabel="accuracy asked for")
axes[0].set_ylabel("share of features")
axes[0].legend(fontsize="small")
kc.plots.save(fig, "fig-interpret-clear")

# %%
writes = iv.direct_effects(lm, sparser.W_dec_FD).numpy()

# %%
def enriched(feature):
    """Of all labels the one that is most enriched among the training sentences in which a feature is in its upper half."""
    fires = firing(codes["sparse"], feature, "half")["train"]
    yes = np.bincount(docs["train"][fires], minlength=len(records["train"])) > 0
    found = [(label, *kc.logodds.enriched(yes, records["train"].label(label))) for label in ("big", *labels)]
    label, names, z = max(found, key=lambda one: one[2].max())
    return f"{label}: {names[z.argmax()]} ({z.max():.1f})"

# %%
#| label: tbl-interpret-rules
#| tbl-cap-ko: "희소한 사전의 특징 여덟의 설명. rule: 위 절반의 활성값에서 만든 규칙(토큰은 [ ] 안에, on: 그 토큰에서, after: 그 토큰 뒤에서, later than: 그 토큰이 둘에서 여섯 토큰 앞에 있을 때, on … right after …: 두 토큰이 이어질 때; (byte)는 글자의 일부인 토큰), writes: 직접 효과가 큰 토큰, label: 켜지는 훈련 문장에서 나머지 문장보다 가장 두드러지게 많은 라벨과 그 가중 로그 오즈의 z(big은 주제), detection과 fuzzing: 새 문장에서의 균형 정확도."
#| tbl-cap-en: "Explanations of eight features of the sparse dictionary. rule: made from the upper half of activations (tokens stand in [ ]; (byte) is a token that is part of a character); writes: tokens of large direct effect; label: of all labels the one most enriched in training sentences where the feature fires against the rest, with the z of its weighted log-odds (big is the topic); detection, fuzzing: balanced accuracy on new sentences."
rules, own = found["sparse", "half"].rules, found["sparse", "half"].own
brackets = str.maketrans("‘’", "[]")
kept = [f for f in chosen["sparse"] if min(firing(codes["sparse"], f, "half")[s].sum() - n for s, n in (("train", 10), ("test", 5))) >= 0]
rows = [{"feature": str(kept[i]), "rule": explaining.written(rules[i], vocabulary).translate(brackets), "writes": ", ".join(f"[{vocabulary[t]}]" for t in np.argsort(-writes[kept[i]])[:3]),
         "label": enriched(kept[i]), "detection": own[i].detection, "fuzzing": own[i].fuzzing} for i in range(min(8, len(rules)))]  # fmt: skip
kc.plots.table(pd.DataFrame(rows), ".2f")

# %% [markdown] tags=["ko"]
# 비율의 분모는 훈련 토큰 {{< var c09.enough_train >}}개, 시험 토큰 {{< var c09.enough_test >}}개 이상에서 켜지면서 거의 모든 문장에서 켜지지는 않는 특징 가운데서 뽑은 것이다. 그런 특징은 k가 {{< var c09.k >}}인 사전에서 {{< var c09.usable_dense >}}, 희소한 사전에서 {{< var c09.usable_sparse >}}를 차지한다. 나머지는 여기서 판정할 수 없다. 기준을 넘는 토큰이 너무 적은 특징은 그 기준에서 다시 빠진다. 견준 것(뉴런과 무작위 방향을 포함한다)과 기준의 조합 가운데 가장 적게 남은 곳은 {{< var c09.n_explained >}}개이다. 또렷한 특징의 비율은 무엇을 켜진 것으로 보느냐에 달려 있다([@fig-interpret-clear]). k가 {{< var c09.k >}}인 사전에서 모든 활성값으로는 {{< var c09.clear_dense_any >}}, 위 절반으로는 {{< var c09.clear_dense_half >}}, 위 십분의 일로는 {{< var c09.clear_dense_tenth >}}이고, 희소한 사전에서는 차례로 {{< var c09.clear_sparse_any >}}, {{< var c09.clear_sparse_half >}}, {{< var c09.clear_sparse_tenth >}}이다. [센 활성값만 볼 때 더 또렷하다.]{.claim key="c09.strong_clearer"}[센 활성값만 볼 때 더 또렷하다고는 할 수 없다.]{.otherwise} [희소한 사전이 더 또렷하다.]{.claim key="c09.sparse_clearer"}[희소한 사전이 더 또렷하다고는 할 수 없다.]{.otherwise} [어느 사전, 어느 기준에서나 10~30%이다.]{.claim key="c09.ten_to_thirty"}[10~30%라는 말이 이 조합 모두에서 맞지는 않는다.]{.otherwise} 비율을 말하려면 기준을 함께 말해야 한다.
#
# 기준선을 보자. 위 십분의 일에서 무작위 방향은 {{< var c09.clear_random_tenth >}}, 뉴런은 {{< var c09.clear_neurons_tenth >}}가 또렷하다. [특징은 무작위 방향보다 또렷하다.]{.claim key="c09.features_over_random"}[특징이 무작위 방향보다 또렷하다고는 할 수 없다.]{.otherwise} [뉴런과 견주어도 또렷하다.]{.claim key="c09.features_over_neurons"}[뉴런보다 또렷하다고는 할 수 없다.]{.otherwise} 모든 활성값으로 보면 k가 {{< var c09.k >}}인 사전의 강조 정확도는 {{< var c09.fuzzing_dense_any >}}이고 무작위 방향은 {{< var c09.fuzzing_random_any >}}이다. [약한 활성값까지 모두 세면 둘의 차이는 0.05보다 작다.]{.claim key="c09.weak_near_random"}[약한 활성값까지 모두 세어도 둘의 차이는 0.05에 이른다.]{.otherwise} [다른 특징의 규칙은 강조에서 어디에서나 우연에 가깝다.]{.claim key="c09.swapped_fail"}[다른 특징의 규칙이 강조에서 우연보다 높은 칸이 있다.]{.otherwise} 탐지에서 다른 특징의 규칙은 가장 높은 칸이 {{< var c09.swapped_detection_most >}}이다. [탐지에서도 우연에 가깝다.]{.claim key="c09.swapped_undetected"}[탐지에서는 남의 규칙으로도 우연보다 높은 칸이 있으므로, 탐지 정확도는 그만큼 깎아서 읽어야 한다.]{.otherwise}
#
# 두 토큰이 이어진다는 단서는 위 절반에서 희소한 사전의 규칙 {{< var c09.with_pair_sparse_half >}}, k가 {{< var c09.k >}}인 사전의 규칙 {{< var c09.with_pair_dense_half >}}에 들어 있다. 이 단서를 빼면 또렷한 특징은 각각 {{< var c09.single_sparse_half >}}, {{< var c09.single_dense_half >}}이다. [두 토큰의 단서가 있어야 설명되는 특징이 두 사전에 모두 있다.]{.claim key="c09.pairs_help"}[두 사전 모두에서 또렷한 특징이 늘었다고는 할 수 없다.]{.otherwise} [@tbl-interpret-rules]의 규칙에는 음절 하나를 가리키는 것도, 서로 다른 토큰 여럿을 늘어놓은 것도 있다. 규칙이 토큰만 보므로 뜻으로 켜지는 특징은 놓친다. 그런 특징이 있는 만큼 이 비율은 실제보다 낮게 잡은 값이다.

# %% [markdown] src="1a4a" tags=["en"]
# The share is of features drawn from those that fire on at least {{< var c09.enough_train >}} training and {{< var c09.enough_test >}} test tokens, and not in nearly every sentence: {{< var c09.usable_dense >}} of the dictionary with k of {{< var c09.k >}} and {{< var c09.usable_sparse >}} of the sparse one. The rest cannot be judged here. Features with too few tokens above a bar are left out at that bar as well; of all combinations of what is compared (neurons and random directions included) and a bar, the smallest has {{< var c09.n_explained >}} left. The share of clear features depends on what counts as firing ([@fig-interpret-clear]). In the dictionary with k of {{< var c09.k >}} it is {{< var c09.clear_dense_any >}} by every activation, {{< var c09.clear_dense_half >}} by the upper half and {{< var c09.clear_dense_tenth >}} by the top tenth; in the sparse one {{< var c09.clear_sparse_any >}}, {{< var c09.clear_sparse_half >}} and {{< var c09.clear_sparse_tenth >}}. [Seen by strong activations alone, features are clearer.]{.claim key="c09.strong_clearer"}[It cannot be said that features are clearer by strong activations alone.]{.otherwise} [The sparse dictionary is clearer.]{.claim key="c09.sparse_clearer"}[It cannot be said that the sparse dictionary is clearer.]{.otherwise} [It is 10 to 30% for either dictionary, whatever counts.]{.claim key="c09.ten_to_thirty"}[The figure of 10 to 30% is not right for all of these combinations.]{.otherwise} Whoever gives a share has to give the bar with it.
#
# Now the baselines. By the top tenth, {{< var c09.clear_random_tenth >}} of random directions and {{< var c09.clear_neurons_tenth >}} of neurons are clear. [Features are clearer than random directions.]{.claim key="c09.features_over_random"}[It cannot be said that features are clearer than random directions.]{.otherwise} [They are clearer than neurons.]{.claim key="c09.features_over_neurons"}[It cannot be said that they are clearer than neurons.]{.otherwise} By every activation, fuzzing in the dictionary with k of {{< var c09.k >}} has an accuracy of {{< var c09.fuzzing_dense_any >}}; with random directions it is {{< var c09.fuzzing_random_any >}}. [When all weak activations count, the two differ by less than 0.05.]{.claim key="c09.weak_near_random"}[Even when all weak activations count, the two differ by 0.05 or more.]{.otherwise} [In fuzzing, rules of another feature are near chance everywhere.]{.claim key="c09.swapped_fail"}[In fuzzing there are cells in which rules of another feature do better than chance.]{.otherwise} In detection the highest cell of another feature's rules is {{< var c09.swapped_detection_most >}}. [They are near chance in detection, too.]{.claim key="c09.swapped_undetected"}[So in detection there are cells in which even the rules of others do better than chance, and detection has to be read with that much taken off.]{.otherwise}
#
# By the upper half, {{< var c09.with_pair_sparse_half >}} of the rules of the sparse dictionary have a cue of two tokens in a row, and {{< var c09.with_pair_dense_half >}} of those of the dictionary with k of {{< var c09.k >}}. Without such cues {{< var c09.single_sparse_half >}} and {{< var c09.single_dense_half >}} of features are clear. [Both dictionaries have features that need a pair of tokens to be explained.]{.claim key="c09.pairs_help"}[It cannot be said that more features become clear in both dictionaries.]{.otherwise} Among the rules in [@tbl-interpret-rules] some point to a single syllable and some list several different tokens. Rules see tokens alone and miss features that fire by meaning. As far as there are such features, these shares are underestimates.

# %% [markdown] tags=["ko"]
# ## 저자가 읽은 특징 열 개 {#sec-interpret-reading}
#
# 앞선 연구는 특징마다 표본을 보고 사람이 공통 주제와 한 문장을 적었다. 같은 일을 하되, 적은 것을 새 문장에서 시험한다. 대상은 프로젝트에 들어 있는 TopK 사전(`kosae-lm/q2`)의 특징 열 개이다. 읽을 당시 위 절반의 활성값에서 규칙이 또렷했던 것 다섯과 그렇지 않았던 것 다섯을 무작위로 뽑아, 이 프로젝트의 저자들이 합성 말뭉치의 훈련 문장에서 가장 센 문맥 여덟과 그 아래 네 자리를 보고 읽었다. 따로 둔 평가자는 없으며, 읽은 것이 맞는지는 이 장에 실린 시험 문장의 예로 독자가 확인할 수 있다. 읽은 것이 형태이면 정규식으로 옮겨, 그 꼴의 토큰에서 켜진다는 규칙으로 판정했다.
#
# **예상.** 위쪽 예를 보고 읽으므로, 읽은 것은 위 십분의 일에서는 맞고 위 절반에서는 자주 빗나갈 것이다.

# %% [markdown] src="a3fc" tags=["en"]
# ## Ten features, read by the authors {#sec-interpret-reading}
#
# The earlier study had a person write down a common theme and a sentence from the samples of each feature. We do the same, and test on new sentences what was written down. The features are ten of the TopK dictionary that ships with the project (`kosae-lm/q2`): five drawn at random from those that rules made clear by the upper half of activations when the readings were made, five from the rest. The authors of this project read them from the eight strongest contexts in training sentences of the synthetic corpus and four further down. There was no rater apart from them; readers can check what was read against the examples from test sentences that are printed in this chapter. Where the reading is a form, it was turned into a regular expression, and judged as a rule that says the feature fires on tokens of that form.
#
# **Expectation.** One reads from strong examples. Readings will be right about the top tenth and often miss in the upper half.

# %%
shipped = kc.load_sae("kosae-lm/q2") if lm_name == "kosae-lm" else sae
if shipped is sae:  # of another model's features nothing has been read: ten of them are shown without
    readings = {str(f): "" for f in np.random.default_rng(seed).choice(sae.n_features, 10, replace=False)}
read = {s: kc.encode_store(shipped, stores[s])[:, [int(f) for f in readings]] for s in stores}

# %%
def at_quantile(column_N, q):
    """The test token at a quantile of a feature's activations, in its context."""
    rows = np.flatnonzero(column_N)
    return context(rows[np.argsort(column_N[rows], kind="stable")][round(q * (len(rows) - 1))]) if len(rows) else ""

# %%
def verdict_of(rule, one):
    """The lower of detection and fuzzing on test sentences; not a number where a feature is too rare to be judged."""
    try:
        verdict = explaining.judge(rule, windows["test"], one["test"], docs["test"])
    except ValueError:
        return float("nan")
    return min(verdict.detection, verdict.fuzzing)

# %%
def rule_of(one):
    """The rule for where a feature fires in training sentences."""
    return explaining.explain(windows["train"], one["train"], docs["train"], pairs=True, **how)

# %%
def as_rule(form):
    """A reading as a rule: the feature fires on every token of this form."""
    return explaining.Rule(tuple(explaining.Cue("on", i) for i, token in enumerate(strings) if re.search(form, token)), 0.0)

# %%
rows = []
for i, (feature, form) in enumerate(readings.items()):
    fires = {bar: firing(read, i, bar) for bar in ("half", "tenth") if read["train"][:, [i]].nnz}
    by_reader = {bar: verdict_of(as_rule(form), one) if form else float("nan") for bar, one in fires.items()}
    usable_half = "half" in fires and 10 <= fires["half"]["train"].sum() < len(docs["train"])
    rule = rule_of(fires["half"]) if usable_half else explaining.Rule((), 0.5)
    column = read["test"][:, [i]].toarray().ravel()
    rows.append({"feature": feature, "strongest": at_quantile(column, 1.0), "middle": at_quantile(column, 0.5), "reading": form,
                 "tenth": by_reader.get("tenth", float("nan")), "half": by_reader.get("half", float("nan")), "rule": verdict_of(rule, fires["half"]) if usable_half else float("nan")})  # fmt: skip
by_hand = pd.DataFrame(rows)

# %%
formal = by_hand[by_hand.reading != ""].dropna()
# The first half of the readings is of features drawn because a rule makes them clear.
by_rule = {"clear": formal[formal.index < len(by_hand) // 2], "rest": formal[formal.index >= len(by_hand) // 2]}
for key, column in (("read_tenth", "tenth"), ("read_half", "half"), ("read_rule", "rule")):
    for part, rows in {"": formal, **by_rule}.items():
        if len(rows):
            results.record(f"{key}_{part}".rstrip("_"), rows[column].mean(), "accuracy", ".2f", tolerance=0.06)

# %%
for part, rows in by_rule.items():
    results.record(f"n_formal_{part}", len(rows), "features", tolerance=1)
results.record("read_rises", int((formal.half > formal.tenth).sum()), "features", tolerance=1)
results.record("n_read", len(by_hand), "features", tolerance=0)
results.record("n_formal", len(formal), "features", tolerance=1)
results.record("read_good", int((formal.half >= good).sum()), "features", tolerance=1)
results.record("read_missed", int((formal.tenth < good).sum()), "features", tolerance=1)

# %%
if len(formal):
    results.claim("reading_fades", bool((formal.half < good).sum() > (formal.tenth < good).sum()), "more readings fall short by the upper half than by the top tenth")
    results.claim("reading_close", abs(formal.half.mean() - formal.tenth.mean()) < 0.1, "readings of the upper half and of the top tenth are within 0.1 on average", close=True)
    results.claim("rule_over_reader", bool(formal.rule.mean() > formal.half.mean()), "by the upper half, rules are right more often than readings on average")

# %%
#| label: tbl-interpret-reading
#| tbl-cap-ko: "저자가 읽은 특징 열 개. strongest와 middle: 시험 문장에서 가장 센 문맥과 활성값의 가운데에 있는 문맥, reading: 읽은 것을 옮긴 정규식, tenth와 half: 위 십분의 일과 위 절반에서 그 정규식의 탐지와 강조 가운데 낮은 쪽, rule: 훈련 문장에서 만든 규칙의 같은 값(위 절반)."
#| tbl-cap-en: "Ten features read by the authors. strongest, middle: the strongest context in test sentences and the one in the middle of its activations; reading: the regular expression for what was read; tenth, half: the lower of its detection and fuzzing by the top tenth and by the upper half; rule: the same of the rule made from training sentences (upper half)."
kc.plots.table(by_hand, {"tenth": ".2f", "half": ".2f", "rule": ".2f"}, index=False)

# %%
both = {s: reading.Reading(study, shipped, s, reading.languages(study), middle, [int(f) for f in readings]) for s in stores}
drawn = cards.cards(lm, shipped, both["train"], both["test"], [int(f) for f in readings])

# %%
#| label: fig-interpret-plate
#| fig-cap-ko: "저자가 읽은 특징 열 개의 도판. 카드마다 번호, 켜진 토큰의 비율(density)과 최댓값(max), 훈련 문장에서 위 절반의 활성값으로 만든 규칙(on: 그 토큰에서, after: 바로 뒤에서, later than: 그 토큰이 둘에서 여섯 토큰 앞에 있을 때, ␣: 빈칸, (byte): 글자의 일부), 가장 센 시험 문장 다섯(한 문장틀에서 둘까지), 직접 효과로 가장 밀어 올리는 다음 토큰(promotes)이 있다. 토큰은 활성값이 클수록 짙고, 밑줄 친 토큰의 값이 왼쪽에 있다. 말뭉치의 두 언어를 함께 읽었다(한 언어뿐인 말뭉치에서는 그 언어만)."
#| fig-cap-en: "Plate of the ten features read by the authors. On each card stand its number, the share of tokens on which it fires (density) and its maximum, the rule made from the upper half of activations in training sentences (on: on that token, after: right after it, later than: two to six tokens after it; ␣ is a space, (byte) a part of a character), the five strongest test sentences (at most two of a template) and the next tokens that its direct effect raises most (promotes). Tokens are darker the larger their activation; that of the underlined one stands on the left. Sentences of both languages of the corpus were read (of one where it has no other)."
#| fig-alt-ko: "두 줄로 놓인 카드 열 장. 예문들이 특징이 켜진 토큰을 기준으로 세로로 맞추어져 있다."
#| fig-alt-en: "Ten cards in two columns. In each, sentences are aligned at the token on which the feature fires."
fig = plates.plate(drawn)
kc.plots.save(fig, "fig-interpret-plate")

# %% [markdown] tags=["ko"]
# 합성 말뭉치의 훈련 문장에서 읽은 것은 다음과 같다. 시험 문장에서의 모습은 [@fig-interpret-plate]에 모았다.
#
# | 특징 | 공통 주제 | 읽은 것 |
# |--:|:----|:------------|
# | 384 | ‘이’ 다음 음절 | 가장 센 예는 ‘이’ 바로 다음의 음절(이웃, 이사)이고, 아래쪽은 여러 가지이다. |
# | 1547 | 음절 ‘채’ | ‘채소’, ‘수채화’, ‘채우다’처럼 뜻이 다른 낱말의 ‘채’에서 켜진다. |
# | 778 | 음절 ‘구’ | ‘탁구’, ‘뒹굴다’의 활용, ‘구하다’, ‘구 년’의 ‘구’를 가리지 않는다. |
# | 1671 | 음절 ‘수’ | ‘할 수 있다’, ‘수영’, ‘수리’에서 켜지고 다음 토큰으로 ‘ 있다’와 그 활용을 밀어 올린다. 의존 명사 ‘수’의 쓰임에서 배운 것이다. |
# | 1179 | 음절 ‘비’ | ‘비염’, ‘비빔밥’, ‘비싸다’, ‘비 오는 날’의 ‘비’에서 켜진다. |
# | 745 | 음절 ‘운’ | 가장 센 예(새운, 부드러운)만 읽히고 아래쪽은 다른 음절들이다. |
# | 692 | 없음 | 읽지 못했다. 가장 센 예가 모두 반이 남았다는 한 틀의 문장이어서 얼핏 주제로 보인다. |
# | 1249 | 여러 가지 | 위쪽은 ‘넥타이’와 ‘며칠’의 첫 음절이고 그 아래에는 공통점이 없다. |
# | 964 | 없음 | 읽지 못했다. 가장 센 예가 모두 메밀국수를 말하는 한 틀의 문장이다. |
# | 1373 | ㅔ가 든 음절 | 가장 센 예(베개, 팔레트, 오케스트라)만 읽히고 아래쪽은 다른 음절들이다. |
#
# : 저자들이 적은 공통 주제와 한 문장. {#tbl-interpret-named}
#
# 음절 하나인 특징은 뜻이 다른 낱말들을 그 음절로 묶고([@tbl-interpret-named]), 1249는 한 가지를 뜻하지 않는다. 열 개 가운데 주제로 읽히는 것은 없다.
#
# ::: {.when key="c09.read_half"}
# 형태로 읽은 것 가운데 새 문장에서 잴 수 있는 {{< var c09.n_formal >}}개는 위 십분의 일에서 평균 {{< var c09.read_tenth >}}, 위 절반에서 {{< var c09.read_half >}}이다. {{< var c09.good >}}에 못 미친 것이 위 십분의 일에서도 {{< var c09.read_missed >}}개이며, 위 절반에서 {{< var c09.good >}} 이상인 것은 {{< var c09.read_good >}}개이다([@tbl-interpret-reading]). [이 기준에 못 미치는 것은 위 절반에서 더 많다.]{.claim key="c09.reading_fades"}[이 기준에 못 미치는 것이 위 절반에서 더 많지는 않다.]{.otherwise} [평균의 차이는 0.1보다 작다.]{.claim key="c09.reading_close"}[평균의 차이는 0.1에 이른다.]{.otherwise} {{< var c09.n_formal >}}개 가운데 {{< var c09.read_rises >}}개는 위 절반에서 오히려 높다. 같은 특징에서 규칙은 위 절반에서 평균 {{< var c09.read_rule >}}이다. [규칙이 평균으로 저자보다 낫다.]{.claim key="c09.rule_over_reader"}[규칙이 평균으로 저자보다 낫지는 않다.]{.otherwise}
#
# ::: {.when key="c09.read_rule_clear"}
# ::: {.when key="c09.read_rule_rest"}
# 그런데 열 개 가운데 다섯은 당시에 규칙이 또렷해서 뽑은 것이므로(다른 실행에서는 그 규칙이 기준에 못 미칠 수 있다) 나누어 보아야 한다. 그렇게 뽑은 {{< var c09.n_formal_clear >}}개에서는 규칙 {{< var c09.read_rule_clear >}}, 저자 {{< var c09.read_half_clear >}}이고, 나머지 {{< var c09.n_formal_rest >}}개에서는 규칙 {{< var c09.read_rule_rest >}}, 저자 {{< var c09.read_half_rest >}}이다.
# :::
# :::
#
# 저자가 본 것은 문맥 열둘이고 규칙이 본 것은 수백이니 읽는 솜씨만의 문제는 아니다. 그러나 사람이 붙여 논문에 실리는 이름은 이렇게 몇 문맥만 보고 읽은 것이다.
# :::

# %% [markdown] src="90cd" tags=["en"]
# From training sentences of the synthetic corpus the features were read as follows. How they look on test sentences is gathered in [@fig-interpret-plate].
#
# | feature | common theme | reading |
# |--:|:----|:------------|
# | 384 | the syllable after ‘이’ | The strongest examples are the syllable right after ‘이’ (neighbour, moving house); further down there are various things. |
# | 1547 | the syllable ‘채’ | It fires on ‘채’ in words of different meaning: vegetables, watercolour, to fill. |
# | 778 | the syllable ‘구’ | It does not tell apart the ‘구’ of table tennis, of forms of to roll about, of to seek and of nine years. |
# | 1671 | the syllable ‘수’ | It fires in can do, swimming and repair, and raises ‘ 있다’ and its forms as next tokens, learnt from the dependent noun ‘수’ in ‘할 수 있다’ (can do). |
# | 1179 | the syllable ‘비’ | It fires on the ‘비’ of rhinitis, bibimbap, expensive and a rainy day. |
# | 745 | the syllable ‘운’ | Only the strongest examples (having stayed up, soft) can be read; further down are other syllables. |
# | 692 | none | It could not be read. Its strongest examples are all of one template, of half being left over, and so look like a theme. |
# | 1249 | several | At the top are the first syllables of ‘넥타이’ (necktie) and ‘며칠’ (some days), below them nothing in common. |
# | 964 | none | It could not be read. Its strongest examples are all of one template, about buckwheat noodles. |
# | 1373 | syllables with ㅔ | Only the strongest examples (pillow, palette, orchestra) can be read; further down are other syllables. |
#
# : Common themes and a sentence, as the authors wrote them. {#tbl-interpret-named}
#
# Features of one syllable tie together words of different meaning by it ([@tbl-interpret-named]), and 1249 means no one thing. None of the ten reads as a theme.
#
# ::: {.when key="c09.read_half"}
# Of those read as forms, {{< var c09.n_formal >}} can be measured on new sentences. They score {{< var c09.read_tenth >}} on average by the top tenth and {{< var c09.read_half >}} by the upper half. Even by the top tenth {{< var c09.read_missed >}} of them fall short of {{< var c09.good >}}; by the upper half the number at {{< var c09.good >}} or above is {{< var c09.read_good >}} ([@tbl-interpret-reading]). [More of them fall short by the upper half.]{.claim key="c09.reading_fades"}[No more of them fall short by the upper half.]{.otherwise} [The means differ by less than 0.1.]{.claim key="c09.reading_close"}[The means differ by 0.1 or more.]{.otherwise} Of the {{< var c09.n_formal >}}, {{< var c09.read_rises >}} even score higher by the upper half. For the same features rules score {{< var c09.read_rule >}} on average by the upper half. [On average rules do better than the authors.]{.claim key="c09.rule_over_reader"}[On average rules do no better than the authors.]{.otherwise}
#
# ::: {.when key="c09.read_rule_clear"}
# ::: {.when key="c09.read_rule_rest"}
# Five of the ten, though, were drawn because a rule made them clear then (in another run it may fall short of the bar), so the two kinds have to be seen apart. On the {{< var c09.n_formal_clear >}} drawn so, rules score {{< var c09.read_rule_clear >}} and the authors {{< var c09.read_half_clear >}}; on the other {{< var c09.n_formal_rest >}}, rules {{< var c09.read_rule_rest >}} and the authors {{< var c09.read_half_rest >}}.
# :::
# :::
#
# The authors saw twelve contexts and the rule hundreds, so skill in reading is not all there is to it. But the names that people give and papers print are read from a few contexts like this.
# :::

# %% [markdown] tags=["ko"]
# ## 언어 모델이 쓴 설명 {#sec-interpret-llm}
#
# 규칙은 뜻을 말하지 못한다. 뜻을 말할 수 있는 것은 사람이나 언어 모델이다. OpenAI 호환 인터페이스를 가진 서버가 있으면 이 장은 특징마다 켜진 토큰을 표시한 훈련 문장 열 개를 보여 주고 설명을 한 문장으로 쓰게 한 다음, 시험 문장으로 논문의 방식대로 탐지와 강조를 그 모델에게 맡긴다 [@paulo2024]. 규칙의 강조와는 묻는 단위가 다르므로 두 값을 곧바로 견줄 수는 없다. 다른 특징의 설명으로도 같은 판정을 한다. 설명과 두 번의 판정에 드는 질문과 토큰의 수, 그리고 값(`llm_prices`에 적은, 읽고 쓰는 백만 토큰의 가격으로 셈한다)을 모두 합쳐 먼저 알리고 멈추며, 환경 변수 `KOSAE_LLM_CONFIRM`을 1로 하고 다시 시작해야 모델에게 묻는다. 답은 저장소에 남겨 다시 묻지 않는다. API 키는 환경 변수 `OPENAI_API_KEY`에서 읽는다.
#
# ```sh
# make chapters ONLY=09_interpretation PARAMS="-p llm_url http://localhost:8000/v1 -p llm_model Qwen/Qwen3-8B"
# ```
#
# ::: {.when key="c09.llm_detection"}
# 이 실행에서는 언어 모델 {{< var c09.llm_model >}}에게 맡겨 특징 {{< var c09.llm_features >}}개를 설명하고 판정하게 했다. 탐지 {{< var c09.llm_detection >}}, 강조 {{< var c09.llm_fuzzing >}}이고, 다른 특징의 설명으로는 탐지 {{< var c09.llm_swapped_detection >}}, 강조 {{< var c09.llm_swapped >}}이다. 같은 특징에서 규칙은 {{< var c09.llm_rule >}}(둘 가운데 낮은 쪽의 평균), 언어 모델의 설명은 {{< var c09.llm_lower >}}이다. 읽을 수 없는 답은 {{< var c09.llm_unread >}}였다.
# :::
#
# 저장소에 올린 수를 잰 기계에는 그런 서버가 없었다. 그래서 수가 없으며, 작은 내장 모델에게 대신 시키지는 않았다. 지시를 따르지 못하는 모델의 답은 설명이 아니다.

# %% [markdown] src="6cad" tags=["en"]
# ## Explanations written by a language model {#sec-interpret-llm}
#
# Rules cannot speak of meaning. People can, and language models. Where there is a server with an OpenAI-compatible interface, this chapter shows it ten training sentences for each feature, with the tokens marked on which it fires, has it write an explanation of one sentence, and then leaves detection and fuzzing in the manner of the paper, on test sentences, to that model [@paulo2024]; once more with the explanation of another feature. As rules are asked about tokens and the model about passages, the two fuzzing scores cannot be compared directly. The chapter first says the number of questions, of tokens and the price (by `llm_prices`, for a million tokens read and written), explanations and both judgings together, and stops; it asks only when started again with the environment variable `KOSAE_LLM_CONFIRM` set to 1. Answers are kept in the store and never asked for again. The key is read from the environment variable `OPENAI_API_KEY`.
#
# ```sh
# make chapters ONLY=09_interpretation PARAMS="-p llm_url http://localhost:8000/v1 -p llm_model Qwen/Qwen3-8B"
# ```
#
# ::: {.when key="c09.llm_detection"}
# In this run {{< var c09.llm_model >}} explained and judged {{< var c09.llm_features >}} features: detection {{< var c09.llm_detection >}} and fuzzing {{< var c09.llm_fuzzing >}}; with explanations of other features detection {{< var c09.llm_swapped_detection >}} and fuzzing {{< var c09.llm_swapped >}}. For the same features rules score {{< var c09.llm_rule >}} (the lower of the two, on average), the language model's explanations {{< var c09.llm_lower >}}. Of its answers {{< var c09.llm_unread >}} could not be read.
# :::
#
# The machine that measured the committed numbers had no such server, so there are none. We did not ask the small model inside in its place: what a model says that cannot follow instructions is no explanation.

# %%
if llm_url:
    asker, texts = asking.Asker(asking.Endpoint(llm_url, llm_model, price_in=llm_prices[0], price_out=llm_prices[1])), {s: records[s].texts for s in records}
    fires_K = {int(f): firing(codes["sparse"], f, "half") for f in chosen["sparse"][:30]}
    fires_K = {f: one for f, one in fires_K.items() if one["train"].sum() >= 10 and one["test"].sum() >= 5}
    best_K = {f: le.strongest(stores["train"], codes["sparse"]["train"][:, [f]].toarray().ravel() * one["train"], seed=seed) for f, one in fires_K.items()}
    given = [le.material(lm, stores["test"], texts["test"], one["test"], seed=seed) for one in fires_K.values()]
    asked = [le.explanation_question(le.passages(lm, stores["train"], texts["train"], one["train"], best_K[f])) for f, one in fires_K.items()]
    print(estimate := le.estimate(asker, asked, given, seed=seed))
    estimate.require()

# %%
if llm_url:
    said = asker.ask(asked)
    own, other = (le.judge_all(asker, one, given, seed=seed) for one in (said, said[1:] + said[:1]))
    of_rules = [verdict_of(rule_of(one), one) for one in fires_K.values()]
    lower = [min(v.detection, v.fuzzing) for v in own]
    for key, values in (("detection", [v.detection for v in own]), ("fuzzing", [v.fuzzing for v in own]), ("swapped", [v.fuzzing for v in other]),
                        ("swapped_detection", [v.detection for v in other]), ("unread", [v.unread for v in own]), ("rule", of_rules), ("lower", lower)):  # fmt: skip
        results.record(f"llm_{key}", float(np.mean(values)), "accuracy", ".2f", tolerance=0.1)
    results.record("llm_features", len(given), "features", tolerance=0)
    results.record("llm_model", llm_model, "model")

# %% [markdown] tags=["ko"]
# ## 문법을 담은 특징 {#sec-interpret-grammar}
#
# 한국어는 말 단계와 시제와 부정을 어미로, 문장 안의 구실을 조사로 나타낸다. 이런 것이 특징 하나에 담기는지를 본다. 문장마다 특징의 가장 큰 값을 취하고, 훈련 문장에서 F1이 가장 높은 특징과 문턱을 고른 뒤, 틀이 다른 시험 문장에서 한 번 잰다. 수천 개 가운데 가장 나은 것을 골라 같은 문장에서 재면 우연으로도 높은 값이 나오므로, 고르는 글과 재는 글을 나눈다. 같은 방법으로 고른 토큰 하나, 뉴런 하나, 무작위 방향 하나가 기준선이다. 무작위 방향의 수는 특징과 같고, 토큰은 자주 나오는 {{< var c09.n_tokens >}}개이다.
#
# **예상.** 말 단계는 문장 끝의 토큰 몇 개로 정해지므로 특징 하나로도, 토큰 하나로도 잘 가려질 것이다. 정서는 그렇지 않을 것이다. 특징이 토큰 하나를 앞선다고 할 수 없는 물음에서 특징은 그 토큰의 이름에 지나지 않을 수 있다.

# %% [markdown] src="2685" tags=["en"]
# ## Features that hold grammar {#sec-interpret-grammar}
#
# Korean marks speech level, tense and negation by endings, and the role of words by particles. We see whether single features hold these. For each sentence we take a feature's largest value, choose on training sentences the feature and the threshold of highest F1, and measure once, on test sentences of other templates. The best of thousands, measured where it was chosen, would score high by chance alone; so we choose on some texts and measure on others. One token, one neuron and one random direction, chosen in the same way, are the baselines. There are as many random directions as features, and tokens are the {{< var c09.n_tokens >}} most frequent.
#
# **Expectation.** Speech level is settled by a few tokens at the end of a sentence, so one feature will tell it well, and one token too. Sentiment will be another matter. Where a feature cannot be said to exceed one token, it may be but a name for that token.

# %%
R_DF = torch.randn(lm.d_model, n_features, generator=torch.Generator().manual_seed(seed)).numpy()

# %%
def strongest(split, directions=None, step=200):
    """The largest value of each neuron, or along each direction, in every sentence."""
    edges, parts = np.asarray(stores[split].doc_rows), []
    for a in range(0, len(edges) - 1, step):
        b = min(a + step, len(edges) - 1)
        block = acts[split][edges[a] : edges[b]]
        parts.append(np.maximum.reduceat(block if directions is None else block @ directions, edges[a:b] - edges[a], axis=0))
    return np.concatenate(parts)

# %%
frequent = np.argsort(-np.bincount(stores["train"].token_ids, minlength=len(vocabulary)))[:n_tokens]
held = {s: sparse.csr_array((np.ones(len(docs[s]), np.float32), (docs[s], stores[s].token_ids)), shape=(len(records[s]), len(vocabulary)))[:, frequent] for s in docs}

# %%
questions = [(label, value) for label in labels for value in sorted(set(records["train"].label(label))) if (records["train"].label(label) == value).mean() < 0.5]
tables = {"feature": pooled, "token": held}
if questions:
    tables |= {"neuron": {s: strongest(s) for s in acts}, "random direction": {s: strongest(s, R_DF) for s in acts}}

# %%
singles, samples = [], {}
for (label, value), (kind, table) in itertools.product(questions, tables.items()):
    yes = {split: records[split].label(label) == value for split in records}
    rule = detection.best_rule(table["train"], yes["train"])
    score, samples[label, value, kind] = detection.f1_samples(rule.predict(table["test"]), yes["test"], template, draws=draws, seed=seed)
    low, high = probing.interval(samples[label, value, kind])
    singles.append({"label": label, "value": value, "kind": kind, "F1": score, "train": rule.f1, "low": low, "high": high, "yes": yes["test"].mean()})
singles = pd.DataFrame(singles, columns=["label", "value", "kind", "F1", "train", "low", "high", "yes"])

# %%
for row in singles.itertuples():
    results.record(f"f1_{row.label}_{row.value}_{row.kind.replace(' ', '_')}", row.F1, "F1", ".2f", interval=(row.low, row.high), tolerance=0.15)
for label, value in questions:
    best = max(row.F1 for row in singles.itertuples() if (row.label, row.value) == (label, value) and row.kind != "feature")
    results.record(f"baseline_{label}_{value}", best, "F1", ".2f", tolerance=0.15)

# %%
wins = {}
for other in ("token", "neuron", "random direction"):
    wins[other] = [q for q in questions if probing.interval(samples[*q, "feature"] - samples[*q, other])[0] > 0]
    if questions:
        results.record(f"wins_{other.replace(' ', '_')}", len(wins[other]), "questions", tolerance=3)

# %%
grammar = [q for q in questions if q[0] != "sentiment"]
best_both = [q for q in grammar if q in wins["neuron"] and q in wins["random direction"]]
over_token = [q for q in grammar if q in wins["token"]]
mood = [q for q in questions if q[0] == "sentiment" and q in wins["neuron"] and q in wins["random direction"]]

# %%
if grammar:
    results.record("n_questions", len(questions), "questions", tolerance=0)
    results.record("grammar_wins", len(best_both), "questions", tolerance=2)
    results.record("n_grammar", len(grammar), "questions", tolerance=0)
    results.record("grammar_token_wins", len(over_token), "questions", tolerance=3)
    results.claim("grammar_features", len(best_both) > len(grammar) / 2, "on more than half of the grammar questions one feature beats both, 95% interval over templates", close=abs(len(best_both) - len(grammar) / 2) <= 2)
    results.claim("token_enough", len(over_token) < len(grammar), "on some grammar question one feature does not beat the best single token, 95% interval over templates", close=True)
else:
    results.record("without_grammar", corpus, "corpus")

# %%
if {"level", "negation", "numeral", "sentiment"} <= set(labels):
    results.claim("mood_not", not mood, "on no sentiment question does one feature beat both")
    results.claim("numerals_held", all(q in best_both for q in grammar if q[0] == "numeral"), "on native and on Sino-Korean numerals one feature beats both, 95% interval over templates", close=True)
    results.claim("plain_gathered", ("level", "haera") in over_token, "on the plain level one feature beats the best single token, 95% interval over templates")

# %%
level = 0.025  # one-sided, as the lower ends of 95% intervals are
held_after = {}
for key, others in (("holm_wins", ("neuron", "random direction")), ("holm_token_wins", ("token", "neuron", "random direction"))):
    raw = [kc.multiple.p_above_all(samples[*q, "feature"], [samples[*q, other] for other in others]) for q in questions]
    held_after[key] = [q for q, p in zip(questions, kc.multiple.holm(raw), strict=True) if p <= level and q in grammar]
    if grammar:
        results.record(key, len(held_after[key]), "questions", tolerance=3)

# %%
if grammar:
    results.claim("holm_grammar", len(held_after["holm_wins"]) > len(grammar) / 2, "after Holm's correction over all questions, one feature beats both on more than half of the grammar questions", close=abs(len(held_after["holm_wins"]) - len(grammar) / 2) <= 2)
    results.claim("holm_keeps", set(held_after["holm_wins"]) == set(best_both), "the grammar questions on which one feature beats both are the same after Holm's correction", close=True)

# %%
#| when: c09.n_grammar
#| label: fig-interpret-single
#| fig-cap-ko: "특징 하나, 토큰 하나(나온 횟수), 뉴런 하나, 무작위 방향 하나로 문법과 정서를 가린 F1(새 문장, 95% 구간은 문장틀을 다시 뽑음). 하나는 훈련 문장에서 골랐다. 회색 막대는 모두 그렇다고 답할 때의 값이다."
#| fig-cap-en: "F1 of one feature, one token (how often it occurs), one neuron and one random direction on grammar and sentiment (new sentences, 95% intervals over templates). The one was chosen on training sentences. Grey bars: answering yes to all."
#| fig-alt-ko: "물음마다 네 점과 구간. 가로축은 F1이다."
#| fig-alt-en: "Four dots with intervals for each question; the horizontal axis is F1."
kinds = zip(("feature", "token", "neuron", "random direction"), ("#228833", "#4477aa", "#ee7733", "#999999"), (-0.27, -0.09, 0.09, 0.27), strict=True)
if grammar:
    fig, ax = plt.subplots(figsize=(0.9 * kc.plots.WIDTH, 0.36 * len(questions) + 0.9))
    for kind, color, shift in kinds:
        part = singles[singles.kind == kind].reset_index()
        ax.errorbar(part.F1, part.index + shift, xerr=[part.F1 - part.low, part.high - part.F1], fmt="o", ms=3, lw=0.9, color=color, label=kind)
    ax.barh(part.index, 2 * part.yes / (1 + part.yes), height=0.75, color="#eeeeee", zorder=0)
    ax.set_yticks(part.index, [f"{row.label}: {row.value}" for row in part.itertuples()])
    ax.invert_yaxis()
    ax.set(xlabel="F1 on new sentences", xlim=(0, 1))
    ax.legend(loc="lower right", frameon=True, fontsize="small")
    kc.plots.save(fig, "fig-interpret-single")

# %% [markdown] tags=["ko"]
# ::: {.when key="c09.without_grammar"}
# 이 실행의 말뭉치(`{{< var c09.without_grammar >}}`)에는 말 단계나 시제 같은 문법 라벨이 없어서, 문장 단위의 물음은 묻지 않았다. 그 결과는 합성 말뭉치로 실행한 책에 있다.
# :::
#
# ::: {.when key="c09.grammar_features"}
# 문법에 관한 물음 {{< var c09.n_grammar >}}개 가운데 {{< var c09.grammar_wins >}}개에서 특징 하나가 가장 나은 뉴런과 가장 나은 무작위 방향을 모두 앞선다([@fig-interpret-single]). [이는 문법 물음의 절반이 넘는다.]{.claim key="c09.grammar_features"}[이는 문법 물음의 절반을 넘지 않는다.]{.otherwise} 문법 물음 {{< var c09.n_grammar >}}개 가운데 {{< var c09.grammar_token_wins >}}개에서는 차이의 구간이 0 위에 있어 가장 나은 토큰 하나를 앞선다. [토큰 하나를 앞선다고 할 수 없는 문법 물음이 있다.]{.claim key="c09.token_enough"}[어느 문법 물음에서나 토큰 하나를 앞선다.]{.otherwise} 토큰 하나를 앞선다고 할 수 없는 물음에서 특징은 형태의 이름에 지나지 않을 수 있고, 나머지에서는 여러 형태를 하나로 묶은 것이라고 할 만하다.
# :::
#
# ::: {.when key="c09.plain_gathered"}
# 특징 하나의 F1은 해라체에서 {{< var c09.f1_level_haera_feature >}}(기준선 가운데 가장 나은 것 {{< var c09.baseline_level_haera >}}), 부정에서 {{< var c09.f1_negation_yes_feature >}}(기준선 {{< var c09.baseline_negation_yes >}})이다. [한자어 수사와 고유어 수사를 묻는 물음에서도 특징 하나가 뉴런과 무작위 방향을 앞선다.]{.claim key="c09.numerals_held"}[한자어 수사와 고유어 수사를 묻는 물음에서 모두 특징 하나가 뉴런과 무작위 방향을 앞서지는 않는다.]{.otherwise} [정서에서는 그런 특징이 없다.]{.claim key="c09.mood_not"}[정서에는 그런 특징이 있다.]{.otherwise} 토큰 하나로 해라체를 가리는 F1은 {{< var c09.f1_level_haera_token >}}이다. [예상과 달리 해라체에서 토큰 하나는 특징 하나에 미치지 못한다. 토크나이저가 어미를 어간이나 선어말 어미와 갖가지로 붙여 한 토큰으로 만들기 때문에 같은 말 단계가 여러 토큰으로 흩어지는데, 특징은 그것을 다시 모은다고 볼 수 있다.]{.claim key="c09.plain_gathered"}[예상대로 해라체는 토큰 하나로도 특징 하나만큼 가려진다.]{.otherwise}
# :::
#
# ::: {.when key="c09.holm_grammar"}
# 물음이 여럿이면 그 가운데 몇은 우연히 앞설 수 있다. 그래서 물음 {{< var c09.n_questions >}}개 모두에 대해, 짝지은 붓스트랩 차이의 p값을 Holm의 방법 [@holm1979]으로 보정했다. 기준선 여럿을 모두 앞선다는 것의 p값은 기준선마다 구한 것 가운데 가장 큰 것이므로, 가장 나은 기준선을 따로 고르지 않는다. 보정한 뒤 뉴런과 무작위 방향을 모두 앞서는 문법 물음은 {{< var c09.holm_wins >}}개, 토큰까지 모두 앞서는 것은 {{< var c09.holm_token_wins >}}개이다. [보정한 뒤에도 문법 물음의 절반이 넘게 남고,]{.claim key="c09.holm_grammar"}[보정하면 문법 물음의 절반이 넘게 남지는 않으며,]{.otherwise} [남은 물음은 보정하기 전과 같다.]{.claim key="c09.holm_keeps"}[보정하기 전과 남은 물음이 다르다.]{.otherwise}
# :::
#
# 이 책의 문법에서 나오지 않은 글로도 확인했다. UD 한국어 말뭉치(GSD [@chun2018])의 세부 품사(XPOS)는 형태소 분석기 KOMA가 자동으로 붙인 것이므로, 여기서 맞힌다는 것은 분석기의 판단과 일치한다는 뜻이다. 이 말뭉치에서 어절의 마지막 토큰으로 그 어절에 든 형태소의 품사를 묻는다. 시험 어절 {{< var ud:c09.tag_words >}}개에서 잰 특징 하나의 F1은 다음과 같고, 괄호 안은 차례로 뉴런과 무작위 방향이다. 주격 조사(JKS) {{< var ud:c09.tag_jks_feature >}}({{< var ud:c09.tag_jks_neuron >}}, {{< var ud:c09.tag_jks_random_direction >}}), 목적격 조사(JKO) {{< var ud:c09.tag_jko_feature >}}({{< var ud:c09.tag_jko_neuron >}}, {{< var ud:c09.tag_jko_random_direction >}}), 관형격 조사(JKG) {{< var ud:c09.tag_jkg_feature >}}({{< var ud:c09.tag_jkg_neuron >}}, {{< var ud:c09.tag_jkg_random_direction >}}), 보조사(JX) {{< var ud:c09.tag_jx_feature >}}({{< var ud:c09.tag_jx_neuron >}}, {{< var ud:c09.tag_jx_random_direction >}}), 관형형 어미(ETM) {{< var ud:c09.tag_etm_feature >}}({{< var ud:c09.tag_etm_neuron >}}, {{< var ud:c09.tag_etm_random_direction >}}), 종결 어미(EF) {{< var ud:c09.tag_ef_feature >}}({{< var ud:c09.tag_ef_neuron >}}, {{< var ud:c09.tag_ef_random_direction >}}). 갈래가 많은 연결 어미(EC)는 차례로 {{< var ud:c09.tag_ec_feature >}}, {{< var ud:c09.tag_ec_neuron >}}, {{< var ud:c09.tag_ec_random_direction >}}이고, 나은 쪽 기준선과의 차이는 {{< var ud:c09.tag_ec_ahead >}}, 그 95% 구간은 {{< var ud:c09.tag_ec_ahead_low >}}에서 {{< var ud:c09.tag_ec_ahead_high >}}까지이다. 같은 차이가 관형형 어미에서는 {{< var ud:c09.tag_etm_ahead >}}, 주격 조사에서는 {{< var ud:c09.tag_jks_ahead >}}이다. 품사 {{< var ud:c09.n_tags >}}가지에 대해 Holm의 방법으로 보정하면 특징 하나가 두 기준선을 모두 앞서는 것은 {{< var ud:c09.n_tags_held >}}가지({{< var ud:c09.tags_held >}})이고, 그렇지 않은 것은 다음과 같다: {{< var ud:c09.tags_not_held >}}. 문장은 싣지 않는다. `make chapters PRESET=ud ONLY=09_interpretation`으로 다시 잴 수 있다.

# %% [markdown] src="0673" tags=["en"]
# ::: {.when key="c09.without_grammar"}
# The corpus of this run (`{{< var c09.without_grammar >}}`) has no labels of grammar such as speech level or tense, so that the questions on sentences were not asked. What was found is in the book of the synthetic corpus.
# :::
#
# ::: {.when key="c09.grammar_features"}
# On {{< var c09.grammar_wins >}} of {{< var c09.n_grammar >}} questions of grammar one feature is ahead of both the best neuron and the best random direction ([@fig-interpret-single]). [That is more than half of them.]{.claim key="c09.grammar_features"}[That is no more than half of them.]{.otherwise} On {{< var c09.grammar_token_wins >}} of the {{< var c09.n_grammar >}} it beats the best single token, the interval of the difference lying above 0. [There are grammar questions on which it cannot be said to beat one token.]{.claim key="c09.token_enough"}[It beats one token on every grammar question.]{.otherwise} Where it cannot be said to beat one token it may be but a name for a form; elsewhere it may be said to gather several forms into one.
# :::
#
# ::: {.when key="c09.plain_gathered"}
# For the plain level (haera) the F1 of one feature is {{< var c09.f1_level_haera_feature >}} (the best of the baselines {{< var c09.baseline_level_haera >}}), for negation {{< var c09.f1_negation_yes_feature >}} (best baseline {{< var c09.baseline_negation_yes >}}). [On Sino-Korean and native numerals, too, one feature is ahead of neuron and random direction.]{.claim key="c09.numerals_held"}[It is not on both Sino-Korean and native numerals that one feature is ahead of neuron and random direction.]{.otherwise} [For sentiment there is no such feature.]{.claim key="c09.mood_not"}[For sentiment there is such a feature.]{.otherwise} One token tells the plain level with an F1 of {{< var c09.f1_level_haera_token >}}. [Against our expectation one token falls behind one feature at the plain level. The tokeniser joins final endings with stems and pre-final endings in many ways, so that one speech level is scattered over many tokens; the feature may be said to gather them again.]{.claim key="c09.plain_gathered"}[As we expected, one token tells the plain level as well as one feature.]{.otherwise}
# :::
#
# ::: {.when key="c09.holm_grammar"}
# Of many questions some may be won by luck. So we corrected the p-values of paired bootstrap differences over all {{< var c09.n_questions >}} questions by Holm's method [@holm1979]. The p-value of being ahead of several baselines is the largest of those against each, so that no best baseline has to be chosen. After correction, one feature is ahead of both neuron and random direction on {{< var c09.holm_wins >}} questions of grammar, and ahead of the token as well on {{< var c09.holm_token_wins >}}. [After correction, more than half of the grammar questions are left,]{.claim key="c09.holm_grammar"}[After correction, no more than half of the grammar questions are left,]{.otherwise} [and they are the same as before.]{.claim key="c09.holm_keeps"}[and they are not the same as before.]{.otherwise}
# :::
#
# We checked it on text that does not come from the grammar of this book, too. The fine parts of speech (XPOS) of the UD Korean corpus (GSD [@chun2018]) were assigned by a morphological analyser, KOMA, so that to be right here is to agree with the analyser. In this corpus we ask at the last token of each word for the parts of speech of its morphemes. On {{< var ud:c09.tag_words >}} test words one feature has the following F1, with a neuron and a random direction, in this order, in parentheses: nominative particles (JKS) {{< var ud:c09.tag_jks_feature >}} ({{< var ud:c09.tag_jks_neuron >}}, {{< var ud:c09.tag_jks_random_direction >}}), accusative ones (JKO) {{< var ud:c09.tag_jko_feature >}} ({{< var ud:c09.tag_jko_neuron >}}, {{< var ud:c09.tag_jko_random_direction >}}), genitive ones (JKG) {{< var ud:c09.tag_jkg_feature >}} ({{< var ud:c09.tag_jkg_neuron >}}, {{< var ud:c09.tag_jkg_random_direction >}}), auxiliary ones (JX) {{< var ud:c09.tag_jx_feature >}} ({{< var ud:c09.tag_jx_neuron >}}, {{< var ud:c09.tag_jx_random_direction >}}), adnominal endings (ETM) {{< var ud:c09.tag_etm_feature >}} ({{< var ud:c09.tag_etm_neuron >}}, {{< var ud:c09.tag_etm_random_direction >}}), final endings (EF) {{< var ud:c09.tag_ef_feature >}} ({{< var ud:c09.tag_ef_neuron >}}, {{< var ud:c09.tag_ef_random_direction >}}). For connective endings (EC), of which there are many kinds, they are {{< var ud:c09.tag_ec_feature >}}, {{< var ud:c09.tag_ec_neuron >}}, {{< var ud:c09.tag_ec_random_direction >}} in the same order; the difference from the better baseline is {{< var ud:c09.tag_ec_ahead >}}, its 95% interval {{< var ud:c09.tag_ec_ahead_low >}} to {{< var ud:c09.tag_ec_ahead_high >}}. For adnominal endings the same difference is {{< var ud:c09.tag_etm_ahead >}}, for nominative particles {{< var ud:c09.tag_jks_ahead >}}. Corrected by Holm's method over {{< var ud:c09.n_tags >}} parts of speech, one feature is ahead of both baselines on {{< var ud:c09.n_tags_held >}} of them ({{< var ud:c09.tags_held >}}), and not on the following: {{< var ud:c09.tags_not_held >}}. No sentence of it is shown. `make chapters PRESET=ud ONLY=09_interpretation` measures it again.

# %%
if tags_corpus:
    tagged = {split: kc.load_corpus(tags_corpus, split=split, limit=tags_limit) for split in ("train", "test")}
    tag_stores = {split: kc.gather(lm, tagged[split], [middle], dtype=study.dtype)[middle] for split in tagged}
    own = kc.train(sae.config, tag_stores["train"], kc.TrainConfig(steps, batch_size, seed=seed))[0]
    named_tags = {s: probing_tasks.token_tags(lm, tagged[s], tag_stores[s], only_last=True) for s in tagged}
    rows = {s: np.array([i for i, t in enumerate(named_tags[s]) if t is not None]) for s in tagged}
    own_tables = {"feature": {s: kc.encode_store(own, tag_stores[s])[rows[s]] for s in tagged}, "neuron": {s: tag_stores[s].all().float().numpy()[rows[s]] for s in tagged}}
    own_tables["random direction"] = {s: own_tables["neuron"][s] @ R_DF for s in tagged}
    results.record("tag_words", len(rows["test"]), "words", tolerance=0)

# %%
tag_f1s, tag_samples = {}, {}
if tags_corpus:
    for tag, (kind, table) in itertools.product(tags, own_tables.items()):
        yes = {s: np.array([tag in named_tags[s][i] for i in rows[s]]) for s in tagged}
        rule = detection.best_rule(table["train"], yes["train"])
        sentences = np.asarray(tag_stores["test"].doc_index)[rows["test"]]
        score, sample = detection.f1_samples(rule.predict(table["test"]), yes["test"], sentences, draws=draws, seed=seed)
        results.record(f"tag_{tag.lower()}_{kind.replace(' ', '_')}", score, "F1", ".2f", interval=probing.interval(sample), tolerance=0.15)
        tag_f1s[tag, kind], tag_samples[tag, kind] = score, sample

# %%
if tags_corpus:
    for tag in tags:
        better = max(("neuron", "random direction"), key=lambda other: tag_f1s[tag, other])
        span = probing.interval(tag_samples[tag, "feature"] - tag_samples[tag, better])
        results.record(f"tag_{tag.lower()}_ahead", tag_f1s[tag, "feature"] - tag_f1s[tag, better], "F1", ".2f", interval=span, tolerance=0.15)
        for end, value in zip(("low", "high"), span, strict=True):
            results.record(f"tag_{tag.lower()}_ahead_{end}", value, "F1", ".2f", tolerance=0.15)

# %%
if tags_corpus:
    raw = [kc.multiple.p_above_all(tag_samples[tag, "feature"], [tag_samples[tag, other] for other in ("neuron", "random direction")]) for tag in tags]
    held_tags = [tag for tag, p in zip(tags, kc.multiple.holm(raw), strict=True) if p <= level]
    results.record("n_tags", len(tags), "tags", tolerance=0)
    results.record("n_tags_held", len(held_tags), "tags", tolerance=2)
    results.record("tags_held", ", ".join(held_tags) or "–", "tags")
    results.record("tags_not_held", ", ".join(tag for tag in tags if tag not in held_tags) or "–", "tags")
    particles = [tag for tag in tags if tag.startswith("J")]
    results.claim("tags_particles", set(particles) <= set(held_tags), "on every particle asked for one feature is ahead of both baselines, after Holm's correction over the tags")

# %% [markdown] tags=["ko"]
# ## 특징으로 묶은 문장 {#sec-interpret-clusters}
#
# 시험 문장을 특징의 합으로, 그 TF-IDF로, 글자 n-그램으로, 활성값의 평균으로 나타내고 k-평균으로 {{< var c09.n_clusters >}}무리로 묶는다. 그리고 무리가 주제와 얼마나 맞는지, 문장틀이 있는 말뭉치에서는 문장틀과 얼마나 맞는지를 본다. 앞선 연구에서는 특징 하나(447번)가 모든 무리의 맨 위에 왔다. 어느 무리에서나 위쪽 {{< var c09.top >}}개에 드는 특징을, 범주의 목록으로 정한 7장과 달리 여기서는 두루 켜지는 특징이라 한다.
#
# **예상.** 합으로 나타내면 두루 켜지는 특징이 있고, TF-IDF로 나타내면 사라질 것이다. 무리는 주제보다 문장틀에 가까울 것이다. 어느 공간에서도 주제와 맞지 않는다면, 묶은 무리를 주제라고 부르는 것은 이름 붙이기일 뿐이다.

# %% [markdown] src="6cb1" tags=["en"]
# ## Sentences grouped by features {#sec-interpret-clusters}
#
# Test sentences are represented by the sums of their features, by TF-IDF of these, by character n-grams and by mean activations, and put into {{< var c09.n_clusters >}} clusters by k-means. We see how far clusters agree with topics and, in a corpus that has templates, with these. In the earlier study one feature (number 447) was at the top of every cluster. Unlike chapter 7, which goes by lists of categories, we here call generic those features that are among the upper {{< var c09.top >}} of every cluster.
#
# **Expectation.** With sums there will be generic features, with TF-IDF they will be gone. Clusters will be nearer to templates than to topics. If no space agrees with topics, to call clusters topics is to give names and no more.

# %%
bags = {split: kc.document_features(sae, stores[split], pool="sum") for split in stores}
weighted = kc.tfidf(bags["test"], kc.features.inverse_document_frequency(bags["train"]))
words = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), min_df=2).fit(records["train"].texts).transform(records["test"].texts)
spaces = {"feature counts": bags["test"], "features, TF-IDF": weighted, "character TF-IDF": words, "activations": probing.document_means(stores["test"])}

# %%
grouped, scores = {}, []
for name, table in spaces.items():
    found_groups = kc.grouping.group(table, n_clusters, seed=seed)
    grouped[name] = found_groups["k-means"]
    by_means, loose = (kc.grouping.agreement(found_groups[way], big["test"]) for way in ("k-means", "HDBSCAN"))
    by_template = {"template AMI": kc.grouping.agreement(grouped[name], template).ami} if has_templates else {}
    scores.append({"space": name, "ARI": by_means.ari, "NMI": by_means.nmi, "AMI": by_means.ami, **by_template,
                   "HDBSCAN groups": int(found_groups["HDBSCAN"].max() + 1), "left out": 1 - loose.kept, "HDBSCAN ARI": loose.ari})  # fmt: skip
scores = pd.DataFrame(scores).set_index("space")

# %%
top = 10
lead = {name: kc.grouping.leaders(spaces[name], grouped[name], top) for name in ("feature counts", "features, TF-IDF")}
generic = {name: one.generic for name, one in lead.items()}
most = {name: one.most_led[1] for name, one in lead.items()}
alike = {name: cosine_similarity(one.means_CF)[np.triu_indices(len(one.groups_C), 1)].mean() for name, one in lead.items()}

# %%
for name, key in (("feature counts", "counts"), ("features, TF-IDF", "tfidf"), ("character TF-IDF", "words"), ("activations", "acts")):
    results.record(f"ari_{key}", scores.loc[name, "ARI"], "ARI", ".2f", tolerance=0.08)
    results.record(f"nmi_{key}", scores.loc[name, "NMI"], "NMI", ".2f", tolerance=0.1)
    results.record(f"ami_{key}", scores.loc[name, "AMI"], "AMI", ".2f", tolerance=0.1)
    if has_templates:
        results.record(f"template_{key}", scores.loc[name, "template AMI"], "AMI", ".2f", tolerance=0.1)
    results.record(f"loose_ari_{key}", scores.loc[name, "HDBSCAN ARI"], "ARI", ".2f", tolerance=0.1)

# %%
for name, key in (("feature counts", "counts"), ("features, TF-IDF", "tfidf")):
    results.record(f"generic_{key}", len(generic[name]), "features", tolerance=2)
    results.record(f"leads_{key}", int(most[name]), "clusters", tolerance=5)
    results.record(f"alike_{key}", alike[name], "cosine", ".2f", tolerance=0.1)

# %%
for feature in generic["feature counts"][:1]:  # the number of a feature means something in one dictionary alone
    results.record("generic_feature", int(feature), "feature", "d", tolerance=n_features)
    results.record("generic_on", (bags["test"][:, [int(feature)]] > 0).mean(), "share", ".0%", tolerance=0.1)
results.record("n_clusters", n_clusters, "clusters", tolerance=0)
results.record("top", top, "features", tolerance=0)

# %%
results.claim("one_leads_all", most["feature counts"] == n_clusters, "by counts, one feature is at the top of every cluster")
results.claim("generic_by_counts", len(generic["feature counts"]) > 0, "by counts, some feature is among the leaders of every cluster", close=True)
results.claim("weights_remove", len(generic["features, TF-IDF"]) == 0, "with TF-IDF weights, none is", close=True)
results.claim("weights_part", alike["features, TF-IDF"] < alike["feature counts"], "with TF-IDF weights, mean feature vectors of clusters are less alike than by counts")
results.claim("groups_not_topics", scores.ARI.max() < 0.3, "no space's clusters agree with topics by an ARI of 0.3")
results.claim("loose_not_topics", scores["HDBSCAN ARI"].max() < 0.3, "HDBSCAN's groups, too, agree with topics by an ARI below 0.3 in every space")
if has_templates:
    results.claim("groups_are_templates", (scores["template AMI"] > scores.AMI).all(), "clusters in every space agree with templates more than with topics")

# %%
#| label: tbl-interpret-clusters
#| tbl-cap-ko: "시험 문장을 k-평균으로 묶은 것과 주제의 일치(ARI, NMI, AMI), 그리고 문장틀이 있는 말뭉치에서는 문장틀과의 일치(template AMI). HDBSCAN은 무리의 수를 스스로 정하며, 어느 무리에도 넣지 않은 문장(left out)은 한 무리로 쳐서 ARI를 구했다."
#| tbl-cap-en: "Agreement of k-means clusters of test sentences with topics (ARI, NMI, AMI) and, in a corpus that has templates, with these (template AMI). HDBSCAN chooses the number of groups itself; what it leaves out counts as one group in its ARI."
kc.plots.table(scores.reset_index(), {"ARI": ".2f", "NMI": ".2f", "AMI": ".2f", "template AMI": ".2f", "left out": ".0%", "HDBSCAN ARI": ".2f"})

# %%
def told_features(features):
    """Features by number, each with the token on which it spends most of its activation; generic ones with a dagger."""
    tokens = kc.grouping.tokens_read(codes["dense"]["test"], stores["test"].token_ids, features)
    marks = ["†" if f in generic["feature counts"] else "" for f in features]
    return ", ".join(f"{f}{mark} [{'' if t is None else vocabulary[t]}]" for f, t, mark in zip(features, tokens, marks, strict=True))

# %%
#| label: tbl-interpret-leaders
#| tbl-cap-ko: "특징의 합으로 묶은 무리. topic: 가장 잦은 주제와 그 비율, features: 평균이 가장 큰 특징 다섯과 저마다 활성값이 가장 많이 실리는 토큰([ ] 안, (byte)는 글자의 일부). †는 모든 무리의 위쪽에 드는 특징."
#| tbl-cap-en: "Clusters by sums of features. topic: the commonest topic and its share; features: the five of largest mean, each with the token on which it spends most of its activation (in [ ]; (byte) is a part of a character). † marks features that are near the top of every cluster."
one, topics = lead["feature counts"], kc.grouping.commonest(grouped["feature counts"], big["test"])
rows = [{"cluster": int(c), "sentences": int((grouped["feature counts"] == c).sum()), "topic": f"{name} ({share:.0%})", "features": told_features(best[:5])}
        for c, best, (name, share) in zip(one.groups_C, one.top_CT, topics, strict=True)]  # fmt: skip
kc.plots.table(pd.DataFrame(rows), index=False)

# %% [markdown] tags=["ko"]
# 합으로 나타내면 모든 무리의 위쪽 {{< var c09.top >}}개에 드는 특징은 {{< var c09.generic_counts >}}개이고, TF-IDF로 나타내면 {{< var c09.generic_tfidf >}}개이다. [합으로 나타내면 두루 켜지는 특징이 있다.]{.claim key="c09.generic_by_counts"}[합으로 나타내도 두루 켜지는 특징은 없다.]{.otherwise} [TF-IDF로 나타내면 하나도 없다.]{.claim key="c09.weights_remove"}[TF-IDF로 나타내도 남는 것이 있다.]{.otherwise} [특징 하나가 모든 무리의 맨 위에 온다.]{.claim key="c09.one_leads_all"}[모든 무리의 맨 위를 차지하는 특징은 없다.]{.otherwise} 가장 많이 차지한 것이 {{< var c09.n_clusters >}}무리 가운데 {{< var c09.leads_counts >}}무리이다. 두루 켜지는 특징이 있다면 그것은 무리에 대해 말해 주는 것이 없으므로, 무리의 이름을 지을 때에는 가중치를 준 뒤에 보아야 한다. [@tbl-interpret-leaders]에 합으로 묶은 무리의 위쪽 특징 다섯과 가장 잦은 주제가 있다. 무리마다 구한 평균 특징 벡터의 코사인은 평균으로 합 {{< var c09.alike_counts >}}, TF-IDF {{< var c09.alike_tfidf >}}이다. [가중치를 주면 무리들이 서로 덜 닮는다.]{.claim key="c09.weights_part"}[가중치를 주어도 무리들이 서로 덜 닮지는 않는다.]{.otherwise}
#
# ::: {.when key="c09.generic_feature"}
# 앞선 연구의 447번에 해당하는 것은 이 사전의 {{< var c09.generic_feature >}}번이다. 어느 무리에서나 위쪽에 들고 시험 문장의 {{< var c09.generic_on >}}에서 켜진다. [@tbl-interpret-leaders]에서는 다섯 안에 들 때 †로 표시했다.
# :::
#
# 주제와의 일치를 조정 랜드 지수(ARI)로 재면 특징의 합 {{< var c09.ari_counts >}}, TF-IDF {{< var c09.ari_tfidf >}}, 글자 n-그램 {{< var c09.ari_words >}}, 활성값 {{< var c09.ari_acts >}}이다([@tbl-interpret-clusters]). [모든 공간에서 0.3보다 낮다.]{.claim key="c09.groups_not_topics"}[0.3에 이르는 공간이 있다.]{.otherwise} HDBSCAN으로 묶으면 차례로 {{< var c09.loose_ari_counts >}}, {{< var c09.loose_ari_tfidf >}}, {{< var c09.loose_ari_words >}}, {{< var c09.loose_ari_acts >}}이다. [이쪽은 모든 공간에서 0.3보다 낮다.]{.claim key="c09.loose_not_topics"}[무리의 수를 스스로 정하게 하면 0.3에 이르는 공간이 있다.]{.otherwise}
#
# ::: {.when key="c09.groups_are_templates"}
# 문장틀은 무리보다 훨씬 많으므로, 주제와 문장틀은 우연의 몫을 뺀 조정 상호 정보량(AMI)으로 견준다. [무리는 어디에서나 주제보다 문장틀과 더 맞는다. 그러나 문장틀은 저마다 한 주제에 속하고 그 주제의 낱말을 담고 있으므로, 문장을 가르는 것이 문장의 꼴인지 틀에 든 낱말인지는 이것으로 알 수 없다.]{.claim key="c09.groups_are_templates"}[주제보다 문장틀과 더 맞지는 않는 공간이 있다.]{.otherwise}
# :::

# %% [markdown] src="4d2e" tags=["en"]
# With sums, the number of features that are among the upper {{< var c09.top >}} of every cluster is {{< var c09.generic_counts >}}; with TF-IDF it is {{< var c09.generic_tfidf >}}. [With sums there are generic features.]{.claim key="c09.generic_by_counts"}[Even with sums there are no generic features.]{.otherwise} [With TF-IDF there is none.]{.claim key="c09.weights_remove"}[With TF-IDF some are left.]{.otherwise} [One feature is at the top of every cluster.]{.claim key="c09.one_leads_all"}[No single one is at the top of all clusters.]{.otherwise} The one at the top of most has {{< var c09.leads_counts >}} of {{< var c09.n_clusters >}}. Where there are generic features they say nothing about a cluster, so clusters should be named after weighting. The five top features of clusters by sums, and their commonest topics, are in [@tbl-interpret-leaders]. The cosine of mean feature vectors of two clusters is {{< var c09.alike_counts >}} on average by sums and {{< var c09.alike_tfidf >}} by TF-IDF. [With weights clusters are less alike.]{.claim key="c09.weights_part"}[Even with weights clusters are no less alike.]{.otherwise}
#
# ::: {.when key="c09.generic_feature"}
# What number 447 was in the earlier study, number {{< var c09.generic_feature >}} is in this dictionary. It is near the top of every cluster, and on in {{< var c09.generic_on >}} of test sentences. In [@tbl-interpret-leaders] it is marked † where it is among the five.
# :::
#
# Agreement with topics, by the adjusted Rand index (ARI), is {{< var c09.ari_counts >}} for sums of features, {{< var c09.ari_tfidf >}} for TF-IDF, {{< var c09.ari_words >}} for character n-grams and {{< var c09.ari_acts >}} for activations ([@tbl-interpret-clusters]). [In every space it is below 0.3.]{.claim key="c09.groups_not_topics"}[Some space reaches 0.3.]{.otherwise} With HDBSCAN it is {{< var c09.loose_ari_counts >}}, {{< var c09.loose_ari_tfidf >}}, {{< var c09.loose_ari_words >}} and {{< var c09.loose_ari_acts >}} in the same order. [These are below 0.3 in every space.]{.claim key="c09.loose_not_topics"}[Where the number of groups is left open, some space reaches 0.3.]{.otherwise}
#
# ::: {.when key="c09.groups_are_templates"}
# As templates are far more than clusters, topics and templates are compared by adjusted mutual information (AMI), which takes chance off. [In every space clusters agree with templates more than with topics. But each template belongs to one topic and holds words of that topic, so this does not tell whether sentences are parted by their form or by the words of the template.]{.claim key="c09.groups_are_templates"}[There is a space in which clusters agree with templates no more than with topics.]{.otherwise}
# :::

# %% [markdown] tags=["ko"]
# ## 무엇이 이 결론을 뒤집는가 {#sec-interpret-refute}
#
# 규칙은 토큰만 본다. [@sec-interpret-llm]처럼 언어 모델이 쓴 설명은 뜻을 말할 수 있으므로, 탐지와 강조에서 규칙보다 훨씬 높은 정확도를 낸다면 여기에서 흐리다고 한 특징의 일부는 규칙이 흐렸던 것이다. 문법의 결과는 합성 문장에서 나온 것이고, 이 문장들은 어미가 고르다. 구어나 방언처럼 어미가 흔들리는 글에서 특징 하나의 F1이 토큰 하나의 수준으로 내려간다면, 특징은 형태를 묶은 것이 아니라 이 말뭉치의 형태를 외운 것이다.

# %% [markdown] src="b45a" tags=["en"]
# ## What would overturn this {#sec-interpret-refute}
#
# Rules see tokens alone. An explanation written by a language model, as in [@sec-interpret-llm], can speak of meaning; if it reaches far higher accuracy in detection and fuzzing, some of the features called blurred here were blurred by the rules. The results on grammar come from synthetic sentences, whose endings are regular. If on texts with unsteady endings, such as speech or dialect, the F1 of one feature comes down to that of one token, features have not gathered forms but learnt the forms of this corpus by heart.
