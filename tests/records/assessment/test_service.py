"""From locked sheets to confirmed results, on the real database."""

import asyncio
import uuid
from dataclasses import dataclass

import pytest
import pytest_asyncio
from sqlalchemy import select, text

from backend.core import audit
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.database import TenantSession
from backend.core.errors import Conflict, Forbidden, NotFound
from backend.core.ids import new_id
from backend.core.outbox import OutboxEvent
from backend.records.assessment import queries, service
from backend.records.assessment.schemas import (
    PrimaryResult,
    Promotion,
    ResultState,
    SecondaryResult,
    YearLevel,
)
from backend.records.gradebook import life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark, SheetId, SheetSummary
from backend.records.regulations import service as regulations
from backend.records.regulations.schemas import SAFE
from backend.records.roster import service as roster
from backend.records.roster.schemas import ClassId
from tests.core.statements import statements
from tests.factories.machine import Machine
from tests.factories.small_school import (
    SmallSchool,
    enroll,
    fill,
    lock_class,
    open_small_school,
    pupil,
    sheet_of,
    student_ids,
)
from tests.factories.waiting import somebody_waits

NAMES = ["Lò Thị An", "Cầm Văn Bình", "Quàng Thị Chi"]
CHI = "9900000003"


def without_a_test(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    """Quàng Thị Chi has not sat the test in Toán."""
    missing = (code, sheet.subject_code, cell.kind) == (CHI, "TOAN", MarkKind.TEST)
    return "" if missing else None


async def locked_class(
    school: SmallSchool, session: TenantSession, name: str = "1A", grade: int = 1, *, complete: bool = True
) -> ClassId:
    class_id = await school.open_class(session, name, grade)
    await enroll(session, name, NAMES)
    importer = await school.actor(session, "it")
    await fill(session, importer, class_id, *(() if complete else (without_a_test,)))
    await lock_class(session, school, class_id)
    return class_id


async def states(session: TenantSession, class_id: ClassId) -> dict[str, tuple[ResultState, Promotion]]:
    found = await service.class_results(session, class_id)
    return {one.full_name: (one.state, one.result.promotion) for one in found}


async def events(session: TenantSession, class_id: uuid.UUID) -> list[str]:
    found = await session.scalars(
        select(OutboxEvent.name)
        .where(OutboxEvent.tenant_id == session.tenant_id, OutboxEvent.subject_id == class_id)
        .order_by(OutboxEvent.id)
    )
    return list(found)


async def test_nothing_while_one_sheet_is_open(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", NAMES)
        await fill(session, await small_school.actor(session, "it"), class_id)
        homeroom = await small_school.actor(session, "homeroom")
        principal = await small_school.actor(session, "principal")
        await life.submit_class(session, homeroom, class_id)
        await life.lock_class(session, principal, class_id)
        left = [s for s in await gradebook.list_sheets(session, class_id) if s.state == "open"]
        assert [sheet.subject_code for sheet in left] == ["AN"]
        assert await service.assess_class(session, class_id) == 0
        assert await service.assess_class_of_sheet(session, left[0].id) == 0
        assert await service.class_results(session, class_id) == []
        await life.submit(session, await small_school.actor(session, "music"), left[0].id)
        await life.lock(session, principal, left[0].id)
        assert await service.assess_class_of_sheet(session, left[0].id) == 3
        assert {promotion for _, promotion in (await states(session, class_id)).values()} == {
            Promotion.PROMOTED
        }


async def test_a_class_without_sheets_is_not_assessed(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await roster.open_class(session, small_school.year_id, "1A", 1, None)
        await enroll(session, "1A", NAMES)
        assert await service.assess_class(session, class_id) == 0


async def test_computing_again_changes_nothing_and_announces_nothing(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        sheets = await gradebook.list_sheets(session, class_id)
        counts = [await service.assess_class_of_sheet(session, sheet.id) for sheet in sheets]
        assert counts == [3, *([0] * (len(sheets) - 1))]
        await service.confirm_class(session, await small_school.actor(session, "homeroom"), class_id)
        before = await service.class_results(session, class_id)
        assert await service.assess_class(session, class_id) == 0
        assert await service.class_results(session, class_id) == before, "still confirmed"
        assert await events(session, class_id) == ["ResultsComputed", "ResultsConfirmed"]


async def test_sheets_that_are_locked_together_are_assessed_once(small_school: SmallSchool) -> None:
    """However many workers take up their events at the same time: the results stay as old as the first made them."""
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        first, second, *_ = await gradebook.list_sheets(session, class_id)

    async def assess() -> int:
        async with small_school.session() as session:
            return await service.assess_class_of_sheet(session, second.id)

    async with small_school.session() as session:
        assert await service.assess_class_of_sheet(session, first.id) == 3
        computed_at = await queries.oldest(session, class_id)
        assessing = asyncio.create_task(assess())
        await somebody_waits(session)
    assert await assessing == 0
    async with small_school.session() as session:
        assert await queries.oldest(session, class_id) == computed_at


async def test_only_the_homeroom_teacher_confirms(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        await service.assess_class(session, class_id)
        for who in ("stranger", "music", "principal", "it", "clerk"):
            with pytest.raises(Forbidden, match="Chỉ giáo viên chủ nhiệm lớp 1A"):
                await service.confirm_class(session, await small_school.actor(session, who), class_id)
        assert {state for state, _ in (await states(session, class_id)).values()} == {ResultState.COMPUTED}
        homeroom = await small_school.actor(session, "homeroom")
        assert await service.confirm_class(session, homeroom, class_id) == 3
        assert await service.confirm_class(session, homeroom, class_id) == 0, "a second click changes nothing"
        assert await events(session, class_id) == ["ResultsComputed", "ResultsConfirmed"]
        progress = (await service.progress(session))[class_id]
        assert (progress.assessed, progress.confirmed) == (3, 3)


async def test_what_is_confirmed_is_what_was_seen(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        await service.assess_class(session, class_id)
        homeroom = await small_school.actor(session, "homeroom")
        seen = service.digest_of(
            service.awaiting_confirmation(await service.class_results(session, class_id))
        )
        with pytest.raises(Conflict, match="Kết quả của lớp 1A đã được tính lại sau khi bạn mở trang"):
            await service.confirm_class(session, homeroom, class_id, service.digest_of([]))
        assert await service.confirm_class(session, homeroom, class_id, seen) == 3


async def test_a_pupil_whose_year_is_open_stays_and_the_others_go_on(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session, complete=False)
        await service.assess_class(session, class_id)
        homeroom = await small_school.actor(session, "homeroom")
        assert await service.confirm_class(session, homeroom, class_id) == 2
        assert await states(session, class_id) == {
            "Lò Thị An": (ResultState.CONFIRMED, Promotion.PROMOTED),
            "Cầm Văn Bình": (ResultState.CONFIRMED, Promotion.PROMOTED),
            "Quàng Thị Chi": (ResultState.COMPUTED, Promotion.PENDING),
        }
        assert await service.confirm_class(session, homeroom, class_id) == 0
        chi = next(one for one in await service.class_results(session, class_id) if "Chi" in one.full_name)
    assert chi.result.missing == ("subjects.TOAN.tests.year_end",)
    assert any("Toán: điểm bài kiểm tra cuối năm" in reason.text for reason in chi.result.reasons)


async def test_a_compulsory_subject_that_nobody_teaches_is_missing(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await roster.open_class(
            session, small_school.year_id, "1A", 1, small_school.staff["homeroom"]
        )
        await roster.assign_teachers(session, class_id, {"TOAN": None, "TV": None})
        await gradebook.open_sheets(session, class_id)
        await enroll(session, "1A", NAMES)
        await fill(session, await small_school.actor(session, "it"), class_id)
        await lock_class(session, small_school, class_id)
        assert await service.assess_class(session, class_id) == 3
        result = (await service.class_results(session, class_id))[0].result
        with pytest.raises(Conflict):
            await service.confirm_class(session, await small_school.actor(session, "homeroom"), class_id)
    assert result.promotion is Promotion.PENDING
    assert result.missing == tuple(f"subjects.{code}" for code in ("DD", "TNXH", "GDTC", "AN", "MT", "HDTN"))


@pytest.mark.parametrize(("name", "grade"), [("5A", 5), ("6A", 6), ("9A", 9), ("10A", 10), ("12A", 12)])
async def test_a_full_class_of_each_level_is_complete(
    small_school: SmallSchool, name: str, grade: int
) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session, name, grade)
        await service.assess_class(session, class_id)
        for one in await service.class_results(session, class_id):
            assert one.result.missing == ()
            assert one.result.promotion is Promotion.PROMOTED
            if isinstance(one.result, SecondaryResult):
                assert one.result.subjects["VAN"].year == "8.5"
            else:
                assert isinstance(one.result, PrimaryResult)
                assert one.result.year_level is YearLevel.EXCELLENT


async def test_a_pupil_who_left_the_class_is_not_in_its_results(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        await small_school.open_class(session, "1B", 1)
        await service.assess_class(session, class_id)
        await roster.take_register(session, [pupil(3, "Quàng Thị Chi", "1B")])
        assert set(await states(session, class_id)) == set(NAMES[:2])
        assert (await service.progress(session))[class_id].assessed == 2
        assert (
            await service.confirm_class(session, await small_school.actor(session, "homeroom"), class_id) == 2
        )


async def test_classes_of_strangers_do_not_exist(small_school: SmallSchool) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        theirs = await locked_class(other, session)
        await service.assess_class(session, theirs)
    async with small_school.session() as session:
        for class_id in (theirs, new_id()):
            with pytest.raises(NotFound):
                await service.assess_class(session, class_id)
            assert await service.class_results(session, class_id) == []
            with pytest.raises(NotFound):
                await service.confirm_class(session, await small_school.actor(session, "homeroom"), class_id)
        assert await service.progress(session) == {}


@dataclass
class Confirmed:
    """Class 1A, confirmed; its sheet TOAN is what is opened again."""

    school: SmallSchool
    class_id: ClassId
    sheet: SheetId
    homeroom: Actor
    principal: Actor

    async def reopen(self, session: TenantSession) -> None:
        await life.reopen(session, self.principal, self.sheet, "Nhập nhầm một điểm", "24")

    async def lock_again(self, session: TenantSession) -> None:
        await life.lock_again(session, self.homeroom, self.sheet)

    async def confirm(self, session: TenantSession) -> int:
        return await service.confirm_class(session, self.homeroom, self.class_id)

    async def states(self, session: TenantSession) -> set[ResultState]:
        return {one.state for one in await service.class_results(session, self.class_id)}


@pytest_asyncio.fixture(loop_scope="session")
async def confirmed(small_school: SmallSchool) -> Confirmed:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        await service.assess_class(session, class_id)
        found = Confirmed(
            small_school,
            class_id,
            (await sheet_of(session, class_id, "TOAN")).id,
            await small_school.actor(session, "homeroom"),
            await small_school.actor(session, "principal"),
        )
        assert await found.confirm(session) == 3
    await Machine(small_school.tenant_id, hurry=False).forget()
    return found


async def test_a_reopened_sheet_takes_the_confirmation_away(confirmed: Confirmed) -> None:
    async with confirmed.school.session() as session:
        await confirmed.reopen(session)
        with pytest.raises(Conflict, match="Còn 1 sổ điểm chưa khóa, trong đó có sổ lớp 1A, Toán"):
            await confirmed.confirm(session)
    await Machine(confirmed.school.tenant_id, hurry=False).round()
    async with confirmed.school.session() as session:
        assert await confirmed.states(session) == {ResultState.COMPUTED}
        newest = (await audit.history(session, [confirmed.class_id]))[0]
        assert (newest.action, newest.details["count"]) == (Action.RESULTS_UNCONFIRMED, 3)
        await confirmed.lock_again(session)
        with pytest.raises(Conflict, match="đang tính lại kết quả"):
            await confirmed.confirm(session)
        assert await service.assess_class_of_sheet(session, confirmed.sheet) == 0, "the results say the same"
        assert await confirmed.confirm(session) == 3


async def test_a_late_or_repeated_withdrawal_leaves_a_newer_confirmation(confirmed: Confirmed) -> None:
    async with confirmed.school.session() as session:
        await confirmed.reopen(session)
        await confirmed.lock_again(session)
        await service.assess_class_of_sheet(session, confirmed.sheet)
        assert await confirmed.states(session) == {ResultState.COMPUTED}, "no result outlives a reopening"
        assert await confirmed.confirm(session) == 3
        for _ in range(2):
            await service.withdraw_confirmation_of_sheet(session, confirmed.sheet)
        assert await confirmed.states(session) == {ResultState.CONFIRMED}


async def test_a_reopened_sheet_leaves_the_readings_of_the_day_of_confirmation(confirmed: Confirmed) -> None:
    async with confirmed.school.session() as session:
        changes, year_id = {"primary_zero_allowed": "0"}, confirmed.school.year_id
        await regulations.change(session, confirmed.principal, year_id, changes, "QĐ 12/QĐ-TH", seen=0)
        await confirmed.reopen(session)
        await confirmed.lock_again(session)
        await service.assess_class_of_sheet(session, confirmed.sheet)
        assert await confirmed.states(session) == {ResultState.COMPUTED}
        found = await service.class_results(session, confirmed.class_id)
        assert {(one.policy, one.settled) for one in found} == {(SAFE, True)}


@pytest.mark.parametrize("held", ["school_class", "year_result"])
async def test_results_are_as_old_as_the_marks_that_were_read(confirmed: Confirmed, held: str) -> None:
    """A sheet is opened, changed and locked while its class is being assessed: before the marks were read, or after."""
    school, class_id = confirmed.school, confirmed.class_id

    async def assess() -> None:
        async with school.session() as session:
            await service.assess_class(session, class_id)

    async with school.session() as session:
        chi = (await student_ids(session, class_id))["Quàng Thị Chi"]
        await session.execute(text(f"select 1 from {held} for no key update"))
        assessing = asyncio.create_task(assess())
        await somebody_waits(session)
        await confirmed.reopen(session)
        mark = NewMark(sheet_id=confirmed.sheet, student_id=chi, cell=Cell(MarkKind.LEVEL), value="C")
        await gradebook.record_marks(session, confirmed.homeroom, [mark])
        await confirmed.lock_again(session)
    await assessing
    async with school.session() as session:
        if held == "year_result":
            with pytest.raises(Conflict, match="đang tính lại kết quả"):
                await confirmed.confirm(session)
            assert await service.assess_class_of_sheet(session, confirmed.sheet) == 1
        assert (await states(session, class_id))["Quàng Thị Chi"][1] is Promotion.SUPPLEMENTARY
        await service.require_settled(session, class_id)


async def test_what_nobody_has_seen_is_not_confirmed(small_school: SmallSchool) -> None:
    """The school reads the circular otherwise, and the results of the class are not computed again yet."""
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        await service.assess_class(session, class_id)
        principal = await small_school.actor(session, "principal")
        changes = {"primary_zero_allowed": "0"}
        await regulations.change(session, principal, small_school.year_id, changes, "QĐ 12/QĐ-TH", seen=0)
        homeroom = await small_school.actor(session, "homeroom")
        with pytest.raises(Conflict, match="đang tính lại kết quả"):
            await service.confirm_class(session, homeroom, class_id)
        await service.assess_class(session, class_id)
        assert await service.confirm_class(session, homeroom, class_id) == 3
        changes = {"primary_zero_allowed": "1"}
        await regulations.change(session, principal, small_school.year_id, changes, "QĐ 13/QĐ-TH", seen=1)
        await service.require_settled(session, class_id)  # the confirmed keep the readings of that day


async def test_who_confirms_waits_for_who_computes(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session)
        await service.assess_class(session, class_id)

    async def confirm() -> int:
        async with small_school.session() as session:
            homeroom = await small_school.actor(session, "homeroom")
            return await service.confirm_class(session, homeroom, class_id)

    async with small_school.session() as session:
        await queries.hold_class(session, class_id)
        confirming = asyncio.create_task(confirm())
        await somebody_waits(session)
        await service.assess_class(session, class_id)
    assert await confirming == 3


async def test_a_bigger_class_asks_no_more_of_the_database(small_school: SmallSchool) -> None:
    """The page of a class, and why the result of one pupil is what it is."""
    counted = []
    async with small_school.session() as session:
        homeroom = await small_school.actor(session, "homeroom")
        for name, first, pupils in (("6A", 1, 1), ("6B", 11, 9)):
            class_id = await small_school.open_class(session, name, 6)
            await enroll(session, name, [f"Lò Thị {letter}" for letter in "ABCDEGHIK"[:pupils]], first)
            await fill(session, await small_school.actor(session, "it"), class_id)
            await lock_class(session, small_school, class_id)
            with statements() as computing:
                assert await service.assess_class(session, class_id) == pupils
            with statements() as looking:
                shown = await service.open_results(session, homeroom, class_id)
            with statements() as explaining:
                await service.explain(session, homeroom, shown.results[0].id)
            with statements() as confirming:
                assert await service.confirm_class(session, homeroom, class_id) == pupils
            counted.append([len(one) for one in (computing, looking, explaining, confirming)])
    assert counted[0] == counted[1]
