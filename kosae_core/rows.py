"""Rows of activations, whether a plain tensor or a store on disk: checked, in order, or shuffled without end."""

import hashlib
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

IN_MEMORY_BYTES = 2 << 30


def check_rows(acts: Any) -> None:
    """Refuse what is not a (tokens, d_model) table with at least one row.

    Raises  ValueError for a wrong shape or an empty table; TypeError for something that has no shape.
    """
    if not isinstance(acts, Tensor) and not hasattr(acts, "n_tokens"):
        raise TypeError(
            f"activations must be a (tokens, d_model) tensor or an ActivationStore, not {type(acts).__name__}."
        )
    if isinstance(acts, Tensor) and acts.ndim != 2:
        raise ValueError(f"activations must have shape (tokens, d_model), not {tuple(acts.shape)}.")
    if count(acts) == 0:
        raise ValueError("there are no activations: the table has no rows.")


def count(acts: Any) -> int:
    """Number of tokens."""
    return acts.shape[0] if isinstance(acts, Tensor) else acts.n_tokens


def width(acts: Any) -> int:
    """d_model."""
    return acts.shape[1] if isinstance(acts, Tensor) else acts.d_model


def require_finite(acts_BD: Tensor, first_row: int = 0) -> Tensor:
    """Return the rows unchanged; refuse NaN and infinity, naming the first row that has one."""
    if acts_BD.numel() and not torch.stack(acts_BD.aminmax()).isfinite().all():  # NaN goes through both; far cheaper
        bad_B = ~torch.isfinite(acts_BD).all(dim=1)
        row = first_row + int(bad_B.nonzero()[0])
        raise ValueError(f"activations are not finite in {int(bad_B.sum())} row(s), first in row {row}.")
    return acts_BD


def identity(acts: Any) -> str:
    """What tells these activations from others: a store's key, else shape and the sums of 64 rows from all over the table."""
    if key := getattr(acts, "key", None):
        return key
    spread_N = torch.linspace(0, count(acts) - 1, min(64, count(acts))).long()
    some_ND = acts[spread_N.to(acts.device)] if isinstance(acts, Tensor) else acts.batch(spread_N)
    sums = some_ND.double().sum(1).cpu().numpy().tobytes()
    return f"{count(acts)} rows of {width(acts)} (sums {hashlib.sha256(sums).hexdigest()[:12]})"


def in_order(acts: Any, batch_size: int, limit: int | None = None) -> Iterator[Tensor]:
    """The first `limit` rows in order, as finite float32 batches."""
    stop = count(acts) if limit is None else min(limit, count(acts))
    for start in range(0, stop, batch_size):
        yield require_finite(acts[start : min(start + batch_size, stop)].float(), start)


def in_memory(acts: Any) -> Tensor | None:
    """All rows as one finite float32 tensor, or None where that would take more than 2 GiB.

    A bf16 store takes twice its size here, so that no batch is converted; beyond the 2 GiB it stays as it is on disk.
    """
    if isinstance(acts, Tensor):
        return require_finite(acts.detach().float().contiguous())
    if count(acts) * width(acts) * 4 > IN_MEMORY_BYTES:
        return None
    return require_finite(acts.all())


class Shuffled:
    """Batches without end: one permutation of all rows after another, each row once per permutation.

    `order` holds the rows of the current permutation that are left; with the generator it decides all that follows.

    Differs a batch may span two permutations, so that a table shorter than the batch works too.
    """

    def __init__(self, acts: Any, batch_size: int, generator: torch.Generator) -> None:
        self.acts, self.table, self.total = acts, in_memory(acts), count(acts)
        self.batch_size, self.generator = batch_size, generator
        self.order = torch.empty(0, dtype=torch.long)

    def __next__(self) -> Tensor:
        while len(self.order) < self.batch_size:
            self.order = torch.cat([self.order, torch.randperm(self.total, generator=self.generator)])
        index, self.order = self.order[: self.batch_size], self.order[self.batch_size :]
        if self.table is None:
            return require_finite(self.acts.batch(index))
        return self.table.index_select(0, index.to(self.table.device))


def shuffled(acts: Any, batch_size: int, generator: torch.Generator) -> Any:
    """Batches without end: a stream's own, else those of `Shuffled`."""
    return acts.shuffled(batch_size, generator) if hasattr(acts, "shuffled") else Shuffled(acts, batch_size, generator)
