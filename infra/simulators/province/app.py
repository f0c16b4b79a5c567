"""The province put together: messages in, a technical answer at once, a business answer after some time."""

import hashlib
import sqlite3
import time
from functools import partial
from pathlib import Path
from typing import Any

import msgspec

from backend.integrations.profiles import documents, listings, messages
from backend.integrations.profiles.catalog import Edition
from backend.integrations.profiles.checking import operations_of
from backend.integrations.profiles.schemas import Listing, Message, Node, Operation, Profile, Rule
from backend.remote_signing.formats import service as formats
from infra.simulators.faults import FaultBox
from infra.simulators.province import identities
from infra.simulators.province.access import Door
from infra.simulators.province.lists import LIST_FAULTS, LIST_PAGE, spoilt_list
from infra.simulators.province.opening import opened
from infra.simulators.province.reading import BadEnvelope, read_message, root_of
from infra.simulators.province.rules import (
    RECALL,
    Finding,
    check_content,
    check_envelope,
    check_reference,
    in_their_words,
)
from infra.simulators.province.settings import ProvinceSettings
from infra.simulators.province.store import Store
from infra.simulators.web import App, Handler, Reply, Request, reply_json

_FAULTS = (
    "slow", "http500", "drop_after_accept", "duplicate_ack", "html_200", "wrong_code", "foreign_ack", "stale",
    "early_lock", "clock_skew", "busy", "token_ended", "half", *LIST_FAULTS,
)  # fmt: skip
_PROXY_PAGE = "<!doctype html><title>Bảo trì</title><p>Hệ thống đang bảo trì, vui lòng quay lại sau.".encode()
_KINDS = {
    "json": "application/json",
    "xml": "text/xml; charset=utf-8",
    "soap": "text/xml; charset=utf-8",
    "csv": "text/csv; charset=utf-8",
}
#: Whom a message is of when it cannot be read.
_NOBODY = Message(
    message_id="?", sender_code="?", action="?", lookup_code="?", version=0, sha256="", package_xml=b"", pdf_sha256=""
)  # fmt: skip


class Said(msgspec.Struct, kw_only=True):
    """An answer before it is written: what is meant, about which message, with which words."""

    meaning: str
    message: Message
    words: dict[str, Any]


def build(
    directory: Path,
    edition: Edition,
    settings: ProvinceSettings,
    processing: float,
    closes: float | None = None,
) -> App:
    """Open DIR, make what is missing, register all routes.

    `processing`: seconds until the business answer. `closes`: from when on (Unix time) all is locked.
    """
    profile = edition.profile
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    store = Store(directory)
    faults = FaultBox(_FAULTS)
    province = Province(store, edition, settings, faults, processing, closes)
    app = App(province.around)
    if profile.transport.kind == "manual_portal":
        # Loaded where it is needed: openpyxl is large, and other provinces have none of it.
        from infra.simulators.province.portal import Portal

        known = messages.known_of(profile, settings.parameters)
        Portal(store, edition, known, faults).add_to(app)
    else:
        for (method, path), operations in _by_address(profile).items():
            app.add(method, path, partial(province.call, operations))
    province.door.add_to(app)
    if profile.reconcile is not None and profile.reconcile.body is None:
        app.add("GET", profile.reconcile.path, province.list_page)
    app.add("GET", "/sandbox/documents", province.documents)
    app.add("GET", "/sandbox/ledger", lambda request: reply_json(store.ledger()))
    app.add("POST", "/sandbox/lock", province.lock)
    app.add("POST", "/sandbox/faults", faults.post)
    app.add("GET", "/sandbox/faults", faults.get)
    app.add("DELETE", "/sandbox/faults", faults.delete)
    app.add("GET", "/health", lambda request: reply_json({"status": "ok", "service": "province"}))
    return app


class _Desk(msgspec.Struct, frozen=True):
    messages: list[str] | None = None


class Province:
    """An authority that acts as its profile says."""

    def __init__(
        self,
        store: Store,
        edition: Edition,
        settings: ProvinceSettings,
        faults: FaultBox,
        processing: float,
        closes: float | None,
    ) -> None:
        profile = edition.profile
        self._store = store
        self._profile = profile
        self._files = edition.files
        self._known = messages.known_of(profile, settings.parameters)
        self._faults = faults
        self._processing = processing
        self._closes = closes
        sent = profile.operations.send.body
        self._said_fields = frozenset(_fields(profile, sent.tree)) if sent else frozenset[str]()
        self.door = Door(profile, settings)

    def around(self, request: Request, handler: Handler) -> Reply:
        """One request = one transaction."""
        with self._store.transaction():
            return handler(request)

    def call(self, operations: dict[str, Operation], request: Request) -> Reply:
        """A school calls: faults stand around what is done."""
        if (places := _list_asked(self._profile.reconcile, request)) is not None:
            return self.list_page(msgspec.structs.replace(request, params=places))
        name = _meant(request, operations)
        operation = operations[name]
        asked = self._asked(name, operation, request)
        about = "" if isinstance(asked, BadEnvelope) else asked.message_id
        path = f"{request.path} {about}#{name}"
        if self._faults.take("http500", path):
            return Reply(status=500, body="Lỗi hệ thống".encode(), content_type="text/plain; charset=utf-8")
        if self._faults.take("token_ended", path):
            self.door.end_tokens()
        skewed = self._faults.take("clock_skew", path)
        self.door.skew = skewed.seconds if skewed else 0.0
        if self._faults.take("busy", path) and (reply := self._reply(operation, self._about("wait"))):
            reply.headers["retry-after"] = "1"
            return reply
        if not self.door.knows(request):
            told = "renew" if _rule(operation, "renew") else "refused"
            return self._reply(operation, self._about(told)) or reply_json({"error": "unauthorized"}, 401)
        said = self._submit(asked, path) if name == "send" else self._result(about)
        return self._spoilt(path, operation, said)

    def _asked(self, name: str, operation: Operation, request: Request) -> Message | BadEnvelope:
        """The message of a request; of a question no more than its id."""
        body = operation.body
        if name == "query" and body is None:
            return msgspec.structs.replace(_NOBODY, message_id=request.params["message_id"])
        assert body is not None
        try:
            return read_message(self._profile, body, opened(body, request.body, self._files))
        except BadEnvelope as error:
            return error

    def _spoilt(self, path: str, operation: Operation, said: Said) -> Reply:
        if self._faults.take("stale", path) and _rule(operation, "processing"):
            said.meaning = "processing"
        if self._faults.take("foreign_ack", path):
            said.message = msgspec.structs.replace(said.message, message_id="of another message")
        odd = self._faults.take("wrong_code", path) is not None
        slow = self._faults.take("slow", path)
        reply = self._reply(operation, said, odd=odd) or self._without_words(said)
        reply.delay = slow.seconds if slow else 0.0
        reply.cut = self._faults.take("drop_after_accept", path) is not None
        if self._faults.take("duplicate_ack", path):
            reply.body += b"\n" + reply.body
        if reply.status == 404 and self._profile.transport.kind == "sftp":
            return reply
        if self._faults.take("html_200", path):
            reply.status, reply.body, reply.content_type = 200, _PROXY_PAGE, "text/html; charset=utf-8"
        return reply

    def _submit(self, message: Message | BadEnvelope, path: str) -> Said:
        """Take a message. The same id again is the same message, if the content is the same."""
        try:
            if isinstance(message, BadEnvelope):
                raise message
            check_envelope(message, self._profile)
        except BadEnvelope as error:
            return self._refused(_NOBODY, [(error.finding, str(error)[:80])])
        digest = hashlib.sha256(msgspec.json.encode(message)).hexdigest()
        known = self._store.find(message.message_id)
        if known is None:
            earlier = self._store.find(message.refers_to or "")
            locked = earlier is not None and self._is_locked(earlier)
            findings = check_content(message, self._said_fields)
            findings += check_reference(message, dict(earlier) if earlier else None, locked=locked)
            self._store.add(message, digest, in_their_words(self._profile, findings))
            if self._faults.take("early_lock", path):
                self._store.lock([message.message_id])
        elif known["body_sha256"] != digest:
            return self._refused(message, [("reused_id", "")])
        else:
            self._store.count_repeat(message.message_id)
        row = self._store.find(message.message_id)
        assert row is not None
        return Said(meaning="received", message=message, words=_words(row))

    def _refused(self, message: Message, findings: list[Finding]) -> Said:
        words = {**_words(None), "errors": in_their_words(self._profile, findings)}
        return Said(meaning="rejected", message=message, words=words)

    def _result(self, message_id: str) -> Said:
        """What became of a message."""
        row = self._store.find(message_id)
        asked = msgspec.structs.replace(_NOBODY, message_id=message_id)
        return Said(meaning=self._state(row), message=asked, words=_words(row))

    def _state(self, row: sqlite3.Row | None) -> str:
        if row is None:
            return "not_found"
        if time.time() < row["received_at"] + self._processing:
            return "processing"
        if row["problems"] != "[]":
            return "rejected"
        return "locked" if row["action"] != RECALL and self._is_locked(row) else "accepted"

    def documents(self, request: Request) -> Reply:
        """What is here of a school, `?sender=CODE`, for tests to count."""
        listed = [
            {
                "messageId": row["message_id"],
                "state": self._state(row),
                "receipt": _words(row)["receipt"],
                "lookupCode": row["lookup_code"],
                "version": row["version"],
                "sha256": row["sha256"],
                "pdfSha256": row["pdf_sha256"],
            }
            for row in self._store.documents(request.query.get("sender"))
        ]
        return reply_json({"documents": listed})

    def list_page(self, request: Request) -> Reply:
        """A page of what is here of a school, as the profile writes lists."""
        listing = self._profile.reconcile
        assert listing is not None
        path = f"{request.path}#list"
        if not self.door.knows(request):
            refused = self._reply(self._profile.operations.query, self._about("refused"))
            return refused or reply_json({"error": "unauthorized"}, 401)
        rows = self._store.documents(request.params["sender_code"])
        items = [one for row in rows if (one := self._listed(listing, row)) is not None]
        fault = next((one for one in LIST_FAULTS if self._faults.take(one, path)), None)
        items, total = spoilt_list(fault, items)
        first = (int(request.params["page"]) - 1) * LIST_PAGE
        body = listings.write(listing, total, items[first : first + LIST_PAGE], self._known)
        kind = "application/json" if listing.format == "json" else "text/xml; charset=utf-8"
        said = Reply(status=200, body=body, content_type=kind)
        if self._faults.take("html_200", path):
            said = Reply(status=200, body=_PROXY_PAGE, content_type="text/html; charset=utf-8")
        slow = self._faults.take("slow", path)
        said.delay = slow.seconds if slow else 0.0
        said.cut = self._faults.take("drop_after_accept", path) is not None
        return said

    def _listed(self, listing: Listing, row: sqlite3.Row) -> dict[str, Any] | None:
        """What the list says of a message; None of one for which it has no word, and of recalls."""
        state = self._state(row)
        if row["action"] == RECALL:
            return None
        if row["recalled_by"] is not None or row["replaced_by"] is not None:
            state = "recalled" if row["recalled_by"] is not None else "replaced"
        known = set(listing.states.values())
        if state == "locked" and state not in known:
            state = "accepted"
        item = {name: row[name] for name in ("message_id", "lookup_code", "version", "sha256")}
        return {**item, "state": state} if state in known else None

    def lock(self, request: Request) -> Reply:
        """The province's desk: close `{"messages": [ids]}`, or all without."""
        self._store.lock(msgspec.json.decode(request.body or b"{}", type=_Desk).messages)
        return reply_json(self._store.ledger())

    def _is_locked(self, row: sqlite3.Row) -> bool:
        """By its desk, or because the day is over until which it lets schools change what they have sent."""
        closed = self._closes is not None and time.time() >= self._closes
        return closed or row["locked_at"] is not None

    def _without_words(self, said: Said) -> Reply:
        """Where files say it all: one that has come is there, one that there is nothing to say about is not."""
        if self._profile.transport.kind != "sftp" or said.meaning == "rejected":
            return reply_json({"error": said.meaning}, 500)
        return Reply(status=200 if said.meaning == "received" else 404)

    def _about(self, meaning: str) -> Said:
        return Said(meaning=meaning, message=_NOBODY, words=_words(None))

    def _reply(self, operation: Operation, said: Said, *, odd: bool = False) -> Reply | None:
        """The answer as the profile's example writes it, with codes that nobody knows if `odd`. None: it has no such."""
        rule, answer = _rule(operation, said.meaning), operation.answer
        if rule is None or answer is None:
            return None
        if odd:
            strange = msgspec.structs.replace(rule.example, body=_strange(rule.example.body))
            rule = msgspec.structs.replace(rule, example=strange)
        written = messages.write_example(answer, rule, said.message, said.words, self._known)
        kind = _KINDS[answer.format]
        if answer.signed is not None:
            written, kind = formats.sign_jws(written, identities.recipient()), "application/jose"
        return Reply(status=rule.example.status, body=written, content_type=kind)


def _by_address(profile: Profile) -> dict[tuple[str, str], dict[str, Operation]]:
    found: dict[tuple[str, str], dict[str, Operation]] = {}
    by_file = {"send": "PUT", "query": "GET"} if profile.transport.kind == "sftp" else {}
    for name, operation in operations_of(profile):
        found.setdefault((by_file.get(name, operation.method), operation.path), {})[name] = operation
    return found


def _meant(request: Request, operations: dict[str, Operation]) -> str:
    """Of calls to one address, that whose root the request has."""
    if len(operations) > 1:
        for name, operation in operations.items():
            body = operation.body
            try:
                if body is not None and root_of(body) in documents.read(body.format, request.body):
                    return name
            except documents.Unreadable:
                continue
    return next(iter(operations))


def _list_asked(listing: Listing | None, request: Request) -> dict[str, str] | None:
    """Whose list, and which page of it, a message asks for; None where it asks for something else."""
    if listing is None or listing.body is None:
        return None
    [(root, question)] = (listing.body.fields or {}).items()
    try:
        asked = documents.read(listing.format, request.body).get(root.rpartition(":")[2])
    except documents.Unreadable:
        return None
    if not isinstance(asked, dict):
        return None
    children = (question.fields or {}).items()
    return {
        child.path: str(asked.get(name.rpartition(":")[2], ""))
        for name, child in children
        if child.path is not None
    }


def _rule(operation: Operation, meaning: str) -> Rule | None:
    rules = operation.answer.rules if operation.answer is not None else ()
    return next((rule for rule in rules if rule.meaning == meaning), None)


def _words(row: sqlite3.Row | None) -> dict[str, Any]:
    if row is None:
        return {"authority_id": "0", "receipt": "0", "errors": []}
    return {
        "authority_id": row["authority_id"],
        "receipt": f"BN{row['n']:010d}",
        "errors": msgspec.json.decode(row["problems"]),
    }


def _strange(node: Node) -> Node:
    """The same answer with other codes: every word that the profile writes out is another."""
    if node.value is not None:
        return msgspec.structs.replace(node, value="77")
    if node.fields is not None:
        return msgspec.structs.replace(
            node, fields={name: _strange(one) for name, one in node.fields.items()}
        )
    return node


def _fields(profile: Profile, node: Node) -> set[str]:
    found = {node.path} if node.path else set()
    for child in (node.fields or {}).values():
        found |= _fields(profile, child)
    return found | (_fields(profile, profile.parts[node.use]) if node.use else set())
