"""Check that the two languages of a chapter say the same: `python -m pipeline.pairs [--fix] chapters/05_probing.py ...`.

`--fix` writes the hash of each Korean cell into its English neighbour, once the translation is up to date.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import sys
from collections import Counter
from pathlib import Path

from nbformat import NotebookNode

from pipeline import chapters as ch

_ENGLISH = re.compile(r'(# %% \[markdown\])(?:\s+src="[^"]*")?(.*\btags=\[[^\]]*"en"[^\]]*\].*)')
_SRC = re.compile(r'\s+src="[^"]*"')

# In this order: what one pattern takes out, the next ones do not see.
_KINDS = {
    "displayed maths": re.compile(r"\$\$(.+?)\$\$", re.DOTALL),
    "inline maths": re.compile(r"(?<![\\$])\$([^$\n]+?)\$(?!\d)"),
    "code spans": re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)", re.DOTALL),
    "numbers from results": re.compile(r"\{\{<\s*var\s+([\w.:]+)\s*>\}\}"),
    "claims": re.compile(r"\{\.claim\s+key=\"?([\w.]+)\"?\s*\}"),
    "ids": re.compile(r"\{#([\w:-]+)[^}]*\}"),
    "links": re.compile(r"\]\(([^)\s]+)[^)]*\)"),
    "addresses": re.compile(r"https?://[^\s)>\]]+"),
    "citations and references": re.compile(r"@\{?([A-Za-z][\w:-]*)\}?"),
    "numbers": re.compile(r"\d+(?:[.,]\d+)*"),
}


def source_hash(cell: NotebookNode) -> str:
    """The first four hexadecimal digits of the SHA-256 of a cell's text."""
    return hashlib.sha256(cell.source.rstrip().encode()).hexdigest()[:4]


def contents(text: str) -> dict[str, Counter[str]]:
    """Everything in a cell that both languages must share, by kind."""
    found = {}
    for kind, pattern in _KINDS.items():
        group = pattern.groups
        found[kind] = Counter(" ".join(match[group].split()) for match in pattern.finditer(text))
        text = pattern.sub(" ", text)
    found["numbers"] = Counter({number.replace(",", ""): n for number, n in found["numbers"].items()})
    found["heading levels"] = Counter(match[1] for match in re.finditer(r"^(#{1,6}) ", text, re.MULTILINE))
    return {kind: counter for kind, counter in found.items() if counter}


def check(chapter: ch.Chapter, hashes: bool = True) -> list[str]:
    """What is wrong with the pairs of a chapter, each with its place; empty when all is well."""
    wrong = []
    cells = chapter.notebook.cells
    i = 0
    while i < len(cells):
        cell = cells[i]
        tags = ch.tags(cell)
        if cell.cell_type == "markdown" and "ko" in tags:
            partner = cells[i + 1] if i + 1 < len(cells) else None
            if partner is None or partner.cell_type != "markdown" or "en" not in ch.tags(partner):
                wrong.append(f"{chapter.at(i)}: no English cell follows this Korean cell.")
                i += 1
                continue
            wrong += _differences(chapter, i)
            if hashes and partner.metadata.get("src") != source_hash(cell):
                wrong.append(
                    f"{chapter.at(i + 1)}: the Korean text has changed since this translation; bring it up to date, "
                    f"then run python -m pipeline.pairs --fix {chapter.path.name}."
                )
            i += 2
            continue
        if cell.cell_type == "markdown" and "en" in tags:
            wrong.append(f"{chapter.at(i)}: no Korean cell stands before this English cell.")
        elif cell.cell_type == "markdown" and re.search(r"[가-힣]|[A-Za-z]{4,} [A-Za-z]{3,}", cell.source):
            wrong.append(f'{chapter.at(i)}: this text has no language: tag it "ko" or "en".')
        i += 1
    return wrong


def _differences(chapter: ch.Chapter, i: int) -> list[str]:
    korean, english = (contents(chapter.notebook.cells[j].source) for j in (i, i + 1))
    wrong = []
    for kind in dict.fromkeys([*korean, *english]):
        only_ko = korean.get(kind, Counter()) - english.get(kind, Counter())
        only_en = english.get(kind, Counter()) - korean.get(kind, Counter())
        if only_ko or only_en:
            parts = [
                f"{name} alone has {', '.join(sorted(extra.elements()))}"
                for name, extra in (("Korean", only_ko), ("English", only_en))
                if extra
            ]
            wrong.append(f"{chapter.at(i)}: {kind} differ: {'; '.join(parts)}.")
    return wrong


def fix(path: Path) -> int:
    """Write today's hashes into the English cells of a source, and nothing else; returns how many changed."""
    chapter = ch.read_chapter(path)
    lines = path.read_text(encoding="utf-8").split("\n")
    cells, changed = chapter.notebook.cells, 0
    for i, cell in enumerate(cells[1:], 1):
        if cell.cell_type != "markdown" or "en" not in ch.tags(cell) or "ko" not in ch.tags(cells[i - 1]):
            continue
        number = chapter.starts[i] - 1
        match = _ENGLISH.match(_SRC.sub("", lines[number]))
        if match is None:
            raise ch.PipelineError(f'{chapter.at(i)}: write this line as # %% [markdown] src="" tags=["en"].')
        line = f'{match[1]} src="{source_hash(cells[i - 1])}"{match[2]}'
        changed += line != lines[number]
        lines[number] = line
    if changed:
        path.write_text("\n".join(lines), encoding="utf-8")
    return changed


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.pairs", description="Check the pairs of ko and en cells.")
    parser.add_argument("chapters", nargs="*", type=Path, help="sources (default: all of chapters/)")
    parser.add_argument("--fix", action="store_true", help="write the hash of each Korean cell into its translation")
    options = parser.parse_args(argv)
    wrong: list[str] = []
    try:
        for path in options.chapters or [ch.CHAPTERS / f"{stem}.py" for stem in ch.names()]:
            if options.fix:
                print(f"{path}: {fix(path)} hashes written")
            wrong += check(ch.read_chapter(path))
    except ch.PipelineError as error:
        wrong.append(str(error))
    print("\n".join(wrong) if wrong else "The pairs agree.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
