"""What each library's autoencoders have learnt of a planted dictionary, at the best learning rate of the same sweep for all.

    python benchmarks/planted_quality.py --json benchmarks/results/planted_quality.json

Penalised variants are compared at equal L0: this project is given the target, and for a peer the coefficient of its penalty
is sought by whole trainings until L0 on held-out tokens is within a tenth of it. The activations, settings and libraries are those of `train_throughput.py`, with 1 thread each; quality is measured on the
way too, for the processor time that a library needs until 90 % of the true features are found. A result that is already
in the JSON is not measured again.

Rates and penalties are chosen on one dictionary, on which some of this project's defaults were set too. With --judge the
best of each library, and this project with its defaults too, learn another dictionary; these are the results that READMEs show.
"""

import argparse
import json
import math
import tempfile
from pathlib import Path

import numpy as np
import torch
from sklearn.linear_model import orthogonal_mp_gram
from train_throughput import PEERS, SIZES, Side, best, machine, planted, planted_file

import kosae_core as kc
from kosae_core.trainer import Trainer

RATES = (3e-4, 1e-3, 3e-3, 1e-2, 3e-2)
STEPS, LOOKS = 1000, 10
FOUND = 0.9
PENALISED = ("standard", "gated", "jumprelu", "p_anneal", "gated_anneal")
MOST = 7
"""Trainings in which a peer's coefficient is sought, for one learning rate."""
OTHER = 1
"""Seed of the dictionary that is judged on."""


def learn(library: str, variant: str, data: Path, lr: float | None, penalty: float | None = None) -> list[dict]:
    """Quality and processor seconds after each tenth of one training; no `lr` or `penalty`: the library's own."""
    size = SIZES["small"]
    options = {name: size[name] for name in ("n_features", "batch", "k")}
    options |= {"steps": STEPS, "lr": lr, "penalty": penalty}
    side = Side(library, variant, "fp32", data, options, threads=1)
    seconds, rows = 0.0, []
    for _ in range(LOOKS):
        seconds += side.ask(str(STEPS // LOOKS))["cpu_seconds"]
        rows.append({"cpu_seconds": seconds} | side.ask("quality"))
    side.close()
    return rows


def libraries_of(variant: str) -> tuple[str, ...]:
    """This project, also with decoder rows of any length where the variant knows them, and its peers."""
    return ("kosae", *(("kosae free",) if kc.VARIANTS[variant].weighs_rows else ()), *PEERS[variant])


def limits() -> dict[str, float]:
    """Explained variance of held-out tokens by what no library is given: the planted code, and the true dictionary with
    orthogonal matching pursuit for k features of each token."""
    of, k = planted(SIZES["small"]), SIZES["small"]["k"]
    acts_ND, codes_NF = of.sample(4_000, 2)
    acts_ND, true_FD = acts_ND.numpy().astype(np.float64), of.directions_FD.numpy().astype(np.float64)
    pursued_FN = orthogonal_mp_gram(true_FD @ true_FD.T, true_FD @ acts_ND.T, n_nonzero_coefs=k)
    total = np.square(acts_ND - acts_ND.mean(0)).sum()
    recons = {"planted_code": codes_NF @ true_FD, "matching_pursuit": pursued_FN.T @ true_FD}
    return {name: float(1 - np.square(acts_ND - recon_ND).sum() / total) for name, recon_ND in recons.items()}


def from_truth(variant: str) -> float:
    """Explained variance of held-out tokens by an SAE of ours whose first features start as the true ones, after five times the
    steps: what the form itself, with its linear encoder, allows."""
    size, of = SIZES["small"], planted(SIZES["small"])
    cfg = kc.TrainConfig(steps=5 * STEPS, batch_size=size["batch"], lr=1e-3, log_every=10**9, device="cpu")
    trainer = Trainer(kc.SAEConfig(variant, size["n_features"], k=size["k"]), of.sample(400_000, 1)[0], cfg)
    with torch.no_grad():
        trainer.sae.W_dec_FD[: len(of.directions_FD)] = of.directions_FD
        trainer.sae.W_enc_DF[:, : len(of.directions_FD)] = of.directions_FD.t()
    while not trainer.done:
        trainer.advance()
    sae, _ = trainer.finished()
    return kc.evaluate(sae, of.sample(20_000, 2)[0]).explained_variance


def next_penalty(tried: dict[float, float], target: float) -> float:
    """The coefficient to try next, from the L0 that others gave: by a line through two, in logarithms.

    The two are the nearest to the target and the nearest on its other side, where there is one, so that none is tried twice.
    L0 falls with the coefficient; while only one is known, or the line points the wrong way, it moves by a factor of 4.
    """
    excess_of = {penalty: math.log(max(l0, 0.1) / target) for penalty, l0 in tried.items()}
    nearest, *others = sorted(tried, key=lambda penalty: abs(excess_of[penalty]))
    excess = excess_of[nearest]
    if others:
        second = next((penalty for penalty in others if excess_of[penalty] * excess < 0), others[0])
        slope = (excess - excess_of[second]) / math.log(nearest / second)
        if slope < -0.05:
            return nearest * math.exp(min(2.0, max(-2.0, -excess / slope)))
    return nearest * (4.0 if excess > 0 else 0.25)


def at_equal_l0(
    library: str, variant: str, data: Path, lr: float | None, results: dict, save, start: float
) -> tuple[str, float]:
    """The key of the training whose L0 is nearest to k, and its coefficient; every training is kept in the results."""
    target, tried, keys = SIZES["small"]["k"], {}, {}
    penalty = start
    for _ in range(MOST):
        key = f"{variant}/{library}/{lr or 'own'}/{penalty:.4g}"
        if key not in results:
            results[key] = learn(library, variant, data, lr, penalty)
            save()
        tried[penalty], keys[penalty] = results[key][-1]["l0"], key
        if abs(tried[penalty] / target - 1) <= 0.1:
            break
        penalty = next_penalty(tried, target)
    nearest = min(tried, key=lambda penalty: abs(math.log(max(tried[penalty], 0.1) / target)))
    return keys[nearest], nearest


def judge(variants: list[str], libraries: list[str] | None, folder: Path, results: dict, save) -> None:
    """Train the best of each library on the other dictionary; only the end counts, under a key that begins with judged."""
    data = planted_file(SIZES["small"], folder, 400_000, OTHER)
    for variant in variants:
        for library in libraries_of(variant):
            if libraries and library not in libraries:
                continue
            chosen = [{"lr": None, "penalty": None}] if library.startswith("kosae") else []
            chosen += [found] if (found := best(variant, library, results)) and found not in chosen else []
            for settings in chosen:
                key = f"judged/{variant}/{library}/{settings['lr'] or 'own'}"
                key += f"/{settings['penalty']:.4g}" if settings["penalty"] else ""
                if key not in results:
                    results[key] = learn(library, variant, data, **settings)
                    save()
                show(key, results[key])


def show(key: str, rows: list[dict]) -> None:
    """One line about a training."""
    last, until = rows[-1], seconds_until(rows, FOUND)
    print(f"{key:40} EV {last['explained_variance']:.3f}  L0 {last['l0']:6.1f}  dead {last['dead']:.1%}  "
          f"recovered {last['recovered']:.1%}  {last['cpu_seconds']:.0f} s, "
          f"{FOUND:.0%} found {f'after {until:.0f} s' if until else 'never'}", flush=True)  # fmt: skip


def seconds_until(rows: list[dict], recovered: float) -> float | None:
    """Processor seconds until that share of the true features was found, to the next look; None: never."""
    return next((row["cpu_seconds"] for row in rows if row["recovered"] >= recovered), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=["topk", "batchtopk"], choices=PEERS)
    parser.add_argument("--libraries", nargs="+", help="only these")
    parser.add_argument("--rates", nargs="+", type=float, help="only these learning rates, and not the libraries' own")
    parser.add_argument("--judge", action="store_true", help="train the best of each library on another dictionary")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}

    def save() -> None:
        results["machine"] = machine()
        if args.json:
            args.json.write_text(json.dumps(results, indent=1) + "\n")

    if "limits" not in results:
        results["limits"] = limits()
        save()
    for variant in ("topk", "batchtopk"):
        if (name := f"{variant}_from_truth") not in results["limits"]:
            results["limits"][name] = from_truth(variant)
            save()
    print(", ".join(f"EV of the {name.replace('_', ' ')}: {value:.4f}" for name, value in results["limits"].items()))
    with tempfile.TemporaryDirectory() as folder:
        if args.judge:
            return judge(args.variants, args.libraries, Path(folder), results, save)
        data = planted_file(SIZES["small"], Path(folder), 400_000)
        for variant in args.variants:
            for library in libraries_of(variant):
                if args.libraries and library not in args.libraries:
                    continue
                start = 0.1 if library == "dictionary-learning" and variant != "jumprelu" else 1.0  # their own defaults
                for lr in args.rates or (None, *RATES):
                    key = f"{variant}/{library}/{lr or 'own'}"
                    if variant in PENALISED and not library.startswith("kosae"):
                        key, start = at_equal_l0(library, variant, data, lr, results, save, start)
                    elif key not in results:
                        results[key] = learn(library, variant, data, lr)
                        save()
                    show(key, results[key])


if __name__ == "__main__":
    main()
