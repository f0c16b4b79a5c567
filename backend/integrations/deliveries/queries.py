"""All SQL of deliveries."""

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import (
    ARRAY,
    ColumnElement,
    Text,
    Uuid,
    and_,
    any_,
    bindparam,
    func,
    literal,
    or_,
    select,
    update,
)

from backend.core.database import TenantSession
from backend.core.questions import Adding, Changing
from backend.integrations.deliveries.models import Delivery, DeliveryAttempt
from backend.integrations.deliveries.schemas import Action, DeliveryId, DeliveryState, DeliverySummary

_FIRST_CODE = Delivery.errors[0]["code"].astext
#: A label begins with its class.
_CLASS_NAME = func.split_part(Delivery.label, " · ", 1)


_OPEN = Adding(
    "delivery",
    {
        "id": "uuid",
        "version_id": "uuid",
        "authority": "text",
        "action": "text",
        "label": "text",
        "message_id": "text",
        "refers_to": "text",
        "state": "text",
        "package_sha256": "text",
        "errors": "jsonb",
        "reason": "text",
        "queued_at": "timestamptz",
    },
    "on conflict do nothing returning id",
)


async def open_deliveries(session: TenantSession, rows: list[dict[str, Any]]) -> list[uuid.UUID]:
    """Add deliveries, of which nothing is known to be wrong; returns their ids, without those whose message was opened
    before.
    """
    opened = await session.tell_lines(_OPEN, [{"errors": "[]", "reason": None, **row} for row in rows])
    return [row.id for row in opened]


async def last_answer(session: TenantSession) -> datetime | None:
    """The newest answer of all deliveries."""
    query = select(func.max(Delivery.answered_at)).where(Delivery.tenant_id == session.tenant_id)
    return (await session.execute(query)).scalar_one()


async def troubles(session: TenantSession) -> Sequence[Any]:
    """What was rejected or parked, by Authority, first error and reason: how many, and one of them."""
    message = Delivery.errors[0]["message"].astext
    told = (Delivery.authority, Delivery.state, Delivery.reason, _FIRST_CODE, message)
    query = (
        select(
            Delivery.authority,
            Delivery.state,
            Delivery.reason,
            _FIRST_CODE.label("code"),
            message.label("message"),
            func.count().label("number"),
            func.min(Delivery.id.cast(Text)).label("sample_id"),
            func.min(Delivery.version_id.cast(Text)).label("sample_version_id"),
        )
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.state.in_([DeliveryState.REJECTED, DeliveryState.PARKED]),
        )
        .group_by(*told)
    )
    return (await session.execute(query)).all()


async def stopped_for(
    session: TenantSession, authority: str, reasons: Sequence[str], codes: Sequence[str], limit: int
) -> Sequence[Delivery]:
    """Deliveries to an Authority that are parked for one of these reasons or rejected with one of these first codes."""
    found = await session.scalars(
        select(Delivery)
        .where(Delivery.tenant_id == session.tenant_id, _stopped(authority, reasons, codes))
        .order_by(Delivery.label, Delivery.id)
        .limit(limit)
    )
    return found.all()


async def parked_of(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> Sequence[Delivery]:
    """The parked deliveries that bring these versions to an Authority, held against change."""
    found = await session.scalars(
        select(Delivery)
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.version_id.in_(version_ids),
            Delivery.action != Action.RECALL,
            Delivery.state == DeliveryState.PARKED,
        )
        .order_by(Delivery.id)
        .with_for_update()
    )
    return found.all()


async def parked_for(
    session: TenantSession,
    authority: str,
    reasons: Sequence[str],
    chosen: Sequence[uuid.UUID] | None = None,
) -> Sequence[Delivery]:
    """The parked deliveries to an Authority with one of these reasons, or those `chosen` of them, held against change."""
    query = select(Delivery).where(
        Delivery.tenant_id == session.tenant_id,
        Delivery.authority == authority,
        Delivery.state == DeliveryState.PARKED,
        func.coalesce(Delivery.reason, "").in_(reasons),
    )
    if chosen is not None:
        query = query.where(Delivery.id.in_(chosen))
    return (await session.scalars(query.order_by(Delivery.id).with_for_update())).all()


async def returned_recalls(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> frozenset[str]:
    """The messages by which versions were to be recalled and which the Authority has rejected."""
    found = await session.scalars(
        select(Delivery.message_id).where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.version_id.in_(version_ids),
            Delivery.action == Action.RECALL,
            Delivery.state == DeliveryState.REJECTED,
        )
    )
    return frozenset(found)


async def delivery(session: TenantSession, delivery_id: uuid.UUID) -> Delivery | None:
    return await session.get(Delivery, (session.tenant_id, delivery_id))


async def deliveries(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> Sequence[Delivery]:
    """Some deliveries, in the order of their ids."""
    found = await session.scalars(
        select(Delivery)
        .where(Delivery.tenant_id == session.tenant_id, Delivery.id.in_(delivery_ids))
        .order_by(Delivery.id)
    )
    return found.all()


async def last_tries(session: TenantSession, authority: str, number: int) -> Sequence[Any]:
    """The school's newest attempts at an Authority: when, and what became of them."""
    query = (
        select(DeliveryAttempt.started_at, DeliveryAttempt.ended_at, DeliveryAttempt.outcome)
        .join(
            Delivery,
            and_(Delivery.tenant_id == DeliveryAttempt.tenant_id, Delivery.id == DeliveryAttempt.delivery_id),
        )
        .where(DeliveryAttempt.tenant_id == session.tenant_id, Delivery.authority == authority)
        .order_by(DeliveryAttempt.started_at.desc())
        .limit(number)
    )
    return (await session.execute(query)).all()


async def sent_to(session: TenantSession, editions: Sequence[str]) -> Sequence[Any]:
    """All messages to an Authority, through whichever edition of its profile."""
    columns = (
        Delivery.id, Delivery.version_id, Delivery.action, Delivery.label, Delivery.message_id, Delivery.refers_to,
        Delivery.state, Delivery.package_sha256,
    )  # fmt: skip
    query = select(*columns).where(Delivery.tenant_id == session.tenant_id, Delivery.authority.in_(editions))
    return (await session.execute(query.order_by(Delivery.id))).all()


async def last_sent(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, str]:
    """version → digest of the message that went out about it last and was not only a recall."""
    found = await session.execute(
        select(Delivery.version_id, DeliveryAttempt.sent_sha256)
        .join(
            DeliveryAttempt,
            and_(DeliveryAttempt.tenant_id == Delivery.tenant_id, DeliveryAttempt.delivery_id == Delivery.id),
        )
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.version_id.in_(version_ids),
            Delivery.action != Action.RECALL,
            DeliveryAttempt.outcome.in_(("received", "rejected", "unknown")),
            DeliveryAttempt.sent_sha256.is_not(None),
        )
        .order_by(DeliveryAttempt.started_at)
    )
    return {row.version_id: row.sent_sha256 for row in found}


async def hold_deliveries(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> Sequence[Delivery]:
    """Deliveries, held against change until the transaction ends."""
    return (await session.scalars(_HOLD, _keys(session, delivery_ids))).all()


async def update_deliveries(
    session: TenantSession, delivery_ids: Sequence[uuid.UUID], values: dict[str, Any]
) -> None:
    """Set the same values in some deliveries."""
    if delivery_ids:
        query = update(Delivery).where(_SOME).values(values)
        await (await session.connection()).execute(query, _keys(session, delivery_ids))


async def begin_attempts(
    session: TenantSession, attempts: Mapping[DeliveryId, uuid.UUID], started_at: datetime
) -> None:
    """Add the next attempt (delivery → id of the attempt) of each delivery."""
    last = await session.execute(
        select(DeliveryAttempt.delivery_id, func.max(DeliveryAttempt.number).label("number"))
        .where(_ATTEMPTS)
        .group_by(DeliveryAttempt.delivery_id),
        _keys(session, list(attempts)),
    )
    numbers = {row.delivery_id: row.number for row in last}
    rows = [
        {
            "id": attempt_id,
            "delivery_id": delivery_id,
            "number": numbers.get(delivery_id, 0) + 1,
            "started_at": started_at,
        }
        for delivery_id, attempt_id in attempts.items()
    ]
    await session.tell_lines(_BEGIN, rows)


_BEGIN = Adding(
    "delivery_attempt", {"id": "uuid", "delivery_id": "uuid", "number": "int", "started_at": "timestamptz"}
)


async def first_attempts(
    session: TenantSession, delivery_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, datetime]:
    """When each delivery was first tried; without those that never were."""
    found = await session.execute(
        select(DeliveryAttempt.delivery_id, func.min(DeliveryAttempt.started_at).label("at"))
        .where(_ATTEMPTS)
        .group_by(DeliveryAttempt.delivery_id),
        _keys(session, delivery_ids),
    )
    return {row.delivery_id: row.at for row in found}


#: Built once: they run for every message.
#: One list as one value: a person may set any number going again at once.
_IDS = bindparam("deliveries", type_=ARRAY(Uuid))
_SOME = and_(Delivery.tenant_id == bindparam("tenant"), Delivery.id == any_(_IDS))
_ATTEMPTS = and_(DeliveryAttempt.tenant_id == bindparam("tenant"), DeliveryAttempt.delivery_id == any_(_IDS))
_OPEN_ATTEMPT = DeliveryAttempt.ended_at.is_(None)
#: In one order everywhere, so that two who hold several do not wait for each other.
_HOLD = select(Delivery).where(_SOME).order_by(Delivery.id).with_for_update()


def _keys(session: TenantSession, delivery_ids: Sequence[uuid.UUID]) -> dict[str, Any]:
    return {"tenant": session.tenant_id, "deliveries": list(delivery_ids)}


async def end_attempts(session: TenantSession, attempts: Sequence[Mapping[str, Any]]) -> None:
    """What became of some attempts: id, ended_at, outcome, sent_sha256, answer_sha256 of each."""
    await session.tell_lines(_END_ATTEMPTS, attempts)


async def change_deliveries(session: TenantSession, changes: Sequence[Mapping[str, Any]]) -> None:
    """Put deliveries, each into its own state: id, state, reason, and as far as they are not None authority_reference,
    answered_at, errors (JSON).
    """
    await session.tell_lines(_CHANGE, changes)


_END_ATTEMPTS = Changing(
    "delivery_attempt",
    {
        "id": "uuid",
        "ended_at": "timestamptz",
        "outcome": "text",
        "sent_sha256": "text",
        "answer_sha256": "text",
    },
    {name: f"new.{name}" for name in ("ended_at", "outcome", "sent_sha256", "answer_sha256")},
)
_KEPT = ("authority_reference", "answered_at", "errors")
_CHANGE = Changing(
    "delivery",
    {
        "id": "uuid",
        "state": "text",
        "reason": "text",
        "authority_reference": "text",
        "answered_at": "timestamptz",
        "errors": "jsonb",
    },
    {"state": "new.state", "reason": "new.reason"}
    | {name: f"coalesce(new.{name}, t.{name})" for name in _KEPT},
)


async def of_portal(
    session: TenantSession, state: str, authority: str, file_sha256: str | None
) -> Sequence[Delivery]:
    """Deliveries to an Authority in this state, held against change; of those carried in one file."""
    query = (
        select(Delivery)
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.state == state,
            Delivery.authority == authority,
            Delivery.action != Action.RECALL,
        )
        .order_by(Delivery.label, Delivery.id)
        .with_for_update()
    )
    if file_sha256 is not None:
        carried = select(DeliveryAttempt.delivery_id).where(
            _OPEN_ATTEMPT,
            DeliveryAttempt.tenant_id == session.tenant_id,
            DeliveryAttempt.sent_sha256 == file_sha256,
        )
        query = query.where(Delivery.id.in_(carried))
    return (await session.scalars(query)).all()


async def waiting_by_class(session: TenantSession) -> Sequence[Any]:
    """What waits for a person to carry it, by Authority and class: a label begins with its class."""
    class_name = _CLASS_NAME.label("class_name")
    query = (
        select(Delivery.authority, class_name, func.count().label("number"))
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.state == DeliveryState.WAITING,
            Delivery.action != Action.RECALL,
        )
        .group_by(Delivery.authority, class_name)
        .order_by(Delivery.authority, class_name)
    )
    return (await session.execute(query)).all()


async def waiting_recalls(session: TenantSession) -> Sequence[Delivery]:
    """What is to be taken back where nobody but a letter asks for it."""
    found = await session.scalars(
        select(Delivery)
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.state == DeliveryState.WAITING,
            Delivery.action == Action.RECALL,
        )
        .order_by(Delivery.label, Delivery.id)
    )
    return found.all()


async def files_carried(session: TenantSession) -> Sequence[Any]:
    """The files in which deliveries were carried, of which nothing has come back."""
    query = (
        select(
            Delivery.authority,
            DeliveryAttempt.sent_sha256,
            func.min(DeliveryAttempt.started_at).label("started_at"),
            func.count().label("number"),
        )
        .join(
            Delivery,
            and_(Delivery.tenant_id == DeliveryAttempt.tenant_id, Delivery.id == DeliveryAttempt.delivery_id),
        )
        .where(
            _OPEN_ATTEMPT,
            DeliveryAttempt.tenant_id == session.tenant_id,
            Delivery.state == DeliveryState.HANDED,
        )
        .group_by(Delivery.authority, DeliveryAttempt.sent_sha256)
        .order_by(func.min(DeliveryAttempt.started_at))
    )
    return (await session.execute(query)).all()


async def end_open_attempts(
    session: TenantSession, delivery_ids: Sequence[uuid.UUID], values: dict[str, Any]
) -> None:
    """End the attempts of some deliveries that have not ended."""
    query = update(DeliveryAttempt).where(_ATTEMPTS, _OPEN_ATTEMPT).values(values)
    await (await session.connection()).execute(query, _keys(session, delivery_ids))


async def attempts_of(session: TenantSession, delivery_id: uuid.UUID) -> Sequence[DeliveryAttempt]:
    found = await session.scalars(
        select(DeliveryAttempt)
        .where(DeliveryAttempt.tenant_id == session.tenant_id, DeliveryAttempt.delivery_id == delivery_id)
        .order_by(DeliveryAttempt.number)
    )
    return found.all()


async def states_of_versions(session: TenantSession) -> Sequence[Any]:
    """How the delivery of each version stands and why, the newest last; recalls are none."""
    query = select(Delivery.version_id, Delivery.state, Delivery.reason).where(
        Delivery.tenant_id == session.tenant_id, Delivery.action != Action.RECALL
    )
    return (await session.execute(query.order_by(Delivery.id))).all()


async def accepted_at(session: TenantSession) -> Sequence[Any]:
    """When the Authority took each version in that it has."""
    query = (
        select(Delivery.version_id, func.min(Delivery.answered_at).label("at"))
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.action != Action.RECALL,
            Delivery.state == DeliveryState.ACCEPTED,
            Delivery.answered_at.is_not(None),
        )
        .group_by(Delivery.version_id)
    )
    return (await session.execute(query)).all()


async def counts(session: TenantSession) -> Sequence[Any]:
    """Number of deliveries per state."""
    query = (
        select(Delivery.state, func.count().label("number"))
        .where(Delivery.tenant_id == session.tenant_id)
        .group_by(Delivery.state)
    )
    return (await session.execute(query)).all()


class Conditions(NamedTuple):
    """What rows of the board have to be; None leaves nothing out. `stopped`: an Authority, reasons of parked and first
    codes of rejected ones.
    """

    class_names: Sequence[str] | None = None
    authority: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    stopped: tuple[str, Sequence[str], Sequence[str]] | None = None


async def counts_of(session: TenantSession, wanted: Conditions) -> Sequence[Any]:
    """Number of deliveries per state, of those that fit."""
    query = select(Delivery.state, func.count().label("number")).where(*_fitting(session, wanted))
    return (await session.execute(query.group_by(Delivery.state))).all()


async def list_deliveries(
    session: TenantSession, wanted: Conditions, state: str | None, limit: int, offset: int
) -> Sequence[Delivery]:
    """The newest first."""
    query = select(Delivery).where(*_fitting(session, wanted))
    if state:
        query = query.where(Delivery.state == state)
    found = await session.scalars(
        query.order_by(Delivery.queued_at.desc(), Delivery.id).limit(limit).offset(offset)
    )
    return found.all()


async def places(session: TenantSession) -> Sequence[Any]:
    """The classes and Authorities that deliveries have."""
    query = select(_CLASS_NAME.label("class_name"), Delivery.authority).where(
        Delivery.tenant_id == session.tenant_id
    )
    return (await session.execute(query.distinct())).all()


def _fitting(session: TenantSession, wanted: Conditions) -> list[ColumnElement[bool]]:
    found: list[ColumnElement[bool]] = [Delivery.tenant_id == session.tenant_id]
    if wanted.class_names is not None:
        found.append(_CLASS_NAME.in_(wanted.class_names))
    if wanted.authority is not None:
        found.append(Delivery.authority == wanted.authority)
    if wanted.since is not None:
        found.append(Delivery.queued_at >= wanted.since)
    if wanted.before is not None:
        found.append(Delivery.queued_at < wanted.before)
    if wanted.stopped is not None:
        found.append(_stopped(*wanted.stopped))
    return found


def _stopped(authority: str, reasons: Sequence[str], codes: Sequence[str]) -> ColumnElement[bool]:
    parked = and_(Delivery.state == DeliveryState.PARKED, func.coalesce(Delivery.reason, "").in_(reasons))
    rejected = and_(Delivery.state == DeliveryState.REJECTED, func.coalesce(_FIRST_CODE, "").in_(codes))
    return and_(Delivery.authority == authority, or_(parked, rejected))


async def deliveries_after(
    session: TenantSession, after: uuid.UUID | None, limit: int, states: Collection[str] | None
) -> Sequence[Delivery]:
    """The next deliveries in the order of their ids, of all states or of some."""
    query = select(Delivery).where(Delivery.tenant_id == session.tenant_id)
    if after is not None:
        query = query.where(Delivery.id > after)
    if states is not None:
        query = query.where(Delivery.state.in_(states))
    return (await session.scalars(query.order_by(Delivery.id).limit(limit))).all()


async def accepted(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, Delivery]:
    """version → the message by which the Authority took it in; without those that it has not."""
    found = await session.scalars(
        select(Delivery).where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.version_id.in_(version_ids),
            Delivery.action != Action.RECALL,
            Delivery.state == DeliveryState.ACCEPTED,
        )
    )
    return {row.version_id: row for row in found}


async def hold_of_versions(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> Sequence[Delivery]:
    """The messages that bring versions to an Authority, held against change until the transaction ends."""
    found = await session.scalars(
        select(Delivery)
        .where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.version_id.in_(version_ids),
            Delivery.action != Action.RECALL,
        )
        .order_by(Delivery.id)
        .with_for_update()
    )
    return found.all()


async def last_outcomes(
    session: TenantSession, delivery_ids: Sequence[uuid.UUID]
) -> dict[uuid.UUID, str | None]:
    """delivery → what became of its newest attempt (None: not known); without those that were never tried."""
    query = (
        select(DeliveryAttempt.delivery_id, DeliveryAttempt.outcome)
        .where(DeliveryAttempt.tenant_id == session.tenant_id, DeliveryAttempt.delivery_id.in_(delivery_ids))
        .order_by(DeliveryAttempt.number)
    )
    return {row.delivery_id: row.outcome for row in await session.execute(query)}


async def sent_versions(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Those that have been queued for an Authority, whichever."""
    found = await session.scalars(
        select(Delivery.version_id).where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.version_id.in_(version_ids),
            Delivery.action != Action.RECALL,
        )
    )
    return set(found)


async def under_way(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> set[uuid.UUID]:
    """Versions about which a message is still to go, or has no answer yet; not those that wait for a person."""
    found = await session.scalars(
        select(Delivery.version_id).where(
            Delivery.tenant_id == session.tenant_id,
            Delivery.version_id == any_(literal(list(version_ids), ARRAY(Uuid))),
            Delivery.state.in_(_UNDER_WAY),
        )
    )
    return set(found)


_UNDER_WAY = (
    DeliveryState.DRAFT,
    DeliveryState.VALIDATED,
    DeliveryState.QUEUED,
    DeliveryState.SENDING,
    DeliveryState.RECEIVED,
    DeliveryState.UNKNOWN,
)


async def of_version(session: TenantSession, version_id: uuid.UUID) -> Sequence[Delivery]:
    found = await session.scalars(
        select(Delivery)
        .where(Delivery.tenant_id == session.tenant_id, Delivery.version_id == version_id)
        .order_by(Delivery.id)
    )
    return found.all()


def summary_of(row: Delivery) -> DeliverySummary:
    """A delivery as lists and pages show it."""
    return DeliverySummary(
        id=DeliveryId(row.id),
        version_id=row.version_id,
        label=row.label,
        authority=row.authority,
        action=Action(row.action),
        refers_to=row.refers_to,
        message_id=row.message_id,
        state=DeliveryState(row.state),
        authority_reference=row.authority_reference,
        errors=tuple(row.errors),
        reason=row.reason,
        queued_at=row.queued_at,
        answered_at=row.answered_at,
    )
