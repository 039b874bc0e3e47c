"""Make .venv with what requirements.lock pins, or do nothing when it is there: `python3 pipeline/bootstrap.py`.

Runs on the system's Python before anything is installed, so it imports the standard library only, and its first
lines must be readable by an old Python, which is to hear one sentence and not a syntax error.
"""

import os
import sys

MINIMUM = (3, 11)
TORCH = "torch==2.13.0"
NEEDED_GIB = 6
ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
VENV = os.path.join(ROOT, ".venv")
STAMP = os.path.join(VENV, "kosae-stamp")
LOCK = os.path.join(ROOT, "requirements.lock")


def stop(sentence):
    sys.stderr.write("KoSAE: " + sentence + "\n")
    sys.exit(1)


def say(line):
    sys.stdout.write("KoSAE: " + line + "\n")
    sys.stdout.flush()


def check_python():
    if sys.version_info[:2] < MINIMUM:
        stop(
            "Python %d.%d or newer is needed and %s is %d.%d; name another with `make all PYTHON=python3.12`."
            % (MINIMUM + (sys.executable,) + tuple(sys.version_info[:2]))
        )


def check_venv_module():
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        stop("this Python cannot make virtual environments; on Debian and Ubuntu: sudo apt install python3-venv.")


def check_space():
    import shutil

    free = shutil.disk_usage(ROOT).free / 2**30
    if free < NEEDED_GIB:
        stop("%.1f GiB are free on the disk of %s and the environment needs %d." % (free, ROOT, NEEDED_GIB))


def wanted_stamp():
    import hashlib

    with open(LOCK, "rb") as file:
        return "%s %s %s" % (hashlib.sha256(file.read()).hexdigest(), TORCH, ROOT)


def is_ready():
    try:
        with open(STAMP, encoding="utf-8") as file:
            return file.read().strip() == wanted_stamp() and os.path.exists(venv_python())
    except OSError:
        return False


def venv_python():
    return os.path.join(VENV, "bin", "python")


def venv_works():
    import subprocess

    code = "import sys, pip; sys.exit(sys.version_info[:2] < %r)" % (MINIMUM,)
    try:
        return subprocess.call([venv_python(), "-c", code], stderr=subprocess.DEVNULL) == 0
    except OSError:
        return False


def pip(*arguments):
    """Run pip; its bars are shown on a terminal, its errors become a sentence."""
    import subprocess

    command = [venv_python(), "-m", "pip", "--disable-pip-version-check", "--no-input", "--retries", "2"]
    command += ([] if sys.stderr.isatty() else ["--quiet"]) + list(arguments)
    environment = dict(os.environ, PIP_USER="0", PIP_REQUIRE_VIRTUALENV="0", PYTHONNOUSERSITE="1")
    done = subprocess.run(command, stderr=subprocess.PIPE, text=True, env=environment, errors="replace")
    if done.returncode:
        stop(explain(done.stderr))


def explain(errors):
    """The sentence for what pip wrote when it failed."""
    offline = ("connection", "timed out", "Temporary failure", "Name or service", "getaddrinfo", "Network is unreach")
    if "No space left" in errors:
        return "the disk is full: free %d GiB and run make again." % NEEDED_GIB
    if any(word.lower() in errors.lower() for word in offline):
        return (
            "the package index (PyPI) cannot be reached: connect to a network, or set pip's index, and run make again."
        )
    if "No matching distribution" in errors:
        line = [each for each in errors.splitlines() if "No matching distribution" in each][-1]
        return "%s: there is no such package for Python %d.%d on %s." % (
            line.replace("ERROR: ", ""), sys.version_info[0], sys.version_info[1], sys.platform,
        )  # fmt: skip
    lines = [line for line in errors.strip().splitlines() if line.startswith("ERROR")] or errors.strip().splitlines()
    return "pip failed: " + " ".join(lines[-2:])


def same_python():
    """Whether the environment's Python is of this one's version: `make PYTHON=...` may name another."""
    try:
        with open(os.path.join(VENV, "pyvenv.cfg"), encoding="utf-8") as file:
            lines = [line.split("=", 1) for line in file if "=" in line]
    except OSError:
        return False
    versions = [value.strip().split(".")[:2] for key, value in lines if key.strip() in ("version", "version_info")]
    return ["%d" % part for part in sys.version_info[:2]] in versions


def alone():
    """Let one process at a time install; the system lets go when this one ends."""
    import fcntl

    folder = os.open(ROOT, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        say("another make is installing into .venv; waiting for it")
        fcntl.flock(folder, fcntl.LOCK_EX)
    except OSError:  # a file system without locks
        pass


def main():
    check_python()
    if is_ready() and same_python():
        return
    alone()
    if is_ready() and same_python():
        return
    if not venv_works() or is_ready():  # one that is ready and of another Python was asked for by name
        check_venv_module()
        check_space()
        import venv

        say("making .venv with Python %d.%d" % tuple(sys.version_info[:2]))
        try:
            venv.create(VENV, with_pip=True, clear=True)
        except Exception as error:
            stop("the virtual environment %s cannot be made: %s." % (VENV, error))
    if os.path.exists(STAMP):
        os.remove(STAMP)  # what is interrupted from here on is not ready
    say("installing torch, then the packages of requirements.lock (some minutes the first time)")
    pip("install", TORCH)
    pip("install", "--no-deps", "-r", LOCK)
    link_project()
    with open(STAMP, "w", encoding="utf-8") as file:
        file.write(wanted_stamp() + "\n")
    say(".venv is ready")


def link_project():
    """Put the repository on the environment's path, which is what an editable install comes to."""
    import subprocess

    code = "import sysconfig; print(sysconfig.get_path('purelib'))"
    folder = subprocess.check_output([venv_python(), "-c", code], text=True).strip()
    with open(os.path.join(folder, "kosae.pth"), "w", encoding="utf-8") as file:
        file.write(ROOT + "\n")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        stop("interrupted; run make again to go on.")
