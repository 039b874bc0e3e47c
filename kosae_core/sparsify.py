"""The folders of EleutherAI's sparsify, read: `load_sae(folder)` of one hook point's `sae.safetensors` with its `cfg.json`.

An autoencoder there subtracts b_dec from what it encodes; a transcoder does not.

Source  eai-sparsify 1.3.3.
"""

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor

from kosae_core.base import SAE, VARIANTS, SAEConfig
from kosae_core.foreign import assemble, reading, settings


def load_sparsify(path: str | Path) -> SAE:
    """Read a folder that sparsify wrote: a TopK autoencoder, or a transcoder, with the same features and reconstructions.

    Raises  ValueError when the folder is incomplete, or has what no variant here computes (GroupMax, a skip connection).
    """
    folder = Path(path)
    with reading("sparsify", folder):
        record = settings(folder / "cfg.json")
        given = {name: tensor.float() for name, tensor in load_file(folder / "sae.safetensors").items()}
        if record.get("activation", "topk") != "topk":
            raise ValueError(f"activation {record['activation']!r} of sparsify has no twin here (topk).")
        if record.get("skip_connection") or "W_skip" in given:
            raise ValueError(
                "a skip connection (W_skip) of sparsify has no twin here; autoencoders without one are read."
            )
        d_in, k = record["d_in"], record["k"]
        n_features = record.get("num_latents") or d_in * record["expansion_factor"]
        if record.get("transcode"):
            sae = _transcoder(given, d_in, n_features, k)
        else:
            weights = given["encoder.weight"].t(), given["W_dec"], given["b_dec"]
            sae = assemble("topk", *weights, biases={"b_enc": given["encoder.bias"]}, shape=(d_in, n_features), k=k)
    sae.provenance = {"sparsify": {"hook_point": folder.name, "config": record}}
    return sae


def _transcoder(given: dict[str, Tensor], d_in: int, n_features: int, k: int) -> SAE:
    config = SAEConfig("transcoder", n_features, k=k, auxk=0, d_in=d_in, centre="none", scale="none")
    sae = VARIANTS["transcoder"](config, d_in + len(given["b_dec"]))
    state = {"W_enc_DF": given["encoder.weight"].t(), "b_enc_F": given["encoder.bias"], "W_dec_FD": given["W_dec"]}
    with torch.no_grad():
        sae.load_state_dict(sae.state_dict() | state | {"b_dec_D": given["b_dec"]})
    return sae.eval()
