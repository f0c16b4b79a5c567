"""The CSC adapter against answers that no good service gives, and every error text of the standard."""

import datetime as dt
import threading
from collections.abc import AsyncIterator, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from backend.core import http_client
from backend.core.http_client import Response
from backend.remote_signing.providers import csc_errors, port
from backend.remote_signing.providers.csc import CscProvider

TOKEN = (200, b'{"access_token": "t", "expires_in": 3600}')
BATCH = port.HashBatch(transaction_id="t-1", hashes=(bytes(32),), description="x")
CREDENTIAL = port.CredentialHandle(credential_id="c", certificate=b"")


class _Scripted(BaseHTTPRequestHandler):
    """Answers each method of the interface as `script` says."""

    protocol_version = "HTTP/1.1"
    script: dict[str, tuple[int, bytes]]

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        status, body = self.script[self.path.removeprefix("/csc/v2/")]
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture(scope="module")
def scripted_server() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Scripted)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
async def account(scripted_server: str) -> AsyncIterator[port.ProviderAccount]:
    _Scripted.script = {"oauth2/token": TOKEN}
    yield port.ProviderAccount(
        base_url=scripted_server, user_id="u", parameters={"client_id": "c", "client_secret": "s"}
    )
    await http_client.aclose()


@pytest.mark.parametrize(
    "answer",
    [
        (200, b"<html>B\xe1\xba\xa3o tr\xc3\xac</html>"),
        (200, b""),
        (200, b"[]"),
        (200, b'{"handle": 7}'),
        (202, b"{}"),
        (200, b"\xff\xfe"),
        (302, b""),
        (404, b"<html>not here</html>"),
        (400, b"<html>bad</html>"),
        (500, b'{"error": "server_error"}'),
        (501, b""),
    ],
    ids=lambda answer: f"{answer[0]} {answer[1][:14]!r}",
)
async def test_what_cannot_be_read_is_unknown(
    account: port.ProviderAccount, answer: tuple[int, bytes]
) -> None:
    _Scripted.script["credentials/authorize"] = answer
    with pytest.raises(port.OutcomeUnknown):
        await CscProvider().sign_hashes(account, CREDENTIAL, BATCH)


@pytest.mark.parametrize("token", [(200, b"<html>"), (500, b""), (302, b"")])
async def test_without_a_token_nothing_was_asked(
    account: port.ProviderAccount, token: tuple[int, bytes]
) -> None:
    _Scripted.script["oauth2/token"] = token
    with pytest.raises(port.NotReached):
        await CscProvider().sign_hashes(account, CREDENTIAL, BATCH)


async def test_a_credential_without_certificate_is_no_credential(account: port.ProviderAccount) -> None:
    _Scripted.script["credentials/list"] = (200, b'{"credentialIDs": ["c"]}')
    info = {"key": {"status": "enabled"}, "cert": {"certificates": []}}
    _Scripted.script["credentials/info"] = (200, msgspec.json.encode(info))
    with pytest.raises(port.OutcomeUnknown):
        await CscProvider().list_credentials(account)


@pytest.mark.parametrize("signatures", ['["!!!"]', "[]", '["AAAA", "AAAA"]'])
async def test_values_that_are_none_raise_the_alarm(account: port.ProviderAccount, signatures: str) -> None:
    _Scripted.script["credentials/authorizeCheck"] = (200, b'{"SAD": "s", "expiresIn": 300}')
    _Scripted.script["signatures/signHash"] = (200, b'{"signatures": %s}' % signatures.encode())
    credential = msgspec.structs.replace(CREDENTIAL, certificate=_certificate())
    with pytest.raises(port.UntrustedAnswer):
        await CscProvider().poll(account, credential, BATCH, "h")


@pytest.mark.parametrize(
    ("status", "error", "description", "kind"),
    [
        (400, "invalid_request", "SAD expired", port.NewAuthorizationNeeded),
        (400, "invalid_request", "The authorization request has expired", port.NewAuthorizationNeeded),
        (400, "invalid_request", "Signing certificate is expired", port.AccountProblem),
        (400, "invalid_request", "Signing certificate 'O=[org],CN=[cn]' is expired", port.AccountProblem),
        (400, "invalid_request", "Invalid certificate status", port.AccountProblem),
        (400, "invalid_request", "PIN locked", port.UserActionNeeded),
        (400, "invalid_request", "Credential locked", port.UserActionNeeded),
        (400, "invalid_pin", "The PIN is invalid", port.UserActionNeeded),
        (400, "invalid_otp", "The OTP is invalid", port.UserActionNeeded),
        (400, "invalid_authentication_data", "", port.UserActionNeeded),
        (400, "access_denied", "The user refused", port.UserActionNeeded),
        (401, "invalid_token", "", port.LoginRefused),
        (401, "invalid_client", "", port.LoginRefused),
        (400, "invalid_grant", "", port.LoginRefused),
        (400, "invalid_request", "Hash is not authorized by the SAD", port.RequestRefused),
        (400, "invalid_request", "Numbers of signatures is too high", port.RequestRefused),
        (
            400,
            "invalid_request",
            "Missing (or invalid type) string parameter credentialID",
            port.RequestRefused,
        ),
        (403, "invalid_hash", "", port.RequestRefused),
        (500, "server_error", "", port.OutcomeUnknown),
    ],
)
def test_every_error_text_has_its_class(
    status: int, error: str, description: str, kind: type[port.ProviderError]
) -> None:
    body = msgspec.json.encode({"error": error, "error_description": description})
    failure = csc_errors.failure(Response(status=status, headers={}, body=body))
    assert isinstance(failure, kind)
    assert failure.message.endswith(".")
    assert description in failure.detail


def _certificate() -> bytes:
    """Some RSA certificate; its key signed nothing here."""
    key = rsa.generate_private_key(65537, 2048)
    name = x509.Name([])
    day = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 1, day, day)
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)
