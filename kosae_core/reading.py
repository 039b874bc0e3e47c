"""Texts of several languages as one store, with the features that fire on their tokens."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from scipy import sparse

from kosae_core import explaining
from kosae_core.corpora import LANGUAGES
from kosae_core.features import encode_store
from kosae_core.lm import LanguageModel
from kosae_core.readers import CorpusError
from kosae_core.records import Record
from kosae_core.sae import SAE
from kosae_core.study import Study


def languages(study: Study) -> tuple[str, ...]:
    """The languages in which a study's corpus has texts in both splits.

    Raises  CorpusError if there is none.
    """
    found = []
    for lang in LANGUAGES:
        try:
            if all(len(study.records(split, lang)) for split in ("train", "test")):
                found.append(lang)
        except CorpusError:  # a corpus of one language says so
            continue
    if not found:
        raise CorpusError(f"the corpus {study.corpus} has no text in {' or '.join(LANGUAGES)} to show features on.")
    return tuple(found)


class Reading:
    """One split of a corpus, all of its languages in a row, as the analyses of the core take a store of activations.

    `doc_index`, `positions`, `documents` and `n_tokens` are as in `ActivationStore`; `X_NF` holds the features, or those of
    `only` and no values of the others.
    """

    def __init__(
        self, study: Study, sae: SAE, split: str, langs: tuple[str, ...], point: str, only: Sequence[int] | None = None
    ) -> None:
        stores = [study.acts(split, lang, point) for lang in langs]
        firsts = np.cumsum([0, *(len(store.documents) for store in stores)])
        self.lm: LanguageModel = study.lm
        self.records: list[Record] = [record for lang in langs for record in study.records(split, lang)]
        self.documents: list[list[int]] = [ids for store in stores for ids in store.documents]
        self.doc_index = np.concatenate(
            [s.doc_index.astype(np.int64) + a for s, a in zip(stores, firsts, strict=False)]
        )
        self.positions = np.concatenate([store.positions for store in stores])
        self.token_ids = np.concatenate([store.token_ids for store in stores])
        self.n_tokens = len(self.token_ids)
        self.X_NF = sparse.csr_array(sparse.vstack([_columns(encode_store(sae, store), only) for store in stores]))
        self.lang_N = np.repeat(np.array(langs), [store.n_tokens for store in stores])
        self._spans: dict[int, list[tuple[int, int]]] = {}

    @cached_property
    def by_feature(self) -> sparse.csc_array:
        """The same features, quick to read by column."""
        X_NF = sparse.csc_array(self.X_NF)
        X_NF.sort_indices()
        return X_NF

    def column(self, feature: int) -> tuple[np.ndarray, np.ndarray]:
        """The rows on which a feature fires, rising, and its activations there."""
        X_NF = self.by_feature
        part = slice(X_NF.indptr[feature], X_NF.indptr[feature + 1])
        return X_NF.indices[part], X_NF.data[part]

    def alone(self, feature: int) -> sparse.csr_array:
        """One feature as an (N, 1) array, which `features.top_tokens` sorts faster than the whole."""
        return sparse.csr_array(self.by_feature[:, [feature]])

    @cached_property
    def windows(self) -> np.ndarray:
        """As `explaining.windows` makes them."""
        return explaining.windows(self)

    @cached_property
    def doc_rows(self) -> np.ndarray:
        """Document `d` has rows `doc_rows[d]` to `doc_rows[d + 1]`."""
        return np.searchsorted(self.doc_index, np.arange(len(self.documents) + 1))

    def spans(self, document: int) -> list[tuple[int, int]]:
        """The characters of each token that the model read of a document, its start token left out."""
        if document not in self._spans:
            self._spans[document] = self.lm.token_spans(self.records[document].text)
        return self._spans[document]

    def span(self, row: int) -> tuple[int, int]:
        """The characters of the token at a row."""
        start = 0 if self.lm.bos_id is None else 1
        return self.spans(int(self.doc_index[row]))[int(self.positions[row]) - start]


def _columns(X_NF: sparse.csr_array, only: Sequence[int] | None) -> sparse.csr_array:
    if only is not None:
        X_NF.data[~np.isin(X_NF.indices, only)] = 0
        X_NF.eliminate_zeros()
    return X_NF
