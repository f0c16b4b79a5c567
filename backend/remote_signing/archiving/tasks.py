"""Time stamps for the archive, by night."""

from backend.core import jobs
from backend.core.errors import Unavailable
from backend.core.jobs import Lane, Work, task
from backend.remote_signing.archiving import service, stamping
from backend.remote_signing.providers import port

#: Seconds until an authority that did not answer is asked again. Nobody waits for it.
RETRY_SECONDS = 300.0


@task(service.STAMP, "Đóng dấu thời gian lưu trữ", lane=Lane.SIGN, together=8)
async def stamp(work: Work) -> None:
    """Everybody has signed, or the last stamp ages: stamp the whole document."""
    async with work.transaction() as session:
        documents = await service.to_stamp(session, work.subject_ids)
    try:
        stamped = await stamping.stamp_all(work.tenant_id, documents)
    except (Unavailable, port.NotReached, port.OutcomeUnknown) as error:
        raise jobs.RetryLater(RETRY_SECONDS, error.message) from error
    async with work.finish() as session:
        await service.record_stamped(session, stamped)
