"""Time stamp authority (RFC 3161, RFC 5816).

What is the same in each token is encoded once; the rest is put together as DER by hand, 20 times faster
than a tree of asn1crypto objects.
"""

import datetime as dt
import hashlib
from collections.abc import Callable

from asn1crypto import algos, cms, core, tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from infra.simulators.signing_service.authority import POLICY, Authority

REPLY_TYPE = "application/timestamp-reply"
_DIGEST_SIZES = {"sha256": 32, "sha384": 48, "sha512": 64}
_FAILURES = {"bad_alg": 0, "bad_data_format": 5, "unaccepted_policy": 15}
_INTEGER, _BITS, _OCTETS, _TIME, _SEQUENCE, _SET, _CONTEXT_0 = 0x02, 0x03, 0x04, 0x18, 0x30, 0x31, 0xA0


class TimestampAuthority:
    """Signs time stamp tokens. `next_serial` gives a number never used before and keeps a record."""

    def __init__(self, authority: Authority, next_serial: Callable[[bytes], int]) -> None:
        self._key = authority.tsa.key
        self._next_serial = next_serial
        self._parts = _FixedParts(
            asn1_x509.Certificate.load(authority.tsa.der), asn1_x509.Certificate.load(authority.issuing.der)
        )

    def answer(self, request_der: bytes) -> bytes:
        """A TimeStampResp (DER); a bad request gets a rejection, never an exception."""
        try:
            request = tsp.TimeStampReq.load(request_der, strict=True)
            imprint = request["message_imprint"]
            algorithm = imprint["hash_algorithm"]["algorithm"].native
            digest = imprint["hashed_message"].native
            nonce, wants_certificates = request["nonce"].dump(), bool(request["cert_req"].native)
            policy = request["req_policy"].native
        except (ValueError, TypeError, KeyError):
            return _refuse("bad_data_format")
        if _DIGEST_SIZES.get(algorithm) != len(digest):
            return _refuse("bad_alg")
        if policy not in (None, POLICY.dotted_string):
            return _refuse("unaccepted_policy")
        return self._grant(self._info(imprint.dump(), nonce, digest), wants_certificates)

    def _info(self, imprint: bytes, nonce: bytes, digest: bytes) -> bytes:
        """TSTInfo, RFC 3161 2.4.2; time in whole seconds, accuracy one second."""
        now = dt.datetime.now(dt.UTC).strftime("%Y%m%d%H%M%SZ").encode()
        serial: bytes = core.Integer(self._next_serial(digest)).dump()
        accuracy = _tlv(_SEQUENCE, _tlv(_INTEGER, b"\x01"))
        version = _tlv(_INTEGER, b"\x01")
        return _tlv(
            _SEQUENCE, version, self._parts.policy, imprint, serial, _tlv(_TIME, now), accuracy, nonce
        )

    def _grant(self, info: bytes, wants_certificates: bool) -> bytes:
        parts = self._parts
        digest = _tlv(_OCTETS, hashlib.sha256(info).digest())
        digest_attribute = _tlv(_SEQUENCE, parts.message_digest, _tlv(_SET, digest))
        # DER wants the members of a SET OF in the order of their bytes (X.690 11.6).
        attributes = b"".join(sorted([*parts.attributes, digest_attribute]))
        value = self._key.sign(_tlv(_SET, attributes), padding.PKCS1v15(), hashes.SHA256())
        signer = _tlv(
            _SEQUENCE, _tlv(_INTEGER, b"\x01"), parts.signer, parts.sha256,
            _tlv(_CONTEXT_0, attributes), parts.rsa, _tlv(_OCTETS, value),
        )  # fmt: skip
        content = _tlv(_SEQUENCE, parts.tst_info, _tlv(_CONTEXT_0, _tlv(_OCTETS, info)))
        certificates = parts.certificates if wants_certificates else b""
        signed = _tlv(
            _SEQUENCE,
            _tlv(_INTEGER, b"\x03"),
            _tlv(_SET, parts.sha256),
            content,
            certificates,
            _tlv(_SET, signer),
        )
        token = _tlv(_SEQUENCE, parts.signed_data, _tlv(_CONTEXT_0, signed))
        return _tlv(_SEQUENCE, _tlv(_SEQUENCE, _tlv(_INTEGER, b"\x00")), token)


class _FixedParts:
    """The pieces of a token that never change, as DER."""

    def __init__(self, own: asn1_x509.Certificate, issuer: asn1_x509.Certificate) -> None:
        identity = tsp.ESSCertIDv2({"cert_hash": hashlib.sha256(own.dump()).digest()})
        signing_certificate = tsp.SigningCertificateV2({"certs": [identity]})
        self.attributes = (
            _dump(cms.CMSAttribute({"type": "content_type", "values": ["tst_info"]})),
            _dump(cms.CMSAttribute({"type": "signing_certificate_v2", "values": [signing_certificate]})),
        )
        self.policy = _dump(core.ObjectIdentifier(POLICY.dotted_string))
        self.message_digest = _dump(cms.CMSAttributeType("message_digest"))
        self.tst_info = _dump(cms.ContentType("tst_info"))
        self.signed_data = _dump(cms.ContentType("signed_data"))
        self.sha256 = _dump(algos.DigestAlgorithm({"algorithm": "sha256"}))
        self.rsa = _dump(algos.SignedDigestAlgorithm({"algorithm": "rsassa_pkcs1v15"}))
        self.signer = _dump(
            cms.IssuerAndSerialNumber({"issuer": own.issuer, "serial_number": own.serial_number})
        )
        self.certificates = _tlv(_CONTEXT_0, own.dump(), issuer.dump())


def _tlv(tag: int, *contents: bytes) -> bytes:
    """One DER element (X.690 8.1, 10.1)."""
    content = b"".join(contents)
    size = len(content)
    if size < 0x80:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _dump(value: core.Asn1Value) -> bytes:
    encoded: bytes = value.dump()
    return encoded


def _refuse(failure: str) -> bytes:
    """PKIStatusInfo alone, RFC 3161 2.4.2: status rejection (2) and one bit of PKIFailureInfo."""
    bit = _FAILURES[failure]
    size = bit // 8 + 1
    flags = (1 << (size * 8 - 1 - bit)).to_bytes(size, "big")
    unused = bytes((7 - bit % 8,))
    status = _tlv(_SEQUENCE, _tlv(_INTEGER, b"\x02"), _tlv(_BITS, unused, flags))
    return _tlv(_SEQUENCE, status)
