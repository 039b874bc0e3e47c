"""Probes against slow references: pooled features, Adam by hand, one bootstrap after another."""

import numpy as np
import pytest
import torch
from scipy import sparse

from kosae_core import probing
from kosae_core.probing import ProbeConfig
from kosae_core.sae import SAEConfig, StandardSAE


def blobs(n=240, features=12, classes=4, seed=0, noise=0.4):
    """Non-negative features of which three belong to each class."""
    rng = np.random.default_rng(seed)
    label = rng.integers(classes, size=n)
    X = np.abs(rng.normal(0, noise, (n, features))).astype(np.float32)
    for row, c in enumerate(label):
        X[row, 3 * c : 3 * c + 3] += 1 + rng.random(3).astype(np.float32)
    return X, np.array([f"class {c}" for c in label])


@pytest.mark.parametrize("k", [1, 2, 5])
def test_pooled_features_are_the_union_of_each_class_top_k(k):
    rng = np.random.default_rng(1)
    X, labels = rng.random((60, 15)), rng.choice(["가", "나", "다"], 60)
    expected = set()
    for name in set(labels):
        rows = [X[i] for i in range(60) if labels[i] == name]
        mean = [sum(row[f] for row in rows) / len(rows) for f in range(15)]
        expected |= set(sorted(range(15), key=lambda f: -mean[f])[:k])
    got = probing.pooled_features(sparse.csr_array(X), labels, k)
    assert got.tolist() == sorted(expected)


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("n", [1, 3, 4, 100])
def test_pooled_features_are_cut_to_the_first_choices(n, signed):
    rng = np.random.default_rng(2)
    X, labels = rng.normal(size=(80, 15)), rng.choice(["가", "나", "다", "라"], 80)
    choices = []
    for name in set(labels):
        rows = [X[i] for i in range(80) if labels[i] == name]
        mean = [sum(row[f] for row in rows) / len(rows) for f in range(15)]
        size = [abs(m) if signed else m for m in mean]
        choices += [(place, -size[f], f) for place, f in enumerate(sorted(range(15), key=lambda f: -size[f])[:3])]
    expected = []
    for _, _, f in sorted(choices):
        if f not in expected and len(expected) < n:
            expected.append(f)
    assert probing.pooled_features(X, labels, 3, n, signed=signed).tolist() == sorted(expected)


def adam_by_hand(x, y, weights, biases, config):
    """Full-batch AdamW with a falling learning rate, in float64 NumPy with the gradients written out."""
    parameters = [*weights, *biases]
    first, second = [np.zeros_like(p) for p in parameters], [np.zeros_like(p) for p in parameters]
    depth = len(weights)
    for t in range(1, config.steps + 1):
        layers = [x]
        for i in range(depth):
            z = layers[-1] @ parameters[i].T + parameters[depth + i]
            layers.append(np.maximum(z, 0) if i < depth - 1 else z)
        odds = np.exp(layers[-1] - layers[-1].max(1, keepdims=True))
        slope = odds / odds.sum(1, keepdims=True)
        slope[np.arange(len(y)), y] -= 1
        slope /= len(y)
        gradients = [None] * (2 * depth)
        for i in reversed(range(depth)):
            gradients[i], gradients[depth + i] = slope.T @ layers[i], slope.sum(0)
            slope = (slope @ parameters[i]) * (layers[i] > 0)
        lr = config.lr * (1 - (t - 1) / config.steps)
        for i, gradient in enumerate(gradients):
            first[i] = 0.9 * first[i] + 0.1 * gradient
            second[i] = 0.999 * second[i] + 0.001 * gradient**2
            step = (first[i] / (1 - 0.9**t)) / (np.sqrt(second[i] / (1 - 0.999**t)) + 1e-8)
            parameters[i] = parameters[i] * (1 - lr * config.weight_decay) - lr * step
    return parameters[:depth], parameters[depth:]


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_fit_probe_is_adam_on_cross_entropy(depth):
    X, labels = blobs(60)
    config = ProbeConfig(depth=depth, steps=6, lr=0.01, batch_size=None, weight_decay=0.1, seed=3)
    probe = probing.fit_probe(X, labels, config)
    start = [m for m in probing._network(X.shape[1], 4, config) if isinstance(m, torch.nn.Linear)]
    assert [m.out_features for m in start] == [64, 32, 4][: depth - 1] + [4]
    x = (X.astype(np.float64) - X.mean(0)) / X.std(0)
    y = np.array([sorted(set(labels)).index(name) for name in labels])
    weights, biases = adam_by_hand(
        x, y, [m.weight.detach().double().numpy() for m in start], [m.bias.detach().double().numpy() for m in start], config
    )  # fmt: skip
    trained = [m for m in probe.net if isinstance(m, torch.nn.Linear)]
    for layer, weight, bias in zip(trained, weights, biases, strict=True):
        np.testing.assert_allclose(layer.weight.detach().numpy(), weight, atol=2e-4)
        np.testing.assert_allclose(layer.bias.detach().numpy(), bias, atol=2e-4)


def test_a_probe_learns_and_repeats_itself():
    X, labels = blobs()
    Y, truth = blobs(seed=1)
    config = ProbeConfig(steps=200, batch_size=32)
    probe, again = (probing.fit_probe(sparse.csr_array(X), labels, config) for _ in range(2))
    assert (probe.predict(sparse.csr_array(Y)) == truth).mean() > 0.95
    for a, b in zip(probe.net.parameters(), again.net.parameters(), strict=True):
        assert torch.equal(a, b)


def test_a_probe_stops_when_the_loss_is_small_enough():
    X, labels = blobs()
    losses = []
    for steps, enough in ((400, 0.3), (400, 0.0)):
        config = ProbeConfig(depth=1, steps=steps, lr=0.02, batch_size=None, enough=enough)
        probe = probing.fit_probe(X, labels, config)
        with torch.no_grad():
            log_odds = probe.net(torch.from_numpy((X - probe.mean_P) / probe.scale_P)).double().numpy()
        truth = [sorted(set(labels)).index(name) for name in labels]
        shares = [np.exp(row[c]) / np.exp(row).sum() for row, c in zip(log_odds, truth, strict=True)]
        losses.append(-np.mean(np.log(shares)))
    assert 0.25 < losses[0] < 0.3 and losses[1] < 0.1


def test_scaling_by_one_number_keeps_the_ratios_of_features():
    X, labels = blobs(40)
    probe = probing.fit_probe(X, labels, ProbeConfig(steps=1, standardise=False))
    assert np.all(probe.mean_P == 0) and np.allclose(probe.scale_P, np.sqrt((X.astype(float) ** 2).mean()))


def test_a_probe_leaves_the_callers_random_numbers_alone():
    X, labels = blobs(40)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    probing.fit_probe(X, labels, ProbeConfig(steps=2, batch_size=8))
    assert torch.equal(torch.rand(3), expected)


def test_constant_features_do_no_harm():
    X, labels = blobs()
    X = np.hstack([X, np.full((len(X), 1), 7, np.float32)])
    assert (probing.fit_probe(X, labels, ProbeConfig(steps=150)).predict(X) == labels).mean() > 0.95


def test_sweep_trains_on_one_set_and_scores_the_other():
    X, labels = blobs()
    Y, truth = blobs(seed=1)
    rng = np.random.default_rng(0)
    configs = [ProbeConfig(depth=d, steps=150, lr=0.01, batch_size=None) for d in (2, 3)]
    found = probing.sweep(
        X, labels, labels, (1, 3), configs, {"test": (Y, truth), "noise": (Y, rng.permutation(truth))}
    )
    assert [(r.k, r.depth, r.n_features) for r in found] == [(1, 2, 4), (1, 3, 4), (3, 2, 12), (3, 3, 12)]
    chosen = probing.pooled_features(X, labels, 1)
    by_hand = probing.fit_probe(X[:, chosen], labels, configs[0])
    assert found[0].hits["test"].tolist() == [p == t for p, t in zip(by_hand.predict(Y[:, chosen]), truth, strict=True)]
    assert found[-1].hits["test"].mean() > 0.9 > 0.5 > found[-1].hits["noise"].mean()
    cut = probing.sweep(X, labels, labels, (1, 3), configs, {"test": (Y, truth)}, most=(3, None))
    assert [r.n_features for r in cut] == [3, 3, 12, 12]
    low = probing.sweep(-X, labels, labels, (1,), configs[:1], {"test": (-Y, truth)}, signed=True)
    assert low[0].n_features == probing.pooled_features(-X, labels, 1, signed=True).size


def test_linear_probe_chooses_its_strength_on_other_groups():
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    X, labels = blobs(noise=1.5)
    groups = np.array([f"g{i % 10}" for i in range(len(X))])
    model = probing.linear_probe(X, labels, groups, Cs=(1e-5, 0.1), max_iter=300)
    assert model.C_ == 0.1  # 1e-5 hardly learns
    x = StandardScaler().fit_transform(X)
    reference = LogisticRegression(C=0.1, max_iter=2000).fit(x, labels)
    assert (model.predict(X) == reference.predict(x)).mean() > 0.99


@pytest.mark.parametrize(("widest", "tried"), [(1e6, 9), (10, 3), (1, 2)])
def test_linear_probe_goes_on_while_the_best_strength_is_the_last(monkeypatch, widest, tried):
    monkeypatch.setattr(probing, "WIDEST", widest)
    Cs = (1e-5, 1e-4)
    X, labels = blobs(noise=1.5)
    groups = np.array([f"g{i % 10}" for i in range(len(X))])
    model = probing.linear_probe(X, labels, groups, Cs=Cs, max_iter=300, tol=1e-4)
    assert len(model.Cs_) <= tried and model.C_ in model.Cs_ and model.Cs_[-1] <= max(Cs) * widest * 1.01
    kept_out = np.isin(groups, np.random.default_rng(0).permutation(np.unique(groups))[:2])
    alone = [
        probing.linear_probe(X[~kept_out], labels[~kept_out], groups[~kept_out], Cs=(C,), max_iter=300, tol=1e-4)
        for C in model.Cs_
    ]
    scores = [(each.predict(X[kept_out]) == labels[kept_out]).mean() for each in alone]
    assert scores[model.Cs_.index(model.C_)] >= max(scores) - 0.05
    assert max(model.Cs_) > model.C_ or len(model.Cs_) == tried  # the last only where it may go no further


def test_the_last_fit_comes_to_the_optimum_from_the_one_that_was_scored():
    from sklearn.linear_model import LogisticRegression

    X, labels = blobs(noise=1.5)
    groups = np.array([f"g{i % 10}" for i in range(len(X))])
    model = probing.linear_probe(X, labels, groups, Cs=(0.1, 1.0), max_iter=3000, tol=1e-7)
    warm, cold = model[-1], LogisticRegression(C=model.C_, max_iter=3000, tol=1e-7).fit(model[:-1].transform(X), labels)
    np.testing.assert_allclose(warm.coef_, cold.coef_, atol=2e-3)
    assert warm.n_iter_[0] < cold.n_iter_[0]


def test_linear_probe_takes_sparse_rows_unscaled():
    X, labels = blobs()
    model = probing.linear_probe(sparse.csr_array(X), labels, np.arange(len(X)), Cs=(1.0,), standardise=False)
    assert model.score(sparse.csr_array(X), labels) > 0.95


class Store:
    """As much of an activation store as `document_means` reads."""

    def __init__(self, acts, doc_index, n_documents):
        self.acts, self.doc_index, self.documents = acts, np.array(doc_index), [[]] * n_documents
        self.n_tokens, self.d_model = acts.shape

    def __getitem__(self, which):
        return self.acts[which]


def test_document_means():
    acts = torch.randn(7, 3)
    means = probing.document_means(Store(acts, [0, 0, 2, 2, 2, 3, 0], 4), batch_size=2)
    for document, tokens in enumerate([[0, 1, 6], [], [2, 3, 4], [5]]):
        expected = sum(acts[t].numpy() for t in tokens) / len(tokens) if tokens else np.zeros(3)
        np.testing.assert_allclose(means[document], expected, atol=1e-6)


def test_random_sae_has_the_size_and_scaling_but_not_the_directions():
    like = StandardSAE(SAEConfig(variant="standard", n_features=40), 16)
    like.mean_D.normal_()
    like.scale.fill_(3.0)
    sae = probing.random_sae(like, k=5)
    feats = sae.encode(torch.randn(30, 16) * 3 + like.mean_D)
    assert feats.shape == (30, 40) and ((feats > 0).sum(1) <= 5).all()
    assert torch.equal(sae.mean_D, like.mean_D) and sae.scale == like.scale
    assert not torch.allclose(sae.W_dec_FD, like.W_dec_FD)
    assert torch.equal(sae.W_dec_FD, probing.random_sae(like, k=5).W_dec_FD)


def test_cluster_bootstrap_agrees_with_drawing_one_cluster_after_another():
    rng = np.random.default_rng(0)
    clusters = rng.integers(12, size=200)
    values = np.stack([rng.random(200) < 0.3 + 0.05 * clusters, rng.random(200) < 0.5], 1)
    samples = probing.cluster_bootstrap(values, clusters, draws=4000, seed=1)
    slow = []
    for _ in range(1500):
        drawn = [values[clusters == g] for g in rng.choice(12, 12)]
        slow.append(np.concatenate(drawn).mean(0))
    np.testing.assert_allclose(samples.mean(0), np.mean(slow, 0), atol=0.008)
    np.testing.assert_allclose(samples.std(0), np.std(slow, 0), rtol=0.12)
    low, high = probing.interval(samples[:, 0])
    ordered = np.sort(samples[:, 0])
    assert abs(low - ordered[100]) < 2e-3 and abs(high - ordered[3900]) < 2e-3


def test_equal_columns_are_drawn_together():
    value = np.random.default_rng(0).random(50)
    samples = probing.cluster_bootstrap(np.stack([value, value], 1), np.arange(50) // 5, draws=20)
    assert np.array_equal(samples[:, 0], samples[:, 1]) and samples[:, 0].std() > 0


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: ProbeConfig(depth=4), "depth must lie between 1 and 3"),
        (lambda: ProbeConfig(steps=0), "at least 1"),
        (lambda: ProbeConfig(lr=0.0), "lr must be positive"),
        (lambda: probing.fit_probe(np.ones((3, 2)), ["a", "b"], ProbeConfig()), "2 labels do not fit 3 rows"),
        (lambda: probing.pooled_features(np.ones((3, 2)), ["a", "b", "a"], 3), "k must lie between 1"),
        (lambda: probing.linear_probe(np.ones((2, 2)), ["a", "b"], ["g", "g"]), "at least two groups"),
        (lambda: probing.linear_probe(np.ones((2, 2)), ["a", "b"], ["g"]), "do not fit"),
        (lambda: probing.cluster_bootstrap(np.ones(3), ["a"]), "1 clusters do not fit 3 rows"),
    ],
)
def test_what_does_not_fit_is_refused(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_the_number_of_threads_is_given_back_after_an_error_too():
    before = torch.get_num_threads()
    with pytest.raises(ValueError, match="do not fit"):
        probing.fit_probe(np.ones((2, 2)), ["a"], ProbeConfig())
    assert torch.get_num_threads() == before
    with probing.one_thread():
        assert torch.get_num_threads() == 1
    assert torch.get_num_threads() == before
