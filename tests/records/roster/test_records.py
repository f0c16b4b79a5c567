"""One pupil's record: found, shown, corrected, added, and its temporary code replaced by the Ministry's."""

from datetime import date
from typing import Any

import msgspec
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core.database import TenantSession
from backend.core.errors import Conflict, Invalid, NotFound
from backend.records.gradebook import editing
from backend.records.gradebook.schemas import Cell, MarkKind, NewMark
from backend.records.roster import records, rules, service
from backend.records.roster.schemas import STATUS_NAMES, PupilRecord, StudentId, StudentStatus, Wanted
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool, enroll, open_small_school, pupil, sheet_of, student_ids

TODAY = date(2026, 5, 1)


def typed(record: PupilRecord, **other: str) -> dict[str, str]:
    """What the form of a record sends as it stands, but for what is typed otherwise."""
    names = (*rules.FORM_TEXTS, *rules.FORM_DAYS)
    said = {name: str(getattr(record, name) or "") for name in names}
    said |= {name: "1" if getattr(record, name) else "" for name in rules.FORM_FLAGS}
    return said | other


def form(name: str, **other: str) -> dict[str, str]:
    """A new pupil as typed."""
    return {"full_name": name, "date_of_birth": "2018-03-02", "nationality": "Việt Nam"} | other


async def with_pupils(school: SmallSchool, session: TenantSession, *names: str) -> dict[str, StudentId]:
    """Pupils of 1A, who are numbered 1, 2, …"""
    class_id = await school.open_class(session, "1A", 1)
    await enroll(session, "1A", names)
    return await student_ids(session, class_id)


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"personal_id": "00031900001"}, "phải có đúng 12 chữ số"),
        ({"personal_id": "00031900000a"}, "phải có đúng 12 chữ số"),
        ({"date_of_birth": date(2025, 1, 1)}, "01/01/2025 của Lò Thị An không thể là của học sinh"),
        ({"date_of_birth": date(1926, 1, 1)}, "không thể là của học sinh"),
        ({"gender": "nu"}, "chưa phải là Nam hoặc Nữ"),
        ({"not_assessed": True}, "chưa có loại khuyết tật"),
        ({"status_on": date(2026, 5, 2)}, "ở tương lai"),
    ],
)
def test_what_cannot_be_so(facts: dict[str, Any], words: str) -> None:
    line = msgspec.structs.replace(pupil(1, "Lò Thị An", "1A"), **facts)
    with pytest.raises(Invalid, match=words):
        rules.clean(line, TODAY)


def test_a_check_of_papers_ends_where_the_pupil_becomes_another(record: PupilRecord) -> None:
    checked = msgspec.structs.replace(record, identity_verified_on=date(2026, 1, 5))
    renamed = rules.corrected(checked, rules.read_form(typed(checked, full_name="Lò Thị Ân")), TODAY)
    assert renamed == {"full_name": "Lò Thị Ân", "identity_verified_on": None}
    again = typed(checked, full_name="Lò Thị Ân", identity_verified_on="2026-04-30")
    assert rules.corrected(checked, rules.read_form(again), TODAY)["identity_verified_on"] == date(
        2026, 4, 30
    )
    moved = rules.corrected(checked, rules.read_form(typed(checked, current_address="Bản Mới")), TODAY)
    assert moved == {"current_address": "Bản Mới"}
    assert rules.corrected(checked, rules.read_form(typed(checked)), TODAY) == {}


@pytest.fixture
def record() -> PupilRecord:
    none = dict.fromkeys(PupilRecord.__struct_fields__)
    known = {"student_code": "9900000001", "full_name": "Lò Thị An", "date_of_birth": date(2018, 3, 2)}
    flags = {"code_is_temporary": False, "not_assessed": False, "individual_plan": False, "revision": 1}
    return PupilRecord(**none | known | flags | {"status": StudentStatus.STUDYING})  # type: ignore[arg-type]


async def test_a_search_needs_no_diacritics_and_sorts_by_given_name(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        principal = await small_school.actor(session, "principal")
        await with_pupils(small_school, session, "Đặng Thị Yến", "Đặng Văn Ân", "Lê Hải Đăng", "Vũ Bá Thuỷ")

        async def found(words: str, **other: Any) -> list[str]:
            answer = await records.search(session, principal, Wanted(words=words, **other))
            assert answer.total == len(answer.rows)
            return [one.full_name for one in answer.rows]

        assert await found("dang") == ["Đặng Văn Ân", "Lê Hải Đăng", "Đặng Thị Yến"]
        assert await found("ĐẶNG yen") == ["Đặng Thị Yến"]
        assert await found("thuy") == await found("vũ thủy") == ["Vũ Bá Thuỷ"]
        assert await found("ang") == [], "in the middle of a word"
        assert (
            await found("9900000003") == await found("0003") == await found("000319000003") == ["Lê Hải Đăng"]
        )
        assert await found("000318000003") == []
        assert await found("%") == await found("_") == []
        assert len(await found("")) == 4
        assert await found("", status=StudentStatus.DECEASED) == []
        class_id = (await service.list_classes(session))[0].id
        assert len(await found("", class_id=class_id)) == 4
        assert await found("", class_id=small_school.year_id) == []


async def test_a_correction_keeps_what_stood_there_and_tells_whoever_was_slower(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        clerk = await small_school.actor(session, "clerk")
        ids = await with_pupils(small_school, session, "Lò Thị An", "Cầm Văn Bình")
        an = ids["Lò Thị An"]
        before = await service.get_record(session, an)
        said = typed(before, full_name="Lò Thị Ân", personal_id="000319000077")
        assert await records.change_pupil(session, clerk, an, said, before.revision) == 2
        with pytest.raises(Conflict, match="vừa được người khác sửa"):
            await records.change_pupil(session, clerk, an, typed(before, hometown="Huế"), before.revision)
        after = await service.get_record(session, an)
        assert (after.full_name, after.revision) == ("Lò Thị Ân", before.revision + 1)
        assert await records.change_pupil(session, clerk, an, typed(after), after.revision) == 0
        taken = typed(after, personal_id="000319000002")
        with pytest.raises(Conflict, match="đã thuộc học sinh mã 9900000002"):
            await records.change_pupil(session, clerk, an, taken, after.revision)
        told = {one.field: (one.old, one.new, one.who) for one in await records.history(session, an)}
        assert told == {
            "Họ và tên": ("Lò Thị An", "Lò Thị Ân", "Lò Thị Văn Thư"),
            "Số định danh cá nhân": ("••••••••0001", "••••••••0077", "Lò Thị Văn Thư"),
        }
        [found] = (await records.search(session, clerk, Wanted(words="0077"))).rows
        assert found.id == an, "found by the new number"
        details = "select details from audit_event where action = 'roster.pupil.change'"
        assert (await session.scalars(text(details))).all() == [
            {"fields": "Họ và tên, Số định danh cá nhân"}
        ], "which fields, and none of their values"


async def test_a_temporary_code_becomes_the_ministrys(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        clerk = await small_school.actor(session, "clerk")
        new = await records.add_pupil(session, clerk, form("Lò Thị An"))
        record = await service.get_record(session, new)
        assert record.code_is_temporary
        assert record.student_code.startswith("TAM-")
        for wrong in ("", "TAM123456", "99 00", "x"):
            with pytest.raises(Invalid, match="Mã học sinh chính thức"):
                await records.match_code(session, clerk, new, wrong)
        assert await records.match_code(session, clerk, new, " 9900000009 ") == new
        with pytest.raises(Conflict, match="đã có mã chính thức 9900000009"):
            await records.match_code(session, clerk, new, "9900000008")
        with pytest.raises(Conflict, match="đã có học sinh mã 9900000009"):
            await records.add_pupil(session, clerk, form("Lò Thị An", student_code="9900000009"))


async def test_two_records_of_one_pupil_become_one_and_marks_stay(small_school: SmallSchool) -> None:
    """The marks may hang on either; what one lacks it learns from the other."""
    async with small_school.session() as session:
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        ids = await with_pupils(small_school, session, "Lò Thị An", "Cầm Văn Bình")
        for name, code, number in (
            ("Lò Thị An", "9900000001", "000319000001"),
            ("Cầm Văn Bình", "9900000002", "000319000002"),
        ):
            official = ids[name]
            born = (await service.get_record(session, official)).date_of_birth.isoformat()
            temporary = await records.add_pupil(
                session, clerk, form(name, date_of_birth=born, policy_group="Hộ nghèo")
            )
            if name == "Lò Thị An":
                await _mark(session, small_school, homeroom, official)
            kept = await records.match_code(session, clerk, temporary, code)
            assert kept == (official if name == "Lò Thị An" else temporary)
            record = await service.get_record(session, kept)
            assert (
                record.student_code,
                record.personal_id,
                record.policy_group,
                record.code_is_temporary,
            ) == (
                code,
                number,
                "Hộ nghèo",
                False,
            )
            gone = await service.get_record(session, official if kept == temporary else temporary)
            assert gone.merged_into_id == kept
            with pytest.raises(Conflict, match="đã được ghép"):
                await records.change_pupil(session, clerk, gone.id, typed(gone), gone.revision)
            assert [one.id for one in (await records.search(session, clerk, Wanted(words=name))).rows] == [
                kept
            ]
        class_id = (await service.list_classes(session))[0].id
        assert len(await service.list_students(session, class_id)) == 2, "in the class once each"


@pytest.mark.parametrize(
    ("came_as", "status"),
    [
        (StudentStatus.STUDYING, StudentStatus.RETURNED),
        (StudentStatus.TRANSFERRED_IN, StudentStatus.TRANSFERRED_IN),
        (StudentStatus.DROPPED_OUT, StudentStatus.TRANSFERRED_OUT),
    ],
)
async def test_who_had_left_and_is_here_again_under_a_second_record_is_here(
    small_school: SmallSchool, came_as: StudentStatus, status: StudentStatus
) -> None:
    async with small_school.session() as session:
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        official = (await with_pupils(small_school, session, "Lò Thị An"))["Lò Thị An"]
        await _mark(session, small_school, homeroom, official)
        left = await service.get_record(session, official)
        await service.set_status(session, clerk, left, StudentStatus.TRANSFERRED_OUT, date(2025, 12, 1))
        born = left.date_of_birth.isoformat()
        temporary = await records.add_pupil(session, clerk, form("Lò Thị An", date_of_birth=born))
        again = await service.get_record(session, temporary)
        await service.set_status(session, clerk, again, came_as, date(2026, 2, 2))
        assert await records.match_code(session, clerk, temporary, left.student_code) == official
        record = await service.get_record(session, official)
        here = date(2026, 2, 2) if status is not StudentStatus.TRANSFERRED_OUT else date(2025, 12, 1)
        assert (record.status, record.status_on) == (status, here)
        told = {(one.field, one.new) for one in await records.history(session, official)}
        assert ("Trạng thái", STATUS_NAMES[status]) in told


async def test_records_that_may_be_two_pupils_stay_two(small_school: SmallSchool) -> None:
    async with small_school.session() as session:
        clerk, homeroom = [await small_school.actor(session, who) for who in ("clerk", "homeroom")]
        ids = await with_pupils(small_school, session, "Lò Thị An", "Cầm Văn Bình")
        official = await service.get_record(session, ids["Lò Thị An"])
        born = official.date_of_birth.isoformat()
        other = await records.add_pupil(session, clerk, form("Lò Thị An", date_of_birth="2017-01-01"))
        with pytest.raises(Conflict, match="khác họ tên hoặc ngày sinh"):
            await records.match_code(session, clerk, other, official.student_code)
        numbered = form("Lò Thị An", date_of_birth=born, personal_id="000319000088")
        other = await records.add_pupil(session, clerk, numbered)
        with pytest.raises(Conflict, match="hai số định danh cá nhân khác nhau"):
            await records.match_code(session, clerk, other, official.student_code)
        kept = msgspec.structs.replace(official, personal_id=None)
        with pytest.raises(Conflict, match="đều đã có điểm"):
            rules.kept_of(official, kept, {official.id: True})
        assert (await service.get_record(session, other)).merged_into_id is None
        await _mark(session, small_school, homeroom, official.id)


async def _mark(session: TenantSession, school: SmallSchool, homeroom: Any, student_id: StudentId) -> None:
    class_id = (await service.list_classes(session))[0].id
    sheet = await sheet_of(session, class_id, "TV")
    new = NewMark(sheet_id=sheet.id, student_id=student_id, cell=Cell(MarkKind.LEVEL), value="T")
    await editing.set_mark(session, homeroom, new, revision=0)


async def test_a_register_finds_who_had_a_temporary_code(small_school: SmallSchool) -> None:
    """By personal number, else by name and date of birth; where two could be meant it says so."""
    async with small_school.session() as session:
        clerk = await small_school.actor(session, "clerk")
        await small_school.open_class(session, "1A", 1)
        by_number = await records.add_pupil(session, clerk, form("Lò An", personal_id="000319000001"))
        by_name = await records.add_pupil(session, clerk, form("Cầm Văn Bình", date_of_birth="2018-03-03"))
        register = [pupil(1, "Lò Thị An", "1A"), pupil(2, "Cầm văn Bình", "1A")]
        change = await service.compare_register(session, register)
        assert (change.new, change.problems) == (0, ())
        assert ("Mã học sinh", "9900000001") in {(one.place, one.new) for one in change.differences}
        await service.take_register(session, register, small_school.staff["it"])
        for student_id, code in ((by_number, "9900000001"), (by_name, "9900000002")):
            record = await service.get_record(session, student_id)
            assert (record.student_code, record.code_is_temporary) == (code, False)
        assert (await records.history(session, by_name))[-1].who == "Cầm Minh Công"
        assert (await service.compare_register(session, register)).unchanged == 2
        for _ in range(2):
            await records.add_pupil(session, clerk, form("Quàng Thị Chi", date_of_birth="2018-03-04"))
        change = await service.compare_register(session, [pupil(3, "Quàng Thị Chi", "1A")])
        assert "trùng họ tên và ngày sinh với 2 hồ sơ mã tạm" in change.problems[0][1]


async def test_what_a_register_changes_is_told_in_the_history(small_school: SmallSchool) -> None:
    """Leaving, coming back, and that who somebody is was not checked since: by whom, as it was and as it is."""
    async with small_school.session() as session:
        clerk = await small_school.actor(session, "clerk")
        an = (await with_pupils(small_school, session, "Lò Thị An"))["Lò Thị An"]
        record = await service.get_record(session, an)
        checked = typed(record, identity_verified_on="2026-03-02")
        await records.change_pupil(session, clerk, an, checked, record.revision)
        on = date(2026, 3, 9)
        dropped = {"left": True, "status": StudentStatus.DROPPED_OUT, "status_on": on}
        for line in (
            pupil(1, "Lò Thị An", "1A", **dropped),
            pupil(1, "Lò Thị Ân", "1A", status_on=date(2026, 4, 6)),
        ):
            await service.take_register(session, [line], small_school.staff["it"])
        told = [
            (one.field, one.old, one.new)
            for one in await records.history(session, an)
            if one.who == "Cầm Minh Công"
        ]
        assert sorted(told) == [
            ("Họ và tên", "Lò Thị An", "Lò Thị Ân"),
            ("Ngày có trạng thái", "", "09/03/2026"),
            ("Ngày có trạng thái", "09/03/2026", "06/04/2026"),
            ("Ngày đối chiếu danh tính", "02/03/2026", ""),
            ("Trạng thái", "Thôi học", "Nghỉ học xin học lại"),
            ("Trạng thái", "Đang học", "Thôi học"),
        ]


async def test_a_register_is_not_put_back_over_a_number_or_a_code_that_another_has_by_now(
    small_school: SmallSchool,
) -> None:
    async with small_school.session() as session:
        clerk = await small_school.actor(session, "clerk")
        await small_school.open_class(session, "1A", 1)
        an = await records.add_pupil(session, clerk, form("Lò Thị An", date_of_birth="2018-03-02"))
        code = (await service.get_record(session, an)).student_code
        await service.take_register(session, [pupil(1, "Lò Thị An", "1A")])
        renumbered = pupil(1, "Lò Thị An", "1A", personal_id="000319000077")
        taken = (await service.take_register(session, [renumbered])).overwritten
        assert await service.why_not_put_back(session, taken) is None
        number = form("Cầm Văn Bình", student_code="9900000009", personal_id="000319000001")
        binh = await records.add_pupil(session, clerk, number)
        words = "Số định danh cá nhân trước đây của Lò Thị An nay là của Cầm Văn Bình"
        assert words in (await service.why_not_put_back(session, taken) or "")
        with pytest.raises(Conflict, match=words):
            await service.put_back(session, taken)
        await session.execute(
            text("update student set student_code = :code, personal_id = null where id = :id"),
            {"code": code, "id": binh},
        )
        await service.put_back(session, taken)
        recoded = [msgspec.structs.replace(taken[0], old={"student_code": code}, new={})]
        with pytest.raises(Conflict, match="Mã học sinh trước đây của Lò Thị An nay là của Cầm Văn Bình"):
            await service.put_back(session, recoded)
        assert (await service.get_record(session, an)).personal_id == "000319000001"


async def test_pupils_of_another_school_do_not_exist(small_school: SmallSchool) -> None:
    other = await open_small_school("Trường Tiểu học Tư thục Hoa Sim")
    async with other.session() as session:
        theirs = (await with_pupils(other, session, "Lò Thị An"))["Lò Thị An"]
        record = await service.get_record(session, theirs)
    async with small_school.session() as session:
        clerk = await small_school.actor(session, "clerk")
        assert (await records.search(session, clerk, Wanted())).rows == ()
        for asked in (
            records.open_record(session, clerk, theirs),
            records.show_number(session, clerk, theirs),
            records.change_pupil(session, clerk, theirs, typed(record), record.revision),
            records.match_code(session, clerk, theirs, "9900000001"),
        ):
            with pytest.raises(NotFound):
                await asked


async def test_the_pages(site: Litestar, small_school: SmallSchool) -> None:
    """The number is masked until somebody asks; a form comes back as it was typed, or as another has saved it."""
    async with small_school.session() as session:
        ids = await with_pupils(small_school, session, "Lò Thị An")
    here = f"/hoc-sinh/{ids['Lò Thị An']}"
    browser = await small_school.browser(site, "clerk")
    assert "Lò Thị An" in (await browser.get("/hoc-sinh?tim=an&trang_thai=studying")).text
    assert "000319000001" not in (await browser.get(here)).text
    assert "••••••••0001" in words(browser)
    assert "000319000001" in (await browser.post(f"{here}/so-dinh-danh")).text
    await browser.get(f"{here}/sua")
    sent = fields(browser)
    refused = await browser.post(f"{here}/sua", sent | {"personal_id": "12", "hometown": "Mai Sơn"})
    assert refused.status_code == 422
    assert fields(browser)["hometown"] == "Mai Sơn", "what was typed is still there"
    assert (await browser.post(f"{here}/sua", sent | {"hometown": "Mai Sơn"})).status_code == 303
    assert (await browser.post(f"{here}/sua", sent | {"hometown": "Huế"})).status_code == 409
    assert fields(browser)["hometown"] == "Mai Sơn", "what another has saved"
    made = await browser.post("/hoc-sinh/them", form("Cầm Văn Bình"))
    await browser.get(made.headers["location"])
    assert "Mã tạm" in words(browser)
    for who in ("homeroom", "music"):
        stranger = await small_school.browser(site, who)
        for path in ("/hoc-sinh", here, f"{here}/sua"):
            assert (await stranger.get(path)).status_code == 403


def words(browser: Browser) -> str:
    assert browser.page is not None
    return " ".join(browser.page.xpath("string(//main)").split())


def fields(browser: Browser) -> dict[str, str]:
    """What the form of the last page would send as it stands."""
    assert browser.page is not None
    texts = browser.page.xpath("//main//form//input[@name and not(@type='checkbox')]")
    chosen = browser.page.xpath("//main//form//select")
    found = {one.get("name"): one.get("value", "") for one in texts}
    return found | {one.get("name"): one.xpath("string(option[@selected]/@value)") for one in chosen}
