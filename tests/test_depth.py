"""One table of a model's blocks, against a slow pass over its documents."""

import numpy as np
import pytest
import torch
from sklearn.linear_model import RidgeClassifier

import kosae_core as kc
from kosae_core import depth


def test_a_profile_is_what_each_block_gives(tiny_lm, empty_store):
    train, test = (
        kc.load_corpus("synthetic", split=split, lang="ko", limit=limit)
        for split, limit in (("train", 60), ("test", 20))
    )
    table = depth.profile(tiny_lm, train, test, "big")
    assert table.block.tolist() == [0, 1, 2, 3] and table.depth.tolist() == [0, 0.25, 0.5, 0.75]
    for row in table.itertuples():
        means, tokens = {}, []
        for split, records in (("train", train), ("test", test)):
            means[split] = []
            for ids in tiny_lm.documents(records.texts, 128):
                acts_TD = tiny_lm.capture(tiny_lm.batch([ids]), [f"b{row.block}.resid_post"])[
                    f"b{row.block}.resid_post"
                ][0]
                kept_TD = acts_TD[[i not in tiny_lm.special_ids for i in ids]].to(torch.bfloat16).double().numpy()
                means[split].append(kept_TD.mean(0))
                tokens += list(kept_TD) if split == "test" else []
        tokens_ND = np.array(tokens)
        assert row.norm == pytest.approx(np.linalg.norm(tokens_ND, axis=1).mean(), rel=1e-4)
        assert row.magnitude == pytest.approx(np.abs(tokens_ND).sum(1).mean(), rel=1e-4)
        assert row.max == pytest.approx(tokens_ND.max(), rel=1e-4)
        fit, asked = np.array(means["train"]), np.array(means["test"])
        centre, spread = fit.mean(0), fit.std(0)
        probe = RidgeClassifier(alpha=100.0).fit((fit - centre) / spread, train.label("big"))
        right = probe.predict((asked - centre) / spread) == test.label("big")
        assert row.accuracy == pytest.approx(right.mean(), abs=0.051)  # one of twenty may stand at the border
