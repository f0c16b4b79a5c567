"""One cell at a time: who may, who was faster, what a lock stops, what is remembered of it."""

import asyncio

import pytest

from backend.core import audit
from backend.core.audit import Action
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.gradebook import editing, life, service
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark
from backend.records.roster.schemas import StudentId
from tests.factories.small_school import enroll, open_small_school, student_ids
from tests.records.gradebook.conftest import COMMENT, LEVEL, ClassBook

AN, BINH = "Lò Thị An", "Cầm Văn Bình"


async def test_a_cell_is_written_changed_and_cleared(book: ClassBook) -> None:
    assert (await book.write("homeroom", "TOAN", AN, LEVEL, "h")).revision == 1
    assert await book.value("TOAN", AN, LEVEL) == "H"
    assert (await book.write("homeroom", "TOAN", AN, LEVEL, "T", 1)).revision == 2
    assert (await book.write("homeroom", "TOAN", AN, LEVEL, "", 2)).revision == 3
    assert await book.value("TOAN", AN, LEVEL) == ""
    assert await book.value("TOAN", BINH, LEVEL) is None


async def test_a_refused_value_names_pupil_class_subject_and_column(book: ClassBook) -> None:
    with pytest.raises(Invalid) as caught:
        await book.write("homeroom", "TOAN", AN, LEVEL, "11")
    assert caught.value.message.startswith("Lò Thị An, lớp 1A, Toán, cột Mức đạt được: “11” không phải")
    with pytest.raises(Invalid, match="cột ĐĐGtx: sổ này không có cột đó"):
        await book.write("homeroom", "TOAN", AN, Cell(MarkKind.REGULAR, "1"), "8")
    assert await book.value("TOAN", AN, LEVEL) is None


@pytest.mark.parametrize("revision", [0, 1, 7, 2**31 - 1])
async def test_the_later_of_two_people_is_told_and_nothing_is_lost(book: ClassBook, revision: int) -> None:
    await book.write("homeroom", "TOAN", AN, COMMENT, "Bản đầu.")
    await book.write("homeroom", "TOAN", AN, COMMENT, "Bản hai.", 1)
    with pytest.raises(Conflict) as caught:
        await book.write("homeroom", "TOAN", AN, COMMENT, "Bản ba.", revision)
    assert "Lò Thị An, lớp 1A, Toán, cột Nhận xét: người khác vừa ghi “Bản hai.”" in caught.value.message
    assert await book.value("TOAN", AN, COMMENT) == "Bản hai."
    assert (await book.write("homeroom", "TOAN", AN, COMMENT, "Bản ba.", 2)).revision == 3


@pytest.mark.parametrize("there", [False, True])
async def test_two_at_the_same_moment(book: ClassBook, there: bool) -> None:
    if there:
        await book.write("homeroom", "TOAN", AN, COMMENT, "Bản đầu.")
    answers = await asyncio.gather(
        *(
            book.write("homeroom", "TOAN", AN, COMMENT, f"Bản của {who}.", 1 if there else 0)
            for who in range(4)
        ),
        return_exceptions=True,
    )
    written = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, Conflict)]
    assert (len(written), len(refused)) == (1, 3)
    assert await book.value("TOAN", AN, COMMENT) == written[0].value
    assert all(f"“{written[0].value}”" in error.message for error in refused), "told what stands there now"


@pytest.mark.parametrize(
    ("who", "subject", "may"),
    [
        ("homeroom", "TOAN", True),  # nobody else is assigned
        ("homeroom", "GVCN", True),
        ("music", "AN", True),
        ("homeroom", "AN", False),  # that is the music teacher's
        ("music", "TOAN", False),
        ("music", "GVCN", False),
        ("stranger", "TOAN", False),
        ("principal", "TOAN", False),
        ("it", "TOAN", False),
        ("clerk", "GVCN", False),
    ],
)
async def test_only_who_is_assigned_may_write(book: ClassBook, who: str, subject: str, may: bool) -> None:
    cell = Cell(MarkKind.HOMEROOM_COMMENT) if subject == "GVCN" else COMMENT
    async with book.school.session(read_only=True) as session:
        if who in ("stranger", "clerk"):  # without a duty in the class they see nothing of it either
            with pytest.raises(
                Forbidden, match="Bạn chỉ mở được sổ điểm của lớp mà bạn chủ nhiệm hoặc giảng dạy"
            ):
                await editing.get_sheet(session, book.actors[who], book.sheets[subject])
        else:
            sheet = await editing.get_sheet(session, book.actors[who], book.sheets[subject])
            assert sheet.may_write is may
    if may:
        await book.write(who, subject, AN, cell, "Tốt.")
        assert await book.value(subject, AN, cell) == "Tốt."
    else:
        with pytest.raises(Forbidden, match="Bạn không được phân công sổ điểm này của lớp 1A"):
            await book.write(who, subject, AN, cell, "Tốt.")
        assert await book.value(subject, AN, cell) is None


async def test_a_locked_sheet_takes_nothing(book: ClassBook) -> None:
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    await book.lock("TOAN")
    with pytest.raises(Conflict, match="Sổ điểm này đã khóa"):
        await book.write("homeroom", "TOAN", AN, LEVEL, "H", 1)
    assert await book.value("TOAN", AN, LEVEL) == "T"
    await book.write("homeroom", "DD", AN, LEVEL, "T")


async def test_who_closes_a_sheet_waits_for_who_is_writing_and_stops_who_comes_later(book: ClassBook) -> None:
    teacher, sheet = book.actors["homeroom"], book.sheets["TOAN"]

    async def submit() -> None:
        async with book.school.session() as session:
            await life.submit(session, teacher, sheet)

    new = NewMark(sheet_id=sheet, student_id=book.pupils[AN], cell=LEVEL, value="T")
    async with book.school.session() as session:
        await editing.set_mark(session, teacher, new, revision=0)
        closing = asyncio.create_task(submit())
        done, _ = await asyncio.wait([closing], timeout=0.2)
        assert not done, "the sheet was closed before a mark was committed"
    await asyncio.wait_for(closing, 5)
    with pytest.raises(Conflict, match="đã nộp"):
        await book.write("homeroom", "TOAN", BINH, LEVEL, "T")
    assert await book.value("TOAN", AN, LEVEL) == "T"


async def test_a_class_is_handed_in_and_locked_at_once(book: ClassBook) -> None:
    async with book.school.session() as session:
        everything = len(await service.list_sheets(session, book.class_id))
        with pytest.raises(Forbidden, match="chỉ giáo viên được phân công"):
            await life.submit_class(session, book.actors["stranger"], book.class_id)
        assert await life.submit_class(session, book.actors["homeroom"], book.class_id) == everything - 1
        with pytest.raises(Forbidden, match="chỉ hiệu trưởng"):
            await life.lock_class(session, book.actors["homeroom"], book.class_id)
        assert await life.lock_class(session, book.actors["principal"], book.class_id) == everything - 1
        assert not await service.is_class_locked(session, book.class_id)
        assert await life.submit_class(session, book.actors["music"], book.class_id) == 1
        assert await life.lock_class(session, book.actors["principal"], book.class_id) == 1
        assert await service.is_class_locked(session, book.class_id)
        assert await life.lock_class(session, book.actors["principal"], book.class_id) == 0


async def test_every_deed_is_recorded_with_who_and_where(book: ClassBook) -> None:
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    with pytest.raises(Conflict):
        await book.write("homeroom", "TOAN", AN, LEVEL, "H")
    await book.lock("TOAN")
    async with book.school.session() as session:
        locked, submitted, written = await audit.history(session, [book.sheets["TOAN"]])
    assert (written.action, written.actor_id, written.actor_name) == (
        Action.MARK_CHANGED,
        book.actors["homeroom"].staff_id,
        "Đinh Thị Hoài Thu",
    )
    assert written.subject_label == "1A TOAN"
    assert written.details == {"cell": "level", "slot": "", "student": str(book.pupils[AN])}
    homeroom, principal = book.actors["homeroom"].staff_id, book.actors["principal"].staff_id
    assert (submitted.action, submitted.actor_id) == (Action.SHEET_SUBMITTED, homeroom)
    assert (locked.action, locked.actor_id) == (Action.SHEET_LOCKED, principal)


async def test_sheets_and_pupils_of_strangers_do_not_exist(book: ClassBook) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        class_id = await other.open_class(session, "1A", 1)
        theirs = (await service.list_sheets(session, class_id))[0].id
        await enroll(session, "1A", ["Vũ Thị Lan"])
        lan = (await student_ids(session, class_id))["Vũ Thị Lan"]
    teacher = book.actors["homeroom"]
    async with book.school.session() as session:
        for sheet_id in (theirs, new_id()):
            with pytest.raises(NotFound):
                await editing.get_sheet(session, teacher, sheet_id)
            with pytest.raises(NotFound):
                await life.lock(session, book.actors["principal"], sheet_id)
            with pytest.raises(NotFound):
                await service.class_of_sheet(session, sheet_id)
        for unknown in (class_id, new_id()):
            with pytest.raises(NotFound):
                await life.lock_class(session, book.actors["principal"], unknown)
            with pytest.raises(NotFound):
                await service.open_sheets(session, unknown)
            assert await service.list_sheets(session, unknown) == []
            assert await service.class_marks(session, unknown) == {}
            assert not await service.is_class_locked(session, unknown)
    for stranger in (lan, StudentId(new_id())):
        book.pupils["Lạ"] = stranger
        with pytest.raises(NotFound, match="Không tìm thấy học sinh này trong lớp"):
            await book.write("homeroom", "TOAN", "Lạ", LEVEL, "T")
