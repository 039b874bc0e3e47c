"""What decoder rows of any length and twice the learning rate change on the built-in model, where the planted dictionary likes both.

    python benchmarks/free_rows.py --json benchmarks/results/free_rows.json

Every setting is trained for several L0, and explained variance and loss recovered are read off at one L0 that all of them pass,
between two points by a straight line over the logarithm of L0, on held-out tokens. A result that is already in the JSON is not
measured again.
"""

import argparse
import dataclasses
import json
import math
import statistics
from pathlib import Path

import numpy as np
import torch
from train_throughput import machine

import kosae_core as kc
from kosae_core.trainer import peak_lr

POINT, TARGETS, SEEDS, DOCUMENTS = "q2.resid_post", (8, 16, 32), (0, 1, 2), 150
SETTINGS = {"default": ("unit", 1), "twice the rate": ("unit", 2), "free": ("free", 1), "free, twice the rate": ("free", 2)}  # fmt: skip


def train(study: kc.Study, variant: str, setting: str, target: float, seed: int) -> dict[str, float]:
    """What one autoencoder explains of held-out tokens."""
    norm, factor = SETTINGS[setting]
    config = kc.SAEConfig(variant, study.n_features)
    cfg = kc.TrainConfig(
        study.steps, study.batch_size, target_l0=target, decoder_norm=norm, seed=seed, device="cpu", log_every=10**9
    )
    cfg = dataclasses.replace(cfg, lr=factor * peak_lr(config, cfg, study.lm.d_model))
    sae, _ = kc.train(config, study.acts("train", "ko", POINT), cfg)
    report = kc.evaluate(sae, study.acts("test", "ko", POINT), lm=study.lm, max_documents=DOCUMENTS)
    return {
        name: getattr(report, name) for name in ("l0", "explained_variance", "loss_recovered", "dead_share")
    }  # fmt: skip


def at_equal_l0(results: dict[str, dict[str, float]], variants: list[str]) -> dict[str, dict]:
    """By variant and setting the mean over seeds and the range, all read at one L0 of the variant's."""
    found = {}
    for variant in variants:
        fronts = {}
        for setting in SETTINGS:
            for seed in SEEDS:
                points = [results[f"{variant}/{setting}/{target}/{seed}"] for target in TARGETS]
                fronts[setting, seed] = sorted(points, key=lambda point: point["l0"])
        low, high = (
            max(front[0]["l0"] for front in fronts.values()),
            min(front[-1]["l0"] for front in fronts.values()),
        )
        centre = math.sqrt(low * high)
        for setting in SETTINGS:
            row = {"l0": centre}
            for name in ("explained_variance", "loss_recovered"):
                read = [
                    float(np.interp(math.log(centre), [math.log(p["l0"]) for p in front], [p[name] for p in front]))
                    for front in (fronts[setting, seed] for seed in SEEDS)
                ]
                row[name] = {"mean": statistics.mean(read), "lowest": min(read), "highest": max(read)}
            found[f"{variant}/{setting}"] = row
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=["standard", "gated"])
    parser.add_argument("--steps", type=int, default=500)
    parser.add_argument("--features", type=int, default=1024)
    parser.add_argument("--sentences", type=int, default=4000, help="of the synthetic corpus, in training")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(2)
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    study = kc.Study(
        corpus="synthetic", lm_name="kosae-lm", n_train=args.sentences, n_test=args.sentences // 2, points=(POINT,),
        n_features=args.features, k=TARGETS[0], steps=args.steps, batch_size=1024, seed=0,
    )  # fmt: skip
    trainings = results.setdefault("trainings", {})
    for variant in args.variants:
        for setting in SETTINGS:
            for target in TARGETS:
                for seed in SEEDS:
                    key = f"{variant}/{setting}/{target}/{seed}"
                    if key in trainings:
                        continue
                    trainings[key] = train(study, variant, setting, float(target), seed)
                    results |= {
                        "machine": machine(),
                        "steps": args.steps,
                        "features": args.features,
                        "sentences": args.sentences,
                    }
                    if args.json:
                        args.json.write_text(json.dumps(results, indent=1) + "\n")
    results["at_equal_l0"] = at_equal_l0(trainings, args.variants)
    if args.json:
        args.json.write_text(json.dumps(results, indent=1) + "\n")
    for key, row in results["at_equal_l0"].items():
        ev, recovered = row["explained_variance"], row["loss_recovered"]
        print(f"{key:32} at L0 {row['l0']:.1f}: EV {ev['mean']:.4f} [{ev['lowest']:.4f}, {ev['highest']:.4f}]  "
              f"loss recovered {recovered['mean']:.2%} [{recovered['lowest']:.2%}, {recovered['highest']:.2%}]")  # fmt: skip


if __name__ == "__main__":
    main()
