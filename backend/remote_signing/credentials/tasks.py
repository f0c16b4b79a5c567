"""Certificates are looked after by night."""

from backend.core.jobs import Lane, Work, task
from backend.remote_signing.credentials import service


@task(service.CHECK, "Hỏi trạng thái chứng thư số", lane=Lane.SIGN)
async def check_certificate(work: Work) -> None:
    """Ask the authority; who does not answer is asked again the next day."""
    async with work.transaction() as session:
        credential = await service.get(session, work.subject_id)
    revoked = await service.is_revoked(credential, anew=True)
    async with work.finish() as session:
        if revoked:
            await service.suspend_revoked(session, work.subject_id)
