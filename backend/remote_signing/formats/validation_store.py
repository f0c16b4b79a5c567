"""The Document Security Store of a signed PDF (ETSI EN 319 142-1, 5.4.2): read whole, or refused.

Nobody signs what stands in it, so everything in it must be what it says it is.
"""

from collections.abc import Iterator, Mapping

import msgspec

from backend.remote_signing.formats.overlay import Document
from backend.remote_signing.formats.pdf_syntax import (
    Dictionary,
    Malformed,
    Name,
    ObjectId,
    Reference,
    Stream,
    Value,
    items,
    keys,
    unpacked,
)
from backend.remote_signing.formats.trust import Material, MaterialSpoiled

_CERTIFICATES, _ANSWERS, _LISTS = b"Certs", b"OCSPs", b"CRLs"
#: Keys of the store and of one entry of its /VRI.
_OF_STORE = {_CERTIFICATES: _CERTIFICATES, _ANSWERS: _ANSWERS, _LISTS: _LISTS}
_OF_ENTRY = {b"Cert": _CERTIFICATES, b"OCSP": _ANSWERS, b"CRL": _LISTS}
_KEYS_OF_STREAM = frozenset((b"Length", b"Filter"))
#: All that a store holds; a list of revoked certificates may be long.
_LARGEST_STORE = 16 * 1024 * 1024


class SpoiledStore(Exception):
    """The store is not made as 5.4.2 says, or something in it cannot be read."""


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """What the store consists of: dictionaries and lists, data streams, and what these say."""

    containers: frozenset[ObjectId] = frozenset()
    streams: frozenset[ObjectId] = frozenset()
    material: Material = Material()


def read_store(document: Document) -> Store:
    """The store that a document's catalog names, an empty one without. Raises SpoiledStore."""
    try:
        root = document.root
        if b"DSS" not in root:
            return Store()
        reader = _Reader(document)
        reader.read(root)
        store = reader.store()
        store.material.check()
    except (Malformed, MaterialSpoiled) as error:
        raise SpoiledStore(str(error)) from error
    return store


class _Reader:
    """Walks down one store and remembers what it is made of."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._containers: set[ObjectId] = set()
        self._data: dict[bytes, dict[ObjectId, bytes]] = {kind: {} for kind in _OF_STORE}
        self._room = _LARGEST_STORE

    def store(self) -> Store:
        data = {kind: tuple(streams.values()) for kind, streams in self._data.items()}
        return Store(
            containers=frozenset(self._containers),
            streams=frozenset(name for streams in self._data.values() for name in streams),
            material=Material(certificates=data[_CERTIFICATES], ocsps=data[_ANSWERS], crls=data[_LISTS]),
        )

    def read(self, root: Dictionary) -> None:
        store = keys(self._opened(root, b"DSS"))
        if store.get(b"Type", Name(b"DSS")) != Name(b"DSS"):
            raise Malformed("the store is something else")
        self._read_lists(store, _OF_STORE, {b"Type", b"VRI"})
        if b"VRI" in store:
            entries = keys(self._opened(store, b"VRI"))
            for key in entries:
                self._read_lists(keys(self._opened(entries, key)), _OF_ENTRY, {b"Type", b"TU"})

    def _read_lists(self, holder: Dictionary, lists: Mapping[bytes, bytes], others: set[bytes]) -> None:
        if not holder.keys() <= lists.keys() | others:
            raise Malformed("the store holds more than validation material")
        for key, kind in lists.items():
            if key in holder:
                self._data[kind].update(self._streams(items(self._opened(holder, key)), self._data[kind]))

    def _streams(
        self, references: list[Value], known: Mapping[ObjectId, bytes]
    ) -> Iterator[tuple[ObjectId, bytes]]:
        for reference in references:
            if not isinstance(reference, Reference):
                raise Malformed("data stands in the store itself")
            if reference.id in known:
                continue
            # Only an update brings a store: what stood there before the first signature is nobody's proof.
            stream = self._document.written.get(reference.id)
            if not isinstance(stream, Stream) or not stream.keys.keys() <= _KEYS_OF_STREAM:
                raise Malformed("the store holds something else than data")
            data = unpacked(stream, self._room)
            self._room -= len(data)
            yield reference.id, data

    def _opened(self, holder: Dictionary, key: bytes) -> Value | None:
        value = holder[key]
        if isinstance(value, Reference):
            self._containers.add(value.id)
        return self._document.opened(value)
