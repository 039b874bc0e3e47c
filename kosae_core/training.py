"""Training one sparse autoencoder: the loop, dead features, and the cache of results."""

import json
import logging
import platform
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

import kosae_core
from kosae_core import rows, store
from kosae_core.sae import SAE, VARIANTS, Objective, SAEConfig, load_sae
from kosae_core.schedules import ramp, trapezoid

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("kosae.training")
TRAIN_VERSION = 1
STATISTICS_ROWS = 262_144
Progress = Callable[[int, int, str], None]


@dataclass(frozen=True)
class TrainConfig:
    """How one autoencoder is trained; None stands for a choice that is made from the rest."""

    steps: int = 1000
    """Optimiser steps."""
    batch_size: int = 1024
    """Tokens per step."""
    lr: float | None = None
    """Peak learning rate of Adam; None: the variant's for this width (see `peak_lr`)."""
    warmup: float = 0.05
    """Share of the steps in which the learning rate rises."""
    decay: float = 0.3
    """Share of the steps, at the end, in which it falls linearly."""
    floor: float = 0.05
    """What it falls to, as a share of the peak."""
    sparsity_warmup: float = 0.1
    """Share of the steps in which the sparsity term rises."""
    dead_after: int | None = None
    """Tokens without firing after which a feature counts as dead; None: an eighth of the run, at most 10 million."""
    resample_every: int | None = None
    """Steps between resamplings (standard, gated), of which none comes in the last 40%; 0: never; None: a tenth."""
    clip: float = 1.0
    """Largest norm of the whole gradient; 0: no clipping."""
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
        if not all(0 <= share <= 1 for share in (self.warmup, self.decay, self.floor, self.sparsity_warmup)):
            raise ValueError("warmup, decay, floor and sparsity_warmup are shares between 0 and 1.")
        if min(self.clip, self.dead_after or 0, self.resample_every or 0) < 0:
            raise ValueError("clip, dead_after and resample_every must not be negative.")


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
    held_l0: list[float] = field(default_factory=list)
    """On held-out tokens; empty when there are none."""
    held_explained_variance: list[float] = field(default_factory=list)

    def to_frame(self) -> "pd.DataFrame":
        """A table with one row per logged step, without the columns that are empty."""
        import pandas as pd

        return pd.DataFrame({name: values for name, values in asdict(self).items() if values})


def train(
    config: SAEConfig, acts: Any, train_config: TrainConfig | None = None, *, held: Any = None,
    progress: Progress | None = None,
) -> tuple[SAE, History]:  # fmt: skip
    """Train an autoencoder on activations; with stores, a run that was made before is read back.

    Shapes  `acts` and `held` are (tokens, d_model) tensors or activation stores.
    Raises  ValueError for activations that are empty, not finite (the row is named), or of two widths.
    Source  Adam with unit-norm decoder rows as Bricken et al. 2023; each variant's paper for its objective.
    """
    train_config = train_config or TrainConfig()
    rows.check_rows(acts)
    if held is not None:
        rows.check_rows(held)
        if rows.width(held) != rows.width(acts):
            raise ValueError(f"held-out activations have width {rows.width(held)}, training ones {rows.width(acts)}.")
    key, held_key = getattr(acts, "key", None), getattr(held, "key", None)
    if key is None or (held is not None and held_key is None):
        return _run(config, acts, train_config, held, progress)

    device = pick_device(train_config.device)
    spec = {
        "sae": asdict(config), "train": asdict(train_config) | {"device": device.type}, "acts": key,
        "lr": peak_lr(config, train_config, rows.width(acts)),
        "held": held_key, "train_version": TRAIN_VERSION,
    }  # fmt: skip
    if store.find("sae", spec) is None:
        sae, history = _run(config, acts, train_config, held, progress)
        with store.new_entry("sae", spec) as folder:
            sae.save(folder)
            (folder / "history.json").write_text(json.dumps(asdict(history)))
    else:
        logger.info("read back: %s SAE of %s", config.variant, key[:12])
    folder = store.find("sae", spec)
    # read back also after training, so that the first and the second call give the same bits
    return load_sae(folder).to(device), History(**json.loads((folder / "history.json").read_text()))


def peak_lr(config: SAEConfig, cfg: TrainConfig, d_model: int) -> float:
    """The learning rate asked for, else the variant's, scaled from d_model 256 by the inverse square root of the width."""
    return cfg.lr if cfg.lr is not None else VARIANTS[config.variant].lr * (256 / d_model) ** 0.5


def pick_device(name: str | None) -> torch.device:
    """The device of that name; None: CUDA where there is one, else the CPU."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


@torch.no_grad()
def fit_inputs(sae: SAE, acts: Any) -> None:
    """Set the centre and scale of an autoencoder's inputs from (the first 262,144) activations."""
    sample_ND = torch.cat(list(rows.in_order(acts, 65_536, STATISTICS_ROWS))).double()
    centre = {"mean": lambda x: x.mean(0), "median": geometric_median, "none": lambda x: x.new_zeros(x.shape[1])}
    mean_D = centre[sae.config.centre](sample_ND)
    length_N = (sample_ND - mean_D).norm(dim=1)
    scale = {"rms": length_N.square().mean().sqrt(), "norm": length_N.mean(), "none": torch.tensor(sae.d_model**0.5)}
    sae.mean_D.copy_(mean_D)
    sae.scale.copy_((scale[sae.config.scale] / sae.d_model**0.5).clamp_min(1e-12))


def geometric_median(acts_ND: Float[Tensor, "N D"], iterations: int = 50) -> Float[Tensor, " D"]:
    """The point whose summed distance to the rows is least.

    Source  Weiszfeld 1937; used for b_dec by Bricken et al. 2023.
    """
    point_D = acts_ND.mean(0)
    for _ in range(iterations):
        weight_N1 = 1.0 / (acts_ND - point_D).norm(dim=1, keepdim=True).clamp_min(1e-8)
        point_D = (acts_ND * weight_N1).sum(0) / weight_N1.sum()
    return point_D


def _run(
    config: SAEConfig, acts: Any, cfg: TrainConfig, held: Any, progress: Progress | None
) -> tuple[SAE, History]:  # fmt: skip
    device = pick_device(cfg.device)
    generator = torch.Generator().manual_seed(cfg.seed)
    sae = VARIANTS[config.variant](config, rows.width(acts), generator)
    fit_inputs(sae, acts)
    sae.to(device).train()
    sae.provenance = _provenance(acts, cfg)
    held_BD = None if held is None else torch.cat(list(rows.in_order(held, 8192, cfg.held_tokens))).to(device)

    peak = peak_lr(config, cfg, sae.d_model)
    optimizer = torch.optim.Adam(sae.parameters(), lr=peak, fused=True)
    batches = rows.shuffled(acts, cfg.batch_size, generator)
    dead_after = cfg.dead_after if cfg.dead_after is not None else min(10_000_000, cfg.steps * cfg.batch_size // 8)
    resample_every = cfg.resample_every if cfg.resample_every is not None else max(1, cfg.steps // 10)
    silent_F = torch.zeros(config.n_features, dtype=torch.long, device=device)
    history = History()
    logger.info(
        "training a %s SAE: %d features, %d steps of %d", config.variant, config.n_features, cfg.steps, cfg.batch_size
    )

    for step in range(cfg.steps):
        for group in optimizer.param_groups:
            group["lr"] = peak * trapezoid(step, cfg.steps, warmup=cfg.warmup, decay=cfg.decay, floor=cfg.floor)
        x_BD = sae.normalise(next(batches))
        terms = sae.objective(x_BD, ramp(step, cfg.steps, warmup=cfg.sparsity_warmup), silent_F > dead_after)
        loss = terms.mse + terms.sparsity + terms.aux
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        sae.remove_parallel_gradient()
        if cfg.clip:
            nn.utils.clip_grad_norm_(sae.parameters(), cfg.clip)
        optimizer.step()
        sae.normalise_decoder()
        silent_F = torch.where(terms.fired_F, 0, silent_F + len(x_BD))

        if step % cfg.log_every == 0 or step == cfg.steps - 1:
            if not torch.isfinite(loss):
                raise ValueError(
                    f"the loss is not finite at step {step}: lower lr (now {peak:g}) or look at the activations."
                )
            _log(history, step, terms, x_BD, silent_F > dead_after, sae, held_BD)
            if progress:
                progress(step + 1, cfg.steps, f"EV {history.explained_variance[-1]:.3f}, L0 {history.l0[-1]:.1f}")
        if sae.resamples and resample_every and (step + 1) % resample_every == 0 and step < 0.6 * cfg.steps:
            dead_F = silent_F > dead_after
            if dead_F.any():
                resample(sae, dead_F, sae.normalise(next(batches)), optimizer, generator)
                silent_F[dead_F] = 0
    return sae.eval(), history


@torch.no_grad()
def resample(
    sae: SAE, dead_F: Tensor, x_BD: Tensor, optimizer: torch.optim.Optimizer, generator: torch.Generator
) -> None:  # fmt: skip
    """Point dead features at inputs that are reconstructed badly, and forget what Adam knew of them.

    The decoder row becomes the direction of the input, the encoder column the same at a fifth of the live columns' mean norm,
    every other parameter of the feature zero. At most one feature per row of `x_BD`; the rest wait.

    Source  Bricken et al. 2023, appendix "Neuron Resampling": inputs drawn in proportion to their squared loss.
    """
    dead_N = dead_F.nonzero()[: len(x_BD), 0]
    loss_B = (sae.reconstruct(sae.features(x_BD)) - x_BD).square().sum(1)
    chance_B = loss_B.square().double().cpu() + 1e-30
    chosen_N = torch.multinomial(chance_B, len(dead_N), generator=generator).to(x_BD.device)
    rows_ND = x_BD[chosen_N] - sae.b_dec_D
    rows_ND = rows_ND / rows_ND.norm(dim=1, keepdim=True).clamp_min(1e-8)
    live_norm = sae.W_enc_DF[:, ~dead_F].norm(dim=0).mean() if not dead_F.all() else sae.W_enc_DF.norm(dim=0).mean()
    sae.W_dec_FD[dead_N] = rows_ND
    sae.W_enc_DF[:, dead_N] = 0.2 * live_norm * rows_ND.t()
    for name, parameter in sae.named_parameters():
        along_features = (..., dead_N) if name.endswith("F") else dead_N
        if name.endswith("_F"):
            parameter[dead_N] = 0
        if name != "b_dec_D" and parameter in optimizer.state:
            for moment in ("exp_avg", "exp_avg_sq"):
                optimizer.state[parameter][moment][along_features] = 0
    logger.info("resampled %d dead features", len(dead_N))


@torch.no_grad()
def _log(
    history: History, step: int, terms: Objective, x_BD: Tensor, dead_F: Tensor, sae: SAE, held_BD: Tensor | None
) -> None:  # fmt: skip
    mse, sparsity, aux = (float(term) for term in (terms.mse, terms.sparsity, terms.aux))
    history.step.append(step)
    history.loss.append(mse + sparsity + aux)
    history.mse.append(mse)
    history.sparsity.append(sparsity)
    history.aux.append(aux)
    history.l0.append(float((terms.active > 0).sum()) / len(x_BD))
    history.explained_variance.append(_explained(x_BD, terms.recon_BD))
    history.dead_share.append(float(dead_F.float().mean()))
    if held_BD is not None:
        x_BD = sae.normalise(held_BD)
        feats_BF = sae.features(x_BD)
        history.held_l0.append(float((feats_BF > 0).sum()) / len(x_BD))
        history.held_explained_variance.append(_explained(x_BD, sae.reconstruct(feats_BF)))


def _explained(x_BD: Tensor, recon_BD: Tensor) -> float:
    return 1.0 - float((x_BD - recon_BD).square().sum() / (x_BD - x_BD.mean(0)).square().sum().clamp_min(1e-30))


def _provenance(acts: Any, cfg: TrainConfig) -> dict[str, Any]:
    about = {"model": "lm_name", "point": "point", "acts": "key"}
    return {
        **{name: getattr(acts, attribute, None) for name, attribute in about.items()},
        "corpus": getattr(acts, "spec", {}).get("corpus"), "tokens": rows.count(acts), "seed": cfg.seed,
        "train": asdict(cfg), "train_version": TRAIN_VERSION,
        "versions": {"kosae_core": kosae_core.__version__, "torch": torch.__version__, "python": platform.python_version()},
    }  # fmt: skip
