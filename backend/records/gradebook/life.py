"""The life of a sheet: submitted, checked, locked, opened again; for the slice's own pages and tasks: no door."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from backend.core import audit, audit_reads, clock, outbox
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.departments import service as departments
from backend.records.gradebook import exemption_rows, layout, life_rules, mark_rows, one_sheet, queries
from backend.records.gradebook.events import GradeSheetLocked, GradeSheetReopened
from backend.records.gradebook.schemas import (
    CARRY,
    Cell,
    ChangeView,
    Deed,
    MarkKind,
    SheetId,
    SheetState,
    SheetSummary,
    Side,
    StepView,
    WaitingSheet,
)
from backend.records.plans import service as plans
from backend.records.roster import service as roster
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

#: Sheets that a head sees at once, the oldest; the others follow when these are done.
WAITING_SHOWN = 40

_ACTIONS = {
    Deed.SUBMIT: Action.SHEET_SUBMITTED,
    Deed.WITHDRAW: Action.SHEET_WITHDRAWN,
    Deed.CHECK: Action.SHEET_CHECKED,
    Deed.SEND_BACK: Action.SHEET_SENT_BACK,
    Deed.LOCK: Action.SHEET_LOCKED,
    Deed.REOPEN: Action.SHEET_REOPENED,
    Deed.LOCK_AGAIN: Action.SHEET_LOCKED,
    Deed.FINISH: Action.SHEET_FINISHED,
    Deed.RELEASE: Action.SHEET_RELEASED,
}
#: Deeds by which marks begin to count: the results are computed anew. A released sheet says what it said.
_LOCKING = frozenset({Deed.LOCK, Deed.LOCK_AGAIN})


async def submit(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> None:
    """The teacher in charge hands a sheet in: its cells close. Raises NotFound, Forbidden, Conflict."""
    await _advance(session, actor, Deed.SUBMIT, [sheet_id])


async def submit_class(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> int:
    """Hand in every open sheet of a class that the actor is in charge of; counts them. Raises NotFound."""
    return await _advance_class(session, actor, Deed.SUBMIT, class_id)


async def withdraw(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> None:
    """The teacher takes a submitted sheet back, until it is checked. Raises NotFound, Forbidden, Conflict."""
    await _advance(session, actor, Deed.WITHDRAW, [sheet_id])


async def check(
    session: TenantSession, actor: Actor, sheet_id: uuid.UUID, seen: datetime | None = None
) -> None:
    """The head of the teacher's department has looked at a sheet. Raises NotFound, Forbidden, Conflict.

    Here and below, `seen` is the newest hand-in that was in front of the actor: what was handed in later is not meant.
    """
    await _advance(session, actor, Deed.CHECK, [sheet_id], seen=seen)


async def check_all(session: TenantSession, actor: Actor, seen: datetime | None = None) -> int:
    """The head has looked at the sheets that `waiting_sheets` shows; counts them."""
    waiting = [sheet.id for sheet in (await waiting_for(session, actor))[:WAITING_SHOWN]]
    return len(await _advance(session, actor, Deed.CHECK, waiting, passing=True, seen=seen))


async def check_class(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, seen: datetime | None = None
) -> int:
    """The head has looked at all sheets of a class that wait; counts them. Raises NotFound."""
    return await _advance_class(session, actor, Deed.CHECK, class_id, seen)


async def send_back(session: TenantSession, actor: Actor, sheet_id: uuid.UUID, remark: str) -> None:
    """Open a sheet for its teacher again, who reads the remark. Raises NotFound, Forbidden, Conflict, Invalid."""
    words = life_rules.checked_reason(remark, await _called(session, sheet_id), "Lời nhận xét")
    await _advance(session, actor, Deed.SEND_BACK, [sheet_id], words=words)


async def lock(
    session: TenantSession, actor: Actor, sheet_id: uuid.UUID, seen: datetime | None = None
) -> None:
    """The management locks a sheet: its marks count. Raises NotFound, Forbidden, Conflict."""
    await _advance(session, actor, Deed.LOCK, [sheet_id], seen=seen)


async def lock_class(
    session: TenantSession, actor: Actor, class_id: uuid.UUID, seen: datetime | None = None
) -> int:
    """Lock every sheet of a class that has come so far; counts them. Raises NotFound."""
    return await _advance_class(session, actor, Deed.LOCK, class_id, seen)


async def reopen(session: TenantSession, actor: Actor, sheet_id: uuid.UUID, reason: str, hours: str) -> None:
    """Open a locked sheet again for its teacher, for so many hours. Every change in it leaves its trace.

    Raises NotFound, Forbidden, Invalid for the reason or the hours, Conflict once the transcripts are frozen.
    """
    words = life_rules.checked_reason(reason, await _called(session, sheet_id), "Lý do mở lại")
    open_until = clock.now() + timedelta(hours=life_rules.checked_hours(hours))
    await _advance(session, actor, Deed.REOPEN, [sheet_id], words=words, open_until=open_until)


async def lock_again(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> None:
    """Close a reopened sheet before its time. Raises NotFound, Forbidden, Conflict."""
    await _advance(session, actor, Deed.LOCK_AGAIN, [sheet_id])


async def lock_overdue(session: TenantSession, sheet_id: uuid.UUID) -> float:
    """Lock a reopened sheet whose time is over, for the machine; answers in how many seconds to look again, or 0.

    Raises NotFound.
    """
    await queries.hold_sheets(session, [sheet_id], to_write=False)
    sheet = one_sheet.summary(await one_sheet.load(session, sheet_id))
    if sheet.state is not SheetState.REOPENED or sheet.open_until is None:
        return 0
    left = (sheet.open_until - clock.now()).total_seconds()
    if left > 0:
        return left
    await take_step(session, machine(session.tenant_id), Deed.LOCK_AGAIN, [sheet])
    return 0


async def take_step(
    session: TenantSession,
    actor: Actor,
    deed: Deed,
    sheets: Sequence[SheetSummary],
    *,
    words: str = "",
    open_until: datetime | None = None,
) -> None:
    """Write a deed that is allowed: new state, step, audit, event. The sheets are held by the caller."""
    if not sheets:
        return
    now = clock.now()
    [state, *_] = life_rules.MOVES[deed].values()
    values: dict[str, Any] = {"state": state}
    if deed is Deed.SUBMIT:
        values |= {"submitted_at": now, "remark": ""}
    if deed is Deed.SEND_BACK:
        values["remark"] = words
    if deed is Deed.REOPEN:
        values["open_until"] = open_until
    if deed in _LOCKING:
        values |= {"locked_by": actor.staff_id, "locked_at": now, "open_until": None}
    await queries.set_state(session, [sheet.id for sheet in sheets], values)
    step = {"deed": deed, "words": words, "done_by": actor.staff_id, "at": now, "open_until": open_until}
    await queries.insert_steps(
        session,
        [{"tenant_id": session.tenant_id, "id": new_id(), "sheet_id": sheet.id} | step for sheet in sheets],
    )
    until = open_until.isoformat() if open_until else None
    told = [
        audit.Deed(
            one.id, f"{one.class_name} {one.subject_code}", {"open_until": until}, about=(one.class_id,)
        )
        for one in sheets
    ]
    await audit.record_many(session, actor, _ACTIONS[deed], told)
    if deed in _LOCKING:
        await outbox.emit_all(session, [GradeSheetLocked(sheet.id) for sheet in sheets])
    if state is SheetState.REOPENED:
        await outbox.emit_all(session, [GradeSheetReopened(sheet.id) for sheet in sheets])


async def deeds_of(
    session: TenantSession, actor: Actor, sheets: Iterable[SheetSummary]
) -> dict[SheetId, frozenset[Deed]]:
    """What the actor may do to each sheet now."""
    checkers = await departments.checkers(session)
    return {sheet.id: life_rules.deeds(sheet.state, _side(actor, sheet, checkers)) for sheet in sheets}


async def waiting_for(session: TenantSession, actor: Actor) -> list[SheetSummary]:
    """The submitted sheets that the actor checks, oldest first; none of a closed class."""
    checkers = await departments.checkers(session)
    sheets = [one_sheet.summary(row) for row in await queries.submitted(session)]
    return [sheet for sheet in sheets if _side(actor, sheet, checkers).checks]


async def waiting_sheets(session: TenantSession, actor: Actor) -> tuple[list[WaitingSheet], int]:
    """The oldest submitted sheets of the actor's departments with what is worth a look, and how many there are."""
    waiting = await waiting_for(session, actor)
    shown = waiting[:WAITING_SHOWN]
    marks: dict[uuid.UUID, dict[uuid.UUID, dict[Cell, str]]] = defaultdict(lambda: defaultdict(dict))
    for mark in await mark_rows.marks_of_sheets(session, [sheet.id for sheet in shown]):
        marks[mark.sheet_id][mark.student_id][Cell(MarkKind(mark.kind), mark.slot)] = mark.value
    members = await roster.members_of(session, list({sheet.class_id for sheet in shown}))
    classes = {one.id: one for one in await roster.list_classes(session)}
    known = await plans.all_plans(session)
    choices = await plans.choices_of(
        session, {sheet.class_id: classes[sheet.class_id].grade_level for sheet in shown}
    )
    exempt = await exemption_rows.exempt_in(session, choices)
    names = await people.names(session)
    found = []
    for sheet in shown:
        here = classes[sheet.class_id]
        plan = known.of(here.academic_year_id, here.grade_level)
        subject = None if layout.is_homeroom(sheet.subject_code) else plan.find(sheet.subject_code)
        takes = choices[sheet.class_id].takes
        pupils_here = {one: name for one, name in members[sheet.class_id].items() if takes(one, subject)}
        audit_reads.record_read(
            session,
            actor,
            Action.SHEET_READ,
            sheet.id,
            f"Sổ {one_sheet.called(sheet)}",
            [sheet.class_id, *pupils_here],
        )
        pupils = [
            (name, marks[sheet.id][student_id])
            for student_id, name in pupils_here.items()
            if (sheet.class_id, sheet.subject_code, student_id) not in exempt
        ]
        found.append(
            WaitingSheet(
                summary=sheet,
                teacher=names.get(sheet.teacher_id, "") if sheet.teacher_id else "",
                warnings=life_rules.warnings(layout.columns_of(subject, plan.grade), pupils),
            )
        )
    return found, len(waiting)


async def history(
    session: TenantSession, row: Any, hidden: frozenset[MarkKind]
) -> tuple[tuple[StepView, ...], tuple[ChangeView, ...]]:
    """The steps of a sheet, and what was changed in it after its lock, but in `hidden` columns; both newest first."""
    steps = await queries.steps_of(session, row.id)
    changes = await mark_rows.changes_of(session, row.id)
    names = await people.names(session) if steps else {}
    subject = one_sheet.subject_of(row)
    return (
        tuple(
            StepView(
                deed=CARRY if one.deed == CARRY else Deed(one.deed),
                words=one.words,
                who=names.get(one.done_by),
                at=one.at,
                open_until=one.open_until,
            )
            for one in steps
        ),
        tuple(
            ChangeView(
                pupil=one.pupil,
                column=layout.label(Cell(MarkKind(one.kind), one.slot), subject, row.grade_level),
                old=one.old_value,
                new=one.new_value,
                who=names.get(one.changed_by),
                at=one.changed_at,
                why=one.why,
            )
            for one in changes
            if one.kind not in hidden
        ),
    )


async def _advance_class(
    session: TenantSession, actor: Actor, deed: Deed, class_id: uuid.UUID, seen: datetime | None = None
) -> int:
    await roster.get_class(session, class_id)
    sheet_ids = await queries.sheet_ids_of_class(session, class_id)
    return len(await _advance(session, actor, deed, sheet_ids, passing=True, seen=seen))


async def _advance(
    session: TenantSession,
    actor: Actor,
    deed: Deed,
    sheet_ids: Sequence[uuid.UUID],
    *,
    words: str = "",
    open_until: datetime | None = None,
    passing: bool = False,
    seen: datetime | None = None,
) -> list[SheetSummary]:
    """Do a deed to sheets. `passing`: those to which it cannot be done are passed over in place of being refused, unless
    none of them is the actor's to do it to."""
    held = await queries.hold_sheets(session, sheet_ids, to_write=False)
    if len(held) < len(set(sheet_ids)):
        raise NotFound("Không tìm thấy sổ điểm này.")
    rows = await queries.sheets_by_id(session, sheet_ids)
    checkers = await departments.checkers(session)
    moved, passed_over = [], []
    for row in rows.values():
        sheet = one_sheet.summary(row)
        side = _side(actor, sheet, checkers)
        refused = life_rules.refusal(deed, sheet.state, side, one_sheet.place(row))
        refused = refused or life_rules.unseen(sheet.submitted_at, seen, one_sheet.place(row))
        if refused is None:
            moved.append(sheet)
        elif not passing:
            frozen_by = await _frozen_by(session, sheet) if sheet.state is SheetState.FINAL else ""
            raise life_rules.refusal(deed, sheet.state, side, one_sheet.place(row), frozen_by) or refused
        else:
            passed_over.append(refused)
    if passed_over and not moved and all(isinstance(refused, Forbidden) for refused in passed_over):
        raise passed_over[0]
    await take_step(session, actor, deed, moved, words=words, open_until=open_until)
    return moved


async def _called(session: TenantSession, sheet_id: uuid.UUID) -> str:
    return f"sổ {one_sheet.place(await one_sheet.load(session, sheet_id))}"


async def _frozen_by(session: TenantSession, sheet: SheetSummary) -> str:
    names = await people.names(session)
    steps = await queries.steps_of(session, sheet.id)
    return next((names.get(one.done_by, "") for one in steps if one.deed == Deed.FINISH), "")


def _side(actor: Actor, sheet: SheetSummary, checkers: dict[StaffId, StaffId]) -> Side:
    checker = checkers.get(sheet.teacher_id) if sheet.teacher_id else None
    return Side(
        in_charge=one_sheet.in_charge(actor, sheet.teacher_id),
        checks=checker is not None and checker == actor.staff_id and actor.may(Permission.SHEET_CHECK),
        unchecked=checker is None,
        locks=actor.may(Permission.SHEET_LOCK_ANY),
        reopens=actor.may(Permission.SHEET_REOPEN),
    )
