"""A store that cheats: an S3 proxy before a real one that says yes and does not keep its word. For tests of the probe.

    with cheating_store(upstream, access_key, secret_key, {"let_shorten"}) as url:
        ...

It never lets the store behind it lock for good: what it is told to hold as COMPLIANCE it holds as GOVERNANCE there, and
reports as COMPLIANCE. So whatever it chooses to cheat in it can really do, and without a cheat it keeps every promise.
"""

import hashlib
import http.client
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

#: What it can be told to do, and what that is.
CHEATS = {
    "forget_lock": "takes an object and drops its lock",
    "forget_lock_and_lie": "drops the lock and reports it all the same",
    "serve_other_bytes": "reads other bytes than were written",
    "let_overwrite": "keeps one version: what is written replaces the locked one",
    "let_copy_over": "a copy replaces the locked version",
    "let_multipart_over": "an upload in parts replaces the locked version",
    "let_marker_delete": "a deletion without a version takes all of them",
    "let_delete": "deletes a locked version",
    "let_bypass": "deletes a locked version when asked to bypass",
    "let_batch_delete": "deletes locked versions in a batch",
    "let_shorten": "lets a lock be shortened",
    "let_downgrade": "lets COMPLIANCE become GOVERNANCE",
    "let_lift": "lets a lock be lifted",
    "hold_lifts_lock": "lifting a legal hold lifts the lock, too",
    "let_suspend": "stops keeping versions when told to",
    "let_unlock_bucket": "switches the bucket's locks off when told to",
    "refuse_raise": "does not raise GOVERNANCE to COMPLIANCE",
}
_LOCK_HEADERS = ("x-amz-object-lock-mode", "x-amz-object-lock-retain-until-date")
_BYPASS = "x-amz-bypass-governance-retention"
_NOT_PASSED_ON = {"host", "authorization", "connection", "content-length", "expect", "accept-encoding"}
Answer = tuple[int, dict[str, str], bytes]

_DONE: Answer = (200, {}, b"")
_REFUSED = (403, {"Content-Type": "application/xml"}, b"<Error><Code>AccessDenied</Code></Error>")
_NO_LOCKS = (
    404,
    {"Content-Type": "application/xml"},
    b"<Error><Code>ObjectLockConfigurationNotFoundError</Code></Error>",
)
_SUSPENDED = b"<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"


class _Store:
    """What it does with a request, and what it remembers of locks."""

    def __init__(self, upstream: str, access_key: str, secret_key: str, cheats: set[str]) -> None:
        unknown = cheats - CHEATS.keys()
        if unknown:
            raise ValueError(f"no such cheat: {', '.join(sorted(unknown))}")
        self._upstream = upstream
        self._keys = Credentials(access_key, secret_key)
        self._cheats = cheats
        self._locked_for_good: dict[tuple[str, str], str] = {}
        self._lifted: set[tuple[str, str]] = set()
        self._suspended = self._unlocked = False

    def answer(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        parts = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
        kind = next((name for name in _BRANCHES if name in query), "")
        branch = _BRANCHES.get(kind) if method in ("PUT", "POST") else None
        if branch:
            answer: Answer = branch(self, target, parts.path, query, headers, body)
            return answer
        if method == "PUT":
            return self._put(target, parts.path, headers, body, query)
        if method == "DELETE":
            return self._delete(target, parts.path, headers, query)
        if method == "POST" and "uploadId" in query and "let_multipart_over" in self._cheats:
            self._forget_versions(parts.path)
        if method == "GET" and "versioning" in query and self._suspended:
            return 200, {"Content-Type": "application/xml"}, _SUSPENDED
        if method == "GET" and "object-lock" in query and self._unlocked:
            return _NO_LOCKS
        return self._read(method, target, parts.path, headers, body, query)

    def _put(
        self, target: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, str]
    ) -> Answer:
        copied = "x-amz-copy-source" in headers
        if ("let_copy_over" if copied else "let_overwrite") in self._cheats and "uploadId" not in query:
            self._forget_versions(path)
        mode = headers.get(_LOCK_HEADERS[0])
        until = headers.get(_LOCK_HEADERS[1], "")
        if mode and self._cheats & {"forget_lock", "forget_lock_and_lie"}:
            for name in _LOCK_HEADERS:
                headers.pop(name)
        elif mode:
            headers[_LOCK_HEADERS[0]] = "GOVERNANCE"
        status, answered, content = self.ask("PUT", target, headers, body)
        if mode == "COMPLIANCE" and status == 200 and "forget_lock" not in self._cheats:
            self._locked_for_good[path, answered.get("x-amz-version-id", "")] = until
        return status, answered, content

    def _delete(self, target: str, path: str, headers: dict[str, str], query: dict[str, str]) -> Answer:
        version = query.get("versionId")
        bypass = headers.pop(_BYPASS, "") == "true"
        if version is None:
            if "let_marker_delete" in self._cheats:
                self._forget_versions(path)
        elif (
            "let_delete" in self._cheats
            or ("let_bypass" in self._cheats and bypass)
            or (bypass and (path, version) not in self._locked_for_good)
        ):
            headers[_BYPASS] = "true"
        return self.ask("DELETE", target, headers, b"")

    def _read(
        self, method: str, target: str, path: str, headers: dict[str, str], body: bytes, query: dict[str, str]
    ) -> Answer:
        status, answered, content = self.ask(method, target, headers, body)
        key = path, query.get("versionId", "")
        if key in self._lifted:
            for name in _LOCK_HEADERS:
                answered.pop(name, None)
        elif key in self._locked_for_good and status == 200:
            answered[_LOCK_HEADERS[0]] = "COMPLIANCE"
            answered.setdefault(_LOCK_HEADERS[1], self._locked_for_good[key])
        if method == "GET" and "versionId" in query and "serve_other_bytes" in self._cheats:
            content = bytes(byte ^ 1 for byte in content)
        return status, answered, content

    def _retention(
        self, target: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        key = path, query.get("versionId", "")
        mode = re.search(rb"<Mode>(\w+)</Mode>", body)
        for_good = key in self._locked_for_good
        bypass = headers.pop(_BYPASS, "") == "true"
        if mode is None:
            if "let_lift" in self._cheats:
                self._lifted.add(key)
                return _DONE
        elif mode[1] == b"GOVERNANCE" and for_good:
            if "let_downgrade" not in self._cheats:
                return _REFUSED
            del self._locked_for_good[key]
        elif mode[1] == b"COMPLIANCE" and not for_good and "refuse_raise" in self._cheats:
            return _REFUSED
        if "let_shorten" in self._cheats or (bypass and not for_good):
            headers[_BYPASS] = "true"
        headers.pop("content-md5", None)
        body = body.replace(b"COMPLIANCE", b"GOVERNANCE")
        status, answered, content = self.ask("PUT", target, headers, body)
        if status == 200 and mode is not None and mode[1] == b"COMPLIANCE":
            self._locked_for_good[key] = ""
        return status, answered, content

    def _legal_hold(
        self, target: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        answer = self.ask("PUT", target, headers, body)
        if b"OFF" in body and "hold_lifts_lock" in self._cheats:
            self._forget_versions(path)
        return answer

    def _versioning(
        self, target: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        if "let_suspend" in self._cheats:
            self._suspended = b"Suspended" in body
            return _DONE
        return self.ask("PUT", target, headers, body)

    def _bucket_locks(
        self, target: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        if "let_unlock_bucket" in self._cheats:
            self._unlocked = b"Disabled" in body or (self._unlocked and b"Rule" not in body)
            return _DONE
        return self.ask("PUT", target, headers, body)

    def _batch_delete(
        self, target: str, path: str, query: dict[str, str], headers: dict[str, str], body: bytes
    ) -> Answer:
        headers.pop(_BYPASS, None)
        if "let_batch_delete" in self._cheats:
            headers[_BYPASS] = "true"
        return self.ask("POST", target, headers, body)

    def _forget_versions(self, path: str) -> None:
        """Take the locked versions of an object away."""
        for key in [one for one in self._locked_for_good if one[0] == path]:
            self.ask("DELETE", f"{path}?versionId={key[1]}", {_BYPASS: "true"}, b"")
            del self._locked_for_good[key]

    def ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """The store behind, with a signature of our own."""
        kept = {name: value for name, value in headers.items() if name not in _NOT_PASSED_ON}
        kept["x-amz-content-sha256"] = hashlib.sha256(body).hexdigest()
        request = AWSRequest(method=method, url=self._upstream + target, data=body, headers=kept)
        S3SigV4Auth(self._keys, "s3", "us-east-1").add_auth(request)
        address = urlsplit(self._upstream)
        connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=30)
        try:
            connection.request(method, target, body, dict(request.headers))
            answer = connection.getresponse()
            content = answer.read()
            answered = {name.lower(): value for name, value in answer.getheaders()}
        finally:
            connection.close()
        return answer.status, answered, content


_BRANCHES: dict[str, Any] = {
    "retention": _Store._retention,
    "legal-hold": _Store._legal_hold,
    "versioning": _Store._versioning,
    "object-lock": _Store._bucket_locks,
    "delete": _Store._batch_delete,
}


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    store: _Store

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0)))
        headers = {name.lower(): value for name, value in self.headers.items()}
        status, answered, content = self.store.answer(self.command, self.path, headers, body)
        self.send_response_only(status)
        for name, value in answered.items():
            if name not in ("content-length", "connection", "transfer-encoding", "date"):
                self.send_header(name, value)
        length = answered.get("content-length", "0") if self.command == "HEAD" else str(len(content))
        if status != 204:
            self.send_header("content-length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = _handle

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def cheating_store(upstream: str, access_key: str, secret_key: str, cheats: set[str]) -> Iterator[str]:
    """The address of a store with these cheats before the store at `upstream`. Raises ValueError for one unknown."""
    handler = type("Handler", (_Handler,), {"store": _Store(upstream, access_key, secret_key, cheats)})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
