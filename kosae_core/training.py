"""Training one sparse autoencoder: the loop, dead features, and the cache of results."""

import json
import logging
import platform
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

import kosae_core
from kosae_core import rows, store
from kosae_core.sae import SAE, VARIANTS, Objective, SAEConfig, load_sae
from kosae_core.schedules import k_at, ramp, toward_l0, trapezoid
from kosae_core.train_config import History, TrainConfig

logger = logging.getLogger("kosae.training")
TRAIN_VERSION = 1
STATISTICS_ROWS = 262_144
Progress = Callable[[int, int, str], None]


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


def _check_options(config: SAEConfig, cfg: TrainConfig) -> None:
    """Refuse a target or a schedule that means nothing to the variant."""
    if cfg.target_l0 is not None and config.sparsity is None:
        raise ValueError(f"target_l0 needs a variant with a sparsity coefficient; {config.variant} is set by k.")
    if cfg.k_start is not None and (config.k is None or not config.k <= cfg.k_start <= config.n_features):
        raise ValueError(f"k_start must lie between k ({config.k}) and n_features ({config.n_features}).")


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
    _check_options(config, cfg)
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

    strength = 1.0
    for step in range(cfg.steps):
        sae.progress = step / cfg.steps
        if cfg.k_start is not None:
            sae.k = k_at(step, cfg.steps, start=cfg.k_start, end=config.k, share=cfg.k_share, shape=cfg.k_shape)
        for group in optimizer.param_groups:
            group["lr"] = peak * trapezoid(step, cfg.steps, warmup=cfg.warmup, decay=cfg.decay, floor=cfg.floor)
        x_BD = sae.normalise(next(batches))
        weight = strength * ramp(step, cfg.steps, warmup=cfg.sparsity_warmup)
        terms = sae.objective(x_BD, weight, silent_F > dead_after)
        loss = terms.mse + terms.sparsity + terms.aux
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        sae.remove_parallel_gradient()
        if cfg.clip:
            nn.utils.clip_grad_norm_(sae.parameters(), cfg.clip)
        optimizer.step()
        sae.normalise_decoder()
        silent_F = torch.where(terms.fired_F, 0, silent_F + len(x_BD))
        if cfg.target_l0 is not None:
            strength = toward_l0(strength, int((terms.active > 0).sum()) / len(x_BD), cfg.target_l0)

        if step % cfg.log_every == 0 or step == cfg.steps - 1:
            if not torch.isfinite(loss):
                raise ValueError(
                    f"the loss is not finite at step {step}: lower lr (now {peak:g}) or look at the activations."
                )
            _log(history, step, terms, x_BD, silent_F > dead_after, sae, held_BD)
            if cfg.target_l0 is not None:
                history.strength.append(strength)
            if progress:
                progress(step + 1, cfg.steps, f"EV {history.explained_variance[-1]:.3f}, L0 {history.l0[-1]:.1f}")
        if sae.resamples and resample_every and (step + 1) % resample_every == 0 and step < 0.6 * cfg.steps:
            dead_F = silent_F > dead_after
            if dead_F.any():
                resample(sae, dead_F, sae.normalise(next(batches)), optimizer, generator)
                silent_F[dead_F] = 0
    sae.progress, sae.k = 1.0, config.k
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
