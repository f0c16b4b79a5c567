"""Freezing on the real database: what goes in, who is left out, and that nothing frozen moves again."""

import asyncio
import hashlib
from datetime import date
from typing import Any

import pytest
from sqlalchemy import text

from backend.core import audit
from backend.core.audit import Action
from backend.core.errors import Conflict, NotFound
from backend.core.ids import new_id
from backend.records.assessment.schemas import Promotion
from backend.records.gradebook.schemas import Cell, MarkKind, SheetSummary
from backend.records.roster import service as roster
from backend.records.transcripts import canonical, flow, service
from backend.records.transcripts.printed import printed
from backend.records.transcripts.schemas import (
    Forms,
    PrimaryResults,
    SecondaryResults,
    SignerRole,
    VersionId,
    VersionState,
    VersionSummary,
    YearLevel,
)
from tests.factories.small_school import SmallSchool, open_small_school, pupil
from tests.records.transcripts.conftest import NAMES, Season, confirmed_class

AN, BINH, CHI = NAMES


async def stored(season: Season) -> dict[str, Any]:
    """pupil's name → (version, frozen text, digest, state), read past the services."""
    query = text(
        "select s.full_name, v.id, v.snapshot, v.content_sha256, v.state, v.number, v.frozen_at "
        "from transcript_version v join student s on s.tenant_id = v.tenant_id and s.id = v.student_id "
        "where v.class_id = :class_id"
    )
    async with season.school.session(read_only=True) as session:
        rows = await session.execute(query, {"class_id": season.class_id})
        return {row.full_name: tuple(row[1:]) for row in rows}


def names(versions: list[VersionSummary]) -> list[str]:
    return [one.full_name for one in versions]


async def test_what_is_frozen_is_canonical_and_says_what_the_sheets_say(season: Season) -> None:
    versions = await season.freeze()
    assert names(versions) == [AN, BINH, CHI]
    assert {one.state for one in versions} == {VersionState.FROZEN}
    assert len({one.lookup_code for one in versions}) == 3
    found = await stored(season)
    for version in versions:
        _, content, digest, *_ = found[version.full_name]
        snapshot = canonical.read_snapshot(content.encode())
        assert hashlib.sha256(content.encode()).hexdigest() == digest == version.content_sha256
        assert snapshot.student.full_name == version.full_name
        assert snapshot.verify_url.endswith(f"/tra-cuu/{version.lookup_code}")
        assert (snapshot.year.class_name, snapshot.year.academic_year) == ("1A", "2025-2026")
    async with season.school.session() as session:
        snapshot = await service.get_snapshot(session, versions[0].id)
    results = snapshot.year.results
    assert isinstance(results, PrimaryResults)
    toan = next(one for one in results.subjects if one.code == "TOAN")
    assert (toan.name, toan.level, toan.test_mark) == ("Toán", "T", "9")
    assert toan.comment == "Nắm vững kiến thức, tích cực phát biểu."
    assert [one.code for one in results.subjects] == ["TV", "TOAN", "DD", "TNXH", "GDTC", "AN", "MT", "HDTN"]
    assert (results.year_level, results.award) == (YearLevel.EXCELLENT, "Học sinh Xuất sắc")
    assert results.completion == "Hoàn thành chương trình lớp 1; được lên lớp 2"
    assert (snapshot.year.absences_excused, snapshot.year.homeroom_comment) == (1, "Chăm ngoan, lễ phép.")
    assert [(one.role, one.name) for one in snapshot.signers] == [
        (SignerRole.HOMEROOM_TEACHER, "Đinh Thị Hoài Thu"),
        (SignerRole.PRINCIPAL, "Nghiêm Thế Khải"),
        (SignerRole.SCHOOL_SEAL, season.school.name),
    ]


def measured(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    """An was measured, Bình was not."""
    if not code.endswith("1"):
        return None
    body = {Cell(MarkKind.MEASURE, "height"): "121,5", Cell(MarkKind.MEASURE, "weight"): "22"}
    return (body | {Cell(MarkKind.HEALTH): "Bình thường"}).get(cell)


async def test_height_weight_and_health_are_frozen_and_printed(small_school: SmallSchool) -> None:
    """TT27, Phụ lục 1: at the head of the year's page; dots where nobody was measured."""
    async with small_school.session() as session:
        season = await confirmed_class(small_school, session, names=[AN, BINH], otherwise=measured)
    an, binh = await season.freeze()
    async with small_school.session() as session:
        years = [(await service.get_snapshot(session, one.id)).year for one in (an, binh)]
        views: list[Any] = [
            printed(await service.get_snapshot(session, one.id))["year"] for one in (an, binh)
        ]
    assert [(one.height_cm, one.weight_kg, one.health) for one in years] == [
        ("121.5", "22", "Bình thường"),
        (None, None, None),
    ]
    assert [[one[name] for name in ("height", "weight", "health")] for one in views] == [
        ["121,5 cm", "22 kg", "Bình thường"],
        ["", "", ""],
    ]


#: What somebody has in the homeroom sheet that most have not.
_SAID = {
    MarkKind.AWARD: "Giấy khen đột xuất của Hiệu trưởng",
    MarkKind.CERTIFICATE: "IELTS 7.0 (12/2025); Nghề phổ thông, loại Giỏi",
    MarkKind.COMPETITION: "Giải Nhì học sinh giỏi cấp tỉnh, môn Tin học",
    MarkKind.PRINCIPAL_COMMENT: "Đồng ý với nhận xét của giáo viên chủ nhiệm.",
}


def and_more(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    """An has awards and certificates; Bình missed a test without a reason, Chi was excused from one."""
    if code.endswith("1"):
        return _SAID.get(cell.kind)
    is_test = (sheet.subject_code, sheet.term, cell.kind) == ("TOAN", 1, MarkKind.MIDTERM)
    return {"2": "k", "3": "v"}[code[-1]] if is_test else None


async def test_a_secondary_year(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(small_school, session, "12A", 12, otherwise=and_more)
    versions = await season.freeze()
    assert names(versions) == [AN, BINH], "results of Chi wait for a make-up"
    async with small_school.session() as session:
        year = (await service.get_snapshot(session, versions[0].id)).year
        missed = (await service.get_snapshot(session, versions[1].id)).year.results
    results = year.results
    assert isinstance(results, SecondaryResults)
    assert isinstance(missed, SecondaryResults)
    assert results.award == "Học sinh Giỏi; Giấy khen đột xuất của Hiệu trưởng"
    assert results.certificates == ("IELTS 7.0 (12/2025)", "Nghề phổ thông, loại Giỏi")
    assert results.competitions == ("Giải Nhì học sinh giỏi cấp tỉnh, môn Tin học",)
    assert year.principal_comment == "Đồng ý với nhận xét của giáo viên chủ nhiệm."
    # (4 × 8.5 + 2 × 0 + 3 × 8.5) / 9
    assert next(one.term1 for one in missed.subjects if one.code == "TOAN") == "6.6"
    toan = next(one for one in results.subjects if one.code == "TOAN")
    assert (toan.term1, toan.term2, toan.year, toan.teacher_name) == (
        "8.5",
        "8.5",
        "8.5",
        "Đinh Thị Hoài Thu",
    )
    assert results.completion == "Hoàn thành chương trình trung học phổ thông"
    assert (results.promotion.value, results.programme_completed) == (Promotion.PROMOTED.value, True)


async def test_freezing_again_finds_the_same_versions(season: Season) -> None:
    versions = await season.freeze()
    before = await stored(season)
    async with season.school.session() as session:
        report = await service.freeze_class(session, season.principal, season.class_id)
    assert (report.frozen, report.known, report.left_out) == (0, 3, ())
    assert await stored(season) == before
    async with season.school.session() as session:
        assert await service.list_versions(session, season.class_id) == versions
        deeds = await audit.history(session, [one.id for one in versions])
    assert [deed.action for deed in deeds] == [Action.TRANSCRIPT_FROZEN] * 3
    assert {deed.actor_id for deed in deeds} == {season.principal.staff_id}


async def test_who_freezes_while_another_freezes_waits_and_finds_it_done(season: Season) -> None:
    async with season.school.session() as session:
        first = await service.freeze_class(session, season.principal, season.class_id)
        second = asyncio.create_task(season.freeze())
        done, _ = await asyncio.wait([second], timeout=0.2)
        assert not done, "both froze at once"
    assert first.frozen == 3
    assert names(await asyncio.wait_for(second, 20)) == [AN, BINH, CHI]


async def test_what_is_corrected_later_does_not_reach_what_is_frozen(season: Season) -> None:
    await season.freeze()
    before = await stored(season)
    async with season.school.session() as session:
        await roster.take_register(session, [pupil(1, "Lò Thị Anh", "1A")])
        await session.execute(text("update mark set value = 'C' where kind = 'level'"))
    assert {value[2] for value in (await stored(season)).values()} == {value[2] for value in before.values()}
    assert (await stored(season))["Lò Thị Anh"] == before[AN]


def chi_has_no_test(sheet: SheetSummary, code: str, cell: Cell) -> str | None:
    return "" if (code, sheet.subject_code, cell.kind) == ("9900000003", "TV", MarkKind.TEST) else None


async def test_who_is_not_confirmed_is_left_out_and_named(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(small_school, session, otherwise=chi_has_no_test)
        report = await service.freeze_class(session, season.principal, season.class_id)
    assert report.frozen == 2
    assert report.left_out == ((CHI, f"Kết quả năm học của {CHI} chưa được giáo viên chủ nhiệm xác nhận."),)
    assert set(await stored(season)) == {AN, BINH}


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("full_name", "Cầm Văn 😀", "“Họ và tên” của Cầm Văn 😀 có ký tự không in được “😀”"),
        ("hometown", "Sơn La\x1b[2J", "“Quê quán” của Cầm Văn Bình có ký tự không in được U+001B"),
        ("personal_id", "12345", "Nội dung học bạ của Cầm Văn Bình không hợp lệ"),
    ],
)
async def test_what_cannot_be_printed_is_left_out_and_named(
    season: Season, column: str, value: str, words: str
) -> None:
    async with season.school.session() as session:
        change = text(f"update student set {column} = :value where full_name = :name")
        await session.execute(change, {"value": value, "name": BINH})
        report = await service.freeze_class(session, season.principal, season.class_id)
    assert report.frozen == 2
    [(_, sentence)] = report.left_out
    assert words in sentence
    before = await stored(season)
    assert len(before) == 2
    async with season.school.session() as session:
        await roster.take_register(session, [pupil(2, BINH, "1A")])
        report = await service.freeze_class(session, season.principal, season.class_id)
    assert (report.frozen, report.known, report.left_out) == (1, 2, ())
    after = await stored(season)
    assert set(after) == {AN, BINH, CHI}
    assert {name: after[name] for name in before} == before


async def test_a_subject_assigned_after_the_results_leaves_its_class_out(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(small_school, session, "6A", 6, names=[AN])
        await roster.assign_teachers(session, season.class_id, {"NN2": None})
        report = await service.freeze_class(session, season.principal, season.class_id)
    assert report.frozen == 0
    assert report.left_out[0][1].startswith(f"Kết quả của {AN} chưa có môn Ngoại ngữ 2 vừa được phân công")


async def test_a_pupil_is_frozen_once_a_year_even_after_moving(season: Season) -> None:
    await season.freeze()
    async with season.school.session() as session:
        other = await confirmed_class(season.school, session, "1B", 1, names=[CHI, "Vì Thị Dung"], first=3)
        report = await service.freeze_class(session, season.principal, other.class_id)
    assert (report.frozen, report.known, report.left_out) == (1, 1, ())
    assert set(await stored(season)) == set(NAMES), "frozen in 1A, and still there"
    assert set(await stored(other)) == {"Vì Thị Dung"}


async def test_a_class_keeps_its_own_year_when_a_newer_one_is_open(season: Season) -> None:
    async with season.school.session() as session:
        await roster.open_year(session, "2026-2027", date(2026, 9, 5), date(2027, 5, 31))
    versions = await season.freeze()
    assert {one.academic_year for one in versions} == {"2025-2026"}


async def test_without_a_homeroom_teacher_or_principal(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(small_school, session)
        await session.execute(text("update school_class set homeroom_teacher_id = null"))
        with pytest.raises(Conflict, match="Lớp 1A chưa có giáo viên chủ nhiệm"):
            await service.freeze_class(session, season.principal, season.class_id)
        await session.execute(
            text("update school_class set homeroom_teacher_id = :h"), {"h": season.homeroom.staff_id}
        )
        await session.execute(text("delete from staff_role where role = 'principal'"))
        with pytest.raises(Conflict, match="chưa có hiệu trưởng"):
            await service.freeze_class(session, season.principal, season.class_id)


async def test_strangers_see_nothing_and_change_nothing(season: Season) -> None:
    versions = await season.freeze()
    before = await stored(season)
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        principal = await other.actor(session, "principal")
        for class_id in (season.class_id, new_id()):
            with pytest.raises(NotFound):
                await service.freeze_class(session, principal, class_id)
            assert await service.list_versions(session, class_id) == []
        for version_id in (versions[0].id, new_id()):
            for ask in (service.get_version, service.get_snapshot):
                with pytest.raises(NotFound, match="Không tìm thấy học bạ này"):
                    await ask(session, version_id)
            for ask_many in (flow.due_for_rendering, flow.ask_for_signatures, flow.issue):
                with pytest.raises(NotFound, match="Không tìm thấy học bạ này"):
                    await ask_many(session, [version_id])
            forms = Forms(version_id=VersionId(version_id), pdf=b"%PDF-1.7", xml=b"<hocba/>")
            with pytest.raises(NotFound):
                await flow.record_renderings(session, [forms])
            for kind in ("pdf", "xml"):
                with pytest.raises(NotFound):
                    await service.digest_of_file(session, version_id, kind)
        assert await service.versions_of_transcript(session, versions[0].transcript_id) == []
        assert await service.counts(session) == {}
    assert await stored(season) == before
