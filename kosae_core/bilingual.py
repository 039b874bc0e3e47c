"""Features across two languages: which follow the same contents in both, and which belong to one."""

import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float
from scipy import sparse

from kosae_core.features import class_means

# 은, 는, 고, 나 stand for particles and endings alike, and are counted as neither one alone.
PARTICLES = ("을", "를", "이", "가", "의", "에", "에서", "에게", "한테", "으로", "로", "와", "과", "도", "만", "부터", "까지", "보다", "처럼", "마다")  # fmt: skip
ENDINGS = (
    "면서",
    "지만",
    "아서",
    "어서",
    "해서",
    "려고",
    "면",
    "며",
    "자마자",
    "도록",
    "거나",
    "다가",
    "니까",
    "게",
    "지",
)
EITHER = ("은", "는", "고", "나")
ENGLISH = {
    "article": "a an the",
    "preposition": "of in on at to for with from by about after before during into over under through between without near",
    "pronoun": "i you he she it we they me him her us them my your his its our their this that these those who which what",
    "auxiliary": "am is are was were be been being do does did have has had will would can could may might must should not",
    "conjunction": "and or but so because if when while than as although since until",
}


def profile_correlation(
    first_CF: Float[np.ndarray, "C F"], second_CF: Float[np.ndarray, "_ _"]
) -> Float[np.ndarray, " F"]:
    """Pearson correlation of each feature's means over classes in one language with those in the other.

    Shapes  C classes, F features, as `features.class_means` gives them. 0 for a feature that is constant in either.
    Raises  ValueError for different shapes.
    """
    if first_CF.shape != second_CF.shape:
        raise ValueError(f"profiles of shapes {first_CF.shape} and {second_CF.shape} cannot be compared.")
    first_CF, second_CF = first_CF - first_CF.mean(0), second_CF - second_CF.mean(0)
    norm_F = np.linalg.norm(first_CF, axis=0) * np.linalg.norm(second_CF, axis=0)
    return (first_CF * second_CF).sum(0) / np.where(norm_F > 1e-12, norm_F, np.inf)


def shuffled_correlation(
    first_CF: Float[np.ndarray, "C F"], second_CF: Float[np.ndarray, "C F"], repeats: int, seed: int = 0
) -> Float[np.ndarray, "R F"]:
    """`profile_correlation` where the classes of the second language have changed places, once per repeat."""
    rng = np.random.default_rng(seed)
    return np.stack([profile_correlation(first_CF, second_CF[rng.permutation(len(second_CF))]) for _ in range(repeats)])


def item_profiles(
    X_MF: sparse.csr_array, labels_M: np.ndarray, within_M: np.ndarray
) -> tuple[np.ndarray, Float[np.ndarray, "C F"]]:
    """The mean of every feature for each class, less that of the larger class it lies within.

    What is left tells a class from its siblings: with topics as `within`, an item from others of its topic.

    Shapes  M documents with a class and a larger class each; the sorted names (C,) and the means (C, F).
    Raises  ValueError unless there is one of each per document, or where a class lies within two.
    """
    names_C, means_CF = class_means(X_MF, labels_M)
    pairs = sorted(set(zip(labels_M.tolist(), np.asarray(within_M).tolist(), strict=True)))
    if [name for name, _ in pairs] != names_C.tolist():
        raise ValueError("a class lies within two larger ones: the labels do not nest.")
    parent_C = np.array([parent for _, parent in pairs])
    for parent in np.unique(parent_C):
        means_CF[parent_C == parent] -= means_CF[parent_C == parent].mean(0)
    return names_C, means_CF


def profiles(X_MF: sparse.csr_array, level: str, topics_M: np.ndarray, items_M: np.ndarray) -> Float[np.ndarray, "C F"]:
    """What each feature does over topics, over items within their topic, or over sentences, to be held against another language.

    topic: the mean of every topic. item: that of every item less that of its topic, as `item_profiles`, where an item of the
    same name in two topics is two. sentence: the activation of every document as it is.

    Shapes  M documents with a topic and an item each -> (C, F), classes in the order of their names, documents in theirs.
    Raises  ValueError for another level, or unless there is one label per document.
    """
    if level not in ("topic", "item", "sentence"):
        raise ValueError(f"level must be topic, item or sentence, not {level!r}.")
    if level == "sentence":
        return X_MF.toarray()
    if level == "topic":
        return class_means(X_MF, topics_M)[1]
    return item_profiles(X_MF, np.char.add(np.char.add(topics_M, "/"), items_M), topics_M)[1]


def moving_together(
    chosen_on: tuple[np.ndarray, np.ndarray], held_out: tuple[np.ndarray, np.ndarray],
    repeats: int, level: float = 0.999, seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:  # fmt: skip
    """Which features move together in two languages on the first text, and which of these do so on the second as well.

    By `profile_correlation`, above that quantile of all features with the second language's classes shuffled, of each text
    by itself: a feature chosen by chance comes through the second with a chance of 1 - `level`.

    Shapes  each text: a profile (C, F) of the first language and one of the second, classes in the same order; (F,) twice.
    """
    above = []
    for first_CF, second_CF in (chosen_on, held_out):
        by_chance = np.quantile(shuffled_correlation(first_CF, second_CF, repeats, seed), level)
        above.append(profile_correlation(first_CF, second_CF) > by_chance)
    return above[0], above[0] & above[1]


def language_preference(first_F: Float[np.ndarray, " F"], second_F: Float[np.ndarray, " F"]) -> Float[np.ndarray, " F"]:
    """(a - b) / (a + b) of two rates of firing: 1 for a feature of the first language alone, -1 of the second, 0 where neither.

    Raises  ValueError for rates below 0.
    """
    if min(first_F.min(), second_F.min()) < 0:
        raise ValueError("rates of firing must not be negative.")
    total_F = first_F + second_F
    return (first_F - second_F) / np.where(total_F > 0, total_F, 1.0)


def token_kinds(text: str, spans: Sequence[tuple[int, int]], lang: str) -> list[str]:
    """What each token of a text is in its grammar, by its surface alone.

    Korean: "particle" or "ending" for a token with the last syllable of a word that closes with one ("either" for forms that
    both have), where the last word of the sentence closes with an ending. English: "article", "preposition", "pronoun",
    "auxiliary", "conjunction" for a token of such a word. "sign" without a letter, else "content".

    Shapes  `spans` as `lm.token_spans` gives them, one kind each.
    Raises  ValueError for another language.
    Differs no tagger: a noun that ends like a particle counts as one, so that shares are to be compared with those of all tokens.
    """
    if lang not in ("ko", "en"):
        raise ValueError(f"kinds of tokens are known for ko and en, not for {lang!r}.")
    words = [(m.start(), m.end()) for m in re.finditer(r"[^\W_]+(?:['’][^\W_]+)*", text)]
    return [_kind(text, start, end, words, lang) for start, end in spans]


def _kind(text: str, start: int, end: int, words: list[tuple[int, int]], lang: str) -> str:
    touched = [(a, b) for a, b in words if a < end and start < b]
    if not touched:
        return "sign"
    a, b = touched[-1]
    word = text[a:b].lower()
    if lang == "en":
        return next((kind for kind, those in ENGLISH.items() if word in those.split()), "content")
    if end < b:
        return "content"
    if (a, b) == words[-1]:
        return "ending"
    forms = {"either": EITHER, "ending": ENDINGS, "particle": PARTICLES}
    return next(
        (k for k, those in forms.items() if any(word.endswith(f) and len(word) > len(f) for f in those)), "content"
    )


def main_kind(
    X_NF: sparse.csr_array, kinds_N: Sequence[str] | np.ndarray, bound: float = 0.5
) -> tuple[np.ndarray, np.ndarray]:
    """The kind of token on which each feature spends over `bound` of its activation ("mixed" where none), and that share.

    Shapes  N tokens with a kind each; (F,) names, empty for a feature that never fires, and (F,) shares.
    Raises  ValueError unless there is one kind per token.
    """
    kinds_N = np.asarray(kinds_N)
    if len(kinds_N) != X_NF.shape[0]:
        raise ValueError(f"{len(kinds_N)} kinds do not fit {X_NF.shape[0]} tokens.")
    names_K, at_N = np.unique(kinds_N, return_inverse=True)
    members_KN = sparse.csr_array((np.ones(len(at_N)), (at_N, np.arange(len(at_N)))), shape=(len(names_K), len(at_N)))
    sums_KF = (members_KN @ X_NF).toarray()
    total_F = sums_KF.sum(0)
    share_F = sums_KF.max(0) / np.where(total_F > 0, total_F, 1.0)
    names_F = np.where(share_F > bound, names_K[sums_KF.argmax(0)], "mixed")
    return np.where(total_F > 0, names_F, ""), share_F


def paired_rows(first: Sequence[str] | np.ndarray, second: Sequence[str] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows of two lists of names that name the same pair, in the order of the first.

    A name that stands twice on one side says no more which pair is meant, and is left out.

    Raises  ValueError where no name is left.
    """
    places = []
    for names in (first, second):
        names = [str(name) for name in names]
        often = Counter(names)
        places.append({name: row for row, name in enumerate(names) if often[name] == 1})
    shared = [name for name in places[0] if name in places[1]]
    if not shared:
        raise ValueError("the two sides have no pair in common.")
    return tuple(np.array([place[name] for name in shared]) for place in places)
