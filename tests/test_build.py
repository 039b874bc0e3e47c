"""The built-in builder: numbers, references, captions, nothing rebuilt without need."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from nbformat.v4 import new_code_cell, new_markdown_cell

sys.path.insert(0, str(Path(__file__).parent))
from book_sample import ROOT, SVG_DATA, figure_cell, sample_pages, write_page, write_sample

pytest.importorskip("pypandoc")
pytest.importorskip("typst")
from pipeline import build, pdf, quarto
from pipeline.book import WORDS, load_config
from pipeline.pages import BuildError
from pipeline.search_index import sections

pytestmark = pytest.mark.usefixtures("built_in")


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    root = write_sample(tmp_path_factory.mktemp("book"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSAE_QUARTO", "no")
        patch.setenv("KOSAE_BUILD", str(root / "build"))
        for lang in ("ko", "en"):
            build.build_book(lang, root=root)
    return root / "_site"


def page(site: Path, lang: str, stem: str = "01_superposition") -> str:
    return (site / lang / f"pages-{lang}" / f"{stem}.html").read_text("utf-8")


def test_the_book_leads_to_the_explorer_and_keeps_its_page(site):
    assert '<a href="../explorer.html">' in page(site, "ko")
    for lang in ("ko", "en"):
        assert (site / lang / "explorer.html").is_file() and (site / lang / "explorer" / "web" / "app.js").is_file()


def test_numbered_references_lead_to_their_targets(site):
    ko, en = page(site, "ko"), page(site, "en")
    assert 'href="#fig-curve" class="xref">그림 1.1</a>을' in ko
    assert 'href="#tbl-variants" class="xref">표 1.1</a>에는' in ko
    assert ">1.1절</a>" in ko and ">식 1.1</a>이" in ko and '<span class="eq-number">(1.1)</span>' in ko
    assert ">Figure 1.1</a>" in en and ">Section 1.1</a>" in en and ">Equation 1.1</a>" in en
    second = page(site, "en", "02_activations")
    assert 'href="../pages-en/01_superposition.html#fig-curve" class="xref">Figure 1.1</a>' in second
    assert 'href="#fig-other" class="xref">Figure 2.1</a>' in second and ">Chapter 1</a>" in second
    assert 'href="../pages-en/01_superposition.html">Back</a>' in second


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_a_page_has_everything(site, lang):
    text, words = page(site, lang), WORDS[lang]
    assert (
        f'<html lang="{lang}">' in text
        and "{#eq-" not in text
        and "**" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.S)
    )
    assert re.search(r'<figure id="fig-curve" class="fig">\s*<p><img src="\.\./figures/[\w-]+\.svg" alt="[^"]+', text)
    assert f'<span class="float-number">{words["tbl"]} 1.1</span>' in text and 'class="table-wrap"' in text
    assert f'<details class="code"><summary>{words["code"]}</summary>' in text and "#| label" not in text
    assert 'class="callout callout-note"' in text and "<math" in text and "csl-entry" in text
    assert f'<h2 id="references">{words["references"]}</h2>' in text and "footnote" in text
    assert "step 400" in text and "\x1b" not in text
    other = "en" if lang == "ko" else "ko"
    link = f"../../{other}/pages-{other}/01_superposition.html"
    assert f'href="{link}"' in text and (site / lang / "pages-x" / link).resolve().exists()
    assert not re.search(
        r'(?:src|href)="(?:https?:)?//(?!arxiv|doi|transformer-circuits)', text.replace("https://", "//")
    )


def test_every_local_link_and_picture_exists(site):
    for path in site.rglob("*.html"):
        text = path.read_text("utf-8")
        for target in re.findall(r'(?:src|href)="([^"]+)"', text):
            if target.startswith(("http", "data:")):
                continue
            name, _, anchor = target.partition("#")
            file = (path.parent / name).resolve() if name else path
            assert file.exists(), f"{path}: {target}"
            if anchor and file.suffix == ".html":
                assert f'id="{anchor}"' in file.read_text("utf-8"), f"{path}: {target}"


def test_welcome_page_has_one_language(site):
    ko, en = (site / "ko/index.html").read_text("utf-8"), (site / "en/index.html").read_text("utf-8")
    assert "첫 장은" in ko and "The first chapter" not in ko
    assert "The first chapter" in en and "첫 장은" not in en


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_search_index_is_a_classic_script_with_all_sections(site, lang):
    text = (site / lang / "site/search-index.js").read_text("utf-8")
    entries = json.loads(text.removeprefix("window.KOSAE_INDEX=").removesuffix(";\n"))
    assert {entry["u"].partition("#")[0] for entry in entries} == {
        "index.html",
        *(f"pages-{lang}/{s}.html" for s in sample_pages(lang)),
    }
    assert any("TopK" in entry["x"] for entry in entries)
    assert any(entry["u"].endswith("#sec-loss") for entry in entries)
    for name in ("search.js", "theme.js"):
        script = (site / lang / "site" / name).read_text("utf-8")
        assert not re.search(r"\bfetch\(|\bimport\b|XMLHttpRequest", script)


def test_sections_of_a_page():
    found = sections(
        "<nav><h2>no</h2></nav><main><h1 id='a'>A &amp; b</h1><p>one</p><script>x</script><h2 id='b'>B</h2>two</main>"
    )
    assert [(s["anchor"], s["head"], s["text"]) for s in found] == [("a", "A & b", "one"), ("b", "B", "two")]


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_pdf(site, lang, tmp_path):
    path = site / lang / f"kosae-{lang}.pdf"
    data = path.read_bytes()
    assert data.startswith(b"%PDF") and b"/FontFile" in data
    try:
        text = subprocess.run(
            ["pdftotext", "-layout", str(path), "-"], capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError:
        pytest.skip("pdftotext is not installed: the text of the PDF was not read")
    words = WORDS[lang]
    for wanted in (
        "The KoSAE developers",
        words["contents"],
        f"{words['fig']} 2.1",
        f"{words['tbl']} 1.1",
        words["references"],
    ):
        assert wanted in text, wanted
    assert "(1.1)" in text and "x_5 = 5" not in text and "\x1b" not in text


def test_pdf_without_any_system_font(tmp_path, monkeypatch):
    if not pdf.wheel_fonts():
        pytest.skip("the koreanize-matplotlib wheel is not installed")
    monkeypatch.setenv("KOSAE_BOOK_FONTS", "wheel")
    made = build.build_book("ko", root=write_sample(tmp_path))[1]
    assert b"NanumGothic" in made.read_bytes()


def test_a_machine_without_korean_fonts_gets_a_sentence():
    with pytest.raises(BuildError, match="No Korean font"):
        pdf.choose_fonts({"Libertinus Serif"})
    assert pdf.choose_fonts({"NanumGothic"}) == (["NanumGothic"], ["NanumGothic"])


def test_unchanged_inputs_are_not_built_again(tmp_path, monkeypatch):
    root = write_sample(tmp_path)
    outputs = build.build_book("en", root=root)
    before = {path: path.stat().st_mtime_ns for path in (root / "_site").rglob("*") if path.is_file()}
    monkeypatch.setattr("pipeline.book.subprocess.run", lambda *a, **k: pytest.fail("pandoc ran again"))
    start = time.perf_counter()
    assert build.build_book("en", root=root) == outputs
    assert time.perf_counter() - start < 5
    assert before == {path: path.stat().st_mtime_ns for path in (root / "_site").rglob("*") if path.is_file()}


def test_a_changed_page_and_a_removed_one(tmp_path):
    root = write_sample(tmp_path)
    build.build_book("en", root=root)
    old = (root / "_site/en/pages-en/02_activations.html").stat().st_mtime_ns
    cells = sample_pages("en")["01_superposition"]
    cells[0].source = cells[0].source.replace("more features", "many more features")
    write_page(root, "en", "01_superposition", cells)
    build.build_book("en", root=root)
    assert "many more features" in page(root / "_site", "en")
    assert (root / "_site/en/pages-en/02_activations.html").stat().st_mtime_ns == old
    profile = yaml.safe_load((root / "_quarto-en.yml").read_text())
    profile["book"]["chapters"].pop()
    (root / "_quarto-en.yml").write_text(yaml.safe_dump(profile))
    build.build_book("en", root=root)
    assert not (root / "_site/en/pages-en/02_activations.html").exists()
    assert not list((root / "_site/en/figures").glob("02_*"))


def test_same_inputs_give_the_same_pdf(tmp_path, monkeypatch):
    pdfs = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        monkeypatch.setenv("KOSAE_BUILD", str(tmp_path / name / "build"))
        pdfs.append(build.build_book("en", root=write_sample(tmp_path / name))[1].read_bytes())
    assert pdfs[0] == pdfs[1]


def test_code_cells_in_a_row_are_folded_together(tmp_path):
    root = write_sample(tmp_path)
    cells = sample_pages("en")["02_activations"][:1] + [
        new_code_cell("a = 1"),
        new_code_cell("b = 2"),
        new_markdown_cell("So."),
    ]
    write_page(
        root,
        "en",
        "02_activations",
        [*cells, figure_cell('#| label: fig-other\n#| fig-cap: "c"\n#| fig-alt: "a"', **SVG_DATA)],
    )
    build.build_book("en", root=root)
    assert page(root / "_site", "en", "02_activations").count('<details class="code">') == 2


def test_a_class_of_the_chapter_is_open_on_the_site_and_printed_and_quotes_are_closed(tmp_path):
    if not shutil.which("pdftotext"):
        pytest.skip("pdftotext is not installed: the text of the PDF was not read")
    root = write_sample(tmp_path)
    long = "\n".join(f"x{i} = {i}" for i in range(30))
    cells = sample_pages("en")["02_activations"][:1] + [new_code_cell(long), new_code_cell("class Mine:\n    a = 1")]
    cells.append(new_markdown_cell("‘Quotes’ that’s “closed”: ‘을’ and '를' - \"both\"."))
    figure = figure_cell('#| label: fig-other\n#| fig-cap: "c"\n#| fig-alt: "a"', **SVG_DATA)
    write_page(root, "en", "02_activations", [*cells, new_markdown_cell("So."), figure])
    path = build.build_book("en", root=root)[1]
    assert '<details class="code" open><summary>' in page(root / "_site", "en", "02_activations")
    printed = subprocess.run(["pdftotext", str(path), "-"], capture_output=True, text=True, check=True).stdout
    assert "class Mine" in printed and "x29" not in printed
    assert "‘Quotes’ that’s “closed”: ‘을’ and ‘를’ - “both”." in printed


def test_complaints_in_the_output_of_quarto():
    log = """[1/3] index.qmd
WARN: Unable to resolve crossref @fig-x
[WARNING] Citeproc: citation nobody not found
WARNING (/x.lua:302) Unknown var c05.x specified in a var shortcode.
Output created: _site/ko/index.html"""
    assert len(quarto.complaints(log)) == 3
    assert quarto.complaints("Output created: _site/ko/index.html") == []


def test_quarto_is_used_where_it_is_found(tmp_path, monkeypatch):
    root = write_sample(tmp_path / "book") if (tmp_path / "book").mkdir() is None else None
    fake = tmp_path / "quarto"
    monkeypatch.setenv("KOSAE_QUARTO", "")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    pages = "index.html pages-en/01_superposition.html pages-en/02_activations.html kosae-en.pdf"
    made = f"mkdir -p _site/en/pages-en; for f in {pages}; do echo '<main><h1>x</h1></main>' > _site/en/$f; done; echo \"$@\" > asked"
    fake.write_text(f"#!/bin/sh\n{made}\n")
    fake.chmod(0o755)
    assert build.build_book("en", root=root)[0] == root / "_site/en/index.html"
    assert (root / "asked").read_text().split() == ["render", "--profile", "en"]
    assert (root / "_site/en/site/search-index.js").exists()
    fake.write_text(f"#!/bin/sh\n{made}\necho 'WARN: Unable to resolve crossref @fig-x' >&2\n")
    with pytest.raises(BuildError, match="Unable to resolve crossref @fig-x"):
        build.build_book("en", root=root)


@pytest.mark.parametrize("lang", ["ko", "en"])
def test_the_projects_own_configuration(lang):
    config = load_config(lang)
    assert config.out == ROOT / "_site" / lang and config.pdf == f"kosae-{lang}.pdf"
    profile = yaml.safe_load((ROOT / f"_quarto-{lang}.yml").read_text("utf-8"))
    other = yaml.safe_load((ROOT / f"_quarto-{'en' if lang == 'ko' else 'ko'}.yml").read_text("utf-8"))
    names = [[Path(name).name for name in book["book"]["chapters"]] for book in (profile, other)]
    assert names[0] == names[1] and set(WORDS["ko"]) == set(WORDS["en"])
    assert "chapters" not in yaml.safe_load((ROOT / "_quarto.yml").read_text("utf-8"))["book"]
    assert not [path for path in (ROOT / "ko", ROOT / "en") if path.exists()]


def test_version_and_date_agree_with_the_citation_file():
    path = ROOT / "CITATION.cff"
    if not path.exists():
        pytest.skip("no CITATION.cff")
    citation, config = yaml.safe_load(path.read_text("utf-8")), load_config("en")
    assert str(citation["version"]) == config.version and str(citation["date-released"]) == config.date


def test_bibliography_is_sound():
    text = (ROOT / "references.bib").read_text("utf-8")
    keys = re.findall(r"^@\w+\{([^,]+),", text, re.M)
    assert len(keys) == len(set(keys))
    for arxiv in re.findall(r"^  eprint = \{(.*)\},$", text, re.M):
        assert re.fullmatch(r"\d{4}\.\d{4,5}", arxiv) and f"https://arxiv.org/abs/{arxiv}" in text


def test_quarto_is_given_what_the_explorer_needs(tmp_path):
    project = yaml.safe_load((ROOT / "_quarto.yml").read_text("utf-8"))["project"]
    # Quarto searches every folder for a name without a leading slash: it would carry one site into the other.
    assert all(name.startswith("/") for name in project["resources"])
    given = {p.relative_to(ROOT).as_posix() for name in project["resources"] for p in ROOT.glob(name[1:])}
    environment = {**os.environ, "QUARTO_PROJECT_OUTPUT_DIR": str(tmp_path / "ko")}
    command = [sys.executable, "-S", "-s", str(ROOT / project["post-render"])]  # without the packages of .venv
    subprocess.run(command, check=True, cwd=ROOT, env=environment)
    assert [p.name for p in tmp_path.iterdir()] == ["ko"]
    text = (tmp_path / "ko" / "explorer.html").read_text("utf-8")
    asked = set(re.findall(r'(?:src|href)="((?:explorer|site)/[^"]+)"', text))
    assert len(asked) > 15 and asked <= given
