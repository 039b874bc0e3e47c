"""Planted dictionaries and recovery against loops."""

import numpy as np
import pytest
import torch
from scipy import sparse

from kosae_core.planted import Planted, PlantedConfig, absorption, recovery
from kosae_core.sae import VARIANTS, SAEConfig

SMALL = PlantedConfig(d_model=16, n_features=40, active=4.0)


def test_rates_and_samples_are_what_was_asked():
    planted = Planted(SMALL)
    assert planted.rates_F.sum() == pytest.approx(4.0, abs=1e-4)
    ratio = planted.rates_F[0] / planted.rates_F[8]
    assert ratio == pytest.approx(9**0.5, rel=1e-4)
    acts_ND, codes_NF = planted.sample(20_000)
    assert acts_ND.shape == (20_000, 16) and codes_NF.shape == (20_000, 40)
    assert np.allclose((codes_NF > 0).mean(axis=0), planted.rates_F, atol=0.02)
    noise = acts_ND.numpy() - codes_NF.toarray() @ planted.directions_FD.numpy()
    assert noise.std() == pytest.approx(0.01, rel=0.05)
    assert codes_NF.data.min() >= 0.5 and codes_NF.data.max() <= 1.5


def test_values_with_a_long_tail():
    planted = Planted(PlantedConfig(d_model=16, n_features=40, active=4.0, values="exponential"))
    values = planted.sample(20_000)[1].data
    assert values.min() >= 0.5 and values.mean() == pytest.approx(1.5, abs=0.02)
    assert values.std() == pytest.approx(1.0, abs=0.03)
    with pytest.raises(ValueError, match="values must be uniform or exponential, not 'normal'"):
        PlantedConfig(values="normal")


def test_rates_are_capped_and_still_sum():
    rates_F = Planted(PlantedConfig(d_model=4, n_features=40, active=10.0, zipf=2.0)).rates_F
    assert rates_F.max() <= 0.9 + 1e-6 and rates_F.sum() == pytest.approx(10.0, abs=1e-3)


def test_samples_repeat_by_seed():
    a, _ = Planted(SMALL).sample(100, 1)
    b, _ = Planted(SMALL).sample(100, 1)
    c, _ = Planted(SMALL).sample(100, 2)
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("seed", [0, 1])
def test_dictionary_is_not_the_initial_decoder(seed):
    # with a shared generator a model would start at the answer
    planted = Planted(PlantedConfig(seed=seed))
    sae = VARIANTS["topk"](SAEConfig(n_features=1024), 128, torch.Generator().manual_seed(seed))
    same_row = (planted.directions_FD * sae.W_dec_FD.detach()).sum(1)
    assert abs(float(same_row.mean())) < 0.02
    assert recovery(planted.directions_FD, sae.W_dec_FD).recovered == 0.0
    assert recovery(planted.directions_FD, sae.W_dec_FD).mean_max_cosine < 0.4


def test_recovery_against_loops():
    rng = np.random.default_rng(0)
    true, learned = rng.normal(size=(6, 5)), rng.normal(size=(9, 5))
    learned[:3] = true[:3] * 2 + 0.05
    codes = rng.random((50, 6)) * (rng.random((50, 6)) < 0.3)
    feats = rng.random((50, 9)) * (rng.random((50, 9)) < 0.4)
    feats[:, :2] = codes[:, :2]
    cosine = [[t @ g / np.linalg.norm(t) / np.linalg.norm(g) for g in learned] for t in true]
    best = [max(row) for row in cosine]
    nearest = [max(range(6), key=lambda f: cosine[f][g]) for g in range(9)]
    feats[:, 5] = 0  # a feature that never fires
    precision, recall = [], []
    for g, f in enumerate(nearest):
        hit = sum(codes[n, f] > 0 and feats[n, g] > 0 for n in range(50))
        precision.append(hit / max(1, sum(feats[n, g] > 0 for n in range(50))))
        recall.append(hit / sum(codes[n, f] > 0 for n in range(50)))
    got = recovery(
        torch.tensor(true), torch.tensor(learned), sparse.csr_array(codes), sparse.csr_array(feats)
    )  # fmt: skip
    assert got.mean_max_cosine == pytest.approx(np.mean(best))
    assert got.recovered == pytest.approx(np.mean([b > 0.9 for b in best]))
    assert got.uniqueness == pytest.approx(len(set(nearest)) / 9) and len(set(nearest)) < 6 and precision[5] == 0
    assert got.precision == pytest.approx(np.mean(precision))
    assert got.recall == pytest.approx(np.mean(recall))


def test_perfect_recovery_is_one():
    planted = Planted(SMALL)
    _, codes_NF = planted.sample(2000)
    got = recovery(planted.directions_FD, planted.directions_FD, codes_NF, codes_NF)
    assert got.as_dict() == pytest.approx(
        {"mean_max_cosine": 1.0, "recovered": 1.0, "uniqueness": 1.0, "precision": 1.0, "recall": 1.0}, abs=1e-6
    )


@pytest.mark.parametrize(
    "options", [{"active": 0.0}, {"active": 2000.0}, {"n_features": 10, "active": 9.5}, {"noise": -1.0}]
)
def test_contradictions_are_refused(options):
    with pytest.raises(ValueError):
        PlantedConfig(**options)


KINDS = ("independent", "correlated", "hierarchical")


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_keeps_the_rates(kind):
    planted = Planted(PlantedConfig(d_model=8, n_features=100, active=9.0, kind=kind, groups=10, branching=3))
    codes = planted.sample(60_000, seed=1)[1]
    rates = np.asarray((codes > 0).mean(axis=0)).ravel()
    assert np.allclose(rates, planted.rates_F, atol=0.01)
    assert abs(rates.sum() - 9.0) < 0.1


def test_correlated_features_fire_together_within_their_group_only():
    config = PlantedConfig(
        d_model=8, n_features=60, active=12.0, zipf=0.0, kind="correlated", groups=6, correlation=0.6
    )
    fires = Planted(config).sample(30_000)[1].toarray() > 0
    found = np.corrcoef(fires.T)
    same = (np.arange(60)[:, None] - np.arange(60)) % 6 == 0
    assert found[same & ~np.eye(60, dtype=bool)].min() > 0.2
    assert np.abs(found[~same]).max() < 0.05


def test_a_child_fires_only_with_its_parent_all_the_way_up():
    config = PlantedConfig(d_model=8, n_features=200, active=30.0, kind="hierarchical", groups=4, branching=3)
    fires = Planted(config).sample(5_000)[1].toarray() > 0
    depth = 0
    for child in range(4, 200):
        parent = (child - 4) // 3
        assert not (fires[:, child] & ~fires[:, parent]).any()
        depth = max(depth, int(np.ceil(np.log(child + 1) / np.log(3))))
    assert depth >= 4 and fires[:, 150:].any()


def _hierarchy():
    planted = Planted(
        PlantedConfig(d_model=32, n_features=40, active=8.0, kind="hierarchical", groups=4, branching=3, seed=5)
    )
    return planted, planted.sample(3_000)[1]


def test_true_features_absorb_nothing_and_a_dictionary_that_hides_parents_all():
    planted, codes = _hierarchy()
    directions = planted.directions_FD
    assert absorption(planted, directions, codes, codes) == 0.0
    on, parent_F = codes.toarray() > 0, (np.arange(40) - 4) // 3
    hidden = on.copy()
    for child in range(4, 40):
        hidden[on[:, child], parent_F[child]] = False  # a parent fires only where none of its children does
    assert absorption(planted, directions, codes, sparse.csr_array(hidden.astype(np.float32))) == 1.0


def test_absorption_is_the_mean_over_parents_of_a_slow_count():
    planted, codes = _hierarchy()
    rng = np.random.default_rng(3)
    learned = torch.from_numpy(rng.standard_normal((50, 32)).astype(np.float32))
    fired = rng.random((3_000, 50)) < 0.4
    cosine = torch.nn.functional.cosine_similarity(planted.directions_FD[:, None], learned[None], dim=2)
    match, on = cosine.argmax(1).tolist(), codes.toarray() > 0
    gaps = []
    for parent in range(12):
        off = {True: [], False: []}
        for token in range(3_000):
            if on[token, parent]:
                children = [child for child in range(4, 40) if (child - 4) // 3 == parent]
                off[any(on[token, child] for child in children)].append(not fired[token, match[parent]])
        if min(map(len, off.values())) >= 20:
            gaps.append(np.mean(off[True]) - np.mean(off[False]))
    assert len(gaps) > 3
    got = absorption(planted, learned, codes, sparse.csr_array(fired.astype(np.float32)))
    assert got == pytest.approx(np.mean(gaps), abs=1e-9)


def test_absorption_is_asked_of_a_hierarchy_only():
    planted = Planted(PlantedConfig(d_model=8, n_features=10, active=2.0))
    codes = planted.sample(10)[1]
    with pytest.raises(ValueError, match="hierarchical features, and these are independent"):
        absorption(planted, planted.directions_FD, codes, codes)


def test_the_kind_changes_neither_directions_nor_rates():
    one, two, three = (Planted(PlantedConfig(d_model=8, n_features=30, active=3.0, kind=kind)) for kind in KINDS)
    assert torch.equal(one.directions_FD, two.directions_FD) and torch.equal(one.directions_FD, three.directions_FD)
    assert np.array_equal(one.rates_F, two.rates_F) and np.array_equal(one.rates_F, three.rates_F)


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"kind": "nested"}, "kind must be"), ({"correlation": 1.0}, "correlation"), ({"branching": 0}, "at least 1")],
)
def test_bad_kinds_are_refused(wrong, word):
    with pytest.raises(ValueError, match=word):
        PlantedConfig(**wrong)
