"""Make the explorer: `python -m explorer.build [--preset default] [--sae kosae-lm-q2]` -> `_site/<lang>/explorer.html`.

Reads the activations and the SAE from the store, and makes what is not there. An unchanged second call only copies files.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from pathlib import Path

from explorer import bundle
from explorer.site import DEFAULT, place
from explorer.sources import NoSource, find_source
from kosae_core import paths
from kosae_core.readers import CorpusError
from kosae_core.study import Study

COMMON = ("corpus", "lm_name", "n_train", "n_test", "n_features", "k", "steps", "batch_size", "seed", "dtype")


def study_of(preset: str, root: Path = paths.ROOT) -> Study:
    """The texts of a preset, as chapters 02 to 10 read them.

    Raises  NoSource if there is no such preset.
    """
    import yaml

    file = root / "chapters" / "presets" / f"{preset}.yaml"
    if not file.is_file():
        have = sorted(each.stem for each in file.parent.glob("*.yaml"))
        raise NoSource(f"there is no preset {preset!r}; there are {', '.join(have) or 'none'}.")
    common = (yaml.safe_load(file.read_text("utf-8")) or {}).get("common", {})
    return Study(**{key: value for key, value in common.items() if key in COMMON})


def build(
    preset: str = "default", sae: str = DEFAULT, site: Path | None = None, progress: bundle.Progress | None = None
) -> list[Path]:
    """Make one SAE's data and place it in the site; returns the pages of both languages."""
    source = find_source(sae)
    folder = bundle.made(source, study_of(preset), progress)
    return place(site or paths.ROOT / "_site", folder, source.id)


def main(arguments: list[str] | None = None) -> int:
    """Command line: build, and print where the pages are."""
    parser = argparse.ArgumentParser(prog="python -m explorer.build", description=__doc__)
    parser.add_argument("--preset", default="default", help="whose texts features are shown on (default: %(default)s)")
    parser.add_argument("--sae", default=DEFAULT, help="the SAE, as --list names it (default: %(default)s)")
    parser.add_argument("--list", action="store_true", help="name the SAEs that there are, and end")
    parser.add_argument("--site", type=Path, help="where the book is (default: _site)")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if options.list:
        from explorer.sources import sources

        for source in sources().values():
            print(f"{source.id:40} {source.title}")
        return 0
    began, shown = time.monotonic(), [0.0]

    def progress(done: int, total: int, what: str) -> None:
        if done == total or time.monotonic() - shown[0] > 5:
            shown[0] = time.monotonic()
            print(f"  {what}: {100 * done // total}%", file=sys.stderr, flush=True)

    try:
        pages = build(options.preset, options.sae, options.site, progress)
    except (NoSource, CorpusError, ValueError, OSError) as error:
        print(f"The explorer was not built: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("Interrupted: nothing was left half made.", file=sys.stderr)
        return 130
    for path in pages:
        print(os.path.relpath(path))
    print(f"({time.monotonic() - began:.0f} s)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
