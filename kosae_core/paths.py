"""The folders of the project, and the variables that move them."""

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def data_dir() -> Path:
    """What ships with the project: the grammar, the model inside, reference results."""
    return ROOT / "data"


def models_dir() -> Path:
    """Language models that ship with the project, one folder each."""
    return data_dir() / "models"


def corpora_dir() -> Path | None:
    """The folder of downloaded corpora, `KOSAE_DATA_DIR`, or None when it is not set."""
    value = os.environ.get("KOSAE_DATA_DIR")
    return Path(value).expanduser().resolve() if value else None


def build_dir() -> Path:
    """Everything that is made by running: `KOSAE_BUILD`, else `build/` in the repository."""
    value = os.environ.get("KOSAE_BUILD")
    return Path(value).expanduser().resolve() if value else ROOT / "build"


def store_dir() -> Path:
    """The content-addressed cache of activations and trained SAEs."""
    return build_dir() / "store"


def results_dir(preset: str) -> Path:
    """The numbers that this machine's last run of `preset` recorded."""
    return build_dir() / "results" / preset


def reference_dir(preset: str) -> Path:
    """The committed numbers of `preset`, which `make verify` compares with."""
    return data_dir() / "results" / preset


def figures_dir() -> Path:
    """Figures saved by the chapters: `KOSAE_FIGURES`, else `figures/` in the repository."""
    value = os.environ.get("KOSAE_FIGURES")
    return Path(value).expanduser().resolve() if value else ROOT / "figures"


def downloads_dir() -> Path:
    """Corpora fetched by `make data`: `KOSAE_DATA_DIR`, else `corpora/` in the build folder."""
    return corpora_dir() or build_dir() / "corpora"
