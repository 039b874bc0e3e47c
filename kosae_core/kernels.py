"""Products that touch only the k active features of each token; each has a dense twin that the tests compare it with.

The encoder's forward product is dense by nature. Its gradient, the decoder and the decoder's two gradients are not: at
k of F features they cost k/F of the dense product. On a CPU all of them are `embedding_bag` or a sampled product.
"""

import warnings

import numpy as np
import torch
import torch.nn.functional as nn_functional
from jaxtyping import Float, Int
from torch import Tensor

with warnings.catch_warnings():
    # torch warns once per process that CSR tensors are in beta: let that once be here
    warnings.simplefilter("ignore")
    torch.sparse_csr_tensor(torch.tensor([0, 1]), torch.tensor([0]), torch.ones(1), (1, 1), check_invariants=False)


def topk_encode(
    x_BD: Float[Tensor, "B D"], W_DF: Float[Tensor, "D F"], bias_F: Float[Tensor, " F"], k: int
) -> tuple[Float[Tensor, "B k"], Int[Tensor, "B k"]]:
    """The `k` largest of `x @ W + bias` per row after ReLU, and their columns, in no particular order.

    Differs no gradient reaches `x_BD`: training needs none, and it would cost a dense product.
    """
    if x_BD.device.type == "cpu":
        return _TopKEncode.apply(x_BD, W_DF, bias_F, k)
    return topk_encode_dense(x_BD, W_DF, bias_F, k)


def sparse_decode(
    values_Bk: Float[Tensor, "B k"], index_Bk: Int[Tensor, "B k"], W_FD: Float[Tensor, "F D"]
) -> Float[Tensor, "B D"]:
    """The sum over j of `values[b, j] * W[index[b, j]]`."""
    if values_Bk.device.type == "cpu":
        return _SparseDecode.apply(values_Bk, index_Bk, W_FD)
    return sparse_decode_dense(values_Bk, index_Bk, W_FD)


def batch_topk_encode(
    x_BD: Float[Tensor, "B D"], W_DF: Float[Tensor, "D F"], bias_F: Float[Tensor, " F"], n: int
) -> tuple[Float[Tensor, " N"], Int[Tensor, " N"], Int[Tensor, " N"]]:
    """The `n` largest positive entries of `x @ W + bias` over the whole batch: values, rows, columns, by rising row.

    There are fewer where fewer are positive. No gradient reaches `x_BD`, as in `topk_encode`.
    """
    if x_BD.device.type == "cpu":
        return _BatchTopKEncode.apply(x_BD, W_DF, bias_F, n)
    pre_BF = torch.addmm(bias_F, x_BD, W_DF)
    rows_N, cols_N = largest(pre_BF.detach(), n)
    return pre_BF[rows_N, cols_N], rows_N, cols_N


def ragged_decode(
    values_N: Float[Tensor, " N"], rows_N: Int[Tensor, " N"], cols_N: Int[Tensor, " N"], W_FD: Float[Tensor, "F D"], n_rows: int
) -> Float[Tensor, "B D"]:  # fmt: skip
    """`sparse_decode` for rows of different lengths: entries in the form of `batch_topk_encode`, B = `n_rows`."""
    if values_N.device.type == "cpu":
        return _RaggedDecode.apply(values_N, rows_N, cols_N, W_FD, n_rows)
    return values_N.new_zeros(n_rows, len(W_FD)).index_put((rows_N, cols_N), values_N) @ W_FD


def largest(pre_BF: Float[Tensor, "B F"], n: int) -> tuple[Int[Tensor, " N"], Int[Tensor, " N"]]:
    """Rows and columns of the `n` largest positive entries of a table, in rising order.

    A flat `topk` over millions of entries costs more than the dense product that made them. On a CPU a sixteenth of the
    rows gives a bound that somewhat more than `n` entries pass, and only those are partitioned; the result is exact.
    """
    if pre_BF.device.type != "cpu":
        values_N, flat_N = pre_BF.reshape(-1).topk(min(n, pre_BF.numel()))
        flat_N = flat_N[values_N > 0].sort().values
        return flat_N // pre_BF.shape[1], flat_N % pre_BF.shape[1]
    pre = pre_BF.contiguous().numpy()
    flat = pre.reshape(-1)
    sample = pre[::16].reshape(-1)
    rank = int(1.25 * n * sample.size / flat.size) + 32
    bound = max(0.0, float(np.partition(sample, sample.size - rank)[sample.size - rank])) if rank < sample.size else 0.0
    passed = np.flatnonzero(flat > bound)
    if len(passed) < n and bound > 0:
        passed = np.flatnonzero(flat > 0)
    if len(passed) > n:
        passed = np.sort(passed[np.argpartition(flat[passed], len(passed) - n)[len(passed) - n :]])
    return tuple(torch.from_numpy(part) for part in np.divmod(passed, pre_BF.shape[1]))


def topk_encode_dense(x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The dense twin of `topk_encode`."""
    values_Bk, index_Bk = torch.addmm(bias_F, x_BD, W_DF).topk(k, dim=1, sorted=False)
    return values_Bk.relu(), index_Bk


def sparse_decode_dense(values_Bk: Tensor, index_Bk: Tensor, W_FD: Tensor) -> Tensor:
    """The dense twin of `sparse_decode`."""
    return values_Bk.new_zeros(len(values_Bk), len(W_FD)).scatter_add(1, index_Bk, values_Bk) @ W_FD


def _transposed_product(
    values_N: Tensor, cols_N: Tensor, y_BD: Tensor, n_features: int, rows_N: Tensor | None = None
) -> Tensor:
    """S^T @ y for the sparse (B, F) matrix S with `values` at `rows` and `cols`, as one bag of rows of `y` per feature.

    Without `rows_N` the entries are a whole table, as many for each row of `y`.
    """
    flat = cols_N.reshape(-1).numpy()
    # numpy sorts 16-bit integers by radix, several hundred times faster than torch.sort here
    order = np.argsort(flat.astype(np.uint16) if n_features <= 1 << 16 else flat, kind="stable")
    starts = np.zeros(n_features, dtype=np.int64)
    np.cumsum(np.bincount(flat, minlength=n_features)[:-1], out=starts[1:])
    order_N = torch.from_numpy(order)
    rows_N = order_N // cols_N.shape[1] if rows_N is None else rows_N[order_N]
    weights_N = values_N.reshape(-1)[order_N]
    return nn_functional.embedding_bag(
        rows_N, y_BD.contiguous(), torch.from_numpy(starts), per_sample_weights=weights_N, mode="sum"
    )


def _sampled_product(crow_B: Tensor, cols_N: Tensor, y_BD: Tensor, W_FD: Tensor) -> Tensor:
    """Entries of y @ W^T at the places of a sparse (B, F) matrix given by rows, shape (N,)."""
    pattern = torch.sparse_csr_tensor(
        crow_B, cols_N, torch.zeros(len(cols_N), dtype=y_BD.dtype), (len(y_BD), len(W_FD)), check_invariants=False
    )
    return torch.sparse.sampled_addmm(pattern, y_BD, W_FD.t(), beta=0.0).values()


class _TopKEncode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, k: int) -> tuple[Tensor, Tensor]:
        values_Bk, index_Bk = torch.addmm(bias_F, x_BD, W_DF).topk(k, dim=1, sorted=False)
        values_Bk = values_Bk.relu_()
        ctx.save_for_backward(x_BD, values_Bk, index_Bk)
        ctx.n_features = W_DF.shape[1]
        ctx.mark_non_differentiable(index_Bk)
        return values_Bk, index_Bk

    @staticmethod
    def backward(ctx, grad_Bk: Tensor, _: Tensor) -> tuple[None, Tensor, Tensor, None]:
        x_BD, values_Bk, index_Bk = ctx.saved_tensors
        grad_Bk = grad_Bk * (values_Bk > 0)
        grad_W_FD = _transposed_product(grad_Bk, index_Bk, x_BD, ctx.n_features)
        grad_bias_F = torch.bincount(index_Bk.reshape(-1), grad_Bk.reshape(-1), minlength=ctx.n_features)
        return None, grad_W_FD.t().contiguous(), grad_bias_F.to(grad_Bk.dtype), None


class _SparseDecode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values_Bk: Tensor, index_Bk: Tensor, W_FD: Tensor) -> Tensor:
        ctx.save_for_backward(values_Bk, index_Bk, W_FD)
        return nn_functional.embedding_bag(index_Bk, W_FD, per_sample_weights=values_Bk, mode="sum")

    @staticmethod
    def backward(ctx, grad_BD: Tensor) -> tuple[Tensor, None, Tensor]:
        values_Bk, index_Bk, W_FD = ctx.saved_tensors
        rows, k = index_Bk.shape
        crow_B = torch.arange(0, rows * k + 1, k)
        grad_values_Bk = _sampled_product(crow_B, index_Bk.reshape(-1), grad_BD, W_FD).view(rows, k)
        return grad_values_Bk, None, _transposed_product(values_Bk, index_Bk, grad_BD, len(W_FD))


class _BatchTopKEncode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, n: int) -> tuple[Tensor, Tensor, Tensor]:
        pre_BF = torch.addmm(bias_F, x_BD, W_DF)
        rows_N, cols_N = largest(pre_BF, n)
        ctx.save_for_backward(x_BD, rows_N, cols_N)
        ctx.n_features = W_DF.shape[1]
        ctx.mark_non_differentiable(rows_N, cols_N)
        return pre_BF[rows_N, cols_N], rows_N, cols_N

    @staticmethod
    def backward(ctx, grad_N: Tensor, *_: Tensor) -> tuple[None, Tensor, Tensor, None]:
        x_BD, rows_N, cols_N = ctx.saved_tensors
        grad_W_FD = _transposed_product(grad_N, cols_N, x_BD, ctx.n_features, rows_N)
        grad_bias_F = torch.bincount(cols_N, grad_N, minlength=ctx.n_features)
        return None, grad_W_FD.t().contiguous(), grad_bias_F.to(grad_N.dtype), None


class _RaggedDecode(torch.autograd.Function):
    @staticmethod
    def forward(ctx, values_N: Tensor, rows_N: Tensor, cols_N: Tensor, W_FD: Tensor, n_rows: int) -> Tensor:
        ends_B = torch.bincount(rows_N, minlength=n_rows).cumsum(0)
        crow_B = torch.cat([ends_B.new_zeros(1), ends_B])
        ctx.save_for_backward(values_N, rows_N, cols_N, W_FD, crow_B)
        return nn_functional.embedding_bag(cols_N, W_FD, crow_B[:-1], per_sample_weights=values_N, mode="sum")

    @staticmethod
    def backward(ctx, grad_BD: Tensor) -> tuple[Tensor, None, None, Tensor, None]:
        values_N, rows_N, cols_N, W_FD, crow_B = ctx.saved_tensors
        grad_values_N = _sampled_product(crow_B, cols_N, grad_BD, W_FD)
        grad_W_FD = _transposed_product(values_N, cols_N, grad_BD, len(W_FD), rows_N)
        return grad_values_N, None, None, grad_W_FD, None
