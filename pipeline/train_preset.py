"""Gather and train, before any chapter runs, the autoencoders that a preset's chapters share.

    python -m kosae_core.training exaone
    torchrun --nproc-per-node 4 -m kosae_core.training exaone

Both leave the same entries in the store, where the chapters find them. The second shares the work out over processes, and the
features of a dictionary too where one device is too small for it, or where --shard says so.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from kosae_core import distributed, paths, ranks, store
from kosae_core.lm import LanguageModel
from kosae_core.loading import load_lm
from kosae_core.needs import TooLarge
from kosae_core.readers import CorpusError
from kosae_core.study import Study
from pipeline import chapters as ch
from pipeline import work
from pipeline.before import before_running
from pipeline.execute import parse_value

SECONDS = 5
"""Between two lines of progress."""
Wanted = tuple[Study, str, str, str]
"""A study, and the variant, language and hook point of one of its autoencoders."""


def language_model(preset: ch.Preset, chapters: list[ch.Chapter], extra: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The one language model that the chapters read, and how it is loaded."""
    read = [preset.parameters(chapter, extra_of(chapter, extra)) for chapter in chapters]
    named = [(p["lm_name"], p["lm_options"]) for p in read if "lm_name" in p]
    if not named or any(one != named[0] for one in named):
        n = len({json.dumps(one, sort_keys=True) for one in named})
        raise ch.PipelineError(f"{preset.name} names {n} language models here, and one is trained on at a time.")
    return named[0]


def extra_of(chapter: ch.Chapter, extra: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in extra.items() if name in chapter.parameters}


def shared(preset: ch.Preset, chapters: list[ch.Chapter], extra: dict[str, Any], lm: LanguageModel) -> list[Wanted]:
    """The autoencoders that chapters take from their study, each once."""
    found: dict[str, Wanted] = {}
    for chapter in chapters:
        p = preset.parameters(chapter, extra_of(chapter, extra))
        for run in work.of(chapter.stem, p, lm.n_blocks):
            if isinstance(run, work.Run) and run.held and run.stays:  # as `Study.sae` trains them
                source = run.source
                study = Study(
                    corpus=source.corpus, lm_name=p["lm_name"], lm_options=p["lm_options"], n_train=p["n_train"],
                    n_test=p["n_test"], points=(p["middle"], p["late"]), n_features=run.n_features, k=p["k"], steps=run.steps,
                    batch_size=run.batch_size, seed=run.seed,
                )  # fmt: skip
                wanted = study, run.variant, source.lang, source.point
                found[json.dumps([asdict(study), *wanted[1:]])] = wanted
    for study, *_ in found.values():
        vars(study)["lm"] = lm  # several studies read one model
    return list(found.values())


def train_all(wanted: list[Wanted], checkpoint_every: int) -> None:
    """Train what is not in the store; a checkpoint stands in the build folder until an autoencoder is there."""
    for number, (study, variant, lang, point) in enumerate(wanted, 1):
        key = store.key_of({**asdict(study), "sae": [variant, lang, point]})[:16]
        checkpoint = paths.build_dir() / "checkpoints" / f"{variant}-{key}.pt"
        what = f"{number} of {len(wanted)}: {variant} {lang} {point} ({study.corpus})"
        study.sae(variant, lang, point, checkpoint=checkpoint, checkpoint_every=checkpoint_every, progress=lines(what))
        if ranks.first():
            checkpoint.unlink(missing_ok=True)
            print(f"{what}: in the store", flush=True)


def lines(what: str) -> Callable[[int, int, str], None]:
    """A callback that prints where a training stands, now and then."""
    last = [0.0]

    def progress(done: int, total: int, text: str) -> None:
        if time.monotonic() - last[0] > SECONDS or done == total:
            last[0] = time.monotonic()
            print(f"{what}: step {done} of {total}, {text}", flush=True)

    return progress


def run(options: argparse.Namespace) -> None:
    """What the command does, in every process."""
    extra = {name: parse_value(value) for name, value in options.p}
    preset = ch.read_preset(options.preset)
    chapters = [chapter for chapter in ch.read_chapters(options.only) if preset.runs(chapter)]
    for name in extra:
        if not any(name in chapter.parameters for chapter in chapters):
            raise ch.PipelineError(f"no chapter of {preset.name} has a parameter {name!r}.")
    name, how = language_model(preset, chapters, extra)
    with distributed.together(options.shard):
        if ranks.share()[1] == 1:  # several share what it needs, and each looks at its own as it trains
            print(before_running(options.preset, extra, [chapter.stem for chapter in chapters])[0], flush=True)
        lm = load_lm(name, **how)
        wanted = shared(preset, chapters, extra, lm)
        if ranks.first():
            print(f"{preset.name}: {len(wanted)} autoencoders of {name}, by {ranks.share()[1]} process(es)", flush=True)
        train_all(wanted, options.checkpoint_every)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m kosae_core.training",
        description="Gather and train the autoencoders that a preset's chapters share, in as many processes as torchrun starts.",
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
