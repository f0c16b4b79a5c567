"""Marks that follow a pupil into another class of the year; for the slice's own service: no door."""

import uuid
from collections.abc import Sequence
from typing import Any

from backend.core import clock, outbox
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.core.ids import new_id
from backend.records.gradebook import exemption_rows, mark_rows, one_sheet, queries, staging
from backend.records.gradebook.events import GradeSheetLocked
from backend.records.gradebook.schemas import CARRY, SheetState
from backend.records.roster.schemas import PupilRecord


async def carry(
    session: TenantSession, actor: Actor, pupil: PupilRecord, source: uuid.UUID, target: uuid.UUID
) -> tuple[int, list[str]]:
    """Copy a pupil's marks into the same sheets of another class; how many, and which sheets that class does not have.

    Exemptions follow too and are over in the old class, whose sheets keep what they have. Marks come into closed
    sheets as well: they were written, checked and locked like those that stand there. Each sheet tells in its history
    who came from where; changes in it after a lock are kept.
    Raises Conflict once the pupil's transcript is frozen in the old class, or all are in the new one.
    """
    # All at once, in one order: two pupils who change places do not wait for each other.
    ids = [one for of in (source, target) for one in await queries.sheet_ids_of_class(session, of)]
    await queries.hold_sheets(session, ids, to_write=False)
    old = await _held(session, source)
    new = {(row.subject_code, row.term): row for row in await _held(session, target)}
    await _refuse_frozen(session, pupil, old)
    _require_open(list(new.values()))
    by_id = {row.id: row for row in old}
    found = [
        mark for mark in await mark_rows.marks_of_sheets(session, list(by_id)) if mark.student_id == pupil.id
    ]
    missing = {mark.sheet_id for mark in found if _key(by_id[mark.sheet_id]) not in new}
    marks = [mark for mark in found if mark.sheet_id not in missing]
    now = clock.now()
    rows = [
        (
            session.tenant_id,
            new_id(),
            new[_key(by_id[mark.sheet_id])].id,
            pupil.id,
            mark.kind,
            mark.slot,
            mark.value,
            actor.staff_id,
            now,
        )
        for mark in marks
    ]
    if rows:
        await staging.stage_marks(session, rows)
        await _tell(session, actor, pupil, old[0].class_name, {row[2] for row in rows})
        await staging.write_staged(session)
    ended = {"ended_by": actor.staff_id, "ended_at": now}
    await exemption_rows.carry_exemptions(session, pupil.id, source, target, ended)
    return len(rows), sorted(one_sheet.subject_name(by_id[sheet_id]) for sheet_id in missing)


async def count_again(session: TenantSession, class_id: uuid.UUID) -> None:
    """A pupil has come into a class whose sheets are all locked: its results are computed once more, with theirs."""
    rows = await _held(session, class_id)
    if rows and all(row.state == SheetState.LOCKED for row in rows):
        await queries.set_state(session, [rows[0].id], {"locked_at": clock.now()})
        await outbox.emit(session, GradeSheetLocked(rows[0].id))


async def require_open(session: TenantSession, class_id: uuid.UUID) -> None:
    """Raises Conflict for a class whose transcripts are frozen; nobody freezes them until the transaction ends."""
    _require_open(await _held(session, class_id))


async def _held(session: TenantSession, class_id: uuid.UUID) -> list[Any]:
    ids = await queries.sheet_ids_of_class(session, class_id)
    await queries.hold_sheets(session, ids, to_write=False)
    return list((await queries.sheets_by_id(session, ids)).values())


def _require_open(rows: Sequence[Any]) -> None:
    """Raises Conflict for a class whose transcripts are frozen: its sheets are final, nobody comes in."""
    final = next((row for row in rows if row.state == SheetState.FINAL), None)
    if final is not None:
        raise Conflict(
            f"Lớp {final.class_name} đã chốt học bạ nên không nhận thêm học sinh trong năm học này; "
            "hãy xếp vào lớp khác, hoặc vào lớp của năm học sau."
        )


async def _refuse_frozen(session: TenantSession, pupil: PupilRecord, old: Sequence[Any]) -> None:
    held = await queries.hold_sheets(session, [row.id for row in old], to_write=False)
    if any(pupil.id in one.final_pupils for one in held.values()):
        raise Conflict(
            f"Học bạ năm nay của {pupil.full_name} đã chốt ở lớp {old[0].class_name} nên không chuyển lớp được nữa."
        )


async def _tell(
    session: TenantSession, actor: Actor, pupil: PupilRecord, old_class: str, sheet_ids: set[uuid.UUID]
) -> None:
    words = f"{pupil.full_name}, từ lớp {old_class}"
    step = {"deed": CARRY, "words": words, "done_by": actor.staff_id, "at": clock.now(), "open_until": None}
    steps = [
        {"tenant_id": session.tenant_id, "id": new_id(), "sheet_id": sheet_id} | step
        for sheet_id in sheet_ids
    ]
    await queries.insert_steps(session, steps)
    await staging.trace_carried(session)


def _key(row: Any) -> tuple[str, int]:
    return row.subject_code, row.term
