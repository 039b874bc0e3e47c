"""A training that gathers as it goes: every token once in a round, never more than a buffer at a time, the curve of a store."""

import numpy as np
import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

import kosae_core as kc
from kosae_core.activations import gather
from kosae_core.needs import TooLarge
from kosae_core.streaming import Stream
from kosae_core.trainer import Trainer

OPTIONS = {"dtype": "fp32", "tokens_per_batch": 200}


@pytest.fixture
def stream(tiny_lm, sentences, empty_store):
    return Stream(tiny_lm, sentences, "q2.resid_post", buffer=150, max_length=64, **OPTIONS)


@pytest.fixture
def store(tiny_lm, sentences, empty_store):
    return gather(tiny_lm, sentences, "q2.resid_post", max_length=64, **OPTIONS)["q2.resid_post"]


def ordered(rows_ND):
    return rows_ND[np.lexsort(rows_ND.numpy().T[::-1])]


def test_in_order_it_is_the_store(stream, store):
    assert (len(stream), stream.d_model, stream.point) == (len(store), store.d_model, store.point)
    assert stream.documents == store.documents and np.array_equal(stream.doc_index, store.doc_index)
    everything = torch.cat([stream[start : start + 37] for start in range(0, len(stream), 37)])
    torch.testing.assert_close(everything, store.all(), atol=1e-5, rtol=0)
    sae = kc.sae.VARIANTS["topk"](kc.SAEConfig("topk", 64, k=4), 32)
    kc.inputs.fit_inputs(sae, stream)
    assert kc.evaluate(sae, stream).explained_variance == pytest.approx(
        kc.evaluate(sae, store).explained_variance, abs=1e-4
    )
    with pytest.raises(ValueError, match="a stream is read in order"):
        stream[::2]


def test_every_token_comes_once_in_a_round_and_in_another_order_in_the_next(stream, store):
    batches = stream.shuffled(23, torch.Generator().manual_seed(0))
    drawn = torch.cat([next(batches) for _ in range(-(-2 * len(stream) // 23))])
    rounds = drawn[: len(stream)], drawn[len(stream) : 2 * len(stream)]
    for each in rounds:
        torch.testing.assert_close(ordered(each), ordered(store.all()), atol=1e-5, rtol=0)
    assert not torch.allclose(*rounds, atol=1e-3)
    other = stream.shuffled(23, torch.Generator().manual_seed(1))
    assert not torch.allclose(next(other), drawn[:23], atol=1e-3)


class Counted(np.ndarray):
    """An array that counts how many of its elements are asked for."""

    asked = 0

    def __getitem__(self, chosen):
        found = np.asarray(self)[chosen]
        Counted.asked += np.size(found)
        return found


@pytest.mark.parametrize("times", [1, 4])
def test_only_the_first_batch_of_a_buffer_looks_at_documents(times, tiny_lm, sentences, empty_store):
    # dictionary_learning: each batch goes through the whole buffer again
    texts = [f"{text} {i}" for i in range(times) for text in sentences]
    stream = Stream(tiny_lm, texts, "q2.resid_post", buffer=400, max_length=64, **OPTIONS)
    stream.lengths = stream.lengths.view(Counted)
    batches, asked = stream.shuffled(20, torch.Generator().manual_seed(0)), []
    for _ in range(10):
        Counted.asked = 0
        next(batches)
        asked.append(Counted.asked)
    assert asked[0] >= len(texts) and asked[1:] == [0] * 9


class Made(TorchDispatchMode):
    """Counts the bytes that operations make: new tensors, and what is copied into one that was there."""

    total = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        out = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, torch.Tensor)}
        for tensor in tree_leaves(out):
            if isinstance(tensor, torch.Tensor) and tensor.untyped_storage()._cdata not in given:
                self.total += tensor.nbytes
        if func is torch.ops.aten.index_copy_.default:
            self.total += args[3].nbytes
        return out


@pytest.mark.parametrize("way", ["stream", "store"])
def test_buffers_are_not_filled_quadratically(way, tiny_lm, sentences, empty_store):
    # SAELens: a fill copies all that is there for each batch, so that 4 times the rows take 12.8 times as long
    made = {}
    for times in (2, 8):
        texts = [f"{text} {i % 10}" for i in range(times) for text in sentences]
        stream = Stream(tiny_lm, texts, "q2.resid_post", buffer=10**5, max_length=64, **OPTIONS)
        with Made() as counted:
            if way == "stream":
                next(stream.shuffled(20, torch.Generator().manual_seed(0)))
            else:
                gather(tiny_lm, texts, "q2.resid_post", max_length=64, **OPTIONS)
        made[times] = counted.total / len(stream)
    assert made[8] < 1.15 * made[2]


def test_no_more_than_a_buffer_is_held(stream, monkeypatch):
    sizes = []
    read = Stream.read
    monkeypatch.setattr(
        Stream, "read", lambda self, chosen: sizes.append(int(self.lengths[chosen].sum())) or read(self, chosen)
    )
    batches = stream.shuffled(50, torch.Generator().manual_seed(0))
    for _ in range(len(stream) // 50):
        next(batches)
        assert len(batches.rows_ND) <= 150
    assert max(sizes) <= 150 and np.mean(sizes[:-1]) > 100 and sum(sizes) <= len(stream)  # each document read once


def test_a_buffer_of_bf16_holds_no_fp32(tiny_lm, sentences):
    # a buffer of twice the size that was asked for, in a peer
    stream = Stream(tiny_lm, sentences, "q2.resid_post", buffer=150, max_length=64, **OPTIONS | {"dtype": "bf16"})
    batches = stream.shuffled(23, torch.Generator().manual_seed(0))
    assert next(batches).dtype == torch.float32 and batches.rows_ND.dtype == torch.bfloat16


def test_the_curve_is_that_of_a_store(tiny_lm, sentences, store, stream):
    config, cfg = kc.SAEConfig("topk", 128, k=6), kc.TrainConfig(steps=150, batch_size=64, log_every=5, device="cpu")
    seeds = [
        kc.train(config, store, kc.TrainConfig(**{**vars(cfg), "seed": seed}), held=store)[1] for seed in (0, 1, 2)
    ]
    _, streamed = kc.train(config, stream, cfg, held=store)
    stored = np.array([history.held_explained_variance for history in seeds])
    noise = np.abs(stored - stored.mean(0)).max()

    def away(history):
        return np.abs(np.array(history.held_explained_variance) - stored.mean(0)).max()

    assert away(streamed) < 3 * noise + 0.01 and streamed.held_explained_variance[-1] > 0.3
    few = Stream(tiny_lm, sentences[:6], "q2.resid_post", buffer=150, max_length=64, **OPTIONS)
    assert away(kc.train(config, few, cfg, held=store)[1]) > 6 * noise + 0.02  # one that never reads on


def test_an_interrupted_run_goes_on_to_the_same_bits(stream, tmp_path):
    config, cfg = kc.SAEConfig("topk", 64, k=4), kc.TrainConfig(steps=40, batch_size=64, device="cpu")
    whole, _ = kc.train(config, stream, cfg)
    for step in (1, 7, 25):  # within a buffer, at the edge of one, in a later round
        first = Trainer(config, stream, cfg)
        for _ in range(step):
            first.advance()
        first.save(tmp_path / f"{step}.pt")
        again = Trainer(config, stream, cfg)
        again.load(tmp_path / f"{step}.pt")
        while not again.done:
            again.advance()
        for name, tensor in whole.state_dict().items():
            assert torch.equal(tensor, again.finished()[0].state_dict()[name]), (step, name)


def test_a_threshold_is_measured_on_a_stream_too(stream, store):
    cfg = kc.TrainConfig(steps=30, batch_size=100, ema=0.99, device="cpu")
    sae, _ = kc.train(kc.SAEConfig("batchtopk", 48, k=4), stream, cfg)
    assert float((sae.encode(store.all()) > 0).sum(1).float().mean()) == pytest.approx(4, rel=0.2)


def test_settings_that_change_the_stream_are_in_its_key(tiny_lm, sentences, stream):
    other = {
        Stream(tiny_lm, sentences, "q2.resid_post", buffer=151, max_length=64, **OPTIONS).key,
        Stream(tiny_lm, sentences, "q1.resid_post", buffer=150, max_length=64, **OPTIONS).key,
        Stream(tiny_lm, sentences[1:], "q2.resid_post", buffer=150, max_length=64, **OPTIONS).key,
    }
    assert len(other | {stream.key}) == 4
    assert Stream(tiny_lm, sentences, "q2.resid_post", buffer=150, max_length=64, **OPTIONS).key == stream.key


def test_what_cannot_be_is_said(tiny_lm, sentences, monkeypatch):
    with pytest.raises(ValueError, match=r"buffer \(10 tokens\) must hold at least one document \(max_length is 64\)"):
        Stream(tiny_lm, sentences, "q2.resid_post", buffer=10, max_length=64)
    with pytest.raises(ValueError, match="the corpus has no token to gather"):
        Stream(tiny_lm, [""], "q2.resid_post")
    with pytest.raises(ValueError, match="dtype 'fp8' is not one of bf16, fp32"):
        Stream(tiny_lm, sentences, "q2.resid_post", dtype="fp8")
    monkeypatch.setattr("kosae_core.needs.free_memory", lambda device: 1000)
    with pytest.raises(TooLarge, match=r"the buffer needs about .* lower buffer \(now 262144 tokens\)"):
        Stream(tiny_lm, sentences, "q2.resid_post")
