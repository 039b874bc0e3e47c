"""Which features of two dictionaries are the same: nearest directions, optimal pairs, consistency over runs."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from jaxtyping import Float, Int
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def cosines(first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G _"]) -> Float[Tensor, "F G"]:
    """Cosine of every row of one dictionary with every row of the other; 0 for a row of zeros.

    Raises  ValueError when the widths differ.
    """
    if first_FD.shape[1] != second_GD.shape[1]:
        raise ValueError(f"dictionaries of widths {first_FD.shape[1]} and {second_GD.shape[1]} cannot be matched.")
    units = (rows / rows.norm(dim=1, keepdim=True).clamp_min(1e-12) for rows in (first_FD.detach(), second_GD.detach()))
    first_FD, second_GD = units
    return first_FD @ second_GD.t()


def nearest(
    first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"]
) -> tuple[Float[np.ndarray, " F"], Int[np.ndarray, " F"]]:
    """For each row of the first its best cosine in the second, and where; several rows may share one."""
    best_F, at_F = cosines(first_FD, second_GD).max(dim=1)
    return best_F.cpu().numpy(), at_F.cpu().numpy()


def pairs(
    first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"]
) -> tuple[Float[np.ndarray, " N"], Int[np.ndarray, " N"], Int[np.ndarray, " N"]]:
    """The one-to-one pairing of the largest summed cosine: cosines, rows of the first, rows of the second.

    Shapes  N = min(F, G).
    Source  Kuhn 1955, "The Hungarian method for the assignment problem".
    """
    cosine_FG = cosines(first_FD, second_GD).double().cpu().numpy()
    row_N, column_N = linear_sum_assignment(cosine_FG, maximize=True)
    return cosine_FG[row_N, column_N], row_N, column_N


def children(first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"], bound: float) -> Int[np.ndarray, " F"]:
    """For each row of the first, how many rows of the second have it as their nearest, with a cosine of at least `bound`.

    A feature that splits as the dictionary grows has two or more.
    """
    best_G, at_G = nearest(second_GD, first_FD)
    return np.bincount(at_G[best_G >= bound], minlength=len(first_FD))


def consistency(dictionaries: Sequence[Float[Tensor, "F D"]]) -> float:
    """Mean cosine of optimally paired features, averaged over all pairs of runs (PW-MCC).

    Raises  ValueError for fewer than two dictionaries.
    Source  Song et al. 2025, arXiv:2505.20254.
    Differs signs count: features are not negative, so that opposite directions are not the same feature.
    """
    if len(dictionaries) < 2:
        raise ValueError("consistency needs at least two dictionaries.")
    return float(np.mean([pairs(a, b)[0].mean() for a, b in combinations(dictionaries, 2)]))
