"""Work of bindings."""

from backend.core.jobs import Lane, Work, task
from backend.integrations.authorities import service


@task("authorities.close_anew", "Niêm phong lại khóa kết nối cơ quan tiếp nhận", lane=Lane.INTERACTIVE)
async def close_anew(work: Work) -> None:
    """The school has a new key: close under it what was bound."""
    async with work.finish() as session:
        await service.close_anew(session, work.subject_id)
