"""The site under load: a page with one query and a signed-in one, beside an empty page of framework and server."""

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import httpx
import msgspec

from backend.core.actor import Browser
from backend.tenants.access import entry
from backend.tenants.access.schemas import Entered
from infra.bench import samples, saves, servers, sheet
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
#: Who opens the full sheet.
_WRITER: Final = "gv.so@do.hocba.test"
#: One query, no session: a code that nobody has is looked up.
_ONE_QUERY: Final = f"/tra-cuu/{'0' * 32}"
#: Signed in, with little but the frame in it.
_FRAME: Final = "/tai-khoan"
#: The classes of a school with their teachers and numbers of pupils: session, person, classes, in a transaction.
_SIGNED_IN: Final = "/lop"


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


def run(bench: Bench) -> None:
    """Pages: servers on one core, whoever asks on another. Codes and saves: the site on all."""
    everywhere = os.sched_getaffinity(0)
    with tempfile.TemporaryDirectory() as folder, one_core() as core:
        others = everywhere - {core} or everywhere
        asyncio.run(_measure(bench, Table(Path(folder)), everywhere, min(others)))


async def _measure(bench: Bench, table: Table, everywhere: set[int], other: int) -> None:
    told = samples.truth()
    async with servers.embedded() as stack:
        school = await servers.open_school(told.secondary, told.secondary_pupils, saves.PEOPLE)
        await _page(bench, stack, school, other)
        # What is started from here on, may run everywhere; the database stays where it is.
        os.sched_setaffinity(0, everywhere)
        site = await _start_site(stack, stack.ports["signing"], _PROCESSES, HOCBA_TRUST_DIR=str(table.trust))
        await _verify_code(bench, school, table, site)
        await saves.measure(bench, school, site, _PROCESSES)


async def _page(bench: Bench, stack: EmbeddedStack, school: OpenSchool, core: int) -> None:
    site, empty = await _start_site(stack, stack.ports["web"], 1), await _start_empty_page(stack)
    a_class = samples.truth().secondary.classes[-1].code
    leader = await _cookie(site, servers.LOGIN)
    nothing = Target(url=empty, text="Trang trống")
    targets = [
        nothing,
        Target(url=site + _ONE_QUERY, text="Không tìm thấy học bạ nào", status=404),
        Target(url=site + _SIGNED_IN, cookie=leader, text=a_class),
    ]
    empty_busy, *busy = await _turns("web.page", targets, _CONNECTIONS, bench, core)
    empty_alone, *alone = await _turns("web.page, one connection", targets, 1, bench, core)
    names = ("web.page", "web.page_signed_in")
    for name, path, *found in zip(names, (_ONE_QUERY, _SIGNED_IN), busy, alone, strict=True):
        _report_page(bench, name, path, found, [empty_busy, empty_alone])

    opened = await sheet.fill_one(school, _WRITER)
    teacher = await _cookie(site, _WRITER)
    frame = Target(url=site + _FRAME, cookie=teacher, text=_WRITER)
    full = Target(url=f"{site}/so-diem/{opened}", cookie=teacher, text="7,5")
    _report_sheet(bench, *await _turns("web.sheet_open", [nothing, frame, full], 1, bench, core))


async def _cookie(site: str, login: str) -> str:
    """The cookie of somebody who has signed in."""
    client = Browser(host=urlsplit(site).netloc, network=LOOPBACK)
    entered = await entry.sign_in(login, servers.PASSWORD, client)
    assert isinstance(entered, Entered)
    return f"hocba={entered.token}"


async def _verify_code(bench: Bench, school: OpenSchool, table: Table, site: str) -> None:
    code = await servers.issue_one(school, table)
    target = Target(url=f"{site}/tra-cuu/{code}", text="Học bạ hợp lệ")
    [found] = await _turns("web.verify_code", [target], _ASKING, bench, None)
    p50 = statistics.median(load.p50 for load in found)
    bench.report(
        "web.verify_code",
        statistics.median(load.rate for load in found),
        n=sum(load.requests for load in found),
        note=f"{_PROCESSES} server processes, {_ASKING} connections, a file with three signatures; p50 {p50:.0f} ms",
    )


def _report_page(
    bench: Bench, name: str, path: str, ours: Sequence[list[Load]], empty: Sequence[list[Load]]
) -> None:
    """`ours` and `empty`: loads on many connections, then on one."""

    def both(take: Callable[[Load], float], place: int = 0) -> tuple[float, float]:
        found, yardstick = (statistics.median(map(take, loads[place])) for loads in (ours, empty))
        return found, found / yardstick if yardstick else 0.0

    rate, rates = both(lambda load: load.rate)
    p50, busy = both(lambda load: load.p50)
    single, alone = both(lambda load: load.p50, 1)
    cpu, work = both(lambda load: load.cpu_ms)
    bench.report(
        name,
        rate,
        n=sum(load.requests for load in ours[0]),
        ratio=rates,
        note=(
            f"{path[:20]}, database on the same core; p50 {single:.2f} ms on one connection, {alone:.1f} times the empty "
            f"page's; {p50:.1f} ms on {_CONNECTIONS}, {busy:.1f} times; processor time {cpu:.2f} ms, {work:.1f} times"
        ),
    )


def _report_sheet(bench: Bench, empty: list[Load], frame: list[Load], full: list[Load]) -> None:
    nothing, little, all_of_it = (
        statistics.median(load.p95 for load in found) for found in (empty, frame, full)
    )
    bench.report(
        "web.sheet_open",
        all_of_it,
        n=sum(load.requests for load in full),
        ratio=little / all_of_it,
        note=(
            f"{sheet.CELLS} cells full of marks, one connection, database on the same core; {all_of_it / little:.1f} "
            f"times {_FRAME} ({little:.1f} ms), {all_of_it / nothing:.0f} times the empty Litestar page"
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
