"""What huge pages would change in a training: seconds of a step, and the memory that it takes, with spread over processes.

    python benchmarks/huge_pages.py --json benchmarks/results/huge_pages.json

Three ways to get memory, in turn, each in a process of its own: the heap, as PyTorch does by itself; huge pages for tables of
2 MiB or more, which PyTorch takes where THP_MEM_ALLOC_ENABLE=1 stands before its first tensor; the same with every block of 1 MiB or more given back when it is freed.
"""

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
from train_throughput import machine

WAYS = {
    "heap": {"THP_MEM_ALLOC_ENABLE": "0"},
    "huge pages": {"THP_MEM_ALLOC_ENABLE": "1"},
    "huge pages, given back": {"THP_MEM_ALLOC_ENABLE": "1", "MALLOC_MMAP_THRESHOLD_": str(1 << 20)},
}
SETTINGS = [
    ("topk", 256, 16384, 1024, 16), ("topk", 256, 4096, 1024, 40), ("topk", 512, 8192, 4096, 12), ("standard", 256, 4096, 1024, 40),
    ("gated", 256, 8192, 2048, 12), ("jumprelu", 128, 2048, 512, 100), ("batchtopk", 128, 2048, 512, 100),
]  # fmt: skip
WORKER = Path(__file__).parent / "workers" / "huge_pages.py"


def measured(setting: tuple, way: dict[str, str]) -> dict[str, float]:
    """Seconds of a step and bytes of one training, in a new process."""
    command = [sys.executable, str(WORKER), *map(str, setting)]
    return json.loads(subprocess.run(command, env=os.environ | way, capture_output=True, text=True, check=True).stdout)


def compared(setting: tuple, rounds: int) -> dict:
    """Each way's share of the heap's seconds, by round, and its bytes: quartiles, and least and most."""
    found = [{name: measured(setting, way) for name, way in WAYS.items()} for _ in range(rounds)]
    result = {}
    for name in WAYS:
        share = np.quantile([row[name]["seconds"] / row["heap"]["seconds"] for row in found], (0.25, 0.5, 0.75))
        peaks = [row[name]["peak"] for row in found]
        result[name] = {"seconds_of_heap": [round(s, 3) for s in share], "peak": [min(peaks), int(np.median(peaks)), max(peaks)]}  # fmt: skip
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--rounds", type=int, default=7)
    args = parser.parse_args()
    found = {"machine": machine(), "rounds": args.rounds}
    for variant, d_model, n_features, batch, steps in SETTINGS:
        name = f"{variant}/d{d_model}/f{n_features}/b{batch}"
        found[name] = compared((variant, d_model, n_features, batch, steps), args.rounds)
        print(f"{name}: {json.dumps(found[name])}", flush=True)
        if args.json:
            args.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
