"""Packing an export, one archive per job."""

import tempfile
from pathlib import Path

from backend.core import jobs, storage
from backend.core.jobs import Lane, Work, task
from backend.records.handover import flow
from backend.records.handover.schemas import ZIP_TYPE


@task("handover.export", "Xuất dữ liệu của trường", lane=Lane.DELIVER, on_park=flow.give_up)
async def export(work: Work) -> None:
    """Pack the next archive; as long as files are left, another job packs the one after it."""
    async with work.transaction() as session:
        part = await flow.next_part(session, work.subject_id)
    with tempfile.TemporaryDirectory() as folder:
        archive = await flow.pack(work.tenant_id, part, Path(folder))
        file = await storage.put_file(work.tenant_id, archive, ZIP_TYPE)
    async with work.finish() as session:
        if not await flow.record_part(session, work.subject_id, part, file):
            await jobs.enqueue(session, "handover.export", work.subject_id)
