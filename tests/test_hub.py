"""Autoencoders on the hub, through the real client and a hub on this machine; without it, from what was downloaded before."""

import json
import sys
from pathlib import Path

import pytest
import torch
import yaml

import kosae_core as kc
from kosae_core import hub
from kosae_core.sae import VARIANTS
from pipeline import chapters as ch
from pipeline.plan import Plan, report

sys.path.insert(0, str(Path(__file__).parent))
from hub_server import LocalHub
from huggingface_hub import constants
from transformers.utils import hub as transformers_hub


@pytest.fixture
def local_hub(tmp_path, monkeypatch):
    server = LocalHub()
    monkeypatch.setattr(constants, "ENDPOINT", server.url)
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + "/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setattr(transformers_hub, "_hf_api", None)  # its client keeps the address that it was made with
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_of_this_test")
    yield server
    server.shutdown()


def build(variant="topk", seed=0):
    options = {"k": 4} if "k" in VARIANTS[variant].options else {}
    sae = VARIANTS[variant](kc.SAEConfig(variant, 64, **options), 12, torch.Generator().manual_seed(seed)).eval()
    sae.provenance = {
        "model": "owner/model",
        "revision": "0123abc",
        "corpus": "news train ko",
        "point": "b3.resid_post",
        "tokens": 5000,
        "seed": 0,
        "versions": {"torch": "2"},
    }
    return sae


def test_what_is_pushed_comes_back_with_the_same_bits(local_hub, tmp_path):
    sae, acts = build(), torch.randn(20, 12)
    place = kc.push_to_hub(sae, "me/my-sae")
    assert sorted(local_hub.repos["me/my-sae"][-1]) == ["README.md", "cfg.json", "weights.safetensors"]
    assert local_hub.private["me/my-sae"]
    for name in (place, "hub:me/my-sae", "hub:me/my-sae@main"):
        again = kc.load_sae(name)
        assert torch.equal(again.encode(acts), sae.encode(acts)) and again.provenance == sae.provenance
    other = build(seed=1)
    kc.push_to_hub(other, "me/my-sae")
    assert torch.equal(kc.load_sae("hub:me/my-sae").W_dec_FD, other.W_dec_FD)
    assert torch.equal(kc.load_sae(place).W_dec_FD, sae.W_dec_FD)  # the commit that was named


def test_without_a_network_what_was_downloaded_is_read(local_hub, monkeypatch):
    sae = build()
    kc.push_to_hub(sae, "me/my-sae")
    kc.load_sae("hub:me/my-sae")
    local_hub.shutdown()
    local_hub.server_close()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    assert torch.equal(kc.load_sae("hub:me/my-sae").W_dec_FD, sae.W_dec_FD)
    with pytest.raises(ValueError, match="hub:me/other: it cannot be had from the hub: "):
        kc.load_sae("hub:me/other")


def test_folders_of_other_libraries_inside_a_repository(local_hub, tmp_path):
    from test_foreign import write

    folder = write("sparsify", tmp_path / "layers.3")
    files = {f"layers.3/{file.name}": file.read_bytes() for file in folder.iterdir()}
    local_hub.repos["them/saes"] = [files | {"layers.4/cfg.json": b"{}"}]
    sae = kc.load_sae("hub:them/saes/layers.3")
    assert sae.variant == "topk" and sae.provenance["sparsify"]["hook_point"] == "layers.3"
    asked = [path for method, path in local_hub.requests if "resolve" in path]
    assert asked and not any("layers.4" in path for path in asked)
    with pytest.raises(ValueError, match="the repository them/saes has no folder layers.9"):
        kc.load_sae("hub:them/saes/layers.9")


def test_saelens_folders_can_be_pushed(local_hub):
    sae, acts = build("gated"), torch.randn(20, 12)
    kc.push_to_hub(sae, "me/lens", format="saelens", private=False)
    assert not local_hub.private["me/lens"] and "sae_weights.safetensors" in local_hub.repos["me/lens"][-1]
    torch.testing.assert_close(kc.load_sae("hub:me/lens").encode(acts), sae.encode(acts), atol=1e-5, rtol=0)


def test_the_card_says_what_it_is_and_was_measured():
    sae = build()
    report = kc.evaluate(sae, torch.randn(100, 12))
    text = hub.card(sae, "me/my-sae", report, license="cc-by-sa-4.0")
    _, header, body = text.split("---\n", 2)
    assert yaml.safe_load(header) == {
        "library_name": "kosae", "tags": ["sparse-autoencoder", "interpretability"], "base_model": "owner/model",
        "license": "cc-by-sa-4.0",
    }  # fmt: skip
    for part in ("# my-sae", "| Variant | topk |", "| Features | 64 |", "| Hook point | b3.resid_post |",
                 "| Revision | 0123abc |", "| Corpus | news train ko |", "| Seed | 0 |", "| Versions | torch 2 |",
                 'kc.load_sae("hub:me/my-sae")', f"| explained_variance | {report.explained_variance:.6g} |"):  # fmt: skip
        assert part in body
    assert "nan" not in body and "None" not in body
    plain = VARIANTS["standard"](kc.SAEConfig("standard", 8), 4)  # nothing is known of where it comes from
    assert "base_model" not in hub.card(plain, "me/x") and "Hook point" not in hub.card(plain, "me/x")


def test_what_goes_wrong_is_one_sentence(local_hub):
    with pytest.raises(ValueError, match="hub:me/none: the hub has no repository me/none"):
        kc.load_sae("hub:me/none")
    with pytest.raises(ValueError, match="'hub:none': a place on the hub is written hub:owner/name"):
        kc.load_sae("hub:none")
    local_hub.refusing = True
    with pytest.raises(ValueError, match="me/my-sae: the hub did not take it: "):
        kc.push_to_hub(build(), "me/my-sae")
    assert not local_hub.repos
    with pytest.raises(ValueError, match="no autoencoder like the transcoder variant"):
        kc.push_to_hub(build("transcoder"), "me/my-sae", format="saelens")


def test_provenance_travels_as_json(local_hub):
    kc.push_to_hub(build(), "me/my-sae")
    record = json.loads(local_hub.repos["me/my-sae"][-1]["cfg.json"])
    assert record["provenance"]["point"] == "b3.resid_post" and record["format_version"] == 1


def test_a_language_model_is_read_from_the_hub_and_afterwards_without_it(local_hub, tiny_lm, tmp_path, monkeypatch):
    tiny_lm.model.save_pretrained(tmp_path / "lm")
    tiny_lm.tokenizer.save_pretrained(tmp_path / "lm")
    local_hub.repos["me/tiny"] = [{file.name: file.read_bytes() for file in (tmp_path / "lm").iterdir()}]
    lm = kc.load_lm("me/tiny", device="cpu")
    assert (lm.name, lm.revision) == ("me/tiny", local_hub.sha("me/tiny", 0))
    ids = [[0, 5, 9, 77, 130, 12]]
    assert torch.equal(lm.logits(lm.batch(ids)), tiny_lm.logits(tiny_lm.batch(ids)))
    assert kc.gather(lm, ["하나 둘 셋"], "q1.resid_post")["q1.resid_post"].revision == lm.revision
    local_hub.shutdown()
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    again = kc.load_lm("me/tiny", device="cpu")
    assert again.key == lm.key and again.revision == lm.revision


def test_a_model_on_the_hub_is_planned_from_its_configuration(local_hub, tiny_lm, tmp_path):
    tiny_lm.model.save_pretrained(tmp_path / "lm")
    tiny_lm.tokenizer.save_pretrained(tmp_path / "lm")
    local_hub.repos["me/tiny"] = [{file.name: file.read_bytes() for file in (tmp_path / "lm").iterdir()}]
    n_params = sum(p.numel() for p in tiny_lm.model.parameters())
    asked = Plan(ch.read_preset("smoke"), {"lm_name": "me/tiny"})
    assert (asked.model.n_params, asked.model.d_model, asked.model.here) == (n_params, 32, False)
    assert asked.disk()["the model's download"] == 4 * n_params
    assert "the model's download" in report(asked)
    kc.load_lm("me/tiny", device="cpu")
    assert "the model's download" not in Plan(ch.read_preset("smoke"), {"lm_name": "me/tiny"}).disk()
