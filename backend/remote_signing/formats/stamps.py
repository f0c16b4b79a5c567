"""The time stamp beside one signature: when, by whom. Nothing here says whether it is to be believed."""

import base64
import re

from asn1crypto import cms as asn1_cms

from backend.remote_signing.formats import certificates, cms, structure
from backend.remote_signing.formats.schemas import StampFacts

_TOKEN = re.compile(rb"<xades:EncapsulatedTimeStamp>([^<]*)<")


def on_page(pdf: bytes, field: str) -> StampFacts | None:
    """Beside the signature in a field of a PDF; None where there is none. Raises Unreadable."""
    with structure.open_pdf(pdf) as reader:
        slots = structure.read_bones(reader).slots
    tokens = [token for slot in slots if slot.field == field for token in cms.read(slot.contents).tokens]
    return _facts(tokens[0]) if tokens else None


def on_part(signature: bytes) -> StampFacts | None:
    """Inside a signature over a part of an XML."""
    found = _TOKEN.search(signature)
    return _facts(base64.b64decode(found[1])) if found else None


def _facts(token: bytes) -> StampFacts:
    info = asn1_cms.ContentInfo.load(token)["content"]["encap_content_info"]["content"].parsed
    return StampFacts(
        at=info["gen_time"].native,
        authority=certificates.read(cms.read(token).signer).subject_name,
        serial=f"{info['serial_number'].native:x}",
    )
