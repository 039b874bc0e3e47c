"""Activations made elsewhere: every row where it belongs, mapped and not read, and what is malformed named with its file."""

import json
import resource

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import kosae_core as kc
from kosae_core.activations import gather
from kosae_core.joined import Joined

D, SIZES = 6, (5, 1, 0, 7)
DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}


def write(folder, table_ND, sizes=SIZES, dtype="fp32", suffix="safetensors", **fields):
    folder.mkdir(parents=True, exist_ok=True)
    files = []
    for number, part in enumerate(table_ND.to(DTYPES[dtype]).split(sizes)):
        files.append(f"{number:02}.{suffix}")
        if suffix == "npy":
            np.save(folder / files[-1], part.numpy())
        else:
            save_file({"acts": part.contiguous()}, folder / files[-1])
    manifest = {"d_model": table_ND.shape[1], "dtype": dtype, "rows": len(table_ND), "files": files, **fields}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    return folder


@pytest.fixture
def table_ND():
    return torch.randn(sum(SIZES), D, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    ("dtype", "suffix"),
    [("fp32", "npy"), ("fp16", "npy"), ("fp32", "safetensors"), ("bf16", "safetensors"), ("fp16", "safetensors")],
)
def test_rows_are_those_of_the_files_in_order(dtype, suffix, table_ND, tmp_path):
    acts = kc.open_shards(write(tmp_path, table_ND, dtype=dtype, suffix=suffix))
    expected = table_ND.to(DTYPES[dtype]).float()
    assert len(acts) == acts.n_tokens == 13 and acts.d_model == D and acts.dtype == dtype
    assert torch.equal(acts.all(), expected)
    for rows in (slice(0, 5), slice(4, 7), slice(6, 13), slice(5, 6), slice(12, 40), slice(3, 3), slice(1, 12, 3)):
        assert torch.equal(acts[rows], expected[rows]), rows
    index = torch.randint(13, (50,), generator=torch.Generator().manual_seed(1))
    assert torch.equal(acts.batch(index), expected[index])
    with pytest.raises(IndexError, match="a row outside 0 to 12"):
        acts.batch([13])


def test_training_and_evaluation_are_those_of_the_plain_table(tmp_path, empty_store):
    table_ND = torch.randn(600, 12, generator=torch.Generator().manual_seed(0)).abs().pow(2)
    acts = kc.open_shards(write(tmp_path / "a", table_ND, sizes=(100, 450, 50)))
    config, cfg = kc.SAEConfig("topk", 48, k=3), kc.TrainConfig(steps=30, batch_size=64)
    plain, seen = kc.train(config, table_ND, cfg, held=table_ND[:50])
    sae, history = kc.train(config, acts, cfg, held=kc.open_shards(write(tmp_path / "b", table_ND[:50], sizes=50)))
    for name, tensor in plain.state_dict().items():
        assert torch.equal(tensor, sae.state_dict()[name]), name
    assert history == seen
    np.testing.assert_equal(kc.evaluate(sae, acts).as_dict(), kc.evaluate(plain, table_ND).as_dict())
    assert len(list((empty_store / "sae").iterdir())) == 1  # read back when it is asked for again
    kc.train(config, kc.open_shards(tmp_path / "a"), cfg, held=kc.open_shards(tmp_path / "b"))
    assert len(list((empty_store / "sae").iterdir())) == 1


def test_another_content_is_another_key(table_ND, tmp_path):
    keys = {kc.open_shards(write(tmp_path / "a", table_ND)).key, kc.open_shards(write(tmp_path / "b", table_ND)).key}
    assert len(keys) == 1
    table_ND[7, 3] += 1
    assert kc.open_shards(write(tmp_path / "c", table_ND)).key not in keys
    assert kc.open_shards(write(tmp_path / "d", table_ND, point="b1.resid_post")).key not in keys


def test_with_documents_it_is_what_a_store_is(tiny_lm, sentences, tmp_path, empty_store):
    store = gather(tiny_lm, sentences, "q2.resid_post", dtype="fp32")["q2.resid_post"]
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "documents.json").write_text(json.dumps(store.documents))
    about = {"model": "tiny", "point": "q2.resid_post", "documents": "documents.json", "special_ids": [0, 1]}
    acts = kc.open_shards(write(tmp_path / "made", store.all(), sizes=200, **about))
    for name in ("token_ids", "positions", "doc_index", "doc_rows"):
        assert np.array_equal(getattr(acts, name), getattr(store, name)), name
    sae, _ = kc.train(kc.SAEConfig("topk", 64, k=4), acts, kc.TrainConfig(steps=20, batch_size=64))
    assert sae.provenance["model"] == "tiny" and sae.provenance["point"] == "q2.resid_post"
    assert kc.evaluate(sae, acts, lm=tiny_lm).as_dict() == kc.evaluate(sae, store, lm=tiny_lm).as_dict()
    assert (kc.document_features(sae, acts) != kc.document_features(sae, store)).nnz == 0
    tops = kc.top_tokens(kc.encode_store(sae, acts), acts, feature=3)
    assert tops == kc.top_tokens(kc.encode_store(sae, store), store, feature=3)


def test_two_folders_of_the_same_tokens_can_be_joined(table_ND, tmp_path):
    one, two = (kc.open_shards(write(tmp_path / name, table_ND + i, model="m")) for i, name in enumerate("ab"))
    joined = Joined(one, two)
    assert torch.equal(joined.all(), torch.cat([table_ND, table_ND + 1], dim=1))
    with pytest.raises(ValueError, match="only over the same tokens"):
        Joined(one, kc.open_shards(write(tmp_path / "c", table_ND, model="other")))


def test_the_files_are_mapped_and_not_read(tmp_path):
    part, n = torch.zeros(2**14, 1024), 16  # 64 MiB a file, 1 GiB in all
    folder = write(tmp_path, part, sizes=len(part), dtype="fp32")
    for number in range(1, n):
        (folder / f"{number:02}.safetensors").symlink_to(folder / "00.safetensors")
    files = [f"{number:02}.safetensors" for number in range(n)]
    manifest = {"d_model": 1024, "dtype": "fp32", "rows": n * len(part), "files": files}
    (folder / "manifest.json").write_text(json.dumps(manifest))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    acts = kc.open_shards(folder)
    assert len(acts.batch(torch.arange(0, len(acts), 9999))) == 27
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 1024  # KiB


def truncate(folder):
    file = folder / "01.safetensors"
    file.write_bytes(file.read_bytes()[:-4])


def change(**fields):
    def apply(folder):
        file = folder / "manifest.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | fields))

    return apply


def documents(ids):
    def apply(folder):
        (folder / "d.json").write_text(json.dumps(ids))
        change(documents="d.json")(folder)

    return apply


BROKEN = {
    "no manifest": (lambda folder: (folder / "manifest.json").unlink(), r"manifest\.json: it cannot be read: .*No such file"),
    "no JSON": (lambda folder: (folder / "manifest.json").write_text("{"), r"manifest\.json: it cannot be read: Expecting"),
    "a list": (lambda folder: (folder / "manifest.json").write_text("[]"), r"manifest\.json: it must hold an object with d_model"),
    "a field missing": (lambda folder: (folder / "manifest.json").write_text('{"d_model": 6}'), "no field 'dtype'; it needs d_model, dtype"),
    "a field of another kind": (change(d_model="6"), "d_model must be int, not '6'"),
    "dtype": (change(dtype="int8"), "dtype must be one of fp32, bf16, fp16, not 'int8'"),
    "no files": (change(files=[]), "files must list at least one file name"),
    "rows": (change(rows=12), r"manifest\.json: rows is 12, its files hold 13"),
    "a file missing": (lambda folder: (folder / "01.safetensors").unlink(), r"01\.safetensors: there is no such file"),
    "a file cut off": (truncate, r"01\.safetensors: it cannot be read: .*"),
    "width": (change(d_model=7), r"00\.safetensors: a table of shape \(5, 6\); the manifest says \(rows, 7\)"),
    "elements": (change(dtype="bf16"), r"00\.safetensors: its elements are torch\.float32; the manifest says bf16"),
    "two tensors": (lambda folder: save_file({"a": torch.zeros(1, D), "b": torch.zeros(1, D)}, folder / "01.safetensors"), r"01\.safetensors: it cannot be read: it holds 2 tensors"),
    "a pickle": (lambda folder: (np.save(folder / "x.npy", np.array([{}], dtype=object), allow_pickle=True), change(files=["x.npy"])(folder)), r"x\.npy: it cannot be read: .*Python objects in dtype\.$"),
    "no documents": (change(documents="documents.json"), r"documents\.json: not a JSON list of lists of token ids \(.*No such file"),
    "ids that are no whole numbers": (documents([[1.7] * 13]), r"d\.json: not a JSON list of lists of token ids \(an id must be a whole number\)"),
    "true": (documents([[True] * 13]), "an id must be a whole number"),
    "texts": (documents(["1234567890123"]), "an id must be a whole number"),
    "an object": (documents({"1": [1] * 13}), "an id must be a whole number"),
    "special ids that are a text": (change(special_ids="x"), r"manifest\.json: special_ids must be a list of whole numbers, not 'x'"),
    "special ids that are an object": (change(special_ids={"eos": 1}), "special_ids must be a list of whole numbers"),
    "too few documents": (lambda folder: ((folder / "d.json").write_text("[[1, 2], [3]]"), change(documents="d.json")(folder)), r"d\.json: 3 tokens that are not in special_ids, for 13 rows"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_malformed_is_named_with_its_file(name, table_ND, tmp_path):
    folder = write(tmp_path / "acts", table_ND)
    spoil, sentence = BROKEN[name]
    spoil(folder)
    with pytest.raises(ValueError, match=sentence):
        kc.open_shards(folder)


def test_a_row_that_is_not_finite_is_named(table_ND, tmp_path):
    table_ND[9, 2] = float("nan")
    with pytest.raises(ValueError, match=r"not finite in 1 row\(s\), first in row 9"):
        kc.train(kc.SAEConfig("topk", 16, k=2), kc.open_shards(write(tmp_path, table_ND)), kc.TrainConfig(steps=2))
