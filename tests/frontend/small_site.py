"""A tiny server: the product's templates and built assets, with the product's content security policy."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from backend.core import templates
from backend.core.headers import CONTENT_SECURITY_POLICY
from infra.assets.build import Place

PLACE = Place()
#: The product's own policy, tightened: no Trusted Types policy but the one that app.js makes for htmx.
POLICY = CONTENT_SECURITY_POLICY
KINDS = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
NAV = [
    ("", [("Trang đầu", "/", "home", False), ("Khay ký của tôi", "/ky", "writing-sign", False)]),
    (
        "Lớp và học bạ",
        [
            ("Lớp và học sinh", "/lop", "users", False),
            ("Sổ điểm", "/so-diem", "table", False),
            ("Học bạ", "/hoc-ba", "certificate", True),
        ],
    ),
    ("Dữ liệu", [("Gửi Sở", "/gui", "send", False), ("Nhật ký", "/nhat-ky", "history", False)]),
]
CONTEXT: dict[str, Any] = {
    "csrf_token": "0a1b2c",
    "request_id": "01977a3c-90aa-7e51",
    "school_name": "Trường Tiểu học Tư thục Hoa Ban",
    "year_label": "2025-2026",
    "actor": {"id": "p"},
    "user_name": "Nguyễn Thị Hoài Phương",
    "role_label": "Hiệu trưởng",
    "nav": NAV,
    "messages": [("ok", "Đã lưu thay đổi của lớp 4C.")],
    "sandbox": True,
}


@cache
def environment() -> Environment:
    """The templates as the product sees them: autoescape on, every unknown name an error."""
    env = Environment(
        loader=FileSystemLoader(PLACE.templates),
        autoescape=True,
        undefined=StrictUndefined,
        extensions=["jinja2.ext.i18n"],
    )
    env.globals["asset"] = templates.asset
    env.filters |= {name: getattr(templates, name) for name in dir(templates) if name.startswith("vn_")}
    env.install_gettext_callables(  # type: ignore[attr-defined]
        lambda text: text, lambda one, many, n: one if n == 1 else many, newstyle=True
    )
    return env


def render(template: str, **extra: Any) -> str:
    """A template of the product as text, with the context that every page gets."""
    return environment().get_template(template).render(CONTEXT | extra)


Answer = tuple[int, str, bytes]
Handler = Callable[[str, str, bytes], Answer]


@contextmanager
def served(handler: Handler) -> Iterator[str]:
    """Serve a handler (method, path, body → status, type, bytes) on a free loopback port; yield its URL."""

    class Request(BaseHTTPRequestHandler):
        def answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            status, kind, content = (
                static(self.path) or bell(self.path) or handler(self.command, self.path, body)
            )
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Content-Security-Policy", POLICY)
            self.send_header("X-Request-Id", "01977a3c-90aa")
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = answer

        def log_message(self, format: str, *args: Any) -> None:
            """Quiet: the tests look at the browser's console instead."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def bell(path: str) -> Answer | None:
    """The frame of every page asks how much waits: nothing here, and the bell stays as it is."""
    return (204, "text/html; charset=utf-8", b"") if path.startswith("/thong-bao/so") else None


def static(path: str) -> Answer | None:
    """A built file under /static/, or None for another path."""
    if not path.startswith("/static/"):
        return None
    file: Path = PLACE.dist / path.removeprefix("/static/")
    return 200, KINDS.get(file.suffix, "application/octet-stream"), file.read_bytes()


def page(html: str, status: int = 200) -> Answer:
    """An HTML answer."""
    return status, "text/html; charset=utf-8", html.encode()
