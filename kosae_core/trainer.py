"""The training loop: one step after another, a state that can be written down, and what is seen on the way."""

import logging
import math
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from kosae_core import optimizers, parts, ranks, rows
from kosae_core.inputs import fit_inputs
from kosae_core.resampling import lift_after, patience, resample
from kosae_core.sae import SAE, VARIANTS, SAEConfig
from kosae_core.schedules import k_at, ramp, toward_l0, trapezoid
from kosae_core.train_config import History, TrainConfig

logger = logging.getLogger("kosae.training")


def peak_lr(config: SAEConfig, cfg: TrainConfig, d_model: int) -> float:
    """The learning rate asked for, else the variant's, scaled from d_model 256 by the inverse square root of the width."""
    return cfg.lr if cfg.lr is not None else VARIANTS[config.variant].lr * (256 / d_model) ** 0.5


def pick_device(name: str | None) -> torch.device:
    """The device of that name; None: CUDA where there is one, else the CPU."""
    return torch.device(name or ("cuda" if torch.cuda.is_available() else "cpu"))


def _warn_of_slow_products(cfg: TrainConfig, device: torch.device) -> None:
    """Say so where bf16 would be many times slower than fp32, since the processor cannot multiply it."""
    if cfg.precision == "bf16" and device.type == "cpu":
        can = torch.cpu.get_capabilities()
        if can.get("architecture") == "x86_64" and not (can.get("avx512_bf16") or can.get("amx_bf16")):
            logger.warning("this processor has no bf16 products, so that precision='bf16' is slower here than 'fp32'.")


def _check_options(config: SAEConfig, cfg: TrainConfig) -> None:
    """Refuse a target or a schedule that means nothing to the variant, and numbers that the device's kernels do not have."""
    if cfg.precision == "fp64" and pick_device(cfg.device).type != "cpu":
        raise ValueError("precision='fp64' is for a CPU: say device='cpu' too.")
    if cfg.target_l0 is not None and config.sparsity is None:
        raise ValueError(f"target_l0 needs a variant with a sparsity coefficient; {config.variant} is set by k.")
    if cfg.k_start is not None and (config.k is None or not config.k <= cfg.k_start <= config.n_features):
        raise ValueError(f"k_start must lie between k ({config.k}) and n_features ({config.n_features}).")
    if cfg.compile and not ranks.alone():
        raise ValueError("compile is for one process: leave it out where several share a training.")
    if cfg.decoder_norm == "free" and not VARIANTS[config.variant].weighs_rows:
        raise ValueError(
            f"decoder_norm='free' needs a penalty on the size of features, which {config.variant} has not."
        )


@dataclass
class Seen:
    """What one step has seen of its batch, for the history and the controllers."""

    mse: float = 0.0
    sparsity: float = 0.0
    aux: float = 0.0
    l0: float = 0.0
    explained_variance: float = 0.0

    @property
    def loss(self) -> float:
        return self.mse + self.sparsity + self.aux

    def agree(self) -> None:
        """Take in what the other ranks have seen; `explained_variance` is theirs already."""
        if not ranks.alone():
            self.mse, self.aux = ranks.mean(torch.tensor([self.mse, self.aux], dtype=torch.float64)).tolist()
            self.sparsity, self.l0 = ranks.total(torch.tensor([self.sparsity, self.l0], dtype=torch.float64)).tolist()


class Trainer:
    """One autoencoder in training.

    All that decides the next step is in `state`: weights, Adam's moments, the generator, the order of the tokens that are
    left, how long each feature has been silent. A run that goes on from it ends with the same bits on the same machine.
    """

    def __init__(self, config: SAEConfig, acts: Any, cfg: TrainConfig, held: Any = None) -> None:
        _check_options(config, cfg)
        self.config, self.cfg, self.acts = config, cfg, acts
        self.device = pick_device(cfg.device)
        _warn_of_slow_products(cfg, self.device)
        self.generator = torch.Generator().manual_seed(cfg.seed)
        self.sae = VARIANTS[config.variant](config, rows.width(acts), self.generator)
        self.sae.free_rows = cfg.decoder_norm == "free"
        fit_inputs(self.sae, acts)
        parts.check(self.sae, cfg.batch_size, cfg.accumulate, cfg.optimizer)
        parts.change_parameters(self.sae, parts.cut)
        self.sae.to(self.device, torch.float64 if cfg.precision == "fp64" else None).train()
        held_BD = None if held is None else torch.cat(list(rows.in_order(held, 8192, cfg.held_tokens)))
        self.held_BD = None if held_BD is None else held_BD.to(self.device)
        self.peak = peak_lr(config, cfg, self.sae.d_model)
        self.optimizers = optimizers.make(self.sae, cfg, self.peak)
        self.objective = torch.compile(self.sae.objective) if cfg.compile else self.sae.objective
        self.average = [p.detach().clone() for p in self.sae.parameters()] if cfg.ema else []
        self.batches = rows.shuffled(acts, cfg.batch_size, self.generator)
        self.dead_after = cfg.dead_after if cfg.dead_after is not None else patience(config, cfg)
        self.lift_after = None if cfg.lift == 0 else lift_after(config, cfg)
        self.resample_every = cfg.resample_every if cfg.resample_every is not None else max(10, cfg.steps // 10)
        self.silent_F = torch.zeros(len(self.sae.W_dec_FD), dtype=torch.long, device=self.device)
        self.step, self.strength, self.history = 0, 1.0, History()

    @property
    def done(self) -> bool:
        return self.step >= self.cfg.steps

    def advance(self) -> bool:
        """Take one step; say whether the history got a row.

        Raises  ValueError when the loss is not finite.
        """
        cfg, sae, step = self.cfg, self.sae, self.step
        sae.progress = step / cfg.steps
        if cfg.k_start is not None:
            sae.k = k_at(step, cfg.steps, start=cfg.k_start, end=self.config.k, share=cfg.k_share, shape=cfg.k_shape)
        factor = trapezoid(step, cfg.steps, warmup=cfg.warmup, decay=cfg.decay, floor=cfg.floor, shape=cfg.lr_shape)
        for group in (group for optimizer in self.optimizers for group in optimizer.param_groups):
            group["lr"] = self.peak * factor
        logged = step % cfg.log_every == 0 or step == cfg.steps - 1
        seen = self._descend(self._draw(), self.strength * ramp(step, cfg.steps, warmup=cfg.sparsity_warmup), logged)
        if logged:
            if not math.isfinite(seen.loss):
                raise ValueError(
                    f"the loss is not finite at step {step}: lower lr (now {self.peak:g}) or look at the activations."
                )
            self._log(seen)
        if sae.resamples and self.resample_every and (step + 1) % self.resample_every == 0 and step < 0.6 * cfg.steps:
            dead_F = self.silent_F > self.dead_after
            if ranks.any_feature(bool(dead_F.any())):
                given_N = resample(sae, dead_F, sae.normalise(next(self.batches)), self.optimizers, self.generator)
                self.silent_F[given_N] = 0
        self.step += 1
        return logged

    def _draw(self) -> Tensor:
        """This rank's rows of the next batch, normalised."""
        return self.sae.normalise(ranks.rows_of(next(self.batches)))

    def _descend(self, x_BD: Tensor, weight: float, logged: bool) -> "Seen":
        """One step down the gradient of a batch, taken in parts; what was seen of it, in full where it is `logged`."""
        cfg, sae, seen = self.cfg, self.sae, Seen()
        dead_F = self.silent_F > self.dead_after
        fired_F, left = torch.zeros_like(dead_F), x_BD.new_zeros(())
        for optimizer in self.optimizers:
            optimizer.zero_grad(set_to_none=True)
        for part_BD in x_BD.chunk(cfg.accumulate):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=cfg.precision == "bf16"):
                terms = self.objective(part_BD, weight, dead_F)
            ((terms.mse + terms.sparsity + terms.aux) / cfg.accumulate).backward()
            with torch.no_grad():
                fired_F |= terms.code.fired()
                if logged or cfg.target_l0 is not None:
                    seen.l0 += float(terms.code.l0()) / cfg.accumulate
                if logged:
                    seen.mse += float(terms.mse) / cfg.accumulate
                    seen.sparsity += float(terms.sparsity) / cfg.accumulate
                    seen.aux += float(terms.aux) / cfg.accumulate
                    left += (sae.target(part_BD) - terms.recon_BD).square().sum()
        if logged:
            seen.explained_variance = _explained(sae.target(x_BD), left)
        if logged or cfg.target_l0 is not None:
            seen.agree()
        fired_F = ranks.any_row(fired_F)
        ranks.average_gradients(sae)
        sae.remove_parallel_gradient()
        norm = parts.gradient_norm(sae) if cfg.clip else None
        if norm is not None and (self.device.type != "cpu" or norm > cfg.clip):  # a GPU would be waited for
            nn.utils.clip_grads_with_norm_(sae.parameters(), cfg.clip, norm)
        for optimizer in self.optimizers:
            optimizer.step()
        sae.normalise_decoder()
        self.silent_F = torch.where(fired_F, 0, self.silent_F + len(x_BD) * ranks.n_rows())
        if self.lift_after is not None:
            with torch.no_grad():
                sae.lift_silent(self.silent_F > self.lift_after, sae.lift if cfg.lift is None else cfg.lift)
        for mean, parameter in zip(self.average, sae.parameters(), strict=bool(self.average)):
            mean.lerp_(parameter.detach(), 1 - min(cfg.ema, self.step / (self.step + 10)))
        if cfg.target_l0 is not None:
            self.strength = toward_l0(self.strength, seen.l0, cfg.target_l0)
        return seen

    def finished(self) -> tuple[SAE, History]:
        """The autoencoder as it is used, and its history; ValueError when a weight is not finite."""
        parts.require_finite(self.sae, self.step)
        self.sae.progress, self.sae.k = 1.0, self.config.k
        if self.average:
            with torch.no_grad():
                for mean, parameter in zip(self.average, self.sae.parameters(), strict=True):
                    parameter.copy_(mean)
            self.sae.normalise_decoder()
        self.sae.fold_rows()
        self.sae.settle(self._draw, anew=bool(self.average) or self.cfg.k_start is not None)
        if ranks.n_features() > 1:
            parts.change_parameters(self.sae.cpu(), parts.whole)
        return self.sae.eval(), self.history

    @torch.no_grad()
    def _log(self, seen: "Seen") -> None:
        history, sae = self.history, self.sae
        history.step.append(self.step)
        for name in ("loss", "mse", "sparsity", "aux", "l0", "explained_variance"):
            getattr(history, name).append(getattr(seen, name))
        history.dead_share.append(float(ranks.mean_over_features((self.silent_F > self.dead_after).float())))
        if self.cfg.target_l0 is not None:
            history.strength.append(self.strength)
        if self.held_BD is not None:
            x_BD = sae.normalise(self.held_BD)
            feats_BF = sae.features(x_BD)
            history.held_l0.append(float(ranks.total((feats_BF > 0).sum())) / len(x_BD))
            left = (sae.target(x_BD) - sae.reconstruct(feats_BF)).square().sum()
            history.held_explained_variance.append(_explained(sae.target(x_BD), left))

    @property
    def identity(self) -> dict[str, Any]:
        """What must be equal for a checkpoint to belong to this run."""
        train = asdict(self.cfg) | {"device": self.device.type}
        return {"sae": asdict(self.config), "train": train, "acts": rows.identity(self.acts)}

    def save(self, path: Path) -> None:
        """Write the state to `path`, whole or not at all, and not (ValueError) when a weight is not finite; of several ranks
        the first writes what all know."""
        parts.require_finite(self.sae, self.step)
        state = {
            "identity": self.identity, "step": self.step, "strength": self.strength, "history": asdict(self.history),
            "sae": self.sae.state_dict(), "optimizers": [o.state_dict() for o in self.optimizers],
            "average": self.average, "silent_F": self.silent_F,
            "generator": self.generator.get_state(), "order": self.batches.order.clone(),  # not all it is a part of
        }  # fmt: skip
        state = parts.change_state(state, self.sae, parts.at_first)
        if not ranks.first():
            return
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(path.name + ".partial")
        torch.save(state, partial)
        os.replace(partial, path)

    def load(self, path: Path) -> None:
        """Go on from the state at `path`.

        Raises  ValueError if it cannot be read, or is that of a run with other settings or activations.
        """
        try:
            state = torch.load(path, map_location="cpu", weights_only=True)
            found = state["identity"]
        except Exception as error:
            raise ValueError(f"the checkpoint {path} cannot be read; delete it to start anew.") from error
        for part, expected in self.identity.items():
            pairs = expected.items() if isinstance(expected, dict) else [(part, expected)]
            for name, value in pairs:
                before = found[part].get(name) if isinstance(expected, dict) else found[part]
                if before != value:
                    raise ValueError(
                        f"the checkpoint {path} is of another run: {name} was {before}, now {value}; "
                        "delete it or name another file."
                    )
        state = parts.change_state(state, self.sae, parts.cut)
        self.sae.load_state_dict(state["sae"])
        for optimizer, saved in zip(self.optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(saved)
        self.average = [mean.to(self.device) for mean in state["average"]]
        self.silent_F = state["silent_F"].to(self.device)
        self.generator.set_state(state["generator"])
        self.batches.order = state["order"]
        self.step, self.strength, self.history = state["step"], state["strength"], History(**state["history"])


def _explained(x_BD: Tensor, left: Tensor) -> float:
    """Explained variance about the mean of all ranks' rows, from the summed squared error; NaN where all rows are the same."""
    whole = ranks.mean((x_BD - ranks.mean(x_BD.mean(0))).square().sum())
    return 1.0 - float(ranks.mean(left) / whole) if whole > 0 else math.nan
