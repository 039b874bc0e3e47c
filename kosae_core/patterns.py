"""Which entries of a table there are, and the module whose kernels run where a tensor is."""

from dataclasses import dataclass
from functools import cached_property
from types import ModuleType

import torch
import torch.nn.functional as nn_functional
from torch import Tensor

from kosae_core import cpu_kernels


def backend(of: Tensor | cpu_kernels.Product) -> ModuleType:
    """The module whose kernels run where a tensor is."""
    if isinstance(of, cpu_kernels.Product) or of.device.type == "cpu":
        return cpu_kernels
    from kosae_core import gpu_kernels  # needs Triton, which comes with PyTorch's builds for GPUs

    return gpu_kernels


@dataclass(frozen=True)
class Pattern:
    """Which entries of a (B, F) table there are, row by row: those of row b stand from `crow_B[b]` to `crow_B[b + 1]`."""

    crow_B: Tensor
    cols_N: Tensor
    n_columns: int

    @property
    def n_rows(self) -> int:
        return len(self.crow_B) - 1

    @cached_property
    def rows_N(self) -> Tensor:
        rows_B = torch.arange(self.n_rows, dtype=torch.int32, device=self.crow_B.device)
        return torch.repeat_interleave(rows_B, self.crow_B.diff())

    @cached_property
    def by_column(self) -> tuple[Tensor, Tensor, Tensor]:
        """Where each column starts, and the entries' numbers and rows in the order of columns."""
        return backend(self.cols_N).by_column(self.crow_B, self.cols_N, self.n_columns)

    def kept(self, yes_N: Tensor) -> "Pattern":
        """The pattern of some of its entries."""
        before = nn_functional.pad(yes_N.cumsum(0, dtype=torch.int32), (1, 0))
        return Pattern(before[self.crow_B], self.cols_N[yes_N], self.n_columns)
