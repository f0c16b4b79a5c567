"""Whether a certificate leads to one of our anchors. No network: revocation is asked about elsewhere."""

from collections.abc import Sequence
from datetime import datetime

from asn1crypto import x509 as asn1_x509
from pyhanko_certvalidator import CertificateValidator
from pyhanko_certvalidator.errors import PathError, ValidationError

from backend.remote_signing.formats.trust import Loaded, TrustStore


async def is_anchored(
    trust: TrustStore, certificate: bytes, chain: Sequence[bytes], moment: datetime
) -> bool:
    """Whether a valid path (RFC 5280, 6) leads from the certificate (DER) over the chain to an anchor at `moment`."""
    try:
        loaded = Loaded([asn1_x509.Certificate.load(one) for one in chain])
        context = trust.context(moment, loaded, require_revocation=False)
        await CertificateValidator(
            asn1_x509.Certificate.load(certificate), validation_context=context
        ).async_validate_path()
    except (PathError, ValidationError, ValueError):
        return False
    return True
