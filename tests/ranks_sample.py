"""What the tests of several ranks run in each of them: `run(n, work, *args)` starts them, `work` runs in all, and its results come back."""

import os
import socket
import time
import traceback
from pathlib import Path

import torch
import torch.multiprocessing as mp

import kosae_core as kc
from kosae_core import distributed

D_MODEL, N_FEATURES, STEPS = 12, 48, 50


def acts():
    """1,000 skewed rows of width 12."""
    return torch.randn(1000, D_MODEL, generator=torch.Generator().manual_seed(0)).abs().pow(2)


def settings(variant, **options):
    """A training of 50 steps in which features die, come back and are steered, if the variant has that."""
    of = kc.VARIANTS[variant].options
    config = kc.SAEConfig(variant, N_FEATURES, **({"k": 3} if "k" in of else {}), **({"auxk": 6} if "auxk" in of else {}))
    aim = {"target_l0": 1.5} if "sparsity" in of else {"k_start": 9}
    given = {"steps": STEPS, "batch_size": 64, "dead_after": 100, "resample_every": 5, "log_every": 1, "device": "cpu"}
    return config, kc.TrainConfig(**(given | aim | options))


def train(variant, **options):
    """History and weights of one training."""
    config, cfg = settings(variant, **options)
    sae, history = kc.train(config, acts(), cfg, held=acts()[:50])
    return history, sae.state_dict()


def train_all(jobs):
    return [train(variant, **options) for variant, options in jobs]


def _rank(rank, world, port, parts, folder, work, args):
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    with distributed.together(parts, device="cpu"):
        torch.save(work(*args), Path(folder) / f"{rank}.pt")


def run(world, folder, work, *args, parts=None):
    """What `work(*args)` gives in each of `world` processes that train together."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_rank, (world, port, parts, str(folder), work, args), nprocs=world)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(world)]
