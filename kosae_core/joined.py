"""Two hook points side by side, for autoencoders that read one and write the other, or read and write both."""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from kosae_core import rows
from kosae_core.store import key_of


class Joined:
    """The activations of the same tokens at two points as one table: a row is the first point's, then the second's.

    Shapes  `first` and `second` are two stores of one gather, or two (tokens, d) tensors with as many rows.
    Raises  ValueError where they do not hold the same tokens.
    """

    def __init__(self, first: Any, second: Any) -> None:
        rows.check_rows(first)
        rows.check_rows(second)
        self.first, self.second = first, second
        self.n_tokens, self.d_in = rows.count(first), rows.width(first)
        self.d_model = self.d_in + rows.width(second)
        stores = [part for part in (first, second) if hasattr(part, "key")]
        same = [{name: part.spec.get(name) for name in ("lm", "corpus")} for part in stores]
        if rows.count(second) != self.n_tokens or len(stores) == 1 or (stores and same[0] != same[1]):
            raise ValueError(
                "two points can be joined only over the same tokens: gather both in one call of gather, or give two tensors "
                f"of as many rows (these have {self.n_tokens} and {rows.count(second)})."
            )
        if stores:
            self.key = key_of({"joined": [first.key, second.key]})
            self.point, self.lm_name, self.spec = (first.point, second.point), first.lm_name, first.spec
            self.revision, self.corpus = first.revision, first.corpus
            if hasattr(first, "documents"):  # not all activations made elsewhere come with theirs
                self.documents = first.documents

    def all(self) -> Float[Tensor, "N D"]:
        """All rows in memory."""
        return self[0 : self.n_tokens]

    def batch(self, index: Tensor) -> Float[Tensor, "B D"]:
        """The rows at `index`."""
        parts = (self.first, self.second)
        return torch.cat([p[index].float() if isinstance(p, Tensor) else p.batch(index) for p in parts], dim=1)

    def __getitem__(self, span: slice) -> Float[Tensor, "B D"]:
        return torch.cat([self.first[span].float(), self.second[span].float()], dim=1)
