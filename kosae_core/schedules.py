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


def toward_l0(strength: float, l0: float, target: float, gain: float = 0.02) -> float:
    """The next multiplier of the sparsity coefficient: larger while L0 is above its target, smaller while below.

    Units   `gain` is the share by which a batch e times too dense raises it; it stays between 1/1000 and 1000.
    """
    step = gain * math.log(max(l0, 1e-3) / target)
    return min(1e3, max(1e-3, strength * math.exp(max(-0.1, min(0.1, step)))))


def ramp(step: int, steps: int, *, warmup: float) -> float:
    """A factor that rises linearly from just above 0 to 1 over the first `warmup` share of the steps."""
    return min(1.0, (step + 1) / max(1.0, warmup * steps))
