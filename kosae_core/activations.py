"""Gather a model's activations over a corpus into a store on disk, and read them back."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kosae_core import needs, ranks, store
from kosae_core.filling import Progress, fill, kept_rows, pass_bytes
from kosae_core.hooks import HookPoint
from kosae_core.lm import LanguageModel
from kosae_core.mapped import create_mapped, open_mapped, write_documents

if TYPE_CHECKING:
    from kosae_core.corpora import Corpus

log = logging.getLogger("kosae.activations")

GATHER_VERSION = 1
"""Raise it when the same arguments no longer give the same store."""

DTYPES = {"bf16": torch.bfloat16, "fp32": torch.float32}
KIND = "activations"


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

    Inside `distributed.together` all ranks make the same call, and each runs its share of the batches.

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

    def make() -> None:
        if not _missing(specs):
            return
        with store.alone(KIND, shared), ExitStack() as entries:
            missing = _missing(specs)  # another process may have made them meanwhile
            folders = {point: entries.enter_context(store.new_entry(KIND, spec)) for point, spec in missing.items()}
            if folders:
                documents = lm.documents(texts, max_length)
                _run(
                    lm, documents, folders, DTYPES[dtype], tokens_per_batch, texts, langs, corpus_name(corpus), progress
                )

    ranks.led(
        make, lambda told: _fill_share(lm, lm.documents(texts, max_length), *told, DTYPES[dtype], tokens_per_batch)
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
    needs.require_memory(
        "a forward pass", pass_bytes(lm, documents, folders, tokens_per_batch), lm.device,
        f"lower tokens_per_batch (now {tokens_per_batch})",
    )  # fmt: skip
    tables = {point: create_mapped(f / "acts.bin", (total, lm.d_model), dtype) for point, f in folders.items()}
    ranks.call((total, folders))
    fill(lm, documents, tables, tokens_per_batch, progress, share=ranks.share())
    ranks.wait()
    for folder in folders.values():
        write_documents(folder, lm, documents, kept, texts, langs, corpus)


def _fill_share(
    lm: LanguageModel, documents: list[list[int]], total: int, folders: dict[HookPoint, Path], dtype: torch.dtype,
    tokens_per_batch: int,
) -> None:  # fmt: skip
    """What every rank but the first does in a gather: its share of the batches, into the files that the first has made."""
    shape = (total, lm.d_model)
    tables = {point: open_mapped(folder / "acts.bin", shape, dtype) for point, folder in folders.items()}
    fill(lm, documents, tables, tokens_per_batch, share=ranks.share())
    ranks.wait()
