"""What the checks of PDF and XML have in common: sentences about trust, one report per signature, the verdict."""

import logging
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

from asn1crypto import x509 as asn1_x509

from backend.core import clock
from backend.remote_signing.formats.schemas import SANDBOX_NOTICE, Level, SignatureReport, Verdict

NO_REVOCATION = "Tệp không kèm thông tin thu hồi nên chưa kết luận được chứng thư còn hiệu lực khi ký."
FOREIGN_TIMESTAMP = "Dấu thời gian không thuộc về chữ ký này hoặc đã bị sửa."
SPOILED_CERTIFICATES = "Chứng thư kèm theo chữ ký đã bị hỏng hoặc bị sửa."
UNTRUSTED_AUTHORITY = "Chưa xác lập được độ tin cậy của tổ chức cấp dấu thời gian."
TOO_LATE = "Chữ ký được tạo sau thời điểm kiểm tra."


def report(
    *,
    field: str,
    certificate: asn1_x509.Certificate | None,
    signed_at: datetime | None,
    timestamped: bool,
    level: Level,
    intact: bool,
    trusted: bool,
    revoked: bool,
    covers_whole_document: bool,
    problems: Sequence[str],
    part: str | None = None,
) -> SignatureReport:
    """The report about one signature of a person or a seal."""
    subject = certificate.subject.native if certificate is not None else {}
    issuer = certificate.issuer.native if certificate is not None else {}
    organisations = [_text(part.get("organization_name")) or "" for part in (subject, issuer)]
    return SignatureReport(
        field=field,
        signer=_text(subject.get("common_name")) or "không xác định",
        organisation=_text(subject.get("organization_name")),
        serial=f"{certificate.serial_number:x}" if certificate is not None else "",
        issuer=_text(issuer.get("common_name")) or _text(issuer.get("organization_name")) or "không xác định",
        signed_at=signed_at,
        timestamped=timestamped,
        level=level,
        intact=intact,
        trusted=trusted,
        revoked=revoked,
        covers_whole_document=covers_whole_document,
        sandbox=any("SANDBOX" in organisation.upper() for organisation in organisations),
        part=part,
        problems=tuple(problems),
    )


def _text(value: object) -> str | None:
    """A name attribute; where one stands several times, all of them."""
    if isinstance(value, list):
        return ", ".join(map(str, value))
    return str(value) if value is not None else None


def verdict(reports: Sequence[SignatureReport], problems: Sequence[str]) -> Verdict:
    """Of a file with these signatures and problems as a whole."""
    if problems or not reports or any(not one.intact or one.revoked for one in reports):
        return "invalid"
    return "valid" if all(one.trusted for one in reports) else "indeterminate"


def notices(reports: Sequence[SignatureReport]) -> Iterator[str]:
    """What must be said of a file whatever the verdict."""
    if any(one.sandbox for one in reports):
        yield SANDBOX_NOTICE


def trust_problem(details: Any, reason: object) -> str:
    """Why a chain is not believed; `details` are those of a revocation, `reason` is pyHanko's."""
    # Loaded by whoever judges a chain: it brings an HTTP client along.
    from pyhanko.sign.ades.report import AdESFailure, AdESIndeterminate

    if details is not None:
        day = details.revocation_date.astimezone(clock.VIETNAM)
        return (
            f"Chứng thư trong chuỗi của người ký đã bị thu hồi từ {day:%H:%M %d/%m/%Y}, trước thời điểm ký."
        )
    if reason in (
        AdESIndeterminate.NO_CERTIFICATE_CHAIN_FOUND,
        AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE,
    ):
        return "Chứng thư người ký không dẫn tới tổ chức chứng thực nào trong danh sách tin cậy."
    if reason in (
        AdESIndeterminate.OUT_OF_BOUNDS_NO_POE,
        AdESIndeterminate.OUT_OF_BOUNDS_NOT_REVOKED,
        AdESIndeterminate.EXPIRED,
        AdESIndeterminate.NOT_YET_VALID,
        AdESFailure.NOT_YET_VALID,
    ):
        return "Chứng thư người ký chưa có hoặc đã hết hiệu lực tại thời điểm xét."
    if reason is AdESIndeterminate.TRY_LATER:
        return "Không xác định được chứng thư người ký có bị thu hồi hay không."
    if reason is AdESIndeterminate.CHAIN_CONSTRAINTS_FAILURE:
        return "Chứng thư người ký không được cấp để ký văn bản hoặc chuỗi chứng thư không hợp lệ."
    if reason is AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE:
        return "Khóa hoặc thuật toán của chữ ký yếu hơn mức mà Thông tư 15/2025/TT-BKHCN cho phép."
    return "Chưa xác lập được độ tin cậy của chứng thư người ký."


def quiet_libraries() -> None:
    """pyHanko logs a traceback for each refused file; the report says it already."""
    for name in ("pyhanko", "pyhanko_certvalidator"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
