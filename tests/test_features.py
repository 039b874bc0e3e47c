"""Sparse feature matrices against dense loops."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from kosae_core import features
from kosae_core.sae import VARIANTS, SAEConfig


def table(rows, columns, seed, share=0.3):
    rng = np.random.default_rng(seed)
    return (rng.random((rows, columns)) * (rng.random((rows, columns)) < share)).astype(np.float32)


@pytest.fixture
def sae():
    generator = torch.Generator().manual_seed(0)
    return VARIANTS["topk"](SAEConfig(n_features=12, k=3), 5, generator)


@pytest.fixture
def store():
    acts = torch.randn(9, 5, generator=torch.Generator().manual_seed(1))

    class Store(SimpleNamespace):
        def __getitem__(self, part):
            return acts[part]

    # document 2 has no kept token; the first id of every document is the start token
    return Store(
        n_tokens=9, d_model=5, point="q2.resid_post", doc_index=np.array([0, 0, 0, 1, 1, 3, 3, 3, 3]),
        positions=np.array([1, 2, 3, 1, 2, 1, 2, 3, 4]),
        documents=[[0, 10, 11, 12], [0, 20, 21], [0], [0, 30, 31, 32, 33]], acts=acts,
    )  # fmt: skip


def test_encode_store(sae, store):
    X_NF = features.encode_store(sae, store, batch_size=4)
    assert np.array_equal(X_NF.toarray(), sae.encode(store.acts).detach().numpy())
    assert X_NF.dtype == np.float32 and X_NF.nnz <= 27


@pytest.mark.parametrize("pool", ["sum", "mean", "max"])
def test_document_features(sae, store, pool):
    feats = sae.encode(store.acts).detach().numpy()
    slow = np.zeros((4, 12))
    for document in (0, 1, 3):
        part = [feats[n] for n in range(9) if store.doc_index[n] == document]
        slow[document] = {"sum": sum(part), "mean": sum(part) / len(part), "max": np.max(part, axis=0)}[pool]
    assert np.allclose(features.document_features(sae, store, pool).toarray(), slow, atol=1e-6)


@given(st.integers(0, 10_000), st.integers(1, 30), st.integers(1, 6), st.sampled_from(["sum", "mean", "max"]))
@settings(max_examples=40, deadline=None)
def test_pooling_any_table(seed, n_tokens, n_documents, pool):
    X = table(n_tokens, 7, seed)
    index = np.random.default_rng(seed).integers(0, n_documents, n_tokens)
    slow = np.zeros((n_documents, 7))
    for m in range(n_documents):
        part = X[index == m]
        if len(part):
            slow[m] = {"sum": part.sum(0), "mean": part.mean(0), "max": part.max(0)}[pool]
    got = features.pool_tokens(sparse.csr_array(X), index, n_documents, pool)
    assert np.allclose(got.toarray(), slow, atol=1e-5)


def test_tfidf_is_source_a():
    X = table(8, 6, 3)
    X[:, 0] = 1.0  # in every document: log(8 / 9) < 0
    X[4] = 0.0
    slow = np.zeros((8, 6))
    for m in range(8):
        for f in range(6):
            slow[m, f] = X[m, f] * math.log(8 / (sum(X[n, f] != 0 for n in range(8)) + 1))
        length = math.sqrt(sum(slow[m] ** 2))
        slow[m] = slow[m] / length if length else 0.0
    assert np.allclose(features.tfidf(sparse.csr_array(X)).toarray(), slow, atol=1e-6)


@pytest.mark.parametrize("kind", [sparse.csr_array, np.asarray])
def test_class_means_and_top_features(kind):
    X = table(10, 6, 4)
    labels = ["food", "travel", "food", "film", "film", "food", "travel", "film", "food", "travel"]
    names, means = features.class_means(kind(X), labels)
    assert names.tolist() == ["film", "food", "travel"]
    for name, mean in zip(names, means, strict=True):
        assert np.allclose(mean, np.mean([X[m] for m in range(10) if labels[m] == name], axis=0))
    top = features.top_features(kind(X), labels, 3)
    for name, mean in zip(names, means, strict=True):
        assert top[name].tolist() == sorted(range(6), key=lambda f: (-mean[f], f))[:3]


def test_top_tokens(sae, store):
    X_NF = features.encode_store(sae, store)
    dense = X_NF.toarray()
    feature = int((dense > 0).sum(0).argmax())
    got = features.top_tokens(X_NF, store, feature, n=3, context=1, one_per_document=False)
    order = [n for n in np.argsort(-dense[:, feature], kind="stable") if dense[n, feature] > 0][:3]
    assert [token.row for token in got] == order
    for token in got:
        document = store.documents[token.document]
        assert token.value == dense[token.row, feature] and token.document == store.doc_index[token.row]
        assert token.context[token.centre] == document[token.position] == document[store.positions[token.row]]
        assert list(token.context) == document[max(0, token.position - 1) : token.position + 2]
    once = features.top_tokens(X_NF, store, feature, n=9)
    assert len({token.document for token in once}) == len(once)


def test_idf_of_other_documents():
    X, Y = table(9, 5, 7), table(4, 5, 8)
    X[:, 1], Y[2] = 0.0, 0.0
    idf = [math.log(9 / (sum(X[n, f] != 0 for n in range(9)) + 1)) for f in range(5)]
    assert np.allclose(features.inverse_document_frequency(sparse.csr_array(X)), idf)
    slow = np.array([[Y[m, f] * idf[f] for f in range(5)] for m in range(4)])
    slow = [[v / (math.hypot(*row) or 1) for v in row] for row in slow]
    got = features.tfidf(sparse.csr_array(Y), features.inverse_document_frequency(sparse.csr_array(X)))
    assert np.allclose(got.toarray(), slow, atol=1e-6)
    with pytest.raises(ValueError, match="do not fit 5 features"):
        features.tfidf(sparse.csr_array(Y), np.ones(4))


@given(st.integers(0, 10_000), st.integers(1, 6), st.integers(1, 5))
@settings(max_examples=40, deadline=None)
def test_lists_of_classes(seed, n_classes, k):
    rng = np.random.default_rng(seed)
    top = {f"c{c}": rng.permutation(9)[:k] for c in range(n_classes)}
    ids, counts = features.category_counts(top)
    slow = {f: sum(f in ids_k.tolist() for ids_k in top.values()) for f in range(9)}
    assert dict(zip(ids.tolist(), counts.tolist(), strict=True)) == {f: n for f, n in slow.items() if n}
    assert list(counts) == sorted(counts, reverse=True)
    overlap = features.jaccard(top)
    for a, first in enumerate(top.values()):
        for b, second in enumerate(top.values()):
            both = sum(f in first and f in second for f in range(9))
            assert overlap[a, b] == both / sum(f in first or f in second for f in range(9))
    assert features.jaccard(top, {"x": top["c0"]}).tolist() == overlap[:, :1].tolist()
    X = table(6, 9, seed)
    X[3] = 0
    share = features.share_on(sparse.csr_array(X), top)
    for m in range(6):
        for c, list_k in enumerate(top.values()):
            expected = sum(float(X[m, f]) for f in list_k) / sum(map(float, X[m])) if X[m].any() else 0.0
            assert share[m, c] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", [sparse.csr_array, np.asarray])
def test_nearest_profile(kind):
    X = table(12, 5, 11, share=0.7)
    X[4] = 0
    profiles = np.vstack([table(3, 5, 12, share=0.9), np.zeros((1, 5))])
    names = np.array(["film", "food", "sea", "none"])
    slow = []
    for row in X:
        cosines = []
        for profile in profiles:
            lengths = math.hypot(*row) * math.hypot(*profile)
            cosines.append(sum(a * b for a, b in zip(row, profile, strict=True)) / lengths if lengths else 0.0)
        slow.append(names[cosines.index(max(cosines))])
    assert features.nearest_profile(kind(X), profiles, names).tolist() == slow
    assert features.nearest_profile(kind(X[4:5]), profiles, names).tolist() == ["film"]
    with pytest.raises(ValueError, match="do not fit profiles"):
        features.nearest_profile(kind(X[:, :4]), profiles, names)


def test_refusals(sae, store):
    X_NF = features.encode_store(sae, store)
    with pytest.raises(ValueError, match="pool must be"):
        features.pool_tokens(X_NF, store.doc_index, 4, "median")
    with pytest.raises(ValueError, match="do not fit"):
        features.pool_tokens(X_NF, store.doc_index, 2)
    with pytest.raises(ValueError, match="labels do not fit"):
        features.class_means(X_NF, ["a"])
    with pytest.raises(ValueError, match="k must lie between"):
        features.top_features(X_NF, ["a"] * 9, 13)
    with pytest.raises(ValueError, match="do not belong"):
        features.top_tokens(X_NF[:3], store, 0)


def test_moments_over_all_tokens_and_over_those_that_fire():
    rng = np.random.default_rng(6)
    X = rng.random((70, 5)) * (rng.random((70, 5)) < [0.9, 0.3, 0.05, 0.0, 1.0])
    found = features.moments(sparse.csr_array(X))
    for f in range(5):
        column = X[:, f].tolist()
        on = [x for x in column if x > 0]
        for values, mean, std in ((column, found.mean_F, found.std_F), (on, found.on_mean_F, found.on_std_F)):
            centre = sum(values) / len(values) if values else 0
            spread = (sum((x - centre) ** 2 for x in values) / len(values)) ** 0.5 if values else 0
            assert mean[f] == pytest.approx(centre) and std[f] == pytest.approx(spread, abs=1e-6)
        assert found.rate_F[f] == pytest.approx(len(on) / 70)
    with pytest.raises(ValueError, match="at least one token"):
        features.moments(sparse.csr_array((0, 3)))


def test_main_class_is_where_the_mean_is_highest():
    rng = np.random.default_rng(7)
    labels = rng.choice(["food", "sea", "work"], 60, p=[0.2, 0.2, 0.6])
    X = rng.random((60, 4)) * [[1, label == "sea", 0, 1 + 4 * (label == "food")] for label in labels]
    names, shares = features.main_class(sparse.csr_array(X), labels)
    for f in (0, 1, 3):
        means = {name: np.mean([X[m, f] for m in range(60) if labels[m] == name]) for name in ("food", "sea", "work")}
        best = max(means, key=means.get)
        assert names[f] == best and shares[f] == pytest.approx(means[best] / sum(means.values()))
    assert names[2] == "" and shares[2] == 0 and shares[1] == 1
