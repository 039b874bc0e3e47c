"""Statistics of activations and intervals over documents, against plain loops and scipy."""

import math
import random
from itertools import permutations
from statistics import stdev
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from scipy import stats

from kosae_core import statistics
from kosae_core.metrics import evaluate
from kosae_core.sae import SAEConfig
from kosae_core.training import TrainConfig, train


@pytest.fixture(scope="module")
def acts_ND():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(57, 6, generator=generator).exp() * 3 - 1


class Table(SimpleNamespace):
    """What `evaluate` and `document_groups` need of a store."""

    def __getitem__(self, rows):
        return self.acts_ND[rows]


@pytest.fixture(scope="module")
def table(acts_ND):
    doc_index = np.repeat(np.arange(5), [10, 1, 20, 16, 10])
    return Table(acts_ND=acts_ND, n_tokens=57, d_model=6, doc_index=doc_index, documents=[[0]] * 5)


@pytest.fixture(scope="module")
def sae(acts_ND):
    return train(SAEConfig(variant="gated", n_features=12), acts_ND, TrainConfig(steps=40, batch_size=32))[0]


@pytest.mark.parametrize("batch_size", [7, 100])
def test_token_statistics_equal_loops_and_scipy(acts_ND, batch_size):
    found = statistics.token_statistics(acts_ND, batch_size)
    for i, row in enumerate(acts_ND.tolist()):
        assert found.sum_N[i] == pytest.approx(math.fsum(row))
        assert found.abs_sum_N[i] == pytest.approx(math.fsum(abs(v) for v in row))
        assert found.max_N[i] == pytest.approx(max(row))
        assert found.mean_N[i] == pytest.approx(math.fsum(row) / len(row))
        assert found.norm_N[i] == pytest.approx(math.sqrt(math.fsum(v * v for v in row)))
        assert found.kurtosis_N[i] == pytest.approx(stats.kurtosis(row, fisher=False))


def test_kurtosis_of_one_large_element_and_of_a_constant():
    one_D, same_D = torch.zeros(256), torch.full((256,), 2.0)
    one_D[3] = 100.0
    found = statistics.token_statistics(torch.stack([one_D, same_D]))
    assert found.kurtosis_N[0] == pytest.approx(254, abs=0.01)  # (n² - 3n + 3) / (n - 1) of one among n
    assert found.kurtosis_N[1] == 0


def test_document_sums_equal_loops(sae, table):
    report = evaluate(sae, table, groups=table.doc_index, batch_size=13)
    found = report.documents
    x_ND = [list(map(float, row)) for row in table.acts_ND]
    with torch.no_grad():
        xh_ND = [sae(row[None])[0].tolist() for row in table.acts_ND]
        active_N = [int((sae.encode(row[None]) > 0).sum()) for row in table.acts_ND]
    assert report.active_N.tolist() == active_N
    mean_D = [math.fsum(column) / 57 for column in zip(*x_ND, strict=True)]
    for document in range(5):
        error = variance = power = product = active = 0.0
        for i in np.flatnonzero(table.doc_index == document):
            active += active_N[i]
            for v, h, m in zip(x_ND[i], xh_ND[i], mean_D, strict=True):
                error += (v - h) ** 2
                variance += (v - m) ** 2
                power += (h - m) ** 2
                product += (v - m) * (h - m)
        got = [getattr(found, f"{name}_M")[document] for name in ("error", "variance", "power", "product", "active")]
        assert got == pytest.approx([error, variance, power, product, active], rel=1e-4)


def test_ratios_of_document_sums_are_the_reports(sae, table):
    report = evaluate(sae, table, groups=table.doc_index)
    found = report.documents
    assert evaluate(sae, table.acts_ND) == report and evaluate(sae, table.acts_ND).documents is None
    assert 1 - found.error_M.sum() / found.variance_M.sum() == pytest.approx(report.explained_variance, rel=1e-4)
    assert found.active_M.sum() / found.tokens_M.sum() == pytest.approx(report.l0)
    assert found.power_M.sum() / found.product_M.sum() == pytest.approx(report.relative_bias_centred, rel=1e-4)


def test_groups_join_records_of_one_document(table):
    groups_N = statistics.document_groups(table, ["b", "a", "b", "c", "a"])
    assert groups_N.tolist() == [1] * 10 + [0] + [1] * 20 + [2] * 16 + [0] * 10
    assert statistics.by_group(np.ones(57), groups_N).tolist() == [11, 30, 16]


def test_bootstrap_equals_drawing_documents_one_by_one():
    generator = np.random.default_rng(3)
    below = generator.integers(1, 30, size=40).astype(float)
    above = below * generator.normal(2.0, 0.5, size=40)
    low, high = statistics.bootstrap_ratio(above, below, repeats=4000)
    dice, ratios = random.Random(5), []
    for _ in range(4000):
        drawn = [dice.randrange(40) for _ in range(40)]
        ratios.append(sum(above[i] for i in drawn) / sum(below[i] for i in drawn))
    ratios.sort()
    assert low == pytest.approx(ratios[100], abs=0.02)
    assert high == pytest.approx(ratios[3900], abs=0.02)
    assert low < above.sum() / below.sum() < high


def test_bootstrap_is_repeatable_and_narrows_with_documents():
    values = np.random.default_rng(0).normal(size=400)
    assert statistics.bootstrap_ratio(values, np.ones(400)) == statistics.bootstrap_ratio(values, np.ones(400))
    few, many = (np.diff(statistics.bootstrap_ratio(values[:n], np.ones(n)))[0] for n in (25, 400))
    assert many < few / 2


def test_bootstrap_of_a_spread_equals_drawing_seeds_one_by_one():
    values_VS = np.random.default_rng(4).normal(size=(4, 7)) * [[3.0], [1.0], [1.2], [0.8]]
    one, others = values_VS[0], values_VS[1:]
    low, high = statistics.bootstrap_spread(one, others, repeats=4000)
    dice, gaps = random.Random(5), []
    for _ in range(4000):
        drawn = [dice.randrange(7) for _ in range(7)]
        spread = [stdev([values[i] for i in drawn]) for values in values_VS.tolist()]
        gaps.append(spread[0] - max(spread[1:]))
    gaps.sort()
    assert (low, high) == pytest.approx((gaps[100], gaps[3900]), abs=0.1)
    assert low < stdev(one.tolist()) - max(map(stdev, others.tolist())) < high


def test_the_widest_of_several_alike_is_not_less_steady_than_they_are():
    draws = np.random.default_rng(0).normal(size=(60, 6, 8))
    above = np.mean([statistics.bootstrap_spread(values_VS[0], values_VS[1:])[0] > 0 for values_VS in draws])
    assert above <= 0.05


@pytest.mark.parametrize(
    ("call", "word"),
    [
        (lambda t, s: statistics.bootstrap_spread(np.ones(2), np.ones((1, 2))), "three seeds"),
        (lambda t, s: statistics.bootstrap_spread(np.ones(4), np.ones((2, 3))), "three seeds"),
        (lambda t, s: statistics.bootstrap_ratio(np.ones(3), np.ones(4)), "per document"),
        (lambda t, s: statistics.bootstrap_ratio(np.ones(0), np.ones(0)), "per document"),
        (lambda t, s: statistics.bootstrap_ratio(np.ones(3), np.ones(3), level=95), "level"),
        (lambda t, s: statistics.document_groups(t, ["a"]), "records"),
        (lambda t, s: evaluate(s, t, groups=np.zeros(3, dtype=int)), "57 tokens"),
    ],
)
def test_wrong_shapes_are_refused_in_one_sentence(table, sae, call, word):
    with pytest.raises(ValueError, match=word):
        call(table, sae)


def test_an_interval_over_pairs_of_runs_leaves_out_one_run_at_a_time():
    values = {
        (a, b): float(v)
        for (a, b), v in zip(permutations(range(4), 2), np.random.default_rng(1).random(12), strict=True)
    }
    low, high = statistics.pair_interval(values)
    left = []
    for run in range(4):
        others = [value for (a, b), value in values.items() if a != run and b != run]
        left.append(sum(others) / len(others))
    centre = sum(left) / 4
    error = ((4 - 1) / 4 * sum((x - centre) ** 2 for x in left)) ** 0.5
    assert (low + high) / 2 == pytest.approx(sum(values.values()) / 12)
    assert (high - low) / 2 == pytest.approx(3.18244630528 * error)  # 97.5% quantile of t with 3 degrees of freedom
    assert statistics.pair_interval({(0, 1): 0.2, (1, 0): 0.3}) is None
    for bad in ({}, {(0, 1): 0.2}, {(0, 1): 0.2, (1, 0): 0.3, (1, 1): 1.0}):
        with pytest.raises(ValueError, match="every ordered pair"):
            statistics.pair_interval(bad)


def test_intervals_over_pairs_cover_where_runs_differ():
    rng, covered = np.random.default_rng(2), 0
    for _ in range(400):
        first, second = rng.normal(size=5), rng.normal(size=5)
        values = {(a, b): 1 + first[a] + second[b] + 0.3 * rng.normal() for a, b in permutations(range(5), 2)}
        low, high = statistics.pair_interval(values)
        covered += low <= 1 <= high
    assert 0.92 < covered / 400 < 0.98


def test_two_values_show_no_range():
    assert statistics.seed_range([0.3, 0.1]) is None and statistics.seed_range([0.3, 0.1, 0.2]) == (0.1, 0.3)
