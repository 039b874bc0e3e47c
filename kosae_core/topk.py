"""The variants that keep the largest features: TopK of each token, BatchTopK of a batch, and Matryoshka on top of that."""

from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from kosae_core import kernels, losses, ranks
from kosae_core.base import SAE, Objective

MEMORY = 20
LATE_LIFT = 0.05
PREFIX_SHARES = (1 / 32, 3 / 32, 7 / 32, 15 / 32, 1)


class TopKSAE(SAE):
    """f = ReLU of the k largest of (x - b_dec) W_enc + b_enc, the rest 0; loss |x - x̂|² + auxk_weight · AuxK.

    AuxK lets the dead features reconstruct the error; its gradient reaches their encoder columns as well as their decoder
    rows.

    Source  Gao et al. 2024, arXiv:2406.04093, sections 2.3 and 2.4, appendix A.2.
    Differs AuxK looks at half of each batch, and training lifts the biases of features that have long been silent
            (`TrainConfig.lift`; 0 gives the paper's form).
    """

    variant = "topk"
    options = {"k": 32, "auxk": 128, "auxk_weight": 1 / 32}
    resamples = False

    def features(self, x_BD: Tensor) -> Tensor:
        return kernels.encode(x_BD, self.W_enc_DF, self.folded(self.b_enc_F), kernels.Top(self.k)).table()

    def objective(self, x_BD: Tensor, weight: float, dead_F: Tensor) -> Objective:
        bias_F = self.folded(self.b_enc_F)
        code = kernels.encode(x_BD, self.W_enc_DF, bias_F, kernels.Top(self.k))
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        aux = self.dead_loss(x_BD, recon_BD, code, bias_F, dead_F)
        return Objective(losses.squared_error(recon_BD, x_BD), x_BD.new_zeros(()), aux, recon_BD, code)


class SharedBudget(SAE):
    """What keeps the k·B largest of a batch, and afterwards what exceeds `threshold`, which late batches give."""

    def add_biases(self) -> None:
        super().add_biases()
        self.register_buffer("threshold", torch.zeros(()))
        self.register_buffer("n_batches", torch.zeros((), dtype=torch.long))

    @torch.no_grad()
    def settle(self, draw: Callable[[], Tensor], anew: bool) -> None:
        """The threshold that belongs to the present weights, over 20 batches."""
        if self.n_batches and not anew:
            return
        self.n_batches.zero_()
        for _ in range(MEMORY):
            x_BD = draw()
            select = kernels.BatchTop(self.k * len(x_BD))
            self.follow_threshold(kernels.encode(x_BD, self.W_enc_DF, self.folded(self.b_enc_F), select).values)

    @torch.no_grad()
    def follow_threshold(self, values: Tensor) -> None:
        """Move the threshold towards the smallest active feature of this batch."""
        lowest = ranks.lowest_positive(values) if self.training else None
        if lowest is not None:
            self.n_batches += 1
            self.threshold.lerp_(lowest.to(self.threshold), 1.0 / min(int(self.n_batches), MEMORY))


class BatchTopKSAE(SharedBudget):
    """In training f = the k·B largest of ReLU((x - b_dec) W_enc + b_enc) over a batch of B tokens, the rest 0.

    Afterwards a feature is on where it exceeds `threshold`, the mean over late batches of their smallest active feature, so
    that a token's features no longer depend on the tokens beside it. Loss and AuxK are those of TopK.

    Source  Bussmann et al. 2024, arXiv:2412.06410.
    Differs for the first `warm_topk` of the training each token keeps its own k. Where the whole batch competes from the
            start, the columns of frequent features outgrow those of rare ones, which then never win; 0 gives the paper's
            form. The threshold is a running mean with a memory of 20 batches, not the mean over a separate pass.
    """

    variant = "batchtopk"
    options = {"k": 32, "auxk": 128, "auxk_weight": 1 / 32, "warm_topk": 0.5}
    resamples = False

    def features(self, x_BD: Tensor) -> Tensor:
        pre_BF = torch.addmm(self.folded(self.b_enc_F), x_BD, self.W_enc_DF)
        if self.warm:
            return kernels.Top(self.k).dense(pre_BF)
        return pre_BF * (pre_BF > self.threshold.clamp_min(0.0))

    @property
    def warm(self) -> bool:
        """Whether each token still keeps its own k."""
        return self.progress < self.config.warm_topk

    @property
    def lift(self) -> float:
        """Where a whole batch competes a lifted feature takes the weakest places of all, and may rise faster."""
        return SAE.lift if self.warm else LATE_LIFT

    def objective(self, x_BD: Tensor, weight: float, dead_F: Tensor) -> Objective:
        bias_F = self.folded(self.b_enc_F)
        select = kernels.Top(self.k) if self.warm else kernels.BatchTop(self.k * len(x_BD))
        code = kernels.encode(x_BD, self.W_enc_DF, bias_F, select)
        if not self.warm:
            self.follow_threshold(code.values.detach())
        mse, recon_BD = self.fit(x_BD, code)
        aux = self.dead_loss(x_BD, recon_BD, code, bias_F, dead_F)
        return Objective(mse, x_BD.new_zeros(()), aux, recon_BD, code)

    def fit(self, x_BD: Tensor, code: kernels.Code) -> tuple[Tensor, Tensor]:
        """The squared error that is minimised, and the reconstruction."""
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        return losses.squared_error(recon_BD, x_BD), recon_BD


class MatryoshkaSAE(BatchTopKSAE):
    """BatchTopK whose first m features must also reconstruct alone, for every m in `prefixes`; the errors are averaged.

    General features settle in the small dictionaries, which dampens splitting and absorption as the whole one grows.

    Source  Bussmann et al. 2025, arXiv:2503.17547, with the group sizes of their code.
    """

    variant = "matryoshka"
    options = BatchTopKSAE.options | {
        "prefixes": lambda n: tuple(sorted({max(1, round(share * n)) for share in PREFIX_SHARES}))
    }

    def fit(self, x_BD: Tensor, code: kernels.Code) -> tuple[Tensor, Tensor]:
        edges = ranks.edges((0, *self.config.prefixes), len(self.W_dec_FD))
        recon_BD, errors = self.b_dec_D, []
        for part, W_GD in zip(code.split(edges), self.W_dec_FD.split([b - a for a, b in pairwise(edges)]), strict=True):
            recon_BD = part.decode(W_GD, recon_BD)
            errors.append(losses.squared_error(recon_BD, x_BD))
        return torch.stack(errors).mean(), recon_BD
