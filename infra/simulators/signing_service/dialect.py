"""What the national services have in common: hashes with names of documents, a person's telephone, results by poll."""

import base64
import binascii
import sqlite3
from typing import Any

from infra.simulators.faults import FaultBox
from infra.simulators.signing_service.answers import twist
from infra.simulators.signing_service.consents import Consents, Demand
from infra.simulators.signing_service.credentials import Credentials
from infra.simulators.signing_service.errors import CscError
from infra.simulators.signing_service.settings import ServiceSettings
from infra.simulators.signing_service.store import Store
from infra.simulators.signing_service.tokens import Tokens
from infra.simulators.web import App, BadRequest, Handler, Reply, Request


class DialectError(Exception):
    """Answered in the words of the dialect."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


class Dialect:
    """One interface over the common store of keys, transactions and faults."""

    prefix = ""

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        consents: Consents,
        tokens: Tokens,
        settings: ServiceSettings,
        faults: FaultBox,
    ) -> None:
        self._store = store
        self._credentials = credentials
        self._consents = consents
        self._tokens = tokens
        self._settings = settings
        self._faults = faults

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        raise NotImplementedError

    def trouble(self, kind: str) -> Reply:
        """How the faults `http500` and `token_expired` look here."""
        raise NotImplementedError

    def bad_request(self, why: str) -> Reply:
        """How a request that cannot be read is answered here."""
        raise NotImplementedError

    def revoked(self, consent: sqlite3.Row) -> Reply:
        """How it is said that the certificate was revoked since the person was asked."""
        return self.bad_request("revoked")

    def spoken(self, handler: Handler) -> Handler:
        """The handler, its refusals in the words of the dialect."""

        def answer(request: Request) -> Reply:
            try:
                return handler(request)
            except DialectError as error:
                return error.reply
            except BadRequest as error:
                return self.bad_request(str(error))

        return answer

    def credential_of(self, user: str, name: str = "") -> str | None:
        """The id of a user's credential: the one of that id or serial number (hex), or the only one."""
        for credential_id in self._credentials.ids_of(user):
            serial = f"{self._credentials.certificate(credential_id).serial_number:x}"
            if name in ("", credential_id, serial):
                return credential_id
        return None

    def open(
        self,
        client_id: str,
        transaction: str,
        credential_id: str,
        digests: list[bytes],
        names: list[str],
        description: str,
        path: str,
    ) -> sqlite3.Row:
        """A transaction on the person's telephone, new or (with a `transaction` known before) the same."""
        fate = "rejected" if self._faults.take("reject", path) else "confirmed"
        fate = "expired" if self._faults.take("expire", path) else fate
        demand = Demand(
            client_id=client_id,
            client_data=transaction,
            credential_id=credential_id,
            hashes=tuple(digests),
            num_signatures=len(digests),
            description=description,
        )
        consent = self._consents.open(demand, fate)
        for position, name in enumerate(names):
            self._store.run("insert or ignore into doc values (?, ?, ?)", consent["handle"], position, name)
        return consent

    def results(self, consent: sqlite3.Row, path: str) -> list[tuple[str, str]]:
        """Name of the document and value (base64) of a confirmed transaction, as the faults let them out."""
        names = [
            str(row["name"])
            for row in self._store.rows(
                "select name from doc where handle = ? order by position", consent["handle"]
            )
        ]
        hashes = self._store.rows(
            "select hash from consent_hash where handle = ? order by position", consent["handle"]
        )
        try:
            made = self._consents.values_of(consent["handle"])
        except CscError as error:
            if self._credentials.is_revoked(consent["credential_id"]):
                raise DialectError(self.revoked(consent)) from error
            raise
        values = twist(made, [row["hash"] for row in hashes], self._faults, path)
        pairs = [
            (name, base64.b64encode(value).decode())
            for name, value in zip([*names, *names[-1:]], values, strict=False)
        ]
        return pairs[::-1] if self._faults.take("shuffled", path) else pairs


def digest_of(text: object, *, hexadecimal: bool = False) -> bytes:
    """A SHA-256 digest as the dialect writes it. Raises BadRequest."""
    try:
        digest = bytes.fromhex(str(text)) if hexadecimal else base64.b64decode(str(text), validate=True)
    except (ValueError, binascii.Error) as error:
        raise BadRequest("not a digest") from error
    if len(digest) != 32 or (hexadecimal and str(text) != str(text).lower()):
        raise BadRequest("not a digest")
    return digest


def json_list(body: dict[str, Any], name: str) -> list[Any]:
    """A field that must be a list with something in it. Raises BadRequest."""
    found = body.get(name)
    if not isinstance(found, list) or not found:
        raise BadRequest(f"{name} is missing")
    return found
