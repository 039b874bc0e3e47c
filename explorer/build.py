"""Make the explorer: `python -m explorer.build [--preset default] [--sae kosae-lm-q2]` -> `_site/<lang>/explorer.html`.

Reads the activations and the SAE from the store, and makes what is not there. An unchanged second call takes a second.
"""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer import stamp
from explorer.site import DEFAULT, data_of, place, place_data
from explorer.sources import NoSource, Source, find_source, sources
from kosae_core import paths
from pipeline.progress import Progress, minutes

if TYPE_CHECKING:  # to see that nothing changed, torch need not be imported
    from kosae_core.study import Study

FAILED = "The explorer was not built: "
SECONDS_PER_FEATURE = 0.03
"""For the bar of the first run; measured on two cores with 4,000 and 2,000 texts in each language."""


def settings_of(preset: str) -> dict[str, Any]:
    """What a preset sets for all chapters.

    Raises  NoSource if there is no such preset, or its file cannot be read.
    """
    from pipeline import chapters

    try:
        common = chapters.read_preset(preset).common
    except chapters.PipelineError as error:
        raise NoSource(str(error)) from None
    return {key: value for key, value in common.items() if key in chapters.TEXTS}


def study_of(preset: str) -> Study:
    """The texts of a preset, as chapters 02 to 10 read them.

    Raises  NoSource if there is no such preset.
    """
    from kosae_core.study import Study

    return Study(**settings_of(preset))


def build(
    preset: str = "default",
    sae: str = DEFAULT,
    site: Path | None = None,
    step: Callable[[int, int, str], None] | None = None,
) -> list[Path]:
    """Make one SAE's data unless the site has them, and place the pages of both languages, which are returned.

    Raises  NoSource if there is no such preset or SAE; CorpusError where the texts cannot be read.
    """
    source, site = find_source(sae), site or paths.ROOT / "_site"
    key, target = stamp.key_of(source, settings_of(preset)), data_of(site, source.id)
    if not stamp.current(target, key):
        from explorer import bundle

        place_data(target, bundle.made(source, study_of(preset), step), key)
    return place(site)


def _show(source: Source, preset: str, site: Path) -> list[Path]:
    """Build with a bar on a terminal, and one line at the end."""
    if stamp.current(data_of(site, source.id), stamp.key_of(source, settings_of(preset))):
        print(f"The explorer's data of {source.id} are up to date.", flush=True)
        return build(preset, source.id, site)
    began, expected = time.monotonic(), SECONDS_PER_FEATURE * source.about["config"]["n_features"]
    with Progress("explorer", {source.id: expected}) as progress:
        progress.begin(source.id)
        pages = build(preset, source.id, site, lambda done, n, what: progress.step(source.id, done, n, what))
        progress.end(source.id, f"explorer ({preset}): {source.id}, {minutes(time.monotonic() - began)}")
    return pages


def _left_out(source: Source, preset: str) -> str | None:
    """Why a book of this preset has no such SAE in its explorer, if so."""
    lm_name = settings_of(preset).get("lm_name", source.lm_name)
    if lm_name == source.lm_name:
        return None
    return (
        f"The explorer is left as it is: the chapters of {preset} read {lm_name}, and {source.id} is an SAE of {source.lm_name}; "
        f"`make explorer PRESET={preset} SAE=...` shows one of theirs, which `make explorer PARAMS=--list` names."
    )


def main(arguments: list[str] | None = None) -> int:
    """Command line: build, and print where the pages are."""
    parser = argparse.ArgumentParser(prog="python -m explorer.build", description=__doc__)
    parser.add_argument("--preset", default="default", help="whose texts features are shown on (default: %(default)s)")
    parser.add_argument("--sae", default=DEFAULT, help="the SAE, as --list names it (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="name the SAEs that there are, and end")
    parser.add_argument("--site", type=Path, default=paths.ROOT / "_site", help="where the book is (default: _site)")
    parser.add_argument("--book", action="store_true", help="for a book: none if its chapters read another model")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if options.list:
        for source in sources().values():
            print(f"{source.id:40} {source.title}")
        return 0
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # the live server ends this process so; nothing may be left
    try:
        source = find_source(options.sae)
        if options.book and (reason := _left_out(source, options.preset)):
            print(reason)
            return 0
        pages = _show(source, options.preset, options.site)
    except (ValueError, OSError, RuntimeError) as error:  # NoSource, CorpusError and DamagedEntry among them
        print(f"{FAILED}{error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: nothing of the explorer was left half made.", file=sys.stderr)
        return 130
    for path in pages:
        print(os.path.relpath(path))
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the live server ends it so, and nothing may be left
    sys.exit(main())
