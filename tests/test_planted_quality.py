"""What the benchmarks beside the peers choose to judge, where they read it off, and which steps they time."""

import math
import sys

import pytest

from kosae_core import paths

sys.path.insert(0, str(paths.ROOT / "benchmarks"))
import free_rows
import planted_quality
import train_throughput


def end(ev, found, l0=16.0):
    return [{"explained_variance": ev, "recovered": found, "l0": l0}]


def test_the_best_of_a_library_is_chosen_at_equal_l0():
    results = {"machine": {}, "limits": {}, "topk/a/own": end(0.8, 0.5), "topk/a/0.003": end(0.7, 0.9), "topk/a b/0.01": end(1, 1),
               "topk/kosae/own": end(0.8, 0.9), "topk/kosae/0.02": end(0.9, 0.9), "topk/kosae free/0.01": end(1, 1),
               "standard/a/0.003/2.5": end(0.6, 0.4), "standard/a/0.003/0.5": end(0.9, 0.9, l0=30.0)}  # fmt: skip
    assert planted_quality.best("topk", "a", results) == {"lr": 0.003, "penalty": None}
    assert planted_quality.best("standard", "a", results) == {"lr": 0.003, "penalty": 2.5}
    assert planted_quality.best("topk", "kosae", results) == {"lr": 0.02, "penalty": None}
    assert planted_quality.best("gated", "a", results) is None


@pytest.mark.parametrize("steep", [0.4, 1.0, 4.0])
@pytest.mark.parametrize("start", [0.1, 1.0])
def test_a_penalty_is_found_where_l0_falls_unevenly(steep, start):
    def l0(penalty):  # slowly up to 4, then steeply
        return 18 * (4 / penalty) ** (0.8 if penalty < 4 else steep)

    tried, penalty = {}, start
    while not tried or abs(tried[penalty] / 16 - 1) > 0.1:
        penalty = planted_quality.next_penalty(tried, 16) if tried else penalty
        assert penalty not in tried and len(tried) < planted_quality.MOST
        tried[penalty] = l0(penalty)


def test_the_judged_dictionary_is_another():
    first, other = (
        planted_quality.planted(planted_quality.SIZES["small"], seed) for seed in (0, planted_quality.OTHER)
    )
    assert float((first.directions_FD @ other.directions_FD.t()).abs().max()) < 0.6


def test_the_best_of_each_library_is_judged_on_the_other_dictionary_and_ours_with_its_defaults(tmp_path, monkeypatch):
    end = [{"cpu_seconds": 1.0, "l0": 16.0, "explained_variance": 0.8, "recovered": 0.9, "dead": 0.0}]
    asked, results = [], {"gated/sae-lens/0.01/2": end, "gated/kosae/own": end, "gated/kosae free/0.02": end}
    monkeypatch.setattr(planted_quality, "planted_file", lambda size, folder, n, seed: folder / str(seed))
    monkeypatch.setattr(planted_quality, "learn", lambda *args, **settings: asked.append((*args, settings)) or end)
    for _ in range(2):  # what is there is not measured again
        planted_quality.judge(["gated"], None, tmp_path, results, lambda: None)
    data, own = tmp_path / str(planted_quality.OTHER), {"lr": None, "penalty": None}
    assert asked == [("kosae", "gated", data, own), ("kosae free", "gated", data, own),
                     ("kosae free", "gated", data, {"lr": 0.02, "penalty": None}),
                     ("sae-lens", "gated", data, {"lr": 0.01, "penalty": 2.0})]  # fmt: skip
    judged = {key for key in results if key.startswith("judged/")}
    assert judged == {
        f"judged/gated/{end}" for end in ("kosae/own", "kosae free/own", "kosae free/0.02", "sae-lens/0.01/2")
    }


def test_free_rows_are_compared_at_one_l0_that_every_front_passes():
    gain = {setting: index / 100 for index, setting in enumerate(free_rows.SETTINGS)}
    trainings = {}
    for setting in free_rows.SETTINGS:
        for seed in free_rows.SEEDS:
            for target in free_rows.TARGETS:
                l0 = target * (1.3 if "free" in setting else 0.9)  # a setting misses its target without losing by it
                ev = 0.5 + 0.1 * math.log(l0) + gain[setting] + seed / 1000
                trainings[f"gated/{setting}/{target}/{seed}"] = {
                    "l0": l0,
                    "explained_variance": ev,
                    "loss_recovered": 2 * ev,
                }
    read = free_rows.at_equal_l0(trainings, ["gated"])
    l0 = math.sqrt(1.3 * free_rows.TARGETS[0] * 0.9 * free_rows.TARGETS[-1])
    for setting in free_rows.SETTINGS:
        row, ev = read[f"gated/{setting}"], 0.5 + 0.1 * math.log(l0) + gain[setting]
        assert row["l0"] == pytest.approx(l0)
        assert row["explained_variance"] == pytest.approx({"mean": ev + 0.001, "lowest": ev, "highest": ev + 0.002})
        assert row["loss_recovered"]["mean"] == pytest.approx(2 * (ev + 0.001))


def test_neither_the_first_turn_nor_the_first_step_of_any_is_timed(monkeypatch):
    class Fake:
        def __init__(self, library, variant, precision, data, options):
            self.name, self.orders = f"{library}, {precision}", 0
            self.step = 0.01 if library == "kosae" else 0.02

        def ask(self, order):
            if order == "quality":
                return {"l0": 16.0}
            self.orders += 1
            slow = 100 if self.orders <= 2 or order == "1" else 1  # of the first turn, or after a wait
            return {"seconds": slow * self.step * int(order)}

        def close(self):
            pass

    monkeypatch.setattr(train_throughput, "Side", Fake)
    monkeypatch.setattr(train_throughput, "product_rate", lambda size, dtype: 100.0)
    size = train_throughput.SIZES["small"]
    row = train_throughput.measure("batchtopk", size, None, budget=12, turn=3, learnt={})
    assert row["sides"]["kosae, fp32"]["samples_per_second"] == pytest.approx(size["batch"] / 0.01)
    assert row["ratios"]["fp32"]["lowest"] == pytest.approx(2) and row["ratios"]["fp32"]["highest"] == pytest.approx(2)
    limit = 100e9 / (2 * size["d_model"] * size["n_features"])
    assert row["ratios"]["fp32"]["share_of_limit"] == pytest.approx(size["batch"] / 0.01 / limit)
