"""Giving an account back to somebody who has lost everything: a link for one new password, handed over in person.

Nobody gets a signature by it: the person's factors end with it, and new ones sign a day later at the earliest.
"""

import uuid
from collections.abc import Iterable
from datetime import timedelta

import msgspec

from backend.core import audit, clock, rate_limit, settings, tickets
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action
from backend.core.database import (
    PublicSession,
    TenantSession,
    account_session,
    platform_session,
    speak_for,
    tenant_session,
)
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.tenants.access import service as access
from backend.tenants.access.schemas import Place
from backend.tenants.account import queries, rules
from backend.tenants.account.schemas import NewPasswordForm
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Staff

LINK_LASTS = timedelta(hours=24)
#: Tries with links, by network.
TRIES = rate_limit.Limit(name="reset", burst=10, per_seconds=60)
#: Who issues a link from the command line, in the audit.
OPERATOR = "Đơn vị vận hành"

_RESET = "reset"
_USED = "Đường dẫn này đã được dùng hoặc đã quá 24 giờ; xin nhà trường cấp đường dẫn mới."
_SHARED = (
    "Từ khi có đường dẫn này, tài khoản của bạn đã làm việc ở trường khác; "
    "xin nhờ đơn vị vận hành cấp đường dẫn mới."
)


class Reset(msgspec.Struct, frozen=True):
    """Which school gave out a link for its account; None: the operator of the platform."""

    tenant_id: uuid.UUID | None


async def list_people(session: TenantSession, actor: Actor) -> list[Staff]:
    """Those whose account this person may give back."""
    return [one for one in await people.list_staff(session) if _may(actor, one)]


async def issue_link(session: TenantSession, actor: Actor, staff_id: uuid.UUID) -> tuple[Staff, str]:
    """A link for a person of the school, to be handed over in person; shown this once.

    Raises NotFound for a stranger, Forbidden for oneself and for whoever has a role that one may not give, Conflict where
    the school may not.
    """
    person = await people.get_staff(session, StaffId(staff_id))
    if not _may(actor, person):
        raise Forbidden(f"Bạn không đặt lại được tài khoản của {person.full_name}; xin nhờ chủ trường.")
    account_id = await queries.account_of(session, person.id)
    if account_id is None:
        raise Conflict(
            f"{person.full_name} chưa có tài khoản, hoặc tài khoản dùng chung với trường khác; "
            "khi đó xin nhờ đơn vị vận hành đặt lại."
        )
    await speak_for(session, account_id)
    token = await tickets.issue(session, _RESET, Reset(session.tenant_id), LINK_LASTS)
    await audit.record(session, actor, Action.RESET_ISSUED, person.id, person.full_name)
    return person, _address(token)


async def issue_link_by_operator(operator: str, login: str) -> str:
    """A link for any login, the last owner's too. Raises NotFound.

    It stands in the platform's audit before there is a link, and in the audit of each of the person's schools.
    """
    async with platform_session() as platform:
        account_id = await queries.account_to_reset(platform, operator, access.normal(login))
    if account_id is None:
        raise NotFound(f"Không có tài khoản nào có tên đăng nhập {login}.")
    async with account_session(account_id) as directory:
        token = await tickets.issue(directory, _RESET, Reset(None), LINK_LASTS)
    await _record_at(await access.places_of(account_id), Action.RESET_ISSUED, OPERATOR)
    return _address(token)


async def use_link(token: str, form: NewPasswordForm, network: str) -> None:
    """Set the new password: factors and sessions of the account end. Raises Invalid, TooManyTries.

    A password that cannot be taken does not use the link up.
    """
    await rate_limit.take(TRIES, network)
    if form.chosen != form.again:
        raise Invalid("Hai lần nhập mật khẩu mới chưa giống nhau; xin nhập lại.")
    password_hash = await access.new_password(form.chosen, "bạn")
    ticket = await tickets.take(_RESET, token, Reset)
    if ticket is None or ticket.account_id is None:
        raise Invalid(_USED)
    places = await access.places_of(ticket.account_id)
    if not rules.may_use(ticket.content.tenant_id, [place.tenant_id for place in places]):
        raise Invalid(_SHARED)
    if not places:
        async with account_session(ticket.account_id) as directory:
            await _give_back(directory, ticket.account_id, password_hash)
        return
    # One transaction: where somebody works there is no new password without a row in the audit.
    async with tenant_session(places[0].tenant_id) as session:
        await speak_for(session, ticket.account_id)
        await _give_back(session, ticket.account_id, password_hash)
        await _record(session, places[0], Action.ACCOUNT_RESET)
    await _record_at(places[1:], Action.ACCOUNT_RESET)


async def _give_back(
    session: TenantSession | PublicSession, account_id: uuid.UUID, password_hash: str
) -> None:
    await queries.reset(session, password_hash, clock.now())
    await access.unlock(session, account_id)


async def _record_at(places: Iterable[Place], action: Action, by: str = "") -> None:
    for place in places:
        async with tenant_session(place.tenant_id) as session:
            await _record(session, place, action, by)


async def _record(session: TenantSession, place: Place, action: Action, by: str = "") -> None:
    """In the audit of a school where the account works; by the person, unless it says otherwise."""
    person = await people.actor_of(session, place.staff_id)
    actor = msgspec.structs.replace(machine(place.tenant_id), name=by) if by else person
    await audit.record(session, actor, action, person.staff_id, person.name)


def _may(actor: Actor, person: Staff) -> bool:
    return person.id != actor.staff_id and rules.may_reset(actor.roles, person.roles)


def _address(token: str) -> str:
    return f"{settings.get().public_url}/dat-lai/{token}"
