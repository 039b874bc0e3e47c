"""What `cpu_kernels` does, on a GPU: sums over a pattern's entries in two Triton kernels; `gpu_selection` chooses the entries.

Both kernels are sums without atomics, in a fixed order: the same inputs give the same bits.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from kosae_core import gpu_selection
from kosae_core.cpu_selection import CROWD

BLOCK = 256


@triton.jit
def _bag(values, starts, index, table, out, width, block: tl.constexpr):
    bag = tl.program_id(0).to(tl.int64)
    column = tl.program_id(1) * block + tl.arange(0, block)
    inside = column < width
    total = tl.zeros((block,), tl.float32)
    for entry in range(tl.load(starts + bag), tl.load(starts + bag + 1)):
        row = tl.load(index + entry).to(tl.int64)
        part = tl.load(table + row * width + column, mask=inside, other=0.0)
        total += tl.load(values + entry) * part.to(tl.float32)
    tl.store(out + bag * width + column, total, mask=inside)


@triton.jit
def _sampled(y, table, rows, columns, out, width, block: tl.constexpr):
    entry = tl.program_id(0).to(tl.int64)
    row = tl.load(rows + entry).to(tl.int64)
    column = tl.load(columns + entry).to(tl.int64)
    total = tl.zeros((block,), tl.float32)
    for start in range(0, width, block):
        at = start + tl.arange(0, block)
        left = tl.load(y + row * width + at, mask=at < width, other=0.0)
        right = tl.load(table + column * width + at, mask=at < width, other=0.0)
        total += left.to(tl.float32) * right.to(tl.float32)
    tl.store(out + entry, tl.sum(total, axis=0))


def bag(values_N: Tensor, starts_M: Tensor, index_N: Tensor, table_RD: Tensor) -> Tensor:
    """For every bag, from one of the M starts to the next, the sum of value * row of the table; shape (M - 1, D), fp32."""
    n_bags, width = len(starts_M) - 1, table_RD.shape[1]
    out_MD = torch.empty(n_bags, width, device=table_RD.device)
    block = min(BLOCK, triton.next_power_of_2(width))
    grid = (n_bags, triton.cdiv(width, block))
    with gpu_selection.device_of(table_RD):
        _bag[grid](values_N.contiguous(), starts_M, index_N, table_RD.contiguous(), out_MD, width, block=block)
    return out_MD


def bag_columns(values_N: Tensor, starts_M: Tensor, index_N: Tensor, table_RD: Tensor) -> Tensor:
    """The same sums, a column each, shape (D, M - 1)."""
    return bag(values_N, starts_M, index_N, table_RD).t().contiguous()


def column_sums(values_N: Tensor, pattern) -> Tensor:
    """The sum of each column's values, shape (F,); bincount would add them with atomics, in any order."""
    starts_F, order_N, rows_N = pattern.by_column
    ones_B1 = torch.ones(pattern.n_rows, 1, device=values_N.device)
    return bag(values_N.index_select(0, order_N), starts_F, rows_N, ones_B1)[:, 0].to(values_N)


def sampled(y_BD: Tensor, W_FD: Tensor, pattern) -> Tensor:
    """y[row] . W[column] for every entry of a pattern, shape (N,), fp32."""
    out_N = torch.empty(len(pattern.cols_N), device=y_BD.device)
    if len(out_N):
        block = min(BLOCK, triton.next_power_of_2(y_BD.shape[1]))
        arrays = (y_BD.contiguous(), W_FD.contiguous(), pattern.rows_N, pattern.cols_N)
        with gpu_selection.device_of(y_BD):
            _sampled[(len(out_N),)](*arrays, out_N, y_BD.shape[1], block=block)
    return out_N


def by_column(crow_B: Tensor, cols_N: Tensor, n_columns: int) -> tuple[Tensor, Tensor, Tensor]:
    """Where each column starts (one more than there are columns), and the entries' numbers and rows by column."""
    sorted_N, order_N = cols_N.sort(stable=True)
    edges = torch.arange(n_columns + 1, device=cols_N.device, dtype=cols_N.dtype)
    return (
        torch.searchsorted(sorted_N, edges).int(),
        order_N.int(),
        torch.repeat_interleave(crow_B.diff())[order_N].int(),
    )


def _with_values(pre_BF: Tensor, starts_B: Tensor, cols_N: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    return starts_B, cols_N, pre_BF[torch.repeat_interleave(starts_B.diff()), cols_N]


def top(pre_BF: Tensor, k: int) -> tuple[Tensor, Tensor, Tensor]:
    """The k largest of each row, where positive: where rows start, columns and values."""
    return _with_values(pre_BF, *gpu_selection.top(pre_BF, k))


def batch_top(pre_BF: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
    """The n largest of the table, where positive (where rows start, columns and values): those above a bound that a sample of rows suggests, less the smallest."""
    n = min(n, pre_BF.numel())
    sample, share = pre_BF[:: max(1, len(pre_BF) // 64)].float(), 1.25 * n / len(pre_BF)
    first = _passed(sample, share)
    rest = sample[(sample >= first).sum(1) <= CROWD * share + 32]  # without rows that have far more than their share
    for bound in (first, _passed(rest, share), torch.zeros_like(first)):
        bound_F = bound.expand(pre_BF.shape[1])
        counts_B = gpu_selection.count_above(pre_BF, bound_F)
        if int(counts_B.sum()) >= n:
            break
    starts_B, cols_N, values_N = _with_values(pre_BF, *gpu_selection.write_above(pre_BF, bound_F, counts_B))
    if len(cols_N) <= n:
        return starts_B, cols_N, values_N
    kept_N = values_N.topk(n, sorted=False).indices.sort().values
    rows_N = torch.repeat_interleave(counts_B)[kept_N]
    return gpu_selection.starts(torch.bincount(rows_N, minlength=len(pre_BF))), cols_N[kept_N], values_N[kept_N]


def _passed(sample: Tensor, share: float) -> Tensor:
    """A bound of 0 or more that about `share` entries of a row exceed, on average over the sample."""
    rank = int(share * len(sample)) + 32
    return sample.flatten().topk(rank).values[-1].clamp_min(0.0) if rank < sample.numel() else sample.new_zeros(())


def above(pre_BF: Tensor, bound_F: Tensor, densest: float) -> tuple[Tensor, Tensor, Tensor] | None:
    """The entries above their column's bound (where rows start, columns and values); None where they are more than a share `densest` of the table."""
    counts_B = gpu_selection.count_above(pre_BF, bound_F)
    if int(counts_B.sum()) > densest * pre_BF.numel():
        return None
    return _with_values(pre_BF, *gpu_selection.write_above(pre_BF, bound_F, counts_B))
