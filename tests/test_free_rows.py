"""Decoder rows of any length while training: what the penalty then sees, what the gate trains, and that the end is as usual."""

import pytest
import torch

import kosae_core as kc
from kosae_core.sae import VARIANTS, SAEConfig
from kosae_core.trainer import Trainer

D, F, B = 8, 40, 600
WEIGHING = ("standard", "gated", "p_anneal", "gated_anneal")
NO_DEAD = torch.zeros(F, dtype=torch.bool)


@pytest.fixture(scope="module")
def acts():
    rng = torch.Generator().manual_seed(3)
    codes_BF = torch.rand(B, 20, generator=rng) * (torch.rand(B, 20, generator=rng) < 0.15)
    return codes_BF @ torch.randn(20, D, generator=rng) + 0.5


def trained(variant, acts, steps=60, **settings):
    cfg = kc.TrainConfig(steps=steps, batch_size=100, target_l0=4.0, decoder_norm="free", device="cpu", **settings)
    trainer = Trainer(SAEConfig(variant, F), acts, cfg)
    while not trainer.done:
        trainer.advance()
    return trainer


def test_the_variants_that_weigh_rows_are_those_with_a_penalty_on_size():
    assert {name for name, variant in VARIANTS.items() if variant.weighs_rows} == set(WEIGHING)


@pytest.mark.parametrize("variant", WEIGHING)
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_rows_move_freely_and_are_folded_into_the_features_at_the_end(variant, ema, acts):
    trainer = trained(variant, acts, ema=ema)
    lengths_F = trainer.sae.W_dec_FD.norm(dim=1)
    assert lengths_F.std() > 0.05
    if ema:  # what is folded are the mean weights
        with torch.no_grad():
            for mean, parameter in zip(trainer.average, trainer.sae.parameters(), strict=True):
                parameter.copy_(mean)
        lengths_F = trainer.sae.W_dec_FD.norm(dim=1)
    with torch.no_grad():
        feats_BF, recon_BD = trainer.sae.encode(acts), trainer.sae(acts)
        sae, _ = trainer.finished()
        assert torch.allclose(sae.W_dec_FD.norm(dim=1), torch.ones(F), atol=1e-6) and not sae.free_rows
        assert torch.allclose(sae(acts), recon_BD, atol=1e-5)
        assert torch.allclose(sae.encode(acts), feats_BF * lengths_F, atol=1e-5) and (feats_BF > 0).any()


@pytest.mark.parametrize("variant", WEIGHING)
def test_a_penalty_on_free_rows_is_not_evaded_by_longer_rows(variant, acts):
    def losses(free, factor):
        sae = VARIANTS[variant](SAEConfig(variant, F), D, torch.Generator().manual_seed(1))
        sae.free_rows = free
        with torch.no_grad():
            sae.W_dec_FD *= factor
            for parameter in (sae.W_enc_DF, *sae.biases):
                parameter /= factor
        terms = sae.objective(acts[:100], 1.0, NO_DEAD)
        return [term.item() for term in (terms.mse, terms.sparsity, terms.aux)]

    assert losses(True, 4.0) == pytest.approx(losses(True, 1.0), rel=1e-4)
    assert losses(True, 1.0) == pytest.approx(losses(False, 1.0), rel=1e-5)
    evaded = losses(False, 4.0)
    assert evaded[1] == pytest.approx(losses(False, 1.0)[1] / 4, rel=0.02 if "anneal" in variant else 1e-4)


@pytest.mark.parametrize("free", [False, True])
def test_the_gate_trains_the_decoder_only_where_rows_are_free(free, acts):
    sae = VARIANTS["gated"](SAEConfig("gated", F), D, torch.Generator().manual_seed(1))
    sae.free_rows = free
    sae.objective(acts[:100], 1.0, NO_DEAD).aux.backward()
    assert (sae.W_dec_FD.grad is not None) == free
    assert sae.W_enc_DF.grad.abs().sum() > 0


def test_a_free_decoder_learns_what_a_unit_one_does(acts):
    free, unit = (kc.train(SAEConfig("standard", F), acts, kc.TrainConfig(
        steps=400, batch_size=100, target_l0=4.0, decoder_norm=norm, device="cpu"))[0] for norm in ("free", "unit"))  # fmt: skip
    reports = [kc.evaluate(sae, acts) for sae in (free, unit)]
    assert reports[0].explained_variance > 0.8 * reports[1].explained_variance > 0.4
    assert abs(reports[0].l0 - 4) < 1


@pytest.mark.parametrize("variant", ["topk", "jumprelu"])
def test_a_variant_without_such_a_penalty_refuses(variant, acts):
    with pytest.raises(
        ValueError, match=f"decoder_norm='free' needs a penalty on the size of features, which {variant}"
    ):
        Trainer(SAEConfig(variant, F), acts, kc.TrainConfig(decoder_norm="free"))
    with pytest.raises(ValueError, match="decoder_norm must be one of unit, free, not 'any'"):
        kc.TrainConfig(decoder_norm="any")
