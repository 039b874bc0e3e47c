"""The SAEs that can be looked at: those that ship with a model, and those that training left in the store."""

from __future__ import annotations

import json
import logging
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from explorer.site import DEFAULT
from kosae_core import paths, store

if TYPE_CHECKING:  # to know what there is, torch need not be imported
    from kosae_core.lm import LanguageModel
    from kosae_core.sae import SAE

log = logging.getLogger("kosae.explorer")


class NoSource(ValueError):
    """There is no such SAE, or it no longer fits its model; the message says what to do."""


@dataclass(frozen=True)
class Source:
    """One SAE, the model that it reads and where."""

    id: str
    """Short and safe in an address: letters, digits, dots and hyphens."""
    folder: Path
    lm_name: str
    point: str
    about: dict[str, Any]
    """The configuration and provenance that were saved with the weights."""
    lm_key: str | None = None
    """Key of the model it was trained on, where the store still knows it."""

    @property
    def title(self) -> str:
        """What a person chooses by: `topk k=32 · 2,048 features · kosae-lm b3.resid_post`."""
        config, provenance = self.about["config"], self.about.get("provenance", {})
        name = config["variant"] + (f" k={config['k']}" if config.get("k") else "")
        seed = provenance.get("seed")
        parts = [name, f"{config['n_features']:,} features", f"{self.lm_name} {self.point}"]
        own = [] if self.shipped else [self.folder.name[:6]]  # two of the store may differ in their text alone
        return " · ".join(parts + ([f"seed {seed}"] if seed else []) + own)

    @property
    def shipped(self) -> bool:
        """Whether it comes with a model, and not out of the store."""
        return self.folder.is_relative_to(paths.models_dir())

    @property
    def block(self) -> int:
        """The block whose activations it reads."""
        return int(re.match(r"b(\d+)\.", self.point)[1])

    @cached_property
    def weights_key(self) -> str:
        """The sha256 of the weights' file."""
        return store.sha256_of(self.folder / "weights.safetensors")

    def load(self, lm: LanguageModel | None = None) -> tuple[LanguageModel, SAE]:
        """The model (or the one given, if it is this one) and the SAE.

        Raises  NoSource if one of them is not there, cannot be read or held, or they do not belong together.
        """
        from kosae_core.loading import load_lm
        from kosae_core.needs import TooLarge
        from kosae_core.sae import load_sae

        try:
            lm = lm if lm is not None and lm.name == self.lm_name else load_lm(self.lm_name)
            sae = load_sae(self.folder).to(lm.device)
        except (OSError, ValueError, TooLarge) as error:
            raise NoSource(f"the SAE {self.id} cannot be loaded: {error}") from error
        if sae.d_model != lm.d_model or (self.lm_key is not None and self.lm_key != lm.key):
            raise NoSource(f"the SAE {self.id} was trained on another {lm.name} than the one here: train it again.")
        return lm, sae


def sources() -> dict[str, Source]:
    """All SAEs that can be looked at, the one that ships with the project first, then by model, block and name."""
    found = [*_shipped(), *_stored()]
    order = sorted(found, key=lambda s: (s.id != DEFAULT, s.lm_name, s.block, s.id))
    return {source.id: source for source in order}


def find_source(id: str) -> Source:
    """The SAE of this name.

    Raises  NoSource, naming some that there are.
    """
    have = sources()
    if id not in have:
        shown = ", ".join(list(have)[:8]) + (", ..." if len(have) > 8 else "")
        raise NoSource(f"there is no SAE {id!r} here; there are {shown or 'none'}.")
    return have[id]


def _shipped() -> list[Source]:
    found = []
    for folder in sorted(paths.models_dir().glob("*/sae-*")):
        if (about := _about(folder)) is not None:
            name = f"{folder.parent.name}-{folder.name.removeprefix('sae-')}"
            found.append(Source(name, folder, folder.parent.name, about["provenance"]["point"], about))
    return found


def _stored() -> list[Source]:
    models = {}
    for folder in (paths.store_dir() / "activations").glob("[!.]*"):
        try:
            models[folder.name] = store.read_manifest(folder)["spec"].get("lm")
        except store.DamagedEntry as error:
            log.warning("passed over: %s", error)
    found = []
    for folder in sorted((paths.store_dir() / "sae").glob("[!.]*")):
        about = _about(folder)
        if about is None:
            continue
        provenance, config = about["provenance"], about["config"]
        name = f"{config['variant']}-{provenance['point']}-{folder.name[:8]}".replace("_", "-")
        acts = str(provenance.get("acts") or "")[:32]
        found.append(Source(name, folder, provenance["model"], provenance["point"], about, models.get(acts)))
    return found


def _about(folder: Path) -> dict[str, Any] | None:
    """What was saved with an SAE, if it reads one point of one model (a crosscoder reads two)."""
    try:
        about = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
        provenance = about["provenance"]
        fits = isinstance(provenance.get("model"), str) and re.fullmatch(r"b\d+\.\w+", provenance.get("point") or "")
        config = about["config"]
        named = isinstance(config["variant"], str) and isinstance(config["n_features"], int)
        whole = (folder / "weights.safetensors").is_file() and named and config.get("d_in") is None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return about if fits and whole else None
