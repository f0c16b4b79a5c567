"""The subject plan of each grade, which everybody above asks in place of the programme's constants."""

import uuid
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

import msgspec

from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.records.plans import queries
from backend.records.plans.schemas import (
    EVERYTHING,
    FIRST_CHOOSING_GRADE,
    Choice,
    ClassChoices,
    ClassLanguages,
    Decision,
    Language,
    Languages,
    Plan,
    Plans,
    usual_choice,
)
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId, ClassSummary


async def all_plans(session: TenantSession) -> Plans:
    """The plans of every year and grade: one question for a whole page."""
    found: dict[tuple[uuid.UUID, int], dict[str, Decision]] = defaultdict(dict)
    for row in await queries.decisions(session):
        decision = {name: getattr(row, name) for name in Decision.__struct_fields__}
        place = found[row.academic_year_id, row.grade_level]
        place[row.subject_code] = msgspec.convert(decision, Decision)
    return Plans(found)


async def plan_of(session: TenantSession, school_class: ClassSummary) -> Plan:
    """The plan that a class follows."""
    return (await all_plans(session)).of(school_class.academic_year_id, school_class.grade_level)


async def choices_of(
    session: TenantSession, grades: Mapping[uuid.UUID, int]
) -> dict[uuid.UUID, ClassChoices]:
    """Who in these classes (class → grade) takes which elective and cluster.

    A class whose combination nobody has set takes every elective that it has, and no cluster. Below grade 10 nobody
    chooses, and nothing is asked.
    """
    found: dict[uuid.UUID, ClassChoices] = dict.fromkeys(grades, EVERYTHING)
    choosing = [class_id for class_id, grade in grades.items() if grade >= FIRST_CHOOSING_GRADE]
    if not choosing:
        return found
    chosen: dict[uuid.UUID, dict[uuid.UUID | None, Choice]] = defaultdict(dict)
    for row in await queries.choices(session, choosing):
        chosen[row.class_id][row.student_id] = Choice(frozenset(row.electives), frozenset(row.topics))
    has: dict[uuid.UUID, set[str]] = defaultdict(set)
    if any(None not in chosen[class_id] for class_id in choosing):
        only = choosing[0] if len(choosing) == 1 else None
        for assignment in await roster.list_assignments(session, only):
            has[assignment.class_id].add(assignment.subject_code)
    for class_id in choosing:
        usual = chosen[class_id].pop(None, None) or usual_choice(grades[class_id], has[class_id])
        pupils = {student: choice for student, choice in chosen[class_id].items() if student}
        found[class_id] = ClassChoices(usual, pupils)
    return found


async def choices_of_class(session: TenantSession, school_class: ClassSummary) -> ClassChoices:
    """`choices_of` one class."""
    return (await choices_of(session, {school_class.id: school_class.grade_level}))[school_class.id]


async def languages_of(session: TenantSession, class_id: uuid.UUID) -> ClassLanguages:
    """Which languages a class and its pupils learn."""
    found: dict[uuid.UUID | None, dict[str, Language]] = defaultdict(dict)
    for row in await queries.languages(session, class_id):
        found[row.student_id][row.subject_code] = Language(row.language)
    whole = found.pop(None, {})
    return ClassLanguages(whole, {student: said for student, said in found.items() if student})


async def set_languages(
    session: TenantSession, class_id: uuid.UUID, said: Mapping[uuid.UUID | None, Languages]
) -> None:
    """What a class (None) and these pupils learn, in place of what was said of them before.

    Who may say it, and until when, is looked after by the caller (`records/planning`).
    """
    await queries.set_languages(session, class_id, said)


async def _carry_languages(
    session: TenantSession, student_id: uuid.UUID, source: ClassSummary, target: ClassSummary
) -> None:
    await session.hold(f"languages {target.id}")
    learns = (await languages_of(session, source.id)).of(student_id)
    there = (await languages_of(session, target.id)).of_class()
    differing = {code: language for code, language in learns.items() if there.get(code) != language}
    await set_languages(session, target.id, {student_id: differing})


async def decide(
    session: TenantSession, year_id: uuid.UUID, grade: int, code: str, decision: Decision
) -> bool:
    """Write a decision; False where somebody else has decided since `decision.revision` was read.

    What it does to sheets and marks is looked after by the caller (`records/planning`).
    """
    return await queries.decide(session, year_id, grade, code, decision)


async def choose(
    session: TenantSession,
    class_id: uuid.UUID,
    choices: Mapping[uuid.UUID | None, Choice],
    following: Collection[uuid.UUID] = (),
) -> None:
    """Set the combination of a class (None) and what pupils take; those of `following` take what the class takes."""
    await queries.choose(session, class_id, choices)
    await queries.follow_class(session, class_id, following)


async def given_up(
    session: TenantSession, student_id: uuid.UUID, source: ClassSummary, targets: Sequence[ClassSummary]
) -> dict[uuid.UUID, list[str]]:
    """What a pupil of a class takes and these classes of its grade do not have, by class and in words."""
    plan = await plan_of(session, source)
    if not plan.has_choices or not targets:
        return {}
    takes = (await choices_of_class(session, source)).of(student_id)
    has: dict[uuid.UUID, set[str]] = defaultdict(set)
    for assignment in await roster.list_assignments(session):
        has[assignment.class_id].add(assignment.subject_code)
    return {one.id: plan.words_of(takes - plan.offered(has[one.id])) for one in targets}


async def carry_choice(
    session: TenantSession, student_id: uuid.UUID, source: ClassSummary, target: ClassSummary
) -> list[str]:
    """A pupil who goes to another class of the grade takes there what they took, as far as that class has it, and learns
    the languages that they learnt.

    Returns what they give up, in words: nothing is chosen in its place, and who leads the class is told that subjects
    are missing. The caller has looked who may do that, and holds the sheets of the class.
    """
    await _carry_languages(session, student_id, source, target)
    plan = await plan_of(session, source)
    if not plan.has_choices:
        return []
    await session.hold(f"electives {target.id}")
    takes = (await choices_of_class(session, source)).of(student_id)
    assigned = {one.subject_code for one in await roster.list_assignments(session, target.id)}
    keeps = takes & plan.offered(assigned)
    if keeps == (await choices_of_class(session, target)).combination:
        await choose(session, target.id, {}, [student_id])
    else:
        await choose(session, target.id, {student_id: keeps})
    return plan.words_of(takes - keeps)


async def copy_year(session: TenantSession, year_id: uuid.UUID, next_year_id: uuid.UUID) -> None:
    """A year begins with the decisions of the year before, for subjects about which it has decided nothing itself."""
    await queries.copy_decisions(session, year_id, next_year_id)


async def copy_choices(session: TenantSession, classes: Mapping[ClassId, ClassId]) -> None:
    """Classes go on with what they had chosen (old class → new class), and so do pupils who went along."""
    for old, new in classes.items():
        await queries.copy_choices(session, old, new)
        await queries.copy_languages(session, old, new)


async def forget_choices(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> None:
    """Classes that are closed choose nothing and learn nothing."""
    await queries.delete_choices(session, class_ids)
    await queries.delete_languages(session, class_ids)


def fingerprint(choices: ClassChoices) -> str:
    """Another text whenever somebody's choice is another."""
    people = [
        ("", choices.combination),
        *sorted((str(one), choice) for one, choice in choices.pupils.items()),
    ]
    told = [(who, sorted(choice.electives), sorted(choice.topics)) for who, choice in people]
    return sha256_hex(msgspec.json.encode(told))[:16]
