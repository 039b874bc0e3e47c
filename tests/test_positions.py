"""Features and the place of a token."""

import numpy as np
import pytest
import torch
from scipy import sparse

from kosae_core import positions


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


def test_a_model_without_position_ids_is_refused(tiny_lm, monkeypatch):
    monkeypatch.setattr(tiny_lm.model, "forward", lambda input_ids: None)
    with pytest.raises(ValueError, match="takes no position_ids"), positions.without_positions(tiny_lm):
        pass
