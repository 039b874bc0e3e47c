"""Training steps on a GPU at a size that people train: tokens per second, share of the card's bf16 rate, memory; and the
kernels beside PyTorch's own operations.

    python benchmarks/gpu_training.py --json benchmarks/results/gpu_training.json

Products are in bf16 with fp32 master weights. The rate of the card is that of its own bf16 product at the encoder's shape, in
the same run, in turn with the steps. Penalised variants are measured once they are sparse, after `--warm` steps. A result that
is already in the JSON is not measured again. `--device cpu --sizes tiny` only shows that the script runs.
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch

import kosae_core as kc
from kosae_core import patterns
from kosae_core.products import bags
from kosae_core.trainer import Trainer

SIZES = {
    "tiny": {"d_model": 32, "n_features": 256, "batch": 64, "k": 4},
    "gpt2": {"d_model": 768, "n_features": 24576, "batch": 8192, "k": 32},
    "large": {"d_model": 4096, "n_features": 65536, "batch": 8192, "k": 64},
}
SPARSE = ("topk", "batchtopk", "matryoshka")
VARIANTS = (*SPARSE, "standard", "gated", "jumprelu")


def timed(work: Callable[[], object], device: str) -> float:
    """Seconds of one call, with the device's work done."""
    if device == "cuda":
        torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - began


def rows(size: dict, device: str) -> torch.Tensor:
    """Tokens that are sums of a few random directions, eight batches of them."""
    generator = torch.Generator().manual_seed(0)
    n, n_true = 8 * size["batch"], size["n_features"] // 2
    directions_FD = torch.nn.functional.normalize(torch.randn(n_true, size["d_model"], generator=generator)).to(device)
    index_Nk = torch.randint(0, n_true, (n, size["k"]), generator=generator).to(device)
    weights_Nk = torch.rand(n, size["k"], generator=generator).to(device)
    bags = torch.nn.functional.embedding_bag(index_Nk, directions_FD, per_sample_weights=weights_Nk, mode="sum")
    return bags.cpu()


def step(variant: str, size: dict, acts_ND: torch.Tensor, device: str, warm: int, steps: int) -> dict:
    """One variant's seconds per step, beside the card's product, and its memory."""
    config = kc.SAEConfig(variant, size["n_features"], **({"k": size["k"]} if variant in SPARSE else {}))
    aim = {} if variant in SPARSE else {"target_l0": float(size["k"])}
    cfg = kc.TrainConfig(
        steps=2 * (warm + steps), batch_size=size["batch"], log_every=10**9, device=device, precision="bf16", **aim
    )
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    trainer = Trainer(config, acts_ND, cfg)
    for _ in range(warm):
        trainer.advance()
    x_BD = torch.randn(size["batch"], size["d_model"], device=device, dtype=torch.bfloat16)
    W_DF = torch.randn(size["d_model"], size["n_features"], device=device, dtype=torch.bfloat16)
    seconds, product = [], []
    for _ in range(steps):
        seconds.append(timed(trainer.advance, device))
        product.append(timed(lambda: x_BD @ W_DF, device))
    sae = trainer.sae.eval()
    with torch.no_grad():
        held_BD = acts_ND[: size["batch"]].to(device)
        l0 = float((sae.encode(held_BD) > 0).sum(1).float().mean())
    floor = statistics.median(product)
    return {
        "tokens_per_second": size["batch"] / statistics.median(seconds),
        "seconds": {"lowest": min(seconds), "median": statistics.median(seconds), "highest": max(seconds)},
        "encoder_product_seconds": floor,
        "bf16_tflops": 2 * x_BD.numel() * size["n_features"] / floor / 1e12,
        "encoder_product_share": floor / statistics.median(seconds), "l0": l0,
        "peak_gib": torch.cuda.max_memory_allocated() / 2**30 if device == "cuda" else None,
    }  # fmt: skip


def compare_kernels(size: dict, device: str, repeats: int) -> dict:
    """Medians of the kernels' seconds and of PyTorch's own operations, in turn."""
    B, D, F, k = size["batch"], size["d_model"], size["n_features"], size["k"]
    pre_BF = torch.randn(B, F, device=device)
    W_FD, y_BD = torch.randn(F, D, device=device), torch.randn(B, D, device=device)
    ours = patterns.backend(pre_BF)
    crow_B, cols_N, values_N = ours.top(pre_BF, k)
    pattern = patterns.Pattern(crow_B, cols_N, F)
    table_BF = torch.zeros_like(pre_BF).index_put((pattern.rows_N, pattern.cols_N), values_N)
    _ = pattern.by_column
    pairs = {
        "top": (lambda: ours.top(pre_BF, k), lambda: pre_BF.topk(k, dim=1, sorted=False)),
        "batch_top": (lambda: ours.batch_top(pre_BF, k * B), lambda: pre_BF.flatten().topk(k * B, sorted=False)),
        "decode": (lambda: ours.bag(values_N, pattern.crow_B, pattern.cols_N, W_FD), lambda: table_BF @ W_FD),
        "weight_gradient": (lambda: ours.bag_columns(*bags(values_N, y_BD, pattern)), lambda: y_BD.t() @ table_BF),
        "value_gradient": (lambda: ours.sampled(y_BD, W_FD, pattern), lambda: y_BD @ W_FD.t()),
    }
    found = {}
    for name, (own, torchs) in pairs.items():
        own(), torchs()
        took = [(timed(own, device), timed(torchs, device)) for _ in range(repeats)]
        own_s, torch_s = (statistics.median(side) for side in zip(*took, strict=True))
        found[name] = {"seconds": own_s, "torch_seconds": torch_s, "ratio": torch_s / own_s}
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs="+", default=["gpt2", "large"], choices=SIZES)
    parser.add_argument("--variants", nargs="+", default=VARIANTS, choices=VARIANTS)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--warm", type=int, default=60, help="steps before the measured ones")
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if args.device == "cuda" and not torch.cuda.is_available():
        print(
            "There is no CUDA device here, so nothing is measured; --device cpu --sizes tiny shows that the script runs."
        )
        return
    results = json.loads(args.json.read_text()) if args.json and args.json.exists() else {}
    name = torch.cuda.get_device_name() if args.device == "cuda" else platform.machine()
    results["machine"] = {"device": name, "torch": torch.__version__}
    for size_name in args.sizes:
        size, acts_ND = SIZES[size_name], None
        for part in ("kernels", *args.variants):
            key = f"{size_name}/{part}"
            if key not in results:
                acts_ND = rows(size, args.device) if acts_ND is None else acts_ND
                if part == "kernels":
                    results[key] = compare_kernels(size, args.device, args.steps)
                else:
                    results[key] = step(part, size, acts_ND, args.device, args.warm, args.steps)
                if args.json:
                    args.json.write_text(json.dumps(results, indent=1) + "\n")
            print(key, json.dumps(results[key]), flush=True)


if __name__ == "__main__":
    main()
