"""Sheets looked through before they go on: what is odd, and what whoever looked said about it."""

import uuid
from collections import Counter
from collections.abc import Mapping, Sequence

from backend.core import audit, audit_reads, clock
from backend.core.actor import Actor, StaffId
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import (
    WHOLE_YEAR,
    Cell,
    Deed,
    MarkKind,
    SheetId,
    SheetSummary,
)
from backend.records.plans import service as plans
from backend.records.review import queries, rules
from backend.records.review.schemas import Finding, PupilMarks, Review, ReviewedFinding, SheetMarks, Word
from backend.records.roster import service as roster
from backend.records.roster.curriculum import GradeSubject
from backend.records.roster.schemas import HOMEROOM, ClassId, StudentId
from backend.tenants.people import service as people

#: Sheets that a head looks through at once, those handed in first.
SHOWN = 40
#: Whoever hands in, checks, sends back or locks a sheet may say what they saw.
_ANSWERING = frozenset({Deed.SUBMIT, Deed.CHECK, Deed.SEND_BACK, Deed.LOCK})

#: (class, subject, term) → sheet
_Places = Mapping[tuple[ClassId, str, int], SheetId]
#: sheet → pupil → cells
_Marks = Mapping[SheetId, Mapping[StudentId, Mapping[Cell, str]]]


async def look_through(session: TenantSession, actor: Actor, sheet_id: uuid.UUID) -> Review:
    """One sheet for a person who may open it. Raises NotFound, Forbidden."""
    view = await gradebook.get_sheet(session, actor, sheet_id)
    siblings = await gradebook.list_sheets(session, view.summary.class_id)
    [found] = await _reviews(session, [view.summary], siblings)
    return Review(
        sheet=found.sheet,
        findings=found.findings,
        may_answer=bool(view.deeds & _ANSWERING),
        to_hand_in=Deed.SUBMIT in view.deeds,
        gaps=view.warnings,
    )


async def look_through_waiting(session: TenantSession, actor: Actor) -> tuple[list[Review], int]:
    """The sheets that wait for a head of department, oldest first, those with oddities; and how many wait in all."""
    waiting = await gradebook.waiting_for(session, actor)
    shown = waiting[:SHOWN]
    siblings = await gradebook.sheets_of_classes(session, list({one.class_id for one in shown}))
    found = await _reviews(session, shown, siblings)
    for one in found:
        pupils = {pupil for finding in one.findings for pupil in finding.finding.about}
        label = f"Sổ {one.sheet.subject_name}, lớp {one.sheet.class_name}"
        about = [one.sheet.class_id, *pupils]
        audit_reads.record_read(session, actor, Action.SHEET_READ, one.sheet.id, label, about)
    return [one for one in found if one.findings], len(waiting)


async def unexplained(session: TenantSession, sheets: Sequence[SheetSummary]) -> Counter[ClassId]:
    """How many oddities nobody has said a word about, by class; `sheets` are all sheets of some classes."""
    found: Counter[ClassId] = Counter()
    for one in await _reviews(session, sheets, sheets):
        found[one.sheet.class_id] += sum(finding.word is None for finding in one.findings)
    return found


async def answer(session: TenantSession, actor: Actor, sheet_id: uuid.UUID, key: str, typed: str) -> None:
    """Say what was seen about an oddity that is there now.

    Raises NotFound for one that is there no more, Forbidden, Invalid, Conflict where somebody was faster.
    """
    review = await look_through(session, actor, sheet_id)
    if actor.staff_id is None or not review.may_answer:
        raise Forbidden(
            "Chỉ giáo viên phụ trách sổ, tổ trưởng hoặc hiệu trưởng giải thích được chỗ cần xem lại."
        )
    finding = next((one.finding for one in review.findings if one.finding.key == key), None)
    if finding is None:
        raise NotFound("Chỗ này đã được sửa nên không còn cần giải thích; hãy tải lại trang.")
    row = {
        "tenant_id": session.tenant_id,
        "id": new_id(),
        "sheet_id": sheet_id,
        "student_id": finding.student_id,
        "finding": key,
        "kind": finding.kind,
        "word": rules.checked_word(typed),
        "said_by": actor.staff_id,
        "said_at": clock.now(),
    }
    if not await queries.insert_word(session, row):
        raise Conflict("Người khác vừa giải thích chỗ này; hãy tải lại trang.")
    sheet = review.sheet
    await audit.record(
        session,
        actor,
        Action.FINDING_ANSWERED,
        sheet_id,
        f"Sổ {sheet.subject_name}, lớp {sheet.class_name}",
        about=(*finding.about, sheet.class_id),
        kind=finding.kind,
    )


async def _reviews(
    session: TenantSession, sheets: Sequence[SheetSummary], known: Sequence[SheetSummary]
) -> list[Review]:
    """The sheets looked through, with as many questions for forty as for one; `known` has their siblings."""
    here = await roster.classes_by_id(session, {one.class_id for one in sheets})
    by_place = {(one.class_id, one.subject_code, one.term): one.id for one in known}
    related = {one.id for one in sheets} | {
        found for one in sheets for found in _related(one, by_place) if found is not None
    }
    marks = await gradebook.marks_of_sheets(session, list(related))
    members = await roster.members_of(session, list(here))
    known_plans = await plans.all_plans(session)
    choices = await plans.choices_of(session, {one.id: one.grade_level for one in here.values()})
    exempt = await gradebook.exempt_in(session, list(here))
    words = {(one.sheet_id, one.finding): one for one in await queries.words_of(session, list(related))}
    names = await people.names(session) if words else {}
    found = []
    for sheet in sheets:
        school_class = here[sheet.class_id]
        plan = known_plans.of(school_class.academic_year_id, school_class.grade_level)
        subject = None if sheet.subject_code == HOMEROOM else plan.find(sheet.subject_code)
        takes = choices[sheet.class_id].takes
        pupils = {
            one: name
            for one, name in members[sheet.class_id].items()
            if takes(one, subject) and (sheet.class_id, sheet.subject_code, one) not in exempt
        }
        facts = _facts(sheet, subject, plan.grade, pupils, marks, by_place)
        said = {
            key: Word(word=row.word, said_by=StaffId(row.said_by), said_at=row.said_at)
            for (of, key), row in words.items()
            if of == sheet.id
        }
        findings = tuple(_reviewed(one, said, names) for one in rules.findings(facts))
        found.append(Review(sheet=sheet, findings=findings, may_answer=False, to_hand_in=False))
    return found


def _reviewed(finding: Finding, said: Mapping[str, Word], names: Mapping[StaffId, str]) -> ReviewedFinding:
    word = said.get(finding.key)
    return ReviewedFinding(finding=finding, word=word, said_by=names.get(word.said_by, "") if word else "")


def _related(sheet: SheetSummary, by_place: _Places) -> tuple[SheetId | None, SheetId | None]:
    """The sheet of the other term, and the homeroom sheet of the class."""
    other = by_place.get((sheet.class_id, sheet.subject_code, 3 - sheet.term)) if sheet.term else None
    return other, by_place.get((sheet.class_id, HOMEROOM, WHOLE_YEAR))


def _facts(
    sheet: SheetSummary,
    subject: GradeSubject | None,
    grade: int,
    pupils: Mapping[StudentId, str],
    marks: _Marks,
    by_place: _Places,
) -> SheetMarks:
    other, homeroom = _related(sheet, by_place)
    here = marks.get(sheet.id, {})
    before = marks.get(other, {}) if other else {}
    absences = marks.get(homeroom, {}) if homeroom else {}
    return SheetMarks(
        subject=subject,
        term=sheet.term,
        columns=tuple(one for one in gradebook.columns_of(subject, grade) if not one.is_earlier),
        pupils=tuple(
            PupilMarks(
                student_id=student_id,
                name=name,
                cells=here.get(student_id, {}),
                other_term=before.get(student_id, {}),
                absent=_absent(absences.get(student_id, {})),
            )
            for student_id, name in pupils.items()
        ),
    )


def _absent(cells: Mapping[Cell, str]) -> int:
    days = (cells.get(Cell(MarkKind.ABSENCE, slot), "") for slot in ("excused", "unexcused"))
    return sum(int(one) for one in days if one.isdigit())
