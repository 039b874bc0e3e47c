"""The environment that make makes, and what make refuses, keeps and tells."""

import os
import subprocess
import sys

import pytest

from kosae_core import paths


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


VENV = """
import os
made, done = [], []
folder = {folder!r}
os.makedirs(os.path.join(folder, 'bin'), exist_ok=True)
g = m['main'].__globals__
g.update(ROOT=folder, VENV=folder, STAMP=os.path.join(folder, 'stamp'), LOCK={lock!r})
g.update(venv_python=lambda: sys.executable, venv_works=lambda: True, check_space=lambda: None, link_project=lambda: None)
open(os.path.join(folder, 'pyvenv.cfg'), 'w').write('version = %s\\n' % {version})
import venv
venv.create = lambda *a, **k: made.append(1)
def pip(*arguments):
    done.append(os.path.exists(g['STAMP']))
    {pip}
g['pip'] = pip
open(g['STAMP'], 'w').write({stamp})
"""


def test_an_upgrade_that_is_interrupted_is_not_ready(tmp_path):
    upgrade = VENV.format(
        folder=str(tmp_path),
        lock=__file__,
        version="'%d.%d.0' % sys.version_info[:2]",
        pip="sys.exit(3)",
        stamp="'old'",
    )
    done = bootstrap(f"{upgrade}\nm['main']()")
    assert done.returncode == 3 and not (tmp_path / "stamp").exists()


def test_another_python_makes_the_environment_again(tmp_path):
    same, ready = "'%d.%d.0' % sys.version_info[:2]", "m['wanted_stamp']()"
    cases = [("'3.1.0'", ready, 1, 2), (same, ready, 0, 0), ("'3.1.0'", "'made by hand'", 0, 2)]
    for version, stamp, made, installed in cases:
        ready = VENV.format(folder=str(tmp_path), lock=__file__, version=version, pip="pass", stamp=stamp)
        done = bootstrap(f"{ready}\nm['main']()\nprint(len(made), len(done))")
        assert done.stdout.splitlines()[-1] == f"{made} {installed}", done.stderr


def test_two_makes_install_one_after_the_other(tmp_path):
    import fcntl

    holder = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    ready = VENV.format(
        folder=str(tmp_path), lock=__file__, version="'%d.%d.0' % sys.version_info[:2]", pip="pass", stamp="'old'"
    )
    code = f"import runpy, sys\nm = runpy.run_path({str(paths.ROOT / 'pipeline' / 'bootstrap.py')!r})\n{ready}\nm['main']()"
    waiting = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert waiting.stdout.readline() == "KoSAE: another make is installing into .venv; waiting for it\n"
    os.close(holder)
    assert "KoSAE: .venv is ready\n" in waiting.communicate(timeout=20)[0]


@pytest.mark.parametrize(
    ("goal", "refused"),
    [("all PARAMS='-p k 64'", "make all"), ("verify PARAMS='-p k 64'", "make verify"), ("reference PARAMS='-p k 64'", "make reference"),
     ("plan ONLY=05_probing", "make plan"), ("all PARAMS='--at-once 1'", ""), ("chapters PARAMS='-p k 64'", "")],
)  # fmt: skip
def test_make_refuses_what_a_goal_would_leave_out(goal, refused):
    done = subprocess.run(f"make -n {goal}", cwd=paths.ROOT, capture_output=True, text=True, shell=True)
    assert (done.returncode != 0, done.stdout == "") == (bool(refused), bool(refused))
    assert f"KoSAE: {refused} " in done.stderr if refused else not done.stderr


def test_clean_keeps_what_was_fetched_and_what_was_paid_for(tmp_path):
    kept = ["build/store/answers.sqlite", "build/corpora/keat/development.json"]
    for name in (*kept, "build/store/saes/x/weights", "build/results/default/05.json", "_site/ko/index.html"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    for _ in range(2):
        subprocess.run(["make", "-f", paths.ROOT / "Makefile", "clean"], cwd=tmp_path, check=True, capture_output=True)
        assert sorted(str(p.relative_to(tmp_path)) for p in tmp_path.rglob("*") if p.is_file()) == sorted(kept)


def test_every_make_target_is_in_help():
    done = subprocess.run(["make", "help"], cwd=paths.ROOT, capture_output=True, text=True)
    for target in ("all", "test", "chapters", "site pdf", "verify", "reference", "clean"):
        assert f"make {target}" in done.stdout
