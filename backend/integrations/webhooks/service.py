"""Webhooks: other systems are told what happened, by messages that say ids alone and are signed for each endpoint.

A message keeps its id however often it is sent: a try whose answer was lost is made again, and whoever receives it
twice knows it by its id.
"""

import random
import uuid
from collections.abc import Sequence
from typing import Any

from backend.core import audit, clock, egress, http_client, jobs, settings, vault
from backend.core.actor import Actor, StaffId, machine
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.integrations.webhooks import queries, rules, signing
from backend.integrations.webhooks.models import WebhookEndpoint
from backend.integrations.webhooks.schemas import (
    BOTH_KEYS,
    Call,
    EndpointId,
    EndpointView,
    EventItem,
    EventKind,
    MessageId,
    MessageState,
    MessageView,
    NewEndpoint,
    Outcome,
    Problem,
)
from backend.records.roster import service as roster
from backend.records.transcripts import service as transcripts
from backend.tenants.people import service as people

#: A try takes no longer than this (s), and reads no more of the answer (bytes): nothing in it means anything.
_PATIENCE, _MOST_READ = 15.0, 1024 * 1024
#: As many as one click sends again.
REPLAYED_AT_ONCE = 1000
_AGAIN = {"state": MessageState.DUE, "attempts": 0}


async def add_endpoint(session: TenantSession, actor: Actor, new: NewEndpoint) -> EndpointId:
    """Tell another system from now on. Raises Invalid, Conflict when there are many already."""
    if actor.staff_id is None:
        raise Forbidden("Chỉ nhân sự của trường mới thêm được địa chỉ nhận tin.")
    new = rules.checked(new, {one.host for one in _ways().tunnels})
    await session.hold("webhook endpoints")
    open_ones = [one for one in await queries.endpoints(session) if one.ended_at is None]
    if len(open_ones) >= rules.MOST_ENDPOINTS:
        raise Conflict(
            f"Trường đã có {rules.MOST_ENDPOINTS} địa chỉ nhận tin; hãy bỏ bớt địa chỉ không còn dùng."
        )
    if new.url in {one.url for one in open_ones}:
        raise Conflict(f"Địa chỉ {new.url} đã có trong danh sách; hãy bỏ địa chỉ cũ trước khi thêm lại.")
    endpoint_id = EndpointId(new_id())
    values = {"id": endpoint_id, "url": new.url, "events": sorted(new.events), **_new_key(endpoint_id)}
    await queries.insert_endpoint(session, values | {"created_by": actor.staff_id, "created_at": clock.now()})
    await audit.record(session, actor, Action.WEBHOOK_ADDED, endpoint_id, new.url)
    return endpoint_id


async def list_endpoints(session: TenantSession) -> list[EndpointView]:
    """Every endpoint that there ever was, newest first."""
    counts, names = await queries.counts(session), await people.names(session)
    return [_view(row, names, counts.get(row.id, {})) for row in await queries.endpoints(session)]


async def get_endpoint(session: TenantSession, endpoint_id: uuid.UUID) -> EndpointView:
    """One endpoint. Raises NotFound."""
    row = await _found(session, endpoint_id)
    return _view(row, await people.names(session), (await queries.counts(session)).get(row.id, {}))


async def list_messages(
    session: TenantSession, endpoint_id: uuid.UUID, state: MessageState | None, limit: int, offset: int
) -> list[MessageView]:
    """Messages of an endpoint, newest first."""
    return [
        MessageView(
            id=MessageId(row.id),
            kind=EventKind(row.kind),
            subject_id=row.subject_id,
            state=MessageState(row.state),
            attempts=row.attempts,
            status=row.status,
            problem=Problem(row.problem) if row.problem else None,
            happened_at=row.happened_at,
            tried_at=row.tried_at,
        )
        for row in await queries.messages_of(session, endpoint_id, state, limit, offset)
    ]


async def end_endpoint(session: TenantSession, actor: Actor, endpoint_id: uuid.UUID) -> str:
    """Tell it nothing any more; returns its address. Raises NotFound."""
    row = await _open(session, endpoint_id)
    await queries.update_endpoint(session, endpoint_id, {"ended_at": clock.now()})
    await audit.record(session, actor, Action.WEBHOOK_ENDED, endpoint_id, row.url)
    return row.url


async def rotate_key(session: TenantSession, actor: Actor, endpoint_id: uuid.UUID) -> None:
    """Sign with a new key from now on, and for a while with the one before as well. Raises NotFound."""
    row = await _open(session, endpoint_id)
    old = {"old_key": row.key, "old_public_key": row.public_key, "old_until": clock.now() + BOTH_KEYS}
    await queries.update_endpoint(session, endpoint_id, old | _new_key(endpoint_id))
    await audit.record(session, actor, Action.WEBHOOK_KEY_CHANGED, endpoint_id, row.url)


async def resume(session: TenantSession, actor: Actor, endpoint_id: uuid.UUID) -> int:
    """An endpoint that was stopped is told again, first what waited for it; counts that. Raises NotFound, Conflict."""
    await _hold_events(session)
    row = await _open(session, endpoint_id)
    if row.stopped_at is None:
        raise Conflict(f"Địa chỉ {row.url} vẫn đang được báo tin; không cần bật lại.")
    await queries.update_endpoint(session, endpoint_id, {"stopped_at": None, "failing_since": None})
    waiting = await queries.update_due(session, endpoint_id, _AGAIN)
    await jobs.enqueue(session, rules.SEND, *sorted(waiting))
    await audit.record(session, actor, Action.WEBHOOK_RESUMED, endpoint_id, row.url, count=len(waiting))
    return len(waiting)


async def ping(session: TenantSession, actor: Actor, endpoint_id: uuid.UUID) -> None:
    """Send it something that says nothing. Raises NotFound, Conflict while it is stopped."""
    await _hold_events(session)
    row = await _told(session, endpoint_id)
    [event] = await _add_events(session, EventKind.PING, [row.id])
    await _tell(session, [row], [event])


async def replay(
    session: TenantSession, actor: Actor, endpoint_id: uuid.UUID, message_id: uuid.UUID | None
) -> int:
    """Send one message again, or all that were given up, under the same ids; counts them.

    Raises NotFound, Conflict while the endpoint is stopped.
    """
    row = await _told(session, endpoint_id)
    if message_id is None:
        wanted = await queries.ids_of(session, endpoint_id, MessageState.FAILED, REPLAYED_AT_ONCE)
    else:
        found = await queries.message(session, message_id)
        if found is None or found.endpoint_id != endpoint_id:
            raise NotFound("Không tìm thấy tin này.")
        wanted = [message_id]
    again = await queries.update_messages(session, wanted, _AGAIN, unless=MessageState.DUE)
    await jobs.enqueue(session, rules.SEND, *sorted(again))
    await audit.record(session, actor, Action.WEBHOOK_REPLAYED, endpoint_id, row.url, count=len(again))
    return len(again)


async def announce(session: TenantSession, kind: EventKind, subject_ids: Sequence[uuid.UUID]) -> None:
    """Something happened to these subjects: it is kept in order, and whoever asked for it is told. Raises NotFound."""
    if kind is EventKind.RESULTS_CONFIRMED:
        for class_id in subject_ids:
            await roster.get_class(session, class_id)
    else:
        await transcripts.require_versions(session, subject_ids)
    events = await _add_events(session, kind, subject_ids)
    wanted = [one for one in await queries.endpoints(session) if one.ended_at is None and kind in one.events]
    await _tell(session, wanted, events)


async def events_after(session: TenantSession, sequence: int, limit: int) -> list[EventItem]:
    """What happened after an event, for systems that read it part by part."""
    return [
        EventItem(
            id=rules.wire_id(row.id),
            sequence=row.sequence,
            type=EventKind(row.kind),
            subject_id=row.subject_id,
            happened_at=row.happened_at,
        )
        for row in await queries.events_after(session, sequence, limit)
    ]


async def to_send(session: TenantSession, message_id: uuid.UUID) -> tuple[str, Call] | None:
    """A message that is due with its id on the wire, and how to send it; None where its endpoint is told nothing now.

    Raises NotFound.
    """
    found = await queries.message(session, message_id)
    if found is None:
        raise NotFound("Không tìm thấy tin này.")
    row = await _found(session, found.endpoint_id)
    if found.state != MessageState.DUE or row.ended_at is not None or row.stopped_at is not None:
        return None
    keys = [vault.unseal(row.key, _purpose(row.id))]
    if row.old_key is not None and row.old_until is not None and row.old_until > clock.now():
        keys.append(vault.unseal(row.old_key, _purpose(row.id)))
    call = Call(
        message_id=MessageId(message_id),
        endpoint_id=EndpointId(row.id),
        url=row.url,
        body=rules.body(EventKind(found.kind), found.happened_at, found.subject_id, found.sequence),
        keys=tuple(keys),
    )
    return rules.wire_id(found.event_id), call


async def send(wire_id: str, call: Call) -> Outcome:
    """One try, outside of transactions."""
    timestamp = int(clock.now().timestamp())
    content = rules.signed_content(wire_id, timestamp, call.body)
    signatures = [signing.signature(key, content) for key in call.keys]
    headers = rules.headers(wire_id, timestamp, signatures)
    try:
        answer = await http_client.request(
            "POST",
            call.url,
            headers=headers,
            content=call.body,
            total_timeout=_PATIENCE,
            max_bytes=_MOST_READ,
            ways=_ways(),
        )
    except http_client.NotSent:
        return Outcome(problem=Problem.NOT_REACHED)
    except http_client.HttpFailure:
        return Outcome(problem=Problem.NO_ANSWER)
    return rules.outcome_of(answer.status, answer.headers.get("retry-after", ""))


async def record_try(session: TenantSession, call: Call, outcome: Outcome) -> None:
    """What came of a try: taken, tried again later, or given up until a person looks."""
    row = await queries.endpoint(session, call.endpoint_id, hold=True)
    found = await queries.message(session, call.message_id)
    assert row is not None, "endpoints are never removed"
    now, attempts = clock.now(), found.attempts + 1
    tried = {"attempts": attempts, "status": outcome.status, "problem": outcome.problem, "tried_at": now}
    if outcome.problem is None:
        await queries.update_messages(session, [call.message_id], tried | {"state": MessageState.DELIVERED})
        if row.failing_since is not None:
            await queries.update_endpoint(session, row.id, {"failing_since": None})
        return
    if found.state == MessageState.DELIVERED:  # by another try of it
        return
    since = row.failing_since or now
    if rules.stops(outcome, since, now) and row.stopped_at is None:
        await queries.update_messages(session, [call.message_id], tried)
        await queries.update_endpoint(session, row.id, {"failing_since": since, "stopped_at": now})
        reason = outcome.problem.value
        await audit.record(
            session, machine(session.tenant_id), Action.WEBHOOK_STOPPED, row.id, row.url, problem=reason
        )
        return
    await queries.update_endpoint(session, row.id, {"failing_since": since})
    after = rules.delay(attempts, random.random(), outcome.wait)
    state = MessageState.FAILED if after is None else MessageState.DUE
    await queries.update_messages(session, [call.message_id], tried | {"state": state})
    if after is not None:
        await jobs.enqueue(session, rules.SEND, call.message_id, after=after)


async def _hold_events(session: TenantSession) -> None:
    """Nobody else adds events until the commit: a reader who has seen a number has seen all before it.

    Held before any endpoint, and by whoever lets one be told again: what is added after that finds it so.
    """
    await session.hold("partner events")


async def _add_events(
    session: TenantSession, kind: EventKind, subject_ids: Sequence[uuid.UUID]
) -> list[uuid.UUID]:
    await _hold_events(session)
    last, now = await queries.last_sequence(session), clock.now()
    ids = [new_id() for _ in subject_ids]
    rows = [
        {"id": own, "sequence": number, "kind": kind, "subject_id": subject_id, "happened_at": now}
        for number, (own, subject_id) in enumerate(zip(ids, subject_ids, strict=True), last + 1)
    ]
    await queries.insert_events(session, rows)
    return ids


async def _tell(
    session: TenantSession, endpoints: Sequence[WebhookEndpoint], events: Sequence[uuid.UUID]
) -> None:
    for row in endpoints:
        messages = [new_id() for _ in events]
        await queries.insert_messages(
            session,
            [
                {"id": own, "endpoint_id": row.id, "event_id": event, **_AGAIN}
                for own, event in zip(messages, events, strict=True)
            ],
        )
        if row.stopped_at is None:
            await jobs.enqueue(session, rules.SEND, *messages)


async def _found(session: TenantSession, endpoint_id: uuid.UUID, *, hold: bool = False) -> WebhookEndpoint:
    row = await queries.endpoint(session, endpoint_id, hold=hold)
    if row is None:
        raise NotFound("Không tìm thấy địa chỉ nhận tin này.")
    return row


async def _open(session: TenantSession, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    row = await _found(session, endpoint_id, hold=True)
    if row.ended_at is not None:
        raise NotFound("Địa chỉ nhận tin này đã được bỏ.")
    return row


async def _told(session: TenantSession, endpoint_id: uuid.UUID) -> WebhookEndpoint:
    row = await _open(session, endpoint_id)
    if row.stopped_at is not None:
        raise Conflict(f"Địa chỉ {row.url} đang dừng vì không nhận tin; hãy bật lại trước.")
    return row


def _ways() -> egress.Outlets:
    """Schools write these addresses: in production the platform's tunnels are not theirs."""
    return settings.outlets() if settings.get().is_sandbox else egress.outlets("")


def _purpose(endpoint_id: uuid.UUID) -> str:
    return f"webhook {endpoint_id}"


def _new_key(endpoint_id: uuid.UUID) -> dict[str, Any]:
    private = signing.new_key()
    return {"key": vault.seal(private, _purpose(endpoint_id)), "public_key": signing.public_key(private)}


def _view(row: WebhookEndpoint, names: dict[StaffId, str], counts: dict[MessageState, int]) -> EndpointView:
    both = row.old_until is not None and row.old_until > clock.now()
    return EndpointView(
        id=EndpointId(row.id),
        url=row.url,
        events=tuple(EventKind(one) for one in row.events),
        created_by=names[StaffId(row.created_by)],
        created_at=row.created_at,
        ended_at=row.ended_at,
        stopped_at=row.stopped_at,
        failing_since=row.failing_since,
        public_key=row.public_key,
        old_public_key=row.old_public_key if both else None,
        old_until=row.old_until if both else None,
        due=counts.get(MessageState.DUE, 0),
        delivered=counts.get(MessageState.DELIVERED, 0),
        failed=counts.get(MessageState.FAILED, 0),
    )
