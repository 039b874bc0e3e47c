"""`kosae_core.toy` against slow references written with plain loops."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kosae_core import toy


@pytest.fixture
def rng() -> torch.Generator:
    return torch.Generator().manual_seed(1)


def test_loss_is_the_formula_written_out(rng):
    M, B, N, H = 3, 4, 5, 2
    W, b = torch.randn(M, N, H, generator=rng), torch.randn(M, N, generator=rng)
    importance, x = torch.rand(M, N, generator=rng), torch.rand(M, B, N, generator=rng)
    weight = torch.rand(M, B, generator=rng)
    for m in range(M):
        total = 0.0
        for s in range(B):
            hidden = [sum(float(x[m, s, i] * W[m, i, h]) for i in range(N)) for h in range(H)]
            for i in range(N):
                out = max(0.0, sum(hidden[h] * float(W[m, i, h]) for h in range(H)) + float(b[m, i]))
                total += float(weight[m, s]) * float(importance[m, i]) * (float(x[m, s, i]) - out) ** 2
        assert toy.toy_loss(W, b, importance, x, weight)[m].item() == pytest.approx(total, rel=1e-5)


def test_dimensionality_is_the_formula_written_out(rng):
    W = torch.randn(2, 6, 3, generator=rng)
    W[1, 4] = 0
    got = toy.dimensionality(W)
    for m in range(2):
        rows = W[m].numpy().astype(float)
        for i, row in enumerate(rows):
            norm = math.sqrt((row**2).sum())
            want = 0.0 if norm == 0 else norm**2 / sum((row @ other / norm) ** 2 for other in rows)
            assert got[m, i].item() == pytest.approx(want, rel=1e-5)


@settings(max_examples=15, deadline=None)
@given(st.integers(3, 9))
def test_regular_polygon_shares_two_dimensions_evenly(corners):
    angle = torch.arange(corners) * 2 * math.pi / corners
    W = torch.stack([angle.cos(), angle.sin()], 1)[None]
    torch.testing.assert_close(toy.dimensionality(W), torch.full((1, corners), 2 / corners))


@pytest.mark.parametrize(("W", "phase"), [((1.0, 0.05), 0), ((1.0, -1.0), 1), ((0.1, -0.9), 2)])
def test_pair_phase_names_the_fate_of_the_second_feature(W, phase):
    assert toy.pair_phase(torch.tensor(W)[None, :, None]).item() == phase


def test_sparse_draw_has_the_asked_density_and_uniform_values(rng):
    density = torch.tensor([1.0, 0.3, 0.05])
    x, weight = toy.sparse_draw(density, 4, 40_000)(rng)
    assert x.shape == (3, 40_000, 4)
    torch.testing.assert_close(weight.sum(1), torch.ones(3))
    for m, p in enumerate(density.tolist()):
        on = x[m][x[m] > 0]
        assert on.numel() / x[m].numel() == pytest.approx(p, abs=0.01)
        assert on.mean().item() == pytest.approx(0.5, abs=0.01)
        assert on.var().item() == pytest.approx(1 / 12, abs=0.01)
    together = ((x[1, :, 0] > 0) & (x[1, :, 1] > 0)).float().mean().item()
    assert together == pytest.approx(0.3**2, abs=0.01)


def test_exclusive_draw_never_lights_both_of_a_pair(rng):
    x, _ = toy.exclusive_draw(torch.tensor([0.5, 0.1]), 6, 20_000)(rng)
    on = x > 0
    assert not (on[..., 0::2] & on[..., 1::2]).any()
    for m, p in enumerate((0.5, 0.1)):
        np.testing.assert_allclose(on[m].float().mean(0).numpy(), p, atol=0.015)
        assert (on[m, :, 0] & on[m, :, 2]).float().mean().item() == pytest.approx(p**2, abs=0.01)


def test_exact_draw_gives_the_loss_that_sampling_approaches(rng):
    density = torch.tensor([0.2, 0.9])
    W, b = torch.tensor([[[0.9], [-0.8]], [[1.0], [0.1]]]), torch.tensor([[0.0, 0.05], [0.02, 0.4]])
    importance = torch.tensor([[1.0, 3.0], [1.0, 0.2]])
    exact = toy.toy_loss(W, b, importance, *toy.exact_pair_draw(density)(rng))
    sampled = toy.toy_loss(W, b, importance, *toy.sparse_draw(density, 2, 400_000)(rng))
    torch.testing.assert_close(exact, sampled, rtol=0.02, atol=0)


def test_critical_density_is_where_the_two_candidates_cost_the_same(rng):
    """Monte Carlo on (1, -1) and on the better single feature, each with its best constant for what is left out."""
    for importance in (0.25, 1.0, 5.0):
        p = toy.critical_density(torch.tensor([importance])).item()
        values = np.random.default_rng(0).uniform(size=(1_000_000, 2))
        x = values * (np.random.default_rng(1).uniform(size=values.shape) < p)
        signed = x[:, 0] - x[:, 1]
        both = np.mean((x[:, 0] - np.maximum(signed, 0)) ** 2) + importance * np.mean(
            (x[:, 1] - np.maximum(-signed, 0)) ** 2
        )
        single = min(x[:, 0].var(), importance * x[:, 1].var())
        assert both == pytest.approx(single, rel=0.02)


def test_training_finds_the_antipodal_pair_and_repeats_bit_for_bit():
    density, importance = torch.full((4,), 0.05), torch.ones(4, 2)
    config = toy.ToyConfig(n_features=2, n_hidden=1, steps=300, lr=0.03, seed=3)
    runs = [toy.fit_toys(config, importance, toy.exact_pair_draw(density)) for _ in range(2)]
    assert torch.equal(runs[0].W_MNH, runs[1].W_MNH)
    best = runs[0].best_of(4)
    assert toy.pair_phase(best.W_MNH).tolist() == [1]
    assert best.loss_M.item() == runs[0].loss_M.min().item()
    assert best.loss_M.item() < 0.05**2 * 2 / 6 * 1.05


def test_training_keeps_the_most_important_features_when_all_are_always_on():
    importance = torch.tensor([[1.0, 0.6, 0.3, 0.1]])
    config = toy.ToyConfig(n_features=4, n_hidden=2, steps=400, lr=0.03)
    seen = []
    toys = toy.fit_toys(
        config, importance, toy.sparse_draw(torch.ones(1), 4, 256), progress=lambda *event: seen.append(event)
    )
    assert (toys.W_MNH[0].norm(dim=1) > 0.5).tolist() == [True, True, False, False]
    assert seen[-1] == (400, 400, "toy models")


def test_opponent_is_the_lowest_cosine(rng):
    W = torch.randn(2, 7, 3, generator=rng)
    got = toy.opponent(W)
    for m in range(2):
        rows = W[m].numpy()
        for i in range(7):
            cosines = {
                j: rows[i] @ rows[j] / np.linalg.norm(rows[i]) / np.linalg.norm(rows[j]) for j in range(7) if j != i
            }
            assert got[m, i].item() == min(cosines, key=cosines.get)


@pytest.mark.parametrize(("d", "epsilon"), [(3, 0.4), (16, 0.3), (64, 0.2)])
def test_overlap_probability_against_random_vectors(d, epsilon):
    vectors = np.random.default_rng(0).normal(size=(2, 200_000, d))
    cosine = (vectors[0] * vectors[1]).sum(1) / np.linalg.norm(vectors, axis=2).prod(0)
    assert toy.overlap_probability(d, epsilon) == pytest.approx(np.mean(np.abs(cosine) > epsilon), rel=0.03)


def test_count_before_overlap_against_a_loop_over_pairs():
    for seed in range(4):
        got = toy.count_before_overlap(64, 0.4, torch.Generator().manual_seed(seed))
        dirs = toy.random_directions(512, 64, torch.Generator().manual_seed(seed)).numpy()
        want = next(i for i in range(512) if any(abs(dirs[i] @ dirs[j]) > 0.4 for j in range(i)))
        assert got == want


def test_count_before_overlap_follows_the_birthday_rule():
    counts = [toy.count_before_overlap(48, 0.45, torch.Generator().manual_seed(s)) for s in range(60)]
    assert np.mean(counts) == pytest.approx(toy.expected_directions(48, 0.45), rel=0.25)


def test_readout_precision_against_a_loop_and_at_its_ends(rng):
    dirs = toy.random_directions(40, 12, rng)
    got = toy.readout_precision(dirs, 3, 50, torch.Generator().manual_seed(5))
    order = torch.rand(50, 40, generator=torch.Generator().manual_seed(5)).numpy()
    hits = 0
    for row in order:
        active = set(np.argsort(-row)[:3].tolist())
        scores = [float(dirs[f].numpy() @ sum(dirs[a].numpy() for a in active)) for f in range(40)]
        hits += len(active & set(np.argsort(scores)[-3:].tolist()))
    assert got == pytest.approx(hits / 150, abs=1e-6)
    assert toy.readout_precision(torch.eye(12), 5, 20, rng) == 1.0


def test_contradictions_are_refused_with_their_place(rng):
    with pytest.raises(ValueError, match="n_hidden <= n_features"):
        toy.ToyConfig(n_features=2, n_hidden=3)
    with pytest.raises(ValueError, match="must both be positive"):
        toy.ToyConfig(steps=0)
    with pytest.raises(ValueError, match=r"densities run from 0\.6"):
        toy.exclusive_draw(torch.tensor([0.6]), 4, 8)
    with pytest.raises(ValueError, match="must be even"):
        toy.exclusive_draw(torch.tensor([0.1]), 3, 8)
    with pytest.raises(ValueError, match="importance has 3 columns"):
        toy.fit_toys(toy.ToyConfig(5, 2), torch.ones(1, 3), toy.sparse_draw(torch.ones(1), 5, 8))
    with pytest.raises(ValueError, match="groups of 3"):
        toy.Toys(torch.zeros(4, 2, 1), torch.zeros(4, 2), torch.zeros(4)).best_of(3)
    with pytest.raises(ValueError, match="between 1 and the 4"):
        toy.readout_precision(torch.eye(4), 5, 1, rng)
    with pytest.raises(RuntimeError, match="no overlap among"):
        toy.count_before_overlap(64, 0.99, rng, limit=512)
