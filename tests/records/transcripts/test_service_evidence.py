"""What is evidence cannot be changed by the application's own role, whatever its code says."""

import pytest
import pytest_asyncio
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

from backend.core import settings
from backend.tables import metadata
from tests.factories.small_school import open_small_school
from tests.records.transcripts.conftest import Season, confirmed_class

#: Everything that may change in a row of evidence; nothing of it may be removed.
MAY_CHANGE: dict[str, set[str]] = {
    "transcript": {"handed_over_at", "leaving_since"},
    "transcript_version": {"state", "pdf_sha256", "xml_sha256", "signed_sha256", "signed_xml_sha256"}
    | {"issued_at", "withdrawn_by", "withdrawn_at", "withdrawn_reason", "effective_on"},
    "signing_request": {"state", "current_sha256", "signed_xml_sha256", "completed_at"},
    "signing_batch": {"state", "ended_at", "problem"},
    "delivery": {"state", "authority_reference", "errors", "reason", "answered_at"},
    "delivery_attempt": {"ended_at", "outcome", "sent_sha256", "answer_sha256"},
    "transfer": {"state", "package_sha256", "signed_sha256", "sealed_at", "offered_at"}
    | {"ended_by", "ended_at", "why"},
    "received_package": {"state", "earlier_year_ids", "decided_by", "decided_at"},
    "audit_event": set(),
    "stored_object": set(),
}
#: A refused item goes back to its signer's tray: it may be removed, but what was shown may not be changed.
ITEM = {
    "prepared_update",
    "region_start",
    "region_end",
    "signed_attributes",
    "digest",
    "value",
    "signed_sha256",
    "signature",
}


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def season(product: settings.Settings) -> Season:
    """One for all these tests: none of them may change it."""
    school = await open_small_school()
    async with school.session() as session:
        return await confirmed_class(school, session)


_RIGHTS = text("""
    select a.attname, has_column_privilege('hocba_app', c.oid, a.attnum, 'update') as may_update,
           has_table_privilege('hocba_app', c.oid, 'delete') as may_delete,
           has_table_privilege('hocba_app', c.oid, 'truncate') as may_truncate
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    where c.oid = cast(:name as regclass)
""")


@pytest.mark.parametrize("table", [*MAY_CHANGE, "signing_item"])
async def test_rights_on_columns(season: Season, table: str) -> None:
    async with season.school.session(read_only=True) as session:
        rows = (await session.execute(_RIGHTS, {"name": table})).all()
    assert {row.attname for row in rows} == set(metadata.tables[table].columns.keys())
    assert {row.attname for row in rows if row.may_update} == MAY_CHANGE.get(table, ITEM)
    assert {row.may_delete for row in rows} == {table == "signing_item"}
    assert {row.may_truncate for row in rows} == {False}


@pytest.mark.parametrize(
    "statement",
    [
        "update transcript_version set snapshot = replace(snapshot, 'Lò Thị An', 'Lò Thị Em')",
        "update transcript_version set content_sha256 = repeat('0', 64)",
        "update transcript_version set state = 'frozen', number = 2",
        "update transcript_version set student_id = (select id from student limit 1)",
        "delete from transcript_version",
        "insert into transcript_version select * from transcript_version "
        "on conflict (tenant_id, id) do update set snapshot = excluded.snapshot",
        "merge into transcript_version v using student s on s.tenant_id = v.tenant_id and s.id = v.student_id "
        "when matched then update set snapshot = ''",
        "update transcript set lookup_code = repeat('0', 32)",
        "delete from transcript",
        "update audit_event set actor_name = 'Không ai'",
        "delete from audit_event",
        "truncate transcript_version",
        "alter table transcript_version disable row level security",
        "set local role hocba_migrator",
        "set local session_replication_role = replica",
    ],
)
async def test_no_statement_changes_what_was_frozen(season: Season, statement: str) -> None:
    versions = await season.freeze()
    with pytest.raises(ProgrammingError, match=r"permission denied|must be owner"):
        async with season.school.session() as session:
            await session.execute(text(statement))
    assert await season.freeze() == versions


async def test_the_states_may_move_on(season: Season) -> None:
    version = (await season.freeze())[0]
    await season.render(version)
    await season.ask_for_signatures(version)
