"""Samples per second of training, this project beside its peers, and what each has learnt from the same number of samples.

    python benchmarks/train_throughput.py --json benchmarks/results/train_throughput.json

Every library trains in a process of its own with 2 threads on the same planted activations; the processes take turns,
a few steps each, so that a change of the machine's load falls on all; the first step after waiting for the others, which no
training does, is not timed, since it may take twice as long as the next. The peers live in an environment that this script makes
beside the project's (`build/peers`), with the same torch. A result that is already in the JSON is not measured again.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from kosae_core import paths
from kosae_core.planted import Planted, PlantedConfig

WORKER = Path(__file__).parent / "workers" / "throughput.py"
LEARNT = Path(__file__).parent / "results" / "planted_quality.json"
PINS = {"sae-lens": "6.54.12", "dictionary-learning": "0.1.0", "eai-sparsify": "1.3.3"}
NEEDED = (
    "natsort",
    "schedulefree",
    "einops",
    "simple-parsing",
    "wandb",
    "tqdm",
    "nnsight<0.4",
    "babe",
    "nltk",
    "python-dotenv",
    "tenacity",
)
SIZES = {
    "small": {"d_model": 128, "n_features": 2048, "batch": 2048, "k": 16},
    "middle": {"d_model": 256, "n_features": 8192, "batch": 2048, "k": 32},
    "gpt2": {"d_model": 768, "n_features": 24576, "batch": 2048, "k": 32},
}
# Matrix products of a dense step (batch x d_model x n_features); of the sparse variants all but the encoder's touch k features.
PRODUCTS = {
    "standard": 5, "gated": 7, "jumprelu": 5, "p_anneal": 5, "gated_anneal": 7, "topk": 1, "batchtopk": 1, "matryoshka": 1,
}  # fmt: skip
DENSE = ("standard", "gated", "jumprelu")
"""Variants whose peers compute with dense tables: sae-lens is compiled for them too, as its runner would."""
GROUPMAX = "eai-sparsify groupmax"
"""Measured beside TopK, but not the peer that ratios are of: it keeps the largest of each of k groups, not the k largest."""
PEERS = {
    "standard": ("dictionary-learning", "sae-lens"), "gated": ("dictionary-learning", "sae-lens"),
    "jumprelu": ("dictionary-learning", "sae-lens"), "p_anneal": ("dictionary-learning",), "gated_anneal": ("dictionary-learning",),
    "topk": ("eai-sparsify", GROUPMAX, "dictionary-learning", "sae-lens"),
    "batchtopk": ("dictionary-learning", "sae-lens"), "matryoshka": ("dictionary-learning", "sae-lens"),
}  # fmt: skip


def peer_python() -> Path:
    """The Python of the peers' environment, made at the first call: torch from here, the rest pinned."""
    folder = paths.build_dir() / "peers"
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet"]
        subprocess.run([*pip, f"torch=={torch.__version__.split('+')[0]}"], check=True)
        # torchvision, which a peer asks for and none of this needs, would bring another torch: no dependencies of theirs
        pins = [f"{name}=={version}" for name, version in PINS.items()]
        subprocess.run([*pip, "--no-deps", *pins], check=True)
        held = folder / "constraints.txt"
        held.write_text(f"torch=={torch.__version__.split('+')[0]}\n")
        needed = [*NEEDED, "transformers", "datasets", "accelerate", "transformer-lens<4"]
        subprocess.run([*pip, "--constraint", held, *needed], check=True)
        # what else asks for torchvision gets one that is made for another torch, and with it transformers cannot be imported
        subprocess.run([python, "-m", "pip", "uninstall", "--quiet", "--yes", "torchvision"], check=True)
        (folder / "complete").touch()
    return python


class Side:
    """One worker process."""

    def __init__(
        self, library: str, variant: str, precision: str, data: Path, options: dict, threads: int = 2
    ) -> None:  # fmt: skip
        self.name = f"{library}, {precision}"
        python = sys.executable if library.startswith("kosae") else str(peer_python())
        command = [python, str(WORKER), library, variant, precision, str(data), json.dumps(options)]
        settings = {
            "OMP_NUM_THREADS": str(threads),
            "WANDB_MODE": "disabled",
            "PYTHONWARNINGS": "ignore",
        }
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ | settings
        )
        self._answer()

    def ask(self, order: str) -> dict:
        print(order, file=self.process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict:
        for line in self.process.stdout:
            if line.startswith("{"):  # peers print what they like
                return json.loads(line)
        raise RuntimeError(f"{self.name}: the worker ended with status {self.process.wait()}; its message is above.")

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()


def planted(size: dict, seed: int = 0) -> Planted:
    """The dictionary of true features that a size is measured on: frequencies and values both have long tails."""
    active = 0.75 * size["k"]
    return Planted(
        PlantedConfig(size["d_model"], size["n_features"] // 2, active, zipf=0.8, values="exponential", seed=seed)
    )


def planted_file(size: dict, folder: Path, n_tokens: int, seed: int = 0) -> Path:
    """Training and held-out tokens of a planted dictionary, and its directions."""
    of, path = planted(size, seed), folder / f"planted-{seed}.npz"
    np.savez(
        path, acts_ND=of.sample(n_tokens, 1)[0].numpy(), held_ND=of.sample(20_000, 2)[0].numpy(),
        true_FD=of.directions_FD.numpy(),
    )  # fmt: skip
    return path


def machine() -> dict[str, str]:
    """What the numbers were measured on."""
    can = torch.cpu.get_capabilities()
    return {
        "processor": can.get("cpu_name") or platform.machine(), "vectors": torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
    }  # fmt: skip


def product_rate(size: dict, dtype: torch.dtype) -> float:
    """GFLOP/s of this machine's matrix product at the encoder's shape."""
    x_BD = torch.randn(size["batch"], size["d_model"]).to(dtype)
    W_DF = torch.randn(size["d_model"], size["n_features"]).to(dtype)
    rates = []
    for _ in range(5):
        began = time.perf_counter()
        x_BD @ W_DF
        rates.append(2 * x_BD.numel() * W_DF.shape[1] / (time.perf_counter() - began) / 1e9)
    return statistics.median(rates)


def best(variant: str, library: str, learnt: dict) -> dict[str, float | None] | None:
    """The learning rate and penalty with which a library has learnt most in `planted_quality.py`'s sweep; None: its own.

    By the sum of explained variance and features found at the end, of those whose L0 is within a tenth of k; nothing where no
    training of the library has such an L0.
    """
    start, found = f"{variant}/{library}/", {}
    for key in (key for key in learnt if key.startswith(start)):
        last = learnt[key][-1]
        if abs(last["l0"] / SIZES["small"]["k"] - 1) <= 0.1:
            found[key] = last["explained_variance"] + last["recovered"]
    if not found:
        return None
    values = [
        None if part == "own" else float(part) for part in max(found, key=found.get).removeprefix(start).split("/")
    ]
    return dict(zip(("lr", "penalty"), [*values, None], strict=False))


def measure(variant: str, size: dict, data: Path, budget: int, turn: int, learnt: dict) -> dict:
    """Each side's samples per second over a whole training (with the spread over turns), and what it has learnt by it.

    Whole trainings, since a penalised autoencoder's steps cost less as it becomes sparse; neither the first turn is timed nor the
    first step of any, before which the side has waited for the others. A peer has the learning rate and penalty with which it has
    `learnt` most at our L0, or its own where nothing is known of it. bf16 is left out where the machine's products
    in it are slower than in fp32.
    """
    options = {name: size[name] for name in ("n_features", "batch", "k")} | {"steps": budget}
    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16}
    if product_rate(size, torch.bfloat16) < product_rate(size, torch.float32):
        del dtypes["bf16"]
    names = [("kosae", precision) for precision in dtypes]
    compiled = ("compiled",) * (variant in DENSE)
    names += [(peer, precision) for peer in PEERS[variant]
              for precision in ((*dtypes, *compiled) if peer == "sae-lens" else ("fp32",))]  # fmt: skip
    settings = {peer: best(variant, peer, learnt) or {} for peer in PEERS[variant]}
    sides = [
        Side(library, variant, precision, data, options | settings.get(library, {})) for library, precision in names
    ]
    seconds: dict[str, list[float]] = {side.name: [] for side in sides}
    rate = []
    for number in range(budget // turn):
        for side in sides if number % 2 else reversed(sides):
            side.ask("1")
            took = side.ask(str(turn - 1))["seconds"]
            if number:
                seconds[side.name].append(took)
        rate.append([product_rate(size, dtype) for dtype in dtypes.values()])
    found, timed = {}, (turn - 1) * size["batch"]
    for side in sides:
        taken = seconds[side.name]
        found[side.name] = {
            "samples_per_second": timed * len(taken) / sum(taken), "lowest": timed / max(taken), "highest": timed / min(taken),
            "quality": side.ask("quality"),
        }  # fmt: skip
        side.close()
    fastest = max(
        (n for n in found if not n.startswith(("kosae", GROUPMAX))), key=lambda n: found[n]["samples_per_second"]
    )
    gflops = dict(zip(dtypes, (statistics.median(rates) for rates in zip(*rate, strict=True)), strict=True))
    result = {
        "machine": machine(),
        "size": size,
        "steps": budget,
        "settings": settings,
        "sides": found,
        "fastest_peer": fastest,
        "gflops": gflops,
        "ratios": {},
    }
    for precision in dtypes:
        ours = seconds[f"kosae, {precision}"]
        turns = sorted(b / a for a, b in zip(ours, seconds[fastest], strict=True))
        result["ratios"][precision] = {
            "ratio": sum(seconds[fastest]) / sum(ours), "lowest": turns[0], "median": statistics.median(turns),
            "highest": turns[-1],
        }  # fmt: skip
        products = PRODUCTS[variant] * 2 * size["d_model"] * size["n_features"]
        speed = found[f"kosae, {precision}"]["samples_per_second"]
        result["ratios"][precision]["share_of_limit"] = speed * products / gflops[precision] / 1e9
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["small"], choices=SIZES)
    parser.add_argument("--variants", nargs="+", default=list(PEERS), choices=PEERS)
    parser.add_argument("--budget", type=int, default=1000, help="steps of a training, after which quality is measured")
    parser.add_argument("--turn", type=int, default=50, help="steps that a side takes at a time, the first untimed")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.turn < 2 or args.budget < 2 * args.turn:
        parser.error(f"a turn is at least 2 steps and a training 2 turns, not {args.turn} and {args.budget} steps.")
    torch.set_num_threads(2)
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    known = json.loads(LEARNT.read_text()) if LEARNT.exists() else {}
    for name in args.sizes:
        size = SIZES[name]
        with tempfile.TemporaryDirectory() as folder:
            data = None
            for variant in args.variants:
                key = f"{name}/{variant}"
                if key not in results:
                    data = data or planted_file(size, Path(folder), 400_000 if name == "small" else 200_000)
                    learnt = known if name == "small" else {}  # it was learnt at that size
                    results[key] = measure(variant, size, data, args.budget, args.turn, learnt)
                    if args.json:
                        args.json.write_text(json.dumps(results, indent=1) + "\n")
                row = results[key]
                for precision, r in row["ratios"].items():
                    print(f"{key}, {precision}: {r['ratio']:.2f}x [{r['lowest']:.2f}, {r['highest']:.2f}] of "
                          f"{row['fastest_peer']}; {r['share_of_limit']:.2f} of the products' limit")  # fmt: skip
                for side, numbers in row["sides"].items():
                    q = numbers["quality"]
                    print(f"  {side:28} {numbers['samples_per_second'] / 1e3:7.1f}k/s  EV {q['explained_variance']:.3f}  "
                          f"L0 {q['l0']:6.1f}  dead {q['dead']:.1%}  recovered {q['recovered']:.1%}", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
