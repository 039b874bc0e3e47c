"""Measure the built-in language model and write its report and model card: `python -m pipeline.lm_report`.

Bits per byte and per character on held-out text beside a Kneser-Ney 5-gram on the same training
tokens; a topic probe on YNAT beside TF-IDF; greedy continuations that repeat no corpus sentence.
"""

from __future__ import annotations

import gzip
import json
import logging
import os
import re
from pathlib import Path

import numpy as np
import torch
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from transformers import AutoModelForCausalLM, AutoTokenizer

from pipeline import lm_data
from pipeline.lm_card import write_card
from pipeline.ngram import KneserNey
from pipeline.train_lm import prepare, stage_rows

log = logging.getLogger("kosae.lm_report")
MODEL = lm_data.MODEL
WINDOW, STRIDE = 256, 128

PROMPTS = {
    "ko": [
        "정부는 내년부터",
        "오늘 아침에 일어나",
        "이 영화는 처음부터",
        "대한민국의 수도는",
        "이 함수는 두 개의 인수를",
        "할머니는 시장에서",
        "법원은 이 사건에 대하여",
        "축구 대표팀이",
        "새로운 기술을 배우려면",
        "비가 많이 와서",
        "그 책을 읽고 나니",
        "회의가 끝난 뒤에",
        "학생들은 교실에서",
        "삼성전자가",
    ],
    "en": [
        "The government announced that",
        "When I woke up this morning,",
        "The price of bread rises when",
        "She opened the letter and",
        "This function returns",
        "In many societies, people",
        "The old house by the river",
        "Students who plan their time",
        "My fellow citizens,",
        "To install the package,",
        "He walked slowly towards",
        "The weather was so cold that",
        "A good teacher",
        "The museum is",
    ],
}


def token_bits(model, documents: list[np.ndarray], rows: int = 32) -> list[np.ndarray]:
    """Bits of every token after `<s>`; documents over WINDOW tokens are read in windows STRIDE apart."""
    pieces = []
    for i, doc in enumerate(documents):
        begin = 0
        while True:
            end = min(begin + WINDOW, len(doc))
            pieces.append((i, begin, end, 1 if begin == 0 else WINDOW - STRIDE))
            if end == len(doc):
                break
            begin += STRIDE
    bits = [np.zeros(len(doc) - 1) for doc in documents]
    pieces.sort(key=lambda p: p[2] - p[1])
    for at in range(0, len(pieces), rows):
        chunk = pieces[at : at + rows]
        width = max(end - begin for _, begin, end, _ in chunk)
        ids = torch.full((len(chunk), width), lm_data.PAD_ID)
        for row, (i, begin, end, _) in enumerate(chunk):
            ids[row, : end - begin] = torch.from_numpy(documents[i][begin:end].astype(np.int64))
        with torch.no_grad():
            logp = model(input_ids=ids).logits.float().log_softmax(-1)
        found = -logp[:, :-1].gather(-1, ids[:, 1:, None])[..., 0].numpy() / np.log(2)
        for row, (i, begin, end, skip) in enumerate(chunk):
            bits[i][begin + skip - 1 : end - 1] = found[row, skip - 1 : end - begin - 1]
    return bits


def compression(bits: np.ndarray, kinds: np.ndarray, sizes: np.ndarray, chars: np.ndarray) -> dict:
    """Bits per byte and per character: all documents, by language, by source."""
    langs = np.array([kind.split("/")[0] for kind in kinds])
    groups = {"all": np.ones(len(kinds), bool)}
    groups |= {lang: langs == lang for lang in np.unique(langs)} | {kind: kinds == kind for kind in np.unique(kinds)}
    return {
        name: {
            "documents": int(mask.sum()),
            "bits_per_byte": float(bits[mask].sum() / sizes[mask].sum()),
            "bits_per_char": float(bits[mask].sum() / chars[mask].sum()),
        }
        for name, mask in groups.items()
    }


def pooled(model, tokenizer, texts: list[str], block: int) -> np.ndarray:
    """Mean over tokens (without `<s>`) of the output of one block: (documents, d_model)."""
    encoded = [ids[:WINDOW] for ids in tokenizer(texts)["input_ids"]]
    out = np.zeros((len(texts), model.config.hidden_size), np.float32)
    order = sorted(range(len(texts)), key=lambda i: len(encoded[i]))
    for at in range(0, len(order), 128):
        chunk = order[at : at + 128]
        width = len(encoded[chunk[-1]])
        ids = torch.tensor([encoded[i] + [lm_data.PAD_ID] * (width - len(encoded[i])) for i in chunk])
        mask = (ids != lm_data.PAD_ID).float()
        mask[:, 0] = 0
        with torch.no_grad():
            hidden = model(input_ids=ids, output_hidden_states=True, logits_to_keep=1).hidden_states[block + 1]
        out[chunk] = ((hidden * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)).float().numpy()
    return out


def topic_probe(model, tokenizer, folder: Path) -> dict:
    """Logistic regression for YNAT topics, train rows to test rows: activations of the middle block beside TF-IDF."""
    with gzip.open(folder / "klue_ynat.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    parts = {s: [r for r in rows if r["split"] == s] for s in ("train", "test")}
    texts = {s: [r["text"] for r in part] for s, part in parts.items()}
    labels = {s: [r["label"] for r in part] for s, part in parts.items()}
    block = model.config.num_hidden_layers // 2
    acts = {s: pooled(model, tokenizer, t, block) for s, t in texts.items()}
    probe = make_pipeline(StandardScaler(), LogisticRegression(C=1.0, max_iter=1000)).fit(
        acts["train"], labels["train"]
    )
    found = {"block": block, "train": len(texts["train"]), "test": len(texts["test"])}
    found["accuracy_activations"] = probe.score(acts["test"], labels["test"])
    for name, options in {"words": {}, "characters": {"analyzer": "char", "ngram_range": (1, 4), "min_df": 2}}.items():
        baseline = make_pipeline(TfidfVectorizer(sublinear_tf=True, **options), LogisticRegression(C=5.0, max_iter=300))
        found[f"accuracy_tfidf_{name}"] = baseline.fit(texts["train"], labels["train"]).score(
            texts["test"], labels["test"]
        )
    found["share_of_largest_class"] = float(np.bincount(labels["test"]).max() / len(labels["test"]))
    return found


def continuations(model, tokenizer, config: dict, folder: Path, wanted: int = 10, new_tokens: int = 32) -> dict:
    """Greedy continuations; one whose sentence (or a run of 25 characters) is in the corpus is left out."""
    corpus = "\n".join(r["text"] for split in ("train", "valid") for r in lm_data.records(config, folder, split))
    found = {}
    for lang, prompts in PROMPTS.items():
        found[lang] = []
        for prompt in prompts:
            ids = tokenizer(prompt, return_tensors="pt")["input_ids"]
            out = model.generate(ids, max_new_tokens=new_tokens, do_sample=False, repetition_penalty=1.0)
            text = tokenizer.decode(out[0], skip_special_tokens=True).replace("\ufffd", "")
            sentences = [s.strip() for s in re.split(r"(?<=[.!?])\s", text) if len(s.strip()) > 10]
            runs = [text[i : i + 25] for i in range(0, max(1, len(text) - 24), 5)]
            if not any(piece in corpus for piece in sentences + runs) and len(found[lang]) < wanted:
                found[lang].append({"prompt": prompt, "text": text})
    return found


def mix_shares(arrays: dict, weights: np.ndarray) -> dict[str, float]:
    """Each source's expected share of the tokens of real text that a run reads, by falling share."""
    tokens = weights * np.diff(arrays["train_offsets"])
    kinds, at = np.unique(arrays["train_kind"], return_inverse=True)
    shares = np.bincount(at, tokens) / tokens.sum()
    return {str(kinds[i]): float(shares[i]) for i in np.argsort(-shares)}


def each_once(tokens: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The stream without the passages (documents, or their parts in a row) that it had before, and where passages start.

    Discounts are estimated from how many n-grams occur once or twice; text read several times spoils that estimate.
    """
    begins = tokens == lm_data.BOS_ID
    begins[starts] = True
    edges = np.append(np.flatnonzero(begins), len(tokens))
    seen, kept = set(), []
    for begin, end in zip(edges[:-1], edges[1:], strict=True):
        passage = tokens[begin:end].tobytes()
        if passage not in seen:
            seen.add(passage)
            kept.append(tokens[begin:end])
    return np.concatenate(kept), np.cumsum([0] + [len(passage) for passage in kept[:-1]])


def kneser_ney_bits(stream: np.ndarray, starts: np.ndarray, vocab_size: int, documents: list) -> tuple[str, np.ndarray]:
    """Bits of each document under the better of two 5-grams: over the text as read, and with every passage once."""
    found = {}
    for name, text in {
        "as it was read": (stream, starts),
        "with every passage once": each_once(stream, starts),
    }.items():
        log.info("Kneser-Ney over %d training tokens, %s", len(text[0]), name)
        ngram = KneserNey(5, vocab_size).fit(*text)
        found[name] = np.array([-ngram.log2_prob(doc).sum() for doc in documents])
    better = min(found, key=lambda name: found[name].sum())
    return better, found[better]


def measure(config: dict, folder: Path, work: Path) -> dict:
    model = AutoModelForCausalLM.from_pretrained(MODEL, dtype=torch.float32).eval()
    tokenizer = AutoTokenizer.from_pretrained(MODEL)
    arrays = prepare(config, folder, work, MODEL)
    weights = np.array([lm_data.passes(config, *kind.split("/")) for kind in arrays["train_kind"]])
    stages = config["stages"]
    read = [stage_rows(config, i, arrays, weights, MODEL)[: s["steps"] * s["rows"]] for i, s in enumerate(stages)]
    stream = np.concatenate([rows.ravel() for rows in read])
    ends = np.cumsum([rows.shape[1] for rows in read for _ in rows])
    starts = np.r_[0, ends[:-1]]  # the baseline sees the rows that the model saw, and no token more
    offsets = arrays["valid_offsets"]
    documents = [arrays["valid_tokens"][a:b] for a, b in zip(offsets[:-1], offsets[1:], strict=True)]
    log.info("language model over %d held-out documents", len(documents))
    lm_bits = np.array([b.sum() for b in token_bits(model, documents)])
    counting, kn_bits = kneser_ney_bits(stream, starts, config["tokenizer"]["vocab_size"], documents)
    about = (arrays["valid_kind"], arrays["valid_bytes"], arrays["valid_chars"])
    lm, kn = compression(lm_bits, *about), compression(kn_bits, *about)
    for name in lm:
        lm[name]["kneser_ney_bits_per_byte"] = kn[name]["bits_per_byte"]
        lm[name]["ratio"] = lm[name]["bits_per_byte"] / kn[name]["bits_per_byte"]
    log.info("topic probe")
    return {
        "parameters": model.num_parameters(),
        "training_tokens": len(stream),
        "mix": mix_shares(arrays, weights),
        "window": WINDOW,
        "kneser_ney_text": counting,
        "compression": lm,
        "topic_probe": topic_probe(model, tokenizer, folder),
        "continuations": continuations(model, tokenizer, config, folder),
    }


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    folder = lm_data.corpora()
    report = measure(lm_data.load_config(), folder, Path(os.environ.get("KOSAE_LM_DIR", "build/lm")))
    (MODEL / "report.json").write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    write_card(MODEL)


if __name__ == "__main__":
    main()
