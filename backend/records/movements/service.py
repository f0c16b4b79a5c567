"""Pupils come, change classes, leave and come back; years that they spent elsewhere are entered as they stand."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.core.text import check_text
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import SheetState
from backend.records.movements import queries, rules
from backend.records.movements.schemas import Absent, Choice, Moved, Movements, NewEarlierYear
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import (
    LEAVING,
    STATUS_NAMES,
    ClassId,
    ClassSummary,
    EnrollmentStatus,
    Place,
    PupilRecord,
    StudentStatus,
    YearSummary,
)

_MAX_REASON = 500


async def open_movements(session: TenantSession, actor: Actor, student_id: uuid.UUID) -> Movements:
    """Where a pupil stands and may go, for a person who looks at it, which is recorded. Raises NotFound."""
    record = await roster.get_record(session, student_id)
    audit_reads.record_read(session, actor, Action.PUPIL_READ, student_id, record.label, [student_id])
    classes = await roster.list_classes_of_newest_year(session)
    here = await _here(session, student_id, classes)
    states: dict[uuid.UUID, set[SheetState]] = defaultdict(set)
    for sheet in await gradebook.list_sheets(session):
        states[sheet.class_id].add(sheet.state)
    reachable = [
        one
        for one in classes
        if here is None or (one.id != here.class_id and one.grade_level == here.grade_level)
    ]
    given_up: dict[uuid.UUID, list[str]] = {}
    if here is not None:
        source = next(one for one in classes if one.id == here.class_id)
        given_up = await plans.given_up(session, student_id, source, reachable)
    return Movements(
        record=record,
        here=here,
        choices=tuple(
            Choice(
                class_id=one.id,
                name=one.name,
                grade_level=one.grade_level,
                remark=rules.remark(states[one.id], given_up.get(one.id, ())),
            )
            for one in reachable
        ),
        earlier=tuple(await roster.earlier_years(session, student_id)),
    )


async def place(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, class_id: ClassId, typed: Mapping[str, str]
) -> Moved:
    """A pupil who has no place takes one: new here, or back.

    Whoever was in another class of the year brings the marks and the electives of then. Raises NotFound, Invalid,
    Conflict for a pupil who has a place and for a class that is final.
    """
    record = await roster.hold_record(session, student_id)
    target, year = await _target(session, class_id)
    classes = await roster.list_classes_of_newest_year(session)
    here = await _here(session, student_id, classes)
    if here is not None:
        raise Conflict(f"{record.full_name} đang học lớp {here.class_name}; hãy dùng mục “Chuyển lớp”.")
    arrival = rules.read_arrival(typed, target.id, record)
    rules.require_day(arrival.on, year, clock.today())
    before = rules.place_before(await roster.places_of(session, student_id), target)
    moved = Moved(class_name=target.name, marks=0, missing=(), given_up=())
    if before is not None and before.class_id != target.id:
        moved = await _bring_along(session, actor, record, before.class_id, target)
    await gradebook.require_open(session, target.id)
    facts = {"came_from": arrival.came_from or None, "registry_no": arrival.registry_no or None}
    await roster.take_in(session, record, target.id, arrival.on, facts)
    await roster.set_status(session, actor, record, rules.status_on_arrival(record, arrival), arrival.on)
    await gradebook.count_again(session, target.id)
    on, placed = arrival.on.isoformat(), Action.PUPIL_PLACED
    await _record(
        session, actor, placed, record, [target.id], new_class=target.name, on=on, marks=moved.marks
    )
    return moved


async def change_class(
    session: TenantSession,
    actor: Actor,
    student_id: uuid.UUID,
    seen: str,
    class_id: ClassId,
    typed: Mapping[str, str],
) -> Moved:
    """A pupil goes to another class of the same grade within the year; marks (`gradebook.carry_marks`) and electives
    (`plans.carry_choice`) follow.

    `seen` is the class in which the writer saw them. Raises NotFound, Invalid, Conflict.
    """
    record = await roster.hold_record(session, student_id)
    target, year = await _target(session, class_id)
    here = await _here(session, student_id, await roster.list_classes_of_newest_year(session))
    if here is None or str(here.class_id) != seen:
        raise Conflict(f"{record.full_name} vừa được xếp sang lớp khác; xin xem lớp mới rồi làm lại.")
    if here.class_id == target.id or here.grade_level != target.grade_level:
        raise Invalid(
            f"Trong năm học, học sinh lớp {here.class_name} chỉ chuyển sang lớp khác của khối {here.grade_level}; "
            "xin chọn lại lớp."
        )
    arrival = rules.read_arrival(typed, target.id, record)
    rules.require_day(arrival.on, year, clock.today(), here.joined_on)
    moved = await _bring_along(session, actor, record, here.class_id, target)
    reason = check_text(typed.get("ly_do", ""), field="Lý do", person=record.full_name, limit=_MAX_REASON)
    await roster.end_place(
        session,
        record,
        ClassId(here.class_id),
        arrival.on,
        reason or f"Chuyển sang lớp {target.name}",
        EnrollmentStatus.MOVED,
    )
    facts = {"registry_no": here.registry_no, "came_from": None}
    await roster.take_in(session, record, target.id, arrival.on, facts)
    await gradebook.count_again(session, target.id)
    await _record(
        session,
        actor,
        Action.PUPIL_MOVED,
        record,
        [here.class_id, target.id],
        old_class=here.class_name,
        new_class=target.name,
        on=arrival.on.isoformat(),
        marks=moved.marks,
        given_up=", ".join(moved.given_up) or None,
    )
    return moved


async def _bring_along(
    session: TenantSession, actor: Actor, record: PupilRecord, source_id: uuid.UUID, target: ClassSummary
) -> Moved:
    """What a pupil had in a class of the year comes into another."""
    marks, missing = await gradebook.carry_marks(session, actor, record, source_id, target.id)
    source = await roster.get_class(session, source_id)
    given_up = await plans.carry_choice(session, record.id, source, target)
    return Moved(class_name=target.name, marks=marks, missing=tuple(missing), given_up=tuple(given_up))


async def leave(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, seen: str, typed: Mapping[str, str]
) -> StudentStatus:
    """A pupil leaves the school; returns how. The class goes on without them, what they have stays; a place that waits
    for them in a later year ends, too.

    `seen` is the class in which the writer saw them. Raises NotFound, Invalid, Conflict.
    """
    record = await roster.hold_record(session, student_id)
    here = await _here(session, student_id, await roster.list_classes_of_newest_year(session))
    if (str(here.class_id) if here else "") != seen or record.status in LEAVING:
        raise Conflict(f"{record.full_name} vừa được người khác chuyển lớp hoặc ghi rời trường; xin xem lại.")
    departure = rules.read_departure(typed, record)
    year = await _year(session)
    rules.require_day(departure.on, year, clock.today(), here.joined_on if here else None)
    years = {one.id for one in await roster.list_years(session) if one.starts_on >= year.starts_on}
    ending = [
        one.class_id
        for one in await roster.places_of(session, student_id)
        if one.status is EnrollmentStatus.STUDYING and one.academic_year_id in years
    ]
    for class_id in ending:
        left = EnrollmentStatus.LEFT
        await roster.end_place(session, record, class_id, departure.on, departure.reason, left)
    await roster.set_status(session, actor, record, departure.status, departure.on)
    status, on = STATUS_NAMES[departure.status], departure.on.isoformat()
    await _record(session, actor, Action.PUPIL_LEFT, record, ending, status=status, on=on)
    return departure.status


async def absent_by_code(session: TenantSession) -> dict[str, Absent]:
    """student code → who is not at the school any more, how and since when."""
    return {
        row.student_code: Absent(
            full_name=row.full_name, status=StudentStatus(row.status), since=row.status_on
        )
        for row in await queries.absent(session)
    }


async def enter_earlier_year(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, typed: Mapping[str, str]
) -> str:
    """Copy a year from the học bạ that the pupil brought; returns its name. Raises NotFound, Invalid, Conflict."""
    record = await roster.hold_record(session, student_id)
    new = rules.read_earlier_year(typed, record, (await _year(session)).name)
    await _enter(session, actor, record, new)
    return new.academic_year


async def enter_received_years(
    session: TenantSession, actor: Actor, record: PupilRecord, years: Sequence[NewEarlierYear]
) -> list[uuid.UUID]:
    """Take years over from a học bạ that was checked; their ids. `record` is held. Raises Conflict as above."""
    return [await _enter(session, actor, record, one) for one in years]


async def _enter(session: TenantSession, actor: Actor, record: PupilRecord, new: NewEarlierYear) -> uuid.UUID:
    if await queries.is_entered(session, record.id, new.academic_year, new.school_name):
        raise Conflict(
            f"Năm học {new.academic_year} ở {new.school_name} đã được ghi; nếu ghi sai, hãy rút lại rồi ghi mới."
        )
    year_id = new_id()
    row = msgspec.structs.asdict(new) | {"id": year_id, "student_id": record.id}
    row |= {"entered_by": actor.staff_id, "entered_at": clock.now()}
    await queries.insert_earlier_year(
        session, row | dict.fromkeys(("withdrawn_by", "withdrawn_at", "reason"))
    )
    await _record(session, actor, Action.EARLIER_YEAR_ENTERED, record, name=new.academic_year)
    return year_id


async def withdraw_earlier_year(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, year_id: uuid.UUID, reason: str
) -> str:
    """Take back a year that was copied wrongly; returns its name. Raises NotFound, Invalid without a reason."""
    record = await roster.hold_record(session, student_id)
    words = check_text(reason, field="Lý do", person=record.full_name, limit=_MAX_REASON)
    if not words:
        raise Invalid("Chưa có lý do rút lại; hãy ghi điều gì đã chép sai.")
    values = {"withdrawn_by": actor.staff_id, "withdrawn_at": clock.now(), "reason": words}
    name = await queries.withdraw(session, student_id, year_id, values)
    if name is None:
        raise NotFound("Không tìm thấy năm học này, hoặc năm học đã được rút lại.")
    await _record(session, actor, Action.EARLIER_YEAR_WITHDRAWN, record, name=name, reason=words)
    return name


async def _here(session: TenantSession, student_id: uuid.UUID, classes: list[ClassSummary]) -> Place | None:
    """The pupil's place in the year that the school works in."""
    ids = {one.id for one in classes}
    places = await roster.places_of(session, student_id)
    return next(
        (one for one in places if one.class_id in ids and one.status is EnrollmentStatus.STUDYING), None
    )


async def _target(session: TenantSession, class_id: uuid.UUID) -> tuple[ClassSummary, YearSummary]:
    """The class that is meant, held before its sheets are, like whoever freezes it; and its year."""
    await roster.hold_classes(session, [class_id])
    target, year = await roster.get_class(session, class_id), await _year(session)
    if target.academic_year_id != year.id or target.closed_on is not None:
        raise Conflict(f"Lớp {target.name} không còn nhận học sinh; hãy chọn lớp của năm học {year.name}.")
    return target, year


async def _year(session: TenantSession) -> YearSummary:
    """The year that the school works in. Raises Conflict while it has no class."""
    classes = await roster.list_classes_of_newest_year(session)
    if not classes:
        raise Conflict("Trường chưa có lớp nào; hãy mở lớp trước.")
    return next(one for one in await roster.list_years(session) if one.id == classes[0].academic_year_id)


async def _record(
    session: TenantSession,
    actor: Actor,
    action: Action,
    record: PupilRecord,
    classes: Iterable[uuid.UUID] = (),
    **details: str | int | None,
) -> None:
    deed = audit.Deed(record.id, record.label, dict(details), (record.id, *classes))
    await audit.record_many(session, actor, action, [deed])
