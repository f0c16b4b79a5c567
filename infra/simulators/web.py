"""A small ASGI application for simulators.

Handlers are plain functions: one runs at a time on the event loop, inside one database transaction that is
committed before the answer leaves. So no two requests ever interleave.
"""

import asyncio
import re
import signal
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec
import uvicorn

#: Largest request body that is read, in bytes.
MAX_BODY = 32 * 1024 * 1024
#: Longer than any client keeps an idle connection, so that the simulator never closes one in use (seconds).
KEEP_ALIVE = 75
_Message = dict[str, Any]
_Receive = Callable[[], Awaitable[_Message]]
_Send = Callable[[_Message], Awaitable[None]]


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. `params` are the named parts of the path; header names are lower-case."""

    method: str
    path: str
    params: dict[str, str]
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    def json(self) -> dict[str, Any]:
        """The body as a JSON object; raises `BadRequest`."""
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadRequest("The body is not a JSON object") from error

    def form(self) -> dict[str, str]:
        """The body as a form; raises `BadRequest`."""
        try:
            return dict(parse_qsl(self.body.decode(), strict_parsing=bool(self.body)))
        except ValueError as error:
            raise BadRequest("The body is not a form") from error


class Reply(msgspec.Struct, kw_only=True):
    """One answer: sent after `delay` seconds, or `cut` off; then nobody listens for `down` seconds."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = msgspec.field(default_factory=dict)
    delay: float = 0.0
    cut: bool = False
    down: float = 0.0


class BadRequest(Exception):
    """The request cannot be read; answered with 400."""


def reply_json(value: object, status: int = 200) -> Reply:
    """A JSON answer."""
    return Reply(status=status, body=msgspec.json.encode(value))


Handler = Callable[[Request], Reply]
Around = Callable[[Request, Handler], Reply]


class App:
    """Routes by method and path pattern (`/phone/{handle}`), and the ASGI entry."""

    def __init__(self, around: Around) -> None:
        """`around` is called with each request and its handler: transaction and faults."""
        self._routes: list[tuple[str, re.Pattern[str], Handler]] = []
        self._around = around
        self.take_down: Callable[[float, Mapping[str, Any]], Awaitable[None]] | None = None

    def add(self, method: str, pattern: str, handler: Handler) -> None:
        """A named part `{name}` of the pattern takes one path segment, `{name*}` all that follows."""
        expression = re.sub(r"\{(\w+)\*\}", r"(?P<\1>.+)", pattern)
        expression = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", expression)
        self._routes.append((method, re.compile(expression), handler))

    async def __call__(self, scope: Mapping[str, Any], receive: _Receive, send: _Send) -> None:
        if scope["type"] != "http":
            return
        reply = self._answer(scope, await _read_body(receive))
        if reply.down and self.take_down is not None:
            # Before the answer, so that whoever reads it finds nobody listening any more.
            await self.take_down(reply.down, scope)
            reply.headers["connection"] = "close"
        await _write(reply, send)

    def _answer(self, scope: Mapping[str, Any], body: bytes | None) -> Reply:
        if body is None:
            return reply_json({"error": "too_large"}, 413)
        handler, params = self._find(scope["method"], scope["path"])
        request = Request(
            method=scope["method"],
            path=scope["path"],
            params=params,
            query=dict(parse_qsl(scope["query_string"].decode("latin-1"))),
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
            body=body,
        )
        try:
            return self._around(request, handler)
        except BadRequest as error:
            return reply_json({"error": "invalid_request", "error_description": str(error)}, 400)

    def _find(self, method: str, path: str) -> tuple[Handler, dict[str, str]]:
        known_path = False
        for wanted, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                return handler, {name: unquote(value) for name, value in match.groupdict().items()}
            known_path = known_path or match is not None
        return (_wrong_method if known_path else _not_found), {}


def _not_found(request: Request) -> Reply:
    return reply_json({"error": "not_found", "error_description": request.path}, 404)


def _wrong_method(request: Request) -> Reply:
    return reply_json({"error": "method_not_allowed", "error_description": request.method}, 405)


async def _read_body(receive: _Receive) -> bytes | None:
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not message.get("more_body", False):
            return bytes(body)


async def _write(reply: Reply, send: _Send) -> None:
    if reply.delay:
        await asyncio.sleep(reply.delay)
    headers = {"content-type": reply.content_type, "content-length": str(len(reply.body)), **reply.headers}
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
    if reply.cut:
        # Announcing more than ever comes makes the server close the connection when we return.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
        return
    await send({"type": "http.response.start", "status": reply.status, "headers": encoded})
    await send({"type": "http.response.body", "body": reply.body})


def bind(host: str, port: int) -> socket.socket:
    """A listening address of our own; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    return listener


class Tls(msgspec.Struct, frozen=True):
    """Files (PEM): our key with its certificate, and the authority whose certificates callers must show."""

    identity: Path
    callers: Path


def serve(app: App, listener: socket.socket, tls: Tls | None = None) -> None:
    """Serve until SIGINT or SIGTERM."""
    secured: dict[str, Any] = (
        {
            "ssl_certfile": tls.identity,
            "ssl_ca_certs": str(tls.callers),
            "ssl_cert_reqs": ssl.CERT_REQUIRED,
        }
        if tls
        else {}
    )
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, lifespan="off", ws="none",
        timeout_keep_alive=KEEP_ALIVE, timeout_graceful_shutdown=1, server_header=False, **secured,
    )  # fmt: skip
    server = uvicorn.Server(config)
    address = listener.getsockname()
    closing: set[asyncio.Task[None]] = set()

    async def reopen_after(seconds: float) -> None:
        await asyncio.sleep(seconds)
        if not server.should_exit:
            await server.startup(sockets=[bind(address[0], address[1])])

    async def take_down(seconds: float, asking: Mapping[str, Any]) -> None:
        for listening in server.servers:
            listening.close()
        for connection in list(server.server_state.connections):
            if getattr(connection, "scope", None) is not asking:
                connection.transport.close()
        task = asyncio.create_task(reopen_after(seconds))
        closing.add(task)
        task.add_done_callback(closing.discard)
        # The loop closes the sockets in its next rounds.
        await asyncio.sleep(0.05)

    app.take_down = take_down
    _stop_quietly(server)
    server.run(sockets=[listener])


def _stop_quietly(server: uvicorn.Server) -> None:
    """End with status 0 on SIGTERM and SIGINT: uvicorn raises the signal again after its shutdown."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: setattr(server, "should_exit", True))
