"""What goes to the Authority next: an issued version, one in place of another, or the wish that one be taken back."""

import uuid
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
    taken in, is not sent to another Authority because the school has bound that one since.
    """
    on_their_way = await queries.sent_versions(session, version_ids)
    version_ids = [one for one in version_ids if one not in on_their_way]
    if not version_ids:
        return
    versions = await transcripts.get_versions(session, version_ids)
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
    """Ask the Authority to take versions back out. What it never took in is recalled with that."""
    accepted = await queries.accepted(session, version_ids)
    versions = await transcripts.get_versions(session, version_ids)
    orders = [
        Order(
            version=version,
            authority=accepted[version.id].authority,
            action=Action.RECALL,
            refers_to=accepted[version.id].message_id,
            package_sha256=accepted[version.id].package_sha256,
        )
        for version in versions
        if version.id in accepted
    ]
    await _open(session, orders)
    await outbox.emit_all(
        session, [DeliveryRecalled(version.id) for version in versions if version.id not in accepted]
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
                "state": DeliveryState.QUEUED,
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
