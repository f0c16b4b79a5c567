"""Calls of the directory's functions: each answers about one login or one session, none lists anything."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from backend.core import lookups
from backend.core.actor import StaffId
from backend.core.database import PublicSession, TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.tenants.access.schemas import Account, AccountId, Place

_CREATE_ACCOUNT = text("select directory.create_account(:account, :login, :hash, :staff)")
_FIND_ACCOUNT = text(
    "select account_id, password_hash, tenant_id, staff_id from directory.find_account(:login) limit 1"
)
_OPEN_SESSION = text("select directory.open_session(:digest, :account, :tenant, :staff, :ends)")
_FIND_SESSION = Question(text("select tenant_id, staff_id from directory.find_session(:digest, :idle)"))
_CLOSE_SESSION = text("select directory.close_session(:digest)")


async def create_account(
    session: TenantSession, staff_id: StaffId, login: str, password_hash: str
) -> AccountId | None:
    """Add an account for a person of the session's school; None when the login is taken."""
    account_id = AccountId(new_id())
    values = {"account": account_id, "login": login, "hash": password_hash, "staff": staff_id}
    try:
        async with session.begin_nested():
            await session.execute(_CREATE_ACCOUNT, values)
    except IntegrityError:
        return None
    return account_id


async def find_account(session: PublicSession, login: str) -> Account | None:
    """The enabled account of a login."""
    row = (await session.execute(_FIND_ACCOUNT, {"login": login})).first()
    if row is None:
        return None
    return Account(id=AccountId(row.account_id), password_hash=row.password_hash, place=_place(row))


async def open_session(
    session: PublicSession, account: Account, token_digest: str, ends_at: datetime
) -> None:
    """Remember a session at the account's place of work."""
    values = {
        "digest": token_digest,
        "account": account.id,
        "tenant": account.place.tenant_id,
        "staff": account.place.staff_id,
        "ends": ends_at,
    }
    await session.execute(_OPEN_SESSION, values)


async def find_session(token_digest: str, idle: timedelta) -> Place | None:
    """The place of work of a session that has neither ended nor been idle for longer than `idle`."""
    rows = await lookups.ask(_FIND_SESSION, digest=token_digest, idle=idle)
    return _place(rows[0]) if rows else None


async def close_session(session: PublicSession, token_digest: str) -> None:
    """Forget a session."""
    await session.execute(_CLOSE_SESSION, {"digest": token_digest})


def _place(row: Any) -> Place:
    return Place(tenant_id=row.tenant_id, staff_id=StaffId(row.staff_id))
