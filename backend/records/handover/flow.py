"""What the machine does for an export: one archive at a time, the tables first, then the files of the store."""

import asyncio
import uuid
from collections.abc import Mapping

import msgspec

from backend.core import at_once, clock, storage
from backend.core.crypto import sha256_hex
from backend.core.database import TenantSession
from backend.core.errors import NotFound
from backend.records.handover import packing, queries, rules
from backend.records.handover.models import SchoolExport
from backend.records.handover.schemas import ZIP_TYPE, ExportState, NextPart, Part, StoredFile

#: Files that are fetched at the same time.
AT_ONCE = 8
_READ_ME = """BẢN XUẤT DỮ LIỆU CỦA TRƯỜNG

bang/*.csv   mỗi tệp là một bảng, UTF-8, dòng đầu là tên cột, dấu phẩy giữa các cột (RFC 4180)
tep/*        học bạ (PDF, XML) và các tệp khác, ở các phần sau; tên tệp là SHA-256 của nội dung,
             cũng là giá trị ở các cột *_sha256 trong bảng
muc-luc.json số dòng (kể cả dòng tên cột) và SHA-256 của từng bảng

Ô bắt đầu bằng = + - @ là dữ liệu nguyên gốc; khi mở bằng bảng tính, hãy nhập dưới dạng văn bản.
"""


async def next_part(session: TenantSession, export_id: uuid.UUID) -> NextPart:
    """What the next archive of an export holds. Raises NotFound."""
    row = await _running(session, export_id)
    number = len(row.parts) + 1
    waiting = await queries.files_after(session, row.cursor, rules.MOST_FILES + 1)
    if number == 1:
        tables = await _tables(session)
        return NextPart(name="1-bang.zip", tables=tables, files=(), cursor=row.cursor, is_last=not waiting)
    files = rules.first_files(waiting)
    return NextPart(
        name=f"{number}-tep.zip",
        tables={},
        files=files,
        cursor=files[-1].sha256 if files else row.cursor,
        is_last=len(files) == len(waiting),
    )


async def pack(tenant_id: uuid.UUID, part: NextPart) -> bytes:
    """The archive, outside any transaction. Raises Unavailable, CorruptObject like the store."""

    async def fetch(file: StoredFile) -> tuple[str, bytes]:
        return rules.name_of(file), await storage.get(tenant_id, file.sha256)

    files = await at_once.each(part.files, fetch, limit=AT_ONCE)
    return await asyncio.to_thread(packing.zipped, part.tables | dict(files))


async def record_part(session: TenantSession, export_id: uuid.UUID, part: NextPart, data: bytes) -> bool:
    """The archive is in the store; returns whether it was the last. Raises NotFound."""
    row = await _running(session, export_id)
    file = storage.file_of(data, ZIP_TYPE)
    await storage.register(session, file)
    made = Part(name=part.name, sha256=file.sha256, size=file.size)
    values: dict[str, object] = {
        "parts": [*row.parts, msgspec.to_builtins(made)],
        "cursor": part.cursor,
    }
    if part.is_last:
        values |= {"state": ExportState.READY, "finished_at": clock.now()}
    await queries.change(session, export_id, **values)
    return part.is_last


async def give_up(session: TenantSession, export_id: uuid.UUID, told: str) -> None:
    """The machine has given an export up: its page says why."""
    await queries.change(session, export_id, state=ExportState.FAILED, problem=told, finished_at=clock.now())


async def _running(session: TenantSession, export_id: uuid.UUID) -> SchoolExport:
    row = await queries.find(session, export_id)
    if row is None:
        raise NotFound("Không tìm thấy bản xuất dữ liệu này.")
    return row


async def _tables(session: TenantSession) -> dict[str, bytes]:
    entries = {
        f"bang/{table}.csv": await queries.as_csv(session, table) for table in await queries.tables(session)
    }
    return {"DOC-TRUOC.txt": _READ_ME.encode(), "muc-luc.json": _contents(entries), **entries}


def _contents(entries: Mapping[str, bytes]) -> bytes:
    listed = {
        name: {"lines": data.count(b"\n"), "sha256": sha256_hex(data)} for name, data in entries.items()
    }
    return msgspec.json.format(msgspec.json.encode(listed))
