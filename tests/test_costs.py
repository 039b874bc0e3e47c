"""What `make plan` says of time and bytes, against the measurements of `benchmarks/scaling.json`: all of them, and those that
its factors were not fitted to."""

import importlib.util
import json
import sys
from copy import deepcopy

import numpy as np
import pytest
import torch

import kosae_core as kc
from kosae_core import inputs, kernels, needs, paths
from pipeline import costs
from pipeline.costs import Costs, Rates

FOUND = json.loads(costs.FILE.read_text())
RATES = Rates(**FOUND["machine"]["rates"])
PROCESS = FOUND["machine"]["process"]
TIME, BYTES, LARGE = 0.35, 0.10, 250e6
BY_K = ("topk", "batchtopk", "matryoshka")


@pytest.fixture(scope="module")
def benchmark():
    """`benchmarks/scaling.py`, as a module."""
    folder = paths.ROOT / "benchmarks"
    spec = importlib.util.spec_from_file_location("scaling_benchmark", folder / "scaling.py")
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(folder))
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(str(folder))
    return module


def predicted(name, m, said):
    """Seconds that the factors give for a measurement."""
    kind, s, r = name.removeprefix("check/").split("/"), m["settings"], m["result"]
    if kind[0] == "step":
        return said.step(kind[1], kind[2], s["d_model"], s["n_features"], s["batch"], r["entries"] or 0)
    if kind[0] == "gather":
        return said.gather(r["inner"], r["tokens"], s["d_model"], s["blocks"])
    sizes = (s[n] for n in ("variant", "d_model", "n_features", "batch", "steps", "tokens"))
    return said.train(*sizes, **{n: s[n] for n in ("k", "target_l0", "held") if n in s})


def far_off(found):
    """The measurements that are further than TIME from what is said, with the ratio."""
    said, off = Costs(RATES, found["costs"]), {}
    for name, m in found["measured"].items():
        if not name.startswith(("dead/", "memory/", "check/study/")):
            ratio = predicted(name, m, said) / m["result"]["seconds"]
            if abs(ratio - 1) > TIME:
                off[name] = round(ratio, 2)
    return off


def test_time_is_within_35_percent_of_every_measurement():
    assert far_off(FOUND) == {}


def test_sizes_that_were_not_fitted_are_among_them():
    checks = [name for name in FOUND["measured"] if name.startswith("check/")]
    assert len([n for n in checks if n.startswith("check/train/")]) >= 8
    assert len([n for n in checks if n.startswith("check/gather/")]) >= 2
    settings = {name: tuple(m["settings"].get(n) for n in ("variant", "d_model", "n_features", "batch")) for name, m in FOUND["measured"].items()}  # fmt: skip
    fitted = {s for name, s in settings.items() if name.startswith("step/")}
    assert not [name for name in checks if name.startswith("check/train/") and settings[name] in fitted]


@pytest.mark.parametrize("name", ["check/train/topk/d384/f3072", "gather/d512", "step/gated/dense/d256/f4096/b1024"])
@pytest.mark.parametrize("times", [0.6, 1.8])
def test_another_time_would_be_noticed(name, times):
    other = deepcopy(FOUND)
    other["measured"][name]["result"]["seconds"] *= times
    assert name in far_off(other)


def test_what_grows_is_measured_over_the_whole_range():
    steps = [m["settings"] for name, m in FOUND["measured"].items() if name.startswith("step/")]
    for variant in (*BY_K, "standard", "gated", "jumprelu"):
        own = [s for s in steps if s["variant"] == variant]
        assert {128, 256, 512, 2048} <= {s["d_model"] for s in own}
        assert {1024, 4096, 16384, 65536} <= {s["n_features"] for s in own}
        lengths = {m["settings"]["steps"] for n, m in FOUND["measured"].items() if n.startswith(f"train/{variant}/")}
        # x1, x4 and, for TopK, x16 tokens
        assert {40, 160} | ({640} if variant == "topk" else set()) <= lengths
    passes = {m["settings"]["tokens"] for n, m in FOUND["measured"].items() if n.startswith("gather/tokens/")}
    assert {4096, 16384, 65536} <= passes


def test_a_measurement_runs(benchmark, monkeypatch):
    monkeypatch.setattr(kernels, "encode", kernels.encode)  # which is watched from here on
    sizes = {"d_model": 16, "n_features": 64, "batch": 32, "steps": 3}
    step = benchmark.measure.step("topk", k=4, **sizes)
    assert step["entries"] == 4 * 32 and step["seconds"] > 0
    run = benchmark.measure.train("standard", tokens=500, held=True, **sizes)
    assert 0 <= run["dense"] <= 1 and run["peak"] > 0


def test_the_factors_are_those_of_the_measurements(benchmark):
    assert benchmark.fit(FOUND["measured"], RATES) == FOUND["costs"]


@pytest.mark.parametrize("name", [n for n in FOUND["measured"] if "gather/" in n])
def test_bytes_of_a_store_are_within_10_percent(name):
    s, r = FOUND["measured"][name]["settings"], FOUND["measured"][name]["result"]
    element = {"bf16": 2, "fp32": 4}[s.get("dtype", "bf16")]
    said = needs.store_bytes(r["tokens"], s["d_model"], element, s.get("points", 1))
    assert said == pytest.approx(r["bytes"], rel=BYTES)


@pytest.mark.parametrize("name", [n for n in FOUND["measured"] if "gather/" in n])
def test_memory_of_a_pass_is_within_10_percent(name, benchmark):
    s, r = FOUND["measured"][name]["settings"], FOUND["measured"][name]["result"]
    sizes = s["d_model"], s["blocks"], s.get("family", "llama"), s.get("points", 1)
    said = benchmark.measure.said_peak(r["tokens"], *sizes, {"bf16": 2, "fp32": 4}[s.get("dtype", "bf16")])
    assert said == pytest.approx(r["peak"], rel=BYTES)


@pytest.mark.parametrize("name", [n for n in FOUND["measured"] if n.startswith("check/study/")])
def test_chapters_take_what_the_plan_says(name, benchmark, monkeypatch):
    monkeypatch.delenv("KOSAE_DATA_DIR", raising=False)
    monkeypatch.setattr(costs, "measured_rates", lambda: RATES)
    s, r = FOUND["measured"][name]["settings"], FOUND["measured"][name]["result"]
    said = benchmark.measure.counted(**s)
    assert (len(said.all.stores), len(said.all.runs)) == (r["stores"], r["trainings"])
    for kind, size in said.disk().items():
        assert size == pytest.approx(r["bytes"][kind], rel=BYTES), kind
    seconds = said.seconds()
    assert seconds["gathering"] == pytest.approx(r["seconds"]["gathering"], rel=TIME)
    assert seconds["training"] == pytest.approx(r["seconds"]["training"], rel=TIME)


def memory(found):
    """What is said of a training's bytes and what it took; where a step computes with tables, or by k, as is assumed."""
    pairs = {}
    for name, m in found["measured"].items():
        s, r = m["settings"], m["result"]
        if "peak" not in r or "variant" not in s or ("/sparse/" in name and s["variant"] not in BY_K):
            continue
        config = kc.SAEConfig(s["variant"], s["n_features"], k=s.get("k"))
        cfg = kc.TrainConfig(steps=s["steps"], batch_size=s["batch"])
        n_tokens = s.get("tokens") or max(4096, 2 * s["batch"])
        said = needs.train_bytes(config, cfg, s["d_model"], n_tokens, in_memory=True, held=s.get("held", False))
        pairs[name] = said, r["peak"]
    return pairs


def test_memory_of_a_training_process_is_within_10_percent():
    assert pytest.approx(PROCESS, rel=0.03) == needs.PROCESS
    pairs = memory(FOUND)
    assert len(pairs) > 90 and sum(name.startswith("check/") for name in pairs) == 15
    ratios = {name: (PROCESS + said) / (PROCESS + peak) for name, (said, peak) in pairs.items()}
    assert {name: round(r, 3) for name, r in ratios.items() if abs(r - 1) > BYTES} == {}


def by_table(found, large):
    """The ratios of single steps, of those whose (batch, features) table is of 32 MiB or more, or of the others."""
    ratios = {n: a / b for n, (a, b) in memory(found).items() if n.startswith(("step/", "memory/"))}
    sizes = {
        n: 4 * found["measured"][n]["settings"]["n_features"] * found["measured"][n]["settings"]["batch"]
        for n in ratios
    }
    return {n: r for n, r in ratios.items() if (sizes[n] >= 32 << 20) == large}


def test_memory_of_large_steps_is_within_10_percent():
    large = by_table(FOUND, True)
    assert len(large) == 14
    assert {n: round(r, 2) for n, r in large.items() if abs(r - 1) > BYTES} == {}


def test_memory_of_small_steps_is_within_30_percent():
    """What a step keeps in the heap, and how much room is lost there, is not counted one by one."""
    small = by_table(FOUND, False)
    assert len(small) == 45
    peaks = {n: FOUND["measured"][n]["result"]["peak"] for n in small}
    assert {n: round(r, 2) for n, r in small.items() if abs(r - 1) > (0.25 if peaks[n] > LARGE else 0.3)} == {}


def test_what_is_counted_is_what_the_core_does():
    assert costs.STATISTICS == inputs.STATISTICS_ROWS and costs.BIASES == inputs.BIAS_ROWS
    cfg = kc.TrainConfig()
    assert (cfg.log_every, cfg.held_tokens) == (costs.LOG_EVERY, costs.HELD)
    courses = [m["settings"]["n_features"] for name, m in FOUND["measured"].items() if name.startswith("train/")]
    assert set(courses) == {costs.COURSE}


def test_rates_are_measured_here():
    threads = torch.get_num_threads()
    rates = costs.measured_rates(0.02, 1)
    assert 1e8 < rates.products < 1e13 and 1e8 < rates.memory < 1e12 and 1e-8 < rates.call < 1e-3
    assert torch.get_num_threads() == threads


def test_a_machine_of_half_the_speed_takes_twice_as_long():
    slow = Rates(RATES.products / 2, RATES.memory / 2, RATES.call * 2)
    for variant in ("topk", "gated", "p_anneal", "groupmax"):
        sizes = variant, 256, 2048, 1024, 100, 20_000
        assert Costs(slow).train(*sizes) == pytest.approx(2 * Costs(RATES).train(*sizes))


def test_more_of_anything_costs_more():
    said, base = Costs(RATES), ["standard", 256, 2048, 1024, 250, 50_000]
    for at in range(1, len(base)):
        more = [*base[:at], 4 * base[at], *base[at + 1 :]]
        assert said.train(*more) > said.train(*base)
    assert said.train(*base, held=True) > said.train(*base)
    assert said.train(*base, initial_density=0) > said.train(*base)
    assert said.train(*base, target_l0=32.0) < said.train(*base)
    assert said.train("topk", *base[1:], k=256) > said.train("topk", *base[1:], k=8)


def test_a_course_is_followed_between_its_ends():
    course = costs.Course([10, 1000], [1.0, 0.0], [0.1, 0.02])
    assert course.at(10) == (1.0, 0.1) and course.at(5) == (1.0, 0.1) and course.at(10**6) == (0.0, 0.02)
    assert np.allclose(course.at(100), (0.5, 0.06))


def test_a_variant_that_was_not_measured_counts_as_its_parent():
    listed = Costs(RATES).listed
    assert [listed(v) for v in ("topk", "p_anneal", "gated_anneal", "groupmax")] == [
        "topk",
        "standard",
        "gated",
        "topk",
    ]
