"""A demo's person sends neither password nor workbook to a stranger who has taken over the site's port."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from infra.demo.visitor import Refused, Visitor

PAGE = b'<input type="hidden" name="csrf_token" value="0a1b2c">'


@contextmanager
def stranger(posts: list[bytes], page: bytes = PAGE) -> Iterator[str]:
    """A site that answers everything, keeps what is sent to it, and could well be ours."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self) -> None:
            posts.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.do_GET()

        def log_message(self, format: str, *words: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


async def test_nobody_signs_in_at_a_stranger_s() -> None:
    posts: list[bytes] = []
    with stranger(posts) as url, pytest.raises(Refused, match="không phải do lần chạy này mở"):
        async with Visitor(url, "cntt@truong.example", "bí mật", lambda: False):
            pass
    assert posts == []


async def test_nothing_is_sent_to_who_took_the_port_since(tmp_path: Path) -> None:
    book = tmp_path / "diem.xlsx"
    book.write_bytes(b"x")
    posts: list[bytes] = []
    is_ours = True
    with stranger(posts) as url:
        async with Visitor(url, "cntt@truong.example", "bí mật", lambda: is_ours) as visitor:
            assert len(posts) == 1
            is_ours = False
            with pytest.raises(Refused, match="không phải do lần chạy này mở"):
                await visitor.upload("/nhap", book)
            with pytest.raises(Refused, match="không phải do lần chạy này mở"):
                await visitor.post("/ky")
    assert len(posts) == 1
