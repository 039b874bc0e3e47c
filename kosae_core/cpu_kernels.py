"""Sums and products over the active features of a batch, on a CPU; `cpu_selection` chooses them."""

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from kosae_core.cpu_selection import Product, above, batch_top, top
from kosae_core.loops import compiled, parallel

__all__ = ["Product", "above", "bag", "bag_columns", "batch_top", "by_column", "column_sums", "sampled", "top"]
WIDE = 64
"""Bags whose sums stand beside each other before they become columns, so that these are written in whole lines of the cache."""


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


@compiled
def _bag_columns(values_N, starts_M, index_N, table_RD, out_DM, low, high):
    """out[:, m] = the sum of value * row of the table over bag m."""
    sums_WD = np.empty((WIDE, table_RD.shape[1]), table_RD.dtype)
    for first in range(low, high, WIDE):
        last = min(first + WIDE, high)
        for m in range(first, last):
            sums = sums_WD[m - first]
            sums[:] = 0
            for e in range(starts_M[m], starts_M[m + 1]):
                value, row = values_N[e], table_RD[index_N[e]]
                for d in range(len(sums)):
                    sums[d] += value * row[d]
        for d in range(sums_WD.shape[1]):
            column = out_DM[d]
            for m in range(first, last):
                column[m] = sums_WD[m - first, d]


def by_column(crow_B: Tensor, cols_N: Tensor, n_columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where each column starts (one more than there are columns), and the entries' numbers and rows by column."""
    return tuple(torch.from_numpy(part) for part in _by_column(crow_B.numpy(), cols_N.numpy(), n_columns))


def bag(values_N: Tensor, starts_M: Tensor, index_N: Tensor, table_RD: Tensor) -> Tensor:
    """For every bag, from one of the M starts to the next, the sum of value * row of the table; shape (M - 1, D)."""
    return functional.embedding_bag(
        index_N, table_RD.contiguous(), starts_M, per_sample_weights=values_N, mode="sum", include_last_offset=True
    )


def bag_columns(values_N: Tensor, starts_M: Tensor, index_N: Tensor, table_RD: Tensor) -> Tensor:
    """The same sums, a column each, shape (D, M - 1): to turn them afterwards costs as much as they do."""
    out_DM = torch.empty(table_RD.shape[1], len(starts_M) - 1, dtype=table_RD.dtype)
    arrays = [t.detach().contiguous().numpy() for t in (values_N, starts_M, index_N, table_RD)]
    parallel(out_DM.shape[1], lambda low, high: _bag_columns(*arrays, out_DM.numpy(), low, high))
    return out_DM


def column_sums(values_N: Tensor, pattern) -> Tensor:
    """The sum of each column's values, shape (F,)."""
    return torch.bincount(pattern.cols_N, values_N, minlength=pattern.n_columns).to(values_N)


def sampled(y_BD: Tensor, W_FD: Tensor, pattern) -> Tensor:
    """y[row] . W[column] for every entry of a pattern, shape (N,)."""
    out_N = torch.empty(len(pattern.cols_N), dtype=W_FD.dtype)
    arrays = [t.detach().contiguous().numpy() for t in (y_BD, W_FD, pattern.crow_B, pattern.cols_N)]
    parallel(len(y_BD), lambda low, high: _sampled(*arrays, out_N.numpy(), low, high))
    return out_N
