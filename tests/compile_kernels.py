"""Compile every Triton kernel for GPUs that need not be there, in a process without the interpreter: prints name, target, bytes."""

import torch  # noqa: F401 - before Triton
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from kosae_core import gpu_kernels, gpu_selection

INTS, FLOATS = "*i32", "*fp32"


def kernels(table: str):
    """Each kernel with the types of its arguments, for tables of fp32 or bf16."""
    sums = {"values": FLOATS, "starts": INTS, "index": INTS, "table": table, "out": FLOATS, "width": "i32"}
    dots = {"y": FLOATS, "table": table, "rows": INTS, "columns": INTS, "out": FLOATS, "width": "i32"}
    kth = {"pre": table, "bounds": INTS, "ties": INTS, "width": "i32", "k": "i32"}
    write = {"pre": table, "bounds": INTS, "ties": INTS, "starts": INTS, "columns": INTS, "width": "i32"}
    above = {"pre": table, "bounds": FLOATS, "starts": INTS, "out": INTS, "width": "i32"}
    yield gpu_kernels._bag, sums, {"block": gpu_kernels.BLOCK}
    yield gpu_kernels._sampled, dots, {"block": gpu_kernels.BLOCK}
    yield gpu_selection._kth, kth, {"digits": 4 if table == FLOATS else 2, "block": gpu_selection.BLOCK}
    yield gpu_selection._write_top, write, {"block": gpu_selection.BLOCK}
    for writes in (False, True):
        yield gpu_selection._above, above, {"write": writes, "block": gpu_selection.BLOCK}


for architecture in (80, 90):
    for table in (FLOATS, "*bf16"):
        for kernel, types, constants in kernels(table):
            source = ASTSource(kernel, types | dict.fromkeys(constants, "constexpr"), constants)
            binary = triton.compile(source, target=GPUTarget("cuda", architecture, 32)).asm["cubin"]
            print(kernel.__name__, table, architecture, len(binary))
