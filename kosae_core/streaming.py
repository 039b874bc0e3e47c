"""Activations that are gathered while they are trained on, where a store would fit neither memory nor disk.

The documents, in a new shuffled order for each round, are read a buffer at a time; the tokens of a buffer are given out in
random order, and then the next one is read. As each buffer is a random sample of the documents, a training sees much what
it sees with a store. The place in the stream is one number, so that a training goes on from a checkpoint to the same bits.
"""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kosae_core import needs, ranks, store
from kosae_core.activations import DTYPES, GATHER_VERSION, corpus_name, describe_corpus
from kosae_core.filling import fill, kept_rows
from kosae_core.lm import LanguageModel
from kosae_core.rows import require_finite

if TYPE_CHECKING:
    from kosae_core.corpora import Corpus

log = logging.getLogger("kosae.activations")


class Stream:
    """The activations of a corpus at one hook point, which `train` takes in place of a store; `evaluate` reads it in order.

    `buffer` tokens are held at a time; the corpus itself is held as token ids. More is smoother and takes more memory.

    Raises  ValueError if the corpus has no token, or `buffer` is too small; needs.TooLarge where memory cannot hold it.
    """

    def __init__(
        self, lm: LanguageModel, corpus: "Corpus | Sequence[str]", point: str, *, buffer: int = 2**18, max_length: int = 128,
        dtype: str = "bf16", tokens_per_batch: int = 4096,
    ) -> None:  # fmt: skip
        if dtype not in DTYPES:
            raise ValueError(f"dtype {dtype!r} is not one of {', '.join(DTYPES)}.")
        if buffer < max_length:
            raise ValueError(f"buffer ({buffer} tokens) must hold at least one document (max_length is {max_length}).")
        self.lm, self.at, self.dtype, self.buffer, self.tokens_per_batch = (
            lm,
            lm.resolve(point),
            dtype,
            buffer,
            tokens_per_batch,
        )
        corpus_key, texts, _ = describe_corpus(corpus)
        self.documents = lm.documents(texts, max_length)
        _, self.doc_rows = kept_rows(self.documents, lm.special_ids)
        self.lengths = np.diff(self.doc_rows)
        self.n_tokens, self.d_model = int(self.doc_rows[-1]), lm.d_model
        self.point, self.lm_name, self.revision, self.corpus = str(self.at), lm.name, lm.revision, corpus_name(corpus)
        self.spec: dict[str, Any] = {
            "lm": lm.key, "corpus": corpus_key, "max_length": max_length, "dtype": dtype, "version": GATHER_VERSION,
            "point": self.point, "stream": buffer,
        }  # fmt: skip
        self.key = store.key_of(self.spec)
        held = min(buffer, self.n_tokens) * self.d_model * DTYPES[dtype].itemsize
        needs.require_memory("the buffer", held, "cpu", f"lower buffer (now {buffer} tokens)")

    def __len__(self) -> int:
        return self.n_tokens

    def __repr__(self) -> str:
        return f"Stream({self.lm_name} {self.point}, {self.n_tokens} tokens x {self.d_model}, {self.buffer} at a time)"

    @property
    def doc_index(self) -> np.ndarray:
        """(N,) int32: the document of each row."""
        return np.repeat(np.arange(len(self.documents), dtype=np.int32), self.lengths)

    def read(self, chosen: Sequence[int] | np.ndarray) -> Tensor:
        """The activations of some documents, one after the other, in the stream's dtype."""
        table_ND = torch.zeros(int(self.lengths[chosen].sum()), self.d_model, dtype=DTYPES[self.dtype])
        if len(table_ND):
            documents = [self.documents[document] for document in chosen]
            fill(self.lm, documents, {self.at: table_ND}, self.tokens_per_batch, share=ranks.share_now())
        return ranks.merged(table_ND)

    def __getitem__(self, rows: slice) -> Float[Tensor, "B D"]:
        start, stop, step = rows.indices(self.n_tokens)
        if step != 1 or start >= stop:
            raise ValueError("a stream is read in order, some rows at a time: stream[start:stop].")
        first = int(np.searchsorted(self.doc_rows, start, side="right")) - 1
        last = int(np.searchsorted(self.doc_rows, stop, side="left"))
        offset = int(self.doc_rows[first])
        return self.read(np.arange(first, last))[start - offset : stop - offset].float()

    def shuffled(self, batch_size: int, generator: torch.Generator) -> "Batches":
        """Batches without end, each token once in each round."""
        return Batches(self, batch_size, int(torch.randint(2**31, (), generator=generator)))


class Batches:
    """What a training draws from a stream; `order` holds its place, the number of tokens drawn, and can be set."""

    def __init__(self, stream: Stream, batch_size: int, seed: int) -> None:
        self.stream, self.batch_size, self.seed = stream, batch_size, seed
        self.drawn = 0
        self.round, self.parts, self.ends = -1, [], np.zeros(0)
        self.held: tuple[int, int] | None = None
        self.rows_ND, self.mix_N = torch.empty(0), torch.empty(0, dtype=torch.long)

    @property
    def order(self) -> Tensor:
        return torch.tensor([self.drawn])

    @order.setter
    def order(self, place: Tensor) -> None:
        self.drawn = int(place[0])

    def __next__(self) -> Float[Tensor, "B D"]:
        parts, missing = [], self.batch_size
        while missing:
            offset = self._hold()
            part_BD = self.rows_ND[self.mix_N[offset : offset + missing]]
            parts.append(part_BD)
            self.drawn += len(part_BD)
            missing -= len(part_BD)
        return require_finite(torch.cat(parts).float(), self.drawn - self.batch_size)

    def _hold(self) -> int:
        """Read the buffer in which the place is, unless it is held; how many of its tokens have been drawn."""
        number, place = divmod(self.drawn, self.stream.n_tokens)
        if number != self.round:
            self.round, self.parts = number, self._cut(number)
            self.ends = np.cumsum([int(self.stream.lengths[part].sum()) for part in self.parts])
        part = int(np.searchsorted(self.ends, place, side="right"))
        if self.held != (number, part):
            self.rows_ND = torch.empty(0)  # let go of the one before, so that there is never a second
            self.rows_ND = self.stream.read(self.parts[part])
            mix = np.random.default_rng([self.seed, number, part]).permutation(len(self.rows_ND))
            self.mix_N = torch.from_numpy(mix)  # not applied, which would take a second table
            self.held = number, part
            log.info("round %d: buffer %d of %d, %d tokens", number, part + 1, len(self.parts), len(self.rows_ND))
        return place - (int(self.ends[part - 1]) if part else 0)

    def _cut(self, number: int) -> list[np.ndarray]:
        """The documents of a round in its order, cut into buffers."""
        mix = np.random.default_rng([self.seed, number])
        documents = mix.permutation(np.flatnonzero(self.stream.lengths))
        # a buffer ends before the document that would be too much for it
        cuts, filled = [], 0
        for at, length in enumerate(self.stream.lengths[documents].tolist()):
            if filled + length > self.stream.buffer:
                cuts.append(at)
                filled = 0
            filled += length
        return np.split(documents, cuts)
