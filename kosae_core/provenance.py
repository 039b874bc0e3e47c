"""Where an autoencoder comes from: the model as it was loaded, the text, the place, the training, the versions of what did it."""

import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

import torch

import kosae_core
from kosae_core import rows
from kosae_core.train_config import TrainConfig

READ = {"model": "lm_name", "revision": "revision", "corpus": "corpus", "point": "point", "acts": "key"}
"""What is kept with the weights, and the attribute of the activations that holds it."""


def of(acts: Any, cfg: TrainConfig) -> dict[str, Any]:
    """The provenance of an autoencoder trained on these activations; None for what a plain tensor does not know.

    `revision` is the model's commit on the hub, or the sha256 of what was loaded; `corpus_key` the sha256 of the text.
    """
    return {
        **{name: getattr(acts, attribute, None) for name, attribute in READ.items()},
        "corpus_key": getattr(acts, "spec", {}).get("corpus"), "tokens": rows.count(acts), "seed": cfg.seed,
        "train": asdict(cfg),
        "versions": {
            "kosae_core": kosae_core.__version__, "torch": torch.__version__, "transformers": version("transformers"),
            "python": platform.python_version(),
        },
    }  # fmt: skip
