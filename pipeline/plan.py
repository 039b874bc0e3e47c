"""Say what a preset would need, without running it: `python -m pipeline.plan --preset exaone [-p k 64]`.

Bytes come from the sizes of what the chapters gather and train (`pipeline.work`, `kosae_core.needs`), and memory also from what
their analyses took in the committed run of `default`; seconds from what a
step and a pass cost (`pipeline.costs`) at the speed of this machine, measured here, or of the GPU that the preset names.
Facts about a model or a corpus that is not at hand stand in the preset's own `plan` section.
"""

from __future__ import annotations

import argparse
import inspect
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch

from kosae_core import needs, paths
from kosae_core.loading import DTYPES, load_lm
from kosae_core.sae import SAEConfig
from kosae_core.train_config import TrainConfig
from pipeline import analyses, costs, side_by_side, work
from pipeline import chapters as ch
from pipeline.command import told
from pipeline.execute import parse_value
from pipeline.facts import read_model, sentences
from pipeline.progress import minutes

OPTIONS = tuple(inspect.signature(load_lm).parameters)[1:]
LONGEST = 127
"""Where `gather` cuts a sentence."""


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
        parameters = self.preset.all_parameters([c for c in ch.read_chapters() if self.preset.runs(c)], self.extra)
        models = {p["lm_name"]: p["lm_options"] for p in parameters.values() if "lm_name" in p}
        if len(models) != 1:
            what = f"a plan is made for one language model, and {self.preset.name} names {sorted(models)}."
            raise ch.PipelineError(what)
        self.name, self.options = models.popitem()
        self.on_gpu = "speed" in about
        self.element = {"fp32": 4, "bf16": 2, "fp16": 2}.get(
            self.options.get("dtype"), 2 if self.on_gpu or torch.cuda.is_available() else 4
        )
        self.bits = self.options.get("bits")
        if unknown := [key for key in self.options if key not in OPTIONS]:
            raise ValueError(f"lm_options has no {unknown[0]!r}; there are {', '.join(OPTIONS)}.")
        if (dtype := self.options.get("dtype")) not in (None, *DTYPES):
            raise ValueError(f"lm_options: dtype must be one of {', '.join(DTYPES)}, not {dtype!r}.")
        self.model = read_model(self.name, about.get("models", {}), self.element)
        self.parameters = parameters
        for stem, each in parameters.items():
            self.parts[stem] = list(work.of(stem, each, self.model.n_layers))
        self.all = self.work(self.parts)

    @cached_property
    def here(self) -> costs.Rates:
        """This machine's rates, on one thread."""
        return costs.measured_rates()

    @cached_property
    def speeds(self) -> tuple[list[costs.Rates], str]:
        """Rates in the model and in training, and how they are known."""
        here, speed = self.here, self.preset.plan.get("speed")
        if speed is None:
            known = f"{here.products / 1e9:.0f} GFLOP/s and {here.memory / 1e9:.0f} GB/s on one thread, measured here just now"
            return [here, here], known
        memory = 1e9 * speed["memory_gb_s"]  # as passes over tables reach it, about 80% of what the maker states
        rates = [1e12 * speed["share"] * speed[kind] for kind in ("bf16_tflops", "fp32_tflops")]
        known = (
            f"{speed['share']:.0%} of {speed['bf16_tflops']} TFLOP/s in the model (bf16), of {speed['fp32_tflops']} in training "
            f"(fp32) and of {speed['memory_gb_s']} GB/s, as the preset states"
        )
        return [costs.Rates(products, memory, here.call) for products in rates], known

    @cached_property
    def per_sentence(self) -> dict[tuple[str, str], float]:
        """Tokens of a sentence, by corpus and language."""
        return {pair: self._tokens(*pair) for pair in sorted({(s.corpus, s.lang) for s in self.all.stores})}

    def _tokens(self, corpus: str, lang: str) -> float:
        source = "synthetic" if corpus == "generated" else corpus
        _, texts, why = sentences(source, "train", lang, paths.corpora_dir())
        if texts and self.model.place:
            from transformers import AutoTokenizer

            tokenizer = AutoTokenizer.from_pretrained(self.model.place, trust_remote_code=False)
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

    def rows_of(self, run: work.Run) -> int:
        """Rows that a training reads; of tensors that are not kept, as many as chapter 03 draws."""
        return self.tokens(run.source) if isinstance(run.source, work.Store) else 60_000

    def config(self, run: work.Run) -> SAEConfig:
        variant = "topk" if run.variant == "groupmax" else run.variant  # chapter 03's own, of the same size
        k = run.k if run.k is None or run.k <= run.n_features else None
        return SAEConfig(variant, run.n_features, k=k)

    def training(self, run: work.Run) -> dict[str, int]:
        """The bytes of one training, by part."""
        kept = isinstance(run.source, work.Store)
        cfg = TrainConfig(run.steps, run.batch_size)
        return needs.train_parts(
            self.config(run), cfg, run.d_model or self.model.d_model, self.rows_of(run), in_memory=not kept, held=bool(run.held),
            on_gpu=self.on_gpu,
        )  # fmt: skip

    def work(self, stems: Iterable[str]) -> work.Work:
        """All that some chapters make."""
        made = work.Work()
        for stem in stems:
            for part in self.parts[stem]:
                made.add(part)
        return made

    def disk(self, stems: Iterable[str] | None = None) -> dict[str, int]:
        """Bytes on disk, by kind, of some chapters or all; a model that is not here yet is downloaded, at 4 bytes a number or less."""
        asked = self.all if stems is None else self.work(stems)
        stores = sum(needs.store_bytes(self.tokens(store), self.model.d_model) for store in asked.stores)
        kept = [run for run in asked.runs if isinstance(run.source, work.Store)]
        return {
            "stores": stores,
            "autoencoders": sum(needs.sae_bytes(self.config(r), self.model.d_model) for r in kept),
        } | ({} if self.model.here else {"the model's download": 4 * self.model.n_params})

    def memory(self, stem: str) -> dict[str, int]:
        """The most bytes that a chapter holds at once on its device, by part: the model, one training, what it has trained."""
        runs = {part for part in self.parts[stem] if isinstance(part, work.Run)}
        sizes = {run: self.training(run) for run in runs}
        step = {run: each["weights, gradients and moments"] + each["batch"] for run, each in sizes.items()}
        each = {run: needs.sae_bytes(self.config(run), run.d_model or self.model.d_model) for run in runs}
        last = max((size for run, size in each.items() if not run.stays), default=0)  # still there as the next begins
        batch = int(4096 * self.model.per_token) + 4 * min(2**26, 4096 * self.model.vocab)
        return {
            "model": needs.lm_bytes(self.model.n_params, self.element, self.model.whole, self.bits), "a pass": batch if self.parts[stem] else 0,
            "training": max(step.values(), default=0),
            "autoencoders": last + sum(size for run, size in each.items() if run.stays),
        }  # fmt: skip

    def fits(self) -> str:
        """Whether the hardware that is named, or this machine, holds it; if not, what is short and the knob to turn."""
        has = self.preset.plan.get("hardware")
        device, ram = {s: sum(self.memory(s).values()) for s in self.parts}, {s: self.in_ram(s) for s in self.parts}
        disk, disk_knob = sum(self.disk().values()), "lower n_train, or set KOSAE_BUILD to a larger disk"
        knob = "lower n_features or batch_size there, or take a smaller model"
        if has:
            stem = self.largest(self.parts)
            asked = [
                ("disk", disk, 1e9 * has["disk_gb"], disk_knob), (f"GPU memory in {stem}", device[stem], 1e9 * has["gpu_gb"], knob),
                ("memory", max(ram.values()), 1e9 * has["memory_gb"], "lower n_train"),
            ]  # fmt: skip
        else:
            stem = self.largest(self.parts)
            asked = [
                ("disk", disk, needs.free_disk(paths.store_dir()), disk_knob),
                (f"memory in {stem}", device[stem] + ram[stem], needs.free_memory(), knob),
            ]  # fmt: skip
        short = [
            f"{needs.gb(needed)} of {what} is needed and {needs.gb(there)} is there: {turn}"
            for what, needed, there, turn in asked if needed > there
        ]  # fmt: skip
        return (
            f"no. {'. '.join(short)}" if short else f"yes, {'on that hardware' if has else 'by what is free here now'}"
        )

    def in_ram(self, stem: str) -> int:
        """What a chapter holds beside that in the machine's own memory."""
        return self.trainings(stem) + analyses.memory(self, stem) + self.beside(stem)

    def trainings(self, stem: str) -> int:
        """The process, the corpus, and what trainings hold for as long as they last."""
        runs = [part for part in self.parts[stem] if isinstance(part, work.Run)]
        trained = max((each["table"] + each["statistics"] for each in map(self.training, runs)), default=0)
        return needs.PROCESS + needs.reading_bytes(self.rows(stem)) + trained

    def table(self, stem: str) -> int:
        """The rows of a chapter's largest store as one fp32 table."""
        return 4 * self.model.d_model * self.rows(stem)

    def rows(self, stem: str) -> int:
        """Tokens of a chapter's largest store."""
        stores = {s for p in self.parts[stem] if isinstance(s := getattr(p, "source", p), work.Store)}
        return max(map(self.tokens, stores), default=0)

    def beside(self, stem: str) -> int:
        """What chapter 08 holds of every block at once."""
        p, m = self.parameters[stem], self.model
        tokens = self.per_sentence[p["parallel"], "ko"] if "parallel" in p else 0
        return work.of_every_block(p, m.n_layers, m.d_model, tokens) if tokens else 0

    def process(self, stem: str) -> int:
        """Bytes that a chapter takes of the machine's own memory."""
        return self.in_ram(stem) + (0 if self.on_gpu else sum(self.memory(stem).values()))

    def largest(self, stems: Iterable[str]) -> str:
        """The chapter that takes the most of the GPU, or of the machine's memory where there is none."""
        return max(stems, key=(lambda stem: sum(self.memory(stem).values())) if self.on_gpu else self.process)

    def seconds(self) -> dict[str, float]:
        """Gathering, as one pass over each set of sentences to its deepest point, and training."""
        deepest: dict[tuple, tuple[int, int]] = {}
        for store in self.all.stores:
            block = int(store.point.partition(".")[0][1:])
            key = (store.corpus, store.split, store.lang, store.first, store.limit)
            deepest[key] = max(deepest.get(key, (0, 0)), (block, self.tokens(store)))
        m, (model, training) = self.model, map(costs.Costs, self.speeds[0])
        inner = (m.n_params - m.vocab * m.d_model) / m.n_layers
        gather = sum(
            model.gather(inner * (block + 1), tokens, m.d_model, block + 1) for block, tokens in deepest.values()
        )  # fmt: skip
        return {"gathering": gather, "training": sum(self.train_seconds(training, run) for run in self.all.runs)}

    def train_seconds(self, speed: costs.Costs, run: work.Run) -> float:
        """Of one training."""
        return speed.train(
            run.variant, run.d_model or self.model.d_model, run.n_features, run.batch_size, run.steps, self.rows_of(run), k=run.k,
            target_l0=run.target_l0, initial_density=run.initial_density, held=bool(run.held),
        )  # fmt: skip


def report(plan: Plan) -> str:
    """The plan as people read it."""
    gb, m = needs.gb, plan.model
    disk, seconds, largest = plan.disk(), plan.seconds(), plan.largest(plan.parts)
    memory, ram = plan.memory(largest), max(map(plan.in_ram, plan.parts)) if plan.on_gpu else plan.in_ram(largest)
    runs = [run for run in plan.all.runs if isinstance(run.source, work.Store)]
    has = plan.preset.plan.get("hardware")
    lines = {
        "hardware": f"{has['gpu']}, {has['memory_gb']} GB of memory, {has['disk_gb']} GB of disk" if has else "this machine",
        "model": f"{plan.name}: {m.n_params / 1e6:,.1f} million parameters, d_model {m.d_model}, {m.n_layers} blocks ({m.how}); "
        f"{gb(memory['model'])} in {plan.bits or 8 * plan.element} bits",
        "gathers": f"{len(plan.all.stores)} stores, {sum(map(plan.tokens, plan.all.stores)) / 1e6:.2f} million rows "
        f"({'; '.join(dict.fromkeys(plan.notes))})",
        "trains": f"{len(plan.all.runs)} autoencoders, {len(runs)} of them kept, of up to {max((r.n_features for r in runs), default=0):,} features",
        "disk": f"{gb(sum(disk.values()))}: {', '.join(f'{kind} {gb(size)}' for kind, size in disk.items())} "
        f"(free here: {gb(needs.free_disk(paths.store_dir()))})",
        "memory": f"{gb(sum(memory.values()) + (0 if plan.on_gpu else ram))} {'of the GPU ' if plan.on_gpu else ''}in {largest}: "
        + ", ".join(f"{name} {gb(size)}" for name, size in memory.items())
        + (f"; {gb(ram)} of the machine" if plan.on_gpu else f", tables and the process {gb(ram)} (free here: {gb(needs.free_memory())})"),
        "fits": plan.fits(),
        "time": f"gathering {minutes(seconds['gathering'])}, training {minutes(seconds['training'])} of "
        + ("the GPU" if plan.on_gpu else "one core")
        + f"; analyses about {minutes(analyses.seconds(plan))} of one core; {side_by_side.default()} chapters run at once",
        "how": f"what a step and a pass cost ({costs.FILE.relative_to(paths.ROOT)}{', measured on a CPU, where new memory costs more: rather too long' if plan.on_gpu else ''}) at "
        f"{plan.speeds[1]}; analyses from what the committed run of default took, with the size of the largest store: a guess",
    }  # fmt: skip
    head = f"{plan.preset.name}: {len(plan.parts)} chapters ({', '.join(plan.parts)}); nothing was run."
    return "\n".join([head, *(f"  {name:9} {text}" for name, text in lines.items())])


@told(ch.PipelineError, ValueError)  # ValueError: what a chapter would say of a setting
def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m pipeline.plan", description="Say what a preset would need.")
    parser.add_argument("--preset", default="default", help="a file of chapters/presets (default: %(default)s)")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="set a parameter")
    options = parser.parse_args(argv)
    print(report(Plan(ch.read_preset(options.preset), {name: parse_value(value) for name, value in options.p})))
    return 0


if __name__ == "__main__":
    sys.exit(main())
