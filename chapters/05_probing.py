# %% [markdown] tags=["ko"]
# # 탐침: 특징에서 범주를 되찾기 {#sec-probing}
#
# 희소 오토인코더가 찾은 특징(feature)이 뜻을 지닌 단위라면, 한 문장에서 켜진 특징만 보고도 그 문장이 무엇에 관한 것인지 알아낼 수 있어야 한다. 알아내는 일을 맡기는 작은 분류기를 탐침(probe)이라 한다 [@alain2016]. 출발점이 되는 연구 A [@fxnnxc]는 한국어 문장의 범주를 범주마다 특징 몇 개로 되찾을 수 있다고 보고했다. 이 장의 물음은 둘이다. 그 결과가 작은 모델에서도 나오는가? 그리고 그 절차가 재는 것은 정말 특징이 지닌 범주 정보인가?
#
# 탐침의 정확도는 해석하기 쉬워 보이지만 그렇지 않다. 탐침이 충분히 크면 표현에 없던 것도 스스로 외울 수 있고 [@hewitt2019], 정확도가 높다는 사실만으로는 모델이 그 정보를 쓴다고 말할 수 없다 [@belinkov2022]. 뉴런 몇 개만 고르는 탐침 [@gurnee2023]을 SAE 특징에 적용한 최근의 비교에서는, 제대로 맞춘 기준선을 특징이 좀처럼 넘지 못했다 [@kantamneni2025]. 그래서 이 장은 같은 그림을 두 번 그린다. 처음에는 연구 A의 절차를 그대로 따르고, 다음에는 새 문장에서, 만만치 않은 기준선을 곁에 두고 잰다.

# %% [markdown] src="571f" tags=["en"]
# # Probing: reading categories back from features {#sec-probing}
#
# If the features that a sparse autoencoder finds are units of meaning, then the features that fire in a sentence should be enough to tell what the sentence is about. The small classifier that is asked to tell is called a probe [@alain2016]. The study we start from, study A [@fxnnxc], reported that the category of a Korean sentence can be recovered from a handful of features per category. This chapter asks two questions. Does the result also appear in a small model? And does that protocol really measure the category information that the features hold?
#
# The accuracy of a probe looks easy to interpret, and is not. A probe that is large enough can memorise what the representation never held [@hewitt2019], and high accuracy alone does not show that the model uses the information [@belinkov2022]. When probes that pick out a few neurons [@gurnee2023] were recently applied to SAE features, the features seldom beat baselines that had been tuned properly [@kantamneni2025]. So this chapter draws the same figure twice: first by study A's own protocol, then on new sentences, next to baselines that could win.

# %% tags=["parameters"]
preset = "default"
seed = 0
corpus = "synthetic"
lm_name = "kosae-lm"
lm_options = {}
langs = ["ko", "en"]
middle = "q2.resid_post"
late = "q3.resid_post"
n_train = 4000
n_test = 2000
n_features = 2048
k = 32
steps = 250
batch_size = 1024
ks = [1, 2, 5, 10, 20, 50]  # the text needs 1, 10 and 50
n_source = 1500
source_steps = 300
source_lr = 0.02
source_enough = 0.05
probe_steps = 150
draws = 1000
front_variants = ["standard", "gated", "jumprelu", "topk", "batchtopk", "matryoshka"]
front_features = 512
front_steps = 200
front_l0 = 16
front_seeds = [0]
front_langs = ["ko"]
n_tasks = 24
task_cap = 256
tags_corpus = ""

# %%
import dataclasses
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import TfidfVectorizer

import kosae_core as kc
from kosae_core import absorption, letters, probing_tasks, sparse_probing
from kosae_core.probing import ProbeConfig, sweep

kc.plots.house_style()
results = kc.Results(chapter="05", preset=preset, seeds=(seed,))

# %% [markdown] tags=["ko"]
# ## 재료 {#sec-probing-material}
#
# 문장은 훈련 분할과 시험 분할에서 가져온다. 합성 말뭉치에서는 두 분할에 겹치는 문장틀이 없으므로, 시험 문장은 탐침이 본 적 없는 문장틀에서 나온다. 문장틀은 저마다 한 큰 범주의 것이어서, 훈련 문장에서는 문장틀의 낱말만으로도 큰 범주를 맞힐 수 있다. 작은 범주는 같은 문장틀을 나누어 쓰므로 그럴 수 없다. 작은 범주를 알면 큰 범주도 정해지는데도 새 문장틀에서 큰 범주의 정확도가 더 낮을 수 있는 것은 이 때문으로 보인다. 그러니 큰 범주의 정확도를 표현에 든 범주 정보의 양으로 읽어서는 안 된다. 시험 문장의 일부는 소재, 곧 작은 범주를 이름으로 부르지 않고 돌려 말한다. '김치찌개' 대신 그것을 묘사하는 말만 있으므로, 낱말 세기로는 풀기 어렵다. 뉴스 말뭉치에서는 문서나 기사 단위로 나눈다. 작은 범주가 없는 말뭉치에서는 큰 범주가 그 자리를 대신한다.

# %% [markdown] src="8e2a" tags=["en"]
# ## Material {#sec-probing-material}
#
# The sentences come from the training split and the test split. In the synthetic corpus the two share no sentence template, so a test sentence comes from a template that no probe has seen. Every template belongs to one big category, so on training sentences the words of the template are enough to tell it; small categories share templates, so theirs are not. This is probably why accuracy on the big category can be lower on new templates, although the small category determines the big one. Accuracy on the big category must therefore not be read as the amount of category information that a representation holds. Some of the test sentences never name their item, that is, their small category, but describe it. Where "kimchi stew" would stand there are only words that paraphrase it, and counting words can hardly tell from those. News corpora are split by document or article. In a corpus without small categories the big ones take their place.

# %%
points = {"q2": middle, "q3": late}

# %%
study = kc.Study(
    corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late),
    n_features=n_features, k=k, steps=steps, batch_size=batch_size, seed=seed,
)  # fmt: skip

# %%
train, test = study.records("train"), study.records("test")

# %%
sizes = ("big", "small") if "small" in train.label_names else ("big",)
finest = sizes[-1]
y = {"train": {s: train.label(s) for s in sizes}, "test": {s: test.label(s) for s in sizes}}
names_item = test.label("names_item") == "yes" if "names_item" in test.label_names else np.ones(len(test), bool)

# %%
docs = {"train": np.array([r.doc for r in train]), "test": np.array([r.doc for r in test])}

# %%
results.record("n_test", len(test), "sentences")
results.record("n_clusters", len(set(docs["test"])), "templates or documents")
for size in sizes:
    results.record(f"n_{size}", len(set(y["train"][size])), "classes")

# %%
if not names_item.all():
    results.record("n_unnamed", int((~names_item).sum()), "sentences")

# %% [markdown] tags=["ko"]
# SAE는 다른 장과 함께 쓰는 네 개, 곧 표준형과 게이트형을 중간층(q2)과 뒤쪽 층(q3)에서 학습한 것이다. 문장 하나의 특징 벡터를 만드는 길은 둘이다. 토큰에 걸친 합은 연구 A가 feature count라 부르는 것으로, 여기서는 특징값 합이라 한다. 평균은 이 합을 토큰 수로 나눈 것이다. 합에는 문장의 길이가 함께 담긴다. 그래서 연구 A의 절차에서는 합을, 우리 절차에서는 날활성값과 같은 조건이 되도록 평균을 쓴다. 이 선택이 결과를 얼마나 바꾸는지는 [@tbl-probing-linear]에서 확인한다.

# %% [markdown] src="3034" tags=["en"]
# The SAEs are four of those that the chapters share: Standard and Gated, each trained on the middle layer (q2) and on the late one (q3). There are two ways to make one feature vector per sentence. The sum over tokens is study A's feature count; the mean is that sum divided by the number of tokens. A sum also carries the length of the sentence. We therefore use the sum in study A's protocol and the mean in our own, where it puts features and raw activations on the same footing. How much the choice changes is seen in [@tbl-probing-linear].

# %%
def pooled(sae, lang="ko", layer="q2"):
    """Sums of the features over the tokens of each sentence, for both splits."""
    return {split: kc.document_features(sae, study.acts(split, lang, points[layer])) for split in ("train", "test")}

# %%
def per_token(sums, lang="ko", layer="q2"):
    """Sums divided by the number of tokens."""
    index = {split: np.asarray(study.acts(split, lang, points[layer]).doc_index) for split in sums}
    tokens = {split: np.bincount(index[split], minlength=X.shape[0]).clip(1) for split, X in sums.items()}
    return {split: sparse.csr_array(sparse.diags_array(1 / tokens[split]) @ X) for split, X in sums.items()}

# %%
saes = {(v, q): study.sae(v, "ko", points[q])[0] for v in ("standard", "gated") for q in points}
sums = {(v, q): pooled(sae, layer=q) for (v, q), sae in saes.items()}
means = {(v, q): per_token(X, layer=q) for (v, q), X in sums.items()}
n_tokens = study.acts("test").n_tokens

# %% [markdown] tags=["ko"]
# ## 연구 A의 절차 {#sec-probing-source}
#
# 절차는 공개된 코드에서 확인했다. 범주마다 문장별 특징값 합의 평균이 가장 큰 특징 $k$개를 고르고, 모든 범주에서 고른 것을 합친다. 합친 특징만을 입력으로 받는 퍼셉트론이 범주를 예측한다. 2층 탐침은 은닉 유닛이 64개이고, 3층 탐침은 64개와 32개이다. 여기에 놓치기 쉬운 사실이 있다. '큰 범주'와 '작은 범주' 조건은 특징을 고르는 기준만 다를 뿐, 탐침이 맞히는 것은 두 경우 모두 작은 범주이다. 그리고 정확도는 학습에 쓴 바로 그 문장에서 잰다.
#
# 탐침에서 우리가 바꾼 것은 최적화뿐이다. 연구 A는 학습률 0.0001로 10,000걸음을 가지만, 우리는 특징마다 평균을 0, 분산을 1로 맞춘 뒤 학습률 {{< var c05.source_lr >}}에서 시작해 {{< var c05.source_steps >}}걸음 동안 0까지 낮추고, 손실이 {{< var c05.source_enough >}}보다 작아지면 멈춘다. 표준화는 첫 층이 흡수할 수 있는 변환이어서 탐침이 나타낼 수 있는 함수는 그대로이고 수렴만 빨라진다. 입력을 수 하나로만 나누면 수렴까지 훨씬 많은 걸음이 든다. 전체 문장을 한 번에 쓰는 점과 Adam [@kingma2015]을 쓰는 점은 같다. 문장은 연구 A와 같은 규모인 {{< var c05.n_source >}}개이다.
#
# **예상.** 연구 A가 맞다면 네 가지가 보여야 한다. A1 게이트형이 표준형보다 높다. A2 중간층이 뒤쪽 층보다 높다. A3 작은 범주 조건이 큰 범주 조건보다 높다. A4 3층 탐침이 2층 탐침보다 높다. 이 가운데 A3은 당연한 결과일 수 있다고 의심한다. 작은 범주가 더 많으니 범주마다 $k$개를 고르면 탐침에 들어가는 특징도 더 많기 때문이다.

# %% [markdown] src="1523" tags=["en"]
# ## Study A's protocol {#sec-probing-source}
#
# The protocol was read in the published code. For each category the $k$ features with the highest mean count per sentence are chosen, and the choices of all categories are pooled. A perceptron that sees only the pooled features predicts the category. The 2-layer probe has 64 hidden units, the 3-layer probe 64 and 32. One fact is easily missed. The conditions "big" and "small" differ only in the categories that select the features; what the probe predicts is the small category in both. And accuracy is measured on the very sentences the probe was trained on.
#
# In the probe only the optimisation is ours. Study A takes 10,000 steps at a learning rate of 0.0001. We bring every feature to mean 0 and variance 1, start at a learning rate of {{< var c05.source_lr >}}, lower it to 0 within {{< var c05.source_steps >}} steps, and stop once the loss is below {{< var c05.source_enough >}}. The first layer could absorb the standardisation, so the functions that the probe can represent stay the same and only convergence is faster; input merely divided by one number needs far more steps to converge. As there, all sentences are used at every step, with Adam [@kingma2015]. There are {{< var c05.n_source >}} sentences, as many as in study A.
#
# **Expectation.** If study A is right, four things should be seen. A1 Gated is above Standard. A2 The middle layer is above the late one. A3 The small condition is above the big one. A4 The 3-layer probe is above the 2-layer probe. We suspect that A3 may follow trivially: small categories are more numerous, so that $k$ features for each of them give the probe more features to work with.

# %%
first = slice(0, n_source)
options = {"steps": source_steps, "lr": source_lr, "enough": source_enough, "batch_size": None, "seed": seed}
source_probes = [ProbeConfig(depth=depth, **options) for depth in (2, 3)]
target = y["train"][finest][first]

# %%
results.record("n_source", len(target), "sentences", tolerance=0)
results.record("source_steps", source_steps, "steps", tolerance=0)
results.record("source_lr", source_lr, "learning rate", "g", tolerance=0)
results.record("source_enough", source_enough, "nats", "g", tolerance=0)

# %%
rows = []

# %%
for ((variant, layer), X), size in itertools.product(sums.items(), sizes):
    seen, new = X["train"][first], X["test"]
    scored = {"seen": (seen, target), "new": (new, y["test"][finest])}
    found = sweep(seen, y["train"][size][first], target, ks, source_probes, scored)
    rows += [{"variant": variant, "layer": layer, "label": size, **vars(r)} for r in found]

# %%
source = pd.DataFrame(rows)

# %% [markdown] tags=["ko"]
# 곡선 하나는 나머지 조건 모두에 걸친 평균이다. 첫 칸만 두 변형을 견주고, 다른 칸은 연구 A처럼 게이트형 안에서 견준다. 띠는 95% 구간이다. 같은 문장틀이나 같은 문서에서 나온 문장은 서로 독립이 아니므로, 문장이 아니라 문장틀이나 문서를 통째로 다시 뽑는 붓스트랩 [@field2007]을 쓴다. SAE와 탐침은 시드 하나로 학습했으므로, 띠에는 초깃값에서 오는 흔들림이 들어 있지 않다. 다른 시드에서도 판정이 같은지는 [@sec-claims]의 표에 있다.

# %% [markdown] src="9768" tags=["en"]
# Each curve is the mean over all the other conditions. Only the first panel compares the two variants; the others compare within Gated, as study A does. The bands are 95% intervals. Sentences of one template or one document are not independent, so the bootstrap redraws whole templates or documents, not sentences [@field2007]. SAEs and probes were trained with one seed, so the bands do not include the variation that comes from initial weights. Whether other seeds give the same verdicts is in the table of [@sec-claims].

# %%
FACTORS = {"variant": ("standard", "gated"), "layer": ("q3", "q2"), "label": ("big", "small"), "depth": (2, 3)}

# %%
def accuracies(frame, factor, scored, clusters, which=slice(None)):
    """Accuracy per level of a factor and k, the mean over all else, and bootstrap samples of it."""
    frame = frame if factor == "variant" else frame[frame.variant == "gated"]
    groups = frame.groupby([factor, "k"])
    hits = pd.DataFrame({key: np.mean([h[scored][which] for h in group.hits], axis=0) for key, group in groups})
    samples = kc.probing.cluster_bootstrap(hits.to_numpy(), clusters[which], draws, seed)
    return hits.mean(), pd.DataFrame(samples, columns=hits.columns)

# %%
def four_panels(frame, by_label, scored, clusters, bottom=0):
    """The figure of study A: one panel per factor, one curve per level; the panel of labels has a frame of its own."""
    fig, axes = plt.subplots(2, 2, figsize=(kc.plots.WIDTH, 4.7), sharex=True, sharey=True)
    for ax, (factor, levels) in zip(axes.flat, FACTORS.items(), strict=True):
        mean, samples = accuracies(by_label if factor == "label" else frame, factor, scored, clusters)
        for level, colour in zip(levels, ("#4477aa", "#ee7733"), strict=True):
            if level in mean.index:
                ax.fill_between(ks, *samples[level].quantile([0.025, 0.975]).to_numpy(), color=colour, alpha=0.2, lw=0)
                ax.plot(ks, mean[level], marker="o", color=colour, label=level)
        ax.set(xscale="log", title=factor if factor == "variant" else f"{factor} (gated)")
        ax.set_xticks(ks, [str(each) for each in ks])
        ax.minorticks_off()
        ax.legend(loc="lower right")
    axes.flat[0].set_ylim(bottom=max(0, min(bottom, axes.flat[0].get_ylim()[0])))
    fig.supxlabel("features per class, k", fontsize=9)
    fig.supylabel("accuracy", fontsize=9)
    return fig

# %%
#| label: fig-probing-source
#| fig-cap-ko: "연구 A의 절차로 되찾은 범주: 학습에 쓴 문장에서 잰 정확도. 두 범주 조건 모두 작은 범주를 예측한다. 차이를 보이려고 세로축을 0보다 위에서 시작할 수 있다. 띠는 문장틀 또는 문서 단위 붓스트랩 95% 구간."
#| fig-cap-en: "Categories recovered by study A's protocol: accuracy on the sentences the probe was trained on. Both label conditions predict the small category. The vertical axis may start above 0 to show the gaps. Bands: 95% intervals of a bootstrap over templates or documents."
#| fig-alt-ko: "네 칸의 꺾은선 그림. 가로축은 범주당 특징 수, 세로축은 정확도이며, 칸마다 변형, 층, 범주 크기, 탐침 깊이에 따른 두 곡선을 견준다."
#| fig-alt-en: "Line plot in four panels, features per class against accuracy; each panel compares two curves: by variant, layer, label size and probe depth."
fig = four_panels(source, source, "seen", docs["train"][first], bottom=0.75)  # close to 1: an axis from 0 would hide the gaps
kc.plots.save(fig, "fig-probing-source")

# %%
def record_with_interval(key, value, samples, unit, fmt=".3f", tolerance=0.05):
    """Record a number, and the bounds of its bootstrap interval under names of their own."""
    low, high = kc.probing.interval(samples)
    results.record(key, float(value), unit, fmt, interval=(low, high), tolerance=tolerance)
    results.record(f"{key}_low", low, unit, fmt, tolerance=tolerance)
    results.record(f"{key}_high", high, unit, fmt, tolerance=tolerance)
    return low, high

# %%
verdicts, judged = [], {}

# %%
def says(low, high):
    """What an interval says of a difference that should be above 0."""
    return "yes" if low > 0 else "no" if high < 0 else "undecided"

# %%
def judge(name, protocol, frame, factor, scored, clusters):
    """Record the gap between the two levels of a factor, the mean over k, and whether it is surely above 0."""
    lower, upper = FACTORS[factor]
    mean, samples = accuracies(frame, factor, scored, clusters)
    gap, gaps = (mean[upper] - mean[lower]).mean(), (samples[upper] - samples[lower]).mean(axis=1)
    low, high = record_with_interval(f"{name}_{protocol}_gap", gap, gaps, "accuracy", "+.3f")
    statement = f"{upper} above {lower}, {protocol} protocol, interval above 0"
    results.claim(f"{name}_{protocol}", low > 0, statement, against=high < 0, close=min(abs(low), abs(high)) < 0.02)
    judged[name, protocol] = gap, low, high
    shown = f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]"
    verdicts.append((name.upper(), f"{factor}: {upper} above {lower}", protocol.replace("_", ", target "), shown, says(low, high)))

# %%
claimed = {"a1": "variant", "a2": "layer", "a3": "label", "a4": "depth"}
if finest == "big":
    del claimed["a3"]

# %%
for name, factor in claimed.items():
    judge(name, "source", source, factor, "seen", docs["train"][first])

# %%
level, _ = accuracies(source, "variant", "seen", docs["train"][first])
for each, variant in itertools.product((ks[0], ks[-1]), ("standard", "gated")):
    results.record(f"source_{variant}_k{each}", level[variant, each], "accuracy", ".2f", tolerance=0.08)
results.claim("standard_learns", level["standard"].min() > 0.1, "standard is above 0.1 at every k, source protocol")

# %% [markdown] tags=["ko"]
# [@fig-probing-source]의 세로축은 작은 범주의 정확도이고, 게이트형의 평균은 범주당 특징이 하나일 때 {{< var c05.source_gated_k1 >}}, 50개일 때 {{< var c05.source_gated_k50 >}}이다. 표준형은 하나일 때 {{< var c05.source_standard_k1 >}}, 50개일 때 {{< var c05.source_standard_k50 >}}이다. 연구 A에서 표준형은 어느 $k$에서나 우연 수준에 가까운 0.02에 머물렀고, 게이트형은 $k$가 10일 때부터 1.0이었다. [우리 표준형은 어느 $k$에서나 0.1을 넘는다. 그러니 연구 A의 결과는 표준형이라는 구조만으로는 설명되지 않으며, 모델과 말뭉치와 SAE의 학습이 다르다는 점을 함께 보아야 한다.]{.claim key="c05.standard_learns"}[우리 표준형에도 0.1을 넘지 못하는 $k$가 있다.]{.otherwise}
#
# 연구 A의 주장 하나하나를 $k$에 걸쳐 평균한 차이로 읽는다. 높다고 할 수 없다는 말은 구간이 0 위에 있지 않다는 뜻이다. 구간 전체가 0보다 아래에 있으면 순서가 거꾸로이고, 0을 품으면 어느 쪽이라고도 말할 수 없다. [정확도는 게이트형이 표준형보다 높다.]{.claim key="c05.a1_source"}[정확도는 게이트형이 표준형보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a1_source_gap >}} [{{< var c05.a1_source_gap_low >}}, {{< var c05.a1_source_gap_high >}}]이다. [중간층은 뒤쪽 층보다 높다.]{.claim key="c05.a2_source"}[중간층은 뒤쪽 층보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a2_source_gap >}} [{{< var c05.a2_source_gap_low >}}, {{< var c05.a2_source_gap_high >}}]이다. [3층 탐침은 2층 탐침보다 높다.]{.claim key="c05.a4_source"}[3층 탐침은 2층 탐침보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a4_source_gap >}} [{{< var c05.a4_source_gap_low >}}, {{< var c05.a4_source_gap_high >}}]이다.
#
# 이 수들을 크게 믿기에는 이르다. 두 곡선이 모두 1에 닿은 $k$에서는 차이가 날 수 없으므로, 평균한 차이는 그 앞의 작은 $k$ 몇 개에서 온다. 거기서는 탐침이 받는 서로 다른 특징의 수도 변형과 층에 따라 다를 수 있어, A1과 A2의 차이에는 그 수의 차이가 섞인다. A4의 답은 최적화에도 달려 있다. 은닉층이 하나 더 있는 탐침은 같은 학습률과 같은 걸음 수에서 덜 수렴할 수 있는데, 최적화는 바로 우리가 바꾼 부분이다. 그래서 새 문장에서 잴 때에는 학습률을 깊이마다 따로 고른다.
#
# ::: {.when key="c05.a3_source"}
# [작은 범주 조건은 큰 범주 조건보다 높다.]{.claim key="c05.a3_source"}[작은 범주 조건은 큰 범주 조건보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a3_source_gap >}} [{{< var c05.a3_source_gap_low >}}, {{< var c05.a3_source_gap_high >}}]이다. A3은 아래에서 따로 따진다.
# :::

# %% [markdown] src="daee" tags=["en"]
# The vertical axis of [@fig-probing-source] is accuracy on the small category. The mean of Gated is {{< var c05.source_gated_k1 >}} with one feature per category and {{< var c05.source_gated_k50 >}} with 50; that of Standard is {{< var c05.source_standard_k1 >}} with one and {{< var c05.source_standard_k50 >}} with 50. In study A, Standard stayed near chance, at 0.02, for every $k$, and Gated was at 1.0 from a $k$ of 10 on. [Our Standard is above 0.1 at every $k$. The architecture alone does not explain study A's result, then; the model, the corpus and the training of the SAE, which all differ, have to be considered too.]{.claim key="c05.standard_learns"}[Our Standard, too, has a $k$ at which it does not exceed 0.1.]{.otherwise}
#
# We read study A's claims one by one, as differences averaged over $k$. 'Not clearly above' means that the interval does not lie above 0. If the whole interval is below 0 the order is reversed; if it contains 0 neither order can be asserted. [Gated is above Standard.]{.claim key="c05.a1_source"}[Gated is not clearly above Standard.]{.otherwise} The difference is {{< var c05.a1_source_gap >}} [{{< var c05.a1_source_gap_low >}}, {{< var c05.a1_source_gap_high >}}]. [The middle layer is above the late one.]{.claim key="c05.a2_source"}[The middle layer is not clearly above the late one.]{.otherwise} The difference is {{< var c05.a2_source_gap >}} [{{< var c05.a2_source_gap_low >}}, {{< var c05.a2_source_gap_high >}}]. [The 3-layer probe is above the 2-layer one.]{.claim key="c05.a4_source"}[The 3-layer probe is not clearly above the 2-layer one.]{.otherwise} The difference is {{< var c05.a4_source_gap >}} [{{< var c05.a4_source_gap_low >}}, {{< var c05.a4_source_gap_high >}}].
#
# It is too early to put much trust in these numbers. At a $k$ where both curves of a panel have reached 1 no difference is possible, so the averages come from the few small $k$ before that. There the probes of the variants and layers may also get different numbers of distinct features, and the differences of A1 and A2 contain that too. A4 also depends on the optimisation: a probe with another hidden layer may have converged less at the same learning rate after the same number of steps, and the optimisation is just what we changed. When we measure on new sentences the rate is therefore chosen for each depth.
#
# ::: {.when key="c05.a3_source"}
# [The small condition is above the big one.]{.claim key="c05.a3_source"}[The small condition is not clearly above the big one.]{.otherwise} The difference is {{< var c05.a3_source_gap >}} [{{< var c05.a3_source_gap_low >}}, {{< var c05.a3_source_gap_high >}}]. A3 gets an examination of its own below.
# :::

# %% [markdown] tags=["ko"]
# ## 이 절차가 재는 것 {#sec-probing-leaks}
#
# 앞의 그림을 그린 절차에는 새는 곳이 셋 있다. 첫째, 탐침은 외운 것을 시험받는다. 둘째, 외우지 않더라도 정확도를 재는 문장이 학습 문장과 같은 문장틀에서 나오므로 문장틀의 낱말이 답을 알려 준다. 셋째, 두 범주 조건은 맞히는 것이 같고 특징의 수만 다르다. 하나씩 막아 본다.
#
# **예상.** 탐침이 많이 외운다면, 범주 이름을 문장들 사이에서 뒤섞어 아무 뜻도 남기지 않아도 학습 문장의 정확도는 $k$와 함께 올라, 가장 큰 $k$에서는 진짜 범주의 정확도의 90%를 넘을 것이다. 이런 통제 과제는 @{hewitt2019}에서 왔다. 같은 탐침을 새 문장틀의 문장에서 재면 정확도가 떨어질 것이다. A3이 특징의 수에서 온다면, 특징의 수를 같게 놓고 견줄 때 차이가 사라질 것이다.

# %% [markdown] src="a000" tags=["en"]
# ## What this protocol measures {#sec-probing-leaks}
#
# The protocol behind the figure above leaks in three places. First, the probe is examined on what it has memorised. Second, even without memorising, the sentences it is examined on come from the templates it was trained on, so that the words of the template give the answer away. Third, the two label conditions predict the same thing and differ only in their number of features. We stop the leaks one at a time.
#
# **Expectation.** If the probe memorises much, accuracy on the training sentences will rise with $k$ even when category names are shuffled among the sentences and mean nothing any more, and at the largest $k$ it will exceed 90% of the accuracy with the true names. Such control tasks come from @{hewitt2019}. The same probes should do worse on sentences of new templates. If A3 comes from the number of features, the difference should vanish once the numbers are equal.

# %%
shuffled = np.random.default_rng(seed).permutation(target)
X = sums["gated", "q2"]["train"][first]
control = sweep(X, shuffled, shuffled, ks, source_probes[:1], {"seen": (X, shuffled)})
same = source[(source.variant == "gated") & (source.layer == "q2") & (source.label == finest) & (source.depth == 2)]

# %%
decay = {
    "trained sentences": [h["seen"].mean() for h in same.hits],
    "trained sentences, shuffled labels": [r.hits["seen"].mean() for r in control],
    "new templates or documents": [h["new"][names_item].mean() for h in same.hits],
}

# %%
if not names_item.all():
    decay["new templates, item unnamed"] = [h["new"][~names_item].mean() for h in same.hits]

# %%
#| label: fig-probing-leaks
#| fig-cap-ko: "같은 탐침을 달리 잰 것. 게이트형, 중간층, 2층 탐침, 연구 A의 절차. 뒤섞은 범주는 배울 것이 없는 통제 과제이고, 가로 점선은 우연 수준이다. 처음 두 곡선은 겹칠 수 있어 하나는 굵은 선, 하나는 파선으로 그렸다."
#| fig-cap-en: "The same probes, examined in different ways. Gated, middle layer, 2-layer probe, study A's protocol. Shuffled labels are a control task with nothing to learn; the horizontal dotted line is chance. The first two curves may coincide, so one is broad and one dashed."
#| fig-alt-ko: "범주당 특징 수에 따른 정확도 곡선: 학습 문장, 범주를 뒤섞은 학습 문장, 새 문장틀의 문장, 그리고 있는 경우 이름이 나오지 않는 새 문장."
#| fig-alt-en: "Accuracy against features per class for trained sentences, trained sentences with shuffled labels, sentences of new templates and, where there are any, new sentences that do not name the item."
fig, ax = plt.subplots(figsize=(kc.plots.WIDTH, 2.9))
for (name, curve), style, width in zip(decay.items(), ("o-", "s--", "D-", "^-"), (4, 1.3, 1.3, 1.3), strict=False):
    ax.plot(ks, curve, style, label=name, lw=width)  # the first two may coincide: a broad line under a dashed one
ax.axhline(1 / len(set(target)), color="#888888", ls=":", lw=1)
ax.set(xscale="log", xlabel="features per class, k", ylabel="accuracy", ylim=(-0.02, 1.02))
ax.set_xticks(ks, [str(each) for each in ks])
ax.minorticks_off()
fig.legend(loc="outside lower center", ncols=2)
kc.plots.save(fig, "fig-probing-leaks")

# %%
seen, scrambled, new = (np.array(curve) for curve in list(decay.values())[:3])
for key, curve in zip(("seen", "shuffled", "new"), (seen, scrambled, new), strict=True):
    results.record(f"leak_{key}", curve[-1], "accuracy", ".2f", tolerance=0.08)
    results.record(f"leak_{key}_first", curve[0], "accuracy", ".2f", tolerance=0.08)
kept = scrambled / seen.clip(1e-9)
results.record("leak_kept", kept[-1], "share", ".0%", tolerance=0.08)
results.record("leak_kept_least", kept.min(), "share", ".0%", tolerance=0.15)
results.claim("memorised", kept[-1] > 0.9, "at the largest k shuffled labels reach over 90% of the accuracy of true labels", close=abs(kept[-1] - 0.9) < 0.08)

# %%
results.claim("memorised_at_once", scrambled[0] > 0.9, "shuffled labels are memorised to over 90% at the smallest k", close=abs(scrambled[0] - 0.9) < 0.08)
results.claim("overstated", (seen - new).min() > 0, "at every k accuracy on trained sentences is above that on new ones")

# %%
if not names_item.all():
    unnamed = np.array(decay["new templates, item unnamed"])
    results.record("leak_unnamed", unnamed[-1], "accuracy", ".2f", tolerance=0.08)
    results.claim("unnamed_harder", (new - unnamed).mean() > 0, "sentences without the item's name are harder")

# %% [markdown] tags=["ko"]
# [@fig-probing-leaks]에서 가장 큰 $k$를 보면, 학습 문장에서 {{< var c05.leak_seen >}}이던 정확도가 새 문장에서는 {{< var c05.leak_new >}}이고, 뒤섞은 범주에서도 학습 문장의 정확도는 {{< var c05.leak_shuffled >}}에 이른다. 이 값은 진짜 범주의 정확도의 {{< var c05.leak_kept >}}이고, 이 비율이 가장 낮은 $k$에서는 {{< var c05.leak_kept_least >}}이다. [특징이 많으면 탐침은 뜻이 없는 범주도 진짜 범주와 거의 같은 만큼 외운다.]{.claim key="c05.memorised"}[특징이 많아도 탐침이 뜻이 없는 범주를 진짜 범주의 90% 넘게 외우지는 못한다.]{.otherwise} 뒤섞은 범주의 정확도는 가장 작은 $k$, 곧 범주마다 특징을 하나만 고를 때 {{< var c05.leak_shuffled_first >}}이다. [특징 하나로 이미 거의 다 외우므로 더 오를 자리가 거의 없고, $k$와 함께 오르리라던 예상은 이 그림으로 가릴 수 없다.]{.claim key="c05.memorised_at_once"}[가장 큰 $k$에서 이보다 높아진 만큼이 특징이 늘면서 더 외운 몫이다.]{.otherwise} [어느 $k$에서나 학습 문장의 정확도는 새 문장의 정확도보다 높다.]{.claim key="c05.overstated"}[학습 문장의 정확도가 새 문장의 정확도보다 높지 않은 $k$도 있다.]{.otherwise} 뒤섞은 범주의 정확도가 진짜 범주의 정확도에 가까운 $k$에서는, 학습 문장의 정확도를 보아도 특징에 범주가 들었는지 알 수 없다. 그런 $k$에서는 [@fig-probing-source]에 보이는 차이도 어느 쪽 특징으로 문장을 외우기 쉬운지의 차이일 수 있다. 연구 A에서 게이트형이 얻은 1.0에도 특징에 든 정보와 탐침의 기억이 섞여 있을 수 있으며, 그 그림만으로는 둘을 가를 수 없다.
#
# ::: {.when key="c05.unnamed_harder"}
# [소재를 이름으로 부르지 않는 문장은 더 어렵다.]{.claim key="c05.unnamed_harder"} 앞의 값은 이름이 나오는 새 문장에서 잰 것이고, 나오지 않는 새 문장의 정확도는 가장 큰 $k$에서 {{< var c05.leak_unnamed >}}이다. 범주가 {{< var c05.n_small >}}개이므로 우연 수준은 1/{{< var c05.n_small >}}이다.
# :::

# %% [markdown] src="3cbe" tags=["en"]
# At the largest $k$ of [@fig-probing-leaks], an accuracy of {{< var c05.leak_seen >}} on trained sentences becomes {{< var c05.leak_new >}} on new ones, and with shuffled labels accuracy on the trained sentences still reaches {{< var c05.leak_shuffled >}}. Its ratio to the accuracy with the true labels is {{< var c05.leak_kept >}}, and {{< var c05.leak_kept_least >}} at the $k$ where the ratio is lowest. [With many features, labels that mean nothing are memorised nearly as well as true ones.]{.claim key="c05.memorised"}[Even with many features, labels that mean nothing are not memorised to over 90% of the true ones.]{.otherwise} At the smallest $k$, with a single feature chosen per category, accuracy with shuffled labels is {{< var c05.leak_shuffled_first >}}. [One feature each is enough to memorise nearly everything, so there is hardly any room to rise, and our expectation of a rise with $k$ cannot be decided by this figure.]{.claim key="c05.memorised_at_once"}[The rise from there to the largest $k$ is what the further features have memorised.]{.otherwise} [At every $k$, accuracy on trained sentences is above accuracy on new ones.]{.claim key="c05.overstated"}[There is a $k$ at which accuracy on trained sentences is not above accuracy on new ones.]{.otherwise} At a $k$ where shuffled labels come close to the true ones, accuracy on trained sentences does not tell whether the features hold the category. The differences of [@fig-probing-source] may at such a $k$ merely show which features make it easier to memorise sentences. In the 1.0 of study A's Gated, too, the information in the features may be mixed with the memory of the probe, and from that figure alone the two cannot be told apart.
#
# ::: {.when key="c05.unnamed_harder"}
# [Sentences that do not name their item are harder.]{.claim key="c05.unnamed_harder"} The number above was measured on new sentences that name it; on those that do not, accuracy at the largest $k$ is {{< var c05.leak_unnamed >}}. With {{< var c05.n_small >}} categories chance is 1/{{< var c05.n_small >}}.
# :::

# %% [markdown] tags=["ko"]
# 이제 셋째를 본다. 특징의 수를 가로축에 놓고, 작은 범주 조건의 각 점에서 큰 범주 조건의 곡선을 같은 특징 수에서 (로그 축 위에서 이어) 읽어 뺀다.

# %% [markdown] src="d48f" tags=["en"]
# Now for the third. With the number of features on the horizontal axis, we take each point of the small condition and subtract what the curve of the big condition reads at the same number of features, interpolated on a log axis.

# %%
gated = source[source.variant == "gated"]
width = np.log(gated.groupby(["label", "k"]).n_features.mean())

# %%
def match(key, frame, scored, clusters):
    """Record small minus big at equal numbers of features, the mean over the points of small that the curve of big spans."""
    mean, samples = accuracies(frame, "label", scored, clusters)
    known = np.log(frame[frame.variant == "gated"].groupby(["label", "k"]).n_features.mean())
    inside = known["small"] <= known["big"].max()
    at, known = known["small"][inside], known["big"]
    gap = (mean["small"][inside] - np.interp(at, known, mean["big"])).mean()
    drawn = [np.mean(s["small"][inside] - np.interp(at, known, s["big"])) for _, s in samples.iterrows()]
    low, high = record_with_interval(f"{key}_gap", gap, drawn, "accuracy", "+.4f")
    statement = "small above big at the same number of features, interval above 0"
    results.claim(key, low > 0, statement, against=high < 0, close=min(abs(low), abs(high)) < 0.02)
    return gap

# %%
if finest == "small":
    matched = match("a3_matched", source, "seen", docs["train"][first])
    vanishes = abs(matched) < 0.1 * abs(judged["a3", "source"][0])
    results.claim("a3_vanishes", vanishes, "matched, the difference of A3 is under 10% of what it was")
    for size, each in itertools.product(sizes, (1, 10)):
        results.record(f"features_{size}_k{each}", round(np.exp(width[size, each])), "features", tolerance=200)

# %% [markdown] tags=["ko"]
# ::: {.when key="c05.a3_matched"}
# 여러 범주가 같은 특징을 고르므로 탐침에 들어가는 서로 다른 특징은 생각보다 적다. 범주마다 하나씩 고르면 작은 범주 조건에서 평균 {{< var c05.features_small_k1 >}}개, 큰 범주 조건에서 {{< var c05.features_big_k1 >}}개이고, 10개씩 고르면 작은 범주 조건에서 {{< var c05.features_small_k10 >}}개, 큰 범주 조건에서 {{< var c05.features_big_k10 >}}개이다. 특징의 수를 맞춘 차이는 {{< var c05.a3_matched_gap >}} [{{< var c05.a3_matched_gap_low >}}, {{< var c05.a3_matched_gap_high >}}]이고, 맞추기 전의 값은 {{< var c05.a3_source_gap >}}이다. [크기로 보면 맞추기 전의 10%에도 못 미치므로, 차이는 예상대로 거의 사라진다.]{.claim key="c05.a3_vanishes"}[크기로 보면 맞추기 전의 10% 이상이므로, 차이가 사라지리라던 예상은 그대로는 맞지 않는다.]{.otherwise} [남은 차이의 부호를 보면 작은 범주로 고른 쪽이 여전히 높다.]{.claim key="c05.a3_matched"}[남은 차이를 보아 작은 범주로 고른 쪽이 더 높다고 할 수는 없다. 구간이 통째로 0 아래에 있으면 오히려 큰 범주로 고른 쪽이 높은 것이다.]{.otherwise} 다만 맞춘 차이는 두 조건의 특징 수가 겹치는 범위에서만 잰 것이다. 중간층의 2층 탐침에서 작은 범주 조건의 정확도는 가장 작은 $k$에서 {{< var c05.leak_seen_first >}}이다. 두 조건이 모두 1에 가까운 곳에서는 까닭이 무엇이든 차이가 0에 가까울 수밖에 없고, 0에서 먼 차이는 어느 한쪽이 1에 못 미친 곳에서 온 것이다. A3이 특징의 수에서 왔는지는 새 문장에서 다시 수를 맞추어 보아야 안다([@sec-probing-proper]).
# :::
#
# 연구 A의 A3은 '작은 범주가 더 쉽다'는 말이 아니라 '작은 범주로 고른, 더 많은 특징이 작은 범주를 더 잘 맞힌다'는 말이었다. 큰 범주를 맞히는 일은 그 그림에 없다. 그 일은 다음 절에서 함께 잰다.

# %% [markdown] src="27bf" tags=["en"]
# ::: {.when key="c05.a3_matched"}
# Since many categories select the same features, the probe gets fewer distinct ones than might be thought. With one feature per category there are on average {{< var c05.features_small_k1 >}} in the small condition and {{< var c05.features_big_k1 >}} in the big one; with 10 each, {{< var c05.features_small_k10 >}} and {{< var c05.features_big_k10 >}}. With the numbers matched the difference is {{< var c05.a3_matched_gap >}} [{{< var c05.a3_matched_gap_low >}}, {{< var c05.a3_matched_gap_high >}}]; before matching it was {{< var c05.a3_source_gap >}}. [In size it is under 10% of what it was, so the difference all but vanishes, as expected.]{.claim key="c05.a3_vanishes"}[In size it is 10% of what it was or more, so our expectation that it would vanish was not right as it stood.]{.otherwise} [By the sign of what remains, features selected by small categories are still ahead.]{.claim key="c05.a3_matched"}[By what remains, features selected by small categories are not clearly ahead; where the whole interval is below 0, those selected by big ones are.]{.otherwise} But the matched difference covers only the range in which the two conditions overlap. With the 2-layer probe of the middle layer, the small condition is at {{< var c05.leak_seen_first >}} at the smallest $k$. Where both conditions are close to 1, the difference must be close to 0 whatever the cause; a difference far from 0 has to come from where one of them falls short of 1. To see whether A3 comes from the number of features, the numbers have to be matched again on new sentences ([@sec-probing-proper]).
# :::
#
# A3 of study A does not say that small categories are easier. It says that more features, selected by small categories, predict small categories better. Predicting the big categories does not occur in that figure; the next section adds it.

# %% [markdown] tags=["ko"]
# ## 새 문장에서 다시 {#sec-probing-proper}
#
# 이번에는 특징을 고르는 범주와 맞히는 범주를 같게 한다. 큰 범주로 고른 특징은 큰 범주를, 작은 범주로 고른 특징은 작은 범주를 맞힌다. 고르는 범주를 견주는 A3만은 다르다. 맞히는 범주가 다르면 과제가 달라지므로, 맞히는 범주를 작은 범주 하나로, 그다음에는 큰 범주 하나로 고정하고 고르는 범주만 바꾼다. 탐침은 훈련 분할 전체로 학습하고 시험 분할에서만 잰다. 특징을 고르는 방법도 하나 고친다. 평균이 가장 큰 특징은 그 범주에서만이 아니라 어디서나 크게 켜지는 특징일 수 있고, 그러면 여러 범주가 같은 특징을 고른다. 그래서 특징마다 훈련 문장의 평균과 분산으로 표준화한 뒤에 범주별 평균을 견준다. 문장이 많아졌으므로 탐침은 작은 묶음으로 {{< var c05.probe_steps >}}걸음 학습한다. 학습률은 훈련 문장틀(또는 문서)의 20%를 떼어 두고, 셋 가운데 거기서 정확도가 가장 높은 것을 깊이마다 고른다. 2층 탐침은 {{< var c05.proper_lr_2 >}}, 3층 탐침은 {{< var c05.proper_lr_3 >}}이다. [두 값 모두 후보의 양 끝에 있지 않다.]{.claim key="c05.proper_lr_inside"}[후보의 끝에 걸린 값이 있으므로 더 나은 값이 그 밖에 있을 수 있다.]{.otherwise}
#
# **예상.** A1과 A2는 크기가 줄더라도 남을 것이다. A3은 범주마다 같은 수를 고르면 어느 범주를 맞히든 남을 것이다. 작은 범주로 고르면 특징이 훨씬 많기 때문이다. 특징의 수를 맞추면 맞힐 범주로 고른 쪽이 앞설 것이다. 작은 범주를 맞힐 때에는 작은 범주로 고른 쪽이, 큰 범주를 맞힐 때에는 큰 범주로 고른 쪽이다. A4는 학습률을 따로 골라도 남을 까닭이 없다. 은닉층을 하나 더 얹는 것은 외우기에는 도움이 되지만, 새 문장의 정확도를 올린다는 보장이 없다.

# %% [markdown] src="9a7a" tags=["en"]
# ## Once more, on new sentences {#sec-probing-proper}
#
# This time each label predicts itself: features selected by big categories predict the big category, and those selected by small categories the small one. A3 alone, which compares selections, is asked in another way. With different targets the tasks would differ, so we fix the target, first the small categories and then the big ones, and change only the categories that select. Probes learn from the whole training split and are measured on the test split only. We also mend how features are selected. The feature with the highest mean in a category may fire strongly everywhere and not there alone, and then many categories select the same ones. So every feature is standardised with its mean and variance on the training sentences before class means are compared. As there are now more sentences, a probe is trained on small batches for {{< var c05.probe_steps >}} steps. The learning rate is chosen for each depth among three, as the one of highest accuracy on 20% of the training templates (or documents) set aside: {{< var c05.proper_lr_2 >}} for the 2-layer probe and {{< var c05.proper_lr_3 >}} for the 3-layer one. [Neither is at an end of the grid.]{.claim key="c05.proper_lr_inside"}[At least one is at an end of the grid, so a better one may lie beyond.]{.otherwise}
#
# **Expectation.** A1 and A2 should survive, if smaller. A3 should survive whichever label is predicted when every category selects the same number, since small categories then select far more features. With the number of features matched, the selection by the label that is predicted should be ahead: that by small categories where these are predicted, that by big ones where those are. There is no reason for A4 to survive, even with a learning rate of its own. A second hidden layer helps memorising, but nothing guarantees that it helps on new sentences.

# %%
results.record("probe_steps", probe_steps, "steps", tolerance=0)

# %%
def standardised(X):
    """Both splits in units of each component's mean and standard deviation on the training sentences."""
    dense = {split: np.asarray(part.todense() if sparse.issparse(part) else part) for split, part in X.items()}
    centre, spread = dense["train"].mean(0), dense["train"].std(0)
    return {split: (part - centre) / np.where(spread > 1e-8, spread, 1) for split, part in dense.items()}

# %%
def proper_sweep(X, size, configs, goal=None, **how):
    """The top features of a label's classes predict that label (or another, `goal`) on the test split."""
    goal = goal or size
    return sweep(X["train"], y["train"][size], y["train"][goal], ks, configs, {"new": (X["test"], y["test"][goal])}, **how)

# %%
proper_lrs = (0.005, 0.01, 0.02)
known = standardised(means["gated", "q2"])["train"]
apart = np.random.default_rng(seed).permutation(np.unique(docs["train"]))
away = np.isin(docs["train"], apart[: max(1, len(apart) // 5)])

# %%
def held_out(depth, lr):
    """Accuracy on a fifth of the training templates, which the probe does not see, the mean over labels and two k."""
    config, few = ProbeConfig(depth=depth, steps=probe_steps, lr=lr, weight_decay=0.1, seed=seed), (ks[0], ks[len(ks) // 2])
    goals = [y["train"][size] for size in sizes]
    found = [sweep(known[~away], g[~away], g[~away], few, [config], {"held": (known[away], g[away])}) for g in goals]
    return np.mean([r.hits["held"].mean() for part in found for r in part])

# %%
rates = {}
for depth in (2, 3):
    tried = {lr: held_out(depth, lr) for lr in proper_lrs}
    rates[depth] = max(tried, key=tried.get)
    results.record(f"proper_lr_{depth}", rates[depth], "learning rate", "g", tolerance=proper_lrs[-1])
results.claim("proper_lr_inside", set(rates.values()) <= set(proper_lrs[1:-1]), "no rate chosen is the first or last of its grid", close=True)

# %%
probes = [ProbeConfig(depth=depth, steps=probe_steps, lr=lr, weight_decay=0.1, seed=seed) for depth, lr in rates.items()]

# %%
rows = []
for (variant, layer), X in means.items():
    X = standardised(X)
    for size, goal in itertools.product(sizes, sizes):
        if size == goal or variant == "gated":  # one label by the features of another is asked for A3 alone
            rows += [{"variant": variant, "layer": layer, "label": size, "goal": goal, **vars(r)} for r in proper_sweep(X, size, probes, goal)]

# %%
every = pd.DataFrame(rows)
proper, fixed = every[every.label == every.goal], {goal: every[every.goal == goal] for goal in sizes}

# %%
#| label: fig-probing-proper
#| fig-cap-ko: "새 문장에서 되찾은 범주: 범주마다 자기 자신을 예측하고 시험 분할에서 잰 정확도. 칸과 띠는 연구 A의 절차로 그린 그림과 같다([@fig-probing-source]). 세로축은 0에서 시작한다. 범주 크기 칸에서는 두 곡선 모두 가장 잘게 나눈 범주를 예측하고, 특징을 고른 범주만 다르다."
#| fig-cap-en: "Categories recovered on new sentences: each label predicts itself, accuracy on the test split. Panels and bands as in the figure of study A's protocol ([@fig-probing-source]). The vertical axis starts at 0. In the label panel both curves predict the finest categories and differ only in the categories that selected the features."
#| fig-alt-ko: "연구 A의 절차로 그린 그림과 같은 네 칸의 꺾은선 그림을 시험 분할에서 그린 것."
#| fig-alt-en: "The same line plot in four panels as for study A's protocol, on the test split."
fig = four_panels(proper, fixed[finest], "new", docs["test"])
kc.plots.save(fig, "fig-probing-proper")

# %%
for name in ("a1", "a2", "a4"):
    judge(name, "proper", proper, claimed[name], "new", docs["test"])
for goal in sizes if "a3" in claimed else ():
    judge("a3", f"proper_{goal}", fixed[goal], "label", "new", docs["test"])
    match(f"a3_matched_{goal}", fixed[goal], "new", docs["test"])

# %%
less = {name: judged[name, "proper"][0] < judged[name, "source"][0] for name in ("a1", "a2")}
survive = all(judged[name, "proper"][1] > 0 and less[name] for name in less)
gone = any(judged[name, "proper"][2] < 0 or not less[name] for name in less)
statement = "A1 and A2 hold under the proper protocol, with smaller differences than under the source one"
results.claim("a12_survive_smaller", survive, statement, against=gone)

# %%
_, low, high = judged["a1", "proper"]
statement = "standard above gated, proper protocol, interval of gated minus standard below 0"
results.claim("shrunk_is_better", high < 0, statement, against=low > 0, close=abs(high) < 0.02)

# %%
level, _ = accuracies(proper, "label", "new", docs["test"])
for size, each in itertools.product(sizes, (1, 10, 50)):
    results.record(f"proper_{size}_k{each}", level[size, each], "accuracy", ".2f", tolerance=0.06)

# %%
for protocol, frame in {"source": source, "proper": proper}.items():
    chosen = frame[(frame.variant == "gated") & (frame.label == "big") & (frame.k == ks[0])].n_features.mean()
    results.record(f"{protocol}_distinct", chosen, "features", ".1f", tolerance=3)

# %% [markdown] tags=["ko"]
# 큰 범주마다 특징을 하나씩 고를 때 서로 다른 특징의 수는 연구 A의 선택에서 {{< var c05.source_distinct >}}개, 표준화한 선택에서 {{< var c05.proper_distinct >}}개이다. 범주는 모두 {{< var c05.n_big >}}개이므로, 이 수가 범주의 수보다 작을수록 여러 범주가 특징을 함께 쓴다.
#
# [@fig-probing-proper]에서 게이트형이 큰 범주를 되찾는 정확도는 범주당 특징 1개에서 {{< var c05.proper_big_k1 >}}, 10개에서 {{< var c05.proper_big_k10 >}}, 50개에서 {{< var c05.proper_big_k50 >}}이다. [정확도는 게이트형이 표준형보다 높다.]{.claim key="c05.a1_proper"}[정확도는 게이트형이 표준형보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a1_proper_gap >}} [{{< var c05.a1_proper_gap_low >}}, {{< var c05.a1_proper_gap_high >}}]이다. [중간층은 뒤쪽 층보다 높다.]{.claim key="c05.a2_proper"}[중간층은 뒤쪽 층보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a2_proper_gap >}} [{{< var c05.a2_proper_gap_low >}}, {{< var c05.a2_proper_gap_high >}}]이다. [3층 탐침은 2층 탐침보다 높다.]{.claim key="c05.a4_proper"}[학습률을 깊이마다 골라도 3층 탐침은 2층 탐침보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a4_proper_gap >}} [{{< var c05.a4_proper_gap_low >}}, {{< var c05.a4_proper_gap_high >}}]이다.
#
# ::: {.when key="c05.a3_proper_small"}
# A3을 본다. 작은 범주를 맞힐 때 [작은 범주로 고른 특징의 정확도가 큰 범주로 고른 특징보다 높다.]{.claim key="c05.a3_proper_small"}[작은 범주로 고른 특징의 정확도가 큰 범주로 고른 특징보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a3_proper_small_gap >}} [{{< var c05.a3_proper_small_gap_low >}}, {{< var c05.a3_proper_small_gap_high >}}]이다. 특징의 수를 앞 절처럼 맞추면 {{< var c05.a3_matched_small_gap >}} [{{< var c05.a3_matched_small_gap_low >}}, {{< var c05.a3_matched_small_gap_high >}}]이다. [특징의 수가 같아도 작은 범주로 고른 쪽이 높다.]{.claim key="c05.a3_matched_small"}[특징의 수가 같으면 작은 범주로 고른 쪽이 높다고 할 수 없다.]{.otherwise}
#
# 큰 범주를 맞힐 때 [작은 범주로 고른 쪽이 높다.]{.claim key="c05.a3_proper_big"}[작은 범주로 고른 쪽이 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.a3_proper_big_gap >}} [{{< var c05.a3_proper_big_gap_low >}}, {{< var c05.a3_proper_big_gap_high >}}]이다. 특징의 수를 맞추면 {{< var c05.a3_matched_big_gap >}} [{{< var c05.a3_matched_big_gap_low >}}, {{< var c05.a3_matched_big_gap_high >}}]이다. [특징의 수가 같아도 작은 범주로 고른 쪽이 높으므로, 맞힐 범주로 고른 쪽이 앞서리라던 예상은 빗나갔다.]{.claim key="c05.a3_matched_big"}[특징의 수가 같으면 작은 범주로 고른 쪽이 높다고 할 수 없다. 그렇다면 A3의 차이는 큰 범주에서는 고르는 기준보다 특징의 수에서 온다고 볼 수 있다.]{.otherwise}
# :::
#
# 두 절차의 판정은 [@tbl-probing-verdicts]에 나란히 놓았다. SAE는 두 절차에서 같으므로, 판정이나 수가 갈리는 까닭은 재는 방법에 있다. A1과 A2는 줄더라도 남으리라 예상했다. 연구 A의 절차와 새 문장에서 잰 차이를 차례로 적으면 A1은 {{< var c05.a1_source_gap >}}, {{< var c05.a1_proper_gap >}}이고 A2는 {{< var c05.a2_source_gap >}}, {{< var c05.a2_proper_gap >}}이다. [예상대로 둘 다 차이가 줄기는 해도 남는다.]{.claim key="c05.a12_survive_smaller"}[둘 다 차이가 줄면서도 남는다고는 할 수 없으므로, 예상은 확인되지 않는다.]{.otherwise}
#
# ::: {.when key="c03.bias_standard"}
# [@sec-variants]에서 남긴 물음 하나를 여기서 따져 볼 수 있다. 수축이 큰 변형이 라벨을 더 잘 가른다면 수축은 재구성의 흠일 뿐이라고 했다. 그 장에서 상대 편향은 표준형이 {{< var c03.bias_standard >}}, 게이트형이 {{< var c03.bias_gated >}}이며, 1보다 작을수록 수축이 크다. 새 문장에서 게이트형의 정확도에서 표준형의 정확도를 뺀 A1의 차이는 {{< var c05.a1_proper_gap >}} [{{< var c05.a1_proper_gap_low >}}, {{< var c05.a1_proper_gap_high >}}]이다. [이 탐침으로는 수축이 큰 표준형이 오히려 라벨을 더 잘 가른다.]{.claim key="c05.shrunk_is_better"}[수축이 큰 표준형이 라벨을 더 잘 가른다는 증거는 없다.]{.otherwise} 다만 두 변형은 켜는 특징의 수도 다르므로 이 차이가 수축만의 것은 아니고, 읽는 법이나 SAE의 학습이 바뀌면 순서도 바뀔 수 있다([@sec-tfidf-predict]). 수축이 쓸모의 흠인지는 이 수로 가를 수 없다.
# :::

# %% [markdown] src="a660" tags=["en"]
# When each big category selects one feature, study A's selection comes to {{< var c05.source_distinct >}} distinct features and the standardised one to {{< var c05.proper_distinct >}}. There are {{< var c05.n_big >}} categories, so the further the number lies below that, the more categories share their features.
#
# In [@fig-probing-proper] Gated recovers the big category with an accuracy of {{< var c05.proper_big_k1 >}} from 1 feature per category, {{< var c05.proper_big_k10 >}} from 10 and {{< var c05.proper_big_k50 >}} from 50. [Gated is above Standard.]{.claim key="c05.a1_proper"}[Gated is not clearly above Standard.]{.otherwise} The difference is {{< var c05.a1_proper_gap >}} [{{< var c05.a1_proper_gap_low >}}, {{< var c05.a1_proper_gap_high >}}]. [The middle layer is above the late one.]{.claim key="c05.a2_proper"}[The middle layer is not clearly above the late one.]{.otherwise} The difference is {{< var c05.a2_proper_gap >}} [{{< var c05.a2_proper_gap_low >}}, {{< var c05.a2_proper_gap_high >}}]. [The 3-layer probe is above the 2-layer one.]{.claim key="c05.a4_proper"}[Even with a learning rate chosen for each depth, the 3-layer probe is not clearly above the 2-layer one.]{.otherwise} The difference is {{< var c05.a4_proper_gap >}} [{{< var c05.a4_proper_gap_low >}}, {{< var c05.a4_proper_gap_high >}}].
#
# ::: {.when key="c05.a3_proper_small"}
# Now A3. Where small categories are predicted, [features selected by small categories are above those selected by big ones.]{.claim key="c05.a3_proper_small"}[features selected by small categories are not clearly above those selected by big ones.]{.otherwise} The difference is {{< var c05.a3_proper_small_gap >}} [{{< var c05.a3_proper_small_gap_low >}}, {{< var c05.a3_proper_small_gap_high >}}]. With the numbers of features matched as in the section before, it is {{< var c05.a3_matched_small_gap >}} [{{< var c05.a3_matched_small_gap_low >}}, {{< var c05.a3_matched_small_gap_high >}}]. [At equal numbers, too, the selection by small categories is ahead.]{.claim key="c05.a3_matched_small"}[At equal numbers the selection by small categories is not clearly ahead.]{.otherwise}
#
# Where big categories are predicted, [the selection by small categories is ahead.]{.claim key="c05.a3_proper_big"}[the selection by small categories is not clearly ahead.]{.otherwise} The difference is {{< var c05.a3_proper_big_gap >}} [{{< var c05.a3_proper_big_gap_low >}}, {{< var c05.a3_proper_big_gap_high >}}]. With the numbers matched it is {{< var c05.a3_matched_big_gap >}} [{{< var c05.a3_matched_big_gap_low >}}, {{< var c05.a3_matched_big_gap_high >}}]. [At equal numbers, too, the selection by small categories is ahead, so our expectation that the label predicted would select best has failed.]{.claim key="c05.a3_matched_big"}[At equal numbers the selection by small categories is not clearly ahead. For big categories the difference of A3 may then be put down to the number of features rather than to what selects them.]{.otherwise}
# :::
#
# [@tbl-probing-verdicts] puts the verdicts of the two protocols side by side. The SAEs are the same in both, so where verdicts or numbers part, the reason is the way of measuring. We expected A1 and A2 to survive, if smaller. Under study A's protocol and on new sentences, in this order, the differences are {{< var c05.a1_source_gap >}} and {{< var c05.a1_proper_gap >}} for A1, {{< var c05.a2_source_gap >}} and {{< var c05.a2_proper_gap >}} for A2. [As expected, both survive with a smaller difference.]{.claim key="c05.a12_survive_smaller"}[It cannot be said that both survive with a smaller difference, so our expectation is not borne out.]{.otherwise}
#
# ::: {.when key="c03.bias_standard"}
# A question left in [@sec-variants] can be looked at here. If a variant that shrinks more separates labels better, it was said there, shrinkage is a flaw of reconstruction only. In that chapter the relative bias is {{< var c03.bias_standard >}} for Standard and {{< var c03.bias_gated >}} for Gated; the further below 1, the more shrinkage. On new sentences the difference of A1, accuracy of Gated minus that of Standard, is {{< var c05.a1_proper_gap >}} [{{< var c05.a1_proper_gap_low >}}, {{< var c05.a1_proper_gap_high >}}]. [With this probe Standard, which shrinks more, separates labels better.]{.claim key="c05.shrunk_is_better"}[There is no evidence that Standard, which shrinks more, separates labels better.]{.otherwise} The two variants also differ in how many features they turn on, though, so the difference is not that of shrinkage alone, and with another way of reading, or an SAE trained otherwise, the order may change ([@sec-tfidf-predict]). Whether shrinkage is a flaw of use cannot be decided by this number.
# :::

# %%
#| label: tbl-probing-verdicts
#| tbl-cap-ko: "연구 A의 주장에 대한 두 절차의 판정. 차이는 k에 걸친 평균이고 대괄호는 95% 구간이다. SAE와 탐침의 시드는 하나이고 구간은 문장틀(또는 문서)에 걸친 것이다. 구간이 0 위에 있으면 yes, 아래에 있으면 no, 0을 품으면 undecided라고 적는다. target은 새 문장에서 A3이 고정한, 맞히는 범주이다."
#| tbl-cap-en: "Verdicts of the two protocols on the claims of study A. Differences are means over k, brackets are 95% intervals over templates (or documents), with one seed for SAEs and probes. An interval above 0 is a yes, one below 0 a no, and one that contains 0 is undecided. On new sentences target is the label predicted, which A3 keeps fixed."
columns = ["claim", "says", "protocol", "difference in accuracy", "holds"]
frame = pd.DataFrame(verdicts, columns=columns).sort_values(["claim", "protocol"], ascending=[True, False])
kc.plots.table(frame.reset_index(drop=True))

# %% [markdown] tags=["ko"]
# ## 만만치 않은 기준선 {#sec-probing-baselines}
#
# 특징의 정확도가 높다는 말은 무엇보다 높은지를 밝혀야 뜻이 생긴다. 견줄 것을 셋 둔다. 첫째는 날활성값의 뉴런이다. 표준화한 뒤 범주 평균의 크기가 가장 큰 뉴런 $k$개를 고른다. 특징은 켜지는 쪽으로만 뜻을 지니지만 뉴런은 어떤 범주에서 낮은 것으로도 그 범주를 가릴 수 있으므로, 뉴런은 부호를 따지지 않고 고른다. 둘째는 무작위 특징이다. 게이트형과 크기, 중심, 척도가 같고, 토큰마다 켜지는 수는 시험 문장의 처음 4,096개 토큰에서 잰 게이트형의 평균({{< var c05.l0_gated >}})을 반올림한 것이다. 다만 방향은 학습하지 않은 무작위 단위 벡터이다. 무작위 방향도 차원이 많으면 범주를 꽤 담으므로, 이것을 넘지 못하는 특징은 적어도 이 과제에서는 학습으로 얻은 것이 없다. 셋째는 $k$를 쓰지 않는 낱말 세기로, 아래 표에 있다.
#
# 범주마다 $k$개를 고르면 서로 다른 성분의 수는 표현마다 다르다. 뉴런은 모두 합쳐도 활성값의 차원만큼뿐이지만 특징은 훨씬 많을 수 있다. 그래서 $k$마다, 서로 다른 성분이 가장 적은 표현의 수에 나머지를 맞춘다. 모든 범주의 첫째 선택을 둘째 선택보다 먼저 넣고, 같은 순위에서는 범주 평균이 큰 것을 먼저 넣으며, 그 수에 이르면 멈춘다. 큰 범주에서 그 수는 가장 작은 $k$에서 {{< var c05.columns_big_first >}}개, 가장 큰 $k$에서 {{< var c05.columns_big_last >}}개이다.
#
# ::: {.when key="c05.columns_small_first"}
# 작은 범주에서는 {{< var c05.columns_small_first >}}개와 {{< var c05.columns_small_last >}}개이다.
# :::
#
# **예상.** $k$가 작을 때에는, 서로 다른 성분의 수를 맞추고 뉴런의 부호를 따지지 않아도, 특징이 뉴런과 무작위 특징을 앞설 것이다. 희소하게 학습하면 범주 하나가 방향 하나에 모이기 때문이다. $k$가 커지면 뉴런을 거의 모두 쓰게 되므로 차이는 줄 것이다.

# %% [markdown] src="951b" tags=["en"]
# ## Baselines that could win {#sec-probing-baselines}
#
# To say that features are accurate means something only when it says more accurate than what. We put three things beside them. The first is the neurons of the raw activations: after standardising, the $k$ neurons whose class mean is largest in size are chosen. A feature means something by being on, but a neuron may tell a category by being low as well, so for neurons the sign does not matter. The second is random features: they have the size, centre and scale of the Gated ones, and as many of them fire on each token as Gated features do on average over the first 4,096 tokens of the test sentences ({{< var c05.l0_gated >}}, rounded), but their directions are random unit vectors that were never trained. Given enough dimensions random directions hold a fair amount about categories too, so features that do not surpass them have gained nothing from training, at least for this task. The third, which has no $k$, is counting words; it is in the table below.
#
# With $k$ per category the representations differ in how many distinct components they come to. All the neurons together are no more than the dimensions of an activation, while features may be far more. So at every $k$ all are cut to the number of the one that has fewest. The first choices of all categories go in before any second one, and within a rank those of larger class mean, until the number is reached. On the big label it is {{< var c05.columns_big_first >}} at the smallest $k$ and {{< var c05.columns_big_last >}} at the largest $k$.
#
# ::: {.when key="c05.columns_small_first"}
# On the small label it is {{< var c05.columns_small_first >}} and {{< var c05.columns_small_last >}}.
# :::
#
# **Expectation.** At small $k$ features should be ahead of neurons and of random features, even at equal numbers of distinct components and with neurons of either sign, since gathering a category in one direction is what sparsity does. As $k$ grows, the difference should shrink, because in the end nearly all neurons are used.

# %%
with kc.probing.torch.no_grad():
    active = (saes["gated", "q2"].encode(study.acts("test")[:4096].float()) > 0).sum(1).float().mean().item()
results.record("l0_gated", active, "features/token", ".1f", tolerance=5)
random = kc.probing.random_sae(saes["gated", "q2"], max(1, round(active)), seed)

# %%
topk, _ = study.sae("topk", "ko", middle)
raw = {split: kc.probing.document_means(study.acts(split)) for split in ("train", "test")}

# %%
bags = {name: means[name, "q2"] for name in ("standard", "gated")}
bags |= {"topk": per_token(pooled(topk)), "random": per_token(pooled(random))}
bags["raw"] = raw

# %%
def distinct(X, size, signed):
    """How many different columns the classes of a label name at each k."""
    return [len(kc.probing.pooled_features(X, y["train"][size], each, signed=signed)) for each in ks]

# %%
named = {size: [] for size in sizes}
for name, X in bags.items():
    X = standardised(X)["train"]
    for size in sizes:  # a neuron may be low in a class as well as high
        named[size].append(distinct(X, size, signed=name == "raw"))
fewest = {size: np.min(counts, axis=0).tolist() for size, counts in named.items()}

# %%
for size, at in itertools.product(sizes, ("first", "last")):
    results.record(f"columns_{size}_{at}", fewest[size][0 if at == "first" else -1], "columns", tolerance=30)

# %%
rows = []
for name, size in itertools.product(bags, sizes):
    found = proper_sweep(standardised(bags[name]), size, probes[:1], most=fewest[size], signed=name == "raw")
    rows += [{"bag": name, "label": size, **vars(r)} for r in found]
sparse_probes = pd.DataFrame(rows)

# %%
#| label: fig-probing-baselines
#| fig-cap-ko: "특징과 기준선을 같은 탐침으로 잰 것. 중간층, 2층 탐침, 시험 분할. k마다 서로 다른 성분의 수를 같게 맞추었다. raw는 날활성값의 뉴런, random은 학습하지 않은 무작위 방향이다."
#| fig-cap-en: "Features and baselines under the same probe. Middle layer, 2-layer probe, test split. At every k all have the same number of distinct components. Here raw stands for the neurons of the raw activations and random for directions that were never trained."
#| fig-alt-ko: "범주 크기마다 한 칸씩, 범주당 특징 수에 따른 정확도를 표준형, 게이트형, TopK, 무작위 특징, 날활성값 뉴런에 대해 그린 꺾은선 그림."
#| fig-alt-en: "Line plot, one panel per label size: accuracy against features per class for Standard, Gated, TopK, random features and raw neurons."
fig, axes = plt.subplots(1, len(sizes), figsize=(kc.plots.WIDTH, 2.9), squeeze=False, sharey=True)
for ax, size in zip(axes.flat, sizes, strict=True):
    for name in bags:
        part = sparse_probes[(sparse_probes.bag == name) & (sparse_probes.label == size)]
        ax.plot(ks, [h["new"].mean() for h in part.hits], "o-", color=kc.plots.VARIANT_COLORS[name], label=name)
    ax.set(xscale="log", title=f"{size} label", xlabel="features per class, k", ylabel="accuracy")
    ax.set_xticks(ks, [str(each) for each in ks])
    ax.minorticks_off()
axes.flat[0].set_ylim(bottom=0)
fig.legend(*axes.flat[0].get_legend_handles_labels(), loc="outside lower center", ncols=len(bags))
kc.plots.save(fig, "fig-probing-baselines")

# %%
few = [each for each in ks if each <= 5]
pairs = {"over_neurons": ("gated", "raw"), "over_random": ("gated", "random"), "topk_over_gated": ("topk", "gated")}

# %%
for size, (key, pair) in itertools.product(sizes, pairs.items()):
    part = sparse_probes[(sparse_probes.label == size) & sparse_probes.k.isin(few)]
    hits = [np.mean([h["new"] for h in part[part.bag == bag].hits], axis=0) for bag in pair]
    samples = kc.probing.cluster_bootstrap(np.stack(hits, 1), docs["test"], draws, seed)
    gap = hits[0].mean() - hits[1].mean()
    low, high = record_with_interval(f"{key}_{size}", gap, samples[:, 0] - samples[:, 1], "accuracy", "+.3f")
    statement = f"{pair[0]} above {pair[1]} for k up to 5, equally many columns, {size}, interval above 0"
    results.claim(f"{key}_{size}", low > 0, statement, against=high < 0, close=min(abs(low), abs(high)) < 0.02)

# %%
def lead_over_neurons(each):
    """Gated right minus neurons right, per test sentence, at one k of the big label."""
    part = sparse_probes[(sparse_probes.label == "big") & (sparse_probes.k == each)].set_index("bag")
    return part.hits["gated"]["new"].astype(float) - part.hits["raw"]["new"]

# %%
leads = np.stack([lead_over_neurons(each) for each in (ks[0], ks[-1])], 1)
samples = kc.probing.cluster_bootstrap(leads, docs["test"], draws, seed)
shrinkage = leads[:, 0].mean() - leads[:, 1].mean()

# %%
low, high = record_with_interval("lead_shrinks", shrinkage, samples[:, 0] - samples[:, 1], "accuracy", "+.3f")
statement = "gated's lead over neurons is {} at the largest k than at the smallest, interval {} 0"
results.claim("lead_grows", high < 0, statement.format("larger", "below"), against=low > 0, close=abs(high) < 0.02)
results.claim("lead_shrinks", low > 0, statement.format("smaller", "above"), against=high < 0, close=abs(low) < 0.02)

# %% [markdown] tags=["ko"]
# [@fig-probing-baselines]에서 $k$가 5 이하인 곳을 읽는다. 큰 범주에서 [게이트형 특징은 예상대로 뉴런보다 높다.]{.claim key="c05.over_neurons_big"}[게이트형 특징이 뉴런보다 뚜렷이 높다고 할 수 없어, 예상은 확인되지 않는다.]{.otherwise} 차이는 {{< var c05.over_neurons_big >}} [{{< var c05.over_neurons_big_low >}}, {{< var c05.over_neurons_big_high >}}]이다. [무작위 특징과 견주면 더 높다.]{.claim key="c05.over_random_big"}[무작위 특징보다 뚜렷이 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.over_random_big >}} [{{< var c05.over_random_big_low >}}, {{< var c05.over_random_big_high >}}]이다. 이 그림에서 게이트형의 맞수는 기준선만이 아니다. [같은 곳에서 TopK는 게이트형보다 높다.]{.claim key="c05.topk_over_gated_big"}[같은 곳에서 TopK가 게이트형보다 뚜렷이 높다고는 할 수 없다.]{.otherwise} 큰 범주에서 TopK에서 게이트형을 뺀 차이는 {{< var c05.topk_over_gated_big >}} [{{< var c05.topk_over_gated_big_low >}}, {{< var c05.topk_over_gated_big_high >}}]이다. A1이 견주는 두 변형이 가능한 변형의 전부가 아니라는 점을 함께 읽어야 한다.
#
# ::: {.when key="c05.over_neurons_small"}
# 작은 범주에서도 정확도를 같은 방법으로 견준다. [게이트형 특징은 뉴런보다 높다.]{.claim key="c05.over_neurons_small"}[게이트형 특징은 뉴런보다 뚜렷이 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.over_neurons_small >}} [{{< var c05.over_neurons_small_low >}}, {{< var c05.over_neurons_small_high >}}]이다. [무작위 특징과 견주면 더 높다.]{.claim key="c05.over_random_small"}[무작위 특징보다 뚜렷이 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.over_random_small >}} [{{< var c05.over_random_small_low >}}, {{< var c05.over_random_small_high >}}]이다. [TopK는 작은 범주에서 게이트형보다 높다.]{.claim key="c05.topk_over_gated_small"}[TopK가 작은 범주에서 게이트형보다 뚜렷이 높다고는 할 수 없다.]{.otherwise} 차이는 {{< var c05.topk_over_gated_small >}} [{{< var c05.topk_over_gated_small_low >}}, {{< var c05.topk_over_gated_small_high >}}]이다.
# :::
#
# 쓰는 수는 같아도 특징은 뉴런보다 많은 후보 가운데서 골랐고, 토큰마다 켜지고 꺼진다. 뉴런과의 차이에는 그 이점도 들어 있으므로, 학습으로 얻은 몫은 무작위 특징과의 차이에서 읽는 편이 옳다. $k$가 커지면 차이가 줄리라는 예상은 큰 범주에서 따로 확인했다. [게이트형이 뉴런을 앞서는 폭은 $k$가 가장 작을 때보다 가장 클 때 더 작다.]{.claim key="c05.lead_shrinks"}[게이트형이 뉴런을 앞서는 폭이 $k$가 가장 작을 때보다 가장 클 때 더 작다고는 할 수 없으므로, 예상은 확인되지 않는다.]{.otherwise} 가장 작은 $k$에서의 차이에서 가장 큰 $k$에서의 차이를 뺀 값은 {{< var c05.lead_shrinks >}} [{{< var c05.lead_shrinks_low >}}, {{< var c05.lead_shrinks_high >}}]이다. [차이는 줄기는커녕 벌어진다.]{.claim key="c05.lead_grows"}[]{.otherwise} 뉴런을 모두 써도 특징에 미치지 못하는지는 다음 절에서 확인한다.

# %% [markdown] src="2cd5" tags=["en"]
# We read [@fig-probing-baselines] where $k$ is at most 5. On the big label [Gated features are above neurons, as expected.]{.claim key="c05.over_neurons_big"}[Gated features are not clearly above neurons, so the expectation is not confirmed.]{.otherwise} The difference is {{< var c05.over_neurons_big >}} [{{< var c05.over_neurons_big_low >}}, {{< var c05.over_neurons_big_high >}}]. [Against random features they are ahead.]{.claim key="c05.over_random_big"}[They are not clearly above random features.]{.otherwise} The difference is {{< var c05.over_random_big >}} [{{< var c05.over_random_big_low >}}, {{< var c05.over_random_big_high >}}]. The rivals of Gated in this figure are not only baselines. [In the same place TopK is above Gated.]{.claim key="c05.topk_over_gated_big"}[In the same place TopK is not clearly above Gated.]{.otherwise} On the big label TopK minus Gated is {{< var c05.topk_over_gated_big >}} [{{< var c05.topk_over_gated_big_low >}}, {{< var c05.topk_over_gated_big_high >}}]. The two variants that A1 compares are not all the variants there are, and that claim has to be read with this in mind.
#
# ::: {.when key="c05.over_neurons_small"}
# The same comparison on the small label: [Gated features are above neurons.]{.claim key="c05.over_neurons_small"}[Gated features are not clearly above neurons.]{.otherwise} The difference is {{< var c05.over_neurons_small >}} [{{< var c05.over_neurons_small_low >}}, {{< var c05.over_neurons_small_high >}}]. [They are above random features.]{.claim key="c05.over_random_small"}[They are not clearly above random features.]{.otherwise} The difference is {{< var c05.over_random_small >}} [{{< var c05.over_random_small_low >}}, {{< var c05.over_random_small_high >}}]. [On the small label TopK is above Gated.]{.claim key="c05.topk_over_gated_small"}[On the small label TopK is not clearly above Gated.]{.otherwise} The difference is {{< var c05.topk_over_gated_small >}} [{{< var c05.topk_over_gated_small_low >}}, {{< var c05.topk_over_gated_small_high >}}].
# :::
#
# Though equally many are used, the features were chosen from more candidates than the neurons, and they turn on and off with each token. Part of their lead over neurons is that advantage, so what training gave is better read from the lead over random features. Our expectation that the difference shrinks as $k$ grows was checked on the big label by itself. [The lead of Gated over the neurons is smaller at the largest $k$ than at the smallest.]{.claim key="c05.lead_shrinks"}[The lead of Gated over the neurons is not clearly smaller at the largest $k$ than at the smallest, so the expectation is not borne out.]{.otherwise} The lead at the smallest $k$ minus that at the largest $k$ is {{< var c05.lead_shrinks >}} [{{< var c05.lead_shrinks_low >}}, {{< var c05.lead_shrinks_high >}}]. [Far from shrinking, the lead grows.]{.claim key="c05.lead_grows"}[]{.otherwise} Whether all the neurons together still fall short of the features is seen in the next section.

# %% [markdown] tags=["ko"]
# ## 모두 쓰면 얼마나 남는가 {#sec-probing-linear}
#
# 마지막으로 $k$를 없앤다. 특징 전부를 받는 로지스틱 회귀는 날활성값 전부를 받을 때의 정확도를 얼마나 지키는가? SAE는 활성값을 재구성하도록 학습되었으므로, 이상적이라면 잃는 것이 없어야 한다. 우리는 97%를 지키는 것을 기준으로 삼았다. 규제의 세기는 표현마다, 그리고 큰 범주와 작은 범주마다 따로, 훈련 문장틀(또는 문서)의 20%를 떼어 두고 거기서 고른다. 가장 좋은 값이 후보의 처음이나 끝이면 열 배씩 더 넓혀 본다. 날활성값이 후보가 모자라 불리해지지 않게 하려는 것이고, 고른 값은 [@tbl-probing-linear]의 C 열에 적는다(클수록 규제가 약하다). 낱말 TF-IDF [@salton1988]는 띄어쓰기로 나뉜 어절을, 글자 TF-IDF는 어절 안에서 잇닿은 글자 1개에서 4개까지를 센다. 교착어인 한국어에서는 같은 명사라도 조사가 다르면 다른 어절이 되므로 글자 쪽이 더 센 기준선일 것이다.
#
# **예상.** 지키는 몫은 97%를 넘거나 조금 못 미칠 것이다. 소재를 이름으로 부르지 않는 문장에서는 낱말 세기가 크게 무너지고 활성값은 덜 무너질 것이다. 무작위 특징은 수가 많으므로 모두 쓰면 날활성값에 가까울 것이다.

# %% [markdown] src="0315" tags=["en"]
# ## How much is kept when everything is used {#sec-probing-linear}
#
# Finally we drop $k$. Compared with a logistic regression on all raw activations, how much of the accuracy does one on all features keep? An SAE is trained to reconstruct activations, so ideally nothing is lost; the mark we set is 97%. The strength of regularisation is chosen for each representation and for each label size by itself, on 20% of the training templates (or documents) set aside. While the best value is the first or last of the grid, one ten times further is tried, so that raw activations are not held back by the grid. The values chosen are in column C of [@tbl-probing-linear] (the larger, the weaker the penalty). Word TF-IDF [@salton1988] counts the units between spaces; character TF-IDF counts strings of 1 to 4 characters within them. Korean is agglutinative: the same noun with another particle is another word, so the characters should make the stronger baseline.
#
# **Expectation.** The share kept should be above 97% or just below. On sentences that do not name their item, counting words should break down badly and activations less so. Random features are many, so that all of them together should come close to the raw activations.

# %%
represented = {("ko", "q2", name): X for name, X in bags.items()}
represented["ko", "q2", "gated, sum"] = sums["gated", "q2"]
represented["ko", "q3", "raw"] = {split: kc.probing.document_means(study.acts(split, "ko", late)) for split in docs}
represented["ko", "q3", "gated"] = means["gated", "q3"]

# %%
if "en" in langs:
    english, _ = study.sae("gated", "en", middle)
    represented["en", "q2", "raw"] = {split: kc.probing.document_means(study.acts(split, "en")) for split in docs}
    represented["en", "q2", "gated"] = per_token(pooled(english, "en"), "en")

# %%
counted = {}
counts = [("ko", "words", "word", 1), ("ko", "characters", "char_wb", 4), ("en", "words", "word", 1)]

# %%
for lang, name, analyzer, longest in [each for each in counts if each[0] in ("ko", *langs)]:
    count = TfidfVectorizer(analyzer=analyzer, ngram_range=(1, longest), min_df=2, max_features=8000)
    known = count.fit_transform(study.records("train", lang).texts)
    counted[lang, "", name] = {"train": known, "test": count.transform(study.records("test", lang).texts)}

# %%
strength = {}  # C by representation and label, and whether it lies inside what was tried

# %%
def linear_hits(key, X, Cs, standardise):
    """Which test sentences a logistic regression labels rightly, for each label with a C of its own."""
    hits = {}
    for size in sizes:
        model = kc.probing.linear_probe(X["train"], y["train"][size], docs["train"], Cs=Cs, standardise=standardise, seed=seed)
        hits[size] = model.predict(X["test"]) == y["test"][size]
        strength[key, size] = model.C_, model.Cs_[0] < model.C_ < model.Cs_[-1]
    return hits

# %%
linear = {key: linear_hits(key, X, (0.001, 0.01, 0.1), True) for key, X in represented.items()}
linear |= {key: linear_hits(key, X, (1.0, 10.0), False) for key, X in counted.items()}
results.claim("strengths_inside", all(inside for _, inside in strength.values()), "no strength chosen is the first or last of its grid")

# %%
for name, size in itertools.product(("raw", "gated"), sizes):
    C = strength[("ko", "q2", name), size][0]
    results.record(f"strength_{name}_{size}", C, "inverse penalty", "g", tolerance=10 * C)

# %%
subsets = {"": np.ones(len(test), bool)} if names_item.all() else {"": names_item, "_unnamed": ~names_item}
shown = []

# %%
for key, hits in linear.items():
    row = {"read at": " ".join(filter(None, key[:2])), "representation": key[2]}
    name = "_".join(part for part in key if part).replace(", ", "_")
    for (suffix, which), size in itertools.product(subsets.items(), sizes):
        samples = kc.probing.cluster_bootstrap(hits[size][which], docs["test"][which], draws, seed)[:, 0]
        low, high = kc.probing.interval(samples)
        value = results.record(f"linear_{name}_{size}{suffix}", hits[size][which].mean(), "accuracy", ".3f", None, (low, high), 0.06)
        row[size + suffix.replace("_", ", ")] = f"{value:.3f} [{low:.2f}, {high:.2f}]"
    row["C"] = ", ".join(f"{strength[key, size][0]:g}" for size in sizes)
    shown.append(row)

# %%
#| label: tbl-probing-linear
#| tbl-cap-ko: "모든 성분을 쓰는 로지스틱 회귀의 시험 정확도와 95% 구간. unnamed는 소재를 이름으로 부르지 않는 문장이고, 나머지 열은 그것을 뺀 것이다. sum은 평균 대신 합으로 모은 것이다. C는 범주 조건마다 고른 규제의 세기의 역수."
#| tbl-cap-en: "Test accuracy of logistic regressions on all components, with 95% intervals. Columns marked unnamed are sentences that do not name their item, which the other columns leave out; sum is pooled by sum and not by mean. C is the inverse penalty chosen for each label."
kc.plots.table(pd.DataFrame(shown))

# %%
kept, within, surely = [], {}, {}  # surely: the bounds of each share

# %%
for (lang, layer, name), (suffix, which), size in itertools.product(linear, subsets.items(), sizes):
    if layer == "" or name in ("raw", "gated, sum"):
        continue
    pair = np.stack([linear[lang, layer, n][size][which] for n in (name, "raw")], 1)
    samples = kc.probing.cluster_bootstrap(pair, docs["test"][which], draws, seed)
    if suffix and pair[:, 1].mean() < 0.1:
        continue  # a share of next to nothing says nothing
    share, shares = pair[:, 0].mean() / max(pair[:, 1].mean(), 1e-9), samples[:, 0] / samples[:, 1].clip(1e-9)
    within_share = 0.06 / pair[:, 1].mean().clip(0.06)  # what a tolerance of 0.06 in accuracy makes of the share
    low, high = record_with_interval(f"kept_{lang}_{layer}_{name}_{size}{suffix}", share, shares, "share", ".1%", within_share)
    within[lang, layer, name, size + suffix] = share >= 0.97
    surely[lang, layer, name, size + suffix] = low, high
    kept.append((f"{lang} {layer}", name, size + suffix.replace("_", ", "), f"{share:.1%} [{low:.1%}, {high:.1%}]"))
    short = max(0.0, 0.97 - share)
    results.record(f"short_{lang}_{layer}_{name}_{size}{suffix}", short, "share", ".1%", tolerance=within_share)

# %%
#| label: tbl-probing-kept
#| tbl-cap-ko: "날활성값 정확도 가운데 특징이 지킨 몫과 95% 구간. 같은 언어, 같은 층의 날활성값에 대한 비이며, 날활성값의 정확도가 10%에 못 미치는 칸은 비워 둔다."
#| tbl-cap-en: "Share of the raw activations' accuracy that features keep, with 95% intervals, against the raw activations of the same language and layer; cells where these are under 10% are left empty."
frame = pd.DataFrame(kept, columns=["read at", "representation", "label", "share"])
frame = frame.pivot(index=["read at", "representation"], columns="label", values="share")
kc.plots.table(frame.reset_index())

# %%
for size in sizes:
    results.claim(f"kept97_{size}", within["ko", "q2", "gated", size], f"gated q2 keeps at least 97% of raw accuracy, {size}")
lows, highs = zip(*(surely["ko", "q2", "random", size] for size in sizes), strict=True)
statement = "random features keep over 100% of raw accuracy, every label size, interval above 1"
results.claim("random_above_raw", min(lows) > 1, statement, against=min(highs) < 1, close=abs(min(lows) - 1) < 0.1)

# %%
def ahead(key, first, second, size, which, statement):
    """Record by how much one representation is ahead of another, and whether surely so."""
    pair = np.stack([linear[first][size][which], linear[second][size][which]], 1)
    samples = kc.probing.cluster_bootstrap(pair, docs["test"][which], draws, seed)
    gap = pair[:, 0].mean() - pair[:, 1].mean()
    low, high = record_with_interval(key, gap, samples[:, 0] - samples[:, 1], "accuracy", "+.3f")
    results.claim(key, low > 0, statement, against=high < 0, close=min(abs(low), abs(high)) < 0.02)

# %%
for suffix, which in subsets.items():
    pair = ("ko", "q2", "raw"), ("ko", "", "characters")
    solved = max(linear[each][finest][which].mean() for each in pair)
    if suffix:
        results.claim("unnamed_unsolved", solved < 0.1, "raw activations and character TF-IDF are both under 10% on unnamed items", close=abs(solved - 0.1) < 0.06)
    ahead(f"raw_over_characters{suffix}", *pair, finest, which, "raw activations above character TF-IDF, interval above 0")
pair = ("ko", "q2", "gated"), ("ko", "q2", "gated, sum")

# %%
ahead("mean_over_sum", *pair, "big", subsets[""], "mean pooling above sum pooling, interval above 0")

# %% [markdown] tags=["ko"]
# 큰 범주에서 고른 C는 날활성값이 {{< var c05.strength_raw_big >}}, 중간층 게이트형이 {{< var c05.strength_gated_big >}}이다. [고른 세기는 모두 후보의 안쪽에 있으므로, 결과가 후보의 범위에 매이지 않는다.]{.claim key="c05.strengths_inside"}[후보의 끝에 걸린 세기가 있다.]{.otherwise} 큰 범주에서 중간층 게이트형 특징의 정확도는 날활성값의 {{< var c05.kept_ko_q2_gated_big >}} [{{< var c05.kept_ko_q2_gated_big_low >}}, {{< var c05.kept_ko_q2_gated_big_high >}}]이다. [큰 범주에서 97% 기준을 충족한다.]{.claim key="c05.kept97_big"}[큰 범주에서 97% 기준에 {{< var c05.short_ko_q2_gated_big >}}만큼 못 미친다.]{.otherwise} 같은 비가 표준형은 {{< var c05.kept_ko_q2_standard_big >}}, TopK는 {{< var c05.kept_ko_q2_topk_big >}}, 무작위 특징은 {{< var c05.kept_ko_q2_random_big >}}이다.
#
# ::: {.when key="c05.kept97_small"}
# 작은 범주에서 게이트형의 비는 {{< var c05.kept_ko_q2_gated_small >}} [{{< var c05.kept_ko_q2_gated_small_low >}}, {{< var c05.kept_ko_q2_gated_small_high >}}]이다. [작은 범주에서 97% 기준을 충족한다.]{.claim key="c05.kept97_small"}[작은 범주에서 97% 기준에 {{< var c05.short_ko_q2_gated_small >}}만큼 못 미친다.]{.otherwise} 무작위 특징의 비는 {{< var c05.kept_ko_q2_random_small >}}이다.
# :::
#
# 비가 100%를 넘을 수도 있는가? 특징은 활성값에서 계산되므로 토큰 하나만 놓고 보면 활성값에 없던 정보를 더할 수 없다. 그러나 이 탐침은 토큰이 아니라 문장의 평균을 본다. 활성값을 그대로 평균하면 토큰들이 한데 섞이지만, 특징은 평균하기 전에 토큰마다 켜지고 꺼지므로 한 토큰이 남긴 자국이 평균 속에도 남을 수 있다. 성분의 수가 많다는 점도 선형 탐침에 이로울 수 있다. 그러니 100%를 크게 넘는 비는 특징이 활성값보다 많이 안다는 뜻이 아니라, 평균한 활성값이 약한 기준선이라는 뜻으로 읽어야 한다. 그럴 때 97%라는 기준은 너무 쉬워서 재구성이 잃은 것을 재지 못한다.
#
# 무작위 특징도 함께 읽어야 한다. [무작위 특징의 비도 구간이 통째로 100%를 넘는다. 위의 설명에 맞는 결과이고, 날활성값에 가까우리라던 예상은 틀렸다. 학습하지 않은 특징도 97%를 넘으므로, 그 기준을 넘었다는 것만으로는 학습에 대해 아무것도 알 수 없다.]{.claim key="c05.random_above_raw"}[모든 범주 조건에서 무작위 특징의 구간이 통째로 100%를 넘는 것은 아니므로, 위의 설명이 무작위 특징으로 뒷받침되지는 않는다.]{.otherwise} 학습으로 얻은 것은 학습된 특징과 무작위 특징의 차이에서, 또는 [@fig-probing-baselines]의 작은 $k$에서 찾아야 한다.
#
# 낱말 세기와의 비교에서는 가장 잘게 나눈 범주를 본다. [날활성값은 글자 TF-IDF보다 높다.]{.claim key="c05.raw_over_characters"}[날활성값이 글자 TF-IDF를 앞선다고 할 수 없다. 범주의 이름이 그대로 나오는 문장에서는 글자를 세는 것만으로 답이 나오므로 놀랄 일은 아니다.]{.otherwise} 차이는 {{< var c05.raw_over_characters >}} [{{< var c05.raw_over_characters_low >}}, {{< var c05.raw_over_characters_high >}}]이다.
#
# ::: {.when key="c05.raw_over_characters_unnamed"}
# 이름을 부르지 않는 문장에서는 [날활성값이 글자 TF-IDF보다 높다.]{.claim key="c05.raw_over_characters_unnamed"}[날활성값이 글자 TF-IDF보다 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c05.raw_over_characters_unnamed >}} [{{< var c05.raw_over_characters_unnamed_low >}}, {{< var c05.raw_over_characters_unnamed_high >}}]이다. 글자의 겹침을 넘어서 뜻을 담았다면 모델은 바로 이런 문장에서 앞서야 한다. 정확도는 날활성값 {{< var c05.linear_ko_q2_raw_small_unnamed >}}, 글자 TF-IDF {{< var c05.linear_ko_characters_small_unnamed >}}이고 우연 수준은 1/{{< var c05.n_small >}}이다. [둘 다 10%에도 못 미친다. 비겼다기보다 둘 다 풀지 못한 것이어서, 이 비교는 어느 쪽 편도 들지 않는다.]{.claim key="c05.unnamed_unsolved"}[둘 가운데 적어도 하나는 10%를 넘으므로 이 비교를 둘 다 풀지 못한 것으로 볼 수는 없다.]{.otherwise} 큰 범주라면 날활성값 {{< var c05.linear_ko_q2_raw_big_unnamed >}}, 글자 TF-IDF {{< var c05.linear_ko_characters_big_unnamed >}}이다(구간은 [@tbl-probing-linear]). 활성값이 덜 무너지리라던 예상은 무너진 폭만이 아니라 남은 높이로도 보아야 한다. 처음부터 낮은 값은 떨어질 자리도 적다.
# :::
#
# 모으는 방법은 어떤가? [평균으로 모으면 합으로 모을 때보다 높다.]{.claim key="c05.mean_over_sum"}[평균으로 모으는 쪽이 합으로 모으는 쪽보다 뚜렷이 높다고는 할 수 없다.]{.otherwise} 큰 범주에서 차이는 {{< var c05.mean_over_sum >}} [{{< var c05.mean_over_sum_low >}}, {{< var c05.mean_over_sum_high >}}]이다. 어느 쪽이든 우리 절차는 평균을 쓴다. 날활성값을 평균으로 모았으니 특징도 그래야 비교가 공정하다.

# %% [markdown] src="a7b2" tags=["en"]
# On the big label the C chosen is {{< var c05.strength_raw_big >}} for raw activations and {{< var c05.strength_gated_big >}} for Gated of the middle layer. [Every strength chosen lies inside its grid, so that no edge of a grid binds the results.]{.claim key="c05.strengths_inside"}[Some strength chosen is at an edge of its grid.]{.otherwise} On the big label, Gated features of the middle layer have {{< var c05.kept_ko_q2_gated_big >}} [{{< var c05.kept_ko_q2_gated_big_low >}}, {{< var c05.kept_ko_q2_gated_big_high >}}] of the accuracy of the raw activations. [On the big label they meet the mark of 97%.]{.claim key="c05.kept97_big"}[On the big label they fall short of the mark of 97% by {{< var c05.short_ko_q2_gated_big >}}.]{.otherwise} The same ratio is {{< var c05.kept_ko_q2_standard_big >}} for Standard, {{< var c05.kept_ko_q2_topk_big >}} for TopK and {{< var c05.kept_ko_q2_random_big >}} for random features.
#
# ::: {.when key="c05.kept97_small"}
# On the small label the ratio of Gated is {{< var c05.kept_ko_q2_gated_small >}} [{{< var c05.kept_ko_q2_gated_small_low >}}, {{< var c05.kept_ko_q2_gated_small_high >}}]. [On the small label it meets the mark of 97%.]{.claim key="c05.kept97_small"}[On the small label it falls short of the mark of 97% by {{< var c05.short_ko_q2_gated_small >}}.]{.otherwise} The ratio of random features is {{< var c05.kept_ko_q2_random_small >}}.
# :::
#
# Can the ratio exceed 100%? Features are computed from activations, so for any one token they cannot add information that the activation lacks. But this probe sees the mean of a sentence, not tokens. Activations averaged as they are blend the tokens, whereas features turn on and off with each token before they are averaged, so that the trace of a single token may survive in the mean. Having more components may help a linear probe as well. A ratio far above 100% should therefore be read to say not that features know more than activations, but that averaged activations are a weak baseline. The mark of 97% is then too easy to measure what reconstruction has lost.
#
# The random features have to be read along with the rest. [Their ratio is above 100% too, with its whole interval. That fits the explanation above, and our expectation that they would come close to the raw activations was wrong. As features that were never trained pass 97%, passing the mark tells nothing about training by itself.]{.claim key="c05.random_above_raw"}[Their interval does not lie wholly above 100% on every label, so random features do not bear out the explanation above.]{.otherwise} What training gave has to be looked for in the difference between trained and random features, or at the small $k$ of [@fig-probing-baselines].
#
# For the comparison with counting we look at the finest label there is. [Raw activations are above character TF-IDF.]{.claim key="c05.raw_over_characters"}[Raw activations are not clearly ahead of character TF-IDF. Where a sentence names its category outright, counting characters is enough to find the answer, so this should surprise nobody.]{.otherwise} The difference is {{< var c05.raw_over_characters >}} [{{< var c05.raw_over_characters_low >}}, {{< var c05.raw_over_characters_high >}}].
#
# ::: {.when key="c05.raw_over_characters_unnamed"}
# On sentences that do not name their item, [raw activations are above character TF-IDF.]{.claim key="c05.raw_over_characters_unnamed"}[raw activations are not clearly above character TF-IDF.]{.otherwise} The difference is {{< var c05.raw_over_characters_unnamed >}} [{{< var c05.raw_over_characters_unnamed_low >}}, {{< var c05.raw_over_characters_unnamed_high >}}]. If the model held meaning beyond shared characters, it is on these sentences that it would have to be ahead. Accuracy is {{< var c05.linear_ko_q2_raw_small_unnamed >}} for raw activations and {{< var c05.linear_ko_characters_small_unnamed >}} for character TF-IDF, and chance is 1/{{< var c05.n_small >}}. [Both are under 10%. This is less a draw than a failure of both, and the comparison takes neither side.]{.claim key="c05.unnamed_unsolved"}[At least one is over 10%, so the comparison cannot be put down to a failure of both.]{.otherwise} On the big label the two are {{< var c05.linear_ko_q2_raw_big_unnamed >}} and {{< var c05.linear_ko_characters_big_unnamed >}} (intervals in [@tbl-probing-linear]). Our expectation that activations break down less has to be judged not by the fall alone but also by the height that is left: a value that is low to begin with has little room to fall.
# :::
#
# And pooling? [Pooling by mean is above pooling by sum.]{.claim key="c05.mean_over_sum"}[Pooling by mean is not clearly above pooling by sum.]{.otherwise} On the big label the difference is {{< var c05.mean_over_sum >}} [{{< var c05.mean_over_sum_low >}}, {{< var c05.mean_over_sum_high >}}]. Our protocol uses the mean either way: raw activations are pooled by mean, and the comparison is fair only if features are too.

# %% [markdown] tags=["ko"]
# ## 작은 과제 여럿에서 {#sec-probing-many}
#
# 지금까지는 과제가 둘이었다. @{kantamneni2025}은 '이것인가 아닌가'를 묻는 작은 과제를 백 개 넘게 모아, 날활성값을 쓰는 탐침의 도구 상자에 SAE 특징을 쓰는 탐침을 더하면 꾸준히 나아지는지 물었다. 과제 하나하나에서는 특징이 앞서기도 했지만 도구 상자는 꾸준히 나아지지 않았고, 여러 토큰을 모아 읽을 때 보이던 이점도 간단한 기준선으로 얻을 수 있었다. 여기서는 문장의 마지막 토큰을 읽고, 견주어 보려고 문장의 평균도 읽는다. 그 방법을 따르되 셋을 달리한다. 논문은 특징의 탐침에 L1을 쓰지만 우리는 모두 L2를 쓰고, 논문의 기준선에는 PCA, 최근접 이웃, XGBoost, MLP도 있지만 우리 것에는 로지스틱 회귀뿐이며, 문장의 평균을 읽을 때에도 논문이 견준 여러 토큰의 기준선 없이 평균한 날활성값과만 견준다. 이런 탐침을 희소 탐침(sparse probing)이라 한다. 라벨의 값 하나하나가 과제 하나이며, 라벨마다 돌아가며 하나씩 무작위로 뽑는다. 예와 아니요는 같은 수로 맞추고, 훈련 분할에서 예와 아니요의 평균이 가장 많이 다른 성분 $k$개를 골라 로지스틱 회귀를 학습하며, 규제의 세기는 훈련 문장 가운데 문장틀을 가리지 않고 무작위로 떼어 낸 것에서만 고른다. 재는 것은 시험 분할에서의 AUC(예 하나와 아니요 하나를 뽑았을 때 예에 더 큰 값을 줄 확률)이다. 문장의 평균은 이 장의 다른 절에서 읽은 것이다. 시험에는 소재를 이름으로 부르는 문장만 쓴다.
#
# 변형들을 같은 조건에 놓으려고 [@sec-var-pareto]에서 학습한 SAE를 쓴다. 특징은 {{< var c05.front_features >}}개, 토큰마다 켜지는 특징은 {{< var c05.front_l0 >}}개쯤이고, 무작위 특징도 이에 맞춘다. 과제는 {{< var c05.many_tasks >}}개이며, 훈련 문장은 과제마다 {{< var c05.many_smallest >}}개에서 {{< var c05.many_largest >}}개까지이다. 구간은 과제를 다시 뽑아 얻는다. 같은 과제에서의 차이를 보므로 과제의 쉽고 어려움은 상쇄된다.
#
# **예상.** 마지막 토큰에서 $k$가 1이면 특징이 뉴런을 앞설 것이다. 모두 쓰면 특징은 날활성값을 앞서지 못할 것이다. 특징은 활성값에서 계산되므로 활성값에 없는 정보를 담을 수 없기 때문이다. 특징의 탐침을 도구 상자에 더하여 검증 점수가 가장 좋은 것을 과제마다 골라도, 논문에서처럼 얻는 것이 없을 것이다. 마지막 토큰에서 이 예상이 빗나간다면, 이 모델에서는 선형 탐침만으로 찾지 못하는 것을 사전으로 찾은 셈이다.

# %% [markdown] src="da6c" tags=["en"]
# ## On many small tasks {#sec-probing-many}
#
# So far there were two tasks. @{kantamneni2025} gathered over a hundred small ones that ask 'this or not?', and asked whether a toolbox of probes on raw activations gets consistently better when probes on SAE features are added. On single tasks features were sometimes ahead, but the toolbox did not get consistently better, and an advantage seen when several tokens are pooled could be had with simple baselines as well. Here we read the last token of a sentence and, for comparison, the mean of the sentence. We follow that method with three differences: the paper has L1 for the probes on features, we have L2 for all; its baselines include PCA, nearest neighbours, XGBoost and an MLP, ours are logistic regressions alone; and where we read the mean of the sentence, we compare with averaged raw activations only and not with the paper's baselines for several tokens. Such probing is called sparse. Every value of a label makes one task, and they are drawn at random, one of each label in turn. Yes and no are made equally many, the $k$ components whose means differ most between yes and no in the training split are chosen, a logistic regression is trained on them, and the strength of its penalty is chosen on part of the training sentences alone, drawn without regard to templates. What is measured is AUC on the test split (the probability that of a yes and a no drawn at random the yes gets the larger value). The mean of the sentence is what the rest of this chapter reads. Only sentences that name their item are used for testing.
#
# To put variants on the same footing we use the SAEs of [@sec-var-pareto], with {{< var c05.front_features >}} features of which about {{< var c05.front_l0 >}} fire per token; the random features match that. There are {{< var c05.many_tasks >}} tasks with {{< var c05.many_smallest >}} to {{< var c05.many_largest >}} training sentences each. Intervals come from drawing tasks again. As differences are taken within a task, it does not matter that some tasks are easier than others.
#
# **Expectation.** At the last token, with $k$ of 1, features should be ahead of neurons. With all components features should not be ahead of raw activations: they are computed from activations and hold no information that these do not. Nor, as in the paper, should anything be gained by adding the probes on features to the toolbox and choosing for each task what validates best. If this fails at the last token, the dictionary has found for us, in this model, what a linear probe does not find.

# %%
front = dataclasses.replace(study, n_features=front_features, k=front_l0, steps=front_steps)

# %%
def near_l0(variant, lang="ko", s=seed, store=None):
    """The SAE of chapter 3's fronts: a variant that turns on about `front_l0` features per token; or one of another store."""
    by_k = "k" in kc.VARIANTS[variant].options
    config = kc.SAEConfig(variant, front_features, k=front_l0 if by_k else None)
    schedule = kc.TrainConfig(front_steps, batch_size, target_l0=None if by_k else float(front_l0), seed=s)
    if store is not None:
        return kc.train(config, store, schedule)[0].cpu()
    train_acts, held_acts = (front.acts(split, lang, middle) for split in ("train", "test"))
    return kc.train(config, train_acts, schedule, held=held_acts)[0].cpu()

# %%
fronts = {(v, s): near_l0(v, s=s) for v, s in itertools.product(front_variants, front_seeds)}
blank = kc.probing.random_sae(fronts[front_variants[0], front_seeds[0]], front_l0, seed)

# %%
task_rows = 10  # of each answer, on either side
asked = [name for name in train.label_names if name not in ("names_item", "template", "pair")]
tested = kc.Corpus([r for r, named in zip(test, names_item, strict=True) if named], corpus, "test")
tasks = probing_tasks.binary_tasks(train, tested, asked, min_count=task_rows, cap=task_cap, seed=seed)

# %%
tasks = [tasks[i] for i in np.random.default_rng(seed).permutation(len(tasks))]
kinds = pd.Series([task.name.split("=")[0] for task in tasks])
turns = kinds.groupby(kinds).cumcount().sort_values(kind="stable").index  # one task of each label in turn
tasks = [tasks[i] for i in turns[:n_tasks]]

# %%
n_rows = [len(task.train_N) for task in tasks]
for key, value, unit in (("tasks", len(tasks), "tasks"), ("smallest", min(n_rows), "sentences"), ("largest", max(n_rows), "sentences")):
    results.record(f"many_{key}", value, unit, tolerance=0)
for key, value in (("features", front_features), ("l0", front_l0), ("seeds", len(front_seeds))):
    results.record(f"front_{key}", value, key, tolerance=0)

# %%
def last_tokens(sae=None):
    """The last token of each sentence, as neurons or as features, for training and test."""
    found = []
    for split, kept in (("train", slice(None)), ("test", names_item)):
        store = study.acts(split)
        acts_MD = store.batch(probing_tasks.last_rows(store)[kept]).float()
        found.append(acts_MD.numpy() if sae is None else sparse.csr_array(sae.encode(acts_MD).detach().numpy()))
    return tuple(found)

# %%
def mean_tokens(sae=None):
    """The mean over each sentence, in the same form."""
    X = raw if sae is None else per_token(pooled(sae))
    return X["train"], X["test"][np.flatnonzero(names_item)]

# %%
sources = {("raw", 0): last_tokens(), ("random", 0): last_tokens(blank)}
sources |= {key: last_tokens(sae) for key, sae in fronts.items()}
averaged = "batchtopk" if "batchtopk" in front_variants else front_variants[-1]
sources |= {("raw, mean", 0): mean_tokens(), (f"{averaged}, mean", 0): mean_tokens(fronts[averaged, front_seeds[0]])}

# %%
many_ks = (1, 2, 5, None)
probed = {key: sparse_probing.sparse_probing(tasks, {key[0]: X}, many_ks, seed=seed, max_iter=100) for key, X in sources.items()}

# %%
frame = pd.DataFrame([vars(score) | {"k": score.k or 0} for part in probed.values() for score in part])
auc = frame.pivot_table(index="task", columns=["source", "k"], values="test_auc")  # the mean over seeds

# %%
def ahead_on_tasks(one, other):
    """Mean difference in AUC over the tasks, and its 95% interval."""
    gap_T = (one - other).to_numpy()
    return float(gap_T.mean()), *kc.probing.interval(kc.probing.cluster_bootstrap(gap_T, np.arange(len(gap_T)), draws, seed)[:, 0])

# %%
def record_gap(key, gap, low, high, unit="AUC", tolerance=0.05):
    """Record a difference with its interval; returns the bounds."""
    results.record(key, gap, unit, "+.3f", interval=(low, high), tolerance=tolerance)
    results.record(f"{key}_low", low, unit, "+.3f", tolerance=tolerance)
    results.record(f"{key}_high", high, unit, "+.3f", tolerance=tolerance)
    return low, high

# %%
def claim_above(key, bounds, statement, near=0.03):
    """Claim that a difference is above 0: shown by an interval above 0, contradicted by one below."""
    low, high = bounds
    results.claim(key, low > 0, f"{statement}, interval above 0", against=high < 0, close=min(abs(low), abs(high)) < near)

# %%
for source, each in itertools.product(auc.columns.levels[0], (1, 2, 5, 0)):
    name = source.replace(", ", "_")
    results.record(f"many_{name}_{each or 'all'}", auc[source, each].mean(), "AUC", ".3f", tolerance=0.05)

# %%
trained = {each: auc[front_variants].xs(each, axis=1, level="k").mean(axis=1) for each in (1, 2, 5, 0)}
over_neuron = record_gap("many_over_raw_1", *ahead_on_tasks(trained[1], auc["raw", 1]))
over_random = record_gap("many_over_random_1", *ahead_on_tasks(trained[1], auc["random", 1]))
record_gap("many_over_raw_all", *ahead_on_tasks(trained[0], auc["raw", 0]))
behind = ahead_on_tasks(auc["raw", 0], trained[0])[1:]

# %%
claim_above("many_one_above_neuron", over_neuron, "last token, one feature above one neuron, mean of the variants")
claim_above("many_one_above_random", over_random, "last token, one trained feature above one random feature")
claim_above("many_raw_ahead", behind, "last token, all raw activations above all features, mean of the variants")

# %%
whole = {v: ahead_on_tasks(auc[v, 0], auc["raw", 0]) for v in front_variants}
best = max(whole, key=lambda v: whole[v][0])
results.record("many_best", best, "variant")
low, high = record_gap("many_best_over_raw", *whole[best])
statement = "last token, the best variant with all features is not above all raw activations, interval over tasks below 0"
results.claim("many_raw_unbeaten", high < 0, statement, against=low > 0, close=min(abs(low), abs(high)) < 0.03)
results.record("many_wins", (auc[best, 0] > auc["raw", 0]).mean(), "share of tasks", ".0%", tolerance=0.25)

# %%
arrows = probed["raw", 0] + [score for v in front_variants for score in probed[v, front_seeds[0]]]
quiver = {v: sparse_probing.quiver_gain(arrows, v, draws=draws, seed=seed) for v in front_variants}
most = max(quiver, key=lambda v: quiver[v][0])
results.record("many_quiver_variant", most, "variant")
low, high = record_gap("many_quiver", quiver[most][0], *quiver[most][1])
statement = "a toolbox with the probes of a variant is above one of raw probes alone, interval above 0"
results.claim("many_quiver_gains", low > 0, statement, against=high <= 0, close=min(abs(low), abs(high)) < 0.02)

# %%
results.record("many_averaged", averaged, "variant")
whole_mean = record_gap("many_mean_over_raw", *ahead_on_tasks(auc[f"{averaged}, mean", 0], auc["raw, mean", 0]))
one_mean = record_gap("many_mean_one", *ahead_on_tasks(auc[f"{averaged}, mean", 1], auc["raw, mean", 1]))
claim_above("many_mean_ahead", whole_mean, "read as means, all features above all raw activations")
claim_above("many_mean_one_ahead", one_mean, "read as means, one feature above one neuron")

# %%
#| label: fig-probing-many
#| fig-cap-ko: "작은 과제들에서의 희소 탐침, 마지막 토큰. 왼쪽은 과제에 걸친 평균 AUC, 오른쪽은 같은 k의 날활성값과의 차이와 과제를 다시 뽑은 95% 구간이다. 가로축의 all은 모든 성분을 쓴 것이고, 점들은 겹치지 않게 옆으로 조금씩 옮겨 그렸다."
#| fig-cap-en: "Sparse probing on small tasks, last token. Left: mean AUC over the tasks. Right: difference to the raw activations at the same k, with 95% intervals from drawing tasks again. On the horizontal axis all stands for all components; points are moved sideways a little so that they do not overlap."
#| fig-alt-ko: "왼쪽 칸은 k에 따라 오르는 AUC 곡선으로 변형마다 한 줄이고 날활성값과 무작위 특징이 곁에 있다. 오른쪽 칸은 변형마다 날활성값과의 차이를 구간과 함께 찍은 점이며 0에 가로선이 있다."
#| fig-alt-en: "The left panel has curves of AUC that rise with k, one for each variant, with raw activations and random features beside them. The right panel has points with intervals for the difference of each variant to raw activations, with a horizontal line at 0."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 3.1))
shown_sources = ["raw", "random", *front_variants]
for i, name in enumerate(shown_sources):
    color = kc.plots.VARIANT_COLORS[name]
    left.plot(range(4), [auc[name, each].mean() for each in (1, 2, 5, 0)], "o-", ms=3, color=color, label=name)
    if name != "raw":
        gaps = np.array([ahead_on_tasks(auc[name, each], auc["raw", each]) for each in (1, 2, 5, 0)])
        at = np.arange(4) + (i - 4) * 0.1
        right.errorbar(at, gaps[:, 0], abs(gaps[:, 1:] - gaps[:, :1]).T, fmt="o", ms=3, lw=1, color=color)
right.axhline(0, color="#333333", lw=0.8)
for ax in (left, right):
    ax.set_xticks(range(4), ["1", "2", "5", "all"])
    ax.set_xlabel("components, k")
left.set_ylabel("AUC")
right.set_ylabel("AUC minus that of raw")
fig.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=4)
kc.plots.save(fig, "fig-probing-many")

# %%
#| label: tbl-probing-many
#| tbl-cap-ko: "희소 탐침의 평균 AUC. mean은 마지막 토큰 대신 문장의 평균을 읽은 것이다. 마지막 두 열은 모든 성분을 쓸 때 날활성값(마지막 토큰)의 모든 성분과의 차이와 95% 구간, 앞선 과제의 비율이다."
#| tbl-cap-en: "Mean AUC of sparse probes. Rows with mean read the mean of the sentence in place of the last token. The last two columns: with all components, the difference to all raw activations (last token) with its 95% interval, and the share of tasks won."
table = pd.DataFrame({f"k = {each or 'all'}": auc.xs(each, axis=1, level="k").mean() for each in (1, 2, 5, 0)})
table = table.loc[[*shown_sources, "raw, mean", f"{averaged}, mean"]]
gaps = {name: ahead_on_tasks(auc[name, 0], auc["raw", 0]) for name in table.index[1:]}
table["all, against raw"] = pd.Series({name: f"{gap:+.3f} [{low:+.3f}, {high:+.3f}]" for name, (gap, low, high) in gaps.items()})
table["won"] = pd.Series({name: f"{(auc[name, 0] > auc['raw', 0]).mean():.0%}" for name in gaps})
kc.plots.table(table.fillna("").rename_axis("read").reset_index(), fmt=".3f")

# %% [markdown] tags=["ko"]
# [@fig-probing-many]와 [@tbl-probing-many]를 읽는다. 성분 하나로는 날활성값의 뉴런이 {{< var c05.many_raw_1 >}}, 무작위 특징이 {{< var c05.many_random_1 >}}이고, 학습된 변형들의 평균에서 뉴런의 값을 뺀 차이는 {{< var c05.many_over_raw_1 >}} [{{< var c05.many_over_raw_1_low >}}, {{< var c05.many_over_raw_1_high >}}]이다. [예상대로 특징 하나가 뉴런 하나를 앞선다.]{.claim key="c05.many_one_above_neuron"}[특징 하나가 뉴런 하나를 뚜렷이 앞선다고 할 수 없다.]{.otherwise} [특징 하나가 무작위 특징 하나를 앞서므로, 학습으로 얻은 것이 있다.]{.claim key="c05.many_one_above_random"}[특징 하나가 무작위 특징 하나를 뚜렷이 앞선다고는 할 수 없으므로, 학습으로 무엇을 얻었는지는 이 수로 말할 수 없다.]{.otherwise} 무작위 특징과의 차이는 {{< var c05.many_over_random_1 >}} [{{< var c05.many_over_random_1_low >}}, {{< var c05.many_over_random_1_high >}}]이다.
#
# 모두 쓰면 AUC는 날활성값이 {{< var c05.many_raw_all >}}, 무작위 특징이 {{< var c05.many_random_all >}}이다. [@tbl-probing-many]에서 이때 무작위 특징보다 낮은 변형에 대해서는, 학습으로 무엇을 얻었다고 할 수 없다. 변형들의 평균에서 날활성값의 값을 뺀 차이는 {{< var c05.many_over_raw_all >}} [{{< var c05.many_over_raw_all_low >}}, {{< var c05.many_over_raw_all_high >}}]이다. [날활성값이 앞선다.]{.claim key="c05.many_raw_ahead"}[날활성값이 뚜렷이 앞선다고는 할 수 없다.]{.otherwise} 변형 가운데 가장 높은 {{< var c05.many_best >}}의 차이는 {{< var c05.many_best_over_raw >}} [{{< var c05.many_best_over_raw_low >}}, {{< var c05.many_best_over_raw_high >}}]이고, 과제의 {{< var c05.many_wins >}}에서 앞선다. [마지막 토큰에서는 가장 높은 변형도 날활성값에 뒤진다.]{.claim key="c05.many_raw_unbeaten"}[가장 높은 변형이 날활성값에 뒤진다고는 할 수 없다. 구간이 0을 품으면 어느 쪽이 앞선다고도 할 수 없다. 다만 변형 여럿 가운데 가장 높은 것을 골라 견주었으므로, 구간은 그만큼 특징에 유리하다.]{.otherwise} 도구 상자에 특징의 탐침을 더할 때 이득이 가장 큰 변형은 {{< var c05.many_quiver_variant >}}이고, 그 이득은 {{< var c05.many_quiver >}} [{{< var c05.many_quiver_low >}}, {{< var c05.many_quiver_high >}}]이다. [도구 상자는 나아진다. 논문의 부정적인 결과와는 다르다.]{.claim key="c05.many_quiver_gains"}[도구 상자가 나아진다고 할 수 없다. 논문의 부정적인 결과와 맞는다.]{.otherwise} 이득과 구간이 모두 0이면 어느 과제에서도 얻은 것이 없다는 뜻이고, 그때 변형의 이름에는 뜻이 없다. 검증 문장은 훈련 문장과 같은 문장틀에서 나올 수 있으므로, 검증 점수가 새 문장틀에서 나은 탐침을 골라 준다는 보장도 없다.
#
# 문장의 평균을 읽으면 사정이 다를 수 있다. 날활성값은 {{< var c05.many_raw_mean_all >}}이고, {{< var c05.many_averaged >}} 특징에서 날활성값을 뺀 차이는 {{< var c05.many_mean_over_raw >}} [{{< var c05.many_mean_over_raw_low >}}, {{< var c05.many_mean_over_raw_high >}}]이다. [여기서는 특징이 앞선다. [@sec-probing-linear]에서 본 대로 평균한 활성값은 토큰을 뭉뚱그린 약한 기준선이므로, 기준선을 무엇으로 두느냐가 결론을 정한다.]{.claim key="c05.many_mean_ahead"}[여기서는 특징이 뚜렷이 앞선다고 할 수 없다.]{.otherwise} 성분 하나씩을 견준 차이는 {{< var c05.many_mean_one >}} [{{< var c05.many_mean_one_low >}}, {{< var c05.many_mean_one_high >}}]이다. [여기서는 특징 하나가 뉴런 하나를 앞선다. 문장을 평균할 때 이 특징은 토큰 어딘가에서 켜졌다는 자국을 남기지만, 뉴런의 값은 서로 상쇄될 수 있다.]{.claim key="c05.many_mean_one_ahead"}[특징 하나가 뉴런 하나를 뚜렷이 앞선다고 할 수 없다.]{.otherwise}

# %% [markdown] src="858a" tags=["en"]
# We read [@fig-probing-many] and [@tbl-probing-many]. With one component the neurons of raw activations reach {{< var c05.many_raw_1 >}} and random features {{< var c05.many_random_1 >}}; the mean of the trained variants minus the neurons is {{< var c05.many_over_raw_1 >}} [{{< var c05.many_over_raw_1_low >}}, {{< var c05.many_over_raw_1_high >}}]. [As expected, one feature is ahead of one neuron.]{.claim key="c05.many_one_above_neuron"}[One feature is not clearly ahead of one neuron.]{.otherwise} [One feature is ahead of one random feature, so training has given something.]{.claim key="c05.many_one_above_random"}[One feature is not clearly ahead of one random feature, so these numbers do not tell what training gave.]{.otherwise} The difference to random features is {{< var c05.many_over_random_1 >}} [{{< var c05.many_over_random_1_low >}}, {{< var c05.many_over_random_1_high >}}].
#
# With all components the AUC is {{< var c05.many_raw_all >}} for raw activations and {{< var c05.many_random_all >}} for random features. A variant below random features in [@tbl-probing-many] has not shown, with all components, that training gave it anything. The mean of the variants minus raw activations is {{< var c05.many_over_raw_all >}} [{{< var c05.many_over_raw_all_low >}}, {{< var c05.many_over_raw_all_high >}}]. [Raw activations are ahead.]{.claim key="c05.many_raw_ahead"}[Raw activations are not clearly ahead.]{.otherwise} For the best of the variants, {{< var c05.many_best >}}, the difference is {{< var c05.many_best_over_raw >}} [{{< var c05.many_best_over_raw_low >}}, {{< var c05.many_best_over_raw_high >}}], and it wins {{< var c05.many_wins >}} of the tasks. [At the last token even the best variant is behind raw activations.]{.claim key="c05.many_raw_unbeaten"}[It cannot be said that the best variant is behind raw activations. If the interval contains 0, neither can be said to be ahead. As the best of several variants was picked, though, the interval is tilted that much towards features.]{.otherwise} The variant whose probes add most to the toolbox is {{< var c05.many_quiver_variant >}}, and they add {{< var c05.many_quiver >}} [{{< var c05.many_quiver_low >}}, {{< var c05.many_quiver_high >}}]. [The toolbox gets better, unlike in the paper.]{.claim key="c05.many_quiver_gains"}[It cannot be said that the toolbox gets better, which agrees with the paper's negative result.]{.otherwise} If the gain and its interval are all 0, nothing was gained on any task, and the name of the variant means nothing. Validation sentences may come from the same templates as training ones, so nothing guarantees that they choose what is better on new templates.
#
# It may be otherwise where the mean of a sentence is read. There raw activations reach {{< var c05.many_raw_mean_all >}}, and {{< var c05.many_averaged >}} features minus raw activations are {{< var c05.many_mean_over_raw >}} [{{< var c05.many_mean_over_raw_low >}}, {{< var c05.many_mean_over_raw_high >}}]. [Here features are ahead. As seen in [@sec-probing-linear], averaged activations blend the tokens and make a weak baseline: the choice of the baseline decides the conclusion.]{.claim key="c05.many_mean_ahead"}[Here features are not clearly ahead.]{.otherwise} With one component each the difference is {{< var c05.many_mean_one >}} [{{< var c05.many_mean_one_low >}}, {{< var c05.many_mean_one_high >}}]. [Here one feature is ahead of one neuron. When a sentence is averaged, the feature leaves a trace of having fired at some token, while the values of a neuron may cancel out.]{.claim key="c05.many_mean_one_ahead"}[One feature is not clearly ahead of one neuron.]{.otherwise}

# %%
if tags_corpus:
    tagged = {split: kc.load_corpus(tags_corpus, split=split, limit=800) for split in ("train", "test")}
    tag_stores = {split: kc.gather(study.lm, tagged[split], [middle], dtype=study.dtype)[middle] for split in tagged}
    tags = {split: probing_tasks.token_tags(study.lm, tagged[split], tag_stores[split], only_last=True) for split in tagged}
    tag_tasks = probing_tasks.token_tasks(*tags.values(), prefixes=("J", "E"), min_count=task_rows, cap=task_cap, seed=seed)
    results.record("tags_tasks", len(tag_tasks), "tasks", tolerance=0)

# %%
if tags_corpus:
    tag_sources = {"raw": tuple(store.all().float().numpy() for store in tag_stores.values())}
    for v in front_variants:
        tag_sources[v] = tuple(kc.encode_store(near_l0(v, store=tag_stores["train"]), store) for store in tag_stores.values())
    tag_scores = sparse_probing.sparse_probing(tag_tasks, tag_sources, many_ks, seed=seed, max_iter=100)

# %%
if tags_corpus:
    frame = pd.DataFrame([vars(score) | {"k": score.k or 0} for score in tag_scores])
    tag_auc = frame.pivot_table(index="task", columns=["source", "k"], values="test_auc")
    for source, each in tag_auc:
        results.record(f"tags_{source}_{each or 'all'}", tag_auc[source, each].mean(), "AUC", ".3f", tolerance=0.05)
    tag_trained = {each: tag_auc[front_variants].xs(each, axis=1, level="k").mean(axis=1) for each in (1, 0)}
    one_tag = record_gap("tags_over_raw_1", *ahead_on_tasks(tag_trained[1], tag_auc["raw", 1]))
    record_gap("tags_over_raw_all", *ahead_on_tasks(tag_trained[0], tag_auc["raw", 0]))
    claim_above("tags_one_above_neuron", one_tag, "one feature above one neuron on tags")
    claim_above("tags_raw_ahead", ahead_on_tasks(tag_auc["raw", 0], tag_trained[0])[1:], "all raw activations above all features on tags")

# %% [markdown] tags=["ko"]
# 문장틀로 짓지 않은 글에도 같은 것을 물었다. 형태소의 품사가 붙은 UD 한국어 말뭉치(GSD [@chun2018])에서 어절의 마지막 토큰만 보고 그 어절에 어떤 갈래의 조사나 어미가(예컨대 주격 조사나 연결 어미가) 들어 있는지를 가린다. 세부 품사(XPOS)는 형태소 분석기 KOMA가 자동으로 붙인 것이므로, 여기서 맞힌다는 것은 분석기의 판단과 일치한다는 뜻이다. SAE도 그 말뭉치의 훈련 문장으로 학습했다. 조사와 어미의 갈래 {{< var ud:c05.tags_tasks >}}개에서 뉴런 하나의 AUC는 {{< var ud:c05.tags_raw_1 >}}이고, 변형들의 평균에서 이것을 뺀 차이는 {{< var ud:c05.tags_over_raw_1 >}} [{{< var ud:c05.tags_over_raw_1_low >}}, {{< var ud:c05.tags_over_raw_1_high >}}]이다. 성분을 모두 쓰면 날활성값이 {{< var ud:c05.tags_raw_all >}}, 차이는 {{< var ud:c05.tags_over_raw_all >}} [{{< var ud:c05.tags_over_raw_all_low >}}, {{< var ud:c05.tags_over_raw_all_high >}}]이다. 문장은 싣지 않는다. `make chapters PRESET=ud ONLY=05_probing`으로 다시 잴 수 있다.

# %% [markdown] src="ad2b" tags=["en"]
# The same was asked of text that no template made. In the UD Korean corpus (GSD [@chun2018]), whose morphemes have parts of speech, the last token of each word has to tell whether the word contains a given class of particle or ending (a subject particle, say, or a connective ending). These fine tags (XPOS) were assigned by a morphological analyser, KOMA, so that to be right here is to agree with the analyser. The SAEs, too, were trained on the training sentences of that corpus. On {{< var ud:c05.tags_tasks >}} classes of particles and endings the AUC of one neuron is {{< var ud:c05.tags_raw_1 >}}, and the mean of the variants minus this is {{< var ud:c05.tags_over_raw_1 >}} [{{< var ud:c05.tags_over_raw_1_low >}}, {{< var ud:c05.tags_over_raw_1_high >}}]. With all components raw activations reach {{< var ud:c05.tags_raw_all >}}, and the difference is {{< var ud:c05.tags_over_raw_all >}} [{{< var ud:c05.tags_over_raw_all_low >}}, {{< var ud:c05.tags_over_raw_all_high >}}]. No sentence of it is shown. `make chapters PRESET=ud ONLY=05_probing` measures it again.

# %% [markdown] tags=["ko"]
# ## 흡수: 작은 특징이 큰 특징을 삼킬 때 {#sec-probing-absorption}
#
# 특징 하나로 읽는 탐침이 놓치는 예에는 까닭이 있을 수 있다. 'l로 시작한다'를 나타내는 특징이 l로 시작하는 다른 낱말에서는 모두 켜지면서 유독 'lion'에서는 꺼져 있다면, 'lion'의 특징이 그 방향까지 떠맡아 켤 것을 하나 아꼈을 수 있다. 이것이 흡수(absorption)이다 [@chanin2024]. 희소성은 이런 거래를 부추기며, 그 결과 뜻이 넓은 특징에 예측하기 어려운 구멍이 난다. Matryoshka [@bussmann2025]는 이것을 줄이려고 만든 변형이다.
#
# 재는 방법은 논문과 SAEBench [@karvonen2025]를 따른다. 라벨마다 활성값에서 탐침의 방향을 구하고, L1 탐침에서 가중치가 큰 특징을 F1이 0.03 넘게 오르는 동안 더하여 그 라벨의 주 특징(main feature)으로 삼는다. SAEBench는 이 F1을 흡수를 재는 바로 그 시험 낱말에서 재어 주 특징의 수를 정하지만, 우리는 훈련 낱말을 나누어 떼어 둔 쪽에서 재고 시험 낱말은 보지 않는다. 탐침이 맞힌 시험 예에서 주 특징이 모두 꺼져 있고, 방향을 향한 특징 하나가 활성값의 그 방향 성분을 40% 넘게 지니면 완전한 흡수(full)이다. 흡수의 비율(fraction)은 다른 특징 셋까지가 함께 40% 넘게 지닌 예를 세되, 주 특징이 지닌 몫이 없으면 1로, 있으면 셋이 떠맡은 몫만큼 센다. 논문은 특징을 끄고 모델의 출력을 보았고, SAEBench와 우리는 그것을 방향에 대한 사영으로 어림한다.
#
# 논문의 라벨은 영어 낱말의 첫 글자이며, 한국어에서는 초성이 그 자리에 온다. 낱말이 토큰 하나인 논문과 달리 이 모델의 토큰은 낱말의 조각이다. 그래서 낱말을 하나씩 짧은 예문에 넣고 첫 토큰과 마지막 토큰에서 따로 읽는다. 첫 토큰에서 읽을 때는 첫 글자가 토큰 사이에서 갈라지는 낱말, 그리고 읽는 데까지가 앞의 낱말과 똑같은 낱말을 뺀다. 둘째 라벨은 이 말뭉치의 것이다. 소재의 이름이 끝나는 토큰에서 그 소재가 속한 큰 범주를 읽는다. '김치찌개'에서 '음식'을 읽는 것이며, 첫 글자와 낱말이 그러하듯 큰 범주는 소재를 품는다. 다만 낱말마다 한 번씩만 읽는 논문과 달리, 여기서는 같은 소재가 다른 문장에서 다시 나온다. 그러니 시험 예의 소재는 대개 훈련 예에도 나온 것이고, 탐침은 범주를 몰라도 소재 하나하나를 기억해 맞힐 수 있다.
#
# **예상.** 첫 글자와 초성은 이 작은 모델에 선형으로 들어 있지 않을 수 있다. 철자를 묻는 글을 거의 읽지 않았기 때문이다. SAEBench는 탐침의 F1이 0.6을 넘는 글자가 스물은 되어야 재며, 우리는 글자의 {{< var c05.letters_enough >}}를 요구한다. 큰 범주는 들어 있을 것이고, 어느 변형에서나 흡수가 얼마쯤 있을 것이다. 범주를 떠맡는 것은 주로 그 소재의 특징일 것이다. Matryoshka의 흡수는 BatchTopK보다 적을 것이다. 적지 않다면, 짧은 학습과 작은 사전에서는 논문의 이점이 나타나지 않는 것이다.

# %% [markdown] src="6f40" tags=["en"]
# ## Absorption: when a small feature swallows a big one {#sec-probing-absorption}
#
# What a probe on one feature misses may have a reason. If a feature for 'starts with l' stays off on 'lion' alone, the feature of 'lion' may have taken that direction over as well, which saves turning one on. This is absorption [@chanin2024]. Sparsity encourages such bargains, and they leave holes that are hard to foresee in features of broad meaning. Matryoshka [@bussmann2025] is a variant made to have fewer of them.
#
# We measure as the paper and SAEBench [@karvonen2025] do. For each label a probe gives a direction in the activations. The features of largest weight in an L1 probe, added as long as each raises F1 by more than 0.03, are the label's main features. SAEBench takes this F1, which settles their number, on the very test words on which absorption is measured; we take it on held-out folds of the training words and leave the test words unseen. Of the test examples that the first probe finds, those on which all main features are off while one feature along the direction carries over 40% of the activation's part in it are full absorption. The fraction counts the examples in which up to three other features together carry over 40%: as 1 where the main features carry nothing, and otherwise as the part that the three have taken over. The paper ablated features and watched the model's output; SAEBench and we approximate that by projections on the direction.
#
# The paper's labels are first letters of English words; in Korean the 초성, the first consonant of a syllable, takes their place. The paper's words are single tokens, while tokens of this model are pieces of words. So words are put into a short template one by one and read at their first token and at their last one separately. At the first token, words are left out whose first letter is split between tokens, and those that equal an earlier word as far as they are read. The second label belongs to this corpus. At the token in which the name of an item ends we read the big category to which the item belongs: 'food' at 'kimchi stew'. Big categories contain items as first letters contain words. Unlike in the paper, though, where every word is read once, the same items come again in other sentences. The items of the test examples therefore mostly occur among the training examples too, and a probe may find them by remembering each item, without knowing the category.
#
# **Expectation.** First letters and 초성 may not be in this small model as directions, for it has read next to nothing that asks for spelling. SAEBench measures where the probes of twenty letters exceed an F1 of 0.6; we ask for {{< var c05.letters_enough >}} of the letters. Big categories should be there, and every variant should show some absorption. What takes a category over should mostly be the feature of the item itself. Matryoshka should show less than BatchTopK. If it does not, the paper's advantage does not appear in a short training and a small dictionary.

# %%
n_words, n_names, letters_enough = 1500, 4000, 0.5

# %%
def spelled(lang, which):
    """Words of the training sentences, each alone in a template, with first letter or 초성."""
    words = np.random.default_rng(seed).permutation(letters.corpus_words(study.records("train", lang), lang))[:n_words]
    return letters.word_activations(study.lm, words.tolist(), middle, template=letters.TEMPLATES[lang], which=which)

# %%
bar = absorption.AbsorptionConfig().min_f1
spelling = {(lang, which): spelled(lang, which) for lang, which in itertools.product(langs, ("first", "last"))}
readable = {key: absorption.letter_f1(words) for key, words in spelling.items()}
results.record("letters_enough", letters_enough, "share", ".0%", tolerance=0)

# %%
rows = []
for (lang, which), f1s in readable.items():
    values = np.array(list(f1s.values()))
    over = int((values >= bar).sum())
    rows.append({"language": lang, "token": which, "words": len(spelling[lang, which].words), "letters": len(values), "mean F1": values.mean(), "best F1": values.max(), "F1 over 0.6": over})
    results.record(f"letters_{lang}_{which}_tested", len(values), "letters", tolerance=3)
    results.record(f"letters_{lang}_{which}_over", over, "letters", tolerance=2)
    results.record(f"letters_{lang}_{which}_f1", values.mean(), "F1", ".2f", tolerance=0.08)
    results.record(f"letters_{lang}_{which}_best", values.max(), "F1", ".2f", tolerance=0.2)

# %%
#| label: tbl-probing-letters
#| tbl-cap-ko: "첫 글자(en)와 초성(ko)의 탐침. 낱말을 그 첫 토큰이나 마지막 토큰에서 읽으며, 낱말이 20개에 못 미치는 글자는 뺀다. F1은 시험 낱말에서 잰다."
#| tbl-cap-en: "Probes for first letters (en) and 초성 (ko). Words are read at their first or last token; letters with fewer than 20 words are left out. F1 is measured on test words."
spelling_table = pd.DataFrame(rows)
kc.plots.table(spelling_table, fmt=".2f")

# %%
labelled = {}
for (lang, which), f1s in readable.items():
    if lang in front_langs and np.mean([f1 >= bar for f1 in f1s.values()]) >= letters_enough:
        labelled[f"letters, {which} token", lang] = spelling[lang, which]
results.claim("letters_readable", bool(labelled), "in a language with SAEs at hand, enough letters have probes over the bar of F1")

# %%
if any("item" in record.spans for record in train[:1]):
    for lang in front_langs:
        all_names = letters.span_words(study.lm, study.records("train", lang), study.acts("train", lang), "item", "big")
        parts = (all_names.words, all_names.letters, all_names.acts_WD)
        labelled["categories", lang] = letters.Words(*(part[:n_names] for part in parts))

# %%
rows, absorbing = [], {}
for (what, lang), words in labelled.items():
    for v, s in itertools.product(front_variants, front_seeds):
        found = absorption.absorption(near_l0(v, lang, s), words)
        absorbing[what, lang, v, s] = found
        rows += [{"what": what, "lang": lang, "variant": v, "seed": s, **vars(letter)} for letter in found.scored]

# %%
absorbed = pd.DataFrame(rows)
if rows:
    absorbed["split"] = absorbed.main.map(len)
    absorbed["silent"] = absorbed.n_silent / absorbed.n_true

# %%
def against(column, one, other, lang="ko", what="categories"):
    """Mean difference of two variants over the categories that both score, and its 95% interval."""
    part = absorbed[(absorbed.what == what) & (absorbed.lang == lang)].pivot_table(index="letter", columns="variant", values=column)
    return ahead_on_tasks(*(part.dropna()[v] for v in (one, other)))

# %%
measured = ("categories", "ko") in labelled
if measured:
    first_found = absorbing["categories", "ko", front_variants[0], front_seeds[0]]
    results.record("absorb_labels", len(first_found.letters), "categories", tolerance=0)
    results.record("absorb_found", sum(letter.n_true for letter in first_found.scored), "names", tolerance=40)
    results.record("absorb_f1", np.mean([letter.probe_f1 for letter in first_found.letters]), "F1", ".2f", tolerance=0.05)
    by = absorbed[(absorbed.what == "categories") & (absorbed.lang == "ko")].groupby("variant")
    for v, column in itertools.product(front_variants, ("full", "fraction", "silent")):
        results.record(f"absorb_{column}_{v}", by[column].mean()[v], "share", ".1%", tolerance=0.08)
    of_silent = (by["full"].mean() / by["silent"].mean().clip(lower=1e-9)).max()
    results.claim("absorb_mostly_not", of_silent < 0.5, "full absorption is under half of the silent share in every variant", close=abs(of_silent - 0.5) < 0.1)

# %%
if measured and {"matryoshka", "batchtopk"} <= set(front_variants):
    low, high = record_gap("absorb_less_fraction", *against("fraction", "matryoshka", "batchtopk"), unit="share", tolerance=0.08)
    statement = "fraction of absorption: Matryoshka below BatchTopK, interval over categories below 0"
    results.claim("absorb_matryoshka_less", high < 0, statement, against=low > 0, close=min(abs(low), abs(high)) < 0.05)
    record_gap("absorb_less_full", *against("full", "matryoshka", "batchtopk"), unit="share", tolerance=0.03)
    highest = by["fraction"].mean().idxmax()
    results.record("absorb_most", highest, "variant")
    results.claim("absorb_everywhere", by["fraction"].mean().min() > 0.01, "the fraction of absorption is over 1% in every variant", close=abs(by["fraction"].mean().min() - 0.01) < 0.01)

# %%
#| label: tbl-probing-absorption
#| tbl-cap-ko: "라벨에 걸친 평균. main은 주 특징의 수, main F1은 그것만으로 읽은 F1, silent는 탐침이 맞힌 예 가운데 주 특징이 모두 꺼진 비율이며, 그 가운데 특징 하나가 떠맡은 것이 full이다. 대괄호는 라벨을 다시 뽑은 95% 구간."
#| tbl-cap-en: "Means over the labels. main: the number of main features; main F1: what they tell alone; silent: the share of examples found by the probe on which all main features are off, and full: those of them that one feature took over. Brackets: 95% intervals from drawing labels again."
def with_interval(values):
    """A mean as a percentage, with the interval over labels."""
    low, high = kc.probing.interval(kc.probing.cluster_bootstrap(values.to_numpy(), np.arange(len(values)), draws, seed)[:, 0])
    return f"{values.mean():.1%} [{low:.1%}, {high:.1%}]"

rows = []
if len(absorbed):
    for (what, lang, v), part in absorbed.groupby(["what", "lang", "variant"], sort=False):
        mean = part.groupby("letter")[["split", "main_f1", "silent", "full", "fraction"]].mean()
        rows.append({"label": f"{what} ({lang})", "variant": v, "main": mean.split.mean(), "main F1": mean.main_f1.mean(), **{c: with_interval(mean[c]) for c in ("silent", "full", "fraction")}})
kc.plots.table(pd.DataFrame(rows or [{"label": "none could be scored"}]), fmt=".2f")

# %%
def taken_over(variant):
    """Which names lost their category to one feature: name, category, feature, how often; and how own the feature is."""
    found, words = absorbing["categories", "ko", variant, front_seeds[0]], labelled["categories", "ko"]
    lost = pd.DataFrame([{"name": words.words[w], "category": letter.letter, "feature": f} for letter in found.scored for w, f in letter.taken])
    if lost.empty:
        return lost
    lost = lost.value_counts().rename("times").reset_index()
    on_WF = fronts[variant, front_seeds[0]].encode(words.acts_WD.float()) > 0
    name_W = np.array(words.words)
    pairs = list(zip(lost["name"], lost["feature"], strict=True))
    lost["fires on"] = [float(on_WF[name_W == name, f].float().mean()) for name, f in pairs]
    lost["of its names"] = [float((name_W[on_WF[:, f].numpy()] == name).mean()) for name, f in pairs]
    return lost

# %%
#| label: tbl-probing-absorbed
#| tbl-cap-ko: "완전한 흡수가 가장 많은 변형에서 범주가 삼켜진 소재와 그때 대신 켜진 특징. times는 시험 예의 수, fires on은 그 소재의 이름 가운데 특징이 켜지는 비율, of its names는 특징이 켜진 이름 가운데 그 소재인 비율이다."
#| tbl-cap-en: "Items whose category was swallowed, in the variant with most full absorption, and the feature that fired instead. times: test examples; fires on: the share of the item's names on which the feature fires; of its names: the share of that item among the names on which the feature fires."
lost = every_lost = pd.DataFrame()
if measured:
    swallows = by["full"].mean().idxmax()
    results.record("absorb_swallows", swallows, "variant")
    tables = {v: taken_over(v) for v in front_variants}
    lost, every_lost = tables[swallows], pd.concat(tables.values(), ignore_index=True)
shares = {"fires on": ".0%", "of its names": ".0%"}
kc.plots.table(lost.head(8) if len(lost) else pd.DataFrame([{"name": "none was swallowed whole"}]), fmt=shares)

# %%
if len(every_lost):
    each = every_lost.loc[every_lost.index.repeat(every_lost["times"])]
    samples = kc.probing.cluster_bootstrap(each["of its names"].to_numpy(), each["category"], draws, seed)[:, 0]
    low, high = record_with_interval("absorb_own", each["of its names"].mean(), samples, "share", ".0%", 0.2)
    statement = "of the names on which a swallowing feature fires, over half are the item swallowed, interval over categories above half"
    results.claim("absorb_own_item", low > 0.5, statement, against=high < 0.5, close=min(abs(low - 0.5), abs(high - 0.5)) < 0.2)

# %% [markdown] tags=["ko"]
# 초성의 탐침은 첫 토큰에서 F1이 평균 {{< var c05.letters_ko_first_f1 >}}, 마지막 토큰에서 {{< var c05.letters_ko_last_f1 >}}이고, 0.6을 넘는 것은 {{< var c05.letters_ko_first_tested >}}개 가운데 {{< var c05.letters_ko_first_over >}}개, {{< var c05.letters_ko_last_tested >}}개 가운데 {{< var c05.letters_ko_last_over >}}개이다([@tbl-probing-letters]). [요구한 만큼 읽히므로 글자에서도 흡수를 쟀다.]{.claim key="c05.letters_readable"}[요구한 만큼 읽히지 않으므로 글자의 흡수는 재지 않는다. 찾지 못한 방향을 누가 삼켰는지는 물을 수 없다. 모델에 철자가 없어서일 수도 있고 탐침이 배울 낱말이 모자라서일 수도 있으며, 어느 쪽이든 SAE에 대한 결과는 아니다. 철자가 읽히는 모델이라면 이 절이 글자에서도 잰다.]{.otherwise}
#
# ::: {.when key="c05.letters_en_first_f1"}
# 영어의 첫 글자는 첫 토큰에서 평균 {{< var c05.letters_en_first_f1 >}}, 마지막 토큰에서 {{< var c05.letters_en_last_f1 >}}이고, 0.6을 넘는 것은 {{< var c05.letters_en_first_tested >}}개 가운데 {{< var c05.letters_en_first_over >}}개, {{< var c05.letters_en_last_tested >}}개 가운데 {{< var c05.letters_en_last_over >}}개이다.
# :::
#
# ::: {.when key="c05.absorb_less_fraction"}
# 큰 범주는 사정이 다르다. 본문의 수는 한국어의 것이고, 다른 언어도 쟀다면 [@tbl-probing-absorption]에서 그 순서가 다를 수 있다. 소재의 이름이 끝나는 토큰에서 범주 {{< var c05.absorb_labels >}}개의 탐침은 F1이 평균 {{< var c05.absorb_f1 >}}이며(처음 보는 소재에서도 그렇다는 뜻은 아니다), 시험 예 {{< var c05.absorb_found >}}개를 맞힌다. 그런데 [@tbl-probing-absorption]에서 주 특징이 모두 꺼진 비율은 BatchTopK에서 {{< var c05.absorb_silent_batchtopk >}}, Matryoshka에서 {{< var c05.absorb_silent_matryoshka >}}, 표준형에서 {{< var c05.absorb_silent_standard >}}에 이른다. [특징 하나가 떠맡은 완전한 흡수는 어느 변형에서나 그 절반에 못 미친다.]{.claim key="c05.absorb_mostly_not"}[그 절반 이상이 완전한 흡수인 변형도 있다.]{.otherwise} 완전한 흡수는 BatchTopK {{< var c05.absorb_full_batchtopk >}}, Matryoshka {{< var c05.absorb_full_matryoshka >}}, 표준형 {{< var c05.absorb_full_standard >}}이고, 부분까지 센 비율은 차례로 {{< var c05.absorb_fraction_batchtopk >}}, {{< var c05.absorb_fraction_matryoshka >}}, {{< var c05.absorb_fraction_standard >}}이다. 주 특징이 모두 꺼졌으나 완전한 흡수가 아닌 예에서는, 방향을 향하면서 혼자 40%를 넘게 지닌 특징이 없었다. 범주의 방향이 여러 특징에 나뉘었는지, 디코더의 편향이나 재구성 오차에 남았는지는 이 수로 가릴 수 없다. [부분까지 세면 흡수는 어느 변형에서나 1%를 넘으며,]{.claim key="c05.absorb_everywhere"}[부분까지 세어도 흡수가 1%에 못 미치는 변형이 있으며,]{.otherwise} 가장 많은 것은 {{< var c05.absorb_most >}}이다.
#
# Matryoshka에서 BatchTopK를 뺀 차이는 부분까지 센 비율에서 {{< var c05.absorb_less_fraction >}} [{{< var c05.absorb_less_fraction_low >}}, {{< var c05.absorb_less_fraction_high >}}], 완전한 흡수에서 {{< var c05.absorb_less_full >}} [{{< var c05.absorb_less_full_low >}}, {{< var c05.absorb_less_full_high >}}]이다. [한국어에서 Matryoshka는 예상대로 덜 삼킨다.]{.claim key="c05.absorb_matryoshka_less"}[한국어에서 Matryoshka가 덜 삼킨다고 할 수 없다. 논문의 사전은 특징이 65,000개이고 학습도 길었다. 흡수는 사전이 클수록 심해지므로, {{< var c05.front_features >}}개짜리 사전에서는 변형 사이의 차이가 작을 수 있다.]{.otherwise} 무엇이 무엇을 삼켰는지는 [@tbl-probing-absorbed]에 있다.
# :::
#
# ::: {.when key="c05.absorb_own"}
# 삼킨 것은 그 소재의 특징인가? 변형 모두의 완전한 흡수에서, 삼킨 특징이 켜진 이름 가운데 흡수가 일어난 바로 그 소재의 이름이 차지하는 비율은 평균 {{< var c05.absorb_own >}} [{{< var c05.absorb_own_low >}}, {{< var c05.absorb_own_high >}}]이다. [삼킨 특징은 주로 그 소재에서 켜지므로 논문이 말한 흡수 그대로이다.]{.claim key="c05.absorb_own_item"}[삼킨 특징이 주로 그 소재에서 켜진다고 할 수 없다. 범주 하나에 소재가 열이므로, 특징이 제 범주의 이름에서만 고르게 켜진다면 이 비율은 십분의 일쯤이다. 그보다 낮다면 범주 밖의 이름에서도 켜졌을 수 있고, 그렇다면 소재가 범주를 삼킨 것도, 범주가 작은 무리로 갈라진 것도 아닐 수 있다. 켜진 이름이 같은 범주의 것인지는 여기서 재지 않았다.]{.otherwise} [@tbl-probing-absorbed]는 완전한 흡수가 가장 많은 {{< var c05.absorb_swallows >}}의 예이다.
# :::
#
# SAEBench에는 이 밖에 SCR과 TPP가 있다. 특징을 꺼서 편향이나 과제의 정확도를 바꾸는 지표인데, 최근의 점검은 둘 다 신뢰도 시험을 통과하지 못했으니 쓰지 말라고 권하므로 [@chanin2026] 이 책은 재지 않는다. 같은 점검에서 희소 탐침은 가장 믿을 만했으나, 한 변형의 설정들 사이의 우열을 가려내지는 못했다. 시드가 바뀌어도 같은 특징을 얻는지(PW-MCC [@song2025])는 [@sec-matching]에서 잰다.

# %% [markdown] src="85a3" tags=["en"]
# Probes for the 초성 reach a mean F1 of {{< var c05.letters_ko_first_f1 >}} at the first token and {{< var c05.letters_ko_last_f1 >}} at the last; {{< var c05.letters_ko_first_over >}} of {{< var c05.letters_ko_first_tested >}} and {{< var c05.letters_ko_last_over >}} of {{< var c05.letters_ko_last_tested >}} exceed 0.6 ([@tbl-probing-letters]). [That is as many as we ask for, so absorption was measured on letters too.]{.claim key="c05.letters_readable"}[That is fewer than we ask for, so absorption is not measured on letters. One cannot ask who swallowed a direction that was not found. The model may not hold spelling, or there may be too few words for the probe to learn from; either way it is no result about SAEs. With a model whose spelling can be read this section measures letters as well.]{.otherwise}
#
# ::: {.when key="c05.letters_en_first_f1"}
# First letters in English reach {{< var c05.letters_en_first_f1 >}} on average at the first token and {{< var c05.letters_en_last_f1 >}} at the last; {{< var c05.letters_en_first_over >}} of {{< var c05.letters_en_first_tested >}} and {{< var c05.letters_en_last_over >}} of {{< var c05.letters_en_last_tested >}} exceed 0.6.
# :::
#
# ::: {.when key="c05.absorb_less_fraction"}
# With big categories it is otherwise. Numbers in the text are those of Korean; where another language was measured, its rows in [@tbl-probing-absorption] need not have the same order. At the token in which an item's name ends, the probes of {{< var c05.absorb_labels >}} categories have a mean F1 of {{< var c05.absorb_f1 >}} (which need not hold for items never seen) and find {{< var c05.absorb_found >}} test examples. And yet, in [@tbl-probing-absorption], the share on which all main features are off comes to {{< var c05.absorb_silent_batchtopk >}} in BatchTopK, {{< var c05.absorb_silent_matryoshka >}} in Matryoshka and {{< var c05.absorb_silent_standard >}} in Standard. [Full absorption, by one feature, is under half of it in every variant.]{.claim key="c05.absorb_mostly_not"}[In some variant half of it or more is full absorption.]{.otherwise} Full absorption is {{< var c05.absorb_full_batchtopk >}} in BatchTopK, {{< var c05.absorb_full_matryoshka >}} in Matryoshka and {{< var c05.absorb_full_standard >}} in Standard; with partial absorption the fraction is {{< var c05.absorb_fraction_batchtopk >}}, {{< var c05.absorb_fraction_matryoshka >}} and {{< var c05.absorb_fraction_standard >}} in the same order. In the silent examples that are not full absorption, no single feature along the direction carries over 40% of it. Whether the direction of the category is spread over several features or is left to the decoder's bias or the reconstruction error cannot be told from these numbers. [Counting partial absorption, every variant has over 1% of it,]{.claim key="c05.absorb_everywhere"}[Even counting partial absorption, there are variants with less than 1% of it,]{.otherwise} and {{< var c05.absorb_most >}} has most.
#
# Matryoshka minus BatchTopK is {{< var c05.absorb_less_fraction >}} [{{< var c05.absorb_less_fraction_low >}}, {{< var c05.absorb_less_fraction_high >}}] in the fraction and {{< var c05.absorb_less_full >}} [{{< var c05.absorb_less_full_low >}}, {{< var c05.absorb_less_full_high >}}] in full absorption. [In Korean Matryoshka swallows less, as expected.]{.claim key="c05.absorb_matryoshka_less"}[In Korean it cannot be said that Matryoshka swallows less. The paper's dictionaries have 65,000 features and were trained long. Absorption gets worse as dictionaries grow, so in one of {{< var c05.front_features >}} variants may differ little.]{.otherwise} What swallowed what is in [@tbl-probing-absorbed].
# :::
#
# ::: {.when key="c05.absorb_own"}
# Is it the item's own feature that swallows? In the full absorption of all variants, the very item on whose name it happened makes up {{< var c05.absorb_own >}} [{{< var c05.absorb_own_low >}}, {{< var c05.absorb_own_high >}}] on average of the names on which the swallowing feature fires. [That feature fires mainly on this item, so it is just the absorption that the paper describes.]{.claim key="c05.absorb_own_item"}[It cannot be said that this feature fires mainly on this item. A category has ten items, so a feature that fires evenly on the names of its category alone would have a share of about a tenth. Where it is lower, the feature may fire on names outside the category as well, and then it may be neither an item that swallowed its category nor a category split into smaller groups. Whether the names on which it fires belong to one category is not measured here.]{.otherwise} [@tbl-probing-absorbed] has the examples of {{< var c05.absorb_swallows >}}, which has most full absorption.
# :::
#
# SAEBench also has SCR and TPP, which turn features off to change a bias or the accuracy on a task. In a recent audit both failed the tests of reliability and were advised against [@chanin2026], so this book does not measure them. In the same audit sparse probing was the most reliable, but could not tell the settings of one variant apart. Whether another seed gives the same features (PW-MCC [@song2025]) is measured in [@sec-matching].

# %% [markdown] tags=["ko"]
# ## 무엇이 이 결론을 뒤집는가 {#sec-probing-refute}
#
# 두 절차가 재는 것이 어떻게 다른지는 이제 말할 수 있다. 연구 A의 절차는 두 조건에서 같은 답을 묻고, 외운 것을 시험하고, 조건마다 다른 수의 특징을 준다. 그 절차로 얻은 정확도가 높다는 사실과 특징이 범주를 나타낸다는 주장 사이에는 통제 과제와 새 문장이라는 두 단계가 빠져 있다. 그렇다고 연구 A의 결론이 틀렸다는 뜻은 아니다. [@tbl-probing-verdicts]에서 두 절차 모두 성립한 주장은 처음보다 튼튼해졌고, 어느 절차로도 성립하지 않은 주장은 적어도 이 모델과 이 SAE에서는 뒷받침을 얻지 못했다. 판정이 두 절차에서 같더라도 까닭까지 같다고 할 수는 없다.
#
# 다음 가운데 하나가 관찰되면 우리의 결론은 틀린 것이다. 뒤섞은 범주를 외우지 못하는데도 학습 문장과 새 문장의 차이가 그대로라면, 그 차이는 기억이 아니라 문장틀에서 온 것이다. 특징의 수를 넓은 범위에서 맞추어도 작은 범주로 고른 쪽이 그만큼 앞선다면, 작은 범주로 고른 특징에는 정말로 더 나은 무엇이 있다. 학습된 특징이 작은 $k$에서도 무작위 특징을 넘지 못한다면, 이 SAE는 범주를 방향으로 모으지 못한 것이다.
#
# 한계도 적는다. SAE와 탐침은 시드 하나로 학습했으므로 구간은 문장에 대한 불확실성만 담는다. 여기의 SAE는 {{< var c05.n_features >}}개의 특징을 가졌고 연구 A의 것은 100,000개이다. 연구 A는 뉴스에서 학습한 SAE를 합성 문장에 적용했지만, 우리는 같은 말뭉치의 훈련 분할에서 SAE를 학습했다. 구간이 0 위에 있는지로 판정하므로, 문장이 적은 말뭉치에서는 실제로 있는 차이도 판정할 수 없는 것으로 나올 수 있다. 끝으로 탐침이 되찾은 정보를 모델이 실제로 쓰는지는 탐침으로 알 수 없다. 그것은 특징을 끄고 켜 보아야 안다([@sec-interventions]).

# %% [markdown] src="cf20" tags=["en"]
# ## What would overturn this reading {#sec-probing-refute}
#
# It can now be said how the two protocols differ in what they measure. Study A's protocol asks for the same answer in both conditions, examines what was memorised, and gives each condition another number of features. Between the fact that its accuracy is high and the claim that features represent categories, two steps are missing: the control task and the new sentences. This does not make study A's conclusions wrong. A claim that holds under both protocols in [@tbl-probing-verdicts] stands firmer than before; one that holds under neither has found no support, at least in this model and these SAEs. And the same verdict under both need not have the same cause.
#
# Our reading is wrong if one of the following is observed. If the probe fails to memorise shuffled labels and the gap between trained and new sentences remains, then the gap comes from the templates and not from memory. If features selected by small categories stay ahead by as much over a wide range of matched numbers of features, then features selected by small categories really have something better about them. If trained features do not surpass random ones even at small $k$, then this SAE has not gathered categories into directions.
#
# There are limits as well. The SAEs and probes were trained with a single seed, so the intervals hold the uncertainty about sentences only. The SAEs here have {{< var c05.n_features >}} features, those of study A 100,000. Study A applied SAEs trained on news to synthetic sentences; ours were trained on the training split of the same corpus. Since a claim holds only where its interval lies above 0, a corpus with few sentences may leave a real difference undecided. Finally, a probe cannot tell whether the model uses the information that the probe recovers. For that, features have to be switched off and on ([@sec-interventions]).

# %%
results.record("n_features", n_features, "features", tolerance=0)
