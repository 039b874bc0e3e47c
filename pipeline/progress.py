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
    """The stages of one run, weighed by the seconds that each is expected to take."""

    def __init__(self, stage: str, expected: dict[str, float]) -> None:
        self.stage, self.expected = stage, expected
        self.terminal = sys.stderr.isatty()
        self.bar = tqdm(total=sum(expected.values()), bar_format=_FORMAT, disable=not self.terminal, leave=False)
        self._done, self._name, self._began, self._share, self._what = 0.0, "", 0.0, 0.0, ""
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
        self._name, self._began, self._share, self._what = name, time.monotonic(), 0.0, ""
        self._draw()

    def step(self, done: int, total: int, what: str) -> None:
        """`done` of `total` parts of the present stage are over."""
        self._share, self._what = done / total, f" {what} {done + 1} of {total}"

    def end(self, line: str) -> None:
        self._done += self.expected[self._name]
        self._name = ""
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
        within = 0.0
        if self._name:
            expected = self.expected[self._name]
            elapsed = (time.monotonic() - self._began) / max(expected, 1e-9)
            within = expected * min(0.98, max(self._share, elapsed))
        self.bar.n = self._done + within
        left = minutes(self.bar.total - self.bar.n) if self.bar.total else "?"
        self.bar.set_description_str(f"{self.stage} {self._name}{self._what}, about {left} left", refresh=False)
        self.bar.refresh()
