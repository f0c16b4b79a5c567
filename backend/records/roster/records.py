"""Pupils and their records: found, shown, added, corrected, given their codes; for the slice's own pages: no door."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from backend.core import audit, audit_reads, clock, outbox
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.core.text import plain
from backend.records.roster import pupil_rows, rules, service
from backend.records.roster.adding import add_pupil as add_pupil
from backend.records.roster.adding import require_free
from backend.records.roster.events import PupilNeedsAssessment
from backend.records.roster.names import name_key, search_key
from backend.records.roster.register import change_row
from backend.records.roster.schemas import (
    CODES,
    ClassSummary,
    Correction,
    EnrollmentStatus,
    Found,
    Place,
    PupilRecord,
    PupilRow,
    StudentId,
    StudentStatus,
    StudentSummary,
    Wanted,
)
from backend.tenants.people import service as people

#: Pupils on one page of a search.
PAGE = 50
#: Digits of a personal number, which is looked up as it is: its end alone would find others, too.
_NUMBER_LENGTH = 12


async def search(session: TenantSession, actor: Actor, wanted: Wanted) -> Found:
    """One page of the pupils that are meant, for a person who looks at them, which is recorded."""
    classes = await service.list_classes_of_newest_year(session)
    year_id = classes[0].academic_year_id if classes else None
    words = plain(wanted.words).split()
    numbers = [word for word in words if word.isdigit() and len(word) == _NUMBER_LENGTH]
    others = [word for word in words if word not in numbers]
    rows, total = await pupil_rows.search(session, wanted, others, numbers, PAGE)
    ids = [row.id for row in rows]
    places = await pupil_rows.classes_of_students(session, year_id, ids) if year_id else {}
    found = [_row(row, places[row.id][1] if row.id in places else "") for row in rows]
    if found:
        label = "Danh sách học sinh"
        audit_reads.record_read(session, actor, Action.PUPILS_LISTED, None, label, [one.id for one in found])
    return Found(rows=tuple(found), total=total, pages=max(1, -(-total // PAGE)))


async def open_class_list(
    session: TenantSession, actor: Actor, class_id: uuid.UUID
) -> tuple[ClassSummary, list[StudentSummary]]:
    """A class and its pupils for a person who looks at them. Raises NotFound, Forbidden without a duty in the class."""
    school_class = await service.get_class(session, class_id)
    await service.require_duty(session, actor, class_id, "danh sách học sinh", *service.PUPILS_EVERYWHERE)
    students = await service.list_students(session, class_id)
    pupils = (one.id for one in students)
    audit_reads.record_read(session, actor, Action.CLASS_READ, class_id, f"Lớp {school_class.name}", pupils)
    return school_class, students


async def open_record(session: TenantSession, actor: Actor, student_id: uuid.UUID) -> PupilRecord:
    """One pupil's record for a person who looks at it, which is recorded. Raises NotFound."""
    record = await service.get_record(session, student_id)
    audit_reads.record_read(session, actor, Action.PUPIL_READ, student_id, record.label, [student_id])
    return record


async def open_for_correction(session: TenantSession, actor: Actor, student_id: uuid.UUID) -> PupilRecord:
    """One record with its numbers in full, for whoever corrects it: both are recorded. Raises NotFound."""
    record = await service.get_record(session, student_id)
    for shown in (Action.PUPIL_READ, *([Action.PERSONAL_ID_SHOWN] if record.personal_id else [])):
        audit_reads.record_read(session, actor, shown, student_id, record.label, [student_id])
    return record


async def history(session: TenantSession, student_id: uuid.UUID) -> list[Correction]:
    """What was corrected in a record, the newest first; numbers of the pupil by their end alone."""
    names = await people.names(session)
    return [
        Correction(
            field=rules.LABELS.get(row.field, row.field),
            old=rules.shown(row.field, row.old_value) if row.field in rules.NUMBERS else row.old_value,
            new=rules.shown(row.field, row.new_value) if row.field in rules.NUMBERS else row.new_value,
            who=names.get(StaffId(row.changed_by), "") if row.changed_by else "",
            at=row.changed_at,
        )
        for row in await pupil_rows.changes_of(session, student_id)
    ]


async def show_number(session: TenantSession, actor: Actor, student_id: uuid.UUID) -> str:
    """The personal number in full; that somebody asked is recorded. Raises NotFound."""
    record = await service.get_record(session, student_id)
    if record.personal_id is None:
        raise NotFound(f"Hồ sơ của {record.full_name} chưa có số định danh cá nhân.")
    await audit.record(session, actor, Action.PERSONAL_ID_SHOWN, student_id, record.label)
    return record.personal_id


async def change_pupil(
    session: TenantSession, actor: Actor, student_id: uuid.UUID, typed: Mapping[str, str], revision: int
) -> int:
    """Correct a record as a form says it; returns how many fields are other. `revision` is what the writer saw.

    A frozen học bạ keeps what it says. Raises NotFound, Invalid, Conflict where somebody else was faster.
    """
    await session.hold(CODES)
    record = await service.hold_record(session, student_id)
    if record.revision != revision:
        raise Conflict(
            f"Hồ sơ của {record.full_name} vừa được người khác sửa; xin xem bản mới ở dưới rồi sửa lại."
        )
    found = rules.corrected(record, rules.read_form(typed), clock.today())
    await require_free(session, student_id, None, found.get("personal_id"))
    await _write(session, actor, record, found)
    if "not_assessed" in found:
        await outbox.emit(session, PupilNeedsAssessment(student_id))
    if found:
        labels = ", ".join(rules.LABELS[name] for name in found)
        await audit.record(
            session,
            actor,
            Action.PUPIL_CHANGED,
            student_id,
            record.label,
            about=[student_id],
            fields=labels,
        )
    return len(found)


async def match_code(session: TenantSession, actor: Actor, student_id: uuid.UUID, typed: str) -> StudentId:
    """Give a pupil with a temporary code the Ministry's one; returns whose record lives on.

    Where another record has that code, the two are one pupil: the one with marks lives on, learns what it lacks, and
    takes the place in the class where it has none; the other points to it. Raises NotFound, Invalid, Conflict where
    it is not certain that they are one.
    """
    code = rules.checked_code(typed)
    await session.hold(CODES)
    record = await service.hold_record(session, student_id)
    if not record.code_is_temporary:
        raise Conflict(f"{record.full_name} đã có mã chính thức {record.student_code}; không cần ghép mã.")
    other = await pupil_rows.record_by_code(session, code)
    if other is None:
        await _write(session, actor, record, {"student_code": code, "code_is_temporary": False})
        await _record_match(session, actor, record, record, code)
        return record.id
    works = await pupil_rows.with_work(session, [record.id, other.id])
    kept = rules.kept_of(record, other, {one.id: one.id in works for one in (record, other)})
    gone = other if kept is record else record
    await _bring_together(session, kept, gone)
    await _write(session, actor, gone, {"student_code": f"{gone.student_code}-{gone.id.hex[-6:]}"})
    await pupil_rows.update_student(
        session, gone.id, {"merged_into_id": kept.id, "personal_id": None, "code_is_temporary": False}
    )
    learned = rules.filled(kept, gone) | rules.here_again(kept, gone, clock.today())
    await _write(session, actor, kept, learned | {"student_code": code, "code_is_temporary": False})
    await _record_match(session, actor, kept, gone, code)
    return kept.id


async def _bring_together(session: TenantSession, kept: PupilRecord, gone: PupilRecord) -> None:
    """The places of both: the record that goes gives its own up, to the other where that has none in the year."""
    own = {place.academic_year: place for place in await _studying(session, kept.id)}
    for place in await _studying(session, gone.id):
        mine = own.get(place.academic_year)
        if mine and mine.class_id != place.class_id:
            raise Conflict(
                f"Hai hồ sơ của {kept.full_name} đang ở hai lớp {mine.class_name} và {place.class_name}; "
                "hãy chuyển về một lớp rồi ghép."
            )
        ended = {"status": EnrollmentStatus.MOVED, "left_on": clock.today(), "reason": "Ghép hai hồ sơ"}
        await pupil_rows.leave_class(session, gone.id, place.class_id, ended)
        if mine is None:
            moved = pupil_rows.place_row(session.tenant_id, kept.id, place.class_id) | {
                "registry_no": place.registry_no,
                "joined_on": place.joined_on,
                "came_from": place.came_from,
            }
            await pupil_rows.enroll(session, [moved])


async def _studying(session: TenantSession, student_id: uuid.UUID) -> Sequence[Place]:
    places = await pupil_rows.places_of(session, student_id)
    return [place for place in places if place.status is EnrollmentStatus.STUDYING]


async def _write(
    session: TenantSession, actor: Actor, record: PupilRecord, values: Mapping[str, Any]
) -> None:
    """Change a record, and keep what stood there."""
    if not values:
        return
    after = msgspec.structs.asdict(record) | dict(values)
    keys = {
        "name_key": name_key(after["full_name"]),
        "search_key": search_key(after["full_name"], after["student_code"], after["personal_id"]),
    }
    await pupil_rows.update_student(session, record.id, dict(values) | keys)
    changes = [
        change_row(session.tenant_id, record.id, name, getattr(record, name), value, actor.staff_id)
        for name, value in values.items()
        if name in rules.LABELS and value != getattr(record, name)
    ]
    await pupil_rows.insert_changes(session, changes)


async def _record_match(
    session: TenantSession, actor: Actor, kept: PupilRecord, gone: PupilRecord, code: str
) -> None:
    about = {kept.id, gone.id}
    await audit.record(
        session, actor, Action.PUPIL_MATCHED, kept.id, kept.label, about=about, pupil_code=code
    )


def _row(row: Any, class_name: str) -> PupilRow:
    return PupilRow(**row._asdict() | {"status": StudentStatus(row.status), "class_name": class_name})
