"""Sums and products over the active features of a batch, on a CPU; `cpu_selection` chooses them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kosae_core.cpu_selection import Product, above, batch_top, top
from kosae_core.loops import compiled, parallel

__all__ = ["Product", "above", "bag", "batch_top", "by_column", "column_sums", "sampled", "top"]


@compiled
def _by_column(crow_B, cols_N, n_columns):
    """The entries sorted by column: where each column starts, and the entries' numbers and rows in that order."""
    starts = np.zeros(n_columns + 1, np.int32)
    for e in range(len(cols_N)):
        starts[cols_N[e] + 1] += 1
    for c in range(n_columns):
        starts[c + 1] += starts[c]
    place = starts[:-1].copy()
    order, rows = np.empty(len(cols_N), np.int32), np.empty(len(cols_N), np.int32)
    for b in range(len(crow_B) - 1):
        for e in range(crow_B[b], crow_B[b + 1]):
            at = place[cols_N[e]]
            order[at], rows[at] = e, b
            place[cols_N[e]] = at + 1
    return starts, order, rows


@compiled
def _sampled(y_BD, W_FD, crow_B, cols_N, out_N, low, high):
    """out[e] = y[row of e] . W[column of e]."""
    for b in range(low, high):
        y = y_BD[b]
        for e in range(crow_B[b], crow_B[b + 1]):
            row = W_FD[cols_N[e]]
            total = np.float32(0)
            for d in range(len(y)):
                total += y[d] * row[d]
            out_N[e] = total


def by_column(crow_B: Tensor, cols_N: Tensor, n_columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where each column starts (one more than there are columns), and the entries' numbers and rows by column."""
    return tuple(torch.from_numpy(part) for part in _by_column(crow_B.numpy(), cols_N.numpy(), n_columns))


def bag(values_N: Tensor, starts_M: Tensor, index_N: Tensor, table_RD: Tensor) -> Tensor:
    """For every bag, from one of the M starts to the next, the sum of value * row of the table; shape (M - 1, D)."""
    return functional.embedding_bag(
        index_N, table_RD.contiguous(), starts_M, per_sample_weights=values_N, mode="sum", include_last_offset=True
    )


def column_sums(values_N: Tensor, pattern) -> Tensor:
    """The sum of each column's values, shape (F,)."""
    return torch.bincount(pattern.cols_N, values_N, minlength=pattern.n_columns).to(values_N)


def sampled(y_BD: Tensor, W_FD: Tensor, pattern) -> Tensor:
    """y[row] . W[column] for every entry of a pattern, shape (N,)."""
    out_N = torch.empty(len(pattern.cols_N), dtype=W_FD.dtype)
    arrays = [t.detach().contiguous().numpy() for t in (y_BD, W_FD, pattern.crow_B, pattern.cols_N)]
    parallel(len(y_BD), lambda low, high: _sampled(*arrays, out_N.numpy(), low, high))
    return out_N
