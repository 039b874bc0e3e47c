"""Curves over training: the learning rate and the weight of the sparsity term."""


def trapezoid(step: int, steps: int, *, warmup: float, decay: float, floor: float) -> float:
    """A factor that rises linearly to 1, stays, and falls linearly to `floor`.

    Units   `warmup` and `decay` are shares of `steps`; the factor multiplies the peak learning rate.
    """
    rise = (step + 1) / max(1.0, warmup * steps)
    left = (steps - step) / max(1.0, decay * steps)
    return min(1.0, rise, floor + (1.0 - floor) * left)


def ramp(step: int, steps: int, *, warmup: float) -> float:
    """A factor that rises linearly from just above 0 to 1 over the first `warmup` share of the steps."""
    return min(1.0, (step + 1) / max(1.0, warmup * steps))
