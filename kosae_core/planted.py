"""Planted dictionaries: activations whose true features are known, and how much of them an autoencoder finds."""

from dataclasses import asdict, dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy import sparse, stats
from torch import Tensor

HIGHEST = 0.9
"""The highest rate at which a feature fires."""


@dataclass(frozen=True)
class PlantedConfig:
    """A dictionary whose features have Zipf-like frequencies and fire independently, in groups, or below one another."""

    d_model: int = 128
    """Width of the activations."""
    n_features: int = 1024
    """True features."""
    active: float = 12.0
    """Mean number of active features per token."""
    zipf: float = 0.5
    """Exponent: the i-th feature fires in proportion to i ** -zipf."""
    noise: float = 0.01
    """Standard deviation of the noise on each element."""
    values: str = "uniform"
    """uniform: a feature that fires has a value uniform in [0.5, 1.5]; exponential: 0.5 plus an exponential of mean 1."""
    kind: str = "independent"
    """independent; correlated: features of a group fire together more often; hierarchical: a child only with its parent."""
    correlation: float = 0.5
    """Correlation, within a group, of the Gaussian variables whose thresholds are the features (correlated)."""
    groups: int = 32
    """Groups, or roots of the hierarchy's trees; feature i is in group i modulo this number."""
    branching: int = 4
    """Children of each feature that has any (hierarchical)."""
    seed: int = 0
    """Seed of the dictionary (NumPy's generator, so that it shares nothing with torch's initial weights)."""

    def __post_init__(self) -> None:
        if self.kind not in ("independent", "correlated", "hierarchical"):
            raise ValueError(f"kind must be independent, correlated or hierarchical, not {self.kind!r}.")
        if self.values not in ("uniform", "exponential"):
            raise ValueError(f"values must be uniform or exponential, not {self.values!r}.")
        if not 0 <= self.correlation < 1:
            raise ValueError(f"correlation must lie between 0 and 1, not {self.correlation}.")
        if min(self.groups, self.branching) < 1:
            raise ValueError("groups and branching must be at least 1.")
        if not 0 < self.active < self.n_features:
            raise ValueError(f"active must lie between 0 and n_features ({self.n_features}), not {self.active}.")
        if self.active > HIGHEST * self.n_features:
            raise ValueError(
                f"active must be at most {HIGHEST} of n_features ({self.n_features}), not {self.active}: no rate is above {HIGHEST}."
            )
        if self.noise < 0 or self.zipf < 0:
            raise ValueError("noise and zipf must not be negative.")


class Planted:
    """True unit directions (`directions_FD`) and firing rates (`rates_F`), and tokens drawn from them."""

    def __init__(self, config: PlantedConfig) -> None:
        self.config = config
        rng = np.random.default_rng([config.seed, 0x5AE])
        directions_FD = rng.standard_normal((config.n_features, config.d_model))
        directions_FD /= np.linalg.norm(directions_FD, axis=1, keepdims=True)
        self.directions_FD = torch.from_numpy(directions_FD.astype(np.float32))
        self.rates_F = _rates(config)

    def sample(self, n_tokens: int, seed: int = 0) -> tuple[Float[Tensor, "N D"], sparse.csr_array]:
        """Draw tokens: their activations, and their true feature values as a (tokens, features) sparse array.

        Each feature fires by its own rate, whatever the kind, with a value drawn as `values` says.

        Source  Correlated and hierarchical firing as in SynthSAEBench, arXiv:2602.14687.
        Differs one factor per group in place of a low-rank correlation; siblings do not exclude each other.
        """
        rng = np.random.default_rng([self.config.seed, 0xAC7, seed])
        blocks = []
        for start in range(0, n_tokens, 8192):
            fires = self._fires(min(8192, n_tokens - start), rng)
            block = sparse.csr_array(fires.astype(np.float32))
            exponential = self.config.values == "exponential"
            block.data[:] = 0.5 + rng.exponential(1.0, block.nnz) if exponential else rng.uniform(0.5, 1.5, block.nnz)
            blocks.append(block)
        codes_NF = sparse.csr_array(sparse.vstack(blocks))
        acts_ND = codes_NF @ self.directions_FD.numpy()
        acts_ND += self.config.noise * rng.standard_normal(acts_ND.shape, dtype=np.float32)
        return torch.from_numpy(acts_ND.astype(np.float32)), codes_NF

    def _fires(self, n_tokens: int, rng: np.random.Generator) -> np.ndarray:
        config, shape = self.config, (n_tokens, len(self.rates_F))
        if config.kind == "correlated":
            group_F = np.arange(shape[1]) % config.groups
            shared_NG = rng.standard_normal((n_tokens, config.groups), dtype=np.float32)
            latent_NF = np.sqrt(1 - config.correlation) * rng.standard_normal(shape, dtype=np.float32)
            latent_NF += np.sqrt(config.correlation) * shared_NG[:, group_F]
            return latent_NF < stats.norm.ppf(self.rates_F).astype(np.float32)
        uniform_NF = rng.random(shape, dtype=np.float32)
        if config.kind == "independent":
            return uniform_NF < self.rates_F
        parent_F = parents(config)  # rates fall with the index: a parent fires at least as often as its children
        given_F = np.where(parent_F < 0, self.rates_F, self.rates_F / self.rates_F[np.maximum(parent_F, 0)])
        fires = uniform_NF < given_F
        begin = config.groups
        while begin < shape[1]:
            end = min(shape[1], config.groups + begin * config.branching)  # the children of all features before `begin`
            fires[:, begin:end] &= fires[:, parent_F[begin:end]]
            begin = end
        return fires


def parents(config: PlantedConfig) -> np.ndarray:
    """The parent of each feature of a hierarchy, by index; below 0 for a root."""
    return (np.arange(config.n_features) - config.groups) // config.branching


def _rates(config: PlantedConfig) -> np.ndarray:
    """Rates that sum to `active`, none above `HIGHEST`: what the cap takes from the first goes to the others."""
    shape_F = np.arange(1, config.n_features + 1) ** -config.zipf
    low, high = 0.0, config.n_features * config.active / shape_F.sum() + 1e6
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(HIGHEST, middle * shape_F).sum() < config.active else (low, middle)
    return np.minimum(HIGHEST, high * shape_F).astype(np.float32)


@dataclass(frozen=True)
class Recovery:
    """How well a learned dictionary matches the true one; all but the last two come from directions alone.

    The first two look from each true feature to the nearest learned one, the other three from each learned one to the nearest
    true one.
    """

    mean_max_cosine: float
    """Mean over true features of the best cosine with a learned one."""
    recovered: float
    """Share of true features whose best cosine is above 0.9."""
    uniqueness: float
    """Distinct true features that are some learned feature's nearest, per learned feature."""
    precision: float
    """Of the tokens on which a learned feature fires, the share on which its nearest true one is on; mean over learned features,
    with 0 for those that never fire."""
    recall: float
    """Of the tokens on which the nearest true one is on, the share on which the learned feature fires; mean in the same way."""

    def as_dict(self) -> dict[str, float]:
        """The five numbers by name."""
        return asdict(self)


def recovery(
    true_FD: Float[Tensor, "F D"], learned_GD: Float[Tensor, "G D"], codes_NF: sparse.csr_array | None = None,
    feats_NG: sparse.csr_array | None = None,
) -> Recovery:  # fmt: skip
    """Compare a learned dictionary with the true one, and, given codes on the same tokens, when they fire.

    Shapes  F true features, G learned ones, N tokens. Without codes precision and recall are NaN.
    Source  SynthSAEBench, arXiv:2602.14687; mean max cosine similarity as in Sharkey et al. 2022.
    Differs nearest is the largest cosine, not the largest size of one: features here do not fire below 0.
    """
    cosine_FG = _unit(true_FD) @ _unit(learned_GD).t()
    best_F, nearest_G = cosine_FG.amax(dim=1), cosine_FG.argmax(dim=0)
    uniqueness = len(nearest_G.unique()) / len(nearest_G)
    precision = recall = float("nan")
    if codes_NF is not None and feats_NG is not None:
        true_NG = sparse.csc_array(codes_NF > 0, dtype=np.float32)[:, nearest_G.cpu().numpy()]
        fired_NG = sparse.csc_array(feats_NG > 0, dtype=np.float32)
        both_G = true_NG.multiply(fired_NG).sum(axis=0)
        precision = float(np.mean(both_G / np.maximum(fired_NG.sum(axis=0), 1)))
        recall = float(np.mean(both_G / np.maximum(true_NG.sum(axis=0), 1)))
    return Recovery(float(best_F.mean()), float((best_F > 0.9).float().mean()), uniqueness, precision, recall)


def absorption(
    planted: Planted, learned_GD: Float[Tensor, "G D"], codes_NF: sparse.csr_array, feats_NG: sparse.csr_array, least: int = 20
) -> float:  # fmt: skip
    """How much oftener a parent's match is off where one of its children is on than where none is.

    0: children do not hide their parent; 1: they always do. Mean over the parents that are on in at least `least` tokens with
    a child and in as many without one; NaN if there is none. A match is the learned feature of the best cosine.

    Shapes  F true features of a hierarchy, G learned ones, N tokens.
    Source  the absorption of Chanin et al. 2024, arXiv:2409.14507, with true features in place of probes.
    """
    if planted.config.kind != "hierarchical":
        raise ValueError(f"absorption is asked of hierarchical features, and these are {planted.config.kind}.")
    match_F = (_unit(planted.directions_FD) @ _unit(learned_GD).t()).argmax(dim=1).cpu().numpy()
    on_NF, fired_NG = sparse.csc_array(codes_NF > 0), sparse.csc_array(feats_NG > 0)
    parent_F, gaps = parents(planted.config), []
    for parent in np.unique(parent_F[parent_F >= 0]):
        on_N = on_NF[:, [parent]].toarray()[:, 0]
        child_N = np.asarray(on_NF[:, np.flatnonzero(parent_F == parent)].sum(axis=1)).ravel() > 0
        off_N = ~fired_NG[:, [match_F[parent]]].toarray()[:, 0]
        if min((on_N & child_N).sum(), (on_N & ~child_N).sum()) >= least:
            gaps.append(off_N[on_N & child_N].mean() - off_N[on_N & ~child_N].mean())
    return float(np.mean(gaps)) if gaps else float("nan")


def _unit(rows_FD: Tensor) -> Tensor:
    return rows_FD.detach() / rows_FD.detach().norm(dim=1, keepdim=True).clamp_min(1e-12)
