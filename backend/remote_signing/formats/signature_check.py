"""One signature of a PDF, judged: integrity, time, chain, revocation. Used by `validation` alone."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
from asn1crypto import cms as asn1_cms
from asn1crypto import x509 as asn1_x509
from pyhanko.sign.diff_analysis import ModificationLevel
from pyhanko.sign.validation.generic_cms import message_imprint_checker, validate_tst_signed_data
from pyhanko.sign.validation.pdf_embedded import (
    EmbeddedPdfSignature,
    async_validate_pdf_signature,
    async_validate_pdf_timestamp,
)
from pyhanko.sign.validation.status import (
    DocumentTimestampStatus,
    PdfSignatureStatus,
    SignatureCoverageLevel,
    TimestampSignatureStatus,
)
from pyhanko_certvalidator import ValidationContext

from backend.core import clock
from backend.remote_signing.formats import cms, judging, structure
from backend.remote_signing.formats.cms import SignedParts
from backend.remote_signing.formats.schemas import Level, SignatureReport
from backend.remote_signing.formats.structure import Slot
from backend.remote_signing.formats.trust import Material, MaterialSpoiled, TrustStore


class Findings(msgspec.Struct, kw_only=True):
    """What is known about one signature or document time stamp."""

    slot: Slot
    intact: bool = False
    trusted: bool = False
    revoked: bool = False
    modified: bool = False
    covers_whole_document: bool = False
    timestamped: bool = False
    level: Level = "B-B"
    signed_at: datetime | None = None
    certificate: asn1_x509.Certificate | None = None
    authority_expires: datetime | None = None
    problems: list[str] = msgspec.field(default_factory=list)


class SignatureJudge:
    """Checks the signatures of one file, newest first; contexts are shared between them."""

    def __init__(
        self,
        pdf: bytes,
        embedded: Sequence[EmbeddedPdfSignature],
        trust: TrustStore,
        at: datetime | None,
        *,
        material: Material,
        clean_updates: bool,
    ) -> None:
        self._pdf = pdf
        self._oldest = embedded[0] if embedded else None
        self._clean_updates = clean_updates
        self._trust = trust
        self._material = material
        self._contexts: dict[tuple[datetime, bool], ValidationContext] = {}
        self._at = at
        self._judged_at = at or max(filter(None, map(_stamped_at, embedded)), default=None) or clock.now()
        self._archived = False
        self._newer_exists = False

    async def check(self, slot: Slot, item: EmbeddedPdfSignature) -> Findings:
        """Judge the next older signature. Never raises for what the file contains."""
        findings = Findings(slot=slot)
        is_newest, self._newer_exists = (
            not self._newer_exists,
            self._newer_exists or not slot.is_document_timestamp,
        )
        try:
            findings.certificate = item.signer_cert
            if slot.is_document_timestamp:
                await self._check_document_timestamp(findings, item)
            else:
                await self._check_signature(findings, item, is_newest=is_newest)
        except Exception:
            findings.intact = findings.trusted = False
            findings.problems.append("Chữ ký không đọc được hoặc không đúng chuẩn.")
        return findings

    async def _check_document_timestamp(self, findings: Findings, item: EmbeddedPdfSignature) -> None:
        stamped_at = _stamped_at(item) or self._judged_at
        status = await async_validate_pdf_timestamp(item, self._context(stamped_at))
        self._note_integrity(findings, status, allowed=ModificationLevel.LTA_UPDATES)
        chain = await validate_tst_signed_data(
            item.signed_data, self._context(self._judged_at, hard=False), item.compute_digest
        )
        findings.trusted = findings.intact and status.trusted and _is_trusted(chain)
        findings.signed_at = stamped_at
        self._archived = findings.intact and self._material.tells_revocation
        if findings.trusted and self._archived:
            self._judged_at = stamped_at

    async def _check_signature(
        self, findings: Findings, item: EmbeddedPdfSignature, *, is_newest: bool
    ) -> None:
        stamped_at = _stamped_at(item)
        moment = stamped_at or self._judged_at
        # Where every update is clean by `revisions`, what changed after a signature in the middle is part of
        # what changed after the oldest one: the costly analysis need not run for it again.
        is_implied = self._clean_updates and not is_newest and item is not self._oldest
        status = await async_validate_pdf_signature(
            item,
            skip_diff=is_implied,
            signer_validation_context=self._context(moment),
            ts_validation_context=self._context(moment),
            key_usage_settings=judging.USAGE,
        )
        allowed = ModificationLevel.LTA_UPDATES if is_newest else ModificationLevel.FORM_FILLING
        self._note_integrity(findings, status, allowed=None if is_implied else allowed)
        findings.signed_at = stamped_at or item.self_reported_timestamp
        self._check_profile(findings, item, status)
        await self._note_timestamp(findings, item, status)
        self._note_trust(findings, status)
        findings.level = self._level(findings)

    def _note_integrity(
        self,
        findings: Findings,
        status: PdfSignatureStatus | DocumentTimestampStatus,
        *,
        allowed: ModificationLevel | None,
    ) -> None:
        findings.covers_whole_document = findings.slot.end == len(self._pdf)
        findings.modified = status.coverage < SignatureCoverageLevel.ENTIRE_REVISION or (
            allowed is not None and not _within(status, allowed)
        )
        if not (status.intact and status.valid):
            findings.problems.append("Nội dung tệp hoặc giá trị chữ ký không khớp: tài liệu đã bị thay đổi.")
        if fault := structure.region_problem(self._pdf, findings.slot):
            findings.problems.append(f"Chữ ký không đáng tin: {fault}.")
        if findings.modified:
            findings.problems.append("Sau chữ ký này, tài liệu đã bị sửa đổi ngoài phạm vi cho phép.")
        findings.modified = findings.modified or not status.intact or fault is not None
        findings.intact = not findings.problems

    def _check_profile(
        self, findings: Findings, item: EmbeddedPdfSignature, status: PdfSignatureStatus
    ) -> None:
        parts = cms.read(item.pkcs7_content)
        if parts.certificate_hash != hashlib.sha256(status.signing_cert.dump()).digest():
            findings.problems.append("Chữ ký không gắn với chứng thư của người ký (signing-certificate-v2).")
        if item.sig_object["/SubFilter"] != "/ETSI.CAdES.detached":
            findings.problems.append("Chữ ký không theo chuẩn PAdES.")
        if status.seed_value_constraint_error is not None:
            findings.problems.append("Chữ ký không theo quy định của trường chữ ký.")
        self._check_certificates(findings, parts)
        findings.intact = findings.intact and not findings.problems

    def _check_certificates(self, findings: Findings, parts: SignedParts) -> None:
        """The certificates beside the signature: no value covers them, so each must hold by itself."""
        carried = [
            *parts.certificates,
            *(item for token in parts.tokens for item in cms.read(token).certificates),
        ]
        try:
            Material(certificates=tuple(carried)).check(self._trust.anchors)
        except MaterialSpoiled:
            findings.problems.append(judging.SPOILED_CERTIFICATES)
            findings.modified = True

    async def _note_timestamp(
        self, findings: Findings, item: EmbeddedPdfSignature, status: PdfSignatureStatus
    ) -> None:
        stamp: TimestampSignatureStatus | None = status.timestamp_validity
        if stamp is None:
            return
        findings.timestamped = True
        findings.authority_expires = stamp.signing_cert.not_valid_after
        if not (stamp.intact and stamp.valid):
            findings.problems.append(judging.FOREIGN_TIMESTAMP)
            findings.intact = False
            return
        if stamp.timestamp > self._judged_at:
            findings.problems.append(judging.TOO_LATE)
        elif not (stamp.trusted and await self._authority_trusted_now(item, stamp.timestamp)):
            findings.problems.append(judging.UNTRUSTED_AUTHORITY)

    async def _authority_trusted_now(self, item: EmbeddedPdfSignature, stamped_at: datetime) -> bool:
        """The authority's chain at the time of judgement, too: an expired one proves nothing any more."""
        if self._judged_at == stamped_at:
            return True
        context = self._context(self._judged_at, hard=False)
        imprint = message_imprint_checker(item.signer_info)
        tokens = [_token(item)]
        checked = [
            await validate_tst_signed_data(token, context, imprint) for token in tokens if token is not None
        ]
        return all(_is_trusted(kwargs) for kwargs in checked)

    def _note_trust(self, findings: Findings, status: PdfSignatureStatus) -> None:
        findings.revoked = status.revocation_details is not None
        if findings.revoked or not status.trusted:
            findings.problems.append(
                judging.trust_problem(status.revocation_details, status.trust_problem_indic)
            )
        elif not self._material.tells_revocation:
            findings.problems.append(judging.NO_REVOCATION)
        findings.trusted = findings.intact and not findings.problems

    def _level(self, findings: Findings) -> Level:
        """What the file holds (EN 319 142-1, 6.1), whoever is believed."""
        if not findings.timestamped or not findings.intact or findings.certificate is None:
            return "B-B"
        if not self._material.tells_about(findings.certificate.dump()):
            return "B-T"
        return "B-LTA" if self._archived else "B-LT"

    def _context(self, moment: datetime, *, hard: bool = True) -> ValidationContext:
        hard = hard and self._material.tells_revocation
        if (moment, hard) not in self._contexts:
            # Stale answers would spoil a chain that is only asked whether it has expired.
            material = self._material if hard else Material(certificates=self._material.certificates)
            self._contexts[moment, hard] = self._trust.context(moment, material, require_revocation=hard)
        return self._contexts[moment, hard]


def describe(findings: Findings) -> SignatureReport:
    """The report about one signature of a person or a seal."""
    return judging.report(
        field=findings.slot.field,
        certificate=findings.certificate,
        signed_at=findings.signed_at,
        timestamped=findings.timestamped,
        level=findings.level,
        intact=findings.intact,
        trusted=findings.trusted,
        revoked=findings.revoked,
        covers_whole_document=findings.covers_whole_document,
        problems=findings.problems,
    )


def _within(status: PdfSignatureStatus | DocumentTimestampStatus, allowed: ModificationLevel) -> bool:
    """Whether the difference analysis ran, found nothing above `allowed` and no lock broken."""
    level = status.modification_level
    keeps_locks = not isinstance(status, PdfSignatureStatus) or status.docmdp_ok is True
    return keeps_locks and level is not None and level <= allowed


def _token(item: EmbeddedPdfSignature) -> asn1_cms.SignedData | None:
    for attribute in item.signer_info["unsigned_attrs"]:
        if attribute["type"].native == "signature_time_stamp_token":
            return attribute["values"][0]["content"]
    return None


def _stamped_at(item: EmbeddedPdfSignature) -> datetime | None:
    """The time that the token of a signature, or a document time stamp, states; None without one."""
    try:
        token = item.signed_data if item.sig_object_type == "/DocTimeStamp" else _token(item)
        moment = (
            token["encap_content_info"]["content"].parsed["gen_time"].native if token is not None else None
        )
    except (KeyError, ValueError, TypeError, AttributeError):
        return None
    return moment if isinstance(moment, datetime) and moment.tzinfo is not None else None


def _is_trusted(kwargs: dict[str, object]) -> bool:
    return TimestampSignatureStatus(**kwargs).trusted  # type: ignore[arg-type]
