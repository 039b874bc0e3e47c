"""Execute the chapters that changed: `python -m pipeline.execute [--preset ynat] [--only 05_probing] [-p k 64]`.

A chapter is executed again when its code cells, its parameters, the core, the shipped data or the corpora it reads
changed; its prose may change freely. Executed notebooks are kept under build/executed/<preset>/.
"""

from __future__ import annotations

import argparse
import ast
import contextlib
import json
import math
import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from kosae_core import paths
from pipeline import chapters as ch
from pipeline import inputs, kernel, side_by_side
from pipeline.command import told
from pipeline.progress import Progress, minutes

ANSI = re.compile(r"\x1b\[[0-9;]*m")
_FIRST_GUESS = 60.0
"""Seconds that a chapter is expected to take when nobody has measured it."""


@dataclass(frozen=True)
class Job:
    """One chapter with the settings it is to run with."""

    chapter: ch.Chapter
    run: str
    """The folder name of its outputs: the preset, and what PARAMS changed."""
    overrides: dict[str, Any]
    key: str

    @property
    def notebook(self) -> Path:
        return ch.executed_path(self.run, self.chapter)

    @property
    def results(self) -> Path:
        return paths.results_dir(self.run) / f"{self.chapter.number}.json"

    def current(self) -> bool:
        """Whether the stored outputs are those of the present code, parameters and data."""
        try:
            stored = json.loads(self.notebook.read_text(encoding="utf-8"))["metadata"]["kosae"]
            key, recorded = stored["key"], stored["results"]
        except (OSError, ValueError, KeyError, TypeError):
            return False
        cells = self.chapter.notebook.cells
        recorded = recorded or any("Results(" in cells[i].source for i in self.chapter.code)
        return key == self.key and (self.results.exists() or not recorded)


def plan(
    preset: str, only: str | None = None, extra: dict[str, Any] | None = None, *, asked: bool = False
) -> list[Job]:
    """The jobs of a preset; a chapter that the preset does not run stands as in `default`.

    With `asked`, those that `only` names run with the preset all the same: someone wants to see them so.

    Raises  PipelineError for an unknown chapter, preset or parameter, and for a model that PARAMS names and that is not to
            be had: a chapter that may do without one would run on the model inside instead.
    """
    chosen, fallback, extra = ch.read_preset(preset).asked(only if asked else None), None, extra or {}
    jobs, chapters = [], ch.read_chapters(only)
    chosen.all_parameters(chapters, extra)  # raises where none has one of them
    if "lm_name" in extra and not inputs.has_model(str(extra["lm_name"])):
        raise ch.PipelineError(
            f"the model {extra['lm_name']!r} is neither inside, nor a folder, nor downloaded, and the hub does not give it: "
            "correct lm_name in PARAMS, or connect to a network."
        )
    for chapter in chapters:
        used = chosen
        if not chosen.runs(chapter):
            used = fallback = fallback or ch.read_preset("default")
        parameters = used.parameters(chapter, extra)
        run = "+".join([used.name, *(f"{k}={v}" for k, v in extra.items() if k in parameters)])
        run = ch.folder_name(run)
        if "preset" in parameters:
            parameters["preset"] = run
        own = chapter.parameters
        overrides = {key: value for key, value in parameters.items() if value != own[key]}
        jobs.append(Job(chapter, run, overrides, inputs.content_key(chapter, parameters)))
    if not jobs:
        raise ch.PipelineError("there is no chapter in chapters/.")
    return jobs


def execute(jobs: list[Job], at_once: int | None = None, needed: dict[str, float] | None = None) -> list[str]:
    """Run the jobs that are not current, a few side by side; returns what failed, one paragraph each.

    `needed` is what is thought to be the memory of a chapter, in MiB, for one that has not run with these settings.
    """
    with _alone({job.run for job in jobs if not job.current()}):
        todo = [job for job in jobs if not job.current()]
        if len(todo) < len(jobs):
            fresh = len(jobs) - len(todo)
            print(f"{fresh} of {len(jobs)} chapters are up to date; nothing of them is executed.", flush=True)
        return _run(todo, at_once, needed or {}) if todo else []


@contextlib.contextmanager
def _alone(runs: set[str]) -> Iterator[None]:
    """No other process executes these runs meanwhile: the one that ends first would remove the results of the other.

    Raises  PipelineError where one does.
    """
    with contextlib.ExitStack() as held:
        for run in sorted(runs):
            folder = paths.build_dir() / "executed" / run
            folder.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(FileLock(folder / ".lock", timeout=0))
            except Timeout:
                raise ch.PipelineError(
                    f"another make is executing chapters of {run} in {folder}: wait until it ends, or set KOSAE_BUILD."
                ) from None
        yield


def _run(todo: list[Job], at_once: int | None, needed: dict[str, float]) -> list[str]:
    failures: list[str] = []
    began, at_once = time.monotonic(), min(at_once or side_by_side.default(), len(todo))
    expected = {job.chapter.stem: _known(job, "seconds", _FIRST_GUESS) for job in todo}
    threads = max(1, side_by_side.cores() // at_once)
    with Progress("execute", expected, at_once) as progress:
        waiting = [(job, _known(job, "peak_mib", needed.get(job.chapter.stem, math.inf))) for job in todo]
        if at_once > 1:  # the longest first, so that none is left to run alone at the end
            waiting.sort(key=lambda pair: -expected[pair[0].chapter.stem])
        for job, (failure, seconds, peak) in side_by_side.run(_execute_one, waiting, at_once, threads, progress):
            if failure:
                failures.append(failure)
                progress.end(job.chapter.stem, failure)
            else:
                _remember_time(job, seconds, peak)
                line = f"{job.chapter.stem} ({job.run}): {minutes(seconds)}, {peak / 2**20:,.0f} MiB"
                progress.end(job.chapter.stem, line)
    if len(todo) > 1:
        print(f"{len(todo)} chapters in {minutes(time.monotonic() - began)}, {at_once} at a time.", flush=True)
    return failures


def _execute_one(job: Job, threads: int, step: Callable[[int, int], None]) -> tuple[str | None, float, float]:
    """What failed, if anything, the seconds it took and the most memory, in bytes."""
    began = time.monotonic()
    with kernel.memory() as peak:
        failure = _attempt(job, threads, step)
    return failure, time.monotonic() - began, peak[0]


def _attempt(job: Job, threads: int, step: Callable[[int, int], None]) -> str | None:
    import papermill
    from nbclient.exceptions import DeadKernelError

    partial = job.notebook.with_suffix(".partial.ipynb")
    failed = job.notebook.with_suffix(".failed.ipynb")
    partial.parent.mkdir(parents=True, exist_ok=True)
    for path in (job.notebook, job.results, failed):
        path.unlink(missing_ok=True)
    try:
        with kernel.environment(job.run, threads):
            notebook = kernel.run(job.chapter.notebook, partial, job.overrides, step)
    except BaseException as error:
        job.results.unlink(missing_ok=True)
        if isinstance(error, papermill.PapermillExecutionError):
            os.replace(partial, failed)
            return _explain(job, error, failed)
        partial.unlink(missing_ok=True)
        if isinstance(error, DeadKernelError):
            return f"{job.chapter.stem} failed: its process was killed, most likely because memory ran out."
        raise
    notebook.metadata["kosae"] = {"key": job.key, "results": job.results.exists()}
    partial.unlink()
    _write_notebook(job.notebook, notebook)
    return None


def _write_notebook(path: Path, notebook: Any) -> None:
    import nbformat

    ch.write_if_changed(path, nbformat.writes(notebook) + "\n")


def _explain(job: Job, error: Any, kept: Path) -> str:
    place = f"cell {error.cell_index}"
    for i in job.chapter.code:
        if job.chapter.notebook.cells[i].source.strip() == str(error.source).strip():
            place = f"the cell at {job.chapter.at(i)}"
    lines = ANSI.sub("", "\n".join(error.traceback)).strip().splitlines()
    tail = "\n".join(f"    {line}" for line in lines[-12:])
    return (
        f"{job.chapter.stem} failed in {place}: {error.ename}: {error.evalue}\n{tail}\n    The notebook is kept: {kept}"
    )


def _times_path(run: str) -> Path:
    return paths.build_dir() / "executed" / run / "times.json"


def read_times(path: Path) -> dict[str, dict[str, float]]:
    """Seconds and memory of chapters, from a file that need not be there."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _known(job: Job, what: str, otherwise: float) -> float:
    """Seconds or memory of this chapter when it last ran; a smoke run takes less than the `default` it falls back on."""
    runs = [job.run] + ["default"] * (job.run == "smoke")
    for path in [_times_path(job.run), *(paths.reference_dir(run) / "times.json" for run in runs)]:
        known = read_times(path).get(job.chapter.stem)
        if known:
            return float(known[what])
    return otherwise


def _remember_time(job: Job, seconds: float, peak: float) -> None:
    path = _times_path(job.run)
    times = read_times(path) | {job.chapter.stem: {"seconds": round(seconds, 1), "peak_mib": round(peak / 2**20)}}
    ch.write_if_changed(path, json.dumps(dict(sorted(times.items())), indent=1) + "\n")


def parse_value(text: str) -> Any:
    """A parameter of the command line: a Python value where it is one (16, 1e-3, true, none), else a word."""
    words = {"true": True, "false": False, "none": None, "null": None}
    if text.lower() in words:
        return words[text.lower()]
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        return text


def _say_needs(preset: str, extra: dict[str, Any], stems: list[str], only: str | None) -> dict[str, float]:
    """Print what the chapters that are to run will need; returns the memory of each, in MiB.

    Raises  PipelineError when this machine cannot hold it.
    """
    if not stems:
        return {}
    from pipeline.before import before_running  # which needs this module, and imports much

    said, needed = before_running(preset, extra, stems, only)
    if said:
        print(said, flush=True)
    return needed


@told(
    ch.PipelineError,
    interrupted="Interrupted: the chapter that was running left nothing; the finished ones are kept.",
)
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.execute", description="Execute the chapters that changed."
    )
    parser.add_argument("--preset", default="default", help="a file of chapters/presets (default: %(default)s)")
    parser.add_argument("--only", help="chapters to run, by stem or number, separated by commas")
    parser.add_argument("--at-once", type=int, help="chapters to run side by side (default: 2 where there are 2 cores)")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    options = parser.parse_args(argv)
    if options.at_once is not None and options.at_once < 1:
        raise ch.PipelineError(f"--at-once must be at least 1, not {options.at_once}.")
    extra = {name: parse_value(value) for name, value in options.p}
    jobs = plan(options.preset, options.only, extra, asked=True)
    missing = {job.overrides["lm_name"] for job in jobs if "lm_name" in job.overrides}
    for name in sorted(name for name in missing if not inputs.has_model(name)):
        print(
            f"{name} cannot be reached: chapter 02 reads the model inside instead, and the others need it.",
            file=sys.stderr,
        )
    needed = _say_needs(options.preset, extra, [job.chapter.stem for job in jobs if not job.current()], options.only)
    failures = execute(jobs, options.at_once, needed)
    if failures:
        stems = ", ".join(text.split(" ", 1)[0] for text in failures)
        print(f"{len(failures)} of {len(jobs)} chapters failed: {stems}.", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
