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


def kinds_of(text, lang, pieces):
    spans, start = [], 0
    for piece in pieces:
        start = text.index(piece, start)
        spans.append((start, start + len(piece)))
        start += len(piece)
    return bilingual.token_kinds(text, spans, lang)


def test_kinds_of_korean_tokens():
    text = "동생과 공원에서 노란 꽃을 보면서 걷는 사람은 오늘도 웃었다."
    pieces = [
        "동생",
        "과",
        " 공원",
        "에서",
        " 노란",
        " 꽃을",
        " 보면",
        "서",
        " 걷",
        "는",
        " 사람은",
        " 오늘",
        "도",
        " 웃",
        "었다",
        ".",
    ]
    expected = [
        "content",
        "particle",
        "content",
        "particle",
        "content",
        "particle",
        "content",
        "ending",
        "content",
        "either",
        "either",
    ]
    assert kinds_of(text, "ko", pieces) == [*expected, "content", "particle", "content", "ending", "sign"]


def test_kinds_of_english_tokens():
    text = "The cat's owner sat on an old chair, and she wasn't sure of it."
    pieces = [
        "The",
        " cat's",
        " own",
        "er",
        " sat",
        " on",
        " an",
        " old",
        " chair",
        ",",
        " and",
        " she",
        " wasn't",
        " of",
        " it",
        ".",
    ]
    expected = [
        "article",
        "content",
        "content",
        "content",
        "content",
        "preposition",
        "article",
        "content",
        "content",
        "sign",
    ]
    assert kinds_of(text, "en", pieces) == [
        *expected,
        "conjunction",
        "pronoun",
        "content",
        "preposition",
        "pronoun",
        "sign",
    ]
    with pytest.raises(ValueError, match="not for 'de'"):
        bilingual.token_kinds("Hund", [(0, 4)], "de")


def test_the_kind_a_feature_spends_itself_on():
    rng = np.random.default_rng(4)
    kinds = rng.choice(["article", "content", "sign"], 90, p=[0.2, 0.6, 0.2])
    X = rng.random((90, 4)) * [[1, kind == "article", 0, 1 + 5 * (kind == "sign")] for kind in kinds]
    names, shares = bilingual.main_kind(sparse.csr_array(X), kinds)
    for f in range(4):
        spent = {k: sum(X[n, f] for n in range(90) if kinds[n] == k) for k in set(kinds)}
        best = max(spent, key=spent.get)
        if f == 2:
            assert names[f] == "" and shares[f] == 0
            continue
        assert shares[f] == pytest.approx(spent[best] / sum(spent.values()))
        assert names[f] == (best if shares[f] > 0.5 else "mixed")
    assert names[1] == "article" and bilingual.main_kind(sparse.csr_array(X), kinds, 0.99)[0][0] == "mixed"
    with pytest.raises(ValueError, match="do not fit"):
        bilingual.main_kind(sparse.csr_array(X), kinds[:-1])


def test_pairs_are_found_by_name():
    first, second = ["a", "b", "c", "e", "d", "e"], ["d", "x", "b", "e", "a", "c", "c"]
    expected = [
        (i, j)
        for i, x in enumerate(first)
        for j, y in enumerate(second)
        if x == y and first.count(x) == second.count(x) == 1
    ]
    rows, others = bilingual.paired_rows(first, np.array(second))
    assert list(zip(rows.tolist(), others.tolist(), strict=True)) == expected == [(0, 4), (1, 2), (4, 0)]
    for bad in ((["a"], ["b"]), (["a", "a"], ["a"])):
        with pytest.raises(ValueError, match="no pair in common"):
            bilingual.paired_rows(*bad)


def test_profiles_over_topics_items_and_sentences():
    rng = np.random.default_rng(4)
    X = rng.random((24, 3))
    topics = np.array(["b", "a"])[np.arange(24) // 12]
    items = np.array(["x", "y", "z"])[np.arange(24) % 3]  # the same names in both topics
    table = sparse.csr_array(X)

    def mean(f, *where):
        return np.mean([X[m, f] for m in range(24) if all(w[m] for w in where)])

    topic = bilingual.profiles(table, "topic", topics, items)
    item = bilingual.profiles(table, "item", topics, items)
    assert topic.shape == (2, 3) and item.shape == (6, 3)
    for f in range(3):
        for t, name in enumerate("ab"):
            assert topic[t, f] == pytest.approx(mean(f, topics == name))
            parts = [mean(f, topics == name, items == each) for each in "xyz"]
            assert item[3 * t : 3 * t + 3, f].tolist() == pytest.approx([p - sum(parts) / 3 for p in parts])
    assert np.array_equal(bilingual.profiles(table, "sentence", topics, items), X)
    with pytest.raises(ValueError, match="topic, item or sentence"):
        bilingual.profiles(table, "word", topics, items)


def test_features_that_move_together_are_chosen_and_held_out():
    rng = np.random.default_rng(5)
    texts = []
    for both in ((0, 1), (0, 2)):  # the first feature in both texts, the next two in one each
        ko, en = rng.random((40, 6)), rng.random((40, 6))
        for f in both:
            en[:, f] = ko[:, f] + 0.05 * rng.random(40)
        texts.append((ko, en))
    above = []
    for ko, en in texts:
        order, drawn = np.random.default_rng(7), []
        for _ in range(10):
            en_shuffled = en[order.permutation(40)]
            drawn += [np.corrcoef(ko[:, f], en_shuffled[:, f])[0, 1] for f in range(6)]
        bound = np.quantile(drawn, 0.99)
        above.append([np.corrcoef(ko[:, f], en[:, f])[0, 1] > bound for f in range(6)])
    chosen, survive = bilingual.moving_together(*texts, repeats=10, level=0.99, seed=7)
    assert chosen.tolist() == above[0] and chosen[[0, 1]].all()
    assert (
        survive.tolist() == [a and b for a, b in zip(*above, strict=True)] and survive[0] and not survive[[1, 2]].any()
    )
