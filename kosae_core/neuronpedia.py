"""Features as Neuronpedia imports them: JSON lines of one model, source set and source, and of features and their activations.

    <folder>/<model>/<block>-<set>/  model.jsonl  release.jsonl  sourceset.jsonl  source.jsonl
        features/batch-0.jsonl.gz  activations/batch-0.jsonl.gz  explanations/batch-0.jsonl.gz

Source  the importer of github.com/hijohnnylin/neuronpedia (August 2026): its import route, its database schema and the export
        that its utilities write. Columns that are not given there take their defaults.
"""

import gzip
import hashlib
import json
import os
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from scipy import sparse

from kosae_core.batches import merge_spans
from kosae_core.features import encode_store
from kosae_core.hooks import resolve_point
from kosae_core.interventions import direct_effects
from kosae_core.sae import SAE

if TYPE_CHECKING:
    from kosae_core.lm import LanguageModel

BATCH, FILES = 128, 1000
"""Features in one file, as in Neuronpedia's own exports; and the most files of a kind, for its importer asks for one list of them."""
LOCAL_USER = "clkht01d40000jv08hvalcvly"
"""The user that a fresh local Neuronpedia has."""


@dataclass(frozen=True)
class About:
    """What stands over the features in Neuronpedia; names become parts of addresses."""

    model_id: str
    """The model, such as gpt2-small."""
    set_name: str
    """The source set, such as res-kosae; the block is put before it."""
    release: str = "kosae"
    """The release that the set belongs to."""
    title: str = "Sparse autoencoders of KoSAE"
    creator: str = "The KoSAE developers"
    creator_id: str = LOCAL_USER
    """The id of a user of that Neuronpedia."""
    dataset: str = ""
    """The text that was read, as a name."""

    def __post_init__(self) -> None:
        # Its routes make names small before they look for them, and cut what follows "__" off a source's set.
        for name in ("model_id", "set_name", "release"):
            given = getattr(self, name)
            if not re.fullmatch(r"[a-z0-9][a-z0-9._-]*", given) or "__" in given:
                raise ValueError(
                    f"{name} becomes part of an address: small letters, digits, . _ (one at a time) and -, not {given!r}."
                )


@torch.no_grad()
def export(
    sae: SAE, store: Any, lm: "LanguageModel", folder: str | Path, about: About, *, features: Sequence[int] | None = None,
    explanations: Mapping[int, str] | None = None, n_examples: int = 20, n_logits: int = 10,
) -> Path:  # fmt: skip
    """Write the features of an autoencoder for Neuronpedia; returns the folder of the source, which is there whole or not at all.

    For each feature: the tokens that its direction promotes and demotes most, its density, histograms, and the documents on
    which it is strongest, one example each, with tokens merged to whole characters.

    Shapes  `store` is an activation store at a single point, or shards with documents; `explanations` texts by feature.
    Units   Activations as `encode` gives them; logits as `interventions.direct_effects`.
    Raises  ValueError for a store without documents, a feature that is not there, a folder that is.
    """
    if not hasattr(store, "documents") or not isinstance(store.point, str):
        raise ValueError("Neuronpedia shows features in their text: give a store of one point that has its documents.")
    chosen = list(range(sae.n_features)) if features is None else [int(feature) for feature in features]
    wrong = [f for f in [*chosen, *(explanations or {})] if not 0 <= f < sae.n_features]
    if wrong or not chosen:
        raise ValueError(
            f"features lie between 0 and {sae.n_features - 1}, and one is needed; not {wrong[:3] or 'none'}."
        )
    at = resolve_point(store.point, lm.n_blocks)
    source = f"{at.block}-{about.set_name}"
    target = Path(folder) / about.model_id / source
    if target.exists():
        raise ValueError(f"{target}: there is an export already; delete it, or name another set.")
    ids = {"modelId": about.model_id, "layer": source}
    writer = _Writer(sae, store, lm, about, ids, f"blocks.{at.block}.hook_{at.kind}", n_examples, n_logits)
    partial = target.with_name(f".{source}.{uuid.uuid4().hex[:8]}")
    try:
        _write_lines(partial / "model.jsonl", [_model(lm, about)])
        _write_lines(partial / "release.jsonl", [_release(about)])
        _write_lines(partial / "sourceset.jsonl", [_source_set(about, at.kind)])
        _write_lines(partial / "source.jsonl", [_source(about, source, store)])
        size = max(BATCH, -(-len(chosen) // FILES))
        for number, start in enumerate(range(0, len(chosen), size)):
            batch = chosen[start : start + size]
            lines = list(writer.lines(batch))
            name = f"batch-{number}.jsonl.gz"
            _write_lines(partial / "features" / name, [feature for feature, _ in lines])
            _write_lines(partial / "activations" / name, [example for _, examples in lines for example in examples])
            told = [_explanation(ids, f, explanations[f], about) for f in batch if f in (explanations or {})]
            _write_lines(partial / "explanations" / name, told)
        os.replace(partial, target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return target


def _write_lines(path: Path, lines: Iterable[dict[str, Any]]) -> None:
    """One JSON object a line; a file without lines is not written, since the importer reads its columns off the first."""
    text = "".join(json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n" for line in lines)
    if not text:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    # mtime 0: the same features give the same bytes
    path.write_bytes(gzip.compress(text.encode(), mtime=0) if path.suffix == ".gz" else text.encode())


def _cuid(*parts: Any) -> str:
    """An id that is the same for the same thing, in the form that Neuronpedia's have."""
    return "c" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _model(lm: "LanguageModel", about: About) -> dict[str, Any]:
    return {
        "id": about.model_id, "displayName": about.model_id, "displayNameShort": about.model_id, "creatorId": about.creator_id,
        "instruct": False, "dimension": lm.d_model, "layers": lm.n_blocks, "neuronsPerLayer": 0, "owner": "",
        "visibility": "PUBLIC", "inferenceEnabled": False,
    }  # fmt: skip


def _release(about: About) -> dict[str, Any]:
    return {
        "name": about.release, "description": about.title, "descriptionShort": about.title, "urls": [],
        "creatorName": about.creator, "creatorNameShort": about.creator, "creatorId": about.creator_id, "visibility": "PUBLIC",
    }  # fmt: skip


def _source_set(about: About, kind: str) -> dict[str, Any]:
    return {
        "modelId": about.model_id, "name": about.set_name, "description": f"{about.title}, {kind}", "type": kind,
        "creatorName": about.creator, "creatorId": about.creator_id, "releaseName": about.release, "visibility": "PUBLIC",
        "urls": [], "hasDashboards": True, "allowInferenceSearch": False,
    }  # fmt: skip


def _source(about: About, source: str, store: Any) -> dict[str, Any]:
    longest = max(map(len, store.documents), default=0)
    return {
        "id": source, "modelId": about.model_id, "setName": about.set_name, "creatorId": about.creator_id,
        "visibility": "PUBLIC", "hasDashboards": True, "inferenceEnabled": False, "dataset": about.dataset or None,
        "num_prompts": len(store.documents), "num_tokens_in_prompt": longest,
    }  # fmt: skip


def _explanation(ids: dict[str, str], feature: int, text: str, about: About) -> dict[str, Any]:
    key = _cuid(ids["modelId"], ids["layer"], feature, text)
    return {"id": key, **ids, "index": str(feature), "description": _clean(text), "authorId": about.creator_id}


class _Writer:
    """The lines of features, from what is computed once for all of them."""

    def __init__(
        self, sae: SAE, store: Any, lm: "LanguageModel", about: About, ids: dict[str, str], hook: str, n_examples: int, n_logits: int
    ) -> None:  # fmt: skip
        self.sae, self.store, self.lm, self.about, self.ids, self.hook = sae, store, lm, about, ids, hook
        self.n_examples, self.n_logits = n_examples, n_logits
        self.X_NF = sparse.csc_array(encode_store(sae, store))
        self.rows_by_document = store.doc_rows
        self.shown: dict[int, tuple[list[str], list[tuple[int, int]]]] = {}

    def lines(self, batch: list[int]) -> Iterator[tuple[dict[str, Any], list[dict[str, Any]]]]:
        """Each feature with the lines of its examples."""
        vectors_ND = self.sae.W_dec_FD.detach()[batch]
        effects_NV = direct_effects(self.lm, vectors_ND).cpu()
        for feature, vector_D, logits_V in zip(batch, (vectors_ND * self.sae.scale).cpu(), effects_NV, strict=True):
            column_N = self.X_NF[:, [feature]].tocoo()
            examples = self._examples(feature, column_N)
            yield self._feature(feature, vector_D, logits_V, column_N.data, examples), examples

    def _feature(self, feature: int, vector_D: Any, logits_V: Any, on_N: np.ndarray, examples: list) -> dict[str, Any]:
        most = min(self.n_logits, len(logits_V))
        largest = float(on_N.max()) if len(on_N) else 0.0
        size_D = vector_D.abs()
        neurons = size_D.topk(min(3, len(size_D))).indices
        best, worst = logits_V.topk(most), (-logits_V).topk(most)
        return {
            **self.ids, "index": str(feature), "sourceSetName": self.about.set_name, "creatorId": self.about.creator_id,
            "maxActApprox": largest, "frac_nonzero": len(on_N) / self.store.n_tokens, "hasVector": True,
            "vector": _numbers(vector_D), "vectorDefaultSteerStrength": largest, "hookName": self.hook,
            "pos_str": self._tokens(best.indices), "pos_values": _numbers(best.values),
            "neg_str": self._tokens(worst.indices), "neg_values": _numbers(-worst.values),
            "neuron_alignment_indices": neurons.tolist(), "neuron_alignment_values": _numbers(vector_D[neurons]),
            "neuron_alignment_l1": _numbers(size_D[neurons] / size_D.sum().clamp_min(1e-12)),
            **_histogram("freq_hist_data", on_N), **_histogram("logits_hist_data", logits_V.numpy()),
        }  # fmt: skip

    def _tokens(self, ids: Any) -> list[str]:
        return [_clean(self.lm.tokenizer.decode([int(i)])) for i in ids]

    def _examples(self, feature: int, column_N: sparse.coo_array) -> list[dict[str, Any]]:
        values = dict(zip(column_N.row.tolist(), column_N.data.tolist(), strict=True))
        edges, lines = np.linspace(0.0, max(values.values(), default=0.0), 11), []
        shares = np.histogram(column_N.data, edges)[0] / max(len(values), 1) if values else np.zeros(10)
        seen: set[int] = set()
        for row in sorted(values, key=lambda row: (-values[row], row)):
            document = int(self.store.doc_index[row])
            if document in seen:
                continue
            seen.add(document)
            if len(seen) > self.n_examples:
                break
            lines.append(self._example(feature, document, row, values, edges, shares))
        return lines

    def _example(
        self, feature: int, document: int, row: int, values: dict[int, float], edges: np.ndarray, shares: np.ndarray
    ) -> dict[str, Any]:  # fmt: skip
        tokens, groups = self._document(document)
        first = int(self.rows_by_document[document])
        shown = [max(values.get(first + i, 0.0) for i in range(*group)) for group in groups]
        at = next(i for i, (start, end) in enumerate(groups) if start <= row - first < end)
        bin_ = min(int(np.searchsorted(edges, values[row], side="right")) - 1, len(shares) - 1)
        return {
            "id": _cuid(self.ids, feature, document), **self.ids, "index": str(feature), "creatorId": self.about.creator_id,
            "tokens": tokens, "values": [float(f"{value:.5g}") for value in shown], "maxValue": shown[at],
            "maxValueTokenIndex": at, "minValue": min(shown), "binMin": float(edges[bin_]), "binMax": float(edges[bin_ + 1]),
            "binContains": float(shares[bin_]), "qualifyingTokenIndex": at, "dataIndex": str(document),
            "dataSource": self.about.dataset or None,
        }  # fmt: skip

    def _document(self, document: int) -> tuple[list[str], list[tuple[int, int]]]:
        """The tokens of a document as people read them, and which of its rows each stands for."""
        if document not in self.shown:
            first, last = (int(edge) for edge in self.rows_by_document[document : document + 2])
            ids = [int(i) for i in self.store.token_ids[first:last]]
            text = self.lm.tokenizer.decode(ids, clean_up_tokenization_spaces=False)
            spans = self.lm.token_spans(text) if self.lm.tokenizer.is_fast else []
            if len(spans) == len(ids) and self.lm.tokens(text) == ids:
                merged = merge_spans(spans)
                ends = [
                    0,
                    *(end for _, end, _, _ in merged),
                ]  # what lies between two tokens, a space, belongs to the later
                ends[-1] = len(text)
                tokens = [_clean(text[start:end]) for start, end in zip(ends, ends[1:], strict=False)]
                self.shown[document] = tokens, [(a, b) for _, _, a, b in merged]
            else:  # a text that was cut inside a character, or a tokenizer that does not give its ids again
                self.shown[document] = self._tokens(ids), [(i, i + 1) for i in range(len(ids))]
        return self.shown[document]


def _clean(text: str) -> str:
    return text.replace("\x00", " ")  # which PostgreSQL cannot hold


def _numbers(values: Any) -> list[float]:
    return [float(f"{float(value):.6g}") for value in values]


def _histogram(name: str, values: np.ndarray, bins: int = 40) -> dict[str, list[float]]:
    if not len(values):
        return {f"{name}_bar_heights": [], f"{name}_bar_values": []}
    digits = 5 - int(np.floor(np.log10(max(np.abs(values).max(), 1e-30))))  # of six that are written
    heights, edges = np.histogram(np.round(values.astype(np.float64), digits), bins)
    return {f"{name}_bar_heights": heights.tolist(), f"{name}_bar_values": _numbers((edges[1:] + edges[:-1]) / 2)}
