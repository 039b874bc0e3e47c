"""Changing activations while the model runs, and reading off what follows: loss, next tokens, later activations.

An edit is a function `edit(hidden_BTD, real_BT) -> hidden_BTD` as `LanguageModel.replaced` takes it; the makers of edits here
leave special tokens and padding as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from kosae_core.batches import length_batches
from kosae_core.lm import LanguageModel, Replace
from kosae_core.sae import SAE

Patch = tuple[str, Replace]
"""A hook point and the edit that is made there."""


def add(direction_D: Float[Tensor, " D"], length: float) -> Replace:
    """Add a direction, made `length` long, to the activation of every token.

    Raises  ValueError for a direction of length 0.
    Source  activation addition, Turner et al. 2023, arXiv:2308.10248.
    """
    norm = float(direction_D.norm())
    if norm == 0:
        raise ValueError("a direction of length 0 steers nowhere: give one that is not zero.")
    step_D = direction_D.detach() * (length / norm)

    def edit(hidden_BTD: Tensor, real_BT: Tensor) -> Tensor:
        return hidden_BTD + real_BT[..., None] * step_D.to(hidden_BTD)

    return edit


def level(direction_D: Float[Tensor, " D"], about_D: Float[Tensor, " D"]) -> Replace:
    """Give every token the same component along a direction, that of `about_D`, so that nothing can be read from it.

    Raises  ValueError for a direction of length 0.
    Source  directional ablation, Arditi et al. 2024, arXiv:2406.11717, about a mean in place of 0.
    """
    norm = float(direction_D.norm())
    if norm == 0:
        raise ValueError("a direction of length 0 cannot be levelled: give one that is not zero.")
    unit_D, about_D = direction_D.detach() / norm, about_D.detach()

    def edit(hidden_BTD: Tensor, real_BT: Tensor) -> Tensor:
        along_BT1 = ((hidden_BTD - about_D.to(hidden_BTD)) @ unit_D.to(hidden_BTD))[..., None]
        return hidden_BTD - real_BT[..., None] * along_BT1 * unit_D.to(hidden_BTD)

    return edit


def clamp(sae: SAE, features: int | Sequence[int], value: float = 0.0) -> Replace:
    """Hold features at a value, which by default ablates them; what the autoencoder does not reconstruct stays.

    Units   `value` as `encode` gives it.
    Raises  ValueError for a feature that the autoencoder does not have.
    Source  Templeton et al. 2024, "Scaling Monosemanticity" (feature steering), with its error term.
    """
    ids = torch.as_tensor(np.atleast_1d(features), dtype=torch.long)
    if len(ids) == 0 or int(ids.min()) < 0 or int(ids.max()) >= sae.n_features:
        raise ValueError(f"features must be one or more of 0 to {sae.n_features - 1}, not {features}.")

    @torch.no_grad()
    def edit(hidden_BTD: Tensor, real_BT: Tensor) -> Tensor:
        edited_BTD = hidden_BTD.clone()
        acts_ND = hidden_BTD[real_BT].to(sae.mean_D)
        change_Nf = value - sae.encode(acts_ND)[:, ids]
        edited_BTD[real_BT] = (acts_ND + change_Nf @ sae.W_dec_FD[ids] * sae.scale).to(hidden_BTD.dtype)
        return edited_BTD

    return edit


def reconstruct(sae: SAE) -> Replace:
    """Put the reconstruction in place of every token's activation."""

    @torch.no_grad()
    def edit(hidden_BTD: Tensor, real_BT: Tensor) -> Tensor:
        edited_BTD = hidden_BTD.clone()
        edited_BTD[real_BT] = sae(hidden_BTD[real_BT].to(sae.mean_D)).to(hidden_BTD.dtype)
        return edited_BTD

    return edit


def only(edit: Replace, positions: Sequence[int]) -> Replace:
    """Make an edit at some positions of each document alone; negative ones count from its last token.

    A document that is too short for a position has none there.
    """

    def chosen(hidden_BTD: Tensor, real_BT: Tensor) -> Tensor:
        place_T = torch.arange(real_BT.shape[1], device=real_BT.device)
        last_B1 = (real_BT * place_T).amax(1, keepdim=True)
        here_BT = torch.zeros_like(real_BT)
        for position in positions:
            here_BT |= place_T == (position if position >= 0 else last_B1 + 1 + position)
        return torch.where((here_BT & real_BT)[..., None], edit(hidden_BTD, real_BT), hidden_BTD)

    return chosen


def during(edit: Replace, stage: str) -> Replace:
    """Make an edit only while the model reads its prompt, or only at the tokens that it has written itself.

    What is written comes back through the cache one token at a time, so a pass of one token is writing, and a pass of more
    is the prompt: together with its start token it must have two or more.

    Raises  ValueError for another stage.
    """
    if stage not in ("prompt", "writing"):
        raise ValueError(f"the stage is prompt or writing, not {stage!r}.")

    def staged(hidden_BTD: Tensor, real_BT: Tensor) -> Tensor:
        return edit(hidden_BTD, real_BT) if (hidden_BTD.shape[1] == 1) == (stage == "writing") else hidden_BTD

    return staged


def patched(lm: LanguageModel, patch: Patch | None) -> AbstractContextManager:
    """The model with an edit in force, or as it is."""
    return nullcontext() if patch is None else lm.replaced(*patch)


@dataclass(frozen=True)
class Readout:
    """What the model makes of M documents, one row each; G groups of tokens."""

    loss_M: np.ndarray
    """Cross-entropy of its tokens but the first, nats per token; of its last ones alone where that was asked for."""
    mass_MG: np.ndarray
    """Mean probability that the next token is one of a group, over the positions before those tokens."""
    means_MD: np.ndarray
    """Mean activation over real tokens at the point that was asked for; of width 0 where none was."""


@torch.no_grad()
def read_out(
    lm: LanguageModel, documents: Sequence[Sequence[int]], groups: Sequence[Sequence[int]] = (), patch: Patch | None = None,
    *, at: str | None = None, last: int | None = None, tokens_per_batch: int = 1024,
) -> Readout:  # fmt: skip
    """Loss, probability of groups of tokens and mean activations at a point, in one pass, with or without an edit.

    `last` scores the last so many tokens of each document alone, as what follows a prompt (all of a shorter one's).

    Raises  ValueError if a document has fewer than two tokens, `last` is below 1, or the edit is made at a later block than
            is read.
    """
    if last is not None and last < 1:
        raise ValueError(f"last is {last}: score one token or more, or leave it out for all.")
    if short := [row for row, ids in enumerate(documents) if len(ids) < 2]:
        raise ValueError(f"document {short[0]} has fewer than two tokens, so there is no next one; leave it out.")
    if patch is not None and at is not None and lm.resolve(patch[0]).block > lm.resolve(at).block:
        raise ValueError(f"an edit at {patch[0]} does not reach {at}: read at the same block or a later one.")
    loss_M, mass_MG = np.zeros(len(documents)), np.zeros((len(documents), len(groups)))
    means_MD = np.zeros((len(documents), lm.d_model if at is not None else 0), dtype=np.float32)
    member_VG = torch.zeros(lm.model.get_input_embeddings().num_embeddings, len(groups), device=lm.device)
    for group, ids in enumerate(groups):
        member_VG[list(ids), group] = 1.0
    seen: list[Tensor] = []
    sinks = {} if at is None else {lm.resolve(at): lambda hidden_BTD: seen.append(hidden_BTD.float())}
    with patched(lm, patch), lm.watched(sinks, stop=False):
        for rows in length_batches([len(ids) for ids in documents], tokens_per_batch):
            batch = lm.batch([documents[row] for row in rows])
            logprobs_BTV = lm.logits(batch)[:, :-1].float().log_softmax(-1)
            scored_BT = batch.attention_BT[:, 1:].to(logprobs_BTV)
            if last is not None:  # padding is on the right
                scored_BT = scored_BT * (scored_BT.flip(1).cumsum(1).flip(1) <= last)
            own_BT = logprobs_BTV.gather(2, batch.ids_BT[:, 1:, None])[..., 0]
            n_B = scored_BT.sum(1)
            loss_M[rows] = (-(own_BT * scored_BT).sum(1) / n_B).cpu().numpy()
            if len(groups):
                mass_BTG = logprobs_BTV.exp() @ member_VG
                mass_MG[rows] = ((mass_BTG * scored_BT[..., None]).sum(1) / n_B[:, None]).cpu().numpy()
            if at is not None:
                real_BT1 = batch.real_BT[..., None].float()
                means_BD = (seen.pop() * real_BT1).sum(1) / real_BT1.sum(1).clamp_min(1)
                means_MD[rows] = means_BD.cpu().numpy()
    return Readout(loss_M, mass_MG, means_MD)


@torch.no_grad()
def direct_effects(lm: LanguageModel, directions_ND: Float[Tensor, "N D"]) -> Float[Tensor, "N V"]:
    """What a direction adds to the logits by itself, through the final norm's gain and the unembedding; mean 0 per row.

    Units   logits for a direction whose elements have a root mean square of 1, as the final norm makes the stream's; what
            later blocks make of it is not in it.
    Source  logit weights of Bricken et al. 2023, "Towards Monosemanticity"; the logit lens (nostalgebraist 2020).
    """
    directions_ND = directions_ND.to(lm.device, lm.model.get_input_embeddings().weight.dtype)
    norm, unembed = lm.final_norm, lm.model.get_output_embeddings()
    # A norm's bias, where it has one, is no part of a direction's effect.
    seen_ND = norm(directions_ND) - norm(torch.zeros_like(directions_ND[:1]))
    logits_NV = (unembed(seen_ND) - unembed(torch.zeros_like(seen_ND[:1]))).float()
    return logits_NV - logits_NV.mean(1, keepdim=True)


def share_lost(clean_R: np.ndarray, zeros_R: np.ndarray, kept_R: np.ndarray, least: float) -> np.ndarray | np.floating:
    """Of what zeros in place of activations cost a score, the share that reconstructions cost: a ratio of means over R of them.

    Shapes  (..., R) the score of the untouched model (or (..., 1)), with zeros and with the reconstruction at the same point;
            one share for each of `...`, as for samples of a bootstrap.
    Units   `least`, of the score, is the least that zeros are taken to cost, so that no share is divided by nothing.
    Raises  ValueError unless `least` is positive.
    """
    if least <= 0:
        raise ValueError(f"least is {least}: it must be above 0, or a score that zeros do not move gives no share.")
    return (clean_R - kept_R).mean(-1) / np.maximum((clean_R - zeros_R).mean(-1), least)


@dataclass(frozen=True)
class Effects:
    """The features that are on at one token, and what each does to the next one; K features, V tokens."""

    features_K: np.ndarray
    """Indices, the strongest first."""
    values_K: np.ndarray
    """Their activations, as `encode` gives them."""
    logprobs_V: np.ndarray
    """Log-probabilities of the next token."""
    without_KV: np.ndarray
    """The same with one feature each set to zero at this token."""
    direct_KV: np.ndarray
    """What the feature's part of the activation adds to the logits by itself, mean 0 per row; the final norm's divisor held."""

    @property
    def kl_K(self) -> np.ndarray:
        """How far each ablation moves the next token: divergence of the prediction without it from the untouched one, nats."""
        return (np.exp(self.logprobs_V) * (self.logprobs_V - self.without_KV)).sum(1)


@torch.no_grad()
def feature_effects(
    lm: LanguageModel, sae: SAE, point: str, ids: Sequence[int], position: int = -1, *, rows_per_batch: int = 64
) -> Effects:
    """Ablate every feature that is on at one token of a document, one at a time, and see what the next token becomes.

    Shapes  `ids` is a document with its special tokens; the tokens after `position` do not matter and are not read.
    Raises  ValueError if the position is not in the document, or its token is a special one.
    """
    if not -len(ids) <= position < len(ids):
        raise ValueError(f"position {position} is not in a document of {len(ids)} tokens.")
    ids = list(ids)[: position % len(ids) + 1]
    if ids[-1] in lm.special_ids:
        raise ValueError(f"position {position} holds a special token, which has no features here; choose another.")
    acts_D = lm.capture(lm.batch([ids]), [point])[point][0, -1].to(sae.mean_D)
    feats_F = sae.encode(acts_D[None])[0]
    order = torch.argsort(-feats_F, stable=True)[: int((feats_F > 0).sum())]
    steps_KD = -feats_F[order, None] * sae.W_dec_FD[order] * sae.scale
    streams: list[Tensor] = []
    final = {lm.resolve(f"b{lm.n_blocks - 1}.resid_post"): lambda hidden_BTD: streams.append(hidden_BTD[0, -1].float())}
    with lm.watched(final, stop=False):
        clean_V = lm.logits(lm.batch([ids]))[0, -1].float().log_softmax(-1)
    rows = []
    for start in range(0, len(order), rows_per_batch):
        part_KD = steps_KD[start : start + rows_per_batch]

        def edit(hidden_BTD: Tensor, _: Tensor, part_KD: Tensor = part_KD) -> Tensor:
            edited_BTD = hidden_BTD.clone()
            edited_BTD[:, -1] += part_KD.to(hidden_BTD)
            return edited_BTD

        with lm.replaced(point, edit):
            rows.append(lm.logits(lm.batch([ids] * len(part_KD)))[:, -1].float().log_softmax(-1).cpu())
    share_K1 = (steps_KD.norm(dim=1, keepdim=True) / streams[0].norm()).cpu()
    direct_KV = share_K1 * direct_effects(lm, sae.W_dec_FD[order]).cpu()
    without_KV = torch.cat(rows) if rows else torch.zeros(0, len(clean_V))
    return Effects(*(t.cpu().numpy() for t in (order, feats_F[order], clean_V, without_KV, direct_KV)))
