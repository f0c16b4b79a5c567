"""What goes to the Authority next: an issued version, one in place of another, or the wish that one be taken back."""

import uuid
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from backend.core import audit, clock, jobs, outbox
from backend.core.actor import machine
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantSession
from backend.core.ids import new_id
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import manifests, queries, rules
from backend.integrations.deliveries.events import DeliveryPackaged, DeliveryRecalled
from backend.integrations.deliveries.models import Delivery
from backend.integrations.deliveries.schemas import Action, DeliveryState
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionSummary


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One message that is to go: what is asked for, about which version, and the earlier message that it refers to.

    What refers to a message goes to the Authority that has that message, whatever the school has bound since.
    """

    version: VersionSummary
    authority: str
    action: Action
    refers_to: str | None
    package_sha256: str


async def open_deliveries(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Queue issued versions for the school's Authority. The message ids are fixed here and never change.

    A version that comes after one which an Authority had accepted replaces it there. One that is on its way, or was
    taken in, is not sent to another Authority because the school has bound that one since. Nothing goes of which
    somebody has begun the recall, and no recall begins beside.
    """
    deliverable = await transcripts.hold_deliverable(session, version_ids)
    on_their_way = await queries.sent_versions(session, [one.id for one in deliverable])
    versions = [one for one in deliverable if one.id not in on_their_way]
    if not versions:
        return
    version_ids = [one.id for one in versions]
    current = await authorities.bound_authority(session)
    former = await transcripts.former_versions(session, version_ids)
    accepted = await queries.accepted(session, [one for found in former.values() for one in found])
    packages = await transcripts.digests_of_files(session, version_ids, "xml")
    orders = []
    for version in versions:
        earlier = next((accepted[one] for one in former.get(version.id, ()) if one in accepted), None)
        orders.append(
            Order(
                version=version,
                authority=earlier.authority if earlier else current.profile,
                action=Action.REPLACE if earlier else Action.SUBMIT,
                refers_to=earlier.message_id if earlier else None,
                package_sha256=packages[version.id],
            )
        )
    await _open(session, orders)


async def open_recalls(session: TenantSession, version_ids: Sequence[uuid.UUID]) -> None:
    """Ask the Authority to take versions back out. What it certainly has not taken in is recalled with that, and goes no
    more; what it may have waits for its answer, and whoever records that comes here again. Safe to repeat.
    """
    versions = await transcripts.hold_recalled(session, version_ids)
    if not versions:
        return
    await transcripts.begin_recalls(session, [one.id for one in versions])
    sent: dict[uuid.UUID, list[Delivery]] = defaultdict(list)
    for row in await queries.hold_of_versions(session, [one.id for one in versions]):
        sent[row.version_id].append(row)
    parked = [row.id for rows in sent.values() for row in rows if row.state == DeliveryState.PARKED]
    tries = await queries.last_outcomes(session, parked) if parked else {}
    orders, elsewhere, nowhere = [], [], []
    for version in versions:
        rows = sent[version.id]
        accepted = next((row for row in rows if row.state == DeliveryState.ACCEPTED), None)
        if accepted is not None:
            orders.append(_recall(version, accepted))
            continue
        unanswered = [row for row in rows if row.state not in rules.FINAL]
        if all(rules.is_elsewhere(row.state, tries.get(row.id), tried=row.id in tries) for row in unanswered):
            elsewhere += unanswered
            nowhere.append(version.id)
    await _open(session, orders)
    await cancel(session, elsewhere)
    await outbox.emit_all(session, [DeliveryRecalled(version_id) for version_id in nowhere])


async def cancel(session: TenantSession, rows: Sequence[Delivery]) -> None:
    """Messages that certainly are not with the Authority go there no more: their versions are recalled."""
    if not rows:
        return
    values = {"state": DeliveryState.CANCELLED, "reason": rules.RECALLED_BEFORE, "answered_at": clock.now()}
    await queries.update_deliveries(session, [row.id for row in rows], values)
    deeds = [audit.Deed(row.id, row.label, about=(row.version_id,)) for row in rows]
    await audit.record_many(session, machine(session.tenant_id), AuditAction.DELIVERY_CANCELLED, deeds)


async def without_recalled(session: TenantSession, queued: Sequence[Delivery]) -> list[Delivery]:
    """Those of some queued messages that still go. Of the others the recall is taken up again: none of them is sent."""
    bringing = [row.version_id for row in queued if row.action != Action.RECALL]
    recalled = await transcripts.recalled_among(session, bringing)
    await jobs.enqueue(session, rules.OPEN_RECALL, *recalled)
    return [row for row in queued if row.action == Action.RECALL or row.version_id not in recalled]


def _recall(version: VersionSummary, accepted: Delivery) -> Order:
    return Order(
        version=version,
        authority=accepted.authority,
        action=Action.RECALL,
        refers_to=accepted.message_id,
        package_sha256=accepted.package_sha256,
    )


async def _open(session: TenantSession, orders: Sequence[Order]) -> None:
    if not orders:
        return
    named = {order.authority for order in orders}
    bound = {one: await authorities.authority_of(session, one) for one in named}
    returned = await queries.returned_recalls(session, [order.version.id for order in orders])
    rows: list[dict[str, Any]] = []
    about: dict[uuid.UUID, tuple[uuid.UUID, ...]] = {}
    for order in orders:
        delivery_id, version = new_id(), order.version
        sender = bound[order.authority].sender_code
        message_id = rules.message_id(sender, version.id, order.authority, order.action)
        while order.action == Action.RECALL and message_id in returned:
            message_id = rules.next_message_id(sender, message_id)
        about[version.id] = (version.id, version.student_id)
        rows.append(
            {
                "id": delivery_id,
                "version_id": version.id,
                "authority": order.authority,
                "action": order.action,
                "label": f"{version.class_name} · {version.full_name}",
                "message_id": message_id,
                "refers_to": order.refers_to,
                "state": DeliveryState.DRAFT,
                "package_sha256": order.package_sha256,
                "queued_at": clock.now(),
            }
        )
    opened = set(await queries.open_deliveries(session, rows))
    fresh = [row for row in rows if row["id"] in opened]
    await manifests.keep(session.tenant_id, fresh)
    packaged = [row["version_id"] for row in fresh if row["action"] != Action.RECALL]
    await outbox.emit_all(session, [DeliveryPackaged(version_id) for version_id in packaged])
    deeds = [audit.Deed(row["id"], row["label"], about=about[row["version_id"]]) for row in fresh]
    await audit.record_many(session, machine(session.tenant_id), AuditAction.DELIVERY_QUEUED, deeds)
    await jobs.enqueue(session, rules.SEND, *(row["id"] for row in fresh))
