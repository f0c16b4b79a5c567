"""The season board: per class and stage what is done and who is waited for, and reminders to those who are late."""

import uuid
from collections import Counter
from collections.abc import Mapping

from backend.core import audit, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Forbidden
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import ClassProgress
from backend.records.calendar import service as calendar
from backend.records.calendar.schemas import Notice, Year
from backend.records.departments import service as departments
from backend.records.gradebook import service as gradebook
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassSummary
from backend.records.season import queries, rules
from backend.records.season.schemas import (
    OF_SHEETS,
    STAGE_NAMES,
    Board,
    ClassBoard,
    Facts,
    Filter,
    Nudge,
    Progress,
    SheetLine,
    Sight,
    Stage,
    Turn,
    Waiting,
)
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IN_FORCE, VersionState
from backend.remote_signing.requests import service as signing
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

_SEES_ALL = (Permission.SHEET_READ_ANY, Permission.TRANSCRIPT_READ_ANY, Permission.CONSOLE_READ)
#: Who may open the place where a stage is done.
_OPENED_BY = dict.fromkeys(OF_SHEETS, (Permission.SHEET_READ,)) | {
    Stage.CONFIRMED: (Permission.RESULTS_READ,),
    Stage.FROZEN: (Permission.TRANSCRIPT_READ,),
    Stage.ISSUED: (Permission.SIGN, Permission.SEAL),
}


def sight(actor: Actor) -> Sight:
    """How much of the season a person sees: the management and the office all of it, others what is theirs."""
    return Sight(
        everything=any(actor.may(one) for one in _SEES_ALL), staff_id=actor.staff_id, opens=_opened_by(actor)
    )


def _opened_by(actor: Actor) -> frozenset[Stage]:
    """Stages whose place the permissions of a person open."""
    return frozenset(stage for stage, wanted in _OPENED_BY.items() if any(actor.may(one) for one in wanted))


async def facts(
    session: TenantSession,
    classes: list[ClassSummary],
    year: Year | None,
    *,
    looking_for_marks: bool = False,
) -> Facts:
    """What is known of the season of these classes of one year, in as many queries for 2,000 pupils as for two."""
    ids = {one.id for one in classes}
    empty = await gradebook.empty_sheets(session) if looking_for_marks else []
    assessed = await assessment.progress(session)
    versions = await transcripts.counts(session, present=True)
    return Facts(
        year=year,
        today=clock.today(),
        classes=tuple(classes),
        sheets=tuple(sheet for sheet in await gradebook.list_sheets(session) if sheet.class_id in ids),
        empty=frozenset(sheet.id for sheet in empty) if looking_for_marks else None,
        checkers=await departments.checkers(session),
        progress={
            one.id: _progress(assessed.get(one.id, ClassProgress()), versions.get(one.id, {}))
            for one in classes
        },
        versions={one.id: versions.get(one.id, {}) for one in classes},
        turns=tuple(turn for turn in await _turns(session) if turn.class_id in ids),
        names=await people.names(session),
        dues=await calendar.dues(session, year) if year else {},
    )


def _progress(results: ClassProgress, versions: Mapping[str, int]) -> Progress:
    return Progress(
        assessed=results.assessed,
        confirmed=results.confirmed,
        later=results.later,
        frozen=sum(versions.values()),
        issued=sum(versions.get(state, 0) for state in IN_FORCE),
    )


async def _turns(session: TenantSession) -> list[Turn]:
    """Whose signatures are waited for, by class."""
    classes = await transcripts.classes_of(session, {VersionState.SIGNING})
    counted = Counter(
        (classes[one.subject_id], one.signer_id, one.signer_name)
        for one in await signing.ready_turns(session)
        if one.subject_id in classes
    )
    return [
        Turn(class_id=class_id, signer_id=signer_id, signer=name, count=count)
        for (class_id, signer_id, name), count in counted.items()
    ]


async def board(session: TenantSession, actor: Actor, wanted: Filter) -> Board:
    """The board of the newest year as this person sees it."""
    known = await _newest(session, looking_for_marks=True)
    who_looks = sight(actor)
    seen = rules.rows(known, who_looks)
    waiting = rules.waiting(known, who_looks)
    shown = rules.filtered(waiting, wanted)
    people_here = {one.staff_id: one.who for one in waiting if one.staff_id}
    return Board(
        academic_year=known.year.name if known.year else "",
        rows=rules.filtered_rows(seen, shown, wanted),
        waiting=rules.grouped(shown),
        nudged={(one.staff_id, one.stage): one for one in await _nudges(session, known)},
        grades=tuple(sorted({row.grade_level for row in seen})),
        people=tuple(sorted(people_here.items(), key=lambda one: one[1])),
        may_nudge=actor.may(Permission.SEASON_NUDGE),
    )


async def class_board(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> ClassBoard:
    """One class, sheet by sheet. Raises NotFound, Forbidden for somebody who has nothing to do with it."""
    one = await roster.get_class(session, class_id)
    year = await calendar.get_year(session, one.academic_year_id)
    known = await facts(session, [one], year, looking_for_marks=True)
    who_looks = sight(actor)
    found = rules.rows(known, who_looks)
    if not found:
        raise Forbidden(f"Bạn không chủ nhiệm, giảng dạy hoặc phụ trách kiểm tra sổ nào của lớp {one.name}.")
    gaps = await gradebook.gaps(session, class_id)
    due = rules.due_of(known, Stage.SUBMITTED, one.grade_level)
    return ClassBoard(
        row=found[0],
        homeroom_teacher=one.homeroom_teacher or rules.NOBODY,
        sheets=tuple(
            SheetLine(
                id=sheet.id,
                subject_name=sheet.subject_name,
                term=sheet.term,
                teacher=known.names.get(sheet.teacher_id, rules.NOBODY) if sheet.teacher_id else rules.NOBODY,
                state=sheet.state,
                gaps=gaps.get(sheet.id, 0),
                due=due,
                days=(due.day - known.today).days if due else None,
            )
            for sheet in known.sheets
            if rules.sees_sheet(known, who_looks, one, sheet)
        ),
        waiting=rules.waiting(known, who_looks),
    )


def notices(known: Facts, actor: Actor) -> tuple[Notice, ...]:
    """Last days of the school that are near or over, for the management; others are told of their own."""
    who_looks = sight(actor)
    if not who_looks.everything:
        return ()
    return calendar.notices(known.dues, rules.left_by_grade(rules.rows(known, who_looks)))


def own(known: Facts, actor: Actor) -> tuple[Waiting, ...]:
    """What waits for this very person, the most urgent first."""
    if actor.staff_id is None:
        return ()
    mine = Sight(everything=False, staff_id=actor.staff_id, opens=_opened_by(actor))
    return tuple(one for one in rules.waiting(known, mine) if one.staff_id == actor.staff_id)


async def nudges_for(session: TenantSession, known: Facts, actor: Actor) -> tuple[Nudge, ...]:
    """Of what this person was reminded and has not done yet."""
    if actor.staff_id is None:
        return ()
    left = {one.stage for one in own(known, actor)}
    found = await _nudges(session, known, actor.staff_id) if left else []
    return tuple(one for one in found if one.stage in left)


async def nudge(session: TenantSession, actor: Actor, staff_id: uuid.UUID, stage: Stage, words: str) -> str:
    """Remind somebody of what they have left in a stage; returns their name.

    Raises Invalid where they have nothing left there, or for the words; Conflict where they were reminded just now;
    NotFound for nobody of the school; Forbidden without the permission.
    """
    if not actor.may(Permission.SEASON_NUDGE) or actor.staff_id is None:
        raise Forbidden("Chỉ ban giám hiệu nhắc việc được.")
    await people.get_staff(session, StaffId(staff_id))
    said = rules.checked_words(words)
    await session.hold("season_nudge")
    known = await _newest(session)
    one = rules.require_left(rules.waiting(known, sight(actor)), staff_id, stage)
    earlier = [nudge for nudge in await _nudges(session, known, staff_id) if nudge.stage is stage]
    now = clock.now()
    rules.require_pause(earlier[0] if earlier else None, now)
    told = {"staff_id": staff_id, "stage": stage, "words": said, "sent_by": actor.staff_id, "sent_at": now}
    await queries.insert_nudge(session, told | {"academic_year_id": known.year_id})
    await audit.record(session, actor, Action.SEASON_NUDGED, staff_id, one.who, stage=STAGE_NAMES[stage])
    return one.who


async def _newest(session: TenantSession, *, looking_for_marks: bool = False) -> Facts:
    classes = await roster.list_classes_of_newest_year(session)
    year = await calendar.get_year(session, classes[0].academic_year_id) if classes else None
    return await facts(session, classes, year, looking_for_marks=looking_for_marks)


async def _nudges(session: TenantSession, known: Facts, staff_id: uuid.UUID | None = None) -> list[Nudge]:
    return [
        Nudge(
            staff_id=StaffId(row.staff_id),
            stage=Stage(row.stage),
            words=row.words,
            sender=known.names.get(StaffId(row.sent_by), rules.MANAGEMENT),
            sent_at=row.sent_at,
        )
        for row in await queries.newest_nudges(session, known.year_id, staff_id)
    ]
