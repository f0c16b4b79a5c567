"""What the board says, from facts that were read once: pure."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from backend.core.actor import StaffId
from backend.core.errors import Conflict, Invalid
from backend.core.text import check_text
from backend.records.calendar.schemas import Due, Step
from backend.records.gradebook.schemas import CLOSED, SheetState, SheetSummary
from backend.records.roster.schemas import ClassId, ClassSummary
from backend.records.season.schemas import (
    MAX_REMARK,
    OF_SHEETS,
    STEP_OF,
    ClassRow,
    Count,
    Facts,
    Filter,
    Group,
    Nudge,
    Progress,
    Sight,
    Stage,
    Waiting,
)

#: Roles of whom somebody is waited for where the stage names no person.
MANAGEMENT, SEAL, NOBODY = "Hiệu trưởng", "Người giữ con dấu số", "Chưa phân công"
#: A person is reminded of the same stage at most once in this time.
BETWEEN_NUDGES = timedelta(hours=20)
#: A sheet that its teacher has handed in, whatever became of it then.
_HANDED_IN = frozenset(SheetState) - {SheetState.OPEN, SheetState.REOPENED}
_CHECKED = CLOSED | {SheetState.CHECKED}
#: A stage of pupils → how many of a class have come so far.
_REACHED = {
    Stage.ASSESSED: "assessed",
    Stage.CONFIRMED: "confirmed",
    Stage.FROZEN: "frozen",
    Stage.ISSUED: "issued",
}


def rows(facts: Facts, sight: Sight) -> tuple[ClassRow, ...]:
    """The classes in which the person has something to see, in order."""
    sheets: dict[uuid.UUID, list[SheetSummary]] = defaultdict(list)
    for sheet in facts.sheets:
        sheets[sheet.class_id].append(sheet)
    found = (_row(facts, sight, one, sheets[one.id]) for one in facts.classes)
    return tuple(row for row in found if row)


def _row(facts: Facts, sight: Sight, one: ClassSummary, sheets: Sequence[SheetSummary]) -> ClassRow | None:
    seen = [sheet for sheet in sheets if sees_sheet(facts, sight, one, sheet)]
    whole = sees_class(sight, one)
    if not seen and not whole:
        return None
    counts = {}
    for stage in Stage:
        if stage in OF_SHEETS and (stage is not Stage.MARKED or facts.empty is not None):
            done, total = sum(_has_come(facts, sheet, stage) for sheet in seen), len(seen)
        elif stage in _REACHED and whole:
            progress = facts.progress.get(one.id, Progress())
            done, total = getattr(progress, _REACHED[stage]), one.students
            if stage in (Stage.FROZEN, Stage.ISSUED):
                total -= progress.later
        else:
            continue
        due = due_of(facts, stage, one.grade_level)
        late = bool(due and due.day < facts.today and done < total)
        counts[stage] = Count(stage=stage, done=done, total=total, due=due, is_late=late)
    return ClassRow(
        id=one.id, name=one.name, grade_level=one.grade_level, students=one.students, counts=counts
    )


def _has_come(facts: Facts, sheet: SheetSummary, stage: Stage) -> bool:
    match stage:
        case Stage.MARKED:
            return sheet.id not in (facts.empty or ())
        case Stage.SUBMITTED:
            return sheet.state in _HANDED_IN
        case Stage.CHECKED:
            return sheet.state in _CHECKED or (
                sheet.state is SheetState.SUBMITTED and _checker(facts, sheet) is None
            )
        case _:
            return sheet.state in CLOSED


def due_of(facts: Facts, stage: Stage, grade_level: int) -> Due | None:
    """The last day of a stage in a grade: its own or that of a later step, whichever comes first."""
    if stage not in STEP_OF:
        return None
    steps = list(Step)
    known = facts.dues.get(grade_level, {})
    following = [known[step] for step in steps[steps.index(STEP_OF[stage]) :] if step in known]
    return min(following, key=lambda due: due.day, default=None)


def sees_class(sight: Sight, one: ClassSummary) -> bool:
    """Whether the stages of its pupils are shown: to the management, and to whoever leads the class."""
    leads = one.homeroom_teacher_id is not None and one.homeroom_teacher_id == sight.staff_id
    return sight.everything or leads


def sees_sheet(facts: Facts, sight: Sight, one: ClassSummary, sheet: SheetSummary) -> bool:
    """Whether a sheet counts for the person: theirs, one that they check, or one of the class that they lead."""
    if sees_class(sight, one):
        return True
    return sight.staff_id is not None and sight.staff_id in (sheet.teacher_id, _checker(facts, sheet))


def _checker(facts: Facts, sheet: SheetSummary) -> StaffId | None:
    return facts.checkers.get(sheet.teacher_id) if sheet.teacher_id else None


def waiting(facts: Facts, sight: Sight) -> tuple[Waiting, ...]:
    """Who is waited for, the latest first. A teacher sees themselves, a head also their teachers."""
    classes = {one.id: one for one in facts.classes}
    found = [*_of_sheets(facts, sight, classes), *_of_pupils(facts, sight)]
    far = 10**6
    found.sort(key=lambda one: far if one.days is None else one.days)
    return tuple(found)


def _of_sheets(facts: Facts, sight: Sight, classes: Mapping[ClassId, ClassSummary]) -> Iterable[Waiting]:
    groups: dict[tuple[ClassId, Stage, StaffId | None], list[SheetSummary]] = defaultdict(list)
    for sheet in facts.sheets:
        step = _awaits(facts, sheet)
        if step and sees_sheet(facts, sight, classes[sheet.class_id], sheet):
            groups[sheet.class_id, *step].append(sheet)
    for (class_id, stage, staff_id), sheets in groups.items():
        nobody = MANAGEMENT if stage is Stage.LOCKED else NOBODY
        url = f"/so-diem/{sheets[0].id}" if len(sheets) == 1 else f"/mua-hoc-ba/lop/{class_id}"
        yield _waiting(facts, sight, classes[class_id], stage, staff_id, nobody, len(sheets), url)


def _awaits(facts: Facts, sheet: SheetSummary) -> tuple[Stage, StaffId | None] | None:
    """The next stage of a sheet, and whose it is; None where nothing is left, or where the clock closes it."""
    match sheet.state:
        case SheetState.OPEN:
            return Stage.SUBMITTED, sheet.teacher_id
        case SheetState.SUBMITTED if (checker := _checker(facts, sheet)) is not None:
            return Stage.CHECKED, checker
        case SheetState.SUBMITTED | SheetState.CHECKED:
            return Stage.LOCKED, None
        case _:
            return None


def _of_pupils(facts: Facts, sight: Sight) -> Iterable[Waiting]:
    turns: dict[uuid.UUID, list[tuple[StaffId | None, str, int]]] = defaultdict(list)
    for turn in facts.turns:
        turns[turn.class_id].append((turn.signer_id, turn.signer, turn.count))
    for one in facts.classes:
        done = facts.progress.get(one.id, Progress())
        whole = sees_class(sight, one)
        if whole and done.confirmed < done.assessed:
            url = f"/lop/{one.id}/ket-qua"
            left = done.assessed - done.confirmed
            yield _waiting(facts, sight, one, Stage.CONFIRMED, one.homeroom_teacher_id, NOBODY, left, url)
        if whole and done.frozen < done.ready:
            url, left = f"/lop/{one.id}/hoc-ba", done.ready - done.frozen
            yield _waiting(facts, sight, one, Stage.FROZEN, None, MANAGEMENT, left, url)
        for signer_id, signer, count in turns[one.id]:
            if whole or (signer_id is not None and signer_id == sight.staff_id):
                who = signer if signer_id else SEAL
                yield _waiting(facts, sight, one, Stage.ISSUED, signer_id, who, count, "/ky")


def _waiting(
    facts: Facts,
    sight: Sight,
    one: ClassSummary,
    stage: Stage,
    staff_id: StaffId | None,
    otherwise: str,
    left: int,
    url: str,
) -> Waiting:
    due = due_of(facts, stage, one.grade_level)
    return Waiting(
        stage=stage,
        class_id=one.id,
        class_name=one.name,
        grade_level=one.grade_level,
        staff_id=staff_id,
        who=facts.names.get(staff_id, otherwise) if staff_id else otherwise,
        left=left,
        due=due,
        days=(due.day - facts.today).days if due else None,
        url=url if stage in sight.opens else f"/mua-hoc-ba/lop/{one.id}",
    )


def filtered(found: Iterable[Waiting], wanted: Filter) -> tuple[Waiting, ...]:
    """Those who are waited for that were asked about."""
    return tuple(
        one
        for one in found
        if wanted.grade in (None, one.grade_level)
        and wanted.stage in (None, one.stage)
        and wanted.person in (None, one.staff_id)
        and (one.is_late or not wanted.late)
    )


def grouped(found: Iterable[Waiting]) -> tuple[Group, ...]:
    """The same by person and stage, in the order of the most urgent of each."""
    groups: dict[tuple[StaffId | None, str, Stage], list[Waiting]] = defaultdict(list)
    for one in found:
        groups[one.staff_id, one.who, one.stage].append(one)
    return tuple(
        Group(stage=stage, staff_id=staff_id, who=who, places=tuple(places))
        for (staff_id, who, stage), places in groups.items()
    )


def filtered_rows(
    found: Iterable[ClassRow], waiting: Sequence[Waiting], wanted: Filter
) -> tuple[ClassRow, ...]:
    """The classes of the grade; only those in which somebody of `waiting` is waited for, where that was asked."""
    narrow = wanted.late or wanted.stage is not None or wanted.person is not None
    kept = {one.class_id for one in waiting}
    return tuple(
        row for row in found if wanted.grade in (None, row.grade_level) and (row.id in kept or not narrow)
    )


def left_by_grade(found: Iterable[ClassRow]) -> dict[int, dict[Step, int]]:
    """What is not done yet, by grade and step of the calendar."""
    left: dict[int, dict[Step, int]] = defaultdict(lambda: defaultdict(int))
    for row in found:
        for stage, step in ((Stage(step.value), step) for step in Step if step is not Step.REPORTED):
            if stage in row.counts:
                left[row.grade_level][step] += row.counts[stage].total - row.counts[stage].done
    return {grade: dict(steps) for grade, steps in left.items()}


def checked_words(typed: str) -> str:
    """What is said with a reminder; may be empty. Raises Invalid."""
    return check_text(typed, field="Lời nhắc", person="người được nhắc", limit=MAX_REMARK)


def require_left(found: Iterable[Waiting], staff_id: uuid.UUID, stage: Stage) -> Waiting:
    """The first thing of the person in a stage. Raises Invalid where they have nothing left there."""
    for one in found:
        if one.staff_id == staff_id and one.stage is stage:
            return one
    raise Invalid("Người này không còn việc nào ở bước ấy; hãy tải lại trang.")


def require_pause(last: Nudge | None, now: datetime) -> None:
    """Raises Conflict where the person was reminded of the same a short time ago."""
    if last and now - last.sent_at < BETWEEN_NUDGES:
        raise Conflict(f"{last.sender} đã nhắc việc này trong ngày; mỗi việc chỉ nhắc một lần một ngày.")
