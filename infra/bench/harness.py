"""Measuring: warm up, repeat, take the median, on one core; a figure and its yardstick turn by turn.

Turn by turn, because a machine is never quiet: what slows one down slows the other, and the ratio stays true.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final, TextIO

import msgspec

from infra.bench.figures import FIGURES
from infra.bench.processes import cpu_seconds

#: Work on the item with this running number; numbers never repeat within a run, so that no cache can help.
Work = Callable[[int], object]
AsyncWork = Callable[[int], Awaitable[object]]

REPETITIONS: Final = 5
_SIGNIFICANT: Final = 4


class Timing(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds that one item takes: on the clock, and of the processor (servers included); medians."""

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

    def __init__(self, *, quick: bool, out: TextIO, repetitions: int = REPETITIONS) -> None:
        self.repetitions = repetitions
        self._quick = quick
        self._out = out

    def size(self, full: int, quick: int) -> int:
        """One of two sizes: items of a repetition, mostly."""
        return quick if self._quick else full

    def measure(self, name: str, work: Work, *, items: int) -> Timing:
        """Time `work`, after a warm-up of a whole repetition."""
        return self.compare(name, [(work, items)])[0]

    def compare(self, name: str, works: Sequence[tuple[Work, int]]) -> list[Timing]:
        """Time several works, each with its own number of items, turn by turn."""
        samples = _Samples(name, [items for _, items in works], self.repetitions)
        for place, numbers in samples.turns():
            with samples.timed(place, numbers):
                for number in numbers:
                    works[place][0](number)
        return samples.timings()

    async def compare_async(
        self, name: str, works: Sequence[tuple[AsyncWork, int]], *, before_each: Callable[[], Awaitable[None]]
    ) -> list[Timing]:
        """The same with coroutines; `before_each` puts things back before each turn and does not count."""
        samples = _Samples(name, [items for _, items in works], self.repetitions)
        for place, numbers in samples.turns():
            await before_each()
            with samples.timed(place, numbers):
                for number in numbers:
                    await works[place][0](number)
        return samples.timings()

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


def _processor() -> float:
    """Seconds of processor time of this process and of the servers that it started."""
    return time.process_time() + cpu_seconds()


class _Samples:
    """Who is measured when, and what came of it. Turn 0 of each work is the warm-up."""

    def __init__(self, name: str, items: Sequence[int], repetitions: int) -> None:
        self._name = name
        self._repetitions = repetitions
        self._items = items
        self._found: list[list[tuple[float, float]]] = [[] for _ in items]

    def turns(self) -> Iterator[tuple[int, range]]:
        """(place of the work, numbers of its items), the works taking turns."""
        for turn in range(self._repetitions + 1):
            for place, items in enumerate(self._items):
                yield place, range(turn * items, (turn + 1) * items)
            say(f"{self._name}: {f'{turn}/{self._repetitions}' if turn else 'warm'}")

    @contextmanager
    def timed(self, place: int, numbers: range) -> Iterator[None]:
        """Take the time of one turn."""
        cpu, wall = _processor(), time.perf_counter()
        yield
        spent = (time.perf_counter() - wall, _processor() - cpu)
        if numbers.start:
            self._found[place].append((spent[0] / len(numbers), spent[1] / len(numbers)))

    def timings(self) -> list[Timing]:
        """Medians, in the order of the works."""
        return [
            Timing(
                seconds=statistics.median(wall for wall, _ in found),
                cpu_seconds=statistics.median(cpu for _, cpu in found),
                items=items * self._repetitions,
            )
            for found, items in zip(self._found, self._items, strict=True)
        ]


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
