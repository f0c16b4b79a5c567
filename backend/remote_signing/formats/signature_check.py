"""One signature of a PDF, judged: integrity, time, chain, revocation. Used by `validation` alone."""

import hashlib
from collections.abc import Sequence
from datetime import datetime

import msgspec
from asn1crypto import tsp as asn1_tsp
from asn1crypto import x509 as asn1_x509
from cryptography import x509

from backend.core import clock
from backend.remote_signing.formats import cms, judging, structure
from backend.remote_signing.formats.cms import SignatureValueRefused, SignedParts
from backend.remote_signing.formats.schemas import Level, SignatureReport
from backend.remote_signing.formats.structure import Slot
from backend.remote_signing.formats.timestamps import TimestampRefused, check_token
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
    """Checks the signatures of one file, newest first; contexts are shared between them.

    `changed_after`: offsets behind which something stands that must not be there.
    """

    def __init__(
        self,
        pdf: bytes,
        slots: Sequence[Slot],
        trust: TrustStore,
        at: datetime | None,
        *,
        material: Material,
        changed_after: Sequence[int],
    ) -> None:
        # Loaded by whoever judges a chain: it brings an HTTP client along.
        from backend.remote_signing.formats.chains import Chains

        self._pdf = pdf
        self._changed_after = max(changed_after, default=-1)
        self._trust = trust
        self._material = material
        self._carried = {slot: _sound_certificates(slot, trust) for slot in slots}
        carried = [one for found in self._carried.values() for one in found or ()]
        self._chains = Chains(trust, material, carried)
        self._judged_at = at or max(filter(None, map(stamp_time, slots)), default=None) or clock.now()
        self._archived = False

    async def check(self, slot: Slot) -> Findings:
        """Judge the next older signature. Never raises for what the file contains."""
        findings = Findings(slot=slot)
        try:
            parts = cms.read(slot.signed_data)
            findings.certificate = self._chains.certificate(parts.signer)
            if slot.is_document_timestamp:
                await self._check_document_timestamp(findings, parts)
            else:
                await self._check_signature(findings, parts)
        except Exception:
            findings.intact = findings.trusted = False
            findings.problems.append("Chữ ký không đọc được hoặc không đúng chuẩn.")
        return findings

    async def _check_document_timestamp(self, findings: Findings, parts: SignedParts) -> None:
        slot, stamped_at = findings.slot, stamp_time(findings.slot) or self._judged_at
        if slot.sub_filter != "/ETSI.RFC3161" or self._carried[slot] is None:
            findings.problems.append("Dấu thời gian không theo chuẩn.")
        self._note_integrity(findings, is_intact=_stamps(parts.whole, self._covered(slot)))
        is_believed = await self._chains.is_authority(parts.signer, stamped_at, self._judged_at)
        findings.trusted = findings.intact and is_believed
        findings.signed_at = stamped_at
        self._archived = findings.intact and self._chains.tells_revocation
        if findings.trusted and self._archived:
            self._judged_at = stamped_at

    async def _check_signature(self, findings: Findings, parts: SignedParts) -> None:
        stamped_at = stamp_time(findings.slot)
        self._note_integrity(findings, is_intact=self._is_intact(findings.slot, parts))
        findings.signed_at = stamped_at or findings.slot.claimed_at
        self._check_profile(findings, parts)
        await self._note_timestamp(findings, parts, stamped_at)
        await self._note_trust(findings, parts, stamped_at or self._judged_at)
        findings.level = self._level(findings)

    def _is_intact(self, slot: Slot, parts: SignedParts) -> bool:
        if parts.content is not None or parts.message_digest != hashlib.sha256(self._covered(slot)).digest():
            return False
        try:
            cms.check_value(parts.signed_attributes, parts.signer, parts.value)
        except SignatureValueRefused:
            return False
        return True

    def _note_integrity(self, findings: Findings, *, is_intact: bool) -> None:
        slot = findings.slot
        findings.covers_whole_document = slot.end == len(self._pdf)
        is_changed = self._changed_after > slot.start
        if not is_intact:
            findings.problems.append("Nội dung tệp hoặc giá trị chữ ký không khớp: tài liệu đã bị thay đổi.")
        if fault := structure.region_problem(self._pdf, slot):
            findings.problems.append(f"Chữ ký không đáng tin: {fault}.")
        if is_changed:
            findings.problems.append("Sau chữ ký này, tài liệu đã bị sửa đổi ngoài phạm vi cho phép.")
        findings.modified = is_changed or not is_intact or fault is not None
        findings.intact = not findings.problems

    def _check_profile(self, findings: Findings, parts: SignedParts) -> None:
        if parts.certificate_hash != hashlib.sha256(parts.signer).digest():
            findings.problems.append("Chữ ký không gắn với chứng thư của người ký (signing-certificate-v2).")
        if len(parts.tokens) > 1:
            # Which of them told the time would be a matter of choice.
            findings.problems.append("Chữ ký mang nhiều dấu thời gian.")
        elif findings.slot.sub_filter != "/ETSI.CAdES.detached" or not parts.is_as_built:
            findings.problems.append("Chữ ký không theo chuẩn PAdES.")
        if self._carried[findings.slot] is None:
            findings.problems.append(judging.SPOILED_CERTIFICATES)
            findings.modified = True
        findings.intact = findings.intact and not findings.problems

    async def _note_timestamp(
        self, findings: Findings, parts: SignedParts, stamped_at: datetime | None
    ) -> None:
        if not parts.tokens:
            return
        findings.timestamped = True
        if not _stamps(parts.tokens[0], parts.value):
            findings.problems.append(judging.FOREIGN_TIMESTAMP)
            findings.intact = False
            return
        authority = cms.read(parts.tokens[0]).signer
        findings.authority_expires = self._chains.certificate(authority).not_valid_after
        if stamped_at is None or stamped_at > self._judged_at:
            findings.problems.append(judging.TOO_LATE)
        elif not await self._chains.is_authority(authority, stamped_at, self._judged_at):
            findings.problems.append(judging.UNTRUSTED_AUTHORITY)

    async def _note_trust(self, findings: Findings, parts: SignedParts, moment: datetime) -> None:
        found = await self._chains.signer(parts.signer, moment)
        findings.revoked = found.revo_details is not None
        if found.error_subindic is not None:
            findings.problems.append(judging.trust_problem(found.revo_details, found.error_subindic))
        elif not self._is_whole(parts):
            findings.problems.append(judging.SPOILED_CERTIFICATES)
            findings.intact, findings.modified = False, True
        elif not self._chains.tells_revocation:
            findings.problems.append(judging.NO_REVOCATION)
        findings.trusted = findings.intact and not findings.problems

    def _is_whole(self, parts: SignedParts) -> bool:
        """Whether the chain beside a believed signature has no gap: a certificate without an issuer may be forged."""
        known = [x509.load_der_x509_certificate(one) for one in self._material.certificates]
        try:
            Material(certificates=parts.certificates).check((*self._trust.anchors, *known), complete=True)
        except MaterialSpoiled:
            return False
        return True

    def _level(self, findings: Findings) -> Level:
        """What the file holds (EN 319 142-1, 6.1), whoever is believed."""
        if not findings.timestamped or not findings.intact or findings.certificate is None:
            return "B-B"
        if not self._material.tells_about(findings.certificate.dump()):
            return "B-T"
        return "B-LTA" if self._archived else "B-LT"

    def _covered(self, slot: Slot) -> bytes:
        """What the signature says that it covers; whether that is what it must cover is another question."""
        first, length, second, rest = (max(number, 0) for number in slot.byte_range)
        return self._pdf[first : first + length] + self._pdf[second : second + rest]


def _sound_certificates(slot: Slot, trust: TrustStore) -> list[bytes] | None:
    """The certificates beside a signature; None unless each holds by itself, for no value covers them."""
    try:
        parts = cms.read(slot.signed_data)
        found = [
            *parts.certificates,
            *(one for token in parts.tokens for one in cms.read(token).certificates),
        ]
        Material(certificates=tuple(found)).check(trust.anchors)
    except (ValueError, IndexError, SignatureValueRefused, MaterialSpoiled):
        return None
    return found


def _stamps(token: bytes, stamped: bytes) -> bool:
    try:
        check_token(token, stamped)
    except (TimestampRefused, ValueError, IndexError):
        return False
    return True


def stamp_time(slot: Slot) -> datetime | None:
    """The time that the token of a signature, or a document time stamp, states; None without one."""
    try:
        tokens = (slot.signed_data,) if slot.is_document_timestamp else cms.read(slot.signed_data).tokens
        info = cms.read(tokens[0]).content if tokens else None
        moment = asn1_tsp.TSTInfo.load(info, strict=True)["gen_time"].native if info is not None else None
    except (KeyError, ValueError, TypeError, AttributeError, IndexError, SignatureValueRefused):
        return None
    return moment if isinstance(moment, datetime) and moment.tzinfo is not None else None


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
