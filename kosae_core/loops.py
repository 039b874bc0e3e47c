"""Loops compiled by Numba, which the layouts of chapter 07 need anyway, and the threads that share out their rows.

A compiled loop is a pass over a range of rows without Python's lock; `parallel` gives every thread of torch a range, so that no
second pool of threads competes with torch's, and a sum is taken in the same order however many there are.
"""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numba
import torch

compiled = numba.njit(nogil=True, cache=True, fastmath={"contract", "reassoc", "nsz", "arcp"})


@cache
def _pool(n_threads: int) -> ThreadPoolExecutor:
    """Threads that do not share out their own products; torch keeps that number for each thread, and one for new threads."""
    n_before, all_here = torch.get_num_threads(), threading.Barrier(n_threads)

    def begin(_: int) -> None:
        torch.get_num_threads()  # at its first use in a thread, torch sets the number of new threads
        torch.set_num_threads(1)
        all_here.wait()

    pool = ThreadPoolExecutor(n_threads, thread_name_prefix="kosae")
    list(pool.map(begin, range(n_threads)))
    torch.set_num_threads(n_before)
    return pool


def parallel(n: int, loop: Callable[[int, int], object], smallest: int = 64) -> list:
    """Call `loop(low, high)` on ranges that cover 0 to n, one for each thread of torch; returns the results in order."""
    n_threads = max(1, min(torch.get_num_threads(), n // smallest))
    if n_threads == 1:
        return [loop(0, n)]
    edges = [n * i // n_threads for i in range(n_threads + 1)]
    futures = [_pool(n_threads).submit(loop, *edge) for edge in zip(edges, edges[1:], strict=False)]
    return [future.result() for future in futures]
