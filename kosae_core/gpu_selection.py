"""Choosing entries of a table on a GPU, in three passes of Triton kernels: find the bound of each row, count, write.

One program per row and no atomics, so that the same table gives the same entries in the same order. A positive float's bits
grow with it as an integer, which makes the k-th largest of a row a search of four digits of 8 bits (radix selection), each a
histogram over the row; nothing is sorted and no list of candidates leaves the chip.
"""

from contextlib import AbstractContextManager, nullcontext

import torch
import triton
import triton.language as tl
from torch import Tensor

BLOCK = 1024
DIGITS = {torch.float32: 4, torch.bfloat16: 2}
"""How many digits of 8 bits a value has; the lower half of a bfloat16, as a float32, is zero."""


@triton.jit
def _bits(pre, row, at, width):
    """Positive values as integers of the same order; 0 for all others, and past the end of the row."""
    values = tl.load(pre + row * width + at, mask=at < width, other=0.0).to(tl.float32)
    return tl.where(values > 0, values, 0.0).to(tl.int32, bitcast=True)


@triton.jit
def _kth(pre, bounds, ties, width, k, digits: tl.constexpr, block: tl.constexpr):
    """The bits of a row's k-th largest entry, and how many of the entries equal to it are among the k."""
    row = tl.program_id(0).to(tl.int64)
    bins = tl.arange(0, 256)
    bound = k * 0
    left = k
    for digit in tl.static_range(digits):
        counts = tl.zeros((256,), tl.int32)
        for start in range(0, width, block):
            at = start + tl.arange(0, block)
            bits = _bits(pre, row, at, width)
            inside = at < width
            if digit > 0:
                inside = inside & ((bits >> (32 - 8 * digit)) == (bound >> (32 - 8 * digit)))
            counts += tl.histogram((bits >> (24 - 8 * digit)) & 255, 256, mask=inside)
        at_least = tl.cumsum(counts, 0, reverse=True)
        chosen = tl.sum((at_least >= left).to(tl.int32)) - 1
        left -= tl.sum(tl.where(bins > chosen, counts, 0))
        bound += chosen << (24 - 8 * digit)
    tl.store(bounds + row, bound)
    tl.store(ties + row, left)


@triton.jit
def _write_top(pre, bounds, ties, starts, columns, width, block: tl.constexpr):
    """The columns of a row's entries above its bound, and of the first of those equal to it."""
    row = tl.program_id(0).to(tl.int64)
    bound = tl.load(bounds + row)
    left = tl.load(ties + row)
    to = tl.load(starts + row)
    for start in range(0, width, block):
        at = start + tl.arange(0, block)
        bits = _bits(pre, row, at, width)
        equal = ((bits == bound) & (bits > 0)).to(tl.int32)
        on = (bits > bound) | ((equal > 0) & (tl.cumsum(equal, 0) <= left))
        tl.store(columns + to + tl.cumsum(on.to(tl.int32), 0) - 1, at, mask=on)
        to += tl.sum(on.to(tl.int32))
        left -= tl.sum(equal)


@triton.jit
def _above(pre, bounds, starts, out, width, write: tl.constexpr, block: tl.constexpr):
    """How many entries of a row exceed their column's bound, or, with `write`, their columns."""
    row = tl.program_id(0).to(tl.int64)
    to = tl.load(starts + row)
    for start in range(0, width, block):
        at = start + tl.arange(0, block)
        inside = at < width
        values = tl.load(pre + row * width + at, mask=inside, other=0.0).to(tl.float32)
        on = inside & (values > tl.load(bounds + at, mask=inside, other=0.0))
        if write:
            tl.store(out + to + tl.cumsum(on.to(tl.int32), 0) - 1, at, mask=on)
        to += tl.sum(on.to(tl.int32))
    if not write:
        tl.store(out + row, to)


def device_of(tensor: Tensor) -> AbstractContextManager:
    """Launch where a tensor is: Triton takes the current device, which may be another."""
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()


def top(pre_BF: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k largest of each row, where positive, equal ones by column: where rows start (B + 1,), and columns (N,), int32."""
    pre_BF, (n_rows, width) = pre_BF.contiguous(), pre_BF.shape
    bounds_B, ties_B = (torch.empty(n_rows, dtype=torch.int32, device=pre_BF.device) for _ in range(2))
    block = min(BLOCK, triton.next_power_of_2(width))
    with device_of(pre_BF):
        _kth[(n_rows,)](pre_BF, bounds_B, ties_B, width, k, digits=DIGITS.get(pre_BF.dtype, 4), block=block)
        starts_B = starts(torch.where(bounds_B > 0, k, k - ties_B))
        columns_N = torch.empty(int(starts_B[-1]), dtype=torch.int32, device=pre_BF.device)
        _write_top[(n_rows,)](pre_BF, bounds_B, ties_B, starts_B, columns_N, width, block=block)
    return starts_B, columns_N


def count_above(pre_BF: Tensor, bound_F: Tensor) -> Tensor:
    """How many entries of each row exceed their column's bound, shape (B,), int32."""
    pre_BF, (n_rows, width) = pre_BF.contiguous(), pre_BF.shape
    counts_B = torch.empty(n_rows, dtype=torch.int32, device=pre_BF.device)
    block = min(BLOCK, triton.next_power_of_2(width))
    with device_of(pre_BF):
        _above[(n_rows,)](pre_BF, bound_F.contiguous(), torch.zeros_like(counts_B), counts_B, width, write=False, block=block)  # fmt: skip
    return counts_B


def write_above(pre_BF: Tensor, bound_F: Tensor, counts_B: Tensor) -> tuple[Tensor, Tensor]:
    """Those entries, once counted: where rows start (B + 1,), and columns (N,), int32."""
    pre_BF, (n_rows, width), starts_B = pre_BF.contiguous(), pre_BF.shape, starts(counts_B)
    columns_N = torch.empty(int(starts_B[-1]), dtype=torch.int32, device=pre_BF.device)
    block = min(BLOCK, triton.next_power_of_2(width))
    with device_of(pre_BF):
        _above[(n_rows,)](pre_BF, bound_F.contiguous(), starts_B, columns_N, width, write=True, block=block)
    return starts_B, columns_N


def starts(counts_B: Tensor) -> Tensor:
    """Where each row starts when rows have these numbers of entries, and the end; shape (B + 1,), int32."""
    return torch.nn.functional.pad(counts_B.cumsum(0), (1, 0)).int()
