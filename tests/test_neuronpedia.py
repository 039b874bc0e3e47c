"""Exports for Neuronpedia: the columns that its importer knows, and values against a slow pass over the documents."""

import gzip
import json

import numpy as np
import pytest
import torch

import kosae_core as kc
from kosae_core import neuronpedia
from kosae_core.activations import gather
from kosae_core.interventions import direct_effects
from kosae_core.neuronpedia import About

NEURON = {
    "modelId": str, "layer": str, "index": str, "sourceSetName": str, "creatorId": str, "maxActApprox": float, "hasVector": bool,
    "vector": [float], "vectorDefaultSteerStrength": float, "hookName": str, "neuron_alignment_indices": [int],
    "neuron_alignment_values": [float], "neuron_alignment_l1": [float], "neg_str": [str], "neg_values": [float], "pos_str": [str],
    "pos_values": [float], "frac_nonzero": float, "freq_hist_data_bar_heights": [float], "freq_hist_data_bar_values": [float],
    "logits_hist_data_bar_heights": [float], "logits_hist_data_bar_values": [float],
}  # fmt: skip
ACTIVATION = {
    "id": str, "tokens": [str], "dataIndex": str, "index": str, "layer": str, "modelId": str, "dataSource": (str, type(None)),
    "maxValue": float, "maxValueTokenIndex": int, "minValue": float, "values": [float], "creatorId": str, "binMin": float,
    "binMax": float, "binContains": float, "qualifyingTokenIndex": int,
}  # fmt: skip
EXPLANATION = {"id": str, "modelId": str, "layer": str, "index": str, "description": str, "authorId": str}
WORDS, NUMBERS, YES = "text", "double precision", "boolean"
TABLES = {
    "release": {
        "name": WORDS, "visibility": WORDS, "isNewUi": YES, "featured": YES, "description": WORDS, "descriptionShort?": WORDS,
        "urls": [WORDS], "creatorEmail?": WORDS, "creatorName": WORDS, "creatorNameShort?": WORDS, "creatorId": WORDS,
        "defaultSourceSetName?": WORDS, "defaultSourceId?": WORDS, "defaultUmapSourceIds": [WORDS], "createdAt": WORDS,
    },
    "model": {
        "id": WORDS, "displayNameShort": WORDS, "displayName": WORDS, "creatorId": WORDS, "tlensId?": WORDS, "openRouterId?": WORDS,
        "dimension?": "integer", "thinking": YES, "visibility": WORDS, "inferenceEnabled": YES, "instruct": YES,
        "layers": "integer", "neuronsPerLayer": "integer", "owner": WORDS, "website?": WORDS, "createdAt": WORDS, "updatedAt": WORDS,
    },
    "sourceset": {
        "modelId": WORDS, "name": WORDS, "hasDashboards": YES, "allowInferenceSearch": YES, "visibility": WORDS,
        "description": WORDS, "type": WORDS, "creatorName": WORDS, "urls": [WORDS], "creatorEmail?": WORDS, "creatorId": WORDS,
        "releaseName?": WORDS, "defaultRange": "integer", "defaultShowBreaks": YES, "showDfa": YES, "showUmap": YES,
    },
    "source": {
        "id": WORDS, "modelId": WORDS, "hasDashboards": YES, "inferenceEnabled": YES, "saelensRelease?": WORDS,
        "saelensSaeId?": WORDS, "hfRepoId?": WORDS, "hfFolderId?": WORDS, "visibility": WORDS, "setName": WORDS,
        "creatorId": WORDS, "hasUmap": YES, "num_prompts?": "integer", "num_tokens_in_prompt?": "integer", "dataset?": WORDS,
        "notes?": WORDS, "createdAt": WORDS,
    },
}  # fmt: skip
"""Columns of the importer's schema that a folder's own tables may fill; `?` may be null. Another name makes its ORM refuse the line."""
NEEDED = {
    "model": {"id", "creatorId", "layers", "neuronsPerLayer", "owner"},
    "release": {"name", "description", "creatorName", "creatorId"},
    "sourceset": {"modelId", "name", "description", "creatorName", "creatorId"},
    "source": {"id", "modelId", "setName", "creatorId"},
}
"""Those that have no default there."""
KINDS = {WORDS: str, NUMBERS: float, YES: bool, "integer": int}
ABOUT = About("tiny-model", "res-kosae", creator_id="someone", dataset="sentences")


@pytest.fixture(scope="module")
def made(tiny_lm, sentences, tmp_path_factory):
    """An autoencoder, the store it was trained on, and the folder of its export."""
    store = gather(tiny_lm, sentences, "q2.resid_post", dtype="fp32")["q2.resid_post"]
    sae, _ = kc.train(kc.SAEConfig("topk", 300, k=5), store, kc.TrainConfig(steps=30, batch_size=128, device="cpu"))
    explanations = {0: "끝맺는 말", 299: "a space"}
    folder = neuronpedia.export(
        sae, store, tiny_lm, tmp_path_factory.mktemp("out"), ABOUT, explanations=explanations, n_examples=4
    )
    return sae, store, folder


def read(folder, kind):
    lines = []
    for file in sorted((folder / kind).iterdir(), key=lambda f: int(f.name[6:].split(".")[0])):
        lines += [json.loads(line) for line in gzip.decompress(file.read_bytes()).decode().splitlines()]
    return lines


def fits(value, kind):
    if isinstance(kind, list):
        return isinstance(value, list) and all(fits(one, kind[0]) for one in value)
    return isinstance(value, (int, float) if kind is float else kind) and (kind is bool or not isinstance(value, bool))


def test_the_layout_is_what_the_importer_reads(made):
    _, _, folder = made
    assert folder.parts[-2:] == ("tiny-model", "2-res-kosae")
    for name, needed in NEEDED.items():
        (line,) = [json.loads(line) for line in (folder / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()]
        assert needed <= set(line)
        columns = TABLES[name]
        for key, value in line.items():
            if f"{key}?" in columns and value is None:
                continue
            kind = columns[key] if key in columns else columns[f"{key}?"]
            assert fits(value, [KINDS[kind[0]]] if isinstance(kind, list) else KINDS[kind]), (name, key, value)
        assert line.get("visibility", "PUBLIC") in ("PUBLIC", "PRIVATE", "UNLISTED")
    source = json.loads((folder / "source.jsonl").read_text(encoding="utf-8"))
    assert (source["id"], source["setName"], source["num_prompts"]) == ("2-res-kosae", "res-kosae", 40)
    for kind, columns in (("features", NEURON), ("activations", ACTIVATION), ("explanations", EXPLANATION)):
        names = sorted(file.name for file in (folder / kind).iterdir())
        expected = (
            ["batch-0.jsonl.gz", "batch-2.jsonl.gz"]
            if kind == "explanations"
            else [f"batch-{n}.jsonl.gz" for n in range(3)]
        )
        assert names == expected
        lines = read(folder, kind)
        assert len({line["id"] for line in lines if "id" in line}) in (0, len(lines))
        for line in lines:
            assert set(line) == set(columns)
            assert all(fits(line[name], columns[name]) for name in columns), line
            assert (line["modelId"], line["layer"]) == ("tiny-model", "2-res-kosae")
    assert [line["index"] for line in read(folder, "features")] == [str(n) for n in range(300)]
    assert {line["index"]: line["description"] for line in read(folder, "explanations")} == {
        "0": "끝맺는 말",
        "299": "a space",
    }


def test_lines_go_into_the_tables_as_the_importer_puts_them_there(made):
    """It takes the columns of a file off its first line, cannot hold NUL, and refers from table to table."""
    _, _, folder = made
    own = {name: json.loads((folder / f"{name}.jsonl").read_text(encoding="utf-8")) for name in TABLES}
    assert own["sourceset"]["releaseName"] == own["release"]["name"]
    assert own["source"]["modelId"] == own["sourceset"]["modelId"] == own["model"]["id"] == folder.parent.name
    assert own["source"]["setName"] == own["sourceset"]["name"] == folder.name.partition("-")[2].split("__")[0]
    features = {line["index"] for line in read(folder, "features")}
    for kind in ("features", "activations", "explanations"):
        for file in (folder / kind).iterdir():
            text = gzip.decompress(file.read_bytes()).decode()
            columns = [tuple(json.loads(line)) for line in text.splitlines()]
            assert len(set(columns)) == 1 and "\\u0000" not in text
        lines = read(folder, kind)
        assert {line["index"] for line in lines} <= features
        assert {(line["modelId"], line["layer"]) for line in lines} == {(own["model"]["id"], own["source"]["id"])}


def test_no_more_files_than_the_importer_lists(made, tiny_lm, tmp_path, monkeypatch):
    sae, store, folder = made
    assert neuronpedia.FILES == 1000  # keys in one answer of the object store, of which it asks one
    monkeypatch.setattr(neuronpedia, "FILES", 2)
    few = neuronpedia.export(sae, store, tiny_lm, tmp_path, ABOUT, n_examples=4)
    assert sorted(file.name for file in (few / "features").iterdir()) == ["batch-0.jsonl.gz", "batch-1.jsonl.gz"]
    assert read(few, "features") == read(folder, "features") and read(few, "activations") == read(folder, "activations")


def test_features_are_those_of_the_autoencoder(made, tiny_lm):
    sae, store, folder = made
    with torch.no_grad():
        feats = sae.encode(store.all()).numpy()
    effects = direct_effects(tiny_lm, sae.W_dec_FD.detach()).numpy()
    for line in read(folder, "features")[::17]:
        feature = int(line["index"])
        on = feats[:, feature][feats[:, feature] > 0]
        assert line["maxActApprox"] == pytest.approx(on.max() if len(on) else 0.0)
        assert line["frac_nonzero"] == pytest.approx(len(on) / len(feats))
        assert line["vector"] == pytest.approx((sae.W_dec_FD[feature] * sae.scale).tolist(), rel=1e-4, abs=1e-6)
        assert line["hookName"] == "blocks.2.hook_resid_post"
        best = np.argsort(-effects[feature])[:10]
        assert line["pos_values"] == pytest.approx(effects[feature][best].tolist(), rel=1e-4, abs=1e-5)
        assert line["pos_str"][0] == tiny_lm.tokenizer.decode([int(best[0])])
        assert line["neg_values"] == pytest.approx(sorted(effects[feature])[:10], rel=1e-4, abs=1e-5)
        assert sum(line["freq_hist_data_bar_heights"]) == len(on)
        assert sum(line["logits_hist_data_bar_heights"]) == effects.shape[1]


def test_examples_are_the_strongest_documents_in_whole_characters(made, sentences):
    sae, store, folder = made
    examples = {}
    for line in read(folder, "activations"):
        examples.setdefault(int(line["index"]), []).append(line)
    with torch.no_grad():
        feats = sae.encode(store.all()).numpy()
    whole = 0
    for feature in range(300):
        peaks = {
            d: feats[a:b, feature].max()
            for d, (a, b) in enumerate(zip(store.doc_rows, store.doc_rows[1:], strict=False))
            if b > a
        }
        best = sorted((value for value in peaks.values() if value > 0), reverse=True)[:4]
        found = examples.get(feature, [])
        assert [line["maxValue"] for line in found] == pytest.approx(best)
        for line in found:
            document = int(line["dataIndex"])
            assert line["maxValue"] == pytest.approx(peaks[document])
            assert len(line["tokens"]) == len(line["values"]) and max(line["values"]) == pytest.approx(
                line["maxValue"], rel=1e-4
            )
            assert line["values"][line["maxValueTokenIndex"]] == pytest.approx(line["maxValue"], rel=1e-4)
            assert line["binMin"] <= line["maxValue"] * (1 + 1e-6) and line["maxValue"] <= line["binMax"] * (1 + 1e-6)
            assert "".join(line["tokens"]) == sentences[document]
            whole += any(len(token) == 1 and "가" <= token <= "힣" for token in line["tokens"])
            assert not any("\ufffd" in token for token in line["tokens"])
    assert whole  # a syllable of several byte tokens stands as one


def test_the_same_features_give_the_same_bytes(made, tiny_lm, tmp_path):
    sae, store, folder = made
    again = neuronpedia.export(sae, store, tiny_lm, tmp_path / "again", ABOUT, features=range(128), n_examples=4)
    for kind in ("features", "activations"):
        name = f"{kind}/batch-0.jsonl.gz"
        assert (again / name).read_bytes() == (folder / name).read_bytes()
    assert not (again / "explanations").exists()


def test_what_cannot_be_exported_is_said_and_leaves_nothing(made, tiny_lm, tmp_path, monkeypatch):
    sae, store, folder = made
    with pytest.raises(ValueError, match="there is an export already; delete it, or name another set"):
        neuronpedia.export(sae, store, tiny_lm, folder.parent.parent, ABOUT)
    with pytest.raises(ValueError, match=r"features lie between 0 and 299, and one is needed; not \[300\]"):
        neuronpedia.export(sae, store, tiny_lm, tmp_path / "x", ABOUT, features=[1, 300])
    with pytest.raises(ValueError, match="give a store of one point that has its documents"):
        neuronpedia.export(sae, store.all(), tiny_lm, tmp_path / "x", ABOUT)
    for model, name in (("m", "a/b"), ("m", "res__kosae"), ("m", ""), ("Qwen3-0.6B", "res"), ("m", "Res")):
        with pytest.raises(ValueError, match="(set_name|model_id) becomes part of an address: small letters"):
            About(model, name)
    assert About("llama3.1-8b", "res-kosae_2").model_id == "llama3.1-8b"
    monkeypatch.setattr(neuronpedia, "_explanation", lambda *a: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        neuronpedia.export(sae, store, tiny_lm, tmp_path / "x", ABOUT, explanations={3: "x"})
    assert not [path for path in (tmp_path / "x").rglob("*") if path.is_file()]


def test_numbers_that_differ_by_rounding_are_one_in_a_histogram():
    one = np.float32(1.7)
    found = neuronpedia._histogram("x", np.array([one, np.nextafter(one, np.float32(2))]))
    assert max(found["x_bar_heights"]) == 2
