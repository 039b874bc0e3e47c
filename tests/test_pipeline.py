"""Executing chapters: keys, presets, failures, and the command line of the environment."""

import json
import math
import os
import subprocess
import sys
import time

import pytest
import yaml

from kosae_core import paths
from pipeline import chapters as ch
from pipeline import execute, kernel, side_by_side, verify
from pipeline.progress import Progress

CHAPTER = """\
# %% tags=["parameters"]
preset = "default"
seed = 0
k = 2

# %%
import json, os, pathlib
folder = pathlib.Path(os.environ["KOSAE_BUILD"], "results", preset)
folder.mkdir(parents=True, exist_ok=True)
record = {"value": k, "unit": "features", "fmt": "d"}
document = {"format": 1, "records": {"c05.k": record}, "claims": {"c05.even": {"holds": k % 2 == 0, "statement": ""}}}
(folder / "05.json").write_text(json.dumps(document))

# %%
print(k)
"""


@pytest.fixture
def book(tmp_path, monkeypatch):
    """A repository with one tiny chapter."""
    (tmp_path / "chapters" / "presets").mkdir(parents=True)
    (tmp_path / "chapters" / "presets" / "default.yaml").write_text("common: {k: 2, n_train: 9}\n")
    (tmp_path / "chapters" / "05_probe.py").write_text(CHAPTER)
    monkeypatch.setattr(paths, "ROOT", tmp_path)
    monkeypatch.setattr(ch, "CHAPTERS", tmp_path / "chapters")
    monkeypatch.setattr(ch, "_CACHE", [])
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path / "build"))
    return tmp_path


def preset(book, name, text):
    (book / "chapters" / "presets" / f"{name}.yaml").write_text(text)


def edit(book, old, new):
    path = book / "chapters" / "05_probe.py"
    path.write_text(path.read_text().replace(old, new))


def test_common_keys_reach_only_chapters_that_have_them(book):
    (job,) = execute.plan("default")
    assert job.overrides == {}
    preset(book, "wide", "common: {k: 8, steps: 3}\n")
    (job,) = execute.plan("wide")
    assert job.overrides == {"k": 8, "preset": "wide"}


@pytest.mark.parametrize(
    ("text", "extra", "word"),
    [
        ("05_probe: {steps: 3}\n", {}, "05_probe has no parameter 'steps', which the preset odd sets"),
        (
            "common: {}\n",
            {"layer": "q3"},
            "05_probe: there is no parameter 'layer', which PARAMS sets; there are preset, seed, k",
        ),
        ("06_none: {k: 3}\n", {}, "no such chapter"),
        ("common: [1\n", {}, "is not YAML"),
    ],
)
def test_wrong_settings_are_one_sentence(book, text, extra, word):
    preset(book, "odd", text)
    with pytest.raises(ch.PipelineError, match=word):
        execute.plan("odd", extra=extra)


def test_unknown_preset_and_chapter(book):
    with pytest.raises(ch.PipelineError, match="there is no preset 'x'; there are default"):
        execute.plan("x")
    with pytest.raises(ch.PipelineError, match="there is no chapter '07'; there are 05_probe"):
        execute.plan("default", only="07")


def test_chapters_outside_a_preset_stand_as_in_default(book):
    preset(book, "news", "chapters: []\ncommon: {k: 5}\n")
    (job,) = execute.plan("news")
    assert job.run == "default" and job.overrides == {}


def test_params_run_apart_from_the_preset(book):
    (job,) = execute.plan("default", extra={"k": 3})
    assert job.run == "default+k=3" and job.overrides == {"preset": "default+k=3", "k": 3}


def test_key_changes_with_code_parameters_core_and_not_with_prose(book, monkeypatch):
    key = execute.plan("default")[0].key
    edit(book, "print(k)", 'print(k)\n\n# %% [markdown] tags=["ko"]\n# 글')
    assert execute.plan("default")[0].key == key
    assert execute.plan("default", extra={"k": 3})[0].key != key
    edit(book, "print(k)", "print(k + 1)")
    assert execute.plan("default")[0].key != key
    edit(book, "print(k + 1)", "print(k)")
    (book / "kosae_core").mkdir()
    (book / "kosae_core" / "new.py").write_text("x = 1\n")
    monkeypatch.setattr(ch, "_CACHE", [])
    changed = execute.plan("default")[0].key
    assert changed != key
    (book / "kosae_core" / "new.py").write_text('"""Why."""\n\nx = 1  # because\n')
    monkeypatch.setattr(ch, "_CACHE", [])
    assert execute.plan("default")[0].key == changed


def test_parameters_cell_is_plain_values(book):
    edit(book, "k = 2", "k = 1 + len('a')")
    with pytest.raises(ch.PipelineError, match=r"05_probe\.py:4: the parameters cell holds plain values"):
        execute.plan("default")


def test_execute_reuse_failure_and_recovery(book, capsys):
    jobs = execute.plan("default")
    assert execute.execute(jobs) == []
    assert jobs[0].current() and json.loads(jobs[0].results.read_text())["records"]["c05.k"]["value"] == 2
    times = json.loads((book / "build" / "executed" / "default" / "times.json").read_text())
    assert times["05_probe"]["seconds"] > 0 and times["05_probe"]["peak_mib"] > 1
    capsys.readouterr()
    assert execute.execute(execute.plan("default")) == []
    assert "1 of 1 chapters are up to date" in capsys.readouterr().out

    edit(book, "print(k)", "print(k)\n\n# %%\nraise RuntimeError('it is wet')")
    (failed,) = execute.plan("default")
    (told,) = execute.execute([failed])
    assert told.startswith("05_probe failed in the cell at chapters/05_probe.py:18: RuntimeError: it is wet")
    assert not failed.results.exists() and not failed.current()
    assert failed.notebook.with_suffix(".failed.ipynb").exists()

    edit(book, "raise RuntimeError('it is wet')", "k")
    jobs = execute.plan("default", extra={"k": 4})
    assert execute.execute(jobs) == []
    assert json.loads(jobs[0].results.read_text())["records"]["c05.k"]["value"] == 4


def add_chapter(book, number, text):
    (book / "chapters" / f"{number}_more.py").write_text(
        text.replace("05.json", f"{number}.json").replace("c05", f"c{number}")
    )


def test_chapters_run_side_by_side(book, capsys):
    meet = """
# %%
import time
(folder / f"{k}-{os.getpid()}.here").touch()
waited = time.monotonic() + 60
while len(list(folder.glob("*.here"))) < 2:
    assert time.monotonic() < waited, "nobody came"
    time.sleep(0.02)
print(os.environ["OMP_NUM_THREADS"])
"""
    (book / "chapters" / "05_probe.py").write_text(CHAPTER + meet)
    add_chapter(book, "06", CHAPTER + meet)
    add_chapter(book, "07", CHAPTER + "\n# %%\nraise RuntimeError('it is wet')\n")
    (book / "data" / "results" / "default").mkdir(parents=True)
    times = {stem: {"seconds": 2, "peak_mib": 100} for stem in ("05_probe", "06_more", "07_more")}
    (book / "data" / "results" / "default" / "times.json").write_text(json.dumps(times))
    (told,) = execute.execute(execute.plan("default"), at_once=2)
    assert (
        told.startswith("07_more failed in the cell at ") and "chapters/07_more.py:18: RuntimeError: it is wet" in told
    )
    assert [job.current() for job in execute.plan("default")] == [True, True, False]
    assert "3 chapters in" in capsys.readouterr().out


class Memory:
    """Jobs that say how many of them run while they run."""

    def __init__(self, name):
        self.chapter = self
        self.stem = name


def at_once(job, threads, step):
    folder = os.environ["KOSAE_BUILD"]
    mine = os.path.join(folder, job.stem)
    with open(mine, "w"):
        time.sleep(0.3)
        running = len(os.listdir(folder))
    os.remove(mine)
    return running


def test_the_longest_chapter_starts_first(book, monkeypatch):
    add_chapter(book, "06", CHAPTER)
    add_chapter(book, "07", CHAPTER)
    reference = book / "data" / "results" / "default"
    reference.mkdir(parents=True)
    times = {"05_probe": 5, "06_more": 90, "07_more": 20}
    times = {stem: {"seconds": seconds, "peak_mib": 1} for stem, seconds in times.items()}
    (reference / "times.json").write_text(json.dumps(times))
    asked = []

    def run(work, waiting, at_once, threads, progress):
        asked.append([job.chapter.number for job, _ in waiting])
        return iter(())

    monkeypatch.setattr(side_by_side, "run", run)
    execute.execute(execute.plan("default"), at_once=2)
    execute.execute(execute.plan("default"), at_once=1)
    assert asked == [["06", "07", "05"], ["05", "06", "07"]]


def test_a_chapter_that_has_not_run_takes_what_was_planned(book, monkeypatch):
    add_chapter(book, "06", CHAPTER)
    asked = {}

    def run(work, waiting, at_once, threads, progress):
        asked.update((job.chapter.stem, mib) for job, mib in waiting)
        return iter(())

    monkeypatch.setattr(side_by_side, "run", run)
    execute.execute(execute.plan("default"), at_once=2, needed={"05_probe": 1700.0})
    assert asked == {"05_probe": 1700.0, "06_more": math.inf}


def test_chapters_share_half_of_what_is_free(monkeypatch):
    for free, room in ((2 << 30, 4096), (24 << 30, 12288)):
        monkeypatch.setattr(side_by_side.needs, "free_memory", lambda free=free: free)
        assert side_by_side.room() == room


def test_what_does_not_fit_waits(tmp_path, monkeypatch):
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path))
    monkeypatch.setattr(side_by_side, "room", lambda: 4096)
    waiting = [(Memory(name), mib) for name, mib in (("a", 3000.0), ("b", 2000.0), ("c", math.inf), ("d", 2000.0))]
    with Progress("test", dict.fromkeys("abcd", 1.0), 2) as progress:
        found = {job.stem: n for job, n in side_by_side.run(at_once, waiting, 2, 1, progress)}
    assert set(found) == set("abcd") and found["a"] == found["c"] == 1


def test_environment_of_the_kernel_is_taken_back(book, monkeypatch):
    monkeypatch.delenv("KOSAE_FIGURES", raising=False)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = dict(os.environ)
    with kernel.environment("smoke", 3):
        assert os.environ["OMP_NUM_THREADS"] == "3"
        assert os.environ["KOSAE_FIGURES"] == str(book / "build" / "figures" / "smoke")
        assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE" and os.environ["KOSAE_BUILD"] == before["KOSAE_BUILD"]
    assert dict(os.environ) == before


@pytest.mark.parametrize(
    ("text", "value"), [("16", 16), ("1e-3", 0.001), ("true", True), ("none", None), ("q3", "q3"), ("[1, 2]", [1, 2])]
)
def test_values_of_the_command_line(text, value):
    assert execute.parse_value(text) == value


def record(value, unit="share", **more):
    return {"value": value, "unit": unit, "fmt": ".3f"} | more


@pytest.mark.parametrize(
    ("reference", "fresh", "agrees"),
    [
        (record(0.80), record(0.83), True),
        (record(0.80), record(0.86), False),
        (record(0.80, tolerance=0.1), record(0.86), True),
        (record(0.80, tolerance=0.001), record(0.802), False),
        (record(0.001), record(0.008), True),
        (record(30, unit="tokens"), record(33, unit="tokens"), False),
        (record(30.0, unit="seconds"), record(90.0, unit="seconds"), True),
        (record(30.0, unit="seconds", tolerance=1.0), record(90.0, unit="seconds"), False),
        (record("q2"), record("q3"), False),
    ],
)
def test_verify_compares_within_tolerance(reference, fresh, agrees):
    assert verify.compare_records("c05.x", reference, fresh).agrees == agrees


@pytest.mark.parametrize(("old", "new", "agrees"), [
    ({"holds": True}, {"holds": True}, True),
    ({"holds": True}, {"holds": False}, False),
    ({"holds": True, "close": True}, {"holds": False}, True),
    ({"holds": False}, {"holds": True, "close": True}, True),
])  # fmt: skip
def test_only_a_close_claim_may_change(old, new, agrees):
    sides = ({"records": {}, "claims": {"c05.x": side}} for side in (old, new))
    assert verify.compare(*sides)[0].agrees == agrees


def test_reference_then_verify(book, capsys):
    jobs = execute.plan("default")
    execute.execute(jobs)
    assert verify.main(["--preset", "default", "--reference"]) == 0
    assert (book / "data" / "results" / "default" / "05.json").exists()
    assert (book / "data" / "results" / "default" / "times.json").exists()
    assert verify.main(["--preset", "default"]) == 0
    assert "1 numbers and 1 claims agree" in capsys.readouterr().out
    edit(book, '"value": k', '"value": k + 1')
    assert verify.main(["--preset", "default"]) == 1
    assert "c05.k" in capsys.readouterr().out
    assert json.loads(jobs[0].results.read_text())["records"]["c05.k"]["value"] == 2, (
        "verify must leave the build alone"
    )


def test_the_reference_of_one_chapter_leaves_the_others(book):
    execute.execute(execute.plan("default"))
    assert verify.main(["--reference"]) == 0
    folder = book / "data" / "results" / "default"
    before = (folder / "05.json").read_text()
    edit(book, '"value": k', '"value": k + 1')  # 05 is not current any more
    add_chapter(book, "06", CHAPTER.replace("05", "06"))
    execute.execute(execute.plan("default", "06"))
    assert verify.main(["--reference"]) == 1
    assert verify.main(["--reference", "--only", "06"]) == 0
    assert (folder / "05.json").read_text() == before and (folder / "06.json").exists()
    assert set(json.loads((folder / "times.json").read_text())) == {"05_probe", "06_more"}


def bootstrap(code):
    script = f"import runpy, sys\nm = runpy.run_path({str(paths.ROOT / 'pipeline' / 'bootstrap.py')!r})\n{code}"
    return subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)


def test_old_python_hears_one_sentence():
    done = bootstrap("sys.version_info = (3, 9, 2)\nm['check_python']()")
    assert done.returncode == 1 and done.stderr.count("\n") == 1 and "Python 3.11 or newer is needed" in done.stderr


def test_no_space_is_one_sentence():
    done = bootstrap(
        "import shutil, types\nshutil.disk_usage = lambda p: types.SimpleNamespace(free=1)\nm['check_space']()"
    )
    assert done.returncode == 1 and "0.0 GiB are free" in done.stderr and done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("errors", "words"),
    [
        (
            "WARNING: Retrying ... NewConnectionError ...\nERROR: No matching distribution found for torch",
            "cannot be reached",
        ),
        ("ERROR: No matching distribution found for torch==2.13.0", "there is no such package for Python"),
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        ("ERROR: something else", "pip failed: ERROR: something else"),
    ],
)
def test_what_pip_says_becomes_a_sentence(errors, words):
    done = bootstrap(f"print(m['explain']({errors!r}))")
    assert words in done.stdout and done.stdout.count("\n") == 1


def test_every_make_target_is_in_help():
    done = subprocess.run(["make", "help"], cwd=paths.ROOT, capture_output=True, text=True)
    for target in ("all", "test", "chapters", "site pdf", "verify", "reference", "clean"):
        assert f"make {target}" in done.stdout


def test_shipped_presets_are_read():
    names = [path.stem for path in (ch.CHAPTERS / "presets").glob("*.yaml")]
    assert {"smoke", "default", "ynat", "keat"} <= set(names)
    for name in names:
        execute.plan(name)


def test_default_preset_equals_the_parameters_cells():
    common = yaml.safe_load((ch.CHAPTERS / "presets" / "default.yaml").read_text())["common"]
    for chapter in ch.read_chapters():
        own = chapter.parameters
        assert list(own)[:2] in (["preset", "seed"], ["preset"]), chapter.stem  # one that computes nothing has no seed
        assert {key: own[key] for key in common if key in own} == {key: common[key] for key in common if key in own}, (
            chapter.stem
        )
