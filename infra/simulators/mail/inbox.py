"""An e-mail server (RFC 5321, without TLS and names) that keeps what it gets and delivers nothing.

It can be told to refuse: `fail` makes the next messages answer with a code, `down` makes it hang up on everybody.
"""

import mailbox
import socketserver
import threading
from email import policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

#: Longest message, in bytes.
MAX_MESSAGE = 1_000_000


class Inbox:
    """What came in, in one mbox file that any mail program opens."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._box = mailbox.mbox(folder / "inbox.mbox")
        self._lock = threading.Lock()
        self.fail: list[int] = []
        self.down = False

    def answer_to(self, content: bytes) -> str:
        """Take a message, or the refusal that was asked for."""
        with self._lock:
            if self.fail:
                return f"{self.fail.pop(0)} told to refuse"
            self._box.add(content)
            self._box.flush()
        return "250 kept"

    def messages(self) -> list[EmailMessage]:
        """All messages, the newest first."""
        parse = BytesParser(policy=policy.default).parsebytes
        with self._lock:
            found = [parse(one.as_bytes()) for one in self._box]
        return [one for one in reversed(found) if isinstance(one, EmailMessage)]

    def close(self) -> None:
        """Let the file go."""
        with self._lock:
            self._box.close()


class Server(socketserver.ThreadingTCPServer):
    """Listens for one inbox; port 0 takes a free one."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, address: tuple[str, int], inbox: Inbox) -> None:
        super().__init__(address, _Talk)
        self.inbox = inbox

    def server_close(self) -> None:
        """Listen no longer."""
        super().server_close()
        self.inbox.close()


class _Talk(socketserver.StreamRequestHandler):
    """One connection, line by line."""

    server: Server

    def handle(self) -> None:
        if self.server.inbox.down:
            return
        self._say("220 sandbox")
        while line := self.rfile.readline(1000):
            verb = line.strip().upper()
            if verb == b"DATA":
                self._say("354 go on")
                self._say(self.server.inbox.answer_to(self._content()))
            elif verb == b"QUIT":
                self._say("221 bye")
                return
            elif verb.startswith((b"EHLO", b"HELO", b"MAIL", b"RCPT", b"RSET", b"NOOP")):
                self._say("250 ok")
            else:
                self._say("502 not here")

    def _content(self) -> bytes:
        found = bytearray()
        while (line := self.rfile.readline(10_000)) not in (b".\r\n", b".\n", b""):
            if len(found) < MAX_MESSAGE:
                found += line[1:] if line.startswith(b"..") else line
        return bytes(found)

    def _say(self, words: str) -> None:
        self.wfile.write(f"{words}\r\n".encode())
