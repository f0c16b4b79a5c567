"""What a receipt says of the lines of a file, and why it is not that file's receipt. No I/O."""

from collections.abc import Mapping, Sequence

from backend.core.errors import Invalid
from backend.integrations.portal.schemas import Line
from backend.integrations.profiles.schemas import Sheet

#: So many problems of one receipt are told.
MOST_TOLD = 10
LONGEST_NUMBER = 60
_LETTERS = 26
Cells = Mapping[str, str]


def numbered(lines: Sequence[Line], sheet: Sheet) -> dict[str, dict[str, str]]:
    """The lines as they stand in the file, counted where it counts them, by what the receipt calls them."""
    return {
        line.key: {**line.cells, **({sheet.number: str(number)} if sheet.number else {})}
        for number, line in enumerate(lines, 1)
    }


def rows_of(sheets: Sequence[Sequence[Sequence[str]]], first_row: int, key: str) -> dict[int, dict[str, str]]:
    """The lines of a receipt by row number: cells by column, of the first sheet that has any. Raises Invalid."""
    for sheet in sheets:
        found = {
            number: {_letters(at): text for at, text in enumerate(row, 1) if text}
            for number, row in enumerate(sheet, 1)
            if number >= first_row
        }
        found = {number: cells for number, cells in found.items() if cells.get(key)}
        if found:
            return found
    raise Invalid(
        f"Tệp này không có dòng học sinh nào từ dòng {first_row} trở đi; hãy chọn đúng tệp biên nhận tải về từ cổng."
    )


def by_key(rows: Mapping[int, Cells], sent: Mapping[str, Cells], key: str) -> dict[str, tuple[int, Cells]]:
    """The line of the receipt about each line that was sent. Raises Invalid when it is no receipt of this file.

    What was sent must stand in the receipt as it was sent: else it is of another file, or was changed on the way.
    """
    found: dict[str, tuple[int, Cells]] = {}
    problems = []
    for number, cells in rows.items():
        name = cells[key]
        if name not in sent:
            problems.append(
                f"Dòng {number}: mã “{name}” không nằm trong tệp đã lấy; đây là biên nhận của tệp khác."
            )
        elif name in found:
            problems.append(f"Dòng {number}: mã “{name}” đã có ở dòng {found[name][0]}.")
        else:
            found[name] = (number, cells)
            problems += _changed(number, sent[name], cells)
    problems += [
        f"Thiếu dòng của mã “{name}”; hãy tải biên nhận đầy đủ từ cổng." for name in sent if name not in found
    ]
    refuse(problems)
    return found


def refuse(problems: Sequence[str]) -> None:
    """Raises Invalid that tells of these problems, if there are any."""
    if problems:
        more = len(problems) - MOST_TOLD
        told = " ".join(problems[:MOST_TOLD]) + (f" Và {more} chỗ khác." if more > 0 else "")
        raise Invalid(f"Chưa ghi gì vì tệp không phải biên nhận của tệp đã nộp. {told}")


def _changed(number: int, sent: Cells, cells: Cells) -> list[str]:
    return [
        f"Dòng {number}, cột {column}: tệp đã nộp ghi “{text}”, biên nhận ghi “{cells.get(column, '')}”."
        for column, text in sent.items()
        if cells.get(column, "") != text
    ]


def _letters(column: int) -> str:
    high, low = divmod(column - 1, _LETTERS)
    return (chr(ord("A") + high - 1) if high else "") + chr(ord("A") + low)
