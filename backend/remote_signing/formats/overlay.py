"""A signed PDF as it stands after each of its updates: what was signed first, with later objects laid over it."""

import re
from functools import cached_property
from io import BytesIO
from typing import Any

import pikepdf

from backend.remote_signing.formats.pdf_syntax import (
    Dictionary,
    Malformed,
    ObjectId,
    Reference,
    Stream,
    Value,
    keys,
    read,
)
from backend.remote_signing.formats.updates import Update, packs_nothing

#: As any reader may find one: white space of all kinds, or comments, between its parts (7.2).
_BETWEEN = rb"(?:[\0\t\n\f\r ]|%[^\r\n]{0,1000}[\r\n])+"
_REFERENCE = re.compile(rb"(?<![0-9])([0-9]{1,20})" + _BETWEEN + rb"[0-9]{1,20}" + _BETWEEN + rb"R")


class Base:
    """What the first signature covers, read by qpdf. Close it after use."""

    def __init__(self, pdf: bytes) -> None:
        self._pdf = pdf
        self._reader = pikepdf.open(BytesIO(pdf), attempt_recovery=False, suppress_warnings=True)
        self.trailer = said(self._reader.trailer)

    def __enter__(self) -> "Base":
        return self

    def __exit__(self, *_: object) -> None:
        self._reader.close()

    def get(self, name: ObjectId) -> Value:
        """What an object says; null for one that is not there. Raises Malformed."""
        return said_value(self._reader.get_object(name))

    @cached_property
    def numbers(self) -> frozenset[int]:
        """Numbers of all that something refers to, be it there or not.

        Who fills such a place later changes what was signed. qpdf does not tell of it: it takes a reference to nothing
        for nothing. So the bytes are searched, of packed objects, too; a chance find does no harm but to a number.
        """
        found = {int(one) for one in _REFERENCE.findall(self._pdf)}
        for item in () if packs_nothing(self._pdf) else self._reader.objects:
            if isinstance(item, pikepdf.Stream) and item.get("/Type") == "/ObjStm":
                found.update(int(one) for one in _REFERENCE.findall(item.read_bytes()))
        return frozenset(found)

    def has(self, name: ObjectId) -> bool:
        """Whether there is such an object, or something refers to one."""
        return self._reader.get_object(name) is not None or name[0] in self.numbers


class Document:
    """The document after some of its updates. `written`: the objects that these brought."""

    def __init__(
        self, base: Base, written: dict[ObjectId, Value], sections: frozenset[ObjectId] = frozenset()
    ) -> None:
        self._base = base
        self._sections = sections
        self.written = written

    def after(self, update: Update) -> "Document":
        """The document after one more update."""
        own = frozenset(() if update.section is None else (update.section,))
        return Document(self._base, self.written | update.objects, self._sections | own)

    def knows(self, name: ObjectId) -> bool:
        """Whether there is such an object, or one is referred to in what was signed first."""
        return name in self.written or name in self._sections or self._base.has(name)

    def get(self, name: ObjectId) -> Value:
        """What an object says. Raises Malformed."""
        return self.written[name] if name in self.written else self._base.get(name)

    def opened(self, value: Value | None) -> Value | None:
        """What a reference leads to, and anything else itself. Raises Malformed."""
        return self.get(value.id) if isinstance(value, Reference) else value

    @cached_property
    def root_id(self) -> ObjectId:
        """Which object is the catalog; it is the same after each update. Raises Malformed."""
        reference = self._base.trailer.get(b"Root")
        if not isinstance(reference, Reference):
            raise Malformed("the catalog is no object of its own")
        return reference.id

    @property
    def root(self) -> Dictionary:
        """The catalog. Raises Malformed."""
        return keys(self.get(self.root_id))


def said(item: Any) -> Dictionary:
    """A dictionary of qpdf's. Raises Malformed."""
    return keys(said_value(item))


def said_value(item: Any) -> Value:
    """A value of qpdf's as our own reader would have read it. Raises Malformed."""
    if isinstance(item, pikepdf.Stream):
        return Stream(said(item.stream_dict), item.read_raw_bytes())
    if item is None or not isinstance(item, pikepdf.Object):
        raise Malformed("an object is missing or is a bare value")
    return read(item.unparse(resolved=True))[0]
