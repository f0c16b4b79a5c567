"""A package's way through the machine: made, sealed, offered, answered."""

from backend.core import storage
from backend.core.database import TenantId
from backend.core.jobs import Lane, RetryLater, Work, task
from backend.records.transfers import flow
from backend.remote_signing.requests import service as signing

#: How often the machine looks whether the other school has answered; nobody waits for it by the second.
LOOK_AGAIN = 300.0


@task("transfers.compile", "Lập gói chuyển học bạ", lane=Lane.RENDER)
async def compile_package(work: Work) -> None:
    """Put all files of a package together and have it signed."""
    async with work.transaction() as session:
        manifest = await flow.to_compile(session, work.subject_id)
    if manifest is None:
        return
    parts = [part for year in manifest.years for part in (year.pdf, year.xml)]
    files = {part.name: await storage.get(work.tenant_id, part.sha256) for part in parts}
    pdf = await flow.compiled(manifest, files)
    await storage.put(work.tenant_id, pdf)
    async with work.finish() as session:
        await flow.record_compiled(session, work.subject_id, pdf)


@task("transfers.seal", "Ghi gói chuyển học bạ đã ký", lane=Lane.SIGN, together=25)
async def seal(work: Work) -> None:
    """Everybody has signed."""
    async with work.finish() as session:
        await flow.seal(session, await signing.subjects_of(session, work.subject_ids))


@task("transfers.offer", "Gửi gói học bạ cho trường nhận", lane=Lane.DELIVER)
async def offer(work: Work) -> None:
    """Lay the package down with a receiver that is on the platform, and tell it."""
    async with work.transaction() as session:
        wanted = await flow.to_offer(session, work.subject_id)
    if wanted is None:
        return
    package = await storage.get(work.tenant_id, wanted.sha256)
    await storage.put(TenantId(wanted.receiver_id), package)
    async with work.finish() as session:
        await flow.record_offered(session, work.subject_id)


@task("transfers.await_answer", "Chờ trường nhận trả lời", lane=Lane.DELIVER)
async def await_answer(work: Work) -> None:
    """Look whether the receiver has answered, until it has."""
    async with work.transaction() as session:
        answered = await flow.record_answer(session, work.subject_id)
    if not answered:
        raise RetryLater(LOOK_AGAIN)
