"""What activations look like in numbers, and how sure a mean over documents is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from scipy import stats
from torch import Tensor

from kosae_core import rows


@dataclass(frozen=True)
class TokenStatistics:
    """One number per token, each over the d_model elements of its activation."""

    sum_N: np.ndarray
    """Sum of the elements, sign kept."""
    abs_sum_N: np.ndarray
    """Sum of their magnitudes."""
    max_N: np.ndarray
    """Largest element, sign kept."""
    mean_N: np.ndarray
    norm_N: np.ndarray
    """Euclidean length."""
    kurtosis_N: np.ndarray
    """Fourth standardised moment: 3 for a Gaussian, d_model for a single large element; 0 where all are equal."""


@torch.no_grad()
def token_statistics(acts: Any, batch_size: int = 8192) -> TokenStatistics:
    """Sum, magnitude, maximum, mean, norm and kurtosis of every token's activation.

    Shapes  `acts` is a (tokens, d_model) tensor or an activation store.
    Units   Raw activations; computed in float64.
    Source  Kurtosis per token as Elhage et al. 2023, "Privileged Bases in the Transformer Residual Stream".
    """
    rows.check_rows(acts)
    parts = [_statistics(acts_BD.double()) for acts_BD in rows.in_order(acts, batch_size)]
    return TokenStatistics(*(torch.cat(column).numpy() for column in zip(*parts, strict=True)))


def _statistics(x_BD: Float[Tensor, "B D"]) -> tuple[Tensor, ...]:
    centred_BD = x_BD - x_BD.mean(1, keepdim=True)
    variance_B = centred_BD.square().mean(1)
    fourth_B = centred_BD.pow(4).mean(1)
    kurtosis_B = torch.where(variance_B > 0, fourth_B / variance_B.square().clamp_min(1e-300), 0.0)
    return x_BD.sum(1), x_BD.abs().sum(1), x_BD.amax(1), x_BD.mean(1), x_BD.norm(dim=1), kurtosis_B


@dataclass(frozen=True)
class DocumentSums:
    """Sums over each document's tokens, whose ratios are an autoencoder's measures; see `metrics.Report`."""

    error_M: np.ndarray
    """|x - x̂|²."""
    variance_M: np.ndarray
    """|x - mean|², about the mean of all tokens."""
    power_M: np.ndarray
    """|x̂ - mean|², about the same mean as `variance_M`."""
    product_M: np.ndarray
    """(x - mean) · (x̂ - mean)."""
    active_M: np.ndarray
    """Active features."""
    tokens_M: np.ndarray


def document_sums(
    x_ND: Float[Tensor, "N D"], recon_ND: Float[Tensor, "N D"], active_N: np.ndarray, groups_N: np.ndarray
) -> DocumentSums:
    """What an autoencoder did to each document, for intervals over documents; `metrics.evaluate` gives it with `groups`.

    Shapes  activations, their reconstructions and the numbers of active features, with a group from 0 on for each token.
    Units   Raw activations, summed in float64.
    Raises  ValueError unless there is one group per token.
    """
    groups_N = np.asarray(groups_N)
    if len(groups_N) != len(x_ND):
        raise ValueError(f"{len(groups_N)} groups do not fit {len(x_ND)} tokens.")
    error_N = (x_ND - recon_ND).square().sum(1)
    mean_D = x_ND.mean(0, dtype=torch.float64).float()
    x_ND, recon_ND = x_ND - mean_D, recon_ND - mean_D
    per_token = (error_N, x_ND.square().sum(1), recon_ND.square().sum(1), (x_ND * recon_ND).sum(1))
    sums = (by_group(values_N.double().numpy(), groups_N) for values_N in per_token)
    return DocumentSums(*sums, by_group(active_N, groups_N), by_group(np.ones(len(groups_N)), groups_N))


def by_group(values_N: np.ndarray, groups_N: np.ndarray) -> np.ndarray:
    """Sum the values of each group: (G,) for groups 0 to G - 1."""
    return np.bincount(groups_N, weights=values_N)


def document_groups(store: Any, docs: Sequence[str]) -> np.ndarray:
    """For each token of a store a number for the document `docs[i]` that record `i` belongs to.

    Shapes  (N,); `docs` has one name per record of the corpus that was gathered.
    Raises  ValueError unless there is one name per record.
    """
    if len(docs) != len(store.documents):
        raise ValueError(f"{len(docs)} document names do not fit {len(store.documents)} records.")
    return np.unique(np.asarray(docs), return_inverse=True)[1][store.doc_index]


def bootstrap_ratio(
    above_M: np.ndarray, below_M: np.ndarray, *, repeats: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """A percentile interval of sum(above) / sum(below), drawing whole documents with replacement.

    Shapes  One element per document; a mean over tokens is the sum of values over the number of tokens.
    Raises  ValueError for two lengths, no documents, or a level outside (0, 1).
    Source  Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentile interval).
    """
    above_M, below_M = np.asarray(above_M, dtype=np.float64), np.asarray(below_M, dtype=np.float64)
    if above_M.shape != below_M.shape or above_M.ndim != 1 or not len(above_M):
        raise ValueError(f"one value per document on both sides, not {above_M.shape} and {below_M.shape}.")
    if not 0 < level < 1:
        raise ValueError(f"level must lie between 0 and 1, not {level}.")
    generator = np.random.default_rng(seed)
    counts_RM = generator.multinomial(len(above_M), np.full(len(above_M), 1 / len(above_M)), size=repeats)
    # A resample may hold only documents without weight.
    with np.errstate(invalid="ignore", divide="ignore"):
        ratios_R = (counts_RM @ above_M) / (counts_RM @ below_M)
    low, high = np.nanquantile(ratios_R, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def bootstrap_spread(
    one_S: np.ndarray, others_VS: np.ndarray, *, repeats: int = 1000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """A percentile interval of how much more one variant's result varies between seeds than that of the widest other.

    The standard deviation of one less the largest of the others', over seeds drawn with replacement, the same for all. Which
    other is the widest is asked of each draw anew, since the largest of several is large by chance too.

    Shapes  S seeds, V other variants.
    Raises  ValueError for fewer than three seeds, no other variant, or two numbers of seeds.
    Source  Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 13 (percentile interval).
    """
    one_S, others_VS = np.asarray(one_S, dtype=np.float64), np.asarray(others_VS, dtype=np.float64)
    n = len(one_S)
    if n < 3 or others_VS.ndim != 2 or not len(others_VS) or others_VS.shape[1] != n:
        raise ValueError(f"at least three seeds, the same for all variants, not {one_S.shape} and {others_VS.shape}.")
    drawn_RS = np.random.default_rng(seed).integers(n, size=(repeats, n))
    gaps_R = one_S[drawn_RS].std(axis=1, ddof=1) - others_VS[:, drawn_RS].std(axis=2, ddof=1).max(axis=0)
    low, high = np.quantile(gaps_R, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def seed_range(values: Sequence[float]) -> tuple[float, float] | None:
    """Lowest and highest over seeds, or over pairs or sets of them; None for fewer than three, which show no range."""
    return (min(values), max(values)) if len(values) > 2 else None


def pair_interval(values: Mapping[tuple[int, int], float], *, level: float = 0.95) -> tuple[float, float] | None:
    """An interval of the mean of a measure taken on ordered pairs of runs; None for fewer than three runs.

    Pairs that share a run are not independent: the standard error comes from leaving out one run, with all its pairs, at a
    time. It goes with Student's t of as many degrees of freedom as there are runs, less one.

    Shapes  `values` has (a, b) and (b, a) of every two different runs.
    Raises  ValueError where a pair is missing or is of one run.
    Source  The jackknife, Efron and Tibshirani 1993, "An Introduction to the Bootstrap", chapter 11.
    Differs wider than needed where pairs that share a run do not depend on each other.
    """
    runs = sorted({run for pair in values for run in pair})
    if set(values) != set(permutations(runs, 2)) or not values:
        raise ValueError(f"one value for every ordered pair of two different runs of {runs}, not {sorted(values)}.")
    if len(runs) < 3:
        return None
    mean = float(np.mean(list(values.values())))
    left = [np.mean([value for pair, value in values.items() if run not in pair]) for run in runs]
    n = len(runs)
    error = float(np.sqrt((n - 1) / n * np.sum((np.array(left) - np.mean(left)) ** 2)))
    reach = error * float(stats.t.ppf((1 + level) / 2, n - 1))
    return mean - reach, mean + reach
