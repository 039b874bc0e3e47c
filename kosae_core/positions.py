"""How much of a feature is the place of a token, and what a model is without places."""

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float, Int
from scipy import sparse

if TYPE_CHECKING:
    from kosae_core.lm import LanguageModel


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


def _places(X_NF: sparse.csr_array, positions_N: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if len(positions_N) != X_NF.shape[0]:
        raise ValueError(f"{len(positions_N)} positions do not fit {X_NF.shape[0]} tokens; give one for each.")
    return np.unique(positions_N, return_inverse=True, return_counts=True)


@contextmanager
def without_positions(lm: "LanguageModel") -> Iterator[None]:
    """Let every token of every pass stand at position 0: rotary angles all equal, learned positions all the first.

    What is left is the causal mask, by which a token still knows how many came before it.

    Raises  ValueError for a model that takes no `position_ids` (ALiBi has its biases in the attention).
    """
    if "position_ids" not in inspect.signature(lm.model.forward).parameters:
        raise ValueError(f"{lm.name} takes no position_ids, so its positions cannot be removed this way.")

    def nowhere(module: torch.nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
        ids_BT = kwargs["input_ids"]
        if kwargs.get("attention_mask") is None:  # without a mask, equal positions would be read as packed documents
            kwargs["attention_mask"] = torch.ones_like(ids_BT)
        return args, kwargs | {"position_ids": torch.zeros_like(ids_BT)}

    handle = lm.model.register_forward_pre_hook(nowhere, with_kwargs=True)
    try:
        yield
    finally:
        handle.remove()
