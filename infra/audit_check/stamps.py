"""Time stamps (RFC 3161) judged by pyHanko under the given anchors, without network."""

import hashlib
from datetime import datetime
from pathlib import Path

from asn1crypto import cms, pem, x509
from pyhanko.sign.general import MultivaluedAttributeError, NonexistentAttributeError
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko.sign.validation.generic_cms import validate_tst_signed_data
from pyhanko_certvalidator import ValidationContext


class BadStamp(Exception):
    """Not a time stamp of these bytes by somebody whom we trust. The message says why, in Vietnamese."""


def anchors(folder: Path) -> list[x509.Certificate]:
    """The certificates of all PEM files of a folder. Raises ValueError, in Vietnamese."""
    try:
        paths = sorted(folder.iterdir())
    except OSError as error:
        raise ValueError(
            f"không đọc được thư mục chứng thư gốc tin cậy “{folder}”; xin xem lại HOCBA_TRUST_DIR"
        ) from error
    found = [
        x509.Certificate.load(der)
        for path in paths
        if path.suffix in {".pem", ".crt", ".cer"}
        for _, _, der in pem.unarmor(path.read_bytes(), multiple=True)
    ]
    if not found:
        raise ValueError(
            f"thư mục chứng thư gốc tin cậy “{folder}” không có chứng thư nào; xin xem lại HOCBA_TRUST_DIR"
        )
    return found


async def stamped_at(token: bytes, data: bytes, *, trusted: list[x509.Certificate]) -> datetime:
    """When the authority stamped these bytes. Raises BadStamp."""
    try:
        signed = cms.ContentInfo.load(token, strict=True)["content"]
        moment: datetime = signed["encap_content_info"]["content"].parsed["gen_time"].native
        # Whether the authority's certificate was revoked later says nothing about a stamp that it gave before.
        context = ValidationContext(
            trust_roots=trusted, moment=moment, allow_fetching=False, revocation_mode="soft-fail"
        )
        said = await validate_tst_signed_data(signed, context, lambda name: hashlib.new(name, data).digest())
    except (
        ValueError, TypeError, KeyError, AttributeError,
        SignatureValidationError, NonexistentAttributeError, MultivaluedAttributeError,
    ) as error:  # fmt: skip
        raise BadStamp("dấu thời gian không đọc được") from error
    if not (said["intact"] and said["valid"]):
        raise BadStamp("dấu thời gian không thuộc về nội dung này")
    if said["trust_problem_indic"] is not None or not said.get("validation_path"):
        raise BadStamp("dấu thời gian không do đơn vị được tin cậy cấp")
    return moment
