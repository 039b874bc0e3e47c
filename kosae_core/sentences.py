"""Sentences of the synthetic grammar: a template and a set of choices become a Korean and an English sentence."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass, field

from kosae_core import conjugation, english, korean
from kosae_core.grammar import load_common
from kosae_core.schema import (
    SLOT,
    Category,
    Common,
    Counter,
    Item,
    Person,
    Phrase,
    Template,
    Time,
    Verb,
)

_PRONOUNS = {"he": ("he", "him", "his"), "she": ("she", "her", "her"), "I": ("I", "me", "my")}


@dataclass(frozen=True)
class Choice:
    """Everything that is decided before a sentence is written."""

    item: Item
    level: str
    tense: str
    negation: bool
    person: Person | None
    when: Time | None = None
    place: Phrase | None = None
    adv: Phrase | None = None
    clue: Phrase | None = None
    hidden: Phrase | None = None
    """The clue that stands in place of the item in a no-item sentence."""
    numbers: dict[str, tuple[int, bool]] = field(default_factory=dict)
    """Counter -> (number, written in digits)."""
    short: bool = False


@dataclass(frozen=True)
class Pair:
    """One sentence in both languages, with its labels and the character spans of the item and its particle."""

    ko: str
    en: str
    labels: dict[str, str]
    ko_spans: dict[str, tuple[int, int]]
    en_spans: dict[str, tuple[int, int]]


@functools.lru_cache(maxsize=4096)
def pieces(text: str) -> tuple[tuple[str, str, str, str], ...]:
    """A template as (literal text before, slot, first argument, second argument), the last one without a slot."""
    pieces, position = [], 0
    for match in SLOT.finditer(text):
        pieces.append((text[position : match.start()], match[1], match[2] or "", match[3] or ""))
        position = match.end()
    return (*pieces, (text[position:], "", "", ""))


def first_person_korean(level: str) -> str:
    """The humble 저 in 해요체 and 합쇼체, 나 in 해라체."""
    return "나" if level == "haera" else "저"


def _who_ko(choice: Choice, name: str, readings: dict[str, str]) -> str:
    if choice.person is None:
        word = first_person_korean(choice.level)
        fused = {"나이": "내가", "저이": "제가", "나의": "내", "저의": "제"}
        if name and (form := fused.get(word + korean.particle_key(name))):
            return form
        return word + (korean.particle(word, name, readings) if name else "")
    word = choice.person.ko
    if choice.level != "haera" and word.startswith("내 "):
        word = "제 " + word[2:]
    elif choice.level != "haera" and word.startswith("우리 "):
        word = "저희 " + word[3:]
    return word + (korean.particle(word, name, readings) if name else "")


def count_ko(counter: Counter, number: int, digits: bool) -> str:
    """A number with its counter: 두 그릇, 3층, 삼 층."""
    if counter.system == "native":
        return f"{korean.native(number)} {counter.ko}".rstrip()
    return f"{number}{counter.ko}" if digits else f"{korean.sino(number)} {counter.ko}".rstrip()


def count_en(counter: Counter, number: int) -> str:
    """A number with its English counter: two bowls of, the third floor."""
    if isinstance(counter.en, str):
        words = {"n": number, "word": english.number_word(number), "ordinal": english.ordinal_word(number)}
        return counter.en.format(**words)
    return f"{english.number_word(number)} {counter.en[number != 1]}".rstrip()


@functools.lru_cache(maxsize=65536)
def _predicate_ko(verb: Verb, level: str, tense: str, negation: bool, short: bool, host: str) -> str:
    return conjugation.conjugate(
        verb.ko,
        level,
        tense,
        negation,
        verb.kind,
        verb.irr,
        verb.neg_ko,
        verb.cannot,
        short,
        host,
        load_common().readings,
    )


@functools.lru_cache(maxsize=65536)
def _predicate_en(verb: Verb, tense: str, negation: bool, person: str) -> str:
    return english.conjugate(verb.en, tense, negation, person, verb.past, verb.cannot)


def render_ko(
    template: Template, category: Category, choice: Choice, common: Common
) -> tuple[str, dict[str, tuple[int, int]]]:
    """The Korean sentence and its spans."""
    out, spans = "", {}
    for literal, slot, first, second in pieces(template.ko):
        out += literal
        if slot == "who":
            out += _who_ko(choice, first, common.readings)
        elif slot in ("item", "clue"):
            word = choice.item.ko if slot == "item" else choice.clue.ko
            if slot == "item" and choice.hidden:
                word = choice.hidden.ko
            ending = korean.particle(word, first, common.readings) if first else ""
            if slot == "item" and "item" not in spans and "clue" not in spans:
                middle = len(out) + len(word)
                spans["clue" if choice.hidden else "item"] = (len(out), middle)
                if ending:
                    spans["particle"] = (middle, middle + len(ending))
            out += word + ending
        elif slot == "num":
            word = count_ko(category.counters[first], *choice.numbers[first])
            out += word + (korean.particle(word, second, common.readings) if second else "")
        elif slot == "V":
            verb = category.verbs[template.verb]
            host = out.rsplit(" ", 1)[-1] if verb.kind == "copula" else ""
            out += _predicate_ko(verb, choice.level, choice.tense, choice.negation, choice.short, host)
        elif slot:
            out += getattr(choice, slot).ko
    return out + ".", spans


def _thing_en(phrase: str, plural: bool, form: str, person: Person | None) -> str:
    if not form:
        return phrase
    bare = re.sub(r"^(?:an?|the|one) ", "", phrase)
    if form in ("the", "own"):
        return f"{'the' if form == 'the' else _who_en(person, 'their')} {bare}"
    return {
        "it": ("it", "they"),
        "them": ("it", "them"),
        "is": ("is", "are"),
        "was": ("was", "were"),
        "has": ("has", "have"),
    }[form][plural]


_AUXILIARY = re.compile(r"(?:will|did|does|do|could|am|is|are|was|were)(?: not)?(?: be able to)? |cannot ")


_ADVERB_BEFORE = re.compile(r"(?<= )((?!family|italy|july)\w+ly|soon|also|just|still|even|always) $")


def _with_adverb(adverb: str, predicate: str) -> str:
    """The adverb before the verb and after its auxiliary: will happily share."""
    match = _AUXILIARY.match(predicate)
    end = match.end() if match else 0
    return f"{predicate[:end]}{adverb} {predicate[end:]}"


def is_plural(clue: Phrase, item: Item) -> bool:
    """Whether a clue takes a plural verb: as it says, else singular after a/an/one, else as the item."""
    if clue.plural is not None:
        return clue.plural
    return item.plural and clue.en.split(" ")[0].lower() not in ("a", "an", "one")


def _who_en(person: Person | None, form: str) -> str:
    subject, them, their = _PRONOUNS[person.they if person else "I"]
    if person is None:
        return {"": "I", "obj": "me", "poss": "my", "they": "I", "them": "me", "their": "my"}[form]
    return {"": person.en, "obj": person.en, "poss": person.en + "'s", "they": subject, "them": them, "their": their}[
        form
    ]


def render_en(template: Template, category: Category, choice: Choice) -> tuple[str, dict[str, tuple[int, int]]]:
    """The English sentence and its spans."""
    item, hidden, out, spans = choice.item, choice.hidden, "", {}
    plural = is_plural(hidden, item) if hidden else item.plural
    persons = {
        "who": "I" if choice.person is None else "sg",
        "item": "pl" if plural else "sg",
        "it": "sg",
        "they": "pl",
    }
    for literal, slot, first, _ in pieces(template.en):
        out += literal
        if slot == "who":
            out += _who_en(choice.person, first)
        elif slot == "item":
            words = _thing_en(hidden.en if hidden else item.np, plural, first, choice.person)
            if first in ("", "the", "own") and not spans:
                name = words if hidden else item.en
                start = len(out) + words.lower().index(name.lower())
                spans["clue" if hidden else "item"] = (start, start + len(name))
            out += words
        elif slot == "clue":
            out += _thing_en(choice.clue.en, is_plural(choice.clue, item), first, choice.person)
        elif slot == "num":
            out += count_en(category.counters[first], choice.numbers[first][0])
        elif slot == "V":
            verb = category.verbs[template.verb]
            predicate = _predicate_en(verb, choice.tense, choice.negation, persons[template.subject])
            # Looked for in the template's own words: a clue may end in "belly".
            if before := _ADVERB_BEFORE.search(literal):
                out, predicate = out[: -len(before[0])], _with_adverb(before[1], predicate)
            out += predicate
        elif slot:
            out += getattr(choice, slot).en
    return out[:1].upper() + out[1:] + ".", spans


def labels_of(category: Category, template: Template, choice: Choice) -> dict[str, str]:
    """The labels that both sentences of a pair share."""
    flipped = choice.negation and template.sentiment_neg is not None
    return {
        "big": category.id,
        "small": choice.item.id,
        "level": choice.level,
        "tense": choice.tense,
        "negation": "yes" if choice.negation else "no",
        "sentiment": template.sentiment_neg if flipped else template.sentiment,
        "numeral": template.numeral,
        "names_item": "no" if choice.hidden else "yes",
        "template": template.id,
    }


def render(category: Category, template: Template, choice: Choice, common: Common) -> Pair:
    """Both sentences of one choice, with labels and spans."""
    ko, ko_spans = render_ko(template, category, choice, common)
    en, en_spans = render_en(template, category, choice)
    return Pair(ko, en, labels_of(category, template, choice), ko_spans, en_spans)
