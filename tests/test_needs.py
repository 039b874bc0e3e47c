"""What a run is said to need, against what small runs take; and runs that cannot fit, stopped with the number and the knob."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch

import kosae_core as kc
from kosae_core import needs
from kosae_core.activations import gather
from kosae_core.needs import TooLarge
from kosae_core.sae import VARIANTS
from kosae_core.trainer import Trainer

GB = 10**9
PEAK = """
import ctypes, gc, json, sys
import torch
import kosae_core as kc
from kosae_core import needs
torch.set_num_threads(1)

def status(name):
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith(name))

def train(variant, F, D, B, N):
    acts = torch.randn(N, D)
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)  # what was freed before does not count as there
    before = status("VmRSS")
    open("/proc/self/clear_refs", "w").write("5")  # the largest size is counted from here on
    config = kc.SAEConfig(variant, F, initial_density=None if variant == "topk" else 0.3)
    cfg = kc.TrainConfig(steps=24, batch_size=B, device="cpu")
    kc.train(config, acts, cfg)
    return status("VmHWM") - before, needs.train_bytes(config, cfg, D, N, in_memory=True)

train("topk", 256, 64, 128, 1000)  # what is compiled and loaded at the first step
print(json.dumps(train(sys.argv[1], *json.loads(sys.argv[2]))))
"""


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_the_file_of_an_autoencoder(variant, tmp_path):
    config = kc.SAEConfig(variant, 300)
    sae = VARIANTS[variant](config, 40)
    file = sae.save(tmp_path) / "weights.safetensors"
    assert needs.sae_bytes(config, 40) == pytest.approx(file.stat().st_size, rel=0.02)


@pytest.mark.parametrize("dtype", ["bf16", "fp32"])
def test_a_store_on_disk(dtype, empty_store):
    corpus = kc.load_corpus("synthetic", split="test", lang="ko", limit=60)
    stores = gather(kc.load_lm("kosae-lm", device="cpu"), corpus, ["q1.resid_post", "q2.resid_post"], dtype=dtype)
    taken = sum(f.stat().st_size for f in (empty_store / "activations").rglob("*") if f.is_file())
    first = stores["q1.resid_post"]
    element = {"bf16": 2, "fp32": 4}[dtype]
    assert needs.store_bytes(first.n_tokens, first.d_model, element, 2) == pytest.approx(taken, rel=0.1)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon", "signum"])
@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_weights_gradients_and_moments(optimizer, ema):
    acts = torch.randn(500, 48, generator=torch.Generator().manual_seed(0))
    config, cfg = kc.SAEConfig("gated", 256), kc.TrainConfig(steps=5, batch_size=64, optimizer=optimizer, ema=ema)
    trainer = Trainer(config, acts, cfg)
    trainer.advance()
    held = list(trainer.sae.parameters()) + [p.grad for p in trainer.sae.parameters()] + trainer.average
    held += [t for o in trainer.optimizers for state in o.state.values() for t in state.values() if torch.is_tensor(t)]
    taken = sum(t.numel() * t.element_size() for t in held)
    parts = needs.train_parts(config, cfg, 48, 500, in_memory=True)
    assert parts["weights, gradients and moments"] == pytest.approx(taken, rel=0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="the largest size of a process is read from /proc")
@pytest.mark.parametrize(
    ("variant", "given"),
    [
        ("topk", [8192, 1024, 1024, 20000]),
        ("topk", [16384, 256, 1024, 2000]),
        ("gated", [8192, 256, 2048, 4000]),
    ],
)
def test_the_most_memory_of_a_training(variant, given):
    asked = subprocess.run([sys.executable, "-c", PEAK, variant, json.dumps(given)], capture_output=True, text=True)
    assert asked.returncode == 0, asked.stderr[-2000:]
    taken, said = json.loads(asked.stdout)
    assert said == pytest.approx(taken, rel=0.1)


def test_tokens_on_disk_are_read_into_a_table_while_that_is_small():
    config, cfg = kc.SAEConfig("topk", 64), kc.TrainConfig()
    table = {n: needs.train_parts(config, cfg, 512, n)["table"] for n in (1000, 2**20, 2**20 + 1)}
    assert table == {1000: 1000 * 2048, 2**20: 2**31, 2**20 + 1: 0}
    assert needs.train_parts(config, cfg, 512, 1000, in_memory=True)["table"] == 0


@pytest.mark.parametrize(
    ("free", "config", "cfg", "sentence"),
    [
        (GB // 2, {"n_features": 2**16}, {"batch_size": 64}, r"about 0\.6 GB of memory on cpu, and 0\.5 GB are free: lower n_features \(now 65536\)"),
        (GB, {"n_features": 2**15}, {"batch_size": 2**13}, r"raise accumulate \(now 1\), or lower batch_size \(8192\) or n_features \(32768\)"),
        (10**6, {"n_features": 8}, {"batch_size": 8}, "the training needs about .* give fewer tokens"),
    ],
)  # fmt: skip
def test_a_training_that_cannot_fit_is_stopped_with_the_knob(free, config, cfg, sentence, monkeypatch):
    monkeypatch.setattr(needs, "free_memory", lambda device: free)
    monkeypatch.setattr("kosae_core.training.Trainer", None)  # nothing is begun
    acts = torch.randn(5000, 256 if free == GB // 2 else 64)
    with pytest.raises(TooLarge, match=sentence):
        kc.train(kc.SAEConfig("standard", **config), acts, kc.TrainConfig(steps=1, device="cpu", **cfg))


def test_raising_accumulate_is_a_knob_that_helps():
    config, whole = kc.SAEConfig("standard", 2**15), kc.TrainConfig(batch_size=2**13)
    parts = kc.TrainConfig(batch_size=2**13, accumulate=16)
    assert needs.train_bytes(config, parts, 32, 5000) < 0.3 * needs.train_bytes(config, whole, 32, 5000)


def test_a_checkpoint_that_its_disk_cannot_hold_is_not_begun(tmp_path, monkeypatch):
    monkeypatch.setattr(needs, "free_disk", lambda folder: 10**5)
    with pytest.raises(
        TooLarge, match=r"its checkpoint needs about 6\.\d MB of disk .* 0\.1 MB are free: name another"
    ):
        kc.train(
            kc.SAEConfig("topk", 4096), torch.randn(1000, 64), kc.TrainConfig(steps=1), checkpoint=tmp_path / "run.pt"
        )
    assert list(tmp_path.iterdir()) == []


def test_a_pass_that_memory_cannot_hold(tiny_lm, sentences, empty_store, monkeypatch):
    monkeypatch.setattr(needs, "free_memory", lambda device: 1000)
    with pytest.raises(TooLarge, match=r"a forward pass needs .* are free: lower tokens_per_batch \(now 4096\)"):
        gather(tiny_lm, sentences, "q1.resid_post")
    assert list((empty_store / "activations").iterdir()) == []


def test_a_model_that_memory_cannot_hold_is_not_read(tiny_lm, tmp_path, monkeypatch):
    tiny_lm.model.save_pretrained(tmp_path)
    tiny_lm.tokenizer.save_pretrained(tmp_path)
    n_bytes = 4 * sum(p.numel() for p in tiny_lm.model.parameters())
    asked = []
    monkeypatch.setattr(needs, "free_memory", lambda device: asked.append(1) or n_bytes)
    kc.load_lm(tmp_path, device="cpu")
    assert asked
    monkeypatch.setattr(needs, "free_memory", lambda device: n_bytes - 1)
    monkeypatch.setattr("kosae_core.loading.AutoModelForCausalLM", None)  # nothing is read
    with pytest.raises(
        TooLarge,
        match=r"the model .* needs about 0\.2 MB of memory on cpu, .*: take a smaller model, or dtype=torch.bfl",
    ):
        kc.load_lm(tmp_path, device="cpu")


def test_a_model_that_is_spread_may_take_all_devices_and_no_more(tiny_lm, tmp_path, monkeypatch):
    tiny_lm.model.save_pretrained(tmp_path)
    options = {"local_files_only": True, "trust_remote_code": False}
    n_bytes = 4 * sum(p.numel() for p in tiny_lm.model.parameters())
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (n_bytes // 4, n_bytes))
    for spare, fits in ((0, True), (-8, False)):
        monkeypatch.setattr(needs, "_left_in_group", lambda group, spare=spare: n_bytes - 2 * (n_bytes // 4) + spare)
        with nullcontext() if fits else pytest.raises(TooLarge, match="on all devices together, and .* are free"):
            needs.require_room_for_model(str(tmp_path), torch.float32, "auto", options)


def test_a_quantized_model_is_asked_for_as_it_will_be(tiny_lm, tmp_path, monkeypatch):
    tiny_lm.model.save_pretrained(tmp_path)
    asked, options = [], {"local_files_only": True, "trust_remote_code": False}
    monkeypatch.setattr(needs, "require_memory", lambda what, needed, device, knob: asked.append(needed))
    for bits in (None, 8, 4):
        needs.require_room_for_model(str(tmp_path), torch.bfloat16, torch.device("cpu"), options, bits)
    whole, n_params = needs.whole_params(tiny_lm.model), tiny_lm.model.num_parameters()
    linear = sum(m.weight.numel() for m in tiny_lm.model.model.layers.modules() if isinstance(m, torch.nn.Linear))
    assert n_params - whole == linear and 0 < linear < n_params
    assert asked == [2 * n_params, 2 * whole + linear, 2 * whole + int(linear * (0.5 + 4 / 64))]


def test_what_is_free():
    assert 10**7 < needs.free_memory() < 10**14 and needs.free_disk(Path("/no/such/folder")) > 0


def test_a_containers_limit_is_kept(tmp_path):
    assert needs._left_in_group(tmp_path) == sys.maxsize
    (tmp_path / "memory.max").write_text("5000000\n")
    (tmp_path / "memory.current").write_text("3000000\n")
    (tmp_path / "memory.stat").write_text("anon 1\nactive_file 500000\ninactive_file 100000\n")
    assert needs._left_in_group(tmp_path) == 2_600_000  # what is kept of files can go
    (tmp_path / "memory.max").write_text("max\n")
    assert needs._left_in_group(tmp_path) == sys.maxsize
