"""The synthetic corpus: all pairs of both splits, from the grammar and a seed."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import logging
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from kosae_core import conjugation, paths, store
from kosae_core.grammar import load_categories, load_common
from kosae_core.schema import CLUES_IN_TRAIN, Category, Common, GrammarError, Item, Template, Time, Verb, gives_away
from kosae_core.sentences import Choice, Pair, pieces, render

log = logging.getLogger("kosae.synthetic")

GRAMMAR_SEED = 20
TRAIN_PAIRS = 48_000
TEST_PAIRS = 12_000
NO_ITEM_PAIRS = 4_800
_TRIES = 40

# Many templates have no present or no negation; those that do have them use them more often, so that labels are balanced.
_TENSE_WEIGHTS = {"past": 2, "present": 4, "future": 3}
_NEGATED = 0.6

_STATIVE_ENDINGS = ("고 있다", "어 있다", "아 있다")
_STATIVE = frozenset(
    [
        "좋아하다",
        "싫어하다",
        "사랑하다",
        "미워하다",
        "알다",
        "모르다",
        "믿다",
        "원하다",
        "바라다",
        "그리워하다",
        "아끼다",
        "부러워하다",
        "무서워하다",
        "두려워하다",
        "어려워하다",
        "즐거워하다",
        "지겨워하다",
        "여기다",
        "존경하다",
        "어울리다",
        "들다",
        "살다",
        "닮다",
        "걱정하다",
        "귀찮아하다",
        "질리다",
        "끌리다",
        "기다리다",
        "생각하다",
        "자랑스러워하다",
    ]
)


@dataclass(frozen=True)
class Quota:
    """How many pairs of one kind the corpus holds, over all categories."""

    split: str
    hide: bool
    pairs: int


QUOTAS = (
    Quota("train", False, TRAIN_PAIRS),
    Quota("test", False, TEST_PAIRS),
    Quota("test", True, NO_ITEM_PAIRS),
)


def _fit(verb: Verb) -> str:
    if verb.kind in ("adj", "copula"):
        return "quality"
    last = verb.ko.split(" ")[-1]
    state = (
        verb.stative or last in _STATIVE or conjugation.is_descriptive(verb.ko) or verb.ko.endswith(_STATIVE_ENDINGS)
    )
    return "state" if state else "action"


@functools.lru_cache(maxsize=1024)
def _times(tense: str, negation: bool, fit: str) -> tuple[Time, ...]:
    allowed = ("both", "negative" if negation else "affirmative")
    return tuple(t for t in load_common().times[tense] if fit in t.fits and t.only in allowed)


def choose(
    rng: random.Random, category: Category, template: Template, item: Item, common: Common, hide: bool
) -> Choice:
    """Draw what a template needs."""
    slots = {(name, first) for _, name, first, _ in pieces(template.ko)}
    names = {name for name, _ in slots}
    tense = rng.choices(template.tense, [_TENSE_WEIGHTS[t] for t in template.tense])[0]
    negation = (True in template.negation) and (False not in template.negation or rng.random() < _NEGATED)
    verb = category.verbs[template.verb]
    numbers = {}
    for name, key in sorted(slots):
        if name == "num":
            first, last, step = (*category.counters[key].range, 1)[:3]
            numbers[key] = (rng.randrange(first, last + 1, step), category.counters[key].digits or rng.random() < 0.7)
    return Choice(
        item=item,
        level=rng.choice(conjugation.LEVELS),
        tense=tense,
        negation=negation,
        person=None if rng.random() < common.first_person else rng.choice(common.people),
        when=rng.choice(_times(tense, negation, _fit(verb))) if "when" in names else None,
        place=rng.choice(category.places) if "place" in names else None,
        adv=rng.choice(category.advs) if "adv" in names else None,
        clue=rng.choice(item.clues[:CLUES_IN_TRAIN]) if "clue" in names else None,
        hidden=rng.choice(item.clues[CLUES_IN_TRAIN:]) if hide else None,
        numbers=numbers,
        short=rng.random() < 0.5,
    )


def _hides(item: Item, template: Template) -> bool:
    """Whether the template's own words leave the item unnamed."""
    return not gives_away(item, template.ko, "ko") and not gives_away(item, template.en, "en")


def _cells(category: Category, quota: Quota, rng: random.Random) -> list[tuple[Item, Template]]:
    templates = [t for t in category.templates if t.split == quota.split]
    cells = [(i, t) for t in templates for i in category.items if not quota.hide or _hides(i, t)]
    rng.shuffle(cells)
    return cells


def _pairs(category: Category, quota: Quota, wanted: int, rng: random.Random, seen: set[str]) -> list[Pair]:
    """Up to `wanted` new pairs, visiting (item, template) cells in turn so that all are used alike."""
    cells, pairs, common = _cells(category, quota, rng), [], load_common()
    while cells and len(pairs) < wanted:
        alive = []
        for item, template in cells:
            if len(pairs) == wanted:
                break
            for _ in range(_TRIES):
                pair = render(category, template, choose(rng, category, template, item, common, quota.hide), common)
                if pair.ko in seen or pair.en in seen:
                    continue
                if quota.hide and (gives_away(item, pair.ko, "ko") or gives_away(item, pair.en, "en")):
                    continue
                seen.update((pair.ko, pair.en))
                pairs.append(pair)
                alive.append((item, template))
                break
        cells = alive
    return pairs


@functools.lru_cache(maxsize=2)
def generate(seed: int = GRAMMAR_SEED) -> dict[str, Sequence[tuple[str, Pair]]]:
    """Split -> [(pair id, pair)], no sentence of either language twice, the same for the same seed.

    Raises  GrammarError if the grammar has no categories, or one that cannot fill a tenth of its share.
    """
    categories = load_categories()
    if not categories:
        raise GrammarError("data/grammar/categories holds no category file.")
    seen: set[str] = set()
    splits: dict[str, list[tuple[str, Pair]]] = {"train": [], "test": []}
    for category in categories:
        rng = random.Random(f"{seed}/{category.id}")
        for quota in QUOTAS:
            wanted = quota.pairs // len(categories)
            pairs = _pairs(category, quota, wanted, rng, seen)
            if len(pairs) < wanted // 10:
                raise GrammarError(
                    f"{category.id}: only {len(pairs)} of {wanted} pairs for {quota.split}; add templates."
                )
            kind = "n" if quota.hide else "r" if quota.split == "train" else "t"
            splits[quota.split] += [(f"{category.id}-{kind}{i:04d}", pair) for i, pair in enumerate(pairs)]
            log.debug("%s %s: %d of %d pairs", category.id, quota, len(pairs), wanted)
    return {split: tuple(pairs) for split, pairs in splits.items()}


_SOURCES = ("synthetic", "sentences", "grammar", "schema", "korean", "conjugation", "english")


def _spec() -> dict[str, object]:
    """What decides the pairs: the seed, the grammar's files and the code that reads them."""
    digest = hashlib.sha256()
    files = sorted((paths.data_dir() / "grammar").rglob("*.yaml"))
    for path in [*files, *(Path(__file__).with_name(f"{name}.py") for name in _SOURCES)]:
        digest.update(f"{path.name} ".encode() + path.read_bytes())
    return {"seed": GRAMMAR_SEED, "sources": digest.hexdigest()}


def _write(folder: Path) -> None:
    for name, found in generate().items():
        with open(folder / f"{name}.jsonl", "w", encoding="utf-8") as out:
            for pair_id, pair in found:
                out.write(json.dumps([pair_id, dataclasses.astuple(pair)], ensure_ascii=False) + "\n")


def stored(split: str) -> Iterator[tuple[str, Pair]]:
    """The pairs of one split, from the store: writing 64,800 of them takes seconds, reading them a fraction of one.

    Raises  GrammarError as `generate` does, if they are not there yet.
    """
    folder = store.made("synthetic", _spec(), _write)
    with open(folder / f"{split}.jsonl", encoding="utf-8") as lines:
        for line in lines:
            pair_id, (ko, en, labels, *spans) = json.loads(line)
            yield pair_id, Pair(ko, en, labels, *({name: tuple(at) for name, at in each.items()} for each in spans))
