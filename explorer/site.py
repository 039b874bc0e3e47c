"""The explorer in a site: pages and their scripts per language, and the data of every SAE beside the languages."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

from explorer import page
from explorer.scripts import read_script
from kosae_core import paths

LANGS = ("ko", "en")
DEFAULT = "kosae-lm-q2"
"""The SAE that comes with the project, under the name by which the explorer knows it."""


def place(site: Path, folder: Path | None = None, id: str | None = None, langs: tuple[str, ...] = LANGS) -> list[Path]:
    """Put data (if any) and pages into a site; returns the pages.

    Pages of all SAEs whose data lie in the site are offered, the one given first.
    """
    data = site / "explorer-data"
    if folder is not None and id is not None:
        target = data / id
        partial = data / f".partial-{id}-{os.getpid()}"
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(folder, partial, ignore=shutil.ignore_patterns("manifest.json"))
        shutil.rmtree(target, ignore_errors=True)
        partial.rename(target)
    saes = listed(data)
    pages = []
    for lang in langs:
        out = site / lang
        for asset in sorted(page.WEB.iterdir()):
            if asset.suffix in (".js", ".css"):
                _put(out / "explorer" / "web" / asset.name, asset.read_bytes())
        for name in ("style.css", "theme.js"):
            _put(out / "site" / name, (paths.ROOT / "site" / name).read_bytes())
        pages.append(_put(out / "explorer.html", page.page(lang, saes).encode()))
    return pages


def _put(path: Path, content: bytes) -> Path:
    """Write a file where it does not say that already, so that what did not change keeps its time."""
    if not path.is_file() or path.read_bytes() != content:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return path


def listed(data: Path) -> list[dict[str, Any]]:
    """Identity, title, block and model of every SAE whose data lie in a folder, the default first."""
    found = []
    for folder in sorted(data.glob("[!.]*")) if data.is_dir() else []:
        if (folder / "index.js").is_file():
            index = read_script(folder / "index.js")
            found.append({key: index[key] for key in ("id", "title", "lm", "point")})
    return sorted(found, key=lambda sae: (sae["id"] != DEFAULT, sae["id"]))
