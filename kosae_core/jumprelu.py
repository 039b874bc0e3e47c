"""JumpReLU: a threshold for each feature, trained on the number of active features itself."""

import math

import torch
from torch import Tensor, nn

from kosae_core import losses
from kosae_core.base import SAE, Objective


class _Jump(torch.autograd.Function):
    """z · 1[z > θ] and the mean number of active features, with the paper's pseudo-derivatives for θ."""

    @staticmethod
    def forward(ctx, z_BF: Tensor, theta_F: Tensor, bandwidth: float) -> tuple[Tensor, Tensor]:
        on_BF = z_BF > theta_F
        ctx.save_for_backward(z_BF, theta_F)
        ctx.bandwidth = bandwidth
        return z_BF * on_BF, on_BF.sum() / len(z_BF)

    @staticmethod
    def backward(ctx, grad_BF: Tensor, grad_l0: Tensor) -> tuple[Tensor, Tensor, None]:
        z_BF, theta_F = ctx.saved_tensors
        near_BF = (z_BF - theta_F).abs() < ctx.bandwidth / 2
        jump_F = -(theta_F / ctx.bandwidth) * (grad_BF * near_BF).sum(0)
        step_F = -(grad_l0 / (len(z_BF) * ctx.bandwidth)) * near_BF.sum(0)
        return grad_BF * (z_BF > theta_F), jump_F + step_F, None


class JumpReLUSAE(SAE):
    """f = z · 1[z > θ], z = ReLU((x - b_dec) W_enc + b_enc), θ = θ₀ exp(r); loss |x - x̂|² + sparsity · |f|₀.

    The gradients of jump and step with respect to θ are those of a rectangle of width `bandwidth` about it (a straight-through
    estimator); z gets a gradient only where the feature is on, and none from the penalty. θ starts at half a `bandwidth`.

    Source  Rajamanoharan et al. 2024, arXiv:2407.14435, section 3.
    Differs bandwidth is relative to the length of an input, as their inputs have length 1; short runs need a wider one.
    """

    variant = "jumprelu"
    options = {"sparsity": 1e-3, "bandwidth": 0.05}

    def add_biases(self) -> None:
        super().add_biases()
        self.r_threshold_F = nn.Parameter(torch.zeros(self.n_features))

    @property
    def width(self) -> float:
        """The bandwidth in the units of normalised inputs."""
        return self.config.bandwidth * math.sqrt(self.d_model)

    @property
    def threshold_F(self) -> Tensor:
        """θ, in the units of features."""
        return 0.5 * self.width * self.r_threshold_F.exp()

    def jump(self, x_BD: Tensor) -> tuple[Tensor, Tensor]:
        """Features and the mean number of active ones, both with gradients for the threshold."""
        z_BF = torch.addmm(self.folded(self.b_enc_F), x_BD, self.W_enc_DF).relu()
        return _Jump.apply(z_BF, self.threshold_F, self.width)

    def features(self, x_BD: Tensor) -> Tensor:
        return self.jump(x_BD)[0]

    def objective(self, x_BD: Tensor, weight: float, dead_F: Tensor) -> Objective:
        feats_BF, l0 = self.jump(x_BD)
        recon_BD = self.reconstruct(feats_BF)
        fired_F = feats_BF.detach().amax(0) > 0
        sparsity = self.config.sparsity * weight * l0
        return Objective(
            losses.squared_error(recon_BD, x_BD), sparsity, x_BD.new_zeros(()), recon_BD, feats_BF, fired_F
        )
