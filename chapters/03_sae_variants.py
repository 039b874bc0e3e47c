# %% [markdown] tags=["ko"]
# # 희소 오토인코더의 변형 {#sec-variants}
#
# 활성값 하나를 방향 몇 개의 합으로 푸는 일에는 결정이 둘 들어 있다. 어느 특징(feature)을 켤 것인가, 그리고 켠 특징에 얼마를 줄 것인가. 변형들은 이 두 결정을 다루는 방식에서 갈린다. 표준형(standard)은 벌점 하나로 둘을 한꺼번에 정하고 [@bricken2023; @cunningham2023], 게이트형(gated)은 둘을 갈라놓으며 [@rajamanoharan2024gated], TopK는 켤 수를 미리 정한다 [@gao2024]. 이 셋을 자세히 본 다음, 거기서 갈라져 나온 BatchTopK, Matryoshka, JumpReLU와 p-annealing을 잇는다.
#
# 물음은 다섯이다. 식이 말하는 것과 코드가 계산하는 것은 같은가? 같은 활성값에서, 그리고 같은 수를 켤 때 변형들은 무엇이 다른가? 정답을 아는 자료에서 어느 변형이 정답을 되찾으며, 정답을 모를 때 보는 지표는 그것을 알려 주는가? 비용은 얼마인가? 그리고 독자가 새 변형을 만들려면 무엇이 필요한가?
#
# 희소 오토인코더를 소개한 어느 한국어 백과 글은 여기에 대답을 적어 두었다. L1은 활성값을 줄이지만 게이트형은 그렇지 않고, TopK는 희소성을 정확히 정하며, 게이트형에는 인코더 매개변수가 약 두 배로 든다는 것이다. @{memesoo99}는 TopK를 쓰면 L1의 조정과 활성값의 붕괴를 피할 수 있다고 했다. 이 주장들을 하나씩 잰다.

# %% [markdown] src="3412" tags=["en"]
# # Variants of the sparse autoencoder {#sec-variants}
#
# To take an activation apart into a sum of a few directions is to make two decisions: which features to turn on, and how much to give to each. Variants differ in how they decide. The standard one settles both with a single penalty [@bricken2023; @cunningham2023], the gated one separates them [@rajamanoharan2024gated], and TopK fixes beforehand how many are on [@gao2024]. After a close look at these three come those that branch off from them: BatchTopK, Matryoshka, JumpReLU and p-annealing.
#
# There are five questions. Does the code compute what the equations say? How do variants differ on the same activations, and when they turn on equally many features? On data whose answer is known, which variant finds the answer again, and do the measures we look at when it is unknown tell us so? What does each cost? And what does a reader need to write a new one?
#
# An encyclopedia article in Korean that introduces sparse autoencoders has answers ready: L1 shrinks activations and gating does not, TopK sets sparsity exactly, and the gated form needs about twice the encoder parameters. @{memesoo99} adds that TopK avoids the tuning of L1 and the collapse of activations. We measure these claims one by one.

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
loss_documents = 100
n_seeds = 3
stability_seeds = 5
planted_d = 64
planted_features = 128
planted_active = 3
planted_tokens = 60000
planted_steps = 300
levels = {"standard": [0.06, 0.2, 0.6], "gated": [0.15, 0.3, 0.6], "topk": [3, 6, 12], "jumprelu": [0.003, 0.03, 0.3]}
pareto_variants = ["standard", "p_anneal", "gated", "gated_anneal", "jumprelu", "topk", "batchtopk", "matryoshka"]
pareto_l0 = [16, 64]
pareto_langs = ["ko"]
pareto_seeds = [0]
pareto_steps = 200
pareto_features = 512
pareto_documents = 60
cost_rounds = 15

# %%
import copy
import dataclasses
import functools
import itertools
import tempfile
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

import kosae_core as kc
from kosae_core import kernels, losses, statistics
from kosae_core.base import Objective
from kosae_core.planted import Planted, PlantedConfig, absorption, recovery
from kosae_core.statistics import seed_range

kc.plots.house_style()
VARIANTS = ("standard", "gated", "topk")
LATER = ("p_anneal", "gated_anneal", "jumprelu", "batchtopk", "matryoshka")
COLORS = kc.plots.VARIANT_COLORS
seeds = range(seed, seed + n_seeds)
results = kc.Results(chapter="03", preset=preset, seeds=(seed,))


# %% [markdown] tags=["ko"]
# ## 공통의 틀 {#sec-var-frame}
#
# 어느 변형도 활성값을 그대로 받지 않는다. 평균을 빼고 원소의 제곱평균제곱근(RMS)이 1이 되도록 나누며, 평균과 나눈 수를 가중치와 함께 저장한다. 그래야 벌점의 계수 하나가 층과 모델이 달라도 같은 뜻을 지닌다. 이렇게 고른 입력을 $x$, 차원을 $d$, 특징의 수를 $F$라 하면 인코더와 디코더는 다음과 같다.
#
# $$ \pi = (x - b_{\mathrm{dec}})\, W_{\mathrm{enc}}, \qquad f = \sigma(\pi), \qquad \hat x = f\, W_{\mathrm{dec}} + b_{\mathrm{dec}} $$ {#eq-var-frame}
#
# $W_{\mathrm{dec}}$의 행은 특징의 방향이며 길이가 1로 묶인다. 묶지 않으면 방향을 길게, $f$를 작게 하여 벌점만 피하는 길이 열린다. 식에서 변형을 가르는 것은 활성함수 $\sigma$와 목적함수이다. 학습 절차가 다른 곳은 그 자리에서 밝힌다.
#
# 처음 볼 세 오토인코더는 한국어 문장의 같은 활성값에서 같은 걸음만큼 학습한 것으로, 기본 설정에서는 4장과 5장도 이것을 쓴다. 벌점의 계수와 학습률은 변형마다 따로 고른 기본값이어서(`kosae_core/sae.py`, TopK 계열은 `base.py`) 서로 다르다. 그러므로 변형 사이의 차이에는 이 선택의 몫도 들어 있다.

# %% [markdown] src="127d" tags=["en"]
# ## The common frame {#sec-var-frame}
#
# No variant takes activations as they come. The mean is subtracted and the rest divided so that its elements have a root mean square (RMS) of 1, and the mean and the divisor are kept with the weights. Only then does one coefficient of a penalty mean the same in other layers and models. With the input so prepared called $x$, its dimension $d$ and the number of features $F$, encoder and decoder are
#
# $$ \pi = (x - b_{\mathrm{dec}})\, W_{\mathrm{enc}}, \qquad f = \sigma(\pi), \qquad \hat x = f\, W_{\mathrm{dec}} + b_{\mathrm{dec}} $$ {#eq-var-frame}
#
# The rows of $W_{\mathrm{dec}}$ are the directions of the features, held at length 1. Otherwise long directions with small $f$ would be a way around any penalty. In the equations, variants differ in the activation function $\sigma$ and in the objective; where the training differs too, we say so at that point.
#
# The three autoencoders that come first were trained for the same number of steps on the same activations of Korean sentences; with default settings chapters 4 and 5 use them too. Penalty coefficients and learning rates are defaults chosen for each variant (`kosae_core/sae.py`, for the TopK family `base.py`) and not the same. Part of any difference between variants is therefore due to these choices.

# %%
study = kc.Study(
    corpus=corpus, lm_name=lm_name, lm_options=lm_options, n_train=n_train, n_test=n_test, points=(middle, late),
    n_features=n_features, k=k, steps=steps, batch_size=batch_size, seed=seed,
)  # fmt: skip
held = study.acts("test", "ko", middle)
saes = {variant: study.sae(variant, "ko", middle)[0].cpu() for variant in VARIANTS}

# %%
x_BD = held.batch(torch.arange(min(2000, held.n_tokens)))


# %%
def pre(sae, acts_BD):
    """The pre-activations of the common frame, by hand."""
    x = (acts_BD - sae.mean_D) / sae.scale
    return (x - sae.b_dec_D) @ sae.W_enc_DF


def same(hand_BF, sae):
    """The share of tokens all of whose features equal those of `encode`."""
    return torch.isclose(hand_BF, sae.encode(x_BD), rtol=1e-3, atol=1e-4).all(1).double().mean().item()


agreement = {}

# %% [markdown] tags=["ko"]
# ## 표준형: 벌점 하나 {#sec-var-standard}
#
# 표준형의 활성함수는 ReLU이고, 목적함수는 재구성 오차에 활성값의 합을 더한 것이다 [@bricken2023].
#
# $$ f = \mathrm{ReLU}(\pi + b_{\mathrm{enc}}) $$ {#eq-var-standard}
#
# $$ L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \frac{\lambda}{\sqrt{d}} \lVert f \rVert_1 $$ {#eq-var-l1}
#
# $d$와 $\sqrt{d}$로 나눈 것은 이 책의 선택이다. 논문의 식에는 없지만, 오차와 벌점이 차원에 따라 커지는 것을 막아 $\lambda$를 옮겨 쓸 수 있게 한다.
#
# 이 식에서 곧바로 나오는 예측이 하나 있다. 크기 $m$인 특징 하나가 홀로 켜진 입력에서 [@eq-var-l1]은 $(m-f)^2/d + \lambda f/\sqrt{d}$이고, 그 최솟값은 $m$이 아니라 다음 자리에 있다.
#
# $$ f^{*} = \max\left(0,\; m - \frac{\lambda\sqrt{d}}{2}\right) $$ {#eq-var-shrink}
#
# 곧 L1은 켜진 특징마다 크기와 상관없이 같은 양을 깎는다. 이를 수축(shrinkage)이라 한다. 이 식이 맞는지는 [@sec-var-shrinkage]에서 정답을 아는 자료로 확인한다.

# %% [markdown] src="9030" tags=["en"]
# ## Standard: a single penalty {#sec-var-standard}
#
# The activation function of the standard form is a ReLU, and its objective adds the sum of the features to the reconstruction error [@bricken2023].
#
# $$ f = \mathrm{ReLU}(\pi + b_{\mathrm{enc}}) $$ {#eq-var-standard}
#
# $$ L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \frac{\lambda}{\sqrt{d}} \lVert f \rVert_1 $$ {#eq-var-l1}
#
# Dividing by $d$ and by $\sqrt{d}$ is this book's choice. It is not in the paper, but it keeps error and penalty from growing with the dimension, so that $\lambda$ can be carried from one model to another.
#
# One prediction follows at once. For an input in which a single feature of magnitude $m$ is on, [@eq-var-l1] is $(m-f)^2/d + \lambda f/\sqrt{d}$, and its minimum is not at $m$ but at
#
# $$ f^{*} = \max\left(0,\; m - \frac{\lambda\sqrt{d}}{2}\right) $$ {#eq-var-shrink}
#
# L1 takes the same amount off every active feature, whatever its magnitude. This is shrinkage. Whether the formula holds is checked in [@sec-var-shrinkage] on data whose answer is known.

# %%
sae = saes["standard"]
agreement["standard"] = same((pre(sae, x_BD) + sae.b_enc_F).relu(), sae)

# %% [markdown] tags=["ko"]
# ## 게이트형: 켜기와 재기를 나누다 {#sec-var-gated}
#
# 게이트형은 켤지 말지를 $\pi + b_{\mathrm{gate}}$의 부호가 정하고 크기는 따로 잰다 [@rajamanoharan2024gated].
#
# $$ f = \mathbb{1}[\,\pi + b_{\mathrm{gate}} > 0\,] \odot \mathrm{ReLU}(e^{r_{\mathrm{mag}}} \odot \pi + b_{\mathrm{mag}}) $$ {#eq-var-gated}
#
# 두 길은 같은 $W_{\mathrm{enc}}$를 쓴다. 크기 쪽 가중치는 게이트 쪽 가중치의 열마다 $e^{r_{\mathrm{mag}}}$를 곱한 것으로 묶여 있으므로, 행렬곱은 한 번이면 된다. 벌점은 게이트에만 건다.
#
# $$ L = \frac{1}{d}\lVert x - \hat x(f) \rVert^2 + \frac{\lambda}{\sqrt{d}} \lVert \mathrm{ReLU}(\pi + b_{\mathrm{gate}}) \rVert_1 + \frac{1}{d}\lVert x - \hat x_{\mathrm{frozen}}(\mathrm{ReLU}(\pi + b_{\mathrm{gate}})) \rVert^2 $$ {#eq-var-gated-loss}
#
# 계단함수로는 기울기가 흐르지 않으니 첫 항만으로는 게이트가 배우는 것이 없다. 셋째 항이 그 일을 한다. 게이트 값만으로도 입력을 재구성해 보게 하되, 디코더는 상수로 얼려 둔다(frozen). 얼리지 않으면 디코더가 벌점에 눌려 작아진 게이트 값에 맞추어 휘어지고, 갈라놓은 보람이 없어진다.
#
# 묶인 게이트형은 문턱이 있는 ReLU와 같은 함수이다. $z = e^{r_{\mathrm{mag}}} \odot \pi + b_{\mathrm{mag}}$라 두면
#
# $$ f = z \odot \mathbb{1}[\,z > \theta\,], \qquad \theta = \max(0,\; b_{\mathrm{mag}} - e^{r_{\mathrm{mag}}} \odot b_{\mathrm{gate}}) $$ {#eq-var-jump}
#
# 이고, 이것은 뒤에 나온 JumpReLU [@rajamanoharan2024jumprelu]의 모양이다. 두 식을 모두 손으로 계산한다.

# %% [markdown] src="6d2a" tags=["en"]
# ## Gated: turning on and measuring, apart {#sec-var-gated}
#
# In the gated form the sign of $\pi + b_{\mathrm{gate}}$ decides whether a feature is on, and the magnitude is measured separately [@rajamanoharan2024gated].
#
# $$ f = \mathbb{1}[\,\pi + b_{\mathrm{gate}} > 0\,] \odot \mathrm{ReLU}(e^{r_{\mathrm{mag}}} \odot \pi + b_{\mathrm{mag}}) $$ {#eq-var-gated}
#
# Both paths use the same $W_{\mathrm{enc}}$. The weights of the magnitude are tied to those of the gate, each column multiplied by $e^{r_{\mathrm{mag}}}$, so one matrix product is enough. Only the gate is penalised.
#
# $$ L = \frac{1}{d}\lVert x - \hat x(f) \rVert^2 + \frac{\lambda}{\sqrt{d}} \lVert \mathrm{ReLU}(\pi + b_{\mathrm{gate}}) \rVert_1 + \frac{1}{d}\lVert x - \hat x_{\mathrm{frozen}}(\mathrm{ReLU}(\pi + b_{\mathrm{gate}})) \rVert^2 $$ {#eq-var-gated-loss}
#
# No gradient flows through a step function, so from the first term alone the gate would learn nothing. That is the work of the third. It asks the gate's values to reconstruct the input by themselves, with the decoder held constant (frozen). Were it not frozen, the decoder would bend towards gate values that the penalty has made small, and the separation would have been for nothing.
#
# A tied gated encoder is the same function as a ReLU with a threshold. With $z = e^{r_{\mathrm{mag}}} \odot \pi + b_{\mathrm{mag}}$,
#
# $$ f = z \odot \mathbb{1}[\,z > \theta\,], \qquad \theta = \max(0,\; b_{\mathrm{mag}} - e^{r_{\mathrm{mag}}} \odot b_{\mathrm{gate}}) $$ {#eq-var-jump}
#
# which is the shape of the later JumpReLU [@rajamanoharan2024jumprelu]. We compute both equations by hand.

# %%
sae = saes["gated"]
pi_BF, gain_F = pre(sae, x_BD), sae.r_mag_F.exp()
z_BF = gain_F * pi_BF + sae.b_mag_F
agreement["gated"] = same((pi_BF + sae.b_gate_F > 0) * z_BF.relu(), sae)

# %%
theta_F = (sae.b_mag_F - gain_F * sae.b_gate_F).clamp_min(0)
agreement["jump"] = same(z_BF * (z_BF > theta_F), sae)

# %% [markdown] tags=["ko"]
# 백과 글에서 바로잡을 것이 넷 있다. 게이트형은 Anthropic이 아니라 Google DeepMind의 @{rajamanoharan2024gated}이 제안했다. 그 글의 코드는 인코더 둘을 묶지 않고 따로 두며, 곱하는 값 $e^{r_{\mathrm{mag}}}$이 1이 아니라 $e$에서 출발한다($r_{\mathrm{mag}}$를 0이 아닌 1로 둔 것이다). 게이트형의 매개변수가 두 배라는 말은 이 묶지 않은 코드에서 나오며, 그 코드를 [@sec-var-blog]에서 돌려 본다. 그리고 SAELens는 EleutherAI가 아니라 Joseph Bloom과 동료들(Decode Research)이 만든 것이다 [@bloom2024saelens].

# %% [markdown] src="d783" tags=["en"]
# Four things in the encyclopedia article need correcting. The gated form was proposed by @{rajamanoharan2024gated} at Google DeepMind, not by Anthropic. The article's code leaves its two encoders untied, and its factor $e^{r_{\mathrm{mag}}}$ starts at $e$ and not at 1 ($r_{\mathrm{mag}}$ is set to 1 where it should be 0). The statement that gating doubles the parameters comes from that untied code, which we run in [@sec-var-blog]. And SAELens was made by Joseph Bloom and colleagues (Decode Research), not by EleutherAI [@bloom2024saelens].

# %% [markdown] tags=["ko"]
# ## TopK: 수를 정해 두다 {#sec-var-topk}
#
# TopK에는 벌점이 없다. 토큰마다 가장 큰 $k$개만 남긴다 [@gao2024].
#
# $$ f = \mathrm{ReLU}(\mathrm{TopK}_k(\pi + b_{\mathrm{enc}})) $$ {#eq-var-topk}
#
# $$ L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \alpha \, \frac{\lVert e - \hat e \rVert^2}{\lVert e \rVert^2}, \qquad e = x - \hat x $$ {#eq-var-auxk}
#
# 둘째 항이 AuxK이다. 오래 켜지지 않은 특징들만 모아 그 가운데 큰 것 몇으로 나머지 오차 $e$를 재구성하게 한다($\hat e$). 뽑히지 못한 특징에는 기울기가 오지 않아 한번 죽으면 되살아날 길이 없는데, 이 항이 그 길을 낸다. 오차의 크기로 나누는 것은 논문의 식이 아니라 저자들의 코드를 따른 것이고, 논문대로 $\alpha = 1/32$로 두었다. 다만 계산을 아끼려고 배치의 절반만 본다. 우리 학습은 장치를 하나 더 둔다. 더 오래 켜지지 않은 특징의 편향 $b_{\mathrm{enc}}$를 켜질 때까지 걸음마다 0.005씩, BatchTopK와 Matryoshka에서 배치 전체가 겨루는 동안에는 0.05씩 올린다(`lift`). 전문가 혼합 모델에서 전문가의 부하를 고르게 하려고 편향을 옮기는 방법 [@wang2024]을 빌린 것으로, 손실에 항을 더하지 않는다. 기본값은 둘을 함께 쓰는 것이고, 논문의 꼴로 견줄 때에는 편향을 올리지 않는다. 죽은 특징을 다시 켜는 것과 그 특징이 쓸모 있는 방향을 배우는 것은 다른 일이므로, 편향을 올리는 것이 AuxK를 대신할 수 있는지는 [@sec-var-planted]에서 정답을 아는 자료로 확인한다. 벌점을 쓰는 변형은 여기에 더해 죽은 특징에 새 방향을 주는 재표집도 쓰고, JumpReLU는 편향을 올리는 대신 문턱을 낮춘다.

# %% [markdown] src="697d" tags=["en"]
# ## TopK: the number is fixed {#sec-var-topk}
#
# TopK has no penalty. Of each token's values it keeps the $k$ largest [@gao2024].
#
# $$ f = \mathrm{ReLU}(\mathrm{TopK}_k(\pi + b_{\mathrm{enc}})) $$ {#eq-var-topk}
#
# $$ L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \alpha \, \frac{\lVert e - \hat e \rVert^2}{\lVert e \rVert^2}, \qquad e = x - \hat x $$ {#eq-var-auxk}
#
# The second term is AuxK. It takes the features that have long been silent and lets the largest few of them reconstruct the remaining error $e$ (as $\hat e$). A feature that is not chosen gets no gradient, so once dead it has no way back; this term opens one. Dividing by the size of the error follows the authors' code and not the formula of the paper; as in the paper, $\alpha = 1/32$. To save computing, though, it looks at half of the batch. Our training has one more device: the bias $b_{\mathrm{enc}}$ of a feature that has been silent for longer rises by 0.005 at each step until it fires, and by 0.05 in BatchTopK and Matryoshka while a whole batch competes (`lift`). The idea is borrowed from mixtures of experts, where biases are moved to even out the load [@wang2024]; it adds no term to the loss. By default both are at work; where we compare the paper's form, biases are not lifted. To bring a dead feature back to firing is one thing and to teach it a useful direction another, so whether lifting could replace AuxK is checked in [@sec-var-planted], where the answer is known. Variants with a penalty also resample, which gives dead features new directions, and JumpReLU lowers the threshold in place of raising the bias.

# %%
sae = saes["topk"]
top_Bk, index_Bk = (pre(sae, x_BD) + sae.b_enc_F).topk(k, dim=1)
agreement["topk"] = same(torch.zeros(len(x_BD), n_features).scatter(1, index_Bk, top_Bk.relu()), sae)

# %%
#| label: fig-variants-shapes
#| fig-cap-ko: "학습된 활성함수. 칸마다 한 변형의 특징 하나(자주 켜지는 순서로 스무 번째)에서 시험 토큰의 π와 f를 찍었다. 회색은 꺼진 토큰이다."
#| fig-cap-en: "Activation functions as learned. Each panel shows π and f of one feature of a variant (the twentieth by frequency) on test tokens. Grey: tokens on which it is off."
#| fig-alt-ko: "세 산점도. 표준형은 문턱에서 이어져 오르는 꺾은선, 게이트형은 문턱에서 위로 뛴 뒤 오르는 직선이고, TopK는 같은 값이라도 어떤 토큰에서는 켜지고 어떤 토큰에서는 꺼져 두 갈래가 겹친다."
#| fig-alt-en: "Three scatter plots. The standard form is a bent line that rises from its threshold without a gap, the gated form jumps at its threshold and then rises straight, and in TopK the same value is on at some tokens and off at others, so that two branches overlap."
fig, panels = plt.subplots(1, 3, figsize=(kc.plots.WIDTH, 2.2))
with torch.no_grad():
    for ax, (variant, sae) in zip(panels, saes.items(), strict=True):
        feats_BF = sae.encode(x_BD)
        j = (feats_BF > 0).sum(0).argsort(descending=True)[min(19, n_features - 1)]
        pi_B, f_B = pre(sae, x_BD)[:, j], feats_BF[:, j]
        shades = np.where(f_B > 0, COLORS[variant], "#bbbbbb")
        ax.scatter(pi_B, f_B, s=3, c=shades, linewidths=0, rasterized=True)
        ax.set(title=variant, xlabel="π")
panels[0].set_ylabel("f")
kc.plots.save(fig, "fig-variants-shapes")

# %% [markdown] tags=["ko"]
# [@fig-variants-shapes]에서 세 모양이 갈린다. 표준형은 문턱에서 0부터 이어지므로, 문턱을 높이면 문턱을 넘은 값도 그만큼 깎인다. 게이트형은 문턱에서 뛰어오를 수 있다. TopK의 문턱은 하나가 아니다. 같은 $\pi$라도 그 토큰의 다른 특징들이 더 크면 꺼진다.

# %% [markdown] src="cddb" tags=["en"]
# In [@fig-variants-shapes] the shapes part. The standard form starts from 0 at its threshold, so raising the threshold cuts what is above it by as much. The gated form may jump at its threshold. TopK has no single threshold: the same $\pi$ is off when other features of the token are larger.

# %% [markdown] tags=["ko"]
# ## 갈라져 나온 변형들 {#sec-var-more}
#
# **BatchTopK**는 예산을 배치가 함께 쓰게 한다 [@bussmann2024]. $z = \pi + b_{\mathrm{enc}}$라 하면, 토큰 $B$개의 배치에서 가장 큰 $kB$개만 남긴다. $z_{(i)}$는 배치 안에서 $i$번째로 큰 값이다.
#
# $$ f = z \odot \mathbb{1}[\,z > \max(0, \tau)\,], \qquad \tau = z_{(kB+1)} $$ {#eq-var-batch}
#
# 이대로는 한 토큰의 특징이 곁에 놓인 토큰에 달려 있다. 그래서 학습이 끝나면 $\tau$ 대신 켜진 값 가운데 가장 작은 것의 평균 $\theta$를 쓴다. 논문은 이 평균을 따로 재고, 우리 코드는 학습 끝 무렵의 이동 평균을 쓴다. 또 논문과 달리 학습의 앞 절반에서는(`warm_topk`) 토큰마다 $k$개를 따로 남긴다. 처음부터 배치 전체가 겨루면 흔한 특징의 열이 먼저 커져, 드문 특징은 뽑힐 기회를 얻지 못하기 때문이다.
#
# $$ \theta = \mathbb{E}_{\text{batch}}\,[\, \min \{ f_{bj} : f_{bj} > 0 \} \,] $$ {#eq-var-threshold}
#
# **Matryoshka**는 같은 인코더를 쓰되, 사전을 앞에서부터 자른 작은 사전 $m \in M$이 저마다 홀로 재구성하게 한다 [@bussmann2025]. 넓은 뜻의 특징이 앞자리에 놓이라는 것이고, 그 대가로 재구성이 조금 나빠진다. 논문의 식은 합이고, 여기서는 널리 쓰이는 구현처럼 평균이다.
#
# $$ L = \frac{1}{|M|} \sum_{m \in M} \frac{1}{d} \lVert x - \hat x(f_{1:m}) \rVert^2 + \alpha \, \frac{\lVert e - \hat e \rVert^2}{\lVert e \rVert^2} $$ {#eq-var-matryoshka}
#
# **JumpReLU**는 특징마다 문턱을 배우고, 벌점을 켜진 수 자체에 건다 [@rajamanoharan2024jumprelu].
#
# $$ f = z \odot \mathbb{1}[\,z > \theta\,], \qquad L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \lambda \lVert f \rVert_0 $$ {#eq-var-l0}
#
# 계단의 기울기는 거의 모든 곳에서 0이므로 이 식만으로는 $\theta$가 배울 것이 없다. 논문은 문턱에서 폭 $\varepsilon$ 안에 든 값을 세어 기댓값의 기울기를 어림한다. 이 의사 미분이 straight-through estimator이다.
#
# $$ \frac{\partial f}{\partial \theta} := -\frac{\theta}{\varepsilon} K\left(\frac{z - \theta}{\varepsilon}\right), \qquad \frac{\partial\, \mathbb{1}[z > \theta]}{\partial \theta} := -\frac{1}{\varepsilon} K\left(\frac{z - \theta}{\varepsilon}\right), \qquad K(u) = \mathbb{1}\left[\,|u| < \tfrac{1}{2}\,\right] $$ {#eq-var-ste}
#
# 첫째 식은 재구성을 위해 문턱을 오르내리게 하고, 둘째 식은 $\lambda$에 비례하여 문턱을 밀어 올린다. 벌점의 기울기는 $\theta$로만 간다. Adam의 한 걸음은 학습률보다 커지지 않아서, 논문처럼 $\log\theta$를 다른 가중치와 같은 빠르기로 옮기면 짧은 학습에서는 문턱이 제자리에 닿지 못한다. 우리 코드는 $\log\theta$를 열 배 빨리 옮긴다.
#
# **p-annealing**은 표준형(`p_anneal`)이나 게이트형(`gated_anneal`)의 L1을 $p_t$제곱의 합으로 바꾸고, $p_t$를 1에서 0.2까지 내린다 [@karvonen2024]. 처음 20%의 걸음에서는 1로 둔다. $p$가 작아질수록 벌점은 크기보다 수를 센다. 계수 $\lambda_t$는 $p$가 바뀌어도 벌점의 크기가 이어지도록 고치는데, 논문은 여러 배치를 모아, 우리 코드는 그 배치 하나로 고친다(코드는 0에서 기울기가 유한하도록 $f_j/\sqrt{d}$에 작은 수를 더한다). 인코더는 바뀌지 않는다.
#
# $$ L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \lambda_t \sum_j \left(\frac{f_j}{\sqrt{d}}\right)^{p_t}, \qquad \lambda_{t+1} \sum_j \left(\frac{f_j}{\sqrt{d}}\right)^{p_{t+1}} = \lambda_t \sum_j \left(\frac{f_j}{\sqrt{d}}\right)^{p_t} $$ {#eq-var-p}
#
# **예상.** 손으로 계산한 $f$는 여기서도 `encode`와 같고, [@eq-var-ste]의 둘째 식으로 쓴 문턱의 기울기는 코드의 기울기와 같다. BatchTopK는 토큰마다 켜는 수를 달리하면서 평균은 $k$ 가까이에 둘 것이다. 굳힌 문턱에서 평균이 $k$에서 25% 넘게 벗어난다면 $\theta$는 학습의 예산을 대신하지 못한다. 벌점을 쓰는 변형은 학습하는 동안 계수를 조절하여 원하는 L0에 맞춘다.

# %% [markdown] src="842b" tags=["en"]
# ## Those that branched off {#sec-var-more}
#
# **BatchTopK** lets a batch share its budget [@bussmann2024]. With $z = \pi + b_{\mathrm{enc}}$, of a batch of $B$ tokens only the $kB$ largest values are kept. $z_{(i)}$ is the $i$-th largest value of the batch.
#
# $$ f = z \odot \mathbb{1}[\,z > \max(0, \tau)\,], \qquad \tau = z_{(kB+1)} $$ {#eq-var-batch}
#
# As it stands, a token's features depend on the tokens beside it. After training, therefore, $\tau$ gives way to $\theta$, the mean of the smallest values that were on. The paper measures it separately; our code keeps a running mean towards the end of training. And unlike the paper, for the first half of the training (`warm_topk`) each token keeps $k$ of its own: where the whole batch competes from the start, the columns of frequent features grow first, and rare features never get the chance to be chosen.
#
# $$ \theta = \mathbb{E}_{\text{batch}}\,[\, \min \{ f_{bj} : f_{bj} > 0 \} \,] $$ {#eq-var-threshold}
#
# **Matryoshka** has the same encoder, but smaller dictionaries $m \in M$, cut from the front of the whole, must each reconstruct alone [@bussmann2025]. Features of broad meaning are to settle in front, at the price of some reconstruction. The formula of the paper is a sum; here, as in common implementations, it is a mean.
#
# $$ L = \frac{1}{|M|} \sum_{m \in M} \frac{1}{d} \lVert x - \hat x(f_{1:m}) \rVert^2 + \alpha \, \frac{\lVert e - \hat e \rVert^2}{\lVert e \rVert^2} $$ {#eq-var-matryoshka}
#
# **JumpReLU** learns a threshold for each feature and penalises the number of active features itself [@rajamanoharan2024jumprelu].
#
# $$ f = z \odot \mathbb{1}[\,z > \theta\,], \qquad L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \lambda \lVert f \rVert_0 $$ {#eq-var-l0}
#
# The gradient of a step is 0 almost everywhere, so that from this equation alone $\theta$ has nothing to learn. The paper estimates the gradient of the expectation by counting the values within a width $\varepsilon$ about the threshold. These pseudo-derivatives are the straight-through estimator.
#
# $$ \frac{\partial f}{\partial \theta} := -\frac{\theta}{\varepsilon} K\left(\frac{z - \theta}{\varepsilon}\right), \qquad \frac{\partial\, \mathbb{1}[z > \theta]}{\partial \theta} := -\frac{1}{\varepsilon} K\left(\frac{z - \theta}{\varepsilon}\right), \qquad K(u) = \mathbb{1}\left[\,|u| < \tfrac{1}{2}\,\right] $$ {#eq-var-ste}
#
# The first moves the threshold up or down for the sake of reconstruction, the second pushes it up in proportion to $\lambda$. The gradient of the penalty goes to $\theta$ alone. As a step of Adam is no larger than the learning rate, thresholds whose $\log\theta$ moves as fast as the other weights, as in the paper, do not arrive in a short run. Our code moves $\log\theta$ ten times as fast.
#
# **p-annealing** replaces the L1 of the standard (`p_anneal`) or the gated form (`gated_anneal`) by a sum of powers $p_t$, and lowers $p_t$ from 1 to 0.2 [@karvonen2024], after the first 20% of the steps at 1. The smaller $p$, the more the penalty counts features and the less it weighs them. The coefficient $\lambda_t$ is corrected so that the penalty keeps its size as $p$ changes, in the paper from several batches, in our code from the one at hand (the code adds a small number to $f_j/\sqrt{d}$, for a finite slope at 0). The encoder stays as it was.
#
# $$ L = \frac{1}{d}\lVert x - \hat x \rVert^2 + \lambda_t \sum_j \left(\frac{f_j}{\sqrt{d}}\right)^{p_t}, \qquad \lambda_{t+1} \sum_j \left(\frac{f_j}{\sqrt{d}}\right)^{p_{t+1}} = \lambda_t \sum_j \left(\frac{f_j}{\sqrt{d}}\right)^{p_t} $$ {#eq-var-p}
#
# **Expectation.** Here too $f$ computed by hand equals `encode`, and the gradient of the threshold by the second part of [@eq-var-ste] equals that of the code. BatchTopK will turn on different numbers for different tokens and keep their mean near $k$. If with the fixed threshold the mean strays from $k$ by more than 25%, $\theta$ is no substitute for the budget of training. Variants with a penalty reach a wanted L0 by steering their coefficient while they train.

# %%
front = dataclasses.replace(study, n_features=pareto_features, k=pareto_l0[0], steps=pareto_steps)
acts = functools.cache(front.acts)


# %%
def near_l0(variant, l0, lang="ko", s=seed):
    """The SAE of a variant that is to turn on about `l0` features per token; trained once and kept."""
    by_k = "k" in kc.VARIANTS[variant].options
    config = kc.SAEConfig(variant, pareto_features, k=l0 if by_k else None)
    schedule = kc.TrainConfig(pareto_steps, batch_size, target_l0=None if by_k else float(l0), seed=s)
    return kc.train(config, acts("train", lang, middle), schedule, held=acts("test", lang, middle))[0].cpu()


# %%
later = {v: near_l0(v, pareto_l0[0]) for v in ("batchtopk", "matryoshka", "jumprelu", "p_anneal")}
z_BF = {v: (pre(sae, x_BD) + sae.b_enc_F).detach() for v, sae in later.items()}
theta = {v: later[v].threshold for v in ("batchtopk", "matryoshka")} | {"jumprelu": later["jumprelu"].threshold_F}

# %%
agreement |= {v: same(z_BF[v] * (z_BF[v] > theta[v]), later[v]) for v in theta}
agreement["p_anneal"] = same(z_BF["p_anneal"].relu(), later["p_anneal"])

# %%
results.record("hand_worst", min(agreement.values()), "share of tokens", ".1%", tolerance=0.01)
results.claim("hand_equal", min(agreement.values()) >= 0.99, "hand-computed features equal encode on 99% of tokens")

# %%
sae = later["jumprelu"]
none_F = torch.zeros(pareto_features, dtype=torch.bool)
terms = sae.objective(sae.normalise(x_BD), 1.0, none_F)
(code_F,) = torch.autograd.grad(terms.sparsity, sae.r_threshold_F)  # log θ is SPEED · r, up to a constant

# %%
near_F = ((z_BF["jumprelu"] - sae.threshold_F).abs() < sae.width / 2).float().mean(0)
hand_F = -sae.config.sparsity / sae.width * near_F * sae.threshold_F * kc.jumprelu.SPEED
gap = ((hand_F - code_F).norm() / code_F.norm().clamp_min(1e-12)).item()
results.claim("ste_equal", gap < 0.01, "the gradient of the L0 penalty by hand is within 1% of the code's")

# %%
on_B = (later["batchtopk"].encode(x_BD) > 0).sum(1).double()
for name, value in (("low", on_B.quantile(0.05)), ("mean", on_B.mean()), ("high", on_B.quantile(0.95))):
    results.record(f"shared_{name}", value, "features/token", ".0f", tolerance=5)
results.record("shared_k", pareto_l0[0], "features/token", tolerance=0)
stray = abs(on_B.mean() / pareto_l0[0] - 1)
results.claim("shared_near_k", stray < 0.25, "BatchTopK with its fixed threshold is within 25% of k")

# %% [markdown] tags=["ko"]
# 손으로 계산한 여덟 식의 값은 `encode`의 값과 [적어도 99%의 토큰에서 모든 특징이 일치한다.]{.claim key="c03.hand_equal"} 가장 낮은 것이 {{< var c03.hand_worst >}}이며, 어긋나는 토큰이 있다면 반올림이 문턱을 넘긴 것이다. [문턱에 걸리는 벌점의 기울기도 코드와 1% 안에서 같다.]{.claim key="c03.ste_equal"} BatchTopK는 $k$가 {{< var c03.shared_k >}}일 때 가운데 90%의 토큰에서 {{< var c03.shared_low >}}개와 {{< var c03.shared_high >}}개 사이를 켜고 평균은 {{< var c03.shared_mean >}}개이다. [평균은 $k$에서 25% 안에 든다.]{.claim key="c03.shared_near_k"} 벗어나는 데에는 까닭이 둘 있을 수 있다. 이동 평균은 학습보다 늦게 따라오고, 시험 문장의 문장틀은 학습에 없던 것이다.

# %% [markdown] src="0d86" tags=["en"]
# Computed by hand, the eight equations give the values of `encode`: [on at least 99% of the tokens all features agree.]{.claim key="c03.hand_equal"} The lowest is {{< var c03.hand_worst >}}; where a token disagrees, rounding has carried a value across a threshold. [The gradient of the penalty on the thresholds, too, is within 1% of the code's.]{.claim key="c03.ste_equal"} With $k$ at {{< var c03.shared_k >}}, BatchTopK turns on between {{< var c03.shared_low >}} and {{< var c03.shared_high >}} features on the middle 90% of the tokens and {{< var c03.shared_mean >}} on average. [The mean is within 25% of $k$.]{.claim key="c03.shared_near_k"} There may be two reasons for straying: a running mean lags behind training, and test sentences have templates that training had not.

# %% [markdown] tags=["ko"]
# ## 같은 활성값에서 {#sec-var-real}
#
# 이제 학습에 쓰지 않은 문장에서 처음 셋을 견준다. 설명 분산(EV), 토큰당 켜진 특징 수(L0), 시험 토큰에서 한 번도 켜지지 않은 특징의 비율(dead), 재구성을 모델에 되넣었을 때의 손실 회복률(활성값을 0으로 두었을 때 느는 손실 가운데 재구성이 되찾는 몫), 코사인, 그리고 수축을 보는 상대 편향을 잰다 [@rajamanoharan2024gated].
#
# $$ \gamma = \frac{\mathbb{E}\,\lVert \hat x \rVert^2}{\mathbb{E}\,[\,x \cdot \hat x\,]} $$ {#eq-var-bias}
#
# $\gamma$가 1보다 작으면 재구성을 일정하게 늘리는 것만으로 오차가 줄어든다. 평균이 큰 활성값에서는 평균이 수축을 가리므로 평균을 뺀 뒤에 잰다.
#
# 기준선을 하나 둔다. [@sec-superposition]의 끝에서, 직교하는 방향만으로 같은 희소성에서 똑같이 재구성된다면 과완비 사전이 필요 없다고 했다. 주성분 가운데 계수의 절댓값이 큰 $k$개를 토큰마다 골라 쓰면 그것이 직교 사전의 TopK이다. 부호도 쓸 수 있으니 조건은 오히려 유리하다.
#
# **예상.** 표준형의 $\gamma$는 1보다 뚜렷이 작고 게이트형과 TopK는 1에 가깝다. TopK의 L0는 모든 토큰에서 $k$이고 나머지 둘은 토큰마다 크게 다르다. 직교 사전의 EV는 같은 $k$의 TopK보다 낮다. 표준형의 상대 편향이 게이트형보다 1에 가깝거나 직교 사전이 앞선다면 기대는 틀린 것이다.

# %% [markdown] src="ca6e" tags=["en"]
# ## On the same activations {#sec-var-real}
#
# We now compare the first three on sentences that were not trained on: explained variance (EV), features on per token (L0), the share of features that fire on no test token (dead), loss recovered (of the loss added by setting activations to 0, the part that reconstructions win back), the cosine, and, for shrinkage, the relative bias [@rajamanoharan2024gated]
#
# $$ \gamma = \frac{\mathbb{E}\,\lVert \hat x \rVert^2}{\mathbb{E}\,[\,x \cdot \hat x\,]} $$ {#eq-var-bias}
#
# Where $\gamma$ is below 1, stretching all reconstructions would by itself lower the error. A large mean hides shrinkage, so we measure it after subtracting the mean.
#
# There is one baseline. At the end of [@sec-superposition] we said that if orthogonal directions alone reconstruct equally well at equal sparsity, no overcomplete dictionary is needed. Taking, at each token, the $k$ principal components with the largest absolute coefficients is TopK with an orthogonal dictionary. It may use signs as well, which is if anything an advantage.
#
# **Expectation.** $\gamma$ is clearly below 1 for the standard form and close to 1 for gated and TopK. L0 is $k$ at every token for TopK and varies widely for the other two. The orthogonal dictionary has a lower EV than TopK at the same $k$. If the standard form's bias is closer to 1 than the gated one's, or the orthogonal dictionary is ahead, the expectation is wrong.

# %%
docs_N = statistics.document_groups(held, [r.doc for r in study.records("test", "ko")])
options = {"lm": study.lm, "groups": docs_N, "max_documents": loss_documents}
reports = {v: kc.evaluate(s, held, **options) for v, s in saes.items()}
sums = {v: report.documents for v, report in reports.items()}
active = {v: report.active_N for v, report in reports.items()}

# %%
train_ND = study.acts("train", "ko", middle).all()
_, basis_DD = torch.linalg.eigh(torch.cov(train_ND.T))
coef_ND = (held.all() - train_ND.mean(0)) @ basis_DD
kth_N1 = coef_ND.abs().topk(min(k, coef_ND.shape[1])).values[:, -1:]
lost_N = coef_ND.where(coef_ND.abs() < kth_N1, 0.0).square().sum(1)
pca_M = statistics.by_group(lost_N.double().numpy(), docs_N)

# %%
errors = {v: (s.error_M, s.variance_M) for v, s in sums.items()} | {"pca": (pca_M, sums["topk"].variance_M)}
unexplained = {name: above.sum() / below.sum() for name, (above, below) in errors.items()}

# %%
interval = {name: statistics.bootstrap_ratio(*pair, seed=seed) for name, pair in errors.items()}
for name, value in unexplained.items():
    low, high = interval[name]
    results.record(f"ev_{name}", 1 - value, "share", ".3f", interval=(1 - high, 1 - low), tolerance=0.02)

# %%
biases = {v: statistics.bootstrap_ratio(s.power_M, s.product_M, seed=seed) for v, s in sums.items()}
for v, report in reports.items():
    results.record(f"bias_{v}", report.relative_bias_centred, "ratio", ".3f", interval=biases[v], tolerance=0.02)
    results.record(f"l0_{v}", report.l0, "features/token", ".1f", tolerance=0.1 * report.l0)
    results.record(f"recovered_{v}", report.loss_recovered, "share", ".1%", tolerance=0.02)

# %%
for v in VARIANTS:
    for name, q in (("low", 0.05), ("high", 0.95)):
        results.record(f"active_{name}_{v}", float(np.quantile(active[v], q)), "features/token", ".0f", tolerance=10)

# %%
bias = {v: abs(report.relative_bias_centred - 1) for v, report in reports.items()}
results.claim("bias_gated_nearer", bias["gated"] < bias["standard"], "gated bias is closer to 1 than standard bias")
low, high = biases["standard"]
results.claim("standard_shrinks", high < 0.98, "the interval of the standard bias is below 0.98", against=low > 0.98)

# %%
exact = (active["topk"] == k).mean()
results.record("exact_k", exact, "share of tokens", ".1%", tolerance=0.02)
exactly = active["topk"].max() <= k and exact > 0.99
results.claim("topk_exact", exactly, "TopK: k features on over 99% of the tokens, never more")

# %%
topk, pca = interval["topk"], interval["pca"]
text = "TopK explains more than k principal components, intervals apart"
results.claim("overcomplete_ahead", topk[1] < pca[0], text, against=pca[1] < topk[0])

# %%
#| label: tbl-variants-real
#| tbl-cap-ko: "시험 문장에서 잰 세 변형과 직교 기준선. EV의 구간은 문장틀을 단위로 한 붓스트랩 95%이고, 학습의 시드는 하나이다. bias는 평균을 뺀 상대 편향이다."
#| tbl-cap-en: "The three variants and the orthogonal baseline on test sentences. Intervals of EV are 95% bootstraps over sentence templates, with a single training seed. bias: relative bias after subtracting the mean."
columns = {
    "l0": "L0",
    "dead_share": "dead",
    "loss_recovered": "recovered",
    "relative_bias_centred": "bias",
    "cosine": "cosine",
}
frame = pd.DataFrame({v: r.as_dict() for v, r in reports.items()}).T[list(columns)].rename(columns=columns)
frame.loc["PCA, k largest"] = {"L0": float(k)}
frame.insert(0, "EV", [1 - value for value in unexplained.values()])
frame.insert(1, "EV 95%", [f"{1 - high:.3f} to {1 - low:.3f}" for low, high in interval.values()])
formats = {"EV": ".3f", "L0": ".1f", "dead": ".1%", "recovered": ".1%", "bias": ".3f", "cosine": ".3f"}
kc.plots.table(frame.rename_axis("dictionary"), fmt=formats)

# %% [markdown] tags=["ko"]
# [@tbl-variants-real]부터 읽는다. [TopK는 시험 토큰 가운데 99%가 넘는 토큰에서 정확히 $k$개를 켜고, 그보다 많이 켜는 일은 없다.]{.claim key="c03.topk_exact"} 정확히 켠 비율은 {{< var c03.exact_k >}}이다. 나머지가 있다면 거기서는 뽑힌 값이 음수여서 ReLU가 지운 것이다. 표준형이 켠 수는 가운데 90%의 토큰에서 {{< var c03.active_low_standard >}}개와 {{< var c03.active_high_standard >}}개 사이, 게이트형은 {{< var c03.active_low_gated >}}개와 {{< var c03.active_high_gated >}}개 사이에 흩어진다. 희소성을 정확히 정한다는 말은 이런 뜻에서 옳다. 다만 토큰이 필요로 하는 수가 서로 다르다면 정확함은 장점만이 아니다. BatchTopK는 이 물음에서 나왔다.
#
# 상대 편향은 표준형 {{< var c03.bias_standard >}}, 게이트형 {{< var c03.bias_gated >}}, TopK {{< var c03.bias_topk >}}이다. [표준형은 수축하며,]{.claim key="c03.standard_shrinks"}[표준형이 수축한다고는 할 수 없으며,]{.otherwise} [게이트형의 상대 편향은 그보다 1에 가깝다.]{.claim key="c03.bias_gated_nearer"}[게이트형의 상대 편향이 그보다 1에 가깝지는 않다.]{.otherwise} L0가 {{< var c03.l0_standard >}}, {{< var c03.l0_gated >}}, {{< var c03.l0_topk >}}처럼 서로 다르므로 순위는 [@sec-var-pareto]에서 매긴다.
#
# 직교 사전의 EV는 {{< var c03.ev_pca >}}, TopK는 {{< var c03.ev_topk >}}이다. [같은 수를 켤 때 과완비 사전이 앞서며 두 구간은 겹치지 않는다.]{.claim key="c03.overcomplete_ahead"}[같은 수를 켤 때 과완비 사전이 앞선다고는 할 수 없다.]{.otherwise} 다만 주성분은 여러 직교 기저 가운데 하나이므로, 희소성에 맞추어 고른 다른 직교 기저까지 물리친 것은 아니다.

# %% [markdown] src="dfcb" tags=["en"]
# First [@tbl-variants-real]. [TopK turns on exactly $k$ features on over 99% of the test tokens, and never more.]{.claim key="c03.topk_exact"} The share with exactly as many is {{< var c03.exact_k >}}; on the rest, if any, chosen values were negative and the ReLU erased them. On the middle 90% of the tokens the standard form has between {{< var c03.active_low_standard >}} and {{< var c03.active_high_standard >}} features on, the gated form between {{< var c03.active_low_gated >}} and {{< var c03.active_high_gated >}}. In this sense it is right that TopK sets sparsity exactly. If tokens need different numbers, though, exactness is not only a virtue; BatchTopK came of that question.
#
# The relative bias is {{< var c03.bias_standard >}} for standard, {{< var c03.bias_gated >}} for gated and {{< var c03.bias_topk >}} for TopK. [The standard form shrinks,]{.claim key="c03.standard_shrinks"}[The standard form cannot be said to shrink,]{.otherwise} [and the gated bias is closer to 1.]{.claim key="c03.bias_gated_nearer"}[and the gated bias is no closer to 1.]{.otherwise} As their L0 differ ({{< var c03.l0_standard >}}, {{< var c03.l0_gated >}} and {{< var c03.l0_topk >}}), they are ranked only in [@sec-var-pareto].
#
# The orthogonal dictionary has an EV of {{< var c03.ev_pca >}}, TopK of {{< var c03.ev_topk >}}. [With as many on, the overcomplete dictionary is ahead, and the intervals do not overlap.]{.claim key="c03.overcomplete_ahead"}[With as many on, the overcomplete dictionary cannot be said to be ahead.]{.otherwise} Principal components are one orthogonal basis among many, though, and a basis chosen for sparsity has not been ruled out.

# %% [markdown] tags=["ko"]
# ## 어디에서 시작하는가 {#sec-var-start}
#
# 벌점을 쓰는 변형의 논문들은 인코더의 편향을 0에서 시작한다. 그러면 첫 걸음에는 토큰마다 특징의 절반이 켜지고, 벌점은 그 많은 특징을 밀어내는 일부터 한다. JumpReLU의 학습을 다듬은 한 글은 특징마다 편향을 달리 주어, 정해 둔 비율의 토큰에서만 켜진 채로 시작하게 한다 [@conerly2025]. 이 책은 벌점을 쓰는 모든 변형을 그렇게 시작하며, 비율(`initial_density`)은 {{< var c03.start_density >}}이고, JumpReLU만 {{< var c03.start_density_jump >}}이다. TopK 계열은 처음부터 $k$개만 켜므로 해당하지 않는다.
#
# **예상.** 계수와 걸음 수가 같을 때, 0에서 시작한 표준형이 더 많은 특징을 켠다. 그 대가로 EV도 뚜렷이 높다면 시작점은 희소성과 재구성 사이에서 자리를 옮겼을 뿐이고 이득은 없다.

# %% [markdown] src="9528" tags=["en"]
# ## Where training starts {#sec-var-start}
#
# The papers on penalised variants start the encoder's biases at 0. Half of the features are then on at every token of the first step, and the first work of the penalty is to push them out. A note on the training of JumpReLU instead gives each feature a bias with which it starts out firing on a set share of the tokens [@conerly2025]. In this book all penalised variants start like that, with a share (`initial_density`) of {{< var c03.start_density >}}, JumpReLU with {{< var c03.start_density_jump >}}. The TopK family has only $k$ on from the start, and needs none of it.
#
# **Expectation.** With the same coefficient and the same number of steps, the standard form that starts from 0 has more features on. If its EV is clearly higher in return, the start has only moved it along the trade between sparsity and reconstruction, and nothing is gained.

# %%
from_zero = kc.SAEConfig(variant="standard", n_features=n_features, initial_density=0)
schedule = kc.TrainConfig(steps=steps, batch_size=batch_size, seed=seed)
dense_start, _ = kc.train(from_zero, study.acts("train", "ko", middle), schedule)
starts = {"zero": kc.evaluate(dense_start.cpu(), held, **options), "sparse": reports["standard"]}

# %%
for variant, key in (("standard", "start_density"), ("jumprelu", "start_density_jump")):
    results.record(key, kc.SAEConfig(variant).initial_density, "share", ".0%", tolerance=0)
for name, report in starts.items():
    results.record(f"start_ev_{name}", report.explained_variance, "share", ".3f", tolerance=0.02)
    results.record(f"start_l0_{name}", report.l0, "features/token", ".1f", tolerance=0.1 * report.l0)
    results.record(f"start_recovered_{name}", report.loss_recovered, "share", ".1%", tolerance=0.02)

# %%
fewer = starts["sparse"].l0 < 0.6 * starts["zero"].l0
results.claim("start_sparser", fewer, "L0 of the sparse start is below 60% of that from biases of 0")
level = starts["sparse"].explained_variance > starts["zero"].explained_variance - 0.01
results.claim("start_level", level, "EV of the sparse start is at most 0.01 below that from biases of 0")

# %% [markdown] tags=["ko"]
# 편향 0에서 시작하면 L0 {{< var c03.start_l0_zero >}}, EV {{< var c03.start_ev_zero >}}, 손실 회복률 {{< var c03.start_recovered_zero >}}이다. 희소하게 시작하면 차례로 {{< var c03.start_l0_sparse >}}, {{< var c03.start_ev_sparse >}}, {{< var c03.start_recovered_sparse >}}이다. [켜는 특징의 수는 0에서 시작할 때의 60%가 되지 않는데]{.claim key="c03.start_sparser"} [EV는 0.01 넘게 낮아지지 않는다.]{.claim key="c03.start_level"}[EV도 0.01 넘게 낮아지므로, 시작점이 적어도 일부는 희소성과 재구성의 맞바꿈을 따라 자리만 옮긴 것이다.]{.otherwise} 한 시드의 짧은 학습에서 본 것이므로, 오래 학습하면 격차가 줄어들 수 있다. 그러나 짧은 학습으로 변형을 견주는 사람이라면 시작점부터 같게 해야 한다. 그러지 않으면 시작점의 차이를 변형의 차이로 읽게 된다. 다만 여기서 잰 것은 표준형 하나뿐이다. 이 장의 나머지 비교는 모두 희소한 시작점에서 한다.

# %% [markdown] src="74d7" tags=["en"]
# From biases of 0, L0 is {{< var c03.start_l0_zero >}}, EV {{< var c03.start_ev_zero >}} and the loss recovered {{< var c03.start_recovered_zero >}}. From the sparse start they are {{< var c03.start_l0_sparse >}}, {{< var c03.start_ev_sparse >}} and {{< var c03.start_recovered_sparse >}}. [Less than 60% as many features are on as with a start from 0,]{.claim key="c03.start_sparser"} [and EV is not more than 0.01 lower.]{.claim key="c03.start_level"}[but EV is over 0.01 lower, so that the start has, in part at least, only moved along the trade between sparsity and reconstruction.]{.otherwise} This was seen in one seed of a short training, and a long one may narrow the gap. Whoever compares variants after short trainings, however, must start them alike. Otherwise a difference of start is read as one of variant. Only the standard form was measured here, though. All further comparisons of this chapter use the sparse start.

# %% [markdown] tags=["ko"]
# ## 같은 수를 켤 때 {#sec-var-pareto}
#
# EV를 견주려면 L0가 같아야 한다. 그래서 모든 변형을 여러 L0에 맞추어 학습하고, 실제로 잰 L0를 가로축에 놓는다. 특징은 {{< var c03.front_features >}}개, 걸음은 {{< var c03.front_steps >}}번, 시드는 {{< var c03.front_seeds >}}개이다. 벌점을 쓰는 다섯에는 목표 L0를, 나머지 셋에는 $k$를 준다. 그 셋은 기본 설정대로 AuxK와 편향을 올리는 것을 함께 쓴다. 목표를 꼭 맞추지는 못하므로, 수로 견줄 때는 모든 변형의 곡선(파레토 경계)이 함께 지나는 L0 범위의 양 끝을 기하평균한 곳에서 읽는다(L0의 로그에서 직선으로 잇는다).
#
# **예상.** 논문들의 주장을 그대로 적으면 이렇다. 같은 L0에서 게이트형은 표준형보다, TopK와 BatchTopK는 표준형과 게이트형보다, BatchTopK와 JumpReLU는 TopK보다 EV가 높고, p-annealing은 표준형을 끌어올리며, Matryoshka는 BatchTopK에 조금 못 미친다. 짧은 학습에서는 사정이 다를 수 있다. 벌점을 쓰는 변형은 목표 L0를 찾아가는 데에도 걸음을 쓰기 때문이다. EV와 손실 회복률이 같은 변형을 으뜸으로 꼽지 않는다면, 둘 가운데 하나만으로 변형을 고를 수는 없다.

# %% [markdown] src="429b" tags=["en"]
# ## With as many turned on {#sec-var-pareto}
#
# To compare EV, L0 has to be equal. So we train every variant for several L0 and put the L0 that was measured on the horizontal axis. There are {{< var c03.front_features >}} features, {{< var c03.front_steps >}} steps and {{< var c03.front_seeds >}} seeds. The five variants with a penalty are given a target L0, the other three $k$; these three are trained by default, with AuxK and with biases lifted. As targets are not met exactly, numbers are compared by reading each front at the geometric mean of the range of L0 through which all fronts pass (between points by a straight line over the logarithm of L0).
#
# **Expectation.** Put as the papers have it: at equal L0 gated has a higher EV than standard, TopK and BatchTopK than standard and gated, BatchTopK and JumpReLU than TopK; p-annealing lifts the standard form, and Matryoshka is a little below BatchTopK. A short training may be different, since variants with a penalty also spend steps on finding the target L0. If EV and loss recovered do not put the same variant first, neither alone is enough to choose by.


# %%
def measured(variant, l0, lang, s):
    """One point of a front: what the held-out tokens and the language model's loss say."""
    report = kc.evaluate(
        near_l0(variant, l0, lang, s), acts("test", lang, middle), lm=front.lm, max_documents=pareto_documents
    )
    return {"variant": variant, "target": l0, "lang": lang, "seed": s} | report.as_dict()


# %%
grid = itertools.product(pareto_variants, pareto_l0, pareto_langs, pareto_seeds)
points = pd.DataFrame([measured(*point) for point in grid])

# %%
fronts = points.sort_values("l0").groupby(["variant", "lang", "seed"])
low, high = fronts.l0.min().max(), fronts.l0.max().min()
common, centre = bool(low < high), float(np.sqrt(low * high))  # what all fronts pass through, and its middle
crossing = []
for (v, lang, s), part in fronts:
    read = {c: np.interp(np.log(centre), np.log(part.l0), part[c]) for c in ("explained_variance", "loss_recovered")}
    crossing.append({"variant": v, "lang": lang, "seed": s} | read)
crossing = pd.DataFrame(crossing).rename(columns={"explained_variance": "ev", "loss_recovered": "recovered"})

# %%
for key, value in (("features", pareto_features), ("steps", pareto_steps), ("seeds", len(pareto_seeds))):
    results.record(f"front_{key}", value, key, tolerance=0)
for key, value in (("low", low), ("high", high), ("middle", centre)):
    results.record(f"front_{key}", value, "features/token", ".1f", tolerance=0.15 * value)
results.claim("front_common", common, "there is a range of L0 through which all fronts pass")
for (v, lang), part in crossing.groupby(["variant", "lang"]):
    for key, fmt, within in (("ev", ".3f", 0.02), ("recovered", ".1%", 0.03)):
        results.record(f"front_{key}_{v}_{lang}", part[key].mean(), "share", fmt, pareto_seeds, seed_range(part[key]), within)

# %%
AXES = {"l0": ("features/token", ".1f", 0.2), "explained_variance": ("share", ".3f", 0.02), "loss_recovered": ("share", ".1%", 0.03)}
for (v, lang, target), part in points.groupby(["variant", "lang", "target"]):
    for column, (unit, fmt, within) in AXES.items():
        key, x = f"front_{column}_{v}_{lang}_at_{target}", part[column]
        results.record(key, x.mean(), unit, fmt, pareto_seeds, seed_range(x), within * (target if column == "l0" else 1))

# %%
margin = 0.0 if len(pareto_seeds) > 1 else 0.02  # what a difference must exceed: with one seed there are no ranges


def higher(one, other, column="ev"):
    """By language, whether the worst seed of one variant is above the best seed of the other by over the margin."""
    by = crossing.groupby(["variant", "lang"])[column]
    return common & (by.min()[one] - by.max()[other] > margin)


# %%
order = [("gated", "standard"), ("p_anneal", "standard"), ("gated_anneal", "gated"), ("jumprelu", "topk")]
order += itertools.product(("topk", "batchtopk"), ("standard", "gated"))
order += [("batchtopk", "topk"), ("batchtopk", "matryoshka")]
by_margin = f" by over {margin}" if margin else ""
for one, other in order:
    text = f"at L0 {centre:.0f}, in every language and seed, {one} has a higher EV than {other}{by_margin}"
    results.claim(f"front_{one}_above_{other}", higher(one, other).all(), text, against=higher(other, one).any())

# %%
first = crossing.groupby(["lang", "variant"])[["ev", "recovered"]].mean().unstack("lang").idxmax()
for key in ("ev", "recovered"):
    results.record(f"front_first_{key}", first[key, pareto_langs[0]], "variant")


# %%
def unbeaten(column, lang):
    """The variants that no other is above in a language: which of them is first cannot be told."""
    return {v for v in pareto_variants if not any(higher(other, v, column)[lang] for other in pareto_variants)}


firsts = [(unbeaten("ev", lang), unbeaten("recovered", lang)) for lang in pareto_langs]
results.claim(
    "front_same_first",
    common and all(len(ev) == 1 and ev == recovered for ev, recovered in firsts),
    f"EV and loss recovered put the same variant first{by_margin}, in every language",
    against=common and any(ev.isdisjoint(recovered) for ev, recovered in firsts),
)

# %%
miss = (points.l0 / points.target - 1).abs().groupby(points.variant).max()
results.record("front_miss", miss.max(), "share", ".0%", tolerance=0.15)
results.record("front_miss_variant", miss.idxmax(), "variant")

# %%
#| label: fig-variants-pareto
#| fig-cap-ko: "시험 토큰에서의 파레토 경계(Pareto front). 위는 설명 분산, 아래는 손실 회복률이고 칸의 제목은 언어 부호이다. 선은 시드의 평균이고(시드가 여럿이면 띠는 최솟값에서 최댓값까지), 세로 점선은 수를 읽은 L0이다."
#| fig-cap-en: "Fronts on test tokens. Explained variance above, loss recovered below; panels are titled by language. Lines are means over seeds (where there are several, bands run from lowest to highest), and the dotted vertical line marks the L0 at which numbers are read."
#| fig-alt-ko: "가로축은 로그 눈금의 L0, 세로축은 설명 분산과 손실 회복률이다. 변형마다 한 줄씩 여덟 줄이 L0가 커질수록 오른다."
#| fig-alt-en: "L0 on a logarithmic horizontal axis, explained variance and loss recovered on the vertical axes. Eight lines, one per variant, rise with L0."
ROWS = {"explained_variance": "explained variance", "loss_recovered": "loss recovered"}
width = kc.plots.WIDTH * (1.0 if len(pareto_langs) > 1 else 0.75)
fig, axes = plt.subplots(2, len(pareto_langs), figsize=(width, 5.0), sharex=True, squeeze=False)
for (row, column), ax in np.ndenumerate(axes):
    y, lang = list(ROWS)[row], pareto_langs[column]
    for v, marker in zip(pareto_variants, "os^vDP*X", strict=False):
        by = points[(points.variant == v) & (points.lang == lang)].groupby("target")
        ax.plot(by.l0.mean(), by[y].mean(), marker=marker, color=COLORS[v], label=v)
        ax.fill_between(by.l0.mean(), by[y].min(), by[y].max(), color=COLORS[v], alpha=0.2, lw=0)
    ax.axvline(centre, color="#999999", lw=0.8, ls=":")
    ax.set(xscale="log", title=lang if row == 0 else "", ylabel=ROWS[y] if column == 0 else "")
for ax in axes[1]:
    ax.set_xlabel("L0")
    ax.set_xticks(pareto_l0, [str(n) for n in pareto_l0])
    ax.minorticks_off()
fig.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center")
kc.plots.save(fig, "fig-variants-pareto")

# %%
#| label: tbl-variants-pareto
#| tbl-cap-ko: "같은 L0에서 읽은 설명 분산(EV)과 손실 회복률(recovered), 시드의 평균. miss는 목표 L0에서 가장 많이 벗어난 비율이다."
#| tbl-cap-en: "Explained variance (EV) and loss recovered, read at equal L0, means over seeds. miss: the largest deviation from a target L0, as a share of it."
frame = crossing.pivot_table(index="variant", columns="lang", values=["ev", "recovered"]).loc[pareto_variants]
frame.columns = [f"{name}, {lang}".replace("ev", "EV") for name, lang in frame.columns]
kc.plots.table(frame.assign(miss=miss), {c: ".3f" if c.startswith("EV") else ".1%" for c in frame} | {"miss": ".0%"})

# %% [markdown] tags=["ko"]
# [@fig-variants-pareto]와 [@tbl-variants-pareto]를 읽는다. [모든 경계는 L0 {{< var c03.front_low >}}와 {{< var c03.front_high >}} 사이를 함께 지나며,]{.claim key="c03.front_common"} 수는 {{< var c03.front_middle >}}에서 읽는다. 목표에서 가장 많이 벗어난 것은 {{< var c03.front_miss_variant >}}이고, 벗어난 폭은 {{< var c03.front_miss >}}이다. 한국어에서 EV는 표준형 {{< var c03.front_ev_standard_ko >}}, 게이트형 {{< var c03.front_ev_gated_ko >}}, TopK {{< var c03.front_ev_topk_ko >}}, BatchTopK {{< var c03.front_ev_batchtopk_ko >}}, JumpReLU {{< var c03.front_ev_jumprelu_ko >}}이다. 높다고는 잰 언어와 시드 모두에서 높을 때에만, 시드가 하나이면 0.02 넘게 높을 때에만 적는다. [EV는 게이트형이 표준형보다 높다.]{.claim key="c03.front_gated_above_standard"}[게이트형은 표준형보다 뚜렷이 높지 않다.]{.otherwise} [p-annealing을 쓴 표준형은 쓰지 않은 표준형보다 높다.]{.claim key="c03.front_p_anneal_above_standard"}[p-annealing을 쓴 표준형은 쓰지 않은 표준형보다 뚜렷이 높지 않다.]{.otherwise} [p-annealing을 쓴 게이트형은 쓰지 않은 게이트형보다 높다.]{.claim key="c03.front_gated_anneal_above_gated"}[p-annealing을 쓴 게이트형은 쓰지 않은 게이트형보다 뚜렷이 높지 않다.]{.otherwise} [TopK는 표준형보다 높다.]{.claim key="c03.front_topk_above_standard"}[TopK는 표준형보다 뚜렷이 높지 않다.]{.otherwise} [TopK는 게이트형보다 높다.]{.claim key="c03.front_topk_above_gated"}[TopK는 게이트형보다 뚜렷이 높지 않다.]{.otherwise} [BatchTopK는 표준형보다 높다.]{.claim key="c03.front_batchtopk_above_standard"}[BatchTopK는 표준형보다 뚜렷이 높지 않다.]{.otherwise} [BatchTopK는 게이트형보다 높다.]{.claim key="c03.front_batchtopk_above_gated"}[BatchTopK는 게이트형보다 뚜렷이 높지 않다.]{.otherwise} [BatchTopK는 TopK보다 높다.]{.claim key="c03.front_batchtopk_above_topk"}[BatchTopK는 TopK보다 뚜렷이 높지 않다.]{.otherwise} [JumpReLU는 TopK보다 높다.]{.claim key="c03.front_jumprelu_above_topk"}[JumpReLU는 TopK보다 뚜렷이 높지 않다.]{.otherwise} [BatchTopK는 Matryoshka보다 높다.]{.claim key="c03.front_batchtopk_above_matryoshka"}[BatchTopK는 Matryoshka보다 뚜렷이 높지 않다.]{.otherwise} 뚜렷이 높지 않다는 말에는 낮은 경우와 차이를 가릴 수 없는 경우가 함께 들어 있으며, 논문에 대한 반박이 아니라 이 걸음 수와 이 모델에서는 그 이점이 보이지 않았다는 뜻이다.
#
# 한국어에서 EV의 으뜸은 {{< var c03.front_first_ev >}}, 손실 회복률의 으뜸은 {{< var c03.front_first_recovered >}}이다. [두 지표는 같은 변형을 뚜렷한 으뜸으로 꼽는다.]{.claim key="c03.front_same_first"}[두 지표가 같은 변형을 뚜렷한 으뜸으로 꼽는다고는 할 수 없다. 위에서 정한 뜻에서 다른 모든 변형보다 높은 것이 없거나, 있어도 두 지표에서 서로 다르다.]{.otherwise}
#
# ::: {.when key="c03.front_ev_topk_en"}
# 영어에서 EV는 차례로 {{< var c03.front_ev_standard_en >}}, {{< var c03.front_ev_gated_en >}}, {{< var c03.front_ev_topk_en >}}, {{< var c03.front_ev_batchtopk_en >}}, {{< var c03.front_ev_jumprelu_en >}}이다.
# :::

# %% [markdown] src="cb12" tags=["en"]
# We read [@fig-variants-pareto] and [@tbl-variants-pareto]. [All fronts pass through the range of L0 between {{< var c03.front_low >}} and {{< var c03.front_high >}},]{.claim key="c03.front_common"} and numbers are read at {{< var c03.front_middle >}}. The one furthest off its target is {{< var c03.front_miss_variant >}}, by {{< var c03.front_miss >}}. In Korean, EV is {{< var c03.front_ev_standard_ko >}} for standard, {{< var c03.front_ev_gated_ko >}} for gated, {{< var c03.front_ev_topk_ko >}} for TopK, {{< var c03.front_ev_batchtopk_ko >}} for BatchTopK and {{< var c03.front_ev_jumprelu_ko >}} for JumpReLU. 'Above' is written only where it holds in every language and seed that was measured, and with one seed by more than 0.02. [Gated is above standard.]{.claim key="c03.front_gated_above_standard"}[Gated is not clearly above standard.]{.otherwise} [Standard with p-annealing is above standard without.]{.claim key="c03.front_p_anneal_above_standard"}[Standard with p-annealing is not clearly above standard without.]{.otherwise} [Gated with p-annealing is above gated without.]{.claim key="c03.front_gated_anneal_above_gated"}[Gated with p-annealing is not clearly above gated without.]{.otherwise} [TopK is above standard.]{.claim key="c03.front_topk_above_standard"}[TopK is not clearly above standard.]{.otherwise} [TopK is above gated.]{.claim key="c03.front_topk_above_gated"}[TopK is not clearly above gated.]{.otherwise} [BatchTopK is above standard.]{.claim key="c03.front_batchtopk_above_standard"}[BatchTopK is not clearly above standard.]{.otherwise} [BatchTopK is above gated.]{.claim key="c03.front_batchtopk_above_gated"}[BatchTopK is not clearly above gated.]{.otherwise} [BatchTopK is above TopK.]{.claim key="c03.front_batchtopk_above_topk"}[BatchTopK is not clearly above TopK.]{.otherwise} [JumpReLU is above TopK.]{.claim key="c03.front_jumprelu_above_topk"}[JumpReLU is not clearly above TopK.]{.otherwise} [BatchTopK is above Matryoshka.]{.claim key="c03.front_batchtopk_above_matryoshka"}[BatchTopK is not clearly above Matryoshka.]{.otherwise} 'Not clearly above' covers what is below as well as what cannot be told apart, and does not refute a paper: with so many steps, on this model, the advantage was not to be seen.
#
# In Korean the first in EV is {{< var c03.front_first_ev >}}, the first in loss recovered {{< var c03.front_first_recovered >}}. [The two measures put the same variant clearly first.]{.claim key="c03.front_same_first"}[They cannot be said to put the same variant clearly first: either none is above all others in the sense given above, or it is not the same one by both.]{.otherwise}
#
# ::: {.when key="c03.front_ev_topk_en"}
# In English, EV is {{< var c03.front_ev_standard_en >}}, {{< var c03.front_ev_gated_en >}}, {{< var c03.front_ev_topk_en >}}, {{< var c03.front_ev_batchtopk_en >}} and {{< var c03.front_ev_jumprelu_en >}} in the same order.
# :::

# %% [markdown] tags=["ko"]
# ## 정답을 아는 자료에서 {#sec-var-planted}
#
# 위의 어떤 지표도 특징이 맞는지는 말해 주지 않는다. 참된 특징을 모르기 때문이다. 그래서 방향을 우리가 심은 자료를 쓴다. {{< var c03.planted_d >}}차원에 무작위 방향 {{< var c03.planted_features >}}개를 심고, 토큰마다 평균 {{< var c03.planted_active >}}개를 서로 독립으로 켠다. 빈도는 순위의 제곱근에 반비례하고(지프의 법칙보다 훨씬 완만하다) 크기는 0.5와 1.5 사이에서 고르게 뽑는다. 같은 수의 특징을 가진 오토인코더를 시드 {{< var c03.n_seeds >}}개로 학습하고 새로 뽑은 토큰에서 잰다. 처음 셋은 희소성을 세 가지로 바꾸어 가며, 나머지 다섯은 참 L0를 목표로 한 번씩 학습한다. 편향을 올리는 장치(`lift`)는 논문들에 없으므로 끄고, TopK 계열의 논문들이 쓰는 AuxK는 켠다. 희소한 시작점과 `warm_topk`는 그대로 둔다.
#
# 지표는 다섯이다. 참 방향마다 가장 가까운 학습된 방향의 코사인을 평균한 것(MMCS), 그 코사인이 0.9를 넘는 비율(복원율), 학습된 방향들이 서로 다른 참 방향을 가리키는 정도(고유성), 학습된 특징이 켜질 때 그와 가장 가까운 참 특징도 켜져 있는 비율(정밀도)과 그 역(재현율)이다 [@chanin2026synth]. 뒤의 셋은 학습된 특징에 걸쳐 평균하며, 한 번도 켜지지 않는 특징은 정밀도와 재현율을 0으로 센다. SAEBench [@karvonen2025]의 SCR(spurious correlation removal)과 TPP(targeted probe perturbation)는 쓰지 않는다. 신뢰도 검사를 통과하지 못하여 쓰지 말라는 점검 결과가 있기 때문이다 [@chanin2026].
#
# **예상.** 표준형은 약한 활성값을 많이 남겨 정밀도가 낮고, 게이트형과 TopK는 L0가 참값에 가까울 때 방향을 더 많이 되찾는다. 켜진 수가 토큰마다 다르니 BatchTopK는 TopK보다, 수를 직접 벌하는 JumpReLU는 표준형보다 많이 되찾고, 심은 특징에는 위계가 없으니 Matryoshka는 BatchTopK를 넘지 못할 것이다. JumpReLU의 학습이 덜 안정하다면, 사전 하나와 그 토큰을 그대로 두고 학습의 시드만 바꿀 때 복원율의 표준편차가 L0를 맞춘 다른 어느 변형에서보다 JumpReLU에서 크며, 시드를 다시 뽑은 붓스트랩에서 그 차이의 구간은 0보다 위에 있다. TopK가 붕괴를 피한다면 죽은 특징이 표준형과 게이트형보다 적다. 편향을 올리는 것이 AuxK를 대신한다면, 그것만으로 죽은 특징이 줄고 복원율은 AuxK를 쓸 때에 못지않으며 AuxK를 더해도 나아지지 않는다. 복원율이 가장 높은 설정과 EV가 가장 높은 설정은 서로 다를 것이다. 둘이 같다면 EV만 보고 고르는 관행에 잘못이 없는 것이고, 이 절의 요점은 무너진다.

# %% [markdown] src="857a" tags=["en"]
# ## On data whose answer is known {#sec-var-planted}
#
# None of the measures above says whether features are right, since the true ones are unknown. So we use data in which we planted the directions: {{< var c03.planted_features >}} random ones in {{< var c03.planted_d >}} dimensions, of which each token turns on {{< var c03.planted_active >}} on average, independently, with frequencies inversely proportional to the square root of the rank (much flatter than Zipf's law) and magnitudes uniform between 0.5 and 1.5. Autoencoders with as many features are trained with {{< var c03.n_seeds >}} seeds and measured on freshly drawn tokens. The first three variants get three levels of sparsity each, the other five the true L0 as their target. Biases are not lifted (`lift`), since the papers do not lift them, and the AuxK of the papers on the TopK family is on; the sparse start and `warm_topk` stay.
#
# There are five measures: the cosine of each true direction with the nearest learned one, averaged (MMCS); the share for which it exceeds 0.9 (recovery); how far learned directions point to different true ones (uniqueness); of the times a learned feature fires, the share on which its nearest true one is on (precision), and the converse (recall) [@chanin2026synth]. The last three are means over learned features, where one that never fires counts as 0 in precision and recall. SCR (spurious correlation removal) and TPP (targeted probe perturbation) of SAEBench [@karvonen2025] are not used, because an audit found that they fail tests of reliability and should not be [@chanin2026].
#
# **Expectation.** The standard form leaves many weak activations, so its precision is low; gated and TopK find more directions when their L0 is near the true one. As tokens differ in how many are on, BatchTopK will find more than TopK, and JumpReLU, which penalises that number itself, more than standard; as planted features have no hierarchy, Matryoshka will not surpass BatchTopK. If JumpReLU is less stable to train, then with one dictionary and its tokens kept and only the seed of training changed, the standard deviation of its recovery is larger than that of any other variant held to an L0, and in a bootstrap over seeds the interval of the difference lies above 0. If TopK avoids collapse, fewer of its features are dead than in standard and gated. If lifting biases replaces AuxK, fewer features are dead by it alone, recovery is no lower than with AuxK, and adding AuxK improves nothing. The setting with the highest recovery and the setting with the highest EV will be two different ones. If they are the same, there is nothing wrong with choosing by EV, and the point of this section falls.


# %%
@functools.cache
def planted(s, **kind):
    """The planted dictionary of a seed, tokens to train on, and new ones with what is truly on."""
    one = Planted(PlantedConfig(planted_d, planted_features, planted_active, seed=s, **kind))
    return one, one.sample(planted_tokens, 1)[0], *one.sample(planted_tokens // 12, 2)


settings = [(v, "k" if v == "topk" else "sparsity", x) for v in VARIANTS for x in levels[v]]


def aimed(v):
    """The setting of a variant that is to turn on as many features as there truly are."""
    return v, "k" if "k" in kc.VARIANTS[v].options else "target_l0", planted_active


settings += [aimed(v) for v in LATER]


# %%
@functools.cache
def plant(variant, name, value, s, lift=0.0, auxk=128, data=None, **kind):
    """Train on one planted dictionary, of the seed `s` or `data`; what it explains on new tokens, and what it finds."""
    truth, train_ND, held_ND, codes = planted(s if data is None else data, **kind)
    target, options = (value, {}) if name == "target_l0" else (None, {name: value})
    options |= {"auxk": auxk} if "auxk" in kc.VARIANTS[variant].options else {}
    how = {"target_l0": target, "lift": lift, "seed": s, "device": "cpu"}
    schedule = kc.TrainConfig(planted_steps, min(512, planted_tokens // 30), **how)
    sae, _ = kc.train(kc.SAEConfig(variant, planted_features, **options), train_ND, schedule)
    found = recovery(truth.directions_FD, sae.W_dec_FD, codes, kc.encode_store(sae, held_ND))
    report = kc.evaluate(sae, held_ND)
    with np.errstate(invalid="ignore"):  # TopK has as many on for every token
        follows = np.corrcoef(report.active_N, np.diff(codes.indptr))[0, 1]
    return sae, report.as_dict() | found.as_dict() | {"follows": follows}


# %%
threads = torch.get_num_threads()
torch.set_num_threads(1)  # the tensors are small: a second thread costs more than it gives
trained = {(n, s): plant(*setting, s) for n, setting in enumerate(settings) for s in seeds}

# %%
about = {n: {"setting": n, "variant": v, "level": f"{name} {x:g}"} for n, (v, name, x) in enumerate(settings)}
runs = pd.DataFrame([about[n] | {"seed": s} | row for (n, s), (_, row) in trained.items()])

# %%
by_setting = runs.groupby(["variant", "setting", "level"], sort=False)
means = by_setting[["explained_variance", "l0", "recovered"]].mean()
matched = {v: (means.loc[v].l0 - planted_active).abs().idxmin()[0] for v in VARIANTS + LATER}

# %%
results.record("planted_d", planted_d, "dimensions", tolerance=0)
results.record("planted_features", planted_features, "features", tolerance=0)
results.record("planted_active", planted_active, "features/token", tolerance=0)
results.record("n_seeds", n_seeds, "seeds", tolerance=0)

# %%
random_FD = torch.randn(planted_features, planted_d, generator=torch.Generator().manual_seed(seed))
chance = [recovery(planted(s)[0].directions_FD, random_FD).mean_max_cosine for s in seeds]
results.record("mmcs_random", np.mean(chance), "cosine", ".2f", tolerance=0.02)

# %%
KEYS = {"explained_variance": "ev", "l0": "l0", "mean_max_cosine": "mmcs", "recovered": "recovered"}
KEYS |= {name: name for name in ("uniqueness", "precision", "recall")}
chosen = {v: runs[runs.setting == n].rename(columns=KEYS) for v, n in matched.items()}

# %%
for v, part in chosen.items():
    for key in KEYS.values():
        x, fmt = part[key], {"l0": ".1f", "recovered": ".1%"}.get(key, ".2f")
        results.record(f"planted_{key}_{v}", x.mean(), "mean over seeds", fmt, seeds, seed_range(x), 0.1 * max(1, x.max()))

# %%
#| label: tbl-variants-planted
#| tbl-cap-ko: "심은 사전에서의 변형들. 위 셋은 L0가 참값에 가장 가까운 희소성에서, 나머지는 참값을 목표로. 시드의 평균이고 recovered range는 최솟값에서 최댓값까지이다."
#| tbl-cap-en: "Variants on planted dictionaries. The upper three at the sparsity whose L0 is closest to the true one, the others with the true one as their target. Means over seeds; recovered range: lowest to highest."
table = pd.DataFrame({v: part[list(KEYS.values())].mean() for v, part in chosen.items()}).T
table.insert(0, "level", [part.level.iloc[0].replace("target_l0", "target") for part in chosen.values()])
table["recovered range"] = [f"{part.recovered.min():.2f} to {part.recovered.max():.2f}" for part in chosen.values()]
kc.plots.table(table.rename(columns={"ev": "EV", "l0": "L0", "mmcs": "MMCS"}).rename_axis("variant"), ".2f")

# %%
means = means.loc[list(VARIANTS)]  # what follows looks at the three with several levels
best_ev, best_found = means.explained_variance.idxmax(), means.recovered.idxmax()
for name, where in (("best_ev", best_ev), ("best_found", best_found)):
    results.record(f"{name}_setting", f"{where[0]}, {where[2]}", "setting")
    results.record(f"{name}_ev", means.explained_variance[where], "share", ".3f", tolerance=0.03)
    results.record(f"{name}_recovered", means.recovered[where], "share", ".1%", tolerance=0.1)


# %%
def apart(column, high, low):
    """Whether one variant's lowest seed is above the other's highest."""
    return bool(chosen[high][column].min() > chosen[low][column].max())


# %%
for key, more, less in (
    ("batch", "batchtopk", "topk"),
    ("jump", "jumprelu", "standard"),
    ("nested", "batchtopk", "matryoshka"),
):
    text = f"every {more} seed recovers more than every {less} seed"
    results.claim(f"planted_{key}", apart("recovered", more, less), text, against=apart("recovered", less, more))

# %%
results.claim("ev_misleads", best_ev != best_found, "the setting of highest EV is not the one of highest recovery")
for v in ("gated", "topk"):
    less = apart("precision", "standard", v)
    text = f"precision: every {v} seed above every standard seed"
    results.claim(f"{v}_more_precise", apart("precision", v, "standard"), text, against=less)

# %%
results.claim(
    "more_recovered",
    apart("recovered", "gated", "standard") and apart("recovered", "topk", "standard"),
    "matched: every gated and every topk seed recovers more than every standard seed",
    against=apart("recovered", "standard", "gated") or apart("recovered", "standard", "topk"),
)

# %%
easiest = means.loc["standard"].sort_values("recovered").iloc[-1]
results.record("standard_best_recovered", easiest.recovered, "share", ".1%", tolerance=0.1)
results.record("standard_best_l0", easiest.l0, "features/token", ".1f", tolerance=2.0)

# %%
for v in ("jumprelu", "batchtopk"):
    x = chosen[v].follows
    results.record(f"follows_{v}", x.mean(), "correlation", ".2f", seeds, seed_range(x), 0.15)
text = "active features of JumpReLU go with the true number, correlation over 0.5 in every seed"
results.claim("jump_follows", chosen["jumprelu"].follows.min() > 0.5, text)

# %%
once = range(seed, seed + stability_seeds)  # seeds of training, on the dictionary and the tokens of the first


def trained_again(v, s):
    """The share recovered by a variant held to the true L0 (that of the first seed is trained already)."""
    return plant(*aimed(v), s, **({} if s == seed else {"data": seed}))[1]["recovered"]


STEERED = ("topk", *LATER)
found_VS = np.array([[trained_again(v, s) for s in once] for v in STEERED])

# %%
spread = dict(zip(STEERED, found_VS.std(1, ddof=1), strict=True))
jump = STEERED.index("jumprelu")
widest = max(set(spread) - {"jumprelu"}, key=spread.get)
low, high = statistics.bootstrap_spread(found_VS[jump], np.delete(found_VS, jump, 0), seed=seed)

# %%
results.record("spread_seeds", stability_seeds, "seeds", tolerance=0)
results.record("spread_jumprelu", spread["jumprelu"], "standard deviation", ".1%", once, tolerance=0.02)
results.record("spread_others", spread[widest], "standard deviation", ".1%", once, tolerance=0.02)
results.record("spread_widest", widest, "variant", seeds=once)
gap = spread["jumprelu"] - spread[widest]
results.record("spread_gap", gap, "difference of standard deviations", ".1%", once, (low, high), 0.02)
for key, bound in (("low", low), ("high", high)):
    results.record(f"spread_gap_{key}", bound, "difference of standard deviations", ".1%", once, tolerance=0.02)

# %%
results.claim(
    "jump_less_stable",
    low > 0,
    "one planted dictionary: the deviation of JumpReLU's recovery over seeds is above the largest of other variants held to an L0, interval",
    against=high < 0,
    close=True,
)

# %%
ev, rec = means.explained_variance.to_numpy(), means.recovered.to_numpy()
gap = np.where(ev[:, None] > ev, rec - rec[:, None], -1.0)  # how much less the one of higher EV recovers
trap, better = np.unravel_index(gap.argmax(), gap.shape)
results.claim("ev_trap", gap.max() > 0.3, "some setting has the higher EV and recovers over 30 points less")

# %%
for name, n in (("trap", trap), ("better", better)):
    results.record(f"{name}_setting", f"{means.index[n][0]}, {means.index[n][2]}", "setting")
    results.record(f"{name}_ev", ev[n], "share", ".3f", tolerance=0.03)
    results.record(f"{name}_recovered", rec[n], "share", ".1%", tolerance=0.1)

# %%
lowest = min(chosen[v].mmcs.min() for v in VARIANTS)
results.claim("all_above_chance", lowest > 0.1 + max(chance), "every run is 0.1 above a random dictionary in MMCS")

# %%
swing = means.l0["standard"].max() / means.l0["standard"].min()
results.record("l0_swing", swing, "ratio", ".1f", tolerance=1.0)
results.record("l1_swing", max(levels["standard"]) / min(levels["standard"]), "ratio", ".1f", tolerance=0)

# %%
off = float(np.abs(means.l0["topk"].to_numpy() / levels["topk"] - 1).max())
results.record("topk_off", off, "share", ".1%", tolerance=0.03)
results.claim(
    "l1_needs_tuning", swing > 2 and off < 0.25, "L0 swings over 2-fold with the L1 coefficient, TopK stays near k"
)

# %%
for v, part in chosen.items():
    x = part.dead_share
    results.record(f"planted_dead_{v}", x.mean(), "mean over seeds", ".1%", seeds, seed_range(x), 0.05)
rest = {v: chosen[v].dead_share.mean() for v in LATER}
for key, v in (("least", min(rest, key=rest.get)), ("most", max(rest, key=rest.get))):
    results.record(f"dead_{key}_variant", v, "variant")
    results.record(f"dead_{key}", rest[v], "mean over seeds", ".1%", seeds, tolerance=0.05)

# %%
results.claim(
    "topk_fewer_dead",
    apart("dead_share", "standard", "topk") and apart("dead_share", "gated", "topk"),
    "matched: every TopK seed, with AuxK, has fewer dead than every standard and every gated seed",
    against=apart("dead_share", "topk", "standard") or apart("dead_share", "topk", "gated"),
    close=True,
)

# %%
ARMS = {"bare": (0.0, 0), "lifted": (None, 0), "lifted_auxk": (None, 128)}  # lift and auxk; chosen["topk"] has AuxK alone
arms = {name: [plant(*settings[matched["topk"]], s, *arm)[1] for s in seeds] for name, arm in ARMS.items()}
arms = {name: pd.DataFrame(rows).rename(columns={"dead_share": "dead"}) for name, rows in arms.items()}
for name, key in itertools.product(arms, ("dead", "recovered", "uniqueness")):
    x, fmt = arms[name][key], ".2f" if key == "uniqueness" else ".1%"
    results.record(f"{name}_{key}", x.mean(), "mean over seeds", fmt, seeds, seed_range(x), 0.05)

# %%
bare, lifted, both = (arms[name] for name in ARMS)
results.claim(
    "lift_fewer_dead",
    lifted.dead.max() < bare.dead.min(),
    "TopK without AuxK: every seed with lifted biases has fewer dead than every seed without",
    against=lifted.dead.min() > bare.dead.max(),
)
results.claim(
    "lift_finds_as_many",
    lifted.recovered.mean() > chosen["topk"].recovered.mean() - 0.05,
    "lifted TopK without AuxK recovers no 5 points less than TopK with AuxK and without lifting, mean over seeds",
)

# %%
results.claim(
    "auxk_adds_nothing",
    max((lifted - both).dead.mean(), (both - lifted).recovered.mean()) < 0.01,
    "lifted TopK: AuxK saves no 1% of the features from death and recovers no 1% more, means over seeds",
)
results.claim(
    "auxk_more_unique",
    both.uniqueness.min() > lifted.uniqueness.max(),
    "lifted TopK: every seed with AuxK is more unique than every seed without",
    against=both.uniqueness.max() < lifted.uniqueness.min(),
)

# %%
#| label: fig-variants-frontier
#| fig-cap-ko: "심은 사전에서 희소성을 바꾸어 가며 잰 값. 점은 시드의 평균이고 막대는 최솟값에서 최댓값까지이다. 왼쪽: L0와 EV. 세로선은 실제로 켜진 특징의 평균 수. 오른쪽: 같은 학습들의 EV와 복원율."
#| fig-cap-en: "Planted dictionaries at several levels of sparsity. Dots are means over seeds, bars run from lowest to highest. Left: EV against L0; the vertical line is the mean number of features truly on. Right: recovery against EV of the same runs."
#| fig-alt-ko: "왼쪽에서 변형마다 한 줄씩 세 줄이 L0가 커질수록 높은 EV로 오른다. 오른쪽에서는 EV가 높다고 복원율이 높지는 않아, 점들이 한 줄로 서지 않는다."
#| fig-alt-en: "On the left three lines, one per variant, reach higher EV at larger L0. On the right higher EV does not mean higher recovery, and the dots do not line up."
fig, axes = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 2.8))
for ax, (x, y) in zip(axes, [("l0", "explained_variance"), ("explained_variance", "recovered")], strict=True):
    for v in VARIANTS:
        groups = runs[runs.variant == v].groupby("setting")[[x, y]]
        mid, low, high = groups.mean(), groups.min(), groups.max()
        bars = {f"{axis}err": (mid[c] - low[c], high[c] - mid[c]) for axis, c in (("x", x), ("y", y))}
        ax.errorbar(mid[x], mid[y], **bars, marker="o", lw=1, color=COLORS[v], label=v)
axes[0].axvline(planted_active, color="#999999", lw=0.8, ls=":")
axes[0].set(xscale="log", xlabel="L0", ylabel="explained variance")
axes[1].set(xlabel="explained variance", ylabel="share of true features found", ylim=(-0.03, 1.03))
axes[0].set_xticks([2, 5, 10, 20, 40], ["2", "5", "10", "20", "40"])
axes[0].minorticks_off()
axes[0].legend()
kc.plots.save(fig, "fig-variants-frontier")

# %% [markdown] tags=["ko"]
# 먼저 처음 셋을 L0가 참값에 가장 가까운 설정에서 견준다. [MMCS는 모든 학습에서 무작위 사전보다 0.1 넘게 높다.]{.claim key="c03.all_above_chance"} 무작위 사전의 값은 {{< var c03.mmcs_random >}}이다. 복원율은 표준형 {{< var c03.planted_recovered_standard >}}, 게이트형 {{< var c03.planted_recovered_gated >}}, TopK {{< var c03.planted_recovered_topk >}}이다([@tbl-variants-planted]). [게이트형과 TopK는 방향을 표준형보다 많이 되찾고, 시드의 범위도 겹치지 않는다.]{.claim key="c03.more_recovered"}[둘 가운데 적어도 하나는 시드의 범위가 통째로 표준형의 범위 위에 있지는 않으므로, 게이트형과 TopK가 모두 더 많이 되찾는다고 할 수는 없다.]{.otherwise} 벌점을 낮추면 표준형은 {{< var c03.standard_best_recovered >}}까지 되찾고, 그때 L0는 {{< var c03.standard_best_l0 >}}이다. L0가 참값에 가장 가까운 설정에서 복원율도 가장 높다는 보장은 없다(복원율이 가장 높은 설정은 아래에 적는다). 정밀도는 차례로 {{< var c03.planted_precision_standard >}}, {{< var c03.planted_precision_gated >}}, {{< var c03.planted_precision_topk >}}이다. [게이트형은 표준형보다 정밀하고 시드의 범위가 겹치지 않는다.]{.claim key="c03.gated_more_precise"}[게이트형이 표준형보다 정밀하다고는 할 수 없다.]{.otherwise} [TopK는 표준형보다 정밀하고 시드의 범위가 겹치지 않는다.]{.claim key="c03.topk_more_precise"}[TopK가 표준형보다 정밀하다고는 할 수 없다.]{.otherwise} 표준형의 정밀도가 게이트형이나 TopK보다 높다면, 그것이 낮으리라던 예상은 틀린 것이다. 다만 가장 가까운 설정에서도 L0는 {{< var c03.planted_l0_standard >}}, {{< var c03.planted_l0_gated >}}, {{< var c03.planted_l0_topk >}}처럼 서로 다르므로, 이 차이가 모두 변형의 몫은 아니다. 방향은 맞아도 엉뚱한 토큰에서 켜지는 특징은 이름을 붙이고 예문을 모으는 사람을 속인다.
#
# 나머지 다섯의 복원율은 BatchTopK {{< var c03.planted_recovered_batchtopk >}}, Matryoshka {{< var c03.planted_recovered_matryoshka >}}, JumpReLU {{< var c03.planted_recovered_jumprelu >}}, p-annealing을 쓴 표준형 {{< var c03.planted_recovered_p_anneal >}}, 게이트형 {{< var c03.planted_recovered_gated_anneal >}}이다. 시드의 범위로 견주면, [BatchTopK는 TopK보다 많이 되찾고,]{.claim key="c03.planted_batch"}[BatchTopK가 TopK보다 많이 되찾는다고는 할 수 없고,]{.otherwise} [JumpReLU는 표준형보다 많이 되찾으며,]{.claim key="c03.planted_jump"}[JumpReLU가 표준형보다 많이 되찾는다고는 할 수 없으며,]{.otherwise} [BatchTopK는 Matryoshka보다 많이 되찾는다.]{.claim key="c03.planted_nested"}[BatchTopK가 Matryoshka보다 많이 되찾는다고는 할 수 없다.]{.otherwise} 목표에 맞추어 계수를 조절한 학습과 계수를 고정한 학습은 거치는 길이 다르므로, 이 차이 가운데 얼마가 변형의 몫인지는 더 긴 학습에서 보아야 한다.
#
# 백과 글은 JumpReLU가 희소성을 스스로 맞추되 학습이 덜 안정하다고 한다. 심은 자료에서는 토큰마다 몇 개가 켜져야 하는지를 안다. 켜진 수와 참값의 상관은 JumpReLU에서 {{< var c03.follows_jumprelu >}}, BatchTopK에서 {{< var c03.follows_batchtopk >}}이고, TopK는 많아야 $k$개를 켜므로 상관을 따질 것이 없다. [JumpReLU가 켜는 수는 참값을 따라간다.]{.claim key="c03.jump_follows"}[JumpReLU가 켜는 수가 참값을 뚜렷이 따라가지는 않는다.]{.otherwise} 안정성은 심은 사전 하나와 그 토큰을 그대로 두고 학습의 시드만 {{< var c03.spread_seeds >}}가지로 바꾸어 잰다. 복원율의 표준편차는 JumpReLU에서 {{< var c03.spread_jumprelu >}}, L0를 맞춘 다른 변형 가운데 가장 큰 {{< var c03.spread_widest >}}에서 {{< var c03.spread_others >}}이다. 그 차이는 {{< var c03.spread_gap >}}포인트이고, 95% 구간은 {{< var c03.spread_gap_low >}}포인트에서 {{< var c03.spread_gap_high >}}포인트까지이다(시드를 다시 뽑은 붓스트랩이며, 가장 큰 변형도 뽑을 때마다 새로 고른다). [구간이 0보다 위에 있으므로, 이 가운데 시드를 가장 많이 타는 것은 JumpReLU이다.]{.claim key="c03.jump_less_stable"}[구간이 0보다 위에 있지 않으므로, 학습이 덜 안정하다는 말은 여기서 확인되지 않는다.]{.otherwise}
#
# 처음 세 변형의 설정 가운데 EV가 가장 높은 것은 {{< var c03.best_ev_setting >}}, 복원율이 가장 높은 것은 {{< var c03.best_found_setting >}}이다. [둘은 다른 설정이다.]{.claim key="c03.ev_misleads"}[둘은 같은 설정이다.]{.otherwise} 두 지표가 얼마나 어긋날 수 있는지는 어긋남이 가장 큰 쌍이 보여 준다. 거기서는 {{< var c03.trap_setting >}}의 EV가 {{< var c03.trap_ev >}}, {{< var c03.better_setting >}}의 EV가 {{< var c03.better_ev >}}인데, 복원율은 차례로 {{< var c03.trap_recovered >}}와 {{< var c03.better_recovered >}}이다. [EV가 더 높은 사전이 참 특징을 30%포인트 넘게 덜 찾을 수 있는 것이다.]{.claim key="c03.ev_trap"}[가장 크게 어긋난 쌍에서도 복원율의 차이는 30%포인트를 넘지 않는다.]{.otherwise} [@fig-variants-frontier]의 오른쪽이 이를 보여 준다. 더 많이 켜면 EV는 대체로 오르지만, 참값보다 많이 켤 때는 한 방향을 여러 특징으로 나누어 나타낼 여지도 생긴다. EV는 높으나 참 특징을 덜 찾는 일은 다른 방법에서도 보고되었다 [@chanin2026synth].
#
# L1 계수를 {{< var c03.l1_swing >}}배 바꾸는 동안 표준형의 L0는 {{< var c03.l0_swing >}}배 달라지고, TopK의 L0는 $k$에서 가장 많이 벗어난 것이 {{< var c03.topk_off >}}이다. [표준형의 L0는 계수에 따라 2배 넘게 달라지는데 TopK의 L0는 $k$ 가까이에 머문다.]{.claim key="c03.l1_needs_tuning"} 그러므로 L0를 맞추려고 계수를 조정하는 수고를 던다는 주장은 옳다. $k$를 얼마로 둘지는 여전히 골라야 한다. 활성값의 붕괴가 죽은 특징을 가리킨다면 따로 재야 한다. 새 토큰에서 한 번도 켜지지 않은 특징의 비율은 재표집을 쓰는 표준형에서 {{< var c03.planted_dead_standard >}}, 게이트형에서 {{< var c03.planted_dead_gated >}}, AuxK를 쓰는 TopK에서 {{< var c03.planted_dead_topk >}}이다. 나머지 다섯 가운데 가장 적은 것은 {{< var c03.dead_least_variant >}}({{< var c03.dead_least >}}), 가장 많은 것은 {{< var c03.dead_most_variant >}}({{< var c03.dead_most >}})이다. [TopK의 죽은 특징은 어느 시드에서나 표준형과 게이트형의 어느 시드보다 적다.]{.claim key="c03.topk_fewer_dead"}[시드의 범위로 볼 때 TopK의 죽은 특징이 표준형과 게이트형 둘 다보다 적다고는 할 수 없으며, TopK를 쓰는 것만으로 붕괴를 더 잘 피한다고도 할 수 없다.]{.otherwise}
#
# 편향을 올리는 것(`lift`)이 AuxK를 대신하는지는 TopK에서 둘을 켜고 꺼 가며 본다. 둘 다 없으면 죽은 특징은 {{< var c03.bare_dead >}}, 복원율은 {{< var c03.bare_recovered >}}이고, 편향만 올리면 차례로 {{< var c03.lifted_dead >}}와 {{< var c03.lifted_recovered >}}이다. [손실을 건드리지 않고도 죽은 특징이 줄며, 시드의 범위도 겹치지 않는다.]{.claim key="c03.lift_fewer_dead"}[시드의 범위로 보아 죽은 특징이 줄었다고는 할 수 없다.]{.otherwise} 그러나 AuxK만 쓴 위의 TopK와도 견주어 보아야 한다. [복원율이 그 TopK보다 5%포인트 넘게 낮지는 않다.]{.claim key="c03.lift_finds_as_many"}[복원율이 그 TopK보다 5%포인트 넘게 낮으므로, 이 설정에서 편향을 올리는 것은 AuxK를 대신하지 못한다.]{.otherwise} 둘을 함께 쓰면 죽은 특징은 {{< var c03.lifted_auxk_dead >}}, 복원율은 {{< var c03.lifted_auxk_recovered >}}이다. [편향을 올리는 학습에 AuxK를 더해도 죽은 특징과 복원율 어느 쪽도 1%포인트까지 나아지지는 않는다.]{.claim key="c03.auxk_adds_nothing"}[편향을 올리는 학습에 AuxK를 더하면 죽은 특징이나 복원율이 1%포인트 이상 나아진다.]{.otherwise} 고유성은 편향만 올릴 때 {{< var c03.lifted_uniqueness >}}, 둘을 함께 쓸 때 {{< var c03.lifted_auxk_uniqueness >}}이다. [AuxK가 있으면 서로 다른 참 방향을 가리키는 특징이 더 많고 시드의 범위도 겹치지 않는다. 편향을 올리면 죽은 특징도 켜지지만, 켜진다고 해서 다른 특징이 맡지 않은 방향을 배우는 것은 아니다. AuxK는 그 특징들로 남은 오차를 재구성하게 하므로, 바로 그런 방향을 배우게 하는 것으로 보인다.]{.claim key="c03.auxk_more_unique"}[AuxK가 있다고 해서 고유성이 뚜렷이 높지는 않다.]{.otherwise} 실제 활성값에서 죽은 특징의 비율은 [@tbl-variants-real]에 있다.

# %% [markdown] src="6261" tags=["en"]
# First the three, at the setting whose L0 is closest to the true one. [In every run MMCS is at least 0.1 above that of a random dictionary,]{.claim key="c03.all_above_chance"} which has {{< var c03.mmcs_random >}}. Recovery is {{< var c03.planted_recovered_standard >}} for standard, {{< var c03.planted_recovered_gated >}} for gated and {{< var c03.planted_recovered_topk >}} for TopK ([@tbl-variants-planted]). [Gated and TopK recover more directions than standard, with ranges over seeds that do not overlap.]{.claim key="c03.more_recovered"}[The range over seeds of at least one of the two does not lie wholly above that of standard, so it cannot be said that both recover more.]{.otherwise} With a weaker penalty standard recovers up to {{< var c03.standard_best_recovered >}}, at an L0 of {{< var c03.standard_best_l0 >}}. The setting whose L0 is closest to the true one need not be the one that recovers most (which one does is given below). Precision is {{< var c03.planted_precision_standard >}}, {{< var c03.planted_precision_gated >}} and {{< var c03.planted_precision_topk >}} in turn. [Gated is more precise than standard, with ranges over seeds that do not overlap.]{.claim key="c03.gated_more_precise"}[Gated cannot be said to be more precise than standard.]{.otherwise} [TopK is more precise than standard, with ranges over seeds that do not overlap.]{.claim key="c03.topk_more_precise"}[TopK cannot be said to be more precise than standard.]{.otherwise} Where the precision of standard is above that of gated or TopK, the expectation that it would be lower is wrong. Even at the closest settings, though, L0 differs ({{< var c03.planted_l0_standard >}}, {{< var c03.planted_l0_gated >}} and {{< var c03.planted_l0_topk >}}), so not all of this belongs to the variant. A feature whose direction is right but which fires on the wrong tokens misleads whoever names it and collects its examples.
#
# Of the other five, recovery is {{< var c03.planted_recovered_batchtopk >}} for BatchTopK, {{< var c03.planted_recovered_matryoshka >}} for Matryoshka, {{< var c03.planted_recovered_jumprelu >}} for JumpReLU, {{< var c03.planted_recovered_p_anneal >}} for the annealed standard form and {{< var c03.planted_recovered_gated_anneal >}} for the annealed gated one. By the ranges over seeds, [BatchTopK recovers more than TopK,]{.claim key="c03.planted_batch"}[BatchTopK cannot be said to recover more than TopK,]{.otherwise} [JumpReLU recovers more than standard,]{.claim key="c03.planted_jump"}[JumpReLU cannot be said to recover more than standard,]{.otherwise} [and BatchTopK recovers more than Matryoshka.]{.claim key="c03.planted_nested"}[and BatchTopK cannot be said to recover more than Matryoshka.]{.otherwise} Steering towards a target is another course of training than a fixed coefficient, so how much of this belongs to the variant has to be seen in longer runs.
#
# The encyclopedia article says that JumpReLU adapts its sparsity and is less stable to train. In planted data we know how many features should be on for a token. The number that is on correlates with it by {{< var c03.follows_jumprelu >}} in JumpReLU and {{< var c03.follows_batchtopk >}} in BatchTopK; TopK turns on at most $k$, so there is nothing to correlate. [The number that JumpReLU turns on goes with the true one.]{.claim key="c03.jump_follows"}[The number that JumpReLU turns on does not clearly go with the true one.]{.otherwise} Stability is measured with one planted dictionary and its tokens kept as they are, and only the seed of training changed, {{< var c03.spread_seeds >}} in all. The standard deviation of recovery is {{< var c03.spread_jumprelu >}} in JumpReLU and {{< var c03.spread_others >}} in {{< var c03.spread_widest >}}, the widest of the other variants held to an L0. The difference is {{< var c03.spread_gap >}} in percentage points, with a 95% interval from {{< var c03.spread_gap_low >}} to {{< var c03.spread_gap_high >}} (a bootstrap over seeds that asks in each draw anew which variant is the widest). [As the interval lies above 0, of these JumpReLU depends most on the seed.]{.claim key="c03.jump_less_stable"}[As the interval does not lie above 0, that it trains less stably is not confirmed here.]{.otherwise}
#
# Among these three the setting of highest EV is {{< var c03.best_ev_setting >}}, that of highest recovery {{< var c03.best_found_setting >}}. [They are two different settings.]{.claim key="c03.ev_misleads"}[They are one setting.]{.otherwise} How far the two measures can part is shown by the pair that disagrees most. There {{< var c03.trap_setting >}} has an EV of {{< var c03.trap_ev >}} and {{< var c03.better_setting >}} one of {{< var c03.better_ev >}}, while recovery is {{< var c03.trap_recovered >}} and {{< var c03.better_recovered >}} in turn. [A dictionary of higher EV can find fewer true features, by over 30 percentage points.]{.claim key="c03.ev_trap"}[Even in the pair that disagrees most, recovery differs by no more than 30 percentage points.]{.otherwise} The right of [@fig-variants-frontier] shows it. Turning on more mostly raises EV, but beyond the true number it also leaves room for several features to share one direction. Higher EV with fewer true features has been reported of another method too [@chanin2026synth].
#
# While the L1 coefficient changes by a factor of {{< var c03.l1_swing >}}, the standard form's L0 changes {{< var c03.l0_swing >}}-fold; TopK's L0 strays from $k$ by {{< var c03.topk_off >}} at most. [The standard form's L0 swings more than 2-fold with the coefficient, while TopK's L0 stays near $k$.]{.claim key="c03.l1_needs_tuning"} So it is right that TopK spares the tuning of a coefficient towards an L0. What $k$ should be still has to be chosen. If the collapse of activations refers to dead features, it has to be measured apart. Of the features, {{< var c03.planted_dead_standard >}} never fire on the new tokens in standard and {{< var c03.planted_dead_gated >}} in gated, which resample, and {{< var c03.planted_dead_topk >}} in TopK, which has AuxK. Of the other five, {{< var c03.dead_least_variant >}} has the fewest ({{< var c03.dead_least >}}) and {{< var c03.dead_most_variant >}} the most ({{< var c03.dead_most >}}). [In every seed fewer features of TopK are dead than in any seed of standard and gated.]{.claim key="c03.topk_fewer_dead"}[By the ranges over seeds, TopK cannot be said to have fewer dead features than both standard and gated, nor can using TopK alone be said to avoid collapse better.]{.otherwise}
#
# Whether lifting biases (`lift`) replaces AuxK we see in TopK, by turning each of the two on and off. With neither, {{< var c03.bare_dead >}} of the features are dead and recovery is {{< var c03.bare_recovered >}}; with biases lifted alone they are {{< var c03.lifted_dead >}} and {{< var c03.lifted_recovered >}}. [Fewer features are dead without a change of the loss, with ranges over seeds that do not overlap.]{.claim key="c03.lift_fewer_dead"}[By the ranges over seeds it cannot be said that fewer features are dead.]{.otherwise} But it has to be held against the TopK above, with AuxK alone. [Recovery is not lower than there by more than 5 percentage points.]{.claim key="c03.lift_finds_as_many"}[Recovery is lower than there by more than 5 percentage points, so in this setting lifting biases does not replace AuxK.]{.otherwise} With both, {{< var c03.lifted_auxk_dead >}} are dead and recovery is {{< var c03.lifted_auxk_recovered >}}. [Where biases are lifted, AuxK improves neither by as much as 1 percentage point.]{.claim key="c03.auxk_adds_nothing"}[Where biases are lifted, AuxK improves at least one of the two by 1 percentage point or more.]{.otherwise} Uniqueness is {{< var c03.lifted_uniqueness >}} with biases lifted alone and {{< var c03.lifted_auxk_uniqueness >}} with both. [With AuxK more features point to true directions of their own, and the ranges over seeds do not overlap. Lifting makes dead features fire too, but to fire is not yet to learn a direction that no other feature has. AuxK, which lets them reconstruct what error is left, seems to teach them just such directions.]{.claim key="c03.auxk_more_unique"}[With AuxK uniqueness is not clearly higher.]{.otherwise} For real activations the share of dead features is in [@tbl-variants-real].

# %% [markdown] tags=["ko"]
# ## 함께 켜지는 특징, 하나가 다른 하나를 품는 특징 {#sec-var-kinds}
#
# 지금까지 심은 특징은 서로 독립이었다. 언어의 특징은 그렇지 않다. 높임을 나타내는 어미들은 함께 쓰이고, 사과를 가리키는 토큰은 언제나 과일도 가리킨다. 그래서 방향과 빈도는 그대로 두고 켜지는 방식만 바꾼다 [@chanin2026synth]. 상관에서는 특징을 {{< var c03.kinds_groups >}}개의 무리로 나누어 한 무리의 특징이 함께 켜지기 쉽게 한다. 위계에서는 뿌리 {{< var c03.kinds_groups >}}개 아래로 특징마다 자식을 둘까지 두고, 자식은 부모가 켜진 토큰에서만 켠다. 여섯 변형을 모두 참 L0를 목표로 학습한다. 위계에서는 흡수, 곧 작은 특징이 켜지면서 큰 특징이 꺼지는 일 [@chanin2024]도 잰다. 부모가 참으로 켜진 토큰에서 부모의 짝이 꺼져 있는 비율을, 자식이 함께 켜진 토큰과 그렇지 않은 토큰에서 각각 구하여 앞의 값에서 뒤의 값을 뺀다. 짝은 코사인이 가장 큰 특징일 뿐 0.9를 넘을 필요는 없다. 그러므로 복원율이 낮은 곳에서는 흡수와 함께, 부모의 방향을 아예 배우지 못한 몫도 이 값에 들어 있다. 5장에서는 탐침으로 어림하는 것을 여기서는 정답으로 잰다.
#
# **예상.** 독립이라는 조건이 앞 절의 순위를 만든 것이 아니라면, 변형을 복원율로 늘어놓은 순위가 상관에서도 위계에서도 남아 순위상관이 0.5를 넘는다. 위계에서는 부모와 자식을 합친 방향 하나를 켜는 것이 둘을 따로 켜는 것보다 싸다. 적게 켜도록 누르는 학습은 그쪽을 택할 것이므로 EV는 그대로인데 복원율은 떨어지고, 어느 변형에나 흡수가 있을 것이다. Matryoshka는 작은 사전도 홀로 재구성해야 하므로 BatchTopK보다 덜 삼킨다 [@bussmann2025]. 복원율과 EV가 함께 떨어진다면 위계는 합칠 수 있어서가 아니라 그저 배우기 어려워서 어려운 것이다.

# %% [markdown] src="c83f" tags=["en"]
# ## Features that fire together, features that contain others {#sec-var-kinds}
#
# So far planted features were independent. Those of a language are not: endings of one speech level are used together, and only a token that names a fruit can name an apple. So we keep directions and frequencies and change only what fires with what [@chanin2026synth]. With correlation, features form {{< var c03.kinds_groups >}} groups, and those of a group tend to fire together. In a hierarchy every feature has up to two children, below {{< var c03.kinds_groups >}} roots, and a child fires only on tokens on which its parent does. Six variants are all trained with the true L0 as their target. In the hierarchy we also measure absorption [@chanin2024]: of the tokens on which a parent is truly on, the share on which its match is off, once where a child is on too and once where none is, and the difference of the two. A match is merely the feature of the largest cosine and need not exceed 0.9. Where recovery is low the measure therefore contains, besides absorption, parents whose direction was not learned at all. What chapter 5 estimates with probes is measured here against the answer.
#
# **Expectation.** If independence did not make the order of the last section, the variants keep their order by recovery under correlation and under hierarchy, with a rank correlation over 0.5. In a hierarchy, turning on one direction that is the sum of parent and child is cheaper than turning on both. A training that presses for sparsity will choose that, so EV stays while recovery falls, and every variant absorbs. Matryoshka, whose small dictionaries must reconstruct on their own, absorbs less than BatchTopK [@bussmann2025]. If recovery and EV fall together, hierarchies are hard not because features can be merged but simply because they are hard to learn.

# %%
KINDS = {"independent": {}}
for name in ("correlated", "hierarchical"):
    KINDS[name] = {"kind": name, "groups": planted_features // 8, "branching": 2}
SIX = ("standard", "gated", "jumprelu", "topk", "batchtopk", "matryoshka")


# %%
def by_kind(kind, v, s):
    """One variant on one kind of planted dictionary; what it finds and, in a hierarchy, what it absorbs."""
    sae, row = plant(*aimed(v), s, **KINDS[kind])
    truth, _, held_ND, codes = planted(s, **KINDS[kind])
    feats = kc.encode_store(sae, held_ND)
    absorbed = absorption(truth, sae.W_dec_FD, codes, feats) if kind == "hierarchical" else np.nan
    return {"kind": kind, "variant": v, "seed": s, "absorbed": absorbed} | row


kinds = pd.DataFrame([by_kind(*point) for point in itertools.product(KINDS, SIX, seeds)])

# %%
results.record("kinds_groups", planted_features // 8, "groups", tolerance=0)
for kind, part in kinds.groupby("kind"):
    for key, column, fmt in (("ev", "explained_variance", ".2f"), ("recovered", "recovered", ".1%")):
        results.record(f"kinds_{key}_{kind}", part[column].mean(), "mean of six variants", fmt, seeds, tolerance=0.1)

# %%
hier = kinds[kinds.kind == "hierarchical"].set_index(["variant", "seed"])
for v in SIX:
    x = hier.absorbed[v]
    results.record(f"kinds_absorbed_{v}", x.mean(), "share", ".1%", seeds, seed_range(x), 0.15)
results.claim("kinds_all_absorb", hier.absorbed.min() > 0.05, "every variant and seed absorbs over 5%")
nested, flat = hier.absorbed["matryoshka"], hier.absorbed["batchtopk"]
text, more = "every Matryoshka seed absorbs less than every BatchTopK seed", nested.min() > flat.max()
results.claim("kinds_nested_absorbs_less", nested.max() < flat.min(), text, against=more)

# %%
seen = kinds.pivot_table(index="variant", columns="kind", values=["recovered", "explained_variance"])
half = seen.recovered.hierarchical < 0.5 * seen.recovered.independent
results.claim("kinds_recovery_falls", half.all(), "every variant recovers less than half as much under hierarchy")
kept = seen.explained_variance.hierarchical > seen.explained_variance.independent - 0.05
results.claim("kinds_ev_stays", kept.all(), "EV of every variant is at most 0.05 lower under hierarchy")

# %%
ranks = seen.recovered.rank().corr()
for kind in ("correlated", "hierarchical"):
    rho = ranks.loc["independent", kind]
    results.record(f"kinds_order_{kind}", rho, "rank correlation", ".2f", tolerance=0.6)
    results.claim(
        f"kinds_order_{kind}", rho > 0.5, f"the order by recovery: rank correlation with {kind} over 0.5", close=True
    )

# %%
#| label: fig-variants-kinds
#| fig-cap-ko: "켜지는 방식만 바꾼 심은 사전에서의 여섯 변형. 점은 시드의 평균이고 막대는 최솟값에서 최댓값까지이다. 왼쪽: EV. 가운데: 복원율. 오른쪽: 위계에서의 흡수."
#| fig-cap-en: "Six variants on planted dictionaries that differ only in what fires with what. Dots are means over seeds, bars run from lowest to highest. Left: EV. Middle: recovery. Right: absorption in the hierarchy."
#| fig-alt-ko: "세 칸에 변형 여섯이 줄로 놓인다. EV는 위계에서 독립과 비슷하거나 더 높고, 복원율은 위계에서 왼쪽 끝으로 크게 떨어진다. 흡수는 여섯 변형 모두 0보다 크다."
#| fig-alt-en: "Three panels with the six variants as rows. EV in the hierarchy is about that of independence or higher, while recovery drops far to the left. Absorption is above 0 in all six."
PANELS = {"explained_variance": "explained variance", "recovered": "share recovered", "absorbed": "absorption"}
shades = dict(zip(KINDS, ("#999999", "#0077bb", "#cc3311"), strict=True))
fig, axes = plt.subplots(1, 3, figsize=(kc.plots.WIDTH, 2.6), sharey=True)
for (column, label), ax in zip(PANELS.items(), axes, strict=True):
    for n, kind in enumerate(KINDS if column != "absorbed" else ["hierarchical"]):
        by = kinds[kinds.kind == kind].groupby("variant")[column].agg(["mean", "min", "max"]).loc[list(SIX)]
        ends = (by["mean"] - by["min"], by["max"] - by["mean"])
        rows = np.arange(len(SIX)) + 0.2 * (n - 1) * (column != "absorbed")
        ax.errorbar(by["mean"], rows, xerr=ends, fmt="o", ms=4, lw=1, color=shades[kind], label=kind)
    ax.set(xlabel=label, xlim=(0, 1.02) if column != "absorbed" else (0, None))
axes[0].set_yticks(range(len(SIX)), SIX)
axes[0].invert_yaxis()
fig.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
kc.plots.save(fig, "fig-variants-kinds")

# %% [markdown] tags=["ko"]
# 여섯 변형의 복원율은 평균하여 독립에서 {{< var c03.kinds_recovered_independent >}}, 상관에서 {{< var c03.kinds_recovered_correlated >}}, 위계에서 {{< var c03.kinds_recovered_hierarchical >}}이고, EV는 차례로 {{< var c03.kinds_ev_independent >}}, {{< var c03.kinds_ev_correlated >}}, {{< var c03.kinds_ev_hierarchical >}}이다([@fig-variants-kinds]). [위계에서는 모든 변형의 복원율이 독립일 때의 절반보다 낮아진다.]{.claim key="c03.kinds_recovery_falls"}[위계에서도 독립일 때의 절반 이상을 되찾는 변형이 있다.]{.otherwise} [그런데 EV는 어느 변형에서나 0.05 안에서 제자리를 지키거나 오른다. 한 특징이 다른 특징을 품는 곳에서는 EV가 높다고 해서 사전이 옳다고 믿을 수 없는 것이다.]{.claim key="c03.kinds_ev_stays"}[EV도 0.05 넘게 떨어지는 변형이 있다.]{.otherwise} 언어 모델의 EV를 읽을 때 잊지 말아야 할 점이다.
#
# 흡수는 표준형 {{< var c03.kinds_absorbed_standard >}}, 게이트형 {{< var c03.kinds_absorbed_gated >}}, JumpReLU {{< var c03.kinds_absorbed_jumprelu >}}, TopK {{< var c03.kinds_absorbed_topk >}}, BatchTopK {{< var c03.kinds_absorbed_batchtopk >}}, Matryoshka {{< var c03.kinds_absorbed_matryoshka >}}이다. [흡수는 어느 변형, 어느 시드에서나 5%를 넘는다.]{.claim key="c03.kinds_all_absorb"}[흡수가 5%를 넘지 않는 학습도 있다.]{.otherwise} [예상대로 Matryoshka의 흡수는 BatchTopK보다 적다.]{.claim key="c03.kinds_nested_absorbs_less"}[Matryoshka의 흡수가 BatchTopK보다 적다고는 할 수 없다. 논문은 특징이 수만 개인 사전을 오래 학습했고, 여기의 사전은 작아서 가장 작은 토막에 특징이 몇 개뿐이다. 그러니 논문을 뒤집는 결과는 아니며, 그 이점이 어느 크기부터 나타나는지는 더 알아보아야 한다.]{.otherwise}
#
# 복원율로 늘어놓은 순위와 독립일 때의 순위 사이의 순위상관은 상관을 심으면 {{< var c03.kinds_order_correlated >}}, 위계를 심으면 {{< var c03.kinds_order_hierarchical >}}이다. [상관을 심어도 순위는 남는다.]{.claim key="c03.kinds_order_correlated"}[상관을 심기만 해도 순위가 흐트러진다.]{.otherwise} [위계를 심어도 순위는 남는다.]{.claim key="c03.kinds_order_hierarchical"}[위계에서는 순위가 남지 않으므로, 앞 절의 순위는 특징이 독립일 때의 순위로만 읽어야 한다.]{.otherwise} 변형이 여섯뿐이므로 순위상관 하나하나는 대략의 크기로만 본다.

# %% [markdown] src="07f9" tags=["en"]
# Averaged over the six variants, recovery is {{< var c03.kinds_recovered_independent >}} with independent features, {{< var c03.kinds_recovered_correlated >}} with correlated and {{< var c03.kinds_recovered_hierarchical >}} with hierarchical ones; EV is {{< var c03.kinds_ev_independent >}}, {{< var c03.kinds_ev_correlated >}} and {{< var c03.kinds_ev_hierarchical >}} in turn ([@fig-variants-kinds]). [Under hierarchy, recovery of every variant falls below half of that with independence.]{.claim key="c03.kinds_recovery_falls"}[Under hierarchy some variant still recovers half as much as with independence, or more.]{.otherwise} [Yet EV of every variant stays within 0.05 or rises. Where features contain others, high EV is no sign that the dictionary is right.]{.claim key="c03.kinds_ev_stays"}[EV of some variant falls by more than 0.05 too.]{.otherwise} This should be remembered whenever EV of a language model is read.
#
# Absorption is {{< var c03.kinds_absorbed_standard >}} in standard, {{< var c03.kinds_absorbed_gated >}} in gated, {{< var c03.kinds_absorbed_jumprelu >}} in JumpReLU, {{< var c03.kinds_absorbed_topk >}} in TopK, {{< var c03.kinds_absorbed_batchtopk >}} in BatchTopK and {{< var c03.kinds_absorbed_matryoshka >}} in Matryoshka. [Every variant absorbs over 5%, in every seed.]{.claim key="c03.kinds_all_absorb"}[In some trainings absorption does not exceed 5%.]{.otherwise} [As expected, Matryoshka absorbs less than BatchTopK.]{.claim key="c03.kinds_nested_absorbs_less"}[Matryoshka cannot be said to absorb less than BatchTopK. The paper trained dictionaries of tens of thousands of features for long; ours is small, and its smallest part has but a few features. So this does not overturn the paper; from what size on the advantage appears remains to be seen.]{.otherwise}
#
# Ordered by recovery, the variants have a rank correlation with independence of {{< var c03.kinds_order_correlated >}} under correlation and {{< var c03.kinds_order_hierarchical >}} under hierarchy. [The order survives correlation.]{.claim key="c03.kinds_order_correlated"}[Correlation is enough to disturb the order.]{.otherwise} [The order survives hierarchy.]{.claim key="c03.kinds_order_hierarchical"}[The order does not survive hierarchy, so that of the last section is to be read as the order for independent features only.]{.otherwise} As there are six variants only, each rank correlation is taken as a rough size.

# %% [markdown] tags=["ko"]
# ## 글의 코드와 논문의 코드 {#sec-var-blog}
#
# 백과 글의 JumpReLU는 순전파의 값은 논문과 같지만, 역전파에서는 마스크 $\mathbb{1}[z > \theta]$만 통과시킨다. [@eq-var-ste]의 두 식이 모두 0인 셈이어서, 재구성도 벌점도 문턱을 움직이지 못한다. 자동 미분에 맡기면 바로 이 꼴이 된다. 같은 글의 게이트형은 인코더 둘을 묶지 않는다. 둘 다 짧은 클래스로 옮겨 심은 자료에서 학습한다.
#
# **예상.** 벌점의 기울기가 갈 곳이 없으므로, 글의 JumpReLU는 $\lambda$를 {{< var c03.jump_swing >}}배로 키워도 비트까지 같은 사전을 내놓는다. 논문의 꼴은 $\lambda$가 커질 때마다 L0가 준다. 글의 꼴에서 L0가 움직이거나 논문의 꼴에서 움직이지 않는다면 위의 설명은 틀린 것이다. 묶지 않은 게이트형은 매개변수를 두 배 가까이 쓰고도 같은 L0에서 참 특징을 더 찾지 못할 것이다.

# %% [markdown] src="f57c" tags=["en"]
# ## The article's code and the paper's {#sec-var-blog}
#
# The forward pass of the encyclopedia article's JumpReLU matches the paper's. Its backward pass, however, lets only the mask $\mathbb{1}[z > \theta]$ through. Both parts of [@eq-var-ste] are then 0, so that neither reconstruction nor penalty moves the threshold. Leave it to automatic differentiation, and this is what you get. The same article's gated form does not tie its two encoders. We put both into short classes and train them on planted data.
#
# **Expectation.** As the gradient of the penalty has nowhere to go, the article's JumpReLU gives the same dictionary, bit for bit, while $\lambda$ grows by a factor of {{< var c03.jump_swing >}}. In the paper's form L0 falls each time $\lambda$ grows. If L0 moves in the article's form, or does not move in the paper's, the explanation above is wrong. The untied gated form will use nearly twice the parameters and at equal L0 find no more of the true features.


# %%
class MaskOnly(kc.JumpReLUSAE):
    """The article's JumpReLU: automatic differentiation sees the mask as a constant."""

    variant = "jumprelu_mask"

    def jump(self, code):
        on = code.values > code.of(self.threshold_F)
        return code.values * on, on.sum() / code.n_rows


# %%
class Untied(kc.GatedSAE):
    """The article's gated form: an encoder for each path, and exp(r_mag) that starts at e."""

    variant = "gated_untied"

    def add_biases(self):
        super().add_biases()
        self.r_mag_F.data.fill_(1.0)
        self.W_mag_DF = torch.nn.Parameter(self.W_enc_DF.detach().clone())

    def both(self, x_BD):
        gate_BF = torch.addmm(self.folded(self.b_gate_F), x_BD, self.W_enc_DF)
        magnitude_BF = self.r_mag_F.exp() * ((x_BD - self.b_dec_D) @ self.W_mag_DF) + self.b_mag_F
        return gate_BF.relu(), magnitude_BF.relu() * (gate_BF > 0)

    def features(self, x_BD):
        return self.both(x_BD)[1]

    def objective(self, x_BD, weight, dead_F):
        gate, code = map(kernels.Code, self.both(x_BD))
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        frozen_BD = gate.decode(self.W_dec_FD.detach(), self.b_dec_D.detach())
        sparsity = self.config.sparsity * weight * self.penalty(gate)
        mse, aux = losses.squared_error(recon_BD, x_BD), losses.squared_error(frozen_BD, x_BD)
        return Objective(mse, sparsity, aux, recon_BD, code)


# %%
jumps = {(v, w): plant(v, "sparsity", w, seed) for w in levels["jumprelu"] for v in ("jumprelu", "jumprelu_mask")}
gates = {(v, s): plant(v, "target_l0", planted_active, s) for v in ("gated", "gated_untied") for s in seeds}

# %%
l0 = {v: [jumps[v, w][1]["l0"] for w in levels["jumprelu"]] for v in ("jumprelu", "jumprelu_mask")}
results.record("jump_swing", max(levels["jumprelu"]) / min(levels["jumprelu"]), "ratio", ".0f", tolerance=0)
for name, v in (("paper", "jumprelu"), ("blog", "jumprelu_mask")):
    for end, value in (("weak", l0[v][0]), ("strong", l0[v][-1])):
        results.record(f"jump_{name}_{end}", value, "features/token", ".1f", tolerance=max(1.0, 0.15 * value))

# %%
one, *others = [jumps["jumprelu_mask", w][0].state_dict() for w in levels["jumprelu"]]
equal = all(torch.equal(one[name], other[name]) for other in others for name in one)
results.claim("blog_jump_fixed", equal, "the article's JumpReLU: the same bits whatever the coefficient")
results.claim("paper_jump_falls", np.all(np.diff(l0["jumprelu"]) < 0), "the paper's JumpReLU: L0 falls with each level")

# %%
pair_of = {v: pd.DataFrame([gates[v, s][1] for s in seeds]) for v in ("gated", "gated_untied")}
for name, v in (("tied", "gated"), ("untied", "gated_untied")):
    for key, fmt in (("l0", ".1f"), ("explained_variance", ".2f"), ("recovered", ".1%")):
        x = pair_of[v][key]
        results.record(f"{name}_{key}", x.mean(), "mean over seeds", fmt, seeds, seed_range(x), 0.15 * max(1, x.max()))
no_more = pair_of["gated_untied"].recovered.mean() <= pair_of["gated"].recovered.mean()
results.claim("untied_no_better", no_more, "the untied gated form recovers no more on average than the tied one")

# %%
#| label: tbl-variants-blog
#| tbl-cap-ko: "논문의 꼴과 백과 글의 꼴. JumpReLU는 계수를 바꾸며 한 시드에서, 게이트형은 참 L0를 목표로 여러 시드에서 평균했다. encoder는 인코더의 매개변수 수이다."
#| tbl-cap-en: "The papers' forms and those of the encyclopedia article. JumpReLU with several coefficients and one seed, gated with the true L0 as its target and averaged over seeds. encoder: parameters of the encoder."
rows = [{"form": v, "setting": f"sparsity {w:g}", "n": jumps[v, w][0]} | jumps[v, w][1] for v, w in jumps]
rows += [{"form": v, "setting": f"target {planted_active}", "n": gates[v, seed][0]} | dict(pair_of[v].mean()) for v in pair_of]  # fmt: skip
frame = pd.DataFrame(rows)[["form", "setting", "l0", "explained_variance", "recovered", "n"]]
frame["n"] = [sum(p.numel() for name, p in sae.named_parameters() if "dec" not in name) for sae in frame.n]
frame.columns = ["form", "setting", "L0", "EV", "recovered", "encoder"]
kc.plots.table(
    frame.sort_values("form", kind="stable").set_index("form"), {"L0": ".2f", "EV": ".3f", "recovered": ".1%"}
)

# %% [markdown] tags=["ko"]
# $\lambda$를 키우는 동안 논문의 꼴은 L0가 {{< var c03.jump_paper_weak >}}에서 {{< var c03.jump_paper_strong >}}까지 내려가고, 글의 꼴은 처음에 {{< var c03.jump_blog_weak >}}, 끝에 {{< var c03.jump_blog_strong >}}이다([@tbl-variants-blog]). [논문의 꼴에서는 계수가 커질 때마다 L0가 준다.]{.claim key="c03.paper_jump_falls"} [글의 꼴은 계수가 무엇이든 비트 하나까지 같은 사전을 내놓는다.]{.claim key="c03.blog_jump_fixed"} 오류 메시지도 없고 EV도 높으니, L0를 재지 않으면 알아차릴 길이 없다. 널리 쓰이는 라이브러리에서도 JumpReLU가 계수와 상관없이 희소해지지 않는다는 [보고](https://github.com/decoderesearch/SAELens/issues/494)가 있었다.
#
# 게이트형은 L0 {{< var c03.tied_l0 >}}에서 EV {{< var c03.tied_explained_variance >}}, 복원율 {{< var c03.tied_recovered >}}이고, 묶지 않으면 L0 {{< var c03.untied_l0 >}}에서 EV {{< var c03.untied_explained_variance >}}, 복원율 {{< var c03.untied_recovered >}}이다. [묶지 않은 게이트형은 참 특징을 더 되찾지 못한다.]{.claim key="c03.untied_no_better"}

# %% [markdown] src="92cd" tags=["en"]
# While $\lambda$ grows, L0 goes from {{< var c03.jump_paper_weak >}} to {{< var c03.jump_paper_strong >}} in the paper's form, and from {{< var c03.jump_blog_weak >}} to {{< var c03.jump_blog_strong >}} in the article's ([@tbl-variants-blog]). [In the paper's form L0 falls each time the coefficient grows.]{.claim key="c03.paper_jump_falls"} [The article's form gives the same bits whatever the coefficient.]{.claim key="c03.blog_jump_fixed"} There is no error message and EV is high, so without measuring L0 nobody would notice. In a widely used library, too, a JumpReLU that never gets sparser was [reported](https://github.com/decoderesearch/SAELens/issues/494).
#
# At an L0 of {{< var c03.tied_l0 >}} gated has an EV of {{< var c03.tied_explained_variance >}} and recovers {{< var c03.tied_recovered >}}; untied, at an L0 of {{< var c03.untied_l0 >}}, it has {{< var c03.untied_explained_variance >}} and {{< var c03.untied_recovered >}}. [The untied gated form recovers no more of the true features.]{.claim key="c03.untied_no_better"}

# %% [markdown] tags=["ko"]
# ## 수축을 직접 보다 {#sec-var-shrinkage}
#
# 심은 자료에서는 참 크기를 알므로 수축을 비율이 아니라 그림으로 볼 수 있다. 가장 잘 맞은 위쪽 사분의 일의 참 방향에서 참 특징과 짝이 함께 켜진 토큰을 모아 참 크기와 되찾은 크기를 견준다. 예측은 [@eq-var-shrink]이다.
#
# **예상.** 표준형의 점들은 대각선 아래로 $\lambda\sqrt{d}/2$(에 입력을 나눈 척도를 곱한 값)만큼 평행하게 내려온다. 기울기가 1이 아니라 작은 값이라면 L1이 깎는 것은 일정한 양이 아니라 비율이고, 식은 틀린 것이다. 게이트형과 TopK는 대각선 위에 놓인다.

# %% [markdown] src="d5e7" tags=["en"]
# ## Shrinkage, seen directly {#sec-var-shrinkage}
#
# With planted data the true magnitudes are known, so shrinkage can be seen as a picture and not just as a ratio. On the best-matched quarter of the true directions we take the tokens on which a true feature and its match are both on, and compare the true magnitude with the one recovered. The prediction is [@eq-var-shrink].
#
# **Expectation.** The points of the standard form lie below the diagonal and parallel to it, lower by $\lambda\sqrt{d}/2$ (times the scale by which inputs were divided). If their slope is not 1 but smaller, L1 takes off a proportion and not an amount, and the formula is wrong. Gated and TopK lie on the diagonal.


# %%
def magnitudes(n, s):
    """True and recovered magnitudes where both are on, for the best-matched quarter of the true features."""
    sae, (truth, _, held_ND, codes) = trained[n, s][0], planted(s)
    best_F, match_F = (truth.directions_FD @ sae.W_dec_FD.detach().T).max(1)
    true_F = best_F.topk(planted_features // 4).indices
    true_NF = codes.tocsc()[:, true_F.numpy()].toarray()
    found_NF = kc.encode_store(sae, held_ND).tocsc()[:, match_F[true_F].numpy()].toarray() * float(sae.scale)
    both = (true_NF > 0) & (found_NF > 0)
    return true_NF[both], found_NF[both]


pairs = {(v, s): magnitudes(n, s) for v, n in matched.items() for s in seeds}

# %%
lines = {v: [np.polyfit(*pairs[v, s], 1) for s in seeds] for v in VARIANTS}
missing = {v: [float(np.mean(pairs[v, s][0] - pairs[v, s][1])) for s in seeds] for v in (*VARIANTS, "jumprelu")}
scales = np.array([float(trained[matched["standard"], s][0].scale) for s in seeds])
predicted = settings[matched["standard"]][2] * planted_d**0.5 / 2 * scales

# %%
results.record("missing_predicted", predicted.mean(), "magnitude", ".2f", tolerance=0.05)
for v in VARIANTS:
    results.record(f"missing_{v}", np.mean(missing[v]), "magnitude", ".2f", seeds, seed_range(missing[v]), 0.05)
    results.record(f"slope_{v}", np.mean([line[0] for line in lines[v]]), "slope", ".2f", seeds, tolerance=0.1)

# %%
ratio = np.array(missing["standard"]) / predicted
net = (np.array(missing["standard"]) - missing["gated"]) / predicted
results.record("missing_ratio", ratio.mean(), "ratio", ".2f", seeds, seed_range(ratio), 0.1)
results.record("missing_net", net.mean(), "ratio", ".2f", seeds, seed_range(net), 0.1)

# %%
results.claim("shrinkage_at_least", ratio.min() > 1, "every seed: the standard shortfall is above the prediction")
results.claim(
    "shrinkage_net", abs(net - 1).max() < 0.25, "every seed: less the gated one, within 25% of the prediction"
)

# %%
ends = np.array([[m - np.polyval(line, m) for m in (0.5, 1.5)] for line in lines["standard"]])
results.record("missing_small", ends[:, 0].mean(), "magnitude", ".2f", tolerance=0.05)
results.record("missing_large", ends[:, 1].mean(), "magnitude", ".2f", tolerance=0.05)
results.claim("mostly_amount", (ends[:, 0] > ends[:, 1] / 2).all(), "the shortfall at 0.5 is over half of that at 1.5")

# %%
jump = missing["jumprelu"]
results.record("missing_jumprelu", np.mean(jump), "magnitude", ".2f", seeds, seed_range(jump), 0.05)
for v in ("gated", "topk", "jumprelu"):
    size, half = np.abs(missing[v]), np.array(missing["standard"]) / 2
    text = f"every {v} seed misses under half of what every standard one does"
    results.claim(f"{v}_unshrunk", size.max() < half.min(), text, against=size.min() > half.max())

# %%
#| label: fig-variants-shrinkage
#| fig-cap-ko: "참 크기와 되찾은 크기. 점은 구간마다의 평균이고 띠는 시드 사이의 범위이다. 회색 실선은 대각선, 점선은 식이 예측한 표준형의 자리이다."
#| fig-cap-en: "True and recovered magnitudes. Dots are means in bins, bands the range over seeds. Solid grey: the diagonal. Dotted: where the formula puts the standard form."
#| fig-alt-ko: "가로축은 참 크기, 세로축은 되찾은 크기이다. 세 변형의 선이 대각선과 거의 나란히 오르며 표준형이 가장 아래에 있다."
#| fig-alt-en: "True magnitude is on the horizontal axis and recovered magnitude on the vertical one. The lines of the three variants rise nearly parallel to the diagonal, the standard one lowest."
fig, ax = plt.subplots(figsize=(kc.plots.WIDTH * 0.6, 3.0))
edges = np.linspace(0.5, 1.5, 9)
middles = (edges[1:] + edges[:-1]) / 2
for v in VARIANTS:
    totals = [np.histogram(pairs[v, s][0], edges, weights=pairs[v, s][1])[0] for s in seeds]
    counts = [np.histogram(pairs[v, s][0], edges)[0] for s in seeds]
    curves = np.array(totals) / np.maximum(counts, 1)
    ax.plot(middles, curves.mean(0), marker="o", color=COLORS[v], label=v)
    ax.fill_between(middles, curves.min(0), curves.max(0), color=COLORS[v], alpha=0.2, lw=0)
ax.plot([0.5, 1.5], [0.5, 1.5], color="#999999", lw=0.8)
ax.plot(middles, np.maximum(0, middles - predicted.mean()), ":", color="#333333", label="predicted, standard")
ax.set(xlabel="true magnitude", ylabel="recovered magnitude", ylim=(0, None))
ax.legend()
kc.plots.save(fig, "fig-variants-shrinkage")

# %% [markdown] tags=["ko"]
# [@fig-variants-shrinkage]에서 표준형이 잃은 크기는 평균 {{< var c03.missing_standard >}}, 식이 예측한 값은 {{< var c03.missing_predicted >}}이다. 비는 {{< var c03.missing_ratio >}}이다. [모든 시드에서 잃은 것이 예측보다 많다.]{.claim key="c03.shrinkage_at_least"} 게이트형이 잃은 크기는 {{< var c03.missing_gated >}}, TopK는 {{< var c03.missing_topk >}}이다. 게이트형의 크기에는 벌점이 없으니, 게이트형도 잃는 몫은 L1이 아니라 방향의 어긋남이나 짧은 학습에서 온다고 볼 수 있다. 그 몫을 빼면 예측에 대한 비는 {{< var c03.missing_net >}}이고, [모든 시드에서 예측의 25% 안에 든다.]{.claim key="c03.shrinkage_net"} 잰 기울기는 표준형 {{< var c03.slope_standard >}}, 게이트형 {{< var c03.slope_gated >}}, TopK {{< var c03.slope_topk >}}이다. 표준형의 기울기가 1과 다른 데에는 토큰을 고른 방식도 한몫한다. 짝이 켜진 토큰만 보았으므로 어떤 특징도 제 크기보다 많이 잃을 수 없고, 식대로라면 0이 되었을 작은 값은 살아남은 것만 세어진다. 그러니 크기에 따른 차이를 모두 식의 잘못으로 돌릴 수는 없다. 맞춘 직선에서 크기가 0.5인 특징은 {{< var c03.missing_small >}}, 1.5인 특징은 {{< var c03.missing_large >}}만큼 잃는다. 깎이는 것이 일정한 양이면 둘은 같고, 비율이면 세 배이어야 한다. [실제로는 두 배가 못 되니 비율보다 양에 가깝다.]{.claim key="c03.mostly_amount"}[모든 시드에서 두 배가 못 되는 것은 아니니, 비율보다 양에 가깝다고 할 수 없다.]{.otherwise} [게이트형이 잃는 크기는 어느 시드에서나 표준형의 절반에 못 미친다.]{.claim key="c03.gated_unshrunk"}[게이트형이 잃는 크기가 어느 시드에서나 표준형의 절반에 못 미친다고는 할 수 없다.]{.otherwise} [TopK가 잃는 크기도 어느 시드에서나 표준형의 절반에 못 미친다.]{.claim key="c03.topk_unshrunk"}[TopK가 잃는 크기가 어느 시드에서나 표준형의 절반에 못 미친다고는 할 수 없다.]{.otherwise} 참 L0를 목표로 학습한 JumpReLU는 {{< var c03.missing_jumprelu >}}만큼 잃는다. [이것도 어느 시드에서나 표준형의 절반에 못 미친다.]{.claim key="c03.jumprelu_unshrunk"}[이것이 어느 시드에서나 표준형의 절반에 못 미친다고는 할 수 없다.]{.otherwise}

# %% [markdown] src="f144" tags=["en"]
# In [@fig-variants-shrinkage] the standard form misses {{< var c03.missing_standard >}} of magnitude on average, where the formula predicts {{< var c03.missing_predicted >}}. Their ratio is {{< var c03.missing_ratio >}}: [in every seed more is missing than predicted.]{.claim key="c03.shrinkage_at_least"} Gated misses {{< var c03.missing_gated >}}, TopK {{< var c03.missing_topk >}}. As gated magnitudes carry no penalty, what is missing even from them presumably comes not from L1 but from directions that are slightly off or from short training. Without that part the ratio to the prediction is {{< var c03.missing_net >}}, [in every seed within 25% of it.]{.claim key="c03.shrinkage_net"} The slopes are {{< var c03.slope_standard >}} for standard, {{< var c03.slope_gated >}} for gated and {{< var c03.slope_topk >}} for TopK. That the slope of the standard form differs from 1 is owed in part to how tokens were taken. As only tokens with the match on are seen, no feature can miss more than its own magnitude, and of the small values that the formula would set to 0 only the survivors are counted. So not all of the change with magnitude can be held against the formula. On the fitted line a feature of magnitude 0.5 misses {{< var c03.missing_small >}}, one of 1.5 misses {{< var c03.missing_large >}}. If a constant amount were taken off, the two would be equal; if a proportion, three times as much. [It is less than twice as much, closer to an amount than to a proportion.]{.claim key="c03.mostly_amount"}[It is not less than twice as much in every seed, so it cannot be called closer to an amount than to a proportion.]{.otherwise} [In every seed gated misses less than half of what the standard form does.]{.claim key="c03.gated_unshrunk"}[It cannot be said that gated misses less than half of what the standard form does in every seed.]{.otherwise} [In every seed TopK, too, misses less than half of it.]{.claim key="c03.topk_unshrunk"}[It cannot be said that TopK misses less than half of it in every seed.]{.otherwise} JumpReLU, trained towards the true L0, misses {{< var c03.missing_jumprelu >}}. [That, too, is less than half of the standard form's in every seed.]{.claim key="c03.jumprelu_unshrunk"}[It cannot be said that this is less than half of the standard form's in every seed.]{.otherwise}

# %% [markdown] tags=["ko"]
# ## 비용: 매개변수와 시간 {#sec-var-cost}
#
# 매개변수는 세면 되고, 시간은 미리 계산해 볼 수 있다. 배치 크기 $B$일 때 $B \times d \times F$의 조밀한 행렬곱이 한 걸음에 몇 번 드는지를 센다. 표준형은 인코더와 디코더, 그 기울기 셋(입력 쪽 기울기는 필요 없다)으로 다섯 번이다. 게이트형은 얼린 디코더의 순전파와 역전파로 둘이 더 든다. 그러나 조밀해야 하는 것은 인코더의 순전파뿐이다. 나머지는 켜진 비율 $s = \mathrm{L0}/F$만큼만 계산해도 되고, 우리 코드는 $s$가 10%에 못 미칠 때 그렇게 한다. 그보다 많이 켜지면 $s = 1$로 센다.
#
# $$ c_{\text{standard}} = 1 + 4s, \qquad c_{\text{gated}} = 1 + 6s, \qquad c_{\text{topk}} = 1 + 4k/F $$ {#eq-var-cost}
#
# **예상.** 묶인 게이트형은 표준형보다 매개변수가 $2F$개 많을 뿐이며, 두 배라는 말은 묶지 않은 코드에서만 옳다. 시간의 비는 식이 센 비에 가깝되, 최적화와 켜진 것 고르기가 식에 없는 만큼은 어긋날 것이다. 시간은 한 CPU에서 변형을 번갈아 한 걸음씩 재고, 회차마다 표준형에 대한 비를 구해 중앙값과 사분위를 적는다.

# %% [markdown] src="d52a" tags=["en"]
# ## The price: parameters and time {#sec-var-cost}
#
# Parameters can be counted, and time can be worked out beforehand. With batch size $B$, count how often a step takes a dense matrix product of $B \times d \times F$. The standard form takes five: encoder, decoder, and three gradients of them (none is needed towards the input). Gated takes two more, forward and backward through the frozen decoder. Only the encoder's forward product has to be dense, however. Of the others the share of active features, $s = \mathrm{L0}/F$, is enough, and that is what our code computes while $s$ is below 10%. Where more are on, count $s = 1$.
#
# $$ c_{\text{standard}} = 1 + 4s, \qquad c_{\text{gated}} = 1 + 6s, \qquad c_{\text{topk}} = 1 + 4k/F $$ {#eq-var-cost}
#
# **Expectation.** A tied gated form has merely $2F$ parameters more than the standard one; that it doubles them is true of untied code only. The ratios of times are near those that the formula counts, and off by what it leaves out: the optimiser and the choice of the active features. Times are taken on one CPU, one step of each variant in turn, and for each round we take the ratio to standard; the median and the quartiles are given.


# %%
def one_step(sae, optimizer, dead_F):
    """The seconds that one training step takes."""
    began = time.perf_counter()
    terms = sae.objective(batch_BD, 1.0, dead_F)
    optimizer.zero_grad()
    (terms.mse + terms.sparsity + terms.aux).backward()
    sae.remove_parallel_gradient()
    optimizer.step()
    sae.normalise_decoder()
    return time.perf_counter() - began


# %%
torch.set_num_threads(threads)
batch_BD = saes["standard"].normalise(train_ND[:batch_size])
racers = {v: (copy.deepcopy(sae), torch.zeros(n_features, dtype=torch.bool)) for v, sae in saes.items()}
racers["topk, AuxK"] = (copy.deepcopy(saes["topk"]), torch.arange(n_features) % 4 == 0)
racers["topk, AuxK"][0].config = dataclasses.replace(saes["topk"].config, auxk=128)
optimizers = {name: torch.optim.Adam(sae.parameters(), lr=1e-6, fused=True) for name, (sae, _) in racers.items()}

# %%
seconds = []
for _ in range(cost_rounds + 2):
    seconds.append({name: one_step(sae, optimizers[name], dead_F) for name, (sae, dead_F) in racers.items()})
seconds = pd.DataFrame(seconds[2:])  # the first rounds warm up
quartiles = seconds.div(seconds.standard, axis=0).quantile([0.25, 0.5, 0.75])

# %%
encoder = {v: sum(p.numel() for name, p in saes[v].named_parameters() if "dec" not in name) for v in VARIANTS}
extra, times = encoder["gated"] - encoder["standard"], encoder["gated"] / encoder["standard"]
results.record("gated_extra", extra, "parameters", tolerance=0)
results.record("gated_encoder_ratio", times, "ratio", ".3f", tolerance=0.001)

# %%
untied = (2 * held.d_model + 3) * n_features / encoder["standard"]
results.record("untied_encoder_ratio", untied, "ratio", ".3f", tolerance=0.001)
results.claim("gated_only_2f", extra == 2 * n_features, "a tied gated encoder has 2F parameters more")
results.claim("gated_not_twice", times < 1.1, "a tied gated encoder has under 1.1 times the parameters")

# %%
for name, key in zip(racers, ("standard", "gated", "topk", "auxk"), strict=True):
    low, mid, high = quartiles[name]
    results.record(f"time_{key}", mid, "ratio to standard", ".2f", interval=(low, high), tolerance=1.0)

# %%
share = {v: report.l0 / n_features for v, report in reports.items()}
share = {v: s if s < kernels.DENSEST else 1.0 for v, s in share.items()}
products = {"standard": 1 + 4 * share["standard"], "gated": 1 + 6 * share["gated"], "topk": 1 + 4 * k / n_features}
for v in ("gated", "topk"):
    results.record(f"products_{v}", products[v] / products["standard"], "ratio", ".2f", tolerance=0.1)

# %%
gated, topk = quartiles["gated"], quartiles["topk"]
counted = products["gated"] / products["standard"]
text = "the upper quartile of the TopK time is below the standard time"
results.claim("topk_faster", topk[0.75] < 1, text, against=topk[0.25] > 1, close=True)
as_counted = abs(gated[0.5] / counted - 1) < 0.2
results.claim("gated_time_as_counted", as_counted, "the gated time is within 20% of the count", close=True)

# %%
#| label: tbl-variants-cost
#| tbl-cap-ko: "값. products는 식이 센 조밀한 행렬곱의 표준형에 대한 비, time은 한 걸음에 걸린 시간의 비(중앙값과 사분위)이다. 마지막 줄은 특징의 4분의 1이 죽어 AuxK가 켜진 경우이다."
#| tbl-cap-en: "The price. products: dense products counted by the formula, relative to standard. time: the ratio of times per step (median and quartiles). In the last row a quarter of the features is dead, so that AuxK is at work."
frame = pd.DataFrame({"encoder": [encoder[name.split(",")[0]] for name in racers]}, index=list(racers))
frame["all"] = [sum(p.numel() for p in sae.parameters()) for sae, _ in racers.values()]
frame["products"] = pd.Series(products) / products["standard"]
frame["time"] = quartiles.loc[0.5]
frame["quartiles"] = [f"{quartiles[name][0.25]:.2f} to {quartiles[name][0.75]:.2f}" for name in racers]
kc.plots.table(frame.rename_axis("variant"), fmt=".2f")

# %% [markdown] tags=["ko"]
# [묶인 게이트형의 인코더는 매개변수가 표준형보다 정확히 $2F$개 많다.]{.claim key="c03.gated_only_2f"} 여기서는 {{< var c03.gated_extra >}}개이다. 비로는 {{< var c03.gated_encoder_ratio >}}이므로 [두 배라는 주장은 논문대로 만든 게이트형에서는 성립하지 않는다.]{.claim key="c03.gated_not_twice"} 묶지 않으면 {{< var c03.untied_encoder_ratio >}}이다.
#
# 시간의 비는 게이트형 {{< var c03.time_gated >}}, TopK {{< var c03.time_topk >}}, AuxK가 켜진 TopK {{< var c03.time_auxk >}}이다([@tbl-variants-cost]). 식이 센 비는 게이트형 {{< var c03.products_gated >}}, TopK {{< var c03.products_topk >}}이다. [게이트형의 시간은 식과 20% 안에서 맞으며,]{.claim key="c03.gated_time_as_counted"}[게이트형의 시간은 식과 20% 넘게 어긋나며,]{.otherwise} [TopK는 표준형보다 빠르다.]{.claim key="c03.topk_faster"}[TopK가 표준형보다 뚜렷이 빠르지는 않다.]{.otherwise} 게이트형이 치르는 값은 곱 둘만이 아니라 얼마나 많이 켜는가에도 달려 있다. 조밀한 곱이 값싼 GPU에서는 순서가 달라질 수 있다.

# %% [markdown] src="d9eb" tags=["en"]
# [The encoder of a tied gated form has exactly $2F$ parameters more than the standard one,]{.claim key="c03.gated_only_2f"} that is {{< var c03.gated_extra >}}. As a ratio this is {{< var c03.gated_encoder_ratio >}}, so [the claim of twice as many does not hold for the gated form as the paper has it.]{.claim key="c03.gated_not_twice"} Untied, it would be {{< var c03.untied_encoder_ratio >}}.
#
# The ratio of times is {{< var c03.time_gated >}} for gated, {{< var c03.time_topk >}} for TopK and {{< var c03.time_auxk >}} for TopK with AuxK at work ([@tbl-variants-cost]). The formula counts {{< var c03.products_gated >}} for gated and {{< var c03.products_topk >}} for TopK. [The time of gated is within 20% of the count,]{.claim key="c03.gated_time_as_counted"}[The time of gated is over 20% off the count,]{.otherwise} [while TopK is faster than standard.]{.claim key="c03.topk_faster"}[while TopK is not clearly faster than standard.]{.otherwise} What gated pays depends not only on its two further products but also on how many features it turns on. On a GPU, where dense products are cheap, the order may differ.

# %% [markdown] tags=["ko"]
# ## 새 변형 만들기 {#sec-var-write}
#
# 새 변형은 새 클래스 하나이다. 이름(`variant`), 쓰는 설정과 그 기본값(`options`), 특징을 계산하는 `features`, 최소로 할 것을 말하는 `objective`를 적으면 된다. 학습, 저장, 평가는 이름으로 찾아 쓴다. 보기로 GroupMax를 쓴다. 특징을 $k$개의 조로 나누고 조마다 가장 큰 하나만 남기는 것으로, 배치 전체는커녕 한 토큰에서도 순위를 매길 필요가 없다.
#
# $$ f_j = \mathrm{ReLU}(z_j) \, \mathbb{1}\left[\, z_j = \max_{i \in G(j)} z_i \,\right] $$ {#eq-var-group}
#
# **예상.** 조마다 하나라는 제약이 있으므로 같은 $k$의 TopK보다 EV가 낮다. 한 조에 함께 필요한 특징이 몰리지 않도록 학습이 자리를 나누어 준다면 차이는 0.05보다 작을 것이다. GroupMax가 TopK를 앞선다면, 순위 대신 조를 두는 것이 제약이 아니라 도움이라는 뜻이다.

# %% [markdown] src="e526" tags=["en"]
# ## Writing a new variant {#sec-var-write}
#
# A new variant is a new class. It gives its name (`variant`), the settings that it uses with their defaults (`options`), `features`, which computes features, and `objective`, which says what is minimised. Training, saving and evaluation find it by its name. The example is GroupMax: features are divided into $k$ groups, and only the largest of each is kept, so that nothing has to be ranked, in a batch or even in a token.
#
# $$ f_j = \mathrm{ReLU}(z_j) \, \mathbb{1}\left[\, z_j = \max_{i \in G(j)} z_i \,\right] $$ {#eq-var-group}
#
# **Expectation.** One from each group is a constraint, so EV is lower than that of TopK at the same $k$. If training deals out the places so that features needed together do not crowd into one group, the difference is under 0.05. If GroupMax is ahead of TopK, groups in place of ranks are no constraint but a help.


# %%
class GroupMax(kc.SAE):
    """The largest of each of k groups of features, where positive."""

    variant = "groupmax"
    options = {"k": 32}
    resamples = False

    def features(self, x_BD):
        pre_BF = torch.addmm(self.folded(self.b_enc_F), x_BD, self.W_enc_DF)
        pre_BGN = pre_BF.unflatten(1, (self.k, -1))
        best_BG1, place_BG1 = pre_BGN.max(2, keepdim=True)
        return torch.zeros_like(pre_BGN).scatter(2, place_BG1, best_BG1.relu()).flatten(1)

    def objective(self, x_BD, weight, dead_F):
        code = kernels.Code(self.features(x_BD))
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        nothing = x_BD.new_zeros(())
        return Objective(losses.squared_error(recon_BD, x_BD), nothing, nothing, recon_BD, code)


# %%
rivals = {v: near_l0(v, pareto_l0[0]) for v in ("groupmax", "topk")}
with tempfile.TemporaryDirectory() as folder:
    again = kc.load_sae(rivals["groupmax"].save(folder))
same_bits = torch.equal(again.encode(x_BD), rivals["groupmax"].encode(x_BD))
results.claim("group_loads", same_bits, "GroupMax, saved and read by its name, has the same bits")

# %%
score = {v: kc.evaluate(sae, acts("test", "ko", middle)) for v, sae in rivals.items()}
for v, report in score.items():
    results.record(f"write_ev_{v}", report.explained_variance, "share", ".3f", tolerance=0.02)
    results.record(f"write_l0_{v}", report.l0, "features/token", ".1f", tolerance=1.0)
behind = score["topk"].explained_variance - score["groupmax"].explained_variance
results.claim("group_behind", behind > 0, "GroupMax has a lower EV than TopK at the same k")
results.claim("group_close", abs(behind) < 0.05, "the EV of GroupMax is within 0.05 of that of TopK")

# %% [markdown] tags=["ko"]
# [저장한 GroupMax를 이름만으로 다시 읽어 비트 하나까지 같은 값을 얻는다.]{.claim key="c03.group_loads"} L0 {{< var c03.write_l0_groupmax >}}에서 EV는 {{< var c03.write_ev_groupmax >}}, TopK는 L0 {{< var c03.write_l0_topk >}}에서 {{< var c03.write_ev_topk >}}이다. [GroupMax가 낮으며,]{.claim key="c03.group_behind"} [차이는 0.05 안에 든다.]{.claim key="c03.group_close"} 이 클래스는 조밀한 행렬곱만 쓴다. TopK의 코드처럼 `kernels`로 켜진 것만 계산하면 빨라지지만 값은 바뀌지 않는다. 학습 결과는 설정과 클래스의 코드로 보관되므로, 클래스를 고치면 다음 실행에서 다시 학습한다.

# %% [markdown] src="40fc" tags=["en"]
# [Saved and read again by its name alone, GroupMax gives the same bits.]{.claim key="c03.group_loads"} At an L0 of {{< var c03.write_l0_groupmax >}} its EV is {{< var c03.write_ev_groupmax >}}; that of TopK, at an L0 of {{< var c03.write_l0_topk >}}, is {{< var c03.write_ev_topk >}}. [GroupMax is lower,]{.claim key="c03.group_behind"} [and within 0.05.]{.claim key="c03.group_close"} The class uses dense products alone. Computing only what is on, with `kernels` as the code of TopK does, makes it faster and leaves its values as they are. What was trained is kept under its settings and the code of its class, so that a changed class is trained again at the next run.

# %% [markdown] tags=["ko"]
# ## 무엇이 이 장을 반증하는가 {#sec-var-refute}
#
# 심은 자료의 방향은 무작위이고, 켜지는 방식은 독립이거나 단순한 상관과 위계이다. 언어의 특징은 그보다 복잡하다. 조사와 어미는 함께 나타나거나 서로를 배제하고, 범주는 여러 갈래로 겹친다. 여기서 얻은 순위가 언어 모델로 옮겨진다는 보장은 없으며, 다음이 관찰되면 이 장의 결론은 거두어야 한다. [첫째, 걸음을 몇 배로 늘렸을 때 표준형의 정밀도가 게이트형을 따라잡는다면 차이는 변형이 아니라 학습의 빠르기에 있다.]{.claim key="c03.gated_more_precise"}[첫째, 걸음을 몇 배로 늘렸을 때 게이트형의 정밀도가 어느 시드에서나 표준형보다 높아진다면, 여기서 그러지 않은 까닭은 변형이 아니라 짧은 학습에 있다.]{.otherwise} 둘째, 독립이라는 조건을 풀면 순위가 달라지는 만큼 [@sec-var-planted]의 순위는 그 조건이 만든 것이다. 얼마나 달라지는지는 [@sec-var-kinds]에 있고, 형제가 서로를 배제하거나 부모가 둘인 위계는 아직 심어 보지 않았다. 셋째, 수축이 큰 변형이 라벨을 더 잘 가른다면, 수축은 재구성의 흠일 뿐 쓸모의 흠은 아니다. 이 셋째는 5장에서 탐침으로 따져 보지만, 거기서도 수축만의 몫은 가려내지 못한다. 시드가 하나인 비교에서는 작은 차이에 뜻을 두지 않는다.
#
# 이어지는 [@sec-training]에서는 이 오토인코더들이 학습되는 동안 손실과 L0가 어떻게 움직이는지를 언어와 층을 바꾸어 가며 본다.

# %% [markdown] src="0e8f" tags=["en"]
# ## What would refute this chapter {#sec-var-refute}
#
# Directions of planted data are random, and features fire independently or in simple correlations and hierarchies. Those of a language are more involved: particles and endings go together or exclude one another, and categories overlap in many ways. Nothing guarantees that the order found here carries over to language models, and the reading of this chapter has to yield if one of the following is observed. [First, if several times the steps let standard catch up with gated in precision, the difference lies in the speed of training and not in the variant.]{.claim key="c03.gated_more_precise"}[First, if with several times the steps gated becomes more precise than standard in every seed, that it is not so here is due to short training and not to the variant.]{.otherwise} Second, as far as the order changes when features are not independent, independence made the order of [@sec-var-planted]. How far it does is in [@sec-var-kinds]; hierarchies whose siblings exclude each other, or in which a feature has two parents, have not been planted yet. Third, if a variant that shrinks more separates labels better, shrinkage is a flaw of reconstruction and not of use; the probes of chapter 5 look at this one, but they cannot single out what is due to shrinkage. Where a comparison has one seed only, small differences are given no meaning.
#
# The next chapter, [@sec-training], looks at how loss and L0 move while these autoencoders are trained, across languages and layers.
