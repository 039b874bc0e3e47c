"""Groups of documents, against loops and definitions."""

from collections import Counter
from itertools import combinations
from math import log

import numpy as np
import pytest
from scipy import sparse

from kosae_core import grouping


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    label_M = np.repeat([0, 1, 2], 40)
    X_MF = rng.random((120, 12)) * (rng.random((120, 12)) < 0.3)
    for c in range(3):
        X_MF[label_M == c, c] += 6.0
    X_MF[:, 7] += 3.0  # on everywhere
    return X_MF, label_M


def pairwise_ari(a, b):
    """Over all pairs of documents: together in both, in one, and what chance would give."""
    pairs = list(combinations(range(len(a)), 2))
    in_a, in_b = (sum(x[i] == x[j] for i, j in pairs) for x in (a, b))
    both = sum(a[i] == a[j] and b[i] == b[j] for i, j in pairs)
    chance = in_a * in_b / len(pairs)
    return (both - chance) / ((in_a + in_b) / 2 - chance)


def counted_nmi(a, b):
    n, a, b = len(a), list(a), list(b)
    of_a, of_b = Counter(a), Counter(b)
    shared = sum(c / n * log(c * n / (of_a[x] * of_b[y])) for (x, y), c in Counter(zip(a, b, strict=True)).items())
    entropy = [-sum(c / n * log(c / n) for c in of.values()) for of in (of_a, of_b)]
    return 2 * shared / sum(entropy)


def shuffled_ami(a, b, rng):
    """What is left of mutual information beyond its mean over shuffled labels."""
    n, of_a, of_b = len(a), Counter(a.tolist()), Counter(b.tolist())

    def shared(x, y):
        pairs = Counter(zip(x.tolist(), y.tolist(), strict=True))
        return sum(c / n * log(c * n / (of_a[i] * of_b[j])) for (i, j), c in pairs.items())

    chance = np.mean([shared(a, rng.permutation(b)) for _ in range(3000)])
    entropy = [-sum(c / n * log(c / n) for c in of.values()) for of in (of_a, of_b)]
    return (shared(a, b) - chance) / (sum(entropy) / 2 - chance)


def test_agreement_follows_the_definitions():
    rng = np.random.default_rng(1)
    group_M, label_M = rng.integers(-1, 4, 70), rng.integers(0, 3, 70)
    label_M[:30] = group_M[:30].clip(0, 2)
    found = grouping.agreement(group_M, label_M)
    assert found.ari == pytest.approx(pairwise_ari(group_M, label_M))
    assert found.nmi == pytest.approx(counted_nmi(group_M, label_M))
    assert found.ami == pytest.approx(shuffled_ami(group_M, label_M, rng), abs=0.005)
    assert found.kept == pytest.approx(np.mean([one >= 0 for one in group_M]))
    same = grouping.agreement(label_M, np.array(["가", "나", "다"])[label_M])
    assert (same.ari, same.nmi, same.ami, same.kept) == pytest.approx((1, 1, 1, 1))
    with pytest.raises(ValueError, match="one for each"):
        grouping.agreement(group_M, label_M[1:])


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_documents_of_one_kind_come_together(table, kind):
    X_MF, label_M = table
    found = grouping.group(kind(X_MF), 3, smallest=15)
    for name in ("k-means", "HDBSCAN"):
        assert grouping.agreement(found[name], label_M).ari > 0.9, name
    assert np.array_equal(found["k-means"], grouping.group(kind(X_MF), 3, smallest=15)["k-means"])
    with pytest.raises(ValueError, match="make no 121 groups"):
        grouping.group(kind(X_MF), 121)


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_leaders_are_the_largest_means(table, kind):
    X_MF, label_M = table
    found = grouping.leaders(kind(X_MF), label_M, top=4)
    for c in range(3):
        rows = [X_MF[i] for i in range(120) if label_M[i] == c]
        means = [sum(row[f] for row in rows) / len(rows) for f in range(12)]
        assert np.allclose(found.means_CF[c], means)
        assert found.top_CT[c].tolist() == sorted(range(12), key=lambda f: -means[f])[:4]
        assert found.top_CT[c, 0] == c
    assert found.groups_C.tolist() == [0, 1, 2]
    assert found.generic[0] == 7
    assert set(found.generic) == {f for f in range(12) if all(f in row for row in found.top_CT.tolist())}
    assert found.most_led[1] == 1
    with pytest.raises(ValueError, match="do not fit"):
        grouping.leaders(kind(X_MF), label_M[1:])


def test_generic_features_come_by_their_means():
    means = np.array([[1.0, 5.0, 2.0, 0.0], [2.0, 4.0, 3.0, 0.0]])
    found = grouping.leaders(means, np.arange(2), top=3)
    assert found.generic.tolist() == [1, 2, 0]
    assert found.most_led == (1, 2)
    assert grouping.leaders(np.eye(2), np.arange(2), top=1).generic.tolist() == []


def test_the_commonest_label():
    group_M = np.array([1, 0, 1, 1, 0, 0, 1])
    label_M = np.array(["가", "나", "다", "가", "나", "가", "라"])
    assert grouping.commonest(group_M, label_M) == [("나", pytest.approx(2 / 3)), ("가", pytest.approx(2 / 4))]
    with pytest.raises(ValueError, match="one for each"):
        grouping.commonest(group_M, label_M[1:])


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_tokens_read_are_those_of_most_activation(table, kind):
    X_NF, _ = table
    X_NF[:, 3] = 0.0
    token_N = np.random.default_rng(2).integers(0, 9, 120)
    found = grouping.tokens_read(kind(X_NF), token_N, [7, 3, 5])
    for f, token in zip((7, 3, 5), found, strict=True):
        totals = Counter()
        for row, t in zip(X_NF, token_N.tolist(), strict=True):
            totals[t] += row[f]
        assert token == (None if f == 3 else max(sorted(totals), key=lambda t: totals[t]))
    with pytest.raises(ValueError, match="do not fit"):
        grouping.tokens_read(kind(X_NF), token_N[1:], [0])
