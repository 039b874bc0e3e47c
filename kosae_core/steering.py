"""Directions that could steer a model towards a class of texts, and what an edit does to what it reads and writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from kosae_core.detection import rises
from kosae_core.generation import continuations
from kosae_core.interventions import Patch, read_out
from kosae_core.lm import LanguageModel
from kosae_core.probing import Matrix
from kosae_core.sae import SAE


def directions(
    sae: SAE, X_MF: Matrix, means_MD: np.ndarray, yes_M: np.ndarray, written_FV: np.ndarray, words: Sequence[int],
    *, usable_F: np.ndarray, several: int, generator: torch.Generator,
) -> dict[str, Tensor]:  # fmt: skip
    """What could steer towards the documents that are yes: one feature chosen two ways, several, the difference of means, and chance.

    By input: the feature whose mean rises most in them. By output: of the usable features the one of largest direct effect
    on their words. Several: those whose means rise most, added in proportion to the rise. Chance: a Gaussian direction.

    Shapes  features `X_MF` and mean activations `means_MD` of M documents, direct effects `written_FV` of all features; each
            direction (D,), its length not settled.
    Raises  ValueError unless there is one answer per document and documents of both kinds, `several` is in [1, F], and some
            feature is usable.
    Source  difference of means: Rimsky et al. 2024, arXiv:2312.06681; by output: Arad et al. 2025, arXiv:2505.20063.
    Differs Arad et al. score a feature's output by an intervention; here it is its direct effect.
    """
    if not 1 <= several <= sae.n_features or not np.any(usable_F):
        raise ValueError(f"several is {several}: it must be 1 to {sae.n_features}, and some feature must be usable.")
    rise_F, decoder_FD = rises(X_MF, yes_M), sae.W_dec_FD.detach()
    most = np.argsort(-rise_F)[:several]
    written_F = np.where(usable_F, written_FV[:, np.asarray(words)].mean(1) - written_FV.mean(1), -np.inf)
    return {
        "feature by input": decoder_FD[most[0]],
        "feature by output": decoder_FD[int(written_F.argmax())],
        "several features": torch.from_numpy(rise_F[most]).float() @ decoder_FD[most],
        "mean difference": torch.from_numpy(rises(means_MD, yes_M)),
        "random": torch.randn(sae.d_model, generator=generator),
    }


@dataclass(frozen=True)
class Outcome:
    """What a model does with an edit in force; G groups of tokens."""

    verdicts: dict[str, float]
    """For each class of the judge, the mean of its probability over what was written."""
    loss: float
    """On the documents that were read, a mean over them, nats per token."""
    mass_G: np.ndarray
    """Mean probability, over the same documents, that the next token is one of a group."""

    def change(self, plain: Outcome, name: str, group: int) -> dict[str, float]:
        """What the edit changed, for one class of the judge and the group of its words, against the untouched model.

        Units   verdict: probability; mass: doublings of probability; loss: nats per token.
        """
        mass = float(np.log2(self.mass_G[group] / plain.mass_G[group]))
        return {"verdict": self.verdicts[name] - plain.verdicts[name], "mass": mass, "loss": self.loss - plain.loss}


def outcome(
    lm: LanguageModel, judge: Any, starts: Sequence[str], documents: Sequence[Sequence[int]], groups: Sequence[Sequence[int]],
    patch: Patch | None = None, reading: Patch | None = None, *, max_new_tokens: int = 16, last: int | None = None, seed: int = 0,
) -> Outcome:  # fmt: skip
    """Let the model go on from `starts` and read documents, with or without an edit, and judge what it wrote.

    Shapes  `judge` has `classes_` and `predict_proba` of texts, as scikit-learn's classifiers; it sees what was written
            without its start. While documents are read the edit is `reading`, or `patch` where that is None; `last` is
            that of `read_out`.
    Raises  ValueError as `read_out` and `continuations` do.
    """
    written = continuations(lm, starts, max_new_tokens=max_new_tokens, seed=seed, patch=patch)
    texts = [lm.tokenizer.decode(ids, skip_special_tokens=True) for ids in written]
    verdict_C = judge.predict_proba(texts).mean(0)
    read = read_out(lm, documents, groups, reading if reading is not None else patch, last=last)
    verdicts = {str(name): float(value) for name, value in zip(judge.classes_, verdict_C, strict=True)}
    return Outcome(verdicts, float(read.loss_M.mean()), read.mass_MG.mean(0))
