"""Matching of dictionaries against all permutations."""

from itertools import permutations

import numpy as np
import pytest
import torch

from kosae_core import matching


def table(rows, seed):
    return torch.randn(rows, 5, generator=torch.Generator().manual_seed(seed))


def test_cosines_and_nearest_against_loops():
    a, b = table(6, 1), table(4, 2)
    found = matching.cosines(a, b)
    for i in range(6):
        for j in range(4):
            expected = sum(x * y for x, y in zip(a[i].tolist(), b[j].tolist(), strict=True))
            expected /= sum(x * x for x in a[i].tolist()) ** 0.5 * sum(y * y for y in b[j].tolist()) ** 0.5
            assert float(found[i, j]) == pytest.approx(expected, rel=1e-5)
    best, at = matching.nearest(a, b)
    assert at.tolist() == [int(np.argmax(row)) for row in found.tolist()]
    assert best.tolist() == [max(row) for row in found.tolist()]


@pytest.mark.parametrize("shape", [(5, 5), (4, 6), (6, 4)])
def test_pairs_are_the_best_of_all_permutations(shape):
    a, b = table(shape[0], 3), table(shape[1], 4)
    cosine, rows, columns = matching.pairs(a, b)
    grid = matching.cosines(a, b).numpy()
    few, many = min(shape), max(shape)
    side = grid if shape[0] <= shape[1] else grid.T
    best = max(sum(side[i, p[i]] for i in range(few)) for p in permutations(range(many), few))
    assert cosine.sum() == pytest.approx(best, rel=1e-5)
    assert len(set(rows)) == len(set(columns)) == few
    assert np.allclose(cosine, grid[rows, columns], atol=1e-6)


def test_consistency_of_shuffled_copies_is_one_and_of_opposites_is_not():
    a = table(8, 5)
    shuffled = 3.0 * a[torch.randperm(8, generator=torch.Generator().manual_seed(6))]
    assert matching.consistency([a, shuffled, a]) == pytest.approx(1.0, abs=1e-6)
    other = table(8, 7)
    means = [matching.pairs(x, y)[0].mean() for x, y in ((a, other), (a, -a), (other, -a))]
    assert matching.consistency([a, other, -a]) == pytest.approx(np.mean(means))
    assert means[1] < 0.9


def test_bad_dictionaries_are_refused():
    with pytest.raises(ValueError, match="widths 5 and 3"):
        matching.cosines(table(2, 1), torch.ones(2, 3))
    with pytest.raises(ValueError, match="at least two"):
        matching.consistency([table(2, 1)])


def test_a_row_of_zeros_matches_nothing():
    assert matching.cosines(torch.zeros(1, 5), table(3, 1)).abs().max() == 0


def test_children_are_the_rows_that_have_a_row_as_their_nearest():
    generator = torch.Generator().manual_seed(3)
    first, second = torch.randn(6, 5, generator=generator), torch.randn(40, 5, generator=generator)
    expected = [0] * 6
    for row in second:
        cosines = [float(row @ other / (row.norm() * other.norm())) for other in first]
        expected[int(np.argmax(cosines))] += max(cosines) >= 0.5
    assert matching.children(first, second, 0.5).tolist() == expected and sum(expected) > 6
