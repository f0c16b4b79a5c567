"""Fifty teachers type marks into fifty sheets at the same time: the site, its database and the load on all cores."""

import asyncio
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import msgspec

from backend.core import csrf
from backend.core.actor import Browser
from backend.core.database import TenantSession, tenant_session
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import MarkKind, SheetId
from backend.records.roster import service as roster
from backend.tenants.access import entry
from backend.tenants.access.schemas import Entered
from infra.bench.harness import Bench, say
from infra.bench.save_load import Writer
from infra.bench.servers import PASSWORD, OpenSchool, Teacher
from infra.embedded.ports import LOOPBACK

_PROJECT: Final = Path(__file__).parents[2]
#: Teachers who type at the same time, each into a sheet of their own.
PEOPLE: Final = 50


class Saved(msgspec.Struct, frozen=True):
    """One turn, as `infra.bench.save_load` prints it: times in milliseconds."""

    requests: int
    seconds: float
    p50: float
    p99: float


async def measure(bench: Bench, school: OpenSchool, site: str, processes: int) -> None:
    """web.mark_save and web.mark_save_p99."""
    writers = await _writers(school, site)
    seconds, turns = bench.size(50, 6) / 10, bench.repetitions + 1
    say(f"web.mark_save: {turns} turns of {seconds} s")
    command = [
        sys.executable,
        "-m",
        "infra.bench.save_load",
        "--turns",
        str(turns),
        "--seconds",
        str(seconds),
    ]
    done = await asyncio.to_thread(
        subprocess.run,
        command,
        cwd=_PROJECT,
        input=msgspec.json.encode(writers),
        stdout=subprocess.PIPE,
        check=True,
    )
    _, *found = (msgspec.json.decode(line, type=Saved) for line in done.stdout.splitlines())
    note = f"{PEOPLE} people in {PEOPLE} sheets, {processes} server processes, database and load on the same cores"
    saves = sum(one.requests for one in found)
    p50, p99 = (statistics.median(getattr(one, name) for one in found) for name in ("p50", "p99"))
    rate = statistics.median(one.requests / one.seconds for one in found)
    bench.report("web.mark_save", rate, n=saves, note=f"{note}; p50 {p50:.0f} ms")
    bench.report("web.mark_save_p99", p99, n=saves, note=note)


async def _writers(school: OpenSchool, site: str) -> list[Writer]:
    async with tenant_session(school.tenant_id) as session:
        sheets = {
            (one.class_id, one.subject_code): one.id
            for one in await gradebook.list_sheets(session)
            if one.term == 1
        }
        return [
            await _sit_down(session, site, teacher, sheets[teacher.class_id, teacher.subject_code])
            for teacher in school.teachers
        ]


async def _sit_down(session: TenantSession, site: str, teacher: Teacher, sheet_id: SheetId) -> Writer:
    browser = Browser(host=urlsplit(site).netloc, network=LOOPBACK)
    entered = await entry.sign_in(teacher.login, PASSWORD, browser)
    assert isinstance(entered, Entered)
    return Writer(
        url=f"{site}/so-diem/{sheet_id}/o",
        cookie=f"hocba={entered.token}",
        token=csrf.token_for(entered.token),
        column=f"{MarkKind.REGULAR.value}:1",
        pupils=[str(one.id) for one in await roster.list_students(session, teacher.class_id)],
    )
