"""Who looked at whom: reads of pupils' records, which are deeds as well (Luật 91/2025/QH15).

A page that shows something may not write, so a read is written after its transaction, in one of its own, before the
answer leaves: no record, no answer.

What is taken away (a file, a workbook) is written each time. What is only looked at is not written again for READ_AGAIN,
counted by each process, when a page is merely loaded anew: by the same person, the same action on the same subject, with
the same people and details, at the same address. Another page of it, by path or by query, is written.
"""

import time
import uuid
from collections.abc import Iterable
from datetime import timedelta

from backend.core import audit
from backend.core.actor import Actor
from backend.core.audit import Action, Deed, Outcome
from backend.core.database import TenantId, TenantSession, tenant_session

READ_AGAIN = timedelta(minutes=10)
REFUSED_AGAIN = timedelta(minutes=1)
#: Reads that a process remembers; the oldest are forgotten first, and then written once more.
_MOST = 50_000

_Key = tuple[uuid.UUID, uuid.UUID | None, str, uuid.UUID | None, int]
_written: dict[_Key, float] = {}


def record_read(
    session: TenantSession,
    actor: Actor,
    action: Action,
    subject_id: uuid.UUID | None,
    label: str,
    about: Iterable[uuid.UUID] = (),
    **details: str | int | None,
) -> None:
    """This transaction shows `subject_id` to `actor`, and with it everybody in `about`; `details` say what of them."""
    deed = Deed(subject_id, label, details, tuple(about))
    shown = hash((session.address, frozenset(deed.about), frozenset(details.items())))
    key = (session.tenant_id, actor.id, action.value, subject_id, shown)
    if _is_recent(key, READ_AGAIN):
        return

    async def write() -> None:
        await _write(session.tenant_id, actor, action, deed)
        _remember(key)

    session.afterwards(write)


def record_taken(
    session: TenantSession,
    actor: Actor,
    action: Action,
    subject_id: uuid.UUID | None,
    label: str,
    about: Iterable[uuid.UUID] = (),
    **details: str | int | None,
) -> None:
    """As `record_read`, for what leaves as a file: a copy more each time."""
    deed = Deed(subject_id, label, details, tuple(about))
    session.afterwards(lambda: _write(session.tenant_id, actor, action, deed))


async def _write(tenant_id: TenantId, actor: Actor, action: Action, deed: Deed) -> None:
    async with tenant_session(tenant_id) as own:
        await audit.record_many(own, actor, action, [deed])


async def record_refusal(actor: Actor, route: str, subject_id: uuid.UUID | None, said: str) -> None:
    """Somebody was refused: a permission or a duty that they do not have."""
    key = (actor.tenant_id, actor.id, route, subject_id, 0)
    if _is_recent(key, REFUSED_AGAIN):
        return
    async with tenant_session(actor.tenant_id) as session:
        await audit.record(
            session, actor, Action.ACCESS_REFUSED, subject_id, said, Outcome.REFUSED, route=route
        )
    _remember(key)


def _is_recent(key: _Key, again: timedelta) -> bool:
    written = _written.get(key)
    return written is not None and time.monotonic() - written < again.total_seconds()


def _remember(key: _Key) -> None:
    _written.pop(key, None)
    _written[key] = time.monotonic()
    if len(_written) > _MOST:
        del _written[next(iter(_written))]
