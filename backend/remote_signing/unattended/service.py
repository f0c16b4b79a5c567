"""Seals what waits for the seal, as far as a mandate goes, and says what was sealed under it."""

import uuid
from collections.abc import Sequence

from backend.core import clock
from backend.core.actor import Actor
from backend.core.database import TenantSession
from backend.core.errors import Forbidden, NotFound
from backend.remote_signing.mandates import service as mandates
from backend.remote_signing.mandates.schemas import Mandate
from backend.remote_signing.requests import service as requests
from backend.remote_signing.requests.schemas import Basis, StandingBatch
from backend.remote_signing.unattended.schemas import Overview
from backend.tenants.people import service as people
from backend.tenants.permissions import Permission

#: What a consent under a mandate was proved by.
STANDING = "mandate"


async def overview(session: TenantSession, actor: Actor) -> Overview:
    """The mandate of today, what came before it, and what was sealed. Raises Forbidden."""
    if not (actor.may(Permission.CREDENTIALS_READ) or actor.may(Permission.SEAL)):
        raise Forbidden("Bạn không xem được việc tự đóng dấu của trường.")
    found = await mandates.history(session)
    live = found[0] if found and found[0].ended_at is None else None
    sealed = await requests.batches_under_mandates(session)
    return Overview(
        live=live,
        over=await mandates.why_over(session, live) if live else None,
        earlier=tuple(one for one in found if one is not live),
        sealed=tuple(sealed),
        sealed_today=_today(sealed, live),
        waiting=await mandates.waiting(session),
    )


async def seal_waiting(session: TenantSession, because: uuid.UUID) -> float | None:
    """Seal what may be sealed now. In how many seconds to look again; None when there is no need to.

    Only what everybody else has signed and nobody has remarked on: the rest waits in the keeper's tray. `because` is the
    mandate that was given or the batch after which the seal has its turn. Raises NotFound where it is neither.
    """
    if not (await mandates.is_known(session, because) or await requests.is_batch(session, because)):
        raise NotFound("Không tìm thấy văn bản cho con dấu tự đóng hay lô ký này.")
    mandate = await mandates.living(session)
    if mandate is None:
        return None
    sealed = await requests.batches_under_mandates(session)
    sealed_today = _today(sealed, mandate)
    turn = mandates.turn_of(mandate, sealed_today)
    if not turn.most:
        return turn.wait
    keeper = await people.actor_of(session, mandate.keeper_id)
    items = await requests.complete_but_for_seal(session, keeper, turn.most)
    if items:
        basis = Basis(proved_by=STANDING, proved_at=mandate.given_at, mandate_id=mandate.id)
        await requests.agree(session, keeper, requests.SEAL_ROLE, items, basis)
    return mandates.turn_of(mandate, sealed_today + len(items)).wait


def _today(sealed: Sequence[StandingBatch], mandate: Mandate | None) -> int:
    """How many were sealed today, by whichever mandate."""
    if mandate is None:
        return 0
    today = clock.today()
    return sum(one.count for one in sealed if one.consented_at.astimezone(clock.VIETNAM).date() == today)


async def end(session: TenantSession, actor: Actor, mandate_id: uuid.UUID, reason: str) -> None:
    """Stop it at once. Raises as `mandates.end`."""
    await mandates.end(session, actor, mandate_id, reason)
