"""Transactions: hashes are authorised by a person on the telephone, then signed. One for each clientData.

Repeating a call with the same clientData gives the same handle and the same values; nothing is ever signed
twice in one transaction. The ledger is the evidence.
"""

import secrets
import sqlite3
import time

import msgspec
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from infra.simulators.signing_service.credentials import Credentials
from infra.simulators.signing_service.errors import CscError, invalid
from infra.simulators.signing_service.settings import ServiceSettings
from infra.simulators.signing_service.store import Store


class Demand(msgspec.Struct, frozen=True, kw_only=True):
    """What an application asks a person to authorise."""

    client_id: str
    client_data: str
    credential_id: str
    hashes: tuple[bytes, ...]
    num_signatures: int
    description: str


class Consents:
    """The life of transactions: pending → confirmed | rejected | expired; confirmed ones give a SAD."""

    def __init__(
        self, store: Store, credentials: Credentials, settings: ServiceSettings, auto_confirm: float | None
    ) -> None:
        """`auto_confirm`: seconds after which the telephone confirms by itself; None waits for a person."""
        self._store = store
        self._credentials = credentials
        self._settings = settings
        self._auto_confirm = auto_confirm

    def open(self, demand: Demand, fate: str) -> sqlite3.Row:
        """The transaction of this clientData, new or known. `fate`: what the telephone answers by itself."""
        known = self._store.row(
            "select handle from consent where client_id = ? and client_data = ?",
            demand.client_id,
            demand.client_data,
        )
        if known is not None:
            return self._again(str(known["handle"]), demand)
        return self.get(self._insert(demand, fate))

    def open_confirmed(self, demand: Demand) -> sqlite3.Row:
        """The same, where the person has shown a PIN or OTP or agreed on our page: confirmed at once."""
        handle = str(self.open(demand, "confirmed")["handle"])
        return self.decide(handle, "confirmed")

    def values_of(self, handle: str) -> list[bytes]:
        """Sign everything that a confirmed transaction is about, in its order."""
        consent = self.get(handle)
        hashes = self._store.rows("select hash from consent_hash where handle = ? order by position", handle)
        return self.sign(
            consent["client_id"], consent["sad"], consent["credential_id"], [row["hash"] for row in hashes]
        )

    def find(self, client_id: str, client_data: str) -> sqlite3.Row | None:
        """The transaction of that name, if there is one."""
        row = self._store.row(
            "select handle from consent where client_id = ? and client_data = ?", client_id, client_data
        )
        return None if row is None else self.get(str(row["handle"]))

    def get(self, handle: str) -> sqlite3.Row:
        """The transaction as it stands now. Raises invalid_request for an unknown handle."""
        row = self._store.row("select * from consent where handle = ?", handle)
        if row is None:
            raise invalid("Invalid parameter handle")
        state = _due_state(row, time.time())
        if state is None:
            return row
        self._move(handle, state)
        return self.get(handle)

    def decide(self, handle: str, state: str) -> sqlite3.Row:
        """A person answers on the telephone; too late changes nothing."""
        if self.get(handle)["state"] == "pending":
            self._move(handle, state)
        return self.get(handle)

    def pending(self) -> list[sqlite3.Row]:
        """What waits on the telephone."""
        handles = self._store.rows("select handle from consent where state = 'pending' order by created_at")
        rows = [self.get(row["handle"]) for row in handles]
        return [row for row in rows if row["state"] == "pending"]

    def sign(self, client_id: str, sad: str, credential_id: str, digests: list[bytes]) -> list[bytes]:
        """Values in the order of the digests; those signed before come from the ledger."""
        consent = self._by_sad(client_id, sad, credential_id)
        authorised = {row["hash"] for row in self._store.rows(
            "select hash from consent_hash where handle = ?", consent["handle"]
        )}  # fmt: skip
        if not authorised.issuperset(digests):
            raise invalid("Hash is not authorized by the SAD")
        made = self._made(consent["handle"])
        missing = [digest for digest in dict.fromkeys(digests) if digest not in made]
        if missing:
            self._require_live(consent)
            # Bound to the hashes of one call (SCAL2): for others it is extended.
            if self._store.row("select 1 from used_sad where sad = ?", sad) is not None:
                raise invalid("SAD expired")
            self._store.run("insert into used_sad values (?, ?)", sad, consent["handle"])
        for digest in missing:
            made[digest] = self._sign_one(consent, digest)
        return [made[digest] for digest in digests]

    def has_signed(self, sad: str) -> bool:
        """Whether anything was signed in the transaction of this SAD."""
        row = self._store.row("select handle from consent where sad = ?", sad)
        return row is not None and bool(self._made(str(row["handle"])))

    def extend(self, client_id: str, sad: str, credential_id: str, digests: list[bytes]) -> sqlite3.Row:
        """Another SAD for some of the hashes, while the one before is good; counted."""
        consent = self._by_sad(client_id, sad, credential_id)
        self._require_live(consent)
        authorised = {row["hash"] for row in self._store.rows(
            "select hash from consent_hash where handle = ?", consent["handle"]
        )}  # fmt: skip
        if not authorised.issuperset(digests):
            raise invalid("Hash is not authorized by the SAD")
        self._store.run(
            "update consent set sad = ?, sad_expires_at = ? where handle = ?",
            secrets.token_urlsafe(32), time.time() + self._settings.sad_seconds, consent["handle"],
        )  # fmt: skip
        self._store.run(
            "insert into extension (handle, made_at) values (?, ?)", consent["handle"], time.time()
        )
        return self.get(str(consent["handle"]))

    def shorten(self, handle: str, seconds: float) -> sqlite3.Row:
        """The SAD of a transaction is good for so long only."""
        self._store.run(
            "update consent set sad_expires_at = ? where handle = ?", time.time() + seconds, handle
        )
        return self.get(handle)

    def require_usable_sad(self, consent: sqlite3.Row) -> None:
        """A SAD that ran out is of use only to fetch what was signed with it."""
        if not self._made(consent["handle"]):
            self._require_live(consent)

    def _again(self, handle: str, demand: Demand) -> sqlite3.Row:
        row = self.get(handle)
        before = [item["hash"] for item in self._store.rows(
            "select hash from consent_hash where handle = ? order by position", handle
        )]  # fmt: skip
        if before != list(demand.hashes) or row["credential_id"] != demand.credential_id:
            raise invalid("clientData was used for another transaction")
        self._store.run("update consent set repeats = repeats + 1 where handle = ?", handle)
        return row

    def _insert(self, demand: Demand, fate: str) -> str:
        handle, now = secrets.token_urlsafe(18), time.time()
        expires_at = now if fate == "expired" else now + self._settings.confirm_seconds
        act_at = None if self._auto_confirm is None else now + self._auto_confirm
        self._store.run(
            "insert into consent (handle, client_id, client_data, credential_id, num_signatures, description,"
            " state, fate, created_at, act_at, expires_at) values (?, ?, ?, ?, ?, ?, 'pending', ?, ?, ?, ?)",
            handle, demand.client_id, demand.client_data or handle, demand.credential_id,
            demand.num_signatures, demand.description, fate, now, now if fate == "rejected" else act_at,
            expires_at,
        )  # fmt: skip
        for position, digest in enumerate(demand.hashes):
            self._store.run("insert into consent_hash values (?, ?, ?)", handle, position, digest)
        return handle

    def _move(self, handle: str, state: str) -> None:
        sad = secrets.token_urlsafe(32) if state == "confirmed" else None
        sad_expires_at = time.time() + self._settings.sad_seconds if sad else None
        self._store.run(
            "update consent set state = ?, sad = ?, sad_expires_at = ? where handle = ?",
            state, sad, sad_expires_at, handle,
        )  # fmt: skip

    def _by_sad(self, client_id: str, sad: str, credential_id: str) -> sqlite3.Row:
        row = self._store.row(
            "select * from consent where sad = ? and client_id = ? and credential_id = ?",
            sad,
            client_id,
            credential_id,
        )
        if row is None:
            raise invalid("Invalid parameter SAD")
        return row

    def _require_live(self, consent: sqlite3.Row) -> None:
        if consent["sad_expires_at"] < time.time():
            raise invalid("SAD expired")
        if self._credentials.is_revoked(consent["credential_id"]):
            raise invalid("Invalid certificate status")

    def _made(self, handle: str) -> dict[bytes, bytes]:
        rows = self._store.rows("select hash, value from ledger where handle = ?", handle)
        return {row["hash"]: row["value"] for row in rows}

    def _sign_one(self, consent: sqlite3.Row, digest: bytes) -> bytes:
        key = self._credentials.key(consent["credential_id"])
        value = key.sign(digest, padding.PKCS1v15(), Prehashed(hashes.SHA256()))
        self._store.run(
            "insert into ledger (made_at, client_id, handle, client_data, credential_id, hash, value)"
            " values (?, ?, ?, ?, ?, ?, ?)",
            time.time(), consent["client_id"], consent["handle"], consent["client_data"],
            consent["credential_id"], digest, value,
        )  # fmt: skip
        return value


def refuse_unless_confirmed(consent: sqlite3.Row) -> None:
    """The error for a transaction that will never be confirmed."""
    refuse(consent["state"])


def refuse(state: str) -> None:
    """The error of a question that ended in this state, unless it is confirmed."""
    if state == "rejected":
        raise CscError("access_denied", "The user rejected the request")
    if state == "expired":
        raise invalid("The authorization request has expired")


def _due_state(row: sqlite3.Row, now: float) -> str | None:
    """Where time has brought a pending transaction; None if it has not moved."""
    if row["state"] != "pending":
        return None
    if row["act_at"] is not None and row["act_at"] <= now and row["fate"] != "expired":
        return str(row["fate"])
    return "expired" if row["expires_at"] <= now else None
