"""The products of an encoder and a decoder at the entries of a pattern, with gradients that touch no others."""

import torch
from torch import Tensor

from kosae_core import patterns
from kosae_core.patterns import Pattern

Late = list[tuple[int, Tensor, Tensor]]
"""Gradients of some rows or columns of a matrix, with dimension and index, that its own gradient will take in."""


def full(tensor: Tensor) -> Tensor:
    """At least float32: what autocast has made less becomes that again."""
    return tensor.to(torch.promote_types(tensor.dtype, torch.float32))


def bags(values_N: Tensor, y_BD: Tensor, pattern: Pattern) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """S^T @ y for the sparse matrix S of the values, as one bag of rows of `y` per column: what a backend's `bag` is given."""
    starts_F, order_N, rows_N = pattern.by_column
    return values_N.index_select(0, order_N), starts_F, rows_N, y_BD


class Table(torch.autograd.Function):
    """x @ W + bias, given, with its gradients for W and bias."""

    @staticmethod
    def forward(ctx, x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, pre_BF: Tensor) -> Tensor:
        ctx.save_for_backward(x_BD, W_DF)
        return pre_BF.view_as(pre_BF)

    @staticmethod
    def backward(ctx, grad_BF: Tensor) -> tuple[Tensor | None, Tensor, Tensor, None]:
        x_BD, W_DF = ctx.saved_tensors
        grad_x_BD = full(grad_BF) @ W_DF.t() if ctx.needs_input_grad[0] else None
        return grad_x_BD, full(x_BD.to(grad_BF.dtype).t() @ grad_BF), full(grad_BF.sum(0)), None


class Some(torch.autograd.Function):
    """Some rows or columns of a matrix; their gradient is left to that of `after`, which is therefore computed later."""

    @staticmethod
    def forward(ctx, W: Tensor, index_N: Tensor, dim: int, late: Late, after: Tensor) -> Tensor:
        ctx.index_N, ctx.dim, ctx.late = index_N, dim, late
        return W.index_select(dim, index_N)

    @staticmethod
    def backward(ctx, grad: Tensor) -> tuple[None, ...]:
        ctx.late.append((ctx.dim, ctx.index_N, grad))
        return (None,) * 5


def _with_late(grad: Tensor, late: Late) -> Tensor:
    while late:
        dim, index_N, part = late.pop()
        grad.index_add_(dim, index_N, part)
    return grad


class Entries(torch.autograd.Function):
    """The entries of x @ W + bias at a pattern, given, with their gradients for W and bias."""

    @staticmethod
    def forward(
        ctx, x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, values_N: Tensor, pattern: Pattern, late: Late
    ) -> Tensor:
        # a copy of some features' columns, as AuxK makes it, need not live on
        ctx.save_for_backward(x_BD, W_DF if ctx.needs_input_grad[0] else None)
        ctx.pattern, ctx.late = pattern, late
        return values_N.view_as(values_N)

    @staticmethod
    def backward(ctx, grad_N: Tensor) -> tuple[Tensor | None, ...]:
        (x_BD, W_DF), pattern = ctx.saved_tensors, ctx.pattern
        grad_x_BD = None
        if ctx.needs_input_grad[0]:
            grad_x_BD = patterns.backend(x_BD).bag(grad_N, pattern.crow_B, pattern.cols_N, W_DF.t())
        grad_W_DF = _with_late(patterns.backend(x_BD).bag_columns(*bags(grad_N, x_BD, pattern)), ctx.late)
        return grad_x_BD, grad_W_DF, patterns.backend(grad_N).column_sums(grad_N, pattern), None, None, None


class OfColumns(torch.autograd.Function):
    """A number of each column's, at each entry of a pattern; its gradient is added up in one order on any device."""

    @staticmethod
    def forward(ctx, parameter_F: Tensor, pattern: Pattern) -> Tensor:
        ctx.pattern = pattern
        return parameter_F.index_select(0, pattern.cols_N)

    @staticmethod
    def backward(ctx, grad_N: Tensor) -> tuple[Tensor, None]:
        return patterns.backend(grad_N).column_sums(grad_N, ctx.pattern), None


class Decode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values_N: Tensor, W_FD: Tensor, pattern: Pattern, late: Late) -> Tensor:
        ctx.save_for_backward(values_N, W_FD)
        ctx.pattern, ctx.late = pattern, late
        return patterns.backend(W_FD).bag(values_N, pattern.crow_B, pattern.cols_N, W_FD)

    @staticmethod
    def backward(ctx, grad_BD: Tensor) -> tuple[Tensor | None, ...]:
        (values_N, W_FD), pattern = ctx.saved_tensors, ctx.pattern
        wanted_N, wanted_FD = ctx.needs_input_grad[:2]
        grad_values_N = patterns.backend(W_FD).sampled(grad_BD, W_FD, pattern) if wanted_N else None
        grad_W_FD = (
            _with_late(patterns.backend(W_FD).bag(*bags(values_N, grad_BD, pattern)), ctx.late) if wanted_FD else None
        )
        return grad_values_N, grad_W_FD, None, None
