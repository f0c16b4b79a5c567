"""Every kind of answer carries the same protections; this is their snapshot."""

import pytest
from litestar import Litestar

from backend.core import headers, settings, templates
from tests.core.browser import Browser

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'; trusted-types htmx; report-to csp"
)
ALWAYS = {
    "content-security-policy": POLICY,
    "reporting-endpoints": 'csp="/bao-cao-csp"',
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
ANSWERS = {
    "page": ("GET", "/dang-nhap", 200),
    "signed-in page": ("GET", "/thu/trang", 200),
    "fragment": ("GET", "/thu/manh", 200),
    "redirect": ("GET", "/dang-nhap?x=1", 200),
    "health": ("GET", "/healthz", 200),
    "ready": ("GET", "/readyz", 200),
    "unknown address": ("GET", "/khong-co", 404),
    "missing file": ("GET", "/static/khong-co.js", 404),
    "wrong method": ("DELETE", "/dang-nhap", 405),
    "options": ("OPTIONS", "/dang-nhap", 204),
    "refused": ("POST", "/dang-nhap", 400),
    "error": ("GET", "/thu/loi/invalid", 422),
    "bug": ("GET", "/thu/loi/unexpected", 500),
}


@pytest.mark.parametrize("kind", ANSWERS)
async def test_each_kind_of_answer(probe_principal: Browser, kind: str) -> None:
    method, path, status = ANSWERS[kind]
    answer = await probe_principal.http.request(method, path)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers


async def test_to_sign_in_too(probe_site: Litestar) -> None:
    answer = await Browser(probe_site).get("/thu/trang")
    assert answer.status_code == 303
    assert {name: answer.headers.get(name) for name in ALWAYS} == ALWAYS


def test_production_insists_on_https(product: settings.Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = ("PUBLIC_URL", "S3_ENDPOINT", "SIGNING_URL", "TSA_URL", "PROVINCE_URL")
    for name in (*ours, "GOOGLE_ISSUER", "ENTRA_ISSUER", "OTHER_ISSUERS"):
        monkeypatch.setenv(f"HOCBA_{name}", "https://hocba.example")
    monkeypatch.setenv("HOCBA_ENVIRONMENT", "production")
    monkeypatch.setenv("HOCBA_S3_OBJECT_LOCK", "required")
    monkeypatch.setenv("HOCBA_EGRESS_TUNNELS", "")
    monkeypatch.setenv("HOCBA_ROUTE_LIMIT_FACTOR", "1")
    settings.get.cache_clear()
    try:
        added = dict(headers.add_to([], path="/", status=200, request_id="r"))
    finally:
        monkeypatch.undo()
        settings.get.cache_clear()
    assert added[b"strict-transport-security"] == b"max-age=63072000; includeSubDomains"


async def test_built_files_may_be_kept(site: Litestar, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "_manifest", lambda built_at: {"app.js": "app.0123456789.js"})
    assert templates.asset("app.js") == "/static/app.0123456789.js"
    policy = {
        path: dict(headers.add_to([], path=path, status=status, request_id="r"))[b"cache-control"].decode()
        for path, status in (
            ("/static/app.0123456789.js", 200),
            ("/static/LICENSE", 200),
            ("/static/app.js", 404),
        )
    }
    assert list(policy.values()) == [
        "public, max-age=31536000, immutable",
        "public, max-age=3600",
        "no-store",
    ]


async def test_a_proxys_request_id_is_kept_if_it_is_one(stranger: Browser) -> None:
    kept = await stranger.get("/healthz", X_Request_Id="0123456789abcdef")
    assert kept.headers["x-request-id"] == "0123456789abcdef"
    for odd in ("short", "a b c d e f g h", '"><script>alert(1)</script>', "x" * 65):
        assert (await stranger.get("/healthz", X_Request_Id=odd)).headers["x-request-id"] != odd


async def test_browsers_find_the_mark_where_a_page_names_none(site: Litestar, stranger: Browser) -> None:
    sent = await stranger.get("/favicon.ico")
    assert sent.status_code == 302
    mark = await stranger.get(sent.headers["location"])
    assert (mark.status_code, mark.headers["content-type"]) == (200, "image/svg+xml")
