"""The keeper of the public log, on the real database and store: one number each, whatever dies in between."""

import asyncio
import io
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg
import pytest
import pytest_asyncio
from litestar import Litestar

from backend.core import bucket, log_keeper, public_log, settings, signed_notes
from backend.core.bucket import StoreDown
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id
from backend.core.log_keeper import Forked, Keeper
from backend.core.signed_notes import NoteKey
from backend.tenants.schools import service as schools
from infra.embedded.stack import EmbeddedStack
from infra.transparency_check import command, notes
from infra.transparency_check.check import Whole
from tests.core.browser import Browser
from tests.factories.signing_school import profile_of


@pytest.fixture
def key(product: settings.Settings) -> NoteKey:
    found = log_keeper.key()
    assert found is not None
    return found


@pytest_asyncio.fixture(loop_scope="session")
async def dispatcher(embedded_stack: EmbeddedStack) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_dispatcher"))
    yield connection
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def keeper(dispatcher: asyncpg.Connection, key: NoteKey) -> Keeper:
    """One that has nothing left to do."""
    made = Keeper(dispatcher, key)
    await made.begin()
    while await made.round():
        pass
    return made


@pytest_asyncio.fixture(loop_scope="session")
async def owner(embedded_stack: EmbeddedStack) -> AsyncIterator[asyncpg.Connection]:
    """Who may do everything, in a transaction that is not committed."""
    connection = await asyncpg.connect(embedded_stack.postgres.url("hocba_migrator"))
    transaction = connection.transaction()
    await transaction.start()
    yield connection
    await transaction.rollback()
    await connection.close()


async def queue(count: int) -> list[bytes]:
    """So many digests of two schools, each asked for twice."""
    entries = [secrets.token_bytes(32) for _ in range(count)]
    for number in range(2):
        tenant_id = TenantId(new_id())
        await schools.open_school(tenant_id, profile_of(tenant_id, "Trường Minh Bạch"))
        async with tenant_session(tenant_id) as session:
            await public_log.queue(session, entries[number::2])
        async with tenant_session(tenant_id) as session:
            await public_log.queue(session, entries[number::2])
    return entries


async def checked(key: NoteKey) -> int:
    """What the independent checker says of what lies in the store."""
    verifier = notes.read_verifier(key.verifier)
    checkpoint = notes.read_checkpoint(await public_log.read("checkpoint"), verifier)
    whole = Whole(checkpoint, lambda path: bucket.read_all(public_log.PREFIX + path))
    return await asyncio.to_thread(whole.check)


async def places(entries: list[bytes]) -> list[int | None]:
    return [await public_log.place_of(one) for one in entries]


async def test_what_is_queued_gets_one_number_and_can_be_shown_to_be_there(
    keeper: Keeper, key: NoteKey
) -> None:
    before = await public_log.newest()
    start = before.size if before else 0
    entries = await queue(300)
    assert await public_log.proof_of(entries[0]) is None, "it waits"
    assert await keeper.round() == 300
    assert sorted(n for n in await places(entries) if n is not None) == [*range(start, start + 300)]
    assert await keeper.round() == 0
    assert await checked(key) == start + 300
    logged = await public_log.proof_of(entries[7])
    assert logged is not None
    head = public_log.head_of(logged.checkpoint)
    assert (head.size, head.origin) == (start + 300, key.name)


async def test_anybody_reads_it_at_its_addresses(keeper: Keeper, key: NoteKey, site: Litestar) -> None:
    await queue(2)
    await keeper.round()
    browser = Browser(site)
    page = await browser.get("/minh-bach")
    assert key.verifier.replace("+", "&#43;") in page.text or key.verifier in page.text
    note = await browser.http.get("/minh-bach/checkpoint")
    assert (note.status_code, note.headers["content-type"]) == (200, "text/plain; charset=utf-8")
    checkpoint = notes.read_checkpoint(note.content, notes.read_verifier(key.verifier))
    parts: dict[str, bytes] = {}

    def fetch(path: str) -> bytes:
        return parts[path]

    while True:  # the checker asks one by one, and the site answers in this loop
        try:
            assert Whole(checkpoint, fetch).check() == checkpoint.size
            break
        except KeyError as lacking:
            answer = await browser.http.get(f"/minh-bach/{lacking.args[0]}")
            assert answer.status_code == 200
            assert "immutable" in answer.headers["cache-control"]
            parts[lacking.args[0]] = answer.content
    for path in ("tile/0/999", "tile/64/000", "tile/0/..%2F..%2Fcheckpoint", "tile/t/000", "tile/entries/"):
        assert (await browser.http.get(f"/minh-bach/{path}")).status_code == 404, path


async def test_who_noted_a_checkpoint_sees_that_it_only_grew(
    keeper: Keeper, key: NoteKey, site: Litestar, tmp_path: Path
) -> None:
    await queue(3)
    await keeper.round()
    noted, proof, said = tmp_path / "checkpoint", tmp_path / "growth", io.StringIO()
    noted.write_bytes(await public_log.read("checkpoint"))
    before = notes.read_checkpoint(noted.read_bytes(), notes.read_verifier(key.verifier))
    await queue(40)
    await keeper.round()
    browser = Browser(site)
    proof.write_bytes((await browser.http.get(f"/minh-bach/noi-tiep/{before.size}")).content)
    assert command.growth(proof, key.verifier, noted, said) == command.OK, said.getvalue()
    assert f"{before.size + 40} mục nối tiếp điểm kiểm {before.size} mục" in said.getvalue()
    forged = signed_notes.Head(origin=key.name, size=before.size, root=secrets.token_bytes(32))
    noted.write_text(key.signed(forged.text()))
    assert command.growth(proof, key.verifier, noted, said) == command.FORGED
    for size in (0, before.size + 41, -1):
        assert (await browser.http.get(f"/minh-bach/noi-tiep/{size}")).status_code == 404, size


@pytest.mark.parametrize("dies_at", ["put", "replace"])
async def test_what_was_numbered_is_published_by_the_next_one(
    keeper: Keeper,
    dispatcher: asyncpg.Connection,
    key: NoteKey,
    monkeypatch: pytest.MonkeyPatch,
    dies_at: str,
) -> None:
    """The store is gone after the numbers were committed: with the tiles, or with the checkpoint alone."""
    entries = await queue(5)

    def gone(*_: object) -> None:
        raise StoreDown

    with monkeypatch.context() as patched:
        patched.setattr(bucket, dies_at, gone)
        with pytest.raises(StoreDown):
            await keeper.round()
    numbered = await places(entries)
    assert None not in numbered
    await Keeper(dispatcher, key).begin()
    assert await places(entries) == numbered
    assert await checked(key) == max(n for n in numbered if n is not None) + 1


async def test_an_older_database_takes_from_the_store_what_was_signed(
    keeper: Keeper, owner: asyncpg.Connection, key: NoteKey
) -> None:
    entries = await queue(270)
    await keeper.round()
    numbered = await places(entries)
    note = await public_log.read("checkpoint")
    await owner.execute("delete from directory.log_entry where n > 3")
    await Keeper(owner, key).begin()
    rows = await owner.fetch("select n from directory.log_entry where entry = any($1::bytea[])", entries)
    assert sorted(row["n"] for row in rows) == sorted(n for n in numbered if n is not None)
    assert await public_log.read("checkpoint") == note


@pytest.mark.parametrize(
    "forgery",
    [
        "update directory.log_entry set entry = decode(repeat('ab', 32), 'hex') where n = 1",
        "delete from directory.log_entry where n = 1",
    ],
)
async def test_a_database_that_says_something_else_signs_nothing(
    keeper: Keeper, owner: asyncpg.Connection, key: NoteKey, forgery: str
) -> None:
    await queue(3)
    await keeper.round()
    note = await public_log.read("checkpoint")
    await owner.execute(forgery)
    with pytest.raises(Forked):
        await Keeper(owner, key).begin()
    assert await public_log.read("checkpoint") == note


async def test_a_checkpoint_of_another_key_stops_the_keeper(
    keeper: Keeper, dispatcher: asyncpg.Connection, key: NoteKey
) -> None:
    stranger = NoteKey(key.name, secrets.token_bytes(32))
    with pytest.raises(Forked, match="not signed by this key"):
        await Keeper(dispatcher, stranger).begin()
    assert signed_notes.opened((await public_log.read("checkpoint")).decode(), key.verifier)
