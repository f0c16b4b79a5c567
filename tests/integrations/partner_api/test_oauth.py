"""The token end point: RFC 6749, 4.4 and 5.2."""

import base64
import logging
import uuid
from collections.abc import Mapping

import asyncpg
import httpx
import pytest
from litestar import Litestar
from sqlalchemy import text

from backend.core import logs
from backend.core.database import tenant_session
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import ClientKind, NewKey, Scope
from tests.integrations.partner_api.partners import Client, Partner

GRANT = {"grant_type": "client_credentials"}


def basic(client_id: object, secret: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{client_id}:{secret}".encode()).decode()}


async def ask(site: Litestar, form: Mapping[str, str], headers: Mapping[str, str]) -> httpx.Response:
    return await Client(site, "").http.post("/oauth/token", data=form, headers=headers)


async def oauth_key(partner: Partner) -> NewKey:
    return await partner.key(Scope.CLASSES_READ, Scope.DELIVERIES_READ, kind=ClientKind.OAUTH)


async def test_a_secret_is_changed_for_a_token(site: Litestar, a: Partner) -> None:
    key = await oauth_key(a)
    answer = await ask(site, GRANT, basic(key.client_id, key.secret))
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert said["token_type"] == "Bearer"
    assert (said["expires_in"], said["scope"]) == (3600, "classes:read deliveries:read")
    assert answer.headers["cache-control"] == "no-store"
    client = Client(site, said["access_token"])
    assert (await client.get("/classes")).status_code == 200
    assert (await client.get("/transcripts")).status_code == 403
    assert (await Client(site, key.secret).get("/classes")).status_code == 401, "the secret is no token"


async def test_a_token_may_be_for_less(site: Litestar, a: Partner) -> None:
    key = await oauth_key(a)
    form = GRANT | {"scope": "classes:read", "client_id": str(key.client_id), "client_secret": key.secret}
    said = (await ask(site, form, {})).json()
    assert said["scope"] == "classes:read"
    assert (await Client(site, said["access_token"]).get("/deliveries")).status_code == 403


async def test_tokens_end_with_their_connection(site: Litestar, a: Partner) -> None:
    key = await oauth_key(a)
    said = (await ask(site, GRANT, basic(key.client_id, key.secret))).json()
    async with tenant_session(a.tenant_id) as session:
        await api_clients.end_client(session, a.owner, key.client_id)
    assert (await Client(site, said["access_token"]).get("/classes")).status_code == 401
    assert (await ask(site, GRANT, basic(key.client_id, key.secret))).status_code == 401


@pytest.mark.parametrize(
    ("form", "secret", "status", "error"),
    [
        ({}, "right", 400, "invalid_request"),
        ({"grant_type": "password"}, "right", 400, "unsupported_grant_type"),
        (GRANT, "wrong", 401, "invalid_client"),
        (GRANT, "", 401, "invalid_client"),
        (GRANT | {"scope": "students:read"}, "right", 400, "invalid_scope"),
        (GRANT | {"scope": "everything"}, "right", 400, "invalid_scope"),
        (GRANT | {"client_secret": "x"}, "right", 400, "invalid_request"),
    ],
)
async def test_refusals(
    site: Litestar, a: Partner, form: dict[str, str], secret: str, status: int, error: str
) -> None:
    key = await oauth_key(a)
    answer = await ask(site, form, basic(key.client_id, key.secret if secret == "right" else secret))
    assert (answer.status_code, answer.json()["error"]) == (status, error)
    assert ("www-authenticate" in answer.headers) is (status == 401)


async def test_a_wrong_secret_stands_in_the_log(
    site: Litestar, a: Partner, caplog: pytest.LogCaptureFixture
) -> None:
    """With the connection that it was tried for, and without what was tried."""
    key = await oauth_key(a)
    with caplog.at_level(logging.WARNING, "backend.integrations.partner_api"):
        assert (await ask(site, GRANT, basic(key.client_id, key.secret))).status_code == 200
        assert caplog.records == []
        await ask(site, GRANT, basic(key.client_id, "thu-doan-ma"))
    [line] = map(logs.JsonFormatter().format, caplog.records)
    assert str(key.client_id) in line
    assert "thu-doan-ma" not in line


async def test_wrong_secrets_stand_in_the_audit_of_their_school_once_an_hour(
    site: Litestar, a: Partner, b: Partner, owner_of_tables: asyncpg.Connection
) -> None:
    """With how many there were since the last one; and an id of nobody writes nothing."""
    key = await oauth_key(a)

    async def refused(partner: Partner) -> list[int]:
        async with tenant_session(partner.tenant_id, read_only=True) as session:
            query = text(
                "select details from audit_event where subject_id = :id and outcome = 'refused' order by at"
            )
            found = await session.execute(query, {"id": key.client_id})
        return [row.details["refused_so_far"] for row in found]

    for client_id in (key.client_id, key.client_id, uuid.uuid4(), key.client_id):
        await ask(site, GRANT, basic(client_id, "sai"))
    assert await refused(a) == [1]
    an_hour_ago = (
        "update directory.api_client set refusal_told_at = now() - interval '61 minutes' where id = $1"
    )
    await owner_of_tables.execute(an_hour_ago, key.client_id)
    await ask(site, GRANT, basic(key.client_id, "sai"))
    assert await refused(a) == [1, 3]
    assert await refused(b) == []
    await owner_of_tables.execute(
        "update directory.api_client set refused = 1000 where id = $1", key.client_id
    )
    before = await owner_of_tables.fetchval(
        "select xmin::text from directory.api_client where id = $1", key.client_id
    )
    await ask(site, GRANT, basic(key.client_id, "sai"))
    assert (
        await owner_of_tables.fetchval(
            "select xmin::text from directory.api_client where id = $1", key.client_id
        )
        == before
    )


@pytest.mark.parametrize(
    "authorization",
    ["Basic", "Basic x", "Basic /w==", "Basic Og==", "Bearer x", f"Basic {'A' * 9000}"],
)
async def test_odd_identities_are_unknown(site: Litestar, a: Partner, authorization: str) -> None:
    answer = await ask(site, GRANT, {"Authorization": authorization})
    assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")


async def test_a_fixed_token_has_no_secret_to_change(site: Litestar, a: Partner) -> None:
    key = await a.key(Scope.CLASSES_READ)
    assert (await ask(site, GRANT, basic(key.client_id, key.secret))).status_code == 401
    assert (await ask(site, GRANT, basic(uuid.uuid4(), key.secret))).status_code == 401
