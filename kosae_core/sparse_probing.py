"""Sparse probing: how well k features tell yes from no on many small tasks, and whether they beat raw activations."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from kosae_core import probing
from kosae_core.probing import Matrix
from kosae_core.probing_tasks import Task

log = logging.getLogger("kosae.sparse_probing")

CS = tuple(float(C) for C in np.logspace(-5, 5, 10))
"""Inverse strengths of the L2 penalty among which each probe chooses, as in the source."""


@dataclass(frozen=True)
class Score:
    """What one probe reached on one task."""

    task: str
    source: str
    """Whose features were read: raw, or the name of an autoencoder."""
    k: int | None
    """Columns that were read; None: all."""
    test_auc: float
    valid_auc: float
    """Best mean over the validation rows, by which `C` was chosen."""
    C: float
    columns: tuple[int, ...]
    """The `k` columns, the largest difference first; empty for all."""


def by_mean_difference(X_NP: Matrix, yes_N: np.ndarray) -> np.ndarray:
    """The columns by the absolute difference of the two answers' means, largest first; of equals the lower index first.

    Source  Kantamneni et al. 2025, arXiv:2502.16681 (SAE probes).
    """
    means = [np.asarray(X_NP[np.flatnonzero(rows)].mean(axis=0), dtype=np.float64).ravel() for rows in (yes_N, ~yes_N)]
    return np.argsort(-np.abs(means[0] - means[1]), kind="stable")


def validation(yes_N: np.ndarray, seed: int = 0) -> list[tuple[np.ndarray, np.ndarray]]:
    """Where `C` is chosen: 6 stratified folds below 128 rows, else one part of a fifth of the rows, at most 100.

    Source  the code of arXiv:2502.16681 (SAE-Probes).
    Differs the one part is stratified; below 13 rows there are still folds, not pairs.
    """
    from sklearn.model_selection import StratifiedKFold, StratifiedShuffleSplit

    if len(yes_N) < 128:
        splitter = StratifiedKFold(6, shuffle=True, random_state=seed)
    else:
        splitter = StratifiedShuffleSplit(1, test_size=min(len(yes_N) // 5, 100), random_state=seed)
    return list(splitter.split(np.zeros(len(yes_N)), yes_N))


@probing.one_thread()
def probe_task(
    task: Task, source: str, train_NP: Matrix, test_MP: Matrix, ks: Sequence[int | None] = (1, 2, 5, None), *,
    Cs: Sequence[float] = CS, seed: int = 0, max_iter: int = 1000,
) -> list[Score]:  # fmt: skip
    """An L2 logistic regression on the `k` columns that differ most between the answers, for every `k`.

    Columns and `C` are chosen on training rows alone.

    Shapes  the tables hold all rows that tasks may point at; the columns are features or neurons.
    Raises  ValueError if a `k` is outside [1, P].
    Source  Kantamneni et al. 2025, arXiv:2502.16681 (SAE probes).
    Differs L2 for all (the source's SAE probes use L1); columns are centred and divided by one number, their root mean
            square, which leaves the best probe as it is and lets one grid of `C` serve features and activations alike.
    """
    from sklearn.metrics import roc_auc_score

    if wrong := [k for k in ks if k is not None and not 1 <= k <= train_NP.shape[1]]:
        raise ValueError(f"k must lie between 1 and the number of columns ({train_NP.shape[1]}), not {wrong[0]}.")
    rows_NP, held_MP = train_NP[task.train_N], test_MP[task.test_M]
    yes_N, order_P = task.train_yes_N, by_mean_difference(rows_NP, task.train_yes_N)
    splits, scores, Cs = validation(yes_N, seed), [], sorted(Cs)
    for k in ks:
        columns = order_P[:k]
        if k is None:  # a column that is zero on all training rows keeps a weight of zero
            used = np.flatnonzero(np.asarray(abs(rows_NP).sum(axis=0)).ravel())
            columns = used if len(used) else order_P[:1]
        x_NP, held_Mk = (probing.dense(X[:, columns]).astype(np.float64) for X in (rows_NP, held_MP))
        mean_P = x_NP.mean(0)
        scale = np.sqrt(np.square(x_NP - mean_P).mean())
        x_NP, held_Mk = ((X - mean_P) / (scale if scale > 0 else 1.0) for X in (x_NP, held_Mk))
        valid_SC = [
            [roc_auc_score(yes_N[out], x_NP[out] @ w_P) for w_P in _weights(x_NP[known], yes_N[known], Cs, max_iter)]
            for known, out in splits
        ]
        valid_C = np.mean(valid_SC, axis=0)
        best = int(np.argmax(valid_C))
        (w_P,) = _weights(x_NP, yes_N, [Cs[best]], max_iter)
        auc = float(roc_auc_score(task.test_yes_M, held_Mk @ w_P))
        named = () if k is None else tuple(int(column) for column in columns)
        scores.append(Score(task.name, source, k, auc, float(valid_C[best]), float(Cs[best]), named))
    return scores


def _weights(x_NP: np.ndarray, yes_N: np.ndarray, Cs: Sequence[float], max_iter: int) -> list[np.ndarray]:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=max_iter, warm_start=True)
    with warnings.catch_warnings():
        # On separable rows a weak penalty ends at max_iter, as in the source.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [model.set_params(C=C).fit(x_NP, yes_N).coef_[0].copy() for C in Cs]


def sparse_probing(
    tasks: Sequence[Task], sources: Mapping[str, tuple[Matrix, Matrix]], ks: Sequence[int | None] = (1, 2, 5, None), *,
    seed: int = 0, progress: Callable[[int, int, str], None] | None = None,
) -> list[Score]:  # fmt: skip
    """Every task probed from every source, for every `k`; see `probe_task`.

    Shapes  `sources` maps a name (raw, and one for each autoencoder) to its tables of training and test rows.
    Raises  ValueError if a `k` is outside a table's columns.
    """
    scores: list[Score] = []
    for done, task in enumerate(tasks, 1):
        for source, (train_NP, test_MP) in sources.items():
            scores += probe_task(task, source, train_NP, test_MP, ks, seed=seed)
        log.info("sparse probing: %d of %d tasks (%s)", done, len(tasks), task.name)
        if progress is not None:
            progress(done, len(tasks), task.name)
    return scores


# ---------------------------------------------------------------- over tasks


@dataclass(frozen=True)
class Summary:
    """One source at one `k` over all tasks; intervals draw tasks with replacement."""

    source: str
    k: int | None
    n_tasks: int
    auc: float
    """Mean test AUC."""
    interval: tuple[float, float]
    """95% interval of `auc`."""
    wins: float
    """Share of the tasks at which it beats the baseline that reads all columns."""
    ties: float
    """Share of the tasks at which both have the same AUC."""
    gain: float
    """Mean difference to that baseline."""
    gain_interval: tuple[float, float]


def summarise(scores: Sequence[Score], baseline: str = "raw", *, draws: int = 1000, seed: int = 0) -> list[Summary]:
    """Mean AUC over the tasks and the share of tasks won against the baseline, for each source and `k`.

    Raises  ValueError if the baseline on all columns is missing for a task.
    """
    names, table = _table(scores)
    if (baseline, None) not in table or any(len(column) != len(names) for column in table.values()):
        raise ValueError(f"every task needs a score of every source, and of {baseline!r} on all columns (k=None).")
    base_T = np.array([score.test_auc for score in table[baseline, None]])
    found = []
    for (source, k), column in table.items():
        auc_T = np.array([score.test_auc for score in column])
        pair_T2 = np.stack([auc_T, auc_T - base_T], axis=1)
        samples = probing.cluster_bootstrap(pair_T2, np.arange(len(names)), draws=draws, seed=seed)
        intervals = [probing.interval(samples[:, i]) for i in (0, 1)]
        wins, ties = float((auc_T > base_T).mean()), float((auc_T == base_T).mean())
        gain = float(pair_T2[:, 1].mean())
        found.append(Summary(source, k, len(names), float(auc_T.mean()), intervals[0], wins, ties, gain, intervals[1]))
    return found


def quiver_gain(
    scores: Sequence[Score], source: str, baseline: str = "raw", *, draws: int = 1000, seed: int = 0
) -> tuple[float, tuple[float, float]]:
    """What it adds to the mean test AUC to have the source's probes at hand: each task takes the best by validation AUC.

    Shapes  the gain, and its 95% interval over tasks.
    Raises  ValueError if one of the two has no scores.
    Source  the "quiver of arrows" of Kantamneni et al. 2025, arXiv:2502.16681.
    Differs the baseline's quiver holds its logistic regressions alone (the source: PCA, nearest neighbours, XGBoost, MLP too).
    """
    names, table = _table(scores)
    quivers = [
        [column for key, column in table.items() if key[0] in have] for have in ((baseline,), (baseline, source))
    ]
    if not quivers[0] or len(quivers[0]) == len(quivers[1]):
        raise ValueError(
            f"scores of {baseline!r} and of another source are needed, {source!r} has none or is the baseline."
        )
    chosen = [[max(arrows, key=lambda s: s.valid_auc) for arrows in zip(*quiver, strict=True)] for quiver in quivers]
    gain_T = np.array([b.test_auc - a.test_auc for a, b in zip(*chosen, strict=True)])
    samples = probing.cluster_bootstrap(gain_T, np.arange(len(names)), draws=draws, seed=seed)
    return float(gain_T.mean()), probing.interval(samples[:, 0])


def _table(scores: Sequence[Score]) -> tuple[list[str], dict[tuple[str, int | None], list[Score]]]:
    names = list(dict.fromkeys(score.task for score in scores))
    table: dict[tuple[str, int | None], list[Score]] = {}
    for score in sorted(scores, key=lambda s: names.index(s.task)):
        table.setdefault((score.source, score.k), []).append(score)
    return names, table
