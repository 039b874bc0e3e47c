# %% [markdown] tags=["ko"]
# # 개입: 특징을 움직이면 무엇이 달라지는가 {#sec-interventions}
#
# 특징이 무엇에 켜지는지를 아는 것과 그 특징이 모델 안에서 무슨 일을 하는지를 아는 것은 다르다. 앞의 장들은 특징을 읽기만 했다. 이 장은 특징을 움직인다. 활성값을 재구성으로 바꾸어 넣고, 특징을 하나씩 끄고, 특징의 방향을 더해 글을 쓰게 하고, 해로운 말에 켜진다는 특징을 끈다. 앞선 연구 가운데 하나는 특징을 고정하고 출력을 보는 것을 다음 과제로 남겼고 [@brainsurgery], 백과 글은 조향(steering)과 해로운 특징의 탐지를 SAE의 쓰임으로 든다.
#
# 움직이면 무언가는 늘 달라진다. 그래서 물음은 달라지는지가 아니라 얼마나, 무엇에 견주어 달라지는가이다. 특징의 방향은 길이가 같은 무작위 방향보다, 그리고 라벨만 있으면 SAE 없이도 얻는 평균의 차보다 나은가? 효과는 대가에 걸맞은가?

# %% [markdown] src="ed88" tags=["en"]
# # Interventions: what changes when features are moved {#sec-interventions}
#
# To know what a feature fires on is not to know what it does inside the model. The chapters so far have only read features. This one moves them. It puts reconstructions in place of activations, switches features off one at a time, adds their directions while the model writes, and switches off those said to fire on harmful language. One of the earlier studies left clamping features and watching the output as its next step [@brainsurgery]; the encyclopedia article names steering and the detection of harmful features among the uses of SAEs.
#
# Something always changes when something is moved. So the question is not whether, but how much and compared with what. Is the direction of a feature better than a random one of equal length, and better than a difference of means, which labels give without any SAE? Is the effect worth its price?

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
variants = ["standard", "gated", "topk"]
n_probe = 1500
n_judged = 200
shown_text = "우리 가족은 주말마다 공원에서 자전거를"
n_effects = 80
prompts = ["나는 오늘", "어제 우리는", "요즘 사람들은", "내일 우리는", "그 사람은", "오늘 나는"]
n_samples = 5
new_tokens = 16
n_topics = 8
several = 10
lengths = [0.2, 0.4]
n_held = 40
harm_corpus = "synthetic"
harm_label = ["sentiment", "negative"]
harm_shown = True
harm_ks = [1, 10, 50]
draws = 1000

# %%
import functools
import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from scipy import stats
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import kosae_core as kc
from kosae_core import cards, detection, logodds, probing, reading, steering
from kosae_core import interventions as iv
from kosae_core.statistics import bootstrap_ratio, by_group

kc.plots.house_style()
results = kc.Results(chapter="10", preset=preset, seeds=(seed,))

# %%
weak, strong = 0.2, 0.4  # lengths of what is added that the text speaks of, whatever others there are
if strong not in lengths:
    raise ValueError(f"lengths {lengths} lack {strong}, at which the text compares ways of steering: add it.")

# %%
study = kc.Study(
    corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late),
    n_features=n_features, k=k, steps=steps, batch_size=batch_size, seed=seed,
)  # fmt: skip
lm, train, test = study.lm, study.records("train"), study.records("test")

# %% [markdown] tags=["ko"]
# ## 재구성을 바꾸어 넣기 {#sec-intervene-splice}
#
# 한 지점의 활성값을 모두 재구성으로 바꾸고 모델을 끝까지 돌린다. 손실 회복률은 그 지점을 0으로 만들었을 때의 손해 가운데 재구성이 되찾는 몫이다. 여기에 하나를 더한다. 마지막 블록의 문장 평균에서 주제를 읽는 선형 탐침을, 바꾸어 넣은 모델에 그대로 댄다. 손실은 다음 토큰을 얼마나 잘 맞히는지를 볼 뿐이어서, 드물게 쓰이는 정보가 사라져도 거의 움직이지 않을 수 있다.
#
# **예상.** 손실 회복률은 모든 변형에서 90%를 넘을 것이다. 탐침의 정확도는 더 떨어질 것이다. 재구성은 아무 성분이나 버리지 않고 작은 성분을 버리는데, 주제는 그런 성분에 실려 있을 수 있기 때문이다.

# %% [markdown] src="075e" tags=["en"]
# ## Reconstructions in place of activations {#sec-intervene-splice}
#
# All activations at one point become reconstructions, and the model runs on to the end. Loss recovered is the share of the damage done by setting that point to 0 that the reconstruction makes good. We add one thing to it. A linear probe that reads topics off the sentence means of the last block is applied, as it is, to the model with reconstructions. Loss only sees how well the next token is guessed, and may hardly move when information that is seldom used is gone.
#
# **Expectation.** Loss recovered will exceed 90% for every variant. The probe's accuracy will fall further, because what a reconstruction drops is not just anything but small components, and topics may be carried by those.

# %%
points = {"q2": middle, "q3": late}
saes = {(v, q): study.sae(v, "ko", points[q])[0] for v in variants for q in points}
judged = test[:n_judged]
documents = lm.documents(judged.texts)
tokens_M = np.array([len(ids) - 1 for ids in documents])
last = f"b{lm.n_blocks - 1}.resid_post"
template_M = np.unique([r.doc for r in judged], return_inverse=True)[1]

# %%
topic = probing.fit_probe(
    iv.read_out(lm, lm.documents(train[:n_probe].texts), at=last).means_MD, train[:n_probe].label("big"), probing.ProbeConfig(depth=1)
)

# %%
def erased(hidden_BTD, real_BT):
    return hidden_BTD.masked_fill(real_BT[..., None], 0.0)

# %%
def through(patch):
    """Loss of each document, in nats, and whether its topic is still read rightly at the last block."""
    out = iv.read_out(lm, documents, (), patch, at=last)
    return out.loss_M * tokens_M, topic.predict(out.means_MD) == judged.label("big")

# %%
seen = {"clean": through(None)} | {("zero", q): through((p, erased)) for q, p in points.items()}
for (v, q), sae in saes.items():
    seen[v, q] = through((points[q], iv.reconstruct(sae)))

# %%
reports = {(v, q): kc.evaluate(sae, study.acts("test", "ko", points[q]), lm=lm, max_documents=n_judged) for (v, q), sae in saes.items()}

# %%
clean_M, clean_hits = seen["clean"]
hits_MR = np.stack([hits_M for _, hits_M in seen.values()], 1)  # untouched, zeros at each point, reconstructions
hits_BR = probing.cluster_bootstrap(hits_MR, template_M, draws, seed)
hit_spans = {key: probing.interval(hits_B) for key, hits_B in zip(seen, hits_BR.T, strict=True)}

# %%
def right(key, name):
    """The share of topics read rightly, recorded, as a table shows it."""
    low, high = hit_spans[key]
    found = results.record(f"topic_{name}", seen[key][1].mean(), "accuracy", ".1%", interval=(low, high), tolerance=0.06)
    return f"{found:.1%} [{low:.0%}, {high:.0%}]"

# %%
rows = []
for v, q in saes:
    lost_M, kept_M = seen["zero", q][0] - clean_M, seen["zero", q][0] - seen[v, q][0]
    span = bootstrap_ratio(by_group(kept_M, template_M), by_group(lost_M, template_M), repeats=draws, seed=seed)
    recovered = results.record(f"recovered_{q}_{v}", kept_M.sum() / lost_M.sum(), "share", ".1%", interval=span, tolerance=0.02)
    rows.append({"layer": q, "variant": v, "L0": reports[v, q].l0, "loss recovered": f"{recovered:.1%} [{span[0]:.1%}, {span[1]:.1%}]",
                 "topic": right((v, q), f"{q}_{v}"), "KL": reports[v, q].kl, "KL recovered": reports[v, q].kl_recovered,
                 "EV": reports[v, q].explained_variance, "EV about 0": reports[v, q].explained_variance_about_zero})  # fmt: skip
rows = pd.DataFrame(rows)

# %%
right("clean", "clean")
for q in points:
    right(("zero", q), f"{q}_zero")
results.record("n_judged", len(documents), "sentences", tolerance=0)

# %%
low = min(seen["zero", q][0].sum() - seen[v, q][0].sum() - 0.9 * (seen["zero", q][0].sum() - clean_M.sum()) for v, q in saes)
drop = clean_hits.mean() - min(seen[key][1].mean() for key in saes)
results.record("topic_drop_points", 100 * drop, "points", ".1f", tolerance=6)
results.claim("recovered_ninety", low > 0, "every autoencoder recovers over 90% of the loss")
results.claim("topic_kept", drop < 0.1, "no reconstruction costs the topic probe ten points or more", close=abs(drop - 0.1) < 0.04)

# %%
zero_R = [1 + list(points).index(q) for _, q in saes]
shares = [iv.share_lost(x[..., :1], x[..., zero_R], x[..., 1 + len(points) :], 1 / len(judged)) for x in (hits_MR.mean(0), hits_BR)]

# %%
span = probing.interval(shares[1])
lost = results.record("topic_lost", shares[0], "share", ".0%", interval=span, tolerance=0.12)
results.record("topic_lost_most", drop / max(clean_hits.mean() - min(seen["zero", q][1].mean() for q in points), 1 / len(judged)), "share", ".0%", tolerance=0.25)

# %%
loss_lost = 1 - np.mean([(seen["zero", q][0].sum() - seen[v, q][0].sum()) / (seen["zero", q][0].sum() - clean_M.sum()) for v, q in saes])
results.record("loss_lost", loss_lost, "share", ".0%", tolerance=0.02)
results.claim("probe_falls_further", lost > loss_lost, "the topic probe loses a larger share of its accuracy than the model of its loss, on average over reconstructions", close=abs(lost - loss_lost) < 0.12)
statement = "likewise, with the whole 95% interval over templates"
results.claim("probe_clearly_further", span[0] > loss_lost, statement, against=span[1] < loss_lost, close=True)

# %%
for (v, q), report in reports.items():
    results.record(f"kl_{q}_{v}", report.kl, "nats", ".3f", tolerance=0.02)
    results.record(f"kl_recovered_{q}_{v}", report.kl_recovered, "share", ".1%", tolerance=0.02)
    results.record(f"ev_zero_{q}_{v}", report.explained_variance_about_zero, "", ".3f", tolerance=0.02)
least = results.record("kl_recovered_least", rows["KL recovered"].min(), "share", ".1%", tolerance=0.02)
results.claim("kl_ninety", least > 0.9, "every autoencoder recovers over 90% of the divergence", close=abs(least - 0.9) < 0.02)
flattered = rows.loc[(rows["EV about 0"] - rows["EV"]).idxmax()]
results.record("flattered_ev", flattered["EV"], "", ".3f", tolerance=0.02)
results.record("flattered_ev_zero", flattered["EV about 0"], "", ".3f", tolerance=0.02)
results.record("mean_alone", 1 - (1 - flattered["EV about 0"]) / (1 - flattered["EV"]), "", ".3f", tolerance=0.02)
results.claim("zero_flatters", (rows["EV about 0"] > rows["EV"]).all(), "explained variance about zero is above that about the mean for every autoencoder")

# %%
flops = 4 * lm.d_model * n_features / (2 * sum(p.numel() for p in lm.model.parameters()))
results.record("cost", flops, "share", ".0%", tolerance=0.001)
results.claim("sae_costs", flops > 0.01, "encoding and decoding one point adds over 1% to the multiplications of a forward pass")

# %%
#| label: tbl-intervene-splice
#| tbl-cap-ko: "재구성을 활성값 자리에 넣었을 때. L0: 토큰마다 켜지는 특징의 평균 수, loss recovered: 손실 회복률과 95% 구간(문장틀을 다시 뽑음), topic: 마지막 블록에서 읽은 주제의 정확도와 95% 구간(같은 방식), KL: 다음 토큰 분포의 변화(토큰당 내트), KL recovered: 0으로 만들었을 때의 KL 가운데 되찾는 몫, EV: 평균을 중심으로 한 설명 분산, EV about 0: 0을 중심으로 한 옛 식."
#| tbl-cap-en: "Reconstructions in place of activations. L0: mean number of features on per token; loss recovered: with 95% interval over templates; topic: accuracy of the topic read at the last block, likewise with its interval; KL: change of the next-token distribution, in nats per token; KL recovered: share made good of the KL that zeros cause; EV: explained variance about the mean; EV about 0: the older formula."
kc.plots.table(rows, {"L0": ".0f", "KL": ".3f", "KL recovered": ".1%", "EV": ".3f", "EV about 0": ".3f"})

# %% [markdown] tags=["ko"]
# [모든 변형이 두 층에서 손실을 90% 넘게 되찾는다]{.claim key="c10.recovered_ninety"}[두 층 모두에서 손실을 90% 넘게 되찾지는 못하는 변형이 있다]{.otherwise}([@tbl-intervene-splice]). 시험 문장 {{< var c10.n_judged >}}개에서만 잰 것이어서, 같은 사전이라도 손실 회복률이 [@sec-training]의 표와 조금 다르다. 탐침은 손대지 않은 모델에서 이 문장들의 주제를 {{< var c10.topic_clean >}} 맞히고, 활성값을 0으로 만들면 q2에서 {{< var c10.topic_q2_zero >}}, q3에서 {{< var c10.topic_q3_zero >}} 맞힌다. 재구성으로 가장 많이 떨어지는 폭은 {{< var c10.topic_drop_points >}}%포인트이고, 0으로 만들 때 잃는 것의 {{< var c10.topic_lost_most >}}이다. [어느 재구성에서나 잃는 것은 10%포인트보다 작다.]{.claim key="c10.topic_kept"}[10%포인트 이상 잃는 재구성이 있다.]{.otherwise} 예상은 탐침이 손실보다 더 떨어진다는 것이었다. 0으로 만들 때 잃는 것을 전부로 치면, 재구성마다 잰 값의 평균으로 탐침이 잃는 몫은 {{< var c10.topic_lost >}}(0보다 작으면 오히려 더 맞힌 것이다), 손실에서 되찾지 못한 몫은 {{< var c10.loss_lost >}}이다. [점 추정값으로는 탐침이 잃는 몫이 더 크다.]{.claim key="c10.probe_falls_further"}[점 추정값으로 탐침이 잃는 몫이 더 크지는 않다.]{.otherwise} [문장틀을 다시 뽑은 구간이 통째로 손실의 몫 위에 있다.]{.claim key="c10.probe_clearly_further"}[문장틀을 다시 뽑은 구간은 통째로 손실의 몫 위에 있지는 않다.]{.otherwise} 시험 문장의 문장틀이 훈련과 다르므로 탐침 자체의 정확도가 높지 않고, 변형 사이의 몇 %포인트 차이는 문장 수에 견주어 작다. 계산 비용도 든다. 한 지점을 부호화하고 되돌리는 데에 드는 곱셈은 이 모델의 순전파 한 번에 드는 것의 {{< var c10.cost >}}이다.
#
# 손실은 실제로 뒤따른 토큰에 준 확률만 본다. 다음 토큰의 분포 전체가 얼마나 달라지는지는 쿨백·라이블러 발산(KL)이 말해 준다. 0으로 만들 때 생기는 발산 가운데 재구성이 되찾는 몫은 가장 적은 곳에서 {{< var c10.kl_recovered_least >}}이다. [모든 변형이 발산도 90% 넘게 되찾는다.]{.claim key="c10.kl_ninety"}[그러나 발산까지 90% 넘게 되찾지는 못하는 변형이 있다.]{.otherwise} 표의 마지막 열은 설명 분산을 평균이 아니라 0을 중심으로 잰 옛 식이다. [이 식의 값은 어느 사전에서나 더 높다.]{.claim key="c10.zero_flatters"}[이 식의 값이 더 높지 않은 사전도 있다.]{.otherwise} 차이가 가장 큰 곳에서는 {{< var c10.flattered_ev >}}인 값이 {{< var c10.flattered_ev_zero >}}인 것처럼 보인다. 아무것도 배우지 않고 평균만 내놓는 사전에게도 {{< var c10.mean_alone >}}점을 주는 식이기 때문이다. 이 열 말고는 이 책의 설명 분산은 모두 평균을 중심으로 잰 것이다.

# %% [markdown] src="f753" tags=["en"]
# [Every variant recovers more than 90% of the loss at both layers]{.claim key="c10.recovered_ninety"}[Some variant does not recover more than 90% of the loss at both layers]{.otherwise} ([@tbl-intervene-splice]). Since it is measured on {{< var c10.n_judged >}} test sentences only, loss recovered of the same dictionary differs somewhat from the table of [@sec-training]. In the untouched model the probe reads the topic of these sentences correctly {{< var c10.topic_clean >}} of the time, and with activations set to 0 {{< var c10.topic_q2_zero >}} at q2 and {{< var c10.topic_q3_zero >}} at q3. The largest fall by a reconstruction is {{< var c10.topic_drop_points >}} percentage points, {{< var c10.topic_lost_most >}} of what setting to 0 costs. [Every reconstruction costs the probe less than 10 percentage points.]{.claim key="c10.topic_kept"}[Some reconstruction costs the probe 10 percentage points or more.]{.otherwise} We expected the probe to fall further than the loss. Taking what setting to 0 costs for the whole, a reconstruction costs the probe {{< var c10.topic_lost >}} on average (below 0, it reads topics better) and the loss {{< var c10.loss_lost >}}. [By point estimates, the share that the probe loses is the larger.]{.claim key="c10.probe_falls_further"}[By point estimates, the share that the probe loses is not the larger.]{.otherwise} [The whole interval over templates lies above the share of the loss.]{.claim key="c10.probe_clearly_further"}[The interval over templates does not lie wholly above the share of the loss.]{.otherwise} Test sentences have other templates than training ones, so the probe is not very accurate to begin with, and a few percentage points between variants are little for this number of sentences. There is a price, too. Encoding and decoding one point takes {{< var c10.cost >}} of the multiplications of this model's forward pass.
#
# Loss only looks at the probability of the token that really follows. How far the whole distribution of the next token moves is told by the Kullback–Leibler divergence (KL). Of the divergence that setting to 0 causes, the reconstructions make good {{< var c10.kl_recovered_least >}} where they do worst. [Every variant recovers more than 90% of the divergence, too.]{.claim key="c10.kl_ninety"}[But not every variant recovers 90% of the divergence.]{.otherwise} The last column of the table is the older formula of explained variance, about 0 instead of the mean. [It gives the higher value for every dictionary.]{.claim key="c10.zero_flatters"}[It does not give the higher value for every dictionary.]{.otherwise} Where the two differ most, {{< var c10.flattered_ev >}} looks like {{< var c10.flattered_ev_zero >}}, because this formula gives {{< var c10.mean_alone >}} to a dictionary that has learned nothing and returns the mean. Everywhere but in this column, explained variance in this book is about the mean.

# %% [markdown] tags=["ko"]
# ## 한 토큰에서 일어나는 일 {#sec-intervene-prompt}
#
# 글 하나를 토큰마다 따라가며 어느 특징이 켜지는지 늘어놓고, 켜진 특징을 그 토큰에서 하나씩 끈 모델이 다음 토큰을 어떻게 달리 보는지 잰다. 끌 때에는 그 특징의 몫만 활성값에서 빼고, 재구성이 설명하지 못한 나머지는 그대로 둔다. 마지막 토큰은 더 자세히 보고, 거기에서 가장 크게 작용하는 특징들은 규칙으로도 설명한다. 더 싼 방법도 있다. 특징의 방향을 마지막 정규화와 출력 행렬에 바로 통과시키면 그 특징이 로짓에 직접 더하는 몫이 나온다. 이 직접 효과 [@bricken2023]는 한 번에 모든 특징에 대해 얻지만, 뒤의 블록들이 그 특징을 읽고 하는 일은 빠진다.
#
# **예상.** 둘은 같은 방향으로 움직이되 많이 어긋날 것이다. q2 뒤에 블록이 더 있기 때문이다. 순위 상관의 구간이 0에 걸치면 직접 효과로 특징을 설명하는 일은 이 층에서 그만두어야 한다. 그리고 가장 세게 켜진 특징이 언제나 가장 크게 작용하지는 않을 것이다.

# %% [markdown] src="2568" tags=["en"]
# ## What happens at one token {#sec-intervene-prompt}
#
# We follow one text token by token, list the features that are on, and measure how differently the model sees the next token with each of them switched off at that token. Switching off takes the feature's part from the activation and leaves alone what the reconstruction does not explain. The last token is looked at more closely, and the features that do most there are explained by rules as well. There is a cheaper way. Sending a feature's direction straight through the final norm and the unembedding gives what it adds to the logits by itself. This direct effect [@bricken2023] comes for all features at once, but leaves out what later blocks do upon reading the feature.
#
# **Expectation.** The two will go the same way and differ a good deal, since more blocks follow q2. If the interval of their rank correlation includes 0, explaining features by direct effect has to be given up at this layer. And the feature that is on most strongly will not always be the one that does most.

# %%
topk = saes["topk", "q2"]
acts = study.acts("train")
X_NF = kc.encode_store(topk, acts)
vocabulary = [lm.tokenizer.decode([i]).strip() for i in range(lm.model.get_input_embeddings().num_embeddings)]

# %%
def whole(scores_V, n):
    """The `n` tokens of highest score that are whole characters."""
    found = [vocabulary[i] for i in np.argsort(-scores_V)[: 20 * n] if vocabulary[i] and "\ufffd" not in vocabulary[i]]
    return ", ".join(f"[{token}]" for token in found[:n])

# %%
def reads(feature, n=4, X_NF=X_NF, ids_N=acts.token_ids):
    """The tokens on which a feature spends most of its activation."""
    column = X_NF[:, [feature]].tocoo()
    return whole(np.bincount(ids_N[column.row], column.data, minlength=len(vocabulary)), n)

# %%
shown_ids = lm.documents([shown_text])[0]

# %%
at_token = {t: iv.feature_effects(lm, topk, middle, shown_ids, t) for t, token in enumerate(shown_ids) if token not in lm.special_ids}
moves_most = {t: int(effects.kl_K.argmax()) for t, effects in at_token.items()}

# %%
#| label: tbl-intervene-tokens
#| tbl-cap-ko: "한 글의 토큰마다 가장 세게 켜진 세 특징. 칸에는 특징의 번호, 활성값, 그리고 그 특징의 활성값이 많이 몰리는 토큰을 [ ] 안에 적었다. most effect: 그 토큰에서 끌 때 다음 토큰의 분포가 가장 많이 달라지는 특징, KL: 그 변화(내트)."
#| tbl-cap-en: "The three features that are on most strongly at each token of one text: number, activation and, in [ ], tokens on which the feature spends most activation. most effect: the feature whose ablation at that token changes the next-token distribution most; KL: that change, in nats."
table = []
for t, effects in at_token.items():
    strongest = [f"{f} ({value:.1f}) {reads(f, 3)}" for f, value in zip(effects.features_K[:3], effects.values_K[:3], strict=True)]
    table.append({"token": f"[{vocabulary[shown_ids[t]]}]", **dict(zip(("first", "second", "third"), strongest, strict=False)),
                  "most effect": str(effects.features_K[moves_most[t]]), "KL": effects.kl_K.max()})  # fmt: skip
kc.plots.table(pd.DataFrame(table), {"KL": ".3f"})

# %%
own = np.mean([f"[{vocabulary[shown_ids[t]]}]" in reads(effects.features_K[0]) for t, effects in at_token.items()])
results.record("shown_tokens", len(at_token), "tokens", tolerance=0)

# %%
results.record("shown_distinct", len({f for effects in at_token.values() for f in effects.features_K[:3]}), "features", tolerance=8)
results.record("shown_own", own, "share", ".0%", tolerance=0.25)
results.record("shown_among", np.mean([most < 3 for most in moves_most.values()]), "share", ".0%", tolerance=0.25)
results.claim("shown_reads_own", own > 0.5, "at most tokens of the text shown the strongest feature is one that spends most activation on that very token", close=abs(own - 0.5) < 0.25)

# %%
#| label: tbl-intervene-prompt
#| tbl-cap-ko: "한 글의 마지막 토큰에서 켜진 특징 가운데, 끌 때 다음 토큰이 가장 많이 달라지는 여덟. reads: 활성값이 많이 몰리는 토큰, writes: 직접 효과가 가장 큰 토큰(둘 다 [ ] 안), direct: 가장 그럴듯한 다음 토큰에 대한 직접 효과, ablated: 끄면 줄어드는 그 토큰의 로그 확률, KL: 다음 토큰 분포의 변화(내트)."
#| tbl-cap-en: "Of the features that are on at the last token of one text, the eight whose ablation changes the next token most. reads: tokens on which most activation is spent; writes: tokens of largest direct effect (both in [ ]); direct: direct effect on the likeliest next token; ablated: what its log-probability loses; KL: change of the next-token distribution, in nats."
one = at_token[len(shown_ids) - 1]
likeliest = int(one.logprobs_V.argmax())
kl_K = one.kl_K
table = [{"feature": str(one.features_K[i]), "value": one.values_K[i], "reads": reads(one.features_K[i]), "writes": whole(one.direct_KV[i], 4),
          "direct": one.direct_KV[i, likeliest], "ablated": one.logprobs_V[likeliest] - one.without_KV[i, likeliest], "KL": kl_K[i]}
         for i in np.argsort(-kl_K)[:8]]  # fmt: skip
kc.plots.table(pd.DataFrame(table), {"value": ".1f", "direct": ".2f", "ablated": ".2f", "KL": ".3f"})

# %%
listed = [int(f) for f in one.features_K[np.argsort(-kl_K)[:8]]]
texts = {split: reading.Reading(study, topk, split, ("ko",), middle, listed) for split in ("train", "test")}
found, tokens = {f: cards.rule_of(texts["train"], texts["test"], f) for f in listed}, cards.vocabulary(lm)

# %%
def rule_row(feature, rule, verdict):
    """A feature, its rule in words, and how well that fares on test texts."""
    said = cards.told(rule, tokens).translate(str.maketrans("‘’", "[]")) if rule else ""
    measures = {what: getattr(verdict, what, float("nan")) for what in ("detection", "fuzzing")}
    return {"feature": str(feature), "rule": said or "none"} | measures

# %%
#| label: tbl-intervene-rules
#| tbl-cap-ko: "[@tbl-intervene-prompt]의 특징들을 설명하는 규칙. [@sec-interpretation]의 카드에서처럼 훈련 문장에서 위 절반의 활성값으로 만들었다(on: 그 토큰에서, after: 바로 뒤에서, later than: 그 토큰이 둘에서 여섯 토큰 앞에 있을 때, ␣: 빈칸, (byte): 글자의 일부, none: 너무 드물게 켜지거나 토큰으로 설명되지 않음). detection과 fuzzing: 시험 문장에서 규칙의 균형 정확도로, 특징이 켜지는 문장과 켜지는 토큰을 맞히는 정도이다."
#| tbl-cap-en: "Rules that explain the features of [@tbl-intervene-prompt], made from the upper half of activations in training sentences as on the cards of [@sec-interpretation] (on: on that token; after: right after it; later than: two to six tokens after it; ␣ is a space, (byte) a part of a character; none: too rare, or no token explains it). detection, fuzzing: balanced accuracy of the rule on test sentences, in telling the sentences and the tokens on which the feature fires."
ruled = pd.DataFrame([rule_row(f, *found[f]) for f in listed])
kc.plots.table(ruled, ".2f")

# %%
results.record("ruled", len(ruled), "features", tolerance=0)
results.record("ruled_well", int((ruled[["detection", "fuzzing"]].min(axis=1, skipna=False) >= 0.8).sum()), "features", tolerance=3)

# %%
results.record("shown_on", len(one.features_K), "features", tolerance=6)
three = results.record("shown_three", np.sort(kl_K)[-3:].sum() / kl_K.sum(), "share", ".0%", tolerance=0.12)

# %%
results.claim("few_move", three > 0.5, "at the token shown, the three most effective features make over half of the sum of all features' effects", close=abs(three - 0.5) < 0.12)
results.record("shown_top", float(np.exp(one.logprobs_V[likeliest])), "share", ".1%", tolerance=0.01)

# %%
next_token = f"‘{vocabulary[likeliest]}’"
results.record("shown_next", next_token, "token")
results.record("shown_text", shown_text, "text")

# %%
generator = np.random.default_rng(seed)
per_token, drawn = [], generator.permutation(len(documents))[:n_effects]
for row in drawn:
    effects = iv.feature_effects(lm, topk, middle, documents[row], int(generator.integers(2, len(documents[row]))))
    token, kl_K = effects.logprobs_V.argmax(), effects.kl_K
    ablated_K = effects.logprobs_V[token] - effects.without_KV[:, token]
    rank = stats.spearmanr(effects.direct_KV[:, token], ablated_K).statistic
    per_token.append((rank, kl_K.argmax() == 0, kl_K.max() / kl_K.sum(), len(kl_K)))
per_token = np.array(per_token, dtype=float)

# %%
spans = [probing.interval(s) for s in probing.cluster_bootstrap(per_token[:, :3], template_M[drawn], draws, seed).T]
direct_rho, strongest_first, top_share, on = per_token.mean(0)
results.record("on_mean", on, "features", ".0f", tolerance=4)
results.record("direct_rho", direct_rho, "rank correlation", ".2f", interval=spans[0], tolerance=0.12)
results.record("strongest_first", strongest_first, "share", ".0%", interval=spans[1], tolerance=0.15)
results.record("top_share", top_share, "share", ".0%", interval=spans[2], tolerance=0.08)
results.record("n_effects", len(per_token), "tokens", tolerance=0)

# %%
low, high = spans[0]
results.claim("direct_tells", low > 0, "direct effects rank features as ablation does better than chance", against=high < 0)
results.claim("direct_falls_short", high < 0.7, "the rank correlation of direct effect and ablation is below 0.7", against=low > 0.7, close=abs(high - 0.7) < 0.1)
low, high = spans[1]
statement = "at one token in five or more, another feature than the strongest has the largest effect"
results.claim("strongest_not_all", high < 0.8, statement, against=low > 0.8, close=abs(high - 0.8) < 0.1)

# %% [markdown] tags=["ko"]
# [@tbl-intervene-tokens]에서 토큰 {{< var c10.shown_tokens >}}개의 세 칸을 채운 특징은 모두 {{< var c10.shown_distinct >}}개이다. 가장 센 특징이 바로 그 토큰에 활성값이 많이 몰리는 특징인 곳은 {{< var c10.shown_own >}}이다. [이 글에서 가장 센 특징은 절반이 넘는 자리에서 눈앞의 토큰을 읽는다.]{.claim key="c10.shown_reads_own"}[이 글에서 가장 센 특징이 눈앞의 토큰을 읽는 자리는 절반을 넘지 않는다.]{.otherwise} 끌 때 예측을 가장 많이 바꾸는 특징이 가장 센 셋에 드는 곳은 {{< var c10.shown_among >}}이다.
#
# ‘{{< var c10.shown_text >}}’에서 모델이 가장 그럴듯하게 보는 다음 토큰은 {{< var c10.shown_next >}}(확률 {{< var c10.shown_top >}})이다. [@tbl-intervene-prompt]의 위 셋은, 켜진 특징 {{< var c10.shown_on >}}개를 하나씩 끌 때의 변화를 모두 더한 것의 {{< var c10.shown_three >}}이다. [이 셋이 절반을 넘는다.]{.claim key="c10.few_move"}[이 셋이 절반을 넘지는 않는다.]{.otherwise} 이 표의 특징 {{< var c10.ruled >}}개를 [@sec-interpret-rules]에서처럼 규칙으로 설명한 것이 [@tbl-intervene-rules]이다. 시험 문장에서 탐지와 강조의 정확도가 모두 0.8 이상인 것은 {{< var c10.ruled_well >}}개이다. 이에 못 미치는 규칙은 특징의 일부만 설명하므로, 활성값이 많이 몰리는 토큰과 마찬가지로 단서로만 읽어야 한다. 시험 문장에서 고른 토큰 {{< var c10.n_effects >}}개에서, 직접 효과와 끄기의 효과는 순위 상관이 평균 {{< var c10.direct_rho >}}이다. [직접 효과의 순위는 우연보다 나으니, 어떤 특징부터 꺼 볼지를 정하는 데에 쓸 수 있다.]{.claim key="c10.direct_tells"}[직접 효과의 순위가 우연보다 낫다고 할 수 없으니, 어떤 특징부터 꺼 볼지를 정하는 데에도 쓰기 어렵다.]{.otherwise} [이 상관은 0.7보다 뚜렷이 낮으므로, 특징이 무슨 일을 하는지는 꺼 보고 말해야 한다.]{.claim key="c10.direct_falls_short"}[이 상관이 0.7보다 뚜렷이 낮다고 할 수는 없다.]{.otherwise} 이 토큰들에서 켜진 특징은 평균 {{< var c10.on_mean >}}개이고, 변화의 합 가운데 {{< var c10.top_share >}}는 하나가 만들며, 그 하나가 가장 세게 켜진 특징인 경우는 {{< var c10.strongest_first >}}이다. [다섯에 하나가 넘는 토큰에서는 다른 특징이 가장 크게 작용한다.]{.claim key="c10.strongest_not_all"}[다른 특징이 가장 크게 작용하는 토큰이 다섯에 하나를 넘는다고 할 수는 없다.]{.otherwise}

# %% [markdown] src="b891" tags=["en"]
# The features in the three columns of [@tbl-intervene-tokens] are {{< var c10.shown_distinct >}} in all, over {{< var c10.shown_tokens >}} tokens. At {{< var c10.shown_own >}} of these the strongest feature is one that spends most activation on that very token. [In this text the strongest feature reads the token in front of it at more than half of the places.]{.claim key="c10.shown_reads_own"}[In this text the strongest feature reads the token in front of it at no more than half of the places.]{.otherwise} The feature whose ablation changes the prediction most is among the strongest three at {{< var c10.shown_among >}} of them.
#
# After ‘{{< var c10.shown_text >}}’ (“our family, every weekend, in the park, a bicycle”, with the object particle 를; the verb is still to come) the model holds {{< var c10.shown_next >}} likeliest (probability {{< var c10.shown_top >}}). The first three in [@tbl-intervene-prompt] make {{< var c10.shown_three >}} of all change, summed over the {{< var c10.shown_on >}} features that are on, each switched off alone. [These three make more than half.]{.claim key="c10.few_move"}[These three make no more than half.]{.otherwise} [@tbl-intervene-rules] explains the {{< var c10.ruled >}} features of this table by rules, as [@sec-interpret-rules] does. On test sentences the number of them with an accuracy of at least 0.8 in both detection and fuzzing is {{< var c10.ruled_well >}}. A rule that falls short of this explains only a part of its feature and, like the tokens on which most activation is spent, is to be read as a clue. At {{< var c10.n_effects >}} tokens drawn from test sentences, direct effect and ablation have a mean rank correlation of {{< var c10.direct_rho >}}. [Direct effects rank features better than chance does, so they can serve to decide which features to switch off first.]{.claim key="c10.direct_tells"}[Direct effects cannot be said to rank features better than chance does, so they hardly serve even to decide which features to switch off first.]{.otherwise} [This correlation is clearly below 0.7, so what a feature does has to be said after switching it off.]{.claim key="c10.direct_falls_short"}[This correlation cannot be said to be clearly below 0.7.]{.otherwise} At these tokens {{< var c10.on_mean >}} features are on in the mean; one of them makes {{< var c10.top_share >}} of the summed change, and in {{< var c10.strongest_first >}} of the cases it is the one that is on most strongly. [At more than one token in five, another feature does most.]{.claim key="c10.strongest_not_all"}[It cannot be said that another feature does most at more than one token in five.]{.otherwise}

# %% [markdown] tags=["ko"]
# ## 조향 {#sec-intervene-steer}
#
# 주제 {{< var c10.n_topics >}}개를 하나씩 겨눈다. 더하는 것은 길이가 같은 다섯 방향이다. 그 주제의 문장에서 평균이 가장 많이 오르는 특징(입력으로 고른 특징), 그 주제의 낱말에 직접 효과가 가장 큰 특징(출력으로 고른 특징), 평균이 많이 오르는 특징 {{< var c10.several >}}개를 오르는 만큼 더한 것, 라벨로 얻는 평균의 차 [@rimsky2024], 무작위 방향이다. 읽는 특징과 쓰는 특징이 다르며 조향에는 쓰는 것이 낫다는 보고가 있다 [@arad2025]. 그 연구는 개입으로 점수를 매겼고, 여기서는 직접 효과로, 그것도 나중에 확률을 잴 바로 그 낱말들로 골랐다. 길이는 q2에서 활성값의 평균 길이에 대한 비로 나타내며, {{< var c10.lengths >}}에서 재고 방향끼리는 {{< var c10.strong >}}에서 견준다. 고르기는 모두 훈련 문장에서 한다.
#
# 효과는 두 가지로 본다. 시험 문장 {{< var c10.n_held >}}개를 읽으며 주제의 낱말 {{< var c10.n_words >}}개(가중 로그 오즈로 고른 것 [@monroe2008])에 주는 확률이 몇 배가 되는가, 그리고 중립적인 첫머리 {{< var c10.n_written >}}개에 이어 쓴 {{< var c10.new_tokens >}}토큰을 글자 n-그램만 보는 판정기(시험 문장에서 정확도 {{< var c10.judge >}})가 얼마나 그 주제로 보는가. 판정기는 활성값을 보지 않으므로 조향이 판정기를 직접 속일 수 없다. 치르는 값은 같은 시험 문장에서 오른 손실이다.
#
# **예상.** 특징 하나는 무작위 방향보다 낫고, 평균의 차는 그보다 나을 것이다. 라벨을 다 쓴 방향이기 때문이다. 특징 여럿은 그 사이에 있을 것이다. 어느 것도 무작위와 구별되지 않는다면, 이 사전의 특징은 읽히기만 하고 쓰이지는 않는 것이다.

# %% [markdown] src="4bdf" tags=["en"]
# ## Steering {#sec-intervene-steer}
#
# We aim at {{< var c10.n_topics >}} topics, one at a time. What is added is one of five directions of equal length: the feature whose mean rises most in the topic's sentences (chosen by input), the feature of largest direct effect on the topic's words (chosen by output), the {{< var c10.several >}} features whose means rise most, added in proportion to their rise, the difference of means that labels give [@rimsky2024], and a random direction. It has been reported that features which read and features which write differ, and that for steering one should take those which write [@arad2025]. That study scored features by an intervention; here it is by direct effect, and on the very words whose probability is measured later. Lengths are shares of the mean length of activations at q2; we measure at {{< var c10.lengths >}} and compare directions at {{< var c10.strong >}}. All choices are made on training sentences.
#
# We look at the effect in two ways: how many times the probability grows that the model, reading {{< var c10.n_held >}} held-out sentences, gives to the {{< var c10.n_words >}} words of the topic (chosen by weighted log-odds [@monroe2008]); and how far a judge that sees only character n-grams (accuracy {{< var c10.judge >}} on test sentences) takes the {{< var c10.new_tokens >}} tokens written after each of {{< var c10.n_written >}} neutral beginnings to be about the topic. The judge does not see activations, so steering cannot deceive it directly. The price is the rise of loss on the same held-out sentences.
#
# **Expectation.** One feature will do better than a random direction, and the difference of means better than that, since it uses all of the labels. Several features will lie between. If none can be told from random, features of this dictionary are read and not used.

# %%
big = train.label("big")
topics = sorted(set(big))[:: max(1, len(set(big)) // n_topics)][:n_topics]
X_MF = kc.document_features(topk, acts, pool="mean")
means_MD = probing.document_means(acts)

# %%
n_words = 40
counts = {t: logodds.token_counts([ids for ids, b in zip(acts.documents, big, strict=True) if b == t], len(vocabulary)) for t in sorted(set(big))}
total = sum(counts.values())
words = {t: np.argsort(-logodds.weighted_log_odds(counts[t], total - counts[t]))[:n_words] for t in topics}

# %%
judge = make_pipeline(
    TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), min_df=2, max_features=30000), LogisticRegression(C=10, max_iter=200)
).fit(train.texts, big)
results.record("judge", judge.score(test.texts, test.label("big")), "accuracy", ".1%", tolerance=0.02)

# %%
norm = float(acts.all()[:20000].float().norm(dim=1).mean())
often_F = np.asarray((X_MF > 0).mean(axis=0)).ravel() > 0.01
written_FV = iv.direct_effects(lm, topk.W_dec_FD).numpy()
generator = torch.Generator().manual_seed(seed)

# %%
chosen_by = {"usable_F": often_F, "several": several, "generator": generator}
ways = {t: steering.directions(topk, X_MF, means_MD, big == t, written_FV, words[t], **chosen_by) for t in topics}

# %%
starts = [text for text in prompts for _ in range(n_samples)]
held = lm.documents(test[n_judged : n_judged + n_held].texts)
groups = [words[t] for t in topics]
measure = functools.partial(steering.outcome, lm, judge, starts, groups=groups, max_new_tokens=new_tokens, seed=seed)

# %%
plain, steered = measure(held), []
for i, t in enumerate(topics):
    for (kind, direction_D), length in itertools.product(ways[t].items(), lengths):
        moved = measure(held, patch=(middle, iv.add(direction_D, length * norm)))
        steered.append({"topic": t, "kind": kind, "length": length} | moved.change(plain, t, i))
steered = pd.DataFrame(steered)

# %%
kinds = list(dict.fromkeys(steered.kind))
wide = steered.pivot_table(index="topic", columns=["kind", "length"], values=["verdict", "mass", "loss"])
samples = {w: probing.cluster_bootstrap(wide[w].to_numpy(), np.arange(len(wide)), draws, seed) for w in ("verdict", "mass", "loss")}
rows = []
for i, (kind, length) in enumerate(wide["verdict"].columns):
    row = {"kind": kind, "length": length}
    for what in ("verdict", "mass", "loss"):
        row |= {what: wide[what][kind, length].mean(), f"{what}_span": probing.interval(samples[what][:, i])}
    rows.append(row)
rows = pd.DataFrame(rows).set_index(["kind", "length"])

# %%
for kind, length in itertools.product(kinds, lengths):
    at, name = rows.loc[kind, length], f"{kind.replace(' ', '_')}_{round(100 * length)}"
    results.record(f"verdict_{name}", at.verdict, "probability", "+.3f", interval=at.verdict_span, tolerance=0.05)
    results.record(f"mass_{name}", at.mass, "doublings", "+.2f", interval=at.mass_span, tolerance=0.25)
    results.record(f"times_{name}", 2**at.mass, "times", ".2f", interval=tuple(2**bound for bound in at.mass_span), tolerance=0.3)
    results.record(f"loss_{name}", at.loss, "nats/token", "+.2f", interval=at.loss_span, tolerance=0.12)
for key, value in (("n_topics", len(topics)), ("n_written", len(starts)), ("new_tokens", new_tokens), ("several", several), ("n_words", n_words)):
    results.record(key, value, "", tolerance=0)
results.record("strong", strong, "share", ".0%", tolerance=0)
results.record("weak", weak, "share", ".0%", tolerance=0)
results.record("lengths", ", ".join(f"{length:.0%}" for length in lengths), "shares")
results.record("n_held", len(held), "sentences", tolerance=0)

# %%
def gap(what, one, other):
    """The interval of the difference between two ways of steering, over topics."""
    each = (wide[what][one, strong] - wide[what][other, strong]).to_numpy()
    return probing.interval(probing.cluster_bootstrap(each, np.arange(len(each)), draws, seed)[:, 0])

# %%
said, near = {"mass": "topic words", "verdict": "what is written"}, {"mass": 0.2, "verdict": 0.03}
for key, what, way, other in (
    ("feature_steers", "mass", "feature by input", "random"), ("output_steers", "mass", "feature by output", "random"),
    ("mean_more", "mass", "mean difference", "feature by input"), ("mean_most", "mass", "mean difference", "several features"),
    ("output_better", "mass", "feature by output", "feature by input"),
    ("mean_more_written", "verdict", "mean difference", "feature by input"), ("feature_written", "verdict", "feature by input", "random"),
):  # fmt: skip
    low, high = gap(what, way, other)
    statement = f"{way} above {other} at a length of {strong:.0%} in {said[what]}, 95% interval over topics"
    results.claim(key, low > 0, statement, against=high < 0, close=abs(low) < near[what])

# %%
prices = rows.loss[:, strong].drop("mean difference")
over_next = rows.loc["mean difference", strong].loss - prices.max()
statement = f"at a length of {strong:.0%} the difference of means raises the loss more than any other direction"
results.claim("mean_costs_most", over_next > 0, statement, close=abs(over_next) < 0.12)

# %%
if weak in lengths:
    little, many = rows.loc["mean difference", weak], rows.loc["several features", strong]
    bargain = little.mass > many.mass and little.loss < many.loss
    statement = f"the difference of means at a length of {weak:.0%} gives more topic words than several features at {strong:.0%}, for less loss"
    results.claim("mean_bargain", bargain, statement, close=abs(little.mass - many.mass) < 0.25)

# %%
most = results.record("verdict_most", rows.verdict[:, strong].max(), "probability", "+.3f", tolerance=0.05)
results.claim("written_small", most < 0.2, f"at a length of {strong:.0%} no direction raises the judge's probability by 0.2 or more", close=abs(most - 0.2) < 0.05)
cases = itertools.product(("mass", "verdict"), ("feature by input", "several features"))
ahead, behind = zip(*(gap(what, "mean difference", other) for what, other in cases), strict=True)
statement = f"at a length of {strong:.0%} the difference of means is above one and several features in topic words and in what is written, 95% intervals over topics"
results.claim("labels_pay", min(ahead) > 0, statement, against=min(behind) < 0, close=min(ahead) > -0.03)

# %%
#| label: fig-intervene-steer
#| fig-cap-ko: "조향의 효과와 대가. 왼쪽은 주제 낱말의 확률이 몇 배가 되었는지의 log₂(1이면 두 배), 오른쪽은 이어 쓴 글을 그 주제로 보는 판정기 확률의 증가, 가로축은 시험 문장의 손실 증가. 점은 길이가 커지는 차례({{< var c10.lengths >}})이고 세로선은 95% 구간(주제를 다시 뽑은)이다."
#| fig-cap-en: "Effect and price of steering. Left: log₂ of the factor by which the probability of topic words grows (1 is a doubling); right: rise of the judge's probability that what was written is about the topic; horizontally: rise of loss on held-out sentences. Dots follow growing lengths ({{< var c10.lengths >}}); vertical lines are 95% intervals over topics."
#| fig-alt-ko: "두 그림에 다섯 곡선씩. 곡선은 원점에서 시작하고 길이가 커질수록 오른쪽으로 간다."
#| fig-alt-en: "Two panels of five curves each, starting from the origin and going right as length grows."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 3.0))
colors = dict(zip(kinds, kc.plots.palette(len(kinds) - 1) + ["#999999"], strict=True))
for panel, what in ((left, "mass"), (right, "verdict")):
    for kind in kinds:
        at = rows.loc[kind]
        panel.plot([0, *at.loss], [0, *at[what]], marker="o", ms=3, color=colors[kind], label=kind)
        panel.vlines(at.loss, [s[0] for s in at[f"{what}_span"]], [s[1] for s in at[f"{what}_span"]], color=colors[kind], lw=0.8)
    panel.axhline(0, color="#777777", lw=0.6)
    panel.set_xlabel("rise of loss on held-out text (nats/token)")
left.set_ylabel("topic words, doublings of probability")
right.set_ylabel("judge: rise of topic's probability")
left.legend(fontsize="small")
kc.plots.save(fig, "fig-intervene-steer")

# %% [markdown] tags=["ko"]
# 길이 {{< var c10.strong >}}에서 주제 낱말의 확률은 입력으로 고른 특징에서 {{< var c10.times_feature_by_input_40 >}}배(log₂ {{< var c10.mass_feature_by_input_40 >}}), 출력으로 고른 특징에서 {{< var c10.times_feature_by_output_40 >}}배, 특징 여럿에서 {{< var c10.times_several_features_40 >}}배, 평균의 차에서 {{< var c10.times_mean_difference_40 >}}배, 무작위 방향에서 {{< var c10.times_random_40 >}}배가 된다(주제에 걸친 기하 평균; [@fig-intervene-steer]). [입력으로 고른 특징 하나도 무작위 방향보다 주제 낱말을 더 불러온다.]{.claim key="c10.feature_steers"}[입력으로 고른 특징 하나가 무작위 방향보다 주제 낱말을 더 불러온다고는 할 수 없다.]{.otherwise} [출력으로 고른 특징 하나는 무작위 방향보다 주제 낱말을 더 불러온다.]{.claim key="c10.output_steers"}[출력으로 고른 특징 하나가 무작위 방향보다 주제 낱말을 더 불러온다고는 할 수 없다.]{.otherwise} [평균의 차는 입력으로 고른 특징 하나를 앞선다.]{.claim key="c10.mean_more"}[평균의 차가 입력으로 고른 특징 하나를 앞선다고 할 수는 없다.]{.otherwise} [평균의 차는 특징 여럿도 앞선다.]{.claim key="c10.mean_most"}[평균의 차가 특징 여럿을 앞선다고 할 수는 없다.]{.otherwise} [출력으로 고른 특징이 입력으로 고른 특징보다 낫다.]{.claim key="c10.output_better"}[출력으로 고르는 것이 입력으로 고르는 것보다 낫다고 할 만한 차이는 없다.]{.otherwise} 대가를 보면, 같은 길이에서 손실은 출력으로 고른 특징에서 {{< var c10.loss_feature_by_output_40 >}}, 입력으로 고른 특징에서 {{< var c10.loss_feature_by_input_40 >}}, 평균의 차에서 {{< var c10.loss_mean_difference_40 >}}내트 오른다. [점 추정값으로는 평균의 차가 가장 비싸다.]{.claim key="c10.mean_costs_most"}[점 추정값으로 평균의 차가 가장 비싼 것은 아니다.]{.otherwise}
#
# ::: {.when key="c10.times_mean_difference_20"}
# 대가에 견주어 얻는 것도 본다. 평균의 차는 길이 {{< var c10.weak >}}에서 {{< var c10.times_mean_difference_20 >}}배를 얻고 {{< var c10.loss_mean_difference_20 >}}내트를 치르며, 특징 여럿은 {{< var c10.strong >}}에서 {{< var c10.times_several_features_40 >}}배를 얻고 {{< var c10.loss_several_features_40 >}}내트를 치른다. [점 추정값으로는 평균의 차가 덜 치르고 더 얻는다.]{.claim key="c10.mean_bargain"}[점 추정값으로도 평균의 차가 덜 치르고 더 얻는 것은 아니다.]{.otherwise}
# :::
#
# 이어 쓴 글에서 판정기가 보는 확률은 길이 {{< var c10.strong >}}에서 가장 많이 오를 때 {{< var c10.verdict_most >}}이다. [이 길이에서는 어느 방향도 0.2만큼 올리지 못한다.]{.claim key="c10.written_small"}[0.2 이상 올리는 방향이 있다.]{.otherwise} 이 확률은 평균의 차에서 {{< var c10.verdict_mean_difference_40 >}}, 특징 하나(입력)에서 {{< var c10.verdict_feature_by_input_40 >}} 달라진다. [평균의 차는 글에서도 입력으로 고른 특징 하나보다 낫다.]{.claim key="c10.mean_more_written"}[글에서는 평균의 차가 입력으로 고른 특징 하나보다 낫다고 할 수 없다.]{.otherwise} [그 특징은 글에서도 무작위 방향보다 낫다.]{.claim key="c10.feature_written"}[글에서는 그 특징이 무작위 방향보다 낫다고 할 수 없다.]{.otherwise} [이 모델과 이 사전에서 조향을 하려면 라벨을 모아 평균의 차를 쓰는 편이 낫다. 주제 낱말에서도 글에서도 입력으로 고른 특징 하나와 여럿을 모두 앞선다. 출력으로 고른 특징보다 나은지는 시험하지 않았다.]{.claim key="c10.labels_pay"}[평균의 차가 주제 낱말과 글에서 입력으로 고른 특징 하나와 여럿을 모두 뚜렷이 앞서지는 않으니, 라벨을 모으는 편이 언제나 낫다고 할 수는 없다.]{.otherwise} 특징의 장점은 라벨이 없을 때에도 방향을 내놓는다는 것인데, 여기서는 특징을 고르는 데에도 라벨을 썼으므로 이 장점은 시험되지 않았다. 그 방향이 무엇을 쓰게 하는지는 꺼 보거나 더해 보아야 안다.

# %% [markdown] src="8c8b" tags=["en"]
# At a length of {{< var c10.strong >}} the probability of topic words rises by a factor of {{< var c10.times_feature_by_input_40 >}} (log₂ {{< var c10.mass_feature_by_input_40 >}}) with the feature chosen by input, {{< var c10.times_feature_by_output_40 >}} with the one chosen by output, {{< var c10.times_several_features_40 >}} with several features, {{< var c10.times_mean_difference_40 >}} with the difference of means and {{< var c10.times_random_40 >}} with a random direction (geometric means over topics; [@fig-intervene-steer]). [Even one feature chosen by input calls up topic words more than a random direction.]{.claim key="c10.feature_steers"}[One feature chosen by input cannot be said to call up topic words more than a random direction.]{.otherwise} [One feature chosen by output calls up topic words more than a random direction.]{.claim key="c10.output_steers"}[One feature chosen by output cannot be said to call up topic words more than a random direction.]{.otherwise} [The difference of means is ahead of one feature chosen by input.]{.claim key="c10.mean_more"}[The difference of means cannot be said to be ahead of one feature chosen by input.]{.otherwise} [The difference of means is ahead of several, too.]{.claim key="c10.mean_most"}[The difference of means cannot be said to be ahead of several.]{.otherwise} [The feature chosen by output is ahead of the one chosen by input.]{.claim key="c10.output_better"}[There is no clear advantage of choosing by output over choosing by input.]{.otherwise} As for the price, at equal length loss rises by {{< var c10.loss_feature_by_output_40 >}} nats for the feature chosen by output, {{< var c10.loss_feature_by_input_40 >}} for the one chosen by input and {{< var c10.loss_mean_difference_40 >}} for the difference of means. [By point estimates, the difference of means costs most.]{.claim key="c10.mean_costs_most"}[By point estimates, the difference of means is not the one that costs most.]{.otherwise}
#
# ::: {.when key="c10.times_mean_difference_20"}
# Consider what a price buys, too. At a length of {{< var c10.weak >}} the difference of means gives a factor of {{< var c10.times_mean_difference_20 >}} for {{< var c10.loss_mean_difference_20 >}} nats; several features at {{< var c10.strong >}} give {{< var c10.times_several_features_40 >}} for {{< var c10.loss_several_features_40 >}}. [By point estimates, the difference of means gets more for less.]{.claim key="c10.mean_bargain"}[Even by point estimates, the difference of means does not get more for less.]{.otherwise}
# :::
#
# In what is written the judge's probability rises, at a length of {{< var c10.strong >}}, by {{< var c10.verdict_most >}} where it rises most. [At this length no direction raises it by 0.2.]{.claim key="c10.written_small"}[Some direction raises it by 0.2 or more.]{.otherwise} It changes by {{< var c10.verdict_mean_difference_40 >}} with the difference of means and by {{< var c10.verdict_feature_by_input_40 >}} with one feature (by input). [In writing, too, the difference of means does better than one feature chosen by input.]{.claim key="c10.mean_more_written"}[In writing, the difference of means cannot be said to do better than one feature chosen by input.]{.otherwise} [In writing, too, that feature does better than a random direction.]{.claim key="c10.feature_written"}[In writing, that feature cannot be said to do better than a random direction.]{.otherwise} [Whoever wants to steer this model, with these dictionaries, does better to gather labels and take a difference of means: it is ahead of one feature chosen by input and of several, in topic words and in writing. Whether it is ahead of the feature chosen by output was not tested.]{.claim key="c10.labels_pay"}[The difference of means is not clearly ahead of one feature chosen by input and of several both in topic words and in writing, so gathering labels cannot be said to be better always.]{.otherwise} The merit of features is that they offer directions where there are no labels; as features were chosen by labels here, that merit was not put to the test. What such a direction makes the model write is known only after ablating or adding it.

# %% [markdown] tags=["ko"]
# ### 고정하기, 끄기, 그리고 자리 {#sec-intervene-clamp}
#
# 더하기는 특징이 켜져 있든 꺼져 있든 같은 만큼 민다. 앞선 연구가 다음 과제로 남긴 것은 고정(clamp)이다 [@brainsurgery; @templeton2024]. 입력으로 고른 특징을 모든 토큰에서 한 값에 고정한다. 값은 그 특징이 켜진 토큰에서 활성값의 99번째 백분위수의 {{< var c10.multiples >}}배이고, 0배는 끄기이다. 한 배는 활성값의 평균 길이의 {{< var c10.high >}}에 해당한다(주제의 평균). 견주는 것은 자주 켜지는 특징 가운데 무작위로 고른 하나를 같은 값에 고정한 것이다. 또 같은 방향을 길이 {{< var c10.strong >}}로 어디에 더하는지도 바꾼다. 모든 토큰, 첫머리의 마지막 토큰 하나, 첫머리 뒤에 쓴 토큰들이다.
#
# 재는 것은 위와 같다. 다만 더하는 자리를 구별할 수 있도록, 시험 문장 {{< var c10.n_ends >}}개에서 마지막 {{< var c10.n_after >}}토큰을 모델이 쓴 글로, 그 앞을 첫머리로 치고 이 토큰들의 손실과 그 자리에서 주제 낱말에 주는 확률만 잰다. 그래서 같은 방향을 모든 토큰에 더한 줄의 수도 [@fig-intervene-steer]의 것과 조금 다르다.
#
# **예상.** 배수가 커지면 주제 낱말도 손실도 늘 것이고, 무작위 특징은 손실만 늘릴 것이다. 끄기는 거의 아무것도 바꾸지 않을 것이다. 그 주제가 아닌 글에서는 이미 꺼져 있는 때가 많기 때문이다. 토큰 하나에만 더한 것은 쓰는 토큰마다 더한 것보다 글을 덜 바꿀 것이다. 무작위 특징을 고정해도 주제 낱말이 그만큼 는다면, 고정해서 본 변화는 그 특징의 것이 아니다.

# %% [markdown] src="80cd" tags=["en"]
# ### Clamping, ablating, and where {#sec-intervene-clamp}
#
# Adding pushes by the same amount whether the feature is on or off. What an earlier study left as its next step is clamping [@brainsurgery; @templeton2024]. The feature chosen by input is held at one value at all tokens: {{< var c10.multiples >}} times the 99th percentile of its activation where it is on; 0 times is ablation. That percentile is {{< var c10.high >}} of the mean length of activations (mean over topics). It is compared with a feature drawn at random from those that are often on, held at the same value. We also vary where the same direction is added, at length {{< var c10.strong >}}: at all tokens, at the last token of the beginning alone, or at the tokens written after it.
#
# What we measure is as above, except that, so that places can be told apart, the last {{< var c10.n_after >}} tokens of {{< var c10.n_ends >}} held-out sentences stand for what is written and those before them for the beginning: loss and the probability of topic words are those of these tokens alone. The line for adding at all tokens therefore differs a little from [@fig-intervene-steer].
#
# **Expectation.** With larger multiples topic words and loss will both grow, and a random feature will only raise the loss. Ablation will change hardly anything, since in texts on other topics the feature is often off already. Adding at one token will change what is written less than adding at every token that is written. If holding a random feature calls up as many topic words, what clamping shows is not the feature's doing.

# %%
multiples, n_after, n_ends = [0, 1, 2], 8, 20  # of the high value; tokens at the end of a sentence; sentences

# %%
chosen = {t: int(detection.rises(X_MF, big == t).argmax()) for t in topics}
usual = np.setdiff1d(np.flatnonzero(often_F), list(chosen.values()))
chance = dict(zip(topics, np.random.default_rng(seed).choice(usual, len(topics), replace=len(usual) < len(topics)), strict=True))
firing = {t: X_NF[:, [f]].data for t, f in chosen.items()}
high = {t: float(np.quantile(values[values > 0], 0.99)) for t, values in firing.items()}

# %%
def placed(topic):
    """Edits by name, each as it is made while the model writes and as it is made in a held-out sentence."""
    step = iv.add(topk.W_dec_FD[chosen[topic]].detach(), strong * norm)
    edits = {f"{name}_{m}": iv.clamp(topk, int(feature), m * high[topic])
             for name, feature in (("clamp", chosen[topic]), ("chance", chance[topic])) for m in multiples if m or name == "clamp"}  # fmt: skip
    return {name: (edit, edit) for name, edit in edits.items()} | {
        "at_all": (step, step),
        "at_last": (iv.during(iv.only(step, [-1]), "prompt"), iv.only(step, [-n_after - 1])),
        "at_written": (iv.during(step, "writing"), iv.only(step, range(-n_after, 0))),
    }

# %%
ends = held[:n_ends]
plain_after, edited = measure(ends, last=n_after), []
for i, t in enumerate(topics):
    for edit, (while_writing, while_reading) in placed(t).items():
        moved = measure(ends, patch=(middle, while_writing), reading=(middle, while_reading), last=n_after)
        edited.append({"topic": t, "edit": edit} | moved.change(plain_after, t, i))

# %%
by_edit = pd.DataFrame(edited).pivot_table(index="topic", columns="edit", values=["verdict", "mass", "loss"], sort=False)

# %%
def spanned(at, fmt):
    """A mean and its interval as a table shows them."""
    return f"{at[0]:{fmt}} [{at[1][0]:{fmt}}, {at[1][1]:{fmt}}]".replace("-", "\u2212")

# %%
def edit_span(what, edit, other=None):
    """The mean over topics of what an edit does, or of how far it is ahead of another, and its 95% interval."""
    each = (by_edit[what][edit] - (by_edit[what][other] if other else 0)).to_numpy()
    return each.mean(), probing.interval(probing.cluster_bootstrap(each, np.arange(len(each)), draws, seed)[:, 0])

# %%
moves = {edit: {what: edit_span(what, edit) for what in ("mass", "verdict", "loss")} for edit in by_edit["mass"].columns}
for edit, at in moves.items():
    (doublings, span), (verdict, verdict_span), (price, price_span) = at.values()
    results.record(f"times_{edit}", 2**doublings, "times", ".2f", interval=(2 ** span[0], 2 ** span[1]), tolerance=0.4)
    results.record(f"verdict_{edit}", verdict, "probability", "+.3f", interval=verdict_span, tolerance=0.05)
    results.record(f"loss_{edit}", price, "nats/token", "+.2f", interval=price_span, tolerance=0.15)
results.record("multiples", ", ".join(str(m) for m in multiples), "text")
results.record("n_after", n_after, "tokens", tolerance=0)
results.record("n_ends", len(ends), "sentences", tolerance=0)
results.record("top", multiples[-1], "times", tolerance=0)
results.record("high", np.mean(list(high.values())) * float(topk.scale) / norm, "share", ".0%", tolerance=0.05)

# %%
top = multiples[-1]
for key, what, edit, other, near in (("clamp_steers", "mass", "clamp_1", "chance_1", 0.2), ("clamp_written", "verdict", "clamp_1", "chance_1", 0.03),
                                     ("places_differ", "verdict", "at_written", "at_last", 0.03), ("one_place_steers", "mass", "at_last", None, 0.1)):  # fmt: skip
    low, high = edit_span(what, edit, other)[1]
    results.claim(key, low > 0, f"{edit} above {other or 'the untouched model'} in {what}, 95% interval over topics", against=high < 0, close=abs(low) < near)

# %%
least, less = edit_span("mass", "clamp_0")[1]
statement = "ablating the feature lowers the probability of topic words, 95% interval over topics"
results.claim("ablation_lowers", less < 0, statement, against=least > 0, close=abs(less) < 0.1)
dearer = moves[f"clamp_{top}"]["loss"][0] - moves["at_all"]["loss"][0]
results.claim("clamp_dearer", dearer > 0, "the largest clamp raises the loss more than adding the direction at all tokens", close=abs(dearer) < 0.15)

# %%
places = {"at_all": "direction added at all tokens", "at_last": "direction added at the last token of the beginning", "at_written": "direction added at written tokens"}
names = {f"clamp_{m}": f"feature held at {m}×" for m in multiples} | {f"chance_{m}": f"random feature held at {m}× of that" for m in multiples if m} | places

# %%
#| label: tbl-intervene-clamp
#| tbl-cap-ko: "입력으로 고른 특징을 고정하거나(held at, 켜진 토큰의 활성값 99번째 백분위수의 배수, 0×는 끄기), 무작위로 고른 특징을 같은 값에 고정하거나(random feature), 방향을 어떤 토큰에만 더했을 때(added at). topic words: 주제 낱말의 확률이 몇 배가 되는가, judge: 이어 쓴 글을 그 주제로 보는 판정기 확률의 변화, loss: 손실의 변화(토큰당 내트). 평균과 95% 구간은 주제에 걸친 것이다."
#| tbl-cap-en: "The feature chosen by input, held at multiples of the 99th percentile of its activation where it is on (0× is ablation), a random feature held at the same value, and the direction added at some tokens only. topic words: factor on their probability; judge: change of the judge's probability that what was written is about the topic; loss: change in nats per token. Means and 95% intervals over topics."
shown = []
for edit, name in names.items():
    (mass, mass_span), verdict, price = moves[edit].values()
    factor = 2**mass, tuple(2**bound for bound in mass_span)
    cells = zip(("topic words", "judge", "loss"), (factor, verdict, price), (".2f", "+.3f", "+.3f"), strict=True)
    shown.append({"edit": name} | {column: spanned(at, fmt) for column, at, fmt in cells})
kc.plots.table(pd.DataFrame(shown))

# %% [markdown] tags=["ko"]
# 특징을 그 99번째 백분위수에 고정하면 주제 낱말의 확률은 {{< var c10.times_clamp_1 >}}배가 되고 손실은 {{< var c10.loss_clamp_1 >}}내트 달라진다. 무작위 특징을 같은 값에 고정하면 {{< var c10.times_chance_1 >}}배, {{< var c10.loss_chance_1 >}}내트이다([@tbl-intervene-clamp]). [고정한 특징은 무작위 특징보다 주제 낱말을 더 불러온다.]{.claim key="c10.clamp_steers"}[고정한 특징이 무작위 특징보다 주제 낱말을 더 불러온다고는 할 수 없다.]{.otherwise} 판정기의 확률은 고정한 특징에서 {{< var c10.verdict_clamp_1 >}}, 무작위 특징에서 {{< var c10.verdict_chance_1 >}} 달라진다. [쓴 글에서도 고정한 특징이 무작위 특징보다 낫다.]{.claim key="c10.clamp_written"}[쓴 글에서는 고정한 특징이 무작위 특징보다 낫다고 할 수 없다.]{.otherwise} {{< var c10.top >}}배에 고정하면 손실은 {{< var c10.loss_clamp_2 >}}내트 달라지고, 주제 낱말의 확률은 {{< var c10.times_clamp_2 >}}배가 된다. [점 추정값으로는 가장 큰 배수의 고정이 모든 토큰에 더하기보다 손실이 크다. 이 고정은 활성값의 평균 길이의 {{< var c10.high >}}에 {{< var c10.top >}}를 곱한 길이로, 더하기({{< var c10.strong >}})보다 길다.]{.claim key="c10.clamp_dearer"}[점 추정값으로 가장 큰 배수의 고정도 모든 토큰에 더하기보다 손실이 크지는 않다.]{.otherwise}
#
# 특징을 끄면 주제 낱말의 확률은 {{< var c10.times_clamp_0 >}}배가 된다. [끄기만 해도 적게나마 주제 낱말이 준다. 반올림하기 전의 구간이 통째로 1 아래에 있다.]{.claim key="c10.ablation_lowers"}[끄기만 해서 주제 낱말이 준다고는 할 수 없다.]{.otherwise} 방향을 첫머리의 마지막 토큰에만 더하면 뒤따르는 토큰에서 {{< var c10.times_at_last >}}배, 쓴 토큰에만 더하면 {{< var c10.times_at_written >}}배, 모든 토큰에 더하면 {{< var c10.times_at_all >}}배이다. [한 토큰에만 더해도 뒤의 토큰에서 주제 낱말이 는다. 다만 같은 자리에 무작위 방향을 더한 것과는 견주지 않았다.]{.claim key="c10.one_place_steers"}[한 토큰에만 더해서는 뒤의 토큰에서 주제 낱말이 뚜렷이 늘지 않는다.]{.otherwise} 쓴 글의 판정은 차례로 {{< var c10.verdict_at_last >}}, {{< var c10.verdict_at_written >}}, {{< var c10.verdict_at_all >}} 달라진다. 이 수들은 무작위 특징을 고정했을 때의 변화({{< var c10.verdict_chance_1 >}})에 견주어 읽어야 한다. [글을 옮기는 데에는 쓰는 토큰마다 더하는 것이 한 토큰에 더하는 것보다 낫다.]{.claim key="c10.places_differ"}[글을 옮기는 데에 쓰는 토큰마다 더하는 것이 한 토큰에 더하는 것보다 낫다고는 할 수 없다.]{.otherwise}

# %% [markdown] src="c965" tags=["en"]
# With the feature held at its own 99th percentile, the probability of topic words is {{< var c10.times_clamp_1 >}} times what it was, and loss changes by {{< var c10.loss_clamp_1 >}} nats. With a random feature held at the same value it is {{< var c10.times_chance_1 >}} times and {{< var c10.loss_chance_1 >}} nats ([@tbl-intervene-clamp]). [The clamped feature calls up topic words more than the random one.]{.claim key="c10.clamp_steers"}[The clamped feature cannot be said to call up topic words more than the random one.]{.otherwise} The judge's probability changes by {{< var c10.verdict_clamp_1 >}} with the clamped feature and by {{< var c10.verdict_chance_1 >}} with the random one. [In writing, too, the clamped feature does better than the random one.]{.claim key="c10.clamp_written"}[In writing, the clamped feature cannot be said to do better than the random one.]{.otherwise} At {{< var c10.top >}} times the loss changes by {{< var c10.loss_clamp_2 >}} nats, and topic words are {{< var c10.times_clamp_2 >}} times as likely. [By point estimates, holding at the largest multiple costs more loss than adding at all tokens; it is {{< var c10.top >}} times {{< var c10.high >}} of the mean length of activations, longer than what is added ({{< var c10.strong >}}).]{.claim key="c10.clamp_dearer"}[By point estimates, even holding at the largest multiple costs no more loss than adding at all tokens.]{.otherwise}
#
# With the feature ablated the probability of topic words is {{< var c10.times_clamp_0 >}} times what it was. [Ablation by itself lowers topic words, if by little: before rounding the whole interval is below 1.]{.claim key="c10.ablation_lowers"}[Ablation by itself cannot be said to lower topic words.]{.otherwise} With the direction added at the last token of the beginning alone it is {{< var c10.times_at_last >}} times in the tokens that follow, at written tokens alone {{< var c10.times_at_written >}} times, and at all tokens {{< var c10.times_at_all >}} times. [Added at one token alone, it still raises topic words at later ones, though this was not compared with a random direction at that place.]{.claim key="c10.one_place_steers"}[Added at one token alone, it does not clearly raise topic words at later ones.]{.otherwise} The verdict on what is written changes by {{< var c10.verdict_at_last >}}, {{< var c10.verdict_at_written >}} and {{< var c10.verdict_at_all >}}. These have to be read beside the change of {{< var c10.verdict_chance_1 >}} that holding a random feature gives. [To move a text, adding at every token that is written does better than adding at one.]{.claim key="c10.places_differ"}[To move a text, adding at every token that is written cannot be said to do better than adding at one.]{.otherwise}

# %% [markdown] tags=["ko"]
# ## 해로운 말의 특징 {#sec-intervene-harm}
#
# 백과 글은 해로운 글에서의 평균 활성값이 무해한 글의 두 배 이상인 특징을 해로운 특징이라 하고, 그것으로 탐지와 차단을 하자고 한다. 세 가지를 확인한다. 그렇게 고른 특징이 새 글에서도 두 배를 지키는가? 특징 하나 또는 몇 개는 글자 n-그램이나 활성값 전체에 견주어 새 글을 얼마나 잘 가려내는가? 그 특징들을 끄면 뒤쪽 블록에서 그 정보가 사라지는가? 특징 여럿은 훈련 글에서 라벨에 따라 평균이 가장 많이 달라지는 것들을 골라 로지스틱 회귀로 합치고, 방법끼리는 새 글에서 잰 AUROC의 차이와 그 95% 구간으로 견준다.
#
# 악성 댓글은 이 책에 싣지 않는다. 특징이 읽는 토큰도 댓글에서는 ●로 가리며, 자기 기계에서 보려는 사람은 `harm_shown`을 켜면 된다. 책을 만드는 실행에서는 합성 말뭉치의 부정적 정서를 라벨로 삼아 같은 절차를 밟고, 댓글 말뭉치(BEEP! [@moon2020], 사람이 붙인 라벨, 공개된 개발 분할을 시험에 씀)에서 잰 수는 문장 없이 함께 적는다. `make chapters PRESET=hate`로 다시 잴 수 있다. 두 말뭉치에서 SAE는 각각의 훈련 글로 학습했다.
#
# **예상.** 두 배 기준으로 고른 특징의 다수는 새 글에서 두 배를 지키지 못할 것이다. 수천 개 가운데 드물게 켜지는 것을 고르면 우연히 치우친 것이 섞이기 때문이다. 한 특징은 우연보다 낫지만 글자 n-그램에는 미치지 못할 것이다. 열 개를 꺼도 탐침이 거의 그대로라면, 특징을 꺼서 해로운 정보를 없앴다고 말할 수 없다. 다만 무엇을 지워도 그대로인 탐침이라면 이 말에 뜻이 없으므로, 라벨이 있는 글과 없는 글의 평균을 잇는 방향의 성분을 모든 토큰에서 같게 하는 것을 대조로 둔다. 이때에는 탐침이 나빠져야 한다.

# %% [markdown] src="b20f" tags=["en"]
# ## Features of harmful language {#sec-intervene-harm}
#
# The encyclopedia article calls a feature harmful if its mean activation on harmful text is at least twice that on harmless text, and would use such features to detect and to block. We check three things. Do features chosen so keep their factor of two on new texts? How well do one feature, or a few, tell new texts apart, compared with character n-grams and with all activations? And when those features are switched off, is the information gone in later blocks? Several features are those whose means differ most with the label in training texts, put together by logistic regression, and methods are compared by the difference of their AUROC on new texts and its 95% interval.
#
# Abusive comments are not shown in this book. Tokens that features read in them are hidden too; whoever wants to see them on a machine of their own can set `harm_shown`. The run that makes this book goes through the procedure with the negative sentiment of the synthetic corpus for a label, and gives beside it, without any text, the numbers measured on a corpus of comments (BEEP! [@moon2020], labelled by people; its public development set is the test). `make chapters PRESET=hate` measures them again. For each corpus the SAE was trained on its own training texts.
#
# **Expectation.** Most features chosen by the factor of two will not keep it on new texts, since picking rarely active ones among thousands picks some that lean by chance. One feature will beat chance and fall short of character n-grams. If the probe stays nearly as it was with ten features off, one cannot say that clamping features has removed the harmful information. That would mean nothing of a probe that stays as it was whatever is erased, so for a control the component along the difference between the means of texts with and without the label is made the same at every token; this has to make the probe worse.

# %%
own = harm_corpus == corpus
harm = study if own else kc.Study(
    corpus=harm_corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late),
    n_features=n_features, k=k, steps=steps, batch_size=batch_size, seed=seed,
)  # fmt: skip
sae = harm.sae("topk", "ko", middle)[0]
sides = {split: harm.records(split) for split in ("train", "test")}
yes = {split: records.label(harm_label[0]) == harm_label[1] for split, records in sides.items()}
docs = {split: np.array([r.doc for r in records]) for split, records in sides.items()}

# %%
feats = {split: kc.document_features(sae, harm.acts(split), pool="mean") for split in sides}
raw = {split: probing.document_means(harm.acts(split)) for split in sides}
ngrams = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), min_df=2, max_features=30000)
counted = {"train": ngrams.fit_transform(sides["train"].texts), "test": ngrams.transform(sides["test"].texts)}

# %%
common_F = np.asarray((feats["train"] > 0).mean(axis=0)).ravel() > 0.01
ratio = {split: np.where(common_F, detection.specificity(feats[split], yes[split]), 0.0) for split in sides}
special = np.flatnonzero(ratio["train"] >= 2)

# %%
area_F = np.where(common_F, detection.aurocs(feats["train"], yes["train"]), 0.0)
ranked = np.argsort(-area_F)
neuron_P = detection.aurocs(raw["train"], yes["train"])
neuron = int(np.abs(neuron_P - 0.5).argmax())

# %%
def linear(X, Cs, standardise):
    """Decision values on test rows of a logistic regression on training rows, its strength chosen on held-out documents of these."""
    model = probing.linear_probe(X["train"], yes["train"], docs["train"], Cs=Cs, standardise=standardise, seed=seed)
    return model.decision_function(X["test"])

# %%
by_gap = np.argsort(-np.abs(detection.rises(feats["train"], yes["train"])))
scores = {"one feature": feats["test"][:, [int(ranked[0])]].toarray().ravel(), "one neuron": np.sign(neuron_P[neuron] - 0.5) * raw["test"][:, neuron]}
for n in harm_ks[1:]:
    scores[f"{n} features"] = linear({s: feats[s][:, by_gap[:n]] for s in sides}, (0.001, 0.01, 0.1, 1.0), True)
scores["all activations"] = linear(raw, (0.001, 0.01, 0.1, 1.0), True)
scores["character n-grams"] = linear(counted, (0.1, 1.0, 10.0), False)

# %%
found = {}
for name, score in scores.items():
    area, span = detection.auroc_interval(score, yes["test"], docs["test"], draws=draws, seed=seed)
    key = "auc_" + name.replace(" ", "_").replace("-", "_")
    found[name] = results.record(key, area, "AUROC", interval=span, tolerance=0.05), span

# %%
results.record("n_special", len(special), "features", tolerance=max(8, round(0.4 * len(special))))
still = (ratio["test"][special] >= 2).mean() if len(special) else 0.0
results.record("special_still", still, "share", ".0%", tolerance=0.2)
results.claim("few_keep", still < 0.5, "of the features chosen by the factor of two, fewer than half keep it on held-out texts", close=abs(still - 0.5) < 0.2)

# %%
results.record("one_train", area_F[ranked[0]], "AUROC", tolerance=0.04)
results.record("yes_share", yes["test"].mean(), "share", ".0%", tolerance=0.001)
results.record("n_harm_test", len(yes["test"]), "texts", tolerance=0)

# %%
X_NH, ids_N = kc.encode_store(sae, harm.acts("train")), harm.acts("train").token_ids
area_test_F = detection.aurocs(feats["test"], yes["test"])

# %%
def seen_by(feature):
    """The tokens that a feature of the label reads; hidden but for their number and length where they are not to be shown."""
    tokens = reads(feature, 4, X_NH, ids_N)
    return tokens if harm_shown else re.sub(r"[^][, ]", "●", tokens)

# %%
#| label: tbl-intervene-named
#| tbl-cap-ko: "훈련 글의 1% 넘게에서 켜지는 특징 가운데, 라벨이 있는 글에서 더 세게 켜져 라벨을 가장 잘 가려내는 다섯. AUROC와 ratio(라벨이 있는 글의 평균 활성값을 없는 글의 것으로 나눈 값)는 훈련 글과 새 글에서, on은 켜진 훈련 글의 비율, reads는 활성값이 많이 몰리는 토큰이다(댓글에서는 글자를 ●로 가린다)."
#| tbl-cap-en: "Of the features that fire on over 1% of training texts, the five that tell the label best by being higher with it. AUROC and ratio (mean activation on texts with the label over that on texts without) in training and in new texts; on: share of training texts on which it fires; reads: tokens on which most activation is spent (in comments, characters are hidden as ●)."
named = [{"feature": str(f), "AUROC, train": area_F[f], "AUROC, new": area_test_F[f], "ratio, train": ratio["train"][f], "ratio, new": ratio["test"][f],
          "on": (feats["train"][:, [int(f)]] > 0).mean(), "reads": seen_by(int(f))} for f in ranked[:5]]  # fmt: skip
kc.plots.table(pd.DataFrame(named), {"AUROC, train": ".2f", "AUROC, new": ".2f", "ratio, train": ".1f", "ratio, new": ".1f", "on": ".0%"})

# %%
harm_judged = lm.documents(sides["test"][:n_judged].texts)
seen = iv.read_out(lm, lm.documents(sides["train"][:n_probe].texts), at=last).means_MD
probe = probing.linear_probe(seen, yes["train"][:n_probe], docs["train"][:n_probe], Cs=(0.001, 0.01, 0.1, 1.0), seed=seed)
told = yes["test"][:n_judged]
held_F = np.asarray((feats["train"] > 0).mean(axis=0)).ravel()

# %%
off = {"harmful": [int(f) for f in ranked[:several]]}
alike = np.argsort(np.abs(held_F[None] - held_F[off["harmful"], None]), axis=1)
picked = np.random.default_rng(seed).integers(5, 40, several)
off["others"] = [int(alike[i, j]) for i, j in enumerate(picked)]

# %%
means = torch.tensor(np.stack([raw["train"][answer].mean(axis=0) for answer in (yes["train"], ~yes["train"])]), dtype=torch.float32)
edits = {name: iv.clamp(sae, features) for name, features in off.items()}
edits["levelled"] = iv.level(means[0] - means[1], means.mean(0))

# %%
after = {}
for name in ("clean", *edits):
    patch = (middle, edits[name]) if name in edits else None
    out = iv.read_out(lm, harm_judged, (), patch, at=last)
    after[name] = {"score": probe.decision_function(out.means_MD), "loss": out.loss_M}

# %%
def over(values_M, rows_M):
    """The mean over some of the texts, and its 95% interval over documents or templates."""
    chosen_m = np.asarray(values_M, dtype=float)[rows_M]
    return chosen_m.mean(), probing.interval(probing.cluster_bootstrap(chosen_m, docs["test"][:n_judged][rows_M], draws, seed)[:, 0])

# %%
clamped = []
for name, at in after.items():
    row = {"AUROC": detection.auroc_interval(at["score"], told, docs["test"][:n_judged], draws=draws, seed=seed)}
    row |= {"named": over(at["score"] > 0, told), "alarm": over(at["score"] > 0, ~told)}
    row |= {kind: over(at["loss"] - after["clean"]["loss"], rows) for kind, rows in (("yes", told), ("no", ~told))}
    results.record(f"read_{name}", row["AUROC"][0], "AUROC", interval=row["AUROC"][1], tolerance=0.06)
    for key in ("named", "alarm"):
        results.record(f"{key}_{name}", row[key][0], "share", ".0%", interval=row[key][1], tolerance=0.12)
    for kind in ("yes", "no") if name in edits else ():
        results.record(f"cost_{kind}_{name}", row[kind][0], "nats/token", "+.3f", interval=row[kind][1], tolerance=0.05)
    clamped.append({"name": name} | row)

# %%
for kind, rows in (("yes", told), ("no", ~told)):
    results.record(f"loss_{kind}_clean", after["clean"]["loss"][rows].mean(), "nats/token", ".2f", tolerance=0.1)
results.record("n_told", int(told.sum()), "texts", tolerance=0)
results.record("n_read", len(told), "texts", tolerance=0)

# %%
named_less, span = over((after["harmful"]["score"] > 0) * 1.0 - (after["others"]["score"] > 0), told)
results.record("named_less", 100 * named_less, "points", "+.0f", interval=(100 * span[0], 100 * span[1]), tolerance=8)
statement = "with the label's features at zero fewer of its texts are named than with other features at zero, 95% interval over documents"
results.claim("named_falls", span[1] < 0, statement, against=span[0] > 0, close=abs(span[1]) < 0.05)
least, spared = clamped[1]["no"][1]
statement = "with the label's features at zero the loss on other texts rises by less than 0.02 nats, 95% interval over documents"
results.claim("ordinary_spared", spared < 0.02, statement, against=least > 0.02, close=abs(spared - 0.02) < 0.02)

# %%
low, high = found["one feature"][1]
statement = "one feature tells better than chance on held-out texts, 95% interval over documents"
results.claim("one_tells", low > 0.5, statement, against=high < 0.5, close=abs(low - 0.5) < 0.04)

# %%
def ahead_of(one, other):
    """How far the area of one method is above that of another on held-out texts, and its 95% interval over documents."""
    return detection.auroc_difference(scores[one], scores[other], yes["test"], docs["test"], draws=draws, seed=seed)

# %%
some, most = (f"{n} features" for n in (harm_ks[1], harm_ks[-1]))
for key, name, method, other in (("many_tell", "some", some, "one feature"), ("most_over_fewer", "most", most, some),
                                 ("neuron_over_feature", "neuron", "one neuron", "one feature")):  # fmt: skip
    ahead, (low, high) = ahead_of(method, other)
    results.record(f"gain_{name}", ahead, "AUROC", "+.3f", interval=(low, high), tolerance=0.05)
    statement = f"{method} above {other} on held-out texts, 95% interval over documents of the difference"
    results.claim(key, low > 0, statement, against=high < 0, close=min(abs(low), abs(high)) < 0.05)
results.record("some_used", harm_ks[1], "features", tolerance=0)
results.record("most_used", harm_ks[-1], "features", tolerance=0)

# %%
best_auc = found["character n-grams"]
spans = [ahead_of("character n-grams", name)[1] for name in found if name != "character n-grams"]
statement = "character n-grams are above every other method on held-out texts, 95% intervals over documents of the differences"
results.claim("ngrams_best", min(low for low, _ in spans) > 0, statement, against=min(high for _, high in spans) < 0, close=True)

# %%
counted_out = best_auc[0] - max(v[0] for n, v in found.items() if "feature" in n)
results.claim("few_below", counted_out >= 0, "no number of features tells better than character n-grams, by point estimates", close=abs(counted_out) < 0.05)
lost_by = {}
for name in edits:
    pair = after["clean"]["score"], after[name]["score"]
    lost_by[name] = detection.auroc_difference(*pair, told, docs["test"][:n_judged], draws=draws, seed=seed)
    results.record(f"drop_{name}", lost_by[name][0], "AUROC", "+.3f", interval=lost_by[name][1], tolerance=0.05)

# %%
low, high = lost_by["harmful"][1]
statement = "with several features at zero the later probe loses less than 0.05 AUROC, 95% interval over documents"
results.claim("clamp_harmless", high < 0.05, statement, against=low > 0.05, close=abs(high - 0.05) < 0.04)
low, high = lost_by["levelled"][1]
statement = "with the difference of means levelled the later probe loses AUROC, 95% interval over documents"
results.claim("level_harms", low > 0, statement, against=high < 0, close=abs(low) < 0.04)

# %%
def lost(row, kind, rows):
    return f"{after[row['name']]['loss'][rows].mean():.2f}" + (f" ({spanned(row[kind], '+.3f')})" if row["name"] in edits else "")

# %%
#| label: tbl-intervene-clamped
#| tbl-cap-ko: "라벨의 특징을 껐을 때(0에 고정). untouched: 그대로, label's features at 0: 라벨을 가장 잘 가려내는 특징을 끔, other features at 0: 비슷하게 자주 켜지는 다른 특징을 끔, difference of means levelled: 라벨이 있는 글과 없는 글의 평균을 잇는 방향의 성분을 모든 토큰에서 같게 함. named, false alarms: 마지막 블록의 탐침이 라벨이 있는 글과 없는 글 가운데 있다고 부른 몫, loss: 라벨이 있는 글과 없는 글의 손실(토큰당 내트), 괄호 안은 그대로 둘 때보다 오른 만큼. 95% 구간은 글이 속한 묶음(합성 문장은 문장틀, 댓글은 글 하나하나)을 다시 뽑은 것이다."
#| tbl-cap-en: "The label's features held at 0. untouched: as it is; label's features at 0: those that tell the label best; other features at 0: others that are on about as often; difference of means levelled: the component along the line between the means of texts with and without the label is made the same at every token. named, false alarms: the share that the probe of the last block names among texts with and without the label; loss: on texts with and without the label, in nats per token, in parentheses its rise. 95% intervals are over groups of texts (the templates of synthetic sentences; each comment by itself)."
texts = {"clean": "untouched", "harmful": "label's features at 0", "others": "other features at 0", "levelled": "difference of means levelled"}
kc.plots.table(pd.DataFrame([{"features": texts[row["name"]], "named": spanned(row["named"], ".0%"), "false alarms": spanned(row["alarm"], ".0%"),
                              "AUROC": spanned(row["AUROC"], ".2f"), "loss, with": lost(row, "yes", told), "loss, without": lost(row, "no", ~told)}
                             for row in clamped]))  # fmt: skip

# %%
#| label: fig-intervene-harm
#| fig-cap-ko: "라벨(합성 문장의 부정적 정서, 또는 댓글의 악성 여부)을 새 글에서 가려내는 정도(AUROC와 95% 구간, [@tbl-intervene-clamped]에서처럼 묶음을 다시 뽑음). 특징과 뉴런은 훈련 글에서 골랐다. 점선은 우연이다."
#| fig-cap-en: "How well the label (negative sentiment of synthetic sentences, or abuse in comments) is detected in new texts (AUROC with 95% intervals over groups of texts, as in [@tbl-intervene-clamped]). Features and the neuron were chosen on training texts. Dotted: chance."
#| fig-alt-ko: "방법마다 점 하나와 구간 하나. 가로축은 AUROC이다."
#| fig-alt-en: "One dot and one interval for each method; the horizontal axis is AUROC."
fig, ax = plt.subplots(figsize=(0.8 * kc.plots.WIDTH, 2.6))
names = list(found)[::-1]
areas = np.array([found[n][0] for n in names])
spans = np.array([found[n][1] for n in names])
ax.errorbar(areas, range(len(names)), xerr=[areas - spans[:, 0], spans[:, 1] - areas], fmt="o", ms=4, lw=1)
ax.axvline(0.5, color="#777777", ls=":", lw=0.8)
ax.set_yticks(range(len(names)), names)
ax.set(xlabel="AUROC on held-out texts")
kc.plots.save(fig, "fig-intervene-harm")
# %% [markdown] tags=["ko"]
# 이 실행의 새 글 {{< var c10.n_harm_test >}}개 가운데 라벨이 있는 것은 {{< var c10.yes_share >}}이고, 댓글에서는 {{< var hate:c10.n_harm_test >}}개 가운데 {{< var hate:c10.yes_share >}}이다. 두 배 기준을 넘는 특징은 이 실행에서 {{< var c10.n_special >}}개이고, 새 글에서도 두 배를 지킨 것은 {{< var c10.special_still >}}이다. [예상대로 절반이 넘는 특징이 지키지 못한다.]{.claim key="c10.few_keep"}[예상과 달리 절반 이상이 지킨다.]{.otherwise} 댓글에서는 {{< var hate:c10.n_special >}}개 가운데 {{< var hate:c10.special_still >}}가 지키니, 이 기준이 새 글에서 얼마나 남는지는 말뭉치에 따라 다르다. 가장 나은 특징 하나의 AUROC는 훈련 글에서 {{< var c10.one_train >}}, 새 글에서 {{< var c10.auc_one_feature >}}이다([@fig-intervene-harm], 읽는 토큰은 [@tbl-intervene-named]). [한 특징은 우연보다 낫다.]{.claim key="c10.one_tells"}[구간의 아래 끝이 0.5를 넘지 않아, 한 특징이 우연보다 낫다고 할 수 없다.]{.otherwise} 가장 나은 뉴런 하나는 {{< var c10.auc_one_neuron >}}이다. [뉴런 하나가 특징 하나보다 낫다.]{.claim key="c10.neuron_over_feature"}[뉴런 하나가 특징 하나보다 낫다고 할 수는 없다.]{.otherwise} 특징 {{< var c10.some_used >}}개를 쓰면 {{< var c10.auc_10_features >}}, {{< var c10.most_used >}}개를 쓰면 {{< var c10.auc_50_features >}}, 활성값 전체로는 {{< var c10.auc_all_activations >}}, 글자 n-그램으로는 {{< var c10.auc_character_n_grams >}}이다. [특징 {{< var c10.some_used >}}개는 하나보다 낫다.]{.claim key="c10.many_tell"}[특징 {{< var c10.some_used >}}개가 하나보다 낫다고 할 수는 없다.]{.otherwise} [{{< var c10.most_used >}}개는 {{< var c10.some_used >}}개보다 낫다.]{.claim key="c10.most_over_fewer"}[{{< var c10.most_used >}}개가 {{< var c10.some_used >}}개보다 낫다고 할 수는 없다.]{.otherwise} [가장 잘 가려내는 것은 글자 n-그램이다.]{.claim key="c10.ngrams_best"}[글자 n-그램이 다른 방법을 모두 뚜렷이 앞서지는 않는다.]{.otherwise} 댓글에서는 특징 하나 {{< var hate:c10.auc_one_feature >}}, 특징 {{< var c10.some_used >}}개 {{< var hate:c10.auc_10_features >}}, 활성값 전체 {{< var hate:c10.auc_all_activations >}}, 글자 n-그램 {{< var hate:c10.auc_character_n_grams >}}이다.
#
# 훈련 글에서 AUROC가 가장 높은 특징 {{< var c10.several >}}개를 q2에서 끄고(위에서 로지스틱 회귀로 합친 것들과는 고른 방법이 다르다) 새 글 {{< var c10.n_read >}}개(라벨이 있는 것 {{< var c10.n_told >}}개)를 읽힌다([@tbl-intervene-clamped]). 마지막 블록에서 같은 라벨을 읽는 탐침의 AUROC는 끄기 전 {{< var c10.read_clean >}}, 끈 뒤 {{< var c10.read_harmful >}}이고, 켜지는 비율이 비슷한 다른 특징 {{< var c10.several >}}개를 껐을 때는 {{< var c10.read_others >}}이다. 댓글에서는 차례로 {{< var hate:c10.read_clean >}}, {{< var hate:c10.read_harmful >}}, {{< var hate:c10.read_others >}}이다. 이 실행에서 특징을 껐을 때 뒤의 탐침이 잃는 것은 {{< var c10.drop_harmful >}}이다. [95% 구간이 0.05 아래에 있다. 훈련 글에서 라벨을 가장 잘 가려낸 특징들을 꺼도 뒤의 탐침은 라벨을 거의 그대로 읽는다. 다만 이 특징들이 새 글에서 라벨을 가려내지 못한다면([@tbl-intervene-named]), 정보가 다른 곳에도 있어서가 아니라 끈 특징에 처음부터 거의 없었기 때문일 수 있다.]{.claim key="c10.clamp_harmless"}[95% 구간이 통째로 0.05 아래에 있지는 않으므로, 정보가 그대로 남는다고 말할 수 없다.]{.otherwise} 대조로 두 평균을 잇는 방향의 성분을 모든 토큰에서 같게 하면 AUROC는 {{< var c10.read_levelled >}}이고, 잃는 것은 {{< var c10.drop_levelled >}}이다. [이 대조에서는 탐침이 나빠지므로, 무엇을 지워도 그대로인 탐침은 아니다.]{.claim key="c10.level_harms"}[이 대조에서도 탐침이 뚜렷이 나빠지지는 않으므로, 특징을 꺼도 그대로라는 결과로 말할 수 있는 것은 적다.]{.otherwise}
#
# 판정도 본다. 탐침은 라벨이 있는 글 가운데 {{< var c10.named_clean >}}를 라벨이 있다고 판정하고, 그 특징들을 끄면 {{< var c10.named_harmful >}}, 다른 특징들을 끄면 {{< var c10.named_others >}}를 그렇게 판정한다. 둘의 차이는 {{< var c10.named_less >}}%포인트이다. [라벨의 특징을 끄면 있다고 판정하는 글이 다른 특징을 끌 때보다 줄어든다.]{.claim key="c10.named_falls"}[이 차이의 구간이 통째로 0보다 낮지는 않으므로, 다른 특징을 끌 때보다 줄어든다고 할 수 없다.]{.otherwise} 댓글에서는 차례로 {{< var hate:c10.named_clean >}}, {{< var hate:c10.named_harmful >}}, {{< var hate:c10.named_others >}}이다. 라벨이 없는 글의 손실은 토큰당 {{< var c10.cost_no_harmful >}}내트, 댓글에서는 {{< var hate:c10.cost_no_harmful >}}내트 달라진다. [이 실행에서는 구간이 통째로 0.02내트 아래에 있어, 다른 글이 치르는 대가는 거의 없다.]{.claim key="c10.ordinary_spared"}[이 실행에서는 구간이 통째로 0.02내트 아래에 있지는 않아, 다른 글이 대가를 치르지 않는다고 할 수 없다.]{.otherwise}
#
# [탐지에서 특징은 {{< var c10.most_used >}}개를 써도 글자 n-그램이라는 간단한 기준선을 넘지 못했다.]{.claim key="c10.few_below"}[탐지에서 특징은 글자 n-그램이라는 간단한 기준선보다 나은 점 추정값을 얻었다.]{.otherwise} 특징에 기대할 것은 성능보다도, 무엇을 보고 그렇게 판단했는지를 들여다볼 수 있다는 점이다.

# %% [markdown] src="15d3" tags=["en"]
# Of the {{< var c10.n_harm_test >}} new texts of this run {{< var c10.yes_share >}} have the label, and of {{< var hate:c10.n_harm_test >}} comments {{< var hate:c10.yes_share >}}. By the factor of two there are {{< var c10.n_special >}} features in this run, of which {{< var c10.special_still >}} keep it on new texts. [As expected, most do not keep it.]{.claim key="c10.few_keep"}[Against our expectation, half of them or more keep it.]{.otherwise} For comments it is {{< var hate:c10.special_still >}} of {{< var hate:c10.n_special >}}, so how much of it is left on new texts depends on the corpus. The best single feature has an AUROC of {{< var c10.one_train >}} on training texts and {{< var c10.auc_one_feature >}} on new ones ([@fig-intervene-harm]; [@tbl-intervene-named] has what it reads). [One feature does better than chance.]{.claim key="c10.one_tells"}[Its interval does not lie above 0.5, so one feature cannot be called better than chance.]{.otherwise} The best single neuron has {{< var c10.auc_one_neuron >}}. [One neuron does better than one feature.]{.claim key="c10.neuron_over_feature"}[One neuron cannot be said to do better than one feature.]{.otherwise} With {{< var c10.some_used >}} features it is {{< var c10.auc_10_features >}}, with {{< var c10.most_used >}} of them {{< var c10.auc_50_features >}}, with all activations {{< var c10.auc_all_activations >}} and with character n-grams {{< var c10.auc_character_n_grams >}}. [Using {{< var c10.some_used >}} features does better than using one.]{.claim key="c10.many_tell"}[Using {{< var c10.some_used >}} features cannot be said to do better than using one.]{.otherwise} [Using {{< var c10.most_used >}} does better than using {{< var c10.some_used >}}.]{.claim key="c10.most_over_fewer"}[Using {{< var c10.most_used >}} cannot be said to do better than using {{< var c10.some_used >}}.]{.otherwise} [Character n-grams do best.]{.claim key="c10.ngrams_best"}[Character n-grams are not clearly ahead of every other method.]{.otherwise} For comments it is {{< var hate:c10.auc_one_feature >}} with one feature, {{< var hate:c10.auc_10_features >}} with {{< var c10.some_used >}}, {{< var hate:c10.auc_all_activations >}} with all activations and {{< var hate:c10.auc_character_n_grams >}} with character n-grams.
#
# With the {{< var c10.several >}} features of highest AUROC on training texts switched off at q2 (chosen in another way than those put together by logistic regression above), the model reads {{< var c10.n_read >}} new texts, {{< var c10.n_told >}} of them with the label ([@tbl-intervene-clamped]). The AUROC of a probe that reads the same label at the last block is {{< var c10.read_clean >}} before and {{< var c10.read_harmful >}} after; with {{< var c10.several >}} other features that are on about as often it is {{< var c10.read_others >}}. For comments it is {{< var hate:c10.read_clean >}}, {{< var hate:c10.read_harmful >}} and {{< var hate:c10.read_others >}}. In this run clamping costs the later probe {{< var c10.drop_harmful >}}. [The 95% interval is below 0.05. With the features that told the label best in training texts switched off, the later probe reads the label almost as before. But where these do not tell it in new texts ([@tbl-intervene-named]), the reason may be not that the information is elsewhere too but that these features hardly held it to begin with.]{.claim key="c10.clamp_harmless"}[The 95% interval does not lie wholly below 0.05, so the information cannot be said to stay as it was.]{.otherwise} For a control, with the component along the difference of the two means made the same at every token, the AUROC is {{< var c10.read_levelled >}}, a loss of {{< var c10.drop_levelled >}}. [This control makes the probe worse, so it does not stay as it was whatever is erased.]{.claim key="c10.level_harms"}[Even this control does not clearly make the probe worse, so little follows from its staying as it was with the features off.]{.otherwise}
#
# As for verdicts, the probe names {{< var c10.named_clean >}} of the texts that have the label, {{< var c10.named_harmful >}} with those features held and {{< var c10.named_others >}} with the other features held. The two differ by {{< var c10.named_less >}} percentage points. [Holding the label's features makes the probe name fewer of its texts than holding others does.]{.claim key="c10.named_falls"}[The interval of this difference does not lie wholly below 0, so holding them cannot be said to make it fewer than holding others does.]{.otherwise} For comments it is {{< var hate:c10.named_clean >}}, {{< var hate:c10.named_harmful >}} and {{< var hate:c10.named_others >}}. Loss on texts without the label changes by {{< var c10.cost_no_harmful >}} nats per token, and for comments by {{< var hate:c10.cost_no_harmful >}}. [In this run the whole interval is below 0.02 nats, so other texts pay next to nothing.]{.claim key="c10.ordinary_spared"}[In this run the interval does not lie wholly below 0.02 nats, so other texts cannot be said to pay nothing.]{.otherwise}
#
# [In detection, even {{< var c10.most_used >}} features did not beat a simple baseline, character n-grams.]{.claim key="c10.few_below"}[In detection, features had a better point estimate than a simple baseline, character n-grams.]{.otherwise} What to expect of features is less performance than a place to look at what a verdict rests on.

# %% [markdown] tags=["ko"]
# ## 무엇이 이 결론을 뒤집는가 {#sec-intervene-refute}
#
# 이 모델은 작고 글을 매끄럽게 쓰지 못한다. 큰 모델에서는 특징 하나가 이어 쓴 글을 뚜렷이 바꾼다는 보고가 많으므로, 여기서 특징 하나에 대해 잰 것을 특징 일반의 것으로 옮겨서는 안 된다. 사전을 더 오래, 더 크게 학습했을 때 특징 하나가 평균의 차를 따라잡는다면 여기의 결론은 사전의 것이지 특징의 것이 아니다. 조향에 치르는 값을 시험 문장의 손실로 잰 것도 하나의 선택이다. 사람이 읽어 어색함을 매기면 순서가 달라질 수 있다.

# %% [markdown] src="5c99" tags=["en"]
# ## What would overturn this {#sec-intervene-refute}
#
# This model is small and does not write fluently. Single features are often reported to change the writing of large models plainly, so what is measured here of one feature must not be taken for that of features in general. If with larger dictionaries, trained for longer, one feature catches up with the difference of means, the conclusion was about these dictionaries and not about features. To take loss on held-out sentences as the price of steering is a choice as well. People who grade how odd a text reads might order things differently.
