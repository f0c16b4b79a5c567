"""A link to a học bạ: what has to be agreed before, who gets in, what the family sees, and that it ends for good."""

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import audit, clock
from backend.core.errors import Conflict, Forbidden, Invalid, NotFound
from backend.records.shares import rules, service
from backend.records.shares.schemas import Made, Relation
from backend.records.transcripts import service as transcripts
from backend.records.transcripts.schemas import VersionSummary
from tests.core.browser import Browser
from tests.factories.own_keys import issue, sign
from tests.factories.pki import Pki
from tests.factories.small_school import open_small_school
from tests.records.transcripts.conftest import Season, confirmed_class
from tests.remote_signing.formats.world import make_world

BORN, TODAY = date(2018, 3, 2), date(2026, 6, 1)
AGREED = ("Lường Văn Tám", "father", "paper", "2026-05-30", True)
OPEN = ("Trường THCS Hoa Mai", "Xét tuyển lớp 6", "30", True)


@dataclass
class Shared:
    """An issued học bạ and its clerk."""

    season: Season
    version: VersionSummary

    async def share(self, with_data: bool = True) -> Made:
        async with self.season.school.session() as session:
            actor = await self.season.school.actor(session, "clerk")
            typed = (*OPEN[:3], with_data)
            return await service.make(session, actor, self.version.id, typed, AGREED)

    async def do(self, statement: str, **values: Any) -> None:
        async with self.season.school.session() as session:
            await session.execute(text(statement), values)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(product: Any) -> Shared:
    school = await open_small_school()
    async with school.session() as session:
        season = await confirmed_class(school, session, names=["Lường Thị Ngọc Ánh"])
    [version] = await season.freeze()
    await season.render(version)
    await issue(season, version, sign(make_world(Pki()), await season.ask_for_signatures(version)))
    return Shared(season, version)


def test_what_is_agreed_is_read_and_what_is_missing_is_named() -> None:
    def read(
        typed: tuple[str, str, str, bool],
        consent: tuple[str, str, str, str, bool] = AGREED,
        born: date = BORN,
    ) -> Any:
        return rules.read(*typed, consent, person="Lường Thị Ngọc Ánh", born=born, today=TODAY)

    found = read(OPEN)
    assert (found.days, found.relation, found.consented_on) == (30, Relation.FATHER, date(2026, 5, 30))
    for typed, consent, words in (
        ((" ", *OPEN[1:]), AGREED, "Hãy ghi mục “Chia sẻ cho”"),
        ((*OPEN[:2], "91", True), AGREED, "từ 1 đến 90"),
        ((*OPEN[:2], "ba mươi", True), AGREED, "từ 1 đến 90"),
        (OPEN, ("", *AGREED[1:]), "Hãy ghi mục “Người đồng ý”"),
        (OPEN, (AGREED[0], "uncle", *AGREED[2:]), "cha, mẹ, người giám hộ"),
        (OPEN, (*AGREED[:2], "", *AGREED[3:]), "bằng cách nào"),
        (OPEN, (*AGREED[:3], "", True), "Hãy chọn ngày"),
        (OPEN, (*AGREED[:3], "2026-06-02", True), "không thể sau hôm nay"),
        (OPEN, (*AGREED[:4], False), "từ đủ 7 tuổi"),
        (OPEN, (AGREED[0], "self", *AGREED[2:]), "chưa đủ 18 tuổi"),
    ):
        with pytest.raises(Invalid, match=words):
            read(typed, consent)
    assert not read(OPEN, (*AGREED[:4], False), born=date(2019, 6, 1)).child_agrees, "not yet seven"


async def test_link_and_pin_open_it_and_the_family_sees_that(shared: Shared, site: Litestar) -> None:
    clerk = await shared.season.school.browser(site, "clerk")
    here = f"/hoc-ba/{shared.version.id}/chia-se"
    assert here in (await clerk.get(f"/hoc-ba/{shared.version.id}")).text
    await clerk.get(here)
    form = dict(
        zip(
            ("chia_se_cho", "muc_dich", "so_ngay", "du_lieu"),
            ("Trường THCS Hoa Mai", "Xét tuyển", "30", "1"),
            strict=True,
        )
    )
    consent = {"nguoi_dong_y": "Lường Văn Tám", "quan_he": "father", "cach": "paper", "ngay": "2026-05-30"}
    refused = await clerk.post(here, form | consent)
    assert (refused.status_code, "từ đủ 7 tuổi" in refused.text) == (422, True)
    made = await clerk.post(here, form | consent | {"hoc_sinh": "1"})
    assert made.status_code == 200
    assert clerk.page is not None
    link, pin, family = (
        one.text_content().strip() for one in clerk.page.xpath("//*[@id='lien-ket-moi']//dd")
    )
    assert "lien-ket-moi" not in (await clerk.get(here)).text, "its secrets are shown once"

    office = Browser(site)
    path = urlsplit(link).path
    asked = await office.get(path)
    assert "Trường THCS Hoa Mai" in asked.text
    assert shared.version.full_name not in asked.text
    assert shared.version.lookup_code not in asked.text
    wrong = await office.post(path, {"pin": "000000" if pin != "000000" else "111111"})
    assert (wrong.status_code, service.WRONG_PIN in wrong.text) == (422, True)
    opened = await office.post(path, {"pin": pin})
    assert opened.status_code == 200
    assert shared.version.full_name in opened.text
    assert opened.headers["cache-control"] == "no-store"
    year = {"pin": pin, "nam_hoc": "2025-2026"}
    files = {kind: await office.post(f"{path}/tep", year | {"loai": kind}) for kind in ("pdf", "xml", "json")}
    assert files["pdf"].content.startswith(b"%PDF-")
    async with shared.season.school.session(read_only=True) as session:
        assert files["json"].content == await transcripts.canonical_content(session, shared.version.id)

    at_home = Browser(site)
    home = urlsplit(family).path
    page = await at_home.get(home)
    for said in ("Xét tuyển", "Xem nội dung", "Nhập sai mã PIN", "Tải tệp PDF", "Tải dữ liệu JSON"):
        assert said in page.text
    ended = await at_home.post(home)
    assert ended.status_code == 303
    for answer in (
        await office.get(path),
        await office.post(path, {"pin": pin}),
        await office.post(f"{path}/tep", year | {"loai": "pdf"}),
    ):
        assert answer.status_code == 403
        assert "đã bị gia đình học sinh thu hồi ngày" in answer.text
        assert shared.version.full_name not in answer.text
    async with shared.season.school.session(read_only=True) as session:
        share = await session.scalar(text("select max(id::text)::uuid from share"))
        seen = [row.action for row in await audit.history(session, [share])]
    assert seen == [
        "shares.share.revoke",
        *["shares.share.download"] * 3,
        "shares.share.read",
        "shares.share.refuse",
        "shares.share.make",
    ]


ASKED = {"co_quan": "Trường Đại học Hoa Ban", "ma_so": "0101234567", "lien_he": "Cô Dung, 024 0000 0000"}
GRANTED = {"nguoi_dong_y": "Lường Văn Tám", "quan_he": "father", "cach": "paper", "ngay": "2026-05-30"}


async def test_an_organisation_asks_and_is_granted_or_refused(shared: Shared, site: Litestar) -> None:
    office, clerk = Browser(site), await shared.season.school.browser(site, "principal")
    form = ASKED | {"muc_dich": "Xét tuyển đại học", "du_lieu": "1"}
    await office.get("/xin-xem-hoc-ba")
    for wrong, words in (
        ({"ma": "0" * 32}, "Không tìm thấy học bạ nào đã phát hành"),
        ({"ma": shared.version.lookup_code, "ma_so": "123"}, "gồm 10 hoặc 13 chữ số"),
        ({"ma": shared.version.lookup_code, "co_quan": " "}, "Hãy ghi mục “Tên cơ quan, trường”"),
    ):
        answer = await office.post("/xin-xem-hoc-ba", form | wrong)
        assert (answer.status_code in (404, 422), words in answer.text) == (True, True), words
    tokens = []
    for _ in range(2):
        await office.get("/xin-xem-hoc-ba")
        sent = await office.post("/xin-xem-hoc-ba", form | {"ma": shared.version.lookup_code})
        assert shared.version.full_name not in sent.text
        found = re.search(r"/xin-xem-hoc-ba/([\w-]+)", sent.text)
        assert found is not None
        tokens.append(found[1])
    assert "Đang chờ nhà trường và gia đình" in (await office.get(f"/xin-xem-hoc-ba/{tokens[0]}")).text
    assert service.UNKNOWN in (await office.get(f"/chia-se/{tokens[0]}")).text, "not yet"

    here = f"/hoc-ba/{shared.version.id}/chia-se"
    assert here in (await clerk.get("/de-nghi-xem-hoc-ba")).text
    await clerk.get(here)
    assert clerk.page is not None
    answers = [str(one) for one in clerk.page.xpath("//form[contains(@action, '/de-nghi/')]/@action")]
    assert len(answers) == 2
    refused = await clerk.post(answers[0], GRANTED | {"tra_loi": "dong-y", "so_ngay": "30"})
    assert (refused.status_code, "từ đủ 7 tuổi" in refused.text) == (422, True)
    made = await clerk.post(answers[0], GRANTED | {"tra_loi": "dong-y", "so_ngay": "30", "hoc_sinh": "1"})
    assert clerk.page is not None
    _, pin, _ = (one.text_content().strip() for one in clerk.page.xpath("//*[@id='lien-ket-moi']//dd"))
    assert tokens[0] not in made.text
    again = await clerk.post(answers[0], GRANTED | {"tra_loi": "dong-y", "so_ngay": "30", "hoc_sinh": "1"})
    assert (again.status_code, "đã được trả lời" in again.text) == (409, True)
    no = await clerk.post(answers[1], {"tra_loi": "tu-choi", "ly_do": " "})
    assert (no.status_code, "Hãy ghi lý do từ chối" in no.text) == (422, True)
    assert (
        await clerk.post(answers[1], {"tra_loi": "tu-choi", "ly_do": "Gia đình không đồng ý"})
    ).status_code == 303

    [granted] = [one for one in tokens if "Được đồng ý" in (await office.get(f"/xin-xem-hoc-ba/{one}")).text]
    [other] = [one for one in tokens if one != granted]
    assert "Gia đình không đồng ý" in (await office.get(f"/xin-xem-hoc-ba/{other}")).text
    await office.get(f"/chia-se/{granted}")
    data = {"pin": pin, "nam_hoc": "2025-2026", "loai": "json"}
    taken = await office.post(f"/chia-se/{granted}/tep", data)
    async with shared.season.school.session(read_only=True) as session:
        assert taken.content == await transcripts.canonical_content(session, shared.version.id)
    assert service.UNKNOWN in (await office.get(f"/chia-se/{other}")).text


async def test_five_wrong_pins_close_a_link_and_the_right_one_comes_too_late(shared: Shared) -> None:
    made = await shared.share()
    for _ in range(rules.MOST_WRONG):
        with pytest.raises(Invalid, match="Mã PIN không đúng"):
            await service.open_content(made.token, "x", "192.0.2.0/24")
    with pytest.raises(Forbidden, match="bị nhập sai 5 lần"):
        await service.open_content(made.token, made.pin, "192.0.2.0/24")


async def test_a_link_ends_with_its_day_and_by_the_school(shared: Shared) -> None:
    made = await shared.share()
    await shared.do("update share set wrong_pins = 0 where id = :id", id=made.share_id)
    real = clock.now
    later = real() + timedelta(days=30, minutes=1)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clock, "now", lambda: later)
        with pytest.raises(Forbidden, match="đã hết hạn ngày"):
            await service.look(made.token)
    async with shared.season.school.session() as session:
        clerk = await shared.season.school.actor(session, "clerk")
        with pytest.raises(Invalid, match="lý do thu hồi"):
            await service.revoke(session, clerk, shared.version.id, made.share_id, " ")
        await service.revoke(session, clerk, shared.version.id, made.share_id, "Gửi nhầm nơi")
        with pytest.raises(Conflict, match="đã được thu hồi ngày"):
            await service.revoke(session, clerk, shared.version.id, made.share_id, "Lần nữa")
    with pytest.raises(Forbidden, match="đã bị nhà trường thu hồi"):
        await service.look(made.token)
    with pytest.raises(Conflict):
        await service.revoke_as_family(made.family_token)
    _, view = await service.look_as_family(made.family_token)
    assert view.revoked_why == "Gửi nhầm nơi"


async def test_without_data_only_the_signed_pages_are_taken(shared: Shared) -> None:
    made = await shared.share(with_data=False)
    with pytest.raises(Forbidden, match="chỉ cho xem và tải tệp PDF"):
        await service.take_file(made.token, made.pin, "2025-2026", "json", "192.0.2.0/24")
    file, _ = await service.take_file(made.token, made.pin, "2025-2026", "pdf", "192.0.2.0/24")
    assert file.startswith(b"%PDF-")


async def test_who_does_not_keep_transcripts_shares_none(shared: Shared) -> None:
    async with shared.season.school.session() as session:
        with pytest.raises(Forbidden, match="do ban giám hiệu hoặc văn thư chia sẻ"):
            await service.make(session, shared.season.homeroom, shared.version.id, OPEN, AGREED)


async def test_a_token_that_nobody_has_is_answered_in_words(stranger: Browser) -> None:
    for path in ("/chia-se/khong-co", "/chia-se/gia-dinh/khong-co"):
        answer = await stranger.get(path)
        assert (answer.status_code, service.UNKNOWN in answer.text) == (404, True)


async def test_what_was_recalled_is_not_shown_by_a_link_that_is_open(shared: Shared) -> None:
    """Last, for it takes the transcript back."""
    made = await shared.share()
    _, shown = await service.open_content(made.token, made.pin, "192.0.2.0/24")
    assert [year.full_name for year in shown.years] == [shared.version.full_name]
    await shared.do(
        "update transcript_version set state = 'recalled', withdrawn_at = now(), withdrawn_reason = 'Sai' where id = :id",
        id=shared.version.id,
    )
    _, shown = await service.open_content(made.token, made.pin, "192.0.2.0/24")
    assert shown.years == ()
    with pytest.raises(NotFound, match="không còn học bạ nào có giá trị"):
        await service.take_file(made.token, made.pin, "2025-2026", "pdf", "192.0.2.0/24")
