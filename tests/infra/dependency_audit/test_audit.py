"""The audit of dependencies, against an advisory database of our own that speaks OSV's language over HTTP."""

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from typing import Any

import pytest

from infra.dependency_audit.__main__ import main
from infra.dependency_audit.locks import NPM_LOCK, PYTHON_LOCKS, Package, packages
from tests.architecture.source import PROJECT

#: What the database knows: ecosystem, package, version → advisories.
HOLES = {
    ("PyPI", "jinja2", "2.4.1"): ["PYSEC-2014-8", "GHSA-8r7q"],
    ("npm", "htmx.org", "1.0.0"): ["GHSA-npm1"],
}


class Advisories(BaseHTTPRequestHandler):
    """Answers two pages where it knows two advisories; `broken` says what it answers instead."""

    broken = b""

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
        body = self.broken or json.dumps({"results": [self._result(one) for one in asked]}).encode()
        self.send_response(200 if self.path == "/v1/querybatch" else 404)
        self.end_headers()
        self.wfile.write(body)

    def _result(self, one: dict[str, Any]) -> dict[str, Any]:
        package = one["package"]
        ids = HOLES.get((package["ecosystem"], package["name"], one["version"]), [])
        page = int(one.get("page_token", 0))
        said: dict[str, Any] = {"vulns": [{"id": ids[page]}]} if ids else {}
        return said | ({"next_page_token": str(page + 1)} if page + 1 < len(ids) else {})

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def database() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Advisories)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def project(folder: Path, python: str, npm: str = "4.0.0", integrity: bool = True) -> Path:
    for lock in PYTHON_LOCKS:
        (folder / lock).write_text("six==1.17.0 \\\n    --hash=sha256:aa\n    # via\n", encoding="utf-8")
    (folder / PYTHON_LOCKS[0]).write_text(python, encoding="utf-8")
    said = {"version": npm} | ({"integrity": "sha512-aa"} if integrity else {})
    installed = {"packages": {"": {"name": "x"}, "node_modules/htmx.org": said}}
    (folder / NPM_LOCK).write_text(json.dumps(installed), encoding="utf-8")
    return folder


def audit(folder: Path, **environment: str) -> tuple[int, str]:
    out = StringIO()
    return main(folder, environment, out), out.getvalue()


GOOD = "Jinja2==3.1.6 \\\n    --hash=sha256:aa\n"


def test_known_holes_are_named_and_fail(tmp_path: Path, database: str) -> None:
    old = project(tmp_path, "Jinja2==2.4.1 \\\n    --hash=sha256:aa\n", npm="1.0.0")
    status, said = audit(old, AUDIT_OSV=database)
    assert status == 1
    assert "jinja2 2.4.1 có lỗ hổng đã biết: GHSA-8r7q, PYSEC-2014-8." in said, "both pages"
    assert "htmx.org 1.0.0 có lỗ hổng đã biết: GHSA-npm1." in said


def test_none_known(tmp_path: Path, database: str) -> None:
    status, said = audit(project(tmp_path, GOOD), AUDIT_OSV=database, AUDIT="required")
    assert (status, said) == (0, "Đã kiểm 3 gói đã khóa: 0 gói có lỗ hổng đã biết.\n")


@pytest.mark.parametrize("address", ["", "http://127.0.0.1:1"])
def test_what_was_not_looked_at_is_said_and_counts_where_it_must(tmp_path: Path, address: str) -> None:
    known = project(tmp_path, GOOD)
    status, said = audit(known, AUDIT_OSV=address)
    assert (status, said.startswith("Chưa kiểm lỗ hổng đã biết của 3 gói: ")) == (0, True)
    assert audit(known, AUDIT_OSV=address, AUDIT="required") == (1, said)


@pytest.mark.parametrize("answer", [b"<html>", b"{}", b'{"results": []}', b"[]", b'{"results": [1, 2, 3]}'])
def test_half_an_answer_is_none(
    tmp_path: Path, database: str, monkeypatch: pytest.MonkeyPatch, answer: bytes
) -> None:
    monkeypatch.setattr(Advisories, "broken", answer)
    status, said = audit(project(tmp_path, GOOD), AUDIT_OSV=database, AUDIT="required")
    assert (status, said.startswith("Chưa kiểm")) == (1, True)


def test_a_package_without_a_hash_fails_without_any_database(tmp_path: Path) -> None:
    status, said = audit(project(tmp_path, "jinja2==3.1.6\n    # via x\n", integrity=False))
    assert status == 1
    assert "requirements.lock: jinja2 3.1.6 không có mã băm" in said
    assert "package-lock.json: htmx.org 4.0.0 không có mã băm" in said


@pytest.mark.parametrize(
    "line", ["jinja2 @ https://example.test/jinja2.whl", "-e git+ssh://x/y", "jinja2>=3"]
)
def test_an_entry_without_name_and_version_is_not_passed_over(tmp_path: Path, line: str) -> None:
    status, said = audit(project(tmp_path, f"# head\n{GOOD}{line}\n    --hash=sha256:aa\n"))
    assert status == 1
    assert said.startswith(f"requirements.lock: “{line}” không ghi tên gói và phiên bản")


def test_our_own_locks_are_whole() -> None:
    locked, loose = packages(PROJECT)
    assert loose == []
    assert {one.ecosystem for one in locked} == {"PyPI", "npm"}
    names = {one.name for one in locked}
    assert {"sqlalchemy", "litestar", "pytest", "@tabler/core"} <= names, "with extras, of each lock"
    assert Package("PyPI", "jinja2", "3.1.6") in locked
