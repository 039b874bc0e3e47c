"""The measurements of `scaling.py`, each a function that runs in a process of its own and returns plain numbers.

One thread throughout: chapters run side by side with one each, and threads that wait for each other count as processor time
too. Seconds are processor time. Memory is the most that the process grew by.
"""

import ctypes
import gc
import os
import statistics
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import torch
import transformers

import kosae_core as kc
from kosae_core import activations, kernels, lm, needs, paths
from kosae_core.live import giving_back
from kosae_core.planted import Planted, PlantedConfig
from kosae_core.trainer import Seen, Trainer
from pipeline import chapters as ch
from pipeline import facts, plan, work

OUTLIVES = 10**9


def status(name: str) -> int:
    """Bytes that the kernel counts for this process under a name of /proc/self/status."""
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))


class Peak:
    """The most memory that is added from the start on; what was freed before does not count as there."""

    def __init__(self) -> None:
        gc.collect()
        ctypes.CDLL(None).malloc_trim(0)
        self.before = status("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the largest size is counted from here on

    def bytes(self) -> int:
        return status("VmHWM") - self.before


def warm(variant: str | None) -> None:
    """What is compiled and loaded at a first step, and stays; a large product, whose code is another than a small one's."""
    torch.randn(512, 512) @ torch.randn(512, 2048)
    cfg = kc.TrainConfig(steps=6, batch_size=256, device="cpu")
    kc.train(kc.SAEConfig(variant or "topk", 512), torch.randn(1000, 64), cfg)


def process() -> int:
    """Bytes of this process when it has loaded everything and trained something small; it has to be a fresh one."""
    for variant in ("topk", "gated"):
        warm(variant)
    return Peak().before


class Entries(list):
    """How many entries each step chose, seen on the way; None where it computed with tables."""

    def __init__(self) -> None:
        inner = kernels.encode

        def encode(*args):
            code = inner(*args)
            self.append(None if code.pattern is None else len(code.pattern.cols_N))
            return code

        kernels.encode = encode


@giving_back(needs.GIVEN_BACK)
def step(variant: str, d_model: int, n_features: int, batch: int, steps: int, dead: float = 0.0, **sae) -> dict:
    """The median of some steps that do not move the weights, at a given density or k, and with a share of dead features."""
    acts_ND = torch.randn(max(4096, 2 * batch), d_model)
    config = kc.SAEConfig(variant, n_features, **sae)
    # the first steps of a long run, at a rate that changes nothing
    cfg = kc.TrainConfig(steps=10**6, batch_size=batch, lr=1e-9, log_every=OUTLIVES, resample_every=0, device="cpu")
    peak = Peak()
    trainer, seen, seconds = Trainer(config, acts_ND, cfg), Entries(), []
    for _ in range(steps + 1):
        trainer.silent_F.fill_(0)[: int(dead * n_features)] = 10**12
        began = time.process_time()
        trainer.advance()
        seconds.append(time.process_time() - began)
    taken, entries = peak.bytes(), seen[-1]
    trainer.held_BD = acts_ND[:batch]
    began = time.process_time()
    trainer._log(Seen())
    look = time.process_time() - began
    # the first step allocates, and is not timed
    return {"seconds": statistics.median(seconds[1:]), "look": look, "entries": entries, "peak": taken}


@giving_back(needs.GIVEN_BACK)
def train(variant: str, d_model: int, n_features: int, batch: int, steps: int, tokens: int, held: bool = False, k: int | None = None, **options) -> dict:  # fmt: skip
    """A whole training on planted tokens: its seconds, and what decided them."""
    planted = PlantedConfig(d_model, min(n_features // 2, 2048), active=12.0)
    acts_ND = Planted(planted).sample(tokens, 1)[0]
    config = kc.SAEConfig(variant, n_features, k=k)
    cfg = kc.TrainConfig(steps=steps, batch_size=batch, device="cpu", **options)
    seen, peak, began, dead = Entries(), Peak(), time.process_time(), []
    trainer = Trainer(config, acts_ND, cfg, acts_ND if held else None)
    start = time.process_time() - began
    while not trainer.done:
        trainer.advance()
        dead.append(float((trainer.silent_F > trainer.dead_after).float().mean()))
    seconds, taken = time.process_time() - began, peak.bytes()
    sparse = [n for n in seen if n is not None]
    return {
        "seconds": seconds, "start": start, "peak": taken,
        "dense": 1 - len(sparse) / len(seen), "dead": statistics.mean(dead),
        "density": statistics.mean(sparse) / batch / n_features if sparse else 0.0,
    }  # fmt: skip


def random_model(d_model: int, blocks: int, family: str = "llama", vocab: int = 8192) -> torch.nn.Module:
    """A model of random weights, on the device that torch takes at the time."""
    torch.manual_seed(0)
    heads = max(2, d_model // 64)
    if family == "gpt2":
        config = transformers.GPT2Config(
            vocab_size=vocab, n_embd=d_model, n_layer=blocks, n_head=heads, bos_token_id=0, eos_token_id=0
        )
    else:
        config = transformers.LlamaConfig(
            vocab_size=vocab, hidden_size=d_model, intermediate_size=43 * d_model // 16, num_hidden_layers=blocks,
            num_attention_heads=heads, num_key_value_heads=heads, tie_word_embeddings=True, max_position_embeddings=512,
        )  # fmt: skip
    return transformers.AutoModelForCausalLM.from_config(config).eval()


def random_lm(d_model: int, blocks: int, family: str = "llama") -> lm.LanguageModel:
    """The same, with the tokenizer of the model inside."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(paths.models_dir() / "kosae-lm")
    model = random_model(d_model, blocks, family, len(tokenizer))
    return lm.LanguageModel(f"{family}-{d_model}-{blocks}", model, tokenizer)


def said_peak(tokens: int, d_model: int, blocks: int, family: str, points: int, element: int) -> int:
    """What `make plan` says that a gathering takes: a full batch, the texts, and the pages of the stores that it writes."""
    with torch.device("meta"):
        of_batch = 4096 * facts.per_token(random_model(d_model, blocks, family))
    return int(of_batch) + needs.reading_bytes(tokens) + tokens * d_model * points * element


def inner_weights(model: lm.LanguageModel) -> int:
    """Weights that every token is multiplied with, as `make plan` counts them: all but the embedding."""
    table = model.model.get_input_embeddings().weight
    return sum(p.numel() for p in model.model.parameters()) - table.numel()


def gather(d_model: int, blocks: int, tokens: int, family: str = "llama", points: int = 1, dtype: str = "bf16") -> dict:
    """A pass over random texts of 10 to 60 tokens, to the last block: seconds, and bytes of the stores."""
    model = random_lm(d_model, blocks, family)
    generator, texts, total = torch.Generator().manual_seed(0), [], 0
    while total < tokens:
        length = int(torch.randint(10, 60, (1,), generator=generator))
        texts.append(model.tokenizer.decode(torch.randint(300, 7000, (length,), generator=generator).tolist()))
        total += length
    names = [f"b{blocks - 1 - i}.resid_post" for i in range(points)]
    with tempfile.TemporaryDirectory() as folder:  # the model hashed, and code loaded that stays
        os.environ["KOSAE_BUILD"] = folder
        activations.gather(model, texts[:2], names, dtype=dtype)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KOSAE_BUILD"] = folder
        peak, began = Peak(), time.process_time()
        stores = activations.gather(model, texts, names, dtype=dtype)
        seconds, taken = time.process_time() - began, peak.bytes()
        on_disk = sum(f.stat().st_size for f in Path(folder).rglob("*") if f.is_file())
    n_tokens = stores[names[0]].n_tokens
    element = {"bf16": 2, "fp32": 4}[dtype]
    return {
        "seconds": seconds, "tokens": n_tokens, "inner": inner_weights(model), "bytes": on_disk, "peak": taken,
        "said_bytes": needs.store_bytes(n_tokens, d_model, element, points),
        "said_peak": said_peak(n_tokens, d_model, blocks, family, points, element),
    }  # fmt: skip


def counted(preset: str, chapters: list[str] | None = None) -> plan.Plan:
    """A plan of some chapters of a preset, without the text that the model itself writes and trainings that are not kept."""
    said = plan.Plan(ch.read_preset(preset), {})
    parts = [part for stem, each in said.parts.items() if chapters is None or stem in chapters for part in each]
    said.all = work.Work()
    for part in parts:
        source = part.source if isinstance(part, work.Run) else part
        if isinstance(source, work.Store) and source.corpus != "generated":
            said.all.add(part)
    return said


def study(preset: str, chapters: list[str] | None = None) -> dict:
    """What `make plan` counts for chapters of a preset, done: every store and every kept training."""
    said = counted(preset, chapters)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["KOSAE_BUILD"] = folder
        model, stores, gathering = kc.load_lm(said.name, device="cpu"), {}, 0.0
        _ = model.key  # hashed once
        sets: dict[work.Store, list[work.Store]] = {}
        for store in said.all.stores:
            sets.setdefault(replace(store, point=""), []).append(store)
        for of, each in sets.items():
            texts = list(of.records().texts)
            began = time.process_time()  # without what makes the corpus
            found = activations.gather(model, texts, [store.point for store in each])
            gathering += time.process_time() - began
            stores |= {store: found[store.point] for store in each}
        began = time.process_time()
        for run in said.all.runs:
            like = replace(run, variant="topk") if run.variant == "groupmax" else run  # chapter 03's own
            config, cfg = like.settings()
            kc.train(config, stores[run.source], replace(cfg, device="cpu"), held=run.held and stores[run.held])
        training = time.process_time() - began
        taken = {
            kind: sum(f.stat().st_size for f in (paths.store_dir() / part).rglob("*") if f.is_file())
            for kind, part in (("stores", "activations"), ("autoencoders", "sae"))
        }  # fmt: skip
    return {
        "seconds": {"gathering": gathering, "training": training}, "bytes": taken,
        "trainings": len(said.all.runs), "stores": len(said.all.stores),
    }  # fmt: skip
