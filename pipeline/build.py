"""Build the book: `python -m pipeline.build [--lang ko] [--preset default]` -> `_site/<lang>/`.

Uses Quarto where it is present (`pipeline/quarto.py`), else pandoc and typst from their wheels.
"""

from __future__ import annotations

import argparse
import html
import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template

from explorer.site import place
from kosae_core import paths
from pipeline import quarto
from pipeline.book import ROOT, WORDS, Book, read_book, remember, unchanged
from pipeline.chapters import read_chapter
from pipeline.command import told
from pipeline.pages import OTHER, BuildError, Page, digest
from pipeline.pdf import make_pdf, wheel_fonts
from pipeline.render import engine_key, imprint, page_state, picture_name, run_filter
from pipeline.search_index import write_index

ASSETS = ("style.css", "theme.js", "search.js")
EXPLORER = "explorer.html"
SEE = {"07_visualization": "map", "09_interpretation": "list"}
"""Chapters that lead to the explorer, with its view."""


def build_book(lang: str, *, preset: str = "default", root: Path = ROOT, partial: bool = False) -> list[Path]:
    """Build one language's site and PDF; return the site's first page and the PDF.

    Raises  BuildError with one line per problem, each with file and line where there is one.
    """
    build = paths.build_dir() if os.environ.get("KOSAE_BUILD") else root / "build"
    book = read_book(lang, root=root, build=build, partial=partial)
    program = quarto.find_quarto()
    results = quarto.render(program, book, wheel_fonts()) if program else _build(book, preset)
    place(book.config.out.parent, langs=(lang,))  # the explorer's page; its data lie beside the sites of both languages
    return results


def _build(book: Book, preset: str) -> list[Path]:
    book.config.out.mkdir(parents=True, exist_ok=True)
    _copy_pictures(book)
    written = {EXPLORER, *(page.out for page in book.pages)}
    with ThreadPoolExecutor(2) as pool:
        changed = list(pool.map(lambda page: _html_page(book, page, preset), book.pages))
    stale = [p for p in book.config.out.rglob("*.html") if p.relative_to(book.config.out).as_posix() not in written]
    for path in stale:
        path.unlink()
    for name in ASSETS:
        _write(book.config.out / "site" / name, (ROOT / "site" / name).read_bytes())
    if any(changed) or stale or not (book.config.out / "site" / "search-index.js").exists():
        write_index(book.config.out, [page.out for page in book.pages])
    return [book.config.out / "index.html", make_pdf(book, preset)]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def _copy_pictures(book: Book) -> None:
    """Write the pictures of all pages into the work folder (for typst) and into the site; remove old ones."""
    files: dict[str, bytes] = {}
    for page in book.pages:
        files.update(page.pictures)
        for image in book.scans[page.name]["images"]:
            if image["src"] not in page.pictures:
                files[picture_name(page, image["src"])] = (page.source.parent / image["src"]).read_bytes()
    for folder in (book.work, book.config.out):
        for name, data in files.items():
            _write(folder / name, data)
        for path in (folder / "figures").glob("*"):
            if f"figures/{path.name}" not in files:
                path.unlink()


def _html_page(book: Book, page: Page, preset: str) -> bool:
    out, state = book.config.out / page.out, page_state(book, page, "html")
    frame = _frame(book, page, preset)
    key = digest(
        book.ast(page).read_bytes(), json.dumps([state, frame]), engine_key(), book.config.bibliography.read_bytes()
    )
    note = book.work / f"{page.stem}.html"
    if not unchanged(note, key):
        body = run_filter(
            book, book.ast(page), state, f"{page.stem}.html-state", "-t", "html5", "--mathml", "--wrap=none"
        )
        note.write_text(
            Template((ROOT / "site" / "page.html").read_text("utf-8")).substitute(frame, body=body), "utf-8"
        )
        remember(note, key)
    changed = not out.exists() or out.read_bytes() != note.read_bytes()
    _write(out, note.read_bytes())
    return changed


def _frame(book: Book, page: Page, preset: str) -> dict[str, str]:
    """The parts of the page template around the text."""
    config, words, escape = book.config, book.config.words, html.escape
    root = "../" * page.out.count("/")
    other = OTHER[page.lang]
    position = book.pages.index(page)

    def label(target: Page) -> str:
        number = next(iter(book.numbers[target.name].values()), "")
        return f'<span class="n">{number}</span><span>{escape(book.title(target))}</span>'

    rows = []
    for target in book.pages:
        here = ' class="here" aria-current="page"' if target is page else ""
        rows.append(f'<li><a href="{root}{target.out}"{here}>{label(target)}</a></li>')
    rows.append(
        f'<li class="pdf"><a href="{root}{EXPLORER}"><span class="n">◇</span><span>{words["explorer"]}</span></a></li>'
    )
    rows.append(f'<li><a href="{root}{config.pdf}"><span class="n">↓</span><span>PDF</span></a></li>')
    turns = []
    for step, css in ((-1, "previous"), (1, "next")):
        if 0 <= position + step < len(book.pages):
            target = book.pages[position + step]
            title = escape(book.title(target))
            turns.append(
                f'<a class="{css}" rel="{css[:4]}" href="{root}{target.out}"><small>{words[css]}</small>{title}</a>'
            )
    heads = [entry for entry in book.headings(page) if entry["level"] in (2, 3)]
    links = "".join(f'<li class="l{e["level"]}"><a href="#{e["id"]}">{escape(e["title"])}</a></li>' for e in heads)
    title = book.title(page)
    return {
        "lang": page.lang, "root": root, "book": escape(config.title), "chapters": f"<ol>{''.join(rows)}</ol>",
        "pagetitle": escape(f"{title} · {config.title}" if title != config.title else f"{title}: {config.subtitle}"),
        "description": escape(f"{config.subtitle}: {title}", quote=True),
        "other_lang": other, "other_name": WORDS[other]["name"],
        "other_href": f"{root}../{other}/{page.out.replace(f'pages-{page.lang}/', f'pages-{other}/')}",
        "toc": f"<p>{words['toc']}</p><ol>{links}</ol>" if links else "",
        "toc_small": f'<details class="toc-small"><summary>{words["toc"]}</summary><ol>{links}</ol></details>' if links else "",
        "see": _see(page, root, words), "turn": "".join(turns), "imprint": escape(imprint(book, preset)),
        **{f"w_{key}": escape(value, quote=True) for key, value in words.items()},
    }  # fmt: skip


def _see(page: Page, root: str, words: dict[str, str]) -> str:
    """Where a chapter's features can be looked at."""
    if page.stem not in SEE:
        return ""
    source = (
        ROOT / "chapters" / f"{page.stem}.py"
    )  # its `readings`, where it has any, are of the features read one by one
    features = read_chapter(source).parameters.get("readings", {}) if source.is_file() else ()
    links = "".join(f', <a href="{root}{EXPLORER}#feature={feature}">{feature}</a>' for feature in features)
    start = f'<a href="{root}{EXPLORER}#{SEE[page.stem]}">{words["explorer"]}</a>'
    return f'<nav class="see" aria-label="{words["explorer"]}"><p>{words["see"]}: {start}{links}</p></nav>'


@told(BuildError, head="The book was not built:\n")
def main(arguments: list[str] | None = None) -> int:
    """Command line: build the languages asked for and print what is where."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.build", description=__doc__)
    parser.add_argument("--lang", choices=("ko", "en"), action="append", help="one language (default: both)")
    parser.add_argument("--preset", default="default", help="the preset that the pages were executed with")
    parser.add_argument("--partial", action="store_true", help="leave out chapters that are not woven yet")
    options = parser.parse_args(arguments)
    for lang in options.lang or ("ko", "en"):
        for path in build_book(lang, preset=options.preset, partial=options.partial):
            print(os.path.relpath(path))
    return 0


if __name__ == "__main__":
    sys.exit(main())
