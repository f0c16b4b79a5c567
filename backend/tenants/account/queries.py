"""Calls of the directory's functions about accounts that are given back to their people."""

import uuid
from datetime import datetime

from sqlalchemy import text

from backend.core.actor import StaffId
from backend.core.database import PlatformSession, PublicSession, TenantSession

_ACCOUNT_OF = text("select account_id from directory.account_of(:staff)")
_ACCOUNT_TO_RESET = text("select directory.account_to_reset(:operator, :login)")
_RESET = text("select directory.reset_account(:hash, :at)")


async def account_of(session: TenantSession, staff_id: StaffId) -> uuid.UUID | None:
    """The account of a person of the school; None when they have none, or work at another school, too."""
    found: uuid.UUID | None = await session.scalar(_ACCOUNT_OF, {"staff": staff_id})
    return found


async def account_to_reset(session: PlatformSession, operator: str, login: str) -> uuid.UUID | None:
    """The account of a login, for the operator, whose question is written down."""
    values = {"operator": operator, "login": login}
    found: uuid.UUID | None = await session.scalar(_ACCOUNT_TO_RESET, values)
    return found


async def reset(session: PublicSession | TenantSession, password_hash: str, at: datetime) -> None:
    """A new password in place of all factors, links and sessions of the account that the transaction speaks for."""
    await session.execute(_RESET, {"hash": password_hash, "at": at})
