"""What became of an account lately, as its person is told: at the sign-in, and on the page about their account."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from backend.core import clock
from backend.core.actor import SignIn
from backend.core.audit_words import name_of
from backend.core.database import TenantSession, account_session, speak_for, tenant_session
from backend.tenants.access import queries, rules
from backend.tenants.access.schemas import MOST_DEEDS, AccountDeed, AccountNews, Place


async def of_account(account_id: uuid.UUID) -> AccountNews:
    """What became of an account lately, in any of its schools, newest first."""
    async with account_session(account_id) as directory:
        places, seen_until = await queries.places(directory), await queries.deeds_seen(directory)
    found: list[AccountDeed] = []
    for place in places:
        async with tenant_session(place.tenant_id, read_only=True) as session:
            found += await queries.account_deeds(session, place.staff_id)
    deeds = sorted(found, key=lambda one: one.at, reverse=True)[:MOST_DEEDS]
    now = clock.now()
    told = [one.at for one in deeds if one.at > rules.told_since(seen_until, now)]
    return AccountNews(
        deeds=tuple(deeds),
        waits=any(at <= rules.may_be_seen(now) for at in told),
        fresh=any(at > rules.may_be_seen(now) for at in told),
    )


async def see(session: TenantSession, sign_in: SignIn) -> None:
    """The person has seen what became of their account, but for what is too young."""
    await speak_for(session, sign_in.account_id)
    await queries.see_deeds(session, rules.may_be_seen(clock.now()))


async def told(places: Sequence[Place], since: datetime) -> str:
    """Every kind of deed once: many of one kind hide no other."""
    last: dict[str, datetime] = {}
    for place in places:
        async with tenant_session(place.tenant_id, read_only=True) as session:
            for action, at in await queries.account_news(session, place.staff_id, since):
                last[action] = max(at, last.get(action, at))
    if not last:
        return ""
    newest_first = sorted(last.items(), key=lambda one: one[1], reverse=True)
    told = "; ".join(
        f"{name_of(action)} ({at.astimezone(clock.VIETNAM):%H:%M %d/%m/%Y})" for action, at in newest_first
    )
    return (
        f"Tài khoản có việc mới: {told}. Xin mở Tài khoản của tôi để kiểm tra; "
        "nếu có việc không phải bạn làm, xin báo nhà trường."
    )
