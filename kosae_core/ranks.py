"""What processes that train one autoencoder together tell each other; alone, each function here gives back what it got.

The R·S ranks of a run form a mesh: R of them share out the rows of each batch, S the features of the dictionary. Rows go round:
rank r of R has rows r, r + R, ..., so that the first half of each share makes up the first half of the batch. Features are
cut into S neighbouring blocks. Gradients are means over rows and stay with the features they belong to; the decoder's bias
and what counts the whole batch or dictionary (selection, thresholds, norms, silent features) are agreed on by all.

DTensor would shard the matrices and their dense products, but it knows neither the compiled kernels that work on single entries
nor a choice of the largest over a sharded axis (it would first collect the whole table). So these are PyTorch's plain
collectives over the groups of its device mesh; two of them have gradients (Shoeybi et al. 2019, arXiv:1909.08053, figure 3).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn


@dataclass(frozen=True)
class Side:
    """One direction of the mesh: its size, this rank's place on it, and the processes that differ in it alone."""

    size: int
    index: int
    group: Any


@dataclass
class Session:
    """The processes of one run; `parts` is how many share out a dictionary, None: as few as memory allows."""

    rank: int
    world: int
    on_this_machine: int
    device_type: str = "cpu"
    parts: int | None = None
    layouts: dict[int, tuple[Side, Side]] = field(default_factory=dict)

    def layout(self, parts: int) -> tuple[Side, Side]:
        """The sides (rows, features) of a mesh whose dictionaries are cut into so many parts."""
        if self.world % parts:
            raise ValueError(
                f"{self.world} ranks cannot share {parts} parts of a dictionary: give a divisor of {self.world}."
            )
        if parts not in self.layouts:
            mesh = dist.init_device_mesh(
                self.device_type, (self.world // parts, parts), mesh_dim_names=("rows", "features")
            )
            sides = (Side(mesh.size(i), mesh.get_local_rank(i), mesh.get_group(i)) for i in (0, 1))
            self.layouts[parts] = tuple(sides)
        return self.layouts[parts]


session: Session | None = None
"""The run that this process belongs to; see `distributed.together`."""
_now: tuple[Side, Side] | None = None


def first() -> bool:
    """Whether this process is the one that writes and speaks."""
    return session is None or session.rank == 0


def on_this_machine() -> int:
    """Processes that share this machine's memory."""
    return 1 if session is None else session.on_this_machine


def share() -> tuple[int, int]:
    """This process's number among those that gather, and how many they are."""
    return (0, 1) if session is None else (session.rank, session.world)


def share_now() -> tuple[int, int]:
    """The same while all train together, and so all ask for the same; else this process gathers for itself."""
    return (0, 1) if _now is None else share()


def merged(table_ND: Tensor) -> Tensor:
    """A table of which each rank that trains has filled its share of the rows, and left the rest 0."""
    if _now is not None:
        dist.all_reduce(table_ND)
    return table_ND


def led(lead: Callable[[], Any], follow: Callable[[Any], None]) -> None:
    """Let the first rank do `lead`, which may `call` the others to do their part, `follow`, with what it tells them."""
    if first():
        lead()
        call(None)
        return
    while (told := _heard(None)) is not None:
        follow(told)


def call(told: Any) -> None:
    """Tell the ranks that wait in `led` something; None lets them go."""
    if session is not None:
        _heard(told)


def _heard(told: Any) -> Any:
    box = [told]
    dist.broadcast_object_list(box, src=0, device=torch.device("cpu"))
    return box[0]


def wait() -> None:
    """Go on when all ranks have come here."""
    if session is not None:
        dist.all_reduce(torch.zeros(1))


@contextmanager
def training(choose: Callable[[], int]) -> Iterator[None]:
    """In the block the ranks of the session work on one autoencoder; `choose` gives the parts where nobody has.

    Raises  ValueError where the ranks cannot share so many parts.
    """
    global _now
    if session is None:
        yield
        return
    parts = session.parts
    if parts is None:
        parts = _heard(choose() if session.rank == 0 else None)
    _now = session.layout(parts)
    try:
        yield
    finally:
        _now = None


def alone() -> bool:
    return _now is None


def n_rows() -> int:
    """Ranks among which rows are shared out."""
    return _now[0].size if _now else 1


def n_features() -> int:
    """Parts of the dictionary."""
    return _now[1].size if _now else 1


def rows_of(x_BD: Tensor) -> Tensor:
    """This rank's rows of a batch."""
    return x_BD if n_rows() == 1 else x_BD[_now[0].index :: _now[0].size]


def reduced(tensor: Tensor, side: int, op: Any = dist.ReduceOp.SUM) -> Tensor:
    """The sum, or another reduction, over the ranks of a side (0: rows, 1: features), without gradient."""
    if _now is None or _now[side].size == 1:
        return tensor
    out = tensor.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(out, op, _now[side].group)
    return out


def mean(tensor: Tensor) -> Tensor:
    """The mean over the shares of the batch, without gradient."""
    return tensor if n_rows() == 1 else reduced(tensor, 0) / n_rows()


def total(tensor: Tensor) -> Tensor:
    """The mean over the shares of the batch of the sum over the parts of the dictionary, without gradient."""
    return mean(reduced(tensor, 1))


def mean_over_features(values_N: Tensor) -> Tensor:
    """The mean of numbers of which each part of the dictionary has some."""
    if n_features() == 1:
        return values_N.mean()
    summed, count = reduced(torch.stack([values_N.sum(), values_N.new_tensor(len(values_N))]), 1)
    return summed / count


def any_row(yes_F: Tensor) -> Tensor:
    """Where it is so for at least one share of the batch."""
    return yes_F if n_rows() == 1 else reduced(yes_F.to(torch.uint8), 0, dist.ReduceOp.MAX).bool()


def any_feature(yes: bool) -> bool:
    """Whether it is so in at least one part of the dictionary."""
    return yes if n_features() == 1 else bool(reduced(torch.tensor([int(yes)]), 1, dist.ReduceOp.MAX))


def lowest_positive(values_N: Tensor) -> Tensor | None:
    """The least positive number of all ranks; None where no rank has one."""
    least = values_N.masked_fill(values_N <= 0, torch.inf).min() if len(values_N) else values_N.new_tensor(torch.inf)
    if _now is not None:
        least = reduced(reduced(least, 0, dist.ReduceOp.MIN), 1, dist.ReduceOp.MIN)
    return least if bool(least.isfinite()) else None


def gathered(values_F: Tensor) -> Tensor:
    """One number per feature, of all parts of the dictionary."""
    return values_F if n_features() == 1 else torch.cat(collected(values_F))


def collected(tensor: Tensor, *, all_ranks: bool = False) -> list[Tensor]:
    """The tensors of the parts of the dictionary in their order, or of all ranks."""
    size, group = (session.world, None) if all_ranks else (_now[1].size, _now[1].group)
    plain = tensor.detach().contiguous()
    plain = plain.to(torch.uint8) if plain.dtype == torch.bool else plain
    out = [torch.empty_like(plain) for _ in range(size)]
    dist.all_gather(out, plain, group)
    return [each.to(tensor.dtype) for each in out]


def collected_at_first(tensor: Tensor) -> list[Tensor] | None:
    """The tensors of the parts of the dictionary where the first rank is; None elsewhere."""
    if _now[0].index > 0:
        return None
    out = [torch.empty_like(tensor) for _ in range(_now[1].size)] if _now[1].index == 0 else None
    dist.gather(tensor.detach().contiguous(), out, group=_now[1].group, group_dst=0)
    return out


def among_largest(table_BK: Tensor, k: int, *, whole_batch: bool = False) -> Tensor:
    """Which of this rank's numbers are among the k largest of their row over all parts of the dictionary.

    With `whole_batch` the table has one row, in which all ranks compete. Every rank sorts the same numbers, so that of
    equal ones the same are taken everywhere.

    Shapes  (B, K) with K at most k, which every rank fills up with zeros; the answer is (B, K) bool.
    """
    width, index = table_BK.shape[1], session.rank if whole_batch else part()
    padded_Bk = nn.functional.pad(table_BK.detach(), (0, k - width))
    padded_Bk = padded_Bk if padded_Bk.dtype == torch.float64 else padded_Bk.float()
    every_BK = torch.cat(collected(padded_Bk, all_ranks=whole_batch), dim=1)
    chosen_BK = torch.zeros_like(every_BK, dtype=torch.bool).scatter_(1, every_BK.topk(k, dim=1).indices, True)
    return chosen_BK[:, index * k : index * k + width]


def winning(values_BK: Tensor, k: int) -> Tensor:
    """The values that are among the k largest of their row over all parts of the dictionary; the others 0."""
    return values_BK if n_features() == 1 else values_BK * among_largest(values_BK, k)


class _Added(torch.autograd.Function):
    """Forward the sum over the parts of the dictionary, backward the same gradient for each."""

    @staticmethod
    def forward(ctx, part: Tensor) -> Tensor:
        return reduced(part if part.dtype == torch.float64 else part.float(), 1)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return grad


class _Spread(torch.autograd.Function):
    """Forward the same for each part of the dictionary, backward the sum of their gradients."""

    @staticmethod
    def forward(ctx, whole: Tensor) -> Tensor:
        return whole.view_as(whole)

    @staticmethod
    def backward(ctx, grad: Tensor) -> Tensor:
        return reduced(grad, 1)


def added(part_BD: Tensor) -> Tensor:
    """The sum of what each part of the dictionary adds to a reconstruction, with its gradient."""
    return part_BD if n_features() == 1 else _Added.apply(part_BD)


def spread(whole_D: Tensor) -> Tensor:
    """What all parts of the dictionary read, such that its gradient is that of them all."""
    return whole_D if n_features() == 1 else _Spread.apply(whole_D)


def part() -> int:
    """The number of this rank's part of the dictionary."""
    return _now[1].index if _now else 0


def edges(whole: Sequence[int], n_here: int) -> tuple[int, ...]:
    """Edges between groups of all features as they fall among this rank's."""
    return tuple(min(max(edge - part() * n_here, 0), n_here) for edge in whole)


def average_gradients(sae: nn.Module) -> None:
    """Give every gradient its mean over the shares of the batch."""
    for parameter in sae.parameters() if n_rows() > 1 else ():
        parameter.grad = mean(parameter.grad)
