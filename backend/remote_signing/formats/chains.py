"""Whether certificates are to be believed at a moment, under our anchors and with what one document brings.

Paths (RFC 5280) and revocation are pyHanko's to judge. Certificates and answers are taken apart once for a document, and
a certificate is judged once for a moment: the signatures of a document share their issuers and their authority.
"""

import threading
from collections.abc import Sequence
from datetime import datetime

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
        known = [self.certificate(one) for one in dict.fromkeys((*material.certificates, *carried))]
        self._full = Loaded(known, material.ocsps, material.crls)
        # Stale answers would spoil a chain that is only asked whether it has expired.
        self._bare = Loaded(known)
        self._contexts: dict[tuple[datetime, bool], ValidationContext] = {}
        self._results: dict[tuple[bytes, datetime, bool, bool], Result] = {}

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
        key = (certificate, moment, is_authority, hard)
        if not certificates.is_strong(certificate):
            return _WEAK
        if key not in self._results:
            usage = _STAMPS if is_authority else _SIGNS
            try:
                self._results[key] = await _judged(
                    self.certificate(certificate), self._context(moment, hard=hard), usage
                )
            except (ValueError, TypeError, KeyError):
                self._results[key] = _UNCLEAR
        return self._results[key]

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
    return await validate_cert_usage(certificate, context, usage, paths)
