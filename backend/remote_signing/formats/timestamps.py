"""RFC 3161 time stamps over a signature value: the question as bytes, the answer checked before use.

No nonce by default: the imprint of a fresh signature value cannot have been stamped before it existed, so a
replayed answer could only be a time stamp of this very value.
"""

import hashlib

from backend.remote_signing.formats import cms, der
from backend.remote_signing.formats.cms import SignatureValueRefused
from backend.remote_signing.formats.der import MalformedDer

_SHA256 = der.oid("2.16.840.1.101.3.4.2.1")
_TST_INFO = der.oid("1.2.840.113549.1.9.16.1.4")
_GRANTED = (0, 1)


class TimestampRefused(Exception):
    """The authority refused, or its answer is not a time stamp of this value. The message says which."""


def timestamp_request(value: bytes, nonce: int | None = None) -> bytes:
    """TimeStampReq over SHA-256 of a signature value, asking for the authority's certificates."""
    imprint = der.sequence(der.sequence(_SHA256, der.tlv(der.NULL)), _imprint(value))
    extra = [] if nonce is None else [_integer(nonce)]
    return der.sequence(der.tlv(der.INTEGER, b"\x01"), imprint, *extra, der.tlv(0x01, b"\xff"))


def read_timestamp(response: bytes, value: bytes, nonce: int | None = None) -> bytes:
    """The token of a TimeStampResp, after checking status, imprint, nonce and the token's own signature.

    The trust in the authority's certificate is not judged here. Raises TimestampRefused.
    """
    try:
        status, *tokens = der.children(response, der.read(response), der.SEQUENCE)
        code = int.from_bytes(der.content(response, der.children(response, status)[0], der.INTEGER), "big")
        if code not in _GRANTED or len(tokens) != 1:
            raise TimestampRefused(f"the time stamping authority answered with status {code}")
        token = der.encoded(response, tokens[0])
        check_token(token, value, nonce)
    except (MalformedDer, IndexError, ValueError) as error:
        raise TimestampRefused("the answer of the time stamping authority is not RFC 3161") from error
    return token


def check_token(token: bytes, value: bytes, nonce: int | None = None) -> None:
    """Raise TimestampRefused unless the token is intact and stamps `value`; MalformedDer when it is none."""
    parts = cms.read(token)
    info = parts.content
    if parts.content_type != _TST_INFO or info is None:
        raise TimestampRefused("the answer holds no time stamp")
    if parts.message_digest != hashlib.new(parts.digest_algorithm.name, info).digest():
        raise TimestampRefused("the time stamp was altered")
    if not parts.names_signer:
        raise TimestampRefused("the time stamp does not name the certificate of its authority")
    try:
        cms.check_value(parts.signed_attributes, parts.signer, parts.value, parts.digest_algorithm)
    except SignatureValueRefused as error:
        raise TimestampRefused("the signature of the time stamp is wrong") from error
    fields = der.children(info, der.read(info), der.SEQUENCE)
    algorithm, imprint = der.children(info, fields[2], der.SEQUENCE)
    if not info.startswith(_SHA256, algorithm.content) or der.encoded(info, imprint) != _imprint(value):
        raise TimestampRefused("the time stamp belongs to another value")
    if nonce is not None and _integer(nonce) not in (der.encoded(info, field) for field in fields[5:]):
        raise TimestampRefused("the time stamp answers another question")


def _imprint(value: bytes) -> bytes:
    return der.tlv(der.OCTET_STRING, hashlib.sha256(value).digest())


def _integer(number: int) -> bytes:
    return der.tlv(der.INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))
