"""Two transactions at once: one is let go on when the other has come to a lock."""

import asyncio

from sqlalchemy import text

from backend.core.database import TenantSession


async def somebody_waits(session: TenantSession) -> None:
    """Until another transaction waits for a lock."""
    async with asyncio.timeout(10):
        while not await session.scalar(text("select count(*) from pg_locks where not granted")):
            await asyncio.sleep(0.01)
