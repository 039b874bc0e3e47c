# %% [markdown] tags=["ko"]
# # 짝과 자리와 언어: 어떤 특징이 다시 나타나는가 {#sec-matching}
#
# 사전을 한 번 학습하면 특징의 목록이 하나 나온다. 그런데 시드를 바꾸거나 다른 글로 학습하면 다른 목록이 나온다. 두 목록에 함께 오르는 특징이 적다면, 특징은 모델에 있는 것이라기보다 학습이 만들어 낸 것에 가깝다. @{cho2025}는 GPT-2 small의 SAE들을 견주어, 어떤 특징이 나타나는지는 시드보다 학습 자료가 더 좌우하고 인코더로 맞춘 짝과 디코더로 맞춘 짝이 다르다고 했다. 또 앞쪽 층에는 토큰의 자리를 나타내는 특징이 있다고 하였다.
#
# 이 장은 넷을 묻는다. 무엇을 바꿀 때 특징이 가장 많이 달라지는가? 특징의 활성값 가운데 얼마가 토큰의 자리로 설명되고, 유별난 첫 토큰은 사전을 어떻게 바꾸는가? 한 블록의 특징 가운데 얼마가 다음 블록에도 있는가? 그리고 앞선 연구가 묻지 않은 것으로, 한국어와 영어에서 같은 소재에 함께 켜지는 특징이 있는가?

# %% [markdown] src="5414" tags=["en"]
# # Matching, positions, languages: which features come back {#sec-matching}
#
# Training a dictionary once gives one list of features. Another seed, or another text to train on, gives another list. If few features stand on both, features are less something in the model than something that training has made. Comparing SAEs of GPT-2 small, @{cho2025} reported that which features appear depends more on the training data than on the seed, and that encoder and decoder give different matchings; also that early layers have features for the position of a token.
#
# This chapter asks four things. Which change alters features most? How much of a feature's activation is explained by the position of the token, and what does the unusual first token do to a dictionary? How many features of one block are still there in the next? And, what the earlier study did not ask: are there features that fire for the same item in Korean and in English?

# %% tags=["parameters"]
preset = "default"
seed = 0
corpus = "synthetic"
langs = ["ko", "en"]
corpora = []
parallel = "synthetic"
lm_name = "kosae-lm"
lm_options = {}
n_train = 4000
n_test = 2000
batch_size = 1024
middle = "q2.resid_post"
late = "q3.resid_post"
match_features = 512
match_k = 8
match_steps = 300
match_lr = 0.02
match_seeds = [0, 1]
alike = 0.7
child = 0.5
n_block = 1000
n_placed = 200
longest = 24
shuffles = 20
quantiles = [0.5, 0.9, 0.99]
n_spliced = 60
n_drawn = 250
n_near = 10
n_shown = 6

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.ticker import LogLocator, NullFormatter
from scipy import stats

import kosae_core as kc
from kosae_core import bilingual, features, layout, matching, positions, probing, statistics
from kosae_core import interventions as iv
from kosae_core.splicing import splice
from kosae_core.statistics import seed_range

kc.plots.house_style()
results = kc.Results(chapter="08", preset=preset, seeds=match_seeds)

# %%
study = kc.Study(corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late))
lm = study.lm

# %% [markdown] tags=["ko"]
# ## 무엇을 바꾸면 특징이 달라지는가 {#sec-match-factors}
#
# 기준은 한국어 문장으로 학습한 TopK 사전(특징 {{< var c08.match_features >}}개, k는 {{< var c08.match_k >}})이다. 여기에서 한 가지씩 바꾼다. 시드만 바꾼 것(seed), 같은 문장틀에서 나온 다른 문장(sentences), 영어(language), 두 언어를 반씩 섞은 것(both), 게이트형(variant), 두 배의 k(sparsity)와 절반의 k(sparser), 두 배의 특징(size)과 네 배의 특징(larger), 뒤쪽 층인 q3(layer), 그리고 평균이 아닌 기하 중앙값에서 시작하는 것(median)이다. `corpora`에 다른 말뭉치를 적으면 그것도 견준다. 시드가 아닌 것을 바꿀 때에도 시드를 서로 다르게 하므로, 시드만 바꾼 값과의 차이가 그 변화가 시드에 더하는 몫이다. 자료는 시드를 그대로 둔 채로도 바꾸어, 자료만 바꾼 것과 시드만 바꾼 것을 나란히 놓는다. 시드가 같으면 처음의 방향도 같다. 시드나 시드 쌍에 걸친 두 범위가 떨어져 있을 때에만 어느 쪽이 더 바꾼다고 하고, 겹치면 가리지 못한 것으로 둔다. 시드가 둘이면 시드만 바꾼 범위는 사전 한 쌍을 두 방향으로 잰 것이어서 시드에 따라 흔들리는 폭을 담지 못한다. 그때 떨어져 있다는 것은 약한 증거이므로 다른 시드로 실행한 판정과 함께 읽어야 한다([@sec-claims]). 기준 사전의 특징마다 상대 사전에서 코사인이 가장 큰 특징을 찾고, 그 값이 {{< var c08.alike >}} 이상이면 다시 나타났다고 한다. 짝은 디코더의 행으로도, 인코더의 열로도 찾는다. 디코더로든 인코더로든 그런 짝이 있는 특징에서는 두 짝이 같은 특징인지도 본다. 또 한 특징이 둘과 짝지어지지 않도록 합이 가장 큰 일대일 짝(할당 문제의 해 [@kuhn1955])을 구하고, 그 평균 코사인을 잰다. 시드만 바꾼 사전들에서 이것을 모든 쌍에 걸쳐 평균한 것이 PW-MCC이다 [@song2025].
#
# **예상.** 시드를 그대로 두고 같은 분포의 다른 문장으로 학습하면 시드만 바꾼 것보다 더 달라지지는 않을 것이다. 영어나 다른 말뭉치로 학습하면 훨씬 많이 달라져, 어느 것에서나 시드를 그대로 두어도 시드만 바꾼 것보다 적게 다시 나타날 것이다. 켜져야 할 방향이 다르기 때문이다. 변형과 희소성과 크기도 특징을 바꾼다면, 시드와 함께 바꾸었을 때 다시 나타나는 특징이 시드만 바꾸었을 때보다 적어야 한다. 중심을 평균에서 중앙값으로 옮기는 것은 거의 아무것도 바꾸지 않을 것이다. 학습은 작은 차이에도 다른 길로 갈라질 수 있으므로, 이것을 다른 문장으로 학습한 것의 대조로 삼는다. 시드가 같을 때 다른 문장으로 학습하여 다시 나타나는 특징은 5%보다 많되, 중심만 옮겼을 때보다는 적을 것이다. 자료가 다르면 특징의 일부만 같다는 앞선 연구의 말이 맞다면, 다른 언어나 다른 말뭉치로 학습하여도 그 사이에 있어야 한다. 인코더의 열은 다른 특징의 간섭을 덜 받도록 기울어 있으므로, 한 기준을 넘어 다시 나타나는 특징은 모든 시드 쌍에서 인코더로 보았을 때 더 적고, 인코더의 짝과 디코더의 짝이 같은 특징인 비율은 90%에 미치지 못할 것이다. 시드만 바꾸어도 절반 이상이 사라진다면, 특징의 목록을 모델의 부품 목록처럼 읽어서는 안 된다.

# %% [markdown] src="802c" tags=["en"]
# ## Which change alters features {#sec-match-factors}
#
# The base is a TopK dictionary trained on Korean sentences ({{< var c08.match_features >}} features, k of {{< var c08.match_k >}}). We change one thing at a time: the seed alone (seed), other sentences of the same templates (sentences), English (language), half of each language (both), the gated form (variant), twice the k (sparsity) and half of it (sparser), twice the features (size) and four times as many (larger), the late layer, q3 (layer), and a start from the geometric median in place of the mean (median). Corpora named in `corpora` are compared as well. Where it is not the seed that changes, seeds still differ, so the difference from the seed alone is what the change adds to the seed. Data are also changed under one seed, which sets the data alone beside the seed alone; with one seed the first directions are the same, too. One is said to change more than the other only where the two ranges over seeds, or pairs of seeds, lie apart; where they overlap, we leave it undecided. With two seeds the range of the seed alone is one pair of dictionaries measured in both directions and does not hold how much seeds vary. To lie apart is then weak evidence, to be read together with the verdicts of runs with other seeds ([@sec-claims]). For each feature of the base we look for the one of largest cosine in the other dictionary, and say that it has come back if the cosine is at least {{< var c08.alike >}}. Partners are sought by rows of the decoder and also by columns of the encoder. Of features that have such a partner by either, we also see whether both are the same feature. So that no feature is the partner of two, we also take the one-to-one pairing of the largest sum (the solution of the assignment problem [@kuhn1955]) and its mean cosine; over all pairs of dictionaries that differ in the seed alone, the mean of this is PW-MCC [@song2025].
#
# **Expectation.** Under one seed, other sentences of the same distribution will change no more than the seed alone does. English or another corpus will change far more: even under one seed, fewer will come back from any of them than with the seed alone changed, since other directions have to fire. If variant, sparsity and size alter features too, fewer must come back where they change together with the seed than with the seed alone. Moving the centre from mean to median will change next to nothing. Training may take another course after a small difference, so this serves as the control for other sentences: under one seed these will leave over 5% of the features, and fewer than moving the centre does. If the earlier study is right that with other data only part of the features is the same, another language or corpus must leave a share between these two as well. Encoder columns lean so as to escape the interference of other features, so in every pair of seeds fewer will come back above one bound by the encoder, and the partner by the encoder will be that by the decoder for under 90%. If over half of the features vanish with the seed alone, a list of features must not be read like a list of the model's parts.

# %%
others = kc.load_corpus(corpus, split="train", lang="ko", limit=2 * n_train)[n_train:]
elsewhere = kc.gather(lm, others, [middle], dtype=study.dtype)[middle]
news = {name: kc.load_corpus(name, split="train", lang="ko", limit=n_train) for name in corpora}
foreign = {name: kc.gather(lm, records, [middle], dtype=study.dtype)[middle] for name, records in news.items()}

# %%
def dictionary(variant="topk", acts=None, s=0, n_features=match_features, k=match_k, centre="mean"):
    """A dictionary of the base's settings but for what is given; without k of its own it is steered to the same L0."""
    config = kc.SAEConfig(variant, n_features, k=k if variant == "topk" else None, centre=centre)
    aim = None if variant == "topk" else float(k)
    schedule = kc.TrainConfig(match_steps, batch_size, lr=match_lr, target_l0=aim, seed=s)
    return kc.train(config, study.acts("train", "ko", middle) if acts is None else acts, schedule)[0]

# %%
data = {"sentences": elsewhere} | foreign
if "en" in langs:
    data["language"] = study.acts("train", "en", middle)
    half = {lang: study.acts("train", lang, middle) for lang in ("ko", "en")}
    data["both"] = torch.cat([half[lang][: half[lang].n_tokens // 2] for lang in half])

# %%
changed = {"seed": {}} | {name: {"acts": acts} for name, acts in data.items()} | {
    "variant": {"variant": "gated"}, "sparsity": {"k": 2 * match_k}, "sparser": {"k": match_k // 2},
    "size": {"n_features": 2 * match_features}, "larger": {"n_features": 4 * match_features},
    "layer": {"acts": study.acts("train", "ko", late)}, "median": {"centre": "median"},
}  # fmt: skip

# %%
saes = {name: {s: dictionary(s=s, **options) for s in match_seeds} for name, options in changed.items()}
base = saes["seed"]

# %%
def weights(sae, part):
    return sae.W_dec_FD.detach() if part == "decoder" else sae.W_enc_DF.detach().t()

# %%
rows = []
for (change, trained), part, (a, b) in itertools.product(saes.items(), ("decoder", "encoder"), itertools.permutations(match_seeds, 2)):
    first, second = weights(base[a], part), weights(trained[b], part)
    rows.append({"change": change, "part": part, "pair": (a, b), "share": matching.returning(first, second, alike),
                 "paired": matching.consistency([first, second])})  # fmt: skip
rows = pd.DataFrame(rows)

# %%
def returning(first, second):
    """Share of the first dictionary's features that come back in the second, by the decoder."""
    return matching.returning(weights(first, "decoder"), weights(second, "decoder"), alike)

same = {name: [returning(base[s], saes[name][s]) for s in match_seeds] for name in (*data, "median")}

# %%
random_FD = torch.randn(match_features, lm.d_model, generator=torch.Generator().manual_seed(seed))
one_FD = weights(base[match_seeds[0]], "decoder")
results.record("share_random", matching.returning(one_FD, random_FD, alike), "share", ".1%", tolerance=0.01)
results.record("paired_random", matching.consistency([one_FD, random_FD]), "cosine", tolerance=0.03)

# %%
def interval(each, what):
    """Over pairs of seeds: the jackknife's 95% interval; none for two seeds, which are one pair in two directions."""
    return statistics.pair_interval(dict(zip(each.pair, each[what], strict=True)))


def limits(each, what):
    """That interval; for two seeds the lower and the higher of the two directions, which is no interval."""
    return interval(each, what) or (each[what].min(), each[what].max())

# %%
def below(key, low, high, statement, slack=0.06):
    """A claim that all of some values lie below all of others; where all lie above, the run shows the opposite."""
    under, over = min(high) - max(low), min(low) - max(high)
    return results.claim(key, under > 0, statement, against=over > 0, close=min(abs(under), abs(over)) < slack)

# %%
for (change, part), each in rows.groupby(["change", "part"]):
    for what, fmt in (("share", ".1%"), ("paired", ".3f")):
        results.record(f"{what}_{change}_{part}", each[what].mean(), "share", fmt, interval=interval(each, what), tolerance=0.06)

# %%
for key, value in (("match_features", match_features), ("match_k", match_k), ("match_steps", match_steps), ("match_n_seeds", len(match_seeds))):
    results.record(key, value, "", tolerance=0)
results.record("alike", alike, "cosine", ".1f", tolerance=0)

# %%
span = rows.groupby(["change", "part"]).share.agg(["min", "mean", "max"])
alone = span.loc["seed", "decoder"]
decoder = rows[rows.part == "decoder"].pivot(index="pair", columns="change", values="share")
for change in list(changed)[1:]:
    below(f"{change}_lowers", decoder[change], decoder["seed"], f"{change} and seed: fewer features come back than with the seed alone, ranges apart")
below("sparser_more", decoder["seed"], decoder["sparser"], "with half the k more features come back than with the seed alone changed, ranges apart")

# %%
for name in data:
    results.record(f"share_{name}_same", np.mean(same[name]), "share", ".1%", interval=seed_range(same[name]), tolerance=0.06)
    below(f"{name}_same_lowers", same[name], decoder["seed"], f"{name} alone: fewer features come back than with the seed alone, ranges apart")

# %%
lost = decoder.rsub(decoder["seed"], axis=0).drop(columns="seed").melt(ignore_index=False, value_name="lost").reset_index()
ranking = [{"change": change, "lost": each.lost.mean()} | dict(zip(("low", "high"), limits(each, "lost"), strict=True))
           for change, each in lost.groupby("change")]  # fmt: skip
ranking = pd.DataFrame(ranking).sort_values("lost", ascending=False)

# %%
for row in ranking.itertuples():
    results.record(f"lost_{row.change}", row.lost, "share", ".1%", interval=(row.low, row.high) if len(match_seeds) > 2 else None, tolerance=0.06)
results.record("first_change", ranking.change.iloc[0], "")

# %%
fresh = [name for name in data if name not in ("sentences", "both")]  # with nothing of the base's own distribution
if fresh:
    of_fresh = np.array([same[name] for name in fresh])
    results.record("share_fresh_same", of_fresh.mean(), "share", ".1%", interval=seed_range(of_fresh.ravel()), tolerance=0.06)
    under, over = decoder["seed"].min() - of_fresh.max(axis=1), of_fresh.min(axis=1) - decoder["seed"].max()
    results.claim("fresh_same_lowers", (under > 0).all(), "any other language or corpus alone: fewer features come back than with the seed alone, ranges apart",
                  against=(over > 0).any(), close=np.abs(under).min() < 0.06)  # fmt: skip

# %%
rest, of_data = ranking[~ranking.change.isin(data)], ranking[ranking.change.isin(fresh)]
results.claim("data_most", len(fresh) and of_data.low.min() > rest.high.max(),
              "another language or corpus takes more features than any change that is not of data, intervals (of two seeds: ranges) apart",
              against=len(fresh) and of_data.high.min() < rest.low.max())  # fmt: skip

# %%
def both_weights(sae):
    return weights(sae, "decoder"), weights(sae, "encoder")

agree = []
for a, b in itertools.permutations(match_seeds, 2):
    (first_FD, first_EF), (second_FD, second_EF) = both_weights(base[a]), both_weights(base[b])
    agree.append(matching.same_partner(first_FD, second_FD, first_EF, second_EF, alike))

# %%
met = [share for share in agree if not np.isnan(share)]  # where some feature has a partner at all
results.record("same_partner", np.mean(met) if met else 0.0, "share", ".1%", interval=seed_range(met) if met else None, tolerance=0.06)
encoder = rows[rows.part == "encoder"].pivot(index="pair", columns="change", values="share")
below("encoder_lowers", encoder["seed"], decoder["seed"], "another seed: fewer features come back by the encoder than by the decoder, ranges over pairs apart")
results.claim("partners_differ", len(met) == len(agree) and max(met) < 0.9,
              "of features with a partner by either, under 90% have one and the same by encoder and decoder, every pair",
              against=met and min(met) >= 0.9, close=met and min(abs(share - 0.9) for share in met) < 0.06)  # fmt: skip

# %%
fewer = [0.05 < left < control for left, control in zip(same["sentences"], same["median"], strict=True)]
gaps = np.subtract(same["median"], same["sentences"])
results.claim("part_shared", all(fewer), "one seed: over 5% come back from other sentences, and fewer than with the centre moved, every seed",
              against=not any(fewer), close=np.abs(gaps).min() < 0.06)  # fmt: skip
if fresh:
    parts = [[0.05 < left < control for left, control in zip(same[name], same["median"], strict=True)] for name in fresh]
    near = min(np.abs(of_fresh - 0.05).min() / 0.02, np.abs(of_fresh - same["median"]).min() / 0.06)
    results.claim("fresh_part_shared", np.all(parts),
                  "one seed: from any other language or corpus over 5% come back, and fewer than with the centre moved, every seed",
                  against=any(not any(each) for each in parts), close=near < 1)  # fmt: skip
results.claim("seed_half", alone["min"] > 0.5, "over half of the features come back with another seed, every pair",
              against=alone["max"] <= 0.5, close=abs(alone["min"] - 0.5) < 0.06)  # fmt: skip

# %%
sampled, strange = span.loc["sentences", "decoder"], span.loc[(fresh or ["sentences"])[-1], "decoder"]
if "language" in data:
    below("language_tenth", decoder["language"], decoder["seed"] / 10, "from English less than a tenth of what another seed gives, ranges apart", 0.01)
added = (alone["mean"] - sampled["mean"]) / max(alone["mean"] - strange["mean"], 1e-9)
results.claim("sample_adds_little", added < 0.2, "other sentences take away less than a fifth of what the last other data do, beyond another seed", close=abs(added - 0.2) < 0.1)

# %%
#| label: fig-match-factors
#| fig-cap-ko: "다른 사전에서 다시 나타나는 특징의 비율. 점은 시드 짝의 평균, 가로선은 시드가 셋 이상이면 잭나이프 95% 구간, 둘이면 두 방향의 낮은 값과 높은 값(구간이 아니다)이다. 시드도 함께 바꾼 값이다. 세로 점선은 시드만 바꾼 디코더의 평균이다."
#| fig-cap-en: "Share of features that come back in another dictionary. Dots: mean over pairs of seeds; bars: the jackknife's 95% interval for three seeds or more, lowest to highest of the two directions for two (no interval). The seed is changed as well. Dotted line: mean for the decoder with the seed alone changed."
#| fig-alt-ko: "바꾼 것마다 두 점씩(디코더와 인코더) 놓인 그림. 가로축은 다시 나타나는 비율이다."
#| fig-alt-en: "Two dots, for decoder and encoder, for each thing that was changed; the horizontal axis is the share that comes back."
order = span["mean"].xs("decoder", level=1).sort_values().index
fig, ax = plt.subplots(figsize=(0.8 * kc.plots.WIDTH, 3.0))
for part, shift, marker in (("decoder", -0.12, "o"), ("encoder", 0.12, "s")):
    part_span = span.xs(part, level=1).loc[order]
    each = rows[rows.part == part].groupby("change")
    ends = np.array([limits(each.get_group(name), "share") for name in order]).T
    reach = [part_span["mean"] - ends[0], ends[1] - part_span["mean"]]
    ax.errorbar(part_span["mean"], np.arange(len(order)) + shift, xerr=np.maximum(reach, 0), fmt=marker, ms=4, lw=1, label=part)
ax.axvline(alone["mean"], color="#777777", ls=":", lw=0.8)
ax.set_yticks(range(len(order)), order)
ax.set(xlabel=f"share of features with cosine of at least {alike}", xlim=(0, None))
ax.legend()
kc.plots.save(fig, "fig-match-factors")

# %%
#| label: tbl-match-factors
#| tbl-cap-ko: "한 가지를 바꾼 사전과의 짝. share: 다시 나타나는 비율, paired: 일대일 짝의 평균 코사인. 시드 짝의 평균이다."
#| tbl-cap-en: "Matching with a dictionary in which one thing was changed. share: features that come back; paired: mean cosine of the one-to-one pairing. Means over pairs of seeds."
table = rows.groupby(["change", "part"])[["share", "paired"]].mean().unstack().loc[order[::-1]]
table.columns = [f"{what}, {part}" for what, part in table.columns]
kc.plots.table(table.reset_index())

# %%
#| label: tbl-match-order
#| tbl-cap-ko: "무엇이 특징을 가장 많이 바꾸는가. lost: 시드만 바꾼 때보다 덜 다시 나타나는 몫(디코더, 시드 짝마다 뺀 것의 평균). low와 high: 시드가 셋 이상이면 잭나이프 95% 구간, 둘이면 두 방향의 낮은 값과 높은 값(구간이 아니다)."
#| tbl-cap-en: "What changes features most. lost: the share that comes back less than with the seed alone (decoder, mean of the differences by pair of seeds). low, high: the jackknife's 95% interval for three seeds or more, lowest and highest of the two directions for two (no interval)."
kc.plots.table(ranking.reset_index(drop=True), ".1%")

# %% [markdown] tags=["ko"]
# 시드만 바꾸면 디코더로 보아 {{< var c08.share_seed_decoder >}}가 다시 나타난다([@fig-match-factors], [@tbl-match-factors]). 무작위 사전에서는 {{< var c08.share_random >}}이다. [모든 시드 쌍에서 특징의 절반이 넘게 다시 나타난다.]{.claim key="c08.seed_half"}[절반을 넘지 않는 시드 쌍도 있으니, 특징의 목록을 모델의 부품 목록처럼 읽기에는 모자란다.]{.otherwise} 일대일 짝의 평균 코사인은 {{< var c08.paired_seed_decoder >}}이다. 무작위 사전의 {{< var c08.paired_random >}}보다 훨씬 크지만 1에는 한참 못 미친다. 같은 기준을 인코더에 적용하면 다시 나타나는 것은 {{< var c08.share_seed_encoder >}}이다. [모든 시드 쌍에서 디코더로 보았을 때보다 적다. 다시 나타나는 비율이 인코더와 디코더에서 다르다는 앞선 연구의 결과는 여기에서도 나온다.]{.claim key="c08.encoder_lowers"}[시드 쌍에 걸친 범위로 보아 디코더로 보았을 때보다 적다고는 할 수 없다.]{.otherwise} 다만 코사인의 크기부터 디코더와 다를 수 있으므로(인코더에서 일대일 짝의 평균 코사인은 {{< var c08.paired_seed_encoder >}}이다), 한 기준을 넘는 비율이 다르다고 해서 짝까지 다른 것은 아니다. 어느 쪽으로든 짝이 있는 특징 가운데 두 짝이 같은 특징인 것은 {{< var c08.same_partner >}}이다. [어느 시드 쌍에서나 90%에 미치지 못하니, 무엇으로 맞추느냐에 따라 짝이 달라진다.]{.claim key="c08.partners_differ"}[모든 시드 쌍에서 90%에 미치지 못하는 것은 아니니, 인코더와 디코더의 짝이 서로 다르다고 할 수는 없다.]{.otherwise} 다시 나타나는 비율을 적을 때에는 어느 쪽으로 재었는지를 함께 밝혀야 한다.
#
# 시드를 그대로 두고 같은 문장틀의 다른 문장으로 학습하면 {{< var c08.share_sentences_same >}}가 다시 나타난다. [시드만 바꾼 것보다 적고 두 범위는 겹치지 않는다. 예상과 달리, 같은 분포에서 다른 문장을 뽑으면 시드를 바꿀 때보다 특징이 더 달라진다.]{.claim key="c08.sentences_same_lowers"}[두 범위로 보아 시드만 바꾼 것보다 적다고는 할 수 없다. 곧 같은 분포에서 다른 문장을 뽑으면 시드를 바꿀 때보다 특징이 더 달라진다고는 할 수 없다.]{.otherwise} 시드도 함께 바꾸면 {{< var c08.share_sentences_decoder >}}이다. [시드만 바꾼 것보다 적으니, 다른 문장이 시드에 더하는 몫이 있다.]{.claim key="c08.sentences_lowers"}[범위로 보아 다른 문장이 시드에 더하는 몫이 있다고는 할 수 없다.]{.otherwise} 그런데 시드와 자료가 모두 같고 중심만 조금 옮겨도 다시 나타나는 것은 {{< var c08.median_same >}}이다([@sec-match-shared]). [어느 시드에서나 다른 문장으로 학습하여 다시 나타나는 특징은 5%보다 많고 중심만 옮겼을 때보다 적다. 다른 자료로 학습한 사전과는 특징의 일부만 같으며, 이를 작은 흔들림만의 탓으로 볼 수는 없다.]{.claim key="c08.part_shared"}[다른 문장으로 학습하여 다시 나타나는 특징이 5%를 넘지 않거나, 중심만 옮겼을 때보다 적지 않은 시드가 있다.]{.otherwise}
#
# ::: {.when key="c08.share_language_decoder"}
# 시드를 그대로 두고 영어로 학습하면 {{< var c08.share_language_same >}}, 시드도 바꾸면 {{< var c08.share_language_decoder >}}이다. [시드가 같아도 시드만 바꾼 것보다 적으니, 영어로 학습하면 시드를 바꿀 때보다 특징이 더 많이 달라진다.]{.claim key="c08.language_same_lowers"}[시드가 같을 때의 값이 시드만 바꾼 것보다 적다고는 할 수 없다.]{.otherwise} [시드도 바꾸면 시드만 바꾼 것의 십분의 일보다 적다.]{.claim key="c08.language_tenth"}[시드도 바꾼 것이 시드만 바꾼 것의 십분의 일보다 적다고 할 수는 없다.]{.otherwise} 한국어를 반으로 줄이고 영어로 채우면 {{< var c08.share_both_decoder >}}이다. [시드만 바꾼 것보다 적다. 영어가 사전의 자리를 차지해서인지 한국어 자료가 반으로 줄어서인지는 이것으로 가릴 수 없다.]{.claim key="c08.both_lowers"}[영어가 섞였을 때 시드만 바꾼 것보다 적다고는 할 수 없다.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_synthetic_decoder"}
# 말뭉치를 합성 말뭉치로 바꾸면 시드가 같을 때 {{< var c08.share_synthetic_same >}}, 시드도 바꿀 때 {{< var c08.share_synthetic_decoder >}}이다. [말뭉치만 바꾼 것이 시드만 바꾼 것보다 적으니, 말뭉치를 바꾸면 시드를 바꿀 때보다 특징이 더 많이 달라진다.]{.claim key="c08.synthetic_same_lowers"}[말뭉치를 바꾸면 시드를 바꿀 때보다 특징이 더 많이 달라진다고는 할 수 없다.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_keat_decoder"}
# 같은 뉴스라도 제목이 아니라 기사 문장을 모은 KEAT 말뭉치로 학습하면 시드가 같을 때 {{< var c08.share_keat_same >}}, 시드도 바꿀 때 {{< var c08.share_keat_decoder >}}이다. [뉴스끼리도 말뭉치만 바꾼 것이 시드만 바꾼 것보다 적으니, 말뭉치를 바꾸면 시드를 바꿀 때보다 특징이 더 많이 달라진다.]{.claim key="c08.keat_same_lowers"}[뉴스끼리는 말뭉치를 바꾸면 시드를 바꿀 때보다 특징이 더 많이 달라진다고 할 수 없다.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_ynat_decoder"}
# 같은 뉴스라도 기사 문장이 아니라 제목을 모은 YNAT 말뭉치로 학습하면 시드가 같을 때 {{< var c08.share_ynat_same >}}, 시드도 바꿀 때 {{< var c08.share_ynat_decoder >}}이다. [뉴스끼리도 말뭉치만 바꾼 것이 시드만 바꾼 것보다 적으니, 말뭉치를 바꾸면 시드를 바꿀 때보다 특징이 더 많이 달라진다.]{.claim key="c08.ynat_same_lowers"}[뉴스끼리는 말뭉치를 바꾸면 시드를 바꿀 때보다 특징이 더 많이 달라진다고 할 수 없다.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_fresh_same"}
# 시드를 그대로 두고 다른 언어나 다른 말뭉치로만 학습하면 평균 {{< var c08.share_fresh_same >}}가 다시 나타난다. [어느 것에서나 시드만 바꾼 것보다 적고 범위가 겹치지 않는다.]{.claim key="c08.fresh_same_lowers"}[그 가운데 범위로 보아 시드만 바꾼 것보다 적다고 할 수 없는 것이 있다.]{.otherwise} [어느 것에서나 다시 나타나는 특징은 5%보다 많고 중심만 옮겼을 때보다 적으니, 특징의 일부만 같다.]{.claim key="c08.fresh_part_shared"}[그 가운데 다시 나타나는 특징이 5%를 넘지 않거나 중심만 옮겼을 때보다 적지 않은 것이 있으니, 일부가 같다는 말이 어느 자료에나 맞는 것은 아니다.]{.otherwise}
# :::
#
# [자료를 다른 언어나 다른 말뭉치로 모두 바꾸면 자료가 아닌 무엇을 바꿀 때보다 많은 특징이 사라지며, 그 구간(시드가 둘이면 두 방향의 범위)은 다른 변화의 구간과 겹치지 않는다([@tbl-match-order]). 다만 `corpora`를 적지 않은 실행에서 이것은 토큰부터 다른 영어 하나와 견준 것이므로, 어떤 특징이 나타나는지가 자료에 달렸다는 앞선 연구의 말이 같은 언어의 말뭉치 사이에서도 맞는지는 알 수 없다.]{.claim key="c08.data_most"}[구간으로 보아, 자료를 다른 언어나 다른 말뭉치로 모두 바꾸면 자료가 아닌 무엇을 바꿀 때보다 많은 특징이 사라진다고는 할 수 없다([@tbl-match-order]).]{.otherwise} [같은 분포에서 무엇을 뽑았는지가 시드에 더하는 변화는 분포를 바꿀 때의 오분의 일보다 작다.]{.claim key="c08.sample_adds_little"}
#
# 게이트형은 {{< var c08.share_variant_decoder >}}, 두 배의 k는 {{< var c08.share_sparsity_decoder >}}, 뒤쪽 층은 {{< var c08.share_layer_decoder >}}이다. [변형을 바꾸면 시드만 바꾼 것보다 적게 다시 나타난다.]{.claim key="c08.variant_lowers"}[변형을 바꾸어도 시드만 바꾼 것보다 적게 다시 나타난다고는 할 수 없다.]{.otherwise} [k를 두 배로 하면 시드만 바꾼 것보다 적게 다시 나타난다.]{.claim key="c08.sparsity_lowers"}[k를 두 배로 하여도 적게 다시 나타난다고는 할 수 없다.]{.otherwise} [층을 옮기면 시드만 바꾼 것보다 적게 다시 나타난다.]{.claim key="c08.layer_lowers"}[층을 옮겨도 적게 다시 나타난다고는 할 수 없다.]{.otherwise} 절반의 k에서는 {{< var c08.share_sparser_decoder >}}이다. [k를 절반으로 줄이면 오히려 시드만 바꾼 것보다 많이 다시 나타난다. 다시 나타나는 비율은 두 사전이 얼마나 다르게 학습되었는지만이 아니라 상대 사전이 얼마나 희소한지에도 달려 있다.]{.claim key="c08.sparser_more"}[k를 절반으로 줄이면 시드만 바꾼 것보다 많이 다시 나타난다고는 할 수 없다.]{.otherwise} 두 배의 사전에서는 {{< var c08.share_size_decoder >}}, 네 배의 사전에서는 {{< var c08.share_larger_decoder >}}이다. [사전이 두 배가 되면 시드만 바꾼 것보다 적게 다시 나타난다.]{.claim key="c08.size_lowers"}[사전이 두 배가 되어도 시드만 바꾼 것보다 적게 다시 나타난다고는 할 수 없다. 큰 사전에는 특징이 많아 짝을 찾기 쉬우므로, 크기가 특징을 바꾸더라도 이 비율은 낮아지지 않을 수 있다.]{.otherwise}
#
# 이 사전들은 {{< var c08.match_steps >}}걸음 학습한 것이다. 특징이 다시 나타나지 않는다는 보고를 읽을 때에는 사전이 다 학습되었는지부터 보아야 한다.

# %% [markdown] src="8828" tags=["en"]
# With the seed alone changed, {{< var c08.share_seed_decoder >}} come back by the decoder ([@fig-match-factors], [@tbl-match-factors]); in a random dictionary {{< var c08.share_random >}}. [In every pair of seeds over half of the features come back.]{.claim key="c08.seed_half"}[Not in every pair of seeds is it over half, which is too little for reading a list of features like a list of the model's parts.]{.otherwise} The mean cosine of the one-to-one pairing is {{< var c08.paired_seed_decoder >}}, far above the {{< var c08.paired_random >}} of a random dictionary but far from 1. By the same bound on the encoder, {{< var c08.share_seed_encoder >}} come back. [In every pair of seeds these are fewer than by the decoder: what the earlier study found, that the shares of encoder and decoder differ, appears here too.]{.claim key="c08.encoder_lowers"}[By the ranges over pairs of seeds these cannot be said to be fewer than by the decoder.]{.otherwise} But cosines may differ in size from those of the decoder to begin with (the mean of the one-to-one pairing is {{< var c08.paired_seed_encoder >}} for the encoder), so a different share above one bound does not mean different partners. Of the features with a partner by either, both are the same feature for {{< var c08.same_partner >}}. [In every pair of seeds that is under 90%: which features are matched depends on the weights they are matched by.]{.claim key="c08.partners_differ"}[It is not under 90% in every pair of seeds, so that encoder and decoder cannot be said to match different features.]{.otherwise} Whoever states a share that comes back has to say which weights were compared.
#
# Trained under the same seed on other sentences of the same templates, {{< var c08.share_sentences_same >}} come back. [That is fewer than with the seed alone changed, and the two ranges do not overlap: against our expectation, other sentences of the same distribution change more than the seed does.]{.claim key="c08.sentences_same_lowers"}[By the two ranges it cannot be said to be fewer than with the seed alone changed: to draw other sentences of the same distribution cannot be said to change more than the seed does.]{.otherwise} With the seed changed as well it is {{< var c08.share_sentences_decoder >}}. [That is fewer than with the seed alone, so other sentences add something to the seed.]{.claim key="c08.sentences_lowers"}[By the ranges other sentences cannot be said to add something to the seed.]{.otherwise} But with seed and data both the same and the centre moved a little, it is {{< var c08.median_same >}} ([@sec-match-shared]). [With every seed other sentences leave over 5% of the features and fewer than moving the centre does: only part of the features is shared with a dictionary trained on other data, and a small disturbance is not all there is to it.]{.claim key="c08.part_shared"}[There is a seed with which other sentences leave no more than 5% of the features, or no fewer than moving the centre does.]{.otherwise}
#
# ::: {.when key="c08.share_language_decoder"}
# Trained on English it is {{< var c08.share_language_same >}} under the same seed and {{< var c08.share_language_decoder >}} with the seed changed as well. [Even under the same seed that is fewer than with the seed alone changed: English changes more than the seed does.]{.claim key="c08.language_same_lowers"}[Under the same seed it cannot be said to be fewer than with the seed alone changed.]{.otherwise} [With the seed changed as well it is less than a tenth of what the seed alone leaves.]{.claim key="c08.language_tenth"}[With the seed changed as well it cannot be said to be less than a tenth of what the seed alone leaves.]{.otherwise} With half of the Korean replaced by English it is {{< var c08.share_both_decoder >}}. [That is fewer than with another seed alone. Whether because English takes up places in the dictionary or because there is half as much Korean, this does not tell.]{.claim key="c08.both_lowers"}[With English mixed in it cannot be said to be fewer than with another seed alone.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_synthetic_decoder"}
# With the synthetic corpus in place of this one it is {{< var c08.share_synthetic_same >}} under the same seed and {{< var c08.share_synthetic_decoder >}} with the seed changed as well. [With the corpus alone changed fewer come back than with the seed alone: the corpus changes more than the seed does.]{.claim key="c08.synthetic_same_lowers"}[The corpus cannot be said to change more than the seed does.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_keat_decoder"}
# Trained on KEAT, which is news too, but sentences and not titles, it is {{< var c08.share_keat_same >}} under the same seed and {{< var c08.share_keat_decoder >}} with the seed changed as well. [Between two corpora of news, too, fewer come back with the corpus alone changed than with the seed alone: the corpus changes more than the seed does.]{.claim key="c08.keat_same_lowers"}[Between two corpora of news the corpus cannot be said to change more than the seed does.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_ynat_decoder"}
# Trained on YNAT, which is news too, but titles and not sentences, it is {{< var c08.share_ynat_same >}} under the same seed and {{< var c08.share_ynat_decoder >}} with the seed changed as well. [Between two corpora of news, too, fewer come back with the corpus alone changed than with the seed alone: the corpus changes more than the seed does.]{.claim key="c08.ynat_same_lowers"}[Between two corpora of news the corpus cannot be said to change more than the seed does.]{.otherwise}
# :::
#
# ::: {.when key="c08.share_fresh_same"}
# Trained under the same seed on another language or corpus alone, {{< var c08.share_fresh_same >}} come back on average. [From any of them it is fewer than with the seed alone changed, and the ranges do not overlap.]{.claim key="c08.fresh_same_lowers"}[Among them is one from which, by the ranges, it cannot be said to be fewer than with the seed alone changed.]{.otherwise} [Any of them leaves over 5% of the features and fewer than moving the centre does, so only part of the features is the same.]{.claim key="c08.fresh_part_shared"}[Among them is one that leaves no more than 5% of the features, or no fewer than moving the centre does, so that part of them being the same is not true of all data.]{.otherwise}
# :::
#
# [To replace the data by another language or corpus altogether takes more features away than a change of anything that is not data, and its interval (for two seeds, the range of both directions) overlaps with none of theirs ([@tbl-match-order]). But in a run without `corpora` this compares with English alone, whose tokens differ to begin with, and does not tell whether the earlier study's statement, that data decide which features appear, also holds between corpora of one language.]{.claim key="c08.data_most"}[By the intervals, replacing the data by another language or corpus altogether cannot be said to take more features away than every change that is not of data ([@tbl-match-order]).]{.otherwise} [What the choice of a sample adds to the seed is less than a fifth of what a change of distribution does.]{.claim key="c08.sample_adds_little"}
#
# The gated form has {{< var c08.share_variant_decoder >}}, twice the k {{< var c08.share_sparsity_decoder >}}, the late layer {{< var c08.share_layer_decoder >}}. [With another variant fewer come back than with another seed alone.]{.claim key="c08.variant_lowers"}[It cannot be said that with another variant fewer come back than with another seed alone.]{.otherwise} [With twice the k fewer come back than with another seed alone.]{.claim key="c08.sparsity_lowers"}[It cannot be said that fewer do with twice the k.]{.otherwise} [At another layer fewer come back than with another seed alone.]{.claim key="c08.layer_lowers"}[It cannot be said that fewer do at another layer.]{.otherwise} With half the k it is {{< var c08.share_sparser_decoder >}}. [With half the k more come back than with another seed alone: this share depends not only on how differently two dictionaries were trained, but also on how sparse the other one is.]{.claim key="c08.sparser_more"}[It cannot be said that with half the k more come back than with another seed alone.]{.otherwise} In twice the dictionary it is {{< var c08.share_size_decoder >}}, in four times the dictionary {{< var c08.share_larger_decoder >}}. [In twice the dictionary fewer come back than with another seed alone.]{.claim key="c08.size_lowers"}[It cannot be said that in twice the dictionary fewer come back than with another seed alone. A larger dictionary has more features and makes partners easier to find, so that this share need not fall even where the size alters features.]{.otherwise}
#
# These dictionaries were trained for {{< var c08.match_steps >}} steps. Reading a report that features do not come back, one should see first whether the dictionaries were trained to the end.

# %% [markdown] tags=["ko"]
# ## 중심과 겹치는 짝 {#sec-match-shared}
#
# 두 가지를 더 본다. 하나는 중심이다. @{bricken2023}은 디코더의 편향을 활성값의 기하 중앙값에서 시작한다. 여기에서는 입력에서 빼는 중심을 평균 대신 기하 중앙값으로 두는 것이 그것과 같다. 다른 하나는 짝이 겹치는 정도이다. 한 사전의 두 특징이 다른 사전의 같은 특징을 가장 가까운 것으로 삼으면, 가장 큰 코사인만 세는 법은 한 특징을 두 번 센다.
#
# **예상.** 시드가 같고 중심만 다른 두 사전은 거의 같을 것이다. 처음의 방향도, 토큰의 차례도 같기 때문이다. 가장 가까운 특징이 다른 특징과 겹치는 비율은 무작위 사전에서 약 63%이다. 특징들이 실제로 짝을 이룬다면 그보다 훨씬 낮고, 코사인이 {{< var c08.alike >}} 이상인 짝만 보면 거의 없을 것이다.

# %% [markdown] src="3503" tags=["en"]
# ## The centre, and partners that are shared {#sec-match-shared}
#
# Two more things. One is the centre: @{bricken2023} start the decoder's bias at the geometric median of the activations. To subtract that median from the inputs in place of their mean, as we do here, comes to the same. The other is how often partners are shared. Where two features of one dictionary have the same feature of another as their nearest, counting by the largest cosine counts one feature twice.
#
# **Expectation.** Two dictionaries of one seed that differ in their centre alone will be nearly the same, since they start from the same directions and see tokens in the same order. In a random dictionary about 63% of features share their nearest with another. If features really come in pairs, it will be far less, and next to none among partners with a cosine of at least {{< var c08.alike >}}.

# %%
tokens_ND = study.acts("train", "ko", middle)[:65_536]
mean_D, median_D = (saes[name][match_seeds[0]].mean_D for name in ("seed", "median"))
far = ((mean_D - median_D).norm() / (tokens_ND - mean_D).square().sum(1).mean().sqrt()).item()

# %%
held = study.acts("test", "ko", middle)
variance = {name: [kc.evaluate(saes[name][s], held).explained_variance for s in match_seeds] for name in ("seed", "median")}

# %%
results.record("median_far", far, "share of the rms length", ".1%", tolerance=0.03)
results.record("median_same", np.mean(same["median"]), "share", ".1%", interval=seed_range(same["median"]), tolerance=0.06)
for name, values in variance.items():
    results.record(f"ev_{name}", np.mean(values), "share", interval=seed_range(values), tolerance=0.02)

# %%
moved = span.loc["median", "decoder"]
results.claim("median_as_seed", moved["max"] >= alone["min"] and moved["min"] <= alone["max"],
              "from the median as many features come back under another seed as from the mean: ranges overlap", close=True)  # fmt: skip
below("median_same_most", [0.9], same["median"], "mean and median under one seed share over 90% of the features, every seed")
below("median_same_more", decoder["seed"], same["median"], "mean and median under one seed share more features than two seeds, ranges apart")

# %%
crowded = []
for change, part, (a, b) in itertools.product(("seed", "size"), ("decoder", "encoder"), itertools.permutations(match_seeds, 2)):
    first, second = weights(base[a], part), weights(saes[change][b], part)
    crowded.append({"with": change, "part": part, "pair": (a, b), "all": matching.shared_nearest(first, second),
                    "near": np.nan_to_num(matching.shared_nearest(first, second, alike))})  # fmt: skip
crowded = pd.DataFrame(crowded)

# %%
for (change, part), each in crowded.groupby(["with", "part"]):
    for what in ("all", "near"):
        results.record(f"crowded_{what}_{change}_{part}", each[what].mean(), "share", ".1%", interval=interval(each, what), tolerance=0.06)

# %%
SIZES = ("seed", "size", "larger")
twins = {name: [float((matching.nearest_other(weights(saes[name][s], "decoder")) >= alike).mean()) for s in match_seeds] for name in SIZES}
for name, values in twins.items():
    results.record(f"twins_{name}", np.mean(values), "share", ".1%", interval=seed_range(values), tolerance=0.03)
results.claim("few_twins", max(twins["seed"]) < 0.1, "under a tenth of a dictionary's features have a twin in it, every seed", close=abs(max(twins["seed"]) - 0.1) < 0.03)
below("more_twins", twins["seed"], twins["larger"], "in a dictionary four times the size more of them have, ranges over seeds apart", 1)

# %%
by_chance = matching.shared_nearest(one_FD, random_FD)
results.record("crowded_random", by_chance, "share", ".1%", tolerance=0.06)
pairwise = crowded[(crowded["with"] == "seed") & (crowded.part == "decoder")]
below("crowded_below_chance", pairwise["all"], [by_chance], "fewer features share their nearest than in a random dictionary, every pair")
results.claim("near_hardly_crowded", pairwise.near.max() < 0.1, "under a tenth of the partners that come within the bound are shared, every pair")

# %%
#| label: tbl-match-shared
#| tbl-cap-ko: "가장 가까운 특징을 다른 특징과 함께 쓰는 비율(시드 짝의 평균). all: 모든 특징, near: 코사인이 기준 이상인 짝을 가진 특징."
#| tbl-cap-en: "Share of features that have their nearest in common with another (mean over pairs of seeds). all: all features; near: those with a partner within the bound."
kc.plots.table(crowded.groupby(["with", "part"])[["all", "near"]].mean().reset_index(), ".1%")

# %% [markdown] tags=["ko"]
# 기하 중앙값은 평균에서 활성값의 제곱평균제곱근(RMS) 거리의 {{< var c08.median_far >}}만큼 떨어져 있다. 시드가 같고 중심만 다르면 특징의 {{< var c08.median_same >}}가 다시 나타난다. [예상대로 거의 모두 같다.]{.claim key="c08.median_same_most"}[예상과 달리 90%를 넘지 않는 시드가 있다. 처음의 방향과 토큰의 차례가 같아도, 입력을 이만큼 옮기는 것만으로 학습은 다른 길로 갈라진다. 그러니 시드만 바꾸었을 때 달라지는 것을 모두 처음 방향의 탓으로 돌릴 수는 없고, 상당 부분은 학습이 작은 차이에 예민해서일 수 있다.]{.otherwise} [중심만 옮기면 시드만 바꾼 어느 쌍에서보다 많은 특징이 다시 나타난다.]{.claim key="c08.median_same_more"}[중심만 옮길 때 시드만 바꾼 모든 쌍에서보다 많은 특징이 다시 나타난다고는 할 수 없다.]{.otherwise} 중앙값에서 시작하고 시드도 바꾸면 {{< var c08.share_median_decoder >}}가 다시 나타난다. [시드만 바꾼 것과 범위가 겹친다.]{.claim key="c08.median_as_seed"}[시드만 바꾼 것과 범위가 갈라진다.]{.otherwise} 시험 토큰의 설명 분산은 평균에서 {{< var c08.ev_seed >}}, 중앙값에서 {{< var c08.ev_median >}}이다. 다만 특징이 달라진 것이 중앙값이어서인지, 시작이 조금 달라졌기 때문인지는 이 비교로 가릴 수 없다.
#
# 가장 가까운 특징을 다른 특징과 함께 쓰는 것은 시드만 바꾼 디코더에서 {{< var c08.crowded_all_seed_decoder >}}, 인코더에서 {{< var c08.crowded_all_seed_encoder >}}, 무작위 사전에서 {{< var c08.crowded_random >}}이다([@tbl-match-shared]). [디코더의 짝은 우연보다 덜 겹친다.]{.claim key="c08.crowded_below_chance"}[디코더의 짝이 모든 시드 쌍에서 우연보다 덜 겹치지는 않는다.]{.otherwise} 코사인이 기준을 넘는 짝만 보면 디코더에서 {{< var c08.crowded_near_seed_decoder >}}이다. [기준을 넘는 짝이 겹치는 것은 십분의 일이 되지 않으므로, 다시 나타나는 비율은 한 특징을 두 번 세어 부풀린 값이 아니다.]{.claim key="c08.near_hardly_crowded"}[기준을 넘는 짝도 겹치므로, 다시 나타나는 비율은 그만큼 부풀려진 값이다. 그래서 일대일 짝의 평균 코사인을 함께 보아야 한다.]{.otherwise}
#
# 한 사전 안에서 기준 이상으로 가까운 다른 특징, 곧 쌍둥이를 가진 특징은 {{< var c08.twins_seed >}}, 두 배로 큰 사전에서는 {{< var c08.twins_size >}}, 네 배에서는 {{< var c08.twins_larger >}}이다. [기준 사전에서 쌍둥이를 가진 것은 십분의 일이 되지 않는다.]{.claim key="c08.few_twins"}[쌍둥이가 드물지 않아, 사전의 크기를 그대로 특징의 수로 읽을 수 없다.]{.otherwise} [사전이 네 배로 커지면 쌍둥이도 는다.]{.claim key="c08.more_twins"}[사전이 네 배로 커져도 모든 시드에서 쌍둥이가 느는 것은 아니다.]{.otherwise}

# %% [markdown] src="6e2a" tags=["en"]
# The geometric median lies {{< var c08.median_far >}} of the activations' root mean square distance away from the mean. With one seed and another centre {{< var c08.median_same >}} of the features come back. [As expected, nearly all are the same.]{.claim key="c08.median_same_most"}[Against our expectation it is not over 90% with every seed. With the same first directions and the same order of tokens, to move the inputs by this little is enough for training to take another course. What changes with the seed alone can then not all be put down to the first directions; much of it may come of training being sensitive to small differences.]{.otherwise} [With the centre alone moved more come back than in any pair of two seeds.]{.claim key="c08.median_same_more"}[It cannot be said that with the centre alone moved more come back than in every pair of two seeds.]{.otherwise} With a start from the median and another seed, {{< var c08.share_median_decoder >}} come back. [The range overlaps with that of the seed alone.]{.claim key="c08.median_as_seed"}[The range lies apart from that of the seed alone.]{.otherwise} Explained variance on test tokens is {{< var c08.ev_seed >}} from the mean and {{< var c08.ev_median >}} from the median. Whether features differ because it is the median, or because the start is a little different, this comparison does not tell.
#
# Features that have their nearest in common with another are {{< var c08.crowded_all_seed_decoder >}} by the decoder with the seed alone changed, {{< var c08.crowded_all_seed_encoder >}} by the encoder, and {{< var c08.crowded_random >}} with a random dictionary ([@tbl-match-shared]). [By the decoder partners are shared less than by chance.]{.claim key="c08.crowded_below_chance"}[Not in every pair of seeds are partners by the decoder shared less than by chance.]{.otherwise} Among partners within the bound it is {{< var c08.crowded_near_seed_decoder >}} for the decoder. [Under a tenth of such partners is shared, so that the share that comes back is not inflated by counting one feature twice.]{.claim key="c08.near_hardly_crowded"}[Such partners are shared too, and by that much the share that comes back is inflated; the mean cosine of the one-to-one pairing has to be read beside it.]{.otherwise}
#
# Features with a twin, another one of the same dictionary within the bound, are {{< var c08.twins_seed >}}, {{< var c08.twins_size >}} in a dictionary twice the size and {{< var c08.twins_larger >}} in one four times the size. [In the base dictionary under a tenth of the features have a twin.]{.claim key="c08.few_twins"}[Twins are not rare, so that the size of a dictionary cannot be read as its number of features.]{.otherwise} [In a dictionary four times as large there are more of them.]{.claim key="c08.more_twins"}[Not with every seed are there more of them in a dictionary four times as large.]{.otherwise}

# %% [markdown] tags=["ko"]
# ## 큰 사전에서 갈라지는 특징 {#sec-match-splitting}
#
# **예상.** 사전이 커지면 한 특징이 여럿으로 갈라진다고 한다 [@bricken2023]. 작은 사전의 특징마다, 큰 사전의 특징 가운데 그것을 가장 가까운 것으로 삼으며 코사인이 {{< var c08.child >}} 이상인 것을 센다. 둘 이상이면 갈라진 것으로 본다. 그런데 행이 두 배이면 그런 행도 많아지므로, 같은 크기의 사전 하나는 기준선이 되지 못한다. 기준선에는 행이 같은 만큼 있으면서 갈라짐은 없어야 한다. 그래서 시드가 다른 같은 크기의 사전 둘을 합친 것을 두 배의 사전과 견주고, 두 배의 사전 둘을 합친 것을 네 배의 사전과 견준다. 두 사전에 다 있는 특징이 갈라진 것으로 세어지지 않도록, 한 특징에 모인 행 가운데 서로의 코사인이 {{< var c08.alike >}} 이상인 것은 하나로 센다. 기준과 다른 두 시드가 있어야 하므로, 시드가 셋에 못 미치면 기준 크기의 사전을 더 학습한다. 사전이 커지며 특징이 갈라진다면, 모든 기준 시드에서 큰 사전에 갈라진 특징이 더 많을 것이다. 작은 사전 하나보다도 많지 않으면 갈라지지 않은 것으로 보고, 그 사이이면 가리지 못한 것으로 둔다.

# %% [markdown] src="c253" tags=["en"]
# ## Features that split in a larger dictionary {#sec-match-splitting}
#
# **Expectation.** As a dictionary grows, a feature is said to split into several [@bricken2023]. For each feature of the small dictionary we count the features of the large one that have it as their nearest, with a cosine of at least {{< var c08.child >}}; with two or more it has split. But twice the rows have more such rows, so a single dictionary of the same size is no baseline; it must have as many rows and no splitting. We therefore hold twice the dictionary against two of the small size, with other seeds, taken together, and four times the dictionary against two of twice the size. Lest a feature that both have count as split, rows that gather on one feature count once where their own cosine is at least {{< var c08.alike >}}. This needs two seeds other than that of the base, so with fewer than three seeds we train more dictionaries of the base size. If features split as dictionaries grow, the larger dictionary will have more features that have split, with every base seed. Where it has no more than a single small one, they have not split; what lies between is left undecided.

# %%
extra = [max(match_seeds) + 1 + n for n in range(3 - len(match_seeds))]  # for a base and two other seeds
tables = {name: {s: weights(sae, "decoder") for s, sae in saes[name].items()} for name in SIZES}
tables["seed"] |= {s: weights(dictionary(s=s), "decoder") for s in extra}

# %%
def splits_of(name, n=1, copies=alike):
    """By base seed: the shares in every n dictionaries of other seeds; copies from that cosine on count once."""
    return matching.split_shares(tables["seed"], tables[name], child, copies, together=n)

# %%
splits = {name: splits_of(name) for name in SIZES} | {"union": splits_of("seed", 2), "size_union": splits_of("size", 2)}
counted = {"counted_size": splits_of("size", copies=2), "counted_union": splits_of("seed", 2, copies=2)}  # no two rows are copies
for name, by_seed in (splits | counted).items():
    values = list(itertools.chain(*by_seed.values()))
    results.record(f"split_{name}", np.mean(values), "share", ".1%", interval=seed_range(values), tolerance=0.05)
results.record("child", child, "cosine", ".1f", tolerance=0)

# %%
for key, grown, union, one in (("splits", "size", "union", "seed"), ("splits_on", "larger", "size_union", "size")):
    asked_of = sorted(splits[grown].keys() & splits[union].keys())
    above = [min(splits[grown][a]) - max(splits[union][a]) for a in asked_of]  # the union is high: it holds imperfect copies
    results.claim(key, min(above) > 0, f"{grown}: more features have two different children than in two smaller dictionaries together, every base seed",
                  against=all(max(splits[grown][a]) <= min(splits[one][a]) for a in asked_of), close=np.abs(above).min() < 0.05)  # fmt: skip

# %% [markdown] tags=["ko"]
# 두 배로 큰 사전에서 서로 다른 둘 이상으로 갈라진 특징은 {{< var c08.split_size >}}, 같은 크기의 사전 하나에서는 {{< var c08.split_seed >}}, 둘을 합친 것에서는 {{< var c08.split_union >}}이다. [어느 기준 시드에서나, 행의 수가 같은 기준선보다 두 배의 사전에 더 많다.]{.claim key="c08.splits"}[행의 수가 같은 기준선보다 두 배의 사전에 더 많지는 않은 기준 시드가 있다. 사전 하나보다 많은 것은 행이 늘어나기만 해도 있을 수 있는 일이므로, 사전이 커지며 특징이 갈라졌다고 할 수는 없다.]{.otherwise} 네 배의 사전에서는 {{< var c08.split_larger >}}, 두 배의 사전 둘을 합친 것에서는 {{< var c08.split_size_union >}}이다. [네 배의 사전에도, 어느 기준 시드에서나 이 기준선보다 많다.]{.claim key="c08.splits_on"}[네 배의 사전에 이 기준선보다 더 많지는 않은 기준 시드가 있다.]{.otherwise} 서로 닮은 행도 따로 세면 두 배의 사전에서 {{< var c08.split_counted_size >}}, 둘을 합친 것에서 {{< var c08.split_counted_union >}}이다. 이렇게 세면 두 사전에 다 있는 특징이 모두 갈라진 것이 되므로, 이 수로는 갈라졌는지를 따질 수 없다. 한 특징을 두 사전이 덜 닮게 배웠다면 닮은 행을 하나로 세어도 둘로 남으므로, 이 기준선은 얼마쯤 높다. 여기서 갈라졌다는 것은 방향이 가깝다는 뜻일 뿐이다. 한 뜻이 여러 뜻으로 나뉘었는지는 활성 문맥을 읽어야 안다.

# %% [markdown] src="e7fe" tags=["en"]
# In a dictionary twice as large, {{< var c08.split_size >}} have split into two or more that differ; in one of the same size {{< var c08.split_seed >}}, and in two of them taken together {{< var c08.split_union >}}. [With every base seed, twice the dictionary has more of them than the baseline with as many rows.]{.claim key="c08.splits"}[Not with every base seed has twice the dictionary more of them than the baseline with as many rows. Having more than a single dictionary of the same size may come of the number of rows alone, so features cannot be said to have split as the dictionary grew.]{.otherwise} In four times the dictionary it is {{< var c08.split_larger >}}, in two of twice the size taken together {{< var c08.split_size_union >}}. [At four times the size, too, it is more than this baseline with every base seed.]{.claim key="c08.splits_on"}[At four times the size it is not more than this baseline with every base seed.]{.otherwise} With similar rows counted one by one it is {{< var c08.split_counted_size >}} in twice the dictionary and {{< var c08.split_counted_union >}} in the two together; every feature that both have then counts as split, so that the question cannot be asked in this way. Where two dictionaries have learnt one feature less alike, it remains two even with similar rows counted once, which makes this baseline somewhat high. Splitting here means no more than that directions are near. Whether one meaning has become several can only be told by reading the contexts in which they fire.

# %% [markdown] tags=["ko"]
# ## 평균과 표준편차 {#sec-match-moments}
#
# @{cho2025}는 특징의 활성값의 평균과 표준편차가 함께 움직인다고 했다. 토큰의 비율 $p$에서만 켜지고 켜질 때의 값이 늘 $m$인 특징을 생각해 보자. 평균은 $pm$, 표준편차는 $m\sqrt{p(1-p)}$이다. 그러므로 표준편차를 평균으로 나눈 것은 $\sqrt{(1-p)/p}$로, 얼마나 자주 켜지는지에만 달려 있다.
#
# **예상.** 어느 시드의 기준 사전에서나 평균과 표준편차는 함께 커질 것이나(순위 상관 0.5 초과), 그것은 드물게 켜지는 특징이 둘 다 작을 수밖에 없기 때문이다. 물을 만한 것은 켜져 있는 토큰에서만 잰 평균과 표준편차이다. 켜질 때의 세기가 늘 비슷하다면 이 둘은 따로 움직여야 한다.

# %% [markdown] src="ce4b" tags=["en"]
# ## Mean and standard deviation {#sec-match-moments}
#
# @{cho2025} reported that the mean activation of a feature and its standard deviation go together. Think of a feature that fires on a share $p$ of tokens, always with the value $m$. Its mean is $pm$, its standard deviation $m\sqrt{p(1-p)}$. Standard deviation over mean is then $\sqrt{(1-p)/p}$, and hangs on nothing but how often the feature fires.
#
# **Expectation.** With every seed of the base dictionary, mean and standard deviation will go together (a rank correlation over 0.5), but only since a feature that fires rarely must have little of both. What is worth asking is how they stand over the tokens on which the feature is on. If it always fires with about the same strength, there the two have nothing to do with each other.

# %%
rho, drawn_of = {"mean_std": [], "on_mean_std": [], "ratio_rate": []}, {}
for s, sae in base.items():
    of = features.moments(kc.encode_store(sae, held))
    live = of.rate_F > 0
    rate_F, mean_F, std_F, on_mean_F, on_std_F = (x[live] for x in (of.rate_F, of.mean_F, of.std_F, of.on_mean_F, of.on_std_F))
    several = np.round(rate_F * held.n_tokens) >= 5  # over fewer tokens a standard deviation says nothing
    two_of = ((mean_F, std_F), (on_mean_F[several], on_std_F[several]), (std_F / mean_F, np.sqrt((1 - rate_F) / rate_F)))
    for name, two in zip(rho, two_of, strict=True):
        rho[name].append(stats.spearmanr(*two).statistic)
    drawn_of[s] = rate_F, mean_F, std_F, on_mean_F, on_std_F, several

# %%
for name, values in rho.items():
    results.record(name, np.mean(values), "rank correlation", ".2f", interval=seed_range(values), tolerance=0.05)
for key, name, bound, statement in (
    ("mean_with_std", "mean_std", 0.5, "mean and standard deviation of features correlate"),
    ("ratio_is_rate", "ratio_rate", 0.9, "the rank of standard deviation over mean and that of the rate of firing correlate"),
    ("on_with_std", "on_mean_std", 0.5, "over the tokens on which features are on, mean and standard deviation correlate"),
):
    results.claim(key, min(rho[name]) > bound, f"{statement} by more than {bound}, every seed",
                  against=max(rho[name]) <= bound, close=abs(min(rho[name]) - bound) < 0.05)  # fmt: skip

# %%
#| label: fig-match-moments
#| fig-cap-ko: "특징마다 활성값의 평균과 표준편차. 왼쪽은 모든 토큰, 오른쪽은 특징이 켜진 토큰에서 잰 것이고, 색은 켜지는 비율이다. 점선은 켜질 때의 값이 늘 같은 특징의 것으로, 켜지는 비율이 0.1%, 1%, 10%일 때이다. 오른쪽에는 다섯 토큰 이상에서 켜지는 특징만 있다. 첫 시드의 사전이다."
#| fig-cap-en: "Mean and standard deviation of activation, one dot per feature: over all tokens (left), and over those on which the feature is on (right). Colour: rate of firing. Dotted lines: features that always fire with one value, on 0.1%, 1% and 10% of tokens. On the right, features that fire on five tokens or more. Dictionary of the first seed."
#| fig-alt-ko: "로그 눈금의 산점도 두 칸. 왼쪽은 대각선을 따라 늘어서고 색이 선마다 다르며, 오른쪽은 더 퍼져 있다."
#| fig-alt-en: "Two scatter plots with logarithmic axes. Left: along diagonals, each with its own colour; right: more spread."
rate_F, mean_F, std_F, on_mean_F, on_std_F, several = drawn_of[match_seeds[0]]
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 2.9))
shade = {"c": np.log10(rate_F), "s": 5, "lw": 0, "rasterized": True}
left.scatter(mean_F, std_F, **shade)
for p in (0.001, 0.01, 0.1):
    left.axline((1, np.sqrt((1 - p) / p)), slope=1, color="#777777", ls=":", lw=0.8)
left.set(xscale="log", yscale="log", xlabel="mean", ylabel="standard deviation", title="all tokens")
dots = right.scatter(on_mean_F[several], on_std_F[several], **(shade | {"c": np.log10(rate_F[several])}))
right.set(xscale="log", yscale="log", xlabel="mean", title="tokens on which it is on")
for axis in (right.xaxis, right.yaxis):
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter("{x:g}")
    axis.set_minor_formatter(NullFormatter())
fig.colorbar(dots, ax=right, label="log10 of rate")
left.set(xlim=(mean_F.min() / 2, 2 * mean_F.max()), ylim=(std_F.min() / 2, 2 * std_F.max()))
kc.plots.save(fig, "fig-match-moments")

# %% [markdown] tags=["ko"]
# 평균과 표준편차의 순위 상관은 시드의 평균으로 {{< var c08.mean_std >}}이다. [어느 시드에서나 둘은 함께 커진다.]{.claim key="c08.mean_with_std"}[둘이 함께 커진다고 할 수 없는 시드가 있다.]{.otherwise} 표준편차를 평균으로 나눈 값의 순서는 켜지는 비율만으로 정한 값의 순서와 상관이 {{< var c08.ratio_rate >}}이다. [곧 어느 시드에서나 둘의 관계는 얼마나 자주 켜지는지로 거의 다 정해진다.]{.claim key="c08.ratio_is_rate"}[켜지는 비율만으로 둘의 관계가 다 정해지지는 않는 시드가 있다.]{.otherwise} 켜진 토큰에서만 재면 상관은 {{< var c08.on_mean_std >}}이다. [거기에서도 어느 시드에서나 세게 켜지는 특징이 더 들쭉날쭉하다. 예상과 달리 평균과 표준편차가 함께 움직인다는 말은 켜지는 빈도 때문만은 아니다([@fig-match-moments]).]{.claim key="c08.on_with_std"}[켜질 때의 세기만 보면 둘이 뚜렷이 함께 움직이지 않는 시드가 있다. 거기에서 함께 움직이는 것은 주로 켜지는 빈도이다([@fig-match-moments]).]{.otherwise}

# %% [markdown] src="4274" tags=["en"]
# Mean and standard deviation have a rank correlation of {{< var c08.mean_std >}}, as a mean over seeds. [With every seed they go together.]{.claim key="c08.mean_with_std"}[There is a seed with which they cannot be said to go together.]{.otherwise} Standard deviation over mean ranks features as the rate of firing alone would, with a correlation of {{< var c08.ratio_rate >}}. [With every seed, how the two stand to each other is decided almost wholly by how often a feature fires.]{.claim key="c08.ratio_is_rate"}[There is a seed with which the rate of firing does not decide wholly how the two stand to each other.]{.otherwise} Over the tokens on which a feature is on, the correlation is {{< var c08.on_mean_std >}}. [There too, with every seed, features that fire strongly vary more: against our expectation, the rate of firing is not all that lets mean and standard deviation go together ([@fig-match-moments]).]{.claim key="c08.on_with_std"}[There is a seed with which strength alone shows no marked tie of the two; what goes together there is mainly the rate of firing ([@fig-match-moments]).]{.otherwise}

# %% [markdown] tags=["ko"]
# ## 토큰의 자리 {#sec-match-positions}
#
# 블록마다 한국어와 영어를 함께 읽는 작은 사전을 하나씩 학습하고, 한국어 시험 문장 {{< var c08.n_placed >}}개의 처음 {{< var c08.longest >}}토큰에서 특징마다 분산 가운데 자리로 설명되는 몫을 잰다. 블록마다 하나씩 학습한 사전을 한 벌이라 하고, 시드를 바꾸어 {{< var c08.n_sets >}}벌을 학습한다. 자리의 몫과 그것으로 센 특징의 수, 설명 분산은 모든 벌의 평균이고, 그 밖에 따로 밝히지 않은 값은 첫 벌의 것이다. 자리의 몫은 우연히 설명되는 만큼을 뺀 것이다(엡실론 제곱). 같은 토큰끼리만 견주어도 분산의 절반 넘게 자리로 설명되는 특징을 자리만으로 켜지는 특징이라고 하자. 그리고 모든 토큰이 0번 자리에 있다고 모델에 알려 같은 문장을 다시 읽힌다. 회전 임베딩 [@su2021rope]을 쓰는 모델이라면(내장 모델이 그러하다) 각도의 차이가 사라지고, 자리마다 벡터를 배운 모델이라면 모든 토큰이 같은 벡터를 받는다. 남는 것은 인과 마스크뿐이다.
#
# **예상.** 자리의 몫은 앞쪽 블록에서 크고 뒤로 갈수록 내용에 묻혀, 모든 벌에서 마지막 블록보다 첫 블록에서 클 것이다. 분산의 절반 넘게 자리로 설명되는 특징도, 모든 벌에서 뒤쪽 삼분의 일의 블록보다 앞쪽 삼분의 일의 블록에 많을 것이다. 다만 내장 모델의 회전 임베딩은 잔차 스트림에 자리를 더하지 않으므로, GPT-2처럼 뚜렷하지는 않을 것이다. 자리를 없애면 언어 모델의 손실은 0.1내트 넘게 오르고, 모든 벌에서 사전이 설명하지 못하는 분산의 비율은 어느 블록에서나 커지며 자리의 몫은 첫 블록 뒤의 어느 블록에서나 줄어야 한다. 설명하지 못하는 비율이 커지는 까닭이 사전이 그런 활성값을 배우지 않은 데 있다면, 자리 없는 활성값으로 다시 학습한 사전에서는 커지지 않을 것이다. 자리의 몫이 줄지 않는다면, 그 몫은 자리가 아니라 문장의 처음과 끝에 오는 말이 정해져 있는 데에서 온 것이다.

# %% [markdown] src="31d2" tags=["en"]
# ## Positions of tokens {#sec-match-positions}
#
# For each block we train one small dictionary that reads Korean and English together, and measure, on the first {{< var c08.longest >}} tokens of {{< var c08.n_placed >}} Korean test sentences, what share of each feature's variance position explains, less what it explains by chance (epsilon squared). One dictionary per block makes a set, and there are {{< var c08.n_sets >}} sets, each with other seeds. Shares of position, the features counted by them and explained variance are means over all sets; the rest comes from the first where nothing else is said. A feature of which position explains over half, among equal tokens too, we call a feature of position alone. Then the model is told that every token stands at position 0 and reads the same sentences again. In a model with rotary embeddings [@su2021rope], as the one inside has them, all differences of angle vanish; in one that has learnt a vector for each position, all tokens get the same. Only the causal mask is left.
#
# **Expectation.** The share of position will be large in early blocks and be buried under content later on, so that in every set it is larger in the first block than in the last. Features of which position explains over half will also be more in the first third of the blocks than in the last, in every set. But the rotary embeddings of the built-in model add no position to the residual stream, so it will be less marked than in GPT-2. With positions removed the language model's loss must rise by over 0.1 nats; and in every set the share of variance that the dictionary leaves unexplained must grow in every block, and the share of position fall in every block after the first. If the former grows only since the dictionary has not learnt such activations, it will not in a dictionary trained without positions. If the share of position does not fall, it came not from position but from sentences having set words at their start and end.

# %%
blocks = [f"b{block}.resid_post" for block in range(lm.n_blocks)]
pairs = study if parallel == corpus else kc.Study(corpus=parallel, lm_name=lm_name, n_train=n_train, n_test=n_test)
texts = {(split, lang): pairs.records(split, lang)[:n_block] for split in ("train", "test") for lang in ("ko", "en")}
stores = {key: kc.gather(lm, records, blocks, dtype=study.dtype) for key, records in texts.items()}

# %%
def mixed(point):
    """Training activations of both languages at one block: one table at a time, for together they fill the memory."""
    return torch.cat([stores["train", lang][point].all() for lang in ("ko", "en")])

# %%
both = {point: dictionary(acts=mixed(point), s=seed + n) for n, point in enumerate(blocks)}
home = f"b{lm.resolve(middle).block}.resid_post"
again = dictionary(acts=mixed(home), s=seed + len(blocks))
more = [{p: dictionary(acts=mixed(p), s=seed + 100 * n + i) for i, p in enumerate(blocks)} for n in range(1, len(match_seeds))]
sets = [both, *more]

# %%
codes = {(lang, point): kc.encode_store(both[point], stores["test", lang][point]) for lang in ("ko", "en") for point in blocks}
drawn = [blocks[i] for i in sorted({round(x) for x in np.linspace(0, len(blocks) - 1, 6)})]

# %%
documents = [ids[: longest + 1] for ids in lm.documents(texts["test", "ko"].texts[:n_placed])]
start = 0 if lm.bos_id is None else 1
where = np.concatenate([np.arange(start, len(ids)) for ids in documents])

# %%
def read(documents):
    """The activations at every block, and the language model's loss summed over each document."""
    seen = [lm.capture(lm.batch([ids]), blocks) for ids in documents]
    acts = {point: torch.cat([one[point][0, start:] for one in seen]).float() for point in blocks}
    return acts, np.array([each.sum().item() for each in lm.token_losses(documents)])

# %%
seen = {"with": read(documents)}
with positions.without_positions(lm):
    seen["without"] = read(documents)

# %%
unplaced_ND = torch.cat([positions.read_without(lm, stores["train", lang][home].documents, [home])[home] for lang in ("ko", "en")])
unplaced = dictionary(acts=unplaced_ND, s=seed + len(blocks) + 1)

# %%
placed, explained, alone_in, profile_in = {}, {}, {}, {}
words_N = np.concatenate([np.asarray(ids[start:]) for ids in documents])
for (how, (acts, _)), point in itertools.product(seen.items(), blocks):
    codes_S = [kc.encode_store(each[point], acts[point]) for each in sets]
    placed[how, point] = np.stack([positions.position_share(X, where) for X in codes_S])  # sets, features
    alone_in[how, point] = np.array([positions.by_position_alone(X, where, words_N).sum() for X in codes_S])
    profile_in[how, point] = positions.profile(codes_S[0], where, quantiles)
    explained[how, point] = np.array([kc.evaluate(each[point], acts[point]).explained_variance for each in sets])

# %%
def stacked(of):
    """Numbers by set of what is known by whether there are positions and by block, as (sets, blocks)."""
    return {how: np.stack([of[how, point] for point in blocks], axis=1) for how in seen}

place = stacked({key: share_SF.mean(axis=1) for key, share_SF in placed.items()})
half = stacked({key: (share_SF > 0.5).sum(axis=1) for key, share_SF in placed.items()})
alone_by, ev_by = stacked(alone_in), stacked(explained)

# %%
def over_sets(key, values_S, unit, fmt, tolerance):
    results.record(key, np.mean(values_S), unit, fmt, interval=seed_range(values_S), tolerance=tolerance)

for how, (b, point) in itertools.product(seen, enumerate(blocks)):
    name = f"{how}_{point.split('.')[0]}"
    over_sets(f"place_{name}", place[how][:, b], "share", ".1%", 0.02)
    over_sets(f"placed_{name}", half[how][:, b], "features", ".1f", 4)
    over_sets(f"place_ev_{name}", ev_by[how][:, b], "share", ".3f", 0.05)
    over_sets(f"alone_{name}", alone_by[how][:, b], "features", ".1f", 3)

# %%
results.record("n_placed", len(documents), "sentences", tolerance=0)
results.record("longest", longest, "tokens", tolerance=0)

# %%
read_M = np.array([len(ids) - 1 for ids in documents])  # tokens with a loss
for how, (_, loss_M) in seen.items():
    results.record(f"loss_{how}", loss_M.sum() / read_M.sum(), "nats/token", ".2f", tolerance=0.05)
doc_M = np.unique([record.doc for record in texts["test", "ko"][: len(documents)]], return_inverse=True)[1]
risen, read_in = (statistics.by_group(x_M, doc_M) for x_M in (seen["without"][1] - seen["with"][1], read_M))
low, high = statistics.bootstrap_ratio(risen, read_in, seed=seed)
results.record("loss_rises", risen.sum() / read_in.sum(), "nats/token", ".2f", interval=(low, high), tolerance=0.05)
results.claim("removal_costs", low > 0.1, "without positions the loss is over 0.1 nats higher, with the whole 95% interval over documents",
              against=high <= 0.1)  # fmt: skip

# %%
def every_set(key, yes_S, statement, close=False):
    """A claim about every set of seeds; where it is true of none, the run shows the opposite."""
    results.claim(key, np.all(yes_S), f"{statement}, every set of seeds", against=not np.any(yes_S), close=close)

ahead, fell, worse = place["with"][:, 0] - place["with"][:, -1], (place["with"] - place["without"])[:, 1:], ev_by["with"] - ev_by["without"]

# %%
every_set("early_positions", ahead > 0, "position explains more in the first block than in the last", np.abs(ahead).min() < 0.02)
every_set("removal_lowers", (fell > 0).all(axis=1), "without positions it explains less, in every block after the first", np.abs(fell).min() < 0.001)
every_set("removal_costs_sae", (worse > 0).all(axis=1), "without positions the same dictionary explains less, in every block", np.abs(worse).min() < 0.01)

# %%
for (i, name), how in itertools.product(((0, "first"), (-1, "last")), seen):
    over_sets(f"{name}_{how}", place[how][:, i], "share", ".1%", 0.02)
    over_sets(f"{name}_ev_{how}", ev_by[how][:, i], "share", ".3f", 0.05)
peak, peaks_S, most = place["with"].mean(axis=0).argmax(), place["with"].argmax(axis=1), half["with"].mean(axis=0).argmax()
over_sets("most_placed", half["with"][:, most], "features", ".1f", 4)
results.record("peak_block", int(peak), "block", tolerance=1)
over_sets("peak_with", place["with"][:, peak], "share", ".1%", 0.02)
every_set("middle_peak", (peaks_S > 0) & (peaks_S < len(blocks) - 1), "position explains most in a block that is neither the first nor the last", True)
every_set("some_placed", half["with"].any(axis=1), "position explains over half of the variance of some feature", half["with"].max(axis=1).min() < 4)

# %%
only_S = alone_by["with"].sum(axis=1)
over_sets("alone_total", only_S, "features", ".1f", 5)
results.record("alone_block", int(alone_by["with"].mean(axis=0).argmax()), "block", tolerance=len(blocks))
every_set("some_alone", only_S > 0, "in some block a feature fires by position alone", only_S.min() < 4)

# %%
third = max(round(len(blocks) / 3), 1)
ends_of = {"early": half["with"][:, :third].sum(axis=1), "late": half["with"][:, -third:].sum(axis=1)}
for name, counts in ends_of.items():
    results.record(f"placed_{name}", counts.mean(), "features", ".1f", interval=seed_range(counts), tolerance=4)
results.record("third", third, "blocks", tolerance=0)
ahead_of = ends_of["early"] - ends_of["late"]
results.claim("more_placed_early", (ahead_of > 0).all(),
              "position explains over half of more features in the first third of the blocks than in the last, every set of seeds",
              against=(ahead_of < 0).all(), close=np.abs(ahead_of).min() < 4)  # fmt: skip

# %%
first_tokens = {point: stores["test", "ko"][point].positions <= longest for point in blocks}
profiles_of, quarters = {}, []
for point in blocks:
    here, store = first_tokens[point], stores["test", "ko"][point]
    X, at = codes["ko", point][here], store.positions[here]
    profiles_of[point] = positions.profile(X, at, quantiles)
    share_F = positions.position_share(X, at)
    rank_F = stats.rankdata(np.asarray(X.mean(axis=0)).ravel(), method="ordinal")
    quarters.append([share_F[np.ceil(4 * rank_F / len(rank_F)) == quarter].mean() for quarter in (1, 2, 3, 4)])

# %%
weak, strong = np.mean(quarters, axis=0)[[0, 3]]
results.record("place_weak", weak, "share", ".1%", tolerance=0.02)
results.record("place_strong", strong, "share", ".1%", tolerance=0.02)
results.claim("strong_placed", strong > weak, "position explains more of the quarter of features with the most activation than of that with the least")

# %%
ends = {p: (profiles_of[p].mean_P[:1].item(), profiles_of[p].mean_P[-1].item()) for p in (blocks[0], blocks[-1])}
sways = {p: (profiles_of[p].std_P.max() / profiles_of[p].std_P.min(), profiles_of[p].mean_P.max() / profiles_of[p].mean_P.min()) for p in blocks}
results.claim("spread_sways", all(std > mean for std, mean in sways.values()), "in every block the standard deviation over features varies more over positions than the mean")

# %%
spread = np.mean([(profiles_of[p].std_P / profiles_of[p].mean_P).mean() for p in blocks])
results.record("spread", spread, "standard deviations over mean", ".1f", tolerance=1.0)
for name, p in (("first", blocks[0]), ("last", blocks[-1])):
    results.record(f"sway_std_{name}", sways[p][0], "ratio", ".1f", tolerance=0.4)
    results.record(f"sway_mean_{name}", sways[p][1], "ratio", ".1f", tolerance=0.2)
    results.record(f"start_{name}", ends[p][0] / ends[p][1], "ratio", ".2f", tolerance=0.3)
    results.record(f"top_start_{name}", profiles_of[p].quantiles_QP[-1, 0] / profiles_of[p].quantiles_QP[-1, -1], "ratio", ".2f", tolerance=0.3)

# %%
#| label: fig-match-profile
#| fig-cap-ko: "자리에 따른 특징의 활성값, 블록마다. 위: 특징마다 그 자리에서 잰 평균 활성값의, 특징에 걸친 평균(mean)과 표준편차(std). 점선은 자리 정보를 없애고 읽은 것이다. 아래: 켜져 있는 활성값의 분위. 자리 0은 저장하지 않은 시작 토큰의 것이다."
#| fig-cap-en: "Activation of features by position, block by block. Top: mean and standard deviation over features of their mean activation at that position; dotted: read with positions removed. Bottom: quantiles of the activations that are on. Position 0 belongs to the start token, which is not stored."
#| fig-alt-ko: "블록마다 한 열, 두 줄의 꺾은선그림. 가로축은 자리이다."
#| fig-alt-en: "Line plots in two rows, one column per block; the horizontal axis is position."
fig, panels = plt.subplots(2, len(drawn), figsize=(kc.plots.WIDTH, 3.4), sharex=True, sharey="row", squeeze=False)
for (top, bottom), point in zip(panels.T, drawn, strict=True):
    one = profiles_of[point]
    top.plot(one.places_P, one.mean_P, label="mean")
    top.plot(one.places_P, one.std_P, label="std")
    for values_P, color in ((profile_in["without", point].mean_P, "C0"), (profile_in["without", point].std_P, "C1")):
        top.plot(profile_in["without", point].places_P, values_P, color=color, ls=":", lw=1)
    for level, line_P in zip(quantiles, one.quantiles_QP, strict=True):
        bottom.plot(one.places_P, line_P, lw=1, color=plt.cm.viridis(0.85 * (1 - level) / (1 - min(quantiles))), label=f"{level:.0%}")
    top.set_title(f"block {lm.resolve(point).block}", fontsize=8)
    bottom.set_xlabel("position")
for ax, label, room in zip(panels[:, 0], ("activation", "activation, on"), (1.05, 1.35), strict=True):
    ax.set(ylabel=label, ylim=(0, room * ax.get_ylim()[1]))
    ax.legend(fontsize=6.5, loc="upper right", handlelength=1)
kc.plots.save(fig, "fig-match-profile")

# %%
#| label: tbl-match-placed
#| tbl-cap-ko: "블록마다, 시험 문장 앞부분에서 자리가 설명하는 분산의 몫(explained), 그 몫이 절반을 넘는 특징의 수(placed), 같은 토큰끼리 견주어도 그러한 특징의 수(alone). without: 자리 정보를 없앴을 때. 모든 벌의 평균이다."
#| tbl-cap-en: "Block by block, on the beginnings of test sentences: the share of variance that position explains, features of which it explains over half (placed), and those of which it does among equal tokens too (alone). without: with positions removed. Means over all sets."
columns = {f"{what}{how}": of[mark].mean(axis=0) for how, mark in (("", "with"), (", without", "without"))
           for what, of in (("explained", place), ("placed", half), ("alone", alone_by))}  # fmt: skip
table = pd.DataFrame({"block": [lm.resolve(point).block for point in blocks]} | columns)
kc.plots.table(table, {name: ".1%" if name.startswith("explained") else ".1f" for name in table.columns[1:]})

# %%
retrained = kc.evaluate(unplaced, seen["without"][0][home]).explained_variance
for how in seen:
    over_sets(f"home_ev_{how}", explained[how, home], "share", ".3f", 0.05)
results.record("home_ev_retrained", retrained, "share", tolerance=0.05)
every_set("retrained_recovers", retrained > explained["without", home], "trained without positions, a dictionary explains more of such activations")
every_set("simpler_without", retrained > explained["with", home], "it even explains more of them than a dictionary with positions does of its own")

# %%
stays = {name: returning(both[home], sae) for name, sae in (("again", again), ("unplaced", unplaced))}
for name, value in stays.items():
    results.record(f"share_{name}", value, "share", ".1%", tolerance=0.06)
results.record("gone_again", 1 - stays["again"], "share", ".0%", tolerance=0.06)
results.claim("unplaced_lowers", stays["unplaced"] < stays["again"] - 0.06, "trained without positions, clearly fewer features come back than with another seed")

# %%
spliced = []
for lang, point in itertools.product(("ko", "en"), blocks):
    found = splice(both[point], lm, point, stores["test", lang][point].documents[:n_spliced])
    spliced.append({"lang": lang, "block": lm.resolve(point).block, **found})
spliced = pd.DataFrame(spliced)

# %%
for row in spliced.itertuples():
    results.record(f"ce_{row.lang}_b{row.block}", row.ce_sae, "nats/token", ".2f", tolerance=0.15)
    results.record(f"recovered_{row.lang}_b{row.block}", row.loss_recovered, "share", ".1%", tolerance=0.05)
korean = spliced[spliced.lang == "ko"].set_index("block")
for name, block in (("first", korean.index[0]), ("last", korean.index[-1])):
    results.record(f"ce_{name}", korean.ce_sae[block], "nats/token", ".2f", tolerance=0.15)
    results.record(f"recovered_{name}", korean.loss_recovered[block], "share", ".1%", tolerance=0.05)

# %%
results.record("ce_clean", korean.ce_clean.iloc[0], "nats/token", ".2f", tolerance=0.05)
results.record("ce_most", korean.ce_sae.max(), "nats/token", ".2f", tolerance=0.15)
results.record("ce_most_block", int(korean.ce_sae.idxmax()), "block", tolerance=2)
results.claim("splice_costs", (spliced.ce_sae > spliced.ce_clean + 0.1).all(), "with reconstructions the loss is over 0.1 nats higher, in every block and both languages")
results.claim("splice_grows", korean.ce_sae.iloc[-1] > korean.ce_sae.iloc[0], "reconstructions cost more in the last block than in the first")

# %%
fitted_on, judged = texts["train", "ko"], texts["test", "ko"][: 10 * n_spliced]
ends = [iv.read_out(lm, lm.documents(records.texts), at=blocks[-1]).means_MD for records in (fitted_on, judged)]
topic = probing.fit_probe(ends[0], fitted_on.label("big"), probing.ProbeConfig(depth=1))
template_M = np.unique([record.doc for record in judged], return_inverse=True)[1]

# %%
def read_through(point):
    """Whether the topic of each sentence is still read at the last block, with a reconstruction at one block."""
    patch = (point, iv.reconstruct(both[point]))
    return topic.predict(iv.read_out(lm, lm.documents(judged.texts), (), patch, at=blocks[-1]).means_MD) == judged.label("big")

# %%
hits_MR = np.stack([topic.predict(ends[1]) == judged.label("big"), *map(read_through, blocks)], 1)
spans = probing.cluster_bootstrap(hits_MR, template_M, 1000, seed)
for i, name in enumerate(["clean", *(f"b{block}" for block in range(lm.n_blocks))]):
    results.record(f"topic_{name}", hits_MR[:, i].mean(), "accuracy", ".1%", interval=probing.interval(spans[:, i]), tolerance=0.06)
fell_R = hits_MR[:, 0].mean() - hits_MR[:, 1:].mean(0)
results.record("topic_fell_most", 100 * fell_R.max(), "points", ".1f", tolerance=6)
results.record("topic_fell_block", int(fell_R.argmax()), "block", tolerance=len(blocks))
results.record("n_read", len(judged), "sentences", tolerance=0)
low, high = probing.interval((spans[:, :1] - spans[:, 1:])[:, fell_R.argmax()])
results.claim("topic_falls", low > 0, "in the block where it falls most, the accuracy of the topic falls with the whole 95% interval over templates",
              against=high < 0)  # fmt: skip

# %%
#| label: tbl-match-spliced
#| tbl-cap-ko: "한 블록의 활성값을 그 블록의 작은 사전이 재구성한 것으로 바꾸었을 때. loss: 언어별(ko, en) 언어 모델의 손실(토큰당 내트), recovered: 손실 회복률, topic: 마지막 블록에서 탐침이 한국어 문장의 주제를 맞힌 비율. topic은 손실보다 많은 문장에서 쟀다."
#| tbl-cap-en: "The activations of one block replaced by the reconstruction of that block's small dictionary. loss: the language model's, by language (ko, en), in nats per token; recovered: loss recovered; topic: accuracy of a Korean sentence's topic read at the last block, on more sentences than the losses."
by_block = spliced.pivot(index="block", columns="lang", values=["ce_sae", "loss_recovered"])
by_block.columns = [f"{'loss' if what == 'ce_sae' else 'recovered'}, {lang}" for what, lang in by_block.columns]
by_block["topic"] = hits_MR[:, 1:].mean(0)
kc.plots.table(by_block.reset_index(), {name: ".2f" if name.startswith("loss") else ".1%" for name in by_block})

# %%
#| label: fig-match-losses
#| fig-cap-ko: "왼쪽: 재구성이 설명하지 못한 분산(SAE의 손실), 자리 정보가 있을 때와 없앴을 때. 마름모는 자리 없는 활성값으로 다시 학습한 사전이고, 나머지는 모든 벌의 평균이다. 오른쪽: 한 블록의 활성값을 첫 벌의 재구성으로 바꾸었을 때 언어 모델의 손실. 점선은 바꾸지 않은 모델이다."
#| fig-cap-en: "Left: variance that the reconstruction leaves unexplained (the SAE's loss), with positions and without; the diamond is a dictionary trained without positions, the rest are means over all sets. Right: the language model's loss with the activations of one block replaced by the first set's reconstruction; dotted: the model untouched."
#| fig-alt-ko: "블록에 따른 꺾은선그림 두 칸. 왼쪽은 두 선과 마름모 하나, 오른쪽은 언어마다 선과 점선."
#| fig-alt-en: "Two line plots over blocks. Left: two lines and a diamond; right: a line and a dotted line per language."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 2.8))
for how in seen:
    left.plot(1 - ev_by[how].mean(axis=0), marker="o", ms=3, label=f"{how} positions")
left.plot(blocks.index(home), 1 - retrained, "D", ms=5, color="#333333", label="trained without")
left.set(xlabel="block", ylabel="variance unexplained", ylim=(0, None))
left.legend(loc="lower right")
for lang, each in spliced.groupby("lang"):
    right.plot(each.block, each.ce_sae, marker="o", ms=3, color=kc.plots.LANGUAGE_COLORS[lang], label=lang)
    right.axhline(each.ce_clean.iloc[0], color=kc.plots.LANGUAGE_COLORS[lang], ls=":", lw=0.9)
right.set(xlabel="block", ylabel="loss, nats per token")
right.legend(ncols=2, loc="lower right", bbox_to_anchor=(1, 0.07))
kc.plots.save(fig, "fig-match-losses")

# %%
#| label: fig-match-positions
#| fig-cap-ko: "왼쪽: 특징의 분산 가운데 자리가 설명하는 몫을 블록마다, 자리 정보가 있을 때(with)와 없앴을 때(without) 견준 것. 실선은 모든 벌의 평균, 띠는 모든 벌의 특징의 10%와 90% 분위이다. 오른쪽: 첫 벌의 첫 블록과 마지막 블록에서 자리마다의 특징 활성값 평균(특징마다 자리 전체의 평균으로 나눈 뒤 특징에 걸쳐 평균한 것)과 특징의 사분위 범위."
#| fig-cap-en: "Left: share of features' variance that position explains, block by block, with positions and without them. Lines: mean over all sets; bands: 10% and 90% quantiles of the features of all sets. Right: mean activation by position in the first and the last block of the first set (each feature divided by its mean over positions, then the mean over features), with the quartiles of features."
#| fig-alt-ko: "왼쪽은 블록에 따른 두 곡선(자리 정보가 있을 때와 없을 때), 오른쪽은 자리에 따른 두 곡선과 띠."
#| fig-alt-en: "Left: two curves over blocks, with and without positions. Right: two curves with bands over positions."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 3.0))
for how in seen:
    low, high = np.quantile([placed[how, p].ravel() for p in blocks], [0.1, 0.9], axis=1)
    line = left.plot(place[how].mean(axis=0), marker="o", ms=3, label=f"{how} positions")[0]
    left.fill_between(range(len(blocks)), low, high, color=line.get_color(), alpha=0.15, lw=0)
left.set(xlabel="block", ylabel="share explained by position", xticks=range(len(blocks)))
left.legend()
for point in (blocks[0], blocks[-1]):
    places, means_PF = positions.by_position(kc.encode_store(both[point], seen["with"][0][point]), where)
    live = means_PF[:, means_PF.mean(0) > 0] / means_PF[:, means_PF.mean(0) > 0].mean(0)
    line = right.plot(places, live.mean(1), label=f"block {lm.resolve(point).block}")[0]
    right.fill_between(places, *np.quantile(live, [0.25, 0.75], axis=1), color=line.get_color(), alpha=0.15, lw=0)
right.set(xlabel="position", ylabel="activation relative to mean")
right.legend()
kc.plots.save(fig, "fig-match-positions")

# %% [markdown] tags=["ko"]
# 어느 블록에서나 활성값의 평균은 자리에 따라 완만히 바뀔 뿐이다([@fig-match-profile]). 첫 자리의 평균은 끝자리의 값에 견주어 첫 블록에서 {{< var c08.start_first >}}배, 마지막 블록에서 {{< var c08.start_last >}}배이다. 특징 사이의 표준편차는 평균의 {{< var c08.spread >}}배여서, 자리보다 특징에 따른 차이가 훨씬 크다. 값이 가장 큰 자리와 가장 작은 자리의 비를 구하면, 마지막 블록에서 평균은 {{< var c08.sway_mean_last >}}배, 표준편차는 {{< var c08.sway_std_last >}}배이다. [어느 블록에서나 자리에 따라 흔들리는 것은 평균보다 표준편차이다. 모든 특징이 조금씩 달라지는 것이 아니라, 몇몇 특징이 어떤 자리에서 세게 켜진다.]{.claim key="c08.spread_sways"}[표준편차가 평균보다 더 흔들리지는 않는 블록이 있다.]{.otherwise} 가장 센 활성값(위의 분위)은 첫 자리에서 끝자리의 {{< var c08.top_start_first >}}배(첫 블록)와 {{< var c08.top_start_last >}}배(마지막 블록)이다.
#
# 자리가 설명하는 몫은 첫 블록에서 평균 {{< var c08.first_with >}}, 마지막 블록에서 {{< var c08.last_with >}}이고([@fig-match-positions]), 블록 {{< var c08.peak_block >}}에서 가장 커서 {{< var c08.peak_with >}}이다. [어느 벌에서나 첫 블록의 몫이 마지막 블록보다 크다(여기 적은 자릿수에서는 같아 보일 수 있다).]{.claim key="c08.early_positions"}[예상과 달리 첫 블록의 몫이 마지막 블록보다 크지 않은 벌이 있다.]{.otherwise} [어느 벌에서나 몫은 처음도 끝도 아닌 중간의 블록에서 가장 크다.]{.claim key="c08.middle_peak"}[몫이 한쪽 끝의 블록에서 가장 큰 벌이 있다.]{.otherwise} 첫 벌의 사전을 모든 시험 문장의 앞부분에서 보면, 평균 활성값이 큰 사분의 일의 특징에서는 {{< var c08.place_strong >}}, 작은 사분의 일에서는 {{< var c08.place_weak >}}이다. [자리는 평균 활성값이 큰 특징을 더 설명한다.]{.claim key="c08.strong_placed"}[자리가 평균 활성값이 큰 특징을 더 설명하지는 않는다.]{.otherwise} 분산의 절반 넘게 자리로 설명되는 특징은 벌의 평균이 가장 큰 블록에서 {{< var c08.most_placed >}}개이다. [어느 벌에나 적으나마 있기는 하다.]{.claim key="c08.some_placed"}[그런 특징이 하나도 없는 벌이 있다.]{.otherwise} {{< var c08.n_sets >}}벌의 평균으로 앞쪽 블록 {{< var c08.third >}}개에 {{< var c08.placed_early >}}개, 뒤쪽 블록 {{< var c08.third >}}개에 {{< var c08.placed_late >}}개가 있다. [어느 벌에서나 앞쪽에 더 많다.]{.claim key="c08.more_placed_early"}[앞쪽에 더 많지 않은 벌이 있다.]{.otherwise} 같은 토큰끼리만 견주어도 그러한 것, 곧 자리만으로 켜지는 특징은 한 벌의 모든 블록을 더해 평균 {{< var c08.alone_total >}}개이다. [어느 벌에나 있고, 블록마다의 수는 [@tbl-match-placed]에 있으며, 가장 많은 곳은 블록 {{< var c08.alone_block >}}이다.]{.claim key="c08.some_alone"}[그런 특징이 하나도 없는 벌이 있다. 거기에서는 자리로 설명되는 것처럼 보이던 특징도 그 자리에 오는 말에 켜지는 것이었다([@tbl-match-placed]).]{.otherwise}
#
# 자리를 없애면 언어 모델의 손실은 {{< var c08.loss_with >}}내트에서 {{< var c08.loss_without >}}내트로 바뀐다. 오르는 폭은 {{< var c08.loss_rises >}}내트이다. [문장틀이나 글을 다시 뽑은 95% 구간이 통째로 0.1내트 위에 있다.]{.claim key="c08.removal_costs"}[문장틀이나 글을 다시 뽑은 95% 구간으로 보아 0.1내트 넘게 오른다고는 할 수 없다.]{.otherwise} 그때 자리의 몫은 첫 블록에서 {{< var c08.first_without >}}, 마지막 블록에서 {{< var c08.last_without >}}이다. [어느 벌에서나, 첫 블록 뒤의 모든 블록에서 자리의 몫이 줄어든다.]{.claim key="c08.removal_lowers"}[첫 블록 뒤에 자리의 몫이 줄지 않은 블록이 있는 벌이 있다.]{.otherwise} 같은 사전의 설명 분산은 마지막 블록에서 자리가 있을 때 {{< var c08.last_ev_with >}}, 없을 때 {{< var c08.last_ev_without >}}이다([@fig-match-losses]). [어느 벌에서나, 모든 블록에서 SAE가 설명하지 못하는 분산의 비율도 커진다.]{.claim key="c08.removal_costs_sae"}[SAE가 설명하지 못하는 분산의 비율이 커지지 않은 블록이 있는 벌이 있다.]{.otherwise} 가운데 층의 설명 분산은 {{< var c08.home_ev_with >}}에서 {{< var c08.home_ev_without >}}로 떨어지지만, 자리 없는 활성값으로 다시 학습하면 {{< var c08.home_ev_retrained >}}이다. [자리 없는 활성값을 어느 벌의 사전보다도 잘 설명하니, 설명 분산이 떨어진 것은 사전이 그런 활성값을 배우지 않은 탓이 크다.]{.claim key="c08.retrained_recovers"}[다시 학습해도 모든 벌의 사전보다 나아지지는 않으므로, 자리 없는 활성값은 그 자체로 설명하기 어려운 것일 수 있다.]{.otherwise} [어느 벌의 사전이 자리가 있을 때 설명하는 것보다도 많다. 자리 없는 활성값이 오히려 설명하기 쉬운 것은, 자리가 흩어 놓던 몫이 사라지기 때문이라고 볼 수 있다.]{.claim key="c08.simpler_without"}[다만 자리가 있을 때 모든 벌의 사전이 설명하는 것보다 많지는 않다.]{.otherwise} 그렇게 학습한 사전에는 자리가 있는 사전의 특징 가운데 {{< var c08.share_unplaced >}}가 다시 나타난다. 시드만 바꾸면 {{< var c08.share_again >}}이다. [자리를 없애면 특징도 시드보다 더 바뀐다.]{.claim key="c08.unplaced_lowers"}[특징이 바뀌는 정도는 시드만 바꾼 것과 크게 다르지 않다.]{.otherwise}
#
# 한 블록의 활성값을 재구성으로 바꾸어 넣으면 언어 모델의 한국어 손실은 {{< var c08.ce_clean >}}내트에서 첫 블록 {{< var c08.ce_first >}}, 마지막 블록 {{< var c08.ce_last >}}내트로 오르고, 블록 {{< var c08.ce_most_block >}}에서 가장 크다({{< var c08.ce_most >}}). 여기서는 시험 문장의 수가 다르고 문장을 끝까지 읽었으므로, 손대지 않은 모델의 손실이 앞 문단과 다르다. 활성값을 모두 지울 때의 손실에 견주어 되찾은 몫은 첫 블록에서 {{< var c08.recovered_first >}}, 마지막 블록에서 {{< var c08.recovered_last >}}이다. [어느 블록에서나, 두 언어 모두에서 0.1내트 넘게 잃는다.]{.claim key="c08.splice_costs"} [마지막 블록에서 첫 블록보다 더 잃는다.]{.claim key="c08.splice_grows"}[마지막 블록에서 첫 블록보다 더 잃지는 않는다. 앞에서 생긴 오차는 뒤의 블록들을 지나며 커질 수 있기 때문이다.]{.otherwise} 손대지 않은 모델에서 학습한 탐침은 마지막 블록에서 한국어 문장 {{< var c08.n_read >}}개 가운데 {{< var c08.topic_clean >}}의 주제를 맞힌다. 정확도가 가장 많이 떨어지는 것은 블록 {{< var c08.topic_fell_block >}}의 활성값을 재구성으로 바꿀 때로, {{< var c08.topic_fell_most >}}%포인트 낮아진다([@tbl-match-spliced]). [문장틀을 다시 뽑아 잰 이 하락의 구간은 통째로 0 위에 있다. 다만 이 구간은 가장 많이 떨어지는 블록을 골랐다는 점을 셈에 넣지 않은 것이다.]{.claim key="c08.topic_falls"}[다만 문장틀을 다시 뽑은 구간이 통째로 0 위에 있지는 않아, 주제를 덜 읽게 되었다고 하기에는 모자란다.]{.otherwise} 특징을 {{< var c08.match_k >}}개만 켜는 작은 사전이므로, 이 값은 블록끼리 견주는 데에만 쓴다. 더 큰 사전의 손실은 [@sec-variants]에 있다.
#
# 자리를 없애도 남는 몫이 곧 자리를 아는 특징의 것은 아니다. 합성 문장은 대개 부사어나 이어진 절로 시작하여 서술어의 어미로 끝나므로, 첫머리에 흔한 말에 켜지는 특징은 자리를 몰라도 첫머리에서 켜진다. 인과 마스크로도 앞에 온 토큰의 수를 어느 정도 셀 수 있다. 그래서 특징이 자리 자체를 나타내는지는 같은 말이 여러 자리에 올 때를 보고 정했다.

# %% [markdown] src="ff3e" tags=["en"]
# In every block the mean activation changes only gently with position ([@fig-match-profile]). At the first position it is {{< var c08.start_first >}} times that of the last in the first block, and {{< var c08.start_last >}} times in the last block. The standard deviation over features is {{< var c08.spread >}} times the mean: features differ far more than positions do. From the position where it is least to that where it is largest, the mean of the last block rises {{< var c08.sway_mean_last >}} times and the standard deviation {{< var c08.sway_std_last >}} times. [In every block it is the standard deviation that sways with position more than the mean: not all features change a little, but some fire strongly at certain positions.]{.claim key="c08.spread_sways"}[There is a block in which the standard deviation sways no more than the mean.]{.otherwise} The strongest activations (the upper quantile) at the first position are {{< var c08.top_start_first >}} times those of the last in the first block and {{< var c08.top_start_last >}} times in the last.
#
# Position explains {{< var c08.first_with >}} on average in the first block and {{< var c08.last_with >}} in the last ([@fig-match-positions]); the share is largest in block {{< var c08.peak_block >}}, at {{< var c08.peak_with >}}. [In every set it is larger in the first block than in the last, if only by digits that are not printed here.]{.claim key="c08.early_positions"}[Against our expectation there is a set in which it is no larger in the first block than in the last.]{.otherwise} [In every set it peaks in the middle, in a block that is neither the first nor the last.]{.claim key="c08.middle_peak"}[There is a set in which it peaks in a block at one of the ends.]{.otherwise} On the beginnings of all test sentences, with the dictionaries of the first set, among the quarter of features of largest mean activation it is {{< var c08.place_strong >}}, among that of smallest {{< var c08.place_weak >}}. [Position explains more of features whose mean activation is large.]{.claim key="c08.strong_placed"}[Position explains no more of features whose mean activation is large.]{.otherwise} Features whose variance is explained by position to more than half number {{< var c08.most_placed >}} in the block where their mean over sets is largest. [So there are some in every set, if few.]{.claim key="c08.some_placed"}[There is a set that has none.]{.otherwise} On average over {{< var c08.n_sets >}} sets, the first {{< var c08.third >}} blocks have {{< var c08.placed_early >}} of them and the last {{< var c08.third >}} have {{< var c08.placed_late >}}. [In every set there are more in the first.]{.claim key="c08.more_placed_early"}[Not in every set are there more in the first.]{.otherwise} Those of which it is true among equal tokens too, features of position alone, number {{< var c08.alone_total >}} over all blocks of a set, on average. [Every set has some; [@tbl-match-placed] has the number of each block, and block {{< var c08.alone_block >}} has most of them.]{.claim key="c08.some_alone"}[There is a set that has none; what had looked like position there were words that come at that position ([@tbl-match-placed]).]{.otherwise}
#
# With positions removed, the language model's loss goes from {{< var c08.loss_with >}} to {{< var c08.loss_without >}} nats. It rises by {{< var c08.loss_rises >}} nats. [The 95% interval over templates or texts lies wholly above 0.1 nats.]{.claim key="c08.removal_costs"}[By the 95% interval over templates or texts it cannot be said to rise by more than 0.1 nats.]{.otherwise} The share of position is then {{< var c08.first_without >}} in the first block and {{< var c08.last_without >}} in the last. [In every set the share of position falls in every block after the first.]{.claim key="c08.removal_lowers"}[There is a set in which it does not fall in every block after the first.]{.otherwise} The variance that the same dictionary explains in the last block is {{< var c08.last_ev_with >}} with positions and {{< var c08.last_ev_without >}} without ([@fig-match-losses]). [In every set the share of variance that the SAE leaves unexplained grows in every block, too.]{.claim key="c08.removal_costs_sae"}[There is a set in which the share of variance that the SAE leaves unexplained does not grow in every block.]{.otherwise} In the middle layer explained variance falls from {{< var c08.home_ev_with >}} to {{< var c08.home_ev_without >}}; a dictionary trained again, on activations without positions, has {{< var c08.home_ev_retrained >}}. [That is more than the dictionary of any set explains of activations without positions, so much of the fall is due to dictionaries not having learnt these.]{.claim key="c08.retrained_recovers"}[That is not more than the dictionaries of all sets explain of activations without positions, so these may be hard to explain in themselves.]{.otherwise} [It is even more than the dictionary of any set explains of activations with positions. That those without are easier to explain may come of what positions spread out being gone.]{.claim key="c08.simpler_without"}[But it is not more than the dictionaries of all sets explain of activations with positions.]{.otherwise} Of the features of the dictionary with positions, {{< var c08.share_unplaced >}} come back in it; with another seed alone, {{< var c08.share_again >}}. [Without positions features change more than with the seed, too.]{.claim key="c08.unplaced_lowers"}[Features change about as much as with another seed.]{.otherwise}
#
# With the activations of one block replaced by their reconstruction, the language model's loss on Korean goes from {{< var c08.ce_clean >}} nats to {{< var c08.ce_first >}} in the first block and {{< var c08.ce_last >}} in the last, and is largest in block {{< var c08.ce_most_block >}} ({{< var c08.ce_most >}}). The untouched model's loss differs from the paragraph before, as here another number of test sentences was read, and to their end. Of what zeros in place of the activations would cost, {{< var c08.recovered_first >}} is recovered in the first block and {{< var c08.recovered_last >}} in the last. [In every block and in both languages over 0.1 nats are lost.]{.claim key="c08.splice_costs"} [More is lost in the last block than in the first.]{.claim key="c08.splice_grows"}[No more is lost in the last block than in the first; an error made early may grow on its way through the blocks.]{.otherwise} At the last block a probe that was trained on the untouched model reads the topic of {{< var c08.topic_clean >}} of {{< var c08.n_read >}} Korean sentences rightly. Its accuracy falls most with a reconstruction at block {{< var c08.topic_fell_block >}}, by {{< var c08.topic_fell_most >}} percentage points ([@tbl-match-spliced]). [The interval of this fall over templates lies wholly above 0, though it takes no account of the block having been chosen for falling most.]{.claim key="c08.topic_falls"}[But the interval of this fall over templates does not lie wholly above 0, too little to say that topics are read less.]{.otherwise} These are small dictionaries with {{< var c08.match_k >}} features on, so the numbers serve to compare blocks and nothing else; [@sec-variants] has the losses of larger ones.
#
# What is left without positions need not belong to features that know the position. Synthetic sentences mostly open with an adverbial or a clause and close with the ending of the predicate, so a feature for words that are common at the start fires at the start without knowing where it is; and the causal mask, too, lets a token count to some extent how many came before. Whether a feature stands for the position itself was therefore decided where the same word comes at several.

# %% [markdown] tags=["ko"]
# ## 첫 토큰을 넣고 학습하면 {#sec-match-first}
#
# 글의 첫 토큰(자리 0)은 활성값이 유난히 길다([@sec-act-first]). 이 책의 저장소는 시작 토큰을 빼고 모은다. 넣으면 어떻게 되는가? 기준 사전과 같은 문장에서, 문장마다 첫 토큰 하나를 더한 활성값으로 같은 사전을 다시 학습하고, 첫 토큰이 아닌 시험 토큰에서 견준다. 시작 토큰이 없는 모델에서는 자리 0의 토큰을 뺀 것과 넣은 것을 견준다.
#
# **예상.** 첫 토큰은 수로는 적어도 처음 손실의 절반 넘게 차지할 것이다. 언제나 같은 벡터이므로 특징 몇 개면 다 설명되어, 학습이 끝나면 그 몫은 거의 0이 되고 모든 토큰에서 잰 설명 분산은 크게 좋아 보일 것이다. 그러나 척도가 그 벡터에 맞추어져 다른 토큰의 입력은 작아지므로, 다른 토큰에서 잰 설명 분산은 오히려 낮아질 것이다. 낮아지지 않는다면 시작 토큰을 빼는 것은 학습이 아니라 평가에서만 중요하다.

# %% [markdown] src="0758" tags=["en"]
# ## Training with the first token {#sec-match-first}
#
# The first token of a text (position 0) has unusually long activations ([@sec-act-first]), and the stores of this book leave the start token out. What if it is left in? We train the base dictionary again on the same sentences with the first token of each added, and compare on test tokens that are not the first. For a model without a start token, training without the tokens at position 0 is compared with training with them.
#
# **Expectation.** The first tokens, few as they are, will hold over half of the loss at first. They are always the same vector, so that a few features explain them; by the end of training their share will be almost 0, and explained variance over all tokens will look far better. But the scale is fitted to that vector, which makes the inputs of other tokens small, and the explained variance of other tokens will rather fall. If it does not, leaving out the start token matters for the evaluation alone and not for the training.

# %%
ahead = {split: positions.first_and_rest(lm, study.acts(split, "ko", middle)) for split in ("train", "test")}
mixture = {split: positions.interleave(*two, seed) for split, two in ahead.items()}
given = {s: dictionary(acts=mixture["train"], s=s) for s in match_seeds}
plain = base if lm.bos_id is not None else {s: dictionary(acts=ahead["train"][1], s=s) for s in match_seeds}

# %%
first_MD, others_ND = ahead["test"]
ev = {(name, on): [kc.evaluate(sae, acts).explained_variance for sae in trained.values()]
      for name, trained in (("plain", plain), ("given", given)) for on, acts in (("others", others_ND), ("all", mixture["test"]))}  # fmt: skip

# %%
before = positions.share_of_error(mixture["train"].mean(0), ahead["train"][0], mixture["train"])
with torch.no_grad():
    after = np.mean([positions.share_of_error(sae.mean_D, first_MD, mixture["test"], sae) for sae in given.values()])

# %%
spent = {s: positions.spent_on(kc.encode_store(sae, first_MD), kc.encode_store(sae, others_ND)) > 0.5 for s, sae in given.items()}
returned, plainly = ([returning(plain[a], trained[b]) for a, b in itertools.permutations(match_seeds, 2)] for trained in (given, plain))

# %%
results.record("first_norm", (first_MD.norm(dim=1).median() / others_ND.norm(dim=1).median()).item(), "ratio", ".1f", tolerance=0.5)
results.record("first_tokens", len(ahead["train"][0]) / len(mixture["train"]), "share of tokens", ".1%", tolerance=0.005)
results.record("first_before", before, "share of squared error", ".1%", tolerance=0.03)
results.record("first_after", after, "share of squared error", ".2%", tolerance=0.01)

# %%
results.record("first_scale", np.mean([(given[s].scale / plain[s].scale).item() for s in match_seeds]), "ratio", ".1f", tolerance=0.3)
results.record("first_features", np.mean([on_F.sum() for on_F in spent.values()]), "features", ".1f", tolerance=4)
results.record("first_spent", np.mean([on_F.mean() for on_F in spent.values()]), "share", ".2%", tolerance=0.01)
results.record("first_returned", np.mean(returned), "share", ".1%", interval=seed_range(returned), tolerance=0.06)
for (name, on), values in ev.items():
    results.record(f"ev_{name}_{on}", np.mean(values), "share", interval=seed_range(values), tolerance=0.02)

# %%
results.claim("first_most_loss", before > 0.5, "before training over half of the squared error falls on first tokens")
below("first_flatters", ev["plain", "others"], ev["given", "all"], "it explains more of all tokens than the plain one of others, ranges apart", 0.02)
below("first_costs", ev["given", "others"], ev["plain", "others"], "with the first token less of others is explained, ranges apart", 0.02)
results.claim("first_few", np.mean([on_F.mean() for on_F in spent.values()]) < 0.02, "under 2% of the features are spent on the first token")
below("first_changes", returned, plainly, "fewer features come back in it than with another seed, ranges over pairs apart", 1)

# %%
#| label: tbl-match-first
#| tbl-cap-ko: "첫 토큰 없이(plain), 그리고 넣고(given) 학습한 사전의 설명 분산을 첫 토큰이 아닌 시험 토큰(others)과 모든 시험 토큰(all)에서 잰 것. 시드의 평균이다."
#| tbl-cap-en: "Explained variance of dictionaries trained without the first token (plain) and with it (given), on test tokens that are not the first (others) and on all (all). Means over seeds."
table = pd.Series({key: np.mean(values) for key, values in ev.items()}).unstack()[["others", "all"]]
kc.plots.table(table.rename_axis("trained").reset_index())

# %% [markdown] tags=["ko"]
# 첫 토큰의 길이는 다른 토큰 중앙값의 {{< var c08.first_norm >}}배이다. 토큰의 {{< var c08.first_tokens >}}에 지나지 않지만 학습 전 제곱 오차의 {{< var c08.first_before >}}가 여기에 있다. [처음 손실의 절반이 넘는 몫이 첫 토큰의 것이다.]{.claim key="c08.first_most_loss"}[처음 손실의 절반에는 이르지 않는다.]{.otherwise} 학습이 끝나면 시험 토큰의 오차에서 첫 토큰의 몫은 {{< var c08.first_after >}}이고, 활성값의 절반이 넘게 첫 토큰에 몰린 특징은 평균 {{< var c08.first_features >}}개({{< var c08.first_spent >}})이다. [사전이 첫 토큰에 내준 특징은 2%가 되지 않는다.]{.claim key="c08.first_few"}[사전의 2% 이상을 첫 토큰에 내주었다.]{.otherwise}
#
# 모든 시험 토큰에서 재면 설명 분산은 {{< var c08.ev_given_all >}}이지만, 첫 토큰이 아닌 토큰에서는 {{< var c08.ev_given_others >}}이고, 첫 토큰 없이 학습한 사전은 {{< var c08.ev_plain_others >}}이다([@tbl-match-first]). [첫 토큰을 넣어 재면 실제보다 좋아 보인다.]{.claim key="c08.first_flatters"}[시드의 범위로 보아, 첫 토큰을 넣어 재면 더 좋아 보인다고는 할 수 없다.]{.otherwise} 첫 토큰을 넣으면 척도가 {{< var c08.first_scale >}}배로 커진다. [첫 토큰을 넣고 학습하면 다른 토큰을 덜 설명하는데, 다른 토큰이 그만큼 작은 입력이 되고 학습 초반의 걸음이 첫 토큰에 쓰이기 때문이라고 볼 수 있다.]{.claim key="c08.first_costs"}[그래도 시드의 범위로 보아, 첫 토큰을 넣고 학습하면 다른 토큰을 덜 설명한다고는 할 수 없다.]{.otherwise} 첫 토큰 없이 학습한 사전의 특징 가운데 {{< var c08.first_returned >}}가 여기에 다시 나타난다. [시드만 바꾼 것보다 적다.]{.claim key="c08.first_changes"}[시드만 바꾼 것보다 적다고 할 수는 없다.]{.otherwise} SAE의 설명 분산을 읽을 때에는 첫 토큰이 들어 있는지부터 물어야 한다.

# %% [markdown] src="e3e2" tags=["en"]
# The first token is {{< var c08.first_norm >}} times as long as the median of the others. It makes up no more than {{< var c08.first_tokens >}} of the tokens, but {{< var c08.first_before >}} of the squared error before training. [Over half of the loss at first belongs to first tokens.]{.claim key="c08.first_most_loss"}[That is not half of the loss at first.]{.otherwise} After training its share of the error on test tokens is {{< var c08.first_after >}}, and features that spend over half of their activation on it number {{< var c08.first_features >}} on average ({{< var c08.first_spent >}}). [The dictionary has given less than 2% of its features to it.]{.claim key="c08.first_few"}[The dictionary has given 2% of its features to it, or more.]{.otherwise}
#
# Over all test tokens explained variance is {{< var c08.ev_given_all >}}; on tokens that are not the first it is {{< var c08.ev_given_others >}}, where the dictionary trained without the first token has {{< var c08.ev_plain_others >}} ([@tbl-match-first]). [Measured with the first token, a dictionary looks better than it is.]{.claim key="c08.first_flatters"}[By the ranges over seeds, a dictionary cannot be said to look better measured with the first token.]{.otherwise} With the first token the scale is {{< var c08.first_scale >}} times as large. [A dictionary trained with it explains less of the other tokens; one may suppose that this comes of their being that much smaller inputs, and of early steps being spent on the first token.]{.claim key="c08.first_costs"}[All the same, by the ranges over seeds, a dictionary trained with it cannot be said to explain less of the other tokens.]{.otherwise} Of the features of the dictionary trained without, {{< var c08.first_returned >}} come back in it. [That is fewer than with another seed.]{.claim key="c08.first_changes"}[That cannot be said to be fewer than with another seed.]{.otherwise} Reading the explained variance of an SAE, one should ask first whether the first token is in it.

# %% [markdown] tags=["ko"]
# ## 블록에서 블록으로 {#sec-match-blocks}
#
# 잔차 스트림은 블록마다 조금씩 더해진다. 그러므로 한 블록의 특징이 다음 블록에도 있는지를 같은 방법으로 물을 수 있다. 블록 $b$의 특징과 코사인이 {{< var c08.alike >}} 이상인 특징이 블록 $b+1$에 있으면 이어진다(persists)고, 없으면 사라진다(vanishes)고 한다. $b+1$의 특징 가운데 $b$에 그런 짝이 없는 것은 새로 나타난다(appears)고 한다. 블록마다 시드가 다르므로 처음의 방향이 같아서 이어지는 일은 없다. 이어지는 비율은 [@sec-match-positions]에서 학습한 {{< var c08.n_sets >}}벌의 평균이고, 따로 밝히지 않은 값은 첫 벌의 것이다. 위쪽 기준은 같은 블록의 사전을 벌끼리 견준 것, 곧 시드만 바꾸었을 때 다시 나타나는 비율이며, 걸음마다 양 끝의 두 블록 가운데 작은 쪽을 쓴다. 아래쪽 기준은 다음 블록의 디코더에서 행마다 원소의 차례를 섞은 것이다.
#
# **예상.** 어느 걸음에서나 양 끝의 블록에서 시드만 바꾼 것보다는 적게, 그러나 그에 가깝게 이어지고, 섞은 것에는 아무것도 이어지지 않을 것이다. 자주 켜지는 특징이 드문 특징보다 더 이어질 것이다.

# %% [markdown] src="2509" tags=["en"]
# ## From block to block {#sec-match-blocks}
#
# Each block adds a little to the residual stream, so we can ask in the same way whether a feature of one block is still there in the next. A feature of block $b$ persists if block $b+1$ has one with a cosine of at least {{< var c08.alike >}}, else it vanishes; a feature of $b+1$ without such a partner in $b$ appears. Every block has a seed of its own, so that nothing persists by having started from the same directions. Shares that persist are means over the {{< var c08.n_sets >}} sets of [@sec-match-positions]; what is not said to be so comes from the first. The upper baseline compares dictionaries of one block between sets, that is, what comes back with the seed alone changed: at every step the smaller share of its two blocks. The lower one is the decoder of the next block with the elements of each row in another order.
#
# **Expectation.** At every step less persists than comes back with the seed alone changed at either of its blocks, but nearly as much, and nothing in shuffled rows. Features that fire often will persist more than rare ones.

# %%
decoders = [weights(both[point], "decoder") for point in blocks]
steps = [matching.step(a, b, alike) for a, b in itertools.pairwise(decoders)]
shuffled = [matching.step(a, matching.shuffled_elements(b, seed), alike).persists for a, b in itertools.pairwise(decoders)]
lasted_F = matching.chains(steps)

# %%
kept_of = np.array([[matching.step(weights(each[a], "decoder"), weights(each[b], "decoder"), alike).persists
                     for a, b in itertools.pairwise(blocks)] for each in sets])  # fmt: skip
kept = kept_of.mean(axis=0)

# %%
again_of = np.array([[returning(one[p], other[p]) for p in blocks] for one, other in itertools.permutations(sets, 2)])
limit_of = np.minimum(again_of[:, :-1], again_of[:, 1:])  # at every step the smaller share of both its ends
again_at = again_of.mean(axis=0)

# %%
preference, rate = {}, {}
for point in blocks:
    rates = [features.moments(codes[lang, point]).rate_F for lang in ("ko", "en")]
    preference[point], rate[point] = bilingual.language_preference(*rates), np.stack(rates)
overall = {point: rates.mean(axis=0) for point, rates in rate.items()}

# %%
goes_on = np.concatenate([step.partner_F >= 0 for step in steps])
how_often = np.concatenate([overall[point] for point in blocks[:-1]])
often = {name: float(np.median(how_often[mask])) if mask.any() else 0.0 for name, mask in (("persists", goes_on), ("vanishes", ~goes_on))}

# %%
for b, each in enumerate(steps):
    results.record(f"persists_b{b}", kept[b], "share", ".1%", interval=seed_range(kept_of[:, b]), tolerance=0.06)
    results.record(f"appears_b{b}", each.appears, "share", ".1%", tolerance=0.06)
results.record("n_sets", len(sets), "", tolerance=0)
for name, value in (("least", min(kept)), ("most", max(kept)), ("shuffled", max(shuffled))):
    results.record(f"persists_{name}", value, "share", ".1%", tolerance=0.06)
results.record("persists_least_block", int(np.argmin(kept)), "block", tolerance=len(blocks))
for b, value in enumerate(again_at):
    results.record(f"again_b{b}", value, "share", ".1%", interval=seed_range(again_of[:, b]), tolerance=0.06)
results.record("again_least", min(again_at), "share", ".1%", tolerance=0.06)
results.record("again_most", max(again_at), "share", ".1%", tolerance=0.06)

# %%
for name, value in often.items():
    results.record(f"often_{name}", value, "share of tokens", ".2%", tolerance=0.005)
results.record("lasts", float((lasted_F == len(steps)).mean()), "share", ".1%", tolerance=0.05)
results.claim("persists_above_chance", kept_of.min() > max(shuffled) + 0.01, "at every step more features persist than in shuffled rows, every set of seeds")
under, over = limit_of.min(axis=0) - kept_of.max(axis=0), kept_of.min(axis=0) - limit_of.max(axis=0)
results.claim("persists_below_seed", (under > 0).all(), "at every step fewer persist than come back with another seed at either block, ranges apart",
              against=(over > 0).any(), close=np.abs(under).min() < 0.06)  # fmt: skip
results.claim("frequent_persist", often["persists"] > often["vanishes"], "features that persist fire more often than those that vanish, by the median")

# %%
#| label: fig-match-blocks
#| fig-cap-ko: "이웃한 블록 사이에서 이어지는 특징(시드를 바꾼 벌들의 평균, 세로선은 벌에 걸친 가장 낮은 값에서 가장 높은 값까지)과 새로 나타나는 특징(첫 벌)의 비율. 점선은 걸음의 양 끝 블록에서 시드만 바꾸었을 때 다시 나타나는 비율 가운데 작은 쪽, 파선은 행의 원소를 섞은 사전이다."
#| fig-cap-en: "Shares of features that persist (means over sets of seeds; lines: lowest to highest over sets) and that appear (first set) between neighbouring blocks. Dotted: the smaller of the shares that come back with another seed at either block of the step; dashed: rows with shuffled elements."
#| fig-alt-ko: "블록 사이의 걸음마다 두 개의 막대와, 걸음에 걸친 두 개의 선."
#| fig-alt-en: "Two bars per step between blocks, and two lines over the steps."
fig, ax = plt.subplots(figsize=(0.75 * kc.plots.WIDTH, 2.5))
at = np.arange(len(steps))
ax.bar(at - 0.2, kept, 0.38, yerr=[kept - kept_of.min(axis=0), kept_of.max(axis=0) - kept], error_kw={"lw": 0.8}, label="persists")
ax.bar(at + 0.2, [each.appears for each in steps], 0.38, label="appears")
ax.plot(at, limit_of.mean(axis=0), color="#333333", ls=":", lw=1, marker=".")
ax.plot(at, shuffled, color="#333333", ls="--", lw=1)
ax.set(xlabel="step between blocks", ylabel="share of features", ylim=(0, 1), xticks=at, xticklabels=[f"{b}\u2192{b + 1}" for b in at])
ax.legend(ncols=2, loc="upper center")
kc.plots.save(fig, "fig-match-blocks")

# %%
vocabulary = [lm.tokenizer.decode([i]) for i in range(lm.model.get_input_embeddings().num_embeddings)]


def strongest(lang, feature, point=home, n=6):
    """The tokens, whole characters only, on which a feature spends most of its activation."""
    column = codes[lang, point][:, [feature]].toarray().ravel()
    sums = np.bincount(stores["test", lang][point].token_ids, column, minlength=len(vocabulary))
    whole = [i for i in np.argsort(-sums)[: 4 * n] if sums[i] > 0 and "\ufffd" not in vocabulary[i]]
    return ", ".join(f"[{vocabulary[i].strip() or ' '}]" for i in whole[:n])

# %%
def examples(fate, point, chosen_F):
    """The most frequent of some features, with their tokens in the language they fire in more."""
    most = [f for f in np.argsort(-overall[point]) if chosen_F[f]][: n_shown // 2]
    langs_of = ["ko" if preference[point][f] > 0 else "en" for f in most]
    return [{"fate": fate, "block": lm.resolve(point).block, "feature": int(f), "rate": f"{overall[point][f]:.1%}",
             "tokens": strongest(lang, f, point, 5)} for f, lang in zip(most, langs_of, strict=True)]  # fmt: skip

# %%
#| label: tbl-match-blocks
#| tbl-cap-ko: "첫 블록에서 마지막 블록까지 이어지는 특징, 마지막 걸음에서 사라지는 특징과 새로 나타나는 특징 가운데 자주 켜지는 것. rate는 두 언어의 토큰 가운데 켜진 비율, [ ] 안은 활성값이 가장 많이 몰리는 토큰이다."
#| tbl-cap-en: "Frequent features among those that go on from the first block to the last, and among those that vanish and appear at the last step. rate: share of both languages' tokens on which the feature is on; in [ ] the tokens on which it spends most activation."
fates = [("persists", blocks[0], lasted_F == len(steps)), ("vanishes", blocks[-2], steps[-1].partner_F < 0), ("appears", blocks[-1], steps[-1].appears_G)]
kc.plots.table(pd.DataFrame([row for fate in fates for row in examples(*fate)]))

# %% [markdown] tags=["ko"]
# 이웃한 블록 사이에서 이어지는 특징은 걸음마다 {{< var c08.persists_least >}}에서 {{< var c08.persists_most >}}이다([@fig-match-blocks]). 섞은 디코더에는 많아야 {{< var c08.persists_shuffled >}}가 이어지고, 한 블록에서 시드만 바꾸면 블록에 따라 {{< var c08.again_least >}}에서 {{< var c08.again_most >}}가 다시 나타난다. [어느 벌, 어느 걸음에서나 우연보다 많이 이어진다.]{.claim key="c08.persists_above_chance"} [어느 걸음에서나 이어지는 것은 양 끝의 어느 블록에서 시드만 바꾼 것보다도 적고, 벌에 걸친 범위가 떨어져 있다. 곧 블록 하나를 지나면 시드를 바꿀 때보다 특징이 더 많이 달라진다.]{.claim key="c08.persists_below_seed"}[벌에 걸친 범위로 보아, 이어지는 것이 양 끝의 블록에서 시드만 바꾼 것보다 적다고 할 수 없는 걸음이 있다. 그러니 블록 하나를 지날 때마다 시드를 바꿀 때보다 특징이 더 많이 달라진다고는 할 수 없다.]{.otherwise} 가장 적게 이어지는 것은 블록 {{< var c08.persists_least_block >}}에서 다음 블록으로 가는 걸음이다. 첫 블록의 특징 가운데 마지막 블록까지 한 걸음도 끊기지 않고 이어지는 것은 {{< var c08.lasts >}}이다.
#
# 이어지는 특징이 켜지는 비율의 중앙값은 {{< var c08.often_persists >}}, 사라지는 특징은 {{< var c08.often_vanishes >}}이다. [자주 켜지는 특징이 더 이어진다.]{.claim key="c08.frequent_persist"}[자주 켜지는 특징이 더 이어지지는 않는다.]{.otherwise} [@tbl-match-blocks]에서 끝까지 이어지는 것과 마지막 걸음에서 바뀌는 것을 견주어 볼 수 있다. 다만 여기에서 사라졌다는 것은 그 방향이 사전에서 사라졌다는 뜻이다. 가운데 블록에서는 시드만 바꾸어도 {{< var c08.gone_again >}}가 사라지므로, 모델이 그 내용을 버렸다고 읽어서는 안 된다.

# %% [markdown] src="da47" tags=["en"]
# Between neighbouring blocks {{< var c08.persists_least >}} to {{< var c08.persists_most >}} of the features persist, step by step ([@fig-match-blocks]); in the shuffled decoder at most {{< var c08.persists_shuffled >}} do, and with another seed in one block {{< var c08.again_least >}} to {{< var c08.again_most >}} come back, depending on the block. [In every set and at every step more persist than by chance.]{.claim key="c08.persists_above_chance"} [At every step fewer persist than come back with the seed alone changed at either of its blocks, and the ranges over sets lie apart: one block changes more than the seed.]{.claim key="c08.persists_below_seed"}[By the ranges over sets there is a step at which it cannot be said that fewer persist than come back with the seed alone changed at either block: one block cannot be said to change more than the seed at every step.]{.otherwise} The fewest persist at the step from block {{< var c08.persists_least_block >}} to the next. Of the features of the first block, {{< var c08.lasts >}} go on to the last one without missing a step.
#
# The median rate of firing is {{< var c08.often_persists >}} for features that persist and {{< var c08.often_vanishes >}} for those that vanish. [Features that fire often persist more.]{.claim key="c08.frequent_persist"}[Features that fire often do not persist more.]{.otherwise} [@tbl-match-blocks] sets those that go on to the end beside those that change at the last step. But to vanish means here that a direction has gone from the dictionary. In the middle block {{< var c08.gone_again >}} of them go with the seed alone, so this must not be read as the model having dropped what they stood for.

# %% [markdown] tags=["ko"]
# ## 블록을 따라가는 지도 {#sec-match-map}
#
# 모든 블록의 디코더 방향을 한 번에 UMAP으로 펼치고, 블록마다 그 블록의 특징만 그린다. 좌표가 같으므로 옆 칸으로 옮겨 가며 지도의 같은 곳을 보면 된다. 색은 세 가지이다. 어느 언어에서 켜지는지, 얼마나 자주 켜지는지, 어느 주제에서 켜지는지이다. 주제는 특징의 주제별 평균을 모두 더한 것 가운데 한 주제가 고르게 나눈 몫의 세 배 넘게 차지할 때에만 칠한다. 그림을 보기 전에, 디코더의 원래 공간에서 가장 가까운 {{< var c08.n_near >}}개가 같은 색일 비율을 라벨을 섞은 것과 견준다([@sec-visualization]).
#
# **예상.** 언어는 뚜렷이 갈릴 것이다. 토큰이 겹치지 않기 때문이다. 주제는 우연보다는 모이되 덩어리를 이루지는 않을 것이다.

# %% [markdown] src="4437" tags=["en"]
# ## A map to follow through the blocks {#sec-match-map}
#
# All blocks' decoder directions are laid out by UMAP at once, and each panel shows one block's features. Since coordinates are the same, one may look at one place from panel to panel. Colours are of three kinds: in which language a feature fires, how often, and for which topic. A topic is painted only where it holds over three times its even share of the sum of the feature's means by topic. Before looking at the picture we compare, in the original space of the decoder, the share of the {{< var c08.n_near >}} nearest that have the same colour with that of shuffled labels ([@sec-visualization]).
#
# **Expectation.** Languages will part clearly, since their tokens do not overlap. Topics will gather more than by chance but form no clumps.

# %%
documents_of = {}
for (split, lang), point in itertools.product(stores, blocks):
    documents_of[split, lang, point] = kc.document_features(both[point], stores[split, lang][point], pool="mean")
big = {lang: texts["test", lang].label("big") for lang in ("ko", "en")}

# %%
colours = {}
for point in blocks:
    tongue = np.where(preference[point] > 0.5, "ko", np.where(preference[point] < -0.5, "en", "both"))
    means = sum(features.class_means(documents_of["test", lang, point], big[lang])[1] for lang in ("ko", "en"))
    names, share_F = features.main_class(means, np.unique(big["ko"]))
    clear_F = share_F > 3 / len(means)
    colours[point] = {"language": np.where(overall[point] > 0, tongue, ""), "topic": np.where(clear_F, names, "")}

# %%
pure = {(kind, point): layout.labelled_purity(weights(both[point], "decoder").numpy(), colours[point][kind], n_near, times=shuffles, seed=seed)
        for kind in ("language", "topic") for point in blocks}  # fmt: skip

# %%
for (kind, point), (found, chance, some) in pure.items():
    block = point.split(".")[0]
    results.record(f"painted_{kind}_{block}", some, "features", tolerance=30)
    if not np.isnan(found):
        results.record(f"purity_{kind}_{block}", found, "share", ".2f", tolerance=0.08)
        results.record(f"purity_{kind}_chance_{block}", chance, "share", ".2f", tolerance=0.08)
results.record("n_near", n_near, "features", tolerance=0)
for kind in ("language", "topic"):
    found, chance, some = np.array([pure[kind, point] for point in blocks]).T
    results.record(f"purity_{kind}", np.nan_to_num(np.nanmean(found)) if (some > n_near).any() else 0.0, "share", ".2f", tolerance=0.08)
    results.record(f"purity_{kind}_chance", np.nan_to_num(np.nanmean(chance)) if (some > n_near).any() else 0.0, "share", ".2f", tolerance=0.08)
    results.claim(f"{kind}_gathers", (found > chance).all(), f"in every block features of one {kind} are nearer than with 97.5% of shuffled labels")

# %%
rng = np.random.default_rng(seed)
chosen = {}
for point in drawn:
    live_F = np.flatnonzero(overall[point] > 0)
    chosen[point] = np.sort(rng.choice(live_F, min(n_drawn, len(live_F)), replace=False))
rows_of = np.cumsum([0, *(len(each) for each in chosen.values())])
laid = layout.embed(torch.cat([weights(both[p], "decoder")[chosen[p]] for p in drawn]).numpy(), seed=seed)

# %%
topics, counts = np.unique(np.concatenate([colours[p]["topic"][chosen[p]] for p in drawn]), return_counts=True)
shown_topics = [t for t in topics[np.argsort(-counts)] if t][:6]
hue = dict(zip(shown_topics, kc.plots.palette(6), strict=False))
tongue_hue = kc.plots.LANGUAGE_COLORS | {"both": "#999999", "": "#dddddd"}

# %%
scale = plt.Normalize(*np.log10(np.quantile(np.concatenate([overall[p][chosen[p]] for p in drawn]), [0.02, 0.98])))

def paint(point, kind):
    if kind == "frequency":
        return list(plt.get_cmap(kc.plots.SEQUENTIAL)(scale(np.log10(overall[point][chosen[point]]))))
    labels = colours[point][kind][chosen[point]]
    return [tongue_hue[x] for x in labels] if kind == "language" else [hue.get(x, "#dddddd") for x in labels]

# %%
#| label: fig-match-map
#| fig-cap-ko: "블록마다 특징의 디코더 방향을 한 UMAP에 펼친 것. 열은 블록, 줄은 색이다. 위: 언어(파랑 한국어, 빨강 영어, 회색 둘 다). 가운데: 켜지는 비율(짙을수록 자주). 아래: 주제가 뚜렷한 특징의 주제(많은 여섯, 나머지는 옅은 회색)."
#| fig-cap-en: "Decoder directions of features on one UMAP; columns are blocks, rows are colourings. Top: language (blue Korean, red English, grey both). Middle: rate of firing (darker is more often). Bottom: topic of features that have a clear one (the six most common; others pale grey)."
#| fig-alt-ko: "블록이 열이고 색칠이 줄인 작은 산점도들. 블록을 옮겨도 좌표는 같다."
#| fig-alt-en: "Small scatter plots with blocks as columns and colourings as rows; coordinates are the same in all."
kinds = ("language", "frequency", "topic")
fig, panels = plt.subplots(3, len(drawn), figsize=(kc.plots.WIDTH, 3.9), sharex=True, sharey=True, squeeze=False)
for (i, kind), (j, point) in itertools.product(enumerate(kinds), enumerate(drawn)):
    ax, xy = panels[i, j], laid[rows_of[j] : rows_of[j + 1]]
    c = paint(point, kind)
    order = np.argsort([colour != "#dddddd" for colour in c], kind="stable") if kind == "topic" else np.arange(len(xy))
    ax.scatter(*xy[order].T, c=[c[k] for k in order], s=2.5, lw=0, rasterized=True)
    ax.set(xticks=[], yticks=[])
    if i == 0:
        ax.set_title(f"block {lm.resolve(point).block}", fontsize=8)
    if j == 0:
        ax.set_ylabel(kind)
marks = [plt.Line2D([], [], marker="o", ls="", ms=4, color=colour, label=name) for name, colour in hue.items()]
if marks:
    fig.legend(handles=marks, ncols=6, loc="outside lower center", fontsize=7, handletextpad=0.1, columnspacing=1)
kc.plots.save(fig, "fig-match-map")

# %% [markdown] tags=["ko"]
# 가장 가까운 {{< var c08.n_near >}}개가 같은 언어의 특징일 비율은 블록 평균 {{< var c08.purity_language >}}이고, 라벨을 섞으면(97.5% 분위) {{< var c08.purity_language_chance >}}이다. [모든 블록에서 같은 언어의 특징이 우연보다 가까이 있다.]{.claim key="c08.language_gathers"} 주제는 {{< var c08.purity_topic >}}, 섞으면 {{< var c08.purity_topic_chance >}}이다. [주제도 모든 블록에서 우연보다 모인다.]{.claim key="c08.topic_gathers"}[주제는 우연보다 모이지 않는 블록이 있다.]{.otherwise} [@fig-match-map]의 윗줄을 왼쪽에서 오른쪽으로 따라가면 같은 곳에 남는 점과 옮겨 가는 점이 있다. 모든 블록을 한 번에 펼쳤으므로, 한 덩어리가 통째로 옮겨 가는 것은 방향이 블록을 지나며 함께 도는 것일 수 있으나, UMAP의 먼 거리에는 뜻이 없으므로 그림만으로는 알 수 없다. 둘째 줄의 짙은 점, 곧 자주 켜지는 특징은 수가 적다. 그림의 덩어리는 이 순도가 말해 주는 만큼만 믿을 수 있다.

# %% [markdown] src="f230" tags=["en"]
# The share of the {{< var c08.n_near >}} nearest that are features of the same language is {{< var c08.purity_language >}} on average over blocks; with shuffled labels (97.5% quantile) it is {{< var c08.purity_language_chance >}}. [In every block features of one language are nearer than by chance.]{.claim key="c08.language_gathers"} For topics it is {{< var c08.purity_topic >}}, and {{< var c08.purity_topic_chance >}} with shuffled labels. [Topics gather more than by chance in every block, too.]{.claim key="c08.topic_gathers"}[In some block topics gather no more than by chance.]{.otherwise} Following the top row of [@fig-match-map] from left to right, some dots stay and some move. Since all blocks were laid out at once, where a whole clump moves, its directions may be turning together on the way through the blocks; but far distances of UMAP mean nothing, so the picture alone cannot tell. Dark dots of the second row, features that fire often, are few. The clumps of the picture are to be believed as far as these purities go and no further.

# %% [markdown] tags=["ko"]
# ## 두 언어에 걸친 특징 {#sec-match-languages}
#
# 합성 말뭉치의 문장은 한국어와 영어가 짝을 이루고, 문장마다 주제(큰 범주)와 소재(작은 범주)가 있다. 특징마다 주제별 평균 활성값을 구하고, 이 프로필이 두 언어에서 함께 움직이는 정도를 상관으로 잰다. 소재도 같은 방법으로 재되, 주제의 평균을 빼어 같은 주제의 소재를 가리는 몫만 남긴다. 영어 쪽의 라벨을 뒤섞어 같은 것을 {{< var c08.shuffles >}}번 다시 재면 우연의 분포가 나온다. 그 99.9% 분위를 넘는 특징을 훈련 문장에서 고르고, 문장틀이 다른 시험 문장에서도 넘는지를 본다. 마지막으로 범주를 거치지 않고, 문장마다의 활성값이 그 번역문의 활성값과 함께 움직이는 정도를 재어 번역문을 뒤섞은 것과 견준다. 문턱은 모든 특징의 뒤섞은 상관을 한데 모아 정하므로, 우연히 넘는 것은 특징 전체의 평균으로 천에 하나이고 뽑힌 특징에서는 그보다 잦을 수 있다. 주제, 소재, 문장마다 훈련 문장에서 고른 특징이 가장 많은 블록 하나를 정하여 그 블록의 시험 문장에서 묻는다. 시험 문장을 보고 블록을 정하면 우연히 많이 남은 블록을 고르게 되기 때문이다. 셋 이상이 남고 그 비율의 윌슨 구간이 1% 위에 있으면 그런 특징이 있다고 한다. 고른 것이 셋에 이르지 못하면 물을 수 없으므로 판정하지 않는다. 고른 것이 몇 개뿐이면 셋이 남기 어려우므로 없다는 판정은 약하고, 둘만 남아도 그 비율은 우연보다 훨씬 높을 수 있다.
#
# **예상.** 모델은 두 언어를 따로 배웠고 번역문을 나란히 읽은 적이 거의 없다. 그러므로 앞쪽 블록에는 그런 특징이 거의 없고, 가운데나 뒤쪽 블록에 조금 있을 것이다. 시험 문장에서 살아남는 것이 몇 개도 되지 않는다면, 이 모델에는 두 언어에 걸친 특징이 없다고 해야 한다.

# %% [markdown] src="30f5" tags=["en"]
# ## Features across two languages {#sec-match-languages}
#
# Sentences of the synthetic corpus come in pairs, Korean and English, and each has a topic (its big category) and an item (its small one). For every feature we take its mean activation by topic, and measure by correlation how far this profile moves together in both languages. Items are measured in the same way, less the mean of their topic, which leaves what tells apart the items of one topic. Shuffling the labels on the English side, {{< var c08.shuffles >}} times, gives the distribution by chance. Features above its 99.9% quantile are chosen on training sentences, and we see whether they exceed it on test sentences, which have other templates, as well. Last, without classes, we measure how far a feature's activation on a sentence moves together with that on its translation, against shuffled translations. Since the bound is taken over the shuffled correlations of all features together, one in a thousand exceeds it by chance on average over all features, and among those chosen it may be more. For topics, items and sentences alike we ask in one block, the one with the most features chosen on training sentences, on test sentences there; a block chosen by test sentences would be one where many happen to survive. We say that there are such features if three or more survive and the Wilson interval of their share lies above 1%. Where fewer than three were chosen, the question cannot be asked and is left undecided. Where only a few were chosen three can hardly survive, so that a verdict against is weak, and even two may be a share far above chance.
#
# **Expectation.** The model learnt the two languages apart and has hardly read translations side by side. So early blocks will have almost no such features, and middle or late ones a few. If no more than a handful survives on test sentences, we have to say that this model has no features across languages.

# %%
rows_of_pairs = {split: bilingual.paired_rows(texts[split, "ko"].label("pair"), texts[split, "en"].label("pair")) for split in ("train", "test")}
small_label = "small" if "small" in texts["train", "ko"].label_names else "big"


def profiles(documents, split, level):
    """Each feature over topics, items or sentences: the Korean side and the English one."""
    found = []
    for lang, rows_M in zip(("ko", "en"), rows_of_pairs[split], strict=True):
        records = texts[split, lang].subset(rows_M)
        found.append(bilingual.profiles(documents[split, lang][rows_M], level, records.label("big"), records.label(small_label)))
    return tuple(found)

# %%
def moving_together(documents, level):
    """Which features move together in both languages: on training sentences, and on test sentences as well."""
    return bilingual.moving_together(*(profiles(documents, split, level) for split in ("train", "test")), shuffles, seed=seed)

# %%
shared, crossing = [], {}
for level, point in itertools.product(("topic", "item", "sentence"), blocks):
    chosen_F, survive_F = moving_together({key: documents_of[*key, point] for key in texts}, level)
    crossing[level, point], n, k = np.flatnonzero(survive_F), int(chosen_F.sum()), int(survive_F.sum())
    low, high = stats.binomtest(k, max(n, 1)).proportion_ci(method="wilson")
    shared.append({"level": level, "block": lm.resolve(point).block, "chosen": n, "survive": k, "low": low, "high": high})
shared = pd.DataFrame(shared)

# %%
def reading_sentences(dictionaries):
    """By block, how many features move with the sentence in both languages, in training and test."""
    found = []
    for point in blocks:
        documents = {key: kc.document_features(dictionaries[point], stores[key][point], pool="mean") for key in texts}
        found.append(int(moving_together(documents, "sentence")[1].sum()))
    return found

# %%
for row in shared.itertuples():
    results.record(f"chosen_{row.level}_b{row.block}", row.chosen, "features", tolerance=30)
    results.record(f"survive_{row.level}_b{row.block}", row.survive, "features", tolerance=25)
results.record("shuffles", shuffles, "shuffles", tolerance=0)

# %%
by_set = np.array([shared[shared.level == "sentence"].survive.tolist(), *map(reading_sentences, more)])
early_B = np.arange(lm.n_blocks) < lm.n_blocks / 2
halves = {"early": by_set[:, early_B].sum(axis=1), "late": by_set[:, ~early_B].sum(axis=1)}
for name, value in halves.items():
    results.record(f"sentence_{name}", value.mean(), "features", ".1f", interval=seed_range(value), tolerance=15)
results.claim("sentence_earlier", (halves["early"] > halves["late"]).all(), "more features read sentences in both languages in the early half of the blocks, every set of seeds",
              against=(halves["early"] < halves["late"]).all(), close=np.abs(halves["early"] - halves["late"]).min() < 10)  # fmt: skip

# %%
asked = {level: part.loc[part.chosen.idxmax()] for level, part in shared.groupby("level")}  # by training sentences alone
holds = {level: at.survive >= 3 and at.low > 0.01 for level, at in asked.items()}
denied = {level: at.chosen >= 3 and (at.survive < 3 or at.high < 0.01) for level, at in asked.items()}

# %%
for level, at in asked.items():
    results.record(f"most_block_{level}", int(at.block), "block", tolerance=len(blocks))
    results.record(f"most_{level}", int(at.survive), "features", tolerance=25)
    results.record(f"of_{level}", int(at.chosen), "features", tolerance=30)
    results.record(f"rate_{level}", at.survive / max(at.chosen, 1), "share", ".0%", interval=(at.low, at.high), tolerance=0.3)

# %%
either = {level: (level,) for level in asked} | {"class": ("topic", "item"), "any": tuple(asked)}
for name, levels in either.items():
    results.claim(f"across_{name}", any(holds[level] for level in levels),
                  f"{' or '.join(levels)}: in the block with most chosen at least 3 survive, more than 1% of those chosen",
                  against=all(denied[level] for level in levels), close=max(asked[level].survive for level in levels) < 10)  # fmt: skip

# %%
single = {p: [float((sign * preference[p] > 0.9).mean()) for sign in (1, -1)] for p in blocks}

# %%
for point, (ko, en) in single.items():
    results.record(f"only_ko_{point.split('.')[0]}", ko, "share", ".1%", tolerance=0.06)
    results.record(f"only_en_{point.split('.')[0]}", en, "share", ".1%", tolerance=0.06)
first, last = sum(single[blocks[0]]), sum(single[blocks[-1]])
results.record("only_first", first, "share", ".1%", tolerance=0.08)
results.record("only_last", last, "share", ".1%", tolerance=0.08)
results.claim("single_grows", last > first, "more features belong to one language in the last block than in the first", close=abs(last - first) < 0.08)

# %%
#| label: fig-match-languages
#| fig-cap-ko: "왼쪽: 소재(item), 주제(topic), 문장(sentence)의 프로필이 두 언어에서 함께 움직이는 특징의 수(옅은 막대, 훈련 문장에서 고른 것)와, 그 가운데 시험 문장에서도 그러한 것(짙은 막대). 오른쪽: 언어 선호의 분포. 1은 한국어에서만, −1은 영어에서만 켜지는 특징이다. 첫 벌의 사전에서 쟀다."
#| fig-cap-en: "Left: features whose profile over items, topics or sentences moves together in both languages (pale bars, chosen on training sentences), and those of them that do so on test sentences (full bars). Right: distribution of language preference; 1 is a feature that fires in Korean alone, −1 in English alone. Dictionaries of the first set."
#| fig-alt-ko: "왼쪽은 블록마다 세 개의 막대, 오른쪽은 첫 블록과 마지막 블록의 언어 선호 히스토그램."
#| fig-alt-en: "Left: three bars per block. Right: histograms of language preference for the first and the last block."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 3.0))
for (level, part), shift in zip(shared.groupby("level"), (-0.27, 0, 0.27), strict=True):
    bars = left.bar(part.block + shift, part.chosen, 0.25, alpha=0.35)
    left.bar(part.block + shift, part.survive, 0.25, label=level, color=bars[0].get_facecolor()[:3])
left.set(xlabel="block", ylabel="features", xticks=range(lm.n_blocks), ylim=(0, 1.4 * max(shared.chosen.max(), 1)))
left.legend(ncols=3, fontsize="small", handlelength=1, columnspacing=1)
for point in (blocks[0], blocks[-1]):
    right.hist(preference[point], bins=np.linspace(-1, 1, 21), histtype="step", label=f"block {lm.resolve(point).block}")
right.set(xlabel="language preference", ylabel="features")
right.legend(loc="upper center")
kc.plots.save(fig, "fig-match-languages")

# %%
best_point = f"b{asked['sentence'].block}.resid_post"
across_F = sorted(crossing["sentence", best_point], key=lambda f: -overall[best_point][f])[:n_shown]

# %%
#| label: tbl-match-across
#| tbl-cap-ko: "문장과 그 번역문에서 함께 움직이며 시험 문장에서도 살아남은 특징 가운데 자주 켜지는 것(훈련 문장에서 고른 것이 가장 많은 블록). ko와 en은 그 언어에서 활성값이 가장 많이 몰리는 토큰이다. 비어 있으면 살아남은 것이 없다."
#| tbl-cap-en: "Frequent ones of the features that move together on sentences and their translations and survive on test sentences (block with most chosen on training sentences). ko, en: tokens of that language on which they spend most activation. Empty where none survives."
table = [{"feature": int(f), "ko": strongest("ko", f, best_point, 5), "en": strongest("en", f, best_point, 5)} for f in across_F]
kc.plots.table(pd.DataFrame(table, columns=["feature", "ko", "en"]))

# %%
grammar = {"ko": ("particle", "ending", "either"), "en": tuple(bilingual.ENGLISH)}
kinds_of, main_of = {}, {}
for lang, tongue in (("ko", 1), ("en", -1)):
    store = stores["test", lang][home]
    first = 0 if lm.bos_id is None else 1
    spelt = [bilingual.token_kinds(text, lm.token_spans(text), lang) for text in store.texts()]
    kinds_of[lang] = np.array([spelt[d][at - first] for d, at in zip(store.doc_index, store.positions, strict=True)])
    own = np.flatnonzero(tongue * preference[home] > 0.9)
    main_of[lang] = bilingual.main_kind(codes[lang, home], kinds_of[lang])[0][own[np.argsort(-overall[home][own])]]

# %%
kinds_table = []
for lang, mains in main_of.items():
    top = mains[: max(len(mains) // 4, 1)]
    for kind in (*grammar[lang], "content", "sign", "mixed"):
        shares = [float(np.mean(names == kind)) if len(names) else 0.0 for names in (kinds_of[lang], mains, top)]
        kinds_table.append({"language": lang, "kind": kind, **dict(zip(("tokens", "features", "frequent"), shares, strict=True))})
kinds_table = pd.DataFrame(kinds_table)

# %%
for lang, each in kinds_table.groupby("language"):
    total = each[each.kind.isin(grammar[lang])][["tokens", "features", "frequent"]].sum()
    for name, value in total.items():
        results.record(f"grammar_{name}_{lang}", value, "share", ".0%", tolerance=0.1)
    results.claim(f"grammar_frequent_{lang}", total.frequent > total.features, f"{lang}: grammar holds more of the most frequent quarter of features than of all",
                  close=abs(total.frequent - total.features) < 0.05)  # fmt: skip
    results.claim(f"grammar_over_{lang}", total.features > total.tokens, f"{lang}: grammar holds more of the features than of the tokens",
                  close=abs(total.features - total.tokens) < 0.05)  # fmt: skip
    results.record(f"single_{lang}", len(main_of[lang]), "features", tolerance=40)

# %%
content = kinds_table[kinds_table.kind == "content"].features.min()
results.record("content_least", content, "share", ".0%", tolerance=0.1)
results.claim("content_most", content > 0.5, "in both languages over half of the features of one language spend themselves on words of content", close=abs(content - 0.5) < 0.1)

# %%
#| label: tbl-match-kinds
#| tbl-cap-ko: "가운데 층에서 한 언어에서만 켜지는 특징의 활성값이 절반이 넘게 몰리는 토큰의 갈래. tokens: 그 언어의 토큰 가운데 그 갈래의 비율, features: 그런 특징의 비율, frequent: 자주 켜지는 사분의 일에서의 비율. either는 조사와 어미에 다 있는 꼴(은, 는, 고, 나)이다."
#| tbl-cap-en: "Kinds of tokens on which features of one language, at the middle layer, spend over half of their activation. tokens: share of that kind among the language's tokens; features: share of such features; frequent: the same among the quarter that fires most. either: forms that are particles and endings alike."
kc.plots.table(kinds_table, ".1%")

# %%
single_F = {"Korean": rate[home][0] * (preference[home] > 0.9), "English": rate[home][1] * (preference[home] < -0.9)}
frequent = {name: np.argsort(-rates)[:n_shown] for name, rates in single_F.items()}

# %%
#| label: tbl-match-languages
#| tbl-cap-ko: "가운데 층에서 한 언어에서만 켜지는 특징 가운데 자주 켜지는 것과, 활성값이 가장 많이 몰리는 토큰([ ] 안). rate는 그 언어의 토큰 가운데 켜진 비율이다."
#| tbl-cap-en: "The most frequent of the features of one language at the middle layer, with the tokens, in [ ], on which they spend most activation. rate: share of that language's tokens on which the feature is on."
table = [{"language": language, "feature": int(f), "rate": f"{rate[home][row][f]:.1%}", "tokens": strongest(lang, f)}
         for row, (language, lang) in enumerate((("Korean", "ko"), ("English", "en"))) for f in frequent[language]]  # fmt: skip
kc.plots.table(pd.DataFrame(table))

# %% [markdown] tags=["ko"]
# 훈련 문장에서 고른 특징이 가장 많은 블록에서, 두 언어에서 같은 주제에 켜지는 특징은 고른 {{< var c08.of_topic >}}개 가운데 {{< var c08.most_topic >}}개가, 같은 소재에 켜지는 특징은 {{< var c08.of_item >}}개 가운데 {{< var c08.most_item >}}개가 시험 문장에서도 살아남았다([@fig-match-languages]). 범주를 거치지 않고 문장과 그 번역문에서 함께 움직이는 특징은 블록 {{< var c08.most_block_sentence >}}에서 고른 {{< var c08.of_sentence >}}개 가운데 {{< var c08.most_sentence >}}개이다. [두 언어에서 주제를 함께 따라가는 특징은 셋 이상이고 우연을 웃돈다.]{.claim key="c08.across_topic"}[두 언어에서 주제를 함께 따라가는 특징은 셋에 이르지 못하거나, 우연을 웃돈다고 할 수 없다.]{.otherwise} [소재를 함께 따라가는 특징은 셋 이상이고 우연을 웃돈다.]{.claim key="c08.across_item"}[소재를 함께 따라가는 특징은 셋에 이르지 못하거나, 우연을 웃돈다고 할 수 없다.]{.otherwise} [주제와 소재 가운데 적어도 하나에는 그런 특징이 있다.]{.claim key="c08.across_class"}[그러니 이 기준으로는 주제에도 소재에도 그런 특징이 있다고 할 수 없다. 그런 특징이 없다는 뜻은 아니다.]{.otherwise} [문장과 그 번역문에서 함께 움직이는 특징은 셋 이상이고 우연을 웃돈다. 무엇을 읽는지는 [@tbl-match-across]의 토큰에서 짐작할 수 있다. 문장의 뜻보다는 문장 부호나 수사, 소유격처럼 번역하여도 남는 겉모습일 수 있다.]{.claim key="c08.across_sentence"}[문장과 그 번역문에서 함께 움직이는 특징은 셋에 이르지 못하거나, 우연을 웃돈다고 할 수 없다([@tbl-match-across]).]{.otherwise} [두 언어에 걸친 특징이 이 모델에 있기는 하다.]{.claim key="c08.across_any"}[그러니 이 기준으로는 이 모델과 이 사전에 두 언어에 걸친 특징이 있다고 할 수 없다. 다른 블록에 남은 것은 [@fig-match-languages]에 있으나, 시험 문장을 보고 고르는 셈이 되므로 근거로 삼지 않는다. 번역문으로 배운 적이 거의 없는 모델에게 두 언어는 서로 다른 두 묶음의 토큰일 수 있다.]{.otherwise} 문장과 그 번역문에서 함께 움직이는 특징은 시드를 바꾼 {{< var c08.n_sets >}}벌의 평균으로 앞쪽 절반의 블록에 {{< var c08.sentence_early >}}개, 뒤쪽 절반에 {{< var c08.sentence_late >}}개이다. [예상과 달리 어느 벌에서나 앞쪽에 더 많다. 두 언어가 뒤쪽 블록의 뜻보다 앞쪽 블록의 겉모습에서 만나는 것일 수 있다.]{.claim key="c08.sentence_earlier"}[모든 벌에서 앞쪽에 더 많은 것은 아니다.]{.otherwise} 다만 소재마다 문장이 몇 개뿐이라 약한 상관은 놓쳤을 수 있다.
#
# 언어 선호의 분포는 양 끝에 몰려 있다. 한 언어에서만 켜지는 특징(언어 선호의 절댓값이 0.9를 넘는 것)은 첫 블록에서 {{< var c08.only_first >}}, 마지막 블록에서 {{< var c08.only_last >}}이다. [마지막 블록에서 더 많다.]{.claim key="c08.single_grows"}[마지막 블록에서 더 많지는 않다.]{.otherwise} 한 벌에서 구간 없이 잰 것이어서 몇 %포인트의 차이로는 말할 것이 적다. 마지막 블록이 크게 앞선다면, 뒤로 갈수록 다음 토큰을 고르는 데에 쓰이고 다음 토큰은 거의 언제나 같은 언어의 것이기 때문이라고 볼 수 있다.
#
# 그런 특징은 무엇인가? 가운데 층에서 한국어에서만 켜지는 특징 {{< var c08.single_ko >}}개 가운데 활성값의 절반이 넘게 조사나 어미에 몰린 것은 {{< var c08.grammar_features_ko >}}이고, 자주 켜지는 사분의 일에서는 {{< var c08.grammar_frequent_ko >}}이다. 한국어 토큰 가운데 조사와 어미는 {{< var c08.grammar_tokens_ko >}}이다([@tbl-match-kinds]). [조사와 어미에 쏠린 특징의 비율이 토큰에서의 비율보다 높다.]{.claim key="c08.grammar_over_ko"}[조사와 어미에 쏠린 특징의 비율은 토큰에서의 비율보다 높지 않다.]{.otherwise} [자주 켜지는 것에는 더 많다.]{.claim key="c08.grammar_frequent_ko"}[자주 켜지는 것에 더 많지도 않다.]{.otherwise} 영어에서만 켜지는 특징 {{< var c08.single_en >}}개에서 관사, 전치사, 대명사, 조동사, 접속사의 것은 {{< var c08.grammar_features_en >}}, 자주 켜지는 사분의 일에서 {{< var c08.grammar_frequent_en >}}, 토큰 가운데 {{< var c08.grammar_tokens_en >}}이다. [영어에서는 토큰의 비율보다 많다.]{.claim key="c08.grammar_over_en"}[영어에서는 토큰의 비율보다 많지 않다.]{.otherwise} [영어에서는 자주 켜지는 것에 더 많다.]{.claim key="c08.grammar_frequent_en"}[영어에서는 자주 켜지는 것에 더 많지 않다.]{.otherwise} [두 언어 모두에서, 한 언어에서만 켜지는 특징의 절반이 넘는 수는 활성값의 절반 넘는 몫이 내용으로 센 토큰에 몰려 있다. 다만 내용은 토큰에서도 가장 흔한 갈래이다([@tbl-match-kinds]).]{.claim key="c08.content_most"}[한 언어에서만 켜지는 특징의 절반이 넘는 수가 활성값의 절반 넘는 몫을 내용으로 센 토큰에 쓰는 것은, 두 언어 모두에서 그러하지는 않다.]{.otherwise} 갈래는 형태소 분석 없이 어절의 꼴로만 나눈 것이어서, 어절 가운데의 선어말 어미나 조사 없이 쓰인 의존 명사와 대명사는 한국어에서 내용으로 셌다. 토큰의 비율도 우연의 기준선이 아니다. 가리지 않고 켜지는 특징은 가장 흔한 내용의 것이 되고, 여러 문법 갈래에 나뉘어 켜지는 특징은 어느 갈래의 것도 되지 못하므로, 특징에서 문법의 비율은 낮게 나온다. [@tbl-match-languages]에는 자주 켜지는 것과 그 토큰을 늘어놓았다.

# %% [markdown] src="e4e9" tags=["en"]
# In the block with the most features chosen on training sentences, of {{< var c08.of_topic >}} chosen for firing for the same topic in both languages {{< var c08.most_topic >}} survive on test sentences, of {{< var c08.of_item >}} for the same item {{< var c08.most_item >}} ([@fig-match-languages]). Without classes, of {{< var c08.of_sentence >}} chosen in block {{< var c08.most_block_sentence >}} for moving together on sentences and their translations {{< var c08.most_sentence >}} do. [Features that read topics in both languages number three or more, above chance.]{.claim key="c08.across_topic"}[Features that read topics in both languages number fewer than three or cannot be said to be above chance.]{.otherwise} [Features that read items in both number three or more, above chance.]{.claim key="c08.across_item"}[Features that read items in both number fewer than three or cannot be said to be above chance.]{.otherwise} [For topics or for items, at least, there are such features.]{.claim key="c08.across_class"}[So by this criterion there cannot be said to be such features for topics or for items, which does not mean that there are none.]{.otherwise} [Features that read sentences in both number three or more, above chance; the tokens of [@tbl-match-across] let one guess what they read. It may be less what a sentence means than what a translation keeps of its surface, such as punctuation, numerals or possessives.]{.claim key="c08.across_sentence"}[Features that read sentences in both number fewer than three or cannot be said to be above chance ([@tbl-match-across]).]{.otherwise} [This model does have features across languages.]{.claim key="c08.across_any"}[So by this criterion this model with these dictionaries cannot be said to have features across languages. What survives in other blocks is in [@fig-match-languages], but to rest on it would be to choose by test sentences. To a model that has hardly learnt from translations, two languages may be two separate sets of tokens.]{.otherwise} On average over {{< var c08.n_sets >}} sets of seeds, features that read sentences in both number {{< var c08.sentence_early >}} in the early half of the blocks and {{< var c08.sentence_late >}} in the late half. [Against our expectation there are more in the early half, in every set: the two languages may meet in the surface that early blocks see rather than in the meaning of late ones.]{.claim key="c08.sentence_earlier"}[Not in every set are there more in the early half.]{.otherwise} With only a few sentences per item, weak correlations may have been missed.
#
# Language preference crowds at both ends. Features that fire in one language alone (those whose language preference exceeds 0.9 in size) are {{< var c08.only_first >}} in the first block and {{< var c08.only_last >}} in the last. [There are more in the last block.]{.claim key="c08.single_grows"}[There are no more in the last block.]{.otherwise} This is one set without an interval, so a few percentage points say little; where the last block is far ahead, one may suppose that later blocks serve to choose the next token, which is nearly always one of the same language.
#
# What are they? Of {{< var c08.single_ko >}} features at the middle layer that fire in Korean alone, {{< var c08.grammar_features_ko >}} spend over half of their activation on particles or endings, and {{< var c08.grammar_frequent_ko >}} of the quarter that fires most; of Korean tokens, particles and endings are {{< var c08.grammar_tokens_ko >}} ([@tbl-match-kinds]). [Korean features hold more particles and endings than their share of tokens.]{.claim key="c08.grammar_over_ko"}[Particles and endings are no larger a share of Korean features than of Korean tokens.]{.otherwise} [There are more among those that fire often.]{.claim key="c08.grammar_frequent_ko"}[There are no more among those that fire often.]{.otherwise} Of {{< var c08.single_en >}} that fire in English alone, articles, prepositions, pronouns, auxiliaries and conjunctions have {{< var c08.grammar_features_en >}}, {{< var c08.grammar_frequent_en >}} of the quarter that fires most, and {{< var c08.grammar_tokens_en >}} of the tokens. [In English it is more than their share of tokens.]{.claim key="c08.grammar_over_en"}[In English it is no more than their share of tokens.]{.otherwise} [In English there are more among those that fire often.]{.claim key="c08.grammar_frequent_en"}[In English there are no more among those that fire often.]{.otherwise} [In both languages over half of the features of one language spend over half of their activation on tokens that count as content, which is the commonest kind among tokens, too ([@tbl-match-kinds]).]{.claim key="c08.content_most"}[Not in both languages do over half of the features of one language spend over half of their activation on tokens that count as content.]{.otherwise} Kinds go by the form of words without an analysis of morphemes: pre-final endings inside a Korean word, and bound nouns and pronouns without a particle, count as content. Nor is the share of tokens what chance would give: a feature that fires indiscriminately falls to content, the commonest kind, and one spread over several kinds of grammar falls to none of them, so that the share of grammar among features comes out low. [@tbl-match-languages] lists frequent ones with their tokens.

# %% [markdown] tags=["ko"]
# ## 무엇이 이 결론을 뒤집는가 {#sec-match-refute}
#
# 다시 나타나는 비율은 코사인의 기준({{< var c08.alike >}})과 학습의 길이에 따라 달라진다. 기준을 낮추면 모든 값이 오르므로, 순서가 뒤집히는지를 보아야 한다. 사전이 크고 학습이 길 때 시드를 그대로 두고 문장만 바꾼 값이 시드만 바꾼 값보다 훨씬 낮아진다면, 자료가 시드보다 중요하다는 앞선 연구의 결론이 더 넓게 성립하는 것이다. 두 언어에 걸친 특징은 번역문을 함께 읽은 큰 모델에서 훨씬 많을 수 있다. 이어지는 특징과 사라지는 특징의 비율은 블록마다 따로 학습한 작은 사전의 것이어서, 사전이 커지면 달라질 수 있다.

# %% [markdown] src="ecf6" tags=["en"]
# ## What would overturn this {#sec-match-refute}
#
# The share that comes back hangs on the cosine asked for ({{< var c08.alike >}}) and on the length of training. A lower bound raises every value, so what matters is whether the order turns. If, with large dictionaries and long training, other sentences under the same seed leave far fewer than another seed does, the earlier conclusion that data matter more than the seed holds more widely. Features across languages may be far more numerous in large models that have read translations. How many features persist or vanish is measured between small dictionaries trained block by block, and may differ between larger ones.
