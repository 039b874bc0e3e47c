"""Documents run through a model, and what passes at its hook points written into tables."""

import math
from collections.abc import Callable, Collection, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from kosae_core.batches import length_batches
from kosae_core.hooks import HookPoint
from kosae_core.live import giving_back, live_bytes
from kosae_core.lm import LanguageModel

Progress = Callable[[int, int, str], None]


def check_finite(acts: Tensor, point: HookPoint) -> None:
    """Raises  ValueError if an activation is infinite or not a number."""
    if acts.numel() and not all(map(math.isfinite, map(float, torch.aminmax(acts)))):  # NaN is both least and largest
        raise ValueError(f"{point}: an activation is not finite; load the model with dtype=torch.float32 or bfloat16.")


def kept_rows(documents: Sequence[Sequence[int]], special_ids: frozenset[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which of all token ids in a row have a row of activations, and where the rows of each document begin and end.

    Shapes  (ids,) bool; (documents + 1,) int64.
    Raises  ValueError if none has one.
    """
    flat = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in documents]) if len(documents) else np.zeros(0)
    kept = ~np.isin(flat, list(special_ids))
    if not kept.any():
        raise ValueError("the corpus has no token to gather.")
    ends = np.cumsum([len(ids) for ids in documents])
    return kept, np.concatenate([[0], np.cumsum(kept)])[np.concatenate([[0], ends])]


def pass_bytes(
    lm: LanguageModel, documents: Sequence[Sequence[int]], points: Collection[HookPoint], tokens_per_batch: int
) -> int:
    """What a pass over the largest batch takes for a moment: two and three copies of the longest document, and the line on.

    One copy lacks a token, as documents that are padded do.
    """
    batches = length_batches([len(ids) for ids in documents], tokens_per_batch)
    longest = documents[batches[0][0]]
    padded = max(len(rows) * len(documents[rows[0]]) for rows in batches)

    def run(copies: int) -> None:
        with lm.watched(dict.fromkeys(points, len)):
            lm.forward(lm.batch([*[longest] * (copies - 1), longest[: max(1, len(longest) - 1)]]))

    two, three = (live_bytes(partial(run, copies)) for copies in (2, 3))
    return int(two + (three - two) * (padded / len(longest) - 2))


@giving_back(1 << 20)
def fill(
    lm: LanguageModel, documents: Sequence[Sequence[int]], tables: dict[HookPoint, Tensor], tokens_per_batch: int,
    progress: Progress | None = None, share: tuple[int, int] = (0, 1),
) -> None:  # fmt: skip
    """Run the documents through the model, and write what passes at each hook point into its (rows, d_model) table.

    With `share` (i, n) it runs every n-th batch from the i-th on, and leaves the rows of the others as they are.

    Raises  ValueError if an activation is not finite.
    """
    edges, done = kept_rows(documents, lm.special_ids)[1], 0
    for rows in length_batches([len(ids) for ids in documents], tokens_per_batch)[share[0] :: share[1]]:
        batch = lm.batch([documents[row] for row in rows])
        at = np.concatenate([np.arange(edges[row], edges[row + 1]) for row in rows])
        real_B = batch.real_BT.reshape(-1).nonzero()[:, 0]
        with lm.watched({p: _writer(p, tables[p], real_B, torch.from_numpy(at)) for p in tables}):
            lm.forward(batch)
        done += len(at)
        if progress is not None:
            progress(min(done * share[1], int(edges[-1])), int(edges[-1]), f"gather {', '.join(map(str, tables))}")


def _writer(point: HookPoint, mapped_ND: Tensor, real_B: Tensor, rows_B: Tensor) -> Callable[[Tensor], None]:
    def write(hidden_BTD: Tensor) -> None:
        flat_ND = hidden_BTD.reshape(-1, hidden_BTD.shape[-1])
        acts_BD = flat_ND.index_select(0, real_B.to(flat_ND.device)).to(mapped_ND.dtype)
        check_finite(acts_BD, point)
        mapped_ND.index_copy_(0, rows_B, acts_BD.cpu())

    return write
