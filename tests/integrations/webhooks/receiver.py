"""Another system that is told: a real server on this machine, which keeps what it was sent and answers as it is bid."""

import base64
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


@dataclass
class Sent:
    """One message as it came."""

    headers: dict[str, str]
    body: bytes

    @property
    def id(self) -> str:
        return self.headers["webhook-id"]

    def verifies(self, public_key: str) -> bool:
        """As the specification of Standard Webhooks says, with a library that is not ours."""
        key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public_key.removeprefix("whpk_")))
        content = f"{self.id}.{self.headers['webhook-timestamp']}.".encode() + self.body
        for signature in self.headers["webhook-signature"].split():
            version, _, value = signature.partition(",")
            try:
                key.verify(base64.b64decode(value), content)
            except Exception:
                continue
            return version == "v1a"
        return False


@dataclass
class Receiver:
    """`status` is what the next messages are answered with."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)

    def times(self) -> list[int]:
        """How often each message came."""
        return sorted(Counter(one.id for one in self.sent).values())


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            receiver.sent.append(Sent({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(receiver.status)
            for name, value in receiver.headers.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, daemon=True).start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/tin"
    yield receiver
    server.shutdown()
    server.server_close()
