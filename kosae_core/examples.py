"""Texts on which a feature fires: the strongest ones, and some from all over its activations."""

from __future__ import annotations

from typing import Any

import numpy as np

from kosae_core.features import top_tokens
from kosae_core.marking import merged, trimmed, window
from kosae_core.reading import Reading

N_TOP, AT_MOST = 12, 2
"""Strongest examples, and how many of them may be of one template, or one article."""
QUANTILES = (0.9, 0.75, 0.6, 0.5, 0.4, 0.25, 0.1, 0.0)
"""Places in the order of a feature's activations, from which the other examples are taken; 0 is the weakest."""


def strongest(reading: Reading, feature: int, n: int = N_TOP) -> list[dict[str, Any]]:
    """The texts whose token fires most strongly, the strongest first; of one template or article `AT_MOST` are taken."""
    found: list[dict[str, Any]] = []
    seen: dict[str, int] = {}
    for top in top_tokens(reading.alone(feature), reading, 0, n=20 * n, context=0):
        record = reading.records[top.document]
        seen[record.doc] = seen.get(record.doc, 0) + 1
        if not record.doc or seen[record.doc] <= AT_MOST:
            found.append(example(reading, feature, top.row))
        if len(found) == n:
            break
    return found


def spread(reading: Reading, feature: int) -> list[dict[str, Any]]:
    """The token at each of `QUANTILES` of the feature's activations, in its text; fewer where it seldom fires."""
    rows, values = reading.column(feature)
    if len(rows) < 2:
        return []
    order = rows[np.argsort(values, kind="stable")]
    found = {int(order[round(q * (len(order) - 1))]): q for q in reversed(QUANTILES)}
    chosen = sorted(found.items(), key=lambda pair: -pair[1])
    return [{**example(reading, feature, row), "quantile": q} for row, q in chosen]


def example(reading: Reading, feature: int, row: int) -> dict[str, Any]:
    """A text around one token, cut at the tokens on which the feature fires (`marking.parts`)."""
    document = int(reading.doc_index[row])
    rows, values = reading.column(feature)
    first, last = np.searchsorted(rows, reading.doc_rows[document : document + 2])
    record = reading.records[document]

    def place(r: int) -> tuple[int, int]:
        return trimmed(record.text, *reading.span(r))

    fired = [(*place(int(r)), float(v)) for r, v in zip(rows[first:last], values[first:last], strict=True)]
    shown, centre = window(record.text, merged(fired), place(row))
    return {"parts": shown, "centre": centre, "lang": record.lang, "big": record.labels.get("big", "")}
