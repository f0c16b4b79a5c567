"""Whether certificates are to be believed at a moment, under our anchors and with what one document brings.

Paths (RFC 5280) and revocation are pyHanko's to judge. Certificates and answers are taken apart once for a document, and
a certificate is judged once for a moment, anchors and material: the signatures of a document share issuers and authority,
and the documents of a class all of it.
"""

import hashlib
import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property

from asn1crypto import x509 as asn1_x509
from asn1crypto.algos import SignedDigestAlgorithm
from asn1crypto.keys import PublicKeyInfo
from pyhanko.sign.ades.report import AdESIndeterminate
from pyhanko.sign.validation.generic_cms import CertvalidatorOperationResult, validate_cert_usage
from pyhanko.sign.validation.settings import KeyUsageConstraints
from pyhanko.sign.validation.status import TimestampSignatureStatus
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.path import ValidationPath
from pyhanko_certvalidator.sig_validate import (
    DEFAULT_VALIDATION_CONTEXT,
    DefaultSignatureValidator,
    SignatureValidationContext,
)

from backend.remote_signing.formats import certificates
from backend.remote_signing.formats.trust import Loaded, Material, TrustStore

#: What a person's or a school's certificate must be for, and that of an authority of time stamps.
_SIGNS = KeyUsageConstraints(key_usage={"digital_signature", "non_repudiation"})
_STAMPS = TimestampSignatureStatus.default_usage_constraints()

#: Certificates (DER) that were taken apart, of each thread: asn1crypto goes on taking them apart as they are used.
_kept = threading.local()
_MOST_KEPT = 256

#: What was found of a certificate, by all that it follows from. Of any process, for any school: nothing else goes in.
_judgements: "OrderedDict[_Question, Result]" = OrderedDict()
_judgements_lock = threading.Lock()
_MOST_JUDGEMENTS = 4096

#: Digests of the anchors and of all that was brought; certificate, moment, whether it stamps, whether it may be revoked.
_Question = tuple[str, bytes, bytes, datetime, bool, bool]
Result = CertvalidatorOperationResult[ValidationPath]
_WEAK = Result(success_result=None, error_subindic=AdESIndeterminate.CRYPTO_CONSTRAINTS_FAILURE)
_UNCLEAR = Result(success_result=None, error_subindic=AdESIndeterminate.CERTIFICATE_CHAIN_GENERAL_FAILURE)


class _RememberingValidator(DefaultSignatureValidator):
    """The same certificates and answers are checked for each moment anew; what held once needs no second look."""

    def __init__(self) -> None:
        self._held: set[tuple[bytes, bytes, bytes, bytes, SignatureValidationContext]] = set()

    def validate_signature(
        self,
        signature: bytes,
        signed_data: bytes,
        public_key_info: PublicKeyInfo,
        signature_algorithm: SignedDigestAlgorithm,
        context: SignatureValidationContext = DEFAULT_VALIDATION_CONTEXT,
    ) -> None:
        """Raises what the default one raises."""
        question = (signature, signed_data, public_key_info.dump(), signature_algorithm.dump(), context)
        if question not in self._held:
            super().validate_signature(signature, signed_data, public_key_info, signature_algorithm, context)
            self._held.add(question)


class Chains:
    """What is known about the certificates of one document.

    `material` are the certificates and answers about revocation that it brings, `carried` are certificates beside its
    signatures. Where nothing tells about revocation, none of it is asked for.
    """

    def __init__(self, trust: TrustStore, material: Material, carried: Sequence[bytes] = ()) -> None:
        self.tells_revocation = material.tells_revocation
        self._trust = trust
        self._validator = _RememberingValidator()
        certificates_here = dict.fromkeys((*material.certificates, *carried))
        self._known = [self.certificate(one) for one in certificates_here]
        self._material = material
        self._digest = _digest_of(certificates_here, material.ocsps, material.crls)
        self._contexts: dict[tuple[datetime, bool], ValidationContext] = {}

    def certificate(self, encoded: bytes) -> asn1_x509.Certificate:
        """A certificate (DER), taken apart once: the documents of a school share theirs. Raises ValueError."""
        known = _certificates()
        if encoded not in known:
            if len(known) >= _MOST_KEPT:
                known.clear()
            known[encoded] = asn1_x509.Certificate.load(encoded, strict=True)
        return known[encoded]

    async def signer(self, certificate: bytes, moment: datetime) -> Result:
        """Whether somebody might sign documents with this certificate (DER) at `moment`."""
        return await self._result(certificate, moment, is_authority=False, hard=True)

    async def is_authority(self, certificate: bytes, stamped_at: datetime, judged_at: datetime) -> bool:
        """Whether its time stamps are believed: an authority that has expired when we judge proves nothing any more."""
        found = [await self._result(certificate, stamped_at, is_authority=True, hard=True)]
        if judged_at != stamped_at:
            found.append(await self._result(certificate, judged_at, is_authority=True, hard=False))
        return all(one.error_subindic is None for one in found)

    async def _result(
        self, certificate: bytes, moment: datetime, *, is_authority: bool, hard: bool
    ) -> Result:
        if not certificates.is_strong(certificate):
            return _WEAK
        question = (self._trust.fingerprint, self._digest, certificate, moment, is_authority, hard)
        found = _remembered(question)
        if found is None:
            usage = _STAMPS if is_authority else _SIGNS
            try:
                found = await _judged(self.certificate(certificate), self._context(moment, hard=hard), usage)
            except (ValueError, TypeError, KeyError):
                found = _UNCLEAR
            _remember(question, found)
        return found

    @cached_property
    def _full(self) -> Loaded:
        return Loaded(self._known, self._material.ocsps, self._material.crls)

    @cached_property
    def _bare(self) -> Loaded:
        """Stale answers would spoil a chain that is only asked whether it has expired."""
        return Loaded(self._known)

    def _context(self, moment: datetime, *, hard: bool) -> ValidationContext:
        hard = hard and self.tells_revocation
        if (moment, hard) not in self._contexts:
            loaded = self._full if hard else self._bare
            self._contexts[moment, hard] = self._trust.context(
                moment, loaded, require_revocation=hard, validator=self._validator
            )
        return self._contexts[moment, hard]


def _certificates() -> dict[bytes, asn1_x509.Certificate]:
    if not hasattr(_kept, "certificates"):
        _kept.certificates = {}
    found: dict[bytes, asn1_x509.Certificate] = _kept.certificates
    return found


async def _judged(
    certificate: asn1_x509.Certificate, context: ValidationContext, usage: KeyUsageConstraints
) -> Result:
    paths = context.path_builder.async_build_paths_lazy(certificate)
    found: Result = await validate_cert_usage(certificate, context, usage, paths)
    # Without the path, whose certificates are taken apart as they are looked at: other threads read what was found, too.
    return Result(success_result=None, revo_details=found.revo_details, error_subindic=found.error_subindic)


def _digest_of(*parts: Iterable[bytes]) -> bytes:
    """Of all these bytes, and of where each begins and ends."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(b"part")
        for item in part:
            digest.update(len(item).to_bytes(8, "big"))
            digest.update(item)
    return digest.digest()


def _remembered(question: _Question) -> Result | None:
    with _judgements_lock:
        if question in _judgements:
            _judgements.move_to_end(question)
        return _judgements.get(question)


def _remember(question: _Question, found: Result) -> None:
    with _judgements_lock:
        _judgements[question] = found
        if len(_judgements) > _MOST_JUDGEMENTS:
            _judgements.popitem(last=False)
