"""When features count as dead, and new directions for them. There are no ghost gradients: what is dead is lifted, resampled or
trained by AuxK."""

import logging

import torch
from torch import Tensor

from kosae_core import ranks
from kosae_core.base import SAE, SAEConfig
from kosae_core.optimizers import forget
from kosae_core.train_config import TrainConfig

logger = logging.getLogger("kosae.training")


def patience(config: SAEConfig, cfg: TrainConfig) -> int:
    """Tokens of silence after which a feature counts as dead, where `dead_after` does not say.

    A 64th of the run, and no less than 128 times what a feature waits on average to fire, F / k; but at most an eighth of
    the run, which is also the choice for variants without k, and 10 million (Gao et al. 2024). Sooner, AuxK pulls at rare
    features that are alive; later, it leaves dead ones no time to come back.
    """
    tokens = cfg.steps * cfg.batch_size
    waiting = tokens if config.k is None else max(tokens // 64, 128 * config.n_features // config.k)
    return min(10_000_000, tokens // 8, waiting)


def lift_after(config: SAEConfig, cfg: TrainConfig) -> int:
    """Tokens of silence after which a feature is lifted: half of `dead_after`, where it is given; all of it beside AuxK.

    Else 128 times what a feature waits on average to fire, F / L0, and no less than a 128th of the run; a 16th where the L0 to
    come is not known. Sooner, rare features are lifted that only wait for their tokens. Beside AuxK 192 times: lifted
    features often fire for what others have, where AuxK finds them something of their own.
    """
    tokens, l0 = cfg.steps * cfg.batch_size, config.k or cfg.target_l0
    if cfg.dead_after is not None:
        return cfg.dead_after if config.auxk else cfg.dead_after // 2
    waits = 192 if config.auxk else 128
    return tokens // 16 if l0 is None else max(tokens // 128, int(waits * config.n_features / l0))


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
