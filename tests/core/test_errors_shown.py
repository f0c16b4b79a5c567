"""Failures as people and programs see them."""

import logging

import pytest
from litestar import Litestar

from tests.core.browser import Browser
from tests.core.probes import KINDS

STATUS = {
    "not-found": 404,
    "forbidden": 403,
    "conflict": 409,
    "invalid": 422,
    "unavailable": 503,
    "too-many": 429,
    "connection": 503,
    "unexpected": 500,
}
FORMS = {
    "page": {"Accept": "text/html"},
    "fragment": {"Accept": "text/html", "HX_Request": "true"},
    "json": {"Accept": "application/json"},
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("kind", KINDS)
async def test_each_error_in_each_form(probe_site: Litestar, kind: str, form: str) -> None:
    answer = await Browser(probe_site).get(f"/thu/loi/{kind}", **FORMS[form])
    assert answer.status_code == STATUS[kind]
    assert answer.headers["x-request-id"] in answer.text
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text
    if kind not in ("connection", "unexpected"):
        assert str(KINDS[kind]) in answer.text
    if form == "page":
        assert "<!doctype html>" in answer.text
    if form == "fragment":
        assert "<html" not in answer.text
        assert answer.headers["hx-retarget"] == "#flash"
    if form == "json":
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json()["status"] == STATUS[kind]


async def test_the_heading_of_a_conflict_fits_every_conflict(probe_site: Litestar) -> None:
    answer = await Browser(probe_site).get("/thu/loi/conflict", Accept="text/html")
    assert "<h1>Chưa làm được việc này</h1>" in answer.text
    assert "người khác" not in answer.text


async def test_retry_after_is_told(probe_site: Litestar) -> None:
    browser = Browser(probe_site)
    assert (await browser.get("/thu/loi/too-many")).headers["retry-after"] == "7"
    assert (await browser.get("/thu/loi/connection")).headers["retry-after"] == "5"


async def test_unknown_address_and_wrong_method(stranger: Browser) -> None:
    assert (await stranger.get("/khong-co")).status_code == 404
    refused = await stranger.get("/dang-xuat")
    assert refused.status_code == 405
    assert "POST" in refused.headers["allow"]
    assert (await stranger.get("/api/khong-co")).json()["status"] == 404


async def test_a_wrong_parameter_is_named(probe_principal: Browser) -> None:
    answer = await probe_principal.get("/thu/so?so=bay")
    assert answer.status_code == 422
    assert "ở mục: so" in answer.text


async def test_a_body_that_is_too_large(stranger: Browser) -> None:
    await stranger.get("/dang-nhap")
    answer = await stranger.post("/dang-nhap", {"login": "a" * 1_100_000})
    assert answer.status_code == 413
    assert "quá lớn" in answer.text


async def test_broken_forms_are_refused_in_words(stranger: Browser) -> None:
    await stranger.get("/dang-nhap")
    for body, kind in (
        (b"\xff\xfe%zz=&&=", "application/x-www-form-urlencoded"),
        (b"--x", "multipart/form-data"),
    ):
        answer = await stranger.http.post("/dang-nhap", content=body, headers={"Content-Type": kind})
        assert answer.status_code in (400, 422)


async def test_the_log_has_the_request_and_no_text(
    probe_site: Litestar, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        answer = await Browser(probe_site).get("/thu/loi/unexpected?ten=Nguyen")
    entry = next(record for record in caplog.records if record.name == "access")
    assert entry.__dict__["request_id"] == answer.headers["x-request-id"]
    assert entry.__dict__["route"] == "/thu/loi/{kind}"
    assert entry.__dict__["status"] == 500
    assert "Nguyen" not in entry.getMessage()
    failure = next(record for record in caplog.records if record.exc_info)
    assert failure.__dict__["request_id"] == answer.headers["x-request-id"]
