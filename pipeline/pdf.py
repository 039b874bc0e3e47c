"""The book's PDF: pandoc makes typst of all pages together, the typst wheel sets it."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import sys
from pathlib import Path

from pipeline.book import ROOT, Book, remember, resolve, unchanged
from pipeline.pages import BuildError, Page, digest
from pipeline.render import engine_key, imprint, page_state, run_filter

SERIF = ("Noto Serif CJK KR", "Noto Serif KR", "Nanum Myeongjo", "NanumMyeongjo", "AppleMyungjo")
SANS = ("Noto Sans CJK KR", "Noto Sans KR", "Pretendard", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic",
        "Nanum Gothic")  # fmt: skip
_CIRCLED = re.compile(r"\b(dot|plus|times|minus)\.circle\b")
"""Pandoc's names of circled operators, which typst 0.15 knows as `.o` only."""


def wheel_fonts() -> list[str]:
    """Folders with the Korean font of the `koreanize-matplotlib` wheel, which is not imported; empty without it."""
    spec = importlib.util.find_spec("koreanize_matplotlib")
    folders = [Path(place) / "fonts" for place in (spec.submodule_search_locations or [])] if spec else []
    return [str(folder) for folder in folders if folder.is_dir()]


def choose_fonts(families: set[str]) -> tuple[list[str], list[str]]:
    """Fonts of the PDF's text and headings: Latin and Korean serifs together, else one Korean sans for all.

    Raises  BuildError when there is no Korean font.
    """
    serif = next((name for name in SERIF if name in families), None)
    sans = next((name for name in SANS if name in families), None)
    if not (serif or sans):
        raise BuildError("No Korean font for the PDF: install fonts-noto-cjk, or `pip install koreanize-matplotlib`.")
    body = ["Libertinus Serif", serif] if serif else [sans]
    return body, [sans] if sans else body


def _merged(book: Book) -> dict:
    """One syntax tree of all pages; automatic heading ids get the page's name, so that none occurs twice."""
    merged: dict = {"meta": {}, "blocks": []}

    def own(page: Page, node):
        if isinstance(node, list):
            for child in node:
                own(page, child)
        elif isinstance(node, dict):
            if node.get("t") == "Header":
                node["c"][1][0] = _own_id(page, node["c"][1][0])
            if node.get("t") == "Link" and node["c"][2][0].startswith("#"):
                node["c"][2][0] = "#" + _own_id(page, node["c"][2][0][1:])
            if node.get("t") == "Image":
                node["c"][2][0] = f"{page.stem}|{node['c'][2][0]}"
            if node.get("t") == "Link" and resolve(page, node["c"][2][0].partition("#")[0], page.root) in names:
                node["c"][2][0] = resolve(page, node["c"][2][0], page.root)
            own(page, node.get("c"))

    names = {page.name for page in book.pages}
    for page in book.pages:
        tree = json.loads(book.ast(page).read_text("utf-8"))
        own(page, tree["blocks"])
        merged["pandoc-api-version"] = tree["pandoc-api-version"]
        merged["blocks"] += tree["blocks"]
    return merged


def _own_id(page: Page, identifier: str) -> str:
    return identifier if identifier.startswith(("sec-", "fig-", "tbl-", "eq-")) else f"{page.stem}--{identifier}"


def make_pdf(book: Book, preset: str) -> Path:
    """Set the PDF, unless nothing that it is made from has changed; return its path."""
    import typst

    config, out, work = book.config, book.config.out / book.config.pdf, book.work
    folders = wheel_fonts()
    system = os.environ.get("KOSAE_BOOK_FONTS") != "wheel"
    body, head = choose_fonts(set(typst.Fonts(include_system_fonts=system, font_paths=folders).families()))
    merged, states = _merged(book), [page_state(book, page, "typst") for page in book.pages]
    state = {**states[0], "numbers": {}, "images": {}, "pages": {}}
    for page, one in zip(book.pages, states, strict=True):
        state["numbers"].update({_own_id(page, key): value for key, value in one["numbers"].items()})
        state["images"].update({f"{page.stem}|{src}": name for src, name in one["images"].items()})
        state["pages"][page.name] = {"id": _own_id(page, book.headings(page)[0]["id"])}
    quoted = {name: ", ".join(json.dumps(f, ensure_ascii=False) for f in fonts) + "," for name, fonts in {
        "body-fonts": body, "head-fonts": head, "mono-fonts": ["DejaVu Sans Mono", *head]}.items()}  # fmt: skip
    number = '#counter(heading).display("1")'
    variables = {
        **quoted, "title": config.title, "subtitle": config.subtitle, "author": config.author,
        "title-string": json.dumps(f"{config.title}: {config.subtitle}", ensure_ascii=False),
        "author-string": json.dumps(config.author), "imprint": imprint(book, preset),
        "toc-title": config.words["contents"], "chapter-label": f"[{config.words['chapter'].format(number)}]",
        "region": '"KR"' if config.lang == "ko" else "none", "leading": "0.85em" if config.lang == "ko" else "0.72em",
    }  # fmt: skip
    pictures = [path.read_bytes() for path in sorted((work / "figures").glob("*"))]
    key = digest(json.dumps([merged, state, variables]), engine_key(), config.bibliography.read_bytes(), *pictures)
    if unchanged(work / config.pdf, key) and out.exists() and out.read_bytes() == (work / config.pdf).read_bytes():
        return out
    tree = work / "book.ast.json"
    tree.write_text(json.dumps(merged), "utf-8")
    flags = [part for name, value in variables.items() for part in ("-V", f"{name}={value}")]
    template = ["--template", str(ROOT / "site" / "book.typ"), "--columns=100000", "--syntax-highlighting=idiomatic"]
    text = run_filter(book, tree, state, "typst-state", "-t", "typst-citations-smart", *template, *flags)
    source = work / "book.typ"
    source.write_text(_CIRCLED.sub(r"\1.o", text), "utf-8")
    try:
        pdf, warnings = typst.compile_with_warnings(
            str(source), root=str(work), font_paths=folders, ignore_system_fonts=not system, timestamp=0
        )
    except Exception as error:
        raise BuildError(f"typst could not set {source}: {error}") from error
    for warning in warnings:
        print(f"typst: {warning}", file=sys.stderr)
    (work / config.pdf).write_bytes(pdf)
    remember(work / config.pdf, key)
    shutil.copyfile(work / config.pdf, out)
    return out
