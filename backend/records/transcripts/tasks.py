"""A transcript version's way through the machine: render, ask for signatures, issue."""

from backend.core import at_once, storage
from backend.core.jobs import Lane, Work, task
from backend.records.transcripts import flow, forms
from backend.records.transcripts.schemas import Forms, VersionId
from backend.remote_signing.requests import service as signing

#: Documents of one job that are rendered and stored at the same time: one is on the processor, the others on the way.
AT_ONCE = 3


@task("transcripts.render", "Kết xuất học bạ", lane=Lane.RENDER, together=8)
async def render(work: Work) -> None:
    """Make PDF and XML of frozen versions. The same snapshot gives the same bytes, so a repetition changes nothing."""
    async with work.transaction() as session:
        contents = await flow.due_for_rendering(session, work.subject_ids)

    async def one(version: tuple[VersionId, bytes]) -> Forms:
        made = await forms.both(*version)
        await storage.put(work.tenant_id, made.xml)
        await storage.put(work.tenant_id, made.pdf)
        return made

    made = await at_once.each(contents.items(), one, limit=AT_ONCE)
    async with work.finish() as session:
        await flow.record_renderings(session, made)


@task("transcripts.ask_for_signatures", "Đưa học bạ đi ký", lane=Lane.RENDER, together=25)
async def ask_for_signatures(work: Work) -> None:
    """Open the signing requests."""
    async with work.finish() as session:
        await flow.ask_for_signatures(session, work.subject_ids)


@task("transcripts.issue", "Phát hành học bạ", lane=Lane.SIGN, together=25)
async def issue(work: Work) -> None:
    """Everybody has signed: issue."""
    async with work.finish() as session:
        subject_ids = await signing.subjects_of(session, work.subject_ids)
        await flow.issue(session, await flow.versions_among(session, subject_ids))
