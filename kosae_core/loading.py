"""Loading language models: which files, which device or devices, in which numbers."""

import logging
import os
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, TorchAoConfig
from transformers.utils import cached_file
from transformers.utils import logging as transformers_logging
from transformers.utils.hub import extract_commit_hash

from kosae_core import needs, paths
from kosae_core.lm import LanguageModel

DTYPES = {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}


def load_lm(
    name: str | Path = "kosae-lm",
    *,
    device: str | torch.device | dict[str, Any] | None = None,
    dtype: str | torch.dtype | None = None,
    bits: int | None = None,
    blocks: str | None = None,
    parts: dict[str, str] | None = None,
    final_norm: str | None = None,
    trust_remote_code: bool | None = None,
) -> LanguageModel:
    """Load the model inside (`kosae-lm`), a local folder, or a Hugging Face hub id.

    `device` defaults to the GPU, to "auto" (spread over all) where there are several, and to the CPU without any; a device_map
    of transformers is taken too. `dtype` (bf16, fp16, fp32) defaults to bf16 on a GPU and fp32 on a CPU. `bits`, 8 or 4,
    quantizes the weights through bitsandbytes (8 also through torchao, where only that is installed). Where they cannot be found, `blocks`
    names the ModuleList of blocks, `parts` the attention and MLP in a block ({"attn_out": "self_attn", "mlp_out": "mlp"}) and
    `final_norm` the norm after the last; `trust_remote_code` runs Python code that comes with the model (None: only where KOSAE_TRUST_REMOTE_CODE is 1).

    Raises  FileNotFoundError if the model is in none of these places; ValueError if it comes with code that was not trusted,
            its files are damaged, or for a device, dtype or number of bits that cannot be had; needs.TooLarge, before its
            weights are read, where memory cannot hold them.
    """
    inside = paths.models_dir() / str(name)
    source = inside if inside.is_dir() else Path(name).expanduser()
    local = source.is_dir()
    if local and not any(source.glob("*.safetensors")) and not any(source.glob("*.bin")):
        made = " (make them: python -m pipeline.train_lm, then again with --export)" if source == inside else ""
        raise FileNotFoundError(f"load_lm({str(name)!r}): {source} has no weights{made}.")
    where = str(source) if local else str(name)
    place = _place(device)
    dtype = _dtype(dtype, place)
    if trust_remote_code is None:
        trust_remote_code = os.environ.get("KOSAE_TRUST_REMOTE_CODE") == "1"
    options = {"local_files_only": local, "trust_remote_code": trust_remote_code}
    how: dict[str, Any] = {"dtype": dtype}
    if bits is not None:
        how["quantization_config"] = _quantization(bits, dtype)
    spread = not isinstance(place, torch.device)
    if spread or bits is not None:
        _require("accelerate", "a model that is spread over devices, or quantized,")
        how["device_map"] = place if spread else {"": place}
    bars = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()
    try:
        if not isinstance(place, dict):  # who says where each part goes has thought of that
            needs.require_room_for_model(where, dtype, place, options, bits)
        tokenizer = AutoTokenizer.from_pretrained(where, **options)
        model, found = AutoModelForCausalLM.from_pretrained(where, output_loading_info=True, **how, **options)
        if missing := sorted(found["missing_keys"]):  # transformers makes such weights at random, and goes on
            raise ValueError(f"weights are missing, {len(missing)} in all: {', '.join(missing[:3])}")
    except Exception as error:
        told = _told(error, str(name), local, trust_remote_code)
        if told is error:
            raise
        raise told from error
    finally:
        if bars:
            transformers_logging.enable_progress_bar()
    model = model if "device_map" in how else model.to(place)
    # transformers no longer keeps the commit in the configuration; the cache's folder has its name
    commit = None if local else extract_commit_hash(cached_file(where, "config.json"), None)
    return LanguageModel(str(name), model, tokenizer, blocks=blocks, parts=parts, final_norm=final_norm, commit=commit)


def reachable(name: str | Path) -> bool:
    """Whether a model can be had: False only for a hub id that the hub does not give and that was not downloaded before.

    What is wrong with a folder, or with a model that is there, `load_lm` says.
    """
    if (
        (paths.models_dir() / str(name)).is_dir()
        or not re.fullmatch(r"[\w-][\w.-]*/[\w.-]+", str(name))
        or Path(name).is_dir()
    ):
        return True
    try:
        cached_file(str(name), "config.json")
    except OSError:
        return False
    return True


def _place(device: str | torch.device | dict[str, Any] | None) -> torch.device | str | dict[str, Any]:
    """One device, or how to spread a model over several."""
    n_gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if device is None:
        rank = os.environ.get("LOCAL_RANK")  # one process for each GPU: torchrun
        device = "cpu" if n_gpus == 0 else f"cuda:{rank or 0}" if n_gpus == 1 or rank is not None else "auto"
    if isinstance(device, dict) or device in needs.SPREAD:
        return device
    try:
        found = torch.device(device)
    except (RuntimeError, TypeError):
        raise ValueError(
            f"device must be cpu, cuda, cuda:1, ..., one of {', '.join(needs.SPREAD)}, or a device_map, not {device!r}."
        ) from None
    if found.type == "cuda" and (found.index or 0) >= n_gpus:
        raise ValueError(
            f"device {str(found)!r}: this machine has {n_gpus or 'no'} GPU{'s' * (n_gpus > 1)} that PyTorch sees."
        )
    return found


def _dtype(dtype: str | torch.dtype | None, place: torch.device | str | dict[str, Any]) -> torch.dtype:
    if dtype is None:
        on_cpu = place.type == "cpu" if isinstance(place, torch.device) else not torch.cuda.is_available()
        return torch.float32 if on_cpu else torch.bfloat16
    found = DTYPES.get(dtype) if isinstance(dtype, str) else dtype
    if found not in DTYPES.values():
        raise ValueError(f"dtype must be one of {', '.join(DTYPES)}, not {dtype!r}.")
    return found


def _quantization(bits: int, dtype: torch.dtype) -> BitsAndBytesConfig | TorchAoConfig:
    """The setting of a library that is installed; torchao has 4 bits on some GPUs alone, bitsandbytes everywhere.

    Raises  ValueError for another number of bits, or without a library for it.
    """
    if bits not in (4, 8) or isinstance(bits, bool):
        raise ValueError(f"bits must be 8 or 4, not {bits!r}.")
    if bits == 8 and find_spec("torchao") and not find_spec("bitsandbytes"):
        from torchao.quantization import Int8WeightOnlyConfig

        return TorchAoConfig(Int8WeightOnlyConfig())
    _require("bitsandbytes", f"bits={bits}")
    # which says at every product of 8 bits that it computes in fp16
    logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
    if bits == 8:
        return BitsAndBytesConfig(load_in_8bit=True)
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=dtype)


def _require(library: str, what: str) -> None:
    if find_spec(library) is None:
        raise ValueError(f"{what} needs {library}, which is not installed: pip install {library}.")


def _told(error: Exception, name: str, local: bool, trusted: bool) -> Exception:
    """What went wrong with a model, in one sentence; what is none of its business stays as it is."""
    reason = " ".join(str(error).split())
    if isinstance(error, ValueError) and "trust_remote_code" in reason and not trusted:
        return ValueError(
            f"load_lm({name!r}): this model comes with Python code of its own, which would run here with all your rights; "
            "when you have read it, say trust_remote_code=True or set KOSAE_TRUST_REMOTE_CODE=1."
        )
    if isinstance(error, OSError) and not local:
        first = str(error).strip().splitlines()[0]
        return FileNotFoundError(
            f"load_lm({name!r}): neither the model inside, nor a folder, nor a hub id that loads: {first}"
        )
    if isinstance(error, needs.TooLarge | MemoryError | torch.OutOfMemoryError) or not (
        local or reason.startswith("weights are missing")
    ):
        return error
    return ValueError(f"load_lm({name!r}): it cannot be read as a model of transformers: {reason[:300].rstrip('.')}.")
