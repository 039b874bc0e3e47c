"""Today's prose around stored outputs, once per language."""

import json

import nbformat
import pytest

from pipeline import chapters as ch
from pipeline import weave

SOURCE = """\
# %% [markdown] tags=["ko"]
# # 제목 {#sec-a}
#
# 값은 {{< var c05.ev >}}이다. [위가 [@gao2024]보다 높다.]{.claim key="c05.above"} [낮다.]{.claim key="c05.below"}

# %% [markdown] src="" tags=["en"]
# # Title {#sec-a}
#
# The value is {{< var c05.ev >}} and $x = {{< var c05.drop >}}$. [It is above [@gao2024].]{.claim key="c05.above"}
# [Lower.]{.claim key="c05.below"}

# %% tags=["parameters"]
k = 1

# %%
#| label: fig-a
#| fig-cap-ko: "그림 {{< var c05.ev >}}"
#| fig-cap-en: "Figure {{< var c05.ev >}}"
draw(k)
"""


def output(**data):
    return nbformat.v4.new_output("display_data", data=data)


@pytest.fixture
def values():
    values = weave.Values({})
    values.records = {
        "c05.ev": {"value": 0.912, "unit": "share", "fmt": ".1%"},
        "c05.drop": {"value": -2.0, "unit": "nats", "fmt": ".1f"},
    }
    values.claims = {"c05.above": {"holds": True}, "c05.below": {"holds": False}}
    return values


def make(tmp_path, source=SOURCE, outputs=None):
    path = tmp_path / "05_weave.py"
    path.write_text(source)
    chapter = ch.read_chapter(path)
    executed = nbformat.from_dict(chapter.notebook.copy())
    for cell in executed.cells:
        if cell.cell_type == "code":
            cell.outputs = []
    executed.cells[-1].outputs = (
        outputs if outputs is not None else [output(**{"image/svg+xml": "<svg/>", "text/plain": "<Figure>"})]
    )
    return chapter, executed


def test_both_languages(tmp_path, values):
    chapter, executed = make(tmp_path)
    ko = weave.weave(chapter, executed, values, "ko")
    en = weave.weave(chapter, executed, values, "en")
    assert [c.source.split("\n")[0] for c in ko.cells] == ["# 제목 {#sec-a}", "k = 1", "#| label: fig-a"]
    assert (
        "값은 91.2%이다. 위가 [@gao2024]보다 높다. [낮다.]{.claim-failed} [(이번 실행에서는 성립하지 않았다)]{.claim-note}"
        in ko.cells[0].source
    )
    assert "91.2% and $x = -2.0$. It is above [@gao2024].\n[Lower.]{.claim-failed} [(did not hold" in en.cells[0].source
    assert ko.cells[2].source == '#| label: fig-a\n#| fig-cap: "그림 91.2%"\ndraw(k)'
    assert en.cells[2].source == '#| label: fig-a\n#| fig-cap: "Figure 91.2%"\ndraw(k)'
    assert list(en.cells[2].outputs[0].data) == ["image/svg+xml"]
    assert nbformat.writes(ko) == nbformat.writes(weave.weave(chapter, executed, values, "ko"))
    nbformat.validate(ko)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("값은 {{< var c05.ev >}}", "값은 {{< var c05.none >}}", r"05_weave\.py:4: no chapter recorded c05.none"),
        ('key="c05.above"', 'key="c05.up"', r"05_weave\.py:4: no chapter recorded the claim c05.up"),
        ("값은", "{{< meta x >}}", r"05_weave\.py:4: {{< meta x >}} is not a shortcode"),
        (
            '#| fig-cap-en: "Figure {{< var c05.ev >}}"\n',
            "",
            r"05_weave\.py:16: the option fig-cap is there in one language",
        ),
        ("그림 {{< var c05.ev >}}", "{{< var c05.no >}}", r"05_weave\.py:17: no chapter recorded c05.no"),
    ],
)
def test_wrong_prose_is_named_with_its_line(tmp_path, values, old, new, words):
    chapter, executed = make(tmp_path, SOURCE.replace(old, new))
    with pytest.raises(ch.PipelineError, match=words):
        weave.weave(chapter, executed, values, "ko")


def test_a_run_on_english_alone_says_so(tmp_path, values):
    source = SOURCE.replace("{{< var c05.ev >}}", "{{< var c05.ev_ko_q2 >}}")
    values.records["c05.ev_en_q2"] = values.records.pop("c05.ev")
    for language, words in (("ko", "영어에서 잰 것"), ("en", "those of English")):
        page = weave.weave(*make(tmp_path, source), values, language)
        assert "91.2%" in page.cells[0].source and page.cells[1].source.startswith("::: {.callout-note}")
        assert words in page.cells[1].source
    values.records["c05.ev_ko_q2"] = {"value": 0.5, "unit": "share", "fmt": ".1%"}
    page = weave.weave(*make(tmp_path, source), values, "en")
    assert "50.0%" in page.cells[0].source and "callout" not in page.cells[1].source
    source = source.replace("ev_ko_q2", "ev_kor")
    with pytest.raises(ch.PipelineError, match="no chapter recorded"):
        weave.weave(*make(tmp_path, source), values, "en")


def test_a_number_of_another_presets_committed_run(tmp_path, values, monkeypatch):
    folder = tmp_path / "data" / "results" / "hate"
    folder.mkdir(parents=True)
    run = {
        "format": 1,
        "chapter": "10",
        "preset": "hate",
        "records": {"c10.auc": {"value": 0.578, "unit": "", "fmt": ".2f"}},
    }
    (folder / "10.json").write_text(json.dumps({**run, "claims": {}}))
    monkeypatch.setattr(weave.paths, "reference_dir", lambda preset: tmp_path / "data" / "results" / preset)
    assert values.resolve("It is {{< var hate:c10.auc >}}.", "en", str) == "It is 0.58."
    with pytest.raises(ch.PipelineError, match="^1: no committed run of the preset ud recorded c10.auc"):
        values.resolve("\n{{< var ud:c10.auc >}}", "en", str)


def test_missing_figure_and_error_output_fail(tmp_path, values):
    chapter, executed = make(tmp_path, outputs=[])
    with pytest.raises(ch.PipelineError, match=r"05_weave\.py:16: fig-a has no figure"):
        weave.weave(chapter, executed, values, "ko")
    error = nbformat.v4.new_output("error", ename="E", evalue="", traceback=[])
    chapter, executed = make(tmp_path, outputs=[error])
    with pytest.raises(ch.PipelineError, match="the stored output is an error"):
        weave.weave(chapter, executed, values, "ko")


def test_variants_are_called_as_in_prose(values):
    values.records |= {
        "c05.best": {"value": "standard", "unit": "variant", "fmt": ""},
        "c05.setting": {"value": "topk, k 12", "unit": "setting", "fmt": ""},
        "c05.label": {"value": "standard", "unit": "category", "fmt": ""},
    }
    text = "{{< var c05.best >}}; {{< var c05.setting >}}; {{< var c05.label >}}"
    said = {lang: values.resolve(text, lang, str) for lang in ("ko", "en")}
    assert said == {"ko": "표준형; TopK, k 12; standard", "en": "standard; TopK, k 12; standard"}


def test_noise_is_dropped_and_results_kept(tmp_path, values):
    stream = nbformat.v4.new_output
    outputs = [
        stream("stream", name="stderr", text="warning"),
        stream("stream", name="stdout", text="12\n"),
        stream("execute_result", data={"text/plain": "<Axes: >"}),
        stream("execute_result", data={"text/plain": "True"}),
        stream("execute_result", data={"text/plain": "(False, True)"}),
        stream("execute_result", data={"text/plain": "0.5"}),
        output(**{"image/svg+xml": "<svg/>"}),
    ]
    chapter, executed = make(tmp_path, outputs=outputs)
    kept = weave.weave(chapter, executed, values, "en").cells[-1].outputs
    assert [o.get("text") or next(iter(o.data.values())) for o in kept] == ["12\n", "0.5", "<svg/>"]


def test_what_record_hands_back_is_not_shown(tmp_path, values):
    number = nbformat.v4.new_output("execute_result", data={"text/plain": "0.5"})
    chapter, executed = make(tmp_path, SOURCE.split("#| label")[0] + 'results.record(\n    "x", k\n)\n', [number])
    assert weave.weave(chapter, executed, values, "en").cells[-1].outputs == []


def test_outputs_of_other_code_are_refused(tmp_path, values):
    chapter, executed = make(tmp_path)
    executed.cells[-1].source = "draw(k + 1)"
    with pytest.raises(ch.PipelineError, match="stored outputs are those of other code"):
        weave.weave(chapter, executed, values, "ko")


def test_injected_parameters_are_shown(tmp_path, values):
    chapter, executed = make(tmp_path)
    injected = nbformat.v4.new_code_cell("# Parameters\nk = 7", metadata={"tags": ["injected-parameters"]})
    executed.cells.insert(3, injected)
    page = weave.weave(chapter, executed, values, "en")
    assert [c.source for c in page.cells if c.cell_type == "code"][:2] == ["k = 1", "# Parameters\nk = 7"]


BLOCKS = """\
before

::: {.when key="c05.absent"}
gone {{< var c05.absent >}}

::: {.callout-note}
gone too
:::

::: {.when key="c05.ev"}
gone with what encloses it
:::
:::

::: {.when key="c05.ev"}
stays {{< var c05.ev >}}
:::

::: {.when key="c05.above"}
::: {.callout-note}
[note]{.claim key="c05.above"}
:::
:::
after"""


def test_a_cell_keeps_its_figure_only_with_its_key(tmp_path, values):
    for key, kept in (("c05.ev", True), ("c05.above", True), ("c05.absent", False)):
        chapter, executed = make(tmp_path, SOURCE.replace("#| label: fig-a", f"#| when: {key}\n#| label: fig-a"))
        if not kept:
            executed.cells[-1].outputs = []  # as of a cell that drew nothing
        page = weave.weave(chapter, executed, values, "en")
        options = '#| label: fig-a\n#| fig-cap: "Figure 91.2%"\n'
        assert page.cells[-1].source == options * kept + "draw(k)"
        assert len(page.cells[-1].outputs) == kept


def test_when_blocks_stay_only_with_their_key(values):
    told = values.resolve(BLOCKS, "ko", lambda line: str(line))
    assert told.split() == ["before", "stays", "91.2%", ":::", "{.callout-note}", "note", ":::", "after"]
    assert told.count("\n") == BLOCKS.count("\n")


def test_a_when_block_may_say_holds_first_and_close_with_a_space(values):
    text = '::: {.when holds="no" key="c05.above"}\ngone\n::: \n::: {.when key=c05.ev }\nstays\n:::\n'
    assert values.resolve(text, "en", str).split() == ["stays"]


def test_an_open_when_block_is_an_error_with_its_place(values):
    with pytest.raises(ch.PipelineError, match="line 1: no ::: closes"):
        values.resolve('text\n::: {.when key="c05.ev"}\nmore', "en", lambda line: f"line {line}")


OUTCOMES = """\
::: {.when key="c05.above" holds="yes"}
it is above
:::
::: {.when key="c05.above" holds="no"}
it is not above
:::
[A is above.]{.claim key="c05.above"}[A is below.]{.otherwise} And [B [x] is.]{.claim key="c05.below"}[B is not, {{< var c05.ev >}}.]{.otherwise}"""


def test_prose_follows_what_a_claim_found(values):
    values.claims["c05.below"] = {"holds": False, "statement": "s"}
    told = values.resolve(OUTCOMES, "en", str)
    assert told.split("\n")[1] == "it is above" and "it is not above" not in told
    assert told.split("\n")[-1] == "A is above. And B is not, 91.2%."


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('a\n::: {.when key="c05.none" holds="no"}\n:::', "line 1: no chapter recorded the claim c05.none"),
        ('a\n::: {.when keys="c05.ev"}\n:::', 'line 1: a .when block says key="c05.x"'),
        ('::: {.when key="c05.above" holds="maybe"}\n:::', "line 0: a .when block says"),
        ("a\n\n[b]{.otherwise}", "line 2: this .otherwise does not follow a claim"),
        ('[a]{.claim key="c05.above"} [b]{.otherwise}', "line 0: this .otherwise does not follow a claim"),
        ('a]{.claim key="c05.above"}', "line 0: no \\[ opens the claim c05.above"),
    ],
)
def test_conditions_that_mean_nothing_are_refused(values, text, said):
    with pytest.raises(ch.PipelineError, match=said):
        values.resolve(text, "en", lambda line: f"line {line}")


def test_columns_of_a_table_get_width_by_their_text():
    from pipeline.weave import _widths

    table = "| name | what it says |\n| :-- | --: |\n| a \\| b | " + "long " * 30 + "|\n"
    head, rule, row = _widths(table).strip().split("\n")
    assert (
        rule == "| :" + "-" * (6 + 8) + "- | -" + "-" * (6 + 48 + 33) + ": |"
    )  # what is longer than 48 counts for less
    assert (head, row) == tuple(table.strip().split("\n")[i] for i in (0, 2))
    assert _widths(table, 4).split("\n")[1].startswith("| :" + "-" * (6 + 16) + "- |")
    assert _widths("no table\n") == "no table\n"
