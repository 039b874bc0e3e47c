"""Saved autoencoders: whole or not there, read by the release that can, with where they come from."""

import json
import os
import subprocess
import sys
import textwrap

import pytest
import torch
from safetensors.torch import load_file, save_file

import kosae_core as kc
from kosae_core import paths, saving
from kosae_core.sae import VARIANTS, load_sae


def build(seed=0, variant="topk"):
    config = kc.SAEConfig(variant, 64, k=4 if "k" in VARIANTS[variant].options else None)
    sae = VARIANTS[variant](config, 12, torch.Generator().manual_seed(seed)).eval()
    sae.provenance = {"model": "모형", "seed": seed}
    return sae


def same(first, second):
    return all(
        torch.equal(a, b) for a, b in zip(first.state_dict().values(), second.state_dict().values(), strict=True)
    )


def left_over(parent):
    return [path.name for path in parent.iterdir() if path.name.startswith(".partial")]


CHILD = """
import resource, sys
sys.path.insert(0, {tests!r})
from test_saving import build
{before}
build(1).save({folder!r}{how})
"""
LIMIT = "resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))"
"""A file of more than 2,000 bytes cannot be written, as on a disk that is full."""
KILLED = """
import os
from kosae_core import saving
whole = saving.save_file
def half(tensors, path, metadata):
    whole(tensors, path, metadata)
    with open(path, "r+b") as file:
        file.truncate(1000)
    os._exit(9)
saving.save_file = half
"""


def child(folder, before, how=""):
    code = CHILD.format(tests=str(paths.ROOT / "tests"), before=before, folder=str(folder), how=how)
    environment = os.environ | {"PYTHONPATH": str(paths.ROOT)}
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("how", ["", ", format='saelens'"], ids=["kosae", "saelens"])
def test_a_full_disk_leaves_what_was_there(tmp_path, how):
    folder, old = tmp_path / "sae", build()
    asked = child(folder, LIMIT, how)
    assert asked.returncode == 1 and "OSError" in asked.stderr and "it could not be saved" in asked.stderr, asked.stderr
    assert not folder.exists() and not left_over(tmp_path)
    old.save(folder)
    assert child(folder, LIMIT, how).returncode == 1
    assert same(load_sae(folder), old) and not left_over(tmp_path)
    assert sorted(path.name for path in folder.iterdir()) == ["cfg.json", "weights.safetensors"]


def test_a_process_that_is_killed_leaves_what_was_there(tmp_path):
    folder, old = build().save(tmp_path / "sae"), build()
    assert child(folder, KILLED).returncode == 9
    assert same(load_sae(folder), old) and left_over(tmp_path)
    new = build(2)
    new.save(folder)  # which also clears away what the other one left
    assert same(load_sae(folder), new) and not left_over(tmp_path)


def test_an_interrupt_between_two_moves_does_not_tear(tmp_path, monkeypatch):
    folder, new, replace = build().save(tmp_path / "sae"), build(1), os.replace

    def interrupted(source, target):
        replace(source, target)
        if str(target).endswith("safetensors"):
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        new.save(folder)
    assert same(load_sae(folder), new) and not left_over(tmp_path)


def test_files_of_two_saves_are_not_taken_for_one(tmp_path):
    first, second = build().save(tmp_path / "first"), build(1).save(tmp_path / "second")
    os.replace(second / "weights.safetensors", first / "weights.safetensors")
    with pytest.raises(ValueError, match=r"cfg\.json and weights\.safetensors are of two different saves"):
        load_sae(first)


def test_other_files_of_the_folder_stay(tmp_path):
    folder = build().save(tmp_path / "sae")
    (folder / "report.json").write_text("{}")
    build(1).save(folder)
    assert same(load_sae(folder), build(1)) and (folder / "report.json").read_text() == "{}"
    (tmp_path / "empty").mkdir()
    assert same(load_sae(build(1).save(tmp_path / "empty")), build(1))
    here = build(1).save(tmp_path / "a" / "b" / "c")
    assert same(load_sae(here), build(1))


def test_the_same_is_saved_as_the_same_bytes(tmp_path):
    first, second = build().save(tmp_path / "first"), build().save(tmp_path / "second")
    for name in ("cfg.json", "weights.safetensors"):
        assert (first / name).read_bytes() == (second / name).read_bytes()


def test_a_place_that_cannot_be_written_is_an_error(tmp_path):
    (tmp_path / "file").write_text("here")
    with pytest.raises(OSError):
        build().save(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "here" and not left_over(tmp_path)


def test_what_an_older_release_wrote_is_read(tmp_path):
    """Version 1 as first written: without an id, and without the options that came later."""
    folder = build().save(tmp_path / "sae")
    record = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    old = {name: record[name] for name in ("format_version", "d_model", "provenance")}
    old["config"] = {
        name: record["config"][name]
        for name in ("variant", "n_features", "k", "auxk", "auxk_weight", "centre", "scale")
    }
    (folder / "cfg.json").write_text(json.dumps(old))
    save_file(load_file(folder / "weights.safetensors"), folder / "weights.safetensors")
    assert same(load_sae(folder), build()) and load_sae(folder).provenance == build().provenance
    shipped = load_sae("kosae-lm/q2")  # in the repository since the first release
    assert "id" not in json.loads((paths.models_dir() / "kosae-lm" / "sae-q2" / "cfg.json").read_text())
    assert shipped.n_features == 2048 and shipped.provenance["model"] == "kosae-lm"


@pytest.mark.parametrize(
    "change, sentence",
    [
        ({"format_version": 7, "release": "0.9.0"}, r"format is 7, and KoSAE .* reads up to 1: KoSAE 0\.9\.0, which wrote it, or a later release reads it\.$"),
        ({"format_version": 7, "release": None, "provenance": {}}, "reads up to 1: a later release reads it"),
        ({"format_version": 0}, "format is 0, which no release has written; there are 1"),
        ({"format_version": "one"}, "format is 'one', which no release has written"),
        ({"format_version": None}, "format is None, which no release has written"),
        ({"d_model": None}, "cannot be read"),
        ({"config": {"variant": "topk", "colour": "red"}}, "cannot be read: .*colour"),
        ({"config": {"variant": "nothing"}}, "there is no variant 'nothing'; there are"),
        ({"config": None}, "cannot be read"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_one_sentence(tmp_path, change, sentence):
    folder = build().save(tmp_path / "sae")
    record = json.loads((folder / "cfg.json").read_text(encoding="utf-8"))
    (folder / "cfg.json").write_text(json.dumps(record | change), encoding="utf-8")
    with pytest.raises(ValueError, match=sentence) as told:
        load_sae(folder)
    assert "\n" not in str(told.value) and str(folder) in str(told.value)


@pytest.mark.parametrize("content", ["", "[]", "nothing", '{"format_version": 1}', "\xff"])
def test_a_configuration_that_is_none_is_one_sentence(tmp_path, content):
    folder = build().save(tmp_path / "sae")
    (folder / "cfg.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match="the SAE in .*sae cannot be read") as told:
        load_sae(folder)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize("damage", [lambda b: b[:100], lambda b: b"", lambda b: b"\xff" * 64, lambda b: b[:-8]])
def test_damaged_weights_are_one_sentence(tmp_path, damage):
    file = build().save(tmp_path / "sae") / "weights.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match="the SAE in .*sae cannot be read") as told:
        load_sae(file.parent)
    assert "\n" not in str(told.value)


def test_a_trained_autoencoder_says_where_it_comes_from(tiny_lm, sentences, tmp_path, empty_store):
    (tmp_path / "texts.txt").write_text("\n".join(sentences), encoding="utf-8")
    corpus = kc.load_corpus(tmp_path / "texts.txt", split="train")
    acts = kc.gather(tiny_lm, corpus, "q2.resid_post")["q2.resid_post"]
    schedule = kc.TrainConfig(steps=5, batch_size=32, seed=3, device="cpu")
    sae, _ = kc.train(kc.SAEConfig("topk", 64, k=4), acts, schedule)
    record = json.loads((sae.save(tmp_path / "sae") / "cfg.json").read_text(encoding="utf-8"))
    about = record["provenance"]
    assert about["model"] == "tiny" and about["revision"] == f"sha256:{tiny_lm.key}"
    assert about["corpus"] == "texts.txt train" and about["corpus_key"] == corpus.key
    assert (about["point"], about["tokens"], about["seed"]) == ("b2.resid_post", len(acts), 3)
    assert {"kosae_core", "torch", "transformers", "python"} <= set(about["versions"])
    assert record["format_version"] == saving.FORMAT_VERSION and record["release"] == kc.__version__
    streamed, _ = kc.train(
        kc.SAEConfig("topk", 64, k=4), kc.Stream(tiny_lm, corpus, "q2.resid_post", buffer=128), schedule
    )
    told = ("model", "revision", "corpus", "corpus_key", "point", "tokens", "seed", "versions")
    assert [streamed.provenance[name] for name in told] == [about[name] for name in told]
