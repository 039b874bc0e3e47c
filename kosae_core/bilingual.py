"""Features across two languages: which follow the same contents in both, and which belong to one."""

import numpy as np
from jaxtyping import Float
from scipy import sparse

from kosae_core.features import class_means


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


def language_preference(first_F: Float[np.ndarray, " F"], second_F: Float[np.ndarray, " F"]) -> Float[np.ndarray, " F"]:
    """(a - b) / (a + b) of two rates of firing: 1 for a feature of the first language alone, -1 of the second, 0 where neither.

    Raises  ValueError for rates below 0.
    """
    if min(first_F.min(), second_F.min()) < 0:
        raise ValueError("rates of firing must not be negative.")
    total_F = first_F + second_F
    return (first_F - second_F) / np.where(total_F > 0, total_F, 1.0)
