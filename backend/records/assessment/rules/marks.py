"""Marks as whole tenths (75 is 7,5): reading, writing, averages.

No binary floats anywhere; ties round half up.
"""

import re
from collections.abc import Mapping, Sequence

from backend.records.assessment.schemas import InvalidPupilYear, Level

#: The full mark, in tenths.
HIGHEST = 100

_NUMBER = re.compile(r"(-?[0-9]{1,6})(?:[.,]([0-9]{1,6}))?")
#: Every usual spelling of every mark; a look-up here is what keeps a season's computation fast.
USUAL_MARKS: Mapping[str | None, int] = {
    **{f"{tenths // 10}{sign}{tenths % 10}": tenths for tenths in range(HIGHEST + 1) for sign in ".,"},
    **{str(whole): whole * 10 for whole in range(11)},
}
USUAL_COMMENTS: Mapping[str | None, Level] = {"Đ": Level.PASS, "CĐ": Level.FAIL}
_WRITTEN = tuple(f"{tenths // 10}.{tenths % 10}" for tenths in range(HIGHEST + 1))
_SHOWN = tuple(text.replace(".", ",") for text in _WRITTEN)
_TESTS = {str(mark): mark for mark in range(11)}


def read_mark(text: str, path: str, name: str) -> int:
    """A mark or average of TT22 Đ.5.3 (0–10, at most one decimal, dot or comma) in tenths.

    `name` is the subject for the message. Raises InvalidPupilYear at `path`.
    """
    known = USUAL_MARKS.get(text)
    if known is not None:
        return known
    found = _NUMBER.fullmatch(text.strip())
    if not found:
        raise InvalidPupilYear(path, f"{name}: “{_short(text)}” không phải là điểm; xin nhập số từ 0 đến 10.")
    whole, decimals = int(found[1]), (found[2] or "").rstrip("0")
    if found[1].startswith("-") or whole > 10 or (whole == 10 and decimals):
        raise InvalidPupilYear(
            path, f"{name}: điểm {_short(text)} nằm ngoài khoảng từ 0 đến 10; xin nhập lại."
        )
    if len(decimals) > 1:
        raise InvalidPupilYear(
            path, f"{name}: điểm {_short(text)} có quá một chữ số thập phân; xin làm tròn đến một chữ số."
        )
    return whole * 10 + int(decimals or 0)


def read_comment(text: str, path: str, name: str) -> Level:
    """The result of an assessment by comment (TT22 Đ.5.2): PASS or FAIL.

    Raises InvalidPupilYear at `path`.
    """
    level = USUAL_COMMENTS.get(text)
    if level is None:
        raise InvalidPupilYear(
            path, f"{name}: môn đánh giá bằng nhận xét chỉ ghi “Đ” hoặc “CĐ”, không ghi “{_short(text)}”."
        )
    return level


def usual_mark(text: str) -> int:
    """A mark that the rules have accepted, in tenths."""
    return read_mark(text, "", "")


def read_test(text: str, path: str, name: str) -> int:
    """A periodic test of TT27 Đ.7.1.b: a whole mark 0–10. Raises InvalidPupilYear at `path`."""
    mark = _TESTS.get(text.strip())
    if mark is None:
        raise InvalidPupilYear(
            path,
            f"{name}: điểm bài kiểm tra định kì phải là số nguyên từ 0 đến 10, không có phần thập phân, "
            f"không ghi “{_short(text)}”.",
        )
    return mark


def write_mark(tenths: int) -> str:
    """The contract's spelling: "7.5"."""
    return _WRITTEN[tenths]


def show_mark(tenths: int) -> str:
    """The spelling for Vietnamese readers: "7,5"."""
    return _SHOWN[tenths]


def term_average(regular: Sequence[int], midterm: int, final: int) -> int:
    """ĐTBmhk (TT22 Đ.9.1.b): (TĐĐGtx + 2 × ĐĐGgk + 3 × ĐĐGck) / (số ĐĐGtx + 5), in tenths, half up."""
    return _divide_half_up(sum(regular) + 2 * midterm + 3 * final, len(regular) + 5)


def year_average(term1: int, term2: int) -> int:
    """ĐTBmcn (TT22 Đ.9.1.b): (ĐTBmhkI + 2 × ĐTBmhkII) / 3 from the recorded averages, in tenths, half up."""
    return _divide_half_up(term1 + 2 * term2, 3)


def _divide_half_up(total: int, divisor: int) -> int:
    return (2 * total + divisor) // (2 * divisor)


def _short(text: str) -> str:
    return text if len(text) <= 20 else text[:20] + "…"
