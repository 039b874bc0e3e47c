"""Tokens and documents as bags of features: sparse matrices, TF-IDF, the features of a class, the tokens of a feature."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse

from kosae_core import rows
from kosae_core.sae import SAE


@torch.no_grad()
def encode_store(sae: SAE, acts: Any, batch_size: int = 4096) -> sparse.csr_array:
    """Features of all activations as a (tokens, features) float32 sparse array.

    Raises  ValueError for another width or rows that are not finite.
    """
    rows.check_rows(acts)
    blocks = []
    for acts_BD in rows.in_order(acts, batch_size):
        blocks.append(_csr(sae.encode(acts_BD.to(sae.mean_D.device)).cpu().numpy()))
    return sparse.csr_array(sparse.vstack(blocks))


def _csr(dense_NF: np.ndarray) -> sparse.csr_array:
    """The positive entries of a dense table; scipy's own conversion of a dense table takes several times as long."""
    flat, n_columns = dense_NF.reshape(-1), dense_NF.shape[1]
    at = np.flatnonzero(flat > 0)
    starts = np.searchsorted(at, np.arange(len(dense_NF) + 1) * n_columns)
    return sparse.csr_array(
        (flat[at], (at % n_columns).astype(np.int32), starts.astype(np.int32)), shape=dense_NF.shape
    )


@torch.no_grad()
def document_features(sae: SAE, store: Any, pool: str = "sum", batch_size: int = 4096) -> sparse.csr_array:
    """Features of each document, pooled by sum, mean or max over its tokens, as a (documents, features) sparse array.

    Shapes  `store` is an activation store; a document without kept tokens has an empty row.
    Raises  ValueError for another `pool`.
    Source  The sum is the feature count of korean-sparse-llm-features-open (source A).
    """
    index_N, n_documents = np.asarray(store.doc_index, dtype=np.int64), len(store.documents)
    if pool not in ("sum", "mean"):
        return pool_tokens(encode_store(sae, store, batch_size), index_N, n_documents, pool)
    edges = np.searchsorted(index_N, np.arange(n_documents + 1))
    blocks, first = [], 0
    while first < n_documents:  # whole documents at a time, so that no table of tokens has to be kept
        last = max(first + 1, int(np.searchsorted(edges, edges[first] + batch_size, side="right")) - 1)
        acts_BD = rows.require_finite(store[edges[first] : edges[last]].float(), int(edges[first]))
        feats_BF = sae.encode(acts_BD.to(sae.mean_D.device)).cpu()
        at_B = torch.from_numpy(index_N[edges[first] : edges[last]] - first)
        pooled_MF = torch.zeros(last - first, sae.n_features).index_add_(0, at_B, feats_BF)
        if pool == "mean":
            pooled_MF /= torch.from_numpy(np.diff(edges[first : last + 1])).clamp_min(1)[:, None]
        blocks.append(_csr(pooled_MF.numpy()))
        first = last
    return sparse.csr_array(sparse.vstack(blocks))


def pool_tokens(
    X_NF: sparse.csr_array, doc_index_N: np.ndarray, n_documents: int, pool: str = "sum"
) -> sparse.csr_array:
    """Pool the rows of a (tokens, features) array by document.

    Raises  ValueError for another `pool`, or an index outside the documents.
    """
    doc_index_N = np.asarray(doc_index_N, dtype=np.int64)
    if pool not in ("sum", "mean", "max"):
        raise ValueError(f"pool must be sum, mean or max, not {pool!r}.")
    if len(doc_index_N) != X_NF.shape[0] or (len(doc_index_N) and doc_index_N.max() >= n_documents):
        raise ValueError(
            f"{len(doc_index_N)} document indices do not fit {X_NF.shape[0]} tokens of {n_documents} documents."
        )
    if pool == "max":
        return _max_by_document(sparse.coo_array(X_NF), doc_index_N, n_documents)
    tokens_M = np.bincount(doc_index_N, minlength=n_documents)
    weight_N = np.ones(len(doc_index_N), dtype=X_NF.dtype) if pool == "sum" else (1.0 / tokens_M[doc_index_N])
    members_MN = sparse.csr_array(
        (weight_N.astype(X_NF.dtype), (doc_index_N, np.arange(len(doc_index_N)))), shape=(n_documents, X_NF.shape[0])
    )
    return sparse.csr_array(members_MN @ X_NF)


def _max_by_document(X_NF: sparse.coo_array, doc_index_N: np.ndarray, n_documents: int) -> sparse.csr_array:
    shape = (n_documents, X_NF.shape[1])
    cell = doc_index_N[X_NF.row] * shape[1] + X_NF.col
    order = np.argsort(cell, kind="stable")
    cell, values = cell[order], X_NF.data[order]
    first = np.flatnonzero(np.r_[True, cell[1:] != cell[:-1]]) if len(cell) else np.zeros(0, dtype=np.int64)
    largest = np.maximum.reduceat(values, first) if len(cell) else values
    return sparse.csr_array((largest, (cell[first] // shape[1], cell[first] % shape[1])), shape=shape)


def inverse_document_frequency(X_MF: sparse.csr_array) -> np.ndarray:
    """log(N / (df + 1)) of each feature.

    Shapes  M documents, F features; df is the number of documents in which a feature is not zero, N = M.
    Source  korean-sparse-llm-features-open (source A); a feature of every document gets a slightly negative weight.
    """
    X_MF = sparse.coo_array(X_MF)
    df_F = np.bincount(X_MF.col[X_MF.data != 0], minlength=X_MF.shape[1])
    return np.log(X_MF.shape[0] / (df_F + 1.0))


def tfidf(X_MF: sparse.csr_array, idf_F: np.ndarray | None = None) -> sparse.csr_array:
    """count * idf with rows of unit L2 norm; without `idf_F`, that of these documents.

    Shapes  M documents, F features. Held-out documents take the `idf_F` of the training documents.
    Raises  ValueError unless there is one weight per feature.
    Source  korean-sparse-llm-features-open (source A).
    """
    idf_F = inverse_document_frequency(X_MF) if idf_F is None else np.asarray(idf_F)
    if idf_F.shape != (X_MF.shape[1],):
        raise ValueError(f"idf weights of shape {idf_F.shape} do not fit {X_MF.shape[1]} features.")
    return _unit_rows(sparse.csr_array(X_MF @ sparse.diags_array(idf_F)))


def _unit_rows(X_MF: sparse.csr_array) -> sparse.csr_array:
    norm_M = np.sqrt(X_MF.multiply(X_MF).sum(axis=1))
    return sparse.csr_array(sparse.diags_array(1.0 / np.where(norm_M > 0, norm_M, 1.0)) @ X_MF)


def class_means(
    X_MF: sparse.csr_array | np.ndarray, labels: Sequence[str] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Mean feature vector of each class: the sorted names (C,) and the means (C, F).

    Raises  ValueError unless there is one label per row.
    """
    labels = np.asarray(labels)
    if len(labels) != X_MF.shape[0]:
        raise ValueError(f"{len(labels)} labels do not fit {X_MF.shape[0]} documents.")
    names_C, class_M = np.unique(labels, return_inverse=True)
    weight_M = 1.0 / np.bincount(class_M)[class_M]
    members_CM = sparse.csr_array((weight_M, (class_M, np.arange(len(labels)))), shape=(len(names_C), len(labels)))
    means_CF = members_CM @ X_MF
    return names_C, means_CF.toarray() if sparse.issparse(means_CF) else np.asarray(means_CF)


def top_features(
    X_MF: sparse.csr_array | np.ndarray, labels: Sequence[str] | np.ndarray, k: int
) -> dict[str, np.ndarray]:
    """The `k` features of highest mean in each class, highest first; of equals the lower index first.

    Raises  ValueError if `k` is outside [1, F].
    """
    if not 1 <= k <= X_MF.shape[1]:
        raise ValueError(f"k must lie between 1 and the number of features ({X_MF.shape[1]}), not {k}.")
    names_C, means_CF = class_means(X_MF, labels)
    order_CF = np.argsort(-means_CF, axis=1, kind="stable")
    return {str(name): order_F[:k] for name, order_F in zip(names_C, order_CF, strict=True)}


def category_counts(top: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """The features that stand in some class's list, and in how many lists each stands, most shared first.

    Source  The feature-count figure of korean-sparse-llm-features-open (source A), read in its code.
    """
    features_P, counts_P = np.unique(np.concatenate(list(top.values())), return_counts=True)
    order_P = np.argsort(-counts_P, kind="stable")
    return features_P[order_P], counts_P[order_P]


def jaccard(top: dict[str, np.ndarray], other: dict[str, np.ndarray] | None = None) -> np.ndarray:
    """Size of the intersection over that of the union, for each class of `top` with each of `other` (or of `top`).

    Shapes  (classes of `top`, classes of `other`), both in the order of their dictionaries.
    """
    sets, others = ([set(map(int, ids)) for ids in each.values()] for each in (top, top if other is None else other))
    return np.array([[len(a & b) / max(len(a | b), 1) for b in others] for a in sets])


def share_on(X_MF: sparse.csr_array, top: dict[str, np.ndarray]) -> np.ndarray:
    """Of the activation of each document, the share that falls on each class's list of features.

    Shapes  (M, C), C lists in the order of `top`; 0 for a document in which nothing is active.
    """
    member_FC = np.zeros((X_MF.shape[1], len(top)))
    for c, ids in enumerate(top.values()):
        member_FC[ids, c] = 1
    total_M = np.asarray(X_MF.sum(axis=1)).ravel()
    return (X_MF @ member_FC) / np.where(total_M > 0, total_M, 1)[:, None]


def nearest_profile(
    X_MF: sparse.csr_array | np.ndarray, profiles_CF: np.ndarray, names_C: Sequence[str] | np.ndarray
) -> np.ndarray:
    """The class whose profile has the largest cosine with each document; of equals the first.

    Shapes  documents (M, F), profiles (C, F), both as `class_means` takes and returns them; returns (M,) names.
    Raises  ValueError if documents and profiles differ in width.
    """
    if X_MF.shape[1] != profiles_CF.shape[1]:
        raise ValueError(f"documents of {X_MF.shape[1]} features do not fit profiles of {profiles_CF.shape[1]}.")
    norm_C = np.linalg.norm(profiles_CF, axis=1)
    # The document's own length does not change which profile is nearest.
    score_MC = X_MF @ (profiles_CF / np.where(norm_C > 0, norm_C, 1.0)[:, None]).T
    return np.asarray(names_C)[np.argmax(score_MC, axis=1)]


@dataclass(frozen=True)
class Moments:
    """Mean and standard deviation of each feature, over all tokens and over those on which it fires; 0 where it never does."""

    rate_F: np.ndarray
    """Share of tokens on which it fires."""
    mean_F: np.ndarray
    std_F: np.ndarray
    on_mean_F: np.ndarray
    on_std_F: np.ndarray


def moments(X_NF: sparse.csr_array) -> Moments:
    """How strongly each feature fires on average, and how much that varies.

    Raises  ValueError for a table without tokens.
    """
    n = X_NF.shape[0]
    if not n:
        raise ValueError("moments need at least one token.")
    on_F = np.bincount(X_NF.indices[X_NF.data > 0], minlength=X_NF.shape[1])
    sum_F = np.asarray(X_NF.sum(axis=0), dtype=np.float64).ravel()
    square_F = np.asarray(X_NF.multiply(X_NF).sum(axis=0), dtype=np.float64).ravel()
    some_F = np.maximum(on_F, 1)
    std_F, on_std_F = (np.sqrt(np.maximum(square_F / m - (sum_F / m) ** 2, 0.0)) for m in (n, some_F))
    return Moments(on_F / n, sum_F / n, std_F, sum_F / some_F, on_std_F)


def main_class(
    X_MF: sparse.csr_array | np.ndarray, labels: Sequence[str] | np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The class in which each feature's mean is highest, and what share of its class means, added up, falls on it.

    Shapes  (F,) names and (F,) shares; an empty name and 0 for a feature that never fires. With C classes alike it is 1 / C.
    """
    names_C, means_CF = class_means(X_MF, labels)
    total_F, best_F = means_CF.sum(0), means_CF.argmax(0)
    fires_F = total_F > 0
    share_F = means_CF.max(0) / np.where(fires_F, total_F, 1.0)
    return np.where(fires_F, names_C[best_F], ""), share_F


@dataclass(frozen=True)
class TopToken:
    """One token on which a feature is strong, and where it stands."""

    value: float
    """The feature's activation."""
    row: int
    """Row in the store."""
    document: int
    """Index of the document."""
    position: int
    """Position in the document's full token ids."""
    context: tuple[int, ...]
    """Token ids around it, of which it is number `centre`."""
    centre: int
    """Index of the token in `context`."""


def top_tokens(
    X_NF: sparse.csr_array, store: Any, feature: int, *, n: int = 10, context: int = 8, one_per_document: bool = True
) -> list[TopToken]:  # fmt: skip
    """The tokens on which a feature is strongest, with `context` tokens on either side.

    Shapes  `X_NF` from `encode_store` on the same store.
    Raises  ValueError if the array is not of this store.
    """
    if X_NF.shape[0] != store.n_tokens:
        raise ValueError(f"features of {X_NF.shape[0]} tokens do not belong to a store of {store.n_tokens}.")
    column_N = X_NF[:, [feature]].tocoo()
    found: list[TopToken] = []
    seen: set[int] = set()
    for at in np.lexsort((column_N.row, -column_N.data)):
        row, value = int(column_N.row[at]), float(column_N.data[at])
        document, position = int(store.doc_index[row]), int(store.positions[row])
        if value <= 0 or len(found) == n:
            break
        if one_per_document and document in seen:
            continue
        seen.add(document)
        start = max(0, position - context)
        ids = tuple(int(i) for i in store.documents[document][start : position + context + 1])
        found.append(TopToken(value, row, document, position, ids, position - start))
    return found
