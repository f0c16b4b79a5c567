"""The site on real servers, and browsers of people who are signed in: fixtures for tests of pages."""

import asyncio
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
from argon2 import PasswordHasher
from litestar import Litestar

from backend import cli
from backend.app import ROUTES, create_app
from backend.core import bucket, database, lookups, rate_limit, settings
from backend.core.actor import StaffId, machine
from backend.core.database import TenantId, tenant_session
from backend.core.ids import new_id
from backend.tenants.access import passwords
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from backend.tenants.permissions import ROLE_NAMES, Role
from backend.tenants.schools import service as schools
from backend.tenants.schools.schemas import SchoolLevel, SchoolProfile
from infra.embedded.stack import EmbeddedStack
from tests.core.browser import Browser
from tests.core.probes import PROBES
from tests.factories.machine import let_connections_go
from tests.fakes.radosgw import Gateway, start_gateway

PASSWORD = "mat-khau-thu-nghiem"
#: What the stack does not know because nothing in these tests talks to it.
_ELSEWHERE = {"HOCBA_PROVINCE_API_KEY": "khong-dung"}
#: No e-mail server runs beside these tests; those of e-mails start their own.
_NO_MAIL = {"HOCBA_MAIL_URL": ""}
#: One person of a test asks more in a minute than a hundred do; tests of the limits set it to 1.
_IN_A_HURRY = {"HOCBA_ROUTE_LIMIT_FACTOR": "1000"}


#: The product's own hash at the least cost there is: hundreds of schools have a dozen people each. What it costs in the
#: product is held by tests/tenants/test_access.py, and journeys pay it.
_QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
#: What the product itself has: (hasher, hash of nobody).
REAL_PASSWORDS = passwords._HASHER, passwords._NOBODY


@pytest.fixture(scope="session")
def locking_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    """A store with versions and locks; `@pytest.mark.needs(*PACKAGES)` says what it wants."""
    with start_gateway(tmp_path_factory.mktemp("ceph")) as gateway:
        yield gateway


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def product(embedded_stack: EmbeddedStack) -> AsyncIterator[settings.Settings]:
    """The product's settings for the embedded stack, with the schema migrated and the bucket made."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in (_ELSEWHERE | _IN_A_HURRY | embedded_stack.environment() | _NO_MAIL).items():
            patch.setenv(name, os.environ.get(name, value) if name in _ELSEWHERE else value)
        patch.setattr(passwords, "_HASHER", _QUICK)
        patch.setattr(passwords, "_NOBODY", _QUICK.hash("không ai dùng mật khẩu này"))
        await let_go()
        assert await asyncio.to_thread(cli.main, ["migrate"]) == 0
        await asyncio.to_thread(bucket.ensure)
        yield settings.get()
        await let_go()


async def let_go() -> None:
    """Close and forget everything that was made from the settings of this process."""
    let_connections_go()
    if database.engine.cache_info().currsize:
        await database.engine().dispose()
    await lookups.close()
    if rate_limit._client.cache_info().currsize:
        await rate_limit.close()
    for remembered in (settings.get, database.engine, database._key, bucket.client):
        remembered.cache_clear()


@pytest.fixture(scope="session")
def site(product: settings.Settings) -> Litestar:
    """The site as it is deployed."""
    return create_app()


@pytest.fixture(scope="session")
def probe_site(product: settings.Settings) -> Litestar:
    """The site with a few handlers that misbehave on request."""
    return create_app([*ROUTES, *PROBES])


@dataclass
class TestSchool:
    """A school with one person in each role; the login of each is `<role>@<tenant>.example`."""

    __test__ = False

    tenant_id: TenantId
    staff: dict[Role, StaffId] = field(default_factory=dict)

    def login(self, role: Role) -> str:
        """The login of the person in that role; the password is PASSWORD."""
        return f"{role}@{self.tenant_id.hex}.example"


async def open_test_school(name: str) -> TestSchool:
    """A new tenant, apart from every other test's."""
    school = TestSchool(TenantId(new_id()))
    profile = SchoolProfile(
        name=name,
        code=school.tenant_id.hex[:8],
        tax_code="0100000000",
        province_code="01",
        province="Hà Nội",
        ward="Phường Thử Nghiệm",
        levels=(SchoolLevel.PRIMARY,),
    )
    await schools.open_school(school.tenant_id, profile)
    async with tenant_session(school.tenant_id) as session:
        for role in Role:
            asker = machine(school.tenant_id)
            login = school.login(role)
            staff = await people.add_staff(session, asker, f"Cô {ROLE_NAMES[role]}", login, "", [role])
            await access.create_account(session, staff, login, PASSWORD)
            school.staff[role] = staff
    return school


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def school(product: settings.Settings) -> TestSchool:
    """One school for tests that leave it as it was."""
    return await open_test_school("Trường Tiểu học Thử Nghiệm")


@pytest.fixture
def stranger(site: Litestar) -> Browser:
    """A browser in which nobody is signed in."""
    return Browser(site)


@pytest_asyncio.fixture(loop_scope="session")
async def principal(site: Litestar, school: TestSchool) -> Browser:
    """A browser in which the principal of `school` is signed in."""
    return await signed_in(site, school, Role.PRINCIPAL)


@pytest_asyncio.fixture(loop_scope="session")
async def probe_principal(probe_site: Litestar, school: TestSchool) -> Browser:
    """The principal of `school` on the site with the handlers that misbehave."""
    return await signed_in(probe_site, school, Role.PRINCIPAL)


async def signed_in(app: Litestar, school: TestSchool, role: Role) -> Browser:
    """A browser in which the person in `role` is signed in, through the form like everybody."""
    browser = Browser(app)
    answer = await browser.sign_in(school.login(role), PASSWORD)
    assert answer.status_code == 303, answer.text
    return browser
