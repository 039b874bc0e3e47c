"""One library training one variant, for `train_throughput.py`: reads orders from standard input, answers in JSON lines.

    python benchmarks/workers/throughput.py LIBRARY VARIANT PRECISION DATA.npz '{"n_features": 2048, "batch": 2048, "k": 16, "steps": 1000}'

It runs in this project's environment or in that of the peers and imports nothing of the one from the other. An order is
a number of steps, to be timed, or `quality`, for what the autoencoder has learnt so far.
"""

import json
import os
import sys
import time

import numpy as np

if "kosae" in sys.argv[1]:
    import kosae_core as kc  # says how torch's threads wait, so before torch
import torch

SPARSE = ("topk", "batchtopk", "matryoshka")
PREFIX_SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 17 / 32)


class Batches:
    """Shuffled batches without end, as tensors, scaled as a library expects its inputs."""

    def __init__(self, acts_ND, batch, scale):
        self.acts_ND, self.batch = torch.from_numpy(acts_ND) * scale, batch
        self.generator, self.order = torch.Generator().manual_seed(0), torch.empty(0, dtype=torch.long)

    def __iter__(self):
        return self

    def __next__(self):
        if len(self.order) < self.batch:
            self.order = torch.randperm(len(self.acts_ND), generator=self.generator)
        index, self.order = self.order[: self.batch], self.order[self.batch :]
        return self.acts_ND[index]


class Kosae:
    """This project."""

    scale = 1.0
    settings = {}

    def __init__(self, variant, precision, acts_ND, o):
        from kosae_core import live, needs
        from kosae_core.trainer import Trainer

        live.giving_back(needs.GIVEN_BACK).__enter__()  # until the process ends, as around every training

        config = kc.SAEConfig(variant, o["n_features"], **({"k": o["k"]} if variant in SPARSE else {}))
        aim = {} if variant in SPARSE else {"target_l0": float(o["k"])}
        cfg = kc.TrainConfig(
            steps=o["steps"], batch_size=o["batch"], lr=o.get("lr"), log_every=10**9, device="cpu", precision=precision,
            **aim, **self.settings,
        )  # fmt: skip
        self.trainer = Trainer(config, torch.from_numpy(acts_ND), cfg)

    def step(self):
        self.trainer.advance()

    def directions(self):
        return self.trainer.sae.W_dec_FD.detach()

    def run(self, x_BD):
        sae = self.trainer.sae.eval()
        feats_BF = sae.encode(x_BD)
        recon_BD = sae.decode(feats_BF)
        sae.train()
        return feats_BF, recon_BD


class KosaeFree(Kosae):
    """The same with decoder rows of any length."""

    settings = {"decoder_norm": "free"}


class DictionaryLearning:
    """dictionary-learning 0.1.0 through its trainers' `update`."""

    def __init__(self, variant, precision, acts_ND, o):
        from dictionary_learning import trainers
        from dictionary_learning.trainers import batch_top_k, gdm, jumprelu, matryoshka_batch_top_k, standard, top_k

        self.scale = float(1 / np.sqrt((acts_ND**2).sum(1).mean()))
        warmup = max(1, o["steps"] // 20)
        common = {
            "steps": o["steps"], "activation_dim": acts_ND.shape[1], "dict_size": o["n_features"], "layer": 0,
            "lm_name": "planted", "warmup_steps": warmup, "decay_start": int(0.7 * o["steps"]), "device": "cpu", "seed": 0,
        }  # fmt: skip
        common |= {"lr": o["lr"]} if o.get("lr") else {}
        soft = {"sparsity_warmup_steps": warmup}
        annealed = "initial_sparsity_penalty"
        name = {"jumprelu": "sparsity_penalty", "p_anneal": annealed, "gated_anneal": annealed}.get(
            variant, "l1_penalty"
        )
        soft |= {name: o["penalty"]} if o.get("penalty") else {}
        falling = {"anneal_start": o["steps"] // 5, "p_end": 0.2, "sparsity_function": "Lp^p"}  # those of the paper
        made = {
            "standard": lambda: standard.StandardTrainer(**common, **soft),
            "gated": lambda: gdm.GatedSAETrainer(**common, **soft),
            "p_anneal": lambda: trainers.p_anneal.PAnnealTrainer(**common, **soft, **falling),
            "gated_anneal": lambda: trainers.gated_anneal.GatedAnnealTrainer(**common, **soft, **falling),
            "jumprelu": lambda: jumprelu.JumpReluTrainer(**common, **soft, target_l0=float(o["k"])),
            "topk": lambda: top_k.TopKTrainer(**common, k=o["k"], threshold_start_step=warmup),
            "batchtopk": lambda: batch_top_k.BatchTopKTrainer(**common, k=o["k"], threshold_start_step=warmup),
            "matryoshka": lambda: matryoshka_batch_top_k.MatryoshkaBatchTopKTrainer(
                **common, k=o["k"], threshold_start_step=warmup, group_fractions=list(PREFIX_SHARES)
            ),
        }
        self.trainer, self.count = made[variant](), 0
        self.batches = Batches(acts_ND, o["batch"], self.scale)

    def step(self):
        self.trainer.update(self.count, next(self.batches))
        self.count += 1

    def directions(self):
        ae = self.trainer.ae
        return (ae.W_dec if hasattr(ae, "W_dec") else ae.decoder.weight.t()).detach()

    def run(self, x_BD):
        feats_BF = self.trainer.ae.encode(x_BD)
        return feats_BF, self.trainer.ae.decode(feats_BF)


class SaeLens:
    """sae-lens 6.54.12 through its `SAETrainer.step`."""

    def __init__(self, variant, precision, acts_ND, o):
        import sae_lens as s
        from sae_lens.config import SAETrainerConfig
        from sae_lens.training.sae_trainer import SAETrainer

        self.scale = float(np.sqrt(acts_ND.shape[1]) / np.linalg.norm(acts_ND, axis=1).mean())
        name = {
            "standard": "Standard", "gated": "Gated", "jumprelu": "JumpReLU", "topk": "TopK", "batchtopk": "BatchTopK",
            "matryoshka": "MatryoshkaBatchTopK",
        }[variant]  # fmt: skip
        extra = {"k": o["k"]} if variant in SPARSE else {}
        if o.get("penalty"):
            extra["l0_coefficient" if variant == "jumprelu" else "l1_coefficient"] = o["penalty"]
        if variant == "matryoshka":
            edges = np.cumsum(PREFIX_SHARES[:-1]) * o["n_features"]
            extra["matryoshka_widths"] = [*map(int, edges), o["n_features"]]
        config = getattr(s, f"{name}TrainingSAEConfig")(
            d_in=acts_ND.shape[1], d_sae=o["n_features"], device="cpu", **extra
        )
        sae = getattr(s, f"{name}TrainingSAE")(config)
        cfg = SAETrainerConfig(
            total_training_samples=o["steps"] * o["batch"], train_batch_size_samples=o["batch"], device="cpu",
            autocast=precision == "bf16", lr=o.get("lr") or 3e-4, lr_end=(o.get("lr") or 3e-4) / 10,
            lr_warm_up_steps=o["steps"] // 20, lr_decay_steps=int(0.3 * o["steps"]),
        )  # fmt: skip
        self.batches = Batches(acts_ND, o["batch"], self.scale)
        self.trainer = SAETrainer(cfg, sae, self.batches)
        if precision == "compiled":  # as its runner with compile_sae
            sae.training_forward_pass = torch.compile(sae.training_forward_pass)

    def step(self):
        self.trainer.step(next(self.batches))
        self.trainer.n_training_steps += 1

    def directions(self):
        return self.trainer.sae.W_dec.detach()

    def run(self, x_BD):
        feats_BF = self.trainer.sae.encode(x_BD)
        return feats_BF, self.trainer.sae.decode(feats_BF)


class Sparsify:
    """eai-sparsify 1.3.3: its SparseCoder with Adam, as its trainer steps it (that trainer needs a language model)."""

    scale = 1.0

    def __init__(self, variant, precision, acts_ND, o):
        from sparsify import SparseCoder, SparseCoderConfig

        config = SparseCoderConfig(num_latents=o["n_features"], k=o["k"], activation=variant)
        torch.manual_seed(0)
        self.sae, self.batches = SparseCoder(acts_ND.shape[1], config), Batches(acts_ND, o["batch"], 1.0)
        self.sae.b_dec.data = self.batches.acts_ND[:10_000].mean(0)
        self.optimizer = torch.optim.Adam(
            self.sae.parameters(), lr=o.get("lr") or 2e-4 / (o["n_features"] / 2**14) ** 0.5
        )

    def step(self):
        out = self.sae(next(self.batches))
        out.fvu.backward()
        self.sae.remove_gradient_parallel_to_decoder_directions()
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.sae.set_decoder_norm_to_unit_norm()

    def directions(self):
        return self.sae.W_dec.detach()

    def run(self, x_BD):
        top_acts, index, _ = self.sae.encode(x_BD)
        feats_BF = torch.zeros(len(x_BD), self.sae.num_latents).scatter(1, index, top_acts)
        return feats_BF, self.sae.decode(top_acts, index)


class Groupmax(Sparsify):
    """The same with one feature of each of k groups in place of the k largest."""

    def __init__(self, variant, precision, acts_ND, o):
        super().__init__("groupmax", precision, acts_ND, o)


LIBRARIES = {
    "kosae": Kosae, "kosae free": KosaeFree, "dictionary-learning": DictionaryLearning, "sae-lens": SaeLens, "eai-sparsify": Sparsify,
    "eai-sparsify groupmax": Groupmax,
}  # fmt: skip


@torch.no_grad()
def quality(side, held_ND, true_FD):
    """Explained variance about the mean, L0, dead share and share of true directions found, on held-out tokens."""
    error = total = active = 0.0
    fired, mean_D = 0, torch.from_numpy(held_ND.mean(0)) * side.scale
    for start in range(0, len(held_ND), 4096):
        x_BD = torch.from_numpy(held_ND[start : start + 4096]) * side.scale
        feats_BF, recon_BD = side.run(x_BD)
        error += float((x_BD - recon_BD).square().sum())
        total += float((x_BD - mean_D).square().sum())
        active += float((feats_BF > 0).sum())
        fired = (feats_BF > 0).sum(0) + fired
    unit_FD = side.directions() / side.directions().norm(dim=1, keepdim=True).clamp_min(1e-12)
    best_F = (torch.from_numpy(true_FD) @ unit_FD.t()).max(1).values
    return {
        "explained_variance": 1 - error / total, "l0": active / len(held_ND),
        "dead": float((fired == 0).float().mean()), "recovered": float((best_F > 0.9).float().mean()),
        "mean_max_cosine": float(best_F.mean()),
    }  # fmt: skip


def main():
    library, variant, precision, data, options = sys.argv[1:]
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    arrays = np.load(data)
    side = LIBRARIES[library](variant, precision, arrays["acts_ND"], json.loads(options))
    print(json.dumps({"ready": True}), flush=True)
    for order in sys.stdin:
        if order.strip() == "quality":
            answer = quality(side, arrays["held_ND"], arrays["true_FD"])
        else:
            wall, cpu = time.perf_counter(), time.process_time()
            for _ in range(int(order)):
                side.step()
            answer = {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
