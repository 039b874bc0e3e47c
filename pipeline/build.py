"""Build the book: `python -m pipeline.build [--lang ko] [--preset default]` -> `_site/<lang>/`.

Uses Quarto where it is present (`pipeline/quarto.py`), else pandoc and typst from their wheels.
"""

from __future__ import annotations

import argparse
import html
import importlib.util
import json
import os
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from string import Template

from pipeline.book import ROOT, WORDS, Book, pandoc, read_book, remember, resolve, unchanged
from pipeline.pages import OTHER, BuildError, Page, digest
from pipeline.search_index import write_index

PDF_CODE_LINES = 14
ASSETS = ("style.css", "theme.js", "search.js")
SERIF = ("Noto Serif CJK KR", "Noto Serif KR", "Nanum Myeongjo", "NanumMyeongjo", "AppleMyungjo")
SANS = ("Noto Sans CJK KR", "Noto Sans KR", "Pretendard", "Apple SD Gothic Neo", "Malgun Gothic", "NanumGothic",
        "Nanum Gothic")  # fmt: skip


def build_book(lang: str, *, preset: str = "default", root: Path = ROOT, partial: bool = False) -> list[Path]:
    """Build one language's site and PDF; return the site's first page and the PDF.

    Raises  BuildError with one line per problem, each with file and line where there is one.
    """
    from pipeline import quarto

    build = Path(os.environ.get("KOSAE_BUILD", root / "build"))
    book = read_book(lang, root=root, build=build, partial=partial)
    if program := quarto.find_quarto():
        return quarto.render(program, book, wheel_fonts())
    book.config.out.mkdir(parents=True, exist_ok=True)
    _copy_pictures(book)
    written = {page.out for page in book.pages}
    with ThreadPoolExecutor(2) as pool:
        changed = list(pool.map(lambda page: _html_page(book, page, preset), book.pages))
    stale = [p for p in book.config.out.rglob("*.html") if p.relative_to(book.config.out).as_posix() not in written]
    for path in stale:
        path.unlink()
    for name in ASSETS:
        _write(book.config.out / "site" / name, (ROOT / "site" / name).read_bytes())
    if any(changed) or stale or not (book.config.out / "site" / "search-index.js").exists():
        write_index(book.config.out, [page.out for page in book.pages])
    return [book.config.out / "index.html", _pdf(book, preset)]


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)


def _picture_name(page: Page, src: str) -> str:
    return src if src in page.pictures else f"figures/{page.stem}-{Path(src).name}"


def _copy_pictures(book: Book) -> None:
    """Write the pictures of all pages into the work folder (for typst) and into the site; remove old ones."""
    files: dict[str, bytes] = {}
    for page in book.pages:
        files.update(page.pictures)
        for image in book.scans[page.name]["images"]:
            if image["src"] not in page.pictures:
                files[_picture_name(page, image["src"])] = (page.source.parent / image["src"]).read_bytes()
    for folder in (book.work, book.config.out):
        for name, data in files.items():
            _write(folder / name, data)
        for path in (folder / "figures").glob("*"):
            if f"figures/{path.name}" not in files:
                path.unlink()


def _state(book: Book, page: Page, mode: str) -> dict:
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
        "images": {i["src"]: up + _picture_name(page, i["src"]) for i in book.scans[page.name]["images"]},
        "pages": targets,
    }


def _pandoc(book: Book, tree: Path, state: dict, name: str, *arguments: str) -> str:
    path = book.work / f"{name}.json"
    path.write_text(json.dumps(state, ensure_ascii=False), "utf-8")
    return pandoc(
        "-f", "json", "-L", str(ROOT / "site" / "book.lua"), "-M", f"kosae={path}", "-M", f"lang={book.config.lang}",
        "-M", f"bibliography={book.config.bibliography}", "-M", f"csl={book.config.csl}", "-M", "link-citations=true",
        *arguments, str(tree),
    )  # fmt: skip


def _engine() -> str:
    """Hash of what, besides a page, decides how it looks."""
    files = [ROOT / "site" / name for name in ("book.lua", "book.typ", "page.html", "book.csl")]
    files += [ROOT / "pipeline" / name for name in ("build.py", "book.py", "pages.py")]
    return digest(*(path.read_bytes() for path in files))


def _html_page(book: Book, page: Page, preset: str) -> bool:
    out, state = book.config.out / page.out, _state(book, page, "html")
    frame = _frame(book, page, preset)
    key = digest(book.ast(page).read_bytes(), json.dumps([state, frame]), _engine(), book.config.bibliography.read_bytes())
    note = book.work / f"{page.stem}.html"
    if not unchanged(note, key):
        body = _pandoc(book, book.ast(page), state, f"{page.stem}.html-state", "-t", "html5", "--mathml", "--wrap=none")
        note.write_text(Template((ROOT / "site" / "page.html").read_text("utf-8")).substitute(frame, body=body), "utf-8")
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
    rows.append(f'<li class="pdf"><a href="{root}{config.pdf}"><span class="n">↓</span><span>PDF</span></a></li>')
    turns = []
    for step, css in ((-1, "previous"), (1, "next")):
        if 0 <= position + step < len(book.pages):
            target = book.pages[position + step]
            title = escape(book.title(target))
            turns.append(f'<a class="{css}" rel="{css[:4]}" href="{root}{target.out}"><small>{words[css]}</small>{title}</a>')
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
        "turn": "".join(turns), "imprint": escape(_imprint(book, preset)),
        **{f"w_{key}": escape(value, quote=True) for key, value in words.items()},
    }  # fmt: skip


def _imprint(book: Book, preset: str) -> str:
    config, words = book.config, book.config.words
    version = f"{config.version}{words['version']}" if config.lang == "ko" else f"{words['version']} {config.version}"
    run = "" if preset == "default" else f" · preset {preset}"
    return f"{config.author} · {config.date} · {version}{run} · {words['licence']}"


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


def _pdf(book: Book, preset: str) -> Path:
    import typst

    config, out, work = book.config, book.config.out / book.config.pdf, book.work
    folders = wheel_fonts()
    system = os.environ.get("KOSAE_BOOK_FONTS") != "wheel"
    body, head = choose_fonts(set(typst.Fonts(include_system_fonts=system, font_paths=folders).families()))
    merged, states = _merged(book), [_state(book, page, "typst") for page in book.pages]
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
        "author-string": json.dumps(config.author), "imprint": _imprint(book, preset),
        "toc-title": config.words["contents"], "chapter-label": f"[{config.words['chapter'].format(number)}]",
        "region": '"KR"' if config.lang == "ko" else "none", "leading": "0.85em" if config.lang == "ko" else "0.72em",
    }  # fmt: skip
    pictures = [path.read_bytes() for path in sorted((work / "figures").glob("*"))]
    key = digest(json.dumps([merged, state, variables]), _engine(), config.bibliography.read_bytes(), *pictures)
    if unchanged(work / config.pdf, key) and out.exists() and out.read_bytes() == (work / config.pdf).read_bytes():
        return out
    tree = work / "book.ast.json"
    tree.write_text(json.dumps(merged), "utf-8")
    flags = [part for name, value in variables.items() for part in ("-V", f"{name}={value}")]
    template = ["--template", str(ROOT / "site" / "book.typ"), "--columns=100000", "--syntax-highlighting=idiomatic"]
    text = _pandoc(book, tree, state, "typst-state", "-t", "typst-citations", *template, *flags)
    source = work / "book.typ"
    source.write_text(text, "utf-8")
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


def main(arguments: list[str] | None = None) -> int:
    """Command line: build the languages asked for and print what is where."""
    parser = argparse.ArgumentParser(prog="python -m pipeline.build", description=__doc__)
    parser.add_argument("--lang", choices=("ko", "en"), action="append", help="one language (default: both)")
    parser.add_argument("--preset", default="default", help="the preset that the pages were executed with")
    parser.add_argument("--partial", action="store_true", help="leave out chapters that are not woven yet")
    options = parser.parse_args(arguments)
    try:
        for lang in options.lang or ("ko", "en"):
            for path in build_book(lang, preset=options.preset, partial=options.partial):
                print(os.path.relpath(path))
    except BuildError as error:
        print(f"The book was not built:\n{error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
