"""Which language Ngoại ngữ 1 is: chosen on a page, printed behind the name, and kept once it is frozen."""

import re

import pytest
from litestar import Litestar
from lxml import etree

from backend.core.errors import Invalid
from backend.records.planning import rules
from backend.records.plans import service as plans
from backend.records.plans.schemas import Language
from backend.records.roster import service as roster
from backend.records.transcripts import canonical, xml_form
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.printed import printed
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool, enroll, student_ids
from tests.records.transcripts.conftest import confirmed_class

AN, BINH = "Lò Thị An", "Cầm Văn Bình"
EN, FR = Language.ENGLISH, Language.FRENCH
_NAMES = "//*[local-name()='TEN_MON_HOC']/text()"


async def test_the_language_that_was_chosen_stands_in_every_form(
    site: Litestar, small_school: SmallSchool
) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(
            small_school, session, "6A", 6, names=[AN, BINH], taken_by_music="TOAN"
        )
        pupils = await student_ids(session, season.class_id)
    page, binh = f"/lop/{season.class_id}/ngoai-ngu", f"hs.{pupils[BINH]}.NN1"
    browser = await small_school.browser(site, "homeroom")
    assert page in (await browser.get(f"/lop/{season.class_id}/so-diem")).text
    form = {"cu": seen(await shown(browser, page)), "lop.NN1": "en", binh: "fr"}
    assert (await browser.post(page, form | {binh: "la"})).status_code == 422
    assert (await browser.post(page, form)).status_code == 303
    assert (await browser.post(page, form)).status_code == 409, "the page was of before"
    versions = await season.freeze()
    async with small_school.session(read_only=True) as session:
        contents = [await transcripts.get_snapshot(session, one.id) for one in versions]
    for snapshot, language in zip(contents, ("Tiếng Anh", "Tiếng Pháp"), strict=True):
        name = f"Ngoại ngữ 1 ({language})"
        [subject] = [one for one in snapshot.year.results.subjects if one.code == "NN1"]
        assert subject.name == name
        assert name in canonical.canonical_json(snapshot).decode()
        assert name in etree.fromstring(xml_form.build_xml(snapshot)).xpath(_NAMES)
        assert name in str(printed(snapshot))
    late = {"cu": seen(await shown(browser, page)), "lop.NN1": "de", binh: "fr"}
    refused = await browser.post(page, late)
    assert refused.status_code == 409
    assert f"Học bạ năm nay của {AN} đã chốt" in refused.text
    reader = await small_school.browser(site, "music")
    assert "<select" not in await shown(reader, page)
    assert (await reader.post(page, late)).status_code == 403


async def shown(browser: Browser, page: str) -> str:
    answer = await browser.get(page)
    assert answer.status_code == 200
    return answer.text


def seen(text: str) -> str:
    found = re.search(r'name="cu" value="(\w+)"', text)
    assert found
    return found[1]


async def test_a_pupil_takes_the_language_along(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        for name in ("7A", "7B"):
            await small_school.open_class(session, name, 7)
        await enroll(session, "7A", [AN, BINH])
        a, b = [one for one in await roster.list_classes(session) if one.name in ("7A", "7B")]
        pupils = await student_ids(session, a.id)
        await plans.set_languages(session, a.id, {None: {"NN1": EN}, pupils[BINH]: {"NN1": FR}})
        await plans.set_languages(session, b.id, {None: {"NN1": FR}})
        for pupil in pupils.values():
            await plans.carry_choice(session, pupil, a, b)
        there = await plans.languages_of(session, b.id)
        await plans.copy_choices(session, {a.id: b.id})
        copied = await plans.languages_of(session, b.id)
    assert {name: there.of(one) for name, one in pupils.items()} == {AN: {"NN1": EN}, BINH: {"NN1": FR}}
    assert there.pupils == {pupils[AN]: {"NN1": EN}}, "who learns what the class learns is not set apart"
    assert copied.of_class() == {"NN1": EN}


@pytest.mark.parametrize(
    ("typed", "of_class", "found"),
    [
        ({}, {}, {"NN1": EN}),
        ({"NN1": ""}, {"NN1": FR}, {"NN1": FR}),
        ({"NN1": "fr", "NN2": "en"}, {}, {"NN1": FR, "NN2": EN}),
    ],
)
def test_what_nobody_said_is_usual_or_open(
    typed: dict[str, str], of_class: dict[str, Language], found: dict[str, Language]
) -> None:
    assert rules.checked_languages(typed, ["NN1", "NN2"], AN, of_class) == found


def test_the_second_language_is_another() -> None:
    with pytest.raises(Invalid, match=f"{AN}: Ngoại ngữ 1 và Ngoại ngữ 2 phải là hai thứ tiếng"):
        rules.checked_languages({"NN2": "en"}, ["NN1", "NN2"], AN, {})
