"""The most memory that tensors hold at once while something runs, counted as they come and go."""

import weakref
from collections.abc import Callable
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

    What a kernel takes within itself is not seen, nor what an allocator keeps: where tensors below 32 MiB come and go,
    the holes of glibc's heap can double the memory of the process (`gather/` beside `pass/` in `benchmarks/scaling.json`).
    """
    with torch.no_grad(), _Counting() as counting:
        call()
    return counting.most
