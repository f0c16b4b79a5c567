"""SQL of changes to a class."""

import uuid
from datetime import date

from sqlalchemy import update

from backend.core.database import TenantSession
from backend.records.roster.models import SchoolClass


async def rename(session: TenantSession, class_id: uuid.UUID, old: str, new: str, name_key: str) -> bool:
    """Give a class another name; False when it is not called `old` any more."""
    query = (
        update(SchoolClass)
        .where(
            SchoolClass.tenant_id == session.tenant_id, SchoolClass.id == class_id, SchoolClass.name == old
        )
        .values(name=new, name_key=name_key)
        .returning(SchoolClass.id)
    )
    return await session.scalar(query) is not None


async def close(session: TenantSession, class_id: uuid.UUID, on: date) -> None:
    """Nobody is taken into the class from that day on."""
    await session.execute(
        update(SchoolClass)
        .where(SchoolClass.tenant_id == session.tenant_id, SchoolClass.id == class_id)
        .values(closed_on=on)
    )
