# %% [markdown] tags=["ko"]
# # 중첩: 차원보다 많은 특징 {#sec-superposition}
#
# 언어 모형의 한 층은 토큰마다 벡터 하나를 남긴다. 이 책에 실린 모형에서 그 벡터는 256차원이다. 그런데 한국어 문장 하나를 제대로 이어 쓰려면 모형은 훨씬 많은 것을 구별해야 한다. 어휘만 8,000개이고, 여기에 조사와 어미, 말 단계, 시제, 주제, 방금 나온 받침의 유무가 더해진다. 차원보다 많은 것을 차원 안에 어떻게 담는가? 이 물음에 대한 한 가지 대답이 중첩(superposition)이며, 이 책이 희소 오토인코더를 쓰는 까닭도 여기에 있다.
#
# 이 장은 대답을 믿고 시작하지 않는다. [@elhage2022toy]이 작은 모형으로 보인 주장 네 가지를 그 자리에서 다시 학습해 확인한다. 특징이 드물게 나타날수록 중첩이 생기고 그 경계는 상전이처럼 날카롭다는 것, 중첩된 특징은 정다각형 같은 규칙적인 배치를 이룬다는 것, 특징 하나가 차지하는 차원은 몇 개의 분수에 달라붙는다는 것, 함께 나타나지 않는 특징은 서로 마주 보는 자리를 나누어 쓴다는 것이다. 각 절에서 기대를 먼저 적고, 실행하고, 결과를 읽는다.

# %% [markdown] src="" tags=["en"]
# # Superposition: more features than dimensions {#sec-superposition}
#
# A layer of a language model leaves one vector per token. In the model that comes with this book the vector has 256 dimensions. Yet to continue a single Korean sentence properly, the model has to tell far more things apart. The vocabulary alone has 8,000 entries, and to these come particles and endings, speech level, tense, topic, and whether the last syllable ended in a consonant. How can a space hold more things than it has dimensions? One answer is superposition, and it is the reason why this book uses sparse autoencoders at all.
#
# This chapter does not begin by believing the answer. It trains again, on the spot, the small models with which [@elhage2022toy] supported four claims: that superposition appears when features are rare, and that its boundary is as sharp as a phase change; that superposed features settle in regular arrangements such as polygons; that the share of a dimension which a feature occupies sticks to a few fractions; and that features which never occur together share one axis from its two opposite ends. Each section states its expectation first, then runs, then reads the result.

# %% tags=["parameters"]
preset = "default"
seed = 0
n_seeds = 3
grid = 18
tries = 12
phase_steps = 300
geometry_steps = 1000
plateau_points = 32
plateau_features = 60
plateau_hidden = 8
plateau_steps = 1000
exclusive_steps = 800
d_model = 256
n_directions = 2048
repeats = 10
trials = 200

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from matplotlib.colors import ListedColormap

import kosae_core as kc
from kosae_core import toy

kc.plots.house_style()
torch.set_num_threads(1)  # the tensors are small: a second thread costs more than it gives
seeds = range(seed, seed + n_seeds)
results = kc.Results(chapter="01", preset=preset, seeds=seeds)


# %%
def over_seeds(key, values, unit, fmt=".2f", tolerance=None):
    """Record the mean, with the lowest and the highest seed beside it."""
    low, high = float(min(values)), float(max(values))
    results.record(key, float(np.mean(values)), unit, fmt, interval=(low, high), tolerance=tolerance)
    results.record(f"{key}_low", low, unit, fmt, tolerance=tolerance)
    results.record(f"{key}_high", high, unit, fmt, tolerance=tolerance)


# %% [markdown] tags=["ko"]
# ## 잔차 스트림과 선형 표현 {#sec-sup-linear}
#
# 트랜스포머의 블록은 앞 블록의 출력을 지우지 않고 거기에 더한다. 토큰 하나의 벡터 $x$가 블록을 지나며 겪는 일은 다음과 같다.
#
# $$ x^{(l+1)} = x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)}) + \mathrm{mlp}^{(l)}(x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)})) $$ {#eq-stream}
#
# 이렇게 이어지는 합을 잔차 스트림(residual stream)이라 한다 [@elhage2021framework]. 모든 블록이 여기서 읽고 여기에 쓰므로, 어떤 정보가 뒤의 블록에 전해지려면 이 벡터 안에 있어야 한다. [@eq-stream]에서 쓰기는 덧셈이고 읽기는 행렬곱이다. 그래서 정보가 방향으로 적혀 있으리라는 추측이 자연스럽다.
#
# $$ x \approx \sum_{i} f_i \, d_i $$ {#eq-linear}
#
# 이것이 선형 표현 가설이다. $d_i$는 특징의 방향이고 $f_i$는 그 토큰에서 특징이 켜진 정도이다. 낱말의 뜻이 방향의 합으로 풀린다는 관찰은 트랜스포머보다 오래되었고 [@arora2018senses], 최근에는 방향과 확률의 관계로 다시 정식화되었다 [@park2023linear]. 가설이 늘 맞는 것은 아니다. 요일처럼 원을 이루는 특징은 방향 하나로 적히지 않는다 [@engels2024nonlinear]. 이 책은 [@eq-linear]을 사실이 아니라 측정의 틀로 쓰고, 틀이 얼마나 남기는지를 4장부터 잰다.
#
# [@eq-linear]에서 방향의 수가 차원의 수보다 많으면 방향들은 서로 직교할 수 없다. 한 특징을 읽으려고 내적을 취하면 다른 특징이 섞여 든다. 이 섞임을 간섭이라 하고, 간섭을 무릅쓰고 차원보다 많은 특징을 싣는 것을 중첩이라 한다. 무릅쓸 만한 값이 되는 때가 언제인지가 이 장의 물음이다.

# %% [markdown] src="" tags=["en"]
# ## The residual stream and linear representation {#sec-sup-linear}
#
# A transformer block does not erase what the block before it wrote; it adds to it. This is what happens to the vector $x$ of one token on its way through a block:
#
# $$ x^{(l+1)} = x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)}) + \mathrm{mlp}^{(l)}(x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)})) $$ {#eq-stream}
#
# The running sum is called the residual stream [@elhage2021framework]. Every block reads from it and writes to it, so whatever is to reach a later block has to be in this vector. In [@eq-stream] writing is addition and reading is multiplication by a matrix. It is then natural to suspect that information is written as directions.
#
# $$ x \approx \sum_{i} f_i \, d_i $$ {#eq-linear}
#
# This is the linear representation hypothesis: $d_i$ is the direction of a feature and $f_i$ says how strongly the feature is on at that token. The observation that the senses of a word come apart into a sum of directions is older than the transformer [@arora2018senses], and it has lately been restated as a relation between directions and probabilities [@park2023linear]. The hypothesis does not always hold. Features that form a circle, such as days of the week, are not written as a single direction [@engels2024nonlinear]. This book uses [@eq-linear] as an instrument and not as a fact, and measures from chapter 4 on how much the instrument leaves out.
#
# When [@eq-linear] has more directions than dimensions, the directions cannot all be orthogonal. Taking an inner product to read one feature lets others leak in. The leak is called interference, and carrying more features than dimensions in spite of it is called superposition. When the bargain is worth it is the question of this chapter.

# %% [markdown] tags=["ko"]
# ## 장난감 모형 {#sec-sup-toy}
#
# 진짜 모형에서는 특징이 무엇인지 모르므로 중첩을 직접 볼 수 없다. 그래서 특징을 우리가 정하는 장난감 모형을 쓴다. 특징 $n$개를 담은 $x$를 $m$차원으로 눌렀다가 되살린다.
#
# $$ L = \mathbb{E} \sum_{i=1}^{n} I_i \left( x_i - \mathrm{ReLU}(W W^\top x + b)_i \right)^2 $$ {#eq-toy}
#
# $x_i$는 확률 $p$로 켜지고, 켜지면 0과 1 사이에서 고르게 뽑힌다. $p$를 밀도라 부르며 $p$가 작을수록 특징은 희소하다. $I_i$는 중요도이다. $W$의 $i$번째 행 $W_i$가 특징 $i$의 방향이고, 그 길이가 0에 가까우면 모형은 그 특징을 버린 것이다. `toy.fit_toys`는 [@eq-toy]의 모형 수천 개를 한꺼번에 학습한다. 모형마다 텐서의 한 칸을 차지할 뿐 서로 아무것도 나누지 않으므로, 중요도와 밀도의 격자 전체가 한 번의 학습으로 끝난다.

# %% [markdown] src="" tags=["en"]
# ## The toy model {#sec-sup-toy}
#
# In a real model we do not know what the features are, so superposition cannot be seen directly. Hence a toy model whose features we choose ourselves. It squeezes a vector $x$ of $n$ features into $m$ dimensions and restores it.
#
# $$ L = \mathbb{E} \sum_{i=1}^{n} I_i \left( x_i - \mathrm{ReLU}(W W^\top x + b)_i \right)^2 $$ {#eq-toy}
#
# Each $x_i$ is on with probability $p$ and then uniform between 0 and 1. We call $p$ the density: the smaller $p$, the sparser the features. $I_i$ is the importance. Row $i$ of $W$, written $W_i$, is the direction of feature $i$, and if its length is near 0 the model has given that feature up. `toy.fit_toys` trains thousands of models of [@eq-toy] at once. Each of them is one slice of a tensor and shares nothing with the others, so a whole grid of importance and density takes a single training run.

# %% [markdown] tags=["ko"]
# ## 한 차원, 두 특징: 상전이 {#sec-sup-phase}
#
# 가장 작은 경우는 $n=2$, $m=1$이다. 모형이 할 수 있는 일은 셋뿐이다. 한 특징에 차원을 통째로 주고 다른 하나를 버리거나($W=(1,0)$ 또는 $(0,1)$), 둘을 한 축의 양 끝에 두거나($W=(1,-1)$)이다. 덜 중요한 특징의 중요도를 더 중요한 특징의 중요도로 나눈 값을 $r$이라 하자. 버리면 그 특징의 분산만큼 잃으므로 손실은 $r(p/3-p^2/4)$이다. 겹쳐 두면 둘이 함께 켜진 때에만 잃으므로 손실은 $p^2(1+r)/6$이다. 두 손실이 같아지는 밀도는 다음과 같다.
#
# $$ p^{*} = \frac{4r}{2+5r} $$ {#eq-critical}
#
# **기대.** 학습된 모형은 [@eq-critical]의 아래에서 중첩을, 위에서 한 특징만을 고른다. 두 상태 사이의 변화는 점진적이지 않고 계단 같아야 한다. 격자의 상당 부분에서 학습 결과가 식과 어긋나거나, 덜 중요한 특징의 방향이 밀도를 따라 서서히 짧아진다면 기대는 틀린 것이다. 특징이 둘뿐이어서 기댓값을 수치 적분으로 정확히 계산할 수 있으므로 표본의 잡음은 없고, 모형마다 출발점을 여럿 두어 손실이 가장 작은 것을 남긴다.

# %% [markdown] src="" tags=["en"]
# ## One dimension, two features: a phase change {#sec-sup-phase}
#
# The smallest case is $n=2$, $m=1$. The model can do only three things: give its dimension to one feature and drop the other ($W=(1,0)$ or $(0,1)$), or put the two at opposite ends of the axis ($W=(1,-1)$). Let $r$ be the importance of the less important feature divided by that of the more important one. Dropping it costs its variance, a loss of $r(p/3-p^2/4)$. Superposing the two costs something only when both are on, a loss of $p^2(1+r)/6$. The two losses are equal at this density:
#
# $$ p^{*} = \frac{4r}{2+5r} $$ {#eq-critical}
#
# **Expectation.** Below [@eq-critical] trained models choose superposition, above it a single feature. The change between the two should not be gradual but a step. If a good part of the grid disagrees with the formula, or the direction of the lesser feature shrinks slowly with density, the expectation is wrong. With only two features the expected loss can be integrated exactly, so there is no sampling noise; each model starts from several points, and the one with the lowest loss is kept.

# %%
axes = torch.logspace(-1, 1, grid), torch.logspace(-2, 0, grid)
ratio, density = (t.flatten() for t in torch.meshgrid(*axes, indexing="ij"))
importance = torch.stack([torch.ones_like(ratio), ratio], 1)
critical = toy.critical_density(ratio)

# %%
draw = toy.exact_pair_draw(density.repeat_interleave(tries), nodes=6)
phases = []
for s in seeds:
    config = toy.ToyConfig(n_features=2, n_hidden=1, steps=phase_steps, lr=0.03, seed=s)
    phases.append(toy.fit_toys(config, importance.repeat_interleave(tries, 0), draw).best_of(tries))

# %%
predicted = torch.where(density < critical, 1, torch.where(ratio > 1, 2, 0))
agreement = [(toy.pair_phase(t.W_MNH) == predicted).float().mean().item() for t in phases]
over_seeds("phase_agreement", agreement, "share", ".1%", tolerance=0.02)
results.claim("phase_as_predicted", min(agreement) > 0.95, "every seed: over 95% of the grid is in the predicted phase")

# %%
which = (ratio < 1).long()[:, None]  # the less important of the two
lesser = [toy.dimensionality(t.W_MNH).gather(1, which)[:, 0] for t in phases]
between = [((D > 0.1) & (D < 0.3)).float().mean().item() for D in lesser]
over_seeds("phase_between", between, "share", ".1%", tolerance=0.01)
results.claim("phase_is_a_step", max(between) < 0.02, "every seed: under 2% of the grid lies between 0.1 and 0.3")

# %%
inside = density / critical < 1.0
edge = [D[inside & (density / critical > 0.8)].mean().item() for D in lesser]
over_seeds("phase_edge", edge, "dimensions", ".2f", tolerance=0.04)

# %%
#| label: fig-toy-phase
#| fig-cap-ko: "두 특징과 한 차원. 왼쪽: 밀도와 둘째 특징의 중요도에 따라 학습된 모형이 고른 상태(첫째 씨앗). 주황색 곡선은 손실을 견주어 예측한 경계이다. 오른쪽: 덜 중요한 특징이 차지한 차원을 예측 경계에 대한 밀도의 비로 그린 것(색은 씨앗)."
#| fig-cap-en: "Two features, one dimension. Left: what trained models chose, by density and importance of the second feature (first seed). The orange curve is the boundary predicted by comparing losses. Right: the share of the dimension held by the less important feature, against density relative to the predicted boundary (colours are seeds)."
#| fig-alt-ko: "왼쪽 지도에서 밀도가 낮은 넓은 영역은 중첩, 오른쪽 위는 자기 차원, 오른쪽 아래는 표현되지 않음이며 세 영역이 예측 곡선을 따라 갈린다. 오른쪽 산점도는 경계에서 약 0.4에서 0으로 떨어진다."
#| fig-alt-en: "In the left map a wide region of low density is superposition, the upper right is own dimension, the lower right is not represented, divided along the predicted curve. In the right scatter plot the points drop from about 0.4 to 0 at the boundary."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 2.9))
phase_colors = ListedColormap(["#f1f1f1", "#9ecae1", "#444444"])
phase = toy.pair_phase(phases[0].W_MNH).view(grid, grid)
left.pcolormesh(axes[1], axes[0], phase, cmap=phase_colors, vmin=0, vmax=2, shading="nearest", rasterized=True)
curve = torch.logspace(-1, 1, 201)
left.plot(toy.critical_density(curve), curve, color="#ee7733")
left.set(xscale="log", yscale="log", xlabel="feature density p", ylabel="importance of the second feature")
left.text(0.02, 1.0, "superposition", va="center")
left.text(0.95, 0.16, "not\nrepresented", ha="right", va="center")
left.text(0.95, 6.3, "own\ndimension", ha="right", va="center", color="white")
for D in lesser:
    right.plot(density / critical, D, ".", ms=3, alpha=0.6)
right.axvline(1, color="#ee7733")
right.set(xscale="log", xlabel="density / predicted boundary", ylabel="dimensionality of the lesser feature")
for axis in (left.xaxis, left.yaxis, right.xaxis):
    axis.set_major_formatter("{x:g}")
kc.plots.save(fig, "fig-toy-phase")

# %% [markdown] tags=["ko"]
# [@fig-toy-phase]의 왼쪽에서 세 영역은 예측한 곡선을 따라 갈린다. 격자 칸의 {{< var c01.phase_agreement >}}(씨앗 사이 {{< var c01.phase_agreement_low >}}에서 {{< var c01.phase_agreement_high >}})가 식이 말한 상태에 있다. [학습을 거치지 않은 손실 비교만으로 학습의 결과를 거의 모두 맞힌 셈이다.]{.claim key="c01.phase_as_predicted"} [변화도 계단에 가깝다. 덜 중요한 특징이 차지한 차원이 0.1과 0.3 사이의 어중간한 값에 머무는 칸은 거의 없다.]{.claim key="c01.phase_is_a_step"} 그 비율은 {{< var c01.phase_between >}}이다.
#
# 다만 오른쪽 그림은 후보 셋만 견준 식이 놓친 것도 보여 준다. 경계 바로 안쪽에서 덜 중요한 특징의 몫은 평균 {{< var c01.phase_edge >}}로, 깊은 안쪽의 1/2보다 작다. 모형은 $(1,-1)$ 대신 덜 중요한 특징을 조금 줄인 배치를 골라 간섭을 덜고, 그만큼 식이 말한 경계 밖에서도 잠시 중첩을 이어 간다. 곧 상전이는 있으나, 경계 근처의 상태는 교과서의 세 그림보다 무르다. 왼쪽 그림에 외딴 칸이 보인다면 그것은 모든 출발점이 나쁜 극소에 빠진 모형이다.

# %% [markdown] src="" tags=["en"]
# On the left of [@fig-toy-phase] the three regions part along the predicted curve. {{< var c01.phase_agreement >}} of the cells (between seeds {{< var c01.phase_agreement_low >}} to {{< var c01.phase_agreement_high >}}) are in the state that the formula names. [A comparison of losses, with no training at all, foretells nearly everything that training finds.]{.claim key="c01.phase_as_predicted"} [The change is close to a step, too: hardly any cell leaves the lesser feature at a middling share between 0.1 and 0.3 of the dimension.]{.claim key="c01.phase_is_a_step"} Such cells are {{< var c01.phase_between >}} of all.
#
# The right panel also shows what a formula with three candidates misses. Just inside the boundary the share of the lesser feature averages {{< var c01.phase_edge >}}, below the 1/2 that it has deep inside. Instead of $(1,-1)$ the model picks an arrangement with a somewhat shorter second direction, which lowers interference and lets superposition survive a little beyond the boundary. So there is a phase change, but the states next to it are softer than the three textbook pictures. If the left panel shows a lone cell, it is a model all of whose starting points fell into poor local minima.

# %% [markdown] tags=["ko"]
# ## 두 차원, 다섯 특징: 배치의 기하 {#sec-sup-geometry}
#
# 다음은 $n=5$, $m=2$이다. 중요도는 특징마다 0.9배로 줄인다.
#
# **기대.** 밀도가 1이면 가장 중요한 두 특징만 직교하여 남는다. 밀도가 내려가면 두 쌍이 각각 한 축의 양 끝에 서서 넷이 남고, 더 내려가면 다섯이 정오각형을 이룬다. 남은 특징의 수가 밀도와 무관하거나 방향이 아무렇게나 흩어진다면 기대는 틀린 것이다.

# %% [markdown] src="" tags=["en"]
# ## Two dimensions, five features: the geometry {#sec-sup-geometry}
#
# Next comes $n=5$, $m=2$, with importance falling by a factor of 0.9 from feature to feature.
#
# **Expectation.** At density 1 only the two most important features remain, orthogonal to each other. As density falls, two pairs stand at the two ends of an axis each, so that four remain; lower still, all five form a regular pentagon. If the number that remains does not depend on density, or the directions scatter anyhow, the expectation is wrong.

# %%
levels = torch.tensor([1.0, 0.5, 0.2, 0.1, 0.05])
starts = 16
draw = toy.sparse_draw(levels.repeat_interleave(starts), 5, batch=256)
decay = (0.9 ** torch.arange(5.0)).expand(len(levels) * starts, -1)

# %%
shapes = []
for s in seeds:
    config = toy.ToyConfig(n_features=5, n_hidden=2, steps=geometry_steps, seed=s)
    shapes.append(toy.fit_toys(config, decay, draw).best_of(starts).W_MNH)

# %%
kept = torch.stack([(W.norm(dim=2) > 0.5).sum(1) for W in shapes])
for column, key in enumerate(["100", "50", "20", "10", "05"]):
    over_seeds(f"kept_{key}", kept[:, column].tolist(), "features", ".1f", tolerance=1.0)
grows = bool((kept[:, -1] > kept[:, 0]).all() and (kept.diff(dim=1) >= 0).all())
results.claim("kept_grows", grows, "every seed: the sparser, the more features are kept")

# %%
over_seeds("d_pairs", [toy.dimensionality(W)[2].topk(4).values.mean().item() for W in shapes], "dimensions", ".3f")
over_seeds("d_pentagon", [toy.dimensionality(W)[4].mean().item() for W in shapes], "dimensions", ".3f")

# %%
#| label: fig-toy-geometry
#| fig-cap-ko: "다섯 특징의 방향을 두 차원에 그린 것(첫째 씨앗). 어두운 색일수록 중요한 특징이다. 왼쪽에서 오른쪽으로 갈수록 특징이 희소하다."
#| fig-cap-en: "The directions of five features in two dimensions (first seed). The darker, the more important. Features get sparser from left to right."
#| fig-alt-ko: "다섯 칸의 화살표 그림. 밀도가 높을 때는 긴 화살표가 둘이나 셋이고, 가운데에서는 네 화살표가 십자를 이루며, 밀도가 낮으면 다섯 화살표가 오각형으로 벌어진다."
#| fig-alt-en: "Five panels of arrows. At high density two or three arrows are long, in the middle four arrows form a cross, and at low density five arrows spread into a pentagon."
fig, panels = plt.subplots(1, 5, figsize=(kc.plots.WIDTH, 1.65), sharex=True, sharey=True)
shades = plt.cm.viridis(np.linspace(0, 0.85, 5))
for ax, p, W, n in zip(panels, levels, shapes[0], kept[0], strict=True):
    for (x, y), shade in zip(W.tolist(), shades, strict=True):
        ax.plot([0, x], [0, y], color=shade)
        ax.plot(x, y, "o", color=shade)
    ax.set(title=f"p = {p:g}: {n} kept", xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal")
    ax.set(xticks=[-1, 0, 1], yticks=[-1, 0, 1])
panels[0].set_ylabel("hidden dimension 2")
panels[2].set_xlabel("hidden dimension 1")
kc.plots.save(fig, "fig-toy-geometry")

# %% [markdown] tags=["ko"]
# 밀도 1에서 남은 특징은 평균 {{< var c01.kept_100 >}}개, 0.2에서 {{< var c01.kept_20 >}}개, 0.05에서 {{< var c01.kept_05 >}}개이다(길이 0.5를 넘는 것을 세었다). [희소할수록 더 많은 특징이 남는다는 순서는 모든 씨앗에서 지켜진다.]{.claim key="c01.kept_grows"} [@fig-toy-geometry]의 모양을 눈으로만 판단하지 않으려고 특징마다 차지한 차원도 재었다. 그 정의는 다음 절의 [@eq-dimensionality]이다. 밀도 0.2에서 남은 넷은 평균 {{< var c01.d_pairs >}}차원을 차지하고, 마주 보는 쌍이 차지해야 하는 값은 1/2이다. 밀도 0.05의 다섯은 {{< var c01.d_pentagon >}}차원을 차지하며, 정오각형의 값은 2/5이다.
#
# 기대와 어긋나는 곳은 밀도 1이다. 직교하는 두 특징만 남아야 하지만 셋째 특징이 일부 실린 씨앗이 있다. 특징이 늘 켜져 있으면 문제는 사실상 주성분 분석이고, 이웃한 중요도의 차이가 0.9배뿐이어서 손실의 골짜기가 평평하다. 기하가 틀린 것이 아니라 학습이 덜 끝난 것으로 읽는 편이 맞다.

# %% [markdown] src="" tags=["en"]
# At density 1 {{< var c01.kept_100 >}} features remain on average, at 0.2 {{< var c01.kept_20 >}}, at 0.05 {{< var c01.kept_05 >}} (counting those longer than 0.5). [The order, sparser features and more of them, holds in every seed.]{.claim key="c01.kept_grows"} So as not to judge the shapes of [@fig-toy-geometry] by eye alone, we also measured the share of a dimension held by each feature; its definition is [@eq-dimensionality] in the next section. The four that remain at density 0.2 hold {{< var c01.d_pairs >}} of a dimension each, and an antipodal pair should hold 1/2. The five at density 0.05 hold {{< var c01.d_pentagon >}}, and a regular pentagon has 2/5.
#
# What departs from the expectation is density 1. Two orthogonal features should be left, yet in some seeds a third is partly carried. With features that are always on the problem is in effect principal component analysis, and since neighbouring importances differ by a factor of only 0.9, the valley of the loss is flat. It is fairer to read this as training that has not quite finished than as a failure of the geometry.

# %% [markdown] tags=["ko"]
# ## 특징 하나가 차지하는 차원 {#sec-sup-dims}
#
# 특징이 많아지면 그림으로 볼 수 없으므로 수로 잰다. [@elhage2022toy]은 특징 $i$가 차지하는 차원을 다음과 같이 정의한다.
#
# $$ D_i = \frac{\lVert W_i \rVert^2}{\sum_j (\hat W_i \cdot W_j)^2} $$ {#eq-dimensionality}
#
# 혼자 쓰면 1, 마주 보는 쌍이면 1/2, 삼각형이면 2/3, 사면체이면 3/4, 오각형이면 2/5이다. 중요도가 모두 같은 특징 여럿을 그보다 적은 차원에 넣고 밀도만 바꾼다.
#
# **기대.** 값은 밀도를 따라 매끄럽게 내려가지 않고 3/4, 2/3, 1/2, 2/5, 3/8에 달라붙는다. 특히 1/2에는 넓은 밀도에 걸친 고원이 있다. 이를 눈이 아니라 수로 가리기 위해, 0.3과 0.8 사이에 있는 모든 $D_i$ 가운데 각 분수에서 0.0125 안에 든 비율을 센다. 값이 고르게 퍼져 있다면 어느 창에서나 그 비율은 5%이다. 5%를 넘지 못하는 분수에서는 기대가 틀린 것이다.

# %% [markdown] src="" tags=["en"]
# ## The share of a dimension {#sec-sup-dims}
#
# More features can no longer be drawn, so we count. [@elhage2022toy] define the dimensionality of feature $i$ as
#
# $$ D_i = \frac{\lVert W_i \rVert^2}{\sum_j (\hat W_i \cdot W_j)^2} $$ {#eq-dimensionality}
#
# It is 1 for a feature by itself, 1/2 in an antipodal pair, 2/3 in a triangle, 3/4 in a tetrahedron, 2/5 in a pentagon. Many features of equal importance are put into fewer dimensions, and only density varies.
#
# **Expectation.** The values do not slide down smoothly with density but stick at 3/4, 2/3, 1/2, 2/5, 3/8. At 1/2, above all, there is a plateau over a wide range of densities. To decide this by counting and not by eye, we take all $D_i$ between 0.3 and 0.8 and ask what share lies within 0.0125 of each fraction. If values were spread evenly, that share would be 5% in any window. Where a fraction does not exceed 5%, the expectation is wrong.

# %%
plateau_density = torch.logspace(0, -1.3, plateau_points)
draw = toy.sparse_draw(plateau_density, plateau_features, batch=256)
equal = torch.ones(plateau_points, plateau_features)

# %%
crowds = []
for s in seeds:
    config = toy.ToyConfig(plateau_features, plateau_hidden, steps=plateau_steps, seed=s)
    crowds.append(toy.fit_toys(config, equal, draw).W_MNH)
dims = [toy.dimensionality(W).where(W.norm(dim=2) > 0.5, torch.nan) for W in crowds]

# %%
at_half = [((D - 0.5).abs() < 0.02).sum(1) > 0.8 * D.isfinite().sum(1).clamp_min(1) for D in dims]
widths = [float(plateau_density[h].max() / plateau_density[h].min()) if h.any() else 1.0 for h in at_half]
over_seeds("plateau_width", widths, "ratio of densities", ".1f", tolerance=0.4)
results.claim("plateau_at_half", min(widths) > 1.5, "every seed: the plateau at 1/2 spans a factor of over 1.5 in density")

# %%
#| label: fig-toy-dimensions
#| fig-cap-ko: "특징이 차지하는 차원. 왼쪽: 점 하나가 길이 0.5를 넘는 특징 하나이다(첫째 씨앗). 가로선은 논문이 든 분수이다. 오른쪽: 남은 특징 하나에 돌아가는 차원의 평균(색은 씨앗)."
#| fig-cap-en: "The share of a dimension held by features. Left: each dot is one feature longer than 0.5 (first seed). Lines mark the fractions that the paper names. Right: dimensions per feature that is kept (colours are seeds)."
#| fig-alt-ko: "왼쪽 산점도에서 값들은 밀도의 역수가 2에서 4 사이일 때 1/2에 일직선으로 모이고, 그 뒤로는 0.2 아래까지 흩어져 내려간다. 오른쪽 곡선도 1에서 떨어져 1/2에서 잠시 평평해진 뒤 다시 내려간다."
#| fig-alt-en: "In the left scatter plot values gather in a straight line at 1/2 while one over density is between 2 and 4, and afterwards fall off in a loose band to below 0.2. The curve on the right falls from 1, flattens at 1/2 for a while, and falls again."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 2.9), width_ratios=[1.6, 1])
inverse = (1 / plateau_density)[:, None].expand_as(dims[0])
left.plot(inverse.flatten(), dims[0].flatten(), ".", ms=3, alpha=0.4, color="#4477aa")
for name, value, align in [("3/4", 3 / 4, "center"), ("2/3", 2 / 3, "center"), ("1/2", 1 / 2, "center"),
                           ("2/5", 2 / 5, "bottom"), ("3/8", 3 / 8, "top")]:  # fmt: skip
    left.axhline(value, color="#bbbbbb", lw=0.7, zorder=0)
    left.annotate(name, (1.02, value), xycoords=("axes fraction", "data"), va=align, fontsize=8)
left.set(xscale="log", xlabel="1 / density", ylabel="dimensionality of each feature", ylim=(0, 1))
for W in crowds:
    right.plot(1 / plateau_density, plateau_hidden / W.square().sum((1, 2)), marker=".")
right.set(xscale="log", xlabel="1 / density", ylabel="dimensions per feature", ylim=(0, 1.1))
for axis in (left.xaxis, right.xaxis):
    axis.set_major_formatter("{x:g}")
kc.plots.save(fig, "fig-toy-dimensions")

# %%
middle = [D[(D > 0.3) & (D < 0.8)] for D in dims]
fractions = {"3/4": 3 / 4, "2/3": 2 / 3, "1/2": 1 / 2, "2/5": 2 / 5, "3/8": 3 / 8}
shares = {
    name: [float(((D - value).abs() < 0.0125).sum() / max(len(D), 1)) for D in middle] for name, value in fractions.items()
}

# %%
for name, values in shares.items():
    over_seeds(f"share_{name.replace('/', '_')}", values, "share", ".1%", tolerance=0.05)
results.claim("half_sticks", min(shares["1/2"]) > 0.15, "every seed: the window at 1/2 has over three times an even share")
results.claim("low_fractions_stick", min(shares["2/5"] + shares["3/8"]) > 0.05, "every seed: 2/5 and 3/8 exceed 5%")
results.claim("high_fractions_absent", max(shares["3/4"] + shares["2/3"]) < 0.05, "every seed: 3/4 and 2/3 are below 5%")

# %%
#| label: tbl-toy-fractions
#| tbl-cap-ko: "각 분수에서 0.0125 안에 든 특징의 비율: 씨앗의 평균, 최솟값, 최댓값. 고르게 퍼져 있다면 5%이다."
#| tbl-cap-en: "Share of features within 0.0125 of each fraction: mean, lowest and highest of the seeds. An even spread would give 5%."
summary = pd.DataFrame(
    {"fraction": name, "mean": np.mean(v), "lowest": min(v), "highest": max(v)} for name, v in shares.items()
)
kc.plots.table(summary, fmt=".1%", escape=False)
