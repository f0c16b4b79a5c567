"""`hocba verify FILE`: check a signed transcript offline: no database, no network, no settings.

Exit status 0 valid, 1 not valid (or not to be established), 2 not readable as a signed transcript.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

import msgspec

from backend.core.clock import VIETNAM
from backend.remote_signing.formats.limited import validate_in_child
from backend.remote_signing.formats.schemas import (
    ROLES,
    TEACHER_PREFIX,
    Report,
    SignatureReport,
    Unreadable,
    role_label,
)

_VERDICTS = {
    "valid": "HỢP LỆ",
    "invalid": "KHÔNG HỢP LỆ",
    "indeterminate": "CHƯA KẾT LUẬN ĐƯỢC",
}
_STATUS = {"valid": 0, "invalid": 1, "indeterminate": 1}
_UNREADABLE = 2
#: Where pages, XML and JSON of a PDF differ, a sentence each; None where that cannot be told here.
Compare = Callable[[bytes], Sequence[str] | None]
_OWN_TRUST = Path(__file__).resolve().parents[3] / ".hocba" / "trust"


def run(
    path: Path,
    trust_dir: Path | None,
    at: datetime | str | None,
    as_json: bool,
    stdout: TextIO,
    stderr: TextIO | None = None,
    compare: Compare | None = None,
) -> int:
    """Check one file, write the answer, return the exit status; what cannot be read is said on `stderr`.

    `compare` is asked about a PDF whose signatures hold: that the texts of its data stand on its pages is not all.
    """
    try:
        data = _read(path)
        report = _check(data, trust_dir or default_trust_dir(), read_time(at))
        if compare is not None and (report.verdict, report.format) == ("valid", "pdf"):
            report = _compared(report, compare(data))
    except Unreadable as error:
        print(f"hocba verify: {path}: {error.message}", file=stderr or sys.stderr)
        return _UNREADABLE
    if as_json:
        stdout.write(msgspec.json.format(msgspec.json.encode(as_contract(report))).decode() + "\n")
    else:
        stdout.writelines(f"{line}\n" for line in as_text(report, path.name))
    return _STATUS[report.verdict]


def _compared(report: Report, differences: Sequence[str] | None) -> Report:
    if differences is None:
        return report
    same = report.embedded_data_matches_page is not False and not differences
    return msgspec.structs.replace(
        report, embedded_data_matches_page=same, problems=(*report.problems, *differences)
    )


def default_trust_dir() -> Path | None:
    """`HOCBA_TRUST_DIR`, else `.hocba/trust` of this installation, else None.

    Never the current folder: whoever sent the file may have sent the folder.
    """
    if named := os.environ.get("HOCBA_TRUST_DIR"):
        return Path(named)
    return _OWN_TRUST if _OWN_TRUST.is_dir() else None


def read_time(at: datetime | str | None) -> datetime | None:
    """An RFC 3339 time with its offset. Raises Unreadable with a sentence."""
    try:
        moment = datetime.fromisoformat(at) if isinstance(at, str) else at
    except ValueError:
        moment = None
    if at is not None and (moment is None or moment.tzinfo is None):
        raise Unreadable(f"Thời điểm “{at}” không đúng dạng, ví dụ đúng: 2026-05-30T09:00:00+07:00.")
    return moment


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        raise Unreadable("Không mở được tệp; hãy kiểm tra lại đường dẫn và quyền đọc.") from None


def _check(data: bytes, trust_dir: Path | None, at: datetime | None) -> Report:
    report = validate_in_child(data, trust_dir, at)
    if trust_dir is None:
        sentence = "Không có thư mục chứng thư gốc tin cậy; hãy chỉ ra bằng --trust."
        return msgspec.structs.replace(report, problems=(*report.problems, sentence))
    return report


def as_contract(report: Report) -> dict[str, Any]:
    """The JSON object that other programs read."""
    return {
        "verdict": report.verdict,
        "format": report.format,
        "signatures": [_signature(item) for item in report.signatures],
        "modified_after_signing": report.modified_after_signing,
        "lookup_code": report.lookup_code,
        "version": report.version,
        "content_sha256": report.content_sha256,
        "embedded_data_matches_page": report.embedded_data_matches_page,
        "problems": report.problems,
        "notices": report.notices,
    }


def _signature(item: SignatureReport) -> dict[str, Any]:
    return {
        "role": _code(item.field),
        "part": item.part,
        "signer": item.signer,
        "organisation": item.organisation,
        "serial": item.serial,
        "issuer": item.issuer,
        "signed_at": item.signed_at.astimezone(VIETNAM).isoformat() if item.signed_at else None,
        "timestamped": item.timestamped,
        "level": item.level,
        "intact": item.intact,
        "trusted": item.trusted,
        "covers_whole_document": item.covers_whole_document,
        "sandbox": item.sandbox,
        "problems": item.problems,
    }


def _code(field: str) -> str:
    """The code of the education sector's XML."""
    return "GVBM" if field.startswith(TEACHER_PREFIX) else ROLES.get(field, field)


def as_text(report: Report, name: str) -> Iterator[str]:
    """The three answers for a person: intact? who and when? trusted?"""
    yield f"Tệp: {name}"
    yield f"Kết luận: {_VERDICTS[report.verdict]}"
    yield from report.notices
    yield ""
    yield f"1. Nguyên vẹn: {_intact_answer(report)}"
    yield f"2. Ai ký và lúc nào: {len(report.signatures)} chữ ký"
    for item in report.signatures:
        yield f"   - {_who(item)}; {_when(item)} (mức {item.level})"
    yield f"3. Chuỗi tin cậy: {_trust_answer(report)}"
    if report.lookup_code:
        yield f"Mã tra cứu: {report.lookup_code}, phiên bản {report.version}"
    if report.content_sha256:
        yield f"SHA-256 của dữ liệu: {report.content_sha256}"
    if report.embedded_data_matches_page is not None:
        yield f"Dữ liệu kèm theo khớp với trang in: {'có' if report.embedded_data_matches_page else 'KHÔNG'}"
    problems = [
        *report.problems,
        *(f"{_role(item)}: {text}" for item in report.signatures for text in item.problems),
    ]
    if problems:
        yield ""
        yield "Vấn đề:"
        yield from (f"   - {text}" for text in problems)


def _intact_answer(report: Report) -> str:
    if (
        report.signatures
        and all(item.intact for item in report.signatures)
        and not report.modified_after_signing
    ):
        return "có, không gì bị sửa sau khi ký ngoài những gì người ký cho phép"
    return "KHÔNG"


def _trust_answer(report: Report) -> str:
    if report.signatures and all(item.trusted for item in report.signatures):
        return "có, mọi chứng thư dẫn tới tổ chức chứng thực tin cậy và còn hiệu lực khi ký"
    return "KHÔNG hoặc chưa xác lập được"


def _role(item: SignatureReport) -> str:
    label = role_label(item.field, item.part)
    return label[0].upper() + label[1:]


def _who(item: SignatureReport) -> str:
    organisation = f", {item.organisation}" if item.organisation and item.organisation != item.signer else ""
    sandbox = " [CHỮ KÝ THỬ NGHIỆM]" if item.sandbox else ""
    return f"{_role(item)}: {item.signer}{organisation} (chứng thư do {item.issuer} cấp){sandbox}"


def _when(item: SignatureReport) -> str:
    if item.signed_at is None:
        return "không rõ lúc nào"
    moment = f"{item.signed_at.astimezone(VIETNAM):%H:%M:%S ngày %d/%m/%Y}"
    return f"{moment}, theo {'dấu thời gian' if item.timestamped else 'lời khai của người ký'}"
