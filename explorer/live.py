"""What is asked of a model while it runs: the features on a sentence, and a continuation with features moved."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

from kosae_core import interventions as iv
from kosae_core.generation import continuations
from kosae_core.lm import LanguageModel, Replace
from kosae_core.marking import rounded
from kosae_core.sae import SAE

PER_TOKEN = 8
DIGITS = 6


@torch.no_grad()
def token_features(lm: LanguageModel, sae: SAE, point: str, text: str) -> np.ndarray:
    """The features on every token of a text, (T, F), its start token left out.

    Raises  ValueError if the text has no token, or more than the model reads.
    """
    ids = lm.documents([text])[0]
    first = 0 if lm.bos_id is None else 1
    if len(ids) <= first:
        raise ValueError("the text has no token: type a word or more.")
    acts_TD = lm.capture(lm.batch([ids]), [point])[point][0, first:]
    return sae.encode(acts_TD.to(sae.mean_D)).cpu().numpy()


def whole_tokens(spans: Sequence[tuple[int, int]]) -> list[list[int]]:
    """Tokens that share a character, together: what is shown as one."""
    groups: list[list[int]] = []
    end = 0
    for i, (start, stop) in enumerate(spans):
        if groups and (start < end or stop <= start):
            groups[-1].append(i)
        else:
            groups.append([i])
        end = max(end, stop)
    return groups


def analyze(
    lm: LanguageModel, sae: SAE, point: str, text: str, *, threshold: float = 0.0, share: float = 0.0, count: int = 8
) -> dict[str, Any]:
    """The features of a text that are above `threshold` on at least `share` of its tokens, the strongest first.

    Tokens are shown as whole characters: of those that share one, the largest value counts.

    Source  threshold, share of tokens and number to show are the controls of the k-schedule study's page (source D).
    """
    spans, values_TF = lm.token_spans(text), token_features(lm, sae, point, text)
    groups = whole_tokens(spans)
    ends = [max(spans[i][1] for i in group) for group in groups]
    starts = [0, *ends[:-1]]  # characters between tokens go with the next one
    shown_GF = np.stack([values_TF[group].max(0) for group in groups])
    above_F, max_F = (values_TF > threshold).mean(0), values_TF.max(0)
    order = np.argsort(-max_F, kind="stable")
    kept = [int(f) for f in order if above_F[f] > 0 and above_F[f] >= share][:count]
    strongest = [np.argsort(-row, kind="stable")[:PER_TOKEN] for row in shown_GF]
    return {
        "text": text,
        "tokens": [text[a:b] for a, b in zip(starts, ends, strict=True)],
        "n_tokens": len(values_TF),
        "n_active": int((max_F > 0).sum()),
        "features": [
            {"id": f, "max": rounded(max_F[f], DIGITS), "mean": rounded(values_TF[:, f].mean(), DIGITS),
             "share": rounded(above_F[f], DIGITS), "values": [rounded(v, DIGITS) for v in shown_GF[:, f]]}
            for f in kept
        ],
        "strongest": [
            [[int(f), rounded(row[f], DIGITS)] for f in top if row[f] > 0] for row, top in zip(shown_GF, strongest, strict=True)
        ],
    }  # fmt: skip


def mean_norm(lm: LanguageModel, point: str, texts: Sequence[str]) -> float:
    """Mean length of an activation at a point, over the tokens of some texts."""
    first = 0 if lm.bos_id is None else 1
    rows = [lm.capture(lm.batch([ids]), [point])[point][0, first:].float() for ids in lm.documents(texts)]
    return float(torch.cat(rows).norm(dim=1).mean())


def steering(sae: SAE, chosen: Sequence[tuple[int, float]], mode: str, norm: float, maxima: Sequence[float]) -> Replace:
    """The edit that moves some features.

    With `add` the sum of their directions, each as long as its strength times `norm`; with `clamp` each is held at its
    strength times its own maximum.

    Raises  ValueError for a feature that there is not, or strengths that add up to nothing.
    """
    if wrong := [f for f, _ in chosen if not 0 <= f < sae.n_features]:
        raise ValueError(f"there is no feature {wrong[0]}; there are 0 to {sae.n_features - 1}.")
    if mode == "add":
        direction_D = sum(strength * sae.W_dec_FD[f].detach() for f, strength in chosen)
        if float(direction_D.norm()) < 1e-6:
            raise ValueError("the strengths add up to nothing: give at least one that is not 0.")
        return iv.add(direction_D, float(direction_D.norm()) * norm)
    edits = [iv.clamp(sae, f, strength * maxima[f]) for f, strength in chosen]

    def edit(hidden_BTD: torch.Tensor, real_BT: torch.Tensor) -> torch.Tensor:
        for one in edits:
            hidden_BTD = one(hidden_BTD, real_BT)
        return hidden_BTD

    return edit


def steer(
    lm: LanguageModel, point: str, edit: Replace, prompt: str, *, tokens: int, temperature: float, seed: int,
    tell: Callable[[str, str], None], check: Callable[[], None],
) -> dict[str, str]:  # fmt: skip
    """Continue a text as the model would and with an edit, with the same random numbers; `tell(which, text so far)`."""
    found = {}
    for which, patch in (("plain", None), ("steered", (point, edit))):
        ids: list[int] = []

        def on_token(row: int, token: int, which: str = which, ids: list[int] = ids) -> None:
            check()
            ids.append(token)
            tell(which, decoded(lm, ids))

        written = continuations(
            lm, [prompt], max_new_tokens=tokens, temperature=temperature, seed=seed, patch=patch, on_token=on_token
        )
        found[which] = decoded(lm, written[0])
    return found


def decoded(lm: LanguageModel, ids: Sequence[int]) -> str:
    """Tokens as text, without the character that is not whole yet."""
    return lm.tokenizer.decode(ids, skip_special_tokens=True).rstrip("\ufffd")
