"""Headers that every answer carries: page, file, error or redirect (OWASP ASVS 5.0, V3.4)."""

from collections.abc import Iterable

from backend.core import settings, templates

#: Fonts and icons come from our own files; nothing comes from anywhere else.
CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "object-src 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types htmx",
        "report-to csp",
    )
)
REPORT_PATH = "/bao-cao-csp"

_ALWAYS = tuple(
    (name.encode(), value.encode())
    for name, value in {
        "content-security-policy": CONTENT_SECURITY_POLICY,
        "reporting-endpoints": f'csp="{REPORT_PATH}"',
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    }.items()
)
_HSTS = b"max-age=63072000; includeSubDomains"
#: A fingerprinted file never changes; anything else under /static/ may, and is asked for again after an hour.
_IMMUTABLE = b"public, max-age=31536000, immutable"
_SHORT = b"public, max-age=3600"
_NEVER = b"no-store"

Headers = Iterable[tuple[bytes, bytes]]


def add_to(headers: Headers, *, path: str, status: int, request_id: str) -> list[tuple[bytes, bytes]]:
    """The answer's headers with ours; an answer that sets one of them itself keeps its own."""
    present = {name.lower() for name, _ in headers}
    ours = [
        *_ALWAYS,
        (b"x-request-id", request_id.encode()),
        (b"cache-control", _cache_policy(path, status)),
    ]
    if settings.get().environment == "production":
        ours.append((b"strict-transport-security", _HSTS))
    return [*headers, *(pair for pair in ours if pair[0] not in present)]


def _cache_policy(path: str, status: int) -> bytes:
    if status not in (200, 304) or not path.startswith(templates.STATIC_URL):
        return _NEVER
    return _IMMUTABLE if templates.is_fingerprinted(path.removeprefix(templates.STATIC_URL)) else _SHORT
