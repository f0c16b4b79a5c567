"""The site under load: a signed-in page with one query, beside an empty page of the same framework and server."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import httpx
import msgspec

from backend.tenants.access import service as access
from infra.bench import samples, servers
from infra.bench.harness import Bench, one_core, say
from infra.bench.processes import cpu_seconds
from infra.bench.servers import OpenSchool
from infra.bench.signers import Table
from infra.embedded import programs, ready
from infra.embedded.child import ChildSpec
from infra.embedded.ports import LOOPBACK
from infra.embedded.stack import EmbeddedStack

_PROJECT: Final = Path(__file__).parents[2]
_CONNECTIONS: Final = 16
_PROCESSES: Final = 2
#: People who look a code up at the same time.
_ASKING: Final = 4
#: The classes of a school with their teachers and numbers of pupils.
_PAGE: Final = "/lop"


class Load(msgspec.Struct, frozen=True, kw_only=True):
    """What `infra.bench.load` found: times in milliseconds."""

    requests: int
    seconds: float
    p50: float
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
    """What is asked for, and as whom; `text` stands in the answer."""

    url: str
    cookie: str = ""
    text: str


def run(bench: Bench) -> None:
    """web.page, with the servers on one core and whoever asks on another; web.verify_code, the site on all."""
    everywhere = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder, one_core() as core:
        others = everywhere - {core} or everywhere
        asyncio.run(_measure(bench, Table(Path(folder)), everywhere, min(others)))


async def _measure(bench: Bench, table: Table, everywhere: set[int], other: int) -> None:
    told = samples.truth()
    async with servers.embedded() as stack:
        school = await servers.open_school(told.secondary, told.secondary_pupils)
        await _page(bench, stack, other)
        # What is started from here on, may run everywhere; the database stays where it is.
        os.sched_setaffinity(0, everywhere)
        await _verify_code(bench, stack, school, table)


async def _page(bench: Bench, stack: EmbeddedStack, core: int) -> None:
    site, empty = await _start_site(stack, stack.ports["web"], 1), await _start_empty_page(stack)
    token = await access.sign_in(servers.LOGIN, servers.PASSWORD, LOOPBACK)
    targets = [
        Target(url=site + _PAGE, cookie=f"hocba={token}", text=samples.truth().secondary.classes[-1].code),
        Target(url=empty, text="Trang trống"),
    ]
    busy = await _turns("web.page", targets, _CONNECTIONS, bench, core)
    alone = await _turns("web.page, one connection", targets, 1, bench, core)
    _report_page(bench, busy, alone)


async def _verify_code(bench: Bench, stack: EmbeddedStack, school: OpenSchool, table: Table) -> None:
    processes = bench.size(_PROCESSES, _PROCESSES)
    site = await _start_site(stack, stack.ports["signing"], processes, HOCBA_TRUST_DIR=str(table.trust))
    code = await servers.issue_one(school, table)
    target = Target(url=f"{site}/tra-cuu/{code}", text="Học bạ hợp lệ")
    [found] = await _turns("web.verify_code", [target], _ASKING, bench, None)
    p50 = statistics.median(load.p50 for load in found)
    bench.report(
        "web.verify_code",
        statistics.median(load.rate for load in found),
        n=sum(load.requests for load in found),
        note=f"{processes} server processes, {_ASKING} connections, a file with three signatures; p50 {p50:.0f} ms",
    )


def _report_page(bench: Bench, busy: list[list[Load]], alone: list[list[Load]]) -> None:
    ours, empty = (statistics.median(load.rate for load in found) for found in busy)
    p50, empty_p50 = (statistics.median(load.p50 for load in found) for found in busy)
    single, empty_single = (statistics.median(load.p50 for load in found) for found in alone)
    cpu, empty_cpu = (statistics.median(load.cpu_ms for load in found) for found in busy)
    bench.report(
        "web.page",
        ours,
        n=sum(load.requests for load in busy[0]),
        ratio=ours / empty,
        note=(
            f"{_PAGE}, signed in, database on the same core, {_CONNECTIONS} connections; "
            f"p50 {p50:.1f} ms, empty page {empty_p50:.1f} ms: {p50 / empty_p50:.1f} times; "
            f"on one connection {single:.2f} and {empty_single:.2f} ms: {single / empty_single:.1f} times; "
            f"by processor time {cpu:.2f} and {empty_cpu:.2f} ms: {cpu / empty_cpu:.1f} times"
        ),
    )


async def _turns(
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
    if answer.status_code != 200 or target.text not in answer.text:
        raise RuntimeError(f"{target.url} does not show what is to be measured: {answer.status_code}")


def _load(target: Target, connections: int, seconds: float, core: int | None) -> Load:
    options = ["--connections", str(connections), "--seconds", str(seconds), "--cookie", target.cookie]
    if core is not None:
        options += ["--core", str(core)]
    command = (sys.executable, "-m", "infra.bench.load", target.url, *options)
    before = cpu_seconds()
    done = subprocess.run(command, cwd=_PROJECT, stdout=subprocess.PIPE, check=True)
    return msgspec.convert(json.loads(done.stdout) | {"cpu_seconds": cpu_seconds() - before}, Load)


async def _start_site(stack: EmbeddedStack, port: int, processes: int, **settings: str) -> str:
    """`hocba serve` as it is deployed; returns its address."""
    address = f"http://{LOOPBACK}:{port}"
    environment = servers.environment(stack) | {"HOCBA_PORT": str(port), "HOCBA_PUBLIC_URL": address}
    site = programs.web(environment | settings)
    command = (*site.command, "--processes", str(processes))
    await stack.start(replace(site, name=f"web-{port}", command=command))
    return address


async def _start_empty_page(stack: EmbeddedStack) -> str:
    port = stack.ports["province"]
    await stack.start(
        ChildSpec(
            name="empty-page",
            command=(sys.executable, "-m", "infra.bench.empty_page", str(port)),
            environment={**os.environ, "PYTHONPATH": str(_PROJECT)},
            ready=ready.answers_http(port),
        )
    )
    return f"http://{LOOPBACK}:{port}/"
