"""The ways in: password, password and code, passkey. Who signs in has no school yet, so these open transactions."""

import asyncio
import logging
import time
import uuid
from datetime import timedelta

import msgspec

from backend.core import audit, rate_limit, tickets
from backend.core.actor import Client, machine
from backend.core.audit import Action, Outcome
from backend.core.database import account_session, public_session, tenant_session
from backend.core.errors import Unauthenticated
from backend.tenants.access import passwords, queries
from backend.tenants.access.schemas import Account, CodeWanted, Entered, Place
from backend.tenants.access.service import (
    MAX_PASSWORD,
    REFUSAL_SECONDS,
    TRIES,
    WRONG,
    enter,
    normal,
    places_of,
)
from backend.tenants.factors import service as factors
from backend.tenants.factors.schemas import Factor, Shown
from backend.tenants.factors.service import Unproven

log = logging.getLogger(__name__)

#: One network may try passkeys so often: an office stands behind one address.
PASSKEY_TRIES = rate_limit.Limit(name="passkey", burst=60, per_seconds=60)
#: For so long a right password waits for its code.
CODE_LASTS = timedelta(minutes=5)

_TOO_LATE = "Lần đăng nhập này đã hết hạn; xin nhập lại tên đăng nhập và mật khẩu."
_ANYBODY = "sign-in"
_CODE = "sign-in code"


class Half(msgspec.Struct, frozen=True):
    """A sign-in whose password was right and whose code is still missing."""

    account_id: uuid.UUID


class WrongCode(Unproven):
    """The code is not right; `ticket` is for the next try."""

    def __init__(self, message: str, ticket: str) -> None:
        super().__init__(message)
        self.ticket = ticket


async def sign_in(login: str, password: str, client: Client, old_token: str = "") -> Entered | CodeWanted:
    """Check a login. The person is in, or a code is still wanted. The browser's old session is closed.

    Raises Unauthenticated (same words and time for an unknown login), TooManyTries at the sixth in a minute.
    """
    started = time.monotonic()
    await rate_limit.take(TRIES, f"{normal(login)} {client.network}")
    async with public_session() as directory:
        account = await queries.find_account(directory, normal(login))
    right = await passwords.matches(account.password_hash if account else None, password[: MAX_PASSWORD + 1])
    if account is None or not right:
        await _refuse(account, started)
        raise Unauthenticated(WRONG)
    async with account_session(account.id) as directory:
        means = await factors.means(directory)
    if means.authenticator is not None:
        return CodeWanted(await _half(account.id))
    return await _entered(account.id, client, Factor.PASSWORD, old_token)


async def sign_in_with_code(ticket: str, code: str, client: Client, old_token: str = "") -> Entered:
    """The second half of a sign-in: a one-time code, or a recovery code in its place.

    Raises WrongCode, Unauthenticated when the first half is too long ago, TooManyTries.
    """
    half = await tickets.take(_CODE, ticket, Half)
    if half is None:
        raise Unauthenticated(_TOO_LATE)
    account_id = half.content.account_id
    try:
        shown = await _check(account_id, code)
    except Unproven as error:
        await _record_refusals(account_id, "code")
        raise WrongCode(error.message, await _half(account_id)) from None
    return await _entered(account_id, client, shown.factor, old_token)


async def passkey_question(client: Client) -> str:
    """Options for the browser's passkey, whoever holds it. Raises TooManyTries."""
    await rate_limit.take(PASSKEY_TRIES, client.network)
    return await factors.question(_ANYBODY)


async def sign_in_with_passkey(answer: str, client: Client, old_token: str = "") -> Entered:
    """The browser's answer. Raises Unproven, TooManyTries."""
    await rate_limit.take(PASSKEY_TRIES, client.network)
    shown = await factors.check_passkey(answer, _ANYBODY)
    return await _entered(shown.account_id, client, shown.factor, old_token)


async def _entered(account_id: uuid.UUID, client: Client, factor: Factor, old_token: str) -> Entered:
    token = await enter(account_id, client, factor, old_token)
    return Entered(token, has_choice=len(await places_of(account_id)) > 1)


async def _check(account_id: uuid.UUID, code: str) -> Shown:
    if factors.is_recovery_code(code):
        return await factors.check_recovery_code(account_id, code)
    return await factors.check_code(account_id, code)


async def _half(account_id: uuid.UUID) -> str:
    async with account_session(account_id) as directory:
        return await tickets.issue(directory, _CODE, Half(account_id), CODE_LASTS)


async def _refuse(account: Account | None, started: float) -> None:
    if account is None:
        log.info("sign-in refused: unknown login")
    else:
        await _record_refusal(account.place, "password")
    await asyncio.sleep(started + REFUSAL_SECONDS - time.monotonic())


async def _record_refusals(account_id: uuid.UUID, what: str) -> None:
    async with account_session(account_id) as directory:
        places = await queries.places(directory)
    for place in places[:1]:
        await _record_refusal(place, what)


async def _record_refusal(place: Place, what: str) -> None:
    async with tenant_session(place.tenant_id) as session:
        actor = machine(place.tenant_id)
        await audit.record(
            session, actor, Action.SIGN_IN_REFUSED, place.staff_id, outcome=Outcome.REFUSED, factor=what
        )
