"""Encoding and decoding that touch only the features of each token that can be on; each has a dense twin for the tests.

The encoder's forward product is dense by nature. Its gradient, the decoder and the decoder's two gradients are not: with
a share s of the features on they cost s of the dense products. That holds for TopK from the first step, and for a penalised
autoencoder as soon as it has become sparse. `cpu_kernels` and `gpu_kernels` do the same work where the tensors are.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as nn_functional
from torch import Tensor

from kosae_core import cpu_kernels, patterns, ranks
from kosae_core.patterns import Pattern
from kosae_core.products import Decode, Entries, Late, OfColumns, Some, Table, full

DENSEST = 1 / 10
"""Share of entries above which penalised variants compute with tables; not tuned by machine or width."""
Chosen = tuple[Pattern, Tensor]
"""Some entries of a table, and their values, at least float32."""


class Code:
    """Features of a batch: a (B, F) table, or, with a pattern, only the entries that can be on."""

    def __init__(self, values: Tensor, pattern: Pattern | None = None) -> None:
        self.values, self.pattern = values, pattern
        self.made: list[tuple[Tensor, Tensor, Late]] = []  # matrices, what came of them, what their gradients wait for

    @property
    def n_rows(self) -> int:
        return len(self.values) if self.pattern is None else self.pattern.n_rows

    def of(self, parameter_F: Tensor) -> Tensor:
        """A parameter of one number per feature, as it meets the values."""
        return parameter_F if self.pattern is None else OfColumns.apply(parameter_F, self.pattern)

    def with_values(self, values: Tensor) -> "Code":
        """Other values at the same places."""
        return Code(values, self.pattern)

    def decode(self, W_FD: Tensor, bias_D: Tensor) -> Tensor:
        """The product with a (F, D) matrix plus a bias, of shape (D,) or (B, D); shape (B, D)."""
        if self.pattern is not None:
            late: Late = []
            sums_BD = Decode.apply(self.values, W_FD, self.pattern, late)
            self.made.append((W_FD, sums_BD, late))
            return ranks.added(sums_BD) + bias_D
        if ranks.n_features() > 1:
            return ranks.added(self.values @ W_FD) + bias_D
        return torch.addmm(bias_D, self.values, W_FD)

    def some(self, W: Tensor, index_N: Tensor, dim: int) -> Tensor:
        """Some rows (dim 0) or columns (dim 1) of a matrix of one for each feature.

        Their gradient is added to that of the matrix by which this code was encoded or decoded, where it is one of these:
        a table of zeros around it, and a sum of two tables, would cost more than all the rest of AuxK.
        """
        for matrix, after, late in self.made:
            if matrix is W:
                return Some.apply(W, index_N, dim, late, after)
        return W.index_select(dim, index_N)

    def table(self) -> Tensor:
        """All features, shape (B, F)."""
        if self.pattern is None:
            return self.values
        at = (self.pattern.rows_N, self.pattern.cols_N)
        return self.values.new_zeros(self.n_rows, self.pattern.n_columns).index_put(at, self.values)

    def l0(self) -> Tensor:
        """Mean number of features that are on."""
        return (self.values > 0).sum().to(torch.promote_types(self.values.dtype, torch.float32)) / self.n_rows

    def fired(self) -> Tensor:
        """Which features are on at least once, shape (F,)."""
        if self.pattern is None:
            return self.values.detach().amax(0) > 0
        cols_N, on_N = self.pattern.cols_N, self.values > 0
        return torch.bincount(cols_N if bool(on_N.all()) else cols_N[on_N], minlength=self.pattern.n_columns) > 0

    def split(self, edges: tuple[int, ...]) -> list["Code"]:
        """The parts between neighbouring edges of the columns, each a code of its own."""
        if self.pattern is None:
            return [Code(self.values[:, low:high]) for low, high in pairwise(edges)]
        crow_B, cols_N = self.pattern.crow_B, self.pattern.cols_N
        part_N = torch.bucketize(cols_N, torch.tensor(edges[1:-1], device=cols_N.device), right=True, out_int32=True)
        starts_P, order_N, rows_N = patterns.backend(cols_N).by_column(crow_B, part_N, len(edges) - 1)
        sizes, parts = starts_P.diff().tolist(), []
        chosen = (t.index_select(0, order_N).split(sizes) for t in (self.values, cols_N))
        for low, high, values_N, inside_N, rows_M in zip(edges, edges[1:], *chosen, rows_N.split(sizes), strict=False):
            counts_B = torch.bincount(rows_M, minlength=len(crow_B) - 1)
            starts_B = nn_functional.pad(counts_B.cumsum(0, dtype=torch.int32), (1, 0))
            parts.append(Code(values_N, Pattern(starts_B, inside_N - low, high - low)))
        return parts


@dataclass(frozen=True)
class Top:
    """The k largest of each row, where positive."""

    k: int

    def choose(self, pre_BF: Tensor | cpu_kernels.Product) -> Chosen:
        k = min(self.k, pre_BF.shape[1])
        pattern, values_N = _chosen(patterns.backend(pre_BF).top(pre_BF, k), pre_BF.shape[1])
        if ranks.n_features() == 1:
            return pattern, values_N
        at = pattern.rows_N, torch.arange(len(values_N), device=values_N.device) - pattern.crow_B[pattern.rows_N]
        yes_N = ranks.among_largest(values_N.new_zeros(len(pre_BF), k).index_put(at, values_N), self.k)[at]
        return pattern.kept(yes_N), values_N[yes_N]

    def dense(self, pre_BF: Tensor) -> Tensor:
        values_Bk, index_Bk = pre_BF.topk(min(self.k, pre_BF.shape[1]), dim=1, sorted=False)
        return torch.zeros_like(pre_BF).scatter(1, index_Bk, ranks.winning(values_Bk.relu(), self.k))


@dataclass(frozen=True)
class BatchTop:
    """The n largest of the whole table, where positive; with other ranks the n largest for each share of the batch, of all."""

    n: int

    def choose(self, pre_BF: Tensor | cpu_kernels.Product) -> Chosen:
        n = self.n * ranks.n_rows()
        pattern, values_N = _chosen(patterns.backend(pre_BF).batch_top(pre_BF, n), pre_BF.shape[1])
        if ranks.alone():
            return pattern, values_N
        yes_N = ranks.among_largest(values_N[None], n, whole_batch=True)[0]
        return pattern.kept(yes_N), values_N[yes_N]

    def dense(self, pre_BF: Tensor) -> Tensor:
        values_N, flat_N = pre_BF.reshape(-1).topk(min(self.n, pre_BF.numel()))
        return torch.zeros_like(pre_BF).reshape(-1).scatter(0, flat_N, values_N.relu()).view_as(pre_BF)


@dataclass(frozen=True)
class Above:
    """Entries above a bound, a number or one for each column; all of them, as a table, while these are many."""

    bound: float | Tensor = 0.0

    def choose(self, pre_BF: Tensor) -> Chosen | None:
        dtype = torch.promote_types(pre_BF.dtype, torch.float32)
        bound_F = torch.as_tensor(self.bound, dtype=dtype, device=pre_BF.device).expand(pre_BF.shape[1])
        found = patterns.backend(pre_BF).above(pre_BF, bound_F, DENSEST)
        return None if found is None else _chosen(found, pre_BF.shape[1])

    def dense(self, pre_BF: Tensor) -> Tensor:
        return pre_BF


def _chosen(found: tuple[Tensor, Tensor, Tensor], n_columns: int) -> Chosen:
    crow_B, cols_N, values_N = found
    return Pattern(crow_B, cols_N, n_columns), full(values_N)


def encode(x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, select: Top | BatchTop | Above) -> Code:
    """The entries of x @ W + bias that `select` chooses.

    The gradient for `x_BD`, which training does not need, is computed only where it is asked for.
    """
    device = x_BD.device.type
    dtype = torch.get_autocast_dtype(device) if torch.is_autocast_enabled(device) else x_BD.dtype
    with torch.no_grad():
        # detached, since the threads of a product know nothing of no_grad
        pre_BF = cpu_kernels.Product(*(t.detach().to(dtype) for t in (x_BD, W_DF, bias_F)))
        if patterns.backend(x_BD) is not cpu_kernels or isinstance(select, Above):
            pre_BF = pre_BF.rows(slice(None))
        chosen = select.choose(pre_BF)
    if chosen is None:
        return Code(select.dense(Table.apply(x_BD, W_DF, bias_F, pre_BF)))
    pattern, values_N = chosen
    late: Late = []
    code = Code(Entries.apply(x_BD, W_DF, bias_F, values_N, pattern, late), pattern)
    code.made.append((W_DF, code.values, late))
    return code
