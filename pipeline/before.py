"""What a run will need, said before it begins; one that this machine cannot hold is not begun."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import torch

from kosae_core import needs, paths
from pipeline import chapters as ch
from pipeline import work
from pipeline.facts import sentences
from pipeline.plan import Plan


def before_running(
    preset: str, extra: dict[str, Any], stems: list[str], only: str | None = None
) -> tuple[str, dict[str, float]]:
    """As `_before_running`, with what the chapters would say of a setting, later, as a PipelineError."""
    try:
        return _before_running(preset, extra, stems, only)
    except ValueError as error:
        raise ch.PipelineError(str(error)) from None


def _before_running(
    preset: str, extra: dict[str, Any], stems: list[str], only: str | None
) -> tuple[str, dict[str, float]]:
    """What these chapters will need, in a sentence for the one who starts them, and the memory of each, in MiB.

    Chapters that `only` names run with the preset even where it leaves them to `default`. Empty where none reads a language model.

    What the store holds already is not asked for again. A model or corpus of which nothing is known beforehand is left to
    `gather` and `train`, which look again.

    Raises  PipelineError when memory or disk cannot hold it, with the numbers and the knob; ValueError for a corpus that is
            not to be had, and for a setting that models, points or autoencoders do not know.
    """
    chosen = ch.read_preset(preset).asked(only)
    stems = [stem for stem in stems if work.CHAPTERS.get(stem)]
    if not stems:
        return "", {}
    try:
        made = Plan(chosen, extra)
        stems = [stem for stem in stems if stem in made.parts]  # the others the preset leaves to `default`
        if not stems:
            return "", {}
        if lost := _lost_corpora(made, stems):
            raise ValueError(lost[0])
        disk = sum(made.disk(stems).values())
    except ch.PipelineError as error:
        return f"What this run will need is not known: {error}", {}
    store = _bytes(paths.store_dir())
    largest = made.largest(stems)
    gpu = torch.cuda.is_available()
    device, ram = sum(made.memory(largest).values()), made.in_ram(largest)
    asked = [
        ("disk", max(0, disk - store), needs.free_disk(paths.store_dir()), "lower n_train, or set KOSAE_BUILD to a larger disk"),
        (f"memory in {largest}", ram + (0 if gpu else device), needs.free_memory(), "lower n_features, batch_size or n_train there"),
    ]  # fmt: skip
    if gpu:
        free = sum(
            needs.free_memory(f"cuda:{n}") for n in range(torch.cuda.device_count())
        )  # a model is spread over all
        asked.append((f"GPU memory in {largest}", device, free, "lower n_features or batch_size there"))
    for what, needed, there, knob in asked:
        if needed > there:
            raise ch.PipelineError(
                f"this run needs about {needs.gb(needed)} of {what}, and {needs.gb(there)} are free: {knob}. "
                f"make plan PRESET={preset} says what takes it."
            )
    said = f"{chosen.name} needs about " + ", ".join(
        f"{needs.gb(n)} of {what} ({needs.gb(there)} free)" for what, n, there, _ in asked
    )
    parts = {name: n for name, n in made.memory(largest).items() if n} | {"the rest": made.in_ram(largest)}
    said += f"; in {largest} " + ", ".join(f"{name} {needs.gb(n)}" for name, n in parts.items())
    return said, {stem: made.process(stem) / 2**20 for stem in stems}


def _lost_corpora(made: Plan, stems: list[str]) -> list[str]:
    """Why a corpus of these chapters cannot be read, for each that cannot: better known before the first chapter."""
    names = sorted({store.corpus for store in made.work(stems).stores} - {"generated", "synthetic"})
    whys = (sentences(name, "train", "", paths.corpora_dir())[2] for name in names)
    return [why for why in whys if why]


def _bytes(folder: Path) -> int:
    """What is in a folder that another process may be filling."""
    total = 0
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total
