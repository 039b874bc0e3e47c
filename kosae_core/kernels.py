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


def topk_encode_dense(x_BD: Tensor, W_DF: Tensor, bias_F: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The dense twin of `topk_encode`."""
    values_Bk, index_Bk = torch.addmm(bias_F, x_BD, W_DF).topk(k, dim=1, sorted=False)
    return values_Bk.relu(), index_Bk


def sparse_decode_dense(values_Bk: Tensor, index_Bk: Tensor, W_FD: Tensor) -> Tensor:
    """The dense twin of `sparse_decode`."""
    return values_Bk.new_zeros(len(values_Bk), len(W_FD)).scatter_add(1, index_Bk, values_Bk) @ W_FD


def _transposed_product(values_Bk: Tensor, index_Bk: Tensor, y_BD: Tensor, n_features: int) -> Tensor:
    """S^T @ y for the sparse (B, F) matrix S with `values` at `index`, as one bag of rows of `y` per feature."""
    flat = index_Bk.reshape(-1).numpy()
    # numpy sorts 16-bit integers by radix, several hundred times faster than torch.sort here
    order = np.argsort(flat.astype(np.uint16) if n_features <= 1 << 16 else flat, kind="stable")
    starts = np.zeros(n_features, dtype=np.int64)
    np.cumsum(np.bincount(flat, minlength=n_features)[:-1], out=starts[1:])
    order_N = torch.from_numpy(order)
    rows_N = order_N // index_Bk.shape[1]
    weights_N = values_Bk.reshape(-1)[order_N]
    return nn_functional.embedding_bag(
        rows_N, y_BD.contiguous(), torch.from_numpy(starts), per_sample_weights=weights_N, mode="sum"
    )


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
        pattern = torch.sparse_csr_tensor(
            torch.arange(0, rows * k + 1, k), index_Bk.reshape(-1), torch.zeros_like(values_Bk).reshape(-1),
            (rows, len(W_FD)), check_invariants=False,
        )  # fmt: skip
        grad_values_Bk = torch.sparse.sampled_addmm(pattern, grad_BD, W_FD.t(), beta=0.0).values().view(rows, k)
        return grad_values_Bk, None, _transposed_product(values_Bk, index_Bk, grad_BD, len(W_FD))
