"""The folders of dictionary_learning and sparsify: against their formulas in float64, and against the libraries.

KOSAE_PEERS names a Python with torch, dictionary-learning and eai-sparsify in it (`.ci/run` makes one); without it the
libraries' own tests skip, and the formulas are held against folders that are written here.
"""

import json
import os
import re
import subprocess

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from kosae_core.sae import load_sae

D, F, B, K = 8, 24, 40, 4
PYTHON = os.environ.get("KOSAE_PEERS")
EXPECTED = {
    "standard": "standard", "p_anneal": "p_anneal", "april": "standard", "new": "standard", "gated": "gated",
    "gated_anneal": "gated_anneal", "topk": "topk", "batchtopk": "batchtopk", "batchtopk-early": "batchtopk",
    "matryoshka": "matryoshka", "jumprelu": "jumprelu", "sparsify": "topk", "sparsify-bf16": "topk", "sparsify-wide": "topk",
    "sparsify-transcoder": "transcoder",
}  # fmt: skip
"""What is written, here or by the library, and the variant it is read as."""
TRAINERS = {
    "standard": "StandardTrainer", "april": "StandardTrainerAprilUpdate", "p_anneal": "PAnnealTrainer", "gated": "GatedSAETrainer",
    "gated_anneal": "GatedAnnealTrainer", "topk": "TopKTrainer", "batchtopk": "BatchTopKTrainer",
    "batchtopk-early": "BatchTopKTrainer", "matryoshka": "MatryoshkaBatchTopKTrainer", "jumprelu": "JumpReluTrainer",
}  # fmt: skip
CLASSES = {
    "standard": "AutoEncoder", "april": "AutoEncoder", "p_anneal": "AutoEncoder", "new": "AutoEncoderNew",
    "gated": "GatedAutoEncoder", "gated_anneal": "GatedAutoEncoder", "topk": "AutoEncoderTopK", "batchtopk": "BatchTopKSAE",
    "batchtopk-early": "BatchTopKSAE", "matryoshka": "MatryoshkaBatchTopKSAE", "jumprelu": "JumpReluAutoEncoder",
}  # fmt: skip
LIBRARY = """
import importlib, json, os, sys, types
sys.modules["nnsight"] = types.ModuleType("nnsight")  # which only the buffers of dictionary_learning use; an old one is asked for
sys.modules["nnsight"].LanguageModel = object
import numpy as np, torch
from dictionary_learning import dictionary, trainers, utils
from sparsify import SparseCoder, SparseCoderConfig
root, names, TRAINERS = sys.argv[1], sys.argv[2].split(), json.loads(sys.argv[3])
acts = torch.from_numpy(np.load(f"{root}/acts.npy"))
modules = [importlib.import_module(f"dictionary_learning.trainers.{n}") for n in
           ("standard", "p_anneal", "gdm", "gated_anneal", "top_k", "batch_top_k", "matryoshka_batch_top_k", "jumprelu")]
found = {n: getattr(m, n) for m in modules for n in dir(m) if n.endswith("Trainer") or n.endswith("AprilUpdate")}
torch.manual_seed(0)
def drawn(module):
    with torch.no_grad():
        for name, part in module.named_parameters():
            part.copy_(0.5 * torch.randn(part.shape).abs() if name == "threshold" else 0.5 * torch.randn(part.shape))
for name in names:
    folder = f"{root}/{name}"
    os.makedirs(folder)
    if name.startswith("sparsify"):
        options = {"transcoder": {"transcode": True, "num_latents": 24}, "wide": {"expansion_factor": 3}}.get(name[9:], {"num_latents": 24})
        coder = SparseCoder(8, SparseCoderConfig(k=4, **options), dtype=torch.bfloat16 if "bf16" in name else None)
        drawn(coder)
        coder.save_to_disk(folder)
        coder = SparseCoder.load_from_disk(folder).float()
        with torch.no_grad():
            tops, indices, _ = coder.encode(acts)
            feats, recon = torch.zeros(len(acts), 24).scatter_(1, indices, tops), coder(acts).sae_out
    else:
        if name == "new":
            ae = dictionary.AutoEncoderNew(8, 24)
            config = {"dict_class": "AutoEncoderNew", "activation_dim": 8, "dict_size": 24, "lm_name": "m", "layer": 3}
        else:
            extra = {"k": 4} if "topk" in name or name == "matryoshka" else {}
            extra |= {"group_fractions": [0.25, 0.25, 0.5]} if name == "matryoshka" else {}
            sizes = dict(activation_dim=8, dict_size=24, layer=3, lm_name="m", steps=10000, device="cpu")
            trainer = found[TRAINERS[name]](**sizes, **extra)
            ae, config = trainer.ae, trainer.config
        drawn(ae)
        if name in ("batchtopk", "matryoshka"):
            ae.threshold.fill_(0.2)
        if name in ("standard", "topk", "batchtopk", "matryoshka", "jumprelu", "gated"):
            ae.scale_biases(2.0)  # what that library does before it saves, where it divided the activations in training
        torch.save(ae.state_dict(), f"{folder}/ae.pt")
        json.dump({"trainer": config}, open(f"{folder}/config.json", "w"), default=str)
        ae, _ = utils.load_dictionary(folder, "cpu")
        with torch.no_grad():
            feats = ae.encode(acts)
            recon = ae.decode(feats)
    np.savez(f"{folder}/found.npz", feats=feats.numpy(), recon=recon.float().numpy())
"""


@pytest.fixture
def acts_BD():
    return activations()


def activations():
    return 2.5 * torch.randn(B, D, generator=torch.Generator().manual_seed(4)) + 1.0


def drawn(shapes, seed=3):
    generator = torch.Generator().manual_seed(seed)
    return {name: 0.5 * torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def write(name, folder):
    """A folder as the library writes it, with weights drawn here."""
    folder.mkdir()
    if name.startswith("sparsify"):
        given = drawn({"encoder.weight": (F, D), "encoder.bias": (F,), "W_dec": (F, D), "b_dec": (D,)})
        if name.endswith("bf16"):
            given = {key: tensor.bfloat16() for key, tensor in given.items()}
        save_file(given, folder / "sae.safetensors")
        cfg = {"activation": "topk", "expansion_factor": 32, "normalize_decoder": True, "num_latents": F, "k": K,
               "multi_topk": False, "skip_connection": False, "transcode": name.endswith("transcoder"), "d_in": D}  # fmt: skip
        if name.endswith("wide"):
            cfg |= {"num_latents": 0, "expansion_factor": 3}
        (folder / "cfg.json").write_text(json.dumps(cfg))
        return folder
    layers = {"encoder.weight": (F, D), "encoder.bias": (F,), "decoder.weight": (D, F)}
    tables = {"W_enc": (D, F), "b_enc": (F,), "W_dec": (F, D), "b_dec": (D,)}
    kind = CLASSES[name]
    gates = {"r_mag": (F,), "gate_bias": (F,), "mag_bias": (F,), "decoder_bias": (D,)}
    shapes = {
        "AutoEncoder": layers | {"bias": (D,)}, "AutoEncoderNew": layers | {"decoder.bias": (D,)},
        "GatedAutoEncoder": {n: s for n, s in layers.items() if n != "encoder.bias"} | gates,
        "MatryoshkaBatchTopKSAE": tables, "JumpReluAutoEncoder": tables | {"threshold": (F,)},
    }.get(kind, layers | {"b_dec": (D,)})  # fmt: skip
    given = drawn(shapes)
    if kind == "JumpReluAutoEncoder":
        given["threshold"][::3] = 0.0
    if "TopK" in kind:
        given |= {"k": torch.tensor(K, dtype=torch.int), "threshold": torch.tensor(-1.0 if "early" in name else 0.2)}
    if kind == "MatryoshkaBatchTopKSAE":
        given["group_sizes"] = torch.tensor([6, 6, 12])
    torch.save(given, folder / "ae.pt")
    trainer = {"dict_class": kind, "activation_dim": D, "dict_size": F, "lm_name": "m", "layer": 3}
    trainer |= {"trainer_class": TRAINERS[name]} if name in TRAINERS else {}
    (folder / "config.json").write_text(json.dumps({"trainer": trainer, "buffer": {"ctx_len": 128}}))
    return folder


def largest(feats_BF):
    kept = np.argsort(-feats_BF, axis=1)[:, :K]
    return np.where((np.arange(F)[None] == kept[:, :, None]).any(1), feats_BF, 0)


def by_formula(name, folder, acts_BD):
    """Features and reconstructions from the tensors of a folder, in float64."""
    x_BD = acts_BD.double().numpy()
    if name.startswith("sparsify"):
        from safetensors.torch import load_file

        w = {key: tensor.double().numpy() for key, tensor in load_file(folder / "sae.safetensors").items()}
        pre_BF = (x_BD if name.endswith("transcoder") else x_BD - w["b_dec"]) @ w["encoder.weight"].T + w[
            "encoder.bias"
        ]
        feats_BF = largest(np.maximum(pre_BF, 0))
        return feats_BF, feats_BF @ w["W_dec"] + w["b_dec"]
    w = {key: t.double().numpy() for key, t in torch.load(folder / "ae.pt", weights_only=True).items()}
    kind = CLASSES[name]
    if kind == "GatedAutoEncoder":
        pi_BF = (x_BD - w["decoder_bias"]) @ w["encoder.weight"].T
        feats_BF = (pi_BF + w["gate_bias"] > 0) * np.maximum(np.exp(w["r_mag"]) * pi_BF + w["mag_bias"], 0)
        return feats_BF, feats_BF @ w["decoder.weight"].T + w["decoder_bias"]
    if kind == "AutoEncoder":
        norms_F = np.sqrt((w["decoder.weight"] ** 2).sum(0))
        feats_BF = norms_F * np.maximum((x_BD - w["bias"]) @ w["encoder.weight"].T + w["encoder.bias"], 0)
        return feats_BF, feats_BF @ (w["decoder.weight"] / norms_F).T + w["bias"]
    if kind == "AutoEncoderNew":
        feats_BF = np.maximum(x_BD @ w["encoder.weight"].T + w["encoder.bias"], 0)
        return feats_BF, feats_BF @ w["decoder.weight"].T + w["decoder.bias"]
    if kind == "JumpReluAutoEncoder":
        pre_BF = x_BD @ w["W_enc"] + w["b_enc"]
        feats_BF = np.maximum(pre_BF * (pre_BF > w["threshold"]), 0)
        return feats_BF, feats_BF @ w["W_dec"] + w["b_dec"]
    W_enc_DF = w["W_enc"] if "W_enc" in w else w["encoder.weight"].T
    W_dec_FD = w["W_dec"] if "W_dec" in w else w["decoder.weight"].T
    b_enc_F = w["b_enc"] if "b_enc" in w else w["encoder.bias"]
    feats_BF = np.maximum((x_BD - w["b_dec"]) @ W_enc_DF + b_enc_F, 0)
    feats_BF = largest(feats_BF) if name == "topk" else feats_BF * (feats_BF > w["threshold"])
    return feats_BF, feats_BF @ W_dec_FD + w["b_dec"]


def agree(sae, feats_BF, recon_BD, acts_BD):
    assert 0 < (feats_BF > 0).mean() < 1
    rows_BD = torch.cat([acts_BD, acts_BD], dim=1) if sae.variant == "transcoder" else acts_BD
    np.testing.assert_allclose(sae.encode(rows_BD).detach(), feats_BF, atol=1e-5)
    np.testing.assert_allclose(sae(rows_BD).detach(), recon_BD, atol=1e-5)


@pytest.mark.parametrize("name", EXPECTED)
def test_a_folder_gives_what_its_librarys_formula_gives(name, acts_BD, tmp_path):
    folder = write(name, tmp_path / "layers.3")
    sae = load_sae(folder)
    assert sae.variant == EXPECTED[name] and not sae.training
    agree(sae, *by_formula(name, folder, acts_BD), acts_BD)
    (library,) = sae.provenance
    assert library == ("sparsify" if name.startswith("sparsify") else "dictionary_learning")
    again = load_sae(sae.save(tmp_path / "own"))  # and it is an autoencoder of this package, to be saved as one
    assert torch.equal(again.encode(acts_BD), sae.encode(acts_BD)) and again.provenance == sae.provenance


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    """A folder for each kind as its library writes it, with what the library computes on the activations."""
    if not PYTHON:
        pytest.skip("KOSAE_PEERS names no Python with dictionary-learning and eai-sparsify in it")
    root = tmp_path_factory.mktemp("peers")
    np.save(root / "acts.npy", activations().numpy())
    command = [PYTHON, "-c", LIBRARY, root, " ".join(EXPECTED), json.dumps(TRAINERS)]
    asked = subprocess.run(command, capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr[-2000:]
    return root


@pytest.mark.parametrize("name", EXPECTED)
def test_what_the_libraries_write_is_read(name, acts_BD, library):
    sae, found = load_sae(library / name), np.load(library / name / "found.npz")
    assert sae.variant == EXPECTED[name]
    agree(sae, found["feats"], found["recon"], acts_BD)
    agree(sae, *by_formula(name, library / name, acts_BD), acts_BD)


def edited(folder, file, change):
    record = json.loads((folder / file).read_text())
    record.get("trainer", record).update(change)
    (folder / file).write_text(json.dumps(record))
    return folder


@pytest.mark.parametrize(
    ("name", "file", "change", "sentence"),
    [
        ("topk", "config.json", {"dict_class": "CrossCoder"}, r"dict_class 'CrossCoder' of dictionary_learning has no twin"),
        ("topk", "config.json", {"dict_size": F + 1}, r"layers\.3 cannot be read: the encoder has shape \(8, 24\)"),
        ("sparsify", "cfg.json", {"activation": "groupmax"}, "activation 'groupmax' of sparsify has no twin here"),
        ("sparsify", "cfg.json", {"skip_connection": True}, r"a skip connection \(W_skip\) of sparsify has no twin here"),
        ("sparsify", "cfg.json", {"d_in": D + 1}, r"layers\.3 cannot be read: the encoder has shape"),
    ],
)  # fmt: skip
def test_what_has_no_twin_is_said(name, file, change, sentence, tmp_path):
    with pytest.raises(ValueError, match=sentence):
        load_sae(edited(write(name, tmp_path / "layers.3"), file, change))


@pytest.mark.parametrize(("name", "file"), [("topk", "config.json"), ("sparsify", "cfg.json")])
@pytest.mark.parametrize("text", ["[]", "5", "null"])
def test_settings_that_are_no_object_are_said(name, file, text, tmp_path):
    folder = write(name, tmp_path / "layers.3")
    (folder / file).write_text(text)
    said = "None" if text == "null" else re.escape(text)
    with pytest.raises(ValueError, match=rf"layers\.3 cannot be read: {file} must hold an object, not {said}\."):
        load_sae(folder)


def test_a_missing_tensor_or_file_is_named(tmp_path):
    folder = write("topk", tmp_path / "a")
    state = torch.load(folder / "ae.pt", weights_only=True)
    del state["b_dec"]
    torch.save(state, folder / "ae.pt")
    with pytest.raises(ValueError, match=r"dictionary_learning folder .* cannot be read: it has no 'b_dec'\."):
        load_sae(folder)
    (folder / "config.json").unlink()
    with pytest.raises(ValueError, match=r"cannot be read: .*config\.json"):
        load_sae(folder)
    cut = write("sparsify", tmp_path / "b")
    (cut / "sae.safetensors").write_bytes((cut / "sae.safetensors").read_bytes()[:300])
    with pytest.raises(ValueError, match="sparsify folder .* cannot be read"):
        load_sae(cut)


class Harm:
    """What a pickle that means harm does when it is loaded."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (os.mkdir, (str(self.path),))


def test_a_pickle_that_would_run_code_is_not_run(tmp_path):
    folder = write("topk", tmp_path / "a")
    torch.save({"encoder.weight": Harm(tmp_path / "harmed")}, folder / "ae.pt")
    with pytest.raises(ValueError, match=r"holds more than tensors \(which could run code, and is not loaded\)"):
        load_sae(folder)
    assert not (tmp_path / "harmed").exists()
