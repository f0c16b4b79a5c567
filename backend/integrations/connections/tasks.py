"""Asking an Authority whether it answers."""

from backend.core.jobs import Lane, Work, task
from backend.integrations.authorities.schemas import BindingId
from backend.integrations.connections import service


@task("connections.try", "Thử kết nối cơ quan tiếp nhận", lane=Lane.DELIVER)
async def try_connection(work: Work) -> None:
    """Ask about a message that there is not, and keep what came of it."""
    binding_id = BindingId(work.subject_id)
    async with work.transaction() as session:
        authority = await service.to_try(session, binding_id)
    trial = await service.try_out(authority) if authority else None
    async with work.finish() as session:
        if trial is not None:
            await service.record_trial(session, binding_id, trial)
