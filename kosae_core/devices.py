"""Weights that are not where a model runs: quantized, spread over devices, or fetched from memory or a disk when needed."""

from collections.abc import Iterator

import torch
from torch import Tensor, nn


def plain(tensor: Tensor) -> Iterator[Tensor]:
    """The tensors that hold a tensor's numbers: itself, or the parts of one of a class of its own (torchao)."""
    if not hasattr(tensor, "__tensor_flatten__"):
        yield tensor
        return
    for name in tensor.__tensor_flatten__()[0]:
        yield from plain(getattr(tensor, name))


def fetched(model: nn.Module, name: str) -> Tensor:
    """A weight that accelerate keeps elsewhere, as it is used: on the CPU.

    Raises  ValueError if nothing knows where it is.
    """
    path, _, last = name.rpartition(".")
    kept = getattr(getattr(model.get_submodule(path), "_hf_hook", None), "weights_map", None)
    if kept is None:
        raise ValueError(f"{name}: its weights were not loaded, and nothing says where they are.")
    return kept[last].to(torch.device("cpu"))
