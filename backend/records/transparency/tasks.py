"""The public log is told what became of issued transcripts."""

from backend.core.jobs import Lane, Work, task
from backend.records.transparency import service
from backend.records.transparency.schemas import LogEvent


@task(
    service.TELL_ISSUED,
    "Ghi học bạ phát hành vào nhật ký minh bạch",
    lane=Lane.DELIVER,
    together=25,
)
async def issued(work: Work) -> None:
    """They were issued."""
    await _tell(work, LogEvent.ISSUED)


@task(
    service.TELL_RECALLED,
    "Ghi học bạ thu hồi vào nhật ký minh bạch",
    lane=Lane.DELIVER,
    together=25,
)
async def recalled(work: Work) -> None:
    """The Authority has taken them back out."""
    await _tell(work, LogEvent.RECALLED)


@task(
    service.TELL_REPLACED,
    "Ghi học bạ thay thế vào nhật ký minh bạch",
    lane=Lane.DELIVER,
    together=25,
)
async def replaced(work: Work) -> None:
    """The next version stands in their place."""
    await _tell(work, LogEvent.REPLACED)


async def _tell(work: Work, event: LogEvent) -> None:
    async with work.finish() as session:
        await service.tell(session, event, work.subject_ids)
