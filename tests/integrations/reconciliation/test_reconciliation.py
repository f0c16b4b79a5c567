"""The list of a real Authority process against what the school sent; what differs is shown, and nothing is changed."""

from collections.abc import AsyncIterator
from datetime import date

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import clock, settings
from backend.core.actor import machine
from backend.core.errors import Conflict
from backend.integrations.authorities import service as authorities
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import catalog
from backend.integrations.reconciliation import service
from backend.integrations.reconciliation.schemas import Outcome, RunView
from tests.core.site_fixtures import site
from tests.factories.issued_versions import issue
from tests.factories.machine import Machine
from tests.factories.signing_school import changed_settings
from tests.factories.small_school import SmallSchool, open_small_school
from tests.fakes.processes import Province
from tests.integrations.deliveries.conftest import authority, product

__all__ = ["authority", "product", "site"]

LIST = "/api/v1/lists/"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def school(authority: Province) -> SmallSchool:
    """Three learning records that the Authority has accepted."""
    opened = await open_small_school()
    async with opened.session() as session:
        await opened.open_class(session, "4A", 4)
    await issue(opened.tenant_id, 3)
    await Machine(opened.tenant_id).rest()
    return opened


@pytest_asyncio.fixture(loop_scope="session", autouse=True)
async def clean(authority: Province) -> AsyncIterator[None]:
    yield
    authority.clear_faults()


async def compared(school: SmallSchool) -> RunView:
    """One run from the wish to its end."""
    async with school.session() as session:
        run_id = await service.ask(session, machine(school.tenant_id))
    await Machine(school.tenant_id).rest()
    async with school.session() as session:
        return (await service.open_run(session, machine(school.tenant_id), run_id))[0]


async def states(school: SmallSchool) -> list[DeliveryState]:
    async with school.session() as session:
        return [one.state for one in await deliveries.deliveries_after(session, None, 50)]


def counted(run: RunView) -> tuple[int, int, int, int, int]:
    return run.matched, run.extra, run.missing, run.content, run.state


async def test_both_sides_have_the_same(school: SmallSchool) -> None:
    run = await compared(school)
    assert (run.outcome, counted(run)) == (Outcome.COMPARED, (3, 0, 0, 0, 0))
    async with school.session() as session:
        assert await service.last_differences(session) is None


@pytest.mark.parametrize(
    ("fault", "wanted"),
    [
        ("list_forgets", (2, 0, 1, 0, 0)),
        ("list_invents", (3, 1, 0, 0, 0)),
        ("list_other_content", (2, 0, 0, 1, 0)),
        ("list_other_state", (2, 0, 0, 0, 1)),
    ],
)
async def test_each_difference_is_counted_and_changes_nothing(
    school: SmallSchool, authority: Province, fault: str, wanted: tuple[int, ...]
) -> None:
    before = await states(school)
    authority.fault(fault, path=LIST)
    run = await compared(school)
    assert (run.outcome, counted(run)) == (Outcome.COMPARED, wanted)
    assert await states(school) == before


@pytest.mark.parametrize(
    ("fault", "outcome"),
    [
        ("list_short", Outcome.UNREADABLE),
        ("html_200", Outcome.UNREADABLE),
        ("drop_after_accept", Outcome.UNREACHED),
    ],
)
async def test_from_a_list_that_is_not_whole_nothing_is_concluded(
    school: SmallSchool, authority: Province, fault: str, outcome: Outcome
) -> None:
    authority.fault(fault, path=LIST)
    run = await compared(school)
    assert (run.outcome, counted(run)) == (outcome, (0, 0, 0, 0, 0))


async def test_a_refused_key_is_named(school: SmallSchool) -> None:
    with changed_settings(HOCBA_PROVINCE_API_KEY="sai"):
        assert (await compared(school)).outcome == Outcome.REFUSED


async def test_what_they_have_and_we_did_not_send_is_an_alarm(
    site: Litestar, school: SmallSchool, authority: Province
) -> None:
    authority.fault("list_invents", path=LIST)
    run = await compared(school)
    clerk = await school.browser(site, "clerk")
    notice = await clerk.get("/doi-soat/viec")
    assert "Sở có 1 học bạ mà trường không gửi" in notice.text
    assert f'href="/doi-soat/{run.id}"' in notice.text
    assert 'hx-get="/doi-soat/viec"' in (await clerk.get("/")).text
    shown = (await clerk.get(f"/doi-soat/{run.id}")).text
    assert "Hỏi Sở ngay ai đã nộp học bạ này" in shown
    assert "Có chênh lệch" in (await clerk.get("/doi-soat")).text
    async with school.session() as session:
        query = text(
            "select count(*) from audit_event where action = 'deliveries.reconciliation.alarm' and subject_id = :id"
        )
        assert (await session.execute(query, {"id": run.id})).scalar_one() == 1
    # A later comparison without it ends the alarm.
    await compared(school)
    assert (await clerk.get("/doi-soat/viec")).status_code == 204
    other = await (await open_small_school()).browser(site, "clerk")
    assert (await other.get(f"/doi-soat/{run.id}")).status_code == 404


async def test_who_only_reads_does_not_ask(site: Litestar, school: SmallSchool) -> None:
    principal = await school.browser(site, "principal")
    assert "Đối soát ngay" not in (await principal.get("/doi-soat")).text
    assert (await principal.post("/doi-soat")).status_code == 403
    it = await school.browser(site, "it")
    assert "Đối soát ngay" in (await it.get("/doi-soat")).text
    assert (await it.post("/doi-soat")).status_code == 303
    assert (await it.post("/doi-soat")).status_code == 409
    await Machine(school.tenant_id).rest()


async def test_an_answer_that_never_came_is_found_in_the_list(
    school: SmallSchool, authority: Province
) -> None:
    async with school.session() as session:
        lost = (await deliveries.deliveries_after(session, None, 50))[0]
        query = text("update delivery set state = 'unknown', answered_at = null where id = :id")
        await session.execute(query, {"id": lost.id})
    run = await compared(school)
    assert counted(run)[0] == 3
    await Machine(school.tenant_id).rest()
    assert await states(school) == [DeliveryState.ACCEPTED] * 3


async def nights(school: SmallSchool) -> int:
    """How many runs there are after one more night."""
    async with school.session() as session:
        await service.queue(session)
    async with school.session() as session:
        return len(await service.runs(session))


async def test_every_night_of_the_season_once(
    product: settings.Settings, authority: Province, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = await open_small_school()
    monkeypatch.setattr(clock, "today", lambda: date(2026, 7, 1))
    assert await nights(opened) == 0, "nothing was ever sent"
    async with opened.session() as session:
        await opened.open_class(session, "4A", 4)
    await issue(opened.tenant_id)
    await Machine(opened.tenant_id).rest()
    monkeypatch.setattr(clock, "today", lambda: date(2026, 12, 1))
    assert await nights(opened) == 0, "not the season"
    monkeypatch.setattr(clock, "today", lambda: date(2026, 7, 1))
    assert await nights(opened) == 1
    assert await nights(opened) == 1, "once a night"
    await Machine(opened.tenant_id).rest()
    async with opened.session() as session:
        [run] = await service.runs(session)
    assert run.outcome == Outcome.COMPARED


async def test_an_authority_without_a_list_is_said_so(product: settings.Settings) -> None:
    assert catalog.load(catalog.path_of("vn.so-tay.hocba/1"), {}).profile.reconcile is None
    opened = await open_small_school()
    with changed_settings(HOCBA_AUTHORITY_URLS="vn.so-tay.hocba/1=http://127.0.0.1:9"):
        async with opened.session() as session:
            actor = machine(opened.tenant_id)
            bound = {"account": "truong-mau", "school": "TM0001"}, {"password": "khoa"}
            await authorities.bind(session, actor, "vn.so-tay.hocba/1", *bound)
            with pytest.raises(Conflict, match="không cho lấy danh sách"):
                await service.ask(session, actor)
