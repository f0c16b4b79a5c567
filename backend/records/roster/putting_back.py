"""Pupils whom a register changed, put back as they were; for the slice's own service: no door."""

from collections.abc import Sequence
from typing import Any

from backend.core.database import TenantSession
from backend.core.errors import Conflict, NotFound
from backend.records.roster import queries, rules
from backend.records.roster.names import name_key
from backend.records.roster.schemas import EnrollmentStatus, OverwrittenPupil


async def refusal(session: TenantSession, pupils: Sequence[OverwrittenPupil]) -> str | None:
    """Why the pupils stay as they are; None: all of them are as the register left them."""
    year = await queries.latest_year(session)
    ids = [pupil.student_id for pupil in pupils]
    known = await queries.students_by_id(session, ids)
    places = await queries.classes_of_students(session, year.id, ids) if year else {}
    for pupil in pupils:
        row = known.get(pupil.student_id)
        if row is None:
            return f"Hồ sơ của {pupil.full_name} không còn."
        if field := _edited(pupil, row):
            return f"Mục “{rules.label(field)}” của {row.full_name} đã được sửa sau lúc nhập."
        place = places.get(pupil.student_id)
        if (place[0] if place else None) != pupil.new_class:
            return f"{row.full_name} đã chuyển lớp, nghỉ học hoặc trở lại lớp sau lúc nhập."
    return None


def _edited(pupil: OverwrittenPupil, row: Any) -> str | None:
    """The first field that is not any more what the register said."""
    fields = (name for name, value in pupil.new.items() if rules.written(getattr(row, name)) != value)
    return next(fields, None)


async def put_back(session: TenantSession, pupils: Sequence[OverwrittenPupil]) -> None:
    """Hold the pupils, look once more, and write. Raises Conflict."""
    year = await queries.latest_year(session)
    if year is None:
        raise NotFound("Trường chưa mở năm học nào.")
    await queries.hold_year(session, year.id)
    await queries.hold_students(session, [pupil.student_id for pupil in pupils])
    if why := await refusal(session, pupils):
        raise Conflict(why)
    for pupil in pupils:
        if not pupil.is_new:
            await _restore(session, pupil)
    new = [pupil.student_id for pupil in pupils if pupil.is_new]
    made = [pupil.place_id for pupil in pupils if pupil.place_id and not pupil.is_new]
    used = await queries.take_away(session, new, made)
    if used:
        name = next(pupil.full_name for pupil in pupils if pupil.student_id == used)
        raise Conflict(
            f"{name} là học sinh mới của tệp và đã có điểm, kết quả hoặc yêu cầu về dữ liệu sau lúc nhập."
        )


async def _restore(session: TenantSession, pupil: OverwrittenPupil) -> None:
    fields = {name: rules.read(name, value) for name, value in pupil.old.items()}
    if name := fields.get("full_name"):
        fields["name_key"] = name_key(name)
    if fields:
        await queries.update_student(session, pupil.student_id, fields)
    if pupil.new_class == pupil.old_class:
        return
    if pupil.new_class and pupil.left_as:
        await queries.leave_class(session, pupil.student_id, pupil.new_class, pupil.left_as)
    if pupil.old_class:
        await queries.leave_class(session, pupil.student_id, pupil.old_class, EnrollmentStatus.STUDYING)
