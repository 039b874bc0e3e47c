"""The folders of SAELens, written and read: `sae.save(folder, format="saelens")`, `load_sae(folder)`.

SAELens works on raw activations, so the centring and scaling of this package go into the weights on the way out; features
keep their values. Tensors and fields are those of SAELens 6 (`cfg.json`, `sae_weights.safetensors`).
"""

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file

from kosae_core import saving
from kosae_core.base import SAE
from kosae_core.foreign import assemble, reading, settings

WEIGHTS = "sae_weights.safetensors"
ARCHITECTURES = {
    "standard": "standard", "p_anneal": "standard", "gated": "gated", "gated_anneal": "gated", "topk": "topk",
    "jumprelu": "jumprelu", "batchtopk": "jumprelu", "matryoshka": "jumprelu",
}  # fmt: skip
"""What each variant is once it is trained; a BatchTopK or Matryoshka code is a JumpReLU with one threshold for all."""


@torch.no_grad()
def save_saelens(sae: SAE, path: str | Path) -> Path:
    """Write a folder that `sae_lens.SAE.load_from_disk` reads; the same raw activations give the same features there.

    Raises  ValueError for a variant that SAELens does not have.
    """
    variant = sae.config.variant
    if variant not in ARCHITECTURES:
        raise ValueError(
            f"SAELens has no autoencoder like the {variant} variant; save it without format, or train one of "
            f"{', '.join(ARCHITECTURES)}."
        )
    architecture = ARCHITECTURES[variant]
    tensors = {
        "W_enc": sae.W_enc_DF / sae.scale,
        "W_dec": sae.W_dec_FD * sae.scale,
        "b_dec": sae.b_dec_D * sae.scale + sae.mean_D,
    }
    if architecture == "gated":
        tensors |= {"b_gate": sae.b_gate_F, "b_mag": sae.b_mag_F, "r_mag": sae.r_mag_F}
    else:
        tensors["b_enc"] = sae.b_enc_F
    if architecture == "jumprelu":
        threshold_F = sae.threshold_F if variant == "jumprelu" else sae.threshold.clamp_min(0.0)
        tensors["threshold"] = threshold_F.expand(sae.n_features)
    config = {
        "architecture": architecture, "d_in": sae.d_model, "d_sae": sae.n_features, "dtype": "float32", "device": "cpu",
        "apply_b_dec_to_input": True, "normalize_activations": "none", "reshape_activations": "none",
        "metadata": _metadata(sae),
    }  # fmt: skip
    if architecture == "topk":
        config |= {"k": sae.k, "rescale_acts_by_decoder_norm": False}
    return saving.write_files(path, {name: tensor.float() for name, tensor in tensors.items()}, config, WEIGHTS)


def _metadata(sae: SAE) -> dict[str, Any]:
    block, _, kind = sae.provenance.get("point", "").removeprefix("b").partition(".")
    return {
        "model_name": sae.provenance.get("model"),
        "hook_name": f"blocks.{block}.hook_{kind}" if kind else None,
        "sae_lens_version": "6.0.0", "kosae_variant": sae.config.variant, "kosae_provenance": sae.provenance,
    }  # fmt: skip


def load_saelens(path: str | Path) -> SAE:
    """Read a folder that SAELens wrote, as an autoencoder of this package that gives the same features and reconstructions.

    Raises  ValueError when the folder is incomplete, or when SAELens would treat inputs in a way that this package does not.
    """
    folder = Path(path)
    with reading("SAELens", folder):
        record = _as_now(settings(folder / "cfg.json"))
        given = {name: tensor.float() for name, tensor in load_file(folder / WEIGHTS).items()}
        architecture = record["architecture"]
        _refuse(record, architecture)
        names = ("b_gate", "b_mag", "r_mag") if architecture == "gated" else ("b_enc",)
        sae = assemble(
            architecture, given["W_enc"], given["W_dec"], given["b_dec"],
            biases={name: given[name] for name in names}, shape=(record["d_in"], record["d_sae"]),
            subtracts=record.get("apply_b_dec_to_input", True),
            # its k largest are then those of features times row norms
            unit_rows=record.get("rescale_acts_by_decoder_norm", False),
            threshold=given["threshold"] if architecture == "jumprelu" else None,
            **({"k": record["k"]} if architecture == "topk" else {}),
        )  # fmt: skip
    sae.provenance = {"saelens": record.get("metadata", {})}
    return sae


def _as_now(record: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a release before 6, whose fields had other names and defaults, as one of today."""
    metadata = record.get("metadata") or {}
    release = str(record.get("sae_lens_version") or metadata.get("sae_lens_version") or "0").split(".")[0]
    if release.isdigit() and int(release) >= 6:
        return record
    old = {"hook_name": record.get("hook_point"), "activation_fn": record.get("activation_fn_str"), **record}
    activation = old["activation_fn"] or "relu"
    if activation not in ("relu", "topk") or old.get("finetuning_scaling_factor"):
        what = "a scaling factor of features" if old.get("finetuning_scaling_factor") else f"activation {activation!r}"
        raise ValueError(f"{what} of an old SAELens has no twin here (relu, topk).")
    now = {"architecture": "standard", **record}
    if activation == "topk":
        now |= {"architecture": "topk", "k": (record.get("activation_fn_kwargs") or {}).get("k", record.get("k"))}
    scaled = record.get("normalize_activations")
    now["normalize_activations"] = ("expected_average_only_in" if scaled is True else scaled) or "none"
    known = {name: old[name] for name in ("model_name", "hook_name", "sae_lens_version") if old.get(name)}
    return now | {"metadata": known | metadata}


def _refuse(record: dict[str, Any], architecture: str) -> None:
    if architecture not in ("standard", "gated", "topk", "jumprelu"):
        raise ValueError(
            f"architecture {architecture!r} of SAELens has no twin here (standard, gated, topk, jumprelu)."
        )
    for field in ("normalize_activations", "reshape_activations"):
        if record.get(field, "none") != "none":
            raise ValueError(
                f"{field} is {record[field]!r}: SAELens changes inputs as it runs; fold that into the weights there, "
                "save again, and load that folder."
            )
