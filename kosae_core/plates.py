"""A plate of features for the printed page: cards in two columns, whose examples stand one under the other at the token they are about."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import groupby

import matplotlib as mpl
import matplotlib.pyplot as plt
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ft2font import LoadFlags
from matplotlib.patches import FancyBboxPatch, Rectangle

from kosae_core.cards import Card, shown
from kosae_core.plots import WIDTH

GAP, LINE = 0.26, 0.15
"""Between the two columns, and from one example to the next, in inches."""
HEAD, TEXT, SMALL = 10.0, 7.0, 6.3
"""Sizes of the number, of words, and of what stands beside them, in points."""
VALUE, CENTRE = 0.29, 0.42
"""Where an activation ends, in inches, and where the token that it is of begins, as a share of the line."""
FIRE, INK, QUIET, LINES = "#e0792b", "#1f1f1d", "#66645f", "#b9b5aa"


@dataclass(frozen=True)
class _Sign:
    """One character of an example."""

    text: str
    value: float
    """The activation on its token; 0 where the feature does not fire."""
    token: int
    """Which of the shaded tokens it is part of; -1 for none."""


def plate(cards: Sequence[Card], n_examples: int = 5) -> Figure:
    """Draw cards two in a row: number, density, maximum, rule, examples shaded by activation, promoted tokens.

    Units   a token's shade is its activation over the feature's largest.
    Raises  ValueError if there is no card.
    """
    if not cards:
        raise ValueError("there is no feature to draw: give one card at least.")
    width, height = (WIDTH - GAP) / 2, 0.86 + n_examples * LINE
    rows = -(-len(cards) // 2)
    fig = plt.figure(figsize=(WIDTH, rows * height))
    fig.set_layout_engine("none")
    ax = fig.add_axes((0, 0, 1, 1), xlim=(0, WIDTH), ylim=(rows * height, 0))
    ax.axis("off")
    for i, card in enumerate(cards):
        _card(ax, card, (i % 2) * (width + GAP), (i // 2) * height, width, n_examples)
    return fig


def _card(ax: Axes, card: Card, x: float, y: float, width: float, n_examples: int) -> None:
    ax.plot([x, x + width], [y + 0.02] * 2, color=LINES, lw=0.7)
    _say(ax, x, y + 0.2, str(card.feature), HEAD, weight="bold", family="DejaVu Sans")
    _say(ax, x + width, y + 0.19, f"density {card.density:.2%}    max {card.max:.1f}", SMALL, color=QUIET, ha="right")
    rule = cut(card.rule or "no rule over tokens", width, TEXT)
    _say(ax, x, y + 0.37, rule, TEXT, color=INK if card.rule else QUIET)
    for i, one in enumerate(card.examples[:n_examples]):
        _example(ax, one["parts"], one["centre"], card.max, x, y + 0.57 + i * LINE, width)
    if not card.examples:
        _say(ax, x, y + 0.57, "never fires on these texts", TEXT, color=QUIET)
    _promoted(ax, [token for token, _ in card.promoted], x, y + 0.6 + n_examples * LINE, width)


def _example(
    ax: Axes, parts: Sequence[str | float], centre: int, largest: float, x: float, y: float, width: float
) -> None:
    left, right = x + VALUE + 0.06, x + width
    signs = _signs(parts)
    value = next(sign.value for sign in signs if sign.token == centre)
    _say(ax, x + VALUE, y, f"{value:.1f}", SMALL, color=QUIET, ha="right")
    for (token, value), start, text in _runs(signs, centre, left, left + CENTRE * (right - left), right):
        if value > 0:
            wide = measured(text, TEXT)
            shade = {"color": FIRE, "alpha": 0.12 + 0.78 * min(1.0, value / largest), "lw": 0}
            ax.add_patch(Rectangle((start, y - 0.098), wide, 0.128, **shade))
            if token == centre:
                ax.plot([start, start + wide], [y + 0.034] * 2, color=INK, lw=0.6, solid_capstyle="butt")
        _say(ax, start, y, text, TEXT)


def _signs(parts: Sequence[str | float]) -> list[_Sign]:
    signs = []
    for i in range(0, len(parts), 3):
        signs += [_Sign(c, 0.0, -1) for c in str(parts[i])]
        if i + 2 < len(parts):
            signs += [_Sign(c, float(parts[i + 2]), i // 3) for c in str(parts[i + 1])]
    return [_Sign("⏎" if sign.text == "\n" else sign.text, sign.value, sign.token) for sign in signs]


def _runs(
    signs: Sequence[_Sign], centre: int, left: float, at: float, right: float
) -> list[tuple[tuple[int, float], float, str]]:
    """What fits between `left` and `right` when the centre token begins at `at`: token and value, place, text."""
    first = next(i for i, sign in enumerate(signs) if sign.token == centre)
    begin, end, dots = first, first, measured("…", TEXT)
    start = at
    while begin > 0 and start - measured(signs[begin - 1].text, TEXT) >= left + (dots if begin > 1 else 0):
        begin -= 1
        start -= measured(signs[begin].text, TEXT)
    reach = at
    while (
        end < len(signs)
        and reach + measured(signs[end].text, TEXT) <= right - (dots if end < len(signs) - 1 else 0) + 1e-9
    ):
        reach += measured(signs[end].text, TEXT)
        end += 1
    shown = list(signs[begin:end])
    if begin > 0 and shown[0].text != "…":
        shown.insert(0, _Sign("…", 0.0, -1))
        start -= dots
    if end < len(signs) and shown[-1].text != "…":
        shown.append(_Sign("…", 0.0, -1))
    found = []
    for key, group in groupby(shown, key=lambda sign: (sign.token, sign.value)):
        text = "".join(sign.text for sign in group)
        found.append((key, start, text))
        start += measured(text, TEXT)
    return found


def _promoted(ax: Axes, tokens: Sequence[str], x: float, y: float, width: float) -> None:
    _say(ax, x, y, "promotes", SMALL, color=QUIET)
    at = x + measured("promotes", SMALL) + 0.1
    for token in tokens:
        wide = measured(shown(token), TEXT)
        if at + wide + 0.06 > x + width:
            break
        frame = FancyBboxPatch(
            (at, y - 0.1),
            wide + 0.06,
            0.135,
            boxstyle="round,pad=0,rounding_size=0.025",
            fc="#f5f3ee",
            ec=LINES,
            lw=0.4,
        )
        ax.add_patch(frame)
        _say(ax, at + 0.03, y, shown(token), TEXT)
        at += wide + 0.11


def _say(ax: Axes, x: float, y: float, text: str, size: float, color: str = INK, **how: str) -> None:
    ax.text(x, y, text, fontsize=size, color=color, va="baseline", parse_math=False, **how)


def cut(text: str, width: float, size: float) -> str:
    """A text as far as it fits, in whole words; three dots stand for the rest.

    Units   `width` in inches, `size` in points.
    """
    if measured(text, size) <= width:
        return text
    words = text.split(" ")
    while words and measured(" ".join([*words, "…"]), size) > width:
        words.pop()
    return " ".join(words).rstrip(",;") + " …"


def measured(text: str, size: float) -> float:
    """The width of a text in the house style's fonts, in inches."""
    return sum(_advance(sign, tuple(mpl.rcParams["font.family"])) for sign in text) * size / 72


@cache
def _advance(sign: str, families: tuple[str, ...]) -> float:
    """How far one character moves the pen, in sizes of the font."""
    fonts = [font_manager.get_font(font_manager.findfont(family)) for family in families]
    font = next((font for font in fonts if font.get_char_index(ord(sign))), fonts[0])
    font.set_size(100, 72)
    return font.load_char(ord(sign), flags=LoadFlags.NO_HINTING).linearHoriAdvance / 65536 / 100
