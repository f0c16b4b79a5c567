"""What kind of file somebody hands in, by its first bytes."""

from typing import Literal

from backend.remote_signing.formats.schemas import Unreadable

Kind = Literal["pdf", "xml", "evidence"]


def file_format(data: bytes) -> Kind:
    """Raises Unreadable when it is none of the three."""
    head = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n")
    if b"%PDF-" in data[:1024]:
        return "pdf"
    if head.startswith(b"PK\x03\x04"):
        return "evidence"
    if head.startswith(b"<"):
        return "xml"
    raise Unreadable("Tệp không phải là học bạ đã ký (cần tệp PDF hoặc XML).")
