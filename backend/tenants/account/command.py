"""`hocba reset-link LOGIN`: what the operator does for somebody whom nobody at the school can help."""

import asyncio
import sys

from backend.core import database
from backend.core.errors import AppError
from backend.tenants.account import recovery


def run(login: str) -> int:
    """Print the link; 0 when there is one."""
    try:
        print(asyncio.run(_link(login)))
    except AppError as error:
        print(f"hocba reset-link: {error.message}", file=sys.stderr)
        return 1
    return 0


async def _link(login: str) -> str:
    try:
        return await recovery.issue_link_by_operator(login)
    finally:
        await database.engine().dispose()
        database.engine.cache_clear()
