"""Absorption: how often a letter's own feature stays silent because another feature carries the letter's direction."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch

from kosae_core import probing, rows
from kosae_core.letters import Words
from kosae_core.sae import SAE

log = logging.getLogger("kosae.absorption")

SILENT = 1e-8
"""An activation below this counts as silence, as in SAEBench."""


@dataclass(frozen=True)
class AbsorptionConfig:
    """Thresholds of the measure; the defaults are SAEBench's."""

    test_share: float = 0.2
    """Share of each letter's words on which F1 and absorption are measured."""
    min_words: int = 20
    """Letters with fewer words are left out."""
    min_f1: float = 0.6
    """Letters whose probe stays below this F1 on the test words are not scored: their direction means little."""
    max_k: int = 10
    """The most features that a letter may be split into."""
    f1_jump: float = 0.03
    """A further main feature must raise the F1 of the k-sparse probe by more than this (tau_fs), in folds of the training words."""
    l1: float = 0.01
    """Weight of the L1 norm, against the mean cross-entropy, of the probe that ranks the features."""
    full_cos: float = 0.025
    """Least cosine with the probe's direction of a feature that absorbs alone."""
    part_cos: float = 0.1
    """Least cosine of the features that absorb together."""
    share: float = 0.4
    """Least part of the activation's projection that the absorbing features must carry."""
    max_absorbers: int = 3
    """The most features that absorb together."""
    origin: str = "zero"
    """From where projections are measured: zero (SAEBench), or bias, what the autoencoder gives without features."""
    seed: int = 0
    """Of the split into training and test words, and of the folds."""

    def __post_init__(self) -> None:
        if not 0 < self.test_share < 1:
            raise ValueError(f"test_share must lie between 0 and 1, not {self.test_share}.")
        if self.max_k < 1 or self.max_absorbers < 1 or self.min_words < 5:
            raise ValueError("max_k and max_absorbers must be at least 1, min_words at least 5.")
        if self.min_words - round(self.test_share * self.min_words) < 2:
            raise ValueError(
                f"test_share {self.test_share} leaves a letter of {self.min_words} words fewer than 2 to train on."
            )
        if self.l1 <= 0:
            raise ValueError(f"l1 must be positive, not {self.l1}.")
        if self.origin not in ("zero", "bias"):
            raise ValueError(f"origin must be zero or bias, not {self.origin!r}.")


@dataclass(frozen=True)
class Letter:
    """What was found for one letter, on its test words."""

    letter: str
    n_words: int
    """Test words with this letter."""
    n_true: int
    """Those that the probe on the activation finds: the measure's denominator."""
    probe_f1: float
    main: tuple[int, ...]
    """The letter's features, the best first."""
    main_f1: float
    """F1 of the probe on these features alone, on the test words."""
    n_silent: int
    """Found words on which no main feature fires: false negatives of the features."""
    full: float
    """Share of the found words on which one other feature took the direction over; nan if not scored."""
    fraction: float
    """Mean part of the direction that up to `max_absorbers` other features took over; nan if not scored."""
    taken: tuple[tuple[int, int], ...] = ()
    """Which words were taken over by one feature alone, by their place in `Words`, and by which feature."""


@dataclass(frozen=True)
class Absorption:
    """Absorption over all letters that were scored; intervals draw letters with replacement."""

    letters: tuple[Letter, ...]
    """All letters with enough words, also those that were not scored."""
    full: float
    full_interval: tuple[float, float]
    fraction: float
    fraction_interval: tuple[float, float]
    main_features: float
    """Mean number of main features of a letter."""

    @property
    def scored(self) -> tuple[Letter, ...]:
        """The letters that the means are over."""
        return tuple(letter for letter in self.letters if not np.isnan(letter.full))


@torch.no_grad()
@probing.one_thread()
def absorption(sae: SAE, words: Words, config: AbsorptionConfig | None = None) -> Absorption:
    """How much of each first letter's direction other features than the letter's own have taken over.

    Raises  ValueError if no letter can be scored, or activations have another width than the autoencoder's.
    Source  Chanin et al. 2024, arXiv:2409.14507 (absorption rate); effects approximated by projections on the probe, and the
            fraction added, as in SAEBench (Karvonen et al. 2025, arXiv:2503.09532, appendix on absorption).
    Differs probes are scikit-learn's logistic regressions, fitted to the optimum; letters whose probe stays below `min_f1`
            are left out of the means; the number of main features is chosen in folds of the training words (SAEBench: on the test
            words, on which it then measures absorption).
    """
    config = config or AbsorptionConfig()
    acts_WD = rows.require_finite(words.acts_WD.float()).to(sae.mean_D.device)
    feats_WF = torch.cat([sae.encode(acts_BD) for acts_BD in acts_WD.split(4096)]).cpu().numpy()
    origin_D = (
        sae.decode(torch.zeros(1, sae.n_features, device=acts_WD.device))[0]
        if config.origin == "bias"
        else torch.zeros_like(sae.mean_D)
    )
    letter_W, x_WD = np.array(words.letters), acts_WD.cpu().numpy().astype(np.float64)
    dictionary_FD = (sae.W_dec_FD * sae.scale).cpu().numpy().astype(np.float64)
    names, counts = np.unique(letter_W, return_counts=True)
    test_W = _test_words(letter_W, config)
    found = []
    for name in names[counts >= config.min_words]:
        yes_W = letter_W == name
        direction_D, probe_W = letter_probe(x_WD[~test_W], yes_W[~test_W], x_WD)
        main, main_f1 = main_features(feats_WF, yes_W, test_W, config)
        true_W = test_W & yes_W & probe_W
        f1, full, fraction = _f1(yes_W[test_W], probe_W[test_W]), float("nan"), float("nan")
        taken: tuple[tuple[int, int], ...] = ()
        silent_W = (np.abs(feats_WF[:, list(main)]) < SILENT).all(1) & true_W
        if main and f1 >= config.min_f1 and true_W.any():
            projection_W = (x_WD[true_W] - origin_D.cpu().numpy()) @ direction_D
            parts = absorbed(feats_WF[true_W], dictionary_FD, direction_D, projection_W, main, config)
            full, fraction = (float(part.mean()) for part in parts[:2])
            found_W = np.flatnonzero(true_W)[parts[0]]
            taken = tuple(zip(found_W.tolist(), parts[2][parts[0]].tolist(), strict=True))
        counted = int((test_W & yes_W).sum()), int(true_W.sum())
        found.append(Letter(str(name), *counted, f1, main, main_f1, int(silent_W.sum()), full, fraction, taken))
        log.info(
            "absorption: %s, F1 %.2f, %d main features, full %.3f, fraction %.3f", name, f1, len(main), full, fraction
        )
    return _over_letters(found)


def absorbed(
    feats_WF: np.ndarray, dictionary_FD: np.ndarray, direction_D: np.ndarray, projection_W: np.ndarray,
    main: Sequence[int], config: AbsorptionConfig,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:  # fmt: skip
    """For each word whether one feature absorbed the letter alone, the fraction that up to three took over, and the top feature.

    Shapes  W words that the probe found; `direction_D` of length 1; `projection_W` of the activations on it.
    Units   `dictionary_FD` holds what a feature of 1 adds to the raw activation.
    Source  SAEBench, feature_absorption_calculator (arXiv:2503.09532).
    """
    along_F = dictionary_FD @ direction_D
    cos_F = along_F / np.maximum(np.linalg.norm(dictionary_FD, axis=1), 1e-12)
    parts_WF = feats_WF * along_F
    positive_W = projection_W > 0
    share_W = np.where(positive_W, projection_W, 1.0)

    top_W = parts_WF.argmax(1)
    most_W = parts_WF.max(1)
    silent_W = (np.abs(feats_WF[:, list(main)]) < SILENT).all(1)
    full_W = silent_W & positive_W & (cos_F[top_W] >= config.full_cos) & (most_W / share_W >= config.share)

    main_W = parts_WF[:, list(main)].sum(1)
    others_F = cos_F >= config.part_cos
    others_F[list(main)] = False
    others_WF = np.where(others_F, np.maximum(parts_WF, 0.0), 0.0)
    n = min(config.max_absorbers, others_WF.shape[1])
    taken_W = np.partition(others_WF, -n, axis=1)[:, -n:].sum(1)
    missing_W = np.minimum(taken_W, projection_W - main_W)
    none_W = ~positive_W | (main_W >= projection_W) | (taken_W / share_W < config.share)
    whole_W = main_W <= 0
    part_W = missing_W / np.where(none_W | whole_W, 1.0, missing_W + main_W)
    return full_W, np.where(none_W, 0.0, np.where(whole_W, 1.0, part_W.clip(0, 1))), top_W


def letter_f1(words: Words, config: AbsorptionConfig | None = None) -> dict[str, float]:
    """How well a probe reads each letter off the activations: F1 on the test words; no autoencoder is needed.

    Letters below `min_f1` are those that `absorption` does not score.
    """
    config = config or AbsorptionConfig()
    letter_W, x_WD = np.array(words.letters), words.acts_WD.double().cpu().numpy()
    names, counts = np.unique(letter_W, return_counts=True)
    test_W, found = _test_words(letter_W, config), {}
    for name in names[counts >= config.min_words]:
        yes_W = letter_W == name
        with probing.one_thread():
            _, probe_W = letter_probe(x_WD[~test_W], yes_W[~test_W], x_WD)
        found[str(name)] = _f1(yes_W[test_W], probe_W[test_W])
    return found


def letter_probe(x_ND: np.ndarray, yes_N: np.ndarray, all_WD: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A balanced logistic regression for one letter: its direction of length 1, and for which of all words it says yes."""
    from sklearn.linear_model import LogisticRegression

    mean_D = x_ND.mean(0)
    scale = np.sqrt(np.square(x_ND - mean_D).mean())
    model = LogisticRegression(class_weight="balanced", max_iter=500).fit((x_ND - mean_D) / scale, yes_N)
    weights_D = model.coef_[0]
    return weights_D / np.linalg.norm(weights_D), model.decision_function((all_WD - mean_D) / scale) > 0


def main_features(
    feats_WF: np.ndarray, yes_W: np.ndarray, test_W: np.ndarray, config: AbsorptionConfig
) -> tuple[tuple[int, ...], float]:
    """A letter's features: those of the largest weights under L1, as many as raise the F1 of a probe on them alone.

    Order and number come from the training words alone; F1 is that of held-out folds, since a feature of one word would
    raise it on the word that it was fitted to.

    Shapes  the features, the best first, and the F1 on the test words; none if no weight is positive.
    Source  Chanin et al. 2024, arXiv:2409.14507 (k-sparse probing, tau_fs = 0.03).
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_predict

    known_NF, yes_N = feats_WF[~test_W], yes_W[~test_W]
    weights_F = ranking_weights(known_NF, yes_N, config.l1)
    order_F = np.argsort(-weights_F, kind="stable")
    main: tuple[int, ...] = ()
    best, test_f1 = -np.inf, 0.0
    probe = LogisticRegression(class_weight="balanced", max_iter=500)
    folds = StratifiedKFold(max(2, min(5, int(yes_N.sum()))), shuffle=True, random_state=config.seed)
    for k in range(1, min(config.max_k, int((weights_F > 0).sum())) + 1):
        chosen = order_F[:k]
        f1 = _f1(yes_N, cross_val_predict(probe, known_NF[:, chosen], yes_N, cv=folds))
        if f1 <= best + config.f1_jump:
            break
        main, best = tuple(int(f) for f in chosen), f1
        fitted = probe.fit(known_NF[:, chosen], yes_N)
        test_f1 = _f1(yes_W[test_W], fitted.predict(feats_WF[test_W][:, chosen]))
    return main, test_f1


def ranking_weights(x_NF: np.ndarray, yes_N: np.ndarray, l1: float) -> np.ndarray:
    """The weights of the logistic regression under L1 that ranks a letter's features.

    A letter's words weigh as much as all others together, as in SAEBench (`pos_weight`).

    Units   `l1` against the cross-entropy, so weighted, over the number of words.
    """
    from scipy import sparse
    from sklearn.linear_model import LogisticRegression

    C = 1 / (l1 * len(yes_N))
    model = LogisticRegression(
        l1_ratio=1.0, solver="liblinear", C=C, intercept_scaling=10.0, random_state=0, max_iter=200
    )
    times_N = np.where(yes_N, (~yes_N).sum() / max(yes_N.sum(), 1), 1.0)
    return model.fit(sparse.csr_matrix(x_NF, dtype=np.float64), yes_N, sample_weight=times_N).coef_[0]


def _test_words(letter_W: np.ndarray, config: AbsorptionConfig) -> np.ndarray:
    generator, test_W = np.random.default_rng(config.seed), np.zeros(len(letter_W), dtype=bool)
    for name in np.unique(letter_W):
        own = generator.permutation(np.flatnonzero(letter_W == name))
        test_W[own[: round(config.test_share * len(own))]] = True
    return test_W


def _f1(truth_N: np.ndarray, said_N: np.ndarray) -> float:
    hits = int((truth_N & said_N).sum())
    return 2 * hits / max(int(truth_N.sum()) + int(said_N.sum()), 1)


def _over_letters(found: list[Letter]) -> Absorption:
    scored = [letter for letter in found if not np.isnan(letter.full)]
    if not scored:
        f1 = max((letter.probe_f1 for letter in found), default=0.0)
        raise ValueError(f"no letter can be scored (best F1 of a probe: {f1:.2f}); give more words, or lower min_f1.")
    values_LR = np.array([[letter.full, letter.fraction, len(letter.main)] for letter in scored])
    samples = probing.cluster_bootstrap(values_LR, np.arange(len(scored)))
    full, fraction, split = values_LR.mean(0).tolist()
    intervals = [probing.interval(samples[:, i]) for i in (0, 1)]
    return Absorption(tuple(found), full, intervals[0], fraction, intervals[1], split)
