"""A transcript version's way through the machine: render, ask for signatures, issue, and what becomes of it."""

from backend.core import at_once, storage
from backend.core.jobs import Lane, Work, task
from backend.records.transcripts import again, flow, forms, service
from backend.records.transcripts.schemas import Deed, Forms, VersionId
from backend.remote_signing.requests import service as signing

#: Documents of one job that are rendered and stored at the same time: one is on the processor, the others on the way.
AT_ONCE = 3


@task(again.RENDER, "Kết xuất học bạ", lane=Lane.RENDER, together=8)
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


@task(again.ASK, "Đưa học bạ đi ký", lane=Lane.RENDER, together=25)
async def ask_for_signatures(work: Work) -> None:
    """Open the signing requests."""
    async with work.finish() as session:
        await flow.ask_for_signatures(session, work.subject_ids)


@task(again.ISSUE, "Phát hành học bạ", lane=Lane.SIGN, together=25)
async def issue(work: Work) -> None:
    """Everybody has signed: note that, and issue as soon as audit and store allow it."""
    async with work.transaction() as session:
        subject_ids = await signing.subjects_of(session, work.subject_ids)
        version_ids = await flow.versions_among(session, subject_ids)
        await flow.note_signed(session, version_ids)
    async with work.finish() as session:
        await flow.issue(session, version_ids)


@task(service.LOCK, "Chốt học bạ", lane=Lane.DELIVER, together=25)
async def lock(work: Work) -> None:
    """The last day of the plan is over: what the Authority has accepted is in force from now on."""
    async with work.finish() as session:
        await flow.lock_due(session, work.subject_ids)


@task("transcripts.packaged", "Ghi việc đóng gói học bạ", lane=Lane.DELIVER, together=48)
async def packaged(work: Work) -> None:
    """Its package waits for the Authority."""
    async with work.finish() as session:
        await flow.note_packaged(session, work.subject_ids)


@task("transcripts.submitted", "Ghi việc nộp học bạ", lane=Lane.DELIVER, together=48)
async def submitted(work: Work) -> None:
    """The Authority has the message."""
    await _advance(work, Deed.SUBMIT)


@task("transcripts.accepted", "Ghi việc Sở chấp nhận học bạ", lane=Lane.DELIVER, together=48)
async def accepted(work: Work) -> None:
    """The Authority has taken it in."""
    await _advance(work, Deed.ACCEPT)


@task("transcripts.rejected", "Ghi việc Sở từ chối học bạ", lane=Lane.DELIVER, together=48)
async def rejected(work: Work) -> None:
    """The Authority refuses it, whoever manages it by now."""
    await _advance(work, Deed.REJECT, Deed.GIVE_BACK)


@task("transcripts.locked", "Ghi việc Sở chốt học bạ", lane=Lane.DELIVER, together=48)
async def locked(work: Work) -> None:
    """The Authority has taken it in and locked it."""
    await _advance(work, Deed.ACCEPT, Deed.LOCK)


@task("transcripts.recall_refused", "Ghi việc Sở không cho thu hồi học bạ", lane=Lane.DELIVER, together=25)
async def recall_refused(work: Work) -> None:
    """The Authority does not take it back out."""
    await _advance(work, Deed.REFUSE_RECALL)


@task("transcripts.recall_returned", "Ghi việc Sở trả lại đề nghị thu hồi", lane=Lane.DELIVER, together=25)
async def recall_returned(work: Work) -> None:
    """The Authority finds the recall itself wrong."""
    await _advance(work, Deed.RETURN_RECALL)


@task("transcripts.recalled", "Ghi việc thu hồi học bạ", lane=Lane.DELIVER)
async def recalled(work: Work) -> None:
    """The Authority has taken it back out."""
    async with work.finish() as session:
        await flow.confirm_recall(session, work.subject_ids)


async def _advance(work: Work, *deeds: Deed) -> None:
    async with work.finish() as session:
        await flow.advance(session, work.subject_ids, *deeds)
