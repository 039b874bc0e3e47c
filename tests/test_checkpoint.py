"""An interrupted training goes on to the same bits, and a checkpoint of another run is refused."""

import os
import signal
from dataclasses import replace

import pytest
import torch

import kosae_core as kc
from kosae_core.sae import VARIANTS
from kosae_core.trainer import Trainer

SHORT = {"steps": 40, "batch_size": 64, "dead_after": 200, "resample_every": 5, "log_every": 3}


@pytest.fixture(scope="module")
def acts():
    return torch.randn(1000, 12, generator=torch.Generator().manual_seed(0)).abs().pow(2)


def options(variant):
    extra = {"target_l0": 4.0} if "sparsity" in VARIANTS[variant].options else {"k_start": 9}
    return kc.SAEConfig(variant, 48, **({"k": 3} if "k" in VARIANTS[variant].options else {})), kc.TrainConfig(
        **SHORT, **extra
    )


class Stop(KeyboardInterrupt):
    pass


def stop_at(step):
    """A progress callback that stands for Ctrl-C at the first row of the history at or after a step."""

    def progress(done, total, text):
        if done >= step:
            raise Stop

    return progress


WAYS = {
    "muon with an average": ("topk", {"optimizer": "muon", "ema": 0.9}),
    "signum": ("gated", {"optimizer": "signum"}),
    "adamw in parts": ("batchtopk", {"optimizer": "adamw", "weight_decay": 0.01, "accumulate": 2}),
    "bf16": ("jumprelu", {"precision": "bf16"}),
    "free rows": ("gated_anneal", {"decoder_norm": "free"}),
    "resampling, clipped": ("standard", {"resample_every": 10, "clip": 0.5}),
}
"""Other ways of training that keep something of their own between steps."""


@pytest.mark.parametrize(("variant", "way"), [*((variant, {}) for variant in sorted(VARIANTS)), *WAYS.values()])
@pytest.mark.filterwarnings("ignore:.*bf16")
def test_an_interrupted_run_ends_with_the_same_bits(variant, way, acts, tmp_path):
    # SAELens: an interrupt saves no weights, and a resume is not exact
    config, cfg = options(variant)
    cfg = replace(cfg, **way)
    whole, history = kc.train(config, acts, cfg, held=acts[:50])
    path = tmp_path / "here" / "run.pt"
    for step in (1, 14, 15, 29):
        with pytest.raises(Stop):
            kc.train(config, acts, cfg, held=acts[:50], checkpoint=path, progress=stop_at(step))
        assert path.exists()
    again, seen = kc.train(config, acts, cfg, held=acts[:50], checkpoint=path)
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name
    assert seen == history
    assert [p.name for p in path.parent.iterdir()] == ["run.pt"]


def test_checkpoints_come_at_their_steps_and_none_is_written_again(acts, tmp_path, monkeypatch):
    # SAELens: a resume at 2504 rewrites five checkpoints that it had passed
    config, cfg = options("topk")
    written = []
    monkeypatch.setattr(
        Trainer, "save", lambda self, path, save=Trainer.save: (written.append(self.step), save(self, path))
    )
    path = tmp_path / "run.pt"
    with pytest.raises(Stop):
        kc.train(config, acts, cfg, checkpoint=path, checkpoint_every=15, progress=stop_at(20))
    *regular, stopped = written
    assert regular == [15] and 20 <= stopped < 30  # an interrupt saves too
    written.clear()
    kc.train(config, acts, cfg, checkpoint=path, checkpoint_every=15)
    assert written == [30, 40]
    kc.train(config, acts, cfg, checkpoint=path, checkpoint_every=15)
    assert written == [30, 40]


def test_a_checkpoint_of_another_run_is_refused_with_what_differs(acts, tmp_path):
    config, cfg = options("topk")
    path = tmp_path / "run.pt"
    kc.train(config, acts, cfg, checkpoint=path)
    with pytest.raises(ValueError, match=r"run\.pt is of another run: k was 3, now 5; delete it or name another"):
        kc.train(kc.SAEConfig("topk", 48, k=5), acts, cfg, checkpoint=path)
    with pytest.raises(ValueError, match=r"acts was 1000 rows of 12 \(sums .*\), now 999 rows of 12"):
        kc.train(config, acts[:999], cfg, checkpoint=path)
    with pytest.raises(ValueError, match=r"acts was 1000 rows of 12 \(sums .*\), now 1000 rows of 12"):
        kc.train(config, acts.flip(0), cfg, checkpoint=path)


def test_a_damaged_checkpoint_gives_one_sentence(acts, tmp_path):
    config, cfg = options("topk")
    path = tmp_path / "run.pt"
    path.write_bytes(b"half a file")
    with pytest.raises(ValueError, match=r"run\.pt cannot be read; delete it to start anew"):
        kc.train(config, acts, cfg, checkpoint=path)


def test_a_save_that_fails_leaves_the_old_checkpoint(acts, tmp_path, monkeypatch):
    config, cfg = options("topk")
    path = tmp_path / "run.pt"
    trainer = Trainer(config, acts, cfg)
    trainer.advance()
    trainer.save(path)
    before = path.read_bytes()

    def full(state, partial):
        partial.write_bytes(b"a part")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", full)
    trainer.advance()
    with pytest.raises(OSError, match="no space"):
        trainer.save(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_in_the_middle_of_a_step_waits_for_its_end(number, acts, tmp_path, monkeypatch):
    config, cfg = options("topk")
    whole, _ = kc.train(config, acts, cfg)
    path, steps = tmp_path / "run.pt", []

    def normalise(self, plain=VARIANTS["topk"].normalise_decoder):
        steps.append(1)
        if len(steps) == 7:  # Adam has stepped, the step is not counted yet
            os.kill(os.getpid(), number)
        plain(self)

    monkeypatch.setattr(VARIANTS["topk"], "normalise_decoder", normalise)
    with pytest.raises(KeyboardInterrupt):
        kc.train(config, acts, cfg, checkpoint=path)
    again, _ = kc.train(config, acts, cfg, checkpoint=path)
    assert len(steps) == cfg.steps
    for name, tensor in whole.state_dict().items():
        assert torch.equal(tensor, again.state_dict()[name]), name


def test_weights_that_are_not_finite_are_not_saved(acts, tmp_path):
    config, cfg = options("topk")
    trainer, path = Trainer(config, acts, cfg), tmp_path / "run.pt"
    trainer.advance()
    trainer.save(path)
    good = path.read_bytes()
    with torch.no_grad():
        trainer.sae.W_dec_FD[0, 0] = float("nan")
    with pytest.raises(ValueError, match="W_dec_FD is not finite after step 1"):
        trainer.save(path)
    assert path.read_bytes() == good
    with pytest.raises(ValueError, match="not finite"):
        trainer.finished()


def test_a_checkpoint_holds_no_more_of_the_order_than_is_left(acts, tmp_path):
    config, cfg = options("topk")
    trainer = Trainer(config, acts.repeat(50, 1), cfg)
    for _ in range(5):
        trainer.advance()
    trainer.batches.order = trainer.batches.order[-10:]
    trainer.save(tmp_path / "run.pt")
    order = torch.load(tmp_path / "run.pt", weights_only=True)["order"]
    assert order.untyped_storage().nbytes() == 80
