"""The models and SAEs that the server has loaded, and the analyses that it can show."""

from __future__ import annotations

import logging
import signal
import subprocess
import sys
import threading
from collections import OrderedDict
from pathlib import Path
from typing import Any

from explorer import build, live
from explorer.scripts import chunk_name, read_script
from explorer.sources import NoSource, Source, sources
from explorer.worker import Ticket
from kosae_core import paths
from kosae_core.lm import LanguageModel
from kosae_core.sae import SAE

log = logging.getLogger("kosae.explorer")

KEPT = 3
"""SAEs that stay loaded; models stay while one of theirs does."""


class NoFeature(LookupError):
    """There is no feature of that number; the message names those there are."""


class NotReady(Exception):
    """An analysis has to be made first; the message says how."""


class Engine:
    """What the routes ask. Methods that say so run in the worker's thread alone."""

    def __init__(self, site: Path, preset: str = "default") -> None:
        self.site, self.preset = site, preset
        self.sources: dict[str, Source] = sources()
        if not self.sources:
            raise NoSource("there is no SAE to explore: run make chapters first.")
        self._loaded: OrderedDict[str, tuple[LanguageModel, SAE]] = OrderedDict()
        self._norms: dict[str, float] = {}
        self._indices: dict[str, tuple[float, dict[str, Any]]] = {}
        self._making: dict[str, subprocess.Popen] = {}
        self._failed: dict[str, str] = {}
        self._lock = threading.Lock()

    # What there is

    @property
    def first(self) -> str:
        return next(iter(self.sources))

    def source(self, id: str | None) -> Source:
        """Raises  NoSource for an SAE that is not in the list made at the start."""
        chosen = id or self.first
        if chosen not in self.sources:
            raise NoSource("there is no SAE of that name here: GET /saes lists them.")
        return self.sources[chosen]

    def listed(self) -> list[dict[str, Any]]:
        """All SAEs, and whether their features can be shown at once."""
        return [
            {"id": s.id, "title": s.title, "lm": s.lm_name, "point": s.point, "block": s.block, "ready": self.ready(s.id),
             "state": self.state(s.id)}
            for s in self.sources.values()
        ]  # fmt: skip

    def _folder(self, id: str) -> Path:
        return self.site / "explorer-data" / self.sources[id].id

    def ready(self, id: str) -> bool:
        return (self._folder(id) / "index.js").is_file()

    # Features, from the files that the pages read

    def index(self, id: str) -> dict[str, Any]:
        """What is said of all features.

        Raises  NotReady if the analysis has not been made.
        """
        file = self._folder(id) / "index.js"
        if not file.is_file():
            raise NotReady(f"the features of {id} have not been analysed yet: POST /prepare first.")
        changed = file.stat().st_mtime
        if id not in self._indices or self._indices[id][0] != changed:
            self._indices[id] = (changed, read_script(file))
        return self._indices[id][1]

    def feature(self, id: str, number: int) -> dict[str, Any]:
        """All that is known of one feature.

        Raises  NotReady as `index`; NoFeature for one that there is not.
        """
        index = self.index(id)
        if not 0 <= number < index["n_features"]:
            raise NoFeature(f"there is no feature {number}; there are 0 to {index['n_features'] - 1}.")
        chunk, at = divmod(number, index["per_chunk"])
        record = read_script(self._folder(id) / chunk_name(chunk))[at]
        return {**row(index, number), **record}

    # Analyses that are made while the server runs, in a process of their own

    def state(self, id: str) -> str:
        """ready, making, failed or absent."""
        with self._lock:
            process = self._making.get(id)
            if process is not None and process.poll() is not None:
                del self._making[id]
                if process.returncode:
                    self._failed[id] = _why(process)
            if id in self._making:
                return "making"
        if self.ready(id):
            return "ready"
        return "failed" if id in self._failed else "absent"

    def progress(self, id: str) -> dict[str, str]:
        """The state of an analysis, and why it failed if it did."""
        answer = {"state": self.state(id)}
        if answer["state"] == "failed":
            answer["error"] = self._failed[id]
        return answer

    def prepare(self, id: str) -> dict[str, str]:
        """Begin an analysis unless it is there or being made; `waiting` while another is being made, which makes one at a time."""
        if self.state(id) not in ("absent", "failed"):
            return self.progress(id)
        with self._lock:
            if any(process.poll() is None for process in self._making.values()):
                return {"state": "waiting"}
            self._failed.pop(id, None)
            command = [sys.executable, "-m", "explorer.build", "--preset", self.preset, "--sae", id]
            self._making[id] = subprocess.Popen(
                [*command, "--site", str(self.site.resolve())], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                text=True, cwd=paths.ROOT, start_new_session=True,
            )  # fmt: skip
        return {"state": "making"}

    def close(self) -> None:
        """End the analyses that are being made, which throw away what is half made."""
        running = [process for process in self._making.values() if process.poll() is None]
        for process in running:
            process.terminate()
        for process in running:
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()

    # In the worker's thread

    def loaded(self, id: str) -> tuple[LanguageModel, SAE, str]:
        """The model, the SAE and the point."""
        source = self.sources[id]
        if id not in self._loaded:
            same = next((lm for lm, _ in self._loaded.values() if lm.name == source.lm_name), None)
            self._loaded[id] = source.load(same)
            while len(self._loaded) > KEPT:
                self._loaded.popitem(last=False)
        self._loaded.move_to_end(id)
        return *self._loaded[id], source.point

    def analyze(self, id: str, texts: list[str], ticket: Ticket, **controls: Any) -> list[dict[str, Any]]:
        lm, sae, point = self.loaded(id)
        found = []
        for text in texts:
            ticket.check()
            found.append(live.analyze(lm, sae, point, text, **controls))
        return found

    def steer(
        self, id: str, chosen: list[tuple[int, float]], mode: str, prompt: str, ticket: Ticket, **options: Any
    ) -> dict:
        lm, sae, point = self.loaded(id)
        maxima = self.index(id)["columns"]["max"] if mode == "clamp" else []
        edit = live.steering(sae, chosen, mode, self.norm(id), maxima)
        return live.steer(lm, point, edit, prompt, check=ticket.check, **options)

    def norm(self, id: str) -> float:
        """Mean length of an activation: of the analysis, or of a few test texts while there is none."""
        if self.ready(id):
            return self.index(id)["norm"]
        if id not in self._norms:
            study = build.study_of(self.preset)
            texts = study.records("test").texts[:64]
            self._norms[id] = live.mean_norm(self.loaded(id)[0], self.sources[id].point, texts)
        return self._norms[id]


def _why(process: subprocess.Popen) -> str:
    """What a failed analysis said last."""
    if process.returncode == -signal.SIGKILL:
        return "the analysis was killed, most likely because memory ran out: close other programs and try again."
    lines = process.stderr.read().strip().splitlines()
    return lines[-1].removeprefix(build.FAILED) if lines else "the analysis ended without saying why: try again."


def row(index: dict[str, Any], number: int) -> dict[str, Any]:
    """What the index says of one feature."""
    return {"id": number, **{key: column[number] for key, column in index["columns"].items() if column}}
