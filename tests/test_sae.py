"""The autoencoders against loops and formulas that share no code with them."""

import ast
import inspect
import json
import math

import numpy as np
import pytest
import torch

from kosae_core import kernels, losses
from kosae_core.inputs import fit_inputs
from kosae_core.sae import VARIANTS, GatedSAE, SAEConfig, StandardSAE, TopKSAE, load_sae

D, F, B, K = 7, 19, 11, 4
WITH_K = ("topk", "batchtopk", "matryoshka")
ONE_POINT = sorted(set(VARIANTS) - {"crosscoder", "transcoder"})


def float_of(term):
    return float(term.detach())


def build(variant, **options):
    generator = torch.Generator().manual_seed(3)
    config = SAEConfig(variant=variant, n_features=F, **({"k": K} if variant in WITH_K else {}) | options)
    sae = VARIANTS[variant](config, D, generator)
    with torch.no_grad():
        for name, parameter in sae.named_parameters():
            if not name.startswith("W_dec"):
                parameter += 0.3 * torch.randn(parameter.shape, generator=generator)
        sae.mean_D.copy_(torch.randn(D, generator=generator))
        sae.scale.fill_(2.5)
        if variant in ("batchtopk", "matryoshka"):
            sae.threshold.fill_(0.4)
    return sae


@pytest.fixture
def acts_BD():
    return 2.5 * torch.randn(B, D, generator=torch.Generator().manual_seed(4)) + 1.0


def slow_features(sae, acts_BD):
    """Each feature of each token by scalar arithmetic in float64."""
    W = sae.W_enc_DF.detach().double().numpy()
    p = {name: value.detach().double().numpy() for name, value in sae.state_dict().items()}
    x_BD = (acts_BD.double().numpy() - p["mean_D"]) / p["scale"] - p["b_dec_D"]
    feats = np.zeros((len(x_BD), F))
    for b, x in enumerate(x_BD):
        pi = [sum(x[d] * W[d, f] for d in range(D)) for f in range(F)]
        for f in range(F):
            if sae.variant.startswith("gated"):
                if pi[f] + p["b_gate_F"][f] > 0:
                    feats[b, f] = max(0.0, math.exp(p["r_mag_F"][f]) * pi[f] + p["b_mag_F"][f])
            else:
                feats[b, f] = max(0.0, pi[f] + p["b_enc_F"][f])
        if sae.variant == "topk":
            feats[b, np.argsort(-feats[b])[K:]] = 0.0
    if sae.variant in ("batchtopk", "matryoshka"):
        feats[feats <= 0.4] = 0.0
    if sae.variant == "jumprelu":
        feats[feats <= 0.5 * sae.config.bandwidth * math.sqrt(D) * np.exp(10 * p["r_threshold_F"])] = 0.0
    return feats


@pytest.mark.parametrize("variant", ONE_POINT)
def test_encode_and_decode_against_scalar_loops(variant, acts_BD):
    sae = build(variant)
    feats = slow_features(sae, acts_BD)
    p = {name: value.detach().double().numpy() for name, value in sae.state_dict().items()}
    recon = (feats @ p["W_dec_FD"] + p["b_dec_D"]) * p["scale"] + p["mean_D"]
    assert np.allclose(sae.encode(acts_BD).detach().numpy(), feats, atol=1e-5)
    assert np.allclose(sae(acts_BD).detach().numpy(), recon, atol=1e-4)


@pytest.mark.parametrize("variant", ONE_POINT)
def test_decoder_bias_is_not_counted_twice(variant):
    # sparsify #134: with no feature on, the reconstruction must be mean + scale * b_dec, and b_dec itself must be inert
    sae = build(variant)
    nothing = sae.decode(torch.zeros(1, F)).detach()
    assert torch.allclose(nothing[0], sae.mean_D + sae.scale * sae.b_dec_D)
    with torch.no_grad():
        for name, parameter in sae.named_parameters():
            if name.endswith("_F"):
                parameter.zero_()
    assert float(sae.encode(nothing).detach().abs().max()) < 1e-4


def test_standard_objective_against_formula(acts_BD):
    sae = build("standard", sparsity=0.7)
    x = sae.normalise(acts_BD).numpy().astype(np.float64)
    feats = slow_features(sae, acts_BD)
    recon = feats @ sae.W_dec_FD.detach().double().numpy() + sae.b_dec_D.detach().double().numpy()
    terms = sae.objective(sae.normalise(acts_BD), 0.5, torch.zeros(F, dtype=torch.bool))
    assert float_of(terms.mse) == pytest.approx(((recon - x) ** 2).sum() / B / D, rel=1e-5)
    assert float_of(terms.sparsity) == pytest.approx(0.5 * 0.7 * feats.sum() / B / math.sqrt(D), rel=1e-5)
    assert terms.code.fired().tolist() == (feats > 0).any(0).tolist()
    assert float(terms.code.l0()) == pytest.approx((feats > 0).sum() / B)


def test_gated_objective_and_frozen_decoder(acts_BD):
    sae = build("gated", sparsity=0.7)
    x_BD = sae.normalise(acts_BD)
    pi_BF = (x_BD - sae.b_dec_D) @ sae.W_enc_DF
    gate_BF = torch.clamp(pi_BF + sae.b_gate_F, min=0)
    frozen_BD = gate_BF @ sae.W_dec_FD + sae.b_dec_D
    terms = sae.objective(x_BD, 1.0, torch.zeros(F, dtype=torch.bool))
    assert float_of(terms.aux) == pytest.approx(float((frozen_BD - x_BD).pow(2).mean().detach()), rel=1e-5)
    assert float_of(terms.sparsity) == pytest.approx(
        0.7 * float(gate_BF.sum(1).mean().detach()) / math.sqrt(D), rel=1e-5
    )
    (terms.aux + terms.sparsity).backward()
    assert sae.W_dec_FD.grad is None
    assert float(sae.W_enc_DF.grad.abs().max()) > 0 and float(sae.b_gate_F.grad.abs().max()) > 0
    assert sae.r_mag_F.grad is None and sae.b_mag_F.grad is None


def test_gated_reconstruction_loss_reaches_magnitude_but_not_gate(acts_BD):
    sae = build("gated")
    sae.objective(sae.normalise(acts_BD), 1.0, torch.zeros(F, dtype=torch.bool)).mse.backward()
    assert float(sae.r_mag_F.grad.abs().max()) > 0 and float(sae.b_mag_F.grad.abs().max()) > 0
    assert float(sae.b_gate_F.grad.abs().max()) < 1e-6


def test_gated_has_one_encoder_and_three_vectors():
    # source B's blog form has two encoders; the paper ties them
    shapes = {name: tuple(p.shape) for name, p in build("gated").named_parameters()}
    assert sum(shape == (D, F) for shape in shapes.values()) == 1
    assert {"r_mag_F", "b_gate_F", "b_mag_F"} <= set(shapes) and "b_enc_F" not in shapes
    fresh = GatedSAE(SAEConfig(variant="gated", n_features=F), D)
    assert float(fresh.r_mag_F.detach().exp().max()) == 1.0


@pytest.mark.parametrize("densest", [0.0, 3.0])
@pytest.mark.parametrize("variant", ONE_POINT)
def test_gradients_against_plain_autograd(variant, densest, acts_BD, monkeypatch):
    # once over tables and once over entries, but where the variant is sparse from the first step
    monkeypatch.setattr(kernels, "DENSEST", densest)
    sae = build(variant)
    x_BD = sae.normalise(acts_BD)
    terms = sae.objective(x_BD, 1.0, torch.zeros(F, dtype=torch.bool))
    assert (terms.code.pattern is None) == (densest == 0 and variant not in WITH_K)
    terms.mse.backward()
    got = {name: p.grad.clone() for name, p in sae.named_parameters() if p.grad is not None}
    sae.zero_grad()
    pi_BF = (x_BD - sae.b_dec_D) @ sae.W_enc_DF
    if variant.startswith("gated"):
        feats_BF = (pi_BF + sae.b_gate_F > 0) * torch.relu(torch.exp(sae.r_mag_F) * pi_BF + sae.b_mag_F)
    else:
        feats_BF = torch.relu(pi_BF + sae.b_enc_F)
    if variant == "topk":
        feats_BF = feats_BF * (feats_BF >= feats_BF.sort(dim=1, descending=True).values[:, [K - 1]])
    if variant in ("batchtopk", "matryoshka"):
        feats_BF = feats_BF * (feats_BF >= feats_BF.flatten().sort(descending=True).values[K * B - 1])
    if variant == "jumprelu":
        feats_BF = feats_BF * (feats_BF > sae.threshold_F.detach())
    ends = sae.config.prefixes or (F,)
    errors = [((feats_BF[:, :m] @ sae.W_dec_FD[:m] + sae.b_dec_D - x_BD) ** 2).mean() for m in ends]
    (sum(errors) / len(errors)).backward()
    for name, parameter in sae.named_parameters():
        if parameter.grad is not None:
            assert torch.allclose(got[name], parameter.grad, atol=1e-5), name


@pytest.mark.parametrize("variant", ONE_POINT)
def test_gradients_reach_the_activations(variant, acts_BD):
    # attribution through an autoencoder needs them; training does not
    sae, weight_BF = build(variant), torch.randn(B, F, generator=torch.Generator().manual_seed(6))
    acts_BD = acts_BD.clone().requires_grad_()
    feats_BF = sae.encode(acts_BD)
    (feats_BF * weight_BF).sum().backward()
    gain_BF = (feats_BF > 0).float()
    if variant.startswith("gated"):
        gain_BF = gain_BF * sae.r_mag_F.exp()
    expected = (weight_BF * gain_BF) @ sae.W_enc_DF.t() / sae.scale
    assert torch.allclose(acts_BD.grad, expected, atol=1e-5)


@pytest.mark.parametrize("densest", [0.0, 3.0])
@pytest.mark.parametrize("select", [kernels.Top(3), kernels.Above()])
def test_gradients_reach_the_input_of_tables_and_entries(select, densest, acts_BD, monkeypatch):
    monkeypatch.setattr(kernels, "DENSEST", densest)
    W_DF = torch.randn(D, F, generator=torch.Generator().manual_seed(7))
    x_BD = acts_BD.clone().requires_grad_()
    feats_BF = kernels.encode(x_BD, W_DF, torch.zeros(F), select).table().relu()
    feats_BF.sum().backward()
    assert torch.allclose(x_BD.grad, (feats_BF > 0).float() @ W_DF.t(), atol=1e-4)


@pytest.mark.parametrize("auxk", [3, 5])  # of five dead ones: the largest three, and all
@pytest.mark.parametrize("variant", WITH_K)
def test_auxk_gradient_reaches_the_encoder(variant, auxk, acts_BD):
    # sparsify 1.3.3: encoder gradient norm 0 under AuxK
    sae = build(variant, auxk=auxk, auxk_weight=0.5)
    dead_F = torch.zeros(F, dtype=torch.bool)
    dead_F[[2, 5, 7, 11, 13]] = True
    terms = sae.objective(sae.normalise(acts_BD), 1.0, dead_F)
    terms.aux.backward()
    assert float(sae.W_enc_DF.grad[:, dead_F].norm()) > 0 and float(sae.W_dec_FD.grad[dead_F].norm()) > 0
    assert float(sae.W_enc_DF.grad[:, ~dead_F].abs().max()) < 1e-7
    x = sae.normalise(acts_BD).double()
    error = (x - terms.recon_BD.detach().double()).numpy()
    pre = ((x - sae.b_dec_D) @ sae.W_enc_DF.double() + sae.b_enc_F).detach().numpy()
    half = (B + 1) // 2  # it looks at the first half of a batch
    error, recon = error[:half], np.zeros((half, D))
    for b in range(half):
        for f in sorted([2, 5, 7, 11, 13], key=lambda f: -pre[b, f])[:auxk]:
            recon[b] += max(0.0, pre[b, f]) * sae.W_dec_FD[f].detach().numpy()
    expected = 0.5 * ((recon - error) ** 2).mean() / (error**2).mean()
    assert float_of(terms.aux) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("variant", WITH_K)
def test_auxk_adds_to_the_gradients_what_a_table_of_its_own_would(variant, acts_BD, monkeypatch):
    grads = []
    for own_table in (False, True):
        if own_table:
            monkeypatch.setattr(kernels.Code, "some", lambda code, W, index_N, dim: W.index_select(dim, index_N))
        sae = build(variant, auxk=3, auxk_weight=0.5)
        sae.progress = 0.9  # when a batch shares its budget
        dead_F = torch.arange(F) % 2 == 1  # some of them are among the k largest again
        terms = sae.objective(sae.normalise(acts_BD), 1.0, dead_F)
        assert bool((terms.code.fired() & dead_F).any())
        (terms.mse + terms.aux).backward()
        grads.append({name: parameter.grad for name, parameter in sae.named_parameters()})
    assert all(torch.equal(grads[0][name], grads[1][name]) for name in grads[1])


def test_auxk_is_silent_without_dead_features(acts_BD):
    terms = build("topk").objective(build("topk").normalise(acts_BD), 1.0, torch.zeros(F, dtype=torch.bool))
    assert float_of(terms.aux) == 0.0


def test_topk_keeps_at_most_k(acts_BD):
    assert int((build("topk").encode(acts_BD) > 0).sum(1).max()) <= K


def test_mse_is_divided_once():
    # SAELens #711 divided by the batch twice
    recon, x = torch.zeros(4, 5), torch.full((4, 5), 2.0)
    assert float(losses.squared_error(recon, x)) == 4.0
    assert float(losses.squared_error(recon.repeat(3, 1), x.repeat(3, 1))) == 4.0


def test_unit_rows_and_no_parallel_gradient(acts_BD):
    sae = build("standard")
    sae.objective(sae.normalise(acts_BD), 1.0, torch.zeros(F, dtype=torch.bool)).mse.backward()
    before = sae.W_dec_FD.grad.clone()
    sae.remove_parallel_gradient()
    for f in range(F):
        row = sae.W_dec_FD[f].detach().double()
        expected = before[f].double() - (before[f].double() @ row) / (row @ row) * row
        assert torch.allclose(sae.W_dec_FD.grad[f].double(), expected, atol=1e-6)
    with torch.no_grad():
        sae.W_dec_FD *= 3.0
    sae.normalise_decoder()
    assert torch.allclose(sae.W_dec_FD.norm(dim=1), torch.ones(F), atol=1e-6)


@pytest.mark.parametrize("variant", ONE_POINT)
def test_save_and_load_give_the_same_bits(variant, acts_BD, tmp_path):
    # SAELens #553: a TopK autoencoder came back as a ReLU one
    sae = build(variant)
    sae.provenance = {"model": "모형", "seed": 3}
    loaded = load_sae(sae.save(tmp_path / "folder" / "sae"))
    assert type(loaded) is type(sae) and loaded.config == sae.config and loaded.provenance == sae.provenance
    assert torch.equal(loaded(acts_BD), sae(acts_BD))


def test_short_name_of_a_shipped_sae(monkeypatch, tmp_path, acts_BD):
    monkeypatch.setattr("kosae_core.paths.models_dir", lambda: tmp_path)
    sae = build("topk")
    sae.save(tmp_path / "some-lm" / "sae-q2")
    assert torch.equal(load_sae("some-lm/q2")(acts_BD), sae(acts_BD))


def test_bad_folders_give_one_sentence(tmp_path):
    with pytest.raises(ValueError, match=r"no SAE at .*nowhere.*cfg\.json"):
        load_sae(tmp_path / "nowhere")
    folder = build("topk").save(tmp_path / "sae")
    whole = (folder / "weights.safetensors").read_bytes()
    (folder / "weights.safetensors").write_bytes(whole[:200])
    with pytest.raises(ValueError, match="cannot be read"):
        load_sae(folder)
    (folder / "weights.safetensors").write_bytes(whole)
    record = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps(record | {"d_model": D + 1}))
    with pytest.raises(ValueError, match="cannot be read"):
        load_sae(folder)
    (folder / "cfg.json").write_text(json.dumps(record | {"format_version": 99}))
    with pytest.raises(ValueError, match="format is 99, and KoSAE"):
        load_sae(folder)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"variant": "dense"}, "there is no variant 'dense'; there are batchtopk, crosscoder, gated, gated_anneal"),
        ({"k": 3000}, "k must lie between 1 and n_features"),
        ({"k": 0}, "k must lie between 1"),
        ({"variant": "gated", "k": 8}, "k has no meaning for the gated variant"),
        ({"variant": "topk", "sparsity": 0.1}, "sparsity has no meaning for the topk variant"),
        ({"variant": "standard", "sparsity": -1.0}, "must not be negative"),
        ({"n_features": 0}, "n_features must be at least 1"),
        ({"centre": "middle"}, "centre must be"),
        ({"scale": "big"}, "scale must be"),
    ],
)
def test_contradictions_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        SAEConfig(**options)


def test_wrong_width_is_refused():
    with pytest.raises(ValueError, match=r"shape \(tokens, 7\), not \(3, 8\)"):
        build("topk").encode(torch.zeros(3, 8))


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_a_variant_is_under_40_lines_of_code(variant):
    tree = ast.parse(inspect.getsource(VARIANTS[variant]))
    for node in ast.walk(tree):
        first = node.body[0] if isinstance(node, ast.ClassDef | ast.FunctionDef) else None
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            node.body = node.body[1:] or [ast.Pass()]  # without its docstring
    assert sum(bool(line.strip()) for line in ast.unparse(tree).splitlines()) < 40


def test_a_new_variant_is_one_small_class(acts_BD):
    class Half(StandardSAE):
        variant = "half"

        def features(self, x_BD):
            return 0.5 * super().features(x_BD)

    try:
        sae = VARIANTS["half"](SAEConfig(variant="half", n_features=F), D)
        assert sae.encode(acts_BD).shape == (B, F)
        assert not isinstance(sae, TopKSAE)
    finally:
        del VARIANTS["half"]


@pytest.mark.parametrize("variant", ONE_POINT)
def test_encoder_and_decoder_start_in_the_same_unit_directions(variant):
    sae = VARIANTS[variant](SAEConfig(variant, 30, **({"k": 3} if "k" in VARIANTS[variant].options else {})), 12)
    assert torch.equal(sae.W_enc_DF, sae.W_dec_FD.t())
    assert torch.allclose(sae.W_dec_FD.norm(dim=1), torch.ones(30), atol=1e-6) and not sae.b_dec_D.any()


@pytest.mark.parametrize("centre", ["mean", "median", "none"])
def test_the_centre_is_what_the_configuration_says(centre):
    acts_ND = torch.randn(400, 6, generator=torch.Generator().manual_seed(0)).exp() * torch.arange(1.0, 7.0)
    acts_ND[:20] += 500.0  # a median does not follow them
    sae = VARIANTS["topk"](SAEConfig("topk", 30, k=3, centre=centre), 6)
    fit_inputs(sae, acts_ND)
    away = (acts_ND.double() - sae.mean_D.double()).norm(dim=1).sum()
    if centre == "median":  # of all points it has the least summed distance
        for i in range(6):
            for step in (-0.05, 0.05):
                moved = sae.mean_D.double() + step * torch.eye(6, dtype=torch.float64)[i]
                assert (acts_ND.double() - moved).norm(dim=1).sum() > away
        assert sae.mean_D.max() < 20
    else:
        expected = acts_ND.double().mean(0).float() if centre == "mean" else torch.zeros(6)
        assert torch.allclose(sae.mean_D, expected)
    rms = (acts_ND - sae.mean_D).square().mean().sqrt()
    assert torch.allclose(sae.scale, rms, rtol=1e-4)
