"""Explanations: the arithmetic of every result, what is missing with its sheet, and who may see how much."""

import uuid

import msgspec
import pytest
from litestar import Litestar

from backend.core.database import TenantSession
from backend.core.errors import Forbidden, NotFound
from backend.core.ids import new_id
from backend.records.assessment import service
from backend.records.assessment.explaining import explanation, missing_in_sheets
from backend.records.assessment.rules import assess
from backend.records.assessment.schemas import PupilResult, PupilYear, ResultState
from backend.records.gradebook.schemas import SheetId, SheetState, SheetSummary
from backend.records.regulations.schemas import Policy
from backend.records.roster.schemas import HOMEROOM, ClassId, StudentId
from tests.factories.small_school import SmallSchool, sheet_of
from tests.records.assessment.pupils import Json, averages, primary, scored, secondary
from tests.records.assessment.test_service import NAMES, locked_class


def explained(pupil_year: Json, policy: Policy | None = None) -> PupilResult:
    asked = msgspec.convert(pupil_year, PupilYear)
    held = policy or Policy()
    return PupilResult(
        id=new_id(),
        student_id=StudentId(new_id()),
        student_code="99",
        full_name="Lò Thị An",
        state=ResultState.COMPUTED,
        result=assess(asked, held),
        asked=asked,
        rule_set="TT22/2021-1",
        policy=held,
        settled=False,
    )


async def result_of(session: TenantSession, class_id: ClassId, name: str) -> uuid.UUID:
    return next(one.id for one in await service.class_results(session, class_id) if one.full_name == name)


def test_every_average_shows_its_arithmetic() -> None:
    pupil = secondary(averages("8 8 8 8 8 8 6.5 6.5".split()))
    pupil["subjects"][0] |= {
        "lessons_per_year": 35,
        "topic": "10",
        "term1": {"regular": ["8", "9,0"], "midterm": "7", "final": "7.5"},
    }
    toan = explanation(explained(pupil), {}, None).subjects[0]
    assert toan.by_term1 == "(8 + 9 + 10 + 2 × 7 + 3 × 7,5) : 8 = 7,9"
    assert toan.by_term2 == "kết quả đã ghi ở học bạ trường cũ"
    assert toan.by_year == "(7,9 + 2 × 8,0) : 3 = 8,0"
    by_policy = explanation(explained(pupil, Policy(topic_terms=(2,))), {}, None).subjects[0]
    assert by_policy.by_term1 == "(8 + 9 + 2 × 7 + 3 × 7,5) : 7 = 7,6"


def test_a_comment_subject_and_one_that_is_exempt() -> None:
    pupil = secondary(averages(["8"] * 8))
    pupil["subjects"][-1] |= {"term1": {"regular": ["Đ", "CĐ"], "midterm": "Đ", "final": "Đ"}}
    pupil["subjects"][0]["exempt"] = True
    found = explanation(explained(pupil), {}, None).subjects
    assert (found[-1].by_term1, found[-1].by_year) == ("Đ, CĐ, Đ, Đ: Chưa đạt", "lấy kết quả học kì II")
    assert (found[0].note, found[0].year, found[0].by_year) == ("được miễn", "—", "")


def test_a_primary_subject_says_why_it_does_not_count() -> None:
    pupil = primary(grade=3, tests={"TOAN": ["4", "6"]})
    by_code = {one["code"]: one for one in pupil["subjects"]}
    by_code["GDTC"]["exempt"] = True
    by_code["TOAN"]["counts"] = False
    pupil["subjects"].append({"code": "TDTTS", "level": "H"})
    by_policy = Policy(optional_subjects_count=False)
    notes = {one.code: one.note for one in explanation(explained(pupil, by_policy), {}, None).subjects}
    assert {code: note for code, note in notes.items() if note} == {
        "GDTC": "được miễn",
        "TOAN": "không tính vào kết quả giáo dục; kiểm tra 2 lần, lấy lần cuối (TT27 Đ.7.1.b)",
        "TDTTS": "không tính vào kết quả giáo dục",
    }
    second = secondary([*averages(["8"] * 8), scored("NN2", "7")])
    found = explanation(explained(second, by_policy), {}, None).subjects
    assert {one.code: one.note for one in found if one.note} == {"NN2": "không tính vào kết quả học tập"}


def test_a_choice_of_electives_is_missing_in_no_sheet() -> None:
    pupil = explained(secondary([], grade=10), Policy(complete_curriculum=True))
    homeroom = SheetSummary(
        id=SheetId(new_id()),
        class_id=ClassId(new_id()),
        class_name="10A",
        subject_code=HOMEROOM,
        subject_name="Sổ chủ nhiệm",
        term=0,
        state=SheetState.LOCKED,
        teacher_id=None,
        filled=None,
    )
    sheets = {(HOMEROOM, 0): homeroom}
    [choice] = [one for one in explanation(pupil, sheets, None).missing if one.is_choice]
    assert (choice.words, choice.sheet_id) == ("Đúng 4 môn lựa chọn của học sinh", None)
    listed = {one.sheet: (one.sheet_id, one.is_choice) for one in missing_in_sheets([pupil, pupil], sheets)}
    assert listed["Đúng 4 môn lựa chọn của học sinh"] == (None, True)
    assert listed["Kết quả các môn học"] == (None, False)
    assert explanation(pupil, sheets, [HOMEROOM]).missing == ()


def test_every_reason_stands_under_a_heading_and_no_part_is_empty() -> None:
    for pupil in (secondary(averages("7 7 7 7 7 7 7 3.4".split())), primary(tests={"CN": ["6"]})):
        result = explained(pupil)
        shown = {one for part in explanation(result, {}, None).parts for one in part.reasons}
        left = {one.rule for one in result.result.reasons if one not in shown}
        assert left <= {"TT22 Đ.9.1.a", "TT22 Đ.9.1.b"}, "these are the table of subjects"


async def test_who_sees_how_much(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session, complete=False)
        await service.assess_class(session, class_id)
        chi = await result_of(session, class_id, NAMES[2])
        for who in ("principal", "homeroom", "clerk"):
            actor = await small_school.actor(session, who)
            _, found = await service.explain(session, actor, chi)
            assert not found.only
            [missing] = found.missing
            assert missing.words == "Toán: điểm bài kiểm tra cuối năm"
            assert missing.sheet_id == (await sheet_of(session, class_id, "TOAN")).id
        music = await small_school.actor(session, "music")
        _, own = await service.explain(session, music, chi)
        assert ([one.code for one in own.subjects], own.parts, own.missing) == (["AN"], (), ())
        assert (await service.open_results(session, music, class_id)).only == ("AN",)
        view = await service.open_results(session, await small_school.actor(session, "homeroom"), class_id)
        assert [(one.sheet, one.pupils) for one in view.missing] == [("Toán", (NAMES[2],))]
        stranger = await small_school.actor(session, "stranger")
        with pytest.raises(Forbidden):
            await service.open_results(session, stranger, class_id)
        with pytest.raises(Forbidden):
            await service.explain(session, stranger, chi)
        with pytest.raises(NotFound):
            await service.explain(session, await small_school.actor(session, "principal"), new_id())


async def test_the_pages_name_what_is_missing_and_hide_what_is_not_theirs(
    site: Litestar, small_school: SmallSchool
) -> None:
    async with small_school.session() as session:
        class_id = await locked_class(small_school, session, complete=False)
        await service.assess_class(session, class_id)
        chi = await result_of(session, class_id, NAMES[2])
        toan = (await sheet_of(session, class_id, "TOAN")).id
    homeroom = await small_school.browser(site, "homeroom")
    listed = await homeroom.get(f"/lop/{class_id}/ket-qua")
    assert f'href="/so-diem/{toan}"' in listed.text
    shown = await homeroom.get(f"/ket-qua/{chi}")
    assert "Toán: điểm bài kiểm tra cuối năm" in shown.text
    assert "(TT27 Đ.9.2.a)" in shown.text
    music = await small_school.browser(site, "music")
    own = await music.get(f"/lop/{class_id}/ket-qua")
    assert "Âm nhạc" in own.text
    assert "Được lên lớp" not in own.text
    assert "Toán" not in (await music.get(f"/ket-qua/{chi}")).text
