"""Features and the place of a token."""

import numpy as np
import pytest
import torch
import transformers
from scipy import sparse

import kosae_core as kc
from kosae_core import positions
from kosae_core.lm import LanguageModel


@pytest.fixture
def table():
    rng = np.random.default_rng(0)
    dense = rng.random((200, 6)) * (rng.random((200, 6)) < 0.4)
    where = rng.integers(1, 9, 200)
    dense[:, 1] = where  # nothing but the position
    dense[:, 2] = 0.0
    return dense.astype(np.float32), where


def test_means_by_position(table):
    dense, where = table
    places, means = positions.by_position(sparse.csr_array(dense), where)
    assert places.tolist() == sorted(set(where.tolist()))
    for place, row in zip(places, means, strict=True):
        assert np.allclose(row, [np.mean([dense[n, f] for n in range(200) if where[n] == place]) for f in range(6)])


def test_share_of_variance_is_epsilon_squared(table):
    dense, where = table
    found = positions.position_share(sparse.csr_array(dense), where)
    groups = [dense[where == place].astype(float) for place in sorted(set(where.tolist()))]
    for f in range(6):
        total = sum((x - dense[:, f].mean()) ** 2 for x in dense[:, f].astype(float))
        if total == 0:
            assert found[f] == 0
            continue
        inside = sum(((g[:, f] - g[:, f].mean()) ** 2).sum() for g in groups)
        mean_square = inside / (200 - len(groups))  # Kelley: 1 - MS within / MS total
        assert found[f] == pytest.approx(1 - mean_square / (total / 199), abs=1e-5)
    assert found[1] == pytest.approx(1.0)


def test_by_chance_the_share_is_zero_on_average():
    rng = np.random.default_rng(1)
    X = sparse.csr_array(rng.random((400, 300)))
    assert abs(positions.position_share(X, rng.integers(0, 20, 400)).mean()) < 0.005


@pytest.mark.parametrize(
    ("rows", "places", "told"), [(5, 4, "give one for each"), (4, 4, "more tokens than positions")]
)
def test_wrong_positions_are_refused(rows, places, told):
    with pytest.raises(ValueError, match=told):
        positions.position_share(sparse.csr_array(np.eye(rows)), np.arange(places))


@pytest.mark.parametrize(
    "texts", [["어제 친구와 시장에서 김치찌개를 먹었다."], ["나는 아침마다 공원에서 천천히 달립니다.", "hi"]]
)
def test_without_positions_no_rotary_angle_differs(texts, tiny_lm, monkeypatch):
    documents = tiny_lm.documents(texts)
    plain = tiny_lm.token_losses(documents)
    with positions.without_positions(tiny_lm):
        found = tiny_lm.token_losses(documents)
    rotary = tiny_lm.model.model.rotary_emb

    def unturned(x, position_ids, *args, **kwargs):
        shape = (*position_ids.shape, tiny_lm.model.config.head_dim)
        return torch.ones(shape), torch.zeros(shape)

    with monkeypatch.context() as patch:
        patch.setattr(rotary, "forward", unturned)
        expected = tiny_lm.token_losses(documents)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found, expected, strict=True))
    assert not torch.allclose(found[0], plain[0], atol=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(tiny_lm.token_losses(documents), plain, strict=True))


def alibi_model(family, tokenizer, sizes):
    torch.manual_seed(1)
    config = getattr(transformers, f"{family}Config")(vocab_size=400, **sizes)
    return LanguageModel("tiny-alibi", transformers.AutoModelForCausalLM.from_config(config).eval(), tokenizer)


@pytest.mark.parametrize(
    ("family", "sizes"),
    [("Bloom", {"hidden_size": 32, "n_layer": 2, "n_head": 4, "initializer_range": 0.4}),
     ("Mpt", {"d_model": 32, "n_layers": 2, "n_heads": 4, "max_seq_len": 64, "initializer_range": 0.4})],
)  # fmt: skip
def test_without_positions_biases_by_distance_are_gone(family, sizes, tiny_tokenizer):
    lm = alibi_model(family, tiny_tokenizer, sizes)
    # a token that reads the same token at other distances: without positions where it stood cannot matter
    near, far = [0, 9, 9, 9, 7, 5], [0, 7, 9, 9, 9, 5]

    def last(ids):
        return lm.capture(lm.batch([ids]), ["b0.resid_post"])["b0.resid_post"][0, -1]

    plain = lm.token_losses([near])
    assert not torch.allclose(last(near), last(far), atol=1e-4)
    with positions.without_positions(lm):
        assert torch.allclose(last(near), last(far), atol=1e-5)
    assert torch.equal(lm.token_losses([near])[0], plain[0])


@pytest.mark.parametrize("texts", [["어제 친구와 시장에서 김치찌개를 먹었다."], ["나는 아침마다 달립니다.", "hi"]])
def test_without_positions_every_token_gets_the_first_learned_one(texts, tiny_tokenizer):
    torch.manual_seed(2)
    sizes = {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 64, "initializer_range": 0.4}
    config = transformers.GPT2Config(vocab_size=400, **sizes)
    model = transformers.AutoModelForCausalLM.from_config(config).eval()
    lm = LanguageModel("tiny-learned", model, tiny_tokenizer)
    documents = lm.documents(texts)
    plain = lm.token_losses(documents)
    with positions.without_positions(lm):
        found = lm.token_losses(documents)
        stream = lm.capture(lm.batch([[7, 9, 7]]), ["b0.resid_pre"])["b0.resid_pre"][0]
    tokens, learned = model.transformer.wte.weight, model.transformer.wpe.weight
    for row, token in zip(stream, (7, 9, 7), strict=True):
        assert torch.allclose(row, tokens[token] + learned[0], atol=1e-6)
    assert not torch.allclose(found[0], plain[0], atol=1e-3)
    assert all(torch.equal(a, b) for a, b in zip(lm.token_losses(documents), plain, strict=True))
    with torch.no_grad():  # the slow twin: a model that has learned one vector for all positions
        learned.copy_(learned[0].expand_as(learned).clone())
    expected = lm.token_losses(documents)
    assert all(torch.allclose(a, b, atol=1e-5) for a, b in zip(found, expected, strict=True))


def test_biases_in_the_mask_are_refused(tiny_tokenizer):
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "alibi": True}
    with (
        pytest.raises(ValueError, match="adds ALiBi to its mask"),
        positions.without_positions(alibi_model("Falcon", tiny_tokenizer, sizes)),
    ):
        pass


def test_a_model_without_position_ids_is_refused(tiny_lm, monkeypatch):
    monkeypatch.setattr(tiny_lm.model, "forward", lambda input_ids: None)
    with pytest.raises(ValueError, match="takes no position_ids"), positions.without_positions(tiny_lm):
        pass


def test_profile_is_mean_spread_and_quantiles_position_by_position(table):
    dense, where = table
    found = positions.profile(sparse.csr_array(dense), where, (0.5, 0.9))
    assert found.places_P.tolist() == sorted(set(where.tolist()))
    for p, place in enumerate(found.places_P):
        rows = dense[where == place]
        means = [float(np.mean(rows[:, f])) for f in range(6)]
        assert found.mean_P[p] == pytest.approx(sum(means) / 6)
        assert found.std_P[p] == pytest.approx((sum((m - sum(means) / 6) ** 2 for m in means) / 6) ** 0.5)
        on = sorted(float(x) for x in rows.ravel() if x > 0)
        for q, level in enumerate((0.5, 0.9)):
            at = level * (len(on) - 1)
            low = int(at)
            expected = on[low] + (at - low) * (on[min(low + 1, len(on) - 1)] - on[low])
            assert found.quantiles_QP[q, p] == pytest.approx(expected, rel=1e-5)
    silent = positions.profile(sparse.csr_array(np.array([[0.0], [1.0]])), np.array([0, 1]), (0.5,))
    assert np.isnan(silent.quantiles_QP[0, 0]) and silent.quantiles_QP[0, 1] == 1


def test_share_within_tokens_against_least_squares(table):
    dense, where = table
    tokens = np.random.default_rng(3).integers(0, 5, 200)
    dense[:, 3] = tokens  # nothing but the token
    dense[:, 4] = tokens + 2 * where  # token and position
    found = positions.share_within(sparse.csr_array(dense), where, tokens)
    kinds = np.array([[t == k for k in range(5)] for t in tokens], dtype=float)
    both = np.hstack([kinds, [[w == p for p in sorted(set(where.tolist()))] for w in where]])
    for f in range(6):
        y = dense[:, f].astype(float)
        inside, outside = (((y - x @ np.linalg.lstsq(x, y, rcond=None)[0]) ** 2).sum() for x in (kinds, both))
        ranks = [np.linalg.matrix_rank(x) for x in (kinds, both)]
        expected = 0 if inside < 1e-6 else 1 - (outside / (200 - ranks[1])) / (inside / (200 - ranks[0]))
        assert found[f] == pytest.approx(expected, abs=1e-5), f
    assert found[3] == 0 and found[1] == pytest.approx(1) and found[4] == pytest.approx(1)


def test_features_of_position_alone_feature_by_feature(table):
    dense, where = table
    tokens = np.random.default_rng(3).integers(0, 5, 200)
    dense[:, 3] = tokens  # nothing but the token
    dense[:, 4] = tokens + 2 * where
    found = positions.by_position_alone(sparse.csr_array(dense), where, tokens)
    for f in range(6):
        one = sparse.csr_array(dense[:, [f]])
        plain, within = positions.position_share(one, where)[0], positions.share_within(one, where, tokens)[0]
        assert found[f] == (plain > 0.5 and within > 0.5)
    assert found.tolist() == [False, True, False, False, True, False]


def test_words_at_the_start_are_not_positions():
    rng = np.random.default_rng(5)
    where = rng.integers(0, 10, 3000)
    tokens = np.where(where < 3, rng.integers(0, 4, 3000), rng.integers(2, 12, 3000))
    X = np.zeros((3000, 2), dtype=np.float32)
    X[:, 0] = (tokens < 4) * rng.random(3000)  # a word of the start
    X[:, 1] = (where == 0) * rng.random(3000)  # the start itself
    plain = positions.position_share(sparse.csr_array(X), where)
    within = positions.share_within(sparse.csr_array(X), where, tokens)
    assert plain[0] > 0.3 and abs(within[0]) < 0.01 and within[1] > 0.4
    with pytest.raises(ValueError, match="too few tokens for both"):
        positions.share_within(sparse.csr_array(np.eye(6)), np.arange(6) // 3, np.arange(6) % 5)


def test_first_tokens_and_the_rest(tiny_lm, sentences, empty_store):
    store = kc.gather(tiny_lm, sentences[:7], "q2.resid_post", dtype="fp32")["q2.resid_post"]
    first, rest = positions.first_and_rest(tiny_lm, store)
    assert torch.equal(rest, store.all())  # the start token is not in the store
    for row, ids in zip(first, store.documents, strict=True):
        whole = tiny_lm.capture(tiny_lm.batch([ids]), ["q2.resid_post"])["q2.resid_post"]
        assert torch.allclose(row, whole[0, 0], atol=1e-5)
    mixed = positions.interleave(first, rest, 3)
    assert torch.allclose(mixed.sum(0), first.sum(0) + rest.sum(0), atol=1e-2) and len(mixed) == len(first) + len(rest)
    assert len(torch.cdist(mixed[: len(rest) // 2], first[:1]).flatten().lt(1e-4).nonzero()) > 0


def test_without_a_start_token_the_first_is_taken_out_of_the_store(tiny_lm, sentences, empty_store, monkeypatch):
    monkeypatch.setattr(tiny_lm, "bos_id", None)
    monkeypatch.delitem(tiny_lm.__dict__, "key", raising=False)
    store = kc.gather(tiny_lm, sentences[:5], "q2.resid_post", dtype="fp32")["q2.resid_post"]
    first, rest = positions.first_and_rest(tiny_lm, store)
    edges = store.doc_rows
    for d in range(5):
        assert torch.allclose(first[d], store.all()[edges[d]], atol=1e-5)
    expected = torch.cat([store.all()[edges[d] + 1 : edges[d + 1]] for d in range(5)])
    assert torch.equal(rest, expected)
    monkeypatch.delitem(tiny_lm.__dict__, "key", raising=False)


def test_share_of_error_and_of_activation_by_loops():
    generator = torch.Generator().manual_seed(2)
    part, rest = 5 * torch.randn(4, 6, generator=generator), torch.randn(30, 6, generator=generator)
    whole, centre = torch.cat([part, rest]), torch.randn(6, generator=generator)

    def squares(rows, to):
        return sum((float(x) - float(y)) ** 2 for row in rows for x, y in zip(row, to(row), strict=True))

    found = positions.share_of_error(centre, part, whole)
    assert found == pytest.approx(squares(part, lambda r: centre) / squares(whole, lambda r: centre), rel=1e-5)
    found = positions.share_of_error(centre, part, whole, lambda x: 0.5 * x.clamp(-1, 1), batch_size=3)
    half = squares(part, lambda r: 0.5 * r.clamp(-1, 1)) / squares(whole, lambda r: 0.5 * r.clamp(-1, 1))
    assert found == pytest.approx(half, rel=1e-5)
    X, Y = (np.random.default_rng(s).random((n, 3)) * [1, 1, 0] for s, n in ((0, 4), (1, 9)))
    expected = [sum(X[:, f]) / (sum(X[:, f]) + sum(Y[:, f])) for f in (0, 1)]
    assert positions.spent_on(sparse.csr_array(X), sparse.csr_array(Y)) == pytest.approx([*expected, 0])


def test_reading_without_positions_is_one_document_after_another(tiny_lm, sentences):
    documents = tiny_lm.documents(sentences[:6])
    points = ["q1.resid_post", "q3.resid_post"]
    found = positions.read_without(tiny_lm, documents, points)
    for point in points:
        with positions.without_positions(tiny_lm):
            expected = torch.cat([tiny_lm.capture(tiny_lm.batch([ids]), [point])[point][0, 1:] for ids in documents])
        plain = torch.cat([tiny_lm.capture(tiny_lm.batch([ids]), [point])[point][0, 1:] for ids in documents])
        assert torch.allclose(found[point], expected, atol=1e-5) and not torch.allclose(found[point], plain, atol=1e-3)
