"""The READMEs show the reference numbers, and their example runs."""

import json
import os
import re
import subprocess
import sys

import pytest

from kosae_core import paths
from pipeline import readme


@pytest.mark.parametrize("name", readme.FILES)
def test_every_marked_number_is_the_reference(name):
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    assert re.search(r"<!--=c\d\d\.", text), f"{name} shows no measured number"
    assert readme.filled(text, name, readme.records_of(paths.reference_dir("default"))) == text


@pytest.mark.parametrize("name", readme.FILES)
def test_the_table_of_speed_is_that_of_the_benchmarks(name):
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    assert readme.with_speed(text, name) == text and text.count("| Matryoshka |") == 2  # of speed and of sizes


def test_quality_is_compared_at_equal_l0_on_the_dictionary_that_is_judged_on():
    def end(ev, found, l0=16.0):
        return [{"explained_variance": 0.0, "recovered": 0.0, "l0": 1.0, "dead": 0.5},
                {"explained_variance": ev, "recovered": found, "l0": l0, "dead": 0.01}]  # fmt: skip

    learnt = {"machine": {}, "standard/kosae/own": end(0.9, 0.9), "standard/b/0.003/1": end(0.9, 0.9),
              "judged/standard/kosae free/own": end(0.6, 0.9), "judged/standard/kosae/own": end(0.5, 0.8), "judged/standard/a/0.001/2": end(0.9, 0.9, l0=30.0),
              "judged/standard/kosae/0.02": end(0.6, 0.8), "judged/gated/kosae/own": end(0.9, 0.9), "judged/gated/kosae/0.02": end(0.8, 0.9),
              "judged/standard/c/0.001/4": end(0.4, 0.7), "judged/standard/b/0.003/1": end(0.6, 0.1)}  # fmt: skip
    (head, _, row, gated, *_) = readme.speed_table({}, learnt, "en").splitlines()
    assert head.startswith("| variant |") and row.split(" | ")[-2:] == [
        "0.500, 80.0%, 1.0%; free: 0.600, 90.0%, 1.0%",
        "0.400, 70.0%, 1.0% (c) |",
    ]
    assert gated.endswith("| 0.900, 90.0%, 1.0% |  |")
    learnt["judged/standard/kosae free/0.02"] = end(0.7, 0.9)
    assert "| 0.500, 80.0%, 1.0%; free, lr 0.02: 0.700, 90.0%, 1.0% |" in readme.speed_table({}, learnt, "en")


def test_wider_sizes_have_their_ratios_and_their_shares_of_the_limit():
    size = {"d_model": 768, "n_features": 24576, "batch": 2048, "k": 32}
    ratio = {"ratio": 2.0, "lowest": 1.5, "highest": 2.5, "share_of_limit": 0.625}
    speed = {"gpt2/topk": {"size": size, "steps": 16, "ratios": {"fp32": ratio}}, "small/topk": {"ratios": {}}}
    head, _, *rows = readme.sizes_table(speed, "en").splitlines()
    assert (
        head.startswith("| variant | 768 wide, 24,576 features, k 32, 16 steps: fp32 | bf16 |") and head.count("|") == 5
    )
    assert rows == ["| TopK | 2.00x [1.5, 2.5] |  | 0.62 |"]


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
    """But for comments, which each README has in its own language."""
    bare = [re.sub(r"\s*#.*", "", example(name)) for name in readme.FILES]
    assert bare[0] == bare[1]
    own = [[(kind, re.sub(r"\s*#.*", "", code)) for kind, code in blocks(name)] for name in readme.FILES]
    assert own[0] == own[1]


def blocks(name):
    """The section on one's own model, at most 25 lines of it, as its (language, code) blocks."""
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    section = next(part for part in text.split("\n## ") if part.startswith(("Your own model", "내 모델로")))
    assert len(section.strip().splitlines()) <= 25
    return re.findall(r"```(\w+)\n(.*?)```", section, re.S)


def save_model(kind, folder):
    """A tiny model with random weights."""
    from conftest import make_tiny_lm, make_tokenizer
    from transformers import GPTNeoXConfig, GPTNeoXForCausalLM

    if kind == "llama":
        model = make_tiny_lm().model
    else:
        config = GPTNeoXConfig(
            vocab_size=len(make_tokenizer()), hidden_size=48, intermediate_size=96, num_hidden_layers=5, num_attention_heads=4,
            max_position_embeddings=256, bos_token_id=0, eos_token_id=0, initializer_range=0.2,
        )  # fmt: skip
        model = GPTNeoXForCausalLM(config)
    model.save_pretrained(folder)
    make_tokenizer().save_pretrained(folder)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", ["llama", "gpt-neox"])
def test_your_own_model_is_followed_literally(kind, tmp_path, monkeypatch, sentences, capsys):
    monkeypatch.chdir(tmp_path)
    save_model(kind, tmp_path / "my-model")
    (tmp_path / "texts.txt").write_text("\n".join(sentences), encoding="utf-8")
    (_, commands), (_, code) = blocks("README.md")
    plan, chapters = commands.strip().splitlines()
    # the same make, with the Python that runs the tests and without making an environment first
    make = f"make -s -C {paths.ROOT} -o env RUN={sys.executable} "
    steps = [(plan, "nothing was run"), (chapters, "02_activations (smoke+lm_name=")]
    if kind == "llama" and not os.environ.get("KOSAE_SLOW"):
        steps.pop()  # its chapter takes a minute, and only says again what that of the other family has said
    for command, expected in steps:
        assert command.startswith("make ")
        done = subprocess.run(command.replace("make ", make, 1), shell=True, capture_output=True, text=True)
        assert done.returncode == 0 and expected in done.stdout, done.stdout[-1000:] + done.stderr[-2000:]
    if len(steps) == 2:  # the chapter shows the model beside the built-in one
        (found,) = (paths.build_dir() / "results").glob(f"smoke+lm_name=*{tmp_path.name}*/02.json")
        records = json.loads(found.read_text(encoding="utf-8"))["records"]
        assert records["c02.asked"]["value"] == str(tmp_path / "my-model")
        assert {"c02.inside_best_depth", "c02.asked_best_depth"} <= set(records) and "c02.unreached" not in records
    names = {}
    exec(code, names)
    assert "Report(explained_variance=" in capsys.readouterr().out
    assert names["sae"].n_features == 8 * names["lm"].d_model and (tmp_path / "my-sae" / "cfg.json").is_file()
