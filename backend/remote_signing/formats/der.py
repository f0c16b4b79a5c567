"""The little DER (ITU-T X.690) that signatures need, written and read by slicing bytes: no object tree."""

from typing import NamedTuple

INTEGER, OCTET_STRING, NULL, OID, SEQUENCE, SET = 0x02, 0x04, 0x05, 0x06, 0x30, 0x31


class MalformedDer(ValueError):
    """The bytes are not the DER that was expected here."""


class Element(NamedTuple):
    """One tag-length-value inside a buffer: `start` of the tag, `content` of the value, `end` after it."""

    tag: int
    start: int
    content: int
    end: int


def tlv(tag: int, *parts: bytes) -> bytes:
    """Encode one value; `parts` are joined as its content."""
    content = b"".join(parts)
    size = len(content)
    if size < 128:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def sequence(*parts: bytes) -> bytes:
    """SEQUENCE of encoded parts, in the given order."""
    return tlv(SEQUENCE, *parts)


def set_of(parts: list[bytes], tag: int = SET) -> bytes:
    """SET OF in the canonical order that DER demands (X.690, 11.6)."""
    return tlv(tag, *sorted(parts))


def oid(dotted: str) -> bytes:
    """OBJECT IDENTIFIER from its dotted form."""
    first, second, *rest = (int(arc) for arc in dotted.split("."))
    return tlv(OID, b"".join(_arc(arc) for arc in (first * 40 + second, *rest)))


def _arc(value: int) -> bytes:
    octets = [value & 0x7F]
    while value := value >> 7:
        octets.append(0x80 | value & 0x7F)
    return bytes(reversed(octets))


def read(data: bytes, at: int = 0, limit: int | None = None) -> Element:
    """The element that starts at `at` and must end before `limit`. Raises MalformedDer."""
    limit = len(data) if limit is None else limit
    if at + 2 > limit or data[at] & 0x1F == 0x1F:
        raise MalformedDer(f"no element at {at}")
    size, content = data[at + 1], at + 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or content + count > limit:
            raise MalformedDer(f"bad length at {at}")
        size = int.from_bytes(data[content : content + count], "big")
        content += count
    if content + size > limit:
        raise MalformedDer(f"element at {at} runs over its frame")
    return Element(data[at], at, content, content + size)


def children(data: bytes, element: Element, expected_tag: int | None = None) -> list[Element]:
    """The elements inside a constructed one. Raises MalformedDer, also for another tag."""
    if expected_tag is not None and element.tag != expected_tag:
        raise MalformedDer(f"tag {element.tag:#x} instead of {expected_tag:#x} at {element.start}")
    found, at = [], element.content
    while at < element.end:
        found.append(read(data, at, element.end))
        at = found[-1].end
    return found


def encoded(data: bytes, element: Element) -> bytes:
    """The whole element as bytes."""
    return data[element.start : element.end]


def content(data: bytes, element: Element, expected_tag: int) -> bytes:
    """The value of an element of the expected tag. Raises MalformedDer."""
    if element.tag != expected_tag:
        raise MalformedDer(f"tag {element.tag:#x} instead of {expected_tag:#x} at {element.start}")
    return data[element.content : element.end]
