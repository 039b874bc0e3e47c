"""The book as both builders see it: configuration, pages, numbers, and the checks that fail a build."""

from __future__ import annotations

import difflib
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from pipeline.pages import BuildError, Page, digest, read_page

ROOT = Path(__file__).resolve().parent.parent
READER = "markdown-yaml_metadata_block"
XREF = ("fig-", "tbl-", "sec-", "eq-")
WORDS = {
    "ko": {
        "fig": "그림", "tbl": "표", "eq": "식", "chapter": "{}장", "section": "{}절", "name": "한국어",
        "code": "코드", "references": "참고문헌", "toc": "이 쪽의 내용",
        "contents": "차례", "chapters": "장 목록", "search": "검색", "none": "찾은 것이 없다.", "menu": "차례 열기",
        "explorer": "특징 탐색기", "see": "특징을 하나씩 보려면",
        "theme": "밝게·어둡게", "code_all": "코드 모두 펼치기", "skip": "본문으로", "turn": "앞뒤 장", "previous": "이전",
        "next": "다음", "note": "참고", "tip": "도움말", "warning": "주의", "important": "중요", "caution": "경고",
        "licence": "글과 그림은 CC BY 4.0, 코드는 MIT 라이선스를 따른다.", "version": "판",
    },
    "en": {
        "fig": "Figure", "tbl": "Table", "eq": "Equation", "chapter": "Chapter {}", "section": "Section {}",
        "name": "English", "code": "Code", "references": "References",
        "toc": "On this page", "contents": "Contents", "chapters": "Chapters", "search": "Search",
        "none": "Nothing found.", "menu": "Open the contents", "explorer": "Feature explorer", "see": "See the features one by one", "theme": "Light or dark", "code_all": "Show all code",
        "skip": "To the text", "turn": "Previous and next chapter", "previous": "Previous", "next": "Next",
        "note": "Note", "tip": "Tip", "warning": "Warning", "important": "Important", "caution": "Caution",
        "licence": "Text and figures: CC BY 4.0. Code: MIT licence.", "version": "version",
    },
}  # fmt: skip


@dataclass(frozen=True)
class Config:
    """What `_quarto.yml` with one language's profile says of the book."""

    lang: str
    title: str
    subtitle: str
    author: str
    date: str
    version: str
    chapters: tuple[str, ...]
    out: Path
    pdf: str
    bibliography: Path
    csl: Path

    @property
    def words(self) -> dict[str, str]:
        return WORDS[self.lang]


@dataclass
class Book:
    """Pages of one language with their syntax trees, and the number of everything that has one."""

    config: Config
    pages: list[Page]
    work: Path
    scans: dict[str, dict] = field(default_factory=dict)
    index: dict[str, dict] = field(default_factory=dict)
    numbers: dict[str, dict[str, str]] = field(default_factory=dict)

    def ast(self, page: Page) -> Path:
        return self.work / f"{page.stem}.ast.json"

    def headings(self, page: Page) -> list[dict]:
        return [entry for entry in self.scans[page.name]["entries"] if entry["kind"] == "sec"]

    def title(self, page: Page) -> str:
        return next((entry["title"] for entry in self.headings(page) if entry["level"] == 1), page.stem)


def pandoc(*arguments: str, text: str | None = None) -> str:
    """Run the pandoc of the `pypandoc_binary` wheel; a warning of it is an error here."""
    import pypandoc

    command = [pypandoc.get_pandoc_path(), *arguments]
    done = subprocess.run(command, input=text, capture_output=True, text=True, encoding="utf-8", cwd=ROOT)
    if done.returncode or "[WARNING]" in done.stderr:
        raise BuildError(f"pandoc: {done.stderr.strip()}")
    return done.stdout


def load_config(lang: str, root: Path = ROOT) -> Config:
    """Read `_quarto.yml` and `_quarto-<lang>.yml` as Quarto does (the profile's values win)."""
    base = yaml.safe_load((root / "_quarto.yml").read_text("utf-8"))
    profile = yaml.safe_load((root / f"_quarto-{lang}.yml").read_text("utf-8"))
    book = {**base["book"], **profile["book"]}
    return Config(
        lang=lang, title=book["title"], subtitle=book["subtitle"], author=book["author"], date=str(book["date"]),
        version=str(base["version"]), chapters=tuple(book["chapters"]), out=root / profile["project"]["output-dir"],
        pdf=book["output-file"] + ".pdf", bibliography=root / base["bibliography"], csl=root / base["csl"],
    )  # fmt: skip


def unchanged(out: Path, key: str) -> bool:
    """Whether `out` is what was made from `key`, byte for byte."""
    note = out.with_name(f".{out.name}.key")
    return out.exists() and note.exists() and note.read_text() == f"{key} {digest(out.read_bytes())}"


def remember(out: Path, key: str) -> None:
    """Note that `out` was made from `key`."""
    out.with_name(f".{out.name}.key").write_text(f"{key} {digest(out.read_bytes())}")


def read_book(lang: str, *, root: Path = ROOT, build: Path | None = None, partial: bool = False) -> Book:
    """Read, scan, number and check one language's book.

    `partial` leaves out chapters whose notebook is not there yet.

    Raises  BuildError with one line per problem.
    """
    config = load_config(lang, root)
    names = [name for name in config.chapters if not partial or (root / name).exists()]
    work = (build or root / "build") / "book" / lang
    work.mkdir(parents=True, exist_ok=True)
    book = Book(config, [read_page(root / name, lang, root) for name in names], work)
    with ThreadPoolExecutor(2) as pool:
        book.scans = dict(pool.map(lambda page: (page.name, _scan(book, page)), book.pages))
    _number(book)
    problems = [problem for page in book.pages for problem in page.problems + list(_check(book, page))]
    if problems:
        raise BuildError("\n".join(problems))
    return book


def _scan(book: Book, page: Page) -> dict:
    found, tree = book.work / f"{page.stem}.scan.json", book.ast(page)
    lua = ROOT / "site" / "book.lua"
    key = digest(page.markdown, lua.read_bytes(), READER)
    if not (unchanged(found, key) and unchanged(tree, key)):
        state = book.work / f"{page.stem}.scan-state.json"
        state.write_text(json.dumps({"mode": "scan", "lang": page.lang, "out": str(found)}), "utf-8")
        pandoc("-f", READER, "-t", "json", "-L", str(lua), "-M", f"kosae={state}", "-o", str(tree), text=page.markdown)
        remember(found, key)
        remember(tree, key)
    scan = json.loads(found.read_text("utf-8"))
    return {key: value if isinstance(value, list) else [] for key, value in scan.items()}  # Lua's {} is a JSON object


def _number(book: Book) -> None:
    """Number chapters, sections, figures, tables and equations by chapter; fill `index` and `numbers`."""
    words, chapter = book.config.words, 0
    for page in book.pages:
        entries = book.scans[page.name]["entries"]
        plain = any(entry["kind"] == "sec" and entry["level"] == 1 and entry["unnumbered"] for entry in entries)
        chapter += not plain
        prefix = "" if plain else f"{chapter}."
        counts = {"sec": 0, "fig": 0, "tbl": 0, "eq": 0}
        numbers = book.numbers[page.name] = {}
        for entry in entries:
            kind, number = entry["kind"], ""
            if kind == "sec":
                if entry["level"] == 1:
                    number = "" if plain else str(chapter)
                    text = words["chapter"].format(number) if number else entry["title"]
                else:
                    counted = entry["level"] == 2 and not plain and not entry["unnumbered"]
                    counts["sec"] += counted
                    number = f"{prefix}{counts['sec']}"
                    text = entry["title"] if plain or entry["unnumbered"] else words["section"].format(number)
                    number = number if counted else ""
                if number:
                    numbers[entry["id"]] = number
            else:
                counts[kind] += 1
                number = f"{prefix}{counts[kind]}"
                text = f"{words[kind]} {number}"
            if entry["id"].startswith(XREF):
                if entry["id"] in book.index:
                    page.refuse(entry["id"], f"`{entry['id']}` is defined twice")
                book.index[entry["id"]] = {"id": entry["id"], "text": text, "number": number, "page": page.name}


def _check(book: Book, page: Page):
    """Yield what the scan shows to be wrong on a page."""
    scan, root = book.scans[page.name], page.root
    entries = book.config.bibliography.read_text("utf-8")
    keys = set(re.findall(r"^\s*@\w+\s*\{\s*([^,\s]+)", entries, re.M))
    for cite in dict.fromkeys(scan["cites"]):
        if cite.startswith(XREF):
            if cite not in book.index:
                yield f"{page.place('@' + cite)}: unresolved reference @{cite}"
        elif cite not in keys:
            where = (
                page.place("@{" + cite) if any("@{" + cite in cell for cell in page.cells) else page.place("@" + cite)
            )
            near = difflib.get_close_matches(cite, keys, 1)
            hint = f" (is it @{near[0]}?)" if near else ""
            yield f"{where}: citation @{cite} is not in {book.config.bibliography.name}{hint}"
    for image in scan["images"]:
        if image["src"] in page.pictures:
            continue
        if not (page.source.parent / image["src"]).exists():
            yield f"{page.place(image['src'])}: the figure {image['src']} is missing"
        elif not image["alt"].strip():
            yield f"{page.place(image['src'])}: the figure {image['src']} has no alt text"
    names = set(book.config.chapters)
    anchors = {entry["id"] for entry in scan["entries"]}
    for link in dict.fromkeys(scan["links"]):
        if re.match(r"[a-z][a-z0-9+.-]*:", link) or link == book.config.pdf:
            continue
        path, _, anchor = link.partition("#")
        if not path and anchor not in anchors and anchor not in book.index:
            yield f"{page.place('#' + anchor)}: the link #{anchor} leads nowhere"
        if path and resolve(page, path, root) not in names:
            yield f"{page.place(path)}: {path} is not a page of the book"


def resolve(page: Page, path: str, root: Path) -> str:
    """A link's path relative to its page, as a name in the project."""
    try:
        return (page.source.parent / path).resolve().relative_to(root.resolve()).as_posix()
    except ValueError:
        return path
