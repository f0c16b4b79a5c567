"""Certificates that a signed file carries inside its time stamps."""

from backend.remote_signing.formats import cms, structure


def timestamp_certificates(pdf: bytes) -> list[bytes]:
    """DER certificates of the time stamping authorities whose tokens are in the file's signatures.

    Raises Unreadable for a file that is no PDF.
    """
    found: dict[bytes, None] = {}
    for slot in structure.read_bones(structure.open_pdf(pdf)).slots:
        for token in cms.read(slot.contents).tokens:
            found |= dict.fromkeys(cms.read(token).certificates)
    return list(found)
