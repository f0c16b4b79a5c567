"""What each update of a signed PDF may hold, stricter than the difference analysis of pyHanko.

Up to the last signature: a signature, which fills its own field and nothing else. After it, as its lock says
(/P 1, ISO 32000-1, 12.8.2.2): validation material and document time stamps (ETSI EN 319 142-1, 5.4 and 5.5).
Everything else is a change.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import HistoricalResolver, PdfFileReader
from pyhanko.sign.validation.pdf_embedded import EmbeddedPdfSignature

from backend.remote_signing.formats.updates import Irregular, ObjectId, Update, read_updates, written
from backend.remote_signing.formats.validation_store import SpoiledStore, read_store

_UPDATED = "Sau khi ký, tệp đã bị sửa ngoài những gì người ký cho phép (bản cập nhật thứ {number})."
_STRAY = "Sau khi ký, tệp đã được ghi thêm nội dung hoặc bị sửa cấu trúc."
SPOILED = "Thông tin kiểm tra lâu dài (DSS) kèm theo chữ ký đã bị hỏng hoặc bị sửa."
_DOCUMENT_TIMESTAMP = "/DocTimeStamp"
_ETSI = "/ESIC"
_EXTENSION_KEYS = frozenset(("/Type", "/BaseVersion", "/ExtensionLevel"))


class _Step(msgspec.Struct, frozen=True):
    """One update, with the document before it and after it."""

    update: Update
    before: HistoricalResolver
    after: HistoricalResolver

    def is_known(self, name: ObjectId) -> bool:
        """Whether the update writes an object again that was there before."""
        reference = generic.Reference(*name, self.before)
        return self.before.reader.xrefs.get_historical_ref(reference, self.update.number - 1) is not None


def problems(pdf: bytes, reader: PdfFileReader, embedded: Sequence[EmbeddedPdfSignature]) -> list[str]:
    """Sentences about what was written after a signature and must not be; empty when all updates are clean."""
    if not embedded:
        return []
    first = embedded[0].signed_revision + 1
    try:
        updates = read_updates(pdf, reader, first, _end(embedded[0]))
    except Irregular:
        return [_STRAY]
    by_revision = {item.signed_revision: item for item in embedded}
    people = [item.signed_revision for item in embedded if item.sig_object_type != _DOCUMENT_TIMESTAMP]
    found = []
    for update in updates:
        item, is_closed = by_revision.get(update.number), update.number > max(people, default=0)
        found += _problems_of(_step(reader, update), item, is_closed=is_closed)
    if len(by_revision) != len(embedded):
        found.append("Hai chữ ký được ghi trong cùng một lần cập nhật tệp.")
    return found


def _end(item: EmbeddedPdfSignature) -> int:
    """Offset behind the last byte that a signature covers."""
    *_, start, length = (int(number) for number in item.sig_object["/ByteRange"])
    return start + length


def _step(reader: PdfFileReader, update: Update) -> _Step:
    resolvers = (reader.get_historical_resolver(number) for number in (update.number - 1, update.number))
    return _Step(update, *resolvers)


def _problems_of(step: _Step, item: EmbeddedPdfSignature | None, *, is_closed: bool) -> list[str]:
    try:
        if item is not None and item.sig_object_type != _DOCUMENT_TIMESTAMP:
            is_allowed = _fills_its_field(step, item)
        elif item is not None:
            is_allowed = is_closed and _adds_timestamp(step, item)
        else:
            is_allowed = is_closed and _adds_material(step)
    except SpoiledStore:
        return [SPOILED]
    return [] if is_allowed else [_UPDATED.format(number=step.update.number)]


def _fills_its_field(step: _Step, item: EmbeddedPdfSignature) -> bool:
    field, value = _field_and_value(item)
    return (
        step.update.objects == {field, value}
        and not step.is_known(value)
        and _same_but(_object(step.before, field), _object(step.after, field), {"/V"})
    )


def _adds_material(step: _Step) -> bool:
    """The catalog names a store, or a longer one. What the store already named is not written again."""
    root = _name(step.after.root_ref)
    before, after = read_store(step.before.root), read_store(step.after.root)
    again = {name for name in step.update.objects if step.is_known(name)}
    return (
        bool(step.update.objects & (after.containers | {root}))
        and again <= (before.containers & after.containers) | {root}
        and step.update.objects <= after.containers | after.streams | {root}
        and _same_but(step.before.root, step.after.root, {"/DSS", "/Extensions"})
        and _extends(step.before.root, step.after.root)
    )


def _extends(before: Any, after: Any) -> bool:
    """Whether only ETSI's extension came to those of the developers (ISO 32000-1, 7.12; EN 319 142-1, 5.6)."""
    if "/Extensions" not in after:
        return "/Extensions" not in before
    later = after["/Extensions"]
    kept = before.get("/Extensions", {})
    return _same_but(kept, later, {_ETSI}) and set(later.get(_ETSI, {})) <= _EXTENSION_KEYS


def _adds_timestamp(step: _Step, item: EmbeddedPdfSignature) -> bool:
    """An invisible field with its value, hung into the form and onto its page."""
    field, value = _field_and_value(item)
    page = item.sig_field.raw_get("/P")
    before, after = (_places(resolver, page) for resolver in (step.before, step.after))
    new = {name for name in step.update.objects if not step.is_known(name)}
    holders = {_name(reference) for reference in _holders(step.before, page)}
    rectangle = [float(number) for number in item.sig_field["/Rect"]]
    return (
        new == {field, value}
        and step.update.objects <= new | holders
        and rectangle[:2] == rectangle[2:]
        and all(
            _same_but(old, later, {key}) and _grown_by(old[key], later[key], field)
            for (old, key), (later, _) in zip(before, after, strict=True)
        )
        and _same_but(step.before.root, step.after.root, set())
    )


def _places(resolver: HistoricalResolver, page: Any) -> list[tuple[Any, str]]:
    """The dictionaries into which a field hangs, each with the key of the list in it."""
    return [(resolver.root["/AcroForm"], "/Fields"), (_object(resolver, _name(page)), "/Annots")]


def _holders(resolver: HistoricalResolver, page: Any) -> list[Any]:
    """References to these dictionaries, and to the lists where they are objects of their own."""
    places = _places(resolver, page)
    references = [resolver.root.raw_get("/AcroForm"), page, *(holder.raw_get(key) for holder, key in places)]
    return [reference for reference in references if isinstance(reference, generic.IndirectObject)]


def _grown_by(before: Any, after: Any, field: ObjectId) -> bool:
    kept = [written(before.raw_get(index)) for index in range(len(before))]
    found = [written(after.raw_get(index)) for index in range(len(after))]
    return found == [*kept, b"%d %d R" % field]


def _same_but(before: Any, after: Any, keys: set[str]) -> bool:
    """Whether two dictionaries say the same, apart from these keys."""
    old, later = (
        {key: written(one.raw_get(key)) for key in one if key not in keys} for one in (before, after)
    )
    return old == later


def _field_and_value(item: EmbeddedPdfSignature) -> tuple[ObjectId, ObjectId]:
    return _name(item.sig_field.container_ref), _name(item.sig_field.raw_get("/V"))


def _object(resolver: HistoricalResolver, name: ObjectId) -> Any:
    return resolver.get_object(generic.Reference(*name, resolver))


def _name(reference: Any) -> ObjectId:
    return reference.idnum, reference.generation
