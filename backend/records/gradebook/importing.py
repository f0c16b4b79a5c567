"""Marks that come by the thousand, compared with what is there and taken over all or nothing; no door."""

import uuid
from collections.abc import Sequence
from typing import Any

import msgspec

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.records.gradebook import exemption_rows, life_rules, one_sheet, queries, staging
from backend.records.gradebook.schemas import (
    Cell,
    MarkChange,
    MarkKind,
    NewMark,
    OverwrittenMark,
    SheetId,
    SheetState,
)
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.records.roster.schemas import DIFFERENCES_SHOWN, Difference, DifferenceKind, StudentId


async def compare(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """What `take` would do, without doing it."""
    return await _stage(session, actor, marks, to_take=False)


async def take(session: TenantSession, actor: Actor, marks: Sequence[NewMark]) -> MarkChange:
    """Write many marks at once. Raises Invalid for the first that cannot stand where it should, NotFound."""
    change = await _stage(session, actor, marks, to_take=True)
    if change.problems:
        raise Invalid(change.problems[0][1])
    overwritten = tuple(
        OverwrittenMark(
            sheet_id=SheetId(row.sheet_id),
            student_id=StudentId(row.student_id),
            cell=Cell(MarkKind(row.kind), row.slot),
            old=row.old,
            revision=row.revision,
        )
        for row in await staging.overwritten_by_staged(session)
    )
    await staging.trace_staged(session)
    await staging.write_staged(session)
    return msgspec.structs.replace(change, overwritten=overwritten)


async def _stage(
    session: TenantSession, actor: Actor, marks: Sequence[NewMark], *, to_take: bool
) -> MarkChange:
    """Compare marks with what is there. `to_take`: nobody else writes into these sheets until the transaction ends."""
    sheet_ids = list({mark.sheet_id for mark in marks})
    held = await queries.hold_sheets(session, sheet_ids, to_write=not to_take)
    sheets = await queries.sheets_by_id(session, sheet_ids)
    if any(mark.sheet_id not in sheets for mark in marks):
        raise NotFound("Không tìm thấy sổ điểm này.")
    choices = await plans.choices_of(session, {row.class_id: row.grade_level for row in sheets.values()})
    members = await roster.members_of(session, list({row.class_id for row in sheets.values()}))
    problems: list[tuple[int, str]] = []
    staged: dict[tuple[uuid.UUID, uuid.UUID, Cell], tuple[Any, ...]] = {}
    exempt = await exemption_rows.exempt_in(session, {row.class_id for row in sheets.values()})
    labels = {
        (sheet_id, cell): one_sheet.label(sheets[sheet_id], cell)
        for sheet_id, cell in {(mark.sheet_id, mark.cell) for mark in marks}
    }
    now = clock.now()
    closed = {
        sheet_id: SheetState(one.state)
        for sheet_id, one in held.items()
        if not life_rules.writable(SheetState(one.state), one.open_until, now)
    }
    for sheet_id, state in closed.items():
        index = next(index for index, mark in enumerate(marks) if mark.sheet_id == sheet_id)
        sentence = (
            f"Sổ của {one_sheet.place(sheets[sheet_id])} {life_rules.closed_words(state)} nên điểm trong sổ giữ nguyên; "
            f"hãy bỏ các dòng của sổ này khỏi tệp; {life_rules.way_out(state)}."
        )
        problems.append((index, sentence))
    for index, mark in enumerate(marks):
        if mark.sheet_id in closed:
            continue
        row = sheets[mark.sheet_id]
        try:
            name = members[row.class_id].get(mark.student_id)
            is_exempt = (row.class_id, row.subject_code, mark.student_id) in exempt
            one_sheet.refuse_settled(held[mark.sheet_id], row, is_exempt, mark, name)
            one_sheet.refuse_not_taken(choices[row.class_id], row, mark, name)
            value = one_sheet.accepted(mark, row, name, labels[mark.sheet_id, mark.cell])
        except (Invalid, Conflict) as error:
            problems.append((index, error.message))
            continue
        staged[mark.sheet_id, mark.student_id, mark.cell] = tuple(
            one_sheet.mark_row(session, actor, mark, value, now).values()
        )
    await staging.stage_marks(session, list(staged.values()))
    await staging.keep_made_up(session)
    await staging.keep_missed(session)
    new, changed, unchanged, basis = await staging.compare_staged(session)
    return MarkChange(
        new=new,
        changed=changed,
        unchanged=unchanged,
        problems=tuple(sorted(problems)),
        differences=tuple(
            _difference(row, sheets[row.sheet_id], members)
            for row in await staging.staged_differences(session, DIFFERENCES_SHOWN)
        ),
        basis=basis,
    )


def _difference(row: Any, sheet: Any, members: dict[uuid.UUID, dict[StudentId, str]]) -> Difference:
    place = one_sheet.label(sheet, Cell(MarkKind(row.kind), row.slot))
    return Difference(
        pupil=members[sheet.class_id][row.student_id],
        place=f"{place[0].upper()}{place[1:]}",
        old=row.old,
        new=row.new,
        kind=DifferenceKind.CHANGED if row.old else DifferenceKind.NEW,
    )
