"""JumpReLU: a threshold for each feature, trained on the number of active features itself."""

import math

import torch
from torch import Tensor, nn

from kosae_core import kernels, losses
from kosae_core.base import SAE, Objective

SPEED = 10.0


class _Jump(torch.autograd.Function):
    """z · 1[z > θ] and the mean number of active features, with the paper's pseudo-derivatives for θ.

    θ has one number per column of the table z, or, where z are single entries, one for each. Tables are worked on in place:
    a new one costs more than what is computed into it.
    """

    @staticmethod
    def forward(ctx, z: Tensor, theta: Tensor, bandwidth: float, n_tokens: int) -> tuple[Tensor, Tensor]:
        on = z > theta
        ctx.save_for_backward(z, theta)
        ctx.bandwidth, ctx.n_tokens = bandwidth, n_tokens
        return on.to(z.dtype).mul_(z), on.sum().to(torch.promote_types(z.dtype, torch.float32)) / n_tokens

    @staticmethod
    def backward(ctx, grad: Tensor, grad_l0: Tensor) -> tuple[Tensor, Tensor, None, None]:
        z, theta = ctx.saved_tensors
        near = (z - theta).abs_().lt_(ctx.bandwidth / 2)
        # the rectangle's gradients: -θ/ε of the feature's, -1/ε of the count's
        pull = (theta * grad).add_(grad_l0 / ctx.n_tokens).neg_().div_(ctx.bandwidth).mul_(near)
        return (z > theta).to(grad.dtype).mul_(grad), pull.sum(0) if z.ndim > theta.ndim else pull, None, None


class JumpReLUSAE(SAE):
    """f = z · 1[z > θ], z = (x - b_dec) W_enc + b_enc, θ = θ₀ exp(10 r); loss |x - x̂|² + sparsity · |f|₀.

    The gradients of jump and step with respect to θ are those of a rectangle of width `bandwidth` about it (a straight-through
    estimator); z gets a gradient only where the feature is on, and none from the penalty. θ starts at half a `bandwidth`,
    and biases so that z exceeds it on a share `initial_density` of the inputs.

    Source  Rajamanoharan et al. 2024, arXiv:2407.14435, section 3.
    Differs bandwidth is relative to the length of an input, as their inputs have length 1; short runs need a wider one. log θ
            moves 10 times as fast as a weight, for Adam's steps in it are no larger than the learning rate. z is
            as in their equations; the ReLU that their listing puts before the jump would let every silent token pull at a
            threshold below half a bandwidth.
    """

    variant = "jumprelu"
    lr = 7e-3
    options = {"sparsity": 1e-3, "initial_density": 0.02, "bandwidth": 0.1}

    def add_biases(self) -> None:
        super().add_biases()
        self.r_threshold_F = nn.Parameter(torch.zeros(self.n_features))

    @property
    def width(self) -> float:
        """The bandwidth in the units of normalised inputs."""
        return self.config.bandwidth * math.sqrt(self.d_model)

    @property
    def first_threshold(self) -> float:
        return 0.5 * self.width

    def lift_silent(self, silent_F: Tensor, by: float) -> None:
        """Lower the thresholds, which the penalty drives far above all values of a feature that hardly fires."""
        self.r_threshold_F -= by * silent_F

    @property
    def threshold_F(self) -> Tensor:
        """θ, in the units of features."""
        return self.first_threshold * (SPEED * self.r_threshold_F).exp()

    def jump(self, code: kernels.Code) -> tuple[Tensor, Tensor]:
        """Features and the mean number of active ones, both with gradients for the threshold."""
        return _Jump.apply(code.values, code.of(self.threshold_F), self.width, code.n_rows)

    def features(self, x_BD: Tensor) -> Tensor:
        return self.jump(kernels.Code(torch.addmm(self.folded(self.b_enc_F), x_BD, self.W_enc_DF)))[0]

    def objective(self, x_BD: Tensor, weight: float, dead_F: Tensor) -> Objective:
        # what lies above θ - ε/2 is on, or near enough to give the threshold a gradient
        lowest_F = (self.threshold_F - self.width / 2).detach()
        code = kernels.encode(x_BD, self.W_enc_DF, self.folded(self.b_enc_F), kernels.Above(lowest_F))
        values, l0 = self.jump(code)
        code = code.with_values(values)
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        sparsity = self.config.sparsity * weight * l0
        return Objective(losses.squared_error(recon_BD, x_BD), sparsity, x_BD.new_zeros(()), recon_BD, code)
