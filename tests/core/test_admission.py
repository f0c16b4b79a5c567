"""What is let in, by kind of address: persons, schools and networks have limits of their own."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio
from litestar import Litestar
from litestar.routes import HTTPRoute

from backend.core import admission, rate_limit, settings
from backend.core.admission import TABLE, RouteClass
from backend.core.ids import new_lookup_code
from backend.core.rate_limit import Charge, Limit, TooManyTries
from backend.tenants.guards import OPTION
from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, signed_in

MISSES = TABLE[RouteClass.LOOKUP].failures or 0


@pytest_asyncio.fixture(loop_scope="session")
async def real_limits(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[None]:
    """The limits as they are in production; nobody has asked for anything yet."""
    monkeypatch.setenv("HOCBA_ROUTE_LIMIT_FACTOR", "1")
    settings.get.cache_clear()
    keys = [key async for key in rate_limit._client().scan_iter("limit:*")]
    if keys:
        await rate_limit._client().delete(*keys)
    rate_limit._ahead.clear()
    yield
    monkeypatch.undo()
    settings.get.cache_clear()


def marked(site: Litestar) -> list[tuple[str, object, RouteClass]]:
    """Path, mark and class of every handler."""
    return [
        (route.path, handler.opt[OPTION], handler.opt[admission.OPTION])
        for route in site.routes
        if isinstance(route, HTTPRoute)
        for handler in route.route_handlers
        if handler.http_methods != {"OPTIONS"}
    ]


def test_every_address_has_its_class(site: Litestar) -> None:
    free = {path for path, _, kind in marked(site) if kind is RouteClass.FREE}
    assert free == {
        "/favicon.ico",
        "/healthz",
        "/luoc-do/{name:str}",
        # The public log: whoever mirrors it fetches all of it.
        "/minh-bach/checkpoint",
        "/minh-bach/noi-tiep/{size:int}",
        "/minh-bach/tile/{path:path}",
        "/readyz",
        "/styleguide",
        "/static/{file_path:path}",
    }
    assert {kind for _, _, kind in marked(site)} == set(RouteClass)


def test_every_number_counts_somebody(site: Litestar) -> None:
    """Strangers count by network, who is signed in by person and school; a class without them has no such number."""
    public = {kind for _, mark, kind in marked(site) if getattr(mark, "any_of", None) is None}
    signed_in_only = {kind for _, mark, kind in marked(site) if getattr(mark, "any_of", None) is not None}
    counted = {kind for kind in RouteClass if kind is not RouteClass.FREE}
    assert {kind for kind in counted if TABLE[kind].network} == public & counted
    assert {kind for kind in counted if TABLE[kind].person} == signed_in_only & counted
    assert {kind for kind in counted if TABLE[kind].school} == signed_in_only & counted


def test_whatever_takes_data_away_is_an_export(site: Litestar) -> None:
    taken = {path for path, _, kind in marked(site) if kind is RouteClass.EXPORT}
    assert taken == {
        "/ban-sao/{copy_id:uuid}/tep",
        "/hoc-ba/{version_id:uuid}/bang-chung",
        "/ky/luot/{step_id:uuid}/tep",
        "/chu-truong/ban-giao/xuat/{export_id:uuid}/tai",
        "/du-lieu-ca-nhan/{request_id:uuid}/ban-sao",
        "/hoc-ba/{version_id:uuid}/tep/{kind:str}",
        "/hoc-sinh/{student_id:uuid}/chuyen-hoc-ba/goi/{transfer_id:uuid}/tai",
    }


def test_what_strangers_may_guess_counts_its_failures(site: Litestar) -> None:
    guessable = {
        path: TABLE[kind].failures
        for path, mark, kind in marked(site)
        if getattr(mark, "any_of", None) is None and "{" in path and kind is not RouteClass.FREE
    }
    assert "/tra-cuu/{code:str}" in guessable
    # The pages of the handbook stand in its contents: nobody need guess them.
    assert [path for path, failures in guessable.items() if not failures] == ["/huong-dan/{slug:str}"]


async def misses(site: Litestar, browser: Browser, count: int) -> list[int]:
    """The statuses of so many look-ups of codes that nobody has."""
    return [(await browser.get(f"/tra-cuu/{new_lookup_code()}")).status_code for _ in range(count)]


async def test_codes_that_nobody_has_are_few_from_one_network(site: Litestar, real_limits: None) -> None:
    browser = Browser(site)
    assert await misses(site, browser, MISSES + 1) == [404] * MISSES + [429]
    refused = await browser.get(f"/tra-cuu/{new_lookup_code()}")
    assert 1 <= int(refused.headers["retry-after"]) <= 6
    assert "xin chờ" in refused.text
    assert await misses(site, Browser(site), 1) == [404], "another network goes on"


async def test_all_at_once_let_no_more_through(site: Litestar, real_limits: None) -> None:
    browser = Browser(site)
    found = await asyncio.gather(*(misses(site, browser, 1) for _ in range(MISSES * 2)))
    assert sorted(status for [status] in found) == [404] * MISSES + [429] * MISSES


async def test_what_succeeds_is_not_counted_as_a_failure(site: Litestar, real_limits: None) -> None:
    browser = Browser(site)
    await browser.get("/tra-cuu")
    answers = [await browser.post("/tra-cuu", {"ma": new_lookup_code()}) for _ in range(MISSES * 2)]
    assert {answer.status_code for answer in answers} == {303}


async def test_a_sweep_from_many_networks_is_held_back_and_told(
    site: Litestar, real_limits: None, caplog: pytest.LogCaptureFixture
) -> None:
    name, most = admission.SWEEP
    await rate_limit.charge([Charge(Limit(name=name, burst=most, per_seconds=60), "", cost=most * 2)])
    held = admission.MISSES_IN_A_SWEEP[1]
    browser = Browser(site)
    assert await misses(site, browser, held + 1) == [404] * held + [429]
    assert len([record for record in caplog.records if getattr(record, "event", "") == "sweep"]) == 1
    other = Browser(site)
    await other.get("/tra-cuu")
    answers = [await other.post("/tra-cuu", {"ma": new_lookup_code()}) for _ in range(held * 2)]
    assert {answer.status_code for answer in answers} == {303}, "what does not miss is not held back"


async def test_one_person_does_not_use_up_the_others(
    site: Litestar, school: TestSchool, real_limits: None
) -> None:
    one, other = [await signed_in(site, school, role) for role in (Role.CLERK, Role.OWNER)]
    most = TABLE[RouteClass.READ].person or 0
    bucket = Limit(name="read-person", burst=most, per_seconds=60)
    # All at once: on a busy machine a bucket that is paid from try by try has some of them back before it is empty.
    await rate_limit.charge([Charge(bucket, str(school.staff[Role.CLERK]), cost=most, soft=True)])
    refused = await one.http.get("/lop", headers={"Accept": "application/json"})
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"].startswith("Đã thử quá nhiều lần")
    assert (await other.get("/lop")).status_code == 200


async def _status(client: httpx.AsyncClient) -> int:
    return (await client.get("/lop")).status_code


async def test_strange_cookies_are_few_from_one_network(site: Litestar, real_limits: None) -> None:
    browser = Browser(site)
    browser.http.cookies.set("hocba", "khong-phai-phien")
    # In turn: of many at once some are refused while a token lies here that was taken ahead.
    found = [await _status(browser.http) for _ in range(admission.STRANGE_KEYS + 20)]
    assert found.count(303) >= admission.STRANGE_KEYS
    assert found.count(429) >= 1


async def test_all_pay_or_none_does(product: settings.Settings) -> None:
    wide, narrow = (
        Limit(name=f"tried-{new_lookup_code()}", burst=burst, per_seconds=3600) for burst in (5, 1)
    )
    both = [Charge(wide, "x"), Charge(narrow, "x")]
    await rate_limit.charge(both)
    with pytest.raises(TooManyTries):
        await rate_limit.charge(both)
    await rate_limit.charge([Charge(narrow, "x", cost=-1)])
    await rate_limit.charge(both)
    assert await rate_limit.charge([Charge(wide, "x"), Charge(wide, "y"), Charge(narrow, "x", cost=0)])
    await rate_limit.charge([Charge(wide, "x", cost=2)])
    with pytest.raises(TooManyTries):
        await rate_limit.charge([Charge(wide, "x")])


@pytest.mark.parametrize("path", ["/", "/dang-nhap", "/tra-cuu", "/healthz", "/khong-co", "/dang-xuat"])
async def test_head_is_get_without_its_body(stranger: Browser, path: str) -> None:
    got, head = await stranger.http.get(path), await stranger.http.head(path)
    assert head.status_code == got.status_code
    assert head.content == b""
    for name in ("content-type", "content-length", "allow", "location", "cache-control"):
        assert head.headers.get(name) == got.headers.get(name), name


async def test_head_writes_nothing(probe_principal: Browser) -> None:
    assert (await probe_principal.http.head("/thu/ghi-khi-doc?nhan=x")).status_code == 500
