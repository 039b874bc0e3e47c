"""How good an autoencoder is on held-out tokens: reconstruction, sparsity, and the language model's loss."""

from dataclasses import dataclass, field, fields
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from kosae_core import rows
from kosae_core.sae import SAE
from kosae_core.splicing import ratio, splice
from kosae_core.statistics import DocumentSums, document_sums

if TYPE_CHECKING:
    from kosae_core.lm import LanguageModel


@dataclass(frozen=True)
class Report:
    """One autoencoder on one set of tokens; the language model's numbers are NaN when no model was given."""

    explained_variance: float
    """1 - sum |x - x̂|² / sum |x - mean|², over all tokens and about their mean."""
    l0: float
    """Mean number of active features per token."""
    dead_share: float
    """Share of features that fire on none of these `n_tokens` tokens; it falls as tokens are added."""
    cosine: float
    """Mean cosine of x and x̂."""
    mse: float
    """Mean squared error per element, in units of the raw activations."""
    relative_bias: float
    """E|x̂|² / E[x·x̂] of raw activations (Rajamanoharan et al. 2024, equation 10); below 1: shrinkage."""
    relative_bias_centred: float
    """The same about the tokens' mean, which, where it is large, hides shrinkage."""
    n_tokens: int
    """Held-out tokens of the numbers above."""
    explained_variance_about_zero: float = float("nan")
    """1 - sum |x - x̂|² / sum |x|², the older formula: flattered by a large mean, for comparison with numbers that use it."""
    ce_clean: float = float("nan")
    """The model's mean loss, nats per token, untouched."""
    ce_sae: float = float("nan")
    """With the reconstruction in place of the activation."""
    ce_ablated: float = float("nan")
    """With zeros in place of the activation."""
    loss_recovered: float = float("nan")
    """(ce_ablated - ce_sae) / (ce_ablated - ce_clean)."""
    kl: float = float("nan")
    """Mean KL divergence of the predictions with the reconstruction from the untouched ones, nats per token."""
    kl_recovered: float = float("nan")
    """1 - kl / the same with zeros."""
    density_F: np.ndarray = field(default_factory=lambda: np.zeros(0), repr=False, compare=False)
    """Share of tokens on which each feature fires."""

    active_N: np.ndarray = field(default_factory=lambda: np.zeros(0, int), repr=False, compare=False)
    """Active features of each token."""
    documents: DocumentSums | None = field(default=None, repr=False, compare=False)
    """Sums over groups of tokens, where groups were given."""

    def as_dict(self) -> dict[str, float]:
        """The numbers by name, without the arrays."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.compare}


@torch.no_grad()
def evaluate(
    sae: SAE, held: Any, *, lm: "LanguageModel | None" = None, groups: np.ndarray | None = None,
    batch_size: int = 1024, max_documents: int = 200,
) -> Report:  # fmt: skip
    """Measure an autoencoder on held-out activations, and with `lm` by what the model loses.

    Shapes  `held` is a (tokens, d_model) tensor or an activation store; loss recovered needs a store, for its documents.
            `groups` gives each token a number from 0 on, such as `statistics.document_groups`, for sums over its groups.
    Units   Raw activations, those of a crosscoder's two points brought to one scale, so that neither decides alone;
            losses in nats per token, over the first `max_documents` documents.
    Raises  ValueError for another width, for no or non-finite rows, for `lm` with a plain tensor, for too few groups.
    Source  Loss and KL recovered by zero ablation as in SAELens and dictionary_learning; special tokens are left alone.
    """
    rows.check_rows(held)
    if lm is not None and not hasattr(held, "documents"):
        raise ValueError("loss recovered needs the documents of an ActivationStore; without it leave lm out.")
    device = sae.mean_D.device
    sums, pairs = _Sums(sae), []
    for acts_BD in rows.in_order(held, batch_size):
        both = sums.add(acts_BD.to(device))
        if groups is not None:
            pairs.append([side_BD.cpu() for side_BD in both])
    active_N = torch.cat(sums.active).numpy()
    documents = None
    if groups is not None:
        documents = document_sums(*(torch.cat(side) for side in zip(*pairs, strict=True)), active_N, groups)
    losses = {} if lm is None else splice(sae, lm, held.point, held.documents[:max_documents])
    density_F = (sums.fired_F / sums.n).cpu().numpy()
    return Report(**sums.means(), **losses, density_F=density_F, active_N=active_N, documents=documents)


class _Sums:
    """Running sums in float64, about the autoencoder's centre so that a large mean costs no digits."""

    def __init__(self, sae: SAE) -> None:
        self.sae, self.n, self.cosine, self.active = sae, 0, 0.0, []
        self.fired_F = torch.zeros(sae.n_features, dtype=torch.float64, device=sae.mean_D.device)
        self.per = 1.0
        if sae.scale.ndim and len(sae.scale) == len(sae.centre_D):  # a crosscoder's points, to one scale
            self.per = sae.scale / sae.scale.square().mean().sqrt()
        self.centre_D = sae.centre_D / self.per
        self.x_D = torch.zeros(len(self.centre_D), dtype=torch.float64, device=sae.mean_D.device)
        self.xh_D = torch.zeros_like(self.x_D)
        self.xx = self.xxh = self.xhxh = self.error = 0.0

    def add(self, acts_BD: Tensor) -> tuple[Tensor, Tensor]:
        feats_BF = self.sae.encode(acts_BD)
        recon_BD = self.sae.decode(feats_BF) / self.per
        self.n += len(acts_BD)
        on_BF = feats_BF > 0
        self.fired_F += on_BF.sum(0)
        self.active.append(on_BF.sum(1).cpu())
        acts_BD = self.sae.target(acts_BD) / self.per
        self.cosine += float(torch.cosine_similarity(acts_BD, recon_BD, dim=1).sum(dtype=torch.float64))
        x_BD, xh_BD = acts_BD - self.centre_D, recon_BD - self.centre_D
        add = partial(torch.sum, dtype=torch.float64)
        self.x_D += add(x_BD, dim=0)
        self.xh_D += add(xh_BD, dim=0)
        self.xx += float(add(x_BD.square()))
        self.xxh += float(add(x_BD * xh_BD))
        self.xhxh += float(add(xh_BD.square()))
        self.error += float(add((x_BD - xh_BD).square()))
        return acts_BD, recon_BD

    def means(self) -> dict[str, float]:
        n, centre_D = self.n, self.centre_D.double()
        mean_D, mean_h_D = self.x_D / n, self.xh_D / n
        variance = self.xx / n - float(mean_D @ mean_D)
        raw_square = self.xx / n + 2 * float(centre_D @ mean_D) + float(centre_D @ centre_D)
        raw_power = self.xhxh / n + 2 * float(centre_D @ mean_h_D) + float(centre_D @ centre_D)
        raw_product = self.xxh / n + float(centre_D @ (mean_D + mean_h_D)) + float(centre_D @ centre_D)
        power = self.xhxh / n - 2 * float(mean_D @ mean_h_D) + float(mean_D @ mean_D)
        product = self.xxh / n - float(mean_D @ mean_h_D)
        return {
            "explained_variance": 1.0 - self.error / n / variance if variance > 0 else float("nan"),
            "explained_variance_about_zero": 1.0 - ratio(self.error / n, raw_square),
            "l0": float(self.fired_F.sum()) / n,
            "dead_share": float((self.fired_F == 0).double().mean()),
            "cosine": self.cosine / n,
            "mse": self.error / n / len(self.centre_D),
            "relative_bias": ratio(raw_power, raw_product),
            "relative_bias_centred": ratio(power, product),
            "n_tokens": n,
        }
