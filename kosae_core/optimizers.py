"""The optimisers that training offers, and what a resampled feature makes them forget."""

from typing import Any

import torch
from torch import Tensor, nn

from kosae_core.base import SAE
from kosae_core.train_config import TrainConfig


class Signum(torch.optim.Optimizer):
    """Momentum whose sign alone decides the step, so that every element moves by the learning rate.

    Source  Bernstein et al. 2018, arXiv:1802.04434, algorithm 2.
    """

    def __init__(self, params: Any, lr: float, momentum: float = 0.95) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for parameter in (p for p in group["params"] if p.grad is not None):
                state = self.state[parameter]
                mean = state.setdefault("momentum_buffer", torch.zeros_like(parameter))
                mean.lerp_(parameter.grad, 1 - group["momentum"])
                parameter.add_(mean.sign(), alpha=-group["lr"])


def make(sae: SAE, cfg: TrainConfig, lr: float) -> list[torch.optim.Optimizer]:
    """The optimisers of a run: one, or with Muon a second for what is no matrix.

    Source  Adam: Kingma & Ba 2015; AdamW: Loshchilov & Hutter 2019; Muon: Jordan et al. 2024, its updates scaled to
            the size of Adam's (Liu et al. 2025, arXiv:2502.16982), so that one learning rate serves both.
    """
    if cfg.optimizer == "signum":
        return [Signum(sae.parameters(), lr)]
    if cfg.optimizer == "adamw":
        return [torch.optim.AdamW(sae.parameters(), lr=lr, weight_decay=cfg.weight_decay, fused=True)]
    if cfg.optimizer == "muon":
        matrices = [p for p in sae.parameters() if p.ndim == 2]
        rest = [p for p in sae.parameters() if p.ndim != 2]
        muon = torch.optim.Muon(matrices, lr=lr, weight_decay=0.0, adjust_lr_fn="match_rms_adamw")
        return [muon, torch.optim.Adam(rest, lr=lr, fused=True)]
    return [torch.optim.Adam(sae.parameters(), lr=lr, fused=True)]


def forget(optimizers: list[torch.optim.Optimizer], parameter: nn.Parameter, at: Any) -> None:
    """Set to zero, at the index `at`, every moment that has the shape of the parameter."""
    for optimizer in optimizers:
        for value in optimizer.state.get(parameter, {}).values():
            if isinstance(value, Tensor) and value.shape == parameter.shape:
                value[at] = 0
