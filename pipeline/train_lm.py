"""Train the language model inside: `python -m pipeline.train_lm` (resumes from its last checkpoint).

Needs KOSAE_DATA_DIR (real text) and about two hours of two cores, or minutes of a GPU.
Work files go to KOSAE_LM_DIR (default build/lm); `--export` writes the model folder.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from tokenizers import Tokenizer
from transformers import LlamaConfig, LlamaForCausalLM

from pipeline import lm_data

log = logging.getLogger("kosae.train_lm")


def prepare(config: dict, folder: Path, work: Path, model_dir: Path) -> dict:
    """Tokenizer and token arrays of the real text, made once."""
    cache = work / "tokens.npz"
    if not (model_dir / "tokenizer.json").exists():
        lm_data.train_tokenizer(config, folder, model_dir)
    if not cache.exists():
        tokenizer = Tokenizer.from_file(str(model_dir / "tokenizer.json"))
        arrays = {}
        for split in ("train", "valid"):
            docs = list(lm_data.records(config, folder, split))
            tokens, offsets = lm_data.encode_documents(tokenizer, [d["text"] for d in docs])
            arrays |= {
                f"{split}_tokens": tokens,
                f"{split}_offsets": offsets,
                f"{split}_kind": np.array([f"{d['lang']}/{d['source']}" for d in docs]),
                f"{split}_bytes": np.array([len(d["text"].encode()) for d in docs]),
                f"{split}_chars": np.array([len(d["text"]) for d in docs]),
            }
        work.mkdir(parents=True, exist_ok=True)
        np.savez(work / "partial.npz", **arrays)
        os.replace(work / "partial.npz", cache)
    return dict(np.load(cache))


def synthetic_documents(model_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Token arrays of both languages of the synthetic corpus's training part."""
    import kosae_core as kc

    tokenizer = Tokenizer.from_file(str(model_dir / "tokenizer.json"))
    texts = [r.text for lang in ("ko", "en") for r in kc.load_corpus("synthetic", split="train", lang=lang)]
    return lm_data.encode_documents(tokenizer, texts)


def learning_rate(step: int, total: int, warmup: int, decay: float) -> float:
    """Warm up, stay, then fall linearly to 2 % (WSD; Hu et al. 2024, arXiv:2404.06395): returns a factor in (0, 1]."""
    left = (total - step) / (decay * total)
    return min(1.0, (step + 1) / warmup, 0.02 + 0.98 * left)


def cycle_span(stages: list[dict], counts: list[int], at: int) -> tuple[int, int]:
    """First step and number of steps of the cycle that stage `at` belongs to."""
    members = [i for i, stage in enumerate(stages) if stage["cycle"] == stages[at]["cycle"]]
    return sum(counts[: members[0]]), sum(counts[i] for i in members)


def optimizers(model: torch.nn.Module, settings: dict) -> list[torch.optim.Optimizer]:
    """Muon (Jordan et al. 2024) for hidden matrices, AdamW for the tied embedding and the norms."""
    hidden = [p for n, p in model.named_parameters() if p.ndim == 2 and "embed" not in n]
    rest = [p for n, p in model.named_parameters() if not (p.ndim == 2 and "embed" not in n)]
    return [
        torch.optim.Muon(
            hidden, lr=settings["lr_muon"], weight_decay=settings["weight_decay"], adjust_lr_fn="match_rms_adamw"
        ),
        torch.optim.AdamW(rest, lr=settings["lr_adam"], weight_decay=0.0, betas=(0.9, 0.98), fused=True),
    ]


def validation_rows(arrays: dict, context: int, rows: int = 256) -> torch.Tensor:
    flat = arrays["valid_tokens"][: rows * (context + 1) * 8].astype(np.int64)
    return torch.from_numpy(flat[: len(flat) // (context + 1) * (context + 1)]).view(-1, context + 1)[::8][:rows]


def make_model(config: dict) -> LlamaForCausalLM:
    """The untrained model of the configuration, the same at every call."""
    torch.manual_seed(config["seed"])
    special = {"bos_token_id": lm_data.BOS_ID, "eos_token_id": lm_data.BOS_ID, "pad_token_id": lm_data.PAD_ID}
    vocab_size = config["tokenizer"]["vocab_size"]
    return LlamaForCausalLM(LlamaConfig(vocab_size=vocab_size, tie_word_embeddings=True, **special, **config["model"]))


def stage_rows(config: dict, at: int, arrays: dict, weights: np.ndarray, model_dir: Path) -> np.ndarray:
    """The token stream of one stage, cut into rows of context + 1 tokens, shuffled."""
    extra = synthetic_documents(model_dir) if config["stages"][at]["synthetic"] else None
    stream = lm_data.stage_stream(config, at, arrays["train_tokens"], arrays["train_offsets"], weights, extra)
    row = config["stages"][at]["context"] + 1
    rows = stream[: len(stream) // row * row].reshape(-1, row)
    return rows[np.random.default_rng([config["seed"], at, 1]).permutation(len(rows))]


def train(
    config: dict, folder: Path, work: Path, model_dir: Path, device: str, passes: float = 1.0, stop: int | None = None
) -> None:
    """Train through all stages, from the checkpoint in `work` where there is one, to the end or to step `stop`.

    A stage that the checkpoint has passed is drawn again, since how many steps it gave decides where the next begins.
    """
    settings, stages = config["training"], config["stages"]
    arrays = prepare(config, folder, work, model_dir)
    weights = passes * np.array([lm_data.passes(config, *kind.split("/")) for kind in arrays["train_kind"]])
    expected = float((weights * np.diff(arrays["train_offsets"])).sum())
    counts = [min(s["steps"], int(s["share"] * expected // (s["rows"] * (s["context"] + 1)))) for s in stages]
    model = make_model(config).to(device)
    opts = optimizers(model, settings)
    step, curve, checkpoint = 0, [], work / "checkpoint.pt"
    if checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        model.load_state_dict(state["model"])
        for opt, saved in zip(opts, state["optimizers"], strict=True):
            opt.load_state_dict(saved)
        step, curve = state["step"], state["curve"]
    tokens = before = curve[-1]["tokens"] if curve else 0

    @torch.compile(disable=os.environ.get("KOSAE_COMPILE") == "0")
    def loss_of(inputs, targets):
        hidden = model.model(input_ids=inputs).last_hidden_state
        return F.cross_entropy(model.lm_head(hidden).float().flatten(0, 1), targets.flatten())

    def batch_loss(block):
        with torch.autocast(device.split(":")[0], torch.bfloat16):
            return loss_of(block[:, :-1], block[:, 1:])

    valid = validation_rows(arrays, stages[0]["context"]).to(device)
    began = time.time()
    log.info("%d parameters, about %d steps", sum(p.numel() for p in model.parameters()), sum(counts))
    for at, stage in enumerate(stages):
        rows, batch = stage_rows(config, at, arrays, weights, model_dir), stage["rows"]
        counts[at] = min(stage["steps"], len(rows) // batch)
        first, total = sum(counts[:at]), sum(counts)
        begin, span = cycle_span(stages, counts, at)
        decay = settings["decay"][stage["cycle"]]
        while step < first + counts[at]:
            if stop is not None and step >= stop:
                return
            block = rows[(step - first) * batch : (step - first + 1) * batch].astype(np.int64)
            factor = learning_rate(step - begin, span, settings["warmup"], decay)
            for opt, name in zip(opts, ("lr_muon", "lr_adam"), strict=True):
                for group in opt.param_groups:
                    group["lr"] = settings[name] * factor
            loss = batch_loss(torch.from_numpy(block).to(device))
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), settings["clip"])
            for opt in opts:
                opt.step()
                opt.zero_grad(set_to_none=True)
            step, tokens = step + 1, tokens + batch * stage["context"]
            save = step % settings["checkpoint_every"] == 0 or step in (total, stop)
            if save or step % 20 == 0:
                curve.append({"step": step, "tokens": tokens, "loss": loss.item()})
            if save:
                with torch.no_grad():
                    curve[-1]["valid"] = float(np.mean([float(batch_loss(v)) for v in valid.split(32)]))
                speed, scores = (tokens - before) / (time.time() - began), (loss.item(), curve[-1]["valid"])
                log.info("step %d/%d, loss %.3f, valid %.3f, %.0f tokens/s", step, total, *scores, speed)
                state = {"model": model.state_dict(), "optimizers": [o.state_dict() for o in opts]}
                torch.save(state | {"step": step, "curve": curve}, work / "partial.pt")
                os.replace(work / "partial.pt", checkpoint)


def export(work: Path, model_dir: Path, config: dict) -> None:
    """Write bf16 weights, the configuration and the loss curve to the model folder."""
    state = torch.load(work / "checkpoint.pt", map_location="cpu", weights_only=True)
    model = make_model(config)
    model.load_state_dict(state["model"])
    model.to(torch.bfloat16).save_pretrained(model_dir)
    (model_dir / "loss_curve.json").write_text(json.dumps(state["curve"], indent=0) + "\n")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--export", action="store_true", help="write the last checkpoint to the model folder and stop")
    parser.add_argument("--stop", type=int, help="stop (with a checkpoint) after this step")
    parser.add_argument("--passes", type=float, default=1.0, help="multiply every weight of the mix")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config = lm_data.load_config()
    work = Path(os.environ.get("KOSAE_LM_DIR", "build/lm"))
    work.mkdir(parents=True, exist_ok=True)
    model_dir = lm_data.MODEL
    if args.export:
        return export(work, model_dir, config)
    folder = lm_data.corpora()
    train(config, folder, work, model_dir, args.device, args.passes, args.stop)


if __name__ == "__main__":
    main()
