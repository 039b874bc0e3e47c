"""Many questions at once: p-values of paired bootstrap differences, and Holm's correction over all that were asked.

With enough questions some difference lies above 0 by luck. Holm's procedure keeps the chance of even one such below a bound.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def p_above(samples_B: np.ndarray) -> float:
    """One-sided p-value of "the difference is not above 0", from bootstrap samples of the difference.

    It is the share of samples at or below 0, with one added to both counts, so that it is never 0: B samples give
    1 / (B + 1) at the least, and a correction over q questions needs B well above q / level.

    Raises  ValueError without samples.
    Source  Davison and Hinkley 1997, "Bootstrap Methods and their Application", equation 4.11 (the added ones).
    """
    samples_B = np.asarray(samples_B, dtype=np.float64).ravel()
    if not len(samples_B):
        raise ValueError("a p-value needs at least one sample of the difference.")
    return float((1 + np.count_nonzero(samples_B <= 0)) / (1 + len(samples_B)))


def p_above_all(score_B: np.ndarray, others_B: Sequence[np.ndarray]) -> float:
    """One-sided p-value of "the score is not above every other": the largest of those against each other alone.

    Whichever of the others is best needs no choosing, so no correction is due for it.

    Shapes  samples (B,) of the score and of each other, drawn together.
    Raises  ValueError without others or with samples of another number.
    Source  the intersection-union test, Berger 1982, "Multiparameter Hypothesis Testing and Acceptance Sampling".
    """
    score_B = np.asarray(score_B, dtype=np.float64)
    if not len(others_B) or any(np.shape(other) != score_B.shape for other in others_B):
        raise ValueError(f"give at least one other, with {score_B.shape} samples like the score.")
    return max(p_above(score_B - np.asarray(other)) for other in others_B)


def holm(p_Q: Sequence[float] | np.ndarray) -> np.ndarray:
    """p-values adjusted for all questions: those below a level hold together, with an error in any of them below the level.

    Shapes  (Q,) both, in the order given; adjusted values are at most 1.
    Raises  ValueError for a p-value outside [0, 1].
    Source  Holm 1979, "A Simple Sequentially Rejective Multiple Test Procedure".
    """
    p_Q = np.asarray(p_Q, dtype=np.float64)
    if p_Q.ndim != 1 or not np.all((p_Q >= 0) & (p_Q <= 1)):
        raise ValueError("p-values are a list of numbers from 0 to 1.")
    order_Q = np.argsort(p_Q, kind="stable")
    weighted_Q = p_Q[order_Q] * np.arange(len(p_Q), 0, -1)
    adjusted_Q = np.empty(len(p_Q))
    adjusted_Q[order_Q] = np.minimum(np.maximum.accumulate(weighted_Q), 1) if len(p_Q) else weighted_Q
    return adjusted_Q
