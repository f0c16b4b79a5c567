"""Measuring: warm up, repeat, take the median, on one core; a figure and its yardstick turn by turn.

Turn by turn, because a machine is never quiet: what slows one down slows the other, and the ratio stays true.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

import msgspec

from infra.bench.figures import FIGURES

#: Work on the item with this running number; numbers never repeat within a run, so that no cache can help.
Work = Callable[[int], object]

REPETITIONS: Final = 5
_SIGNIFICANT: Final = 4


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that one item takes: on the clock, and of the processor; medians over the repetitions."""

    seconds: float
    cpu_seconds: float
    items: int

    @property
    def rate(self) -> float:
        """Items per second on the clock."""
        return 1 / self.seconds

    @property
    def cpu_rate(self) -> float:
        """Items per second of processor time: what the clock would show on a quiet machine."""
        return 1 / self.cpu_seconds


class Bench:
    """One run: how large, and where its figures go. Progress goes to standard error."""

    def __init__(self, *, quick: bool, out: TextIO) -> None:
        self.quick = quick
        self._out = out

    def size(self, full: int, quick: int) -> int:
        """Items of one repetition."""
        return quick if self.quick else full

    def measure(self, name: str, work: Work, *, items: int, repetitions: int = REPETITIONS) -> Timing:
        """Time `work`, after a warm-up of a whole repetition."""
        return self.compare(name, [(work, items)], repetitions=repetitions)[0]

    def compare(
        self, name: str, works: list[tuple[Work, int]], *, repetitions: int = REPETITIONS
    ) -> list[Timing]:
        """Time several works, each with its own number of items, turn by turn."""
        samples: list[list[tuple[float, float]]] = [[] for _ in works]
        for repetition in range(repetitions + 1):
            for position, (work, items) in enumerate(works):
                sample = _one_repetition(work, range(repetition * items, (repetition + 1) * items))
                if repetition:
                    samples[position].append(sample)
            say(f"{name}: {'warm' if not repetition else f'{repetition}/{repetitions}'}")
        return [
            Timing(
                seconds=statistics.median(wall for wall, _ in found),
                cpu_seconds=statistics.median(cpu for _, cpu in found),
                items=items * repetitions,
            )
            for found, (_, items) in zip(samples, works, strict=True)
        ]

    def report(self, name: str, value: float, *, n: int, ratio: float | None = None, note: str = "") -> None:
        """Print one figure. `ratio` is how many times better than the yardstick. Raises KeyError for a new name."""
        figure = FIGURES[name]
        line = {
            "name": name,
            "value": rounded(value),
            "unit": figure.unit,
            "yardstick": figure.yardstick,
            "ratio": None if ratio is None else rounded(ratio),
            "n": n,
            "note": note,
        }
        print(json.dumps(line, ensure_ascii=False), file=self._out, flush=True)


def rounded(value: float) -> float:
    """To four significant digits: more than that is noise."""
    return float(f"{value:.{_SIGNIFICANT}g}")


def say(line: str) -> None:
    """Progress, for people."""
    print(line, file=sys.stderr, flush=True)


@contextmanager
def one_core() -> Iterator[int]:
    """This thread, and the threads and processes that it starts, on the last core that it may use; yields it."""
    before = os.sched_getaffinity(0)
    core = max(before)
    os.sched_setaffinity(0, {core})
    try:
        yield core
    finally:
        os.sched_setaffinity(0, before)


def _one_repetition(work: Work, numbers: range) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    for number in numbers:
        work(number)
    return (time.perf_counter() - wall) / len(numbers), (time.process_time() - cpu) / len(numbers)
