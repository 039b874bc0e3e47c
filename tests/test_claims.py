"""What the earlier studies found: the file of claims, and how the verdicts are reached."""

import pytest

from kosae_core import paths
from kosae_core.results import load_results
from pipeline import claims, readme

RUN = '[run.05]\ncommand = "make x"\nmachine = "2 cores"\nminutes = 1\n'
TESTED = """
[[claim]]
id = "A1"
source = "fxnnxc"
ko = "가"
en = "a"
expected = "a > b"
tolerance = "0.1"
seeds = 1
supports = ["c05.above"]
shown_ko = "값 {c05.gap}"
shown_en = "value {c05.gap}"
"""
OPEN = '[[claim]]\nid = "B1"\nsource = "x"\nko = "나"\nen = "b"\nstatus = "open"\n'


def results(holds=True, gap=0.25, **more):
    records = {"c05.gap": {"value": gap, "unit": "share", "fmt": ".2f"} | more}
    below = {"c05.below": {"holds": not holds}, "c05.above": {"holds": holds}}
    below["c05.unclear"] = {"holds": False, "undecided": True}
    return claims.Recorded({"05": {"records": records, "claims": below}})


def read(tmp_path, text):
    (tmp_path / "claims.toml").write_text(text, encoding="utf-8")
    return claims.read(tmp_path / "claims.toml", [results()])


def test_a_file_in_another_encoding_is_refused(tmp_path):
    (tmp_path / "claims.toml").write_bytes((RUN + TESTED).encode("cp949"))
    with pytest.raises(ValueError, match="claims.toml is not TOML in UTF-8"):
        claims.read(tmp_path / "claims.toml", [results()])


def test_a_right_file_is_read(tmp_path):
    (tested, untested), runs = read(tmp_path, RUN + TESTED + OPEN)
    assert (tested.id, tested.supports, untested.status) == ("A1", ["c05.above"], "open")
    assert runs["05"].minutes == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[claim]\n", "claims.toml is not TOML"),
        (RUN + TESTED.replace("supports", "suports"), "claim A1: there is no field 'suports'; the fields are id, "),
        (RUN + TESTED + TESTED, "claim A1: this id is given twice"),
        (RUN + TESTED.replace("c05.above", "c05.abov"), "claim A1: no committed result has c05.abov among its claims"),
        (RUN + TESTED.replace("{c05.gap}", "{c05.hole}"), "no committed result has c05.hole among its records"),
        (RUN + TESTED.replace("value {c05.gap}", "value"), "shown_ko and shown_en show different keys"),
        (RUN + TESTED.replace('tolerance = "0.1"', ""), "a tested claim needs expected, tolerance"),
        (RUN + TESTED.replace("seeds = 1", "seeds = 0"), "a tested claim needs expected, tolerance, seeds"),
        (RUN + TESTED.replace("seeds = 1", 'seeds = "3"'), "claim A1: seeds must be a int, not '3'"),
        (TESTED, r"add \[run.05\]"),
        (OPEN.replace('"open"', '"done"'), "the status is tested, open or untestable, not 'done'"),
        (OPEN.replace('"open"', '"untestable"'), "claim B1: why_ko and why_en go together, and an untestable claim"),
        (RUN + TESTED + 'why_ko = "다"\n', "claim A1: why_ko and why_en go together"),
        (OPEN.replace('status = "open"', ""), "claim B1: give it supports, refutes or within"),
        (RUN + TESTED + 'status = "open"\n', "claim A1: give it supports, refutes or within"),
        (OPEN.replace('en = "b"\n', ""), "claim B1: missing 1 required positional argument: 'en'; add it"),
        ("[run.05]\nminuts = 3\n", "run.05: there is no field 'minuts'"),
        ("[other]\n", r"claims.toml must hold \[\[claim\]\] and \[run.NN\] alone; it has other"),
        ("[claim]\nid = 'A1'\n", "alone; it has claim"),
        ("claim = [3]\n", "alone; it has claim"),
        ("run = 3\n", "alone; it has run"),
        ("[run]\n05 = 3\n", "alone; it has run"),
        (
            RUN + TESTED.replace('["c05.above"]', '"c05.above"'),
            r"claim A1: supports must be a list\[str\], not 'c05.above'",
        ),
    ],
)
def test_a_wrong_file_is_refused(tmp_path, text, told):
    with pytest.raises(ValueError, match=told):
        read(tmp_path, text)


def claim(seeds=1, **tests):
    return claims.Claim("A1", "x", "가", "a", seeds=seeds, shown_ko="값 {c05.gap}", shown_en="value {c05.gap}", **tests)


@pytest.mark.parametrize(
    ("tests", "holds", "verdict"),
    [
        ({"supports": ["c05.above"]}, True, "holds"),
        ({"supports": ["c05.above"]}, False, "fails"),
        ({"refutes": ["c05.above"]}, True, "fails"),
        ({"supports": ["c05.above"], "refutes": ["c05.below"]}, True, "holds"),
        ({"supports": ["c05.above", "c05.below"]}, True, "mixed"),
        ({"within": {"c05.gap": [0.2, 0.3]}}, True, "holds"),
        ({"within": {"c05.gap": [0.3, 0.4]}}, True, "fails"),
        ({"supports": ["c05.above"], "within": {"c05.gap": [0.3, 0.4]}}, True, "mixed"),
        ({"supports": ["c05.above", "c05.not_run"]}, True, "open"),
        ({"supports": ["c05.unclear"]}, True, "undecided"),
        ({"refutes": ["c05.unclear"]}, True, "undecided"),
        ({"supports": ["c05.above", "c05.unclear"]}, True, "undecided"),
        ({"supports": ["c05.above", "c05.below", "c05.unclear"]}, True, "mixed"),
        ({"supports": ["c05.below", "c05.unclear"]}, True, "fails"),
        ({"status": "open"}, True, "open"),
    ],
)
def test_verdicts(tests, holds, verdict):
    assert claims.verdict(claim(**tests), results(holds)) == verdict


def test_the_table_has_a_verdict_and_numbers_and_names_what_is_open():
    listed = [claim(supports=["c05.above"]), claims.Claim("B1", "x", "나", "b", status="open")]
    main = results(True, 0.2, interval=[0.1, 0.3])
    ko, en = (claims.table(listed, main, {"default": results(False)}, language) for language in ("ko", "en"))
    assert "| A1 | 가 | 성립 | 값 0.20 [0.10, 0.30] | 1 | 성립하지 않음 |" in ko
    assert "| A1 | a | holds | value 0.20 [0.10, 0.30] | 1 | does not hold |" in en
    assert "| B1" not in en
    other = claims.table(
        [claim(supports=["c05.above"], elsewhere=["ynat"])], results(True), {"ynat": results(True)}, "en"
    )
    assert other.endswith("| A1 | a | holds | value 0.25 | 1 |  |\n")
    assert claims.table(listed[1:], main, {}, "ko") == ""


def test_seeds_are_those_within_the_run_or_the_runs_on_other_seeds():
    runs = [results(False), results(True)]

    def cell(language, **more):
        shown = claims.table([claim(supports=["c05.above"], **more)], results(True, 0.5), {}, language, runs)
        return shown.splitlines()[2]

    assert cell("en").endswith("| holds | value 0.50 | 3: holds 2, does not hold 1 |")
    assert cell("ko").endswith("| 성립 | 값 0.50 | 3: 성립 2, 성립하지 않음 1 |")
    assert cell("en", seeds=4).endswith("| value 0.50 | 4 |")
    runs = [results(True)]
    assert cell("en").endswith("| value 0.50 | 2 |")
    shown = claims.table([claim(supports=["c05.other"])], runs[0], {}, "en", runs)
    assert shown.splitlines()[0] == "| | finding | verdict | measured | seeds |" and shown.endswith("|  |\n")
    found = {"default": runs[0], "full": results(False), "full20": runs[0]}
    assert claims.again(found) == runs


def test_runs_on_other_seeds_leave_the_rest_to_full(tmp_path, monkeypatch):
    document = {"records": {}, "claims": {}}
    by_preset = {"full": {"03": document | {"claims": {"c03.a": {"holds": True}}}, "05": document}, "default": {}}
    by_preset["full10"] = {"05": document | {"claims": {"c05.b": {"holds": False}}}}
    monkeypatch.setattr(claims.paths, "reference_dir", lambda preset: preset)
    monkeypatch.setattr(claims.paths, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(claims.results, "load_results", lambda preset: by_preset.get(preset, {}))
    (tmp_path / "claims.toml").write_text("")
    found = claims.committed()[2]
    assert list(found) == ["default", "full", "full10"] and list(found["full10"].claims) == ["c03.a", "c05.b"]


def test_reasons_are_given_where_a_claim_does_not_hold_or_cannot_be_tested():
    why = {"why_ko": "까닭", "why_en": "because"}
    listed = [claim(supports=["c05.above"], **why), claims.Claim("B1", "x", "나", "b", status="untestable", **why)]
    assert claims.reasons(listed, {"": results(True)}, "en") == "- **B1.** because\n"
    assert claims.reasons(listed, {"": results(False)}, "ko") == "- **A1.** 까닭\n- **B1.** 까닭\n"
    runs = {"": results(True), "ynat": results(False)}
    assert claims.reasons(listed, runs, "ko") == "- **A1.** 까닭\n- **B1.** 까닭\n"
    listed[0].elsewhere.append("ynat")
    assert claims.reasons(listed, runs, "ko") == "- **B1.** 까닭\n"


def test_a_chapter_shows_one_source(monkeypatch):
    listed = [claim(supports=["c05.above"]), claims.Claim("B1", "x", "나", "b", status="open")]
    found = {"default": results(True), "full": results(True, 0.5), "ynat": results(False)}
    monkeypatch.setattr(claims, "committed", lambda run: (listed, {}, found))
    table, remarks = claims.section("A", results(False), "en")
    assert table.splitlines()[0] == "| | finding | verdict | measured | seeds | this run | `ynat` |" and remarks == ""
    assert table.splitlines()[2].endswith("| holds | value 0.50 | 1 | does not hold | does not hold |")
    assert "| 측정값 | 시드 | 이 실행 | `ynat` |" in claims.section("A", results(False), "ko")[0]
    table = claims.section("A", results(False), "en", full=True)[0]
    assert (
        "| measured | seeds | `default` | `ynat` |" in table and "| does not hold | value 0.25 | 1 | holds |" in table
    )
    assert claims.section("B", results(True), "en") == ("", "\nNot tested by any chapter yet: B1.\n")
    with pytest.raises(ValueError, match="no claim's id begins with Z"):
        claims.section("Z", results(True), "en")


def test_a_preset_that_lacks_the_chapter_says_nothing():
    empty = claims.Recorded({})
    assert "| A1 | a | holds | value 0.25 | 1 |  |  |" in claims.table(
        [claim(supports=["c05.above"])], results(), {"default": empty, "ynat": empty}, "en"
    )


def test_the_committed_claims_fit_the_committed_results():
    listed, runs, found = claims.committed()
    studies = {"A": 7, "B": 9, "C": 6, "D": 3, "E": 7, "K": 16}
    assert [c.id for c in listed] == [f"{study}{n}" for study, count in studies.items() for n in range(1, count + 1)]
    for preset in ("full", "default"):
        unasked = [c.id for c in listed if c.status == "tested" and claims.verdict(c, found[preset]) == "open"]
        assert not unasked, f"{preset} has no verdict on these"
    unexplained = [c.id for c in listed if claims.denied(c, found) and not c.why_ko]
    assert not unexplained, "a claim that does not hold has why_ko and why_en"
    linked = [c.id for c in listed if "}(" in c.shown_ko + c.shown_en]
    assert not linked, "an interval with a parenthesis behind it is a link"
    chapters = {path.stem for path in (paths.ROOT / "chapters").glob("*.py")}
    assert all(run.command.removeprefix("make chapters ONLY=") in chapters for run in runs.values())


def test_claims_stand_on_as_many_seeds_as_were_trained():
    listed, _, _ = claims.committed()
    documents = {name: load_results(paths.reference_dir(name)) for name in ("full", *claims.SEEDS)}
    for one in (one for one in listed if one.status == "tested"):
        keys = [*one.supports, *one.refutes, *one.within]
        chapters = {key[1:3] for key in keys}
        if one.seeds == 1:  # runs on other seeds ask it as well
            assert all(chapters <= set(documents[name]) for name in claims.SEEDS), one.id
            continue
        records = documents["full"][min(chapters)]["records"]
        shown = [records[key] for key in claims._KEY.findall(one.shown_en)]
        trained = {len(each.get("seeds", documents["full"][min(chapters)]["seeds"])) for each in shown}
        trained |= {each["value"] for key, each in records.items() if key.endswith("n_seeds")}
        assert len(chapters) == 1 and one.seeds in trained, (
            f"{one.id} claims {one.seeds} seeds, and {trained} are recorded"
        )


@pytest.mark.parametrize("name", readme.FILES)
def test_the_readmes_show_the_present_verdicts(name):
    text = (paths.ROOT / name).read_text(encoding="utf-8")
    assert claims.filled(text, name) == text


def test_a_readme_without_a_place_is_named():
    with pytest.raises(ValueError, match=r"README\.md has no <!--claims-->"):
        claims.filled("# KoSAE", "README.md")
