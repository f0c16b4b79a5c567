"""A grade or the whole school is frozen in one action: looked at before, class by class, whatever keeps one back."""

import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import audit
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.errors import Conflict, Forbidden
from backend.records.freezes import service
from backend.records.freezes.schemas import CheckList, Run, RunId, Scope, State
from backend.records.gradebook import life
from backend.records.gradebook.schemas import Cell, MarkKind, SheetSummary
from backend.records.transcripts import service as transcripts
from tests.factories.machine import Death, Machine
from tests.factories.small_school import SmallSchool, open_small_school, sheet_of
from tests.records.transcripts.conftest import NAMES, Season, confirmed_class

CHI = "9900000003"
EVERYTHING, GRADE_2 = Scope(), Scope(grade=2)


def chi_lacks_a_test(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    return "" if (code, sheet.subject_code, cell.kind) == (CHI, "TV", MarkKind.TEST) else None


async def year(school: SmallSchool) -> dict[str, Season]:
    """1A is ready but for one pupil, 1B has a sheet that is open again, 2A is ready."""
    async with school.session() as session:
        found = {"1A": await confirmed_class(school, session, "1A", 1, NAMES, 1, chi_lacks_a_test)}
        found["1B"] = await confirmed_class(school, session, "1B", 1, ["Vì Thị Dung"], 4)
        found["2A"] = await confirmed_class(school, session, "2A", 2, ["Lò Văn Hải"], 5)
        sheet = await sheet_of(session, found["1B"].class_id, "TOAN")
        await life.reopen(session, found["1B"].principal, sheet.id, "Nhập nhầm một điểm", "24")
    await Machine(school.tenant_id).forget()
    return found


async def looked_at(school: SmallSchool, scope: Scope = EVERYTHING) -> CheckList:
    async with school.session(read_only=True) as session:
        return await service.check_list(session, scope)


async def start(school: SmallSchool, actor: Actor, scope: Scope = EVERYTHING) -> RunId:
    async with school.session() as session:
        return await service.start(session, actor, scope)


async def run_of(school: SmallSchool, run_id: RunId) -> Run:
    async with school.session(read_only=True) as session:
        return await service.get_run(session, run_id)


async def freezing(school: SmallSchool, death: Death | None = None) -> None:
    """The machine freezes; what follows is not for these tests."""
    machine = Machine(school.tenant_id, death=death)

    async def frozen() -> bool:
        async with school.session(read_only=True) as session:
            runs = await service.newest_runs(session)
        return all(not one.waiting for one in runs)

    await machine.until(frozen)


async def test_the_list_says_what_is_missing_before_anything_is_done(small_school: SmallSchool) -> None:
    await year(small_school)
    found = await looked_at(small_school)
    assert [(one.class_name, one.ready, one.frozen, one.unconfirmed) for one in found.classes] == [
        ("1A", 2, 0, 1),
        ("1B", 1, 0, 0),
        ("2A", 1, 0, 0),
    ]
    first, second, third = found.classes
    assert not any("Số định danh" in words for words in third.doubts)
    async with small_school.session() as session:
        await session.execute(text("update student set personal_id = null where full_name = 'Lò Văn Hải'"))
    [lacking] = (await looked_at(small_school, GRADE_2)).classes
    assert lacking.doubts[-1] == (
        "Số định danh cá nhân: 1 học sinh chưa có, trong đó có Lò Văn Hải; học bạ sẽ in chỗ trống."
    )
    assert second.obstacles == ("Còn 1 sổ điểm chưa khóa, trong đó có Toán.",)
    assert "1 học sinh chưa được xác nhận kết quả nên chưa chốt được." in first.doubts
    waits = "Giáo viên chủ nhiệm: Đinh Thị Hoài Thu chưa có chứng thư số. Học bạ sẽ chờ ở lượt ký ấy."
    assert first.unsigned == waits
    assert found.doubts == (
        "Người ký thay mặt nhà trường: Nghiêm Thế Khải chưa có chứng thư số.",
        "Con dấu số: chưa có chứng thư số.",
    )
    assert (found.ready, found.grades) == (3, (1, 2)), "1B is held back"
    assert [one.class_name for one in (await looked_at(small_school, GRADE_2)).classes] == ["2A"]


@pytest.mark.parametrize("death", [None, *Death], ids=lambda death: death.name.lower() if death else "alive")
async def test_what_is_ready_is_frozen_and_the_rest_is_told(
    small_school: SmallSchool, death: Death | None
) -> None:
    seasons = await year(small_school)
    principal = seasons["1A"].principal
    run_id = await start(small_school, principal)
    await freezing(small_school, death)
    run = await run_of(small_school, run_id)
    assert [(one.class_name, one.state, one.frozen) for one in run.classes] == [
        ("1A", State.DONE, 2),
        ("2A", State.DONE, 1),
    ]
    assert [one.name for one in run.classes[0].left_out] == ["Quàng Thị Chi"]
    assert (run.done, run.failed, run.asked_by) == (2, 1, "Nghiêm Thế Khải")
    async with small_school.session(read_only=True) as session:
        versions = await transcripts.list_versions(session, seasons["1A"].class_id)
        deeds = await audit.history(session, [one.id for one in versions])
        [told] = await audit.history(session, [run_id])
    assert {one.actor_name for one in deeds if one.action == Action.TRANSCRIPT_FROZEN} == {"Nghiêm Thế Khải"}
    assert (told.action, told.details["count"]) == (Action.TRANSCRIPTS_FROZEN_TOGETHER, 2)
    assert all(one.number == 1 for one in versions)


async def test_it_may_be_started_again_and_does_nothing_twice(small_school: SmallSchool) -> None:
    seasons = await year(small_school)
    principal = seasons["1A"].principal
    first, second = await start(small_school, principal), await start(small_school, principal)
    await freezing(small_school)
    frozen = [sum(one.frozen for one in (await run_of(small_school, run)).classes) for run in (first, second)]
    assert sum(frozen) == 3
    with pytest.raises(Conflict, match="Chưa có học bạ nào chốt được"):
        await start(small_school, principal)


async def test_what_turns_up_meanwhile_keeps_one_class_back_and_not_the_others(
    small_school: SmallSchool,
) -> None:
    seasons = await year(small_school)
    run_id = await start(small_school, seasons["1A"].principal)
    async with small_school.session() as session:
        sheet = await sheet_of(session, seasons["2A"].class_id, "TOAN")
        await life.reopen(session, seasons["2A"].principal, sheet.id, "Nhập nhầm một điểm", "24")
    await freezing(small_school)
    first, second = (await run_of(small_school, run_id)).classes
    assert (first.state, second.state) == (State.DONE, State.REFUSED)
    assert "Còn 1 sổ điểm chưa khóa" in (second.problem or "")


async def test_who_may_freeze_no_longer_freezes_nothing(small_school: SmallSchool) -> None:
    seasons = await year(small_school)
    with pytest.raises(Forbidden, match="Chỉ hiệu trưởng chốt học bạ được"):
        await start(small_school, seasons["1A"].homeroom)
    run_id = await start(small_school, seasons["1A"].principal, GRADE_2)
    async with small_school.session() as session:
        await session.execute(text("update staff_role set role = 'clerk' where role = 'principal'"))
    await freezing(small_school)
    [only] = (await run_of(small_school, run_id)).classes
    assert only.state is State.REFUSED
    assert "không còn quyền chốt học bạ" in (only.problem or "")


async def test_another_school_sees_no_run_of_this_one(small_school: SmallSchool) -> None:
    seasons = await year(small_school)
    await start(small_school, seasons["1A"].principal)
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session(read_only=True) as session:
        assert await service.newest_runs(session) == []


async def test_pages(small_school: SmallSchool, site: Litestar) -> None:
    seasons = await year(small_school)
    principal = await small_school.browser(site, "principal")
    page = await principal.get("/chot-hoc-ba")
    assert "Còn 1 sổ điểm chưa khóa, trong đó có Toán." in page.text
    assert "Chốt 3 học bạ" in page.text
    await principal.get("/chot-hoc-ba?khoi=2")
    answer = await principal.post("/chot-hoc-ba", {"khoi": "2"})
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"]
    assert 'hx-trigger="every' in (await principal.get(where)).text
    await freezing(small_school)
    page = await principal.get(where)
    assert "Đã chốt 1" in page.text
    assert "every 10s" in page.text, "what follows the freeze is shown live, too"
    states = text("update transcript_version set state = :state where class_id = :id")
    for state, words in (("rejected", "Sở từ chối 1"), ("accepted", "Đã xong")):
        async with small_school.session() as session:
            await session.execute(states, {"state": state, "id": seasons["2A"].class_id})
        page = await principal.get(where)
        assert words in page.text
        assert 'hx-trigger="every' not in page.text
    answer = await principal.post("/chot-hoc-ba", {"khoi": "2"})
    assert "Chưa có học bạ nào chốt được" in answer.text
