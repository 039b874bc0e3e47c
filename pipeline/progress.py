"""What a person sees while the pipeline works: a bar on a terminal, one line per chapter elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from typing import Self

from tqdm import tqdm

_FORMAT = "{bar:24} {percentage:3.0f}%  {elapsed}  {desc}"


def minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 90 else f"{seconds / 60:.1f} min"


class Progress:
    """The stages of one run, weighed by the seconds that each is expected to take; `at_once` of them run side by side."""

    def __init__(self, stage: str, expected: dict[str, float], at_once: int = 1) -> None:
        self.stage, self.expected, self.at_once = stage, expected, at_once
        self.terminal = sys.stderr.isatty()
        self.bar = tqdm(total=sum(expected.values()), bar_format=_FORMAT, disable=not self.terminal, leave=False)
        self._done = 0.0
        self._running: dict[str, tuple[float, float, str]] = {}
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Self:
        if self.terminal:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        self.bar.close()

    def begin(self, name: str) -> None:
        self._running[name] = (time.monotonic(), 0.0, "")
        self._draw()

    def step(self, name: str, done: int, total: int, what: str | None = None) -> None:
        """`done` of `total` parts of a running stage are over; `what` it is at, if not a cell of a chapter."""
        if name in self._running:
            self._running[name] = (self._running[name][0], done / total, f" {what or f'cell {done + 1} of {total}'}")

    def end(self, name: str, line: str) -> None:
        self._done += self.expected[name]
        self._running.pop(name)
        self.say(line)
        self._draw()

    def say(self, line: str) -> None:
        if self.terminal:
            self.bar.write(line, file=sys.stdout)
        else:
            print(line, flush=True)

    def _tick(self) -> None:
        while not self._stop.wait(1.0):
            self._draw()

    def _draw(self) -> None:
        within, shown = 0.0, []
        for name, (began, share, what) in list(self._running.items()):
            expected = self.expected[name]
            elapsed = (time.monotonic() - began) / max(expected, 1e-9)
            within += expected * min(0.98, max(share, elapsed))
            shown.append(name + what)
        self.bar.n = self._done + within
        left = minutes((self.bar.total - self.bar.n) / self.at_once) if self.bar.total else "?"
        self.bar.set_description_str(f"{self.stage} {', '.join(shown)}, about {left} left", refresh=False)
        self.bar.refresh()
