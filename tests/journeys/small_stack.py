"""The whole product with two tiny schools, as a program of its own: `python -m tests.journeys.small_stack FOLDER`.

Like `make run` without its season: servers, simulators, migrations, seed, web, dispatcher and two workers. Prints one
line of JSON (`Ready`) when the site answers, and stops everything on SIGTERM or when the one who started it is gone.
"""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import msgspec

from infra.demo.seed import seed
from infra.demo.workbooks import write_workbooks
from infra.embedded.interrupt import first_of, until_interrupted
from infra.embedded.ports import LOOPBACK, variable
from infra.embedded.stack import EmbeddedStack

#: Five primary classes of four pupils, seven secondary ones of four.
SCALE = 0.1


class Ready(msgspec.Struct, frozen=True):
    """Where the site is, the folder of the workbooks with their plan, the trust anchors of the sandbox, its settings."""

    url: str
    books: str
    trust: str
    environment: dict[str, str]


async def serve(folder: Path) -> None:
    """Start everything below `folder`, say so, and wait for the end."""
    with until_interrupted():
        # Not the port that everybody tries first: somebody else's demo may be about to take it.
        async with EmbeddedStack(folder, durable=False, configured={variable("web"): _free_port()}) as stack:
            await stack.start_simulators()
            environment = stack.environment()
            os.environ.update(environment)
            await asyncio.to_thread(_migrate, environment)
            plan = await asyncio.to_thread(write_workbooks, folder / "books", scale=SCALE)
            await seed(plan.schools, plan.academic_year)
            await stack.start_product(workers=2)
            ready = Ready(
                environment["HOCBA_PUBLIC_URL"],
                str(folder / "books"),
                environment["HOCBA_TRUST_DIR"],
                dict(environment),
            )
            print(msgspec.json.encode(ready).decode(), flush=True)
            await first_of(stack.supervisor.failure(), _left_alone())


def _free_port() -> str:
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return str(probe.getsockname()[1])


async def _left_alone() -> None:
    """Until whoever started this closes our standard input, or dies."""
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


def _migrate(environment: Mapping[str, str]) -> None:
    command = [sys.executable, "-m", "backend.cli", "migrate"]
    subprocess.run(command, env=os.environ | environment, stdout=sys.stderr, check=True)


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1])))
