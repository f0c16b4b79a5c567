"""The outermost ring of the site: what happens to every request, known address or not."""

import logging
import re
import time
import uuid
from collections.abc import Iterable

from litestar import Litestar
from litestar.enums import ScopeType
from litestar.types import HTTPScope, Message, Receive, Scope, Send
from sqlalchemy.exc import SQLAlchemyError

from backend.core import admission, audit_reads, cookies, headers, templates
from backend.core.ids import new_id
from backend.core.visit import Visit, begin

log = logging.getLogger("access")

#: A request id of a proxy in front of us is kept, if it looks like one.
_REQUEST_ID = re.compile(rb"[0-9A-Za-z-]{8,64}")


class Site(Litestar):
    """Litestar that gives each request an id, each answer our headers, and each pair a line in the log.

    Before an answer leaves, what was not committed is dropped, however the request ended, and a refusal is recorded. No
    answer leaves without the session's new token, if it has one.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # type: ignore[override]
        """ASGI entry."""
        if scope["type"] != ScopeType.HTTP:
            await super().__call__(scope, receive, send)
            return
        started = time.perf_counter()
        if scope["method"] == "HEAD":
            scope, send = {**scope, "method": "GET"}, _without_body(send)
        visit = begin(scope, _request_id(scope))
        path, status = scope["path"], 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                # Whoever takes long to receive the answer keeps no connection and no turn.
                await visit.leave()
                if visit.refused:
                    await _record_refusal(scope, visit)
                await admission.settle(visit, status)
                message["headers"] = headers.add_to(
                    [*message["headers"], *_renewed(visit), *admission.told(visit)],
                    path=path,
                    status=status,
                    request_id=visit.request_id,
                )
            await send(message)

        try:
            await super().__call__(scope, receive, send_with_headers)
        finally:
            await visit.leave()
            _log_access(scope, visit, status, time.perf_counter() - started)


def _renewed(visit: Visit) -> list[tuple[bytes, bytes]]:
    return [cookies.write("session", visit.renewed).to_encoded_header()] if visit.renewed else []


def _without_body(send: Send) -> Send:
    """What HEAD asks for: the head of the answer to GET (RFC 9110, 9.3.2)."""

    async def send_head(message: Message) -> None:
        if message["type"] == "http.response.body":
            message = {**message, "body": b""}
        await send(message)

    return send_head


async def _record_refusal(scope: Scope, visit: Visit) -> None:
    """Nothing was shown, so the answer leaves even where the database has gone away meanwhile."""
    if visit.visitor is None:
        return
    values: Iterable[object] = scope["path_params"].values()
    ids = (value for value in values if isinstance(value, uuid.UUID))
    route = scope.get("path_template", "-")
    try:
        await audit_reads.record_refusal(visit.visitor.actor, route, next(ids, None), visit.refused)
    except (SQLAlchemyError, OSError) as error:
        where = {"request_id": visit.request_id, "route": route, "error": type(error).__name__}
        log.error("refusal not recorded", extra=where)


def _request_id(scope: Scope) -> str:
    sent = next((value for name, value in scope["headers"] if name == b"x-request-id"), b"")
    return sent.decode() if _REQUEST_ID.fullmatch(sent) else new_id().hex


def _log_access(scope: HTTPScope, visit: Visit, status: int, seconds: float) -> None:
    if scope["path"].startswith(templates.STATIC_URL):
        return
    log.info(
        "request",
        extra={
            "request_id": visit.request_id,
            "tenant_id": visit.visitor.actor.tenant_id if visit.visitor else None,
            "method": scope["method"],
            "route": scope.get("path_template", "-"),
            "status": status,
            "seconds": round(seconds, 4),
        },
    )
