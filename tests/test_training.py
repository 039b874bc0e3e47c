"""The loop: determinism, dead features, schedules, the cache, and what users of other libraries stumbled over."""

import dataclasses
import json
import math

import numpy as np
import pytest
import torch

from kosae_core import code, rows, training
from kosae_core.inputs import fit_inputs, geometric_median
from kosae_core.metrics import evaluate
from kosae_core.planted import Planted, PlantedConfig, recovery
from kosae_core.resampling import resample
from kosae_core.sae import VARIANTS, SAEConfig
from kosae_core.schedules import ramp, trapezoid
from kosae_core.trainer import Trainer
from kosae_core.training import TrainConfig, peak_lr, train

SHORT = TrainConfig(steps=30, batch_size=64, log_every=10, device="cpu")


def config(variant="topk", n_features=64, **options):
    return SAEConfig(variant=variant, n_features=n_features, **({"k": 4} if variant == "topk" else {}) | options)


@pytest.fixture(scope="module")
def planted():
    return Planted(PlantedConfig(d_model=24, n_features=48, active=3.0))


@pytest.fixture(scope="module")
def acts(planted):
    return planted.sample(4000)[0] * 7.0 + 3.0


def weights(sae):
    return {name: tensor.clone() for name, tensor in sae.state_dict().items()}


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_same_seed_same_bits(variant, acts):
    first, history = train(config(variant), acts, SHORT)
    torch.rand(7)  # the global generator must not matter
    second, again = train(config(variant), acts, SHORT, held=acts[:500])
    other, _ = train(config(variant), acts, dataclasses.replace(SHORT, seed=1))
    assert all(torch.equal(a, b) for a, b in zip(weights(first).values(), weights(second).values(), strict=True))
    assert history.loss == again.loss
    assert not torch.equal(first.W_enc_DF, other.W_enc_DF)


def test_evaluation_does_not_eat_the_training_stream(acts):
    # SAELens: evaluation drew from, and so moved on, the training stream; the test above compares with and without held
    often, _ = train(config(), acts, dataclasses.replace(SHORT, log_every=1), held=acts[:500])
    seldom, _ = train(config(), acts, dataclasses.replace(SHORT, log_every=30))
    assert torch.equal(often.W_enc_DF, seldom.W_enc_DF)


@pytest.mark.parametrize(
    ("variant", "options"), [("topk", {}), ("standard", {"sparsity": 0.25}), ("gated", {"sparsity": 0.6})]
)
def test_planted_features_are_recovered_by_default_settings(variant, options, planted, acts):
    sae, history = train(
        config(variant, **options), acts, TrainConfig(steps=400, batch_size=256, device="cpu"), held=acts[:1000]
    )
    got = recovery(planted.directions_FD, sae.W_dec_FD)
    assert history.held_explained_variance[-1] > 0.8 and history.held_l0[-1] < 12
    assert got.recovered > 0.8, got
    assert torch.allclose(sae.W_dec_FD.norm(dim=1), torch.ones(64), atol=1e-5)


@pytest.mark.parametrize("variant", sorted(VARIANTS))
def test_result_does_not_depend_on_scale_and_offset(variant, acts):
    # SAELens #518: scaled and unscaled losses mixed up; raw activations in, raw reconstructions out
    sae, _ = train(config(variant), acts, SHORT)
    big, _ = train(config(variant), acts * 64.0 + 512.0, SHORT)
    a, b = evaluate(sae, acts), evaluate(big, acts * 64.0 + 512.0)
    assert b.explained_variance == pytest.approx(a.explained_variance, abs=0.01)
    assert b.l0 == pytest.approx(a.l0, rel=0.1)
    assert b.mse == pytest.approx(a.mse * 64.0**2, rel=0.1)


def test_history_columns(acts):
    _, history = train(config("gated"), acts, SHORT, held=acts[:100])
    assert history.step == [0, 10, 20, 29]
    assert all(len(values) == 4 for name, values in dataclasses.asdict(history).items() if name != "strength")
    assert np.allclose(history.loss, np.add(np.add(history.mse, history.sparsity), history.aux))
    frame = history.to_frame()
    assert {"step", "loss", "l0", "dead_share", "held_l0", "held_explained_variance"} <= set(frame.columns)
    assert "held_l0" not in train(config(), acts, SHORT)[1].to_frame().columns


def test_batch_larger_than_the_table(acts):
    # SAELens' default batch is larger than its buffer and raises
    sae, _ = train(config(), acts[:50], dataclasses.replace(SHORT, steps=3, batch_size=128))
    assert torch.isfinite(sae(acts[:10])).all()


def test_every_row_once_per_pass():
    table = torch.arange(10.0)[:, None]
    stream = rows.Shuffled(table, 4, torch.Generator().manual_seed(0))
    seen = torch.cat([next(stream) for _ in range(5)])[:, 0].tolist()
    assert sorted(seen[:10]) == sorted(seen[10:]) == list(range(10))
    assert seen[:10] != seen[10:]


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_non_finite_row_is_named(acts, bad):
    broken = acts.clone()
    broken[1234, 5] = bad
    with pytest.raises(ValueError, match="first in row 1234"):
        train(config(), broken, SHORT)
    with pytest.raises(ValueError, match="first in row 1234"):
        evaluate(train(config(), acts, SHORT)[0], broken, batch_size=1000)


def test_other_refusals(acts):
    with pytest.raises(ValueError, match="no rows"):
        train(config(), acts[:0], SHORT)
    with pytest.raises(ValueError, match=r"shape \(tokens, d_model\)"):
        train(config(), acts[0], SHORT)
    with pytest.raises(TypeError, match="not list"):
        train(config(), [1, 2], SHORT)
    with pytest.raises(ValueError, match="width 23, training ones 24"):
        train(config(), acts, SHORT, held=acts[:, :23])
    for options in ({"steps": 0}, {"lr": -1.0}, {"warmup": 1.5}, {"clip": -1.0}):
        with pytest.raises(ValueError):
            TrainConfig(**options)


def test_schedules_at_named_steps():
    shape = {"warmup": 0.1, "decay": 0.2, "floor": 0.1}
    factors = [trapezoid(step, 100, **shape) for step in range(100)]
    assert factors[0] == pytest.approx(0.1) and factors[9] == factors[50] == factors[80] == 1.0
    assert factors[90] == pytest.approx(0.55) and factors[99] == pytest.approx(0.1 + 0.9 / 20)
    assert trapezoid(0, 100, warmup=0.0, decay=0.0, floor=0.0) == 1.0
    assert [ramp(step, 10, warmup=0.4) for step in (0, 1, 3, 9)] == [0.25, 0.5, 1.0, 1.0]


def test_input_statistics_against_numpy(acts):
    x = acts.double().numpy()
    for scale, expected in (
        ("rms", math.sqrt(((x - x.mean(0)) ** 2).mean())),
        ("norm", np.linalg.norm(x - x.mean(0), axis=1).mean() / math.sqrt(24)),
        ("none", 1.0),
    ):
        sae = VARIANTS["topk"](config(scale=scale), 24)
        fit_inputs(sae, acts)
        assert float(sae.scale) == pytest.approx(expected, rel=1e-5)
        assert np.allclose(sae.mean_D.numpy(), x.mean(0), atol=1e-5)
    sae = VARIANTS["topk"](config(centre="none"), 24)
    fit_inputs(sae, acts)
    assert float(sae.mean_D.abs().max()) == 0.0


def test_geometric_median_is_not_moved_by_an_outlier():
    from scipy.optimize import minimize

    points = torch.randn(40, 3, generator=torch.Generator().manual_seed(0)).double()
    points[0] = 1e4
    slow = minimize(lambda p: np.linalg.norm(points.numpy() - p, axis=1).sum(), np.zeros(3), method="Nelder-Mead").x
    assert np.allclose(geometric_median(points, 200).numpy(), slow, atol=1e-2)


def test_resampling_draws_inputs_in_proportion_to_their_squared_loss(acts):
    sae = VARIANTS["standard"](config("standard"), 24, torch.Generator().manual_seed(0))
    fit_inputs(sae, acts)
    x_BD = sae.normalise(acts[:4]) * torch.tensor([0.5, 0.8, 1.2, 1.6])[:, None]
    dead_F = torch.zeros(64, dtype=torch.bool)
    dead_F[3] = True
    with torch.no_grad():
        sae.W_dec_FD[3], sae.W_enc_DF[:, 3] = 0.0, 0.0  # what it becomes must not change the losses
        loss_B = (sae.reconstruct(sae.features(x_BD)) - x_BD).square().sum(1)
    drawn, generator, start = np.zeros(4), torch.Generator().manual_seed(1), weights(sae)
    for _ in range(2000):
        sae.load_state_dict(sae.state_dict() | start)
        resample(sae, dead_F, x_BD, [], generator)
        drawn[int(torch.nn.functional.cosine_similarity(sae.W_dec_FD[3][None], x_BD - sae.b_dec_D).argmax())] += 1
    expected = (loss_B.square() / loss_B.square().sum()).numpy()
    assert np.allclose(drawn / 2000, expected, atol=0.04)
    for other in (np.full(4, 0.25), (loss_B / loss_B.sum()).numpy()):  # uniform, or by the loss itself
        assert np.abs(other - expected).max() > 0.1


@pytest.mark.parametrize("variant", ["standard", "gated"])
def test_resampling_moves_only_dead_features(variant, acts):
    sae = VARIANTS[variant](config(variant), 24, torch.Generator().manual_seed(0))
    fit_inputs(sae, acts)
    optimizer = torch.optim.Adam(sae.parameters(), lr=1e-3)
    x_BD = sae.normalise(acts[:256])
    dead_F = torch.zeros(64, dtype=torch.bool)
    terms = sae.objective(x_BD, 1.0, dead_F)
    (terms.mse + terms.sparsity + terms.aux).backward()
    optimizer.step()
    dead_F[[3, 40]] = True
    before, moments = weights(sae), {p: dict(optimizer.state[p]) for p in sae.parameters()}
    moments = {p: state["exp_avg"].clone() for p, state in moments.items()}
    resample(sae, dead_F, x_BD, [optimizer], torch.Generator().manual_seed(0))
    live = ~dead_F
    assert torch.equal(sae.W_dec_FD[live], before["W_dec_FD"][live])
    assert torch.equal(sae.W_enc_DF[:, live], before["W_enc_DF"][:, live])
    assert torch.equal(sae.b_dec_D, before["b_dec_D"])
    rows_ND = x_BD - sae.b_dec_D
    cosine_2B = torch.nn.functional.cosine_similarity(sae.W_dec_FD[dead_F][:, None], rows_ND[None], dim=2)
    assert torch.allclose(cosine_2B.max(1).values, torch.ones(2), atol=1e-5)
    norms = sae.W_enc_DF.norm(dim=0)
    assert torch.allclose(norms[dead_F], 0.2 * norms[live].mean().expand(2), rtol=1e-4)
    for name, parameter in sae.named_parameters():
        moment = optimizer.state[parameter]["exp_avg"]
        along = (..., dead_F) if name.endswith("F") else dead_F
        if name == "b_dec_D":
            assert torch.equal(moment, moments[parameter])
        else:
            assert float(moment[along].abs().max()) == 0.0
            assert torch.equal(moment[..., live] if name.endswith("F") else moment[live],
                               moments[parameter][..., live] if name.endswith("F") else moments[parameter][live])  # fmt: skip
        if name.endswith("_F"):
            assert float(parameter[dead_F].abs().max()) == 0.0


def test_death_is_counted_in_tokens(acts, monkeypatch):
    # SAELens counts steps: the same run in larger batches would call other features dead
    seen = []
    original = VARIANTS["standard"].objective

    def silent_feature_0(self, x_BD, weight, dead_F):
        terms = original(self, x_BD, weight, dead_F)
        seen.append(bool(dead_F[0]))
        fired_F = torch.ones_like(dead_F)
        fired_F[0] = False
        terms.code.fired = lambda: fired_F
        return terms

    monkeypatch.setattr(VARIANTS["standard"], "objective", silent_feature_0)
    for batch_size, first_dead in ((50, 5), (100, 3)):
        seen.clear()
        cfg = TrainConfig(steps=8, batch_size=batch_size, dead_after=200, resample_every=0, device="cpu")
        train(config("standard"), acts, cfg)
        assert seen.index(True) == first_dead, seen


def test_resampling_revives(acts, monkeypatch):
    def half_of_them_silent(self):
        self.b_enc_F = torch.nn.Parameter(torch.where(torch.arange(64) < 32, -50.0, 0.0))

    monkeypatch.setattr(VARIANTS["standard"], "add_biases", half_of_them_silent)
    cfg = TrainConfig(steps=100, batch_size=128, dead_after=1000, device="cpu")
    zero_biases = config("standard", initial_density=0)
    revived, _ = train(zero_biases, acts, cfg)
    left, _ = train(zero_biases, acts, dataclasses.replace(cfg, resample_every=0))
    assert evaluate(left, acts).dead_share >= 0.5
    assert evaluate(revived, acts).dead_share < 0.1


def test_default_learning_rate_follows_the_width():
    assert peak_lr(config(), TrainConfig(), 1024) == pytest.approx(peak_lr(config(), TrainConfig(), 256) / 2)
    assert peak_lr(config(), TrainConfig(lr=0.01), 1024) == 0.01


class FakeStore:
    """What `train` uses of an activation store."""

    def __init__(self, acts):
        self.table, self.key, self.point, self.lm_name = acts, "k" * 64, "q2.resid_post", "tiny"
        self.n_tokens, self.d_model = acts.shape
        self.spec = {"corpus": "c"}

    def all(self):
        return self.table

    def batch(self, indices):
        return self.table[indices]

    def __getitem__(self, part):
        return self.table[part]


def test_store_gives_a_cached_result_with_provenance(acts, empty_store, monkeypatch):
    store = FakeStore(acts)
    sae, history = train(config(), store, SHORT, held=store)
    monkeypatch.setattr(training, "_run", lambda *_: pytest.fail("trained again"))
    again, same = train(config(), store, SHORT, held=store)
    assert all(torch.equal(a, b) for a, b in zip(weights(sae).values(), weights(again).values(), strict=True))
    assert history == same
    assert again.provenance["model"] == "tiny" and again.provenance["tokens"] == 4000
    assert again.provenance["versions"]["torch"] == torch.__version__
    (manifest,) = empty_store.glob("sae/*/manifest.json")
    assert json.loads(manifest.read_text())["spec"]["code"] == code.version(VARIANTS[config().variant], training.STAGE)
    monkeypatch.undo()


def test_interrupted_training_leaves_no_entry(acts, empty_store):
    def stop(done, total, text):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(config(), FakeStore(acts), SHORT, progress=stop)
    assert not list(empty_store.glob("sae/*/manifest.json"))


def test_a_store_too_large_for_memory_gives_the_same_bits(acts, monkeypatch):
    small, _ = train(config(), acts, SHORT)
    monkeypatch.setattr(rows, "IN_MEMORY_BYTES", 1000)
    store = FakeStore(acts)
    del store.key
    streamed, _ = train(config(), store, SHORT)
    assert torch.equal(small.W_enc_DF, streamed.W_enc_DF)


def test_progress_is_reported(acts):
    calls = []
    train(config(), acts, SHORT, progress=lambda *call: calls.append(call))
    assert [call[0] for call in calls] == [1, 11, 21, 30] and calls[-1][1] == 30 and "EV" in calls[-1][2]


@pytest.mark.parametrize("variant", ["standard", "gated", "p_anneal", "gated_anneal"])
def test_penalised_variants_start_sparse(variant, acts):
    """Before the first step every feature fires on a tenth of the tokens, and with 0 its biases are 0."""
    for density, n_features in ((0.1, 1100), (0.25, 48)):
        sae = VARIANTS[variant](SAEConfig(variant, n_features, initial_density=density), acts.shape[1])
        fit_inputs(sae, acts)
        found_F = (sae.encode(acts) > 0).float().mean(0)
        assert torch.allclose(found_F, torch.full_like(found_F, density), atol=0.02)
    sae = VARIANTS[variant](SAEConfig(variant, 8, initial_density=0), acts.shape[1])
    fit_inputs(sae, acts)
    assert not sae.b_enc_F.any()


def test_topk_has_no_first_density(acts):
    with pytest.raises(ValueError, match="initial_density has no meaning for the topk variant"):
        SAEConfig("topk", 8, k=2, initial_density=0.1)
    with pytest.raises(ValueError, match=r"initial_density must lie between 0 and 1 \(exclusive\), not 1"):
        SAEConfig("standard", 8, initial_density=1)


def test_one_row_is_enough_to_start_from():
    sae = VARIANTS["standard"](SAEConfig("standard", 8), 4)
    fit_inputs(sae, torch.ones(1, 4))
    assert sae.b_enc_F.isfinite().all()


@pytest.mark.parametrize("d_model", [16, 512])
def test_jumprelu_fires_on_its_first_density_at_every_width(d_model):
    acts_ND = torch.randn(3000, d_model, generator=torch.Generator().manual_seed(4))
    sae = Trainer(SAEConfig("jumprelu", 64), acts_ND, TrainConfig(steps=1, device="cpu")).sae
    assert float((sae.encode(acts_ND) > 0).float().mean()) == pytest.approx(0.02, rel=0.05)


def test_features_that_resampling_has_no_input_for_stay_dead(acts):
    cfg = TrainConfig(steps=10, batch_size=8, dead_after=0, resample_every=1, device="cpu")
    trainer = Trainer(SAEConfig("standard", 64), acts, cfg)
    with torch.no_grad():
        trainer.sae.b_enc_F.fill_(-100.0)
    trainer.advance()
    assert int((trainer.silent_F == 0).sum()) == 8 and int((trainer.silent_F == 8).sum()) == 56


def test_history_does_not_depend_on_the_parts_of_a_batch(acts):
    seen = [
        train(SAEConfig("topk", 32, k=4), acts, TrainConfig(20, 64, accumulate=parts, device="cpu"))[1]
        for parts in (1, 8, 64)
    ]
    for history in seen[1:]:
        assert history.explained_variance == pytest.approx(seen[0].explained_variance, abs=1e-3)
    _, alone = train(SAEConfig("topk", 32, k=4), acts, TrainConfig(2, 1, device="cpu"))
    assert np.isnan(alone.explained_variance).all()  # one row has no variance
