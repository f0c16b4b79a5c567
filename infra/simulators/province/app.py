"""The province put together: messages in, a technical answer at once, a business answer after some time."""

import hashlib
import secrets
import sqlite3
import time
from pathlib import Path

import msgspec

from infra.simulators.faults import FaultBox
from infra.simulators.province.rules import RECALL, BadEnvelope, check_reference, read_envelope, read_package
from infra.simulators.province.settings import ProvinceSettings, load_or_create
from infra.simulators.province.store import Store
from infra.simulators.web import App, Handler, Reply, Request, reply_json

_FAULTS = ("slow", "http500", "drop_after_accept", "duplicate_ack", "html_200", "wrong_code", "foreign_ack")
_PROXY_PAGE = "<!doctype html><title>Bảo trì</title><p>Hệ thống đang bảo trì, vui lòng quay lại sau.".encode()


def build(directory: Path, processing: float, closes: float | None = None) -> App:
    """Open DIR, make what is missing, register all routes.

    `processing`: seconds until the business answer. `closes`: from when on (Unix time) all is locked.
    """
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(directory)
    faults = FaultBox(_FAULTS)
    app = App(_Around(store, faults, load_or_create(directory)))
    province = Province(store, processing, closes)
    app.add("POST", "/api/v1/messages", province.submit)
    app.add("GET", "/api/v1/messages/{message_id}", province.result)
    app.add("GET", "/api/v1/documents", province.documents)
    app.add("GET", "/api/v1/ledger", lambda request: reply_json(store.ledger()))
    app.add("POST", "/sandbox/lock", province.lock)
    app.add("POST", "/sandbox/faults", faults.post)
    app.add("GET", "/sandbox/faults", faults.get)
    app.add("DELETE", "/sandbox/faults", faults.delete)
    app.add("GET", "/health", lambda request: reply_json({"status": "ok", "service": "province"}))
    return app


class _Desk(msgspec.Struct, frozen=True):
    messages: list[str] | None = None


class Province:
    """Handlers of the interface."""

    def __init__(self, store: Store, processing: float, closes: float | None) -> None:
        self._store = store
        self._processing = processing
        self._closes = closes

    def submit(self, request: Request) -> Reply:
        """Take a message. The same id again is the same message, if the body is the same."""
        try:
            submission = read_envelope(request.body)
        except BadEnvelope as error:
            return reply_json({"code": error.code, "dsLoi": [error.problem]}, 400)
        digest = hashlib.sha256(request.body).hexdigest()
        known = self._store.find(submission.message_id)
        if known is None:
            package, problems = read_package(submission)
            earlier = self._store.find(submission.reference)
            locked = earlier is not None and self._is_locked(earlier)
            problems += check_reference(submission, dict(earlier) if earlier else None, locked=locked)
            self._store.add(submission, package, digest, problems)
        elif known["body_sha256"] != digest:
            problem = {
                "ma": "TRUNG_MA",
                "truong": "messageId",
                "moTa": "Mã thông điệp đã dùng cho nội dung khác",
            }
            return reply_json({"code": "24", "dsLoi": [problem]}, 409)
        else:
            self._store.count_repeat(submission.message_id)
        row = self._store.find(submission.message_id)
        assert row is not None
        return reply_json(
            {
                "messageId": row["message_id"],
                "maGiaoDich": row["authority_id"],
                "code": "00",
                "moTa": "Đã nhận",
            }
        )

    def result(self, request: Request) -> Reply:
        """What became of a message."""
        row = self._store.find(request.params["message_id"])
        if row is None:
            return reply_json({"code": "04", "moTa": "Không có thông điệp này"}, 404)
        return reply_json(self._describe(row))

    def documents(self, request: Request) -> Reply:
        """The province's list of a school, `?sender=CODE`, for reconciliation."""
        rows = self._store.documents(request.query.get("sender"))
        names = {
            "lookupCode": "lookup_code",
            "version": "version",
            "sha256": "sha256",
            "pdfSha256": "pdf_sha256",
        }
        return reply_json(
            {
                "documents": [
                    {**self._describe(row), **{name: row[column] for name, column in names.items()}}
                    for row in rows
                ]
            }
        )

    def _describe(self, row: sqlite3.Row) -> dict[str, object]:
        answer: dict[str, object] = {"messageId": row["message_id"], "maGiaoDich": row["authority_id"]}
        problems = msgspec.json.decode(row["problems"])
        if time.time() < row["received_at"] + self._processing:
            answer["trangThai"] = "DANG_XU_LY"
        elif problems:
            answer |= {"trangThai": "LOI_DU_LIEU", "dsLoi": problems}
        else:
            state = "DA_CHOT" if row["action"] != RECALL and self._is_locked(row) else "DA_TIEP_NHAN"
            answer |= {"trangThai": state, "soBienNhan": f"BN{row['n']:010d}"}
        return answer

    def lock(self, request: Request) -> Reply:
        """The province's desk: close `{"messages": [ids]}`, or all without."""
        self._store.lock(msgspec.json.decode(request.body or b"{}", type=_Desk).messages)
        return reply_json(self._store.ledger())

    def _is_locked(self, row: sqlite3.Row) -> bool:
        """By its desk, or because the day is over until which it lets schools change what they have sent."""
        closed = self._closes is not None and time.time() >= self._closes
        return closed or row["locked_at"] is not None


class _Around:
    """One request = one transaction, behind the key, with faults around it."""

    def __init__(self, store: Store, faults: FaultBox, settings: ProvinceSettings) -> None:
        self._store = store
        self._faults = faults
        self._key = settings.api_key.encode()

    def __call__(self, request: Request, handler: Handler) -> Reply:
        if not request.path.startswith("/api/v1/") or request.path == "/api/v1/ledger":
            return self._run(request, handler)
        if self._faults.take("http500", request.path):
            return reply_json({"code": "99", "moTa": "Lỗi hệ thống"}, 500)
        if not secrets.compare_digest(request.headers.get("x-api-key", "").encode(), self._key):
            return reply_json({"code": "401", "moTa": "Khóa kết nối không hợp lệ"}, 401)
        return self._spoil(request, self._run(request, handler))

    def _spoil(self, request: Request, reply: Reply) -> Reply:
        slow = self._faults.take("slow", request.path)
        reply.delay = slow.seconds if slow else 0.0
        reply.cut = self._faults.take("drop_after_accept", request.path) is not None
        if self._faults.take("duplicate_ack", request.path):
            reply.body += b"\n" + reply.body
        if self._faults.take("wrong_code", request.path):
            reply.body = msgspec.json.encode(_with_unknown_codes(msgspec.json.decode(reply.body)))
        if self._faults.take("foreign_ack", request.path):
            answer = msgspec.json.decode(reply.body)
            reply.body = msgspec.json.encode({**answer, "messageId": "of another message"})
        if self._faults.take("html_200", request.path):
            reply.status, reply.body, reply.content_type = 200, _PROXY_PAGE, "text/html; charset=utf-8"
        return reply

    def _run(self, request: Request, handler: Handler) -> Reply:
        with self._store.transaction():
            return handler(request)


def _with_unknown_codes(answer: dict[str, object]) -> dict[str, object]:
    return {**answer, **{name: "77" for name in ("code", "trangThai") if name in answer}}
