"""Explanations of features by a language model, and their judgement by one, in detection and fuzzing.

The model sees passages in which the tokens where a feature fires stand between « and », and says in a sentence what they share.
A judge, which may be the same model, sees the sentence and other passages and says where the feature fires.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kosae_core.asking import BYTES_PER_TOKEN, Asker, Estimate, Question

PER_QUESTION = 5
"""Passages that a judge sees at a time."""

EXPLAIN = (
    "You study one feature of a language model. In each passage the tokens on which the feature fires stand between « and ». "
    "Passages may be Korean; tokens are often parts of words. Say in one English sentence of at most 25 words what the marked "
    "tokens, or the text around them, have in common. Name the form (a syllable, an ending, a particle) where it is a form and the "
    "meaning where it is a meaning. If they have nothing in common, say so. Answer with the sentence alone."
)
DETECT = (
    "A feature of a language model was described in one sentence. You see the description and numbered passages. Say for each "
    "passage whether the feature fires anywhere in it. Answer with 0 (no) or 1 (yes) for each passage in order, as a JSON list "
    "such as [0, 1, 1], and nothing else."
)
FUZZ = (
    "A feature of a language model was described in one sentence. You see the description and numbered passages in which some "
    "tokens stand between « and ». Say for each passage whether the marked tokens are those on which the feature fires. Answer "
    "with 0 (no) or 1 (yes) for each passage in order, as a JSON list such as [0, 1, 1], and nothing else."
)


@dataclass(frozen=True)
class Material:
    """What one feature is judged by: passages of held-out text."""

    firing: tuple[str, ...]
    """Passages in which it fires, unmarked."""
    quiet: tuple[str, ...]
    """Passages in which it does not."""
    right: tuple[str, ...]
    """Passages in which it fires, marked where it does."""
    wrong: tuple[str, ...]
    """The same passages, marked at as many tokens where it does not."""


@dataclass(frozen=True)
class LLMVerdict:
    """How well a description predicts a feature, by a language model's answers."""

    detection: float
    """Balanced accuracy over passages: does the feature fire in it?"""
    fuzzing: float
    """Balanced accuracy over marked passages: are these the tokens?"""
    unread: float
    """Share of answers that could not be read; each counts as half right."""


def marked(text: str, spans: Sequence[tuple[int, int]]) -> str:
    """The text with its spans between « and », a space at the start of a span left outside.

    Spans that touch or overlap become one: a token may be a byte, and a byte is part of a character.
    """
    parts, end = [], 0
    merged: list[list[int]] = []
    for a, b in sorted(spans):
        if merged and a <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], b)
        else:
            merged.append([a, b])
    for a, b in merged:
        a += len(text[a:b]) - len(text[a:b].lstrip())
        parts += [text[end:a], "«", text[a:b], "»"]
        end = b
    return "".join([*parts, text[end:]])


def passages(lm: Any, store: Any, texts: Sequence[str], fires_N: np.ndarray, documents: Sequence[int]) -> list[str]:
    """These documents of a store, marked where `fires_N` says so; one answer per row of the store."""
    start, shown = 0 if lm.bos_id is None else 1, []
    for document in documents:
        a, b = int(store.doc_rows[document]), int(store.doc_rows[document + 1])
        rows = np.arange(a, b)[np.asarray(fires_N[a:b], dtype=bool)]
        spans = lm.token_spans(texts[document])
        shown.append(marked(texts[document], [spans[int(store.positions[row]) - start] for row in rows]))
    return shown


def material(
    lm: Any, store: Any, texts: Sequence[str], fires_N: np.ndarray, *, n: int = 10, seed: int = 0
) -> Material:  # fmt: skip
    """Draw `n` documents in which a feature fires and `n` in which it does not; fewer where there are fewer.

    Raises  ValueError if it fires in every document or in none, or on every token of those drawn.
    """
    fires_N = np.asarray(fires_N, dtype=bool)
    rng = np.random.default_rng(seed)
    inside_M = np.zeros(len(texts), dtype=bool)
    inside_M[np.unique(np.asarray(store.doc_index)[fires_N])] = True
    if inside_M.all() or not inside_M.any():
        raise ValueError("the feature fires in every document or in none: detection needs documents of both kinds.")
    firing = rng.permutation(np.flatnonzero(inside_M))[:n]
    quiet = rng.permutation(np.flatnonzero(~inside_M))[:n]
    elsewhere_N, usable = np.zeros_like(fires_N), []
    for document in firing:
        rows = np.arange(int(store.doc_rows[document]), int(store.doc_rows[document + 1]))
        others = rows[~fires_N[rows]]
        if len(others):
            elsewhere_N[rng.permutation(others)[: int(fires_N[rows].sum())]] = True
            usable.append(int(document))
    if not usable:
        raise ValueError("the feature fires on every token of its documents: fuzzing needs others.")
    plain = [[texts[document] for document in side] for side in (firing, quiet)]
    shown = [passages(lm, store, texts, where_N, usable) for where_N in (fires_N, elsewhere_N)]
    return Material(tuple(plain[0]), tuple(plain[1]), tuple(shown[0]), tuple(shown[1]))


def strongest(store: Any, values_N: np.ndarray, n: int = 10, seed: int = 0) -> list[int]:
    """Documents to explain a feature by: half those of its largest values, half drawn from all in which it fires."""
    doc_N, largest = np.asarray(store.doc_index), np.zeros(len(store.doc_rows) - 1)
    np.maximum.at(largest, doc_N, values_N)
    order = np.argsort(-largest, kind="stable")[: int((largest > 0).sum())]
    top = order[: -(-n // 2)]
    rest = np.random.default_rng(seed).permutation(order[len(top) :])[: n - len(top)]
    return [int(document) for document in (*top, *rest)]


def explanation_question(shown: Sequence[str]) -> Question:
    """Ask what the marked tokens have in common."""
    return Question(EXPLAIN, "\n".join(f"{i}. {text}" for i, text in enumerate(shown, 1)))


def _judgements(system: str, explanation: str, shown: Sequence[str]) -> list[Question]:
    return [
        Question(
            system,
            f"Description: {explanation}\n" + "\n".join(f"{i}. {t}" for i, t in enumerate(shown[a : a + PER_QUESTION], 1)),
            max_tokens=8 * PER_QUESTION,
        )
        for a in range(0, len(shown), PER_QUESTION)
    ]  # fmt: skip


def read_answers(answer: str, n: int) -> list[float]:
    """1, 0, or 0.5 where nothing could be read, for each of `n` passages: the last list of `n` zeros and ones in the answer."""
    for found in reversed(re.findall(r"\[([01\s,]*)\]", answer)):
        values = re.findall(r"[01]", found)
        if len(values) == n:
            return [float(value) for value in values]
    return [0.5] * n


def judge_questions(explanation: str, given: Material, seed: int = 0) -> tuple[list[Question], list[np.ndarray]]:
    """The questions that judge one explanation, and the true answers, passages of both kinds mixed."""
    questions, truths = [], []
    for system, yes, no in ((DETECT, given.firing, given.quiet), (FUZZ, given.right, given.wrong)):
        shown, truth_P = [*yes, *no], np.r_[np.ones(len(yes), bool), np.zeros(len(no), bool)]
        order = np.random.default_rng(seed).permutation(len(shown))
        questions += (asked := _judgements(system, explanation, [shown[i] for i in order]))
        truths += [truth_P[order][i * PER_QUESTION : (i + 1) * PER_QUESTION] for i in range(len(asked))]
    return questions, truths


def verdict(questions: Sequence[Question], truths: Sequence[np.ndarray], answers: Sequence[str]) -> LLMVerdict:
    """Balanced accuracy of the answers to `judge_questions`.

    Source  detection and fuzzing of Paulo et al. 2024, arXiv:2410.13928.
    Differs answers are 0 or 1, not probabilities; passages are whole documents; fuzzing marks as many wrong tokens as right ones.
    """
    scores, unread = {}, []
    for system in (DETECT, FUZZ):
        rows = [i for i, question in enumerate(questions) if question.system == system]
        truth_P = np.concatenate([truths[i] for i in rows])
        said_P = np.concatenate([read_answers(answers[i], len(truths[i])) for i in rows])
        scores[system] = float((said_P[truth_P].mean() + (1 - said_P[~truth_P]).mean()) / 2)
        unread.append(said_P == 0.5)
    return LLMVerdict(scores[DETECT], scores[FUZZ], float(np.concatenate(unread).mean()))


def estimate(asker: Asker, asked: Sequence[Question], given: Sequence[Material], *, seed: int = 0) -> Estimate:
    """What it costs to have features explained (`asked`) and every explanation judged twice; nothing is sent.

    The second judging gives each feature the next one's explanation. An explanation that is not known yet counts as the
    longest that may come.
    """
    known = zip(asked, asker.remembered(asked), strict=True)
    said = [
        answer or f"{i}".ljust(round(question.max_tokens * BYTES_PER_TOKEN))
        for i, (question, answer) in enumerate(known)
    ]
    judged = [
        question
        for explanations in (said, said[1:] + said[:1])
        for explanation, one in zip(explanations, given, strict=True)
        for question in judge_questions(explanation, one, seed)[0]
    ]
    return asker.estimate([*asked, *judged])


def judge_all(
    asker: Asker, explanations: Sequence[str], given: Sequence[Material], *, seed: int = 0,
    progress: Callable[[int, int, str], None] | None = None,
) -> list[LLMVerdict]:  # fmt: skip
    """Judge every explanation by its material, all questions sent together.

    Raises  ValueError when the two differ in number.
    """
    if len(explanations) != len(given):
        raise ValueError(f"{len(explanations)} explanations do not fit {len(given)} features.")
    each = [judge_questions(explanation, one, seed) for explanation, one in zip(explanations, given, strict=True)]
    answers = iter(asker.ask([question for questions, _ in each for question in questions], progress))
    return [verdict(questions, truths, [next(answers) for _ in questions]) for questions, truths in each]
