"""Texts with the strength of a feature on them, as alternating parts: text, token, value, text, token, value, text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import SupportsFloat

Span = tuple[int, int, float]
"""Characters `text[start:end]`, and a value there."""
REACH = 70
"""Characters that are shown on either side of the token an example is about."""


def trimmed(text: str, start: int, end: int) -> tuple[int, int]:
    """A span without the space before a word, which its token holds and a reader does not see as part of it."""
    first = next((i for i in range(start, end) if not text[i].isspace()), start)
    return first, end


def merged(spans: Iterable[Span]) -> list[Span]:
    """Spans that share a character as one, with the largest value: a byte-level token may end inside a syllable."""
    found: list[Span] = []
    for start, end, value in sorted(spans):
        if end <= start:
            continue
        if found and start < found[-1][1]:
            last = found.pop()
            start, end, value = last[0], max(end, last[1]), max(value, last[2])
        found.append((start, end, value))
    return found


def parts(text: str, spans: Sequence[Span]) -> list[str | float]:
    """A text cut at merged spans: text before, token, value, text between, token, value, ..., text after."""
    found: list[str | float] = []
    at = 0
    for start, end, value in spans:
        found += [text[at:start], text[start:end], rounded(value)]
        at = end
    return [*found, text[at:]]


def window(
    text: str, spans: Sequence[Span], centre: tuple[int, int], reach: int = REACH
) -> tuple[list[str | float], int]:
    """The parts of a text around one token, and which of the tokens in it that is.

    A cut is marked by an ellipsis, and made at a space where there is one near.
    """
    first, last = _left(text, centre[0] - reach), _right(text, centre[1] + reach)
    inside = [(s - first, e - first, v) for s, e, v in spans if s >= first and e <= last]
    at = next(i for i, (s, e, _) in enumerate(inside) if s <= centre[0] - first < e)
    found = parts(text[first:last], inside)
    found[0] = ("…" if first else "") + str(found[0])
    found[-1] = str(found[-1]) + ("…" if last < len(text) else "")
    return found, at


def _left(text: str, at: int) -> int:
    if at <= 0:
        return 0
    space = text.find(" ", at, at + 15)
    return at if space < 0 else space + 1


def _right(text: str, at: int) -> int:
    if at >= len(text):
        return len(text)
    space = text.rfind(" ", at - 15, at)
    return at if space < 0 else space


def rounded(value: SupportsFloat, digits: int = 4) -> float:
    """A number with so many significant digits: what is shown, and no more."""
    return float(f"{float(value):.{digits}g}")
