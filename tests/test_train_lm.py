"""The training of the built-in model, on a corpus made up here: a tokenizer, three stages of a few steps, an export."""

from __future__ import annotations

import gzip
import json
import random

import numpy as np
import pytest
import torch

import kosae_core as kc
from pipeline import lm_data, train_lm

SOURCES = {"ko": ["news", "film"], "en": ["essay"]}
WORDS = {
    "ko": ["어제", "시장", "친구", "바다", "기차", "노래", "산책", "커피", "구름", "의자", "창문", "겨울", "12", "345"],
    "en": [
        "river",
        "window",
        "train",
        "67",
        "garden",
        "letter",
        "morning",
        "table",
        "paper",
        "cloud",
        "winter",
        "song",
        "890",
    ],
}
CONFIG = {
    "seed": 7,
    "texts": ["lm_text.jsonl.gz", "lm_text2.jsonl.gz"],
    "tokenizer": {"vocab_size": 400, "sample_bytes": 20_000},
    "model": {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2,
        "num_key_value_heads": 2, "max_position_embeddings": 64, "rope_theta": 10000.0,
    },
    "training": {
        "lr_muon": 5e-3, "lr_adam": 3e-3, "weight_decay": 0.02, "warmup": 2, "decay": [0.35, 0.6], "clip": 1.0,
        "checkpoint_every": 3,
    },
    # The first stage ends before its 90 steps, since its stream does: a resumed run has to find out where.
    "stages": [
        {"cycle": 0, "share": 0.1, "synthetic": 0.0, "rows": 16, "context": 16, "steps": 90},
        {"cycle": 0, "share": 0.5, "synthetic": 1.0, "rows": 8, "context": 32, "steps": 5},
        {"cycle": 1, "share": 0.5, "synthetic": 0.5, "rows": 8, "context": 32, "steps": 4},
    ],
    "mix": {"ko": {"news": 2, "film": 0.5, "default": 1}, "en": {"default": 0}},
}  # fmt: skip


def made_up(lang: str, rng: random.Random) -> str:
    return " ".join(rng.choices(WORDS[lang], k=rng.randint(4, 30))) + "."


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two gzipped files of made-up documents: the first Korean, the second English."""
    where, rng = tmp_path_factory.mktemp("text"), random.Random(0)
    for name, lang in zip(CONFIG["texts"], ("ko", "en"), strict=True):
        with gzip.open(where / name, "wt", encoding="utf-8") as out:
            for i in range(400):
                record = {"text": made_up(lang, rng), "lang": lang, "source": rng.choice(SOURCES[lang])}
                record["split"] = "valid" if i % 4 == 0 else "train"
                out.write(json.dumps(record, ensure_ascii=False) + "\n")
    return where


@pytest.fixture(scope="module", autouse=True)
def quick():
    """No compiler, one thread, and forty sentences in place of the synthetic corpus."""
    rng = random.Random(1)
    corpus = {
        lang: [kc.Record(made_up(lang, rng), lang, {}, {}, f"{lang}{i}", "") for i in range(20)] for lang in WORDS
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KOSAE_COMPILE", "0")
        patch.setattr(kc, "load_corpus", lambda name, *, split, lang: corpus[lang])
        yield


def run(folder, tmp, stops=(None,), config=CONFIG):
    """Train in `tmp`, as often as there are stops; return the checkpoint."""
    (tmp / "work").mkdir(parents=True)
    for stop in stops:
        train_lm.train(config, folder, tmp / "work", tmp / "model", "cpu", stop=stop)
    return torch.load(tmp / "work" / "checkpoint.pt", weights_only=True)


@pytest.fixture(scope="module")
def whole(folder, tmp_path_factory):
    """The folder and the checkpoint of a run without a stop."""
    tmp = tmp_path_factory.mktemp("whole")
    return tmp, run(folder, tmp)


def test_the_tokenizer_gives_every_text_back_and_cuts_digits_apart(whole, folder):
    tokenizer = lm_data.Tokenizer.from_file(str(whole[0] / "model" / "tokenizer.json"))
    for text in ["바다 12 train", "뷁쒧 😀\n\tx", ""]:
        encoding = tokenizer.encode(text)
        assert encoding.ids[0] == lm_data.BOS_ID
        assert tokenizer.decode(encoding.ids) == text
    assert len(tokenizer.encode("12345").ids) == 6
    assert tokenizer.encode("바다").ids == tokenizer.encode("\u1107\u1161\u1103\u1161").ids
    assert tokenizer.get_vocab_size() <= CONFIG["tokenizer"]["vocab_size"]
    assert len(tokenizer.encode("시장 친구").ids) < 8  # English is not in the mix, so the merges are Korean
    assert len(tokenizer.encode("garden").ids) > 4


def test_documents_are_drawn_as_often_as_their_weight_says():
    weights = np.array([0.0, 1.0, 2.0, 0.5, 2.25])
    times = np.zeros((2000, 5), dtype=int)
    for seed, row in enumerate(times):
        for i in lm_data.draw(weights, np.random.default_rng(seed)):
            row[i] += 1
    assert set(times[:, 0]) == {0} and set(times[:, 1]) == {1} and set(times[:, 2]) == {2}
    assert set(times[:, 3]) == {0, 1} and set(times[:, 4]) == {2, 3}
    np.testing.assert_allclose(times.mean(0), weights, atol=0.05)


def test_a_stage_reads_the_mix_by_weight_and_the_synthetic_documents_once():
    tokens, offsets = np.repeat(np.arange(40, dtype=np.uint16), 3), np.arange(0, 121, 3)
    extra = np.repeat(np.arange(100, 110, dtype=np.uint16), 2), np.arange(0, 21, 2)
    weights = np.repeat([0.0, 2.0, 4.0, 1.0], 10)
    first = np.bincount(lm_data.stage_stream(CONFIG, 0, tokens, offsets, 10 * weights, None), minlength=110)
    second = np.bincount(lm_data.stage_stream(CONFIG, 1, tokens, offsets, weights, extra), minlength=110)
    assert list(first[:40]) == list(np.repeat([0, 6, 12, 3], 10))
    assert list(second[:30]) == list(np.repeat([0, 3, 6], 10)) and set(second[30:40]) == {0, 3}
    assert not first[40:].any() and list(second[100:]) == [2] * 10


def test_the_passes_of_a_source_come_from_the_mix():
    assert lm_data.passes(CONFIG, "ko", "film") == 0.5
    assert lm_data.passes(CONFIG, "ko", "other") == 1.0
    assert lm_data.passes(CONFIG, "en", "essay") == 0.0


def test_training_goes_through_every_stage_and_the_loss_falls(whole):
    curve = whole[1]["curve"]
    steps = [point["step"] for point in curve]
    assert steps == sorted(set(steps)) and steps[-1] == whole[1]["step"]
    first_stage = whole[1]["step"] - sum(stage["steps"] for stage in CONFIG["stages"][1:])
    assert 0 < first_stage < CONFIG["stages"][0]["steps"]
    assert curve[-1]["tokens"] == 256 * whole[1]["step"]
    assert curve[-1]["valid"] < curve[0]["valid"]
    assert all("valid" in point for point in curve if point["step"] % 3 == 0)


def test_a_stopped_run_goes_on_to_the_same_weights(whole, folder, tmp_path):
    last = whole[1]["step"]
    stopped = run(folder, tmp_path, stops=(4, last - 6, last - 2, None))
    assert stopped["step"] == last
    for name, weight in whole[1]["model"].items():
        assert torch.equal(weight, stopped["model"][name]), name


def test_rates_warm_up_stay_and_fall():
    rates = [train_lm.learning_rate(step, 100, warmup=10, decay=0.25) for step in range(100)]
    assert rates[0] == 0.1 and rates[9] == 1.0 and rates[74] == 1.0
    assert rates[99] == pytest.approx(0.02 + 0.98 / 25)
    assert rates == sorted(rates[:10]) + sorted(rates[10:], reverse=True)


def test_rates_start_anew_with_each_cycle():
    stages = [{"cycle": 0}, {"cycle": 0}, {"cycle": 1}]
    assert [train_lm.cycle_span(stages, [30, 70, 50], at) for at in range(3)] == [(0, 100), (0, 100), (100, 50)]


def test_the_exported_folder_loads_with_transformers(whole):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    out = whole[0] / "model"
    train_lm.export(whole[0] / "work", out, CONFIG)
    model, tokenizer = AutoModelForCausalLM.from_pretrained(out), AutoTokenizer.from_pretrained(out)
    ids = tokenizer("어제 바다", return_tensors="pt").input_ids
    assert ids[0, 0] == tokenizer.bos_token_id == model.config.bos_token_id == lm_data.BOS_ID
    assert tokenizer.pad_token_id == model.config.pad_token_id == lm_data.PAD_ID
    assert model(ids).logits.shape == (1, len(ids[0]), 400)
    weight = whole[1]["model"]["model.layers.1.mlp.up_proj.weight"]
    torch.testing.assert_close(model.model.layers[1].mlp.up_proj.weight.float(), weight, rtol=2**-8, atol=0)
    assert json.loads((out / "loss_curve.json").read_text()) == whole[1]["curve"]


def test_tied_head_and_hidden_matrices_have_their_optimizers():
    model = train_lm.make_model(CONFIG)
    muon, adam = train_lm.optimizers(model, CONFIG["training"])
    counts = [sum(p.numel() for group in opt.param_groups for p in group["params"]) for opt in (muon, adam)]
    assert counts == [2 * (4 * 16 * 16 + 3 * 16 * 32), 400 * 16 + 5 * 16]
    assert sum(counts) == sum(p.numel() for p in model.parameters())


def test_missing_text_says_where_it_looked(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"lm_text.jsonl.gz is not there; set KOSAE_DATA_DIR"):
        list(lm_data.records(CONFIG, tmp_path, "train"))


def test_the_shipped_configuration_names_settings_that_the_script_reads():
    config = lm_data.load_config()
    assert set(config) == set(CONFIG) and set(config["training"]) == set(CONFIG["training"])
    assert all(set(stage) == set(CONFIG["stages"][0]) for stage in config["stages"])
    cycles = [stage["cycle"] for stage in config["stages"]]
    assert cycles == sorted(cycles) and set(cycles) == set(range(len(config["training"]["decay"])))
    assert all("default" in by_source for by_source in config["mix"].values())
