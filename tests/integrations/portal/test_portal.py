"""A portal that people use: the file they take, the receipt they bring, and everything that may go wrong between."""

import http.client
import io
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec
import openpyxl
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import settings
from backend.core.errors import Invalid
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import Action, DeliveryState, DeliverySummary
from backend.integrations.portal import rules
from backend.integrations.profiles import catalog, samples
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import Snapshot, VersionState
from tests.core.browser import Browser
from tests.core.site_fixtures import product, site
from tests.factories.issued_versions import Content, issue, issue_next
from tests.factories.machine import Machine
from tests.factories.small_school import SmallSchool, open_small_school
from tests.fakes.processes import Province, start_province
from tests.integrations.deliveries.test_recall import IN_TIME, at, deliveries_of, manage, state

__all__ = ["product", "site"]

CSDL = "vn.csdl-nganh.hocba/2"
AT = "/gui/cong"
Change = Callable[[Any], object]


def early(lookup_code: str, number: int, student_code: str) -> Snapshot:
    """A pupil of grade 2; another version has another mark."""
    whole = msgspec.convert(samples.records()["primary_early"], Snapshot)
    student = msgspec.structs.replace(whole.student, student_code=student_code)
    year = msgspec.structs.replace(whole.year, class_name=f"2A{number}")
    return msgspec.structs.replace(whole, lookup_code=lookup_code, version=number, student=student, year=year)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def portal(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Province]:
    with start_province(tmp_path_factory.mktemp("csdl"), catalog.path_of(CSDL)) as running:
        yield running


@dataclass
class Carrier:
    """The IT teacher, between the site and the portal."""

    school: SmallSchool
    browser: Browser
    portal: Province
    versions: list[uuid.UUID]

    async def states(self) -> list[DeliveryState]:
        return [one.state for one in await self.found()]

    async def found(self) -> list[DeliverySummary]:
        async with self.school.session() as session:
            return [one for version in self.versions for one in await deliveries.of_version(session, version)]

    async def take(self) -> tuple[str, bytes]:
        """Lay up a file of everything that waits, and download it."""
        await self.browser.get(AT)
        answer = await self.browser.post(f"{AT}/tep", {"co_quan": CSDL})
        assert answer.status_code in (200, 303), answer.text
        await self.browser.get(AT)
        assert self.browser.page is not None
        *_, link = self.browser.page.xpath("//a[starts-with(@href, '/gui/cong/tep/')]/@href")
        file = await self.browser.get(link)
        assert file.status_code == 200
        return link, file.content

    def hand_in(self, file: bytes) -> bytes:
        """What a person does at the portal; its receipt."""
        address = f"{self.portal.url}/nop?truong={self.school.tenant_id.hex[-8:]}"
        with urllib.request.urlopen(
            urllib.request.Request(address, file, method="POST"), timeout=30
        ) as answer:
            return answer.read()  # type: ignore[no-any-return]

    async def bring(self, link: str, receipt: bytes) -> Any:
        await self.browser.get(AT)
        form = {"csrf_token": self.browser.csrf_token}
        return await self.browser.http.post(
            f"{link}/bien-nhan", data=form, files={"bien_nhan": ("bien-nhan.xlsx", receipt)}
        )


@pytest_asyncio.fixture(loop_scope="session")
async def carrier(site: Litestar, portal: Province) -> Carrier:
    portal.clear_faults()
    school = await open_small_school()
    async with school.session() as session:
        await school.open_class(session, "4A", 4)
        await authorities.bind(session, await school.actor(session, "it"), CSDL, {}, {})
    versions = await issue(school.tenant_id, 3, content=early)
    await Machine(school.tenant_id).rest()
    return Carrier(school, await school.browser(site, "it"), portal, versions)


def changed(workbook: bytes, change: Change) -> bytes:
    book = openpyxl.load_workbook(io.BytesIO(workbook))
    change(book.worksheets[0])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


SENT = {"HS1": {"A": "1", "C": "HS1", "F": "T"}, "HS2": {"A": "2", "C": "HS2"}}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ([["1", "", "HS9"]], "Dòng 4: mã “HS9” không nằm trong tệp đã lấy; đây là biên nhận của tệp khác"),
        ([["1", "", "HS1", "", "", "T"], ["1", "", "HS1", "", "", "T"]], "Dòng 5: mã “HS1” đã có ở dòng 4"),
        ([["1", "", "HS1", "", "", "H"]], "Dòng 4, cột F: tệp đã nộp ghi “T”, biên nhận ghi “H”"),
        ([["2", "", "HS1", "", "", "T"]], "Dòng 4, cột A: tệp đã nộp ghi “1”, biên nhận ghi “2”"),
        ([["1", "", "HS1", "", "", "T"]], "Thiếu dòng của mã “HS2”"),
        ([["1", "", "", "", "", "T"], []], "không có dòng học sinh nào từ dòng 4"),
        ([["n", "", f"X{n}"] for n in range(15)], "Và 7 chỗ khác"),
    ],
)
def test_why_it_is_no_receipt_of_the_file(rows: list[list[str]], said: str) -> None:
    sheets: list[list[list[str]]] = [[], [["tiêu đề", "", "HS1"]] * 3 + rows]
    with pytest.raises(Invalid, match=said):
        rules.by_key(rules.rows_of(sheets, 4, "C"), SENT, "C")


def test_a_receipt_may_say_more_than_was_sent_but_not_less() -> None:
    sheets: list[list[list[str]]] = [
        [[]] * 3 + [["2", "", "HS2"], ["1", "", "HS1", "", "", "T", *[""] * 29, "Đã nhập"]]
    ]
    found = rules.by_key(rules.rows_of(sheets, 4, "C"), SENT, "C")
    assert found["HS2"] == (4, {"A": "2", "C": "HS2"})
    assert found["HS1"] == (5, {"A": "1", "C": "HS1", "F": "T", "AJ": "Đã nhập"})


async def test_what_is_issued_waits_for_a_person_and_is_accepted_by_its_receipt(carrier: Carrier) -> None:
    assert await carrier.states() == [DeliveryState.WAITING] * 3
    before = carrier.portal.ledger()
    assert "3 học bạ chờ bạn nộp ở cổng" in (await carrier.browser.get("/gui/viec")).text
    shown = (await carrier.browser.get(AT)).text
    assert "Lập tệp lớp 4A" in shown
    assert "chọn đúng khối và kỳ “Cuối năm học”" in shown
    link, file = await carrier.take()
    assert await carrier.states() == [DeliveryState.HANDED] * 3
    sheet = openpyxl.load_workbook(io.BytesIO(file)).worksheets[0]
    assert sheet.max_column == 35
    assert [sheet[f"A{row}"].value for row in (4, 5, 6, 7)] == ["1", "2", "3", None]
    assert (sheet["B4"].value, sheet["F4"].value, sheet["G4"].value, sheet["AH4"].value) == (
        "2A1",
        "H",
        "8",
        "HT",
    )
    assert sheet["AI4"].value is None
    assert sheet["A1"].value == "STT"
    answer = await carrier.bring(link, carrier.hand_in(file))
    assert answer.status_code in (200, 303), answer.text
    found = await carrier.found()
    assert [one.state for one in found] == [DeliveryState.ACCEPTED] * 3
    assert all((one.authority_reference or "").startswith("BN") for one in found)
    await Machine(carrier.school.tenant_id).rest()
    async with carrier.school.session() as session:
        states = {one.state for one in await transcripts.get_versions(session, carrier.versions)}
        attempts = (await deliveries.get_delivery(session, found[0].id))[1]
    assert states == {VersionState.ACCEPTED}
    assert [one.outcome for one in attempts] == ["forperson", "received"]
    assert attempts[1].answer_sha256 is not None
    after = carrier.portal.ledger()
    assert after["messages"] - before["messages"] == 3
    assert after["duplicates"] == []
    assert "Không có gì chờ nộp ở cổng" in (await carrier.browser.get(AT)).text
    assert (await carrier.browser.get("/gui/viec")).status_code == 204


def of_grade(name: str) -> Content:
    """A pupil of another grade, as the samples have one."""
    whole = msgspec.convert(samples.records()[name], Snapshot)

    def content(lookup_code: str, number: int, student_code: str) -> Snapshot:
        student = msgspec.structs.replace(whole.student, student_code=student_code)
        return msgspec.structs.replace(whole, lookup_code=lookup_code, version=number, student=student)

    return content


async def test_each_group_of_grades_goes_in_a_file_of_its_own_workbook(carrier: Carrier) -> None:
    for name in ("primary_third", "primary"):
        carrier.versions += await issue(carrier.school.tenant_id, content=of_grade(name))
    await Machine(carrier.school.tenant_id).rest()
    assert await carrier.states() == [DeliveryState.WAITING] * 5
    filled = {}
    for _ in range(3):
        link, file = await carrier.take()
        sheet = openpyxl.load_workbook(io.BytesIO(file)).worksheets[0]
        columns = [[cell.value for cell in column] for column in sheet.iter_cols(min_row=2)]
        heads = {str(head): place for place, (head, *_) in enumerate(columns) if head}
        for class_name in columns[1][2:]:
            filled[class_name] = {name: columns[place][2] for name, place in heads.items()}
            filled[class_name]["Ngoại ngữ: điểm"] = columns[heads["Ngoại ngữ"] + 1][2]
        answer = await carrier.bring(link, carrier.hand_in(file))
        assert answer.status_code in (200, 303), answer.text
    assert await carrier.states() == [DeliveryState.ACCEPTED] * 5
    assert {name: "Khoa học" in found for name, found in filled.items()} == {
        "2A1": False,
        "3A1": False,
        "4A3": True,
    }
    assert filled["3A1"]["Tự nhiên và xã hội"] == "H"
    assert filled["4A3"]["Lịch sử và Địa lí"] == "T"
    assert (filled["4A3"]["TH-CN\n(Công nghệ)"], filled["3A1"]["Ngoại ngữ: điểm"]) == ("T", "9")


def swap_cell(place: str, value: str) -> Change:
    return lambda sheet: sheet.__setitem__(place, value)


WRONG: list[tuple[Change, str]] = [
    (lambda sheet: sheet.delete_rows(6), "Thiếu dòng của mã"),
    (swap_cell("F5", "C"), "Dòng 5, cột F: tệp đã nộp ghi “H”, biên nhận ghi “C”"),
    (lambda sheet: sheet.delete_cols(45, 5), "Dòng 6: không rõ cổng đã nhận mã"),
]


async def test_a_receipt_of_something_else_is_refused_in_words_and_believed_in_nothing(
    carrier: Carrier,
) -> None:
    link, file = await carrier.take()
    receipt = carrier.hand_in(file)
    for change, said in WRONG:
        answer = await carrier.bring(link, changed(receipt, change))
        assert (answer.status_code, said in answer.text) == (422, True), (said, answer.text[-2000:])
    for content in (b"", b"%PDF-1.7"):
        answer = await carrier.bring(link, content)
        assert answer.status_code in (409, 422)
        assert "tệp" in answer.text
    assert await carrier.states() == [DeliveryState.HANDED] * 3
    assert (await carrier.bring(link, receipt)).status_code in (200, 303)
    assert await carrier.states() == [DeliveryState.ACCEPTED] * 3
    assert (await carrier.bring(link, receipt)).status_code == 404


async def test_what_the_portal_refuses_is_rejected_with_its_words(carrier: Carrier) -> None:
    link, file = await carrier.take()

    def without_class(sheet: Any) -> None:
        sheet["AH5"] = None

    receipt = changed(carrier.hand_in(changed(file, without_class)), swap_cell("AH5", "HT"))
    assert (await carrier.bring(link, receipt)).status_code in (200, 303)
    states = await carrier.states()
    assert sorted(states) == ["accepted", "accepted", "rejected"]
    [refused] = [one for one in await carrier.found() if one.state is DeliveryState.REJECTED]
    assert [one["code"] for one in refused.errors] == ["P1"]


FAULTS = ("drop_after_accept", "http500", "half", "stale", "wrong_code")


async def test_whatever_happens_at_the_portal_it_has_each_once(carrier: Carrier) -> None:
    before = carrier.portal.ledger()
    link, file = await carrier.take()
    for fault in FAULTS:
        carrier.portal.fault(fault)
        try:
            receipt = carrier.hand_in(file)
        except (urllib.error.URLError, http.client.HTTPException):
            receipt = b""
        assert (await carrier.bring(link, receipt)).status_code == 422, fault
        assert await carrier.states() == [DeliveryState.HANDED] * 3, fault
    assert (await carrier.bring(link, carrier.hand_in(file))).status_code in (200, 303)
    assert await carrier.states() == [DeliveryState.ACCEPTED] * 3
    after = carrier.portal.ledger()
    assert after["messages"] - before["messages"] == 3
    assert after["repeats"] > before["repeats"]
    assert after["duplicates"] == []


async def test_a_file_that_was_never_handed_in_is_laid_up_again_under_the_same_message(
    carrier: Carrier,
) -> None:
    link, file = await carrier.take()
    messages = [one.message_id for one in await carrier.found()]
    await carrier.browser.get(AT)
    assert (await carrier.browser.post(f"{link}/chua-nop")).status_code in (200, 303)
    assert await carrier.states() == [DeliveryState.WAITING] * 3
    assert (await carrier.bring(link, carrier.hand_in(file))).status_code == 404
    link, file = await carrier.take()
    assert [one.message_id for one in await carrier.found()] == messages
    assert (await carrier.bring(link, carrier.hand_in(file))).status_code in (200, 303)
    assert await carrier.states() == [DeliveryState.ACCEPTED] * 3
    assert carrier.portal.ledger()["duplicates"] == []


async def recalled(carrier: Carrier, version_id: uuid.UUID) -> DeliverySummary:
    """A recall of an accepted version, as far as the machine takes it."""
    await Machine(carrier.school.tenant_id).rest()
    await (await manage(carrier.school.tenant_id)).recall(version_id)
    await Machine(carrier.school.tenant_id).rest()
    return (await deliveries_of(carrier.school.tenant_id, version_id))[Action.RECALL]


async def answer_by_letter(carrier: Carrier, recall: DeliverySummary, **form: str) -> Any:
    assert f"Thu hồi: {recall.label}" in (await carrier.browser.get(AT)).text
    return await carrier.browser.http.post(
        f"{AT}/thu-hoi/{recall.id}",
        data={"csrf_token": carrier.browser.csrf_token, **form},
        files={"van_ban": ("tra-loi.pdf", b"%PDF-1.7 letter")},
    )


async def test_a_recall_is_answered_by_letter_and_the_next_version_takes_the_place_of_the_former(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, IN_TIME)
    link, file = await carrier.take()
    await carrier.bring(link, carrier.hand_in(file))
    code = openpyxl.load_workbook(io.BytesIO(file)).worksheets[0]["C4"].value
    async with carrier.school.session() as session:
        contents = await transcripts.contents_of(session, carrier.versions)
    [former] = [one for one, content in contents.items() if content["student"]["student_code"] == code]
    recall = await recalled(carrier, former)
    assert recall.state is DeliveryState.WAITING
    refused = await answer_by_letter(carrier, recall, so=" ")
    assert refused.status_code == 422
    assert "Số văn bản trả lời: chưa điền" in refused.text
    assert (await answer_by_letter(carrier, recall, so="125/SGDĐT-QLCL")).status_code in (200, 303)
    await Machine(carrier.school.tenant_id).rest()
    found = (await deliveries_of(carrier.school.tenant_id, former))[Action.RECALL]
    assert (found.state, found.authority_reference) == (DeliveryState.ACCEPTED, "125/SGDĐT-QLCL")
    assert await state(carrier.school.tenant_id, former) == VersionState.RECALLED
    before = carrier.portal.ledger()
    carrier.versions = [await issue_next(carrier.school.tenant_id, former, early, code)]
    await Machine(carrier.school.tenant_id).rest()
    [replacing] = await carrier.found()
    assert (replacing.state, replacing.action) == (DeliveryState.WAITING, Action.REPLACE)
    link, file = await carrier.take()
    assert (await carrier.bring(link, carrier.hand_in(file))).status_code in (200, 303)
    assert await carrier.states() == [DeliveryState.ACCEPTED]
    after = carrier.portal.ledger()
    assert (after["replaced"] - before["replaced"], after["duplicates"]) == (1, [])


async def test_a_recall_that_the_letter_refuses_comes_back_with_its_reason(
    carrier: Carrier, monkeypatch: pytest.MonkeyPatch
) -> None:
    at(monkeypatch, IN_TIME)
    link, file = await carrier.take()
    await carrier.bring(link, carrier.hand_in(file))
    recall = await recalled(carrier, carrier.versions[0])
    assert (await answer_by_letter(carrier, recall, so="126/SGDĐT", ly_do="Đã khóa sổ")).status_code in (
        200,
        303,
    )
    found = (await deliveries_of(carrier.school.tenant_id, carrier.versions[0]))[Action.RECALL]
    assert found.state is DeliveryState.REJECTED
    assert found.errors[0]["message"] == "Đã khóa sổ"
    again = await carrier.browser.http.post(
        f"{AT}/thu-hoi/{recall.id}",
        data={"csrf_token": carrier.browser.csrf_token, "so": "127/SGDĐT"},
        files={"van_ban": ("tra-loi.pdf", b"%PDF-1.7 letter")},
    )
    assert again.status_code == 409
    assert "không còn chờ văn bản trả lời" in again.text


async def test_what_the_portal_does_not_take_waits_for_a_person_in_words(
    carrier: Carrier,
) -> None:
    carrier.versions = await issue(carrier.school.tenant_id, content=of_grade("lower_secondary"))
    await Machine(carrier.school.tenant_id).rest()
    [parked] = await carrier.found()
    assert parked.state is DeliveryState.PARKED
    assert "không nhận học bạ của khối lớp này" in (parked.reason or "")


async def test_two_who_take_the_same_get_one_file(carrier: Carrier) -> None:
    await carrier.take()
    await carrier.browser.get(AT)
    answer = await carrier.browser.post(f"{AT}/tep", {"co_quan": CSDL})
    assert answer.status_code == 409
    assert "Không còn học bạ nào chờ nộp" in answer.text


async def test_a_portal_is_not_tried_and_asks_for_no_password(carrier: Carrier) -> None:
    shown = (await carrier.browser.get("/ket-noi-so")).text
    assert "Người nộp tự mở cổng" in shown
    assert "Thử kết nối" not in shown
    assert "mật khẩu" not in (await carrier.browser.get(f"/ket-noi-so?ho_so={CSDL}")).text.lower()
    answer = await carrier.browser.post("/ket-noi-so/thu", {})
    assert answer.status_code == 409
    assert "người nộp mở bằng trình duyệt" in answer.text
    async with carrier.school.session() as session:
        assert (await session.execute(text("select trial from authority_binding"))).scalar_one() is None


async def test_nobody_else_carries(site: Litestar, carrier: Carrier) -> None:
    link, _ = await carrier.take()
    browser = await carrier.school.browser(site, "homeroom")
    for path in (AT, link):
        assert (await browser.get(path)).status_code == 403
    for path in (f"{AT}/tep", f"{link}/chua-nop"):
        assert (await browser.post(path, {"co_quan": CSDL})).status_code == 403
