"""After the last day of the plan: what was accepted is in force and unchangeable, what was not is listed."""

import uuid
from datetime import UTC, date, datetime

import pytest

from backend.core import audit, clock, daily, settings
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantId, tenant_session
from backend.core.errors import Conflict
from backend.records.calendar.deadlines import closing_of
from backend.records.transcripts import flow, life, service
from backend.records.transcripts.schemas import Deed, VersionState, VersionSummary
from backend.tenants.permissions import Role, permissions_of
from tests.factories.issued_versions import FROZEN_AT, issue, open_delivering_school
from tests.factories.machine import Death, Machine, dispatcher_connection

LAST, NEXT = date(2026, 6, 29), date(2026, 6, 30)
SUMMER, AFTER_SUMMER = date(2026, 8, 14), date(2026, 8, 15)


@pytest.mark.parametrize(
    ("province", "year", "grade", "frozen_on", "last_day"),
    [
        ("01", "2025-2026", 4, date(2026, 5, 28), LAST),
        ("01", "2025-2026", 12, LAST, LAST),
        ("01", "2025-2026", 4, NEXT, SUMMER),
        ("01", "2025-2026", 9, date(2026, 7, 20), SUMMER),
        ("01", "2025-2026", 4, date(2026, 9, 1), SUMMER),
        ("37", "2025-2026", 9, date(2026, 5, 21), LAST),
        ("92", "2023-2024", 3, date(2024, 6, 1), date(2024, 6, 20)),
        ("92", "2023-2024", 3, date(2024, 6, 21), date(2024, 8, 14)),
        ("92", "2024-2025", 3, date(2025, 6, 21), date(2025, 6, 29)),
    ],
)
def test_the_day_of_a_plan(province: str, year: str, grade: int, frozen_on: date, last_day: date) -> None:
    """ "Trước ngày 30/6" is the end of 29/6; what was frozen later waits for the day after summer."""
    found = closing_of(province, year, grade, frozen_on)
    assert found.last_day(int(year[-4:])) == last_day
    assert found.source


def at(patch: pytest.MonkeyPatch, day: date) -> None:
    patch.setattr(clock, "today", lambda: day)


async def accepted(tenant_id: TenantId, count: int = 1, frozen_at: datetime = FROZEN_AT) -> list[uuid.UUID]:
    """Issued versions of which the Authority has said that it has taken them in."""
    versions = await issue(tenant_id, count, frozen_at)
    await Machine(tenant_id).forget()
    async with tenant_session(tenant_id) as session:
        await flow.advance(session, versions, Deed.ACCEPT)
    return versions


async def look(tenant_id: TenantId) -> None:
    """What the night does for all schools, and the machine for this one."""
    async with dispatcher_connection() as connection:
        await daily.look(connection, [service.queue_locks])
    await Machine(tenant_id).rest()


async def versions(tenant_id: TenantId, ids: list[uuid.UUID]) -> list[VersionSummary]:
    async with tenant_session(tenant_id, read_only=True) as session:
        return await service.get_versions(session, ids)


async def test_what_was_accepted_is_locked_on_the_day_after_and_not_before(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = await open_delivering_school()
    ids = await accepted(school, 2)
    at(monkeypatch, LAST)
    await look(school)
    assert {one.state for one in await versions(school, ids)} == {VersionState.ACCEPTED}
    at(monkeypatch, NEXT)
    await look(school)
    await look(school)
    found = await versions(school, ids)
    assert {(one.state, one.effective_on) for one in found} == {(VersionState.LOCKED, NEXT)}


@pytest.mark.parametrize("death", Death, ids=lambda death: death.name.lower())
async def test_workers_that_die_lock_once(
    death: Death, product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = await open_delivering_school()
    ids = await accepted(school, 3)
    at(monkeypatch, NEXT)
    async with tenant_session(school) as session:
        await service.queue_locks(session)
    await Machine(school, death=death).rest()
    assert {one.effective_on for one in await versions(school, ids)} == {NEXT}
    async with tenant_session(school, read_only=True) as session:
        deeds = await audit.history(session, ids)
    assert sum(one.action == Action.TRANSCRIPT_LOCKED for one in deeds) == 3


async def test_a_version_of_the_summer_stays_open_until_15_8(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R20: grades 1–4 with additional assessment, and whoever else is frozen after the summer."""
    school = await open_delivering_school()
    ids = await accepted(school, frozen_at=datetime(2026, 7, 20, 2, tzinfo=UTC))
    at(monkeypatch, SUMMER)
    await look(school)
    assert (await versions(school, ids))[0].state == VersionState.ACCEPTED
    at(monkeypatch, AFTER_SUMMER)
    await look(school)
    assert (await versions(school, ids))[0].effective_on == AFTER_SUMMER


async def test_what_is_not_accepted_by_then_is_listed_and_stays_as_it_is(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = await open_delivering_school()
    [late] = await issue(school)
    await Machine(school).forget()
    at(monkeypatch, LAST)
    clerk = Actor(tenant_id=school, staff_id=None, name="Cô Văn thư")
    async with tenant_session(school) as session:
        assert (await service.open_overdue(session, clerk, 1)).rows == ()
    at(monkeypatch, NEXT)
    await look(school)
    async with tenant_session(school) as session:
        [found] = (await service.open_overdue(session, clerk, 1)).rows
    assert (found.version.id, found.version.state) == (late, VersionState.ISSUED)
    assert (found.closing.last_day, found.closing.says) == (LAST, "trước ngày 30/06/2026")
    async with tenant_session(school) as session:
        await flow.advance(session, [late], Deed.ACCEPT)
    await look(school)
    assert (await versions(school, [late]))[0].state == VersionState.LOCKED, (
        "accepted late, it is locked at once"
    )


async def test_one_who_was_told_too_early_locks_nothing(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A job asks the calendar itself."""
    school = await open_delivering_school()
    ids = await accepted(school)
    at(monkeypatch, LAST)
    async with tenant_session(school) as session:
        await flow.lock_due(session, ids)
    assert (await versions(school, ids))[0].state == VersionState.ACCEPTED


async def test_nothing_is_withdrawn_once_it_is_locked(
    product: settings.Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    school = await open_delivering_school()
    [locked] = await accepted(school)
    at(monkeypatch, NEXT)
    await look(school)
    principal = Actor(
        tenant_id=school, staff_id=None, name="Hiệu trưởng", permissions=permissions_of([Role.PRINCIPAL])
    )
    async with tenant_session(school) as session:
        with pytest.raises(
            Conflict, match=r"đã chốt và có hiệu lực \(Phụ lục 1, mục 2.1\) nên không rút lại"
        ):
            await life.withdraw(session, principal, locked, "Sai điểm Toán của em")
        await flow.advance(session, [locked], Deed.SUBMIT, Deed.ACCEPT, Deed.REJECT, Deed.LOCK)
    assert (await versions(school, [locked]))[0].effective_on == NEXT
