"""Activations made elsewhere: a folder of `.npy` or `.safetensors` shards with a small `manifest.json`.

    {"d_model": 768, "dtype": "bf16", "rows": 500000, "files": ["a.safetensors", "b.safetensors"],
     "model": "gpt2", "revision": "607a30d", "corpus": "news", "point": "b6.resid_post",
     "documents": "documents.json", "special_ids": [50256]}

The first four fields are needed. Each file holds one (rows, d_model) table, and the rows of all files follow each other.
`documents` names a JSON list of token-id lists as the model read them; each of their tokens that is not in `special_ids` has
one row, in that order. With it, document features and the loss recovered can be had as from a store.
"""

import json
import logging
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float
from safetensors import SafetensorError, safe_open
from torch import Tensor

from kosae_core.store import key_of, sha256_of

log = logging.getLogger("kosae.activations")

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
FIELDS = {"d_model": int, "dtype": str, "rows": int, "files": list}


class Shards:
    """A table of activations over several memory-mapped files, which `train` and `evaluate` take like a store.

    Shapes  (rows, d_model); `token_ids`, `positions` and `doc_index` have one element for each row, where there are documents.
    Raises  ValueError, naming file and reason, for whatever in the folder is not as its manifest says.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.manifest = _manifest(self.path)
        self.d_model: int = self.manifest["d_model"]
        self.dtype: str = self.manifest["dtype"]
        self.point: str | None = self.manifest.get("point")
        self.lm_name: str | None = self.manifest.get("model")
        self.revision: str | None = self.manifest.get("revision")
        self.corpus: str | None = self.manifest.get("corpus")
        self.tables = [self._open(self.path / name) for name in self.manifest["files"]]
        self.starts = torch.tensor([0, *(len(table) for table in self.tables)]).cumsum(0)
        self.n_tokens = int(self.starts[-1])
        if self.n_tokens != self.manifest["rows"]:
            raise ValueError(
                f"{self.path / 'manifest.json'}: rows is {self.manifest['rows']}, its files hold {self.n_tokens}."
            )
        if "documents" in self.manifest:
            self._read_documents(self.path / self.manifest["documents"])

    def __len__(self) -> int:
        return self.n_tokens

    def __repr__(self) -> str:
        return f"Shards({str(self.path)!r}, {self.n_tokens} tokens x {self.d_model}, {self.dtype})"

    @cached_property
    def key(self) -> str:
        """The sha256 (hex) of everything in the folder that counts; it reads every file once."""
        log.info("hashing %d files of %s", len(self.tables), self.path)
        names = [*self.manifest["files"], *([self.manifest["documents"]] if "documents" in self.manifest else [])]
        return key_of({"shards": self.manifest, "sha256": [sha256_of(self.path / name) for name in names]})

    @property
    def spec(self) -> dict[str, Any]:
        """The model, and the text where it is known: what two tables must share to be joined."""
        documents = self.manifest.get("documents")
        return {"lm": self.lm_name, "corpus": documents and sha256_of(self.path / documents)}

    def _open(self, file: Path) -> Tensor:
        if not file.is_file():
            raise ValueError(f"{file}: there is no such file, which {self.path / 'manifest.json'} lists.")
        try:
            table = _safetensors(file) if file.suffix == ".safetensors" else _npy(file)
        except (OSError, ValueError, EOFError, SafetensorError) as error:
            raise ValueError(f"{file}: it cannot be read: {' '.join(str(error).split()).rstrip('.')}.") from error
        if table.ndim != 2 or table.shape[1] != self.d_model:
            raise ValueError(
                f"{file}: a table of shape {tuple(table.shape)}; the manifest says (rows, {self.d_model})."
            )
        if table.dtype != DTYPES[self.dtype]:
            raise ValueError(f"{file}: its elements are {table.dtype}; the manifest says {self.dtype}.")
        return table

    def _read_documents(self, file: Path) -> None:
        try:
            ids = json.loads(file.read_text(encoding="utf-8"))
            if not isinstance(ids, list) or not all(_are_ids(one) for one in ids):
                raise ValueError("an id must be a whole number")
            flat = np.array([i for one in ids for i in one], dtype=np.int32)
            lengths = np.array([len(one) for one in ids], dtype=np.int64)
        except (OSError, ValueError, TypeError, OverflowError) as error:
            raise ValueError(
                f"{file}: not a JSON list of lists of token ids ({' '.join(str(error).split())})."
            ) from None
        kept = ~np.isin(flat, self.manifest.get("special_ids", []))
        if int(kept.sum()) != self.n_tokens:
            raise ValueError(
                f"{file}: {int(kept.sum())} tokens that are not in special_ids, for {self.n_tokens} rows of activations."
            )
        self.documents: list[list[int]] = ids
        self.token_ids = flat[kept]
        self.doc_index = np.repeat(np.arange(len(ids), dtype=np.int32), lengths)[kept]
        self.positions = (np.arange(len(flat)) - np.repeat(np.cumsum(lengths) - lengths, lengths))[kept].astype(
            np.int32
        )
        self.doc_rows = np.searchsorted(self.doc_index, np.arange(len(ids) + 1))

    def batch(self, indices: Tensor | np.ndarray | Sequence[int]) -> Float[Tensor, "B D"]:
        """The rows at `indices`, as float32."""
        index_B = torch.as_tensor(indices, dtype=torch.long)
        if len(index_B) and not 0 <= int(index_B.min()) <= int(index_B.max()) < self.n_tokens:
            raise IndexError(f"a row outside 0 to {self.n_tokens - 1} of {self.path}.")
        shard_B = torch.bucketize(index_B, self.starts[1:], right=True)
        rows_BD = torch.empty(len(index_B), self.d_model)
        for shard in shard_B.unique().tolist():
            here_N = (shard_B == shard).nonzero()[:, 0]
            rows_BD[here_N] = self.tables[shard][index_B[here_N] - self.starts[shard]].float()
        return rows_BD

    def __getitem__(self, rows: slice) -> Float[Tensor, "B D"]:
        start, stop, step = rows.indices(self.n_tokens)
        if step != 1:
            return self.batch(range(start, stop, step))
        edges = self.starts.tolist()
        parts = [
            table[max(start - first, 0) : max(stop - first, 0)]
            for table, first, last in zip(self.tables, edges, edges[1:], strict=False)
            if start < last and stop > first
        ]
        return torch.cat([part.float() for part in parts]) if parts else torch.empty(0, self.d_model)

    def all(self) -> Float[Tensor, "N D"]:
        """All activations in memory, as float32."""
        return self[0 : self.n_tokens]


def open_shards(path: str | Path) -> Shards:
    """The activations in a folder of shards; see `Shards`."""
    return Shards(path)


def _manifest(folder: Path) -> dict[str, Any]:
    file = folder / "manifest.json"
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ValueError(f"{file}: it cannot be read: {' '.join(str(error).split()).rstrip('.')}.") from None
    if not isinstance(found, dict):
        raise ValueError(f"{file}: it must hold an object with {', '.join(FIELDS)}.")
    for name, kind in FIELDS.items():
        if name not in found:
            raise ValueError(f"{file}: no field {name!r}; it needs {', '.join(FIELDS)}.")
        if not isinstance(found[name], kind) or isinstance(found[name], bool):
            raise ValueError(f"{file}: {name} must be {kind.__name__}, not {found[name]!r:.40}.")
    if found["dtype"] not in DTYPES:
        raise ValueError(f"{file}: dtype must be one of {', '.join(DTYPES)}, not {found['dtype']!r}.")
    names = [*found["files"], *([found["documents"]] if "documents" in found else [])]
    if not found["files"] or not all(isinstance(name, str) for name in names):
        raise ValueError(f"{file}: files must list at least one file name, and documents be one.")
    if not _are_ids(found.get("special_ids", [])):
        raise ValueError(f"{file}: special_ids must be a list of whole numbers, not {found['special_ids']!r:.40}.")
    return found


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and all(type(i) is int for i in value)  # true is an int to isinstance


def _safetensors(file: Path) -> Tensor:
    with safe_open(file, "pt") as opened:
        names = list(opened.keys())
        if len(names) != 1:
            raise ValueError(f"it holds {len(names)} tensors, and one is expected")
        return opened.get_tensor(names[0])


def _npy(file: Path) -> Tensor:
    # "c": a write to the tensor, which nobody means to make, would not reach the file
    return torch.from_numpy(np.load(file, mmap_mode="c", allow_pickle=False))
