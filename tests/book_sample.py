"""A small book in two languages for the tests of the builder: two chapters with everything that a page can hold."""

from __future__ import annotations

import shutil
from pathlib import Path

import nbformat
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

ROOT = Path(__file__).resolve().parent.parent
SVG = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="453.6pt" height="200pt" viewBox="0 0 453.6 200">'
    '<rect x="40" y="10" width="400" height="160" fill="none" stroke="black"/>'
    '<path d="M40 170 L140 90 L240 70 L340 50 L440 45" stroke="#8a3b2a" fill="none" stroke-width="2"/></svg>'
)
TABLE = {
    "ko": "| 변형 | L0 | 설명된 분산 | 죽은 특징 |\n|:--|--:|--:|--:|\n| 게이트 | 31.2 | 0.91 | 0.02 |\n| TopK | 32.0 | 0.93 | 0.01 |\n",
    "en": "| variant | L0 | explained variance | dead |\n|:--|--:|--:|--:|\n| gated | 31.2 | 0.91 | 0.02 |\n| TopK | 32.0 | 0.93 | 0.01 |\n",
}
TEXT = {
    "ko": {
        "one": "# 중첩 {#sec-superposition}\n\n모형은 차원보다 많은 특징을 담는다[@bricken2023]. [@fig-curve]을 보면 곡선이 오르고, "
        "[@tbl-variants]에는 변형이 모여 있다. 자세한 것은 @sec-loss 에서 본다.",
        "loss": "## 목적 함수 {#sec-loss}\n\n손실은 다음과 같다.\n\n"
        "$$ \\mathcal{L} = \\lVert x - \\hat{x} \\rVert_2^2 + \\lambda \\lVert f \\rVert_1 $$ {#eq-loss}\n\n"
        "식 하나를 더 인용하면 [@eq-loss]이 되고, @gao2024 은 TopK를 썼다. 본문 속 $k = 32$와 `kc.train`도 있다.[^1]\n\n[^1]: 각주.\n\n"
        "::: {.callout-note}\n## 반증\n이 결과를 뒤집는 것은 무엇인가. $p < 0.05$만으로는 모자란다.\n:::\n\n### 작은 절\n\n- 하나\n- 둘\n\n> 인용한 글.",
        "two": "# 활성값 {#sec-activations}\n\n앞 장의 [@fig-curve]과 이 장의 [@fig-other]을 견준다(@sec-superposition). "
        "[다음 장으로](01_superposition.ipynb) 돌아간다.",
        "cap": "단계에 따른 손실. [@gao2024]의 그림과 견준다.", "alt": "오르는 곡선 하나", "tcap": "변형마다 잰 값",
    },
    "en": {
        "one": "# Superposition {#sec-superposition}\n\nA model holds more features than dimensions [@bricken2023]. The curve of "
        "[@fig-curve] rises, and [@tbl-variants] collects the variants. More in @sec-loss.",
        "loss": "## The objective {#sec-loss}\n\nThe loss is\n\n"
        "$$ \\mathcal{L} = \\lVert x - \\hat{x} \\rVert_2^2 + \\lambda \\lVert f \\rVert_1 $$ {#eq-loss}\n\n"
        "One more reference, [@eq-loss], and @gao2024 used TopK. Inline $k = 32$ and `kc.train` too.[^1]\n\n[^1]: A footnote.\n\n"
        "::: {.callout-note}\n## Refutation\nWhat would overturn this? $p < 0.05$ alone is not enough.\n:::\n\n### A small section\n\n"
        "- one\n- two\n\n> A quotation.",
        "two": "# Activations {#sec-activations}\n\nCompare [@fig-curve] with [@fig-other] of this chapter (@sec-superposition). "
        "[Back](01_superposition.ipynb) to the last one.",
        "cap": "Loss by step, beside the figure of [@gao2024].", "alt": "one rising curve", "tcap": "What was measured by variant",
    },
}  # fmt: skip


def _figure(label: str, words: dict[str, str]):
    source = (
        f'#| label: {label}\n#| fig-cap: "{words["cap"]}"\n#| fig-alt: "{words["alt"]}"\nkc.plots.save(fig, "{label}")'
    )
    return new_code_cell(source, outputs=[new_output("display_data", {"image/svg+xml": SVG, "text/plain": "<Figure>"})])


def sample_pages(lang: str) -> dict[str, list]:
    """Cells of the two chapters in one language."""
    words = TEXT[lang]
    stream = new_output("stream", name="stdout", text="\x1b[32mstep 400\x1b[0m  loss 0.12\n")
    table = new_output("display_data", {"text/markdown": TABLE[lang], "text/plain": "…"})
    long = "\n".join(f"x_{i} = {i}" for i in range(24))
    return {
        "01_superposition": [
            new_markdown_cell(words["one"]),
            new_code_cell(
                "import kosae_core as kc\n\nsae, history = kc.train(kc.SAEConfig(k=32), acts)  # cached",
                outputs=[stream],
            ),
            _figure("fig-curve", words),
            new_markdown_cell(words["loss"]),
            new_code_cell(
                f'#| label: tbl-variants\n#| tbl-cap: "{words["tcap"]}"\nkc.plots.table(df)', outputs=[table]
            ),
        ],
        "02_activations": [new_markdown_cell(words["two"]), new_code_cell(long), _figure("fig-other", words)],
    }


def write_sample(root: Path) -> Path:
    """Write the sample project into an empty folder; the look is the project's own."""
    shutil.copytree(ROOT / "site", root / "site")
    shutil.copy(ROOT / "_quarto.yml", root)
    shutil.copy(ROOT / "references.bib", root)
    for lang in ("ko", "en"):
        profile = yaml.safe_load((ROOT / f"_quarto-{lang}.yml").read_text("utf-8"))
        pages = sample_pages(lang)
        profile["book"]["chapters"] = ["index.qmd", *(f"pages-{lang}/{stem}.ipynb" for stem in pages)]
        (root / f"_quarto-{lang}.yml").write_text(yaml.safe_dump(profile, allow_unicode=True), "utf-8")
        for stem, cells in pages.items():
            write_page(root, lang, stem, cells)
    (root / "index.qmd").write_text(
        '# KoSAE {.unnumbered}\n\n::: {.content-visible when-profile="ko"}\n첫 장은 [중첩](pages-ko/01_superposition.ipynb)이다.\n:::\n\n'
        '::: {.content-visible when-profile="en"}\nThe first chapter is [superposition](pages-en/01_superposition.ipynb).\n:::\n',
        "utf-8",
    )
    return root


def write_page(root: Path, lang: str, stem: str, cells: list) -> None:
    """Write one woven notebook of the sample."""
    path = root / f"pages-{lang}" / f"{stem}.ipynb"
    path.parent.mkdir(exist_ok=True)
    nbformat.write(new_notebook(cells=cells), path)


SVG_DATA = {"image/svg+xml": SVG}


def figure_cell(options: str, **data):
    """A code cell that starts with these options and shows this data."""
    return new_code_cell(f"{options}\ndraw()", outputs=[new_output("display_data", data)] if data else [])
