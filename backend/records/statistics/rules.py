"""How figures are put together so that they add up, and what is said of them. No I/O."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, tzinfo

import msgspec

from backend.core.errors import Invalid
from backend.records.calendar.schemas import Due, Step
from backend.records.roster.schemas import YearSummary
from backend.records.statistics.schemas import (
    Area,
    Check,
    Count,
    DeadlineLine,
    Finished,
    PupilData,
    Ratios,
    Share,
    SignedLine,
    Verdict,
)
from backend.records.transcripts.schemas import IN_FORCE, VersionState

_PUPILS, _DATA_PAGE = "/hoc-sinh", "/nhap"
_MADE_BY_MACHINE = frozenset({VersionState.FROZEN, VersionState.RENDERED})


def ratios(year: YearSummary | None, day: date, classes: Sequence[Count]) -> Ratios:
    """The figures of classes with their sums: what a grade or the school says is never counted a second time."""
    by_grade: dict[int, list[Count]] = defaultdict(list)
    for one in classes:
        if one.grade_level is not None:
            by_grade[one.grade_level].append(one)
    grades = tuple(summed(found, grade) for grade, found in sorted(by_grade.items()))
    return Ratios(year=year, day=day, grades=grades, classes=tuple(classes), total=summed(grades))


def class_count(row: object) -> Count:
    """A class as it was counted; it takes part as soon as one of its pupils does, and is none without pupils."""
    found = msgspec.convert(row, Count, from_attributes=True)
    return msgspec.structs.replace(found, classes=min(found.pupils, 1), classes_in=min(found.pupils_in, 1))


def summed(lines: Iterable[Count], grade_level: int | None = None) -> Count:
    """The sum of some lines."""
    found = list(lines)
    names = ("classes", "classes_in", "pupils", "pupils_in", "issued", "recalled", "completed", "left")
    return Count(
        grade_level=grade_level, **{name: sum(getattr(one, name) for one in found) for name in names}
    )


def signed_lines(
    states: Iterable[tuple[int, VersionState]], signed: Mapping[tuple[int, str], Share]
) -> tuple[SignedLine, ...]:
    """Per grade, and last the sum of all; nothing where no transcript was made."""
    by_grade: dict[int, list[VersionState]] = defaultdict(list)
    for grade, state in states:
        by_grade[grade].append(state)
    roles = list(dict.fromkeys(role for _, role in signed))
    lines = [
        SignedLine(
            grade_level=grade,
            made=len(found),
            waiting=sum(state in _MADE_BY_MACHINE for state in found),
            signing=found.count(VersionState.SIGNING) + found.count(VersionState.SIGNED),
            complete=sum(state in IN_FORCE or state is VersionState.SIGNED for state in found),
            issued=sum(state in IN_FORCE for state in found),
            signed={role: signed.get((grade, role), Share()) for role in roles},
        )
        for grade, found in sorted(by_grade.items())
    ]
    if not lines:
        return ()
    total = SignedLine(
        grade_level=None,
        made=sum(one.made for one in lines),
        waiting=sum(one.waiting for one in lines),
        signing=sum(one.signing for one in lines),
        complete=sum(one.complete for one in lines),
        issued=sum(one.issued for one in lines),
        signed={role: _sum_of(one.signed[role] for one in lines) for role in roles},
    )
    return (*lines, total)


def _sum_of(shares: Iterable[Share]) -> Share:
    found = list(shares)
    return Share(done=sum(one.done for one in found), total=sum(one.total for one in found))


def data_checks(data: PupilData) -> tuple[Check, ...]:
    """“Đúng, đủ, sạch, sống” of the pupils' records, each with what to do."""

    def check(area: Area, name: str, wrong: int, todo: str, url: str = _PUPILS) -> Check:
        return Check(
            area=area, name=name, wrong=wrong, total=data.pupils, todo=todo if wrong else "", url=url
        )

    return (
        check(
            Area.RIGHT,
            "Danh tính đã đối chiếu với CSDL dân cư",
            data.unverified,
            "Đối chiếu trên CSDL ngành rồi nhập ngày đối chiếu vào hồ sơ.",
        ),
        check(
            Area.RIGHT,
            "Ngày sinh hợp với khối lớp",
            data.odd_age,
            "Xem lại ngày sinh, lớp của những học sinh quá nhỏ hoặc quá lớn so với khối.",
        ),
        check(
            Area.COMPLETE,
            "Có số định danh cá nhân",
            data.no_personal_id,
            "Bổ sung số định danh vào hồ sơ; học bạ sẽ in chỗ trống nếu thiếu.",
        ),
        check(
            Area.COMPLETE,
            "Có mã học sinh của CSDL ngành",
            data.temporary_code,
            "Nhập tệp danh sách có mã của CSDL ngành để thay mã tạm.",
            _DATA_PAGE,
        ),
        check(
            Area.COMPLETE,
            "Đủ giới tính, dân tộc, nơi sinh",
            data.incomplete,
            "Bổ sung các mục còn trống: đó là những mục mà học bạ in ra.",
        ),
        check(
            Area.CLEAN,
            "Không trùng họ tên và ngày sinh",
            data.doubled,
            "Xem các cặp trùng; nếu là một em được nhập hai lần thì gộp hồ sơ.",
        ),
        check(
            Area.CLEAN,
            "Mỗi học sinh ở một lớp",
            data.two_classes,
            "Cho học sinh thôi học ở lớp không còn học.",
        ),
        check(
            Area.LIVING,
            "Trạng thái hồ sơ khớp với việc đang học",
            data.status_ended,
            "Hồ sơ ghi đã chuyển đi, thôi học … nhưng vẫn ở trong lớp: sửa trạng thái hoặc cho thôi học.",
        ),
    )


def deadline_lines(
    grades: Mapping[int, Mapping[Step, int]],
    dues: Mapping[int, Mapping[Step, Due]],
    finished: Iterable[Finished],
    today: date,
    zone: tzinfo,
) -> tuple[DeadlineLine, ...]:
    """Each step of each grade against its last day; `grades` say how much there is to do. Steps without anything to do
    are left out."""
    days: dict[tuple[Step, int], list[tuple[date, int]]] = defaultdict(list)
    for one in finished:
        days[one.step, one.grade_level].append((one.at.astimezone(zone).date(), one.count))
    lines = []
    for step in Step:
        for grade, totals in sorted(grades.items()):
            if not totals.get(step):
                continue
            found, due = days[step, grade], dues.get(grade, {}).get(step)
            done = sum(count for _, count in found)
            in_time = done if due is None else sum(count for day, count in found if day <= due.day)
            lines.append(
                DeadlineLine(
                    step=step,
                    grade_level=grade,
                    due=due,
                    total=totals[step],
                    done=done,
                    in_time=in_time,
                    last_on=max((day for day, _ in found), default=None),
                    verdict=_verdict(due, totals[step], done, in_time, today),
                )
            )
    return tuple(lines)


def _verdict(due: Due | None, total: int, done: int, in_time: int, today: date) -> Verdict:
    if due is None:
        return Verdict.OPEN
    if done >= total:
        return Verdict.MET if in_time >= total else Verdict.LATE
    return Verdict.MISSED if due.day < today else Verdict.RUNNING


def chosen_year(
    years: Sequence[YearSummary], typed: str, otherwise: YearSummary | None
) -> YearSummary | None:
    """The year of a name; `otherwise` where none is named. Raises Invalid for one that is not there."""
    if not typed:
        return otherwise
    for one in years:
        if one.name == typed:
            return one
    raise Invalid(f"Trường không có năm học “{typed[:20]}”; xin chọn một năm trong danh sách.")
