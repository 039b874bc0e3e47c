"""The variants of the sparse autoencoder, one small class each, and how a saved one is read.

A new variant is a new class: `variant` names it, `options` gives the fields of SAEConfig that it uses with their defaults,
`features` and `objective` say what it computes and minimises. Nothing else needs to know of it.
"""

from pathlib import Path

import torch
from torch import Tensor, nn

from kosae_core import foreign, kernels, losses, paths, ranks, saving
from kosae_core.base import SAE, VARIANTS, Objective, SAEConfig
from kosae_core.crosscoder import CrosscoderSAE, TranscoderSAE
from kosae_core.jumprelu import JumpReLUSAE
from kosae_core.topk import BatchTopKSAE, MatryoshkaSAE, TopKSAE

__all__ = [
    "SAE", "VARIANTS", "BatchTopKSAE", "CrosscoderSAE", "GatedAnnealSAE", "GatedSAE", "JumpReLUSAE", "MatryoshkaSAE", "Objective",
    "PAnnealSAE", "SAEConfig", "StandardSAE", "TopKSAE", "TranscoderSAE", "load_sae",
]  # fmt: skip


class StandardSAE(SAE):
    """f = ReLU((x - b_dec) W_enc + b_enc); loss |x - x̂|² + sparsity · |f|₁.

    Source  Bricken et al. 2023, "Towards Monosemanticity: Decomposing Language Models With Dictionary Learning".
    """

    variant = "standard"
    lr = 7e-3
    weighs_rows = True
    options = {"sparsity": 0.06, "initial_density": 0.1}

    def features(self, x_BD: Tensor) -> Tensor:
        return torch.addmm(self.folded(self.b_enc_F), x_BD, self.W_enc_DF).relu()

    def objective(self, x_BD: Tensor, weight: float, dead_F: Tensor) -> Objective:
        code = kernels.encode(x_BD, self.W_enc_DF, self.folded(self.b_enc_F), kernels.Above())
        code = code.with_values(code.values.relu())
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        sparsity = self.config.sparsity * weight * self.penalty(code)
        return Objective(losses.squared_error(recon_BD, x_BD), sparsity, x_BD.new_zeros(()), recon_BD, code)


class GatedSAE(SAE):
    """π = (x - b_dec) W_enc; f = 1[π + b_gate > 0] · ReLU(exp(r_mag) π + b_mag).

    Loss |x - x̂|² + sparsity · |ReLU(π + b_gate)|₁ + |x - x̂_frozen(ReLU(π + b_gate))|², whose last term sees the decoder
    and its bias as constants, unless rows are free (`TrainConfig.decoder_norm`): the penalty would shrink rows that it cannot
    see. The gate and the magnitude share one product with the encoder.

    Source  Rajamanoharan et al. 2024, arXiv:2404.16014, equations 6 to 8 and appendix on the implementation.
    """

    variant = "gated"
    lr = 1e-2
    weighs_rows = True
    options = {"sparsity": 0.13, "initial_density": 0.1}

    def add_biases(self) -> None:
        self.r_mag_F = nn.Parameter(torch.zeros(self.n_features))
        self.b_gate_F = nn.Parameter(torch.zeros(self.n_features))
        self.b_mag_F = nn.Parameter(torch.zeros(self.n_features))

    @property
    def b_enc_F(self) -> Tensor:
        """The gate's bias, which decides what fires as `b_enc_F` does in the other variants."""
        return self.b_gate_F

    @property
    def biases(self) -> tuple[nn.Parameter, ...]:
        return self.b_gate_F, self.b_mag_F

    def magnitudes(self, gate: kernels.Code) -> Tensor:
        """Features from the gate's pre-activations: exp(r) π + b_mag, written with π + b_gate, which is at hand."""
        gain_F = self.r_mag_F.exp()
        shift_F = self.b_mag_F - gain_F * self.b_gate_F
        return torch.addcmul(gate.of(shift_F), gate.values, gate.of(gain_F)).relu() * (gate.values > 0)

    def features(self, x_BD: Tensor) -> Tensor:
        return self.magnitudes(kernels.Code(torch.addmm(self.folded(self.b_gate_F), x_BD, self.W_enc_DF)))

    def objective(self, x_BD: Tensor, weight: float, dead_F: Tensor) -> Objective:
        gate = kernels.encode(x_BD, self.W_enc_DF, self.folded(self.b_gate_F), kernels.Above())
        code = gate.with_values(self.magnitudes(gate))
        gate = gate.with_values(gate.values.relu())
        recon_BD = code.decode(self.W_dec_FD, self.b_dec_D)
        decoder = (self.W_dec_FD, self.b_dec_D) if self.free_rows else (self.W_dec_FD.detach(), self.b_dec_D.detach())
        frozen_BD = gate.decode(*decoder)
        sparsity = self.config.sparsity * weight * self.penalty(gate)
        aux = losses.squared_error(frozen_BD, x_BD)
        return Objective(losses.squared_error(recon_BD, x_BD), sparsity, aux, recon_BD, code)


class Annealed(SAE):
    """A penalty whose exponent falls from 1 to `p_end` while its coefficient keeps the penalty's size.

    Small features cost more and more compared with large ones, so that the penalty comes near to counting them.

    Source  Karvonen et al. 2024, arXiv:2408.00113, "p-annealing".
    Differs the coefficient follows each batch, not a queue of batches; p falls over the last 80% of the training.
    """

    def add_biases(self) -> None:
        super().add_biases()
        self.register_buffer("p", torch.ones(()))
        self.register_buffer("strength", torch.ones(()))

    def penalty(self, code: kernels.Code) -> Tensor:
        p = 1.0 - (1.0 - self.config.p_end) * min(1.0, max(0.0, self.progress - 0.2) / 0.8)
        loss = losses.lp(self.sizes(code), code.n_rows, self.d_model, p)
        if p < float(self.p):
            before = ranks.total(losses.lp(self.sizes(code).detach(), code.n_rows, self.d_model, float(self.p)))
            if before > 0:
                self.strength *= before / ranks.total(loss.detach())
            self.p.fill_(p)
        return self.strength * loss


class PAnnealSAE(Annealed, StandardSAE):
    """Standard with an annealed penalty; see `Annealed`."""

    variant = "p_anneal"
    options = {"sparsity": 0.06, "initial_density": 0.1, "p_end": 0.2}


class GatedAnnealSAE(Annealed, GatedSAE):
    """Gated with an annealed penalty on the gate; see `Annealed`."""

    variant = "gated_anneal"
    options = {"sparsity": 0.13, "initial_density": 0.1, "p_end": 0.2}


def load_sae(path: str | Path) -> SAE:
    """Read a saved autoencoder from a folder, one that ships with a model ("kosae-lm/q2"), or from the hub ("hub:owner/name").

    The folder, or repository, may be SAELens's, dictionary_learning's or sparsify's (see `foreign`).

    Raises  ValueError when the folder is missing, incomplete, or of a newer format.
    """
    if str(path).startswith("hub:"):
        from kosae_core.hub import fetch

        path = fetch(str(path))
    folder = Path(path)
    if not folder.exists() and str(path).count("/") == 1:
        model, point = str(path).split("/")
        folder = paths.models_dir() / model / f"sae-{point}"
    if read := foreign.reader(folder):
        return read(folder)
    record, weights = saving.read(folder)
    try:
        config = SAEConfig(**record["config"])
        sae = VARIANTS[config.variant](config, record["d_model"])
        sae.load_state_dict(weights)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(f"the SAE in {folder} cannot be read: {' '.join(str(error).split()).rstrip('.')}.") from error
    sae.provenance = record["provenance"]
    return sae.eval()
