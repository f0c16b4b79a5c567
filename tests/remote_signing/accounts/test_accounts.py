"""A school's own accounts at providers: closed under its key, changed by two, used for its calls, shown to nobody."""

import io
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from backend.core import clock, settings, vault
from backend.core.actor import SignIn, machine
from backend.core.database import TenantId, tenant_session
from backend.core.errors import Conflict
from backend.remote_signing.accounts import command, service
from backend.remote_signing.accounts.models import ProviderAccount, SecretKey
from backend.remote_signing.accounts.schemas import OwnValues
from backend.remote_signing.credentials import service as credentials
from backend.remote_signing.providers import gateway
from backend.remote_signing.providers.port import SANDBOX
from backend.remote_signing.requests.rules import BatchState
from backend.tenants.factors.schemas import Factor
from backend.tenants.people import service as people
from backend.tenants.permissions import Role
from tests.core.site_fixtures import open_test_school
from tests.factories.machine import Machine
from tests.factories.signing_school import PRINCIPAL, TEACHER, SigningSchool, changed_settings
from tests.fakes.processes import SigningService
from tests.remote_signing.credentials.test_pages import Desk
from tests.remote_signing.requests.test_faults import calls_of
from tests.tenancy.rows import TABLES, named

OWN, AT = "cua_truong", "/chung-thu/ket-noi"
SECRET = "bi-mat-chi-truong-biet-5f1c"


@pytest.fixture(autouse=True)
def declared(signing: SigningService, tmp_path: Path) -> Iterator[None]:
    """A provider at which every school needs an account of its own: the sandbox under another name."""
    path = tmp_path / "providers.toml"
    path.write_text(
        f'[[provider]]\nname = "{OWN}"\nkind = "csc_v2"\nlabel = "Nơi ký riêng"\nbase_url = "{signing.url}"\n'
        'capabilities = { repeat = "idempotent", poll_interval = 0.5 }\n'
    )
    with changed_settings(HOCBA_SIGNING_PROVIDERS=str(path)):
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def desk(site: Litestar) -> Desk:
    return Desk(site, await open_test_school("Trường Có Tài Khoản"))


def typed(secret: str = SECRET) -> dict[str, str]:
    return {"client_id": "truong-1", "client_secret": secret, "ly_do": "Hợp đồng mới"}


async def stored(tenant_id: uuid.UUID) -> list[ProviderAccount]:
    async with tenant_session(TenantId(tenant_id), read_only=True) as session:
        return list(await session.scalars(select(ProviderAccount).order_by(ProviderAccount.added_at)))


async def values(tenant_id: uuid.UUID) -> OwnValues:
    async with tenant_session(TenantId(tenant_id), read_only=True) as session:
        return await service.values_of(session, OWN)


async def everything(tenant_id: uuid.UUID) -> str:
    """Every row of the school, in every table, as text."""
    parts = " union all ".join(f"select t::text from {named(table)} t" for table in TABLES)
    async with tenant_session(TenantId(tenant_id), read_only=True) as session:
        return "\n".join(await session.scalars(text(parts)))


async def give(desk: Desk, form: dict[str, str]) -> None:
    """Asked for by one person, approved by another."""
    asker = await desk.browser(Role.IT_TEACHER)
    await asker.get(AT)
    assert (await asker.post(f"{AT}/nha-cung-cap/{OWN}", form)).status_code == 303
    assert (await desk.approve(Role.PRINCIPAL)).status_code == 303


async def test_it_is_written_by_two_and_read_by_nobody(desk: Desk) -> None:
    asker, tenant_id = await desk.browser(Role.IT_TEACHER), desk.school.tenant_id
    await asker.get(AT)
    empty = await asker.post(f"{AT}/nha-cung-cap/{OWN}", {"client_id": "truong-1", "client_secret": " "})
    assert empty.status_code == 422
    assert "đang trống" in empty.text
    assert 'value="truong-1"' in empty.text
    late = await asker.post(f"{AT}/nha-cung-cap/{OWN}", typed() | {"ly_do": ""})
    assert late.status_code == 422
    assert SECRET not in late.text
    assert await stored(tenant_id) == []
    assert (await asker.post(f"{AT}/nha-cung-cap/{OWN}", typed())).status_code == 303
    assert (await values(tenant_id)).by_field == {}, "used before a second person approved"
    approver = await desk.browser(Role.PRINCIPAL)
    shown = (await approver.get("/duyet")).text
    assert "truong-1" in shown
    assert SECRET not in shown
    assert (await desk.approve(Role.PRINCIPAL)).status_code == 303
    own = await values(tenant_id)
    assert own.by_field == {"client_id": "truong-1", "client_secret": SECRET}
    assert SECRET not in repr(own)
    assert SECRET not in (await asker.get(AT)).text
    kept = await everything(tenant_id)
    assert SECRET not in kept
    assert SECRET.encode().hex() not in kept


async def test_what_is_over_keeps_no_secret(desk: Desk) -> None:
    tenant_id = desk.school.tenant_id
    await give(desk, typed("cu"))
    asker = await desk.browser(Role.IT_TEACHER)
    await asker.get(AT)
    assert (await asker.post(f"{AT}/nha-cung-cap/{OWN}", typed("khong-duyet"))).status_code == 303
    [waiting] = await desk.waiting()
    refused = await (await desk.browser(Role.PRINCIPAL)).post(
        f"/duyet/{waiting.id}/tu-choi", {"ly_do": "Sai"}
    )
    assert refused.status_code == 303
    await give(desk, typed("moi"))
    assert (await values(tenant_id)).by_field["client_secret"] == "moi"
    found = [(one.state, bool(one.sealed_values)) for one in await stored(tenant_id)]
    assert found == [("replaced", False), ("dropped", False), ("active", True)]


async def test_rotation_closes_everything_under_a_new_key(desk: Desk) -> None:
    tenant_id = desk.school.tenant_id
    await give(desk, typed())
    [before] = await stored(tenant_id)
    manager = await desk.browser(Role.OWNER)
    await manager.get(AT)
    assert (await manager.post(f"{AT}/doi-khoa")).status_code == 303
    [after] = await stored(tenant_id)
    assert before.key_id != after.key_id
    assert before.sealed_values != after.sealed_values
    said = io.StringIO()
    assert await command.rotate([tenant_id], said) == command.DONE
    assert "niêm phong lại 1 tài khoản" in said.getvalue()
    assert (await stored(tenant_id))[0].key_id != after.key_id
    assert (await values(tenant_id)).by_field["client_secret"] == SECRET


async def test_after_another_product_secret_it_opens_with_the_old_one_until_it_is_rotated(desk: Desk) -> None:
    tenant_id, old = desk.school.tenant_id, settings.get().secret_key
    await give(desk, typed())
    async with tenant_session(tenant_id, read_only=True) as session:
        key = await session.scalar(select(SecretKey))
        [row] = await stored(tenant_id)
    assert key is not None
    purposes = f"secret key {tenant_id} {key.id}", f"provider account {row.id}"
    with changed_settings(HOCBA_SECRET_KEY="x" * 64, HOCBA_OLD_SECRET_KEY=old):
        assert SECRET.encode() in vault.unseal_under(
            key.sealed_key, purposes[0], row.sealed_values, purposes[1]
        )
    with changed_settings(HOCBA_SECRET_KEY="x" * 64), pytest.raises(vault.Unsealable):
        vault.unseal_under(key.sealed_key, purposes[0], row.sealed_values, purposes[1])
    for wrong in ((purposes[0], "provider account 1"), ("secret key 1", purposes[1])):
        with pytest.raises(vault.Unsealable):
            vault.unseal_under(key.sealed_key, wrong[0], row.sealed_values, wrong[1])


async def test_what_does_not_open_is_said_and_nothing_is_rotated(desk: Desk) -> None:
    tenant_id = desk.school.tenant_id
    await give(desk, typed())
    async with tenant_session(tenant_id) as session:
        await session.execute(text("update provider_account set sealed_values = 'x'"))
    with pytest.raises(Conflict, match="không còn mở được"):
        await values(tenant_id)
    said = io.StringIO()
    assert await command.rotate([tenant_id], said) == command.IN_THE_WAY
    async with tenant_session(tenant_id, read_only=True) as session:
        assert len((await session.scalars(select(SecretKey))).all()) == 1


async def test_the_database_lets_the_application_change_no_key(desk: Desk) -> None:
    await give(desk, typed())
    for statement in ("update secret_key set sealed_key = 'x'", "delete from provider_account"):
        async with tenant_session(desk.school.tenant_id) as session:
            with pytest.raises(DBAPIError, match="permission denied"):
                await session.execute(text(statement))
            await session.rollback()


async def test_the_calls_of_a_school_go_out_in_its_own_account(
    school: SigningSchool, signing: SigningService
) -> None:
    """Without it, nothing is sent and the documents are in the tray again, with what is missing."""
    signing.enrol("rieng", "Trường Ký Thử rieng")
    [found] = await gateway.credentials_at(SANDBOX, "rieng")
    async with tenant_session(school.tenant_id) as session:
        by, holder = machine(school.tenant_id), school.staff[TEACHER]
        await credentials.enrol(session, by, found, provider=OWN, account="rieng", staff_id=holder)
    await school.ask(1)
    batch_id = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    progress = await school.progress(TEACHER, batch_id)
    assert progress.state == BatchState.PARTIAL
    assert "còn thiếu" in (progress.problem or "")
    assert await school.waiting(TEACHER) == 1
    await fill_in(school, signing.account("").parameters)
    batch_id = await school.consent(TEACHER)
    await Machine(school.tenant_id).rest()
    assert (await school.progress(TEACHER, batch_id)).state == BatchState.COMPLETED
    [call] = await calls_of(school, batch_id)
    assert signing.ledger(call.id.hex)["count"] == 2, "PDF and XML"


async def fill_in(school: SigningSchool, given: Mapping[str, str]) -> None:
    """The principal asks, and there is an owner who could approve; then it is approved."""
    asker = await school.actor(PRINCIPAL)
    async with tenant_session(school.tenant_id) as session:
        by = machine(school.tenant_id)
        await people.add_staff(session, by, "Chủ trường", "chu@truong.example", "", [Role.OWNER])
    async with tenant_session(school.tenant_id) as session:
        request = await service.propose(session, asker, sign_in_of(), OWN, given, "Hợp đồng mới")
        await service.activate(session, asker, request.facts)


def sign_in_of() -> SignIn:
    """Of an account that is nobody else's."""
    return SignIn(
        session_id=uuid.uuid4(),
        held="",
        account_id=uuid.uuid4(),
        factor=Factor.PASSKEY,
        verified_at=clock.now(),
    )
