"""Vary the language model's rates, shape, data mix and tokenizer: `python -m pipeline.lm_sweep`.

Every run reads as many tokens with the first stage's rows, and, where mix and tokenizer are as shipped, the same ones in
the same order; it asks whether the settings of train_lm.yaml leave something on the table. Vocabularies can only be
compared by bits per byte. Runs that are done are not run again.
"""

from __future__ import annotations

import copy
import json
import logging
import math
import os
import time
from pathlib import Path

import numpy as np
import torch

from pipeline import lm_data
from pipeline.train_lm import make_model, train

STEPS = 150
RATES = ("lr_muon", "lr_adam")
# Shapes of the same number of parameters, but for the embedding: d_model, feed-forward, blocks, heads.
VARIANTS = {
    "as shipped": {},
    "half the rates": {"rates": 0.5},
    "twice the rates": {"rates": 2.0},
    "narrow and deep": {"model": (192, 576, 10, 3)},
    "wide and shallow": {"model": (320, 960, 4, 5)},
    "every source once": {"mix": {lang: {"default": 1} for lang in ("ko", "en")}},
    "half the vocabulary": {"vocab_size": 4000},
    "twice the vocabulary": {"vocab_size": 16000},
}


def variant_config(base: dict, change: dict) -> dict:
    """The configuration of one short run: one stage, its own warm-up and decay."""
    config = copy.deepcopy(base)
    config["stages"] = [base["stages"][0] | {"steps": STEPS}]
    config["training"] |= {"warmup": 25, "checkpoint_every": STEPS}
    for name in RATES:
        config["training"][name] *= change.get("rates", 1.0)
    config["mix"] = change.get("mix", base["mix"])
    config["tokenizer"]["vocab_size"] = change.get("vocab_size", base["tokenizer"]["vocab_size"])
    if "model" in change:
        width, inner, blocks, heads = change["model"]
        config["model"] |= {"hidden_size": width, "intermediate_size": inner, "num_hidden_layers": blocks}
        config["model"] |= {"num_attention_heads": heads, "num_key_value_heads": heads}
    return config


def bits_per_byte(nats: float, work: Path) -> float:
    """A loss per token in bits per byte of the held-out text, with the tokens that lie in `work`."""
    with np.load(work / "tokens.npz") as arrays:
        return nats / math.log(2) * len(arrays["valid_tokens"]) / int(arrays["valid_bytes"].sum())


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    base, folder = lm_data.load_config(), lm_data.corpora()
    work = Path(os.environ.get("KOSAE_LM_DIR", "build/lm"))
    target = lm_data.MODEL / "sweep.json"
    done = json.loads(target.read_text(encoding="utf-8")) if target.exists() else {}
    device = "cuda" if torch.cuda.is_available() else "cpu"
    for name, change in VARIANTS.items():
        if name in done:
            continue
        here = work / "sweep" / name.replace(" ", "-")
        here.mkdir(parents=True, exist_ok=True)
        own = "vocab_size" in change  # its own tokenizer, and with it its own tokens
        if not own and (work / "tokens.npz").exists() and not (here / "tokens.npz").exists():
            (here / "tokens.npz").symlink_to((work / "tokens.npz").resolve())
        config, began = variant_config(base, change), time.time()
        train(config, folder, here, here if own else lm_data.MODEL, device)
        last = torch.load(here / "checkpoint.pt", weights_only=True)["curve"][-1]
        parameters = sum(p.numel() for p in make_model(config).parameters())
        done[name] = {"valid": last["valid"], "tokens": last["tokens"], "parameters": parameters}
        done[name] |= {"bits_per_byte": bits_per_byte(last["valid"], here), "seconds": time.time() - began}
        target.write_text(json.dumps(done, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
