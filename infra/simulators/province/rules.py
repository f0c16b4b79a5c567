"""What the province checks: the envelope at once (technical), the package for the later answer (business)."""

import base64
import binascii
import hashlib
import re
from collections.abc import Mapping
from typing import Any

import msgspec
from lxml import etree

_MESSAGE_ID = re.compile(r"(?P<sender>.+)[0-9A-Fa-f]{32}")
_HEX32 = re.compile(r"[0-9a-f]{32}")
_SHORTEST_REASON = 5
_HEX64 = re.compile(r"[0-9a-f]{64}")
SUBMIT, REPLACE, RECALL = ACTIONS = ("submit", "replace", "recall")
#: Elements that a package must have, by Id (hocba.xsd).
_REQUIRED_IDS = ("data", "thongtinhocba")


class Content(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """One transcript version. `package` is base64 XML, `sha256` its digest (hex); a recall names it and brings none."""

    lookup_code: str
    version: int
    sha256: str
    package: str
    pdf_sha256: str


class Submission(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """The envelope. `message_id` = `sender_code` + 32 hex characters; `reference` is the id of an earlier message."""

    message_id: str
    sender_code: str
    action: str
    content: Content
    reference: str = ""
    reason: str = ""


class Problem(msgspec.Struct, frozen=True):
    """One line of an error list: code, field, words."""

    code: str = msgspec.field(name="ma")
    field: str = msgspec.field(name="truong")
    words: str = msgspec.field(name="moTa")


class BadEnvelope(Exception):
    """The message is not taken at all."""

    def __init__(self, code: str, problem: Problem) -> None:
        super().__init__(problem.words)
        self.code = code
        self.problem = problem


def read_envelope(body: bytes) -> Submission:
    """The message, if it can be taken. Raises `BadEnvelope`."""
    try:
        submission = msgspec.json.decode(body, type=Submission)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        problem = Problem("KHUNG_SAI", "thongDiep", f"Thông điệp sai cấu trúc: {error}")
        raise BadEnvelope("21", problem) from error
    match = _MESSAGE_ID.fullmatch(submission.message_id)
    if match is None or match["sender"] != submission.sender_code:
        problem = Problem("MA_THONG_DIEP", "messageId", "Mã thông điệp phải là mã đơn vị gửi và 32 ký tự hex")
        raise BadEnvelope("22", problem)
    if submission.action not in ACTIONS:
        raise BadEnvelope(
            "23", Problem("HANH_DONG", "action", f"Chưa hỗ trợ hành động «{submission.action}»")
        )
    return submission


def read_package(submission: Submission) -> tuple[bytes, list[Problem]]:
    """The package's bytes and all that is wrong with it; nothing wrong means it will be accepted."""
    content = submission.content
    problems = []
    if not _HEX32.fullmatch(content.lookup_code):
        problems.append(Problem("MA_TRA_CUU", "lookupCode", "Mã tra cứu phải gồm 32 ký tự hex viết thường"))
    if content.version < 1:
        problems.append(Problem("PHIEN_BAN", "version", "Phiên bản phải từ 1 trở lên"))
    if not _HEX64.fullmatch(content.pdf_sha256):
        problems.append(Problem("BAM_PDF", "pdfSha256", "Giá trị băm của tệp PDF phải gồm 64 ký tự hex"))
    if submission.action == RECALL:
        if len(submission.reason.strip()) < _SHORTEST_REASON:
            problems.append(Problem("LY_DO", "reason", "Đề nghị thu hồi phải có lý do"))
        return b"", problems
    try:
        package = base64.b64decode(content.package, validate=True)
    except binascii.Error:
        return b"", [*problems, Problem("GOI_TIN", "package", "Gói tin không phải base64")]
    if hashlib.sha256(package).hexdigest() != content.sha256:
        problems.append(Problem("BAM_GOI_TIN", "sha256", "Giá trị băm không khớp với gói tin"))
    return package, [*problems, *_check_xml(package, content.lookup_code)]


def check_reference(
    submission: Submission, earlier: Mapping[str, Any] | None, *, locked: bool
) -> list[Problem]:
    """What is wrong with the earlier message that a recall or a replacement is about; `earlier` is what is known."""
    content = submission.content
    if submission.action == SUBMIT:
        return []
    if earlier is None or earlier["sender_code"] != submission.sender_code or earlier["problems"] != "[]":
        return [Problem("THAM_CHIEU", "reference", "Không có học bạ đã tiếp nhận theo mã thông điệp này")]
    if earlier["lookup_code"] != content.lookup_code or earlier["action"] == RECALL:
        return [Problem("THAM_CHIEU", "reference", "Thông điệp được nhắc đến không phải của học bạ này")]
    if locked:
        return [Problem("DA_CHOT", "reference", "Học bạ đã chốt, không thu hồi hay thay thế được nữa")]
    if submission.action == RECALL and earlier["recalled_by"] is not None:
        return [Problem("DA_THU_HOI", "reference", "Học bạ này đã được thu hồi theo một thông điệp khác")]
    if submission.action == REPLACE and earlier["replaced_by"] is not None:
        return [Problem("DA_THAY_THE", "reference", "Học bạ này đã được thay thế theo một thông điệp khác")]
    return []


def _check_xml(package: bytes, lookup_code: str) -> list[Problem]:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        root = etree.fromstring(package, parser)
    except etree.XMLSyntaxError as error:
        return [Problem("XML_SAI", "package", f"Gói tin không phải XML hợp lệ: {error.msg}")]
    if root.getroottree().docinfo.internalDTD is not None:
        return [Problem("XML_DTD", "package", "Gói tin không được khai báo DTD")]
    problems = []
    for wanted in _REQUIRED_IDS:
        found = root.xpath("//*[@Id=$wanted]", wanted=wanted)
        if not isinstance(found, list) or len(found) != 1:
            problems.append(Problem("THIEU_TRUONG", f"#{wanted}", f"Cần đúng một phần tử có Id «{wanted}»"))
    for element in root.iter("{*}MA_TRA_CUU"):
        if (element.text or "").strip().lower() != lookup_code:
            problems.append(
                Problem("MA_TRA_CUU", "MA_TRA_CUU", "Mã tra cứu trong gói tin khác với thông điệp")
            )
    return problems
