"""The kernels of sparse features against sorts, loops and dense products."""

import threading
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from kosae_core import cpu_kernels, cpu_selection, kernels, loops
from kosae_core.kernels import Above, BatchTop, Pattern, Top, encode

B, D = 70, 12
DTYPES = (torch.float32, torch.bfloat16)


def table(rows, columns, seed=0, dtype=torch.float32):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)).to(dtype)


@contextmanager
def threads(n):
    """So many threads of torch, and then as many as before."""
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def as_table(chosen: tuple[Pattern, torch.Tensor]) -> torch.Tensor:
    pattern, values_N = chosen
    return values_N.new_zeros(pattern.n_rows, pattern.n_columns).index_put((pattern.rows_N, pattern.cols_N), values_N)


def as_sets(chosen: tuple[Pattern, torch.Tensor]) -> list[set[int]]:
    pattern, _ = chosen
    return [
        set(pattern.cols_N[low:high].tolist())
        for low, high in zip(pattern.crow_B, pattern.crow_B[1:], strict=False)
    ]  # fmt: skip


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("columns", [1, 5, 31, 32, 100, 513])
@pytest.mark.parametrize("k", [1, 3, 40])
def test_top_is_the_sorted_answer(columns, k, dtype):
    pre_BF = table(B, columns, dtype=dtype) * torch.logspace(-2, 2, B)[:, None].to(dtype)
    got = as_table(Top(min(k, columns)).choose(pre_BF))
    for row, expected in zip(got, pre_BF.float(), strict=True):
        best = expected.sort(descending=True).values[: min(k, columns)].relu()
        assert torch.equal(row.sort(descending=True).values[: len(best)], best)
        assert int((row != 0).sum()) == int((best > 0).sum())


def test_top_with_infinite_entries_ends():
    pre_BF = table(B, 64)
    pre_BF[3, 5], pre_BF[4] = float("inf"), float("nan")
    found = as_sets(Top(4).choose(pre_BF))
    assert 5 in found[3] and found[4] == set() and len(found[5]) == 4
    some_BF = table(B, 200)
    expected = as_sets(Top(4).choose(some_BF[:, 2:]))
    some_BF[:, 0], some_BF[:, 1] = float("nan"), -float("nan")
    assert as_sets(Top(4).choose(some_BF)) == [{column + 2 for column in row} for row in expected]


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(40, 24), (500, 300), (33, 1), (1, 70)])
@pytest.mark.parametrize("share", [0.001, 0.05, 0.4, 0.9, 1.0])
def test_batch_top_is_the_sorted_answer(shape, share, dtype):
    pre_BF = table(*shape, seed=3, dtype=dtype)
    n = max(1, int(share * pre_BF.numel()))
    pattern, values_N = BatchTop(n).choose(pre_BF)
    values = pre_BF.float().flatten().sort(descending=True).values[:n]
    assert sorted(values_N.tolist(), reverse=True) == values[values > 0].tolist()
    assert torch.equal(values_N, pre_BF[pattern.rows_N, pattern.cols_N].float())
    flat = pattern.rows_N.long() * shape[1] + pattern.cols_N
    assert len(flat.unique()) == len(flat)


@pytest.mark.parametrize("factor", [100.0, 0.001])
def test_batch_top_where_the_sampled_rows_are_unlike_the_others(factor):
    # every 5th row is sampled for the bound: make them far larger, or far smaller, than the rest
    pre_BF = table(320, 50, seed=4).abs()
    pre_BF[::5] *= factor
    _, values_N = BatchTop(2000).choose(pre_BF)
    assert len(values_N) == 2000
    assert float(values_N.min()) == float(pre_BF.flatten().sort(descending=True).values[1999])


def test_nothing_positive_gives_empty_patterns():
    pre_BF = -torch.ones(20, 40)
    for select in (Top(3), BatchTop(10), Above()):
        pattern, values_N = select.choose(pre_BF)
        assert len(pattern.cols_N) == len(values_N) == 0 and pattern.crow_B.tolist() == [0] * 21


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("low", [-1.0, 0.5])
def test_above_one_bound_for_each_column(dtype, low, monkeypatch):
    monkeypatch.setattr(kernels, "DENSEST", 2.0)
    pre_BF, bound_F = table(B, 77, dtype=dtype), torch.linspace(low, 2.0, 77).to(dtype).float()
    expected = [set(row.nonzero()[:, 0].tolist()) for row in pre_BF.float() > bound_F]
    assert as_sets(Above(bound_F).choose(pre_BF)) == expected


def test_above_gives_up_where_too_many_exceed(monkeypatch):
    pre_BF = table(400, 200)
    assert Above(0.0).choose(pre_BF) is None
    assert as_sets(Above(2.5).choose(pre_BF)) == [set(r.nonzero()[:, 0].tolist()) for r in pre_BF > 2.5]


def test_threads_do_not_change_the_answer():
    pre_BF, found = table(1000, 90), []
    for n in (1, 3):
        with threads(n):
            found.append([s.choose(pre_BF) for s in (Top(5), BatchTop(2000), Above(2.0))])
    for one, three in zip(*found, strict=True):
        assert as_sets(one) == as_sets(three)


def test_ranges_cover_everything_once():
    for n in (1, 63, 64, 1000):
        parts = loops.parallel(n, lambda low, high: list(range(low, high)))
        assert [i for part in parts for i in part] == list(range(n))


@pytest.mark.parametrize("select", [Top(4), BatchTop(150), Above(6.5)])
def test_values_and_gradients_against_dense_products(select):
    x_BD, target_BD = table(B, D), table(B, D, seed=1)
    leaves = [table(*shape, seed=2).requires_grad_() for shape in ((D, 90), (90, 1), (90, D), (D, 1))]
    twins = [leaf.detach().clone().requires_grad_() for leaf in leaves]
    W_DF, bias_F1, W_FD, bias_D1 = leaves
    code = encode(x_BD, W_DF, bias_F1[:, 0], select)
    assert code.pattern is not None
    recon_BD = code.decode(W_FD, bias_D1[:, 0])
    (recon_BD - target_BD).square().sum().backward()
    pre_BF = x_BD @ twins[0] + twins[1][:, 0]
    kept_BF = torch.zeros(B, 90)
    kept_BF[code.pattern.rows_N, code.pattern.cols_N] = 1.0
    dense_BD = (pre_BF * kept_BF) @ twins[2] + twins[3][:, 0]
    (dense_BD - target_BD).square().sum().backward()
    assert torch.allclose(recon_BD, dense_BD, atol=1e-4)
    for leaf, twin in zip(leaves, twins, strict=True):
        assert torch.allclose(leaf.grad, twin.grad, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("select", [Top(4), BatchTop(150)])
def test_dense_twins_choose_the_same(select):
    pre_BF = table(B, 90)
    assert torch.equal(select.dense(pre_BF), as_table(select.choose(pre_BF)))


@pytest.mark.parametrize("dtype", [*DTYPES, torch.float64])
@pytest.mark.parametrize("select", [Top(4), Top(60), BatchTop(3000)])
def test_a_product_in_pieces_chooses_what_the_whole_table_does(select, dtype, monkeypatch):
    monkeypatch.setattr(cpu_selection, "ROWS", 48)  # and a last piece that is shorter
    x_BD, W_DF, bias_F = (table(*shape, seed=5, dtype=dtype) for shape in ((500, D), (D, 90), (90, 1)))
    product = cpu_kernels.Product(x_BD, W_DF, bias_F[:, 0])
    pieces, whole = as_table(select.choose(product)), as_table(select.choose(product.rows(slice(None))))
    assert torch.equal(pieces != 0, whole != 0) and torch.allclose(pieces, whole, rtol=1e-5)


def test_threads_that_multiply_alone_leave_the_others_as_they_are():
    with threads(3):
        loops.parallel(1000, lambda low, high: None)
        seen = [torch.get_num_threads()]
        other = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
        other.start()
        other.join()
        assert seen == [3, 3] and loops.parallel(1000, lambda low, high: torch.get_num_threads()) == [1, 1, 1]


def test_parts_of_a_code_add_up_to_it():
    code = encode(table(B, D), table(D, 90, seed=2), torch.zeros(90), Top(6))
    W_FD, edges = table(90, D, seed=3), (0, 7, 40, 90)
    nothing_D = torch.zeros(D)
    parts = [p.decode(W_FD[a:b], nothing_D) for p, a, b in zip(code.split(edges), edges, edges[1:], strict=False)]
    assert torch.allclose(sum(parts), code.decode(W_FD, nothing_D), atol=1e-5)
    dense = kernels.Code(Top(6).dense(table(B, D) @ table(D, 90, seed=2)))
    for sparse, part in zip(code.split(edges), dense.split(edges), strict=True):
        assert float(sparse.l0()) == float(part.l0()) and torch.equal(sparse.fired(), part.fired())


def test_columns_are_sorted():
    pattern, _ = BatchTop(500).choose(table(B, 33))
    starts_F, order_N, rows_N = (part.numpy() for part in pattern.by_column)
    cols_N = pattern.cols_N.numpy()
    assert (np.diff(cols_N[order_N]) >= 0).all() and (pattern.rows_N.numpy()[order_N] == rows_N).all()
    assert (np.diff(starts_F) == np.bincount(cols_N, minlength=33)).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("columns", [1, 63, 64, 65, 300])
def test_bags_as_columns_are_the_bags(columns, dtype):
    pattern, values_N = BatchTop(min(500, B * columns)).choose(table(B, columns, dtype=dtype))
    starts_F, order_N, rows_N = pattern.by_column
    given = values_N[order_N], starts_F, rows_N, table(B, D, 1, dtype)
    for n in (1, 3):
        with threads(n):
            assert torch.equal(cpu_kernels.bag_columns(*given), cpu_kernels.bag(*given).t())
    expected = as_table((pattern, values_N)).t() @ given[-1]
    assert torch.allclose(cpu_kernels.bag_columns(*given), expected.t(), atol=1e-5)


@pytest.mark.parametrize("select", [Top(4), BatchTop(1000)])
def test_a_gradient_for_the_inputs_does_not_reach_the_threads_that_multiply(select):
    x_BD, W_DF = table(256, D).requires_grad_(), table(D, 32, 1)
    with threads(2):
        encode(x_BD, W_DF, torch.zeros(32), select).values.sum().backward()
    alone_BD = table(256, D).requires_grad_()
    select.dense(alone_BD @ W_DF).sum().backward()
    assert torch.allclose(x_BD.grad, alone_BD.grad, atol=1e-5)


def test_rows_with_far_more_than_their_share_cost_no_second_pass(monkeypatch):
    pre_BF = table(640, 300, seed=5)
    pre_BF[::80] = pre_BF[::80].abs() * 200  # every eighth of the sampled rows
    passes = []
    monkeypatch.setattr(
        cpu_selection, "_everywhere_above",
        lambda table, bound, found=cpu_selection._everywhere_above: (passes.append(bound), found(table, bound))[1],
    )  # fmt: skip
    got = as_table(BatchTop(10_000).choose(pre_BF))
    best = pre_BF.flatten().sort(descending=True).values[:10_000]
    assert torch.equal(got[got > 0].sort(descending=True).values, best)
    assert len(passes) == 1 and passes[0] > 0


def test_the_number_of_threads_does_not_decide_what_is_a_table():
    pre_BF = -torch.ones(400, 100)
    pre_BF[:200, :15], pre_BF[200:, :3] = 1.0, 1.0  # 9 % of all, 15 % of the first half
    found = []
    for n in (1, 2):
        with threads(n):
            found.append(Above(0.0).choose(pre_BF))
    assert found[0] is not None and torch.equal(as_table(found[0]), as_table(found[1]))
