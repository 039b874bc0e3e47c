"""Probes: how much of a label can be read off features that are pooled by sentence, and how sure that is."""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy import sparse
from threadpoolctl import threadpool_limits
from torch import Tensor, nn

from kosae_core import rows
from kosae_core.features import class_means, top_features
from kosae_core.sae import SAE, SAEConfig, TopKSAE

HIDDEN = (64, 32)
"""Widths of the first and second hidden layer, as in source A."""
WIDEST = 1e6  # how many times beyond the strengths it is given `linear_probe` looks for a better one
Matrix = np.ndarray | sparse.csr_array


@contextmanager
def one_thread() -> Iterator[None]:
    """Keep torch and the BLAS libraries to one thread: on tables as small as a probe's, more of them wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        torch.set_num_threads(before)


@dataclass(frozen=True)
class ProbeConfig:
    """A perceptron that reads a label off pooled features, and how it is trained."""

    depth: int = 2
    """Layers of weights: 1 is linear, 2 has 64 hidden units, 3 has 64 and 32."""
    steps: int = 400
    """Updates of Adam; the learning rate falls linearly to 0 over them."""
    lr: float = 5e-3
    """Learning rate at the first step."""
    batch_size: int | None = 256
    """Sentences per update; None: all of them (source A)."""
    enough: float = 0.0
    """Stop before `steps` once the loss of an update is below this; 0: never."""
    weight_decay: float = 0.0
    """Decoupled from the gradient, as in AdamW."""
    standardise: bool = True
    """Give every feature mean 0 and variance 1 on the training rows; False: divide all by one number."""
    seed: int = 0
    """Of the first weights and the order of the sentences."""

    def __post_init__(self) -> None:
        if not 1 <= self.depth <= len(HIDDEN) + 1:
            raise ValueError(f"depth must lie between 1 and {len(HIDDEN) + 1}, not {self.depth}.")
        if self.steps < 1 or (self.batch_size is not None and self.batch_size < 1):
            raise ValueError("steps and batch_size must be at least 1.")
        if self.lr <= 0 or min(self.weight_decay, self.enough) < 0:
            raise ValueError("lr must be positive, enough and weight_decay not negative.")


@dataclass(frozen=True)
class Probe:
    """A trained perceptron with the scaling it was trained under."""

    net: nn.Sequential
    names_C: np.ndarray
    """The labels, sorted; output c stands for names_C[c]."""
    mean_P: np.ndarray
    scale_P: np.ndarray

    @torch.no_grad()
    def predict(self, X_MP: Matrix) -> np.ndarray:
        """The likeliest label of each row."""
        x_MP = torch.from_numpy((dense(X_MP) - self.mean_P) / self.scale_P)
        return self.names_C[self.net(x_MP).argmax(1).numpy()]


@one_thread()
def fit_probe(X_MP: Matrix, labels: Sequence[str] | np.ndarray, config: ProbeConfig) -> Probe:
    """Train a perceptron with ReLU and cross-entropy; the same seed gives the same probe.

    Shapes  M sentences, P features.
    Raises  ValueError unless there is one label per row, and at least one row.
    Source  korean-sparse-llm-features-open (source A): perceptrons with 64 and 32 hidden units, trained by Adam.
    """
    names_C, target = np.unique(np.asarray(labels), return_inverse=True)
    if len(target) != X_MP.shape[0] or not len(target):
        raise ValueError(f"{len(target)} labels do not fit {X_MP.shape[0]} rows of features.")
    X_MP = dense(X_MP)
    mean_P, scale_P = _scaling(X_MP, config.standardise)
    x_MP, y_M = torch.from_numpy((X_MP - mean_P) / scale_P), torch.from_numpy(target)
    net = _network(X_MP.shape[1], len(names_C), config)
    optimiser = torch.optim.AdamW(net.parameters(), lr=config.lr, weight_decay=config.weight_decay, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimiser, 1.0, 0.0, config.steps)
    batch = min(config.batch_size or len(y_M), len(y_M))
    generator = torch.Generator().manual_seed(config.seed)
    order = torch.arange(0)
    for _ in range(config.steps):
        x_BP, y_B = x_MP, y_M
        if batch < len(y_M):
            order = order if len(order) >= batch else torch.randperm(len(y_M), generator=generator)
            x_BP, y_B, order = x_MP[order[:batch]], y_M[order[:batch]], order[batch:]
        optimiser.zero_grad()
        loss = nn.functional.cross_entropy(net(x_BP), y_B)
        if loss.item() < config.enough:
            break
        loss.backward()
        optimiser.step()
        schedule.step()
    return Probe(net, names_C, mean_P, scale_P)


def dense(X_MP: Matrix) -> np.ndarray:
    """A table as an array, sparse or not."""
    return np.asarray(X_MP.toarray() if sparse.issparse(X_MP) else X_MP, dtype=np.float32)


def _scaling(X_MP: np.ndarray, each: bool) -> tuple[np.ndarray, np.ndarray]:
    if each:
        std_P = X_MP.std(0)
        return X_MP.mean(0), np.where(std_P > 1e-8, std_P, np.float32(1))
    rms = np.sqrt(np.square(X_MP).mean())
    return np.zeros(X_MP.shape[1], np.float32), np.full(X_MP.shape[1], rms if rms > 0 else 1, np.float32)


def _network(n_in: int, n_classes: int, config: ProbeConfig) -> nn.Sequential:
    widths = [n_in, *HIDDEN[: config.depth - 1], n_classes]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        layers = [nn.Linear(a, b) for a, b in zip(widths[:-1], widths[1:], strict=True)]
    return nn.Sequential(*[part for layer in layers for part in (layer, nn.ReLU())][:-1])


def pooled_features(
    X_MF: Matrix, labels: Sequence[str] | np.ndarray, k: int, n: int | None = None, *, signed: bool = False
) -> np.ndarray:
    """The features that are among the `k` of highest mean in some class, each once, in ascending order.

    With `n` only the first so many: the classes' first choices before any second one, of equals that of the larger mean.
    `signed` goes by the size of the mean, for standardised columns that tell a class by being low as well as by being high.

    Raises  ValueError if `k` is outside [1, F].
    Source  korean-sparse-llm-features-open (source A), which has neither `n` nor `signed`.
    """
    names_C, means_CF = class_means(X_MF, labels)
    means_CF = np.abs(means_CF) if signed else means_CF
    order_Ck = np.stack(list(top_features(means_CF, names_C, k).values()))
    means_Ck, choice_Ck = np.take_along_axis(means_CF, order_Ck, 1), np.broadcast_to(np.arange(k), order_Ck.shape)
    order_P = order_Ck.ravel()[np.lexsort((-means_Ck.ravel(), choice_Ck.ravel()))]
    first_P = np.sort(np.unique(order_P, return_index=True)[1])
    return np.sort(order_P[first_P[:n]])


@dataclass(frozen=True)
class Recovery:
    """What one probe on one set of pooled features recovered."""

    k: int
    """Features per class."""
    depth: int
    n_features: int
    """Distinct features that the classes' `k` come to."""
    hits: dict[str, np.ndarray]
    """For each set of sentences that was scored: whether each was labelled rightly."""


def sweep(
    X_MF: Matrix, select: np.ndarray, target: np.ndarray, ks: Sequence[int], configs: Sequence[ProbeConfig],
    scored: dict[str, tuple[Matrix, np.ndarray]], most: Sequence[int | None] = (), signed: bool = False,
) -> list[Recovery]:  # fmt: skip
    """For every `k` and every config: pool the top features of the classes in `select`, train a probe for `target`.

    Shapes  `scored` maps names to the features and true labels of the sentences that are to be labelled; `most` has for every
            `k` the features that are kept at most (none given: all), `signed` is that of `pooled_features`.
    Raises  ValueError if a `k` is outside [1, F].
    """
    found = []
    for k, n in zip(ks, most or [None] * len(ks), strict=True):
        chosen_P = pooled_features(X_MF, select, k, n, signed=signed)
        for config in configs:
            probe = fit_probe(X_MF[:, chosen_P], target, config)
            hits = {name: probe.predict(X[:, chosen_P]) == truth for name, (X, truth) in scored.items()}
            found.append(Recovery(k, config.depth, len(chosen_P), hits))
    return found


@one_thread()
def linear_probe(
    X_MF: Matrix, labels: Sequence[str] | np.ndarray, groups: Sequence[str] | np.ndarray, *,
    Cs: Sequence[float] = (0.001, 0.01, 0.1), standardise: bool = True, max_iter: int = 100, tol: float = 1e-5, seed: int = 0,
) -> Any:  # fmt: skip
    """A logistic regression on all features whose strength `C` is chosen on a fifth of the groups, then fitted to all rows.

    Groups are templates or documents, so that the choice is made the way the test is: on texts of another make. While
    choosing, each `C` starts from the solution of the one before and takes a third of `max_iter`. While the best is the
    least or the largest of several, one ten times further is tried too, as far as 10⁶ times beyond them. The last fit starts
    from the solution that was scored: from zero, with a weak penalty, it stops at `tol` long before that one.

    Shapes  returns a scikit-learn pipeline with `predict`; `C_` says what was chosen, `Cs_` of which. Standardised rows become dense.
    Raises  ValueError when the parts differ in length or there are fewer than two groups.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    labels, groups = np.asarray(labels), np.asarray(groups)
    if not X_MF.shape[0] == len(labels) == len(groups):
        raise ValueError(f"{len(labels)} labels and {len(groups)} groups do not fit {X_MF.shape[0]} rows of features.")
    if len(names := np.unique(groups)) < 2:
        raise ValueError("linear_probe needs at least two groups: one of them chooses C.")
    kept_out = np.random.default_rng(seed).permutation(names)[: max(1, len(names) // 5)]
    valid_M = np.isin(groups, kept_out)

    steps = [FunctionTransformer(dense), StandardScaler()] if standardise else [FunctionTransformer()]
    scaling, best, scores, found = make_pipeline(*steps), Cs[0], dict.fromkeys(Cs, 0.0), {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # stopping early is part of the recipe
        if len(Cs) > 1:
            known, unseen = scaling.fit_transform(X_MF[~valid_M]), scaling.transform(X_MF[valid_M])
            path = LogisticRegression(max_iter=max(1, max_iter // 3), tol=tol, warm_start=True)
            low, high, ahead = min(Cs) / WIDEST * 0.99, max(Cs) * WIDEST * 1.01, list(Cs)
            while ahead:
                for C in ahead:
                    scores[C] = path.set_params(C=C).fit(known, labels[~valid_M]).score(unseen, labels[valid_M])
                    found[C] = {name: getattr(path, name).copy() for name in ("classes_", "coef_", "intercept_")}
                best = max(scores, key=lambda C: (scores[C], -C))
                edges = ((best / 10, min(scores)), (best * 10, max(scores)))
                ahead = [C for C, edge in edges if best == edge and low <= C <= high]
        last = LogisticRegression(C=best, max_iter=max_iter, tol=tol, warm_start=True)
        if best in found and len(found[best]["classes_"]) == len(np.unique(labels)):
            vars(last).update(found[best])
        model = make_pipeline(scaling, last).fit(X_MF, labels)
    model.C_, model.Cs_ = best, sorted(scores)
    return model


def document_means(store: Any, batch_size: int = 8192) -> np.ndarray:
    """Mean activation of each document over its tokens, a (documents, d_model) float32 array.

    Shapes  `store` is an activation store; a document without kept tokens has a row of zeros.
    """
    index_N = torch.as_tensor(np.asarray(store.doc_index), dtype=torch.long)
    sums_MD = torch.zeros(len(store.documents), store.d_model, dtype=torch.float64)
    start = 0
    for acts_BD in rows.in_order(store, batch_size):
        sums_MD.index_add_(0, index_N[start : start + len(acts_BD)], acts_BD.double())
        start += len(acts_BD)
    tokens_M: Tensor = torch.bincount(index_N, minlength=len(store.documents)).clamp_min(1)
    return (sums_MD / tokens_M[:, None]).float().numpy()


def random_sae(like: SAE, k: int, seed: int = 0) -> TopKSAE:
    """An untrained autoencoder of the same size: random unit directions, of which each token keeps the `k` largest.

    It centres and scales as `like` does, so that only the directions differ.

    Raises  ValueError if `k` is outside [1, F].
    """
    config = SAEConfig(variant="topk", n_features=like.n_features, k=k)
    sae = TopKSAE(config, like.d_model, torch.Generator().manual_seed(seed))
    sae.mean_D.copy_(like.mean_D)
    sae.scale.copy_(like.scale)
    return sae.eval()


def cluster_bootstrap(
    values_NR: np.ndarray, clusters_N: Sequence[str] | np.ndarray, draws: int = 1000, seed: int = 0
) -> np.ndarray:
    """Means of the columns over `draws` samples of whole clusters with replacement, as a (draws, R) array.

    Sentences of one template or document are not independent; drawing them together keeps the interval honest.
    Columns are drawn together, so that differences and ratios of them are paired.

    Raises  ValueError unless there is one cluster per row, and at least one row.
    Source  Field and Welsh 2007, Bootstrapping clustered data, section 2 (cluster bootstrap).
    """
    values_NR = np.asarray(values_NR, dtype=np.float64)
    values_NR = values_NR[:, None] if values_NR.ndim == 1 else values_NR
    names, cluster_N = np.unique(np.asarray(clusters_N), return_inverse=True)
    if len(cluster_N) != len(values_NR) or not len(cluster_N):
        raise ValueError(f"{len(cluster_N)} clusters do not fit {len(values_NR)} rows of values.")
    sizes_G = np.bincount(cluster_N)
    sums_GR = np.zeros((len(names), values_NR.shape[1]))
    np.add.at(sums_GR, cluster_N, values_NR)
    times_BG = np.random.default_rng(seed).multinomial(len(names), np.full(len(names), 1 / len(names)), size=draws)
    return (times_BG @ sums_GR) / (times_BG @ sizes_G)[:, None]


def interval(samples_B: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """The percentile interval of bootstrap samples."""
    low, high = np.quantile(samples_B, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
