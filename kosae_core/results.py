"""The only way a number leaves a chapter: one JSON file per chapter and preset."""

import datetime
import functools
import importlib.metadata
import json
import math
import os
import platform
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from kosae_core import paths

FORMAT = 1
_KEY = re.compile(r"[a-z][a-z0-9_]*")
_PACKAGES = ("torch", "transformers", "numpy", "scipy", "scikit-learn", "umap-learn")


class Results:
    """What one run of one chapter found; every call writes the file anew, so that it is whole at any time."""

    def __init__(self, chapter: str, preset: str = "default", seeds: Sequence[int] = (0,)) -> None:
        if not re.fullmatch(r"\d\d", chapter):
            raise ValueError(
                f'chapter is {chapter!r}: give the two digits of the chapter, as in Results(chapter="05").'
            )
        self.chapter, self.preset, self.seeds = chapter, preset, [int(seed) for seed in seeds]
        self.path = paths.results_dir(preset) / f"{chapter}.json"
        self._records: dict[str, dict[str, Any]] = {}
        self._claims: dict[str, dict[str, Any]] = {}
        self._write()

    def record(
        self,
        key: str,
        value: Any,
        unit: str,
        fmt: str | None = None,
        seeds: Sequence[int] | None = None,
        interval: tuple[float, float] | None = None,
        tolerance: float | None = None,
    ) -> Any:
        """Keep one number (or word) under `cNN.key`, for prose, reference and claims; returns it.

        `fmt` is how prose shows it (".3f", ".1%", ",d"; by default ",d" for whole numbers, ".3f" for others).
        `tolerance` is the largest absolute difference that `make verify` lets pass; without it 5 % of the value.

        Units   `unit` names them: "share", "features/token", "seconds", "nats" and so on.
        Raises  ValueError for a key that is not lower_case, a number that is not finite, or a format that fails.
        """
        full = self._full(key)
        value = _plain(value, full)
        if fmt is None:
            fmt = "" if isinstance(value, str) else ",d" if isinstance(value, int) else ".3f"
        try:
            format(value, fmt)
        except ValueError as error:
            raise ValueError(f"{full}: the format {fmt!r} does not fit {value!r} ({error}).") from None
        entry: dict[str, Any] = {"value": value, "unit": unit, "fmt": fmt}
        if seeds is not None and list(seeds) != self.seeds:
            entry["seeds"] = [int(seed) for seed in seeds]
        if interval is not None:
            entry["interval"] = [_plain(bound, full) for bound in interval]
        if tolerance is not None:
            entry["tolerance"] = float(tolerance)
        self._records[full] = entry
        self._write()
        return value

    def claim(self, key: str, holds: Any, statement: str, *, against: Any = True, close: Any = False) -> bool:
        """Keep whether a comparative sentence holds in this run (any truth value); prose marked with the key rests on it.

        `against` says whether the run shows the opposite, as an interval below 0 does for a difference said to be above it;
        where neither holds the claim is kept as undecided. `close` says that what decides it lies within its tolerance of the
        bound, so that another processor, whose training takes another course from the first rounding on, may decide
        otherwise; `make verify` lets that pass.

        Raises  ValueError for a key that is not lower_case.
        """
        full = self._full(key)
        marks = {"undecided": not holds and not against, "close": close}
        self._claims[full] = {"holds": bool(holds), "statement": statement} | {k: True for k, on in marks.items() if on}
        self._write()
        return bool(holds)

    def _full(self, key: str) -> str:
        key = key.removeprefix(f"c{self.chapter}.")
        if not _KEY.fullmatch(key):
            raise ValueError(f"the key {key!r} of chapter {self.chapter} must be lower-case letters, digits and _.")
        return f"c{self.chapter}.{key}"

    def _write(self) -> None:
        document = {
            "format": FORMAT,
            "chapter": self.chapter,
            "preset": self.preset,
            "seeds": self.seeds,
            "date": datetime.date.today().isoformat(),
            "machine": _machine(),
            "versions": versions(),
            "records": self._records,
            "claims": self._claims,
        }
        self.path.parent.mkdir(parents=True, exist_ok=True)
        partial = self.path.with_suffix(f".{os.getpid()}.partial")
        partial.write_text(json.dumps(document, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
        os.replace(partial, self.path)


def load_results(folder: Path) -> dict[str, dict[str, Any]]:
    """The documents of a results folder by chapter number ("05").

    Raises  ValueError for a file that is not a results file of this format.
    """
    documents = {}
    for path in sorted(folder.glob("[0-9][0-9].json")):
        try:
            document = json.loads(path.read_text(encoding="utf-8"))
            if document["format"] != FORMAT:
                raise ValueError(f"format {document['format']}")
            if not isinstance(document["records"], dict) or not isinstance(document["claims"], dict):
                raise TypeError("its records and claims are no mappings")
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"{path} is not a results file ({error}): remove it and run its chapter again.") from None
        documents[path.stem] = document
    return documents


def shown(entry: dict[str, Any]) -> str:
    """A record as prose shows it, with a real minus sign."""
    return re.sub(r"^-", "\u2212", format(entry["value"], entry["fmt"]))


def _plain(value: Any, key: str) -> int | float | str:
    if hasattr(value, "item"):
        try:
            value = value.item()
        except (ValueError, RuntimeError):
            raise ValueError(f"{key}: record one number at a time, not an array.") from None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"{key}: a record is a number or a word, not {type(value).__name__}; a yes or no is a claim.")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{key} is {value}: only finite numbers are recorded.")
    return value


def _machine() -> dict[str, Any]:
    torch = sys.modules.get("torch")
    device = "cpu"
    if torch is not None and torch.cuda.is_available():
        device = torch.cuda.get_device_name()
    return {"system": platform.system(), "arch": platform.machine(), "cores": os.cpu_count(), "device": device}


@functools.cache
def versions() -> dict[str, str]:
    """Python and the packages that can move a number."""
    versions = {"python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
