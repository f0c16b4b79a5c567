"""The site as it is deployed, and loads on its pages: what the figures of pages have in common."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from backend.core.actor import Browser
from backend.tenants.access import entry
from backend.tenants.access.schemas import Entered
from infra.bench import servers
from infra.bench.harness import Bench, say
from infra.bench.processes import cpu_seconds
from infra.embedded import programs
from infra.embedded.ports import LOOPBACK
from infra.embedded.stack import EmbeddedStack

_PROJECT: Final = Path(__file__).parents[2]
#: Signed in, with little but the frame in it.
FRAME: Final = "/tai-khoan"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What `infra.bench.load` found: times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p95: float
    p99: float
    cpu_seconds: float = 0.0  # of all servers together, while the load lasted

    @property
    def cpu_ms(self) -> float:
        """Milliseconds of processor time per request."""
        return self.cpu_seconds / self.requests * 1000

    @property
    def rate(self) -> float:
        """Requests per second."""
        return self.requests / self.seconds


class Target(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked for, and as whom; `text` stands in the answer of `status`."""

    url: str
    cookie: str = ""
    text: str
    status: int = 200


async def cookie(site: str, login: str) -> str:
    """The cookie of somebody who has signed in."""
    client = Browser(host=urlsplit(site).netloc, network=LOOPBACK)
    entered = await entry.sign_in(login, servers.PASSWORD, client)
    assert isinstance(entered, Entered)
    return f"hocba={entered.token}"


async def turns(
    name: str, targets: Sequence[Target], connections: int, bench: Bench, core: int | None
) -> list[list[Load]]:
    """Load on each target in turn, after a warm-up."""
    for target in targets:
        await _look(target)
    seconds = bench.size(30, 4) / 10
    found: list[list[Load]] = [[] for _ in targets]
    for turn in range(bench.repetitions + 1):
        for place, target in enumerate(targets):
            load = await asyncio.to_thread(_load, target, connections, seconds, core)
            if turn:
                found[place].append(load)
        say(f"{name}: {f'{turn}/{bench.repetitions}' if turn else 'warm'}")
    return found


async def _look(target: Target) -> None:
    """A figure about the wrong page would say nothing."""
    async with httpx.AsyncClient(trust_env=False, timeout=60) as client:
        answer = await client.get(target.url, headers={"Cookie": target.cookie} if target.cookie else None)
    if answer.status_code != target.status or target.text not in answer.text:
        raise RuntimeError(f"{target.url} does not show what is to be measured: {answer.status_code}")


def _load(target: Target, connections: int, seconds: float, core: int | None) -> Load:
    options = ["--connections", str(connections), "--seconds", str(seconds), "--cookie", target.cookie]
    options += ["--status", str(target.status)]
    if core is not None:
        options += ["--core", str(core)]
    command = (sys.executable, "-m", "infra.bench.load", target.url, *options)
    before = cpu_seconds()
    done = subprocess.run(command, cwd=_PROJECT, stdout=subprocess.PIPE, check=True)
    return msgspec.convert(json.loads(done.stdout) | {"cpu_seconds": cpu_seconds() - before}, Load)


async def start_site(stack: EmbeddedStack, port: int, processes: int, **settings: str) -> str:
    """`hocba serve` as it is deployed; returns its address."""
    address = f"http://{LOOPBACK}:{port}"
    environment = servers.environment(stack) | {"HOCBA_PORT": str(port), "HOCBA_PUBLIC_URL": address}
    site = programs.web(environment | settings)
    command = (*site.command, "--processes", str(processes))
    await stack.start(replace(site, name=f"web-{port}", command=command))
    return address
