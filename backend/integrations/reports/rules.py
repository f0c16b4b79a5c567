"""Figures become tables, in the words and the order of the letters that ask for them. No I/O."""

from collections.abc import Iterable, Sequence
from datetime import date

from msgspec.structs import replace

from backend.core.actor import Actor
from backend.integrations.reports.schemas import Cell, Figures, Mark, Percent, Row, Scope, Table, Value
from backend.records.calendar.schemas import STEP_NAMES
from backend.records.statistics.schemas import (
    AREA_NAMES,
    VERDICT_NAMES,
    Check,
    Count,
    Coverage,
    CoverageLine,
    DeadlineLine,
    Group,
    Ratios,
    Share,
    SignedLine,
    Verdict,
)
from backend.remote_signing.requests.schemas import ROLE_NAMES
from backend.tenants.permissions import Permission
from backend.tenants.schools.schemas import SchoolProfile

NOTHING = "Chưa có số liệu: năm học này chưa có lớp nào có học sinh đến ngày báo cáo."
#: Of what is not known any more as it was on an earlier day.
_OF_TODAY = "Số liệu lúc lập báo cáo, không theo ngày báo cáo."
#: How the figures were counted: the letter asks for it ("thuyết minh, giải thích về số liệu").
EXPLAINED = (
    "Học sinh được đếm ở lớp đang học vào cuối ngày báo cáo.",
    "Học sinh tham gia: học bạ số của năm học đã được chốt số liệu. Lớp tham gia: có ít nhất một học sinh tham gia.",
    "Đã phát hành: đã có phiên bản được ký đủ và phát hành đến ngày báo cáo, kể cả phiên bản sau đó phải thu hồi.",
    "Phải thu hồi: có phiên bản đã phát hành bị thu hồi hoặc đang đề nghị thu hồi; đã hoàn thiện: đã phát hành lại.",
)
#: Pages that not everybody who reads reports may open.
_OPENED_BY = {
    "/ket-noi-so": Permission.AUTHORITY_BIND,
    "/hoc-sinh": Permission.PUPILS_READ,
    "/nhap": Permission.IMPORT,
    "/nhan-su": Permission.PEOPLE_READ,
    "/phan-cong": Permission.PEOPLE_READ,
}
_TONES = {
    Verdict.MET: "ok",
    Verdict.LATE: "warn",
    Verdict.MISSED: "bad",
    Verdict.RUNNING: "waiting",
    Verdict.OPEN: "neutral",
}


def percent(part: int, whole: int) -> Percent:
    """Of a hundred, how many."""
    return Percent(100 * part / whole if whole else None)


def grade_name(grade_level: int | None) -> str:
    """ "Khối 3", or what the sum of all is called."""
    return "Tổng số" if grade_level is None else f"Khối {grade_level}"


def _row(*values: Value | Cell, is_sum: bool = False) -> Row:
    return Row(tuple(one if isinstance(one, Cell) else Cell(one) for one in values), is_sum)


def letter_ratios(ratios: Ratios) -> tuple[tuple[str, int, int], ...]:
    """The five ratios of the Hà Đông letter (II.1) over all grades: words, number, of how many."""
    total, grades = ratios.total, ", ".join(str(one.grade_level) for one in ratios.grades)
    return (
        ("Số học sinh tham gia/tổng số học sinh toàn trường", total.pupils_in, total.pupils),
        (f"Số lớp tham gia/tổng số lớp (lớp {grades})", total.classes_in, total.classes),
        (f"Số học sinh tham gia/tổng số học sinh (lớp {grades})", total.pupils_in, total.pupils),
        (f"Số học bạ số phát hành/tổng số học sinh (lớp {grades})", total.issued, total.pupils),
        ("Số học bạ số phải thu hồi, hoàn thiện/số phát hành", total.recalled, total.issued),
    )


def ratio_tables(ratios: Ratios, scope: Scope, *, linked: bool) -> tuple[Table, ...]:
    """Participation and issue by grade, by the letter's ratios and by class; `linked` leads to the pupils."""

    def pupils(count: Count, number: int, group: Group) -> Cell:
        grade = f"&khoi={count.grade_level}" if count.grade_level else ""
        return Cell(
            number, f"/bao-cao/hoc-sinh{scope.query}&nhom={group}{grade}" if linked and number else ""
        )

    def line(count: Count, name: str) -> Row:
        by_grade = not count.class_name
        shown = pupils if by_grade else lambda _, number, __: Cell(number)
        return _row(
            name,
            *(
                (count.classes_in, count.classes, percent(count.classes_in, count.classes))
                if by_grade
                else ()
            ),
            Cell(count.pupils_in),
            shown(count, count.pupils, Group.ALL),
            percent(count.pupils_in, count.pupils),
            shown(count, count.issued, Group.ISSUED),
            percent(count.issued, count.pupils),
            shown(count, count.pupils - count.issued, Group.NOT_ISSUED),
            shown(count, count.recalled, Group.RECALLED),
            count.completed,
            percent(count.recalled, count.issued),
            is_sum=by_grade and count.grade_level is None,
        )

    of_pupils = (
        "Học sinh tham gia",
        "Tổng số học sinh",
        "Tỉ lệ học sinh",
        "Đã phát hành",
        "Tỉ lệ phát hành",
        "Chưa phát hành",
        "Phải thu hồi",
        "Đã hoàn thiện",
        "Thu hồi/phát hành",
    )
    left = ratios.total.left
    notes = EXPLAINED + (
        (f"Ngoài ra có {left} học bạ đã phát hành của học sinh không còn ở lớp vào ngày báo cáo.",)
        if left
        else ()
    )
    lines = [line(one, grade_name(one.grade_level)) for one in ratios.grades]
    some = bool(ratios.grades)
    return (
        Table(
            name="Theo khối",
            title="Tham gia và phát hành theo khối",
            columns=("Khối", "Lớp tham gia", "Tổng số lớp", "Tỉ lệ lớp", *of_pupils),
            rows=(*lines, line(ratios.total, grade_name(None))) if some else (),
            empty=NOTHING,
            notes=notes if some else (),
            numbers=frozenset(range(1, 13)),
        ),
        Table(
            name="Tỉ lệ theo đề cương",
            title="Các tỉ lệ theo đề cương báo cáo",
            columns=("Nội dung", "Số lượng", "Trên tổng số", "Đạt tỉ lệ"),
            rows=tuple(
                _row(words, part, whole, percent(part, whole)) for words, part, whole in letter_ratios(ratios)
            )
            if some
            else (),
            empty=NOTHING,
            numbers=frozenset({1, 2, 3}),
        ),
        Table(
            name="Theo lớp",
            title="Tham gia và phát hành theo lớp",
            columns=("Lớp", *of_pupils),
            rows=tuple(line(one, one.class_name) for one in ratios.classes if one.pupils),
            empty=NOTHING,
            numbers=frozenset(range(1, 10)),
        ),
    )


def signed_tables(lines: Sequence[SignedLine]) -> tuple[Table, ...]:
    """How far signing is today: transcripts by grade, and signatures by role."""
    roles = list(lines[-1].signed) if lines else []
    made = Table(
        name="Học bạ đã ký",
        title="Tổng hợp số liệu học bạ số đã ký",
        columns=("Khối", "Đã chốt", "Chờ đưa đi ký", "Đang ký", "Đã ký đủ", "Đã phát hành", "Tỉ lệ đã ký đủ"),
        rows=tuple(
            _row(
                grade_name(one.grade_level),
                one.made,
                one.waiting,
                one.signing,
                one.complete,
                one.issued,
                percent(one.complete, one.made),
                is_sum=one.grade_level is None,
            )
            for one in lines
        ),
        empty="Chưa có học bạ nào của năm học này được chốt nên chưa có gì để ký.",
        notes=(
            _OF_TODAY,
            "Chỉ đếm học bạ đang có hiệu lực hoặc đang làm.",
        )
        if lines
        else (),
        numbers=frozenset(range(1, 7)),
    )
    by_role = Table(
        name="Chữ ký theo vai trò",
        title="Chữ ký theo người ký",
        columns=("Người ký", "Đã ký", "Còn thiếu", "Phải có", "Tỉ lệ"),
        rows=tuple(_role_row(ROLE_NAMES.get(role, role), lines[-1].signed[role]) for role in roles),
        empty="Chưa có học bạ nào được đưa đi ký.",
        numbers=frozenset(range(1, 5)),
    )
    return made, by_role


def _role_row(name: str, share: Share) -> Row:
    return _row(name, share.done, share.left, share.total, percent(share.done, share.total))


def coverage_tables(school: SchoolProfile, found: Coverage, *, with_people: bool) -> tuple[Table, ...]:
    """Certificates in the columns of Phụ lục 2–4, then by department, role and provider; people where asked for."""
    total = found.total
    state = "Có, dùng được đến " + f"{found.seal_until:%d/%m/%Y}" if found.seal_until else "Chưa có"
    nobody = "Trường chưa có ai trong danh sách nhân sự."
    tables = [
        Table(
            name="Chứng thư số",
            title="Hiện trạng trang cấp chữ ký số",
            columns=(
                "TT",
                "Tên đơn vị",
                "Mã trường",
                "Cấp học",
                "Tổng số cán bộ, giáo viên, nhân viên hiện có",
                "Số người đã có chữ ký số cá nhân",
                "Số người chưa có chữ ký số cá nhân",
                "Tỉ lệ đã có",
                "Con dấu số của trường",
            ),
            rows=(
                _row(
                    1,
                    school.name,
                    school.code,
                    school.level_label,
                    total.total,
                    total.having,
                    total.lacking,
                    percent(total.having, total.total),
                    state,
                ),
            )
            if total.total
            else (),
            empty=nobody,
            notes=(_OF_TODAY, *found.notes),
            numbers=frozenset({4, 5, 6, 7}),
        ),
        _coverage_table("Theo tổ", "Theo tổ chuyên môn", "Tổ", found.departments, total, nobody),
        _coverage_table("Theo vai trò", "Theo vai trò", "Vai trò", found.roles, total, nobody),
        Table(
            name="Theo nhà cung cấp",
            title="Theo nhà cung cấp chữ ký số",
            columns=("Nhà cung cấp", "Số người đang dùng", "Sắp hết hạn trước ngày ký cuối"),
            rows=tuple(_row(one.name, one.total, one.ending) for one in found.providers),
            empty="Chưa ai có chứng thư số đang hiệu lực.",
            numbers=frozenset({1, 2}),
        ),
    ]
    if with_people:
        tables.append(_people_table(found))
    return tuple(tables)


def _coverage_table(
    name: str, title: str, head: str, lines: Iterable[CoverageLine], total: CoverageLine, empty: str
) -> Table:
    def row(line: CoverageLine, *, is_sum: bool = False) -> Row:
        share = percent(line.having, line.total)
        return _row(
            line.name, line.total, line.having, line.lacking, share, line.ending, line.ended, is_sum=is_sum
        )

    shown = [row(one) for one in lines]
    return Table(
        name=name,
        title=title,
        columns=(head, "Tổng số", "Đã có", "Chưa có", "Tỉ lệ", "Sắp hết hạn", "Đã hết hạn hoặc bị dừng"),
        rows=(*shown, row(total, is_sum=True)) if shown else (),
        empty=empty,
        notes=("Người giữ nhiều vai trò được đếm một lần, ở vai trò đứng trước.",)
        if head == "Vai trò"
        else (),
        numbers=frozenset(range(1, 7)),
    )


def _people_table(found: Coverage) -> Table:
    def state(has_one: bool, ended: bool) -> Mark:
        if has_one:
            return Mark("Đã có", "ok")
        return Mark("Hết hạn hoặc bị dừng", "bad") if ended else Mark("Chưa có", "warn")

    return Table(
        name="Từng người",
        title="Từng người",
        columns=("Họ và tên", "Vai trò", "Tổ", "Nhà cung cấp", "Đến ngày", "Trạng thái"),
        rows=tuple(
            _row(
                Cell(one.name, f"/chung-thu/{one.staff_id}"),
                one.role,
                one.department or "—",
                one.provider or "—",
                one.valid_until,
                state(one.has_one, one.ended),
            )
            for one in found.people
        ),
        empty="Trường chưa có ai trong danh sách nhân sự.",
    )


def opened_by(actor: Actor, checks: Sequence[Check]) -> list[Check]:
    """Checks with the addresses of those pages alone that somebody may open."""
    closed = {path for path, permission in _OPENED_BY.items() if not actor.may(permission)}
    return [replace(one, url="") if one.url in closed else one for one in checks]


def readiness_tables(checks: Sequence[Check]) -> tuple[Table, ...]:
    """What is ready and what is not, each with what to do."""
    ready = sum(one.is_ready for one in checks)
    return (
        Table(
            name="Sẵn sàng",
            title=f"Điều kiện trước mùa học bạ: đạt {ready} trên {len(checks)}",
            columns=("Nhóm", "Điều kiện", "Đạt", "Trên tổng số", "Tình trạng", "Cần làm"),
            rows=tuple(
                _row(
                    AREA_NAMES[one.area],
                    Cell(one.name, "" if one.is_ready else one.url),
                    one.total - one.wrong,
                    one.total,
                    _state_of(one),
                    one.todo or "—",
                )
                for one in checks
            ),
            empty=NOTHING,
            notes=(_OF_TODAY,),
            numbers=frozenset({2, 3}),
        ),
    )


def _state_of(check: Check) -> Mark:
    if not check.total:
        return Mark("Chưa có số liệu", "neutral")
    return Mark("Đạt", "ok") if check.is_ready else Mark("Chưa đạt", "warn")


def deadline_tables(lines: Sequence[DeadlineLine]) -> tuple[Table, ...]:
    """Last days that were met and missed."""
    missed = sum(one.verdict is Verdict.MISSED for one in lines)
    held = [one for one in lines if one.due]
    free = dict.fromkeys(STEP_NAMES[one.step] for one in lines if one.due is None)
    sources = dict.fromkeys(one.due.source for one in lines if one.due and one.due.source)
    return (
        Table(
            name="Thời hạn",
            title=f"Thời hạn từng bước: {missed} hạn đã qua mà còn việc" if missed else "Thời hạn từng bước",
            columns=(
                "Bước",
                "Khối",
                "Hết ngày",
                "Tổng số",
                "Xong trong hạn",
                "Xong sau hạn",
                "Còn lại",
                "Xong gần nhất",
                "Kết luận",
            ),
            rows=tuple(
                _row(
                    STEP_NAMES[one.step],
                    grade_name(one.grade_level),
                    one.due.day if one.due else None,
                    one.total,
                    one.in_time,
                    one.late,
                    one.total - one.done,
                    one.last_on,
                    Mark(VERDICT_NAMES[one.verdict], _TONES[one.verdict]),
                )
                for one in held
            ),
            empty="Trường chưa đặt hạn nào cho năm học này và kế hoạch của tỉnh cũng không nêu hạn."
            if lines
            else NOTHING,
            notes=(
                "Nộp sổ, khóa sổ đếm số sổ điểm; các bước sau đếm số học sinh, không kể học sinh chờ kết quả sau hè.",
                *(f"Hạn theo văn bản: {one}." for one in sources),
                *([f"Không có hạn: {', '.join(free)}."] if free else []),
            )
            if held
            else (),
            numbers=frozenset({3, 4, 5, 6}),
        ),
    )


def sees_people(actor: Actor) -> bool:
    """Whether somebody is shown who has a certificate and who has none."""
    return actor.may(Permission.CREDENTIALS_READ)


def sees_pupils(actor: Actor) -> bool:
    """Whether somebody is shown the pupils behind a number."""
    return actor.may(Permission.TRANSCRIPT_READ_ANY)


def all_tables(found: Figures, *, with_people: bool) -> tuple[Table, ...]:
    """Every table of every report, in the order of the pages."""
    return (
        *ratio_tables(found.ratios, found.scope, linked=False),
        *signed_tables(found.signed),
        *coverage_tables(found.school, found.coverage, with_people=with_people),
        *readiness_tables(found.readiness),
        *deadline_tables(found.deadlines),
    )


def file_name(kind: str, school_code: str, day: date) -> str:
    """Of a report that is taken away; letters that every system can write."""
    code = "".join(letter for letter in school_code if letter.isascii() and letter.isalnum())
    return f"bao-cao-hoc-ba-so-{code}-{day:%Y-%m-%d}.{kind}"
