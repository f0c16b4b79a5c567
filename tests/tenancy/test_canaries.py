"""Whatever is made while school A works through every page and job holds no token of school B: answers, logs, files,
Valkey, jobs and events. The same search among what B made itself finds it.
"""

import io
import logging
import uuid
from collections.abc import AsyncIterator
from typing import Any

import pikepdf
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import String, text

from backend import workflow
from backend.core import broker, bucket, logs, outbox, rate_limit, settings
from backend.core.actor import machine
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.factories.machine import Machine
from tests.factories.small_school import STAFF
from tests.tenancy.addresses import addresses
from tests.tenancy.places import Place
from tests.tenancy.rows import TABLES, named
from tests.tenancy.visitors import Visitor, everything

Places = tuple[Place, Place]
#: Roles that nobody of a small school has: one person more for each.
MISSING = [role for role in Role if not any(role in roles for _, roles in STAFF.values())]
#: People of the school beside the principal, so that each role is among them.
WALKERS = ("clerk", "it", "homeroom", "music", *MISSING)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def made_by_a(site: Litestar, places: Places, visitor: Visitor) -> AsyncIterator[dict[str, str]]:
    """Everything that A's people and jobs are given or leave behind, by its kind."""
    a = places[0]
    heard = _Ear()
    logging.getLogger().addHandler(heard)
    level = logging.getLogger("backend").level
    logging.getLogger("backend").setLevel(logging.DEBUG)
    answers = await _all_answers(site, a, visitor)
    async with a.school.session() as session:
        await outbox.emit(session, *(event(a.ids["transcript_version"]) for event in workflow.FLOW))
    machine = Machine(a.school.tenant_id, hurry=False)
    await machine.round()
    await _ring_for_what_is_left(machine)
    await machine.round()
    logging.getLogger("backend").setLevel(level)
    logging.getLogger().removeHandler(heard)
    yield {
        "answers": answers,
        "logs": "\n".join(heard.lines),
        "files": files_of(a.school.tenant_id),
        "Valkey": await valkey(),
        "jobs and events": await _rows(a, ("work.job", "work.outbox_event")),
        "rows": await _rows(a, [named(table) for table in TABLES]),
    }


class _Ear(logging.Handler):
    """Log lines as they are written."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(logs.JsonFormatter().format(record))


async def _all_answers(site: Litestar, place: Place, principal: Visitor) -> str:
    """What each role and a system with a key are shown, and what the clerk is told who tries everything."""
    async with place.school.session() as session:
        for role in MISSING:
            asker, email = machine(session.tenant_id), f"{role}@{place.token}.example"
            place.school.staff[role] = await people.add_staff(
                session, asker, f"Cô {place.token}", email, "", [role]
            )
    visitors = {who: await Visitor.of(site, place.school, who) for who in WALKERS}
    found = []
    for address in addresses():
        ids = place.ids_for(address.slots) if address.slots else [uuid.uuid4()]
        asked = [(visitors["clerk"], one) for one in ids]
        if address.method == "GET":
            asked += [(visitor, ids[0]) for visitor in (principal, *visitors.values())]
        found += [everything(await visitor.ask(address, address.own(one))) for visitor, one in asked]
    return "\n".join(found)


async def _ring_for_what_is_left(machine: Machine) -> None:
    bell = broker.make_broker(settings.get().redis_url)
    for job in await machine.left():
        broker.ring(bell, job["lane"], job["tenant_id"], job["id"], job["fence"])
    bell.close()
    bell.client.close()


async def _rows(place: Place, tables: Any) -> str:
    query = " union all ".join(f"select t::text from {table} t" for table in tables)
    async with place.school.session(read_only=True) as session:
        return "\n".join(await session.scalars(text(query)))


def files_of(tenant_id: uuid.UUID) -> str:
    """Names and contents of a school's files in the store, with what is packed inside of PDFs."""
    client, name = bucket.client(), settings.get().s3_bucket
    listed = client.list_objects_v2(Bucket=name, Prefix=f"t/{tenant_id}/").get("Contents", [])
    found = []
    for key in (one["Key"] for one in listed):
        data = client.get_object(Bucket=name, Key=key)["Body"].read()
        found += [key, data.decode("utf-8", "replace"), *(_unpacked(data) if data[:4] == b"%PDF" else [])]
    return "\n".join(found)


def _unpacked(data: bytes) -> list[str]:
    with pikepdf.open(io.BytesIO(data)) as pdf:
        streams = [one for one in pdf.objects if isinstance(one, pikepdf.Stream)]
        return [_read(stream).decode("utf-8", "replace") for stream in streams]


def _read(stream: pikepdf.Stream) -> bytes:
    try:
        return bytes(stream.read_bytes())
    except pikepdf.PdfError:
        return bytes(stream.read_raw_bytes())


async def valkey() -> str:
    """Every key with what lies under it."""
    client: Any = rate_limit._client()
    reads = {
        b"string": lambda key: client.get(key),
        b"hash": lambda key: client.hgetall(key),
        b"list": lambda key: client.lrange(key, 0, -1),
        b"set": lambda key: client.smembers(key),
        b"zset": lambda key: client.zrange(key, 0, -1),
    }
    found = [(key, await reads[await client.type(key)](key)) async for key in client.scan_iter()]
    return "\n".join(f"{key!r} {value!r}" for key, value in found)


async def test_every_column_of_text_of_b_holds_the_token(places: Places) -> None:
    """But what PostgreSQL makes itself, or the machine must understand."""
    columns = {
        f"{table.name}.{column.name}": await _rows(places[1], [f"(select {column.name} from {named(table)})"])
        for table in TABLES
        for column in table.columns
        if isinstance(column.type, String)
    }
    without = {name for name, said in columns.items() if places[1].token not in said}
    made = {"audit_event.hash", "audit_event.prev_hash"}
    assert without == {"outbox_event.name", "job.kind", "job.state"} | made


@pytest.mark.parametrize("kind", ["answers", "logs", "files", "Valkey", "jobs and events", "rows"])
async def test_nothing_of_b_is_there(places: Places, made_by_a: dict[str, str], kind: str) -> None:
    assert made_by_a[kind], "nothing was made: the search proves nothing"
    b = places[1]
    # Ids of B that A's attacks typed into free texts are A's own rows; test_routes.py looks at columns of ids.
    signs = [b.token, b.school.name] if kind == "rows" else b.signs
    assert [sign for sign in signs if sign in made_by_a[kind]] == []


async def test_the_search_finds_what_is_there(places: Places, made_by_a: dict[str, str]) -> None:
    """The control: tokens of a school are in its own pages and files, so that they would be seen elsewhere."""
    a, b = places
    assert b.token in b.seen
    assert b.token in files_of(b.school.tenant_id)
    for kind in ("answers", "files", "rows"):
        assert a.token in made_by_a[kind], kind
    assert '"next_cursor"' in made_by_a["answers"], "the key of another system is one"
    assert str(a.school.tenant_id) in made_by_a["Valkey"]
    for kind in ("logs", "Valkey"):
        assert a.token not in made_by_a[kind], "names of people are in there"
