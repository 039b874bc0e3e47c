"""Gather and train, before any chapter runs, the activations and autoencoders that a preset's chapters ask for.

    python -m kosae_core.training exaone
    torchrun --nproc-per-node 4 -m kosae_core.training exaone

Both leave the same entries in the store, where the chapters find them. The second shares the work out over processes, and the
features of a dictionary too where one device is too small for it, or where --shard says so.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from kosae_core import distributed, paths, ranks, store
from kosae_core.activations import ActivationStore, gather
from kosae_core.lm import LanguageModel
from kosae_core.loading import load_lm
from kosae_core.needs import TooLarge
from kosae_core.readers import CorpusError
from kosae_core.sae import VARIANTS
from kosae_core.training import train
from pipeline import chapters as ch
from pipeline import work
from pipeline.before import before_running
from pipeline.execute import parse_value

SECONDS = 5
"""Between two lines of progress."""


def language_model(name: str, parameters: dict[str, work.Parameters]) -> tuple[str, dict[str, Any]]:
    """The one language model that the chapters of a preset read, and how it is loaded."""
    named = [(p["lm_name"], p["lm_options"]) for p in parameters.values() if "lm_name" in p]
    if not named or any(one != named[0] for one in named):
        n = len({json.dumps(one, sort_keys=True) for one in named})
        raise ch.PipelineError(f"{name} names {n} language models here, and one is trained on at a time.")
    return named[0]


def asked_for(parameters: dict[str, work.Parameters], n_blocks: int) -> tuple[list[work.Store], list[work.Run]]:
    """The activations and the kept autoencoders of the chapters, each once, in the order in which they ask.

    Without what the model writes itself, and without variants that a chapter defines by itself.
    """
    parts = [part for stem, each in parameters.items() for part in work.of(stem, each, n_blocks)]
    runs = {part: None for part in parts if isinstance(part, work.Run) and isinstance(part.source, work.Store)}
    read = (store for part in parts for store in ([part] if isinstance(part, work.Store) else [part.source, part.held]))
    stores = {store: None for store in read if isinstance(store, work.Store) and store.corpus != "generated"}
    return list(stores), [run for run in runs if run.variant in VARIANTS]


def gather_all(lm: LanguageModel, stores: list[work.Store]) -> dict[work.Store, ActivationStore]:
    """The activations, each set of sentences run through the model once for all its points."""
    sets: dict[work.Store, list[work.Store]] = {}
    for each in stores:
        sets.setdefault(dataclasses.replace(each, point=""), []).append(each)
    found: dict[work.Store, ActivationStore] = {}
    for of, members in sets.items():
        what = " ".join(part for part in (of.corpus, of.split, of.lang) if part)
        points = [each.point for each in members]
        made = gather(lm, of.records(), points, progress=lines(f"gathering {what}", "token"))
        found |= {each: made[each.point] for each in members}
    return found


def train_all(runs: list[work.Run], acts: dict[work.Store, ActivationStore], checkpoint_every: int) -> None:
    """Train what is not in the store; a checkpoint stands in the build folder until an autoencoder is there."""
    for number, run in enumerate(runs, 1):
        source = run.source
        assert isinstance(source, work.Store)
        key = store.key_of(asdict(run) | {"acts": acts[source].key})[:16]
        checkpoint = paths.build_dir() / "checkpoints" / f"{run.variant}-{key}.pt"
        of = f"{run.variant}{f' k={run.k}' if run.k else ''} {source.lang} {source.point} ({source.corpus})"
        what = f"{number} of {len(runs)}: {of}, {run.n_features} features"
        config, schedule = run.settings()
        if ranks.first() and checkpoint.exists():
            print(f"{what}: going on from its checkpoint", flush=True)
        train(
            config, acts[source], schedule, held=run.held and acts[run.held], checkpoint=checkpoint,
            checkpoint_every=checkpoint_every, progress=lines(what),
        )  # fmt: skip
        if ranks.first():
            checkpoint.unlink(missing_ok=True)
            print(f"{what}: in the store", flush=True)


def lines(what: str, unit: str = "step") -> Callable[[int, int, str], None]:
    """A callback that prints where a training stands, now and then."""
    last = [0.0]

    def progress(done: int, total: int, text: str) -> None:
        if time.monotonic() - last[0] > SECONDS or done == total:
            last[0] = time.monotonic()
            print(f"{what}: {unit} {done} of {total}{f', {text}' if unit == 'step' else ''}", flush=True)

    return progress


def run(options: argparse.Namespace) -> None:
    """What the command does, in every process."""
    extra = {name: parse_value(value) for name, value in options.p}
    preset = ch.read_preset(options.preset).asked(options.only)
    chapters = [chapter for chapter in ch.read_chapters(options.only) if preset.runs(chapter)]
    parameters = preset.all_parameters(chapters, extra)
    name, how = language_model(preset.name, parameters)
    with distributed.together(options.shard):
        if ranks.share()[1] == 1:  # several share what it needs, and each looks at its own as it trains
            print(before_running(options.preset, extra, list(parameters), options.only)[0], flush=True)
        lm = load_lm(name, **how)
        stores, runs = asked_for(parameters, lm.n_blocks)
        if ranks.first():
            what = f"{len(stores)} stores and {len(runs)} autoencoders of {name}"
            print(f"{preset.name}: {what}, by {ranks.share()[1]} process(es)", flush=True)
        train_all(runs, gather_all(lm, stores), options.checkpoint_every)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kosae_core.training",
        description="Gather and train what a preset's chapters ask for, in as many processes as torchrun starts.",
    )
    parser.add_argument("preset", metavar="PRESET", help="a file of chapters/presets, by its name or path")
    parser.add_argument("--only", help="chapters to train for, by stem or number, separated by commas")
    parser.add_argument(
        "--shard", type=int, metavar="N", help="cut each dictionary into N parts (default: as few as fit)"
    )
    parser.add_argument("--checkpoint-every", type=int, default=500, metavar="STEPS", help="(default: %(default)s)")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    return parser


def main(argv: list[str] | None = None) -> int:
    rank, world = int(os.environ.get("RANK", 0)), int(os.environ.get("WORLD_SIZE", 1))
    if rank:  # the first complains for all
        logging.getLogger("transformers").setLevel(logging.ERROR)
    options = _parser().parse_args(argv)
    who = f"rank {rank} of {world}: " if world > 1 else ""
    try:
        if options.checkpoint_every < 1:
            raise ch.PipelineError(f"--checkpoint-every must be at least 1, not {options.checkpoint_every}.")
        run(options)
    except (ch.PipelineError, CorpusError, TooLarge, ValueError, FileNotFoundError) as error:
        print(f"{who}{' '.join(str(error).split())}", file=sys.stderr, flush=True)
        return 1
    except RuntimeError as error:
        if not distributed.is_loss_of_rank(error):
            raise
        print(
            f"{who}another rank has ended or does not answer ({' '.join(str(error).split())[:200]}); its own error is the one to "
            "read. The same command goes on from the last checkpoint.",
            file=sys.stderr, flush=True,
        )  # fmt: skip
        return 1
    return 0
