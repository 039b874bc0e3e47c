"""Rules over tokens, against loops over documents."""

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import sparse

from kosae_core import explaining
from kosae_core.explaining import Cue, Rule


def make_store(documents, skip=1):
    rows = [(d, p) for d, ids in enumerate(documents) for p in range(skip, len(ids))]
    return SimpleNamespace(
        n_tokens=len(rows), documents=documents, doc_index=np.array([d for d, _ in rows]), positions=np.array([p for _, p in rows])
    )  # fmt: skip


@pytest.fixture
def texts():
    """Random documents; the feature fires on 5 after 3, on 7, and wherever 9 stood two or more tokens before."""
    rng = np.random.default_rng(0)
    documents = [[0, *rng.integers(1, 60, rng.integers(4, 12)).tolist()] for _ in range(400)]
    for ids in documents[::4]:
        ids[2:2] = [3, 5]
    store = make_store(documents)

    def fires(d, p):
        ids = documents[d]
        return (ids[p] == 5 and ids[p - 1] == 3) or ids[p] == 7 or 9 in ids[max(p - 6, 0) : p - 1]

    fires_N = np.array([fires(d, p) for d, p in zip(store.doc_index, store.positions, strict=True)])
    return store, fires_N


def test_windows_look_back_within_the_document(texts):
    store, _ = texts
    found = explaining.windows(store, reach=3)
    for row, (d, p) in enumerate(zip(store.doc_index, store.positions, strict=True)):
        expected = [store.documents[d][p - back] if p - back >= 0 else -1 for back in range(4)]
        assert found[row].tolist() == expected
    with pytest.raises(ValueError, match="at least 1"):
        explaining.windows(store, reach=0)


def test_cues_are_met_where_their_token_stands(texts):
    store, _ = texts
    windows = explaining.windows(store, reach=4)
    rule = Rule((Cue("on", 7), Cue("after", 3), Cue("later than", 9)), 0.0)
    for row, said in enumerate(explaining.met(rule, windows)):
        now, before, *earlier = windows[row].tolist()
        assert said == (now == 7 or before == 3 or 9 in earlier)
    assert not explaining.met(Rule((), 0.5), windows).any()


def test_a_rule_is_found_for_a_feature_that_has_one(texts):
    store, fires = texts
    windows = explaining.windows(store)
    rule = explaining.explain(windows, fires, store.doc_index)
    assert {Cue("on", 7), Cue("later than", 9)} <= set(rule.cues)
    assert Cue("after", 3) in rule.cues or Cue("on", 5) in rule.cues
    verdict = explaining.judge(rule, windows, fires, store.doc_index)
    assert min(verdict.detection, verdict.fuzzing, verdict.recall) > 0.9
    assert rule == explaining.explain(windows, fires, store.doc_index)


def test_each_cue_is_the_best_of_all_candidates_and_worth_its_place(texts):
    store, fires = texts
    windows = explaining.windows(store)
    rule = explaining.explain(windows, fires, store.doc_index, n_examples=10**6, candidates=10**6, gain=0.02)
    inside = np.isin(store.doc_index, store.doc_index[fires])
    rng = np.random.default_rng(0)
    on = rng.permutation(np.flatnonzero(fires))
    near = rng.permutation(np.flatnonzero(~fires & inside))[: -(-len(on) // 2)]
    far = rng.permutation(np.flatnonzero(~fires & ~inside))[: len(on) - len(near)]
    off = np.concatenate([near, far])
    every = [Cue(slot, token) for slot in explaining.SLOTS for token in range(60)]

    def balanced(cues):
        said = explaining.met(Rule(tuple(cues), 0.0), windows)
        return (said[on].mean() + (~said[off]).mean()) / 2

    for n in range(len(rule.cues)):
        best = max(balanced([*rule.cues[:n], cue]) for cue in every)
        assert balanced(rule.cues[: n + 1]) == pytest.approx(best)
        assert best >= (balanced(rule.cues[:n]) if n else 0.5) + 0.02
    assert rule.accuracy == pytest.approx(balanced(rule.cues))


def test_pairs_are_candidates_like_single_tokens():
    rng = np.random.default_rng(0)
    store = make_store(
        [[0, *rng.integers(1, 9, 8).tolist()] for _ in range(300)]
    )  # few tokens: 3 and 5 are common alone
    windows = explaining.windows(store)
    ids = store.documents
    places = list(zip(store.doc_index.tolist(), store.positions.tolist(), strict=True))
    fires = np.array([ids[d][p] == 5 and ids[d][p - 1] == 3 for d, p in places])
    options = {"n_examples": 10**6, "candidates": 10**6, "pairs": True}
    rule = explaining.explain(windows, fires, store.doc_index, **options)
    pair = Cue(explaining.PAIR, 5, before=3)
    assert pair in rule.cues
    assert np.array_equal(explaining.met(Rule((pair,), 0.0), windows), fires)
    # Every candidate, one by one: no single token and no pair is better than the first cue that was taken.
    inside = np.isin(store.doc_index, store.doc_index[fires])
    rng = np.random.default_rng(0)
    on = rng.permutation(np.flatnonzero(fires))
    near = rng.permutation(np.flatnonzero(~fires & inside))[: -(-len(on) // 2)]
    off = np.concatenate([near, rng.permutation(np.flatnonzero(~fires & ~inside))[: len(on) - len(near)]])
    best = 0.0
    for a in range(-1, 9):
        for b in range(9):
            said = [(a == -1 or ids[d][p - 1] == a) and ids[d][p] == b for d, p in (places[i] for i in [*on, *off])]
            best = max(best, (np.mean(said[: len(on)]) + 1 - np.mean(said[len(on) :])) / 2)
    first = explaining.met(Rule(rule.cues[:1], 0.0), windows)
    assert (first[on].mean() + (~first[off]).mean()) / 2 == pytest.approx(best)
    # Single tokens alone tell these less well, and have no pair among them.
    single = explaining.explain(windows, fires, store.doc_index, **(options | {"pairs": False}))
    assert all(cue.slot in explaining.SLOTS for cue in single.cues)
    assert single.accuracy < rule.accuracy


def test_a_feature_without_a_rule_is_not_explained():
    rng = np.random.default_rng(1)
    documents = [[0, *rng.integers(1, 40, 10).tolist()] for _ in range(600)]
    store = make_store(documents)
    windows = explaining.windows(store)
    fires = rng.random(store.n_tokens) < 0.05
    half = store.doc_index < 300
    rule = explaining.explain(windows[half], fires[half], store.doc_index[half])
    verdict = explaining.judge(rule, windows[~half], fires[~half], store.doc_index[~half])
    assert abs(verdict.fuzzing - 0.5) < 0.08
    assert abs(verdict.detection - 0.5) < 0.08


def test_verdicts_count_documents_and_tokens(texts):
    store, fires = texts
    windows = explaining.windows(store)
    rule = Rule((Cue("on", 7), Cue("on", 8)), 0.0)
    found = explaining.judge(rule, windows, fires, store.doc_index)
    said = explaining.met(rule, windows)
    truth, claim = {}, {}
    for d, t, s in zip(store.doc_index, fires, said, strict=True):
        truth[d], claim[d] = truth.get(d, False) or t, claim.get(d, False) or s
    hit = np.mean([claim[d] for d in truth if truth[d]])
    rejected = np.mean([not claim[d] for d in truth if not truth[d]])
    assert found.detection == pytest.approx((hit + rejected) / 2)
    rows = [(t, s) for d, t, s in zip(store.doc_index, fires, said, strict=True) if truth[d]]
    fuzz = (np.mean([s for t, s in rows if t]) + np.mean([not s for t, s in rows if not t])) / 2
    assert found.fuzzing == pytest.approx(fuzz)
    assert found.recall == pytest.approx(said[fires].mean())
    assert found.precision == pytest.approx(fires[said].mean())


def test_usable_features_are_common_but_not_everywhere():
    rng = np.random.default_rng(5)
    train, held = (rng.random((n, 30)) * (rng.random((n, 30)) < np.linspace(0, 0.5, 30)) for n in (200, 120))
    doc = np.sort(rng.integers(0, 38, 120))  # of 40 documents the last two have no token
    found = explaining.usable(sparse.csr_array(train), sparse.csr_array(held), doc, 40, least=(20, 12), most=0.6)
    expected = []
    for f in range(30):
        spread = sum(any(held[row, f] > 0 for row in range(120) if doc[row] == d) for d in range(40)) / 40
        if sum(train[:, f] > 0) >= 20 and sum(held[:, f] > 0) >= 12 and spread < 0.6:
            expected.append(f)
    assert found.tolist() == expected and 0 < len(expected) < 20 and 29 not in expected
    with pytest.raises(ValueError, match="do not fit"):
        explaining.usable(sparse.csr_array(train), sparse.csr_array(held), doc, 20)


@pytest.mark.parametrize("quantile", [0.0, 0.5, 0.9])
def test_firing_is_above_a_quantile_of_what_training_has(quantile):
    rng = np.random.default_rng(6)
    values = {split: rng.random(n) * (rng.random(n) < 0.3) for split, n in (("train", 100), ("test", 60))}
    found = explaining.firing(values, quantile)
    on = sorted(v for v in values["train"] if v > 0)
    at = quantile * (len(on) - 1)
    bar = on[int(at)] + (at - int(at)) * (on[min(int(at) + 1, len(on) - 1)] - on[int(at)]) if quantile else 0
    for split, fires in found.items():
        assert fires.tolist() == [v > bar for v in values[split]]
    for wrong, q in (({"train": np.zeros(3)}, quantile), (values, 1.0)):
        with pytest.raises(ValueError, match="a quantile from 0"):
            explaining.firing(wrong, q)


def test_features_are_judged_by_their_own_rules_and_by_others(texts):
    store, fires = texts
    cut = store.doc_index < 250
    windows = dict(
        zip(("train", "test"), (explaining.windows(store)[cut], explaining.windows(store)[~cut]), strict=True)
    )
    docs = {"train": store.doc_index[cut], "test": store.doc_index[~cut]}
    now = explaining.windows(store)[:, 0]
    features = [{"train": f[cut], "test": f[~cut]} for f in (fires, now == 20, (now == 30) | (now == 31))]
    found = explaining.judge_rules(windows, features, docs, n_cues=3, pairs=True, seed=4)
    for i, one in enumerate(features):
        rule = explaining.explain(windows["train"], one["train"], docs["train"], n_cues=3, pairs=True, seed=4)
        assert found.rules[i] == rule
        assert found.own[i] == explaining.judge(rule, windows["test"], one["test"], docs["test"])
        other = found.rules[i + 1] if i < 2 else found.rules[0]
        assert found.other[i] == explaining.judge(other, windows["test"], one["test"], docs["test"])
    assert found.own[1].detection == 1 and found.other[1].detection < 0.7
    with pytest.raises(ValueError, match="give two at least"):
        explaining.judge_rules(windows, features[:1], docs)


def test_rules_in_words():
    vocabulary = ["", "을", "영화", "보"]
    rule = Rule((Cue("after", 2), Cue("on", 1), Cue("on", 3)), 0.9)
    assert explaining.written(rule, vocabulary) == "on ‘을’, ‘보’; after ‘영화’"
    assert explaining.written(Rule((), 0.5), vocabulary) == "never"
    assert (
        explaining.written(Rule((Cue("pair", 3, 2), Cue("on", 1)), 0.9), vocabulary)
        == "on ‘을’; on ‘보’ right after ‘영화’"
    )


def test_what_cannot_be_told_apart_is_refused(texts):
    store, fires = texts
    windows = explaining.windows(store)
    with pytest.raises(ValueError, match="do not fit"):
        explaining.explain(windows, fires[1:], store.doc_index)
    for same in (np.ones_like(fires), np.zeros_like(fires)):
        with pytest.raises(ValueError, match="nothing to tell apart"):
            explaining.explain(windows, same, store.doc_index)
        with pytest.raises(ValueError, match="both kinds"):
            explaining.judge(Rule((), 0.5), windows, same, store.doc_index)
    whole = store.doc_index == 0
    with pytest.raises(ValueError, match="fuzzing needs others"):
        explaining.judge(Rule((), 0.5), windows, whole, store.doc_index)
