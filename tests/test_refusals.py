"""What must not reach a reader fails the build, with its place."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_output

sys.path.insert(0, str(Path(__file__).parent))
from book_sample import SVG_DATA, figure_cell, sample_pages, write_page, write_sample

pytest.importorskip("pypandoc")
pytest.importorskip("typst")
from pipeline import build
from pipeline.book import read_book
from pipeline.pages import BuildError

pytestmark = pytest.mark.usefixtures("built_in")


BROKEN = {
    "unresolved reference": (new_markdown_cell("See @fig-nowhere."), "unresolved reference @fig-nowhere"),
    "unresolved section": (new_markdown_cell("See [@sec-nowhere]."), "unresolved reference @sec-nowhere"),
    "unknown citation": (new_markdown_cell("As [@gao2042] say."), r"citation @gao2042 is not in references.bib \(is it @gao2024\?\)"),
    "shortcode": (new_markdown_cell("It is {{< var c05.x >}}."), "an unresolved shortcode"),
    "claim": (new_markdown_cell('[A is above B]{.claim key="c05.a"}.'), "an unresolved claim"),
    "language div": (new_markdown_cell('::: {.content-visible when-profile="en"}\nx\n:::'), "a language div"),
    "tagged cell": (new_markdown_cell("한국어", metadata={"tags": ["ko"]}), "a cell tagged `ko` is left"),
    "korean prose": (new_markdown_cell("이 문장은 영어 쪽에 남은 한국어 문장이라서 책을 만들 수 없다."), "Korean prose on an English page"),
    "missing picture": (new_markdown_cell("![A plan](plan.svg){#fig-plan}"), "the figure plan.svg is missing"),
    "no figure": (figure_cell('#| label: fig-a\n#| fig-cap: "c"\n#| fig-alt: "a"'), "`fig-a` has no figure"),
    "no table": (figure_cell('#| label: tbl-a\n#| tbl-cap: "c"', **SVG_DATA), "`tbl-a` has no table"),
    "no caption": (figure_cell('#| label: fig-a\n#| fig-alt: "a"', **SVG_DATA), "`fig-a` has no fig-cap"),
    "no alt": (figure_cell('#| label: fig-a\n#| fig-cap: "c"', **SVG_DATA), "`fig-a` has no fig-alt"),
    "option of a language": (figure_cell('#| fig-cap-ko: "c"', **SVG_DATA), "option `fig-cap-ko` is left"),
    "twice": (new_markdown_cell("## Again {#sec-loss}"), "`sec-loss` is defined twice"),
    "bad link": (new_markdown_cell("[there](09_nowhere.ipynb)"), "09_nowhere.ipynb is not a page of the book"),
    "bad anchor": (new_markdown_cell("[there](#nowhere)"), "the link #nowhere leads nowhere"),
    "error": (new_code_cell("1/0", outputs=[new_output("error", ename="ZeroDivisionError", evalue="\x1b[31mdivision", traceback=[])]), "the cell ended in ZeroDivisionError: division"),
    "raw": (nbformat.v4.new_raw_cell("---\ntitle: x\n---"), "a raw cell"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_must_not_reach_a_reader_fails_with_its_place(tmp_path, name):
    root = write_sample(tmp_path)
    cell, message = BROKEN[name]
    write_page(root, "en", "02_activations", [*sample_pages("en")["02_activations"], cell])
    with pytest.raises(BuildError, match=message) as caught:
        read_book("en", root=root)
    assert re.search(r"pages-en/02_activations\.ipynb, cell 4", str(caught.value))


def test_the_place_is_the_line_of_the_chapter(tmp_path):
    root = write_sample(tmp_path)
    write_page(
        root,
        "en",
        "02_activations",
        [new_markdown_cell("# Activations {#sec-activations}\n\nSee @fig-nowhere and @fig-curve.")],
    )
    (root / "chapters").mkdir()
    (root / "chapters/02_activations.py").write_text(
        '# %% [markdown] tags=["en"]\n# # Activations\n#\n# See @fig-nowhere.\n'
    )
    with pytest.raises(
        BuildError, match=r"^chapters/02_activations\.py:4 \(pages-en/02_activations\.ipynb, cell 1\): unresolved"
    ):
        read_book("en", root=root)


def test_all_problems_are_told_at_once_and_nothing_is_written(tmp_path, capsys, monkeypatch):
    root = write_sample(tmp_path)
    write_page(
        root, "ko", "02_activations", [new_markdown_cell("# 활성값 {#sec-activations}\n\n@fig-a 와 [@nobody1999].")]
    )
    with pytest.raises(BuildError) as caught:
        build.build_book("ko", root=root)
    assert len(str(caught.value).splitlines()) == 2 and not (root / "_site").exists()


def test_a_missing_chapter_says_what_to_do(tmp_path):
    root = write_sample(tmp_path)
    (root / "pages-en/02_activations.ipynb").unlink()
    with pytest.raises(BuildError, match="02_activations.ipynb is missing: run `make chapters`"):
        read_book("en", root=root)
    assert len(read_book("en", root=root, partial=True).pages) == 2


def test_code_that_shows_the_marks_is_not_a_problem(tmp_path):
    root = write_sample(tmp_path)
    shown = new_markdown_cell("Write `{{< var c05.x >}}`:\n\n```\n{{< var c05.x >}} @fig-nowhere\n```\n")
    write_page(root, "en", "02_activations", [*sample_pages("en")["02_activations"], shown])
    read_book("en", root=root)
