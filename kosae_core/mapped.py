"""The files of a store of activations: the memory-mapped table, and what stands beside it."""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kosae_core.lm import LanguageModel


def create_mapped(path: Path, shape: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """A new file as a writable memory-mapped tensor.

    Raises  OSError, before anything is written, if the disk has no room for it.
    """
    needed, free = shape[0] * shape[1] * dtype.itemsize, shutil.disk_usage(path.parent).free
    if needed > free:
        raise OSError(f"{path.parent}: {needed / 1e9:.2f} GB of activations, {free / 1e9:.2f} GB free on the disk.")
    with open(path, "wb") as file:
        # Blocks are reserved now: a disk that fills up later would kill the process without a message.
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, needed)
        else:
            file.truncate(needed)
    return open_mapped(path, shape, dtype)


def open_mapped(path: Path, shape: tuple[int, int], dtype: torch.dtype) -> Tensor:
    """The same tensor in another process, which writes to the same file."""
    return torch.from_file(str(path), shared=True, size=shape[0] * shape[1], dtype=dtype).view(shape)


def write_documents(
    folder: Path, lm: LanguageModel, ids: Sequence[Sequence[int]], kept: np.ndarray, texts: Sequence[str],
    langs: Sequence[str], corpus: str,
) -> None:  # fmt: skip
    """Write what stands beside the activations; `kept` marks, over all documents' ids in a row, those with a row."""
    lengths = np.array([len(one) for one in ids])
    flat = np.concatenate([np.asarray(one, dtype=np.int32) for one in ids])
    starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
    np.save(folder / "token_ids.npy", flat[kept])
    np.save(folder / "positions.npy", (np.arange(len(flat)) - starts)[kept].astype(np.int32))
    np.save(folder / "doc_index.npy", np.repeat(np.arange(len(ids), dtype=np.int32), lengths)[kept])
    about = {
        "lm": lm.name,
        "revision": lm.revision,
        "corpus": corpus,
        "n_tokens": int(kept.sum()),
        "d_model": lm.d_model,
    }
    (folder / "about.json").write_text(json.dumps(about))
    documents = {"ids": [list(map(int, one)) for one in ids], "langs": list(langs), "texts": list(texts)}
    (folder / "documents.json").write_text(json.dumps(documents, ensure_ascii=False))
