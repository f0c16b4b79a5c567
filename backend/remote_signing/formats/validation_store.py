"""The Document Security Store of a signed PDF (ETSI EN 319 142-1, 5.4.2): read whole, or refused.

Nobody signs what stands in it, so everything in it must be what it says it is.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.decode_limits import DecodePurpose

from backend.remote_signing.formats.trust import Material, MaterialSpoiled
from backend.remote_signing.formats.updates import ObjectId

_PURPOSES = {
    "/Certs": DecodePurpose.CERTIFICATE,
    "/OCSPs": DecodePurpose.OCSP_RESPONSE,
    "/CRLs": DecodePurpose.CRL,
}
#: Keys of the store and of one entry of its /VRI.
_LISTS = {"/Certs": "/Certs", "/OCSPs": "/OCSPs", "/CRLs": "/CRLs"}
_LISTS_OF_ENTRY = {"/Cert": "/Certs", "/OCSP": "/OCSPs", "/CRL": "/CRLs"}
_KEYS_OF_STREAM = frozenset(("/Length", "/Filter", "/DecodeParms"))


class SpoiledStore(Exception):
    """The store is not made as 5.4.2 says, or something in it cannot be read."""


class Store(msgspec.Struct, frozen=True, kw_only=True):
    """What the store consists of: dictionaries and lists, data streams, and what these say."""

    containers: frozenset[ObjectId]
    streams: frozenset[ObjectId]
    material: Material


def read_store(root: generic.DictionaryObject) -> Store:
    """The store that a catalog names, an empty one without. Raises SpoiledStore."""
    reader = _Reader()
    if "/DSS" in root:
        reader.read(root)
    store = reader.store()
    try:
        store.material.check()
    except MaterialSpoiled as error:
        raise SpoiledStore(str(error)) from error
    return store


class _Reader:
    """Walks down one store and remembers what it is made of."""

    def __init__(self) -> None:
        self._containers: set[ObjectId] = set()
        self._streams: dict[str, dict[ObjectId, bytes]] = {key: {} for key in _PURPOSES}

    def store(self) -> Store:
        data = {key: tuple(streams.values()) for key, streams in self._streams.items()}
        return Store(
            containers=frozenset(self._containers),
            streams=frozenset(name for streams in self._streams.values() for name in streams),
            material=Material(certificates=data["/Certs"], ocsps=data["/OCSPs"], crls=data["/CRLs"]),
        )

    def read(self, root: generic.DictionaryObject) -> None:
        store = self._dictionary(root, "/DSS")
        if store.get("/Type", "/DSS") != "/DSS":
            raise SpoiledStore("the store is something else")
        self._read_lists(store, _LISTS, {"/Type", "/VRI"})
        if "/VRI" in store:
            entries = self._dictionary(store, "/VRI")
            for key in entries:
                self._read_lists(self._dictionary(entries, key), _LISTS_OF_ENTRY, {"/Type", "/TU"})

    def _read_lists(
        self, holder: generic.DictionaryObject, lists: Mapping[str, str], others: set[str]
    ) -> None:
        if not set(holder) <= lists.keys() | others:
            raise SpoiledStore("the store holds more than validation material")
        for key, kind in lists.items():
            if key in holder:
                self._streams[kind].update(self._data(self._list(holder, key), kind))

    def _data(self, references: generic.ArrayObject, kind: str) -> Iterator[tuple[ObjectId, bytes]]:
        for position in range(len(references)):
            reference = references.raw_get(position)
            name = _name(reference)
            stream: Any = reference.get_object()
            if not isinstance(stream, generic.StreamObject) or not set(stream) <= _KEYS_OF_STREAM:
                raise SpoiledStore("the store holds something else than data")
            yield name, bytes(stream.read_data(_PURPOSES[kind]))

    def _dictionary(self, holder: generic.DictionaryObject, key: str) -> generic.DictionaryObject:
        value = self._opened(holder, key)
        if type(value) is not generic.DictionaryObject:
            raise SpoiledStore(f"{key} is no dictionary")
        return value

    def _list(self, holder: generic.DictionaryObject, key: str) -> generic.ArrayObject:
        value = self._opened(holder, key)
        if not isinstance(value, generic.ArrayObject):
            raise SpoiledStore(f"{key} is no list")
        return value

    def _opened(self, holder: generic.DictionaryObject, key: str) -> Any:
        value: Any = holder.raw_get(key)
        if not isinstance(value, generic.IndirectObject):
            return value
        self._containers.add(_name(value))
        return holder[key]


def _name(reference: Any) -> ObjectId:
    if not isinstance(reference, generic.IndirectObject):
        raise SpoiledStore("data stands in the store itself")
    return reference.idnum, reference.generation
