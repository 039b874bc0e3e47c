# %% [markdown] tags=["ko"]
# # 시각화: 그림은 무엇을 보여 주고 무엇을 감추는가 {#sec-visualization}
#
# 특징(feature)의 디코더 방향은 수백 차원의 공간에 있다. 그것을 종이에 옮기려면 두 차원만 남겨야 하고, 그 과정에서 거리는 대부분 지켜지지 못한다. @{fxnnxc}는 UMAP으로 범주별 상위 특징을 그리고, 범주마다 특징이 따로 모인다고 보고했다. 눈에 보이는 무리는 설득력이 있다. 그러나 무리는 공간에 있어서 보이는 것일 수도 있고, 그리는 방법이 만들어 낸 것일 수도 있다.
#
# 그래서 이 장은 그림을 그리기 전에 먼저 잰다. 물음은 셋이다. 같은 범주의 특징은 원래 공간에서 정말로 이웃하는가? 두 차원의 그림은 그 이웃 관계를 얼마나 지키는가? 훈련 문장에서 고른 범주별 특징은 처음 보는 문장에서도 그 범주에서 가장 강하게 켜지는가?

# %% [markdown] src="2555" tags=["en"]
# # Visualization: what pictures show and what they hide {#sec-visualization}
#
# The decoder direction of a feature lives in a space of hundreds of dimensions. To put it on paper we keep two, and most distances are lost on the way. @{fxnnxc} drew the top features of each category with UMAP and reported that every category has a group of its own. Visible groups persuade. But a group may be visible because it is there in the space, or because the method of drawing made it.
#
# So this chapter measures before it draws. There are three questions. Are features of one category really neighbours in the original space? How much of that neighbourhood does the picture in two dimensions keep? And do the features chosen for a category on training sentences respond most strongly to that category in sentences never seen before?

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
variant = "gated"
n_categories = 8
top_few = 10
top_many = 100
top_big = 20
top_small = 2
neighbours = 10
layout_neighbours = 15
layout_seeds = [0, 1, 2]
n_documents = 1500

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.manifold import trustworthiness

import kosae_core as kc
from kosae_core import layout, statistics

kc.plots.house_style()
results = kc.Results(chapter="07", preset=preset, seeds=(seed,))

# %%
study = kc.Study(
    corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late),
    n_features=n_features, k=k, steps=steps, batch_size=batch_size, seed=seed,
)  # fmt: skip

# %%
sae, _ = study.sae(variant, "ko", middle)
records = {split: study.records(split, "ko") for split in ("train", "test")}
small_label = "small" if "small" in records["train"].label_names else "big"

# %% [markdown] tags=["ko"]
# ## 범주의 특징을 고르는 법 {#sec-vis-select}
#
# SAE는 [@sec-tfidf]의 게이트형이고, 고르는 법도 같다. 훈련 문장마다 특징의 활성값을 더해 TF-IDF로 바꾸고, 범주별 평균이 큰 순서로 상위 {{< var c07.top_few >}}개와 {{< var c07.top_many >}}개를 취한다. 여러 범주의 목록에 함께 오르는 특징이 있다. 문장의 말투나 조사처럼 어느 범주에나 있는 것을 읽는 특징일 것이다. 이런 특징을 어느 한 범주의 색으로 칠하면 그림이 거짓말을 하게 되므로, 둘 이상의 목록에 오른 특징은 따로 표시하고 이웃을 셀 때에는 뺀다.

# %% [markdown] src="b12a" tags=["en"]
# ## Choosing a category's features {#sec-vis-select}
#
# The SAE is the Gated one of [@sec-tfidf], and features are chosen in the same way: the activations of each feature are summed over a training sentence and turned into TF-IDF, and the first {{< var c07.top_few >}} and {{< var c07.top_many >}} by the mean of each category are taken. Some features enter the lists of several categories. They probably read what every category has, such as the tone of a sentence or its particles. To paint such a feature in the colour of one category would make the picture lie, so features on two or more lists are marked apart and left out when neighbours are counted.

# %%
counts = {split: kc.document_features(sae, study.acts(split, "ko", middle)) for split in ("train", "test")}
weights = kc.tfidf(counts["train"])
big = {split: records[split].label("big") for split in ("train", "test")}
categories = np.unique(big["train"])

# %%
many = min(top_many, n_features // 4)
tops = {n: kc.top_features(weights, big["train"], n) for n in (top_few, many)}

# %%
owners = layout.exclusive_labels(tops[many])
own = np.array(list(owners))
owner = np.array(list(owners.values()))
directions = sae.W_dec_FD.detach().numpy()

# %%
generic = layout.generic_features(tops[many])
listed = np.unique(np.concatenate(list(tops[many].values())))

# %%
results.record("top_few", top_few, "features", tolerance=0)
results.record("top_many", many, "features", tolerance=0)
results.record("n_categories", len(categories), "categories", tolerance=0)
results.record("listed", len(listed), "features", tolerance=120)

# %%
results.record("own_share", len(own) / len(listed), "share", fmt=".1%", tolerance=0.08)
results.record("generic", len(generic), "features", tolerance=20)

# %% [markdown] tags=["ko"]
# ## 원래 공간에서의 이웃 {#sec-vis-neighbours}
#
# 범주 {{< var c07.n_categories >}}개의 목록에 한 번이라도 오른 특징은 {{< var c07.listed >}}개이고, 그 가운데 {{< var c07.own_share >}}는 한 목록에만 오른다. 절반 이상의 목록에 오르는 특징은 {{< var c07.generic >}}개이며, 이들을 두루 켜지는 특징이라 부르자. 한 목록에만 오른 특징들 사이에서, 디코더 방향의 코사인으로 가장 가까운 {{< var c07.neighbours >}}개가 같은 범주일 비율을 순도라 하자.
#
# **예상.** 범주와 방향이 무관하다면 순도는 라벨을 섞었을 때와 같아야 한다. 선형 표현 가설([@sec-superposition])이 옳고 모델이 범주를 구별한다면 순도는 그보다 높을 것이다. 다만 희소 오토인코더는 한 방향을 두 특징에 쓸 까닭이 없으므로, 높더라도 1에는 한참 못 미칠 것이다.

# %% [markdown] src="a38d" tags=["en"]
# ## Neighbours in the original space {#sec-vis-neighbours}
#
# The lists of the {{< var c07.n_categories >}} categories hold {{< var c07.listed >}} different features, of which {{< var c07.own_share >}} stand on one list only. Those on at least half of the lists number {{< var c07.generic >}}; we call them generic. Among features that stand on one list only, call purity the share of the {{< var c07.neighbours >}} nearest by cosine of decoder directions that belong to the same category.
#
# **Expectation.** If category and direction have nothing to do with each other, purity must equal that of shuffled labels. If the linear representation hypothesis ([@sec-superposition]) is right and the model tells categories apart, it will be higher. A sparse autoencoder has no reason to spend two features on one direction, though, so even then it should stay far below 1.

# %%
near = min(neighbours, len(own) - 1)
purity = layout.neighbour_purity(directions[own], owner, near)
chance, chance_high = layout.shuffled_purity(directions[own], owner, near, seed=seed)
category = np.unique(owner, return_inverse=True)[1]
by_category = [statistics.by_group(values, category) for values in (purity, np.ones(len(purity)))]
interval = statistics.bootstrap_ratio(*by_category, seed=seed)

# %%
results.record("neighbours", near, "features", tolerance=0)
results.record("purity", purity.mean(), "share", interval=interval, tolerance=0.06)
results.record("purity_low", interval[0], "share", tolerance=0.06)
results.record("purity_high", interval[1], "share", tolerance=0.06)

# %%
results.record("purity_chance", chance, "share", tolerance=0.03)
results.record("purity_chance_high", chance_high, "share", tolerance=0.03)
results.record("purity_ratio", purity.mean() / chance, "ratio", fmt=".1f", tolerance=1.0)
results.claim("own_groups", purity.mean() > 0.5, "most neighbours of a category's own features are of the same category")
results.claim("neighbours_share_category", purity.mean() > chance_high, "features of one category are nearer than by chance")

# %% [markdown] tags=["ko"]
# **읽기.** 순도는 {{< var c07.purity >}}(범주를 다시 뽑은 95% 구간 {{< var c07.purity_low >}}에서 {{< var c07.purity_high >}})이고, 라벨을 섞으면 {{< var c07.purity_chance >}}이므로 우연의 {{< var c07.purity_ratio >}}배이다. [같은 범주의 특징은 원래 공간에서 우연보다 가까이 있다.]{.claim key="c07.neighbours_share_category"} 그러나 순도가 1에 못 미치는 만큼 이웃에는 다른 범주의 특징이 섞여 있다. 우연보다 가깝다는 것과 따로 모인다는 것은 다르며, 따로 모인다고 하려면 적어도 이웃의 절반 넘게 같은 범주여야 한다. [여기서는 절반이 넘는다.]{.claim key="c07.own_groups"}[여기서는 절반을 넘지 않으므로, 범주마다 제 특징의 무리가 있다고 말할 수 없다.]{.otherwise} 그림이 없어도 말할 수 있는 것은 여기까지이고, 이제부터는 그림을 보고 이 수보다 많은 것을 주장해서는 안 된다.

# %% [markdown] src="5394" tags=["en"]
# **Reading.** Purity is {{< var c07.purity >}} (95% interval over redrawn categories {{< var c07.purity_low >}} to {{< var c07.purity_high >}}), against {{< var c07.purity_chance >}} for shuffled labels: {{< var c07.purity_ratio >}} times chance. [Features of one category lie closer together in the original space than by chance.]{.claim key="c07.neighbours_share_category"} But as far as purity falls short of 1, neighbours are features of other categories. To be nearer than by chance is not to form a group apart; for that, at least most neighbours would have to be of the same category. [Here most are.]{.claim key="c07.own_groups"}[Here they are not, so categories cannot be said to have groups of features of their own.]{.otherwise} This much can be said without a picture, and from here on no picture may claim more than these numbers.

# %% [markdown] tags=["ko"]
# ## 특징의 지도 {#sec-vis-map}
#
# **예상.** UMAP [@mcinnes2018umap]과 t-SNE [@vandermaaten2008]는 가까운 이웃을 가까이 두려는 방법이고, 멀리 떨어진 무리 사이의 거리에는 뜻이 없다. 두 방법 모두 무리를 실제보다 뚜렷하게 만드는 경향이 있다. 따라서 그림 위의 좌표로 순도를 다시 재면 원래 공간의 값과 다를 수 있다. 높아졌다면 방법이 무리를 더 뚜렷하게 그린 것이고, 낮아졌다면 두 차원으로 옮기며 이웃을 잃은 것이다. 시드를 {{< var c07.layout_seeds >}}개 써서 그 차이가 시드의 우연인지도 함께 본다.

# %% [markdown] src="ba02" tags=["en"]
# ## A map of features {#sec-vis-map}
#
# **Expectation.** UMAP [@mcinnes2018umap] and t-SNE [@vandermaaten2008] try to keep near neighbours near; the distance between far groups means nothing. Both tend to make groups look more distinct than they are. Purity measured again on the coordinates of the picture may therefore differ from that of the original space. If it is higher, the method has drawn groups more sharply than they are; if it is lower, neighbours were lost on the way to two dimensions. We use {{< var c07.layout_seeds >}} seeds to see whether such a difference is an accident of the seed.

# %%
maps = {m: [layout.embed(directions[listed], m, seed=s, n_neighbors=layout_neighbours) for s in layout_seeds] for m in ("umap", "tsne")}
place = {feature: i for i, feature in enumerate(listed)}
rows = np.array([place[feature] for feature in own])
kept = {m: [layout.neighbour_purity(xy[rows], owner, near, "euclidean").mean() for xy in maps[m]] for m in maps}

# %%
trust = {m: [trustworthiness(directions[listed], xy, n_neighbors=near, metric="cosine") for xy in maps[m]] for m in maps}

# %%
results.record("layout_seeds", len(layout_seeds), "seeds", tolerance=0)

# %%
for method in maps:
    spread = (min(kept[method]), max(kept[method]))
    results.record(f"purity_{method}", np.mean(kept[method]), "share", seeds=layout_seeds, interval=spread, tolerance=0.08)
    results.record(f"trust_{method}", np.mean(trust[method]), "share", seeds=layout_seeds, tolerance=0.05)
    results.record(f"spread_{method}", spread[1] - spread[0], "share", seeds=layout_seeds, tolerance=0.05)

# %%
inside = all(np.mean(kept[method]) <= chance_high for method in maps)
margin = min(abs(np.mean(kept[method]) - chance_high) for method in maps)
results.claim("maps_at_chance", inside, "mean purity on both maps is within the range of shuffled labels", close=margin < 0.03)

# %%
sizes = np.unique(big["train"], return_counts=True)[1]
chosen = categories[np.argsort(-sizes, kind="stable")[:n_categories]]
colours = dict(zip(chosen, kc.plots.palette(len(chosen)), strict=True))
results.record("coloured", len(chosen), "categories", tolerance=0)
shared = np.array([feature not in owners for feature in listed])

# %%
#| label: fig-vis-map
#| fig-cap-ko: "범주별 상위 특징의 디코더 방향. 위는 UMAP, 아래는 t-SNE이고, 왼쪽은 범주마다 상위 {{< var c07.top_few >}}개, 오른쪽은 {{< var c07.top_many >}}개이다. 범주 {{< var c07.n_categories >}}개 가운데 훈련 문장이 많은 순서로 {{< var c07.coloured >}}개만 색으로 칠했고 그 이름은 범례에 있다. 회색 점은 목록에 오른 나머지 특징, 검은 십자는 둘 이상의 목록에 오른 특징이다. 축에는 단위가 없다."
#| fig-cap-en: "Decoder directions of the top features of each category. Top UMAP, bottom t-SNE; left the first {{< var c07.top_few >}} per category, right {{< var c07.top_many >}}. Of the {{< var c07.n_categories >}} categories only the {{< var c07.coloured >}} with the most training sentences are coloured; the legend names them. Grey dots are the other listed features, black crosses features on two or more lists. The axes have no unit."
#| fig-alt-ko: "네 칸의 산점도. 범주마다 다른 색의 점과 검은 십자가 회색 점들 사이에 놓여 있다."
#| fig-alt-en: "Four scatter plots. Points in one colour per category and black crosses lie among grey points."
fig, axes = plt.subplots(2, 2, figsize=(kc.plots.WIDTH, 6.2), sharex="row", sharey="row")
for row, method in zip(axes, maps, strict=True):
    xy = maps[method][0]
    for ax, n in zip(row, (top_few, many), strict=True):
        ax.scatter(*xy.T, s=3, c="#d9d9d9", lw=0, rasterized=True)
        for name in chosen:
            mine = [place[f] for f in tops[n][name] if f in owners]
            ax.scatter(*xy[mine].T, s=9, color=colours[name], lw=0, label=name, rasterized=True)
        common = [place[f] for f in np.unique(np.concatenate([tops[n][c] for c in chosen])) if shared[place[f]]]
        ax.scatter(*xy[common].T, s=12, c="black", marker="x", lw=0.6, label="shared", rasterized=True)
        ax.set(xticks=[], yticks=[], title=f"{method.upper().replace('TSNE', 't-SNE')}, top {n}")
fig.legend(*axes[0, 1].get_legend_handles_labels(), loc="outside lower center", ncols=5, markerscale=1.6)
kc.plots.save(fig, "fig-vis-map")

# %%
#| label: tbl-vis-purity
#| tbl-cap-ko: "같은 범주의 특징이 이웃하는 비율(순도)과, 그림이 원래 이웃을 지킨 정도(신뢰도). lowest와 highest는 첫 줄에서는 95% 구간, 지도에서는 시드 사이의 범위, 마지막 줄에서는 섞은 라벨의 97.5% 분위이다."
#| tbl-cap-en: "How often neighbours belong to the same category (purity), and how well the picture keeps the original neighbours (trustworthiness). lowest and highest: a 95% interval in the first row, the range over seeds for the maps, the 97.5% quantile of shuffled labels in the last row."
table = [{"where": "decoder directions", "purity": purity.mean(), "lowest": interval[0], "highest": interval[1], "trust": None}]
for method in maps:
    low, high = min(kept[method]), max(kept[method])
    table.append({"where": method, "purity": np.mean(kept[method]), "lowest": low, "highest": high, "trust": np.mean(trust[method])})
table.append({"where": "shuffled labels", "purity": chance, "lowest": None, "highest": chance_high, "trust": None})
kc.plots.table(pd.DataFrame(table))

# %% [markdown] tags=["ko"]
# **읽기.** [@fig-vis-map]의 네 칸은 같은 방향을 두 방법으로 그린 것이다. 그림 위에서 잰 순도는 시드의 평균이 UMAP에서 {{< var c07.purity_umap >}}, t-SNE에서 {{< var c07.purity_tsne >}}이고, 시드 사이의 폭은 각각 {{< var c07.spread_umap >}}, {{< var c07.spread_tsne >}}이다. 원래 공간에서는 {{< var c07.purity >}}, 라벨을 섞으면 {{< var c07.purity_chance >}}이며, 라벨을 섞은 값의 97.5% 분위는 {{< var c07.purity_chance_high >}}이다([@tbl-vis-purity]). [두 지도의 순도는 모두 라벨을 섞은 값의 범위 안에 있다. 이 그림들에는 범주에 따른 무리가 측정할 수 있을 만큼 남아 있지 않다. 원래 공간에서 잰 작은 차이마저 두 차원으로 옮기면서 잃은 것이다. 그러니 그림에서 무리처럼 보이는 것을 범주의 무리로 읽어서는 안 된다.]{.claim key="c07.maps_at_chance"}[적어도 한 지도의 순도는 라벨을 섞은 값의 범위 위에 있다. 그 지도는 범주에 따른 이웃을 얼마간 지킨다.]{.otherwise}
#
# 이웃을 지킨 정도인 신뢰도는 UMAP이 {{< var c07.trust_umap >}}, t-SNE가 {{< var c07.trust_tsne >}}이다. 1이면 그림의 이웃이 모두 원래의 이웃이고, 아무렇게나 놓으면 0.5 안팎이다. 무리 사이의 간격이나 무리의 크기에서 결론을 끌어내서도 안 된다. 왼쪽의 상위 {{< var c07.top_few >}}개에서는 한 범주만의 특징만 색으로 남으므로, 범주마다 점이 많아야 {{< var c07.top_few >}}개이다. 거기서 무리가 더 뚜렷해 보이더라도 가장 두드러진 것만 남겼기 때문일 수 있다. 앞선 연구의 그림을 읽을 때에도 이 둘을 먼저 따져야 한다.

# %% [markdown] src="4c6e" tags=["en"]
# **Reading.** The four panels of [@fig-vis-map] draw the same directions in two ways. Purity measured on the pictures averages {{< var c07.purity_umap >}} over seeds for UMAP and {{< var c07.purity_tsne >}} for t-SNE, with a range over seeds of {{< var c07.spread_umap >}} and {{< var c07.spread_tsne >}}. In the original space it is {{< var c07.purity >}}, with shuffled labels {{< var c07.purity_chance >}}, and the 97.5% quantile of shuffled labels is {{< var c07.purity_chance_high >}} ([@tbl-vis-purity]). [Purity on both maps lies within the range of shuffled labels. These pictures keep no grouping by category that could be measured; even the small difference of the original space was lost on the way to two dimensions. What looks like a group in them must not be read as the group of a category.]{.claim key="c07.maps_at_chance"}[Purity on at least one map is above the range of shuffled labels; that map keeps some of the neighbourhood by category.]{.otherwise}
#
# Trustworthiness, how well neighbours are kept, is {{< var c07.trust_umap >}} for UMAP and {{< var c07.trust_tsne >}} for t-SNE. It is 1 when all neighbours in the picture were neighbours before, and about 0.5 when points are placed at random. Nor must conclusions be drawn from the gaps between groups, or from their sizes. On the left, with the first {{< var c07.top_few >}} features, colour is left to those of one category alone, so that a category has {{< var c07.top_few >}} points at most. Even if groups look more distinct there, it may be because only the most striking features are left. The earlier study's figure, too, should be read with both points in mind.

# %% [markdown] tags=["ko"]
# ## 문장의 지도 {#sec-vis-documents}
#
# **예상.** 이번에는 특징이 아니라 처음 보는 문장을 그린다. 문장은 TF-IDF 특징 벡터이고, 라벨은 지도를 그릴 때 쓰지 않는다. 견줄 상대는 같은 문장의 평균 활성값이다. 희소 오토인코더가 범주를 더 또렷하게 만든다면 특징 쪽의 순도가 높을 것이고, 재구성하며 정보를 잃기만 했다면 낮을 것이다. 한 문장틀에서 나온 문장끼리는 당연히 닮으므로, 같은 문장틀(또는 문서)의 문장은 이웃에서 뺀다.

# %% [markdown] src="5845" tags=["en"]
# ## A map of sentences {#sec-vis-documents}
#
# **Expectation.** Now we draw held-out sentences instead of features. A sentence is its vector of TF-IDF features; labels play no part in the drawing. The rival is the mean activation of the same sentence. If the autoencoder makes categories clearer, purity is higher on features; if it has only lost information on the way, it is lower. Sentences of one template resemble each other trivially, so sentences of the same template (or document) do not count as neighbours.

# %%
shown = np.arange(min(n_documents, len(records["test"])))
group_of = [r.labels.get("template") or r.doc or str(i) for i, r in enumerate(records["test"])]
groups = np.array(group_of)[shown]
sentences = kc.tfidf(counts["test"])[shown].toarray()

# %%
store = study.acts("test", "ko", middle)
raw = kc.features.pool_tokens(kc.features.sparse.csr_array(store.all().numpy()), store.doc_index, len(store.documents), "mean")
spaces = {"features": sentences, "activations": raw.toarray()[shown] - raw.toarray()[shown].mean(0)}

# %%
labels = big["test"][shown]
found = {name: layout.neighbour_purity(X, labels, near, groups=groups) for name, X in spaces.items()}
plane = layout.embed(sentences + 1e-9, "umap", seed=seed, n_neighbors=layout_neighbours)
found["picture"] = layout.neighbour_purity(plane, labels, near, "euclidean", groups=groups)

# %%
level = layout.shuffled_purity(sentences, labels, near, groups=groups, seed=seed)

# %%
rng = np.random.default_rng(seed)
names = np.unique(groups)
members = {name: np.flatnonzero(groups == name) for name in names}
redrawn = [np.concatenate([members[name] for name in rng.choice(names, len(names))]) for _ in range(500)]

# %%
for name, values in found.items():
    low, high = np.quantile([values[rows].mean() for rows in redrawn], [0.025, 0.975])
    far = 0.12 if name == "picture" else 0.06  # a layout moves further than the features it is made from
    results.record(f"sentences_{name}", values.mean(), "share", interval=(low, high), tolerance=far)
    results.record(f"sentences_{name}_low", low, "share", tolerance=far)
    results.record(f"sentences_{name}_high", high, "share", tolerance=far)

# %%
difference = found["features"] - found["activations"]
low, high = np.quantile([difference[rows].mean() for rows in redrawn], [0.025, 0.975])
results.record("sentences_gap", difference.mean(), "share", "+.3f", interval=(low, high), tolerance=0.06)
results.record("sentences_gap_low", low, "share", "+.3f", tolerance=0.06)
results.record("sentences_gap_high", high, "share", "+.3f", tolerance=0.06)
results.claim("features_clearer", low > 0, "sentences of one category are nearer on features than on mean activations, interval above 0", against=high < 0, close=abs(low) < 0.03)

# %%
clumps = layout.neighbour_purity(plane, groups, near, "euclidean").mean()
results.record("picture_templates", clumps, "share", ".0%", tolerance=0.1)
results.claim("clumps_are_templates", clumps > 0.5, "over half of the nearest sentences on the plane share the template or document", close=abs(clumps - 0.5) < 0.1)
results.claim("picture_adds", found["picture"].mean() > found["features"].mean(), "purity is higher on the plane than on features")

# %%
results.record("sentences_chance", level[0], "share", tolerance=0.03)
results.record("sentences", len(shown), "sentences", tolerance=0)
results.claim("sentences_share_category", found["features"].mean() > level[1], "sentences of one category are nearer than by chance")

# %%
#| label: fig-vis-sentences
#| fig-cap-ko: "처음 보는 문장 {{< var c07.sentences >}}개의 UMAP. 문장은 TF-IDF 특징 벡터이고, 범주 {{< var c07.n_categories >}}개 가운데 훈련 문장이 많은 순서로 {{< var c07.coloured >}}개만 색으로 칠했으며 나머지는 회색이다. 배치에 라벨은 쓰이지 않았다. 한 점의 이웃 {{< var c07.neighbours >}}개 가운데 같은 문장틀(또는 문서)의 문장은 평균 {{< var c07.picture_templates >}}이므로, 작은 덩어리를 범주로 읽어서는 안 된다."
#| fig-cap-en: "UMAP of {{< var c07.sentences >}} held-out sentences. A sentence is its vector of TF-IDF features. Of the {{< var c07.n_categories >}} categories only the {{< var c07.coloured >}} with the most training sentences are coloured, the rest is grey; labels were not used in the layout. Of the {{< var c07.neighbours >}} neighbours of a point, {{< var c07.picture_templates >}} on average are sentences of the same template (or document), so a small clump must not be read as a category."
#| fig-alt-ko: "문장을 나타내는 점들의 산점도. 일부 범주는 색으로, 나머지는 회색으로 칠했다. 같은 색의 점들이 작은 덩어리를 이루며 일부는 섞여 있다."
#| fig-alt-en: "A scatter plot of sentences, some categories in colour and the rest in grey. Points of one colour form small clumps, some of them mixed."
fig, ax = plt.subplots(figsize=(kc.plots.WIDTH, 4.3))
ax.scatter(*plane[~np.isin(labels, chosen)].T, s=7, color="#d9d9d9", lw=0, label="others", rasterized=True)
for name, colour in colours.items():  # more than a few hues could not be told apart
    ax.scatter(*plane[labels == name].T, s=7, color=colour, lw=0, label=name, rasterized=True)
ax.set(xticks=[], yticks=[])
fig.legend(loc="outside right center", markerscale=1.8)
kc.plots.save(fig, "fig-vis-sentences")

# %% [markdown] tags=["ko"]
# **읽기.** 다른 문장틀(또는 문서)의 문장 가운데 가장 가까운 {{< var c07.neighbours >}}개가 같은 범주일 비율은 특징 공간에서 {{< var c07.sentences_features >}}(문장틀을 다시 뽑은 95% 구간 {{< var c07.sentences_features_low >}}에서 {{< var c07.sentences_features_high >}}), 평균 활성값에서 {{< var c07.sentences_activations >}}({{< var c07.sentences_activations_low >}}에서 {{< var c07.sentences_activations_high >}}), [@fig-vis-sentences]의 평면에서 {{< var c07.sentences_picture >}}({{< var c07.sentences_picture_low >}}에서 {{< var c07.sentences_picture_high >}})이다. 라벨을 섞으면 {{< var c07.sentences_chance >}}이다. [같은 범주의 문장은 우연보다 가까이 있다.]{.claim key="c07.sentences_share_category"} 같은 문장끼리 짝을 지은 차이(특징에서 평균 활성값을 뺀 것)는 {{< var c07.sentences_gap >}} [{{< var c07.sentences_gap_low >}}, {{< var c07.sentences_gap_high >}}]이다. [희소한 특징에서 문장의 범주가 평균 활성값에서보다 더 또렷하다. 다만 특징에만 TF-IDF 가중치를 주었고 날활성값은 토큰을 뭉뚱그린 평균이며, 학습하지 않은 특징과는 견주지 않았다([@sec-probing-linear]). 그러니 이 차이를 SAE의 학습이 얻은 것으로 읽을 수는 없다.]{.claim key="c07.features_clearer"}[희소한 특징에서 문장의 범주가 평균 활성값에서보다 더 또렷하다고는 할 수 없다.]{.otherwise}
#
# [평면의 값은 특징 공간의 값보다 크다. 배치는 라벨을 보지 않았으므로 범주를 지어낸 것은 아니고, 가까운 문장을 뭉쳐 원래의 거리보다 뚜렷하게 그린 것이다. 그러니 이 값을 특징 공간의 가까움으로 읽어서는 안 된다.]{.claim key="c07.picture_adds"}[평면의 값은 특징 공간의 값보다 크지 않으므로, 그리는 방법이 무리를 더 뚜렷하게 만들었다고 할 수 없다.]{.otherwise} 눈에 보이는 무리가 꼭 범주의 무리인 것도 아니다. 같은 문장틀의 문장은 순도에서는 빠지지만 그림에서는 빠지지 않는다. 평면에서 한 문장의 이웃 {{< var c07.neighbours >}}개 가운데 같은 문장틀(또는 문서)의 문장은 평균 {{< var c07.picture_templates >}}이다. [절반이 넘으므로, 작고 단단한 점의 덩어리는 대개 한 문장틀에서 나온 문장들이다.]{.claim key="c07.clumps_are_templates"}[절반에 못 미치므로, 작고 단단한 덩어리가 대개 한 문장틀에서 나왔다고는 할 수 없다.]{.otherwise}

# %% [markdown] src="3ed0" tags=["en"]
# **Reading.** Among sentences of other templates (or documents), the {{< var c07.neighbours >}} nearest share the category in {{< var c07.sentences_features >}} of cases on features (95% interval over redrawn templates {{< var c07.sentences_features_low >}} to {{< var c07.sentences_features_high >}}), in {{< var c07.sentences_activations >}} on mean activations ({{< var c07.sentences_activations_low >}} to {{< var c07.sentences_activations_high >}}), and in {{< var c07.sentences_picture >}} ({{< var c07.sentences_picture_low >}} to {{< var c07.sentences_picture_high >}}) on the plane of [@fig-vis-sentences]. With shuffled labels it is {{< var c07.sentences_chance >}}. [Sentences of one category are nearer than by chance.]{.claim key="c07.sentences_share_category"} Paired by sentence, the difference of features minus mean activations is {{< var c07.sentences_gap >}} [{{< var c07.sentences_gap_low >}}, {{< var c07.sentences_gap_high >}}]. [The category of a sentence is clearer on sparse features than on mean activations. But only features were weighted by TF-IDF, activations are a mean that blends tokens, and untrained features were not compared ([@sec-probing-linear]). The difference can therefore not be read as what training the SAE has gained.]{.claim key="c07.features_clearer"}[It cannot be said that sparse features make the category of a sentence clearer than mean activations do.]{.otherwise}
#
# [The value on the plane is larger than that on features. The layout did not see the labels, so it has not made categories up; it has drawn sentences that are near one another into clumps tighter than their distances in the space of features. The value must not be read as nearness in that space.]{.claim key="c07.picture_adds"}[The value on the plane is no larger than that on features, so it cannot be said that the method of drawing made groups sharper.]{.otherwise} Nor are the groups one sees always groups of categories. Sentences of one template are left out of purity but not out of the picture. Of the {{< var c07.neighbours >}} neighbours of a sentence on the plane, {{< var c07.picture_templates >}} on average are of the same template (or document). [That is over half, so a small, tight clump of points is mostly made of the sentences of a single template.]{.claim key="c07.clumps_are_templates"}[That is under half, so it cannot be said that small, tight clumps mostly come from a single template.]{.otherwise}

# %% [markdown] tags=["ko"]
# ## 히트맵: 고른 특징은 새 문장에서도 그 범주를 읽는가 {#sec-vis-heat}
#
# **예상.** 마지막은 @{fxnnxc}의 히트맵이다. 큰 범주마다 상위 {{< var c07.top_big >}}개, 작은 범주마다 상위 {{< var c07.top_small >}}개의 특징을 훈련 문장에서 고르고, 처음 보는 문장에서 범주별 평균을 잰다. 특징이 범주를 읽는다면 대각선이 짙을 것이고, 두루 켜지는 특징이 섞였다면 짙은 세로줄이 보일 것이다. 열마다 최댓값으로 나누어 그리므로, 짙기는 한 특징 안에서만 견줄 수 있다. 작은 범주가 없는 말뭉치에서는 아래쪽도 큰 범주로 그린다.

# %% [markdown] src="5577" tags=["en"]
# ## Heatmaps: do the chosen features read their category in new sentences? {#sec-vis-heat}
#
# **Expectation.** Last come the heatmaps of @{fxnnxc}. The first {{< var c07.top_big >}} features of each big category and the first {{< var c07.top_small >}} of each small one are chosen on training sentences, and their means by category are measured on held-out ones. If features read categories, the diagonal is dark; if generic features are among them, dark vertical bars appear. Every column is divided by its largest value, so shades compare within one feature only. In a corpus without small categories, the lower heatmap takes big ones too.

# %%
def heat(label, n):
    """Features chosen per class on train, each once, and their class means on held-out sentences."""
    chosen = kc.top_features(weights, records["train"].label(label), n)
    names, means = kc.class_means(counts["test"], records["test"].label(label))
    pairs = [(name, feature) for name in names for feature in chosen.get(name, [])]
    columns = list(dict.fromkeys(feature for _, feature in pairs))
    hits = np.array([names[means[:, feature].argmax()] == name for name, feature in pairs])
    return names, columns, means[:, columns] / np.maximum(means[:, columns].max(0), 1e-9), hits

# %%
heats = {"big": heat("big", top_big), "small": heat(small_label, top_small)}

# %%
results.record("top_big", top_big, "features", tolerance=0)
results.record("top_small", top_small, "features", tolerance=0)

# %%
for name, (classes, columns, values, hits) in heats.items():
    results.record(f"heat_{name}_columns", len(columns), "features", tolerance=40)
    results.record(f"heat_{name}_hits", hits.mean(), "share", tolerance=0.08)
    results.record(f"heat_{name}_chance", 1 / len(classes), "share", tolerance=0.001)
    bars = ((values > 0.5).mean(0) >= 0.5).mean()
    results.record(f"heat_{name}_bars", bars, "share", tolerance=0.08)
    results.claim(f"heat_{name}_above_chance", hits.mean() > 2 / len(classes), f"top {name} features prefer their class twice as often as by chance")

# %%
#| label: fig-vis-heat
#| fig-cap-ko: "처음 보는 문장에서 잰 범주별 평균. 위: 큰 범주마다 상위 {{< var c07.top_big >}}개. 아래: 작은 범주마다 상위 {{< var c07.top_small >}}개. 특징은 훈련 문장에서 골랐고, 열마다 최댓값을 1로 맞추었다."
#| fig-cap-en: "Means by category on held-out sentences. Top: the first {{< var c07.top_big >}} features of each big category. Bottom: the first {{< var c07.top_small >}} of each small one. Features were chosen on training sentences; every column is scaled to a largest value of 1."
#| fig-alt-ko: "히트맵 두 개. 행은 범주, 열은 특징이다. 값이 클수록 짙다. 대각선이 짙으면 특징이 제 범주에서 강하고, 세로로 긴 짙은 줄은 여러 범주에서 강한 특징이다."
#| fig-alt-en: "Two heatmaps with categories as rows and features as columns. Larger values are darker. A dark diagonal means features strong in their own category, a long dark vertical bar a feature strong in many."
fig, axes = plt.subplots(2, 1, figsize=(kc.plots.WIDTH, 6.4), height_ratios=[1, 1.35])
for ax, (name, (classes, _, values, _)) in zip(axes, heats.items(), strict=True):
    image = ax.imshow(values, aspect="auto", interpolation="nearest", cmap=kc.plots.SEQUENTIAL, vmin=0, vmax=1, rasterized=True)
    ax.set(xlabel="feature", ylabel=f"{name} category", xticks=[])
    ax.set_yticks(range(len(classes)), classes) if len(classes) < 30 else ax.set_yticks([])
fig.colorbar(image, ax=axes, label="mean / largest mean of the feature", shrink=0.5)
kc.plots.save(fig, "fig-vis-heat")

# %% [markdown] tags=["ko"]
# **읽기.** 큰 범주로 고른 특징 가운데, 새 문장에서도 그 범주의 평균이 가장 큰 것의 비율은 {{< var c07.heat_big_hits >}}이다(우연이면 {{< var c07.heat_big_chance >}}). 작은 범주로 고른 특징에서는 {{< var c07.heat_small_hits >}}이다(우연이면 {{< var c07.heat_small_chance >}}). [큰 범주로 고른 특징에서 이 비율은 우연의 두 배를 넘는다.]{.claim key="c07.heat_big_above_chance"} [작은 범주로 고른 특징에서도 그렇다.]{.claim key="c07.heat_small_above_chance"} 그러나 우연보다 자주 맞는다는 것과 범주를 읽는다는 것은 다르다. 나머지 특징은 자기를 고른 범주보다 다른 범주에서 더 강하게 켜진다.
#
# [@fig-vis-heat]의 세로줄, 곧 범주의 절반 이상에서 최댓값의 절반을 넘는 열이 차지하는 몫은 큰 범주 쪽에서 {{< var c07.heat_big_bars >}}, 작은 범주 쪽에서 {{< var c07.heat_small_bars >}}이다. 앞선 연구가 본 세로줄은 여기에 이만큼 있고, 값이 0이면 하나도 없는 것이다. 여기서는 여러 범주에서 값이 비슷하게 큰 특징만 세었으므로, 나머지 특징이 다른 범주에서 꺼져 있다는 뜻은 아니다. 다만 두 값을 곧바로 견주어서는 안 된다. 범주가 잘고 문장이 적을수록 최댓값이 한곳에서 튀기 쉬워 세로줄로 세기가 어려워지기 때문이다.

# %% [markdown] src="fd9f" tags=["en"]
# **Reading.** Of the features chosen for big categories, a share of {{< var c07.heat_big_hits >}} has its largest mean in that category in new sentences too (chance {{< var c07.heat_big_chance >}}); of those chosen for small categories it is {{< var c07.heat_small_hits >}} (chance {{< var c07.heat_small_chance >}}). [For big categories this share is more than twice that of chance.]{.claim key="c07.heat_big_above_chance"} [So it is for small ones.]{.claim key="c07.heat_small_above_chance"} But to be right more often than chance is not to read a category. The other features are stronger in some other category than in the one they were chosen for.
#
# Vertical bars in [@fig-vis-heat], columns above half of their largest value in at least half of the categories, make up a share of {{< var c07.heat_big_bars >}} for big categories and {{< var c07.heat_small_bars >}} for small ones. To this extent the bars that the earlier study saw are here; where the value is 0 there are none. Only features about equally strong in many categories are counted, so it does not follow that the others are off in other categories. The two values must not be compared directly, though: the finer the categories and the fewer their sentences, the more easily the largest value sticks out in one place, and the harder it is for a column to count as a bar.

# %% [markdown] tags=["ko"]
# ## 무엇이 이 읽기를 반박하는가 {#sec-vis-refute}
#
# 첫째, 순도가 라벨을 섞은 수준으로 내려가면 같은 범주의 특징이 이웃한다는 주장이 무너지고, 지도에서 무리를 찾을 까닭도 없어진다. 둘째, 순도는 범주가 아니라 낱말의 닮음에서 올 수도 있다. 한 소재의 이름을 읽는 특징들은 같은 토큰에서 켜지므로 방향도 가깝다. 소재의 이름이 나오지 않는 문장에서도 특징으로 범주를 알아맞힐 수 있는지는 [@sec-probing]과 [@sec-tfidf]이 따로 잰다. 셋째, 여기서는 한 언어 모델, 한 블록, 학습 시드 하나만 보았다. 다른 시드의 사전에서 같은 무리가 나오지 않는다면 지도는 모델이 아니라 그 사전의 지도이다. 마지막으로, UMAP과 t-SNE에는 이웃의 수라는 손잡이가 있어서 그림의 인상을 바꿀 수 있다. 이 장의 기준은 원래 공간에서 잰 순도이다. 순도에서도 이웃을 몇 개까지 셀지 정하기는 하지만, 배치를 거치지는 않는다. 그림은 그 수를 거드는 데에만 쓰였다.

# %% [markdown] src="c6e9" tags=["en"]
# ## What would refute this reading {#sec-vis-refute}
#
# First, if purity fell to the level of shuffled labels, the claim that features of one category are neighbours would fall, and with it any reason to look for groups on the map. Second, purity may come from likeness of words rather than of categories: features that read the name of one item fire on the same tokens and so point the same way. Whether features can tell the category where the name is missing is measured in [@sec-probing] and [@sec-tfidf]. Third, this is one language model, one block and one training seed. If the dictionary of another seed does not show the same groups, the map is a map of this dictionary and not of the model. Finally, UMAP and t-SNE have a knob, the number of neighbours, that can change the impression of a picture. The yardstick here is purity in the original space. It, too, counts a chosen number of neighbours, but no layout stands between. The pictures only go along with it.
