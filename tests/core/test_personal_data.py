"""Each column says what it tells about people, and each table that does, why and for how long."""

import asyncpg
from sqlalchemy import Column, Integer, String, Table, Uuid

from backend.core import personal_data, settings
from backend.core.data_register import DIRECTORY, holdings, register
from backend.core.personal_data import MONTHS, DataKind, Ground, Keep, holding
from backend.tables import metadata
from infra.embedded.stack import EmbeddedStack


def unclassified(tables: list[Table]) -> list[str]:
    """Columns without a kind, and kinds of columns that do not exist; keys and references are ids, and say nothing."""
    found = []
    for table in tables:
        named = table.info["holding"].kinds if "holding" in table.info else {}
        said = {column.name for column in table.columns if not isinstance(column.type, Uuid)}
        found += [f"{table.name}.{name}" for name in said ^ set(named)]
    return sorted(found)


def test_every_column_says_its_kind() -> None:
    assert unclassified(list(metadata.tables.values())) == []


def test_a_column_that_nobody_classified_is_named() -> None:
    table = Table("planted", metadata, Column("id", Uuid), Column("shoe_size", Integer))
    try:
        assert unclassified([table]) == ["planted.shoe_size"]
        table.info |= holding(personal="shoe_size", internal="gone")
        assert unclassified([table]) == ["planted.gone"]
    finally:
        metadata.remove(table)


def test_what_is_kept_about_people_has_reason_and_end() -> None:
    found = register()
    assert {"student", "mark", "staff_member", "audit_event", "transcript_version"} <= set(found)
    for name, one in found.items():
        assert one.title, name
        assert one.purpose, name
        assert isinstance(one.ground, Ground), name
        assert isinstance(one.keep, Keep), name
    assert set(MONTHS) == set(Keep)


def test_pupils_are_never_merely_internal() -> None:
    """The names by which people are known, wherever a table has them."""
    telling = {"full_name", "actor_name", "signer_name", "email", "date_of_birth", "personal_id", "label"}
    for table in metadata.tables.values():
        for column in table.columns:
            if column.name in telling and isinstance(column.type, String):
                kind = holdings()[table.key].kinds[column.name]
                assert kind in (DataKind.PERSONAL, DataKind.SENSITIVE), (table.name, column.name)


async def test_so_does_every_column_before_the_fence(
    product: settings.Settings, embedded_stack: EmbeddedStack
) -> None:
    owner = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    rows = await owner.fetch(
        "select c.relname, a.attname from pg_attribute a join pg_class c on c.oid = a.attrelid"
        " where c.relnamespace = 'directory'::regnamespace and c.relkind in ('r', 'p')"
        " and a.attnum > 0 and not a.attisdropped and a.atttypid <> 'uuid'::regtype"
    )
    await owner.close()
    there: dict[str, set[str]] = {name: set() for name in DIRECTORY}
    for row in rows:
        there.setdefault(f"directory.{row['relname']}", set()).add(row["attname"])
    assert there == {name: set(holdings()[name].kinds) for name in DIRECTORY}


def test_kinds_have_names() -> None:
    assert personal_data.KIND_NAMES.keys() == set(DataKind)
