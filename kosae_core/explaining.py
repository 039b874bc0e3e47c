"""Explanations of features that need no language model: rules over tokens, and how well they predict where features fire.

A rule is a short list of cues, such as "on this token" or "after this token"; it says that a feature fires where one of them
is met. Rules are made from some texts and judged on others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from kosae_core.logodds import weighted_log_odds

SLOTS = ("on", "after", "later than")
"""Where a cue's token stands: it is the token itself, the one before, or one of those before that."""
PAIR = "pair"
"""The slot of a cue of two tokens: its token, right after `Cue.before`. Rules have such cues where they are asked for."""
NONE = -1


@dataclass(frozen=True, order=True)
class Cue:
    """One reason for which a feature is said to fire."""

    slot: str
    """One of `SLOTS`, or `PAIR`."""
    token: int
    before: int = NONE
    """The token right before, of a pair."""


@dataclass(frozen=True)
class Rule:
    """A feature fires where any of these cues is met; without cues it never does."""

    cues: tuple[Cue, ...]
    """In the order in which they were taken up."""
    accuracy: float
    """Balanced accuracy on the examples it was made from."""


def windows(store: Any, reach: int = 6) -> np.ndarray:
    """For every row of a store its token, the token before, and those before that, `reach` + 1 in all; -1 where there is none.

    Shapes  (N, reach + 1); start tokens count as tokens.
    Raises  ValueError if `reach` is below 1.
    """
    if reach < 1:
        raise ValueError(f"reach must be at least 1, not {reach}: a rule looks at the token before.")
    found = np.full((store.n_tokens, reach + 1), NONE, dtype=np.int64)
    documents = [np.asarray(ids) for ids in store.documents]
    lengths = np.array([len(ids) for ids in documents])
    starts = np.concatenate([[0], np.cumsum(lengths)])
    flat = np.concatenate(documents)
    doc_N, place_N = np.asarray(store.doc_index), np.asarray(store.positions)
    for back in range(reach + 1):
        there = place_N >= back
        found[there, back] = flat[starts[doc_N[there]] + place_N[there] - back]
    return found


def usable(
    X_NF: sparse.csr_array, held_NF: sparse.csr_array, held_doc_N: np.ndarray, n_documents: int,
    *, least: tuple[int, int] = (30, 15), most: float = 0.9,
) -> np.ndarray:  # fmt: skip
    """The features, in order, that can be explained and judged: common enough in both texts, and not in nearly every document.

    They fire on at least `least` tokens of the texts that rules are made from and of the held-out ones, and in less than
    `most` of the `n_documents` held-out documents, those without a token among them.

    Raises  ValueError unless there is one document per held-out row, each below `n_documents`.
    """
    held_doc_N = np.asarray(held_doc_N, dtype=np.int64)
    if len(held_doc_N) != held_NF.shape[0] or held_doc_N.max(initial=0) >= n_documents:
        raise ValueError(f"{len(held_doc_N)} rows of {n_documents} documents do not fit {held_NF.shape[0]} rows.")
    tokens = [np.bincount(X.col[X.data > 0], minlength=X.shape[1]) for X in map(sparse.coo_array, (X_NF, held_NF))]
    held, n_features = sparse.coo_array(held_NF), held_NF.shape[1]
    pairs = np.unique((held_doc_N[held.row] * n_features + held.col)[held.data > 0])
    spread_F = np.bincount(pairs % n_features, minlength=n_features) / n_documents
    return np.flatnonzero((tokens[0] >= least[0]) & (tokens[1] >= least[1]) & (spread_F < most))


def firing(values: Mapping[str, np.ndarray], quantile: float) -> dict[str, np.ndarray]:
    """Where a feature is above a quantile of the activations it has on "train", by split; at 0 wherever it fires.

    Shapes  its value on each token, by split.
    Raises  ValueError if it never fires on "train", and for a quantile outside [0, 1).
    """
    on_N = values["train"][values["train"] > 0]
    if not len(on_N) or not 0 <= quantile < 1:
        raise ValueError(f"a quantile from 0 to below 1 of at least one activation, not {quantile} of {len(on_N)}.")
    over = np.quantile(on_N, quantile) if quantile else 0.0
    return {split: values_N > over for split, values_N in values.items()}


def met(rule: Rule, windows_NW: np.ndarray) -> np.ndarray:
    """Whether a rule says "fires", for every row of `windows`."""
    said_N = np.zeros(len(windows_NW), dtype=bool)
    for cue in rule.cues:
        said_N |= _met(cue, windows_NW)
    return said_N


def _met(cue: Cue, windows_NW: np.ndarray) -> np.ndarray:
    if cue.slot == PAIR:
        return (windows_NW[:, 0] == cue.token) & (windows_NW[:, 1] == cue.before)
    slot = SLOTS.index(cue.slot)
    return windows_NW[:, slot] == cue.token if slot < 2 else (windows_NW[:, 2:] == cue.token).any(1)


def explain(
    windows_NW: np.ndarray, fires_N: np.ndarray, doc_N: np.ndarray, *, n_cues: int = 8, candidates: int = 25, n_examples: int = 400,
    gain: float = 0.01, pairs: bool = False, seed: int = 0,
) -> Rule:  # fmt: skip
    """The rule that best tells the tokens on which a feature fires from others, built up cue by cue.

    Examples are rows where it fires, and as many where it does not: half of them near misses, from documents in which it fires
    elsewhere. For each slot the tokens of highest weighted log-odds are candidates; the cue that raises balanced accuracy
    most is taken up, until none raises it by `gain` or there are `n_cues`. With `pairs`, two tokens in a row are candidates
    like single ones, by the same log-odds; of cues that raise it equally a single token comes first.

    Raises  ValueError unless there is one answer and one document per row, and the feature fires on some rows and not on others.
    """
    fires_N, doc_N = np.asarray(fires_N, dtype=bool), np.asarray(doc_N)
    if not len(windows_NW) == len(fires_N) == len(doc_N):
        raise ValueError(f"{len(fires_N)} answers and {len(doc_N)} documents do not fit {len(windows_NW)} windows.")
    if fires_N.all() or not fires_N.any():
        raise ValueError("the feature fires on every token or on none: there is nothing to tell apart.")
    rng = np.random.default_rng(seed)
    on = rng.permutation(np.flatnonzero(fires_N))[:n_examples]
    inside_N = _documents(doc_N, fires_N)[doc_N]
    near = rng.permutation(np.flatnonzero(~fires_N & inside_N))[: -(-len(on) // 2)]
    far = rng.permutation(np.flatnonzero(~fires_N & ~inside_N))[: len(on) - len(near)]
    off = np.concatenate([near, far])
    examples = {"on": windows_NW[on], "off": windows_NW[off]}
    cues = _candidates(examples["on"], examples["off"], candidates, pairs)
    hits = {side: np.array([_met(cue, rows_NW) for cue in cues]) for side, rows_NW in examples.items()}
    chosen: list[int] = []
    said_on, said_off, best = np.zeros(len(on), bool), np.zeros(len(off), bool), 0.5
    while cues and len(chosen) < n_cues:
        right_C = (hits["on"] | said_on).mean(1), 1 - (hits["off"] | said_off).mean(1)
        balanced_C = (right_C[0] + right_C[1]) / 2
        at = int(np.argmax(balanced_C))
        if balanced_C[at] < best + gain:
            break
        chosen.append(at)
        best = float(balanced_C[at])
        said_on, said_off = said_on | hits["on"][at], said_off | hits["off"][at]
    return Rule(tuple(cues[i] for i in chosen), best)


def _documents(doc_N: np.ndarray, yes_N: np.ndarray) -> np.ndarray:
    """Whether a document has a row that is yes, for every number up to the largest of `doc_N`."""
    return np.bincount(doc_N[yes_N], minlength=int(doc_N.max()) + 1) > 0


def _candidates(on_NW: np.ndarray, off_NW: np.ndarray, n: int, pairs: bool) -> list[Cue]:
    cues = []
    for slot, columns in zip(SLOTS, (slice(0, 1), slice(1, 2), slice(2, None)), strict=True):
        cues += [Cue(slot, name) for name in _marking(on_NW[:, columns], off_NW[:, columns], n)]
    if pairs:
        size = int(max(on_NW.max(initial=0), off_NW.max(initial=0))) + 1
        joined = [np.where(w[:, 1] == NONE, NONE, w[:, 1] * size + w[:, 0])[:, None] for w in (on_NW, off_NW)]
        cues += [Cue(PAIR, name % size, name // size) for name in _marking(*joined, n)]
    return cues


def _marking(on_NW: np.ndarray, off_NW: np.ndarray, n: int) -> list[int]:
    """The `n` names of highest positive log-odds, by the rows of either side that have them."""
    counts = [_rows_with(side) for side in (on_NW, off_NW)]
    names, where = np.unique(np.concatenate([names for names, _ in counts]), return_inverse=True)
    split = len(counts[0][0])
    here, there = (np.zeros(len(names)) for _ in range(2))
    here[where[:split]], there[where[split:]] = counts[0][1], counts[1][1]
    if len(names) < 2 or not here.any() or not there.any():
        return []
    z = weighted_log_odds(here, there)
    return [int(names[i]) for i in np.argsort(-z, kind="stable")[:n] if z[i] > 0]


def _rows_with(ids_NW: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Each token that occurs, and in how many rows."""
    row_N, _ = np.nonzero(ids_NW != NONE)
    ids_N = ids_NW[ids_NW != NONE]
    size = int(ids_N.max(initial=0)) + 1
    pairs = np.unique(row_N * size + ids_N)  # one number for row and token: rows of two are slow to compare
    return np.unique(pairs % size, return_counts=True)


@dataclass(frozen=True)
class Verdict:
    """How well a rule predicts a feature on texts it was not made from."""

    detection: float
    """Balanced accuracy over documents: does the feature fire in it anywhere?"""
    fuzzing: float
    """Balanced accuracy over the tokens of documents in which it fires: does it fire on this one?"""
    recall: float
    """Of the tokens on which it fires, the share that the rule names."""
    precision: float
    """Of the tokens that the rule names, the share on which it fires; 0 where it names none."""


def judge(rule: Rule, windows_NW: np.ndarray, fires_N: np.ndarray, doc_N: np.ndarray) -> Verdict:
    """Detection and fuzzing of one rule, on all tokens of the texts.

    Raises  ValueError if the feature fires in every document or in none, or on every token where it fires.
    Source  detection and fuzzing of Paulo et al. 2024, arXiv:2410.13928.
    Differs a rule in place of a language model judges; all documents and tokens count, not samples of them.
    """
    fires_N, doc_N = np.asarray(fires_N, dtype=bool), np.asarray(doc_N)
    said_N = met(rule, windows_NW)
    there_D = np.bincount(doc_N) > 0
    truly_D, named_D = _documents(doc_N, fires_N), _documents(doc_N, said_N)
    truly_M, said_M = truly_D[there_D], named_D[there_D]
    if truly_M.all() or not truly_M.any():
        raise ValueError("the feature fires in every document or in none: detection needs documents of both kinds.")
    inside_N = truly_D[doc_N]
    if not (inside_N & ~fires_N).any():
        raise ValueError("the feature fires on every token of its documents: fuzzing needs others.")
    hits = int((said_N & fires_N).sum())
    return Verdict(
        float((said_M[truly_M].mean() + (~said_M[~truly_M]).mean()) / 2),
        float((said_N[fires_N].mean() + (~said_N[inside_N & ~fires_N]).mean()) / 2),
        hits / int(fires_N.sum()),
        hits / max(int(said_N.sum()), 1),
    )


@dataclass(frozen=True)
class Judged:
    """Features with their rules, and how well these and those of other features predict them."""

    rules: list[Rule]
    own: list[Verdict]
    other: list[Verdict]
    """By the rule of the next feature, for the last by that of the first: what a rule gets that has nothing to do with it."""


def judge_rules(
    windows: Mapping[str, np.ndarray], fires: Sequence[Mapping[str, np.ndarray]], docs: Mapping[str, np.ndarray], **how: Any
) -> Judged:  # fmt: skip
    """For each feature the rule that `explain` makes from "train", and verdicts of `judge` on "test"; `how` goes to `explain`.

    Shapes  by split: the windows, where each feature fires, the document of each row.
    Raises  ValueError for fewer than two features, which have no others, and as `explain` and `judge`.
    Source  shuffled explanations as a baseline: Paulo et al. 2024, arXiv:2410.13928.
    """
    if len(fires) < 2:
        raise ValueError(f"{len(fires)} features have no other feature's rule to be held against: give two at least.")
    rules = [explain(windows["train"], one["train"], docs["train"], **how) for one in fires]
    own, other = (
        [judge(rule, windows["test"], one["test"], docs["test"]) for rule, one in zip(given, fires, strict=True)]
        for given in (rules, rules[1:] + rules[:1])
    )
    return Judged(rules, own, other)


def written(rule: Rule, vocabulary: Sequence[str]) -> str:
    """A rule in words, its tokens in quotation marks: "on ‘a’, ‘b’; after ‘c’; on ‘e’ right after ‘d’"."""
    parts = []
    for slot in SLOTS:
        tokens = [f"‘{vocabulary[cue.token]}’" for cue in rule.cues if cue.slot == slot]
        if tokens:
            parts.append(f"{slot} {', '.join(tokens)}")
    parts += [f"on ‘{vocabulary[c.token]}’ right after ‘{vocabulary[c.before]}’" for c in rule.cues if c.slot == PAIR]
    return "; ".join(parts) or "never"
