"""What people paste goes through the real doors, form and sheet, and what they keep stands on the page."""

import re

import msgspec
import pytest
from litestar import Litestar

from backend.core.errors import Invalid
from backend.records.assessment import service as assessment
from backend.records.gradebook.schemas import Cell, MarkKind, SheetSummary
from backend.records.roster import service as roster
from backend.records.transcripts import canonical, page_check, rendering, service, xml_form
from backend.records.transcripts.page_check import missing_texts
from backend.records.transcripts.schemas import PrimaryResults
from tests.factories.books import primary_book
from tests.factories.small_school import SmallSchool, enroll, fill, lock_class, pupil
from tests.factories.snapshots import primary_snapshot, with_changes
from tests.factories.strange_texts import KEPT, STRANGE, Strange
from tests.records.gradebook.conftest import COMMENT, ClassBook, book
from tests.records.transcripts.pdf_reading import inside_the_paper, page_texts, rendered

__all__ = ["book"]
AN = "Lò Thị An"


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
async def test_the_sheet_keeps_or_refuses(site: Litestar, book: ClassBook, text: Strange) -> None:
    browser = await book.school.browser(site, "homeroom")
    await browser.get("/lop")
    cells = [{"student": str(book.pupils[AN]), "column": "comment:", "value": text.typed, "version": 0}]
    answer = await browser.http.post(
        f"/so-diem/{book.sheets['TOAN']}/o",
        json={"cells": cells},
        headers={"X-CSRF-Token": browser.csrf_token, "Accept": "application/json"},
    )
    assert answer.status_code == 200
    [told] = answer.json()["cells"]
    assert (told["state"], text.said in told.get("message", "")) == (
        "saved" if text.stored else "invalid",
        True,
    )
    assert await book.value("TOAN", AN, COMMENT) == text.stored


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
async def test_the_form_of_a_pupil_keeps_or_refuses(
    site: Litestar, small_school: SmallSchool, text: Strange
) -> None:
    browser = await small_school.browser(site, "clerk")
    await browser.get("/hoc-sinh/them")
    typed = {"full_name": text.typed, "date_of_birth": "2018-03-02", "nationality": "Việt Nam"}
    answer = await browser.post("/hoc-sinh/them", typed)
    if text.stored is None:
        assert (answer.status_code, text.said in answer.text) == (422, True)
    else:
        shown = await browser.get(answer.headers["location"])
        assert browser.page is not None
        assert text.stored in browser.page.xpath("string(//main)"), shown.text


async def test_one_number_belongs_to_one_pupil(site: Litestar, small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", [AN])
    browser = await small_school.browser(site, "clerk")
    await browser.get("/hoc-sinh/them")
    typed = {"full_name": "Cầm Văn Bình", "date_of_birth": "2018-03-02", "nationality": "Việt Nam"}
    answer = await browser.post("/hoc-sinh/them", typed | {"personal_id": "000319000001"})
    assert answer.status_code in (409, 422)
    assert AN in answer.text or "9900000001" in answer.text


async def test_a_class_of_strange_pupils_is_frozen_and_printed_whole(small_school: SmallSchool) -> None:
    """Whatever the doors have kept, in names and in comments, is on the page; and that of pupils without a number."""

    def otherwise(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
        return list(KEPT.values())[int(code[-3:]) - 1].typed if cell.kind is MarkKind.COMMENT else None

    async with small_school.session() as session:
        class_id = await small_school.open_class(session, "1A", 1)
        lines = [
            msgspec.structs.replace(pupil(number, text.typed, "1A"), personal_id=None)
            for number, text in enumerate(KEPT.values(), 1)
        ]
        await roster.take_register(session, lines)
        await fill(session, await small_school.actor(session, "it"), class_id, otherwise)
        await lock_class(session, small_school, class_id)
        await assessment.assess_class(session, class_id)
        await assessment.confirm_class(session, await small_school.actor(session, "homeroom"), class_id)
        principal = await small_school.actor(session, "principal")
        report = await service.freeze_class(session, principal, class_id)
        assert (report.frozen, report.left_out) == (len(KEPT), ())
        versions = await service.list_versions(session, class_id)
        snapshots = [await service.get_snapshot(session, one.id) for one in versions]
    assert {one.student.full_name for one in snapshots} == {text.stored for text in KEPT.values()}
    for snapshot in snapshots:
        pdf = rendering.render_pdf(canonical.canonical_json(snapshot), xml_form.build_xml(snapshot))
        pages = page_texts(pdf)
        results = snapshot.year.results
        assert isinstance(results, PrimaryResults)
        assert {one.comment for one in results.subjects} == {snapshot.student.full_name}
        assert missing_texts(snapshot, pages) == []
        inside_the_paper(pdf)


@pytest.mark.parametrize("text", STRANGE.values(), ids=STRANGE)
def test_the_renderer_prints_it_or_refuses_the_one_pupil(text: Strange) -> None:
    """What no door has seen: cleaned at the freeze, or refused there with the pupil's name."""
    snapshot = with_changes(primary_snapshot(), {"year.homeroom_comment": text.typed})
    if text.stored is None:
        with pytest.raises(Invalid, match=re.escape(text.said)) as told:
            canonical.clean_snapshot(snapshot)
        assert "Nhận xét của giáo viên chủ nhiệm” của Lường Thị Ngọc Ánh" in told.value.message
    else:
        clean = canonical.clean_snapshot(snapshot)
        assert clean.year.homeroom_comment == text.stored
        assert missing_texts(clean, page_texts(rendered(clean))) == []


@pytest.mark.parametrize("bad", ["😀", "王", "\x01"])
def test_a_book_with_a_letter_that_has_no_glyph_is_refused_and_never_printed_without_it(bad: str) -> None:
    content = primary_book()
    strange = msgspec.structs.replace(content.mark, recipient=f"Bà {bad}")
    with pytest.raises(Invalid, match="Lường Thị Ngọc Ánh"):
        rendering.render_book(msgspec.structs.replace(content, mark=strange))


@pytest.mark.parametrize("text", KEPT.values(), ids=KEPT)
def test_a_book_shows_what_was_kept_literally(text: Strange) -> None:
    assert text.stored is not None
    content = primary_book()
    mark = msgspec.structs.replace(content.mark, recipient=text.stored, purpose=text.stored)
    first = page_texts(rendering.render_book(msgspec.structs.replace(content, mark=mark)))[0]
    letters = page_check._squeezed
    assert letters(f"Cấp cho: {text.stored} Mục đích: {text.stored}") in letters(first)
