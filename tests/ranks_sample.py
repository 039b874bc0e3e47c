"""What the tests of several ranks run in each of them. `run` starts them; as a script under torchrun, one of them dies."""

import os
import signal
import socket
import sys
import time
from datetime import timedelta
from pathlib import Path

import torch
import torch.multiprocessing as mp

import kosae_core as kc
from kosae_core import distributed, ranks
from kosae_core.trainer import Trainer

D_MODEL, N_FEATURES, STEPS = 12, 48, 50
PATIENCE = timedelta(seconds=200)


def acts():
    """1,000 skewed rows of width 12."""
    return torch.randn(1000, D_MODEL, generator=torch.Generator().manual_seed(0)).abs().pow(2)


def settings(variant, **options):
    """A training of 50 steps in which features die, come back and are steered, if the variant has that."""
    of = kc.VARIANTS[variant].options
    given = {name: value for name, value in {"k": 3, "auxk": 6}.items() if name in of}
    aim = {"target_l0": 1.5} if "sparsity" in of else {"k_start": 9}
    usual = {"steps": STEPS, "batch_size": 64, "dead_after": 100, "resample_every": 5, "log_every": 1, "device": "cpu"}
    usual["lr"] = (
        5e-3 * (256 / D_MODEL) ** 0.5
    )  # one for all: at this width the highest defaults would amplify rounding
    return kc.SAEConfig(variant, N_FEATURES, **given), kc.TrainConfig(**(usual | aim | options))


def train(variant, parts=1, **options):
    """History and weights of one training, with a dictionary in so many parts."""
    if ranks.session:
        ranks.session.parts = parts
    config, cfg = settings(variant, **options)
    sae, history = kc.train(config, acts(), cfg, held=acts()[:50])
    return history, sae.state_dict()


def train_all(jobs):
    return [train(variant, **options) for variant, options in jobs]


def gather_and_train(sentences, build):
    """Names of the entries that a gather and a training leave in the store; then a training on a stream."""
    from conftest import make_tiny_lm

    os.environ["KOSAE_BUILD"] = str(build)
    lm, points = make_tiny_lm(), ["q1.resid_post", "q2.resid_post"]
    store = kc.gather(lm, sentences, points, max_length=64, tokens_per_batch=200)["q2.resid_post"]
    config, cfg = settings("topk", precision="fp64")
    sae, history = kc.train(config, store, cfg, held=store)
    stream = kc.Stream(lm, sentences, "q2.resid_post", buffer=150, max_length=64, tokens_per_batch=200)
    return sae.state_dict(), history, kc.train(config, stream, cfg)[1]


def _rank(rank, world, port, folder, work, args):
    torch.set_num_threads(1)
    os.environ |= {
        "RANK": str(rank), "WORLD_SIZE": str(world), "LOCAL_RANK": str(rank), "LOCAL_WORLD_SIZE": str(world),
        "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo",
    }  # fmt: skip
    with distributed.together(device="cpu", patience=PATIENCE):
        torch.save(work(*args), Path(folder) / f"{rank}.pt")


def run(world, folder, work, *args):
    """What `work(*args)` gives in each of `world` processes that train together."""
    folder.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    mp.spawn(_rank, (world, port, str(folder), work, args), nprocs=world)
    return [torch.load(folder / f"{rank}.pt", weights_only=False) for rank in range(world)]


def main(checkpoint, out, variant, parts, dies_at):
    """Train with a checkpoint every 10 steps; rank 1 is killed before the step `dies_at` (fails there where it ends in "!"), and
    stalls there if it is negative."""
    config, cfg = settings(variant)
    advance, fails, dies_at = Trainer.advance, dies_at.endswith("!"), int(dies_at.rstrip("!"))

    def dying(self):
        if self.step == abs(dies_at) and ranks.session.rank == 1:
            if dies_at < 0:
                time.sleep(60)
            if fails:
                raise ArithmeticError("a fault of rank 1")
            os.kill(os.getpid(), signal.SIGKILL)
        return advance(self)

    Trainer.advance = dying
    with distributed.together(int(parts), device="cpu", patience=PATIENCE if dies_at >= 0 else timedelta(seconds=5)):
        first = Trainer.load
        Trainer.load = lambda self, path: (first(self, path), print(f"from step {self.step}", flush=True))
        sae, history = kc.train(config, acts(), cfg, held=acts()[:50], checkpoint=checkpoint, checkpoint_every=10)
        if ranks.first():
            torch.save((history, sae.state_dict()), out)


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        main(*sys.argv[1:])
    except RuntimeError as error:
        if not distributed.is_loss_of_rank(error):
            raise
        sys.exit(f"lost a rank: {error}")
