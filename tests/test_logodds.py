"""Tokens that mark one set of texts off from another."""

import math

import numpy as np
import pytest

from kosae_core import logodds


def odds(here, there):
    return logodds.weighted_log_odds(np.array(here), np.array(there))


def test_counts():
    documents = [[1, 2, 2], [], [4, 2]]
    expected = [sum(document.count(v) for document in documents) for v in range(6)]
    assert logodds.token_counts(documents, 6).tolist() == expected
    assert logodds.token_counts([], 3).tolist() == [0, 0, 0]


@pytest.mark.parametrize("ids", [[3], [-1]])
def test_ids_outside_the_vocabulary_are_refused(ids):
    with pytest.raises(ValueError, match="0 to 2"):
        logodds.token_counts([ids], 3)


def test_z_scores_follow_the_paper():
    rng = np.random.default_rng(0)
    here, there = rng.integers(0, 30, 12), rng.integers(0, 30, 12)
    here[3] = there[3] = 0
    found = logodds.weighted_log_odds(here, there, strength=0.5)
    total = here.sum() + there.sum()
    words = sum(1 for w in range(12) if here[w] + there[w])
    for w in range(12):
        if here[w] + there[w] == 0:
            assert found[w] == 0
            continue
        alpha = 0.5 * words * (here[w] + there[w]) / total
        alpha_0 = 0.5 * words
        delta = math.log((here[w] + alpha) / (here.sum() + alpha_0 - here[w] - alpha))
        delta -= math.log((there[w] + alpha) / (there.sum() + alpha_0 - there[w] - alpha))
        variance = 1 / (here[w] + alpha) + 1 / (there[w] + alpha)
        assert found[w] == pytest.approx(delta / math.sqrt(variance))


def test_the_same_share_with_more_counts_is_surer_and_sides_turn_the_sign():
    few = odds([4, 16], [2, 18])
    many = odds([400, 1600], [200, 1800])
    assert 0 < few[0] < many[0]
    assert np.allclose(odds([2, 18], [4, 16]), -few)


@pytest.mark.parametrize(
    ("here", "there", "told"), [([1, 2], [1], "one count per token"), ([0, 0], [1, 2], "texts on both sides")]
)
def test_what_has_no_odds_is_refused(here, there, told):
    with pytest.raises(ValueError, match=told):
        odds(here, there)
