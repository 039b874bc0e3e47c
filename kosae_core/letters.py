"""Words with their first letter (초성 in Korean) and the activation at each, read alone in a neutral template."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import Tensor

from kosae_core import korean
from kosae_core.activations import gather
from kosae_core.corpora import Corpus
from kosae_core.lm import LanguageModel

INITIALS = "ㄱㄲㄴㄷㄸㄹㅁㅂㅃㅅㅆㅇㅈㅉㅊㅋㅌㅍㅎ"
"""초성, in the order of `korean.split`."""
TEMPLATES = {"ko": "낱말은 {word}", "en": "The word is {word}"}


def first_letter(word: str) -> str | None:
    """The first letter of an English word in lower case, the first consonant of a Korean one; None for other words."""
    if not word:
        return None
    if korean.is_syllable(word[0]):
        return INITIALS[korean.split(word[0])[0]]
    letter = word[0].lower()
    return letter if "a" <= letter <= "z" else None


def corpus_words(corpus: Corpus, lang: str) -> list[str]:
    """The different words of a corpus's texts in one language, sorted: Hangul runs, or Latin runs in lower case.

    Raises  ValueError for another language than ko and en.
    """
    if lang not in TEMPLATES:
        raise ValueError(f"lang must be one of {', '.join(TEMPLATES)}, not {lang!r}.")
    pattern = re.compile("[가-힣]{2,}" if lang == "ko" else "[A-Za-z]{2,}")
    return sorted({word.lower() for r in corpus if r.lang == lang for word in pattern.findall(r.text)})


@dataclass(frozen=True)
class Words:
    """Words with the activation that was read at each."""

    words: tuple[str, ...]
    letters: tuple[str, ...]
    """First letter, or 초성, of each; any other label that divides them can stand here."""
    acts_WD: Float[Tensor, "W D"]

    def __post_init__(self) -> None:
        if not len(self.words) == len(self.letters) == len(self.acts_WD):
            counts = len(self.words), len(self.letters), len(self.acts_WD)
            raise ValueError(f"words, letters and activations must be equally many, not {counts}.")


def word_activations(
    lm: LanguageModel, words: Sequence[str], point: str, *, template: str = TEMPLATES["en"], which: str = "first"
) -> Words:
    """The activation at the first or last token of each word, alone in a template.

    A word is left out that has no first letter, whose first character is split between tokens (with `which="first"`), or
    that begins as an earlier one up to the token that is read: a decoder cannot tell the two apart.

    Raises  ValueError for another `which`, a template without {word}, or when no word is left.
    Differs Chanin et al. 2024 read words of one token, in a prompt with ten spelled examples.
    """
    if which not in ("first", "last") or template.count("{word}") != 1:
        raise ValueError(f"which must be first or last and the template hold {{word}} once: {which!r}, {template!r}.")
    start, chosen = template.index("{word}"), {}
    for word in words:
        text = template.format(word=word)
        spans = lm.token_spans(text)
        inside = [i for i, (a, b) in enumerate(spans) if a < start + len(word) and b > start]
        if first_letter(word) is None or not inside:
            continue
        token = inside[0] if which == "first" else inside[-1]
        if which == "first" and any(spans[i][0] <= start for i in inside[1:]):
            continue
        chosen.setdefault(tuple(lm.tokens(text)[: token + 1]), (word, text, token))
    if not chosen:
        raise ValueError("no word is left: each needs a first letter and, with which='first', a whole first character.")
    kept, texts, tokens = zip(*chosen.values(), strict=True)
    store = gather(lm, texts, [point], dtype="fp32")[point]
    at = np.asarray(tokens) + (0 if lm.bos_id is None else 1)
    row = {key: n for n, key in enumerate(zip(store.doc_index.tolist(), store.positions.tolist(), strict=True))}
    acts_WD = store.batch([row[n, position] for n, position in enumerate(at.tolist())])
    return Words(kept, tuple(first_letter(word) or "" for word in kept), acts_WD)


def span_words(lm: LanguageModel, corpus: Corpus, store: Any, span: str, label: str) -> Words:
    """The activation at the token in which a named span of each record ends, with the record's label in the letter's place.

    A record is left out that lacks the span or whose span lies beyond what the store holds. One word may come several times.

    Raises  ValueError if the store is of other texts, or no record is left.
    """
    if list(store.texts()) != corpus.texts:
        raise ValueError(f"the store holds other texts than {corpus!r}; gather this corpus.")
    row = {key: n for n, key in enumerate(zip(store.doc_index.tolist(), store.positions.tolist(), strict=True))}
    first, found = 0 if lm.bos_id is None else 1, []
    for document, record in enumerate(corpus):
        start, end = record.spans.get(span, (0, 0))
        inside = [i for i, (a, b) in enumerate(lm.token_spans(record.text)) if a < end and b > start]
        at = row.get((document, inside[-1] + first)) if inside else None
        if at is not None:
            found.append((record.text[start:end], record.labels[label], at))
    if not found:
        raise ValueError(f"no record of {corpus!r} has a span {span!r} within the store's tokens.")
    words, labels, rows = zip(*found, strict=True)
    return Words(words, labels, store.batch(list(rows)))
