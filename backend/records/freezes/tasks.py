"""A run's way through the machine, class by class."""

from backend.core.errors import AppError, Unavailable
from backend.core.jobs import Lane, Work, task
from backend.records.freezes import service


@task("freezes.freeze_class", "Chốt học bạ của một lớp", lane=Lane.RENDER, on_park=service.refuse)
async def freeze_class(work: Work) -> None:
    """Freeze one class of a run. What keeps it back is told on the page of the run; the other classes go on."""
    try:
        async with work.finish() as session:
            await service.freeze(session, work.subject_id)
    except Unavailable:
        raise
    except AppError as refusal:
        async with work.finish() as session:
            await service.refuse(session, work.subject_id, refusal.message)
