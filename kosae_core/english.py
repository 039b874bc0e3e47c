"""English morphology for the synthetic corpus: verb phrases that agree with their subject, and number words."""

from __future__ import annotations

import re

PERSONS = ("I", "sg", "pl")

_IRREGULAR_PAST = dict(
    pair.split(":")
    for pair in [
        "become:became",
        "begin:began",
        "bend:bent",
        "bite:bit",
        "blow:blew",
        "break:broke",
        "bring:brought",
        "build:built",
        "buy:bought",
        "catch:caught",
        "choose:chose",
        "come:came",
        "cost:cost",
        "cut:cut",
        "dig:dug",
        "do:did",
        "draw:drew",
        "drink:drank",
        "drive:drove",
        "eat:ate",
        "fall:fell",
        "feed:fed",
        "feel:felt",
        "fight:fought",
        "find:found",
        "fly:flew",
        "forget:forgot",
        "freeze:froze",
        "get:got",
        "give:gave",
        "go:went",
        "grow:grew",
        "hang:hung",
        "have:had",
        "hear:heard",
        "hide:hid",
        "hit:hit",
        "hold:held",
        "hurt:hurt",
        "keep:kept",
        "know:knew",
        "lay:laid",
        "lead:led",
        "leave:left",
        "lend:lent",
        "let:let",
        "lie:lay",
        "light:lit",
        "lose:lost",
        "make:made",
        "mean:meant",
        "meet:met",
        "overcome:overcame",
        "pay:paid",
        "put:put",
        "quit:quit",
        "read:read",
        "rebuild:rebuilt",
        "ride:rode",
        "ring:rang",
        "rise:rose",
        "run:ran",
        "say:said",
        "see:saw",
        "seek:sought",
        "sell:sold",
        "send:sent",
        "set:set",
        "sew:sewed",
        "shake:shook",
        "shine:shone",
        "shoot:shot",
        "shut:shut",
        "sing:sang",
        "sit:sat",
        "sleep:slept",
        "slide:slid",
        "speak:spoke",
        "spend:spent",
        "spread:spread",
        "stand:stood",
        "steal:stole",
        "stick:stuck",
        "sweep:swept",
        "swim:swam",
        "take:took",
        "teach:taught",
        "tear:tore",
        "tell:told",
        "think:thought",
        "throw:threw",
        "understand:understood",
        "wake:woke",
        "wear:wore",
        "win:won",
        "write:wrote",
        "wind:wound",
        "withdraw:withdrew",
        "undergo:underwent",
        "rewrite:rewrote",
    ]
)
_DOUBLING = frozenset(["prefer", "admit", "regret", "refer", "occur", "permit", "commit", "equip", "unplug", "unwrap"])
_ONES = [
    "zero",
    "one",
    "two",
    "three",
    "four",
    "five",
    "six",
    "seven",
    "eight",
    "nine",
    "ten",
    "eleven",
    "twelve",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
]
_TENS = ["zero", "ten", "twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
_ORDINALS = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def past_form(verb: str) -> str:
    """The simple past of one English verb: stop -> stopped, try -> tried, eat -> ate."""
    if verb in _IRREGULAR_PAST:
        return _IRREGULAR_PAST[verb]
    if verb.endswith("e"):
        return verb + "d"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ied"
    if verb in _DOUBLING or re.fullmatch(r"(?:[^aeiou]|qu)*[aeiou][^aeiouwxy]", verb):
        return verb + verb[-1] + "ed"
    return verb + "ed"


def third_person(verb: str) -> str:
    """The third person singular present of one English verb: watch -> watches, carry -> carries."""
    if verb == "have":
        return "has"
    if re.search(r"(?:s|x|z|ch|sh|o)$", verb):
        return verb + "es"
    return verb[:-1] + "ies" if re.search(r"[^aeiou]y$", verb) else verb + "s"


def conjugate(
    phrase: str,
    tense: str,
    negation: bool = False,
    person: str = "sg",
    past: str | None = None,
    cannot: bool = False,
) -> str:
    """A verb phrase, inflected in its first word: conjugate('eat', 'present', True, 'sg') -> 'does not eat'.

    `past` is the past of the first word, or of the whole phrase. `cannot` makes the negation one of ability.

    Raises  ValueError for an unknown person or tense.
    """
    if person not in PERSONS or tense not in ("past", "present", "future"):
        raise ValueError(f"no English form for person {person!r} and tense {tense!r}.")
    verb, _, rest = phrase.partition(" ")
    rest = " " + rest if rest else ""
    if negation and cannot:
        return {"past": "could not ", "present": "cannot ", "future": "will not be able to "}[tense] + phrase
    if tense == "future":
        return ("will not " if negation else "will ") + phrase
    if verb == "be":
        now, then = {"I": ("am", "was"), "sg": ("is", "was"), "pl": ("are", "were")}[person]
        return (now if tense == "present" else then) + (" not" if negation else "") + rest
    if negation:
        auxiliary = "did" if tense == "past" else "does" if person == "sg" else "do"
        return f"{auxiliary} not {phrase}"
    if tense == "past":
        return past if past and " " in past and rest else (past or past_form(verb)) + rest
    return (third_person(verb) if person == "sg" else verb) + rest


def number_word(number: int) -> str:
    """A whole number below 100 in words, above it in digits: 21 -> twenty-one."""
    if number < 20:
        return _ONES[number]
    if number >= 100:
        return f"{number:,}"
    tens, ones = divmod(number, 10)
    return _TENS[tens] + (f"-{_ONES[ones]}" if ones else "")


def ordinal_word(number: int) -> str:
    """The ordinal of a whole number below 100 in words: 3 -> third, 20 -> twentieth, 21 -> twenty-first."""
    head, dash, last = number_word(number).rpartition("-")
    last = _ORDINALS.get(last) or (last[:-1] + "ieth" if last.endswith("y") else last + "th")
    return head + dash + last
