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


@pytest.mark.parametrize(("yes", "told"), [(np.ones(2, bool), "one for each"), (np.ones(3, bool), "the same")])
def test_answers_that_fit_no_rows_are_refused(yes, told):
    for what in (detection.aurocs, detection.specificity, detection.best_rule):
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
