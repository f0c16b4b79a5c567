"""A school decides about its subjects, and who takes which elective: seen before it is done, and never against marks."""

import uuid
from collections import defaultdict
from collections.abc import Mapping, Sequence

from backend.core import audit, audit_reads
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.text import term_words
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import SheetState, SheetSummary
from backend.records.planning import rules
from backend.records.planning.schemas import (
    NEW,
    ChoiceMove,
    ClassElectives,
    GradeFacts,
    GradePlan,
    PlanChange,
    PlanLine,
    SubjectPlanView,
    Wanted,
)
from backend.records.plans import service as plans
from backend.records.plans.schemas import (
    FIRST_CHOOSING_GRADE,
    Choice,
    ClassChoices,
    Decision,
    Plan,
    decided,
)
from backend.records.roster import service as roster
from backend.records.roster.curriculum import GradeSubject, find_subject
from backend.records.roster.schemas import ClassSummary, YearSummary
from backend.tenants.permissions import Permission
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import GRADES

CHANGES_SHOWN = 30


async def grade_plan(session: TenantSession, year_id: uuid.UUID, grade: int) -> GradePlan:
    """The subjects of a grade in a year. Raises NotFound for a year or grade that the school does not have."""
    year = await _year(session, year_id, grade)
    plan = (await plans.all_plans(session)).of(year.id, grade)
    having: dict[str, list[str]] = defaultdict(list)
    classes = await _classes(session, year.id, grade)
    names = {one.id: one.name for one in classes}
    for given in await roster.list_assignments(session):
        if given.class_id in names:
            having[given.subject_code].append(names[given.class_id])
    order = {one.name: place for place, one in enumerate(classes)}
    lines = tuple(
        PlanLine(
            subject=one,
            national_lessons=_national_lessons(grade, one.code),
            classes=tuple(sorted(having[one.code], key=lambda name: order[name])),
        )
        for one in plan.subjects
    )
    return GradePlan(year=year, plan=plan, lines=lines)


async def grades(session: TenantSession) -> list[int]:
    """The grades that the school has, by its levels."""
    return [grade for level in (await schools.get_school(session)).levels for grade in GRADES[level]]


async def subject_plan(session: TenantSession, year_id: uuid.UUID, grade: int, code: str) -> SubjectPlanView:
    """One subject for whoever changes it, or a new one (`NEW`). Raises NotFound."""
    year = await _year(session, year_id, grade)
    view, _ = await _subject(session, year, grade, code)
    return view


async def changes(session: TenantSession, year_id: uuid.UUID, grade: int) -> list[PlanChange]:
    """Earlier changes of the plan of a grade, newest first."""
    prefix = f"Khối {grade}:"
    found = await audit.history(session, [year_id])
    return [
        PlanChange(at=one.at, who=one.actor_name, label=one.subject_label, details=one.details)
        for one in found
        if one.action == Action.PLAN_CHANGED and one.subject_label.startswith(prefix)
    ][:CHANGES_SHOWN]


async def preview(
    session: TenantSession, year_id: uuid.UUID, grade: int, code: str, wanted: Wanted
) -> tuple[str, ...]:
    """What a change would do, a sentence each, without doing it; empty where nothing changes.

    Raises NotFound, Invalid for what may not be decided, Conflict for what marks stand against.
    """
    year = await _year(session, year_id, grade)
    view, plan = await _subject(session, year, grade, code)
    new, _ = _new(plan, view, wanted)
    rules.require_possible(view.subject, new, wanted, view.facts)
    return rules.consequences(view.subject, new, wanted, view.facts)


async def change(
    session: TenantSession, actor: Actor, year_id: uuid.UUID, grade: int, code: str, wanted: Wanted
) -> str:
    """Decide about a subject; returns its name. Raises as `preview`, and Conflict where somebody else was faster."""
    year = await _year(session, year_id, grade)
    await session.hold(f"subject plan {year.id} {grade}")
    await gradebook.hold_to_plan(session, [one.id for one in await _classes(session, year.id, grade)])
    view, plan = await _subject(session, year, grade, code)
    new, decision = _new(plan, view, wanted)
    rules.require_possible(view.subject, new, wanted, view.facts)
    if not rules.consequences(view.subject, new, wanted, view.facts):
        return new.name
    if not await plans.decide(session, year.id, grade, new.code, decision):
        raise Conflict(f"Môn {new.name} vừa được người khác sửa; hãy tải lại trang, xem rồi sửa lại.")
    moved = await _move_classes(session, new, wanted, view.facts)
    label = f"Khối {grade}: {new.name} ({year.name})"
    deed = audit.Deed(year.id, label, rules.details(view.subject, new) | moved)
    await audit.record_many(session, actor, Action.PLAN_CHANGED, [deed])
    return new.name


async def class_electives(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> ClassElectives:
    """A class of grades 10–12 and who takes what, for a person who looks at it.

    A class below grade 10 chooses nothing: nobody is shown. Raises NotFound, Forbidden without a duty in the class.
    """
    found = await _electives(session, actor, class_id)
    school_class = found.school_class
    pupils = (one.id for one in found.students)
    audit_reads.record_read(session, actor, Action.CLASS_READ, class_id, f"Lớp {school_class.name}", pupils)
    return found


async def choose(
    session: TenantSession,
    actor: Actor,
    class_id: uuid.UUID,
    combination: Choice,
    wanted: Mapping[str, Choice],
    seen: str,
) -> int:
    """Set the combination of a class and who differs from it; returns for how many pupils something changed.

    `seen` is what the form brings back (`as_seen`). Raises NotFound, Forbidden, Invalid for a choice that the programme
    does not allow, Conflict for marks or locked sheets, and where somebody else was faster.
    """
    sheets = await gradebook.hold_to_plan(session, [class_id])
    await session.hold(f"electives {class_id}")
    found = await _electives(session, actor, class_id)
    if not found.may_change:
        raise Forbidden(
            f"Chỉ quản lý của trường và giáo viên chủ nhiệm lớp {found.school_class.name} chọn được môn cho lớp."
        )
    if found.school_class.grade_level < FIRST_CHOOSING_GRADE:
        raise Conflict(
            f"Lớp {found.school_class.name} không chọn môn: chỉ học sinh lớp 10 đến 12 chọn môn (TT13/2022)."
        )
    if seen != as_seen(found.choices):
        raise Conflict("Môn lựa chọn của lớp vừa được người khác sửa; hãy xem lại rồi chọn lại.")
    offered = Choice(
        frozenset(one.code for one in found.electives), frozenset(one.code for one in found.clusters)
    )
    moves = rules.moves(found.choices, found.students, combination, wanted, offered)
    changed = [one for one in moves if one.student_id and one.old != one.new]
    plan = await plans.plan_of(session, found.school_class)
    marks = await gradebook.class_marks(session, class_id) if changed else {}
    locked = frozenset(one.subject_code for one in sheets if one.state is not SheetState.OPEN)
    for move in changed:
        cells = next((cells for pupil, cells in marks.items() if pupil == move.student_id), {})
        rules.require_no_marks(move, plan, cells, locked)
    await _write_choices(session, class_id, combination, moves)
    await _record_choices(session, actor, found.school_class, plan, moves)
    return len(changed)


def as_seen(choices: ClassChoices) -> str:
    """What a form brings back of the choices that its writer saw."""
    return plans.fingerprint(choices)


async def _write_choices(
    session: TenantSession, class_id: uuid.UUID, combination: Choice, moves: Sequence[ChoiceMove]
) -> None:
    pupils = {move.student_id: move.new for move in moves if move.student_id is not None}
    following = {student_id for student_id, choice in pupils.items() if choice == combination}
    choices: dict[uuid.UUID | None, Choice] = {None: combination}
    choices.update((one, choice) for one, choice in pupils.items() if one not in following)
    await plans.choose(session, class_id, choices, following)


async def _record_choices(
    session: TenantSession, actor: Actor, school_class: ClassSummary, plan: Plan, moves: Sequence[ChoiceMove]
) -> None:
    deeds = [
        audit.Deed(
            move.student_id or school_class.id,
            f"{move.name}, lớp {school_class.name}",
            {"old_choice": _words(plan, move.old), "new_choice": _words(plan, move.new)},
            (school_class.id,),
        )
        for move in moves
        if move.old != move.new
    ]
    await audit.record_many(session, actor, Action.ELECTIVES_CHOSEN, deeds)


def _words(plan: Plan, choice: Choice) -> str:
    subjects = ", ".join(one.name for one in plan.chosen(choice.electives))
    topics = ", ".join(one.name for one in plan.chosen(choice.topics))
    return f"{subjects}; chuyên đề: {topics or 'không'}"


async def _electives(session: TenantSession, actor: Actor, class_id: uuid.UUID) -> ClassElectives:
    school_class = await roster.get_class(session, class_id)
    plan = await plans.plan_of(session, school_class)
    own = actor.staff_id is not None and actor.staff_id == school_class.homeroom_teacher_id
    manages = actor.may(Permission.CLASSES_MANAGE)
    everywhere = (Permission.CLASSES_MANAGE, Permission.SHEET_READ_ANY)
    await roster.require_duty(session, actor, class_id, "môn lựa chọn", *everywhere)
    assigned = {one.subject_code for one in await roster.list_assignments(session, class_id)}
    offered = plan.offered(assigned)
    choices = await plans.choices_of_class(session, school_class)
    students = tuple(await roster.list_students(session, class_id)) if plan.has_choices else ()
    return ClassElectives(
        school_class=school_class,
        electives=tuple(plan.chosen(offered.electives)),
        clusters=tuple(plan.chosen(offered.topics)),
        choices=choices,
        students=students,
        problems=rules.problems(choices, students) if plan.has_choices else (),
        may_change=own or manages,
    )


def _new(plan: Plan, view: SubjectPlanView, wanted: Wanted) -> tuple[GradeSubject, Decision]:
    decision = rules.checked(plan, view.subject, wanted)
    code = view.subject.code if view.subject else rules.new_code(plan)
    new = decided(plan.grade, code, decision)
    assert new is not None
    return new, decision


async def _subject(
    session: TenantSession, year: YearSummary, grade: int, code: str
) -> tuple[SubjectPlanView, Plan]:
    known = await plans.all_plans(session)
    plan = known.of(year.id, grade)
    subject = None if code == NEW else plan.find(code)
    if subject is None and code != NEW:
        raise NotFound(f"Khối {grade} không có môn này; hãy chọn môn trong bảng kế hoạch.")
    view = SubjectPlanView(
        year=year,
        grade=grade,
        subject=subject,
        national_lessons=_national_lessons(grade, code),
        revision=known.revision_of(year.id, grade, code),
        facts=await _facts(session, year.id, grade, code),
    )
    return view, plan


async def _facts(session: TenantSession, year_id: uuid.UUID, grade: int, code: str) -> GradeFacts:
    classes = await _classes(session, year_id, grade)
    ids = [one.id for one in classes]
    having = frozenset(
        one.class_id
        for one in await roster.list_assignments(session)
        if one.class_id in ids and one.subject_code == code
    )
    marked, touched = await gradebook.written_cells(session, ids, code)
    sheets = await gradebook.sheets_of_classes(session, ids)
    closed = next((one for one in sheets if one.state in _LOCKED), None)
    return GradeFacts(
        classes=tuple(classes),
        having=having,
        marked=marked,
        touched=touched,
        closed=_called(closed) if closed else "",
    )


_LOCKED = (SheetState.LOCKED, SheetState.REOPENED, SheetState.FINAL)


def _called(sheet: SheetSummary) -> str:
    term = f" {term_words(sheet.term)}" if sheet.term else ""
    return f"{sheet.subject_name}{term} của lớp {sheet.class_name}"


async def _move_classes(
    session: TenantSession, new: GradeSubject, wanted: Wanted, facts: GradeFacts
) -> dict[str, str | int | None]:
    """Give the subject to classes that are to have it, take it from those that are not; what the audit keeps of that."""
    given, taken = [], []
    for one in facts.classes:
        is_to_have = new.taught and str(one.id) in wanted.classes
        if is_to_have and one.id not in facts.having:
            await roster.assign_teachers(session, one.id, {new.code: None}, own=[new.code] if new.own else ())
            await gradebook.open_sheets(session, one.id)
            given.append(one.name)
        if not is_to_have and one.id in facts.having:
            await gradebook.drop_sheets(session, one.id, new.code)
            await roster.take_subject_away(session, one.id, new.code)
            taken.append(one.name)
    told: dict[str, str | int | None] = {}
    if given:
        told["classes_given"] = ", ".join(given)
    if taken:
        told["classes_taken"] = ", ".join(taken)
    return told


async def _year(session: TenantSession, year_id: uuid.UUID, grade: int) -> YearSummary:
    found = [one for one in await roster.list_years(session) if one.id == year_id]
    if not found or grade not in await grades(session):
        raise NotFound("Trường không có năm học hoặc khối lớp này.")
    return found[0]


async def _classes(session: TenantSession, year_id: uuid.UUID, grade: int) -> list[ClassSummary]:
    return [
        one
        for one in await roster.list_classes(session)
        if one.academic_year_id == year_id and one.grade_level == grade
    ]


def _national_lessons(grade: int, code: str) -> int | None:
    national = find_subject(grade, code)
    return national.lessons_per_year if national else None
