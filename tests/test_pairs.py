"""The two languages of every chapter, and the shape of its cells."""

import statistics

import pytest

from pipeline import chapters as ch
from pipeline import pairs

PAIR = """\
# %% [markdown] tags=["ko"]
# # 제목 {#sec-a}
#
# KO

# %% [markdown] src="" tags=["en"]
# # Title {#sec-a}
#
# EN

# %% tags=["parameters"]
preset = "default"
"""


def chapter(tmp_path, ko, en):
    path = tmp_path / "05_pair.py"
    path.write_text(PAIR.replace("KO", ko).replace("EN", en))
    return path


@pytest.mark.parametrize(
    ("ko", "en", "kind"),
    [
        ("값 $k$", "value $k$", None),
        ("값 $k$", "value $K$", "inline maths"),
        ("[@gao2024]가", "as in @gao2024", None),
        ("[@gao2024]가", "as in [@kim2024]", "citations"),
        ("[@fig-a]과 [@fig-b]", "[@fig-b] and [@fig-a]", None),
        ("`k`개", "`n`", "code spans"),
        ("{{< var c05.a >}}", "{{< var c05.b >}}", "numbers from results"),
        ('[높다.]{.claim key="c05.a"}', "[Higher.]", "claims"),
        ("30,000개, 2.5배", "2.5 times, 30000", None),
        ("3개", "three", "numbers"),
        ("[글](https://a.org/b)", "[text](https://a.org/c)", "links"),
        ("https://a.org/b 에", "at https://a.org/b", None),
        ("$$ x $$ {#eq-x}", "$$ x $$ {#eq-y}", "ids"),
        ("`$5` 와 `#1`", "`$5` and `#1`", None),
    ],
)
def test_differences_of_a_pair(tmp_path, ko, en, kind):
    wrong = pairs.check(ch.read_chapter(chapter(tmp_path, ko, en)), hashes=False)
    assert (not wrong) if kind is None else (len(wrong) == 1 and f"05_pair.py:2: {kind}" in wrong[0])


def test_headings_of_another_level_differ(tmp_path):
    path = chapter(tmp_path, "## 가", "글")
    assert "heading levels" in pairs.check(ch.read_chapter(path), hashes=False)[0]


def test_fix_writes_the_hash_and_a_later_change_of_korean_is_stale(tmp_path):
    path = chapter(tmp_path, "가", "a")
    before = path.read_text()
    assert "has changed since this translation" in pairs.check(ch.read_chapter(path))[0]
    assert pairs.main(["--fix", str(path)]) == 0
    changed = [(a, b) for a, b in zip(before.split("\n"), path.read_text().split("\n"), strict=True) if a != b]
    assert len(changed) == 1 and pairs.fix(path) == 0
    path.write_text(path.read_text().replace("# 가", "# 나"))
    assert pairs.main([str(path)]) == 1


def test_cells_without_a_partner(tmp_path):
    path = tmp_path / "05_pair.py"
    path.write_text('# %% [markdown] tags=["ko"]\n# 가\n\n# %%\nx = 1\n\n# %% [markdown] tags=["en"]\n# a\n')
    wrong = pairs.check(ch.read_chapter(path))
    assert "05_pair.py:2: no English cell" in wrong[0] and "05_pair.py:8: no Korean cell" in wrong[1]
    path.write_text("# %% [markdown]\n# 언어 없음\n")
    assert "has no language" in pairs.check(ch.read_chapter(path))[0]


@pytest.mark.parametrize("stem", ch.names())
def test_chapter(stem):
    chapter = ch.read_chapter(ch.CHAPTERS / f"{stem}.py")
    assert pairs.check(chapter) == []
    first, second = chapter.notebook.cells[:2]
    assert ch.tags(first) == ["ko"] and first.source.startswith("# ") and "{#sec-" in first.source.split("\n")[0]
    assert ch.tags(second) == ["en"] and second.source.startswith("# ")
    lengths = []
    for i in chapter.code:
        lines = [
            line for line in chapter.notebook.cells[i].source.split("\n") if line.strip() and not line.startswith("#|")
        ]
        lengths.append(len(lines))
        assert len(lines) <= 30, f"{chapter.at(i)}: a code cell of {len(lines)} lines; 30 are the most"
    assert statistics.median(lengths) <= 5, (
        f"{stem}: the median code cell has {statistics.median(lengths)} lines, over 5"
    )
