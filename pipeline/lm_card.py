"""The built-in model's card, written from report.json and train_lm.yaml so that no number is typed by hand."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline import lm_data

LICENCES = """\
| text | sources | licence |
| --- | --- | --- |
| film reviews | NSMC raw (Park 2016) | CC0 1.0 |
| news titles, intents, comments, treebank | KLUE-YNAT (training titles only), 3i4k, BEEP! (comments, titles), UD Korean-GSD | CC BY-SA 4.0 |
| chat, abusive comments | Chatbot data (Song 2018), Curse-detection-data | MIT |
| documentation, Korean and English | Python (PSF-2.0); React, Vue, Microsoft, Open Source Guides, OpenTelemetry, CNCF (CC BY 4.0); OWASP (CC BY-SA 4.0); Rust, Vite, IoT for Beginners (MIT); Hugging Face (Apache-2.0) | as stated |
| law | Constitutional Court, statutes, treaties, administrative rules of Korea | not protected (Copyright Act of Korea, Art. 7) |
| general Korean | UNESCO reports (CC BY-SA 3.0 IGO), National Assembly Library and Acorn book reviews (CC BY), Wikinews (CC BY 2.5), fairy tales (expired, donated, CC BY 4.0) | as stated |
| English prose | OpenStax Anthropology, College Success, Economics (CC BY 4.0); Standard Ebooks (CC0 1.0, public domain); US inaugural and State of the Union addresses (public domain) | as stated |
| this project's synthetic sentences | training part of `synthetic` | CC BY 4.0 |
"""

OPINIONS = ("nsmc_raw", "khs_comments", "curse_detection")


def write_card(folder: Path) -> None:
    """Write `README.md` of the model folder (license metadata, data, numbers, limits, samples)."""
    report = json.loads((folder / "report.json").read_text(encoding="utf-8"))
    config, probe = lm_data.load_config(), report["topic_probe"]
    model, training = config["model"], config["training"]
    rows = [
        f"| {name} | {r['documents']:,} | {r['bits_per_byte']:.3f} | {r['bits_per_char']:.3f} "
        f"| {r['kneser_ney_bits_per_byte']:.3f} | {r['ratio']:.3f} |"
        for name, r in report["compression"].items()
    ]
    sae = json.loads((folder / "sae-q2" / "report.json").read_text(encoding="utf-8"))
    about = json.loads((folder / "sae-q2" / "cfg.json").read_text(encoding="utf-8"))
    samples = [f"- {s['text']}" for lang in ("ko", "en") for s in report["continuations"][lang]]
    opinions = sum(share for kind, share in report["mix"].items() if kind.split("/")[1] in OPINIONS)
    curve = [r for r in json.loads((folder / "loss_curve.json").read_text(encoding="utf-8")) if "valid" in r]
    sweep = json.loads((folder / "sweep.json").read_text(encoding="utf-8"))
    varied = [
        f"| {name} | {r['parameters']:,} | {r['valid']:.3f} | {r['bits_per_byte']:.3f} |" for name, r in sweep.items()
    ]
    card = f"""\
---
license: cc-by-sa-4.0
language: [ko, en]
pipeline_tag: text-generation
---

# kosae-lm

A small Korean-English decoder, so that every chapter of KoSAE runs on a laptop, offline, on a model that has read
real Korean. It is an object of study, not a product: do not use it to write or to decide anything.

- Architecture: `LlamaForCausalLM`, {report["parameters"]:,} parameters: d_model {model["hidden_size"]},
  {model["num_hidden_layers"]} blocks, {model["num_attention_heads"]} heads, SwiGLU {model["intermediate_size"]}, tied embeddings,
  byte-level BPE of {config["tokenizer"]["vocab_size"]:,} (NFC; digits stand alone). bf16 weights.
- Training: {report["training_tokens"]:,} tokens drawn with the mix of `pipeline/train_lm.yaml`;
  {" then ".join(f"{s['rows']} x {s['context']} tokens a step" for s in config["stages"])};
  Muon ({training["lr_muon"]}) and AdamW ({training["lr_adam"]}), both rates warmed up and decayed in each of
  {len(training["decay"])} cycles, bf16 autocast. `loss_curve.json` has the curve.
  `.venv/bin/python -m pipeline.train_lm` trains it again or goes on from its checkpoint, where KOSAE_DATA_DIR holds the text, which is not shipped.
- Licence: weights CC BY-SA 4.0, as the text with the strictest terms asks.

## Data

{LICENCES}
KEAT, YNAT test titles and every file marked as held out were not read.

## Held-out text

1 % of the documents of every source, kept by hash. Kneser-Ney is an interpolated modified Kneser-Ney 5-gram
over the same tokens and the same {report["training_tokens"]:,} training tokens, counted {report["kneser_ney_text"]}
(the better of as it was read and with every passage once). Text beyond {report["window"]} tokens is read in overlapping windows.

| text | documents | bits per byte | bits per character | Kneser-Ney, bits per byte | ratio |
| --- | ---: | ---: | ---: | ---: | ---: |
{chr(10).join(rows)}

Learning rates, width against depth, data mix and tokenizer were varied in runs of {next(iter(sweep.values()))["tokens"]:,} tokens
from nothing (`python -m pipeline.lm_sweep`; held-out loss in nats per token and, since vocabularies can only be compared by it,
in bits per byte). Runs this short favour high rates. Reading every source once helps because held-out text has the sources' own
shares, mostly film reviews and law, which the shipped mix holds back so that news and prose are read more. A larger vocabulary
pays, but adds weights. The rest is reading: the whole training ended at {curve[-1]["valid"]:.3f} and was still falling.

| run | parameters | nats per token | bits per byte |
| --- | ---: | ---: | ---: |
{chr(10).join(varied)}

## Topics of news titles

Logistic regression on YNAT, {probe["train"]:,} training titles to {probe["test"]:,} test titles
(largest class {probe["share_of_largest_class"]:.3f}):

| input | accuracy |
| --- | ---: |
| mean activation of block {probe["block"]} | {probe["accuracy_activations"]:.3f} |
| TF-IDF of words | {probe["accuracy_tfidf_words"]:.3f} |
| TF-IDF of character 1- to 4-grams | {probe["accuracy_tfidf_characters"]:.3f} |

## The sparse autoencoder inside

`kc.load_sae("kosae-lm/q2")`: {about["config"]["variant"]}, {about["config"]["n_features"]:,} features, k = {about["config"]["k"]}, block
{probe["block"]}, trained by `python -m pipeline.train_sae` on {about["provenance"]["tokens"]:,} tokens of the mix and of synthetic
sentences. On {sae["n_tokens"]:,} held-out tokens: explained variance {sae["explained_variance"]:.3f}, dead features
{sae["dead_share"]:.1%}, loss recovered {sae["loss_recovered"]:.3f} ({sae["ce_clean"]:.3f} nats untouched, {sae["ce_sae"]:.3f} with the
reconstruction, {sae["ce_ablated"]:.3f} with zeros).

## Greedy continuations

None repeats a sentence, or a run of 25 characters, of the training text.

{chr(10).join(samples)}

## Limits

The model is small and has read little: it knows few facts, invents them freely, and loses its thread after a
clause.
Film reviews and comments are {opinions:.0%} of the real text it read, some of it abusive, so it can be abusive too. Its English
is documentation, textbooks and old novels. Training rows were {config["stages"][-1]["context"]} tokens long at most.
"""
    (folder / "README.md").write_text(card, encoding="utf-8")
