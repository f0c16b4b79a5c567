"""Questions: asked in the session's transaction and school, and only with what the driver understands by itself."""

from uuid import uuid4

import pytest
from sqlalchemy import ClauseElement, bindparam, select

from backend.core import clock
from backend.core.audit import AuditEvent
from backend.core.database import tenant_session
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.records.roster.models import AcademicYear
from tests.core.site_fixtures import TestSchool

NAMES = Question(
    select(AcademicYear.name).where(
        AcademicYear.tenant_id == bindparam("tenant"), AcademicYear.name == bindparam("name")
    )
)


async def test_a_question_sees_what_its_own_transaction_wrote_and_nobody_else_does(
    school: TestSchool,
) -> None:
    name, today = uuid4().hex, clock.today()
    async with tenant_session(school.tenant_id) as session:
        session.add(
            AcademicYear(tenant_id=school.tenant_id, id=new_id(), name=name, starts_on=today, ends_on=today)
        )
        [row] = await session.ask(NAMES, name=name)
        assert row.name == name
        async with tenant_session(school.tenant_id, read_only=True) as other:
            assert await other.ask(NAMES, name=name) == []
        await session.rollback()
    async with tenant_session(school.tenant_id, read_only=True) as session:
        assert await session.ask(NAMES, name=name) == []


async def test_the_school_is_the_session_s_whatever_is_said(school: TestSchool) -> None:
    async with tenant_session(school.tenant_id, read_only=True) as session:
        tenant = Question(select(bindparam("tenant", type_=AcademicYear.tenant_id.type).label("tenant")))
        [row] = await session.ask(tenant, tenant=uuid4())
        assert row.tenant == school.tenant_id


@pytest.mark.parametrize(
    "statement",
    [
        select(AuditEvent.details),
        select(AcademicYear.name).where(AcademicYear.name.in_(bindparam("names", expanding=True))),
    ],
    ids=["JSON", "a list in IN"],
)
def test_what_needs_sqlalchemy_is_refused(statement: ClauseElement) -> None:
    with pytest.raises(TypeError):
        Question(statement).sql  # noqa: B018
