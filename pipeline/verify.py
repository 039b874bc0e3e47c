"""Hold fresh numbers against the committed ones: `python -m pipeline.verify [--preset default] [--reference]`.

Without --reference every chapter of the preset runs again in an empty build folder (build/verify) and its numbers are
compared with data/results/<preset>/; with it, the numbers of the last run become the committed ones.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kosae_core import paths
from kosae_core.results import load_results
from pipeline import chapters as ch
from pipeline.command import told
from pipeline.execute import Job, execute, plan, read_times

RELATIVE = 0.05
"""Tolerance of a record that names none, as a share of the reference value."""
SMALLEST_SHARE = 0.01
"""The least tolerance of a share, whose relative error means little near zero."""
_OF_THE_MACHINE = {"seconds", "minutes", "ms", "us", "MiB", "GiB", "MB", "GB", "bytes", "tokens/second", "steps/second"}


@dataclass(frozen=True)
class Difference:
    """One record or claim, before and now."""

    key: str
    reference: str
    fresh: str
    allowed: str
    agrees: bool


def compare_records(key: str, reference: dict[str, Any], fresh: dict[str, Any]) -> Difference:
    """Whether a number is within the tolerance of the reference; what measures the machine always is, unless it says so."""
    old, new, tolerance = reference["value"], fresh["value"], reference.get("tolerance")
    if isinstance(old, str) or isinstance(new, str):
        return Difference(key, str(old), str(new), "same", old == new)
    if tolerance is None and reference["unit"] in _OF_THE_MACHINE:
        return Difference(key, f"{old:.4g}", f"{new:.4g}", "any", True)
    if tolerance is None:
        tolerance = max(RELATIVE * abs(old), SMALLEST_SHARE if reference["unit"] in ("share", "accuracy") else 1e-9)
    return Difference(key, f"{old:.4g}", f"{new:.4g}", f"{tolerance:.2g}", abs(new - old) <= tolerance * (1 + 1e-9))


def compare(reference: dict[str, Any], fresh: dict[str, Any]) -> list[Difference]:
    """All records and claims of one chapter; what only one side has does not agree, a claim that is close may change."""
    found = []
    for kind in ("records", "claims"):
        old, new = reference[kind], fresh[kind]
        for key in dict.fromkeys([*old, *new]):
            if key not in old or key not in new:
                found.append(
                    Difference(key, "there" if key in old else "none", "there" if key in new else "none", "", False)
                )
            elif kind == "records":
                found.append(compare_records(key, old[key], new[key]))
            else:
                holds = [("no", "holds")[side[key]["holds"]] for side in (old, new)]
                close = any(side[key].get("close") for side in (old, new))
                found.append(Difference(key, *holds, "any" if close else "same", close or holds[0] == holds[1]))
    return found


def verify(preset: str, only: str | None = None) -> int:
    """Execute into an empty folder, compare, print; returns the exit status.

    Raises  PipelineError where there is nothing to compare with, or nothing to execute.
    """
    name = ch.read_preset(preset).name
    committed = paths.reference_dir(name)
    if not list(committed.glob("[0-9][0-9].json")):
        raise ch.PipelineError(
            f"there are no reference numbers of the preset {name} in {committed}: run make reference."
        )
    with _empty_build():
        jobs = _own(plan(preset, only), name)
        failures = execute(jobs)
        reference, fresh = load_results(committed), load_results(paths.results_dir(name))
    if failures:
        print(f"{len(failures)} chapters failed, so nothing is verified.", file=sys.stderr)
        return 1
    none: dict[str, Any] = {"records": {}, "claims": {}}
    chosen = {job.chapter.number for job in jobs} | (set() if only else set(reference))
    found = [d for number in sorted(chosen) for d in compare(reference.get(number, none), fresh.get(number, none))]
    return report(found, {key for document in fresh.values() for key in document["claims"]})


@contextlib.contextmanager
def _empty_build() -> Iterator[None]:
    """Build into a folder of the build folder, from nothing but the corpora that `make data` fetched."""
    scratch, fetched, before = paths.build_dir() / "verify", paths.downloads_dir(), dict(os.environ)
    shutil.rmtree(scratch, ignore_errors=True)
    os.environ["KOSAE_BUILD"] = str(scratch)
    if fetched.is_dir():
        os.environ["KOSAE_DATA_DIR"] = str(fetched)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


def _own(jobs: list[Job], name: str) -> list[Job]:
    """The jobs of chapters that a preset runs itself.

    Raises  PipelineError where there are none.
    """
    own = [job for job in jobs if job.run == name]
    if not own:
        stems = ", ".join(job.chapter.stem for job in jobs)
        raise ch.PipelineError(f"the preset {name} does not run {stems}: name one of its own chapters in ONLY.")
    return own


def report(found: list[Difference], claims: set[str]) -> int:
    """Print the table of differences and one line of summary; returns the exit status."""
    differ = [d for d in found if not d.agrees]
    if differ:
        rows = [("key", "reference", "now", "tolerance"), *((d.key, d.reference, d.fresh, d.allowed) for d in differ)]
        widths = [max(len(row[i]) for row in rows) for i in range(4)]
        for row in rows:
            print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    agree = [d for d in found if d.agrees]
    held = sum(d.key in claims for d in agree)
    print(f"{len(agree) - held} numbers and {held} claims agree with the reference; {len(differ)} do not.")
    return 1 if differ else 0


def make_reference(jobs: list[Job], preset: str, only: bool = False) -> list[Path]:
    """Copy the numbers (machine, versions and date are in them) and times of the last run to data/results/<preset>/.

    With `only` the jobs are some of the chapters, and what is there of the others stays.

    Raises  PipelineError where the preset runs none of them, or one is not executed.
    """
    target = paths.reference_dir(preset)
    copied = []
    for job in _own(jobs, preset):
        if not job.current():
            raise ch.PipelineError(
                f"{job.chapter.stem} is not executed with its present code: run `make chapters` first."
            )
        if job.results.exists():
            text = job.results.read_text(encoding="utf-8")
            ch.write_if_changed(target / job.results.name, text)
            copied.append(target / job.results.name)
    if not only:
        for path in target.glob("[0-9][0-9].json"):
            if path not in copied:
                path.unlink()
    ran = read_times(paths.build_dir() / "executed" / preset / "times.json")
    if only:
        ran = read_times(target / "times.json") | {
            j.chapter.stem: ran[j.chapter.stem] for j in jobs if j.chapter.stem in ran
        }
    if ran:
        ch.write_if_changed(target / "times.json", json.dumps(dict(sorted(ran.items())), indent=1) + "\n")
    return copied


@told(ch.PipelineError, ValueError)
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.verify", description="Compare with the reference numbers."
    )
    parser.add_argument("--preset", default="default")
    parser.add_argument("--only", help="chapters to verify, by stem or number (default: all of the preset)")
    parser.add_argument("--reference", action="store_true", help="make the numbers of the last run the reference")
    options = parser.parse_args(argv)
    if not options.reference:
        return verify(options.preset, options.only)
    name = ch.read_preset(options.preset).name
    copied = make_reference(plan(options.preset, options.only), name, bool(options.only))
    print(f"{len(copied)} chapters' numbers are now in {paths.reference_dir(name)}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
