"""What a request may contain: everything has a limit, and names are looked up, never opened."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MOST_TEXTS, MOST_CHARACTERS, MOST_CHOSEN, MOST_TOKENS = 16, 600, 10, 128

Text = Annotated[str, StringConstraints(min_length=1, max_length=MOST_CHARACTERS)]
SaeId = Annotated[str, StringConstraints(max_length=100)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


class AnalyzeRequest(_Strict):
    """Sentences, and which of their features are wanted."""

    texts: Annotated[list[Text], Field(min_length=1, max_length=MOST_TEXTS)]
    """Sentences in Korean or English."""
    sae: SaeId | None = None
    """An id from /saes; without one, the first."""
    threshold: Annotated[float, Field(ge=0, le=1e6)] = 0.0
    """A feature counts on tokens where it is above this."""
    share: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The least share of the tokens on which it must be."""
    count: Annotated[int, Field(ge=1, le=100)] = 8
    """How many features to give, the strongest first."""


class Chosen(_Strict):
    """One feature, and how strongly it is moved."""

    id: Annotated[int, Field(ge=0, le=10_000_000)]
    strength: Annotated[float, Field(ge=-10, le=10)] = 0.3
    """For add: lengths of an activation. For clamp: multiples of the feature's largest activation; 0 switches it off."""


class SteerRequest(_Strict):
    """The beginning of a text, and the features that are moved while the model continues it."""

    prompt: Text
    features: Annotated[list[Chosen], Field(min_length=1, max_length=MOST_CHOSEN)]
    sae: SaeId | None = None
    mode: Literal["add", "clamp"] = "add"
    tokens: Annotated[int, Field(ge=1, le=MOST_TOKENS)] = 32
    temperature: Annotated[float, Field(ge=0, le=2)] = 1.0
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = 0
    stream: bool = False
    """Give every token as it is written, one JSON object on each line."""


class PrepareRequest(_Strict):
    """An SAE whose features are to be analysed."""

    sae: SaeId


class Failure(BaseModel):
    """What every error looks like."""

    error: str
    """One sentence: what is wrong, and what to do."""
