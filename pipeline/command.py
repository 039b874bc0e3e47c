"""How a command of the pipeline ends when it cannot go on or is told to stop: with one sentence and a status, not with a traceback."""

from __future__ import annotations

import contextlib
import errno
import functools
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

import psutil

from kosae_core import paths

Main = Callable[..., int]


def told(*kinds: type[Exception], interrupted: str = "Interrupted.", head: str = "") -> Callable[[Main], Main]:
    """A command whose errors of these `kinds`, and of the operating system, are said on stderr, behind `head`, with status 1."""

    def wrap(main: Main) -> Main:
        @functools.wraps(main)
        def run(*arguments: list[str] | None) -> int:
            try:
                with _terminable():
                    return main(*arguments)
            except kinds as error:
                print(f"{head}{error}", file=sys.stderr)
            except OSError as error:
                print(f"{head}{sentence(error)}", file=sys.stderr)
            except KeyboardInterrupt:
                print(interrupted, file=sys.stderr)
                return 130
            return 1

        return run

    return wrap


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """A SIGTERM is Ctrl-C, which in a terminal reaches the processes of chapters too: without it their kernels would run on."""

    def stop(number: int, frame: FrameType | None) -> None:
        for child in psutil.Process().children():
            with contextlib.suppress(psutil.Error):
                child.send_signal(signal.SIGINT)
        raise KeyboardInterrupt

    if threading.current_thread() is not threading.main_thread():  # which alone may set handlers
        yield
        return
    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def sentence(error: OSError) -> str:
    """What the operating system refused, where, and what to do."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"the disk of {paths.build_dir()} is full: free some of it, or set KOSAE_BUILD to a folder of a larger one."
        )
    if error.filename is None:
        return f"{error}."
    return (
        f"{error.filename}: {error.strerror or error}. What is built goes to {paths.build_dir()} (KOSAE_BUILD), and what is "
        f"fetched to {paths.downloads_dir()} (KOSAE_DATA_DIR): name folders that can be written."
    )
