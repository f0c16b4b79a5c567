"""Look at the directory of an uploaded workbook before anything is unpacked (ASVS 5.0 5.2).

An .xlsx of 498 KiB can cost 92 s and 1.2 GB in openpyxl, so the decision is taken from the zip directory and
from the first kilobytes of each part. Cost: at most 200 ms and 64 MB for any input.
"""

import io
import re
import struct
import zipfile
import zlib
from typing import Final

MAX_FILE_BYTES: Final = 20 * 1024 * 1024
MAX_ENTRIES: Final = 2_000
MAX_UNPACKED_BYTES: Final = 50 * 1024 * 1024
MAX_RATIO: Final = 100
#: Honest sheets full of empty styled cells pack better than 100:1, so small parts are not measured by ratio.
RATIO_FREE_BYTES: Final = 1024 * 1024
MAX_DIRECTORY_BYTES: Final = 512 * 1024
#: What a OneRoster package holds in place of a workbook's parts, and no more than so many files.
MANIFEST: Final = "manifest.csv"
_MOST_CSV: Final = 40
_PROLOG_BYTES: Final = 4096
_RELATIONS_BYTES: Final = 256 * 1024

_OLE_MAGIC: Final = bytes.fromhex("d0cf11e0a1b11ae1")
_ARCHIVE_MAGICS: Final = (b"PK\x03\x04", b"PK\x05\x06", b"Rar!", b"7z\xbc\xaf", b"\x1f\x8b", _OLE_MAGIC)
_END_OF_DIRECTORY: Final = struct.Struct("<4s4H2LH")
_PROLOG: Final = re.compile(rb"(?:\xef\xbb\xbf)?\s*(?:<\?.*?\?>\s*|<!--.*?-->\s*)*<[A-Za-z_]", re.DOTALL)
_ENCODING: Final = re.compile(rb"<\?xml[^>]*encoding\s*=\s*[\"']([^\"']+)", re.IGNORECASE)
_RELATION: Final = re.compile(rb"<(?:\w+:)?Relationship\b[^>]*>", re.DOTALL)

NOT_A_WORKBOOK: Final = "Tệp không phải là tệp Excel (.xlsx); hãy mở tệp bằng Excel rồi lưu lại dạng .xlsx."
BROKEN: Final = "Tệp Excel bị hỏng; hãy mở bằng Excel, lưu lại rồi tải lên lần nữa."
_EMPTY: Final = "Tệp rỗng; hãy chọn lại tệp Excel (.xlsx) cần nhập."
_TOO_LARGE: Final = "Tệp lớn hơn 20 MB; hãy tách thành nhiều tệp nhỏ hơn, mỗi khối hoặc mỗi lớp một tệp."
_PASSWORD: Final = "Tệp có mật khẩu; hãy bỏ mật khẩu trong Excel rồi tải lên lại."
_OLD_XLS: Final = "Tệp ở định dạng Excel cũ (.xls); hãy mở bằng Excel, lưu lại dạng .xlsx rồi tải lên lại."
_BOMB: Final = (
    "Tệp được nén bất thường nên không được mở; hãy mở bằng Excel, lưu lại dạng .xlsx rồi tải lên lại."
)
_NESTED: Final = "Tệp có chứa tệp khác bên trong; hãy xóa các tệp nhúng trong Excel rồi tải lên lại."
_MACRO: Final = "Tệp có chứa macro; hãy lưu lại dạng .xlsx (không có macro) rồi tải lên lại."
_LINKS: Final = "Tệp có liên kết đến tệp khác; hãy dán giá trị thay cho liên kết trong Excel rồi tải lên lại."
_DTD: Final = (
    "Tệp có phần khai báo không được phép (DTD); hãy mở bằng Excel, lưu lại dạng .xlsx rồi tải lên lại."
)


class _Refused(Exception):
    """Carries the sentence for the person who uploaded the file."""


def refusal(data: bytes) -> str | None:
    """One Vietnamese sentence that says why this file is not opened, or None when it may be parsed."""
    try:
        _check_envelope(data)
        _check_end_of_directory(data)
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            _check_directory(archive.infolist())
            for entry in archive.infolist():
                _check_part(archive, entry)
    except _Refused as refused:
        return str(refused)
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        ValueError,
        NotImplementedError,
        struct.error,
        RuntimeError,
    ):
        return BROKEN
    return None


def _check_envelope(data: bytes) -> None:
    if not data:
        raise _Refused(_EMPTY)
    if len(data) > MAX_FILE_BYTES:
        raise _Refused(_TOO_LARGE)
    if data.startswith(_OLE_MAGIC):
        encrypted = "EncryptedPackage".encode("utf-16-le") in data
        raise _Refused(_PASSWORD if encrypted else _OLD_XLS)
    if not data.startswith(b"PK\x03\x04"):
        raise _Refused(NOT_A_WORKBOOK)


def _check_end_of_directory(data: bytes) -> None:
    """zipfile builds an object per entry before we can count, so the count is read from the raw record."""
    at = data.rfind(b"PK\x05\x06", max(0, len(data) - 65_557))
    if at < 0 or at + _END_OF_DIRECTORY.size > len(data):
        raise _Refused(BROKEN)
    _, _, _, _, entries, directory_bytes, _, _ = _END_OF_DIRECTORY.unpack_from(data, at)
    zip64 = data.rfind(b"PK\x06\x07", max(0, at - 20), at) >= 0
    if zip64 or entries > MAX_ENTRIES or directory_bytes > MAX_DIRECTORY_BYTES:
        raise _Refused(_BOMB)


def _check_directory(entries: list[zipfile.ZipInfo]) -> None:
    names = [entry.filename for entry in entries]
    is_workbook = "[Content_Types].xml" in names and any(name.startswith("xl/") for name in names)
    if not is_workbook and not _is_package(names):
        raise _Refused(NOT_A_WORKBOOK)
    if len(entries) > MAX_ENTRIES or len(set(names)) != len(names):
        raise _Refused(_BOMB)
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED_BYTES:
        raise _Refused(_BOMB)
    for entry in entries:
        _check_entry(entry)


def _is_package(names: list[str]) -> bool:
    """CSV files alone, in no folder, one of them a manifest."""
    only_csv = all(name.endswith(".csv") and "/" not in name and "\\" not in name for name in names)
    return only_csv and MANIFEST in names and len(names) <= _MOST_CSV


def _check_entry(entry: zipfile.ZipInfo) -> None:
    name = entry.filename.lower()
    if entry.flag_bits & 0x1:
        raise _Refused(_PASSWORD)
    if entry.file_size > RATIO_FREE_BYTES and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        raise _Refused(_BOMB)
    if name.startswith("xl/externallinks/"):
        raise _Refused(_LINKS)
    if name.endswith("vbaproject.bin"):
        raise _Refused(_MACRO)
    if "/embeddings/" in name or name.endswith((".zip", ".xlsx", ".xls", ".docx", ".jar")):
        raise _Refused(_NESTED)


def _check_part(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    is_relations = entry.filename.endswith(".rels")
    with archive.open(entry) as part:
        head = part.read(_RELATIONS_BYTES if is_relations else _PROLOG_BYTES)
    if head.startswith(_ARCHIVE_MAGICS):
        raise _Refused(_NESTED)
    if entry.filename.endswith((".xml", ".rels", ".vml")):
        _check_prolog(head)
    if is_relations:
        _check_relations(entry, head)


def _check_prolog(head: bytes) -> None:
    """Before the root element stand only declarations and comments: no DTD, no encoding that hides one."""
    encoding = _ENCODING.match(head.removeprefix(b"\xef\xbb\xbf"))
    if encoding and encoding[1].lower() not in (b"utf-8", b"us-ascii", b"ascii"):
        raise _Refused(_DTD)
    if head.strip() and not _PROLOG.match(head):
        raise _Refused(_DTD)


def _check_relations(entry: zipfile.ZipInfo, text: bytes) -> None:
    if entry.file_size > _RELATIONS_BYTES:
        raise _Refused(_BOMB)
    for relation in _RELATION.findall(text):
        # A hyperlink in a cell is external too, and harmless: nothing is fetched for it.
        if b'"External"' in relation and b"/hyperlink" not in relation:
            raise _Refused(_LINKS)
