"""The GPU's kernels, in Triton's interpreter, against those of the CPU; on a GPU also compiled."""
# ruff: noqa: E402 - the interpreter is chosen before Triton is imported

import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

GPU = torch.cuda.is_available()
if not GPU:
    os.environ["TRITON_INTERPRET"] = "1"  # read when Triton is imported
pytest.importorskip("triton", reason="Triton is not installed (it comes with PyTorch for GPUs; pip install triton)")

from kosae_core import cpu_kernels, gpu_kernels, gpu_selection, patterns
from kosae_core.kernels import Above, BatchTop, Pattern, Top, encode

DEVICE = "cuda" if GPU else "cpu"
B, D, F = 40, 19, 70


def table(rows, columns, seed=0):
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed))


def sets(found):
    crow_B, cols_N = (part.cpu() for part in found[:2])
    return [set(cols_N[low:high].tolist()) for low, high in zip(crow_B, crow_B[1:], strict=False)]


def largest(pre_BF, k):
    """The naive twin: the positive ones of the k first of each row, sorted by value and then by column."""
    rows = [[(-float(value), column) for column, value in enumerate(row)] for row in pre_BF]
    kept = [sorted(column for value, column in sorted(row)[:k] if value < 0) for row in rows]
    starts = torch.tensor([0, *(len(row) for row in kept)]).cumsum(0)
    return starts, torch.tensor([column for row in kept for column in row])


def test_equal_values_of_every_size_are_kept_by_column(monkeypatch):
    monkeypatch.setattr(gpu_selection, "BLOCK", 32)  # ties across blocks
    steps_BF = (table(8, F) * 2).round()
    for scale in (1e-38, 1e-45, 1.0, 3e38 / float(steps_BF.max())):  # subnormal to the largest
        pre_BF = steps_BF * scale
        for k in (1, 9, F):
            found = gpu_kernels.top(pre_BF.to(DEVICE), k)
            assert [part.cpu().tolist() for part in found[:2]] == [part.tolist() for part in largest(pre_BF, k)]
            rows_N = torch.repeat_interleave(found[0].cpu().diff())
            assert torch.equal(found[2].cpu(), pre_BF[rows_N, found[1].cpu()])


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_selections_are_those_of_the_cpu(dtype):
    pre_BF, bound_F = table(B, F).to(dtype), torch.linspace(-0.5, 2.0, F)
    there = pre_BF.to(DEVICE)
    for k in (1, 6, F):
        assert sets(gpu_kernels.top(there, k)) == sets(largest(pre_BF, k))
    if dtype == torch.float32:  # bf16 has ties, of which any may be kept
        for k in (1, 6, F):
            assert sets(cpu_kernels.top(pre_BF, k)) == sets(largest(pre_BF, k))
    for n in (1, 300, B * F):
        ours, theirs = gpu_kernels.batch_top(there, n), cpu_kernels.batch_top(pre_BF, n)
        assert torch.equal(ours[2].cpu().sort().values, theirs[2].sort().values)
        assert dtype == torch.bfloat16 or sets(ours) == sets(theirs)
    bound_F = bound_F.to(dtype).float()
    assert sets(gpu_kernels.above(there, bound_F.to(DEVICE), 2.0)) == sets(cpu_kernels.above(pre_BF, bound_F, 2.0))
    assert gpu_kernels.above(there, bound_F.to(DEVICE), 0.01) is None


def test_a_row_of_nan_takes_no_other_row_with_it():
    pre_BF = table(B, F)
    pre_BF[0] = torch.nan
    assert sets(gpu_kernels.batch_top(pre_BF.to(DEVICE), 300))[1:] == sets(cpu_kernels.batch_top(pre_BF[1:], 300))


def test_sums_and_products_are_those_of_the_cpu():
    crow_B, cols_N, values_N = cpu_kernels.batch_top(table(B, F), 500)
    pattern = Pattern(crow_B, cols_N, F)
    there = Pattern(pattern.crow_B.to(DEVICE), pattern.cols_N.to(DEVICE), F)
    W_FD, y_BD = table(F, D, 1), table(B, D, 2)
    on_gpu = [t.to(DEVICE) for t in (values_N, W_FD, y_BD)]
    bags = gpu_kernels.bag(on_gpu[0], there.crow_B, there.cols_N, on_gpu[1]).cpu()
    assert torch.allclose(bags, cpu_kernels.bag(values_N, pattern.crow_B, pattern.cols_N, W_FD), atol=1e-5)
    assert torch.equal(gpu_kernels.bag_columns(on_gpu[0], there.crow_B, there.cols_N, on_gpu[1]).cpu(), bags.t())
    dots = gpu_kernels.sampled(on_gpu[2], on_gpu[1], there).cpu()
    assert torch.allclose(dots, cpu_kernels.sampled(y_BD, W_FD, pattern), atol=1e-5)
    by_gpu = gpu_kernels.by_column(there.crow_B, there.cols_N, F)
    by_cpu = cpu_kernels.by_column(pattern.crow_B, pattern.cols_N, F)
    assert all(torch.equal(a.cpu(), b) for a, b in zip(by_gpu, by_cpu, strict=True))


def test_wide_tables_take_several_blocks(monkeypatch):
    monkeypatch.setattr(gpu_kernels, "BLOCK", 8)
    monkeypatch.setattr(gpu_selection, "BLOCK", 32)
    test_sums_and_products_are_those_of_the_cpu()
    test_selections_are_those_of_the_cpu(torch.float32)


@pytest.mark.parametrize("select", [Top(4), BatchTop(150), Above(8.0)])
def test_values_and_gradients_against_dense_products(select, monkeypatch):
    monkeypatch.setattr(patterns, "backend", lambda tensor: gpu_kernels)
    x_BD, target_BD = table(B, D).to(DEVICE), table(B, D, 1).to(DEVICE)
    W_DF, W_FD = (table(*shape, 2).to(DEVICE).requires_grad_() for shape in ((D, F), (F, D)))
    bias_F, bias_D = (torch.zeros(n, device=DEVICE, requires_grad=True) for n in (F, D))
    code = encode(x_BD, W_DF, bias_F, select)
    assert code.pattern is not None and len(code.pattern.cols_N) > 5
    (code.decode(W_FD, bias_D) - target_BD).square().sum().backward()
    got = [leaf.grad for leaf in (W_DF, W_FD, bias_F, bias_D)]
    for leaf in (W_DF, W_FD, bias_F, bias_D):
        leaf.grad = None
    kept_BF = torch.zeros(B, F, device=DEVICE)
    kept_BF[code.pattern.rows_N, code.pattern.cols_N] = 1.0
    (((x_BD @ W_DF + bias_F) * kept_BF) @ W_FD + bias_D - target_BD).square().sum().backward()
    for grad, leaf in zip(got, (W_DF, W_FD, bias_F, bias_D), strict=True):
        assert torch.allclose(grad, leaf.grad, rtol=1e-3, atol=1e-3)


def test_nothing_chosen():
    pre_BF = -torch.ones(B, F, device=DEVICE)
    for found in (gpu_kernels.top(pre_BF, 3), gpu_kernels.batch_top(pre_BF, 9)):
        assert sets(found) == [set()] * B


def test_every_kernel_compiles_for_an_a100_and_an_h100(tmp_path):
    """What the interpreter does not see: types that do not fit, operations that a GPU does not have."""
    settings = {name: value for name, value in os.environ.items() if name != "TRITON_INTERPRET"}
    settings |= {"TRITON_CACHE_DIR": str(tmp_path), "PYTHONWARNINGS": "ignore"}
    script = Path(__file__).parent / "compile_kernels.py"
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, env=settings, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line.split() for line in done.stdout.splitlines()]
    assert len(rows) == 2 * 2 * 6 and all(int(row[3]) > 1000 for row in rows)
