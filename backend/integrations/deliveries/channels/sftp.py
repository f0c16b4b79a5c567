"""SFTP: a message is a file that appears whole under its own name, an answer is a file that the Authority leaves.

The host is known by the fingerprint in its address; no keys, known hosts or configuration of this machine count.
"""

import asyncio
import base64
import binascii
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import asyncssh

from backend.core import clock, egress, http_client, settings
from backend.integrations.deliveries.channels import access, port, rest
from backend.integrations.profiles import answers, messages
from backend.integrations.profiles.mapping import BadMapping
from backend.integrations.profiles.schemas import SftpKey
from backend.remote_signing.formats.service import BadKey

_HOST_REFUSED = (
    "Máy chủ của cơ quan tiếp nhận không có đúng khóa đã đăng ký, chưa gửi gì; hãy báo bên vận hành."
)
#: What asyncssh tells of each connection (host, user, files) is nothing for our logs.
asyncssh.set_log_level("ERROR")


class SftpChannel:
    """The port `Channel` over SFTP. Holds nothing."""

    def make(self, endpoint: port.Endpoint, message: port.Message) -> bytes:
        """The file. Raises BadMapping, BadKey."""
        return rest.encode(endpoint, message)

    async def send(
        self, endpoint: port.Endpoint, message: port.Message, content: bytes | None = None
    ) -> port.SendResult:
        """Write the file aside, then give it its name: until then nothing is sent, and again it is the same file."""
        call = _Call(
            endpoint,
            _path(endpoint, endpoint.profile.operations.send.path, message.message_id, message.sender_code),
        )
        try:
            call.sent = self.make(endpoint, message) if content is None else content
        except (BadMapping, BadKey) as error:
            words = rest.BAD_KEY if isinstance(error, BadKey) else rest.UNMAPPED
            reason = words.format(reason=error)
            return port.NotSent(reason=reason, evidence=call.evidence(), needs_person=True)
        named = False
        try:
            async with asyncio.timeout(endpoint.total_timeout), _files(endpoint) as files:
                aside = _aside(call.path)
                async with files.open(aside, "wb") as file:
                    await file.write(call.sent)
                named = True
                await files.posix_rename(aside, call.path)
        except _Refused as error:
            return port.NotSent(reason=str(error), evidence=call.evidence(), needs_person=True)
        except (asyncssh.Error, OSError, TimeoutError):
            if named:
                return port.Unknown(reason=rest.NO_ANSWER, evidence=call.evidence())
            return port.NotSent(reason=rest.UNREACHED, evidence=call.evidence())
        return port.Received(authority_id=call.path, evidence=call.evidence())

    async def query(self, endpoint: port.Endpoint, message_id: str, sender_code: str) -> port.QueryResult:
        """Read what the Authority left. Nothing yet: as long as our file lies there, it has the message."""
        operations = endpoint.profile.operations
        call = _Call(endpoint, _path(endpoint, operations.query.path, message_id, sender_code))
        ours = _path(endpoint, operations.send.path, message_id, sender_code)
        lies_there = False
        try:
            async with asyncio.timeout(endpoint.total_timeout), _files(endpoint) as files:
                try:
                    async with files.open(call.path, "rb") as file:
                        call.received = await file.read(endpoint.profile.transport.max_answer + 1)
                except asyncssh.SFTPNoSuchFile:
                    lies_there = await files.exists(ours)
                    return (port.Processing if lies_there else port.NotFound)(evidence=call.evidence())
        except _Refused as error:
            return port.Unknown(reason=str(error), evidence=call.evidence(), refused=True)
        except (asyncssh.Error, OSError, TimeoutError):
            return port.Unknown(reason=rest.UNREACHED, evidence=call.evidence())
        if len(call.received) > endpoint.profile.transport.max_answer:
            return port.Unknown(reason=rest.UNREADABLE, evidence=call.evidence())
        assert operations.query.answer is not None
        reading = answers.read(operations.query.answer, 200, call.received, message_id)
        return rest.told(reading, endpoint.profile, call.evidence())


async def fetch(endpoint: port.Endpoint, path: str) -> bytes:
    """A file that the Authority left. Raises access.Refused; http_client.NotSent where there is none, or nobody."""
    try:
        async with (
            asyncio.timeout(endpoint.total_timeout),
            _files(endpoint) as files,
            files.open(path, "rb") as file,
        ):
            found: bytes = await file.read(endpoint.profile.transport.max_answer + 1)
    except _Refused as error:
        raise access.Refused from error
    except (asyncssh.Error, OSError, TimeoutError) as error:
        raise http_client.NotSent(type(error).__name__) from error
    if len(found) > endpoint.profile.transport.max_answer:
        raise http_client.NoAnswer("a file that is too large")
    return found


class _Refused(Exception):
    """The host is not whom we know, or does not take our key: a person has to look."""


class _Call:
    """One file, with what went out and came back kept as evidence."""

    def __init__(self, endpoint: port.Endpoint, path: str) -> None:
        self.path = path
        self.sent = b""
        self.received = b""
        self._target = endpoint.base_url.partition("#")[0] + path
        self._started_at = clock.now()

    def evidence(self) -> port.Evidence:
        """The key is in none of it."""
        return port.Evidence(
            target=self._target,
            started_at=self._started_at,
            ended_at=clock.now(),
            sent=self.sent,
            received=self.received,
            status=200 if self.received else None,
        )


@asynccontextmanager
async def _files(endpoint: port.Endpoint) -> AsyncIterator[asyncssh.SFTPClient]:
    """The files of the host, once both sides have shown who they are. Raises _Refused and what asyncssh raises."""
    address = urlsplit(endpoint.base_url)
    auth = endpoint.profile.auth
    assert isinstance(auth, SftpKey)
    try:
        key = asyncssh.import_private_key(base64.b64decode(endpoint.secrets[auth.secret], validate=True))
    except (binascii.Error, asyncssh.KeyImportError) as error:
        raise _Refused(rest.KEY_REFUSED) from error
    try:
        at = egress.permit("sftp", address.hostname or "", address.port, settings.outlets())
        found = await egress.addresses(address.hostname or "", at, settings.outlets())
    except egress.Refused as error:
        raise _Refused(rest.FORBIDDEN) from error
    try:
        connection = await asyncssh.connect(
            found[0],
            at,
            username=endpoint.parameters[auth.user],
            client_keys=[key],
            client_factory=lambda: _Known(address.fragment),
            known_hosts=b"",
            agent_path=None,
            config=None,
            preferred_auth="publickey",
            connect_timeout=endpoint.connect_timeout,
            login_timeout=endpoint.connect_timeout,
        )
    except asyncssh.HostKeyNotVerifiable as error:
        raise _Refused(_HOST_REFUSED) from error
    except asyncssh.PermissionDenied as error:
        raise _Refused(rest.KEY_REFUSED) from error
    async with connection, connection.start_sftp_client() as files:
        yield files


class _Known(asyncssh.SSHClient):
    """Takes the host whose key has the fingerprint of the address, and no other."""

    def __init__(self, fingerprint: str) -> None:
        self._fingerprint = fingerprint

    def validate_host_public_key(self, host: str, addr: str, port: int, key: asyncssh.SSHKey) -> bool:
        return bool(self._fingerprint) and key.get_fingerprint() == self._fingerprint


def _path(endpoint: port.Endpoint, path: str, message_id: str, sender_code: str) -> str:
    known = messages.known_of(endpoint.profile, endpoint.parameters)
    return path.format_map(messages.places_of(message_id, sender_code, known))


def _aside(path: str) -> str:
    """A name beside it that no Authority takes for a message."""
    folder, _, name = path.rpartition("/")
    return f"{folder}/.{name}.part"
