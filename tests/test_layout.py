"""Layouts and the labels of neighbours, against slow versions."""

import numpy as np
import pytest

from kosae_core import layout


def points(n=60, d=8, classes=3, spread=0.3, seed=0):
    rng = np.random.default_rng(seed)
    labels = rng.integers(classes, size=n)
    return rng.normal(size=(classes, d))[labels] + spread * rng.normal(size=(n, d)), labels.astype(str)


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
@pytest.mark.parametrize("size", [1, 4])
def test_purity_equals_counting_neighbours_one_by_one(metric, size):
    X, labels = points(spread=1.0)
    groups = np.arange(len(X)) // size
    found = layout.neighbour_purity(X, labels, k=7, metric=metric, groups=groups)
    for i, row in enumerate(X):
        if metric == "cosine":
            distance = [1 - row @ other / np.linalg.norm(row) / np.linalg.norm(other) for other in X]
        else:
            distance = [np.linalg.norm(row - other) for other in X]
        order = sorted((j for j in range(len(X)) if groups[j] != groups[i]), key=lambda j: distance[j])[:7]
        assert found[i] == pytest.approx(sum(labels[j] == labels[i] for j in order) / 7)


def test_shuffled_labels_give_the_chance_level():
    X, labels = points(n=200)
    mean, high = layout.shuffled_purity(X, labels, k=10, times=100)
    counts = np.unique(labels, return_counts=True)[1]
    chance = sum(c * (c - 1) for c in counts) / len(X) / (len(X) - 1)
    assert mean == pytest.approx(chance, abs=0.02) and high > mean
    assert layout.neighbour_purity(X, labels).mean() > high


@pytest.mark.parametrize("method", ["umap", "tsne"])
def test_a_layout_keeps_groups_apart_and_repeats_with_its_seed(method):
    X, labels = points(n=90, spread=0.1)
    flat = layout.embed(X, method, seed=1, n_neighbors=10)
    assert flat.shape == (90, 2)
    assert layout.neighbour_purity(flat, labels, k=5, metric="euclidean").mean() > 0.95
    np.testing.assert_array_equal(flat, layout.embed(X, method, seed=1, n_neighbors=10))


def test_lists_of_classes_split_into_own_and_shared_features():
    tops = {"a": np.array([1, 2, 9]), "b": np.array([3, 2, 9]), "c": np.array([4, 9, 5]), "d": np.array([9, 6, 7])}
    assert layout.exclusive_labels(tops) == {1: "a", 3: "b", 4: "c", 5: "c", 6: "d", 7: "d"}
    assert layout.generic_features(tops) == [2, 9]
    assert layout.generic_features(tops, share=0.75) == [9]


def test_bad_settings_are_named():
    X, labels = points(n=10)
    with pytest.raises(ValueError, match="umap or tsne"):
        layout.embed(X, "pca")
    with pytest.raises(ValueError, match="too few for n_neighbors=15"):
        layout.embed(X)
    with pytest.raises(ValueError, match="k must lie between 1"):
        layout.neighbour_purity(X, labels, k=10)


def test_purity_of_the_labelled_alone():
    X, labels = points(n=50, spread=1.0)
    labels = np.where(np.arange(50) % 3 == 0, "", labels)
    rows = [i for i in range(50) if labels[i] != ""]
    same = []
    for i in rows:
        far = {j: 1 - X[i] @ X[j] / np.linalg.norm(X[i]) / np.linalg.norm(X[j]) for j in rows if j != i}
        same += [labels[j] == labels[i] for j in sorted(far, key=far.get)[:4]]
    found, chance, n = layout.labelled_purity(X, labels, 4, times=30, seed=2)
    assert found == pytest.approx(np.mean(same)) and n == len(rows)
    assert chance == layout.shuffled_purity(X[rows], labels[rows], 4, times=30, seed=2)[1]
    few = np.where(np.arange(50) < 4, "a", "")
    found, chance, n = layout.labelled_purity(X, few, 4)
    assert np.isnan(found) and np.isnan(chance) and n == 4
