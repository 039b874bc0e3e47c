"""The n-gram baseline against a slow dictionary version written from the equations."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from pipeline.ngram import KneserNey

ORDER, VOCAB = 3, 12


def documents(seed, n):
    rng = np.random.default_rng(seed)
    return [[0, *rng.zipf(1.6, size=rng.integers(3, 12)).clip(1, VOCAB - 1).tolist()] for _ in range(n)]


class Slow:
    def __init__(self, docs):
        raw = [Counter() for _ in range(ORDER + 1)]
        for doc in docs:
            for n in range(1, ORDER + 1):
                for i in range(n - 1, len(doc)):
                    raw[n][tuple(doc[i - n + 1 : i + 1])] += 1
        self.counts = [None] * (ORDER + 1)
        self.counts[ORDER] = dict(raw[ORDER])
        for n in range(1, ORDER):
            left = defaultdict(set)
            for gram in raw[n + 1]:
                left[gram[1:]].add(gram[0])
            self.counts[n] = {g: (c if g[0] == 0 else len(left[g])) for g, c in raw[n].items()}
        self.discounts = [None] + [self.discount(n) for n in range(1, ORDER + 1)]

    def discount(self, n):
        values = list(self.counts[n].values())
        n1, n2, n3, n4 = (values.count(i) for i in (1, 2, 3, 4))
        if 0 in (n1, n2, n3, n4):
            return [0, 0.5, 1.0, 1.5]
        y = n1 / (n1 + 2 * n2)
        found = [1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3]
        return [0] + [min(max(d, 0.05), i + 0.95) for i, d in enumerate(found)]

    def prob(self, gram):
        if not gram:
            return 1 / VOCAB
        context = gram[:-1]
        n = len(gram)
        seen = {g: c for g, c in self.counts[n].items() if g[:-1] == tuple(context)}
        if not seen or sum(seen.values()) == 0:
            return self.prob(gram[1:])
        total, d = sum(seen.values()), self.discounts[n]
        weight = sum(d[min(c, 3)] for c in seen.values()) / total
        c = seen.get(tuple(gram), 0)
        return (c - d[min(c, 3)]) / total + weight * self.prob(gram[1:])


@pytest.mark.parametrize("seed,n", [(0, 8), (1, 60), (2, 200)])
def test_probabilities_equal_the_slow_version(seed, n):
    docs, held = documents(seed, n), documents(seed + 100, 20)
    model = KneserNey(ORDER, VOCAB).fit(np.concatenate(docs))
    slow = Slow(docs)
    found = model.log2_prob(np.concatenate(held))
    want = [
        0.0 if i == 0 else np.log2(slow.prob(tuple(d[max(0, i - ORDER + 1) : i + 1])))
        for d in held
        for i in range(len(d))
    ]
    np.testing.assert_allclose(found, want, rtol=1e-9)


def test_next_token_probabilities_sum_to_one():
    docs = documents(3, 50)
    model = KneserNey(ORDER, VOCAB).fit(np.concatenate(docs))
    for context in ([0], [0, 3], [0, 1, 2, 1]):
        total = sum(2 ** model.log2_prob(np.array(context + [w]))[-1] for w in range(1, VOCAB))
        bos = Slow(docs).prob((*context[-(ORDER - 1) :], 0))
        assert total + bos == pytest.approx(1.0)


def test_rows_cut_a_stream_as_if_each_were_a_document_without_its_start():
    docs = documents(5, 80)
    stream = np.concatenate(docs)
    rows = stream[: len(stream) // 7 * 7].reshape(-1, 7)
    pieces = []
    for row in rows.tolist():
        for token in [None, *row]:
            if token in (None, 0):
                pieces.append([])
            if token is not None:
                pieces[-1].append(token)
    slow = Slow([piece for piece in pieces if piece])
    held = documents(105, 20)
    found = KneserNey(ORDER, VOCAB).fit(rows.ravel(), np.arange(0, rows.size, 7)).log2_prob(np.concatenate(held))
    want = [
        0.0 if i == 0 else np.log2(slow.prob(tuple(d[max(0, i - ORDER + 1) : i + 1])))
        for d in held
        for i in range(len(d))
    ]
    np.testing.assert_allclose(found, want, rtol=1e-9)


def test_a_stream_must_start_with_bos():
    with pytest.raises(ValueError, match="must start with bos"):
        KneserNey(2, VOCAB).fit(np.array([3, 0, 1]))


def test_passages_read_several_times_are_counted_once():
    from pipeline.lm_report import each_once

    stream = np.array(
        [0, 3, 4, 0, 5, 0, 3, 4, 7, 8, 0, 5], dtype=np.uint16
    )  # the row that starts at 8 is inside a document
    kept, starts = each_once(stream, np.array([0, 8]))
    assert kept.tolist() == [0, 3, 4, 0, 5, 7, 8]
    assert starts.tolist() == [0, 3, 5]


def test_the_better_of_the_two_ways_to_count_is_the_baseline():
    from pipeline.lm_report import each_once, kneser_ney_bits

    docs = documents(1, 300)
    stream = np.concatenate([np.array(d, dtype=np.uint16) for d in docs * 4])
    starts = np.array([0])
    held = [np.array(d) for d in documents(2, 50)]
    name, bits = kneser_ney_bits(stream, starts, VOCAB, held)
    for text in ((stream, starts), each_once(stream, starts)):
        model = KneserNey(5, VOCAB).fit(*text)
        assert bits.sum() <= -sum(model.log2_prob(d).sum() for d in held) + 1e-9
    assert name == "with every passage once"
