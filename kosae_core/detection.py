"""Single columns as detectors: how well one feature, neuron or direction tells yes from no by itself."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse, stats

from kosae_core.probing import Matrix, cluster_bootstrap, dense

COLUMNS_AT_ONCE = 256


def _answers(X_NP: Matrix, yes_N: np.ndarray) -> np.ndarray:
    yes_N = np.asarray(yes_N, dtype=bool)
    if yes_N.shape != (X_NP.shape[0],):
        raise ValueError(f"{yes_N.shape} answers do not fit {X_NP.shape[0]} rows: give one for each.")
    if yes_N.all() or not yes_N.any():
        raise ValueError("every answer is the same: rows of both kinds are needed.")
    return yes_N


def aurocs(X_NP: Matrix, yes_N: np.ndarray) -> np.ndarray:
    """Area under the ROC curve of every column as a score for yes, ties counting one half, as a (P,) array.

    Raises  ValueError unless there is one answer per row, and both answers.
    Source  the Mann-Whitney statistic over the number of pairs.
    """
    yes_N = _answers(X_NP, yes_N)
    n_yes = int(yes_N.sum())
    areas = []
    for start in range(0, X_NP.shape[1], COLUMNS_AT_ONCE):
        ranks_Np = stats.rankdata(dense(X_NP[:, start : start + COLUMNS_AT_ONCE]), axis=0)
        areas.append((ranks_Np[yes_N].sum(0) - n_yes * (n_yes + 1) / 2) / (n_yes * (len(yes_N) - n_yes)))
    return np.concatenate(areas)


def auroc_interval(
    score_N: np.ndarray, yes_N: np.ndarray, clusters_N: np.ndarray, *, draws: int = 500, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """Area under the ROC curve of one score, and its 95% interval over samples of whole clusters with replacement.

    A sample without both answers is left out.

    Raises  ValueError unless there is one answer and one cluster per score, and both answers.
    Source  Field and Welsh 2007 (cluster bootstrap).
    """
    area, samples = _areas(score_N, yes_N, clusters_N, draws, seed)
    low, high = np.nanquantile(samples, [0.025, 0.975])
    return area, (float(low), float(high))


def auroc_difference(
    one_N: np.ndarray,
    other_N: np.ndarray,
    yes_N: np.ndarray,
    clusters_N: np.ndarray,
    *,
    draws: int = 500,
    seed: int = 0,
) -> tuple[float, tuple[float, float]]:
    """By how much the area of one score is above that of another, and its 95% interval: both are measured on each sample.

    Raises and source as `auroc_interval`.
    """
    (one, ones), (other, others) = (_areas(score, yes_N, clusters_N, draws, seed) for score in (one_N, other_N))
    low, high = np.nanquantile(ones - others, [0.025, 0.975])
    return one - other, (float(low), float(high))


def _areas(
    score_N: np.ndarray, yes_N: np.ndarray, clusters_N: np.ndarray, draws: int, seed: int
) -> tuple[float, np.ndarray]:
    """The area of a score, and those of samples of whole clusters; not a number for one without both answers."""
    score_N, clusters_N = np.asarray(score_N, dtype=np.float64), np.asarray(clusters_N)
    yes_N = _answers(score_N[:, None], yes_N)
    if len(clusters_N) != len(score_N):
        raise ValueError(f"{len(clusters_N)} clusters do not fit {len(score_N)} scores: give one for each.")
    names, cluster_N = np.unique(clusters_N, return_inverse=True)
    generator = np.random.default_rng(seed)
    order_N = np.argsort(score_N, kind="stable")
    sorted_N, yes_N, cluster_N = score_N[order_N], yes_N[order_N], cluster_N[order_N]
    last_N = np.searchsorted(sorted_N, sorted_N, side="right") - 1
    first_N = np.searchsorted(sorted_N, sorted_N, side="left")

    def area(weight_N: np.ndarray) -> float:
        below_N = np.concatenate([[0.0], np.cumsum(np.where(yes_N, 0.0, weight_N))])
        midrank_N = (below_N[first_N] + below_N[last_N + 1]) / 2
        positive = np.where(yes_N, weight_N, 0.0)
        pairs = positive.sum() * below_N[-1]
        return float((positive * midrank_N).sum() / pairs) if pairs else np.nan

    counts = generator.multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    return area(np.ones(len(score_N))), np.array([area(row[cluster_N]) for row in counts])


def rises(X_NP: Matrix, yes_N: np.ndarray) -> np.ndarray:
    """By how much the mean of every column is higher on yes than on no, as a (P,) array.

    Raises  ValueError unless there is one answer per row, and both answers.
    """
    yes_N = _answers(X_NP, yes_N)
    X_NP = sparse.csr_array(X_NP) if sparse.issparse(X_NP) else np.asarray(X_NP)
    on_P, off_P = (np.asarray(X_NP[np.flatnonzero(rows)].mean(axis=0)).ravel() for rows in (yes_N, ~yes_N))
    return on_P - off_P


def specificity(X_NF: Matrix, yes_N: np.ndarray) -> np.ndarray:
    """Mean activation on yes over mean activation on no, for every feature, as a (F,) array.

    Shapes  features are not negative; infinite for a feature that is on in yes alone, 0 for one that is never on.
    Raises  ValueError unless there is one answer per row, and both answers.
    Source  the harmful features of the encyclopedia article (source B), which takes those of 2 and more.
    """
    yes_N = _answers(X_NF, yes_N)
    X_NF = sparse.csr_array(X_NF)
    on_F, off_F = (np.asarray(X_NF[np.flatnonzero(rows)].mean(axis=0)).ravel() for rows in (yes_N, ~yes_N))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(on_F > 0, on_F / off_F, 0.0)


@dataclass(frozen=True)
class Rule:
    """Yes where a column, or its negative, is above a threshold."""

    column: int
    sign: int
    """1, or -1 where low values mean yes."""
    threshold: float
    """Of sign times the column."""
    f1: float
    """On the rows it was chosen on."""

    def predict(self, X_NP: Matrix) -> np.ndarray:
        """Yes or no for every row."""
        return self.sign * dense(X_NP[:, [self.column]])[:, 0] > self.threshold


def best_rule(X_NP: Matrix, yes_N: np.ndarray) -> Rule:
    """The column, sign and threshold of highest F1; of equals the first column, the positive sign.

    A column without negative values is a feature: only its high values can mean yes.

    Raises  ValueError unless there is one answer per row, and both answers.
    """
    yes_N = _answers(X_NP, yes_N)
    best = Rule(0, 1, np.inf, -1.0)
    for start in range(0, X_NP.shape[1], COLUMNS_AT_ONCE):
        part_Np = dense(X_NP[:, start : start + COLUMNS_AT_ONCE])
        for sign in (1, -1):
            signed_Np = sign * part_Np if sign == 1 or (part_Np < 0).any() else part_Np[:, :0]
            if not signed_Np.shape[1]:
                continue
            f1_p, threshold_p = _best_thresholds(signed_Np, yes_N)
            if sign == -1:
                f1_p = np.where((part_Np < 0).any(0), f1_p, -1.0)
            at = int(np.argmax(f1_p))
            if f1_p[at] > best.f1 + 1e-12:
                best = Rule(start + at, sign, float(threshold_p[at]), float(f1_p[at]))
    return best


def _best_thresholds(X_Np: np.ndarray, yes_N: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For every column the best F1 over thresholds between its distinct values, and that threshold."""
    order_Np = np.argsort(-X_Np, axis=0, kind="stable")
    sorted_Np = np.take_along_axis(X_Np, order_Np, 0)
    hits_Np = np.cumsum(yes_N[order_Np], axis=0)
    named_N1 = np.arange(1, len(yes_N) + 1)[:, None]
    f1_Np = 2 * hits_Np / (named_N1 + yes_N.sum())
    # Rows of one value stand or fall together, and naming every row needs a threshold below all: none between values.
    cut_Np = np.zeros_like(f1_Np, dtype=bool)
    cut_Np[:-1] = sorted_Np[:-1] > sorted_Np[1:]
    f1_Np = np.where(cut_Np, f1_Np, -1.0)
    at_p = np.argmax(f1_Np, axis=0)
    columns = np.arange(X_Np.shape[1])
    below_p = sorted_Np[np.minimum(at_p + 1, len(yes_N) - 1), columns]
    return f1_Np[at_p, columns], (sorted_Np[at_p, columns].astype(np.float64) + below_p) / 2


def class_f1s(X_MF: sparse.csr_array, labels_M: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """How well each feature by itself tells each class from all others: the best F1 over thresholds, and that threshold.

    Shapes  M documents, F features that are not negative; the sorted names (C,), F1 (F, C), thresholds (F, C).
            0 and an infinite threshold for a feature that is never on.
    Raises  ValueError unless there is one label per document.
    Differs as `best_rule`, but for all features and classes at once, and the lowest threshold is 0: wherever it is on.
    """
    labels_M = np.asarray(labels_M)
    if labels_M.shape != (X_MF.shape[0],):
        raise ValueError(f"{labels_M.shape} labels do not fit {X_MF.shape[0]} documents: give one for each.")
    names_C, class_M = np.unique(labels_M, return_inverse=True)
    yes_MC, total_C = np.eye(len(names_C), dtype=np.float32)[class_M], np.bincount(class_M)
    X_FM = sparse.csc_array(X_MF)
    f1_FC = np.zeros((X_MF.shape[1], len(names_C)))
    threshold_FC = np.full(f1_FC.shape, np.inf)
    for f, (start, end) in enumerate(zip(X_FM.indptr[:-1], X_FM.indptr[1:], strict=True)):
        on_N, values_N = X_FM.indices[start:end], X_FM.data[start:end]
        on_N, values_N = on_N[values_N > 0], values_N[values_N > 0]
        if not len(on_N):
            continue
        order_N = np.argsort(-values_N, kind="stable")
        below_N = np.append(values_N[order_N], 0.0)
        (cut_N,) = np.nonzero(below_N[:-1] > below_N[1:])  # documents of one value are named together or not at all
        hits_NC = np.cumsum(yes_MC[on_N[order_N]], axis=0)[cut_N]
        f1_NC = 2 * hits_NC / (cut_N[:, None] + 1 + total_C)
        at_C = np.argmax(f1_NC, axis=0)
        f1_FC[f] = f1_NC[at_C, np.arange(len(names_C))]
        threshold_FC[f] = (below_N[cut_N[at_C]].astype(np.float64) + below_N[cut_N[at_C] + 1]) / 2
    return names_C, f1_FC, threshold_FC


def f1_score(said_N: np.ndarray, yes_N: np.ndarray) -> float:
    """Harmonic mean of precision and recall; 0 where nothing that is yes was said to be."""
    said_N, yes_N = np.asarray(said_N, dtype=bool), np.asarray(yes_N, dtype=bool)
    both = int((said_N & yes_N).sum())
    return 2 * both / max(int(said_N.sum()) + int(yes_N.sum()), 1)


def f1_samples(
    said_N: np.ndarray, yes_N: np.ndarray, clusters_N: np.ndarray, *, draws: int = 500, seed: int = 0
) -> tuple[float, np.ndarray]:
    """F1 of what was said, and that on samples of whole clusters with replacement, as a (draws,) array.

    One seed draws the same clusters for whatever is said of the same texts, so that samples of two rules can be subtracted.
    0 for a sample in which nothing is yes and nothing was said to be.

    Raises  ValueError unless there are as many answers and clusters as said, and at least one.
    Source  Field and Welsh 2007 (cluster bootstrap).
    """
    said_N, yes_N = np.asarray(said_N, dtype=bool), np.asarray(yes_N, dtype=bool)
    if said_N.shape != yes_N.shape:
        raise ValueError(f"{yes_N.shape} answers do not fit {said_N.shape} said: give one for each.")
    parts_N3 = np.stack([said_N & yes_N, said_N, yes_N], 1)
    both_S, named_S, true_S = cluster_bootstrap(parts_N3, clusters_N, draws, seed).T
    return f1_score(said_N, yes_N), 2 * both_S / np.maximum(named_S + true_S, 1e-12)


@dataclass(frozen=True)
class Theme:
    """What the documents on which a feature is strongest have in common, and whether it tells that in others."""

    feature: int
    theme: str
    """Their commonest label, of equals the first by name."""
    agree: int
    """How many of them have it."""
    area: float
    """Area under the ROC curve for that label in held-out documents; not a number where all of them or none have it."""


def themes(
    X_MF: Matrix, labels_M: Sequence[str] | np.ndarray, held_LF: Matrix, held_labels_L: Sequence[str] | np.ndarray,
    features: Sequence[int] | np.ndarray, n: int = 5,
) -> list[Theme]:  # fmt: skip
    """The theme of each of some features by its `n` strongest documents, of equals the first, judged on held-out documents.

    Shapes  M documents that themes are read from, L held-out ones; a feature's value in each.
    Raises  ValueError unless there is one label per document, and at least `n` documents.
    Source  the top samples from which brainsurgery (source E) reads latents.
    Differs held-out documents judge what was read.
    """
    labels_M, held_labels_L = np.asarray(labels_M), np.asarray(held_labels_L)
    if len(labels_M) != X_MF.shape[0] or len(held_labels_L) != held_LF.shape[0]:
        raise ValueError("labels do not fit the documents: give one for each.")
    if not 1 <= n <= len(labels_M):
        raise ValueError(f"{len(labels_M)} documents have no {n} strongest.")
    found = []
    for start in range(0, len(features), COLUMNS_AT_ONCE):
        some = np.asarray(features, dtype=np.int64)[start : start + COLUMNS_AT_ONCE]
        X_Mf, held_Lf = dense(X_MF[:, some]), dense(held_LF[:, some])
        for i, f in enumerate(some):
            names, counts = np.unique(labels_M[np.argsort(-X_Mf[:, i], kind="stable")[:n]], return_counts=True)
            theme = names[counts.argmax()]
            yes_L = held_labels_L == theme
            area = aurocs(held_Lf[:, [i]], yes_L)[0] if yes_L.any() and not yes_L.all() else np.nan
            found.append(Theme(int(f), str(theme), int(counts.max()), float(area)))
    return found
