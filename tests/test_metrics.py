"""Held-out measures against loops over tokens, in float64."""

import math

import numpy as np
import pytest
import torch

import kosae_core.metrics as metrics
from kosae_core.metrics import evaluate
from kosae_core.sae import VARIANTS, SAEConfig

D, F, N = 6, 20, 57


@pytest.fixture
def sae():
    generator = torch.Generator().manual_seed(1)
    sae = VARIANTS["standard"](SAEConfig(variant="standard", n_features=F), D, generator)
    with torch.no_grad():
        sae.b_enc_F += 0.8 * torch.randn(F, generator=generator) - 0.5
        sae.b_dec_D += 0.2
        sae.mean_D.fill_(40.0)
        sae.scale.fill_(3.0)
    return sae


@pytest.fixture
def acts():
    return 3.0 * torch.randn(N, D, generator=torch.Generator().manual_seed(2)) + 41.0


def test_every_number_against_a_loop(sae, acts):
    feats = sae.encode(acts).detach().double().numpy()
    recon = sae(acts).detach().double().numpy()
    x = acts.double().numpy()
    mean = sum(x) / N
    error = sum(float(((a - b) ** 2).sum()) for a, b in zip(x, recon, strict=True))
    total = sum(float(((a - mean) ** 2).sum()) for a in x)
    cosine = [a @ b / math.sqrt((a @ a) * (b @ b)) for a, b in zip(x, recon, strict=True)]
    report = evaluate(sae, acts, batch_size=10)
    assert report.explained_variance == pytest.approx(1 - error / total, rel=1e-5)
    about_zero = 1 - error / sum(float(a @ a) for a in x)
    assert report.explained_variance_about_zero == pytest.approx(about_zero, abs=1e-7)
    assert report.l0 == pytest.approx(np.mean([(row > 0).sum() for row in feats]))
    assert report.dead_share == pytest.approx(np.mean([not (feats[:, f] > 0).any() for f in range(F)]))
    assert report.cosine == pytest.approx(np.mean(cosine), rel=1e-6)
    assert report.mse == pytest.approx(error / N / D, rel=1e-5)
    assert report.relative_bias == pytest.approx(
        sum(b @ b for b in recon) / sum(a @ b for a, b in zip(x, recon, strict=True)), rel=1e-5
    )
    assert report.relative_bias_centred == pytest.approx(
        sum((b - mean) @ (b - mean) for b in recon)
        / sum((a - mean) @ (b - mean) for a, b in zip(x, recon, strict=True)),
        rel=1e-4,
    )
    assert np.allclose(report.density_F, (feats > 0).mean(0)) and report.n_tokens == N
    assert math.isnan(report.loss_recovered) and "density_F" not in report.as_dict()


def test_explained_variance_is_about_the_mean(sae):
    # SAELens until #665: about zero, so that an autoencoder which only gives the mean scores near 1
    acts = torch.randn(500, D, generator=torch.Generator().manual_seed(0)) + 1000.0
    with torch.no_grad():
        sae.b_enc_F.fill_(-1e6)
        sae.b_dec_D.zero_()
        sae.mean_D.copy_(acts.mean(0))
    assert evaluate(sae, acts).explained_variance == pytest.approx(0.0, abs=1e-3)
    assert evaluate(sae, acts).l0 == 0.0


def test_numbers_do_not_depend_on_the_batch(sae, acts):
    a, b = (evaluate(sae, acts, batch_size=size).as_dict() for size in (7, 1000))
    assert {k: v for k, v in a.items() if v == v} == pytest.approx({k: v for k, v in b.items() if v == v}, rel=1e-5)


def mirror(d_model, gain):
    """An autoencoder that gives back `gain` times what it gets, about zero."""
    sae = VARIANTS["standard"](SAEConfig(variant="standard", n_features=2 * d_model), d_model)
    both = torch.cat([torch.eye(d_model), -torch.eye(d_model)])
    with torch.no_grad():
        sae.W_dec_FD.copy_(gain * both)
        sae.W_enc_DF.copy_(both.t())
    return sae


def test_shrinkage_shows_in_the_relative_bias(acts):
    sae = mirror(D, 0.5)
    sae.mean_D.copy_(acts.mean(0))
    report = evaluate(sae, acts)
    assert report.relative_bias_centred == pytest.approx(0.5, rel=1e-4)
    assert 0.9 < report.relative_bias <= 1.0
    assert report.explained_variance == pytest.approx(0.75, rel=1e-4)


def test_a_perfect_autoencoder_loses_nothing_in_a_real_model(tiny_lm, sentences, empty_store):
    from kosae_core.activations import gather

    held = gather(tiny_lm, sentences, ["q2.resid_post"], dtype="fp32")["q2.resid_post"]

    identity = mirror(32, 1.0)
    report = evaluate(identity, held, lm=tiny_lm)
    assert report.explained_variance == pytest.approx(1.0, abs=1e-6)
    assert report.loss_recovered == pytest.approx(1.0, abs=1e-3)
    assert report.kl == pytest.approx(0.0, abs=1e-5) and report.kl_recovered == pytest.approx(1.0, abs=1e-3)
    assert report.ce_ablated != pytest.approx(report.ce_clean, abs=1e-3)
    assert report.n_tokens == held.n_tokens


def test_refusals(sae, acts):
    with pytest.raises(ValueError, match="needs the documents"):
        evaluate(sae, acts, lm=object())
    with pytest.raises(ValueError, match="shape"):
        evaluate(sae, acts[:, :3])
    assert metrics.Report.__doc__
