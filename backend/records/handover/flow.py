"""What the machine does for an export: one archive at a time, the tables first, then the files of the store."""

import asyncio
import hashlib
import uuid
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import msgspec

from backend.core import at_once, clock, storage
from backend.core.database import TenantSession, tenant_session
from backend.core.errors import NotFound
from backend.records.handover import packing, queries, rules
from backend.records.handover.models import SchoolExport
from backend.records.handover.schemas import ExportState, NextPart, Part, StoredFile

#: Files that are fetched at the same time.
AT_ONCE = 8
_BLOCK = 1 << 20
_READ_ME = """BẢN XUẤT DỮ LIỆU CỦA TRƯỜNG

bang/*.csv   mỗi tệp là một bảng, UTF-8, dòng đầu là tên cột, dấu phẩy giữa các cột (RFC 4180);
             mọi bảng cùng một thời điểm: {at:%d/%m/%Y %H:%M:%S}
tep/*        học bạ (PDF, XML) và các tệp khác, ở các phần sau; tên tệp là SHA-256 của nội dung,
             cũng là giá trị ở các cột *_sha256 trong bảng; gồm cả tệp có thêm trong lúc đóng gói
muc-luc.json số dòng (kể cả dòng tên cột) và SHA-256 của từng bảng

Không có trong bản xuất: mã bí mật của trường ở nhà cung cấp đăng nhập, mã truy cập của hệ thống khác, mật khẩu,
và phần tạm của những chữ ký chưa ký xong.

Ô bắt đầu bằng = + - @ là dữ liệu nguyên gốc; khi mở bằng bảng tính, hãy nhập dưới dạng văn bản.
"""


async def next_part(session: TenantSession, export_id: uuid.UUID) -> NextPart:
    """What the next archive of an export holds. Raises NotFound."""
    row = await _running(session, export_id)
    number = len(row.parts) + 1
    waiting = await queries.files_after(session, row.cursor, rules.MOST_FILES + 1)
    if number == 1:
        return NextPart(name="1-bang.zip", with_tables=True, files=(), cursor=row.cursor, is_last=not waiting)
    files = rules.first_files(waiting)
    return NextPart(
        name=f"{number}-tep.zip",
        with_tables=False,
        files=files,
        cursor=files[-1].sha256 if files else row.cursor,
        is_last=len(files) == len(waiting),
    )


async def pack(tenant_id: uuid.UUID, part: NextPart, folder: Path) -> Path:
    """The archive, written into an empty folder, outside any other transaction.

    Raises Unavailable, CorruptObject like the store.
    """

    async def fetch(file: StoredFile) -> tuple[str, Path]:
        path = folder / file.sha256
        path.write_bytes(await storage.get(tenant_id, file.sha256))
        return rules.name_of(file), path

    if part.with_tables:
        entries = await _tables(tenant_id, folder)
    else:
        entries = dict(await at_once.each(part.files, fetch, limit=AT_ONCE))
    archive = folder / part.name
    await asyncio.to_thread(packing.zip_files, archive, entries)
    return archive


async def record_part(
    session: TenantSession, export_id: uuid.UUID, part: NextPart, file: storage.File
) -> bool:
    """The archive is in the store; returns whether it was the last. Raises NotFound."""
    row = await _running(session, export_id)
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


async def _tables(tenant_id: uuid.UUID, folder: Path) -> dict[str, Path]:
    """Every table at one moment."""
    entries = {}
    async with tenant_session(tenant_id, read_only=True, one_moment=True) as session:
        at = (await queries.moment(session)).astimezone(clock.VIETNAM)
        for table in map(rules.leaving, await queries.tables(session)):
            entries[f"bang/{table.name}.csv"] = path = folder / f"{table.name}.csv"
            await queries.write_csv(session, table, path)
    listed = await asyncio.to_thread(_contents, entries)
    (folder / "read-me").write_text(_READ_ME.format(at=at), encoding="utf-8")
    (folder / "contents").write_bytes(listed)
    return {"DOC-TRUOC.txt": folder / "read-me", "muc-luc.json": folder / "contents", **entries}


def _contents(entries: Mapping[str, Path]) -> bytes:
    listed = {}
    for name, path in entries.items():
        with path.open("rb") as content:
            lines = sum(block.count(b"\n") for block in iter(partial(content.read, _BLOCK), b""))
            content.seek(0)
            digest = hashlib.file_digest(content, "sha256").hexdigest()
        listed[name] = {"lines": lines, "sha256": digest}
    return msgspec.json.format(msgspec.json.encode(listed))
