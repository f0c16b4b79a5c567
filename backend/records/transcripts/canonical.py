"""One snapshot, one sequence of bytes: canonical JSON (after RFC 8785), its SHA-256, and the door for text.

Canonical means: keys sorted, UTF-8, no spaces, every string in NFC, no floating-point numbers, no repeated
keys. The digest of these bytes is the identity of a transcript version, so reading accepts only bytes that it
would write itself.
"""

import hashlib
import json
from collections.abc import Iterator
from functools import lru_cache

import msgspec

from backend.core.errors import Invalid
from backend.core.text import check_text, shown_name
from backend.records.transcripts.schemas import Snapshot

SCHEMA = "hocba.snapshot/1"
Json = None | bool | int | str | list["Json"] | dict[str, "Json"]

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
    "health": "Sức khỏe",
    "teacher_name": "Giáo viên môn học",
    "award": "Khen thưởng",
    "completion": "Hoàn thành chương trình",
    "certificates": "Chứng chỉ",
    "competitions": "Kết quả các cuộc thi",
    "homeroom_comment": "Nhận xét của giáo viên chủ nhiệm",
    "principal_comment": "Nhận xét của hiệu trưởng",
    "summer_training": "Nhận xét về rèn luyện trong kì nghỉ hè",
    "issue_place": "Nơi phát hành",
    "title": "Chức danh",
    "province": "Tỉnh, thành phố",
    "ward": "Xã, phường",
    "tax_code": "Mã số thuế",
    "what": "Nội dung sửa chữa",
    "old": "Nội dung trước khi sửa",
    "new": "Nội dung sau khi sửa",
    "by": "Người quyết định sửa chữa",
    "at": "Thời điểm sửa chữa",
    "why": "Lý do sửa chữa",
}


def clean_snapshot(snapshot: Snapshot) -> Snapshot:
    """The snapshot with every text checked and cleaned; only such a one is frozen. Raises Invalid."""
    person = snapshot.student.full_name
    raw: Json = msgspec.to_builtins(snapshot)
    try:
        return msgspec.convert(_cleaned(raw, "", person), Snapshot)
    except msgspec.ValidationError as error:
        raise Invalid(f"Nội dung học bạ của {shown_name(person)} không hợp lệ: {error}") from error


def canonical_json(snapshot: Snapshot) -> bytes:
    """The bytes that are hashed, stored, attached to the PDF and delivered.

    Raises Invalid when a text has not passed `clean_snapshot`.
    """
    if clean_snapshot(snapshot) != snapshot:
        raise Invalid(
            f"Nội dung học bạ của {shown_name(snapshot.student.full_name)} còn khoảng trắng thừa hoặc ký tự ẩn;"
            " hãy làm sạch dữ liệu trước khi chốt."
        )
    raw: Json = msgspec.to_builtins(snapshot)
    text = json.dumps(raw, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode()


def content_sha256(snapshot_json: bytes) -> str:
    """Hex digest (64 characters) of canonical bytes."""
    return hashlib.sha256(snapshot_json).hexdigest()


class _Head(msgspec.Struct):
    """What says how the rest is to be read."""

    schema: str = SCHEMA


def schema_json() -> bytes:
    """The JSON Schema (2020-12) of a snapshot, as it is published for whoever reads the data package."""
    described = msgspec.json.schema(Snapshot)
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:hocba:snapshot:1",
        "title": SCHEMA,
    }
    return msgspec.json.format(msgspec.json.encode(head | described, order="sorted"), indent=2) + b"\n"


def decode_snapshot(snapshot_json: bytes) -> Snapshot:
    """The snapshot in bytes of our own, which are canonical by their digest; Invalid when their schema is not known."""
    try:
        return msgspec.json.decode(snapshot_json, type=Snapshot)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Invalid(_why_unreadable(snapshot_json, error)) from error


@lru_cache(maxsize=8)
def read_snapshot(snapshot_json: bytes) -> Snapshot:
    """The snapshot in canonical bytes; Invalid when they are no snapshot of a known schema or not canonical.

    The newest few are remembered: whoever makes one form of a snapshot makes the other one next.
    """
    snapshot = decode_snapshot(snapshot_json)
    if canonical_json(snapshot) != snapshot_json:
        raise Invalid("Dữ liệu học bạ không ở dạng chuẩn hóa nên không thể đối chiếu với mã băm đã chốt.")
    return snapshot


def _why_unreadable(snapshot_json: bytes, error: Exception) -> str:
    try:
        schema = msgspec.json.decode(snapshot_json, type=_Head).schema
    except (msgspec.DecodeError, UnicodeDecodeError):
        schema = SCHEMA
    if schema != SCHEMA:
        return (
            f"Dữ liệu học bạ theo lược đồ “{schema}”, phần mềm này chỉ đọc được {SCHEMA};"
            " hãy dùng bản phần mềm đã lập tệp này hoặc bản mới hơn."
        )
    return f"Dữ liệu học bạ không đúng định dạng {SCHEMA}: {error}"


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
