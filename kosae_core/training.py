"""Training one sparse autoencoder: `train`, its checkpoints, and the cache of results."""

import json
import logging
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kosae_core import code, needs, provenance, ranks, rows, store
from kosae_core.live import giving_back
from kosae_core.sae import SAE, VARIANTS, SAEConfig, load_sae
from kosae_core.train_config import History, TrainConfig
from kosae_core.trainer import Trainer, peak_lr, pick_device

logger = logging.getLogger("kosae.training")
STAGE = (
    "base", "losses", "kernels", "loops", "cpu_kernels", "cpu_selection", "gpu_kernels", "gpu_selection", "inputs", "rows", "ranks", "parts",
    "schedules", "optimizers", "resampling", "trainer", "training",
)  # fmt: skip
"""The modules whose code decides what a training gives, beside the variant's own."""
Progress = Callable[[int, int, str], None]


def train(
    config: SAEConfig, acts: Any, train_config: TrainConfig | None = None, *, held: Any = None,
    progress: Progress | None = None, checkpoint: str | Path | None = None, checkpoint_every: int = 1000,
) -> tuple[SAE, History]:  # fmt: skip
    """Train an autoencoder on activations; with stores, a run that was made before is read back.

    With `checkpoint`, the state is written to that file every so many steps, at the end, and when the run is interrupted (Ctrl-C,
    SIGTERM); a run that finds the file goes on from it. Inside `distributed.together` all ranks make the same call, and train together.

    Shapes  `acts` and `held` are (tokens, d_model) tensors or activation stores.
    Raises  ValueError for activations that are empty, not finite (the row is named), or of two widths, and for a
            checkpoint of another run; needs.TooLarge where memory or the checkpoint's disk cannot hold it.
    Source  Adam with unit-norm decoder rows as Bricken et al. 2023; each variant's paper for its objective.
    """
    train_config = train_config or TrainConfig()
    saved = None if checkpoint is None else (Path(checkpoint), checkpoint_every)
    rows.check_rows(acts)
    if held is not None:
        rows.check_rows(held)
        if rows.width(held) != rows.width(acts):
            raise ValueError(f"held-out activations have width {rows.width(held)}, training ones {rows.width(acts)}.")
    key, held_key = getattr(acts, "key", None), getattr(held, "key", None)
    if key is None or (held is not None and held_key is None):
        return _run(config, acts, train_config, held, progress, saved)

    device = pick_device(train_config.device)
    version = code.version(VARIANTS[config.variant], STAGE)
    spec = {
        "sae": asdict(config), "train": asdict(train_config) | {"device": device.type}, "acts": key,
        "lr": peak_lr(config, train_config, rows.width(acts)),
        "held": held_key, "code": version,
    }  # fmt: skip

    def make(folder: Path) -> None:
        ranks.call("train")
        sae, history = _run(config, acts, train_config, held, progress, saved)
        sae.save(folder)
        (folder / "history.json").write_text(json.dumps(asdict(history)))

    ranks.led(lambda: store.made("sae", spec, make), lambda _: _run(config, acts, train_config, held, progress, saved))
    folder = store.folder_of("sae", spec)
    logger.info("%s SAE of %s", config.variant, key[:12])
    # read back also after training, so that the first and the second call give the same bits
    # of ranks each keeps it in the machine's memory, for one device may be too small
    sae = load_sae(folder).to(device if ranks.session is None else "cpu")
    return sae, History(**json.loads((folder / "history.json").read_text()))


@contextmanager
def _whole_steps(wanted: bool) -> Iterator[None]:
    """Let an interrupt (Ctrl-C, or a scheduler's SIGTERM) wait for the end of the block: else a checkpoint would be torn."""
    if not wanted or threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    caught = [
        signal.SIGINT,
        *([signal.SIGTERM] if ranks.alone() else []),
    ]  # of several, those that are told to end do so
    before = {number: signal.signal(number, lambda number, frame: waiting.append(number)) for number in caught}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if waiting:
        raise KeyboardInterrupt


@giving_back(needs.GIVEN_BACK)
def _run(
    config: SAEConfig, acts: Any, cfg: TrainConfig, held: Any, progress: Progress | None, saved: tuple[Path, int] | None
) -> tuple[SAE, History]:  # fmt: skip
    device = pick_device(cfg.device)
    with ranks.training(lambda: needs.fewest_parts(config, acts, cfg, device, held)):
        needs.require_room_to_train(config, acts, cfg, device, held, saved and saved[0])
        ranks.wait()  # what one takes is no longer free for another that looks later
        trainer = Trainer(config, acts, cfg, held)
        if saved and saved[0].exists():
            trainer.load(saved[0])
            logger.info("going on from step %d of %s", trainer.step, saved[0])
        trainer.sae.provenance = provenance.of(acts, cfg)
        logger.info(
            "training a %s SAE: %d features, %d steps of %d",
            config.variant,
            config.n_features,
            cfg.steps,
            cfg.batch_size,
        )
        try:
            while not trainer.done:
                with _whole_steps(bool(saved)):
                    logged = trainer.advance()
                if logged and progress and ranks.first():
                    seen = trainer.history
                    progress(trainer.step, cfg.steps, f"EV {seen.explained_variance[-1]:.3f}, L0 {seen.l0[-1]:.1f}")
                if saved and (trainer.step % saved[1] == 0 or trainer.done):
                    trainer.save(saved[0])
        except KeyboardInterrupt:
            if saved and ranks.alone():  # several do not stop at the same step
                trainer.save(saved[0])
            raise
        return trainer.finished()


if __name__ == "__main__":
    try:  # presets are files of the repository, and so is what reads them
        from pipeline.train_preset import main
    except ModuleNotFoundError as error:
        raise SystemExit(f"presets belong to the repository ({error}): run this in its folder.") from None
    raise SystemExit(main())
