"""Texts of several languages as one store, with the features that fire on their tokens."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from scipy import sparse

from kosae_core.features import encode_store
from kosae_core.lm import LanguageModel
from kosae_core.records import Record
from kosae_core.sae import SAE
from kosae_core.study import Study


class Reading:
    """One split of a corpus, all of its languages in a row, as the analyses of the core take a store of activations.

    `doc_index`, `positions`, `documents` and `n_tokens` are as in `ActivationStore`; `X_NF` holds the features.
    """

    def __init__(self, study: Study, sae: SAE, split: str, langs: tuple[str, ...], point: str) -> None:
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
        self.X_NF = sparse.csr_array(sparse.vstack([encode_store(sae, store) for store in stores]))
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

    def only(self, feature: int) -> sparse.csr_array:
        """One feature as an (N, 1) array, which `features.top_tokens` sorts faster than the whole."""
        return sparse.csr_array(self.by_feature[:, [feature]])

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
