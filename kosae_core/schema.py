"""The parts of the synthetic grammar: categories, items, verbs, templates, and what gives an item's name away."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

SLOT = re.compile(r"\{([A-Za-z]+)(?::([^{}:]+))?(?::([^{}:]+))?\}")
CLUES_IN_TRAIN = 2
SUBJECTS = ("who", "item", "it", "they")
SENTIMENTS = ("positive", "neutral", "negative")
EN_FORMS = {
    "who": {"obj", "poss", "they", "them", "their"},
    "item": {"the", "own", "it", "them", "is", "was", "has"},
    "clue": {"the", "own", "it", "them", "is", "was", "has"},
}
_STOPWORDS = frozenset(["a", "an", "the", "of", "and", "or", "for", "in", "on", "at", "to", "with", "by", "from"])


class GrammarError(ValueError):
    """A grammar file that breaks its schema; the message lists every problem with its place."""


@dataclass(frozen=True)
class Phrase:
    """A Korean phrase and the English one that means the same."""

    ko: str
    en: str
    plural: bool | None = None


@dataclass(frozen=True)
class Person:
    """Someone a sentence may be about."""

    ko: str
    en: str
    they: str
    """The English pronoun that refers back: he or she."""


@dataclass(frozen=True)
class Time:
    """A time adverb of one tense."""

    ko: str
    en: str
    fits: tuple[str, ...]
    """The predicates it goes with: action (eats), state (likes), quality (is delicious)."""
    only: str = "both"
    """affirmative or negative, if it goes with these sentences only."""


@dataclass(frozen=True)
class Item:
    """A small category."""

    id: str
    ko: str
    en: str
    np: str
    """The English name as it stands in a sentence, with the article it needs."""
    plural: bool
    clues: tuple[Phrase, ...]
    """Four descriptions without the name; the last two are for no-item sentences."""


@dataclass(frozen=True)
class Verb:
    """A predicate: Korean dictionary form, English base form inflected in its first word."""

    ko: str
    en: str
    kind: str = "verb"
    past: str | None = None
    pp: str | None = None
    """The participle, for the reader of the file; no sentence uses it."""
    irr: str | None = None
    """The conjugation class, where the spelling leaves it open."""
    neg_ko: str | None = None
    """Another dictionary form that negates it (알다: 모르다)."""
    cannot: bool = False
    """Negated as inability: -지 못하다, could not."""
    stative: bool = False
    """A state, with which "every day" does not go."""


@dataclass(frozen=True)
class Counter:
    """What a number counts with: native or Sino-Korean, and its English forms (singular and plural, or a pattern)."""

    ko: str
    system: str
    en: tuple[str, str] | str
    range: tuple[int, ...]
    """First, last and, if not 1, the step."""
    digits: bool = False
    """Always written in digits; else Sino-Korean numbers are written either way."""


@dataclass(frozen=True)
class Template:
    """A sentence in both languages with slots, and what may vary in it."""

    id: str
    split: str
    ko: str
    en: str
    verb: str
    subject: str
    tense: tuple[str, ...]
    negation: tuple[bool, ...] = (False,)
    sentiment: str = "neutral"
    sentiment_neg: str | None = None
    numeral: str = "none"


@dataclass(frozen=True)
class Category:
    """A big category: one file of the grammar."""

    id: str
    ko: str
    en: str
    items: tuple[Item, ...]
    verbs: dict[str, Verb]
    templates: tuple[Template, ...]
    places: tuple[Phrase, ...] = ()
    advs: tuple[Phrase, ...] = ()
    counters: dict[str, Counter] | None = None


@dataclass(frozen=True)
class Common:
    """What all categories share."""

    people: tuple[Person, ...]
    times: dict[str, tuple[Time, ...]]
    readings: dict[str, str]
    first_person: float


def name_parts(item: Item) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """What gives an item away: Korean pieces of two syllables (or the whole one-syllable word) and English words."""
    korean: list[str] = []
    for word in item.ko.split():
        korean += [word[i : i + 2] for i in range(len(word) - 1)] or [word]
    english = [w for w in re.findall(r"[a-z0-9]+", item.en.lower()) if w not in _STOPWORDS and len(w) > 1]
    return tuple(korean), tuple(english)


@functools.cache
def _part_patterns(item: Item) -> tuple[re.Pattern[str], re.Pattern[str]]:
    korean, english = name_parts(item)
    ko = "|".join(re.escape(p) if len(p) > 1 else rf"(?<![가-힣]){re.escape(p)}" for p in korean)
    stems = {re.sub(r"(?<=\w\w\w)(?:ies|es|s|ing|er|y)$", "", w) for w in english}
    en = "|".join(
        rf"\b{re.escape(s)}" + ("" if len(s) > 3 else r"(?:s|es)?\b") for s in sorted(stems, key=len, reverse=True)
    )
    return re.compile(ko), re.compile(en, re.IGNORECASE)


def gives_away(item: Item, text: str, lang: str) -> str | None:
    """The piece of `text` that names the item or a part of its name, or None."""
    found = _part_patterns(item)[lang == "en"].search(text)
    return found.group() if found else None
