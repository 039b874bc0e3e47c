"""The READMEs show the reference numbers, and their example runs."""

import re

import pytest

from kosae_core import paths
from pipeline import readme


@pytest.mark.parametrize("name", readme.FILES)
def test_every_marked_number_is_the_reference(name):
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    assert re.search(r"<!--=c\d\d\.", text), f"{name} shows no measured number"
    assert readme.filled(text, name, readme.records_of(paths.reference_dir("default"))) == text


def test_both_languages_show_the_same_numbers():
    shown = [re.findall(r"<!--=(\S+?)-->", (paths.ROOT / name).read_text(encoding="utf-8")) for name in readme.FILES]
    assert sorted(shown[0]) == sorted(shown[1])


def test_a_number_is_filled_in_and_a_missing_one_is_named():
    records = {"c05.gated": {"value": 0.9312, "unit": "share", "fmt": ".2f"}}
    assert readme.filled("a <!--=c05.gated-->?<!--/--> b", "x.md", records) == "a <!--=c05.gated-->0.93<!--/--> b"
    with pytest.raises(ValueError, match=r"x\.md:2: c05\.none"):
        readme.filled("\n<!--=c05.none-->1<!--/-->", "x.md", records)


def example(name):
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    return next(block for block in re.findall(r"```python\n(.*?)```", text, re.S) if "kc.gather" in block)


def test_the_example_runs_on_fewer_sentences(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code = example("README.md").replace('lang="ko")', 'lang="ko", limit=120)')
    code = code.replace("n_features=2048), acts)", "n_features=128), acts, kc.TrainConfig(steps=20))")
    assert code.count("limit=120") == 2 and "steps=20" in code
    names = {}
    exec(code, names)
    assert names["X"].shape == (120, 128)
    assert 0 < names["report"].explained_variance < 1 and names["report"].ce_sae > 0
    assert (tmp_path / "my-sae" / "cfg.json").is_file()


def test_both_readmes_show_the_same_code():
    bare = [re.sub(r"\s*#.*", "", example(name)) for name in readme.FILES]
    assert bare[0] == bare[1]
