"""A school's connection to its Authority: what is bound, whether it answers, when it last did."""

import asyncio
import uuid
from collections.abc import Mapping
from datetime import datetime

import msgspec

from backend.core import outbox
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Conflict
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import BindingId, BindingView, BoundAuthority, Trial
from backend.integrations.connections.events import TrialAsked
from backend.integrations.deliveries import service as deliveries
from backend.integrations.profiles.schemas import Profile
from backend.tenants.people import service as people


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """The connection as its page shows it. Without a binding the sandbox of the platform is used, or nothing.

    `waiting`: why nothing goes out at the moment.
    """

    name: str
    binding: BindingView | None
    bound_by: str | None
    last_answer: datetime | None
    waiting: str
    offered: list[Profile]


async def look(session: TenantSession) -> Connection:
    """How the school reports."""
    binding = await authorities.open_binding(session)
    staff: dict[uuid.UUID, str] = (
        {one.id: one.full_name for one in await people.list_staff(session)} if binding else {}
    )
    return Connection(
        name=await authorities.name_of_current(session),
        binding=binding,
        bound_by=staff.get(binding.bound_by) if binding and binding.bound_by else None,
        last_answer=await deliveries.last_answer(session),
        waiting=await deliveries.why_waiting(session, binding.profile) if binding else "",
        # Read and tried the first time, which takes a second that others need not wait for.
        offered=await asyncio.to_thread(authorities.offered),
    )


async def bind(
    session: TenantSession,
    actor: Actor,
    profile_id: str,
    parameters: Mapping[str, str],
    secrets: Mapping[str, str],
) -> None:
    """Report through another profile, or with other secrets, from now on; the Authority is asked at once.

    Raises Invalid.
    """
    binding_id = await authorities.bind(session, actor, profile_id, parameters, secrets)
    if not is_portal(authorities.published_profile(profile_id)):
        await outbox.emit(session, TrialAsked(binding_id))


async def ask_to_try(session: TenantSession) -> None:
    """Have the Authority asked whether it answers. Raises Conflict without a binding."""
    binding = await authorities.open_binding(session)
    if binding is None:
        raise Conflict(
            "Trường chưa kết nối cơ quan tiếp nhận; hãy chọn cơ quan và điền thông tin trước khi thử."
        )
    if is_portal(binding.profile):
        raise Conflict("Cổng này do người nộp mở bằng trình duyệt; hệ thống không thử kết nối thay được.")
    await outbox.emit(session, TrialAsked(binding.id))


def is_portal(profile: Profile) -> bool:
    """Whether a person carries what is sent: then there is nothing to try."""
    return profile.transport.kind == "manual_portal"


async def to_try(session: TenantSession, binding_id: BindingId) -> BoundAuthority | None:
    """Whom to ask; None when the binding has ended since. Raises NotFound for one that this school never had."""
    await authorities.require_binding(session, binding_id)
    binding = await authorities.open_binding(session)
    return await authorities.bound_authority(session) if binding and binding.id == binding_id else None


async def try_out(authority: BoundAuthority) -> Trial:
    """Ask, outside of a transaction."""
    return await deliveries.try_out(authority.endpoint, authority.sender_code)


async def record_trial(session: TenantSession, binding_id: BindingId, trial: Trial) -> None:
    """What came of it."""
    await authorities.record_trial(session, binding_id, trial)
