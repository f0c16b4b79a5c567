"""The check that runs after every embedding: our own reading of bytes and CMS, no chain, 2 ms."""

import hashlib
from collections.abc import Sequence

from backend.remote_signing.formats import cms, structure
from backend.remote_signing.formats.cms import SignatureValueRefused
from backend.remote_signing.formats.der import MalformedDer
from backend.remote_signing.formats.pades import digest_outside
from backend.remote_signing.formats.schemas import Unreadable
from backend.remote_signing.formats.structure import Slot
from backend.remote_signing.formats.timestamps import TimestampRefused, check_token


class SelfCheckFailed(Exception):
    """A file that we have just made is not what it must be. The message says which signature and why."""


def quick_check(pdf: bytes, expected: Sequence[tuple[str, bytes]]) -> None:
    """Raise SelfCheckFailed unless the file holds exactly these signatures, all good.

    `expected` are (field, signer's certificate DER) of all signatures so far, in order. Checked: byte ranges,
    order, message digests, signature values, pinned certificates, time stamp imprints, and that the last
    signature covers the whole file (or that validation material follows it).
    """
    try:
        bones = structure.read_bones(structure.open_pdf(pdf))
        signed = [slot for slot in bones.slots if not slot.is_document_timestamp]
        if [slot.field for slot in signed] != [field for field, _ in expected]:
            raise SelfCheckFailed(f"signatures found: {', '.join(slot.field for slot in signed)}")
        for slot, (_, certificate) in zip(signed, expected, strict=True):
            _check_slot(pdf, slot, certificate)
        if signed[-1].end != len(pdf) and not bones.has_store:
            raise SelfCheckFailed("the last signature does not cover the whole file")
        if faults := structure.problems(bones, bones.fields):
            raise SelfCheckFailed("; ".join(faults))
    except Unreadable as error:
        raise SelfCheckFailed(error.message) from error


def _check_slot(pdf: bytes, slot: Slot, certificate: bytes) -> None:
    try:
        if fault := structure.region_problem(pdf, slot):
            raise SelfCheckFailed(f"{slot.field}: {fault}")
        parts = cms.read(slot.contents)
        if parts.message_digest != digest_outside(pdf[: slot.end], slot.start, slot.stop):
            raise SelfCheckFailed(f"{slot.field}: the message digest is not that of the document")
        if parts.signer != certificate or parts.certificate_hash != hashlib.sha256(certificate).digest():
            raise SelfCheckFailed(f"{slot.field}: signed with another certificate than the pinned one")
        cms.check_value(parts.signed_attributes, certificate, parts.value)
        for token in parts.tokens:
            check_token(token, parts.value)
    except (MalformedDer, IndexError, ValueError, SignatureValueRefused, TimestampRefused) as error:
        raise SelfCheckFailed(f"{slot.field}: {error}") from error
