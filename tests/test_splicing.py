"""A model with reconstructions in it, against one document at a time in float64."""

import numpy as np
import pytest
import torch

import kosae_core as kc
from kosae_core.joined import Joined
from kosae_core.splicing import splice

POINT = "q2.resid_post"


@pytest.fixture
def documents(tiny_lm, sentences):
    return tiny_lm.documents(sentences[:5])


@pytest.fixture
def sae():
    return kc.VARIANTS["topk"](kc.SAEConfig("topk", 50, k=6), 32, torch.Generator().manual_seed(0)).eval()


def log_probabilities(lm, ids, patch=None):
    """(T - 1, V) of one document alone, without the code under test."""
    batch = lm.batch([ids])
    if patch is None:
        logits = lm.logits(batch)
    else:
        with lm.replaced(*patch):
            logits = lm.logits(batch)
    logits = logits[0, :-1].double().numpy()
    return (
        logits
        - logits.max(1, keepdims=True)
        - np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1, keepdims=True))
    )


def scores(lm, documents, patch):
    losses, divergences = [], []
    for ids in documents:
        clean, other = log_probabilities(lm, ids), log_probabilities(lm, ids, patch)
        for t, token in enumerate(ids[1:]):
            losses.append(-other[t, token])
            divergences.append(sum(np.exp(p) * (p - q) for p, q in zip(clean[t], other[t], strict=True)))
    return np.mean(losses), np.mean(divergences)


def test_every_number_against_single_documents(tiny_lm, documents, sae):
    def reconstructed(hidden_BTD, mask_BT):
        rows = [
            sae(row[None])[0].detach() if real else row for row, real in zip(hidden_BTD[0], mask_BT[0], strict=True)
        ]
        return torch.stack(rows)[None]

    def zeroed(hidden_BTD, mask_BT):
        return hidden_BTD * ~mask_BT[..., None]

    got = splice(sae, tiny_lm, POINT, documents)
    clean = np.mean([-log_probabilities(tiny_lm, ids)[t, ids[t + 1]] for ids in documents for t in range(len(ids) - 1)])
    with_sae, kl = scores(tiny_lm, documents, (POINT, reconstructed))
    ablated, kl_ablated = scores(tiny_lm, documents, (POINT, zeroed))
    expected = {
        "ce_clean": clean, "ce_sae": with_sae, "ce_ablated": ablated,
        "loss_recovered": (ablated - with_sae) / (ablated - clean), "kl": kl, "kl_recovered": 1 - kl / kl_ablated,
    }  # fmt: skip
    assert got == pytest.approx(expected, rel=1e-3, abs=1e-5)


def test_what_the_model_loses_by_zeros_is_measured_once(tiny_lm, documents, sae, monkeypatch):
    first = splice(sae, tiny_lm, POINT, documents)
    passes, original = [], tiny_lm.forward
    monkeypatch.setattr(tiny_lm, "forward", lambda *a, **k: passes.append(1) or original(*a, **k))
    assert splice(sae, tiny_lm, POINT, documents) == first
    assert len(passes) == 2
    splice(sae, tiny_lm, POINT, documents[:3])
    assert len(passes) == 5


def test_a_transcoder_reads_one_point_and_replaces_another(tiny_lm, sentences, empty_store):
    points = ["q2.resid_post", "q3.resid_post"]
    stores = kc.gather(tiny_lm, sentences, points, dtype="fp32")
    both = Joined(*(stores[point] for point in points))
    config = kc.SAEConfig("transcoder", 96, k=8)
    tc, _ = kc.train(config, both, kc.TrainConfig(steps=150, batch_size=64, device="cpu"))
    report = kc.evaluate(tc, both, lm=tiny_lm)
    assert report.explained_variance > 0.6
    seen = {}

    def keep(hidden_BTD):
        seen["x"] = hidden_BTD.clone()

    def patch(hidden_BTD, mask_BT):
        out_BTD = hidden_BTD.clone()
        out_BTD[mask_BT] = tc(seen["x"][mask_BT]).detach()
        return out_BTD

    losses = []
    for ids in both.documents:
        with tiny_lm.watched({tiny_lm.resolve(points[0]): keep}, stop=False):
            logp = log_probabilities(tiny_lm, ids, (points[1], patch))
        losses += [-logp[t, ids[t + 1]] for t in range(len(ids) - 1)]
    assert report.ce_sae == pytest.approx(np.mean(losses), rel=1e-4)


def test_refusals(tiny_lm, documents, sae):
    with pytest.raises(ValueError, match=r"one point cannot read q1\.resid_post and replace q2\.resid_post"):
        splice(sae, tiny_lm, ("q1.resid_post", "q2.resid_post"), documents)
    crosscoder = kc.VARIANTS["crosscoder"](kc.SAEConfig("crosscoder", 20, k=3), 64)
    with pytest.raises(ValueError, match="a crosscoder reconstructs two points"):
        splice(crosscoder, tiny_lm, ("q1.resid_post", "q2.resid_post"), documents)
