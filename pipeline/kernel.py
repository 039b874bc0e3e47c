"""Running one notebook with papermill in a fresh process, watched."""

from __future__ import annotations

import contextlib
import copy
import logging
import os
import threading
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import papermill
import psutil
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager
from nbformat import NotebookNode
from papermill.engines import NBClientEngine, papermill_engines

from kosae_core import paths
from pipeline.chapters import PipelineError


class _Manager(AsyncKernelManager):
    """Starts the kernel with the Python that runs this: a `python3` of Jupyter's own folders may be another."""

    @property
    def kernel_spec(self) -> KernelSpec:
        from ipykernel.kernelspec import get_kernel_dict

        return KernelSpec(**get_kernel_dict())


class _Engine(NBClientEngine):
    """Papermill's engine, telling which cell it is at."""

    @classmethod
    def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **options: Any) -> Any:
        step, total = options.pop("kosae_step"), len(nb_man.nb.cells)
        start = nb_man.cell_start

        def cell_start(cell: Any, cell_index: int | None = None, **rest: Any) -> None:
            step(cell_index or 0, total)
            start(cell, cell_index, **rest)

        nb_man.cell_start = cell_start
        return super().execute_managed_notebook(nb_man, kernel_name, **options)


papermill_engines.register("kosae", _Engine)


def run(
    notebook: NotebookNode, output: Path, parameters: dict[str, Any], step: Callable[[int, int], None]
) -> NotebookNode:
    """Execute a copy of the notebook with these parameters, saving to `output` after each cell.

    `step` is told how many cells are over, and of how many.

    Raises  PipelineError without a Jupyter kernel; papermill.PapermillExecutionError for a cell that fails;
            nbclient's DeadKernelError when the process is killed.
    """
    if find_spec("ipykernel") is None:
        raise PipelineError("this Python has no Jupyter kernel: run `make clean-env env`, then again.")
    with _quiet():
        return papermill.execute_notebook(
            copy.deepcopy(notebook),
            output,
            parameters=parameters,
            engine_name="kosae",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            cwd=paths.ROOT,
            kosae_step=step,
            kernel_manager_class=_Manager,
            extra_arguments=["--log-level=CRITICAL"],
        )


@contextlib.contextmanager
def environment(run: str, threads: int) -> Iterator[None]:
    """The variables of the kernel besides the caller's own: figures of the book go to figures/, others below build/."""
    before = dict(os.environ)
    os.environ.setdefault("OMP_NUM_THREADS", str(threads))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("PYTHONHASHSEED", "0")
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # threads that spin for each other starve on a busy machine
    os.environ.pop("MPLBACKEND", None)
    if run != "default" or os.environ.get("KOSAE_BUILD"):
        os.environ.setdefault("KOSAE_FIGURES", str(paths.build_dir() / "figures" / run))
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep papermill's and nbclient's log out of the terminal; failures are told by `_explain`."""
    loggers = [logging.getLogger(name) for name in ("papermill", "papermill.translators", "traitlets", "nbclient")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


@contextlib.contextmanager
def memory() -> Iterator[list[float]]:
    """The largest resident memory, in bytes, that the processes below this one took together."""
    peak, stop, me = [0.0], threading.Event(), psutil.Process()

    def watch() -> None:
        while not stop.wait(0.3):
            total = 0
            for child in me.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    total += child.memory_info().rss
            peak[0] = max(peak[0], total)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield peak
    finally:
        stop.set()
        thread.join()
