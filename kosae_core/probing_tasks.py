"""Many small yes-or-no questions, balanced, from the labels of sentences or of words; training and test kept apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from kosae_core.corpora import Corpus
from kosae_core.lm import LanguageModel

TAG_BREAK = "+"
"""Between the morphemes of one word in the labels of UD Korean."""


@dataclass(frozen=True)
class Task:
    """One yes-or-no question with as many yes as no, on rows of two tables: training and test."""

    name: str
    train_N: np.ndarray
    """Rows of the training table, in random order."""
    train_yes_N: np.ndarray
    """Whether the answer is yes."""
    test_M: np.ndarray
    """Rows of the test table."""
    test_yes_M: np.ndarray


def tasks_from_masks(
    train: Mapping[str, np.ndarray], test: Mapping[str, np.ndarray], *, min_count: int = 50, cap: int = 1024, seed: int = 0
) -> list[Task]:  # fmt: skip
    """One task for each name that both sides have, balanced by leaving out rows of the larger answer.

    Tasks with fewer than `min_count` rows of one answer on one side are left out; `cap` limits the rows of a side.

    Shapes  the masks say for every row of the training and of the test table whether the answer is yes.
    Raises  ValueError if `min_count` is below 6 or `cap` below twice `min_count`, or if no task is left.
    Source  up to 1,024 balanced training rows a task: Kantamneni et al. 2025, arXiv:2502.16681 (standard conditions).
    """
    if min_count < 6 or cap < 2 * min_count:
        raise ValueError(f"min_count must be at least 6 and cap twice min_count, not {min_count} and {cap}.")
    tasks = []
    for name in (name for name in train if name in test):
        generator = np.random.default_rng([seed, *name.encode()])  # a task does not depend on which others there are
        sides = [_balanced(np.asarray(side[name], dtype=bool), cap, generator) for side in (train, test)]
        if min(len(rows) for rows, _ in sides) >= 2 * min_count:
            tasks.append(Task(name, *sides[0], *sides[1]))
    if not tasks:
        raise ValueError(
            f"no task has {min_count} rows of each answer in both splits; lower min_count or take more rows."
        )
    return tasks


def _balanced(yes_N: np.ndarray, cap: int, generator: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    answers = np.flatnonzero(yes_N), np.flatnonzero(~yes_N)
    n = min(*map(len, answers), cap // 2)
    rows = np.concatenate([generator.choice(rows, n, replace=False) for rows in answers])
    order = generator.permutation(2 * n)
    return rows[order], (np.arange(2 * n) < n)[order]


def binary_tasks(
    train: Corpus, test: Corpus, names: Sequence[str], *, min_count: int = 50, cap: int = 1024, seed: int = 0
) -> list[Task]:
    """One task "this value or another" for every value of the named labels; rows are records of the two corpora.

    A label of two values gives one task, since the other would ask the same.

    Raises  ValueError if a record lacks a label, or no task is left; see `tasks_from_masks`.
    """
    sides: list[dict[str, np.ndarray]] = [{}, {}]
    for name in names:
        columns = [corpus.label(name) for corpus in (train, test)]
        values = sorted(set(columns[0]) | set(columns[1]))
        for value in values[1:] if len(values) == 2 else values:
            for side, column in zip(sides, columns, strict=True):
                side[f"{name}={value}"] = column == value
    return tasks_from_masks(*sides, min_count=min_count, cap=cap, seed=seed)


def last_rows(store: Any) -> np.ndarray:
    """The row of each document's last token, from which the source reads a text.

    Raises  ValueError if a document has no row.
    """
    edges = np.asarray(store.doc_rows)
    if (empty := np.flatnonzero(np.diff(edges) == 0)).size:
        raise ValueError(f"document {empty[0]} has no token in the store, so it has no last one; leave it out.")
    return edges[1:] - 1


def token_tags(
    lm: LanguageModel, corpus: Corpus, store: Any, label: str = "xpos", *, only_last: bool = False
) -> list[frozenset[str] | None]:
    """For every row of a store the parts of speech of the word that its token belongs to; None between or across words.

    `only_last` keeps the last token of each word, the one place where a decoder has read the word whole.

    Shapes  `corpus` is ud_ko as it was gathered: spans in the order of the words, a label with one part for each.
    Raises  ValueError if the store is of other texts.
    """
    if list(store.texts()) != corpus.texts:
        raise ValueError(f"the store holds other texts than {corpus!r}; gather this corpus.")
    edges, first = store.doc_rows, 0 if lm.bos_id is None else 1
    tags: list[frozenset[str] | None] = []
    for document, record in enumerate(corpus):
        parts, words = record.labels[label].split(" "), list(record.spans.values())
        word_C = np.full(len(record.text) + 1, -1)
        for word, (start, end) in enumerate(words):
            word_C[start:end] = word
        spans, at = lm.token_spans(record.text), store.positions[edges[document] : edges[document + 1]] - first
        of_token = [{int(word) for word in word_C[start:end] if word >= 0} for start, end in spans]
        for token in at.tolist():
            (word,) = of_token[token] if len(of_token[token]) == 1 else (-1,)
            unfinished = only_last and any(word in later for later in of_token[token + 1 :][:1])
            tags.append(None if word < 0 or unfinished else frozenset(parts[word].split(TAG_BREAK)))
    return tags


def token_tasks(
    train: Sequence[frozenset[str] | None], test: Sequence[frozenset[str] | None], *, prefixes: Sequence[str] = ("",),
    min_count: int = 50, cap: int = 1024, seed: int = 0,
) -> list[Task]:  # fmt: skip
    """One task "the word has this part of speech or not" for every tag that begins with one of `prefixes`.

    Rows without tags are in no task.

    Shapes  one element per row of the training and of the test table, from `token_tags`.
    Raises  ValueError if no task is left; see `tasks_from_masks`.
    """
    known = [np.flatnonzero([tags is not None for tags in side]) for side in (train, test)]
    names = sorted(
        {tag for side in (train, test) for tags in side for tag in tags or () if tag.startswith(tuple(prefixes))}
    )
    masks = [
        {name: np.array([name in side[row] for row in rows], dtype=bool) for name in names}
        for side, rows in zip((train, test), known, strict=True)
    ]
    tasks = tasks_from_masks(*masks, min_count=min_count, cap=cap, seed=seed)
    return [Task(t.name, known[0][t.train_N], t.train_yes_N, known[1][t.test_M], t.test_yes_M) for t in tasks]
