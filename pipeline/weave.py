"""Put today's prose around stored outputs, once per language: `python -m pipeline.weave [--preset default]`.

Reads chapters/*.py, build/executed/ and build/results/; writes pages-ko/*.ipynb and pages-en/*.ipynb.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from kosae_core import paths
from kosae_core.results import load_results, shown
from pipeline import chapters as ch
from pipeline import claims, conditions
from pipeline.command import told
from pipeline.execute import Job, plan

LANGUAGES = ("ko", "en")
ENGLISH_ALONE = {
    "ko": "이 장은 영어만 읽게 하여 실행하였다. 본문에 한국어라 적힌 수는 모두 영어에서 잰 것이다.",
    "en": "This chapter was run on English alone: wherever the text says Korean, its numbers are those of English.",
}
_NAMES = {
    "topk": "TopK", "batchtopk": "BatchTopK", "jumprelu": "JumpReLU", "matryoshka": "Matryoshka", "p_anneal": "p-annealing",
}  # fmt: skip
VARIANTS = {
    "ko": _NAMES | {"standard": "표준형", "gated": "게이트형", "gated_anneal": "p-annealing 게이트형"},
    "en": _NAMES | {"gated_anneal": "gated p-annealing"},
}
"""What prose calls the variants that it does not call by their key."""
NOT_HELD = {"ko": "이번 실행에서는 성립하지 않았다", "en": "did not hold in this run"}

_VAR = re.compile(r"\{\{<\s*var\s+(?:([a-z]\w*):)?([\w.]+)\s*>\}\}")
_VERDICTS = re.compile(r"\{\{<\s*claims\s+(\w)\s*>\}\}")
_SHORTCODE = re.compile(r"\{\{<(?!\s*claims\s+\w\s*>\}\}).*?>\}\}|\{\{<(?!\s*claims\s)")
_OPTION = re.compile(r"#\|\s*([\w-]+?)-(ko|en):(.*)")
_LABEL = re.compile(r"#\|\s*label:\s*(\S+)")
_NOISE = re.compile(r"<.*>|\[?<.*|Text\(.*|\(?(?:True|False)(?:, (?:True|False))*\)?", re.DOTALL)
_KOREAN = re.compile(r"_ko(?=_|$)")
_DRAWN = {"fig": ("image/svg+xml", "image/png"), "tbl": ("text/markdown", "text/html")}


class Values:
    """The recorded numbers and claims of one book, by their full key."""

    def __init__(self, folders: dict[str, Path]) -> None:
        """`folders` says where the results of each chapter number are."""
        self.records: dict[str, dict[str, Any]] = {}
        self.claims: dict[str, dict[str, Any]] = {}
        self.full = any(folder.name == "full" for folder in folders.values())
        """Whether it is the book of the preset `full`, beside whose verdicts those of `default` stand."""
        self.english_alone = False
        """Whether something asked for a Korean number where there is only the English one; set back for each page."""
        for folder in dict.fromkeys(folders.values()):
            for number, document in load_results(folder).items():
                if folders.get(number) == folder:
                    self.records |= document["records"]
                    self.claims |= document["claims"]

    def resolve(self, text: str, language: str, at: Callable[[int], str]) -> str:
        """The text with its numbers filled in, its claims settled and `{{< claims A >}}` become the verdicts on source A.

        `at` names the place of a line of it.

        Raises  PipelineError for a key that no chapter recorded, or another shortcode.
        """

        def place(position: int) -> str:
            return at(text.count("\n", 0, position))

        def number(match: re.Match[str]) -> str:
            preset, key = match.groups()
            entry = (_committed(preset) if preset else self.records).get(key)
            if entry is None and not preset:
                entry = self.records.get(_KOREAN.sub("_en", key))
                self.english_alone |= entry is not None
            if entry is None:
                found = f"no committed run of the preset {preset}" if preset else "no chapter"
                raise ch.PipelineError(f"{place(match.start())}: {found} recorded {key}.")
            value = shown(entry)
            if entry["unit"] in ("variant", "setting"):
                name, comma, rest = value.partition(",")
                value = VARIANTS[language].get(name, name) + comma + rest
            return value.replace("\u2212", "-") if _in_maths(text, match.start()) else value

        text = conditions.blocks(text, self.records, self.claims, at)
        for match in conditions.CLAIM.finditer(text):
            if match[1] not in self.claims:
                raise ch.PipelineError(f"{place(match.start())}: no chapter recorded the claim {match[1]}.")
        filled = _VAR.sub(number, text)
        left = _SHORTCODE.search(filled)
        if left:
            raise ch.PipelineError(
                f"{at(filled.count(chr(10), 0, left.start()))}: {left[0]} is not a shortcode known here."
            )
        filled = conditions.settle(filled, self.claims, NOT_HELD[language], at)
        return _VERDICTS.sub(lambda match: self._verdicts(match[1], language), filled)

    def _verdicts(self, group: str, language: str) -> str:
        table, remarks = claims.section(group, self, language, self.full)
        return f"{_widths(table, 4)}\n{remarks}".strip()  # many columns of verdicts, whose words shall not be broken


def _committed(preset: str) -> dict[str, dict[str, Any]]:
    """The records of a preset's committed run, for `{{< var hate:c10.key >}}`: what not every reader has the text to measure."""
    documents = load_results(paths.reference_dir(preset)).values()
    return {key: entry for document in documents for key, entry in document["records"].items()}


def _in_maths(text: str, position: int) -> bool:
    return text[:position].replace("\\$", "").replace("$$", "$").count("$") % 2 == 1


def weave(chapter: ch.Chapter, executed: NotebookNode, values: Values, language: str) -> NotebookNode:
    """One chapter in one language.

    Raises  PipelineError with file and line for an unknown key, a missing output, or an option of one language only.
    """
    stored = [c for c in executed.cells if c.cell_type == "code" and "papermill-error-cell-tag" not in ch.tags(c)]
    injected = [c for c in stored if "injected-parameters" in ch.tags(c)]
    stored = [c for c in stored if "injected-parameters" not in ch.tags(c)]
    code = [chapter.notebook.cells[i] for i in chapter.code]
    if [c.source.strip() for c in code] != [c.source.strip() for c in stored]:
        raise ch.PipelineError(f"{chapter.stem}: its stored outputs are those of other code: run `make chapters`.")
    outputs, values.english_alone = iter(stored), False
    other = LANGUAGES[1 - LANGUAGES.index(language)]
    page = nbformat.v4.new_notebook(
        metadata={
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
            "kosae": {"chapter": chapter.stem, "language": language},
        }
    )
    for i, cell in enumerate(chapter.notebook.cells):
        if cell.cell_type == "markdown":
            if other in ch.tags(cell):
                continue
            text = values.resolve(cell.source, language, lambda line, i=i: chapter.at(i, line))
            page.cells.append(nbformat.v4.new_markdown_cell(text))
        elif cell.cell_type == "code":
            source, met = conditions.cell(cell.source, values.records, values.claims)
            source = _options(source, language, chapter, i)
            source = values.resolve(source, language, lambda line, i=i: chapter.at(i, line))
            ran = next(outputs)
            new = nbformat.v4.new_code_cell(source, outputs=_outputs(ran, chapter, i) if met else [])
            new.metadata["tags"] = [tag for tag in ch.tags(cell) if tag not in LANGUAGES]
            page.cells.append(new)
            if injected and "parameters" in new.metadata["tags"]:
                page.cells.append(
                    nbformat.v4.new_code_cell(injected[0].source, metadata={"tags": ["injected-parameters"]})
                )
    if values.english_alone:
        page.cells.insert(1, nbformat.v4.new_markdown_cell(f"::: {{.callout-note}}\n{ENGLISH_ALONE[language]}\n:::"))
    for n, cell in enumerate(page.cells):
        cell["id"] = f"{chapter.number}-{n:03d}"
    return page


def _options(source: str, language: str, chapter: ch.Chapter, cell: int) -> str:
    """The `#| fig-cap-ko: ...` options of a cell as `#| fig-cap: ...` of the language."""
    lines, languages = [], {}
    for line in source.split("\n"):
        match = _OPTION.match(line)
        if match:
            languages.setdefault(match[1], set()).add(match[2])
            if match[2] == language:
                lines.append(f"#| {match[1]}:{match[3]}")
        else:
            lines.append(line)
    for option, found in languages.items():
        if len(found) == 1:
            raise ch.PipelineError(f"{chapter.at(cell)}: the option {option} is there in one language only.")
    return "\n".join(lines)


def _ends_in_record(source: str) -> bool:
    """Whether the value that the cell shows is only what `record` or `claim` hands back."""
    last = ast.parse(re.sub(r"^[%!].*$", "pass", source, flags=re.MULTILINE)).body[-1]
    call = last.value if isinstance(last, ast.Expr) else None
    return isinstance(call, ast.Call) and getattr(call.func, "attr", "") in ("record", "claim")


def _printed(text: str) -> int:
    """How many Latin letters' width a text takes: two for a syllable of Hangul."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def _widths(text: str, short: int = 2) -> str:
    """A pipe table whose rule gives each column its share of the width, as pandoc reads it when a row is long.

    A column of short texts gets at least `short` times its longest word.
    """
    rows = [re.split(r"(?<!\\)\|", line)[1:-1] for line in text.strip().split("\n")]
    if len(rows) < 2 or not all(re.fullmatch(r"\s*:?-+:?\s*", cell) for cell in rows[1]):
        return text
    if max(_printed(line) for line in text.strip().split("\n")) <= 72:
        return text  # pandoc takes widths only from a table with a longer line, and a wide rule would be one
    for i, cell in enumerate(rows[1]):
        texts = [row[i].strip() for row in [rows[0], *rows[2:]] if i < len(row)]
        lengths = [_printed(text) for text in texts]
        longest = max(min(length, 48) + min(max(0, length - 48) // 3, 60) for length in lengths)
        # short columns shall not break their words, and the space beside the text is as wide as in a long one
        word = (
            max((_printed(word) for text in texts for word in text.split()), default=0) if longest <= 8 * short else 0
        )
        rule, dashes = cell.strip(), "-" * (6 + max(3, longest, short * word))
        rows[1][i] = f" {rule[0] if rule[0] == ':' else '-'}{dashes}{rule[-1] if rule[-1] == ':' else '-'} "
    return "\n".join("|" + "|".join(row) + "|" for row in rows) + "\n"


def _outputs(stored: NotebookNode, chapter: ch.Chapter, cell: int) -> list[NotebookNode]:
    """The outputs that a reader needs: figures, tables, printed results; no warnings, no reprs of objects."""
    kept = []
    for output in stored.outputs:
        if output.output_type == "stream" and output.name == "stdout" and output.text.strip():
            kept.append(nbformat.v4.new_output("stream", name="stdout", text=output.text))
        elif output.output_type in ("display_data", "execute_result"):
            data = {kind: value for kind, value in output.data.items() if kind.startswith(("image/", "text/"))}
            if set(data) - {"text/plain"}:
                data.pop("text/plain", None)
                if "text/markdown" in data:
                    data["text/markdown"] = _widths(data["text/markdown"])
            elif _NOISE.fullmatch(data.get("text/plain", "<>").strip()) or _ends_in_record(stored.source):
                continue
            kept.append(nbformat.v4.new_output("display_data", data=data))
        elif output.output_type == "error":
            raise ch.PipelineError(f"{chapter.at(cell)}: the stored output is an error: run `make chapters`.")
    label = _LABEL.search(stored.source)
    kinds = _DRAWN.get(label[1].split("-")[0]) if label else None
    if kinds and not any(kind in output.get("data", {}) for output in kept for kind in kinds):
        what = "figure" if label[1].startswith("fig") else "table"
        raise ch.PipelineError(f"{chapter.at(cell)}: {label[1]} has no {what} among its outputs.")
    return kept


def weave_all(jobs: list[Job]) -> list[Path]:
    """Write the pages of all jobs in both languages, remove pages of chapters that are gone; returns what changed.

    Raises  PipelineError when a chapter has not been executed, and all of what `weave` raises, together.
    """
    values = Values({job.chapter.number: paths.results_dir(job.run) for job in jobs})
    changed, wrong = [], []
    for job in jobs:
        if not job.current():
            wrong.append(f"{job.chapter.stem} is not executed with its present code: run `make chapters`.")
            continue
        executed = nbformat.read(job.notebook, as_version=4)
        for language in LANGUAGES:
            try:
                page = weave(job.chapter, executed, values, language)
            except ch.PipelineError as error:
                wrong.append(str(error))
                continue
            path = paths.ROOT / f"pages-{language}" / f"{job.chapter.stem}.ipynb"
            if ch.write_if_changed(path, nbformat.writes(page) + "\n"):
                changed.append(path)
    if wrong:
        raise ch.PipelineError("\n".join(dict.fromkeys(wrong)))
    for language in LANGUAGES:
        for path in (paths.ROOT / f"pages-{language}").glob("*.ipynb"):
            if path.stem not in {job.chapter.stem for job in jobs}:
                path.unlink()
    return changed


@told(ch.PipelineError, ValueError)
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.weave", description="Weave the pages of both languages.")
    parser.add_argument("--preset", default="default", help="the preset whose outputs the book shows")
    options = parser.parse_args(argv)
    changed = weave_all(plan(options.preset))
    print(f"{len(changed)} pages changed.", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
