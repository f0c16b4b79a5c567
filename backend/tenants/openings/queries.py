"""The directory's functions about schools that want to be opened: filed by anybody, read and decided by the operator."""

import uuid
from typing import Any

import msgspec
from sqlalchemy import text

from backend.core.database import PlatformSession, PublicSession
from backend.tenants.openings.schemas import Application, ApplicationId, ApplicationState, FiledApplication

_FILE = text("select directory.file_application(:application, cast(:facts as text))")
_LIST = text("select * from directory.applications(:operator, :state)")
_FIND = text("select * from directory.application(:operator, :application)")
_DECIDE = text("select directory.decide_application(:operator, :application, :state, :reason, :tenant)")


async def file(session: PublicSession, application_id: ApplicationId, application: Application) -> None:
    """Keep what a school says of itself until the operator has looked."""
    facts = msgspec.json.encode(application).decode()
    await session.execute(_FILE, {"application": application_id, "facts": facts})


async def applications(
    session: PlatformSession, operator: str, state: ApplicationState
) -> list[FiledApplication]:
    """Applications in one state, the oldest first."""
    found = await session.execute(_LIST, {"operator": operator, "state": state})
    return [_filed(row) for row in found]


async def find(session: PlatformSession, operator: str, application_id: uuid.UUID) -> FiledApplication | None:
    """One application."""
    row = (await session.execute(_FIND, {"operator": operator, "application": application_id})).first()
    return _filed(row) if row else None


async def decide(
    session: PlatformSession,
    operator: str,
    application_id: uuid.UUID,
    state: ApplicationState,
    reason: str,
    tenant_id: uuid.UUID | None,
) -> uuid.UUID | None:
    """Write the decision; returns the school's tenant, None where none was given or another decision stands."""
    values = {
        "operator": operator,
        "application": application_id,
        "state": state,
        "reason": reason,
        "tenant": tenant_id,
    }
    decided: uuid.UUID | None = await session.scalar(_DECIDE, values)
    return decided


def _filed(row: Any) -> FiledApplication:
    return FiledApplication(
        id=ApplicationId(row.id),
        application=msgspec.json.decode(row.facts, type=Application),
        state=ApplicationState(row.state),
        applied_at=row.applied_at,
        known=row.known,
    )
