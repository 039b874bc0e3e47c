"""Transcoder and crosscoder against formulas, on joined activations."""

import copy

import numpy as np
import pytest
import torch

import kosae_core as kc
from kosae_core.joined import Joined

NO_DEAD = torch.zeros(40, dtype=torch.bool)


@pytest.fixture(scope="module")
def points():
    """Two points that share twelve features; four more live in the first alone, four in the second."""
    rng = np.random.default_rng(0)
    codes = rng.uniform(0.5, 1.5, (6000, 20)) * (rng.random((6000, 20)) < 0.12)
    first, second = rng.standard_normal((20, 16)), 30 * rng.standard_normal((20, 24))
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second /= np.linalg.norm(second, axis=1, keepdims=True) / 30
    first[16:], second[12:16] = 0, 0
    return [torch.from_numpy((codes @ side + 2.0).astype(np.float32)) for side in (first, second)]


def trained(variant, table, **options):
    config = kc.SAEConfig(variant, 40, k=3, d_in=16, **options)
    return kc.train(config, table, kc.TrainConfig(steps=600, batch_size=256, device="cpu"))[0]


def test_joined_rows_are_those_of_both(points):
    both, index = Joined(*points), torch.tensor([5, 0, 77])
    assert (both.n_tokens, both.d_in, both.d_model) == (6000, 16, 40)
    assert torch.equal(both.batch(index), torch.cat([points[0][index], points[1][index]], dim=1))
    assert torch.equal(both[3:9], both.all()[3:9])


def test_points_of_other_tokens_are_refused(points, tiny_lm, sentences, empty_store):
    with pytest.raises(ValueError, match=r"6000 and 5999"):
        Joined(points[0], points[1][:-1])
    stores = [kc.gather(tiny_lm, part, ["q1.resid_post"])["q1.resid_post"] for part in (sentences[:4], sentences[:3])]
    with pytest.raises(ValueError, match="gather both in one call"):
        Joined(*stores)


def test_crosscoder_objective_against_formula(points):
    both = Joined(*points)
    cc = kc.VARIANTS["crosscoder"](kc.SAEConfig("crosscoder", 40, k=3, d_in=16), 40, torch.Generator().manual_seed(1))
    kc.inputs.fit_inputs(cc, both)
    rows = both[0:50]
    each = [(side[:50] - side.mean(0)) / (side - side.mean(0)).square().mean().sqrt() for side in points]
    x = torch.cat(each, dim=1)
    with torch.no_grad():
        cc.b_dec_D += 0.3
    pre = ((x - cc.b_dec_D) @ cc.W_enc_DF + cc.b_enc_F).detach().relu()
    feats = pre * (pre >= pre.flatten().sort(descending=True).values[3 * 50 - 1])
    expected = ((feats @ cc.W_dec_FD + cc.b_dec_D - x) ** 2).mean()
    cc.train()
    terms = cc.objective(cc.normalise(rows), 1.0, NO_DEAD)
    assert float(terms.mse.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    assert (feats > 0).sum() == 150


@pytest.mark.parametrize("variant", ["transcoder", "crosscoder"])
def test_auxk_against_a_loop(variant, points):
    both, dead = Joined(*points), [1, 4, 9, 33]
    config = kc.SAEConfig(variant, 40, k=3, d_in=16, auxk=2, auxk_weight=0.5)
    sae = kc.VARIANTS[variant](config, 40, torch.Generator().manual_seed(1))
    kc.inputs.fit_inputs(sae, both)
    with torch.no_grad():
        sae.b_enc_F += 0.2
        sae.b_dec_D += 0.1
    rows = sae.normalise(both[0:50])
    terms = sae.train().objective(rows, 1.0, NO_DEAD.index_fill(0, torch.tensor(dead), True))
    terms.aux.backward()
    read, target = (rows[:, :16], rows[:, 16:]) if variant == "transcoder" else (rows - sae.b_dec_D, rows)
    pre = (read.double() @ sae.W_enc_DF.double() + sae.b_enc_F).detach().numpy()[:25]  # half of the batch
    error = (target - terms.recon_BD).detach().double().numpy()[:25]
    recon = np.zeros_like(error)
    for row in range(25):
        for f in sorted(dead, key=lambda f: -pre[row, f])[:2]:
            recon[row] += max(0.0, pre[row, f]) * sae.W_dec_FD[f].detach().numpy()
    expected = 0.5 * ((recon - error) ** 2).mean() / (error**2).mean()
    assert float(terms.aux.detach()) == pytest.approx(expected, rel=1e-4)
    live = [f for f in range(40) if f not in dead]
    assert float(sae.W_enc_DF.grad[:, dead].norm()) > 0 and float(sae.W_dec_FD.grad[dead].norm()) > 0
    assert float(sae.W_enc_DF.grad[:, live].abs().max()) < 1e-6 and float(sae.W_dec_FD.grad[live].abs().max()) == 0


@pytest.mark.parametrize("variant", ["transcoder", "crosscoder"])
def test_two_points_are_saved_and_read_back(variant, points, tmp_path):
    sae = trained(variant, Joined(*points))
    back = kc.load_sae(sae.save(tmp_path / variant))
    rows = Joined(*points)[100:150]
    assert (back.variant, back.d_in, back.config) == (variant, 16, sae.config)
    assert torch.equal(back.encode(rows), sae.encode(rows)) and torch.equal(back(rows), sae(rows))


def test_transcoder_objective_against_formula(points):
    both = Joined(*points)
    tc = kc.VARIANTS["transcoder"](kc.SAEConfig("transcoder", 40, k=3, d_in=16), 40, torch.Generator().manual_seed(1))
    kc.inputs.fit_inputs(tc, both)
    rows = both[0:50]
    x, y = rows[:, :16] - points[0].mean(0), rows[:, 16:] - points[1].mean(0)
    x, y = (
        x / (points[0] - points[0].mean(0)).square().mean().sqrt(),
        y / (points[1] - points[1].mean(0)).square().mean().sqrt(),
    )
    with torch.no_grad():
        tc.b_dec_D += 0.3  # belongs to the second point: must not be taken from what is read
    pre = (x @ tc.W_enc_DF + tc.b_enc_F).detach()
    feats = pre.relu() * (pre >= pre.sort(dim=1, descending=True).values[:, [2]])
    expected = ((feats @ tc.W_dec_FD + tc.b_dec_D - y) ** 2).mean()
    terms = tc.objective(tc.normalise(rows), 1.0, NO_DEAD)
    assert float(terms.mse.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    assert torch.allclose(tc.encode(rows), feats, atol=1e-4) and torch.allclose(
        tc.encode(rows[:, :16]), feats, atol=1e-4
    )
    raw = (feats @ tc.W_dec_FD + tc.b_dec_D) * tc.scale[16] + points[1].mean(0)
    assert torch.allclose(tc(rows[:, :16]), raw, atol=1e-3)


def test_transcoder_learns_the_map_and_reads_only_the_first_point(points, tmp_path):
    both = Joined(*points)
    tc = trained("transcoder", both)
    assert kc.evaluate(tc, both).explained_variance > 0.6  # a fifth of the second point cannot be read off the first
    other = both[0:20].clone()
    other[:, 16:] = 0.0
    assert torch.equal(tc.encode(both[0:20]), tc.encode(other))
    loaded = kc.load_sae(tc.save(tmp_path / "tc"))
    assert torch.equal(loaded(both[0:20]), tc(both[0:20]))


def test_crosscoder_tells_shared_features_from_those_of_one_point(points):
    both = Joined(*points)
    cc = trained("crosscoder", both)
    assert kc.evaluate(cc, both).explained_variance > 0.8
    # the second point is thirty times as large, and yet neither is left out of the measures
    for span in cc.spans:
        without = copy.deepcopy(cc)
        with torch.no_grad():
            without.W_dec_FD[:, span] = 0
        assert 0.2 < kc.evaluate(without, both).explained_variance < 0.7
    # and shared features write to both alike
    density = kc.evaluate(cc, both).density_F
    shares = cc.shares().detach().numpy()[density > 0.05]
    assert ((shares > 0.2) & (shares < 0.8)).sum() >= 8
    assert (shares < 0.1).sum() >= 2 and (shares > 0.9).sum() >= 2


def test_crosscoder_scales_each_point(points):
    cc = kc.VARIANTS["crosscoder"](kc.SAEConfig("crosscoder", 40, k=3, d_in=16), 40)
    kc.inputs.fit_inputs(cc, Joined(*points))
    x = cc.normalise(Joined(*points).all())
    assert x[:, :16].square().mean().item() == pytest.approx(1.0, rel=1e-4)
    assert x[:, 16:].square().mean().item() == pytest.approx(1.0, rel=1e-4)


def test_d_in_must_fit():
    with pytest.raises(ValueError, match="d_in must lie between 1 and 39, not 40"):
        kc.VARIANTS["transcoder"](kc.SAEConfig("transcoder", 40, k=3, d_in=40), 40)
    with pytest.raises(ValueError, match="d_in has no meaning for the topk variant"):
        kc.SAEConfig("topk", 40, k=3, d_in=4)
