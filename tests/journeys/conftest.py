"""The small stack as a child process, and one Chromium, for the journeys of this folder."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from infra.assets.build import ROOT, build
from infra.demo.schools import DemoSchool
from infra.demo.workbooks import read_plan
from tests.factories.migrated import lay_down
from tests.journeys.people import PICTURES
from tests.journeys.small_stack import Ready

CHROMIUM = Path("/usr/bin/chromium")
#: Seconds until the site answers; two cores may be shared with others.
PATIENCE = 180.0


@dataclass(frozen=True)
class Site:
    """The running site and what the demo knows of it."""

    url: str
    books: Path
    trust: Path
    school: DemoSchool
    other_school: DemoSchool
    environment: dict[str, str]

    @property
    def named(self) -> str:
        """The same site by the name of this machine: passkeys belong to names, not to numbers."""
        return self.url.replace("127.0.0.1", "localhost")

    def login(self, role: str, school: DemoSchool | None = None) -> str:
        """The login of the first person in that role, at `school` unless another is named."""
        return next(one.email for one in (school or self.school).staff if role in one.roles)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def site(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    """The product on an empty folder, with two small schools and none of their pupils."""
    build()
    folder = tmp_path_factory.mktemp("journey")
    (folder / "data").mkdir()
    lay_down(folder / "data", tmp_path_factory)
    with (folder / "output.txt").open("wb") as output:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.journeys.small_stack", str(folder / "data")),
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if not name.startswith("HOCBA_")},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=output,
        )
        try:
            yield _site(await _first_line(child), folder)
        finally:
            await _end(child)


async def _first_line(child: asyncio.subprocess.Process) -> bytes:
    assert child.stdout is not None
    return await asyncio.wait_for(child.stdout.readline(), PATIENCE)


async def _end(child: asyncio.subprocess.Process) -> None:
    """Its standard input is closed: it stops its own children, then itself."""
    if child.stdin is not None:
        child.stdin.close()
    try:
        await asyncio.wait_for(child.wait(), 60)
    except TimeoutError:
        child.kill()
        await child.wait()


def _site(line: bytes, folder: Path) -> Site:
    assert line, (folder / "output.txt").read_text()
    ready = msgspec.json.decode(line, type=Ready)
    school, other = read_plan(Path(ready.books)).schools
    return Site(ready.url, Path(ready.books), Path(ready.trust), school, other, ready.environment)


@pytest_asyncio.fixture(scope="package", loop_scope="session")
async def started_chromium() -> AsyncIterator[Browser]:
    """Debian's browser, without a window."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest_asyncio.fixture(loop_scope="session")
async def chromium(started_chromium: Browser) -> AsyncIterator[Browser]:
    """The browser for one test. Its windows are closed after it: pages that show progress go on asking for it."""
    yield started_chromium
    for window in started_chromium.contexts:
        await window.close()
