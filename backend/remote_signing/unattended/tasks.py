"""The seal seals what waits for it."""

from backend.core import jobs
from backend.core.jobs import Lane, Work, task
from backend.remote_signing.unattended import service


@task("signing.seal_unattended", "Tự đóng dấu hồ sơ đã đủ chữ ký", lane=Lane.SIGN)
async def seal_unattended(work: Work) -> None:
    """Within the mandate; outside its hours and above its count it waits for the next day."""
    async with work.finish() as session:
        wait = await service.seal_waiting(session, work.subject_id)
        if wait is not None:
            await jobs.enqueue(session, "signing.seal_unattended", work.subject_id, after=wait)
