"""A school binds its Authority: what it fills in, what it never sees again, and messages that go where they began."""

from collections.abc import AsyncIterator, Iterator

import msgspec
import pytest
import pytest_asyncio
from litestar import Litestar
from sqlalchemy import text

from backend.core import http_client, settings, vault
from backend.core.errors import Conflict, Invalid
from backend.integrations.authorities import service as authorities
from backend.integrations.authorities.schemas import TRIAL_NAMES, Trial
from backend.integrations.connections.pages import TONES
from backend.integrations.deliveries import service as deliveries
from backend.integrations.deliveries.schemas import DeliveryState
from backend.integrations.profiles import catalog
from backend.remote_signing.accounts import service as accounts
from tests.core.site_fixtures import product, site
from tests.factories.issued_versions import issue
from tests.factories.machine import Machine
from tests.factories.signing_school import PRODUCTION, changed_settings
from tests.factories.small_school import SmallSchool, open_small_school
from tests.fakes.processes import Province, start_province

__all__ = ["product", "site"]

HA_NOI = "vn.ha-noi.hocba/1"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def ha_noi(
    product: settings.Settings, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Province]:
    with start_province(
        tmp_path_factory.mktemp("ha-noi"), catalog.path_of(HA_NOI), processing=0.05
    ) as running:
        yield running
    await http_client.aclose()


@pytest.fixture
def offered(ha_noi: Province) -> Iterator[None]:
    with changed_settings(HOCBA_AUTHORITY_URLS=f"{HA_NOI}={ha_noi.url}"):
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def school(product: settings.Settings, offered: None) -> SmallSchool:
    opened = await open_small_school()
    async with opened.session() as session:
        await opened.open_class(session, "4A", 4)
    return opened


def filled_in(authority: Province) -> dict[str, str]:
    """The form as the school fills it in."""
    bound = authority.settings()
    return {
        "ho_so": HA_NOI,
        **{f"tham_so.{name}": value for name, value in bound["parameters"].items()},
        **{f"bi_mat.{name}": value for name, value in bound["secrets"].items()},
    }


async def test_a_school_binds_and_its_transcripts_go_there(
    site: Litestar, school: SmallSchool, ha_noi: Province
) -> None:
    browser = await school.browser(site, "it")
    await browser.get("/ket-noi-so")
    shown = (await browser.get(f"/ket-noi-so?ho_so={HA_NOI}")).text
    assert "Mã kết nối do Sở cấp" in shown
    assert "là mẫu, chưa được cơ quan tiếp nhận xác nhận" in shown
    form = filled_in(ha_noi)
    assert (await browser.post("/ket-noi-so", form)).status_code in (200, 303)
    [version_id] = await issue(school.tenant_id)
    await Machine(school.tenant_id).rest()
    page = (await browser.get("/ket-noi-so")).text
    assert "Kết nối được" in page
    assert "Nộp học bạ của học sinh đã hoàn thành năm học" in page
    assert form["bi_mat.client_secret"] not in page
    async with school.session() as session:
        [found] = await deliveries.of_version(session, version_id)
        assert (found.authority, found.state) == (HA_NOI, DeliveryState.ACCEPTED)
        kept = (await session.execute(text("select secrets, parameters::text from authority_binding"))).one()
    assert form["bi_mat.client_secret"].encode() not in bytes(kept.secrets)
    assert form["bi_mat.client_secret"] not in kept.parameters
    listed = ha_noi.get("/sandbox/documents")["documents"]
    assert [one["messageId"] for one in listed].count(found.message_id) == 1


async def test_a_refused_secret_is_said_on_the_page(
    site: Litestar, school: SmallSchool, ha_noi: Province
) -> None:
    browser = await school.browser(site, "it")
    await browser.get("/ket-noi-so")
    await browser.post("/ket-noi-so", filled_in(ha_noi) | {"bi_mat.client_secret": "sai"})
    await Machine(school.tenant_id).rest()
    assert "Cơ quan tiếp nhận từ chối khóa kết nối" in (await browser.get("/ket-noi-so")).text


async def test_an_authority_that_is_not_there_is_said_on_the_page(
    site: Litestar, school: SmallSchool, ha_noi: Province
) -> None:
    browser = await school.browser(site, "it")
    await browser.get("/ket-noi-so")
    with changed_settings(HOCBA_AUTHORITY_URLS=f"{HA_NOI}=http://127.0.0.1:9"):
        await browser.post("/ket-noi-so", filled_in(ha_noi))
        await Machine(school.tenant_id).rest()
        assert "Không kết nối được cơ quan tiếp nhận" in (await browser.get("/ket-noi-so")).text


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"bi_mat.client_secret": ""}, "Khóa kết nối do Sở cấp: chưa điền"),
        ({"tham_so.client_id": "x"}, "Mã kết nối do Sở cấp: không đúng dạng"),
        ({"bi_mat.client_secret": "khóa"}, "Khóa kết nối do Sở cấp: có ký tự lạ"),
        ({"bi_mat.client_secret": "k" * 20_000}, "Khóa kết nối do Sở cấp: có ký tự lạ hoặc quá dài"),
        ({"ho_so": "vn.ninh-binh.hocba/1"}, "không có trong danh sách"),
        ({"ho_so": "../../etc/passwd"}, "không có trong danh sách"),
    ],
)
async def test_what_is_filled_in_wrongly_is_named_and_nothing_is_bound(
    site: Litestar, school: SmallSchool, ha_noi: Province, change: dict[str, str], said: str
) -> None:
    browser = await school.browser(site, "it")
    await browser.get("/ket-noi-so")
    answer = await browser.post("/ket-noi-so", filled_in(ha_noi) | change)
    assert answer.status_code == 422
    assert said in answer.text
    async with school.session() as session:
        assert await authorities.open_binding(session) is None


async def test_messages_keep_to_the_profile_with_which_they_began(
    school: SmallSchool, ha_noi: Province
) -> None:
    bound = ha_noi.settings()
    async with school.session() as session:
        await authorities.bind(
            session, await school.actor(session, "it"), HA_NOI, bound["parameters"], bound["secrets"]
        )
    [version_id] = await issue(school.tenant_id)
    async with school.session() as session:
        await deliveries.open_deliveries(session, [version_id])
        await authorities.bind(
            session,
            await school.actor(session, "it"),
            authorities.SANDBOX_PROFILE,
            {},
            {"api_key": "another"},
        )
        assert (await authorities.bound_authority(session)).profile == authorities.SANDBOX_PROFILE
        assert (await authorities.authority_of(session, HA_NOI)).endpoint.secrets == bound["secrets"]
    await Machine(school.tenant_id).rest()
    async with school.session() as session:
        [found] = await deliveries.of_version(session, version_id)
        assert (found.authority, found.state) == (HA_NOI, DeliveryState.ACCEPTED)


async def test_a_secret_left_empty_stays_as_it_was(school: SmallSchool, ha_noi: Province) -> None:
    bound = ha_noi.settings()
    async with school.session() as session:
        who = await school.actor(session, "it")
        await authorities.bind(session, who, HA_NOI, bound["parameters"], bound["secrets"])
        await authorities.bind(session, who, HA_NOI, {"client_id": "truong-khac"}, {})
        authority = await authorities.bound_authority(session)
    assert authority.endpoint.secrets == bound["secrets"]
    assert authority.endpoint.parameters == {"client_id": "truong-khac"}
    assert authority.endpoint.secrets["client_secret"] not in repr(authority)


async def test_what_another_school_sealed_does_not_open_here(school: SmallSchool, ha_noi: Province) -> None:
    bound, other = ha_noi.settings(), await open_small_school()
    for one in (school, other):
        async with one.session() as session:
            await authorities.bind(
                session, await one.actor(session, "it"), HA_NOI, bound["parameters"], bound["secrets"]
            )
    async with other.session() as session:
        sealed = (await session.execute(text("select secrets from authority_binding"))).scalar_one()
    async with school.session() as session:
        # The application cannot rewrite what was bound, so the stolen bytes come as a binding of their own.
        await session.execute(text("update authority_binding set ended_at = now()"))
        await session.execute(
            text(
                "insert into authority_binding (tenant_id, id, profile, parameters, secrets, bound_at) "
                "values (ctx.tenant(), gen_random_uuid(), :profile, '{}', :sealed, now())"
            ),
            {"profile": HA_NOI, "sealed": sealed},
        )
        with pytest.raises(Conflict, match="không mở được nữa"):
            await authorities.bound_authority(session)


async def test_what_is_bound_is_closed_under_the_key_of_the_school(
    school: SmallSchool, ha_noi: Province
) -> None:
    bound = ha_noi.settings()
    async with school.session() as session:
        who = await school.actor(session, "it")
        await authorities.bind(session, who, HA_NOI, bound["parameters"], bound["secrets"])
        await session.flush()
        row = (await session.execute(text("select key_id, secrets, profile from authority_binding"))).one()
        with pytest.raises(vault.Unsealable):
            vault.unseal(row.secrets, f"authority {school.tenant_id} {HA_NOI}")
        await accounts.rotate(session, who)
    await Machine(school.tenant_id).rest()
    async with school.session() as session:
        after = (await session.execute(text("select key_id, secrets from authority_binding"))).one()
        assert after.key_id not in (None, row.key_id)
        assert after.secrets != row.secrets
        assert (await authorities.bound_authority(session)).endpoint.secrets == bound["secrets"]


async def test_what_was_closed_under_the_key_of_the_product_opens_and_gets_the_key_of_the_school(
    school: SmallSchool, ha_noi: Province
) -> None:
    bound = ha_noi.settings()
    sealed = vault.seal(msgspec.json.encode(bound["secrets"]), f"authority {school.tenant_id} {HA_NOI}")
    async with school.session() as session:
        await session.execute(
            text(
                "insert into authority_binding (tenant_id, id, profile, parameters, secrets, bound_at) "
                "values (ctx.tenant(), gen_random_uuid(), :profile, '{}', :sealed, now())"
            ),
            {"profile": HA_NOI, "sealed": sealed},
        )
        assert (await authorities.bound_authority(session)).endpoint.secrets == bound["secrets"]
        await accounts.rotate(session, await school.actor(session, "it"))
    await Machine(school.tenant_id).rest()
    async with school.session() as session:
        assert (await session.execute(text("select key_id from authority_binding"))).scalar_one()
        assert (await authorities.bound_authority(session)).endpoint.secrets == bound["secrets"]


async def test_in_production_a_school_without_a_binding_sends_nothing(school: SmallSchool) -> None:
    async with school.session() as session:
        assert (await authorities.bound_authority(session)).profile == authorities.SANDBOX_PROFILE
        with changed_settings(HOCBA_ENVIRONMENT="production", **PRODUCTION):
            with pytest.raises(Conflict, match="chưa kết nối cơ quan tiếp nhận"):
                await authorities.bound_authority(session)
            assert await authorities.name_of_current(session) == "Trường chưa kết nối cơ quan tiếp nhận"
            assert authorities.offered() == []
            with pytest.raises(Invalid):
                await authorities.bind(session, await school.actor(session, "it"), HA_NOI, {}, {})


@pytest.mark.parametrize("who", ["clerk", "homeroom", "principal"])
async def test_nobody_else_sees_the_connection(site: Litestar, school: SmallSchool, who: str) -> None:
    browser = await school.browser(site, who)
    assert (await browser.get("/ket-noi-so")).status_code == 403
    assert (await browser.post("/ket-noi-so/thu", {})).status_code == 403


def test_every_trial_has_words() -> None:
    assert set(TRIAL_NAMES) == set(TONES) == set(Trial)
