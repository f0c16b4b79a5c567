"""All SQL of subject plans, choices and languages."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ARRAY, Uuid, any_, bindparam, delete, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from backend.core import clock
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.records.plans.models import ElectiveChoice, LanguageChoice, SubjectPlan
from backend.records.plans.schemas import Choice, Decision, Language, Languages
from backend.records.roster.models import Enrollment

_CHOICES = Question(
    select(
        ElectiveChoice.class_id, ElectiveChoice.student_id, ElectiveChoice.electives, ElectiveChoice.topics
    ).where(
        ElectiveChoice.tenant_id == bindparam("tenant"),
        ElectiveChoice.class_id == any_(bindparam("class_ids", type_=ARRAY(Uuid))),
    )
)


async def decisions(session: TenantSession) -> Sequence[Any]:
    """Every decision of the school, of all years."""
    query = select(
        SubjectPlan.academic_year_id,
        SubjectPlan.grade_level,
        SubjectPlan.subject_code,
        *(getattr(SubjectPlan, name) for name in Decision.__struct_fields__),
    ).where(SubjectPlan.tenant_id == session.tenant_id)
    return (await session.execute(query)).all()


async def decide(
    session: TenantSession, year_id: uuid.UUID, grade: int, code: str, decision: Decision
) -> bool:
    """Write a decision; False where its revision is not the one that is there (0: none is)."""
    values = {
        "taught": decision.taught,
        "name": decision.name,
        "lessons_per_year": decision.lessons_per_year,
        "assessed_by": decision.assessed_by.value if decision.assessed_by else None,
        "counts": decision.counts,
        "topics": decision.topics,
        "revision": decision.revision + 1,
    }
    key = {"academic_year_id": year_id, "grade_level": grade, "subject_code": code}
    if decision.revision == 0:
        query = insert(SubjectPlan).values(tenant_id=session.tenant_id, id=new_id(), **key, **values)
        written = await session.scalar(query.on_conflict_do_nothing().returning(SubjectPlan.id))
        return written is not None
    changed = (
        update(SubjectPlan)
        .where(SubjectPlan.tenant_id == session.tenant_id, SubjectPlan.revision == decision.revision)
        .filter_by(**key)
        .values(values)
        .returning(SubjectPlan.id)
    )
    return await session.scalar(changed) is not None


async def choices(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> Sequence[Any]:
    """Combinations of classes and the pupils who differ: class, student (NULL for the class), electives, topics."""
    return await session.ask(_CHOICES, class_ids=list(class_ids))


async def choose(
    session: TenantSession, class_id: uuid.UUID, choices: Mapping[uuid.UUID | None, Choice]
) -> None:
    """Set what a class (None) and pupils who differ from it take."""
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "class_id": class_id,
            "student_id": student_id,
            "electives": sorted(choice.electives),
            "topics": sorted(choice.topics),
            "changed_at": clock.now(),
        }
        for student_id, choice in choices.items()
    ]
    if rows:
        query = insert(ElectiveChoice)
        query = query.on_conflict_do_update(
            index_elements=["tenant_id", "class_id", "student_id"],
            set_={name: query.excluded[name] for name in ("electives", "topics", "changed_at")},
        )
        await session.execute(query.execution_options(render_nulls=True), rows)


async def follow_class(
    session: TenantSession, class_id: uuid.UUID, student_ids: Collection[uuid.UUID]
) -> None:
    """Pupils take what the class takes."""
    if student_ids:
        await session.execute(
            delete(ElectiveChoice).where(
                ElectiveChoice.tenant_id == session.tenant_id,
                ElectiveChoice.class_id == class_id,
                ElectiveChoice.student_id.in_(student_ids),
            )
        )


async def copy_decisions(session: TenantSession, year_id: uuid.UUID, next_year_id: uuid.UUID) -> None:
    """Take decisions over into a year, but for subjects that it has decided about."""
    rows = [
        {name: getattr(row, name) for name in Decision.__struct_fields__}
        | {"tenant_id": session.tenant_id, "id": new_id(), "academic_year_id": next_year_id, "revision": 1}
        | {"grade_level": row.grade_level, "subject_code": row.subject_code}
        for row in await decisions(session)
        if row.academic_year_id == year_id
    ]
    if rows:
        await session.execute(insert(SubjectPlan).on_conflict_do_nothing(), rows)


async def copy_choices(session: TenantSession, old: uuid.UUID, new: uuid.UUID) -> None:
    """Take the combination of a class over into another, and the choices of pupils who are in that one now."""
    here = select(Enrollment.student_id).where(
        Enrollment.tenant_id == session.tenant_id, Enrollment.class_id == new
    )
    query = select(ElectiveChoice.student_id, ElectiveChoice.electives, ElectiveChoice.topics).where(
        ElectiveChoice.tenant_id == session.tenant_id,
        ElectiveChoice.class_id == old,
        or_(ElectiveChoice.student_id.is_(None), ElectiveChoice.student_id.in_(here)),
    )
    found = {
        row.student_id: Choice(frozenset(row.electives), frozenset(row.topics))
        for row in await session.execute(query)
    }
    await choose(session, new, found)


async def delete_choices(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> None:
    await session.execute(
        delete(ElectiveChoice).where(
            ElectiveChoice.tenant_id == session.tenant_id, ElectiveChoice.class_id.in_(class_ids)
        )
    )


async def languages(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Languages of a class and of pupils who differ: student (NULL for the class), subject_code, language."""
    query = select(LanguageChoice.student_id, LanguageChoice.subject_code, LanguageChoice.language).where(
        LanguageChoice.tenant_id == session.tenant_id, LanguageChoice.class_id == class_id
    )
    return (await session.execute(query)).all()


async def set_languages(
    session: TenantSession, class_id: uuid.UUID, said: Mapping[uuid.UUID | None, Languages]
) -> None:
    """What a class (None) and these pupils learn, in place of all that was said of them; the rest stays."""
    rows = [
        {
            "tenant_id": session.tenant_id,
            "id": new_id(),
            "class_id": class_id,
            "student_id": student_id,
            "subject_code": code,
            "language": language.value,
            "changed_at": clock.now(),
        }
        for student_id, languages in said.items()
        for code, language in languages.items()
    ]
    pupils = [one for one in said if one is not None]
    whose = LanguageChoice.student_id.in_(pupils)
    await session.execute(
        delete(LanguageChoice).where(
            LanguageChoice.tenant_id == session.tenant_id,
            LanguageChoice.class_id == class_id,
            or_(whose, LanguageChoice.student_id.is_(None)) if None in said else whose,
        )
    )
    if rows:
        await session.execute(insert(LanguageChoice).execution_options(render_nulls=True), rows)


async def copy_languages(session: TenantSession, old: uuid.UUID, new: uuid.UUID) -> None:
    """Take the languages of a class over into another, and those of pupils who are in that one now."""
    here = select(Enrollment.student_id).where(
        Enrollment.tenant_id == session.tenant_id, Enrollment.class_id == new
    )
    found: dict[uuid.UUID | None, dict[str, Language]] = {}
    pupils = set(await session.scalars(here))
    for row in await languages(session, old):
        if row.student_id is None or row.student_id in pupils:
            found.setdefault(row.student_id, {})[row.subject_code] = Language(row.language)
    await set_languages(session, new, found)


async def delete_languages(session: TenantSession, class_ids: Sequence[uuid.UUID]) -> None:
    await session.execute(
        delete(LanguageChoice).where(
            LanguageChoice.tenant_id == session.tenant_id, LanguageChoice.class_id.in_(class_ids)
        )
    )
