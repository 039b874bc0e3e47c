"""Whether `torch.compile` makes a training step faster: compiled and plain steps of every variant in turn.

    python benchmarks/compiled_step.py --json benchmarks/results/compiled_step.json

What a step computes (`objective`, forward and backward) is compiled, with the optimiser as it is. A penalised variant is
measured where it computes with tables and where it computes with entries. Ratios are taken round by round.
"""

import argparse
import json
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from train_throughput import SIZES, machine

import kosae_core as kc
from kosae_core.trainer import Trainer

SIDES = {"plain": False, "compiled": True}
SETTINGS = [("topk", {}), ("batchtopk", {}), ("matryoshka", {})]
SETTINGS += [(v, {"initial_density": at}) for v in ("standard", "gated", "jumprelu") for at in (0.3, 0.02)]
WARM = 4


def trainer(variant: str, options: dict, compiled: bool, acts_ND: torch.Tensor, size: dict) -> Trainer:
    """One that has taken its first steps, at a learning rate that changes nothing."""
    k = size["k"] if "k" in kc.VARIANTS[variant].options else None
    config = kc.SAEConfig(variant, size["n_features"], k=k, **options)
    cfg = kc.TrainConfig(
        10**6, size["batch"], lr=1e-9, log_every=10**9, resample_every=0, device="cpu", compile=compiled
    )  # fmt: skip
    made = Trainer(config, acts_ND, cfg)
    for _ in range(WARM):
        made.advance()
    return made


def ratios(variant: str, options: dict, acts_ND: torch.Tensor, size: dict, rounds: int) -> dict:
    """Seconds of a plain step over those of a compiled one, by round; above 1 where compiling helps."""
    began = time.perf_counter()
    pair = {name: trainer(variant, options, compiled, acts_ND, size) for name, compiled in SIDES.items()}
    ready = time.perf_counter() - began
    seconds = []
    for _ in range(rounds):
        row = []
        for each in pair.values():
            start = time.perf_counter()
            each.advance()
            row.append(time.perf_counter() - start)
        seconds.append(row)
    found = np.array(seconds)
    low, middle, high = np.quantile(found[:, 0] / found[:, 1], (0.25, 0.5, 0.75))
    return {
        "ratio": middle, "quartiles": [low, high], "ready": ready, "plain_seconds": float(np.median(found[:, 0])), **options,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--size", choices=SIZES, default="small")
    parser.add_argument("--rounds", type=int, default=25)
    args = parser.parse_args()
    warnings.filterwarnings("ignore", category=UserWarning)
    torch.set_num_threads(2)
    torch._dynamo.config.recompile_limit = 16
    size = SIZES[args.size]
    acts_ND, found = torch.randn(4 * size["batch"], size["d_model"]), {"machine": machine(), "size": size}
    for variant, options in SETTINGS:
        name = "/".join([variant, *(f"{at:.0%} on" for at in options.values())])
        torch._dynamo.reset()
        found[name] = ratios(variant, options, acts_ND, size, args.rounds)
        print(f"{name}: {json.dumps(found[name])}", flush=True)
        if args.json:
            args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
