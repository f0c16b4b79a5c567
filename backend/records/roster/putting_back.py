"""Pupils whom a register changed, put back as they were; for the slice's own service: no door."""

import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.records.roster import pupil_rows, queries, rules
from backend.records.roster.models import Student
from backend.records.roster.names import name_key, search_key
from backend.records.roster.register import change_row
from backend.records.roster.schemas import CODES, OverwrittenPupil


async def refusal(
    session: TenantSession, year_id: uuid.UUID, pupils: Sequence[OverwrittenPupil]
) -> str | None:
    """Why the pupils stay as they are; None: all of them are as the register left them."""
    known = await pupil_rows.students_by_id(session, [pupil.student_id for pupil in pupils])
    return await _refusal(session, year_id, pupils, known)


async def _refusal(
    session: TenantSession,
    year_id: uuid.UUID,
    pupils: Sequence[OverwrittenPupil],
    known: Mapping[uuid.UUID, Any],
) -> str | None:
    places = await pupil_rows.classes_of_students(session, year_id, list(known))
    later = await pupil_rows.later_classes(session, year_id, list(known))
    for pupil in pupils:
        row = known.get(pupil.student_id)
        if row is None:
            return f"Hồ sơ của {pupil.full_name} không còn, hoặc đã được ghép vào hồ sơ khác."
        edited = [name for name, value in pupil.new.items() if rules.kept(getattr(row, name)) != value]
        if edited:
            field = rules.LABELS.get(edited[0], "Trạng thái hồ sơ")
            return f"Mục “{field}” của {row.full_name} đã được sửa sau lúc nhập."
        place = places.get(pupil.student_id)
        taken_again = pupil.new_class is None and pupil.student_id in later and _gave_up_more(pupil)
        if (place[0] if place else None) != pupil.new_class or taken_again:
            return f"{row.full_name} đã chuyển lớp, nghỉ học hoặc trở lại lớp sau lúc nhập."
    return await _given_away(session, pupils)


def _gave_up_more(pupil: OverwrittenPupil) -> bool:
    """Whether the register ended more than the place of its own year."""
    return bool(pupil.places.keys() - {str(pupil.old_class)})


async def _given_away(session: TenantSession, pupils: Sequence[OverwrittenPupil]) -> str | None:
    """A code or number that one of the pupils had before, and that another has by now."""
    for column in (Student.student_code, Student.personal_id):
        before = {pupil.old[column.key]: pupil for pupil in pupils if pupil.old.get(column.key)}
        owners = {value: pupil.student_id for value, pupil in before.items()}
        for value, name in await pupil_rows.others_with(session, column, owners):
            return (
                f"{rules.LABELS[column.key]} trước đây của {before[value].full_name} nay là của {name}; "
                "hãy xem lại hai hồ sơ."
            )
    return None


async def put_back(
    session: TenantSession, year_id: uuid.UUID, pupils: Sequence[OverwrittenPupil], by: uuid.UUID | None
) -> None:
    """Hold the pupils, look once more, and write. Raises Conflict."""
    await queries.hold_year(session, year_id)
    await session.hold(CODES)
    known = await pupil_rows.hold_students(session, [pupil.student_id for pupil in pupils])
    if why := await _refusal(session, year_id, pupils, known):
        raise Conflict(why)
    for pupil in pupils:
        if not pupil.is_new:
            await _restore(session, pupil, known[pupil.student_id], by)
    new = [pupil.student_id for pupil in pupils if pupil.is_new]
    made = [pupil.place_id for pupil in pupils if pupil.place_id and not pupil.is_new]
    used = await pupil_rows.take_away(session, new, made)
    if used:
        name = next(pupil.full_name for pupil in pupils if pupil.student_id == used)
        raise Conflict(
            f"{name} là học sinh mới của tệp và đã có điểm, kết quả hoặc yêu cầu về dữ liệu sau lúc nhập."
        )


async def _restore(session: TenantSession, pupil: OverwrittenPupil, row: Any, by: uuid.UUID | None) -> None:
    old = rules.given_back(pupil.old)
    if old:
        name, code, number = (old.get(key, getattr(row, key)) for key in _IN_KEYS)
        keys = {"name_key": name_key(name), "search_key": search_key(name, code, number)}
        await pupil_rows.update_student(session, pupil.student_id, old | keys)
        corrected = [
            change_row(session.tenant_id, pupil.student_id, field, getattr(row, field), value, by)
            for field, value in old.items()
            if field in rules.LABELS
        ]
        await pupil_rows.insert_changes(session, corrected)
    for class_id, place in pupil.places.items():
        await pupil_rows.leave_class(session, pupil.student_id, uuid.UUID(class_id), rules.given_back(place))


_IN_KEYS = ("full_name", "student_code", "personal_id")
