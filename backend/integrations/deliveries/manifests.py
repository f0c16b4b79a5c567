"""What lies in the store of a delivery, and how its row is rebuilt from that in an older database."""

import uuid
from collections.abc import Sequence
from typing import Any

from backend.core import audit, jobs, manifests
from backend.core.actor import machine
from backend.core.audit import Action as AuditAction
from backend.core.database import TenantId, TenantSession
from backend.core.errors import Conflict
from backend.integrations.deliveries import queries
from backend.integrations.deliveries.rules import QUERY, TO_SEND
from backend.integrations.deliveries.schemas import (
    Action,
    DeliveryManifest,
    DeliveryManifests,
    DeliveryState,
)
from backend.records.transcripts import service as transcripts

_REASON = "Cơ sở dữ liệu được khôi phục từ bản cũ hơn; hệ thống hỏi cơ quan tiếp nhận trước khi gửi."
#: States of an older database in which the message may have been sent since.
_MAYBE_SENT = (*TO_SEND, DeliveryState.SENDING)


async def keep(tenant_id: uuid.UUID, rows: Sequence[dict[str, Any]]) -> None:
    """Write the manifests of deliveries that this transaction opens. Raises Unavailable without the store."""
    if not rows:
        return
    made = tuple(
        DeliveryManifest(
            version_id=row["version_id"],
            delivery_id=row["id"],
            authority=row["authority"],
            action=row["action"],
            message_id=row["message_id"],
            refers_to=row["refers_to"],
            package_sha256=row["package_sha256"],
            queued_at=row["queued_at"],
        )
        for row in rows
    )
    await manifests.keep(tenant_id, made[0].version_id, DeliveryManifests(deliveries=made))


async def delivery_manifests(tenant_id: TenantId) -> list[DeliveryManifest]:
    """One manifest for each message that may have been sent: the newest, where a crash left several."""
    together = await manifests.of_school(tenant_id, DeliveryManifests)
    found = await manifests.of_school(tenant_id, DeliveryManifest)
    found += [one for many in together for one in many.deliveries]
    newest = {one.message_id: one for one in sorted(found, key=lambda one: one.queued_at)}
    return [newest[message_id] for message_id in sorted(newest)]


async def restore_delivery(session: TenantSession, manifest: DeliveryManifest, operator: str) -> bool:
    """Let the Authority be asked about a message that an older database knows nothing of, before anything is sent.

    False where there is nothing to do. Raises NotFound for a version that is not there, Conflict where the database has
    another message about it.
    """
    version = await transcripts.get_version(session, manifest.version_id)
    if manifest.action == Action.RECALL and version.withdrawn_at is None:
        raise Conflict(
            "sau bản sao lưu này trường đã đề nghị thu hồi học bạ; hai người có thẩm quyền hãy đề nghị lại, thông điệp "
            f"giữ nguyên mã {manifest.message_id}"
        )
    known = [one for one in await queries.of_version(session, version.id) if _is_of(one, manifest)]
    if any(one.state not in _MAYBE_SENT for one in known):
        return False
    if any(one.message_id != manifest.message_id for one in known):
        raise Conflict(
            f"lần gửi {known[0].id} trong cơ sở dữ liệu mang mã thông điệp khác mã đã gửi ({manifest.message_id}); "
            "hãy dừng lần gửi ấy rồi hỏi cơ quan tiếp nhận"
        )
    unknown = {"state": DeliveryState.UNKNOWN, "reason": _REASON}
    label = f"{version.class_name} · {version.full_name}"
    if known:
        await queries.update_deliveries(session, [one.id for one in known], unknown)
    else:
        row: dict[str, Any] = {
            "id": manifest.delivery_id,
            "version_id": version.id,
            "authority": manifest.authority,
            "action": manifest.action,
            "label": label,
            "package_sha256": manifest.package_sha256,
            "message_id": manifest.message_id,
            "refers_to": manifest.refers_to,
            "queued_at": manifest.queued_at,
            **unknown,
        }
        await queries.open_deliveries(session, [row])
    delivery_id = known[0].id if known else manifest.delivery_id
    await audit.record(
        session,
        machine(session.tenant_id),
        AuditAction.DELIVERY_RESTORED,
        delivery_id,
        label,
        about=(version.id, version.student_id),
        operator=operator,
    )
    await jobs.enqueue(session, QUERY, delivery_id)
    return True


def _is_of(row: Any, manifest: DeliveryManifest) -> bool:
    """The same message, or one about the same that may go out in its place."""
    same = (row.authority, row.action) == (manifest.authority, manifest.action)
    return row.message_id == manifest.message_id or (same and row.state in _MAYBE_SENT)
