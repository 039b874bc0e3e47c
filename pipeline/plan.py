"""Say what a preset would need, without running it: `python -m pipeline.plan --preset exaone [-p k 64]`.

Bytes come from the sizes of what the chapters gather and train (`pipeline.work`, `kosae_core.needs`); seconds from the
number of multiplications and how many this machine, or the GPU that the preset names, does in a second. Facts about a model
or a corpus that is not at hand stand in the preset's own `plan` section.
"""

from __future__ import annotations

import argparse
import sys
import time
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import Any

import torch

from kosae_core import needs, paths
from kosae_core.sae import SAEConfig
from kosae_core.train_config import TrainConfig
from pipeline import chapters as ch
from pipeline import work
from pipeline.execute import parse_value
from pipeline.progress import minutes

PRODUCTS = {"topk": 1.8, "batchtopk": 1.7, "matryoshka": 2.2, "standard": 3.0, "gated": 5.2, "jumprelu": 5.5, "p_anneal": 4.0, "gated_anneal": 4.8}  # fmt: skip
"""What a step costs, in products of (batch, d_model) with (d_model, features); measured on a CPU."""
PROCESS = 600 << 20
"""Memory of a chapter's process before it has loaded anything."""
SAMPLE, LONGEST = 200, 127
"""Sentences whose tokens are counted, where corpus and tokenizer are at hand, and where `gather` cuts a sentence."""
FACTS = ("n_params", "d_model", "n_layers", "vocab")


@dataclass(frozen=True)
class Model:
    """What the sizes of a run depend on."""

    n_params: int
    d_model: int
    n_layers: int
    vocab: int
    how: str
    place: str | None = None
    """The folder or name that its tokenizer is read from, where it is on this machine."""


def read_model(name: str, table: dict[str, Any]) -> Model:
    """The facts of a model: counted from its configuration, or else the preset's own.

    Raises  PipelineError for a model of which neither is there.
    """
    folder = paths.models_dir() / name if (paths.models_dir() / name).is_dir() else Path(name).expanduser()
    place = str(folder) if folder.is_dir() else name
    from transformers import AutoConfig, AutoModelForCausalLM

    try:  # a folder, or what the hub's cache has
        config = AutoConfig.from_pretrained(place, local_files_only=True)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(config)
        text = config.get_text_config(decoder=True)
        facts = model.num_parameters(), text.hidden_size, text.num_hidden_layers, text.vocab_size
        return Model(*facts, how="counted from its configuration", place=place)
    except (OSError, ValueError):  # not there, or with code of its own, which a plan does not run
        pass
    facts = table.get(name)
    if not isinstance(facts, dict) or not all(isinstance(facts.get(fact), int) for fact in FACTS):
        raise ch.PipelineError(
            f"the model {name!r} is not on this machine, and the preset's plan section does not say its "
            f"{', '.join(FACTS)} (under models)."
        )
    return Model(*(facts[fact] for fact in FACTS), how="as the preset states")


@cache
def sentences(corpus: str, split: str, lang: str, folder: Path | None) -> tuple[int | None, tuple[str, ...], str]:
    """How many there are and the first of them, or why that is not known; `folder` is where corpora are looked for."""
    from kosae_core.corpora import load_corpus
    from kosae_core.readers import CorpusError

    try:
        texts = load_corpus(corpus, split=split, lang=lang or None).texts
    except CorpusError as error:
        return None, (), str(error)
    return len(texts), tuple(texts[:SAMPLE]), ""


@dataclass
class Plan:
    """What the chapters of one preset need."""

    preset: ch.Preset
    extra: dict[str, Any]
    parts: dict[str, list[work.Store | work.Run]] = field(default_factory=dict)
    all: work.Work = field(default_factory=work.Work)
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        about = self.preset.plan
        parameters = {
            c.stem: self.preset.parameters(c, {k: v for k, v in self.extra.items() if k in c.parameters})
            for c in ch.read_chapters() if self.preset.runs(c)
        }  # fmt: skip
        for name in self.extra:
            if not any(name in p for p in parameters.values()):
                raise ch.PipelineError(f"no chapter of {self.preset.name} has a parameter {name!r}.")
        names = {p["lm_name"] for p in parameters.values() if "lm_name" in p}
        if len(names) != 1:
            raise ch.PipelineError(
                f"a plan is made for one language model, and {self.preset.name} names {sorted(names)}."
            )
        self.name = names.pop()
        self.model = read_model(self.name, about.get("models", {}))
        for stem, each in parameters.items():
            self.parts[stem] = list(work.of(stem, each, self.model.n_layers))
            for part in self.parts[stem]:
                self.all.add(part)
        speed = about.get("speed")
        self.on_gpu, self.element = bool(speed), 2 if speed else 4
        if speed:
            self.rates = [1e12 * speed["share"] * speed[kind] for kind in ("bf16_tflops", "fp32_tflops")]
            self.how_fast = (
                f"{speed['share']:.0%} of {speed['bf16_tflops']} TFLOP/s in the model (bf16) and of {speed['fp32_tflops']} in training "
                "(fp32), as the preset states"
            )
        else:
            self.rates = 2 * [measured_rate(self.model.d_model)]
            self.how_fast = f"{self.rates[0] / 1e9:.0f} GFLOP/s, measured here just now"

    @cached_property
    def per_sentence(self) -> dict[tuple[str, str], float]:
        """Tokens of a sentence, by corpus and language."""
        return {pair: self._tokens(*pair) for pair in sorted({(s.corpus, s.lang) for s in self.all.stores})}

    def _tokens(self, corpus: str, lang: str) -> float:
        source = "synthetic" if corpus == "generated" else corpus
        _, texts, why = sentences(source, "train", lang, paths.corpora_dir())
        if texts and self.model.place:
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(self.model.place, local_files_only=True)
            ids = tokenizer(list(texts), add_special_tokens=False)["input_ids"]
            self.notes.append(f"tokens of {source} counted on {len(texts)} sentences")
            return sum(min(len(one), LONGEST) for one in ids) / len(ids)
        stated = self.preset.plan.get("tokens_per_sentence", {}).get(source)
        stated = stated.get(lang) if isinstance(stated, dict) else stated
        if stated is None:
            why = why or f"{self.name} is not on this machine"
            raise ch.PipelineError(
                f"how many tokens a sentence of {source} has cannot be counted ({why.rstrip('.')}): say it in the preset's plan "
                "section, under tokens_per_sentence."
            )
        self.notes.append(f"{stated} tokens a sentence of {source} {lang}, as the preset states")
        return float(stated)

    def tokens(self, store: work.Store) -> int:
        """Rows of a store."""
        known = store.corpus != "generated"
        there = sentences(store.corpus, store.split, store.lang, paths.corpora_dir())[0] if known else None
        limits = [each for each in (store.limit, there) if each is not None]
        if not limits:
            raise ch.PipelineError(
                f"all sentences of {store.corpus} are asked for, which is not at hand: give n_train and n_test."
            )
        return round(max(0, min(limits) - store.first) * self.per_sentence[store.corpus, store.lang])

    def config(self, run: work.Run) -> SAEConfig:
        variant = "topk" if run.variant == "groupmax" else run.variant  # chapter 03's own, of the same size
        k = run.k if run.k is None or run.k <= run.n_features else None
        return SAEConfig(variant, run.n_features, k=k)

    def training(self, run: work.Run) -> dict[str, int]:
        """The bytes of one training, by part."""
        kept = isinstance(run.source, work.Store)
        n_tokens = self.tokens(run.source) if kept else 60_000
        cfg = TrainConfig(run.steps, run.batch_size)
        return needs.train_parts(self.config(run), cfg, run.d_model or self.model.d_model, n_tokens, in_memory=not kept, held=run.held)  # fmt: skip

    def disk(self) -> dict[str, int]:
        """Bytes on disk, by kind."""
        stores = sum(needs.store_bytes(self.tokens(store), self.model.d_model) for store in self.all.stores)
        kept = [run for run in self.all.runs if isinstance(run.source, work.Store)]
        return {
            "stores": stores,
            "autoencoders": sum(needs.sae_bytes(self.config(r), self.model.d_model) for r in kept),
        }

    def memory(self, stem: str) -> dict[str, int]:
        """The most bytes that a chapter holds at once on its device, by part: the model, one training, what it has trained."""
        runs = {part for part in self.parts[stem] if isinstance(part, work.Run)}
        sizes = {run: self.training(run) for run in runs}
        step = {run: each["weights, gradients and moments"] + each["batch"] for run, each in sizes.items()}
        each = {run: needs.sae_bytes(self.config(run), run.d_model or self.model.d_model) for run in runs}
        last = max((size for run, size in each.items() if not run.stays), default=0)  # still there as the next begins
        batch = needs.forward_bytes(4096, self.model.d_model, self.element) + 4 * min(2**26, 4096 * self.model.vocab)
        return {
            "model": self.model.n_params * self.element, "a pass": batch if self.parts[stem] else 0,
            "training": max(step.values(), default=0),
            "autoencoders": last + sum(size for run, size in each.items() if run.stays),
        }  # fmt: skip

    def in_ram(self, stem: str) -> int:
        """What a chapter holds beside that in the machine's own memory."""
        runs = [part for part in self.parts[stem] if isinstance(part, work.Run)]
        return PROCESS + max((each["table"] + each["statistics"] for each in map(self.training, runs)), default=0)

    def seconds(self) -> dict[str, float]:
        """Gathering, as one pass over each set of sentences to its deepest point, and training."""
        deepest: dict[tuple, tuple[int, int]] = {}
        for store in self.all.stores:
            block = int(store.point.partition(".")[0][1:])
            key = (store.corpus, store.split, store.lang, store.first, store.limit)
            deepest[key] = max(deepest.get(key, (0, 0)), (block, self.tokens(store)))
        inner = self.model.n_params - self.model.vocab * self.model.d_model
        gather = sum(2 * inner * tokens * (block + 1) / self.model.n_layers for block, tokens in deepest.values())
        train = sum(
            PRODUCTS.get(run.variant, 2.0) * 2 * run.steps * run.batch_size * run.n_features * (run.d_model or self.model.d_model)
            for run in self.all.runs
        )  # fmt: skip
        return {"gathering": gather / self.rates[0], "training": train / self.rates[1]}


def measured_rate(d_model: int) -> float:
    """Multiplications and additions in a second, in products of the size of a training's."""
    left, right = torch.randn(1024, d_model), torch.randn(d_model, 2048)
    done, began = 0, time.perf_counter()
    while time.perf_counter() - began < 0.3:
        left @ right
        done += 2 * 1024 * d_model * 2048
    return done / (time.perf_counter() - began)


def report(plan: Plan) -> str:
    """The plan as people read it."""
    gb, m = needs.gb, plan.model
    disk, seconds, largest = plan.disk(), plan.seconds(), max(plan.parts, key=lambda s: sum(plan.memory(s).values()))
    memory, ram = plan.memory(largest), max(map(plan.in_ram, plan.parts))
    runs = [run for run in plan.all.runs if isinstance(run.source, work.Store)]
    has = plan.preset.plan.get("hardware")
    lines = {
        "hardware": f"{has['gpu']}, {has['memory_gb']} GB of memory, {has['disk_gb']} GB of disk" if has else "this machine",
        "model": f"{plan.name}: {m.n_params / 1e6:,.1f} million parameters, d_model {m.d_model}, {m.n_layers} blocks ({m.how}); "
        f"{gb(memory['model'])} in {'bf16' if plan.on_gpu else 'fp32'}",
        "gathers": f"{len(plan.all.stores)} stores, {sum(map(plan.tokens, plan.all.stores)) / 1e6:.2f} million rows "
        f"({'; '.join(dict.fromkeys(plan.notes))})",
        "trains": f"{len(plan.all.runs)} autoencoders, {len(runs)} of them kept, of up to {max((r.n_features for r in runs), default=0):,} features",
        "disk": f"{gb(sum(disk.values()))}: stores {gb(disk['stores'])}, autoencoders {gb(disk['autoencoders'])} "
        f"(free here: {gb(needs.free_disk(paths.store_dir()))})",
        "memory": f"{gb(sum(memory.values()) + (0 if plan.on_gpu else ram))} {'of the GPU ' if plan.on_gpu else ''}in {largest}: "
        + ", ".join(f"{name} {gb(size)}" for name, size in memory.items())
        + (f"; {gb(ram)} of the machine" if plan.on_gpu else f", tables and the process {gb(ram)} (free here: {gb(needs.free_memory())})"),
        "time": f"gathering {minutes(seconds['gathering'])}, training {minutes(seconds['training'])}",
        "how": f"multiplications at {plan.how_fast}; a step costs {min(PRODUCTS.values()):g} to {max(PRODUCTS.values()):g} dense "
        "products by variant; what chapters do with the results (probes, pictures) is not in it",
    }  # fmt: skip
    head = f"{plan.preset.name}: {len(plan.parts)} chapters ({', '.join(plan.parts)}); nothing was run."
    return "\n".join([head, *(f"  {name:9} {text}" for name, text in lines.items())])


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.plan", description="Say what a preset would need.")
    parser.add_argument("--preset", default="default", help="a file of chapters/presets (default: %(default)s)")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    options = parser.parse_args(argv)
    try:
        print(report(Plan(ch.read_preset(options.preset), {name: parse_value(value) for name, value in options.p})))
    except ch.PipelineError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
