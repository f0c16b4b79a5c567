"""A delivery's way through the machine. The attempt is committed before a byte leaves; a lost answer is asked for."""

from backend.core import storage
from backend.core.jobs import Lane, Work, task
from backend.integrations.deliveries import exchange, service


@task("deliveries.open", lane=Lane.DELIVER)
async def open_delivery(work: Work) -> None:
    """A version was issued: queue it for the school's Authority."""
    async with work.finish() as session:
        await service.open_delivery(session, work.subject_id)


@task(service.SEND, lane=Lane.DELIVER, on_park=service.park)
async def send(work: Work) -> None:
    """Send, or send again under the same message id. Everything is at hand before the attempt is committed."""
    async with work.transaction() as session:
        package_sha256 = await service.package_of(session, work.subject_id)
    package = await storage.get(work.tenant_id, package_sha256)
    async with work.transaction() as session:
        sending = await service.begin_sending(session, work.subject_id)
    if sending is None:
        return
    answer = await exchange.send(work.tenant_id, sending, package)
    async with work.finish() as session:
        await service.record_sent(session, work.subject_id, sending.attempt_id, answer)


@task(service.QUERY, lane=Lane.DELIVER, on_park=service.park)
async def query(work: Work) -> None:
    """Ask what became of a message."""
    async with work.transaction() as session:
        found = await service.to_query(session, work.subject_id)
    if found is None:
        return
    answer = await exchange.ask(work.tenant_id, *found)
    async with work.finish() as session:
        await service.record_answer(session, work.subject_id, answer)
