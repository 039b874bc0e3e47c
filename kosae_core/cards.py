"""What is said of one feature at a glance: how often and how strongly it fires, by which rule, on which texts, what it promotes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from kosae_core import examples, explaining
from kosae_core import interventions as iv
from kosae_core.lm import LanguageModel
from kosae_core.reading import Reading
from kosae_core.sae import SAE

FEWEST_TOKENS = 20
"""Training tokens on which a feature has to fire to be explained."""
N_CUES, N_TOKENS = 6, 10
PART = "\ufffd"
"""What a token is shown as that is a part of a character."""


@dataclass(frozen=True)
class Card:
    """One feature on test texts."""

    feature: int
    density: float
    """Share of tokens on which it fires."""
    max: float
    """Its largest activation."""
    rule: str
    """Where it is in the upper half of its activations (`told`); empty where no token explains it."""
    examples: list[dict[str, Any]]
    """The texts on which it is strongest, as `examples.strongest` gives them."""
    promoted: list[tuple[str, float]]
    """Next tokens of largest direct effect, whole characters only, and the effect in logits."""


def vocabulary(lm: LanguageModel) -> list[str]:
    """Every token as text; a part of a character is `PART`."""
    size = lm.model.get_input_embeddings().num_embeddings
    return [PART if PART in (text := lm.tokenizer.decode([i])) else text for i in range(size)]


def shown(token: str) -> str:
    """A token for people: a leading space and a line's end as signs, a part of a character and the start of a text in words."""
    special = {PART: "(byte)", "<s>": "(start)"}
    return special.get(token) or (f"␣{token[1:]}" if token.startswith(" ") else token).replace("\n", "⏎")


def told(rule: explaining.Rule, words: list[str]) -> str:
    """A rule in words, each token once: "on ‘a’, (byte); after ‘␣c’"."""
    parts = []
    for slot in explaining.SLOTS:
        tokens = dict.fromkeys(words[cue.token] for cue in rule.cues if cue.slot == slot)
        named = [name if (name := shown(token)).startswith("(") and name != token else f"‘{name}’" for token in tokens]
        if named:
            parts.append(f"{slot} {', '.join(named)}")
    return "; ".join(parts)


def rule_of(train: Reading, test: Reading, feature: int) -> tuple[explaining.Rule | None, explaining.Verdict | None]:
    """The rule that says where a feature is in the upper half of its training activations, and its verdict on test texts.

    No rule for a feature that is too rare to be explained, and no verdict where it fires in every test text or in none.
    """
    (rows, values), (rows_t, values_t) = train.column(feature), test.column(feature)
    if len(rows) < FEWEST_TOKENS:
        return None, None
    half = np.quantile(values, 0.5)
    fires_N, fires_t = np.zeros(train.n_tokens, bool), np.zeros(test.n_tokens, bool)
    fires_N[rows[values > half]], fires_t[rows_t[values_t > half]] = True, True
    if not fires_N.any():
        return None, None
    rule = explaining.explain(train.windows, fires_N, train.doc_index, n_cues=N_CUES)
    try:
        return rule, explaining.judge(rule, test.windows, fires_t, test.doc_index)
    except ValueError:
        return rule, None


def largest(effect_V: np.ndarray, words: list[str], n: int = N_TOKENS) -> list[tuple[str, float]]:
    """The tokens of largest effect that are whole characters and not space alone, with their effect."""
    whole_V = np.array([word.strip() != "" and word != PART for word in words])
    order = np.argsort(-np.where(whole_V, effect_V, -np.inf), kind="stable")[:n]
    return [(words[i], float(effect_V[i])) for i in order]


def cards(lm: LanguageModel, sae: SAE, train: Reading, test: Reading, features: list[int], n: int = 5) -> list[Card]:
    """The cards of some features, `n` examples on each.

    Raises  ValueError for a feature that there is not.
    """
    if wrong := [f for f in features if not 0 <= f < sae.n_features]:
        raise ValueError(f"there is no feature {wrong[0]}; there are 0 to {sae.n_features - 1}.")
    words = vocabulary(lm)
    effects_FV = iv.direct_effects(lm, sae.W_dec_FD[features].detach()).cpu().numpy()
    found = []
    for feature, effect_V in zip(features, effects_FV, strict=True):
        values, rule = test.column(feature)[1], rule_of(train, test, feature)[0]
        largest_value = float(values.max()) if len(values) else 0.0
        density, texts = len(values) / test.n_tokens, examples.strongest(test, feature, n)
        said = told(rule, words) if rule is not None else ""
        found.append(Card(feature, density, largest_value, said, texts, largest(effect_V, words)))
    return found
