"""Before the issue something is wrong: the version is void, its pupil alone is corrected, the next version says how."""

import asyncio

import asyncpg
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import audit, clock, storage
from backend.core.actor import Actor
from backend.core.audit import Action
from backend.core.errors import Conflict, Forbidden, Invalid
from backend.records.assessment import service as assessment
from backend.records.gradebook import editing
from backend.records.gradebook import life as sheet_life
from backend.records.gradebook import service as gradebook
from backend.records.gradebook.schemas import Cell, Deed, MarkKind, NewMark, SheetState
from backend.records.transcripts import flow, forms, life, package, service
from backend.records.transcripts.schemas import Correction, VersionState, VersionSummary
from backend.remote_signing.requests import service as signing
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from infra.embedded.stack import EmbeddedStack
from tests.factories.small_school import SmallSchool, sheet_of, student_ids
from tests.records.transcripts.conftest import NAMES, Season, confirmed_class
from tests.records.transcripts.pdf_reading import page_texts, squeezed

AN, BINH, CHI = NAMES
TEST, LEVEL = Cell(MarkKind.TEST, "1"), Cell(MarkKind.LEVEL)
REASON = "Nhập nhầm điểm Toán của An"


async def withdraw(
    season: Season, version: VersionSummary, reason: str = REASON, actor: Actor | None = None
) -> None:
    async with season.school.session() as session:
        await life.withdraw(session, actor or season.principal, version.id, reason)


async def correct(season: Season, pupil: str, cell: Cell, value: str) -> None:
    """The principal opens the sheet of Toán, its teacher writes and locks it again."""
    async with season.school.session() as session:
        sheet = await sheet_of(session, season.class_id, "TOAN")
        await sheet_life.reopen(session, season.principal, sheet.id, REASON, "24")
        pupils = await student_ids(session, season.class_id)
        mark = NewMark(sheet_id=sheet.id, student_id=pupils[pupil], cell=cell, value=value)
        await editing.set_mark(session, season.homeroom, mark, revision=1)
        await sheet_life.lock_again(session, season.homeroom, sheet.id)


async def confirm(season: Season) -> None:
    async with season.school.session() as session:
        await assessment.assess_class(session, season.class_id)
        await assessment.confirm_class(session, season.homeroom, season.class_id)


async def corrections(season: Season, version: VersionSummary) -> list[Correction]:
    async with season.school.session(read_only=True) as session:
        return await service.corrections_of(session, version.id)


async def test_a_wrong_mark_is_corrected_for_one_pupil_and_the_next_version_says_so(season: Season) -> None:
    an, binh, chi = await season.freeze()
    await season.render(an)
    await season.ask_for_signatures(an)
    await withdraw(season, an)
    with pytest.raises(Conflict, match="Cầm Văn Bình, lớp 1A, Toán: học bạ của học sinh này đã chốt"):
        await correct(season, BINH, TEST, "7")
    await correct(season, AN, TEST, "7")
    await confirm(season)
    versions = await season.freeze()
    assert [(one.full_name, one.number, one.state) for one in versions] == [
        (AN, 2, VersionState.FROZEN),
        (AN, 1, VersionState.CANCELLED),
        (BINH, 1, VersionState.FROZEN),
        (CHI, 1, VersionState.FROZEN),
    ]
    second, first, *others = versions
    assert (first.id, first.content_sha256, first.withdrawn_reason) == (an.id, an.content_sha256, REASON)
    assert others == [binh, chi], "nobody else's version is touched"
    assert second.lookup_code == first.lookup_code
    found = await corrections(season, second)
    assert [(one.what, one.old, one.new, one.subject) for one in found] == [
        ("Toán: điểm kiểm tra", "9", "7", "Toán"),
        ("Đánh giá cuối năm", "Hoàn thành xuất sắc", "Hoàn thành tốt", None),
        ("Khen thưởng", "Học sinh Xuất sắc", "", None),
    ]
    assert {(one.by, one.why) for one in found} == {("Nghiêm Thế Khải", REASON)}
    async with season.school.session(read_only=True) as session:
        snapshot = await service.get_snapshot(session, second.id)
        sheets = {sheet.state for sheet in await gradebook.list_sheets(session, season.class_id)}
    assert (snapshot.version, snapshot.correction_count, snapshot.corrected_subjects) == (2, 3, ("Toán",))
    assert snapshot.corrections == tuple(found), "the document carries its own note"
    pdf, xml = await season.render(second)
    page = squeezed("".join(page_texts(pdf)))
    for said in (
        "Ghi chú sửa chữa",
        "Nghiêm Thế Khải",
        REASON,
        "Toán: điểm kiểm tra97",
        f"{found[0].at.astimezone(clock.VIETNAM):%d/%m/%Y}",
    ):
        assert squeezed(said) in page
    assert f"<LY_DO>{REASON}</LY_DO>".encode() in xml
    assert package.check(pdf).differences == ()
    assert sheets == {SheetState.FINAL}


async def test_a_third_version_knows_all_that_was_corrected(season: Season) -> None:
    first, *_ = await season.freeze()
    await withdraw(season, first)
    async with season.school.session() as session:
        sheet = await sheet_of(session, season.class_id, "TOAN")
        await sheet_life.reopen(session, season.principal, sheet.id, REASON, "24")
        pupils = await student_ids(session, season.class_id)
        for cell, value in ((TEST, "8"), (LEVEL, "H")):
            mark = NewMark(sheet_id=sheet.id, student_id=pupils[AN], cell=cell, value=value)
            await editing.set_mark(session, season.homeroom, mark, revision=1)
        await sheet_life.lock_again(session, season.homeroom, sheet.id)
    await confirm(season)
    second, *_ = await season.freeze()
    await withdraw(season, second, "Tên của An viết sai một chữ")
    async with season.school.session() as session:
        await session.execute(
            text("update student set full_name = 'Lò Thị Ân' where full_name = :an"), {"an": AN}
        )
    third = next(one for one in await season.freeze() if one.number == 3)
    found = await corrections(season, third)
    assert [one.what for one in found if one.subject] == ["Toán: mức đạt được", "Toán: điểm kiểm tra"]
    assert (found[-1].what, found[-1].old, found[-1].new) == ("Họ và tên", AN, "Lò Thị Ân")
    assert found[-1].why == "Tên của An viết sai một chữ"
    async with season.school.session(read_only=True) as session:
        snapshot = await service.get_snapshot(session, third.id)
    assert (snapshot.correction_count, snapshot.corrected_subjects) == (len(found), ("Toán",))
    assert snapshot.corrections == tuple(found)


async def test_with_the_version_its_signing_ends_and_the_audit_says_why(season: Season) -> None:
    version, *_ = await season.freeze()
    await season.render(version)
    await season.ask_for_signatures(version)
    await withdraw(season, version)
    async with season.school.session() as session:
        assert {step.state for step in await signing.steps_of(session, version.id)} == {"cancelled"}
        assert await signing.tray(session, season.homeroom) == []
        assert await signing.open_steps_of(session, season.school.staff["homeroom"]) == {}
        deeds = await audit.history(session, [version.id])
        await flow.issue(session, [version.id])
        await flow.ask_for_signatures(session, [version.id])
        assert (await service.get_version(session, version.id)).state == VersionState.CANCELLED
        pdf = await service.digest_of_file(session, version.id, "pdf")
    assert [one.details["reason"] for one in deeds if one.action == Action.TRANSCRIPT_CANCELLED] == [REASON]
    assert Action.SIGNING_CANCELLED in {one.action for one in deeds}
    assert (await storage.get(season.school.tenant_id, pdf)).startswith(b"%PDF"), "it can still be read"


async def test_a_render_under_way_ends_quietly(season: Season) -> None:
    version, *_ = await season.freeze()
    async with season.school.session() as session:
        contents = await flow.due_for_rendering(session, [version.id])
    made = await forms.both(version.id, contents[version.id])
    await withdraw(season, version)
    async with season.school.session() as session:
        await flow.record_renderings(session, [made])
    async with season.school.session(read_only=True) as session:
        assert (await service.get_version(session, version.id)).state == VersionState.CANCELLED


async def test_whoever_signs_no_more_is_named_no_more(season: Season) -> None:
    """A homeroom teacher or head who was replaced after the freeze: the next version names who signs now."""
    first, *_ = await season.freeze()
    async with season.school.session() as session:
        new = await people.add_staff(
            session, season.principal, "Vi Thị Mới", "moi@example.vn", "GIÁO VIÊN", [Role.HOMEROOM_TEACHER]
        )
        await session.execute(
            text("update school_class set homeroom_teacher_id = :new where id = :here"),
            {"new": new, "here": season.class_id},
        )
    await withdraw(season, first, "Giáo viên chủ nhiệm cũ đã nghỉ việc")
    second = next(one for one in await season.freeze() if one.number == 2)
    found = await corrections(season, second)
    assert [(one.what, one.old, one.new) for one in found] == [
        (
            "Giáo viên chủ nhiệm ký",
            "Đinh Thị Hoài Thu (Giáo viên chủ nhiệm)",
            "Vi Thị Mới (Giáo viên chủ nhiệm)",
        )
    ]
    await season.render(second)
    await season.ask_for_signatures(second)
    async with season.school.session(read_only=True) as session:
        assert (await signing.steps_of(session, second.id))[0].signer_name == "Vi Thị Mới"


async def test_a_whole_class_is_withdrawn_and_what_is_issued_stays(season: Season) -> None:
    issued, *others = await season.freeze()
    async with season.school.session() as session:
        await session.execute(
            text("update transcript_version set state = 'issued', issued_at = now() where id = :id"),
            {"id": issued.id},
        )
    why = "Hiệu trưởng mới nhận nhiệm vụ từ 01/6"
    async with season.school.session() as session:
        with pytest.raises(Forbidden, match="Chỉ ban giám hiệu"):
            await life.withdraw_class(session, season.homeroom, season.class_id, why)
        assert await life.withdraw_class(session, season.principal, season.class_id, why) == 2
        with pytest.raises(Conflict, match="không có gì để rút lại"):
            await life.withdraw_class(session, season.principal, season.class_id, why)
    assert await state(season, issued) == VersionState.ISSUED
    assert {await state(season, one) for one in others} == {VersionState.CANCELLED}
    again = await season.freeze()
    assert sorted(one.number for one in again) == [1, 1, 1, 2, 2]


async def test_who_may_and_what_is_refused(season: Season) -> None:
    version, *_ = await season.freeze()
    with pytest.raises(Forbidden, match="chỉ ban giám hiệu rút lại được"):
        await withdraw(season, version, actor=season.homeroom)
    with pytest.raises(Invalid, match="xin ghi lý do"):
        await withdraw(season, version, "sai")
    await withdraw(season, version)
    with pytest.raises(Conflict, match="đã hủy từ trước nên không rút lại được"):
        await withdraw(season, version)


async def test_two_who_freeze_and_withdraw_at_once_do_it_one_after_the_other(season: Season) -> None:
    version, *_ = await season.freeze()
    async with season.school.session() as session:
        await service.freeze_class(session, season.principal, season.class_id)
        second = asyncio.create_task(withdraw(season, version))
        done, _ = await asyncio.wait([second], timeout=0.2)
        assert not done
    await asyncio.wait_for(second, 20)
    assert [one.number for one in await season.freeze()][:2] == [2, 1]


async def test_what_the_sheets_tell_of_it(season: Season) -> None:
    version, *_ = await season.freeze()
    await withdraw(season, version)
    async with season.school.session() as session:
        sheet = await sheet_of(session, season.class_id, "TOAN")
        view = await editing.get_sheet(session, season.homeroom, sheet.id)
        settled = await assessment.class_results(session, season.class_id)
    assert sheet.state is SheetState.LOCKED
    assert (view.steps[0].deed, view.steps[0].words) == (Deed.RELEASE, f"{AN}, học bạ phiên bản 1")
    assert {one.state for one in settled} == {"confirmed"}, "nothing is computed anew before a mark changes"


async def test_pages(small_school: SmallSchool, site: object) -> None:
    async with small_school.session() as session:
        season = await confirmed_class(small_school, session)
    an, *_ = await season.freeze()
    principal = await small_school.browser(site, "principal")  # type: ignore[arg-type]
    page = await principal.get(f"/hoc-ba/{an.id}")
    assert f'href="/hoc-ba/{an.id}/rut-lai"' in page.text
    await principal.get(f"/hoc-ba/{an.id}/rut-lai")
    whole = f"/lop/{season.class_id}/hoc-ba/rut-lai"
    assert "3 học bạ đã chốt mà chưa phát hành" in (await principal.get(whole)).text
    assert "xin ghi lý do" in (await principal.post(whole, {"ly_do": "sai"})).text
    answer = await principal.post(f"/hoc-ba/{an.id}/rut-lai", {"ly_do": "sai"})
    assert "xin ghi lý do" in answer.text
    answer = await principal.post(f"/hoc-ba/{an.id}/rut-lai", {"ly_do": REASON})
    assert answer.status_code == 303, answer.text
    await correct(season, AN, TEST, "7")
    await confirm(season)
    second = next(one for one in await season.freeze() if one.number == 2)
    page = await principal.get(f"/hoc-ba/{an.id}")
    assert "Phiên bản này không còn giá trị" in page.text
    assert REASON in page.text
    page = await principal.get(f"/hoc-ba/{second.id}")
    assert "<del>9</del>" in page.text
    page = await principal.get(f"/hoc-ba/{an.id}/so-sanh/{second.id}")
    assert "<ins>7</ins>" in page.text
    async with season.school.session(read_only=True) as session:
        binh = next(
            one for one in await service.list_versions(session, season.class_id) if one.full_name == BINH
        )
    assert (await principal.get(f"/hoc-ba/{an.id}/so-sanh/{binh.id}")).status_code == 404


async def test_a_recalled_version_is_replaced_once_the_next_is_issued(season: Season) -> None:
    first, *_ = await season.freeze()
    recalled = text(
        "update transcript_version set state = 'recall_requested', issued_at = now(), withdrawn_at = now(), "
        "withdrawn_by = :by, withdrawn_reason = :why where id = :id"
    )
    async with season.school.session() as session:
        await session.execute(
            recalled, {"id": first.id, "by": season.principal.staff_id, "why": "Sai điểm Toán của An"}
        )
        await flow.confirm_recall(session, [first.id])
        await flow.confirm_recall(session, [first.id])
        sheets = await gradebook.list_sheets(session, season.class_id)
    assert {sheet.state for sheet in sheets} == {SheetState.LOCKED}
    await correct(season, AN, TEST, "7")
    await confirm(season)
    second = next(one for one in await season.freeze() if one.number == 2)
    assert (await corrections(season, second))[0].why == "Sai điểm Toán của An"
    await season.render(second)
    await season.ask_for_signatures(second)
    assert await state(season, first) == VersionState.RECALLED, "until the next one is issued"
    await all_sign(season, second)
    async with season.school.session() as session:
        await flow.note_signed(session, [second.id])
        await flow.issue(session, [second.id])
    assert await state(season, first) == VersionState.REPLACED
    assert await state(season, second) == VersionState.ISSUED


async def state(season: Season, version: VersionSummary) -> str:
    async with season.school.session(read_only=True) as session:
        return (await service.get_version(session, version.id)).state


async def all_sign(season: Season, version: VersionSummary) -> None:
    """What the signing flow leaves behind; whose signatures these are is another test's."""
    done = text(
        "update signing_request set state = 'completed', completed_at = now() where subject_id = :subject"
    )
    async with season.school.session() as session:
        await session.execute(done, {"subject": version.id})


async def test_a_former_version_of_an_unknown_schema_leaves_its_pupil_out_alone(
    season: Season, embedded_stack: EmbeddedStack, site: Litestar
) -> None:
    an, binh, _ = await season.freeze()
    for version in (an, binh):
        await withdraw(season, version)
    await written_by_older_software(embedded_stack, an)
    await confirm(season)
    async with season.school.session() as session:
        report = await service.freeze_class(session, season.principal, season.class_id)
    assert report.frozen == 1
    [(name, reason)] = report.left_out
    assert (name, "theo lược đồ “hocba.snapshot/0”" in reason) == (AN, True)
    browser = await season.school.browser(site, "principal")
    answer = await browser.get(f"/hoc-ba/{an.id}")
    assert answer.status_code == 422
    assert "hocba.snapshot/0" in answer.text


async def written_by_older_software(stack: EmbeddedStack, version: VersionSummary) -> None:
    """The owner of the tables, who is bound by no fence, puts another schema into a version."""
    connection = await asyncpg.connect(stack.postgres.url("hocba_migrator"))
    try:
        async with connection.transaction():
            await connection.execute("alter table transcript_version no force row level security")
            await connection.execute("alter table transcript_version disable trigger user")
            await connection.execute(
                "update transcript_version set snapshot = replace(snapshot, 'snapshot/1', 'snapshot/0') where id = $1",
                version.id,
            )
            await connection.execute("alter table transcript_version enable trigger user")
            await connection.execute("alter table transcript_version force row level security")
    finally:
        await connection.close()
