"""Requests that change something come from our own pages, in the same browser."""

import pytest
from litestar import Litestar

from backend.tenants.permissions import Role
from tests.core.browser import Browser
from tests.core.site_fixtures import TestSchool, signed_in

REFUSED = "xin tải lại trang rồi gửi lại"


async def test_without_a_token(principal: Browser) -> None:
    answer = await principal.post("/dang-xuat", {"csrf_token": ""})
    assert answer.status_code == 400
    assert REFUSED in answer.text


async def test_with_a_wrong_token(principal: Browser) -> None:
    assert (await principal.post("/dang-xuat", {"csrf_token": "f" * 64})).status_code == 400
    assert (await principal.post("/dang-xuat", X_CSRF_Token="f" * 64)).status_code == 400
    assert (await principal.post("/dang-xuat", {"csrf_token": "mã lạ"})).status_code == 400


async def test_with_the_token_of_another_session(probe_site: Litestar, school: TestSchool) -> None:
    one = await signed_in(probe_site, school, Role.PRINCIPAL)
    other = await signed_in(probe_site, school, Role.PRINCIPAL)
    await one.get("/thu/trang")
    await other.get("/thu/trang")
    assert one.csrf_token != other.csrf_token
    assert (await one.post("/thu/ghi", {"nhan": "x", "csrf_token": other.csrf_token})).status_code == 400
    assert (await one.post("/thu/ghi", {"nhan": "x"})).status_code == 303


async def test_the_token_from_before_sign_in_is_dead(principal: Browser) -> None:
    assert principal.csrf_token
    assert (await principal.post("/dang-xuat")).status_code == 400


async def test_the_header_counts_as_the_field(probe_principal: Browser) -> None:
    await probe_principal.get("/thu/trang")
    answer = await probe_principal.post("/thu/ghi", {"nhan": "x"}, X_CSRF_Token=probe_principal.csrf_token)
    assert answer.status_code == 303


@pytest.mark.parametrize("site_header", ["cross-site", "same-site"])
async def test_other_sites_are_refused_even_with_the_token(
    probe_principal: Browser, site_header: str
) -> None:
    await probe_principal.get("/thu/trang")
    answer = await probe_principal.post("/thu/ghi", {"nhan": "x"}, Sec_Fetch_Site=site_header)
    assert answer.status_code == 400
    assert "từ một trang khác" in answer.text
    assert (
        await probe_principal.post("/thu/ghi", {"nhan": "x"}, Sec_Fetch_Site="same-origin")
    ).status_code == 303


async def test_reading_from_another_site_is_allowed(stranger: Browser) -> None:
    assert (await stranger.get("/dang-nhap", Sec_Fetch_Site="cross-site")).status_code == 200


async def test_signing_in_needs_the_form_of_this_browser(stranger: Browser, site: Litestar) -> None:
    other = Browser(site)
    await other.get("/dang-nhap")
    answer = await stranger.post("/dang-nhap", {"login": "a", "csrf_token": other.csrf_token})
    assert answer.status_code == 400
    await stranger.get("/dang-nhap")
    assert (
        await stranger.post("/dang-nhap", {"login": "a", "csrf_token": other.csrf_token})
    ).status_code == 400


async def test_policy_reports_need_no_token(stranger: Browser) -> None:
    answer = await stranger.http.post(
        "/bao-cao-csp", content=b"[]", headers={"Content-Type": "application/reports+json"}
    )
    assert answer.status_code == 204
