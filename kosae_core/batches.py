"""Documents of token ids as padded batches, and tokens as whole characters."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Int
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """Documents of token ids, padded to one length."""

    ids_BT: Int[Tensor, "B T"]
    """Token ids."""
    attention_BT: Bool[Tensor, "B T"]
    """Where a document has a token."""
    real_BT: Bool[Tensor, "B T"]
    """Where that token is not a special one: the tokens that a store holds."""


def pad(
    documents: Sequence[Sequence[int]],
    pad_id: int,
    special_ids: Iterable[int],
    device: torch.device,
    side: str = "right",
) -> Batch:
    """Pad documents of at least one token id each.

    Raises  ValueError for a side that is neither right nor left.
    """
    if side not in ("right", "left"):
        raise ValueError(f"documents are padded on the right or on the left, not {side!r}.")
    lengths = np.array([len(ids) for ids in documents])
    attention_BT = np.arange(lengths.max()) < lengths[:, None]
    if side == "left":
        attention_BT = attention_BT[:, ::-1].copy()
    ids_BT = np.full(attention_BT.shape, pad_id, dtype=np.int64)
    ids_BT[attention_BT] = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in documents])
    real_BT = attention_BT & ~np.isin(ids_BT, list(special_ids))
    return Batch(*(torch.from_numpy(a).to(device) for a in (ids_BT, attention_BT, real_BT)))


def length_batches(lengths: Sequence[int], tokens_per_batch: int, *, shortest: int = 1) -> list[list[int]]:
    """Group documents of similar length, longest first, so that a padded batch has at most `tokens_per_batch` tokens.

    Documents below `shortest` are left out; one above the budget is a batch of its own.
    """
    batches: list[list[int]] = []
    width = 0
    for row in sorted(range(len(lengths)), key=lambda row: (-lengths[row], row)):
        if lengths[row] < shortest:
            break
        if not batches or (len(batches[-1]) + 1) * width > tokens_per_batch:
            batches.append([])
            width = lengths[row]
        batches[-1].append(row)
    return batches


def merge_spans(spans: Sequence[tuple[int, int]]) -> list[tuple[int, int, int, int]]:
    """Merge neighbouring tokens that share a character, for display: `(start, end, first token, last token + 1)`."""
    merged: list[tuple[int, int, int, int]] = []
    for i, (start, end) in enumerate(spans):
        if merged and start < merged[-1][1]:
            begun, reached, first, _ = merged[-1]
            merged[-1] = (begun, max(end, reached), first, i + 1)
        else:
            merged.append((start, end, i, i + 1))
    return merged
