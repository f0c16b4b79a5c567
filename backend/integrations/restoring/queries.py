"""The one question above the schools that restoring asks, as the operator of the platform."""

import uuid
from collections.abc import Sequence

from sqlalchemy import text

from backend.core.database import PlatformSession

_BEGIN = text("select directory.begin_restoring(:operator, :written)")


async def begin_restoring(session: PlatformSession, operator: str, *, write: bool) -> Sequence[uuid.UUID]:
    """Write down who restores; the schools that this database knows."""
    return (await session.scalars(_BEGIN, {"operator": operator, "written": write})).all()
