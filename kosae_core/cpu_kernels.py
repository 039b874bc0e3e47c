"""Selection, sums and products over the active features of a batch, on a CPU.

The loops are compiled by Numba, which the layouts of chapter 07 need anyway. Each is a pass over a range of rows without
Python's lock; `parallel` gives every thread of torch a range, so that no second pool of threads competes with torch's, and
a sum is taken in the same order however many there are.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numba
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

_compiled = numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"})
GROUP = 16


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(n_threads, thread_name_prefix="kosae")


def parallel(n: int, loop: Callable[[int, int], object], smallest: int = 64) -> list:
    """Call `loop(low, high)` on ranges that cover 0 to n, one for each thread of torch; returns the results in order."""
    n_threads = max(1, min(torch.get_num_threads(), n // smallest))
    if n_threads == 1:
        return [loop(0, n)]
    edges = [n * i // n_threads for i in range(n_threads + 1)]
    futures = [_pool(n_threads).submit(loop, *edge) for edge in zip(edges, edges[1:], strict=False)]
    return [future.result() for future in futures]


@_compiled
def _above(table_BF, bound_F, low, high, counts_B, capacity):
    """Columns of the entries that exceed the column's bound, row by row; a count of -1 when they exceed `capacity`.

    Columns are looked at in groups of those `n_groups` apart, so that the first look is a plain pass over vectors.
    """
    n_columns = table_BF.shape[1]
    n_groups = max(1, n_columns // GROUP)
    whole = n_columns // n_groups * n_groups
    found, hit = np.empty(capacity, np.int32), np.empty(n_groups, np.int8)
    n = 0
    for b in range(low, high):
        before, row = n, table_BF[b]
        hit[:] = 0
        for start in range(0, whole, n_groups):
            part, bound = row[start : start + n_groups], bound_F[start : start + n_groups]
            for g in range(n_groups):
                hit[g] |= np.int8(part[g] > bound[g])
        hit[: n_columns - whole] = 1
        for g in range(n_groups):
            if hit[g]:
                if n + 2 * GROUP > capacity:
                    return -1, found
                for j in range(g, n_columns, n_groups):
                    if row[j] > bound_F[j]:
                        found[n] = j
                        n += 1
        counts_B[b] = n - before
    return n, found


@_compiled
def _keep_largest(best, where, n, k):
    """Bring the k largest of the first n to the front (Hoare's quickselect)."""
    left, right = 0, n - 1
    while left < right:
        pivot = best[(left + right) // 2]
        i, j = left, right
        while i <= j:
            while best[i] > pivot:
                i += 1
            while best[j] < pivot:
                j -= 1
            if i <= j:
                best[i], best[j] = best[j], best[i]
                where[i], where[j] = where[j], where[i]
                i += 1
                j -= 1
        if k - 1 <= j:
            right = j
        elif k - 1 >= i:
            left = i
        else:
            break


@_compiled
def _row_topk(table_BF, k, low, high, counts_B):
    """Columns of the k largest positive entries of each row (fewer where fewer are positive), in no particular order.

    The k-th largest of the maxima of groups of columns is a bound that at least k entries reach, and few others.
    """
    n_columns = table_BF.shape[1]
    n_groups = min(n_columns, max(4 * k, int(0.5 * np.sqrt(k * n_columns))))
    whole = n_columns // n_groups * n_groups
    best, where = np.empty(n_columns, table_BF.dtype), np.empty(n_columns, np.int32)
    most, copy = np.empty(n_groups, table_BF.dtype), np.empty(n_groups, table_BF.dtype)
    found = np.empty((high - low) * k, np.int32)
    total = 0
    for b in range(low, high):
        row = table_BF[b]
        most[:] = 0
        for start in range(0, whole, n_groups):
            part = row[start : start + n_groups]
            for g in range(n_groups):
                most[g] = part[g] if part[g] > most[g] else most[g]
        rest = row[whole:]
        for g in range(len(rest)):
            most[g] = rest[g] if rest[g] > most[g] else most[g]
        copy[:] = most
        _keep_largest(copy, where, n_groups, k)
        bound = copy[:k].min()
        n = 0
        for g in range(n_groups):
            if most[g] >= bound:
                for j in range(g, n_columns, n_groups):
                    if row[j] >= bound and row[j] > 0:
                        best[n], where[n] = row[j], j
                        n += 1
        if n > k:
            _keep_largest(best, where, n, k)
            n = k
        for i in range(n):
            found[total + i] = where[i]
        total += n
        counts_B[b] = n
    return total, found


@_compiled
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


@_compiled
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


def top(pre_BF: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row, where positive: where rows start, and columns."""
    table = _plain(pre_BF)
    return _collected(len(table), lambda low, high, counts_B: _row_topk(table, k, low, high, counts_B))


def batch_top(pre_BF: Tensor, n: int) -> tuple[Tensor, Tensor]:
    """The n largest of the table, where positive.

    A flat `topk` over millions of entries costs more than the product that made them. A part of the rows gives a bound that
    somewhat more than n entries pass, and only those are partitioned; the result is exact.
    """
    table, n = _plain(pre_BF), min(n, pre_BF.numel())
    sample = table[:: max(1, len(table) // 64)].reshape(-1)
    rank = int(1.25 * n * sample.size / table.size) + 32
    bound = max(0, np.partition(sample, -rank)[-rank]) if rank < sample.size else 0
    crow_B, cols_N = _everywhere_above(table, bound)
    if len(cols_N) < n and bound > 0:
        crow_B, cols_N = _everywhere_above(table, 0)
    if len(cols_N) <= n:
        return crow_B, cols_N
    rows_N = np.repeat(np.arange(len(table)), np.diff(crow_B.numpy()))
    values_N = table[rows_N, cols_N.numpy()]
    kept_N = np.zeros(len(values_N), bool)
    kept_N[np.argpartition(values_N, len(values_N) - n)[len(values_N) - n :]] = True
    before = np.concatenate([[0], np.cumsum(kept_N)]).astype(np.int32)
    return torch.from_numpy(before[crow_B.numpy()]), cols_N[torch.from_numpy(kept_N)]


def above(pre_BF: Tensor, bound_F: Tensor, densest: float) -> tuple[Tensor, Tensor] | None:
    """The entries above their column's bound; None where they are more than a share `densest` of the table."""
    if pre_BF.dtype != torch.float32 and bool((bound_F < 0).any()):
        pre_BF = pre_BF.float()  # integers order bf16 as numbers only where these are positive
    table, bounds = _plain(pre_BF), _plain(bound_F.to(pre_BF.dtype))

    def loop(low: int, high: int, counts_B: np.ndarray) -> tuple:
        return _above(table, bounds, low, high, counts_B, int(densest * (high - low) * table.shape[1]) + 64)

    return _collected(len(table), loop)


def by_column(crow_B: Tensor, cols_N: Tensor, rows_N: Tensor, n_columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where each column starts (one more than there are columns), and the entries' numbers and rows by column."""
    return tuple(torch.from_numpy(part) for part in _by_column(crow_B.numpy(), cols_N.numpy(), n_columns))


def bag(values_N: Tensor, starts_M: Tensor, index_N: Tensor, table_RD: Tensor) -> Tensor:
    """For every bag, from one of the M starts to the next, the sum of value * row of the table; shape (M - 1, D)."""
    return functional.embedding_bag(
        index_N, table_RD.contiguous(), starts_M, per_sample_weights=values_N, mode="sum", include_last_offset=True
    )


def sampled(y_BD: Tensor, W_FD: Tensor, pattern) -> Tensor:
    """y[row] . W[column] for every entry of a pattern, shape (N,)."""
    out_N = torch.empty(len(pattern.cols_N), dtype=W_FD.dtype)
    arrays = [t.detach().contiguous().numpy() for t in (y_BD, W_FD, pattern.crow_B, pattern.cols_N)]
    parallel(len(y_BD), lambda low, high: _sampled(*arrays, out_N.numpy(), low, high))
    return out_N


def _plain(table: Tensor) -> np.ndarray:
    """A table as NumPy sees it: bf16 as integers, whose order is that of its positive numbers."""
    table = table.detach().contiguous()
    return (table.view(torch.int16) if table.dtype == torch.bfloat16 else table).numpy()


def _everywhere_above(table: np.ndarray, bound: float) -> tuple[Tensor, Tensor]:
    bounds, columns = np.full(table.shape[1], bound, table.dtype), table.shape[1]
    return _collected(
        len(table),
        lambda low, high, counts_B: _above(table, bounds, low, high, counts_B, (high - low + 1) * columns + 64),
    )


def _collected(n_rows: int, loop: Callable[[int, int, np.ndarray], tuple]) -> tuple[Tensor, Tensor] | None:
    """Row starts and columns of what a loop over ranges of rows finds; None where it gave up."""
    counts_B = np.zeros(n_rows, np.int32)
    parts = parallel(n_rows, lambda low, high: loop(low, high, counts_B))
    if any(n < 0 for n, _ in parts):
        return None
    starts = np.concatenate([[0], np.cumsum(counts_B)]).astype(np.int32)
    return torch.from_numpy(starts), torch.from_numpy(np.concatenate([found[:n] for n, found in parts]))
