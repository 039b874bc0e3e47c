# %% [markdown] tags=["ko"]
# # 중첩: 차원보다 많은 특징 {#sec-superposition}
#
# 언어 모델의 한 층은 토큰마다 벡터 하나를 남긴다. 이 책에 실린 모델에서 그 벡터는 256차원이다. 그런데 한국어 문장 하나를 제대로 이어 쓰려면 모델은 훨씬 많은 것을 구별해야 한다. 어휘만 8,000개이고, 여기에 조사와 어미, 말 단계, 시제, 주제, 방금 나온 받침의 유무가 더해진다. 차원보다 많은 것을 차원 안에 어떻게 담는가? 이 물음에 대한 한 가지 대답이 중첩(superposition)이며, 이 책이 희소 오토인코더를 쓰는 까닭도 여기에 있다.
#
# 이 장은 이 대답을 당연하게 여기지 않는다. @{elhage2022toy}이 네 가지 주장을 보일 때 쓴 작은 모델을 여기서 다시 학습하여 그 주장을 확인한다. 특징이 드물게 나타날수록 중첩이 생기고 그 경계는 상전이처럼 날카롭다는 것, 중첩된 특징은 정다각형 같은 규칙적인 배치를 이룬다는 것, 특징 하나가 차지하는 차원은 몇 개의 분수에 달라붙는다는 것, 함께 나타나지 않는 특징은 서로 마주 보는 자리를 나누어 쓴다는 것이다. 각 절에서 기대를 먼저 적고, 실행하고, 결과를 읽는다.

# %% [markdown] src="1292" tags=["en"]
# # Superposition: more features than dimensions {#sec-superposition}
#
# A layer of a language model leaves one vector per token. In the model that comes with this book the vector has 256 dimensions. Yet to continue a single Korean sentence properly, the model has to tell far more things apart. The vocabulary alone has 8,000 entries, and to these come particles and endings, speech level, tense, topic, and whether the last syllable ended in a consonant. How can a space hold more things than it has dimensions? One answer is superposition, and it is the reason why this book uses sparse autoencoders at all.
#
# This chapter does not begin by believing the answer. It trains again, on the spot, the small models with which @{elhage2022toy} supported four claims: that superposition appears when features are rare, and that its boundary is as sharp as a phase change; that superposed features settle in regular arrangements such as polygons; that the share of a dimension which a feature occupies sticks to a few fractions; and that features which never occur together share one axis from its two opposite ends. Each section states its expectation first, then runs, then reads the result.

# %% tags=["parameters"]
preset = "default"
seed = 0
n_seeds = 3
grid = 18
tries = 10
phase_steps = 300
geometry_steps = 1000
plateau_points = 18
plateau_features = 60
plateau_hidden = 8
plateau_steps = 1000
long_points = 4
long_steps = 3000
exclusive_steps = 600
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
results.record("n_seeds", n_seeds, "seeds", tolerance=0)


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
# 트랜스포머의 블록은 앞 블록의 출력을 지우지 않고 거기에 더한다. 토큰 하나의 벡터 $x$가 블록을 지나며 겪는 일은 다음과 같다(정규화는 생략했다).
#
# $$ x^{(l+1)} = x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)}) + \mathrm{mlp}^{(l)}(x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)})) $$ {#eq-stream}
#
# 이렇게 이어지는 합을 잔차 스트림(residual stream)이라 한다 [@elhage2021framework]. 모든 블록이 여기서 읽고 여기에 쓰므로, 어떤 정보가 뒤의 블록에 전해지려면 이 벡터 안에 있어야 한다. [@eq-stream]에서 쓰기는 덧셈이고 읽기는 행렬곱이다. 그래서 정보가 방향으로 적혀 있으리라는 추측이 자연스럽다.
#
# $$ x \approx \sum_{i} f_i \, d_i $$ {#eq-linear}
#
# 이것이 선형 표현 가설이다. $d_i$는 특징의 방향이고 $f_i$는 그 토큰에서 특징이 켜진 정도이다. 낱말의 뜻이 방향의 합으로 풀린다는 관찰은 트랜스포머보다 오래되었고 [@arora2018senses], 최근에는 방향과 확률의 관계로 다시 정식화되었다 [@park2023linear]. 가설이 늘 맞는 것은 아니다. 요일처럼 원을 이루는 특징은 방향 하나로 적히지 않는다 [@engels2024nonlinear]. 이 책은 [@eq-linear]의 가설을 사실이 아니라 측정의 틀로 쓰고, 틀이 얼마나 놓치는지를 3장부터 잰다.
#
# [@eq-linear]에서 방향의 수가 차원의 수보다 많으면 방향들은 서로 직교할 수 없다. 한 특징을 읽으려고 내적을 취하면 다른 특징이 섞여 든다. 이 섞임을 간섭이라 하고, 간섭을 무릅쓰고 차원보다 많은 특징을 싣는 것을 중첩이라 한다. 간섭을 무릅쓸 만한 때는 언제인가가 이 장의 물음이다.

# %% [markdown] src="bfd8" tags=["en"]
# ## The residual stream and linear representation {#sec-sup-linear}
#
# A transformer block does not erase what the block before it wrote; it adds to it. This is what happens to the vector $x$ of one token on its way through a block (normalisation is left out):
#
# $$ x^{(l+1)} = x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)}) + \mathrm{mlp}^{(l)}(x^{(l)} + \mathrm{attn}^{(l)}(x^{(l)})) $$ {#eq-stream}
#
# The running sum is called the residual stream [@elhage2021framework]. Every block reads from it and writes to it, so whatever is to reach a later block has to be in this vector. In [@eq-stream] writing is addition and reading is multiplication by a matrix. It is then natural to suspect that information is written as directions.
#
# $$ x \approx \sum_{i} f_i \, d_i $$ {#eq-linear}
#
# This is the linear representation hypothesis: $d_i$ is the direction of a feature and $f_i$ says how strongly the feature is on at that token. The observation that the senses of a word come apart into a sum of directions is older than the transformer [@arora2018senses], and it has lately been restated as a relation between directions and probabilities [@park2023linear]. The hypothesis does not always hold. Features that form a circle, such as days of the week, are not written as a single direction [@engels2024nonlinear]. This book uses [@eq-linear] as an instrument and not as a fact, and measures, from chapter 3 on, how much it leaves out.
#
# When [@eq-linear] has more directions than dimensions, the directions cannot all be orthogonal. Taking an inner product to read one feature lets others leak in. The leak is called interference, and carrying more features than dimensions in spite of it is called superposition. This chapter asks when the bargain is worth it.

# %% [markdown] tags=["ko"]
# ## 장난감 모델 {#sec-sup-toy}
#
# 진짜 모델에서는 특징이 무엇인지 모르므로 중첩을 직접 볼 수 없다. 그래서 특징을 우리가 정하는 장난감 모델을 쓴다. 특징 $n$개를 담은 $x$를 $m$차원으로 눌렀다가 되살린다.
#
# $$ L = \mathbb{E} \sum_{i=1}^{n} I_i \left( x_i - \mathrm{ReLU}(W W^\top x + b)_i \right)^2 $$ {#eq-toy}
#
# $x_i$는 확률 $p$로 켜지고, 켜지면 0과 1 사이에서 고르게 뽑힌다. $p$를 밀도라 부르며 $p$가 작을수록 특징은 희소하다. $I_i$는 중요도이다. $W$의 $i$번째 행 $W_i$가 특징 $i$의 방향이고, 그 길이가 0에 가까우면 모델은 그 특징을 버린 것이다. `toy.fit_toys`는 [@eq-toy]의 모델 수천 개를 한꺼번에 학습한다. 모델마다 텐서의 한 칸을 차지할 뿐 서로 아무것도 나누지 않으므로, 중요도와 밀도의 격자 전체가 한 번의 학습으로 끝난다. 본문의 수는 시드 {{< var c01.n_seeds >}}개의 평균이며, 범위를 적은 곳은 시드 사이의 최솟값과 최댓값이다.

# %% [markdown] src="98bd" tags=["en"]
# ## The toy model {#sec-sup-toy}
#
# In a real model we do not know what the features are, so superposition cannot be seen directly. Hence a toy model whose features we choose ourselves. It squeezes a vector $x$ of $n$ features into $m$ dimensions and restores it.
#
# $$ L = \mathbb{E} \sum_{i=1}^{n} I_i \left( x_i - \mathrm{ReLU}(W W^\top x + b)_i \right)^2 $$ {#eq-toy}
#
# Each $x_i$ is on with probability $p$ and then uniform between 0 and 1. We call $p$ the density: the smaller $p$, the sparser the features. $I_i$ is the importance. Row $i$ of $W$, written $W_i$, is the direction of feature $i$, and if its length is near 0 the model has given that feature up. `toy.fit_toys` trains thousands of models of [@eq-toy] at once. Each of them is one slice of a tensor and shares nothing with the others, so a whole grid of importance and density takes a single training run. Numbers in the text are means over {{< var c01.n_seeds >}} seeds; where a range is given, it is the lowest and the highest seed.

# %% [markdown] tags=["ko"]
# ## 한 차원, 두 특징: 상전이 {#sec-sup-phase}
#
# 가장 작은 경우는 $n=2$, $m=1$이다. 모델이 고를 만한 후보는 셋이다. 한 특징에 차원을 통째로 주고 다른 하나를 버리는 것이 둘이고($W=(1,0)$ 또는 $(0,1)$), 나머지 하나는 둘을 한 축의 양 끝에 두는 것이다($W=(1,-1)$). 덜 중요한 특징의 중요도를 더 중요한 특징의 중요도로 나눈 값을 $r$이라 하자. 버리면 그 특징의 분산만큼 잃으므로 손실은 $r(p/3-p^2/4)$이다. 겹쳐 두면 둘이 함께 켜진 때에만 잃으므로 손실은 $p^2(1+r)/6$이다. 두 손실이 같아지는 밀도는 다음과 같다.
#
# $$ p^{*} = \frac{4r}{2+5r} $$ {#eq-critical}
#
# **예상.** 학습된 모델은 [@eq-critical]의 밀도 아래에서는 중첩을, 위에서는 한 특징만을 고른다. 두 상태 사이의 변화는 점진적이지 않고 계단 같아야 한다. 격자의 상당 부분에서 학습 결과가 식과 어긋나거나, 덜 중요한 특징의 방향이 밀도를 따라 서서히 짧아진다면 기대는 틀린 것이다. 특징이 둘뿐이어서 기댓값을 수치 적분으로 정확히 계산할 수 있으므로 표본의 잡음은 없고, 모델마다 출발점을 여럿 두어 손실이 가장 작은 것을 남긴다.

# %% [markdown] src="535e" tags=["en"]
# ## One dimension, two features: a phase change {#sec-sup-phase}
#
# The smallest case is $n=2$, $m=1$. The model has three candidates. Two of them give its dimension to one feature and drop the other ($W=(1,0)$ or $(0,1)$); the third puts both at opposite ends of the axis ($W=(1,-1)$). Let $r$ be the importance of the less important feature divided by that of the more important one. Dropping it costs its variance, a loss of $r(p/3-p^2/4)$. Superposing the two costs something only when both are on, a loss of $p^2(1+r)/6$. The two losses are equal at this density:
#
# $$ p^{*} = \frac{4r}{2+5r} $$ {#eq-critical}
#
# **Expectation.** Below the density of [@eq-critical] trained models choose superposition, above it a single feature. The change between the two should not be gradual but a step. If a good part of the grid disagrees with the formula, or the direction of the lesser feature shrinks slowly with density, the expectation is wrong. With only two features the expected loss can be integrated exactly, so there is no sampling noise; each model starts from several points, and the one with the lowest loss is kept.

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
#| fig-cap-ko: "두 특징과 한 차원. 왼쪽: 밀도와 둘째 특징의 중요도에 따라 학습된 모델이 고른 상태(첫째 시드). 주황색 곡선은 손실을 견주어 예측한 경계이다. 오른쪽: 덜 중요한 특징이 차지한 차원을 예측 경계에 대한 밀도의 비로 그린 것(색은 시드)."
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
fig.get_layout_engine().set(wspace=0.08)
for axis in (left.xaxis, left.yaxis, right.xaxis):
    axis.set_major_formatter("{x:g}")
kc.plots.save(fig, "fig-toy-phase")

# %% [markdown] tags=["ko"]
# [@fig-toy-phase]의 왼쪽에서 세 영역은 예측한 곡선을 따라 갈린다. 격자 칸의 {{< var c01.phase_agreement >}}가 식이 말한 상태에 있다. 표본의 잡음이 없으므로 시드는 출발점만 바꾼다. [학습을 거치지 않은 손실 비교만으로 모든 시드에서 격자의 95%가 넘는 칸의 상태를 맞힌 것이다.]{.claim key="c01.phase_as_predicted"} [변화도 계단에 가깝다. 덜 중요한 특징이 차지한 차원이 0.1과 0.3 사이의 어중간한 값에 머무는 칸은 어느 시드에서나 2%에 못 미친다.]{.claim key="c01.phase_is_a_step"} 그런 칸은 평균 {{< var c01.phase_between >}}이다.
#
# 다만 오른쪽 그림은 후보 셋만 견준 식이 놓친 것도 보여 준다. 경계 바로 안쪽에서 덜 중요한 특징의 몫은 평균 {{< var c01.phase_edge >}}이다. 깊은 안쪽에서라면 1/2이어야 한다. 모델은 $(1,-1)$ 대신 덜 중요한 특징을 조금 줄인 배치를 골라 간섭을 덜고, 그만큼 식이 말한 경계 밖에서도 조금 더 중첩을 이어 간다. 곧 상전이는 있으나, 경계 근처의 상태는 세 후보처럼 또렷하지 않다. 모든 출발점이 나쁜 극소에 빠진 모델은 왼쪽의 외딴 칸이나 오른쪽의 외딴 점으로 나타난다.

# %% [markdown] src="9397" tags=["en"]
# On the left of [@fig-toy-phase] the three regions part along the predicted curve. {{< var c01.phase_agreement >}} of the cells are in the state that the formula names. As there is no sampling noise, a seed changes nothing but the starting points. [A comparison of losses, with no training at all, foretells the state of over 95% of the grid in every seed.]{.claim key="c01.phase_as_predicted"} [The change is close to a step, too: in every seed under 2% of the cells leave the lesser feature at a middling share between 0.1 and 0.3 of the dimension.]{.claim key="c01.phase_is_a_step"} On average such cells are {{< var c01.phase_between >}} of all.
#
# The right panel also shows what a formula with three candidates misses. Just inside the boundary the share of the lesser feature averages {{< var c01.phase_edge >}}, where deep inside it should be 1/2. Instead of $(1,-1)$ the model picks an arrangement with a somewhat shorter second direction, which lowers interference and lets superposition survive a little beyond the boundary. So there is a phase change, but the states next to it are softer than the three textbook pictures. A model all of whose starting points fell into poor local minima shows as a lone cell on the left or a lone dot on the right.

# %% [markdown] tags=["ko"]
# ## 두 차원, 다섯 특징: 배치의 기하 {#sec-sup-geometry}
#
# 다음은 $n=5$, $m=2$이다. 중요도는 특징마다 0.9배로 줄인다.
#
# **예상.** 밀도가 1이면 가장 중요한 두 특징만 직교하여 남는다. 밀도가 내려가면 두 쌍이 각각 한 축의 양 끝에 서서 넷이 남고, 더 내려가면 다섯이 정오각형을 이룬다. 남은 특징의 수가 밀도와 무관하거나 방향이 아무렇게나 흩어진다면 기대는 틀린 것이다.

# %% [markdown] src="2433" tags=["en"]
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
#| fig-cap-ko: "다섯 특징의 방향을 두 차원에 그린 것(첫째 시드). 어두운 색일수록 중요한 특징이다. 왼쪽에서 오른쪽으로 갈수록 특징이 희소하다."
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
# 남은 특징은 평균하여 밀도 1에서 {{< var c01.kept_100 >}}개, 0.2에서 {{< var c01.kept_20 >}}개, 0.05에서 {{< var c01.kept_05 >}}개이다(길이 0.5를 넘는 것을 세었다). [희소할수록 더 많은 특징이 남는다는 순서는 모든 시드에서 지켜진다.]{.claim key="c01.kept_grows"} [@fig-toy-geometry]의 모양을 눈으로만 판단하지 않으려고 특징마다 차지한 차원도 재었다. 그 정의는 다음 절의 [@eq-dimensionality]이다. 밀도 0.2에서 남은 넷은 평균 {{< var c01.d_pairs >}}차원을 차지하고, 마주 보는 쌍이 차지해야 하는 값은 1/2이다. 밀도 0.05의 다섯은 {{< var c01.d_pentagon >}}차원을 차지하며, 정오각형의 값은 2/5이다.
#
# 이 일치에는 조건이 하나 붙는다. 모델마다 출발점을 여럿 두고 손실이 가장 작은 것을 남겼기 때문에 이 배치가 나온다. 출발점을 하나만 쓰면 같은 밀도에서도 남은 특징의 수가 하나쯤 다른 모델이 섞일 수 있다. 최적의 배치가 규칙적이라는 것과 학습이 늘 그 배치에 이른다는 것은 다른 주장이며, 여기서 확인한 것은 앞의 것이다.

# %% [markdown] src="2821" tags=["en"]
# On average {{< var c01.kept_100 >}} features remain at density 1, {{< var c01.kept_20 >}} at 0.2 and {{< var c01.kept_05 >}} at 0.05 (counting those longer than 0.5). [The order, sparser features and more of them, holds in every seed.]{.claim key="c01.kept_grows"} So as not to judge the shapes of [@fig-toy-geometry] by eye alone, we also measured the share of a dimension held by each feature; its definition is [@eq-dimensionality] in the next section. The four that remain at density 0.2 hold {{< var c01.d_pairs >}} of a dimension each, and an antipodal pair should hold 1/2. The five at density 0.05 hold {{< var c01.d_pentagon >}}, and a regular pentagon has 2/5.
#
# The agreement has a condition. These arrangements appear because each model started from several points and the one of lowest loss was kept. With a single start, models of the same density may end with a feature more or fewer. That the best arrangement is regular is one claim, that training always reaches it is another, and what was confirmed here is the former.

# %% [markdown] tags=["ko"]
# ## 특징 하나가 차지하는 차원 {#sec-sup-dims}
#
# 특징이 많아지면 그림으로 볼 수 없으므로 수로 잰다. @{elhage2022toy}은 특징 $i$가 차지하는 차원을 다음과 같이 정의한다.
#
# $$ D_i = \frac{\lVert W_i \rVert^2}{\sum_j (\hat W_i \cdot W_j)^2} $$ {#eq-dimensionality}
#
# $\hat W_i$는 $W_i$의 길이를 1로 맞춘 것이다. $D_i$는 혼자 쓰면 1, 마주 보는 쌍이면 1/2, 삼각형이면 2/3, 사면체이면 3/4, 오각형이면 2/5, 정사각 엇각기둥(square antiprism)이면 3/8이다. 중요도가 모두 같은 특징 {{< var c01.plateau_features >}}개를 {{< var c01.plateau_hidden >}}차원에 넣고 밀도만 바꾼다.
#
# **예상.** 값은 밀도를 따라 매끄럽게 내려가지 않고 3/4, 2/3, 1/2, 2/5, 3/8에 달라붙는다. 특히 1/2에는 넓은 밀도에 걸친 고원이 있다. 이를 눈이 아니라 수로 가리기 위해, 0.3과 0.8 사이에 있는 모든 $D_i$ 가운데 각 분수에서 0.0125 안에 든 비율을 센다. 값이 고르게 퍼져 있다면 어느 창에서나 그 비율은 5%이다. 5%를 넘지 못하는 분수에서는 기대가 틀린 것이다.

# %% [markdown] src="d2af" tags=["en"]
# ## The share of a dimension {#sec-sup-dims}
#
# More features can no longer be drawn, so we count. @{elhage2022toy} define the dimensionality of feature $i$ as
#
# $$ D_i = \frac{\lVert W_i \rVert^2}{\sum_j (\hat W_i \cdot W_j)^2} $$ {#eq-dimensionality}
#
# Here $\hat W_i$ is $W_i$ scaled to length 1. $D_i$ is 1 for a feature by itself, 1/2 in an antipodal pair, 2/3 in a triangle, 3/4 in a tetrahedron, 2/5 in a pentagon, 3/8 in a square antiprism. We put {{< var c01.plateau_features >}} features of equal importance into {{< var c01.plateau_hidden >}} dimensions and vary density alone.
#
# **Expectation.** The values do not slide down smoothly with density but stick at 3/4, 2/3, 1/2, 2/5, 3/8. At 1/2, above all, there is a plateau over a wide range of densities. To decide this by counting and not by eye, we take all $D_i$ between 0.3 and 0.8 and ask what share lies within 0.0125 of each fraction. If values were spread evenly, that share would be 5% in any window. Where a fraction does not exceed 5%, the expectation is wrong.

# %%
plateau_density = torch.logspace(0, -1.3, plateau_points)
draw = toy.sparse_draw(plateau_density, plateau_features, batch=256)
equal = torch.ones(plateau_points, plateau_features)
results.record("plateau_features", plateau_features, "features", tolerance=0)
results.record("plateau_hidden", plateau_hidden, "dimensions", tolerance=0)

# %%
crowds = []
for s in seeds:
    config = toy.ToyConfig(plateau_features, plateau_hidden, steps=plateau_steps, seed=s)
    crowds.append(toy.fit_toys(config, equal, draw).W_MNH)


# %%
def kept_dims(W):
    """Dimensionality of the features longer than 0.5; NaN for the rest."""
    return toy.dimensionality(W).where(W.norm(dim=2) > 0.5, torch.nan)


dims = [kept_dims(W) for W in crowds]

# %%
at_half = [((D - 0.5).abs() < 0.02).sum(1) > 0.8 * D.isfinite().sum(1).clamp_min(1) for D in dims]
widths = [float(plateau_density[h].max() / plateau_density[h].min()) if h.any() else 1.0 for h in at_half]
over_seeds("plateau_width", widths, "ratio of densities", ".1f", tolerance=0.4)
results.claim("plateau_at_half", min(widths) > 1.5, "every seed: the plateau at 1/2 spans over 1.5-fold in density")

# %%
#| label: fig-toy-dimensions
#| fig-cap-ko: "특징이 차지하는 차원. 왼쪽: 점 하나가 길이 0.5를 넘는 특징 하나이다(첫째 시드). 가로선은 논문이 든 분수이다. 오른쪽: 남은 특징 하나에 돌아가는 차원의 평균(색은 시드)."
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


def crowding(values, name):
    """For each seed, the share of values within 0.0125 of a fraction."""
    return [float(((D - fractions[name]).abs() < 0.0125).sum() / max(len(D), 1)) for D in values]


shares = {name: crowding(middle, name) for name in fractions}

# %%
for name, values in shares.items():
    over_seeds(f"share_{name.replace('/', '_')}", values, "share", ".1%", tolerance=0.05)
results.claim("half_sticks", min(shares["1/2"]) > 0.15, "every seed: 1/2 has over three times an even share")
absent = max(shares["3/4"] + shares["2/3"]) < 0.05
results.claim("high_fractions_absent", absent, "every seed: 3/4 and 2/3 are below 5%")
results.claim("antiprism_not_shown", min(shares["3/8"]) <= 0.05, "some seed: 3/8 is not above 5%", close=True)

# %%
#| label: tbl-toy-fractions
#| tbl-cap-ko: "각 분수에서 0.0125 안에 든 특징의 비율: 시드의 평균, 최솟값, 최댓값. 고르게 퍼져 있다면 5%이다."
#| tbl-cap-en: "Share of features within 0.0125 of each fraction: mean, lowest and highest of the seeds. An even spread would give 5%."
summary = pd.DataFrame(
    {"fraction": name, "mean": np.mean(v), "lowest": min(v), "highest": max(v)} for name, v in shares.items()
)
kc.plots.table(summary, fmt=".1%", escape=False)

# %% [markdown] tags=["ko"]
# 고원은 있다. [모든 시드에서 특징의 80% 이상이 1/2에 모여 있는 밀도의 구간이 1.5배 넘게 이어진다.]{.claim key="c01.plateau_at_half"} 그 폭은 평균 {{< var c01.plateau_width >}}배이다. [@tbl-toy-fractions]에서 1/2의 창에 든 비율은 {{< var c01.share_1_2 >}}로, [고르게 퍼졌을 때의 5%를 세 배 넘게 웃돈다.]{.claim key="c01.half_sticks"} 2/5의 비율은 {{< var c01.share_2_5 >}}이고 시드에 따라 {{< var c01.share_2_5_low >}}에서 {{< var c01.share_2_5_high >}}까지 갈리므로, 오각형의 값은 나타나지만 1/2만큼 든든하지 않다. 3/8의 비율은 {{< var c01.share_3_8 >}}이고, 가장 낮은 시드는 {{< var c01.share_3_8_low >}}, 가장 높은 시드는 {{< var c01.share_3_8_high >}}이다. [5%를 넘지 못한 시드가 있으므로 값이 3/8에 모인다고 할 근거는 없다.]{.claim key="c01.antiprism_not_shown"}[어느 시드에서나 5%를 넘으므로 값이 3/8에도 얼마간 모인다.]{.otherwise} [@fig-toy-dimensions]에서 밀도가 더 낮은 쪽의 값은 이 분수들보다 아래로 띠처럼 내려간다. 거꾸로 왼쪽 끝, 밀도가 1인 곳의 낮은 값은 다각형의 흔적이 아니다. 모든 특징이 늘 켜져 있으면 어느 방향도 특별하지 않아, 모델이 부분공간 하나를 골라 여러 특징을 섞어 담기 때문으로 보인다. 그림의 오른쪽 곡선은 $m / \lVert W \rVert_F^2$, 곧 차원의 수를 방향 길이의 제곱을 모두 더한 값으로 나눈 것이다.
#
# [3/4과 2/3에서는 기대가 어긋난다. 어느 시드에서도 5%에 이르지 못한다.]{.claim key="c01.high_fractions_absent"} 논문의 주장이 틀렸다고 하기 전에 의심할 것이 하나 있다. 이 분수들은 밀도가 높은 좁은 구간에서 나오는데, 거기서는 손실의 차이가 작아 학습이 느릴 수 있다. 그 구간의 밀도 몇 개를 골라 걸음 수만 달리하여 다시 학습하고, 이번에는 남은 특징 모두 가운데서 비율을 센다.
#
# **둘째 예상.** 학습 부족이 원인이라면, 다른 것은 그대로 두고 걸음만 늘렸을 때 2/3의 비율이 모든 시드에서 올라야 한다. 오르지 않는다면 이 크기의 모델에서 주장은 성립하지 않는다.

# %% [markdown] src="bd5b" tags=["en"]
# The plateau is there. [In every seed the densities at which 80% or more of the features sit at 1/2 span a factor of over 1.5.]{.claim key="c01.plateau_at_half"} The factor averages {{< var c01.plateau_width >}}. In [@tbl-toy-fractions] the window at 1/2 holds {{< var c01.share_1_2 >}}, [more than three times the 5% of an even spread.]{.claim key="c01.half_sticks"} At 2/5 the share is {{< var c01.share_2_5 >}}, and from seed to seed it goes from {{< var c01.share_2_5_low >}} to {{< var c01.share_2_5_high >}}: the value of a pentagon does appear but is not as dependable as 1/2. At 3/8 the share is {{< var c01.share_3_8 >}}, with {{< var c01.share_3_8_low >}} in the lowest seed and {{< var c01.share_3_8_high >}} in the highest. [Some seed does not exceed 5%, so there is no ground for saying that values gather at 3/8.]{.claim key="c01.antiprism_not_shown"}[Every seed exceeds 5%, so values gather at 3/8 to some degree as well.]{.otherwise} At lower densities the values of [@fig-toy-dimensions] come down as a band below these fractions. The low values at the left end, by contrast, where density is 1, are no trace of polygons. When every feature is always on, no direction is special, and presumably the model picks some subspace that holds many features mixed. The curve on the right of the figure is $m / \lVert W \rVert_F^2$, the number of dimensions over the sum of all squared lengths.
#
# [At 3/4 and 2/3 the expectation fails: no seed reaches 5%.]{.claim key="c01.high_fractions_absent"} Before saying that the paper's claim is wrong, there is one thing to suspect. These fractions belong to a narrow range of high densities, where losses differ little and training may be slow. So we train a few densities of that range again, changing only the number of steps, and this time take shares of all features that are kept.
#
# **A second expectation.** If too little training is the cause, more steps, with all else equal, must raise the share at 2/3 in every seed. If they do not, the claim does not hold for models of this size.

# %%
dense = torch.linspace(0.6, 0.75, long_points)
draw = toy.sparse_draw(dense, plateau_features, batch=256)
equal = torch.ones(long_points, plateau_features)

# %%
patience = {steps: [] for steps in (plateau_steps, long_steps)}
for steps, runs in patience.items():
    for s in seeds:
        config = toy.ToyConfig(plateau_features, plateau_hidden, steps=steps, seed=s)
        runs.append(kept_dims(toy.fit_toys(config, equal, draw).W_MNH))

# %%
short, long = ([D[D.isfinite()] for D in runs] for runs in patience.values())
for name, key in (("2/3", "2_3"), ("3/4", "3_4")):
    over_seeds(f"short_{key}", crowding(short, name), "share", ".1%", tolerance=0.05)
    over_seeds(f"long_{key}", crowding(long, name), "share", ".1%", tolerance=0.05)
rises = all(a < b for a, b in zip(crowding(short, "2/3"), crowding(long, "2/3"), strict=True))
results.claim("patience_helps", rises, "every seed: more steps raise the share at 2/3")
results.claim("tetrahedra_unseen", max(crowding(long, "3/4")) < 0.05, "every seed: after more steps 3/4 is below 5%")
results.record("long_factor", round(long_steps / plateau_steps), "times the steps")

# %% [markdown] tags=["ko"]
# 걸음을 {{< var c01.long_factor >}}배로 늘리자 2/3의 비율은 {{< var c01.short_2_3 >}}에서 {{< var c01.long_2_3 >}}가 된다. 3/4의 비율은 늘리기 전이 {{< var c01.short_3_4 >}}, 늘린 뒤가 {{< var c01.long_3_4 >}}이다. [2/3의 비율은 모든 시드에서 올랐다. 그러므로 2/3에서의 어긋남은 논문에 대한 반증이 아니라 덜 끝난 학습으로 읽는다.]{.claim key="c01.patience_helps"}[2/3의 비율이 모든 시드에서 오르지는 않았으므로, 2/3에서의 어긋남을 덜 끝난 학습 탓으로 돌릴 수 없다.]{.otherwise} [3/4은 걸음을 늘려도 나타나지 않는다.]{.claim key="c01.tetrahedra_unseen"} 이것이 차원이 적은 탓인지 학습이 여전히 모자란 탓인지 이 실험은 가리지 못하므로, 3/4에 대해서는 재현하지 못했다고만 적는다. 남는 교훈은 다른 데 있다. 규칙적인 기하는 최적해의 성질이고, 유한한 학습은 거기에 천천히 다가간다. 언어 모델이나 오토인코더의 방향을 두고 깔끔한 다면체를 기대할 이유는 그만큼 줄어든다.

# %% [markdown] src="8645" tags=["en"]
# With {{< var c01.long_factor >}} times the steps, the share at 2/3 goes from {{< var c01.short_2_3 >}} to {{< var c01.long_2_3 >}}. At 3/4 it is {{< var c01.short_3_4 >}} before and {{< var c01.long_3_4 >}} after. [The share at 2/3 rose in every seed. The failure at 2/3 is thus read as unfinished training and not as evidence against the paper.]{.claim key="c01.patience_helps"}[The share at 2/3 did not rise in every seed, so the failure at 2/3 cannot be put down to unfinished training.]{.otherwise} [At 3/4 nothing appears even with more steps.]{.claim key="c01.tetrahedra_unseen"} Whether this is for want of dimensions or still for want of training, the experiment cannot tell, so for 3/4 we say only that it was not reproduced. The lesson is another one: regular geometry is a property of the optimum, and finite training only creeps towards it. There is that much less reason to expect tidy polytopes among the directions of a language model or of an autoencoder.

# %% [markdown] tags=["ko"]
# ## 함께 나타나지 않는 특징: 조사의 이형태 {#sec-sup-exclusive}
#
# 지금까지의 특징은 서로 독립이었다. 언어의 특징은 그렇지 않다. 같은 명사 뒤에 ‘을’과 ‘를’이 함께 올 수 없고, 한 문장의 서술어가 해요체이면서 합쇼체일 수 없다. 한국어 문법에는 이렇게 서로를 배제하는 짝이 많다. 이를 흉내 내어 특징 여섯을 세 쌍으로 묶고, 한 쌍의 두 특징은 결코 함께 켜지지 않게 한 뒤 3차원에 넣는다. 한 쌍이 한 축의 양 끝에 서면 간섭이 아예 없으므로 손실은 0까지 내려갈 수 있다.
#
# **예상.** 가장 싼 배치가 분명하므로, 배타적인 쌍은 밀도와 상관없이 마주 볼 것이다. 각 특징에서 가장 반대되는 방향의 특징이 제 짝인 비율을 재면 1에 가깝고, 독립인 특징에서는 우연의 값인 1/5에 가까워야 한다.

# %% [markdown] src="6929" tags=["en"]
# ## Features that never meet: the two forms of a particle {#sec-sup-exclusive}
#
# So far the features were independent. Those of a language are not. The object particles ‘을’ and ‘를’ cannot both follow the same noun, and the predicate of a sentence cannot be in two speech levels at once, polite and formal. Korean grammar is full of pairs that exclude each other. To imitate them, six features are tied into three pairs, the two of a pair are never on together, and all go into 3 dimensions. If each pair takes the two ends of one axis there is no interference at all, and the loss can fall to 0.
#
# **Expectation.** As the cheapest arrangement is so plain, exclusive pairs will face each other at any density. The share of features whose most opposed feature is their own partner should be near 1, and for independent features near 1/5, which is chance.

# %%
exclusive_density = torch.tensor([0.05, 0.1, 0.2, 0.3, 0.4])
copies = 8
repeated = exclusive_density.repeat_interleave(copies)
partner = torch.arange(6) ^ 1

# %%
paired, cost = {}, {}
for name, sampler in {"exclusive": toy.exclusive_draw, "independent": toy.sparse_draw}.items():
    config = [toy.ToyConfig(n_features=6, n_hidden=3, steps=exclusive_steps, seed=s) for s in seeds]
    toys = [toy.fit_toys(c, torch.ones(len(repeated), 6), sampler(repeated, 6, 256)) for c in config]
    faces = torch.stack([(toy.opponent(t.W_MNH) == partner).float().mean(1) for t in toys])
    paired[name] = faces.view(n_seeds, -1, copies).mean(2)
    cost[name] = torch.stack([t.loss_M for t in toys]).view(n_seeds, -1, copies).mean(2)

# %%
for name in paired:
    over_seeds(f"{name}_rare", paired[name][:, 0].tolist(), "share", ".2f", tolerance=0.15)
    over_seeds(f"{name}_common", paired[name][:, -1].tolist(), "share", ".2f", tolerance=0.15)
over_seeds("exclusive_cost", (cost["exclusive"] / cost["independent"])[:, -1].tolist(), "ratio of losses", ".2f", 0.1)
faced = bool((paired["exclusive"][:, -1] > paired["independent"][:, -1] + 0.2).all())
results.claim("exclusive_face", faced, "every seed, density 0.4: exclusive pairs are above by over 0.2")
rarely = bool((paired["exclusive"][:, 0] < paired["exclusive"][:, -1] - 0.2).all())
results.claim("rare_do_not", rarely, "every seed: exclusive pairs at 0.05 are below 0.4 by over 0.2")

# %%
#| label: tbl-toy-exclusive
#| tbl-cap-ko: "가장 반대되는 방향의 특징이 제 짝인 비율(시드의 평균과 최솟값, 최댓값)과, 독립인 특징의 손실에 대한 배타적인 특징의 손실의 비."
#| tbl-cap-en: "Share of features whose most opposed feature is their partner (mean, lowest and highest of the seeds), and the loss of exclusive features over that of independent ones."
columns = {"density": [f"{p:g}" for p in exclusive_density]}
for name, share in paired.items():
    columns |= {name: share.mean(0), f"{name}: low": share.amin(0), f"{name}: high": share.amax(0)}
columns["loss ratio"] = (cost["exclusive"] / cost["independent"]).mean(0)
kc.plots.table(pd.DataFrame({key: np.asarray(value) for key, value in columns.items()}), fmt=".2f")

# %% [markdown] tags=["ko"]
# 기대는 절반만 맞았다. 밀도 0.4에서 배타적인 특징이 제 짝과 마주 보는 비율은 {{< var c01.exclusive_common >}}이고 독립인 특징에서는 {{< var c01.independent_common >}}이다([@tbl-toy-exclusive]). [밀도 0.4에서는 어느 시드에서나 배타적인 쪽이 0.2 넘게 높다.]{.claim key="c01.exclusive_face"} 자주 켜지는 특징에서는 배타성이 배치를 가른다. 손실도 독립일 때의 {{< var c01.exclusive_cost >}}배에 그친다. 그러나 밀도 0.05에서 그 비율은 {{< var c01.exclusive_rare >}}(시드에 따라 {{< var c01.exclusive_rare_low >}}에서 {{< var c01.exclusive_rare_high >}})이다. [어느 시드에서나 밀도 0.05의 비율은 0.4의 비율보다 0.2 넘게 낮다.]{.claim key="c01.rare_do_not"} 드문 특징에서는 배타성이 배치에 훨씬 적게 드러나는 것이다. 다만 이것은 학습이 다다른 배치이지 가장 좋은 배치가 아니다. 쌍이 모두 마주 보면 손실은 어느 밀도에서나 0이고, [@sec-sup-geometry]와 달리 여기서는 출발점 여럿 가운데 가장 나은 것을 고르지 않았다. 드문 특징은 배타적이지 않아도 좀처럼 만나지 않아 줄일 간섭이 적고 그만큼 기울기도 약해서, 이 걸음 수로는 그 배치에 이르지 못한 것으로 보인다.
#
# 이 결과에서 언어 모델에 대한 예측이 하나 나온다. 말 단계처럼 문장마다 반드시 하나가 켜지는 배타적인 특징은 서로 밀어내는 방향을 가질 만하다. 둘이면 반대 방향이지만, 이 책의 말뭉치처럼 말 단계가 셋이면 셋이 모두 서로 반대일 수는 없다. 이 책의 합성 말뭉치에 나오는 150가지 소재처럼 드물게 켜지는 특징은 서로 배타적이어도 서로 밀어낼 이유가 훨씬 적다. 희소 오토인코더가 소재마다 따로 방향을 내놓더라도 놀랄 일이 아니다. 다만 말 단계의 방향이 정말 서로 밀어내는지는 이 책의 어느 장에서도 재지 않으므로, 이 예측은 열어 둔다.

# %% [markdown] src="742e" tags=["en"]
# The expectation was half right. At density 0.4 exclusive features face their partner with a share of {{< var c01.exclusive_common >}}, independent ones with {{< var c01.independent_common >}} ([@tbl-toy-exclusive]). [At density 0.4 the exclusive pairs are ahead by more than 0.2 in every seed.]{.claim key="c01.exclusive_face"} For features that are often on, exclusiveness shapes the arrangement. The loss, too, is only {{< var c01.exclusive_cost >}} times that of independent features. At density 0.05, however, the share is {{< var c01.exclusive_rare >}} (from {{< var c01.exclusive_rare_low >}} to {{< var c01.exclusive_rare_high >}} between seeds). [In every seed the share at 0.05 is below that at 0.4 by more than 0.2.]{.claim key="c01.rare_do_not"} For rare features, then, exclusiveness shows much less in the arrangement. This, however, is the arrangement that training arrived at and not the best one. With all pairs facing each other the loss is 0 at any density, and unlike in [@sec-sup-geometry], we did not take the best of several starts here. Rare features hardly ever meet even when they may, so there is little interference to save and the gradient towards that arrangement is weak; with this number of steps they seem not to have got there.
#
# This yields a prediction for language models. Exclusive features of which every sentence must have one, such as speech levels, may well have directions that repel each other. Two would be opposite; three speech levels, as in this book's corpus, cannot all be opposite to one another. Features that are rarely on, such as the 150 items of this book's synthetic corpus, have far less reason to repel each other even though they exclude each other. It should be no surprise if a sparse autoencoder offers a direction of its own for each item. Whether the directions of speech levels really repel each other is measured in no chapter of this book, so the prediction is left open.

# %% [markdown] tags=["ko"]
# ## 256차원에 들어가는 방향의 수 {#sec-sup-capacity}
#
# 장난감 모델의 차원은 작다. 이 책의 모델처럼 256차원이면 사정이 얼마나 나아지는가? 직교하는 방향은 256개뿐이지만, 거의 직교하는 방향은 훨씬 많다. 아무렇게나 뽑은 두 방향의 코사인은 평균 0, 표준편차 $1/\sqrt{d}$로 흩어지고, 그 제곱은 베타 분포를 따른다. 방향을 하나씩 뽑다가 어느 둘의 코사인이 처음으로 $\varepsilon$을 넘을 때까지의 개수는 생일 문제의 답이다.
#
# $$ N(d, \varepsilon) \approx \sqrt{\frac{\pi}{2 \Pr(|\cos| > \varepsilon)}} $$ {#eq-birthday}
#
# **예상.** [@eq-birthday]에 따라 $N$은 차원의 지수 함수처럼 늘고, $\varepsilon=0.3$이면 256차원에서 이미 차원보다 많다. 이것은 방향을 따로 골라내지 않고 무작위로 뽑은 결과이므로 가능한 수를 낮추어 잡은 어림이다. 그러나 방향이 많다는 것과 읽을 수 있다는 것은 다르다. 방향 $k$개를 더한 벡터에서 내적만으로 그것들을 되찾게 하면, 간섭의 크기는 사전의 크기보다 $k$에 더 크게 좌우될 것이다.

# %% [markdown] src="6241" tags=["en"]
# ## How many directions fit into 256 dimensions {#sec-sup-capacity}
#
# Toy models have few dimensions. How much better are things with 256, as in the model of this book? There are only 256 orthogonal directions but far more that are almost orthogonal. The cosine of two random directions has mean 0 and standard deviation $1/\sqrt{d}$, and its square follows a beta distribution. Draw directions one by one: the number drawn until some two of them first exceed a cosine of $\varepsilon$ is the answer to a birthday problem.
#
# $$ N(d, \varepsilon) \approx \sqrt{\frac{\pi}{2 \Pr(|\cos| > \varepsilon)}} $$ {#eq-birthday}
#
# **Expectation.** By [@eq-birthday] $N$ grows like an exponential of the dimension, and with $\varepsilon=0.3$ it exceeds the dimension already at 256 dimensions. As these directions are drawn and not chosen, the number is an estimate from below. But having many directions is not the same as being able to read them. If $k$ directions are added up and have to be found again from inner products alone, interference should depend on $k$ more than on the size of the dictionary.

# %%
sizes = [d_model // 4 * quarter for quarter in (1, 2, 3, 4)]
counts = np.zeros((n_seeds, len(sizes), repeats))
for i, s in enumerate(seeds):
    rng = torch.Generator().manual_seed(s)
    for j, d in enumerate(sizes):
        counts[i, j] = [toy.count_before_overlap(d, 0.3, rng) for _ in range(repeats)]

# %%
drawn = counts[:, -1].mean(1)
over_seeds("directions_drawn", drawn, "directions", ",.0f", tolerance=500)
results.record("directions_expected", toy.expected_directions(d_model, 0.3), "directions", ",.0f")
results.record("directions_loose", toy.expected_directions(d_model, 0.4), "directions", ",.0f")
results.claim("more_than_dimensions", min(drawn) > d_model, "every seed: more directions than dimensions at 0.3")

# %%
sparsity = [1, 2, 4, 8, 16, 32, 64]
readout = {}
for n in (n_directions // 4, n_directions, 4 * n_directions):
    for s in seeds:
        rng = torch.Generator().manual_seed(s)
        dirs = toy.random_directions(n, d_model, rng)
        readout[n, s] = [toy.readout_precision(dirs, k, trials, rng) for k in sparsity]

# %%
precision = {n: np.array([readout[n, s] for s in seeds]) for n, _ in readout}
small, usual, large = precision
for k in (8, 32):
    over_seeds(f"readout_{k}", precision[usual][:, sparsity.index(k)], "share", ".1%", tolerance=0.03)
over_seeds("readout_large_8", precision[large][:, sparsity.index(8)], "share", ".1%", tolerance=0.03)
over_seeds("readout_small_32", precision[small][:, sparsity.index(32)], "share", ".1%", tolerance=0.03)
matters = bool((precision[large][:, 3] > precision[small][:, 5]).all())
results.claim("sparsity_matters_more", matters, "every seed: 16x directions hurt less than 4x active ones")

# %%
#| label: fig-almost-orthogonal
#| fig-cap-ko: "왼쪽: 코사인의 절댓값이 기준을 넘는 짝이 처음 나오기까지 뽑은 방향의 수. 선은 식, 점은 기준 0.3에서 실제로 뽑아 본 평균(시드마다). 오른쪽: 더한 방향을 내적으로 되찾은 비율. 띠는 시드 사이의 범위이다."
#| fig-cap-en: "Left: directions drawn until the first pair exceeds a given absolute cosine. Lines are the formula, dots the means of actual draws at 0.3 (one per seed). Right: share of the summed directions found again by inner products. Bands are the range over seeds."
#| fig-alt-ko: "왼쪽 로그 눈금에서 세 선이 차원에 따라 곧게 오르고 점은 가운데 선 위에 놓인다. 오른쪽에서 세 곡선은 동시에 켜진 방향이 8개를 넘으면서 함께 떨어진다."
#| fig-alt-en: "Left, on a logarithmic scale, three lines rise straight with dimension, and the dots lie on the middle one. Right, three curves fall together once more than about 8 directions are active at once."
fig, (left, right) = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 2.8))
d_axis = np.arange(48, 337, 8)
for epsilon, color in ((0.2, "#bbbbbb"), (0.3, "#4477aa"), (0.4, "#333333")):
    left.plot(d_axis, [toy.expected_directions(int(d), epsilon) for d in d_axis], color=color, label=f"{epsilon}")
left.plot(sizes, counts.mean(2).T, "o", color="#4477aa", alpha=0.6)
left.plot(d_axis, d_axis, ":", color="#ee7733", label="as many as d")
left.set(yscale="log", xlabel="dimensions d", ylabel="directions drawn", ylim=(1, 1e7))
left.legend(title="largest |cosine|")
for n, values in precision.items():
    (line,) = right.plot(sparsity, values.mean(0), marker="o", label=f"{n:,}")
    right.fill_between(sparsity, values.min(0), values.max(0), alpha=0.25, color=line.get_color())
right.set(xscale="log", xlabel="directions active at once", ylabel="share found again", ylim=(0, 1.05))
right.set_xticks(sparsity, [str(k) for k in sparsity])
right.minorticks_off()
right.legend(title="directions in all")
kc.plots.save(fig, "fig-almost-orthogonal")

# %% [markdown] tags=["ko"]
# $\varepsilon=0.3$에서 뽑은 방향의 수는 평균 {{< var c01.directions_drawn >}}개(시드에 따라 {{< var c01.directions_drawn_low >}}에서 {{< var c01.directions_drawn_high >}})이고 식의 값은 {{< var c01.directions_expected >}}개이다. [무작위로 뽑기만 해도 거의 직교하는 방향은 차원보다 많다.]{.claim key="c01.more_than_dimensions"} 기준을 0.4로 늦추어 잡으면 식의 값은 {{< var c01.directions_loose >}}개가 된다. 자리는 모자라지 않는다.
#
# 모자라는 것은 동시에 켤 수 있는 수이다. [@fig-almost-orthogonal]의 오른쪽에서 방향이 2,048개일 때 내적만으로 되찾은 비율은 8개를 켰을 때 {{< var c01.readout_8 >}}, 32개를 켰을 때 {{< var c01.readout_32 >}}이다. 방향을 8,192개로 늘리고 8개를 켜면 {{< var c01.readout_large_8 >}}, 512개로 줄이고 32개를 켜면 {{< var c01.readout_small_32 >}}이다. [사전을 열여섯 배로 늘리는 것보다 동시에 켜는 수를 네 배로 늘리는 것이 더 해롭다.]{.claim key="c01.sparsity_matters_more"} 사전을 키우는 데에도 대가가 없지는 않다. 32개를 켰을 때의 두 비율이 그 크기를 보여 준다. 그러나 중첩의 대가를 좌우하는 것은 사전의 크기보다 동시에 켜지는 수이다.

# %% [markdown] src="3ccb" tags=["en"]
# At $\varepsilon=0.3$ the directions drawn number {{< var c01.directions_drawn >}} on average (from {{< var c01.directions_drawn_low >}} to {{< var c01.directions_drawn_high >}} between seeds), and the formula gives {{< var c01.directions_expected >}}. [Merely drawn, and not chosen, almost orthogonal directions already outnumber the dimensions.]{.claim key="c01.more_than_dimensions"} If the limit is relaxed to 0.4, the formula gives {{< var c01.directions_loose >}}. There is no shortage of places.
#
# What is short is the number that can be on at once. On the right of [@fig-almost-orthogonal], with 2,048 directions, inner products alone find {{< var c01.readout_8 >}} again when 8 are on and {{< var c01.readout_32 >}} when 32 are. With 8,192 directions and 8 on it is {{< var c01.readout_large_8 >}}, with 512 directions and 32 on it is {{< var c01.readout_small_32 >}}. [Making the dictionary sixteen times as large does less harm than turning on four times as many at once.]{.claim key="c01.sparsity_matters_more"} A larger dictionary is not free, as the two shares with 32 on show. But the price of superposition depends on how many are on at once more than on the size of the dictionary.

# %% [markdown] tags=["ko"]
# ## 한국어를 읽는 모델에 뜻하는 것 {#sec-sup-meaning}
#
# 여기까지의 결과는 이 책의 도구가 왜 그런 모양인지를 설명한다. 특징이 차원보다 많고 희소하다면 뉴런 하나하나나 주성분을 들여다보아서는 특징을 얻을 수 없다. 되찾으려면 차원보다 넓은 사전(dictionary)과 토큰마다 몇 개만 켜진다는 제약이 함께 필요하다. 희소 오토인코더가 바로 그것이다 [@bricken2023; @cunningham2023]. 이 책이 256차원에 2,048개의 특징을 두는 것은 과완비(overcomplete) 사전이 [@eq-linear]의 방향을 담을 만큼 넓어야 하기 때문이고, 3장의 TopK가 토큰마다 32개만 켜는 것은 동시에 켜지는 수를 묶어 간섭을 누르기 위해서이다. 다만 32라는 수 자체는 이 실험에서 나온 것이 아니라 이 책이 고른 것이다. 내적만으로는 32개도 온전히 읽히지 않는다는 사실은, 인코더가 사전의 전치행렬로 그치지 않고 따로 배운 가중치와 문턱을 가져야 하는 까닭이기도 하다. 3장의 변형들은 이 문턱을 어떻게 두느냐에서 갈린다.
#
# 한국어는 이 그림에 조건을 하나 더한다. 교착어에서는 한 어절에 뜻과 문법이 겹쳐 실린다. ‘시장에서는’이라는 어절 하나에 장소와 처소격과 대조가 함께 켜진다. 동시에 켜지는 수가 간섭을 정한다면, 어절의 끝처럼 문법 특징이 몰리는 자리에서 희소 오토인코더의 오차가 커질 것이다. 이는 아직 추측이며, 이 책에 실린 장들은 이를 직접 재지 않는다.

# %% [markdown] src="2123" tags=["en"]
# ## What this means for a model that reads Korean {#sec-sup-meaning}
#
# These results explain why the tools of this book have the shape they have. If features are sparse and outnumber the dimensions, they cannot be had by looking at single neurons or principal components. To get them back takes a dictionary wider than the space together with the constraint that only a few entries are on at each token, and that is what a sparse autoencoder is [@bricken2023; @cunningham2023]. This book puts 2,048 features on 256 dimensions because an overcomplete dictionary has to be wide enough for the directions of [@eq-linear], and the TopK of chapter 3 turns on only 32 of them per token in order to hold interference down; the number 32 itself does not follow from this experiment and is the book's choice. That inner products alone do not fully read even 32 is also why an encoder cannot be just the transpose of the dictionary but needs weights and thresholds of its own. The variants of chapter 3 part ways over how to set that threshold.
#
# Korean adds a condition to the picture. In an agglutinative language one word carries meaning and grammar stacked on each other. In ‘시장에서는’, "at the market, for its part", a place, a locative and a contrast are on at once. If the number of features on at once determines interference, the error of a sparse autoencoder should grow where grammatical features crowd, as at the ends of words. This is still a conjecture, and the chapters of this book do not measure it directly.

# %% [markdown] tags=["ko"]
# ## 무엇이 이 장을 반증하는가 {#sec-sup-refute}
#
# 이 장이 보인 것은 장난감 모델의 성질이다. 특징을 우리가 정했고, 값은 고르게 뽑았으며, 손실은 재구성뿐이었다. 언어 모델의 잔차 스트림도 같은 방식으로 쓰인다는 것은 여기서 따라 나오지 않고, 이 책이 빌려 쓰는 가정이다. 다음 가운데 하나가 관찰되면 이 성질을 언어 모델에 옮겨 쓰는 것은 잘못이다. 첫째, 차원만큼의 직교하는 방향만으로 같은 희소성에서 활성값을 똑같이 잘 재구성할 수 있다면 과완비 사전은 필요 없다. 둘째, 학습된 사전의 특징이 무작위 방향보다 라벨을 더 잘 가르지 못한다면 [@eq-linear]의 방향은 모델의 것이 아니라 우리 방법이 만든 것이다. 셋째, 활성값이 방향의 합이 아니라 굽은 면 위에 놓여 있다면 사전은 그 면을 조각조각 덮을 뿐이다. 첫째는 3장에서 주성분을 직교하는 방향으로 삼아 재고, 둘째는 5장에서 재며, 셋째는 재지 않는다.

# %% [markdown] src="2300" tags=["en"]
# ## What would refute this chapter {#sec-sup-refute}
#
# What this chapter showed are properties of toy models. We chose the features, drew their values uniformly, and trained on nothing but reconstruction. That the residual stream of a language model is used in the same way does not follow from them; this book assumes it. Carrying the properties over to a language model is wrong if one of the following is observed. First, if as many orthogonal directions as there are dimensions reconstruct activations equally well at equal sparsity, no overcomplete dictionary is needed. Second, if the features of a trained dictionary separate labels no better than random directions, the directions of [@eq-linear] belong to our method and not to the model. Third, if activations lie on curved surfaces and are not sums of directions, a dictionary merely covers those surfaces in patches. The first is measured in chapter 3, with principal components for the orthogonal directions, and the second in chapter 5; the third is not measured.
