"""What was written after the first signature of a PDF: exactly what its signers allow, or a change.

Up to the last signature: a signature, which fills its own empty field and nothing else. After it, as its lock says
(/P 1, ISO 32000-1, 12.8.2.2): validation material and document time stamps (ETSI EN 319 142-1, 5.4 and 5.5).
That is all that `pades` and `document_stamp` write; whatever else an update holds is refused, harmless or not.
"""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pikepdf

from backend.remote_signing.formats.overlay import Base, Document, said_value
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
    number,
)
from backend.remote_signing.formats.structure import Slot
from backend.remote_signing.formats.updates import Irregular, Update, read_updates
from backend.remote_signing.formats.validation_store import SpoiledStore, Store, read_store

_UPDATED = "Sau khi ký, tệp đã bị sửa ngoài những gì người ký cho phép (bản cập nhật thứ {number} sau chữ ký đầu tiên)."
_STRAY = "Sau khi ký, tệp đã được ghi thêm nội dung hoặc bị sửa cấu trúc."
_TWICE = "Hai chữ ký được ghi trong cùng một lần cập nhật tệp."
_TWO_READERS = "Hai bộ đọc PDF hiểu các chữ ký trong tệp khác nhau."
SPOILED = "Thông tin kiểm tra lâu dài (DSS) kèm theo chữ ký đã bị hỏng hoặc bị sửa."
_ETSI = b"ESIC"
_EXTENDS, _LEVELS = Name(b"DeveloperExtensions"), tuple(map(Decimal, (1, 2, 5)))
#: What a signature dictionary may say; texts, but for these.
_SIGNATURE_KEYS = frozenset((b"Type", b"Filter", b"SubFilter", b"ByteRange", b"Contents", b"Reference"))
_TEXT_KEYS = frozenset((b"Name", b"Reason", b"ContactInfo", b"Location", b"M"))
_STAMP_FIELD_KEYS = frozenset((b"Type", b"Subtype", b"FT", b"T", b"Rect", b"F", b"P", b"V", b"TU"))


class Change(msgspec.Struct, frozen=True):
    """Something that must not be there, and the offset behind which it stands: what was signed before is changed."""

    start: int
    problem: str


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What came after the first signature: what of it must not be there, and the newest validation material."""

    changes: tuple[Change, ...]
    store: Store


def read_history(pdf: bytes, reader: pikepdf.Pdf, slots: Sequence[Slot]) -> History:
    """Judge every update behind the first signature; `slots` as `structure.read_bones` found them in `reader`."""
    start = slots[0].end
    try:
        with Base(pdf[:start]) as base:
            updates = read_updates(pdf, start, base.trailer)
            return _Judge(reader, Document(base, {}), slots).history(updates)
    except Irregular as error:
        return _broken(len(pdf) if error.start is None else error.start, _STRAY)
    except (Malformed, pikepdf.PdfError):
        return _broken(len(pdf), _STRAY)


def _broken(start: int, problem: str) -> History:
    return History(changes=(Change(start, problem),), store=Store())


class _Step(msgspec.Struct, frozen=True):
    """One update, with the document before it and after it."""

    update: Update
    before: Document
    after: Document


class _Judge:
    """Goes through the updates of one file."""

    def __init__(self, reader: pikepdf.Pdf, document: Document, slots: Sequence[Slot]) -> None:
        self._reader = reader
        self._document = document
        self._slots = slots
        self._store = Store()
        self._last = max((slot.start for slot in slots if not slot.is_document_timestamp), default=0)

    def history(self, updates: Sequence[Update]) -> History:
        changes = [
            Change(update.start, problem)
            for place, update in enumerate(updates, 1)
            for problem in self._problems(place, update)
        ]
        if not changes and not self._both_readers_agree():
            changes.append(Change(self._slots[0].end, _TWO_READERS))
        return History(changes=tuple(changes), store=Store() if changes else self._store)

    def _problems(self, place: int, update: Update) -> list[str]:
        before, self._document = self._document, self._document.after(update)
        step = _Step(update, before, self._document)
        own = [slot for slot in self._slots if update.start <= slot.start < update.end]
        if len(own) > 1:
            return [_TWICE]
        if update.section is not None and before.knows(update.section):
            return [_UPDATED.format(number=place)]
        try:
            return [] if self._is_allowed(step, own) else [_UPDATED.format(number=place)]
        except Malformed:
            return [_UPDATED.format(number=place)]
        except SpoiledStore:
            return [SPOILED]

    def _is_allowed(self, step: _Step, own: Sequence[Slot]) -> bool:
        is_closed = step.update.start > self._last
        if not own:
            before, self._store = self._store, read_store(step.after)
            return is_closed and _adds_material(step, before, self._store)
        # Behind its %%EOF a signature may cover the end of the line.
        covers_it = step.update.end <= own[0].end <= step.update.end + 2
        if own[0].is_document_timestamp:
            return covers_it and is_closed and _adds_timestamp(step, own[0])
        return covers_it and _fills_its_field(step, own[0])

    def _both_readers_agree(self) -> bool:
        """Whether qpdf finds in the whole file what our own reader found behind the first signature."""
        written = self._document.written
        try:
            return all(said_value(self._reader.get_object(name)) == value for name, value in written.items())
        except (Malformed, pikepdf.PdfError):
            return False


def _fills_its_field(step: _Step, slot: Slot) -> bool:
    """The field was empty, and now names a new signature; nothing else is written."""
    field = _only(step.update.objects.keys() - {slot.object_id})
    before, after = keys(step.before.get(field)), keys(step.after.get(field))
    return (
        step.update.objects.keys() == {field, slot.object_id}
        and not step.before.knows(slot.object_id)
        and Reference(field) in _fields(step.before)
        and b"V" not in before
        and after == before | {b"V": Reference(slot.object_id)}
        and after.get(b"T") == slot.field.encode()
        and _is_signature(step, slot, b"Sig", b"ETSI.CAdES.detached")
    )


def _only(names: set[ObjectId]) -> ObjectId:
    if len(names) != 1:
        raise Malformed("an update writes more, or less, than a signature and its field")
    return next(iter(names))


def _is_signature(step: _Step, slot: Slot, kind: bytes, form: bytes) -> bool:
    """Whether the value is a bare signature, the same that qpdf found, that leads to nothing but the catalog."""
    value = keys(step.after.get(slot.object_id))
    texts = [value[key] for key in _TEXT_KEYS & value.keys()]
    return (
        value.keys() <= _SIGNATURE_KEYS | _TEXT_KEYS
        and (value.get(b"Type"), value.get(b"SubFilter")) == (Name(kind), Name(form))
        and tuple(number(one) for one in items(value.get(b"ByteRange"))) == slot.byte_range
        and value.get(b"Contents") == slot.contents
        and all(isinstance(text, bytes) for text in texts)
        and all(_locks(step, keys(one)) for one in items(value.get(b"Reference", [])))
    )


def _locks(step: _Step, rule: Dictionary) -> bool:
    """A rule of a later signature locks fields; to certify the document is for the first one alone (12.8.2.2)."""
    parameters = keys(rule.get(b"TransformParams"))
    return (
        rule.keys() <= {b"Type", b"TransformMethod", b"TransformParams", b"Data"}
        and rule.get(b"TransformMethod") == Name(b"FieldMDP")
        and rule.get(b"Data", Reference(step.before.root_id)) == Reference(step.before.root_id)
        and not any(_leads_on(value) for value in parameters.values())
    )


def _leads_on(value: Value) -> bool:
    """Whether a reference stands in a value."""
    if isinstance(value, list):
        return any(map(_leads_on, value))
    if isinstance(value, dict):
        return any(map(_leads_on, value.values()))
    return isinstance(value, Reference | Stream)


def _adds_material(step: _Step, before: Store, after: Store) -> bool:
    """The catalog names a store, or a longer one. What the store already named is not written again."""
    root, written = step.before.root_id, step.update.objects.keys()
    again = {name for name in written if step.before.knows(name)}
    return (
        bool(written & (after.containers | {root}))
        and again <= (before.containers & after.containers) | {root}
        and written <= after.containers | after.streams | {root}
        and _same_but(step.before.root, step.after.root, {b"DSS", b"Extensions"})
        and _extends(step.before.root, step.after.root)
    )


def _extends(before: Dictionary, after: Dictionary) -> bool:
    """Whether only ETSI's extension came to those of the developers (ISO 32000-1, 7.12; EN 319 142-1, 5.6)."""
    if b"Extensions" not in after:
        return b"Extensions" not in before
    later, kept = keys(after[b"Extensions"]), keys(before.get(b"Extensions", {}))
    if later == kept:
        return True
    added = keys(later.get(_ETSI))
    return _ETSI not in kept and _is_extension(added) and later == kept | {_ETSI: added}


def _is_extension(said: Dictionary) -> bool:
    return (
        said.keys() <= {b"Type", b"BaseVersion", b"ExtensionLevel"}
        and said.get(b"Type", _EXTENDS) == _EXTENDS
        and said.get(b"BaseVersion") == Name(b"1.7")
        and said.get(b"ExtensionLevel") in _LEVELS
    )


def _adds_timestamp(step: _Step, slot: Slot) -> bool:
    """An invisible field with its value, hung into the form and onto its page."""
    new = {name for name in step.update.objects if not step.before.knows(name)}
    field_id = _only(new - {slot.object_id})
    field = keys(step.after.get(field_id))
    page = field.get(b"P")
    return (
        new == {field_id, slot.object_id}
        and field.keys() <= _STAMP_FIELD_KEYS
        and (field.get(b"FT"), field.get(b"Subtype")) == (Name(b"Sig"), Name(b"Widget"))
        and (field.get(b"V"), field.get(b"T")) == (Reference(slot.object_id), slot.field.encode())
        and isinstance(field.get(b"TU", b""), bytes)
        and _is_empty(items(field.get(b"Rect")))
        and isinstance(page, Reference)
        and _is_page(step.before, page.id)
        and step.update.objects.keys() - new <= _holders(step.before, page.id)
        and all(
            _same_but(before, after, {key}) and _grown_by(step, before.get(key), after.get(key), field_id)
            for (before, key), (after, _) in zip(
                _places(step.before, page.id), _places(step.after, page.id), strict=True
            )
        )
        and step.before.root == step.after.root
        and _is_signature(step, slot, b"DocTimeStamp", b"ETSI.RFC3161")
    )


def _is_empty(rectangle: list[Value]) -> bool:
    return len(rectangle) == 4 and rectangle[:2] == rectangle[2:]


def _is_page(document: Document, name: ObjectId) -> bool:
    return keys(document.get(name)).get(b"Type") == Name(b"Page")


def _places(document: Document, page: ObjectId) -> list[tuple[Dictionary, bytes]]:
    """The dictionaries into which a field hangs, each with the key of the list in it."""
    form = keys(document.opened(document.root.get(b"AcroForm")))
    return [(form, b"Fields"), (keys(document.get(page)), b"Annots")]


def _holders(document: Document, page: ObjectId) -> set[ObjectId]:
    """These dictionaries, and the lists, where they are objects of their own."""
    values = [document.root.get(b"AcroForm"), *(holder.get(key) for holder, key in _places(document, page))]
    return {page} | {value.id for value in values if isinstance(value, Reference)}


def _grown_by(step: _Step, before: Value | None, after: Value | None, field: ObjectId) -> bool:
    """Whether a list has one reference more, at its end; where it is an object of its own, it stays the same one."""
    stays = before == after if isinstance(before, Reference) else not isinstance(after, Reference)
    kept = items(step.before.opened(before)) if before is not None else []
    return stays and items(step.after.opened(after)) == [*kept, Reference(field)]


def _fields(document: Document) -> list[Value]:
    form = keys(document.opened(document.root.get(b"AcroForm")))
    return items(document.opened(form.get(b"Fields")))


def _same_but(before: Dictionary, after: Dictionary, changed: set[bytes]) -> bool:
    """Whether two dictionaries say the same, apart from these keys."""
    old, later = ({key: one[key] for key in one if key not in changed} for one in (before, after))
    return old == later
