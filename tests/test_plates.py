"""Plates: what stands on a card, where it stands, and that nothing leaves its column."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pytest
from matplotlib.font_manager import FontProperties
from matplotlib.patches import Rectangle
from matplotlib.textpath import text_to_path

import kosae_core as kc
from kosae_core import plates
from kosae_core.cards import PART, Card, largest, shown, told
from kosae_core.explaining import Cue, Rule

LONG = "산에서 내려온 친구는 허기진 배를 채우려고 떡볶이를 순식간에 먹어 치웠고 나는 $5 를 냈다. " * 2


def example(text: str, token: str, value: float, also: float = 0.0) -> dict:
    """A text with one token that the example is about, and perhaps its last character at another value."""
    before, _, after = text.partition(token)
    parts = [before, token, value, after]
    if also:
        parts[3:] = [after[:-2], after[-2], also, after[-1]]
    return {"parts": parts, "centre": 0, "lang": "ko", "big": ""}


@pytest.fixture(scope="module")
def card():
    texts = [example(LONG, "채", 8.0, 2.0), example("채소를 샀다.", "채", 4.0), example("수채", "채", 1.0)]
    return Card(1547, 0.0021, 8.0, "on ‘채’, ‘␣채’", texts, [(" 있다", 1.0), ("팅", 0.5)] * 20)


@pytest.fixture(scope="module")
def drawn(card):
    kc.plots.house_style()
    fig = plates.plate([card, Card(3, 0.0, 0.0, "", [], [("a", 1.0)]), card], n_examples=3)
    yield fig
    plt.close(fig)


def width(text: str, size: float) -> float:
    """Inches that matplotlib itself gives a text; a space at an end counts nothing there."""
    return text_to_path.get_text_width_height_descent(text, FontProperties(size=size), False)[0] / 72


@pytest.mark.parametrize("text", ["수채화에 빠져 지낸다", "considers design", "8.67 → ‘␣채’…"])
def test_a_text_is_as_wide_as_it_is_drawn(drawn, text):
    assert plates.measured(text, 7) == pytest.approx(width(text, 7), rel=0.03)


def test_a_card_says_what_it_should(drawn):
    said = [text.get_text() for text in drawn.axes[0].texts]
    assert said.count("1547") == 2 and "density 0.21%    max 8.0" in said and "on ‘채’, ‘␣채’" in said
    assert said.count("8.0") == 2 and "␣있다" in said
    assert "3" in said and "never fires on these texts" in said and "no rule over tokens" in said


def test_examples_stand_one_under_the_other_and_shades_follow_values(drawn):
    ax = drawn.axes[0]
    centres = [text for text in ax.texts if text.get_text() == "채"]
    assert (
        len(centres) == 6 and len({round(text.get_position()[0], 6) for text in centres}) == 1
    )  # both are in column 1
    boxes = [p for p in ax.patches if type(p) is Rectangle]
    at = centres[0].get_position()[0]
    shades = [box.get_alpha() for box in boxes if box.get_x() == pytest.approx(at)]
    assert shades[:3] == pytest.approx([0.9, 0.12 + 0.78 / 2, 0.12 + 0.78 / 8])


def test_nothing_leaves_its_column(drawn):
    ax, column = drawn.axes[0], (plates.WIDTH - plates.GAP) / 2
    for text in ax.texts:
        x, wide = text.get_position()[0], width(text.get_text(), text.get_fontsize())
        left, right = (x - wide, x) if text.get_ha() == "right" else (x, x + wide)
        start = 0 if left < column else column + plates.GAP
        assert left >= start - 0.01 and right <= start + column + 0.01
    long = [text.get_text() for text in ax.texts if "…" in text.get_text()]
    assert any(text.startswith("…") for text in long) and any(text.endswith("…") for text in long)


def test_a_rule_is_cut_at_a_word(drawn):
    assert plates.cut("on ‘a’", 3.0, 7) == "on ‘a’"
    short = plates.cut("on ‘하나’, ‘둘’, ‘셋’, ‘넷’, ‘다섯’", 1.2, 7)
    assert short.endswith("’ …") and plates.measured(short, 7) <= 1.2


def test_no_card_no_plate():
    with pytest.raises(ValueError, match="no feature to draw"):
        plates.plate([])


def test_tokens_and_rules_for_people():
    words = ["<s>", PART, " 채", "채\n"]
    rule = Rule((Cue("on", 2), Cue("after", 1), Cue("on", 3), Cue("after", 1), Cue("later than", 0)), 0.9)
    assert told(rule, words) == "on ‘␣채’, ‘채⏎’; after (byte); later than (start)"
    assert shown("(byte") == "(byte" and told(Rule((Cue("on", 0),), 0.5), ["(a)"]) == "on ‘(a)’"
    assert told(Rule((), 0.5), words) == ""


def test_the_largest_effects_are_of_whole_tokens():
    import numpy as np

    assert largest(np.array([5.0, 4.0, 3.0, 2.0, 1.0]), [PART, " ", "가", "나", "다"], 2) == [("가", 3.0), ("나", 2.0)]
