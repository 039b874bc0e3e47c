"""What each chapter gathers and trains, as far as its parameters decide it: what `make plan` adds up.

A store or an autoencoder that several chapters ask for is made once and counts once, as in the store itself. The functions
follow the code cells of the chapters; a test holds them against what a run has made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from kosae_core.base import VARIANTS
from kosae_core.corpora import Corpus, load_corpus
from kosae_core.hooks import resolve_point
from kosae_core.sae import SAEConfig
from kosae_core.train_config import TrainConfig

Parameters = dict[str, Any]
KOREAN_ALONE = {"ynat", "ud_ko", "hate"}
"""Named corpora without English."""
BY_K = {"topk", "batchtopk", "matryoshka", "groupmax"}
"""Variants that are given k; the others get a target for L0."""


@dataclass(frozen=True)
class Store:
    """The activations of some sentences at one point."""

    corpus: str
    split: str
    lang: str
    first: int
    limit: int | None
    """The sentences `first` to `limit` of the split; None: to its end."""
    point: str

    def records(self) -> Corpus:
        """Its sentences, as a chapter loads them."""
        return load_corpus(self.corpus, split=self.split, lang=self.lang or None, limit=self.limit)[self.first :]


@dataclass(frozen=True)
class Run:
    """One training."""

    variant: str
    n_features: int
    steps: int
    batch_size: int
    seed: int
    source: Store | str
    """What it reads; a text for tensors that are not kept, and then neither is the result."""
    k: int | None = None
    initial_density: float | None = None
    target_l0: float | None = None
    lr: float | None = None
    centre: str = "mean"
    auxk: int | None = None
    k_start: int | None = None
    k_share: float = TrainConfig.k_share
    k_shape: str = "linear"
    lift: float | None = None
    held: Store | None = None
    """What it is looked at on while it trains."""
    d_model: int | None = None
    """The width where it is not the model's."""
    stays: bool = field(default=False, compare=False)
    """Whether the chapter holds on to it while it trains others."""

    def __post_init__(self) -> None:
        if self.variant in VARIANTS:  # one that the chapter defines by itself is not known here
            self.settings()

    def settings(self) -> tuple[SAEConfig, TrainConfig]:
        """What the chapter gives to `train`.

        Raises  ValueError for a variant that a chapter defines by itself.
        """
        variants = {"k": self.k, "auxk": self.auxk, "centre": self.centre, "initial_density": self.initial_density}
        falling = {"k_start": self.k_start, "k_share": self.k_share, "k_shape": self.k_shape}
        schedule = {"lr": self.lr, "target_l0": self.target_l0, "lift": self.lift, "seed": self.seed} | falling
        return SAEConfig(self.variant, self.n_features, **variants), TrainConfig(
            self.steps, self.batch_size, **schedule
        )


@dataclass
class Work:
    """All that some chapters make."""

    stores: set[Store] = field(default_factory=set)
    runs: set[Run] = field(default_factory=set)

    def add(self, part: Store | Run) -> None:
        if isinstance(part, Run):
            self.runs.add(part)
            part = part.source
        if isinstance(part, Store):
            self.stores.add(part)


@dataclass(frozen=True)
class Chapter:
    """One chapter's parameters, with what most chapters do with them."""

    p: Parameters
    n_blocks: int

    def point(self, name: str) -> str:
        return str(resolve_point(name, self.n_blocks))

    def store(self, split: str, lang: str, point: str, limit: int | None = None, corpus: str | None = None, first: int = 0) -> Store:  # fmt: skip
        """As `Study.acts` gathers it, or the first `limit` sentences of that."""
        most = self.p["n_train" if split == "train" else "n_test"]
        limit = most if limit is None else limit if most is None else min(limit, most)
        return Store(corpus or self.p["corpus"], split, lang, first, limit, self.point(point))

    def both(self, lang: str, corpus: str | None = None) -> Iterator[Store]:
        for split, point in product(("train", "test"), ("middle", "late")):
            yield self.store(split, lang, self.p[point], corpus=corpus)

    def sae(self, variant: str, lang: str, point: str, corpus: str | None = None) -> Run:
        """As `Study.sae` trains it."""
        p, k = self.p, self.p["k"] if variant == "topk" else None
        source, held = (self.store(split, lang, point, corpus=corpus) for split in ("train", "test"))
        return Run(variant, p["n_features"], p["steps"], p["batch_size"], p["seed"], source, k=k, held=held, stays=True)

    def front(self, variant: str, l0: int, lang: str, seed: int, named: str, source: Store | None = None) -> Run:
        """As chapter 03 trains a point of its fronts, from the parameters that begin with `named`."""
        p, aim = self.p, {"k": l0} if variant in BY_K else {"target_l0": float(l0)}
        sizes = p[f"{named}_features"], p[f"{named}_steps"], p["batch_size"], seed
        held = None if source else self.store("test", lang, p["middle"])
        return Run(variant, *sizes, source or self.store("train", lang, p["middle"]), held=held, **aim)


def _02(c: Chapter) -> Iterator[Store | Run]:
    # With another model the built-in one reads some of the same sentences too: some MB, which are not counted.
    for lang in c.p["langs"]:
        yield from c.both(lang)
        for block in range(c.n_blocks):
            yield c.store("train", lang, f"b{block}.resid_post", c.p["n_probe"])
            for kind in ("resid_post", "mlp_out", "attn_out"):
                yield c.store("test", lang, f"b{block}.{kind}", c.p["n_block"])
        yield Store("synthetic", "test", lang, 0, c.p["n_prompts"], c.point(c.p["middle"]))
        yield Store("generated", "test", lang, 0, c.p["n_prompts"], c.point(c.p["middle"]))


def _03(c: Chapter) -> Iterator[Store | Run]:
    p = c.p
    yield from c.both("ko")
    yield from (c.sae(variant, "ko", p["middle"]) for variant in ("standard", "gated", "topk"))
    start, source = (p["n_features"], p["steps"], p["batch_size"], p["seed"]), c.store("train", "ko", p["middle"])
    yield Run("standard", *start, source, initial_density=0)
    for lang, variant, l0, seed in product(p["pareto_langs"], p["pareto_variants"], p["pareto_l0"], p["pareto_seeds"]):
        yield from c.both(lang)
        yield c.front(variant, l0, lang, seed, "pareto")
    later = ("batchtopk", "matryoshka", "jumprelu", "p_anneal", "gated_anneal", "topk", "groupmax")
    yield from (c.front(variant, p["pareto_l0"][0], "ko", p["seed"], "pareto") for variant in later)
    levels = [(variant, level) for variant, each in p["levels"].items() for level in each]
    six = ("standard", "gated", "jumprelu", "topk", "batchtopk", "matryoshka")
    aims = [
        *levels,  # the aim of TopK is one of its levels
        *((variant, "aim") for variant in ("p_anneal", "gated_anneal", *six) if variant != "topk"),
        *product(six, ("correlated", "hierarchical")),
        *(("topk", arm) for arm in ("bare", "lifted", "lifted, AuxK")),
    ]
    for (variant, level), seed in product(aims, range(p["seed"], p["seed"] + p["n_seeds"])):
        sizes = p["planted_features"], p["planted_steps"], min(512, p["planted_tokens"] // 30), seed
        yield Run(variant, *sizes, f"planted {level}", d_model=p["planted_d"])
    held = ("topk", "p_anneal", "gated_anneal", "jumprelu", "batchtopk", "matryoshka")
    for variant, seed in product(held, range(p["seed"] + 1, p["seed"] + p["stability_seeds"])):
        sizes = p["planted_features"], p["planted_steps"], min(512, p["planted_tokens"] // 30), seed
        yield Run(variant, *sizes, "planted once", d_model=p["planted_d"])


def _04(c: Chapter) -> Iterator[Store | Run]:
    p = c.p
    for lang in p["langs"]:
        yield from c.both(lang)
        yield from (c.sae(v, lang, p[point]) for v, point in product(("standard", "gated"), ("middle", "late")))
    yield c.sae("topk", p["langs"][0], p["middle"])
    source, held = (c.store(split, p["langs"][0], p["middle"]) for split in ("train", "test"))
    sizes = p["n_features"], p["steps"], p["batch_size"], p["seed"]
    yield Run("topk", *sizes, source, k=p["n_features"] // 20, held=held)
    for k, shape, auxk, seed in product(p["sweep_k"], p["sweep_shapes"], (0, 128), p["sweep_seeds"]):
        sloping = {"k_start": p["sweep_start"], "k_share": p["sweep_share"], "k_shape": shape}
        sizes = p["sweep_features"], p["sweep_steps"], p["batch_size"], seed
        yield Run("topk", *sizes, source, k=k, auxk=auxk, lift=0, held=held, **({} if shape == "none" else sloping))


def _05(c: Chapter) -> Iterator[Store | Run]:
    yield from c.both("ko")
    yield from (c.sae(v, "ko", c.p[point]) for v, point in product(("standard", "gated"), ("middle", "late")))
    yield c.sae("topk", "ko", c.p["middle"])
    if "en" in c.p["langs"]:
        yield from c.both("en")
        yield c.sae("gated", "en", c.p["middle"])
    fronts = product(c.p["front_langs"], c.p["front_variants"], c.p["front_seeds"])
    for lang, variant, seed in fronts:
        yield from c.both(lang)
        yield c.front(variant, c.p["front_l0"], lang, seed, "front")
    if c.p["tags_corpus"]:
        point = c.point(c.p["middle"])
        tagged = [Store(c.p["tags_corpus"], split, "", 0, 800, point) for split in ("train", "test")]
        yield from tagged
        for variant in c.p["front_variants"]:
            yield c.front(variant, c.p["front_l0"], "", c.p["seed"], "front", tagged[0])


def _06(c: Chapter) -> Iterator[Store | Run]:
    for lang in c.p["langs"]:
        yield from c.both(lang)
        yield from (c.sae(variant, lang, c.p["middle"]) for variant in ("standard", "gated"))


def _07(c: Chapter) -> Iterator[Store | Run]:
    yield from c.both("ko")
    yield c.sae(c.p["variant"], "ko", c.p["middle"])


def _08(c: Chapter) -> Iterator[Store | Run]:
    p = c.p
    languages = [lang for lang in ("ko", "en") if lang in p["langs"]]
    yield from (store for lang in languages for store in c.both(lang))
    own = c.store("train", "ko", p["middle"])
    elsewhere = Store(own.corpus, "train", "ko", p["n_train"], 2 * p["n_train"], own.point)
    others = [c.store("train", lang, p["middle"]) for lang in languages if lang == "en"]
    others += [Store(name, "train", "ko", 0, p["n_train"], own.point) for name in p["corpora"]]

    def dictionary(
        source: Store | str, seed: int, variant: str = "topk", times: int = 1, k: int | None = p["match_k"], centre: str = "mean"
    ) -> Run:  # fmt: skip
        aim = {"k": k} if variant == "topk" else {"target_l0": float(p["match_k"])}
        sizes = times * p["match_features"], p["match_steps"], p["batch_size"], seed
        return Run(variant, *sizes, source, lr=p["match_lr"], centre=centre, stays=True, **aim)

    for seed in p["match_seeds"]:
        sources = (own, elsewhere, *others, c.store("train", "ko", p["late"]))
        yield from (dictionary(source, seed) for source in sources)
        yield dictionary(own, seed, "gated")
        yield from (dictionary(own, seed, k=k) for k in (2 * p["match_k"], p["match_k"] // 2))
        yield from (dictionary(own, seed, times=times) for times in (2, 4))
        if "en" in languages:
            yield dictionary("both languages", seed)
        yield dictionary(own, seed, centre="median")
        yield dictionary("with the first token", seed)
    last = max(p["match_seeds"])
    yield from (dictionary(own, last + 1 + n) for n in range(3 - len(p["match_seeds"])))  # a base and two other seeds
    for block in range(c.n_blocks):
        for split, lang in product(("train", "test"), ("ko", "en")):
            yield c.store(split, lang, f"b{block}.resid_post", p["n_block"], p["parallel"])
        yield from (dictionary(f"block {block}", p["seed"] + 100 * n + block) for n in range(len(p["match_seeds"])))
    yield dictionary("the middle block again", p["seed"] + c.n_blocks)
    yield dictionary("the middle block without positions", p["seed"] + c.n_blocks + 1)


def of_every_block(p: Parameters, n_blocks: int, d_model: int, tokens: float) -> int:
    """Bytes that chapter 08 holds at once: codes of test sentences and activations of placed ones at every block, and two
    tables of training sentences, with positions and without; of sentences of so many tokens."""
    rows, placed = 2 * p["n_block"] * tokens, p["n_placed"] * min(tokens, p["longest"])
    return int(n_blocks * (8 * p["match_k"] * rows + 8 * d_model * placed) + 8 * d_model * rows)


def _09(c: Chapter) -> Iterator[Store | Run]:
    p = c.p
    languages = ("ko",) if p["corpus"] in KOREAN_ALONE else ("ko", "en")
    yield from (store for lang in languages for store in c.both(lang))
    yield c.sae("topk", "ko", p["middle"])
    source = c.store("train", "ko", p["middle"])
    sizes = p["sparse_features"], p["sparse_steps"], p["batch_size"], p["seed"]
    yield Run("topk", *sizes, source, k=p["sparse_k"], lr=p["sparse_lr"])
    if p["tags_corpus"]:
        tagged = [Store(p["tags_corpus"], split, "", 0, p["tags_limit"], source.point) for split in ("train", "test")]
        yield from tagged
        yield Run("topk", p["n_features"], p["steps"], p["batch_size"], p["seed"], tagged[0], k=p["k"])


def _10(c: Chapter) -> Iterator[Store | Run]:
    p = c.p
    yield from c.both("ko")
    yield from (c.sae(v, "ko", p[point]) for v, point in product(p["variants"], ("middle", "late")))
    yield from c.both("ko", p["harm_corpus"])
    yield c.sae("topk", "ko", p["middle"], p["harm_corpus"])


CHAPTERS: dict[str, Callable[[Chapter], Iterator[Store | Run]] | None] = {
    "01_superposition": None, "02_activations": _02, "03_sae_variants": _03, "04_training": _04, "05_probing": _05,
    "06_tfidf_features": _06, "07_visualization": _07, "08_positions_and_matching": _08, "09_interpretation": _09,
    "10_interventions": _10, "11_claims": None,
}  # fmt: skip
"""None: a chapter that reads no language model."""


def of(stem: str, parameters: Parameters, n_blocks: int) -> Iterator[Store | Run]:
    """The stores and trainings of one chapter."""
    make = CHAPTERS[stem]
    return iter(()) if make is None else make(Chapter(parameters, n_blocks))
