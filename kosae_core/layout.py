"""Pictures of high-dimensional points, and how far to believe them: 2-D layouts and the labels of neighbours."""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.metrics import pairwise_distances


def embed(
    X_ND: np.ndarray, method: str = "umap", *, seed: int = 0, n_neighbors: int = 15, metric: str = "cosine"
) -> np.ndarray:
    """Lay points out in the plane by their cosine distances, or by the distances given with `metric="precomputed"`.

    Shapes  (N, D) dense, no zero rows, or (N, N) distances -> (N, 2) float32.
    Raises  ValueError for another method, or fewer points than neighbours.
    Source  UMAP: McInnes et al. 2018, arXiv:1802.03426. t-SNE: van der Maaten and Hinton 2008.
    Differs one thread, so that a seed gives the same picture again; t-SNE's perplexity is `n_neighbors`.
    """
    if method not in ("umap", "tsne"):
        raise ValueError(f"method must be umap or tsne, not {method!r}.")
    if len(X_ND) <= n_neighbors:
        raise ValueError(f"{len(X_ND)} points are too few for n_neighbors={n_neighbors}: give more or lower it.")
    if method == "umap":
        from umap import UMAP

        model = UMAP(n_components=2, metric=metric, n_neighbors=n_neighbors, random_state=seed, n_jobs=1)
    else:
        from sklearn.manifold import TSNE

        model = TSNE(2, metric=metric, perplexity=n_neighbors, random_state=seed, init="random")
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "using precomputed metric")  # whoever gives distances knows
        return np.asarray(model.fit_transform(X_ND), dtype=np.float32)


def neighbour_purity(
    X_ND: np.ndarray, labels_N: np.ndarray, k: int = 10, metric: str = "cosine", *, groups: np.ndarray | None = None
) -> np.ndarray:
    """For every point, the share of its `k` nearest other points that have its label.

    Points of the same group (one template, one article) do not count as neighbours of each other.

    Shapes  (N, D) and (N,) -> (N,).
    Raises  ValueError unless every point has at least `k` neighbours to choose from.
    """
    labels_N = np.asarray(labels_N)
    return (labels_N[_neighbours(X_ND, k, metric, groups)] == labels_N[:, None]).mean(1)


def shuffled_purity(
    X_ND: np.ndarray, labels_N: np.ndarray, k: int = 10, metric: str = "cosine", *,
    groups: np.ndarray | None = None, times: int = 200, seed: int = 0,
) -> tuple[float, float]:  # fmt: skip
    """Mean purity when labels are dealt out at random: its mean and 97.5 % quantile over `times` shuffles.

    Raises  ValueError as `neighbour_purity`.
    """
    near_Nk = _neighbours(X_ND, k, metric, groups)
    rng = np.random.default_rng(seed)
    dealt = (rng.permutation(np.asarray(labels_N)) for _ in range(times))
    found = [float((dealt_N[near_Nk] == dealt_N[:, None]).mean()) for dealt_N in dealt]
    return float(np.mean(found)), float(np.quantile(found, 0.975))


def labelled_purity(
    X_ND: np.ndarray, labels_N: np.ndarray, k: int = 10, *, times: int = 200, seed: int = 0
) -> tuple[float, float, int]:
    """Among the points that have a label (not ""): their mean purity, that of shuffled labels, and how many they are.

    Purity by cosine, as `neighbour_purity`; of shuffled labels the 97.5 % quantile of `shuffled_purity`. NaN for both where
    no more than `k` points have a label.

    Shapes  (N, D) and (N,) -> two shares and a count.
    """
    labels_N = np.asarray(labels_N)
    some_N = labels_N != ""
    if (n := int(some_N.sum())) <= k:
        return float("nan"), float("nan"), n
    X_ND, labels_N = np.asarray(X_ND)[some_N], labels_N[some_N]
    found = float(neighbour_purity(X_ND, labels_N, k).mean())
    return found, shuffled_purity(X_ND, labels_N, k, times=times, seed=seed)[1], n


def exclusive_labels(tops: dict[str, np.ndarray]) -> dict[int, str]:
    """Features that stand in exactly one class's list, with that class; `tops` as from `features.top_features`."""
    owners: dict[int, list[str]] = {}
    for name, features in tops.items():
        for feature in features.tolist():
            owners.setdefault(feature, []).append(name)
    return {feature: names[0] for feature, names in sorted(owners.items()) if len(names) == 1}


def generic_features(tops: dict[str, np.ndarray], share: float = 0.5) -> list[int]:
    """Features that stand in the lists of at least `share` of the classes."""
    names, counts = np.unique(np.concatenate(list(tops.values())), return_counts=True)
    return [int(feature) for feature, count in zip(names, counts, strict=True) if count >= share * len(tops)]


def _neighbours(X_ND: np.ndarray, k: int, metric: str, groups: np.ndarray | None) -> np.ndarray:
    groups_N = np.arange(len(X_ND)) if groups is None else np.asarray(groups)
    same_NN = groups_N[:, None] == groups_N[None, :]
    most = int((~same_NN).sum(1).min())
    if not 1 <= k <= most:
        raise ValueError(f"k must lie between 1 and the number of other points ({most}), not {k}.")
    far_NN = np.where(same_NN, np.inf, pairwise_distances(X_ND, metric=metric))
    return np.argsort(far_NN, axis=1, kind="stable")[:, :k]
