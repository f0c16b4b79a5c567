"""Calls of the directory's functions: each answers about one login or one session, none lists anything."""

import uuid
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
_FIND_LOGIN = text("select account_id, password_hash from directory.find_login(:login)")
_JOIN = text("select directory.join_school(:account, :staff)")
_JOIN_BY_SESSION = text("select directory.join_by_session(:digest, :idle, :staff)")
_PLACES = text("select tenant_id, staff_id from directory.places_of_session(:digest, :idle)")
_MOVE = text("select directory.move_session(:digest, :idle, :new_digest, :tenant)")
_CLOSE_PLACE = text("select directory.close_place(:staff)")
_REOPEN_PLACE = text("select directory.reopen_place(:staff)")
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


async def find_login(session: PublicSession, login: str) -> tuple[AccountId, str] | None:
    """Account and password hash of an enabled login, whether it has a place of work or not."""
    row = (await session.execute(_FIND_LOGIN, {"login": login})).first()
    return row and (AccountId(row.account_id), row.password_hash)


async def join(session: TenantSession, account_id: AccountId, staff_id: StaffId) -> bool:
    """Give an account a place in the session's school; False when it has one there."""
    return bool(await session.scalar(_JOIN, {"account": account_id, "staff": staff_id}))


async def join_by_session(
    session: TenantSession, token_digest: str, idle: timedelta, staff_id: StaffId
) -> bool:
    """The same for the account of a session; False also when that has ended."""
    values = {"digest": token_digest, "idle": idle, "staff": staff_id}
    return bool(await session.scalar(_JOIN_BY_SESSION, values))


async def places_of(session: PublicSession, token_digest: str, idle: timedelta) -> list[Place]:
    """All places of work of the account of a running session."""
    found = await session.execute(_PLACES, {"digest": token_digest, "idle": idle})
    return [_place(row) for row in found]


async def move_session(
    session: PublicSession, token_digest: str, idle: timedelta, new_digest: str, tenant_id: uuid.UUID
) -> bool:
    """Let a running session go on at another place of its account; False when there is none."""
    values = {"digest": token_digest, "idle": idle, "new_digest": new_digest, "tenant": tenant_id}
    return bool(await session.scalar(_MOVE, values))


async def close_place(session: TenantSession, staff_id: StaffId) -> None:
    """End the sessions of a person of the session's school, and put their place aside."""
    await session.execute(_CLOSE_PLACE, {"staff": staff_id})


async def reopen_place(session: TenantSession, staff_id: StaffId) -> None:
    """Give a person of the session's school the place back that was put aside."""
    await session.execute(_REOPEN_PLACE, {"staff": staff_id})


def _place(row: Any) -> Place:
    return Place(tenant_id=row.tenant_id, staff_id=StaffId(row.staff_id))
