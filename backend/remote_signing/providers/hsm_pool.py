"""Processes that each hold one session with a PKCS#11 token: as many signatures at once as there are processes.

A session that two threads use breaks the module, and so does a fork after the login (design: one session per process). So
each child is started anew, opens its own session and answers one thread at a time.
"""

import os
import queue
import socket
import subprocess
import sys
import threading
import weakref
from contextlib import suppress
from pathlib import Path

import msgspec

from backend.remote_signing.providers import hsm_words

_ROOT = Path(__file__).resolve().parents[3]
_CHILD = "backend.remote_signing.providers.hsm_child"


class TokenFault(Exception):
    """No answer of the token. `kind` as in `hsm_words.Fault`, or `busy`: no process came free in time."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind, self.detail = kind, detail


class Pool:
    """At most `size` processes, started when they are needed, replaced when they fail. Threads may share it."""

    def __init__(self, opening: hsm_words.Opening, *, size: int, timeout: float) -> None:
        """`timeout` in seconds, of waiting for a free process and of one answer."""
        self._opening = opening
        self._timeout = timeout
        self._places: queue.LifoQueue[_Child | None] = queue.LifoQueue()
        for _ in range(size):
            self._places.put(None)
        self._refused: TokenFault | None = None
        self._login = threading.Lock()

    def ask(self, request: hsm_words.Request) -> hsm_words.Answer:
        """The answer of whichever process is free. Blocks. Raises TokenFault; never tries anything twice."""
        try:
            child = self._places.get(timeout=self._timeout)
        except queue.Empty:
            raise TokenFault("busy", "no process came free") from None
        kept = None
        try:
            child = child if child is not None and child.is_alive() else self._start(child)
            answer = child.ask(request, self._timeout)
            kept = child
        finally:
            if kept is None and child is not None:
                child.end()
            self._places.put(kept)
        if isinstance(answer, hsm_words.Fault):
            raise TokenFault(answer.kind, answer.detail)
        return answer

    def close(self) -> None:
        """End the processes that nobody uses now."""
        taken = 0
        with suppress(queue.Empty):
            while True:
                child = self._places.get_nowait()
                taken += 1
                if child is not None:
                    child.end()
        for _ in range(taken):
            self._places.put(None)

    def _start(self, dead: "_Child | None") -> "_Child":
        """A new process that has logged in. One at a time, so that a wrong PIN is tried once: tokens lock."""
        if dead is not None:
            dead.end()
        with self._login:
            if self._refused is not None:
                raise self._refused
            child = _Child()
            try:
                answer = child.ask(self._opening, self._timeout)
                if isinstance(answer, hsm_words.Fault):
                    raise TokenFault(answer.kind, answer.detail)
            except TokenFault as fault:
                child.end()
                if fault.kind == "pin":
                    self._refused = fault
                raise
            return child


class _Child:
    """One process and the socket to it. It ends at the latest with this object, or with the interpreter."""

    def __init__(self) -> None:
        self._line, theirs = socket.socketpair()
        with theirs:
            # -P: nothing from the current folder is imported.
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", _CHILD, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                env=_environment(),
            )
        self.end = weakref.finalize(self, _end, self._line, self._process)

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def ask(self, request: hsm_words.Request | hsm_words.Opening, timeout: float) -> hsm_words.Answer:
        """One question, one answer. Raises TokenFault (device) when the process or its session is of no use any more."""
        self._line.settimeout(timeout)
        try:
            hsm_words.send(self._line, request)
            answer: hsm_words.Answer = msgspec.msgpack.decode(
                hsm_words.receive(self._line), type=hsm_words.Answer
            )
        except (EOFError, OSError, msgspec.MsgspecError) as error:
            raise TokenFault("device", f"the process of the token failed: {type(error).__name__}") from error
        if isinstance(answer, hsm_words.Fault) and answer.kind == "device":
            raise TokenFault(answer.kind, answer.detail)
        return answer


def _end(line: socket.socket, process: subprocess.Popen[bytes]) -> None:
    """Kill it: a module that hangs does not hear anything else."""
    line.close()
    process.kill()
    process.wait()


def _environment() -> dict[str, str]:
    """What modules look for (SOFTHSM2_CONF and the like), without a setting of the product."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HOCBA_")}
    return {**kept, "PYTHONPATH": str(_ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
