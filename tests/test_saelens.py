"""The folders of SAELens: against its formulas on the written tensors, and against the library where there is one.

KOSAE_SAELENS names a Python with torch and sae-lens in it (`.ci/run` makes one); without it the library's tests skip.
"""

import json
import os
import subprocess

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file

from kosae_core.sae import VARIANTS, SAEConfig, load_sae
from kosae_core.saelens import ARCHITECTURES

D, F, B, K = 8, 24, 40, 4
PYTHON = os.environ.get("KOSAE_SAELENS")
WRITTEN = [
    "standard", "standard-uncentred", "gated", "gated-uncentred", "topk", "topk-rescaled", "jumprelu", "batchtopk",
    "matryoshka",
]  # fmt: skip
OLD = {
    "old-standard": {"activation_fn_str": "relu", "hook_point": "blocks.3.hook_resid_post", "normalize_activations": False},
    "old-topk": {"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": K}, "normalize_activations": "none"},
}  # fmt: skip
"""Configurations as releases before 6 wrote them."""
LIBRARY = """
import sys
import numpy as np, torch
from sae_lens import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig, MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig
from sae_lens import SAE, GatedSAE, GatedSAEConfig, JumpReLUSAE, JumpReLUSAEConfig, StandardSAE, StandardSAEConfig, TopKSAE, TopKSAEConfig
KINDS = {"standard": (StandardSAE, StandardSAEConfig), "gated": (GatedSAE, GatedSAEConfig), "topk": (TopKSAE, TopKSAEConfig),
         "jumprelu": (JumpReLUSAE, JumpReLUSAEConfig), "batchtopk": (BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig),
         "matryoshka": (MatryoshkaBatchTopKTrainingSAE, MatryoshkaBatchTopKTrainingSAEConfig)}
TRAINED = {"batchtopk": {"k": 4}, "matryoshka": {"k": 4, "matryoshka_widths": [8, 24]}}
root, read, written = sys.argv[1], sys.argv[2].split(), sys.argv[3].split()
acts = torch.from_numpy(np.load(f"{root}/acts.npy"))
torch.manual_seed(0)
for name in read + written:
    folder = f"{root}/{name}"
    if name in read:
        sae = SAE.load_from_disk(folder)
    else:
        kind, _, how = name.partition("-")
        options = {"k": 4} if kind == "topk" else TRAINED.get(kind, {})
        options |= {"rescaled": {"rescale_acts_by_decoder_norm": True}, "uncentred": {"apply_b_dec_to_input": False}}.get(how, {})
        sae = KINDS[kind][0](KINDS[kind][1](d_in=acts.shape[1], d_sae=24, dtype="float32", device="cpu", **options))
        with torch.no_grad():
            for part, parameter in sae.named_parameters():
                drawn = 0.5 * torch.randn(parameter.shape)
                parameter.copy_(drawn.abs() if part == "threshold" else drawn)
        if kind in TRAINED:
            sae.topk_threshold.fill_(0.7)
            sae.save_inference_model(folder)
            sae = SAE.load_from_disk(folder)
        else:
            sae.save_model(folder)
    with torch.no_grad():
        feats = sae.encode(acts)
        np.savez(f"{folder}/found.npz", feats=feats.to_dense().numpy(), recon=sae.decode(feats).numpy(), kind=sae.cfg.architecture())
"""


def build(variant):
    generator = torch.Generator().manual_seed(3)
    config = SAEConfig(variant, F, k=K if variant in ("topk", "batchtopk", "matryoshka") else None)
    sae = VARIANTS[variant](config, D, generator).eval()
    with torch.no_grad():
        for name, parameter in sae.named_parameters():
            if not name.startswith("W_dec"):
                parameter += (0.03 if name.startswith("r_thr") else 0.3) * torch.randn(
                    parameter.shape, generator=generator
                )
        sae.mean_D.copy_(torch.randn(D, generator=generator))
        sae.scale.fill_(2.5)
        if variant in ("batchtopk", "matryoshka"):
            sae.threshold.fill_(0.4)
    sae.provenance = {"model": "모형", "point": "b3.resid_post"}
    return sae


def activations():
    return 2.5 * torch.randn(B, D, generator=torch.Generator().manual_seed(4)) + 1.0


@pytest.fixture
def acts_BD():
    return activations()


def by_formula(folder, acts_BD):
    """Features and reconstructions as SAELens's classes compute them, on the tensors of a folder, in float64."""
    cfg = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    w = {name: value.astype(np.float64) for name, value in load_file(folder / "sae_weights.safetensors").items()}
    x_BD = acts_BD.double().numpy() - (w["b_dec"] if cfg["apply_b_dec_to_input"] else 0.0)
    if cfg["architecture"] == "gated":
        on = x_BD @ w["W_enc"] + w["b_gate"] > 0
        feats_BF = on * np.maximum(x_BD @ (w["W_enc"] * np.exp(w["r_mag"])) + w["b_mag"], 0)
    else:
        feats_BF = np.maximum(x_BD @ w["W_enc"] + w["b_enc"], 0)
        if cfg["architecture"] == "topk":
            feats_BF[np.arange(B)[:, None], np.argsort(-feats_BF, axis=1)[:, cfg["k"] :]] = 0
        elif cfg["architecture"] == "jumprelu":
            feats_BF *= feats_BF > w["threshold"]
    return feats_BF, feats_BF @ w["W_dec"] + w["b_dec"]


def old(name, root):
    """A folder as an old release wrote it."""
    folder = build(name.removeprefix("old-")).save(root / name, format="saelens")
    now = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    then = {field: now[field] for field in ("d_in", "d_sae", "dtype", "device", "apply_b_dec_to_input")}
    (folder / "cfg.json").write_text(json.dumps(then | {"model_name": "gpt2"} | OLD[name]), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder for each variant as written here, `read-...`, and for each that the library wrote; both with what it found."""
    if not PYTHON:
        pytest.skip("KOSAE_SAELENS names no Python with sae-lens in it")
    root = tmp_path_factory.mktemp("saelens")
    np.save(root / "acts.npy", activations().numpy())
    read = [build(variant).save(root / f"read-{variant}", format="saelens").name for variant in ARCHITECTURES]
    read += [old(name, root).name for name in OLD]
    command = [PYTHON, "-c", LIBRARY, root, " ".join(read), " ".join(WRITTEN)]  # one process: its import takes long
    asked = subprocess.run(command, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr[-2000:]
    return root


@pytest.mark.parametrize("variant", ARCHITECTURES)
def test_written_tensors_give_the_same_features(variant, acts_BD, tmp_path):
    sae = build(variant)
    folder = sae.save(tmp_path / "sae", format="saelens")
    metadata = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))["metadata"]
    assert (metadata["model_name"], metadata["hook_name"]) == ("모형", "blocks.3.hook_resid_post")
    feats_BF, recon_BD = by_formula(folder, acts_BD)
    assert 0 < (feats_BF > 0).mean() < 1
    np.testing.assert_allclose(sae.encode(acts_BD).detach(), feats_BF, atol=1e-5)
    np.testing.assert_allclose(sae(acts_BD).detach(), recon_BD, atol=1e-5)
    back = load_sae(folder)
    assert back.variant == ARCHITECTURES[variant] and back.provenance["saelens"]["kosae_variant"] == variant
    np.testing.assert_allclose(back.encode(acts_BD).detach(), feats_BF, atol=1e-5)
    np.testing.assert_allclose(back(acts_BD).detach(), recon_BD, atol=1e-5)


def agree(sae, found, acts_BD):
    assert 0 < (found["feats"] > 0).mean() < 1
    np.testing.assert_allclose(sae.encode(acts_BD).detach(), found["feats"], atol=1e-5)
    np.testing.assert_allclose(sae(acts_BD).detach(), found["recon"], atol=1e-5)


@pytest.mark.parametrize("variant", ARCHITECTURES)
def test_the_library_reads_what_is_written(variant, acts_BD, library):
    found = np.load(library / f"read-{variant}" / "found.npz")
    assert str(found["kind"]) == ARCHITECTURES[variant]
    agree(build(variant), found, acts_BD)


@pytest.mark.parametrize("name", WRITTEN)
def test_what_the_library_writes_is_read(name, acts_BD, library):
    sae, found = load_sae(library / name), np.load(library / name / "found.npz")
    assert sae.variant == str(found["kind"])
    agree(sae, found, acts_BD)


@pytest.mark.parametrize("name", OLD)
def test_what_an_old_release_wrote_is_read(name, acts_BD, tmp_path):
    sae, variant = load_sae(old(name, tmp_path)), name.removeprefix("old-")
    assert sae.variant == variant and sae.provenance["saelens"]["model_name"] == "gpt2"
    np.testing.assert_allclose(sae(acts_BD).detach(), build(variant)(acts_BD).detach(), atol=1e-5)


@pytest.mark.parametrize("name", OLD)
def test_the_library_reads_the_old_folders_alike(name, acts_BD, library):
    agree(load_sae(library / name), np.load(library / name / "found.npz"), acts_BD)


def test_a_threshold_of_zero_is_a_relu(acts_BD, tmp_path):
    folder = build("jumprelu").save(tmp_path, format="saelens")
    tensors = load_file(folder / "sae_weights.safetensors")
    tensors["threshold"][::2] = 0.0
    save_file(tensors, folder / "sae_weights.safetensors")
    np.testing.assert_allclose(load_sae(folder).encode(acts_BD).detach(), by_formula(folder, acts_BD)[0], atol=1e-5)


@pytest.mark.parametrize("variant", ["transcoder", "crosscoder"])
def test_what_saelens_lacks_is_said(variant, tmp_path):
    sae = VARIANTS[variant](SAEConfig(variant, F, k=K), D)
    with pytest.raises(ValueError, match=f"no autoencoder like the {variant} variant"):
        sae.save(tmp_path / "sae", format="saelens")
    assert not (tmp_path / "sae").exists()


def test_unknown_format(tmp_path):
    with pytest.raises(ValueError, match="format must be kosae or saelens, not 'pickle'"):
        build("topk").save(tmp_path / "sae", format="pickle")


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"architecture": "temporal"}, "architecture 'temporal' of SAELens has no twin here"),
        ({"normalize_activations": "layer_norm"}, "normalize_activations is 'layer_norm': SAELens changes inputs"),
        (
            {"metadata": {}, "activation_fn_str": "tanh-relu"},
            "activation 'tanh-relu' of an old SAELens has no twin here",
        ),
        (
            {"metadata": {}, "finetuning_scaling_factor": True},
            "a scaling factor of features of an old SAELens has no twin",
        ),
        ({"metadata": {}, "normalize_activations": True}, "normalize_activations is 'expected_average_only_in'"),
        ({"d_sae": F + 1}, r"the SAELens folder .* cannot be read: the encoder has shape"),
    ],
)
def test_folders_that_are_not_read(change, sentence, tmp_path):
    folder = build("standard").save(tmp_path, format="saelens")
    record = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    (folder / "cfg.json").write_text(json.dumps(record | change), encoding="utf-8")
    with pytest.raises(ValueError, match=sentence):
        load_sae(folder)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("[]", r"cfg\.json must hold an object, not \[\]\."), ("5", r"cfg\.json must hold an object, not 5\."),
     ('{"metadata": [1]}', "cannot be read: ")],
)  # fmt: skip
def test_settings_that_are_no_object_are_said(text, sentence, tmp_path):
    folder = build("standard").save(tmp_path, format="saelens")
    (folder / "cfg.json").write_text(text)
    with pytest.raises(ValueError, match=f"the SAELens folder .*{sentence}"):
        load_sae(folder)
