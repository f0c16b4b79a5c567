"""The operator's console: who comes in, what is seen there, and that the look stands in the platform's log."""

import re
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from markupsafe import escape
from sqlalchemy import insert

from backend import cli
from backend.app import ROUTES
from backend.console import ROUTES as CONSOLE
from backend.console import create_console
from backend.core import clock, jobs, settings
from backend.core.actor import machine
from backend.core.jobs import Job
from backend.core.platform_facts import CheckpointView, LaneView, PlatformView, ProbeView
from backend.integrations.authorities import service as authorities
from backend.integrations.notifications import tasks
from backend.integrations.operations import pages, rules, service
from backend.integrations.profiles import catalog
from backend.tenants.schools import service as schools
from tests.core.browser import Browser
from tests.factories.small_school import SmallSchool, enroll
from tests.records.conftest import small_school

__all__ = ["small_school"]

NOW = datetime(2026, 5, 20, 8, tzinfo=UTC)
LOOKS = "select count(*) from directory.platform_event where operator = $1 and action = 'openings.application.list'"


@pytest.fixture
def console(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> Browser:
    """A browser before a console that has just started."""
    monkeypatch.setattr(pages, "door", service.Door())
    return Browser(create_console())


def link(capsys: pytest.CaptureFixture[str], operator: str) -> str:
    """What `hocba console-link` prints, without the host."""
    assert cli.main(["console-link", "--operator", operator]) == 0
    found = re.search(r"/van-hanh/vao/\S+", capsys.readouterr().out)
    assert found
    return found[0]


async def test_an_operator_comes_in_once_and_sees_counts_alone(
    console: Browser,
    small_school: SmallSchool,
    product: settings.Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with small_school.session() as session:
        await small_school.open_class(session, "1A", 1)
        await enroll(session, "1A", ["Lò Thị An"])
        [row] = jobs.rows(small_school.tenant_id, tasks.send, [small_school.year_id])
        parked = {"state": "parked", "told": "Lò Thị An", "last_error": "SMTPServerDisconnected"}
        await session.execute(insert(Job), [row | parked])
    way = link(capsys, "Vận hành Thử")
    assert "hocba console-link" in (await console.get("/van-hanh")).text, "nobody is in"
    assert "Đường dẫn cấp cho Vận hành Thử" in (await console.get(way)).text
    assert (await console.post(way)).status_code == 303
    shown = (await console.get("/van-hanh")).text
    assert "SMTPServerDisconnected" in shown
    assert "notifications.mail" in shown
    assert "Làn webhook: " in shown
    assert "Lò Thị An" not in shown, "what people are told may name a pupil, and is not read"
    log = await asyncpg.connect(product.database_migrator_url)
    try:
        assert await log.fetchval(LOOKS, "Vận hành Thử") == 2, "the schools, and those that wait"
    finally:
        await log.close()
    again = Browser(create_console())
    assert (await again.get(way)).status_code == 401, "the link is used up"
    assert (await console.post("/van-hanh/ra")).status_code == 303
    assert (await console.get("/van-hanh")).status_code == 401


async def test_the_operator_reads_profiles_and_who_uses_them(
    console: Browser,
    small_school: SmallSchool,
    product: settings.Settings,
    capsys: pytest.CaptureFixture[str],
) -> None:
    home = "/van-hanh/ho-so-ket-noi"
    for closed in (home, f"{home}/vn.ninh-binh.hocba/2"):
        assert (await console.get(closed)).status_code == 401
    async with small_school.session() as session:
        await authorities.bind(session, machine(small_school.tenant_id), "vn.csdl-nganh.hocba/2", {}, {})
        school = (await schools.get_school(session)).name
    way = link(capsys, "Vận hành Đọc")
    await console.get(way)
    await console.post(way)
    listed = (await console.get(home)).text
    assert all(f"{home}/{one}" in listed for one in catalog.ids())
    assert "không dùng được" not in listed.lower()
    assert school in listed
    shown = (await console.get(f"{home}/vn.ninh-binh.hocba/2")).text
    profile = authorities.published_profile("vn.ninh-binh.hocba/2")
    assert all(escape(one.words) in shown for one in profile.errors.values())
    assert all(escape(rule.when) in shown for rule in profile.operations.query.answer.rules)  # type: ignore[union-attr]
    assert "Khác mẫu" not in shown
    assert str(small_school.tenant_id) not in shown
    assert str(small_school.tenant_id) in (await console.get(f"{home}/vn.csdl-nganh.hocba/2")).text
    differ = (await console.get(f"{home}/vn.ninh-binh.hocba/2?so_voi=vn.ninh-binh.hocba/1")).text
    assert "+ &#34;profile&#34;: &#34;vn.ninh-binh.hocba/2&#34;" in differ
    assert (await console.get(f"{home}/vn.khong-co.hocba/1")).status_code == 404
    assert (await console.get(f"{home}/vn.ninh-binh.hocba/2?so_voi=../../etc/passwd")).status_code == 404
    log = await asyncpg.connect(product.database_migrator_url)
    try:
        looks = LOOKS.replace("openings.application.list", "authorities.bindings.list")
        assert await log.fetchval(looks, "Vận hành Đọc") == 3, "the list, and each profile that was opened"
    finally:
        await log.close()


async def test_a_link_that_is_old_forged_or_from_before_the_start_lets_nobody_in(
    console: Browser, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    way = link(capsys, "Vận hành Thử")
    assert (await console.get(f"{way}x")).status_code == 401
    assert (await console.get("/van-hanh/vao/eyJ9.00")).status_code == 401
    later = clock.now() + timedelta(minutes=11)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert (await console.get(way)).status_code == 401
    monkeypatch.undo()
    monkeypatch.setattr(pages, "door", service.Door())
    assert (await console.get(way)).status_code == 401, (
        "a console that was started since does not know who used it"
    )
    assert (await console.get("/van-hanh")).status_code == 401


def test_neither_site_has_a_page_of_the_other() -> None:
    assert len([one for one in CONSOLE if one in ROUTES]) == 2, "health and files"
    assert [route.path for route in create_console().routes if not _is_own(route.path)] == []


def _is_own(path: str) -> bool:
    return path in ("/", "/healthz") or path.startswith(("/van-hanh", "/static"))


def view(**changes: object) -> PlatformView:
    lane = LaneView(lane="sign", waiting=0, later=0, at_work=0, parked=0, schools=0, oldest=None)
    usual: dict[str, object] = {
        "at": NOW,
        "schools": 2,
        "lanes": (lane,),
        "shares": (),
        "troubles": (),
        "unread_events": 0,
        "checkpoints": (CheckpointView(number=7, made_at=NOW - timedelta(hours=1)),),
        "probes": (ProbeView(at=NOW - timedelta(hours=3), tried=9, broken=()),),
    }
    return PlatformView(**(usual | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"checkpoints": ()}, "chưa được niêm phong lần nào"),
        ({"checkpoints": (CheckpointView(number=1, made_at=NOW - timedelta(hours=5)),)}, "từ 5 giờ 0 phút"),
        ({"probes": (ProbeView(at=NOW, tried=9, broken=("delete",)),)}, "không giữ được 1 cách thử"),
        ({"probes": ()}, "chưa được thử trong 26 giờ qua"),
        (
            {
                "lanes": (
                    LaneView(
                        lane="sign",
                        waiting=3,
                        later=0,
                        at_work=0,
                        parked=2,
                        schools=1,
                        oldest=NOW - timedelta(minutes=11),
                    ),
                )
            },
            "việc lâu nhất chờ 11 phút",
        ),
    ],
)
def test_what_somebody_must_look_at_is_said(changes: dict[str, object], said: str) -> None:
    assert rules.alarms(view(), locks_files=True) == ()
    assert any(said in words for words in rules.alarms(view(**changes), locks_files=True))
