"""What a chapter's outputs depend on: its code and parameters, the core, what ships, and what its parameters name."""

from __future__ import annotations

import functools
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from kosae_core import code, paths, readers
from kosae_core.results import versions
from pipeline.chapters import Chapter, PipelineError

NAMED = {
    "ynat": ["klue_ynat.jsonl.gz"], "keat": ["keat/development.json", "keat/evaluation.json"],
    "ud_ko": ["ud_korean_gsd.jsonl.gz"], "hate": ["korean_hate_speech.jsonl.gz"],
}  # fmt: skip
"""The files of the corpora that do not ship; `synthetic` is the grammar and the core."""
_FOR_PEOPLE = ("README.md", "report.json", "loss_curve.json", "sweep.json")


def content_key(chapter: Chapter, parameters: dict[str, Any]) -> str:
    """The sha256 (hex) of all that a chapter's outputs depend on; its prose may change freely."""
    cells = [chapter.notebook.cells[i].source for i in chapter.code]
    parts: list[Any] = [cells, sorted(parameters.items()), shipped(paths.ROOT), versions(), named(parameters)]
    if "lm_name" in parameters:  # a chapter may do without a model that is not to be had
        parts.append(has_model(parameters["lm_name"]))
    return hashlib.sha256(json.dumps(parts, ensure_ascii=False, default=str).encode()).hexdigest()


@functools.cache
def shipped(root: Path) -> list[list[str]]:
    """Name and sha256 of the core's modules, of the grammar and of the models inside with their autoencoders."""
    files = sorted((root / "kosae_core").rglob("*.py"))
    files += sorted((root / "data" / "grammar").rglob("*.yaml"))
    models = root / "data" / "models"
    files += [models / name for name in _files(models) if Path(name).name not in _FOR_PEOPLE]
    found = []
    for path in files:
        content = _code(path).encode() if path.suffix == ".py" else path.read_bytes()
        found.append([path.relative_to(root).as_posix(), hashlib.sha256(content).hexdigest()])
    return found


def _code(path: Path) -> str:
    """What a module does: a changed explanation executes nothing."""
    try:
        return code.meaning(path.read_text(encoding="utf-8"))
    except SyntaxError as error:
        raise PipelineError(f"{path}:{error.lineno}: this is not Python: {error.msg}.") from None


def named(parameters: dict[str, Any]) -> list[list[Any]]:
    """Name, size and time of every file that a parameter names: itself, a folder of it, or a corpus."""
    found = []
    for word in sorted(set(_words([value for key, value in parameters.items() if key != "preset"]))):
        path = Path(os.path.expanduser(word))
        if word in NAMED:
            files = [(name, readers.find(name)) for name in NAMED[word]]
        elif os.path.isdir(path):
            files = [(name, path / name) for name in _files(path)]
        else:
            files = [("", path)] if os.path.isfile(path) else []
        for name, file in files:
            about = file.stat() if file else None
            found.append([word, name, *([about.st_size, about.st_mtime_ns] if about else [])])
    return found


def _files(folder: Path) -> list[str]:
    """The files below a folder, by name; not hidden ones, where programs keep notes of their own."""
    found = [path.relative_to(folder) for path in folder.rglob("*") if path.is_file()]
    return sorted(path.as_posix() for path in found if not any(part.startswith(".") for part in path.parts))


def _words(value: Any) -> Iterator[str]:
    """The texts in a value, however deep, but the empty one."""
    if isinstance(value, str) and value:
        yield value
    elif isinstance(value, dict):
        yield from _words(list(value.values()))
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _words(each)


@functools.cache
def has_model(name: str) -> bool:
    """Whether a language model is inside, a folder, on the hub, or was downloaded before."""
    if (paths.models_dir() / name).is_dir() or os.path.isdir(os.path.expanduser(name)):
        return True
    from transformers.utils import cached_file  # which takes a second, and most runs need nothing of it

    try:
        return cached_file(name, "config.json") is not None
    except (OSError, ValueError):  # the hub's own errors, and its word on what cannot be a name there
        return False
