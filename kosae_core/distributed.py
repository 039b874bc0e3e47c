"""Training and gathering by several processes, which PyTorch's own launcher starts: `torchrun --nproc-per-node 4 script.py`.

Each process, or rank, runs the same lines. Inside `together` the ranks share the work of `gather` and `train`, and what comes out is
what one process makes, but for the order in which numbers are added: the rows of each batch are shared out, or the features of
a dictionary that is too large for one device, or both (see `ranks`). Stores and autoencoders are written once, by the first rank.

The folder of the store must be one that all ranks see, and write to as one machine does. On GPUs each rank has a device of its
own and talks by NCCL; this has never been run, for want of two GPUs.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

import torch
import torch.distributed as dist

from kosae_core import ranks

PATIENCE = timedelta(minutes=30)
"""How long a rank waits for the others, whatever they do, before it gives up."""


@contextmanager
def together(parts: int | None = None, *, device: str | None = None, patience: timedelta = PATIENCE) -> Iterator[None]:
    """Let the processes of a `torchrun` gather and train together in the block; a process of its own is left alone.

    `parts` is how many ranks share out the features of a dictionary; the rows of a batch go to as many groups of them as
    there are. None: as few as fit each rank's device, by the estimate of `needs`.

    Raises  ValueError where `parts` does not divide the ranks, or there are more ranks than GPUs on a machine. A rank that dies,
            or waits for longer than `patience`, ends the others with an error too.
    """
    world = int(os.environ.get("WORLD_SIZE", 1))
    if parts is not None and (parts < 1 or world % parts):
        raise ValueError(f"{world} rank(s) cannot share {parts} parts of a dictionary: give a divisor of {world}.")
    if world == 1:
        yield
        return
    local = int(os.environ["LOCAL_RANK"])
    device_type = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu")).type
    if device_type == "cuda":
        if local >= torch.cuda.device_count():
            raise ValueError(f"rank {local} of this machine has no GPU: there are {torch.cuda.device_count()}.")
        torch.cuda.set_device(local)
    dist.init_process_group("cpu:gloo,cuda:nccl" if device_type == "cuda" else "gloo", timeout=patience)
    if dist.get_rank() > 0:  # the first speaks for all
        logging.getLogger("kosae").setLevel(logging.WARNING)
    here = int(os.environ.get("LOCAL_WORLD_SIZE", world))
    ranks.session = ranks.Session(dist.get_rank(), world, here, device_type, parts)
    yield  # after an error there is nobody left to take leave of: the process ends, and the others hear of it
    ranks.session = None
    dist.destroy_process_group()


def is_loss_of_rank(error: BaseException) -> bool:
    """Whether an error says that another rank has gone, which gloo reports as a plain RuntimeError."""
    return isinstance(error, dist.DistError) or "gloo" in str(error)
