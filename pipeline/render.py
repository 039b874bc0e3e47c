"""What the pages of the site and the PDF share: what the Lua filter must know, and how it is run."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline.book import ROOT, Book, pandoc, resolve
from pipeline.pages import Page, digest

PDF_CODE_LINES = 14


def picture_name(page: Page, src: str) -> str:
    """Where a page's picture lies in the site, and in the work folder."""
    return src if src in page.pictures else f"figures/{page.stem}-{Path(src).name}"


def page_state(book: Book, page: Page, mode: str) -> dict:
    """What the Lua filter must know to render a page."""
    up = "../" * page.out.count("/") if mode == "html" else ""
    by_name = {other.name: other for other in book.pages}

    def href(name: str) -> str:
        return "" if name == page.name else up + by_name[name].out

    targets = {}
    for link in book.scans[page.name]["links"]:
        path = link.partition("#")[0]
        name = resolve(page, path, page.root) if path else ""
        if name in by_name:
            targets[path] = {"href": href(name) or Path(page.out).name, "id": book.headings(by_name[name])[0]["id"]}
    return {
        "mode": mode,
        "lang": page.lang,
        "words": book.config.words,
        "pdf_code_lines": PDF_CODE_LINES,
        "numbers": book.numbers[page.name],
        "index": {key: {**entry, "href": f"{href(entry['page'])}#{key}"} for key, entry in book.index.items()},
        "images": {i["src"]: up + picture_name(page, i["src"]) for i in book.scans[page.name]["images"]},
        "pages": targets,
    }


def run_filter(book: Book, tree: Path, state: dict, name: str, *arguments: str) -> str:
    """Run pandoc with the book's filter on a syntax tree."""
    path = book.work / f"{name}.json"
    path.write_text(json.dumps(state, ensure_ascii=False), "utf-8")
    return pandoc(
        "-f", "json", "-L", str(ROOT / "site" / "book.lua"), "-M", f"kosae={path}", "-M", f"lang={book.config.lang}",
        "-M", f"bibliography={book.config.bibliography}", "-M", f"csl={book.config.csl}", "-M", "link-citations=true",
        *arguments, str(tree),
    )  # fmt: skip


def engine_key() -> str:
    """Hash of what, besides a page, decides how it looks."""
    files = [ROOT / "site" / name for name in ("book.lua", "book.typ", "page.html", "book.csl")]
    files += [ROOT / "pipeline" / name for name in ("build.py", "book.py", "pages.py", "pdf.py", "render.py")]
    return digest(*(path.read_bytes() for path in files))


def imprint(book: Book, preset: str) -> str:
    """Author, date, version, licence; the preset where it is not the default."""
    config, words = book.config, book.config.words
    version = f"{config.version}{words['version']}" if config.lang == "ko" else f"{words['version']} {config.version}"
    run = "" if preset == "default" else f" · preset {preset}"
    return f"{config.author} · {config.date} · {version}{run} · {words['licence']}"
