"""Directions for steering and what an edit changes, against loops over features, documents and texts."""

import math

import numpy as np
import pytest
import torch
from scipy import sparse

import kosae_core as kc
from kosae_core import interventions as iv
from kosae_core import steering
from kosae_core.generation import continuations

POINT = "b1.resid_post"
N_DOCUMENTS, N_FEATURES, N_TOKENS = 30, 24, 50


class Judge:
    """Says how many of a text's characters are vowels of English."""

    classes_ = np.array(["other", "vowels"])

    def predict_proba(self, texts):
        shares = [sum(c in "aeiou" for c in text) / max(len(text), 1) for text in texts]
        return np.array([[1 - share, share] for share in shares])


@pytest.fixture(scope="module")
def sae(tiny_lm):
    return kc.TopKSAE(kc.SAEConfig("topk", N_FEATURES, k=4), tiny_lm.d_model, torch.Generator().manual_seed(1)).eval()


@pytest.fixture
def table(sae):
    rng = np.random.default_rng(0)
    X_MF = (rng.random((N_DOCUMENTS, N_FEATURES)) * (rng.random((N_DOCUMENTS, N_FEATURES)) < 0.5)).astype(np.float32)
    means_MD = rng.normal(size=(N_DOCUMENTS, sae.d_model)).astype(np.float32)
    return X_MF, means_MD, rng.random(N_DOCUMENTS) < 0.4, rng.normal(size=(N_FEATURES, N_TOKENS)).astype(np.float32)


def mean(values):
    values = [float(value) for value in values]
    return sum(values) / len(values)


def rise_of(column, yes):
    return mean(v for v, y in zip(column, yes, strict=True) if y) - mean(
        v for v, y in zip(column, yes, strict=True) if not y
    )


@pytest.mark.parametrize("several", [1, 5])
def test_directions_by_loops(several, sae, table):
    X_MF, means_MD, yes, written_FV = table
    words, usable = [3, 8, 41], np.arange(N_FEATURES) % 3 != 0
    found = steering.directions(
        sae, sparse.csr_array(X_MF), means_MD, yes, written_FV, words,
        usable_F=usable, several=several, generator=torch.Generator().manual_seed(6),
    )  # fmt: skip
    rises = [rise_of(X_MF[:, f], yes) for f in range(N_FEATURES)]
    order = sorted(range(N_FEATURES), key=lambda f: -rises[f])
    decoder = sae.W_dec_FD.detach().numpy()
    assert np.allclose(found["feature by input"], decoder[order[0]])

    written = {f: mean(written_FV[f, v] for v in words) - mean(written_FV[f]) for f in range(N_FEATURES) if usable[f]}
    assert np.allclose(found["feature by output"], decoder[max(written, key=written.get)])

    together = np.zeros(sae.d_model)
    for f in order[:several]:
        together += rises[f] * decoder[f]
    assert np.allclose(found["several features"], together, atol=1e-5)
    assert np.allclose(found["mean difference"], [rise_of(means_MD[:, d], yes) for d in range(sae.d_model)], atol=1e-5)
    assert torch.equal(found["random"], torch.randn(sae.d_model, generator=torch.Generator().manual_seed(6)))


def test_a_feature_that_is_not_usable_is_not_chosen_by_output(sae, table):
    X_MF, means_MD, yes, written_FV = table
    written_FV[7] = np.arange(N_TOKENS)  # none writes the last token as much
    usable, given = np.ones(N_FEATURES, bool), {"several": 1, "generator": torch.Generator()}
    rows = X_MF, means_MD, yes, written_FV, [N_TOKENS - 1]
    with_it = steering.directions(sae, *rows, usable_F=usable, **given)["feature by output"]
    assert torch.equal(with_it, sae.W_dec_FD[7])
    without = steering.directions(sae, *rows, usable_F=np.arange(N_FEATURES) != 7, **given)["feature by output"]
    assert not torch.equal(without, sae.W_dec_FD[7])


@pytest.mark.parametrize("edited", ["not", "both", "apart"])
def test_outcome_text_by_text_and_document_by_document(edited, tiny_lm, sae):
    direction_D = sae.W_dec_FD[3].detach()
    patch = None if edited == "not" else (POINT, iv.add(direction_D, 4.0))
    reading = (POINT, iv.only(iv.add(direction_D, 4.0), [-2])) if edited == "apart" else None
    starts, groups = ["나는", "나는", "We had"], [[5, 9, 200], [17]]
    documents = tiny_lm.documents(["어제 시장에서 먹었다.", "We had soup at the market."])
    last = 3 if edited == "apart" else None
    found = steering.outcome(
        tiny_lm, Judge(), starts, documents, groups, patch, reading, max_new_tokens=5, last=last, seed=2
    )
    written = continuations(tiny_lm, starts, max_new_tokens=5, seed=2, patch=patch)
    shares = []
    for ids in written:
        text = tiny_lm.tokenizer.decode(ids, skip_special_tokens=True)
        shares.append(sum(c in "aeiou" for c in text) / max(len(text), 1))
    assert found.verdicts == pytest.approx({"vowels": mean(shares), "other": 1 - mean(shares)})

    losses, masses = [], []
    for ids in documents:
        batch, used = tiny_lm.batch([ids]), reading or patch
        with iv.patched(tiny_lm, used):
            probs = tiny_lm.logits(batch)[0].softmax(-1)
        places = range(len(ids) - 1)[-(last or len(ids)) :]
        losses.append(mean(-math.log(probs[t, ids[t + 1]]) for t in places))
        masses.append([mean(sum(float(probs[t, v]) for v in group) for t in places) for group in groups])
    assert found.loss == pytest.approx(mean(losses), abs=1e-4)
    assert found.mass_G == pytest.approx(np.mean(masses, axis=0), rel=1e-3)


def test_what_an_edit_changes():
    plain = steering.Outcome({"a": 0.2, "b": 0.8}, 3.0, np.array([0.1, 0.04]))
    moved = steering.Outcome({"a": 0.5, "b": 0.5}, 3.5, np.array([0.1, 0.01]))
    assert moved.change(plain, "a", 1) == pytest.approx({"verdict": 0.3, "mass": -2.0, "loss": 0.5})
    assert plain.change(plain, "b", 0) == {"verdict": 0.0, "mass": 0.0, "loss": 0.0}


def test_refusals(sae, table):
    X_MF, means_MD, yes, written_FV = table
    rows = {"usable_F": np.ones(N_FEATURES, bool), "generator": torch.Generator()}
    for several in (0, N_FEATURES + 1):
        with pytest.raises(ValueError, match="several is"):
            steering.directions(sae, X_MF, means_MD, yes, written_FV, [1], several=several, **rows)
    with pytest.raises(ValueError, match="every answer is the same"):
        steering.directions(sae, X_MF, means_MD, yes | True, written_FV, [1], several=1, **rows)
    with pytest.raises(ValueError, match="some feature must be usable"):
        steering.directions(
            sae, X_MF, means_MD, yes, written_FV, [1], several=1, **rows | {"usable_F": np.zeros(N_FEATURES, bool)}
        )
