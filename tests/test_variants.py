"""BatchTopK, Matryoshka, JumpReLU and p-annealing against formulas; schedules of k and of the sparsity coefficient."""

import dataclasses
import math

import numpy as np
import pytest
import torch

import kosae_core as kc
from kosae_core import kernels, losses
from kosae_core.jumprelu import _Jump
from kosae_core.resampling import lift_after, patience
from kosae_core.sae import VARIANTS, SAEConfig
from kosae_core.schedules import k_at, toward_l0
from kosae_core.trainer import Trainer

D, F, B = 6, 24, 40
NO_DEAD = torch.zeros(F, dtype=torch.bool)


def fresh(variant, **options):
    return VARIANTS[variant](SAEConfig(variant, F, **options), D, torch.Generator().manual_seed(1))


@pytest.fixture
def x_BD():
    return torch.randn(B, D, generator=torch.Generator().manual_seed(2))


def test_batchtopk_spends_its_budget_over_the_batch_and_then_by_threshold(x_BD):
    sae = fresh("batchtopk", k=3)
    x_BD = x_BD * torch.linspace(0.1, 3.0, B)[:, None]
    terms = sae.objective(x_BD, 1.0, NO_DEAD)
    assert float(terms.code.l0()) == 3
    on_BF = torch.zeros(B, F)
    pre_BF = (x_BD @ sae.W_enc_DF).relu().detach()
    kept = pre_BF >= pre_BF.flatten().sort(descending=True).values[3 * B - 1]
    on_BF[kept] = pre_BF[kept]
    assert torch.allclose(terms.recon_BD, on_BF @ sae.W_dec_FD, atol=1e-5)
    assert int((on_BF > 0).sum(1).max()) > 6 and int((on_BF > 0).sum(1).min()) < 2  # large inputs get more of it
    assert float(sae.threshold) == pytest.approx(float(on_BF[on_BF > 0].min()))
    sae.eval()
    alone = torch.cat([sae.features(x_BD[[b]]) for b in range(B)])
    assert torch.equal(alone > 0, sae.features(x_BD) > 0)
    assert int((alone > 0).sum()) == 3 * B - 1  # the smallest is the threshold itself


def test_batchtopk_threshold_stands_still_outside_training(x_BD):
    sae = fresh("batchtopk", k=2).eval()
    sae.objective(x_BD, 1.0, NO_DEAD)
    assert float(sae.threshold) == 0.0 and int(sae.n_batches) == 0


@pytest.mark.parametrize("variant", ["batchtopk", "matryoshka"])
def test_at_first_each_token_keeps_its_own_k(variant, x_BD):
    sae = fresh(variant, k=3, warm_topk=0.5)
    x_BD = x_BD * torch.linspace(0.1, 3.0, B)[:, None]
    sae.progress = 0.49
    code = sae.objective(x_BD, 1.0, NO_DEAD).code
    assert code.pattern.crow_B.diff().tolist() == [3] * B and int(sae.n_batches) == 0
    assert (sae.features(x_BD) > 0).sum(1).tolist() == [3] * B
    sae.progress = 0.5
    assert int(sae.objective(x_BD, 1.0, NO_DEAD).code.pattern.crow_B.diff().max()) > 3 and int(sae.n_batches) == 1
    with pytest.raises(ValueError, match="warm_topk must lie between 0 and 1"):
        SAEConfig(variant, F, k=3, warm_topk=1.0)


def test_trained_batchtopk_keeps_its_l0_on_new_tokens():
    acts_ND = torch.randn(6000, 16, generator=torch.Generator().manual_seed(6)).abs().pow(3)
    config = SAEConfig("batchtopk", 64, k=6)
    sae, _ = kc.train(config, acts_ND[:5000], kc.TrainConfig(steps=200, batch_size=256))
    assert kc.evaluate(sae, acts_ND[5000:]).l0 == pytest.approx(6, rel=0.15)


def test_matryoshka_averages_the_errors_of_its_prefixes(x_BD):
    sae = fresh("matryoshka", k=4, prefixes=(5, 11, F))
    terms = sae.objective(x_BD, 1.0, NO_DEAD)
    pre_BF = (x_BD @ sae.W_enc_DF).relu().detach()
    feats_BF = pre_BF * (pre_BF >= pre_BF.flatten().sort(descending=True).values[4 * B - 1])
    errors = [((feats_BF[:, :m] @ sae.W_dec_FD[:m] - x_BD) ** 2).mean() for m in (5, 11, F)]
    assert terms.mse.item() == pytest.approx(sum(errors).item() / 3, rel=1e-5)
    assert torch.allclose(terms.recon_BD, feats_BF @ sae.W_dec_FD, atol=1e-5)


def test_matryoshka_default_prefixes_follow_the_paper_and_survive_json():
    config = SAEConfig("matryoshka", 64)
    assert config.prefixes == (2, 6, 14, 30, 64)
    assert SAEConfig("matryoshka", 64, prefixes=[2, 64]).prefixes == (2, 64)
    for wrong in ([64, 2], [2, 32], [], [0, 64]):
        with pytest.raises(ValueError, match="prefixes must rise to n_features"):
            SAEConfig("matryoshka", 64, prefixes=wrong)


def test_jumprelu_gradients_are_the_papers(x_BD):
    z_BF = torch.rand(B, F, generator=torch.Generator().manual_seed(7)).requires_grad_()
    theta_F = torch.full((F,), 0.5).requires_grad_()
    grad_BF = torch.randn(B, F, generator=torch.Generator().manual_seed(8))
    feats_BF, l0 = _Jump.apply(z_BF, theta_F, 0.2, B)
    assert torch.equal(feats_BF, torch.where(z_BF > 0.5, z_BF, 0.0)) and l0.item() == ((z_BF > 0.5).sum() / B).item()
    ((feats_BF * grad_BF).sum() + 3.0 * l0).backward()
    for f in range(F):
        expected = 0.0
        for b in range(B):
            inside = abs(float(z_BF[b, f]) - 0.5) < 0.1
            expected -= (0.5 / 0.2) * inside * float(grad_BF[b, f]) + (1 / 0.2) * inside * 3.0 / B
        assert float(theta_F.grad[f]) == pytest.approx(expected, rel=1e-4, abs=1e-4)
    assert torch.equal(z_BF.grad, grad_BF * (z_BF > 0.5))  # nothing from the penalty: not the shortcut of blog posts


def test_jumprelu_of_entries_is_that_of_the_table(x_BD, monkeypatch):
    grads = []
    for densest in (0.0, 3.0):
        monkeypatch.setattr(kernels, "DENSEST", densest)
        sae = fresh("jumprelu", bandwidth=0.3, sparsity=0.5)
        with torch.no_grad():
            sae.r_threshold_F += torch.linspace(-0.1, 0.1, F)  # some thresholds lie below half a bandwidth
        terms = sae.objective(x_BD, 1.0, NO_DEAD)
        (terms.mse + terms.sparsity).backward()
        grads.append([p.grad for p in sae.parameters()])
    for dense, sparse in zip(*grads, strict=True):
        assert torch.allclose(dense, sparse, atol=1e-5)


def test_jumprelu_gets_sparser_with_its_coefficient():
    # SAELens #494: the coefficient made no difference
    acts_ND = torch.randn(4000, 16, generator=torch.Generator().manual_seed(9)).abs().pow(2)
    found = []
    for sparsity in (1e-4, 1e-2, 1e-1):
        sae, _ = kc.train(
            SAEConfig("jumprelu", 64, sparsity=sparsity), acts_ND, kc.TrainConfig(steps=200, batch_size=256)
        )
        found.append(kc.evaluate(sae, acts_ND).l0)
        assert float((sae.r_threshold_F != 0).float().mean()) > 0.5
    assert found[0] > 1.5 * found[1] > 2.0 * found[2]


def test_p_annealing_ends_at_its_exponent_and_keeps_the_size_of_the_penalty():
    sae = fresh("p_anneal", p_end=0.3)
    code = kernels.Code(torch.rand(B, F, generator=torch.Generator().manual_seed(10)))
    sae.progress = 0.1
    first = float(sae.penalty(code))
    assert first == pytest.approx(float(losses.l1(code.values, B, D)), rel=1e-5)
    for progress in np.linspace(0.2, 1.0, 9):
        sae.progress = float(progress)
        assert float(sae.penalty(code)) == pytest.approx(first, rel=1e-4)
    assert sae.p.item() == pytest.approx(0.3)


@pytest.mark.parametrize("densest", [0.0, 3.0])
@pytest.mark.parametrize("variant", ["standard", "p_anneal", "gated", "gated_anneal"])
def test_sparsity_terms_and_their_gradients_against_plain_autograd(variant, densest, monkeypatch):
    """L1 on the features, or on the gate; annealed half of the way, to the power p. Over tables and over entries."""
    monkeypatch.setattr(kernels, "DENSEST", densest)
    sae, x_BD = fresh(variant, sparsity=0.7), torch.randn(B, D, generator=torch.Generator().manual_seed(13))
    annealed = "p_end" in sae.options
    if annealed:
        sae.progress, sae.p = 0.6, torch.tensor(0.6)  # p falls from 1 to 0.2 between a fifth and the end
    terms = sae.objective(x_BD, 0.5, torch.zeros(F, dtype=torch.bool))
    assert (terms.code.pattern is None) == (densest == 0)
    terms.sparsity.backward()
    got = {name: p.grad.clone() for name, p in sae.named_parameters() if p.grad is not None}
    sae.zero_grad()
    on_BF = torch.relu((x_BD - sae.b_dec_D) @ sae.W_enc_DF + sae.b_enc_F) / D**0.5
    expected = 0.7 * 0.5 * (((on_BF + 1e-3) ** 0.6 - 1e-3**0.6).sum() if annealed else on_BF.sum()) / B
    expected.backward()
    assert float(terms.sparsity.detach()) == pytest.approx(float(expected.detach()), rel=1e-4)
    encoder = {"W_enc_DF", "b_dec_D", "b_gate_F" if variant.startswith("gated") else "b_enc_F"}
    plain = {name: p.grad for name, p in sae.named_parameters() if p.grad is not None}
    assert {name for name in plain if float(plain[name].abs().max()) > 0} == encoder
    for name, grad in got.items():
        assert torch.allclose(grad, plain.get(name, torch.zeros_like(grad)), rtol=1e-3, atol=1e-4), name


def test_lp_is_l1_at_one_and_the_formula_elsewhere():
    feats_BF = torch.tensor([[0.0, 4.0, 1.0], [2.0, 0.0, 0.0]])
    assert float(losses.lp(feats_BF, 2, 4, 1.0)) == pytest.approx(float(losses.l1(feats_BF, 2, 4)))
    expected = sum((u + 1e-3) ** 0.5 - 1e-3**0.5 for u in (0, 2, 0.5, 1, 0, 0)) / 2
    assert float(losses.lp(feats_BF, 2, 4, 0.5)) == pytest.approx(expected, rel=1e-5)


def test_lp_has_a_finite_slope_at_zero():
    feats_BF = torch.zeros(2, 3, requires_grad=True)
    losses.lp(feats_BF, 2, 4, 0.2).backward()
    assert torch.isfinite(feats_BF.grad).all()


def test_k_schedules():
    linear = [k_at(step, 100, start=40, end=8, share=0.5) for step in range(100)]
    cosine = [k_at(step, 100, start=40, end=8, share=0.5, shape="cosine") for step in range(100)]
    assert (
        linear[0] == cosine[0] == 40 and linear[25] == cosine[25] == 24 and set(linear[50:]) == set(cosine[50:]) == {8}
    )
    assert cosine[10] == round(8 + 32 * 0.5 * (1 + math.cos(math.pi / 5))) > linear[10]
    assert linear == sorted(linear, reverse=True) and cosine == sorted(cosine, reverse=True)


@pytest.mark.parametrize("variant", ["topk", "batchtopk", "matryoshka"])
def test_k_falls_in_training_and_is_k_afterwards(variant):
    acts_ND = torch.randn(2000, 16, generator=torch.Generator().manual_seed(11)).abs()
    schedule = kc.TrainConfig(steps=60, batch_size=200, k_start=24, k_share=0.5, log_every=1)
    sae, history = kc.train(SAEConfig(variant, 64, k=4), acts_ND, schedule)
    assert history.l0[0] > 15 and history.l0[31] <= 4.001 and sae.k == 4


@pytest.mark.parametrize("variant", ["batchtopk", "matryoshka"])
def test_a_threshold_belongs_to_the_last_k_of_a_schedule(variant):
    acts_ND = torch.randn(4000, 16, generator=torch.Generator().manual_seed(11)).abs()
    for share in (0.5, 1.0):
        schedule = kc.TrainConfig(steps=100, batch_size=200, k_start=24, k_share=share)
        sae, _ = kc.train(SAEConfig(variant, 64, k=4), acts_ND, schedule)
        assert kc.evaluate(sae, acts_ND).l0 == pytest.approx(4.0, rel=0.1)


def test_l0_is_steered_to_its_target():
    acts_ND = torch.randn(4000, 16, generator=torch.Generator().manual_seed(12)).abs().pow(2)
    for variant in ("standard", "gated", "jumprelu", "p_anneal", "gated_anneal"):
        schedule = kc.TrainConfig(steps=500, batch_size=256, target_l0=6.0)
        _, history = kc.train(SAEConfig(variant, 64), acts_ND, schedule)
        assert np.mean(history.l0[-5:]) == pytest.approx(6.0, rel=0.2), variant
        assert len(history.strength) == len(history.step)


def test_the_controller_moves_the_right_way_and_stays_within_bounds():
    assert toward_l0(1.0, 20.0, 10.0) > 1.0 > toward_l0(1.0, 5.0, 10.0)
    assert toward_l0(1.0, 10.0, 10.0) == 1.0
    assert toward_l0(1e3, 1e9, 1.0) == 1e3 and toward_l0(1e-3, 0.0, 1.0) == 1e-3


@pytest.mark.parametrize(
    ("settings", "steps", "expected"),
    [
        ({"k": 16}, 1000, 32_000),  # a 64th of 2,048,000 tokens
        ({"k": 32}, 100, 8192),  # 128 waiting times of 64 tokens
        ({"k": 1}, 100, 25_600),  # at most an eighth
        ({"k": 16}, 1_000_000, 10_000_000),
        ({"variant": "standard"}, 100, 25_600),
    ],
)
def test_patience_follows_run_and_sparsity(settings, steps, expected):
    config = SAEConfig(n_features=2048, **({"variant": "topk"} | settings))
    assert patience(config, kc.TrainConfig(steps=steps, batch_size=2048)) == expected


def test_a_feature_is_lifted_after_128_waiting_times_and_a_128th_of_the_run():
    alone, beside = (SAEConfig("topk", 2048, k=16, auxk=auxk) for auxk in (0, 128))
    assert lift_after(alone, kc.TrainConfig(steps=1000, batch_size=2048)) == 128 * 2048 // 16
    assert lift_after(beside, kc.TrainConfig(steps=1000, batch_size=2048)) == 192 * 2048 // 16
    assert {lift_after(each, kc.TrainConfig(steps=20_000, batch_size=2048)) for each in (alone, beside)} == {320_000}
    assert lift_after(alone, kc.TrainConfig(steps=1000, batch_size=2048, dead_after=5000)) == 2500
    assert lift_after(beside, kc.TrainConfig(steps=1000, batch_size=2048, dead_after=5000)) == 5000


@pytest.mark.parametrize(
    ("variant", "rises"),
    [("topk", {0.005}), ("batchtopk", {0.005, 0.05}), ("crosscoder", {0.005}), ("standard", {0.005})],
)
def test_each_variant_lifts_at_its_own_rate(variant, rises):
    acts_ND = torch.randn(2000, 16, generator=torch.Generator().manual_seed(14))
    cfg = kc.TrainConfig(steps=40, batch_size=100, lr=1e-9, dead_after=400, device="cpu")
    options = {} if variant == "standard" else {"k": 4, "auxk": 0}
    trainer = Trainer(SAEConfig(variant, 64, **options), acts_ND, dataclasses.replace(cfg, resample_every=0))
    with torch.no_grad():
        trainer.sae.b_enc_F[:32] = -60.0
    seen = []
    while not trainer.done:
        before_F = trainer.sae.b_enc_F.detach().clone()
        trainer.advance()
        seen.append(round(float((trainer.sae.b_enc_F.detach() - before_F)[:32].mean()), 4))
    assert set(seen) == {0.0} | rises and seen == sorted(seen)


def test_jumprelu_lowers_the_threshold_of_a_silent_feature_by_a_twentieth_of_its_logarithm():
    acts_ND = torch.randn(2000, 16, generator=torch.Generator().manual_seed(14))
    cfg = kc.TrainConfig(steps=30, batch_size=100, lr=1e-9, dead_after=400, resample_every=0, device="cpu")
    trainer = Trainer(SAEConfig("jumprelu", 64), acts_ND, cfg)
    with torch.no_grad():
        trainer.sae.r_threshold_F[:32] = 0.5
    fell = []
    while not trainer.done:
        before_F, silent_F = trainer.sae.threshold_F.detach().log(), trainer.silent_F.clone()
        trainer.advance()
        due_F = (trainer.silent_F > silent_F) & (trainer.silent_F > 200)
        assert torch.allclose(before_F - trainer.sae.threshold_F.detach().log(), 0.05 * due_F, atol=1e-5)
        fell.append(int(due_F[:32].sum()))
    assert max(fell) > 20 and fell[:2] == [0, 0]


@pytest.mark.parametrize("variant", ["topk", "batchtopk", "matryoshka"])
def test_silent_features_are_lifted_until_they_fire(variant):
    acts_ND = torch.randn(2000, 16, generator=torch.Generator().manual_seed(14))
    config = SAEConfig(variant, 64, k=4, auxk=0, warm_topk=None if variant == "topk" else 0.5)
    for lift, most_silent in ((0.0, 32), (0.25, 0)):
        cfg = kc.TrainConfig(steps=80, batch_size=100, lr=1e-9, lift=lift, dead_after=400, device="cpu")
        trainer = Trainer(config, acts_ND, cfg)
        with torch.no_grad():
            trainer.sae.b_enc_F[:32] = -6.0
        seen_F, rose = torch.zeros(64, dtype=torch.bool), 0
        while not trainer.done:
            before_F, silent_F = trainer.sae.b_enc_F.detach().clone(), trainer.silent_F.clone()
            trainer.advance()
            fired_F = trainer.silent_F < silent_F + 100
            due_F = ~fired_F & (silent_F + 100 > 200)
            assert torch.allclose(trainer.sae.b_enc_F.detach() - before_F, lift * due_F, atol=1e-6)
            seen_F, rose = seen_F | fired_F, rose + int(due_F.sum())
        assert rose >= 32 and int((~seen_F[:32]).sum()) == most_silent


def test_settings_that_mean_nothing_are_refused():
    acts_ND = torch.randn(50, 4)
    with pytest.raises(ValueError, match=r"target_l0 needs a variant with a sparsity coefficient; topk is set by k"):
        kc.train(SAEConfig("topk", 8, k=2), acts_ND, kc.TrainConfig(steps=1, target_l0=2))
    with pytest.raises(ValueError, match=r"k_start must lie between k \(2\) and n_features \(8\)"):
        kc.train(SAEConfig("topk", 8, k=2), acts_ND, kc.TrainConfig(steps=1, k_start=9))
    with pytest.raises(ValueError, match=r"k_start must lie between k \(None\)"):
        kc.train(SAEConfig("standard", 8), acts_ND, kc.TrainConfig(steps=1, k_start=4))
    with pytest.raises(ValueError, match="clip, dead_after, resample_every and lift must not be negative"):
        kc.TrainConfig(lift=-0.1)
    with pytest.raises(ValueError, match="k_shape must be one of linear, cosine"):
        kc.TrainConfig(k_shape="step")
    with pytest.raises(ValueError, match="bandwidth must be positive"):
        SAEConfig("jumprelu", 8, bandwidth=0)
    with pytest.raises(ValueError, match="p_end must lie between 0 and 1"):
        SAEConfig("p_anneal", 8, p_end=2.0)


@pytest.mark.parametrize("variant", ["batchtopk", "matryoshka", "crosscoder"])
def test_a_training_that_ends_before_the_batch_shares_has_a_threshold_all_the_same(variant):
    acts_ND = torch.randn(4000, 16, generator=torch.Generator().manual_seed(3))
    for steps, warm in ((1, 0.5), (60, 0.99)):
        cfg = kc.TrainConfig(steps=steps, batch_size=500, device="cpu")
        sae, _ = kc.train(SAEConfig(variant, 64, k=4, warm_topk=warm), acts_ND, cfg)
        assert float((sae.encode(acts_ND) > 0).sum(1).float().mean()) == pytest.approx(4, rel=0.1)


def test_averaged_weights_get_a_threshold_of_their_own():
    acts_ND = torch.randn(4000, 16, generator=torch.Generator().manual_seed(3))
    cfg = kc.TrainConfig(steps=300, batch_size=500, lr=0.05, decay=0.0, ema=0.99, device="cpu")
    sae, _ = kc.train(SAEConfig("batchtopk", 128, k=4), acts_ND, cfg)
    assert float((sae.encode(acts_ND) > 0).sum(1).float().mean()) == pytest.approx(4, rel=0.03)
