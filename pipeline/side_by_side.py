"""Running a few chapters at a time: most of a chapter keeps one core busy, and leaves the others idle.

The first waiting chapter that fits beside the running ones starts next. What two of them need is made once: the store
lets one process at a time make an entry.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from kosae_core import needs
from pipeline.chapters import PipelineError
from pipeline.progress import Progress

LEAST_MIB = 4096
"""Chapters run side by side while they take no more than this together, or than half of what is free."""
SHARED_MIB = 300
"""Pages of the libraries that two chapters have in common, counted in the memory of each (measured: 364)."""
_STEPS: Any = None


def cores() -> int:
    """The processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def default() -> int:
    return min(2, cores())


def room() -> float:
    """MiB that chapters may take together."""
    return max(LEAST_MIB, needs.free_memory() / 2**21)


def run(
    work: Callable[..., Any], waiting: list[tuple[Any, float]], at_once: int, threads: int, progress: Progress
) -> Iterator[tuple[Any, Any]]:
    """Call `work(job, threads, step)` for every job, in processes of their own, and yield each with its result as it ends.

    `waiting` pairs each job with the MiB that it is expected to take. One at a time, all happens in this process.

    Raises  PipelineError when one of the processes is killed.
    """
    if at_once == 1:
        for job, _ in waiting:
            name = job.chapter.stem
            progress.begin(name)
            yield job, work(job, threads, lambda done, total, name=name: progress.step(name, done, total))
        return
    context = multiprocessing.get_context("spawn")
    steps = context.Queue()
    listener = threading.Thread(target=_listen, args=(steps, progress), daemon=True)
    listener.start()
    running: dict[Future, tuple[Any, float]] = {}
    waiting, together = list(waiting), room()
    pool = ProcessPoolExecutor(at_once, context, _begin, (steps,))
    try:
        while waiting or running:
            used = sum(mib for _, mib in running.values())
            free = together + SHARED_MIB * len(running) - used
            fits = [pair for pair in waiting if not running or pair[1] <= free]
            if fits and len(running) < at_once:
                waiting.remove(fits[0])
                progress.begin(fits[0][0].chapter.stem)
                running[pool.submit(_call, work, fits[0][0], threads)] = fits[0]
                continue
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                yield running[future][0], future.result()
                running.pop(future)
    except BrokenProcessPool:
        stems = ", ".join(job.chapter.stem for job, _ in running.values())
        raise PipelineError(
            f"a process was killed while {stems} ran, most likely because memory ran out: the finished chapters are kept; run "
            'the others one after another, with PARAMS="--at-once 1".'
        ) from None
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
        steps.put(None)
        listener.join()


def _listen(steps: Any, progress: Progress) -> None:
    for name, done, total in iter(steps.get, None):
        progress.step(name, done, total)


def _begin(steps: Any) -> None:
    global _STEPS
    _STEPS = steps
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a process without work ends without a word


def _call(work: Callable[..., Any], job: Any, threads: int) -> Any:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        return work(job, threads, lambda done, total: _STEPS.put((job.chapter.stem, done, total)))
    finally:
        signal.signal(signal.SIGINT, before)
