"""The demo's workbooks through preview and apply, on the real database, compared with the demo's own truth."""

import asyncio
from collections.abc import Mapping

import msgspec
import pytest

from backend.core import audit
from backend.core.audit import Action
from backend.core.errors import Conflict
from backend.integrations.imports import service
from backend.integrations.imports.schemas import ImportState
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, MarkKind
from backend.records.roster import service as roster
from backend.records.roster.schemas import DIFFERENCES_SHOWN, HOMEROOM, Difference, DifferenceKind
from infra.demo.truth import Truth
from tests.factories.demo_school import ImportingSchool
from tests.integrations.imports.books import Books, cells, counts, mark_of, rows


async def test_a_register_is_shown_taken_and_then_known(hoaban: ImportingSchool, books: Books) -> None:
    truth = books.truth.primary_pupils
    total = sum(map(len, truth.values()))
    run_id, found = await hoaban.preview(books.register)
    assert (found.layout, counts(found)) == ("pupils", (total, 0, 0, 0, 0))
    assert await rows(hoaban) == (0, 0, 0), "a preview writes nothing"
    assert counts(await hoaban.apply(run_id, books.register)) == (total, 0, 0, 0, 0)
    assert await rows(hoaban) == (total, total, 0)
    for class_code, pupils in truth.items():
        async with hoaban.session() as session:
            listed = await roster.student_records(session, hoaban.classes[class_code])
        assert {(one.student_code, one.full_name, one.date_of_birth, one.personal_id) for one in listed} == {
            (one.student_code, one.full_name, one.date_of_birth, one.personal_id) for one in pupils
        }
    _, again = await hoaban.preview(books.register)
    assert counts(again) == (0, 0, total, 0, 0)


async def test_nothing_is_taken_twice(hoaban: ImportingSchool, books: Books) -> None:
    run_id, _ = await hoaban.preview(books.register)
    before = await hoaban.apply(run_id, books.register)
    assert await hoaban.apply(run_id, books.register) == before, "a second click finds it done"
    async with hoaban.session() as session:
        run = await service.get_run(session, run_id)
        deeds = [one.action for one in await audit.history(session, [run_id])]
    assert (run.state, run.preview) == (ImportState.APPLIED, before)
    assert deeds == [Action.IMPORT_APPLIED, Action.IMPORT_PREVIEWED]


async def test_two_who_press_the_button_at_once(hoaban: ImportingSchool, books: Books) -> None:
    run_id, found = await hoaban.preview(books.register)
    answers = await asyncio.gather(*(hoaban.apply(run_id, books.register) for _ in range(3)))
    pupils = answers[0].pupils
    assert answers == [msgspec.structs.replace(found, pupils=pupils)] * 3
    assert (await rows(hoaban))[0] == found.new == len(pupils)
    async with hoaban.session() as session:
        deeds = [one.action for one in await audit.history(session, [run_id])]
    assert deeds == [Action.IMPORT_APPLIED, Action.IMPORT_PREVIEWED]


def expected_primary(truth: Truth, code: str) -> Mapping[tuple[str, int], Mapping[Cell, str]]:
    year = truth.primary_years[code]
    found: dict[tuple[str, int], dict[Cell, str]] = {}
    for subject, level in year.levels.items():
        sheet = found.setdefault((subject, 0), {})
        sheet |= {Cell(MarkKind.LEVEL): level, Cell(MarkKind.COMMENT): year.comments[subject]}
        if subject in year.tests:
            sheet[Cell(MarkKind.TEST, "1")] = str(year.tests[subject])
    found[HOMEROOM, 0] = {Cell(MarkKind.TRAIT, trait): level for trait, level in year.traits.items()} | {
        Cell(MarkKind.TRAIT_COMMENT, "quality"): year.qualities_comment,
        Cell(MarkKind.TRAIT_COMMENT, "general"): year.general_comment,
        Cell(MarkKind.TRAIT_COMMENT, "specific"): year.specific_comment,
        Cell(MarkKind.ABSENCE, "excused"): str(year.absences_excused),
        Cell(MarkKind.ABSENCE, "unexcused"): str(year.absences_unexcused),
        Cell(MarkKind.MEASURE, "height"): year.height,
        Cell(MarkKind.MEASURE, "weight"): year.weight,
        Cell(MarkKind.HEALTH): year.health,
        Cell(MarkKind.HOMEROOM_COMMENT): year.homeroom_comment,
    }
    return found


async def test_primary_results_and_comments_arrive_whole(hoaban: ImportingSchool, books: Books) -> None:
    await hoaban.take(books.register)
    for book in (books.results, books.comments):
        *_, marks = await rows(hoaban)
        run_id, found = await hoaban.preview(book)
        assert (await rows(hoaban))[2] == marks, "a preview writes nothing"
        assert found.new > 50
        assert (found.changed, found.moved, found.bad) == (0, 0, 0)
        await hoaban.apply(run_id, book)
        assert (await rows(hoaban))[2] == marks + found.new
        _, again = await hoaban.preview(book)
        assert counts(again) == (0, 0, found.new, 0, 0)
    stored = await cells(hoaban, "1A")
    assert stored == {
        one.student_code: expected_primary(books.truth, one.student_code)
        for one in books.truth.primary_pupils["1A"]
    }


async def test_secondary_marks_and_homeroom_arrive_whole(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register, books.marks, books.homeroom)
    stored = await cells(songtrang, "6A1")
    for pupil in books.truth.secondary_pupils["6A1"]:
        year, found = books.truth.secondary_years[pupil.student_code], stored[pupil.student_code]
        for (subject, term), truth in year.terms.items():
            if term == 1:
                sheet = found[subject, 1]
                regular = [sheet[Cell(MarkKind.REGULAR, str(n))] for n in range(1, len(truth.regular) + 1)]
                assert tuple(regular) == truth.regular
                assert sheet[Cell(MarkKind.MIDTERM)] == truth.midterm
                assert sheet[Cell(MarkKind.FINAL)] == truth.final
                assert sheet[Cell(MarkKind.COMMENT)] == truth.comment
        own = found[HOMEROOM, 0]
        assert own[Cell(MarkKind.CONDUCT, "1")] == year.conduct_term1
        assert own[Cell(MarkKind.CONDUCT, "2")] == year.conduct_term2
        assert own.get(Cell(MarkKind.CONDUCT, "summer")) == year.conduct_after_summer
        assert own[Cell(MarkKind.ABSENCE, "excused")] == str(year.absences_excused)
    for book in (books.marks, books.homeroom):
        _, again = await songtrang.preview(book)
        assert (again.new, again.changed, again.bad) == (0, 0, 0)
        assert again.unchanged >= 20


async def test_one_changed_cell_is_one_change(songtrang: ImportingSchool, books: Books) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    edited = books.marks.edited("Toán", J7=9.9)
    run_id, found = await songtrang.preview(edited)
    assert (found.new, found.changed, found.bad) == (0, 1, 0)
    await songtrang.apply(run_id, edited)
    _, again = await songtrang.preview(edited)
    assert (again.new, again.changed) == (0, 0)


async def test_a_preview_names_pupil_place_old_and_new(songtrang: ImportingSchool, books: Books) -> None:
    _, register = await songtrang.preview(books.secondary_register)
    name = books.truth.secondary_pupils["6A1"][0].full_name
    new = Difference(pupil=name, place="Học sinh mới", old="", new="lớp 6A1", kind=DifferenceKind.NEW)
    assert new in register.differences
    await songtrang.take(books.secondary_register)
    _, first = await songtrang.preview(books.marks)
    assert len(first.differences) == DIFFERENCES_SHOWN < first.new == first.differing
    await songtrang.take(books.marks)
    async with songtrang.session() as session:
        await gradebook.record_marks(session, songtrang.importer, [await mark_of(songtrang, name, "3.5")])
    _, found = await songtrang.preview(books.marks)
    truth = books.truth.secondary_years[books.truth.secondary_pupils["6A1"][0].student_code]
    assert found.differences == (
        Difference(
            pupil=name,
            place="Lớp 6A1, Toán học kì I, cột ĐĐGgk",
            old="3.5",
            new=truth.terms["TOAN", 1].midterm or "",
        ),
    )
    _, same = await songtrang.preview(books.secondary_register)
    assert same.differences == ()
    changed = books.secondary_register.edited("Sheet1", D7="Cần Thơ")
    _, edited = await songtrang.preview(changed)
    assert edited.differing == 1
    assert [(one.place, one.new) for one in edited.differences] == [("Quê quán", "Cần Thơ")]


async def test_an_older_preview_does_not_overwrite_newer_marks(
    songtrang: ImportingSchool, books: Books
) -> None:
    await songtrang.take(books.secondary_register, books.marks)
    older, newer = books.marks.edited("Toán", J7=1.5), books.marks.edited("Toán", J7=9.5)
    first, _ = await songtrang.preview(older)
    second, _ = await songtrang.preview(newer)
    await songtrang.apply(second, newer)
    before = await cells(songtrang, "6A1")
    with pytest.raises(Conflict, match=r"đã thay đổi sau lúc xem trước tệp .* xin tải tệp lên lại"):
        await songtrang.apply(first, older)
    assert await cells(songtrang, "6A1") == before
    await songtrang.take(older)


async def test_an_older_preview_of_a_register_does_not_overwrite_newer_names(
    hoaban: ImportingSchool, books: Books
) -> None:
    await hoaban.take(books.register)
    older = books.register.edited("Sheet1", D6="Nguyễn Văn Cũ")
    newer = books.register.edited("Sheet1", D6="Nguyễn Văn Mới")
    first, _ = await hoaban.preview(older)
    second, _ = await hoaban.preview(newer)
    await hoaban.apply(second, newer)
    with pytest.raises(Conflict, match="đã thay đổi sau lúc xem trước"):
        await hoaban.apply(first, older)
    async with hoaban.session() as session:
        names = {one.full_name for one in await roster.list_students(session, hoaban.classes["1A"])}
    assert "Nguyễn Văn Mới" in names
    assert "Nguyễn Văn Cũ" not in names


async def test_a_cell_typed_since_the_preview_stops_the_import(
    songtrang: ImportingSchool, books: Books
) -> None:
    """Even while it is being typed: whoever takes the import waits for the cell, and then sees it."""
    await songtrang.take(books.secondary_register, books.marks)
    edited = books.marks.edited("Toán", J7=1.5)
    run_id, _ = await songtrang.preview(edited)
    name = books.truth.secondary_pupils["6A1"][0].full_name
    new = await mark_of(songtrang, name, "9.5")
    async with songtrang.session() as session:
        await gradebook.record_marks(session, songtrang.importer, [new])
        applying = asyncio.create_task(songtrang.apply(run_id, edited))
        done, _ = await asyncio.wait([applying], timeout=0.3)
        assert not done, "the import did not wait for the other writer"
    with pytest.raises(Conflict, match="đã thay đổi sau lúc xem trước"):
        await applying


async def test_a_pupil_in_another_class_than_before_is_moved(hoaban: ImportingSchool, books: Books) -> None:
    await hoaban.take(books.register)
    total, places, _ = await rows(hoaban)
    edited = books.register.edited("Sheet1", B6="2A", Z6=None, D7="Nguyễn Thùy Hương Mới")
    run_id, found = await hoaban.preview(edited)
    assert counts(found) == (0, 1, total - 2, 1, 0)
    await hoaban.apply(run_id, edited)
    assert await rows(hoaban) == (total, places + 1, 0)
    async with hoaban.session() as session:
        places_now = await roster.places_by_code(session)
    assert places_now[books.truth.primary_pupils["1A"][0].student_code].class_name == "2A"


async def test_pupils_marked_as_gone_are_taken_out_of_their_class(
    hoaban: ImportingSchool, books: Books
) -> None:
    await hoaban.take(books.register)
    first, second, *others = books.truth.primary_pupils["1A"]
    edited = books.register.edited("Sheet1", G6="Chuyển đi kỳ 1", G7="Thôi học")
    run_id, found = await hoaban.preview(edited)
    said = {one.new for one in found.differences}
    assert said == {"không còn học (Chuyển đi)", "không còn học (Thôi học)"}
    assert (found.new, found.changed, found.moved, found.bad) == (0, 0, 2, 0)
    await hoaban.apply(run_id, edited)
    async with hoaban.session() as session:
        left = await roster.list_students(session, hoaban.classes["1A"])
    assert {one.student_code for one in left} == {one.student_code for one in others}
    assert first.student_code != second.student_code
