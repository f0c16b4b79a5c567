"""`hocba assess`: one pupil-year as JSON in, its results as JSON out.

The only part of the slice that does I/O.
"""

import re
from typing import Any, BinaryIO

import msgspec

from backend.records.assessment.rules import assess
from backend.records.assessment.schemas import InvalidPupilYear, PrimaryYear, SecondaryYear

_DECODER = msgspec.json.Decoder(SecondaryYear | PrimaryYear)
_ENCODER = msgspec.json.Encoder()
_BOM = b"\xef\xbb\xbf"

_MARK = 'điểm phải viết dưới dạng chuỗi trong dấu nháy, ví dụ "7.5"'
_LEVEL = 'mức phải là "T", "K", "Đ" hoặc "CĐ"'
#: What each field must be, for people; keyed by the last name in the path.
_EXPECTED = {
    "circular": 'thông tư phải là "22/2021" hoặc "27/2020"',
    "grade": "khối lớp phải là số nguyên từ 1 đến 12",
    "subjects": "danh sách môn học phải là một mảng JSON",
    "traits": "danh sách phẩm chất, năng lực phải là một mảng JSON",
    "code": "mã phải là chuỗi kí tự",
    "assessed_by": 'cách đánh giá phải là "score" hoặc "comment"',
    "lessons_per_year": "số tiết cả năm phải là số nguyên dương",
    "exempt": "miễn học phải là true hoặc false",
    "counts": "có tính vào kết quả hay không phải là true hoặc false",
    "regular": f"các lần đánh giá thường xuyên phải là một mảng, {_MARK}",
    "midterm": _MARK,
    "final": _MARK,
    "average": _MARK,
    "topic": _MARK,
    "reassessed": _MARK,
    "result": 'kết quả phải là "Đ" hoặc "CĐ"',
    "conduct": "kết quả rèn luyện phải có dạng term1, term2, after_summer",
    "after_summer": _LEVEL,
    "absences": "số buổi nghỉ phải có dạng excused, unexcused",
    "excused": "số buổi nghỉ phải là số nguyên từ 0 trở lên",
    "unexcused": "số buổi nghỉ phải là số nguyên từ 0 trở lên",
    "level": 'mức phải là "T", "H" hoặc "C" (môn học), "T", "Đ" hoặc "C" (phẩm chất, năng lực)',
    "tests": f"bài kiểm tra định kì phải có dạng tên kì và mảng các lần làm bài, {_MARK}",
    "supplement": "đánh giá bổ sung phải có dạng levels, test_marks, trait_levels",
    "levels": 'mức sau đánh giá bổ sung phải là "T", "H" hoặc "C"',
    "test_marks": _MARK,
    "trait_levels": 'mức sau đánh giá bổ sung phải là "T", "Đ" hoặc "C"',
    "principal": 'quyết định của hiệu trưởng phải là "PROMOTED" hoặc "RETAINED"',
    "recognition": "ghi nhận khen thưởng phải gồm các giá trị true hoặc false",
    "outstanding_subject": "giá trị phải là true hoặc false",
    "clear_progress": "giá trị phải là true hoặc false",
    "class_agrees": "giá trị phải là true hoặc false",
}


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """Where the input is not acceptable, and why, in Vietnamese."""

    path: str
    message: str


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The contract's answer to an input that is not acceptable."""

    error: Problem


_UNKNOWN_FIELD = "Không có trường “{name}” ở chỗ này; xin kiểm tra lại tên trường."
_UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_NOT_JSON = Problem(path="", message="Dữ liệu vào không phải là JSON hợp lệ (UTF-8); xin kiểm tra lại tệp.")


def run(stdin: BinaryIO, stdout: BinaryIO, lines: bool) -> int:
    """Assess what is on `stdin` (UTF-8 bytes) and write JSON to `stdout`; returns the exit status.

    With `lines`, every line is a pupil-year and gets one line of answer, in order, and the status is 0.
    Without, the whole input is one pupil-year and the status is 2 where it is not acceptable.
    """
    if lines:
        for number, line in enumerate(stdin):
            stdout.write(answer(line.removeprefix(_BOM) if number == 0 else line)[0])
        stdout.flush()
        return 0
    output, accepted = answer(stdin.read().removeprefix(_BOM))
    stdout.write(output)
    stdout.flush()
    return 0 if accepted else 2


def answer(data: bytes) -> tuple[bytes, bool]:
    """One pupil-year in JSON → the line to print, and whether it holds a result rather than an error."""
    try:
        return _ENCODER.encode(assess(_DECODER.decode(data))) + b"\n", True
    except InvalidPupilYear as error:
        problem = Problem(path=error.path, message=error.message)
    except msgspec.ValidationError as error:
        problem = _explain(data, str(error))
    except _UNREADABLE:
        problem = _NOT_JSON
    return _ENCODER.encode(Refusal(error=problem)) + b"\n", False


def _explain(data: bytes, technical: str) -> Problem:
    """Say in Vietnamese what the decoder found ("Expected `str`, got `int` - at `$.subjects[0].code`")."""
    place = re.search(r"at `(?:key in )?\$([^`]*)`$", technical)
    steps = re.findall(r"\.([A-Za-z_0-9]+)|\[(\d+)\]", place[1]) if place else []
    try:
        document = msgspec.json.decode(data)
    except _UNREADABLE:
        return _NOT_JSON
    path = _named_path(document, [field or index for field, index in steps])
    required = re.search(r"missing required field `(\w+)`", technical)
    if required:
        path.append(required[1])
        return Problem(path=".".join(path), message=f"Thiếu trường {required[1]}: {_expected(path)}.")
    unknown = re.search(r"unknown field `([^`]*)`", technical)
    if unknown:
        path.append(unknown[1])
        return Problem(path=".".join(path), message=_UNKNOWN_FIELD.format(name=unknown[1][:40]))
    sentence = _expected(path)
    return Problem(path=".".join(path), message=sentence[0].upper() + sentence[1:] + ".")


def _expected(path: list[str]) -> str:
    names = [step for step in path if step in _EXPECTED or step in ("term1", "term2")]
    if not names:
        return "dữ liệu của một học sinh phải là một đối tượng JSON theo quy ước của hocba assess"
    if names[-1] in ("term1", "term2"):
        return _LEVEL if path[0] == "conduct" else "mỗi học kì phải là một đối tượng gồm các điểm của học kì"
    return _EXPECTED[names[-1]]


def _named_path(document: Any, steps: list[str]) -> list[str]:
    """Replace positions in `subjects` and `traits` by codes, as paths in the contract are written."""
    here, path = document, []
    for step in steps:
        here = _inside(here, step)
        code = here.get("code") if isinstance(here, dict) else None
        path.append(code if step.isdigit() and isinstance(code, str) and code else step)
    return path


def _inside(here: Any, step: str) -> Any:
    if isinstance(here, list) and step.isdigit() and int(step) < len(here):
        return here[int(step)]
    return here.get(step) if isinstance(here, dict) else None
