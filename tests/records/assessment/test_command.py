"""The contract of `hocba assess`: bytes in, bytes out, exit status."""

import io
import json
import time
from typing import Any

import pytest

from backend.records.assessment.command import run
from tests.records.assessment.pupils import averages, marked, primary, scored, secondary

CONTRACT_INPUT = """{
  "circular": "22/2021",
  "grade": 8,
  "subjects": [
    {"code": "TOAN", "assessed_by": "score", "lessons_per_year": 140,
     "term1": {"regular": ["8", "9", "7", "8"], "midterm": "7", "final": "8"},
     "term2": {"regular": ["8", "8", "8", "8"], "midterm": "8", "final": "8"},
     "reassessed": null},
    {"code": "LSDL", "assessed_by": "score", "lessons_per_year": 105,
     "term1": {"average": "6.4"}, "term2": {"average": "6.5"}},
    {"code": "GDTC", "assessed_by": "comment", "lessons_per_year": 70,
     "term1": {"regular": ["Đ", "Đ"], "midterm": "Đ", "final": "Đ"},
     "term2": {"result": "CĐ"}, "reassessed": "Đ"}
  ],
  "conduct": {"term1": "T", "term2": "K", "after_summer": null},
  "absences": {"excused": 10, "unexcused": 2}
}"""
CONTRACT_PRIMARY = """{
  "circular": "27/2020",
  "grade": 4,
  "subjects": [
    {"code": "TV", "level": "T", "tests": {"year_end": ["4", "9"]}},
    {"code": "DD", "level": "T"}
  ],
  "traits": [{"code": "YEU_NUOC", "level": "Đ"}],
  "recognition": {"outstanding_subject": false, "clear_progress": false, "class_agrees": false}
}"""


def call(data: str | bytes, *, lines: bool = False) -> tuple[int, list[Any]]:
    """Exit status and the JSON values printed, one a line."""
    out = io.BytesIO()
    status = run(io.BytesIO(data.encode() if isinstance(data, str) else data), out, lines)
    return status, [json.loads(line) for line in out.getvalue().decode().splitlines()]


def test_the_contract_s_own_secondary_input() -> None:
    status, [output] = call(CONTRACT_INPUT)
    assert status == 0
    assert " ".join(output) == (
        "circular subjects learning learning_after_reassessment conduct promotion reassess title missing "
        "reasons"
    )
    assert output["circular"] == "22/2021"
    assert output["subjects"] == {
        "TOAN": {"term1": "7.8", "term2": "8.0", "year": "7.9", "final": "7.9"},
        "LSDL": {"term1": "6.4", "term2": "6.5", "year": "6.5", "final": "6.5"},
        "GDTC": {"term1": "Đ", "term2": "CĐ", "year": "CĐ", "final": "Đ"},
    }
    assert output["learning"]["year"] == {"base": "CĐ", "level": "CĐ", "adjusted_by": None}
    assert list(output["learning_after_reassessment"]) == ["base", "level", "adjusted_by"]
    assert output["conduct"] == {"year": "K", "after_summer": None}
    assert all(set(reason) == {"rule", "text"} for reason in output["reasons"])


def test_the_contract_s_own_primary_input() -> None:
    status, [output] = call(CONTRACT_PRIMARY)
    assert status == 0
    assert " ".join(output) == (
        "circular year_level class_completed programme_completed promotion title missing reasons"
    )
    assert (output["year_level"], output["promotion"], output["title"]) == ("HT", "PROMOTED", None)
    assert (output["class_completed"], output["programme_completed"]) == (True, False)


def test_output_is_utf_8_and_ends_with_a_line_break() -> None:
    out = io.BytesIO()
    run(io.BytesIO(CONTRACT_PRIMARY.encode()), out, False)
    assert "Hoàn thành".encode() in out.getvalue()
    assert out.getvalue().count(b"\n") == 1


def refused(data: str | bytes) -> dict[str, str]:
    status, [output] = call(data)
    assert status == 2
    assert list(output) == ["error"]
    assert set(output["error"]) == {"path", "message"}
    error: dict[str, str] = output["error"]
    assert error["message"].endswith(".")
    return error


NUMBER = secondary([marked(["8"] * 4, "8", "8")])
NUMBER["subjects"][0]["term1"] = {"regular": ["8"] * 4, "midterm": 8, "final": "8"}
DEEP = "[" * 200_000


@pytest.mark.parametrize(
    ("data", "path", "words"),
    [
        pytest.param('{"circular": "9/2020"}', "circular", "22/2021", id="unknown circular"),
        pytest.param("{}", "circular", "circular", id="no circular"),
        pytest.param('{"circular": 22}', "circular", "22/2021", id="circular is a number"),
        pytest.param("[]", "", "đối tượng JSON", id="not an object"),
        pytest.param("", "", "JSON hợp lệ", id="nothing"),
        pytest.param("{", "", "JSON hợp lệ", id="cut off"),
        pytest.param(b'{"circular": "\xff"}', "", "JSON hợp lệ", id="not UTF-8"),
        pytest.param(DEEP, "", "JSON", id="very deep"),
        pytest.param('{"circular": "22/2021"}', "grade", "khối lớp", id="no grade"),
        pytest.param('{"circular": "22/2021", "grade": "8"}', "grade", "Khối lớp", id="grade is text"),
        pytest.param('{"circular": "22/2021", "grade": 5}', "grade", "lớp 6", id="grade of the other"),
        pytest.param(json.dumps(NUMBER), "subjects.TOAN.term1.midterm", "dấu nháy", id="mark is a number"),
        pytest.param(
            json.dumps(secondary([scored("TOAN", "10.1")])),
            "subjects.TOAN.term1.average",
            "từ 0 đến 10",
            id="mark above ten",
        ),
        pytest.param(
            json.dumps(secondary([], ("X", "T", None))), "conduct.term1", "Mức phải là", id="unknown conduct"
        ),
        pytest.param(
            '{"circular": "22/2021", "grade": 8, "subjects": [{"code": "TOAN", "assessed_by": "x"}]}',
            "subjects.TOAN.assessed_by",
            "score",
            id="unknown mode",
        ),
        pytest.param(
            '{"circular": "22/2021", "grade": 8, "subjects": [{"assessed_by": "score"}]}',
            "subjects.0.code",
            "code",
            id="no code",
        ),
        pytest.param(
            '{"circular": "22/2021", "grade": 8, "absences": {"excused": 1.5}}',
            "absences.excused",
            "Số buổi nghỉ",
            id="half a half-day",
        ),
        pytest.param(
            json.dumps(primary(4, {"TOAN": ["9.5"]})),
            "subjects.TOAN.tests.year_end",
            "số nguyên",
            id="decimal test mark",
        ),
        pytest.param(
            json.dumps(primary(4, levels={"TV": "K"})), "subjects.TV.level", "Mức phải là", id="unknown level"
        ),
        pytest.param(
            '{"circular": "27/2020", "grade": 3, "subjects": [{"code": "TV", "tests": {"year_end": [9]}}]}',
            "subjects.TV.tests.0",
            "dấu nháy",
            id="test mark is a number",
        ),
    ],
)
def test_what_is_not_acceptable(data: str | bytes, path: str, words: str) -> None:
    error = refused(data)
    assert error["path"] == path
    assert words in error["message"]


def test_a_field_of_the_caller_beside_ours_is_ignored() -> None:
    assert call(json.dumps({**secondary(averages(["8"] * 8)), "pupil": "HS001"}))[0] == 0


@pytest.mark.parametrize(
    ("data", "path"),
    [
        (secondary([scored("TOAN", "8", reasesed="9")]), "subjects.TOAN.reasesed"),
        (secondary([{**scored("TOAN", "8"), "term2": {"averag": "8"}}]), "subjects.TOAN.term2.averag"),
        ({**secondary([]), "conduct": {"summer": "T"}}, "conduct.summer"),
        ({**secondary([]), "absences": {"excuse": 1}}, "absences.excuse"),
        ({**primary(4), "subjects": [{"code": "TV", "test": {}}]}, "subjects.TV.test"),
        ({**primary(4), "recognition": {"class_agree": True}}, "recognition.class_agree"),
    ],
)
def test_a_misspelt_field_is_refused(data: dict[str, Any], path: str) -> None:
    error = refused(json.dumps(data))
    assert error["path"] == path
    assert "tên trường" in error["message"]


@pytest.mark.parametrize("left_out", [{"exempt": True}, {"counts": False}])
def test_marks_that_do_not_count_are_checked(left_out: dict[str, bool]) -> None:
    data = primary(4, {"TV": ["99"]})
    data["subjects"] = [{**one, **left_out} for one in data["subjects"]]
    assert refused(json.dumps(data))["path"] == "subjects.TV.tests.year_end"


def test_byte_order_mark_is_ignored() -> None:
    assert call(b"\xef\xbb\xbf" + CONTRACT_PRIMARY.encode())[0] == 0


def test_lines_answer_every_line_in_order() -> None:
    good = json.dumps(secondary(averages(["8"] * 8)))
    bad = json.dumps(secondary([scored("TOAN", "11")]))
    primary_line = json.dumps(primary(4), ensure_ascii=False)
    status, outputs = call("\n".join([good, bad, "{broken", "", primary_line]), lines=True)
    assert status == 0
    assert ["error" in output for output in outputs] == [False, True, True, True, False]
    assert outputs[0]["title"] == "GIOI"
    assert outputs[1]["error"]["path"] == "subjects.TOAN.term1.average"
    assert outputs[4]["year_level"] == "HTXS"


def test_lines_of_nothing_are_nothing() -> None:
    assert call("", lines=True) == (0, [])


class _Endless(io.RawIOBase):
    """Gives the same line again and again, and remembers the most that was ever waiting to be written."""

    def __init__(self, line: bytes, count: int) -> None:
        self.line, self.left = line, count

    def __iter__(self) -> "_Endless":
        return self

    def __next__(self) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise StopIteration
        return self.line


class _Counter(io.BytesIO):
    """Counts lines and keeps none."""

    lines = 0

    def write(self, data: Any) -> int:
        self.lines += bytes(data).count(b"\n")
        return len(data)


def test_lines_are_streamed() -> None:
    line = (json.dumps(primary(2)) + "\n").encode()
    stdin, stdout = _Endless(line, 3000), _Counter()
    started = time.perf_counter()
    assert run(stdin, stdout, True) == 0  # type: ignore[arg-type]
    assert stdout.lines == 3000
    # a hundredth of the target, so that only a blunder fails here: the benchmarks measure the real figure
    assert 3000 / (time.perf_counter() - started) > 50
