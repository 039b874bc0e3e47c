"""The files of the synthetic grammar, data/grammar/*.yaml, read and checked."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any

import yaml

from kosae_core import paths
from kosae_core.conjugation import IRREGULAR_CLASSES, KINDS, TENSES
from kosae_core.korean import particle_key
from kosae_core.schema import (
    EN_FORMS,
    SENTIMENTS,
    SLOT,
    SUBJECTS,
    Category,
    Common,
    Counter,
    GrammarError,
    Item,
    Person,
    Phrase,
    Template,
    Time,
    Verb,
    gives_away,
)


def _only_known(cls: type, raw: Any, place: str, problems: list[str]) -> bool:
    if not isinstance(raw, dict):
        problems.append(f"{place}: expected a mapping, found {type(raw).__name__}.")
        return False
    known = {f.name: f for f in fields(cls)}
    for key in raw.keys() - known.keys():
        problems.append(f"{place}: unknown key {key!r}; known: {', '.join(known)}.")
    missing = [n for n, f in known.items() if f.default is MISSING and n not in raw]
    if missing:
        problems.append(f"{place}: missing {', '.join(missing)}.")
    return not missing and not raw.keys() - known.keys()


def _phrases(raw: Any, place: str, problems: list[str]) -> tuple[Phrase, ...]:
    return tuple(Phrase(**p) for i, p in enumerate(raw or [], 1) if _only_known(Phrase, p, f"{place} {i}", problems))


def _items(raw: Any, place: str, problems: list[str]) -> tuple[Item, ...]:
    items = []
    for number, entry in enumerate(raw or [], 1):
        where = f"{place}: item {entry.get('id', number) if isinstance(entry, dict) else number}"
        if not _only_known(Item, entry, where, problems):
            continue
        item = Item(**{**entry, "clues": _phrases(entry["clues"], f"{where}, clue", problems)})
        if len(item.clues) != 4:
            problems.append(f"{where}: an item has exactly 4 clues, not {len(item.clues)}.")
        if item.en.lower() not in item.np.lower():
            problems.append(f"{where}: np {item.np!r} must hold the bare noun {item.en!r}.")
        for n, clue in enumerate(item.clues, 1):
            for lang, text in (("ko", clue.ko), ("en", clue.en)):
                if piece := gives_away(item, text, lang):
                    problems.append(f"{where}: clue {n} ({lang}) gives the name away by {piece!r}.")
        items.append(item)
    if len(items) != 10:
        problems.append(f"{place}: a category has exactly 10 items, not {len(items)}.")
    return tuple(items)


def _check_slots(template: Template, category: Mapping[str, Any], where: str, problems: list[str]) -> None:
    counters = category.get("counters") or {}
    slots = {lang: SLOT.findall(text) for lang, text in (("ko", template.ko), ("en", template.en))}
    for lang, text in (("ko", template.ko), ("en", template.en)):
        if re.search(r"[{}]", SLOT.sub("", text)):
            problems.append(f"{where}: a brace in `{lang}` that belongs to no slot.")
        for name, first, second in slots[lang]:
            tail = second if name == "num" else first
            if name not in ("who", "when", "place", "adv", "item", "clue", "num", "V"):
                problems.append(f"{where}: unknown slot {{{name}}} in `{lang}`.")
            elif name == "num" and first not in counters:
                problems.append(f"{where}: counter {first!r} is not in `counters`.")
            elif lang == "ko" and tail and not _is_particle(tail):
                problems.append(f"{where}: unknown particle {tail!r}.")
            elif lang == "en" and name != "num" and first and first not in EN_FORMS.get(name, ()):
                problems.append(f"{where}: unknown English form {{{name}:{first}}}.")
            if name in ("place", "adv") and not category.get(name + "s"):
                problems.append(f"{where}: {{{name}}} without `{name}s:` in the file.")
    names = {lang: {(n, a if n == "num" else "") for n, a, _ in found} for lang, found in slots.items()}
    for slot in names["ko"] ^ names["en"]:
        problems.append(f"{where}: {{{slot[0]}}} stands in one language only.")
    for lang in ("ko", "en"):
        count = [name for name, _, _ in slots[lang]].count("V")
        if count != 1 or ("item", "") not in names[lang]:
            problems.append(f"{where}: `{lang}` needs one {{V}} and an {{item}}.")
    if ("who", "") in names["en"] and not any(n == "who" and a in ("", "obj", "poss") for n, a, _ in slots["en"]):
        problems.append(f"{where}: the English sentence has pronouns for {{who}}, but not {{who}} itself.")
    if not any(n == "item" and a in ("", "the", "own") for n, a, _ in slots["en"]):
        problems.append(f"{where}: the English sentence never says {{item}} itself.")
    if re.search(r"(?<![가-힣])(?:나는|내가|나를|내|저는|제가|저를|제)(?![가-힣])", template.ko):
        problems.append(f"{where}: a first person in the text does not follow the speech level; use {{who}}.")
    if not template.ko.endswith("{V}"):
        problems.append(f"{where}: {{V}} must end the Korean sentence.")
    if template.split == "test" and ("clue", "") in names["ko"]:
        problems.append(f"{where}: {{clue}} is for train templates.")
    systems = {counters[a].get("system") for n, a, _ in slots["ko"] if n == "num" and a in counters} or {"none"}
    if systems != {template.numeral}:
        problems.append(
            f"{where}: numeral is {template.numeral!r}, its counters are {', '.join(sorted(map(str, systems)))}."
        )


def _is_particle(name: str) -> bool:
    try:
        return bool(particle_key(name))
    except ValueError:
        return False


def _templates(raw: Any, category: Mapping[str, Any], place: str, problems: list[str]) -> tuple[Template, ...]:
    templates: list[Template] = []
    for number, entry in enumerate(raw or [], 1):
        where = f"{place}: template {entry.get('id', number) if isinstance(entry, dict) else number}"
        if not _only_known(Template, entry, where, problems):
            continue
        words = {"yes": True, "no": False, True: True, False: False}
        template = Template(
            **{
                **entry,
                "tense": tuple(entry["tense"]),
                "negation": tuple(words.get(n, n) for n in entry.get("negation", ["no"])),
            }
        )
        for key, value, known in (
            ("split", template.split, ("train", "test")), ("subject", template.subject, SUBJECTS),
            ("sentiment", template.sentiment, SENTIMENTS), ("numeral", template.numeral, ("none", "native", "sino")),
            ("sentiment_neg", template.sentiment_neg or "neutral", SENTIMENTS),
            ("verb", template.verb, tuple(category.get("verbs") or ())),
            *(("tense", t, TENSES) for t in template.tense), *(("negation", n, (True, False)) for n in template.negation),
        ):  # fmt: skip
            if value not in known:
                problems.append(f"{where}: {key} {value!r} is not one of {', '.join(map(str, known))}.")
        _check_slots(template, category, where, problems)
        templates.append(template)
    if len({t.id for t in templates}) != len(templates):
        problems.append(f"{place}: two templates share an id.")
    return tuple(templates)


def parse_category(raw: Any, place: str) -> Category:
    """A category from the parsed YAML of its file.

    Raises  GrammarError that lists every problem of the file.
    """
    problems: list[str] = []
    if not _only_known(Category, raw, place, problems):
        raise GrammarError("\n".join(problems))
    items = _items(raw["items"], place, problems)
    templates = _templates(raw["templates"], raw, place, problems)
    verbs, counters = {}, {}
    for key, entry in raw["verbs"].items():
        if _only_known(Verb, entry, f"{place}: verb {key}", problems):
            verbs[key] = Verb(**entry)
            if verbs[key].kind not in KINDS or (verbs[key].irr or "reg") not in IRREGULAR_CLASSES:
                problems.append(f"{place}: verb {key}: kind or irr is unknown.")
    for key, entry in (raw.get("counters") or {}).items():
        if _only_known(Counter, entry, f"{place}: counter {key}", problems):
            forms = entry["en"] if isinstance(entry["en"], str) else tuple(entry["en"])
            counters[key] = Counter(
                entry["ko"], entry["system"], forms, tuple(entry["range"]), entry.get("digits", False)
            )
            if counters[key].system not in ("native", "sino") or len(counters[key].range) not in (2, 3):
                problems.append(
                    f"{place}: counter {key}: system is native or sino, range [first, last] or with a step."
                )
            if isinstance(forms, str) and re.search(r"[{}]", re.sub(r"\{(?:n|word|ordinal)\}", "", forms)):
                problems.append(f"{place}: counter {key}: its pattern may hold {{n}}, {{word}} and {{ordinal}} only.")
            if isinstance(forms, tuple) and len(forms) != 2:
                problems.append(f"{place}: counter {key}: en is [singular, plural] or one pattern.")
    places, advs = (_phrases(raw.get(k), f"{place}: {k}", problems) for k in ("places", "advs"))
    if problems:
        raise GrammarError("\n".join(problems))
    return Category(raw["id"], raw["ko"], raw["en"], items, verbs, templates, places, advs, counters)


def load_category(path: Path) -> Category:
    """Read one category file.

    Raises  GrammarError that lists every problem of the file.
    """
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise GrammarError(f"{path.name}: not valid YAML: {error}") from error
    return parse_category(raw, path.name)


@functools.cache
def load_common(folder: Path | None = None) -> Common:
    """Read common.yaml: people, time adverbs by tense, readings of Latin words."""
    raw = yaml.safe_load(((folder or paths.data_dir() / "grammar") / "common.yaml").read_text(encoding="utf-8"))
    times = {
        tense: tuple(Time(t["ko"], t["en"], tuple(t["fits"]), t.get("with", "both")) for t in entries)
        for tense, entries in raw["times"].items()
    }
    people = tuple(Person(**p) for p in raw["people"])
    return Common(people, times, raw["readings"], raw["first_person"]["weight"])


@functools.cache
def load_categories(folder: Path | None = None) -> tuple[Category, ...]:
    """Read all category files, in the order of their names."""
    return tuple(
        load_category(p) for p in sorted(((folder or paths.data_dir() / "grammar") / "categories").glob("*.yaml"))
    )
