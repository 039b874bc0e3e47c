"""The house style of figures and tables; no statistics.

Axis text is English in both books; captions carry the two languages.
"""

from __future__ import annotations

import importlib.util
import math
import numbers
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kosae_core import paths

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

WIDTH = 6.3
"""Full text width of the book, in inches."""
HALF = 3.1
"""Width of one of two panels side by side, in inches."""

VARIANT_COLORS = {
    "standard": "#4477aa",
    "gated": "#ee7733",
    "topk": "#228833",
    "raw": "#333333",
    "random": "#bbbbbb",
    "tfidf": "#aa3377",
    "p_anneal": "#99bbdd",
    "gated_anneal": "#f4b183",
    "jumprelu": "#33bbee",
    "batchtopk": "#ccbb44",
    "matryoshka": "#882255",
    "groupmax": "#88ccaa",
}
"""One colour per SAE variant and baseline, the same in every chapter; readable by the colour-blind."""
LANGUAGE_COLORS = {"ko": "#0077bb", "en": "#cc3311"}
SEQUENTIAL = "mako_r"
DIVERGING = "vlag"

_MARKDOWN = re.compile(r"([\\|*_$<>`\[\]@#^~])")


def house_style() -> None:
    """Set fonts, sizes, colours and SVG output for the notebook or script that calls it."""
    import matplotlib as mpl
    import seaborn as sns

    sns.set_theme(
        context="paper",
        style="ticks",
        palette=list(VARIANT_COLORS.values()),
        rc={
            "font.family": ["DejaVu Sans", *_korean_fonts()],  # NanumGothic has no minus sign (U+2212)
            "font.size": 9,
            "axes.titlesize": 9.5,
            "axes.labelsize": 9,
            "xtick.labelsize": 8,
            "ytick.labelsize": 8,
            "legend.fontsize": 8,
            "legend.frameon": False,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.linewidth": 0.7,
            "lines.linewidth": 1.4,
            "lines.markersize": 4,
            "grid.linewidth": 0.5,
            "grid.color": "#e3e3e3",
            "image.cmap": SEQUENTIAL,
            "figure.figsize": (WIDTH, 3.2),
            "figure.constrained_layout.use": True,
            "figure.facecolor": "white",
            "figure.dpi": 100,
            "savefig.dpi": 170,  # of the rasterized parts of an SVG
            "svg.fonttype": "path",
            "svg.hashsalt": "kosae",  # the same figure is the same file
        },
    )
    mpl.rcParams["mathtext.fontset"] = "dejavusans"
    shell = _shell()
    if shell is not None:
        from matplotlib_inline.backend_inline import set_matplotlib_formats
        from matplotlib_inline.config import InlineBackend

        options = InlineBackend.instance(parent=shell)
        options.print_figure_kwargs = {"bbox_inches": "tight", "pad_inches": 0.03, "metadata": {"Date": None}}
        set_matplotlib_formats("svg")


def save(fig: Figure, id: str) -> None:
    """Write the figure to `figures/<id>.svg`; it stays open, so that the cell shows it too.

    Raises  ValueError when the id is not like "fig-probe-depth".
    """
    if not re.fullmatch(r"fig-[a-z0-9-]+", id):
        raise ValueError(f"the figure id {id!r} must be like fig-probe-depth: lower case, digits and hyphens.")
    folder = paths.figures_dir()
    folder.mkdir(parents=True, exist_ok=True)
    fig.savefig(folder / f"{id}.svg", bbox_inches="tight", pad_inches=0.03, metadata={"Date": None})


def table(
    df: pd.DataFrame, fmt: str | dict[Any, str] = ".3f", *, index: bool | None = None, escape: bool = True
) -> None:
    """Display the frame as a Markdown table that both builders read.

    `fmt` formats the columns of fractional numbers, or maps column names to formats; whole numbers get thousands commas.
    `index` shows the row names (by default when they are not just 0, 1, 2 ...); `escape` makes signs such as * and _
    of the cells (not of the header) plain text.
    """
    from IPython.display import display

    text = pipe_table(df, fmt, index=index, escape=escape)
    display({"text/markdown": text, "text/plain": text}, raw=True)


def pipe_table(
    df: pd.DataFrame, fmt: str | dict[Any, str] = ".3f", *, index: bool | None = None, escape: bool = True
) -> str:
    """The frame as the text of a Markdown pipe table; numbers right, words left."""
    import pandas as pd
    from pandas.api.types import is_bool_dtype, is_numeric_dtype

    if index is None:
        index = not isinstance(df.index, pd.RangeIndex)
    numeric = {i: is_numeric_dtype(t) and not is_bool_dtype(t) for i, t in enumerate(df.dtypes)}
    head = [_label(name) for name in df.columns]
    rule = ["--:" if numeric[i] else ":--" for i in range(df.shape[1])]
    rows = [
        [_cell(df.iat[r, i], _format_of(fmt, df.columns[i]), escape) for i in range(df.shape[1])]
        for r in range(len(df))
    ]
    if index:
        head.insert(
            0,
            _label(df.index.name) if df.index.name is not None else " / ".join(map(str, filter(None, df.index.names))),
        )
        rule.insert(0, ":--")
        for row, name in zip(rows, df.index, strict=True):
            row.insert(0, _cell(_label(name), "", escape))
    return "\n".join("| " + " | ".join(cells) + " |" for cells in [head, rule, *rows]) + "\n"


def palette(n: int) -> list[Any]:
    """`n` distinguishable colours, for categories that have no colour of their own."""
    import seaborn as sns

    return list(sns.color_palette("husl", n)) if n > 10 else list(sns.color_palette("muted", n))


def korean_font_file() -> Path | None:
    """The Korean font that is installed with the project (NanumGothic), or None where that wheel is missing."""
    spec = importlib.util.find_spec("koreanize_matplotlib")
    for folder in (spec.submodule_search_locations or []) if spec else []:
        file = Path(folder) / "fonts" / "NanumGothic.ttf"
        if file.exists():
            return file
    return None


def _korean_fonts() -> list[str]:
    from matplotlib import font_manager

    file = korean_font_file()
    if file is not None:
        for each in (file, file.with_name("NanumGothicBold.ttf")):
            if each.exists():
                font_manager.fontManager.addfont(each)
    have = set(font_manager.get_font_names())
    wanted = ("NanumGothic", "Noto Sans CJK KR", "Noto Sans CJK JP", "Apple SD Gothic Neo", "Malgun Gothic")
    return [name for name in wanted if name in have]


def _shell() -> Any:
    try:
        from IPython import get_ipython
    except ImportError:
        return None
    shell = get_ipython()
    return shell if shell is not None and hasattr(shell, "kernel") else None


def _label(name: Any) -> str:
    return " / ".join(str(part) for part in name) if isinstance(name, tuple) else str(name)


def _format_of(fmt: str | dict[Any, str], column: Any) -> str | None:
    return fmt if isinstance(fmt, str) else fmt.get(column)


def _cell(value: Any, fmt: str | None, escape: bool) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "\u2013"
    if isinstance(value, (bool, str)) or not isinstance(value, numbers.Number):
        text = " ".join(str(value).split("\n"))
        return _MARKDOWN.sub(r"\\\1", text) if escape else text.replace("|", r"\|")
    if isinstance(value, numbers.Integral) and (fmt is None or not fmt.endswith("%")):
        return format(int(value), fmt if fmt and fmt.endswith("d") else ",d").replace("-", "\u2212")
    return re.sub(r"^-", "\u2212", format(float(value), fmt or ".3f"))
