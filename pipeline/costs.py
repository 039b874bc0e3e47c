"""What trainings and gatherings cost in processor time: quantities at rates, with factors that `benchmarks/scaling.py` measured.

A step is some products of (batch, d_model) with (d_model, features), passes over the weights (Adam, the decoder's unit norm),
passes over the (batch, features) table, work on the features that are on, and a fixed number of small operations. The products
are counted (`PRODUCTS`); how many there are of the rest is fitted to measurements, by variant, and stands in
`benchmarks/scaling.json`. How fast a machine multiplies, reads and calls is measured on the machine that asks
(`measured_rates`), so that the factors are meant to travel; they were made on one machine, and tried on no other.

A penalised autoencoder computes with tables while a tenth of the features or more are on, and with entries after that. Both
kinds of step are measured apart; which share of a run is which, and how many entries there are, is that of whole trainings
of 40, 160 and 640 steps on planted tokens (`Course`), so it is a guess for other data.

Not counted: AuxK of dead features (with half of them dead a TopK step costs about 1.6 times as much), resampling, checkpoints,
hashing and sealing of files, and what several threads lose by waiting for each other. For a GPU, whose rates a preset states,
the passes are those of a CPU, where a new tensor costs more than a pass over an old one: such hours are rather too long.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch

from kosae_core import kernels, paths
from kosae_core.sae import VARIANTS

FILE = paths.ROOT / "benchmarks" / "scaling.json"
COLUMNS = ("products", "weights", "tables", "entries", "calls")
"""What a step is made of, each divided by its rate; `calls` counts 1,000 small operations."""
PRODUCTS: dict[str, dict[str, int]] = {"sparse": {}, "dense": {"standard": 5, "gated": 7, "jumprelu": 5}}
"""Dense products of a step; 1, the encoder's, where none is given: the gradients are then those of the entries alone."""
COURSE = 2048
"""Features of the whole trainings by which the course of one is judged (`benchmarks/scaling.py`)."""
STATISTICS, BIASES, LOG_EVERY, HELD = 65_536, 4096, 10, 2048
"""As `kosae_core.inputs` and `TrainConfig` have them (a test holds them together)."""


@dataclass(frozen=True)
class Rates:
    """How fast a machine is, on one thread or on a GPU."""

    products: float
    """Multiplications and additions of a matrix product in a second."""
    memory: float
    """Bytes read and written in a second by a pass over a large table."""
    call: float
    """Seconds of one small operation of PyTorch."""


def measured_rates(least: float = 0.15, rounds: int = 3) -> Rates:
    """This machine's, on one thread, in processor time; the best of some rounds, since other work can only take away."""
    x_BD, W_DF, small = torch.randn(1024, 512), torch.randn(512, 2048), torch.randn(8)
    table, threads = torch.randn(1 << 25), torch.get_num_threads()  # larger than any cache

    def calls() -> None:
        for _ in range(1000):
            small + small

    torch.set_num_threads(1)
    try:
        works = (lambda: x_BD @ W_DF, lambda: table.mul_(1.0), calls)
        each = [[_seconds(work, least) for work in works] for _ in range(rounds)]
    finally:
        torch.set_num_threads(threads)
    product, a_pass, thousand = np.min(each, axis=0).tolist()
    return Rates(2 * 1024 * 512 * 2048 / product, 8 * table.numel() / a_pass, thousand / 1000)


def _seconds(work: Callable[[], Any], least: float) -> float:
    """Processor time of one call."""
    work()
    done, began = 0, time.process_time()
    while (took := time.process_time() - began) < least:
        work()
        done += 1
    return took / done


def step_columns(rates: Rates, d_model: int, n_features: int, batch: int, entries: float = 0.0) -> np.ndarray:
    """Seconds of one unit of each column; `entries` are the features that are on, over the whole batch."""
    products = 2 * batch * d_model * n_features / rates.products
    moved = np.array([8 * d_model * n_features, 4 * batch * n_features, 4 * entries * d_model]) / rates.memory
    return np.array([products, *moved, 1000 * rates.call])


def start_columns(rates: Rates, d_model: int, n_features: int, n_tokens: int, penalised: bool) -> np.ndarray:
    """The same of what comes before the first step: the table of activations, its statistics, the first biases."""
    looked = min(BIASES, n_tokens) * n_features * penalised
    moved = np.array([4 * n_tokens * d_model, 4 * min(n_tokens, STATISTICS) * d_model, 4 * looked]) / rates.memory
    return np.array([2 * looked * d_model / rates.products, *moved, 1000 * rates.call])


def gather_columns(rates: Rates, inner: float, tokens: int, d_model: int, blocks: int) -> np.ndarray:
    """The same of a pass over so many tokens through the first blocks, which have `inner` weights."""
    return np.array([2 * inner * tokens / rates.products, 4 * tokens * d_model * blocks / rates.memory, tokens * rates.call])  # fmt: skip


@dataclass(frozen=True)
class Course:
    """Means over whole trainings of so many steps."""

    steps: list[int]
    dense: list[float]
    """Share of the steps that compute with tables."""
    density: list[float]
    """Entries of the other steps, as a share of all."""

    def at(self, steps: int) -> tuple[float, float]:
        """Both for another number of steps, between the measured ones in the logarithm, and at the ends as there."""
        x = np.log(self.steps)
        return tuple(float(np.interp(np.log(steps), x, y)) for y in (self.dense, self.density))


@cache
def of_file() -> dict[str, Any]:
    return json.loads(FILE.read_text(encoding="utf-8"))


class Costs:
    """Seconds of processor time, from the factors of the measurements."""

    def __init__(self, rates: Rates, found: dict[str, Any] | None = None) -> None:
        self.rates = rates
        self.found = found or of_file()["costs"]

    def listed(self, variant: str) -> str:
        """The variant, or its nearest parent that was measured; TopK for what only a chapter knows."""
        parents = VARIANTS[variant].__mro__ if variant in VARIANTS else ()
        return next((c.variant for c in parents if getattr(c, "variant", "") in self.found["step"]), "topk")

    def step(self, variant: str, kind: str, *sizes: float) -> float:
        """One step of the kind `sparse` or `dense`; sizes as `step_columns`."""
        return float(np.dot(self.found["step"][self.listed(variant)][kind], step_columns(self.rates, *sizes)))

    def start(self, variant: str, *sizes: int) -> float:
        """What comes before the first step; sizes as `start_columns`."""
        return float(np.dot(self.found["start"], start_columns(self.rates, *sizes, "dense" in self.kinds(variant))))

    def look(self, variant: str, d_model: int, n_features: int, tokens: int) -> float:
        """One look at held-out tokens."""
        return float(np.dot(self.found["look"], step_columns(self.rates, d_model, n_features, tokens)))

    def kinds(self, variant: str) -> dict[str, Any]:
        """The kinds of steps that a variant has."""
        return self.found["step"][self.listed(variant)]

    def course(self, variant: str, steps: int, target: bool, initial_density: float | None) -> tuple[float, float]:
        """Share of dense steps, and the share of entries in the others, of a penalised variant."""
        dense, density = Course(**self.found["course"][self.listed(variant)]["target" if target else "free"]).at(steps)
        if initial_density == 0:  # half of the features are on until the penalty has risen, in the first tenth
            dense = max(dense, 0.1)
        return dense, density

    def train(
        self, variant: str, d_model: int, n_features: int, batch: int, steps: int, n_tokens: int, *, k: int | None = None,
        target_l0: float | None = None, initial_density: float | None = None, held: bool = False,
    ) -> float:  # fmt: skip
        """A whole training."""
        sizes = d_model, n_features, batch
        if "dense" in self.kinds(variant):
            dense, density = self.course(variant, steps, target_l0 is not None, initial_density)
            density *= (
                COURSE / n_features
            )  # a token turns on about as many features of a small dictionary as of a large one
            dense, density = (1.0, 0.0) if density > kernels.DENSEST else (dense, density)
            each = (1 - dense) * self.step(variant, "sparse", *sizes, density * batch * n_features)
            each += dense * self.step(variant, "dense", *sizes)
        else:
            each = self.step(variant, "sparse", *sizes, batch * min(k or 32, n_features))
        looks = -(-steps // LOG_EVERY) + 1 if held else 0
        start = self.start(variant, d_model, n_features, n_tokens)
        return start + steps * each + looks * self.look(variant, d_model, n_features, HELD)

    def gather(self, inner: float, tokens: int, d_model: int, blocks: int) -> float:
        """A pass over so many tokens; arguments as `gather_columns`."""
        return float(np.dot(self.found["gather"], gather_columns(self.rates, inner, tokens, d_model, blocks)))
