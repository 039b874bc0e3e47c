"""What the core learnt for the explorer, against slow references."""

import numpy as np
import pytest
from scipy import sparse

from kosae_core import detection
from kosae_core.generation import continuations


def slow_best(values, yes):
    """The best F1 over all thresholds that a value or 0 gives, by counting."""
    best, at = 0.0, np.inf
    levels = sorted({0.0, *values.tolist()})
    for low, high in zip(levels, levels[1:], strict=False):
        said = values > low
        hits = sum(1 for s, y in zip(said, yes, strict=True) if s and y)
        f1 = 2 * hits / (said.sum() + yes.sum())
        if f1 >= best and f1 > 0:  # of equals the highest threshold, so that levels are gone through upwards
            best, at = f1, (low + high) / 2
    return best, at


def test_class_f1s_equal_the_count_by_hand():
    rng = np.random.default_rng(0)
    dense = np.where(rng.random((40, 7)) < 0.5, rng.integers(1, 6, (40, 7)), 0).astype(np.float32)
    dense[:, 3] = 0
    labels = rng.choice(["a", "b", "c"], 40)
    names, f1, threshold = detection.class_f1s(sparse.csr_array(dense), labels)
    assert names.tolist() == ["a", "b", "c"]
    for f in range(7):
        for c, name in enumerate(names):
            best, at = slow_best(dense[:, f], labels == name)
            assert f1[f, c] == pytest.approx(best)
            assert threshold[f, c] == pytest.approx(at)
            assert detection.f1_score(dense[:, f] > threshold[f, c], labels == name) == pytest.approx(best)


def test_class_f1s_agree_with_best_rule():
    rng = np.random.default_rng(1)
    dense = np.where(rng.random((60, 9)) < 0.4, rng.random((60, 9)), 0).astype(np.float32)
    labels = rng.choice(["yes", "no"], 60)
    _, f1, _ = detection.class_f1s(sparse.csr_array(dense), labels)
    assert f1[:, 1].max() == pytest.approx(detection.best_rule(sparse.csr_array(dense), labels == "yes").f1)


def test_class_f1s_refuse_labels_of_another_length():
    with pytest.raises(ValueError, match="do not fit 3 documents"):
        detection.class_f1s(sparse.csr_array(np.eye(3, dtype=np.float32)), np.array(["a", "b"]))


def test_every_token_is_told_as_it_is_written(tiny_lm):
    told = []
    texts = ["어제 친구와", "We had"]
    written = continuations(
        tiny_lm, texts, max_new_tokens=5, seed=3, on_token=lambda row, token: told.append((row, token))
    )
    assert [[token for row, token in told if row == r] for r in (0, 1)] == written
    assert written == continuations(tiny_lm, texts, max_new_tokens=5, seed=3)


def test_what_the_listener_raises_ends_the_writing(tiny_lm):
    told = []

    def enough(row, token):
        told.append(token)
        raise InterruptedError

    with pytest.raises(InterruptedError):
        continuations(tiny_lm, ["어제 친구와"], max_new_tokens=5, on_token=enough)
    assert len(told) == 1
