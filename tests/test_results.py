"""Numbers leave chapters whole, finite and with a format that works."""

import json

import numpy as np
import pytest
import torch

from kosae_core import paths
from kosae_core.results import Results, load_results, shown


@pytest.fixture
def results(tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    return Results(chapter="05", preset="tiny", seeds=(0, 1))


def stored(results):
    return json.loads(results.path.read_text())


def test_file_is_whole_from_the_start_and_after_each_call(results):
    assert results.path == paths.build_dir() / "results" / "tiny" / "05.json"
    assert stored(results)["records"] == {} and stored(results)["seeds"] == [0, 1]
    assert results.record("ev", np.float32(0.5), unit="share", interval=(0.4, 0.6), tolerance=0.02) == 0.5
    assert results.record("n", torch.tensor(12000), unit="tokens") == 12000
    assert results.claim("above", np.bool_(True), "A is above B") is True
    document = stored(results)
    assert document["records"]["c05.ev"] == {
        "value": 0.5, "unit": "share", "fmt": ".3f", "interval": [0.4, 0.6], "tolerance": 0.02,
    }  # fmt: skip
    assert document["claims"] == {"c05.above": {"holds": True, "statement": "A is above B"}}
    results.claim("near", False, "A is near B", close=np.bool_(True))
    written = json.loads(results.path.read_text(encoding="utf-8"))["claims"]["c05.near"]
    assert written == {"holds": False, "statement": "A is near B", "close": True}
    for key, against in (("unclear", False), ("below", True)):
        results.claim(key, False, "A is above B", against=np.bool_(against))
        written = json.loads(results.path.read_text(encoding="utf-8"))["claims"][f"c05.{key}"]
        assert written == {"holds": False, "statement": "A is above B"} | ({} if against else {"undecided": True})
    results.claim("shown", True, "A is above B", against=False)
    assert "undecided" not in json.loads(results.path.read_text(encoding="utf-8"))["claims"]["c05.shown"]
    assert {"python", "torch", "numpy"} <= set(document["versions"]) and document["machine"]["device"]
    assert [path.name for path in results.path.parent.iterdir()] == ["05.json"]
    Results(chapter="05", preset="tiny")
    assert stored(results)["records"] == {}


def test_shown_as_in_prose(results):
    results.record("n", 12000, unit="tokens")
    results.record("share", 0.1234, unit="share", fmt=".1%")
    results.record("drop", -0.5, unit="nats", fmt=".2f")
    results.record("best", "gated", unit="variant")
    records = stored(results)["records"]
    assert [shown(entry) for entry in records.values()] == ["12,000", "12.3%", "−0.50", "gated"]


@pytest.mark.parametrize(
    ("key", "value", "options", "words"),
    [
        ("Big", 1.0, {}, "lower-case"),
        ("x", float("nan"), {}, "only finite"),
        ("x", True, {}, "a yes or no is a claim"),
        ("x", [1, 2], {}, "not list"),
        ("x", np.ones(3), {}, "not an array"),
        ("x", torch.ones(3), {}, "not an array"),
        ("x", 0.5, {"fmt": "d"}, "does not fit"),
        ("x", 0.5, {"interval": (0.1, float("inf"))}, "only finite"),
    ],
)
def test_refused_in_one_sentence(results, key, value, options, words):
    with pytest.raises(ValueError, match=words):
        results.record(key, value, unit="share", **options)
    assert stored(results)["records"] == {}


def test_chapter_is_two_digits():
    with pytest.raises(ValueError, match="two digits"):
        Results(chapter="5")


def test_load_results_names_a_broken_file(results):
    results.record("x", 1, unit="tokens")
    folder = results.path.parent
    assert load_results(folder)["05"]["records"]["c05.x"]["value"] == 1
    for broken in (
        "{",
        "[]",
        '{"format": 1}',
        '{"format": 1, "records": [], "claims": {}}',
        '{"format": 1, "records": {}}',
    ):
        (folder / "06.json").write_text(broken)
        with pytest.raises(ValueError, match=r"06\.json is not a results file"):
            load_results(folder)
