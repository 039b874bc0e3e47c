"""Encoding and decoding that touch only the features of each token that can be on; each has a dense twin for the tests.

The encoder's forward product is dense by nature. Its gradient, the decoder and the decoder's two gradients are not: with
a share s of the features on they cost s of the dense products. That holds for TopK from the first step, and for a penalised
autoencoder as soon as it has become sparse. On a CPU these are `embedding_bag` and the loops of `cpu_kernels`.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as nn_functional
from torch import Tensor

from kosae_core import cpu_kernels

DENSEST = 1 / 10
"""Share of entries above which the dense products are faster (`benchmarks/train_throughput.py --crossover`)."""


@dataclass(frozen=True)
class Pattern:
    """Which entries of a (B, F) table there are, row by row: those of row b stand from `crow_B[b]` to `crow_B[b + 1]`."""

    crow_B: Tensor
    cols_N: Tensor
    n_columns: int

    @property
    def n_rows(self) -> int:
        return len(self.crow_B) - 1

    @cached_property
    def rows_N(self) -> Tensor:
        return torch.repeat_interleave(torch.arange(self.n_rows, dtype=torch.int32), self.crow_B.diff())

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where each column starts, and the entries' numbers and rows in the order of columns."""
        found = cpu_kernels.by_column(self.crow_B.numpy(), self.cols_N.numpy(), self.n_columns)
        return tuple(torch.from_numpy(part) for part in found)

    def entries(self, table_BF: Tensor) -> Tensor:
        """The table's values at the pattern, as float32."""
        return table_BF[self.rows_N, self.cols_N].float()


class Code:
    """Features of a batch: a (B, F) table, or, with a pattern, only the entries that can be on."""

    def __init__(self, values: Tensor, pattern: Pattern | None = None) -> None:
        self.values, self.pattern = values, pattern

    @property
    def n_rows(self) -> int:
        return len(self.values) if self.pattern is None else self.pattern.n_rows

    def of(self, parameter_F: Tensor) -> Tensor:
        """A parameter of one number per feature, as it meets the values."""
        return parameter_F if self.pattern is None else parameter_F.index_select(0, self.pattern.cols_N)

    def with_values(self, values: Tensor) -> "Code":
        """Other values at the same places."""
        return Code(values, self.pattern)

    def decode(self, W_FD: Tensor, bias_D: Tensor) -> Tensor:
        """The product with a (F, D) matrix plus a bias, shape (B, D)."""
        if self.pattern is None:
            return torch.addmm(bias_D, self.values, W_FD)
        return _Decode.apply(self.values, W_FD, self.pattern) + bias_D

    def l0(self) -> Tensor:
        """Mean number of features that are on."""
        return (self.values > 0).sum() / self.n_rows

    def fired(self) -> Tensor:
        """Which features are on at least once, shape (F,)."""
        if self.pattern is None:
            return self.values.detach().amax(0) > 0
        on_N = self.pattern.cols_N[self.values > 0]
        return torch.bincount(on_N, minlength=self.pattern.n_columns) > 0

    def split(self, edges: tuple[int, ...]) -> list["Code"]:
        """The parts between neighbouring edges of the columns, each a code of its own."""
        if self.pattern is None:
            return [Code(self.values[:, low:high]) for low, high in pairwise(edges)]
        parts, (crow_B, cols_N) = [], (self.pattern.crow_B, self.pattern.cols_N)
        for low, high in pairwise(edges):
            inside_N = (cols_N >= low) & (cols_N < high)
            before = nn_functional.pad(inside_N.cumsum(0, dtype=torch.int32), (1, 0))
            part = Pattern(before[crow_B], cols_N[inside_N] - low, high - low)
            parts.append(Code(self.values[inside_N], part))
        return parts


@dataclass(frozen=True)
class Top:
    """The k largest of each row, where positive."""

    k: int

    def pattern(self, pre_BF: Tensor) -> Pattern | None:
        table = _plain(pre_BF)
        return _collected(pre_BF, lambda low, high, n_B: cpu_kernels.row_topk(table, self.k, low, high, n_B))

    def dense(self, pre_BF: Tensor) -> Tensor:
        values_Bk, index_Bk = pre_BF.topk(self.k, dim=1, sorted=False)
        return torch.zeros_like(pre_BF).scatter(1, index_Bk, values_Bk.relu())


@dataclass(frozen=True)
class BatchTop:
    """The n largest of the whole table, where positive.

    A flat `topk` over millions of entries costs more than the product that made them. On a CPU a part of the rows gives a
    bound that somewhat more than n entries pass, and only those are partitioned; the result is exact.
    """

    n: int

    def pattern(self, pre_BF: Tensor) -> Pattern | None:
        n, (rows, columns) = min(self.n, pre_BF.numel()), pre_BF.shape
        table = _plain(pre_BF)
        sample = table[:: max(1, rows // 64)].reshape(-1)
        rank = int(1.25 * n * sample.size / table.size) + 32
        bound = float(max(0, np.partition(sample, -rank)[-rank])) if rank < sample.size else 0.0
        found = self._above(pre_BF, table, bound)
        if len(found.cols_N) < n and bound > 0:
            found = self._above(pre_BF, table, 0.0)
        if len(found.cols_N) <= n:
            return found
        values = table[found.rows_N.numpy(), found.cols_N.numpy()]
        kept = np.zeros(len(values), bool)
        kept[np.argpartition(values, len(values) - n)[len(values) - n :]] = True
        before = np.concatenate([[0], np.cumsum(kept)]).astype(np.int32)
        return Pattern(
            torch.from_numpy(before[found.crow_B.numpy()]), found.cols_N[torch.from_numpy(kept)], columns
        )  # fmt: skip

    @staticmethod
    def _above(pre_BF: Tensor, table: np.ndarray, bound: float) -> Pattern:
        bounds, columns = np.full(pre_BF.shape[1], bound, table.dtype), pre_BF.shape[1]
        return _collected(
            pre_BF,
            lambda low, high, n_B: cpu_kernels.above(table, bounds, low, high, n_B, (high - low + 1) * columns + 64),
        )

    def dense(self, pre_BF: Tensor) -> Tensor:
        values_N, flat_N = pre_BF.reshape(-1).topk(min(self.n, pre_BF.numel()))
        return torch.zeros_like(pre_BF).reshape(-1).scatter(0, flat_N, values_N.relu()).view_as(pre_BF)


@dataclass(frozen=True)
class Above:
    """Entries above a bound, a number or one for each column; all of them, as a table, while these are many."""

    bound: float | Tensor = 0.0

    def pattern(self, pre_BF: Tensor) -> Pattern | None:
        bound_F = torch.as_tensor(self.bound, dtype=torch.float32).expand(pre_BF.shape[1])
        if pre_BF.dtype != torch.float32 and bool((bound_F < 0).any()):
            pre_BF = pre_BF.float()  # integers order bf16 as numbers only where these are positive
        table = _plain(pre_BF)
        bounds, columns = _plain(bound_F.to(pre_BF.dtype)), pre_BF.shape[1]
        return _collected(
            pre_BF,
            lambda low, high, n_B: cpu_kernels.above(
                table, bounds, low, high, n_B, int(DENSEST * (high - low) * columns) + 64
            ),
        )

    def dense(self, pre_BF: Tensor) -> Tensor:
        return pre_BF


def encode(x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, select: Top | BatchTop | Above) -> Code:
    """The entries of x @ W + bias that `select` chooses.

    Differs no gradient reaches `x_BD` on a CPU: training needs none, and it would cost a dense product.
    """
    if x_BD.device.type != "cpu":
        return Code(select.dense(torch.addmm(bias_F, x_BD, W_DF)))
    with torch.no_grad():
        pre_BF = torch.addmm(bias_F, x_BD, W_DF)
        pattern = select.pattern(pre_BF)
    if pattern is None:
        return Code(select.dense(_Table.apply(x_BD, W_DF, bias_F, pre_BF)))
    return Code(_Entries.apply(x_BD, W_DF, bias_F, pattern.entries(pre_BF), pattern), pattern)


def _plain(table: Tensor) -> np.ndarray:
    """A table as NumPy sees it: bf16 as integers, whose order is that of its positive numbers."""
    table = table.contiguous()
    return (table.view(torch.int16) if table.dtype == torch.bfloat16 else table).numpy()


def _collected(pre_BF: Tensor, loop) -> Pattern | None:
    """The pattern of what a loop over ranges of rows finds; None where it found too many."""
    counts = np.zeros(len(pre_BF), np.int32)
    parts = cpu_kernels.parallel(len(pre_BF), lambda low, high: loop(low, high, counts))
    if any(n < 0 for n, _ in parts):
        return None
    cols_N = torch.from_numpy(np.concatenate([found[:n] for n, found in parts]))
    crow_B = torch.from_numpy(np.concatenate([[0], np.cumsum(counts)]).astype(np.int32))
    return Pattern(crow_B, cols_N, pre_BF.shape[1])


def _transposed(values_N: Tensor, y_BD: Tensor, pattern: Pattern) -> Tensor:
    """S^T @ y for the sparse matrix S of the values, shape (F, D): one bag of rows of `y` per column."""
    starts_F, order_N, rows_N = pattern.by_column
    return nn_functional.embedding_bag(
        rows_N, y_BD.contiguous(), starts_F[:-1].int(), per_sample_weights=values_N[order_N], mode="sum"
    )


class _Table(torch.autograd.Function):
    """x @ W + bias, given, with its gradients for W and bias."""

    @staticmethod
    def forward(ctx, x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, pre_BF: Tensor) -> Tensor:
        ctx.save_for_backward(x_BD)
        return pre_BF.view_as(pre_BF)

    @staticmethod
    def backward(ctx, grad_BF: Tensor) -> tuple[None, Tensor, Tensor, None]:
        (x_BD,) = ctx.saved_tensors
        return None, (x_BD.to(grad_BF.dtype).t() @ grad_BF).float(), grad_BF.sum(0).float(), None


class _Entries(torch.autograd.Function):
    """The entries of x @ W + bias at a pattern, given, with their gradients for W and bias."""

    @staticmethod
    def forward(ctx, x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, values_N: Tensor, pattern: Pattern) -> Tensor:
        ctx.save_for_backward(x_BD)
        ctx.pattern = pattern
        return values_N.view_as(values_N)

    @staticmethod
    def backward(ctx, grad_N: Tensor) -> tuple[None, Tensor, Tensor, None, None]:
        (x_BD,), pattern = ctx.saved_tensors, ctx.pattern
        grad_bias_F = torch.bincount(pattern.cols_N, grad_N, minlength=pattern.n_columns)
        return None, _transposed(grad_N, x_BD, pattern).t().contiguous(), grad_bias_F.to(grad_N), None, None


class _Decode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values_N: Tensor, W_FD: Tensor, pattern: Pattern) -> Tensor:
        ctx.save_for_backward(values_N, W_FD)
        ctx.pattern = pattern
        return nn_functional.embedding_bag(
            pattern.cols_N, W_FD, pattern.crow_B[:-1], per_sample_weights=values_N, mode="sum"
        )

    @staticmethod
    def backward(ctx, grad_BD: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        (values_N, W_FD), pattern = ctx.saved_tensors, ctx.pattern
        grad_BD = grad_BD.contiguous()
        grad_values_N = grad_W_FD = None
        if ctx.needs_input_grad[0]:
            grad_values_N = torch.empty_like(values_N)
            arrays = [t.numpy() for t in (grad_BD, W_FD, pattern.crow_B, pattern.cols_N, grad_values_N)]
            cpu_kernels.parallel(len(grad_BD), lambda low, high: cpu_kernels.sampled(*arrays, low, high))
        if ctx.needs_input_grad[1]:
            grad_W_FD = _transposed(values_N, grad_BD, pattern)
        return grad_values_N, grad_W_FD, None
