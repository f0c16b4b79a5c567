"""Every group of the bench at its very smallest, in a process of its own: they start servers and loops of their own."""

import importlib
import sys
from functools import cache

from infra.bench import batch, deliver, freeze, samples
from infra.bench.__main__ import GROUPS
from infra.bench.harness import Bench
from infra.demo.truth import tell


class Smallest(Bench):
    """One item, once: does it run at all?"""

    def __init__(self) -> None:
        super().__init__(quick=True, out=sys.stdout, repetitions=1)

    def size(self, full: int, quick: int) -> int:
        """One of everything."""
        return 1


if __name__ == "__main__":
    # A few pupils in each of a few classes.
    vars(samples)["truth"] = cache(lambda: tell(scale=0.1))
    # Two workers are for two cores that somebody measures.
    for measured in (batch, deliver, freeze):
        vars(measured)["_CORES"] = 1
    for module in GROUPS.values():
        importlib.import_module(module).run(Smallest())
