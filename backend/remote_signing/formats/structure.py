"""The bones of a signed PDF, read by qpdf and checked byte by byte: a second opinion beside pyHanko's.

The rules are stricter than ISO 32000-1: every signature starts at byte 0, leaves out exactly its own
/Contents, covers its whole revision, has one field of its own; fields, their names and their order are those
that we expect.
"""

import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from io import BytesIO
from itertools import pairwise
from typing import Any

import msgspec
import pikepdf

from backend.remote_signing.formats import cms, der
from backend.remote_signing.formats.der import MalformedDer
from backend.remote_signing.formats.schemas import Damaged, Unreadable

#: A transcript is 50–400 KB; nothing near this size is one.
MAX_BYTES = 32 * 1024 * 1024
_MAX_FIELDS = 64
_SEED_KEYS = frozenset(("/Type", "/Ff", "/Filter", "/SubFilter", "/MDP"))
#: A date with its zone (ISO 32000-1, 7.9.4).
_DATE = re.compile(r"D:([0-9]{14})([+-][0-9]{2})'([0-9]{2})'?")
#: A hexadecimal string as long as a signature value, and the head of an object.
_VALUE = re.compile(rb"<(30[0-9A-Fa-f]{1000,})>")
_OBJECT = re.compile(rb"(?<![0-9])[0-9]{1,10} [0-9]{1,5} obj\b")


class Slot(msgspec.Struct, frozen=True, kw_only=True):
    """One signature in a file: the field, the object of its value, and the bytes that it covers."""

    field: str
    object_id: tuple[int, int]
    is_document_timestamp: bool
    byte_range: tuple[int, ...]
    contents: bytes
    sub_filter: str
    claimed_at: datetime | None  # what the signer's clock said (/M)
    obeys_seed: bool  # it is as the field wants it (12.7.4.5), and the field wants nothing that is not ours
    certifies: bool  # nothing but the filling in of fields is allowed from here on (DocMDP, /P 2)
    closes: bool  # every field is locked (FieldMDP, /Action /All)

    @property
    def signed_data(self) -> bytes:
        """The ContentInfo in /Contents, without what fills the room behind it. Raises MalformedDer."""
        return self.contents[: der.read(self.contents).end]

    @property
    def start(self) -> int:
        """Offset of "<" of /Contents."""
        return self.byte_range[1]

    @property
    def stop(self) -> int:
        """Offset behind ">" of /Contents."""
        return self.byte_range[2]

    @property
    def end(self) -> int:
        """Offset behind the last covered byte."""
        return self.byte_range[2] + self.byte_range[3]


class Bones(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the structural rules look at."""

    fields: tuple[str, ...]  # all form fields, signed or not
    strange_fields: tuple[str, ...]  # form fields that are no signature fields
    slots: tuple[Slot, ...]  # in the order in which they were signed
    certified: tuple[int, int] | None  # object id that /Perms /DocMDP points at
    has_other_permissions: bool
    has_xfa: bool
    has_store: bool  # a Document Security Store is present


def open_pdf(pdf: bytes) -> pikepdf.Pdf:
    """Open without repairing. Raises Unreadable, or Damaged where repairing might help."""
    if len(pdf) > MAX_BYTES:
        raise Unreadable("Tệp quá lớn so với một học bạ, không kiểm tra được.")
    try:
        reader = pikepdf.open(BytesIO(pdf), attempt_recovery=False, suppress_warnings=True)
    except pikepdf.PasswordError:
        raise Unreadable("Tệp PDF đặt mật khẩu nên không kiểm tra được.") from None
    except Exception as error:
        raise Damaged("Tệp không phải là PDF đọc được (tệp trống, bị cắt cụt hoặc sai định dạng).") from error
    if reader.is_encrypted:
        raise Unreadable("Tệp PDF đặt mật khẩu nên không kiểm tra được.")
    return reader


def read_bones(reader: pikepdf.Pdf) -> Bones:
    """Collect fields and signatures. Raises Damaged when there is none, or one has no usable form."""
    root: Any = reader.Root
    form: Any = root.get("/AcroForm", pikepdf.Dictionary())
    fields = _terminal_fields(form)
    signed = [(name, item) for name, item in fields if item.get("/FT") == "/Sig" and "/V" in item]
    if not signed:
        raise Damaged("Tệp PDF này không có chữ ký số nào.")
    permissions: Any = root.get("/Perms", pikepdf.Dictionary())
    certified = permissions.get("/DocMDP")
    return Bones(
        fields=tuple(name for name, _ in fields),
        strange_fields=tuple(name for name, item in fields if item.get("/FT") != "/Sig"),
        slots=tuple(
            sorted((_slot(name, item) for name, item in signed), key=lambda slot: slot.byte_range[2:])
        ),
        certified=certified.objgen if certified is not None else None,
        has_other_permissions=bool(set(permissions.keys()) - {"/DocMDP"}),
        has_xfa="/XFA" in form,
        has_store="/DSS" in root,
    )


def _terminal_fields(form: Any) -> list[tuple[str, Any]]:
    waiting = [("", item) for item in reversed(list(form.get("/Fields", [])))]
    found: list[tuple[str, Any]] = []
    while waiting:
        prefix, item = waiting.pop()
        name = f"{prefix}.{item.T}".lstrip(".") if "/T" in item else prefix
        kids = [kid for kid in item.get("/Kids", []) if "/T" in kid]
        waiting.extend((name, kid) for kid in kids)
        if not kids:
            found.append((name, item))
        if len(found) + len(waiting) > _MAX_FIELDS:
            raise Unreadable("Tệp PDF có quá nhiều trường biểu mẫu, không phải là học bạ.")
    return found


def _slot(name: str, field: Any) -> Slot:
    try:
        value = field.V
        certifies = any(
            one.TransformMethod == "/DocMDP" and one.TransformParams.get("/P") == 2
            for one in value.get("/Reference", [])
        )
        return Slot(
            field=name,
            object_id=value.objgen,
            is_document_timestamp=value.get("/Type") == "/DocTimeStamp",
            byte_range=tuple(int(number) for number in value.ByteRange),
            contents=bytes(value.Contents),
            sub_filter=str(value.get("/SubFilter", "")),
            claimed_at=_claimed_at(str(value.get("/M", ""))),
            obeys_seed=_obeys(value, field.get("/SV", pikepdf.Dictionary()), certifies=certifies),
            certifies=certifies,
            closes=any(
                one.TransformMethod == "/FieldMDP" and one.TransformParams.get("/Action") == "/All"
                for one in value.get("/Reference", [])
            ),
        )
    except Exception as error:
        raise Damaged(f"Chữ ký trong trường “{name}” không có cấu trúc của chữ ký số PDF.") from error


def _obeys(value: Any, seed: Any, *, certifies: bool) -> bool:
    """Whether a signature is as the seed values of its field want it (ISO 32000-1, 12.7.4.5)."""
    permitted = seed.get("/MDP", pikepdf.Dictionary()).get("/P", 2 if certifies else 0)
    return (
        set(seed.keys()) <= _SEED_KEYS
        and seed.get("/Filter", value.Filter) == value.Filter
        and value.SubFilter in list(seed.get("/SubFilter", [value.SubFilter]))
        and permitted == (2 if certifies else 0)
    )


def _claimed_at(text: str) -> datetime | None:
    found = _DATE.fullmatch(text)
    try:
        return datetime.strptime("".join(found.groups()), "%Y%m%d%H%M%S%z") if found else None
    except ValueError:
        return None


def region_problem(pdf: bytes, slot: Slot) -> str | None:
    """Why the bytes that `slot` covers are not exactly its revision without its /Contents, or None."""
    numbers = slot.byte_range
    if (
        len(numbers) != 4
        or numbers[0] != 0
        or min(numbers) < 0
        or not numbers[1] < numbers[2] <= slot.end <= len(pdf)
    ):
        return "vùng dữ liệu được ký (ByteRange) không hợp lệ"
    gap = pdf[slot.start : slot.stop]
    if gap[:1] != b"<" or gap[-1:] != b">" or not pdf[: slot.start].rstrip().endswith(b"/Contents"):
        return "vùng dữ liệu được ký chừa ra nhiều hơn chính chữ ký"
    # Either case may be written; both in one value are a changed byte that changes no digit.
    same = gap[1:-1] in (slot.contents.hex().encode(), slot.contents.hex().upper().encode())
    if not same or _enclosing_object(pdf, slot.start) != slot.object_id:
        return "vùng dữ liệu chừa ra không phải là nội dung của chính chữ ký này"
    if not _is_zero_padded(slot.contents):
        return "vùng dữ liệu chừa ra còn chứa nội dung khác ngoài chữ ký"
    if not pdf[: slot.end].rstrip(b"\r\n").endswith(b"%%EOF"):
        return "chữ ký không phủ hết phần nội dung mà nó được đặt vào"
    return None


def carries_signature(pdf: bytes) -> bool:
    """Whether a damaged file still shows that it was a whole signed PDF: a signature's value, and nothing cut off."""
    heads = [found.start() for found in _OBJECT.finditer(pdf)]
    is_whole = bool(heads) and pdf.rfind(b"%%EOF") > heads[-1]
    return is_whole and any(_is_signature(found[1]) for found in _VALUE.finditer(pdf))


def _is_signature(hexadecimal: bytes) -> bool:
    try:
        return bool(cms.read(binascii.unhexlify(hexadecimal)).value)
    except (ValueError, IndexError):
        return False


def _is_zero_padded(contents: bytes) -> bool:
    try:
        return not any(contents[der.read(contents).end :])
    except MalformedDer:
        return False


def _enclosing_object(pdf: bytes, position: int) -> tuple[int, int] | None:
    """Id of the indirect object in which `position` lies, by the nearest "N G obj" before it."""
    mark = pdf.rfind(b"obj", max(0, position - 16384), position)
    words = pdf[max(0, mark - 24) : mark].split()
    if mark < 0 or len(words) < 2 or not (words[-2].isdigit() and words[-1].isdigit()):
        return None
    return int(words[-2]), int(words[-1])


def problems(bones: Bones, expected: Sequence[str]) -> list[str]:
    """Sentences about fields, order and coverage of the file as a whole; empty when all is as expected."""
    people = [slot for slot in bones.slots if not slot.is_document_timestamp]
    found = _field_problems(bones, expected)
    signed = [slot.field for slot in people]
    known = [name for name in signed if name in expected]
    if known != [name for name in expected if name in known]:
        found.append("Thứ tự các chữ ký không đúng quy định.")
    if any(slot.is_document_timestamp for slot in bones.slots[: len(people)]):
        found.append("Có dấu thời gian của tài liệu chen trước một chữ ký.")
    if len({slot.object_id for slot in bones.slots}) != len(bones.slots) or (0, 0) in {
        s.object_id for s in people
    }:
        found.append("Hai trường chữ ký dùng chung một chữ ký.")
    if len({slot.contents for slot in bones.slots}) != len(bones.slots):
        found.append("Một chữ ký được chép lại nhiều lần trong tệp.")
    for before, after in pairwise(bones.slots):
        if not before.end <= after.start:
            found.append("Các chữ ký không nối tiếp nhau: chữ ký sau không bao trùm chữ ký trước.")
    if people and (bones.certified != people[0].object_id or not people[0].certifies):
        found.append("Chữ ký đầu tiên không quy định tài liệu được sửa gì sau đó (DocMDP).")
    if not all(slot.obeys_seed for slot in people) or any(slot.certifies for slot in people[1:]):
        found.append("Có chữ ký không theo quy định của trường chữ ký.")
    if people and people[-1].field == expected[-1] and not people[-1].closes:
        found.append("Chữ ký cuối cùng không khóa toàn bộ tài liệu (FieldMDP).")
    if bones.has_xfa or bones.has_other_permissions:
        found.append("Tệp chứa biểu mẫu hoặc quyền không thuộc về học bạ.")
    return found


def missing(bones: Bones, expected: Sequence[str], labels: Mapping[str, str]) -> list[str]:
    """One sentence for each expected signature that is not there."""
    signed = {slot.field for slot in bones.slots}
    return [f"Thiếu chữ ký của {labels.get(name, name)}." for name in expected if name not in signed]


def _field_problems(bones: Bones, expected: Sequence[str]) -> list[str]:
    stamps = {slot.field for slot in bones.slots if slot.is_document_timestamp}
    extra = [name for name in bones.fields if name not in expected and name not in stamps]
    found = [f"Có trường chữ ký lạ “{name[:60]}” ngoài các chữ ký của học bạ." for name in extra]
    if len(set(bones.fields)) != len(bones.fields):
        found.append("Có hai trường chữ ký trùng tên.")
    if bones.strange_fields:
        found.append("Tệp có trường biểu mẫu điền được, học bạ đã ký không được có.")
    return found
