"""Revocation answers for the certificates of a document, asked once a minute per certificate and process."""

import time
from collections.abc import Sequence

from backend.remote_signing.formats import trust
from backend.remote_signing.formats.trust import Material
from backend.remote_signing.providers import timestamps
from backend.remote_signing.providers.port import ProviderError

#: How long an answer is used again. A season's batch asks about the same few certificates thousands of times.
FRESH_SECONDS = 60.0

_answers: dict[bytes, tuple[float, bytes, bool]] = {}


async def material(certificates: Sequence[bytes], *, anew: bool = False) -> Material:
    """Certificates (DER) with an OCSP response, or else a CRL, for each that can be revoked; `anew`: no earlier answer.

    Raises NotReached or OutcomeUnknown when the authority does not answer, RevocationRefused for an answer that is
    not the issuer's or says revoked.
    """
    ocsps: list[bytes] = []
    crls: list[bytes] = []
    for certificate, issuer in trust.certificates_to_check(certificates):
        answer, is_ocsp = await _status(certificate, issuer, anew=anew)
        (ocsps if is_ocsp else crls).append(answer)
    return Material(
        certificates=tuple(dict.fromkeys(certificates)),
        ocsps=tuple(dict.fromkeys(ocsps)),
        crls=tuple(dict.fromkeys(crls)),
    )


async def is_revoked(certificates: Sequence[bytes], *, anew: bool = False) -> bool:
    """Whether the authority says for certain that one of these is revoked; who does not answer has not said so."""
    try:
        await material(certificates, anew=anew)
    except trust.Revoked:
        return True
    except (trust.RevocationRefused, ProviderError):
        return False
    return False


async def _status(certificate: bytes, issuer: bytes, *, anew: bool) -> tuple[bytes, bool]:
    known = None if anew else _answers.get(certificate)
    if known and time.monotonic() - known[0] < FRESH_SECONDS:
        return known[1], known[2]
    answer, is_ocsp = await _ask(certificate, issuer)
    _answers[certificate] = (time.monotonic(), answer, is_ocsp)
    return answer, is_ocsp


async def _ask(certificate: bytes, issuer: bytes) -> tuple[bytes, bool]:
    sources = trust.revocation_sources(certificate)
    if sources.ocsp_urls:
        answer = await timestamps.fetch_ocsp(sources.ocsp_urls[0], trust.ocsp_request(certificate, issuer))
        _refuse_revoked(trust.read_ocsp(answer, certificate, issuer))
        return answer, True
    if sources.crl_urls:
        answer = await timestamps.fetch_crl(sources.crl_urls[0])
        _refuse_revoked(trust.read_crl(answer, certificate, issuer))
        return answer, False
    raise trust.RevocationRefused("the certificate names neither OCSP nor CRL")


def _refuse_revoked(status: trust.RevocationStatus) -> None:
    if status.status == "revoked":
        raise trust.Revoked("the certificate is revoked")
    if status.status != "good":
        raise trust.RevocationRefused(f"the certificate is {status.status}")
