"""A small SAE of the model inside, its analysis on a few synthetic sentences, and a server over them: made once per session."""

from __future__ import annotations

import functools
import json
import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import kosae_core as kc
from explorer import bundle
from explorer.site import data_of, place, place_data
from explorer.sources import Source, sources

N_FEATURES = 64
STUDY = {"n_train": 240, "n_test": 160, "points": ("q2.resid_post",)}


@dataclass(frozen=True)
class Sample:
    source: Source
    study: kc.Study
    folder: Path
    """The analysis in the store."""

    @property
    def index(self) -> dict:
        from explorer.scripts import read_script

        return read_script(self.folder / "index.js")

    def feature(self, number: int) -> dict:
        from explorer.scripts import chunk_name, read_script

        return read_script(self.folder / chunk_name(number // bundle.PER_CHUNK))[number % bundle.PER_CHUNK]

    @property
    def lively(self) -> int:
        """The feature that fires most often but not on every other token."""
        density = self.index["columns"]["density"]
        return max((d, f) for f, d in enumerate(density) if d < 0.2)[1]


@functools.cache
def sample() -> Sample:
    """Train, analyse, and keep; `build_folder` of conftest.py says where."""
    study = kc.Study(**STUDY)
    acts = study.acts("train", "ko")
    kc.train(kc.SAEConfig("topk", n_features=N_FEATURES, k=6), acts, kc.TrainConfig(steps=60, batch_size=256))
    source = next(
        s for s in sources().values() if s.about["config"]["n_features"] == N_FEATURES and s.about["config"]["k"] == 6
    )
    return Sample(source, study, bundle.made(source, study, lm=study.lm))


def site(folder: Path) -> Path:
    """The explorer's pages with the sample's data, in a folder."""
    place_data(data_of(folder, sample().source.id), sample().folder, key="sample")
    place(folder)
    return folder


@contextmanager
def served(folder: Path, preset: str = "default", **options):
    """A server over a site, on a port of its own: its address and the application."""
    import uvicorn

    from explorer.engine import Engine
    from explorer.guard import LOOPBACK
    from explorer.serve import bound
    from explorer.server import make_app

    engine = Engine(folder, preset)
    own = sample().source
    engine.sources = {own.id: own} | engine.sources  # the sample is the first, and so the usual one
    app = make_app(engine, **{"hosts": LOOPBACK, **options})
    listening = bound("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", app
    finally:
        server.should_exit = True
        thread.join(10)
        listening.close()


def ask(
    address: str,
    body: object | None = None,
    *,
    headers: dict | None = None,
    raw: bytes | None = None,
    timeout: float = 60,
):
    """Status, headers and text of an answer; a body makes it a POST of JSON."""
    data = raw if raw is not None else None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data, {"content-type": "application/json", **(headers or {})})
    try:
        with urllib.request.urlopen(request, timeout=timeout) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()
