"""The most memory that tensors hold at once while something runs, counted; and a process that holds no more than they do."""

import ctypes
import os
import sys
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class _Counting(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self.now = self.most = 0
        self.sizes: dict[int, int] = {}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        out = func(*args, **(kwargs or {}))
        given = {t.untyped_storage()._cdata for t in tree_leaves((args, kwargs)) if isinstance(t, Tensor)}
        for tensor in tree_leaves(out):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage(), given)
        return out

    def _count(self, storage: torch.UntypedStorage, given: set[int]) -> None:
        key = storage._cdata
        if key not in given and key not in self.sizes:  # else it is a view, or was there before
            self.sizes[key] = storage.nbytes()
            self.now += storage.nbytes()
            self.most = max(self.most, self.now)
            weakref.finalize(storage, self._gone, key)

    def _gone(self, key: int) -> None:
        self.now -= self.sizes.pop(key, 0)


def live_bytes(call: Callable[[], Any]) -> int:
    """The most bytes that the tensors made in a call hold at once; on the device `meta` too, which holds none.

    What a kernel takes within itself is not seen, nor what an allocator keeps (`giving_back`).
    """
    with torch.no_grad(), _Counting() as counting:
        call()
    return counting.most


_MMAP_THRESHOLD, _TRIM_THRESHOLD, _MOST = -3, -1, 32 << 20
"""Two of glibc's options (malloc.h), and the largest threshold that it comes to by itself (mallopt(3))."""
_within: list[int] = []
"""The thresholds of the calls of `giving_back` that this point is within."""


@contextmanager
def giving_back(smallest: int) -> Iterator[None]:
    """Within it, blocks of so many bytes or more go back to the system when freed; on glibc, if nobody set this before.

    Else blocks below 32 MiB stay in the heap, where they leave holes for smaller ones to split: the process takes up to twice
    what tensors hold, another part in every run. Each block given back is made of fresh pages when it is taken again, which
    costs a pass little from 1 MiB on, and the steps of a training little from 8 MiB on where pages are large (`kosae_core`).
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is None or "MALLOC_MMAP_THRESHOLD_" in os.environ:
        yield
        return

    def keep_below(size: int) -> None:
        mallopt(_MMAP_THRESHOLD, size)
        mallopt(_TRIM_THRESHOLD, 2 * size)  # as glibc itself would set it

    _within.append(smallest)
    keep_below(smallest)
    try:
        yield
    finally:
        _within.pop()
        keep_below(_within[-1] if _within else _MOST)
