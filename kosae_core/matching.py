"""Which features of two dictionaries are the same: nearest directions, optimal pairs, consistency over runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import torch
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


def nearest_other(rows_FD: Float[Tensor, "F D"]) -> Float[np.ndarray, " F"]:
    """For each row its best cosine with another row of the same table; at least two rows are needed."""
    cosine_FF = cosines(rows_FD, rows_FD).fill_diagonal_(-1.0)
    return cosine_FF.amax(dim=1).cpu().numpy()


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


def distinct_children(
    first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"], bound: float, alike: float
) -> Int[np.ndarray, " F"]:
    """As `children`, but rows of the second that are copies of each other, with a cosine of at least `alike`, count once.

    Of a row's children the nearest counts, and then each that is no copy of one that has been counted. Without this, two
    dictionaries taken together would seem to split every feature that both have.
    """
    best_G, at_G = nearest(second_GD, first_FD)
    copies_GG = (cosines(second_GD, second_GD) >= alike).cpu().numpy()
    counted: list[list[int]] = [[] for _ in first_FD]
    for row in np.argsort(-best_G, kind="stable"):
        if best_G[row] >= bound and not copies_GG[row, counted[at_G[row]]].any():
            counted[at_G[row]].append(row)
    return np.array([len(rows) for rows in counted])


def split_share(
    first_FD: Float[Tensor, "F D"], together: Sequence[Float[Tensor, "G D"]], bound: float, alike: float
) -> float:
    """Share of the first dictionary's features with two or more `distinct_children` in some dictionaries taken together."""
    return float((distinct_children(first_FD, torch.cat(list(together)), bound, alike) >= 2).mean())


def split_shares(
    bases: Mapping[int, Float[Tensor, "F D"]], others: Mapping[int, Float[Tensor, "G D"]],
    bound: float, alike: float, together: int = 1,
) -> dict[int, list[float]]:  # fmt: skip
    """For each base, by its seed: its `split_share` in every choice of so many of the others whose seed is not its own.

    Two others taken together have as many rows as one of twice the size, and no splitting: its baseline. A base for which
    there are too few others of other seeds is left out.
    """
    found = {}
    for a, first_FD in bases.items():
        chosen = combinations([s for s in others if s != a], together)
        if shares := [split_share(first_FD, [others[s] for s in some], bound, alike) for some in chosen]:
            found[a] = shares
    return found


def returning(first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"], bound: float) -> float:
    """Share of the first dictionary's features that come back in the second: with a cosine of at least `bound` there."""
    return float((nearest(first_FD, second_GD)[0] >= bound).mean())


def same_partner(
    first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"],
    also_first_FD: Float[Tensor, "F D"], also_second_GD: Float[Tensor, "G D"], bound: float,
) -> float:  # fmt: skip
    """Of the features that have a partner by either of two kinds of weights, the share whose nearest is one by both.

    A partner is the nearest of the second dictionary, with a cosine of at least `bound`. NaN where no feature has one.

    Shapes  one kind of weights of both dictionaries, such as the decoders', then the other kind, such as the encoders'.
    """
    best_F, at_F = nearest(first_FD, second_GD)
    also_best_F, also_at_F = nearest(also_first_FD, also_second_GD)
    some_F = (best_F >= bound) | (also_best_F >= bound)
    return float((at_F == also_at_F)[some_F].mean()) if some_F.any() else float("nan")


def shared_nearest(first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"], bound: float = -1.0) -> float:
    """Of the rows of the first with a cosine of at least `bound` somewhere in the second, the share whose nearest is another's too.

    NaN where no row comes so near. Without a bound, random rows share theirs by chance: 1 - (1 - 1 / G)^(F - 1) of them.

    Source  The "top-2 duplicates" of Cho 2025.
    """
    best_F, at_F = nearest(first_FD, second_GD)
    at_N = at_F[best_F >= bound]
    return float((np.bincount(at_N)[at_N] > 1).mean()) if len(at_N) else float("nan")


@dataclass(frozen=True)
class Step:
    """What becomes of the features of one dictionary in the next one, such as from a block to the block after it."""

    partner_F: np.ndarray
    """Where each feature of the first goes on: its nearest in the second if that comes within the bound, else -1."""
    appears_G: np.ndarray
    """Whether a feature of the second has no feature of the first within the bound."""

    @property
    def persists(self) -> float:
        """Share of the first that goes on; the rest vanishes."""
        return float((self.partner_F >= 0).mean())

    @property
    def appears(self) -> float:
        """Share of the second that is new."""
        return float(self.appears_G.mean())


def step(first_FD: Float[Tensor, "F D"], second_GD: Float[Tensor, "G D"], bound: float) -> Step:
    """Which features of the first go on in the second, and which of the second are new, by a cosine of at least `bound`."""
    best_F, at_F = nearest(first_FD, second_GD)
    return Step(np.where(best_F >= bound, at_F, -1), nearest(second_GD, first_FD)[0] < bound)


def chains(steps: Sequence[Step]) -> Int[np.ndarray, " F"]:
    """For each feature of the first dictionary, through how many steps on end it goes on.

    Raises  ValueError for no steps.
    """
    if not steps:
        raise ValueError("chains need at least one step.")
    at_F = np.arange(len(steps[0].partner_F))
    lasted_F = np.zeros(len(at_F), dtype=np.int64)
    for each in steps:
        at_F = np.where(at_F >= 0, each.partner_F[at_F], -1)
        lasted_F += at_F >= 0
    return lasted_F


def shuffled_elements(dictionary_FD: Float[Tensor, "F D"], seed: int = 0) -> Float[Tensor, "F D"]:
    """The dictionary with the elements of each row in another order: directions of the same elements that mean nothing.

    One order for all rows would keep the angles between them; each row has its own.
    """
    generator = torch.Generator().manual_seed(seed)
    order_FD = torch.rand(dictionary_FD.shape, generator=generator).argsort(dim=1)
    return dictionary_FD.detach().cpu().gather(1, order_FD)


def consistency(dictionaries: Sequence[Float[Tensor, "F D"]]) -> float:
    """Mean cosine of optimally paired features, averaged over all pairs of runs (PW-MCC).

    Raises  ValueError for fewer than two dictionaries.
    Source  Song et al. 2025, arXiv:2505.20254.
    Differs signs count: features are not negative, so that opposite directions are not the same feature.
    """
    if len(dictionaries) < 2:
        raise ValueError("consistency needs at least two dictionaries.")
    return float(np.mean([pairs(a, b)[0].mean() for a, b in combinations(dictionaries, 2)]))
