"""What is told of every feature of an SAE: measured with the functions of the core, on texts the SAE was not trained on.

Rules and labels are chosen on training texts, and all numbers are of test texts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from sklearn.cluster import KMeans

from kosae_core import cards, detection, examples, explaining, layout, matching, positions
from kosae_core import interventions as iv
from kosae_core.bilingual import language_preference
from kosae_core.corpora import LANGUAGES
from kosae_core.features import class_means, pool_tokens, tfidf, top_features
from kosae_core.lm import LanguageModel
from kosae_core.marking import rounded
from kosae_core.reading import Reading
from kosae_core.sae import SAE
from kosae_core.study import Study

N_CLUSTERS, N_NEAR, N_READS, N_BINS, N_PLACES = 24, 8, 5, 24, 40
MOST_CLASSES, LEADING = 200, 100
MOST_SHOWN = 20
"""Labels of more classes have no chart of their own on a feature's page."""
ALL_PAIRS = 4096
"""Of fewer features UMAP looks at all pairs."""


@dataclass(frozen=True)
class Best:
    """For every feature the class that it tells best, chosen with its threshold on training texts.

    What is best is the gain in F1 over saying yes to every text, which a class of nine texts in ten makes 0.95.
    """

    label_F: list[str]
    name_F: list[str]
    f1_F: np.ndarray
    """On test texts."""
    all_F: np.ndarray
    """F1 there of yes to every text."""


class Analysis:
    """One SAE, read on a training and a test split."""

    def __init__(self, lm: LanguageModel, sae: SAE, point: str, study: Study, langs: tuple[str, ...]) -> None:
        study.__dict__["lm"] = lm  # the model that is loaded already
        self.lm, self.sae, self.point, self.langs = lm, sae, point, langs
        self.train = Reading(study, sae, "train", langs, point)
        self.test = Reading(study, sae, "test", langs, point)
        self.norm = float(np.mean([study.acts("test", lang, point).all()[:20000].norm(dim=1).mean() for lang in langs]))

    @cached_property
    def vocabulary(self) -> list[str]:
        """As `cards.vocabulary` makes it."""
        return cards.vocabulary(self.lm)

    @cached_property
    def counts_F(self) -> np.ndarray:
        """Test tokens on which a feature fires."""
        return np.diff(self.test.by_feature.indptr)

    @cached_property
    def shares(self) -> dict[str, np.ndarray]:
        """By language, the share of test tokens on which a feature fires."""
        rows = {lang: np.flatnonzero(self.test.lang_N == lang) for lang in self.langs}
        return {lang: np.asarray((self.test.X_NF[at] > 0).mean(axis=0)).ravel() for lang, at in rows.items()}

    @cached_property
    def preference_F(self) -> np.ndarray | None:
        """1 for a feature of Korean alone, -1 for one of English alone; None where there is one language only."""
        return language_preference(*(self.shares[lang] for lang in LANGUAGES)) if len(self.shares) == 2 else None

    @cached_property
    def labels(self) -> dict[str, list[str]]:
        """The labels that tell texts apart in both splits, with their classes."""
        found = {}
        names = set.intersection(*(set(r.labels) for r in [*self.train.records, *self.test.records]))
        for name in sorted(names, key=lambda n: (n not in ("big", "small"), n)):
            both = [{r.labels[name] for r in reading.records} for reading in (self.train, self.test)]
            if 2 <= len(both[0] & both[1]) == len(both[0] | both[1]) <= MOST_CLASSES:
                found[name] = sorted(both[0])
        return found

    def pooled(self, reading: Reading, how: str) -> Any:
        """Features of whole texts."""
        return pool_tokens(reading.X_NF, reading.doc_index, len(reading.documents), how)

    @cached_property
    def best(self) -> Best:
        """See `Best`; the labels of a text are asked of its strongest activation."""
        train, test = self.pooled(self.train, "max"), self.pooled(self.test, "max").tocsc()
        best_F, chosen = np.zeros(self.sae.n_features), [("", "", np.inf)] * self.sae.n_features
        for label in self.labels:
            truth_M = _of(self.train, label)
            names_C, f1_FC, threshold_FC = detection.class_f1s(train, truth_M)
            gain_FC = f1_FC - [_yes_to_all(truth_M == name) for name in names_C]
            for f in np.flatnonzero(gain_FC.max(1) > best_F):
                c = int(gain_FC[f].argmax())
                best_F[f], chosen[f] = gain_FC[f, c], (label, str(names_C[c]), threshold_FC[f, c])
        truth = {label: _of(self.test, label) for label in self.labels}
        f1_F, all_F = np.zeros(len(best_F)), np.zeros(len(best_F))
        for f, (label, name, threshold) in enumerate(chosen):
            if label:
                said_M = test[:, [f]].toarray().ravel() > threshold
                f1_F[f] = detection.f1_score(said_M, truth[label] == name)
                all_F[f] = _yes_to_all(truth[label] == name)
        return Best([c[0] for c in chosen], [c[1] for c in chosen], f1_F, all_F)

    @cached_property
    def owner_F(self) -> list[str]:
        """For every feature the big category in whose list of leading features it stands alone, as on the maps of chapter 07."""
        owners: list[str] = [""] * self.sae.n_features
        if "big" in self.labels:
            leading = min(LEADING, max(1, self.sae.n_features // 4))
            weights = tfidf(self.pooled(self.train, "sum"))
            for f, name in layout.exclusive_labels(top_features(weights, _of(self.train, "big"), leading)).items():
                owners[f] = name
        return owners

    @cached_property
    def means(self) -> dict[str, np.ndarray]:
        """For each label of few classes, mean activation per token and class, as (C, F)."""
        X_MF = self.pooled(self.test, "mean")
        shown = [label for label, names in self.labels.items() if len(names) <= MOST_SHOWN]
        return {label: class_means(X_MF, _of(self.test, label))[1] for label in shown}

    def rule(self, feature: int) -> tuple[list[list[str]], explaining.Verdict | None]:
        """The cues of `cards.rule_of` as slot and token, and its verdict; no cue for a feature that no token explains."""
        rule, verdict = cards.rule_of(self.train, self.test, feature)
        return [[cue.slot, self.vocabulary[cue.token]] for cue in rule.cues] if rule else [], verdict

    @cached_property
    def cosine_FF(self) -> np.ndarray:
        """Cosines of decoder directions, at most 1."""
        return np.minimum(matching.cosines(self.sae.W_dec_FD, self.sae.W_dec_FD).cpu().numpy(), 1)

    @cached_property
    def layout_F2(self) -> np.ndarray:
        """Places of the decoder directions on the map, both coordinates from 0 to 1."""
        W_FD, options = self.sae.W_dec_FD, {"seed": 0, "n_neighbors": min(15, self.sae.n_features - 1)}
        if self.sae.n_features < ALL_PAIRS:  # UMAP would take the pairs one by one in Python
            xy = layout.embed(1 - self.cosine_FF, metric="precomputed", **options)
        else:
            xy = layout.embed(W_FD.detach().cpu().numpy(), **options)
        return (xy - xy.min(0)) / np.maximum(np.ptp(xy, axis=0), 1e-9)

    @cached_property
    def cluster_F(self) -> np.ndarray:
        """k-means groups of the decoder directions, which have unit length; group 0 is the largest."""
        directions = self.sae.W_dec_FD.detach().cpu().numpy()
        group_F = KMeans(min(N_CLUSTERS, len(directions)), n_init=2, random_state=0).fit_predict(directions)
        rank = np.argsort(np.argsort(-np.bincount(group_F), kind="stable"))
        return rank[group_F]

    @cached_property
    def reads_F(self) -> list[list[str]]:
        """For every feature the tokens on which it spends most of its activation, whole characters only."""
        found = []
        for f in range(self.sae.n_features):
            rows, values = self.test.column(f)
            total_V = np.bincount(self.test.token_ids[rows], values, minlength=len(self.vocabulary))
            order = np.argsort(-total_V, kind="stable")[: 3 * N_READS]
            found.append(
                [self.vocabulary[i] for i in order if total_V[i] > 0 and self.vocabulary[i] != cards.PART][:N_READS]
            )
        return found

    def features(self) -> Iterator[dict[str, Any]]:
        """The page of every feature, in order."""
        W_FD = self.sae.W_dec_FD
        cosine_FF = np.where(np.eye(len(W_FD), dtype=bool), -np.inf, self.cosine_FF)
        effects_FV = iv.direct_effects(self.lm, W_FD.detach()).cpu().numpy()
        places_P, place_PF = positions.by_position(self.test.X_NF, self.test.positions)
        often_P = np.unique(self.test.positions, return_counts=True)[1] >= cards.FEWEST_TOKENS
        share_F = positions.position_share(self.test.X_NF, self.test.positions)
        for f in range(self.sae.n_features):
            near = np.argsort(-cosine_FF[f], kind="stable")[: min(N_NEAR, len(cosine_FF) - 1)]
            yield {
                "id": f,
                "histogram": self.histogram(f),
                "examples": examples.strongest(self.test, f),
                "spread": examples.spread(self.test, f),
                "promoted": [[token, rounded(e)] for token, e in cards.largest(effects_FV[f], self.vocabulary)],
                "suppressed": [[token, rounded(-e)] for token, e in cards.largest(-effects_FV[f], self.vocabulary)],
                "classes": {label: [rounded(v) for v in means_CF[:, f]] for label, means_CF in self.means.items()},
                "langs": {lang: rounded(self.shares[lang][f]) for lang in self.langs},
                "near": [[int(g), rounded(cosine_FF[f, g])] for g in near],
                "places": {
                    "at": places_P[often_P][:N_PLACES].tolist(),
                    "mean": [rounded(v) for v in place_PF[often_P, f][:N_PLACES]],
                    "share": rounded(share_F[f]),
                },
            }  # fmt: skip

    def histogram(self, feature: int) -> dict[str, Any]:
        """How often the feature has which activation, over the test tokens on which it fires."""
        values = self.test.column(feature)[1]
        if not len(values):
            return {"max": 0.0, "counts": []}
        counts, edges = np.histogram(values, bins=N_BINS, range=(0.0, float(values.max())))
        return {"max": rounded(edges[-1]), "counts": counts.tolist()}


def _yes_to_all(yes_M: np.ndarray) -> float:
    return detection.f1_score(np.ones(len(yes_M), bool), yes_M)


def _of(reading: Reading, label: str) -> np.ndarray:
    return np.array([record.labels[label] for record in reading.records], dtype=str)
