"""Autoencoders that other libraries saved: which library a folder is of, and what their readers share.

Other libraries work on raw activations, so what is read takes them as they are (`centre` and `scale` are none).
"""

import json
import math
import pickle
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from safetensors import SafetensorError
from torch import Tensor

from kosae_core.base import SAE, VARIANTS, SAEConfig
from kosae_core.jumprelu import SPEED

SMALLEST = 1e-30
"""Stands for a threshold of 0, whose logarithm JumpReLU cannot hold."""
READERS = {
    "sae_weights.safetensors": ("saelens", "load_saelens"),
    "ae.pt": ("dictionary_learning", "load_dictionary"),
    "sae.safetensors": ("sparsify", "load_sparsify"),
}
"""The file that tells each library's folders, and the function that reads them."""


def reader(folder: Path) -> Callable[[Path], SAE] | None:
    """The function that reads a folder of another library, or None where it is none."""
    for name, (module, function) in READERS.items():
        if (folder / name).is_file():
            return getattr(import_module(f"kosae_core.{module}"), function)
    return None


@contextmanager
def reading(library: str, folder: Path) -> Iterator[None]:
    """Turn whatever goes wrong with the files of a folder into one sentence.

    Raises  ValueError.
    """
    try:
        yield
    except pickle.UnpicklingError as error:
        raise ValueError(
            f"the {library} folder {folder} cannot be read: a file is damaged, or holds more than tensors (which could run "
            "code, and is not loaded)."
        ) from error
    except KeyError as error:
        raise ValueError(f"the {library} folder {folder} cannot be read: it has no {error}.") from error
    except (
        OSError,
        TypeError,
        AttributeError,
        RuntimeError,
        EOFError,
        SafetensorError,
        json.JSONDecodeError,
        UnicodeError,
    ) as error:
        raise ValueError(f"the {library} folder {folder} cannot be read: {' '.join(str(error).split())}.") from error


def settings(file: Path) -> dict[str, Any]:
    """What a file of settings holds.

    Raises  TypeError when that is no object.
    """
    found = json.loads(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict):
        raise TypeError(f"{file.name} must hold an object, not {found!r:.40}")
    return found


@torch.no_grad()
def assemble(
    variant: str, W_enc_DF: Float[Tensor, "D F"], W_dec_FD: Float[Tensor, "F D"], b_dec_D: Float[Tensor, " D"], *,
    biases: dict[str, Tensor], shape: tuple[int, int], subtracts: bool = True, unit_rows: bool = False,
    threshold: Tensor | None = None, **options: Any,
) -> SAE:  # fmt: skip
    """An autoencoder that takes raw activations, of these weights.

    `biases` are b_enc, or b_gate, b_mag and r_mag; `subtracts` says whether b_dec is taken from the input; `unit_rows` moves
    the lengths of decoder rows into the features; `options` go to SAEConfig.

    Shapes  `shape` is (D, F) as the configuration has it; `threshold` one number, or one for each feature.
    Raises  RuntimeError when the tensors do not have that shape.
    """
    d_model, n_features = shape
    if tuple(W_enc_DF.shape) != (d_model, n_features):
        raise RuntimeError(
            f"the encoder has shape {tuple(W_enc_DF.shape)}, and the configuration says {(d_model, n_features)}"
        )
    if "auxk" in VARIANTS[variant].options:
        options["auxk"] = 0
    if variant == "jumprelu":
        options["bandwidth"] = 2 * _middle(threshold) / math.sqrt(d_model)
    sae = VARIANTS[variant](SAEConfig(variant, n_features, centre="none", scale="none", **options), d_model)
    state = {"W_enc_DF": W_enc_DF, "W_dec_FD": W_dec_FD, "b_dec_D": b_dec_D}
    state |= {f"{name}_F": bias_F for name, bias_F in biases.items()}
    if not subtracts:  # here every variant does, which this gives back
        shift_F = b_dec_D @ W_enc_DF
        gains = {"b_enc": 1.0, "b_gate": 1.0, "b_mag": biases["r_mag"].exp() if "r_mag" in biases else 1.0}
        state |= {f"{name}_F": biases[name] + gains[name] * shift_F for name in biases if name in gains}
    if variant == "jumprelu":
        state["r_threshold_F"] = (threshold.clamp_min(SMALLEST) / (0.5 * sae.width)).log() / SPEED
    elif threshold is not None:
        state["threshold"] = threshold
    sae.load_state_dict(sae.state_dict() | state)
    sae.free_rows = unit_rows
    sae.fold_rows()
    return sae.eval()


def _middle(threshold_F: Tensor) -> float:
    """The geometric middle of the positive thresholds, so that their logarithms relative to it are small numbers."""
    positive_N = threshold_F[threshold_F > 0]
    return float(positive_N.log().mean().exp()) if len(positive_N) else 1.0
