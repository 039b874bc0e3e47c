"""How activations and what they tell change from block to block: one table for each model, so that two can stand side by side."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from kosae_core.activations import gather
from kosae_core.lm import LanguageModel
from kosae_core.statistics import token_statistics

if TYPE_CHECKING:
    from kosae_core.records import Corpus


def pooled(store: Any) -> Float[np.ndarray, "M D"]:
    """The mean activation of each document of a store; zeros for one without tokens."""
    sums_MD = torch.zeros(len(store.documents), store.d_model).index_add_(
        0, torch.from_numpy(store.doc_index).long(), store.all()
    )
    return (sums_MD / np.maximum(np.diff(store.doc_rows), 1)[:, None]).numpy()


def category_hits(
    fit_MD: Float[np.ndarray, "M D"], labels_M: Sequence[Any] | np.ndarray, test_ND: Float[np.ndarray, "N D"],
    truth_N: Sequence[Any] | np.ndarray,
) -> Float[np.ndarray, " N"]:  # fmt: skip
    """Which test documents a ridge classifier of the training documents gives their label: 1 or 0 each.

    Units   standardised columns; a ridge of 100.
    """
    probe = make_pipeline(StandardScaler(), RidgeClassifier(alpha=100.0)).fit(fit_MD, labels_M)
    return (probe.predict(test_ND) == np.asarray(truth_N)).astype(float)


def profile(lm: LanguageModel, train: "Corpus", test: "Corpus", label: str) -> pd.DataFrame:
    """Each block's output on the test texts: size and shape of its activations, and how often a linear probe of `train` is right.

    Shapes  one row a block: block, depth (block / blocks), sum, magnitude, max, norm, kurtosis, accuracy.
    Units   as `statistics.token_statistics`, means over tokens but for max, which is the largest of all; accuracy a share.
    Raises  ValueError where the corpora do not have the label.
    """
    points = [f"b{block}.resid_post" for block in range(lm.n_blocks)]
    fitted, asked, rows = gather(lm, train, points), gather(lm, test, points), []
    for block, point in enumerate(points):
        s = token_statistics(asked[point])
        hits_N = category_hits(pooled(fitted[point]), train.label(label), pooled(asked[point]), test.label(label))
        rows.append({
            "block": block, "depth": block / lm.n_blocks, "sum": s.sum_N.mean(), "magnitude": s.abs_sum_N.mean(),
            "max": s.max_N.max(), "norm": s.norm_N.mean(), "kurtosis": s.kurtosis_N.mean(), "accuracy": hits_N.mean(),
        })  # fmt: skip
    return pd.DataFrame(rows)
