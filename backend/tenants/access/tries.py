"""Wrong passwords and codes of one login, over all networks: after some of them it is locked for a while.

A try counts as wrong from its beginning until it has proved right, so many tries at once get no more than their number.
Logins that nobody has are counted alike. A passkey is never locked: nobody guesses one.
"""

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from backend.core import audit, clock
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.clock import VIETNAM
from backend.core.crypto import text_digest
from backend.core.database import PublicSession, account_session, public_session, tenant_session
from backend.core.rate_limit import TooManyTries
from backend.tenants.access import queries, rules
from backend.tenants.factors.service import Unproven

log = logging.getLogger(__name__)


class Locked(TooManyTries):
    """No password and no code counts until then, right or wrong."""

    def __init__(self, until: datetime) -> None:
        super().__init__(max(1, int((until - clock.now()).total_seconds())))
        self.message = (
            f"Đã nhập sai quá nhiều lần nên mật khẩu và mã bị khóa đến {until.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}; "
            "xin chờ đến lúc đó, dùng khóa truy cập, hoặc nhờ nhà trường cấp đường dẫn đặt lại."
        )


def signing_in(login: str) -> str:
    """Whoever signs in as `login`, as it is kept."""
    return text_digest(f"sign-in {login}")


def proving(account_id: uuid.UUID) -> str:
    """Whoever is signed in and proves once more who they are: a stranger at the sign-in does not lock them out."""
    return text_digest(f"proof {account_id}")


async def count(subject: str) -> datetime | None:
    """One try. Raises Locked. Returns until when the subject is locked unless this one proves right."""
    now = clock.now()
    async with public_session() as directory:
        before = await queries.hold_tries(directory, subject)
        if before.locked_until is not None and before.locked_until > now:
            raise Locked(before.locked_until)
        after = rules.one_more(before, now)
        await queries.put_tries(directory, subject, after, now + rules.MEMORY)
    return after.locked_until


async def forget(directory: PublicSession, *subjects: str) -> None:
    """The last try was right, or the account was given back: what was counted is gone, and a lock with it."""
    for subject in subjects:
        await queries.forget_tries(directory, subject)


async def lock_out(account_id: uuid.UUID | None, until: datetime) -> Locked:
    """Say in the log, and in the audit of each of the person's schools, that they are locked; returns what to raise."""
    log.warning("sign-in locked")
    if account_id is None:
        return Locked(until)
    async with account_session(account_id) as directory:
        places = await queries.places(directory)
    for place in places:
        async with tenant_session(place.tenant_id) as session:
            await audit.record(session, machine(place.tenant_id), Action.ACCOUNT_LOCKED, place.staff_id)
    return Locked(until)


@asynccontextmanager
async def proof(account_id: uuid.UUID) -> AsyncIterator[None]:
    """One try of somebody who is signed in. Raises Locked before it, and in place of Unproven where it locks."""
    subject = proving(account_id)
    locked_until = await count(subject)
    try:
        yield
    except Unproven:
        if locked_until is not None:
            raise await lock_out(account_id, locked_until) from None
        raise
    async with public_session() as directory:
        await forget(directory, subject)
