"""A delivery's way through the machine. The attempt is committed before a byte leaves; a lost answer is asked for."""

from backend.core import storage
from backend.core.jobs import Lane, Work, task
from backend.integrations.deliveries import service
from backend.integrations.deliveries.channels.port import Evidence, OutgoingMessage
from backend.integrations.deliveries.channels.rest import RestChannel

_CHANNEL = RestChannel()


@task("deliveries.open", lane=Lane.DELIVER)
async def open_delivery(work: Work) -> None:
    """A version was issued: queue it for the school's Authority."""
    async with work.finish() as session:
        await service.open_delivery(session, work.subject_id)


@task(service.SEND, lane=Lane.DELIVER, lease_seconds=90)
async def send(work: Work) -> None:
    """Send, or send again under the same message id."""
    async with work.transaction() as session:
        sending = await service.begin_sending(session, work.subject_id)
    if sending is None:
        return
    message = OutgoingMessage(
        message_id=sending.message_id,
        sender_code=sending.sender_code,
        action=sending.action,
        lookup_code=sending.lookup_code,
        version=sending.version,
        sha256=sending.package_sha256,
        package_xml=await storage.get(work.tenant_id, sending.package_sha256),
        pdf_sha256=sending.pdf_sha256,
    )
    answer = await _CHANNEL.send(sending.endpoint, message)
    await _store(work, answer.evidence)
    async with work.finish() as session:
        await service.record_sent(session, work.subject_id, sending.attempt_id, answer)


@task(service.QUERY, lane=Lane.DELIVER, lease_seconds=90)
async def query(work: Work) -> None:
    """Ask what became of a message."""
    async with work.transaction() as session:
        found = await service.to_query(session, work.subject_id)
    if found is None:
        return
    answer = await _CHANNEL.query(*found)
    await _store(work, answer.evidence)
    async with work.finish() as session:
        await service.record_answer(session, work.subject_id, answer)


async def _store(work: Work, evidence: Evidence) -> None:
    await storage.put(work.tenant_id, evidence.sent)
    await storage.put(work.tenant_id, evidence.received)
