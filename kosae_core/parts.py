"""A dictionary in parts: which tensors are cut along its features, and how parts become a whole again.

What a tensor's name ends with says it: `..._FD` has features first, `..._F` and `..._DF` last, the rest is the same in all parts.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from kosae_core import ranks


def check(sae: nn.Module, batch_size: int, accumulate: int, optimizer: str) -> None:
    """Refuse what cannot be shared out.

    Raises  ValueError.
    """
    unit, parts = 2 * ranks.n_rows() * accumulate, ranks.n_features()
    if ranks.n_rows() > 1 and batch_size % unit:
        raise ValueError(
            f"batch_size ({batch_size}) must be a multiple of 2 x ranks that share rows ({ranks.n_rows()}) x accumulate ({accumulate})."
        )
    if parts > 1 and sae.n_features % parts:
        raise ValueError(f"n_features ({sae.n_features}) must be a multiple of the parts it is cut into ({parts}).")
    if parts > 1 and optimizer == "muon":
        raise ValueError("muon orthogonalises whole matrices, so that a dictionary in parts needs another optimizer.")
    if parts > 1 and not type(sae).__module__.startswith("kosae_core."):
        raise ValueError(
            f"the variant {sae.config.variant} is not the package's own: whether its features can be computed in parts is not known."
        )


def axis(name: str) -> int | None:
    """Along which axis a tensor of that name has the features; None where it has none."""
    return 0 if name.endswith("FD") else -1 if name.endswith("F") else None


def cut(name: str, tensor: Tensor) -> Tensor:
    """This rank's part of a tensor of the whole dictionary."""
    along = axis(name)
    if along is None or tensor.ndim == 0:
        return tensor
    return tensor.chunk(ranks.n_features(), along)[ranks.part()].clone(memory_format=torch.contiguous_format)


def whole(name: str, tensor: Tensor) -> Tensor:
    """The whole of a tensor in the memory of every process, from the parts of all."""
    along = axis(name)
    return tensor if along is None or tensor.ndim == 0 else torch.cat(ranks.collected(tensor.cpu()), dim=along)


def at_first(name: str, tensor: Tensor) -> Tensor:
    """The whole of a tensor at the first rank alone; elsewhere what it was."""
    along = axis(name)
    if along is None or tensor.ndim == 0:
        return tensor
    collected = ranks.collected_at_first(tensor.cpu())
    return tensor if collected is None else torch.cat(collected, dim=along)


def change_parameters(sae: nn.Module, change: Callable[[str, Tensor], Tensor]) -> None:
    """Put `cut` or `whole` ones in the place of an autoencoder's parameters."""
    for name, parameter in list(sae.named_parameters()) if ranks.n_features() > 1 else ():
        setattr(sae, name, nn.Parameter(change(name, parameter.detach())))


def change_state(state: dict[str, Any], sae: nn.Module, change: Callable[[str, Tensor], Tensor]) -> dict[str, Any]:
    """A trainer's state (see `Trainer.save`) with `cut` tensors, or those `at_first`, in the place of its own."""
    if ranks.n_features() == 1:
        return state
    names = [name for name, _ in sae.named_parameters()]
    (optimizer,) = state["optimizers"]
    moments = {i: {k: change(names[i], v) for k, v in each.items()} for i, each in optimizer["state"].items()}
    return state | {
        "sae": {name: change(name, tensor) for name, tensor in state["sae"].items()},
        "optimizers": [optimizer | {"state": moments}],
        "average": [change(name, tensor) for name, tensor in zip(names, state["average"], strict=False)],
        "silent_F": change("silent_F", state["silent_F"]),
    }


def require_finite(sae: nn.Module, step: int) -> None:
    """Refuse weights that are not finite, naming the first such parameter.

    Raises  ValueError.
    """
    finite = {name: bool(torch.stack(p.detach().aminmax()).isfinite().all()) for name, p in sae.named_parameters()}
    if ranks.any_feature(not all(finite.values())):
        where = next((name for name, good in finite.items() if not good), "a weight of another part")
        raise ValueError(f"{where} is not finite after step {step}: lower lr or look at the activations.")


def gradient_norm(sae: nn.Module) -> Tensor:
    """The norm of the gradient of the whole dictionary."""
    if ranks.n_features() == 1:
        return nn.utils.get_total_norm([p.grad for p in sae.parameters() if p.grad is not None])
    squares = {name: p.grad.square().sum() for name, p in sae.named_parameters() if p.grad is not None}
    parts = torch.stack([square for name, square in squares.items() if axis(name) is not None]).sum()
    return (ranks.reduced(parts, 1) + sum(square for name, square in squares.items() if axis(name) is None)).sqrt()
