"""What has been kept long enough goes at night, what is younger or kept by the law stays."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from sqlalchemy import DateTime, text
from sqlalchemy.exc import ProgrammingError

from backend.core import clock, retention, settings, storage
from backend.core.audit import Action
from backend.core.data_register import DIRECTORY, holdings
from backend.core.errors import NotFound
from backend.core.ids import new_id
from backend.core.personal_data import MONTHS, Holding
from backend.tables import metadata
from infra.embedded.stack import EmbeddedStack
from tests.tenancy.places import Place, asking_place
from tests.tenancy.rows import digests

#: Tables before the fence, and how a row of each comes to be.
BEFORE_THE_FENCE = {
    "directory.session": "insert into directory.session (token_digest, account_id, tenant_id, staff_id, host, network,"
    " device, factor, verified_at, opened_at, seen_at, ends_at) select $2::uuid::text, account_id, tenant_id, staff_id,"
    " 'x', 'x', 'x', 'password', $1, $1, $1, $1 from directory.place where tenant_id = $2::uuid limit 1",
    "directory.sign_in_tries": "insert into directory.sign_in_tries (subject_digest, wrong, locks, ends_at)"
    " values ($2::uuid::text, 1, 0, $1)",
    "directory.ticket": "insert into directory.ticket values ($2::uuid::text, 'link', null, '{}', $1)",
    "directory.api_token": "update directory.api_token set ends_at = $1 where client_id in"
    " (select id from directory.api_client where tenant_id = $2::uuid)",
    "directory.school_application": "insert into directory.school_application (id, facts, state, decided_at)"
    " values ($2::uuid, '{}', 'refused', $1)",
}


def unfinished(found: dict[str, Holding]) -> list[str]:
    """Tables whose time is over some day without anybody purging them, and the other way round."""
    return [name for name, one in found.items() if bool(one.keep and MONTHS[one.keep]) is not bool(one.ends)]


def test_whatever_is_kept_for_some_months_is_purged_and_nothing_else() -> None:
    assert unfinished(holdings()) == []
    rules = retention.rules()
    assert {"import_run", "invitation", "data_request", "school_export", "directory.session"} <= rules.keys()
    assert {name for name in rules if name in DIRECTORY} == BEFORE_THE_FENCE.keys()
    for name in rules.keys() - DIRECTORY.keys():
        columns = metadata.tables[name].columns
        assert isinstance(columns[rules[name].ends].type, DateTime), name
        assert rules[name].title, name


def test_a_table_that_nobody_purges_is_named() -> None:
    known = retention.rules()["import_run"]
    planted = Holding(kinds={}, title="x", purpose="x", ground=known.ground, keep=known.keep, ends="")
    assert unfinished({"planted": planted}) == ["planted"]


@pytest.mark.parametrize(
    ("now", "night"),
    [
        ("2026-03-01T18:59:59+00:00", "2026-03-02T02:00:00+07:00"),
        ("2026-03-01T19:00:00+00:00", "2026-03-03T02:00:00+07:00"),
    ],
)
def test_at_two_in_the_night(now: str, night: str) -> None:
    assert retention.next_night(datetime.fromisoformat(now)) == datetime.fromisoformat(night)


@pytest_asyncio.fixture(loop_scope="session")
async def place(product: settings.Settings) -> Place:
    return await asking_place()


@pytest_asyncio.fixture(loop_scope="session")
async def postgres(embedded_stack: EmbeddedStack) -> AsyncIterator[asyncpg.Connection]:
    """Whoever may change any row: time passes by its hand."""
    connection = await asyncpg.connect(embedded_stack.postgres.url("postgres"))
    yield connection
    await connection.close()


async def age(postgres: asyncpg.Connection, place: Place, by: timedelta = timedelta()) -> None:
    """Every row that may be purged reached its months `by` ago; so did every file of the school."""
    for name, rule in inside().items():
        reached = f"now() - interval '{MONTHS[rule.keep]} months'"  # type: ignore[index]
        await postgres.execute(
            f"update {name} set {rule.ends} = {reached} - $2::interval where tenant_id = $1",
            place.school.tenant_id,
            by,
        )
    await postgres.execute(
        "update stored_object set stored_at = now() - interval '5 years' where tenant_id = $1",
        place.school.tenant_id,
    )


def inside() -> dict[str, Holding]:
    return {name: rule for name, rule in retention.rules().items() if name not in DIRECTORY}


async def counts(place: Place) -> dict[str, int]:
    async with place.school.session(read_only=True) as session:
        return {
            name: await session.scalar(text(f"select count(*) from {name}")) or 0
            for name in (*inside(), "stored_object")
        }


async def test_the_young_stay_whoever_asks(place: Place, postgres: asyncpg.Connection) -> None:
    await age(postgres, place, -timedelta(hours=1))
    before = await counts(place)
    assert all(before.values())
    await retention.purge_school(place.school.tenant_id)
    for name, rule in inside().items():
        months = rule.keep and MONTHS[rule.keep]
        with pytest.raises(ProgrammingError, match="too young"):
            async with place.school.session() as session:
                await session.execute(
                    text(
                        "select directory.purge_school(:what, now() - make_interval(months => :months, hours => -1), 5)"
                    ),
                    {"what": name, "months": months},
                )
    assert await counts(place) == before


async def test_what_the_law_keeps_stays(place: Place, postgres: asyncpg.Connection) -> None:
    """Also where an import or an export names the file of a transcript as its own."""
    await age(postgres, place, timedelta(days=60))
    async with place.school.session() as session:
        signed = await session.scalar(
            text("select pdf_sha256 from transcript_version where pdf_sha256 <> ''")
        )
    await postgres.execute(
        "update import_run set file_sha256 = $2 where tenant_id = $1", place.school.tenant_id, signed
    )
    before = await counts(place)
    await retention.purge_school(place.school.tenant_id)
    assert (await counts(place))["stored_object"] == before["stored_object"] > 0
    assert await storage.get(place.school.tenant_id, str(signed))


async def test_the_old_go_with_their_files(place: Place, postgres: asyncpg.Connection) -> None:
    tenant_id, young = place.school.tenant_id, new_id()
    shared, alone = [await storage.put(tenant_id, f"{place.token} {one}".encode()) for one in ("both", "one")]
    async with place.school.session() as session:
        await session.execute(
            text(
                "insert into import_run select (jsonb_populate_record(r, jsonb_build_object('id', cast(:id as text),"
                " 'file_sha256', cast(:file as text), 'parsed_sha256', 'none'))).* from import_run r"
            ),
            {"id": str(young), "file": shared},
        )
        for digest in (shared, alone):
            await storage.register(session, storage.File(digest, 1, "application/json"))
    await postgres.execute(
        "update import_run set file_sha256 = $2, parsed_sha256 = $3 where tenant_id = $1 and id <> $4",
        tenant_id,
        shared,
        alone,
        young,
    )
    await age(postgres, place, timedelta(days=60))
    await postgres.execute("update school_export set state = 'ready' where tenant_id = $1", tenant_id)
    await postgres.execute("update import_run set uploaded_at = now() where id = $1", young)
    kept = await everything_else(place)
    await retention.purge_school(tenant_id)
    left = await counts(place)
    assert {name: left[name] for name in inside()} == dict.fromkeys(inside(), 0) | {"import_run": 1}
    assert await everything_else(place) == kept
    assert await storage.get(tenant_id, shared)
    with pytest.raises(NotFound):
        await storage.get(tenant_id, alone)
    async with place.school.session(read_only=True) as session:
        found = await session.execute(
            text("select subject_label, details from audit_event where action = :action order by id"),
            {"action": Action.DATA_PURGED.value},
        )
        told = {row.subject_label: row.details for row in found}
    assert told.keys() == {rule.title for rule in inside().values()}
    assert told["Lần nhập dữ liệu"] == {"count": 1, "files": 1}
    invitations = "select count(*) from directory.invitation where tenant_id = $1"
    assert await postgres.fetchval(invitations, tenant_id) == 0


async def test_a_clock_that_is_ahead_of_the_databases_purges_as_well(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    ahead = clock.now() + timedelta(minutes=30)
    monkeypatch.setattr(clock, "now", lambda: ahead)
    await retention.purge_school(place.school.tenant_id)


async def test_archives_that_a_younger_export_names_stay(place: Place, postgres: asyncpg.Connection) -> None:
    tenant_id, young = place.school.tenant_id, new_id()
    shared = await storage.put(tenant_id, f"{place.token} archive".encode())
    async with place.school.session() as session:
        await storage.register(session, storage.File(shared, 1, "application/zip"))
    await postgres.execute(
        "update school_export set state = 'ready', parts = jsonb_build_array(jsonb_build_object('sha256', $2::text)) "
        "where tenant_id = $1",
        tenant_id,
        shared,
    )
    await age(postgres, place, timedelta(days=60))
    await postgres.execute(
        "insert into school_export select (jsonb_populate_record(e, jsonb_build_object('id', $2::text))).* "
        "from school_export e where tenant_id = $1",
        tenant_id,
        str(young),
    )
    await postgres.execute(
        "update school_export set asked_at = now(), state = 'running' where id = $1", young
    )
    await retention.purge_school(tenant_id)
    assert (await counts(place))["school_export"] == 2, "one is being packed"
    await postgres.execute("update school_export set state = 'ready' where id = $1", young)
    await retention.purge_school(tenant_id)
    assert (await counts(place))["school_export"] == 1
    assert await storage.get(tenant_id, shared)


async def everything_else(place: Place) -> dict[str, Any]:
    async with place.school.session(read_only=True) as session:
        found = await digests(session)
    changed = {*inside(), "stored_object", "audit_event"}
    return {name: one for name, one in found.items() if name.removeprefix("public.") not in changed}


async def test_before_the_fence(
    place: Place, postgres: asyncpg.Connection, embedded_stack: EmbeddedStack
) -> None:
    dispatcher = await asyncpg.connect(embedded_stack.postgres.url("hocba_dispatcher"))
    app = await asyncpg.connect(embedded_stack.postgres.url("hocba_app"))
    await place.login("principal")
    for name, comes in BEFORE_THE_FENCE.items():
        what, keep = name.removeprefix("directory."), holdings()[name].keep
        assert keep is not None
        months = MONTHS[keep]
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="too young"):
            await app.fetchval(
                f"select directory.purge($1, now() - interval '{months} months' + interval '1 hour', 5)", what
            )
        await postgres.execute(
            comes, clock.now() - timedelta(days=31 * (months or 0) + 1), place.school.tenant_id
        )
    told = "select details ->> 'what', details ->> 'count' from directory.platform_event where action = 'retention.purge'"
    before = await postgres.fetchval(f"select count(*) from ({told}) as t")
    await retention.purge(dispatcher)
    assert await postgres.fetchval(f"select count(*) from ({told}) as t") == before + len(BEFORE_THE_FENCE)
    await dispatcher.close()
    await app.close()
