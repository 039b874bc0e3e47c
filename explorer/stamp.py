"""Whether a site holds the data that would be made now: asked without torch and the model, so that it costs no time.

It errs on the side of asking again: a changed comment in the core leads to the longer question, whether the store has the
analysis (`bundle.spec_of`), and not to another analysis.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosae_core import paths, store
from kosae_core.results import versions

if TYPE_CHECKING:
    from explorer.sources import Source

NAME = ".made-from"


def key_of(source: Source, settings: dict[str, Any]) -> str:
    """A sha256 (hex) of all that the data of an SAE can depend on: code, settings, model, SAE, corpus, versions."""
    files = [*Path(__file__).parent.glob("*.py"), *(paths.ROOT / "kosae_core").glob("*.py")]
    files += (paths.data_dir() / "grammar").rglob("*.yaml")
    files += (p for p in (paths.models_dir() / source.lm_name).glob("*") if p.is_file())
    files += source.folder.glob("*")
    hashes = {str(path): store.sha256_of(path) for path in sorted(files)}
    spec = {"files": hashes, "settings": settings, "corpora": _corpora(settings), "versions": versions()}
    return hashlib.sha256(json.dumps([source.id, source.lm_key, spec], sort_keys=True).encode()).hexdigest()


def _corpora(settings: dict[str, Any]) -> list[list[Any]]:
    """Name, size and time of the files that a corpus other than the project's own may be read from."""
    corpus, folder = settings.get("corpus", "synthetic"), paths.corpora_dir()
    if corpus == "synthetic":
        return []
    here = [Path(corpus)] if Path(corpus).is_file() else list(folder.iterdir()) if folder and folder.is_dir() else []
    return sorted([str(p), p.stat().st_size, p.stat().st_mtime_ns] for p in here if p.is_file())


def write(folder: Path, key: str) -> None:
    """Note in a folder of data what it was made from."""
    (folder / NAME).write_text(f"{key} {_bytes(folder)}", "utf-8")


def current(folder: Path, key: str) -> bool:
    """Whether a folder holds the data of this key, all of them."""
    try:
        return (folder / NAME).read_text("utf-8") == f"{key} {_bytes(folder)}"
    except OSError:
        return False


def _bytes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.glob("*.js"))
