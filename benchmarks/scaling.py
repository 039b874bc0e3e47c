"""What trainings and gatherings cost as they grow, in processor time, memory and bytes; and the factors of `make plan`.

    python benchmarks/scaling.py --json benchmarks/scaling.json

Steps of every variant over 1,024 to 65,536 features and d_model 128 to 2,048; whole trainings over x1, x4 and x16 tokens;
gathering over as many, and over models of width 128 to 2,048; and a process before it does any of this. From these `fit` takes
the factors that `pipeline.costs` multiplies with a machine's rates. The seconds under `check/` are not
fitted (all memory is, in `needs`): trainings of other sizes, another family of models, and the stores and trainings of whole chapters, each beside what `make plan` says.

Each measurement runs in a process of its own; what is in the JSON is not measured again. With `--rounds 2` all are made twice,
one round after the other, and the smaller seconds count: other work on the machine only ever adds to them.
"""

import argparse
import json
import multiprocessing
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from scipy.optimize import nnls
from workers import scaling as measure

from pipeline import costs

BY_K, PENALISED = ("topk", "batchtopk", "matryoshka"), ("standard", "gated", "jumprelu")
SIZES = [(256, 4096, 1024), (128, 4096, 1024), (512, 4096, 1024), (2048, 4096, 1024), (256, 1024, 1024), (256, 16384, 1024),
         (256, 65536, 256), (256, 4096, 256), (128, 512, 256)]  # fmt: skip
"""d_model, features and batch of the steps that are measured."""
DENSE, RUNS = 0.3, (40, 160, 640)
LONGEST = ("topk",)
"""What is trained for the most steps too; it takes the most time."""
CHECKS = [
    ("topk", 384, 3072, 768, 120, {"k": 48}), ("batchtopk", 192, 6144, 512, 100, {"k": 24}), ("matryoshka", 320, 2560, 1024, 80, {"k": 16}),
    ("standard", 512, 2048, 1024, 80, {}), ("gated", 192, 6144, 512, 100, {"target_l0": 48.0}), ("jumprelu", 320, 3072, 768, 120, {"target_l0": 24.0}),
    ("p_anneal", 256, 2048, 1024, 100, {"target_l0": 32.0}), ("gated_anneal", 128, 4096, 1024, 100, {"target_l0": 32.0}),
    ("topk", 64, 512, 512, 200, {"k": 8}), ("standard", 768, 12288, 512, 12, {}), ("topk", 1024, 16384, 512, 8, {"k": 64}),
    ("gated", 320, 8192, 768, 20, {"target_l0": 48.0}), ("jumprelu", 192, 8192, 1024, 20, {"target_l0": 48.0}),
    ("batchtopk", 512, 8192, 512, 20, {"k": 32}), ("standard", 256, 6144, 2048, 12, {}),
]  # fmt: skip


def grid() -> Iterator[tuple[str, str, dict]]:
    """Name, function and settings of every measurement."""
    for d_model, n_features, batch in SIZES:
        sizes = {"d_model": d_model, "n_features": n_features, "batch": batch}
        sizes["steps"] = 7 if d_model * n_features <= 2**21 else 3
        name = f"d{d_model}/f{n_features}/b{batch}"
        for variant in BY_K:
            yield f"step/{variant}/sparse/{name}", "step", sizes | {"variant": variant, "k": 32}
        for variant in PENALISED:
            at = 0.002 if n_features == 65536 else 0.02
            yield f"step/{variant}/sparse/{name}", "step", sizes | {"variant": variant, "initial_density": at}
            yield f"step/{variant}/dense/{name}", "step", sizes | {"variant": variant, "initial_density": DENSE}
    base = {"d_model": 256, "n_features": 4096, "batch": 1024, "steps": 7}
    for variant in BY_K:
        yield f"step/{variant}/sparse/k128", "step", base | {"variant": variant, "k": 128}
        yield f"dead/{variant}", "step", base | {"variant": variant, "k": 32, "dead": 0.5}
    for variant in PENALISED:
        yield f"step/{variant}/sparse/8%", "step", base | {"variant": variant, "initial_density": 0.08}
    for variant in ("p_anneal", "gated_anneal"):  # their steps count as their parents'
        wide = base | {"n_features": 16384, "steps": 2}
        yield f"memory/{variant}", "step", wide | {"variant": variant, "initial_density": DENSE}
    whole = {"d_model": 128, "n_features": 2048, "batch": 512}
    for steps in RUNS:
        sizes = whole | {"steps": steps, "tokens": steps * 512}
        aims = [(v, "", {"k": 32}) for v in BY_K]
        aims += [
            (v, f"/{aim}", more) for v in PENALISED for aim, more in (("free", {}), ("target", {"target_l0": 32.0}))
        ]
        for variant, aim, more in aims:
            if steps < RUNS[-1] or variant + aim in LONGEST:
                yield f"train/{variant}{aim}/{steps}", "train", sizes | {"variant": variant} | more
    for tokens in (4096, 16384, 65536):
        yield f"gather/tokens/{tokens}", "gather", {"d_model": 256, "blocks": 4, "tokens": tokens}
    for d_model in (128, 512, 1024, 2048):
        yield (
            f"gather/d{d_model}",
            "gather",
            {"d_model": d_model, "blocks": 2, "tokens": 8192 if d_model < 2048 else 4096},
        )
    for variant, d_model, n_features, batch, steps, options in CHECKS:
        sizes = {"d_model": d_model, "n_features": n_features, "batch": batch, "steps": steps, "tokens": 20_000}
        yield (
            f"check/train/{variant}/d{d_model}/f{n_features}",
            "train",
            sizes | {"variant": variant, "held": True} | options,
        )
    yield "check/gather/gpt2", "gather", {"d_model": 384, "blocks": 6, "tokens": 12000, "family": "gpt2", "points": 2, "dtype": "fp32"}  # fmt: skip
    yield "check/gather/llama", "gather", {"d_model": 768, "blocks": 3, "tokens": 6000, "points": 3}
    chapters = ["05_probing", "06_tfidf_features", "07_visualization"]
    yield "check/study/smoke 05 to 07", "study", {"preset": "smoke", "chapters": chapters}


def alone(function: str, settings: dict) -> dict:
    """The result of a measurement in a process of its own.

    Raises  RuntimeError if it ended without one.
    """
    context = multiprocessing.get_context("fork")  # what is imported and compiled is there already
    here, there = context.Pipe(duplex=False)

    def call() -> None:
        # makes the pool of threads that a fork loses, before several that read a model ask for it
        torch.set_num_threads(1)
        measure.warm(settings.get("variant"))
        there.send(getattr(measure, function)(**settings))

    process = context.Process(target=call)
    process.start()
    there.close()
    try:
        return here.recv()
    except EOFError:
        raise RuntimeError(f"{function} with {settings} ended without a result; its message is above.") from None
    finally:
        process.join()


def fresh(code: str) -> str:
    """The last line that some code prints in a process of its own."""
    command, folder = [sys.executable, "-c", f"import torch; torch.set_num_threads(1); {code}"], Path(__file__).parent
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.splitlines()[-1]


def smaller(one: dict | None, other: dict) -> dict:
    """Two rounds of a measurement as one: the smaller of the seconds, the larger of the memory."""
    if one is None:
        return other
    least = {
        name: min(one[name], other[name]) for name in ("seconds", "look", "start") if isinstance(one.get(name), float)
    }
    return other | least | {name: max(one[name], other[name]) for name in ("peak",) if name in one}


def factors(rows: list[tuple[np.ndarray, float]], products: float | None = None) -> list[float]:
    """Non-negative factors of the columns, by least squares of the relative error; the first is given where it is counted."""
    columns, seconds = np.array([row for row, _ in rows]), np.array([taken for _, taken in rows])
    columns, left = columns / seconds[:, None], np.ones(len(rows))
    counted = [] if products is None else [products]
    if counted:
        columns, left = columns[:, 1:], left - products * columns[:, 0]
    return [*counted, *(round(float(each), 3) for each in nnls(columns, left)[0])]


def fit(measured: dict, rates: costs.Rates) -> dict:
    """The factors of `pipeline.costs`, from what was measured at these rates."""
    found: dict = {"step": {}, "course": {}}
    looks, starts, passes = [], [], []
    steps: dict[tuple[str, str], list] = {}
    for name, m in measured.items():
        kind, s, r = name.split("/"), m["settings"], m["result"]
        if kind[0] == "step":
            sizes = s["d_model"], s["n_features"], s["batch"]
            row = costs.step_columns(rates, *sizes, r["entries"] or 0)
            steps.setdefault((kind[1], kind[2]), []).append((row, r["seconds"]))
            looks.append((costs.step_columns(rates, *sizes), r["look"]))
        elif kind[0] == "train":
            row = costs.start_columns(rates, s["d_model"], s["n_features"], s["tokens"], kind[1] in PENALISED)
            starts.append((row, r["start"]))
            if r["dense"] < 0.02:  # all steps of one kind: they are as good as those above, and of another size
                entries = r["density"] * s["batch"] * s["n_features"]
                row = costs.step_columns(rates, s["d_model"], s["n_features"], s["batch"], entries)
                steps.setdefault((kind[1], "sparse"), []).append((row, (r["seconds"] - r["start"]) / s["steps"]))
        elif kind[0] == "gather":
            row = costs.gather_columns(rates, r["inner"], r["tokens"], s["d_model"], s["blocks"])
            passes.append((row, r["seconds"]))
    for (variant, kind), rows in steps.items():
        found["step"].setdefault(variant, {})[kind] = factors(rows, costs.PRODUCTS[kind].get(variant, 1))
    for variant in PENALISED:
        found["course"][variant] = {}
        for aim in ("free", "target"):
            runs = {steps: measured.get(f"train/{variant}/{aim}/{steps}") for steps in RUNS}
            runs = {steps: run["result"] for steps, run in runs.items() if run}
            means = {name: [round(run[name], 4) for run in runs.values()] for name in ("dense", "density")}
            found["course"][variant][aim] = {"steps": list(runs), **means}
    return found | {"look": factors(looks, 2), "start": factors(starts, 1), "gather": factors(passes)}


def machine() -> dict:
    """What the numbers were measured on."""
    can = torch.cpu.get_capabilities()
    return {
        "processor": can.get("cpu_name") or platform.machine(), "vectors": torch.backends.cpu.get_cpu_capability(),
        "cores": os.cpu_count(), "threads": 1, "torch": torch.__version__, "date": time.strftime("%Y-%m-%d"),
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, default=costs.FILE)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--only", nargs="+", default=[""], help="measurements whose names begin so, in this order")
    args = parser.parse_args()
    torch.set_num_threads(1)
    for variant in (*BY_K, *PENALISED):
        measure.warm(variant)
    results = json.loads(args.json.read_text()) if args.json.exists() else {"machine": machine(), "measured": {}}
    measured, seen = results["measured"], results.setdefault("rates", [])

    for count in range(1, args.rounds + 1):
        for name, function, settings in [each for prefix in args.only for each in grid() if each[0].startswith(prefix)]:
            before = measured.get(name)
            if before and before["rounds"] >= count:
                continue
            seen.append(asdict(costs.measured_rates(0.05)))
            found = alone(function, settings)
            result = smaller(before and before["result"], found)
            measured[name] = {"settings": settings, "rounds": count, "result": result}
            args.json.write_text(json.dumps(results, indent=1) + "\n")
            print(f"{name}: {json.dumps(result)}", flush=True)
    if "process" not in results["machine"]:
        said = fresh("from workers import scaling; print(scaling.process())")  # a fork shares pages
        results["machine"]["process"] = int(said)
    results["machine"]["rates"] = {name: float(np.median([each[name] for each in seen])) for name in seen[0]}
    if {name for name, *_ in grid()} <= measured.keys():
        results["costs"] = fit(measured, costs.Rates(**results["machine"]["rates"]))
    args.json.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
