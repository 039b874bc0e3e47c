"""Choosing entries of a table on a CPU, or of a product that is made for it some rows at a time.

Where only some entries of a product are wanted, each thread multiplies some rows, chooses among them while they are in its
cache, and forgets them: the whole table never exists. Nothing is sorted: the k-th largest is sought by counting how many
numbers reach a bound, which is a plain pass over vectors.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kosae_core.loops import compiled, parallel

GROUP = 16
CROWD = 4
"""Times its share of the entries above the bound with which a sampled row is left out (see `batch_top`)."""
ROWS = 512
"""Rows of a product that a thread makes at a time."""


@dataclass(frozen=True)
class Product:
    """x @ W + bias, of which only some entries are wanted."""

    x_BD: Tensor
    W_DF: Tensor
    bias_F: Tensor

    @property
    def shape(self) -> tuple[int, int]:
        return len(self.x_BD), self.W_DF.shape[1]

    def __len__(self) -> int:
        return len(self.x_BD)

    def rows(self, at: slice, out: Tensor | None = None) -> Tensor:
        """Some rows of the table, in the first rows of `out`."""
        x_BD = self.x_BD[at]
        return torch.addmm(self.bias_F, x_BD, self.W_DF, out=None if out is None else out[: len(x_BD)])


@compiled
def _above(table_BF, counts_B, bound_F, capacity):
    """Columns and values of the entries above their column's bound, row by row; a count of -1 when they exceed `capacity`.

    Columns are looked at in groups of those `n_groups` apart, so that the first look is a plain pass over vectors.
    """
    n_columns = table_BF.shape[1]
    n_groups = max(1, n_columns // GROUP)
    whole = n_columns // n_groups * n_groups
    found, values = np.empty(capacity, np.int32), np.empty(capacity, table_BF.dtype)
    hit = np.empty(n_groups, np.int8)
    n = 0
    for b in range(len(table_BF)):
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
                    return -1, found, values
                for j in range(g, n_columns, n_groups):
                    if row[j] > bound_F[j]:
                        found[n], values[n] = j, row[j]
                        n += 1
        counts_B[b] = n - before
    return n, found, values


@compiled
def _reached(values, n, k, low, high, most):
    """The largest bound from `low` to `high` that at least k of the first n integers reach, or a lower one that at most `most` do."""
    while low < high:
        middle = low + (high - low + 1) // 2
        count = 0
        for i in range(n):
            count += values[i] >= middle
        if count < k:
            high = middle - 1
        else:
            low = middle
            if count <= most:
                break
    return low


@compiled
def _largest(values_N, k):
    """Which k of the integers are the largest; of equal ones the first."""
    bound = _reached(values_N, len(values_N), k, np.int64(values_N.min()), np.int64(values_N.max()), k)
    kept_N = values_N > bound
    left = k - kept_N.sum()
    for i in range(len(values_N)):
        if left > 0 and values_N[i] == bound:
            kept_N[i] = True
            left -= 1
    return kept_N


@compiled
def _maxima(row, most, n_groups):
    """The largest positive entry of each group of columns, 0 where there is none."""
    whole = len(row) // max(1, n_groups) * n_groups
    most[:] = 0
    for start in range(0, whole, max(1, n_groups)):
        part = row[start : start + n_groups]
        for g in range(n_groups):
            most[g] = max(most[g], part[g])
    rest = row[whole:]
    for g in range(len(rest)):
        most[g] = max(most[g], rest[g])


@compiled
def _row_topk(table_BF, counts_B, k, infinity):
    """Columns and values of the k largest positive entries of each row (of all that are, where these are fewer), unordered.

    The table holds integers. A bound that k of the maxima of groups of columns reach is one that at least k entries reach, and few
    others; among these the next bound is sought. Each count on the way is a plain pass over vectors.
    """
    n_rows, n_columns = table_BF.shape
    grouped = n_columns > 16 * k
    n_groups = min(n_columns, max(8 * k, int(0.5 * np.sqrt(k * n_columns)))) if grouped else n_columns
    best, where = np.empty(n_columns + 1, table_BF.dtype), np.empty(n_columns + 1, np.int32)
    most = np.zeros(n_groups + 1, table_BF.dtype)
    found, values = np.empty(n_rows * k + 1, np.int32), np.empty(n_rows * k + 1, table_BF.dtype)
    total = 0
    for b in range(n_rows):
        row = table_BF[b]
        _maxima(row, most, n_groups)
        if most.max() > infinity:  # the bits of NaN, which is not kept
            row = row.copy()
            row[row > infinity] = 0
            _maxima(row, most, n_groups)
        largest = np.int64(most.max())
        bound = max(np.int64(1), _reached(most, n_groups, k, np.int64(0), largest, k))
        n = 0
        for g in range(n_groups):
            if most[g] >= bound:
                for j in range(g, n_columns, n_groups):
                    best[n], where[n] = row[j], j
                    n += row[j] >= bound
        bound = _reached(best, n, k, bound, largest, k) if n > k else np.int64(0)
        to, end = total, total + min(n, k)
        for i in range(n):
            found[to], values[to] = where[i], best[i]
            to += best[i] > bound
        for i in range(n):
            if best[i] == bound and to < end:
                found[to], values[to] = where[i], best[i]
                to += 1
        counts_B[b] = end - total
        total = end
    return total, found, values


def top(pre_BF: Tensor | Product, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k largest of each row, where positive: where rows start, columns and values."""
    dtype = pre_BF.dtype if isinstance(pre_BF, Tensor) else pre_BF.W_DF.dtype
    infinity = int(_ordered(_plain(torch.full((1,), torch.inf, dtype=dtype)))[0])
    return _collected(pre_BF, lambda table, counts_B: _row_topk(_ordered(table), counts_B, k, infinity))


def batch_top(pre_BF: Tensor | Product, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The n largest of the table, where positive: where rows start, columns and values.

    A flat `topk` over millions of entries costs more than the product that made them. A part of the rows gives a bound that
    somewhat more than n entries pass, and only those are partitioned; the result is exact. Rows with far more than their share,
    such as those of a first token, say nothing about the others and are left out of that part.
    """
    n_rows, n_columns = pre_BF.shape
    n = min(n, n_rows * n_columns)
    sample = _rows(pre_BF, slice(None, None, max(1, n_rows // 64)))
    integers, share = _ordered(sample), 1.2 * n / n_rows
    bound = _passed(integers, int(share * len(integers)) + 32)
    crowded = np.count_nonzero(integers >= bound, axis=1) > CROWD * share + 32
    if crowded.any():
        rest = integers[~crowded]
        bound = _passed(rest, int(share * len(rest)) + 32)
    bound = np.array(bound, integers.dtype).view(sample.dtype)[()]
    crow_B, cols_N, values_N = _everywhere_above(pre_BF, bound)
    if len(cols_N) < n and bound > 0:
        crow_B, cols_N, values_N = _everywhere_above(pre_BF, 0)
    if len(cols_N) <= n:
        return crow_B, cols_N, values_N
    kept_N = _largest(_ordered(_plain(values_N)), n)
    before = np.concatenate([[0], np.cumsum(kept_N)]).astype(np.int32)
    found_N, kept_N = torch.from_numpy(before[crow_B.numpy()]), torch.from_numpy(kept_N.nonzero()[0])
    return found_N, cols_N.index_select(0, kept_N), values_N.index_select(0, kept_N)


def _passed(integers: np.ndarray, rank: int) -> int:
    """A bound of 0 or more that about so many of the integers reach."""
    flat = integers.reshape(-1)
    return _reached(flat, len(flat), rank, np.int64(0), np.int64(max(0, flat.max())), int(1.05 * rank))


def above(pre_BF: Tensor, bound_F: Tensor, densest: float) -> tuple[Tensor, Tensor, Tensor] | None:
    """The entries above their column's bound: where rows start, columns and values; None where they are more than a share
    `densest` of the table."""
    if pre_BF.dtype == torch.bfloat16 and bool((bound_F < 0).any()):
        pre_BF = pre_BF.float()  # integers order bf16 as numbers only where these are positive
    bounds, most = _plain(bound_F.to(pre_BF.dtype)), int(densest * pre_BF.numel())
    # each thread may find as many as all of them may, so that their number does not decide
    found = _collected(pre_BF, lambda table, counts_B: _above(table, counts_B, bounds, most + 2 * GROUP))
    return None if found is None or len(found[1]) > most else found


def _ordered(numbers: np.ndarray) -> np.ndarray:
    """Their bits as integers, whose order is that of the positive numbers; all others come to 0 or less."""
    return numbers.view(f"i{numbers.itemsize}")


def _rows(pre_BF: Tensor | Product, at: slice, out: Tensor | None = None) -> np.ndarray:
    return _plain(pre_BF[at] if isinstance(pre_BF, Tensor) else pre_BF.rows(at, out))


def _everywhere_above(pre_BF: Tensor | Product, bound: float) -> tuple[Tensor, Tensor, Tensor]:
    def loop(table: np.ndarray, counts_B: np.ndarray) -> tuple:
        return _above(table, counts_B, np.full(table.shape[1], bound, table.dtype), table.size + 64)

    return _collected(pre_BF, loop)


def _collected(pre_BF: Tensor | Product, loop: Callable[[np.ndarray, np.ndarray], tuple]) -> tuple | None:
    """Row starts, columns and values of what a loop over some rows finds among all; None where it gave up."""
    counts_B = np.zeros(len(pre_BF), np.int32)
    whole = isinstance(pre_BF, Tensor)
    dtype = pre_BF.dtype if whole else pre_BF.W_DF.dtype

    def part(low: int, high: int) -> list[tuple]:
        at_once = high - low if whole else ROWS
        out = None if whole else torch.empty(min(at_once, high - low), pre_BF.shape[1], dtype=dtype)
        found = []
        for start in range(low, high, at_once):
            at = slice(start, min(start + at_once, high))
            n, columns, values = loop(_rows(pre_BF, at, out), counts_B[at])
            found.append((n, columns[: max(n, 0)], values[: max(n, 0)]))
        return found

    parts = [block for found in parallel(len(pre_BF), part) for block in found]
    if any(n < 0 for n, _, _ in parts):
        return None
    starts = np.concatenate([[0], np.cumsum(counts_B)]).astype(np.int32)
    cols_N, values_N = (torch.from_numpy(np.concatenate([each[i] for each in parts])) for i in (1, 2))
    return torch.from_numpy(starts), cols_N, values_N.view(dtype)


def _plain(table: Tensor) -> np.ndarray:
    """A table as NumPy sees it: bf16 as integers, whose order is that of its positive numbers."""
    table = table.detach().contiguous()
    return (table.view(torch.int16) if table.dtype == torch.bfloat16 else table).numpy()
