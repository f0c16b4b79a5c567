"""All SQL of bindings."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, text, update

from backend.core.database import PlatformSession, TenantSession
from backend.integrations.authorities.models import AuthorityBinding
from backend.integrations.authorities.schemas import BoundSchool

_PUBLISH = text("select directory.publish_binding(:profile, :school)")
_PUBLISHED = text("select tenant_id, profile, school, bound_at from directory.bound_profiles(:operator)")


async def bindings(session: TenantSession) -> Sequence[AuthorityBinding]:
    """All of the school, the newest first."""
    found = await session.scalars(
        select(AuthorityBinding)
        .where(AuthorityBinding.tenant_id == session.tenant_id)
        .order_by(AuthorityBinding.bound_at.desc(), AuthorityBinding.id.desc())
    )
    return found.all()


async def end_open(session: TenantSession, ended_at: datetime) -> None:
    """End the binding that is open."""
    await session.execute(
        update(AuthorityBinding)
        .where(AuthorityBinding.tenant_id == session.tenant_id, AuthorityBinding.ended_at.is_(None))
        .values(ended_at=ended_at)
    )


async def add(session: TenantSession, values: dict[str, Any]) -> None:
    """Open one."""
    await session.execute(insert(AuthorityBinding).values(tenant_id=session.tenant_id, **values))


async def close_anew(
    session: TenantSession, binding_id: uuid.UUID, key_id: uuid.UUID | None, secrets: bytes
) -> None:
    """The same secrets under another key."""
    await session.execute(
        update(AuthorityBinding)
        .where(AuthorityBinding.tenant_id == session.tenant_id, AuthorityBinding.id == binding_id)
        .values(key_id=key_id, secrets=secrets)
    )


async def record_trial(session: TenantSession, binding_id: uuid.UUID, trial: str, tried_at: datetime) -> None:
    """What came of a look at the Authority."""
    await session.execute(
        update(AuthorityBinding)
        .where(AuthorityBinding.tenant_id == session.tenant_id, AuthorityBinding.id == binding_id)
        .values(trial=trial, tried_at=tried_at)
    )


async def publish(session: TenantSession, profile_id: str, school: str) -> None:
    """Let the operator of the platform know through which profile the school reports, and nothing else of it."""
    await session.execute(_PUBLISH, {"profile": profile_id, "school": school})


async def bound_schools(session: PlatformSession, operator: str) -> list[BoundSchool]:
    """All schools that have bound something; the look is written down."""
    found = await session.execute(_PUBLISHED, {"operator": operator})
    return [BoundSchool(**row) for row in found.mappings()]
