"""SQL of duties: each is given on only by who still finds it where they saw it."""

from sqlalchemy import update

from backend.core.database import TenantSession
from backend.records.duties.schemas import Move
from backend.records.roster.models import SchoolClass, TeachingAssignment


async def move(session: TenantSession, one: Move) -> bool:
    """Give a duty to another; False when somebody else has done so meanwhile."""
    duty = one.duty
    if duty.is_homeroom:
        query = (
            update(SchoolClass)
            .where(
                SchoolClass.tenant_id == session.tenant_id,
                SchoolClass.id == duty.class_id,
                SchoolClass.homeroom_teacher_id.is_not_distinct_from(one.old),
            )
            .values(homeroom_teacher_id=one.new)
            .returning(SchoolClass.id)
        )
    else:
        query = (
            update(TeachingAssignment)
            .where(
                TeachingAssignment.tenant_id == session.tenant_id,
                TeachingAssignment.class_id == duty.class_id,
                TeachingAssignment.subject_code == duty.code,
                TeachingAssignment.teacher_id.is_not_distinct_from(one.old),
            )
            .values(teacher_id=one.new)
            .returning(TeachingAssignment.id)
        )
    return await session.scalar(query) is not None
