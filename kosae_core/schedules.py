"""Curves over training: the learning rate and the weight of the sparsity term."""

import math


def trapezoid(step: int, steps: int, *, warmup: float, decay: float, floor: float, shape: str = "linear") -> float:
    """A factor that rises linearly to 1, stays, and falls to `floor`, linearly or along half a cosine.

    Units   `warmup` and `decay` are shares of `steps`; the factor multiplies the peak learning rate.
    """
    rise = (step + 1) / max(1.0, warmup * steps)
    left = min(1.0, (steps - step) / max(1.0, decay * steps))
    if shape == "cosine":
        left = 0.5 * (1.0 - math.cos(math.pi * left))
    return min(1.0, rise, floor + (1.0 - floor) * left)


def k_at(step: int, steps: int, *, start: int, end: int, share: float, shape: str = "linear") -> int:
    """Features kept per token at a step: from `start` down to `end` over the first `share` of the steps, then `end`."""
    done = min(1.0, step / max(1.0, share * steps))
    left = 1.0 - done if shape == "linear" else 0.5 * (1.0 + math.cos(math.pi * done))
    return round(end + (start - end) * left)


def toward_l0(slow: float, l0: float, target: float, gain: float = 0.05) -> tuple[float, float]:
    """The next multiplier of the sparsity coefficient, and its slow part, which the next call takes.

    A proportional-integral controller of log L0: the slow part gathers by `gain` what L0 is above its target; what the
    coefficient is multiplied with is that times l0 / target, within a factor of 1.5, which calms the swings about the target.

    Units   L0 counts as at most 20 times off; the slow part stays between 1/1000 and 1000.
    """
    excess = min(20.0, max(0.05, max(l0, 1e-3) / target))
    slow = min(1e3, max(1e-3, slow * excess**gain))
    return slow * min(1.5, max(1 / 1.5, excess)), slow


def ramp(step: int, steps: int, *, warmup: float) -> float:
    """A factor that rises linearly from just above 0 to 1 over the first `warmup` share of the steps."""
    return min(1.0, (step + 1) / max(1.0, warmup * steps))
