"""Put the reference numbers of `default` into the READMEs: `python -m pipeline.readme` (part of `make reference`).

A number stands between two comments that Markdown does not show: <!--=c05.accuracy_gated-->0.93<!--/-->.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from kosae_core import paths, results
from pipeline import claims

FILES = ("README.md", "README.ko.md")
_MARK = re.compile(r"<!--=(c\d\d\.[a-z0-9_]+)-->(.*?)<!--/-->", re.S)


def filled(text: str, name: str, records: dict) -> str:
    """The text with every marked number as the results have it.

    Raises  ValueError that names the file, the line and the key when there is no such record.
    """

    def number(match: re.Match) -> str:
        key = match.group(1)
        if key not in records:
            line = text.count("\n", 0, match.start()) + 1
            raise ValueError(f"{name}:{line}: {key} is not in data/results/default; run make all and make reference.")
        return f"<!--={key}-->{results.shown(records[key])}<!--/-->"

    return _MARK.sub(number, text)


def records_of(folder: Path) -> dict:
    """All records of a results folder by key."""
    documents = results.load_results(folder).values()
    return {key: entry for document in documents for key, entry in document["records"].items()}


def main() -> int:
    records = records_of(paths.reference_dir("default"))
    for name in FILES:
        path = paths.ROOT / name
        try:
            text = path.read_text(encoding="utf-8")
            path.write_text(claims.filled(filled(text, name, records), name), encoding="utf-8")
        except ValueError as error:
            print(f"KoSAE: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
