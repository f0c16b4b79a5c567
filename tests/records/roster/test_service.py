"""Taking a register in, on the real database."""

from datetime import date
from typing import Any

import msgspec
import pytest

from backend.core import clock
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.roster import service
from backend.records.roster.schemas import STATUS_NAMES, NewStudent, RosterChange, StudentStatus
from tests.factories.small_school import YEAR, SmallSchool, open_small_school, pupil

AN = pupil(1, "Lò Thị An", "1A")
BINH = pupil(2, "Cầm Văn Bình", "1A")
CHI = pupil(3, "Quàng Thị Chi", "1B")


def changed(student: NewStudent, **facts: Any) -> NewStudent:
    return msgspec.structs.replace(student, **facts)


def counts(change: RosterChange) -> tuple[int, int, int, int, int]:
    return change.new, change.changed, change.unchanged, change.moved, len(change.problems)


async def with_classes(school: SmallSchool, session: TenantSession) -> None:
    for name in ("1A", "1B"):
        await school.open_class(session, name, 1)


async def names_in(session: TenantSession, class_name: str) -> list[str]:
    found = next(one for one in await service.list_classes(session) if one.name == class_name)
    students = await service.list_students(session, found.id)
    assert found.students == len(students)
    return [one.full_name for one in students]


async def test_new_unchanged_changed_and_moved_pupils(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        await with_classes(small_school, session)
        assert counts(await service.compare_register(session, [AN, BINH, CHI])) == (3, 0, 0, 0, 0)
        assert await names_in(session, "1A") == [], "a comparison writes nothing"
        assert counts(await service.take_register(session, [AN, BINH, CHI])) == (3, 0, 0, 0, 0)
    async with small_school.session() as session:
        assert counts(await service.take_register(session, [AN, BINH, CHI])) == (0, 0, 3, 0, 0)
        later = [changed(AN, hometown="Mai Sơn"), changed(BINH, class_name="1B"), CHI]
        assert counts(await service.compare_register(session, later)) == (0, 1, 1, 1, 0)
        await service.take_register(session, later)
        assert await names_in(session, "1A") == ["Lò Thị An"]
        assert await names_in(session, "1B") == ["Cầm Văn Bình", "Quàng Thị Chi"]
        assert counts(await service.compare_register(session, later)) == (0, 0, 3, 0, 0)


async def test_a_pupil_who_comes_back_to_a_class(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        await with_classes(small_school, session)
        for class_name in ("1A", "1B", "1A", "1B", "1A"):
            change = await service.take_register(session, [changed(AN, class_name=class_name)])
            assert change.new + change.moved == 1
        assert await names_in(session, "1A") == ["Lò Thị An"]
        assert await names_in(session, "1B") == []


async def test_who_has_left_gives_up_the_place_and_who_was_never_here_gets_none(
    small_school: SmallSchool,
) -> None:
    gone, never = changed(BINH, left=True), changed(CHI, left=True, class_name="9Z")
    async with small_school.session() as session:
        await with_classes(small_school, session)
        await service.take_register(session, [AN, BINH])
        assert counts(await service.take_register(session, [AN, gone, never])) == (0, 0, 2, 1, 0)
        assert await names_in(session, "1A") == ["Lò Thị An"]
        assert counts(await service.compare_register(session, [AN, gone, never])) == (0, 0, 3, 0, 0)
        assert counts(await service.take_register(session, [BINH])) == (0, 0, 0, 1, 0)
        assert await names_in(session, "1A") == ["Lò Thị An", "Cầm Văn Bình"]


@pytest.mark.parametrize(
    ("status", "keeps"), [(StudentStatus.TRANSFERRED_OUT, False), (StudentStatus.COMPLETED, True)]
)
async def test_who_has_left_gives_up_the_place_of_the_next_year_until_it_is_taken_back(
    small_school: SmallSchool, status: StudentStatus, keeps: bool
) -> None:
    async with small_school.session() as session:
        await with_classes(small_school, session)
        await service.take_register(session, [AN, BINH])
        first = clock.today().year + 1
        year = await service.open_year(
            session, f"{first}-{first + 1}", date(first, 9, 5), date(first + 1, 5, 31)
        )
        later = await service.open_class(session, year, "2A", 2, None)
        an = (await service.places_by_code(session))[AN.student_code].id
        await service.enroll_students(session, [(an, later, None)])
        before = await service.places_of(session, an)
        gone = changed(AN, left=True, status=status)
        expected = await service.compare_register(session, [gone, BINH])
        waiting = "" if keeps else ", lớp 2A của năm sau"
        left = f"không còn học ({STATUS_NAMES[status]})"
        assert [(one.old, one.new) for one in expected.differences] == [(f"lớp 1A{waiting}", left)]
        taken = await service.take_register(session, [gone, BINH])
        assert (an in {one.id for one in await service.list_students(session, later)}) is keeps
        assert counts(await service.compare_register(session, [gone, BINH])) == (0, 0, 2, 0, 0)
        await service.put_back(session, taken.overwritten)
        assert await service.places_of(session, an) == before

        taken = await service.take_register(session, [gone, BINH])
        other = await service.open_class(session, year, "2B", 2, None)
        if not keeps:
            await service.enroll_students(session, [(an, other, None)])
            with pytest.raises(Conflict, match="trở lại lớp sau lúc nhập"):
                await service.put_back(session, taken.overwritten)


async def test_an_empty_cell_erases_nothing_and_a_new_name_is_sorted_anew(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        await with_classes(small_school, session)
        await service.take_register(session, [AN, BINH])
        poor = NewStudent(
            student_code=AN.student_code,
            full_name="Lò Thị Yến",
            date_of_birth=date(2018, 1, 1),
            class_name="1A",
        )
        assert counts(await service.take_register(session, [poor])) == (0, 1, 0, 0, 0)
        assert await names_in(session, "1A") == ["Cầm Văn Bình", "Lò Thị Yến"]
        (class_id,) = [one.id for one in await service.list_classes(session) if one.name == "1A"]
        yen = next(
            one for one in await service.student_records(session, class_id) if one.full_name[-1] == "n"
        )
    assert (yen.hometown, yen.personal_id, yen.date_of_birth) == (
        AN.hometown,
        AN.personal_id,
        date(2018, 1, 1),
    )


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            [changed(AN, class_name="9Z"), changed(CHI, class_name="9Z")],
            "Danh sách ghi 2 học sinh vào lớp 9Z, nhưng năm học này trường chưa có lớp đó; hãy sửa mã lớp",
        ),
        ([changed(CHI, personal_id=BINH.personal_id)], "Quàng Thị Chi đã thuộc học sinh mã 9900000002"),
        ([AN, changed(AN, full_name="Lò Thị Anh")], "9900000001 của Lò Thị Anh có hai lần trong danh sách"),
        (
            [changed(AN, personal_id="000319000777"), changed(CHI, personal_id="000319000777")],
            "Quàng Thị Chi đã thuộc học sinh mã 9900000001",
        ),
        ([changed(AN, full_name="Lò Thị An 😀")], "“Họ và tên” của Lò Thị An 😀 có ký tự không in được “😀”"),
        ([changed(AN, birth_place="Sơn\x00 La")], "“Nơi sinh” của Lò Thị An có ký tự không in được U+0000"),
        ([changed(AN, mother_name="王 芳")], "“Họ tên mẹ” của Lò Thị An có ký tự không in được “王”"),
        ([changed(AN, father_name="ă" * 301)], "“Họ tên cha” của Lò Thị An dài 301 ký tự, quá giới hạn 300"),
        ([changed(AN, full_name=" \u200b ")], "mã “9900000001”: họ tên còn trống"),
        ([changed(AN, student_code="99\u200b1")], "mã có ký tự ẩn"),
    ],
)
async def test_a_row_that_cannot_be_taken(
    small_school: SmallSchool, rows: list[NewStudent], words: str
) -> None:
    async with small_school.session() as session:
        await with_classes(small_school, session)
        await service.take_register(session, [BINH])
    async with small_school.session() as session:
        found = await service.compare_register(session, rows)
        code, sentence = found.problems[-1]
        assert words in sentence
        assert code in {row.student_code for row in rows}
        assert sentence.endswith(".")
        with pytest.raises(Conflict):
            await service.take_register(session, [CHI, *rows])
        assert await names_in(session, "1A") == ["Cầm Văn Bình"], "nothing half-written"
        assert await names_in(session, "1B") == []


async def test_what_nobody_sees_is_cleaned(small_school: SmallSchool) -> None:
    messy = changed(AN, full_name="  Lò\u00a0 Thị\u200b An\u202e", hometown="So\u031bn La")
    async with small_school.session() as session:
        await with_classes(small_school, session)
        await service.take_register(session, [messy])
        assert counts(await service.compare_register(session, [changed(AN, hometown="Sơn La")]))[2] == 1


async def test_classes_are_listed_by_number(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        for name, grade in (("10A1", 10), ("2B", 2), ("2A", 2)):
            await service.open_class(session, small_school.year_id, name, grade, None)
        assert [one.name for one in await service.list_classes(session)] == ["2A", "2B", "10A1"]


async def test_a_subject_that_the_grade_does_not_have(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await service.open_class(session, small_school.year_id, "1A", 1, None)
        for code in ("KH", "THIEN_VAN", "GVCN"):
            with pytest.raises(Invalid, match=f"Lớp 1A: chương trình lớp 1 không có môn “{code}”"):
                await service.assign_teachers(session, class_id, {code: None})


async def test_strangers_classes_do_not_exist(small_school: SmallSchool) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        theirs = await other.open_class(session, "1A", 1)
    async with small_school.session() as session:
        for class_id in (theirs, new_id()):
            with pytest.raises(NotFound, match="Không tìm thấy lớp này"):
                await service.get_class(session, class_id)
            with pytest.raises(NotFound):
                await service.assign_teachers(session, class_id, {"TOAN": None})
            assert await service.list_students(session, class_id) == []
            assert await service.student_records(session, class_id) == []
            assert await service.members_of(session, [class_id]) == {}


async def test_a_year_is_opened_once_and_the_newest_is_worked_in(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        again = await service.open_year(session, YEAR, date(2025, 9, 5), date(2026, 5, 31))
        assert again == small_school.year_id
        await with_classes(small_school, session)
        await service.take_register(session, [AN])
        await service.open_year(session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31))
        assert (await service.current_year(session)).name == "2026-2027"
        found = await service.compare_register(session, [AN])
        assert "năm học này trường chưa có lớp đó" in found.problems[0][1]
        assert await service.places_by_code(session) == {}
