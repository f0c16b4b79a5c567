"""One snapshot, one sequence of bytes: canonical JSON (after RFC 8785), its SHA-256, and the door for text.

Canonical means: keys sorted, UTF-8, no spaces, every string in NFC, no floating-point numbers, no repeated
keys. The digest of these bytes is the identity of a transcript version, so reading accepts only bytes that it
would write itself.
"""

import hashlib
import json
import unicodedata
from collections.abc import Iterator

import msgspec

from backend.core.errors import Invalid
from backend.records.transcripts.schemas import Snapshot

Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

#: Longest text of one field, in characters; a comment of the form holds about 300.
MAX_TEXT = 4000

#: Letters and signs that the forms print. Every one of them is in the packaged font (tests render them all).
_PRINTABLE = frozenset(
    chr(code)
    for first, last in (
        (0x20, 0x7E),
        (0xA1, 0xAC),
        (0xAE, 0x24F),  # Latin with all letters of Vietnamese and of the minority languages (ƀ, č, ĕ, ñ, ŏ)
        (0x391, 0x3A1),
        (0x3A3, 0x3A9),
        (0x3B1, 0x3C9),
        (0x1E00, 0x1EFF),
        (0x2010, 0x2015),
        (0x2018, 0x201F),
        (0x2020, 0x2022),
        (0x2026, 0x2026),
        (0x2030, 0x2033),
        (0x2039, 0x203A),
        (0x2070, 0x2071),
        (0x2074, 0x208E),
        (0x20AB, 0x20AC),
        (0x2190, 0x2195),
        (0x2212, 0x2212),
        (0x2248, 0x2248),
        (0x2260, 0x2261),
        (0x2264, 0x2265),
    )
    for code in range(first, last + 1)
)
#: Marks that NFC leaves beside their letter in minority languages (ơ̆, ư̆); anything else is decoration.
_MARKS = frozenset("\u0300\u0301\u0302\u0303\u0306\u0309\u030c\u0323\u0331")
_SPACES = frozenset("\t\n\r\v\f\x85\u00a0\u2028\u2029\u202f\u3000") | {chr(c) for c in range(0x2000, 0x200B)}
#: Bidi controls, zero width, soft hyphen: a reader sees nothing of them, and they may hide something.
_INVISIBLE = frozenset("\u00ad\u061c\u180e\u200b\u200c\u200d\u200e\u200f\ufeff") | {
    chr(c) for c in (*range(0x202A, 0x202F), *range(0x2060, 0x2070))
}
#: Look-alikes of Đ that old Vietnamese encodings left behind; Vietnamese has neither letter.
_FOLD = str.maketrans(
    {"\u00d0": "Đ", "\u0189": "Đ"} | dict.fromkeys(_INVISIBLE) | dict.fromkeys(_SPACES, " ")
)

#: What the sentence calls a field; a field not named here is called by its place in the snapshot.
FIELD_NAMES = {
    "full_name": "Họ và tên",
    "name": "Tên",
    "code": "Mã",
    "comment": "Nhận xét",
    "student_code": "Mã học sinh",
    "ethnicity": "Dân tộc",
    "nationality": "Quốc tịch",
    "birth_place": "Nơi sinh",
    "hometown": "Quê quán",
    "current_address": "Nơi ở hiện nay",
    "policy_group": "Đối tượng chính sách",
    "father_name": "Họ tên cha",
    "mother_name": "Họ tên mẹ",
    "guardian_name": "Họ tên người giám hộ",
    "father_job": "Nghề nghiệp của cha",
    "mother_job": "Nghề nghiệp của mẹ",
    "guardian_job": "Nghề nghiệp của người giám hộ",
    "class_name": "Lớp",
    "school_name": "Tên trường",
    "registry_no": "Số đăng bộ",
    "health": "Sức khoẻ",
    "teacher_name": "Giáo viên môn học",
    "award": "Khen thưởng",
    "completion": "Hoàn thành chương trình",
    "certificates": "Chứng chỉ",
    "competitions": "Kết quả các cuộc thi",
    "homeroom_comment": "Nhận xét của giáo viên chủ nhiệm",
    "principal_comment": "Nhận xét của hiệu trưởng",
    "issue_place": "Nơi phát hành",
    "title": "Chức danh",
    "province": "Tỉnh, thành phố",
    "ward": "Xã, phường",
    "tax_code": "Mã số thuế",
}


def check_text(value: str, *, field: str, person: str, limit: int = MAX_TEXT) -> str:
    """Text as it may enter a transcript: NFC, single spaces, nothing invisible, only what the form can print.

    Raises Invalid with one sentence that names the field, the person and the sign (or the length) refused.
    """
    words = unicodedata.normalize("NFC", value.translate(_FOLD)).split(" ")
    text = " ".join(word for word in words if word)
    if len(text) > limit:
        raise Invalid(
            f"Mục “{field}” của {_shown(person)} dài {len(text)} ký tự, quá giới hạn {limit};"
            " hãy viết ngắn lại."
        )
    bad = _first_unprintable(text)
    if bad:
        raise Invalid(
            f"Mục “{field}” của {_shown(person)} có ký tự không in được {_named(bad)};"
            " hãy xoá ký tự đó hoặc thay bằng chữ thông thường."
        )
    return text


def clean_snapshot(snapshot: Snapshot) -> Snapshot:
    """The snapshot with every text checked and cleaned; only such a one is frozen. Raises Invalid."""
    person = snapshot.student.full_name
    raw: Json = msgspec.to_builtins(snapshot)
    try:
        return msgspec.convert(_cleaned(raw, "", person), Snapshot)
    except msgspec.ValidationError as error:
        raise Invalid(f"Nội dung học bạ của {_shown(person)} không hợp lệ: {error}") from error


def canonical_json(snapshot: Snapshot) -> bytes:
    """The bytes that are hashed, stored, attached to the PDF and delivered.

    Raises Invalid when a text has not passed `clean_snapshot`.
    """
    if clean_snapshot(snapshot) != snapshot:
        raise Invalid(
            f"Nội dung học bạ của {_shown(snapshot.student.full_name)} còn khoảng trắng thừa hoặc ký tự ẩn;"
            " hãy làm sạch dữ liệu trước khi chốt."
        )
    raw: Json = msgspec.to_builtins(snapshot)
    text = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def content_sha256(snapshot_json: bytes) -> str:
    """Hex digest (64 characters) of canonical bytes."""
    return hashlib.sha256(snapshot_json).hexdigest()


def read_snapshot(snapshot_json: bytes) -> Snapshot:
    """The snapshot in canonical bytes; Invalid when they are no snapshot of this schema or not canonical."""
    try:
        snapshot = msgspec.json.decode(snapshot_json, type=Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(f"Dữ liệu học bạ không đúng định dạng hocba.snapshot/1: {error}") from error
    if canonical_json(snapshot) != snapshot_json:
        raise Invalid("Dữ liệu học bạ không ở dạng chuẩn hoá nên không thể đối chiếu với mã băm đã chốt.")
    return snapshot


def text_leaves(value: Json, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string of a JSON value with its path, in document order."""
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield from text_leaves(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from text_leaves(item, f"{path}[{index}]")


def _cleaned(value: Json, path: str, person: str) -> Json:
    if isinstance(value, str):
        return check_text(value, field=_field_name(path), person=person)
    if isinstance(value, dict):
        return {key: _cleaned(item, f"{path}.{key}", person) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_cleaned(item, path, person) for item in value]
    if isinstance(value, float):
        raise TypeError("A snapshot holds no floating-point numbers")
    return value


def _field_name(path: str) -> str:
    leaf = path.rpartition(".")[2]
    return FIELD_NAMES.get(leaf, path.lstrip("."))


def _first_unprintable(text: str) -> str:
    for index, char in enumerate(text):
        if char in _MARKS:
            if index == 0 or not text[index - 1].isalpha():
                return char
        elif char not in _PRINTABLE:
            return char
    return ""


def _named(char: str) -> str:
    code = f"U+{ord(char):04X}"
    return f"“{char}” ({code})" if char.isprintable() and not unicodedata.combining(char) else code


def _shown(person: str) -> str:
    """A name that is safe inside a sentence, even when the name itself is what is wrong."""
    return (
        "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in person.translate(_FOLD))
        or "học sinh"
    )
