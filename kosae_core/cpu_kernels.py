"""Loops over the active features of a batch, compiled by Numba, which the layouts of chapter 07 need anyway.

Each is a pass over a range of rows (or features) without Python's lock; `parallel` gives every thread of torch a range, so
that no second pool of threads competes with torch's, and a sum is taken in the same order however many there are.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numba
import numpy as np
import torch

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
def above(table_BF, bound_F, low, high, counts_B, capacity):
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
def row_topk(table_BF, k, low, high, counts_B):
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
def by_column(crow_B, cols_N, n_columns):
    """The entries sorted by column: where each column starts, and the entries' numbers and rows in that order."""
    starts = np.zeros(n_columns + 1, np.int64)
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
def sampled(y_BD, W_FD, crow_B, cols_N, out_N, low, high):
    """out[e] = y[row of e] . W[column of e]."""
    for b in range(low, high):
        y = y_BD[b]
        for e in range(crow_B[b], crow_B[b + 1]):
            row = W_FD[cols_N[e]]
            total = np.float32(0)
            for d in range(len(y)):
                total += y[d] * row[d]
            out_N[e] = total
