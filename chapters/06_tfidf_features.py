# %% [markdown] tags=["ko"]
# # TF-IDF: 특징을 낱말처럼 세기 {#sec-tfidf}
#
# 정보 검색은 오래전부터 문서를 낱말의 가방(bag of words)으로 보았다. 순서를 버리고 개수만 남긴다. 희소 오토인코더를 쓰면 같은 일을 특징(feature)으로 할 수 있다. 문장의 토큰에서 켜진 특징의 값을 더하면 낱말의 개수 대신 특징값의 합이 남는다. 연구 A는 이것을 특징의 개수(feature count)라 불렀다. 그러면 검색에서 하던 물음을 그대로 던질 수 있다. 이 범주를 다른 범주와 다르게 하는 특징은 무엇인가?
#
# 이 책에서 연구 A라 부르는 @{fxnnxc}는 이 물음에 TF-IDF(term frequency–inverse document frequency) [@sparckjones1972; @salton1988]로 답했다. 문서에 많이 나올수록, 그리고 드문 낱말일수록 크게 치는 가중치이다. 그 결과인 주장 A6은 두 부분이다. 범주마다 구별되는 특징의 무리가 있고, 거의 모든 범주가 나누어 갖는 특징이 조금 있다. 이 장의 물음은 셋이다. 두 부분이 우리 모델에서도 성립하는가? 범주의 특징은 그것을 고른 문장 밖에서도 그 범주에서 켜지는가? 그리고 특징의 가방은 낱말이나 토큰의 가방이 모르는 것을 아는가?

# %% [markdown] src="d75f" tags=["en"]
# # TF-IDF: counting features like words {#sec-tfidf}
#
# Information retrieval has long treated a document as a bag of words: order is dropped, counts are kept. A sparse autoencoder lets us do the same with features. Adding up the values of the features that fire on the tokens of a sentence gives feature counts in place of word counts, and the old question of retrieval can be asked unchanged. Which features set this category apart from the others?
#
# @{fxnnxc}, study A in this book, answered it with TF-IDF (term frequency–inverse document frequency) [@sparckjones1972; @salton1988], a weight that grows with how often a word occurs in the document and with how rare it is elsewhere. The result, claim A6, has two parts: every category has a distinct group of features, and a few features are shared by nearly all categories. This chapter asks three questions. Do both parts hold in our model? Do the features of a category fire on that category outside the sentences they were chosen from? And does a bag of features know anything that a bag of words or tokens does not?

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
sizes = [10, 50, 100]
splits = 10
draws = 1000

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer

import kosae_core as kc
from kosae_core import features, probing

kc.plots.house_style()
results = kc.Results(chapter="06", preset=preset, seeds=(seed,))

# %% [markdown] tags=["ko"]
# ## 특징의 가방 {#sec-tfidf-bags}
#
# 문장 $m$에서 특징 $f$의 특징값 합 $n_{mf}$는 그 문장의 토큰에 걸친 활성값의 합이다. 가중치는 연구 A의 코드에서 확인한 식이다.
#
# $$ w_{mf} = n_{mf} \log \frac{N}{d_f + 1} $$ {#eq-tfidf}
#
# $N$은 훈련 문장의 수, $d_f$는 특징 $f$가 한 번이라도 켜지는 문장의 수이다. 문장마다 벡터의 길이를 1로 맞춘 뒤 범주별로 평균한 것을 그 범주의 프로필이라 부른다. 모든 문장에서 켜지는 특징의 가중치는 0보다 아주 조금 작다. 그러나 절반의 문장에서 켜지는 특징도 $\log 2$의 가중치를 받는다. 낱말의 개수는 대개 한둘이지만 특징의 값은 서로 크게 다를 수 있으므로, 값이 큰 특징은 흔하더라도 목록의 위쪽에 오를 수 있다. [@eq-tfidf]의 가중치를 특징에 쓸 때 낱말과 가장 달라지는 점이다.
#
# SAE는 중간층(`q2.resid_post`)에서 읽는 표준형과 게이트형이다. 기본 설정에서는 3~5장의 것과 같고, 그 장들을 더 오래 학습한 실행에서는 같은 것이 아니다. $d_f$와 프로필과 상위 목록은 훈련 문장에서만 정하고 시험 문장에는 그대로 적용한다.

# %% [markdown] src="13f0" tags=["en"]
# ## Bags of features {#sec-tfidf-bags}
#
# The count $n_{mf}$ of feature $f$ in sentence $m$ is the sum of its activations over the tokens of the sentence. The weight is the formula found in study A's code.
#
# $$ w_{mf} = n_{mf} \log \frac{N}{d_f + 1} $$ {#eq-tfidf}
#
# $N$ is the number of training sentences, $d_f$ the number of sentences in which feature $f$ is active at all. Each sentence's vector is scaled to length 1; their mean over a category is what we call the profile of that category. A feature that fires in every sentence has a weight just below 0. But one that fires in half of them still gets a weight of $\log 2$. Word counts are mostly one or two, whereas the values of features can differ widely, so a strong feature can climb to the top of a list although it is common. This is where using [@eq-tfidf] on features departs most from using it on words.
#
# The SAEs are a Standard and a Gated one that read the middle layer (`q2.resid_post`). With default settings they are those of chapters 3 to 5; where a run trains those longer, they are not the same. $d_f$, profiles and lists of top features come from training sentences alone and are applied to test sentences as they are.

# %%
study = kc.Study(
    corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late),
    n_features=n_features, k=k, steps=steps, batch_size=batch_size, seed=seed,
)  # fmt: skip

# %%
records = {(split, lang): study.records(split, lang) for split in ("train", "test") for lang in langs}
y = {key: each.label("big") for key, each in records.items()}
docs = {key: np.array([r.doc for r in each]) for key, each in records.items()}

# %%
saes = {(lang, variant): study.sae(variant, lang, middle)[0] for lang in langs for variant in ("standard", "gated")}
counts = {key: {split: kc.document_features(sae, study.acts(split, key[0], middle)) for split in ("train", "test")}
          for key, sae in saes.items()}  # fmt: skip

# %%
idf = {key: features.inverse_document_frequency(X["train"]) for key, X in counts.items()}
weighted = {key: {split: kc.tfidf(X[split], idf[key]) for split in X} for key, X in counts.items()}
home = langs[0]
X, W = counts[home, "gated"], weighted[home, "gated"]

# %%
names, profiles = kc.class_means(W["train"], y["train", home])
df_share = np.exp(-idf[home, "gated"]) - 1 / X["train"].shape[0]
results.record("n_categories", len(names), "categories", tolerance=0)
results.record("n_test", len(y["test", home]), "sentences", tolerance=0)

# %%
results.record("n_clusters", len(set(docs["test", home])), "templates or documents", tolerance=0)
results.record("active", np.diff(X["test"].indptr).mean(), "features/sentence", ",.0f", tolerance=15)
results.record("everywhere", (df_share > 0.5).sum(), "features", tolerance=15)

# %%
for variant in ("gated", "standard"):
    alive = len(np.unique(counts[home, variant]["train"].indices))
    results.record(f"alive_{variant}", alive, "features", tolerance=0.05 * alive)
results.record("rare", (df_share < 0.01).mean(), "share", ".0%", tolerance=0.05)

# %% [markdown] tags=["ko"]
# 시험 문장 하나는 게이트형에서 평균 {{< var c06.active >}}개의 특징을 켠다. 특징 가운데 훈련 문장의 절반 넘게 켜지는 것이 {{< var c06.everywhere >}}개이고, 훈련 문장의 1%가 안 되는 곳에서만 켜지는 특징은 죽은 것까지 더해 사전의 {{< var c06.rare >}}이다. 드문 특징이 적을수록 가중치가 골라낼 것도 적다. 드문 낱말이 많은 보통의 글과는 다를 수 있는 점이다.
#
# ## 범주의 특징과 그 토큰 {#sec-tfidf-top}
#
# **예상.** 상위 특징은 그 범주의 소재를 말하는 토큰에서 켜질 것이다. 목록이 그것을 뽑는 데 쓴 문장에만 들어맞는다면, 시험 문장에서 그 활성값 가운데 제 범주의 문장에서 나오는 몫은 모든 범주가 똑같이 나눌 때의 {{< var c06.own_chance >}}에 가까울 것이다. 범주의 내용을 담았다면 그 몇 배일 것이다. 바이트 단위 토큰은 음절 가운데서 끊기기도 하므로 토큰은 온전한 글자로 넓혀 보인다.

# %% [markdown] src="482a" tags=["en"]
# A test sentence activates {{< var c06.active >}} features of the Gated SAE on average. Of the SAE's features, {{< var c06.everywhere >}} are active in more than half of the training sentences; those active in less than 1% of them, dead features included, are {{< var c06.rare >}} of the dictionary. The fewer rare features there are, the less a weighting can single out. Ordinary text, with its many rare words, may be different in this.
#
# ## The features of a category and their tokens {#sec-tfidf-top}
#
# **Expectation.** The top features should fire on tokens that speak of what the category is about. If the lists merely fit the sentences they were chosen from, the share of their activation that falls on their own category in test sentences should be near {{< var c06.own_chance >}}, as when categories share equally. If they hold the content of the category, it should be several times that. Byte-level tokens may end inside a syllable, so tokens are shown widened to whole characters.

# %%
top = {size: kc.top_features(W["train"], y["train", home], size) for size in sizes}
held_names, held_means = kc.class_means(X["test"], y["test", home])
purity = held_means / np.maximum(held_means.sum(axis=0), 1e-9)
own = np.array([purity[list(held_names).index(name), top[sizes[0]][name]] for name in held_names])

# %%
store = study.acts("test", home, middle)
tokens_NF = kc.encode_store(saes[home, "gated"], store).tocsc()
start = 0 if study.lm.bos_id is None else 1

# %%
def firing(feature, n=3, width=6):
    """The strongest tokens of a feature, each different one once, as whole characters within their context."""
    shown = {}
    for token in kc.top_tokens(tokens_NF, store, int(feature), n=60):
        text = store.texts()[token.document]
        a, b = study.lm.token_spans(text)[token.position - start]
        a += len(text[a:b]) - len(text[a:b].lstrip()) if text[a:b].strip() else 0
        shown.setdefault(text[a:b], f"{text[max(0, a - width) : a]}【{text[a:b]}】{text[b : b + width]}".strip())
    return " · ".join(list(shown.values())[:n])

# %%
#| label: tbl-tfidf-top
#| tbl-cap-ko: "범주마다 TF-IDF가 가장 큰 두 특징(게이트형, 훈련 문장에서 고름)과 그것을 가장 세게 켜는 시험 문장의 토큰. 토큰은 【】 안에 글자 단위로 보인다. own은 시험 문장에서 그 특징의 활성값이 제 범주로 돌아가는 몫이다."
#| tbl-cap-en: "The two features of highest TF-IDF in each category (Gated, chosen on training sentences) and the tokens of test sentences that fire them most, in 【】 and as whole characters. own: the share of the feature's activation that falls on its own category in test sentences."
rows = [{"category": name, "feature": str(f), "own": purity[c, f], "tokens": firing(f)}
        for c, name in enumerate(held_names) for f in top[sizes[0]][name][:2]]  # fmt: skip
kc.plots.table(pd.DataFrame(rows), fmt=".2f")

# %%
repeats = int(pd.Series([row["feature"] for row in rows]).value_counts().max())
results.record("repeats", repeats, "categories", tolerance=6)
results.claim("top_repeats", repeats >= 2, "some feature is among the first two of two or more categories", close=repeats <= 2)

# %%
results.record("own", own.mean(), "share", ".0%", tolerance=0.05)
results.record("own_best", own[:, 0].mean(), "share", ".0%", tolerance=0.08)
results.record("own_chance", 1 / len(names), "share", ".0%", tolerance=0)
results.record("own_lowest", held_names[own.mean(axis=1).argmin()], "category")

# %%
results.claim("own_above_chance", (own.mean(axis=1) > 2 / len(names)).all(), "in every category the top features fall on it at over twice chance, on held-out text")

# %% [markdown] tags=["ko"]
# 시험 문장에서 상위 10개 특징의 활성값 가운데 평균 {{< var c06.own >}}가 제 범주의 문장에서 나온다. 첫째 특징만 보면 {{< var c06.own_best >}}이다(범주마다 문장 수가 다르므로 범주 평균의 몫으로 셈했다). 우리 예상은 {{< var c06.own_chance >}}의 몇 배였다. [어느 범주에서나 똑같이 나눌 때의 두 배를 넘는다.]{.claim key="c06.own_above_chance"}[똑같이 나눌 때의 두 배에도 못 미치는 범주가 있어, 거기서는 예상이 빗나갔다.]{.otherwise} 몫이 가장 작은 범주의 라벨은 ‘{{< var c06.own_lowest >}}’이다. 몫이 {{< var c06.own_chance >}}에 가까울수록 목록은 범주의 내용이 아니라 마침 고른 문장이나 어느 범주에나 있는 것을 담은 것이다.
#
# [@tbl-tfidf-top]에서 둘 이상의 범주에 되풀이되는 번호를 찾아보았다. [그런 번호가 있다. 가장 잦은 것은 {{< var c06.repeats >}}개 범주의 첫 두 자리에 들었다. 앞에서 걱정한 특징, 곧 흔하지만 값이 커서 목록의 위쪽에 오른 특징으로 보인다.]{.claim key="c06.top_repeats"}[그런 번호는 없다. 첫 두 자리의 특징이 드물다는 뜻은 아니고, 둘 이상의 범주에서 그 자리에 오른 특징이 없다는 뜻일 뿐이다.]{.otherwise}
#
# 표의 토큰을 읽을 때에는 두 가지를 조심한다. 첫째, 가장 센 토큰 몇 개는 특징의 꼭대기일 뿐이고, 약하게 켜지는 곳에서는 뜻이 흐려질 수 있다 [@bricken2023]. 둘째, 토큰이 소재의 이름이라면 그 특징은 범주가 아니라 낱말을 아는 것일 수 있다. 둘째 의심은 [@sec-tfidf-predict]에서 토큰의 가방과 견주어 따진다.
#
# ## 나누어 갖는 특징 {#sec-tfidf-sharing}
#
# 연구 A에는 '특징 수' 그림이 있다. 코드를 읽어 보면 세는 것은 활성값이 아니라 범주이다. 모든 범주의 상위 목록을 합치고, 특징마다 그것을 담은 목록의 수를 세어 큰 것부터 늘어놓는다. 값이 범주의 수에 이르면 모든 범주가 가진 특징이고, 1이면 한 범주만의 특징이다. 공개된 노트북의 출력을 보면, 표준형에서는 모든 범주의 상위 100개 목록을 합쳐도 서로 다른 특징이 164개뿐이다. 목록이 거의 통째로 겹친다는 뜻이어서 A6의 앞부분과 어울리지 않는다. 다만 살아 있는 특징이 처음부터 그만큼뿐이었다면, 이 수는 범주가 아니라 그 SAE에 대해 말하는 것이다.
#
# 겹침에는 눈금이 있어야 한다. 그래서 범주마다 훈련 문장틀(또는 문서)을 둘로 갈라 목록을 따로 고른다. 겹침은 자카드 값, 곧 두 목록에 함께 든 특징의 수를 어느 한쪽에라도 든 특징의 수로 나눈 값으로 잰다. 같은 범주의 두 반쪽이 겹치는 정도가 기대할 수 있는 상한이고, 다른 범주의 반쪽과 겹치는 정도는 그보다 낮아야 한다.
#
# **예상.** A6이 맞다면 짧은 목록의 특징은 대개 한 범주의 것이고, 긴 목록으로 갈수록 나누어 갖는 특징이 나타난다. TF-IDF 없이 평균 수로 고르면 나누어 갖는 특징이 훨씬 많을 것이다. 같은 범주의 두 반쪽이 다른 범주끼리보다 더 겹치지 않는다면, 목록은 범주가 아니라 문장틀을 담은 것이다.

# %% [markdown] src="3dde" tags=["en"]
# On average {{< var c06.own >}} of the activation of the top 10 features falls on test sentences of their own category, and {{< var c06.own_best >}} for the first feature alone (shares of category means, since categories differ in their number of sentences). We expected several times {{< var c06.own_chance >}}. [In every category it is over twice what equal shares would give.]{.claim key="c06.own_above_chance"}[Some category stays under twice what equal shares would give, and there the expectation has failed.]{.otherwise} The category with the smallest share has the label ‘{{< var c06.own_lowest >}}’. The closer a share is to {{< var c06.own_chance >}}, the less the list holds the content of the category, and the more it holds the sentences that happened to be chosen, or what every category has.
#
# We looked in [@tbl-tfidf-top] for numbers that come back under two or more categories. [There are some; the most frequent one is among the first two features of {{< var c06.repeats >}} categories. It looks like the kind of feature we worried about above: common, but strong enough to climb to the top of the lists.]{.claim key="c06.top_repeats"}[There are none. This does not say that the features in the first two places are rare, only that none stands there in two or more categories.]{.otherwise}
#
# The tokens of the table call for two cautions. First, a few strongest tokens are only the peak of a feature; where it fires weakly its meaning may blur [@bricken2023]. Second, where the token is the name of an item, the feature may know the word and not the category. The second suspicion is put to the test in [@sec-tfidf-predict], against bags of tokens.
#
# ## Features that are shared {#sec-tfidf-sharing}
#
# Study A has a figure of "feature counts". Its code shows that what is counted is not activations but categories. The top lists of all categories are pooled, and for each feature the lists that hold it are counted and sorted, largest first. A value equal to the number of categories means a feature that all have, a value of 1 a feature of one category alone. According to the output of the published notebook, the top 100 lists of all categories together come to only 164 distinct features for the Standard SAE. The lists overlap almost entirely, then, which does not sit well with the first part of A6. But if there were hardly more living features to choose from, the number speaks about that SAE and not about categories.
#
# Overlap needs a yardstick. So for each category the templates (or documents) of the training sentences are divided in two and lists are chosen on each half. Overlap is the Jaccard value: the number of features on both lists over the number on at least one. How much two halves of one category overlap is the most that can be hoped for; the overlap with halves of other categories should be lower.
#
# **Expectation.** If A6 is right, the features of short lists mostly belong to one category, and shared ones appear as lists grow. Choosing by mean count, without TF-IDF, should share far more. If two halves of one category do not overlap more than different categories do, the lists hold templates and not categories.

# %%
lists = {
    "gated, TF-IDF": top,
    "standard, TF-IDF": {s: kc.top_features(weighted[home, "standard"]["train"], y["train", home], s) for s in sizes},
    "gated, mean": {s: kc.top_features(X["train"], y["train", home], s) for s in sizes},
}

# %%
STYLES = {"gated, TF-IDF": (kc.plots.VARIANT_COLORS["gated"], "-"), "standard, TF-IDF": (kc.plots.VARIANT_COLORS["standard"], "-"),
          "gated, mean": (kc.plots.VARIANT_COLORS["gated"], ":")}  # fmt: skip

# %%
#| label: fig-tfidf-counts
#| fig-cap-ko: "특징마다 그것을 상위 목록에 둔 범주의 수, 많은 것부터. 점선 수평선은 범주의 수이다. mean은 TF-IDF 없이 평균 특징값 합으로 고른 것이다."
#| fig-cap-en: "For each feature, the number of categories that have it in their list, most shared first. The dotted horizontal line is the number of categories. mean: chosen by mean feature count, without TF-IDF."
#| fig-alt-ko: "목록 길이에 따른 세 칸의 계단 곡선. 왼쪽의 높은 곳은 거의 모든 범주가 나누어 갖는 특징이고 오른쪽의 긴 꼬리는 한 범주만 갖는 특징이다."
#| fig-alt-en: "Step curves in three panels, one per list length. The high part on the left are features shared by nearly all categories, the long tail on the right features that one category alone has."
fig, panels = plt.subplots(1, len(sizes), figsize=(kc.plots.WIDTH, 2.4), sharey=True, squeeze=False)
for ax, size in zip(panels[0], sizes, strict=True):
    for name, chosen in lists.items():
        shared = features.category_counts(chosen[size])[1]
        ax.step(np.arange(1, len(shared) + 1), shared, where="mid", color=STYLES[name][0], ls=STYLES[name][1], label=name)
    ax.axhline(len(names), color="#777777", ls=":", lw=0.8)
    ax.set(title=f"top {size}", xlabel="feature (sorted)", ylim=(0, len(names) * 1.08))
    ax.yaxis.get_major_locator().set_params(integer=True)
panels[0][0].set_ylabel("categories")
fig.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=len(lists))
kc.plots.save(fig, "fig-tfidf-counts")

# %%
def halves(labels, clusters, rng):
    """True for the sentences of half of the templates or documents of each category."""
    mask = np.zeros(len(labels), bool)
    for name in np.unique(labels):
        own = rng.permutation(np.unique(clusters[labels == name]))
        mask |= (labels == name) & np.isin(clusters, own[: (len(own) + 1) // 2])
    return mask

# %%
def overlaps(M, size):
    """Jaccard overlap of the lists of one half with those of the other, (splits, C, C)."""
    found = []
    for draw in range(splits):
        first = halves(y["train", home], docs["train", home], np.random.default_rng(seed + draw))
        found.append(features.jaccard(*(kc.top_features(M[m], y["train", home][m], size) for m in (first, ~first))))
    return np.array(found)

# %%
matrices = {"gated, TF-IDF": W["train"], "standard, TF-IDF": weighted[home, "standard"]["train"], "gated, mean": X["train"]}
same = np.eye(len(names), dtype=bool)
agreement = {key: overlaps(matrices[key[0]], key[1]) for key in itertools.product(lists, sizes)}
sharing = []

# %%
for (name, size), J in agreement.items():
    shared = features.category_counts(lists[name][size])[1]
    sharing.append({"list": name, "k": size, "features": len(shared), "shared by 80%": int((shared >= 0.8 * len(names)).sum()),
                    "by one": int((shared == 1).sum()), "same": J[:, same].mean(), "other": J[:, ~same].mean(),
                    "recognised": (J.argmax(axis=2) == np.arange(len(names))).mean()})  # fmt: skip

# %%
sharing = pd.DataFrame(sharing)

# %%
#| label: tbl-tfidf-sharing
#| tbl-cap-ko: "상위 목록의 겹침. features는 모든 목록을 합친 서로 다른 특징의 수, 그다음은 범주의 80% 이상이 나누어 갖는 특징과 한 범주만 갖는 특징의 수. same과 other는 훈련 문장의 두 반쪽에서 따로 고른 목록의 자카드 겹침으로, 같은 범주와 다른 범주의 것이다. recognised는 다른 반쪽들 가운데 제 범주의 것이 가장 닮은 경우의 비율이다."
#| tbl-cap-en: "Overlap of the lists. features: distinct features in all lists together; then those shared by at least 80% of the categories, and those of one category alone. same and other: Jaccard overlap of lists chosen separately on two halves of the training sentences, for the same category and for different ones. recognised: how often the other half of the same category is the most similar."
kc.plots.table(sharing, fmt={"same": ".2f", "other": ".2f", "recognised": ".0%"})

# %%
at = sharing.set_index(["list", "k"])
KEYS = {"gated, TF-IDF": "gated", "standard, TF-IDF": "standard", "gated, mean": "mean"}

# %%
for (name, size), row in at.iterrows():
    results.record(f"distinct_{KEYS[name]}_{size}", int(row["features"]), "features", tolerance=0.1 * row["features"])
    results.record(f"shared_{KEYS[name]}_{size}", int(row["shared by 80%"]), "features", tolerance=5)
    results.record(f"same_{KEYS[name]}_{size}", row["same"], "Jaccard", ".2f", tolerance=0.05)
    results.record(f"other_{KEYS[name]}_{size}", row["other"], "Jaccard", ".2f", tolerance=0.05)
    results.record(f"recognised_{KEYS[name]}_{size}", row["recognised"], "share", ".0%", tolerance=0.08)

# %%
short, middling, long = sizes
apart = [agreement["gated, TF-IDF", s].mean(axis=0) for s in sizes]
others = [(J.sum(axis=1) - J.diagonal()) / (len(names) - 1) for J in apart]
results.record("apart_lowest", min((J.diagonal() - o).min() for J, o in zip(apart, others, strict=True)), "Jaccard", ".2f", tolerance=0.06)

# %%
results.claim("a6_distinct", all((J.diagonal() > o).all() for J, o in zip(apart, others, strict=True)), "for every category and k, lists from two halves of its text overlap more than with other categories on average")
results.claim("a6_shared", at.loc[("gated, TF-IDF", long), "shared by 80%"] >= 1, "at the longest list at least one feature is shared by 80% of the categories")
results.claim("a6_mean_shared", at.loc[("gated, mean", short), "shared by 80%"] >= 1, "at the shortest list by mean count at least one feature is shared by 80% of the categories")
results.claim("idf_less_shared", all(at.loc[("gated, TF-IDF", s), "shared by 80%"] < at.loc[("gated, mean", s), "shared by 80%"] for s in sizes), "at every k TF-IDF lists share fewer features among 80% of the categories than lists by mean count")

# %% [markdown] tags=["ko"]
# 게이트형의 TF-IDF 목록을 모두 합치면 10개씩일 때 {{< var c06.distinct_gated_10 >}}개, 100개씩일 때 {{< var c06.distinct_gated_100 >}}개의 서로 다른 특징이 된다. 표준형은 100개씩일 때 {{< var c06.distinct_standard_100 >}}개가 된다. 훈련 문장에서 한 번이라도 켜진 특징은 게이트형 {{< var c06.alive_gated >}}개, 표준형 {{< var c06.alive_standard >}}개이다. 고를 것이 그만큼 있었다는 뜻이므로, 겹침은 이 수와 함께 읽어야 한다. 범주의 80% 이상이 나누어 갖는 특징의 수를 10개, 50개, 100개 목록의 순서로 적으면 TF-IDF로는 {{< var c06.shared_gated_10 >}}, {{< var c06.shared_gated_50 >}}, {{< var c06.shared_gated_100 >}}이고 평균 수로는 {{< var c06.shared_mean_10 >}}, {{< var c06.shared_mean_50 >}}, {{< var c06.shared_mean_100 >}}이다.
#
# A6의 뒷부분부터 본다. [거의 모든 범주가 나누어 갖는 특징은 게이트형의 가장 긴 TF-IDF 목록에 있다.]{.claim key="c06.a6_shared"}[게이트형에서는 거의 모든 범주가 나누어 갖는 특징이 TF-IDF로 고른 가장 긴 목록에도 없어, 뒷부분이 재현되지 않는다. 표준형의 같은 목록에서 그런 특징은 {{< var c06.shared_standard_100 >}}개이다.]{.otherwise} [게이트형에서도 평균 수로 고르면 가장 짧은 목록에 이미 그런 특징이 있다.]{.claim key="c06.a6_mean_shared"}[게이트형에서는 평균 수로 고르더라도 가장 짧은 목록에 그런 특징이 없다.]{.otherwise} [TF-IDF는 어느 길이에서나 그 수를 줄인다.]{.claim key="c06.idf_less_shared"}[TF-IDF가 어느 길이에서나 그 수를 줄이는 것은 아니다.]{.otherwise} 그러니 몇 개가 공유되는지는 모델만의 성질이 아니라 고르는 법과 목록의 길이에도 달려 있다.
#
# 앞부분은 이렇게 읽는다. [모든 범주와 모든 길이에서, 같은 범주의 두 반쪽에서 고른 목록은 다른 범주의 목록들과 평균적으로 겹치는 것보다 서로 더 많이 겹친다.]{.claim key="c06.a6_distinct"}[같은 범주의 두 반쪽에서 고른 목록이 다른 범주의 목록들과 평균적으로 겹치는 것보다 서로 더 많이 겹쳐야 하는데, 그렇지 않은 범주와 길이가 있다. 모든 범주에 구별되는 무리가 있다는 앞부분은 그대로는 성립하지 않는다.]{.otherwise} 모든 범주를 평균한 값은 다음과 같다. 50개 목록의 겹침은 같은 범주에서 {{< var c06.same_gated_50 >}}, 다른 범주와 {{< var c06.other_gated_50 >}}이다. 한 반쪽의 50개 목록이 제 범주의 다른 반쪽을 가장 닮은 것으로 알아본 비율은 게이트형 {{< var c06.recognised_gated_50 >}}, 표준형 {{< var c06.recognised_standard_50 >}}이고, 우연이면 {{< var c06.own_chance >}}이다. 같은 범주의 겹침이 1에 못 미치는 만큼은 범주가 아니라 마침 고른 문장의 몫이므로, 목록 하나를 범주의 정체로 읽어서는 안 된다.
#
# 그렇다면 어느 범주나 가진 특징은 무엇을 보는가?

# %% [markdown] src="cb7c" tags=["en"]
# All TF-IDF lists of the Gated SAE together come to {{< var c06.distinct_gated_10 >}} distinct features with 10 each and {{< var c06.distinct_gated_100 >}} with 100 each; for Standard it is {{< var c06.distinct_standard_100 >}} with 100 each. In the training sentences, {{< var c06.alive_gated >}} features of Gated and {{< var c06.alive_standard >}} of Standard fire at least once. That is how many there were to choose from, and the overlap has to be read along with it. Features shared by at least 80% of the categories number, for lists of 10, 50 and 100 in this order, {{< var c06.shared_gated_10 >}}, {{< var c06.shared_gated_50 >}}, {{< var c06.shared_gated_100 >}} with TF-IDF and {{< var c06.shared_mean_10 >}}, {{< var c06.shared_mean_50 >}}, {{< var c06.shared_mean_100 >}} by mean count.
#
# The second part of A6 first. [Features shared by nearly all categories are present in Gated's longest TF-IDF lists.]{.claim key="c06.a6_shared"}[In Gated, not even the longest lists by TF-IDF hold a feature shared by nearly all categories, so the second part is not reproduced. In the same lists of Standard such features number {{< var c06.shared_standard_100 >}}.]{.otherwise} [Chosen by mean count, even the shortest lists of Gated hold some.]{.claim key="c06.a6_mean_shared"}[Even chosen by mean count, the shortest lists of Gated hold none.]{.otherwise} [At every length TF-IDF lowers their number.]{.claim key="c06.idf_less_shared"}[It is not so that TF-IDF lowers their number at every length.]{.otherwise} How many are shared is therefore no property of the model alone; it also depends on how features are chosen and on the length of the list.
#
# The first part reads as follows. [For every category and every length, the lists of its two halves overlap more than they do with the lists of other categories on average.]{.claim key="c06.a6_distinct"}[The lists of the two halves of a category should overlap more than they do with the lists of other categories on average, and at some length there is a category where they do not. That every category has a distinct group does not hold as it stands.]{.otherwise} The means over all categories are these. With lists of 50 the overlap is {{< var c06.same_gated_50 >}} within a category and {{< var c06.other_gated_50 >}} with others. The list of 50 from one half was most like that of the other half of its own category in {{< var c06.recognised_gated_50 >}} of the cases for Gated and {{< var c06.recognised_standard_50 >}} for Standard, against {{< var c06.own_chance >}} by chance. As far as the overlap within a category falls short of 1, the list is owed to the sentences that happened to be chosen and not to the category. No single list should be read as the identity of its category.
#
# What, then, do the features that every category has look at?

# %%
#| label: tbl-tfidf-generic
#| tbl-cap-ko: "평균 특징값 합으로 고른 가장 짧은 목록에서 가장 많은 범주가 나누어 갖는 특징과 그것을 켜는 시험 문장의 토큰. documents는 그 특징이 한 번이라도 켜지는 훈련 문장의 몫이다."
#| tbl-cap-en: "The features most shared in the shortest lists by mean count, and the tokens of test sentences that fire them. documents: the share of training sentences in which the feature is active at all."
generic, n_lists = features.category_counts(lists["gated, mean"][short])
kc.plots.table(pd.DataFrame([{"feature": str(f), "categories": n, "documents": df_share[f], "tokens": firing(f, n=4)}
                             for f, n in zip(generic[:4], n_lists[:4], strict=True)]), fmt=".2f")  # fmt: skip

# %% [markdown] tags=["ko"]
# [@tbl-tfidf-generic]에서 `documents`가 1에 가까운 특징은 거의 모든 문장에서 켜진다. 이런 특징은 조사와 어미, 문장 부호처럼 문장의 뼈대를 이루는 것을 읽으리라고 짐작하기 쉽다. 그러나 가장 세게 켜는 토큰 몇 개만으로는 그렇다고 말할 수 없고, 표의 토큰 가운데에는 소재를 이루는 음절도 섞여 있을 수 있다. 그래서 여기서는 이름을 붙이지 않는다. 범주를 말하지 않는 것은 결함이 아니다. SAE가 배운 것은 재구성이지 범주의 구별이 아니기 때문이다.
#
# ## 활성값이 몰리는 목록 {#sec-tfidf-fall}
#
# 목록이 정말 범주의 것이라면 새 문장의 활성도 제 범주의 목록에 더 많이 돌아가야 한다. 시험 문장마다 전체 활성값 가운데 각 범주의 목록에 돌아가는 몫을 잰다.
#
# **예상.** 대각선이 짙을 것이다. 목록이 길어지면 나누어 갖는 특징이 섞여 대비가 흐려질 것이다. 몫 자체는 작을 것이다. 활성값의 대부분은 모든 문장이 함께 켜는 특징에 있으리라 보기 때문이다.

# %% [markdown] src="f8c1" tags=["en"]
# Features of [@tbl-tfidf-generic] whose `documents` is close to 1 fire in nearly every sentence. It is tempting to suppose that they read the skeleton of sentences, such as particles, endings and punctuation. But a few of their strongest tokens do not suffice to say so, and syllables that belong to items may be among the tokens of the table. So we give them no name here. It is no defect that they do not tell the category: the SAE learnt to reconstruct, not to tell categories apart.
#
# ## Where activations fall {#sec-tfidf-fall}
#
# If the lists really belong to their categories, the activations of new sentences should also fall on the list of their own category more than on others. For each test sentence we measure the share of all its activation that falls on the list of each category.
#
# **Expectation.** The diagonal should be dark. As lists grow, shared features come in and the contrast should fade. The shares themselves should be small, since most activation presumably lies in features that all sentences have in common.

# %%
shares = {size: features.share_on(X["test"], top[size]) for size in sizes}
fall = {size: kc.class_means(share_MC, y["test", home]) for size, share_MC in shares.items()}
mine = names[None] == y["test", home][:, None]

# %%
#| label: fig-tfidf-fall
#| fig-cap-ko: "시험 문장의 활성이 범주 목록으로 돌아가는 몫. 행은 문장의 범주, 열은 목록의 범주(같은 순서)이며, 값은 열의 평균을 1로 놓은 비이다."
#| fig-cap-en: "Where the activations of test sentences fall. Rows: category of the sentences; columns: category of the list, in the same order. Values are ratios to the mean of the column."
#| fig-alt-ko: "목록 길이에 따른 세 칸의 히트맵. 대각선이 짙을수록 문장의 활성값이 제 범주의 목록에 떨어진다."
#| fig-alt-en: "Heatmaps in three panels, one per list length. The darker the diagonal, the more the activations of sentences fall on the list of their own category."
fig, panels = plt.subplots(1, len(sizes), figsize=(kc.plots.WIDTH, 2.7), sharey=True, squeeze=False)
for ax, size in zip(panels[0], sizes, strict=True):
    rows, M = fall[size]
    image = ax.imshow(M / M.mean(axis=0), vmin=0, vmax=2.5, cmap=kc.plots.SEQUENTIAL, aspect="equal")
    ax.set(title=f"top {size}", xlabel="list of category", xticks=[])
panels[0][0].set_yticks(range(len(rows)), rows, fontsize=7)
fig.colorbar(image, ax=panels[0].tolist(), shrink=0.75, label="ratio to column mean", extend="max")
kc.plots.save(fig, "fig-tfidf-fall")

# %%
ratios = []

# %%
for size, share_MC in shares.items():
    pair = np.column_stack([share_MC[mine], (share_MC.sum(axis=1) - share_MC[mine]) / (len(names) - 1)])
    drawn = probing.cluster_bootstrap(pair, docs["test", home], draws, seed)
    low, high = probing.interval(drawn[:, 0] / drawn[:, 1])
    results.record(f"fall_own_{size}", pair[:, 0].mean(), "share", ".2%", tolerance=0.02)
    results.record(f"fall_other_{size}", pair[:, 1].mean(), "share", ".2%", tolerance=0.02)
    ratio = pair[:, 0].mean() / pair[:, 1].mean()
    ratios.append(results.record(f"fall_ratio_{size}", ratio, "ratio", ".1f", interval=(low, high), tolerance=1))
    results.record(f"fall_ratio_{size}_low", low, "ratio", ".1f", tolerance=1)
    results.record(f"fall_ratio_{size}_high", high, "ratio", ".1f", tolerance=1)
    results.claim(f"fall_{size}", low > 1, f"top {size}: more falls on the own category's list than on another's, interval above 1")

# %%
results.claim("ratio_falls", ratios[0] > ratios[-1], "the ratio is smaller for the longest list than for the shortest")

# %%
darkest = {size: int((M.argmax(axis=0) == np.arange(len(names))).sum()) for size, (_, M) in fall.items()}
for size, n in darkest.items():
    results.record(f"darkest_{size}", n, "categories", tolerance=3)
few = min(darkest.values())
results.claim("diagonal_dark", few > len(names) / 2, "at every list length the own category leads the list of over half of the categories", close=abs(few - len(names) / 2) < 2)

# %% [markdown] tags=["ko"]
# 시험 문장의 활성 가운데 {{< var c06.fall_own_10 >}}가 제 범주의 10개 목록에, 평균 {{< var c06.fall_other_10 >}}가 다른 범주의 목록 하나에 돌아간다. 비와 95% 구간은 {{< var c06.fall_ratio_10 >}} [{{< var c06.fall_ratio_10_low >}}, {{< var c06.fall_ratio_10_high >}}]이다. 50개 목록에서는 {{< var c06.fall_ratio_50 >}} [{{< var c06.fall_ratio_50_low >}}, {{< var c06.fall_ratio_50_high >}}], 100개 목록에서는 두 몫이 {{< var c06.fall_own_100 >}}, {{< var c06.fall_other_100 >}}이고 비는 {{< var c06.fall_ratio_100 >}} [{{< var c06.fall_ratio_100_low >}}, {{< var c06.fall_ratio_100_high >}}]이다. 제 범주의 몫은 [10개 목록에서 더 크고,]{.claim key="c06.fall_10"} [50개 목록에서도,]{.claim key="c06.fall_50"} [100개 목록에서도 더 크다.]{.claim key="c06.fall_100"} [가장 긴 목록의 비는 가장 짧은 목록의 비보다 작다.]{.claim key="c06.ratio_falls"} 대각선이 짙으리라던 예상은 이렇게 판정한다. 범주 {{< var c06.n_categories >}}개 가운데, 자기 목록에 활성값을 가장 많이 주는 것이 자기 문장인 범주는 10개 목록에서 {{< var c06.darkest_10 >}}개, 50개 목록에서 {{< var c06.darkest_50 >}}개, 100개 목록에서 {{< var c06.darkest_100 >}}개이다. [어느 길이에서나 절반이 넘는 범주에서 대각선이 그 열의 가장 짙은 칸이다.]{.claim key="c06.diagonal_dark"}[대각선이 그 열의 가장 짙은 칸인 범주가 절반이 안 되는 길이가 있어, 예상이 빗나갔다.]{.otherwise} 다만 비가 1보다 크다는 것과 활성값이 제 범주에 몰린다는 것은 다르다. 비가 1에 가까울수록 [@fig-tfidf-fall]의 대각선도 옅고, 문장 하나가 제 범주의 목록만으로 가려지지는 않는다. 가로로 길게 짙은 줄은 문장의 활성값이 어느 목록에나 많이 돌아가는 범주이다. 대각선 밖의 짙은 칸이 서로 닮은 범주의 짝인지는 이 그림만으로 알 수 없다.
#
# ## 프로필로 예측하기 {#sec-tfidf-predict}
#
# 마지막 시험은 예측이다. 시험 문장의 벡터와 코사인이 가장 큰 프로필의 범주를 답으로 삼는다. 배우는 것이 평균뿐이므로, 앞 장의 탐침([@sec-probing])과 달리 문장을 외울 여지가 거의 없다.
#
# 견줄 것은 다음과 같다. 날활성값은 문장 평균에서 훈련 문장의 평균을 뺀 것이다. 빼지 않으면 모든 문장에 공통된 방향이 코사인을 뒤덮는다. 낱말과 언어 모델의 토큰에도 [@eq-tfidf]의 가중치를 똑같이 준다. `counts`는 가중치를 뺀 특징값 합이고, `shuffled`는 훈련 문장의 범주를 뒤섞은 것이다. `top`은 어느 범주의 것이든 상위 목록에 든 특징만 남긴다. 가장 엄격한 기준선은 토큰이다. 특징이 토큰에 붙은 이름표일 뿐이라면 특징의 가방은 토큰의 가방을 넘을 까닭이 없다.
#
# **예상.** 특징의 가방은 뒤섞은 범주를 크게 웃돈다. 가중치가 도움이 되고, 10개 목록만으로도 정확도의 많은 부분이 남는다. 소재의 이름이 나오지 않는 문장이 있는 말뭉치라면, 그런 문장에서 특징이 토큰을 앞설 것이다. 활성값은 문맥을 읽은 것이지만 토큰의 개수는 그렇지 않기 때문이다.

# %% [markdown] src="e5dc" tags=["en"]
# Of the activation of a test sentence, {{< var c06.fall_own_10 >}} falls on the list of 10 of its own category and {{< var c06.fall_other_10 >}} on that of another on average. The ratio with its 95% interval is {{< var c06.fall_ratio_10 >}} [{{< var c06.fall_ratio_10_low >}}, {{< var c06.fall_ratio_10_high >}}]. With lists of 50 it is {{< var c06.fall_ratio_50 >}} [{{< var c06.fall_ratio_50_low >}}, {{< var c06.fall_ratio_50_high >}}]; with lists of 100, {{< var c06.fall_own_100 >}} against {{< var c06.fall_other_100 >}} make {{< var c06.fall_ratio_100 >}} [{{< var c06.fall_ratio_100_low >}}, {{< var c06.fall_ratio_100_high >}}]. The share of the own category is [larger with lists of 10,]{.claim key="c06.fall_10"} [with lists of 50,]{.claim key="c06.fall_50"} [and with lists of 100.]{.claim key="c06.fall_100"} [The ratio of the longest list is smaller than that of the shortest.]{.claim key="c06.ratio_falls"} Our expectation of a dark diagonal is judged as follows. Of the {{< var c06.n_categories >}} categories, {{< var c06.darkest_10 >}} with lists of 10, {{< var c06.darkest_50 >}} with lists of 50 and {{< var c06.darkest_100 >}} with lists of 100 have a list on which their own sentences put more activation than those of any other category. [At every length the diagonal is the darkest cell of its column for over half of the categories.]{.claim key="c06.diagonal_dark"}[At some length the diagonal is the darkest cell of its column for fewer than half of the categories, and the expectation has failed.]{.otherwise} But that a ratio is above 1 does not mean that activation gathers on its own category. The closer it is to 1, the paler the diagonal of [@fig-tfidf-fall], and the less a single sentence can be told by the list of its category. A dark row is a category whose sentences put much of their activation on every list. Whether dark cells off the diagonal are categories that resemble each other cannot be told from this figure alone.
#
# ## Predicting with profiles {#sec-tfidf-predict}
#
# The last test is prediction. The answer for a test sentence is the category whose profile has the largest cosine with its vector. Nothing is learnt but means, so there is hardly any room for memorising sentences as the probes of the last chapter could ([@sec-probing]).
#
# This is what we compare with. Raw activations are sentence means minus the mean of the training sentences; without subtracting it, the direction common to all sentences would swamp the cosine. Words and the language model's own tokens are weighted in the same way by [@eq-tfidf]. `counts` are feature counts without the weighting, and `shuffled` has the categories of training sentences mixed up. `top` keeps only features in the top lists of the categories. The strictest baseline is tokens. If features are mere labels attached to tokens, there is no reason why a bag of features should beat a bag of tokens.
#
# **Expectation.** Bags of features should be far above shuffled categories. The weighting should help, and lists of 10 should keep much of the accuracy. Where a corpus has sentences that do not name their item, features should be ahead of tokens there, for activations have read the context and token counts have not.

# %%
def bag_of_words(lang):
    """Word counts of both splits, for words that occur in the training text."""
    count = CountVectorizer(token_pattern=r"\w+")
    return {"train": count.fit_transform(records["train", lang].texts), "test": count.transform(records["test", lang].texts)}

# %%
def bag_of_tokens(lang):
    """Counts of the language model's own tokens in both splits."""
    stores = {split: study.acts(split, lang, middle) for split in ("train", "test")}
    return {split: sparse.csr_array((np.ones(s.n_tokens), (s.doc_index, s.token_ids)), shape=(len(s.documents), len(study.lm.tokenizer)))
            for split, s in stores.items()}  # fmt: skip

# %%
def hits(lang, X, columns=slice(None), labels=None):
    """Whether the nearest profile of each test sentence is its own category's."""
    found, means = kc.class_means(X["train"][:, columns], y["train", lang] if labels is None else labels)
    return features.nearest_profile(X["test"][:, columns], means, found) == y["test", lang]

# %%
right = {}

# %%
for lang in langs:
    for variant in ("gated", "standard"):
        M = weighted[lang, variant]
        right[lang, variant, "all"] = hits(lang, M)
        for size in sizes:
            right[lang, variant, f"top {size}"] = hits(lang, M, probing.pooled_features(M["train"], y["train", lang], size))
    right[lang, "gated", "counts"] = hits(lang, counts[lang, "gated"])
    mixed = np.random.default_rng(seed).permutation(y["train", lang])
    right[lang, "gated", "shuffled"] = hits(lang, weighted[lang, "gated"], labels=mixed)

# %%
for lang in langs:
    raw = {split: probing.document_means(study.acts(split, lang, middle)) for split in ("train", "test")}
    right[lang, "raw", "centred"] = hits(lang, {split: each - raw["train"].mean(axis=0) for split, each in raw.items()})
    for name, bag in (("words", bag_of_words(lang)), ("tokens", bag_of_tokens(lang))):
        weights = features.inverse_document_frequency(bag["train"])
        right[lang, "tfidf", name] = hits(lang, {split: kc.tfidf(sparse.csr_array(each), weights) for split, each in bag.items()})

# %%
named = {lang: records["test", lang].label("names_item") == "yes" if "names_item" in records["test", lang].label_names
         else np.ones(len(records["test", lang]), bool) for lang in langs}  # fmt: skip
subsets = {"": named} if named[home].all() else {"": named, "_unnamed": {lang: ~each for lang, each in named.items()}}

# %%
if "_unnamed" in subsets:
    results.record("n_unnamed", int(subsets["_unnamed"][home].sum()), "sentences", tolerance=0)

# %%
accuracy = []

# %%
for (lang, kind, what), each in right.items():
    for suffix, which in subsets.items():
        part, clusters = each[which[lang]], docs["test", lang][which[lang]]
        low, high = probing.interval(probing.cluster_bootstrap(part, clusters, draws, seed)[:, 0])
        key = f"{lang}_{kind}_{what}{suffix}".replace(" ", "")
        results.record(f"acc_{key}", part.mean(), "accuracy", ".3f", interval=(low, high), tolerance=0.04)
        accuracy.append({"lang": lang, "kind": kind, "what": what, "subset": suffix, "accuracy": part.mean(), "low": low, "high": high})

# %%
accuracy = pd.DataFrame(accuracy)

# %%
#| label: fig-tfidf-accuracy
#| fig-cap-ko: "가장 가까운 범주 프로필로 예측한 시험 정확도. unnamed는 소재의 이름이 나오지 않는 문장이고, 이 칸이 있으면 held-out text는 이름이 나오는 문장이다. 가로선은 문장틀 또는 문서 단위 붓스트랩 95% 구간, 점선은 범주 수의 역수이다."
#| fig-cap-en: "Test accuracy of predicting the category with the nearest profile. unnamed: sentences that do not name their item; where this panel is there, held-out text holds those that do. Bars: 95% intervals of a bootstrap over templates or documents; dotted line: one over the number of categories."
#| fig-alt-ko: "방법마다 한 줄씩 놓인 점과 구간. 게이트형과 표준형의 특징, 날활성값, 토큰과 낱말, 뒤섞은 라벨이 위에서 아래로 놓인다."
#| fig-alt-en: "Dots with intervals, one row per method. From top to bottom: features of Gated and Standard, raw activations, tokens and words, shuffled labels."
order = [("gated", "all"), *[("gated", f"top {s}") for s in reversed(sizes)], ("gated", "counts"), ("standard", "all"),
         *[("standard", f"top {s}") for s in reversed(sizes)], ("raw", "centred"), ("tfidf", "tokens"), ("tfidf", "words"), ("gated", "shuffled")]  # fmt: skip
fig, panels = plt.subplots(1, len(subsets), figsize=(kc.plots.WIDTH, 3.3), sharey=True, squeeze=False)
for (ax, suffix), (n, lang) in itertools.product(zip(panels[0], subsets, strict=True), list(enumerate(langs))):
    part = accuracy[(accuracy.subset == suffix) & (accuracy.lang == lang)].set_index(["kind", "what"]).loc[order]
    rank = np.arange(len(order)) + 0.28 * (n - (len(langs) - 1) / 2)
    spread = [part.accuracy - part.low, part.high - part.accuracy]
    ax.errorbar(part.accuracy, rank, xerr=spread, fmt="o", color=kc.plots.LANGUAGE_COLORS[lang], lw=1, label=lang)
    ax.set(xlim=(0, 1), xlabel="accuracy", title=suffix.strip("_") or "held-out text")
    ax.axvline(1 / len(names), color="#777777", ls=":", lw=0.8)
    ax.set_yticks(range(len(order)), [f"{kind}, {what}" for kind, what in order])
panels[0][0].invert_yaxis()
panels[0][0].legend(loc="upper right")
kc.plots.save(fig, "fig-tfidf-accuracy")

# %%
PAIRS = {"gated_standard": (("gated", "all"), ("standard", "all")), "gated_tokens": (("gated", "all"), ("tfidf", "tokens")),
         "gated_raw": (("gated", "all"), ("raw", "centred")), "all_top": (("gated", "all"), ("gated", f"top {short}")),
         "idf_counts": (("gated", "all"), ("gated", "counts")), "gated_shuffled": (("gated", "all"), ("gated", "shuffled"))}  # fmt: skip
gaps = {}

# %%
for (name, (a, b)), (suffix, which) in itertools.product(PAIRS.items(), subsets.items()):
    difference = (right[home, *a].astype(float) - right[home, *b])[which[home]]
    low, high = probing.interval(probing.cluster_bootstrap(difference, docs["test", home][which[home]], draws, seed)[:, 0])
    gaps[name + suffix] = (low, high)
    results.record(f"gap_{name}{suffix}", difference.mean(), "accuracy", "+.3f", interval=(low, high), tolerance=0.04)
    results.record(f"gap_{name}{suffix}_low", low, "accuracy", "+.3f", tolerance=0.05)
    results.record(f"gap_{name}{suffix}_high", high, "accuracy", "+.3f", tolerance=0.05)

# %%
for name, suffix in itertools.product(PAIRS, subsets):
    low, high = gaps[name + suffix]
    statement = f"{name}: the first is above the second on {suffix.strip('_') or 'held-out'} text, interval above 0"
    results.claim(f"{name}_above{suffix}", low > 0, statement, against=high < 0, close=abs(low) < 0.02)
left = right[home, "gated", f"top {short}"][named[home]].mean() / right[home, "gated", "all"][named[home]].mean()
results.claim("short_lists_keep", left > 0.5, "the features of the shortest lists keep over half of the accuracy")

# %% [markdown] tags=["ko"]
# 소재의 이름이 나오는지 표시된 말뭉치에서는 이름이 나오는 시험 문장만 먼저 본다. [@fig-tfidf-accuracy]의 `held-out text` 칸이다. 그런 표시가 없으면 모든 시험 문장을 쓴다. 게이트형의 정확도는 {{< var c06.acc_ko_gated_all >}}, 표준형은 {{< var c06.acc_ko_standard_all >}}, 날활성값은 {{< var c06.acc_ko_raw_centred >}}, 토큰은 {{< var c06.acc_ko_tfidf_tokens >}}, 낱말은 {{< var c06.acc_ko_tfidf_words >}}, 뒤섞은 범주는 {{< var c06.acc_ko_gated_shuffled >}}이다(한국어). [예상대로 특징의 가방은 뒤섞은 범주를 웃돈다.]{.claim key="c06.gated_shuffled_above"}[특징의 가방은 뒤섞은 범주도 뚜렷이 웃돌지 못한다.]{.otherwise}
#
# 이어서 같은 문장끼리 짝을 지은 차이를 95% 구간과 함께 적는다. 구간은 문장틀이나 문서를 통째로 다시 뽑은 것이고 [@field2007], 0이 그 안에 들면 어느 쪽이 높다고 말하지 않는다. 연구 A의 주장 A1([@sec-probing])대로라면 게이트형이 앞서야 한다. [정확도는 게이트형이 표준형보다 높다.]{.claim key="c06.gated_standard_above"}[정확도에서 게이트형이 표준형보다 뚜렷이 높다고 할 수 없다.]{.otherwise} 차이는 {{< var c06.gap_gated_standard >}} [{{< var c06.gap_gated_standard_low >}}, {{< var c06.gap_gated_standard_high >}}]이다. 특징 몇 개를 골라 배우는 앞 장의 탐침과는 읽는 법이 다르고 실행에 따라서는 SAE도 다르므로, 두 장의 순서가 반드시 같을 까닭은 없다. [가중치를 주면 특징값 합을 그대로 쓸 때보다 정확도가 높다.]{.claim key="c06.idf_counts_above"}[가중치를 주어도 특징값 합을 그대로 쓸 때보다 뚜렷이 높아지지는 않는다.]{.otherwise} 차이는 {{< var c06.gap_idf_counts >}} [{{< var c06.gap_idf_counts_low >}}, {{< var c06.gap_idf_counts_high >}}]이다. 10개 목록에 든 특징만 남기면 정확도는 {{< var c06.acc_ko_gated_top10 >}}이고, 모두 쓸 때의 정확도에서 이것을 빼면 {{< var c06.gap_all_top >}} [{{< var c06.gap_all_top_low >}}, {{< var c06.gap_all_top_high >}}]이다. [모두 쓸 때의 절반이 넘게 남으므로, 많은 부분이 남으리라던 예상과 맞는다.]{.claim key="c06.short_lists_keep"}[모두 쓸 때의 절반도 남지 않으므로, 많은 부분이 남으리라던 예상은 빗나갔다.]{.otherwise}
#
# 남은 것은 기준선이며, 차이가 음수이면 기준선이 앞선다. 날활성값과의 차이는 {{< var c06.gap_gated_raw >}} [{{< var c06.gap_gated_raw_low >}}, {{< var c06.gap_gated_raw_high >}}]이다. [특징의 가방은 날활성값보다 높다. 다만 평균한 날활성값은 토큰을 한데 뭉뚱그리고 특징은 더하기 전에 토큰마다 켜지고 꺼지므로, 특징이 더 많이 안다기보다 평균한 날활성값이 약한 기준선이라고 읽어야 한다([@sec-probing-linear]).]{.claim key="c06.gated_raw_above"}[특징의 가방은 날활성값보다 뚜렷이 높다고 할 수 없다.]{.otherwise} 토큰과의 차이는 {{< var c06.gap_gated_tokens >}} [{{< var c06.gap_gated_tokens_low >}}, {{< var c06.gap_gated_tokens_high >}}]이다. [특징의 가방은 토큰의 가방보다 높다.]{.claim key="c06.gated_tokens_above"}[특징의 가방은 토큰의 가방보다 뚜렷이 높다고 할 수 없다. 범주를 알려 주는 토큰의 차이가 언어 모델이나 SAE를 거치며 흐려졌거나 여러 토큰이 한 특징에 섞였을 수 있는데, 어느 쪽인지는 이 시험으로 가릴 수 없다.]{.otherwise}
#
# ::: {.when key="c06.gap_gated_tokens_unnamed"}
# 소재의 이름이 나오지 않는 {{< var c06.n_unnamed >}}문장에서 게이트형은 {{< var c06.acc_ko_gated_all_unnamed >}}, 날활성값은 {{< var c06.acc_ko_raw_centred_unnamed >}}, 토큰은 {{< var c06.acc_ko_tfidf_tokens_unnamed >}}이다. 특징이 토큰의 이름표 이상인지는 두 가방의 차이가 가장 곧게 말해 주며, 그 값은 {{< var c06.gap_gated_tokens_unnamed >}} [{{< var c06.gap_gated_tokens_unnamed_low >}}, {{< var c06.gap_gated_tokens_unnamed_high >}}]이다. [예상대로 여기서 특징의 가방은 토큰의 가방보다 높다.]{.claim key="c06.gated_tokens_above_unnamed"}[우리는 여기서 특징이 앞서리라 예상했지만, 특징의 가방이 토큰의 가방보다 뚜렷이 높다고 할 수 없다. 예상은 확인되지 않았고, 특징이 토큰 이상이라는 증거를 이 장은 얻지 못했다.]{.otherwise}
# :::
#
# ::: {.when key="c06.acc_en_gated_all"}
# 영어에서 게이트형은 {{< var c06.acc_en_gated_all >}}, 토큰은 {{< var c06.acc_en_tfidf_tokens >}}이다.
# :::

# %% [markdown] src="2445" tags=["en"]
# Where a corpus marks which sentences name their item, those that do come first: the panel `held-out text` of [@fig-tfidf-accuracy]. Where there is no such mark, all test sentences are used. Accuracy is {{< var c06.acc_ko_gated_all >}} for Gated, {{< var c06.acc_ko_standard_all >}} for Standard, {{< var c06.acc_ko_raw_centred >}} for raw activations, {{< var c06.acc_ko_tfidf_tokens >}} for tokens, {{< var c06.acc_ko_tfidf_words >}} for words and {{< var c06.acc_ko_gated_shuffled >}} for shuffled categories (Korean). [As expected, bags of features are above shuffled categories.]{.claim key="c06.gated_shuffled_above"}[Bags of features are not even clearly above shuffled categories.]{.otherwise}
#
# Differences are paired by sentence and come with 95% intervals, for which whole templates or documents are drawn again [@field2007]; where an interval holds 0, we say of neither side that it is higher. By claim A1 of study A ([@sec-probing]), Gated should be ahead. [Gated is above Standard.]{.claim key="c06.gated_standard_above"}[Gated is not clearly above Standard.]{.otherwise} The difference is {{< var c06.gap_gated_standard >}} [{{< var c06.gap_gated_standard_low >}}, {{< var c06.gap_gated_standard_high >}}]. Profiles read features otherwise than the probes of the last chapter, which learn from a few chosen ones, and in some runs the SAEs are others, so the two chapters need not agree in the order. [With the weighting, accuracy is above that of plain feature counts.]{.claim key="c06.idf_counts_above"}[Even with the weighting, accuracy is not clearly above that of plain feature counts.]{.otherwise} The difference is {{< var c06.gap_idf_counts >}} [{{< var c06.gap_idf_counts_low >}}, {{< var c06.gap_idf_counts_high >}}]. With nothing but the features on the lists of 10, accuracy is {{< var c06.acc_ko_gated_top10 >}}; the accuracy with all features minus this is {{< var c06.gap_all_top >}} [{{< var c06.gap_all_top_low >}}, {{< var c06.gap_all_top_high >}}]. [More than half is kept, in line with our expectation that the lists keep much.]{.claim key="c06.short_lists_keep"}[Less than half is kept, so our expectation that the lists keep much has failed.]{.otherwise}
#
# The baselines remain; where a difference is negative, the baseline is ahead. The difference from raw activations is {{< var c06.gap_gated_raw >}} [{{< var c06.gap_gated_raw_low >}}, {{< var c06.gap_gated_raw_high >}}]. [Bags of features are above raw activations. But averaged activations blend the tokens, while features turn on and off with each token before they are summed; this says less that features know more than that averaged activations are a weak baseline ([@sec-probing-linear]).]{.claim key="c06.gated_raw_above"}[Bags of features are not clearly above raw activations.]{.otherwise} The difference from tokens is {{< var c06.gap_gated_tokens >}} [{{< var c06.gap_gated_tokens_low >}}, {{< var c06.gap_gated_tokens_high >}}]. [Bags of features are above bags of tokens.]{.claim key="c06.gated_tokens_above"}[Bags of features are not clearly above bags of tokens. The differences between tokens that tell the category may have blurred on the way through the language model or the SAE, or several tokens may have been mixed into one feature; this test cannot tell which.]{.otherwise}
#
# ::: {.when key="c06.gap_gated_tokens_unnamed"}
# On the {{< var c06.n_unnamed >}} sentences that do not name their item, Gated has {{< var c06.acc_ko_gated_all_unnamed >}}, raw activations {{< var c06.acc_ko_raw_centred_unnamed >}} and tokens {{< var c06.acc_ko_tfidf_tokens_unnamed >}}. What tells most directly whether features are more than labels of tokens is the difference between the two bags, {{< var c06.gap_gated_tokens_unnamed >}} [{{< var c06.gap_gated_tokens_unnamed_low >}}, {{< var c06.gap_gated_tokens_unnamed_high >}}]. [As expected, bags of features are above bags of tokens here.]{.claim key="c06.gated_tokens_above_unnamed"}[We expected features to be ahead here, but bags of features are not clearly above bags of tokens. The expectation is not confirmed, and this chapter has found no evidence that features are more than tokens.]{.otherwise}
# :::
#
# ::: {.when key="c06.acc_en_gated_all"}
# In English, Gated has {{< var c06.acc_en_gated_all >}} and tokens {{< var c06.acc_en_tfidf_tokens >}}.
# :::

# %% [markdown] tags=["ko"]
# ## 무엇이 이 결론을 뒤집는가 {#sec-tfidf-refute}
#
# A6의 앞부분은 같은 범주의 두 반쪽이 다른 범주만큼만 겹칠 때, 또는 활성값의 비가 1에 머물 때 무너진다. [이번 실행에서 그런 범주는 없었다.]{.claim key="c06.a6_distinct"}[앞에서 보았듯 두 반쪽이 그만큼 겹치지 않는 범주가 있다. 그러니 앞부분은 범주 전체의 평균에 대한 말로만 남는다.]{.otherwise} 뒷부분은 가장 긴 목록에도 범주의 80%가 나누어 갖는 특징이 없을 때 무너진다. [이번 실행에는 그런 특징이 있었다.]{.claim key="c06.a6_shared"}[TF-IDF로 고른 게이트형의 목록이라면 이번 실행이 바로 그렇다.]{.otherwise} 특징이 토큰 이상이라는 해석은, 이름이 나오지 않는 문장에서도 토큰의 가방이 특징의 가방에 뒤지지 않을 때 설 자리를 잃는다.
#
# ::: {.when key="c06.gap_gated_tokens_unnamed"}
# [그런 문장에서 특징의 가방이 앞섰으므로 이 결론은 남는다.]{.claim key="c06.gated_tokens_above_unnamed"}[그런 문장에서 특징의 가방이 뚜렷이 앞서지 못했으므로, 이 결론을 받칠 증거는 이 장에 없다.]{.otherwise}
# :::
#
# 한계도 있다. 구간에는 SAE를 다시 학습할 때의 흔들림이 들어 있지 않다. 가장 가까운 프로필은 약한 분류기여서, 정확도의 높낮이는 정보의 양이 아니라 평균 하나로 얼마나 읽히는지를 말한다. 특징값 합은 문장이 길수록 커지므로 긴 문장이 더 큰 벡터를 가지며, 길이를 1로 맞추면 크기는 같아져도 구성의 차이는 남는다. 같은 특징들이 디코더 방향으로도 무리를 이루는지는 [@sec-visualization]에서 그림으로 본다.

# %% [markdown] src="8d8e" tags=["en"]
# ## What would overturn this reading {#sec-tfidf-refute}
#
# The first part of A6 falls if two halves of one category overlap no more than different categories do, or if the ratio of activations stays at 1. [In this run there was no such category.]{.claim key="c06.a6_distinct"}[As seen above, there is a category whose halves do not overlap that much, so the first part is left as a statement about the mean of all categories only.]{.otherwise} The second part falls if even the longest lists hold no feature shared by 80% of the categories. [In this run there was such a feature.]{.claim key="c06.a6_shared"}[For Gated's lists by TF-IDF, this run is just such a case.]{.otherwise} The reading that features are more than tokens loses its ground if bags of tokens do no worse than bags of features on sentences that do not name their item.
#
# ::: {.when key="c06.gap_gated_tokens_unnamed"}
# [On such sentences bags of features were ahead, so the reading stands.]{.claim key="c06.gated_tokens_above_unnamed"}[On such sentences bags of features were not clearly ahead, so nothing in this chapter supports that reading.]{.otherwise}
# :::
#
# There are limits, too. The intervals do not include the variation between SAEs trained anew. The nearest profile is a weak classifier, so its accuracy speaks of what can be read with a single mean and not of the amount of information. Feature counts are sums of activations, so long sentences have larger vectors; scaling to length 1 evens this out but leaves differences of composition. Whether the same features also form groups by their decoder directions is looked at in pictures in [@sec-visualization].
