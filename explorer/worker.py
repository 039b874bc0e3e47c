"""One thread for the model: requests wait in a queue of limited length, and none waits longer than it was allowed to."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any


class Busy(Exception):
    """So many requests wait already that another is refused."""


class Late(Exception):
    """A request was not answered in the time it was given."""


class Given(Exception):
    """Whoever asked has gone, or the server is ending."""


class Ticket:
    """What a job may ask while it runs: whether there is still someone who waits for it."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds
        self.until = time.monotonic() + seconds
        self.given_up = threading.Event()

    def check(self) -> None:
        """Raises  Given or Late when the job should end."""
        if self.given_up.is_set():
            raise Given
        if time.monotonic() > self.until:
            raise Late


class Worker:
    """Runs jobs one after another in a thread of its own."""

    def __init__(self, depth: int = 128) -> None:
        self.depth = depth
        self._jobs: queue.Queue[tuple[Callable[[Ticket], Any], Ticket, Future] | None] = queue.Queue(depth)
        self._now: Ticket | None = None
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="model", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Jobs in the queue, the running one left out."""
        return self._jobs.qsize()

    def submit(self, job: Callable[[Ticket], Any], seconds: float) -> tuple[Ticket, Future]:
        """Put a job into the queue.

        Raises  Busy when the queue is full.
        """
        ticket, future = Ticket(seconds), Future()
        if self._closed:
            raise Busy
        try:
            self._jobs.put_nowait((job, ticket, future))
        except queue.Full:
            raise Busy from None
        return ticket, future

    async def run(self, job: Callable[[Ticket], Any], seconds: float) -> Any:
        """The result of a job, waited for without keeping anyone else waiting.

        Raises  Busy, Late, or what the job raises.
        """
        ticket, future = self.submit(job, seconds)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(future), seconds)
        except TimeoutError:
            raise Late from None
        finally:
            ticket.given_up.set()

    def close(self, seconds: float = 5.0) -> None:
        """End: the running job is told to stop, those that wait are not begun."""
        self._closed = True
        if self._now is not None:
            self._now.given_up.set()
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                break
            if job is not None:
                job[2].cancel()
        self._jobs.put(None)
        self._thread.join(seconds)

    def _work(self) -> None:
        while (entry := self._jobs.get()) is not None:
            job, ticket, future = entry
            if not future.set_running_or_notify_cancel():
                continue
            self._now = ticket
            try:
                ticket.check()
                future.set_result(job(ticket))
            except BaseException as error:
                future.set_exception(error)
            finally:
                self._now = None
                del job, ticket, future, entry  # until the next job comes, nothing of this one is kept
