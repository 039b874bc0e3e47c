"""Figures are the same file each time; tables are Markdown that survives any token."""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from kosae_core import plots


def test_same_figure_same_file_with_korean_text_as_paths(tmp_path, monkeypatch, recwarn):
    monkeypatch.setenv("KOSAE_FIGURES", str(tmp_path))
    texts = []
    for _ in range(2):
        plots.house_style()
        fig, ax = plt.subplots()
        ax.plot([0, 1], color=plots.VARIANT_COLORS["gated"], label="한국어 −1")
        ax.legend()
        plots.save(fig, "fig-a-1")
        plt.close(fig)
        texts.append((tmp_path / "fig-a-1.svg").read_text())
    assert texts[0] == texts[1] and "<text" not in texts[0] and "<dc:date>" not in texts[0]
    assert not [w for w in recwarn if "missing from" in str(w.message) or "findfont" in str(w.message)]


@pytest.mark.parametrize("name", ["a", "fig_a", "fig-A", "../fig-a"])
def test_figure_ids(name):
    with pytest.raises(ValueError, match="must be like fig-probe-depth"):
        plots.save(plt.figure(), name)


def test_pipe_table():
    df = pd.DataFrame(
        {"n": [12000, -3], "ev": [0.91234, np.nan], "token": ["*은|", "a_b\n$"], "yes": [True, False]},
        index=["topk", "raw"],
    )
    assert plots.pipe_table(df, fmt={"ev": ".1%"}).split("\n") == [
        "|  | n | ev | token | yes |",
        "| :-- | --: | --: | :-- | :-- |",
        r"| topk | 12,000 | 91.2% | \*은\| | True |",
        r"| raw | −3 | – | a\_b \$ | False |",
        "",
    ]


def test_pipe_table_index_and_escape():
    df = pd.DataFrame({"$k$": [1], "what": ["**x** | y"]})
    assert plots.pipe_table(df, escape=False) == "| $k$ | what |\n| --: | :-- |\n| 1 | **x** \\| y |\n"
    assert plots.pipe_table(df, index=True).startswith("|  | $k$")


def test_table_displays_markdown(monkeypatch):
    shown = []
    monkeypatch.setattr("IPython.display.display", lambda data, raw: shown.append((data, raw)))
    plots.table(pd.DataFrame({"a": [1]}))
    assert shown[0][0]["text/markdown"].startswith("| a |") and shown[0][1] is True


def test_palette_is_as_long_as_asked():
    assert len(plots.palette(4)) == 4 and len(set(map(tuple, plots.palette(15)))) == 15


def test_korean_font_comes_with_the_project():
    assert plots.korean_font_file() is not None
