"""Read woven notebooks and the welcome page into pandoc markdown, and say what must not reach a reader."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import dataclass, field
from pathlib import Path

import yaml

ANSI = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
FENCED = re.compile(r"^(`{3,}|~{3,}).*?^\1[`~]*\s*$", re.M | re.S)
NOT_PROSE = re.compile(r"`+[^`\n]*`+|\$\$.*?\$\$|\$[^$\n]+\$|https?://\S+|\{[#.][^}\n]*\}", re.S)
HANGUL, LATIN = re.compile("[가-힣]"), re.compile("[A-Za-z]")
LEFTOVERS = {
    "{{<": "an unresolved shortcode",
    "]{.claim ": "an unresolved claim",
    'tags=["': "a cell header inside prose",
    "content-visible": "a language div (only index.qmd may have them)",
}
OTHER = {"ko": "en", "en": "ko"}
IMAGES = {"image/svg+xml": "svg", "image/png": "png", "image/jpeg": "jpg"}


class BuildError(RuntimeError):
    """The book cannot be built; the message has one line per problem, each with its place."""


@dataclass
class Page:
    """One page of the book in one language: where it comes from, its markdown and its pictures."""

    lang: str
    source: Path
    root: Path
    markdown: str = ""
    cells: list[str] = field(default_factory=list)
    pictures: dict[str, bytes] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Path in the project, as the chapter list has it: `pages-ko/05_probing.ipynb`."""
        return self.source.relative_to(self.root).as_posix()

    @property
    def stem(self) -> str:
        return self.source.stem

    @property
    def out(self) -> str:
        """Path in the site; the same as Quarto's."""
        return str(Path(self.name).with_suffix(".html").as_posix())

    def place(self, needle: str) -> str:
        """Where `needle` stands: file and line of the chapter's source, then the cell of the notebook."""
        word = re.compile(re.escape(needle) + r"(?![\w-])" if needle[-1:].isalnum() else re.escape(needle))
        cell = next((i for i, text in enumerate(self.cells) if word.search(text)), None)
        here = self.name if cell is None else f"{self.name}, cell {cell + 1}"
        chapter = self.root / "chapters" / f"{self.stem}.py"
        file = self.source if self.source.suffix == ".qmd" else chapter
        if not file.exists():
            return here
        number = next((i for i, line in enumerate(file.read_text("utf-8").splitlines(), 1) if word.search(line)), None)
        if number is None:
            return here
        where = f"{file.relative_to(self.root).as_posix()}:{number}"
        return where if file == self.source else f"{where} ({here})"

    def refuse(self, needle: str, what: str) -> None:
        self.problems.append(f"{self.place(needle)}: {what}")


def read_page(source: Path, lang: str, root: Path) -> Page:
    """Turn a notebook or a .qmd file into a page; problems are collected in it, not raised.

    Raises  BuildError when the file is missing or is not a notebook.
    """
    page = Page(lang=lang, source=source, root=root)
    if not source.exists():
        raise BuildError(f"{page.name} is missing: run `make chapters` first, or take it out of _quarto-{lang}.yml.")
    if source.suffix == ".qmd":
        text = re.sub(r"\A---\n.*?\n---\n", "", source.read_text("utf-8"), flags=re.S)
        page.cells, page.markdown = [text], text
        return page
    import nbformat

    try:
        notebook = nbformat.read(source, as_version=4)
    except Exception as error:  # nbformat raises many kinds
        raise BuildError(f"{page.name} is not a notebook ({error}): run `make chapters` again.") from error
    page.cells = [cell.source for cell in notebook.cells]
    parts, run = [], []
    for number, cell in enumerate(notebook.cells):
        tags = cell.metadata.get("tags", [])
        if OTHER[lang] in tags:
            page.refuse(cell.source.splitlines()[0] if cell.source else "", f"a cell tagged `{OTHER[lang]}` is left")
        code, text = "", cell.source
        if cell.cell_type == "markdown":
            _check_prose(page, text)
        elif cell.cell_type == "code":
            code, text = ("", "") if "remove-cell" in tags else _code_cell(page, cell, number)
        else:
            page.refuse(text[:30], "a raw cell: Quarto takes it for a header; make it markdown")
        if code:
            run.append(code)
        if text.strip():
            parts += [_folded(run), text]
            run = []
    parts.append(_folded(run))
    if not re.match(r"\s*# .*\{#sec-[\w-]+", page.cells[0] if page.cells else ""):
        page.problems.append(f"{page.name}, cell 1: a chapter begins with a title like `# Title {{#sec-name}}`")
    page.markdown = "\n\n".join(part for part in parts if part.strip()) + "\n"
    return page


def _check_prose(page: Page, text: str) -> None:
    prose = FENCED.sub("", text)
    for mark, what in LEFTOVERS.items():
        for line in prose.splitlines():
            if mark in line and mark not in re.sub(r"`[^`]*`", "", line):
                continue  # shown as code
            if mark in line:
                page.refuse(line.strip(), f"{what}: {line.strip()[:80]}")
    letters = NOT_PROSE.sub("", prose)
    hangul, latin = len(HANGUL.findall(letters)), len(LATIN.findall(letters))
    first = next((line for line in text.splitlines() if line.strip()), "")
    if page.lang == "en" and hangul > 20 and hangul > latin:
        page.refuse(first, "Korean prose on an English page")
    if page.lang == "ko" and latin > 200 and hangul == 0:
        page.refuse(first, "English prose on a Korean page")


def _options(page: Page, source: str) -> tuple[dict, str]:
    lines = source.split("\n")
    count = next((i for i, line in enumerate(lines) if not line.startswith("#|")), len(lines))
    try:
        options = yaml.safe_load("\n".join(line[2:].removeprefix(" ") for line in lines[:count])) or {}
    except yaml.YAMLError as error:
        page.refuse(lines[0], f"cell options are not YAML: {str(error).splitlines()[0]}")
        options = {}
    for key in options:
        if key.endswith(("-ko", "-en")):
            page.refuse(f"#| {key}", f"the option `{key}` is left: weave turns it into `{key[:-3]}`")
    return options, "\n".join(lines[count:]).strip("\n")


def _fence(text: str, attributes: str) -> str:
    ticks = "`" * max(3, 1 + max((len(run) for run in re.findall("`+", text)), default=0))
    return f"{ticks}{attributes}\n{text}\n{ticks}"


def _folded(run: list[str]) -> str:
    """Code cells that follow each other without an output, as one thing to open."""
    return "::: {.cell-run}\n" + "\n\n".join(run) + "\n:::" if run else ""


def _code_cell(page: Page, cell, number: int) -> tuple[str, str]:
    """Markdown of a cell's code, and of what it put out."""
    options, code = _options(page, cell.source)
    if options.get("include") is False:
        return "", ""
    label = str(options.get("label") or "")
    kind = label.split("-")[0] if label.startswith(("fig-", "tbl-")) else ""
    shown = code and options.get("echo") is not False
    listing = _fence(code, "{.python .cell-code" + (" .drawing}" if kind else "}")) if shown else ""
    if options.get("output") is False:
        return listing, ""
    alt = " ".join(str(options.get("fig-alt") or "").split())
    floats, rest = [], []
    for i, output in enumerate(cell.get("outputs", [])):
        text, is_float = _output(page, output, label or f"cell-{number}", i, alt, cell.source)
        (floats if is_float and is_float == kind else rest).append(text)
    if kind:
        caption = " ".join(str(options.get(f"{kind}-cap") or "").split())
        wanted = f"label: {label}"
        if not floats:
            page.refuse(wanted, f"`{label}` has no {'figure' if kind == 'fig' else 'table'} in its output")
        if not caption:
            page.refuse(wanted, f"`{label}` has no {kind}-cap")
        if kind == "fig" and not alt:
            page.refuse(wanted, f"`{label}` has no fig-alt")
        for mark, what in LEFTOVERS.items():
            if mark in caption + alt:
                page.refuse(wanted, f"{what} in the caption of `{label}`")
        floats = [f"::: {{#{label}}}\n" + "\n\n".join(floats) + f"\n\n{caption}\n:::"]
    return listing, "\n\n".join(part for part in rest + floats if part)


def _output(page: Page, output, name: str, index: int, alt: str, source: str) -> tuple[str, str]:
    """Markdown of one output, and "fig" or "tbl" when it is a picture or a table."""
    if output.output_type == "error":
        page.refuse(source.splitlines()[0], f"the cell ended in {output.ename}: {ANSI.sub('', output.evalue)[:120]}")
        return "", ""
    if output.output_type == "stream":
        if output.name == "stderr":
            return "", ""
        text = "\n".join(line.split("\r")[-1] for line in ANSI.sub("", output.text).rstrip().split("\n"))
        return (_fence(text, "{.output}") if text.strip() else ""), ""
    data = output.data
    for mime, suffix in IMAGES.items():
        if mime in data:
            body = data[mime] if isinstance(data[mime], str) else "".join(data[mime])
            raw = body.encode() if suffix == "svg" else base64.b64decode(body)
            file = f"figures/{page.stem}-{name}{f'-{index}' if index else ''}.{suffix}"
            page.pictures[file] = raw
            quoted = alt.replace("\\", "\\\\").replace('"', '\\"')
            return f'![]({file}){{fig-alt="{quoted}"}}', "fig"
    if "text/markdown" in data:
        text = "".join(data["text/markdown"])
        return text, "tbl" if re.search(r"^\s*\|?[ :|-]*-{2,}[ :|-]*$", text, re.M) else ""
    if "text/html" in data:
        text = "".join(data["text/html"])
        return _fence(text, "{=html}"), "tbl" if "<table" in text else ""
    text = ANSI.sub("", "".join(data.get("text/plain", ""))).rstrip()
    return (_fence(text, "{.output}") if text else ""), ""


def digest(*parts: str | bytes) -> str:
    """One sha256 over the parts, each with its length, so that no two lists of parts collide."""
    total = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        total.update(f"{len(data)}:".encode())
        total.update(data)
    return total.hexdigest()
