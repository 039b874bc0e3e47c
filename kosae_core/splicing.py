"""What a language model loses when its activations at one point are replaced by their reconstructions."""

import logging
from collections.abc import Sequence
from contextlib import ExitStack
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn import functional

from kosae_core.batches import length_batches
from kosae_core.sae import SAE

if TYPE_CHECKING:
    from kosae_core.lm import LanguageModel

logger = logging.getLogger("kosae.metrics")
_ABLATED: WeakKeyDictionary = WeakKeyDictionary()


def ratio(above: float, below: float) -> float:
    """The quotient, NaN where there is nothing to divide by."""
    return above / below if below else float("nan")


@torch.no_grad()
def splice(
    sae: SAE, lm: "LanguageModel", point: str | tuple[str, str], documents: Sequence[Sequence[int]]
) -> dict[str, float]:  # fmt: skip
    """The model's loss and predictions untouched, with reconstructions, and with zeros in place of the activations.

    Shapes  `documents` are lists of token ids with their special tokens, whose activations stay as they are. With two
            points, the autoencoder reads the first and replaces the second, as a transcoder does.
    Units   nats per token, a mean over all tokens but the first of each document.
    Raises  ValueError for an autoencoder that reconstructs more than one point.
    """
    read, write = (point, point) if isinstance(point, str) else point
    if read != write and not hasattr(sae, "d_in"):
        raise ValueError(f"an autoencoder of one point cannot read {read} and replace {write}.")
    if read != write and len(sae.centre_D) == sae.d_model:
        raise ValueError("a crosscoder reconstructs two points at once: evaluate it without lm.")
    seen: list[Tensor] = []

    def reconstructed(hidden_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        source_BTD = hidden_BTD if read == write else seen.pop()
        patched_BTD = hidden_BTD.clone()
        patched_BTD[mask_BT] = sae(source_BTD[mask_BT].to(sae.mean_D)).to(hidden_BTD)
        return patched_BTD

    def zeroed(hidden_BTD: Tensor, mask_BT: Tensor) -> Tensor:
        return hidden_BTD.masked_fill(mask_BT[..., None], 0.0)

    known = _ABLATED.setdefault(lm, {})
    key = (write, hash(tuple(map(tuple, documents))))
    patches = {"sae": reconstructed} | ({} if key in known else {"ablated": zeroed})
    sums = dict.fromkeys(("n", "ce_clean", "ce_sae", "ce_ablated", "kl_sae", "kl_ablated"), 0.0)
    # three tables of logits at a time: about 2**23 numbers each; larger ones cost more in fresh memory than they save
    budget = max(128, min(4096, 2**23 // lm.model.get_input_embeddings().num_embeddings))
    for rows in length_batches([len(ids) for ids in documents], budget, shortest=2):
        batch = lm.batch([documents[row] for row in rows])
        scored_BT = batch.attention_BT[:, 1:]
        targets_N = batch.ids_BT[:, 1:][scored_BT]
        clean_NV = lm.logits(batch)[:, :-1][scored_BT].float().log_softmax(1)
        sums["n"] += len(targets_N)
        sums["ce_clean"] += float(functional.nll_loss(clean_NV, targets_N, reduction="sum"))
        for name, patch in patches.items():
            with ExitStack() as hooks:
                if name == "sae" and read != write:
                    sinks = {lm.resolve(read): lambda hidden_BTD: seen.append(hidden_BTD.clone())}
                    hooks.enter_context(lm.watched(sinks, stop=False))
                hooks.enter_context(lm.replaced(write, patch))
                logits_BTV = lm.logits(batch)
            other_NV = logits_BTV[:, :-1][scored_BT].float().log_softmax(1)
            sums[f"ce_{name}"] += float(functional.nll_loss(other_NV, targets_N, reduction="sum"))
            sums[f"kl_{name}"] += float(functional.kl_div(other_NV, clean_NV, reduction="sum", log_target=True))
    found = {name: total / sums["n"] for name, total in sums.items() if name != "n"}
    if key in known:
        found["ce_ablated"], found["kl_ablated"] = known[key]
    known[key] = found["ce_ablated"], found["kl_ablated"]
    clean, with_sae, ablated = found["ce_clean"], found["ce_sae"], found["ce_ablated"]
    logger.info("loss %.4f clean, %.4f with the SAE, %.4f ablated", clean, with_sae, ablated)
    return {
        "ce_clean": clean, "ce_sae": with_sae, "ce_ablated": ablated,
        "loss_recovered": ratio(ablated - with_sae, ablated - clean),
        "kl": found["kl_sae"], "kl_recovered": 1.0 - ratio(found["kl_sae"], found["kl_ablated"]),
    }  # fmt: skip
