"""Whether subject teachers sign before the homeroom teacher: what holds, what was decided, and another decision.

What is frozen says who signs it, so a decision changes nothing of what is on its way.
"""

from collections.abc import Mapping
from datetime import date

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden
from backend.core.text import read_day
from backend.records.signing_order import queries, rules
from backend.records.signing_order.schemas import Decision, LevelOrder
from backend.tenants.people import service as people
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import LEVEL_NAMES, SchoolLevel


async def levels_signed(session: TenantSession, day: date) -> frozenset[SchoolLevel]:
    """The levels whose subject teachers sign what is frozen on a day."""
    decisions = await _decisions(session, {})
    return frozenset(level for level in SchoolLevel if rules.teachers_sign(decisions, level, day))


async def history(session: TenantSession) -> list[Decision]:
    """All decisions, the newest first."""
    return await _decisions(session, await people.names(session))


async def current(session: TenantSession) -> list[LevelOrder]:
    """What holds today, for each level of the school."""
    decisions, today = await _decisions(session, {}), clock.today()
    held = {level: rules.in_force(decisions, level, today) for level in await _levels(session)}
    return [
        LevelOrder(
            level=level,
            name=LEVEL_NAMES[level],
            teachers_sign=found.teachers_sign if found else rules.DEFAULTS[level],
            since=found.starts_on if found else None,
        )
        for level, found in held.items()
    ]


async def decide(
    session: TenantSession, actor: Actor, level: str, choice: str, starts_on: str, reason: str
) -> Decision:
    """Decide for a level from a day on. Raises Invalid, and Conflict where that already holds on that day."""
    if actor.staff_id is None:
        raise Forbidden("Chỉ người của trường đặt được thứ tự ký.")
    await session.hold("signing_order")
    made = Decision(
        level=rules.checked_level(level, await _levels(session)),
        teachers_sign=rules.checked_choice(choice),
        starts_on=rules.checked_start(read_day(starts_on, "Áp dụng từ ngày"), clock.today()),
        reason=rules.checked_reason(reason),
        set_by="",
        set_at=clock.now(),
    )
    if rules.teachers_sign(await _decisions(session, {}), made.level, made.starts_on) is made.teachers_sign:
        raise Conflict(
            f"{LEVEL_NAMES[made.level]}: ngày {made.starts_on:%d/%m/%Y} đã {rules.SAYS[made.teachers_sign]} nên không có "
            "gì để lưu."
        )
    await queries.insert_decision(session, made, actor.staff_id)
    await audit.record(
        session,
        actor,
        Action.SIGNING_ORDER_CHANGED,
        None,
        f"{LEVEL_NAMES[made.level]}: {rules.SAYS[made.teachers_sign]}",
        starts_on=made.starts_on.isoformat(),
        reason=made.reason,
    )
    return made


async def _decisions(session: TenantSession, names: Mapping[StaffId, str]) -> list[Decision]:
    return [
        Decision(
            level=SchoolLevel(row.level),
            teachers_sign=row.teachers_sign,
            starts_on=row.starts_on,
            reason=row.reason,
            set_by=names.get(StaffId(row.set_by), ""),
            set_at=row.set_at,
        )
        for row in await queries.decisions(session)
    ]


async def _levels(session: TenantSession) -> list[SchoolLevel]:
    own = (await schools.get_school(session)).levels
    return [level for level in SchoolLevel if level in own]
