"""Two schools as the attacks on routes, jobs and files find them: one that asks, one whose every text is a canary."""

import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from litestar import Litestar
from sqlalchemy import ARRAY, String, Uuid, bindparam, insert, select, text

from backend.core.database import TenantSession
from backend.tables import metadata
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import ClientKind, NewApiClient, Scope
from backend.tenants.permissions import Role
from tests.factories.machine import Machine
from tests.factories.small_school import SmallSchool, open_small_school
from tests.records.transcripts.conftest import Season, confirmed_class
from tests.tenancy.rows import TABLES, Row, Tenant, digests, named, new_token

_FAR = datetime(2999, 1, 1, tzinfo=UTC)
#: Tables whose rows a season before the signatures does not make, and what pages of the asking school need to show them.
LATER: dict[str, Row] = {
    "credential": {},
    "signing_batch": {"state": "running"},
    "provider_call": {},
    "delivery": {"state": "queued", "errors": []},
    "delivery_attempt": {"outcome": None},
    "data_request": {"kind": "see", "relation": "mother", "state": "received", "acknowledged_at": None}
    | {"closed_at": None, "answer": None, "extension_reason": None},
    "invitation": {"roles": ["clerk"], "staff_id": None, "expires_at": _FAR}
    | {"withdrawn_at": None, "accepted_at": None},
    "identity_provider": {"kind": "google"},
    "delegation": {"starts_on": date(2026, 1, 1), "ends_on": date(2999, 1, 1)},
    "invoice": {},
    "school_export": {"state": "running", "parts": [], "finished_at": None, "problem": None},
    "import_run": {
        "state": "previewed",
        "preview": {"layout": "pupils", "new": 0, "changed": 0, "unchanged": 0, "moved": 0, "bad": 0}
        | {"problems": []},
    },
}

#: Without the season of signatures: what pages and other systems see of an issued version.
_ISSUE = """
    update transcript_version set state = 'issued', signed_sha256 = pdf_sha256, issued_at = now() where id = :id
"""


@dataclass
class Place:
    """A school with a class whose first transcript is issued.

    `ids` are one per table, `token` is in its texts, `seen` is what its own principal was shown,
    `key` what another system shows that may read everything.
    """

    school: SmallSchool
    season: Season
    token: str
    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    seen: str = ""
    key: str = ""

    @property
    def all_ids(self) -> list[uuid.UUID]:
        return [*self.ids.values(), self.school.tenant_id]

    def ids_for(self, slots: list[str]) -> list[uuid.UUID]:
        """Ids for parameters of these names: `class_id` means a row of `school_class`; all where no table fits."""
        words = [slot.removesuffix("_id") for slot in slots]
        likely = [one for name, one in self.ids.items() if any(word in name for word in words)]
        return [*likely, self.school.tenant_id] if likely else self.all_ids

    @property
    def signs(self) -> list[str]:
        """What tells that something is of this school."""
        return [self.token, self.school.name, *(str(one) for one in self.all_ids)]

    async def fingerprint(self) -> dict[str, str]:
        """A digest of each table's rows."""
        async with self.school.session(read_only=True) as session:
            return await digests(session)

    async def refers_to(self, ids: list[uuid.UUID]) -> list[str]:
        """Columns of this school's rows in which one of these ids stands."""
        columns = [
            f"select '{named(table)}.{column.name}' from {named(table)} "
            f"where array[{column.name}]::text[] && cast(:ids as text[])"
            for table in TABLES
            for column in table.columns
            if is_id(column.type)
        ]
        query = text(" union ".join(columns)).bindparams(bindparam("ids", type_=ARRAY(String)))
        async with self.school.session(read_only=True) as session:
            return list(await session.scalars(query, {"ids": [str(one) for one in ids]}))


def is_id(of: Any) -> bool:
    """Whether a column holds an id, or several."""
    return isinstance(of.item_type if isinstance(of, ARRAY) else of, Uuid)


async def furnished(name: str, token: str) -> Place:
    """A school with rows of everything that an address may name, as its pages can show them."""
    place = await _place(name, token)
    made_up = Tenant(place.school.tenant_id)
    made_up.rows["public.staff_member"] = {"id": place.school.staff["principal"]}
    made_up.rows["public.transcript_version"] = {"id": place.ids["transcript_version"]}
    made_up.rows["public.student"] = {"id": place.ids["student"]}
    async with place.school.session() as session:
        for table_name, shown in LATER.items():
            table = metadata.tables[table_name]
            made_up.rows[named(table)] = made_up.new_row(table) | shown
            await session.execute(insert(table).values(made_up.rows[named(table)]))
        place.ids = await _ids(session) | {"transcript_version": place.ids["transcript_version"]}
    return place


async def asking_place() -> Place:
    """A furnished school whose principal has every other role as well."""
    place = await furnished("Trường A", new_token())
    async with place.school.session() as session:
        for role in Role:
            statement = "insert into staff_role values (:tenant, :staff, :role) on conflict do nothing"
            values = {
                "tenant": session.tenant_id,
                "staff": place.school.staff["principal"],
                "role": role.value,
            }
            await session.execute(text(statement), values)
        everything = NewApiClient(name="Hệ thống", kind=ClientKind.TOKEN, scopes=frozenset(Scope), months=1)
        actor = await place.school.actor(session, "principal")
        added = await api_clients.add_client(session, actor, everything)
    place.key, place.ids["api_client"] = added.secret, added.client_id
    return place


async def hidden_place(site: Litestar) -> Place:
    """A school of the same kind, at work, in which every column of text holds the token in some row."""
    token = new_token()
    place = await _place(f"Trường {token}", token)
    made_up = Tenant(place.school.tenant_id, token)
    place.seen = await _look_around(site, place)
    await Machine(place.school.tenant_id).forget()
    async with place.school.session() as session:
        for table in (one for one in TABLES if one.name != "outbox_event"):  # the relay would take it away
            made_up.rows[named(table)] = made_up.new_row(table)
            if table.name == "school":
                await session.execute(table.update().values(made_up.rows[named(table)]))
            else:
                await session.execute(insert(table).values(made_up.rows[named(table)]))
        place.ids = await _ids(session) | place.ids
    return place


async def _look_around(site: Litestar, place: Place) -> str:
    """What the principal is shown: whatever a page remembers of a school, it remembers of this one."""
    browser = await place.school.browser(site, "principal")
    ids = place.ids
    paths = (
        "/",
        "/lop",
        f"/lop/{ids['school_class']}",
        f"/hoc-ba/{ids['transcript_version']}",
        "/ky",
        "/gui",
    )
    return "".join([(await browser.get(path)).text for path in paths])


async def _place(name: str, token: str) -> Place:
    """A school whose class 1A is assessed, confirmed and frozen, with one transcript that counts as issued."""
    school = await open_small_school(name)
    async with school.session() as session:
        season = await confirmed_class(school, session, names=[f"Lò {token} An", f"Cầm {token} Bình"])
    version = (await season.freeze())[0]
    await season.render(version)
    await season.ask_for_signatures(version)
    place = Place(school, season, token)
    async with school.session() as session:
        await session.execute(text(_ISSUE), {"id": version.id})
        place.ids = await _ids(session) | {"transcript_version": version.id}
    return place


async def _ids(session: TenantSession) -> dict[str, uuid.UUID]:
    """The id of the oldest row of each table that has some."""
    found = {}
    for table in TABLES:
        if "id" in table.columns and isinstance(table.columns.id.type, Uuid):
            first = await session.scalar(select(table.columns.id).order_by(table.columns.id).limit(1))
            if first is not None:
                found[table.name] = first
    return found
