"""How an autoencoder is trained, and what is seen while it is."""

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


SHAPES = ("linear", "cosine")
CHOICES = {
    "optimizer": ("adam", "adamw", "muon", "signum"), "lr_shape": SHAPES, "k_shape": SHAPES, "precision": ("fp32", "bf16", "fp64"),
    "decoder_norm": ("unit", "free"),
}  # fmt: skip


@dataclass(frozen=True)
class TrainConfig:
    """How one autoencoder is trained; None stands for a choice that is made from the rest."""

    steps: int = 1000
    """Optimiser steps."""
    batch_size: int = 1024
    """Tokens per step."""
    lr: float | None = None
    """Peak learning rate; None: the variant's for this width (see `peak_lr`)."""
    optimizer: str = "adam"
    """adam, adamw, muon (for the two matrices; adam for the rest) or signum (see `optimizers`)."""
    weight_decay: float = 0.0
    """Weight decay of adamw."""
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises."""
    decay: float = 0.3
    """Share of the steps, at the end, in which it falls; 1 with `lr_shape` cosine is the usual cosine schedule."""
    lr_shape: str = "linear"
    """How it falls: linear or cosine."""
    floor: float = 0.05
    """What it falls to, as a share of the peak."""
    sparsity_warmup: float = 0.1
    """Share of the steps in which the sparsity term rises."""
    target_l0: float | None = None
    """Active features per token that the sparsity coefficient is steered towards (variants with `sparsity`)."""
    k_start: int | None = None
    """Features per token that the k of topk, batchtopk and matryoshka starts from; None: k throughout."""
    k_share: float = 0.5
    """Share of the steps over which it falls to k."""
    k_shape: str = "linear"
    """How it falls: linear or cosine."""
    dead_after: int | None = None
    """Tokens without firing after which a feature counts as dead; None: see `resampling.patience`."""
    lift: float | None = None
    """Added at each step to the encoder's bias of a feature that has long been silent (see `resampling.lift_after`), until it fires (jumprelu:
    taken from a tenth of the logarithm of its threshold); 0: nothing; None: the variant's, see `SAE.lift`."""
    decoder_norm: str = "unit"
    """Length of the decoder's rows: unit, or free, and then the penalty weighs each feature by the length of its row, and gated's
    gate trains the decoder too (standard, gated, p_anneal, gated_anneal); what is returned has unit rows in either case."""
    resample_every: int | None = None
    """Steps between resamplings (variants with `sparsity`), of which none comes in the last 40%; 0: never; None: a tenth of them, 10 at least."""
    clip: float = 1.0
    """Largest norm of the whole gradient; 0: no clipping."""
    accumulate: int = 1
    """Parts that a batch is cut into, whose gradients are added before the step: less memory at the same batch size. Variants
    that share their k over a batch then share it over each part."""
    ema: float = 0.0
    """Decay of the exponential moving average of the weights that is returned, such as 0.999; 0: the last weights. After t steps it
    is no more than t / (t + 10), so that 0.999 differs from 0.99 after the first thousand."""
    precision: str = "fp32"
    """bf16: matrix products in bf16 with fp32 master weights, gradients and optimiser (torch.autocast); fp64: all in fp64, on a
    CPU, to compare two ways of training (a saved autoencoder is fp32 when it is read)."""
    compile: bool = False
    """Compile what a step computes (torch.compile), by one process. On a CPU steps of gated that are dense become faster by it,
    all others slower (`benchmarks/results/compiled_step.json`); on a GPU it has not been measured."""
    seed: int = 0
    """Seed of the initial weights, the order of the tokens and the resampling."""
    device: str | None = None
    """Where to train; None: a CUDA device if there is one, else the CPU."""
    log_every: int = 10
    """Steps between rows of the history."""
    held_tokens: int = 2048
    """Held-out tokens that each row of the history looks at."""

    def __post_init__(self) -> None:
        if min(self.steps, self.batch_size, self.log_every, self.held_tokens) < 1:
            raise ValueError("steps, batch_size, log_every and held_tokens must be at least 1.")
        if self.lr is not None and self.lr <= 0:
            raise ValueError(f"lr must be positive, not {self.lr}.")
        if not all(0 <= x <= 1 for x in (self.warmup, self.decay, self.floor, self.sparsity_warmup, self.k_share)):
            raise ValueError("warmup, decay, floor, sparsity_warmup and k_share are shares between 0 and 1.")
        if self.target_l0 is not None and self.target_l0 <= 0:
            raise ValueError(f"target_l0 must be positive, not {self.target_l0}.")
        for name, values in CHOICES.items():
            if getattr(self, name) not in values:
                raise ValueError(f"{name} must be one of {', '.join(values)}, not {getattr(self, name)!r}.")
        if self.weight_decay < 0 or (self.weight_decay and self.optimizer != "adamw"):
            raise ValueError(f"weight_decay must not be negative and belongs to adamw, not to {self.optimizer}.")
        if not 0 <= self.ema < 1:
            raise ValueError(f"ema must lie between 0 and 1 (exclusive), not {self.ema}.")
        if self.accumulate < 1 or self.batch_size % self.accumulate:
            raise ValueError(f"accumulate must divide batch_size ({self.batch_size}), not be {self.accumulate}.")
        if min(self.clip, self.dead_after or 0, self.resample_every or 0, self.lift or 0) < 0:
            raise ValueError("clip, dead_after, resample_every and lift must not be negative.")


@dataclass
class History:
    """What was seen while training, one entry per logged step; losses are in normalised units (see `losses`)."""

    step: list[int] = field(default_factory=list)
    loss: list[float] = field(default_factory=list)
    """The sum of the next three."""
    mse: list[float] = field(default_factory=list)
    sparsity: list[float] = field(default_factory=list)
    aux: list[float] = field(default_factory=list)
    l0: list[float] = field(default_factory=list)
    """Active features per token of the batch."""
    explained_variance: list[float] = field(default_factory=list)
    """About the batch's mean."""
    dead_share: list[float] = field(default_factory=list)
    """Share of features silent for more than `dead_after` tokens."""
    strength: list[float] = field(default_factory=list)
    """What the sparsity coefficient is multiplied with; empty without `target_l0`."""
    held_l0: list[float] = field(default_factory=list)
    """On held-out tokens; empty when there are none."""
    held_explained_variance: list[float] = field(default_factory=list)

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row per logged step, without the columns that are empty."""
        import pandas as pd

        return pd.DataFrame({name: values for name, values in asdict(self).items() if values})
