"""What all sparse autoencoders share: configuration, units, initial weights, the decoder's unit norm, saving.

Raw activations go in and come out. Inside, an input is centred and scaled, x = (acts - mean) / scale, and the numbers
that did it are kept with the weights. All variants encode x - b_dec and add b_dec after decoding.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, ClassVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from kosae_core import kernels, losses, ranks, saving

OPTIONAL = (
    "k", "auxk", "auxk_weight", "sparsity", "bandwidth", "p_end", "prefixes", "d_in", "warm_topk", "initial_density",
)  # fmt: skip
ROWS = 1024
"""Rows of the decoder that are worked on at a time, so that what is computed of them stays in the cache."""
VARIANTS: dict[str, type["SAE"]] = {}


@dataclass(frozen=True)
class SAEConfig:
    """Architecture and objective of one sparse autoencoder; None stands for the variant's own default."""

    variant: str = "topk"
    """Name of a registered variant, one of `VARIANTS`: standard, gated, topk, batchtopk, ..."""
    n_features: int = 2048
    """Size of the dictionary, F."""
    k: int | None = None
    """Features kept per token (topk), or on average over a batch (batchtopk, matryoshka)."""
    auxk: int | None = None
    """Dead features that reconstruct the error (the three above); 0 switches the auxiliary loss off."""
    auxk_weight: float | None = None
    """Weight of that auxiliary loss."""
    sparsity: float | None = None
    """Weight of the sparsity term (standard, gated, jumprelu, p_anneal, gated_anneal); see `losses` for its unit."""
    bandwidth: float | None = None
    """Width of the window in which thresholds get a gradient (jumprelu), in lengths of an input."""
    p_end: float | None = None
    """Exponent that the L1 term ends with (p_anneal, gated_anneal)."""
    initial_density: float | None = None
    """Share of tokens on which each feature fires before training (all variants with `sparsity`); 0: biases start at 0."""
    prefixes: tuple[int, ...] | list[int] | None = None
    """Sizes of the nested dictionaries, rising to n_features (matryoshka)."""
    warm_topk: float | None = None
    """Share of the training in which each token keeps its own k, before the batch shares them (batchtopk, matryoshka)."""
    d_in: int | None = None
    """Width of the first of two joined points (transcoder, crosscoder); None: half of the joined width."""
    centre: str = "mean"
    """What is subtracted from the activations: mean, median (geometric), none (then bf16 loses digits where the mean is large)."""
    scale: str = "rms"
    """What becomes 1 by dividing: rms (of the centred elements), norm (mean norm becomes sqrt(d_model)), none."""

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ValueError(f"there is no variant {self.variant!r}; there are {', '.join(sorted(VARIANTS))}.")
        options = VARIANTS[self.variant].options
        for name in OPTIONAL:
            if name in options and getattr(self, name) is None:
                default = options[name]
                object.__setattr__(self, name, default(self.n_features) if callable(default) else default)
            elif name not in options and getattr(self, name) is not None:
                raise ValueError(
                    f"{name} has no meaning for the {self.variant} variant, whose options are {', '.join(options)}."
                )
        if self.n_features < 1:
            raise ValueError(f"n_features must be at least 1, not {self.n_features}.")
        if self.k is not None and not 1 <= self.k <= self.n_features:
            raise ValueError(f"k must lie between 1 and n_features ({self.n_features}), not {self.k}.")
        if min(self.sparsity or 0, self.auxk or 0, self.auxk_weight or 0) < 0:
            raise ValueError("sparsity, auxk and auxk_weight must not be negative.")
        if self.bandwidth is not None and self.bandwidth <= 0:
            raise ValueError(f"bandwidth must be positive, not {self.bandwidth}.")
        if self.warm_topk is not None and not 0 <= self.warm_topk < 1:
            raise ValueError(f"warm_topk must lie between 0 and 1 (exclusive), not {self.warm_topk}.")
        if self.initial_density is not None and not 0 <= self.initial_density < 1:
            raise ValueError(f"initial_density must lie between 0 and 1 (exclusive), not {self.initial_density}.")
        if self.p_end is not None and not 0 < self.p_end <= 1:
            raise ValueError(f"p_end must lie between 0 and 1, not {self.p_end}.")
        if self.prefixes is not None:
            object.__setattr__(self, "prefixes", tuple(self.prefixes))  # JSON gives lists
            steps = [b - a for a, b in zip((0, *self.prefixes), self.prefixes, strict=False)]
            if min(steps, default=0) < 1 or self.prefixes[-1] != self.n_features:
                raise ValueError(f"prefixes must rise to n_features ({self.n_features}), not {list(self.prefixes)}.")
        if self.centre not in ("mean", "median", "none"):
            raise ValueError(f"centre must be mean, median or none, not {self.centre!r}.")
        if self.scale not in ("rms", "norm", "none"):
            raise ValueError(f"scale must be rms, norm or none, not {self.scale!r}.")


@dataclass
class Objective:
    """One batch's loss terms (to be added), its reconstruction and its features."""

    mse: Tensor
    sparsity: Tensor
    aux: Tensor
    recon_BD: Tensor
    code: kernels.Code
    """The features, as a table or as the entries that may be on."""


class SAE(nn.Module, ABC):
    """The parts that all variants share; a variant gives `options`, `features` and `objective`.

    A parameter named `..._F` belongs to one feature each and is set to zero when that feature is resampled.
    """

    variant: ClassVar[str]
    options: ClassVar[Mapping[str, Any]]
    lr: ClassVar[float] = 5e-3
    """Peak learning rate at d_model 256; it falls with the square root of the width, as the elements of a unit row do."""
    resamples: ClassVar[bool] = True
    weighs_rows: ClassVar[bool] = False
    """Whether the penalty can weigh features by the length of their decoder rows, so that these may be free."""
    lift: float = 0.005
    """What a long silent feature's bias rises by at each step, in root mean squares of an input's elements.

    With ten times as much even fewer die, but lifted features then take the places of others (chapter 3's planted
    dictionaries: 83 % of the true features found in place of 92 %).

    Source  the bias that evens out the load of experts, Wang et al. 2024, arXiv:2408.15664; there for every expert at all
            times.
    """

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if "variant" in cls.__dict__:  # a subclass without a name of its own must not take its parent's place
            VARIANTS[cls.variant] = cls

    def __init__(self, config: SAEConfig, d_model: int, generator: torch.Generator | None = None) -> None:
        super().__init__()
        self.config, self.d_model, self.n_features = config, d_model, config.n_features
        self.provenance: dict[str, Any] = {}
        self.k = config.k  # what `training` lowers where k follows a schedule
        self.free_rows = False  # whether decoder rows have any length (`TrainConfig.decoder_norm`)
        self.progress = 1.0  # share of the training that is done, for objectives that change with it
        W_dec_FD = torch.randn(config.n_features, d_model, generator=generator)
        W_dec_FD /= W_dec_FD.norm(dim=1, keepdim=True)
        self.W_dec_FD = nn.Parameter(W_dec_FD)
        self.W_enc_DF = nn.Parameter(W_dec_FD.t().contiguous())
        self.b_dec_D = nn.Parameter(torch.zeros(d_model))
        self.register_buffer("mean_D", torch.zeros(d_model))
        self.register_buffer("scale", torch.ones(()))
        self.add_biases()

    def add_biases(self) -> None:
        """Make the encoder's parameters of one number per feature."""
        self.b_enc_F = nn.Parameter(torch.zeros(self.n_features))

    @property
    def biases(self) -> tuple[nn.Parameter, ...]:
        """The encoder's biases, which start alike."""
        return (self.b_enc_F,)

    @property
    def first_threshold(self) -> float:
        """Above which value of the encoder a feature fires before training."""
        return 0.0

    def settle(self, draw: Callable[[], Tensor], anew: bool) -> None:
        """Measure on batches of normalised inputs what the weights need and training has not set, or, `anew`, set for others."""

    def lift_silent(self, silent_F: Bool[Tensor, " F"], by: float) -> None:
        """Bring features that have long been silent nearer to firing."""
        for bias_F in self.biases:
            bias_F += by * silent_F

    @property
    def spans(self) -> tuple[slice, ...]:
        """Columns of the activations that share a scale."""
        return (slice(0, self.d_model),)

    @property
    def centre_D(self) -> Float[Tensor, " D"]:
        """What is added to reconstructions."""
        return self.mean_D

    def target(self, acts_BD: Float[Tensor, "B D"]) -> Float[Tensor, "B E"]:
        """What activations, raw or normalised, are to be reconstructed as: themselves."""
        return acts_BD

    def normalise(self, acts_BD: Float[Tensor, "B D"]) -> Float[Tensor, "B D"]:
        """Raw activations to the units in which the autoencoder works."""
        return (acts_BD.to(self.mean_D) - self.mean_D) / self.scale

    def folded(self, bias_F: Tensor) -> Float[Tensor, " F"]:
        """The bias that makes x @ W_enc + bias equal (x - b_dec) @ W_enc + `bias_F`.

        Subtracting from x instead would cost the gradient a second dense product, and a table of the input's size. Never in
        bf16, for which the encoder's columns and their gradient would be copied to save nothing.
        """
        with torch.autocast(self.W_enc_DF.device.type, enabled=False):
            return bias_F - ranks.spread(self.b_dec_D) @ self.W_enc_DF

    @abstractmethod
    def features(self, x_BD: Float[Tensor, "B D"]) -> Float[Tensor, "B F"]:
        """Non-negative features of normalised inputs."""

    @abstractmethod
    def objective(self, x_BD: Float[Tensor, "B D"], weight: float, dead_F: Bool[Tensor, " F"]) -> Objective:
        """Loss terms on normalised inputs; `weight` is the share of the sparsity term that is switched on."""

    def sizes(self, code: kernels.Code) -> Tensor:
        """Features as the penalty counts them: where rows are free, times the length of their decoder row, or it could be evaded.

        Source  Conerly et al. 2024, "Update on how we train SAEs" (Transformer Circuits, April 2024).
        """
        return code.values * code.of(self.W_dec_FD.norm(dim=1)) if self.free_rows else code.values

    def penalty(self, code: kernels.Code) -> Float[Tensor, ""]:
        """What the sparsity coefficient multiplies, where the variant has one: the L1 norm, or what takes its place."""
        return losses.l1(self.sizes(code), code.n_rows, self.d_model)

    def dead_loss(
        self, x_BD: Tensor, recon_BD: Tensor, code: kernels.Code, bias_F: Tensor, dead_F: Tensor, y_BD: Tensor | None = None
    ) -> Float[Tensor, ""]:  # fmt: skip
        """AuxK of the dead features times its weight, where the variant has it; 0 while none is dead.

        `code` is what gave `recon_BD`, `y_BD` what is reconstructed, where that is not the input. It looks at half of the batch, whose order is random:
        with many dead features it would otherwise cost more than all the rest of a step.
        """
        dead_N = dead_F.nonzero()[:, 0]
        if not self.config.auxk or not ranks.any_feature(len(dead_N) > 0):
            return x_BD.new_zeros(())
        half = slice(0, -(-len(x_BD) // 2))
        error_BD = (x_BD if y_BD is None else y_BD)[half] - recon_BD[half]
        W_enc_DN, bias_N = code.some(self.W_enc_DF, dead_N, 1), bias_F.index_select(0, dead_N)
        dead = kernels.encode(x_BD[half], W_enc_DN, bias_N, kernels.Top(self.config.auxk))
        explained_BD = dead.decode(code.some(self.W_dec_FD, dead_N, 0), error_BD.new_zeros(error_BD.shape[1]))
        return self.config.auxk_weight * losses.auxk(explained_BD, error_BD)

    def reconstruct(self, feats_BF: Tensor) -> Float[Tensor, "B D"]:
        """Features to normalised reconstructions."""
        return kernels.Code(feats_BF).decode(self.W_dec_FD, self.b_dec_D)

    def encode(self, acts_BD: Float[Tensor, "B D"]) -> Float[Tensor, "B F"]:
        """Features of raw activations.

        Units   Multiples of `scale`: a feature of 1 adds `scale` times its unit decoder row to the activation.
        Raises  ValueError when the width is not the autoencoder's.
        """
        if acts_BD.ndim != 2 or acts_BD.shape[1] != self.d_model:
            raise ValueError(
                f"this SAE reads activations of shape (tokens, {self.d_model}), not {tuple(acts_BD.shape)}."
            )
        return self.features(self.normalise(acts_BD))

    def decode(self, feats_BF: Float[Tensor, "B F"]) -> Float[Tensor, "B E"]:
        """Raw activations from features, as wide as `target` makes them."""
        return self.reconstruct(feats_BF) * self.scale + self.mean_D

    def forward(self, acts_BD: Float[Tensor, "B D"]) -> Float[Tensor, "B E"]:
        """Reconstructions of raw activations."""
        return self.decode(self.encode(acts_BD))

    @torch.no_grad()
    def remove_parallel_gradient(self) -> None:
        """Take from the decoder's gradient the part along each row, which the unit norm would undo anyway."""
        if self.free_rows:
            return
        for grad_GD, W_GD in zip(*(t.split(ROWS) for t in (self.W_dec_FD.grad, self.W_dec_FD)), strict=True):
            grad_GD.addcmul_(torch.linalg.vecdot(grad_GD, W_GD)[:, None], W_GD, value=-1)

    @torch.no_grad()
    def normalise_decoder(self) -> None:
        """Give every decoder row unit norm, unless rows are free."""
        if not self.free_rows:
            self.W_dec_FD /= self.W_dec_FD.norm(dim=1, keepdim=True).clamp_min(1e-8)

    @torch.no_grad()
    def fold_rows(self) -> None:
        """Give every decoder row unit norm; where rows were free, features grow by what their rows lose, and no output changes."""
        if self.free_rows:
            for parameter in (self.W_enc_DF, *self.biases):
                parameter *= self.W_dec_FD.norm(dim=1)
            self.free_rows = False
            self.normalise_decoder()

    def save(self, path: str | Path, format: str = "kosae") -> Path:
        """Write `cfg.json` and `weights.safetensors` into the folder `path`, or what SAELens reads with format="saelens".

        The files are there whole or not at all, and one that was there is replaced only by a whole one.

        Raises  ValueError for another format, and for a variant that SAELens does not have; OSError where nothing can be written.
        """
        if format == "saelens":
            from kosae_core.saelens import save_saelens

            return save_saelens(self, path)
        if format != "kosae":
            raise ValueError(f"format must be kosae or saelens, not {format!r}.")
        return saving.write(path, self.state_dict(), self.d_model, asdict(self.config), self.provenance)
