"""How a school reads what the circulars leave open: what it may choose, and which results follow."""

import pytest
from litestar import Litestar

from backend.core.errors import Conflict, Invalid, NotFound
from backend.core.ids import new_id
from backend.records.assessment import service as assessment
from backend.records.assessment.schemas import PrimaryResult, ResultState
from backend.records.gradebook.schemas import Cell, MarkKind, SheetSummary
from backend.records.regulations import rules, service
from backend.records.regulations.schemas import SAFE, AdjustmentReading, Policy
from backend.tenants.schools.schemas import SchoolLevel
from tests.factories.machine import Machine
from tests.factories.small_school import SmallSchool, enroll, fill, lock_class

NAMES = ["Lò Thị An", "Cầm Văn Bình"]
PAGE = "/truong/danh-gia"
GROUND = "Quyết định 12/QĐ-TH ngày 05/9/2025"
TEST = Cell(MarkKind.TEST, "1")
NO_ZERO = {"primary_zero_allowed": "0"}


def zero_in_toan(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    """The first of each class has 0 in the test of Toán."""
    return "0" if sheet.subject_code == "TOAN" and code[-1] == "1" and cell == TEST else None


def test_every_choice_is_a_field_whose_first_option_is_the_safe_one() -> None:
    for choice in rules.CHOICES:
        assert rules.chosen(SAFE, choice) == next(iter(choice.options)), choice.field
        assert rules.is_safe(choice, rules.chosen(SAFE, choice))
        for value in choice.options:
            assert rules.chosen(rules.checked(SAFE, {choice.field: value}), choice) == value
    undecided = {"topic_terms", "complete_curriculum"}
    assert {choice.field for choice in rules.CHOICES} == set(Policy.__struct_fields__) - undecided


def test_what_was_not_typed_stays_and_what_is_unknown_is_refused() -> None:
    held = rules.checked(SAFE, {"adjustment": "B"})
    assert held.adjustment is AdjustmentReading.IMAGINE_PASSED
    both = rules.checked(held, {"better_of_reassessment": "1", "adjustment": ""})
    assert (both.adjustment, both.better_of_reassessment) == (AdjustmentReading.IMAGINE_PASSED, True)
    assert rules.changes(held, both) == ("Kết quả đánh giá lại trong kì nghỉ hè: Lấy kết quả cao hơn.",)
    with pytest.raises(Invalid, match="cụm chuyên đề"):
        rules.checked(SAFE, {"topic_is_extra_mark": "2"})


def test_a_primary_school_is_asked_about_its_own_circular_only() -> None:
    shown = [choice.field for choice in rules.for_levels([SchoolLevel.PRIMARY])]
    assert shown == ["optional_subjects_count", "primary_zero_allowed"]


async def test_what_nobody_confirmed_follows_and_the_confirmed_keep_their_day(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        classes = []
        for name, first in (("1A", 1), ("1B", 11)):
            classes.append(await small_school.open_class(session, name, 1))
            await enroll(session, name, NAMES, first)
            await fill(
                session,
                await small_school.actor(session, "it"),
                classes[-1],
                zero_in_toan,
            )
            await lock_class(session, small_school, classes[-1])
            await assessment.assess_class(session, classes[-1])
        await assessment.confirm_class(session, await small_school.actor(session, "homeroom"), classes[0])
    await Machine(small_school.tenant_id, hurry=False).forget()
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        assert await service.change(session, principal, small_school.year_id, NO_ZERO, GROUND, seen=0) == 2
    await Machine(small_school.tenant_id, hurry=False).round()
    async with small_school.session() as session:
        [confirmed, computed] = [
            (await assessment.class_results(session, class_id))[0] for class_id in classes
        ]
    assert confirmed.full_name == computed.full_name == NAMES[0]
    assert isinstance(confirmed.result, PrimaryResult)
    assert isinstance(computed.result, PrimaryResult)
    assert (confirmed.state, confirmed.result.year_level) == (ResultState.CONFIRMED, "CHT")
    assert (confirmed.rule_set, confirmed.policy) == ("TT27/2020-1", SAFE)
    assert (computed.state, computed.result.year_level) == (ResultState.COMPUTED, None)
    assert service.readings(confirmed.policy) == ()
    assert service.readings(computed.policy) == (
        "Điểm 0 ở bài kiểm tra định kì: Coi như chưa có điểm, chờ kiểm tra lại.",
    )


async def test_two_who_decide_and_what_is_no_decision(small_school: SmallSchool) -> None:
    year = small_school.year_id
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        with pytest.raises(Invalid, match="Căn cứ"):
            await service.change(session, principal, year, NO_ZERO, "QĐ", seen=0)
        with pytest.raises(Conflict, match="chưa đổi mục nào"):
            await service.change(session, principal, year, {"primary_zero_allowed": "1"}, GROUND, seen=0)
        with pytest.raises(NotFound):
            await service.change(session, principal, new_id(), NO_ZERO, GROUND, seen=0)
        await service.change(session, principal, year, NO_ZERO, GROUND, seen=0)
        with pytest.raises(Conflict, match="Người khác vừa đổi"):
            await service.change(session, principal, year, {"adjustment": "B"}, GROUND, seen=0)
        await service.change(session, principal, year, {"primary_zero_allowed": "1"}, GROUND, seen=1)
        assert (await service.current(session, year)).policy == SAFE
        newest, oldest = await service.history(session, year)
    assert newest.changes == ("Điểm 0 ở bài kiểm tra định kì: Tính điểm 0, có nhắc kiểm tra lại.",)
    assert (oldest.ground, oldest.set_by) == (GROUND, small_school.staff["principal"])


async def test_the_page_keeps_what_was_typed_and_says_what_became_different(
    site: Litestar, small_school: SmallSchool
) -> None:
    browser = await small_school.browser(site, "principal")
    await browser.get(PAGE)
    form = {"nam": str(small_school.year_id), "lan": "0", "adjustment": "B"}
    refused = await browser.post(PAGE, form | {"can_cu": "QĐ"})
    assert refused.status_code == 422
    assert "cần từ 5 đến 300 ký tự" in refused.text
    assert '<option value="B" selected>' in refused.text
    assert (await browser.post(PAGE, form | {"can_cu": GROUND})).status_code == 303
    shown = await browser.get(PAGE)
    assert GROUND in shown.text
    assert "Trường đã chọn khác mặc định" in shown.text
