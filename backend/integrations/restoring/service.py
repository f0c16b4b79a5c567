"""Restoring forward: an older database learns from the store what was issued and sent after it.

One version with its messages is one transaction, so that what is in the way of one keeps no other waiting, and a
repetition goes on where it was. Without `write` every transaction is rolled back: what is said is what would be done.
"""

import uuid
from collections import defaultdict
from collections.abc import Container, Sequence

from backend.core import manifests
from backend.core.database import TenantId, platform_session, tenant_session
from backend.core.errors import AppError, Conflict
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import Action, DeliveryManifest
from backend.integrations.restoring import queries
from backend.integrations.restoring.schemas import SchoolReport
from backend.records.copies import service as copies
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import IssuedManifest, Restoring, Since


async def begin(operator: str, *, write: bool) -> frozenset[uuid.UUID]:
    """The schools that this database knows; who asks stands in the platform's log."""
    async with platform_session() as session:
        return frozenset(await queries.begin_restoring(session, operator, write=write))


async def schools_in_the_store() -> Sequence[TenantId]:
    """Every school of which anything lies in the store."""
    return [TenantId(found) for found in await manifests.schools()]


async def restore_school(
    tenant_id: TenantId, operator: str, known: Container[uuid.UUID], *, write: bool
) -> SchoolReport:
    """Bring one school forward, if it is among the `known`. Raises Unavailable, CorruptObject."""
    report = SchoolReport(tenant_id)
    issued = await transcripts.issued_manifests(tenant_id)
    if issued and tenant_id not in known:
        report.problems.append(
            f"Trường {issued[0].school_code} ({tenant_id}) có {len(issued)} học bạ đã phát hành trong kho mà cơ sở "
            "dữ liệu không có trường này; hãy dùng bản sao lưu sau ngày mở trường."
        )
        return report
    since = await transcripts.since_issued(tenant_id)
    messages: dict[uuid.UUID, list[DeliveryManifest]] = defaultdict(list)
    for message in await deliveries.delivery_manifests(tenant_id):
        messages[message.version_id].append(message)
    for manifest in issued:
        try:
            await _restore(report, manifest, since, messages[manifest.version_id], operator, write=write)
        except AppError as error:
            report.problems.append(_about(manifest, error.message))
    await _restore_copies(report, tenant_id, operator, write=write)
    return report


async def _restore(
    report: SchoolReport,
    manifest: IssuedManifest,
    since: Since,
    messages: Sequence[DeliveryManifest],
    operator: str,
    *,
    write: bool,
) -> None:
    async with tenant_session(report.tenant_id) as session:
        recall_sent = any(message.action == Action.RECALL for message in messages)
        restored = await transcripts.restore(session, manifest, since, operator, recall_sent=recall_sent)
        if restored.found is Restoring.CONFLICT:
            report.problems.append(_about(manifest, restored.problem))
            return
        asked, problems = 0, []
        for message in messages:
            try:
                asked += await deliveries.restore_delivery(session, message, operator)
            except Conflict as error:
                problems.append(_about(manifest, error.message))
        if not write:
            await session.rollback()
    report.asked += asked
    report.problems += problems
    report.known += restored.found is Restoring.KNOWN
    report.advanced += restored.found is Restoring.ADVANCED
    report.rebuilt += restored.found is Restoring.REBUILT


async def _restore_copies(report: SchoolReport, tenant_id: TenantId, operator: str, *, write: bool) -> None:
    """The register of copies, by the numbers under which they left the school."""
    for manifest in await copies.copy_manifests(tenant_id):
        async with tenant_session(tenant_id) as session:
            try:
                report.copies += await copies.restore_copy(session, manifest, operator)
            except AppError as error:
                report.problems.append(f"Sổ cấp bản sao, {manifest.label}: {error.message}")
            if not write:
                await session.rollback()


def _about(manifest: IssuedManifest, problem: str) -> str:
    return (
        f"Trường {manifest.school_code}, học bạ phiên bản {manifest.version_id} "
        f"(học sinh {manifest.student_id}): {problem}"
    )
