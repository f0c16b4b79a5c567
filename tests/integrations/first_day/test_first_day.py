"""The first day of each role: a short list that leads somewhere, ticked off by what was done, until it is hidden."""

from datetime import UTC, datetime, timedelta

import pytest
from litestar import Litestar

from backend.integrations.first_day import rules
from backend.integrations.first_day.schemas import NEW_FOR, Fact, Tour
from backend.integrations.handbook import service as handbook
from backend.records.gradebook import life
from backend.tenants.permissions import Role, permissions_of
from tests.core.browser import Browser
from tests.core.site_fixtures import site
from tests.factories.small_school import SmallSchool, enroll, fill
from tests.records.conftest import small_school
from tests.tenancy.addresses import addresses

__all__ = ["site", "small_school"]
PAGES = {one.path: one for one in addresses() if one.method == "GET"}


@pytest.mark.parametrize("role", list(Role))
def test_each_role_has_a_short_list_that_it_can_follow(role: Role) -> None:
    found = rules.steps([role], set())
    assert 2 <= len(found) <= 9
    for step in found:
        page = PAGES[step.lesson.url]
        assert page.who is not None
        assert not page.who or page.who & permissions_of([role]), step.lesson.url
        assert handbook.get(step.lesson.about)


def test_who_has_several_roles_has_each_step_once() -> None:
    found = [one.lesson.fact for one in rules.steps(list(Role), set())]
    assert found == list(dict.fromkeys(found))
    assert set(found) == set(Fact)


def test_home_speaks_of_it_to_somebody_new_with_something_left() -> None:
    now = datetime(2026, 5, 4, tzinfo=UTC)
    left = rules.steps([Role.HOMEROOM_TEACHER], {Fact.FACTOR})
    tour = Tour(steps=left, joined_at=now - timedelta(days=1), hidden_at=None)
    assert rules.is_told(tour, now)
    assert not rules.is_told(tour, now + NEW_FOR)
    assert not rules.is_told(Tour(steps=left, joined_at=tour.joined_at, hidden_at=now), now)
    done = rules.steps([Role.HOMEROOM_TEACHER], set(Fact))
    assert not rules.is_told(Tour(steps=done, joined_at=tour.joined_at, hidden_at=None), now)


async def test_what_is_done_is_ticked_off_and_home_is_silent_when_asked_to_be(
    site: Litestar, small_school: SmallSchool
) -> None:
    teacher = await small_school.browser(site, "music")
    assert await states(teacher) == {"Ghi những điểm đầu tiên": False, "Nộp sổ đầu tiên": False}
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", ["Lò Thị An"])
    assert await states(teacher) == {"Ghi những điểm đầu tiên": False, "Nộp sổ đầu tiên": False}
    async with small_school.session() as session:
        await fill(session, await small_school.actor(session, "it"), class_id)
    assert await states(teacher) == {"Ghi những điểm đầu tiên": True, "Nộp sổ đầu tiên": False}
    async with small_school.session() as session:
        await life.submit_class(session, await small_school.actor(session, "music"), class_id)
    assert await states(teacher) == {"Ghi những điểm đầu tiên": True, "Nộp sổ đầu tiên": True}
    assert "Tiếp theo: Thêm khóa truy cập" in (await teacher.get("/bat-dau/tom-tat")).text

    await teacher.get("/bat-dau")
    assert (await teacher.post("/bat-dau", {"an": "1"})).headers["location"] == "/"
    assert (await teacher.get("/bat-dau/tom-tat")).status_code == 204
    colleague = await small_school.browser(site, "homeroom")
    assert (await colleague.get("/bat-dau/tom-tat")).status_code == 200
    assert "Nhắc lại ở trang chủ" in (await teacher.get("/bat-dau")).text
    await teacher.post("/bat-dau", {"an": ""})
    assert (await teacher.get("/bat-dau/tom-tat")).status_code == 200


async def states(person: Browser) -> dict[str, bool]:
    """The steps about marks as the page shows them: whether each is ticked off."""
    await person.get("/bat-dau")
    assert person.page is not None
    found = {
        step.xpath("string(.//h2)"): "chain-done" in step.get("class")
        for step in person.page.xpath("//ol[contains(@class, 'lessons')]/li")
    }
    return {title: done for title, done in found.items() if "điểm" in title or "sổ" in title}
