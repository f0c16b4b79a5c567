"""How an export is cut into archives, and how long it may be taken away."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from backend.core.errors import Conflict, NotFound
from backend.records.handover.schemas import Export, ExportState, Part, StoredFile, Table
from backend.tenants.schools.schemas import Closing

#: An archive has at most so many files and bytes, give or take one file.
MOST_FILES, MOST_BYTES = 500, 60_000_000
TAKE_AWAY = timedelta(days=7)
#: Columns that stay here: what signs, or signs in elsewhere, in the school's name, and the bytes between preparing a
#: signature and embedding it, which the finished documents hold.
STAYS = {
    "authority_binding": frozenset({"secrets"}),
    "identity_provider": frozenset({"sealed_secret"}),
    "provider_access": frozenset({"sealed_values"}),
    "provider_account": frozenset({"sealed_values"}),
    "secret_key": frozenset({"sealed_key"}),
    "signing_item": frozenset({"prepared_update"}),
    "webhook_endpoint": frozenset({"key", "old_key"}),
}
UNDER_WAY = "Đang có một bản xuất dữ liệu được đóng gói; xin chờ bản ấy xong."
#: What whoever approves an export is told of it.
EXPORT_TOLD = "Đóng gói mọi bảng và mọi tệp học bạ của trường để chủ trường tải về trong 7 ngày."
_ENDINGS = {"application/pdf": "pdf", "application/xml": "xml"}


def first_files(files: Sequence[StoredFile]) -> tuple[StoredFile, ...]:
    """As many of the files, in their order, as one archive takes; at least one, if there is any."""
    taken: list[StoredFile] = []
    for file in files[:MOST_FILES]:
        if taken and sum(one.size for one in taken) + file.size > MOST_BYTES:
            break
        taken.append(file)
    return tuple(taken)


def leaving(table: Table) -> Table:
    """The table without the columns that stay."""
    stays = STAYS.get(table.name, frozenset())
    return Table(name=table.name, columns=tuple(name for name in table.columns if name not in stays))


def name_of(file: StoredFile) -> str:
    """Where a file lies in the archive: under its digest, which the tables name."""
    return f"tep/{file.sha256}.{_ENDINGS.get(file.content_type, 'bin')}"


def part_of(export: Export, number: int, now: datetime) -> Part:
    """The archive with that number, from 1. Raises NotFound, Conflict when it is not ready or too old."""
    if not 1 <= number <= len(export.parts):
        raise NotFound("Không tìm thấy phần này của bản xuất dữ liệu.")
    if export.state is not ExportState.READY or export.ends_at is None:
        raise Conflict("Bản xuất dữ liệu chưa xong; xin chờ đến khi trạng thái là Sẵn sàng.")
    if now > export.ends_at:
        raise Conflict(
            f"Bản xuất này chỉ tải được đến {export.ends_at:%d/%m/%Y}; hãy xuất lại để có dữ liệu mới nhất."
        )
    return export.parts[number - 1]


def closing_told(planned: Closing) -> str:
    """What whoever approves a closing is told of it."""
    return f"Đóng trường từ ngày {planned.closes_on:%d/%m/%Y}; hồ sơ bàn giao cho {planned.successor}."


def require_none_running(exports: Sequence[Export]) -> None:
    """Raises Conflict while an export is being packed."""
    if any(one.state is ExportState.RUNNING for one in exports):
        raise Conflict(UNDER_WAY)
