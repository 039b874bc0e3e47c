# %% [markdown] tags=["ko"]
# # 짝과 자리와 언어: 어떤 특징이 다시 나타나는가 {#sec-matching}
#
# 사전을 한 번 학습하면 특징의 목록이 하나 나온다. 그런데 시드를 바꾸거나 다른 글로 학습하면 다른 목록이 나온다. 두 목록에 함께 오르는 특징이 적다면, 특징은 모델에 있는 것이라기보다 학습이 만들어 낸 것에 가깝다. @{cho2025}는 GPT-2 small의 SAE들을 견주어, 어떤 특징이 나타나는지는 시드보다 학습 자료가 더 좌우하고 인코더로 맞춘 짝과 디코더로 맞춘 짝이 다르다고 하였다. 또 앞쪽 층에는 토큰의 자리를 나타내는 특징이 있다고 하였다.
#
# 이 장은 셋을 묻는다. 무엇을 바꿀 때 특징이 가장 많이 달라지는가? 특징의 활성값 가운데 얼마가 토큰의 자리로 설명되는가? 그리고 앞선 연구가 묻지 않은 것으로, 한국어와 영어에서 같은 소재에 함께 켜지는 특징이 있는가?

# %% [markdown] src="b61b" tags=["en"]
# # Matching, positions, languages: which features come back {#sec-matching}
#
# Training a dictionary once gives one list of features. Another seed, or another text to train on, gives another list. If few features stand on both, features are less something in the model than something that training has made. Comparing SAEs of GPT-2 small, @{cho2025} reported that which features appear depends more on the training data than on the seed, and that encoder and decoder give different matchings; also that early layers have features for the position of a token.
#
# This chapter asks three things. Which change alters features most? How much of a feature's activation is explained by the position of the token? And, what the earlier study did not ask: are there features that fire for the same item in Korean and in English?

# %% tags=["parameters"]
preset = "default"
seed = 0
corpus = "synthetic"
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
n_shown = 6

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy import stats

import kosae_core as kc
from kosae_core import bilingual, matching, positions

kc.plots.house_style()
results = kc.Results(chapter="08", preset=preset, seeds=match_seeds)

# %%
study = kc.Study(corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late))
lm = study.lm

# %% [markdown] tags=["ko"]
# ## 무엇을 바꾸면 특징이 달라지는가 {#sec-match-factors}
#
# 기준은 한국어 문장으로 학습한 TopK 사전(특징 {{< var c08.match_features >}}개, k는 {{< var c08.match_k >}})이다. 여기에서 한 가지씩 바꾼다. 시드만 바꾼 것, 같은 틀에서 나온 다른 문장, 영어, 게이트형, 두 배의 k, 두 배의 특징, 그리고 뒤쪽 층(q3)이다. 시드가 아닌 것을 바꿀 때에도 시드는 서로 다르게 하므로, 시드만 바꾼 값과의 차이가 그 변화의 몫이다. 기준 사전의 특징마다 상대 사전에서 코사인이 가장 큰 특징을 찾고, 그 값이 {{< var c08.alike >}} 이상이면 다시 나타났다고 한다. 짝은 디코더의 행으로도, 인코더의 열로도 찾는다. 또 한 특징이 둘과 짝지어지지 않도록 합이 가장 큰 일대일 짝을 헝가리안 방법으로 구한다 [@kuhn1955]. 이 짝의 평균 코사인이 PW-MCC이다 [@song2025].
#
# **예상.** 같은 분포의 다른 문장은 시드만큼만 바꿀 것이다. 영어는 훨씬 많이 바꿀 것이다. 언어가 다르면 켜져야 할 방향이 다르기 때문이다. 인코더의 열은 다른 특징의 간섭을 덜도록 기울어 있어 사전마다 더 다를 것이다. 시드만 바꾸어도 절반 이상이 사라진다면, 특징의 목록을 모델의 부품 목록처럼 읽어서는 안 된다.

# %% [markdown] src="34cb" tags=["en"]
# ## Which change alters features {#sec-match-factors}
#
# The base is a TopK dictionary trained on Korean sentences ({{< var c08.match_features >}} features, k of {{< var c08.match_k >}}). We change one thing at a time: the seed alone, other sentences of the same templates, English, the gated form, twice the k, twice the features, and the late layer (q3). Where it is not the seed that changes, seeds still differ, so the difference from the seed alone is what the change adds. For each feature of the base we look for the one of largest cosine in the other dictionary, and say that it has come back if the cosine is at least {{< var c08.alike >}}. Partners are sought by rows of the decoder and also by columns of the encoder. So that no feature is the partner of two, the Hungarian method gives the one-to-one pairing of the largest sum [@kuhn1955]; the mean cosine of this pairing is PW-MCC [@song2025].
#
# **Expectation.** Other sentences of the same distribution will change no more than the seed does. English will change far more, since other directions have to fire. Encoder columns lean so as to escape the interference of other features, and will differ more between dictionaries. If over half of the features vanish with the seed alone, a list of features must not be read like a list of the model's parts.

# %%
others = kc.load_corpus(corpus, split="train", lang="ko", limit=2 * n_train)[n_train:]
elsewhere = kc.gather(lm, others, [middle], dtype=study.dtype)[middle]

# %%
def dictionary(variant="topk", acts=None, s=0, n_features=match_features, k=match_k):
    """A dictionary of the base's settings but for what is given; without k of its own it is steered to the same L0."""
    config = kc.SAEConfig(variant, n_features, k=k if variant == "topk" else None)
    aim = None if variant == "topk" else float(k)
    schedule = kc.TrainConfig(match_steps, batch_size, lr=match_lr, target_l0=aim, seed=s)
    return kc.train(config, study.acts("train", "ko", middle) if acts is None else acts, schedule)[0]

# %%
changed = {
    "seed": {}, "sentences": {"acts": elsewhere}, "language": {"acts": study.acts("train", "en", middle)}, "variant": {"variant": "gated"},
    "sparsity": {"k": 2 * match_k}, "size": {"n_features": 2 * match_features}, "layer": {"acts": study.acts("train", "ko", late)},
}  # fmt: skip
saes = {name: {s: dictionary(s=s, **options) for s in match_seeds} for name, options in changed.items()}
base = saes["seed"]

# %%
def weights(sae, part):
    return sae.W_dec_FD.detach() if part == "decoder" else sae.W_enc_DF.detach().t()

# %%
rows = []
for (change, trained), part, (a, b) in itertools.product(saes.items(), ("decoder", "encoder"), itertools.permutations(match_seeds, 2)):
    first, second = weights(base[a], part), weights(trained[b], part)
    rows.append({"change": change, "part": part, "pair": (a, b), "share": (matching.nearest(first, second)[0] >= alike).mean(),
                 "paired": matching.pairs(first, second)[0].mean()})  # fmt: skip
rows = pd.DataFrame(rows)

# %%
random_FD = torch.randn(match_features, lm.d_model, generator=torch.Generator().manual_seed(seed))
one_FD = weights(base[match_seeds[0]], "decoder")
results.record("share_random", (matching.nearest(one_FD, random_FD)[0] >= alike).mean(), "share", ".1%", tolerance=0.01)
results.record("paired_random", matching.pairs(one_FD, random_FD)[0].mean(), "cosine", tolerance=0.03)

# %%
for (change, part), each in rows.groupby(["change", "part"]):
    for what, fmt in (("share", ".1%"), ("paired", ".3f")):
        span = (each[what].min(), each[what].max())
        results.record(f"{what}_{change}_{part}", each[what].mean(), "share", fmt, interval=span, tolerance=0.06)

# %%
for key, value in (("match_features", match_features), ("match_k", match_k), ("match_steps", match_steps), ("match_n_seeds", len(match_seeds))):
    results.record(key, value, "", tolerance=0)
results.record("alike", alike, "cosine", ".1f", tolerance=0)

# %%
span = rows.groupby(["change", "part"]).share.agg(["min", "mean", "max"])
alone = span.loc["seed", "decoder"]
for change in list(changed)[1:]:
    now = span.loc[change, "decoder"]
    results.claim(f"{change}_lowers", now["max"] < alone["min"], f"{change}: fewer features come back than with another seed, every pair",
                  close=abs(now["max"] - alone["min"]) < 0.06)  # fmt: skip

# %%
apart = max(span.loc["seed", "encoder"]["min"] - alone["max"], alone["min"] - span.loc["seed", "encoder"]["max"])
results.claim("encoder_differs", apart > 0, "encoder and decoder give different shares for another seed, every pair", close=abs(apart) < 0.06)
sampled, foreign = span.loc["sentences", "decoder"], span.loc["language", "decoder"]
results.claim("part_shared", sampled["min"] > 0.05 and sampled["max"] < 0.95, "between 5% and 95% come back from other sentences")
results.claim("language_tenth", foreign["max"] < alone["min"] / 10, "from English less than a tenth of what another seed gives")
results.claim("seed_half", alone["min"] > 0.5, "over half of the features come back with another seed, every pair", close=abs(alone["min"] - 0.5) < 0.06)
added = (alone["mean"] - sampled["mean"]) / (alone["mean"] - foreign["mean"])
results.claim("sample_adds_little", added < 0.2, "other sentences take away less than a fifth of what English does, beyond another seed", close=abs(added - 0.2) < 0.1)

# %%
#| label: fig-match-factors
#| fig-cap-ko: "다른 사전에서 다시 나타나는 특징의 비율. 가로선은 시드 짝에 걸친 범위, 점은 평균이다. 세로 점선은 시드만 바꾼 디코더의 평균이다."
#| fig-cap-en: "Share of features that come back in another dictionary. Bars: range over pairs of seeds; dots: mean. Dotted line: mean for the decoder with the seed alone changed."
#| fig-alt-ko: "바꾼 것마다 두 점씩(디코더와 인코더) 놓인 그림. 가로축은 다시 나타나는 비율이다."
#| fig-alt-en: "Two dots, for decoder and encoder, for each thing that was changed; the horizontal axis is the share that comes back."
order = span["mean"].xs("decoder", level=1).sort_values().index
fig, ax = plt.subplots(figsize=(0.8 * kc.plots.WIDTH, 3.0))
for part, shift, marker in (("decoder", -0.12, "o"), ("encoder", 0.12, "s")):
    part_span = span.xs(part, level=1).loc[order]
    ends = [part_span["mean"] - part_span["min"], part_span["max"] - part_span["mean"]]
    ax.errorbar(part_span["mean"], np.arange(len(order)) + shift, xerr=ends, fmt=marker, ms=4, lw=1, label=part)
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

# %% [markdown] tags=["ko"]
# 시드만 바꾸면 디코더로 보아 {{< var c08.share_seed_decoder >}}가 다시 나타난다([@fig-match-factors], [@tbl-match-factors]). 무작위 사전에서는 {{< var c08.share_random >}}이다. [시드의 모든 짝에서 특징의 절반 넘게 다시 나타난다.]{.claim key="c08.seed_half"}[시드의 모든 짝에서 절반을 넘지는 않으니, 특징의 목록을 모델의 부품 목록처럼 읽기에는 모자란다.]{.otherwise} 일대일 짝의 평균 코사인은 {{< var c08.paired_seed_decoder >}}이다. 무작위 사전의 {{< var c08.paired_random >}}보다 훨씬 크지만 1에는 멀다. 같은 기준을 인코더에 대면 다시 나타나는 것은 {{< var c08.share_seed_encoder >}}뿐이다. [인코더와 디코더의 비율은 시드 짝에 걸친 범위가 서로 떨어져 있다.]{.claim key="c08.encoder_differs"} 쓰는 방향은 같아도 읽는 방향은 사전마다 다르다는 뜻이다. 특징의 같고 다름을 말할 때에는 어느 쪽으로 쟀는지를 밝혀야 한다.
#
# 같은 틀의 다른 문장으로 학습하면 {{< var c08.share_sentences_decoder >}}, 시드만 바꾸면 {{< var c08.share_seed_decoder >}}이다. [예상과 달리 같은 분포의 다른 문장은 시드보다 조금 더 바꾼다. 시드 짝에 걸친 두 범위는 겹치지 않는다.]{.claim key="c08.sentences_lowers"}[예상대로 다른 문장이 시드보다 더 바꾼다고 할 만큼 시드 짝에 걸친 두 범위가 갈라지지는 않는다.]{.otherwise} [다른 문장으로 학습한 사전과는 특징의 일부만 같다.]{.claim key="c08.part_shared"} 영어로 학습하면 {{< var c08.share_language_decoder >}}이다. [영어는 시드보다 더 많이 바꾼다.]{.claim key="c08.language_lowers"} [영어에서 다시 나타나는 것은 시드만 바꾼 것의 십분의 일보다 적다.]{.claim key="c08.language_tenth"} 자료가 특징을 정한다는 앞선 연구의 말은 자료의 분포에 대해서는 맞다. [같은 분포에서 무엇을 뽑았는지가 시드에 더하는 변화는 분포를 영어로 바꿀 때의 오분의 일보다 작다.]{.claim key="c08.sample_adds_little"}
#
# 게이트형은 {{< var c08.share_variant_decoder >}}, 두 배의 k는 {{< var c08.share_sparsity_decoder >}}, 뒤쪽 층은 {{< var c08.share_layer_decoder >}}이다. [변형을 바꾸거나]{.claim key="c08.variant_lowers"} [k를 두 배로 하거나]{.claim key="c08.sparsity_lowers"} [층을 옮기면]{.claim key="c08.layer_lowers"} 시드만 바꾼 것보다 적게 다시 나타난다. 두 배의 사전에서는 {{< var c08.share_size_decoder >}}이다. 큰 사전에는 자리가 많아 짝을 찾기 쉬우므로 높은 것이 당연하다.
#
# 이 사전들은 {{< var c08.match_steps >}}걸음 학습한 것이다. 학습이 짧거나 특징이 한꺼번에 많이 켜지면 시드만 바꾸어도 거의 모두 달라진다. k가 네 배이고 걸음과 학습률이 그 절반 이하이던 첫 시도에서는 다시 나타나는 특징이 사실상 없었다(`LOG.md`). 특징이 다시 나타나지 않는다는 보고를 읽을 때에는 사전이 다 학습되었는지부터 보아야 한다.

# %% [markdown] src="c474" tags=["en"]
# With the seed alone changed, {{< var c08.share_seed_decoder >}} come back by the decoder ([@fig-match-factors], [@tbl-match-factors]); in a random dictionary {{< var c08.share_random >}}. [In every pair of seeds over half of the features come back.]{.claim key="c08.seed_half"}[Not in every pair of seeds is it over half, which is too little for reading a list of features like a list of the model's parts.]{.otherwise} The mean cosine of the one-to-one pairing is {{< var c08.paired_seed_decoder >}}, far above the {{< var c08.paired_random >}} of a random dictionary but far from 1. By the same bound on the encoder, only {{< var c08.share_seed_encoder >}} come back. [The ranges of encoder and decoder over pairs of seeds lie apart.]{.claim key="c08.encoder_differs"} Dictionaries may write the same directions and still read different ones. Whoever says that features are or are not the same has to say by which they were compared.
#
# Trained on other sentences of the same templates it is {{< var c08.share_sentences_decoder >}}, against {{< var c08.share_seed_decoder >}} with the seed alone. [Against our expectation, other sentences of the same distribution change slightly more than the seed does; the two ranges over pairs of seeds do not overlap.]{.claim key="c08.sentences_lowers"}[As expected, the two ranges over pairs of seeds are not so far apart that other sentences could be said to change more than the seed.]{.otherwise} [Only part of the features is shared with a dictionary trained on other sentences.]{.claim key="c08.part_shared"} Trained on English it is {{< var c08.share_language_decoder >}}. [English changes more than the seed does.]{.claim key="c08.language_lowers"} [What comes back from English is less than a tenth of what another seed gives.]{.claim key="c08.language_tenth"} The earlier study's word that data decide on features is right for the distribution of the data. [What the choice of a sample adds to the seed is less than a fifth of what a change of distribution, to English, does.]{.claim key="c08.sample_adds_little"}
#
# The gated form has {{< var c08.share_variant_decoder >}}, twice the k {{< var c08.share_sparsity_decoder >}}, the late layer {{< var c08.share_layer_decoder >}}. [With another variant,]{.claim key="c08.variant_lowers"} [with twice the k]{.claim key="c08.sparsity_lowers"} [or at another layer]{.claim key="c08.layer_lowers"} fewer come back than with another seed alone. In twice the dictionary it is {{< var c08.share_size_decoder >}}; a larger dictionary has more places and makes partners easier to find, so that this is high is no surprise.
#
# These dictionaries were trained for {{< var c08.match_steps >}} steps. If training is short, or many features fire at once, nearly all of them change with the seed alone: in a first attempt, with four times the k and at most half the steps and learning rate, virtually no feature came back (`LOG.md`). Reading a report that features do not come back, one should see first whether the dictionaries were trained to the end.

# %% [markdown] tags=["ko"]
# ## 큰 사전에서 갈라지는 특징 {#sec-match-splitting}
#
# **예상.** 사전이 커지면 한 특징이 여럿으로 갈라진다고 한다 [@bricken2023]. 작은 사전의 특징마다, 큰 사전의 특징 가운데 그것을 가장 가까운 것으로 삼으며 코사인이 {{< var c08.child >}} 이상인 것을 센다. 둘 이상이면 갈라진 것으로 본다. 크기가 같은 사전에서도 우연히 그럴 수 있으므로, 시드만 바꾼 같은 크기의 사전이 기준선이다. 아울러 특징의 활성값의 평균과 표준편차가 함께 커진다는 주장도 본다. 드물게 켜지는 특징은 둘 다 작을 수밖에 없으므로, 이것은 거의 당연하다.

# %% [markdown] src="ae4b" tags=["en"]
# ## Features that split in a larger dictionary {#sec-match-splitting}
#
# **Expectation.** As a dictionary grows, a feature is said to split into several [@bricken2023]. For each feature of the small dictionary we count the features of the large one that have it as their nearest, with a cosine of at least {{< var c08.child >}}; with two or more it has split. This may happen by chance between dictionaries of one size too, so one of the same size with another seed is the baseline. We also look at the claim that a feature's mean activation and its standard deviation go together. A feature that fires rarely must have little of both, so this is nearly a matter of course.

# %%
def split_share(other, a, b):
    counts = matching.children(weights(base[a], "decoder"), weights(other[b], "decoder"), child)
    return (counts >= 2).mean()

# %%
splits = {name: [split_share(saes[name], a, b) for a, b in itertools.permutations(match_seeds, 2)] for name in ("seed", "size")}
for name, values in splits.items():
    results.record(f"split_{name}", np.mean(values), "share", ".1%", interval=(min(values), max(values)), tolerance=0.05)
results.record("child", child, "cosine", ".1f", tolerance=0)
results.claim("splits", min(splits["size"]) > max(splits["seed"]), "more features have two children in twice the dictionary, every pair")

# %%
X = kc.encode_store(base[match_seeds[0]], study.acts("test"))
mean_F = np.asarray(X.mean(axis=0)).ravel()
std_F = np.sqrt(np.maximum(np.asarray(X.multiply(X).mean(axis=0)).ravel() - mean_F**2, 0))
rho = stats.spearmanr(mean_F, std_F).statistic
results.record("mean_std", rho, "rank correlation", ".2f", tolerance=0.05)
results.claim("mean_with_std", rho > 0.5, "mean and standard deviation of features correlate by more than 0.5")

# %% [markdown] tags=["ko"]
# 두 배로 큰 사전에서 둘 이상으로 갈라진 특징은 {{< var c08.split_size >}}, 같은 크기의 사전에서는 {{< var c08.split_seed >}}이다. [갈라진 특징은 큰 사전에서 더 많다.]{.claim key="c08.splits"} 활성값의 평균과 표준편차의 순위 상관은 {{< var c08.mean_std >}}이다. [둘은 함께 커진다.]{.claim key="c08.mean_with_std"} 여기서 갈라짐은 방향이 가까운 것만 가리킨다. 한 뜻이 여러 뜻으로 나뉘었는지는 활성 문맥을 읽어야 안다.

# %% [markdown] src="f23a" tags=["en"]
# In a dictionary twice as large, {{< var c08.split_size >}} have split into two or more; in one of the same size, {{< var c08.split_seed >}}. [More features have split in the larger dictionary.]{.claim key="c08.splits"} Mean and standard deviation of activation have a rank correlation of {{< var c08.mean_std >}}. [They go together.]{.claim key="c08.mean_with_std"} Splitting here means no more than that directions are near. Whether one meaning has become several can only be told by reading the contexts in which they fire.

# %% [markdown] tags=["ko"]
# ## 토큰의 자리 {#sec-match-positions}
#
# 블록마다 한국어와 영어를 함께 읽는 작은 사전을 하나씩 학습하고, 한국어 시험 문장 {{< var c08.n_placed >}}개의 처음 {{< var c08.longest >}}토큰에서 특징마다 분산 가운데 자리로 설명되는 몫을 잰다. 우연히 설명되는 만큼은 뺀 것이다(엡실론 제곱). 그리고 모든 토큰이 0번 자리에 있다고 모델에 알려 같은 문장을 다시 읽힌다. 이 모델의 자리 정보는 회전 임베딩 [@su2021rope]이므로, 그러면 각도의 차이가 사라지고 인과 마스크만 남는다.
#
# **예상.** 자리의 몫은 앞쪽 블록에서 크고 뒤로 갈수록 내용에 묻힐 것이다. 다만 회전 임베딩은 잔차 스트림에 자리를 더하지 않으므로, GPT-2처럼 뚜렷하지는 않을 것이다. 자리를 없애면 언어 모델의 손실이 오르고 자리의 몫은 줄어야 한다. 줄지 않는다면 그 몫은 자리가 아니라, 문장의 처음과 끝에 오는 말이 정해져 있는 데에서 온 것이다.

# %% [markdown] src="e72e" tags=["en"]
# ## Positions of tokens {#sec-match-positions}
#
# For each block we train one small dictionary that reads Korean and English together, and measure, on the first {{< var c08.longest >}} tokens of {{< var c08.n_placed >}} Korean test sentences, what share of each feature's variance position explains, less what it explains by chance (epsilon squared). Then the model is told that every token stands at position 0 and reads the same sentences again. This model has its positions from rotary embeddings [@su2021rope], so that all differences of angle vanish and only the causal mask is left.
#
# **Expectation.** The share of position will be large in early blocks and be buried under content later on. But rotary embeddings add no position to the residual stream, so it will be less marked than in GPT-2. With positions removed the language model's loss must rise and the share of position fall. If it does not fall, it came not from position but from sentences having set words at their start and end.

# %%
blocks = [f"b{block}.resid_post" for block in range(lm.n_blocks)]
texts = {(split, lang): study.records(split, lang)[:n_block] for split in ("train", "test") for lang in ("ko", "en")}
stores = {key: kc.gather(lm, records, blocks, dtype=study.dtype) for key, records in texts.items()}

# %%
mixed = {point: torch.cat([stores["train", lang][point].all() for lang in ("ko", "en")]) for point in blocks}
both = {point: dictionary(acts=mixed_ND, s=seed) for point, mixed_ND in mixed.items()}

# %%
documents = [ids[: longest + 1] for ids in lm.documents(texts["test", "ko"].texts[:n_placed])]
start = 0 if lm.bos_id is None else 1
where = np.concatenate([np.arange(start, len(ids)) for ids in documents])

# %%
def read(documents):
    """The activations at every block, and the language model's loss."""
    seen = [lm.capture(lm.batch([ids]), blocks) for ids in documents]
    acts = {point: torch.cat([one[point][0, start:] for one in seen]).float() for point in blocks}
    return acts, torch.cat(lm.token_losses(documents)).mean().item()

# %%
seen = {"with": read(documents)}
with positions.without_positions(lm):
    seen["without"] = read(documents)

# %%
placed, explained = {}, {}
for (how, (acts, _)), point in itertools.product(seen.items(), blocks):
    placed[how, point] = positions.position_share(kc.encode_store(both[point], acts[point]), where)
    explained[how, point] = kc.evaluate(both[point], acts[point]).explained_variance

# %%
for (how, point), share_F in placed.items():
    name = f"{how}_{point.split('.')[0]}"
    results.record(f"place_{name}", share_F.mean(), "share", ".1%", tolerance=0.02)
    results.record(f"placed_{name}", int((share_F > 0.5).sum()), "features", tolerance=4)
    results.record(f"place_ev_{name}", explained[how, point], "share", tolerance=0.05)
results.record("n_placed", len(documents), "sentences", tolerance=0)
results.record("longest", longest, "tokens", tolerance=0)

# %%
for how, (_, loss) in seen.items():
    results.record(f"loss_{how}", loss, "nats/token", ".2f", tolerance=0.05)
first, last = (placed["with", blocks[i]].mean() for i in (0, -1))
lower = [placed["without", point].mean() < placed["with", point].mean() for point in blocks[1:]]
results.claim("early_positions", first > last, "position explains more in the first block than in the last", close=abs(first - last) < 0.02)
results.claim("removal_lowers", all(lower), "without positions it explains less, in every block after the first")
results.claim("removal_costs", seen["without"][1] > seen["with"][1] + 0.1, "without positions the loss is over 0.1 nats higher")
for i, name in ((0, "first"), (-1, "last")):
    for how in seen:
        results.record(f"{name}_{how}", placed[how, blocks[i]].mean(), "share", ".1%", tolerance=0.02)
        results.record(f"{name}_ev_{how}", explained[how, blocks[i]], "share", tolerance=0.05)
most = max(int((placed["with", p] > 0.5).sum()) for p in blocks)
results.record("most_placed", most, "features", tolerance=4)
peak = int(np.argmax([placed["with", p].mean() for p in blocks]))
results.record("peak_block", peak, "block", tolerance=1)
results.record("peak_with", placed["with", blocks[peak]].mean(), "share", ".1%", tolerance=0.02)
results.claim("middle_peak", 0 < peak < len(blocks) - 1, "position explains most in a block that is neither the first nor the last", close=True)
results.claim("some_placed", most > 0, "position explains over half of the variance of some feature", close=most < 4)

# %%
#| label: fig-match-positions
#| fig-cap-ko: "왼쪽: 특징의 분산 가운데 자리가 설명하는 몫을 블록마다, 자리 정보가 있을 때(with)와 없앴을 때(without) 견준 것. 실선은 평균, 띠는 특징의 10%와 90% 분위이다. 오른쪽: 첫 블록과 마지막 블록에서 자리마다의 특징 활성값 평균(특징마다 자리 전체의 평균으로 나눈 뒤 특징에 걸쳐 평균한 것)과 특징의 사분위 범위."
#| fig-cap-en: "Left: share of features' variance that position explains, block by block, with positions and without them. Lines: mean; bands: 10% and 90% quantiles of features. Right: mean activation by position in the first and the last block (each feature divided by its mean over positions, then the mean over features), with the quartiles of features."
#| fig-alt-ko: "왼쪽은 블록에 따른 두 곡선(자리 정보가 있을 때와 없을 때), 오른쪽은 자리에 따른 두 곡선과 띠."
#| fig-alt-en: "Left: two curves over blocks, with and without positions. Right: two curves with bands over positions."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 3.0))
for how in seen:
    low, high = np.quantile([placed[how, p] for p in blocks], [0.1, 0.9], axis=1)
    line = left.plot([placed[how, p].mean() for p in blocks], marker="o", ms=3, label=f"{how} positions")[0]
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
# 자리가 설명하는 몫은 첫 블록에서 평균 {{< var c08.first_with >}}, 마지막 블록에서 {{< var c08.last_with >}}이고([@fig-match-positions]), 블록 {{< var c08.peak_block >}}에서 가장 커서 {{< var c08.peak_with >}}이다. [첫 블록의 몫이 마지막 블록보다 크다.]{.claim key="c08.early_positions"}[예상과 달리 첫 블록의 몫은 마지막 블록보다 크지 않다.]{.otherwise} [몫은 처음도 끝도 아닌 중간의 블록에서 가장 크다.]{.claim key="c08.middle_peak"}[몫이 가장 큰 곳은 한쪽 끝의 블록이다.]{.otherwise} 분산의 절반 이상이 자리로 설명되는 특징은 가장 많은 블록에서 {{< var c08.most_placed >}}개이다. [그런 특징이 있기는 하다.]{.claim key="c08.some_placed"} 자리를 없애면 언어 모델의 손실은 {{< var c08.loss_with >}}내트에서 {{< var c08.loss_without >}}내트로 바뀐다. [손실은 0.1내트 넘게 오른다.]{.claim key="c08.removal_costs"} 그때 자리의 몫은 첫 블록에서 {{< var c08.first_without >}}, 마지막 블록에서 {{< var c08.last_without >}}이다. 활성값을 같은 사전으로 재구성한 설명 분산은 마지막 블록에서 자리가 있을 때 {{< var c08.last_ev_with >}}, 없을 때 {{< var c08.last_ev_without >}}이다. [첫 블록 뒤의 모든 블록에서 자리의 몫이 줄어든다.]{.claim key="c08.removal_lowers"}
#
# 자리를 없애도 남는 몫은 자리를 아는 특징의 것이 아니다. 합성 문장은 주어로 시작하여 어미로 끝나므로, 첫머리의 말에 켜지는 특징은 자리를 몰라도 첫머리에서 켜진다. 인과 마스크로도 앞에 온 토큰의 수를 어느 정도 셀 수 있다. 특징이 자리 자체를 나타낸다고 하려면, 같은 말이 여러 자리에 올 때에도 자리에 따라 켜져야 한다.

# %% [markdown] src="b3ac" tags=["en"]
# Position explains {{< var c08.first_with >}} on average in the first block and {{< var c08.last_with >}} in the last ([@fig-match-positions]); the share is largest in block {{< var c08.peak_block >}}, at {{< var c08.peak_with >}}. [It is larger in the first block than in the last.]{.claim key="c08.early_positions"}[Against our expectation it is no larger in the first block than in the last.]{.otherwise} [It peaks in the middle, in a block that is neither the first nor the last.]{.claim key="c08.middle_peak"}[It peaks in a block at one of the ends.]{.otherwise} Features whose variance is explained by position to more than half number {{< var c08.most_placed >}} in the block that has most of them. [There are such features.]{.claim key="c08.some_placed"} With positions removed, the language model's loss goes from {{< var c08.loss_with >}} to {{< var c08.loss_without >}} nats. [It rises by more than 0.1 nats.]{.claim key="c08.removal_costs"} The share of position is then {{< var c08.first_without >}} in the first block and {{< var c08.last_without >}} in the last. The variance that the same dictionary explains in the last block is {{< var c08.last_ev_with >}} with positions and {{< var c08.last_ev_without >}} without. [In every block after the first the share of position falls.]{.claim key="c08.removal_lowers"}
#
# What is left without positions does not belong to features that know the position. Synthetic sentences begin with a subject and close with an ending, so a feature for words at the start fires at the start without knowing where it is; and the causal mask, too, lets a token count to some extent how many came before. To say that a feature stands for the position itself, it would have to follow the position even where the same word comes at several.

# %% [markdown] tags=["ko"]
# ## 두 언어에 걸친 특징 {#sec-match-languages}
#
# 합성 말뭉치의 문장은 한국어와 영어가 짝을 이루고, 문장마다 주제(큰 범주)와 소재(작은 범주)가 있다. 특징마다 주제별 평균 활성값을 구하고, 이 프로필이 두 언어에서 함께 움직이는 정도를 상관으로 잰다. 소재도 같은 방법으로 재되, 주제의 평균을 빼어 같은 주제의 소재를 가리는 몫만 남긴다. 영어 쪽의 이름을 뒤섞어 같은 것을 {{< var c08.shuffles >}}번 다시 재면 우연의 분포가 나온다. 그 99.9% 분위를 넘는 특징을 훈련 문장에서 고르고, 틀이 다른 시험 문장에서도 넘는지를 본다. 우연히 골라진 특징이라면 시험 문장에서는 천에 하나만 넘는다.
#
# **예상.** 모델은 두 언어를 따로 배웠고 번역문을 나란히 읽은 적이 거의 없다. 그러므로 앞쪽 블록에는 그런 특징이 거의 없고, 가운데나 뒤쪽 블록에 조금 있을 것이다. 시험 문장에서 살아남는 것이 몇 개도 되지 않는다면, 이 모델에는 두 언어에 걸친 특징이 없다고 해야 한다.

# %% [markdown] src="33f4" tags=["en"]
# ## Features across two languages {#sec-match-languages}
#
# Sentences of the synthetic corpus come in pairs, Korean and English, and each has a topic (its big category) and an item (its small one). For every feature we take its mean activation by topic, and measure by correlation how far this profile moves together in both languages. Items are measured in the same way, less the mean of their topic, which leaves what tells apart the items of one topic. Shuffling the names on the English side, {{< var c08.shuffles >}} times, gives the distribution by chance. Features above its 99.9% quantile are chosen on training sentences, and we see whether they exceed it on test sentences, which have other templates, as well; of features chosen by chance only one in a thousand would.
#
# **Expectation.** The model learnt the two languages apart and has hardly read translations side by side. So early blocks will have almost no such features, and middle or late ones a few. If no more than a handful survives on test sentences, we have to say that this model has no features across languages.

# %%
items = {split: (texts[split, "ko"].label("small"), texts[split, "ko"].label("big")) for split in ("train", "test")}
documents_of = {}
for (split, lang), point in itertools.product(stores, blocks):
    documents_of[split, lang, point] = kc.document_features(both[point], stores[split, lang][point], pool="mean")

# %%
def profiles(split, lang, point, level):
    X_MF, (small, big) = documents_of[split, lang, point], items[split]
    return kc.class_means(X_MF, big)[1] if level == "topic" else bilingual.item_profiles(X_MF, small, big)[1]

# %%
shared = []
for level, point in itertools.product(("topic", "item"), blocks):
    above = {}
    for split in ("train", "test"):
        ko, en = (profiles(split, lang, point, level) for lang in ("ko", "en"))
        by_chance = np.quantile(bilingual.shuffled_correlation(ko, en, shuffles, seed), 0.999)
        above[split] = bilingual.profile_correlation(ko, en) > by_chance
    hits = above["test"][above["train"]]
    low, high = stats.binomtest(int(hits.sum()), max(len(hits), 1)).proportion_ci(method="wilson")
    shared.append({"level": level, "block": lm.resolve(point).block, "chosen": len(hits), "survive": int(hits.sum()), "low": low, "high": high})
shared = pd.DataFrame(shared)

# %%
for row in shared.itertuples():
    results.record(f"chosen_{row.level}_b{row.block}", row.chosen, "features", tolerance=30)
    results.record(f"survive_{row.level}_b{row.block}", row.survive, "features", tolerance=25)
results.record("shuffles", shuffles, "shuffles", tolerance=0)

# %%
across = []
for level, part in shared.groupby("level"):
    at = part.loc[part.survive.idxmax()]
    span = (at.low, at.high)
    results.record(f"most_{level}", int(at.survive), "features", tolerance=25)
    results.record(f"of_{level}", int(at.chosen), "features", tolerance=30)
    results.record(f"rate_{level}", at.survive / max(at.chosen, 1), "share", ".0%", interval=span, tolerance=0.3)
    across.append(results.claim(f"across_{level}", at.survive >= 3 and at.low > 0.01, f"{level}: at least 3 survive, more than 1% of those chosen",
                                close=at.survive < 10))  # fmt: skip
results.claim("across_any", any(across), "for topics or for items at least 3 survive, more than 1% of those chosen", close=shared.survive.max() < 10)

# %%
preference, rate = {}, {}
for point in blocks:
    rates = [np.asarray((kc.encode_store(both[point], stores["test", lang][point]) > 0).mean(axis=0)).ravel() for lang in ("ko", "en")]
    preference[point], rate[point] = bilingual.language_preference(*rates), np.stack(rates)
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
#| fig-cap-ko: "왼쪽: 소재(item, 파랑)와 주제(topic, 주황)의 프로필이 두 언어에서 함께 움직이는 특징의 수(옅은 막대, 훈련 문장에서 고른 것)와, 그 가운데 시험 문장에서도 그러한 것(짙은 막대). 오른쪽: 언어 선호의 분포. 1은 한국어에서만, −1은 영어에서만 켜지는 특징이다."
#| fig-cap-en: "Left: features whose profile over items (blue) or over topics (orange) moves together in both languages (pale bars, chosen on training sentences), and those of them that do so on test sentences (full bars). Right: distribution of language preference; 1 is a feature that fires in Korean alone, −1 in English alone."
#| fig-alt-ko: "왼쪽은 블록마다 두 개의 막대, 오른쪽은 첫 블록과 마지막 블록의 언어 선호 히스토그램."
#| fig-alt-en: "Left: two bars per block. Right: histograms of language preference for the first and the last block."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 3.0))
for (level, part), shift in zip(shared.groupby("level"), (-0.2, 0.2), strict=True):
    bars = left.bar(part.block + shift, part.chosen, 0.36, alpha=0.35, label=f"{level}, training text")
    left.bar(part.block + shift, part.survive, 0.36, color=bars[0].get_facecolor()[:3], label=f"{level}, test text too")
left.set(xlabel="block", ylabel="features", xticks=range(lm.n_blocks), ylim=(0, 1.7 * max(shared.chosen.max(), 1)))
left.legend(fontsize="small")
for point in (blocks[0], blocks[-1]):
    right.hist(preference[point], bins=np.linspace(-1, 1, 21), histtype="step", label=f"block {lm.resolve(point).block}")
right.set(xlabel="language preference", ylabel="features")
right.legend(loc="upper center")
kc.plots.save(fig, "fig-match-languages")

# %%
home = lm.resolve(middle)
point = f"b{home.block}.resid_post"
frequent = {"Korean": np.argsort(-rate[point][0] * (preference[point] > 0.9))[:n_shown], "English": np.argsort(-rate[point][1] * (preference[point] < -0.9))[:n_shown]}
vocabulary = [lm.tokenizer.decode([i]) for i in range(lm.model.get_input_embeddings().num_embeddings)]

# %%
def strongest(lang, feature, n=6):
    """The tokens, whole characters only, on which a feature spends most of its activation."""
    store = stores["test", lang][point]
    column = kc.encode_store(both[point], store)[:, [feature]].toarray().ravel()
    sums = np.bincount(store.token_ids, column, minlength=len(vocabulary))
    whole = [i for i in np.argsort(-sums)[: 4 * n] if sums[i] > 0 and "\ufffd" not in vocabulary[i]]
    return ", ".join(f"[{vocabulary[i].strip() or ' '}]" for i in whole[:n])

# %%
#| label: tbl-match-languages
#| tbl-cap-ko: "가운데 층에서 한 언어에서만 켜지는 특징 가운데 자주 켜지는 것과, 활성값을 가장 많이 쓰는 토큰([ ] 안). rate는 그 언어의 토큰 가운데 켜진 비율이다."
#| tbl-cap-en: "The most frequent of the features of one language at the middle layer, with the tokens, in [ ], on which they spend most activation. rate: share of that language's tokens on which the feature is on."
table = [{"language": language, "feature": int(f), "rate": f"{rate[point][row][f]:.1%}", "tokens": strongest(lang, f)}
         for row, (language, lang) in enumerate((("Korean", "ko"), ("English", "en"))) for f in frequent[language]]  # fmt: skip
kc.plots.table(pd.DataFrame(table))

# %% [markdown] tags=["ko"]
# 두 언어에서 같은 주제에 켜지는 특징 가운데 시험 문장에서도 살아남은 것은 가장 많은 블록에서 {{< var c08.most_topic >}}개이고(훈련 문장에서 고른 것은 {{< var c08.of_topic >}}개), 같은 소재에 켜지는 것은 {{< var c08.most_item >}}개이다({{< var c08.of_item >}}개 가운데; [@fig-match-languages]). [주제를 함께 읽는 특징은 셋 이상이고 우연을 웃돈다.]{.claim key="c08.across_topic"}[주제를 함께 읽는 특징은 셋에 이르지 못하거나 우연을 웃돌지 않는다.]{.otherwise} [소재를 함께 읽는 특징은 셋 이상이고 우연을 웃돈다.]{.claim key="c08.across_item"}[소재를 함께 읽는 특징도 셋에 이르지 못하거나 우연을 웃돌지 않는다.]{.otherwise} [두 언어에 걸친 특징이 이 모델에 있다.]{.claim key="c08.across_any"}[그러니 이 모델과 이 사전에서 두 언어에 걸친 특징은 찾지 못했다는 것이 여기의 답이다. [@sec-match-factors]에서 한국어 사전의 특징이 영어 사전에 거의 다시 나타나지 않은 것과도 맞는다. 번역문으로 배운 적이 거의 없는 작은 모델에게 두 언어는 서로 다른 두 묶음의 토큰이다.]{.otherwise} 다만 소재마다 문장이 몇 개뿐이라 약한 상관은 놓쳤을 수 있다.
#
# 언어 선호의 분포는 양 끝에 몰려 있다. 한 언어에서만 켜지는 특징은 첫 블록에서 {{< var c08.only_first >}}, 마지막 블록에서 {{< var c08.only_last >}}이다. [마지막 블록에서 더 많다.]{.claim key="c08.single_grows"} 뒤로 갈수록 다음 토큰을 고르는 데에 쓰이고, 다음 토큰은 거의 언제나 같은 언어의 것이기 때문이라고 볼 수 있다. [@tbl-match-languages]에는 그런 특징 가운데 자주 켜지는 것과 그 토큰을 늘어놓았다. 조사와 어미, 관사와 전치사처럼 언어의 뼈대를 이루는 것이 많은지 읽는 이가 확인할 수 있다.

# %% [markdown] src="e318" tags=["en"]
# Of the features that fire for the same topic in both languages, {{< var c08.most_topic >}} survive on test sentences in the block with most of them ({{< var c08.of_topic >}} were chosen on training sentences); of those that fire for the same item, {{< var c08.most_item >}} (of {{< var c08.of_item >}}; [@fig-match-languages]). [Features that read topics in both languages number three or more, above chance.]{.claim key="c08.across_topic"}[Features that read topics in both languages number fewer than three or are not above chance.]{.otherwise} [Features that read items in both number three or more, above chance.]{.claim key="c08.across_item"}[Features that read items in both number fewer than three or are not above chance.]{.otherwise} [This model has features across languages.]{.claim key="c08.across_any"}[So the answer here is that we found no features across languages in this model with these dictionaries. That agrees with [@sec-match-factors], where features of the Korean dictionary hardly came back in the English one. To a small model that has hardly learnt from translations, two languages are two separate sets of tokens.]{.otherwise} With only a few sentences per item, weak correlations may have been missed.
#
# Language preference crowds at both ends. Features that fire in one language alone are {{< var c08.only_first >}} in the first block and {{< var c08.only_last >}} in the last. [There are more in the last block.]{.claim key="c08.single_grows"} One may suppose that later blocks serve to choose the next token, which is nearly always one of the same language. [@tbl-match-languages] lists frequent ones among them with their tokens, and lets the reader see whether particles and endings, articles and prepositions, the things a language is built with, prevail.

# %% [markdown] tags=["ko"]
# ## 무엇이 이 결론을 뒤집는가 {#sec-match-refute}
#
# 다시 나타나는 비율은 코사인의 기준({{< var c08.alike >}})과 학습의 길이에 매여 있다. 기준을 낮추면 모든 값이 오르므로, 순서가 뒤집히는지를 보아야 한다. 사전이 크고 학습이 길 때 다른 문장의 값이 시드의 값에서 훨씬 멀어진다면, 자료가 시드보다 중요하다는 앞선 연구의 결론이 더 넓게 성립하는 것이다. 두 언어에 걸친 특징은 번역문을 함께 읽은 큰 모델에서 훨씬 많을 수 있다. 첫 토큰의 유난히 긴 벡터([@sec-activations])를 넣고 학습한 사전이 어떻게 달라지는지는 여기에서 재지 않았다.

# %% [markdown] src="f775" tags=["en"]
# ## What would overturn this {#sec-match-refute}
#
# The share that comes back hangs on the cosine asked for ({{< var c08.alike >}}) and on the length of training. A lower bound raises every value, so what matters is whether the order turns. If, with large dictionaries and long training, other sentences part far from the seed, the earlier conclusion that data matter more than the seed holds more widely. Features across languages may be far more numerous in large models that have read translations. How a dictionary changes that is trained with the unusually long vector of the first token ([@sec-activations]) has not been measured here.
