"""What waits for a person is told on the page and by e-mail, is gone when it is done, and names nobody."""

import json
import threading
import uuid
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import pytest
from litestar import Litestar

from backend.core import settings
from backend.integrations.notifications import service
from backend.integrations.notifications.schemas import Kind, MailState, Notice, Setting
from backend.records.gradebook import life
from infra.simulators.mail.app import build
from infra.simulators.mail.inbox import Inbox, Server
from tests.core.browser import Browser
from tests.core.site_fixtures import site
from tests.factories.machine import Death, Machine
from tests.factories.small_school import STAFF, SmallSchool, enroll, fill
from tests.records.conftest import small_school

__all__ = ["site", "small_school"]

PUPILS = ["Lò Thị An", "Cầm Văn Bình"]
ALWAYS = Setting(quiet_from=0, quiet_until=0)


@pytest.fixture
def inbox(product: settings.Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Inbox]:
    """The catcher of the local stack, as the platform's e-mail server."""
    kept = Inbox(tmp_path)
    with Server(("127.0.0.1", 0), kept) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv("HOCBA_MAIL_URL", f"smtp://127.0.0.1:{server.server_address[1]}")
        settings.get.cache_clear()
        yield kept
        server.shutdown()
    monkeypatch.undo()
    settings.get.cache_clear()


async def open_sheets(school: SmallSchool) -> None:
    """1A with two pupils and full sheets that nobody has handed in; e-mails may go at any hour."""
    async with school.session() as session:
        class_id = await school.open_class(session, "1A", 1)
        await enroll(session, "1A", PUPILS)
        await fill(session, await school.actor(session, "it"), class_id)
        for who in STAFF:
            await service.choose(session, await school.actor(session, who), ALWAYS)


async def waiting_for(school: SmallSchool, who: str) -> tuple[Notice, ...]:
    async with school.session(read_only=True) as session:
        return await service.pending(session, await school.actor(session, who))


async def queue(school: SmallSchool) -> None:
    async with school.session() as session:
        await service.queue_digests(session)


async def mails_of(school: SmallSchool) -> dict[str, MailState]:
    async with school.session(read_only=True) as session:
        found = await service.all_mails(session)
    return {one.name: one.state for one in found}


async def test_notices_follow_the_work(site: Litestar, small_school: SmallSchool) -> None:
    await open_sheets(small_school)
    [work] = [one for one in await waiting_for(small_school, "music") if one.kind is Kind.WORK]
    assert work.text == "1 sổ điểm của bạn chưa nộp"
    assert await waiting_for(small_school, "stranger") == ()
    teacher = await small_school.browser(site, "music")
    shown = (await teacher.get("/thong-bao")).text
    assert f'href="{work.url}"' in shown
    assert "Sổ điểm" in (await teacher.get(work.url)).text, "the notice leads to the very place"
    assert 'class="count" aria-hidden="true">1<' in (await teacher.get("/thong-bao/so")).text
    async with small_school.session() as session:
        await life.submit(
            session, await small_school.actor(session, "music"), uuid.UUID(work.url.rsplit("/", 1)[1])
        )
    assert await waiting_for(small_school, "music") == (), "done, and nothing had to be taken back"
    assert "Không có việc nào chờ bạn" in (await teacher.get("/thong-bao")).text
    await settings_are_of_each_person(teacher)
    assert (await teacher.get("/thong-bao/thu")).status_code == 403


async def settings_are_of_each_person(teacher: Browser) -> None:
    await teacher.get("/thong-bao/cai-dat")
    chosen = {"nhip": "weekly", "gio": "9", "im_tu": "21", "im_den": "5"}
    wrong = await teacher.post("/thong-bao/cai-dat", chosen | {"gio": "25"})
    assert wrong.status_code == 422
    assert "Giờ gửi phải là một giờ từ 0 đến 23" in wrong.text
    assert (await teacher.post("/thong-bao/cai-dat", chosen)).status_code == 303
    assert '<option value="weekly" selected>' in (await teacher.get("/thong-bao/cai-dat")).text


async def test_a_digest_goes_once_and_names_nobody(small_school: SmallSchool, inbox: Inbox) -> None:
    await open_sheets(small_school)
    await queue(small_school)
    await queue(small_school)
    await Machine(small_school.tenant_id).rest()
    await queue(small_school)
    await Machine(small_school.tenant_id).rest()
    sent = inbox.messages()
    staff = {name: f"{key}@{small_school.tenant_id.hex}.example" for key, (name, _) in STAFF.items()}
    assert {one["To"] for one in sent} >= {staff["Đinh Thị Hoài Thu"], staff["Quách Bảo Ngân"]}
    assert len({one["To"] for one in sent}) == len(sent), "one each"
    states = await mails_of(small_school)
    assert sum(state is MailState.SENT for state in states.values()) == len(sent)
    assert states["Tạ Khánh Linh"] is MailState.DROPPED, "nothing waits for her"
    for one in sent:
        said = f"{one['Subject']} {text_of(one)}"
        assert not [name for name in (*PUPILS, *staff) if name in said]
        assert "đang chờ bạn" in one["Subject"]
    shown = build(inbox)._answer(
        {"type": "http", "method": "GET", "path": "/messages", "query_string": b"", "headers": []}, b""
    )
    assert len(json.loads(shown.body)) == len(sent)


def text_of(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_a_server_that_is_down_loses_nothing_and_is_seen(
    site: Litestar, small_school: SmallSchool, inbox: Inbox
) -> None:
    await open_sheets(small_school)
    inbox.down = True
    await queue(small_school)
    machine = Machine(small_school.tenant_id)
    await machine.round()
    assert (await mails_of(small_school))["Quách Bảo Ngân"] is MailState.WAITING
    office = await small_school.browser(site, "it")
    assert (
        "Máy chủ thư chưa nhận thư (SMTPServerDisconnected); hệ thống tự gửi lại"
        in (await office.get("/thong-bao/thu")).text
    )
    inbox.down, inbox.fail = False, [451]
    await machine.rest()
    states = (await mails_of(small_school)).values()
    assert set(states) <= {MailState.SENT, MailState.DROPPED}
    assert len({one["To"] for one in inbox.messages()}) == len(inbox.messages())


async def test_an_address_that_is_refused_waits_for_a_person(small_school: SmallSchool, inbox: Inbox) -> None:
    await open_sheets(small_school)
    inbox.fail = [550] * len(STAFF)
    await queue(small_school)
    await Machine(small_school.tenant_id).rest()
    assert inbox.messages() == []
    async with small_school.session(read_only=True) as session:
        refused = [one for one in await service.all_mails(session) if one.state is MailState.REFUSED]
    assert {one.problem for one in refused} == {
        "Máy chủ thư không nhận địa chỉ này; xin kiểm tra địa chỉ ở trang Nhân sự."
    }


async def test_killed_after_sending_it_is_the_same_message(small_school: SmallSchool, inbox: Inbox) -> None:
    """Whether the server took it is not known then; the reader's program sees one Message-ID."""
    await open_sheets(small_school)
    await queue(small_school)
    await Machine(small_school.tenant_id, death=Death.BEFORE_THE_END).rest()
    ids = {one["To"]: one["Message-ID"] for one in inbox.messages()}
    assert len(inbox.messages()) == 2 * len(ids)
    assert {(one["To"], one["Message-ID"]) for one in inbox.messages()} == set(ids.items())


async def test_what_is_urgent_is_told_within_the_hour_to_whoever_acts_on_it(
    small_school: SmallSchool, inbox: Inbox
) -> None:
    await open_sheets(small_school)
    async with small_school.session() as session:
        await service.urge(session, [])
        await service.urge(session, [])
    left = await Machine(small_school.tenant_id).left()
    kinds = [job["kind"] for job in left]
    assert kinds == [service.MAIL] * 3, "principal, clerk and IT teacher, once"
