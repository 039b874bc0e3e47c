"""Gather a model's activations over a corpus into a store on disk, and read them back."""

import json
import logging
import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kosae_core import needs, store
from kosae_core.batches import length_batches
from kosae_core.hooks import HookPoint
from kosae_core.lm import LanguageModel
from kosae_core.mapped import create_mapped, write_documents

if TYPE_CHECKING:
    from kosae_core.corpora import Corpus

log = logging.getLogger("kosae.activations")

GATHER_VERSION = 1
"""Raise it when the same arguments no longer give the same store."""

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
KIND = "activations"

Progress = Callable[[int, int, str], None]


class ActivationStore:
    """The activations of every real token of a corpus at one hook point, memory-mapped.

    Rows stand in the corpus's order: all tokens of document 0, then of document 1; padding and special tokens are not
    there. `token_ids`, `positions` (in the document as the model read it, its start token being 0) and `doc_index`
    have one element for each row.

    Raises  store.DamagedEntry if a file is missing or has another size than was written.
    """

    def __init__(self, path: Path) -> None:
        store.verify(path, full=False)
        self.path = Path(path)
        self.spec: dict = store.read_manifest(path)["spec"]
        self.key = store.key_of(self.spec)
        self.point: str = self.spec["point"]
        self.dtype: str = self.spec["dtype"]
        about = json.loads((self.path / "about.json").read_text())
        self.lm_name: str = about["lm"]
        self.revision: str = about.get("revision", f"sha256:{self.spec['lm']}")
        self.corpus: str | None = about.get("corpus")
        self.n_tokens: int = about["n_tokens"]
        self.d_model: int = about["d_model"]

    def __len__(self) -> int:
        return self.n_tokens

    def __repr__(self) -> str:
        return f"ActivationStore({self.lm_name} {self.point}, {self.n_tokens} tokens x {self.d_model}, {self.dtype})"

    def verify(self) -> None:
        """Check every file's sha256.

        Raises  store.DamagedEntry naming the file that changed.
        """
        store.verify(self.path, full=True)

    @property
    def lm_key(self) -> str:
        """The key of the model that was read."""
        return self.spec["lm"]

    @cached_property
    def _mapped(self) -> Tensor:
        # A private mapping: a write through it never reaches the file.
        size = self.n_tokens * self.d_model
        flat = torch.from_file(str(self.path / "acts.bin"), shared=False, size=size, dtype=DTYPES[self.dtype])
        return flat.view(self.n_tokens, self.d_model)

    def acts(self) -> Tensor:
        """All activations as they lie on disk: a memory-mapped (N, D) tensor in the store's dtype."""
        return self._mapped

    def all(self) -> Float[Tensor, "N D"]:
        """All activations in memory, as float32."""
        return self._mapped.float().clone() if self.dtype == "fp32" else self._mapped.float()

    def batch(self, indices: Tensor | np.ndarray | Sequence[int]) -> Float[Tensor, "B D"]:
        """The rows at `indices`, as float32."""
        return self._mapped[torch.as_tensor(indices, dtype=torch.long)].float()

    def __getitem__(self, rows: slice) -> Float[Tensor, "B D"]:
        return self._mapped[rows].float()

    def batches(
        self, batch_size: int, generator: torch.Generator | None = None, *, drop_last: bool = False
    ) -> Iterator[Float[Tensor, "B D"]]:
        """Every row once, float32, shuffled by `generator`; in the stored order without one."""
        order = torch.arange(self.n_tokens) if generator is None else torch.randperm(self.n_tokens, generator=generator)
        for rows in order.split(batch_size):
            if len(rows) == batch_size or not drop_last:
                yield self.batch(rows)

    @cached_property
    def token_ids(self) -> np.ndarray:
        """(N,) int32: the token at each row."""
        return np.load(self.path / "token_ids.npy")

    @cached_property
    def positions(self) -> np.ndarray:
        """(N,) int32: its position in `documents[doc_index]`."""
        return np.load(self.path / "positions.npy")

    @cached_property
    def doc_index(self) -> np.ndarray:
        """(N,) int32: its document, which is its record in the corpus."""
        return np.load(self.path / "doc_index.npy")

    @cached_property
    def _documents(self) -> dict:
        return json.loads((self.path / "documents.json").read_text())

    @property
    def documents(self) -> list[list[int]]:
        """Every document's token ids as the model read them, special tokens included."""
        return self._documents["ids"]

    @cached_property
    def doc_lang(self) -> np.ndarray:
        """(documents,) str: language of each document, empty where the corpus says none."""
        return np.array(self._documents["langs"], dtype=str)

    def texts(self) -> list[str]:
        """The text of every document, whole even where the model read only its beginning."""
        return self._documents["texts"]

    @cached_property
    def doc_rows(self) -> np.ndarray:
        """(documents + 1,) int64: document `d` has rows `doc_rows[d]` to `doc_rows[d + 1]`."""
        return np.searchsorted(self.doc_index, np.arange(len(self.documents) + 1))


def check_finite(acts: Tensor, point: HookPoint) -> None:
    """Raises  ValueError if an activation is infinite or not a number."""
    if acts.numel() and not all(map(math.isfinite, map(float, torch.aminmax(acts)))):  # NaN is both least and largest
        raise ValueError(f"{point}: an activation is not finite; load the model with dtype=torch.float32 or bfloat16.")


def describe_corpus(corpus: "Corpus | Sequence[str]") -> tuple[str, list[str], list[str]]:
    """Key, texts and languages of a corpus or of a plain list of texts."""
    if hasattr(corpus, "key"):
        return corpus.key, corpus.texts, [record.lang for record in corpus]
    texts = list(corpus)
    return store.key_of({"texts": texts}), texts, [""] * len(texts)


def corpus_name(corpus: "Corpus | Sequence[str]") -> str:
    """A corpus as people call it, with its split and language."""
    if not hasattr(corpus, "key"):
        return "texts"
    return " ".join(part for part in (corpus.name, corpus.split, corpus.lang) if part)


def gather(
    lm: LanguageModel,
    corpus: "Corpus | Sequence[str]",
    points: str | Sequence[str],
    *,
    max_length: int = 128,
    dtype: str = "bf16",
    tokens_per_batch: int = 4096,
    progress: Progress | None = None,
) -> dict[str, ActivationStore]:
    """The activations of a corpus's tokens at some hook points, from the cache or from one forward pass.

    Documents are cut at `max_length` tokens, the start token included. `tokens_per_batch` changes the speed and, by
    rounding alone, the values; it is not part of the cache's key.

    Raises  ValueError if the corpus has no token, or an activation is not finite; needs.TooLarge, before anything is
            written, where disk or memory cannot hold it.
    """
    if dtype not in DTYPES:
        raise ValueError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}.")
    names = [points] if isinstance(points, str) else list(points)
    at = {name: lm.resolve(name) for name in names}
    corpus_key, texts, langs = describe_corpus(corpus)
    shared = {"lm": lm.key, "corpus": corpus_key, "max_length": max_length, "dtype": dtype, "version": GATHER_VERSION}
    specs = {point: {**shared, "point": str(point)} for point in sorted(set(at.values()))}
    if _missing(specs):
        with store.alone(KIND, shared), ExitStack() as entries:
            missing = _missing(specs)  # another process may have made them meanwhile
            folders = {point: entries.enter_context(store.new_entry(KIND, spec)) for point, spec in missing.items()}
            if folders:
                documents = lm.documents(texts, max_length)
                _run(
                    lm, documents, folders, DTYPES[dtype], tokens_per_batch, texts, langs, corpus_name(corpus), progress
                )
    return {name: ActivationStore(store.folder_of(KIND, specs[point])) for name, point in at.items()}


def _missing(specs: dict[HookPoint, dict]) -> dict[HookPoint, dict]:
    return {point: spec for point, spec in specs.items() if store.find(KIND, spec) is None}


def _run(
    lm: LanguageModel, documents: list[list[int]], folders: dict[HookPoint, Path], dtype: torch.dtype,
    tokens_per_batch: int, texts: list[str], langs: list[str], corpus: str, progress: Progress | None,
) -> None:  # fmt: skip
    kept, edges = kept_rows(documents, lm.special_ids)
    total = int(edges[-1])
    log.info("gathering %d tokens of %d documents at %s", total, len(documents), ", ".join(map(str, folders)))
    needs.require_disk(
        "the store", needs.store_bytes(total, lm.d_model, dtype.itemsize, len(folders)), next(iter(folders.values())),
        f"take fewer points (now {len(folders)}) or documents ({len(documents)}), or set KOSAE_BUILD to a larger disk",
    )  # fmt: skip
    element = next(lm.model.parameters()).element_size()
    needs.require_memory(
        "a forward pass", needs.forward_bytes(min(tokens_per_batch, len(kept)), lm.d_model, element), lm.device,
        f"lower tokens_per_batch (now {tokens_per_batch})",
    )  # fmt: skip
    mapped = {point: create_mapped(f / "acts.bin", (total, lm.d_model), dtype) for point, f in folders.items()}
    fill(lm, documents, mapped, tokens_per_batch, progress)
    for folder in folders.values():
        write_documents(folder, lm, documents, kept, texts, langs, corpus)


def kept_rows(documents: Sequence[Sequence[int]], special_ids: frozenset[int]) -> tuple[np.ndarray, np.ndarray]:
    """Which of all token ids in a row have a row of activations, and where the rows of each document begin and end.

    Shapes  (ids,) bool; (documents + 1,) int64.
    Raises  ValueError if none has one.
    """
    flat = np.concatenate([np.asarray(ids, dtype=np.int64) for ids in documents]) if len(documents) else np.zeros(0)
    kept = ~np.isin(flat, list(special_ids))
    if not kept.any():
        raise ValueError("the corpus has no token to gather.")
    ends = np.cumsum([len(ids) for ids in documents])
    return kept, np.concatenate([[0], np.cumsum(kept)])[np.concatenate([[0], ends])]


def fill(
    lm: LanguageModel, documents: Sequence[Sequence[int]], tables: dict[HookPoint, Tensor], tokens_per_batch: int,
    progress: Progress | None = None,
) -> None:  # fmt: skip
    """Run the documents through the model, and write what passes at each hook point into its (rows, d_model) table.

    Raises  ValueError if an activation is not finite.
    """
    edges, done = kept_rows(documents, lm.special_ids)[1], 0
    for rows in length_batches([len(ids) for ids in documents], tokens_per_batch):
        batch = lm.batch([documents[row] for row in rows])
        at = np.concatenate([np.arange(edges[row], edges[row + 1]) for row in rows])
        real_B = batch.real_BT.reshape(-1).nonzero()[:, 0]
        with lm.watched({p: _writer(p, tables[p], real_B, torch.from_numpy(at)) for p in tables}):
            lm.forward(batch)
        done += len(at)
        if progress is not None:
            progress(done, int(edges[-1]), f"gather {', '.join(map(str, tables))}")


def _writer(point: HookPoint, mapped_ND: Tensor, real_B: Tensor, rows_B: Tensor) -> Callable[[Tensor], None]:
    def write(hidden_BTD: Tensor) -> None:
        flat_ND = hidden_BTD.reshape(-1, hidden_BTD.shape[-1])
        acts_BD = flat_ND.index_select(0, real_B.to(flat_ND.device)).to(mapped_ND.dtype)
        check_finite(acts_BD, point)
        mapped_ND.index_copy_(0, rows_B, acts_BD.cpu())

    return write
