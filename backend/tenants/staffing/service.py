"""Taking people in and letting them go: invitations by a link, leaving, coming back."""

import uuid
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from backend.core import audit, clock
from backend.core.actor import Actor, Browser, StaffId, machine
from backend.core.audit import Action
from backend.core.crypto import text_digest
from backend.core.database import TenantId, TenantSession, public_session, tenant_session
from backend.core.errors import Conflict, NotFound, Unauthenticated
from backend.core.ids import new_id, new_token
from backend.tenants.access import service as access
from backend.tenants.access.schemas import AccountId
from backend.tenants.people import service as people
from backend.tenants.people.schemas import Newcomer, Staff
from backend.tenants.permissions import Role
from backend.tenants.schools import service as schools
from backend.tenants.staffing import queries, rules
from backend.tenants.staffing.schemas import (
    Invitation,
    InvitationId,
    InvitationState,
    OpenInvitation,
    SentInvitation,
    Staffing,
)
from backend.tenants.subscriptions import service as subscriptions


async def staffing(session: TenantSession) -> Staffing:
    """Who works at the school, who is asked to, who has left, and the seats."""
    return Staffing(
        staff=await people.list_staff(session),
        invitations=await queries.not_taken_up(session),
        former=await people.list_former(session),
        seats=await people.seats_of(session),
        subscription=await subscriptions.get(session),
    )


async def invite(
    session: TenantSession, actor: Actor, name: str, email: str, title: str, roles: Iterable[Role | str]
) -> SentInvitation:
    """Ask a person to join; the link with the token is passed on by whoever asks, and holds for seven days.

    Raises what `people.check_newcomer` raises, and Conflict while an earlier invitation to the address is open.
    """
    newcomer = await people.check_newcomer(session, actor, name, email, title, roles)
    now = clock.now()
    for earlier in await queries.not_taken_up(session):
        if earlier.email == newcomer.email and rules.state_of(earlier, now) is InvitationState.OPEN:
            raise Conflict(
                f"{earlier.full_name} ({earlier.email}) đã có lời mời còn hạn; "
                "hãy tạo liên kết mới hoặc thu hồi lời mời ấy trong danh sách nhân sự."
            )
    return await _send(session, actor, newcomer)


async def invite_owner(session: TenantSession, name: str, email: str) -> SentInvitation:
    """Ask the first owner of a school that was just opened to join; earlier links lead nowhere from now on.

    Raises Invalid, Conflict when somebody works at the school already: they invite the others.
    """
    if await people.list_staff(session):
        raise Conflict("Trường đã có người làm việc; chủ trường tự mời những người khác.")
    for earlier in await queries.not_taken_up(session):
        await queries.change(session, earlier.id, withdrawn_at=clock.now())
    newcomer = people.describe(name, email, "Chủ trường", [Role.OWNER])
    return await _send(session, machine(session.tenant_id), newcomer)


async def renew(session: TenantSession, actor: Actor, invitation_id: uuid.UUID) -> SentInvitation:
    """Another link for the same person, valid for seven days; the earlier link leads nowhere from now on.

    Raises NotFound, Conflict when the invitation was taken up or withdrawn, and what `people.check_newcomer` raises.
    """
    old = await _held(session, invitation_id)
    newcomer = await people.check_newcomer(session, actor, old.full_name, old.email, old.title, old.roles)
    await queries.change(session, old.id, withdrawn_at=clock.now())
    return await _send(session, actor, newcomer)


async def withdraw(session: TenantSession, actor: Actor, invitation_id: uuid.UUID) -> Invitation:
    """The link leads nowhere from now on.

    Raises NotFound, Forbidden for roles that the actor may not give, Conflict when it was taken up or withdrawn.
    """
    invitation = await _held(session, invitation_id)
    people.require_grant(actor, invitation.full_name, invitation.roles)
    await queries.change(session, invitation.id, withdrawn_at=clock.now())
    await _record(session, actor, Action.INVITATION_WITHDRAWN, invitation)
    return invitation


async def look_at(token: str, session_token: str, host: str) -> OpenInvitation:
    """The invitation of a link, for the person who opens it; `session_token` is the browser's at that host, if any.

    Raises NotFound for a link that was never made, Conflict for one that is expired, withdrawn or used, or whose
    sender may not give its roles any more.
    """
    tenant_id, invitation_id = await _where(token)
    signed_in_as = await _signed_in_as(session_token, host)
    async with tenant_session(tenant_id, read_only=True) as session:
        row = await queries.find(session, invitation_id)
        if row is None:
            raise NotFound(_UNKNOWN)
        invitation = queries.view(row)
        rules.require_open(invitation, clock.now())
        asked_by = await _sender(session, row.invited_by, invitation)
        school = await schools.get_school(session)
    return OpenInvitation(
        school_name=school.name,
        full_name=invitation.full_name,
        email=invitation.email,
        role_label=invitation.role_label,
        invited_by=asked_by.full_name if asked_by else "",
        expires_at=invitation.expires_at,
        signed_in_as=signed_in_as,
    )


async def accept_with_new_account(token: str, password: str) -> str:
    """Take up an invitation with a new account under the invited address; returns its login.

    Raises what `look_at` raises, Invalid for a weak password, Conflict when the address signs in already (then the
    person proves that it is theirs) or no seat is free.
    """
    async with _taking_up(token) as (session, invitation, staff_id):
        try:
            await access.create_account(session, staff_id, invitation.email, password)
        except Conflict:
            raise Conflict(
                f"Địa chỉ {invitation.email} đã có tài khoản, có thể từ một trường khác; "
                "xin chọn “Tôi đã có tài khoản” và nhập mật khẩu của tài khoản ấy."
            ) from None
    return invitation.email


async def accept_with_account(token: str, login: str, password: str, browser: Browser) -> None:
    """Take up an invitation with an account that the person has already, from another school or an earlier time.

    Raises what `look_at` raises, Unauthenticated, TooManyTries, Conflict when the account works here already or no
    seat is free.
    """
    await _where(token)
    account_id = await access.prove(login, password, browser)
    async with _taking_up(token) as (session, _, staff_id):
        await access.join(session, account_id, staff_id)


async def accept_with_session(token: str, session_token: str, host: str) -> None:
    """Take up an invitation with the account that is signed in. Raises as `accept_with_account`."""
    found = await access.find_session(session_token, host)
    if found is None:
        raise Unauthenticated("Phiên đăng nhập vừa hết; xin đăng nhập lại, hoặc nhập tài khoản và mật khẩu.")
    async with _taking_up(token) as (session, _, staff_id):
        await access.join(session, AccountId(found.sign_in.account_id), staff_id)


async def leave(session: TenantSession, actor: Actor, staff_id: StaffId) -> None:
    """The person leaves the school: sessions end at once, the seat is free, what they did stays under their name.

    Raises what `people.leave` raises.
    """
    await people.leave(session, actor, staff_id)
    await access.close_place(session, staff_id)


async def come_back(session: TenantSession, actor: Actor, staff_id: StaffId) -> str:
    """Somebody who had left works here again, with roles and account as they were; returns their name.

    Raises what `people.come_back` raises.
    """
    staff = await people.come_back(session, actor, staff_id)
    await access.reopen_place(session, staff_id)
    return staff.full_name


_UNKNOWN = "Không tìm thấy lời mời này; xin kiểm tra lại liên kết đã nhận."


async def _send(session: TenantSession, actor: Actor, newcomer: Newcomer) -> SentInvitation:
    token, now = new_token(), clock.now()
    invitation = Invitation(
        id=InvitationId(new_id()),
        email=newcomer.email,
        full_name=newcomer.full_name,
        title=newcomer.title,
        roles=newcomer.roles,
        invited_at=now,
        expires_at=now + rules.VALID,
    )
    await queries.insert_invitation(session, invitation, actor.staff_id, text_digest(token))
    await _record(session, actor, Action.INVITATION_SENT, invitation)
    return SentInvitation(token=token, full_name=newcomer.full_name, expires_at=invitation.expires_at)


async def _held(session: TenantSession, invitation_id: uuid.UUID) -> Invitation:
    """The invitation, which nobody takes up until this transaction ends; expired ones, too."""
    row = await queries.find(session, invitation_id, lock=True)
    if row is None:
        raise NotFound("Không tìm thấy lời mời này trong trường.")
    invitation = queries.view(row)
    if rules.state_of(invitation, clock.now()) is not InvitationState.EXPIRED:
        rules.require_open(invitation, clock.now())
    return invitation


@asynccontextmanager
async def _taking_up(token: str) -> AsyncIterator[tuple[TenantSession, Invitation, StaffId]]:
    """The transaction in which the invited person becomes staff; the block gives them an account or a place."""
    tenant_id, invitation_id = await _where(token)
    async with tenant_session(tenant_id) as session:
        row = await queries.find(session, invitation_id, lock=True)
        if row is None:
            raise NotFound(_UNKNOWN)
        invitation = queries.view(row)
        rules.require_open(invitation, clock.now())
        await _sender(session, row.invited_by, invitation)
        staff_id = await people.add_staff(
            session,
            machine(tenant_id),
            invitation.full_name,
            invitation.email,
            invitation.title,
            invitation.roles,
        )
        yield session, invitation, staff_id
        await queries.change(session, invitation.id, accepted_at=clock.now(), staff_id=staff_id)
        await _record(
            session, await people.actor_of(session, staff_id), Action.INVITATION_ACCEPTED, invitation
        )


async def _sender(
    session: TenantSession, invited_by: uuid.UUID | None, invitation: Invitation
) -> Staff | None:
    """Who stands behind an invitation today; None: the operator of the platform. Raises Conflict."""
    if invited_by is None:
        return None
    sender = await people.get_staff(session, StaffId(invited_by))
    rules.require_sender(sender, invitation)
    return sender


async def _where(token: str) -> tuple[TenantId, InvitationId]:
    async with public_session() as directory:
        found = await queries.find_token(directory, text_digest(token))
    if found is None:
        raise NotFound(_UNKNOWN)
    return found


async def _signed_in_as(session_token: str, host: str) -> str:
    found = await access.find_session(session_token, host) if session_token else None
    if found is None:
        return ""
    async with tenant_session(found.place.tenant_id, read_only=True) as session:
        return (await people.get_staff(session, found.place.staff_id)).full_name


async def _record(session: TenantSession, actor: Actor, action: Action, invitation: Invitation) -> None:
    await audit.record(
        session,
        actor,
        action,
        invitation.id,
        invitation.full_name,
        email=invitation.email,
        roles=invitation.role_label,
    )
