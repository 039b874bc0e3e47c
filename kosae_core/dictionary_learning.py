"""The folders of dictionary_learning, read: `load_sae(folder)` of `ae.pt` with its `config.json`.

Whatever its training divided activations by is in the biases already when that library saves; encoder weights lie (F, D) where
it uses layers, (D, F) where it does not.

Source  dictionary-learning 0.1.0.
"""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from kosae_core.base import SAE
from kosae_core.foreign import assemble, reading, settings

ANNEALED = {"PAnnealTrainer": "p_anneal", "GatedAnnealTrainer": "gated_anneal"}
"""Trainers whose autoencoders have a variant of their own here, for what it minimises; it computes the same."""
CLASSES = (
    "AutoEncoder", "AutoEncoderNew", "GatedAutoEncoder", "AutoEncoderTopK", "BatchTopKSAE", "MatryoshkaBatchTopKSAE",
    "JumpReluAutoEncoder",
)  # fmt: skip


def load_dictionary(path: str | Path) -> SAE:
    """Read a folder that dictionary_learning wrote, as the variant that gives the same features and reconstructions.

    Raises  ValueError when the folder is incomplete, holds more than tensors, or is of a class that has no twin here.
    Differs an `AutoEncoder` has unit decoder rows, as that library's own loader makes them; a TopK one keeps the k largest, as
            its `forward` does, and not what exceeds its threshold.
    """
    folder = Path(path)
    with reading("dictionary_learning", folder):
        trainer = settings(folder / "config.json")["trainer"]
        state = torch.load(folder / "ae.pt", map_location="cpu", weights_only=True)
        given = {name: tensor.float() if tensor.is_floating_point() else tensor for name, tensor in state.items()}
        sae = _build(trainer, given)
    about = {name: trainer.get(name) for name in ("lm_name", "layer", "submodule_name", "trainer_class", "dict_class")}
    sae.provenance = {"dictionary_learning": about}
    return sae


def _build(trainer: dict[str, Any], given: dict[str, Tensor]) -> SAE:
    kind, shape = trainer["dict_class"], (trainer["activation_dim"], trainer["dict_size"])
    if kind not in CLASSES:
        raise ValueError(f"dict_class {kind!r} of dictionary_learning has no twin here ({', '.join(CLASSES)}).")
    if "W_enc" in given:
        weights = given["W_enc"], given["W_dec"], given["b_dec"]
    else:
        names = {"AutoEncoder": "bias", "AutoEncoderNew": "decoder.bias", "GatedAutoEncoder": "decoder_bias"}
        weights = given["encoder.weight"].t(), given["decoder.weight"].t(), given[names.get(kind, "b_dec")]
    annealed = ANNEALED.get(trainer.get("trainer_class"))
    if kind == "GatedAutoEncoder":
        biases = {"b_gate": given["gate_bias"], "b_mag": given["mag_bias"], "r_mag": given["r_mag"]}
        return assemble(annealed or "gated", *weights, biases=biases, shape=shape)
    biases = {"b_enc": given["b_enc"] if "W_enc" in given else given["encoder.bias"]}
    if kind.startswith("AutoEncoder") and kind != "AutoEncoderTopK":
        new = kind == "AutoEncoderNew"
        return assemble(
            annealed or "standard", *weights, biases=biases, shape=shape, subtracts=not new, unit_rows=not new
        )
    if kind == "JumpReluAutoEncoder":
        return assemble("jumprelu", *weights, biases=biases, shape=shape, threshold=given["threshold"], subtracts=False)
    k = int(given["k"] if "k" in given else trainer["k"])
    if kind == "AutoEncoderTopK":
        return assemble("topk", *weights, biases=biases, shape=shape, k=k)
    options = {"k": k, "threshold": given["threshold"]}
    if kind == "BatchTopKSAE":
        return assemble("batchtopk", *weights, biases=biases, shape=shape, **options)
    prefixes = tuple(given["group_sizes"].cumsum(0).tolist())
    return assemble("matryoshka", *weights, biases=biases, shape=shape, prefixes=prefixes, **options)
