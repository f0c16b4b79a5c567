"""The life of a sheet on the real database: who closes and opens it, what stays of every change after a lock."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from backend.core import audit, clock
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.departments import service as departments
from backend.records.gradebook import editing, life, mark_rows, queries, service
from backend.records.gradebook.schemas import Deed, NewMark, SheetState, SheetView
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.machine import Death, Machine
from tests.factories.small_school import open_small_school
from tests.records.gradebook.conftest import LEVEL, ClassBook

AN, BINH = "Lò Thị An", "Cầm Văn Bình"
REASON = "Nhập nhầm điểm của An"

Do = Callable[[TenantSession], Awaitable[object]]


async def do(book: ClassBook, deed: Deed, who: str, subject: str = "TOAN", words: str = REASON) -> None:
    """One deed in a transaction of its own."""
    actor, sheet = book.actors[who], book.sheets[subject]
    async with book.school.session() as session:
        match deed:
            case Deed.SEND_BACK:
                await life.send_back(session, actor, sheet, words)
            case Deed.REOPEN:
                await life.reopen(session, actor, sheet, words, "24")
            case _:
                await getattr(life, deed.value)(session, actor, sheet)


async def look(book: ClassBook, who: str = "homeroom", subject: str = "TOAN") -> SheetView:
    async with book.school.session(read_only=True) as session:
        return await editing.get_sheet(session, book.actors[who], book.sheets[subject])


async def test_a_sheet_goes_back_and_forth_and_everybody_sees_why(checked_book: ClassBook) -> None:
    book = checked_book
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    await do(book, Deed.SUBMIT, "homeroom")
    with pytest.raises(Conflict, match="đã nộp nên điểm không thay đổi"):
        await book.write("homeroom", "TOAN", AN, LEVEL, "H", 1)
    with pytest.raises(Conflict, match="đang chờ tổ trưởng chuyên môn kiểm tra"):
        await do(book, Deed.LOCK, "principal")
    await do(book, Deed.SEND_BACK, "head", words="Xem lại mức của An")
    assert (await look(book)).summary.remark == "Xem lại mức của An"
    await book.write("homeroom", "TOAN", AN, LEVEL, "H", 1)
    await do(book, Deed.SUBMIT, "homeroom")
    assert (await look(book)).summary.remark == ""
    await do(book, Deed.WITHDRAW, "homeroom")
    await do(book, Deed.SUBMIT, "homeroom")
    await do(book, Deed.CHECK, "head")
    with pytest.raises(Conflict, match="đã được tổ trưởng kiểm tra nên không rút về được"):
        await do(book, Deed.WITHDRAW, "homeroom")
    await do(book, Deed.LOCK, "principal")

    seen = await look(book, "head")
    assert (seen.summary.state, seen.deeds, seen.may_write) == (SheetState.LOCKED, frozenset(), False)
    assert [(step.deed, step.who, step.words) for step in seen.steps] == [
        (Deed.LOCK, "Nghiêm Thế Khải", ""),
        (Deed.CHECK, "Tạ Khánh Linh", ""),
        (Deed.SUBMIT, "Đinh Thị Hoài Thu", ""),
        (Deed.WITHDRAW, "Đinh Thị Hoài Thu", ""),
        (Deed.SUBMIT, "Đinh Thị Hoài Thu", ""),
        (Deed.SEND_BACK, "Tạ Khánh Linh", "Xem lại mức của An"),
        (Deed.SUBMIT, "Đinh Thị Hoài Thu", ""),
    ]
    async with book.school.session() as session:
        deeds = [one.action for one in await audit.history(session, [book.sheets["TOAN"]])]
    assert [one for one in deeds if one not in (Action.MARK_CHANGED, Action.SHEET_READ)] == [
        Action.SHEET_LOCKED,
        Action.SHEET_CHECKED,
        Action.SHEET_SUBMITTED,
        Action.SHEET_WITHDRAWN,
        Action.SHEET_SUBMITTED,
        Action.SHEET_SENT_BACK,
        Action.SHEET_SUBMITTED,
    ]
    assert seen.changes == (), "nothing was changed after the lock"


async def test_nobody_does_what_is_not_theirs(checked_book: ClassBook) -> None:
    book = checked_book
    for who in ("music", "head", "principal", "it"):
        with pytest.raises(Forbidden, match="chỉ giáo viên được phân công"):
            await do(book, Deed.SUBMIT, who)
    await do(book, Deed.SUBMIT, "homeroom")
    await do(book, Deed.SUBMIT, "music", "AN")
    for who in ("homeroom", "music", "principal"):
        with pytest.raises(Forbidden, match="chỉ tổ trưởng chuyên môn"):
            await do(book, Deed.CHECK, who)
    with pytest.raises(Forbidden):
        await do(book, Deed.CHECK, "head", "AN")
    await do(book, Deed.LOCK, "principal", "AN")
    await do(book, Deed.CHECK, "head")
    for who in ("homeroom", "head", "it"):
        with pytest.raises(Forbidden, match="chỉ hiệu trưởng"):
            await do(book, Deed.LOCK, who)
    await do(book, Deed.LOCK, "principal")
    for who in ("homeroom", "head", "it"):
        with pytest.raises(Forbidden, match="chỉ hiệu trưởng"):
            await do(book, Deed.REOPEN, who)


async def test_a_head_without_the_role_or_gone_checks_nothing(checked_book: ClassBook) -> None:
    book = checked_book
    await do(book, Deed.SUBMIT, "homeroom")
    async with book.school.session() as session:
        await people.change_staff(
            session,
            book.actors["principal"],
            book.school.staff["stranger"],
            "Tạ Khánh Linh",
            "",
            [Role.SUBJECT_TEACHER],
        )
    with pytest.raises(Forbidden):
        await do(book, Deed.CHECK, "head")
    await do(book, Deed.LOCK, "principal")


async def test_the_head_sees_what_waits_and_checks_all_at_once(checked_book: ClassBook) -> None:
    book = checked_book
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    for subject in ("TOAN", "DD"):
        await do(book, Deed.SUBMIT, "homeroom", subject)
    await do(book, Deed.SUBMIT, "music", "AN")
    async with book.school.session() as session:
        waiting, count = await life.waiting_sheets(session, book.actors["head"])
        assert [one.summary.subject_code for one in waiting] == ["TOAN", "DD"]
        assert (count, waiting[0].teacher) == (2, "Đinh Thị Hoài Thu")
        assert waiting[0].warnings == ("5 ô còn trống, ở 2 học sinh, trong đó có Lò Thị An.",)
        assert await life.waiting_sheets(session, book.actors["principal"]) == ([], 0)
        assert await life.check_all(session, book.actors["head"]) == 2
        assert await life.check_all(session, book.actors["head"]) == 0
    assert (await look(book, subject="AN")).summary.state is SheetState.SUBMITTED


@pytest.mark.parametrize(("reason", "hours"), [("ngắn", "24"), (REASON, "0"), (REASON, "73"), (REASON, "")])
async def test_a_reopening_without_reason_or_end(book: ClassBook, reason: str, hours: str) -> None:
    await book.lock("TOAN")
    async with book.school.session() as session:
        with pytest.raises(Invalid):
            await life.reopen(session, book.actors["principal"], book.sheets["TOAN"], reason, hours)
    assert (await look(book)).summary.state is SheetState.LOCKED


async def test_every_change_after_a_lock_leaves_its_trace(book: ClassBook) -> None:
    await book.write("homeroom", "TOAN", AN, LEVEL, "T")
    await book.lock("TOAN")
    await do(book, Deed.REOPEN, "principal")
    assert (await look(book)).may_write
    await book.write("homeroom", "TOAN", AN, LEVEL, "H", 1)
    await book.write("homeroom", "TOAN", AN, LEVEL, "H", 2)
    with pytest.raises(Conflict):
        await book.write("homeroom", "TOAN", AN, LEVEL, "C", 1)
    await do(book, Deed.LOCK_AGAIN, "homeroom")
    with pytest.raises(Conflict, match="đã khóa"):
        await book.write("homeroom", "TOAN", AN, LEVEL, "C", 3)
    await do(book, Deed.REOPEN, "principal", words="Sửa lần hai")
    marks = [
        NewMark(sheet_id=book.sheets[sheet], student_id=book.pupils[name], cell=LEVEL, value=value)
        for sheet, name, value in (("TOAN", AN, "T"), ("TOAN", BINH, "C"), ("DD", AN, "T"))
    ]
    async with book.school.session() as session:
        await service.record_marks(session, book.actors["it"], marks)
        await service.record_marks(session, book.actors["it"], marks)
    seen = await look(book, "music")
    told = {(one.pupil, one.column, one.old, one.new, one.who, one.why) for one in seen.changes}
    assert len(seen.changes) == 3
    assert told == {
        (AN, "Mức đạt được", "H", "T", "Cầm Minh Công", "Sửa lần hai"),
        (BINH, "Mức đạt được", "", "C", "Cầm Minh Công", "Sửa lần hai"),
        (AN, "Mức đạt được", "T", "H", "Đinh Thị Hoài Thu", REASON),
    }
    assert (await look(book, subject="DD")).changes == ()


async def test_late_changes_are_traced_in_one_statement(
    book: ClassBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book.lock("TOAN")
    await do(book, Deed.REOPEN, "principal")
    asked: list[str] = []
    for home, name in ((queries, "reopening_of"), (mark_rows, "insert_changes")):
        monkeypatch.setattr(home, name, _counted(getattr(home, name), name, asked))
    sheet = book.sheets["TOAN"]
    wanted = [
        (NewMark(sheet_id=sheet, student_id=book.pupils[name], cell=LEVEL, value="T"), 0)
        for name in (AN, BINH)
    ]
    async with book.school.session() as session:
        await editing.set_marks(session, book.actors["homeroom"], sheet, wanted)
    assert asked == ["reopening_of", "insert_changes"]
    assert {(one.pupil, one.new, one.why) for one in (await look(book)).changes} == {
        (AN, "T", REASON),
        (BINH, "T", REASON),
    }


async def test_the_departments_are_asked_only_about_sheets_of_other_classes(
    book: ClassBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(departments, "checkers", _counted(departments.checkers, "checkers", asked))
    async with book.school.session() as session:
        sheets = await service.list_sheets(session, book.class_id)
        assert len(await editing.readable(session, book.actors["homeroom"], sheets)) == len(sheets)
        assert asked == []
        assert await editing.readable(session, book.actors["stranger"], sheets) == set()
        assert asked == ["checkers"]


def _counted(
    call: Callable[..., Awaitable[Any]], name: str, asked: list[str]
) -> Callable[..., Awaitable[Any]]:
    async def counting(*args: Any) -> Any:
        asked.append(name)
        return await call(*args)

    return counting


@pytest.mark.parametrize("table", ["mark_change", "sheet_step"])
@pytest.mark.parametrize("deed", ["update {} set sheet_id = sheet_id", "delete from {}"])
async def test_the_application_cannot_change_what_happened(book: ClassBook, table: str, deed: str) -> None:
    await book.lock("TOAN")
    await do(book, Deed.REOPEN, "principal")
    await book.write("homeroom", "TOAN", AN, LEVEL, "H")
    with pytest.raises(ProgrammingError, match="permission denied"):
        async with book.school.session() as session:
            await session.execute(text(deed.format(table)))


async def test_after_its_time_nothing_is_written_and_the_machine_locks_once(
    book: ClassBook, monkeypatch: pytest.MonkeyPatch
) -> None:
    await book.lock("TOAN")
    await do(book, Deed.REOPEN, "principal")
    machine = Machine(book.school.tenant_id, hurry=False)
    await machine.round()
    assert (await look(book)).summary.state is SheetState.REOPENED, "its time is not over"
    later = clock.now() + timedelta(hours=24, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert not (await look(book)).may_write
    with pytest.raises(Conflict, match="đã hết hạn mở lại"):
        await book.write("homeroom", "TOAN", AN, LEVEL, "H")
    mark = NewMark(sheet_id=book.sheets["TOAN"], student_id=book.pupils[AN], cell=LEVEL, value="T")
    async with book.school.session() as session:
        found = await service.compare_marks(session, book.actors["it"], [mark])
    assert "đã hết hạn mở lại nên điểm trong sổ giữ nguyên" in found.problems[0][1]

    await Machine(book.school.tenant_id, death=Death.BEFORE_THE_END).rest()
    seen = await look(book)
    assert seen.summary.state is SheetState.LOCKED
    assert [step.who for step in seen.steps if step.deed is Deed.LOCK_AGAIN] == [None], "once, by the machine"
    async with book.school.session() as session:
        assert await life.lock_overdue(session, book.sheets["TOAN"]) == 0
        with pytest.raises(NotFound):
            await life.lock_overdue(session, new_id())
    assert len((await look(book)).steps) == len(seen.steps)


async def test_an_earlier_reopening_does_not_end_a_later_one(book: ClassBook) -> None:
    await book.lock("TOAN")
    await do(book, Deed.REOPEN, "principal")
    await do(book, Deed.LOCK_AGAIN, "principal")
    await do(book, Deed.REOPEN, "principal")
    async with book.school.session() as session:
        left = await life.lock_overdue(session, book.sheets["TOAN"])
    assert 23 * 3600 < left <= 24 * 3600
    assert (await look(book)).summary.state is SheetState.REOPENED


async def test_two_who_move_the_same_sheet_at_once(book: ClassBook) -> None:
    await do(book, Deed.SUBMIT, "homeroom")
    answers = await asyncio.gather(
        do(book, Deed.LOCK, "principal"), do(book, Deed.WITHDRAW, "homeroom"), return_exceptions=True
    )
    assert [type(answer) for answer in answers if answer] == [Conflict]
    assert len((await look(book)).steps) == 2


async def test_sheets_of_strangers_do_not_exist(book: ClassBook) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        class_id = await other.open_class(session, "1A", 1)
        theirs = (await service.list_sheets(session, class_id))[0].id
    book.sheets["THEIRS"] = theirs
    for deed in set(Deed) - {Deed.FINISH, Deed.RELEASE}:
        with pytest.raises(NotFound):
            await do(book, deed, "principal", "THEIRS")
