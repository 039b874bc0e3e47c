# %% [markdown] tags=["ko"]
# # 활성값: 무엇을 어디에서 읽는가 {#sec-activations}
#
# 희소 오토인코더는 언어 모델을 직접 보지 않는다. 모델이 글을 읽는 동안 어느 한 곳을 지나간 벡터들, 곧 활성값만을 본다. 그러므로 나중에 특징(feature)이라 부를 것은 이 장의 선택 안에서만 나올 수 있다. 어떤 글을 읽히는가, 어느 층의 어느 지점에서 읽는가, 어떤 토큰을 빼는가.
#
# 이 장의 물음은 셋이다. 모델 안에서 읽을 수 있는 지점은 어디이며 블록마다 활성값의 크기와 모양은 어떻게 다른가? 활성값이 가장 큰 블록을 고르는 것이 옳은가? 문장의 첫 토큰처럼 유별난 토큰은 얼마나 유별난가?
#
# 둘째 물음에는 앞선 답이 있다. 공개 과제 Brain Surgery를 낸 @{brainsurgery}는 블록이 12개인 GPT-2에서 활성값의 합과 최댓값이 10번 층에서 가장 크고 8번과 9번이 그다음이라고 보고하면서, 정작 분석할 층으로는 비용과 추상성을 들어 6번을 골랐다. 여기의 번호는 이 책의 블록 번호와 같이 0번부터 센 것으로 읽는다. 그러면 마지막 층은 11번이고, 10번 층의 상대 깊이는 10/12이다. 반면 @{fxnnxc}는 층의 사분위로 읽을 지점을 정하고 중간층(q2)이 뒤쪽 층(q3)보다 낫다고 했다. 두 선택을 우리 모델에서 다시 재 본다.

# %% [markdown] src="29e0" tags=["en"]
# # Activations: what is read, and where {#sec-activations}
#
# A sparse autoencoder never looks at the language model itself. It sees only activations, the vectors that pass one place while the model reads a text. Whatever we shall later call a feature can therefore come only from within the choices of this chapter: which text is read, at which place of which layer, and which tokens are left out.
#
# There are three questions. Where in the model can we read, and how do the size and the shape of activations differ between blocks? Is it right to choose the block with the largest activations? And how unusual are unusual tokens, such as the first of a sentence?
#
# The second question has been answered before. The public course project Brain Surgery of @{brainsurgery} reports that in GPT-2, with its 12 blocks, the sum and the maximum of activations are highest at layer 10, with 8 and 9 next, and then chooses layer 6 after all, for its cost and its level of abstraction. We read these numbers as counted from 0, like the block numbers of this book. The last layer is then layer 11, and layer 10 has a relative depth of 10/12. @{fxnnxc}, on the other hand, places its readings at quantiles of depth and finds the middle one (q2) better than the late one (q3). We measure both choices again in our own model.

# %% tags=["parameters"]
preset = "default"
seed = 0
corpus = "synthetic"
lm_name = "kosae-lm"
lm_options = {}
n_train = 4000
n_test = 2000
langs = ["ko", "en"]
middle = "q2.resid_post"
late = "q3.resid_post"
n_block = 500
n_probe = 1000
n_prompts = 32
new_tokens = 24

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

import kosae_core as kc
from kosae_core import depth, probing, statistics
from kosae_core.study import Study

# %%
kc.plots.house_style()
results = kc.Results(chapter="02", preset=preset, seeds=(seed,))

# %%
read = lm_name if kc.reachable(lm_name) else "kosae-lm"
study = Study(corpus=corpus, lm_name=read, lm_options=lm_options if read == lm_name else {},
              n_train=n_train, n_test=n_test, points=(middle, late), seed=seed)  # fmt: skip
lm = study.lm
if read != lm_name:
    results.record("unreached", lm_name, "model")
texts = {lang: study.records("train", lang) for lang in langs}
read_at = lm.resolve(middle).block

# %%
results.record("n_blocks", lm.n_blocks, "blocks", tolerance=0)
results.record("d_model", lm.d_model, "dimensions", tolerance=0)
results.record("middle_block", read_at, "block", tolerance=0)
results.record("late_block", lm.resolve(late).block, "block", tolerance=0)

# %% [markdown] tags=["ko"]
# ## 읽는 지점 {#sec-act-hooks}
#
# 트랜스포머 [@vaswani2017]의 블록은 잔차 스트림에서 읽어 두 번 더한다. 먼저 어텐션이, 다음에 MLP가 제 몫을 더한다. [@sec-sup-linear]의 식을 지점의 이름으로 다시 쓰면 다음과 같다.
#
# $$ \mathtt{resid\_post} = \mathtt{resid\_pre} + \mathtt{attn\_out} + \mathtt{mlp\_out} $$ {#eq-act-sum}
#
# 네 이름은 [@fig-act-hooks]의 네 점이다. `resid_post`는 그때까지 쓰인 모든 것의 합이고, 뒤의 둘은 그 블록이 새로 쓴 것뿐이다. [@eq-act-sum]에 적은 등식은 그림일 뿐 아니라 검사이기도 하다. `kosae_core`는 모델을 처음 읽을 때 이 등식이 실제로 성립하는지 확인하고, 성립하지 않으면 `attn_out`과 `mlp_out`을 내주지 않는다. 지점의 이름은 `q2.resid_post`처럼 쓴다. q0, q1, q2, q3은 블록 수를 $n$이라 할 때 0, $n/4$, $n/2$, $3n/4$번(내림) 블록의 출력이다. 우리 모델은 블록이 {{< var c02.n_blocks >}}개, 폭이 {{< var c02.d_model >}}이므로 q2는 {{< var c02.middle_block >}}번, q3은 {{< var c02.late_block >}}번 블록이다(0번부터 센다).
#
# ::: {.when key="c02.unreached"}
# 사전 설정이 가리킨 모델 {{< var c02.unreached >}}에는 이번 실행에서 닿지 못했다. 그래서 이 장의 수는 모두 책 안의 모델에서 잰 것이고, 나란히 놓을 모델은 없다.
# :::

# %% [markdown] src="ea3b" tags=["en"]
# ## Where to read {#sec-act-hooks}
#
# A block of a transformer [@vaswani2017] reads from the residual stream and adds to it twice: attention first, then the MLP. In the names of the places, the equation of [@sec-sup-linear] becomes
#
# $$ \mathtt{resid\_post} = \mathtt{resid\_pre} + \mathtt{attn\_out} + \mathtt{mlp\_out} $$ {#eq-act-sum}
#
# The four names are the four dots of [@fig-act-hooks]. `resid_post` is the sum of everything written so far; the last two are only what this block adds. [@eq-act-sum] is a check as well as a picture: on first reading a model, `kosae_core` verifies that the identity holds, and where it does not, it refuses to hand out `attn_out` and `mlp_out`. A place is written like `q2.resid_post`. With $n$ blocks, q0, q1, q2, q3 are the outputs of blocks 0, $n/4$, $n/2$, $3n/4$, rounded down. Our model has {{< var c02.n_blocks >}} blocks of width {{< var c02.d_model >}}, so q2 is block {{< var c02.middle_block >}} and q3 is block {{< var c02.late_block >}}, counting from 0.
#
# ::: {.when key="c02.unreached"}
# The model that the preset names, {{< var c02.unreached >}}, could not be reached in this run. All numbers of this chapter are therefore those of the built-in model, with no other to set beside it.
# :::

# %%
KINDS = {"resid_post": "#333333", "mlp_out": "#ee7733", "attn_out": "#228833"}
quantiles = {lm.resolve(f"q{i}.resid_post").block: f"q{i}" for i in range(4)}

# %%
#| label: fig-act-hooks
#| fig-cap-ko: "읽는 지점. 위: 블록 하나의 안쪽과 네 지점. 아래: 이 모델의 블록 {{< var c02.n_blocks >}}개와 q0에서 q3까지의 위치."
#| fig-cap-en: "Where to read. Top: the inside of one block and its four places. Bottom: the {{< var c02.n_blocks >}} blocks of this model and where q0 to q3 lie."
#| fig-alt-ko: "위쪽에는 왼쪽에서 오른쪽으로 흐르는 잔차 스트림이 있고, 어텐션과 MLP가 가지로 갈라졌다가 덧셈 기호에서 다시 합쳐진다. 아래쪽에는 블록을 나타내는 네모가 한 줄로 놓이고 그 가운데 넷의 출력에 q0부터 q3까지의 점이 찍혀 있다."
#| fig-alt-en: "At the top the residual stream flows from left to right; attention and the MLP branch off and join it again at plus signs. At the bottom boxes for the blocks stand in a row, with dots q0 to q3 at the outputs of four of them."
fig, (top, strip) = plt.subplots(2, 1, figsize=(kc.plots.WIDTH, 3.1), height_ratios=[2.3, 1])
arrow = {"arrowstyle": "-|>", "color": "#555555", "shrinkA": 0, "shrinkB": 0}
box = {"boxstyle": "round,pad=0.35", "fc": "#f1f1f1", "ec": "#555555"}
top.annotate("", (10, 0), (0, 0), arrowprops=arrow | {"lw": 2.2})
for start, name, kind in [(1.6, "norm → attention", "attn_out"), (5.6, "norm → MLP", "mlp_out")]:
    top.plot([start, start, start + 0.5], [0, 1, 1], color="#555555", lw=1)
    top.annotate("", (start + 2.6, 0.12), (start + 2.6, 1), arrowprops=arrow)
    top.plot([start + 0.5, start + 2.6], [1, 1], color="#555555", lw=1)
    top.text(start + 1.1, 1, name, ha="center", va="center", bbox=box)
    top.text(start + 2.6, 0, "+", ha="center", va="center", bbox=box | {"boxstyle": "circle,pad=0.12", "fc": "white"})
    top.plot(start + 2.6, 0.62, "o", ms=7, color=KINDS[kind], zorder=5)
    top.text(start + 2.8, 0.62, kind, va="center", color=KINDS[kind])
for x, kind in [(0.7, "resid_pre"), (9.2, "resid_post")]:
    top.plot(x, 0, "o", ms=7, color="#4477aa" if kind == "resid_pre" else KINDS[kind], zorder=5)
    top.text(x, -0.32, kind, ha="center", va="center")
top.set(xlim=(0, 10.1), ylim=(-0.55, 1.35))
strip.annotate("", (lm.n_blocks + 0.1, 0), (-0.7, 0), arrowprops=arrow | {"lw": 2.2})
for block in range(lm.n_blocks):
    strip.text(block, 0, f"b{block}", ha="center", va="center", fontsize=8, bbox=box)
    if block in quantiles:
        strip.plot(block + 0.5, 0, "o", ms=7, color=KINDS["resid_post"], zorder=5)
        strip.text(block + 0.5, -0.75, quantiles[block], ha="center", va="center")
strip.set(xlim=(-0.8, lm.n_blocks + 0.2), ylim=(-1.1, 0.8))
for ax in (top, strip):
    ax.axis("off")
kc.plots.save(fig, "fig-act-hooks")

# %% [markdown] tags=["ko"]
# ## 읽히는 글 {#sec-act-corpus}
#
# 이 책의 말뭉치는 한국어와 영어가 짝을 이루는 문법에서 만든 문장이며, 저장소에 함께 실려 있다. 문장마다 큰 범주와 작은 범주, 말 단계, 시제, 부정 여부 따위의 라벨이 붙는다. 다른 말뭉치로 이 장을 실행하면 라벨은 그 말뭉치에 있는 것만 남고, 다시 싣도록 허락받지 않은 본문은 [@tbl-act-examples]에 나타나지 않는다. 훈련 문장과 시험 문장은 같은 문장틀(뉴스라면 같은 기사)에서 나오지 않는다. 뒤에서 신뢰 구간을 구할 때에도 같은 문장틀에서 나온 문장은 서로 독립이 아니라고 보아 문장틀을 통째로 뽑는다.

# %% [markdown] src="c973" tags=["en"]
# ## What is read {#sec-act-corpus}
#
# The corpus of this book is made from a grammar in which every Korean sentence has an English partner, and it ships with the repository. Each sentence carries labels: a big and a small category, speech level, tense, negation and so on. When the chapter runs on another corpus, only the labels of that corpus remain, and text that we may not reprint does not appear in [@tbl-act-examples]. Training and test sentences share no template (for news, no article). Intervals further below respect this as well: sentences from one template are not independent, so whole templates are drawn.

# %%
#| label: tbl-act-examples
#| tbl-cap-ko: "훈련 문장 몇 개와 그 라벨. 본문은 이 책의 말뭉치일 때만 보인다."
#| tbl-cap-en: "A few training records with their labels. Texts are shown for the book's own corpus only."
shown = [name for name in ("big", "small", "level", "tense") if name in texts[langs[0]].label_names]
rows = [
    {"lang": r.lang, **({"text": r.text} if corpus == "synthetic" else {}), **{name: r.labels[name] for name in shown}}
    for i in range(3)
    for r in (texts[lang][i] for lang in langs)
]
kc.plots.table(pd.DataFrame(rows))

# %% [markdown] tags=["ko"]
# **예상.** 모델은 글자가 아니라 바이트에서 출발하는 BPE [@sennrich2016] 토큰을 읽는다. 한글 음절은 UTF-8에서 3바이트이므로 글자당 토큰은 한국어가 많고 바이트당 토큰은 한국어가 적을 것이다. 또 토큰이 음절 중간에서 끊기는 일이 한국어에서만 생길 수 있다. 그 비율이 크다면 토큰을 단위로 특징을 읽는 일 자체가 의심스러워진다.

# %% [markdown] src="14bb" tags=["en"]
# **Expectation.** The model reads tokens of a BPE [@sennrich2016] that starts from bytes, not from characters. A Hangul syllable takes 3 bytes in UTF-8, so Korean should have more tokens per character and fewer per byte. And only in Korean can a token end inside a syllable. Were that common, reading features token by token would itself be doubtful.


# %%
def token_counts(records):
    """Characters, bytes, tokens, and tokens that are only a part of some character, for each text."""
    spans = [lm.token_spans(text) for text in records.texts]
    ends = [[e for _, e in s] for s in spans]
    parts = [
        sum(s < e for (s, _), e in zip(span[1:], end, strict=False)) for span, end in zip(spans, ends, strict=True)
    ]
    sizes = [(len(t), len(t.encode()), len(s)) for t, s in zip(records.texts, spans, strict=True)]
    return pd.DataFrame(sizes, columns=["characters", "bytes", "tokens"]).assign(
        split=parts, doc=[r.doc for r in records]
    )


# %%
counts = {lang: token_counts(texts[lang]) for lang in langs}

# %%
for lang, c in counts.items():
    by_doc = c.groupby("doc").sum(numeric_only=True)
    for key, above, below in [("char", "tokens", "characters"), ("byte", "tokens", "bytes")]:
        interval = statistics.bootstrap_ratio(by_doc[above], by_doc[below], seed=seed)
        results.record(f"tokens_per_{key}_{lang}", c[above].sum() / c[below].sum(), f"tokens/{key}", interval=interval)
    results.record(f"split_{lang}", c.split.sum() / c.tokens.sum(), "share", ".1%", tolerance=0.01)
    results.record(f"tokens_{lang}", int(c.tokens.sum()), "tokens")
    results.record(f"tokens_per_text_{lang}", c.tokens.mean(), "tokens/text", ".1f")

# %%
if {"ko", "en"} <= set(counts):
    ko, en = counts["ko"], counts["en"]
    results.claim(
        "ko_more_per_char",
        ko.tokens.sum() / ko.characters.sum() > en.tokens.sum() / en.characters.sum(),
        "tokens per character: ko above en",
    )
    results.claim(
        "ko_fewer_per_byte",
        ko.tokens.sum() / ko.bytes.sum() < en.tokens.sum() / en.bytes.sum(),
        "tokens per byte: ko below en",
    )
    same = pd.DataFrame({"ko": ko.tokens, "en": en.tokens, "doc": ko.doc}).groupby("doc").sum()
    results.record(
        "tokens_en_by_ko",
        same.en.sum() / same.ko.sum(),
        "ratio",
        ".2f",
        interval=statistics.bootstrap_ratio(same.en, same.ko, seed=seed),
    )

# %%
results.claim(
    "few_split",
    max(c.split.sum() / c.tokens.sum() for c in counts.values()) < 0.1,
    "under 10% of tokens begin inside a character",
)

# %%
#| label: tbl-act-tokens
#| tbl-cap-ko: "훈련 문장을 토큰으로 나눈 결과. split: 앞 토큰과 한 글자를 나누어 가진 토큰의 비율."
#| tbl-cap-en: "The training texts in tokens. split: share of tokens that share a character with the token before."
rows = [{"lang": lang, "texts": len(c), "characters": c.characters.sum(), "bytes": c.bytes.sum(), "tokens": c.tokens.sum(),
         "tokens/char": c.tokens.sum() / c.characters.sum(), "tokens/byte": c.tokens.sum() / c.bytes.sum(),
         "split": c.split.sum() / c.tokens.sum()} for lang, c in counts.items()]  # fmt: skip
kc.plots.table(pd.DataFrame(rows), fmt={"tokens/char": ".3f", "tokens/byte": ".3f", "split": ".1%"})

# %% [markdown] tags=["ko"]
# 한국어는 글자당 {{< var c02.tokens_per_char_ko >}}개, 바이트당 {{< var c02.tokens_per_byte_ko >}}개의 토큰을 쓰고, 한 문장은 평균 {{< var c02.tokens_per_text_ko >}}개이다. 음절 안에서 시작하는 토큰은 {{< var c02.split_ko >}}이다. [글자 안에서 시작하는 토큰은 어느 언어에서나 10%에 못 미친다.]{.claim key="c02.few_split"} 그래서 이 책은 토큰을 단위로 특징을 읽는다.
#
# ::: {.when key="c02.tokens_en_by_ko"}
# 영어는 글자당 {{< var c02.tokens_per_char_en >}}개, 바이트당 {{< var c02.tokens_per_byte_en >}}개이다. [글자로 세면 한국어가 더 잘게 나뉘고,]{.claim key="c02.ko_more_per_char"} [바이트로 세면 거꾸로이다.]{.claim key="c02.ko_fewer_per_byte"} '한국어는 토큰을 더 먹는다'는 흔한 말이 맞는지는 이처럼 무엇으로 나누느냐에 달려 있다. 뜻을 분모로 삼는 것이 가장 공평하다. 같은 뜻의 문장 쌍에서 영어 토큰 수는 한국어의 {{< var c02.tokens_en_by_ko >}}배이다. 이 비는 모델의 어휘에 달린 값이어서, 다른 어휘에서는 달라질 수 있다.
# :::

# %% [markdown] src="1301" tags=["en"]
# Korean takes {{< var c02.tokens_per_char_ko >}} tokens per character and {{< var c02.tokens_per_byte_ko >}} per byte, and a sentence has {{< var c02.tokens_per_text_ko >}} on average. {{< var c02.split_ko >}} of its tokens begin inside a syllable. [In every language under 10% of the tokens begin inside a character.]{.claim key="c02.few_split"} This book therefore reads features token by token.
#
# ::: {.when key="c02.tokens_en_by_ko"}
# English takes {{< var c02.tokens_per_char_en >}} per character and {{< var c02.tokens_per_byte_en >}} per byte. [Counted by characters, Korean is cut finer;]{.claim key="c02.ko_more_per_char"} [counted by bytes, it is the other way round.]{.claim key="c02.ko_fewer_per_byte"} The common remark that Korean eats more tokens thus depends on the denominator. The fairest denominator is meaning: over sentence pairs that say the same, English has {{< var c02.tokens_en_by_ko >}} times the tokens of Korean. This ratio belongs to the vocabulary of the model, and another vocabulary may give another one.
# :::

# %% [markdown] tags=["ko"]
# ## 모으기 {#sec-act-gather}
#
# 활성값은 `kc.gather`로 모은다. 지점을 여럿 주어도 순전파는 한 번이고, 마지막 지점을 지나면 멈춘다. 채움 토큰과 시작 토큰은 저장하지 않는다. 같은 인수로 다시 부르면 디스크에서 읽는다. 뒤의 장들도 이렇게 만든 저장소를 쓴다.

# %% [markdown] src="bed6" tags=["en"]
# ## Gathering {#sec-act-gather}
#
# Activations are gathered by `kc.gather`. However many places are named, there is one forward pass, and it stops after the last of them. Padding and the start token are not stored. The same call a second time reads from disk. Later chapters use stores made in just this way.

# %%
stores = kc.gather(lm, texts[langs[0]], points=[middle, late])
acts = stores[middle]
acts

# %%
heldout = {lang: study.acts("test", lang, middle) for lang in langs}
n_read = sum(len(study.acts("train", lang, middle)) + len(heldout[lang]) for lang in langs)
results.record("tokens_gathered", n_read, "tokens")
results.record("store_mib", acts.acts().nbytes / 2**20, "MiB", ".0f")

# %%
#| label: tbl-act-cost
#| tbl-cap-ko: "활성값이 차지하는 용량. 토큰당 바이트, 한국어 훈련 문장 전체(MiB), 천만 토큰(GiB)."
#| tbl-cap-en: "The room that activations take: bytes per token, all Korean training texts (MiB), ten million tokens (GiB)."
per_token = {
    "one place, bf16": 2 * lm.d_model,
    "one place, fp32": 4 * lm.d_model,
    "every block, three kinds, bf16": 2 * lm.d_model * 3 * lm.n_blocks,
    "2,048 features, dense fp32": 4 * 2048,
    "a 7.8B model (width 4,096), one place, bf16": 2 * 4096,
}
cost = pd.DataFrame({"what": per_token.keys(), "bytes/token": per_token.values()})
cost["MiB here"] = cost["bytes/token"] * len(acts) / 2**20
cost["GiB per ten million"] = cost["bytes/token"] * 1e7 / 2**30
kc.plots.table(cost, fmt=".1f")

# %% [markdown] tags=["ko"]
# 한 지점의 활성값은 한국어 훈련 문장 전체에서 {{< var c02.store_mib >}} MiB이다. 모든 블록의 세 지점을 다 모으는 것은 우리 모델에서는 할 만하지만 @{fxnnxc}가 쓴 7.8B 모델에서는 그렇지 않다. 한 층만 골라 읽는 까닭은 둘이고, 그 하나가 이 비용이다. 다른 하나는 [@sec-act-choice]에서 다룬다. 특징을 조밀한 배열로 저장하는 것은 더 비싸므로, 뒤의 장들은 특징을 희소 배열로만 다룬다.

# %% [markdown] src="f64d" tags=["en"]
# One place over all Korean training sentences takes {{< var c02.store_mib >}} MiB. To gather three places of every block is feasible for our model, but not for the 7.8B model that @{fxnnxc} used. Cost is one of the two reasons for reading a single layer; the other is taken up in [@sec-act-choice]. Storing features as a dense array would cost even more, so later chapters handle them only as sparse arrays.

# %% [markdown] tags=["ko"]
# ## 블록마다 재기 {#sec-act-blocks}
#
# 시험 문장에서 언어마다 일부를 뽑아 모든 블록의 세 지점을 모은다. 토큰마다 원소의 합, 크기(절댓값)의 합, 최댓값, 평균, 길이, 첨도를 구하고 토큰에 대해 평균한다(최댓값만은 모든 토큰의 최댓값이다). 첨도는 한 토큰의 원소들이 얼마나 고르지 않은지를 잰다. 정규분포이면 3이고, 원소 하나가 홀로 크면 차원의 수에 가까워진다. 트랜스포머의 좌표축이 특별한지를 따질 때 쓰이는 양이다 [@elhage2023privileged].
#
# **예상.** 잔차 스트림은 쌓이기만 하므로 길이는 뒤로 갈수록 는다. @{brainsurgery}대로라면 합과 최댓값은 상대 깊이 10/12 부근에서 가장 크고 마지막 블록은 아니다. 우리는 블록 번호를 블록 수로 나눈 값을 상대 깊이로 삼고, 한 블록의 차이까지 일치로 본다. 부호가 있는 합은 양과 음이 상쇄되고 남은 값이어서 크기를 말해 주지 않으리라고 보았다. 부호 있는 합이 절댓값의 합과 늘 같은 블록을 가리킨다면 이 의심은 틀린 것이다.

# %% [markdown] src="132b" tags=["en"]
# ## Block by block {#sec-act-blocks}
#
# From the test sentences a part is taken in each language, and three places of every block are gathered. For each token we compute the sum of the elements, the sum of their magnitudes, the maximum, the mean, the length and the kurtosis, and average over tokens (the maximum alone is that of all tokens). Kurtosis measures how uneven the elements of one token are: 3 for a Gaussian, close to the number of dimensions when a single element stands out. It is the quantity used in asking whether the coordinate axes of a transformer are special [@elhage2023privileged].
#
# **Expectation.** The residual stream only accumulates, so length should grow with depth. If @{brainsurgery} holds here, the sum and the maximum peak near relative depth 10/12 and not at the last block. We take block number over number of blocks as relative depth and accept a difference of one block. The signed sum, being what is left when positives and negatives cancel, should say little about size; if it always points to the same block as the sum of magnitudes, that suspicion is wrong.

# %%
points = [f"b{block}.{kind}" for kind in KINDS for block in range(lm.n_blocks)]
sample = {lang: study.records("test", lang)[:n_block] for lang in langs}
everywhere = {lang: kc.gather(lm, sample[lang], points) for lang in langs}

# %%
rows = []

# %%
for lang in langs:
    for point in points:
        s, at = statistics.token_statistics(everywhere[lang][point]), lm.resolve(point)
        rows.append({"lang": lang, "kind": at.kind, "block": at.block, "sum": s.sum_N.mean(), "magnitude": s.abs_sum_N.mean(),
                     "max": s.max_N.max(), "mean": s.mean_N.mean(), "norm": s.norm_N.mean(), "kurtosis": s.kurtosis_N.mean()})  # fmt: skip

# %%
blocks = pd.DataFrame(rows)
resid = {lang: blocks[(blocks.lang == lang) & (blocks.kind == "resid_post")].set_index("block") for lang in langs}

# %%
#| label: fig-act-blocks
#| fig-cap-ko: "블록마다 잰 활성값. 실선은 한국어, 점선은 영어(있을 때)이고, 회색 세로선은 q2이다. 길이와 최댓값의 축은 로그이다."
#| fig-cap-en: "Activations by block. Solid lines: Korean; dashed: English, where there is any; the grey vertical line marks q2. Length and maximum have logarithmic axes."
#| fig-alt-ko: "네 칸의 꺾은선 그림. 블록 번호에 따른 길이, 최댓값, 부호 있는 합, 첨도를 잔차 스트림과 MLP 출력, 어텐션 출력에 대해 그렸다."
#| fig-alt-en: "Four line charts of length, maximum, signed sum and kurtosis by block, for the residual stream, the MLP output and the attention output."
fig, panels = plt.subplots(2, 2, figsize=(kc.plots.WIDTH, 3.9), sharex=True)
labels = {"norm": "length", "max": "maximum", "sum": "signed sum", "kurtosis": "kurtosis"}
for ax, (column, label) in zip(panels.flat, labels.items(), strict=True):
    for (lang, kind), part in blocks.groupby(["lang", "kind"], sort=False):
        style = "-" if lang == langs[0] else "--"
        ax.plot(part.block, part[column], style, marker=".", color=KINDS[kind], label=kind if style == "-" else None)
    ax.axvline(read_at, color="#bbbbbb", lw=0.8, zorder=0)
    ax.set(
        ylabel=label,
        yscale="log" if column in ("norm", "max") else "linear",
        xticks=range(0, lm.n_blocks, 1 + lm.n_blocks // 13),
    )
for ax in panels[1]:
    ax.set_xlabel("block")
fig.legend(*panels[0, 0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
kc.plots.save(fig, "fig-act-blocks")

# %%
#| label: tbl-act-blocks
#| tbl-cap-ko: "한국어 시험 문장에서 잰 잔차 스트림(`resid_post`). magnitude: 절댓값의 합."
#| tbl-cap-en: "The residual stream (`resid_post`) on Korean test sentences. magnitude: sum of absolute values."
shown = resid[langs[0]].drop(columns=["lang", "kind"]).reset_index()
shown.insert(1, "quantile", shown.block.map(quantiles).fillna(""))
kc.plots.table(shown, fmt=".1f")

# %%
for lang in langs:
    for column in ("sum", "magnitude", "max", "norm", "kurtosis"):
        results.record(f"peak_{column}_{lang}", int(resid[lang][column].idxmax()), "block", tolerance=0)
    for name, block in {"first": 0, "middle": read_at, "last": lm.n_blocks - 1}.items():
        s, store = (
            statistics.token_statistics(everywhere[lang][f"b{block}.resid_post"]),
            everywhere[lang][f"b{block}.resid_post"],
        )
        groups = statistics.document_groups(store, [r.doc for r in sample[lang]])
        interval = statistics.bootstrap_ratio(
            *(statistics.by_group(v, groups) for v in (s.norm_N, np.ones(len(s.norm_N)))), seed=seed
        )
        results.record(f"norm_{name}_{lang}", s.norm_N.mean(), "raw units", ".0f", interval=interval)
        results.record(f"kurtosis_{name}_{lang}", s.kurtosis_N.mean(), "fourth moment", ".1f")

# %%
peaks = [resid[lang][column].idxmax() for lang in langs for column in ("magnitude", "max")]
signed = [resid[lang]["sum"].idxmax() for lang in langs]
results.record("peak_depth", peaks[0] / lm.n_blocks, "relative depth", ".2f", tolerance=0.001)

# %%
results.claim(
    "e1_depth",
    all(abs(p / lm.n_blocks - 10 / 12) <= 1 / lm.n_blocks + 1e-9 for p in peaks),
    "magnitude and maximum peak within one block of relative depth 10/12, in every language",
)

# %%
results.claim(
    "e1_before_last", all(p < lm.n_blocks - 1 for p in peaks), "they peak before the last block, in every language"
)

# %%
results.claim(
    "peak_is_last", all(p == lm.n_blocks - 1 for p in peaks), "they peak at the last block, in every language"
)

# %%
results.claim(
    "signed_sum_differs",
    signed != [resid[lang]["magnitude"].idxmax() for lang in langs],
    "in some language the signed sum peaks at another block than the magnitude",
)

# %%
results.claim(
    "norm_grows",
    all(resid[lang]["norm"].is_monotonic_increasing for lang in langs),
    "length grows at every block, in every language",
)

# %%
results.claim(
    "kurtosis_grows",
    all(resid[lang]["kurtosis"].iloc[-1] > resid[lang]["kurtosis"].iloc[0] for lang in langs),
    "kurtosis is higher after the last block than after the first",
)

# %%
first = blocks[blocks.block == 0].pivot(index="lang", columns="kind", values="norm")

# %%
results.claim(
    "first_mlp_writes_most",
    bool((first.mlp_out > 2 * first.attn_out).all()),
    "in block 0 the MLP writes over twice as long a vector as attention",
)

# %% [markdown] tags=["ko"]
# [절댓값의 합과 최댓값은 어느 언어에서나 둘 다 마지막 블록에서 정점에 이른다.]{.claim key="c02.peak_is_last"}[절댓값의 합이나 최댓값이 마지막 블록보다 앞에서 정점에 이르는 언어가 있다.]{.otherwise} 한국어에서 절댓값의 합이 가장 큰 곳은 0번부터 세어 {{< var c02.peak_magnitude_ko >}}번 블록이고, 상대 깊이로 적으면 {{< var c02.peak_depth >}}이다. [두 양의 정점은 어느 언어에서나 상대 깊이 10/12에서 한 블록 안에 있다.]{.claim key="c02.e1_depth"} 다만 이 일치를 곧이곧대로 받아들이기는 어렵다. 블록이 적은 모델에서는 마지막 블록도 10/12에서 한 블록 안에 들기 때문이다. 앞선 보고의 10번은 마지막이 아니었으므로, 그 보고에는 더 강한 주장이 들어 있다. 정점이 마지막 블록보다 앞에 있다는 것이다. [우리 모델에서도 두 양의 정점은 어느 언어에서나 마지막 블록보다 앞에 있다.]{.claim key="c02.e1_before_last"}[우리 모델에서 이 주장은 성립하지 않는다.]{.otherwise} 그러므로 정점의 상대 깊이와 정점이 끝보다 앞선다는 것은 따로 판정해야 한다. 둘이 갈리는 까닭이 깊이에 있는지, 모델의 크기나 학습한 글에 있는지는 블록이 {{< var c02.n_blocks >}}개인 모델 하나로 가릴 수 없다.
#
# [길이는 어느 언어에서나 모든 블록에서 는다.]{.claim key="c02.norm_grows"} 한국어에서는 첫 블록이 {{< var c02.norm_first_ko >}}, 마지막 블록이 {{< var c02.norm_last_ko >}}이다. 더하기만 하는 스트림에서 예상할 수 있는 결과이고, 이것만으로는 층의 좋고 나쁨을 말할 수 없다. [첨도는 첫 블록보다 마지막 블록에서 높다.]{.claim key="c02.kurtosis_grows"} 한국어에서 첫 블록은 {{< var c02.kurtosis_first_ko >}}, q2는 {{< var c02.kurtosis_middle_ko >}}, 마지막은 {{< var c02.kurtosis_last_ko >}}이다. 첨도가 높다는 것은 몇 개의 좌표가 유난히 크다는 뜻이며, 그런 좌표가 제곱 오차를 지배하면 오토인코더는 그것부터 맞춘다. [부호 있는 합은 크기와 다른 블록을 가리키는 언어가 있다.]{.claim key="c02.signed_sum_differs"} 어느 경우든 부호 있는 합은 상쇄되고 남은 값이므로, 이것으로 층을 고르는 것은 피하는 편이 낫다. [0번 블록에서 MLP가 더하는 벡터는 어텐션이 더하는 것보다 두 배 넘게 길다.]{.claim key="c02.first_mlp_writes_most"} 첫 블록의 일이 앞의 토큰을 모아 오는 것보다 토큰 자체를 펼쳐 놓는 것에 가깝다는 짐작과 어울리지만, 길이만으로 확인되는 것은 아니다.

# %% [markdown] src="d96e" tags=["en"]
# [In every language both the sum of magnitudes and the maximum peak at the last block.]{.claim key="c02.peak_is_last"}[In some language the sum of magnitudes or the maximum peaks before the last block.]{.otherwise} In Korean the sum of magnitudes is largest at block {{< var c02.peak_magnitude_ko >}}, counting from 0, a relative depth of {{< var c02.peak_depth >}}. [In every language both peak within one block of relative depth 10/12.]{.claim key="c02.e1_depth"} The agreement should not be taken at face value, though, for in a model with few blocks the last one, too, lies within one block of 10/12. In the earlier report layer 10 was not the last, so that report contains a stronger claim, that the peak comes before the last block. [In our model, too, both peak before the last block in every language.]{.claim key="c02.e1_before_last"}[In our model this claim does not hold.]{.otherwise} The relative depth of the peak and its coming before the end have to be judged separately, then. Whether a difference between the two verdicts is due to depth, to the size of the model or to the text it was trained on cannot be decided with a single model of {{< var c02.n_blocks >}} blocks.
#
# [Length grows at every block in every language;]{.claim key="c02.norm_grows"} in Korean it goes from {{< var c02.norm_first_ko >}} after the first to {{< var c02.norm_last_ko >}} after the last. In a stream that is only added to, this is to be expected, and by itself it says nothing about the merit of a layer. [Kurtosis is higher after the last block than after the first.]{.claim key="c02.kurtosis_grows"} In Korean it is {{< var c02.kurtosis_first_ko >}} after the first block, {{< var c02.kurtosis_middle_ko >}} at q2 and {{< var c02.kurtosis_last_ko >}} after the last. High kurtosis means that a few coordinates are unusually large, and where such coordinates rule the squared error, an autoencoder fits them first. [There is a language in which the signed sum points to another block than size does.]{.claim key="c02.signed_sum_differs"} In any case a signed sum is what is left after cancelling, and is better not used to choose a layer. [In block 0 the MLP writes over twice as long a vector as attention.]{.claim key="c02.first_mlp_writes_most"} This fits the guess that the first block unfolds the token itself more than it gathers from the tokens before, but length alone does not confirm it.

# %% [markdown] tags=["ko"]
# ## 값이 큰 층과 정보가 많은 층 {#sec-act-choice}
#
# 그렇다면 층은 무엇으로 고르는가? 이 책의 관심은 글의 범주가 특징으로 나타나는지이므로, 범주가 선형으로 읽히는 정도를 블록마다 재는 것이 크기보다 옳은 기준이다. 문장마다 `resid_post`를 토큰에 대해 평균하고, 훈련 문장에서 선형 분류기(릿지)를 맞추어 시험 문장의 큰 범주를 맞힌다. 자세한 탐침은 5장의 일이고 여기서는 깊이에 따른 모양만 본다.
#
# **예상.** 정확도는 중간층에서 높고 끝에서 낮다. 마지막 블록은 다음 토큰을 맞히는 데 쓰이므로 글 전체의 범주는 뒤로 밀릴 것이다. 정확도가 마지막 블록까지 계속 오른다면 q2를 고를 까닭은 비용밖에 남지 않고, 첫 블록이 q2만큼 높다면 중간층이 낫다는 말도 성립하지 않는다.

# %% [markdown] src="5f3b" tags=["en"]
# ## Large layers and informative layers {#sec-act-choice}
#
# By what, then, should a layer be chosen? This book asks whether the topic of a text shows in features, so a better criterion than size is how well the topic can be read off linearly at each block. We average `resid_post` over the tokens of a sentence, fit a linear (ridge) classifier on training sentences and predict the big category of test sentences. Chapter 5 does the probing in earnest; here only the shape over depth matters.
#
# **Expectation.** Accuracy is high in the middle and lower at the end: the last block serves the prediction of the next token, so the topic of the whole should recede. If accuracy keeps rising to the last block, cost is the only reason left for q2; if the first block is as high as q2, the middle cannot be called better either.

# %%
by_depth, right = [], {}

# %%
for lang in langs:
    fit_on, test_on = texts[lang][:n_probe], sample[lang]
    fitted = kc.gather(lm, fit_on, [f"b{block}.resid_post" for block in range(lm.n_blocks)])
    groups = np.unique([r.doc for r in test_on], return_inverse=True)[1]
    for block, (point, store) in enumerate(fitted.items()):
        known, asked = depth.pooled(store), depth.pooled(everywhere[lang][point])
        hits = depth.category_hits(known, fit_on.label("big"), asked, test_on.label("big"))
        low, high = statistics.bootstrap_ratio(
            *(statistics.by_group(v, groups) for v in (hits, np.ones(len(hits)))), seed=seed
        )
        by_depth.append({"lang": lang, "block": block, "accuracy": hits.mean(), "low": low, "high": high})
        right[lang, block] = hits

# %%
by_depth = pd.DataFrame(by_depth)

# %%
accuracy = by_depth.pivot(index="block", columns="lang", values="accuracy")
ours = accuracy[langs[0]]
chance = pd.Series(sample[langs[0]].label("big")).value_counts(normalize=True).max()
results.record("chance", chance, "share", ".1%")
results.record("best_block", int(ours.idxmax()), "block", tolerance=1)

# %%
for name, block in {"first": 0, "middle": read_at, "late": lm.resolve(late).block, "last": lm.n_blocks - 1}.items():
    found = by_depth[(by_depth.lang == langs[0]) & (by_depth.block == block)].iloc[0]
    results.record(f"accuracy_{name}", found.accuracy, "share", ".1%", interval=(found.low, found.high), tolerance=0.03)


# %%
def lead(lang, block, other):
    """By how much one block is more accurate than another on the same sentences, with a paired interval."""
    pair = np.stack([right[lang, block], right[lang, other]], 1)
    samples = probing.cluster_bootstrap(pair, [r.doc for r in sample[lang]], seed=seed)
    return pair[:, 0].mean() - pair[:, 1].mean(), probing.interval(samples[:, 0] - samples[:, 1])


# %%
best = {lang: int(accuracy[lang].idxmax()) for lang in langs}
leads = {"best": {lang: lead(lang, best[lang], read_at) for lang in langs},
         "first": {lang: lead(lang, 0, read_at) for lang in langs}}  # fmt: skip

# %%
for name, found in leads.items():
    gap, (low, high) = found[langs[0]]
    results.record(f"{name}_over_middle", gap, "accuracy", "+.3f", interval=(low, high), tolerance=0.03)
    results.record(f"{name}_over_middle_low", low, "accuracy", "+.3f", tolerance=0.03)
    results.record(f"{name}_over_middle_high", high, "accuracy", "+.3f", tolerance=0.03)

# %%
results.claim(
    "middle_near_best",
    all(low <= 0 for _, (low, _) in leads["best"].values()),
    "the paired interval of best block minus q2 contains 0, in every language",
)

# %%
results.claim(
    "middle_above_first",
    all(high < 0 for _, (_, high) in leads["first"].values()),
    "the paired interval of q0 minus q2 lies below 0, in every language",
)

# %%
results.claim(
    "middle_above_last",
    bool((accuracy.loc[read_at] > accuracy.iloc[-1]).all()),
    "q2 is above the last block, in every language",
)

# %%
results.claim(
    "largest_is_not_best",
    all(accuracy[lang].idxmax() != resid[lang]["norm"].idxmax() for lang in langs),
    "the block of greatest length is not the block of best accuracy, in any language",
)

# %%
#| label: fig-act-depth
#| fig-cap-ko: "블록의 출력에서 선형으로 읽은 큰 범주의 정확도(시험 문장). 띠는 문장틀을 다시 뽑아 구한 95% 구간, 점선은 가장 잦은 범주만 답할 때이다."
#| fig-cap-en: "Accuracy of the big category, read linearly from the output of each block (test sentences). Bands: 95% intervals from drawing templates again; the dotted line: always answering the commonest category."
#| fig-alt-ko: "블록 번호에 따른 정확도의 꺾은선. 언어마다 선 하나와 띠가 있고 q2의 지점에 회색 세로선이 있다."
#| fig-alt-en: "Accuracy by block, one line with a band for each language, and a grey vertical line at q2."
fig, ax = plt.subplots(figsize=(kc.plots.WIDTH * 0.75, 2.5))
for lang, part in by_depth.groupby("lang", sort=False):
    ax.plot(part.block, part.accuracy, marker="o", color=kc.plots.LANGUAGE_COLORS[lang], label=lang)
    ax.fill_between(part.block, part.low, part.high, color=kc.plots.LANGUAGE_COLORS[lang], alpha=0.15, lw=0)
ax.axhline(chance, color="#777777", ls=":")
ax.axvline(read_at, color="#bbbbbb", lw=0.8, zorder=0)
ax.set(xlabel="block", ylabel="accuracy", ylim=(0, 1), xticks=range(0, lm.n_blocks, 1 + lm.n_blocks // 13))
ax.legend(loc="upper right", ncols=2)
kc.plots.save(fig, "fig-act-depth")

# %% [markdown] tags=["ko"]
# 한국어에서 정확도는 q0 {{< var c02.accuracy_first >}}, q2 {{< var c02.accuracy_middle >}}, q3 {{< var c02.accuracy_late >}}, 마지막 {{< var c02.accuracy_last >}}이고(가장 잦은 범주만 답하면 {{< var c02.chance >}}), 가장 높은 곳은 {{< var c02.best_block >}}번 블록이다. 기대는 둘로 나누어 읽어야 한다. 끝에서 낮으리라는 쪽부터 본다. [q2는 어느 언어에서나 마지막 블록보다 높다.]{.claim key="c02.middle_above_last"} 중간층에서 높으리라는 쪽이 옳으려면 q2가 q0보다도 높아야 한다. 같은 문장끼리 짝을 지어 잰 한국어의 차이(q0에서 q2를 뺀 것)는 {{< var c02.first_over_middle >}} [{{< var c02.first_over_middle_low >}}, {{< var c02.first_over_middle_high >}}]이다. [q2는 어느 언어에서나 q0보다 구간 전체가 갈릴 만큼 높아서, 기대의 이 절반도 들어맞는다.]{.claim key="c02.middle_above_first"}[q2가 q0보다 뚜렷이 높다고 할 수 없는 언어가 있어, 기대의 이 절반은 확인되지 않는다. 그런 언어에서 범주는 첫 블록에서 이미 읽히며, 이는 문장에 나온 낱말만으로도 꽤 짐작되기 때문일 수 있다.]{.otherwise}
#
# 가장 좋은 블록과 q2의 차이도 같은 방법으로 재면 한국어에서 {{< var c02.best_over_middle >}} [{{< var c02.best_over_middle_low >}}, {{< var c02.best_over_middle_high >}}]이다. [이 차이의 구간은 어느 언어에서나 0을 품는다.]{.claim key="c02.middle_near_best"}[구간 전체가 0 위에 있을 만큼 가장 좋은 블록이 q2를 앞서는 언어가 있다.]{.otherwise} 다만 가장 좋은 블록을 바로 이 문장들에서 골랐으므로, 차이는 실제보다 크게 나오기 쉽다. [벡터가 가장 긴 블록은 어느 언어에서도 범주를 가장 잘 담은 블록이 아니다.]{.claim key="c02.largest_is_not_best"} 크기는 범주를 묻지 않고 잰 것이므로 어차피 층을 고르는 근거가 되지 못한다. 그러니 [@fig-act-depth]에서 q2가 정답이라는 결론은 나오지 않는다. 이 책이 q2를 주로 읽는 까닭은 중간층과 뒤쪽 층을 견준 @{fxnnxc}의 물음을 같은 지점에서 다시 묻기 위해서이고, 순전파를 그 블록에서 멈출 수 있어 뒤쪽 층보다 싸기 때문이다.

# %% [markdown] src="61cf" tags=["en"]
# In Korean, accuracy is {{< var c02.accuracy_first >}} at q0, {{< var c02.accuracy_middle >}} at q2, {{< var c02.accuracy_late >}} at q3 and {{< var c02.accuracy_last >}} after the last block (always answering the commonest category: {{< var c02.chance >}}); the best is block {{< var c02.best_block >}}. The expectation has two parts. The first is that accuracy is lower at the end. [In every language q2 is above the last block.]{.claim key="c02.middle_above_last"} The second, that accuracy is high in the middle, requires q2 to be above q0 as well. Paired by sentence, the difference in Korean (q0 minus q2) is {{< var c02.first_over_middle >}} [{{< var c02.first_over_middle_low >}}, {{< var c02.first_over_middle_high >}}]. [In every language q2 is above q0 by a whole interval, so this half of the expectation holds as well.]{.claim key="c02.middle_above_first"}[In some language q2 is not clearly above q0, and this half of the expectation is not confirmed. There the category can be read after the very first block already, perhaps because the words of a sentence alone go far towards it.]{.otherwise}
#
# Measured the same way, the best block is ahead of q2 in Korean by {{< var c02.best_over_middle >}} [{{< var c02.best_over_middle_low >}}, {{< var c02.best_over_middle_high >}}]. [In every language the interval of this difference contains 0.]{.claim key="c02.middle_near_best"}[In some language the best block is ahead of q2 with its whole interval above 0.]{.otherwise} Since the best block was picked on these very sentences, though, the difference tends to come out too large. [In no language is the block with the longest vectors the one that tells the category best.]{.claim key="c02.largest_is_not_best"} Size is measured without asking about categories and so would be no reason for choosing a layer in any case. [@fig-act-depth] does not say, then, that q2 is the right answer. This book mainly reads q2 in order to ask the question of @{fxnnxc}, who compared a middle layer with a late one, again at the same places, and because the forward pass can stop there, which makes it cheaper than a late layer.

# %% [markdown] tags=["ko"]
# ## 내장 모델과 다른 모델 {#sec-act-models}
#
# 블록의 수와 폭이 다른 모델을 견주려면 블록 번호 대신 상대 깊이를, 활성값의 길이 대신 첫 블록에 대한 비를 보아야 한다. [@fig-act-models]와 [@tbl-act-models]는 앞의 두 절에서 잰 것을 내장 모델에서 다시 재고, 사전 설정(preset)에 다른 모델이 적혀 있으면 그 모델에서도 잰다. 두 모델이 읽는 문장은 같고, 언어는 하나(첫째)이다.

# %% [markdown] src="9181" tags=["en"]
# ## The built-in model and another {#sec-act-models}
#
# To compare models with other numbers of blocks and other widths, one has to look at relative depth in place of block numbers, and at ratios to the first block in place of lengths. [@fig-act-models] and [@tbl-act-models] measure what the last two sections measured, in the built-in model and, where the preset names another, in that one as well. Both read the same sentences, in one language (the first).

# %%
models = {name: lm if name == read else kc.load_lm(name) for name in dict.fromkeys(["kosae-lm", read])}
kinds = dict(zip(models, ("built-in", "asked about"), strict=False))
profiles = {name: depth.profile(each, texts[langs[0]][:n_probe], sample[langs[0]], "big") for name, each in models.items()}

# %%
#| label: tbl-act-models
#| tbl-cap-ko: "q0에서 q3까지, 모델마다. norm/first: 첫 블록에 대한 길이의 비. accuracy: 큰 범주를 선형으로 읽은 정확도."
#| tbl-cap-en: "q0 to q3, for each model. norm/first: length over that of the first block. accuracy: of the big category, read linearly."
rows = [{"model": kinds[name], "blocks": models[name].n_blocks, "width": models[name].d_model, "place": f"q{i}",
         "norm/first": part["norm"][at] / part["norm"][0], "maximum": part["max"][at], "sum": part["sum"][at],
         "kurtosis": part["kurtosis"][at], "accuracy": part.accuracy[at]}
        for name, part in profiles.items() for i in range(4) for at in [models[name].resolve(f"q{i}.resid_post").block]]  # fmt: skip
kc.plots.table(pd.DataFrame(rows), fmt={"norm/first": ".2f", "maximum": ".1f", "sum": ".1f", "kurtosis": ".1f", "accuracy": ".1%"})

# %%
#| label: fig-act-models
#| fig-cap-ko: "상대 깊이에 따른 길이(첫 블록에 대한 비), 첨도, 큰 범주의 정확도. 회색 점선은 앞선 보고의 10/12이다."
#| fig-cap-en: "Length (over that of the first block), kurtosis and accuracy of the big category by relative depth. The grey dotted line is the 10/12 of the earlier report."
#| fig-alt-ko: "세 칸의 꺾은선 그림. 가로축은 0에서 1까지의 상대 깊이이고 모델마다 선이 하나씩 있다."
#| fig-alt-en: "Three line charts over relative depth from 0 to 1, with one line for each model."
fig, panels = plt.subplots(1, 3, figsize=(kc.plots.WIDTH, 2.4))
for name, part in profiles.items():
    for ax, y in zip(panels, (part["norm"] / part["norm"][0], part["kurtosis"], part.accuracy), strict=True):
        ax.plot(part.depth, y, marker=".", label=kinds[name])
for ax, label in zip(panels, ("length / first block", "kurtosis", "accuracy"), strict=True):
    ax.axvline(10 / 12, color="#777777", ls=":", lw=0.8, zorder=0)
    ax.set(xlabel="relative depth", ylabel=label, xlim=(0, 1))
panels[2].set_ylim(0, 1)
fig.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=2)
kc.plots.save(fig, "fig-act-models")

# %%
peak = {name: float(part.depth[part.magnitude.idxmax()]) for name, part in profiles.items()}
best_at = {name: float(part.depth[part.accuracy.idxmax()]) for name, part in profiles.items()}
results.record("inside_peak_depth", peak["kosae-lm"], "relative depth", ".2f", tolerance=0.001)
results.record("inside_best_depth", best_at["kosae-lm"], "relative depth", ".2f", tolerance=0.17)

# %%
if read != "kosae-lm":
    apart = max(1 / each.n_blocks for each in models.values()) + 1e-9
    results.record("asked", read, "model")
    results.record("asked_peak_depth", peak[read], "relative depth", ".2f")
    results.record("asked_best_depth", best_at[read], "relative depth", ".2f")
    results.claim("models_peak_alike", abs(peak[read] - peak["kosae-lm"]) <= apart, "magnitude peaks within one block of the same relative depth")
    results.claim("models_best_alike", abs(best_at[read] - best_at["kosae-lm"]) <= apart, "accuracy is best within one block of the same relative depth")

# %% [markdown] tags=["ko"]
# 내장 모델에서 절댓값의 합은 상대 깊이 {{< var c02.inside_peak_depth >}}에서, 큰 범주의 정확도는 {{< var c02.inside_best_depth >}}에서 가장 높다.
#
# ::: {.when key="c02.asked"}
# 사전 설정이 가리킨 모델 {{< var c02.asked >}}에서는 차례로 {{< var c02.asked_peak_depth >}}, {{< var c02.asked_best_depth >}}이다. [두 모델의 크기가 정점에 이르는 상대 깊이는 한 블록의 차이 안에서 같다.]{.claim key="c02.models_peak_alike"}[두 모델의 크기는 다른 상대 깊이에서 정점에 이른다. 그렇다면 정점의 깊이는 모델의 사정이지 깊이의 법칙이 아니다.]{.otherwise} [범주가 가장 잘 읽히는 상대 깊이도 한 블록의 차이 안에서 같다.]{.claim key="c02.models_best_alike"}[범주가 가장 잘 읽히는 상대 깊이는 두 모델에서 다르다.]{.otherwise} 이 장의 다른 절은 모두 {{< var c02.asked >}}에서 잰 것이며, '우리 모델'은 그 모델을 가리킨다.
# :::

# %% [markdown] src="1775" tags=["en"]
# In the built-in model the sum of magnitudes is highest at relative depth {{< var c02.inside_peak_depth >}}, and the accuracy of the big category at {{< var c02.inside_best_depth >}}.
#
# ::: {.when key="c02.asked"}
# In {{< var c02.asked >}}, the model that the preset names, they are highest at {{< var c02.asked_peak_depth >}} and {{< var c02.asked_best_depth >}}. [In both models size peaks at the same relative depth, within one block.]{.claim key="c02.models_peak_alike"}[The two models' sizes peak at different relative depths. If so, the depth of the peak is a circumstance of the model and no law of depth.]{.otherwise} [The relative depth at which the category is read best is the same, too, within one block.]{.claim key="c02.models_best_alike"}[The relative depth at which the category is read best differs between the models.]{.otherwise} All other sections of this chapter were measured in {{< var c02.asked >}}, and "our model" means that one.
# :::

# %% [markdown] tags=["ko"]
# ## 유별난 첫 토큰 {#sec-act-first}
#
# 언어 모델은 글의 맨 앞 토큰에 유별나게 큰 활성값을 싣는 일이 많다. 주의를 줄 데가 마땅치 않은 어텐션이 이 토큰에 몰리며 [@xiao2023sinks], 이 토큰의 몇 좌표는 다른 좌표의 천 배를 넘기도 한다 [@sun2024massive].
#
# **예상.** 시작 토큰(자리 0)의 길이는 다른 토큰의 중앙값보다 여러 배 크고, 첫 실제 토큰(자리 1)은 그보다 훨씬 덜하다. 시작 토큰이 보통 길이라면 저장소에서 뺄 까닭이 없고, 자리 1까지 유별나다면 그것도 빼야 한다.

# %% [markdown] src="1131" tags=["en"]
# ## The unusual first token {#sec-act-first}
#
# Language models tend to put unusually large activations on the very first token of a text. Attention rests there when it has nothing to look at [@xiao2023sinks], and a few coordinates of that token can be over a thousand times as large as the others [@sun2024massive].
#
# **Expectation.** The start token (position 0) is several times as long as the median of other tokens, and the first real token (position 1) far less so. If the start token has ordinary length, there is no reason to leave it out of the store; if position 1 is unusual too, it would have to go as well.

# %%
start = lm.capture(lm.batch(lm.documents(sample[langs[0]].texts[:2])), [middle, late])
start_norm = {point: float(acts_BTD[0, 0].norm()) for point, acts_BTD in start.items()}
norms = {(lang, point): statistics.token_statistics(everywhere[lang][f"b{lm.resolve(point).block}.resid_post"]).norm_N
         for lang in langs for point in (middle, late)}  # fmt: skip

# %%
positions = everywhere[langs[0]][points[0]].positions

# %%
for name, point in (("middle", middle), ("late", late)):
    n = norms[langs[0], point]
    typical = np.median(n[positions > 1])
    results.record(f"start_ratio_{name}", start_norm[point] / typical, "ratio", ".1f")
    results.record(f"p99_ratio_{name}", np.quantile(n[positions > 1], 0.99) / typical, "ratio", ".2f")
    for lang in langs:
        n, at = norms[lang, point], everywhere[lang][points[0]].positions
        results.record(f"first_ratio_{name}_{lang}", np.median(n[at == 1]) / np.median(n[at > 1]), "ratio", ".2f")

# %%
ratios = [np.median(norms[key][everywhere[key[0]][points[0]].positions == 1]) / np.median(norms[key]) for key in norms]

# %%
results.claim(
    "start_is_outlier",
    all(start_norm[p] > 2 * np.quantile(norms[lang, p], 0.99) for lang, p in norms),
    "the start token is over twice as long as the 99th percentile of the others",
)

# %%
results.claim(
    "first_is_ordinary",
    max(ratios) < 1.5,
    "the median of position 1 is under 1.5 times the median of all, in every language",
)

# %%
#| label: fig-act-positions
#| fig-cap-ko: "토큰의 자리와 활성값의 길이. 선은 중앙값, 띠는 5%에서 95%, 자리 0의 마름모는 저장하지 않는 시작 토큰이다."
#| fig-cap-en: "Length of activations by token position. Lines: medians; bands: 5% to 95%; the diamond at position 0 is the start token, which is not stored."
#| fig-alt-ko: "두 칸의 그림. 자리 0에 홀로 떨어진 마름모가 있고 자리 1부터는 언어마다 선과 띠가 이어진다."
#| fig-alt-en: "Two panels. A diamond stands apart at position 0, and from position 1 on there is a line with a band for each language."
fig, panels = plt.subplots(1, 2, figsize=(kc.plots.WIDTH, 2.5), sharey=True)
for ax, point in zip(panels, (middle, late), strict=True):
    for lang in langs:
        where = everywhere[lang][points[0]].positions
        by = (
            pd.Series(norms[lang, point][where <= 20]).groupby(where[where <= 20]).quantile([0.05, 0.5, 0.95]).unstack()
        )
        ax.plot(by.index, by[0.5], marker=".", color=kc.plots.LANGUAGE_COLORS[lang], label=lang)
        ax.fill_between(by.index, by[0.05], by[0.95], color=kc.plots.LANGUAGE_COLORS[lang], alpha=0.15, lw=0)
    ax.plot(0, start_norm[point], "D", color="#333333")
    ax.set(xlabel="position", title=point, ylim=(0, 1.1 * max(start_norm.values())), xticks=range(0, 21, 5))
panels[0].set_ylabel("length")
panels[0].legend()
kc.plots.save(fig, "fig-act-positions")

# %% [markdown] tags=["ko"]
# q2에서 시작 토큰은 다른 토큰 중앙값의 {{< var c02.start_ratio_middle >}}배, q3에서 {{< var c02.start_ratio_late >}}배이다. 다른 토큰의 99번째 백분위수는 q2에서 {{< var c02.p99_ratio_middle >}}배에 그친다. [시작 토큰은 다른 토큰의 99번째 백분위수보다 두 배 넘게 길다.]{.claim key="c02.start_is_outlier"} 게다가 언제나 같은 벡터여서 배울 것도 없다. 빼지 않으면 평균과 척도, 설명 분산이 모두 이 한 점에 끌려간다. 자리 1의 중앙값은 한국어에서 다른 자리의 {{< var c02.first_ratio_middle_ko >}}배(q2)와 {{< var c02.first_ratio_late_ko >}}배(q3)이다. [첫 실제 토큰의 중앙값은 어느 언어에서나 전체 중앙값의 1.5배에 못 미친다. 그래서 이 책은 자리 1을 남긴다.]{.claim key="c02.first_is_ordinary"}[첫 실제 토큰의 중앙값이 전체 중앙값의 1.5배에 이르는 언어가 있다. 그런 언어에서는 자리 1도 보통 토큰이 아니며, 앞에 적은 대로라면 함께 빼야 한다. 이 책은 그래도 남긴다.]{.otherwise} 시작 토큰과 달리 글마다 다른 벡터여서 배울 것이 있고, [@fig-act-positions]에서 보듯 길이가 시작 토큰에는 한참 못 미치기 때문이다. 대신 글의 첫머리에서 켜지는 특징은 자리의 몫을 의심하며 읽어야 한다. 활성값이 자리에 얼마나 달려 있는지는 [@sec-match-positions]에서 잰다.
#
# ::: {.when key="c02.tokens_en_by_ko"}
# 영어의 자리 1은 q2에서 {{< var c02.first_ratio_middle_en >}}배, q3에서 {{< var c02.first_ratio_late_en >}}배이다. 두 언어에서 첫머리에 오는 낱말의 종류가 다르므로, 두 값의 차이를 자리만의 효과로 읽을 수는 없다.
# :::

# %% [markdown] src="89e7" tags=["en"]
# At q2 the start token is {{< var c02.start_ratio_middle >}} times as long as the median of the others, at q3 {{< var c02.start_ratio_late >}} times; the 99th percentile of the others reaches only {{< var c02.p99_ratio_middle >}} times at q2. [The start token is over twice as long as the 99th percentile of the others.]{.claim key="c02.start_is_outlier"} Being always the same vector, it has nothing to teach either. Left in, it would drag the mean, the scale and the explained variance towards a single point. In Korean, position 1 has {{< var c02.first_ratio_middle_ko >}} times the median of later positions at q2 and {{< var c02.first_ratio_late_ko >}} times at q3. [In every language the median of the first real token is under 1.5 times the median of all. So this book keeps position 1:]{.claim key="c02.first_is_ordinary"}[In some language the median of the first real token reaches 1.5 times the median of all. There position 1 is no ordinary token either and, by what was said above, would have to go as well. This book keeps it all the same:]{.otherwise} unlike the start token it is another vector in each text and so has something to teach, and as [@fig-act-positions] shows, its length stays far below that of the start token. In return, features that fire at the beginning of a text have to be read with position in mind. How far activations depend on position is measured in [@sec-match-positions].
#
# ::: {.when key="c02.tokens_en_by_ko"}
# In English, position 1 has {{< var c02.first_ratio_middle_en >}} times the median at q2 and {{< var c02.first_ratio_late_en >}} times at q3. The two languages begin their sentences with different kinds of words, so the difference between these values cannot be put down to position alone.
# :::

# %% [markdown] tags=["ko"]
# ## 읽은 글과 쓴 글 {#sec-act-generated}
#
# @{brainsurgery}는 주어진 글이 아니라 모델이 스스로 쓴 글에서, 쓰는 동안 활성값을 모았다. 두 방법은 무엇이 다른가? 인과적 디코더에서 한 토큰의 활성값은 그 토큰과 앞의 토큰들로만 정해진다. 그러므로 쓰면서 모은 것과 다 쓴 글을 다시 읽어 모은 것은 반올림을 빼면 같아야 한다. 남는 차이는 글 자체의 차이이다.
#
# **예상.** 다시 읽은 활성값과의 상대 오차는 bf16의 정밀도(약 0.4%) 수준이다. 모델이 쓴 글은 모델이 보기에 더 그럴듯한 글이지만 활성값의 길이는 거의 같다. 우리 문법의 시험 문장에서 앞 세 어절을 주고 이어 쓰게 한 뒤, 원래 문장의 나머지와 견준다.

# %% [markdown] src="e6af" tags=["en"]
# ## Text read and text written {#sec-act-generated}
#
# @{brainsurgery} gathered activations not from given text but from text that the model wrote itself, while it was writing. What is the difference? In a causal decoder the activation of a token is determined by that token and those before it. Activations captured while writing and those from reading the finished text again must therefore agree up to rounding. What remains is a difference of texts.
#
# **Expectation.** The relative error against reading again is of the order of the precision of bf16 (about 0.4%). What the model writes is likelier in its own eyes, yet activations have nearly the same length. The model gets the first three words of test sentences of our own grammar, continues them, and is compared with the rest of the original sentences.

# %%
wholes = {lang: kc.load_corpus("synthetic", split="test", lang=lang, limit=n_prompts).texts for lang in langs}
starts = {lang: [" ".join(text.split()[:3]) for text in wholes[lang]] for lang in langs}

# %%
written = {
    lang: kc.gather_generated(lm, starts[lang], [middle], max_new_tokens=new_tokens, seed=seed)[middle]
    for lang in langs
}

# %%
rows, errors = [], []

# %%
for lang in langs:
    own, original = written[lang], kc.gather(lm, wholes[lang], [middle])[middle]
    again = lm.capture(lm.batch(own.documents), [middle])[middle][own.doc_index, own.positions]
    errors.append(float((again - own.all()).norm() / again.norm()))
    prompt_length = np.array([len(ids) for ids in lm.documents(starts[lang])])
    for name, store in (("read", original), ("written", own)):
        keep = store.positions >= prompt_length[store.doc_index]
        s, losses = statistics.token_statistics(store), lm.token_losses(store.documents)
        loss = [float(losses[d][p - 1]) for d, p in zip(store.doc_index[keep], store.positions[keep], strict=True)]
        rows.append({"lang": lang, "text": name, "tokens": int(keep.sum()), "loss": np.mean(loss),
                     "length": s.norm_N[keep].mean(), "kurtosis": s.kurtosis_N[keep].mean()})  # fmt: skip

# %%
generated = pd.DataFrame(rows)

# %%
#| label: tbl-act-generated
#| tbl-cap-ko: "같은 앞머리에 이어지는 원래 문장(read)과 모델이 쓴 글(written). loss는 토큰당 내트, 길이와 첨도는 q2에서 잰 것이다."
#| tbl-cap-en: "The original sentences (read) and what the model wrote (written) after the same beginnings. Loss in nats per token; length and kurtosis at q2."
kc.plots.table(generated, fmt={"loss": ".2f", "length": ".0f", "kurtosis": ".1f"})

# %%
wide = generated.set_index(["lang", "text"]).unstack()
ratio = wide["length"]["written"] / wide["length"]["read"]
results.record("reread_error", max(errors), "relative", ".2%", tolerance=0.01)
results.record("written_length_ratio", ratio[langs[0]], "ratio", ".3f")
results.record("loss_read", wide["loss"]["read"][langs[0]], "nats/token", ".2f")

# %%
results.record("loss_written", wide["loss"]["written"][langs[0]], "nats/token", ".2f")
results.claim("reread_same", max(errors) < 0.01, "captured while writing and read again differ by under 1%")

# %%
results.claim(
    "written_likelier",
    bool((wide["loss"]["written"] < wide["loss"]["read"]).all()),
    "the model's own text has the lower loss, in every language",
)

# %%
results.claim(
    "written_same_length", bool((abs(ratio - 1) < 0.05).all()), "mean lengths differ by under 5%, in every language"
)

# %% [markdown] tags=["ko"]
# 쓰는 동안 모은 활성값과 다시 읽어 모은 활성값의 상대 오차는 {{< var c02.reread_error >}}이다. [두 측정의 차이는 1%에 못 미친다.]{.claim key="c02.reread_same"} 한국어에서 원래 문장의 손실은 토큰당 {{< var c02.loss_read >}}내트, 모델이 쓴 글의 손실은 {{< var c02.loss_written >}}내트이다. [어느 언어에서나 모델이 쓴 글의 손실이 더 낮다.]{.claim key="c02.written_likelier"} 한국어에서 모델이 쓴 글의 활성값은 원래 문장의 {{< var c02.written_length_ratio >}}배 길이이다. 길이가 거의 같으리라는 우리의 기대를 수로 옮기면 이렇다. [평균 길이의 차이가 어느 언어에서나 5%에 못 미쳐야 하고, 실제로 그러하다.]{.claim key="c02.written_same_length"}[평균 길이의 차이가 5%에 못 미쳐야 하는데, 그렇지 않은 언어가 있다.]{.otherwise} 다시 읽은 값과 다르지 않으므로, 길이의 차이는 모으는 방법이 아니라 글에서 온다. 다만 짧은 글 몇십 개에서 구간 없이 잰 것이므로 차이의 크기에 무게를 둘 수는 없다. @{brainsurgery}의 절차를 우리 모델에 썼을 때 다른 결과가 나온다면, 마찬가지로 읽은 글이 다르기 때문이라고 보아야 한다. 이 책은 라벨이 필요하므로 주어진 글을 읽는다.

# %% [markdown] src="34df" tags=["en"]
# Activations captured while writing differ from those of reading again by {{< var c02.reread_error >}}. [The two measurements differ by under 1%.]{.claim key="c02.reread_same"} In Korean the loss of the original sentences is {{< var c02.loss_read >}} nats per token, that of the model's own text {{< var c02.loss_written >}}. [In every language the model's own text has the lower loss.]{.claim key="c02.written_likelier"} In Korean the activations of the model's own text are {{< var c02.written_length_ratio >}} times as long as those of the original sentences. Our expectation of nearly equal length, put in numbers, was this: [in every language mean lengths differ by under 5%. It holds.]{.claim key="c02.written_same_length"}[mean lengths differ by under 5%. There is a language in which it does not hold.]{.otherwise} As reading again gives the same values, a difference in length comes from the text and not from how activations are captured. It was measured without intervals, though, on a few dozen short texts, so its size should not be given much weight. Likewise, if the procedure of @{brainsurgery} led to other results in our model, the reason would have to be sought in the text. This book needs labels, and so it reads given text.

# %% [markdown] tags=["ko"]
# ## 무엇이 이 결론을 뒤집는가 {#sec-act-refute}
#
# 이 책은 앞으로 `q2.resid_post`를 주로 읽고 `q3.resid_post`를 견준다. 이 장에서 q2로 모은 토큰은 {{< var c02.tokens_gathered >}}개이다. [q2의 앞이나 뒤에 정확도가 더 높은 블록이 있고, 같은 문장끼리 짝지어 잰 차이의 구간이 통째로 0 위에 있다면, 이 선택은 다시 해야 한다. 이번 실행에서는 그런 블록이 없었다.]{.claim key="c02.middle_near_best"}[정확도만으로 지점을 고른다면 이 선택은 다시 해야 한다. 짝을 지어 잰 구간이 통째로 0 위에 있을 만큼 q2보다 정확한 블록이 있는 언어가 이번 실행에 나왔기 때문이다. 한국어에서 가장 정확한 블록은 {{< var c02.best_block >}}번이고 차이는 {{< var c02.best_over_middle >}} [{{< var c02.best_over_middle_low >}}, {{< var c02.best_over_middle_high >}}]이다. 이 차이에는 가장 좋은 블록을 같은 문장에서 고른 데에서 오는 편향이 들어 있다. q2를 남기는 까닭은 정확도가 아니라 앞선 연구와 견줄 수 있다는 점과 비용이다.]{.otherwise} 그 밖에 다음이 관찰되면 이 장의 결론을 고쳐야 한다. 첫째, 블록이 더 많은 모델에서도 절댓값의 합과 최댓값이 마지막 블록에서 가장 클 때. 그렇다면 @{brainsurgery}의 상대 깊이 0.83은 깊이의 법칙이 아니라 그 모델의 사정이다. 둘째, 시작 토큰을 빼고도 몇 개의 토큰이 분산의 대부분을 차지할 때. 여기의 수는 모델 하나와 시드 하나에서 나왔고, 구간은 문장틀을 다시 뽑은 것이므로 모델을 다시 학습할 때의 흔들림은 담고 있지 않다.

# %% [markdown] src="17b5" tags=["en"]
# ## What would overturn this {#sec-act-refute}
#
# From here on the book mainly reads `q2.resid_post` and compares it with `q3.resid_post`. This chapter gathered {{< var c02.tokens_gathered >}} tokens at q2. [If categories were told better before or after q2, with a whole paired interval above 0, this choice would have to be made again. In this run there was no such block.]{.claim key="c02.middle_near_best"}[If accuracy alone were to choose the place, this choice would have to be made again: in this run some language has a block that is more accurate than q2 with the whole paired interval above 0. In Korean the most accurate block is {{< var c02.best_block >}}, and the difference is {{< var c02.best_over_middle >}} [{{< var c02.best_over_middle_low >}}, {{< var c02.best_over_middle_high >}}]. It contains the bias of having picked the best block on the same sentences. What keeps q2 is not accuracy but comparability with the earlier study, and cost.]{.otherwise} Beyond that, the reading of this chapter would have to be mended if one of the following were seen. First, that in models with more blocks, too, magnitude and maximum peak at the very last block; the 0.83 of @{brainsurgery} would then be no law of depth but a circumstance of that model. Second, that even without the start token a few tokens make up most of the variance. The numbers here come from one model and one seed; the intervals come from drawing templates again and so do not contain the variation of training the model anew.
