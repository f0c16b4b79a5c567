"""Two schools as the attacks on routes, jobs and files find them: one that asks, one whose every text is a canary."""

import secrets
import uuid
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

from litestar import Litestar
from sqlalchemy import ARRAY, String, Uuid, bindparam, insert, select, text

from backend.core import clock
from backend.core.actor import Browser, StaffId
from backend.core.database import TenantSession, account_session, public_session
from backend.tables import metadata
from backend.tenants.access import queries as directory
from backend.tenants.access import service as access
from backend.tenants.access.schemas import AccountId
from backend.tenants.api_clients import service as api_clients
from backend.tenants.api_clients.schemas import ClientKind, NewApiClient, Scope
from backend.tenants.factors import queries as factors
from backend.tenants.factors.schemas import Factor, NewKey
from backend.tenants.federation import queries as federation
from backend.tenants.federation.schemas import Outsider
from backend.tenants.permissions import Role
from tests.factories.machine import Machine
from tests.factories.offers import offer_to
from tests.factories.pki import Pki
from tests.factories.small_school import SmallSchool, open_small_school
from tests.records.transcripts.conftest import Season, confirmed_class
from tests.tenancy.rows import TABLES, Row, Tenant, digests, named

#: Tables whose rows a season before the signatures does not make, and what pages of the asking school need to show them.
LATER: dict[str, Row] = {
    "credential": {"purpose": "seal", "staff_id": None, "status": "active"}
    | {"certificate": Pki().person("Dấu thử").der}
    | {"not_before": datetime(2026, 1, 1, tzinfo=UTC), "not_after": datetime(2999, 1, 1, tzinfo=UTC)},
    "secret_key": {},
    "provider_account": {"state": "active"},
    "provider_access": {"state": "active", "ends_at": datetime(2999, 1, 1, tzinfo=UTC), "ended_at": None},
    "seal_mandate": {"last_day": date(2999, 1, 1), "ended_at": None, "ended_by": None},
    "signing_batch": {"state": "running", "mandate_id": None},
    "token_helper": {"state": "offered", "public_key": b"", "certificate": b"", "credential_id": None},
    "provider_call": {"state": "unknown", "provider_reference": None, "held_at": None},
    "authority_binding": {"profile": "vn.sandbox.hocba/2", "parameters": {}, "trial": None, "ended_at": None}
    | {"key_id": None},
    "delivery": {"state": "queued", "action": "submit", "errors": []},
    "delivery_attempt": {"outcome": None},
    "reconciliation": {
        "outcome": "compared",
        "extra": 1,
        "missing": 0,
        "content": 0,
        "state": 0,
        "matched": 0,
        "pages": [],
    },
    "reconciliation_finding": {"kind": "extra"},
    "import_run": {
        "state": "previewed",
        "preview": {"layout": "pupils", "new": 0, "changed": 0, "unchanged": 0, "moved": 0, "bad": 0}
        | {"problems": []},
    },
    "import_change": {"overwritten": []},
    "data_request": {"kind": "see", "state": "received", "relation": "mother", "closed_at": None}
    | {"acknowledged_at": None, "extension_reason": None, "answer": None},
    "mark_change": {"kind": "level"},
    "class_freeze": {"state": "done", "frozen": 0, "left_out": [], "problem": None},
    "issued_copy": {"kind": "ban-sao"},
    "share": {"relation": "mother", "means": "paper", "wrong_pins": 0, "revoked_by_family": False}
    | {"revoked_at": None, "revoked_by": None, "revoked_why": None}
    | {"expires_at": datetime(2999, 1, 1, tzinfo=UTC)},
    "share_request": {
        "state": "waiting",
        "decided_at": None,
        "decided_by": None,
        "why": None,
        "share_id": None,
    },
    "exemption": {"ground": "health", "ended_at": None, "ended_by": None},
    "publication": {"period": "year_end", "cells": {}, "withdrawn_at": None, "withdrawn_by": None},
    "comment_phrase": {"grade_level": 0},
    "department": {},
    "season_nudge": {"stage": "submitted"},
    "department_member": {},
    "delegation": {"starts_on": date(2026, 1, 1), "ends_on": date(2999, 1, 1), "ended_on": None},
    "invoice": {},
    "school_export": {"state": "running", "parts": [], "finished_at": None, "problem": None},
    "approval_request": {"kind": "school_export", "state": "waiting", "facts": {}, "decided_at": None}
    | {"decided_by": None, "ends_at": datetime(2999, 1, 1, tzinfo=UTC)},
    "identity_provider": {"kind": "google"},
    "transfer": {"state": "refused", "version_ids": [], "ended_at": None},
    "received_package": {"state": "checked", "earlier_year_ids": [], "decided_at": None}
    | {
        "verdict": dict.fromkeys(("intact", "signed", "in_force", "known", "years"), "x")
        | {"checked_at": "2026-01-01"}
    },
    "api_answer": {"answer": "{}"},
    "webhook_endpoint": {
        "events": ["transcript.issued"],
        "ended_at": None,
        "stopped_at": None,
        "old_key": None,
    },
    "partner_event": {"kind": "transcript.issued"},
    "webhook_message": {"state": "failed", "problem": "refused"},
    "notice_mail": {"state": "sent", "problem": None},
    "invitation": {"roles": ["clerk"], "expires_at": datetime(2999, 1, 1, tzinfo=UTC), "staff_id": None}
    | {"withdrawn_at": None, "accepted_at": None},
    "subscription": {"plan": "standard", "seats": 100},
}
#: Tables of which a season leaves rows that those of `LATER` belong to.
_PARENTS = (
    "academic_year",
    "student",
    "school_class",
    "transcript",
    "transcript_version",
    "grade_sheet",
    "sheet_step",
    "api_client",
)
#: Without the season of signatures: what pages and other systems see of an issued version.
_ISSUE = """
    update transcript_version set state = 'issued', signed_sha256 = pdf_sha256, issued_at = now() where id = :id
"""
_PUPIL = """
    select s.full_name from student s join transcript_version v on v.student_id = s.id where v.id = :id
"""
_COPIED = "select pdf_sha256 as sha256 from transcript_version where id = :id"
_OWNERS = "select student_id as student, transcript_id as transcript from transcript_version where id = :id"
#: What the directory keeps of an account and of a school's keys, as they themselves see it.
_OF_ACCOUNT = (
    "login()",
    "places()",
    "sessions('1 day')",
    "passkeys()",
    "totp()",
    "identities()",
    "last_reset()",
)
_DIGEST = "select md5(string_agg(t::text, '|' order by t::text)) from directory.{} t"


@dataclass
class Place:
    """A school with a class whose first transcript is issued.

    `ids` are one per table, `token` is in its texts, `seen` is what its own principal was shown, `key` is what another
    system shows that reads everything of the school.
    """

    school: SmallSchool
    season: Season
    token: str
    ids: dict[str, uuid.UUID] = field(default_factory=dict)
    seen: str = ""
    key: str = ""

    @property
    def principal(self) -> str:
        """The login of the principal."""
        return f"principal@{self.school.tenant_id.hex}.example"

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
        """A digest of each table's rows, and of what the directory keeps."""
        async with self.school.session(read_only=True) as session:
            found = await digests(session)
            for kept, function in (("keys", "api_clients_seen()"), ("offers", "offers_here()")):
                found[kept] = await session.scalar(text(_DIGEST.format(function))) or ""
        account = await _account(self.principal)
        if account is not None:
            async with account_session(account) as session:
                for kept in _OF_ACCOUNT:
                    found[kept] = await session.scalar(text(_DIGEST.format(kept))) or ""
        return found

    async def login(self, who: str) -> str:
        """A login for somebody of the school; may be asked for once per person."""
        login = f"{who}@{self.school.tenant_id.hex}.example"
        async with self.school.session() as session:
            await access.create_account(session, self.school.staff[who], login, secrets.token_urlsafe(12))
        return login

    async def new_key(self, *scopes: Scope) -> str:
        """What another system shows from now on that may read so much."""
        new = NewApiClient(name=self.token, kind=ClientKind.TOKEN, scopes=frozenset(scopes), months=12)
        async with self.school.session() as session:
            actor = await self.school.actor(session, "principal")
            return (await api_clients.add_client(session, actor, new)).secret

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


async def asking_place() -> Place:
    """A school with rows of everything that an address may name, as its pages can show them; its principal is all."""
    made_up = Tenant(uuid.uuid4())  # type: ignore[arg-type]
    place = await _place("Trường A", made_up.token)
    made_up.tenant_id = place.school.tenant_id
    made_up.rows["public.staff_member"] = {"id": place.school.staff["principal"]}
    made_up.rows |= {f"public.{name}": {"id": place.ids[name]} for name in _PARENTS}
    async with place.school.session() as session:
        version = {"id": place.ids["transcript_version"]}
        pupil = await session.scalar(text(_PUPIL), version)
        copied = (await session.execute(text(_COPIED), version)).one()._asdict()
        # The oldest pupil may be another one than whose version it is.
        owners = (await session.execute(text(_OWNERS), version)).one()._asdict()
        made_up.rows |= {f"public.{name}": {"id": owner} for name, owner in owners.items()}
        for name, shown in LATER.items():
            table = metadata.tables[name]
            own = {"delivery": {"label": pupil}, "issued_copy": copied}.get(name, {})
            made_up.rows[named(table)] = made_up.new_row(table) | shown | own
            await session.execute(insert(table).values(made_up.rows[named(table)]))
        await grant_all(session, place.school.staff["principal"])
        of_version = {name: place.ids[name] for name in ("transcript_version", "other")}
        place.ids = await _ids(session) | owners | of_version
        place.ids["freeze_run"] = made_up.rows["public.class_freeze"]["run_id"]
    return place


async def grant_all(session: TenantSession, staff_id: StaffId) -> None:
    """Give a person of the school every role."""
    statement = text("insert into staff_role values (:tenant, :staff, :role) on conflict do nothing")
    for role in Role:
        values = {"tenant": session.tenant_id, "staff": staff_id, "role": role.value}
        await session.execute(statement, values)


async def hidden_place(site: Litestar) -> Place:
    """A school of the same kind, at work, in which every column of text holds the token in some row."""
    made_up = Tenant(uuid.uuid4())  # type: ignore[arg-type]
    place = await _place(f"Trường {made_up.token}", made_up.token)
    made_up.tenant_id = place.school.tenant_id
    place.seen = await _look_around(site, place)
    belongs = await belongings(place)
    await Machine(place.school.tenant_id).forget()
    async with place.school.session() as session:
        for table in (one for one in TABLES if one.name != "outbox_event"):  # the relay would take it away
            made_up.rows[named(table)] = made_up.new_row(table)
            if table.name == "school":
                is_open = {"closes_on": None}
                await session.execute(table.update().values(made_up.rows[named(table)] | is_open))
            else:
                await session.execute(insert(table).values(made_up.rows[named(table)]))
        place.ids = await _ids(session) | place.ids | belongs
        place.ids["freeze_run"] = made_up.rows["public.class_freeze"]["run_id"]
    return place


async def belongings(place: Place) -> dict[str, uuid.UUID]:
    """What the principal has made for their account and may name in an address, by its kind; and what another school
    offers."""
    account, now = await _account(place.principal), clock.now()
    assert account is not None
    key = NewKey(credential_id=secrets.token_bytes(16), public_key=secrets.token_bytes(16), sign_count=0)
    [home] = await access.places_of(account)
    outsider = Outsider(issuer=place.token, subject=secrets.token_hex(8), label=place.token)
    async with account_session(account) as session:
        passkey = await factors.add_passkey(session, key, place.token, now, now)
        identity = await federation.link(session, outsider, now)
        client = Browser(host="127.0.0.1:8000", network="10.0.0.0/24", device=place.token)
        digest, end = secrets.token_hex(16), now + timedelta(hours=1)
        await directory.open_session(session, home, client, Factor.PASSWORD, digest, now, end)
        [opened, *_] = [
            one for one in await directory.sessions(session, timedelta(days=1)) if one.device == place.token
        ]
    assert identity is not None
    offer = await offer_to(place.school.tenant_id)
    return {"passkey": passkey, "identity": identity, "session": opened.id, "offer": offer}


async def _account(login: str) -> AccountId | None:
    async with public_session() as session:
        found = await directory.find_login(session, login)
    return found[0] if found else None


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
    key = {"Authorization": f"Bearer {place.key}"}
    told = await browser.http.get("/api/v1/classes", headers=key)
    assert told.status_code == 200
    return "".join([told.text, *[(await browser.get(path)).text for path in paths]])


async def _place(name: str, token: str) -> Place:
    """A school whose class 1A is assessed, confirmed and frozen, with one transcript that counts as issued."""
    school = await open_small_school(name)
    async with school.session() as session:
        season = await confirmed_class(school, session, names=[f"Lò {token} An", f"Cầm {token} Bình"])
    version = (await season.freeze())[0]
    await season.render(version)
    await season.ask_for_signatures(version)
    place = Place(school, season, token)
    place.key = await place.new_key(*Scope)
    async with school.session() as session:
        await session.execute(text(_ISSUE), {"id": version.id})
        # What a version is compared with: `other_id`.
        place.ids = await _ids(session) | {"transcript_version": version.id, "other": version.id}
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
