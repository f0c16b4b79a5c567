"""One session of tests against a copy, and what its end says of the breakage."""

import asyncio
import os
import sys
from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from xml.etree import ElementTree

#: Exit statuses of pytest (its `ExitCode`).
_PASSED, _FAILED = 0, 1
#: Of the plugins that are installed only what these tests need: loading the others takes as long as the tests.
_ENVIRONMENT = {"PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1", "CI": "true"}
_PLUGINS = ("-p", "pytest_asyncio.plugin")
#: Longest session; a breakage that makes tests hang has been noticed by nobody (seconds).
LONGEST_SECONDS = 240


class Verdict(Enum):
    """What became of a breakage. `UNCLEAR`: the tests could not be run, which proves nothing."""

    CAUGHT = "bị phát hiện"
    MISSED = "LỌT LƯỚI"
    UNCLEAR = "KHÔNG RÕ"


async def judge(
    tree: Path, stack: Path, database: str, tests: Sequence[str], report: Path
) -> tuple[Verdict, str]:
    """Run tests of a tree; the verdict, and the names of tests that failed or the output that explains it."""
    options = ("-q", "-x", "--tb=short", "-p", "no:cacheprovider", f"--junitxml={report}")
    where = (f"--stack={stack}", f"--database={database}")
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "pytest", *_PLUGINS, *options, *where, *tests),
        cwd=tree,
        env=os.environ | _ENVIRONMENT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(), LONGEST_SECONDS)
    except TimeoutError:
        return Verdict.UNCLEAR, f"no end after {LONGEST_SECONDS} s"
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    output = said.decode("utf-8", "replace")
    if process.returncode == _PASSED:
        return Verdict.MISSED, output
    failed = failures(report) if process.returncode == _FAILED else []
    return (Verdict.CAUGHT, ", ".join(failed)) if failed else (Verdict.UNCLEAR, output)


def failures(report: Path) -> list[str]:
    """Tests that failed in themselves or when what they left was looked at; one that could not begin is none."""
    found = []
    for case in ElementTree.parse(report).iter("testcase"):
        ends = [
            *case.iter("failure"),
            *(e for e in case.iter("error") if "teardown" in (e.get("message") or "")),
        ]
        if ends:
            found.append(str(case.get("name")))
    return found
