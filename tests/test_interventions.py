"""Edits of activations and what they do, against hooks and loops of the test's own."""

from contextlib import contextmanager

import numpy as np
import pytest
import torch

import kosae_core as kc
from kosae_core import interventions as iv
from kosae_core.generation import continuations

POINT = "b1.resid_post"
TEXTS = ["어제 친구와 시장에서 김치찌개를 먹었다.", "비가 와서 우산을", "We had soup at the market."]


@pytest.fixture(scope="module")
def sae(tiny_lm):
    torch.manual_seed(0)
    acts = torch.cat([tiny_lm.capture(tiny_lm.batch([ids]), [POINT])[POINT][0, 1:] for ids in tiny_lm.documents(TEXTS)])
    sae = kc.TopKSAE(kc.SAEConfig("topk", 24, k=4), tiny_lm.d_model, torch.Generator().manual_seed(1))
    sae.mean_D.copy_(acts.mean(0))
    sae.scale.copy_((acts - acts.mean(0)).square().mean().sqrt())
    return sae.eval()


@pytest.fixture
def documents(tiny_lm):
    return tiny_lm.documents(TEXTS)


@contextmanager
def hooked(tiny_lm, change):
    """The second block's output changed by `change(h_TD)` for one unpadded document; the start token stays."""

    def hook(module, args, output):
        hidden = output[0] if isinstance(output, tuple) else output
        new = hidden.clone()
        new[0, 1:] = change(hidden[0, 1:])
        return (new, *output[1:]) if isinstance(output, tuple) else new

    handle = tiny_lm.model.model.layers[1].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@torch.no_grad()
def plain_logits(tiny_lm, ids):
    return tiny_lm.model(input_ids=torch.tensor([ids]), use_cache=False).logits[0]


@torch.no_grad()
def final_stream(tiny_lm, ids):
    """The residual stream after the last block at the last token, as the final norm gets it."""
    got = []
    handle = tiny_lm.model.model.norm.register_forward_pre_hook(lambda module, args: got.append(args[0][0, -1]))
    try:
        plain_logits(tiny_lm, ids)
    finally:
        handle.remove()
    return got[0]


def clamped(sae, acts_TD, features, value):
    rows = []
    for acts_D in acts_TD:
        feats_F = sae.encode(acts_D[None])[0]
        error_D = acts_D - sae.decode(feats_F[None])[0]
        changed_F = feats_F.clone()
        changed_F[features] = value
        rows.append(sae.decode(changed_F[None])[0] + error_D)
    return torch.stack(rows).detach()


def levelled(row_D, direction_D, about_D):
    """What is at right angles to the direction, and the part along it that the mean has."""
    along_D = direction_D * float(row_D @ direction_D) / float(direction_D @ direction_D)
    return row_D - along_D + direction_D * float(about_D @ direction_D) / float(direction_D @ direction_D)


def edits(sae):
    direction_D = torch.randn(sae.d_model, generator=torch.Generator().manual_seed(2))
    return {
        "add": (iv.add(direction_D, 3.0), lambda h: h + 3.0 * direction_D / direction_D.norm()),
        "level": (iv.level(direction_D, sae.mean_D), lambda h: torch.stack([levelled(row, direction_D, sae.mean_D) for row in h])),
        "clamp": (iv.clamp(sae, [2, 7], 1.5), lambda h: clamped(sae, h, [2, 7], 1.5)),
        "ablate": (iv.clamp(sae, range(12)), lambda h: clamped(sae, h, list(range(12)), 0.0)),
        "reconstruct": (iv.reconstruct(sae), lambda h: torch.stack([sae(row[None])[0] for row in h]).detach()),
        "first": (iv.only(iv.add(direction_D, 2.0), [1]), lambda h: torch.cat([h[:1] + 2 * direction_D / direction_D.norm(), h[1:]])),
        "last": (iv.only(iv.add(direction_D, 2.0), [-1]), lambda h: torch.cat([h[:-1], h[-1:] + 2 * direction_D / direction_D.norm()])),
    }  # fmt: skip


@pytest.mark.parametrize("name", ["add", "level", "clamp", "ablate", "reconstruct", "first", "last"])
def test_edits_in_a_padded_batch_do_what_a_hook_does_to_each_document(name, tiny_lm, sae, documents):
    edit, change = edits(sae)[name]
    batch = tiny_lm.batch(documents)
    with tiny_lm.replaced(POINT, edit):
        found = tiny_lm.logits(batch)
    for row, ids in enumerate(documents):
        with hooked(tiny_lm, change):
            expected = plain_logits(tiny_lm, ids)
        assert torch.allclose(found[row, : len(ids)], expected, atol=1e-4)
        assert not torch.allclose(expected, plain_logits(tiny_lm, ids), atol=1e-3)


def test_a_position_that_a_document_does_not_have_changes_nothing(tiny_lm, sae, documents):
    direction_D = torch.ones(sae.d_model)
    with tiny_lm.replaced(POINT, iv.only(iv.add(direction_D, 5.0), [400, -400, 0])):
        found = tiny_lm.logits(tiny_lm.batch(documents))
    assert torch.equal(found, tiny_lm.logits(tiny_lm.batch(documents)))  # 0 is the start token, which stays


def test_read_out_is_loss_and_mass_document_by_document(tiny_lm, sae, documents):
    groups = [[5, 9, 200], [17]]
    edit, change = edits(sae)["add"]
    for patch in (None, (POINT, edit)):
        found = iv.read_out(tiny_lm, documents, groups, patch, tokens_per_batch=40)
        for row, ids in enumerate(documents):
            with hooked(tiny_lm, change if patch else lambda h: h):
                probs = plain_logits(tiny_lm, ids).softmax(-1)
            losses = [-float(probs[t, ids[t + 1]].log()) for t in range(len(ids) - 1)]
            assert found.loss_M[row] == pytest.approx(np.mean(losses), abs=1e-4)
            for g, group in enumerate(groups):
                mass = np.mean([sum(float(probs[t, v]) for v in group) for t in range(len(ids) - 1)])
                assert found.mass_MG[row, g] == pytest.approx(mass, rel=1e-3)


@pytest.mark.parametrize("last", [1, 4, 400])
def test_read_out_scores_the_last_tokens_alone(last, tiny_lm, documents):
    found = iv.read_out(tiny_lm, documents, [[5, 9, 200]], last=last, tokens_per_batch=40)
    for row, ids in enumerate(documents):
        probs = plain_logits(tiny_lm, ids).softmax(-1)
        places = range(max(0, len(ids) - 1 - last), len(ids) - 1)
        assert found.loss_M[row] == pytest.approx(
            np.mean([-float(probs[t, ids[t + 1]].log()) for t in places]), abs=1e-4
        )
        mass = np.mean([sum(float(probs[t, v]) for v in (5, 9, 200)) for t in places])
        assert found.mass_MG[row, 0] == pytest.approx(mass, rel=1e-3)


def test_pooled_is_the_mean_of_hidden_states(tiny_lm, sae, documents):
    edit, change = edits(sae)["clamp"]
    for patch in (None, (POINT, edit)):
        found = iv.read_out(tiny_lm, documents, (), patch, at="b2.resid_post", tokens_per_batch=40).means_MD
        for row, ids in enumerate(documents):
            with hooked(tiny_lm, change if patch else lambda h: h), torch.no_grad():
                states = tiny_lm.model(input_ids=torch.tensor([ids]), output_hidden_states=True).hidden_states
            assert tiny_lm.n_blocks > 3  # hidden_states[-1] would have the final norm in it
            assert np.allclose(found[row], states[3][0, 1:].mean(0).numpy(), atol=1e-4)


def test_direct_effects_by_hand(tiny_lm):
    directions = torch.randn(3, tiny_lm.d_model, generator=torch.Generator().manual_seed(4))
    gain, unembed = tiny_lm.model.model.norm.weight, tiny_lm.model.lm_head.weight
    for row, direction in enumerate(directions):
        logits = unembed @ (gain * direction / direction.square().mean().sqrt())
        assert torch.allclose(iv.direct_effects(tiny_lm, directions)[row], logits - logits.mean(), atol=1e-3)


@pytest.mark.parametrize("position", [-1, 4])
def test_feature_effects_ablate_one_feature_at_one_token(position, tiny_lm, sae, documents):
    ids = documents[0]
    found = iv.feature_effects(tiny_lm, sae, POINT, ids, position, rows_per_batch=3)
    head = ids[: position % len(ids) + 1]
    assert np.allclose(found.logprobs_V, plain_logits(tiny_lm, head)[-1].log_softmax(-1).numpy(), atol=1e-4)
    stream = final_stream(tiny_lm, head)
    assert len(found.features_K) == 4
    assert (np.diff(found.values_K) <= 0).all()
    for k, feature in enumerate(found.features_K):
        with hooked(tiny_lm, lambda h, f=int(feature): torch.cat([h[:-1], clamped(sae, h[-1:], [f], 0.0)])):
            expected = plain_logits(tiny_lm, head)[-1].log_softmax(-1).numpy()
        assert np.allclose(found.without_KV[k], expected, atol=1e-3)
        part = float(found.values_K[k]) * sae.scale * sae.W_dec_FD[int(feature)].detach()
        logits = tiny_lm.model.lm_head.weight @ (tiny_lm.model.model.norm.weight * part / stream.square().mean().sqrt())
        direct = logits - logits.mean()
        assert np.allclose(found.direct_KV[k], direct.numpy(), atol=1e-3)
        clean = [float(p) for p in found.logprobs_V]
        divergence = sum(np.exp(p) * (p - float(q)) for p, q in zip(clean, expected, strict=True))
        assert found.kl_K[k] == pytest.approx(divergence, abs=1e-4)


def test_share_lost_sample_by_sample():
    rng = np.random.default_rng(0)
    clean_B1, zeros_BR, kept_BR = rng.random((7, 1)), rng.random((7, 4)) / 2, rng.random((7, 4))
    zeros_BR[3] = clean_B1[3]  # where zeros cost nothing
    found = iv.share_lost(clean_B1, zeros_BR, kept_BR, 0.05)
    for b in range(7):
        by_zeros = sum(float(clean_B1[b, 0] - zeros_BR[b, r]) for r in range(4)) / 4
        by_kept = sum(float(clean_B1[b, 0] - kept_BR[b, r]) for r in range(4)) / 4
        assert found[b] == pytest.approx(by_kept / (by_zeros if by_zeros > 0.05 else 0.05))
    assert iv.share_lost(clean_B1[0], zeros_BR[0], kept_BR[0], 0.05) == pytest.approx(found[0])


@pytest.mark.parametrize("steered", [False, True])
def test_continuations_are_greedy_at_temperature_0(steered, tiny_lm, sae):
    edit, change = edits(sae)["add"]
    texts = TEXTS[:2]
    found = continuations(tiny_lm, texts, max_new_tokens=6, temperature=0.0, patch=(POINT, edit) if steered else None)
    ends = {tiny_lm.tokenizer.eos_token_id}
    for text, written in zip(texts, found, strict=True):
        ids = tiny_lm.documents([text])[0]
        for token in written:
            with hooked(tiny_lm, change if steered else lambda h: h):
                logits = plain_logits(tiny_lm, ids)[-1]
            logits[[t for t in tiny_lm.special_ids if t not in ends]] = -torch.inf
            assert token == int(logits.argmax())
            ids = [*ids, token]
        assert len(written) == 6 or int(logits.argmax()) in ends


@pytest.mark.parametrize("stage", ["prompt", "writing", "last of prompt"])
def test_an_edit_during_one_stage_leaves_the_other_tokens(stage, tiny_lm):
    """Against greedy writing without a cache, each token after a fresh pass in which a hook edits the same places."""
    step_D = 4.0 * torch.randn(tiny_lm.d_model, generator=torch.Generator().manual_seed(5))
    edit = iv.add(step_D, float(step_D.norm()))
    patch = iv.during(iv.only(edit, [-1]), "prompt") if stage == "last of prompt" else iv.during(edit, stage)
    (found,) = continuations(tiny_lm, TEXTS[1:2], max_new_tokens=6, temperature=0.0, patch=(POINT, patch))
    ids = tiny_lm.documents(TEXTS[1:2])[0]
    read = len(ids) - 1  # without the start token
    begin, end = {"prompt": (0, read), "writing": (read, None), "last of prompt": (read - 1, read)}[stage]

    def change(h_TD):  # the start token is not in it
        h_TD = h_TD.clone()
        h_TD[begin:end] += step_D
        return h_TD

    for token in found:
        with hooked(tiny_lm, change):
            logits = plain_logits(tiny_lm, ids)[-1]
        logits[[t for t in tiny_lm.special_ids if t != tiny_lm.tokenizer.eos_token_id]] = -torch.inf
        assert token == int(logits.argmax())
        ids = [*ids, token]
    assert len(found) == 6
    other = None if stage == "prompt" else (POINT, edit)  # what it writes with another edit has to differ
    assert found != continuations(tiny_lm, TEXTS[1:2], max_new_tokens=6, temperature=0.0, patch=other)[0]


def test_a_text_is_continued_alike_alone_and_among_others_with_the_same_seed(tiny_lm):
    many = continuations(tiny_lm, [TEXTS[0], *TEXTS], max_new_tokens=5, seed=3)
    assert many[0] == continuations(tiny_lm, [TEXTS[0]], max_new_tokens=5, seed=3)[0]
    assert len(many) == 4


def test_bad_requests_are_refused(tiny_lm, sae, documents):
    with pytest.raises(ValueError, match="length 0"):
        iv.add(torch.zeros(4), 1.0)
    with pytest.raises(ValueError, match="least is 0"):
        iv.share_lost(np.ones(2), np.zeros(2), np.ones(2), 0)
    with pytest.raises(ValueError, match="length 0"):
        iv.level(torch.zeros(4), torch.ones(4))
    for features in (24, -1, []):
        with pytest.raises(ValueError, match="0 to 23"):
            iv.clamp(sae, features)
    with pytest.raises(ValueError, match="fewer than two tokens"):
        iv.read_out(tiny_lm, [[0]])
    with pytest.raises(ValueError, match="last is 0"):
        iv.read_out(tiny_lm, documents, last=0)
    with pytest.raises(ValueError, match="prompt or writing"):
        iv.during(iv.reconstruct(sae), "always")
    with pytest.raises(ValueError, match="does not reach"):
        iv.read_out(tiny_lm, documents, (), (POINT, iv.reconstruct(sae)), at="b0.resid_post")
    with pytest.raises(ValueError, match="is not in a document"):
        iv.feature_effects(tiny_lm, sae, POINT, documents[0], 999)
    with pytest.raises(ValueError, match="special token"):
        iv.feature_effects(tiny_lm, sae, POINT, documents[0], 0)
    with pytest.raises(ValueError, match="max_new_tokens"):
        continuations(tiny_lm, TEXTS, max_new_tokens=0)
