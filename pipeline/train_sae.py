"""Train the sparse autoencoder that ships with the built-in model: `python -m pipeline.train_sae`.

Reads KOSAE_DATA_DIR (the mix of train_lm.yaml) and the synthetic corpus; the text stays in the build folder.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np

import kosae_core as kc
from pipeline import lm_data
from pipeline.lm_card import write_card

POINT = "q2.resid_post"
DOCUMENTS = {"train": 14_000, "valid": 1_500}
SYNTHETIC = {"train": 3_000, "valid": 500}


def write_mix(config: dict, folder: Path, split: str, path: Path) -> Path:
    """Documents drawn with the language model's mix, and synthetic ones of both languages, as JSONL in a fixed order."""
    docs = list(lm_data.records(config, folder, split))
    rng = np.random.default_rng(config["seed"])
    weights = np.array([lm_data.passes(config, d["lang"], d["source"]) for d in docs])
    chosen = rng.choice(len(docs), DOCUMENTS[split], replace=False, p=weights / weights.sum())
    rows = [{"text": docs[i]["text"], "lang": docs[i]["lang"]} for i in chosen]
    part = "train" if split == "train" else "test"
    for lang in ("ko", "en"):
        records = kc.load_corpus("synthetic", split=part, lang=lang, limit=SYNTHETIC[split])
        rows += [{"text": r.text, "lang": lang} for r in records]
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return path


def main() -> None:
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    config, folder = lm_data.load_config(), lm_data.corpora()
    lm, work = kc.load_lm("kosae-lm"), kc.paths.build_dir()
    work.mkdir(parents=True, exist_ok=True)
    stores = {}
    for split in ("train", "valid"):
        corpus = kc.load_corpus(str(write_mix(config, folder, split, work / f"mix-{split}.jsonl")))
        stores[split] = kc.gather(lm, corpus, [POINT])[POINT]
    sae, _ = kc.train(kc.SAEConfig("topk", n_features=2048, k=32), stores["train"], kc.TrainConfig(steps=3000))
    out = kc.paths.models_dir() / "kosae-lm" / "sae-q2"
    sae.provenance |= {"corpus": "the mix of pipeline/train_lm.yaml with synthetic sentences"}
    sae.save(out)
    report = kc.evaluate(sae, stores["valid"], lm=lm).as_dict()
    (out / "report.json").write_text(json.dumps(report, indent=1) + "\n")
    write_card(out.parent)
    logging.info("%s", report)


if __name__ == "__main__":
    main()
