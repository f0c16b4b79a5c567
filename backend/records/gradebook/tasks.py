"""The gradebook in the background."""

from backend.core.jobs import Lane, RetryLater, Work, task
from backend.records.gradebook import life


@task("gradebook.lock_overdue", "Khóa lại sổ điểm đã hết hạn mở", lane=Lane.INTERACTIVE)
async def lock_overdue(work: Work) -> None:
    """A sheet was opened again: lock it when its time is over, unless somebody has by then."""
    async with work.finish() as session:
        left = await life.lock_overdue(session, work.subject_id)
        if left:
            raise RetryLater(left)
