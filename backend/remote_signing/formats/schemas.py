"""The words of the signature formats: what is prepared, and what a check reports."""

from datetime import datetime
from enum import StrEnum
from typing import Literal

import msgspec

Verdict = Literal["valid", "invalid", "indeterminate"]
Level = Literal["B-B", "B-T", "B-LT", "B-LTA"]

#: The signature fields of a transcript in signing order, with the codes of the education sector's XML.
ROLES = {"homeroom_teacher": "GVCN", "principal": "CBQL", "school_seal": "SEAL"}
ROLE_LABELS = {
    "homeroom_teacher": "giáo viên chủ nhiệm",
    "principal": "Hiệu trưởng",
    "school_seal": "con dấu số nhà trường",
}

#: Whoever signs the own subject of the XML alone. The field of such a signature is this prefix and the subject's code.
SUBJECT_TEACHER = "subject_teacher"
TEACHER_PREFIX = "gvbm-"


def role_label(field: str, part: str | None = None) -> str:
    """Who signs in a field, as it stands in a sentence; `part` is what people call the part that is signed there."""
    if field.startswith(TEACHER_PREFIX):
        return f"giáo viên bộ môn {part or field.removeprefix(TEACHER_PREFIX)}"
    return ROLE_LABELS.get(field, field)


#: The Id of an XML signature is this and the name of its target.
SIGNATURE_PREFIX = "ky-"


class XmlTarget(msgspec.Struct, frozen=True, kw_only=True):
    """What one signature of an XML document is over, and where it stands; paths start below the root.

    `name` becomes the Id of the signature, so it is the only one of its kind in the document.
    """

    name: str
    place: str
    path: str
    id: str

    @property
    def signature_id(self) -> str:
        """Id of the ds:Signature."""
        return f"{SIGNATURE_PREFIX}{self.name}"


_RECORD_PATH = "DU_LIEU_HOC_BA/THONG_TIN_HOC_BA"
#: Where a transcript's XML is signed by whom: the places that are seen in the education sector.
XML_TARGETS = {
    "homeroom_teacher": XmlTarget(
        name="GVCN", place="DANH_SACH_THONG_TIN_KY/GVCN", path=_RECORD_PATH, id="thongtinhocba"
    ),
    "principal": XmlTarget(name="CBQL", place="PHAT_HANH_HOC_BA/CBQL", path="DU_LIEU_HOC_BA", id="data"),
    "school_seal": XmlTarget(
        name="KY_PHAT_HANH", place="PHAT_HANH_HOC_BA/KY_PHAT_HANH", path="DU_LIEU_HOC_BA", id="data"
    ),
}


def field_of(target: XmlTarget) -> str:
    """What a report calls the signature in that place."""
    return next((field for field, one in XML_TARGETS.items() if one.name == target.name), target.name)


#: On a subject's GVBM, where its teacher is to sign it: code and number of the document. Without it the same marks of two
#: pupils would be the same bytes, and a signature over the one could be put under the other.
TO_SIGN = "KY"


def subject_target(code: str) -> XmlTarget:
    """The part of a subject's teacher: the own DIEM_TONG_KET, signed in the place with the Id of the GVBM in it."""
    return XmlTarget(
        name=f"{TEACHER_PREFIX}{code}",
        place=f"DANH_SACH_THONG_TIN_KY/DANH_SACH_GVBM/GVBM[@Id='{TEACHER_PREFIX}{code}']",
        path=f"{_RECORD_PATH}/BANG_DIEM/DIEM_TONG_KET[@Id='mon-{code}']",
        id=f"mon-{code}",
    )


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """A document with an empty place for one signature, and the hash that somebody is to sign.

    Everything is plain bytes and numbers, so that a row and an object store can hold it between the two
    phases.
    """

    document: bytes  # the whole file, /Contents filled with zeros
    field: str
    region_start: int  # offset of "<" of /Contents
    region_end: int  # offset behind its ">"
    document_digest: bytes  # SHA-256 of the file without the region, 32 bytes
    signed_attributes: bytes  # DER SET
    digest: bytes  # SHA-256 of signed_attributes: the 32 bytes to be signed
    certificate: bytes  # DER, pinned: it is part of signed_attributes
    chain: tuple[bytes, ...]  # DER, issuers that are embedded beside it


class SignatureReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found out about one signature.

    `part` is what the document calls the part that a subject's teacher signed; it stands within that part.
    """

    field: str
    signer: str
    organisation: str | None
    serial: str  # hexadecimal
    issuer: str
    signed_at: datetime | None  # the token's time, else the time that the signer claims
    timestamped: bool
    level: Level
    intact: bool  # digest and value agree, and nothing forbidden was changed after it
    trusted: bool  # chain to an anchor and revocation status established at the trusted time
    revoked: bool
    covers_whole_document: bool
    sandbox: bool  # made under a certificate of the test authority: no legal force
    part: str | None = None
    problems: tuple[str, ...] = ()


#: What is said of every file with signatures of the test authority.
SANDBOX_NOTICE = "Chữ ký thử nghiệm (SANDBOX): tài liệu không có giá trị pháp lý."


class StampFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What a time stamp token says: its moment, its authority's name, its serial number (hexadecimal)."""

    at: datetime
    authority: str
    serial: str


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one file. `problems` and `notices` are Vietnamese sentences for a person.

    `documents` are the digests (SHA-256) of the signed files in an evidence pack.
    """

    verdict: Verdict
    format: Literal["pdf", "xml", "evidence"]
    signatures: tuple[SignatureReport, ...]
    modified_after_signing: bool
    problems: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    lookup_code: str | None = None
    version: int | None = None
    content_sha256: str | None = None
    embedded_data_matches_page: bool | None = None
    documents: tuple[str, ...] = ()


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """The answer about one file, and what is attached to it: bytes by name."""

    report: Report
    attachments: dict[str, bytes]


class Unreadable(Exception):
    """The bytes cannot be read as a signed document. `message` is one Vietnamese sentence."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Damaged(Unreadable):
    """The bytes are not those of a sound PDF with signatures; they may have been once."""


class CertificateSubject(msgspec.Struct, frozen=True, kw_only=True):
    """The organisation that a certificate is asked for: its name as the school's profile has it, and its tax code."""

    name: str
    tax_code: str


class CertificateFacts(msgspec.Struct, frozen=True, kw_only=True):
    """Holder and issuer (common name, or the whole name without one), serial number (hexadecimal), first and last moment.

    `tax_codes` are those of the holder ("MST:…"); `fingerprint` is SHA-256 of the certificate (hex). `signs`: key usage
    and purposes are those of somebody who signs documents; `is_strong`: so is the key.
    """

    subject_name: str
    tax_codes: tuple[str, ...]
    issuer_name: str
    serial: str
    not_before: datetime
    not_after: datetime
    fingerprint: str
    signs: bool
    is_strong: bool


EVIDENCE_KIND = "hocba evidence 1"


class EvidenceFile(StrEnum):
    """What the parts of an evidence pack are called."""

    MANIFEST = "bang-chung.json"
    PDF = "hoc-ba.pdf"
    ARCHIVED = "hoc-ba-luu-tru.pdf"
    XML = "hoc-ba.xml"
    AUDIT = "nhat-ky.json"
    CHECKPOINT = "diem-niem-phong.json"
    CHECKPOINT_TOKEN = "diem-niem-phong.tst"


def xml_token_name(number: int) -> str:
    """What the time stamp token of the XML with this number is called in a pack."""
    return f"{EvidenceFile.XML}.{number}.tst"


class EvidenceLeaf(msgspec.Struct, frozen=True, kw_only=True):
    """One hash in a consent: what was shown, which part of it, and the way to the root (None where none was kept)."""

    request_id: str
    sha256: str
    part: str
    index: int | None
    count: int | None
    proof: str | None


class EvidenceConsent(msgspec.Struct, frozen=True, kw_only=True):
    """One signer's consent; `evidence` is what a passkey answered."""

    role: str
    batch_id: str
    consented_at: datetime
    merkle_root: str
    proved_by: str
    proved_at: datetime | None
    evidence: dict[str, str] | None
    leaves: tuple[EvidenceLeaf, ...]


class EvidenceManifest(msgspec.Struct, frozen=True, kw_only=True):
    """What is in a pack; `files` are names with digests."""

    kind: str = EVIDENCE_KIND
    subject_id: str
    made_at: datetime
    consents: tuple[EvidenceConsent, ...]
    files: dict[str, str] = {}
