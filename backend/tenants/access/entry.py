"""The ways in: password, password and code, passkey. Who signs in has no school yet, so these open transactions."""

import uuid
from datetime import timedelta

import msgspec

from backend.core import rate_limit, tickets
from backend.core.actor import Browser
from backend.core.database import account_session
from backend.core.errors import Unauthenticated
from backend.tenants.access import queries
from backend.tenants.access.schemas import CodeWanted, Entered
from backend.tenants.access.service import count_try, enter, prove, refused
from backend.tenants.factors import service as factors
from backend.tenants.factors.schemas import Factor, Shown
from backend.tenants.factors.service import Unproven

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


async def sign_in(login: str, password: str, browser: Browser, old_token: str = "") -> Entered | CodeWanted:
    """Check a login. The person is in, or a code is still wanted. The browser's old session is closed.

    Raises what `service.prove` raises.
    """
    account_id = await prove(login, password, browser)
    async with account_session(account_id) as directory:
        means = await factors.means(directory)
    if means.authenticator is not None:
        return CodeWanted(await _half(account_id))
    return await enter(account_id, browser, Factor.PASSWORD, old_token)


async def sign_in_with_code(ticket: str, code: str, browser: Browser, old_token: str = "") -> Entered:
    """The second half of a sign-in: a one-time code, or a recovery code in its place.

    Raises WrongCode, Unauthenticated when the first half is too long ago, TooManyTries, Locked.
    """
    half = await tickets.take(_CODE, ticket, Half)
    if half is None:
        raise Unauthenticated(_TOO_LATE)
    account_id = half.content.account_id
    async with account_session(account_id) as directory:
        login, password_hash = await queries.login_of(directory) or ("", "")
    locked_until = await count_try(login, account_id, password_hash, "code", browser)
    try:
        shown = await _check(account_id, code)
    except Unproven as error:
        locked = await refused(account_id, "code", locked_until)
        raise locked or WrongCode(error.message, await _half(account_id)) from None
    return await enter(account_id, browser, shown.factor, old_token)


async def passkey_question(browser: Browser) -> str:
    """Options for the browser's passkey, whoever holds it. Raises TooManyTries."""
    await rate_limit.take(PASSKEY_TRIES, browser.network)
    return await factors.question(_ANYBODY)


async def sign_in_with_passkey(answer: str, browser: Browser, old_token: str = "") -> Entered:
    """The browser's answer. Raises Unproven, TooManyTries."""
    await rate_limit.take(PASSKEY_TRIES, browser.network)
    shown = await factors.check_passkey(answer, _ANYBODY)
    return await enter(shown.account_id, browser, shown.factor, old_token)


async def _check(account_id: uuid.UUID, code: str) -> Shown:
    if factors.is_recovery_code(code):
        return await factors.check_recovery_code(account_id, code)
    return await factors.check_code(account_id, code)


async def _half(account_id: uuid.UUID) -> str:
    async with account_session(account_id) as directory:
        return await tickets.issue(directory, _CODE, Half(account_id), CODE_LASTS)
