"""Teaching duties: who leads which class, who teaches what there, and giving that to somebody else.

Rights follow at once: whose sheet it is, is asked of the duty at every request (`gradebook`).
"""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import date

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action, Deed
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid
from backend.core.ids import new_id
from backend.records.duties import queries, rules
from backend.records.duties.schemas import Duty, Held, Holder, Move
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Staff


async def list_duties(session: TenantSession) -> list[Duty]:
    """Every duty of the newest year, class by class."""
    classes = await roster.list_classes_of_newest_year(session)
    working = {one.id for one in await people.list_staff(session)}
    known = await plans.all_plans(session)
    return rules.duties(classes, await roster.list_assignments(session), working, known)


async def duties_of_class(session: TenantSession, class_id: uuid.UUID) -> list[Duty]:
    """Duties of one class of any year. Raises NotFound."""
    found = await roster.get_class(session, class_id)
    working = {one.id for one in await people.list_staff(session)}
    known = await plans.all_plans(session)
    return rules.duties([found], await roster.list_assignments(session, class_id), working, known)


async def duties_of(session: TenantSession, staff_id: StaffId) -> list[Duty]:
    """What a person leads and teaches in the newest year."""
    return [duty for duty in await list_duties(session) if duty.teacher_id == staff_id]


async def list_holders(session: TenantSession) -> list[Holder]:
    """Everybody who could hold a duty, with what they lead and teach."""
    return rules.holders(await list_duties(session), await people.list_staff(session))


async def takers(session: TenantSession) -> list[Staff]:
    """Who could be given a subject or a class."""
    return [one for one in await people.list_staff(session) if rules.could_teach(one)]


async def change_class(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, typed: Mapping[str, str]
) -> int:
    """Give duties of a class to whom a form says (`rules.moves`); returns how many went to another.

    `tu_ngay` is the day from which they are the other's, today where it is empty; rights follow now. Raises NotFound,
    Invalid, Conflict for somebody who may not hold a duty and where somebody else was faster.
    """
    moves = rules.moves(await duties_of_class(session, class_id), typed)
    return await _move(session, actor, moves, typed.get("tu_ngay", ""))


async def hand_over(
    session: TenantSession, actor: Actor, staff_id: StaffId, keys: Collection[str], to: str
) -> int:
    """Give these duties of a person to another; returns how many.

    Raises Invalid where nothing or nobody is chosen, NotFound, Conflict like `change_class`.
    """
    taker = rules.chosen(to)
    chosen = [duty for duty in await duties_of(session, staff_id) if duty.key in keys]
    if taker is None or not chosen:
        raise Invalid("Chưa chọn việc cần bàn giao hoặc người nhận; xin chọn cả hai.")
    return await _move(session, actor, [Move(duty=duty, old=staff_id, new=taker) for duty in chosen])


async def past_duties(session: TenantSession, class_id: uuid.UUID) -> list[Held]:
    """Who held duties of a class before whoever does now, the latest first. Raises NotFound."""
    plan = await plans.plan_of(session, await roster.get_class(session, class_id))
    names = await people.names(session)
    return [
        Held(
            code=row.code,
            name=rules.name_of(plan, row.code),
            staff_id=StaffId(row.staff_id) if row.staff_id else None,
            who=names.get(StaffId(row.staff_id), "") if row.staff_id else "",
            since=row.starts_on,
            until=row.ends_on,
        )
        for row in await queries.past(session, class_id)
    ]


async def teachers_on(session: TenantSession, class_id: uuid.UUID, day: date) -> dict[str, str]:
    """subject → who taught it on a day, where that is not whoever does now; "" where it was the homeroom teacher."""
    return {
        one.code: one.who
        for one in await past_duties(session, class_id)
        if (one.since or day) <= day <= one.until
    }


async def _move(session: TenantSession, actor: Actor, moves: Sequence[Move], since: str = "") -> int:
    """Do these moves, which are of one year, all or none."""
    if not moves:
        return 0
    working = {one.id: one for one in await people.list_staff(session)}
    names = await people.names(session)
    held = await queries.last_days(session, {one.duty.class_id for one in moves})
    year_id = (await roster.get_class(session, moves[0].duty.class_id)).academic_year_id
    year = next(one for one in await roster.list_years(session) if one.id == year_id)
    day = rules.since(since, clock.today(), year)
    deeds, past = [], []
    for one in moves:
        if one.new is not None:
            taker = working.get(one.new) or await people.get_staff(session, one.new)
            rules.require_able(taker, one.duty)
        days = rules.held_until(one, day, held.get((one.duty.class_id, one.duty.code)))
        if days is not None:
            row = {"tenant_id": session.tenant_id, "id": new_id(), "class_id": one.duty.class_id}
            past.append(
                row | {"code": one.duty.code, "staff_id": one.old, "starts_on": days[0], "ends_on": days[1]}
            )
        told: dict[str, str | int | None] = {
            "old_teacher": names[one.old] if one.old else None,
            "new_teacher": names[one.new] if one.new else None,
            "starts_on": day.isoformat(),
        }
        about = tuple(person for person in (one.old, one.new) if person)
        deeds.append(Deed(one.duty.class_id, one.duty.label, told, about))
    done = await queries.move(session, moves)
    late = next((one for one in moves if one.duty.key not in done), None)
    if late is not None:
        raise Conflict(
            f"“{late.duty.label}” vừa được người khác phân công lại; xin xem phân công mới rồi làm lại."
        )
    await queries.insert_past(session, past)
    await audit.record_many(session, actor, Action.DUTY_CHANGED, deeds)
    return len(deeds)
