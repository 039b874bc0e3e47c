"""How much of a feature is the place of a token, and what a model is without places."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse
from torch import Tensor

from kosae_core.filling import fill, kept_rows

if TYPE_CHECKING:
    from kosae_core.lm import LanguageModel

BIASES = ("alibi", "position_bias")
"""What blocks call the biases by distance that they are given: Bloom, MPT."""


def by_position(
    X_NF: sparse.csr_array, positions_N: Int[np.ndarray, " N"]
) -> tuple[Int[np.ndarray, " P"], Float[np.ndarray, "P F"]]:
    """The positions that occur, rising, and the mean of every feature at each.

    Raises  ValueError unless there is one position per token.
    """
    places_P, at_N, counts_P = _places(X_NF, positions_N)
    members_PN = sparse.csr_array((np.ones(len(at_N)), (at_N, np.arange(len(at_N)))), shape=(len(places_P), len(at_N)))
    return places_P, (members_PN @ X_NF).toarray() / counts_P[:, None]


def position_share(X_NF: sparse.csr_array, positions_N: Int[np.ndarray, " N"]) -> Float[np.ndarray, " F"]:
    """Share of each feature's variance over tokens that their position explains; 0 for a feature that never varies.

    Shapes  N tokens, F features. It is corrected for chance, so that it may fall just below 0.
    Raises  ValueError unless there is one position per token, and more tokens than positions.
    Source  Epsilon squared, Kelley 1935, "An unbiased correlation ratio measure".
    """
    places_P, _, counts_P = _places(X_NF, positions_N)
    n_tokens = X_NF.shape[0]
    if n_tokens <= len(places_P):
        raise ValueError(f"{n_tokens} tokens at {len(places_P)} positions: more tokens than positions are needed.")
    _, means_PF = by_position(X_NF, positions_N)
    mean_F = counts_P @ means_PF / n_tokens
    total_F = np.asarray(X_NF.multiply(X_NF).sum(axis=0), dtype=np.float64).ravel() - n_tokens * mean_F**2
    between_F = counts_P @ (means_PF - mean_F) ** 2
    varies_F = total_F > 1e-12 * n_tokens
    eta_F = np.where(varies_F, between_F / np.where(varies_F, total_F, 1.0), 0.0)
    return np.where(varies_F, 1.0 - (1.0 - eta_F) * (n_tokens - 1) / (n_tokens - len(places_P)), 0.0)


@dataclass(frozen=True)
class Profile:
    """Activation of features against position."""

    places_P: np.ndarray
    mean_P: np.ndarray
    """Mean over features of their mean activation at this position."""
    std_P: np.ndarray
    """Standard deviation over features of the same."""
    quantiles_QP: np.ndarray
    """Quantiles of the activations above 0, of all features, at this position; NaN where none fires."""


def profile(X_NF: sparse.csr_array, positions_N: Int[np.ndarray, " N"], quantiles: Sequence[float]) -> Profile:
    """Mean and standard deviation over features of activation by position, and quantiles of the activations that are on.

    Raises  ValueError unless there is one position per token.
    """
    places_P, means_PF = by_position(X_NF, positions_N)
    at_E = np.repeat(positions_N, np.diff(X_NF.indptr))  # the position of every entry
    on_E = X_NF.data > 0
    found = []
    for place in places_P:
        values = X_NF.data[on_E & (at_E == place)]
        found.append(np.quantile(values, quantiles) if len(values) else np.full(len(quantiles), np.nan))
    return Profile(places_P, means_PF.mean(1), means_PF.std(1), np.array(found).T)


def share_within(
    X_NF: sparse.csr_array, positions_N: Int[np.ndarray, " N"], tokens_N: Int[np.ndarray, " N"]
) -> Float[np.ndarray, " F"]:
    """Share of the variance of each feature among equal tokens that their position explains: what position adds to the token.

    A feature that fires on words which stand at the start of a sentence has a large `position_share` and none of this one.
    0 for a feature that does not vary among equal tokens.

    Shapes  N tokens, F features. Corrected for chance as `position_share`.
    Raises  ValueError unless there are one position and one id per token, and more tokens than both have values.
    """
    places_P, at_N, counts_P = _places(X_NF, positions_N)
    _, kind_N, counts_T = _places(X_NF, tokens_N)
    n = len(kind_N)

    def members(of_N: np.ndarray, size: int) -> sparse.csr_array:
        return sparse.csr_array((np.ones(n), (of_N, np.arange(n))), shape=(size, n))

    place_PN, kind_TN = members(at_N, len(places_P)), members(kind_N, len(counts_T))
    both_PT = (place_PN @ kind_TN.T).toarray()
    sums_TF = (kind_TN @ X_NF).toarray()
    means_TF = sums_TF / counts_T[:, None]
    total_F = np.asarray(X_NF.multiply(X_NF).sum(axis=0), dtype=np.float64).ravel() - (sums_TF * means_TF).sum(0)
    # least squares of what the token leaves, on the positions of which the token is taken out too
    gram_PP = np.diag(counts_P.astype(float)) - (both_PT / counts_T) @ both_PT.T
    cross_PF = (place_PN @ X_NF).toarray() - both_PT @ means_TF
    between_F = (cross_PF * (np.linalg.pinv(gram_PP, hermitian=True) @ cross_PF)).sum(0)
    rank = int(np.linalg.matrix_rank(gram_PP, hermitian=True))
    if (left := n - len(counts_T)) <= rank:
        raise ValueError(f"{n} tokens of {len(counts_T)} ids at {len(places_P)} positions: too few tokens for both.")
    varies_F = total_F > 1e-9 * n
    eta_F = np.where(varies_F, between_F / np.where(varies_F, total_F, 1.0), 0.0)
    return np.where(varies_F, 1.0 - (1.0 - eta_F) * left / (left - rank), 0.0)


def by_position_alone(
    X_NF: sparse.csr_array, positions_N: Int[np.ndarray, " N"], tokens_N: Int[np.ndarray, " N"], bound: float = 0.5
) -> np.ndarray:
    """Features of which position explains over `bound` of the variance, and of the variance among equal tokens too.

    Shapes  (F,) of bool.
    Raises  ValueError as `position_share` and `share_within`.
    """
    return (position_share(X_NF, positions_N) > bound) & (share_within(X_NF, positions_N, tokens_N) > bound)


def _places(X_NF: sparse.csr_array, positions_N: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if len(positions_N) != X_NF.shape[0]:
        raise ValueError(f"{len(positions_N)} positions do not fit {X_NF.shape[0]} tokens; give one for each.")
    return np.unique(positions_N, return_inverse=True, return_counts=True)


def first_and_rest(lm: "LanguageModel", store: Any) -> tuple[Float[Tensor, "M D"], Float[Tensor, "N D"]]:
    """Activations at position 0 of every document of a store, and those of all its other tokens.

    Where the model reads a start token, the store has left it out, and it is read again; it sees nothing but itself.

    Shapes  M documents; N tokens at positions above 0, in the store's order. Both float32 on the CPU.
    Raises  ValueError if a document has no token.
    """
    if empty := [d for d, ids in enumerate(store.documents) if not ids]:
        raise ValueError(f"document {empty[0]} of the store has no token, so it has no first one.")
    starts, of_M = np.unique([ids[0] for ids in store.documents], return_inverse=True)
    first = [lm.capture(lm.batch([[int(start)]]), [store.point])[store.point][0, 0].float().cpu() for start in starts]
    rest_N = torch.from_numpy(np.asarray(store.positions) > 0)
    return torch.stack(first)[torch.from_numpy(of_M)], store.all()[rest_N]


def interleave(first_MD: Float[Tensor, "M D"], rest_ND: Float[Tensor, "N D"], seed: int = 0) -> Float[Tensor, "K D"]:
    """Both tables as one of M + N rows in random order: what looks at the first rows alone sees both."""
    both_KD = torch.cat([first_MD, rest_ND])
    return both_KD[torch.randperm(len(both_KD), generator=torch.Generator().manual_seed(seed))]


def share_of_error(
    centre_D: Float[Tensor, " D"], part_MD: Float[Tensor, "M D"], whole_KD: Float[Tensor, "K D"],
    recon: Callable[[Tensor], Tensor] | None = None, batch_size: int = 4096,
) -> float:  # fmt: skip
    """Of the squared error of all rows, what falls on some of them: before training (about the centre), or with `recon`.

    Shapes  `part` holds rows that `whole` has too. `recon` maps raw activations to their reconstructions.
    """

    def error(rows_ND: Tensor) -> float:
        total = 0.0
        for rows_BD in rows_ND.split(batch_size):
            about_BD = centre_D if recon is None else recon(rows_BD)
            total += float((rows_BD - about_BD).square().sum(dtype=torch.float64))
        return total

    return error(part_MD) / error(whole_KD)


def spent_on(X_MF: sparse.csr_array, X_NF: sparse.csr_array) -> Float[np.ndarray, " F"]:
    """What share of each feature's summed activation over two tables falls on the first; 0 for one that never fires."""
    part_F, rest_F = (np.asarray(X.sum(axis=0), dtype=np.float64).ravel() for X in (X_MF, X_NF))
    total_F = part_F + rest_F
    return part_F / np.where(total_F > 0, total_F, 1.0)


def read_without(lm: "LanguageModel", documents: Sequence[Sequence[int]], points: Sequence[str]) -> dict[str, Tensor]:
    """Activations of the documents' tokens when all stand at position 0, in the order of `activations.gather`.

    Shapes  (N, d_model) float32 on the CPU for each point; special tokens are left out.
    Raises  ValueError as `without_positions`.
    """
    n_rows = int(kept_rows(documents, lm.special_ids)[1][-1])
    tables = {lm.resolve(point): torch.empty(n_rows, lm.d_model) for point in points}
    with without_positions(lm):
        fill(lm, documents, tables, tokens_per_batch=4096)
    return {point: tables[lm.resolve(point)] for point in points}


@contextmanager
def without_positions(lm: "LanguageModel") -> Iterator[None]:
    """Let every token of every pass stand at position 0: rotary angles all equal, learned positions all the first.

    The biases by distance that Bloom and MPT add to attention (ALiBi) become 0. What is left is the causal mask, by
    which a token still knows how many came before it.

    Raises  ValueError for a model that takes no `position_ids` and whose blocks take no such biases, and for a Falcon with ALiBi.
    """
    numbered = "position_ids" in inspect.signature(lm.model.forward).parameters
    biased = set(BIASES) & set(inspect.signature(lm.blocks[0].forward).parameters)
    if numbered and getattr(lm.model.config, "alibi", False):
        raise ValueError(f"{lm.name} adds ALiBi to its mask, so its positions cannot be removed this way.")
    if not numbered and not biased:
        raise ValueError(f"{lm.name} takes no position_ids, so its positions cannot be removed this way.")

    def nowhere(module: torch.nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        ids_BT = kwargs["input_ids"]
        if kwargs.get("attention_mask") is None:  # without a mask, equal positions would be read as packed documents
            kwargs["attention_mask"] = torch.ones_like(ids_BT)
        return args, kwargs | {"position_ids": torch.zeros_like(ids_BT)}

    def unbiased(module: torch.nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        return args, kwargs | {k: torch.zeros_like(kwargs[k]) for k in biased if kwargs.get(k) is not None}

    handles = [lm.model.register_forward_pre_hook(nowhere, with_kwargs=True)] if numbered else []
    handles += [block.register_forward_pre_hook(unbiased, with_kwargs=True) for block in lm.blocks if biased]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
