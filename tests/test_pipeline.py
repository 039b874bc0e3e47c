"""Executing chapters: keys, presets, failures, and how its commands end."""

import errno
import json
import math
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import nbformat
import psutil
import pytest
import yaml
from filelock import FileLock

from kosae_core import paths
from kosae_core.corpora import NAMED
from pipeline import build, claims, execute, fetch_data, inputs, kernel, plan, side_by_side, verify, weave
from pipeline import chapters as ch
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
    monkeypatch.setenv("KOSAE_BUILD", str(tmp_path / "build"))
    monkeypatch.delenv("KOSAE_DATA_DIR", raising=False)
    return tmp_path


def preset(book, name, text):
    (book / "chapters" / "presets" / f"{name}.yaml").write_text(text)


SLOW = CHAPTER.replace("print(k)", "import time; (folder / 'begun').touch(); time.sleep(600)")
RUN = """\
import pathlib, sys
from kosae_core import paths
from pipeline import chapters, execute
if __name__ == "__main__":
    paths.ROOT = pathlib.Path(sys.argv[1])
    chapters.CHAPTERS = paths.ROOT / "chapters"
    sys.exit(execute.main(["--at-once", sys.argv[2]]))
"""


@pytest.mark.parametrize("at_once", [1, 2])
def test_a_run_that_is_terminated_leaves_no_process_and_nothing_half_done(book, at_once):
    (book / "chapters" / "05_probe.py").write_text(SLOW)
    (book / "chapters" / "06_probe.py").write_text(CHAPTER.replace("05.json", "06.json"))
    (book / "run.py").write_text(RUN)
    root = str(Path(ch.__file__).parent.parent)
    env = os.environ | {"PYTHONPATH": root}
    command = [sys.executable, str(book / "run.py"), str(book), str(at_once)]
    run = psutil.Popen(command, cwd=book, env=env, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 120
    while not (book / "build" / "results" / "default" / "begun").exists():
        assert run.poll() is None and time.monotonic() < deadline
        time.sleep(0.2)
    processes = [run, *run.children(recursive=True)]
    run.terminate()
    _, alive = psutil.wait_procs(processes, timeout=60)
    for process in alive:
        process.kill()
    told = run.communicate()[1]
    assert (
        alive == []
        and run.returncode == 130
        and told.endswith("Interrupted: the chapter that was running left nothing; the finished ones are kept.\n")
    )
    assert not (book / "build" / "results" / "default" / "05.json").exists()


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
        ("chapters: 5\n", {}, r"chapters must be a list of chapters, as in \[05_probing\]"),
        (
            "common: {n_fetures: 3}\n",
            {},
            "no chapter has the parameter 'n_fetures', which common of the preset odd sets",
        ),
        ("common: {k: many}\n", {}, r"05_probe: k must be a whole number, as in 2, not 'many' \(the preset odd\)"),
        ("common:\n", {"k": 0}, r"k must be a whole number of at least 1, as in 2, not 0 \(PARAMS\)"),
        ("common: {}\n", {"k": 1e3}, "k must be a whole number, as in 2, not 1000.0"),
        ("common: {}\n", {"seed": -1}, "seed must be a whole number of at least 0"),
        ("common: {}\n", {"share": "x"}, "share must be a number, as in 0.5, not 'x'"),
        ("common: {}\n", {"langs": "[ko,en]"}, r"langs must be a list, as in \['ko', 'en'\], not '\[ko,en\]'"),
        ("common: {}\n", {"langs": [1]}, "langs must be a list of words"),
        ("common: {}\n", {"ks": ["x"]}, "ks must be a list of numbers"),
        ("common: {}\n", {"options": 5}, "options must be a mapping, as in {}, not 5"),
        ("base: none\n", {}, "there is no preset 'none'; there are default, odd"),
        ("base: [1]\n", {}, "odd.yaml: base must be the name of a preset, as in base: full"),
        ("base: odd\n", {}, "the preset odd has the base odd, which stands on odd: name another"),
    ],
)
def test_wrong_settings_are_one_sentence(book, text, extra, word):
    if set(extra) - {"layer"}:
        edit(book, "k = 2", "k = 2\nshare = 0.5\nlangs = ['ko', 'en']\nks = [1]\noptions = {}")
    preset(book, "odd", text)
    with pytest.raises(ch.PipelineError, match=word):
        execute.plan("odd", extra=extra)


def test_unknown_preset_and_chapter(book):
    with pytest.raises(ch.PipelineError, match="there is no preset 'x'; there are default"):
        execute.plan("x")
    with pytest.raises(ch.PipelineError, match="there is no chapter '07'; there are 05_probe"):
        execute.plan("default", only="07")


@pytest.mark.parametrize("name", ["default.yaml", "presets/default.yaml"])
def test_a_file_with_the_name_of_a_preset_is_refused_unless_it_is_that_one(book, name):
    (book / "default.yaml").write_text("common: {k: 3}\n")
    if name == "default.yaml":
        with pytest.raises(
            ch.PipelineError, match=r"default.yaml has the name of a preset of the project, default: give"
        ):
            execute.plan(str(book / name))
    else:
        assert execute.plan(str(book / "chapters" / name))[0].run == "default"


def test_files_that_are_not_utf8_are_named(book):
    (book / "chapters" / "presets" / "odd.yaml").write_bytes("common: {k: 3}\n# 말뭉치\n".encode("cp949"))
    with pytest.raises(ch.PipelineError, match=r"odd\.yaml:2: this is not UTF-8: save the file in that encoding"):
        execute.plan("odd")


def test_a_parameter_without_a_value_of_its_own_takes_any(book):
    edit(book, "k = 2", "k = 2\nlimit = None\npair = (1, 2)")
    assert execute.plan("default", extra={"limit": 3, "pair": (2, 1)})[0].overrides["limit"] == 3
    with pytest.raises(ch.PipelineError, match="pair must be a tuple"):
        execute.plan("default", extra={"pair": 3})


def test_a_preset_changes_what_its_base_says(book):
    edit(book, "k = 2", "k = 2\nsteps = 1\nlimit = 4")
    preset(book, "wide", "common: {k: 8, steps: 3}\n05_probe: {limit: 5, seed: 2}\n")
    preset(book, "other", "base: wide\ncommon: {steps: 6}\n05_probe: {seed: 7}\n")
    assert execute.plan("other")[0].overrides == {"preset": "other", "k": 8, "steps": 6, "limit": 5, "seed": 7}
    preset(book, "third", "base: other\ncommon: {k: 9}\n")
    assert execute.plan("third")[0].overrides == {"preset": "third", "k": 9, "steps": 6, "limit": 5, "seed": 7}
    preset(book, "wide", "base: third\n")
    with pytest.raises(ch.PipelineError, match="the preset third has the base other, which stands on third: name"):
        ch.read_preset("other")
    preset(book, "wide", "05_probe: {limit: 5}\n")
    preset(book, "less", "base: wide\nchapters: []\n")
    less = ch.read_preset("less")
    assert (less.name, less.sections, less.chapters) == ("less", {}, ())  # sections of chapters that it runs alone


def test_chapters_outside_a_preset_stand_as_in_default(book):
    preset(book, "news", "chapters: []\ncommon: {k: 5}\n")
    (job,) = execute.plan("news")
    assert job.run == "default" and job.overrides == {}


def test_a_chapter_that_is_asked_for_runs_with_the_preset_all_the_same(book, capsys):
    preset(book, "news", "chapters: []\ncommon: {k: 5}\n")
    (job,) = execute.plan("news", "05", asked=True)
    assert job.run == "news" and job.overrides == {"preset": "news", "k": 5}
    (job,) = execute.plan("news", asked=True)
    assert job.run == "default"
    assert execute.main(["--preset", "news", "--only", "05"]) == 0
    assert json.loads((book / "build" / "results" / "news" / "05.json").read_text())["records"]["c05.k"]["value"] == 5


def test_params_run_apart_from_the_preset(book):
    (job,) = execute.plan("default", extra={"k": 3})
    assert job.run == "default+k=3" and job.overrides == {"preset": "default+k=3", "k": 3}


def test_a_long_value_gives_a_folder_that_every_file_system_takes(book):
    edit(book, "k = 2", "k = 2\ntext = ''")
    runs = [execute.plan("default", extra={"text": "가나다라" * 40 + end})[0].run for end in "가나"]
    assert len(set(runs)) == 2 and all(len(run.encode()) <= 120 and run.startswith("default+text=가나") for run in runs)


def test_key_changes_with_code_parameters_core_and_not_with_prose(book):
    key = execute.plan("default")[0].key
    edit(book, "print(k)", 'print(k)\n\n# %% [markdown] tags=["ko"]\n# 글')
    assert execute.plan("default")[0].key == key
    assert execute.plan("default", extra={"k": 3})[0].key != key
    edit(book, "print(k)", "print(k + 1)")
    assert execute.plan("default")[0].key != key
    edit(book, "print(k + 1)", "print(k)")
    (book / "kosae_core").mkdir()
    (book / "kosae_core" / "new.py").write_text("x = 1\n")
    inputs.shipped.cache_clear()
    changed = execute.plan("default")[0].key
    assert changed != key
    (book / "kosae_core" / "new.py").write_text('"""Why."""\n\nx = 1  # because\n')
    inputs.shipped.cache_clear()
    assert execute.plan("default")[0].key == changed


def test_key_changes_with_the_files_that_parameters_name(book):
    edit(book, "k = 2", 'k = 2\ncorpora = []\nlm_name = "m"\nharm_corpus = "synthetic"')
    (book / "model").mkdir()
    (book / "data" / "models" / "m").mkdir(parents=True)
    (book / "build" / "corpora" / "keat").mkdir(parents=True)
    texts, weights = book / "texts.txt", book / "model" / "weights.bin"
    mine = {"corpora": [str(texts)], "lm_name": str(book / "model"), "harm_corpus": "keat"}
    keys = []
    for changed in (texts, weights, *(book / "build" / "corpora" / name for name in inputs.NAMED["keat"])):
        changed.write_text("one")
        keys.append(execute.plan("default", extra=mine)[0].key)
    texts.write_text("two")
    keys += [execute.plan("default", extra=mine)[0].key for _ in range(2)]
    assert keys[-1] == keys[-2] and len(set(keys)) == 5
    plain = execute.plan("default")[0].key
    (book / "data" / "models" / "m" / "sae-q2").mkdir()
    (book / "data" / "models" / "m" / "sae-q2" / "weights.safetensors").write_text("one")
    inputs.shipped.cache_clear()
    assert execute.plan("default")[0].key != plain


def test_every_corpus_that_does_not_ship_is_looked_at():
    assert set(inputs.NAMED) == set(NAMED) - {"synthetic"}


def test_parameters_cell_is_plain_values(book):
    edit(book, "k = 2", "k = 1 + len('a')")
    with pytest.raises(ch.PipelineError, match=r"05_probe\.py:4: the parameters cell holds plain values"):
        execute.plan("default")
    edit(book, "k = 1 + len('a')", "k = = 1")
    with pytest.raises(ch.PipelineError, match=r"05_probe\.py:4: this is not Python: "):
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


def test_one_preset_is_executed_by_one_make(book):
    (job,) = execute.plan("default")
    job.notebook.parent.mkdir(parents=True)
    job.results.parent.mkdir(parents=True)
    job.results.write_text("of the other")
    other = FileLock(job.notebook.parent / ".lock")
    with other, pytest.raises(ch.PipelineError, match="another make is executing chapters of default in "):
        execute.execute([job])
    assert job.results.read_text() == "of the other"


@pytest.mark.parametrize(
    "stored", ["[]", '{"metadata": {"kosae": 3}}', '{"metadata": {"kosae": {"key": "KEY", "results": false}}}']
)
def test_outputs_without_their_results_are_not_current(book, stored):
    edit(book, "print(k)", "Results(k)")
    (job,) = execute.plan("default")
    job.notebook.parent.mkdir(parents=True)
    job.notebook.write_text(stored.replace("KEY", job.key))
    assert not job.current()


def test_a_model_of_params_that_is_not_to_be_had_is_refused(book, capsys, monkeypatch):
    edit(book, "k = 2", 'k = 2\nlm_name = "m"')
    for name in ("nobody/typo", "/no/folder", "kosae-ml"):
        assert execute.main(["-p", "lm_name", name]) == 1
        assert f"the model '{name}' is neither inside, nor a folder" in capsys.readouterr().err
    preset(book, "hub", "common: {lm_name: nobody/typo}\n")
    without = execute.plan("hub")[0].key
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inputs, "has_model", lambda name: True)
        assert execute.plan("hub")[0].key != without
    monkeypatch.setattr(execute, "execute", lambda *_: [])
    monkeypatch.setattr(execute, "_say_needs", lambda *_: {})
    assert execute.main(["--preset", "hub"]) == 0  # a preset may name one, and chapter 02 goes on without
    assert capsys.readouterr().err.startswith("nobody/typo cannot be reached: chapter 02 reads the model inside")


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


def test_a_process_that_is_killed_is_one_sentence(monkeypatch):
    class Pool(ThreadPoolExecutor):
        def __init__(self, at_once, context, begin, given):
            super().__init__(at_once)

        def submit(self, *_):
            return super().submit(self.break_down)

        def break_down(self):
            raise BrokenProcessPool

    monkeypatch.setattr(side_by_side, "ProcessPoolExecutor", Pool)
    told = r"a process was killed while a, b ran, .*: the finished chapters are kept"
    with Progress("test", {"a": 1.0, "b": 1.0}, 2) as progress, pytest.raises(ch.PipelineError, match=told):
        list(side_by_side.run(None, [(Memory("a"), 1.0), (Memory("b"), 1.0)], 2, 1, progress))


def test_no_chapters_at_once_is_refused(book, capsys):
    for many in ("0", "-1"):
        assert execute.main(["--at-once", many]) == 1
        assert capsys.readouterr().err == f"--at-once must be at least 1, not {many}.\n"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "the disk of .*build is full: free some of it, or set KOSAE_BUILD",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/x/y"),
            r"/x/y: Permission denied\. .*KOSAE_BUILD.*name folders",
        ),
        (KeyboardInterrupt(), "Interrupted"),
    ],
)
@pytest.mark.parametrize(
    ("main", "inside"),
    [(execute.main, (execute, "plan")), (weave.main, (weave, "plan")), (verify.main, (verify, "verify")),
     (plan.main, (plan, "Plan")), (build.main, (build, "build_book")), (claims.main, (claims, "committed")),
     (fetch_data.main, (fetch_data, "fetch"))],
)  # fmt: skip
def test_what_the_system_refuses_is_one_sentence(book, main, inside, error, told, monkeypatch, capsys):
    def refuse(*_, **__):
        raise error

    for name in claims.FILES:
        (book / name).write_text("<!--claims-->\n<!--/claims-->\n")
    monkeypatch.setattr(*inside, refuse)
    status = main(["keat"]) if main is fetch_data.main else main() if main is claims.main else main([])
    said = capsys.readouterr().err
    assert re.search(told, said) and "Traceback" not in said
    assert status == (130 if isinstance(error, KeyboardInterrupt) else 1)


def test_a_build_folder_that_cannot_be_is_one_sentence(book, monkeypatch, capsys):
    (book / "file").write_text("")
    monkeypatch.setenv("KOSAE_BUILD", str(book / "file"))
    assert execute.main([]) == 1
    assert "file/executed" in (said := capsys.readouterr().err) and said.count("\n") == 1
    monkeypatch.setenv("KOSAE_DATA_DIR", str(book / "file"))
    assert fetch_data.main(["keat"]) == 1
    assert "KOSAE_DATA_DIR" in capsys.readouterr().err


def test_an_empty_build_folder_is_none(book, monkeypatch):
    monkeypatch.setenv("KOSAE_BUILD", "")
    monkeypatch.delenv("KOSAE_FIGURES", raising=False)
    with kernel.environment("default", 1):
        assert "KOSAE_FIGURES" not in os.environ
    for value, folder in (("", book / "build"), ("~/x", Path("~/x").expanduser())):
        monkeypatch.setenv("KOSAE_BUILD", value)
        with pytest.MonkeyPatch.context() as patch, pytest.raises(KeyError, match=re.escape(str(folder))):
            patch.setattr(build, "read_book", lambda lang, build, **_: {}[str(build)])
            build.build_book("ko", root=book)


def test_the_kernel_is_of_this_python(tmp_path, monkeypatch):
    folder = tmp_path / "kernels" / "python3"
    folder.mkdir(parents=True)
    spec = {
        "argv": ["/no/python", "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": "x",
        "language": "python",
    }
    (folder / "kernel.json").write_text(json.dumps(spec))
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import sys\nsys.executable")])
    done = kernel.run(notebook, tmp_path / "out.ipynb", {}, lambda done, total: None)
    assert done.cells[0].outputs[0].data["text/plain"] == repr(sys.executable)


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
    ("text", "value"),
    [
        ("16", 16),
        ("1e-3", 0.001),
        ("true", True),
        ("none", None),
        ("q3", "q3"),
        ("[1, 2]", [1, 2]),
        ("{[1]:2}", "{[1]:2}"),
        ("'", "'"),
    ],
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


def test_what_a_preset_does_not_run_is_not_verified(book, capsys):
    preset(book, "news", "chapters: []\n")
    (book / "data" / "results" / "news").mkdir(parents=True)
    (book / "data" / "results" / "news" / "05.json").write_text("{}")
    for more in ([], ["--reference"]):
        assert verify.main(["--preset", "news", "--only", "05", *more]) == 1
        assert capsys.readouterr().err == (
            "the preset news does not run 05_probe: name one of its own chapters in ONLY.\n"
        )


def test_a_preset_by_path_has_a_reference_of_its_own(book, monkeypatch):
    (book / "mine.yaml").write_text("common: {k: 4}\n")
    monkeypatch.setattr(execute.Job, "current", lambda job: True)
    (job,) = execute.plan(str(book / "mine.yaml"))
    job.results.parent.mkdir(parents=True)
    job.results.write_text("{}\n")
    assert verify.main(["--preset", str(book / "mine.yaml"), "--reference"]) == 0
    assert (book / "data" / "results" / "mine" / "05.json").read_text() == "{}\n"


def test_verifying_finds_what_was_fetched(book, monkeypatch):
    seen = []
    (book / "build" / "corpora").mkdir(parents=True)
    (book / "data" / "results" / "default").mkdir(parents=True)
    (book / "data" / "results" / "default" / "05.json").write_text('{"format": 1, "records": {}, "claims": {}}')
    before = dict(os.environ)
    monkeypatch.setattr(verify, "execute", lambda jobs: seen.extend([paths.build_dir(), paths.downloads_dir()]) or [])
    verify.main([])
    assert seen == [book / "build" / "verify", book / "build" / "corpora"] and dict(os.environ) == before


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
