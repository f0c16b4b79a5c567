"""Wrong passwords and codes of one login, over all networks: after some of them it is locked for a while.

A try counts as wrong from its beginning until it has proved right, so many tries at once get no more than their number.
Logins that nobody has are counted alike. A browser in which the person has signed in before is counted by itself, so
that no stranger's tries lock them out there. A passkey is never locked: nobody guesses one.
"""

import logging
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from backend.core import audit, clock, settings
from backend.core.actor import machine
from backend.core.audit import Action
from backend.core.clock import VIETNAM
from backend.core.crypto import keyed_digest
from backend.core.database import (
    PublicSession,
    TenantSession,
    account_session,
    public_session,
    tenant_session,
)
from backend.core.rate_limit import TooManyTries
from backend.tenants.access import queries
from backend.tenants.factors.service import Unproven

log = logging.getLogger(__name__)


class Locked(TooManyTries):
    """No password and no code counts until then, right or wrong. `told`: this one is to be written down."""

    def __init__(self, until: datetime, *, told: bool = False) -> None:
        super().__init__(max(1, int((until - clock.now()).total_seconds())))
        self.told = told
        self.message = (
            f"Đã nhập sai quá nhiều lần nên mật khẩu và mã bị khóa đến {until.astimezone(VIETNAM):%H:%M ngày %d/%m/%Y}; "
            "xin chờ đến lúc đó, dùng khóa truy cập, hoặc nhờ nhà trường cấp đường dẫn đặt lại."
        )


def signing_in(login: str, number: str = "") -> str:
    """Whoever signs in as `login`, as it is kept: strangers all together, a browser that is known by its number."""
    return _subject(f"sign-in {login} {number}")


def proving(account_id: uuid.UUID) -> str:
    """Whoever is signed in and proves once more who they are: a stranger at the sign-in does not lock them out."""
    return _subject(f"proof {account_id}")


async def count(subject: str) -> datetime | None:
    """One try. Raises Locked. Returns until when the subject is locked unless this one proves right."""
    async with public_session() as directory:
        counted = await queries.count_try(directory, subject)
    if counted.refused:
        assert counted.locked_until is not None
        raise Locked(counted.locked_until, told=counted.told)
    return counted.locked_until


async def forget(directory: PublicSession | TenantSession, *subjects: str) -> None:
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


def _subject(text: str) -> str:
    return keyed_digest(settings.get().secret_key, "tries", text)
