"""The built-in language model's text: the mix, the tokenizer, the token stream."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import yaml
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors, trainers

from kosae_core import paths

BOS, PAD = "<s>", "<pad>"
BOS_ID, PAD_ID = 0, 1
MODEL = paths.models_dir() / "kosae-lm"
CONFIG = Path(__file__).with_name("train_lm.yaml")


def corpora() -> Path:
    """The folder of the real text; raises FileNotFoundError while KOSAE_DATA_DIR is not set."""
    folder = paths.corpora_dir()
    if folder is None:
        raise FileNotFoundError("KOSAE_DATA_DIR is not set; set it to the folder that holds lm_text.jsonl.gz.")
    return folder


def load_config(path: Path = CONFIG) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def records(config: dict, folder: Path, split: str) -> Iterator[dict]:
    """Yield {text, lang, source} of one split of the real text files, in file order."""
    for name in config["texts"]:
        path = folder / name
        if not path.exists():
            raise FileNotFoundError(f"{path} is not there; set KOSAE_DATA_DIR to the folder that holds {name}.")
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                record = json.loads(line)
                if record["split"] == split:
                    yield record


def passes(config: dict, lang: str, source: str) -> float:
    """How often a whole run reads this source (see `mix` in train_lm.yaml)."""
    by_source = config["mix"][lang]
    return float(by_source.get(source, by_source["default"]))


def draw(weights: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Document indices of one run, shuffled: each document floor(w) times, once more with chance w - floor(w)."""
    times = np.floor(weights).astype(int) + (rng.random(len(weights)) < weights % 1)
    order = np.repeat(np.arange(len(weights)), times)
    rng.shuffle(order)
    return order


def train_tokenizer(config: dict, folder: Path, out: Path) -> Tokenizer:
    """Byte-level BPE on a sample drawn with the mix; digits stand alone; NFC, so that decomposed Hangul is read."""
    docs = list(records(config, folder, "train"))
    weights = np.array([passes(config, d["lang"], d["source"]) for d in docs])
    order = draw(np.minimum(weights, 1.0), np.random.default_rng(config["seed"]))
    sample, size = [], 0
    for i in order:
        sample.append(docs[i]["text"])
        size += len(sample[-1].encode())
        if size > config["tokenizer"]["sample_bytes"]:
            break
    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=True), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        sample,
        trainers.BpeTrainer(
            vocab_size=config["tokenizer"]["vocab_size"],
            special_tokens=[BOS, PAD],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(single=f"{BOS} $A", special_tokens=[(BOS, BOS_ID)])
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": BOS,
        "eos_token": BOS,
        "pad_token": PAD,
        "model_max_length": config["model"]["max_position_embeddings"],
        "clean_up_tokenization_spaces": False,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(settings, indent=2) + "\n")
    return tokenizer


def encode_documents(tokenizer: Tokenizer, texts: list[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return (tokens uint16, offsets int64 of length n + 1); each document starts with <s>."""
    parts, lengths = [], []
    for start in range(0, len(texts), 20_000):
        for encoding in tokenizer.encode_batch_fast(texts[start : start + 20_000]):
            parts.append(np.array(encoding.ids, dtype=np.uint16))
            lengths.append(len(parts[-1]))
    return np.concatenate(parts), np.concatenate([[0], np.cumsum(lengths)])


def stage_stream(
    config: dict, stage: int, tokens: np.ndarray, offsets: np.ndarray, weights: np.ndarray, synthetic: tuple | None
) -> np.ndarray:
    """The token stream of one stage: real documents by weight x share, with the synthetic ones mixed in."""
    settings = config["stages"][stage]
    rng = np.random.default_rng([config["seed"], stage])
    docs = [tokens[offsets[i] : offsets[i + 1]] for i in draw(weights * settings["share"], rng)]
    if settings["synthetic"]:
        extra, extra_offsets = synthetic
        share = np.full(len(extra_offsets) - 1, settings["synthetic"])
        docs += [extra[extra_offsets[i] : extra_offsets[i + 1]] for i in draw(share, rng)]
        rng.shuffle(docs)
    return np.concatenate(docs)
