"""All SQL of assessment."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import and_, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert

from backend.core.database import TenantSession
from backend.records.assessment.models import YearResult
from backend.records.assessment.schemas import Promotion, ResultState
from backend.records.roster.models import YEAR_OF_CLASS, AcademicYear, Enrollment, SchoolClass, Student
from backend.records.roster.schemas import EnrollmentStatus

_STUDYING = and_(
    Enrollment.tenant_id == YearResult.tenant_id,
    Enrollment.class_id == YearResult.class_id,
    Enrollment.student_id == YearResult.student_id,
    Enrollment.status == EnrollmentStatus.STUDYING,
)


async def hold_class(session: TenantSession, class_id: uuid.UUID) -> None:
    """A class is assessed by one after the other: what was read earlier is not written over what was read later."""
    await session.execute(
        select(SchoolClass.id)
        .where(SchoolClass.tenant_id == session.tenant_id, SchoolClass.id == class_id)
        .with_for_update(key_share=True)
    )


async def upsert_results(session: TenantSession, rows: list[dict[str, Any]]) -> int:
    """Store computed results; counts those that are new or differ. One that says the same stays as it is, confirmed
    or not."""
    if not rows:
        return 0
    query = insert(YearResult)
    columns = (
        "state",
        "input",
        "output",
        "rule_set",
        "policy",
        "computed_at",
        "confirmed_by",
        "confirmed_at",
    )
    by_others = or_(
        YearResult.rule_set != query.excluded.rule_set, YearResult.policy != query.excluded.policy
    )
    query = query.on_conflict_do_update(
        index_elements=["tenant_id", "class_id", "student_id"],
        set_={name: query.excluded[name] for name in columns},
        where=or_(
            YearResult.input != query.excluded.input,
            YearResult.output != query.excluded.output,
            and_(YearResult.state == ResultState.COMPUTED, by_others),
        ),
    )
    return len((await session.execute(query.returning(YearResult.id), rows)).all())


async def standing(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """By which rules and readings the results of a class of today were made, and whether their years were ever
    confirmed."""
    query = (
        select(
            YearResult.student_id,
            YearResult.state,
            YearResult.rule_set,
            YearResult.policy,
            YearResult.settled_at,
        )
        .join(Enrollment, _STUDYING)
        .where(YearResult.tenant_id == session.tenant_id, YearResult.class_id == class_id)
    )
    return (await session.execute(query)).all()


async def oldest(session: TenantSession, class_id: uuid.UUID) -> datetime | None:
    """When the oldest result of a class was computed."""
    return await session.scalar(
        select(func.min(YearResult.computed_at)).where(
            YearResult.tenant_id == session.tenant_id, YearResult.class_id == class_id
        )
    )


async def results_of(session: TenantSession, class_id: uuid.UUID) -> Sequence[Any]:
    """Results of the pupils who are in a class today, in the order of names."""
    query = _results(session).where(YearResult.class_id == class_id)
    found: Sequence[Any] = (await session.execute(query.order_by(Student.name_key, Student.id))).all()
    return found


async def results_to_list(
    session: TenantSession,
    class_ids: Sequence[uuid.UUID],
    whole: Sequence[uuid.UUID],
    students: Sequence[uuid.UUID],
) -> Sequence[Any]:
    """Results of some classes that are no plain promotion, all of the `whole` ones, and those of the `students`."""
    wanted = or_(
        YearResult.output["promotion"].astext.not_in([Promotion.PROMOTED, Promotion.PENDING]),
        YearResult.class_id.in_(whole),
        YearResult.student_id.in_(students),
    )
    query = (
        _results(session)
        .join(
            SchoolClass,
            and_(SchoolClass.tenant_id == YearResult.tenant_id, SchoolClass.id == YearResult.class_id),
        )
        .where(YearResult.class_id.in_(class_ids), wanted)
        .order_by(SchoolClass.name_key, Student.name_key, Student.id)
    )
    found: Sequence[Any] = (await session.execute(query)).all()
    return found


def _results(session: TenantSession) -> Any:
    return (
        select(
            YearResult.id,
            YearResult.class_id,
            YearResult.student_id,
            YearResult.state,
            YearResult.input,
            YearResult.output,
            YearResult.rule_set,
            YearResult.policy,
            YearResult.settled_at,
            Student.full_name,
            Student.student_code,
        )
        .join(Student, and_(Student.tenant_id == YearResult.tenant_id, Student.id == YearResult.student_id))
        .join(Enrollment, _STUDYING)
        .where(YearResult.tenant_id == session.tenant_id)
    )


async def class_of_result(session: TenantSession, result_id: uuid.UUID) -> uuid.UUID | None:
    """The class to which a result belongs."""
    return await session.scalar(
        select(YearResult.class_id).where(
            YearResult.tenant_id == session.tenant_id, YearResult.id == result_id
        )
    )


async def confirm(session: TenantSession, ids: Sequence[uuid.UUID], values: dict[str, Any]) -> None:
    await session.execute(
        update(YearResult)
        .where(YearResult.tenant_id == session.tenant_id, YearResult.id.in_(ids))
        .values(values | {"settled_at": func.coalesce(YearResult.settled_at, values["confirmed_at"])})
    )


async def stamp(session: TenantSession, class_id: uuid.UUID, computed_at: datetime) -> None:
    """Every result of a class, changed or not, was computed at that time."""
    await session.execute(
        update(YearResult)
        .where(YearResult.tenant_id == session.tenant_id, YearResult.class_id == class_id)
        .values(computed_at=computed_at)
    )


async def withdraw_confirmation(
    session: TenantSession, class_id: uuid.UUID, before: datetime, frozen: Sequence[uuid.UUID]
) -> Sequence[uuid.UUID]:
    """Results of a class that were confirmed before a time are so no longer, but for the `frozen`; their pupils."""
    query = (
        update(YearResult)
        .where(
            YearResult.tenant_id == session.tenant_id,
            YearResult.class_id == class_id,
            YearResult.state == ResultState.CONFIRMED,
            YearResult.confirmed_at <= before,
            YearResult.student_id.not_in(frozen),
        )
        .values(state=ResultState.COMPUTED, confirmed_by=None, confirmed_at=None)
        .returning(YearResult.student_id)
    )
    return (await session.scalars(query)).all()


async def progress(session: TenantSession) -> Sequence[Any]:
    """Per class, state and promotion, how many results there are."""
    promotion = YearResult.output["promotion"].astext.label("promotion")
    year = AcademicYear.name.label("academic_year")
    query = (
        select(YearResult.class_id, YearResult.state, promotion, year, func.count().label("number"))
        .join(
            SchoolClass,
            and_(SchoolClass.tenant_id == YearResult.tenant_id, SchoolClass.id == YearResult.class_id),
        )
        .join(AcademicYear, YEAR_OF_CLASS)
        .join(Enrollment, _STUDYING)
        .where(YearResult.tenant_id == session.tenant_id)
        .group_by(YearResult.class_id, YearResult.state, promotion, year)
    )
    return (await session.execute(query)).all()
