"""What the chapters share: one corpus, one language model, the activations and SAEs that several chapters use."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from kosae_core.activations import ActivationStore, gather
from kosae_core.corpora import Corpus, load_corpus
from kosae_core.lm import LanguageModel
from kosae_core.loading import load_lm
from kosae_core.sae import SAE, SAEConfig
from kosae_core.training import History, TrainConfig, train


@dataclass(frozen=True)
class Study:
    """The settings that chapters 02 to 08 have in common; equal settings share one cache.

    Raises  ValueError (from the parts it calls) for an unknown corpus, point, variant or language.
    """

    corpus: str = "synthetic"
    """A name or path that `load_corpus` knows."""
    lm_name: str = "kosae-lm"
    """A name, folder or hub id that `load_lm` knows."""
    lm_options: dict[str, Any] = field(default_factory=dict)
    """How it is loaded: device, dtype, bits, blocks, as `load_lm` takes them."""
    n_train: int = 4000
    """Training sentences per language; None takes all."""
    n_test: int = 2000
    """Held-out sentences per language."""
    points: tuple[str, ...] = ("q2.resid_post", "q3.resid_post")
    """Hook points that are gathered together, in one pass over the text."""
    n_features: int = 2048
    k: int = 32
    """Active features per token of the TopK SAE."""
    steps: int = 250
    batch_size: int = 1024
    seed: int = 0
    dtype: str = "bf16"
    """How activations are stored."""

    @cached_property
    def lm(self) -> LanguageModel:
        return load_lm(self.lm_name, **self.lm_options)

    def records(self, split: str, lang: str = "ko") -> Corpus:
        """The first `n_train` or `n_test` records of a split in its fixed shuffled order."""
        limit = self.n_train if split == "train" else self.n_test
        return load_corpus(self.corpus, split=split, lang=lang, limit=limit)

    def acts(self, split: str, lang: str = "ko", point: str = "q2.resid_post") -> ActivationStore:
        """Activations of a split at one point; the others in `points` are gathered in the same pass."""
        points = list(dict.fromkeys([*self.points, point]))
        return gather(self.lm, self.records(split, lang), points, dtype=self.dtype)[point]

    def sae(self, variant: str, lang: str = "ko", point: str = "q2.resid_post", **how: Any) -> tuple[SAE, History]:
        """The SAE of one variant on the training activations, with its history on train and held-out tokens.

        `how` goes to `train`: a checkpoint, a callback.
        """
        options = {"k": self.k} if variant == "topk" else {}
        config = SAEConfig(variant=variant, n_features=self.n_features, **options)
        schedule = TrainConfig(steps=self.steps, batch_size=self.batch_size, seed=self.seed)
        return train(config, self.acts("train", lang, point), schedule, held=self.acts("test", lang, point), **how)
