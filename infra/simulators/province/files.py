"""The same authority behind SFTP: files that come are handed to its HTTP side, files that are asked for come from there.

So all that it does, its faults included, is in one place. Runs in a thread with a loop of its own.
"""

import asyncio
import base64
import http.client
import threading
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import asyncssh

from infra.simulators.storage import keep_first

HOST_KEY = "host.key"


def new_key() -> str:
    """A private key as a school binds it."""
    made = asyncssh.generate_private_key("ssh-ed25519")
    return base64.b64encode(made.export_private_key("pkcs8-der")).decode()


def start(folder: Path, host: str, client_key: str, inside: str) -> str:
    """Listen on a free port for as long as the process lives; answers the address with the host's fingerprint.

    `inside` is the address of the HTTP side.
    """
    kept = keep_first(folder / HOST_KEY, asyncssh.generate_private_key("ssh-ed25519").export_private_key())
    host_key = asyncssh.import_private_key(kept)
    ready: list[int] = []
    listening = threading.Event()

    async def serve() -> None:
        known = (
            asyncssh.import_private_key(base64.b64decode(client_key)).export_public_key("openssh").decode()
        )
        listener = await asyncssh.listen(
            host,
            0,
            server_host_keys=[host_key],
            authorized_client_keys=asyncssh.import_authorized_keys(known),
            sftp_factory=lambda channel: _Files(channel, folder / "files", inside),
        )
        ready.append(listener.get_port())
        listening.set()
        await listener.wait_closed()

    (folder / "files").mkdir(exist_ok=True)
    threading.Thread(target=lambda: asyncio.run(serve()), daemon=True).start()
    listening.wait(timeout=30)
    return f"sftp://{host}:{ready[0]}#{host_key.get_fingerprint()}"


class _HungUp(asyncssh.SFTPConnectionLost):
    """The authority took what it got and did not answer."""


class _Files(asyncssh.SFTPServer):
    """The folder of the authority, as schools see it."""

    def __init__(self, channel: Any, folder: Path, inside: str) -> None:
        super().__init__(channel, chroot=str(folder).encode())
        self._folder = folder
        self._inside = inside

    async def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> Any:
        """What is read is fetched first; what is written makes its folder."""
        place = self._folder / path.decode().lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        if not pflags & asyncssh.FXF_WRITE:
            content = await self._ask("GET", path, None)
            if content is None:
                raise asyncssh.SFTPNoSuchFile(path.decode())
            place.write_bytes(content)
        return super().open(path, pflags, attrs)

    async def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """A file gets its name: it comes. Where the authority takes it and hangs up, it has the name all the same."""
        content = (self._folder / oldpath.decode().lstrip("/")).read_bytes()
        try:
            await self._ask("PUT", newpath, content)
        except _HungUp:
            super().posix_rename(oldpath, newpath)
            raise
        super().posix_rename(oldpath, newpath)

    async def _ask(self, method: str, path: bytes, content: bytes | None) -> bytes | None:
        """What the HTTP side says; None for what it has not. Where it hangs up, so do we."""
        request = urllib.request.Request(self._inside + path.decode(), content, method=method)
        try:
            return await asyncio.to_thread(_answered, request)
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == 404:
                return None
            raise asyncssh.SFTPFailure("failure") from error
        except urllib.error.URLError as error:
            self.channel.get_connection().abort()
            raise asyncssh.SFTPConnectionLost("nobody there") from error
        except (OSError, http.client.HTTPException) as error:
            self.channel.get_connection().abort()
            raise _HungUp("gone") from error


def _answered(request: urllib.request.Request) -> bytes:
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: bytes = answer.read()
        return content
