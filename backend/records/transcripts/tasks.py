"""A transcript version's way through the machine: render, ask for signatures, issue."""

from backend.core import storage
from backend.core.jobs import Lane, Work, task
from backend.records.transcripts import forms, service
from backend.remote_signing.requests import service as signing


@task("transcripts.render", lane=Lane.RENDER)
async def render(work: Work) -> None:
    """Make PDF and XML of a frozen version. The same snapshot gives the same bytes, so a repetition changes nothing."""
    async with work.transaction() as session:
        content = await service.due_for_rendering(session, work.subject_id)
    if content is None:
        return
    pdf, xml = await forms.both(content)
    await storage.put(work.tenant_id, xml)
    await storage.put(work.tenant_id, pdf)
    async with work.finish() as session:
        await service.record_rendering(session, work.subject_id, pdf, xml)


@task("transcripts.ask_for_signatures", lane=Lane.RENDER)
async def ask_for_signatures(work: Work) -> None:
    """Place the signature fields, all before the first signature, and open the signing request."""
    async with work.transaction() as session:
        pdf_sha256 = await service.due_for_signing(session, work.subject_id)
    if pdf_sha256 is None:
        return
    document = signing.with_fields(await storage.get(work.tenant_id, pdf_sha256), service.SIGNING_ORDER)
    await storage.put(work.tenant_id, document)
    async with work.finish() as session:
        await service.ask_for_signatures(session, work.subject_id, document)


@task("transcripts.issue", lane=Lane.SIGN)
async def issue(work: Work) -> None:
    """Everybody has signed: issue."""
    async with work.finish() as session:
        version_id = await signing.subject_of(session, work.subject_id)
        await service.issue(session, version_id)
