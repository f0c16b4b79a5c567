"""Where copies are broken: one stack for all, a database and, where a file is broken, a tree for each attempt."""

import asyncio
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from infra.embedded.stack import EmbeddedStack
from infra.sabotage.breakages import PROJECT, Breakage, CannotBreak
from infra.sabotage.copies import TEMPLATE, database, tree
from infra.sabotage.verdict import Verdict, judge


class Workshop:
    """A stack with a migrated template, and a folder for trees beside the project's (links do not cross disks)."""

    def __init__(self, stack: EmbeddedStack, folder: Path) -> None:
        self._stack = stack
        self._folder = folder
        self._number = 0

    async def prepare(self) -> None:
        """Make the template: one migration for all copies."""
        await self._stack.postgres.create_database(TEMPLATE)
        template = EmbeddedStack.running(self._stack.data.root, TEMPLATE)
        command = (sys.executable, "-m", "backend.cli", "migrate")
        process = await asyncio.create_subprocess_exec(
            *command, cwd=PROJECT, env=os.environ | template.environment()
        )
        if await process.wait():
            raise CannotBreak("the template could not be migrated")

    async def attempt(self, breakage: Breakage | None, tests: Sequence[str]) -> tuple[Verdict, str]:
        """Break a copy, run the tests on it, throw it away."""
        self._number += 1
        name = f"sabotage_{self._number}"
        try:
            with tree(self._folder / name, breakage) as project:
                async with database(self._stack.postgres, name, breakage):
                    report = self._folder / f"{name}.xml"
                    return await judge(project, self._stack.data.root, name, tests, report)
        except CannotBreak as reason:
            return Verdict.UNCLEAR, str(reason)
