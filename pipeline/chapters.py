"""Reading what people write: chapter sources (py:percent) and presets (YAML)."""

from __future__ import annotations

import ast
import hashlib
import math
import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jupytext
import yaml
from nbformat import NotebookNode

from kosae_core import paths

CHAPTERS = paths.ROOT / "chapters"
_NAME = re.compile(r"(\d\d)_[a-z0-9_]+")
_MARKER = re.compile(r"# %%(?!%)")
TEXTS = ("corpus", "lm_name", "n_train", "n_test", "n_features", "k", "steps", "batch_size", "seed", "dtype")
"""What `common` may set besides parameters of chapters: the explorer reads the texts and features of these settings."""
LONGEST_NAME = 120
"""Bytes of a folder's name; a letter of Hangul takes three."""


class PipelineError(Exception):
    """What a person has to put right, as one clear sentence."""


@dataclass(frozen=True)
class Chapter:
    """One chapter source and where its cells begin."""

    path: Path
    notebook: NotebookNode
    starts: tuple[int, ...]

    @property
    def stem(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.stem[:2]

    def at(self, cell: int, line: int = 0) -> str:
        """`chapters/05_probing.py:88`, the place of a line of a cell in the source."""
        try:
            shown = self.path.relative_to(paths.ROOT)
        except ValueError:
            shown = self.path
        return f"{shown}:{self.starts[cell] + 1 + line}"

    @cached_property
    def code(self) -> list[int]:
        """Indices of the code cells."""
        return [i for i, cell in enumerate(self.notebook.cells) if cell.cell_type == "code"]

    @cached_property
    def parameters(self) -> dict[str, Any]:
        """The names of the parameters cell and their values."""
        cells = [i for i in self.code if "parameters" in tags(self.notebook.cells[i])]
        if len(cells) != 1:
            raise PipelineError(f"{self.stem}: one cell must be tagged parameters, and {len(cells)} are.")
        found = {}
        try:
            statements = ast.parse(self.notebook.cells[cells[0]].source).body
        except SyntaxError as error:
            raise PipelineError(
                f"{self.at(cells[0], (error.lineno or 1) - 1)}: this is not Python: {error.msg}."
            ) from None
        for statement in statements:
            target = statement.targets[0] if isinstance(statement, ast.Assign) else getattr(statement, "target", None)
            try:
                found[target.id] = ast.literal_eval(statement.value)
            except (AttributeError, ValueError):
                place = self.at(cells[0], statement.lineno - 1)
                raise PipelineError(f"{place}: the parameters cell holds plain values only, as in k = 32.") from None
        return found


@dataclass(frozen=True)
class Preset:
    """One file of chapters/presets: settings of chapters, and which chapters it runs."""

    name: str
    common: dict[str, Any]
    sections: dict[str, dict[str, Any]]
    chapters: tuple[str, ...] | None
    """The chapters that run with this preset; None: all. In the book the rest stand as in `default`."""
    plan: dict[str, Any] = field(default_factory=dict)
    """What `make plan` cannot find out: the hardware it is meant for, facts of a model that is not at hand."""

    def runs(self, chapter: Chapter) -> bool:
        return self.chapters is None or chapter.stem in self.chapters

    def asked(self, only: str | None) -> Preset:
        """The preset as it runs the chapters that `only` names, though it may leave them to `default`; itself without any."""
        return replace(self, chapters=tuple(chapter.stem for chapter in read_chapters(only))) if only else self

    def parameters(self, chapter: Chapter, extra: dict[str, Any] | None = None) -> dict[str, Any]:
        """All parameters of a chapter under this preset, last those of `extra` (from the command line) that it has.

        Raises  PipelineError for a key of the chapter's own section that the chapter does not have, and for a value of
                another kind than the chapter's own.
        """
        own, section = chapter.parameters, self.sections.get(chapter.stem, {})
        for key in section:
            if key not in own:
                where = f"the preset {self.name}"
                raise PipelineError(
                    f"{chapter.stem} has no parameter {key!r}, which {where} sets; it has {', '.join(own)}."
                )
        merged = own | {key: value for key, value in self.common.items() if key in own} | section
        given = {key: value for key, value in (extra or {}).items() if key in own}
        for key, value in (merged | given).items():
            if wanted := _wanted(own[key], value):
                where = "PARAMS" if key in given else f"the preset {self.name}"
                raise PipelineError(
                    f"{chapter.stem}: {key} must be {wanted}, as in {own[key]!r}, not {value!r} ({where})."
                )
        return merged | given

    def all_parameters(self, chapters: list[Chapter], extra: dict[str, Any]) -> dict[str, dict[str, Any]]:
        """The same of several chapters, by stem.

        Raises  PipelineError also for a key of `extra` that none of them has, and one of `common` that no chapter has.
        """
        has = {key: None for chapter in chapters for key in chapter.parameters}
        if unknown := [key for key in self.common if key not in has and key not in TEXTS]:
            everywhere = {key: None for chapter in read_chapters() for key in chapter.parameters}
            if unknown := [key for key in unknown if key not in everywhere]:
                raise PipelineError(
                    f"no chapter has the parameter {unknown[0]!r}, which common of the preset {self.name} sets; "
                    f"there are {', '.join(everywhere)}."
                )
        for key in extra:
            if key not in has:
                asked = chapters[0].stem if len(chapters) == 1 else f"the chapters of {self.name}"
                raise PipelineError(
                    f"{asked}: there is no parameter {key!r}, which PARAMS sets; there are {', '.join(has)}."
                )
        return {chapter.stem: self.parameters(chapter, extra) for chapter in chapters}


def _wanted(own: Any, value: Any) -> str | None:
    """The kind of value that a parameter takes, by the chapter's own, where this one is of another kind.

    A number that counts something stays at 1 or more, and one that may be 0 at 0 or more; in place of None all may stand.
    """
    if own is None:
        return None
    if isinstance(own, bool) or not isinstance(own, int | float):
        words = {bool: "true or false", str: "a word", list: "a list", dict: "a mapping"}
        kind, word = type(own), words.get(type(own), f"a {type(own).__name__}")
        first = own[0] if isinstance(own, list) and own else None
        if isinstance(value, list) and first is not None and not isinstance(first, list):
            wrong = [each for each in value if _wanted(first if isinstance(first, str) else float(first), each)]
            return f"a list of {'words' if isinstance(first, str) else 'numbers'}" if wrong else None
        return None if isinstance(value, kind) else word
    kinds, word = (int, "a whole number") if isinstance(own, int) else (int | float, "a number")
    if isinstance(value, bool) or not isinstance(value, kinds):
        return word
    least = min(own, 1) if isinstance(own, int) else -math.inf
    return None if value >= least else f"{word} of at least {least}"


def tags(cell: NotebookNode) -> list[str]:
    return cell.metadata.get("tags", [])


def read_chapter(path: Path) -> Chapter:
    """Read one py:percent source.

    Raises  PipelineError when there is no such chapter, or text stands before its first cell.
    """
    if not path.exists():
        raise PipelineError(f"there is no chapter {path.stem!r}; there are {', '.join(names()) or 'none'}.")
    text = _read(path)
    starts = tuple(i for i, line in enumerate(text.splitlines(), 1) if _MARKER.match(line))
    notebook = jupytext.reads(text, fmt="py:percent")
    if len(notebook.cells) != len(starts):
        raise PipelineError(f"{path}: every cell must begin with a '# %%' line ({len(notebook.cells)} cells found).")
    return Chapter(path, notebook, starts)


def _read(path: Path) -> str:
    """The text of a file that a person wrote.

    Raises  PipelineError where it is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise PipelineError(f"{path}:{line}: this is not UTF-8: save the file in that encoding.") from None


def names(folder: Path | None = None) -> list[str]:
    """The stems of all chapters, in order."""
    return sorted(path.stem for path in (folder or CHAPTERS).glob("*.py") if _NAME.fullmatch(path.stem))


def read_chapters(only: str | None = None, folder: Path | None = None) -> list[Chapter]:
    """All chapters, or those that `only` names (stems or numbers, separated by commas or spaces)."""
    folder = folder or CHAPTERS
    chosen = names(folder)
    if only:
        wanted = re.split(r"[,\s]+", only.strip())
        for each in wanted:
            if not any(each in (stem, stem[:2]) for stem in chosen):
                raise PipelineError(f"there is no chapter {each!r}; there are {', '.join(chosen) or 'none'}.")
        chosen = [stem for stem in chosen if stem in wanted or stem[:2] in wanted]
    return [read_chapter(folder / f"{stem}.py") for stem in chosen]


def read_preset(name: str, folder: Path | None = None, above: tuple[str, ...] = ()) -> Preset:
    """Read chapters/presets/<name>.yaml, or another file where `name` is the path of one, upon its base where it has one.

    `above` are those that stand on it.

    Raises  PipelineError for an unknown preset, an unknown section, a file that is not a mapping of mappings, one of
            another folder that has the name of a shipped preset, whose outputs it would replace, or a base that stands on it.
    """
    own, base = _read_one(name, folder or CHAPTERS)
    if base is None:
        return own
    if Path(base).stem in (*above, own.name):
        raise PipelineError(f"the preset {own.name} has the base {base}, which stands on {own.name}: name another.")
    below = read_preset(base, folder, (*above, own.name))
    listed = below.chapters if own.chapters is None else own.chapters
    stems = [stem for stem in below.sections | own.sections if listed is None or stem in [*listed, *own.sections]]
    sections = {stem: below.sections.get(stem, {}) | own.sections.get(stem, {}) for stem in stems}
    return Preset(own.name, below.common | own.common, sections, listed, below.plan | own.plan)


def _read_one(name: str, folder: Path) -> tuple[Preset, str | None]:
    """What one file says, and the preset that it names as its base."""
    path = Path(name) if name.endswith(".yaml") else folder / "presets" / f"{name}.yaml"
    if not path.exists():
        have = sorted(p.stem for p in path.parent.glob("*.yaml"))
        raise PipelineError(f"there is no preset {name!r}; there are {', '.join(have) or 'none'}.")
    own = folder / "presets" / path.name
    if own.exists() and not own.samefile(path):
        raise PipelineError(f"{path} has the name of a preset of the project, {path.stem}: give the file another name.")
    try:
        content = yaml.safe_load(_read(path)) or {}
    except yaml.YAMLError as error:
        raise PipelineError(f"{path} is not YAML: {' '.join(str(error).split())}.") from None
    if not isinstance(content, dict):
        raise PipelineError(f"{path} must hold sections, one per chapter, and common.")
    listed, plan, base = content.pop("chapters", None), content.pop("plan", {}), content.pop("base", None)
    if not isinstance(plan, dict):
        raise PipelineError(f"{path}: the section plan must hold 'name: value' lines.")
    if not isinstance(base, str | None):
        raise PipelineError(f"{path}: base must be the name of a preset, as in base: full.")
    if listed is not None and not isinstance(listed, list):
        raise PipelineError(f"{path}: chapters must be a list of chapters, as in [05_probing].")
    known = names(folder)
    for stem in [*content, *(listed or [])]:
        if stem != "common" and stem not in known:
            raise PipelineError(
                f"{path} speaks of {stem!r}, and there is no such chapter; there are {', '.join(known)}."
            )
    sections = {stem: section or {} for stem, section in content.items()}
    for stem, section in sections.items():
        if not isinstance(section, dict):
            raise PipelineError(f"{path}: the section {stem} must hold 'name: value' lines.")
    listed = tuple(listed) if listed is not None else None
    return Preset(path.stem, sections.pop("common", {}), sections, listed, plan), base


def folder_name(run: str) -> str:
    """A run as the name of a folder; a long one is cut, to what every file system takes, and told apart by a hash."""
    name = re.sub(r"[^\w.=+-]", "_", run)
    if len(name.encode()) <= LONGEST_NAME:
        return name
    return (
        name.encode()[: LONGEST_NAME - 9].decode(errors="ignore") + "-" + hashlib.sha256(run.encode()).hexdigest()[:8]
    )


def executed_path(preset: str, chapter: Chapter) -> Path:
    return paths.build_dir() / "executed" / preset / f"{chapter.stem}.ipynb"


def write_if_changed(path: Path, text: str) -> bool:
    """Write the file whole, or leave it untouched when it says the same already."""
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(text, encoding="utf-8")
    os.replace(partial, path)
    return True
