"""A package from outside, read and checked to the last file: outside of transactions, in limited processes.

Whatever is wrong with it becomes one sentence, and then nothing of it is kept.
"""

import unicodedata
from collections.abc import Sequence

import msgspec

from backend.core.crypto import sha256_hex
from backend.core.errors import Invalid
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import SignerRole, Snapshot
from backend.records.transfers import manifest as manifests
from backend.records.transfers import rules
from backend.records.transfers.schemas import MANIFEST, SIGNERS, CheckedYear, Manifest, Package, YearPart
from backend.records.verification import service as verification
from backend.records.verification.schemas import Answer
from backend.remote_signing.formats.schemas import Opened, Report, Unreadable
from backend.remote_signing.validation import service as signatures

#: A package of twelve years is about 6 MB.
MAX_UPLOAD = 20_000_000
_SNAPSHOT = "snapshot.json"


async def check(data: bytes) -> Package:
    """What a package says, when all of it holds.

    Raises Invalid with the first thing that does not; Unavailable while too many files are being checked.
    """
    if len(data) > MAX_UPLOAD:
        raise Invalid(
            f"Tệp lớn hơn {MAX_UPLOAD // 1_000_000} MB nên không phải gói chuyển học bạ; hãy chọn lại tệp."
        )
    opened = await _opened(data, SIGNERS, "Tệp này")
    manifest = manifests.read(opened.attachments.get(MANIFEST))
    _require_signed(opened.report, "Gói chuyển học bạ")
    _require_complete(manifest, opened.attachments)
    seal = _seal_of(opened.report)
    years = [await _year(part, manifest, opened.attachments, seal) for part in manifest.years]
    answer = await verification.answer_about(data, opened.report)
    return Package(
        manifest=manifest,
        sha256=sha256_hex(data),
        size=len(data),
        signatures=answer.signatures,
        years=tuple(years),
    )


async def _year(part: YearPart, manifest: Manifest, files: dict[str, bytes], seal: str) -> CheckedYear:
    name = f"Học bạ năm học {part.academic_year} trong gói"
    pdf = files[part.pdf.name]
    opened = await _opened(pdf, transcripts.SIGNING_ORDER, name)
    _require_signed(opened.report, name)
    xml = files[part.xml.name]
    snapshot = _snapshot(opened, part, signatures.unsigned_xml(xml), name)
    if xml != opened.attachments["hocba.xml"]:
        signed = await _opened(xml, transcripts.SIGNING_ORDER, f"{name}, bản XML,")
        _require_signed(signed.report, f"{name}, bản XML,")
    if _seal_of(opened.report) != seal:
        raise Invalid(
            f"{name} và bìa của gói do hai đơn vị khác nhau đóng dấu nên gói không được nhận; hãy hỏi lại trường gửi."
        )
    answer: Answer = await verification.answer_about(pdf, opened.report)
    year = CheckedYear(part=part, snapshot=snapshot, standing=answer.standing)
    if snapshot.school.code != manifest.sender.code:
        raise Invalid(
            f"{name} không do trường gửi ({manifest.sender.name}) phát hành; hãy hỏi lại trường gửi."
        )
    rules.require_same_pupil(year, manifest.student)
    return year


def _snapshot(opened: Opened, part: YearPart, xml: bytes, name: str) -> Snapshot:
    """The data in a year's own file. Raises Invalid where file, pages, data and manifest do not say the same."""
    inner = opened.attachments
    content = inner.get(_SNAPSHOT, b"")
    try:
        snapshot = msgspec.json.decode(content, type=Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(
            f"{name} không kèm dữ liệu đọc được nên gói không được nhận; hãy báo trường gửi."
        ) from error
    said = (part.content_sha256, part.academic_year, part.version, part.lookup_code)
    held = (sha256_hex(content), snapshot.year.academic_year, snapshot.version, snapshot.lookup_code)
    if said != held or inner.get("hocba.xml") != xml or not opened.report.embedded_data_matches_page:
        raise Invalid(f"{name} không khớp với bản kê hoặc với nội dung in trên trang; hãy báo trường gửi.")
    return snapshot


def _require_complete(manifest: Manifest, files: dict[str, bytes]) -> None:
    """Raises Invalid unless exactly the files of the manifest are there, each as it was."""
    parts = [part for year in manifest.years for part in (year.pdf, year.xml)]
    names = {part.name for part in parts}
    if names != files.keys() - {MANIFEST} or len(names) != len(parts):
        raise Invalid(
            "Các tệp trong gói không đúng với bản kê (thừa hoặc thiếu tệp); hãy xin trường gửi lập lại gói."
        )
    for part in parts:
        if sha256_hex(files[part.name]) != part.sha256:
            raise Invalid(f"Tệp {part.name} trong gói khác với bản kê đã ký; hãy xin trường gửi lập lại gói.")


def _require_signed(report: Report, name: str) -> None:
    if report.modified_after_signing or not all(one.intact for one in report.signatures):
        raise Invalid(f"{name} đã bị thay đổi sau khi ký nên không được nhận; hãy xin trường gửi tệp gốc.")
    if report.verdict == "invalid":
        why = next(iter(report.problems), "")
        raise Invalid(f"{name} không có đủ chữ ký hợp lệ nên không được nhận. {why}".strip())
    if report.verdict != "valid":
        raise Invalid(
            f"{name} được ký bằng chứng thư số mà hệ thống chưa xác minh được nên không được nhận; hãy hỏi trường gửi đã "
            "ký bằng chứng thư nào."
        )


def _seal_of(report: Report) -> str:
    """Whose seal a file bears."""
    [seal] = [one for one in report.signatures if one.field == SignerRole.SCHOOL_SEAL]
    return " ".join(unicodedata.normalize("NFC", seal.organisation or seal.signer).casefold().split())


async def _opened(data: bytes, fields: Sequence[SignerRole], name: str) -> Opened:
    try:
        return await signatures.open_foreign(data, [role.value for role in fields], MAX_UPLOAD)
    except Unreadable as error:
        raise Invalid(f"{name} không đọc được. {error.message}") from error
