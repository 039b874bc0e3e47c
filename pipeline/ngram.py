"""Interpolated modified Kneser-Ney n-gram model over token ids, in NumPy: the language model's baseline."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass
class KneserNey:
    """Modified Kneser-Ney with interpolation, `order` tokens long, over a stream of documents.

    A document starts with the token `bos`; no n-gram crosses into an earlier document. The lower
    orders count distinct left neighbours, but n-grams that start with `bos`, which has none, keep
    their raw counts, as KenLM does.

    Source  Chen and Goodman 1999, "An empirical study of smoothing techniques for language modeling", section 3.
    """

    order: int
    vocab_size: int
    bos: int = 0
    keys: list[np.ndarray] = field(default_factory=list)
    prob: list[np.ndarray] = field(default_factory=list)
    weight: list[np.ndarray] = field(default_factory=list)

    def _grams(self, tokens: np.ndarray, starts: np.ndarray | None = None) -> np.ndarray:
        """How many tokens of its own document (and row) end at each position, capped at `order`."""
        begins = tokens == self.bos
        if starts is not None:
            begins[starts] = True
        starts = np.flatnonzero(begins)
        since = np.arange(len(tokens)) - starts[np.searchsorted(starts, np.arange(len(tokens)), side="right") - 1]
        return np.minimum(since + 1, self.order)

    def fit(self, tokens: np.ndarray, starts: np.ndarray | None = None) -> KneserNey:
        """Count the stream (N,) of token ids, whose first token must be `bos` or among the starts.

        `starts` are positions where rows begin, as a language model read them: a row may start inside a document, and no
        n-gram reaches over its edge.
        """
        tokens = np.asarray(tokens, dtype=np.int64)
        if tokens[0] != self.bos and (starts is None or 0 not in starts):
            raise ValueError(f"The token stream must start with bos ({self.bos}), not {tokens[0]}.")
        longest = self._grams(tokens, starts)
        chains, counts, firsts = [], [], []
        previous = np.zeros(len(tokens), dtype=np.int64)
        for n in range(1, self.order + 1):
            at = np.flatnonzero(longest >= n)
            context = previous[at - 1] if n > 1 else np.zeros(len(at), dtype=np.int64)
            keys, first, inverse, count = np.unique(
                context * self.vocab_size + tokens[at], return_index=True, return_inverse=True, return_counts=True
            )
            previous = np.full(len(tokens), -1, dtype=np.int64)
            previous[at] = inverse
            self.keys.append(keys)
            chains.append(previous)
            counts.append(count)
            firsts.append(at[first])
        lower_prob = np.full(self.vocab_size, 1.0 / self.vocab_size)
        for n in range(1, self.order + 1):
            count, first = counts[n - 1], firsts[n - 1]
            if n < self.order:
                suffix = chains[n - 1][firsts[n]]
                left = np.bincount(suffix, minlength=len(count))
                count = np.where(tokens[first - n + 1] == self.bos, count, left)
            discount = self._discounts(count)[np.minimum(count, 3)]
            context = self.keys[n - 1] // self.vocab_size
            size = len(self.keys[n - 2]) if n > 1 else 1
            total = np.bincount(context, weights=count, minlength=size)
            kept = np.bincount(context, weights=discount, minlength=size)
            safe = np.maximum(total, 1)
            self.weight.append(np.where(total > 0, kept / safe, 1.0))
            shorter = chains[n - 2][first] if n > 1 else tokens[first]
            back = self.prob[n - 2][shorter] if n > 1 else lower_prob[shorter]
            self.prob.append((count - discount) / safe[context] + self.weight[n - 1][context] * back)
        return self

    @staticmethod
    def _discounts(count: np.ndarray) -> np.ndarray:
        """D0..D3+ of one order from its counts of counts; absent ones fall back to 0.5, 1, 1.5."""
        n1, n2, n3, n4 = (int((count == i).sum()) for i in (1, 2, 3, 4))
        if min(n1, n2, n3, n4) == 0:
            return np.array([0.0, 0.5, 1.0, 1.5])
        y = n1 / (n1 + 2 * n2)
        found = np.array([0.0, 1 - 2 * y * n2 / n1, 2 - 3 * y * n3 / n2, 3 - 4 * y * n4 / n3])
        return np.clip(found, [0, 0.05, 0.05, 0.05], [0, 0.95, 1.95, 2.95])

    def log2_prob(self, tokens: np.ndarray) -> np.ndarray:
        """log2 P(token | up to order-1 earlier tokens of its document), shape (N,); the `bos` tokens get 0."""
        tokens = np.asarray(tokens, dtype=np.int64)
        longest = self._grams(tokens)
        chains = [np.where(longest >= 1, self._find(1, np.zeros_like(tokens), tokens), -1)]
        for n in range(2, self.order + 1):
            context = np.concatenate([[-1], chains[-1][:-1]])
            chains.append(np.where((longest >= n) & (context >= 0), self._find(n, context, tokens), -1))
        uniform = np.full(len(tokens), self.weight[0][0] / self.vocab_size)
        prob = np.where(chains[0] >= 0, self.prob[0][chains[0]], uniform)
        for n in range(2, self.order + 1):
            context = np.concatenate([[-1], chains[n - 2][:-1]])
            usable = (longest >= n) & (context >= 0)
            backed = self.weight[n - 1][np.maximum(context, 0)] * prob
            prob = np.where(usable, np.where(chains[n - 1] >= 0, self.prob[n - 1][chains[n - 1]], backed), prob)
        return np.where(tokens == self.bos, 0.0, np.log2(prob))

    def _find(self, n: int, context: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        wanted = context * self.vocab_size + tokens
        at = np.minimum(np.searchsorted(self.keys[n - 1], wanted), len(self.keys[n - 1]) - 1)
        return np.where(self.keys[n - 1][at] == wanted, at, -1)
