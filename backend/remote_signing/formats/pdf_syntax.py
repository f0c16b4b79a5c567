"""The little PDF (ISO 32000-1, 7.3) that stands in an incremental update, read strictly: no repair, no comment.

What two readers could understand in two ways is refused: a key twice, a length elsewhere, brackets that do not close.
"""

import re
import zlib
from decimal import Decimal

import msgspec

#: White space that writers use, as a class of a regular expression; the rest of table 1 (7.2.2) would only hide a change.
GAP = rb"[\n\r ]"
#: Number and generation of an indirect object.
ObjectId = tuple[int, int]

_DEEPEST = 32
_ENDS = rb"(?=[\0\t\n\f\r ()<>\[\]{}/%]|\Z)"
_TOKEN = re.compile(
    GAP
    + rb"*(?:(?P<opens><<|\[)|(?P<closes>>>|\])"
    + rb"|<(?P<hexadecimal>[0-9A-Fa-f\n\r ]*)>"
    + rb"|\((?P<literal>(?:[^()\\]++|\\.)*+)\)"
    + rb"|/(?P<name>[^\0\t\n\f\r ()<>\[\]{}/%]*)"
    + rb"|(?P<reference>[0-9]{1,10} [0-9]{1,5}) R"
    + _ENDS
    + rb"|(?P<number>[+-]?(?:[0-9]{1,20}(?:\.[0-9]{0,20})?|\.[0-9]{1,20}))"
    + _ENDS
    + rb"|(?P<word>true|false|null)"
    + _ENDS
    + rb")",
    re.DOTALL,
)
_HEAD = re.compile(rb"([0-9]{1,10}) ([0-9]{1,5}) obj" + GAP + rb"*")
_END = re.compile(GAP + rb"*endobj" + _ENDS)
_STREAM = re.compile(GAP + rb"*stream\r?\n")
_END_OF_STREAM = re.compile(GAP + rb"*endstream" + GAP + rb"+endobj" + _ENDS)
_ESCAPED = re.compile(rb"\\(?:([0-7]{1,3})|\r?\n|(.))", re.DOTALL)
_LETTERS = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b"b": b"\b", b"f": b"\f"}
_CODE_IN_NAME = re.compile(rb"#([0-9A-Fa-f]{2})")


class Malformed(ValueError):
    """The bytes are not written as a PDF's must be, or more loosely than an update's may be."""


class Name(msgspec.Struct, frozen=True):
    """`/Text`, its codes resolved."""

    text: bytes


class Reference(msgspec.Struct, frozen=True):
    """`12 0 R`."""

    id: ObjectId


class Word(msgspec.Struct, frozen=True):
    """`true`, `false` or `null`."""

    text: bytes


class Stream(msgspec.Struct, frozen=True):
    """A dictionary, and the bytes after it as they stand in the file."""

    keys: "Dictionary"
    data: bytes


Dictionary = dict[bytes, "Value"]
Value = Name | Reference | Word | Stream | Decimal | bytes | list["Value"] | Dictionary


def read(data: bytes, at: int = 0, depth: int = 0) -> tuple[Value, int]:
    """The value that begins at `at`, and the offset behind it. Raises Malformed."""
    token = _TOKEN.match(data, at)
    if token is None or depth > _DEEPEST:
        raise Malformed(f"no value at {at}")
    kind, text = str(token.lastgroup), token[str(token.lastgroup)]
    if kind == "opens":
        return (_dictionary if text == b"<<" else _list)(data, token.end(), depth)
    if kind == "closes":
        raise Malformed(f"nothing is open at {at}")
    return _plain(kind, text), token.end()


def read_object(data: bytes, at: int) -> tuple[ObjectId, Value, int]:
    """Id and value of the indirect object that begins at `at`, and the offset behind its `endobj`. Raises Malformed."""
    head = _HEAD.match(data, at)
    if head is None:
        raise Malformed(f"no object begins at {at}")
    name = (int(head[1]), int(head[2]))
    value, end = read(data, head.end())
    begin = _STREAM.match(data, end)
    if begin is not None and isinstance(value, dict):
        return name, *_stream(data, begin.end(), value)
    foot = _END.match(data, end)
    if foot is None:
        raise Malformed(f"object {name} does not end")
    return name, value, foot.end()


def number(value: Value | None) -> int:
    """A whole number that is not negative. Raises Malformed for anything else."""
    if not isinstance(value, Decimal) or value != int(value) or value < 0:
        raise Malformed("a number is expected")
    return int(value)


def items(value: Value | None) -> list[Value]:
    """A list. Raises Malformed for anything else."""
    if not isinstance(value, list):
        raise Malformed("a list is expected")
    return value


def keys(value: Value | None) -> Dictionary:
    """A dictionary. Raises Malformed for anything else, a stream included."""
    if not isinstance(value, dict):
        raise Malformed("a dictionary is expected")
    return value


def unpacked(stream: Stream, most: int) -> bytes:
    """The data of a stream without filter or with Flate. Raises Malformed, also for more than `most` bytes."""
    packing = stream.keys.get(b"Filter")
    if b"DecodeParms" in stream.keys or packing not in (None, Name(b"FlateDecode"), [Name(b"FlateDecode")]):
        raise Malformed("a stream is packed in an unusual way")
    if packing is None:
        data, rest = stream.data[:most], stream.data[most:]
    else:
        unpacker = zlib.decompressobj()
        try:
            data, rest = unpacker.decompress(stream.data, most), unpacker.unconsumed_tail
        except zlib.error as error:
            raise Malformed("a stream cannot be unpacked") from error
    if rest:
        raise Malformed("a stream is too large")
    return data


def _stream(data: bytes, at: int, said: Dictionary) -> tuple[Value, int]:
    end = at + number(said.get(b"Length"))
    foot = _END_OF_STREAM.match(data, end)
    if foot is None:
        raise Malformed("a stream does not end where it says")
    return Stream(said, data[at:end]), foot.end()


def _list(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    found: list[Value] = []
    while (end := _closed(data, at, b"]")) is None:
        value, at = read(data, at, depth + 1)
        found.append(value)
    return found, end


def _dictionary(data: bytes, at: int, depth: int) -> tuple[Value, int]:
    found: Dictionary = {}
    while (end := _closed(data, at, b">>")) is None:
        key, at = read(data, at, depth + 1)
        if not isinstance(key, Name) or key.text in found:
            raise Malformed(f"no key, or one that stands twice, before {at}")
        found[key.text], at = read(data, at, depth + 1)
    return found, end


def _closed(data: bytes, at: int, bracket: bytes) -> int | None:
    token = _TOKEN.match(data, at)
    return token.end() if token is not None and token["closes"] == bracket else None


def _plain(kind: str, text: bytes) -> Value:
    if kind == "hexadecimal":
        # Either case may be written; both in one value are a changed byte that changes no digit.
        if text not in (text.lower(), text.upper()):
            raise Malformed("digits of either case in one value")
        digits = text.translate(None, b"\n\r ")
        return bytes.fromhex((digits + b"0" * (len(digits) % 2)).decode())
    if kind == "literal":
        return _ESCAPED.sub(_unescaped, text)
    if kind == "name":
        return Name(_CODE_IN_NAME.sub(lambda found: bytes.fromhex(found[1].decode()), text))
    if kind == "reference":
        own, generation = text.split()
        return Reference((int(own), int(generation)))
    return Decimal(text.decode()) if kind == "number" else Word(text)


def _unescaped(found: re.Match[bytes]) -> bytes:
    octal, letter = found.groups()
    if octal is not None:
        return bytes((int(octal, 8) & 0xFF,))
    return b"" if letter is None else _LETTERS.get(letter, letter)
