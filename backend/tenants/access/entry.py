"""The ways in: password, password and code, passkey. Who signs in has no school yet, so these open transactions."""

import asyncio
import logging
import time
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from backend.core import audit, clock, rate_limit, tickets
from backend.core.actor import Browser, machine
from backend.core.audit import Action, Outcome
from backend.core.crypto import text_digest
from backend.core.database import account_session, public_session, speak_for, tenant_session
from backend.core.errors import Unauthenticated
from backend.core.ids import new_token
from backend.tenants.access import known_browsers, news, passwords, queries, rules, tries
from backend.tenants.access.schemas import TYPED, AccountId, CodeWanted, Entered, Place
from backend.tenants.access.tries import Locked
from backend.tenants.factors import service as factors
from backend.tenants.factors.schemas import Factor, Shown
from backend.tenants.factors.service import Unproven
from backend.tenants.people import service as people

log = logging.getLogger(__name__)

#: A session ends after so long, used or not.
LONGEST = timedelta(hours=12)
#: Tries with a password, by login and network.
TRIES = rate_limit.Limit(name="sign-in", burst=5, per_seconds=60)
#: Every refusal takes this long, so that its time does not tell which logins exist.
REFUSAL_SECONDS = 0.4
WRONG = "Tên đăng nhập hoặc mật khẩu chưa đúng; xin kiểm tra rồi nhập lại."
#: One network may try passkeys so often: an office stands behind one address.
PASSKEY_TRIES = rate_limit.Limit(name="passkey", burst=60, per_seconds=60)
#: For so long a right password waits for its code.
CODE_LASTS = timedelta(minutes=5)

_NO_PLACE = "Tài khoản này không còn làm việc ở trường nào; xin liên hệ nhà trường."
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

    Raises what `prove` raises.
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
    try:
        shown = await factors.check_passkey(answer, _ANYBODY)
    except Unproven as error:
        await refused(error.account_id, Factor.PASSKEY, None)
        raise
    return await enter(shown.account_id, browser, shown.factor, old_token)


async def prove(login: str, password: str, browser: Browser) -> AccountId:
    """The account of somebody who knows its password, whether it has a place of work or not; opens no session.

    Raises Unauthenticated (same words and time for an unknown login), TooManyTries at the sixth in a minute, Locked.
    """
    started, login = time.monotonic(), rules.normal(login)
    await rate_limit.take(TRIES, f"{login} {browser.network}")
    async with public_session() as directory:
        found = await queries.find_login(directory, login)
    account_id, password_hash = found or (None, None)
    try:
        locked_until = await count_try(login, account_id, password_hash or "", "password", browser)
        if (
            not await passwords.matches(password_hash, password[: rules.MAX_PASSWORD + 1])
            or account_id is None
        ):
            raise await refused(account_id, "password", locked_until) or Unauthenticated(WRONG)
    except (Unauthenticated, Locked):
        await asyncio.sleep(started + REFUSAL_SECONDS - time.monotonic())
        raise
    return account_id


async def count_try(
    login: str, account_id: uuid.UUID | None, password_hash: str, what: str, browser: Browser
) -> datetime | None:
    """One try to sign in, of strangers or of a browser that is known. Raises Locked; returns what `tries.count` does.

    Tries that a lock refuses are in the log and in the audit, too, once a minute.
    """
    number = known_browsers.number_of(browser.known, account_id, password_hash) if account_id else ""
    try:
        return await tries.count(tries.signing_in(login, number))
    except Locked as locked:
        if locked.told:
            await refused(account_id, what, None, locked=1)
        raise


async def refused(
    account_id: uuid.UUID | None, what: str, locked_until: datetime | None, locked: int | None = None
) -> Locked | None:
    """Write down a sign-in that was refused, and the lock that it brought; returns what that lock raises.

    `locked` is 1 where an earlier lock refused it, whatever was typed.
    """
    if account_id is None:
        log.info("sign-in refused: nobody's", extra={"kind": what})
    for place in (await _places(account_id))[:1] if account_id else ():
        async with tenant_session(place.tenant_id) as session:
            actor, deed = machine(place.tenant_id), Action.SIGN_IN_REFUSED
            await audit.record(
                session, actor, deed, place.staff_id, outcome=Outcome.REFUSED, factor=what, locked=locked
            )
    return None if locked_until is None else await tries.lock_out(account_id, locked_until)


async def enter(
    account_id: uuid.UUID,
    browser: Browser,
    factor: Factor,
    old_token: str = "",
    only_at: uuid.UUID | None = None,
) -> Entered:
    """Open a session for an account that has just proved itself by `factor`.

    `only_at` is the one school that believes this proof. The browser's old session is closed. Raises Unauthenticated
    when the account has no place of work, or none at that school.
    """
    token, now = new_token(), clock.now()
    async with account_session(account_id) as directory:
        everywhere, seen_until = await queries.places(directory), await queries.deeds_seen(directory)
    places = [one for one in everywhere if only_at in (None, one.tenant_id)]
    if not places:
        raise Unauthenticated(_NO_PLACE)
    place = await _first_open(places)
    told = await news.told(everywhere, rules.told_since(seen_until, now))
    # One transaction: nobody is in without a row in the audit.
    async with tenant_session(place.tenant_id) as session:
        await speak_for(session, account_id)
        if old_token:
            await queries.close_session(session, text_digest(old_token))
        await queries.open_session(session, place, browser, factor, text_digest(token), now, now + LONGEST)
        login, password_hash = await queries.login_of(session) or ("", "")
        if factor in TYPED:
            number = known_browsers.number_of(browser.known, account_id, password_hash)
            await tries.forget(session, tries.signing_in(login, number))
        actor = await people.actor_of(session, place.staff_id)
        await audit.record(session, actor, Action.SIGN_IN, actor.staff_id, actor.name, factor=factor)
        if factor is Factor.RECOVERY_CODE:
            await audit.record(session, actor, Action.RECOVERY_CODE_USED, actor.staff_id, actor.name)
    known = known_browsers.cookie_of(browser.known, account_id, password_hash)
    return Entered(token, known, has_choice=len(places) > 1, news=told)


async def _first_open(places: Sequence[Place]) -> Place:
    """Where somebody begins to work: at a school that is open, where there is one."""
    if len(places) > 1:
        for place in places:
            async with tenant_session(place.tenant_id, read_only=True) as session:
                if not (await people.workplace_of(session, place.staff_id)).closed:
                    return place
    return places[0]


async def _places(account_id: uuid.UUID) -> list[Place]:
    async with account_session(account_id) as directory:
        return await queries.places(directory)


async def _check(account_id: uuid.UUID, code: str) -> Shown:
    if factors.is_recovery_code(code):
        return await factors.check_recovery_code(account_id, code)
    return await factors.check_code(account_id, code)


async def _half(account_id: uuid.UUID) -> str:
    async with account_session(account_id) as directory:
        return await tickets.issue(directory, _CODE, Half(account_id), CODE_LASTS)
