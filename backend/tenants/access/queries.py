"""Calls of the directory's functions: each answers about one login, one account or one session, none lists anything."""

import uuid
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, func, select, text
from sqlalchemy.exc import IntegrityError

from backend.core import lookups
from backend.core.actor import Browser, SignIn, StaffId
from backend.core.audit import Action, AuditEvent, Outcome
from backend.core.audit_words import name_of
from backend.core.database import PublicSession, TenantSession
from backend.core.ids import new_id
from backend.core.questions import Question
from backend.tenants.access.schemas import (
    MOST_DEEDS,
    AccountDeed,
    AccountId,
    Counted,
    OpenSession,
    Place,
    SessionView,
)
from backend.tenants.factors.schemas import Factor

AnySession = PublicSession | TenantSession

#: Deeds that their person is told of: how one gets into the account, or that somebody tries.
_TOLD = frozenset(
    {
        Action.FACTOR_ADDED,
        Action.FACTOR_REMOVED,
        Action.PASSWORD_CHANGED,
        Action.RECOVERY_CODE_USED,
        Action.RECOVERY_CODES_MADE,
        Action.RESET_ISSUED,
        Action.ACCOUNT_LOCKED,
        Action.ACCOUNT_RESET,
        Action.IDENTITY_LINKED,
        Action.IDENTITY_UNLINKED,
    }
)

_CREATE_ACCOUNT = text("select directory.create_account(:account, :login, :hash, :staff)")
_LOGIN = text("select login, password_hash from directory.login()")
_PLACES = text("select tenant_id, staff_id from directory.places()")
_SET_PASSWORD = text("select directory.set_password(:hash)")
_OPEN_SESSION = text(
    "select directory.open_session(:digest, :tenant, :staff, :host, :network, :device, :factor, :at, :ends)"
)
_FIND_SESSION = Question(
    text(
        "select tenant_id, staff_id, account_id, session_id, factor, verified_at "
        "from directory.find_session(:digest, :idle, :host)"
    )
)
_MOVE_SESSION = text("select directory.move_session(:session, :held, :digest, :tenant)")
_ROTATE_SESSION = text("select directory.rotate_session(:session, :held, :digest, :factor, :at)")
_FIND_LOGIN = text("select account_id, password_hash from directory.find_login(:login)")
_COUNT_TRY = text("select * from directory.count_try(:subject)")
_FORGET_TRIES = text("select directory.forget_tries(:subject)")
_DEEDS_SEEN = text("select directory.deeds_seen()")
_SEE_DEEDS = text("select directory.see_deeds(:until)")
_JOIN = text("select directory.join_school(:account, :staff)")
_CLOSE_PLACE = text("select directory.close_place(:staff)")
_REOPEN_PLACE = text("select directory.reopen_place(:staff)")
_CLOSE_SESSION = text("select directory.close_session(:digest)")
_SESSIONS = text("select * from directory.sessions(:idle)")
_END_SESSION = text("select directory.end_session(:session)")
_END_SESSIONS = text("select directory.end_sessions(:but)")


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


async def login_of(session: AnySession) -> tuple[str, str] | None:
    """Login and password hash of the account that the transaction speaks for."""
    row = (await session.execute(_LOGIN)).first()
    return (row.login, row.password_hash) if row else None


async def places(session: AnySession) -> list[Place]:
    """Where the account that the transaction speaks for may work."""
    return [_place(row) for row in await session.execute(_PLACES)]


async def set_password(session: AnySession, password_hash: str) -> None:
    """Replace the password of the account that the transaction speaks for."""
    await session.execute(_SET_PASSWORD, {"hash": password_hash})


async def open_session(
    session: AnySession,
    place: Place,
    browser: Browser,
    factor: Factor,
    token_digest: str,
    at: datetime,
    ends_at: datetime,
) -> None:
    """Remember a session of the account that the transaction speaks for, at one of its places."""
    values = {
        "digest": token_digest,
        "tenant": place.tenant_id,
        "staff": place.staff_id,
        "host": browser.host,
        "network": browser.network,
        "device": browser.device,
        "factor": factor,
        "at": at,
        "ends": ends_at,
    }
    await session.execute(_OPEN_SESSION, values)


async def find_session(token_digest: str, idle: timedelta, host: str) -> OpenSession | None:
    """A session of that host that has neither ended nor been idle for longer than `idle`."""
    rows = await lookups.ask(_FIND_SESSION, digest=token_digest, idle=idle, host=host)
    return _open_session(rows[0], token_digest) if rows else None


async def rotate_session(
    session: AnySession, sign_in: SignIn, token_digest: str, factor: Factor, at: datetime
) -> bool:
    """Give a session of the account a new token and a new proof; False when it has ended or has another token by now."""
    values = {
        "session": sign_in.session_id,
        "held": sign_in.held,
        "digest": token_digest,
        "factor": factor,
        "at": at,
    }
    return bool(await session.scalar(_ROTATE_SESSION, values))


async def move_session(session: AnySession, sign_in: SignIn, digest: str, tenant_id: uuid.UUID) -> bool:
    """Let a session of the account go on at another of its places, under a new token.

    False when the account has no such place, or the session has ended or has another token by now.
    """
    values = {"session": sign_in.session_id, "held": sign_in.held, "digest": digest, "tenant": tenant_id}
    return bool(await session.scalar(_MOVE_SESSION, values))


async def close_session(session: AnySession, token_digest: str) -> None:
    """Forget a session."""
    await session.execute(_CLOSE_SESSION, {"digest": token_digest})


async def sessions(session: AnySession, idle: timedelta) -> list[SessionView]:
    """The account's sessions that last, the one used last first."""
    return [
        SessionView(
            id=row.session_id,
            opened_at=row.opened_at,
            seen_at=row.seen_at,
            network=row.network,
            device=row.device,
            factor=Factor(row.factor),
        )
        for row in await session.execute(_SESSIONS, {"idle": idle})
    ]


async def end_session(session: AnySession, session_id: uuid.UUID) -> bool:
    """End one of the account's sessions; False when it has no such one."""
    return bool(await session.scalar(_END_SESSION, {"session": session_id}))


async def end_sessions(session: AnySession, but: uuid.UUID | None) -> int:
    """End the account's sessions, all but one where `but` names it; returns how many."""
    return int(await session.scalar(_END_SESSIONS, {"but": but}) or 0)


async def find_login(session: PublicSession, login: str) -> tuple[AccountId, str] | None:
    """Account and password hash of a login, whether it has a place of work or not."""
    row = (await session.execute(_FIND_LOGIN, {"login": login})).first()
    return row and (AccountId(row.account_id), row.password_hash)


async def count_try(session: PublicSession, subject: str) -> Counted:
    """One more try of a subject (a digest that only this product's key makes)."""
    row = (await session.execute(_COUNT_TRY, {"subject": subject})).one()
    return Counted(row.locked_until, row.refused, row.told)


async def forget_tries(session: AnySession, subject: str) -> None:
    """Nothing is counted for a subject."""
    await session.execute(_FORGET_TRIES, {"subject": subject})


async def join(session: TenantSession, account_id: AccountId, staff_id: StaffId) -> bool:
    """Give an account a place in the session's school; False when it has one there."""
    return bool(await session.scalar(_JOIN, {"account": account_id, "staff": staff_id}))


async def close_place(session: TenantSession, staff_id: StaffId) -> None:
    """End the sessions of a person of the session's school, and put their place aside."""
    await session.execute(_CLOSE_PLACE, {"staff": staff_id})


async def reopen_place(session: TenantSession, staff_id: StaffId) -> None:
    """Give a person of the session's school the place back that was put aside."""
    await session.execute(_REOPEN_PLACE, {"staff": staff_id})


async def account_news(
    session: TenantSession, staff_id: StaffId, since: datetime
) -> list[tuple[str, datetime]]:
    """Each kind of deed about a person's account in the school's audit since then, and when it was done last."""
    query = (
        select(AuditEvent.action, func.max(AuditEvent.at).label("at"))
        .where(*_deeds_about(session, staff_id), AuditEvent.at > since)
        .group_by(AuditEvent.action)
    )
    return [(row.action, row.at) for row in await session.execute(query)]


async def account_deeds(session: TenantSession, staff_id: StaffId) -> list[AccountDeed]:
    """The latest deeds about a person's account in the school's audit, newest first."""
    query = (
        select(AuditEvent.at, AuditEvent.action, AuditEvent.actor_name)
        .where(*_deeds_about(session, staff_id))
        .order_by(AuditEvent.at.desc(), AuditEvent.id.desc())
        .limit(MOST_DEEDS)
    )
    rows = await session.execute(query)
    return [AccountDeed(at=row.at, what=name_of(row.action), by=row.actor_name) for row in rows]


async def deeds_seen(session: AnySession) -> datetime | None:
    """Until when the person has seen what became of the account that the transaction speaks for."""
    seen: datetime | None = await session.scalar(_DEEDS_SEEN)
    return seen


async def see_deeds(session: AnySession, until: datetime) -> None:
    """They have seen it until then."""
    await session.execute(_SEE_DEEDS, {"until": until})


def _deeds_about(session: TenantSession, staff_id: StaffId) -> tuple[ColumnElement[bool], ...]:
    return (
        AuditEvent.tenant_id == session.tenant_id,
        AuditEvent.subject_id == staff_id,
        AuditEvent.action.in_(_TOLD),
        AuditEvent.outcome == Outcome.DONE.value,
    )


def _place(row: Any) -> Place:
    return Place(tenant_id=row.tenant_id, staff_id=StaffId(row.staff_id))


def _open_session(row: Any, held: str) -> OpenSession:
    sign_in = SignIn(
        session_id=row.session_id,
        held=held,
        account_id=row.account_id,
        factor=row.factor,
        verified_at=row.verified_at,
    )
    return OpenSession(place=_place(row), sign_in=sign_in)
