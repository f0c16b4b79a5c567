"""Printing a copy."""

from backend.core import storage
from backend.core.jobs import Lane, Work, task
from backend.records.copies import service
from backend.records.transcripts import service as transcripts


@task("copies.print", "Kết xuất bản sao học bạ", lane=Lane.RENDER)
async def print_copy(work: Work) -> None:
    """Make the PDF, once."""
    async with work.transaction() as session:
        due = await service.print_due(session, work.subject_id)
        book = await transcripts.book_of(session, *due) if due else None
    pdf = await transcripts.print_book(book) if book else None
    if pdf is not None:
        await storage.put(work.tenant_id, pdf)
    async with work.finish() as session:
        if pdf is not None:
            await service.record_print(session, work.subject_id, pdf)
