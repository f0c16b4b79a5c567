"""The owner of the demo's schools, however often a start was cut short."""

from backend.core import settings
from backend.core.actor import Browser
from backend.core.database import tenant_session
from backend.tenants.access import service as access
from backend.tenants.people import service as people
from infra.demo import contract
from tests.core.site_fixtures import open_test_school


async def test_one_owner_of_all_schools_however_often_it_is_asked_for(product: settings.Settings) -> None:
    schools = [(await open_test_school(name)).tenant_id for name in ("Trường Một", "Trường Hai")]
    for asked in (schools[:1], schools, schools):
        await contract.own_all(asked, "hoc-ba-so-2026")
    for tenant_id in schools:
        async with tenant_session(tenant_id, read_only=True) as session:
            staff = await people.list_staff(session)
        assert len([one for one in staff if one.email == contract.CHAIN_LOGIN]) == 1
    browser = Browser(host="127.0.0.1", network="127.0.0.0/24")
    account = await access.prove(contract.CHAIN_LOGIN, "hoc-ba-so-2026", browser)
    assert {place.tenant_id for place in await access.places_of(account)} == {*schools}
