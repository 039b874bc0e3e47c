"""An autoencoder's folder: `weights.safetensors` and a `cfg.json` that is enough to rebuild it; whole, or not there.

Both files are written beside the folder and moved in when they are complete. They carry the same `id`, so that a folder
whose two files come from different saves is not read.
"""

import hashlib
import json
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

import kosae_core
from kosae_core import store

log = logging.getLogger("kosae.saving")

FORMAT_VERSION = 1
"""Raise it when older releases could no longer read what is written, and keep reading the older ones below."""
READABLE = (1,)
WEIGHTS, CONFIG = "weights.safetensors", "cfg.json"


def write_files(
    folder: str | Path, weights: Mapping[str, Tensor], config: Mapping[str, Any], name: str = WEIGHTS
) -> Path:
    """Write tensors as `name` and a configuration as `cfg.json`; a folder that is there keeps its other files.

    Raises  OSError, with the folder as it was, where the disk is full or may not be written.
    """
    folder = Path(folder)
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in weights.items()}
    folder.absolute().parent.mkdir(parents=True, exist_ok=True)
    with store.partial(folder.absolute().parent) as partial:
        try:
            # one entry: the library writes several in any order, and the same is to be saved as the same bytes
            save_file(tensors, partial / name, {"id": config["id"]} if "id" in config else {"format": "pt"})
        except SafetensorError as error:  # what the library makes of a full disk
            raise OSError(f"{folder}: it could not be saved: {' '.join(str(error).split())}.") from error
        text = json.dumps(config, indent=2, ensure_ascii=False)
        (partial / CONFIG).write_text(text + "\n", encoding="utf-8")
        for file in partial.iterdir():
            with open(file, "rb") as opened:
                os.fsync(opened.fileno())
        try:
            os.rename(partial, folder)  # where there is no folder, or an empty one
        except OSError:
            folder.mkdir(exist_ok=True)
            try:
                os.replace(partial / name, folder / name)
            finally:  # an interrupt between the two would leave files of two saves
                os.replace(partial / CONFIG, folder / CONFIG)
    return folder


def _identity(tensors: Mapping[str, Tensor], config: Mapping[str, Any]) -> str:
    """The same for the same tensors and configuration."""
    digest = hashlib.sha256(json.dumps(config, sort_keys=True, ensure_ascii=False).encode())
    for key, tensor in sorted(tensors.items()):
        digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy())
    return digest.hexdigest()[:32]


def write(
    folder: str | Path,
    weights: Mapping[str, Tensor],
    d_model: int,
    config: Mapping[str, Any],
    provenance: Mapping[str, Any],
) -> Path:
    """Write an autoencoder of this package."""
    record = {
        "format_version": FORMAT_VERSION, "release": kosae_core.__version__, "d_model": d_model, "config": dict(config),
        "provenance": dict(provenance),
    }  # fmt: skip
    tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in weights.items()}
    return write_files(folder, tensors, record | {"id": _identity(tensors, record)})


def read(folder: Path) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """The configuration, of today's format, and the tensors of a folder that `write` wrote.

    Raises  ValueError when a file is missing or damaged, the two do not belong together, or only another release reads them.
    """
    if not (folder / CONFIG).is_file() or not (folder / WEIGHTS).is_file():
        raise ValueError(f"no SAE at {folder}: a saved SAE is a folder with {CONFIG} and {WEIGHTS} (see SAE.save).")
    try:
        record = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
        _check_version(record)
        with safe_open(folder / WEIGHTS, "pt") as opened:
            identity = (opened.metadata() or {}).get("id")
            if identity != record.get("id"):
                raise ValueError(f"{CONFIG} and {WEIGHTS} are of two different saves; save or fetch it again")
            tensors = {key: opened.get_tensor(key) for key in opened.keys()}  # noqa: SIM118
        return {
            "config": record["config"],
            "d_model": record["d_model"],
            "provenance": record.get("provenance", {}),
        }, tensors
    except KeyError as error:
        raise ValueError(f"the SAE in {folder} cannot be read: {CONFIG} has no {error}.") from error
    except (OSError, TypeError, AttributeError, ValueError, SafetensorError) as error:
        raise ValueError(f"the SAE in {folder} cannot be read: {' '.join(str(error).split()).rstrip('.')}.") from error


def _check_version(record: dict[str, Any]) -> None:
    version = record["format_version"]
    if version in READABLE:
        return
    wrote = record.get("release") or record.get("provenance", {}).get("versions", {}).get("kosae_core")
    which = f"KoSAE {wrote}, which wrote it, or a later release reads it" if wrote else "a later release reads it"
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise ValueError(
            f"its format is {version}, and KoSAE {kosae_core.__version__} reads up to {FORMAT_VERSION}: {which}"
        )
    raise ValueError(
        f"its format is {version!r}, which no release has written; there are {', '.join(map(str, READABLE))}"
    )
