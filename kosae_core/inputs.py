"""How raw activations become an autoencoder's inputs: the centre and scale that are kept with its weights."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from kosae_core import rows
from kosae_core.base import SAE

STATISTICS_ROWS = 262_144


@torch.no_grad()
def fit_inputs(sae: SAE, acts: Any) -> None:
    """Set the centre and scale of an autoencoder's inputs from (the first 262,144) activations."""
    sample_ND = torch.cat(list(rows.in_order(acts, 65_536, STATISTICS_ROWS))).double()
    centre = {"mean": lambda x: x.mean(0), "median": geometric_median, "none": lambda x: x.new_zeros(x.shape[1])}
    mean_D = centre[sae.config.centre](sample_ND)
    length_N = (sample_ND - mean_D).norm(dim=1)
    scale = {"rms": length_N.square().mean().sqrt(), "norm": length_N.mean(), "none": torch.tensor(sae.d_model**0.5)}
    sae.mean_D.copy_(mean_D)
    sae.scale.copy_((scale[sae.config.scale] / sae.d_model**0.5).clamp_min(1e-12))


def geometric_median(acts_ND: Float[Tensor, "N D"], iterations: int = 50) -> Float[Tensor, " D"]:
    """The point whose summed distance to the rows is least.

    Source  Weiszfeld 1937; used for b_dec by Bricken et al. 2023.
    """
    point_D = acts_ND.mean(0)
    for _ in range(iterations):
        weight_N1 = 1.0 / (acts_ND - point_D).norm(dim=1, keepdim=True).clamp_min(1e-8)
        point_D = (acts_ND * weight_N1).sum(0) / weight_N1.sum()
    return point_D
