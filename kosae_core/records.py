"""Text records with labels, and ordered lists of them."""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Record:
    """One text with what is known about it."""

    text: str
    lang: str
    labels: dict[str, str] = field(default_factory=dict)
    spans: dict[str, tuple[int, int]] = field(default_factory=dict)
    """Name -> (start, end) in characters of `text`."""
    id: str = ""
    doc: str = ""
    """The document it belongs to: what a split must keep together."""


class Corpus(Sequence[Record]):
    """An ordered, immutable list of records of one split."""

    def __init__(self, records: Iterable[Record], name: str, split: str = "train", lang: str | None = None) -> None:
        self.records = tuple(records)
        self.name, self.split, self.lang = name, split, lang

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, index):
        if isinstance(index, slice):
            return Corpus(self.records[index], self.name, self.split, self.lang)
        return self.records[index]

    def __repr__(self) -> str:
        return f"Corpus({self.name!r}, split={self.split!r}, lang={self.lang!r}, {len(self)} records)"

    @functools.cached_property
    def key(self) -> str:
        """The sha256 of the content, in hex: the same texts, labels and spans in the same order give the same key."""
        digest = hashlib.sha256()
        for r in self.records:
            row = [r.text, r.lang, sorted(r.labels.items()), sorted((k, *v) for k, v in r.spans.items()), r.id, r.doc]
            digest.update(json.dumps(row, ensure_ascii=False).encode() + b"\n")
        return digest.hexdigest()

    @property
    def texts(self) -> list[str]:
        """The texts, in order."""
        return [r.text for r in self.records]

    @property
    def label_names(self) -> list[str]:
        """The labels that every record has."""
        return sorted(set.intersection(*(set(r.labels) for r in self.records))) if self.records else []

    def label(self, name: str) -> np.ndarray:
        """One label of every record, as an array of strings.

        Raises  ValueError if a record lacks it; the message names the labels there are.
        """
        try:
            return np.array([r.labels[name] for r in self.records], dtype=str)
        except KeyError:
            there = ", ".join(self.label_names) or "none"
            raise ValueError(f"corpus {self.name!r} has no label {name!r}; it has: {there}.") from None

    def subset(self, which: Sequence[bool] | Sequence[int] | np.ndarray) -> Corpus:
        """The records at these indices, or where this mask is true.

        Raises  ValueError for a mask of another length.
        """
        chosen = np.asarray(which)
        if chosen.dtype == bool:
            if len(chosen) != len(self):
                raise ValueError(f"the mask has {len(chosen)} entries, the corpus {len(self)} records.")
            chosen = np.flatnonzero(chosen)
        return Corpus([self.records[int(i)] for i in chosen], self.name, self.split, self.lang)
