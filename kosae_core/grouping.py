"""Documents grouped by their features: the groups, how they agree with labels, and the features at the top of each.

scikit-learn does the grouping. A feature that is near the top of every group is generic and says nothing about any of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import TruncatedSVD
from sklearn.metrics import adjusted_mutual_info_score, adjusted_rand_score, normalized_mutual_info_score

from kosae_core.features import class_means, top_features

Table = np.ndarray | sparse.sparray | sparse.spmatrix
OUT = -1
"""The group of documents that HDBSCAN leaves out."""


def group(X_MP: Table, n_groups: int, *, smallest: int = 20, n_dims: int = 50, seed: int = 0) -> dict[str, np.ndarray]:
    """k-means groups of documents under "k-means" and HDBSCAN ones under "HDBSCAN".

    A sparse table is first brought to `n_dims` dimensions by a truncated singular value decomposition (latent semantic
    analysis); HDBSCAN chooses the number of groups itself, each of `smallest` documents or more.

    Shapes  (M,) whole numbers each, from 0 on; `OUT` where HDBSCAN leaves a document out.
    Raises  ValueError for fewer documents than `n_groups`.
    """
    if X_MP.shape[0] < n_groups:
        raise ValueError(f"{X_MP.shape[0]} documents make no {n_groups} groups: give more documents or ask for fewer.")
    if sparse.issparse(X_MP):
        X_MP = TruncatedSVD(min(n_dims, X_MP.shape[1]), random_state=seed).fit_transform(X_MP)
    means = KMeans(n_groups, n_init=3, random_state=seed).fit_predict(X_MP)
    return {"k-means": means, "HDBSCAN": HDBSCAN(min_cluster_size=smallest, copy=True).fit_predict(X_MP)}


@dataclass(frozen=True)
class Agreement:
    """How far groups and labels of the same documents agree."""

    ari: float
    """Adjusted Rand index: 1 where they are the same, 0 on average for groups drawn at random."""
    nmi: float
    """Normalised mutual information, 0 to 1; not corrected for chance, so that many groups raise it."""
    ami: float
    """Adjusted mutual information: 1 where they are the same, 0 on average for groups of these sizes drawn at random."""
    kept: float
    """Share of documents that are in a group at all."""


def agreement(group_M: Sequence[int] | np.ndarray, label_M: Sequence[Any] | np.ndarray) -> Agreement:
    """How far groups agree with labels; documents left out count as one group of their own.

    Raises  ValueError unless there is one label per document.
    Source  Hubert and Arabie 1985, equation 5 (ARI); mutual information over the mean of the two entropies (NMI);
            Vinh, Epps and Bailey 2010 (AMI, by the same mean).
    """
    group_M, label_M = np.asarray(group_M), np.asarray(label_M)
    if len(group_M) != len(label_M) or not len(group_M):
        raise ValueError(f"{len(label_M)} labels do not fit {len(group_M)} documents: give one for each.")
    measures = adjusted_rand_score, normalized_mutual_info_score, adjusted_mutual_info_score
    return Agreement(*(float(measure(label_M, group_M)) for measure in measures), float((group_M != OUT).mean()))


@dataclass(frozen=True)
class Leaders:
    """The features of largest mean in each group."""

    groups_C: np.ndarray
    """The groups, in order."""
    means_CF: np.ndarray
    """Mean feature vector of each group."""
    top_CT: np.ndarray
    """Features of largest mean, the largest first; of equals the lower number first."""

    @property
    def generic(self) -> np.ndarray:
        """Features among the leaders of every group, that of the largest summed mean first."""
        found = sorted(set.intersection(*(set(row.tolist()) for row in self.top_CT)))
        return np.array(sorted(found, key=lambda f: -self.means_CF[:, f].sum()), dtype=np.int64)

    @property
    def most_led(self) -> tuple[int, int]:
        """The feature that is first in most groups, the lower number of equals, and in how many it is."""
        names, counts = np.unique(self.top_CT[:, 0], return_counts=True)
        return int(names[counts.argmax()]), int(counts.max())


def leaders(X_MF: Table, group_M: Sequence[int] | np.ndarray, top: int = 10) -> Leaders:
    """Mean feature vectors of groups of documents, and the `top` features of each.

    Raises  ValueError unless there is one group per document, and if `top` is outside [1, F].
    """
    groups_C, means_CF = class_means(X_MF, group_M)
    best = top_features(means_CF, groups_C, top).values()
    return Leaders(groups_C, means_CF, np.stack(list(best)))


def commonest(group_M: Sequence[int] | np.ndarray, label_M: Sequence[Any] | np.ndarray) -> list[tuple[Any, float]]:
    """For each group in order its commonest label, the first in the order of names of equals, and that label's share.

    Raises  ValueError unless there is one label per document.
    """
    group_M, label_M = np.asarray(group_M), np.asarray(label_M)
    if len(group_M) != len(label_M):
        raise ValueError(f"{len(label_M)} labels do not fit {len(group_M)} documents: give one for each.")
    found = []
    for one in np.unique(group_M):
        names, counts = np.unique(label_M[group_M == one], return_counts=True)
        found.append((names[counts.argmax()], float(counts.max() / counts.sum())))
    return found


def tokens_read(X_NF: Table, token_N: np.ndarray, features: Sequence[int] | np.ndarray) -> list[int | None]:
    """The token on which each feature spends most of its activation, the lower id of equals; None where it never fires.

    Shapes  a row of activations and a token id for each of N tokens.
    Raises  ValueError unless there is one token per row.
    """
    token_N = np.asarray(token_N)
    if len(token_N) != X_NF.shape[0]:
        raise ValueError(f"{len(token_N)} tokens do not fit {X_NF.shape[0]} rows of activations.")
    columns = sparse.csc_array(X_NF[:, np.asarray(features, dtype=np.int64)])
    found: list[int | None] = []
    for start, end in zip(columns.indptr[:-1], columns.indptr[1:], strict=True):
        total_V = (
            np.bincount(token_N[columns.indices[start:end]], columns.data[start:end]) if end > start else np.zeros(1)
        )
        found.append(int(total_V.argmax()) if total_V.max() > 0 else None)
    return found
