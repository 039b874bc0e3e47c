"""Tokens per second of `gather` beside a bare forward pass over the same batches, stopped at the same block.

`python benchmarks/gather_throughput.py --out benchmarks/results/gather_throughput.json`

The bare pass is given ready-made batches and keeps nothing; `gather` also tokenizes, selects, converts, writes, hashes
and seals its store. Both run in turn in one process, so that a change of the machine's load falls on both; processor
time stands beside wall time for a machine that is shared.
"""

import argparse
import json
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

import torch
import transformers

from kosae_core import activations, batches, lm

MODELS = {
    "kosae-lm size": {"hidden_size": 256, "intermediate_size": 688, "num_hidden_layers": 6, "num_attention_heads": 8},
    "small": {"hidden_size": 768, "intermediate_size": 2048, "num_hidden_layers": 12, "num_attention_heads": 12},
}


def random_lm(size: str, device: str) -> lm.LanguageModel:
    """A Llama of this size with random weights and the tokenizer of the model inside."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(activations.store.paths.models_dir() / "kosae-lm")
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer), tie_word_embeddings=True, max_position_embeddings=512, **MODELS[size]
    )
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    return lm.LanguageModel(size, transformers.LlamaForCausalLM(config).to(device, dtype), tokenizer)


def random_texts(model: lm.LanguageModel, n_tokens: int) -> list[str]:
    """Texts of random tokens, 10 to 60 each, as the project's corpora have them."""
    generator = torch.Generator().manual_seed(0)
    texts, total = [], 0
    while total < n_tokens:
        length = int(torch.randint(10, 60, (1,), generator=generator))
        texts.append(model.tokenizer.decode(torch.randint(300, 7000, (length,), generator=generator).tolist()))
        total += length
    return texts


def bare_pass(model: lm.LanguageModel, ready: list[batches.Batch], point: str) -> None:
    """The forward passes alone."""
    sinks = {model.resolve(point): lambda hidden: None}
    for batch in ready:
        with model.watched(sinks):
            model.forward(batch)
    if model.device.type == "cuda":
        torch.cuda.synchronize()


def compare(model: lm.LanguageModel, texts: list[str], points: list[str], repeats: int) -> dict:
    """Seconds of both, in turn, and their medians."""
    documents = model.documents(texts, 128)
    groups = batches.length_batches([len(ids) for ids in documents], 4096)
    ready = [model.batch([documents[row] for row in rows]) for rows in groups]
    last = max(points, key=lambda point: model.resolve(point).block)
    _ = model.key  # hashed once for each model, not once for each gather
    seconds: dict[str, list[float]] = {"bare": [], "gather": []}
    cpu_seconds: dict[str, list[float]] = {"bare": [], "gather": []}
    for repeat in range(repeats + 1):
        for kind in ("bare", "gather") if repeat % 2 else ("gather", "bare"):
            with tempfile.TemporaryDirectory() as folder:
                os.environ["KOSAE_BUILD"] = folder
                began, cpu_began = time.perf_counter(), time.process_time()
                if kind == "bare":
                    bare_pass(model, ready, last)
                else:
                    held = activations.gather(model, texts, points)
                if repeat:  # the first round warms up
                    seconds[kind].append(time.perf_counter() - began)
                    cpu_seconds[kind].append(time.process_time() - cpu_began)
    n_tokens = held[points[0]].n_tokens
    ratios = [b / g for b, g in zip(seconds["bare"], seconds["gather"], strict=True)]
    cpu_ratios = [b / g for b, g in zip(cpu_seconds["bare"], cpu_seconds["gather"], strict=True)]
    return {
        "points": points,
        "tokens": n_tokens,
        "bare_tokens_per_s": n_tokens / statistics.median(seconds["bare"]),
        "gather_tokens_per_s": n_tokens / statistics.median(seconds["gather"]),
        "ratio_median": statistics.median(ratios),
        "ratio_min": min(ratios),
        "ratio_max": max(ratios),
        "cpu_ratio_median": statistics.median(cpu_ratios),
        "seconds": seconds,
        "cpu_seconds": cpu_seconds,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tokens", type=int, default=60_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--size", choices=MODELS, default="kosae-lm size")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    model = random_lm(args.size, args.device)
    texts = random_texts(model, args.tokens)
    report = {
        "machine": {
            "processor": platform.processor() or platform.machine(), "cores": os.cpu_count(),
            "threads": torch.get_num_threads(), "load_before": os.getloadavg()[0], "torch": torch.__version__,
            "device": torch.cuda.get_device_name() if args.device == "cuda" else "cpu",
        },
        "model": {"size": args.size, **MODELS[args.size], "parameters": model.model.num_parameters()},
        "runs": [
            compare(model, texts, points, args.repeats)
            for points in (["q2.resid_post"], ["q1.resid_post", "q2.resid_post", "q3.resid_post", "q2.mlp_out"])
        ],
    }  # fmt: skip
    text = json.dumps(report, indent=1)
    if args.out:
        args.out.parent.mkdir(parents=True, exist_ok=True)
        args.out.write_text(text + "\n")
    print(text)


if __name__ == "__main__":
    main()
