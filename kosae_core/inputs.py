"""What an autoencoder takes from its activations before it is trained: centre, scale, and biases that keep features rare."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from kosae_core import rows
from kosae_core.base import SAE

STATISTICS_ROWS = 65_536
BIAS_ROWS = 4096


@torch.no_grad()
def fit_inputs(sae: SAE, acts: Any) -> None:
    """Set the centre and the scales of an autoencoder's inputs from (the first 65,536) activations; then its first biases."""
    sample_ND = torch.cat(list(rows.in_order(acts, 65_536, STATISTICS_ROWS)))
    centre = {
        "mean": lambda x: x.mean(0, dtype=torch.float64), "median": lambda x: geometric_median(x.double()),
        "none": lambda x: x.new_zeros(x.shape[1], dtype=torch.float64),
    }  # fmt: skip
    sae.mean_D.copy_(centre[sae.config.centre](sample_ND))
    for span in sae.spans:
        # squares are added in float64 but not made in it: that would cost more than the training of a small SAE
        squares_N = (sample_ND[:, span] - sae.mean_D[span].to(sample_ND)).square().sum(1, dtype=torch.float64)
        d_model = span.stop - span.start
        scale = {"rms": squares_N.mean().sqrt(), "norm": squares_N.sqrt().mean(), "none": torch.tensor(d_model**0.5)}
        found = (scale[sae.config.scale] / d_model**0.5).clamp_min(1e-12)
        if sae.scale.ndim:
            sae.scale[span] = found
        else:
            sae.scale.copy_(found)
    if sae.config.initial_density:
        start_sparse(sae, sae.normalise(sample_ND[:: -(-len(sample_ND) // BIAS_ROWS)]))


@torch.no_grad()
def start_sparse(sae: SAE, x_BD: Float[Tensor, "B D"]) -> None:
    """Set the encoder's biases so that each feature fires on a share `initial_density` of the inputs.

    With biases of 0 half of the features fire on a token at first. A penalty then has to push a thousand features out, and
    pushes out good ones with them: at equal L0 the reconstruction of a short training is worse, and each early step dense.

    Source  Conerly et al. 2025, "Circuits Updates - January 2025" (10,000 features' worth of firing, whatever the size).
    """
    silent = max(1, len(x_BD) - max(1, round(sae.config.initial_density * len(x_BD))))
    for features in torch.arange(sae.n_features, device=x_BD.device).split(1024):  # a table of 16 MiB at a time
        pre_NB = (x_BD @ sae.W_enc_DF[:, features]).t().contiguous()
        bound_N = pre_NB.kthvalue(silent, dim=1).values
        for bias_F in sae.biases:
            bias_F[features] = sae.first_threshold - bound_N


def geometric_median(acts_ND: Float[Tensor, "N D"], iterations: int = 50) -> Float[Tensor, " D"]:
    """The point whose summed distance to the rows is least.

    Source  Weiszfeld 1937; used for b_dec by Bricken et al. 2023.
    """
    point_D = acts_ND.mean(0)
    for _ in range(iterations):
        weight_N1 = 1.0 / (acts_ND - point_D).norm(dim=1, keepdim=True).clamp_min(1e-8)
        point_D = (acts_ND * weight_N1).sum(0) / weight_N1.sum()
    return point_D
