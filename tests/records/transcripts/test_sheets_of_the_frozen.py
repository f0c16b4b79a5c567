"""What becomes of the sheets of a class whose transcripts are frozen."""

import pytest

from backend.core.errors import Conflict
from backend.records.assessment import service as assessment
from backend.records.gradebook import editing, life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, Deed, MarkKind, NewMark, SheetState, SheetSummary
from backend.records.roster.schemas import StudentId
from backend.records.transcripts import service
from tests.factories.small_school import SmallSchool, sheet_of, student_ids
from tests.records.transcripts.conftest import Season, confirmed_class

LEVEL, TEST = Cell(MarkKind.LEVEL), Cell(MarkKind.TEST, "1")
CHI = "9900000003"


async def states(season: Season) -> set[SheetState]:
    async with season.school.session(read_only=True) as session:
        return {sheet.state for sheet in await gradebook.list_sheets(session, season.class_id)}


async def reopen(season: Season, subject: str = "TOAN") -> SheetSummary:
    async with season.school.session() as session:
        sheet = await sheet_of(session, season.class_id, subject)
        await life.reopen(session, season.principal, sheet.id, "Nhập nhầm một điểm", "24")
        return sheet


async def write(season: Season, sheet: SheetSummary, name: str, cell: Cell, value: str, seen: int) -> None:
    async with season.school.session() as session:
        pupils: dict[str, StudentId] = await student_ids(session, season.class_id)
        new = NewMark(sheet_id=sheet.id, student_id=pupils[name], cell=cell, value=value)
        await editing.set_mark(session, season.homeroom, new, revision=seen)


async def test_the_sheets_of_a_frozen_class_are_final(season: Season) -> None:
    await season.freeze()
    assert await states(season) == {SheetState.FINAL}
    with pytest.raises(Conflict, match=r"Học bạ của lớp đã chốt \(Nghiêm Thế Khải đã chốt\)"):
        await reopen(season)
    await season.freeze()
    async with season.school.session() as session:
        sheet = await sheet_of(session, season.class_id, "TOAN")
        seen = await editing.get_sheet(session, season.homeroom, sheet.id)
    assert [(step.deed, step.who) for step in seen.steps].count((Deed.FINISH, "Nghiêm Thế Khải")) == 1


async def test_nothing_is_frozen_while_a_sheet_is_open(season: Season) -> None:
    await reopen(season)
    async with season.school.session() as session:
        with pytest.raises(Conflict, match="Còn 1 sổ điểm chưa khóa"):
            await service.freeze_class(session, season.principal, season.class_id)


async def test_nothing_is_frozen_before_the_results_are_computed_again(season: Season) -> None:
    sheet = await reopen(season)
    await write(season, sheet, "Lò Thị An", LEVEL, "H", 1)
    async with season.school.session() as session:
        await life.lock_again(session, season.homeroom, sheet.id)
        with pytest.raises(Conflict, match="đang tính lại kết quả"):
            await service.freeze_class(session, season.principal, season.class_id)
        await assessment.assess_class_of_sheet(session, sheet.id)
        found = await service.freeze_class(session, season.principal, season.class_id)
    assert (found.frozen, len(found.left_out)) == (0, 3), "nobody has confirmed them again"


async def test_who_was_left_out_can_be_completed_and_the_frozen_keep_their_marks(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(
            small_school,
            session,
            otherwise=lambda sheet, code, cell: (
                "" if (sheet.subject_code, code, cell) == ("TOAN", CHI, TEST) else None
            ),
        )
    await season.freeze()
    assert await states(season) == {SheetState.LOCKED}
    sheet = await reopen(season)
    with pytest.raises(Conflict, match="Lò Thị An, lớp 1A, Toán: học bạ của học sinh này đã chốt"):
        await write(season, sheet, "Lò Thị An", LEVEL, "H", 1)
    async with small_school.session() as session:
        an = (await student_ids(session, season.class_id))["Lò Thị An"]
        mark = NewMark(sheet_id=sheet.id, student_id=an, cell=LEVEL, value="H")
        found = await gradebook.compare_marks(session, season.homeroom, [mark])
    assert "học bạ của học sinh này đã chốt" in found.problems[0][1]
    await write(season, sheet, "Quàng Thị Chi", TEST, "9", 0)
    async with small_school.session() as session:
        await life.lock_again(session, season.homeroom, sheet.id)
        await assessment.assess_class(session, season.class_id)
        await assessment.confirm_class(session, season.homeroom, season.class_id)
    assert len(await season.freeze()) == 3
    assert await states(season) == {SheetState.FINAL}
