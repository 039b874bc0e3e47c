"""Which tokens or words mark one set of texts off from another: log-odds with a prior, and how sure they are."""

from collections.abc import Sequence

import numpy as np


def token_counts(documents: Sequence[Sequence[int]], n_tokens: int) -> np.ndarray:
    """How often each token occurs in the documents, (V,) whole numbers.

    Raises  ValueError for an id that is not below `n_tokens`.
    """
    ids = np.concatenate([np.asarray(document, dtype=np.int64) for document in documents] or [np.zeros(0, np.int64)])
    if len(ids) and (ids.min() < 0 or ids.max() >= n_tokens):
        raise ValueError(f"token ids must be 0 to {n_tokens - 1}; there are {ids.min()} to {ids.max()}.")
    return np.bincount(ids, minlength=n_tokens)


def weighted_log_odds(here_V: np.ndarray, there_V: np.ndarray, strength: float = 0.1) -> np.ndarray:
    """z-scores of the difference in log-odds between two sets of counts; positive where a token marks the first set.

    The prior has `strength` pseudo-counts for each token that occurs, shared out by how often tokens occur in both together,
    so that rare tokens are pulled to no difference.

    Shapes  counts (V,) both; a token that occurs in neither has z of 0.
    Raises  ValueError for counts of two lengths, or a set without counts.
    Source  Monroe, Colaresi and Quinn 2008, "Fightin' Words", equations 16 and 20 to 22.
    """
    here_V, there_V = np.asarray(here_V, dtype=np.float64), np.asarray(there_V, dtype=np.float64)
    if here_V.shape != there_V.shape or here_V.ndim != 1:
        raise ValueError(f"one count per token on both sides, not {here_V.shape} and {there_V.shape}.")
    both_V = here_V + there_V
    if here_V.sum() <= 0 or there_V.sum() <= 0:
        raise ValueError("a set without a single count has no odds: give texts on both sides.")
    prior_V = strength * np.count_nonzero(both_V) * both_V / both_V.sum()
    seen_V = both_V > 0
    z_V = np.zeros(len(both_V))
    a_V, b_V = (side[seen_V] + prior_V[seen_V] for side in (here_V, there_V))
    gap_V = np.log(a_V / (a_V.sum() - a_V)) - np.log(b_V / (b_V.sum() - b_V)) if seen_V.sum() > 1 else np.zeros(1)
    z_V[seen_V] = gap_V / np.sqrt(1 / a_V + 1 / b_V)
    return z_V


def enriched(yes_M: np.ndarray, labels_M: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """How much each label is commoner among documents that are yes than its base rate among the others, as z-scores.

    Shapes  the sorted labels (C,) and their z (C,) of `weighted_log_odds` over documents.
    Raises  ValueError unless there is one label per document, and documents of both kinds.
    Source  as `weighted_log_odds`, a document being one count of its label.
    """
    yes_M, labels_M = np.asarray(yes_M, dtype=bool), np.asarray(labels_M)
    if len(yes_M) != len(labels_M):
        raise ValueError(f"{len(labels_M)} labels do not fit {len(yes_M)} documents: give one for each.")
    names_C, class_M = np.unique(labels_M, return_inverse=True)
    on_C, off_C = (np.bincount(class_M[rows], minlength=len(names_C)) for rows in (yes_M, ~yes_M))
    return names_C, weighted_log_odds(on_C, off_C)
