"""New directions for dead features. There are no ghost gradients: what is dead is lifted, resampled or trained by AuxK."""

import logging

import torch
from torch import Tensor

from kosae_core import ranks
from kosae_core.base import SAE
from kosae_core.optimizers import forget

logger = logging.getLogger("kosae.training")


@torch.no_grad()
def resample(
    sae: SAE, dead_F: Tensor, x_BD: Tensor, optimizers: list[torch.optim.Optimizer], generator: torch.Generator
) -> Tensor:  # fmt: skip
    """Point dead features at inputs that are reconstructed badly, and forget the moments of their gradients.

    The decoder row becomes the direction of the input, the encoder column the same at a fifth of the live columns' mean norm,
    every other parameter of the feature zero. At most one feature per row of `x_BD`; the rest wait. Returns the numbers of those
    that got one.

    Source  Bricken et al. 2023, appendix "Neuron Resampling": inputs drawn in proportion to their squared loss.
    Differs drawn from one batch of training, not from 819,200 inputs; a feature waits where there are more dead than rows.
    """
    dead_N = ranks.gathered(dead_F).nonzero()[: len(x_BD), 0]
    loss_B = (sae.reconstruct(sae.features(x_BD)) - x_BD).square().sum(1)
    chance_B = loss_B.square().double().cpu() + 1e-30
    chosen_N = torch.multinomial(chance_B, len(dead_N), generator=generator).to(x_BD.device)
    rows_ND = x_BD[chosen_N] - sae.b_dec_D
    rows_ND = rows_ND / rows_ND.norm(dim=1, keepdim=True).clamp_min(1e-8)
    live_F = ~dead_F if ranks.any_feature(not dead_F.all()) else dead_F
    live_norm = ranks.mean_over_features(sae.W_enc_DF[:, live_F].norm(dim=0))
    dead_N = dead_N - ranks.part() * len(dead_F)
    here_N = (dead_N >= 0) & (dead_N < len(dead_F))
    dead_N, rows_ND = dead_N[here_N], rows_ND[here_N]
    sae.W_dec_FD[dead_N] = rows_ND
    sae.W_enc_DF[:, dead_N] = 0.2 * live_norm * rows_ND.t()
    for name, parameter in sae.named_parameters():
        along_features = (..., dead_N) if name.endswith("F") else dead_N
        if name.endswith("_F"):
            parameter[dead_N] = 0
        if name != "b_dec_D":
            forget(optimizers, parameter, along_features)
    logger.info("resampled %d dead features", len(dead_N))
    return dead_N
