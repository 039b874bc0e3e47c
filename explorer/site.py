"""The explorer in a site: pages and their scripts per language, and the data of every SAE beside the languages."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Any

from explorer import page
from explorer.scripts import read_script
from kosae_core import paths

LANGS = ("ko", "en")
DEFAULT = "kosae-lm-q2"
"""The SAE that comes with the project, under the name by which the explorer knows it."""


def data_of(site: Path, id: str) -> Path:
    """Where the data of one SAE lie, beside the sites of both languages."""
    return site / "explorer-data" / id


def place(site: Path, langs: tuple[str, ...] = LANGS) -> list[Path]:
    """Put the pages into a site; returns them. They offer all SAEs whose data lie there."""
    saes, pages = listed(site / "explorer-data"), []
    for lang in langs:
        out = site / lang
        for asset in sorted(page.WEB.iterdir()):
            if asset.suffix in (".js", ".css"):
                _put(out / "explorer" / "web" / asset.name, asset.read_bytes())
        for name in ("style.css", "theme.js"):
            _put(out / "site" / name, (paths.ROOT / "site" / name).read_bytes())
        pages.append(_put(out / "explorer.html", page.page(lang, saes).encode()))
    return pages


def place_data(target: Path, folder: Path, key: str) -> None:
    """Put the data of one SAE into a site, whole or not at all; `key` says what they were made from (`stamp.key_of`)."""
    from explorer import stamp  # only here, since Quarto places pages with a Python that may have no packages
    from kosae_core import store

    with store.partial(target.parent) as partial:
        shutil.copytree(folder, partial, ignore=shutil.ignore_patterns("manifest.json"), dirs_exist_ok=True)
        stamp.write(partial, key)
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)


def _put(path: Path, content: bytes) -> Path:
    """Write a file where it does not say that already, so that what did not change keeps its time."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def listed(data: Path) -> list[dict[str, Any]]:
    """Identity, title, block and model of every SAE whose data lie in a folder, the default first.

    One that was cut short, or made by another version, is left out and named on stderr: the book needs none of them.
    """
    found = []
    for folder in sorted(data.glob("[!.]*")) if data.is_dir() else []:
        if (folder / "index.js").is_file():
            try:
                index = read_script(folder / "index.js")
                found.append({key: index[key] for key in ("id", "title", "lm", "point")})
            except (ValueError, KeyError, TypeError):
                print(
                    f"The explorer leaves out {folder.name}, whose data in {folder} are cut short or of another version: "
                    f"make explorer SAE={folder.name} makes them again.",
                    file=sys.stderr,
                )
    return sorted(found, key=lambda sae: (sae["id"] != DEFAULT, sae["id"]))
