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

FEW = 16
"""Up to so many columns a probe is found by Newton's method."""


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
            [_auc(yes_N[out], x_NP[out] @ w_P) for w_P in _weights(x_NP[known], yes_N[known], Cs, max_iter)]
            for known, out in splits
        ]
        valid_C = np.mean(valid_SC, axis=0)
        best = int(np.argmax(valid_C))
        (w_P,) = _weights(x_NP, yes_N, [Cs[best]], max_iter)
        auc = _auc(task.test_yes_M, held_Mk @ w_P)
        named = () if k is None else tuple(int(column) for column in columns)
        scores.append(Score(task.name, source, k, auc, float(valid_C[best]), float(Cs[best]), named))
    return scores


def _weights(x_NP: np.ndarray, yes_N: np.ndarray, Cs: Sequence[float], max_iter: int) -> list[np.ndarray]:
    if x_NP.shape[1] <= FEW:
        return list(newton(x_NP, yes_N, Cs))
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(max_iter=max_iter, warm_start=True)
    with warnings.catch_warnings():
        # On separable rows a weak penalty ends at max_iter, as in the source.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return [model.set_params(C=C).fit(x_NP, yes_N).coef_[0].copy() for C in Cs]


def newton(x_NP: np.ndarray, yes_N: np.ndarray, Cs: Sequence[float], steps: int = 100) -> np.ndarray:
    """The logistic regression |w|²/2 + C Σ log(1 + exp(-y (x w + b))) for every `C` at once, by Newton's method.

    scikit-learn finds the same; on few columns nearly all of its time goes into checking its input.

    Shapes  (C, P); the intercept, which is not penalised, is left out.
    """
    x_NQ = np.column_stack([x_NP, np.ones(len(x_NP))])
    sign_N, C_C1 = np.where(yes_N, 1.0, -1.0), np.asarray(Cs, dtype=np.float64)[:, None]
    ridge_Q = np.append(np.ones(x_NP.shape[1]), 0.0)

    def loss_C(w_CQ: np.ndarray) -> np.ndarray:
        return (ridge_Q * w_CQ**2).sum(1) / 2 + C_C1[:, 0] * np.logaddexp(0, -sign_N * (w_CQ @ x_NQ.T)).sum(1)

    w_CQ = np.zeros((len(C_C1), x_NQ.shape[1]))
    now_C = loss_C(w_CQ)
    for _ in range(steps):
        wrong_CN = 1 / (1 + np.exp(np.clip(sign_N * (w_CQ @ x_NQ.T), -500, 500)))
        gradient_CQ = ridge_Q * w_CQ - C_C1 * ((wrong_CN * sign_N) @ x_NQ)
        curve_CN = C_C1 * wrong_CN * (1 - wrong_CN)
        hessian_CQQ = np.einsum("cn,nq,nr->cqr", curve_CN, x_NQ, x_NQ, optimize=True) + np.diag(ridge_Q + 1e-9)
        step_CQ = np.linalg.solve(hessian_CQQ, gradient_CQ[:, :, None])[:, :, 0]
        size_C1 = np.ones_like(C_C1)
        for _ in range(30):
            then_C = loss_C(w_CQ - size_C1 * step_CQ)
            size_C1[then_C > now_C] /= 2
            if (then_C <= now_C).all():
                break
        worse_C = then_C > now_C
        w_CQ = np.where(worse_C[:, None], w_CQ, w_CQ - size_C1 * step_CQ)
        gained_C, now_C = now_C - then_C, np.where(worse_C, now_C, then_C)
        if (gained_C <= 1e-10 * np.maximum(now_C, 1)).all():
            break
    return w_CQ[:, :-1]


def _auc(yes_N: np.ndarray, said_N: np.ndarray) -> float:
    """The share of pairs of a yes and a no in which the yes has the larger number; equals count half."""
    from scipy.stats import rankdata

    n_yes = int(yes_N.sum())
    above = rankdata(said_N)[yes_N].sum() - n_yes * (n_yes + 1) / 2
    return float(above / (n_yes * (len(yes_N) - n_yes)))


def sparse_probing(
    tasks: Sequence[Task], sources: Mapping[str, tuple[Matrix, Matrix]], ks: Sequence[int | None] = (1, 2, 5, None), *,
    seed: int = 0, max_iter: int = 1000, progress: Callable[[int, int, str], None] | None = None,
) -> list[Score]:  # fmt: skip
    """Every task probed from every source, for every `k`; see `probe_task`.

    Shapes  `sources` maps a name (raw, and one for each autoencoder) to its tables of training and test rows.
    Raises  ValueError if a `k` is outside a table's columns.
    """
    scores: list[Score] = []
    for done, task in enumerate(tasks, 1):
        for source, (train_NP, test_MP) in sources.items():
            scores += probe_task(task, source, train_NP, test_MP, ks, seed=seed, max_iter=max_iter)
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
