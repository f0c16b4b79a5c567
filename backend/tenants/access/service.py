"""Signing in and out with a local account: who signs in has no school yet, so these open transactions."""

import asyncio
import logging
import time
import uuid
from datetime import timedelta

from backend.core import audit, clock, rate_limit
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action, Outcome
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession, public_session, tenant_session
from backend.core.errors import Conflict, Invalid, NotFound, Unauthenticated
from backend.core.ids import new_token
from backend.tenants.access import passwords, queries
from backend.tenants.access.schemas import Account, AccountId, Place
from backend.tenants.people import service as people

log = logging.getLogger(__name__)

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=12)
MIN_PASSWORD = 10
#: Longer input is refused unread: nobody types it, and hashing it costs.
MAX_PASSWORD = 200
TRIES = rate_limit.Limit(name="sign-in", burst=5, per_seconds=60)
#: Every refusal takes this long, so that its time does not tell which logins exist.
REFUSAL_SECONDS = 0.4

_WRONG = "Tên đăng nhập hoặc mật khẩu chưa đúng; xin kiểm tra rồi nhập lại."

_WORKS_HERE = (
    "Tài khoản này đã có chỗ làm việc ở trường, hoặc phiên đăng nhập vừa hết; "
    "xin đăng nhập lại, hoặc dùng tài khoản khác."
)


async def create_account(session: TenantSession, staff_id: StaffId, login: str, password: str) -> AccountId:
    """Let a person of the school sign in under `login` (any case).

    Raises NotFound for a stranger, Invalid for a password under 10 characters, Conflict for a login in use.
    """
    staff = await people.get_staff(session, staff_id)
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise Invalid(f"Mật khẩu của {staff.full_name} phải có từ {MIN_PASSWORD} đến {MAX_PASSWORD} ký tự.")
    password_hash = await passwords.hashed(password)
    account_id = await queries.create_account(session, staff_id, _normal(login), password_hash)
    if account_id is None:
        raise Conflict(f"Tên đăng nhập {_normal(login)} đã có người dùng; xin chọn tên khác.")
    return account_id


async def sign_in(login: str, password: str, network: str, old_token: str = "") -> str:
    """Check a login and open a session; returns the token for its cookie. The browser's old one is closed.

    Raises Unauthenticated (same words and time for an unknown login), TooManyTries at the sixth in a minute.
    """
    started = time.monotonic()
    await rate_limit.take(TRIES, f"{_normal(login)} {network}")
    async with public_session() as directory:
        account = await queries.find_account(directory, _normal(login))
    right = await passwords.matches(account.password_hash if account else None, password[: MAX_PASSWORD + 1])
    if account is None or not right:
        await _refuse(account, started)
        raise Unauthenticated(_WRONG)
    token = await _open(account, old_token)
    async with tenant_session(account.place.tenant_id) as session:
        actor = await people.actor_of(session, account.place.staff_id)
        await audit.record(session, actor, Action.SIGN_IN, actor.staff_id, actor.name)
    return token


async def prove(login: str, password: str, network: str) -> AccountId:
    """The account of somebody who knows its password, whether it has a place of work or not; opens no session.

    Raises Unauthenticated (same words and time for an unknown login), TooManyTries at the sixth in a minute.
    """
    started = time.monotonic()
    await rate_limit.take(TRIES, f"{_normal(login)} {network}")
    async with public_session() as directory:
        found = await queries.find_login(directory, _normal(login))
    right = await passwords.matches(found[1] if found else None, password[: MAX_PASSWORD + 1])
    if found is None or not right:
        await _refuse(None, started)
        raise Unauthenticated(_WRONG)
    return found[0]


async def join(session: TenantSession, account_id: AccountId, staff_id: StaffId) -> None:
    """Let an account sign in as a person of the school. Raises Conflict when it works there already."""
    if not await queries.join(session, account_id, staff_id):
        raise Conflict(_WORKS_HERE)


async def join_signed_in(session: TenantSession, token: str, staff_id: StaffId) -> None:
    """The same for the account of a running session. Raises Conflict also when the session has ended."""
    if not await queries.join_by_session(session, _digest(token), IDLE, staff_id):
        raise Conflict(_WORKS_HERE)


async def places_of(token: str) -> list[Place]:
    """All places of work of whoever holds the token; none once the session has ended."""
    async with public_session() as directory:
        return await queries.places_of(directory, _digest(token), IDLE)


async def move(token: str, tenant_id: uuid.UUID) -> str:
    """The session goes on in another school of its account, under a new token. Raises NotFound for other schools."""
    moved = new_token()
    async with public_session() as directory:
        if not await queries.move_session(directory, _digest(token), IDLE, _digest(moved), tenant_id):
            raise NotFound("Tài khoản này không làm việc ở trường vừa chọn.")
    return moved


async def close_place(session: TenantSession, staff_id: StaffId) -> None:
    """A person has left: their sessions end at once, and their account no longer leads to this school."""
    await queries.close_place(session, staff_id)


async def reopen_place(session: TenantSession, staff_id: StaffId) -> None:
    """A person has come back: the account that they had leads to this school again."""
    await queries.reopen_place(session, staff_id)


async def find_session(token: str) -> Place | None:
    """Where the holder of the token works, while the session lasts: 12 hours at most, 30 minutes unused."""
    return await queries.find_session(_digest(token), IDLE)


async def sign_out(session: TenantSession, actor: Actor, token: str) -> None:
    """End the session of the token."""
    async with public_session() as directory:
        await queries.close_session(directory, _digest(token))
    await audit.record(session, actor, Action.SIGN_OUT, actor.staff_id, actor.name)


async def _open(account: Account, old_token: str) -> str:
    token = new_token()
    async with public_session() as directory:
        if old_token:
            await queries.close_session(directory, _digest(old_token))
        await queries.open_session(directory, account, _digest(token), clock.now() + LONGEST)
    return token


async def _refuse(account: Account | None, started: float) -> None:
    if account is None:
        log.info("sign-in refused: unknown login")
    else:
        await _record_refusal(account.place.tenant_id, account.place.staff_id)
    await asyncio.sleep(started + REFUSAL_SECONDS - time.monotonic())


async def _record_refusal(tenant_id: uuid.UUID, staff_id: StaffId) -> None:
    async with tenant_session(tenant_id) as session:
        actor = machine(tenant_id)
        await audit.record(session, actor, Action.SIGN_IN_REFUSED, staff_id, outcome=Outcome.REFUSED)


def _normal(login: str) -> str:
    return login.strip().lower()


def _digest(token: str) -> str:
    return sha256_hex(token.encode())
