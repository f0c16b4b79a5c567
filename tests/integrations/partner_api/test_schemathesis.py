"""Schemathesis plays another system against the document that we publish, over real HTTP, the same way each time.

Whatever it sends with the key of one school: no 500, only answers that the document promises, and nothing of the other.
"""

import asyncio
import re
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given
from hypothesis import settings as how
from hypothesis import strategies as st
from litestar import Litestar
from schemathesis import Case
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from backend.integrations.webhooks.schemas import EventKind
from backend.tenants.api_clients.schemas import Scope
from tests.integrations.partner_api.partners import Client, Partner

#: Requests for each address, with right input and with wrong input.
EXAMPLES = 4
PROMISES = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
LISTS = ("/classes", "/classes/{class_id}/students", "/transcripts", "/deliveries")


async def document(site: Litestar) -> dict[str, Any]:
    """What we publish."""
    answer = await Client(site, "").get("/openapi.json")
    assert answer.status_code == 200
    published: dict[str, Any] = answer.json()
    return published


async def test_the_document_is_whole(site: Litestar) -> None:
    published = await document(site)
    assert published["openapi"].startswith("3.")
    assert published["openapi"] == "3.1.0"
    assert sum(len(methods) for methods in published["paths"].values()) == 16
    for path, methods in published["paths"].items():
        for method, operation in methods.items():
            assert {"200", "429", "503"} <= set(operation["responses"]), path
            assert operation["description"], path
            assert operation.get("security") or path.endswith("/oauth/token"), path
            by_header = {one["name"] for one in operation.get("parameters", ()) if one["in"] == "header"}
            asks_for_a_key = method == "post" and not path.endswith("/oauth/token")
            assert by_header == ({"Idempotency-Key"} if asks_for_a_key else set()), path


async def test_the_guide_names_every_scope_and_every_event(site: Litestar) -> None:
    guide = (await Client(site, "").http.get("http://127.0.0.1:8000/tai-lieu/api")).text
    assert '<div class="stack" lang="en">' in guide
    assert {f"<code>{one}</code>" for one in (*Scope, *EventKind)} - {
        *re.findall("<code>[^<]*</code>", guide)
    } == set()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def address(site: Litestar) -> AsyncIterator[str]:
    """The site behind a socket."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(site, lifespan="off", log_config=None))
    serving = asyncio.create_task(server.serve([listener]))
    yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    server.should_exit = True
    await serving
    listener.close()


async def marks_of(site: Litestar, partner: Partner) -> set[str]:
    """Everything in a school's answers that no other school has: ids, codes, digests."""
    client = Client(site, partner.token)
    found = {str(partner.tenant_id), partner.name}
    for path in LISTS:
        for item in await client.all_of(path.format(class_id=partner.class_id), 200):
            found |= {value for value in item.values() if isinstance(value, str) and len(value) >= 12}
    return {value for value in found if value not in ("sandbox-province", "0" * 64)}


@pytest.mark.parametrize("mode", GenerationMode, ids=lambda mode: str(mode.value))
async def test_whatever_is_sent(
    site: Litestar, address: str, partners: tuple[Partner, Partner], mode: GenerationMode
) -> None:
    asking, other = partners
    published = await document(site)
    foreign = await marks_of(site, other) - await marks_of(site, asking)
    assert len(foreign) > 10
    said = await asyncio.to_thread(_play, published, address, asking, other, mode)
    assert ({200, 400, 404} if mode is GenerationMode.POSITIVE else {404, 422}) <= set(said)
    everything = "\n".join(text for texts in said.values() for text in texts)
    assert sorted(mark for mark in foreign if mark in everything) == []


def _play(
    published: dict[str, Any], address: str, asking: Partner, other: Partner, mode: GenerationMode
) -> dict[int, list[str]]:
    """Every operation with generated input; the texts of the answers by status."""
    said: dict[int, list[str]] = {}
    schema = schemathesis.openapi.from_dict(published)
    ids = st.sampled_from(
        [None, *(one for partner in (asking, other) for one in (partner.class_id, *partner.versions))]
    )
    operations = [found.ok() for found in schema.get_all_operations() if isinstance(found, Ok)]
    assert len(operations) == sum(len(methods) for methods in published["paths"].values())
    if mode is GenerationMode.NEGATIVE:  # a form of texts alone cannot be of the wrong type
        operations = [one for one in operations if not one.path.endswith("/oauth/token")]
    for operation in operations:

        @how(
            max_examples=EXAMPLES,
            derandomize=True,
            database=None,
            deadline=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=operation.as_strategy(mode), known=ids)
        def ask(case: Case[Any], known: object) -> None:
            for name in case.path_parameters or {}:
                if known and name.endswith("_id"):
                    case.path_parameters[name] = str(known)
            key = {"Authorization": f"Bearer {asking.token}"}
            answer = case.call_and_validate(base_url=address, headers=key, checks=PROMISES)
            said.setdefault(answer.status_code, []).append(answer.content.decode(errors="replace"))

        ask()
    return said
