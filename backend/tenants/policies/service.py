"""What a school decides about its own safety: what holds, what held when, and another decision."""

from backend.core import audit, clock
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.tenants.policies import queries, rules
from backend.tenants.policies.schemas import Policies, PolicyVersion

_DEFAULT = Policies()


async def current(session: TenantSession) -> Policies:
    """What holds now."""
    return await queries.current(session) or _DEFAULT


async def history(session: TenantSession) -> list[PolicyVersion]:
    """All decisions, the newest first."""
    found = await queries.versions(session)
    held = [*(policies for _, _, policies in found), _DEFAULT]
    return [
        PolicyVersion(set_at=at, set_by=by, changes=rules.changes(old, new))
        for (at, by, new), old in zip(found, held[1:], strict=True)
    ]


async def change(session: TenantSession, actor: Actor, new: Policies) -> None:
    """Decide otherwise, for every request from now on; nothing happens where nothing differs."""
    await session.hold("policies")
    changes = rules.changes(await current(session), new)
    if not changes or actor.staff_id is None:
        return
    await queries.insert_version(session, new, actor.staff_id, clock.now())
    await audit.record(session, actor, Action.POLICIES_CHANGED, None, " ".join(changes))
