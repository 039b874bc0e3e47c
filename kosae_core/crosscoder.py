"""Autoencoders over two hook points: a transcoder reads one and writes the other, a crosscoder reads and writes both.

Their activations are `joined.Joined` tables; `d_in` is the width of the first point, by default half of the whole.
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from kosae_core import kernels, losses
from kosae_core.base import SAE, Objective
from kosae_core.topk import BatchTopKSAE, TopKSAE


class TwoPoints(SAE):
    """Joined rows, each point centred and scaled on its own."""

    def add_biases(self) -> None:
        super().add_biases()
        self.d_in = self.config.d_in or self.d_model // 2
        if not 0 < self.d_in < self.d_model:
            raise ValueError(f"d_in must lie between 1 and {self.d_model - 1}, not {self.d_in}.")
        self.scale = torch.ones(self.d_model)  # a buffer, of one number for each element instead of one for all

    @property
    def spans(self) -> tuple[slice, ...]:
        """Columns that share a scale."""
        return slice(0, self.d_in), slice(self.d_in, self.d_model)


class TranscoderSAE(TwoPoints, TopKSAE):
    """f = ReLU of the k largest of x W_enc + b_enc, ŷ = f W_dec + b_dec; loss |y - ŷ|² + auxk_weight · AuxK.

    x are the first `d_in` columns, such as the input of an MLP, y the rest, such as its output.

    Source  Dunefsky et al. 2024, arXiv:2406.11944, equations 3 and 4.
    Differs sparse by TopK instead of an L1 penalty, as in sparsify.
    """

    variant = "transcoder"
    options = TopKSAE.options | {"d_in": None}

    def add_biases(self) -> None:
        super().add_biases()
        read_DF, write_FD = self.W_enc_DF.detach()[: self.d_in], self.W_dec_FD.detach()[:, self.d_in :]
        self.W_enc_DF = nn.Parameter((read_DF / read_DF.norm(dim=0)).contiguous())
        self.W_dec_FD = nn.Parameter(write_FD / write_FD.norm(dim=1, keepdim=True))
        self.b_dec_D = nn.Parameter(torch.zeros(self.d_model - self.d_in))

    def folded(self, bias_F: Tensor) -> Tensor:
        return bias_F  # what is added after decoding belongs to another point than what is read

    def normalise(self, acts_BD: Tensor) -> Tensor:
        width = acts_BD.shape[1]
        return (acts_BD.to(self.mean_D) - self.mean_D[:width]) / self.scale[:width]

    def encode(self, acts_BD: Tensor) -> Tensor:
        """Features of the first point's raw activations, alone or joined with the second's."""
        alone = acts_BD.ndim == 2 and acts_BD.shape[1] == self.d_in
        return self.features(self.normalise(acts_BD)) if alone else super().encode(acts_BD)

    def features(self, x_BD: Tensor) -> Tensor:
        return super().features(x_BD[:, : self.d_in])

    def objective(self, x_BD: Tensor, weight: float, dead_F: Tensor) -> Objective:
        x_BD, y_BD = x_BD[:, : self.d_in], x_BD[:, self.d_in :]
        code = kernels.encode(x_BD, self.W_enc_DF, self.b_enc_F, kernels.Top(self.k))
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        aux = self.dead_loss(x_BD, recon_BD, code, self.b_enc_F, dead_F, y_BD)
        return Objective(losses.squared_error(recon_BD, y_BD), x_BD.new_zeros(()), aux, recon_BD, code)

    def target(self, acts_BD: Tensor) -> Tensor:
        return acts_BD[:, self.d_in :]

    @property
    def centre_D(self) -> Tensor:
        return self.mean_D[self.d_in :]

    def decode(self, feats_BF: Tensor) -> Tensor:
        return self.reconstruct(feats_BF) * self.scale[self.d_in :] + self.centre_D


class CrosscoderSAE(TwoPoints, BatchTopKSAE):
    """BatchTopK over two points at once: one feature reads both and writes to both.

    Source  Lindsey et al. 2024, "Sparse Crosscoders for Cross-Layer Features and Model Diffing"; BatchTopK in place of their
            L1 penalty as Minder et al. 2025, arXiv:2504.02922.
    Differs a feature's two decoder rows together have unit norm, so that `shares` compares them without the activations.
    """

    variant = "crosscoder"
    options = BatchTopKSAE.options | {"d_in": None}
    lift = SAE.lift  # what rises faster comes to write to both points

    @torch.no_grad()
    def shares(self) -> Float[Tensor, " F"]:
        """The second point's part of each feature: 0 where it writes to the first alone, 1 to the second alone.

        Source  Lindsey et al. 2024: relative decoder norms.
        """
        first_F, second_F = (self.W_dec_FD[:, span].norm(dim=1) for span in self.spans)
        return second_F / (first_F + second_F).clamp_min(1e-12)
