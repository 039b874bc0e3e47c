"""One column as a detector, against scikit-learn and loops."""

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import f1_score, roc_auc_score

from kosae_core import detection


@pytest.fixture
def rows():
    rng = np.random.default_rng(0)
    X = np.round(rng.random((120, 300)), 1) * (rng.random((120, 300)) < 0.4)
    yes = rng.random(120) < 0.3
    X[:, 4] = 0.0
    X[:, 270] = yes * 0.5 + (rng.random(120) < 0.1) * 0.2
    return X.astype(np.float32), yes


def test_areas(rows):
    X, yes = rows
    found = detection.aurocs(sparse.csr_array(X), yes)
    assert np.allclose(found, [roc_auc_score(yes, X[:, j]) for j in range(300)])
    assert found[4] == 0.5
    assert np.array_equal(found, detection.aurocs(X, yes))


def test_interval_draws_whole_clusters(rows):
    X, yes = rows
    clusters = np.arange(120) // 6
    area, (low, high) = detection.auroc_interval(X[:, 1], yes, clusters, draws=300, seed=1)
    assert area == pytest.approx(roc_auc_score(yes, X[:, 1]))
    counts = np.random.default_rng(1).multinomial(20, np.full(20, 1 / 20), size=300)
    drawn = []
    for row in counts:
        picked = np.concatenate([np.flatnonzero(clusters == c) for c in range(20) for _ in range(row[c])])
        drawn.append(roc_auc_score(yes[picked], X[picked, 1]))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    with pytest.raises(ValueError, match="one for each"):
        detection.auroc_interval(X[:, 1], yes, clusters[1:])


def test_rises(rows):
    X, yes = rows
    for given in (sparse.csr_array(X), X - 0.3):
        found = detection.rises(given, yes)
        assert found.shape == (300,)
        for j in (0, 4, 17, 270):
            here, there = [], []
            for value, answer in zip(X[:, j], yes, strict=True):
                (here if answer else there).append(float(value))
            assert found[j] == pytest.approx(sum(here) / len(here) - sum(there) / len(there), abs=1e-5)


def test_specificity(rows):
    X, yes = rows
    X[:, 5] = np.where(yes, 1.0, 0.0)
    found = detection.specificity(sparse.csr_array(X), yes)
    for j in (0, 17, 270):
        assert found[j] == pytest.approx(np.mean(X[yes, j]) / np.mean(X[~yes, j]), rel=1e-5)
    assert found[4] == 0
    assert found[5] == np.inf


def slowest_best(X, yes):
    best = (-1.0, None)
    for j in range(X.shape[1]):
        for sign in (1, -1) if (X[:, j] < 0).any() else (1,):
            values = np.unique(sign * X[:, j])
            for low, high in zip(values[:-1], values[1:], strict=True):
                f1 = f1_score(yes, sign * X[:, j] > (low + high) / 2)
                if f1 > best[0] + 1e-12:
                    best = (f1, j)
    return best


def test_the_best_rule_is_the_best_of_all_thresholds(rows):
    X, yes = rows
    rule = detection.best_rule(sparse.csr_array(X), yes)
    assert (rule.f1, rule.column) == pytest.approx(slowest_best(X, yes))
    assert rule.column == 270
    assert f1_score(yes, rule.predict(X)) == pytest.approx(rule.f1)


def test_a_neuron_may_mean_yes_by_low_values():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60, 5)).astype(np.float32)
    yes = X[:, 3] < -0.4
    X[:, 0] = np.abs(X[:, 0])
    rule = detection.best_rule(X, yes)
    assert (rule.column, rule.sign, rule.f1) == (3, -1, 1.0)
    assert rule.predict(X).tolist() == yes.tolist()
    X[:, 3] = 0.0  # nothing is left that tells: the best of what is there, each side tried
    assert detection.best_rule(X, yes).f1 == pytest.approx(slowest_best(X, yes)[0])


def test_a_feature_is_no_detector_by_being_off():
    yes = np.array([True, True, True, False])
    rule = detection.best_rule(np.array([[0.0], [0.0], [0.0], [1.0]]), yes)
    assert (rule.sign, rule.f1) == (1, 0.0)


def test_f1(rows):
    rng = np.random.default_rng(2)
    said, yes = rng.random(50) < 0.5, rng.random(50) < 0.5
    assert detection.f1_score(said, yes) == pytest.approx(f1_score(yes, said))
    assert detection.f1_score(np.zeros(3, bool), np.zeros(3, bool)) == 0


def test_samples_of_f1_draw_whole_clusters(rows):
    _, yes = rows
    rng = np.random.default_rng(3)
    said, clusters = np.where(rng.random(120) < 0.3, ~yes, yes), rng.permutation(np.arange(120) // 8)
    score, samples = detection.f1_samples(said, yes, clusters, draws=40, seed=2)
    assert score == pytest.approx(f1_score(yes, said))
    times = np.random.default_rng(2).multinomial(15, np.full(15, 1 / 15), size=40)
    for row, sample in zip(times, samples, strict=True):
        picked = [n for c in range(15) for _ in range(row[c]) for n in range(120) if clusters[n] == c]
        assert sample == pytest.approx(f1_score(yes[picked], said[picked]))
    none = detection.f1_samples(np.zeros(4, bool), np.zeros(4, bool), np.arange(4), draws=3)
    assert none[0] == 0 and none[1].tolist() == [0, 0, 0]
    for wrong in (yes[1:], np.ones((120, 2), bool)):
        with pytest.raises(ValueError, match="one for each"):
            detection.f1_samples(said, wrong, clusters)
    with pytest.raises(ValueError, match="do not fit"):
        detection.f1_samples(said, yes, clusters[1:])


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
def test_themes_are_the_commonest_label_of_the_strongest(rows, kind):
    X, yes = rows
    labels = np.random.default_rng(4).choice(["삶", "경제", "과학"], 120)
    held, held_labels = X[::-1][:70].copy(), np.where(yes[:70], "경제", "삶")
    X = np.round(X, 1)  # with equals
    found = detection.themes(kind(X), labels, kind(held), held_labels, [4, 270, 3, 299], n=6)
    assert [one.feature for one in found] == [4, 270, 3, 299]
    for one in found:
        strongest = sorted(range(120), key=lambda m, f=one.feature: (-X[m, f], m))[:6]
        counts = {name: [labels[m] for m in strongest].count(name) for name in sorted(set(labels))}
        assert (one.theme, one.agree) == max(counts.items(), key=lambda item: item[1])
        if one.theme == "과학":  # which no held-out document is about
            assert np.isnan(one.area)
        else:
            assert one.area == pytest.approx(roc_auc_score(held_labels == one.theme, held[:, one.feature]))
    assert {one.theme == "과학" for one in detection.themes(X, labels, held, held_labels, range(40))} == {True, False}
    with pytest.raises(ValueError, match="one for each"):
        detection.themes(X, labels[1:], held, held_labels, [0])
    with pytest.raises(ValueError, match="no 121 strongest"):
        detection.themes(X, labels, held, held_labels, [0], n=121)


@pytest.mark.parametrize(("yes", "told"), [(np.ones(2, bool), "one for each"), (np.ones(3, bool), "the same")])
def test_answers_that_fit_no_rows_are_refused(yes, told):
    for what in (detection.aurocs, detection.rises, detection.specificity, detection.best_rule):
        with pytest.raises(ValueError, match=told):
            what(np.eye(3), yes)


def test_a_difference_of_areas_is_measured_on_the_same_samples(rows):
    X, yes = rows
    clusters = np.arange(120) // 6
    gap, (low, high) = detection.auroc_difference(X[:, 1], X[:, 2], yes, clusters, draws=200, seed=1)
    assert gap == pytest.approx(roc_auc_score(yes, X[:, 1]) - roc_auc_score(yes, X[:, 2]))
    drawn = []
    for row in np.random.default_rng(1).multinomial(20, np.full(20, 1 / 20), size=200):
        picked = np.concatenate([np.flatnonzero(clusters == c) for c in range(20) for _ in range(row[c])])
        drawn.append(roc_auc_score(yes[picked], X[picked, 1]) - roc_auc_score(yes[picked], X[picked, 2]))
    assert (low, high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])))
    same = detection.auroc_difference(X[:, 1], X[:, 1], yes, clusters, draws=20)
    assert same == (0, (0, 0))
