"""The calendar of a school year: what it may say, what the page keeps, and when the home page speaks of it."""

from datetime import date, timedelta

import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock
from backend.core.audit_words import detail_name
from backend.core.errors import Invalid
from backend.core.ids import new_id
from backend.records.calendar import rules, service
from backend.records.calendar.schemas import Calendar, Step, Year
from backend.records.gradebook import service as gradebook
from backend.records.roster.schemas import AcademicYearId
from tests.factories.small_school import SmallSchool

YEAR = Year(
    id=AcademicYearId(new_id()),
    name="2025-2026",
    starts_on=date(2025, 9, 5),
    ends_on=date(2026, 5, 31),
    calendar=None,
)
TERMS = ("2026-01-16", "2026-01-19")
FORM = {"het_hoc_ky_1": TERMS[0], "vao_hoc_ky_2": TERMS[1]}


def test_what_is_offered_is_the_day_before_that_of_the_plan() -> None:
    """“Trước ngày 30/6”: whichever way that is read, the end of 29/6 lies before."""
    assert rules.proposed(YEAR, "14") == dict.fromkeys((Step.ISSUED, Step.REPORTED), date(2026, 6, 29))


@pytest.mark.parametrize(
    ("ends", "starts", "days", "said"),
    [
        ("", TERMS[1], {}, "Học kì I kết thúc"),
        ("2025-09-05", TERMS[1], {}, "phải đứng sau “Ngày khai giảng”"),
        (TERMS[0], TERMS[0], {}, "“Học kì II bắt đầu” (16/01/2026) phải đứng sau “Học kì I kết thúc”"),
        (TERMS[0], "2026-06-01", {}, "“Ngày kết thúc năm học”"),
        (
            *TERMS,
            {Step.LOCKED: "2026-05-20", Step.FROZEN: "2026-05-19"},
            "“Chốt học bạ” (19/05/2026) phải đứng sau",
        ),
        (*TERMS, {Step.ISSUED: "2027-06-29"}, "nằm ngoài năm học 2025-2026"),
        (*TERMS, {Step.ISSUED: "30/02/2026"}, "Ký và phát hành"),
    ],
)
def test_days_that_disagree_are_named(ends: str, starts: str, days: dict[Step, str], said: str) -> None:
    with pytest.raises(Invalid) as refused:
        rules.checked(YEAR, ends, starts, days)
    assert said in refused.value.message


def test_two_steps_may_share_a_day_and_others_have_none() -> None:
    typed = {Step.LOCKED: "20/05/2026", Step.CONFIRMED: "2026-05-20", Step.ISSUED: " "}
    found = rules.checked(YEAR, *TERMS, typed)
    assert found.last_days == {Step.LOCKED: date(2026, 5, 20), Step.CONFIRMED: date(2026, 5, 20)}


@pytest.mark.parametrize(
    ("today", "left", "said"),
    [
        (date(2026, 6, 21), 3, ""),
        (date(2026, 6, 22), 3, "hạn là hết ngày 29/06/2026, còn 7 ngày; còn 3 học sinh chưa xong"),
        (date(2026, 6, 29), 3, "hôm nay là ngày cuối"),
        (date(2026, 6, 30), 3, "đã quá hạn (hạn là hết ngày 29/06/2026)"),
        (date(2026, 6, 30), 0, ""),
    ],
)
def test_a_last_day_is_spoken_of_when_it_is_near(today: date, left: int, said: str) -> None:
    found = rules.notice(Step.ISSUED, date(2026, 6, 29), today, left)
    assert bool(found) is bool(said)
    assert found is None or said in found.text


def test_the_term_of_a_day() -> None:
    calendar = Calendar(term_1_ends_on=date(2026, 1, 16), term_2_starts_on=date(2026, 1, 19), last_days={})
    year = Year(id=YEAR.id, name=YEAR.name, starts_on=YEAR.starts_on, ends_on=YEAR.ends_on, calendar=calendar)
    days = [date(2025, 9, 4), date(2025, 9, 5), date(2026, 1, 16), date(2026, 1, 17), date(2026, 1, 19)]
    assert [year.term_on(day) for day in [*days, date(2026, 6, 1)]] == [None, 1, 1, None, 2, None]
    assert YEAR.term_on(days[1]) is None


def test_the_audit_has_words_for_every_day() -> None:
    days = dict.fromkeys(Step, date(2026, 5, 20))
    new = Calendar(term_1_ends_on=date(2026, 1, 16), term_2_starts_on=date(2026, 1, 19), last_days=days)
    told = rules.differences(None, new)
    assert len(told) == 2 + len(Step)
    assert [name for name in told if detail_name(name) == name] == []
    assert rules.differences(new, new) == {}


async def test_the_page_and_the_home_page(
    site: Litestar, small_school: SmallSchool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        sheets = len(await gradebook.list_sheets(session, class_id))
    principal = await small_school.browser(site, "principal")
    page = f"/truong/nam-hoc/{small_school.year_id}"
    assert page in (await principal.get("/truong/nam-hoc")).text
    shown = (await principal.get(page)).text
    assert 'value="2026-06-29"' in shown
    assert "Bộ trước ngày 10/7 và trước ngày 25/8" in shown, "what the Sở does after the school (R24)"
    wrong = await principal.post(page, FORM | {"locked": "2026-05-20", "confirmed": "2026-05-01"})
    assert (wrong.status_code, "phải đứng sau" in wrong.text) == (422, True)
    assert 'value="2026-05-01"' in wrong.text
    for _ in range(2):
        saved = await principal.post(page, FORM | {"locked": "2026-05-20", "issued": ""})
        assert saved.headers["location"] == "/truong/nam-hoc"
    assert 'value="2026-06-29"' not in (await principal.get(page)).text, "no last day is a decision, too"
    async with small_school.session(read_only=True) as session:
        query = "select details from audit_event where action = 'roster.calendar.change'"
        [details] = await session.scalars(text(query))
        year = await service.get_year(session, small_school.year_id)
    assert details == {"term_1_ends_on": TERMS[0], "term_2_starts_on": TERMS[1], "locked_by": "2026-05-20"}

    assert year.calendar is not None
    for days, said in ((8, ""), (3, "còn 3 ngày"), (-1, "đã quá hạn")):
        day = year.calendar.last_days[Step.LOCKED] - timedelta(days=days)
        monkeypatch.setattr(clock, "today", lambda day=day: day)
        home = (await principal.get("/")).text
        assert said in home
        assert (f"còn {sheets} sổ điểm chưa xong" in home) is bool(said)
        assert "Năm học 2025-2026, học kì II" in home


async def test_a_year_of_another_school_is_not_there(site: Litestar, small_school: SmallSchool) -> None:
    principal = await small_school.browser(site, "principal")
    await principal.get("/")
    assert (await principal.get(f"/truong/nam-hoc/{new_id()}")).status_code == 404
