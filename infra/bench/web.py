"""The site under load: a page with one query and a signed-in one, beside an empty page of framework and server."""

import asyncio
import os
import re
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import httpx

from infra.bench import ratio, samples, saves, servers, sheet
from infra.bench import site as pages
from infra.bench.harness import Bench, one_core
from infra.bench.servers import OpenSchool
from infra.bench.signers import Table
from infra.bench.site import Load, Target
from infra.embedded import ready
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
_TOKEN: Final = re.compile(r'name="csrf-token" content="([^"]+)"')
#: The classes of a school with their teachers and numbers of pupils: session, person, classes, in a transaction.
_SIGNED_IN: Final = "/lop"


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
        site = await pages.start_site(
            stack, stack.ports["signing"], _PROCESSES, HOCBA_TRUST_DIR=str(table.trust)
        )
        await _verify_code(bench, school, table, site)
        await saves.measure(bench, school, site, _PROCESSES)
        await ratio.measure(bench, school, site)


async def _page(bench: Bench, stack: EmbeddedStack, school: OpenSchool, core: int) -> None:
    site, empty = await pages.start_site(stack, stack.ports["web"], 1), await _start_empty_page(stack)
    a_class = samples.truth().secondary.classes[-1].code
    leader = await pages.cookie(site, servers.LOGIN)
    nothing = Target(url=empty, text="Trang trống")
    targets = [
        nothing,
        Target(url=site + _ONE_QUERY, text="Không tìm thấy học bạ nào", status=404),
        Target(url=site + _SIGNED_IN, cookie=leader, text=a_class),
    ]
    empty_busy, *busy = await pages.turns("web.page", targets, _CONNECTIONS, bench, core)
    empty_alone, *alone = await pages.turns("web.page, one connection", targets, 1, bench, core)
    names = ("web.page", "web.page_signed_in")
    for name, path, *found in zip(names, (_ONE_QUERY, _SIGNED_IN), busy, alone, strict=True):
        _report_page(bench, name, path, found, [empty_busy, empty_alone])

    opened = await sheet.fill_one(school, _WRITER)
    teacher = await pages.cookie(site, _WRITER)
    frame = Target(url=site + pages.FRAME, cookie=teacher, text=_WRITER)
    full = Target(url=f"{site}/so-diem/{opened}", cookie=teacher, text="7,5")
    _report_sheet(bench, *await pages.turns("web.sheet_open", [nothing, frame, full], 1, bench, core))


async def _verify_code(bench: Bench, school: OpenSchool, table: Table, site: str) -> None:
    issued = await servers.issue_one(school, table)
    target = Target(url=f"{site}/tra-cuu/{issued.code}", text="Học bạ hợp lệ")
    [found] = await pages.turns("web.verify_code", [target], _ASKING, bench, None)
    asked = f"{_PROCESSES} server processes, {_ASKING} connections, a file with three signatures"
    p50, p95 = (statistics.median(map(take, found)) for take in (lambda one: one.p50, lambda one: one.p95))
    count = sum(load.requests for load in found)
    rate = statistics.median(load.rate for load in found)
    bench.report("web.verify_code", rate, n=count, note=f"{asked}; p50 {p50:.0f} ms")
    bench.report("web.verify_code_p95", p95, n=count, note=f"{asked}, all of them busy")
    await _check_file(bench, site, issued.document)


async def _check_file(bench: Bench, site: str, document: bytes) -> None:
    """A file of three signatures, handed in by somebody who has it, one after the other."""
    seconds: list[float] = []
    async with httpx.AsyncClient(base_url=site, trust_env=False, timeout=60) as client:
        token = _TOKEN.search((await client.get("/tra-cuu")).text)
        assert token is not None
        for _ in range(bench.repetitions + 1):
            began = time.perf_counter()
            answer = await client.post(
                "/tra-cuu",
                data={"csrf_token": token[1]},
                files={"tep": ("hoc-ba.pdf", document, "application/pdf")},
            )
            seconds.append(time.perf_counter() - began)
            if "Học bạ hợp lệ" not in answer.text:
                raise RuntimeError(f"the file was not checked: {answer.status_code}")
    bench.report("web.check_file", statistics.median(seconds[1:]), n=len(seconds) - 1)


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
            f"times {pages.FRAME} ({little:.1f} ms), {all_of_it / nothing:.0f} times the empty Litestar page"
        ),
    )


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
