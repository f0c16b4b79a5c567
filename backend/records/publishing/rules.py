"""What of a sheet goes to families, and how a slip shows it. No I/O.

No averages over subjects, no ranks, no comparison with others (TT 15/2026 Đ.22: results of a pupil are confidential).
"""

from collections.abc import Iterable, Mapping, Sequence

from backend.core.errors import Conflict, Forbidden
from backend.records.gradebook.schemas import (
    ABOUT_HEALTH,
    ENTRY_NOTES,
    WHOLE_YEAR,
    Cell,
    Column,
    Entry,
    MarkKind,
    MarkState,
    Point,
)
from backend.records.publishing.schemas import SlipPeriod, SlipRow

#: Periods in the order of the year: terms from grade 6 on, points in primary, what belongs to the whole year.
PERIOD_NAMES = {
    Point.MID_TERM_1.value: "Giữa học kì I",
    Point.END_TERM_1.value: "Cuối học kì I",
    Point.MID_TERM_2.value: "Giữa học kì II",
    Point.YEAR_END.value: "Cuối năm học",
    "1": "Học kì I",
    "2": "Học kì II",
    str(WHOLE_YEAR): "Cả năm học",
}
#: What stays in the school until the học bạ: what the principal writes into it, and how a pupil's body is.
_INTERNAL = frozenset({MarkKind.PRINCIPAL_COMMENT, *ABOUT_HEALTH})
#: The columns of a slip: heading, and the kinds whose values stand there one after the other.
_SECONDARY = (
    ("ĐĐGtx", (MarkKind.REGULAR, MarkKind.TOPIC)),
    ("ĐĐGgk", (MarkKind.MIDTERM,)),
    ("ĐĐGck", (MarkKind.FINAL,)),
    ("Nhận xét", (MarkKind.COMMENT,)),
)
_PRIMARY = (
    ("Mức đạt được", (MarkKind.LEVEL,)),
    ("KTĐK", (MarkKind.TEST,)),
    ("Nhận xét", (MarkKind.COMMENT,)),
)


def periods_of(columns: Iterable[Column], term: int) -> list[str]:
    """The periods in which a sheet may be published."""
    points = {column.point.value for column in columns if column.point}
    return [period for period in PERIOD_NAMES if period in points] or [str(term)]


def published_columns(columns: Iterable[Column], period: str) -> list[Column]:
    """The columns of a sheet that go to families in a period."""
    return [
        column
        for column in columns
        if column.cell.kind not in _INTERNAL and (column.point is None or column.point == period)
    ]


def refusal(theirs: bool, filled: bool, place: str) -> Forbidden | Conflict | None:
    """Why somebody may not publish a sheet in a period; None: they may. `theirs`: in charge of it, or the management."""
    if not theirs:
        return Forbidden(f"{place}: chỉ giáo viên phụ trách sổ hoặc ban giám hiệu công bố được.")
    if not filled:
        return Conflict(f"{place}: sổ chưa có nội dung nào của kì này nên chưa công bố được.")
    return None


def shown(cell: Cell, text: str) -> str:
    """A published text as a family reads it: decimal comma, and absences in words."""
    entry = Entry.of(cell.kind, text)
    mark = entry.mark.replace(".", ",") if entry.state is not MarkState.RECORDED or _is_score(cell) else text
    words = ENTRY_NOTES.get(entry.state, "")
    return f"{mark} ({words})" if mark and words else mark or words


def _is_score(cell: Cell) -> bool:
    return cell.kind in (MarkKind.REGULAR, MarkKind.TOPIC, MarkKind.MIDTERM, MarkKind.FINAL)


def slip_period(
    period: str,
    subjects: Sequence[tuple[str, Mapping[Cell, str] | None]],
    homeroom: Sequence[tuple[str, str]],
) -> SlipPeriod:
    """A period of a slip. `subjects`: name and published cells of the pupil, None for one exempt from it."""
    headings = _PRIMARY if period in set(Point) else _SECONDARY
    rows = []
    for name, cells in subjects:
        texts = [
            "Miễn" if cells is None and not at else _joined(cells or {}, kinds)
            for at, (_, kinds) in enumerate(headings)
        ]
        rows.append(SlipRow(subject_name=name, values=tuple(texts)))
    return SlipPeriod(
        name=PERIOD_NAMES[period],
        columns=tuple(heading for heading, _ in headings),
        rows=tuple(rows),
        homeroom=tuple(homeroom),
    )


def _joined(cells: Mapping[Cell, str], kinds: Sequence[MarkKind]) -> str:
    found = sorted((kinds.index(cell.kind), cell.slot, cell) for cell in cells if cell.kind in kinds)
    return " · ".join(shown(cell, cells[cell]) for *_, cell in found)
