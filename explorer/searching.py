"""Search and order of features for the API, over the same index that the pages read."""

from __future__ import annotations

import unicodedata
from typing import Any, Literal

Column = Literal["id", "density", "max", "mean", "preference", "f1", "detection", "fuzzing", "cluster"]


def _fold(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def matching(index: dict[str, Any], query: str) -> list[int]:
    """Features in which every word of the query occurs: as number, in a token of the rule or of what it reads, in a label."""
    terms = _fold(query).split()
    return (
        [f for f in range(index["n_features"]) if _has(index, f, terms)] if terms else list(range(index["n_features"]))
    )


def _has(index: dict[str, Any], feature: int, terms: list[str]) -> bool:
    columns = index["columns"]
    words = [cue[1] for cue in columns["rule"][feature]] + columns["reads"][feature]
    for label, name in filter(None, (columns["label"][feature], ["big", columns["owner"][feature]])):
        words += [label, name, *index["names"].get(label, {}).get(name, [])]
    folded = [_fold(word) for word in words]
    return all(term == str(feature) or any(term in word for word in folded) for term in terms)


def ordered(index: dict[str, Any], features: list[int], column: Column, descending: bool) -> list[int]:
    """By a column, of equals the lower number first; those without a value stand last."""
    if column == "id":
        return sorted(features, reverse=descending)
    values = index["columns"][column] or [None] * index["n_features"]
    have = [f for f in features if values[f] is not None]
    sign = -1 if descending else 1
    return sorted(have, key=lambda f: (sign * values[f], f)) + [f for f in features if values[f] is None]
