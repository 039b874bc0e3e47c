"""How a step is taken: optimisers, averaged weights, parts of a batch, bf16 products."""

import copy
import shutil
import subprocess
import sys

import pytest
import torch

import kosae_core as kc
from kosae_core.optimizers import Signum, forget
from kosae_core.schedules import trapezoid
from kosae_core.trainer import Trainer

VARIANTS = ("standard", "gated", "topk", "batchtopk", "jumprelu")


@pytest.fixture(scope="module")
def acts():
    planted = kc.planted.Planted(kc.planted.PlantedConfig(16, 32, active=2))
    return planted.sample(4000, 0)[0]


def run(variant, acts, **options):
    config = kc.SAEConfig(variant, 64, **({"k": 3} if "topk" in variant else {}))
    return Trainer(config, acts, kc.TrainConfig(**{"steps": 120, "batch_size": 256} | options))


def finish(trainer):
    while not trainer.done:
        trainer.advance()
    return trainer.finished()


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "muon", "signum"])
def test_every_optimiser_learns_and_keeps_unit_rows(optimizer, acts):
    sae, history = finish(run("topk", acts, optimizer=optimizer))
    assert history.mse[-1] < 0.5 * history.mse[0]
    assert torch.allclose(sae.W_dec_FD.norm(dim=1), torch.ones(64), atol=1e-5)


COMPILED = """
import torch, kosae_core as kc
acts = kc.planted.Planted(kc.planted.PlantedConfig(16, 32, active=2)).sample(4000, 0)[0]
for variant, options in (("gated", {}), ("topk", {"k_start": 6})):
    config = kc.SAEConfig(variant, 64, k=3 if variant == "topk" else None)
    trained = [kc.train(config, acts, kc.TrainConfig(12, 256, lr=1e-3, compile=on, **options)) for on in (False, True)]
    torch.testing.assert_close(trained[1][0].W_dec_FD, trained[0][0].W_dec_FD, atol=2e-3, rtol=0)
    torch.testing.assert_close(*(torch.tensor(history.loss) for _, history in trained), rtol=1e-3, atol=0)
"""


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="torch.compile needs a C++ compiler")
def test_a_compiled_step_is_the_same_step():
    """In a process of its own, for the checks of shapes that tests put around every function cannot be compiled."""
    subprocess.run([sys.executable, "-c", COMPILED], check=True, timeout=200)


def gradients(acts, clip):
    """All gradients as the optimiser sees them at the first step, end to end."""
    trainer, seen = run("gated", acts, clip=clip), []

    def step(self=trainer):
        seen.append(torch.cat([p.grad.flatten() for p in self.sae.parameters()]).double())

    trainer.optimizers[0].step = step
    trainer.advance()
    return seen[0]


def test_clipping_scales_the_whole_gradient_to_its_largest_norm(acts):
    whole = gradients(acts, 0.0)
    norm = float(whole.norm())
    assert norm > 0
    torch.testing.assert_close(gradients(acts, norm / 5), whole / 5, rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(gradients(acts, 2 * norm), whole, rtol=1e-6, atol=0)


def test_signum_moves_every_element_by_the_learning_rate():
    parameter = torch.nn.Parameter(torch.zeros(3))
    optimizer, momentum = Signum([parameter], lr=0.1, momentum=0.5), torch.zeros(3)
    expected = torch.zeros(3)
    for gradient in ([1.0, -4.0, 0.0], [-0.25, 3.0, 1.0], [-5.0, 9.0, -3.0]):
        parameter.grad = torch.tensor(gradient)
        optimizer.step()
        momentum = 0.5 * momentum + 0.5 * parameter.grad
        expected = expected - 0.1 * momentum.sign()
    assert torch.allclose(parameter, expected)


@pytest.mark.parametrize("optimizer", ["adam", "muon", "signum"])
def test_resampled_features_are_forgotten_by_every_optimiser(optimizer, acts):
    trainer = run("standard", acts, optimizer=optimizer)
    for _ in range(3):
        trainer.advance()
    sae, dead_N = trainer.sae, torch.tensor([4, 9])
    forget(trainer.optimizers, sae.W_dec_FD, dead_N)
    forget(trainer.optimizers, sae.W_enc_DF, (..., dead_N))
    found = 0
    for optimizer in trainer.optimizers:
        for parameter, at in ((sae.W_dec_FD, dead_N), (sae.W_enc_DF, (..., dead_N))):
            for value in optimizer.state.get(parameter, {}).values():
                if torch.is_tensor(value) and value.shape == parameter.shape:
                    assert float(value[at].abs().max()) == 0.0 and float(value.abs().max()) > 0.0
                    found += 1
    assert found >= 2


def test_averaged_weights_are_the_running_mean(acts):
    trainer = run("topk", acts, ema=0.9, steps=30)
    mean = copy.deepcopy([p.detach() for p in trainer.sae.parameters()])
    for step in range(30):
        trainer.advance()
        decay = min(0.9, step / (step + 10))
        mean = [decay * m + (1 - decay) * p.detach() for m, p in zip(mean, trainer.sae.parameters(), strict=True)]
    last = trainer.sae.W_enc_DF.detach().clone()
    names = [name for name, _ in trainer.sae.named_parameters()]
    sae, _ = trainer.finished()
    for name, expected, parameter in zip(names, mean, sae.parameters(), strict=True):
        if name == "W_dec_FD":
            expected = expected / expected.norm(dim=1, keepdim=True)
        assert torch.allclose(parameter, expected, atol=1e-5), name
    assert not torch.equal(sae.W_enc_DF, last)


@pytest.mark.parametrize("variant", ["standard", "gated", "topk", "jumprelu"])
def test_parts_of_a_batch_give_the_step_of_the_whole(variant, acts):
    # batchtopk shares its budget over a part, so it is not among them
    whole, parts = run(variant, acts, steps=8, lr=1e-3), run(variant, acts, steps=8, lr=1e-3, accumulate=4)
    (one, h1), (other, h2) = finish(whole), finish(parts)
    assert h1.mse[-1] == pytest.approx(h2.mse[-1], rel=1e-4) and h1.l0[-1] == pytest.approx(h2.l0[-1], rel=1e-3)
    # Adam divides by the size of a gradient: where that is all rounding, steps of the learning rate differ in sign
    assert float((one.W_enc_DF - other.W_enc_DF).abs().mean().detach()) < 2e-4


@pytest.mark.parametrize("variant", VARIANTS)
def test_bf16_products_learn_as_well_with_fp32_weights(variant, acts):
    (plain, _), (mixed, _) = finish(run(variant, acts)), finish(run(variant, acts, precision="bf16"))
    assert all(parameter.dtype == torch.float32 for parameter in mixed.parameters())
    one, other = kc.evaluate(plain, acts), kc.evaluate(mixed, acts)
    assert other.explained_variance == pytest.approx(one.explained_variance, abs=0.03)
    assert other.l0 == pytest.approx(one.l0, rel=0.15)


@pytest.mark.parametrize(("capabilities", "warned"), [
    ({"architecture": "x86_64", "avx512_bf16": False, "amx_bf16": False}, True),
    ({"architecture": "x86_64", "avx512_bf16": True, "amx_bf16": False}, False),
    ({"architecture": "aarch64"}, False),
])  # fmt: skip
def test_slow_bf16_products_are_announced(capabilities, warned, acts, monkeypatch, caplog):
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    run("topk", acts, precision="bf16", steps=1)
    assert ("no bf16 products" in caplog.text) == warned


def test_thresholds_move_under_bf16(acts):
    # SAELens #728: a threshold kept in bf16 froze, its steps being smaller than its last bit
    moved = {
        precision: finish(run("jumprelu", acts, precision=precision, lr=1e-4, steps=40))[0].r_threshold_F.detach().abs()
        for precision in ("bf16", "fp32")
    }
    assert float((moved["bf16"] != 0).float().mean()) > 0.9
    assert float(moved["bf16"].median()) < 0.004  # below what bf16 resolves next to 1
    assert float(moved["bf16"].median()) == pytest.approx(float(moved["fp32"].median()), rel=0.2)


def test_the_loop_warms_up_and_takes_the_part_along_decoder_rows_out(acts, monkeypatch):
    trainer = run("standard", acts, steps=100, warmup=0.1, sparsity_warmup=0.2, lr=1e-3, log_every=1)
    seen = []
    step = trainer.optimizers[0].step

    def spied(*args):
        sae = trainer.sae
        along_F = (sae.W_dec_FD.grad * sae.W_dec_FD.detach()).sum(1)
        seen.append(
            (trainer.optimizers[0].param_groups[0]["lr"], float(along_F.abs().max() / sae.W_dec_FD.grad.norm()))
        )
        return step(*args)

    monkeypatch.setattr(trainer.optimizers[0], "step", spied)
    weights, descend = [], Trainer._descend
    monkeypatch.setattr(
        Trainer,
        "_descend",
        lambda self, x_BD, weight, logged: weights.append(weight) or descend(self, x_BD, weight, logged),
    )
    for _ in range(25):
        trainer.advance()
    rates, along = zip(*seen, strict=True)
    assert rates[:10] == pytest.approx([1e-4 * (n + 1) for n in range(10)]) and set(rates[10:]) == {1e-3}
    assert (
        weights[:20] == pytest.approx([weights[20] * (n + 1) / 20 for n in range(20)])
        and weights[20] == weights[-1] > 0
    )
    assert max(along) < 1e-6


def test_learning_rate_falls_along_a_cosine():
    factors = [trapezoid(s, 100, warmup=0.0, decay=1.0, floor=0.1, shape="cosine") for s in range(101)]
    assert factors[0] == 1.0 and factors[50] == pytest.approx(0.55) and factors[100] == pytest.approx(0.1)
    assert factors == sorted(factors, reverse=True)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"optimizer": "sgd"}, "optimizer must be one of adam, adamw, muon, signum, not 'sgd'"),
        ({"precision": "fp16"}, "precision must be one of fp32, bf16"),
        ({"weight_decay": 0.1}, "belongs to adamw, not to adam"),
        ({"ema": 1.0}, "ema must lie between 0 and 1"),
        ({"accumulate": 3, "batch_size": 64}, r"accumulate must divide batch_size \(64\), not be 3"),
        ({"lr_shape": "steps"}, "lr_shape must be one of linear, cosine"),
    ],
)
def test_contradictions_are_refused(options, sentence):
    with pytest.raises(ValueError, match=sentence):
        kc.TrainConfig(**options)
