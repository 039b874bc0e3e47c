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


def test_enriched_labels_are_counted_over_documents():
    rng = np.random.default_rng(3)
    labels = rng.choice(["해라", "해요", "하오"], 300, p=[0.7, 0.2, 0.1])
    yes = rng.random(300) < np.where(labels == "해요", 0.4, 0.1)
    names, z = logodds.enriched(yes, labels)
    assert names.tolist() == sorted({"해라", "해요", "하오"})
    on = [sum(1 for y, one in zip(yes, labels, strict=True) if y and one == name) for name in names]
    off = [sum(1 for y, one in zip(yes, labels, strict=True) if not y and one == name) for name in names]
    assert z == pytest.approx(odds(on, off))
    # The commonest label among firing documents is the base rate's; what is enriched is another.
    assert names[np.argmax(z)] == "해요" and z.max() > 3
    with pytest.raises(ValueError, match="one for each"):
        logodds.enriched(yes, labels[1:])
    with pytest.raises(ValueError, match="texts on both sides"):
        logodds.enriched(np.zeros(300, bool), labels)
