"""SQL of the figures: one set-based query each, over all classes of a year."""

import uuid
from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    and_,
    extract,
    false,
    func,
    literal,
    not_,
    or_,
    select,
    true,
    union_all,
)
from sqlalchemy.dialects.postgresql import aggregate_order_by

from backend.core.database import TenantSession
from backend.records.assessment.models import YearResult
from backend.records.assessment.schemas import ResultState
from backend.records.calendar.schemas import Step
from backend.records.gradebook.models import GradeSheet
from backend.records.gradebook.schemas import CLOSED, SheetState
from backend.records.roster.models import (
    CLASS_OF_ENROLLMENT,
    YEAR_OF_CLASS,
    AcademicYear,
    Enrollment,
    SchoolClass,
    Student,
)
from backend.records.roster.schemas import PRESENT, EnrollmentStatus
from backend.records.statistics.schemas import Group
from backend.records.transcripts.models import TranscriptVersion
from backend.records.transcripts.schemas import ENDED, VersionState

_PLACE_OF_VERSION = and_(
    Enrollment.tenant_id == TranscriptVersion.tenant_id,
    Enrollment.class_id == TranscriptVersion.class_id,
    Enrollment.student_id == TranscriptVersion.student_id,
    Enrollment.status == EnrollmentStatus.STUDYING,
)
_TAKEN_BACK = (VersionState.RECALL_REQUESTED, VersionState.RECALLED, VersionState.REPLACED)
#: Sheets whose teacher has them in hand.
_IN_HAND = (SheetState.OPEN, SheetState.REOPENED)
#: How old a pupil of a grade may be at the start of the year beyond grade + 5, either way, before it looks odd.
_YOUNGER, _OLDER = 1, 5


async def class_counts(session: TenantSession, year_id: uuid.UUID, day: date, end: datetime) -> Sequence[Any]:
    """Per class what `schemas.Count` says, at the end of a day; `end` is its last moment. Classes without anybody are
    left out."""
    places, versions = _places(session, year_id, day), _versions(session, year_id, end)
    both = places.outerjoin(versions, places.c.student_id == versions.c.student_id, full=True)
    here = places.c.student_id.is_not(None)
    class_id = func.coalesce(places.c.class_id, versions.c.class_id).label("class_id")

    def number(what: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count().filter(what)

    counted = (
        select(
            class_id,
            number(here).label("pupils"),
            number(and_(here, versions.c.taking_part)).label("pupils_in"),
            number(and_(here, versions.c.issued)).label("issued"),
            number(and_(here, versions.c.recalled)).label("recalled"),
            number(and_(here, versions.c.recalled, versions.c.standing)).label("completed"),
            number(and_(not_(here), versions.c.issued)).label("left"),
        )
        .select_from(both)
        .group_by(class_id)
        .subquery()
    )
    query = (
        select(counted, SchoolClass.grade_level, SchoolClass.name.label("class_name"))
        .join(SchoolClass, SchoolClass.id == counted.c.class_id)
        .where(SchoolClass.tenant_id == session.tenant_id)
        .where(or_(counted.c.pupils > 0, counted.c.left > 0))
        .order_by(SchoolClass.grade_level, SchoolClass.name_key)
    )
    return (await session.execute(query)).all()


async def pupils(
    session: TenantSession, year_id: uuid.UUID, day: date, end: datetime, group: Group, grade: int | None
) -> Sequence[Any]:
    """The pupils whom `class_counts` counts in a group, by class and name."""
    places, versions = _places(session, year_id, day), _versions(session, year_id, end)

    def known(column: ColumnElement[bool]) -> ColumnElement[bool]:
        return func.coalesce(column, false())

    wanted = {
        Group.ALL: true(),
        Group.OUT: not_(known(versions.c.taking_part)),
        Group.NOT_ISSUED: not_(known(versions.c.issued)),
        Group.ISSUED: known(versions.c.issued),
        Group.RECALLED: known(versions.c.recalled),
        Group.INCOMPLETE: and_(known(versions.c.recalled), not_(known(versions.c.standing))),
    }[group]
    query = (
        select(
            Student.id,
            Student.full_name,
            Student.student_code,
            SchoolClass.id.label("class_id"),
            SchoolClass.name.label("class_name"),
        )
        .select_from(places)
        .outerjoin(versions, places.c.student_id == versions.c.student_id)
        .join(Student, and_(Student.tenant_id == session.tenant_id, Student.id == places.c.student_id))
        .join(
            SchoolClass, and_(SchoolClass.tenant_id == session.tenant_id, SchoolClass.id == places.c.class_id)
        )
        .where(wanted)
        .order_by(SchoolClass.name_key, Student.name_key, Student.id)
    )
    if grade is not None:
        query = query.where(SchoolClass.grade_level == grade)
    return (await session.execute(query)).all()


def _places(session: TenantSession, year_id: uuid.UUID, day: date) -> FromClause:
    """Who was in which class of a year at the end of a day."""
    still = or_(Enrollment.status == EnrollmentStatus.STUDYING, Enrollment.left_on > day)
    come = or_(Enrollment.joined_on.is_(None), Enrollment.joined_on <= day)
    return (
        select(Enrollment.student_id, Enrollment.class_id)
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .where(
            Enrollment.tenant_id == session.tenant_id, SchoolClass.academic_year_id == year_id, still, come
        )
        .subquery("places")
    )


def _versions(session: TenantSession, year_id: uuid.UUID, end: datetime) -> FromClause:
    """How far each pupil's year had come by a moment, all its versions taken together."""
    version = TranscriptVersion
    ended = and_(version.withdrawn_at.is_not(None), version.withdrawn_at < end)
    issued = and_(version.issued_at.is_not(None), version.issued_at < end)
    taken_back = and_(version.state.in_(_TAKEN_BACK), ended)
    cancelled = and_(version.state == VersionState.CANCELLED, ended)
    newest_class = func.array_agg(aggregate_order_by(version.class_id, version.number.desc()))
    return (
        select(
            version.student_id,
            newest_class[1].label("class_id"),
            func.bool_or(not_(cancelled)).label("taking_part"),
            func.bool_or(issued).label("issued"),
            func.bool_or(and_(issued, taken_back)).label("recalled"),
            func.bool_or(and_(issued, not_(taken_back))).label("standing"),
        )
        .where(
            version.tenant_id == session.tenant_id,
            version.academic_year_id == year_id,
            version.frozen_at < end,
        )
        .group_by(version.student_id)
        .subquery("versions")
    )


async def standing(session: TenantSession, year_id: uuid.UUID) -> Sequence[Any]:
    """Versions of a year that stand, of those who are in the class today: id, grade, state."""
    query = (
        select(TranscriptVersion.id, TranscriptVersion.state, SchoolClass.grade_level)
        .join(
            SchoolClass,
            and_(
                SchoolClass.tenant_id == TranscriptVersion.tenant_id,
                SchoolClass.id == TranscriptVersion.class_id,
            ),
        )
        .join(Enrollment, _PLACE_OF_VERSION)
        .where(
            TranscriptVersion.tenant_id == session.tenant_id,
            TranscriptVersion.academic_year_id == year_id,
            TranscriptVersion.state.not_in(ENDED),
        )
    )
    return (await session.execute(query)).all()


async def finished(session: TenantSession, year_id: uuid.UUID) -> Sequence[Any]:
    """When what of each step is done was finished: step, grade, moment, number. What the Authority took is not known
    here."""
    here = and_(SchoolClass.tenant_id == session.tenant_id, SchoolClass.academic_year_id == year_id)
    sheets = and_(GradeSheet.tenant_id == SchoolClass.tenant_id, GradeSheet.class_id == SchoolClass.id)
    results = and_(
        YearResult.tenant_id == SchoolClass.tenant_id,
        YearResult.class_id == SchoolClass.id,
        YearResult.state == ResultState.CONFIRMED,
    )
    places = and_(
        Enrollment.tenant_id == YearResult.tenant_id,
        Enrollment.class_id == YearResult.class_id,
        Enrollment.student_id == YearResult.student_id,
        Enrollment.status == EnrollmentStatus.STUDYING,
    )
    versions = and_(
        TranscriptVersion.tenant_id == SchoolClass.tenant_id,
        TranscriptVersion.class_id == SchoolClass.id,
        TranscriptVersion.state.not_in(ENDED),
    )

    def of(step: Step, at: Any) -> Any:
        return select(literal(step.value).label("step"), SchoolClass.grade_level, at.label("at"))

    submitted = func.coalesce(GradeSheet.submitted_at, GradeSheet.locked_at)
    done = union_all(
        of(Step.SUBMITTED, submitted).join(GradeSheet, sheets).where(here, GradeSheet.state.not_in(_IN_HAND)),
        of(Step.LOCKED, GradeSheet.locked_at)
        .join(GradeSheet, sheets)
        .where(here, GradeSheet.state.in_(CLOSED)),
        of(Step.CONFIRMED, YearResult.confirmed_at)
        .join(YearResult, results)
        .join(Enrollment, places)
        .where(here),
        *(
            of(step, at)
            .join(TranscriptVersion, versions)
            .join(Enrollment, _PLACE_OF_VERSION)
            .where(here, at.is_not(None))
            for step, at in (
                (Step.FROZEN, TranscriptVersion.frozen_at),
                (Step.ISSUED, TranscriptVersion.issued_at),
            )
        ),
    ).subquery()
    query = (
        select(done.c.step, done.c.grade_level, done.c.at, func.count().label("number"))
        .where(done.c.at.is_not(None))
        .group_by(done.c.step, done.c.grade_level, done.c.at)
    )
    return (await session.execute(query)).all()


async def pupil_data(session: TenantSession, year_id: uuid.UUID) -> Any:
    """What `schemas.PupilData` counts, over the pupils of a year who are in a class today."""
    of_year = (
        select(
            Student.id,
            Student.code_is_temporary.label("temporary"),
            Student.personal_id,
            Student.identity_verified_on,
            Student.status,
            or_(Student.gender.is_(None), Student.ethnicity.is_(None), Student.birth_place.is_(None)).label(
                "gaps"
            ),
            (
                extract("year", AcademicYear.starts_on)
                - extract("year", Student.date_of_birth)
                - SchoolClass.grade_level
                - 5
            ).label("off"),
            func.count().over(partition_by=(Student.name_key, Student.date_of_birth)).label("alike"),
            func.count().over(partition_by=Student.id).label("places"),
        )
        .join(
            Enrollment, and_(Enrollment.tenant_id == Student.tenant_id, Enrollment.student_id == Student.id)
        )
        .join(SchoolClass, CLASS_OF_ENROLLMENT)
        .join(AcademicYear, YEAR_OF_CLASS)
        .where(
            Student.tenant_id == session.tenant_id,
            AcademicYear.id == year_id,
            Enrollment.status == EnrollmentStatus.STUDYING,
        )
        .subquery()
    )
    pupil = of_year.c

    def number(what: ColumnElement[bool]) -> ColumnElement[int]:
        return func.count(pupil.id.distinct()).filter(what)

    query = select(
        func.count(pupil.id.distinct()).label("pupils"),
        number(pupil.temporary).label("temporary_code"),
        number(pupil.personal_id.is_(None)).label("no_personal_id"),
        number(pupil.identity_verified_on.is_(None)).label("unverified"),
        number(not_(pupil.off.between(-_YOUNGER, _OLDER))).label("odd_age"),
        number(pupil.gaps).label("incomplete"),
        number(and_(pupil.alike > 1, pupil.places == 1)).label("doubled"),
        number(pupil.places > 1).label("two_classes"),
        number(pupil.status.not_in(PRESENT)).label("status_ended"),
    )
    return (await session.execute(query)).one()
