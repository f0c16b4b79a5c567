"""SQL of webhooks."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, func, insert, select, update

from backend.core.database import TenantSession
from backend.core.questions import Adding
from backend.integrations.webhooks.models import PartnerEvent, WebhookEndpoint, WebhookMessage
from backend.integrations.webhooks.schemas import EventKind, MessageState


def _own(session: TenantSession, table: type[Any]) -> ColumnElement[bool]:
    own: ColumnElement[bool] = table.tenant_id == session.tenant_id
    return own


async def insert_endpoint(session: TenantSession, values: Mapping[str, Any]) -> None:
    """A new endpoint."""
    await session.execute(insert(WebhookEndpoint).values(tenant_id=session.tenant_id, **values))


async def endpoint(
    session: TenantSession, endpoint_id: uuid.UUID, *, hold: bool = False
) -> WebhookEndpoint | None:
    """One endpoint. `hold`: nobody else changes it until the transaction ends."""
    query = select(WebhookEndpoint).where(_own(session, WebhookEndpoint), WebhookEndpoint.id == endpoint_id)
    query = query.execution_options(populate_existing=True)
    found: WebhookEndpoint | None = await session.scalar(query.with_for_update() if hold else query)
    return found


async def endpoints(session: TenantSession) -> Sequence[WebhookEndpoint]:
    """All of them, newest first."""
    query = select(WebhookEndpoint).where(_own(session, WebhookEndpoint)).order_by(WebhookEndpoint.id.desc())
    return (await session.scalars(query)).all()


async def update_endpoint(session: TenantSession, endpoint_id: uuid.UUID, values: Mapping[str, Any]) -> None:
    """Write some columns of an endpoint."""
    own = (_own(session, WebhookEndpoint), WebhookEndpoint.id == endpoint_id)
    await session.execute(update(WebhookEndpoint).where(*own).values(**values))


async def last_sequence(session: TenantSession) -> int:
    """The number of the newest event; whoever adds some holds them."""
    query = select(func.max(PartnerEvent.sequence)).where(_own(session, PartnerEvent))
    return await session.scalar(query) or 0


async def insert_events(session: TenantSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """New events."""
    await session.tell_lines(_EVENTS, rows)


_EVENTS = Adding(
    "partner_event",
    {"id": "uuid", "sequence": "bigint", "kind": "text", "subject_id": "uuid", "happened_at": "timestamptz"},
)


async def events_after(session: TenantSession, sequence: int, limit: int) -> Sequence[PartnerEvent]:
    """The next events after a number, without those that only tried an endpoint."""
    query = select(PartnerEvent).where(
        _own(session, PartnerEvent), PartnerEvent.sequence > sequence, PartnerEvent.kind != EventKind.PING
    )
    return (await session.scalars(query.order_by(PartnerEvent.sequence).limit(limit))).all()


async def insert_messages(session: TenantSession, rows: Sequence[Mapping[str, Any]]) -> None:
    """New messages."""
    if rows:
        await session.execute(
            insert(WebhookMessage), [{"tenant_id": session.tenant_id, **row} for row in rows]
        )


def _messages(session: TenantSession) -> Any:
    return (
        select(
            WebhookMessage.id,
            WebhookMessage.endpoint_id,
            WebhookMessage.event_id,
            WebhookMessage.state,
            WebhookMessage.attempts,
            WebhookMessage.status,
            WebhookMessage.problem,
            WebhookMessage.tried_at,
            PartnerEvent.kind,
            PartnerEvent.subject_id,
            PartnerEvent.sequence,
            PartnerEvent.happened_at,
        )
        .join(
            PartnerEvent,
            (PartnerEvent.tenant_id == WebhookMessage.tenant_id)
            & (PartnerEvent.id == WebhookMessage.event_id),
        )
        .where(_own(session, WebhookMessage))
    )


async def message(session: TenantSession, message_id: uuid.UUID) -> Any:
    """One message with its event, or None."""
    return (await session.execute(_messages(session).where(WebhookMessage.id == message_id))).first()


async def messages_of(
    session: TenantSession, endpoint_id: uuid.UUID, state: MessageState | None, limit: int, offset: int
) -> list[Any]:
    """Messages of an endpoint with their events, newest first."""
    query = _messages(session).where(WebhookMessage.endpoint_id == endpoint_id)
    if state is not None:
        query = query.where(WebhookMessage.state == state)
    part = query.order_by(WebhookMessage.id.desc()).limit(limit).offset(offset)
    return list(await session.execute(part))


async def counts(session: TenantSession) -> dict[uuid.UUID, dict[MessageState, int]]:
    """endpoint → how many of its messages are where."""
    query = (
        select(WebhookMessage.endpoint_id, WebhookMessage.state, func.count().label("number"))
        .where(_own(session, WebhookMessage))
        .group_by(WebhookMessage.endpoint_id, WebhookMessage.state)
    )
    found: dict[uuid.UUID, dict[MessageState, int]] = {}
    for row in await session.execute(query):
        found.setdefault(row.endpoint_id, {})[MessageState(row.state)] = row.number
    return found


async def ids_of(
    session: TenantSession, endpoint_id: uuid.UUID, state: MessageState, limit: int
) -> list[uuid.UUID]:
    """Messages of an endpoint in a state, oldest first."""
    query = select(WebhookMessage.id).where(
        _own(session, WebhookMessage),
        WebhookMessage.endpoint_id == endpoint_id,
        WebhookMessage.state == state,
    )
    return list(await session.scalars(query.order_by(WebhookMessage.id).limit(limit)))


async def update_messages(
    session: TenantSession,
    message_ids: Collection[uuid.UUID],
    values: Mapping[str, Any],
    unless: MessageState | None = None,
) -> list[uuid.UUID]:
    """Write some columns of messages that are not in a state; which they are."""
    query = update(WebhookMessage).where(_own(session, WebhookMessage), WebhookMessage.id.in_(message_ids))
    if unless is not None:
        query = query.where(WebhookMessage.state != unless)
    return list(await session.scalars(query.values(**values).returning(WebhookMessage.id)))


async def update_due(
    session: TenantSession, endpoint_id: uuid.UUID, values: Mapping[str, Any]
) -> list[uuid.UUID]:
    """Write some columns of all messages that wait for an endpoint, however many; which they are."""
    query = update(WebhookMessage).where(
        _own(session, WebhookMessage),
        WebhookMessage.endpoint_id == endpoint_id,
        WebhookMessage.state == MessageState.DUE,
    )
    return list(await session.scalars(query.values(**values).returning(WebhookMessage.id)))
