"""The store of activations: what is in it, in which order, and that it is never half there."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch

from kosae_core import activations, mapped, store
from kosae_core.activations import ActivationStore, gather
from kosae_core.generation import gather_generated
from kosae_core.lm import LanguageModel
from kosae_core.needs import TooLarge

POINTS = ["q1.resid_post", "b2.mlp_out", "b0.attn_out"]


def slow_rows(lm, texts, point, max_length=128):
    """One document at a time through the bare model with transformers' own hidden states: the reference."""
    block = lm.resolve(point).block
    rows = []
    for text in texts:
        ids = [0, *lm.tokenizer(text, add_special_tokens=False)["input_ids"]][:max_length]
        with torch.no_grad():
            hidden = lm.model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
        rows.append(hidden[block + 1][0, 1:])
    return torch.cat(rows)


def test_rows_are_the_models_own_in_the_corpus_order(tiny_lm, sentences, empty_store):
    held = gather(tiny_lm, sentences, "q1.resid_post", dtype="fp32", tokens_per_batch=100)["q1.resid_post"]
    assert held.point == "b1.resid_post" and held.dtype == "fp32" and held.d_model == 32
    assert torch.allclose(held.all(), slow_rows(tiny_lm, sentences, "b1.resid_post"), atol=1e-5)
    at = 0
    for document, text in enumerate(sentences):
        ids = tiny_lm.tokens(text)
        rows = slice(at, at + len(ids))
        assert held.token_ids[rows].tolist() == ids
        assert held.positions[rows].tolist() == list(range(1, len(ids) + 1))
        assert set(held.doc_index[rows]) == {document}
        assert held.documents[document] == [0, *ids]
        assert held.doc_rows[document] == at
        at += len(ids)
    assert held.n_tokens == len(held) == at == held.doc_rows[-1]
    assert held.texts() == sentences


def test_bf16_takes_two_bytes_and_rounds_to_nearest(tiny_lm, sentences, empty_store):
    exact = gather(tiny_lm, sentences, POINTS, dtype="fp32")
    short = gather(tiny_lm, sentences, POINTS, dtype="bf16")
    for point in POINTS:
        assert (short[point].path / "acts.bin").stat().st_size == short[point].n_tokens * 32 * 2
        assert short[point].acts().dtype == torch.bfloat16
        assert torch.equal(short[point].acts(), exact[point].acts().to(torch.bfloat16))


def test_only_missing_points_are_computed(tiny_lm, sentences, empty_store, monkeypatch):
    passes = []
    forward = LanguageModel.forward
    monkeypatch.setattr(activations, "pass_bytes", lambda *_: 0)  # which takes two small passes
    monkeypatch.setattr(LanguageModel, "forward", lambda self, *a, **k: passes.append(1) or forward(self, *a, **k))
    first = gather(tiny_lm, sentences, ["b0.resid_post", "b3.resid_post"], tokens_per_batch=10**6)
    assert len(passes) == 1
    again = gather(tiny_lm, sentences, ["q0.resid_post"])
    assert len(passes) == 1 and again["q0.resid_post"].key == first["b0.resid_post"].key
    ran = []
    handle = tiny_lm.blocks[2].register_forward_hook(lambda *_: ran.append(2))
    more = gather(tiny_lm, sentences, ["b0.resid_post", "b1.resid_post", "b3.resid_post"], tokens_per_batch=10**6)
    handle.remove()
    assert len(passes) == 2 and ran == []  # stopped after block 1, the only one missing
    alone = gather(tiny_lm, sentences, ["b1.resid_post"], dtype="fp32")["b1.resid_post"]
    assert torch.equal(more["b1.resid_post"].acts(), alone.acts().to(torch.bfloat16))


def test_what_determines_the_store_is_in_its_key(tiny_lm, sentences, empty_store):
    def key(texts=sentences, point="q1.resid_post", **options):
        return gather(tiny_lm, texts, point, **options)[point].key

    keys = [key(), key(sentences[:5]), key(point="q2.resid_post"), key(max_length=8), key(dtype="fp32")]
    assert len(set(keys)) == 5
    assert key() == key(tokens_per_batch=64) == keys[0]


def test_long_documents_are_cut(tiny_lm, sentences, empty_store):
    held = gather(tiny_lm, sentences, "q1.resid_post", max_length=8, dtype="fp32")["q1.resid_post"]
    assert max(len(ids) for ids in held.documents) == 8 and held.positions.max() == 7
    assert torch.allclose(held.all(), slow_rows(tiny_lm, sentences, "b1.resid_post", 8), atol=1e-5)


def test_texts_without_tokens_keep_their_place(tiny_lm, empty_store):
    held = gather(tiny_lm, ["", "네.", "", "밥"], "q1.resid_post")["q1.resid_post"]
    assert sorted(set(held.doc_index)) == [1, 3] and held.documents[2] == [0]
    assert np.diff(held.doc_rows).tolist() == [0, len(tiny_lm.tokens("네.")), 0, len(tiny_lm.tokens("밥"))]
    with pytest.raises(ValueError, match="no token"):
        gather(tiny_lm, ["", ""], "q1.resid_post")
    with pytest.raises(ValueError, match="no token"):
        gather(tiny_lm, [], "q1.resid_post")


def test_reading_back(tiny_lm, sentences, empty_store):
    held = gather(tiny_lm, sentences, "q1.resid_post")["q1.resid_post"]
    everything = held.all()
    assert everything.dtype == torch.float32
    assert torch.equal(held.batch([5, 0, 5]), everything[[5, 0, 5]])
    assert torch.equal(held.batch(np.array([3])), everything[3:4])
    assert torch.equal(held[2:9], everything[2:9])
    shuffled = [torch.cat(list(held.batches(7, torch.Generator().manual_seed(s)))) for s in (0, 0, 1)]
    assert torch.equal(shuffled[0], shuffled[1]) and not torch.equal(shuffled[0], shuffled[2])
    assert torch.equal(shuffled[0].sort(0).values, everything.sort(0).values)
    assert torch.equal(torch.cat(list(held.batches(7))), everything)
    assert all(len(b) == 7 for b in held.batches(7, drop_last=True))


def test_the_file_cannot_be_changed_through_the_store(tiny_lm, sentences, empty_store):
    held = gather(tiny_lm, sentences, "q1.resid_post", dtype="fp32")["q1.resid_post"]
    held.acts()[0] = 7
    held.all()[1] = 7
    held.verify()
    assert not torch.equal(ActivationStore(held.path).acts()[0], torch.full((32,), 7.0))


def test_damage_is_noticed(tiny_lm, sentences, empty_store):
    held = gather(tiny_lm, sentences, "q1.resid_post")["q1.resid_post"]
    with open(held.path / "acts.bin", "r+b") as file:
        file.seek(100)
        file.write(b"\x01\x02\x03")
    with pytest.raises(store.DamagedEntry, match="acts.bin"):
        held.verify()
    os.truncate(held.path / "acts.bin", 50)
    with pytest.raises(store.DamagedEntry, match="50 bytes"):
        ActivationStore(held.path)
    gather(tiny_lm, sentences, "q1.resid_post")["q1.resid_post"].verify()


def test_infinite_activations_are_refused(sentences, empty_store):
    from conftest import make_tiny_lm

    lm = make_tiny_lm()
    with torch.no_grad():
        lm.model.model.embed_tokens.weight[lm.tokens("네.")[0]] = torch.inf
    with pytest.raises(ValueError, match="b1.resid_post: an activation is not finite"):
        gather(lm, sentences, "q1.resid_post")
    assert list((empty_store / "activations").iterdir()) == []


def test_a_full_disk_is_one_sentence(tiny_lm, sentences, empty_store, monkeypatch):
    monkeypatch.setattr(mapped.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 10})())
    with pytest.raises(TooLarge, match=r"the store needs about .* of disk at .*: take fewer points \(now 2\)"):
        gather(tiny_lm, sentences, ["q1.resid_post", "q2.resid_post"])
    assert list((empty_store / "activations").iterdir()) == []
    with pytest.raises(OSError, match="GB free on the disk"):
        mapped.create_mapped(empty_store / "acts.bin", (10, 4), torch.float32)


def test_progress_counts_tokens_to_the_end(tiny_lm, sentences, empty_store):
    seen = []
    held = gather(tiny_lm, sentences, "q1.resid_post", tokens_per_batch=200, progress=lambda *a: seen.append(a))
    done = [one[0] for one in seen]
    assert done == sorted(done) and seen[-1][:2] == (held["q1.resid_post"].n_tokens,) * 2 and len(seen) > 2


KILLED = """
import sys, time
sys.path.insert(0, {tests!r})
from conftest import SENTENCES, make_tiny_lm
from kosae_core.activations import gather

def progress(done, total, text):
    global calls
    calls += 1
    if calls == 2:
        assert done < total
        print(done, flush=True)
        time.sleep(60)

calls = 0

gather(make_tiny_lm(), SENTENCES * 5, ["b0.resid_post", "b1.resid_post"], tokens_per_batch=100, progress=progress)
"""


def test_a_killed_gather_starts_clean(tiny_lm, empty_store):
    from conftest import SENTENCES

    script = KILLED.format(tests=os.path.dirname(__file__))
    environment = {**os.environ, "PYTHONPATH": str(store.paths.ROOT)}
    child = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment)
    assert child.stdout.readline().strip().isdigit()
    child.send_signal(signal.SIGKILL)
    child.wait()
    left = list((empty_store / "activations").iterdir())
    assert len(left) == 2 and all(folder.name.startswith(".partial-") for folder in left)
    held = gather(tiny_lm, SENTENCES * 5, ["b0.resid_post"], dtype="bf16")["b0.resid_post"]
    held.verify()
    expected = slow_rows(tiny_lm, SENTENCES * 5, "b0.resid_post").to(torch.bfloat16)
    assert torch.allclose(held.all(), expected.float(), rtol=2**-7, atol=1e-5)
    assert [folder.name for folder in (empty_store / "activations").iterdir()] == [held.path.name]


def test_generated_text_is_captured_as_it_is_written(tiny_lm, sentences, empty_store):
    prompts = sentences[:7]
    written = gather_generated(tiny_lm, prompts, POINTS, max_new_tokens=12, seed=3, dtype="fp32")
    held = written["q1.resid_post"]
    for document, prompt in enumerate(prompts):
        start = [0, *tiny_lm.tokens(prompt)]
        assert held.documents[document][: len(start)] == start
        rows = slice(*held.doc_rows[document : document + 2])
        assert held.token_ids[rows].tolist() == held.documents[document][len(start) :]
        assert 0 < len(held.token_ids[rows]) <= 12
    # Reading the finished documents again gives the same activations.
    for point in POINTS:
        batch_rows = []
        for ids, prompt in zip(held.documents, prompts, strict=True):
            hidden = tiny_lm.capture(tiny_lm.batch([ids]), [point])[point]
            batch_rows.append(hidden[0, 1 + len(tiny_lm.tokens(prompt)) :])
        assert torch.allclose(written[point].all(), torch.cat(batch_rows), atol=1e-4)


def test_generation_is_seeded_for_each_prompt(tiny_lm, sentences, empty_store):
    def ids(prompts, **options):
        point = "q0.resid_post"
        return gather_generated(tiny_lm, prompts, point, max_new_tokens=6, **options)[point].documents

    both = ids(sentences[:5], seed=1)
    assert ids(sentences[:2], seed=1) == both[:2]
    assert ids(sentences[:5], seed=1, rows_per_batch=1, keep_prompt=True) == both
    assert ids(sentences[:5], seed=2) != both
    greedy = ids(sentences[:2], temperature=0)
    start = torch.tensor([[0, *tiny_lm.tokens(sentences[0])]])
    step = tiny_lm.model(input_ids=start).logits[0, -1]
    step[1] = -torch.inf
    assert greedy[0][start.shape[1]] == int(step.argmax())


def test_sampling_follows_the_models_probabilities(tiny_lm, empty_store):
    """Against transformers' own softmax: total variation over 1500 first tokens within sampling noise."""
    point = "q0.resid_post"
    held = gather_generated(tiny_lm, ["네."] * 1500, point, max_new_tokens=1, temperature=0.5)[point]
    logits = tiny_lm.model(input_ids=torch.tensor([[0, *tiny_lm.tokens("네.")]])).logits[0, -1].double() / 0.5
    logits[1] = -torch.inf
    expected = logits.softmax(0).numpy() * 1500
    counts = np.bincount(held.token_ids, minlength=len(expected))
    counts[0] = 1500 - counts.sum()  # the end token is written nowhere
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected) + 4).all()


def test_wrong_arguments(tiny_lm, empty_store):
    with pytest.raises(ValueError, match="dtype 'int8'"):
        gather(tiny_lm, ["밥"], "q0.resid_post", dtype="int8")
    with pytest.raises(ValueError, match="temperature"):
        gather_generated(tiny_lm, ["밥"], "q0.resid_post", temperature=-1)
    with pytest.raises(ValueError, match="reads at most 256"):
        gather(tiny_lm, ["밥 " * 300], "q0.resid_post", max_length=300)
