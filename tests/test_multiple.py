"""p-values of bootstrap differences and Holm's correction, against the procedure step by step."""

import numpy as np
import pytest

from kosae_core import multiple


def stepwise(p, level):
    """Holm's paper: from the smallest p-value on, reject while p <= level / (questions left)."""
    held, left = set(), list(np.argsort(p, kind="stable"))
    while left and p[left[0]] <= level / len(left):
        held.add(int(left.pop(0)))
    return held


def test_adjusted_values_hold_where_the_procedure_rejects():
    rng = np.random.default_rng(0)
    for _ in range(200):
        p = rng.random(rng.integers(1, 12)) ** rng.integers(1, 6)
        adjusted = multiple.holm(p)
        for level in (0.01, 0.025, 0.05, 0.2, 0.7):
            assert set(np.flatnonzero(adjusted <= level)) == stepwise(p, level)
        assert (adjusted >= p).all() and adjusted.max() <= 1


def test_an_example_by_hand():
    assert multiple.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert multiple.holm([]).tolist() == []


def test_errors_stay_below_the_level_where_nothing_differs():
    rng = np.random.default_rng(1)
    wrong = [(multiple.holm(rng.random(10)) <= 0.05).any() for _ in range(4000)]
    assert 0.03 < np.mean(wrong) < 0.07
    assert np.mean([(rng.random(10) <= 0.05).any() for _ in range(4000)]) > 0.3


def test_p_values_count_samples():
    samples = np.array([0.2, -0.1, 0.0, 0.5, 0.3])
    assert multiple.p_above(samples) == pytest.approx((1 + sum(s <= 0 for s in samples)) / 6)
    assert multiple.p_above(np.ones(999)) == pytest.approx(0.001)
    others = [samples - 0.25, np.zeros(5)]
    each = [multiple.p_above(samples - other) for other in others]
    assert multiple.p_above_all(samples, others) == max(each) > min(each)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: multiple.p_above(np.zeros(0)), "at least one sample"),
        (lambda: multiple.p_above_all(np.zeros(3), []), "at least one other"),
        (lambda: multiple.p_above_all(np.zeros(3), [np.zeros(2)]), "like the score"),
        (lambda: multiple.holm([0.1, 1.2]), "from 0 to 1"),
        (lambda: multiple.holm(np.array([[0.1]])), "from 0 to 1"),
    ],
)
def test_bad_input_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
