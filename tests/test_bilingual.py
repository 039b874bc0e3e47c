"""Features across two languages."""

import numpy as np
import pytest
from scipy import sparse

from kosae_core import bilingual


def test_profiles_are_correlated_class_by_class():
    rng = np.random.default_rng(0)
    first, second = rng.random((12, 5)), rng.random((12, 5))
    second[:, 1] = 3 * first[:, 1] + 1
    second[:, 2] = -first[:, 2]
    first[:, 3] = 0.7
    found = bilingual.profile_correlation(first, second)
    assert found[3] == 0
    for f in (0, 1, 2, 4):
        assert found[f] == pytest.approx(np.corrcoef(first[:, f], second[:, f])[0, 1])
    with pytest.raises(ValueError, match="cannot be compared"):
        bilingual.profile_correlation(first, second[:, :4])


def test_shuffling_leaves_no_correlation_on_average():
    first = np.random.default_rng(1).random((60, 40))
    shuffled = bilingual.shuffled_correlation(first, first, 30)
    assert shuffled.shape == (30, 40) and abs(shuffled.mean()) < 0.01
    assert np.allclose(bilingual.profile_correlation(first, first), 1)


def test_an_item_is_told_from_its_siblings():
    rng = np.random.default_rng(2)
    items = rng.permutation(np.repeat([f"{topic}-{i}" for topic in "abc" for i in range(4)], 10))
    topics = np.array([name[0] for name in items])
    X = rng.random((120, 3))
    X[:, 1] = [ord(topic) for topic in topics]  # a feature of the topic says nothing about the item
    names, means = bilingual.item_profiles(sparse.csr_array(X), items, topics)
    assert np.allclose(means[:, 1], 0)
    for c, name in enumerate(names):
        siblings = [X[items == other, 0].mean() for other in names if other[0] == name[0]]
        assert means[c, 0] == pytest.approx(X[items == name, 0].mean() - np.mean(siblings))
    with pytest.raises(ValueError, match="do not nest"):
        bilingual.item_profiles(sparse.csr_array(X), topics, items)


def test_preference():
    found = bilingual.language_preference(np.array([0.2, 0.0, 0.0, 0.3]), np.array([0.0, 0.4, 0.0, 0.1]))
    assert found == pytest.approx([1, -1, 0, 0.5])
    with pytest.raises(ValueError, match="must not be negative"):
        bilingual.language_preference(np.array([-0.1]), np.array([0.1]))
