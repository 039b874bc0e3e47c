"""Toy models of superposition, trained many at a time, and counts of almost orthogonal directions.

Axes: M models, B samples, N features, H hidden dimensions, K features active at once, D dimensions of a space.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy.special import betainc
from torch import Tensor

Draw = Callable[[torch.Generator], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class ToyConfig:
    """How a batch of toy models is trained."""

    n_features: int = 5
    """Features in the data (N)."""
    n_hidden: int = 2
    """Hidden dimensions into which the features are squeezed (H)."""
    steps: int = 1000
    """Adam steps."""
    lr: float = 0.02
    """Peak learning rate; it decays to zero along a half cosine."""
    seed: int = 0
    """Seed of the initial weights and of the samples."""

    def __post_init__(self) -> None:
        if self.n_hidden < 1 or self.n_features < self.n_hidden:
            raise ValueError(
                f"ToyConfig: n_features={self.n_features}, n_hidden={self.n_hidden}; "
                "choose 1 <= n_hidden <= n_features."
            )
        if self.steps < 1 or self.lr <= 0:
            raise ValueError(f"ToyConfig: steps={self.steps} and lr={self.lr} must both be positive.")


@dataclass(frozen=True)
class Toys:
    """A batch of trained toy models: weights, biases and the loss each ended with."""

    W_MNH: Float[Tensor, "M N H"]
    b_MN: Float[Tensor, "M N"]
    loss_M: Float[Tensor, " M"]

    def best_of(self, tries: int) -> Toys:
        """Keep, of each run of `tries` neighbouring models, the one with the lowest loss.

        Raises  ValueError if the number of models is no multiple of `tries`.
        """
        n_models = len(self.loss_M)
        if tries < 1 or n_models % tries:
            raise ValueError(f"Toys.best_of: {n_models} models do not divide into groups of {tries}.")
        loss_GT = self.loss_M.view(-1, tries)
        keep_G = loss_GT.argmin(1) + tries * torch.arange(len(loss_GT))
        return Toys(self.W_MNH[keep_G], self.b_MN[keep_G], self.loss_M[keep_G])


def sparse_draw(density_M: Float[Tensor, " M"], n_features: int, batch: int) -> Draw:
    """Make a sampler in which every feature is on with probability `density`, then uniform on [0, 1].

    All models see the same underlying random numbers u: feature on when u < density, value u / density.

    Shapes  the sampler returns x_MBN and the weights of the samples, weight_MB.
    Raises  ValueError if a density is outside (0, 1].
    Source  Elhage et al. 2022, arXiv:2209.10652, section 2.
    Differs the paper draws value and mask apart; the distribution is the same.
    """
    _check_density(density_M, 1.0)

    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        u_BN = torch.rand(batch, n_features, generator=generator)
        return _switch_on(u_BN, density_M), torch.full((len(density_M), batch), 1 / batch)

    return draw


def exclusive_draw(density_M: Float[Tensor, " M"], n_features: int, batch: int) -> Draw:
    """Make a sampler in which features 2i and 2i+1 are never on together; otherwise like `sparse_draw`.

    Raises  ValueError if `n_features` is odd or a density is outside (0, 1/2].
    """
    _check_density(density_M, 0.5)
    if n_features % 2:
        raise ValueError(f"exclusive_draw: n_features={n_features} must be even, features come in pairs.")

    def draw(generator: torch.Generator) -> tuple[Tensor, Tensor]:
        u_BP = torch.rand(batch, n_features // 2, generator=generator)
        u_BN = torch.stack([u_BP, 1 - u_BP], dim=2).flatten(1)
        return _switch_on(u_BN, density_M), torch.full((len(density_M), batch), 1 / batch)

    return draw


def exact_pair_draw(density_M: Float[Tensor, " M"], nodes: int = 8) -> Draw:
    """Make a noiseless "sampler" for two features: Gauss-Legendre nodes with their exact probabilities.

    Shapes  x_MBN with N = 2 and B = (nodes + 1) ** 2; weight_MB sums to 1 for every model.
    Raises  ValueError if a density is outside (0, 1].
    """
    _check_density(density_M, 1.0)
    t, w = np.polynomial.legendre.leggauss(nodes)
    value = torch.tensor(np.append(0.0, (t + 1) / 2), dtype=torch.float32)
    on = torch.tensor(np.append(0.0, w / 2), dtype=torch.float32)
    off = torch.zeros(nodes + 1)
    off[0] = 1.0
    mass_MV = density_M[:, None] * on + (1 - density_M)[:, None] * off
    x_MBN = torch.cartesian_prod(value, value).expand(len(density_M), -1, -1)
    weight_MB = (mass_MV[:, :, None] * mass_MV[:, None, :]).flatten(1)
    return lambda generator: (x_MBN, weight_MB)


def fit_toys(
    config: ToyConfig,
    importance_MN: Float[Tensor, "M N"],
    draw: Draw,
    *,
    final_draws: int = 16,
    progress: Callable[[int, int, str], None] | None = None,
) -> Toys:
    """Train one model per row of `importance_MN`, all at once: minimise E[I (x - ReLU(W W^T x + b))^2].

    Shapes  M models, N features.
    Units   the loss is summed over features and averaged over samples; the one returned is over `final_draws` draws.
    Raises  ValueError if `importance_MN` does not have `n_features` columns.
    Source  Elhage et al. 2022, arXiv:2209.10652, section 2.
    """
    n_models, n_features = importance_MN.shape
    if n_features != config.n_features:
        raise ValueError(f"fit_toys: importance has {n_features} columns, the config says {config.n_features}.")
    generator = torch.Generator().manual_seed(config.seed)
    W_MNH = torch.randn(n_models, n_features, config.n_hidden, generator=generator) / math.sqrt(n_features)
    W_MNH.requires_grad_()
    b_MN = torch.zeros(n_models, n_features, requires_grad=True)
    adam = torch.optim.Adam([W_MNH, b_MN], lr=config.lr)
    for step in range(config.steps):
        adam.param_groups[0]["lr"] = config.lr * 0.5 * (1 + math.cos(math.pi * step / config.steps))
        x_MBN, weight_MB = draw(generator)
        loss_M = toy_loss(W_MNH, b_MN, importance_MN, x_MBN, weight_MB)
        adam.zero_grad()
        loss_M.sum().backward()
        adam.step()
        if progress is not None and (step + 1) % 100 == 0:
            progress(step + 1, config.steps, "toy models")
    with torch.no_grad():
        # fresh draws, and many: one batch is too noisy to rank models by
        losses = [toy_loss(W_MNH, b_MN, importance_MN, *draw(generator)) for _ in range(final_draws)]
    return Toys(W_MNH.detach(), b_MN.detach(), torch.stack(losses).mean(0))


def toy_loss(
    W_MNH: Float[Tensor, "M N H"],
    b_MN: Float[Tensor, "M N"],
    importance_MN: Float[Tensor, "M N"],
    x_MBN: Float[Tensor, "M B N"],
    weight_MB: Float[Tensor, "M B"],
) -> Float[Tensor, " M"]:
    """Weighted squared reconstruction error of every model."""
    hidden_MBH = torch.bmm(x_MBN, W_MNH)
    recon_MBN = torch.relu(torch.baddbmm(b_MN[:, None], hidden_MBH, W_MNH.transpose(1, 2)))
    error_MB = torch.bmm((x_MBN - recon_MBN).square(), importance_MN[..., None])[..., 0]
    return (error_MB * weight_MB).sum(1)


def dimensionality(W_MNH: Float[Tensor, "M N H"]) -> Float[Tensor, "M N"]:
    """Share of a dimension that each feature has to itself: |W_i|^2 / sum_j (Ŵ_i · W_j)^2, 0 for a zero row.

    Source  Elhage et al. 2022, arXiv:2209.10652, "The geometry of superposition".
    """
    norm_MN = W_MNH.norm(dim=2)
    unit_MNH = W_MNH / norm_MN.clamp_min(1e-12)[..., None]
    overlap_MN = torch.bmm(unit_MNH, W_MNH.transpose(1, 2)).square().sum(2)
    return torch.where(norm_MN > 1e-6, norm_MN.square() / overlap_MN.clamp_min(1e-12), torch.zeros_like(norm_MN))


def pair_phase(W_MNH: Float[Tensor, "M 2 1"]) -> Int[Tensor, " M"]:
    """Fate of the second of two features in one dimension: 0 not represented, 1 superposed, 2 dedicated.

    Its dimensionality is then 0, 1/2 or 1; the cuts lie half-way, at 1/4 and 3/4.
    """
    extra_M = dimensionality(W_MNH)[:, 1]
    return (extra_M > 0.25).long() + (extra_M > 0.75).long()


def critical_density(importance: Float[Tensor, " R"]) -> Float[Tensor, " R"]:
    """Density below which W = (1, -1) beats keeping only the more important of two features in one dimension.

    With r the lesser importance over the greater: superposition loses p^2 (1 + r) / 6, omission r (p / 3 - p^2 / 4);
    the two are equal at p = 4 r / (2 + 5 r).

    Source  own derivation for uniform values; the comparison is that of Elhage et al. 2022, arXiv:2209.10652.
    """
    ratio_R = torch.minimum(importance, 1 / importance)
    return 4 * ratio_R / (2 + 5 * ratio_R)


def opponent(W_MNH: Float[Tensor, "M N H"]) -> Int[Tensor, "M N"]:
    """For each feature, the other feature whose direction is most opposed to its own (lowest cosine)."""
    unit_MNH = torch.nn.functional.normalize(W_MNH, dim=2)
    cosine_MNN = torch.bmm(unit_MNH, unit_MNH.transpose(1, 2))
    cosine_MNN.diagonal(dim1=1, dim2=2).fill_(2.0)
    return cosine_MNN.argmin(2)


def overlap_probability(d: int, epsilon: float) -> float:
    """Probability that two random directions in `d` dimensions have |cosine| above `epsilon`.

    The squared cosine follows Beta(1/2, (d - 1) / 2).
    """
    return float(betainc((d - 1) / 2, 0.5, 1 - epsilon**2))


def expected_directions(d: int, epsilon: float) -> float:
    """About how many random directions come before the first pair with |cosine| above `epsilon` (birthday rule)."""
    return math.sqrt(math.pi / (2 * overlap_probability(d, epsilon)))


def random_directions(n: int, d: int, generator: torch.Generator) -> Float[Tensor, "n d"]:
    """Unit vectors, uniform on the sphere."""
    return torch.nn.functional.normalize(torch.randn(n, d, generator=generator), dim=1)


def count_before_overlap(d: int, epsilon: float, generator: torch.Generator, limit: int = 20_000) -> int:
    """Draw random directions one by one; count those drawn before one has |cosine| > `epsilon` with an earlier one.

    Raises  RuntimeError if no pair overlaps among the first `limit` directions.
    """
    block = 512
    dirs_ND = torch.empty(0, d)
    while len(dirs_ND) < limit:
        start = len(dirs_ND)
        dirs_ND = torch.cat([dirs_ND, random_directions(block, d, generator)])
        cosine_BN = dirs_ND[start:] @ dirs_ND.T
        earlier_BN = torch.arange(len(dirs_ND)) < torch.arange(start, start + block)[:, None]
        clash_B = ((cosine_BN.abs() > epsilon) & earlier_BN).any(1)
        if clash_B.any():
            return start + int(clash_B.int().argmax())
    raise RuntimeError(f"count_before_overlap: no overlap among {limit} directions (d={d}, epsilon={epsilon}).")


def readout_precision(dirs_FD: Float[Tensor, "F D"], k: int, trials: int, generator: torch.Generator) -> float:
    """Share of `k` active features found again by the `k` largest dot products with their sum.

    Each trial adds up `k` distinct rows of `dirs_FD`, each with weight 1.

    Raises  ValueError if `k` is outside [1, F].
    """
    n_features = len(dirs_FD)
    if not 1 <= k <= n_features:
        raise ValueError(f"readout_precision: k={k} must be between 1 and the {n_features} features.")
    active_BF = torch.zeros(trials, n_features)
    chosen_BK = torch.rand(trials, n_features, generator=generator).topk(k, dim=1).indices
    active_BF.scatter_(1, chosen_BK, 1.0)
    scores_BF = active_BF @ dirs_FD @ dirs_FD.T
    return float(active_BF.gather(1, scores_BF.topk(k, dim=1).indices).mean())


def _switch_on(u_BN: Tensor, density_M: Tensor) -> Tensor:
    ratio_MBN = u_BN / density_M[:, None, None]
    return ratio_MBN * (ratio_MBN < 1)


def _check_density(density_M: Tensor, top: float) -> None:
    low, high = float(density_M.min()), float(density_M.max())
    if low <= 0 or high > top:
        raise ValueError(f"toy: densities run from {low:.3g} to {high:.3g}; they must lie in (0, {top:g}].")
