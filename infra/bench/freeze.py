"""Freezing: a whole school by the product's own tasks, from the one action to the last document that is rendered."""

import asyncio
import os
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

import asyncpg
import msgspec

from backend.core import settings
from backend.core.actor import Actor
from backend.core.database import TenantSession, tenant_session
from backend.records.assessment import service as assessment
from backend.records.freezes import service as freezes
from backend.records.freezes.schemas import Scope
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import NewMark
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionState
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from infra.bench import samples, servers
from infra.bench.harness import Bench, say
from infra.bench.servers import OpenSchool
from infra.demo.marks import PrimaryTruth
from infra.demo.people import Pupil
from infra.demo.schools import DemoClass, DemoSchool
from infra.embedded import programs

_PUPILS: Final = 2000
_CORES: Final = 2
#: How often, and for how long, is looked whether it is done (seconds).
_BREATH: Final = 0.25
_PATIENCE: Final = 1800.0


class Large(NamedTuple):
    """The demo's primary school several times over: other class names, other pupils, the same marks."""

    school: DemoSchool
    pupils: dict[str, list[Pupil]]
    years: dict[str, PrimaryTruth]


def run(bench: Bench) -> None:
    """Servers, dispatcher and two workers on two cores."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, set(sorted(before)[-_CORES:]))
    try:
        asyncio.run(_measure(bench, large(bench.size(_PUPILS, 40))))
    finally:
        os.sched_setaffinity(0, before)


def large(wanted: int) -> Large:
    """Whole classes of the demo, again and again, until there are so many pupils."""
    told = samples.truth()
    classes: list[DemoClass] = []
    pupils: dict[str, list[Pupil]] = {}
    years: dict[str, PrimaryTruth] = {}
    while len(years) < wanted:
        again = len(classes) // len(told.primary.classes)
        one = told.primary.classes[len(classes) % len(told.primary.classes)]
        code = f"{one.code}{again or ''}"
        classes.append(msgspec.structs.replace(one, code=code))
        pupils[code] = []
        for pupil in told.primary_pupils[one.code]:
            number, personal = f"{again + 1:02}{pupil.student_code[2:]}", f"0012{len(years):08}"
            other = msgspec.structs.replace(pupil, class_code=code, student_code=number, personal_id=personal)
            pupils[code].append(other)
            years[number] = told.primary_years[pupil.student_code]
    return Large(msgspec.structs.replace(told.primary, classes=tuple(classes)), pupils, years)


async def _measure(bench: Bench, one: Large) -> None:
    async with servers.embedded() as stack:
        school = await servers.open_school(one.school, one.pupils)
        principal = await _confirm(school, one)
        environment = servers.environment(stack)
        for program in (
            programs.dispatcher(environment),
            *(programs.worker(environment, number) for number in range(1, _CORES + 1)),
        ):
            await stack.start(program)
        await _until(_nothing_to_do)
        started = time.monotonic()
        async with tenant_session(school.tenant_id) as session:
            await freezes.start(session, principal, Scope())
        frozen = await _until(lambda: _frozen(school))
        last = time.monotonic()
        rendered = await _until(lambda: _rendered(school, frozen))
    seconds = time.monotonic() - started
    bench.report(
        "freeze.school",
        seconds,
        n=rendered,
        note=(
            f"{len(one.school.classes)} classes, primary form; frozen after {last - started:.1f} s; "
            f"{rendered / seconds:.1f} documents/s; opening their signing requests runs beside it; one run"
        ),
    )


async def _confirm(school: OpenSchool, one: Large) -> Actor:
    """Every sheet full and locked, every result confirmed; returns the principal, who teaches everything here."""
    async with tenant_session(school.tenant_id) as session:
        [staff, *_] = await people.list_staff(session)
        roles = [Role.PRINCIPAL, Role.HOMEROOM_TEACHER, Role.SUBJECT_TEACHER]
        head = await people.actor_of(session, staff.id)
        await people.change_staff(session, head, staff.id, staff.full_name, staff.title, roles)
        principal = await people.actor_of(session, staff.id)
        places = await roster.places_by_code(session)
    for each in school.classes:
        async with tenant_session(school.tenant_id) as session:
            sheets = {
                (sheet.subject_code, sheet.term): sheet.id
                for sheet in await gradebook.list_sheets(session, each.id)
            }
            marks = [
                NewMark(
                    sheet_id=sheets[place], student_id=places[pupil.student_code].id, cell=cell, value=value
                )
                for pupil in one.pupils[each.name]
                for place, cells in samples.primary_cells(one.years[pupil.student_code]).items()
                for cell, value in cells.items()
            ]
            change = await gradebook.record_marks(session, school.actor, marks)
            if change.problems:
                raise RuntimeError(f"marks of {each.name}: {change.problems[0]}")
            await life.submit_class(session, principal, each.id)
            await life.lock_class(session, principal, each.id)
            await assessment.assess_class(session, each.id)
            await assessment.confirm_class(session, principal, each.id)
    await servers.look_at_tables()
    say(f"{len(one.years)} pupils in {len(school.classes)} classes are confirmed")
    return principal


async def _until(look: Callable[[], Awaitable[int]]) -> int:
    """What `look` finds, as soon as it finds something. Raises RuntimeError when that takes too long."""
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end:
        if found := await look():
            return found
        await asyncio.sleep(_BREATH)
    raise RuntimeError(f"not done after {_PATIENCE:.0f} s")


async def _nothing_to_do() -> int:
    connection = await asyncpg.connect(settings.get().database_dispatcher_url)
    try:
        idle = """
            select not exists (select from work.outbox_event) and not exists (
                select from work.job where state in ('due', 'leased') and next_at < now() + interval '1 h')
        """
        return int(await connection.fetchval(idle))
    finally:
        await connection.close()


async def _frozen(school: OpenSchool) -> int:
    """How many transcripts there are, as soon as every class of the run is done."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        [newest, *_] = await freezes.newest_runs(session)
        return 0 if newest.waiting else sum((await _states(session)).values())


async def _rendered(school: OpenSchool, frozen: int) -> int:
    """`frozen`, as soon as each of them has its forms."""
    async with tenant_session(school.tenant_id, read_only=True) as session:
        waiting = (await _states(session))[VersionState.FROZEN]
    return 0 if waiting else frozen


async def _states(session: TenantSession) -> Counter[str]:
    found: Counter[str] = Counter()
    for states in (await transcripts.counts(session)).values():
        found.update(states)
    return found
