"""The terms that the variants minimise, all free of the input's dimension and scale.

Inputs have unit root mean square (see `sae.SAE.normalise`), so that a squared error of 1 is that of the mean, and the L1
term is divided by the square root of d_model, the length of an input: one sparsity coefficient then means the same
for every width, model and layer.
"""

import math

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import mse_loss

from kosae_core import ranks

__all__ = ["auxk", "l1", "lp", "squared_error"]


def squared_error(recon_BD: Float[Tensor, "B D"], x_BD: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """Mean over tokens and dimensions of the squared error.

    Differs Bricken et al. 2023 sum over dimensions; the mean is that sum divided by d_model, once.
    """
    return mse_loss(recon_BD, x_BD)


def _summed(values: Tensor) -> Tensor:
    """The sum, at least in float32."""
    return values.sum(dtype=torch.promote_types(values.dtype, torch.float32))


def l1(values: Float[Tensor, "..."], n_tokens: int, d_model: int) -> Float[Tensor, ""]:
    """Mean over tokens of the sum of (non-negative) features, in lengths of an input.

    Shapes  `values` are the features of `n_tokens` tokens, all or only those that may be on.

    Source  Bricken et al. 2023, with the decoder rows held at unit norm.
    """
    return _summed(values) / (n_tokens * math.sqrt(d_model))


def lp(values: Float[Tensor, "..."], n_tokens: int, d_model: int, p: float, eps: float = 1e-3) -> Float[Tensor, ""]:
    """Mean over tokens of the sum of (non-negative) features, in lengths of an input, to the power `p`; `l1` at p = 1.

    Source  Karvonen et al. 2024, arXiv:2408.00113, the L_p penalty of p-annealing.
    Differs `eps` lengths are added before and their power taken off after, so that the slope at 0 is finite.
    """
    return _summed((values / math.sqrt(d_model) + eps).pow(p) - eps**p) / n_tokens


def auxk(recon_BD: Float[Tensor, "B D"], error_BD: Float[Tensor, "B D"]) -> Float[Tensor, ""]:
    """How badly `recon_BD`, by the strongest of the dead features, matches what the live ones left, as a share of it.

    Shapes  error_BD is detached here.
    Source  Gao et al. 2024, arXiv:2406.04093, appendix A.2.
    Differs normalised by the mean square of the error, where the authors' code takes its variance about the batch's mean.
    """
    error_BD = error_BD.detach()
    return squared_error(recon_BD, error_BD) / ranks.mean(error_BD.square().mean()).clamp_min(1e-12)
