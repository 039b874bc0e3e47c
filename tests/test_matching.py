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


def test_children_that_are_copies_of_each_other_count_once():
    generator = torch.Generator().manual_seed(5)
    first, second = torch.randn(6, 5, generator=generator), torch.randn(40, 5, generator=generator)
    second[20:30] = second[:10] + 0.1 * torch.randn(10, 5, generator=generator)
    cosine = lambda a, b: float(a @ b / (a.norm() * b.norm()))  # noqa: E731
    expected = []
    for i in range(6):
        near = [(cosine(row, first[i]), j) for j, row in enumerate(second)]
        own = [(c, j) for c, j in near if c >= 0.5 and all(c >= cosine(second[j], other) for other in first)]
        kept = []
        for _, j in sorted(own, reverse=True):
            if not any(cosine(second[j], second[k]) >= 0.9 for k in kept):
                kept.append(j)
        expected.append(len(kept))
    found = matching.distinct_children(first, second, 0.5, 0.9)
    assert found.tolist() == expected and found.sum() < matching.children(first, second, 0.5).sum()
    assert (
        matching.distinct_children(first, second, 0.5, 1.1).tolist() == matching.children(first, second, 0.5).tolist()
    )
    assert matching.distinct_children(first, torch.cat([first, first]), 0.5, 0.9).tolist() == [1] * 6


def loop_nearest(first, second):
    unit = [[row / row.norm() for row in rows] for rows in (first, second)]
    grid = [[float(a @ b) for b in unit[1]] for a in unit[0]]
    return [max(row) for row in grid], [row.index(max(row)) for row in grid]


def test_rows_that_share_their_nearest():
    first, second = table(30, 8), table(12, 9)
    best, at = loop_nearest(first, second)
    alike = [sum(other == mine for other in at) > 1 for mine in at]
    assert matching.shared_nearest(first, second) == pytest.approx(sum(alike) / 30)
    near = [i for i in range(30) if best[i] >= 0.7]
    expected = sum(sum(at[j] == at[i] for j in near) > 1 for i in near) / len(near)
    assert 0 < expected < 1 and matching.shared_nearest(first, second, 0.7) == pytest.approx(expected)
    assert np.isnan(matching.shared_nearest(first, second, 1.1))
    assert matching.shared_nearest(first, first) == 0


def test_the_share_with_one_partner_by_two_kinds_of_weights():
    tables = table(30, 8), table(12, 9), table(30, 10), table(12, 11)
    tables[2][:9] = tables[0][:9]
    tables[3][:] = tables[1] + 0.3 * tables[3]
    (best, at), (also, also_at) = loop_nearest(*tables[:2]), loop_nearest(*tables[2:])
    some = [i for i in range(30) if best[i] >= 0.7 or also[i] >= 0.7]
    expected = sum(at[i] == also_at[i] for i in some) / len(some)
    assert 0 < expected < 1 and matching.same_partner(*tables, 0.7) == pytest.approx(expected)
    assert np.isnan(matching.same_partner(*tables, 1.1))


def test_the_nearest_other_row_against_loops():
    rows = table(20, 3)
    rows[7] = 2.0 * rows[3] + 0.05 * rows[0]
    unit = rows / rows.norm(dim=1, keepdim=True)
    expected = [max(float(unit[i] @ unit[j]) for j in range(20) if j != i) for i in range(20)]
    np.testing.assert_allclose(matching.nearest_other(rows), expected, atol=1e-6)
    assert matching.nearest_other(rows)[[3, 7]].min() > 0.99


def test_by_chance_rows_share_their_nearest_as_often_as_the_formula_says():
    first, second = (torch.randn(400, 60, generator=torch.Generator().manual_seed(s)) for s in (1, 2))
    assert matching.shared_nearest(first, second) == pytest.approx(1 - (1 - 1 / 400) ** 399, abs=0.08)


def test_features_persist_vanish_and_appear_from_step_to_step():
    dictionaries = [table(9, 10), table(7, 11), table(8, 12)]
    dictionaries[1][:4] = dictionaries[0][[5, 2, 2, 8]] + 0.1 * table(4, 13)
    dictionaries[2][:2] = 3 * dictionaries[1][[0, 3]]
    steps = [matching.step(a, b, 0.8) for a, b in zip(dictionaries, dictionaries[1:], strict=False)]
    for each, first, second in zip(steps, dictionaries, dictionaries[1:], strict=False):
        best, at = loop_nearest(first, second)
        assert each.partner_F.tolist() == [
            where if cosine >= 0.8 else -1 for cosine, where in zip(best, at, strict=True)
        ]
        assert each.appears_G.tolist() == [cosine < 0.8 for cosine in loop_nearest(second, first)[0]]
        assert each.persists == pytest.approx(sum(cosine >= 0.8 for cosine in best) / len(first))
        assert each.appears == pytest.approx(sum(each.appears_G) / len(second))
    expected = []
    for feature in range(9):
        lasted, at = 0, feature
        for each in steps:
            at = int(each.partner_F[at])
            if at < 0:
                break
            lasted += 1
        expected.append(lasted)
    assert matching.chains(steps).tolist() == expected and {0, 1, 2} <= set(expected)
    with pytest.raises(ValueError, match="at least one step"):
        matching.chains([])


def test_shuffled_rows_keep_their_elements_and_lose_their_direction():
    rows = torch.randn(50, 64, generator=torch.Generator().manual_seed(4))
    shuffled = matching.shuffled_elements(rows, 1)
    assert torch.equal(rows.sort(1).values, shuffled.sort(1).values)
    assert len({tuple(order) for order in (shuffled[:, None, :] == rows[:, :, None]).int().argmax(1).tolist()}) == 50
    assert matching.nearest(rows, shuffled)[0].max() < 0.7 and torch.equal(
        shuffled, matching.shuffled_elements(rows, 1)
    )


def test_the_share_that_splits_in_every_choice_of_other_dictionaries():
    bases = {s: table(7, 20 + s) for s in range(3)}
    for a in bases:  # copies and near copies of a base's rows, so that some split
        bases[a] = torch.cat([bases[a], bases[(a + 1) % 3][:4] + 0.3 * table(4, 30 + a)])

    def share(a, chosen):
        rows = [row for s in chosen for row in bases[s]]
        kept = {f: [] for f in range(len(bases[a]))}
        ranked = []
        for row in rows:
            cosine = [float(torch.cosine_similarity(row, first, dim=0)) for first in bases[a]]
            ranked.append((max(cosine), int(np.argmax(cosine)), row))
        for best, at, row in sorted(ranked, key=lambda each: -each[0]):
            copy = any(float(torch.cosine_similarity(row, other, dim=0)) >= 0.7 for other in kept[at])
            if best >= 0.4 and not copy:
                kept[at].append(row)
        return sum(len(found) >= 2 for found in kept.values()) / len(kept)

    one = matching.split_shares(bases, bases, 0.4, 0.7)
    two = matching.split_shares(bases, bases, 0.4, 0.7, together=2)
    for a in bases:
        others = [s for s in bases if s != a]
        assert one[a] == pytest.approx([share(a, [s]) for s in others])
        assert two[a] == pytest.approx([share(a, others)])
    assert max(shares[0] for shares in two.values()) > 0
    assert matching.split_shares(bases, bases, 0.4, 0.7, together=3) == {}  # no three others
    assert matching.split_share(bases[0], [bases[1], bases[2]], 0.4, 0.7) == two[0][0]


def test_the_share_that_comes_back_against_a_loop():
    first, second = table(9, 1), torch.cat([table(9, 1)[:3] + 0.1 * table(3, 5), table(4, 2)])
    back = 0
    for row in first:
        back += any(float(torch.cosine_similarity(row, other, dim=0)) >= 0.8 for other in second)
    assert matching.returning(first, second, 0.8) == pytest.approx(back / 9) and back >= 3
