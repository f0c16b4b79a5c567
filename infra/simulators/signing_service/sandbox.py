"""What only a sandbox has: enrolment and revocation by a call, and the ledger as evidence for tests."""

import base64

import msgspec

from infra.simulators.signing_service.credentials import Credentials, Enrolment
from infra.simulators.signing_service.errors import invalid
from infra.simulators.signing_service.store import Store
from infra.simulators.web import App, Reply, Request, reply_json


class Sandbox:
    """Handlers under /sandbox."""

    def __init__(self, store: Store, credentials: Credentials) -> None:
        self._store = store
        self._credentials = credentials

    def register(self, app: App) -> None:
        """Put the routes into the application."""
        app.add("POST", "/sandbox/enrol", self.enrol)
        app.add("POST", "/sandbox/certify", self.certify)
        app.add("POST", "/sandbox/revoke", self.revoke)
        app.add("GET", "/sandbox/ledger", self.ledger)
        app.add("DELETE", "/sandbox/tokens", self.forget_tokens)
        app.add("DELETE", "/sandbox/accesses", self.end_accesses)

    def enrol(self, request: Request) -> Reply:
        """A credential for an account; the same one each time."""
        try:
            enrolment = msgspec.json.decode(request.body, type=Enrolment)
        except msgspec.MsgspecError as error:
            raise invalid(str(error)) from error
        credential_id = self._credentials.enrol(enrolment)
        certificate, *chain = self._credentials.certificates_der(credential_id)
        return reply_json(
            {
                "credentialID": credential_id,
                "certificate": base64.b64encode(certificate).decode(),
                "chain": [base64.b64encode(der).decode() for der in chain],
            }
        )

    def certify(self, request: Request) -> Reply:
        """A certificate for {"request"}, PKCS#10 in PEM: what an authority does for a key in somebody's HSM."""
        pem = str(request.json().get("request", "")).encode()
        certificate, *chain = self._credentials.certify(pem)
        return reply_json(
            {
                "certificate": base64.b64encode(certificate).decode(),
                "chain": [base64.b64encode(der).decode() for der in chain],
            }
        )

    def revoke(self, request: Request) -> Reply:
        """Revoke the certificate of {"credentialID"} now."""
        credential_id = str(request.json().get("credentialID", ""))
        self._credentials.revoke(credential_id)
        return reply_json({"credentialID": credential_id, "status": "revoked"})

    def forget_tokens(self, request: Request) -> Reply:
        """Every access token has run out."""
        self._store.run("delete from access_token")
        return reply_json({})

    def end_accesses(self, request: Request) -> Reply:
        """What users have left by letting an application in is good no more, and no access token either."""
        self._store.run("delete from let_in")
        self._store.run("delete from access_token")
        return reply_json({})

    def ledger(self, request: Request) -> Reply:
        """Counts from our own records. `?detail=1` adds each signature, `?transaction=ID` picks one."""
        transaction = request.query.get("transaction")
        where, value = "(? is null or client_data = ?)", (transaction, transaction)
        per_transaction = self._store.rows(
            f"select client_data as name, count(*) as made from ledger where {where} group by client_data",
            *value,
        )
        per_hash = self._store.rows(
            f"select hash, count(*) as made from ledger where {where} group by hash", *value
        )
        answer = {
            "count": sum(row["made"] for row in per_transaction),
            "transactions": {row["name"]: row["made"] for row in per_transaction},
            "hashes": {row["hash"].hex(): row["made"] for row in per_hash},
            "signed_more_than_once": [row["hash"].hex() for row in per_hash if row["made"] > 1],
            "consents": self._store.count("select count(*) from consent"),
            "extended": self._store.count("select count(*) from extension"),
            "repeated_authorizations": self._store.count("select coalesce(sum(repeats), 0) from consent"),
            "tokens": self._store.count("select count(*) from access_token"),
            "timestamps": self._store.count("select count(*) from stamp"),
        }
        if request.query.get("detail"):
            answer["signatures"] = self._detail(transaction)
        return reply_json(answer)

    def _detail(self, transaction: str | None) -> list[dict[str, object]]:
        rows = self._store.rows(
            "select * from ledger where ? is null or client_data = ? order by n", transaction, transaction
        )
        return [
            {
                "n": row["n"], "time": row["made_at"], "credentialID": row["credential_id"],
                "transaction": row["client_data"], "hash": row["hash"].hex(),
                "value": base64.b64encode(row["value"]).decode(),
            }
            for row in rows
        ]  # fmt: skip
