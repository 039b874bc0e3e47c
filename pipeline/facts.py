"""What a plan has to know of models and corpora, found without running anything; of a model on the hub it reads the configuration."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import try_to_load_from_cache
from transformers.utils import SAFE_WEIGHTS_INDEX_NAME, SAFE_WEIGHTS_NAME, WEIGHTS_NAME

from kosae_core import paths
from kosae_core.live import live_bytes
from kosae_core.loading import reachable
from kosae_core.needs import whole_params
from pipeline import chapters as ch

SAMPLE = 200
"""Sentences whose tokens are counted, where corpus and tokenizer are at hand."""
PASS = 26
"""Tensors of the residual stream's size that are taken for a pass where it cannot be counted: Llama has about 12, GPT-2 22."""
FACTS = ("n_params", "d_model", "n_layers", "vocab")


@dataclass(frozen=True)
class Model:
    """What the sizes of a run depend on."""

    n_params: int
    d_model: int
    n_layers: int
    vocab: int
    whole: int
    """Of the parameters, those that quantization leaves as they are: embeddings, the output's, norms."""
    per_token: float
    """Bytes that a pass takes for a moment, for each token of its batch."""
    how: str
    here: bool
    """Whether its weights are on this machine."""
    place: str | None = None
    """The folder or name that its tokenizer is read from, where it is on this machine."""


def read_model(name: str, table: dict[str, Any], element: int = 4) -> Model:
    """The facts of a model whose numbers have so many bytes: counted from its configuration, or else the preset's own.

    Raises  PipelineError for a model of which neither is there.
    """
    folder = paths.models_dir() / name if (paths.models_dir() / name).is_dir() else Path(name).expanduser()
    place = str(folder) if folder.is_dir() else name
    from transformers import AutoConfig, AutoModelForCausalLM

    try:  # a folder, or what the hub or its cache has
        alone = name in table or not reachable(name)  # what a preset states needs no hub
        config = AutoConfig.from_pretrained(place, local_files_only=alone, trust_remote_code=False)
        with torch.device("meta"):
            model = AutoModelForCausalLM.from_config(
                config, trust_remote_code=False, dtype={2: torch.bfloat16, 4: torch.float32}[element]
            )
        text = config.get_text_config(decoder=True)
        facts = model.num_parameters(), text.hidden_size, text.num_hidden_layers, text.vocab_size, whole_params(model)
        return Model(
            *facts, per_token(model), how="counted from its configuration", here=_weights_here(place), place=place
        )
    except (OSError, ValueError):  # not there, or with code of its own, which a plan does not run
        pass
    facts = table.get(name)
    if not isinstance(facts, dict) or not all(isinstance(facts.get(fact), int) for fact in FACTS):
        raise ch.PipelineError(
            f"the model {name!r} is not on this machine, and the preset's plan section does not say its "
            f"{', '.join(FACTS)} (under models)."
        )
    whole = 2 * facts["vocab"] * facts["d_model"]  # as where the output's matrix is not the embedding
    size = PASS * facts["d_model"] * element
    return Model(*(facts[fact] for fact in FACTS), whole, size, how="as the preset states", here=False)


def _weights_here(place: str) -> bool:
    """Whether a folder, or the hub's cache, has a model's weights."""
    if Path(place).is_dir():
        return True
    kept = (try_to_load_from_cache(place, name) for name in (SAFE_WEIGHTS_NAME, SAFE_WEIGHTS_INDEX_NAME, WEIGHTS_NAME))
    return any(isinstance(file, str) for file in kept)


def per_token(model: torch.nn.Module) -> float:
    """Bytes that a model on the device `meta` takes for a moment, for each token of a batch that goes to its last block."""
    ids_BT = torch.zeros(16, 8, dtype=torch.long, device="meta")
    masks = torch.zeros(16, 1, 8, 8, dtype=model.dtype, device="meta"), None  # some make one by looking at numbers
    for mask in masks:
        try:
            taken = live_bytes(lambda mask=mask: model.base_model(ids_BT, attention_mask=mask, use_cache=False))
            return taken / ids_BT.numel()
        except (NotImplementedError, RuntimeError, ValueError):
            continue
    return PASS * model.get_input_embeddings().weight.shape[1] * model.dtype.itemsize


@cache
def sentences(corpus: str, split: str, lang: str, folder: Path | None) -> tuple[int | None, tuple[str, ...], str]:
    """How many there are and the first of them, or why that is not known; `folder` is where corpora are looked for."""
    from kosae_core.corpora import load_corpus
    from kosae_core.readers import CorpusError

    try:
        texts = load_corpus(corpus, split=split, lang=lang or None).texts
    except CorpusError as error:
        return None, (), str(error)
    return len(texts), tuple(texts[:SAMPLE]), ""
