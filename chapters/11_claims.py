# %% [markdown] tags=["ko"]
# # 주장: 무엇이 성립하고 무엇이 성립하지 않는가 {#sec-claims}
#
# 앞의 장들은 다섯 연구의 주장을 하나씩 다시 물었다. 이 장은 그 답을 한자리에 모은다. 새로 재는 것은 없다. 표의 판정과 측정값은 가장 오래 학습하고 시드가 가장 많은 `full`의 기준 결과이고, 그 옆에 이 책을 만든 실행의 판정을 놓았다.
#
# 판정하는 법은 파일에 적혀 있다(`data/claims.toml`). 주장마다 그것을 시험하는 비교를 하나 이상 정하고, 기대하는 순서나 값과 허용하는 폭을 함께 적는다. 비교가 모두 성립하면 ‘성립’, 하나도 성립하지 않으면 ‘성립하지 않음’, 갈리면 ‘엇갈림’이다. 어긋나는 비교는 없으나 구간이 0을 품는 것처럼 어느 쪽인지 말할 수 없는 비교가 있으면 ‘판정할 수 없음’이다. 앞선 연구의 주장은 그 연구가 말한 대로 옮겼으나, 비교와 허용 폭의 일부, 그리고 이 책의 주장(K)은 첫 결과를 본 뒤에 정했다. 측정값의 대괄호는 문장틀이나 글, 주제를 다시 뽑은 95% 구간이고, 시드가 셋 이상인 사전을 견준 것에서는 시드에 걸친 것(잭나이프 구간, 또는 최솟값과 최댓값)이다. `full`은 3~5장과 8~10장에서 글을 늘려 오래 학습하고 3, 4, 5, 8장에서 시드를 늘린 것이다. ‘이 실행’ 열은 다른 매개변수로 실행하면 달라지며, `full`로 만든 책에서는 그 자리에 `default`의 판정을 싣는다. 그 오른쪽의 열들은 같은 물음을 조건을 바꾸어 물은 판정으로, 저장소에 있는 기준 결과에서 가져온다. ‘시드 n벌’ 열은 `default` 전체를 시드만 바꾸어 다시 실행하여도 판정이 같은지를 적은 것이고, 다르면 판정마다 몇 벌에서 그러했는지를 적었다. `ynat`은 KLUE의 한국어 뉴스 제목 [@park2021klue], `keat`은 한국어와 영어가 나란한 뉴스 기사 KEAT [@kim2021keat]이다. 빈칸은 거기서 묻지 않았거나 아직 재지 않은 것이다. 뉴스로는 3, 9, 10장을 실행하지 않으며, 한국어만 있는 `ynat`에서는 두 언어를 견줄 수 없다.
#
# 판정은 작은 언어 모델과 여기에 쓴 말뭉치에 대한 것이다. 성립하지 않는다고 해서 앞선 연구가 틀렸다는 뜻은 아니고, 성립한다고 해서 큰 모델에서도 그렇다는 보장은 없다. 성립하지 않는 주장에는 무엇이 다른지를 적었다. 모델과 자료가 다른 것, 학습에 쓰지 않은 글에서 잰 것, 앞선 연구의 코드나 서술에 잘못이 있는 것을 갈라 말하려고 했으나, 이유까지 실험으로 확인한 것은 아니다.

# %% [markdown] src="1791" tags=["en"]
# # Claims: what holds and what does not {#sec-claims}
#
# The chapters before this one asked the claims of five studies again, one by one. This chapter brings the answers together. Nothing new is measured: verdicts and numbers are the reference results of `full`, the longest run with most seeds, and beside them stand the verdicts of the run that made this book.
#
# How a verdict is reached is written in a file (`data/claims.toml`). For each claim it names one or more comparisons that bear on it, the ordering or value to expect, and the margin allowed. If all comparisons hold, the claim holds; if none does, it does not hold; otherwise the verdict is mixed. It is undecided where some comparison shows neither the claim nor its opposite, as an interval that includes 0, and none speaks against it. The claims of the earlier studies are taken as these state them, but some of the comparisons and margins, and the claims of this book (K), were settled after first results had been seen. Brackets hold 95% intervals over templates, documents or topics or, where dictionaries of three seeds or more are compared, over seeds (by jackknife, or the lowest and highest). `full` trains longer on more text in chapters 3 to 5 and 8 to 10, with more seeds in chapters 3, 4, 5 and 8. The column of this run changes with its parameters; a book made from `full` has the verdicts of `default` there. The columns at its right are verdicts on the same questions asked in other ways, taken from the reference results in the repository. The column of sets of seeds says whether the verdict stays when the whole of `default` runs again with other seeds, and if not, in how many runs it was which. `ynat` is the Korean news headlines of KLUE [@park2021klue], `keat` is KEAT, news articles in Korean and English [@kim2021keat]. An empty cell is not asked there, or not measured yet: chapters 3, 9 and 10 are not run on news, and `ynat`, which has Korean alone, cannot compare two languages.
#
# The verdicts are about a small language model and the corpora used here. That a claim does not hold does not mean that the earlier study was wrong, and that it holds is no assurance for large models. Where one does not hold we say what differs. We tried to tell apart a different model or different data, measurement on text not used in training, and mistakes in the earlier study's code or account; but these reasons have not themselves been tested by experiment.

# %% tags=["parameters"]
#| echo: false
preset = "default"

# %% [markdown] tags=["ko"]
# ## 한국어 특징 연구 (A) {#sec-claims-a}
#
# @{fxnnxc}의 주장이다. EXAONE 7.8B의 잔차 스트림에서 게이트형이 범주를 잘 담고, 가운데 층이 뒤쪽 층보다 나으며, 범주마다 특징의 무리가 있다고 보고했다.
#
# : 한국어 특징 연구의 주장과 판정. {#tbl-claims-a}
#
# {{< claims A >}}

# %% [markdown] src="a421" tags=["en"]
# ## The study of Korean features (A) {#sec-claims-a}
#
# The claims of @{fxnnxc}, who reported, for the residual stream of EXAONE 7.8B, that gated features hold categories well, that the middle layer is better than the late one, and that every category has a group of features.
#
# : Claims of the study of Korean features, with verdicts. {#tbl-claims-a}
#
# {{< claims A >}}

# %% [markdown] tags=["ko"]
# ## 백과 글 (B) {#sec-claims-b}
#
# SAE를 설명하는 어느 한국어 백과 글에 적힌 것이다. 여러 논문의 결론을 요약한 글이므로 한 모델에서 잰 수와 곧바로 맞지 않을 수 있다. 제목과 주소 없이 내용만 전해 받았으므로 출처를 적지 못한다.
#
# : 백과 글의 주장과 판정. {#tbl-claims-b}
#
# {{< claims B >}}

# %% [markdown] src="f4da" tags=["en"]
# ## The encyclopedia article (B) {#sec-claims-b}
#
# What a Korean encyclopedia article on SAEs says. It sums up the conclusions of several papers, so it need not agree at once with numbers from one model. Its content reached us without title or address, so it cannot be cited.
#
# : Claims of the encyclopedia article, with verdicts. {#tbl-claims-b}
#
# {{< claims B >}}

# %% [markdown] tags=["ko"]
# ## 잔차 SAE의 시각 분석 (C) {#sec-claims-c}
#
# @{cho2025}가 GPT-2 small의 잔차 SAE에서 보고한 것으로, 토큰의 자리와 특징의 짝에 관한 주장이다.
#
# : 잔차 SAE의 시각 분석의 주장과 판정. {#tbl-claims-c}
#
# {{< claims C >}}

# %% [markdown] src="f4f4" tags=["en"]
# ## The visual analysis of residual SAEs (C) {#sec-claims-c}
#
# What @{cho2025} reported for residual SAEs of GPT-2 small: claims about token positions and about matching features.
#
# : Claims of the visual analysis of residual SAEs, with verdicts. {#tbl-claims-c}
#
# {{< claims C >}}

# %% [markdown] tags=["ko"]
# ## TopK 연구 (D) {#sec-claims-d}
#
# @{memesoo99}가 Phi-3-mini와 Mistral-7B의 한 층에서 TopK SAE를 학습하며 얻은 것이다. 죽은 특징의 수는 어느 크기의 사전에서 센 것인지 분명하지 않아 비율로 견준다.
#
# : TopK 연구의 주장과 판정. {#tbl-claims-d}
#
# {{< claims D >}}

# %% [markdown] src="fdc9" tags=["en"]
# ## The TopK study (D) {#sec-claims-d}
#
# What @{memesoo99} found training TopK on one layer of Phi-3-mini and of Mistral-7B. Since it is not clear in which size of dictionary dead features were counted, we compare shares.
#
# : Claims of the TopK study, with verdicts. {#tbl-claims-d}
#
# {{< claims D >}}

# %% [markdown] tags=["ko"]
# ## 학생 연구 (E) {#sec-claims-e}
#
# @{brainsurgery}는 글 백 편에서 얻은 GPT-2의 활성값으로 L1 오토인코더를 학습했다. 표본이 적고 학습에 쓴 것에서 재었으므로, 여기서는 같은 물음을 새 문장에서 묻는다.
#
# : 학생 연구의 주장과 판정. {#tbl-claims-e}
#
# {{< claims E >}}

# %% [markdown] src="2e31" tags=["en"]
# ## The student study (E) {#sec-claims-e}
#
# @{brainsurgery} trained an L1 autoencoder on activations of a hundred texts from GPT-2. The samples are few and the measurements were made on what was trained on, so here the same questions are asked of new sentences.
#
# : Claims of the student study, with verdicts. {#tbl-claims-e}
#
# {{< claims E >}}

# %% [markdown] tags=["ko"]
# ## 이 책의 주장 (K) {#sec-claims-k}
#
# 앞선 연구에는 없고 이 책이 내세우는 것이다. 같은 잣대로 판정하며, 우리가 예상했으나 성립하지 않은 것도 함께 싣는다.
#
# : 이 책의 주장과 판정. {#tbl-claims-k}
#
# {{< claims K >}}
#
# 표를 다시 얻으려면 `make claims`를, 수 자체를 다시 재려면 `make verify`를 실행한다. 어느 판정이 틀렸다고 생각하면 `data/claims.toml`에서 그 주장의 비교와 허용 폭을 고쳐 다시 물을 수 있다.

# %% [markdown] src="603f" tags=["en"]
# ## Claims of this book (K) {#sec-claims-k}
#
# What the earlier studies do not have and this book puts forward. They are judged by the same measure, and those that we expected and that do not hold are shown with the rest.
#
# : Claims of this book, with verdicts. {#tbl-claims-k}
#
# {{< claims K >}}
#
# `make claims` makes the tables again, and `make verify` measures the numbers themselves again. Whoever thinks a verdict wrong can change the comparisons and margins of that claim in `data/claims.toml` and ask again.
