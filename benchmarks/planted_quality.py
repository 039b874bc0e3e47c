"""What each library's autoencoders have learnt of a planted dictionary, at the best learning rate of the same sweep for all.

    python benchmarks/planted_quality.py --json benchmarks/results/planted_quality.json

The activations, settings and libraries are those of `train_throughput.py`, with 1 thread each; quality is measured on the
way too, for the processor time that a library needs until 90 % of the true features are found. A result that is already
in the JSON is not measured again.
"""

import argparse
import json
import tempfile
from pathlib import Path

from train_throughput import PEERS, SIZES, Side, machine, planted_file

RATES = (3e-4, 1e-3, 3e-3, 1e-2)
STEPS, LOOKS = 1000, 10
FOUND = 0.9


def learn(library: str, variant: str, data: Path, lr: float | None) -> list[dict]:
    """Quality and processor seconds after each tenth of one training; no `lr`: the library's own."""
    size = SIZES["small"]
    options = {name: size[name] for name in ("n_features", "batch", "k")} | {"steps": STEPS, "lr": lr}
    side = Side(library, variant, "fp32", data, options, threads=1)
    seconds, rows = 0.0, []
    for _ in range(LOOKS):
        seconds += side.ask(str(STEPS // LOOKS))["cpu_seconds"]
        rows.append({"cpu_seconds": seconds} | side.ask("quality"))
    side.close()
    return rows


def seconds_until(rows: list[dict], recovered: float) -> float | None:
    """Processor seconds until that share of the true features was found, to the next look; None: never."""
    return next((row["cpu_seconds"] for row in rows if row["recovered"] >= recovered), None)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--variants", nargs="+", default=["topk", "batchtopk"], choices=PEERS)
    parser.add_argument("--libraries", nargs="+", help="only these")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        data = planted_file(SIZES["small"], Path(folder), 400_000)
        for variant in args.variants:
            for library in ("kosae", *PEERS[variant]):
                if args.libraries and library not in args.libraries:
                    continue
                for lr in (None, *RATES):
                    key = f"{variant}/{library}/{lr or 'own'}"
                    if key not in results:
                        results[key] = learn(library, variant, data, lr)
                        results["machine"] = machine()
                        if args.json:
                            args.json.write_text(json.dumps(results, indent=1) + "\n")
                    rows, until = results[key], seconds_until(results[key], FOUND)
                    last = rows[-1]
                    print(f"{key:40} EV {last['explained_variance']:.3f}  L0 {last['l0']:6.1f}  dead {last['dead']:.1%}  "
                          f"recovered {last['recovered']:.1%}  {last['cpu_seconds']:.0f} s, "
                          f"{FOUND:.0%} found {f'after {until:.0f} s' if until else 'never'}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
